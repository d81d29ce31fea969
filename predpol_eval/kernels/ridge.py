"""The likeliest background of every cell for given repeats, and the likelihood along that ridge."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers


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


@njit(cache=True, error_model="numpy")
def _ridge_sums(
    zeroth: FloatArray,
    first: FloatArray,
    second: FloatArray,
    share: FloatArray,
    offsets: IntArray,
    kernel: float,
    omega: float,
    mu: FloatArray,
) -> FloatArray:  # pragma: no cover - compiled
    out = np.zeros(7)
    for group in range(offsets.size - 1):
        level = mu[group]
        # One logarithm for four rates.
        product = 1.0
        factors = 0
        logs = 0.0
        a = 0.0
        b = 0.0
        c = 0.0
        aa = 0.0
        ab = 0.0
        bb = 0.0
        ww = 0.0
        wa = 0.0
        wb = 0.0
        for j in range(offsets[group], offsets[group + 1]):
            rate = level * share[j] + kernel * zeroth[j]
            product *= rate
            factors += 1
            if factors == 4:
                logs += math.log(product)
                product = 1.0
                factors = 0
            inverse = 1.0 / rate
            slow = omega * first[j]
            w = share[j] * inverse
            by_theta = kernel * zeroth[j] * inverse
            by_omega = kernel * (zeroth[j] - slow) * inverse
            a += by_theta
            b += by_omega
            c += kernel * (zeroth[j] - 3.0 * slow + omega * omega * second[j]) * inverse
            aa += by_theta * by_theta
            ab += by_theta * by_omega
            bb += by_omega * by_omega
            ww += w * w
            wa += w * by_theta
            wb += w * by_omega
        out[0] += logs + math.log(product)
        out[1] += a
        out[2] += b
        out[3] += c
        out[4] += wa * wa / ww - aa
        out[5] += wa * wb / ww - ab
        out[6] += wb * wb / ww - bb
    return out


def ridge_sums(
    zeroth: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    share: npt.ArrayLike,
    offsets: npt.ArrayLike,
    kernel: float,
    omega: float,
    mu: npt.ArrayLike,
) -> FloatArray:
    """Sum over the crimes what the likelihood and its derivatives by log theta and log omega are made of.

    With a, b and c the derivatives of a crime's rate by log theta, by log omega and twice by log omega, each over the
    rate, and w that by the background of its group.

    Parameters
    ----------
    zeroth, first, second : array_like of float, shape (n,)
        Sums of `predpol_eval.kernels.self_exciting.decay_sums`.
    share : array_like of float, shape (n,)
        Share of its group's background that the cell of each crime holds, above 0.
    offsets : array_like of int, shape (groups + 1,)
        The crimes of group g are those from ``offsets[g]`` to ``offsets[g + 1]``; each has one.
    kernel, omega : float
        theta omega, and omega per day.
    mu : array_like of float, shape (groups,)
        Background rates per day.

    Returns
    -------
    ndarray of float64, shape (7,)
        Sums of the log rates, of a, b and c; and of a^2, a b and b^2 taken off what the background, free to follow,
        gives back: sums over the groups of (sum w a)^2/sum w^2 and so on.

    Examples
    --------
    >>> ridge_sums([0.0, 0.5], [0.0, 1.0], [0.0, 2.0], [1.0, 1.0], [0, 2], 0.2, 0.5, [0.1]).round(6).tolist()
    [-3.912023, 0.5, 0.0, -0.5, -0.2, 0.0, 0.0]
    """
    sums = (floats(zeroth), floats(first), floats(second), floats(share), integers(offsets))
    return np.asarray(_ridge_sums(*sums, float(kernel), float(omega), floats(mu)))
