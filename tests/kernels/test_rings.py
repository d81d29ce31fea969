"""Rings against their naive twin, against shapely, and where the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.kernels import rings
from tests.kernels.scenes import assert_close, scenes
from tests.naive import rings as naive

METRICS = [rings.EUCLIDEAN, rings.MANHATTAN]


def arguments(scene, edges, metric):
    count = len(edges) - 1
    column = np.arange(scene.x.size) % 2
    weights = np.array([[1.0 + s, 0.5 * s] for s in range(count)])
    return scene.x, scene.y, column, weights, np.array(edges) * scene.cell, *scene.place, metric


@given(
    scenes(most=3),
    st.sampled_from([(0.0, 0.3), (0.0, 0.5, 1.0, 2.5), (0.25, 0.75), (1.0, 1.01, 3.0), (0.0, 30.0)]),
    st.sampled_from(METRICS),
)
def test_rings_are_the_naive_ones(scene, edges, metric):
    args = arguments(scene, edges, metric)
    found = rings.rings(*args)
    assert (found >= 0).all()
    assert_close(found, naive.rings(*args), 2e-4, peak=max(args[3].max(), 1.0))


@pytest.mark.parametrize("metric", METRICS)
def test_shares_are_those_of_the_polygons(metric):
    rng = np.random.default_rng(2)
    for _ in range(60):
        west, south = rng.uniform(-600, 350, 2)
        radius = rng.uniform(5, 600)
        if metric == rings.EUCLIDEAN:
            disc = shapely.Point(0, 0).buffer(radius, quad_segs=4096)
        else:
            disc = shapely.Polygon([(radius, 0), (0, radius), (-radius, 0), (0, -radius)])
        expected = shapely.box(west, south, west + 250, south + 250).intersection(disc).area / 250**2
        found = rings.rings([-west], [-south], [0], [[1.0]], [0.0, radius], 0.0, 0.0, 250.0, 1, 1, metric)[0, 0]
        assert found == pytest.approx(expected, abs=3e-7)


@pytest.mark.parametrize(("metric", "area"), [(rings.EUCLIDEAN, math.pi), (rings.MANHATTAN, 2.0)])
@pytest.mark.parametrize("place", [(2000.0, 2000.0), (2125.0, 2003.7), (2250.0, 2100.0)])
def test_nothing_of_a_ring_is_lost(metric, area, place):
    found = rings.rings([place[0]], [place[1]], [0], [[3.0], [1.0]], [30.0, 400.0, 900.0], 0, 0, 250.0, 16, 16, metric)
    expected = area * (3.0 * (400**2 - 30**2) + 1.0 * (900**2 - 400**2)) / 250**2
    assert found.sum() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_a_cell_wholly_in_one_ring_has_its_weight_and_beyond_is_nothing(metric):
    found = rings.rings([1125.0], [125.0], [0], [[0.7], [0.2]], [0.0, 260.0, 700.0], 0, 0, 250.0, 12, 1, metric)[0]
    assert found[4] == 0.7
    assert found[6] == pytest.approx(0.2, rel=0.5)
    assert (found[[0, 8, 9, 10, 11]] == 0).all()


def test_a_ring_of_nothing_inside_leaves_exactly_nothing():
    found = rings.rings([1125.0], [125.0], [0], [[0.0], [0.5], [0.2]], [0.0, 300.0, 400.0, 900.0], 0, 0, 250.0, 9, 1, 0)
    assert found[0, 4] == 0


@pytest.mark.parametrize(("metric", "area"), [(rings.EUCLIDEAN, math.pi), (rings.MANHATTAN, 2.0)])
def test_one_cell_and_ten_million(metric, area):
    """Radius far below and far above the cell; 20 000 crimes, half of them on one point."""
    x, none = np.full(20_000, 125.0), np.zeros(20_000, np.int64)
    for radius, share in ((1e-3, area * 1e-6 / 250**2), (1e9, 1.0)):
        found = rings.rings(x, x, none, [[1.0]], [0.0, radius], 0.0, 0.0, 250.0, 1, 1, metric)
        assert found[0, 0] == pytest.approx(20_000 * share, rel=1e-9)
    rng = np.random.default_rng(9)
    x, y = rng.uniform(500.0, 50.0 * 3_163 - 500.0, (2, 20_000))
    x[:10_000], y[:10_000] = 50_025.0, 100_025.0
    for radius in (1.0, 200.0):
        found = rings.rings(x, y, none, [[1.0]], [0.0, radius], 0.0, 0.0, 50.0, 3_163, 3_163, metric)
        assert found.sum() == pytest.approx(20_000 * area * radius**2 / 50**2, rel=1e-9)
        assert found[2_000, 1_000] >= 10_000 * min(1.0, area * radius**2 / 50**2) - 1e-6
