"""What earlier crimes nearby add to the rate at each crime, by a list of close pairs: one exp a pair."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from predpol_eval.kernels.pairs import Pairs
from predpol_eval.kernels.points import FloatArray, IntArray

# Pairs at once: what a chunk needs stays in the nearest cache.
_CHUNK = 1024
# exp(-x) is (exp(-x/128))^128, by a polynomial of the 12th degree: all of it multiplications, which the processor does
# four at a time. Relative to exp(-x) it errs by less than 1e-13 up to x = 30, and 3e-12 up to 90, where it stops.
_DEEPEST = 90.0
# Weights of a pair by u = omega x days and v = d^2/(2 sigma^2).
ORDERS = ("1", "u", "v", "u^2", "v^2", "u v")


@njit(cache=True, error_model="numpy", inline="always")
def _power(z: float) -> float:  # pragma: no cover - compiled
    """What exp(z)^128 is for z from -0.71 to 0."""
    p = 1.0 + z / 12.0
    p = 1.0 + p * z * (1.0 / 11.0)
    p = 1.0 + p * z * (1.0 / 10.0)
    p = 1.0 + p * z * (1.0 / 9.0)
    p = 1.0 + p * z * (1.0 / 8.0)
    p = 1.0 + p * z * (1.0 / 7.0)
    p = 1.0 + p * z * (1.0 / 6.0)
    p = 1.0 + p * z * (1.0 / 5.0)
    p = 1.0 + p * z * (1.0 / 4.0)
    p = 1.0 + p * z * (1.0 / 3.0)
    p = 1.0 + p * z * (1.0 / 2.0)
    p = 1.0 + p * z
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
    sums: FloatArray, kernel: float, mu: FloatArray, receives: IntArray
) -> tuple[FloatArray, float, float, float]:  # pragma: no cover - compiled
    alone = np.empty(mu.size)
    repeats = 0.0
    u = 0.0
    v = 0.0
    for j in range(mu.size):
        inverse = 1.0 / (mu[j] + kernel * sums[0, j])
        alone[j] = mu[j] * inverse
        if receives[j] != 0:
            repeats += kernel * sums[0, j] * inverse
            u += kernel * sums[1, j] * inverse
            v += kernel * sums[2, j] * inverse
    return alone, repeats, u, v


def pair_expectation(
    sums: FloatArray, kernel: float, mu: FloatArray, receives: npt.NDArray[np.int64]
) -> tuple[FloatArray, float, float, float]:
    """Sum the probabilities that each crime repeats each earlier one: the E step.

    Parameters
    ----------
    sums : ndarray of float64, shape (3 or more, n)
        Of `pair_sums`.
    kernel : float
        theta omega/(2 pi sigma^2).
    mu : ndarray of float64, shape (n,)
        Background rate at each crime, above 0.
    receives : ndarray of int64, shape (n,)
        1 where a crime counts.

    Returns
    -------
    alone : ndarray of float64, shape (n,)
        p_jj.
    repeats, u, v : float
        Sum of p_ij over all pairs, and of p_ij u and p_ij v.

    Examples
    --------
    >>> sums = np.array([[0.0, 0.5], [0.0, 1.0], [0.0, 2.0]])
    >>> alone, *rest = pair_expectation(sums, 0.2, np.array([0.1, 0.1]), np.array([1, 1]))
    >>> alone.tolist(), rest
    ([1.0, 0.5], [0.5, 1.0, 2.0])
    """
    alone, repeats, u, v = _pair_expectation(sums, float(kernel), mu, receives)
    return alone, float(repeats), float(u), float(v)
