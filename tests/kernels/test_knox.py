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
from tests.naive import knox as naive


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
    knox.shuffle(times, np.random.SFC64(11).state["state"]["state"], lanes, 0)
    orders, counts = np.unique(lanes.T, axis=0, return_counts=True)
    assert len(orders) == 24
    assert ((counts - 1000) ** 2 / 1000).sum() < 49.7
    assert (np.sort(lanes, axis=0) == times[:, None]).all()


@pytest.mark.parametrize("count", [1, 2, 3, 10, 11])
@pytest.mark.parametrize("widths", [(40,), (16, 16, 8), (1, 3, 36), (33, 7)])
def test_permutations_are_those_of_numpys_generator_whatever_the_pieces(count, widths):
    times = np.arange(count, dtype=np.int32) * 7
    state = np.random.SFC64(5).state["state"]["state"]
    pieces = [np.full((count, width + 1), -1, np.int32) for width in widths]
    for piece in pieces:
        knox.shuffle(times, state, piece, 1)
        assert (piece[:, 0] == -1).all()
    rng = np.random.Generator(np.random.SFC64(5))
    draws = [rng.integers(0, 2**32, count // 2 * 2, dtype=np.uint32) for _ in range(40)]
    expected = np.array([naive.shuffled(times.tolist(), row) for row in draws]).T
    assert np.array_equal(np.concatenate([piece[:, 1:] for piece in pieces], axis=1), expected)


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.int64])
@pytest.mark.parametrize("last", [126, 127, 128, 300])
@pytest.mark.parametrize("width", [1, 255, 256, 257])
def test_pairs_within_each_edge_are_counted_one_by_one(kind, last, width):
    """Up to 127, sixteen bits are cut to eight; differences lie on both sides of every edge and on it."""
    rng = np.random.default_rng(last)
    pairs = close_pairs(*rng.uniform(0, 600, (2, 40)), read_space([0, 100, 400]), "euclidean")
    lanes = rng.integers(0, 320, (40, width)).astype(kind)
    edges = np.array([1, 60, last], kind)
    found = knox.tabulate(lanes, pairs.first, pairs.other, edges)
    for band in range(2):
        expected = np.zeros((3, width), np.int64)
        for i in range(40):
            for j in pairs.other[pairs.first[band, i] : pairs.first[band, i + 1]]:
                expected += np.abs(lanes[i] - lanes[j]) < edges[:, None]
        assert np.array_equal(found[band], expected)
    assert found.sum() > 0


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30), st.sampled_from([np.int16, np.int32, np.int64]))
def test_a_pile_is_counted_like_its_pairs(times, kind):
    times = np.array(times, kind)
    edges = np.array([1, 2, 7, 31], kind)
    gaps = np.abs(times[:, None] - times)[np.triu_indices(len(times), 1)]
    expected = [(gaps < edge).sum() for edge in edges]
    found = knox.tabulate_pile(np.stack([times, times[::-1]], axis=1), edges)
    assert found.T.tolist() == [expected, expected]


def test_bands_one_at_a_time_are_the_same(monkeypatch):
    rng = np.random.default_rng(4)
    pairs = close_pairs(*rng.uniform(0, 600, (2, 80)), read_space([0, 100, 200, 400]), "euclidean")
    arguments = (rng.integers(0, 50, (80, 9)).astype(np.int16), pairs.first, pairs.other, np.array([5, 9], np.int16))
    expected = knox.tabulate(*arguments)
    monkeypatch.setattr(knox, "AT_ONE_GO", 10)
    assert np.array_equal(knox.tabulate(*arguments), expected)


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
