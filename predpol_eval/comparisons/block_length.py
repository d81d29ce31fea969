"""How long the blocks of nights should be that a bootstrap draws, judged from the nights themselves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError

FloatArray = npt.NDArray[np.float64]

# Sums of hits over ties carry rounding; nights that differ by less than this share of the largest are alike.
_ROUNDING = 1e-9
_FEWEST_LAGS = 5


def politis_white(z: npt.ArrayLike) -> float:
    """Mean block length of the stationary bootstrap by the rule of Politis and White.

    Parameters
    ----------
    z : array-like, shape (nights,)
        One number for each night in the order of time, for instance D - delta N; no NaN.

    Returns
    -------
    float
        In nights, from 1 to `longest_block`; 1 where the nights are alike or too few to tell.

    Raises
    ------
    InputError
        If the numbers are not one row of finite ones.

    Notes
    -----
    Correlation is counted up to twice the lag after which none of the next five is above 2 sqrt(log10(T)/T), with a
    flat-top weight, and the length is (G^2 T / s^4)^(1/3): G the sum of |k| times the autocovariance at lag k, s^2
    that of the autocovariances, k from -M to M. As in Patton's program and in `arch`, the first lag is counted always,
    and each lag's correlation is scaled by the nights that have a partner. With few nights the rule tells little: of
    60 nights with correlation .5 from one to the next, the length varies between 1 and 10.

    References
    ----------
    Politis and White 2004, Econometric Reviews 23; corrected by Patton, Politis and White 2009, Econometric Reviews 28.

    Examples
    --------
    >>> politis_white([0.0, 0.0, 0.0, 0.0])
    1.0
    >>> round(politis_white([3, 3, 2, 3, 2, 1, 0, 1, 0, -1, -2, -2, -3, -2, -2, -3, -1, 0, 0, 1]), 3)
    2.446
    """
    series = _checked(z)
    nights = len(series)
    if nights < 2:
        return 1.0
    largest = np.abs(series).max()
    eps = series - series.mean()
    if np.abs(eps).max() <= _ROUNDING * largest:
        return 1.0
    # The length does not depend on the unit; in one of their own, no squares overflow.
    eps = eps / np.abs(eps).max()
    covariance, correlation = _autocovariances(eps)
    width = _bandwidth(correlation, nights)
    lag = np.arange(1, width + 1)
    weight = np.minimum(1.0, 2.0 * (1.0 - lag / width))
    slope = 2.0 * float(weight @ (lag * covariance[1 : width + 1]))
    variance = float(covariance[0]) + 2.0 * float(weight @ covariance[1 : width + 1])
    most = longest_block(nights)
    if not slope:
        return 1.0
    # Where the sum of the autocovariances vanishes, no block is long enough.
    if slope**2 * nights >= most**3 * variance**2:
        return most
    return float(max(1.0, (slope**2 / variance**2) ** (1 / 3) * nights ** (1 / 3)))


def longest_block(nights: int) -> float:
    """Longest mean block that so many nights allow: a third of them, and at most 3 sqrt(T), rounded up.

    Examples
    --------
    >>> [longest_block(nights) for nights in (2, 10, 60, 184)]
    [1.0, 4.0, 20.0, 41.0]
    """
    return float(max(1.0, np.ceil(min(3.0 * np.sqrt(nights), nights / 3.0))))


def _checked(z: npt.ArrayLike) -> FloatArray:
    try:
        series = np.asarray(z, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("z holds something that is no number; give one number for each night.") from None
    if series.ndim != 1 or not np.isfinite(series).all():
        raise InputError(
            f"z has shape {series.shape} and {int((~np.isfinite(series)).sum())} numbers that are not finite; give one "
            "finite number for each night, leaving out the nights that failed: z[np.isfinite(z)]."
        )
    return series


def _autocovariances(eps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Autocovariance and size of the autocorrelation, lag by lag as far as the rule may look."""
    nights, lags = len(eps), _most_lags(len(eps))
    covariance, correlation = np.zeros(lags + 1), np.full(lags + 1, np.inf)
    for lag in range(min(lags, nights - 1) + 1):
        product = float(eps[lag:] @ eps[: nights - lag])
        covariance[lag] = product / nights
        # One night fewer than are multiplied, as in the program that others check this number with.
        first, last = eps[: -lag - 1], eps[lag + 1 :]
        scale = float((first @ first) * (last @ last))
        if scale > 0:
            correlation[lag] = abs(product) / np.sqrt(scale)
    return covariance, correlation


def _most_lags(nights: int) -> int:
    return int(np.ceil(np.sqrt(nights))) + _in_a_row(nights)


def _in_a_row(nights: int) -> int:
    """How many lags in a row must be without correlation."""
    return max(_FEWEST_LAGS, int(np.log10(nights)))


def _bandwidth(correlation: FloatArray, nights: int) -> int:
    """Twice the first lag from which on so many in a row show no correlation; all lags if there is none."""
    run, most = _in_a_row(nights), len(correlation) - 1
    small = correlation < 2.0 * np.sqrt(np.log10(nights) / nights)
    for first in range(most - run + 1):
        if small[first : first + run].all():
            return min(2 * max(first, 1), most)
    return most
