"""Distance to the k-th nearest other crime: against the naive twin and scipy's tree, wherever the crimes stand."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from predpol_eval.kernels.neighbours import kth_distance
from predpol_eval.kernels.points import merge
from tests.kernels.growth import MOST, doublings
from tests.kernels.scenes import scenes
from tests.naive import kde as naive


def by_crime(x, y, k):
    """What the kernel says of places, told to every crime."""
    east, north, count = merge(x, y, np.ones(len(x)))
    distance = kth_distance(east, north, count.astype(int), k)
    place = {where: far for *where, far in zip(east, north, distance, strict=True) for where in [tuple(where)]}
    return np.array([place[px, py] for px, py in zip(x, y, strict=True)])


@given(scenes(most=60), st.integers(1, 20))
def test_it_is_the_naive_distance(scene, k):
    found = by_crime(scene.x, scene.y, k)
    np.testing.assert_allclose(found, naive.kth_distance(scene.x, scene.y, k), rtol=1e-14)


@pytest.mark.parametrize("k", [1, 2, 15, 100])
@pytest.mark.parametrize("power", [1, 7])
def test_it_is_that_of_scipys_tree(k, power):
    """Also where nearly all crimes stand in a speck of the map: 7th powers of normal numbers."""
    points = np.random.default_rng(k).normal(size=(3_000, 2)) ** power
    expected = cKDTree(points).query(points, k=[k + 1])[0][:, 0]
    np.testing.assert_allclose(kth_distance(*points.T, np.ones(3_000, int), k), expected, rtol=1e-13)


@pytest.mark.parametrize("k", [1, 3, 15])
def test_crimes_on_crossings(k):
    """On a lattice of few places distances are equal by the dozen, and many are 0."""
    points = np.random.default_rng(k).integers(0, 12, (900, 2)) * 100.0
    expected = cKDTree(points).query(points, k=[k + 1])[0][:, 0]
    found = by_crime(*points.T, k)
    np.testing.assert_array_equal(found, expected)
    assert (found == 0).any() == (k < 15)


def test_by_hand():
    # Three crimes at 0, one at 10, one at 40.
    x, y, count = [0.0, 10.0, 40.0], [0.0, 0.0, 0.0], [3, 1, 1]
    expected = {1: [0, 10, 30], 2: [0, 10, 40], 3: [10, 10, 40], 4: [40, 30, 40], 5: [np.inf] * 3}
    for k, distances in expected.items():
        assert kth_distance(x, y, count, k).tolist() == distances


def test_no_crime_and_one():
    assert kth_distance([], [], [], 3).size == 0
    assert kth_distance([5.0], [5.0], [1], 1).tolist() == [np.inf]
    assert kth_distance([5.0], [5.0], [9], 8).tolist() == [0.0]


def test_ten_times_the_crimes_on_the_same_places_cost_the_same():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 1e4, (2, 4_000))
    kth_distance(x, y, np.ones(4_000, int), 15)

    def seconds(many):
        best = np.inf
        for _ in range(3):
            start = time.process_time()
            kth_distance(x, y, np.full(4_000, many), 15)
            best = min(best, time.process_time() - start)
        return best

    assert seconds(10) < 3 * seconds(1)


def test_clusters_within_clusters_do_not_make_it_quadratic():
    """20,000 crimes, nine tenths of them within a millionth of the map: a grid of cells would compare all with all."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 1e6, (2, 20_000))
    x[2_000:], y[2_000:] = 5e5 + rng.uniform(0, 1.0, (2, 18_000))
    even = rng.uniform(0, 1e6, (2, 20_000))
    times = []
    for points in ((x, y), even):
        kth_distance(*points, np.ones(20_000, int), 15)
        start = time.process_time()
        kth_distance(*points, np.ones(20_000, int), 15)
        times.append(time.process_time() - start)
    assert times[0] < 5 * times[1]


def cities(count):
    """Crimes all over, all in a speck, on a line, and on places that come closer and closer to one."""
    rng = np.random.default_rng(5)
    return {
        "even": rng.uniform(0, 4e4, (2, count)),
        "speck": 2e4 + rng.uniform(0, 1e-3, (2, count)),
        "line": np.stack([rng.uniform(0, 4e4, count), np.full(count, 7.0)]),
        "towards one": 2e4 + np.exp(-rng.uniform(0, 20, count)) * rng.normal(0, 1e4, (2, count)),
    }


@pytest.mark.parametrize("kind", cities(1))
def test_twice_the_crimes_cost_twice_wherever_they_are(kind):
    def search(count):
        x, y = cities(count)[kind]
        return lambda: kth_distance(x, y, np.ones(count, int), 15)

    assert max(doublings(search, 5_000)) <= MOST


@pytest.mark.parametrize("places", [1, 5])
def test_a_pile_of_any_height_is_at_no_distance(places):
    x, y = np.random.default_rng(1).uniform(0, 1e4, (2, places))
    assert kth_distance(x, y, np.full(places, 100_000), 15).tolist() == [0.0] * places
