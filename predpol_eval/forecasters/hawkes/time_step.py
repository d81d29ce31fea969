"""The least time between two crimes: what publishers round away must not look like repeats within the second."""

from __future__ import annotations

import numpy as np

from predpol_eval.civil_time import NANOSECONDS_PER_DAY, span, to_wall
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


def least_step(past: Known, min_step: str | None) -> tuple[float, str]:
    """Least time between two crimes in days, and where it comes from: `min_step`, or the resolution of the data."""
    if min_step is not None:
        return span(min_step, "min_step").nominal_days, f"{min_step} (min_step)"
    # On the wall clock: midnight is no whole day in UTC, nor a whole hour in some zones.
    wall = to_wall(past.events.happened, past.events.tz).astype(np.int64)
    name, unit = next((name, unit) for name, unit in _UNITS.items() if not (wall % unit).any())
    found = "found in the data"
    if past.events.resolution is not None and _TOLD_TO[past.events.resolution][1] > unit:
        name, unit = _TOLD_TO[past.events.resolution]
        found = "the events are told in"
    return unit / NANOSECONDS_PER_DAY, f"{name} (the resolution {found})"
