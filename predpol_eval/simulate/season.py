"""How crime rises and falls with the weekday and the time of year, by the wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray, days_between, localise, to_wall
from predpol_eval.errors import InputError

FloatArray = npt.NDArray[np.float64]
DayArray = npt.NDArray[np.datetime64]

_MONTH_DAYS = np.array([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
# Days before each month of a leap year, so that a date has the same number in every year.
_MONTH_START = np.concatenate([[0], np.cumsum(_MONTH_DAYS)[:-1]])
_LEAP_DAY = 59
_LEAP_SHARE = 97 / 400


@dataclass(frozen=True, slots=True, eq=False)
class Season:
    """Factors of the rate by weekday and by date, each 1 on average.

    Attributes
    ----------
    weekly : array of float, shape (7,)
        From Monday to Sunday.
    yearly : array of float, shape (366,)
        From 1 January to 31 December, 29 February among them.
    """

    weekly: FloatArray
    yearly: FloatArray

    @classmethod
    def read(cls, weekly: Any, yearly: Any) -> Season:
        """Check and normalise the profiles; None is flat.

        Raises
        ------
        InputError
            If there are not 7, or 12 or 366 numbers, or one is negative, infinite or missing, or all are 0.
        """
        by_day = _profile(weekly, "weekly", "7 numbers, from Monday to Sunday", (7,))
        by_date = _profile(yearly, "yearly", "12 numbers (months) or 366 (days, 29 February among them)", (12, 366))
        if by_date.size == 12:
            by_date = np.repeat(by_date, _MONTH_DAYS)
        # In 400 years there are 97 leap days.
        weight = np.ones(366)
        weight[_LEAP_DAY] = _LEAP_SHARE
        return cls(by_day / by_day.mean(), by_date / np.average(by_date, weights=weight))

    def factor(self, day: DayArray) -> FloatArray:
        """The rate on civil days, as a multiple of its long-run mean."""
        month = day.astype("datetime64[M]")
        date = _MONTH_START[month.astype(np.int64) % 12] + (day - month.astype("datetime64[D]")).astype(np.int64)
        # 1970 began on a Thursday.
        return np.asarray(self.weekly[(day.astype(np.int64) + 3) % 7] * self.yearly[date])

    def days(self, first: np.datetime64, last: np.datetime64, tz: str) -> tuple[DayArray, TimeArray, FloatArray]:
        """Civil days of ``[first, last)``, their edges in UTC, and their weights.

        The weight of a day is the time it lasts, in days of 24 hours, times its factor: the expected number of crimes
        of a long-run rate of one per day.

        Returns
        -------
        day : array of datetime64[D], shape (d,)
        edge : array of datetime64[ns], shape (d + 1,)
            From `first` to `last`.
        weight : array of float, shape (d,)
        """
        from_day, to_day = to_wall(np.array([first, last]), tz).astype("datetime64[D]")
        day = np.arange(from_day, to_day + np.timedelta64(1, "D"))
        midnight = localise(day[1:].astype("datetime64[ns]"), tz).utc
        edge = np.clip(np.concatenate([[first], midnight, [last]]).astype("datetime64[ns]"), first, last)
        length = days_between(edge[:-1], edge[1:])
        lasts = length > 0
        return day[lasts], edge[np.concatenate([[True], lasts])], (length * self.factor(day))[lasts]

    def draw(
        self, random: np.random.Generator, number: int, first: np.datetime64, last: np.datetime64, tz: str
    ) -> FloatArray:
        """Draw that many times between the two moments, in elapsed days from `first`."""
        _, edge, weight = self.days(first, last, tz)
        since = np.asarray(days_between(first, edge))
        total = np.concatenate([[0.0], np.cumsum(weight)])
        drawn = random.uniform(0.0, total[-1], number)
        # A day of weight 0 has no room between its totals, so that none is drawn in it.
        at = np.minimum(np.searchsorted(total[1:], drawn, side="right"), np.flatnonzero(weight)[-1] if number else 0)
        share = np.clip((drawn - total[at]) / weight[at], 0.0, 1.0)
        return np.asarray(since[at] + share * (since[at + 1] - since[at]))


def _profile(given: Any, what: str, expected: str, sizes: tuple[int, ...]) -> FloatArray:
    if given is None:
        return np.ones(sizes[-1])
    try:
        numbers = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} does not hold numbers ({error}); give {expected}.") from error
    if numbers.ndim != 1 or numbers.size not in sizes:
        raise InputError(f"{what} has shape {numbers.shape}; give {expected}.")
    bad = np.flatnonzero(~np.isfinite(numbers) | (numbers < 0))
    if bad.size:
        raise InputError(
            f"{what}[{bad[0]}] is {numbers[bad[0]]}; give {expected}, each of at least 0 (they are made 1 on average)."
        )
    if not numbers.any():
        raise InputError(f"{what} is 0 throughout, so that no crime could ever happen; give {expected}.")
    return numbers
