"""From the crimes known at a moment to a fitted self-exciting process in cells."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import days_between
from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.forecasters.base import Known, describe
from predpol_eval.forecasters.hawkes.cell_fit import (
    CellFit,
    background_given,
    fit_cells,
    half_fits,
    jackknifed,
    refit_cells,
    refit_halves,
)
from predpol_eval.forecasters.hawkes.cell_forecast import FittedSelfExciting
from predpol_eval.forecasters.hawkes.cells import CellCrimes, sorted_crimes
from predpol_eval.forecasters.hawkes.night import Night, night_of
from predpol_eval.grid import Grid


class Layout(NamedTuple):
    """The model's cells: which of them each grid cell lies in, shape (ny, nx), and the inside-area of each."""

    block: npt.NDArray[np.int64]
    area: npt.NDArray[np.float64]


def fit_cell_model(forecaster: Any, past: Known) -> FittedSelfExciting:
    """Fit `SelfExciting(model="cell")` to what is known; see there for its fields, errors and warnings."""
    layout = layout_of(past.grid, forecaster.cell)
    night = night_of(past, forecaster.min_step)
    crimes = _crimes(night, layout, shared=forecaster.background == "shared")
    limits = forecaster.max_iterations, forecaster.tolerance
    best = fit_cells(crimes, max_iterations=limits[0], tolerance=limits[1])
    if not best.converged:
        warnings.warn(
            f"{describe(forecaster)} has not converged after {forecaster.max_iterations} iterations on the "
            f"{crimes.t.size:,} crimes known at {past.until} UTC; its forecast is that of the last one. Raise "
            "max_iterations.",
            PredPolWarning,
            stacklevel=3,
        )
    halves = half_fits(crimes, best, *limits) if forecaster.jackknife else ()
    return _fitted(forecaster, night, layout, crimes, best, halves)


def refit_cell_model(forecaster: Any, night: Night, before: FittedSelfExciting) -> FittedSelfExciting | None:
    """Fit as `fit_cell_model` does, starting from a fit to almost the same crimes; None where that is not sure."""
    layout = layout_of(night.past.grid, forecaster.cell)
    crimes = _crimes(night, layout, shared=forecaster.background == "shared")
    best = refit_cells(crimes, before.best)
    halves = refit_halves(crimes, before.halves) if forecaster.jackknife else ()
    return None if best is None or halves is None else _fitted(forecaster, night, layout, crimes, best, halves)


def _fitted(
    forecaster: Any, night: Night, layout: Layout, crimes: CellCrimes, best: CellFit, halves: tuple[CellFit, ...]
) -> FittedSelfExciting:
    grid, (block, area) = night.past.grid, layout
    theta, omega, mu = best.theta, best.omega, best.mu
    better = jackknifed(best, halves)
    if better is not None:
        theta, omega = better
        mu = background_given(crimes, theta, omega, mu)
    rate, excitation = np.zeros(area.size), np.zeros(area.size)
    if forecaster.background == "shared":
        rate[:] = mu[0] * area / grid.total_m2
    else:
        rate[crimes.numbers] = mu
    if theta > 0:
        left = np.exp(-omega * (crimes.ends[-1] - crimes.t))
        excitation[crimes.numbers] = np.add.reduceat(left, crimes.cells[:-1])
    # Each grid cell holds its share of a block's inside-area.
    part = np.divide(grid.inside_m2, area[block], out=np.zeros(grid.shape), where=grid.mask & (area[block] > 0))
    return FittedSelfExciting(
        forecaster=forecaster,
        until=night.past.until,
        known=night.past,
        theta=theta,
        omega=omega,
        mu=rate[block] * part,
        excitation=excitation[block] * part,
        best=best,
        crimes=crimes,
        corrected=better is not None,
        min_step=night.step_name,
        halves=halves,
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


def layout_of(grid: Grid, cell: float | None) -> Layout:
    """Lay out the model's cells over the grid, its own if `cell` is None."""
    per_side = _per_side(cell, grid)
    ny, nx = grid.shape
    across = -(-nx // per_side)
    block = (np.arange(ny) // per_side)[:, None] * across + (np.arange(nx) // per_side)[None, :]
    area = np.bincount(block.ravel(), np.where(grid.mask, grid.inside_m2, 0.0).ravel())
    return Layout(block.astype(np.int64), area.astype(np.float64))


def _crimes(night: Night, layout: Layout, *, shared: bool) -> CellCrimes:
    """The crimes in the grid as the likelihood wants them.

    Raises
    ------
    InputError
        If there is no crime, a single one, or all happened at one moment.
    """
    past, order = night.past, night.order(layout.block)
    moments = past.moments[order]
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
    number = layout.block.ravel()[night.where[order]]
    share = layout.area[number] / past.grid.total_m2 if shared else np.ones(number.size)
    t = np.asarray(days_between(origin, moments))
    return sorted_crimes(t, number, share, starts, ends, night.step, shared=shared)
