"""The definite set of whole cells that a budget flags, ties broken by lot."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.budgets import Budget, Coverage, Flags, TopCells, read_budgets, warn_small_areas
from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.flagging import Scene, amounts, budget_m2, flag, make_scene, scope_of
from predpol_eval.grid import Grid, check_grid
from predpol_eval.schedule import Windows
from predpol_eval.surface import check_surface

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def flagged_cells(risk: xr.DataArray, budgets: Any, grid: Grid, *, seed: int = 0) -> xr.DataArray:
    """Say which whole cells each budget flags.

    A tally counts ties by their expectation. Shape, change and overlap need one definite set: here tied cells (whose
    keys agree to 12 significant digits) are taken in one random order of the cells, the same for all forecasters,
    budgets and windows.

    Parameters
    ----------
    risk : xarray.DataArray
        A surface of any kind; leading dimensions (``forecaster``) are kept.
    budgets : budget or sequence of budgets
        `TopCells`, `Coverage`, `Flags`.
    grid : Grid
    seed : int
        Of the random order, from 0. A cell's lot follows from the seed and the place of the cell alone, so that neither
        another forecaster nor a larger study area changes who wins a tie.

    Returns
    -------
    xarray.DataArray
        ``flagged``, bool, over (..., budget, window, y, x); False outside the study area, of which the coordinate
        ``inside_m2`` tells. The coordinates ``budget_m2`` and ``budget_scope`` say what each budget allows, and where.

    Raises
    ------
    InputError
        If the surface or a budget is not usable, more is flagged than a budget allows, or the seed is no whole number.
    NotComparableError
        If the surface was made on another grid.

    Notes
    -----
    ``TopCells(k)`` flags exactly the smaller of k and the number of cells, in each area with ``per="area"``.
    ``Coverage`` flags whole cells from the riskiest down: with ``rounding="exact"`` or ``"floor"`` up to the first that
    does not fit, never more than the share; with ``"ceil"`` up to the first that fills the share. Where less is allowed
    than the smallest cell holds, nothing is flagged, with a warning. ``Flags`` and surfaces of kind ``flags`` give
    exactly what was flagged.

    The set is a draw: on a map full of ties another seed gives another. It is itself a surface of kind ``flags``, to be
    tallied or saved: ``flagged.sel(budget=..., drop=True).astype(float)``.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 1000, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[0.4, 0.1, 0.3, 0.2]]], grid, night, kind="expected_count")
    >>> ppe.flagged_cells(risk, ppe.TopCells(2), grid).squeeze().to_numpy().tolist()
    [True, False, True, False]
    """
    import xarray as xr

    chosen = read_budgets(budgets)
    check_grid(grid)
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        raise InputError(f"seed={seed!r}; give a whole number from 0, for instance seed=0.")
    surface = check_surface(risk, grid)
    windows = Windows.from_coords(surface)
    scene = make_scene(grid)
    warn_small_areas(chosen, grid)
    _warn_no_room(chosen, scene, grid)
    leading = surface.dims[:-3]
    flat = surface.to_numpy().astype(np.float64).reshape(prod(surface.shape[:-3]), len(windows), grid.mask.size)
    lot = lots(grid, scene.cells, int(seed))
    flagged = np.zeros((len(flat), len(chosen), len(windows), grid.mask.size), dtype=np.bool_)
    for lead in range(len(flat)):
        for w in range(len(windows)):
            values = np.ascontiguousarray(flat[lead, w, scene.cells])
            flagged[lead, :, w, scene.cells] = _definite(values, surface.attrs["kind"], chosen, scene, lot).T
    shape = (*(surface.sizes[name] for name in leading), len(chosen), len(windows), *grid.shape)
    several = len(grid.labels) > 1
    scopes = ["area" if budget.per == "area" or not several else "city" for budget in chosen]
    allowed = [float(budget_m2(budget, scene).sum()) for budget in chosen]
    return xr.DataArray(
        flagged.reshape(shape),
        dims=(*leading, "budget", "window", "y", "x"),
        coords={
            **{name: surface[name] for name in leading if name in surface.coords},
            "budget": ("budget", np.array([str(budget) for budget in chosen], dtype=object)),
            "budget_m2": ("budget", allowed, {"long_name": "area that the budget allows", "units": "m2"}),
            "budget_scope": ("budget", np.array(scopes, dtype=object), {"long_name": "where one budget is spent"}),
            **windows.coords,
            "y": ("y", grid.y, {"units": "m", "long_name": "northing of the cell centre"}),
            "x": ("x", grid.x, {"units": "m", "long_name": "easting of the cell centre"}),
            "inside_m2": (("y", "x"), grid.inside_m2, {"units": "m2", "long_name": "area inside the study area"}),
        },
        name="flagged",
        attrs={
            "kind": "flags",
            "long_name": "flagged cells",
            "units": "1",
            "definition": "whole cells by falling key as far as the budget goes, ties by one seeded order of the cells",
            "grid": grid.fingerprint,
            "crs": grid.crs,
            "cell": grid.cell,
            "tz": windows.tz,
            "seed": int(seed),
        },
    )


def lots(grid: Grid, cells: IntArray, seed: int) -> IntArray:
    """Rank of each of the `cells` (flat) in the random order of `seed`: a property of where the cell lies.

    A generator would hand its numbers out by position in the array, so that a row added in the south changed every
    tie. Here the coordinates of the cell's corner, in millimetres, are mixed with the seed (SplitMix64).
    """
    row, column = np.divmod(cells, grid.shape[1])
    mixed = np.full(len(cells), seed, dtype=np.uint64)
    for part in (grid.x0_mm + grid.cell_mm * column, grid.y0_mm + grid.cell_mm * row):
        mixed = _mix(mixed ^ part.astype(np.int64).view(np.uint64))
    rank = np.empty(len(cells), dtype=np.int64)
    rank[np.lexsort((cells, mixed))] = np.arange(len(cells))
    return rank


def _mix(z: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _definite(
    values: FloatArray, kind: str, budgets: Sequence[Budget], scene: Scene, lot: IntArray
) -> npt.NDArray[np.bool_]:
    """Which cells each budget flags in one window; shape (budgets, cells)."""
    from predpol_eval.kernels import ranking

    flagged = np.zeros((len(budgets), len(values)), dtype=np.bool_)
    orders: dict[tuple[bool, bool], tuple[IntArray, IntArray]] = {}
    for b, budget in enumerate(budgets):
        if kind == "flags" or isinstance(budget, Flags):
            # Spending it here only refuses what exceeds the budget.
            flag(values, kind, (budget,), scene)
            flagged[b] = values > 0
            continue
        by_area = isinstance(budget, Coverage) and kind == "expected_count"
        dealing = by_area, budget.per is not None
        if dealing not in orders:
            key = values / scene.inside if by_area else values
            scope, scopes = scope_of(budget, scene)
            dealt, start, tied = ranking.by_scope(np.argsort(-key, kind="stable"), key, scope, scopes)
            group = np.cumsum(~tied)
            orders[dealing] = dealt[np.lexsort((lot[dealt], group))], start
        order, start = orders[dealing]
        amount, mode = amounts(budget, scene)
        for s in range(len(start) - 1):
            here = order[start[s] : start[s + 1]]
            flagged[b, here[: _how_many(scene.inside[here], float(amount[s]), mode)]] = True
    return flagged


def _how_many(ground: FloatArray, amount: float, mode: int) -> int:
    """Cells that an amount pays for, from the top; a billionth of a cell is rounding."""
    from predpol_eval.kernels import spending

    if mode == spending.TOP:
        return int(amount)
    together = np.cumsum(ground)
    if mode == spending.CEIL:
        taken = amount - (together - ground) > 1e-9 * ground
    else:
        taken = together <= amount + 1e-9 * ground
    return len(taken) if taken.all() else int(np.argmin(taken))


def _warn_no_room(budgets: Sequence[Budget], scene: Scene, grid: Grid) -> None:
    """Warn where whole cells only are flagged and not even the smallest fits."""
    for budget in budgets:
        if isinstance(budget, TopCells | Flags) or budget.rounding == "ceil":
            continue
        scope, scopes = scope_of(budget, scene)
        smallest = np.full(scopes, np.inf)
        np.minimum.at(smallest, scope, scene.inside)
        empty = np.flatnonzero(np.isfinite(smallest) & (smallest * (1 - 1e-9) > amounts(budget, scene)[0]))
        if len(empty):
            names = [grid.labels[code] for code in empty[:5]] if budget.per else ["the whole grid"]
            more = f" and {len(empty) - 5} more" if len(empty) > 5 else ""
            warnings.warn(
                f"'{budget}' is less than any one cell of {', '.join(names)}{more}: no whole cell fits, so nothing is "
                "flagged there. Use a larger share, rounding='ceil' or ppe.TopCells(...).",
                PredPolWarning,
                stacklevel=3,
            )
