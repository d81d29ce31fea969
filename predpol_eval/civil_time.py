"""Wall clocks and UTC: the only place where time zones are applied.

Times are stored as UTC ``datetime64[ns]``; days and windows are those of the wall clock of a place.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError

TimeArray = npt.NDArray[np.datetime64]
BoolArray = npt.NDArray[np.bool_]
Ambiguous = Literal["raise", "earlier", "later"]
Nonexistent = Literal["raise", "shift_forward"]

NANOSECONDS_PER_DAY = 86_400_000_000_000


class Localised(NamedTuple):
    """UTC times, and which wall-clock times a clock change repeats or skips."""

    utc: TimeArray
    ambiguous: BoolArray
    nonexistent: BoolArray


def check_zone(tz: Any) -> str:
    """Name of an IANA time zone; anything else is refused.

    Examples
    --------
    >>> check_zone("Europe/London")
    'Europe/London'
    """
    from zoneinfo import ZoneInfo

    if not isinstance(tz, str) or not tz:
        raise InputError(f"The time zone is {tz!r}; give the IANA name of the place, for instance tz='Europe/London'.")
    try:
        ZoneInfo(tz)
    except (ValueError, OSError, KeyError) as error:
        raise InputError(
            f"{tz!r} is not an IANA time zone; give a name such as tz='Europe/London' or tz='America/Toronto'."
        ) from error
    return tz


def localise(
    wall: TimeArray, tz: str, *, ambiguous: Ambiguous = "earlier", nonexistent: Nonexistent = "shift_forward"
) -> Localised:
    """Turn wall-clock times into UTC.

    Parameters
    ----------
    wall : array of datetime64
        Wall-clock times without a zone; NaT stays NaT.
    tz : str
        IANA zone.
    ambiguous : {"earlier", "later", "raise"}
        Which of the two moments a repeated time means; ``"raise"`` leaves the earlier one for the caller to refuse.
    nonexistent : {"shift_forward", "raise"}
        Skipped times move to the first moment after the change.

    Returns
    -------
    Localised
        The UTC times and the two masks, each of the shape of `wall`.

    Examples
    --------
    >>> localise(np.array(["2018-07-01T12:00"], "datetime64[ns]"), "Europe/London").utc
    array(['2018-07-01T11:00:00.000000000'], dtype='datetime64[ns]')
    """
    import pandas as pd

    index = pd.DatetimeIndex(np.asarray(wall, dtype="datetime64[ns]").ravel())
    first = np.full(len(index), ambiguous != "later")
    shifted = index.tz_localize(tz, ambiguous=first, nonexistent="shift_forward")
    missing = index.isna()
    repeated = index.tz_localize(tz, ambiguous="NaT", nonexistent="shift_forward").isna() & ~missing
    skipped = index.tz_localize(tz, ambiguous=first, nonexistent="NaT").isna() & ~missing
    utc = shifted.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]")
    return Localised(utc.reshape(wall.shape), np.asarray(repeated), np.asarray(skipped))


def to_wall(utc: TimeArray, tz: str) -> TimeArray:
    """Wall-clock time (without a zone) of UTC moments.

    Examples
    --------
    >>> to_wall(np.array(["2018-07-01T11:00"], "datetime64[ns]"), "Europe/London")
    array(['2018-07-01T12:00:00.000000000'], dtype='datetime64[ns]')
    """
    import pandas as pd

    index = pd.DatetimeIndex(np.asarray(utc, dtype="datetime64[ns]").ravel()).tz_localize("UTC")
    wall = index.tz_convert(tz).tz_localize(None).to_numpy().astype("datetime64[ns]")
    return np.asarray(wall.reshape(np.shape(utc)), dtype="datetime64[ns]")


def moment(value: Any, tz: str, what: str = "the time") -> np.datetime64:
    """Read one moment: a civil date or time of `tz`, or one that carries its own zone, as UTC.

    A `numpy.datetime64` is taken as UTC, as everywhere inside the library; a text, `date` or naive `datetime`
    is the wall clock of `tz`.

    Examples
    --------
    >>> moment("2018-07-01", "Europe/London")
    np.datetime64('2018-06-30T23:00:00.000000000')
    """
    import pandas as pd

    if isinstance(value, np.datetime64):
        if np.isnat(value):
            raise InputError(f"{what} is missing (NaT); give a date such as '2018-05-01'.")
        return value.astype("datetime64[ns]")
    try:
        stamp = pd.Timestamp(value)
        if stamp is pd.NaT:
            raise InputError(f"{what} is missing (NaT); give a date such as '2018-05-01'.")
        if stamp.tzinfo is not None:
            return np.datetime64(stamp.tz_convert("UTC").tz_localize(None).to_datetime64(), "ns")
        wall = np.array([stamp.to_datetime64()], dtype="datetime64[ns]")
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{what} is {value!r}, which is not a date or time such as '2018-05-01'.") from error
    result: np.datetime64 = localise(wall, tz).utc[0]
    return result


class Span(NamedTuple):
    """A length of time: whole civil days and, apart from them, elapsed time."""

    days: int
    elapsed: np.timedelta64
    text: str

    @property
    def nominal_days(self) -> float:
        """Length in days of 24 hours."""
        return self.days + float(self.elapsed / np.timedelta64(1, "ns")) / NANOSECONDS_PER_DAY


def span(value: Any, what: str = "the length of time", *, zero: bool = False) -> Span:
    """Read a length of time such as ``"21D"``, ``"8W"``, ``"36h"`` or ``"0h"``.

    Whole days and weeks are civil days, so that 21 days back from midnight is midnight across a clock
    change; everything else is elapsed time.

    Examples
    --------
    >>> span("3W").days
    21
    >>> span("36h").nominal_days
    1.5
    """
    import pandas as pd

    message = f"{what} is {value!r}; give a length such as '21D', '8W' or '36h'."
    if isinstance(value, Span):
        return value
    text = value.strip() if isinstance(value, str) else value
    try:
        if isinstance(text, str):
            head, unit = text[:-1], text[-1:]
            if unit.upper() in {"D", "W"} and head.strip().isdigit():
                result = Span(int(head) * (7 if unit.upper() == "W" else 1), np.timedelta64(0, "ns"), text)
            else:
                delta = pd.Timedelta(text)
                result = Span(0, delta.to_timedelta64().astype("timedelta64[ns]"), text)
        else:
            delta = pd.Timedelta(value)
            whole = delta % pd.Timedelta(days=1) == pd.Timedelta(0)
            if delta is pd.NaT:
                raise InputError(message)
            days = delta // pd.Timedelta(days=1) if whole else 0
            rest = np.timedelta64(0, "ns") if whole else delta.to_timedelta64().astype("timedelta64[ns]")
            result = Span(int(days), rest, str(delta))
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(message) from error
    if result.elapsed != result.elapsed or result.nominal_days < 0 or (not zero and result.nominal_days == 0):
        raise InputError(message if zero else message + " It must be longer than nothing.")
    return result


def shift_back(until: np.datetime64, back: Span, tz: str) -> np.datetime64:
    """Go back from `until`: civil days by the wall clock, anything else by elapsed time.

    Examples
    --------
    >>> shift_back(moment("2018-04-01", "Europe/London"), span("14D"), "Europe/London")
    np.datetime64('2018-03-18T00:00:00.000000000')
    """
    if not back.days:
        return np.datetime64(until - back.elapsed, "ns")
    wall = to_wall(np.array([until], dtype="datetime64[ns]"), tz) - np.timedelta64(back.days, "D")
    result: np.datetime64 = localise(wall, tz).utc[0]
    return result


def days_between(start: Any, end: Any) -> Any:
    """Elapsed days (of 24 hours, as float) between UTC moments or arrays of them."""
    return (np.asarray(end, dtype="datetime64[ns]") - np.asarray(start, dtype="datetime64[ns]")).astype(
        np.int64
    ) / NANOSECONDS_PER_DAY
