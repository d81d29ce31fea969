"""From the crimes known at a moment to a fitted self-exciting process in cells."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import days_between
from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.forecasters.base import Known, describe
from predpol_eval.forecasters.hawkes.cell_fit import background_given, fit_cells, half_panel
from predpol_eval.forecasters.hawkes.cell_forecast import FittedSelfExciting
from predpol_eval.forecasters.hawkes.cells import CellCrimes, crimes_by_cell
from predpol_eval.forecasters.hawkes.time_step import least_step
from predpol_eval.grid import Grid


def fit_cell_model(forecaster: Any, past: Known) -> FittedSelfExciting:
    """Fit `SelfExciting(model="cell")` to what is known; see there for its fields, errors and warnings."""
    grid = past.grid
    block, area = _blocks(grid, _per_side(forecaster.cell, grid))
    step, step_name = least_step(past, forecaster.min_step)
    crimes, numbers = _crimes(past, block, area, step, shared=forecaster.background == "shared")
    best = fit_cells(crimes, max_iterations=forecaster.max_iterations, tolerance=forecaster.tolerance)
    if not best.converged:
        warnings.warn(
            f"{describe(forecaster)} has not converged after {forecaster.max_iterations} iterations on the "
            f"{crimes.t.size:,} crimes known at {past.until} UTC; its forecast is that of the last one. Raise "
            "max_iterations.",
            PredPolWarning,
            stacklevel=3,
        )
    theta, omega, mu = best.theta, best.omega, best.mu
    better = half_panel(crimes, best, forecaster.max_iterations, forecaster.tolerance) if forecaster.jackknife else None
    if better is not None:
        theta, omega = better
        mu = background_given(crimes, theta, omega, mu)
    rate, excitation = np.zeros(area.size), np.zeros(area.size)
    if forecaster.background == "shared":
        rate[:] = mu[0] * area / grid.total_m2
    else:
        rate[numbers] = mu
    if theta > 0:
        left = np.exp(-omega * (crimes.ends[-1] - crimes.t))
        excitation[numbers] = np.add.reduceat(left, crimes.cells[:-1])
    # Each grid cell holds its share of a block's inside-area.
    part = np.divide(grid.inside_m2, area[block], out=np.zeros(grid.shape), where=grid.mask & (area[block] > 0))
    return FittedSelfExciting(
        forecaster=forecaster,
        until=past.until,
        known=past,
        theta=theta,
        omega=omega,
        mu=rate[block] * part,
        excitation=excitation[block] * part,
        best=best,
        crimes=crimes,
        corrected=better is not None,
        min_step=step_name,
    )


def _per_side(cell: float | None, grid: Grid) -> int:
    """Grid cells along the side of one of the model's."""
    if cell is None:
        return 1
    side = round(float(cell) * 1000)
    if side < grid.cell_mm or side % grid.cell_mm or abs(side - float(cell) * 1000) > 1e-6:
        raise InputError(
            f"cell={cell:g} m is not a whole multiple of the grid's {grid.cell:g} m, so its rate cannot be "
            f"spread over whole cells; choose {grid.cell:g}, {2 * grid.cell:g}, {3 * grid.cell:g} and so on."
        )
    return side // grid.cell_mm


def _blocks(grid: Grid, per_side: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Number of the model's cell that each grid cell lies in, shape (ny, nx), and the inside-area of each."""
    ny, nx = grid.shape
    across = -(-nx // per_side)
    block = (np.arange(ny) // per_side)[:, None] * across + (np.arange(nx) // per_side)[None, :]
    area = np.bincount(block.ravel(), np.where(grid.mask, grid.inside_m2, 0.0).ravel())
    return block.astype(np.int64), area.astype(np.float64)


def _crimes(
    past: Known, block: npt.NDArray[np.int64], area: npt.NDArray[np.float64], step: float, *, shared: bool
) -> tuple[CellCrimes, npt.NDArray[np.int64]]:
    """The crimes in the grid as the likelihood wants them, and the numbers of the model's cells that have any.

    Raises
    ------
    InputError
        If there is no crime, a single one, or all happened at one moment.
    """
    where = past.grid.cells_of(past.events)
    inside = where >= 0
    moments = past.moments[inside]
    if moments.size < 2 or (moments == moments[0]).all():
        several = f"{moments.size} crimes, all at one moment, are"
        few = {0: "no crime is", 1: "a single crime is"}.get(moments.size, several)
        raise InputError(
            f"At {past.until} UTC {few} known in the grid (of {len(past.events):,} known), which tells nothing about "
            "repeats. Start later, use a longer lookback, or check that the events lie in the grid."
        )
    origin = past.periods[0][0]
    starts = np.array([days_between(origin, first) for first, _ in past.periods])
    ends = np.array([days_between(origin, last) for _, last in past.periods])
    number = block.ravel()[where[inside]]
    share = area[number] / past.grid.total_m2 if shared else np.ones(number.size)
    t = np.asarray(days_between(origin, moments))
    return crimes_by_cell(t, number, share, starts, ends, step, shared=shared), np.unique(number)
