"""What earlier crimes nearby add to the rate at each crime, by a list of close pairs: one exp a pair."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from predpol_eval.kernels.pairs import Pairs
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

# Pairs at once: what a chunk needs stays in the nearest cache.
_CHUNK = 1024
# exp(-x) is (exp(-x/128))^128, by a polynomial of the eighth degree: all of it multiplications and additions, which the
# processor does four at a time. It errs by less than 1e-16, that is 4e-14 of exp(-x) at x = 10, 2e-11 at 20 and 1e-7
# at 60; beyond `_DEEPEST` it stays where it is, at 1e-39.
_DEEPEST = 90.0
# Weights of a pair by u = omega x days and v = d^2/(2 sigma^2).
ORDERS = ("1", "u", "v", "u^2", "v^2", "u v")


@njit(cache=True, error_model="numpy", inline="always")
def _power(z: float) -> float:  # pragma: no cover - compiled
    """What exp(z)^128 is for z from -0.71 to 0."""
    p = 1.0 / 5040.0 + z * (1.0 / 40320.0)
    p = 1.0 / 720.0 + z * p
    p = 1.0 / 120.0 + z * p
    p = 1.0 / 24.0 + z * p
    p = 1.0 / 6.0 + z * p
    p = 0.5 + z * p
    p = 1.0 + z * p
    p = 1.0 + z * p
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    return p * p


@njit(cache=True, error_model="numpy")
def _pair_sums(
    offsets: IntArray, days: FloatArray, square: FloatArray, omega: float, sigma: float, second: bool
) -> FloatArray:  # pragma: no cover - compiled
    n = offsets.size - 1
    out = np.zeros((6 if second else 3, n))
    u = np.empty(_CHUNK)
    v = np.empty(_CHUNK)
    e = np.empty(_CHUNK)
    scale = 0.5 / (sigma * sigma)
    j = 0
    for begin in range(0, days.size, _CHUNK):
        size = min(_CHUNK, days.size - begin)
        days_here = days[begin : begin + size]
        square_here = square[begin : begin + size]
        for k in range(size):
            u[k] = omega * days_here[k]
            v[k] = scale * square_here[k]
            e[k] = _power(min(u[k] + v[k], _DEEPEST) * (-1.0 / 128.0))
        k = 0
        while k < size:
            while offsets[j + 1] <= begin + k:
                j += 1
            stop = min(size, offsets[j + 1] - begin)
            s0 = 0.0
            su = 0.0
            sv = 0.0
            if second:
                suu = 0.0
                svv = 0.0
                suv = 0.0
                for q in range(k, stop):
                    eu = e[q] * u[q]
                    ev = e[q] * v[q]
                    s0 += e[q]
                    su += eu
                    sv += ev
                    suu += eu * u[q]
                    svv += ev * v[q]
                    suv += eu * v[q]
                out[3, j] += suu
                out[4, j] += svv
                out[5, j] += suv
            else:
                for q in range(k, stop):
                    s0 += e[q]
                    su += e[q] * u[q]
                    sv += e[q] * v[q]
            out[0, j] += s0
            out[1, j] += su
            out[2, j] += sv
            k = stop
    return out


def pair_sums(pairs: Pairs, omega: float, sigma: float, *, second: bool = False) -> FloatArray:
    """Sum ``exp(-u - v)``, and that times u and v, over the pairs of each crime.

    u is omega times the days between the two, v the squared distance over 2 sigma^2. Serial, in a fixed order: the
    result is the same to the bit whatever the number of threads.

    Parameters
    ----------
    pairs : Pairs
    omega : float
        Decay per day, above 0.
    sigma : float
        Spread in each direction, metres; above 0.
    second : bool
        Also times u^2, v^2 and u v.

    Returns
    -------
    ndarray of float64, shape (3, n) or (6, n)
        In the order of `ORDERS`.

    Examples
    --------
    >>> from predpol_eval.kernels.pairs import close_pairs
    >>> pairs = close_pairs([0.0, 3.0], [0.0, 4.0], [0.0, 2.0], 10.0, 10.0)
    >>> pair_sums(pairs, 0.5, 5.0).round(6).tolist()
    [[0.0, 0.22313], [0.0, 0.22313], [0.0, 0.111565]]
    """
    return _pair_sums(pairs.offsets, pairs.days, pairs.square, float(omega), float(sigma), bool(second))


@njit(cache=True, error_model="numpy")
def _pair_expectation(
    offsets: IntArray,
    days: FloatArray,
    square: FloatArray,
    omega: float,
    sigma: float,
    kernel: float,
    mu: FloatArray,
    receives: IntArray,
) -> tuple[FloatArray, float, float, float]:  # pragma: no cover - compiled
    alone = np.ones(mu.size)
    e = np.empty(_CHUNK)
    eu = np.empty(_CHUNK)
    ev = np.empty(_CHUNK)
    scale = 0.5 / (sigma * sigma)
    repeats = 0.0
    u = 0.0
    v = 0.0
    j = 0
    s0 = 0.0
    su = 0.0
    sv = 0.0
    for begin in range(0, days.size, _CHUNK):
        size = min(_CHUNK, days.size - begin)
        days_here = days[begin : begin + size]
        square_here = square[begin : begin + size]
        for k in range(size):
            at_u = omega * days_here[k]
            at_v = scale * square_here[k]
            value = _power(min(at_u + at_v, _DEEPEST) * (-1.0 / 128.0))
            e[k] = value
            eu[k] = value * at_u
            ev[k] = value * at_v
        k = 0
        while k < size:
            while offsets[j + 1] <= begin + k:
                j += 1
            end = offsets[j + 1] - begin
            stop = min(size, end)
            # Two sums side by side: the processor need not wait for one before it begins the other.
            t0 = 0.0
            tu = 0.0
            tv = 0.0
            while k + 1 < stop:
                s0 += e[k]
                t0 += e[k + 1]
                su += eu[k]
                tu += eu[k + 1]
                sv += ev[k]
                tv += ev[k + 1]
                k += 2
            if k < stop:
                s0 += e[k]
                su += eu[k]
                sv += ev[k]
                k += 1
            s0 += t0
            su += tu
            sv += tv
            if end <= size:
                inverse = 1.0 / (mu[j] + kernel * s0)
                alone[j] = mu[j] * inverse
                if receives[j] != 0:
                    repeats += kernel * s0 * inverse
                    u += kernel * su * inverse
                    v += kernel * sv * inverse
                s0 = 0.0
                su = 0.0
                sv = 0.0
    return alone, repeats, u, v


def pair_expectation(
    pairs: Pairs, omega: float, sigma: float, kernel: float, mu: npt.ArrayLike, receives: npt.ArrayLike
) -> tuple[FloatArray, float, float, float]:
    """Sum the probabilities that each crime repeats each earlier one: the E step.

    Parameters
    ----------
    pairs : Pairs
    omega : float
        Decay per day, above 0.
    sigma : float
        Spread in each direction, metres; above 0.
    kernel : float
        What a crime adds at its own place and moment: theta omega/(2 pi sigma^2).
    mu : array_like of float, shape (n,)
        Background rate at each crime, above 0.
    receives : array_like of int, shape (n,)
        1 where a crime counts.

    Returns
    -------
    alone : ndarray of float64, shape (n,)
        p_jj.
    repeats, u, v : float
        Sum of p_ij over all pairs, and of p_ij u and p_ij v, with u and v as in `pair_sums`.

    Examples
    --------
    >>> from predpol_eval.kernels.pairs import close_pairs
    >>> pairs = close_pairs([0.0, 3.0], [0.0, 4.0], [0.0, 2.0], 10.0, 10.0)
    >>> alone, *sums = pair_expectation(pairs, 0.5, 5.0, 1.0, [0.1, 0.22313016], [1, 1])
    >>> alone.round(6).tolist(), [round(value, 6) for value in sums]
    ([1.0, 0.5], [0.5, 0.5, 0.25])
    """
    by = (float(omega), float(sigma), float(kernel), floats(mu), integers(receives))
    alone, repeats, u, v = _pair_expectation(pairs.offsets, pairs.days, pairs.square, *by)
    return alone, float(repeats), float(u), float(v)
