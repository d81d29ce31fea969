"""What is forecast, and from what moment: windows of local civil time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from predpol_eval import observation
from predpol_eval.civil_time import (
    EARLIEST,
    LATEST,
    NANOSECONDS_PER_DAY,
    Span,
    TimeArray,
    check_zone,
    days_between,
    localise,
    span,
    to_wall,
)
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events

MOST_WINDOWS = 1_000_000
# The unit of work, of the store and of any sliding or warm start, counted from the start of the schedule.
NIGHTS_PER_BLOCK = 7


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows of time to forecast, each with the moment from which it is forecast; all UTC, ends excluded.

    Slicing gives windows again; iterating gives them one by one.
    """

    start: TimeArray
    end: TimeArray
    until: TimeArray
    tz: str

    def __post_init__(self) -> None:
        for values in (self.start, self.end, self.until):
            values.setflags(write=False)

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, which: Any) -> Windows:
        chosen = slice(which, which + 1 if which != -1 else None) if isinstance(which, int | np.integer) else which
        if isinstance(which, int | np.integer) and not -len(self) <= which < len(self):
            raise IndexError(f"window {which} of {len(self)}")
        return Windows(self.start[chosen].copy(), self.end[chosen].copy(), self.until[chosen].copy(), self.tz)

    def __iter__(self) -> Iterator[Windows]:
        return (self[position] for position in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Windows):
            return NotImplemented
        return self.tz == other.tz and all(
            np.array_equal(a, b)
            for a, b in ((self.start, other.start), (self.end, other.end), (self.until, other.until))
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def days(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Length of each window in elapsed days."""
        return np.asarray(days_between(self.start, self.end))

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of the dimension `window` for xarray."""
        return {
            "window": (
                "window",
                self.start,
                {"long_name": "start of the window", "clock": "UTC", "local_zone": self.tz},
            ),
            "window_end": ("window", self.end, {"long_name": "end of the window, excluded", "clock": "UTC"}),
            "until": ("window", self.until, {"long_name": "moment from which it is forecast", "clock": "UTC"}),
        }

    @classmethod
    def from_coords(cls, data: xr.DataArray | xr.Dataset, tz: str | None = None) -> Windows:
        """Read the windows from the coordinates of a surface, count or tally."""
        missing = [name for name in ("window", "window_end", "until") if name not in data.coords]
        if missing:
            raise InputError(
                f"The coordinates {', '.join(missing)} are missing; expected window (start), window_end and until, "
                "all UTC."
            )
        parts = [
            np.atleast_1d(data[name].to_numpy()).astype("datetime64[ns]") for name in ("window", "window_end", "until")
        ]
        zone = tz or data["window"].attrs.get("local_zone") or data.attrs.get("tz") or "UTC"
        return cls(parts[0].copy(), parts[1].copy(), parts[2].copy(), str(zone))

    def __repr__(self) -> str:
        if not len(self):
            return "<Windows: none>"
        wall = to_wall(self.start[[0, -1]], self.tz).astype("datetime64[m]")
        first, last = (str(moment).replace("T", " ") for moment in wall)
        return f"<Windows: {len(self)}, starting {first} to {last} in {self.tz}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A regular series of windows, by the wall clock of a place.

    Parameters
    ----------
    start, end : str
        First civil day, and the day after the last (excluded).
    step : str
        From one window to the next.
    horizon : str
        Length of a window; it may be longer or shorter than `step`.
    at : str
        Time of day at which the first window of the schedule begins.
    lead : str
        How long before its start a window is forecast.
    tz : str
        IANA zone.

    Notes
    -----
    All of these move the hands of the wall clock: a night shift at 22:00 for 8 hours ends at 06:00 whether or not the
    clock is changed in that night, and a day may have 23 or 25 hours. A boundary that is skipped lies at the moment of
    the change; of one that occurs twice the earlier is meant.

    Examples
    --------
    >>> schedule = Schedule(start="2018-05-01", end="2018-05-04", tz="America/Chicago")
    >>> len(schedule.windows)
    3
    >>> days = {"start": "2018-05-01", "end": "2018-05-02", "tz": "America/Chicago"}
    >>> night = Schedule(**days, at="22:00", horizon="8h", lead="2h")
    >>> str(night.windows.until[0])
    '2018-05-02T01:00:00.000000000'
    """

    start: str
    end: str
    step: str = "1D"
    horizon: str = "1D"
    at: str = "00:00"
    lead: str = "0h"
    tz: str

    def __post_init__(self) -> None:
        check_zone(self.tz)
        if len(self.windows) == 0:
            raise InputError(
                f"The schedule from {self.start} to {self.end} (excluded) has no window; give an end after the start."
            )

    @property
    def windows(self) -> Windows:
        """All windows of the schedule."""
        first, stop = (_day(getattr(self, name), name) for name in ("start", "end"))
        step, horizon = span(self.step, "step"), span(self.horizon, "horizon")
        lead = span(self.lead, "lead", zero=True)
        begin = first + _time_of_day(self.at)
        length = stop - begin
        pace = _wall(step)
        count = max(0, int(-(-length // pace)))
        if count > MOST_WINDOWS:
            raise InputError(
                f"A step of {self.step} from {self.start} to {self.end} makes {count:,} windows; the most is "
                f"{MOST_WINDOWS:,}."
            )
        wall = begin + pace * np.arange(count)
        start = localise(wall, self.tz).utc
        end = localise(wall + _wall(horizon), self.tz).utc
        until = localise(wall - _wall(lead), self.tz).utc
        # A window inside the hour that a clock change skips has no length: nothing can happen in it.
        real = end > start
        return Windows(start[real], end[real], np.minimum(until[real], start[real]), self.tz)


def _day(value: Any, name: str) -> np.datetime64:
    # A full date, alone or at midnight: NumPy would read "20180501" and 2018 as years, and "today" as any day.
    match = re.fullmatch(r"(\d{4}-\d{2}-\d{2})([T ]00:00(:00(\.0+)?)?)?", str(value), re.ASCII)
    day: np.datetime64
    try:
        day = np.datetime64(match[1] if match else "NaT", "s")
    except ValueError:
        day = np.datetime64("NaT", "s")
    if not EARLIEST <= day <= LATEST:
        raise InputError(
            f"{name}={value!r}; give a civil day such as '2018-05-01' (the time of day goes into at='22:00')."
        )
    result: np.datetime64 = day.astype("datetime64[ns]")
    return result


def _time_of_day(at: str) -> np.timedelta64:
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)(:00)?", str(at), re.ASCII)
    if match is None:
        raise InputError(f"at={at!r}; give a time of day from '00:00' to '23:59'.")
    return np.timedelta64((int(match[1]) * 60 + int(match[2])) * 60_000_000_000, "ns")


def _wall(length: Span) -> np.timedelta64:
    return np.timedelta64(length.days * NANOSECONDS_PER_DAY, "ns") + length.elapsed


def as_windows(schedule: Any) -> Windows:
    """Windows of a `Schedule`, or windows as they are."""
    if isinstance(schedule, Windows):
        return schedule
    if isinstance(schedule, Schedule):
        return schedule.windows
    raise InputError(f"Expected a Schedule or its windows, found {type(schedule).__name__}; give ppe.Schedule(...).")


def name_windows(windows: Windows, which: Any, limit: int = 5) -> str:
    """Name some windows by their local start."""
    starts = to_wall(windows.start[which], windows.tz).astype("datetime64[m]")
    named = ", ".join(str(start).replace("T00:00", "").replace("T", " ") for start in starts[:limit])
    more = len(starts) - limit
    return named + (f" and {more} more" if more > 0 else "")


_RESOLUTION_DAYS = {"month": 28.0, "day": 0.9, "hour": 1 / 24, "minute": 1 / 1440}
_RESOLUTION_UNIT: dict[str, Literal["D", "h", "m"]] = {"day": "D", "hour": "h", "minute": "m"}


def refuse_finer_than_data(events: Events, windows: Windows) -> None:
    """Refuse windows that the publisher's times cannot tell apart, such as nights of police.uk months."""
    if events.resolution is None or not len(windows):
        return
    told = events.resolution
    if windows.days.min() < _RESOLUTION_DAYS[told] - 1e-9:
        raise InputError(
            f"The crimes are dated to the {told} only, but windows of {windows.days.min():g} days are asked for: "
            f"nobody can tell which of them a crime belongs to. Use windows of at least a {told} "
            f"(horizon={'31D' if told == 'month' else '1D' if told == 'day' else '1h'!r}), or data with exact times."
        )
    if told in _RESOLUTION_UNIT:
        moments = [windows.start, windows.end]
        if events.information_set == "happened":
            # Without recording times, a crime dated to a day would count as known before its hour has come.
            moments.append(windows.until)
        edges = to_wall(np.stack(moments), windows.tz)
        off = (edges != edges.astype(f"datetime64[{_RESOLUTION_UNIT[told]}]")).any(axis=0)
        if off.any():
            raise InputError(
                f"The crimes are dated to the {told} only, but {int(off.sum())} of {len(windows)} windows begin, end "
                f"or are forecast within a {told}, the first at {name_windows(windows, off, 1)}: nobody can tell "
                f"whether such a crime belongs to them. Use windows and a lead of whole {told}s (at='00:00' for "
                "days), or data with exact times."
            )


def refuse_unobserved(events: Events, windows: Windows) -> None:
    """Refuse windows that lie, wholly or partly, outside the periods in which crimes were observed."""
    seen = observation.covered(events.observed, windows.start, windows.end)
    if not seen.all():
        raise InputError(
            f"{int((~seen).sum())} of {len(windows)} windows are not (wholly) in the observed time: those starting "
            f"{name_windows(windows, ~seen)}. Crimes were observed {observation.describe(events.observed, events.tz)}; "
            "no record there does not mean no crime. Choose other windows or, if crimes were recorded then, "
            "give observed=[(start, end), ...] when reading the events."
        )
    doubtful = np.zeros(len(windows), dtype=bool)
    for first, last in events.suspect:
        doubtful |= (windows.start < last) & (windows.end > first)
    if doubtful.any():
        raise InputError(
            f"{int(doubtful.sum())} of {len(windows)} windows lie in time that looks unobserved, far emptier than the "
            f"days around it ({observation.describe(events.suspect, events.tz)}): those starting "
            f"{name_windows(windows, doubtful)}. Read the events again with observed=[(start, end), ...]: without "
            "these stretches if nothing was recorded in them, or with them if there was truly so little crime."
        )
