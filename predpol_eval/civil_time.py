"""Wall clocks and UTC: the only place where time zones are applied.

Times are stored as UTC ``datetime64[ns]``; days and windows are those of the wall clock of a place.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError

TimeArray = npt.NDArray[np.datetime64]
BoolArray = npt.NDArray[np.bool_]
Ambiguous = Literal["raise", "earlier", "later"]
Nonexistent = Literal["raise", "shift_forward"]

NANOSECONDS_PER_DAY = 86_400_000_000_000
EARLIEST: np.datetime64 = np.datetime64("1700-01-01", "s")
LATEST: np.datetime64 = np.datetime64("2250-01-01", "s")


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

    flat = np.asarray(wall, dtype="datetime64[ns]").ravel()
    index = pd.DatetimeIndex(flat)
    first = np.full(len(index), ambiguous != "later")
    missing = np.isnat(flat)
    repeated = np.asarray(index.tz_localize(tz, ambiguous="NaT", nonexistent="shift_forward").isna()) & ~missing
    zoned = index.tz_localize(tz, ambiguous=first, nonexistent="NaT")
    skipped = np.asarray(zoned.isna()) & ~missing
    utc = zoned.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]")
    if skipped.any():
        utc[skipped] = _moment_of_change(flat[skipped], tz)
    return Localised(utc.reshape(wall.shape), repeated.reshape(wall.shape), skipped.reshape(wall.shape))


def _moment_of_change(skipped: TimeArray, tz: str) -> TimeArray:
    """When the hands jumped over these wall-clock times; pandas is wrong where they jump by other than an hour."""
    day = np.timedelta64(2, "D")
    low, high = skipped.astype("datetime64[s]") - day, skipped.astype("datetime64[s]") + day
    for _ in range(19):  # halvings that bring four days down to a second
        middle = low + (high - low) // 2
        early = to_wall(middle.astype("datetime64[ns]"), tz) <= skipped
        low, high = np.where(early, middle, low), np.where(early, high, middle)
    return np.asarray(high.astype("datetime64[ns]"))


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

    refusal = f"{what} is {value!r}, which is not a date or time such as '2018-05-01'."
    if value is None or value is pd.NaT or (isinstance(value, np.datetime64) and np.isnat(value)):
        raise InputError(f"{what} is missing ({value}); give a date such as '2018-05-01'.")
    if isinstance(value, np.datetime64):
        return _in_range(value, refusal)
    # Plain numbers would be nanoseconds since 1970, and words such as "today" another time every day.
    dated = isinstance(value, datetime.date) or (isinstance(value, str) and re.match(r"\s*\d", value))
    if not dated:
        raise InputError(refusal)
    try:
        stamp = pd.Timestamp(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(refusal) from error
    if stamp.tzinfo is not None:
        return _in_range(stamp.tz_convert("UTC").tz_localize(None).to_datetime64(), refusal)
    wall = np.array([_in_range(stamp.to_datetime64(), refusal)], dtype="datetime64[ns]")
    result: np.datetime64 = localise(wall, tz).utc[0]
    return result


def _in_range(value: np.datetime64, refusal: str) -> np.datetime64:
    """Convert to nanoseconds, which wrap around silently beyond the years that they can tell."""
    if not EARLIEST <= value.astype("datetime64[s]") <= LATEST:
        raise InputError(f"{refusal} It must lie between {EARLIEST} and {LATEST}.".replace("T00:00:00", ""))
    result: np.datetime64 = value.astype("datetime64[ns]")
    return result


# No "m", which may be minutes or months.
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "min": 60, "s": 1}


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
    try:
        if isinstance(value, str):
            match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", value, re.ASCII)
            seconds = None if match is None else _SECONDS.get(match[2].lower())
            if match is None or seconds is None:
                raise InputError(message)
            if seconds >= _SECONDS["d"] and match[1].isdigit():
                result = Span(int(match[1]) * (seconds // _SECONDS["d"]), np.timedelta64(0, "ns"), value.strip())
            else:
                elapsed = np.timedelta64(round(float(match[1]) * seconds * 1e9), "ns")
                result = Span(0, elapsed, value.strip())
        elif isinstance(value, datetime.timedelta | np.timedelta64) and value is not pd.NaT:
            delta = pd.Timedelta(value)
            whole = delta % pd.Timedelta(days=1) == pd.Timedelta(0)
            days = delta // pd.Timedelta(days=1) if whole else 0
            rest = np.timedelta64(0, "ns") if whole else delta.to_timedelta64().astype("timedelta64[ns]")
            result = Span(int(days), rest, str(delta))
        else:
            # A plain number would be nanoseconds.
            raise InputError(message)
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
    result: np.datetime64
    if back.nominal_days > float((until.astype("datetime64[s]") - EARLIEST) / np.timedelta64(1, "D")):
        # Nanoseconds would wrap around; no crime is older than this.
        result = EARLIEST.astype("datetime64[ns]")
    elif back.days:
        wall = to_wall(np.array([until], dtype="datetime64[ns]"), tz) - np.timedelta64(back.days, "D")
        result = localise(wall, tz).utc[0]
    else:
        result = (until - back.elapsed).astype("datetime64[ns]")
    return result


def days_between(start: Any, end: Any) -> Any:
    """Elapsed days (of 24 hours, as float) between UTC moments or arrays of them."""
    return (np.asarray(end, dtype="datetime64[ns]") - np.asarray(start, dtype="datetime64[ns]")).astype(
        np.int64
    ) / NANOSECONDS_PER_DAY
