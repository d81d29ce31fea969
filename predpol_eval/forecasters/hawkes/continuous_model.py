"""From the crimes known at a moment to a fitted self-exciting process in continuous space."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from predpol_eval.civil_time import days_between
from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.forecasters.base import Known, describe
from predpol_eval.forecasters.hawkes.continuous_crimes import ContinuousCrimes
from predpol_eval.forecasters.hawkes.continuous_fit import BEHIND, ContinuousFit, fit_continuous
from predpol_eval.forecasters.hawkes.continuous_fitted import FittedContinuous
from predpol_eval.forecasters.hawkes.continuous_forecast import generation, sources
from predpol_eval.forecasters.hawkes.time_step import least_step
from predpol_eval.kernels.points import FloatArray, floats, integers

# No publisher knows a place to less than this, metres.
_METRE = 1.0
# From such a share of crimes that stand on another's place, places are taken to be snapped.
_SNAPPED = 0.1


def fit_continuous_model(forecaster: Any, past: Known) -> FittedContinuous:
    """Fit `SelfExciting(model="continuous")` to what is known; see there for its fields, errors and warnings."""
    step, step_name = least_step(past, forecaster.min_step)
    crimes, distance_name = _crimes(past, step, forecaster.min_distance)
    best = fit_continuous(
        crimes,
        bandwidth=forecaster.bandwidth,
        number_of_starts=forecaster.starts,
        max_iterations=forecaster.max_iterations,
        tolerance=forecaster.tolerance,
    )
    _warn(forecaster, past, crimes, best)
    mu = generation(sources(crimes, best), crimes, best, past.grid, 0).background
    return FittedContinuous(
        forecaster=forecaster,
        until=past.until,
        known=past,
        best=best,
        crimes=crimes,
        mu=mu,
        min_step=step_name,
        min_distance=distance_name,
    )


def _warn(forecaster: Any, past: Known, crimes: ContinuousCrimes, best: ContinuousFit) -> None:
    what = f"{describe(forecaster)} on the {crimes.number:,} crimes known at {past.until} UTC"
    if not best.converged:
        warnings.warn(
            f"{what} has not converged after {forecaster.max_iterations} iterations; its forecast is that of the last "
            "one. Raise max_iterations.",
            PredPolWarning,
            stacklevel=4,
        )
    rivals = [other for other in best.others if abs(other[3]) < BEHIND]
    if rivals:
        ends = ", ".join(f"({theta:.3g}, {omega:.3g}, {sigma:.3g})" for theta, omega, sigma, _ in rivals)
        warnings.warn(
            f"{what} came to rest elsewhere from another start, almost as likely: theta, omega and sigma {ends} "
            f"instead of ({best.theta:.3g}, {best.omega:.3g}, {best.sigma:.3g}). The data do not tell which: use a "
            "longer lookback, set bandwidth, or use model='cell'.",
            PredPolWarning,
            stacklevel=4,
        )


def _crimes(past: Known, step: float, min_distance: float | None) -> tuple[ContinuousCrimes, str]:
    """The crimes as the likelihood wants them, and what is said of the least distance.

    Raises
    ------
    InputError
        If no crime or a single one lies in the study area, or all are at one moment or on one place.
    """
    grid = past.grid
    inside = grid.cells_of(past.events) >= 0
    x, y, moments = past.events.x, past.events.y, past.moments
    number = int(inside.sum())
    one_moment = number > 1 and bool((moments[inside] == moments[inside][0]).all())
    one_place = number > 1 and np.ptp(x[inside]) == 0 and np.ptp(y[inside]) == 0
    if number < 2 or one_moment or one_place:
        several = f"{number} crimes, all {'at one moment' if one_moment else 'on one place'}, are"
        few = {0: "no crime is", 1: "a single crime is"}.get(number, several)
        raise InputError(
            f"At {past.until} UTC {few} known in the grid (of {len(past.events):,} known), which tells nothing about "
            "repeats in time and space. Start later, use a longer lookback, check that the events lie in the grid, or "
            "use model='cell' where all places are alike."
        )
    origin = past.periods[0][0]
    t = np.asarray(days_between(origin, moments))
    # Not the order of the rows: which of two crimes at one time counts as the earlier must not depend on it.
    order = np.lexsort((y, x, t))
    distance, name = least_distance(x[inside], y[inside], min_distance)
    crimes = ContinuousCrimes(
        x=floats(x[order]),
        y=floats(y[order]),
        t=floats(t[order]),
        inside=integers(inside[order]),
        starts=floats([days_between(origin, first) for first, _ in past.periods]),
        ends=floats([days_between(origin, last) for _, last in past.periods]),
        min_step=step,
        min_distance=distance,
        x0=grid.x0,
        y0=grid.y0,
        cell=grid.cell,
        share=floats(np.where(grid.mask, grid.inside_m2, 0.0) / grid.cell**2),
    )
    return crimes, name


def least_distance(x: FloatArray, y: FloatArray, given: float | None) -> tuple[float, str]:
    """Least distance between two crimes in metres, and where it comes from: what is given, or what the places tell.

    Crimes moved to the nearest intersection, or to the middle of a block, lie on one place though they happened some
    way apart: about half as far as it is to the next such place. Without a least distance, sigma and the background's
    bandwidth would run to 0 on them.
    """
    from scipy.spatial import cKDTree

    if given is not None:
        return float(given), f"{given:g} m (min_distance)"
    places, number = np.unique(np.stack([x, y], axis=1), axis=0, return_counts=True)
    if number[number > 1].sum() < _SNAPPED * x.size:
        return _METRE, "1 m (places differ)"
    next_place = cKDTree(places).query(places, k=2)[0][:, 1]
    half = max(0.5 * float(np.median(next_place)), _METRE)
    return half, f"{half:.3g} m (half the median distance from a place with crimes to the next, found in the data)"
