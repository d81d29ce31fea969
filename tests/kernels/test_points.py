"""Points before they are spread: one form, and one point per place."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.kernels import points

COORDINATE = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e7, 1e7))


def merged_by_dict(x, y, weight):
    sums = {}
    for place, w in zip(zip(x, y, strict=True), weight, strict=True):
        sums[place] = sums.get(place, 0.0) + w
    return [place[0] for place in sums], [place[1] for place in sums], list(sums.values())


@given(st.lists(st.tuples(COORDINATE, COORDINATE, st.floats(0.0, 5.0)), max_size=40))
def test_merge_is_what_a_dict_does_in_the_same_order(crimes):
    x, y, weight = (list(column) for column in zip(*crimes, strict=True)) if crimes else ([], [], [])
    # -0.0 equals 0.0 for a dict; two points for the kernels, which sum to the same.
    x, y = [c + 0.0 for c in x], [c + 0.0 for c in y]
    for found, expected in zip(points.merge(x, y, weight), merged_by_dict(x, y, weight), strict=True):
        assert found.tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.floats(0.0, 5.0)), min_size=1, max_size=40))
def test_merge_counts_what_stands_on_each_place(crimes):
    x, y, weight = (list(column) for column in zip(*crimes, strict=True))
    *merged, count = points.merge_counting(x, y, weight)
    for found, expected in zip(merged, points.merge(x, y, weight), strict=True):
        np.testing.assert_array_equal(found, expected)
    tally = Counter(zip(map(float, x), map(float, y), strict=True))
    assert count.tolist() == [tally[place] for place in zip(merged[0].tolist(), merged[1].tolist(), strict=True)]


def test_merge_of_a_city_on_round_coordinates():
    """Low bits all zero: a hash that only looked there would put every crime into one chain."""
    east, north = (500.0 * side.ravel() for side in np.mgrid[0:200, 0:200])
    rng = np.random.default_rng(0)
    order = rng.permutation(np.repeat(np.arange(40_000), 3))
    x, y, weight = points.merge(630000.0 + east[order], 4833000.0 + north[order], np.ones(order.size))
    assert x.size == 40_000
    assert len(set(zip(x, y, strict=True))) == 40_000
    assert (weight == 3.0).all()


def test_merge_of_a_million_crimes_on_one_place():
    x, y, weight = points.merge(np.full(10**6, 7.0), np.full(10**6, 8.0), np.full(10**6, 0.5))
    assert (x.tolist(), y.tolist(), weight.tolist()) == ([7.0], [8.0], [5e5])


def test_one_form_without_touching_the_original():
    original = np.arange(6, dtype=np.float64)
    view = points.floats(original)
    assert np.shares_memory(view, original)
    assert original.flags.writeable
    assert not view.flags.writeable
    assert points.floats(original[::2]).flags.c_contiguous
    assert points.integers(np.arange(3, dtype=np.int32)).dtype == np.int64
