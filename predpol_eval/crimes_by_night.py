"""The crimes of a surface's windows, laid over the cells one window at a time, however many there are of both."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.counts import Crimes, TimeRule, check_time_rule, crimes_in, elsewhere, read_counts
from predpol_eval.events import Events
from predpol_eval.flagging import Scene
from predpol_eval.grid import Grid, check_events
from predpol_eval.schedule import Windows, refuse_finer_than_data, refuse_unobserved
from predpol_eval.surface import check_surface

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]


class CrimesByNight(NamedTuple):
    """Crimes of some windows: one by one where they were given as Events (`seen`), else as numbers per cell.

    `outside` (windows,) has the crimes in no cell, `told` what is known of the counting: ``method``, ``elsewhere``,
    ``spread``.
    """

    seen: Crimes | None
    numbers: FloatArray | None
    hits: FloatArray | None
    outside: FloatArray
    told: dict[str, Any]

    def of(self, window: int, scene: Scene) -> tuple[FloatArray, FloatArray]:
        """Crimes, and the probability that one happened, in every cell of one window, in the order of `scene`."""
        if self.seen is not None:
            tonight = self.seen.of(slice(window, window + 1))
            inside = tonight.cell >= 0
            place, weight = scene.position[tonight.cell[inside]], tonight.weight[inside]
            crimes = np.asarray(np.bincount(place, weight, minlength=len(scene.cells)), dtype=np.float64)
            missed = np.ones(len(scene.cells))
            np.multiply.at(missed, place, 1 - weight)
            return crimes, 1 - missed
        if self.numbers is None or self.hits is None:
            return np.zeros(len(scene.cells)), np.zeros(len(scene.cells))
        return self.numbers[window, scene.cells], self.hits[window, scene.cells]


def by_night(
    risk: xr.DataArray, observed: Events | xr.DataArray, grid: Grid, method: TimeRule = "aoristic"
) -> tuple[xr.DataArray, Windows, CrimesByNight]:
    """Check a surface, and give it with its windows and the crimes of each.

    Parameters
    ----------
    risk : xarray.DataArray
        A surface; one that is not loaded stays so.
    observed : Events or xarray.DataArray
        The crimes of the same windows, or counts made by `count`.
    grid : Grid
    method : {"aoristic", "start", "end", "midpoint", "exclude"}

    Raises
    ------
    InputError
        If surface, crimes or time rule are not usable.
    NotComparableError
        If grids or windows differ.
    """
    check_time_rule(method)
    surface = check_surface(risk, grid)
    windows = Windows.from_coords(surface)
    if not isinstance(observed, Events):
        told: dict[str, Any] = {
            name: observed.attrs[name] for name in ("method", "elsewhere", "spread") if name in _attrs(observed)
        }
        return surface, windows, CrimesByNight(None, *read_counts(observed, windows, grid), told)
    check_events(observed)
    refuse_finer_than_data(observed, windows)
    refuse_unobserved(observed, windows)
    seen = crimes_in(observed, grid, windows, method)
    found: dict[str, Any] = {"method": method}
    if grid.boundary:
        found["elsewhere"] = elsewhere(observed, grid, np.unique(seen.event))
    if seen.parted:
        found["spread"] = seen.number_spread
    gone = seen.cell < 0
    outside = np.bincount(seen.window[gone], seen.weight[gone], minlength=len(windows))
    return surface, windows, CrimesByNight(seen, None, None, np.asarray(outside, dtype=np.float64), found)


def _attrs(observed: Any) -> dict[str, Any]:
    return getattr(observed, "attrs", {})


def nights_of(surface: xr.DataArray, scene: Scene) -> Callable[[int, int], FloatArray]:
    """Give a function that reads one window of a surface: its numbers in the order of `scene`, and nothing else.

    Parameters
    ----------
    surface : xarray.DataArray
        Dimensions (..., window, y, x).
    scene : Scene

    Returns
    -------
    callable
        Takes the number of the surface, the dimensions in front of the window counted as one, and that of the window.
    """
    leading = [surface.sizes[name] for name in surface.dims[:-3]]
    if surface.chunks is None:
        flat = surface.to_numpy().reshape(math.prod(leading), surface.sizes["window"], scene.position.size)
        return lambda lead, window: np.ascontiguousarray(flat[lead, window, scene.cells])

    def load(lead: int, window: int) -> FloatArray:
        place: Any = np.unravel_index(lead, leading) if leading else ()
        values = surface.variable[tuple(int(number) for number in (*place, window))].to_numpy()
        return np.ascontiguousarray(values.reshape(-1)[scene.cells])

    return load
