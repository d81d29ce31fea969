"""Which crimes are originators, and which are near repeats: events, not pairs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from predpol_eval.events import Events
from predpol_eval.near_repeats.bands import Bands
from predpol_eval.near_repeats.close_pairs import ClosePairs
from predpol_eval.near_repeats.moments import Moments

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def roles_of(
    events: Events, pairs: ClosePairs, moments: Moments, space: Bands, time: Bands
) -> tuple[BoolArray, BoolArray]:
    """Say of every crime whether a pair of a band pair begins with it, and whether it follows in one.

    Of two crimes of one time the first is that with the lower id, and of two with the same id the one that comes first
    in the table.

    Returns
    -------
    originator, near_repeat : array of bool, shape (n, space, time)
        In the order of the events.
    """
    from predpol_eval.kernels.knox import roles

    count = len(events)
    times = moments.times.astype(np.int64)
    by_rank = np.lexsort((np.arange(count), events.id, times))
    rank = np.empty(count, dtype=np.int64)
    rank[by_rank] = np.arange(count)
    beyond = int(times.max()) + 1
    edges = [0] if time.finite[0] == 0 else []
    edges += [int(edge) for edge in moments.edges]
    if time.endless:
        # Beyond all differences, also where the last finite edge is that already.
        edges.append(max(beyond, edges[-1]))
    banded, close = roles(times[pairs.order], rank[pairs.order], pairs.first, pairs.other, edges)
    for pile in pairs.piles:
        there = pairs.order[pile]
        within = _pairs_of_each(times[there], np.argsort(rank[there]), edges)
        banded[:, pile, 0] |= within > 0
        close[:, pile] += within
    result = np.empty_like(banded)
    result[:, pairs.order] = banded
    result = result if space.finite[0] == 0 else result[:, :, 1:]
    if space.endless:
        near = np.empty_like(close)
        near[:, pairs.order] = close
        far = _pairs_of_each(times, by_rank, edges) - near > 0
        result = np.concatenate([result, far[:, :, None]], axis=2)
    return result[0], result[1]


def _pairs_of_each(times: IntArray, by_rank: IntArray, edges: list[int]) -> IntArray:
    """Pairs of any distance that begin with, and that end with, each crime, by band of time, shape (2, n, e)."""
    ordered = times[by_rank]
    place = np.arange(len(ordered))
    result = np.empty((2, len(ordered), len(edges) - 1), dtype=np.int64)
    for band, (low, high) in enumerate(pairwise(edges)):
        start = np.maximum(np.searchsorted(ordered, ordered + low), place + 1)
        result[0, by_rank, band] = np.maximum(np.searchsorted(ordered, ordered + high) - start, 0)
        stop = np.minimum(np.searchsorted(ordered, ordered - low, side="right"), place)
        result[1, by_rank, band] = np.maximum(stop - np.searchsorted(ordered, ordered - high, side="right"), 0)
    return result
