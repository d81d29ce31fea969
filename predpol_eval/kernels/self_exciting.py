"""What past crimes add to the rate of their own cell, dying away exponentially."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers


@njit(cache=True, error_model="numpy")
def _decay_sums(
    t: FloatArray, offsets: IntArray, omega: float, min_step: float
) -> tuple[FloatArray, FloatArray, FloatArray]:  # pragma: no cover - compiled
    zeroth = np.zeros(t.size)
    first = np.zeros(t.size)
    second = np.zeros(t.size)
    floored = math.exp(-omega * min_step)
    for cell in range(offsets.size - 1):
        start = offsets[cell]
        # Crimes before `old` are at least `min_step` older than crime j: their sums are carried from crime to crime.
        old = start
        r0 = 0.0
        r1 = 0.0
        r2 = 0.0
        for j in range(start + 1, offsets[cell + 1]):
            step = t[j] - t[j - 1]
            if step > 0.0 and old > start:
                fall = math.exp(-omega * step)
                r2 = fall * (r2 + step * (2.0 * r1 + step * r0))
                r1 = fall * (r1 + step * r0)
                r0 = fall * r0
            while old < j and t[j] - t[old] >= min_step:
                age = t[j] - t[old]
                left = math.exp(-omega * age)
                r0 += left
                r1 += left * age
                r2 += left * age * age
                old += 1
            young = (j - old) * floored
            zeroth[j] = r0 + young
            first[j] = r1 + young * min_step
            second[j] = r2 + young * min_step * min_step
    return zeroth, first, second


def decay_sums(
    t: npt.ArrayLike, offsets: npt.ArrayLike, omega: float, min_step: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sum ``exp(-omega d)``, ``d exp(-omega d)`` and ``d^2 exp(-omega d)`` over the earlier crimes in the same cell.

    A recursion, exact and of order n. Crimes at equal times come one after the other in the order given, and no step d
    is shorter than `min_step`.

    Parameters
    ----------
    t : array_like of float, shape (n,)
        Times in days, rising within each cell.
    offsets : array_like of int, shape (cells + 1,)
        The crimes of cell c are ``t[offsets[c]:offsets[c + 1]]``.
    omega : float
        Decay per day, above 0.
    min_step : float
        Least step in days, 0 or more.

    Returns
    -------
    zeroth, first, second : ndarray of float64, shape (n,)
        The three sums (in 1, days and square days); 0 for the first crime of a cell.

    References
    ----------
    Ogata, Y. (1981). On Lewis' simulation method for point processes. IEEE Trans. Inf. Theory 27, 23-31 (the
    recursion of the zeroth sum).

    Examples
    --------
    >>> decay_sums([0.0, 1.0, 1.0, 5.0], [0, 3, 4], 1.0, 0.5)[0].round(6).tolist()
    [0.0, 0.367879, 0.97441, 0.0]
    """
    return _decay_sums(floats(t), integers(offsets), float(omega), float(min_step))


@njit(cache=True, error_model="numpy")
def _seen_share(
    t: FloatArray, starts: FloatArray, ends: FloatArray, omega: float
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    share = 0.0
    slope = 0.0
    bend = 0.0
    for i in range(t.size):
        for k in range(np.searchsorted(ends, t[i], side="right"), ends.size):
            near = max(starts[k] - t[i], 0.0)
            if omega * near > 745.0:
                break
            far = ends[k] - t[i]
            begun = 1.0 if near == 0.0 else math.exp(-omega * near)
            # expm1: for a slow decay the exponentials at both ends agree to all digits but the last.
            lost = begun * math.expm1(-omega * (far - near))
            gone = begun + lost
            share -= lost
            slope += far * gone - near * begun
            bend += near * near * begun - far * far * gone
    return share, slope, bend


def seen_share(
    t: npt.ArrayLike, starts: npt.ArrayLike, ends: npt.ArrayLike, omega: float
) -> tuple[float, float, float]:
    """Sum over crimes of the part of ``omega exp(-omega (s - t))`` that falls into observed time: the edge correction.

    Parameters
    ----------
    t : array_like of float, shape (n,)
        Times in days, each within an observed period.
    starts, ends : array_like of float, shape (periods,)
        The observed periods in days, rising, ends excluded.
    omega : float
        Decay per day, above 0.

    Returns
    -------
    share, slope, bend : float
        The sum, and its first and second derivative by omega. With one period up to T it is
        ``sum(1 - exp(-omega (T - t)))``.

    Examples
    --------
    >>> share, slope, bend = seen_share([0.0, 1.0], [0.0], [2.0], 1.0)
    >>> round(share, 6), round(slope, 6)
    (1.496785, 0.63855)
    """
    share, slope, bend = _seen_share(floats(t), floats(starts), floats(ends), float(omega))
    return float(share), float(slope), float(bend)


@njit(cache=True, error_model="numpy")
def _expectation(
    zeroth: FloatArray, first: FloatArray, share: FloatArray, offsets: IntArray, kernel: float, mu: FloatArray
) -> tuple[float, float, FloatArray]:  # pragma: no cover - compiled
    repeats = 0.0
    waiting = 0.0
    alone = np.zeros(offsets.size - 1)
    for group in range(offsets.size - 1):
        for j in range(offsets[group], offsets[group + 1]):
            base = mu[group] * share[j]
            inverse = 1.0 / (base + kernel * zeroth[j])
            alone[group] += base * inverse
            repeats += kernel * zeroth[j] * inverse
            waiting += kernel * first[j] * inverse
    return repeats, waiting, alone


def expectation(
    zeroth: npt.ArrayLike,
    first: npt.ArrayLike,
    share: npt.ArrayLike,
    offsets: npt.ArrayLike,
    kernel: float,
    mu: npt.ArrayLike,
) -> tuple[float, float, FloatArray]:
    """Sum the probabilities that each crime repeats each earlier one, or none: the E step.

    Parameters
    ----------
    zeroth, first : array_like of float, shape (n,)
        Sums of `decay_sums`.
    share : array_like of float, shape (n,)
        Share of its group's background that the cell of each crime holds, above 0.
    offsets : array_like of int, shape (groups + 1,)
        The crimes of group g are those from ``offsets[g]`` to ``offsets[g + 1]``.
    kernel : float
        theta omega.
    mu : array_like of float, shape (groups,)
        Background rates per day, above 0.

    Returns
    -------
    repeats, waiting : float
        Sum of p_ij over all pairs, and of p_ij times the days between them.
    alone : ndarray of float64, shape (groups,)
        Sum of p_jj over the crimes of each group.

    Examples
    --------
    >>> repeats, waiting, alone = expectation([0.0, 0.5], [0.0, 1.0], [1.0, 1.0], [0, 2], 0.2, [0.1])
    >>> repeats, waiting, alone.tolist()
    (0.5, 1.0, [1.5])
    """
    sums = (floats(zeroth), floats(first), floats(share), integers(offsets))
    repeats, waiting, alone = _expectation(*sums, float(kernel), floats(mu))
    return float(repeats), float(waiting), alone


@njit(cache=True, error_model="numpy")
def _background(
    triggered: FloatArray, share: FloatArray, offsets: IntArray, days: float, start: FloatArray
) -> FloatArray:  # pragma: no cover - compiled
    out = np.empty(offsets.size - 1)
    for group in range(offsets.size - 1):
        first = offsets[group]
        stop = offsets[group + 1]
        mu = start[group]
        for _ in range(60):
            total = 0.0
            steep = 0.0
            for j in range(first, stop):
                inverse = share[j] / (share[j] * mu + triggered[j])
                total += inverse
                steep += inverse * inverse
            # Newton on 1/total, which is concave in mu: after one step it approaches from below and never overshoots.
            change = total / steep * (total / days - 1.0)
            mu = max(mu + change, 0.1 * mu)
            if abs(change) <= 1e-14 * mu:
                break
        out[group] = mu
    return out


def background(
    triggered: npt.ArrayLike, share: npt.ArrayLike, offsets: npt.ArrayLike, days: float, start: npt.ArrayLike
) -> FloatArray:
    """Find the likeliest background rate of each group, given what earlier crimes add: ``sum(share/rate) = days``.

    Parameters
    ----------
    triggered : array_like of float, shape (n,)
        What earlier crimes add to the rate at each crime, per day; 0 for at least one crime of each group.
    share : array_like of float, shape (n,)
        Share of its group's background that the cell of each crime holds, above 0.
    offsets : array_like of int, shape (groups + 1,)
        The crimes of group g are those from ``offsets[g]`` to ``offsets[g + 1]``.
    days : float
        Observed time.
    start : array_like of float, shape (groups,)
        A guess, above 0.

    Returns
    -------
    ndarray of float64, shape (groups,)
        Background rates per day.

    Examples
    --------
    >>> background([0.0, 0.0, 0.0, 0.3], [1.0, 1.0, 1.0, 1.0], [0, 2, 4], 10.0, [1.0, 1.0]).round(6).tolist()
    [0.2, 0.130278]
    """
    arrays = (floats(triggered), floats(share), integers(offsets))
    return _background(*arrays, float(days), floats(start))
