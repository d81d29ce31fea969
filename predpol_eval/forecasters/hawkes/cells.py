"""A self-exciting process in each cell by itself: its likelihood, and a step of expectation-maximisation.

The rate of cell n is ``mu_n + sum theta omega exp(-omega (t - t_i))`` over the earlier crimes of the cell: theta is the
mean number of repeats that a crime sets off, 1/omega the mean time to them, mu_n the background. Time is in days.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.points import FloatArray, IntArray
from predpol_eval.kernels.ridge import background, ridge_sums
from predpol_eval.kernels.self_exciting import decay_sums, em_sums, expectation, seen_share

# A decay over ten times the observed time cannot be told from none.
_SLOWEST = 0.1


class Decay(NamedTuple):
    """What earlier crimes add, for one omega: sums at each crime, and how many of their repeats would be observed."""

    omega: float
    zeroth: FloatArray
    first: FloatArray
    second: FloatArray
    seen: float
    slope: float
    bend: float


@dataclass(frozen=True, slots=True, eq=False)
class CellCrimes:
    """Crimes by cell and time, and when they were observed; made by `crimes_by_cell`.

    Attributes
    ----------
    t : array of float, shape (n,)
        Days, rising within each cell.
    cells, groups : array of int
        Where each cell, and each group of crimes with one background rate, begins in `t`; and at last n.
    numbers : array of int, shape (cells,)
        What the cells are called; rising.
    share : array of float, shape (n,)
        Share of its group's background that the cell of each crime holds.
    starts, ends : array of float, shape (periods,)
        Observed periods in days.
    min_step : float
        Least step between crimes, in days.
    """

    t: FloatArray
    cells: IntArray
    numbers: IntArray
    groups: IntArray
    share: FloatArray
    starts: FloatArray
    ends: FloatArray
    min_step: float

    @property
    def days(self) -> float:
        """Observed time."""
        return float((self.ends - self.starts).sum())

    @property
    def limits(self) -> tuple[float, float] | None:
        """Slowest and fastest decay that these crimes can show; None if no cell has two of them."""
        steps = np.diff(self.t)
        within = np.ones(steps.size, dtype=bool)
        within[self.cells[1:-1] - 1] = False
        if not within.any():
            return None
        # Beyond one over the shortest step every repeat becomes less likely with every rise of omega.
        fastest = 1.0 / max(float(steps[within].min()), float(self.min_step))
        return min(_SLOWEST / self.days, fastest), fastest

    def decay(self, omega: float) -> Decay:
        """Sums over earlier crimes for one omega."""
        sums = decay_sums(self.t, self.cells, omega, self.min_step)
        return Decay(omega, *sums, *seen_share(self.t, self.starts, self.ends, omega))

    def seen(self, omega: float) -> float:
        """Sum over crimes of the share of their repeats that falls into observed time."""
        return seen_share(self.t, self.starts, self.ends, omega)[0]

    def by_group(self, values: FloatArray) -> FloatArray:
        """Sum over the crimes of each background group."""
        return np.add.reduceat(values, self.groups[:-1])

    def per_crime(self, mu: FloatArray) -> FloatArray:
        """Background rate at each crime."""
        return np.repeat(mu, np.diff(self.groups)) * self.share

    def halves(self) -> Iterator[CellCrimes]:
        """Split at the middle of the observed time, each half as if nothing else were known."""
        passed = np.cumsum(self.ends - self.starts)
        period = int(np.searchsorted(passed, self.days / 2))
        middle = self.ends[period] - (passed[period] - self.days / 2)
        cell = np.repeat(np.arange(self.cells.size - 1), np.diff(self.cells))
        shared = self.groups.size == 2 and self.cells.size > 2
        for early in (True, False):
            use = (self.t < middle) == early
            starts = self.starts if early else np.maximum(self.starts, middle)
            ends = np.minimum(self.ends, middle) if early else self.ends
            some = starts < ends
            yield crimes_by_cell(
                self.t[use], cell[use], self.share[use], starts[some], ends[some], self.min_step, shared=shared
            )


def crimes_by_cell(
    t: FloatArray,
    cell: npt.NDArray[np.int64],
    share: FloatArray,
    starts: FloatArray,
    ends: FloatArray,
    min_step: float,
    *,
    shared: bool = False,
) -> CellCrimes:
    """Sort crimes by cell and time; `shared` makes one background group of all, else every cell is its own."""
    order = np.lexsort((t, cell))
    return sorted_crimes(t[order], cell[order], share[order], starts, ends, min_step, shared=shared)


def sorted_crimes(
    t: FloatArray,
    cell: npt.NDArray[np.int64],
    share: FloatArray,
    starts: FloatArray,
    ends: FloatArray,
    min_step: float,
    *,
    shared: bool = False,
) -> CellCrimes:
    """Take crimes that are in order of cell and time already; else see `crimes_by_cell`."""
    edge = np.ones(t.size + 1, dtype=bool)
    edge[1:-1] = cell[1:] != cell[:-1]
    cells = np.flatnonzero(edge)
    groups = np.array([0, t.size]) if shared else cells
    return CellCrimes(t, cells, cell[cells[:-1]], groups, share, starts, ends, min_step)


class Parameters(NamedTuple):
    """Repeats per crime, their decay per day, and the background rate of each group per day."""

    theta: float
    omega: float
    mu: FloatArray


class Profile(NamedTuple):
    """Log-likelihood at the likeliest background; slope and curvature by (log theta, log omega) along that ridge."""

    log_likelihood: float
    mu: FloatArray
    slope: FloatArray
    curvature: FloatArray


def log_likelihood(crimes: CellCrimes, parameters: Parameters, decay: Decay | None = None) -> float:
    """Sum of the log rates at the crimes, less the rate summed over observed time."""
    theta, omega, mu = parameters
    sums = crimes.decay(omega) if decay is None else decay
    rate = crimes.per_crime(mu) + theta * omega * sums.zeroth
    return float(np.log(rate).sum() - crimes.days * mu.sum() - theta * sums.seen)


def em_step(
    crimes: CellCrimes, parameters: Parameters, decay: Decay | None, limits: tuple[float, float] | None = None
) -> Parameters:
    """One step of expectation-maximisation with the edge correction; without `limits` omega stays as it is.

    Without `decay` its sums are made on the way and not kept.

    E: p_ij = theta omega exp(-omega (t_j - t_i))/rate_j, p_jj = mu/rate_j. M: theta = sum p/sum(seen), then with that
    theta omega = sum p/(sum p dt + theta sum(slope of seen)), mu_n = sum p_jj/T, where for one period up to T seen is
    1 - exp(-omega (T - t)) and its slope (T - t) exp(-omega (T - t)).

    The formula for omega is a single step towards the M step's maximum (a generalised EM: Dempster, Laird and Rubin
    1977). Over one period it never lowers the likelihood, since exp(-omega (T - t)) lies above its tangent; over
    several it may, and is then shortened until it does not.
    """
    theta, omega, mu = parameters
    groups = crimes.share, crimes.groups
    if decay is None:
        places = crimes.t, crimes.cells, *groups
        repeats, waiting, alone = em_sums(*places, omega, crimes.min_step, theta * omega, mu)
        all_seen, slope, _ = seen_share(crimes.t, crimes.starts, crimes.ends, omega)
    else:
        repeats, waiting, alone = expectation(decay.zeroth, decay.first, *groups, theta * omega, mu)
        all_seen, slope = decay.seen, decay.slope
    new_theta, new_mu = repeats / all_seen, alone / crimes.days
    if limits is None:
        return Parameters(new_theta, omega, new_mu)

    def gain(at: float, seen: float) -> float:
        return repeats * math.log(at) - waiting * at - new_theta * seen

    below = waiting + new_theta * slope
    target = min(max(repeats / below, limits[0]), limits[1]) if below > 0 else limits[1]
    if crimes.starts.size == 1:
        return Parameters(new_theta, target, new_mu)
    before = gain(omega, all_seen)
    while target != omega and gain(target, crimes.seen(target)) < before:
        # Within rounding of the maximum no step can show a gain, however short.
        target = 0.5 * (target + omega) if abs(target - omega) > 1e-9 * omega else omega
    return Parameters(new_theta, target, new_mu)


def profile(crimes: CellCrimes, parameters: Parameters, decay: Decay) -> Profile:
    """Log-likelihood of theta and omega with the background profiled out, and its derivatives.

    The background's block of the information is diagonal (its groups share no crime), so that taking it out costs one
    sum per group. `parameters.mu` is only where the search for the background starts.
    """
    theta, omega, guess = parameters
    kernel = theta * omega
    repeat_rate = kernel * decay.zeroth
    mu = background(repeat_rate, crimes.share, crimes.groups, crimes.days, guess)
    sums = decay.zeroth, decay.first, decay.second, crimes.share, crimes.groups
    logs, sum_a, sum_b, bend, aa, ab, bb = ridge_sums(*sums, kernel, omega, mu).tolist()
    seen, slope = theta * decay.seen, theta * omega * decay.slope
    value = logs - crimes.days * float(mu.sum()) - seen
    sum_a, sum_b = sum_a - seen, sum_b - slope
    bend -= slope + theta * omega**2 * decay.bend
    curvature = np.array([[sum_a + aa, sum_b + ab], [sum_b + ab, bend + bb]])
    return Profile(value, mu, np.array([sum_a, sum_b]), curvature)
