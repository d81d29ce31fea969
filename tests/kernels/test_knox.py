"""The loops of the Knox test: all close pairs, fair shuffles, and counters that never overflow."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.kernels import knox
from predpol_eval.near_repeats.bands import read_space
from predpol_eval.near_repeats.close_pairs import close_pairs


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=25),
    st.sampled_from([(0, 3, 5), (2, 6), (0, 0.5, 7, 30), (0, 100)]),
    st.sampled_from(["euclidean", "manhattan"]),
    st.sampled_from([0.0, -17.5, 5e6]),
)
def test_every_close_pair_is_listed_once_in_its_band(points, edges, metric, shift):
    x, y = np.array(points, dtype=float).T + shift
    pairs = close_pairs(x, y, read_space(edges), metric)
    found = []
    for band, i in itertools.product(range(len(pairs.first)), range(len(x))):
        partners = pairs.other[pairs.first[band, i] : pairs.first[band, i + 1]]
        found += [(*sorted((int(pairs.order[i]), int(pairs.order[j]))), band) for j in partners]
    limits = [edge for edge in edges if edge]
    expected = []
    for i, j in itertools.combinations(range(len(x)), 2):
        across, along = abs(x[i] - x[j]), abs(y[i] - y[j])
        distance = across + along if metric == "manhattan" else math.hypot(across, along)
        band = sum(distance >= limit for limit in limits)
        if band < len(limits):
            expected.append((i, j, band))
    assert sorted(found) == sorted(expected)


def test_all_permutations_come_up_alike():
    """Chi-square of the 24 orders of four crimes, at a level of one in a thousand."""
    times = np.arange(4, dtype=np.int16)
    lanes = np.empty((4, 24_000), np.int16)
    knox.shuffle(times, np.random.default_rng(11).integers(0, 2**32, (24_000, 4), dtype=np.uint32), lanes, 0)
    orders, counts = np.unique(lanes.T, axis=0, return_counts=True)
    assert len(orders) == 24
    assert ((counts - 1000) ** 2 / 1000).sum() < 49.7
    assert (np.sort(lanes, axis=0) == times[:, None]).all()


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.int64])
def test_counters_do_not_overflow(kind):
    """70 000 pairs in one cell of the table: more than twice what 16 bits count."""
    count = 380
    x = y = np.full(count, 500.0)
    pairs = close_pairs(x, y, read_space([0, 1, 10]), "euclidean")
    times = np.arange(count).astype(kind)
    within = knox.tabulate(np.stack([times, times[::-1]], axis=1), pairs.first, pairs.other, np.array([1, 400], kind))
    assert within.tolist() == [[[0, 0], [72_010, 72_010]], [[0, 0], [0, 0]]]


@pytest.mark.parametrize("kind", [np.int16, np.int32])
def test_the_longest_difference_fits(kind):
    most = np.iinfo(kind).max
    pairs = close_pairs(np.full(2, 500.0), np.full(2, 500.0), read_space([0, 1]), "euclidean")
    lanes = np.array([[0], [most - 1]], kind)
    assert knox.tabulate(lanes, pairs.first, pairs.other, np.array([most - 1, most], kind)).tolist() == [[[0], [1]]]
