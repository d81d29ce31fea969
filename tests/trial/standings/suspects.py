"""Trials in a made-up town of 300 boxes, with seasons and clusters, and submitters who are honest or not.

Many trials at once: arrays have the trial in front.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

CELLS, AREAS, NIGHTS, K = 300, 3, 184, 5
AREA_OF = np.repeat(np.arange(AREAS), CELLS // AREAS)


class Trials(NamedTuple):
    """Crimes (trial, night, cell), and the rate that was true each night given all before it."""

    crimes: FloatArray
    rate: FloatArray


def trials(seed: int, number: int, *, rate: float = 9.0, triggered: float = 0.35, decay: float = 0.12) -> Trials:
    """Crimes that cluster: each brings `triggered` more in its box, half of them within six nights; seasons swing."""
    generator = np.random.default_rng(seed)
    place = generator.gamma(0.5, size=(number, CELLS))
    place *= rate * (1 - triggered) / place.sum(axis=1, keepdims=True)
    crimes = np.zeros((number, NIGHTS + 60, CELLS))
    rates = np.zeros_like(crimes)
    excited = np.zeros((number, CELLS))
    for night in range(NIGHTS + 60):
        season = 1 + 0.5 * np.sin(2 * np.pi * night / 365) + 0.4 * (night % 7 >= 5)
        rates[:, night] = place * season + excited
        crimes[:, night] = generator.poisson(rates[:, night])
        excited = excited * np.exp(-decay) + triggered * (1 - np.exp(-decay)) * crimes[:, night]
    return Trials(crimes, rates)


def top(scores: FloatArray, generator: np.random.Generator) -> FloatArray:
    """The K boxes of each area with the highest scores, ties at random."""
    shape = scores.shape
    split = (scores + 1e-9 * generator.random(shape)).reshape(*shape[:-1], AREAS, CELLS // AREAS)
    edge = np.partition(split, -K, axis=-1)[..., -K : -K + 1]
    return np.asarray((split >= edge).reshape(shape).astype(np.float64))


def counted(crimes: FloatArray, back: int) -> FloatArray:
    """Crimes of the nights before, as many as asked for."""
    sums = np.cumsum(crimes, axis=1)
    earlier = np.concatenate([np.zeros_like(sums[:, :1]), sums[:, :-1]], axis=1)
    far = np.concatenate([np.zeros_like(sums[:, : back + 1]), sums[:, : -back - 1]], axis=1)
    return np.asarray(earlier - far)


def submitters(world: Trials, seed: int) -> dict[str, FloatArray]:
    """Flags (trial, night, cell) of the trial's nights."""
    generator = np.random.default_rng(seed)
    scores: dict[str, Any] = {
        # It knows the very rate that the crimes are drawn from: no honest map can be stronger.
        "self-exciting": world.rate,
        "count map": counted(world.crimes, 21),
        "random": generator.random(world.crimes.shape),
        "leaked": world.crimes,
    }
    return {name: top(values[:, 60:], generator) for name, values in scores.items()}
