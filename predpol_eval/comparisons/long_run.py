"""The error of a pooled difference when nights resemble their neighbours: long-run variance and its fixed-b law.

A difference per crime is sum D / sum N over nights. Its error comes from z = D - delta N, night by night; where a good
night follows a good one, these are correlated and the plain error is too small. Bartlett weights count the correlation
over some lags, and the fixed-b law says how far a mean can stray over an error estimated that way.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError

FloatArray = npt.NDArray[np.float64]

FEWEST_LAGS, MOST_LAGS = 6, 10
# Sums of hits over ties carry rounding; spread below this share of the largest night is none.
_ROUNDING = 1e-9
# Beyond so many nights only the share of them that the lags make up matters for the law.
_MOST_NIGHTS_OF_LAW = 400
_FARTHEST = 1e6
_FEW_NIGHTS = 20


class RatioInterval(NamedTuple):
    """A ratio of two sums over nights, its standard error, its interval, and the p-value of no difference."""

    estimate: float
    se: float
    low: float
    high: float
    p: float


def studentised_ratio(d: FloatArray, n: FloatArray, *, alpha: float = 0.05, lags: int | None = None) -> RatioInterval:
    """Interval of sum d / sum n by long-run variance and fixed-b critical values (``method="dm"``).

    Parameters
    ----------
    d, n : array of float, shape (nights,)
        What was gained and what it is counted by, night by night in the order of time; no NaN.
    alpha : float
        1 less the level of the interval.
    lags : int, optional
        Over how many nights correlation is counted; see `default_lags`.

    Returns
    -------
    RatioInterval
        All but the estimate are NaN where no error can be estimated: under two nights, or nights that do not differ.

    Notes
    -----
    se = sqrt(LRV(d - delta n) / T) / mean(n).

    References
    ----------
    Diebold and Mariano 1995; Newey and West 1987; Kiefer and Vogelsang 2005, Econometric Theory 21 (fixed b).

    Examples
    --------
    >>> import numpy as np
    >>> found = studentised_ratio(np.tile([1.0, 2.0, 0.0, 3.0], 10), np.full(40, 10.0))
    >>> found.estimate, bool(found.low < 0.15 < found.high)
    (0.15, True)
    """
    nights = len(d)
    total = float(n.sum())
    if not total > 0:
        return RatioInterval(np.nan, np.nan, np.nan, np.nan, np.nan)
    estimate = float(d.sum()) / total
    if nights < 2:
        return RatioInterval(estimate, np.nan, np.nan, np.nan, np.nan)
    chosen = default_lags(nights) if lags is None else check_lags(lags, nights)
    error = ratio_error(d, n, estimate, chosen)
    if not error > 0:
        return RatioInterval(estimate, np.nan, np.nan, np.nan, np.nan)
    law = fixed_b(nights, chosen)
    reach = law.critical(alpha) * error
    return RatioInterval(estimate, error, estimate - reach, estimate + reach, law.p_value(estimate / error))


def ratio_error(d: FloatArray, n: FloatArray, ratio: float, lags: int) -> float:
    """Standard error of sum d / sum n; 0 if nights differ by rounding only."""
    z = d - ratio * n
    if np.abs(z).max() <= _ROUNDING * max(np.abs(d).max(), abs(ratio) * np.abs(n).max()):
        return 0.0
    return float(np.sqrt(max(long_run_variance(z, lags), 0.0) / len(z)) / n.mean())


def long_run_variance(z: FloatArray, lags: int) -> float:
    """Variance of sqrt(T) times the mean of z, with Bartlett weights 1 - j/(L+1) on the first L autocovariances.

    Examples
    --------
    >>> import numpy as np
    >>> long_run_variance(np.array([1.0, -1.0, 1.0, -1.0]), 1)  # 1 + 2 (1/2) (-3/4)
    0.25
    """
    nights = len(z)
    total = float(z @ z)
    for lag in range(1, min(lags, nights - 1) + 1):
        total += 2 * (1 - lag / (lags + 1)) * float(z[lag:] @ z[:-lag])
    return total / nights


def default_lags(nights: int) -> int:
    """Lags counted unless told otherwise: a sixth of the nights, at least 6, at most 10, fewer than the nights.

    Examples
    --------
    >>> [default_lags(nights) for nights in (4, 20, 48, 60, 184)]
    [3, 6, 8, 10, 10]
    """
    return max(0, min(max(FEWEST_LAGS, min(MOST_LAGS, -(-nights // 6))), nights - 1))


def check_lags(lags: int, nights: int) -> int:
    """Refuse lags that are no whole number from 0 to below the number of nights.

    Raises
    ------
    InputError
        If they are not.
    """
    if isinstance(lags, bool) or not isinstance(lags, int | np.integer) or not 0 <= lags < nights:
        raise InputError(
            f"lags={lags!r} with {nights} nights; give a whole number of nights from 0 to {nights - 1}, or None for "
            f"{default_lags(nights)}."
        )
    return int(lags)


class FixedB:
    """Law of a mean over its error, when the error counts L lags of T nights.

    At alpha = .05 the critical value is the polynomial of Kiefer and Vogelsang (2005) in b = (L+1)/T. Other levels and
    p-values are of the exact law for T independent normal nights, stretched by the factor (within 1.1 % from 20 nights
    on) that makes it agree with the polynomial there, so that an interval and a p-value never contradict each other.
    Under 20 nights the polynomial, made for many, can fall short; the exact law then stands as it is.

    Parameters
    ----------
    nights, lags : int

    Examples
    --------
    >>> law = FixedB(184, 10)
    >>> round(law.critical(0.05), 4), round(law.p_value(law.critical(0.05)), 6)
    (2.1389, 0.05)
    """

    def __init__(self, nights: int, lags: int) -> None:
        self.b = (lags + 1) / nights
        few = min(nights, _MOST_NIGHTS_OF_LAW)
        apart = np.abs(np.subtract.outer(np.arange(few), np.arange(few)))
        weights = np.maximum(0.0, 1 - apart / (self.b * few))
        # The mean is taken out of the nights, so of the rows and columns of their weights too.
        centred = weights - weights.mean(axis=0) - weights.mean(axis=1)[:, None] + weights.mean()
        spread = np.linalg.eigvalsh(centred) / few
        self._spread = spread[spread > 1e-12]
        self._stretch = 1.0
        self._known: dict[float, float] = {}
        stretch = self._published() / self.critical(0.05)
        self._stretch = stretch if nights >= _FEW_NIGHTS else max(1.0, stretch)

    def _published(self) -> float:
        b = self.b
        return 1.96 + 2.9694 * b + 0.416 * b**2 - 0.5324 * b**3

    def p_value(self, t: float) -> float:
        """Chance of a ratio at least as far from 0 as `t`, if the true one is 0."""
        if not np.isfinite(t):
            return float(np.nan) if np.isnan(t) else 0.0
        return _exceeds(abs(t) / self._stretch, self._spread)

    def critical(self, alpha: float) -> float:
        """How far from 0 a ratio strays with chance `alpha`; infinitely far if so few nights rule nothing out."""
        if alpha not in self._known:
            self._known[alpha] = _reached(alpha, self._spread)
        return self._known[alpha] * self._stretch


@lru_cache(maxsize=256)
def fixed_b(nights: int, lags: int) -> FixedB:
    """Law for so many nights and lags; made once, since making it takes longer than using it."""
    return FixedB(nights, lags)


def _exceeds(c: float, spread: FloatArray) -> float:
    """P(X0 > c2 sum of spread X), for independent chi-squares of one degree of freedom.

    A normal tail is an integral over an angle (Craig 1991), under which the mean over the other variables is a product.
    """
    if c <= 0:
        return 1.0
    angle, weight = _angles()
    product = np.exp(-0.5 * np.log1p(c * c * spread / np.sin(angle)[:, None] ** 2).sum(axis=1))
    return min(1.0, float(weight @ product))


def _reached(alpha: float, spread: FloatArray) -> float:
    """Find the c with which `_exceeds` is `alpha`."""
    from scipy import optimize

    top = 4.0
    while _exceeds(top, spread) > alpha:
        top *= 2
        if top > _FARTHEST:
            return np.inf
    return float(optimize.brentq(lambda c: _exceeds(c, spread) - alpha, 0.0, top, xtol=1e-10, rtol=1e-12))


@lru_cache(maxsize=1)
def _angles() -> tuple[FloatArray, FloatArray]:
    """Angles between 0 and a right one, and weights that sum to 1 (Gauss-Legendre)."""
    node, weight = np.polynomial.legendre.leggauss(128)
    return (node + 1) * np.pi / 4, weight / 2
