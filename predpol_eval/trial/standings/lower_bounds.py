"""One-sided lower bounds of a rate, and of the ratio of two, from sums over blocks of nights."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Sums(NamedTuple):
    """Hits and crimes of each block."""

    hits: FloatArray
    crimes: FloatArray

    @property
    def rate(self) -> float:
        """Share of the crimes that was caught."""
        return float(self.hits.sum() / self.crimes.sum()) if self.crimes.sum() > 0 else 0.0

    @property
    def strays(self) -> FloatArray:
        """What each block adds to the error of the rate."""
        return np.asarray((self.hits - self.rate * self.crimes) / self.crimes.sum())


def covariance(x: FloatArray, y: FloatArray) -> float:
    """Of two sums over blocks."""
    return float(x @ y) * len(x) / (len(x) - 1)


def critical(blocks: int, level: float) -> float:
    """Student's t of one less than the number of blocks, one-sided."""
    from scipy import stats

    return float(stats.t.ppf(level, blocks - 1))


def fieller(first: Sums, second: Sums, level: float) -> float:
    """Lower bound of a ratio of rates: the least that is not rejected, 0 if that is 0, infinite if all are."""
    c2 = critical(len(first.hits), level) ** 2
    p, q, x, y = first.rate, second.rate, first.strays, second.strays
    # (p - r q)^2 > c2 var(p - r q), a quadratic in the ratio r.
    square = q * q - c2 * covariance(y, y)
    half = p * q - c2 * covariance(x, y)
    constant = p * p - c2 * covariance(x, x)
    if constant <= 0:
        return 0.0
    roots = np.roots([square, -2 * half, constant]) if abs(square) + abs(half) > 0 else np.empty(0)
    real = roots[np.abs(roots.imag) <= 1e-9 * (1 + np.abs(roots.real))].real
    positive = real[real > 0]
    return float(positive.min()) if len(positive) else math.inf


def share_low(of: float, rest: float, level: float) -> float:
    """Lower bound of a share, Clopper and Pearson; parts of a crime count against it."""
    from scipy import stats

    counted = math.floor(of + 1e-9)
    if counted < 1:
        return 0.0
    return float(stats.beta.ppf(1 - level, counted, math.ceil(rest - 1e-9) + 1))


def poisson_ratio(hits: float, crimes: float, later: float, then: float, level: float) -> float:
    """Lower bound of the ratio of two rates of Poisson counts, given their sum."""
    share = share_low(hits, later, level)
    return math.inf if share >= 1 else share / (1 - share) * then / crimes
