"""The self-exciting process as a practitioner writes it in numpy and scipy, and a city to do it on.

Every function takes the arguments of the kernel it competes with. Crimes are told to the hour, so that some are tied.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numba import njit

DAYS = 1000.0
HOUR = 1 / 24
OMEGA = 0.5


def crimes(number, cells, seed=0):
    """Times by cell, sorted, and where each cell begins: every other crime repeats the one before it in its cell."""
    rng = np.random.default_rng([number, seed])
    half = number // 2
    t = rng.uniform(0, 0.95 * DAYS, number - half)
    cell = rng.integers(cells, size=number - half)
    which = rng.integers(number - half, size=half)
    t = np.concatenate([t, t[which] + np.minimum(rng.exponential(1 / OMEGA, half), 0.04 * DAYS)])
    cell = np.concatenate([cell, cell[which]])
    t = np.floor(t / HOUR) * HOUR
    order = np.lexsort((t, cell))
    _, first = np.unique(cell[order], return_index=True)
    return t[order], np.append(first, number)


def summing(number, cells):
    """Arguments of `decay_sums`."""
    return (*crimes(number, cells), OMEGA, HOUR)


def seeing(number, periods):
    """Arguments of `seen_share`: so many periods with gaps of a tenth between them."""
    t, _ = crimes(number, 1)
    starts = DAYS / periods * np.arange(periods)
    ends = starts + 0.9 * DAYS / periods
    ends[-1] = DAYS
    return t, starts, ends, OMEGA


def expecting(number, cells):
    """Arguments of `expectation`."""
    zeroth, first, share, offsets, mu = _sums(number, cells)
    return zeroth, first, share, offsets, 0.5 * OMEGA, mu


def levelling(number, cells):
    """Arguments of `background`."""
    zeroth, _, share, offsets, mu = _sums(number, cells)
    return 0.5 * OMEGA * zeroth, share, offsets, DAYS, mu


def _sums(number, cells):
    t, offsets = crimes(number, cells)
    zeroth, first, _ = pairs_by_cell(t, offsets, OMEGA, HOUR)
    return zeroth, first, np.ones(number), offsets, 0.5 * np.diff(offsets) / DAYS


def summing_up(number, cells):
    """Arguments of `em_sums`."""
    t, offsets = crimes(number, cells)
    return t, offsets, np.ones(number), offsets, OMEGA, HOUR, 0.5 * OMEGA, 0.5 * np.diff(offsets) / DAYS


def iterating(number, cells):
    """Arguments of `em_iteration`; the last are the crimes as the model has them."""
    from predpol_eval.forecasters.hawkes.cells import sorted_crimes

    t, offsets = crimes(number, cells)
    cell = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    known = sorted_crimes(t, cell, np.ones(number), np.array([0.0]), np.array([DAYS]), HOUR)
    return t, offsets, DAYS, HOUR, 0.4, OMEGA, 0.5 * np.diff(offsets) / DAYS, known


def em_iteration(t, offsets, days, min_step, theta, omega, mu, crimes):
    """Theta, omega and the background of each cell after one step of EM."""
    from predpol_eval.forecasters.hawkes.cells import Parameters, em_step

    return tuple(em_step(crimes, Parameters(theta, omega, mu), None, (1e-6, 24.0)))


def em_in_numpy(t, offsets, days, min_step, theta, omega, mu, crimes):
    """The same, each cell's pairs as one matrix, the rest whole columns."""
    repeats, waiting, alone = em_sums_in_numpy(t, offsets, 1.0, offsets, omega, min_step, theta * omega, mu)
    left = np.exp(-omega * (days - t))
    new_theta = repeats / (1 - left).sum()
    return new_theta, repeats / (waiting + new_theta * ((days - t) * left).sum()), alone / days


def em_sums_in_numpy(t, offsets, share, groups, omega, min_step, kernel, mu):
    """Each cell's pairs as one matrix, then whole columns."""
    zeroth, first, _ = pairs_by_cell(t, offsets, omega, min_step)
    return vectorised_expectation(zeroth, first, share, groups, kernel, mu)


@njit
def _exponentials(x):
    out = np.empty(x.size)
    for i in range(x.size):
        out[i] = math.exp(-x[i])
    return out


def one_exp_per_event(t, offsets, days, min_step, theta, omega, mu, crimes):
    """No iteration: the C library's exponential, once for every crime. A bound, the same on every processor."""
    return _exponentials(omega * t)


def numpys_exp_per_event(t, offsets, days, min_step, theta, omega, mu, crimes):
    """The same by numpy, which takes eight at a time where the processor has AVX-512: five times as fast."""
    return np.exp(-omega * t)


def climbing(number, cells):
    """Arguments of `ridge_sums`."""
    t, offsets = crimes(number, cells)
    zeroth, first, second = pairs_by_cell(t, offsets, OMEGA, HOUR)
    return zeroth, first, second, np.ones(number), offsets, 0.5 * OMEGA, OMEGA, 0.5 * np.diff(offsets) / DAYS


def ridge_in_columns(zeroth, first, second, share, offsets, kernel, omega, mu):
    """Whole columns at a time."""
    rate = np.repeat(mu, np.diff(offsets)) * share + kernel * zeroth
    a = kernel * zeroth / rate
    b = kernel * (zeroth - omega * first) / rate
    c = kernel * (zeroth - 3.0 * omega * first + omega**2 * second) / rate
    w = share / rate
    ww, wa, wb = (np.add.reduceat(w * other, offsets[:-1]) for other in (w, a, b))
    squares = [(one / ww * other).sum() - (x * y).sum() for one, other, x, y in ((wa, wa, a, a), (wa, wb, a, b))]
    squares.append((wb / ww * wb).sum() - (b * b).sum())
    return np.array([np.log(rate).sum(), a.sum(), b.sum(), c.sum(), *squares])


def fitting(number, cells):
    """Arguments of `fit`; the last are the steps of EM that the naive twin takes."""
    return (*crimes(number, cells), DAYS, HOUR, 150)


def fit(t, offsets, days, min_step, steps):
    """Theta, omega and the background of each cell, to convergence: it needs no number of steps."""
    from predpol_eval.forecasters.hawkes.cell_fit import fit_cells
    from predpol_eval.forecasters.hawkes.cells import crimes_by_cell

    cell = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    by_cell = crimes_by_cell(t, cell, np.ones(len(t)), np.array([0.0]), np.array([days]), min_step)
    found = fit_cells(by_cell)
    return found.theta, found.omega, found.mu


def pairs_by_cell(t, offsets, omega, min_step):
    """All pairs of a cell as one matrix."""
    out = np.zeros((3, t.size))
    for start, stop in itertools.pairwise(offsets):
        gap = np.maximum(t[start:stop, None] - t[None, start:stop], min_step)
        weight = np.tril(np.exp(-omega * gap), -1)
        for power in range(3):
            out[power, start:stop] = (weight * gap**power).sum(axis=1)
    return tuple(out)


def periods_by_crimes(t, starts, ends, omega):
    """Every crime with every period as one matrix."""
    near = np.maximum(starts - t[:, None], 0.0)
    far = np.maximum(ends - t[:, None], 0.0)
    begun, gone = np.exp(-omega * near), np.exp(-omega * far)
    after = far > 0
    share = np.where(after, begun - gone, 0.0).sum()
    slope = np.where(after, far * gone - near * begun, 0.0).sum()
    return share, slope, np.where(after, near**2 * begun - far**2 * gone, 0.0).sum()


def vectorised_expectation(zeroth, first, share, offsets, kernel, mu):
    """Whole columns at a time."""
    base = np.repeat(mu, np.diff(offsets)) * share
    rate = base + kernel * zeroth
    alone = np.add.reduceat(base / rate, offsets[:-1])
    return (kernel * zeroth / rate).sum(), (kernel * first / rate).sum(), alone


def brentq_by_group(triggered, share, offsets, days, start):
    """A root finder in each group."""
    from scipy.optimize import brentq

    out = np.empty(len(start))
    for group, (first, stop) in enumerate(itertools.pairwise(offsets)):
        added, part = triggered[first:stop], share[first:stop]

        def excess(mu, added=added, part=part):
            return (part / (part * mu + added)).sum() - days

        out[group] = brentq(excess, 0.5 / days, 2.0 * (stop - first) / days, xtol=1e-15, rtol=1e-13)
    return out


def quasi_newton(t, offsets, days, min_step, steps):
    """All parameters at once by L-BFGS-B on the logarithms, with the slope written out."""
    from scipy.optimize import minimize

    counts = np.diff(offsets)

    def loss(logs):
        theta, omega, mu = np.exp(logs[0]), np.exp(logs[1]), np.exp(logs[2:])
        zeroth, first, _ = pairs_by_cell(t, offsets, omega, min_step)
        left = np.exp(-omega * (days - t))
        rate = np.repeat(mu, counts) + theta * omega * zeroth
        value = np.log(rate).sum() - days * mu.sum() - theta * (1 - left).sum()
        by_theta = (theta * omega * zeroth / rate).sum() - theta * (1 - left).sum()
        by_omega = (theta * omega * (zeroth - omega * first) / rate).sum() - theta * omega * ((days - t) * left).sum()
        by_mu = mu * (np.add.reduceat(1 / rate, offsets[:-1]) - days)
        return -value, -np.concatenate([[by_theta, by_omega], by_mu])

    start = np.log(np.concatenate([[0.5, 1.0], 0.5 * counts / days]))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "gtol": 1e-4, "ftol": 1e-14})
    theta, omega, *mu = np.exp(found.x)
    return theta, omega, np.array(mu)
