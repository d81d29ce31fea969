"""How likely every crime's place would be if the crimes there had not been known, for many bandwidths at once."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, floats

FAR = 50.0  # what is exp(-FAR) of a crime's peak away is left to the few places that have nothing nearer
FAINT = 1e-22
RELATIVE = 1e-10


@njit(cache=True, error_model="numpy")
def _one(x: FloatArray, y: FloatArray, log_weight: FloatArray, me: int, bandwidth: float) -> float:
    """Log of the sum of weight times exp(-d^2 / 2h^2) over all other places, without underflow."""
    share = 0.5 / (bandwidth * bandwidth)
    largest = -np.inf
    total = 0.0
    for j in range(x.size):
        if j == me:
            continue
        east = x[j] - x[me]
        north = y[j] - y[me]
        term = log_weight[j] - (east * east + north * north) * share
        if term > largest:
            total = total * math.exp(largest - term) + 1.0
            largest = term
        else:
            total += math.exp(term - largest)
    return largest + math.log(total)


@njit(cache=True, error_model="numpy")
def _log_sums(x: FloatArray, y: FloatArray, weight: FloatArray, lowest: float, steps: int) -> FloatArray:
    sums = np.zeros((x.size, steps))
    widest = lowest * 2.0 ** (0.5 * (steps - 1))
    share = 0.5 / (widest * widest)
    far = FAR / share
    for i in range(x.size):
        mine = sums[i]
        for j in range(i + 1, x.size):
            east = x[j] - x[i]
            if east * east > far:
                break  # they stand in order of x
            north = y[j] - y[i]
            square = east * east + north * north
            if square > far:
                continue
            near = math.exp(-square * share)
            theirs = sums[j]
            # With the bandwidth smaller by the square root of 2, the exponential is squared.
            for step in range(steps - 1, -1, -1):
                mine[step] += weight[j] * near
                theirs[step] += weight[i] * near
                near *= near
                if near < FAINT:
                    break
    all_of_it = weight.sum()
    # What was left out is below FAINT, or exp(-FAR), of all weight; it matters only where little else is.
    doubtful = max(math.exp(-FAR), FAINT) * all_of_it / RELATIVE
    log_weight = np.log(weight)
    for step in range(steps):
        bandwidth = lowest * 2.0 ** (0.5 * step)
        for i in range(x.size):
            if sums[i, step] > doubtful:
                sums[i, step] = math.log(sums[i, step])
            else:
                sums[i, step] = _one(x, y, log_weight, i, bandwidth)
    return sums


def log_left_out(x: npt.ArrayLike, y: npt.ArrayLike, weight: npt.ArrayLike, lowest: float, steps: int) -> FloatArray:
    """Log density at every place of all crimes elsewhere, for bandwidths that grow by the square root of 2.

    A Gaussian kernel; the weights are those of a density in so far as they are divided by the weight of all crimes
    elsewhere. To 1e-10, also where the nearest other crime is hundreds of bandwidths away. Cost grows with the square
    of the places, all bandwidths together hardly dearer than the widest.

    Parameters
    ----------
    x, y : array_like of float, shape (m,)
        Places in metres, each only once (`predpol_eval.kernels.points.merge`), at least two.
    weight : array_like of float, shape (m,)
        Weight of the crimes on each place, above 0.
    lowest : float
        Smallest bandwidth, metres.
    steps : int
        How many bandwidths, at least 1.

    Returns
    -------
    ndarray of float64, shape (steps, m)

    References
    ----------
    Habbema, J. D. F., Hermans, J. and van den Broek, K. (1974). A stepwise discriminant analysis program using
    density estimation. Compstat 1974, 101-110.

    Examples
    --------
    >>> log_left_out([0.0, 30.0], [0.0, 40.0], [1.0, 3.0], 50.0, 2).round(4)
    array([[-10.1619, -10.1619],
           [-10.6051, -10.6051]])
    """
    x, y, weight = (np.asarray(column, dtype=np.float64) for column in (x, y, weight))
    order = np.argsort(x, kind="stable")
    # The rest's weight from both sides: a difference from the total would lose what is small beside one heavy place.
    ordered = weight[order]
    before, behind = np.cumsum(ordered), np.cumsum(ordered[::-1])[::-1]
    rest = np.concatenate([[0.0], before[:-1]]) + np.concatenate([behind[1:], [0.0]])
    logs = _log_sums(floats(x[order]), floats(y[order]), floats(ordered), float(lowest), int(steps))
    bandwidth = lowest * 2.0 ** (0.5 * np.arange(steps))
    result = np.empty((bandwidth.size, x.size))
    result[:, order] = logs.T - np.log(rest) - np.log(2.0 * math.pi * bandwidth**2)[:, None]
    return floats(result)
