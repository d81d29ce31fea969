"""Counting crimes: which window and which cell each belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.grid import Grid, check_events, check_grid
from predpol_eval.schedule import Windows, as_windows, refuse_finer_than_data, refuse_unobserved

if TYPE_CHECKING:
    import xarray as xr

TimeRule = Literal["aoristic", "start", "end", "midpoint", "exclude"]
TIME_RULES: tuple[TimeRule, ...] = ("aoristic", "start", "end", "midpoint", "exclude")


class Occurrences(NamedTuple):
    """Which crime counts in which window, and with what weight (1 unless its time is uncertain)."""

    window: npt.NDArray[np.int64]
    event: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]


def occurrences(events: Events, windows: Windows, method: TimeRule = "aoristic") -> Occurrences:
    """Find the crimes of every window ``[start, end)``.

    Parameters
    ----------
    events : Events
    windows : Windows
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain: spread them by overlap (Ratcliffe 2000), place them at one
        moment of the interval, or leave them out.

    Returns
    -------
    Occurrences
        Ordered by window, then crime.
    """
    if method not in TIME_RULES:
        raise InputError(f"method={method!r}; choose one of {', '.join(map(repr, TIME_RULES))}.")
    moments = events.happened
    exact = np.ones(len(events), dtype=bool)
    if events.happened_until is not None:
        exact = events.happened_until == events.happened
        if method == "end":
            moments = events.happened_until
        elif method == "midpoint":
            moments = events.midpoint
    if method in ("start", "end", "midpoint"):
        exact = np.ones(len(events), dtype=bool)
    position = np.flatnonzero(exact)
    position = position[np.argsort(moments[position], kind="stable")]
    low = np.searchsorted(moments[position], windows.start, side="left")
    high = np.searchsorted(moments[position], windows.end, side="left")
    number = high - low
    window = np.repeat(np.arange(len(windows)), number)
    offset = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    event = position[np.repeat(low, number) + offset]
    weight = np.ones(len(event))
    if method == "aoristic" and not exact.all() and events.happened_until is not None:
        spread = np.flatnonzero(~exact)
        first, last = events.happened[spread, None], events.happened_until[spread, None]
        shared = np.minimum(last, windows.end) - np.maximum(first, windows.start)
        part = shared.astype(np.int64) / (last - first).astype(np.int64)
        which, where = np.nonzero(part > 0)
        window = np.concatenate([window, where])
        event = np.concatenate([event, spread[which]])
        weight = np.concatenate([weight, part[which, where]])
    order = np.lexsort((event, window))
    return Occurrences(window[order].astype(np.int64), event[order].astype(np.int64), weight[order])


def count(events: Events, grid: Grid, windows: Any, *, method: TimeRule = "aoristic") -> xr.DataArray:
    """Count crimes by window and cell.

    Parameters
    ----------
    events : Events
    grid : Grid
    windows : Windows or Schedule
        Each must lie within the observed time.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain; spread ones make fractions.

    Returns
    -------
    xarray.DataArray
        ``count`` with dimensions (window, y, x); 0 outside the study area. The coordinate ``outside`` (window) has the
        crimes in no cell, ``hit`` (window, y, x) the probability that a cell had a crime (only where times are spread).
        ``attrs["elsewhere"]`` is the number of crimes whose own point lies in another area than their cell.

    Raises
    ------
    InputError
        If a window is not observed, is shorter than the data can tell, or CRSs differ.

    Examples
    --------
    >>> import pandas as pd
    >>> from predpol_eval import Events, Grid, Schedule
    >>> frame = pd.DataFrame({"x": [10.0, 300.0, 9e3], "y": [10.0, 10.0, 10.0], "t": ["2018-05-01 22:00"] * 3})
    >>> events = Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    >>> grid = Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> counted = count(events, grid, Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London"))
    >>> counted.to_numpy().tolist(), counted.outside.to_numpy().tolist()
    ([[[1.0, 1.0]]], [1.0])
    """
    import xarray as xr

    check_events(events)
    check_grid(grid)
    chosen = as_windows(windows)
    refuse_finer_than_data(events, chosen)
    refuse_unobserved(events, chosen)
    cells = grid.cells_of(events)
    seen = occurrences(events, chosen, method)
    size = grid.shape[0] * grid.shape[1]
    inside = cells[seen.event] >= 0
    flat = seen.window[inside] * size + cells[seen.event][inside]
    shape = (len(chosen), *grid.shape)
    numbers = np.bincount(flat, seen.weight[inside], minlength=len(chosen) * size).reshape(shape)
    outside = np.bincount(seen.window[~inside], seen.weight[~inside], minlength=len(chosen))
    coords: dict[str, Any] = {
        **chosen.coords,
        "y": ("y", grid.y, {"units": "m"}),
        "x": ("x", grid.x, {"units": "m"}),
        "inside_m2": (("y", "x"), grid.inside_m2, {"units": "m2", "long_name": "area inside the study area"}),
        "outside": ("window", outside, {"long_name": "crimes in no cell of the study area"}),
    }
    if (seen.weight < 1).any():
        missed = np.ones(len(chosen) * size)
        np.multiply.at(missed, flat, 1 - seen.weight[inside])
        coords["hit"] = (("window", "y", "x"), 1 - missed.reshape(shape), {"long_name": "probability of a crime"})
    attrs: dict[str, Any] = {
        "long_name": "recorded crimes",
        "units": "crimes per cell and window",
        "grid": grid.fingerprint,
        "method": method,
        "tz": chosen.tz,
    }
    if grid.boundary:
        attrs["elsewhere"] = elsewhere(events, grid, np.unique(seen.event))
    return xr.DataArray(numbers, dims=("window", "y", "x"), coords=coords, name="count", attrs=attrs)


def elsewhere(events: Events, grid: Grid, which: npt.NDArray[np.int64]) -> int:
    """Number of the crimes `which` whose own point lies in another area than the one their cell belongs to."""
    if not len(which):
        return 0
    cells = grid.cells_of(events)[which]
    by_cell = np.where(cells >= 0, grid.label_code.ravel()[np.maximum(cells, 0)], -1)
    by_point = grid.area_of_point(events.x[which], events.y[which])
    return int((by_cell != by_point).sum())
