"""Mass of a kernel in every cell: against the naive twin, scipy, and what must hold for any kernel."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erfc
from scipy.stats import gaussian_kde

from predpol_eval.kernels import adaptive, gaussian, gaussian_blocks, kde, quartic
from tests.kernels.scenes import assert_close, scenes
from tests.naive import kde as naive

RATIOS = [0.004, 0.03, 0.1249, 0.1251, 0.26, 0.5, 0.77, 1.0, 2.0, 5.3, 20.0, 170.0]


# Gaussian ------------------------------------------------------------------------------------------------


@given(scenes(), st.sampled_from(RATIOS))
def test_gaussian_is_the_naive_mass(scene, ratio):
    arguments = (*scene.crimes, *scene.place, ratio * scene.cell)
    peak = naive.gaussian_cell_mass(*scene.crimes, *scene.framed(3).place, ratio * scene.cell).max()
    assert_close(kde.gaussian_cell_mass(*arguments), naive.gaussian_cell_mass(*arguments), 1e-12, peak)


def test_gaussian_of_a_rounded_origin_and_free_coordinates():
    rng = np.random.default_rng(5)
    x, y, w = 630000.37 + rng.uniform(-900, 3900, 60), 4.8e6 + rng.uniform(-900, 2900, 60), rng.uniform(0, 2, 60)
    for bandwidth in (20.0, 80.0, 500.0, 3000.0):
        arguments = (x, y, w, 630000.37, 4.8e6 + 0.01, 333.3, 9, 6, bandwidth)
        assert_close(kde.gaussian_cell_mass(*arguments), naive.gaussian_cell_mass(*arguments), 1e-12)


@given(scenes(margin=12), st.sampled_from([1.0, 1.99, 2.0, 5.3, 20.0]))
def test_gaussian_by_blocks_is_the_naive_mass(scene, ratio):
    arguments = (*scene.crimes, *scene.place, ratio * scene.cell)
    peak = naive.gaussian_cell_mass(*scene.crimes, *scene.framed(12).place, ratio * scene.cell).max()
    assert_close(gaussian_blocks.blocks(*arguments), naive.gaussian_cell_mass(*arguments), 1e-12, peak)


@pytest.mark.parametrize("ratio", [1.0, 1.6, 5.9, 9.03])
@pytest.mark.parametrize("away", [0.0, 0.3, 7.0, 8.25])
def test_gaussian_by_blocks_keeps_its_tails(ratio, away):
    """Of a crime so many bandwidths outside the grid, on any side: to 1e-6 of the local value."""
    bandwidth, side = ratio * 100.0, 7 * 100.0
    for x, y in ((-away * bandwidth, 340.0), (side + away * bandwidth, 340.0)):
        for crime in (([x], [y]), ([y], [x])):
            arguments = (*crime, [1.0], 0.0, 0.0, 100.0, 7, 7, bandwidth)
            found, expected = gaussian_blocks.blocks(*arguments), gaussian.scatter(*arguments)
            assert expected.any()
            np.testing.assert_allclose(found[expected > 0], expected[expected > 0], rtol=1e-6)


@pytest.mark.parametrize("bandwidth", [250.0, 500.0, 1234.5])
def test_gaussian_is_the_same_by_either_way(bandwidth):
    """Many crimes are spread by their moments, few one by one; nobody sees the change from one to the other."""
    rng = np.random.default_rng(8)
    arguments = (
        *rng.uniform(-3000, 13_000, (2, 20_000)),
        rng.uniform(0, 2, 20_000),
        0.0,
        0.0,
        250.0,
        40,
        31,
        bandwidth,
    )
    assert gaussian_blocks.blocks_pay(20_000, *arguments[5:])
    one_by_one = gaussian.scatter(*arguments)
    assert_close(gaussian_blocks.blocks(*arguments), one_by_one, 1e-12)
    np.testing.assert_array_equal(kde.gaussian_cell_mass(*arguments), gaussian_blocks.blocks(*arguments))


def test_blocks_are_for_bandwidths_between_a_cell_and_a_quarter_of_the_grid():
    for bandwidth, pays in ((249.0, False), (250.0, True), (1000.0, True), (1001.0, False), (1e9, False)):
        assert gaussian_blocks.blocks_pay(10**6, 250.0, 16, 16, bandwidth) == pays
    assert not gaussian_blocks.blocks_pay(10, 250.0, 16, 16, 500.0)


def test_gaussian_equals_the_integral_of_scipys_density_over_each_cell():
    rng = np.random.default_rng(3)
    points = rng.normal(size=(2, 25))
    points -= points.mean(axis=1, keepdims=True)
    # gaussian_kde smooths with the covariance of its data: give it data whose covariance is round.
    points = 1000.0 * np.linalg.solve(np.linalg.cholesky(np.cov(points)), points)
    density = gaussian_kde(points, bw_method=0.3)
    np.testing.assert_allclose(density.covariance, 300.0**2 * np.eye(2), atol=1e-6)
    found = kde.gaussian_cell_mass(*points, np.ones(25), -1000.0, -750.0, 250.0, 8, 6, 300.0) / 25
    for row in range(6):
        for col in range(8):
            low = np.array([-1000.0 + 250 * col, -750.0 + 250 * row])
            assert found[row, col] == pytest.approx(density.integrate_box(low, low + 250.0), rel=1e-10)


@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.0, 7.0])
@pytest.mark.parametrize("place", [0.0, 0.17, 0.5, 0.99])
def test_gaussian_tails_keep_their_relative_accuracy(ratio, place):
    """Far cells rank by their tails: 1e-10 of the local value, not of the peak, out to 8.2 bandwidths."""
    cells = 2 * math.ceil(9 * ratio) + 1
    at = (cells // 2 + place) * 100.0
    found = kde.gaussian_cell_mass([at], [50.0], [1.0], 0.0, 0.0, 100.0, cells, 1, ratio * 100.0)[0]
    scale = ratio * 100.0 * math.sqrt(2.0)
    away = np.abs(np.arange(cells) + 0.5 - at / 100.0) - 0.5
    tail = (away > 0.5) & (away * 100.0 < 8.2 * ratio * 100.0)
    along = math.erf(50.0 / scale)
    expected = 0.5 * (erfc(away * 100.0 / scale) - erfc((away + 1.0) * 100.0 / scale)) * along
    assert tail.sum() >= 2
    np.testing.assert_allclose(found[tail], expected[tail], rtol=1e-10)


def test_gaussian_mass_of_a_crime_in_the_middle_of_a_large_grid_is_its_weight():
    for bandwidth in (1.0, 60.0, 250.0, 900.0):
        mass = kde.gaussian_cell_mass([10_010.0], [10_230.0], [2.5], 0.0, 0.0, 250.0, 80, 80, bandwidth)
        assert mass.sum() == pytest.approx(2.5, rel=1e-12)


def test_gaussian_far_outside_leaves_nothing_and_costs_nothing():
    mass = kde.gaussian_cell_mass([1e15, -1e300], [0.0, 3e18], [1.0, 1.0], 0.0, 0.0, 250.0, 3, 2, 500.0)
    assert not mass.any()


def test_gaussian_with_a_bandwidth_beyond_every_distance_is_flat():
    mass = kde.gaussian_cell_mass([0.0], [0.0], [1.0], 0.0, 0.0, 250.0, 4, 3, 1e9)
    np.testing.assert_allclose(mass, 250.0**2 / (2 * math.pi * 1e18), rtol=1e-12)


# Gaussian, binned ----------------------------------------------------------------------------------------


@given(scenes(), st.sampled_from([0.5, 0.77, 1.0, 2.0, 5.3, 20.0]))
def test_binned_stays_within_its_bound(scene, ratio):
    bandwidth = ratio * scene.cell
    peak = kde.gaussian_cell_mass(*scene.crimes, *scene.framed(3).place, bandwidth).max()
    found = kde.gaussian_cell_mass_binned(*scene.crimes, *scene.place, bandwidth)
    assert_close(found, kde.gaussian_cell_mass(*scene.crimes, *scene.place, bandwidth), 2e-4, peak)
    assert (found >= 0.0).all()


# Nodes wider than a cell and narrower, in eighths and in whole cells, and nodes that are spread over nodes first.
NODE_RATIOS = [0.5, 0.9, 2.0, 3.4, 3.6, 5.3, 6.9, 7.1, 10.0, 27.9, 28.1, 100.0]


@given(
    st.sampled_from(NODE_RATIOS),
    st.sampled_from([1, 2, 5, 9]),
    st.tuples(st.floats(-2.0, 1.2), st.floats(-2.0, 1.2)),
    st.sampled_from([0.0, 630_000.37]),
)
def test_binned_on_one_place_wherever_it_stands_between_the_nodes(ratio, cells, where, corner):
    """In the grid, on its border, outside: 7e-5 of the peak of its surface; linear binning would err by 5e-3."""
    bandwidth, side = 50.0 * ratio, 50.0 * cells
    x, y = (corner + max(side, bandwidth) * share for share in where)
    arguments = ([x] * 3, [y] * 3, [1.0, 0.5, 2.0], corner, corner, 50.0, cells, cells, bandwidth)
    found, exact = kde.gaussian_cell_mass_binned(*arguments), kde.gaussian_cell_mass(*arguments)
    peak = kde.gaussian_cell_mass([x], [y], [3.5], x - 25.0, y - 25.0, 50.0, 1, 1, bandwidth)[0, 0]
    assert_close(found, exact, 7e-5, peak)
    assert (found >= 0.0).all()


@pytest.mark.parametrize("ratio", NODE_RATIOS)
def test_binned_errs_least_where_it_should_and_most_as_it_says(ratio):
    """So many places that one is nearly the worst: not over 7e-5; and not so little that fewer nodes would do."""
    rng = np.random.default_rng(4)
    cells = max(5, min(60, round(4 * ratio)))
    worst = 0.0
    for x, y in rng.uniform(0.0, cells, (40, 2)):
        arguments = ([x], [y], [1.0], 0.0, 0.0, 1.0, cells, cells, ratio)
        exact = kde.gaussian_cell_mass(*arguments)
        worst = max(worst, np.abs(kde.gaussian_cell_mass_binned(*arguments) - exact).max() / exact.max())
    assert 1e-5 < worst < 7e-5


@given(scenes(), st.sampled_from(NODE_RATIOS[:8]))
def test_binned_loses_no_mass(scene, ratio):
    bandwidth = ratio * scene.cell
    frame = math.ceil(5.0 * ratio) + 3
    mass = kde.gaussian_cell_mass_binned(*scene.crimes, *scene.framed(frame).place, bandwidth).sum()
    assert mass == pytest.approx(scene.weight.sum(), rel=1e-5)


@given(scenes(), st.sampled_from(NODE_RATIOS), st.integers(0, 10))
def test_binned_adds_up_whatever_the_nodes(scene, ratio, cut):
    x, y, weight = scene.crimes
    bandwidth = ratio * scene.cell
    parts = [
        kde.gaussian_cell_mass_binned(x[part], y[part], weight[part], *scene.place, bandwidth)
        for part in (slice(None, cut), slice(cut, None))
    ]
    assert_close(parts[0] + parts[1], kde.gaussian_cell_mass_binned(x, y, weight, *scene.place, bandwidth), 1e-13)


def test_binned_of_more_crimes_than_are_weighed_at_once():
    """Some thousand, a few of them nowhere, on a grid that is wider than high."""
    rng = np.random.default_rng(6)
    x, y = rng.uniform(-2_000, 9_000, (2, 3_001))
    x[::100], y[50::100] = np.array([1e300, -1e300, np.inf])[np.arange(31) % 3], np.nan
    weight = rng.uniform(0, 2, 3_001)
    gone = ~(np.isfinite(x) & (np.abs(x) < 1e6) & np.isfinite(y))
    for cell, nx, ny in ((250.0, 31, 17), (50.0, 130, 71)):
        found = kde.gaussian_cell_mass_binned(x, y, weight, 0.0, 0.0, cell, nx, ny, 500.0)
        exact = kde.gaussian_cell_mass(x[~gone], y[~gone], weight[~gone], 0.0, 0.0, cell, nx, ny, 500.0)
        assert_close(found, exact, 7e-5)


@pytest.mark.parametrize(("cell", "bandwidth"), [(250.0, 124.0), (1000.0, 3.0), (0.5, 1.0)])
def test_binned_leaves_small_bandwidths_and_too_many_nodes_to_the_exact_kernel(cell, bandwidth):
    cells = 2400 if cell < 1.0 else 5
    arguments = ([3.0, 400.0], [5.0, 90.0], [1.0, 2.0], 0.0, 0.0, cell, cells, cells, bandwidth)
    np.testing.assert_array_equal(kde.gaussian_cell_mass_binned(*arguments), kde.gaussian_cell_mass(*arguments))


# Quartic -------------------------------------------------------------------------------------------------


@given(scenes(most=3, margin=1), st.sampled_from([0.01, 0.3, 0.5, 0.77, 1.0, 1.25, 2.0, 5.3]))
def test_quartic_is_the_naive_mass(scene, ratio):
    arguments = (*scene.crimes, *scene.place, ratio * scene.cell)
    peak = kde.quartic_cell_mass(*scene.crimes, *scene.framed(2).place, ratio * scene.cell).max()
    assert_close(kde.quartic_cell_mass(*arguments), naive.quartic_cell_mass(*arguments), 1e-9, peak)


@pytest.mark.parametrize("ratio", [30.0, 300.0, 1000.0])
def test_quartic_far_wider_than_a_cell_is_right_on_its_edge(ratio):
    """The grid lies across the disc's edge, where the mass is a difference of nearly equal numbers."""
    peak = 3.0 / (math.pi * ratio**2)
    for angle in (0.0, 0.4, math.pi / 4, 2.0):
        away = np.array([math.cos(angle), math.sin(angle)]) * ratio
        arguments = (*(np.array([c]) for c in 3.1 - away), np.ones(1), 0.0, 0.0, 1.0, 6, 6, ratio)
        found = kde.quartic_cell_mass(*arguments)
        expected = naive.quartic_cell_mass(*arguments)
        assert_close(found, expected, 1e-9, peak)
        assert (expected == 0.0).any()
        assert not found[expected == 0.0].any()


@pytest.mark.parametrize("bandwidth", [0.5, 30.0, 125.0, 250.0, 400.0, 1000.0, 4000.0])
def test_quartic_mass_of_a_crime_in_the_middle_is_its_weight(bandwidth):
    for x, y in ((10_010.3, 10_230.1), (10_000.0, 10_125.0), (10_000.0, 10_000.0)):
        mass = kde.quartic_cell_mass([x], [y], [1.0], 0.0, 0.0, 250.0, 80, 80, bandwidth)
        assert mass.sum() == pytest.approx(1.0, abs=1e-9)


def test_quartic_ends_at_its_bandwidth():
    mass = kde.quartic_cell_mass([125.0], [125.0], [1.0], 0.0, 0.0, 250.0, 3, 1, 375.0)
    assert mass[0, 1] > 0.0
    assert mass[0, 2] == 0.0


def test_naive_quartic_against_a_sum_over_a_fine_raster():
    """The twin itself is judged by something still more obvious."""
    places = (np.arange(4000) + 0.5) / 4000 * 0.7 - 0.2
    d = np.hypot(places[:, None] + 0.1, places)
    raster = np.where(d < 0.6, 3.0 / (math.pi * 0.36) * (1 - (d / 0.6) ** 2) ** 2, 0.0).mean() * 0.49
    assert naive.quartic_rectangle(-0.1, 0.6, -0.2, 0.5, 0.6) == pytest.approx(raster, rel=1e-6)


# What nobody should ask for -----------------------------------------------------------------------------

EVERY = {
    "gaussian": kde.gaussian_cell_mass,
    "binned": kde.gaussian_cell_mass_binned,
    "quartic": kde.quartic_cell_mass,
    "own gaussian": lambda *a: adaptive.gaussian_scatter(*a[:-1], np.full(len(a[0]), a[-1])),
    "own quartic": lambda *a: quartic.quartic_scatter(*a[:-1], np.full(len(a[0]), a[-1])),
}
every_kernel = pytest.mark.parametrize("kernel", EVERY.values(), ids=EVERY)


@every_kernel
@pytest.mark.parametrize("bandwidth", [0.25, 1e-9])
def test_a_bandwidth_of_a_thousandth_of_a_cell_and_less(kernel, bandwidth):
    """All the mass of a crime in its cell, or by halves and quarters where it stands on an edge or a corner."""
    mass = kernel([130.0, 500.0, 500.0], [130.0, 625.0, 500.0], [1.0, 2.0, 4.0], 0.0, 0.0, 250.0, 4, 4, bandwidth)
    expected = np.zeros((4, 4))
    expected[0, 0] = 1.0
    expected[2, 1:3] += 1.0
    expected[1:3, 1:3] += 1.0
    np.testing.assert_allclose(mass, expected, atol=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_a_bandwidth_of_a_thousand_cells(name):
    """A row of cells, from end to end of the kernel and across its middle: one cell times the top of the marginal."""
    cell, bandwidth, cells = 0.5, 500.0, 12_000
    mass = EVERY[name]([3_000.13], [0.21], [3.0], 0.0, 0.0, cell, cells, 1, bandwidth)
    top = 16.0 / (5.0 * math.pi) if "quartic" in name else 1.0 / math.sqrt(2.0 * math.pi)
    assert mass.shape == (1, cells)
    assert (mass >= 0.0).all()
    assert mass.sum() == pytest.approx(3.0 * top * cell / bandwidth, rel=7e-5 if name == "binned" else 1e-6)
    assert mass[0, cells // 2] == pytest.approx(mass.max(), rel=1e-6)


@every_kernel
@pytest.mark.parametrize("bandwidth", [1e-3, 100.0, 250.0, 1e5])
def test_a_grid_of_one_cell_has_the_mass_that_a_larger_one_has_there(kernel, bandwidth):
    crimes = ([40.0, -300.0, 700.0], [170.0, 20.0, 130.0], [1.0, 2.0, 0.5])
    alone = kernel(*crimes, 0.0, 0.0, 250.0, 1, 1, bandwidth)
    around = kernel(*crimes, -1_000.0, -1_000.0, 250.0, 9, 9, bandwidth)
    assert alone.shape == (1, 1)
    np.testing.assert_allclose(alone[0, 0], around[4, 4], atol=7e-5 * around.max())


@every_kernel
def test_ten_million_cells(kernel):
    """A few crimes in 3,200 x 3,200 cells: seconds, and nothing is lost."""
    x, y = np.random.default_rng(2).uniform(30_000, 130_000, (2, 20))
    start = time.process_time()
    mass = kernel(x, y, np.full(20, 0.5), 0.0, 0.0, 50.0, 3_200, 3_200, 500.0)
    assert time.process_time() - start < 10.0
    assert mass.shape == (3_200, 3_200)
    assert mass.sum() == pytest.approx(10.0, rel=1e-5)
