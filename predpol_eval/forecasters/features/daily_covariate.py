"""Numbers per day, such as the weather, each with the moment from which it was known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import Span, TimeArray, localise, moment, span, to_wall
from predpol_eval.errors import InputError, row_list
from predpol_eval.fingerprints import fingerprint_of
from predpol_eval.forecasters.features.asked import Answer, Asked, FloatArray
from predpol_eval.forecasters.features.calendar_days import civil_days

if TYPE_CHECKING:
    import pandas as pd

_DAY = np.timedelta64(1, "D")
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, eq=False)
class DailyCovariate:
    """Numbers of a civil day, used as soon as they were known and never before.

    Observations (`known` is None) of a day are known when the day is over: a forecast uses those of the last day that
    is over at its ``until``, whatever day it is for. Tomorrow's own weather can only be used as somebody forecast it:
    `known` then names the column with the moment at which each row was issued, and a day's numbers are those of the
    latest row for that day issued before ``until``.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per day; of forecasts one row per day and moment of issue. It is copied.
    date : str
        Column of the civil day that a row is about.
    columns : tuple of str, optional
        Columns to use; all others by default.
    known : str, optional
        Column of the moments at which the rows were issued, civil times of the crimes' zone, or with a zone of their
        own. Without it the rows are observations.
    delay : str
        How long after the end of its day an observation becomes known, for instance ``"2D"``.
    fill : {"last", "mean"}, optional
        What to use where a number or a day is missing: the last number known at the moment of the forecast (of the day
        itself or before), or the mean of those known by then. None refuses gaps.

    Raises
    ------
    InputError
        With rows, if dates or moments cannot be read, a day occurs twice, or numbers are missing.

    Examples
    --------
    >>> import pandas as pd
    >>> weather = pd.DataFrame({"date": ["2018-05-01", "2018-05-02"], "warmest": [14.5, 17.0]})
    >>> DailyCovariate(weather)
    DailyCovariate(2 days from 2018-05-01 to 2018-05-02, columns=('warmest',))
    """

    frame: Any = field(repr=False)
    date: str = "date"
    columns: tuple[str, ...] | None = None
    known: str | None = None
    delay: str = "0D"
    fill: Literal["last", "mean"] | None = None
    _values: FloatArray = field(init=False, repr=False, default_factory=lambda: np.empty((0, 0)))
    _issued: Any = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        import pandas as pd

        if not isinstance(self.frame, pd.DataFrame):
            raise InputError(f"Expected a pandas.DataFrame with one row per day, found {type(self.frame).__name__}.")
        if self.fill not in (None, "last", "mean"):
            raise InputError(f"fill={self.fill!r}; choose 'last', 'mean', or None to refuse gaps.")
        if span(self.delay, "delay", zero=True).nominal_days and self.known is not None:
            raise InputError("delay counts for observations; of forecasts the column named by known says it all.")
        chosen = self._chosen_columns()
        days = civil_days(self._column(self.date, "date"), f"Column {self.date!r}")
        issued = None if self.known is None else self._column(self.known, "known").reset_index(drop=True)
        if not len(days):
            raise InputError("The table of daily numbers is empty; give one row per day.")
        values = np.column_stack([_numbers(self.frame[name], name) for name in chosen])
        order = np.argsort(days, kind="stable")
        _refuse_twice(days, issued)
        if self.fill is None:
            _refuse_gaps(days, values, chosen)
        kept = pd.DataFrame({self.date: days[order].astype("datetime64[s]")})
        kept[list(chosen)] = values[order]
        if issued is not None:
            kept[self.known] = issued.to_numpy()[order] if issued.dtype.kind == "M" else list(issued.iloc[order])
            object.__setattr__(self, "_issued", tuple(_plain_moment(value) for value in kept[self.known]))
        object.__setattr__(self, "frame", kept)
        object.__setattr__(self, "columns", chosen)
        sealed = values[order]
        sealed.setflags(write=False)
        object.__setattr__(self, "_values", sealed)

    def _column(self, name: str, argument: str) -> pd.Series[Any]:
        if name not in self.frame.columns:
            raise InputError(
                f"There is no column {name!r} ({argument}); the columns are "
                f"{', '.join(repr(str(column)) for column in self.frame.columns)}."
            )
        column: pd.Series[Any] = self.frame[name]
        return column

    def _chosen_columns(self) -> tuple[str, ...]:
        if self.columns is None:
            apart = {self.date, self.known}
            chosen = tuple(str(name) for name in self.frame.columns if name not in apart)
        else:
            named: Any = self.columns  # a single name is easily given as a text
            chosen = (named,) if isinstance(named, str) else tuple(named)
        for name in chosen:
            self._column(name, "columns")
        if not chosen or len(set(chosen)) < len(chosen):
            raise InputError(f"columns={chosen!r}; name each column to use once, at least one.")
        return chosen

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each number: its column."""
        return self.columns or ()

    @property
    def daily(self) -> bool:
        """Forecasts are of a day; the last observation is the same whatever day is forecast."""
        return self.known is not None

    @property
    def days(self) -> npt.NDArray[np.datetime64]:
        """Civil day of each row, in order."""
        return np.asarray(self.frame[self.date].to_numpy().astype("datetime64[D]"))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the numbers and all that decides how they are used."""
        lag = span(self.delay, "delay", zero=True)
        issued = None if self._issued is None else tuple(str(value) for value in self._issued)
        return fingerprint_of(self.names, self.fill, lag[:2], self.days, self._values, issued)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DailyCovariate) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        first, last = self.days[[0, -1]]
        parts = [f"{len(np.unique(self.days))} days from {first} to {last}", f"columns={self.columns!r}"]
        for name, usual in (("known", None), ("delay", "0D"), ("fill", None)):
            if getattr(self, name) != usual:
                parts.append(f"{name}={getattr(self, name)!r}")
        return f"DailyCovariate({', '.join(parts)})"

    def known_from(self, tz: str) -> TimeArray:
        """The last moment, UTC, at which each row was not yet known: it is used where that is before `until`."""
        if self._issued is not None:
            told = [moment(value, tz, f"{self.known!r} of the row of {day}") for value, day in self._rows()]
            return np.array(told, dtype="datetime64[ns]")
        lag = span(self.delay, "delay", zero=True)
        over = (self.days + _DAY).astype("datetime64[ns]").astype(np.int64) + _wall(lag).astype(np.int64)
        # A day is half-open: at midnight it is over, and known.
        return localise(over.astype("datetime64[ns]"), tz).utc - np.timedelta64(1, "ns")

    def _rows(self) -> Iterator[tuple[Any, np.datetime64]]:
        return zip(self._issued, self.days, strict=True)

    def answers(self, asked: Asked) -> Iterator[Answer]:
        """The same numbers in all cells.

        Raises
        ------
        InputError
            If what should be known at a window's ``until`` is missing and nothing is filled in.
        """
        tz = asked.windows.tz
        since, days = self.known_from(tz), self.days
        untils = asked.windows.until
        wanted = asked.days if self.known is not None else self._last_over(untils, tz)
        found = [self._on(day, since < until, days, since) for day, until in zip(wanted, untils, strict=True)]
        gaps = [position for position, numbers in enumerate(found) if not np.isfinite(numbers).all()]
        if gaps:
            self._refuse(wanted[gaps], untils[gaps])
        for numbers, cells in zip(found, asked.cells, strict=True):
            yield np.repeat(numbers[:, None], len(cells), axis=1)

    def _last_over(self, untils: TimeArray, tz: str) -> npt.NDArray[np.datetime64]:
        """The last civil day whose observation should be known at each moment."""
        lag = _wall(span(self.delay, "delay", zero=True))
        back = to_wall(untils, tz).astype(np.int64) - lag.astype(np.int64)
        return np.asarray(back.astype("datetime64[ns]").astype("datetime64[D]") - _DAY)

    def _on(
        self, day: np.datetime64, known: npt.NDArray[np.bool_], days: npt.NDArray[np.datetime64], since: TimeArray
    ) -> FloatArray:
        """Numbers for one day from what was known; NaN where there is none."""
        here = np.flatnonzero(known & (days == day))
        numbers = np.full(len(self.names), np.nan)
        if here.size:
            numbers = self._values[here[np.argmax(since[here])]].copy()
        if self.fill is None or np.isfinite(numbers).all():
            return numbers
        past = np.flatnonzero(known & (days <= day)) if self.fill == "last" else np.flatnonzero(known)
        past = past[np.lexsort((since[past], days[past]))]
        for column in np.flatnonzero(~np.isfinite(numbers)):
            told = self._values[past, column]
            told = told[np.isfinite(told)]
            if told.size:
                numbers[column] = told[-1] if self.fill == "last" else told.mean()
        return numbers

    def _refuse(self, wanted: npt.NDArray[np.datetime64], untils: TimeArray) -> None:
        days = np.unique(wanted)
        named = ", ".join(str(day) for day in days[:_MOST_NAMED]) + (" ..." if len(days) > _MOST_NAMED else "")
        what = "forecast issued before the moment of the forecast" if self.known is not None else "observation"
        remedy = (
            "nothing at all was known by then, so nothing can be filled in: start later, or give earlier days"
            if self.fill is not None
            else "complete the table, or choose what to use instead: DailyCovariate(..., fill='last') or fill='mean'"
        )
        raise InputError(
            f"{self!r} has no {what} for {len(days)} of the days needed ({named}), the first for a forecast made at "
            f"{untils[0]} UTC; {remedy}."
        )


def _wall(length: Span) -> np.timedelta64:
    whole: np.timedelta64 = np.timedelta64(length.days, "D").astype("timedelta64[ns]")
    total: np.timedelta64 = whole + length.elapsed
    return total


def _numbers(column: pd.Series[Any], name: str) -> FloatArray:
    import pandas as pd

    read = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = (np.isnan(read) & column.notna().to_numpy(dtype=bool)) | np.isinf(read)
    if wrong.any():
        rows = np.flatnonzero(wrong)
        raise InputError(
            f"Column {name!r}: {len(rows)} of {len(read)} values are not finite numbers ({row_list(rows)}; the first "
            f"is {column.iloc[int(rows[0])]!r}); correct them, or leave them blank."
        )
    return np.asarray(read)


def _plain_moment(value: Any) -> Any:
    """A moment as `civil_time.moment` takes it: naive ones are civil, those with a zone stay so."""
    import pandas as pd

    if isinstance(value, str):
        return value
    return None if value is None or value is pd.NaT else pd.Timestamp(value)


def _refuse_twice(days: npt.NDArray[np.datetime64], issued: Any) -> None:
    import pandas as pd

    keys = pd.DataFrame({"day": days.astype("datetime64[s]")})
    if issued is not None:
        keys["issued"] = [str(_plain_moment(value)) for value in issued]
    twice = keys.duplicated(keep=False).to_numpy(dtype=bool)
    if twice.any():
        rows = np.flatnonzero(twice)
        what = "a day" if issued is None else "a day with the same moment of issue"
        raise InputError(
            f"{len(rows)} rows give {what} more than once ({row_list(rows)}; the first is {days[rows[0]]}); keep one "
            "row for each."
        )


def _refuse_gaps(days: npt.NDArray[np.datetime64], values: FloatArray, columns: tuple[str, ...]) -> None:
    remedy = "complete them, or choose what to use instead: DailyCovariate(..., fill='last') or fill='mean'"
    blank = ~np.isfinite(values)
    if blank.any():
        lacking = np.asarray(blank.any(axis=0))
        rows = np.flatnonzero(blank.any(axis=1))
        named = ", ".join(str(day) for day in days[rows[:_MOST_NAMED]]) + (" ..." if len(rows) > _MOST_NAMED else "")
        short = [name for name, lacks in zip(columns, lacking.tolist(), strict=True) if lacks]
        raise InputError(
            f"{len(rows)} of {len(days)} days lack a number in {', '.join(map(repr, short))} ({row_list(rows)}: "
            f"{named}); {remedy}."
        )
    present = np.unique(days)
    absent = np.setdiff1d(np.arange(present[0], present[-1] + _DAY), present)
    if absent.size:
        named = ", ".join(str(day) for day in absent[:_MOST_NAMED]) + (" ..." if absent.size > _MOST_NAMED else "")
        raise InputError(
            f"{absent.size} days between {present[0]} and {present[-1]} are missing from the table ({named}); {remedy}."
        )
