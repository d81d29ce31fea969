"""From the crimes known at a moment to a fitted self-exciting process in continuous space."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import days_between
from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.forecasters.base import Known, describe
from predpol_eval.forecasters.hawkes.continuous_background import distinct
from predpol_eval.forecasters.hawkes.continuous_crimes import ContinuousCrimes
from predpol_eval.forecasters.hawkes.continuous_fit import BEHIND, ContinuousFit, fit_continuous, refit_continuous
from predpol_eval.forecasters.hawkes.continuous_fitted import FittedContinuous
from predpol_eval.forecasters.hawkes.continuous_forecast import generation, sources
from predpol_eval.forecasters.hawkes.night import Night, night_of
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

UnsignedArray = npt.NDArray[np.uint64]

# No publisher knows a place to less than this, metres.
_METRE = 1.0
# From such a share of crimes that stand on another's place, places are taken to be snapped.
_SNAPPED = 0.1


def fit_continuous_model(forecaster: Any, past: Known) -> FittedContinuous:
    """Fit `SelfExciting(model="continuous")` to what is known; see there for its fields, errors and warnings."""
    crimes, order, names = _crimes(forecaster, night_of(past, forecaster.min_step))
    best = fit_continuous(
        crimes,
        bandwidth=forecaster.bandwidth,
        number_of_starts=forecaster.starts,
        max_iterations=forecaster.max_iterations,
        tolerance=forecaster.tolerance,
    )
    _warn(forecaster, past, crimes, best)
    return _fitted(forecaster, past, crimes, order, names, best)


def refit_continuous_model(forecaster: Any, night: Night, before: FittedContinuous) -> FittedContinuous | None:
    """Fit as `fit_continuous_model` does, starting from a fit to almost the same crimes; None where it is not sure."""
    crimes, order, names = _crimes(forecaster, night)
    chosen = order[crimes.inside > 0]
    known_before = before.order[before.crimes.inside > 0]
    guess = carried(_identities(before.known)[known_before], before.best.weight, _identities(night.past)[chosen])
    best = refit_continuous(crimes, before.best, guess, bandwidth=forecaster.bandwidth)
    return None if best is None else _fitted(forecaster, night.past, crimes, order, names, best)


def carried(known: UnsignedArray, weight: FloatArray, wanted: UnsignedArray) -> FloatArray:
    """Weights of crimes that were known before, by their identities; the mean of all for the others."""
    order = np.argsort(known)
    place = np.minimum(np.searchsorted(known[order], wanted), known.size - 1)
    same = known[order][place] == wanted
    return np.where(same, weight[order][place], float(weight.mean()))


def _identities(past: Known) -> UnsignedArray:
    """One number for time and place of each known crime; where two of them share it, a guess is a little worse."""
    parts = (past.events.happened.astype(np.int64), past.events.x.view(np.int64), past.events.y.view(np.int64))
    mixed = np.zeros(len(past.events), dtype=np.uint64)
    for part in parts:
        mixed = (mixed ^ part.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _fitted(
    forecaster: Any,
    past: Known,
    crimes: ContinuousCrimes,
    order: IntArray,
    names: tuple[str, str],
    best: ContinuousFit,
) -> FittedContinuous:
    mu = generation(sources(crimes, best), crimes, best, past.grid, 0).background
    return FittedContinuous(
        forecaster=forecaster,
        until=past.until,
        known=past,
        best=best,
        crimes=crimes,
        mu=mu,
        min_step=names[0],
        min_distance=names[1],
        order=order,
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


def _crimes(forecaster: Any, night: Night) -> tuple[ContinuousCrimes, IntArray, tuple[str, str]]:
    """The crimes as the likelihood wants them, which of the known they are, and what is said of the least step.

    Raises
    ------
    InputError
        If no crime or a single one lies in the study area, or all are at one moment or on one place.
    """
    past, grid = night.past, night.past.grid
    inside = night.where >= 0
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
    distance, name = least_distance(x[inside], y[inside], forecaster.min_distance)
    crimes = ContinuousCrimes(
        x=floats(x[order]),
        y=floats(y[order]),
        t=floats(t[order]),
        inside=integers(inside[order]),
        starts=floats([days_between(origin, first) for first, _ in past.periods]),
        ends=floats([days_between(origin, last) for _, last in past.periods]),
        min_step=night.step,
        min_distance=distance,
        x0=grid.x0,
        y0=grid.y0,
        cell=grid.cell,
        share=floats(np.where(grid.mask, grid.inside_m2, 0.0) / grid.cell**2),
    )
    return crimes, order, (night.step_name, name)


def least_distance(x: FloatArray, y: FloatArray, given: float | None) -> tuple[float, str]:
    """Least distance between two crimes in metres, and where it comes from: what is given, or what the places tell.

    Crimes moved to the nearest intersection, or to the middle of a block, lie on one place though they happened some
    way apart: about half as far as it is to the next such place. Without a least distance, sigma and the background's
    bandwidth would run to 0 on them.
    """
    from scipy.spatial import cKDTree

    if given is not None:
        return float(given), f"{given:g} m (min_distance)"
    east, north, of = distinct(x, y)
    number = np.bincount(of, minlength=east.size)
    if number[number > 1].sum() < _SNAPPED * x.size:
        return _METRE, "1 m (places differ)"
    places = np.stack([east, north], axis=1)
    next_place = cKDTree(places).query(places, k=2)[0][:, 1]
    half = max(0.5 * float(np.median(next_place)), _METRE)
    return half, f"{half:.3g} m (half the median distance from a place with crimes to the next, found in the data)"
