"""Kernels of many widths: against the naive twin, the kernel of one width, and PredictCode's definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from predpol_eval.kernels import adaptive, gaussian, quartic
from tests.kernels.growth import MOST, doublings
from tests.kernels.scenes import assert_close, scenes
from tests.naive import kde as naive

RATIOS = [0.004, 0.03, 0.5, 0.77, 1.0, 2.0, 5.3, 20.0, 99.9, 100.1, 170.0, 1e6]
EACH = {"gaussian": naive.gaussian_cell_mass, "quartic": naive.quartic_cell_mass}


def one_by_one(kernel, scene, bandwidth, place):
    parts = [EACH[kernel]([x], [y], [w], *place, h) for x, y, w, h in zip(*scene.crimes, bandwidth, strict=True)]
    return np.sum([np.zeros((place[-1], place[-2])), *parts], axis=0)


@given(scenes(), st.lists(st.sampled_from(RATIOS), min_size=10, max_size=10))
def test_gaussians_of_any_widths_are_the_naive_mass(scene, ratios):
    bandwidth = scene.cell * np.array(ratios[: scene.x.size])
    peak = one_by_one("gaussian", scene, bandwidth, scene.framed(3).place).max(initial=0.0)
    found = adaptive.gaussian_scatter(*scene.crimes, *scene.place, bandwidth)
    # The naive twin's difference of two erf loses digits where a cell is a millionth of the bandwidth.
    wide = max(ratios[: scene.x.size], default=0.0) > 1000
    assert_close(found, one_by_one("gaussian", scene, bandwidth, scene.place), 1e-9 if wide else 1e-12, peak)


@given(scenes(most=3, margin=1), st.lists(st.sampled_from([0.01, 0.5, 0.77, 1.25, 5.3]), min_size=3, max_size=3))
def test_quartics_of_any_widths_are_the_naive_mass(scene, ratios):
    bandwidth = scene.cell * np.array(ratios[: scene.x.size])
    peak = one_by_one("quartic", scene, bandwidth, scene.framed(2).place).max(initial=0.0)
    found = quartic.quartic_scatter(*scene.crimes, *scene.place, bandwidth)
    assert_close(found, one_by_one("quartic", scene, bandwidth, scene.place), 1e-9, peak)


@pytest.mark.parametrize("ratio", [0.02, 0.5, 3.0, 60.0, 101.0])
def test_of_one_width_it_is_the_other_kernel(ratio):
    rng = np.random.default_rng(3)
    x, y, w = rng.uniform(-900, 5900, 300), rng.uniform(-900, 4900, 300), rng.uniform(0, 2, 300)
    place = (0.0, 0.0, 100.0, 50, 40)
    found = adaptive.gaussian_scatter(x, y, w, *place, np.full(300, 100 * ratio))
    assert_close(found, gaussian.scatter(x, y, w, *place, 100 * ratio), 1e-13)


def test_tails_keep_their_relative_accuracy():
    table = adaptive.tail_table()
    z = np.linspace(0.0, adaptive.REACH, 5_001)
    found = np.array([adaptive._tail(value, table) for value in z])
    np.testing.assert_allclose(found, ndtr(-z), rtol=5e-14)
    assert adaptive._tail(40.0, table) == 0.0
    assert adaptive._tail(math.inf, table) == 0.0


@pytest.mark.parametrize("ratio", [0.3, 1.0, 7.0, 99.0, 101.0])
def test_far_cells_keep_their_order(ratio):
    """1e-10 of the local value, out to 8.2 bandwidths, on both sides of the change to a cell's middle."""
    cells = 2 * math.ceil(9 * ratio) + 1
    at = (cells // 2 + 0.17) * 100.0
    found = adaptive.gaussian_scatter([at], [50.0], [1.0], 0.0, 0.0, 100.0, cells, 1, [ratio * 100.0])[0]
    left = (np.arange(cells) * 100.0 - at) / (ratio * 100.0)
    mid = np.abs(left + 0.5 / ratio)
    exact = ndtr(-(mid - 0.5 / ratio)) - ndtr(-(mid + 0.5 / ratio))
    along = ndtr(0.5 / ratio) - ndtr(-0.5 / ratio)
    seen = mid + 0.5 / ratio < 8.2
    assert seen.sum() >= 2
    np.testing.assert_allclose(found[seen], (exact * along)[seen], rtol=1e-9 if ratio > 50 else 1e-10)


@given(scenes(most=40), st.integers(1, 6), st.sampled_from([0.5, 1.0]))
def test_adaptive_is_the_naive_one(scene, k, least):
    arguments = (*scene.crimes, *scene.place, k, least * scene.cell)
    if scene.x.size <= k:
        return
    found = adaptive.adaptive_cell_mass(*arguments)
    peak = naive.adaptive_cell_mass(*scene.crimes, *scene.framed(3).place, k, least * scene.cell).max()
    assert_close(found.mass, naive.adaptive_cell_mass(*arguments), 1e-12, peak)
    distance = naive.kth_distance(scene.x, scene.y, k)
    np.testing.assert_allclose(np.sort(np.repeat(found.distance, found.crimes)), np.sort(distance), rtol=1e-14)


@given(scenes(most=6, margin=1), st.integers(1, 2))
def test_adaptive_quartic_is_the_naive_one(scene, k):
    arguments = (*scene.crimes, *scene.place, k, 0.5 * scene.cell, "quartic")
    if scene.x.size <= k:
        return
    peak = naive.adaptive_cell_mass(*scene.crimes, *scene.framed(3).place, *arguments[-3:]).max()
    assert_close(adaptive.adaptive_cell_mass(*arguments).mass, naive.adaptive_cell_mass(*arguments), 1e-9, peak)


def test_predictcodes_definition_where_both_axes_have_the_same_spread():
    """PredictCode scales each axis by its own standard deviation before it looks for neighbours, and back after.

    With equal deviations that changes nothing; its density at a point is a mean of products of normal densities.
    """
    points = np.random.default_rng(4).normal(size=(2, 200))
    points *= 3_000 / points.std(axis=1, ddof=1)[:, None]
    scaled = points / points.std(axis=1, ddof=1)[:, None]
    nearest = [np.sort(np.hypot(*(scaled - scaled[:, [i]])))[15] for i in range(200)]
    deviation = 3_000 * np.array(nearest)

    def density(x, y):
        squares = (points[0] - x) ** 2 + (points[1] - y) ** 2
        return np.mean(np.exp(-squares / (2 * deviation**2)) / (2 * np.pi * deviation**2))

    # Cells of a thousandth of the narrowest kernel: their mean and their middle differ by 1e-7 of the peak.
    side = 0.001 * deviation.min()
    for x0, y0 in ((0.0, 0.0), (-2_500.0, 1_300.0), (5_000.0, -4_000.0)):
        mass = adaptive.adaptive_cell_mass(*points, np.full(200, 1 / 200), x0, y0, side, 1, 1, 15, 0.5 * side).mass
        assert mass[0, 0] / side**2 == pytest.approx(density(x0 + side / 2, y0 + side / 2), rel=1e-7)


def test_crimes_without_a_neighbour_spread_to_nothing_and_do_not_break():
    mass = adaptive.gaussian_scatter([50.0, 50.0], [50.0, 50.0], [1.0, 1.0], 0.0, 0.0, 100.0, 2, 2, [np.inf, 1e300])
    assert (mass == 0).all()
    mass = quartic.quartic_scatter([50.0, 50.0], [50.0, 50.0], [1.0, 1.0], 0.0, 0.0, 100.0, 2, 2, [np.inf, 1e300])
    assert (mass == 0).all()


@pytest.mark.parametrize("count", [1, 3, 4, 5, 403])
@pytest.mark.parametrize("ratio", [0.8, 4.0, 40.0])
def test_crimes_taken_together_are_what_each_gives(count, ratio):
    """Wide and narrow ones, near each other and far, some that do not reach: in any order what they give one by one."""
    rng = np.random.default_rng(count)
    x, y = 100.0 * rng.normal([[30.0], [25.0]], 6.0, (2, count))
    x[: count // 3] += rng.choice([-9e4, 2_500.0, 1e9], count // 3)
    w, h = rng.uniform(0, 2, count), 100 * ratio * rng.uniform(0.5, 1.2, count)
    place = (0.0, 0.0, 100.0, 61, 50)
    found = adaptive.gaussian_scatter(x, y, w, *place, h)
    crimes = list(zip(x, y, w, h, strict=True))
    alone = [adaptive.gaussian_scatter([px], [py], [pw], *place, [ph]) for px, py, pw, ph in crimes]
    assert_close(found, np.sum(alone, axis=0), 1e-14)
    several = [gaussian.scatter(*(np.array([v]) for v in crime[:3]), *place, crime[3]) for crime in crimes]
    assert_close(found, np.sum(several, axis=0), 1e-12)


@pytest.mark.parametrize("places", [1, 7])
@pytest.mark.parametrize("kernel", ["gaussian", "quartic"])
def test_a_pile_of_crimes_costs_in_proportion(kernel, places):
    """Also 400,000 on one place: a search through cells would compare all with all."""

    def spread(count):
        x, y = (np.resize(side, count) for side in np.random.default_rng(1).uniform(0, 40_000, (2, places)))
        weight = np.ones(count)
        return lambda: adaptive.adaptive_cell_mass(x, y, weight, 0.0, 0.0, 250.0, 160, 160, 15, 125.0, kernel)

    assert max(doublings(spread, 100_000)) <= MOST


def test_many_crimes_in_a_speck_cost_in_proportion():
    """On places of their own, all within a metre of one cell."""

    def spread(count):
        x, y = 20_000 + np.random.default_rng(1).uniform(0, 1, (2, count))
        return lambda: adaptive.adaptive_cell_mass(x, y, np.ones(count), 0.0, 0.0, 250.0, 160, 160, 15, 125.0)

    assert max(doublings(spread, 5_000)) <= MOST
