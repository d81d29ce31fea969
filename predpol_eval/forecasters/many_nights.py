"""Many nights at once: by a forecaster's own faster way where it may be trusted, else by the plain loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.events import Events
from predpol_eval.forecasters.anchors import anchor
from predpol_eval.forecasters.base import Nightly, forecast
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

if TYPE_CHECKING:
    import xarray as xr

LIBRARY = "predpol_eval"


def has_own_way(forecaster: Any) -> bool:
    """Whether a forecaster is of one of this library's classes and does many nights otherwise than by the plain loop.

    A class of somebody else's is never asked for many nights at once: its `fit` is handed what was known at a night
    and nothing else, while its `forecast` would be handed the later nights' crimes too.

    Examples
    --------
    >>> from predpol_eval import CountMap
    >>> has_own_way(CountMap())
    False
    """
    kind = type(forecaster)
    return kind.__module__.split(".")[0] == LIBRARY and getattr(kind, "forecast", Nightly.forecast) not in (
        Nightly.forecast,
        None,
    )


def surfaces(forecaster: Any, events: Events, grid: Grid, windows: Windows) -> xr.DataArray:
    """Forecast every window from what was known at its `until`, the fastest way that may be trusted."""
    if has_own_way(forecaster):
        # Nothing from after the last of these moments, so that a slip can reach no further.
        risk: xr.DataArray = forecaster.forecast(events.known_at(windows.until.max()), grid, windows)
        return risk
    return forecast(forecaster, events, grid, windows)


def by_anchor(windows: Windows, period: str | None, tz: str) -> list[tuple[np.datetime64, npt.NDArray[np.int64]]]:
    """Anchors of some windows in order of time, each with the positions of the windows that share it."""
    moments = np.array([anchor(until, period, tz) for until in windows.until], dtype="datetime64[ns]")
    return [(each, np.flatnonzero(moments == each)) for each in np.unique(moments)]
