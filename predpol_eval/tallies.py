"""The additive counts that every ratio is made of: what did the flags catch?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.budgets import Budget, TopCells, read_budgets, warn_small_areas
from predpol_eval.counts import Crimes, TimeRule, check_time_rule, crimes_in
from predpol_eval.crimes_by_night import by_night, nights_of
from predpol_eval.events import Events
from predpol_eval.flagging import Flagging, Scene, Spender, budget_m2, make_scene
from predpol_eval.grid import Grid, check_events, check_grid
from predpol_eval.schedule import Windows, refuse_finer_than_data, refuse_unobserved
from predpol_eval.surface import check_surface

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]

CAUGHT = ("hits", "hits_worst", "hits_best", "oracle_hits", "chance_hits", "flagged_m2", "boxes", "boxes_hit")
DESCRIPTIONS = {
    "hits": ("crimes caught, expected over ties", "crimes"),
    "hits_worst": ("crimes caught if ties fall badly", "crimes"),
    "hits_best": ("crimes caught if ties fall well", "crimes"),
    "oracle_hits": ("the most crimes the same budget could have caught", "crimes"),
    "chance_hits": ("crimes that flags placed blindly catch: crimes x flagged / total, by window and area", "crimes"),
    "events": ("crimes in the cells of the study area", "crimes"),
    "outside": ("crimes in no cell of the study area", "crimes"),
    "flagged_m2": ("area flagged, expected over ties", "m2"),
    "budget_m2": ("area that the budget allows", "m2"),
    "total_m2": ("inside-area of the cells", "m2"),
    "boxes": ("cells flagged, expected over ties", "cells"),
    "boxes_hit": ("cells flagged in which a crime happened", "cells"),
    "hits_once": ("crimes caught, each counted once, on the last window of its span", "crimes"),
    "events_once": ("crimes in the cells, each counted once, on the last window of its span", "crimes"),
}


class Tonight(NamedTuple):
    """The crimes of one window: cells with any, in order; of every cell how many, and how probably one at least."""

    place: npt.NDArray[np.int64]
    crimes_of: FloatArray
    hit_of: FloatArray


def tonight(crimes: FloatArray, hit: FloatArray) -> Tonight:
    """Find where the crimes of a window are.

    Parameters
    ----------
    crimes, hit : array, shape (cells,)
        Crimes, and the probability that one happened, per cell in the order of a scene.
    """
    return Tonight(np.flatnonzero(crimes > 0), crimes, hit)


def tally_window(flagged_by: Sequence[Flagging], here: Tonight, budgets: Sequence[Budget], scene: Scene) -> FloatArray:
    """Count what the flags of one surface caught in one window.

    Parameters
    ----------
    flagged_by : sequence of Flagging
        What each budget flags: `flag(values, kind, budgets, scene)`.
    here : Tonight
    budgets : sequence of budgets
    scene : Scene

    Returns
    -------
    array of float, shape (len(CAUGHT), budgets, labels)
    """
    from predpol_eval.kernels import spending

    out = np.empty((len(budgets), scene.labels, len(CAUGHT)))
    for row, budget, done in zip(out, budgets, flagged_by, strict=True):
        # An oracle for Coverage and Flags works with the area actually counted, one for TopCells with the cells
        # allowed.
        by_area, per_label = not isinstance(budget, TopCells), budget.per == "area"
        row[:] = spending.counted(
            *(done.dealt, done.own, done.group, done.room, done.mode, done.amount, per_label, by_area),
            *(scene.inside, here.crimes_of, here.hit_of, here.place, scene.label, scene.labels, scene.total),
        )
    return out.transpose(2, 0, 1)


def shares_of(cell: npt.NDArray[np.int64], flagged_by: Sequence[Flagging], scene: Scene) -> FloatArray:
    """Share of each crime that each budget catches, 0 for a crime outside; shape (budgets, crimes)."""
    place = scene.position[np.maximum(cell, 0)]
    return np.stack([np.where(cell >= 0, done.share[place], 0.0) for done in flagged_by])


def caught_once(
    crimes: Crimes,
    shares: FloatArray,
    windows: Windows,
    grid: Grid,
    counted: npt.NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray]:
    """Count every crime once, with its whole weight, on the last of its windows that is counted.

    Parameters
    ----------
    crimes : Crimes
        Those of all windows.
    shares : array, shape (budgets, crimes)
        What share of each was caught, as `shares_of` gives it.
    windows : Windows
    grid : Grid
    counted : array of bool, shape (windows,)
        Windows that did not fail.

    Returns
    -------
    hits_once : array, shape (areas, budgets, windows)
    events_once : array, shape (areas, windows)
        NaN in windows that failed.
    """
    window = crimes.entering(windows, counted)
    here = np.flatnonzero((window >= 0) & (crimes.cell >= 0))
    area, window = grid.label_code.ravel()[crimes.cell[here]], window[here]
    hits = np.zeros((len(grid.labels), len(windows), len(shares)))
    events = np.zeros((len(grid.labels), len(windows)))
    np.add.at(hits, (area, window), (crimes.weight[here] * shares[:, here]).T)
    np.add.at(events, (area, window), crimes.weight[here])
    hits[:, ~counted], events[:, ~counted] = np.nan, np.nan
    return hits.transpose(0, 2, 1), events


def tally(
    risk: xr.DataArray, observed: Events | xr.DataArray, budgets: Any, grid: Grid, *, method: TimeRule = "aoristic"
) -> xr.Dataset:
    """Count what a surface's flags caught.

    Parameters
    ----------
    risk : xarray.DataArray
        A surface; further leading dimensions (``forecaster``) are kept.
    observed : Events or xarray.DataArray
        The crimes of the same windows, or counts made by `count`.
    budgets : budget or sequence of budgets
        `TopCells`, `Coverage`, `Flags`.
    grid : Grid
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain (for Events).

    Returns
    -------
    xarray.Dataset
        Additive counts over (..., area, budget, window): sum them first, divide once (`hit_rate`, `pai`, ...).
        ``attrs["elsewhere"]`` is the number of crimes whose own point lies in another area than their cell. Where the
        uncertain time of a crime is spread over several of the windows there are also ``hits_once`` and
        ``events_once``: see the notes.

    Raises
    ------
    InputError
        If a surface or count is not usable, or more is flagged than a budget allows.
    NotComparableError
        If grids or windows differ.

    Notes
    -----
    A crime that may have happened in several windows counts in each with its aoristic weight. Such windows are not
    independent of each other, so a comparison counts it once: ``hits_once`` and ``events_once`` have it on the latest
    window that it has weight in, with its whole weight, and with the credit that its windows earned together. Their
    sums over all windows are those of ``hits`` and ``events``. Counts made by `count` do not know what belongs to one
    crime: give Events where that matters (``attrs["spread"]`` says how many crimes are spread).

    References
    ----------
    Ratcliffe 2000, International Journal of Geographical Information Science 14 (aoristic weights).

    Examples
    --------
    >>> import numpy as np, predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 1000, 250, cell=250, crs="EPSG:27700")
    >>> windows = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[0.4, 0.3, 0.3, 0.1]]], grid, windows, kind="expected_count")
    >>> crimes = risk.copy(data=[[[1.0, 0.0, 2.0, 1.0]]]).rename("count")
    >>> ppe.tally(risk, crimes, ppe.TopCells(2), grid).hits.item()
    2.0
    """
    chosen = read_budgets(budgets)
    check_grid(grid)
    surface, windows, crimes = by_night(risk, observed, grid, method)
    warn_small_areas(chosen, grid)
    scene = make_scene(grid)
    seen = crimes.seen if "spread" in crimes.told else None
    leading = surface.dims[:-3]
    shape = tuple(surface.sizes[name] for name in leading)
    values = nights_of(surface, scene)
    caught = np.empty((math.prod(shape), len(CAUGHT), scene.labels, len(chosen), len(windows)))
    events = np.zeros((scene.labels, len(windows)))
    shares = np.zeros((len(caught), len(chosen), 0 if seen is None else len(seen.window)))
    spender = Spender(chosen, scene)
    for w in range(len(windows)):
        here = tonight(*crimes.of(w, scene))
        events[:, w] = np.bincount(scene.label[here.place], here.crimes_of[here.place], minlength=scene.labels)
        which = None if seen is None else seen.window == w
        for lead in range(len(caught)):
            flagged_by = spender.flag(values(lead, w), surface.attrs["kind"])
            caught[lead, ..., w] = tally_window(flagged_by, here, chosen, scene).transpose(0, 2, 1)
            if seen is not None and which is not None:
                shares[lead][:, which] = shares_of(seen.cell[which], flagged_by, scene)
    data = assemble(
        caught.reshape(*shape, *caught.shape[1:]), events, crimes.outside, leading, {}, chosen, grid, scene, windows
    )
    if seen is not None:
        every = np.ones(len(windows), dtype=bool)
        once = [caught_once(seen, part, windows, grid, every) for part in shares]
        add_once(data, leading, *(np.stack(part).reshape(*shape, *part[0].shape) for part in zip(*once, strict=True)))
    data.attrs.update(crimes.told)
    return data.assign_coords({name: surface[name].variable for name in leading if name in surface.coords})


def assemble(
    caught: FloatArray,
    events: FloatArray,
    outside: FloatArray,
    leading: Sequence[Any],
    coords: dict[str, Any],
    budgets: Sequence[Budget],
    grid: Grid,
    scene: Scene,
    windows: Windows,
) -> xr.Dataset:
    """Make the tally's Dataset from plain arrays.

    `caught` has shape (*leading, len(CAUGHT), areas, budgets, windows); `events` and `outside` have the trailing shapes
    (areas, windows) and (windows,), with or without the leading dimensions.
    """
    import xarray as xr

    lead = tuple(leading)
    axis = len(lead)
    shape = caught.shape[:axis]
    data: dict[str, Any] = {
        name: ((*lead, "area", "budget", "window"), np.take(caught, number, axis=axis))
        for number, name in enumerate(CAUGHT)
    }
    allowed = np.stack([budget_m2(budget, scene) for budget in budgets], axis=-1)
    total = np.bincount(scene.label, scene.inside, minlength=scene.labels)
    full = (*shape, scene.labels, len(budgets), len(windows))
    data["events"] = ((*lead, "area", "window"), np.broadcast_to(events, (*shape, *events.shape[-2:])).copy())
    data["outside"] = ((*lead, "window"), np.broadcast_to(outside, (*shape, len(windows))).copy())
    data["budget_m2"] = ((*lead, "area", "budget", "window"), np.broadcast_to(allowed[..., None], full).copy())
    data["total_m2"] = (
        (*lead, "area", "window"),
        np.broadcast_to(total[:, None], (*shape, scene.labels, len(windows))).copy(),
    )
    data["status"] = ((*lead, "window"), np.full((*shape, len(windows)), "ok", dtype=object))
    data["reason"] = ((*lead, "window"), np.full((*shape, len(windows)), "", dtype=object))
    city_wide = len(grid.labels) > 1
    scopes = ["area" if budget.per == "area" or not city_wide else "city" for budget in budgets]
    result = xr.Dataset(
        data,
        coords={
            **coords,
            **windows.coords,
            "area": ("area", np.array(grid.labels, dtype=object)),
            "budget": ("budget", np.array([str(budget) for budget in budgets], dtype=object)),
            "budget_scope": ("budget", np.array(scopes, dtype=object), {"long_name": "where one budget is spent"}),
        },
        attrs={"grid": grid.fingerprint, "crs": grid.crs, "cell": grid.cell, "tz": windows.tz},
    )
    for name in data.keys() & DESCRIPTIONS.keys():
        text, units = DESCRIPTIONS[name]
        result[name].attrs.update(long_name=text, units=units)
    return result


def add_once(data: xr.Dataset, leading: Sequence[Any], hits_once: FloatArray, events_once: FloatArray) -> None:
    """Add what `caught_once` counted, with the leading dimensions, to a tally."""
    data["hits_once"] = ((*leading, "area", "budget", "window"), hits_once)
    data["events_once"] = ((*leading, "area", "window"), events_once)
    for name in ("hits_once", "events_once"):
        text, units = DESCRIPTIONS[name]
        data[name].attrs.update(long_name=text, units=units)


def credits(
    risk: xr.DataArray, events: Events, budgets: Any, grid: Grid, *, method: TimeRule = "aoristic"
) -> xr.Dataset:
    """Say crime by crime what was caught.

    Parameters
    ----------
    risk, events, budgets, grid, method
        As for `tally`.

    Returns
    -------
    xarray.Dataset
        ``credit`` (..., event, budget): the expected share of the crime that was caught, 0 for a crime outside. One
        row per crime and window; ``weight`` (event) is 1 unless the time is uncertain, and the sum of ``weight *
        credit`` is the tally's ``hits``. Coordinates: ``crime``, the crime's row in Events, by which the windows of one
        crime are put together; ``window``, ``cell`` (-1: outside), ``area`` (blank: outside), ``kind``, ``id``; and
        ``night``, all windows, those without crime too.

    Examples
    --------
    >>> import pandas as pd, predpol_eval as ppe
    >>> frame = pd.DataFrame({"x": [10.0, 300.0], "y": [10.0, 10.0], "t": ["2018-05-01 22:00"] * 2})
    >>> events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> windows = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[2.0, 1.0]]], grid, windows, kind="score")
    >>> ppe.credits(risk, events, ppe.TopCells(1), grid).credit.to_numpy().ravel().tolist()
    [1.0, 0.0]
    """
    import xarray as xr

    check_time_rule(method)
    chosen = read_budgets(budgets)
    check_grid(grid)
    surface = check_surface(risk, grid)
    windows = Windows.from_coords(surface)
    check_events(events)
    refuse_finer_than_data(events, windows)
    refuse_unobserved(events, windows)
    seen = crimes_in(events, grid, windows, method)
    scene = make_scene(grid)
    leading = surface.dims[:-3]
    shape = tuple(surface.sizes[name] for name in leading)
    values = nights_of(surface, scene)
    credit = np.zeros((math.prod(shape), len(seen.event), len(chosen)))
    spender = Spender(chosen, scene)
    for lead in range(len(credit)):
        for w in np.unique(seen.window):
            flagged_by = spender.flag(values(lead, int(w)), surface.attrs["kind"])
            here = seen.window == w
            credit[lead, here] = shares_of(seen.cell[here], flagged_by, scene).T
    areas = np.array([*grid.labels, ""], dtype=object)
    code = np.where(seen.cell >= 0, grid.label_code.ravel()[np.maximum(seen.cell, 0)], -1)
    return xr.Dataset(
        {
            "credit": ((*leading, "event", "budget"), credit.reshape(*shape, len(seen.event), len(chosen))),
            "weight": ("event", seen.weight),
        },
        coords={
            "crime": ("event", seen.event, {"long_name": "row of the crime in Events"}),
            "id": ("event", events.id[seen.event]),
            "kind": ("event", events.kind[seen.event].astype(object)),
            "window": ("event", windows.start[seen.window]),
            "cell": ("event", seen.cell),
            "area": ("event", areas[code]),
            "budget": ("budget", np.array([str(budget) for budget in chosen], dtype=object)),
            "night": ("night", windows.start, {"long_name": "all windows, those without crime too"}),
            **{name: surface[name].variable for name in leading if name in surface.coords},
        },
        attrs={"grid": grid.fingerprint, "method": method},
    )
