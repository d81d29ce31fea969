"""What past crimes add to the rate of their own cell, dying away exponentially."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.expectation import expectation
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers
from predpol_eval.kernels.ridge import background

__all__ = ["background", "decay_sums", "em_sums", "expectation", "seen_share"]


# exp(-x) is 2^k exp(r), k a whole number and r within half of log 2, where a polynomial of the twelfth degree errs by
# less than 2e-16: all of it multiplications and additions, which the processor does four at a time. From `_DEEPEST` on
# it is 0.
_LOG2_E = 1.4426950408889634
_LOG2_HIGH = 6.93147180369123816490e-01
_LOG2_LOW = 1.90821492927058770002e-10
# Added to a number it leaves the nearest whole number in the last bits.
_ROUNDING = 6755399441055744.0
_DEEPEST = 708.0
# Numbers at once: what a chunk needs stays in the nearest cache.
_CHUNK = 1024


# Contracted: a product that is added is rounded once instead of twice, where the processor can.
@njit(cache=True, error_model="numpy", fastmath={"contract"})
def _exponentials(x: FloatArray, less: FloatArray, power: FloatArray) -> None:  # pragma: no cover - compiled
    """Of x from 0 on: exp(-x) is ``power (1 + less)``, and expm1(-x) ``power less + (power - 1)`` to all digits."""
    for q in range(x.size):
        at = min(x[q], _DEEPEST)
        rounded = _ROUNDING - at * _LOG2_E
        k = rounded - _ROUNDING
        r = -(at + k * _LOG2_HIGH) - k * _LOG2_LOW
        p = 1.0 / 39916800.0 + r * (1.0 / 479001600.0)
        p = 1.0 / 3628800.0 + r * p
        p = 1.0 / 362880.0 + r * p
        p = 1.0 / 40320.0 + r * p
        p = 1.0 / 5040.0 + r * p
        p = 1.0 / 720.0 + r * p
        p = 1.0 / 120.0 + r * p
        p = 1.0 / 24.0 + r * p
        p = 1.0 / 6.0 + r * p
        p = 0.5 + r * p
        less[q] = r + r * r * p
        power[q] = rounded
    bits = power.view(np.int64)
    for q in range(x.size):
        bits[q] = (bits[q] << 52) + (1023 << 52)
    for q in range(x.size):
        power[q] = power[q] if x[q] < _DEEPEST else 0.0


@njit(cache=True, error_model="numpy")
def _decay_sums(
    t: FloatArray, offsets: IntArray, omega: float, min_step: float
) -> tuple[FloatArray, FloatArray, FloatArray]:  # pragma: no cover - compiled
    zeroth = np.empty(t.size)
    first = np.empty(t.size)
    second = np.empty(t.size)
    x = np.empty(_CHUNK)
    less = np.empty(_CHUNK)
    power = np.empty(_CHUNK)
    floored = math.exp(-omega * min_step)
    floored_first = floored * min_step
    floored_second = floored_first * min_step
    cell = 0
    stop = 0
    # Crimes before `old` are at least `min_step` older than crime j: their sums are carried from crime to crime.
    old = 0
    r0 = 0.0
    r1 = 0.0
    r2 = 0.0
    for begin in range(0, t.size, _CHUNK):
        # What is left after the step to each crime from the one before it. From one cell to the next time may go back.
        size = min(_CHUNK, t.size - begin)
        x[0] = max(omega * (t[begin] - t[begin - 1]), 0.0) if begin > 0 else 0.0
        later = t[begin + 1 : begin + size]
        earlier = t[begin : begin + size - 1]
        for q in range(size - 1):
            x[q + 1] = max(omega * (later[q] - earlier[q]), 0.0)
        _exponentials(x[:size], less[:size], power[:size])
        for q in range(size):
            j = begin + q
            while j == stop:
                cell += 1
                stop = offsets[cell]
                old = j
                r0 = 0.0
                r1 = 0.0
                r2 = 0.0
            now = t[j]
            if old < j:
                # What is carried depends on the last sums through one product and one addition each.
                step = now - t[j - 1]
                fall = power[q] + power[q] * less[q]
                carried = fall * step
                add1 = carried * r0
                add2 = carried * (2.0 * r1 + step * r0)
                r2 = fall * r2 + add2
                r1 = fall * r1 + add1
                r0 = fall * r0
                while now - t[old] >= min_step:
                    if old < j - 1:
                        age = now - t[old]
                        left = math.exp(-omega * age)
                        r0 += left
                        r1 += left * age
                        r2 += left * age * age
                        old += 1
                    else:
                        r0 += fall
                        r1 += carried
                        r2 += carried * step
                        old = j
                        break
            young = float(j - old)
            zeroth[j] = r0 + young * floored
            first[j] = r1 + young * floored_first
            second[j] = r2 + young * floored_second
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
def _seen_in_one(t: FloatArray, end: float, omega: float) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """`_seen_share` for one period that holds all crimes."""
    x = np.empty(_CHUNK)
    less = np.empty(_CHUNK)
    power = np.empty(_CHUNK)
    share = 0.0
    slope = 0.0
    bend = 0.0
    for begin in range(0, t.size, _CHUNK):
        size = min(_CHUNK, t.size - begin)
        here = t[begin : begin + size]
        for q in range(size):
            x[q] = omega * (end - here[q])
        _exponentials(x[:size], less[:size], power[:size])
        for q in range(size):
            gone = power[q] + power[q] * less[q]
            # expm1: for a slow decay the exponentials at both ends agree to all digits but the last.
            less[q] = power[q] * less[q] + (power[q] - 1.0)
            power[q] = x[q] * gone
        q = 0
        # Two sums side by side: the processor need not wait for one before it begins the other.
        other0 = 0.0
        other1 = 0.0
        other2 = 0.0
        while q + 1 < size:
            share -= less[q]
            slope += power[q]
            bend -= x[q] * power[q]
            other0 -= less[q + 1]
            other1 += power[q + 1]
            other2 -= x[q + 1] * power[q + 1]
            q += 2
        if q < size:
            share -= less[q]
            slope += power[q]
            bend -= x[q] * power[q]
        share += other0
        slope += other1
        bend += other2
    return share, slope / omega, bend / (omega * omega)


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
    times, first, last = floats(t), floats(starts), floats(ends)
    if last.size == 1 and (times.size == 0 or times.max() < last[0]):
        share, slope, bend = _seen_in_one(times, float(last[0]), float(omega))
    else:
        share, slope, bend = _seen_share(times, first, last, float(omega))
    return float(share), float(slope), float(bend)


@njit(cache=True, error_model="numpy")
def _em_sums(
    t: FloatArray,
    offsets: IntArray,
    share: FloatArray,
    groups: IntArray,
    omega: float,
    min_step: float,
    kernel: float,
    mu: FloatArray,
) -> tuple[float, float, FloatArray]:  # pragma: no cover - compiled
    alone = np.zeros(groups.size - 1)
    x = np.empty(_CHUNK)
    less = np.empty(_CHUNK)
    power = np.empty(_CHUNK)
    zeroth = np.empty(_CHUNK)
    first = np.empty(_CHUNK)
    floored = math.exp(-omega * min_step)
    repeats = 0.0
    waiting = 0.0
    cell = 0
    stop = 0
    group = 0
    old = 0
    r0 = 0.0
    r1 = 0.0
    for begin in range(0, t.size, _CHUNK):
        # See `_decay_sums`.
        size = min(_CHUNK, t.size - begin)
        x[0] = max(omega * (t[begin] - t[begin - 1]), 0.0) if begin > 0 else 0.0
        later = t[begin + 1 : begin + size]
        earlier = t[begin : begin + size - 1]
        for q in range(size - 1):
            x[q + 1] = max(omega * (later[q] - earlier[q]), 0.0)
        _exponentials(x[:size], less[:size], power[:size])
        for q in range(size):
            j = begin + q
            while j == stop:
                cell += 1
                stop = offsets[cell]
                old = j
                r0 = 0.0
                r1 = 0.0
            now = t[j]
            if old < j:
                step = now - t[j - 1]
                fall = power[q] + power[q] * less[q]
                carried = fall * step
                add1 = carried * r0
                r1 = fall * r1 + add1
                r0 = fall * r0
                while now - t[old] >= min_step:
                    if old < j - 1:
                        age = now - t[old]
                        left = math.exp(-omega * age)
                        r0 += left
                        r1 += left * age
                        old += 1
                    else:
                        r0 += fall
                        r1 += carried
                        old = j
                        break
            young = float(j - old) * floored
            zeroth[q] = r0 + young
            first[q] = r1 + young * min_step
        q = 0
        while q < size:
            while groups[group + 1] <= begin + q:
                group += 1
            end = min(size, groups[group + 1] - begin)
            level = mu[group]
            by_itself = 0.0
            while q < end:
                base = level * share[begin + q]
                inverse = 1.0 / (base + kernel * zeroth[q])
                by_itself += base * inverse
                repeats += kernel * zeroth[q] * inverse
                waiting += kernel * first[q] * inverse
                q += 1
            alone[group] += by_itself
    return repeats, waiting, alone


def em_sums(
    t: npt.ArrayLike,
    offsets: npt.ArrayLike,
    share: npt.ArrayLike,
    groups: npt.ArrayLike,
    omega: float,
    min_step: float,
    kernel: float,
    mu: npt.ArrayLike,
) -> tuple[float, float, FloatArray]:
    """Find what `expectation` does straight from the times of the crimes, without the sums at each of them.

    Parameters
    ----------
    t, offsets, omega, min_step
        See `decay_sums`.
    share, groups, kernel, mu
        See `expectation`, where the groups are called offsets.

    Returns
    -------
    repeats, waiting : float
    alone : ndarray of float64, shape (groups,)

    Examples
    --------
    >>> repeats, waiting, alone = em_sums([0.0, 1.0], [0, 2], [1.0, 1.0], [0, 2], 1.0, 0.5, 0.2718281828, [0.1])
    >>> round(repeats, 6), round(waiting, 6), alone.round(6).tolist()
    (0.5, 0.5, [1.5])
    """
    places = (floats(t), integers(offsets), floats(share), integers(groups))
    repeats, waiting, alone = _em_sums(*places, float(omega), float(min_step), float(kernel), floats(mu))
    return float(repeats), float(waiting), alone
