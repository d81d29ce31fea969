"""How many pairs of crimes are near in space and time: by cause, and by chance."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import NANOSECONDS_PER_DAY, to_wall
from predpol_eval.events import Events
from predpol_eval.near_repeats.bands import Bands

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Expectation(NamedTuple):
    """Pairs by band of distance and of time, shape (s, t): caused, to be expected by chance, and the Knox ratio."""

    caused: IntArray
    chance: FloatArray
    ratio: FloatArray


def squared_limits(space: Bands) -> IntArray:
    """Edges as squares of millimetres: a whole number is below one just if it is within."""
    return np.array([math.ceil((edge * 1000) ** 2) for edge in space.finite], dtype=np.int64)


def expected_pairs(events: Events, parent: IntArray, space: Bands, time: Bands) -> Expectation:
    """What a Knox test is to be expected to find, given which crime repeats which.

    Pairs without a cause are as often near in time wherever they are: given the places and the times, their expected
    number in a band of both is the product of the margins. Times are those of the wall clock, of
    intervals their midpoints, as `knox` has them.
    """
    place = np.rint(1000 * np.stack([events.x, events.y])).astype(np.int64)
    wall = to_wall(events.midpoint, events.tz).astype(np.int64)
    rings = squared_limits(space)
    days = np.array([math.ceil(edge * NANOSECONDS_PER_DAY) for edge in time.finite], dtype=np.int64)
    child = np.flatnonzero(parent >= 0)
    far = ((place[:, child] - place[:, parent[child]]) ** 2).sum(axis=0)
    wait = np.abs(wall[child] - wall[parent[child]])
    # One row and column more, at the end and so also at -1: beyond the bands.
    every = np.zeros((rings.size, days.size), dtype=np.int64)
    np.add.at(every, (np.searchsorted(rings, far, side="right") - 1, np.searchsorted(days, wait, side="right") - 1), 1)
    caused = every[:-1, :-1]

    pairs = len(events) * (len(events) - 1) / 2
    near, soon = np.diff(_pairs_nearer(place, rings)), np.diff(_pairs_sooner(wall, days))
    alone = np.outer(near - every[:-1].sum(axis=1), soon - every[:, :-1].sum(axis=0)).astype(np.float64)
    chance = alone / max(pairs - child.size, 1.0)
    margins = np.outer(near, soon).astype(np.float64)
    ratio = np.where(margins > 0, (chance + caused) * pairs / np.where(margins > 0, margins, 1.0), np.nan)
    return Expectation(caused, chance, ratio)


def _pairs_nearer(place: IntArray, limits: IntArray) -> IntArray:
    """Unordered pairs nearer than each of the edges, all in millimetres, the edges squared."""
    from scipy.spatial import cKDTree

    number = place.shape[1]
    if number < 2:
        return np.zeros(limits.size, dtype=np.int64)
    tree = cKDTree(place.T)
    # It counts up to and with a radius, and squares of distances are whole numbers.
    count = tree.count_neighbors(tree, np.sqrt(np.maximum(limits - 0.5, 0.0)))
    return np.where(limits > 0, (np.asarray(count, dtype=np.int64) - number) // 2, 0)


def _pairs_sooner(wall: IntArray, limits: IntArray) -> IntArray:
    """Unordered pairs less apart in time than each of the edges, in nanoseconds."""
    t = np.sort(wall)
    after = [np.searchsorted(t, t + edge, side="left") - np.arange(1, t.size + 1) for edge in limits]
    return np.array([int(np.maximum(number, 0).sum()) for number in after], dtype=np.int64)
