"""Where and when a simulation runs: the arguments that all of them share, checked in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import (
    EARLIEST,
    NANOSECONDS_PER_DAY,
    TimeArray,
    check_zone,
    days_between,
    localise,
    moment,
    span,
    to_wall,
)
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.grid import Grid, check_grid

FloatArray = npt.NDArray[np.float64]
Resolution = Literal["day", "hour", "minute"]

MOST_CRIMES = 20_000_000
LONGEST_BURN_IN = 36_525.0  # days; nanoseconds would wrap around
_UNIT = {"day": "D", "hour": "h", "minute": "m"}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Setting:
    """The study area, the time, the seed and how times are told.

    Attributes
    ----------
    grid : Grid
    first, last : datetime64[ns]
        UTC moments between which crimes are observed, the last excluded.
    tz : str
        IANA zone.
    before : float
        Days of burn-in.
    resolution : {"day", "hour", "minute"} or None
    kind : str
    seed : int
    """

    grid: Grid
    first: np.datetime64
    last: np.datetime64
    tz: str
    before: float
    resolution: Resolution | None
    kind: str
    seed: int

    @classmethod
    def read(
        cls,
        grid: Grid,
        start: Any,
        end: Any,
        tz: str,
        seed: int,
        *,
        burn_in: str | None = None,
        resolution: Resolution | None = None,
        kind: str = "simulated",
    ) -> Setting:
        """Check the arguments.

        Raises
        ------
        InputError
            If one of them cannot be used.
        """
        check_grid(grid)
        if not (grid.mask & (grid.inside_m2 > 0)).any():
            raise InputError("The grid has no cell inside the study area, so no crime can happen; make another grid.")
        zone = check_zone(tz)
        first, last = moment(start, zone, "start"), moment(end, zone, "end")
        if not first < last:
            raise InputError(f"The simulation ends at {end}, not after its start {start}; give end after start.")
        if resolution is not None and resolution not in _UNIT:
            raise InputError(f"resolution={resolution!r}; choose 'day', 'hour', 'minute' or None.")
        before = 0.0 if burn_in is None else span(burn_in, "burn_in", zero=True).nominal_days
        if before > min(LONGEST_BURN_IN, float((first.astype("datetime64[s]") - EARLIEST) / np.timedelta64(1, "D"))):
            raise InputError(f"burn_in={burn_in!r} is longer than 100 years, or reaches before 1700; give less.")
        name = str(kind).strip()
        if not name:
            raise InputError(f"kind={kind!r} is blank; give the crimes a name, for instance kind='burglary'.")
        return cls(
            grid=grid, first=first, last=last, tz=zone, before=before, resolution=resolution, kind=name,
            seed=check_seed(seed),
        )  # fmt: skip

    @property
    def days(self) -> float:
        """Elapsed days from first to last."""
        return float(days_between(self.first, self.last))

    @property
    def begin(self) -> np.datetime64:
        """When the burn-in begins, UTC."""
        begin: np.datetime64 = self.first - np.timedelta64(round(self.before * NANOSECONDS_PER_DAY), "ns")
        return begin

    def refuse_too_many(self, expected: float) -> None:
        """Refuse what would fill the memory."""
        if not expected <= MOST_CRIMES:
            raise InputError(
                f"About {expected:,.0f} crimes are to be expected, with those of the burn-in; the most is "
                f"{MOST_CRIMES:,}. Lower the rates (mu, theta), or shorten the time."
            )

    def moments(self, days: FloatArray) -> TimeArray:
        """UTC moments of elapsed days since the first, all before the last."""
        whole = (days * NANOSECONDS_PER_DAY).astype(np.int64).astype("timedelta64[ns]")
        return np.asarray(self.first + np.minimum(whole, (self.last - self.first) - np.timedelta64(1, "ns")))

    def events(self, moments: TimeArray, x: FloatArray, y: FloatArray) -> Events:
        """Make the table of crimes given in order of time, numbered in that order.

        It is built without a data frame, whose reader would take a few crimes near the origin for degrees.
        """
        happened = moments
        if self.resolution is not None:
            happened = np.maximum(cut(moments, self.tz, self.resolution), self.first)
        return Events(
            happened=sealed(happened.astype("datetime64[ns]")), happened_until=None, recorded=None, x=sealed(x),
            y=sealed(y), kind_code=sealed(np.zeros(len(x), dtype=np.int32)), kinds=(self.kind,) if len(x) else (),
            id=sealed(np.arange(len(x), dtype=np.int64)), crs=self.grid.crs, tz=self.tz,
            observed=((self.first, self.last),), resolution=self.resolution,
            clock_changes={"ambiguous": 0, "nonexistent": 0},
        )  # fmt: skip


def sealed(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy that cannot be written to."""
    copy = np.array(values)
    copy.setflags(write=False)
    return copy


def check_seed(seed: Any) -> int:
    """Refuse anything but a whole number of at least 0: None would give other crimes every time."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed={seed!r}; give a whole number of at least 0.")
    return int(seed)


def step_random(seed: Any, step: int) -> np.random.Generator:
    """Random numbers of one step (from 1): others than those of another step or of the simulation with that seed."""
    return np.random.default_rng([check_seed(seed), step])


def check_number(value: Any, what: str, low: float, high: float, remedy: str, *, closed: bool = True) -> float:
    """One number from `low` (itself allowed if `closed`) to below `high`, as a float; anything else is refused."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not (low <= value if closed else low < value) or not value < high:
        raise InputError(f"{what}={value!r}; give {remedy}.")
    return float(value)


def check_share(value: Any, what: str) -> float:
    """One number from 0 to 1, as a float."""
    return check_number(value, what, 0, np.nextafter(1, 2), "a probability from 0 to 1")


def cut(happened: TimeArray, tz: str, resolution: str) -> TimeArray:
    """Cut times to whole units of the wall clock, as publishers do."""
    wall = to_wall(happened, tz)
    whole = wall.astype(f"datetime64[{_UNIT[resolution]}]").astype("datetime64[ns]")
    if resolution == "day":
        return localise(whole, tz).utc
    # Within the hour the wall clock runs as UTC does, also in the hour that is repeated.
    return np.asarray(happened - (wall - whole))


def cut_up(times: TimeArray, tz: str, resolution: str) -> TimeArray:
    """Move times that are not whole units of the wall clock to the end of the unit."""
    low = cut(times, tz, resolution)
    if resolution == "day":
        wall = to_wall(times, tz).astype("datetime64[D]") + np.timedelta64(1, "D")
        high = localise(wall.astype("datetime64[ns]"), tz).utc
    else:
        high = low + np.timedelta64(1, "h" if resolution == "hour" else "m")
    return np.where(low == times, times, high)
