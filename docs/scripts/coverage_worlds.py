"""Trials of which the truth is known: two forecasters, night after night, over many runs at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special, stats

FloatArray = npt.NDArray[np.float64]

# Crimes a night caught by one of the two only (each), by both, and by neither.
RATES = {"sparse": (0.25, 0.5, 2.0), "dense": (4.0, 4.0, 8.0)}
CLUSTER = 3.0  # crimes of a cluster on average, all caught by the same side; sizes are geometric
# A difference of so many standard errors is found by a perfect test of 5 % in 85 of 100 trials.
APART = 3.0


@dataclass(frozen=True, slots=True)
class World:
    """One kind of trial.

    Attributes
    ----------
    crimes : str
        ``"sparse"`` or ``"dense"``.
    nights : str
        ``"independent"``, ``"clustered"``, or the correlation of a night's difference with the next one's.
    number : int
        Nights of the trial.
    differ : bool
        Whether one of the two is better.
    """

    crimes: str
    nights: str
    number: int
    differ: bool = False

    @property
    def correlation(self) -> float:
        """Of a night's difference with the next one's."""
        return 0.0 if self.nights in ("independent", "clustered") else float(self.nights)

    @property
    def excess(self) -> float:
        """By what share the better one catches more alone than either does where they are alike, and the other less."""
        alone = RATES[self.crimes][0]
        stretch = 2 * CLUSTER - 1 if self.nights == "clustered" else (1 + self.correlation) / (1 - self.correlation)
        return min(0.9, APART * np.sqrt(stretch / (2 * alone * self.number))) if self.differ else 0.0

    @property
    def delta(self) -> float:
        """True difference of hit rates."""
        alone, both, neither = RATES[self.crimes]
        return 2 * alone * self.excess / (2 * alone + both + neither)


def trials(world: World, runs: int, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Hits of A, hits of B and crimes; each of shape (runs, nights)."""
    generator = np.random.default_rng(seed)
    alone, both, neither = RATES[world.crimes]
    shape = (runs, world.number)
    a = _alone(world, alone * (1 + world.excess), shape, generator)
    b = _alone(world, alone * (1 - world.excess), shape, generator)
    common = generator.poisson(both, shape)
    return a + common, b + common, a + b + common + generator.poisson(neither, shape)


def _alone(world: World, rate: float, shape: tuple[int, int], generator: np.random.Generator) -> FloatArray:
    """Crimes that one side alone catches."""
    if world.nights == "clustered":
        clusters = generator.poisson(rate / CLUSTER, shape)
        more = generator.negative_binomial(np.maximum(clusters, 1), 1 / CLUSTER)
        return np.where(clusters > 0, clusters + more, 0).astype(float)
    if not world.correlation:
        return generator.poisson(rate, shape).astype(float)
    # Poisson counts by a bell that moves from night to night as an autoregression of the first order.
    step = _latent(rate, world.correlation)
    noise = generator.standard_normal(shape)
    bell = np.empty(shape)
    bell[:, 0] = noise[:, 0]
    for night in range(1, shape[1]):
        bell[:, night] = step * bell[:, night - 1] + np.sqrt(1 - step**2) * noise[:, night]
    return np.asarray(stats.poisson.ppf(special.ndtr(bell), rate))


@lru_cache(maxsize=64)
def _latent(rate: float, correlation: float) -> float:
    """Correlation of the bells that gives the counts the one asked for."""
    generator = np.random.default_rng(0)
    first, other = generator.standard_normal((2, 400_000))
    counts = stats.poisson.ppf(special.ndtr(first), rate)
    low, high = correlation, 0.999
    for _ in range(16):
        middle = (low + high) / 2
        bell = middle * first + np.sqrt(1 - middle**2) * other
        reached = np.corrcoef(counts, stats.poisson.ppf(special.ndtr(bell), rate))[0, 1]
        low, high = (middle, high) if reached < correlation else (low, middle)
    return (low + high) / 2
