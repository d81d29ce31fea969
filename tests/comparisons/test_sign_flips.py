"""Sign flips against all ways tried one by one, and the inversion against p-values of single differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from predpol_eval.comparisons.sign_flips import MOST_BLOCKS_IN_FULL, flip_interval
from tests.comparisons.worlds import nightly
from tests.naive import comparisons as naive

few = st.integers(2, 9)


@given(st.integers(0, 200), few, st.integers(1, 3))
def test_p_equals_that_of_all_ways(seed, nights, block):
    d, n = nightly(seed, nights)
    assume(n.sum() > 0)
    found = flip_interval(d, n, block=block)
    assert found.exact
    assert found.p == naive.flip_p_value(d.tolist(), n.tolist(), block=block)


@given(st.integers(0, 200), few, st.sampled_from([0.05, 0.2, 0.4]), st.floats(-1.5, 1.5))
def test_the_interval_holds_the_differences_that_are_not_rejected(seed, nights, alpha, delta):
    d, n = nightly(seed, nights)
    assume(n.sum() > 0)
    found = flip_interval(d, n, alpha=alpha)
    assume(min(abs(delta - found.low), abs(delta - found.high)) > 1e-6)
    p = naive.flip_p_value(d.tolist(), n.tolist(), delta)
    assert (found.low < delta < found.high) == (p > alpha)


@given(st.integers(0, 200), few, st.sampled_from([0.05, 0.1, 0.2, 0.4]))
def test_the_ends_part_what_is_rejected_from_what_is_not(seed, nights, alpha):
    d, n = nightly(seed, nights)
    assume(n.sum() > 0)
    found = flip_interval(d, n, alpha=alpha)
    for end, inwards in ((found.low, 1e-6), (found.high, -1e-6)):
        if np.isfinite(end):
            assert naive.flip_p_value(d.tolist(), n.tolist(), end + inwards) > alpha
            assert naive.flip_p_value(d.tolist(), n.tolist(), end - inwards) <= alpha


@given(st.integers(0, 100), st.integers(0, 3))
def test_zero_lies_inside_just_where_it_is_not_rejected(seed, draw_seed):
    """Also with draws, and where integers make ties of sums common."""
    d, n = nightly(seed, 25)
    for alpha in (0.05, 0.3):
        found = flip_interval(d, n, alpha=alpha, flips=499, seed=draw_seed)
        assert (found.low <= 0 <= found.high) == (found.p > alpha)
        assert found.low <= found.estimate <= found.high


def test_by_hand():
    """Six nights, all for the same side: only the two ways that keep all signs alike are as far from 0."""
    found = flip_interval(np.array([1.0, 2.0, 1.0, 1.0, 3.0, 1.0]), np.full(6, 10.0))
    assert (found.estimate, found.p, found.flips) == (0.15, 2 / 64, 64)
    # At 5 %, what at most three of the 64 ways (3/64 < .05) hold is rejected. Those two hold every difference. Flipping
    # one night with 1 (or all others) leaves 7 of 40, and holds 2/20 = .1 to (9 + 7)/(60 + 40) = .16; one with 2, .14
    # to .2; one with 3, .12 to .3: below .1 and above .3 only the first two are left.
    np.testing.assert_allclose([found.low, found.high], [0.1, 0.3], atol=1e-9)


def test_five_nights_can_rule_nothing_out_at_five_per_cent():
    found = flip_interval(np.array([4.0, 5.0, 3.0, 6.0, 2.0]), np.full(5, 10.0))
    assert found.p == 2 / 32
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_drawn_ways_come_close_to_all():
    d, n = nightly(4, 14)
    assert len(d) == MOST_BLOCKS_IN_FULL
    whole = flip_interval(d, n)
    assert whole.exact
    # One empty night more, and ways are drawn; it changes no sum.
    drawn = flip_interval(np.append(d, 0.0), np.append(n, 0.0), flips=20_000, seed=1)
    assert not drawn.exact
    assert drawn.p == pytest.approx(whole.p, abs=0.015)
    np.testing.assert_allclose([drawn.low, drawn.high], [whole.low, whole.high], atol=0.02)
    assert (drawn.p * 20_001) % 1 == pytest.approx(0, abs=1e-6), "(1 + #) / (1 + draws)"


def test_rounding_makes_no_difference_between_equal_sums():
    """Hits shared among ties: .1 + .2 is not .3 in floating point, and the sums must tie all the same."""
    thirds = np.array([0.1 + 0.2, -0.3, 0.3, 0.1, 0.2, -0.3])
    assert flip_interval(thirds, np.ones(6)).p == flip_interval(np.round(10 * thirds), np.ones(6)).p


@given(st.integers(0, 60), st.floats(0.1, 20.0))
def test_scaling_and_order(seed, factor):
    d, n = nightly(seed, 9)
    assume(n.sum() > 0)
    found = flip_interval(d, n)
    scaled = flip_interval(factor * d, n)
    assert scaled.p == found.p
    np.testing.assert_allclose([scaled.low, scaled.high], factor * np.array([found.low, found.high]), 1e-9, 1e-12)
    order = np.random.default_rng(seed).permutation(9)
    np.testing.assert_allclose(flip_interval(d[order], n[order])[:4], found[:4], rtol=1e-9, atol=1e-12)
    turned = flip_interval(-d, n)
    np.testing.assert_allclose([turned.low, turned.high, turned.p], [-found.high, -found.low, found.p], atol=1e-12)


def test_the_same_seed_gives_the_same_numbers():
    d, n = nightly(1, 40)
    assert flip_interval(d, n, seed=3) == flip_interval(d, n, seed=3)
    assert flip_interval(d, n, seed=3).p != flip_interval(d, n, seed=4).p


def test_without_crime():
    assert np.isnan(flip_interval(np.zeros(3), np.zeros(3))[:4]).all()


def test_the_test_keeps_its_level_where_nights_are_alike_either_way():
    """1,000 worlds without a difference: at 5 %, at most 5 % are called different, but for chance."""
    generator = np.random.default_rng(6)
    n = np.full(12, 10.0)
    called = [flip_interval(generator.poisson(2, 12) - generator.poisson(2.0, 12), n).p <= 0.05 for _ in range(1000)]
    assert np.mean(called) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)
    assert np.mean(called) > 0.02, "and not for want of power"
