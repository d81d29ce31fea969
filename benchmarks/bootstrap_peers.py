"""Nights to draw anew, and what others draw them with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels import stationary_bootstrap

FloatArray = npt.NDArray[np.float64]


def drawing(nights: int, draws: int) -> tuple[Any, ...]:
    """Differences and crimes of nights, random numbers for every draw, blocks of three nights on average, 6 lags."""
    rng = np.random.default_rng(nights)
    counted = rng.poisson(12, nights) + 1.0
    gained = rng.binomial(counted.astype(int), 0.35) - rng.binomial(counted.astype(int), 0.3).astype(float)
    return gained, counted, rng.random((draws, nights)), 1 / 3, 6


def with_the_library(d: FloatArray, n: FloatArray, uniform: FloatArray, restart: float, lags: int) -> FloatArray:
    """Ratio and standard error of every draw; shape (2, draws)."""
    return np.stack(stationary_bootstrap.redraw(d, n, uniform, restart, lags))


def in_numpy(d: FloatArray, n: FloatArray, uniform: FloatArray, restart: float, lags: int) -> FloatArray:
    """All draws at once, a night or a lag at a time."""
    draws, nights = uniform.shape
    place = np.empty((draws, nights), dtype=np.int64)
    place[:, 0] = uniform[:, 0] * nights
    for night in range(1, nights):
        new = uniform[:, night] < restart
        place[:, night] = np.where(new, uniform[:, night] / restart * nights, (place[:, night - 1] + 1) % nights)
    gained, counted = d[place], n[place]
    ratio = gained.sum(axis=1) / counted.sum(axis=1)
    z = gained - ratio[:, None] * counted
    like = (z[:, 1:] * z[:, :-1]).sum(axis=1) / (z * z).sum(axis=1)
    like = np.clip(like + (1 + 3 * like) / nights, -0.9, 0.9)
    rest = z[:, 1:] - like[:, None] * z[:, :-1]
    total = (rest * rest).sum(axis=1)
    for lag in range(1, lags + 1):
        total += 2 * (1 - lag / (lags + 1)) * (rest[:, lag:] * rest[:, :-lag]).sum(axis=1)
    error = np.sqrt(np.maximum(total, 0) / (nights - 1) / nights) / (1 - like) / counted.mean(axis=1)
    return np.stack([ratio, error])


def with_arch(d: FloatArray, n: FloatArray, uniform: FloatArray, restart: float, lags: int) -> FloatArray:
    """Ratios alone, without their errors, of draws of its own, by the package arch."""
    from arch.bootstrap import StationaryBootstrap

    made = StationaryBootstrap(1 / restart, d, n, seed=1)
    return np.asarray(made.apply(lambda x, m: x.sum() / m.sum(), len(uniform)))
