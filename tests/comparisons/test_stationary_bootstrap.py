"""The studentised stationary bootstrap: against loops and arch, for coverage, and where nights rule nothing out."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import InputError
from predpol_eval.comparisons import stationary_bootstrap
from predpol_eval.comparisons.long_run import default_lags
from predpol_eval.comparisons.stationary_bootstrap import ratio_interval
from predpol_eval.kernels.stationary_bootstrap import ratio_error, redraw
from tests.naive import stationary_bootstrap as naive

seeds = st.integers(0, 200)


def nightly(seed: int, nights: int = 40, rate: float = 0.3, crimes: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Differences and crimes of nights; many nights without either."""
    generator = np.random.default_rng(seed)
    gained, lost = generator.poisson(rate, nights), generator.poisson(rate / 2, nights)
    return (gained - lost).astype(float), (gained + lost + generator.poisson(crimes, nights)).astype(float)


# The kernel and its twin ----------------------------------------------------------------------------------


@given(seeds, st.integers(2, 30), st.integers(0, 40), st.sampled_from([0.1, 1.0, 5.0]))
def test_the_error_is_that_of_loops(seed, nights, lags, rate):
    d, n = nightly(seed, nights, rate)
    if n.sum() == 0:
        assert np.isnan(ratio_error(d, n, lags))
    else:
        assert ratio_error(d, n, lags) == pytest.approx(
            naive.ratio_error(d.tolist(), n.tolist(), lags), rel=1e-9, abs=1e-14
        )


@given(seeds, st.integers(1, 25), st.sampled_from([1.0, 1.5, 4.0, 9.0]), st.integers(0, 8))
def test_every_draw_is_that_of_loops(seed, nights, block, lags):
    d, n = nightly(seed, nights, crimes=0.3)
    uniform = np.random.default_rng(seed).random((20, nights))
    ratio, error = redraw(d, n, uniform, 1 / block, lags)
    for b, row in enumerate(uniform):
        drawn = naive.nights_drawn(row.tolist(), 1 / block)
        some_d, some_n = d[drawn].tolist(), n[drawn].tolist()
        if sum(some_n) == 0:
            assert np.isnan(ratio[b])
            assert np.isnan(error[b])
        else:
            assert ratio[b] == pytest.approx(sum(some_d) / sum(some_n), rel=1e-12, abs=1e-15)
            assert error[b] == pytest.approx(naive.ratio_error(some_d, some_n, lags), rel=1e-9, abs=1e-14)


def test_a_random_number_at_its_top_stays_within_the_nights():
    top = np.nextafter(1.0, 0.0)
    ratio, _ = redraw(np.arange(5.0), np.ones(5), np.full((1, 5), top), 1.0, 0)
    assert ratio[0] == 4.0
    ratio, _ = redraw(np.arange(5.0), np.ones(5), np.array([[top, top, top, top, top]]), 0.5, 0)
    assert ratio[0] == (4 + 0 + 1 + 2 + 3) / 5


@given(seeds, st.sampled_from([6, 12]), st.sampled_from([0.05, 0.2, 1.0]), st.sampled_from([0.02, 0.05, 0.1, 0.5]))
def test_the_interval_is_that_of_loops(seed, nights, rate, alpha):
    d, n = nightly(seed, nights, rate)
    found = ratio_interval(d, n, alpha=alpha, resamples=59, seed=seed)
    if np.isnan(found.low):
        assert naive.ratio_error(d.tolist(), n.tolist(), 0) == 0
        return
    z = d - found.estimate * n
    assert found.block == pytest.approx(naive.block_length(z.tolist()), rel=1e-9)
    uniforms = np.random.default_rng(seed).random((59, nights)).tolist()
    expected = naive.interval(d.tolist(), n.tolist(), uniforms, 1 / found.block, default_lags(nights), alpha)
    np.testing.assert_allclose([found.low, found.high, found.p], expected, rtol=1e-7)


# The draws, and what is known of them ---------------------------------------------------------------------


@pytest.mark.parametrize("block", [1.0, 3.0, 8.0])
def test_the_draws_are_those_of_arch(block):
    """Mean and variance of the ratio over draws, within Monte Carlo error."""
    d, n = nightly(5, 120, rate=3.0)
    draws = 6000
    ours, _ = redraw(d, n, np.random.default_rng(1).random((draws, len(d))), 1 / block, 0)
    theirs = StationaryBootstrap(block, d, n, seed=2).apply(lambda x, m: x.sum() / m.sum(), draws).ravel()
    spread = theirs.std()
    assert abs(ours.mean() - theirs.mean()) < 4 * spread * np.sqrt(2 / draws)
    assert ours.var() / theirs.var() == pytest.approx(1, abs=4 * np.sqrt(2 * 2 / draws))


@pytest.mark.parametrize("block", [1.0, 2.5, 10.0])
def test_the_variance_of_the_draws_is_the_exact_one(block):
    """Politis and Romano 1994: of a mean, the variance over all draws is known."""
    d = np.cumsum(np.random.default_rng(3).normal(size=50))
    nights, stay = len(d), 1 - 1 / block
    eps = d - d.mean()
    exact = sum(
        (1 if lag == 0 else 2) * (1 - lag / nights) * stay**lag * (eps @ np.roll(eps, lag)) / nights
        for lag in range(nights)
    )
    draws = 40_000
    ours, _ = redraw(d, np.ones(nights), np.random.default_rng(1).random((draws, nights)), 1 / block, 0)
    assert ours.mean() == pytest.approx(d.mean(), abs=4 * np.sqrt(exact / nights / draws))
    assert ours.var() == pytest.approx(exact / nights, rel=4 * np.sqrt(2 / draws))


def test_blocks_are_as_long_as_told_and_begin_anywhere():
    """The night number is its own difference, so that a draw's nights can be read off."""
    uniform = np.random.default_rng(0).random((4000, 50))
    drawn = np.array([naive.nights_drawn(row, 1 / 5) for row in uniform.tolist()])
    follows = (drawn[:, 1:] - drawn[:, :-1]) % 50 == 1
    assert follows.mean() == pytest.approx(1 - 1 / 5 + 1 / 5 / 50, abs=0.004)
    assert np.bincount(drawn.ravel(), minlength=50).std() / 4000 < 0.06


# p-value and interval -------------------------------------------------------------------------------------


@given(
    seeds,
    st.sampled_from([0.05, 0.3, 2.0]),
    st.sampled_from([0.01, 0.05, 0.05 / 3, 0.2]),
    st.sampled_from([199, 399, 250]),
)
def test_zero_lies_in_the_interval_if_and_only_if_p_is_above_alpha(seed, rate, alpha, resamples):
    d, n = nightly(seed, 40, rate)
    found = ratio_interval(d, n, alpha=alpha, resamples=resamples, seed=1)
    if np.isnan(found.p):
        assert np.isnan([found.se, found.low, found.high]).all()
    else:
        assert (found.low <= 0 <= found.high) == (found.p > alpha)


def test_an_interval_that_ends_at_zero_holds_it():
    """At alpha = p the interval just loses 0, and just below p it has it, for any p of the draws."""
    d, n = nightly(3, 60, 0.6)
    p = ratio_interval(d, n, resamples=499, seed=2).p
    assert 0.002 < p < 0.5
    at = ratio_interval(d, n, resamples=499, seed=2, alpha=p)
    below = ratio_interval(d, n, resamples=499, seed=2, alpha=p - 1e-6)
    assert not at.low <= 0 <= at.high
    assert below.low <= 0 <= below.high


def test_a_lower_alpha_gives_a_wider_interval():
    d, n = nightly(1, 80, 1.0)
    ends = [ratio_interval(d, n, alpha=alpha, seed=1)[2:4] for alpha in (0.5, 0.1, 0.05, 0.01)]
    widths = [high - low for low, high in ends]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


# Invariances ----------------------------------------------------------------------------------------------


@given(seeds)
def test_swapping_the_two_mirrors_the_interval(seed):
    d, n = nightly(seed, 30, 1.0)
    there, back = ratio_interval(d, n, resamples=99, seed=3), ratio_interval(-d, n, resamples=99, seed=3)
    np.testing.assert_array_equal(
        [back.estimate, back.low, back.high, back.p, back.block],
        [-there.estimate, -there.high, -there.low, there.p, there.block],
    )


@given(seeds, st.sampled_from([1e-160, 0.1, 3.0, 1e150]), st.sampled_from([1e-5, 7.0]))
def test_other_units_scale_the_interval_and_leave_p(seed, unit, per):
    d, n = nightly(seed, 30, 1.0)
    there, scaled = ratio_interval(d, n, resamples=99, seed=3), ratio_interval(d * unit, n * per, resamples=99, seed=3)
    np.testing.assert_allclose(np.array(scaled[:4]), np.array(there[:4]) * unit / per, rtol=1e-6)
    assert scaled.p == pytest.approx(there.p, nan_ok=True)


def test_only_the_seed_decides(monkeypatch):
    d, n = nightly(1, 60, 1.0)
    found = ratio_interval(d, n, seed=5)
    assert found == ratio_interval(d, n, seed=5) == ratio_interval(d, n, seed=np.random.default_rng(5))
    assert found != ratio_interval(d, n, seed=6)
    # However many draws are held at once.
    monkeypatch.setattr(stationary_bootstrap, "_MOST_NUMBERS", 700)
    assert found == ratio_interval(d, n, seed=5)


def test_float32_and_lists_agree():
    d, n = nightly(1, 60, 1.0)
    exact = ratio_interval(d, n, seed=5)
    assert ratio_interval(d.tolist(), n.astype(int).tolist(), seed=5) == exact
    np.testing.assert_allclose(
        ratio_interval((d / 3).astype(np.float32), n, seed=5)[:4], np.array(exact[:4]) / 3, rtol=1e-5
    )


def test_the_data_stay_as_they_were():
    d, n = nightly(1, 30, 1.0)
    before = d.copy(), n.copy()
    ratio_interval(d, n, seed=1, resamples=99)
    np.testing.assert_array_equal([d, n], before)
    assert d.flags.writeable


# Where little or nothing can be said ----------------------------------------------------------------------


@pytest.mark.parametrize("nights", [0, 1, 2, 10, 60])
def test_nights_without_crime_have_no_estimate(nights):
    assert np.isnan(ratio_interval(np.zeros(nights), np.zeros(nights), seed=1)).all()


@pytest.mark.parametrize(
    ("d", "n"),
    [
        ([0.0] * 30, [4.0] * 30),
        ([1.0], [3.0]),
        ([2.0, 4.0, 0.0, 6.0] * 5, [1.0, 2.0, 0.0, 3.0] * 5),
        # The same, but for the rounding of hits over ties.
        ([1 / 3 * 3, 0.1 + 0.2, 0.3] * 9, [1.0, 0.3, 0.1 + 0.2] * 9),
    ],
)
def test_nights_that_are_alike_have_an_estimate_and_no_interval(d, n):
    found = ratio_interval(d, n, seed=1)
    assert found.estimate == pytest.approx(sum(d) / sum(n))
    assert np.isnan([found.se, found.low, found.high, found.p]).all()
    assert found.block == 1.0


def test_a_draw_that_shows_no_spread_is_not_left_out():
    """One night in 60 differs: every third draw misses it, and then says that nothing ever differs."""
    d = np.zeros(60)
    d[30] = 5.0
    found = ratio_interval(d, np.full(60, 10.0), seed=1)
    assert found.se > 0
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert found.p > 0.3


def test_a_draw_without_spread_that_agrees_is_no_extreme():
    """Gains and losses cancel: a draw without any gives the same 0."""
    d = np.zeros(40)
    d[[5, 15, 25, 35]] = [1.0, -1.0, 1.0, -1.0]
    found = ratio_interval(d, np.full(40, 10.0), seed=1, block=1)
    assert found.estimate == 0
    assert np.isfinite([found.low, found.high]).all()
    assert found.p == 1.0


def test_draws_without_any_crime_are_extremes():
    """All crimes fell on two of 40 nights; one draw in seven has neither."""
    d, n = np.zeros(40), np.zeros(40)
    d[[10, 30]], n[[10, 30]] = [1.0, 3.0], [4.0, 8.0]
    found = ratio_interval(d, n, seed=1, block=1)
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert found.p > 0.1


@pytest.mark.parametrize("nights", range(2, 12))
def test_few_nights_give_a_wide_interval_and_no_warning(nights):
    generator = np.random.default_rng(nights)
    for _ in range(10):
        d, n = generator.integers(-3, 4, nights), generator.integers(1, 5, nights)
        found = ratio_interval(d, n, seed=1, resamples=199)
        assert np.isnan(found.low) or found.low <= found.estimate <= found.high


# Coverage -------------------------------------------------------------------------------------------------


def world(
    seed: int, runs: int, nights: int, crimes: float, rho: float, cluster: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """D and N of many trials whose nights resemble the one before by `rho`; A catches 70 % of what only one catches.

    Crimes on a night: those that stay from the night before, each with chance `rho`, and new ones in clusters of
    geometric size, `cluster` on average.
    """
    generator = np.random.default_rng(seed)

    def counts(mean: float) -> np.ndarray:
        present, out = np.zeros(runs, dtype=np.int64), np.empty((runs, nights))
        for night in range(-40, nights):
            new = generator.poisson(mean * (1 - rho) / cluster, runs)
            if cluster > 1:
                new = new + np.where(new > 0, generator.negative_binomial(np.maximum(new, 1), 1 / cluster), 0)
            present = generator.binomial(present, rho) + new
            if night >= 0:
                out[:, night] = present
        return out

    a, b, both = counts(0.7 * crimes), counts(0.3 * crimes), counts(2 * crimes)
    return a - b, a + b + both, 0.4 / 3


WORLDS = [
    pytest.param(60, 12.0, 0.0, 1.0, id="dense"),
    pytest.param(60, 12.0, 0.5, 1.0, id="dense-correlated"),
    pytest.param(60, 0.5, 0.25, 2.0, id="sparse-clustered"),
    pytest.param(180, 0.2, 0.0, 1.0, id="sparse"),
    pytest.param(180, 0.2, 0.5, 1.0, id="sparse-correlated"),
    pytest.param(180, 3.0, 0.5, 3.0, id="clustered-correlated"),
]


def coverage(runs: int, nights: int, crimes: float, rho: float, cluster: float, resamples: int) -> float:
    d, n, truth = world(11, runs, nights, crimes, rho, cluster)
    found = [ratio_interval(d[r], n[r], seed=r, resamples=resamples) for r in range(runs)]
    return float(np.mean([interval.low <= truth <= interval.high for interval in found]))


@pytest.mark.parametrize(("nights", "crimes", "rho", "cluster"), WORLDS)
def test_it_covers_what_it_claims(nights, crimes, rho, cluster):
    """In 300 trials; three standard errors of that are 3.8 points."""
    assert 0.91 <= coverage(300, nights, crimes, rho, cluster, 199) <= 0.985


@pytest.mark.slow
@pytest.mark.parametrize(("nights", "crimes", "rho", "cluster"), WORLDS)
def test_it_covers_what_it_claims_in_many_trials(nights, crimes, rho, cluster):
    assert 0.92 <= coverage(3000, nights, crimes, rho, cluster, 999) <= 0.97


# Refusals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("d", "n", "options", "said"),
    [
        ([1.0, np.nan, 2.0], [1.0, 1.0, 1.0], {}, "1 of 3 nights"),
        ([1.0, 2.0], [1.0, np.inf], {}, "1 of 2 nights"),
        ([1.0, 2.0], [1.0, -1.0], {}, "n below 0"),
        ([1.0, 2.0], [1.0], {}, "one number of each"),
        ([[1.0, 2.0]], [[1.0, 2.0]], {}, "one number of each"),
        (["a", "b"], [1.0, 2.0], {}, "no number"),
        ([1.0] * 30, [2.0] * 30, {"alpha": 0.0}, "alpha"),
        ([1.0] * 30, [2.0] * 30, {"alpha": np.nan}, "alpha"),
        ([1.0] * 30, [2.0] * 30, {"resamples": 0}, "number of draws"),
        ([1.0] * 30, [2.0] * 30, {"resamples": 99.5}, "number of draws"),
        ([1.0] * 30, [2.0] * 30, {"alpha": 0.001, "resamples": 500}, "at least 1000 draws"),
        ([1.0] * 30, [2.0] * 30, {"block": 0.5}, "from 1 to 10 nights"),
        ([1.0] * 30, [2.0] * 30, {"block": 11}, "falsely narrow"),
        ([1.0] * 30, [2.0] * 30, {"block": np.nan}, "from 1 to 10 nights"),
        ([1.0] * 30, [2.0] * 30, {"lags": 30}, "lags=30"),
        ([1.0] * 30, [2.0] * 30, {"lags": -1}, "lags=-1"),
    ],
)
def test_what_is_refused(d, n, options, said):
    with pytest.raises(InputError, match=said):
        ratio_interval(d, n, seed=1, **options)


def test_the_fewest_draws_for_a_level():
    d, n = nightly(1, 40, 1.0)
    assert ratio_interval(d, n, alpha=0.05, resamples=19, seed=1).p >= 0.05
    with pytest.raises(InputError, match="at least 20 draws"):
        ratio_interval(d, n, alpha=0.05, resamples=18, seed=1)


def test_block_lags_and_p_as_told():
    d, n = nightly(1, 60, 2.0)
    assert ratio_interval(d, n, seed=1, block=5).block == 5.0
    assert ratio_interval(d, n, seed=1, lags=2).se == pytest.approx(naive.ratio_error(d.tolist(), n.tolist(), 2))
    assert ratio_interval(d, n, seed=1).se == pytest.approx(naive.ratio_error(d.tolist(), n.tolist(), 10))
    without = ratio_interval(d, n, seed=1, p_value=False)
    assert np.isnan(without.p)
    assert without[:4] == ratio_interval(d, n, seed=1)[:4]
