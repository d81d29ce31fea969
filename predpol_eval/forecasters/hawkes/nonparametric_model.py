"""From the crimes known at a moment to a fitted nonparametric self-exciting process."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from predpol_eval.civil_time import days_between, span
from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.forecasters.base import Known, describe
from predpol_eval.forecasters.hawkes.continuous_model import least_distance
from predpol_eval.forecasters.hawkes.declustering import DeclusteringRun, Setup, Shares, agree, decluster, densities
from predpol_eval.forecasters.hawkes.nonparametric_background import Ground, inside_table, nearest, place_map
from predpol_eval.forecasters.hawkes.nonparametric_fitted import FittedNonparametric
from predpol_eval.forecasters.hawkes.nonparametric_trigger import make_bins
from predpol_eval.forecasters.hawkes.time_step import least_step
from predpol_eval.kernels.crowding import crowded_pairs
from predpol_eval.kernels.pairs import close_pairs, count_pairs

# The trigger reaches at most this part of the observed time: a crime's own background comes from the rest of it.
LONGEST = 1 / 8
# More pairs than this would fill the memory.
MOST_PAIRS = 40_000_000
MOST_TOGETHER = 10_000_000
# p_jj of the crimes that follow another closely, in the first and the last start.
_STARTS = 0.9, 0.1


def fit_nonparametric_model(forecaster: Any, past: Known) -> FittedNonparametric:
    """Fit `SelfExciting(model="nonparametric")` to what is known; see there for its fields, errors and warnings."""
    step, step_name = least_step(past, forecaster.min_step)
    setup, distance_name = _setup(forecaster, past, step)
    starts = np.linspace(*_STARTS, forecaster.starts) if forecaster.starts > 1 else [0.5]
    runs = [decluster(setup, float(p), forecaster.max_iterations, forecaster.tolerance) for p in starts]
    best = max(runs, key=lambda run: (run.converged, run.log_likelihoods[-1]))
    same = agree(runs)
    _warn(forecaster, past, setup, runs, same)
    now = densities(setup, Shares(best.alone, best.pairs))
    share = place_map(setup.ground, past.grid, best.alone, now.bandwidth)
    return FittedNonparametric(
        forecaster=forecaster,
        until=past.until,
        known=past,
        branching_ratio=float((now.trigger.rate * setup.bins.volume).sum()),
        mu=now.level.recent(setup.ground.reach) * share,
        level=now.level.rate,
        bins=setup.bins,
        rate=now.trigger.rate,
        bandwidth=float(np.median(now.bandwidth)),
        t=setup.ground.t,
        x=setup.ground.x,
        y=setup.ground.y,
        alone=best.alone,
        days=setup.ground.days,
        now=float(days_between(past.periods[0][0], past.periods[-1][1])),
        pairs=int(setup.bin_of.size),
        runs=tuple(_light(run) for run in runs),
        best=runs.index(best),
        agree=same,
        min_step=step_name,
        min_distance=distance_name,
    )


def _light(run: DeclusteringRun) -> DeclusteringRun:
    """A run without its shares, which take as much room as the pairs."""
    nothing = np.zeros(0)
    return DeclusteringRun(run.start, nothing, nothing, run.ratios, run.log_likelihoods, run.changes, run.converged)


def _warn(forecaster: Any, past: Known, setup: Setup, runs: list[DeclusteringRun], same: bool) -> None:
    what = f"{describe(forecaster)} on the {setup.ground.t.size:,} crimes known at {past.until} UTC"
    unfinished = [run for run in runs if not run.converged]
    if unfinished:
        warnings.warn(
            f"{what} has not converged after {forecaster.max_iterations} iterations from {len(unfinished)} of "
            f"{len(runs)} starts: p_jj still changes by {max(run.changes[-1] for run in unfinished) ** 0.5:.2g} (root "
            "mean square) in one. Raise max_iterations.",
            PredPolWarning,
            stacklevel=4,
        )
    if not same:
        ends = ", ".join(f"{run.ratios[-1]:.3g}" for run in runs)
        warnings.warn(
            f"{what} came to rest in different places from different starts, with branching ratios {ends}: the data "
            "do not tell repeats from background. Use a longer lookback, fewer neighbours, a shorter reach, or "
            "model='cell'.",
            PredPolWarning,
            stacklevel=4,
        )


def _setup(forecaster: Any, past: Known, step: float) -> tuple[Setup, str]:
    """The crimes in the grid, sorted, with their close pairs; and what is said of the least distance.

    Raises
    ------
    InputError
        If the crimes are too few, all at one moment or on one place, told too coarsely, or too crowded.
    """
    grid = past.grid
    inside = grid.cells_of(past.events) >= 0
    x, y, moments = past.events.x[inside], past.events.y[inside], past.moments[inside]
    _refuse(forecaster, past, x, y, moments)
    origin = past.periods[0][0]
    t = np.asarray(days_between(origin, moments))
    # Not the order of the rows: which of two crimes at one time counts as the earlier must not depend on it.
    order = np.lexsort((y, x, t))
    t, x, y = t[order], x[order], y[order]
    starts = np.array([days_between(origin, first) for first, _ in past.periods], dtype=np.float64)
    ends = np.array([days_between(origin, last) for _, last in past.periods], dtype=np.float64)
    days = past.observed_days
    asked = span(forecaster.reach, "reach").nominal_days
    reach = min(asked, LONGEST * days)
    if reach < 2 * step:
        raise InputError(
            f"The trigger reaches back {reach:.3g} days ({forecaster.reach} are asked for, at most an eighth of the "
            f"{days:.4g} observed), but no two crimes are taken to be less than {step:.3g} days apart: nothing is left "
            "to see. Use a longer lookback or reach, or model='cell'."
        )
    radius = float(forecaster.radius)
    together = crowded_pairs(x, y, np.zeros(x.size), 1.0, np.inf)
    if together > MOST_TOGETHER:
        raise InputError(
            f"{together:,} pairs of crimes, of whatever time, stand on one place (to the metre), more than "
            f"{MOST_TOGETHER:,}: each would count in every iteration. Use model='cell', which takes any number of "
            "crimes in a cell, or a shorter lookback; if the place stands for an unknown one, drop its crimes."
        )
    number = crowded_pairs(x, y, t, radius, reach)
    if number <= MOST_PAIRS:
        number = count_pairs(x, y, t, radius, reach)
    if number > MOST_PAIRS:
        raise InputError(
            f"At least {number:,} pairs of crimes lie within {reach:.3g} days and {radius:g} m, more than "
            f"{MOST_PAIRS:,}. Use a shorter reach, a smaller radius or a shorter lookback."
        )
    least, distance_name = least_distance(x, y, forecaster.min_distance)
    distance, neighbour = nearest(x, y, forecaster.neighbours)
    opened = np.concatenate([[0.0], np.cumsum(ends - starts)])
    period = np.searchsorted(starts, t, side="right") - 1
    ground = Ground(
        t=t, clock=opened[period] + t - starts[period], x=x, y=y, days=days, distance=distance, neighbour=neighbour,
        least=least, total_m2=grid.total_m2, reach=reach,
        share=inside_table(grid, max(least, 0.05 * grid.cell), float(np.quantile(distance[:, -1], 0.99))),
    )  # fmt: skip
    bins = make_bins(t, x, y, starts, ends, grid, reach, radius)
    pairs = close_pairs(x, y, t, radius, reach)
    return (
        Setup(
            ground=ground, bins=bins, begin=pairs.offsets, bin_of=bins.of(pairs.days, np.sqrt(pairs.square)),
            k=forecaster.neighbours, k_time=forecaster.neighbours_in_time, least_lag=step,
        ),
        distance_name,
    )  # fmt: skip


def _refuse(forecaster: Any, past: Known, x: Any, y: Any, moments: Any) -> None:
    """Refuse what tells nothing about repeats."""
    number = len(x)
    least = 2 * forecaster.neighbours + 1
    if number < least:
        few = {0: "no crime is", 1: "a single crime is"}.get(number, f"{number} crimes are")
        found = f"{few} known in the grid (of {len(past.events):,} known), which tells nothing about repeats: "
        found += f"neighbours={forecaster.neighbours} needs at least {least}"
    elif (moments == moments[0]).all():
        found = f"{number} crimes, all at one moment, are known in the grid, which tells nothing about repeats"
    elif np.ptp(x) == 0 and np.ptp(y) == 0:
        found = (
            f"{number} crimes, all on one place, are known in the grid, which tells nothing about where repeats fall"
        )
    else:
        return
    raise InputError(
        f"At {past.until} UTC {found}. Start later, use a longer lookback or fewer neighbours, check that the events "
        "lie in the grid, or use model='cell'."
    )
