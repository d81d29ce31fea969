"""The calendar as a feature: day of the week, time of the year, holidays."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError, row_list
from predpol_eval.forecasters.features.asked import Answer, Asked

_WEEK = ("tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The civil day on which a window starts; known long before.

    Parameters
    ----------
    week : bool
        1 on the day of the week named, for Tuesday to Sunday; on Mondays all are 0.
    year : int
        How many waves a year: pairs of sine and cosine of the day of the year. Learnt on less than a year they say
        what the other months are like without having seen them; 0 leaves them out.
    holidays : tuple of str
        Civil days, such as ``("2018-12-25",)``, on which ``holiday`` is 1.

    Examples
    --------
    >>> Calendar(year=1).names[-2:]
    ('year_sin1', 'year_cos1')
    """

    week: bool = True
    year: int = 0
    holidays: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.week, bool):
            raise InputError(f"week={self.week!r}; choose True or False.")
        if isinstance(self.year, bool) or not isinstance(self.year, int) or not 0 <= self.year <= 12:
            raise InputError(f"year={self.year!r}; give a number of waves a year from 0 to 12.")
        object.__setattr__(self, "holidays", tuple(str(day) for day in civil_days(self.holidays, "holidays")))
        if not self.names:
            raise InputError("Calendar(week=False, year=0) says nothing; ask for the week, the year or holidays.")

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each number."""
        waves = tuple(f"year_{wave}{k}" for k in range(1, self.year + 1) for wave in ("sin", "cos"))
        return (_WEEK if self.week else ()) + waves + (("holiday",) if self.holidays else ())

    @property
    def daily(self) -> bool:
        """It differs from day to day."""
        return True

    def answers(self, asked: Asked) -> Iterator[Answer]:
        """The same numbers in all cells."""
        free = np.array(self.holidays, dtype="datetime64[D]")
        for day, cells in zip(asked.days, asked.cells, strict=True):
            numbers: list[float] = []
            if self.week:
                weekday = int((day.astype(np.int64) + 3) % 7)  # 1970-01-01 was a Thursday; Monday is 0
                numbers += [float(weekday == number) for number in range(1, 7)]
            first = day.astype("datetime64[Y]").astype("datetime64[D]")
            length = (day.astype("datetime64[Y]") + 1).astype("datetime64[D]") - first
            turn = 2 * np.pi * float((day - first) / length)
            for k in range(1, self.year + 1):
                numbers += [float(np.sin(k * turn)), float(np.cos(k * turn))]
            if self.holidays:
                numbers.append(float((free == day).any()))
            yield np.repeat(np.array(numbers)[:, None], len(cells), axis=1)


def civil_days(values: Any, what: str) -> npt.NDArray[np.datetime64]:
    """Read civil days, or refuse them with their rows.

    Raises
    ------
    InputError
        If one is missing or is no date, or has a time of day other than midnight.
    """
    column = [values] if isinstance(values, str) else list(values)
    days = np.array([_civil_day(value) for value in column], dtype="datetime64[D]")
    wrong = np.isnat(days)
    if wrong.any():
        rows = np.flatnonzero(wrong)
        raise InputError(
            f"{what}: {len(rows)} of {len(column)} are not civil days ({row_list(rows)}; the first is "
            f"{column[int(rows[0])]!r}); give dates such as '2018-05-01', without a time of day or zone (of another "
            "form, read them first with pandas.to_datetime(..., format=...))."
        )
    return days


def _civil_day(value: Any) -> np.datetime64:
    """The day of an ISO date or of a date-like object at midnight; NaT where it is neither."""
    import pandas as pd

    missing = np.datetime64("NaT", "D")
    text = isinstance(value, str)
    if text and re.fullmatch(r"\s*\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?)?\s*", value, re.ASCII) is None:
        return missing
    if not text and not isinstance(value, datetime.date | np.datetime64):
        return missing
    try:
        stamp = pd.Timestamp(value.strip() if isinstance(value, str) else value)
    except ValueError:
        return missing
    if pd.isna(stamp) or stamp.tzinfo is not None or stamp != stamp.normalize():
        return missing
    day: np.datetime64 = stamp.to_datetime64().astype("datetime64[D]")
    return day
