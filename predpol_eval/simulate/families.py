"""Crimes that set off crimes: the generations of a self-exciting process, wherever they lie."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Families(NamedTuple):
    """All crimes of a process, generation after generation.

    t : days from the start; parent : position of the crime that set this one off, or -1; root : position of the
    background crime that its family began with; generation : 0 for background crimes, 1 for their repeats, ...
    """

    t: FloatArray
    parent: IntArray
    root: IntArray
    generation: IntArray


def grow(random: np.random.Generator, background: FloatArray, end: float, theta: float, omega: float) -> Families:
    """Let background crimes (their times in days) set off repeats, and those more, up to `end`.

    Each crime has Poisson(theta) repeats, each after an exponential time of mean 1/omega.
    """
    t, root = background, np.arange(background.size)
    times, parents, roots, sizes = [t], [np.full(t.size, -1)], [root], [t.size]
    made = 0
    while t.size:
        number = random.poisson(theta, t.size)
        # Repeats after the end are dropped; their own repeats would come later still.
        later = np.repeat(t, number) + random.exponential(1.0 / omega, int(number.sum()))
        seen = later < end
        parent = np.repeat(np.arange(made, made + t.size), number)[seen]
        made += t.size
        t, root = later[seen], np.repeat(root, number)[seen]
        times.append(t)
        parents.append(parent)
        roots.append(root)
        sizes.append(t.size)
    return Families(
        t=np.concatenate(times),
        parent=np.concatenate(parents),
        root=np.concatenate(roots),
        generation=np.repeat(np.arange(len(sizes)), sizes),
    )


def scatter(
    random: np.random.Generator, families: Families, x: FloatArray, y: FloatArray, sigma: float
) -> tuple[FloatArray, FloatArray]:
    """Places of all crimes, to the millimetre; those of the background are given.

    A repeat lies N(0, sigma^2) from its parent in each direction.
    """
    step = random.normal(0.0, sigma, (2, families.t.size - x.size))
    place = np.concatenate([np.stack([x, y]), step], axis=1)
    edges = np.searchsorted(families.generation, np.arange(families.generation.max(initial=0) + 2))
    for first, last in pairwise(edges[1:]):
        # Parents are of the generation before, whose places are ready.
        place[:, first:last] += place[:, families.parent[first:last]]
    east, north = np.rint(place * 1000) / 1000
    return east, north
