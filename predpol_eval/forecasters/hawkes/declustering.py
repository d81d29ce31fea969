"""Stochastic declustering in the limit of many draws: every pair counts with its probability, until nothing moves.

Mohler and others draw who set off whom, smooth the draw, and draw again; what comes out depends on the draws and on
when they stop. Here each pair counts with its probability, so that an iteration is a function of the probabilities, and
where it stops moving is the estimate. What makes that stable:

- no crime and no pair speaks for itself: they are left out where their own rate is estimated;
- a crime's background is estimated from crimes longer before or after it than the trigger reaches, so that its own
  cluster cannot pass for background;
- the trigger must stand out from the background by a tenth (`nonparametric_trigger.prune`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from predpol_eval.forecasters.hawkes.nonparametric_background import (
    Ground,
    Level,
    place_bandwidth,
    place_density,
    time_level,
)
from predpol_eval.forecasters.hawkes.nonparametric_trigger import Trigger, TriggerBins, prune, smooth
from predpol_eval.kernels.declustering import attribute
from predpol_eval.kernels.points import FloatArray, IntArray

# How far a trigger must stand out from the background, as a share of it.
LEAST_EXCESS = 0.1
# How much further the shares go than an iteration says: from 1 on it need not converge.
OVERSHOOT = 0.7
# Only as if a share had not changed by more than this factor: what comes back from 0 says nothing of how far to go.
LARGEST = 1.5
# After so many iterations that came no nearer steps are this much shorter, down to the least; but only where p_jj
# changes by less than so many times the tolerance.
PATIENCE = 10
NEARLY = 100.0
SHORTER, SHORTEST = 0.6, 0.1
# From which p_jj on a start gives the rest to the nearest pairs, and how steeply that falls from 0 to the limits.
_NEAR = 0.5
_STEEP = 5.0
_TINY = 1e-12
# Results of two starts that differ by less are one: in the branching ratio, and in the mean of |p_jj|.
SAME_RATIO, SAME_SHARES = 0.01, 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What the iterations go over, none of it changing.

    Attributes
    ----------
    ground : Ground
        The crimes, in order of time.
    bins : TriggerBins
        Of lag and distance.
    begin : array of int, shape (n + 1,)
        The pairs of crime j with the earlier ones within reach are ``begin[j]`` up to ``begin[j + 1]``.
    bin_of : array of int, shape (m,)
        Bin of each pair.
    k, k_time : int
        Neighbours that make a bandwidth, in place (or the cloud of pairs) and in time.
    least_lag : float
        No bandwidth of the lag is smaller, days.
    """

    ground: Ground
    bins: TriggerBins
    begin: IntArray
    bin_of: IntArray
    k: int
    k_time: int
    least_lag: float

    @property
    def later(self) -> IntArray:
        """The later crime of each pair."""
        return np.repeat(np.arange(self.ground.t.size), np.diff(self.begin))


class Shares(NamedTuple):
    """Probabilities: p_jj that each crime is background, and p_ij that each pair is a crime and what it set off."""

    alone: FloatArray
    pairs: FloatArray


class Densities(NamedTuple):
    """Densities smoothed from shares: bandwidth and mu at every crime, nu, and the trigger."""

    bandwidth: FloatArray
    place: FloatArray
    level: Level
    trigger: Trigger


class Step(NamedTuple):
    """What one iteration gives: new shares, branching ratio, and leave-one-out log-likelihood."""

    shares: Shares
    ratio: float
    log_likelihood: float


@dataclass(frozen=True, slots=True, eq=False)
class DeclusteringRun:
    """The iterations from one start.

    Attributes
    ----------
    start : float
        p_jj that it started from, in all crimes that follow another closely.
    alone, pairs : array of float
        The last p_jj and p_ij.
    ratios : array of float
        Branching ratio after each iteration.
    log_likelihoods : array of float
        Log-likelihood of each iteration, each crime's rate estimated without it. Smoothing is no maximisation: it may
        fall.
    changes : array of float
        Mean square change of p_jj in each iteration.
    converged : bool
        Whether the last of them is below the tolerance.
    """

    start: float
    alone: FloatArray
    pairs: FloatArray
    ratios: FloatArray
    log_likelihoods: FloatArray
    changes: FloatArray
    converged: bool


def start_shares(setup: Setup, alone: float) -> Shares:
    """Every crime with a pair is background with probability `alone`; its pairs share the rest.

    From half on the rest goes to the nearest pairs, below that evenly to all: starts are to differ in shape too. (A few
    repeats spread evenly over all pairs would be smoothed away before they could gather where the repeats are.)
    """
    number = np.diff(setup.begin)
    share = np.where(number > 0, alone, 1.0)
    weight = np.ones(setup.bin_of.size)
    if alone >= _NEAR:
        lag, distance = setup.bins.lag, setup.bins.distance
        fall = np.add.outer(lag / setup.bins.lags[-1], distance / setup.bins.rings[-1])
        weight = np.exp(-_STEEP * fall).ravel()[setup.bin_of]
    total = np.bincount(setup.later, weight, minlength=number.size)
    return Shares(share, weight * ((1.0 - share) / np.maximum(total, _TINY))[setup.later])


def densities(setup: Setup, shares: Shares) -> Densities:
    """Smooth the shares into background and trigger."""
    bandwidth = place_bandwidth(setup.ground, shares.alone, setup.k)
    place = place_density(setup.ground, shares.alone, bandwidth)
    level = time_level(setup.ground, shares.alone, setup.k_time)
    size = setup.bins.exposure.shape
    mass = np.bincount(setup.bin_of, shares.pairs, minlength=size[0] * size[1]).reshape(size).astype(np.float64)
    trigger = smooth(setup.bins, mass, setup.k, setup.least_lag, setup.ground.least)
    if setup.bin_of.size:
        background = place * level.at(setup.ground.clock, shares.alone)
        typical = 1.0 / float((1.0 / background[setup.later]).mean())
        trigger = prune(trigger, typical, LEAST_EXCESS)
    return Densities(bandwidth, place, level, trigger)


def iterate(setup: Setup, shares: Shares) -> Step:
    """One iteration: smooth the shares, then share every crime out by the rates at its place and time."""
    now = densities(setup, shares)
    background = now.place * now.level.at(setup.ground.clock, shares.alone)
    rate, own = now.trigger.rate.ravel(), now.trigger.own.ravel()
    alone, pairs, logs = attribute(background, setup.begin, setup.bin_of, rate, own, shares.pairs)
    ratio = float((now.trigger.rate * setup.bins.volume).sum())
    expected = float(now.level.rate.mean()) * setup.ground.days
    expected += float((now.trigger.rate * setup.bins.volume * setup.bins.exposure).sum())
    return Step(Shares(alone, pairs), ratio, logs - expected)


def decluster(setup: Setup, start: float, max_iterations: int, tolerance: float) -> DeclusteringRun:
    """Iterate from one start until p_jj changes by less than `tolerance` in the mean square, or the limit is met.

    Between iterations the shares go a little further in the direction they went (`overshoot`): the fixed point is the
    same, and reached in about half the steps. The rule looks at whole iterations, never at an overshoot.
    """
    shares = start_shares(setup, start)
    later = setup.later
    ratios, logs, changes = [], [], []
    best, tried, further = np.inf, 0, OVERSHOOT
    while True:
        made = iterate(setup, shares)
        ratios.append(made.ratio)
        logs.append(made.log_likelihood)
        changes.append(float(((made.shares.alone - shares.alone) ** 2).mean()))
        converged = changes[-1] < tolerance
        if converged or len(changes) == max_iterations:
            break
        tried = 0 if changes[-1] < best or changes[-1] > NEARLY * tolerance else tried + 1
        best = min(best, changes[-1])
        if tried == PATIENCE:
            # It goes round in a small circle, since bandwidths have kinks: smaller steps close it.
            tried, best = 0, changes[-1]
            further = max(SHORTER * (1.0 + further), SHORTEST) - 1.0
        shares = overshoot(shares, made.shares, later, further)
    return DeclusteringRun(
        start=start, alone=made.shares.alone, pairs=made.shares.pairs, ratios=np.array(ratios),
        log_likelihoods=np.array(logs), changes=np.array(changes), converged=converged,
    )  # fmt: skip


def overshoot(before: Shares, after: Shares, later: IntArray, further: float) -> Shares:
    """Multiply each share by its last factor to the power of `further`, and make them probabilities again.

    Below 0 it is a step that falls short of the iteration.

    Factors, not differences: no share can be thrown below 0, nor to 0, from where it could not come back.

    References
    ----------
    Salakhutdinov, R. and Roweis, S. (2003). Adaptive overrelaxed bound optimization methods. ICML, 664-671.
    """
    alone, pairs = (
        new * np.clip(np.maximum(new, _TINY) / np.maximum(old, _TINY), 1.0 / LARGEST, LARGEST) ** further
        for new, old in zip(after, before, strict=True)
    )
    total = alone + np.bincount(later, pairs, minlength=alone.size)
    total[total <= 0.0] = 1.0
    return Shares(alone / total, pairs / total[later])


def agree(runs: list[DeclusteringRun]) -> bool:
    """Whether all starts led to one result."""
    first = runs[0]
    return all(
        abs(run.ratios[-1] - first.ratios[-1]) <= SAME_RATIO
        and float(np.abs(run.alone - first.alone).mean()) <= SAME_SHARES
        for run in runs[1:]
    )
