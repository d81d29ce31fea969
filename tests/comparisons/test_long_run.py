"""The error of a pooled difference: against loops, against simulated nights, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import InputError
from predpol_eval.comparisons.long_run import (
    FixedB,
    check_lags,
    default_lags,
    fixed_b,
    long_run_variance,
    ratio_error,
    studentised_ratio,
)
from tests.comparisons.worlds import nightly
from tests.naive import comparisons as naive


@given(st.integers(0, 50), st.integers(0, 12))
def test_long_run_variance_equals_that_of_loops(seed, lags):
    d, n = nightly(seed, 20)
    z = d - d.sum() / n.sum() * n
    assert long_run_variance(z, lags) == pytest.approx(naive.long_run_variance(z.tolist(), lags), rel=1e-12, abs=1e-12)


@given(st.integers(0, 50), st.sampled_from([20, 60, 184]), st.sampled_from([6, 8, 10]))
def test_the_interval_is_the_published_one(seed, nights, lags):
    """From 20 nights on, the 95 % interval is that of the polynomial of Kiefer and Vogelsang, to the digit."""
    d, n = nightly(seed, nights)
    found = studentised_ratio(d, n, lags=lags)
    expected = naive.pooled_interval(d.tolist(), n.tolist(), lags)
    np.testing.assert_allclose([found.estimate, found.low, found.high], expected, rtol=1e-10)


@pytest.mark.parametrize(("nights", "lags"), [(12, 6), (60, 10), (184, 6)])
def test_the_law_is_that_of_simulated_nights(nights, lags):
    """How often a mean of independent normal nights strays as far as the law says: without its stretch, exactly."""
    generator = np.random.default_rng(5)
    z = generator.standard_normal((40_000, nights))
    mean = z.mean(axis=1)
    z -= mean[:, None]
    variance = (z * z).sum(axis=1) / nights
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * (z[:, lag:] * z[:, :-lag]).sum(axis=1) / nights
    t = np.abs(mean) / np.sqrt(variance / nights)
    law = FixedB(nights, lags)
    for alpha in (0.2, 0.05, 0.01):
        share = (t > law.critical(alpha)).mean()
        # The published polynomial is up to 1.1 % off, which is worth a twentieth of the tail at most.
        assert share == pytest.approx(alpha, abs=4 * np.sqrt(alpha / 40_000) + 0.06 * alpha)


def test_the_polynomial_at_five_per_cent_and_nowhere_narrower_than_the_exact_law():
    for nights, lags in ((20, 6), (60, 10), (184, 8), (1000, 100)):
        b = (lags + 1) / nights
        published = 1.96 + 2.9694 * b + 0.416 * b**2 - 0.5324 * b**3
        assert FixedB(nights, lags).critical(0.05) == pytest.approx(published, rel=1e-9)
    # Under 20 nights the polynomial falls short (4.0598 here), and the exact value stands.
    assert FixedB(10, 6).critical(0.05) == pytest.approx(4.20897, abs=1e-4)
    # Of two nights the error has one degree of freedom: the ratio is Cauchy's but for a factor.
    two = FixedB(2, 1)
    assert two.critical(0.05) / two.critical(0.5) == pytest.approx(12.7062, rel=1e-4)


@given(st.floats(0.001, 0.6), st.sampled_from([(8, 6), (60, 10), (184, 10), (2000, 10)]))
def test_interval_and_p_value_agree(alpha, size):
    law = fixed_b(*size)
    assert law.p_value(law.critical(alpha)) == pytest.approx(alpha, rel=1e-6)
    assert law.p_value(-law.critical(alpha)) == pytest.approx(alpha, rel=1e-6)
    assert law.critical(alpha) > law.critical(alpha * 1.1)


def test_many_nights_come_to_the_normal_law():
    assert FixedB(5000, 0).critical(0.05) == pytest.approx(1.96, abs=0.01)
    assert FixedB(400, 0).p_value(2.5758) == pytest.approx(0.01, abs=5e-4)
    assert FixedB(60, 6).p_value(0.0) == 1.0
    assert FixedB(60, 6).p_value(np.inf) == 0.0
    assert np.isnan(FixedB(60, 6).p_value(np.nan))
    # So deep a tail comes out above 0, as small looks of a spending plan need it.
    assert 0 < FixedB(60, 6).p_value(12.0) < 1e-6
    assert FixedB(2, 1).critical(1e-9) == np.inf


@given(st.integers(0, 30), st.floats(0.1, 50.0))
def test_scaling_shifts_and_signs(seed, factor):
    d, n = nightly(seed)
    found = studentised_ratio(d, n)
    scaled = studentised_ratio(factor * d, n)
    np.testing.assert_allclose(scaled[:4], factor * np.array(found[:4]), rtol=1e-9, atol=1e-12)
    assert scaled.p == pytest.approx(found.p, rel=1e-9)
    turned = studentised_ratio(-d, n)
    np.testing.assert_allclose([turned.estimate, turned.low, turned.high], [-found.estimate, -found.high, -found.low])
    more = studentised_ratio(d + 0.5 * n, n)
    np.testing.assert_allclose(
        more[:4], [found.estimate + 0.5, found.se, found.low + 0.5, found.high + 0.5], atol=1e-12
    )
    # The same nights last to first resemble their neighbours just as much.
    np.testing.assert_allclose(studentised_ratio(d[::-1], n[::-1])[:4], found[:4], rtol=1e-9, atol=1e-12)


def test_neighbours_alike_make_a_wider_interval():
    generator = np.random.default_rng(3)
    noise = generator.standard_normal(240)
    alike = np.repeat(noise[:60], 4)
    n = np.full(240, 10.0)
    assert studentised_ratio(alike, n).se > 1.4 * studentised_ratio(noise, n).se


def test_where_no_error_can_be_told():
    for d, n in (([1.0], [5.0]), ([2.0, 2.0, 2.0], [4.0, 4.0, 4.0]), ([0.1 + 0.2, 0.3, 0.3], [1.0, 1.0, 1.0])):
        found = studentised_ratio(np.array(d), np.array(n))
        assert found.estimate == pytest.approx(d[0] / n[0])
        assert np.isnan(found[1:]).all(), "no interval, rather than one of no width"
    assert np.isnan(studentised_ratio(np.zeros(5), np.zeros(5))).all(), "no crime at all"
    assert np.isnan(studentised_ratio(np.zeros(0), np.zeros(0))).all()
    assert ratio_error(np.array([0.3, 0.6]), np.array([1.0, 2.0]), 0.3, 1) == 0


def test_lags():
    assert [default_lags(nights) for nights in (1, 2, 7, 36, 42, 60, 1000)] == [0, 1, 6, 6, 7, 10, 10]
    assert check_lags(np.int64(3), 10) == 3
    for wrong in (-1, 10, 2.5, True, "7"):
        with pytest.raises(InputError, match=r"lags=.*10 nights.*from 0 to 9"):
            check_lags(wrong, 10)
