"""The least time between two crimes: what publishers round away must not look like repeats within the second."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import NANOSECONDS_PER_DAY, span, to_wall
from predpol_eval.events import Events
from predpol_eval.forecasters.base import Known

# In what a publisher may tell the time, in nanoseconds, coarsest first.
_MINUTE = 60 * 10**9
_UNITS = {
    "1 day": 1440 * _MINUTE,
    "1 hour": 60 * _MINUTE,
    "30 minutes": 30 * _MINUTE,
    "15 minutes": 15 * _MINUTE,
    "5 minutes": 5 * _MINUTE,
    "1 minute": _MINUTE,
    "1 second": 10**9,
    "1 millisecond": 10**6,
    "1 microsecond": 10**3,
    "1 nanosecond": 1,
}
_TOLD_TO = {"month": ("30 days", 30 * 1440 * _MINUTE)} | {
    name: (f"1 {name}", _UNITS[f"1 {name}"]) for name in ("day", "hour", "minute")
}


def fineness(events: Events) -> npt.NDArray[np.int64]:
    """How finely the time of each crime is told: position of the coarsest unit that divides it."""
    # On the wall clock: midnight is no whole day in UTC, nor a whole hour in some zones.
    wall = to_wall(events.happened, events.tz).astype(np.int64)
    finest = np.zeros(wall.size, dtype=np.int64)
    for unit in _UNITS.values():
        # Each unit divides the ones before it.
        finest += wall % unit != 0
    return finest


def least_step(past: Known, min_step: str | None, told: npt.NDArray[np.int64] | None = None) -> tuple[float, str]:
    """Least time between two crimes in days, and where it comes from: `min_step`, or the resolution of the data.

    `told` is the `fineness` of the known crimes, where that has been found already.
    """
    if min_step is not None:
        return span(min_step, "min_step").nominal_days, f"{min_step} (min_step)"
    told = fineness(past.events) if told is None else told
    name, unit = tuple(_UNITS.items())[int(told.max(initial=0))]
    found = "found in the data"
    if past.events.resolution is not None and _TOLD_TO[past.events.resolution][1] > unit:
        name, unit = _TOLD_TO[past.events.resolution]
        found = "the events are told in"
    return unit / NANOSECONDS_PER_DAY, f"{name} (the resolution {found})"
