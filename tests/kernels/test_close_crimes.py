"""Kernels of the continuous self-exciting model: close pairs, sums over them, densities at places, mass inside."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from predpol_eval.kernels import pair_sums as sums
from predpol_eval.kernels import place_density as density
from predpol_eval.kernels.crowding import crowded_pairs
from predpol_eval.kernels.inside_mass import inside_mass
from predpol_eval.kernels.pair_sums import in_rows, pair_expectation, pair_sums
from predpol_eval.kernels.pairs import close_pairs, count_pairs
from tests.naive import continuous as naive

CRIMES = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20), st.integers(0, 30)), max_size=40)


@given(CRIMES, st.sampled_from([0.5, 1.0, 3.0, 7.3, 100.0]), st.sampled_from([0.0, 2.0, 11.0, math.inf]))
def test_every_close_pair_once_and_no_other(rows, radius, span):
    t, x, y = np.array(sorted((t, x, y) for x, y, t in rows), dtype=float).reshape(-1, 3).T
    pairs = close_pairs(x, y, t, radius, span)
    later = np.repeat(np.arange(t.size), np.diff(pairs.offsets)).tolist()
    found = sorted(zip(later, pairs.days.tolist(), pairs.square.tolist(), strict=True))
    assert found == sorted(naive.close_pairs(x.tolist(), y.tolist(), t.tolist(), radius, span))
    assert count_pairs(x, y, t, radius, span) == len(found)


def test_floors_and_those_that_only_set_off():
    x, y, t = [0.0, 0.0, 1.0, 5.0], [0.0] * 4, [0.0, 0.0, 3.0, 4.0]
    pairs = close_pairs(x, y, t, 10.0, 10.0, [1, 0, 1, 1], least_days=0.5, least_distance=2.0)
    assert pairs.offsets.tolist() == [0, 0, 0, 2, 5]
    assert pairs.square.tolist() == [4.0, 4.0, 25.0, 25.0, 16.0]
    both = close_pairs(x, y, t, 10.0, 10.0, least_days=0.5)
    assert both.days[0] == 0.5


def test_crimes_far_away_cost_no_cells():
    # A mistyped coordinate: a table of all cells between would not fit into any memory.
    x, y, t = [0.0, 1.0, 1e9], [0.0, 1.0, -1e9], [0.0, 1.0, 2.0]
    assert count_pairs(x, y, t, 2.0, 5.0) == 1


@pytest.fixture(scope="module")
def listed():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 1000, (2, 600))
    return close_pairs(x, y, np.sort(rng.uniform(0, 100, 600)), 400.0, 60.0)


def test_sums_over_pairs_in_every_order(listed):
    later = np.repeat(np.arange(600), np.diff(listed.offsets))
    assert listed.days.size > 5000  # several chunks
    u, v = 0.2 * listed.days, listed.square / (2 * 90.0**2)
    e = np.exp(-u - v)
    found = pair_sums(listed, 0.2, 90.0, second=True)
    for row, weight in zip(found, (e, e * u, e * v, e * u * u, e * v * v, e * u * v), strict=True):
        assert_allclose(row, np.bincount(later, weight, 600), rtol=1e-11, atol=1e-15)
    assert np.array_equal(found[:3], pair_sums(listed, 0.2, 90.0))
    mu = np.random.default_rng(2).uniform(0.1, 1, 600)
    counts = np.arange(600) % 3 > 0
    alone, *sums = pair_expectation(listed, 0.2, 90.0, 0.7, mu, counts)
    rate = mu + 0.7 * found[0]
    assert_allclose(alone, mu / rate, rtol=1e-12)
    assert_allclose(sums, [(0.7 * row / rate)[counts].sum() for row in found[:3]], rtol=1e-12)


@pytest.mark.parametrize("x", [0.0, 0.3, 1.0, 5.0, 10.0, 20.0, 40.0, 89.0, 500.0, 1e6])
def test_the_exponential_is_exact_to_the_sixteenth_place(x):
    from predpol_eval.kernels.pairs import Pairs

    one = Pairs(np.array([0, 1]), np.array([x]), np.array([0.0]))
    assert pair_sums(one, 1.0, 1.0)[0, 0] == pytest.approx(math.exp(-min(x, 745)), rel=1e-13, abs=2e-16)


@pytest.mark.parametrize("bandwidth", [5.0, 60.0, 200.0, 5000.0])
def test_blocks_and_places_one_by_one_agree(bandwidth, monkeypatch):
    rng = np.random.default_rng(3)
    x, y = rng.uniform(1e6, 1e6 + 3000, (2, 700))
    x[:3], y[:3] = 1e6, 1e6
    weight = rng.uniform(0, 1, 700)
    results = []
    for cost in (1e12, 0.0):
        monkeypatch.setattr(density, "_BLOCK_COST", cost)
        monkeypatch.setattr(density, "_PLACE_COST", cost)
        results.append(density.place_density(x, y, weight, bandwidth))
    square = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    exact = (weight * np.exp(-square / (2 * bandwidth**2))).sum(axis=1)
    for found in results:
        assert np.abs(found - exact).max() < 2e-12 * max(1.0, exact.max())


@pytest.mark.parametrize("sigma", [20.0, 150.0, 3000.0])
def test_mass_inside_and_its_derivatives(sigma):
    rng = np.random.default_rng(4)
    share = (rng.random((7, 9)) > 0.3) * rng.uniform(0.3, 1, (7, 9))
    x, y = rng.uniform(-300, 2500, (2, 40))
    place = (-100.0, 50.0, 250.0, share)
    found = inside_mass(x, y, *place, sigma)
    exact = [naive.inside_mass(at, up, *place[:3], share.tolist(), sigma) for at, up in zip(x, y, strict=True)]
    assert_allclose(found[0], exact, atol=1e-13)
    h = 1e-4
    up, down = (inside_mass(x, y, *place, sigma * math.exp(side * h)) for side in (1, -1))
    assert_allclose(found[1], (up[0] - down[0]) / (2 * h), atol=1e-7)
    assert_allclose(found[2], (up[1] - down[1]) / (2 * h), atol=1e-7)


def test_far_inside_all_mass_is_inside():
    found = inside_mass([5000.0], [5000.0], 0.0, 0.0, 250.0, np.ones((40, 40)), 100.0)
    assert found[:, 0].tolist() == [1.0, 0.0, 0.0]


@given(CRIMES, st.integers(1, 9), st.integers(1, 20))
def test_rows_hold_every_pair_once_in_its_order(rows, width, together):
    t, x, y = np.array(sorted((t, x, y) for x, y, t in rows), dtype=float).reshape(-1, 3).T
    pairs = close_pairs(x, y, t, 12.0, 20.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums, "SIDE_BY_SIDE", width)
        patch.setattr(sums, "_TOGETHER", width * together)
        laid = in_rows(pairs)
        summed = pair_sums(laid, 0.3, 8.0, second=True)
        shared = pair_expectation(laid, 0.3, 8.0, 0.2, np.full(t.size, 0.1))
    assert sorted(laid.crimes.tolist()) == list(range(t.size))
    found = [[] for _ in range(t.size)]
    for k in range(laid.slices.size - 1):
        for row in range(laid.slices[k], laid.slices[k + 1]):
            for q, pair in enumerate(range(laid.rows[row], laid.rows[row + 1])):
                found[laid.crimes[k * width + q]].append((laid.days[pair], laid.square[pair]))
    both = list(zip(pairs.days.tolist(), pairs.square.tolist(), strict=True))
    assert found == [both[pairs.offsets[j] : pairs.offsets[j + 1]] for j in range(t.size)]
    # However they are laid out, each crime's sum is the same to the bit.
    assert np.array_equal(summed, pair_sums(pairs, 0.3, 8.0, second=True))
    alone, *totals = pair_expectation(pairs, 0.3, 8.0, 0.2, np.full(t.size, 0.1))
    assert np.array_equal(shared[0], alone)
    assert_allclose(shared[1:], totals, rtol=1e-13)


@given(CRIMES, st.sampled_from([0.5, 3.0, 40.0]), st.sampled_from([0.0, 4.0, math.inf]))
def test_crowded_pairs_are_among_the_close_ones(rows, radius, span):
    t, x, y = np.array(sorted((t, x, y) for x, y, t in rows), dtype=float).reshape(-1, 3).T
    assert 0 <= crowded_pairs(x, y, t, radius, span) <= count_pairs(x, y, t, radius, span)
    order = np.random.default_rng(len(rows)).permutation(t.size)
    assert crowded_pairs(x[order], y[order], t[order], radius, span) == crowded_pairs(x, y, t, radius, span)
    same = np.zeros(t.size)
    assert crowded_pairs(same, same, t, radius, span) == count_pairs(same, same, t, radius, span)


def test_a_pile_is_counted_without_its_pairs():
    many = np.zeros(1_000_000)
    assert crowded_pairs(many, many, np.sort(np.random.default_rng(1).uniform(0, 9, many.size)), 1.0, math.inf) == (
        many.size * (many.size - 1) // 2
    )


@pytest.mark.parametrize("sigma", [60.0, 900.0])
def test_rows_of_cells_that_are_alike_are_one_band(sigma):
    # A rectangle, and the same with a tenth of a thousandth of one cell less: many bands for almost the same area.
    x, y = np.random.default_rng(6).uniform(-200, 3200, (2, 50))
    whole = np.ones((12, 10))
    almost = whole.copy()
    almost[::2, 5] -= 1e-12
    for one, other in zip(
        *(inside_mass(x, y, 0.0, 0.0, 250.0, share, sigma) for share in (whole, almost)), strict=True
    ):
        assert_allclose(one, other, atol=1e-11)
