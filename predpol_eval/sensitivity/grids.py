"""The same comparison over other grids: moved, turned, and of other cells."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from predpol_eval.backtests import backtest
from predpol_eval.backtests.store import MANIFEST
from predpol_eval.budgets import Budget, read_budgets
from predpol_eval.counts import TimeRule
from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.events import Events
from predpol_eval.sensitivity.grid_summary import METRICS, GridRun, summed_up, unequal_ground
from predpol_eval.sensitivity.layouts import Ground, Layout, base_grid, lay, layouts_of, refuse_bound, same_ground

if TYPE_CHECKING:
    import xarray as xr

SHIFTS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5))
ROTATIONS = (0.0, 15.0, 30.0, 45.0)


def grid_sensitivity(
    forecasters: Mapping[str, Any],
    events: Events,
    areas: Any,
    schedule: Any,
    *,
    budgets: Any,
    cells: Sequence[float] | None = None,
    shifts: Sequence[tuple[float, float]] = SHIFTS,
    rotations: Sequence[float] = ROTATIONS,
    full: bool = False,
    metric: str = "hit_rate",
    baseline: str | None = None,
    alpha: float = 0.05,
    kinds: str | Sequence[str] | None = None,
    label: str | None = None,
    method: TimeRule = "aoristic",
    n_jobs: int | None = None,
    store: str | Path | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Run the same comparison over moved and turned grids and other cells: does the answer hang on the grid?

    Where the lines of a grid run is nobody's finding, and yet half a cell further east other crimes share a box.

    Parameters
    ----------
    forecasters, events, schedule, budgets, kinds, method, n_jobs
        As for `backtest`.
    areas : geopandas.GeoDataFrame, Grid, or (xmin, ymin, xmax, ymax)
        The study area. A grid is itself the base grid; others are laid over the areas it was made from.
    cells : sequence of float, optional
        Sides of the cells in metres, that of the base grid first. The base of a `Grid` are its own cells.
    shifts : sequence of (float, float)
        How far the grid is moved east and north, in shares of a cell, from 0 and below 1.
    rotations : sequence of float
        Degrees, from 0 and below 90, by which the grid is turned anticlockwise.
    full : bool
        All combinations of cells, shifts and rotations. Otherwise one thing at a time: the base grid, then its
        shifts, its rotations and its other cells.
    metric : str
        ``"hit_rate"``, ``"pai"`` and ``"search_efficiency"`` (which charge the area of the budget), ``"lift"``,
        ``"pei"``, ``"precision"``.
    baseline : str, optional
        The forecaster that all others are compared with; None compares each with each.
    alpha : float
        1 less the level of each interval, as in `compare`.
    label : str, optional
        Column of the GeoDataFrame with the names of the areas.
    store : path, optional
        Folder in which each grid has a store of its own (see `backtest`): an interrupted run goes on where it was.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        Over (grid, forecaster, kind, budget): the metric, its ``rank`` (1 the best; tied ones share the mean),
        ``few``, ``nights``, ``nights_missing`` and the tally's counts, summed over nights and areas. Over (forecaster,
        kind, budget): ``lowest`` and ``highest`` on any grid. Over (grid, kind, budget): ``same_order``, whether all
        ranks are those of the base grid.

        Over (grid, pair, kind, budget): ``difference`` (first less second), ``low``, ``high``, ``p``, ``enough``,
        ``verdict`` and ``nights_compared``, of `compare` with ``method="dm"``. Over (pair, kind, budget):
        ``difference_lowest``, ``difference_highest``, ``same_sign`` (on how many grids the sign is that of the base
        grid) and ``in_words``.

        Over grid: ``cells`` (how many), ``areas_without_cells``, and the coordinates ``cell``, ``shift_x``,
        ``shift_y``, ``rotation``, ``pivot_x``, ``pivot_y``. ``elsewhere`` (grid, kind): crimes whose own point lies in
        another area than their cell, or in none.

    Raises
    ------
    InputError
        If something cannot be used, nothing is varied, a forecaster holds numbers for the cells of one grid, or the
        ground of `TopCells` is no whole number of other cells.
    PlanLockedError
        If a store was begun with other data, another configuration or another version.

    Notes
    -----
    A turned grid is made by turning crimes and areas the other way about a corner of the grid: no distance, area or
    count changes by it.

    `Coverage` is the same ground on every grid. ``TopCells(k)`` is k cells of the base grid: with cells of half the
    side it flags 4k, under the same label. Cells that the border cuts are cells too, and other grids cut others:
    ``budget_m2`` tells what ground was bought, and a warning where it is off by a tenth.

    Crimes near the border may be ``outside`` on one grid and in a cut cell of another, so that ``events`` differs a
    little. The metric of two cell sizes answers two questions (``"pei"`` and ``"precision"`` hang on the size most);
    which forecaster is better is one question on all of them.

    ``lowest`` to ``highest`` is no interval: it tells what the choice of the grid is worth, not what chance is. The
    intervals of all grids are of the same nights and crimes, so that many of them agreeing is no further evidence. It
    costs as many backtests as there are grids: ask ``ppe.backtest(..., dry_run=True)`` for one of them.

    References
    ----------
    Openshaw 1984, The Modifiable Areal Unit Problem (CATMOG 38).

    Examples
    --------
    >>> import pandas as pd, predpol_eval as ppe
    >>> days = pd.date_range("2018-05-01", periods=20).astype(str)
    >>> frame = pd.DataFrame({"x": [240.0, 260.0] * 10, "y": 125.0, "t": days})
    >>> events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    >>> nights = ppe.Schedule(start="2018-05-11", end="2018-05-21", tz="Europe/London")
    >>> found = ppe.grid_sensitivity(
    ...     {"map": ppe.CountMap()}, events, (0, 0, 5000, 5000), nights, budgets=ppe.TopCells(1), cells=[250],
    ...     shifts=[(0.5, 0)], rotations=[], progress=False)
    >>> found.hit_rate.squeeze().to_series().to_dict()
    {'250 m': 0.25, '250 m, shifted (0.5, 0)': 1.0}
    """
    if metric not in METRICS:
        raise InputError(f"metric={metric!r}; choose one of {', '.join(map(repr, METRICS))}.")
    if store is not None and (Path(store) / MANIFEST).is_file():
        raise InputError(
            f"The folder {Path(store).name!r} is the store of a single backtest; give another one, in which each grid "
            "has its own."
        )
    if isinstance(forecasters, Mapping):
        refuse_bound(forecasters)
        _refuse_unknown(baseline, list(forecasters))
    chosen = read_budgets(budgets)
    base = base_grid(areas, events, cells, label)
    layouts = layouts_of(base, cells, shifts, rotations, full)
    # All of them first: a size that cannot be had must not stop a run half-way.
    bought = [same_ground(chosen, base, layout) for layout in layouts]
    grounds = [lay(layout, base, events) for layout in layouts]
    asked = {"kinds": kinds, "method": method, "n_jobs": n_jobs, "progress": progress}
    runs, heard = [], dict[str, list[str]]()
    with _bar(len(layouts), progress) as bar:
        for layout, ground, allowed in zip(layouts, grounds, bought, strict=True):
            bar.set_postfix_str(str(layout))
            folder = None if store is None else Path(store) / layout.folder
            tally = _played(forecasters, ground, schedule, allowed, {**asked, "store": folder}, heard, layout)
            runs.append(GridRun.of(layout, ground, _relabelled(tally, chosen), metric, baseline, alpha))
            bar.update()
    result = summed_up(runs, metric, baseline, alpha)
    for text, grids in {**heard, **unequal_ground(result)}.items():
        where = "all grids" if len(grids) == len(layouts) else "; ".join(grids)
        warnings.warn(f"On {where}: {text}", PredPolWarning, stacklevel=2)
    return result


def _refuse_unknown(baseline: str | None, names: list[str]) -> None:
    if baseline is not None and (baseline not in names or len(names) < 2):
        raise InputError(
            f"baseline={baseline!r} cannot be compared with the others; the forecasters are "
            f"{', '.join(map(repr, names))}: choose one of them, and have at least two."
        )


def _bar(grids: int, progress: bool) -> Any:
    with warnings.catch_warnings():
        # In a notebook without ipywidgets it falls back to text, and says so with a warning.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm

    return tqdm(total=grids, unit="grid", desc="grids", disable=None if progress else True)


def _played(
    forecasters: Mapping[str, Any],
    ground: Ground,
    schedule: Any,
    budgets: tuple[Budget, ...],
    asked: dict[str, Any],
    heard: dict[str, list[str]],
    layout: Layout,
) -> xr.Dataset:
    """Run the backtest of one grid; what it warns of is collected, to be said once for all grids."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PredPolWarning)
        tally: xr.Dataset = backtest(forecasters, ground.events, ground.grid, schedule, budgets=budgets, **asked)
    for warning in caught:
        if issubclass(warning.category, PredPolWarning):
            heard.setdefault(str(warning.message), []).append(str(layout))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return tally


def _relabelled(tally: xr.Dataset, chosen: tuple[Budget, ...]) -> xr.Dataset:
    """Give equal ground one name on all grids: that of the budget asked for."""
    names = tally["budget"].copy(data=[str(budget) for budget in chosen]).astype(object)
    return tally.assign_coords(budget=names)
