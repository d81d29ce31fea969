"""Many nights at once: by a forecaster's own faster way where it may be trusted, else by the plain loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.anchors import anchor
from predpol_eval.forecasters.base import FittedRate, Nightly, forecast
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray
from predpol_eval.schedule import Windows
from predpol_eval.surface import check_surface

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


def values_of(fitted: Any, grid: Grid, windows: Windows) -> tuple[FloatArray, str]:
    """Numbers of a fitted forecaster's surface, shape (window, y, x), and their kind.

    Those of a `FittedRate` are taken without making the surface, which costs more than they do; what they are outside
    the study area means nothing.

    Raises
    ------
    InputError
        If there is not one sound surface for every window; and whatever the forecaster raises.
    """
    if type(fitted) is FittedRate:
        values = np.asarray(fitted.rate * windows.days[:, None, None])
        inside = values[:, grid.mask]
        if np.isfinite(inside).all() and (inside >= 0).all():
            return values, "expected_count"
    risk = check_surface(fitted.predict(windows), grid)
    if risk.ndim != 3 or len(risk["window"]) != len(windows):
        raise InputError(f"It predicted {dict(risk.sizes)}, not the {len(windows)} windows asked for.")
    return np.asarray(risk.to_numpy(), dtype=np.float64), str(risk.attrs["kind"])


def by_anchor(windows: Windows, period: str | None, tz: str) -> list[tuple[np.datetime64, npt.NDArray[np.int64]]]:
    """Anchors of some windows in order of time, each with the positions of the windows that share it."""
    moments = np.array([anchor(until, period, tz) for until in windows.until], dtype="datetime64[ns]")
    return [(each, np.flatnonzero(moments == each)) for each in np.unique(moments)]
