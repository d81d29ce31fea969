"""Loops of stochastic declustering: densities with a bandwidth of its own for every point, and who set off whom."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

# Bandwidths beyond which a Gaussian counts as empty; what it would hold there is given to the rest.
REACH = 3.0
_INSIDE = 1.0 - math.exp(-0.5 * REACH * REACH)
# A pair with its distance is seen from this many directions, evenly over half a turn.
DIRECTIONS = 4
# Steps of distance in the search for a bandwidth, and how far it goes, in units of the spread.
STEPS = 96
FARTHEST = 4.0

# More squares than this on a side are of no use, and their table would outgrow the crimes.
_MOST_SQUARES = 2048


class Squares(NamedTuple):
    """Points sorted into squares: those of square s are ``member[begin[s]:begin[s + 1]]``, in rising order."""

    begin: IntArray
    member: IntArray
    x0: float
    y0: float
    side: float
    columns: int
    rows: int


def squares_of(x: FloatArray, y: FloatArray, side: float) -> Squares:
    """Sort points into squares of `side` metres, larger where there would be more than 2,048 in a row.

    Examples
    --------
    >>> found = squares_of(np.array([5.0, 25.0, 6.0]), np.zeros(3), 10.0)
    >>> found.columns, found.begin.tolist(), found.member.tolist()
    (3, [0, 2, 2, 3], [0, 2, 1])
    """
    x0, y0 = float(x.min()), float(y.min())
    side = max(float(side), float(np.ptp(x)) / (_MOST_SQUARES - 1), float(np.ptp(y)) / (_MOST_SQUARES - 1))
    column, row = ((x - x0) / side).astype(np.int64), ((y - y0) / side).astype(np.int64)
    columns, rows = int(column.max()) + 1, int(row.max()) + 1
    square = row * columns + column
    begin = np.concatenate([[0], np.cumsum(np.bincount(square, minlength=columns * rows))])
    return Squares(integers(begin), integers(np.argsort(square, kind="stable")), x0, y0, side, columns, rows)


@njit(cache=True, error_model="numpy")
def _nearest_mass(distance: FloatArray, neighbour: IntArray, weight: FloatArray, k: float) -> FloatArray:
    result = np.empty(distance.shape[0])
    for i in range(distance.shape[0]):
        held = 0.0
        before = 0.0
        found = -1.0
        for n in range(distance.shape[1]):
            square = distance[i, n] * distance[i, n]
            more = weight[neighbour[i, n]]
            if held + more >= k:
                found = before + (square - before) * (k - held) / more
                break
            held += more
            before = square
        if found < 0.0:
            # The list is too short: as many more as there are in what was seen.
            found = before * k / max(held, 1e-3 * k)
        result[i] = np.sqrt(found)
    return result


def nearest_mass(distance: npt.ArrayLike, neighbour: npt.ArrayLike, weight: npt.ArrayLike, k: float) -> FloatArray:
    """Distance from each point within which its neighbours' weights add up to `k`: the k-th nearest, with weights.

    Between two neighbours the square of the distance is interpolated, so that the result has no jumps.

    Parameters
    ----------
    distance, neighbour : array_like, shape (n, m)
        The m nearest neighbours of each point, in rising order, and which points they are.
    weight : array_like of float, shape (n,)
        Weight of each point.
    k : float
        Where the m are not enough, the distance grows as if they went on as they are.

    Returns
    -------
    ndarray of float64, shape (n,)

    Examples
    --------
    >>> nearest_mass([[3.0, 5.0]], [[0, 0]], [0.5], 0.75)
    array([4.12310563])
    """
    return _nearest_mass(floats(distance), integers(neighbour), floats(weight), float(k))


@njit(cache=True, error_model="numpy")
def _elsewhen(
    t: FloatArray,
    x: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    bandwidth: FloatArray,
    away: float,
    begin: IntArray,
    member: IntArray,
    x0: float,
    y0: float,
    side: float,
    columns: int,
    rows: int,
) -> FloatArray:  # pragma: no cover - compiled
    out = np.zeros(t.size)
    for i in range(t.size):
        if weight[i] <= 0.0:
            continue
        far = REACH * bandwidth[i]
        peak = weight[i] / (2.0 * math.pi * bandwidth[i] * bandwidth[i] * _INSIDE)
        shrink = -0.5 / (bandwidth[i] * bandwidth[i])
        west = max(0, int(max(0.0, x[i] - far - x0) / side))
        east = min(columns - 1, int((x[i] + far - x0) / side))
        south = max(0, int(max(0.0, y[i] - far - y0) / side))
        north = min(rows - 1, int((y[i] + far - y0) / side))
        for r in range(south, north + 1):
            for place in range(begin[r * columns + west], begin[r * columns + east + 1]):
                j = member[place]
                dx = x[j] - x[i]
                dy = y[j] - y[i]
                square = dx * dx + dy * dy
                if square < far * far and abs(t[j] - t[i]) >= away:
                    out[j] += peak * math.exp(shrink * square)
    return out


def elsewhen(
    t: npt.ArrayLike,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    weight: npt.ArrayLike,
    bandwidth: npt.ArrayLike,
    away: float,
) -> FloatArray:
    """Density at every crime of the crimes that happened at least `away` days before or after it.

    Parameters
    ----------
    t, x, y : array_like of float, shape (n,)
        Days and metres.
    weight : array_like of float, shape (n,)
        Weight of each crime.
    bandwidth : array_like of float, shape (n,)
        Standard deviation of each crime's Gaussian in metres; it is cut off at 3 of them.
    away : float
        Days, above 0.

    Returns
    -------
    ndarray of float64, shape (n,)
        Sum of weight x density per m2.

    Examples
    --------
    >>> density = elsewhen([0.0, 1.0, 9.0], [0.0, 0.0, 10.0], np.zeros(3), np.ones(3), np.full(3, 10.0), 5.0)
    >>> (100 * density).round(4)
    array([0.0976, 0.0976, 0.1952])
    """
    t, x, y, bandwidth = floats(t), floats(x), floats(y), floats(bandwidth)
    squares = squares_of(x, y, 2.0 * float(np.median(bandwidth)))
    return floats(_elsewhen(t, x, y, floats(weight), bandwidth, float(away), *squares))


@njit(cache=True, error_model="numpy")
def _cloud_bandwidth(
    lag: FloatArray, distance: FloatArray, mass: FloatArray, k: float
) -> FloatArray:  # pragma: no cover - compiled
    lags = lag.size
    rings = distance.size
    result = np.empty((lags, rings))
    held = np.empty(STEPS + 1)
    scale = STEPS / FARTHEST
    cosine = np.empty(DIRECTIONS)
    for m in range(DIRECTIONS):
        cosine[m] = math.cos((m + 0.5) * math.pi / DIRECTIONS)
    for a in range(lags):
        for b in range(rings):
            held[:] = 0.0
            for c in range(lags):
                gap = (lag[a] - lag[c]) * (lag[a] - lag[c])
                mirrored = (lag[a] + lag[c]) * (lag[a] + lag[c])
                for d in range(rings):
                    share = mass[c, d] / DIRECTIONS
                    if share == 0.0:
                        continue
                    flat = distance[b] * distance[b] + distance[d] * distance[d]
                    cross = 2.0 * distance[b] * distance[d]
                    for m in range(DIRECTIONS):
                        across = flat - cross * cosine[m]
                        for square in (gap + across, mirrored + across):
                            # Shared between two steps, so that there is no jump when a pair moves from one to the next.
                            place = np.sqrt(square) * scale
                            step = int(place)
                            if step < STEPS:
                                held[step] += share * (1.0 - (place - step))
                                held[step + 1] += share * (place - step)
            total = 0.0
            found = FARTHEST
            for step in range(STEPS):
                if total + held[step] >= k:
                    found = (step + (k - total) / held[step]) / scale
                    break
                total += held[step]
            result[a, b] = found
    return result


def cloud_bandwidth(lag: npt.ArrayLike, distance: npt.ArrayLike, mass: npt.ArrayLike, k: float) -> FloatArray:
    """Distance from each bin of a cloud of pairs within which the pairs' probabilities add up to `k`.

    The cloud is in three dimensions, lag and the two of the way, with coordinates in units of its spread; a pair is
    seen from 4 directions and mirrored at lag 0.

    Parameters
    ----------
    lag, distance : array_like of float, shape (lags,) and (rings,)
        Middle of the bins.
    mass : array_like of float, shape (lags, rings)
        Sum of the probabilities in each bin.
    k : float
        How much is to be held.

    Returns
    -------
    ndarray of float64, shape (lags, rings)
        At most 4.

    Examples
    --------
    >>> cloud_bandwidth([0.0], [0.0, 1.0], [[10.0, 30.0]], 20.0)
    array([[0.04166667, 1.01041667]])
    """
    return floats(_cloud_bandwidth(floats(lag), floats(distance), floats(mass), float(k)))


@njit(cache=True, error_model="numpy")
def _attribute(
    background: FloatArray, begin: IntArray, bin_of: IntArray, rate: FloatArray, own: FloatArray, before: FloatArray
) -> tuple[FloatArray, FloatArray, float]:  # pragma: no cover - compiled
    alone = np.ones(background.size)
    after = np.zeros(bin_of.size)
    logs = 0.0
    for j in range(background.size):
        total = background[j]
        for pair in range(begin[j], begin[j + 1]):
            # What a pair has itself put into its bin does not speak for it.
            value = max(0.0, rate[bin_of[pair]] - before[pair] * own[bin_of[pair]])
            after[pair] = value
            total += value
        if total > 0.0:
            alone[j] = background[j] / total
            for pair in range(begin[j], begin[j + 1]):
                after[pair] /= total
        logs += math.log(max(total, 1e-300))
    return alone, after, logs


def attribute(
    background: npt.ArrayLike,
    begin: npt.ArrayLike,
    bin_of: npt.ArrayLike,
    rate: npt.ArrayLike,
    own: npt.ArrayLike,
    before: npt.ArrayLike,
) -> tuple[FloatArray, FloatArray, float]:
    """Probability that each crime is background, and that each pair is a crime and what it set off.

    Parameters
    ----------
    background : array_like of float, shape (n,)
        Background rate at each crime.
    begin : array_like of int, shape (n + 1,)
        Pairs of each later crime, see `predpol_eval.kernels.pairs.Pairs`.
    bin_of : array_like of int, shape (m,)
        Bin of the trigger that each pair lies in.
    rate, own : array_like of float, shape (bins,)
        Trigger rate in each bin, and how much of it a pair of the bin gives itself, per unit of its probability.
    before : array_like of float, shape (m,)
        Probability of each pair by the estimate that made `rate`.

    Returns
    -------
    alone : ndarray of float64, shape (n,)
        p_jj.
    pairs : ndarray of float64, shape (m,)
        p_ij.
    logs : float
        Sum over crimes of the log of the rate.

    Examples
    --------
    >>> alone, pairs, logs = attribute([1.0, 1.0], [0, 0, 1], [0], [3.0], [0.5], [0.0])
    >>> alone, pairs
    (array([1.  , 0.25]), array([0.75]))
    """
    return _attribute(floats(background), integers(begin), integers(bin_of), floats(rate), floats(own), floats(before))
