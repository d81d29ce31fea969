"""The loops of the self-exciting process against every pair of crimes, one at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from predpol_eval.kernels import self_exciting as kernels
from predpol_eval.kernels.ridge import ridge_sums
from predpol_eval.kernels.self_exciting import background, decay_sums, em_sums, expectation, seen_share
from tests.naive import self_exciting as naive

# Times with many ties and some that lie close: whole hours and halves of them.
times = st.lists(st.integers(0, 96).map(lambda halves: halves / 48), min_size=1, max_size=30)
decays = st.sampled_from([1e-4, 0.03, 1.0, 7.5, 24.0, 900.0])
steps = st.sampled_from([0.0, 1e-9, 1 / 48, 1 / 24, 0.3, 5.0])


def cells_of(columns):
    """Times and offsets of several cells, sorted within each."""
    t = np.concatenate([np.sort(np.array(column, dtype=float)) for column in columns])
    return t, np.concatenate([[0], np.cumsum([len(column) for column in columns])])


@given(st.lists(times, min_size=1, max_size=4), decays, steps)
def test_recursion_equals_all_pairs(columns, omega, min_step):
    t, offsets = cells_of(columns)
    for fast, slow in zip(
        decay_sums(t, offsets, omega, min_step), naive.decay_sums(t, offsets, omega, min_step), strict=True
    ):
        assert_allclose(fast, slow, rtol=1e-10, atol=1e-300)


def test_a_long_recursion_does_not_drift():
    t = np.sort(np.random.default_rng(1).uniform(0, 2000, 3000))
    for omega in (1e-3, 0.1, 30.0):
        ours = decay_sums(t, [0, len(t)], omega, 1e-9)
        gaps = t[:, None] - t[None, :]
        for power in range(3):
            with np.errstate(over="ignore"):
                pairs = np.where(gaps > 0, np.abs(gaps) ** power * np.exp(-omega * np.abs(gaps)), 0.0).sum(axis=1)
            assert_allclose(ours[power], pairs, rtol=1e-10, atol=1e-300)


def test_equal_times_stand_one_step_apart():
    zeroth, first, second = decay_sums([3.0, 3.0, 3.0], [0, 3], 2.0, 0.25)
    one = math.exp(-0.5)
    assert_allclose(zeroth, [0.0, one, 2 * one], rtol=1e-14)
    assert_allclose(first, np.array([0.0, 0.25, 0.5]) * one, rtol=1e-14)
    assert_allclose(second, np.array([0.0, 0.0625, 0.125]) * one, rtol=1e-14)


def test_cells_do_not_reach_each_other():
    zeroth = decay_sums([1.0, 1.5, 1.2, 1.3], [0, 2, 4], 1.0, 0.0)[0]
    assert_allclose(zeroth, [0.0, math.exp(-0.5), 0.0, math.exp(-0.1)], rtol=1e-12)


@given(times, decays, st.sampled_from([((0.0,), (2.5,)), ((0.0, 4.0), (2.5, 9.0)), ((0.0, 3.0, 6.0), (2.5, 3.1, 6.5))]))
def test_observed_share_equals_its_sum(column, omega, periods):
    ours, slow = seen_share(column, *periods, omega), naive.seen_share(column, *periods, omega)
    assert_allclose(ours, slow, rtol=1e-9, atol=1e-12 * len(column))


def test_derivatives_of_the_observed_share():
    t, starts, ends, omega = [0.2, 1.0, 5.5], [0.0, 5.0], [2.0, 9.0], 0.7
    h = 1e-4
    low, middle, high = (seen_share(t, starts, ends, omega + step) for step in (-h, 0.0, h))
    assert middle[1] == pytest.approx((high[0] - low[0]) / (2 * h), rel=1e-6)
    assert middle[2] == pytest.approx((high[1] - low[1]) / (2 * h), rel=1e-6)


def test_a_slow_decay_keeps_its_digits():
    # 1 - exp(-omega T) is omega T (1 - omega T / 2) to all digits; as a difference it would have six left.
    share, _, _ = seen_share([0.0], [0.0], [1.0], 1e-10)
    assert share == pytest.approx(1e-10 * (1 - 0.5e-10), rel=1e-14)


@given(
    st.lists(st.integers(1, 8), min_size=1, max_size=5),
    st.integers(0, 10**6),
    st.floats(0.5, 500.0),
)
def test_sums_of_the_e_step_and_likeliest_background(sizes, seed, days):
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    n = int(offsets[-1])
    zeroth, first = rng.uniform(0, 3, n), rng.uniform(0, 3, n)
    zeroth[offsets[:-1]] = 0.0
    share, mu = rng.uniform(0.1, 1, n), rng.uniform(0.01, 2, len(sizes))
    ours = expectation(zeroth, first, share, offsets, 0.3, mu)
    slow = naive.expectation(zeroth, first, share, offsets, 0.3, mu)
    for found, right in zip(ours, slow, strict=True):
        assert_allclose(found, right, rtol=1e-12)
    assert ours[0] + ours[2].sum() == pytest.approx(n, rel=1e-12)
    for start in (mu, np.full(len(sizes), 1e-6), np.full(len(sizes), 1e6)):
        assert_allclose(
            background(0.3 * zeroth, share, offsets, days, start),
            naive.background(0.3 * zeroth, share, offsets, days, start),
            rtol=1e-9,
        )


@given(st.lists(times, min_size=1, max_size=4), decays, steps, st.booleans())
def test_sums_of_em_straight_from_the_times(columns, omega, min_step, shared):
    t, offsets = cells_of(columns)
    groups = np.array([0, t.size]) if shared else offsets
    rng = np.random.default_rng(t.size)
    share, mu = rng.uniform(0.1, 1, t.size), rng.uniform(0.01, 2, groups.size - 1)
    ours = em_sums(t, offsets, share, groups, omega, min_step, 0.3 * omega, mu)
    slow = naive.em_sums(t, offsets, share, groups, omega, min_step, 0.3 * omega, mu)
    for found, right in zip(ours, slow, strict=True):
        assert_allclose(found, right, rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize("cell", [1, 3, 7, 1500])
def test_cells_and_groups_that_go_over_a_chunk(cell):
    # Chunks are of 1,024 crimes: cells lie over their edges, begin on them, or are longer than one.
    n = 4 * kernels._CHUNK + 5
    t = np.sort(np.random.default_rng(2).uniform(0, 300, (n // cell + 1, cell)), axis=1).ravel()[:n]
    offsets = np.append(np.arange(0, n, cell), n)
    zeroth, first, second = decay_sums(t, offsets, 0.8, 0.01)
    for begin, end in zip(offsets[:40:3], offsets[1:41:3], strict=False):
        alone = decay_sums(t[begin:end], [0, end - begin], 0.8, 0.01)
        assert_allclose([zeroth[begin:end], first[begin:end], second[begin:end]], alone, rtol=1e-12, atol=1e-300)
    share = np.random.default_rng(3).uniform(0.5, 1, n)
    for groups in (offsets, np.array([0, n]), np.array([0, kernels._CHUNK, n])):
        mu = np.linspace(0.1, 1, groups.size - 1)
        ours = em_sums(t, offsets, share, groups, 0.8, 0.01, 0.4, mu)
        for found, right in zip(ours, expectation(zeroth, first, share, groups, 0.4, mu), strict=True):
            assert_allclose(found, right, rtol=1e-11)


def test_the_exponential_to_the_last_digits():
    x = np.concatenate([np.linspace(0, 750, 300_001), np.logspace(-300, 0, 1_000), [707.999, 708.0, 1e6, np.inf]])
    less, power = np.empty((2, x.size))
    kernels._exponentials(x, less, power)
    found, minus_one = power + power * less, power * less + (power - 1.0)
    near = x < 708
    assert np.abs(found[near] / np.exp(-x[near]) - 1).max() < 5e-16
    assert (found[~near] == 0).all()
    with np.errstate(invalid="ignore"):
        assert np.nanmax(np.abs(minus_one / np.expm1(-x) - 1)) < 1e-15


@pytest.mark.parametrize("number", [1, 1023, 1024, 1025, 5000])
def test_one_period_and_the_same_cut_in_two(number):
    t = np.random.default_rng(number).uniform(0, 9, number)
    for omega in (1e-9, 0.3, 50.0):
        whole, cut = seen_share(t, [0.0], [9.0], omega), seen_share(t, [0.0, 9.0], [9.0, 9.0], omega)
        assert_allclose(whole, cut, rtol=1e-12, atol=1e-90)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 10**6), st.floats(0.01, 20.0))
def test_sums_along_the_ridge(sizes, seed, omega):
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    zeroth, first, second = rng.uniform(0, 3, (3, int(offsets[-1])))
    share, mu = rng.uniform(0.1, 1, zeroth.size), rng.uniform(0.01, 2, len(sizes))
    arguments = (zeroth, first, second, share, offsets, 0.3 * omega, omega, mu)
    found, right = ridge_sums(*arguments), naive.ridge_sums(*arguments)
    assert_allclose(found, right, rtol=1e-10, atol=1e-10 * np.abs(right).max())


def test_growth_of_the_loops_with_crimes_is_linear():
    # Not timed: a pile of crimes in one cell at one moment must not be gone through again for every crime.
    t = np.zeros(200_000)
    zeroth, _, _ = decay_sums(t, [0, t.size], 1.0, 0.5)
    assert zeroth[-1] == pytest.approx((t.size - 1) * math.exp(-0.5), rel=1e-12)
