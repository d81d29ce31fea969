"""The confidence sequence: against Robbins's mixture integrated by sums, by hand, and in simulated trials."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError
from predpol_eval.comparisons.sequence import e_values, sequence_interval
from tests.comparisons.worlds import nightly, random_tally, sides, two
from tests.naive import comparisons as naive

D = [2, 1, 0, 3, 1, 2, -1, 2, 1, 3]


def test_the_worked_example():
    """Sum 14, V 34; bound sqrt(44 ln(44 / (10 x .0025))) = 18.1333; e-value 4.4215, p .2262."""
    d, rho, alpha = np.array(D, dtype=float), 10.0, 0.05
    assert (d.sum(), (d**2).sum()) == (14, 34)
    bound = math.sqrt(44 * math.log(44 / (rho * alpha**2)))
    assert f"{bound:.4f}" == "18.1333"
    found = sequence_interval(d, np.full(10, 20.0), rho=rho)
    assert f"{found.e_value[-1]:.4f}" == "4.4215"
    assert f"{found.p_value[-1]:.4f}" == "0.2262"
    assert found.low[-1] < 0 < found.high[-1]
    # And through the door that users take.
    tally = two(np.maximum(D, 0), -np.minimum(D, 0), [20] * 10)
    course = ppe.confidence_sequence(*sides(tally), rho=rho)
    assert f"{course.p_value[-1].item():.4f}" == "0.2262"
    result = ppe.compare(*sides(tally), method="sequence", rho=rho)
    assert f"{result.p:.4f}" == "0.2262"
    assert not result.enough, "16 crimes differ, under 20"
    assert (result.low, result.high) == (course.low[-1].item(), course.high[-1].item())


@given(st.integers(0, 300), st.sampled_from([1.0, 10.0, 200.0]), st.floats(-0.8, 0.8))
def test_the_interval_is_where_the_mixture_is_small(seed, rho, delta):
    """Second derivation: delta is held just where the mixture of gambles against it has not grown to 1 / alpha."""
    d, n = nightly(seed, 12)
    assume(n.sum() > 0)
    found = sequence_interval(d, n, alpha=0.1, rho=rho)
    evidence = naive.mixture_e_value(d.tolist(), n.tolist(), delta, rho)
    against_none = naive.mixture_e_value(d.tolist(), n.tolist(), 0.0, rho)
    assert found.e_value[-1] == pytest.approx(against_none, rel=1e-8)
    held = found.low[-1] <= delta <= found.high[-1]
    if evidence < 10 * (1 - 1e-6):
        assert held
    # The interval is the hull of what is held: no gap was seen in it.
    elif evidence > 10 * (1 + 1e-6):
        assert not held


@given(st.integers(0, 60))
def test_each_night_is_as_if_it_were_the_last(seed):
    """Nothing that comes later changes what was said, and the running form is the single one."""
    d, n = nightly(seed, 15)
    whole = sequence_interval(d, n, rho=20.0)
    for night in (1, 7, 15):
        some = sequence_interval(d[:night], n[:night], rho=20.0)
        single = sequence_interval(d[:night], n[:night], rho=20.0, last=True)
        for part, early, last in zip(whole, some, single, strict=True):
            np.testing.assert_array_equal(part[:night], early)
            np.testing.assert_array_equal(part[night - 1 : night], last)


@given(st.integers(0, 60))
def test_signs_levels_and_order(seed):
    d, n = nightly(seed, 15)
    found, turned = sequence_interval(d, n, rho=20.0), sequence_interval(-d, n, rho=20.0)
    np.testing.assert_allclose(turned.low, -found.high, atol=1e-9)
    np.testing.assert_allclose(turned.p_value, found.p_value)
    wide = sequence_interval(d, n, rho=20.0, alpha=0.01)
    assert (wide.low <= found.low + 1e-12).all()
    assert (wide.high >= found.high - 1e-12).all()
    order = np.random.default_rng(seed).permutation(15)
    mixed = sequence_interval(d[order], n[order], rho=20.0, last=True)
    np.testing.assert_allclose([mixed.low[0], mixed.high[0]], [found.low[-1], found.high[-1]], atol=1e-9)


def test_no_crime_yet_rules_nothing_out():
    found = sequence_interval(np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 2.0]), rho=5.0)
    assert np.isnan(found.estimate[:2]).all()
    assert found.low[:2].tolist() == [-1, -1]
    assert found.high[:2].tolist() == [1, 1]
    assert found.p_value[:2].tolist() == [1, 1]
    assert sequence_interval(np.zeros(0), np.zeros(0), rho=5.0).low.shape == (0,)


def trials(generator, kind, nights, runs):
    """Differences and crimes of trials without a difference, shape (runs, nights)."""
    if kind == "clustered":
        # Crimes of a night come in groups of one to nine, caught by one side or the other together.
        groups = generator.poisson(1.5, (runs, nights))
        size = generator.integers(1, 10, (runs, nights, 12))
        side = generator.choice([-1, 1], size.shape)
        inside = np.arange(12) < groups[..., None]
        return (side * size * inside).sum(axis=-1).astype(float), 30.0 + (size * inside).sum(axis=-1)
    rate = 0.15 if kind == "sparse" else 6.0
    a, b = generator.poisson(rate, (2, runs, nights))
    return (a - b).astype(float), 10.0 + a + b


@pytest.mark.parametrize("kind", ["sparse", "dense", "clustered"])
def test_it_misses_in_at_most_five_per_cent_over_all_looks_together(kind):
    """300 trials of 184 nights each (2,000 in the table of coverage): truth 0 outside at any of the 184 looks."""
    d, n = trials(np.random.default_rng(11), kind, 184, 300)
    missed = sum(bool((sequence_interval(x, m, rho=50.0).p_value <= 0.05).any()) for x, m in zip(d, n, strict=True))
    assert missed <= 300 * 0.05 + 3 * np.sqrt(300 * 0.05 * 0.95)
    # A fixed interval looked at every night is wrong far more often: the guard can tell.
    total, spread = d.cumsum(axis=1), np.sqrt((d**2).cumsum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        fixed = (np.abs(total) > 1.96 * spread)[:, 6:].any(axis=1)
    assert fixed.mean() > 0.15


def test_a_real_difference_is_found_and_stays_found():
    course = ppe.confidence_sequence(*sides(random_tally(2, nights=184, better=0.1)), rho=100)
    found = np.flatnonzero((course.low > 0).to_numpy())
    assert len(found)
    assert found[0] < 120
    assert (np.diff(course.p_running) <= 0).all()
    assert bool(course.enough[-1])
    assert course.attrs["rho"] == 100
    assert course.estimate.attrs["long_name"] == "hit_rate of A less that of B"


def test_a_night_missed_by_the_rule_asked_for():
    tally = random_tally(2, nights=30, missing=(4, 9))
    common = ppe.confidence_sequence(*sides(tally))
    assert (common.sizes["window"], common.attrs["missed_by_a"], common.attrs["missed_by_b"]) == (28, 2, 0)
    zero = ppe.confidence_sequence(*sides(tally), missing="zero")
    chance = ppe.confidence_sequence(*sides(tally), missing="chance")
    assert zero.sizes["window"] == chance.sizes["window"] == 30
    assert zero.estimate[-1] < chance.estimate[-1] < common.estimate[-1]
    with pytest.raises(InputError, match="missing='drop'"):
        ppe.confidence_sequence(*sides(tally), missing="drop")


def test_blocks_are_looked_at_as_one_night():
    tally = random_tally(2, nights=31, better=0.1)
    weekly = ppe.confidence_sequence(*sides(tally), block=7)
    assert weekly.window.to_numpy().tolist() == tally.window.to_numpy()[[6, 13, 20, 27]].tolist()
    whole = tally.isel(window=slice(0, 28))
    sums = whole.coarsen(window=7).sum().assign_coords(window=whole.window[6::7].to_numpy())
    by_hand = ppe.confidence_sequence(*sides(sums))
    for name in ("estimate", "low", "high", "p_value", "crimes"):
        np.testing.assert_allclose(weekly[name], by_hand[name], rtol=1e-12)
    # Whether enough differs goes by nights: four weeks would never be six.
    assert bool(weekly.enough[-1])
    result = ppe.compare(*sides(tally), method="sequence", block=7)
    assert (result.n, result.low, result.high) == (28, weekly.low[-1].item(), weekly.high[-1].item())
    assert result.crimes == whole.events.sum()
    for wrong in (0, 2.5, 32, True):
        with pytest.raises(InputError, match=r"block=.*from 1 to 31"):
            ppe.confidence_sequence(*sides(tally), block=wrong)
    with pytest.raises(InputError, match=r"block=.*from 1 to 31"):
        ppe.compare(*sides(tally), method="sequence", block=2.5)


def test_weeks_keep_their_promise_where_nights_resemble_each_other():
    """Differences with a correlation of .5 from night to night: single nights miss far too often, weeks do not."""
    generator = np.random.default_rng(5)
    noise = generator.standard_normal((400, 190))
    z = np.empty((400, 182))
    last = noise[:, 0] * 2
    for night in range(182):
        last = 0.5 * last + np.sqrt(0.75) * 2 * noise[:, night]
        z[:, night] = last
    single = (e_values(z, rho=50.0) > 20).any(axis=1).mean()
    weekly = (e_values(z.reshape(400, 26, 7).sum(axis=2), rho=50.0) > 20).any(axis=1).mean()
    assert single > 0.15
    assert weekly <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_rho_is_the_best_for_its_variance():
    for variance, alpha in ((100.0, 0.05), (736.0, 0.01)):
        best = ppe.sequence_rho(variance, alpha=alpha)

        def width(rho, variance=variance, alpha=alpha):
            return (variance + rho) * math.log((variance + rho) / (rho * alpha**2))

        assert width(best) < min(width(0.97 * best), width(1.03 * best))
    for wrong in (0, -1, math.nan, math.inf):
        with pytest.raises(InputError, match="variance="):
            ppe.sequence_rho(wrong)


@pytest.mark.parametrize("rho", [0, -3, math.nan, math.inf, "10", True])
def test_a_rho_that_is_no_number_is_refused(rho):
    with pytest.raises(InputError, match=r"rho=.*fixed before the first night"):
        ppe.confidence_sequence(*sides(random_tally(1)), rho=rho)


def test_only_for_metrics_whose_bound_is_known():
    with pytest.raises(InputError, match="'hit_rate' or 'pai'"):
        ppe.confidence_sequence(*sides(random_tally(1)), "lift")
    pai = ppe.confidence_sequence(*sides(random_tally(1)), "pai")
    rate = ppe.confidence_sequence(*sides(random_tally(1)))
    np.testing.assert_allclose(pai.low, 100 * rate.low)
