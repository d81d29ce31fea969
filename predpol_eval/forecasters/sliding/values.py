"""Surfaces of many windows in a row, one after the other, without the memory of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from predpol_eval.errors import PredPolError
from predpol_eval.events import Events
from predpol_eval.forecasters.baseline import CountMap, Uniform
from predpol_eval.forecasters.kde import KDE
from predpol_eval.forecasters.near_repeat import NearRepeat
from predpol_eval.forecasters.prospective import ProspectiveHotspot
from predpol_eval.forecasters.sliding.rates import sliding_rates
from predpol_eval.forecasters.sliding.scores import sliding_scores
from predpol_eval.grid import Grid, check_events, check_grid
from predpol_eval.projection import FloatArray, refuse_mixed
from predpol_eval.schedule import Windows, as_windows, refuse_finer_than_data
from predpol_eval.surface import SurfaceKind, make_surface

if TYPE_CHECKING:
    import xarray as xr


class InTurn(NamedTuple):
    """The surfaces of some windows, in order, and their kind.

    `values` gives one array of shape (ny, nx) for each window, which may be used again for the next.
    """

    values: Iterator[FloatArray]
    kind: SurfaceKind


def slides(forecaster: Any) -> bool:
    """Whether a forecaster is of a class that slides from night to night, if crimes and windows let it.

    Examples
    --------
    >>> from predpol_eval import KDE
    >>> slides(KDE(bandwidth=500)), slides(KDE(adaptive_k=15))
    (True, False)
    """
    kind = type(forecaster)
    if kind is KDE:
        return not isinstance(forecaster.bandwidth, str) and forecaster.adaptive_k is None
    return kind in (Uniform, CountMap, ProspectiveHotspot, NearRepeat)


def in_turn(forecaster: Any, events: Events, grid: Grid, windows: Windows) -> InTurn | None:
    """Forecast windows one after the other, each from what was known at its `until`, by sliding from one to the next.

    Only forecasters that are sums over crimes do so, of exactly this library's classes: `Uniform`, `CountMap`, `KDE`,
    `ProspectiveHotspot`, `NearRepeat`.

    Parameters
    ----------
    forecaster : Forecaster
    events : Events
        All crimes; of each window only those known at its ``until`` are used.
    grid : Grid
    windows : Windows

    Returns
    -------
    InTurn or None
        None where each window has to be fitted by itself: the forecaster or the crimes do not allow it, the windows are
        not in order, or the fit of one would be refused.

    Examples
    --------
    >>> import pandas as pd, predpol_eval as ppe
    >>> frame = pd.DataFrame({"x": [10.0, 300.0], "y": [10.0, 10.0], "t": ["2018-05-01", "2018-05-02"]})
    >>> events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> nights = ppe.Schedule(start="2018-05-02", end="2018-05-04", tz="Europe/London").windows
    >>> [values.tolist() for values in in_turn(ppe.CountMap(), events, grid, nights).values]
    [[[1.0, 0.0]], [[0.5, 0.5]]]
    """
    if (
        not len(windows)
        or (np.diff(windows.until.astype(np.int64)) <= 0).any()
        or (windows.start < windows.until).any()
    ):
        return None
    check_events(events)
    check_grid(grid)
    refuse_mixed(events.crs, grid.crs, "The events", "the grid")
    refuse_finer_than_data(events, windows)
    scores = sliding_scores(forecaster, events, grid, windows)
    if scores is not None:
        return InTurn(scores, "score")
    rates = sliding_rates(forecaster, events, grid, windows.until, windows.days)
    return None if rates is None else InTurn(rates, "expected_count")


def forecast_in_turn(forecaster: Any, events: Events, grid: Grid, windows: Any) -> xr.DataArray:
    """Surfaces of all windows by sliding where that can be done, else by the plain loop.

    The first window is fitted by itself: it tells what the surface says of itself, and the others are held to it.

    Raises
    ------
    PredPolError
        If sliding gives another first surface than fitting: an error of the library. And whatever a fit raises.
    """
    from predpol_eval.forecasters.base import forecast

    chosen = as_windows(windows)
    found = in_turn(forecaster, events, grid, chosen) if len(chosen) > 1 and slides(forecaster) else None
    if found is None:
        return forecast(forecaster, events, grid, chosen)
    first = forecast(forecaster, events, grid, chosen[:1])
    values = np.empty((len(chosen), *grid.shape))
    for row, surface in zip(values, found.values, strict=True):
        row[:] = surface
    alone = first.to_numpy()[0]
    gap = float(np.nanmax(np.abs(values[0] - alone), initial=0.0))
    if first.attrs["kind"] != found.kind or not gap <= 1e-9 * float(np.nanmax(np.abs(alone), initial=0.0)):
        raise PredPolError(
            f"{first.attrs['forecaster']}: the first window differs by up to {gap:.3g} between sliding and fitting. "
            "Report this as an error of the library; until it is mended use ppe.forecast(...), the plain loop."
        )
    risk = make_surface(values, grid, chosen, kind=found.kind)
    return risk.assign_attrs({**first.attrs, "until": str(chosen.until.max())})
