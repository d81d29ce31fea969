"""The N-test and the dispersion: laws summed term by term, other libraries, size, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError, Schedule
from predpol_eval.consistency.number import number_tails
from predpol_eval.consistency.overdispersion import estimate_dispersion
from tests.consistency import pycsep
from tests.consistency.scenes import bins_of, many_nights, scene, whole
from tests.naive import consistency as naive
from tests.strategies import CRS, TZ, cities, city_of, nights

expecting = cities(most_cells=6, most_windows=3, kinds=("expected_count",)).map(whole)


@given(expecting, st.sampled_from([1.0, 1.5, 4.0]))
def test_tails_equal_sums_of_chances(city, phi):
    rates, crimes = bins_of(city)
    found = ppe.n_test(city.risk, city.crimes, dispersion=phi)
    at_least, at_most = naive.tails(int(crimes.sum()), float(rates.sum()), phi)
    assert found.d1.item() == pytest.approx(at_least, abs=1e-12)
    assert found.d2.item() == pytest.approx(at_most, abs=1e-12)
    assert found.p.item() == pytest.approx(min(1, 2 * min(at_least, at_most)), abs=1e-12)
    assert (found.expected.item(), found.observed.item()) == (pytest.approx(rates.sum()), crimes.sum())
    # Both sides hold the number itself.
    assert found.d1.item() + found.d2.item() >= 1 - 1e-12


def test_by_hand():
    """2 expected, 5 recorded: 1 - e^-2 (1 + 2 + 2 + 4/3 + 2/3) = .052653, and .983436 for at most 5."""
    risk, crimes = scene([[1.5, 0.5]], [[4, 1]])
    found = ppe.n_test(risk, crimes)
    assert [f"{found[name]:.6f}" for name in ("d1", "d2", "p")] == ["0.052653", "0.983436", "0.105306"]
    # Variance 4 on mean 2: size 2, a fair coin: P(X = k) = (k + 1) / 2^(k + 2), so P(X >= 5) = 7/64.
    assert ppe.n_test(risk, crimes, dispersion=2).d1.item() == pytest.approx(7 / 64, abs=1e-14)
    assert found.p.attrs["long_name"] == "p-value of the N-test, two-sided"
    assert found.attrs["dispersion"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_number_test_of_pycsep(seed):
    rng = np.random.default_rng(seed)
    rates = rng.gamma(1.0, 1.0, (4, 6))
    crimes = rng.poisson(rates)
    forecast, catalog = pycsep.forecast_and_catalog(rates, crimes)
    found = ppe.n_test(*scene(rates, crimes))
    np.testing.assert_allclose([found.d1, found.d2], pycsep.poisson.number_test(forecast, catalog).quantile, atol=1e-12)
    clustered = ppe.n_test(*scene(rates, crimes), dispersion=2.5)
    theirs = pycsep.binomial.negative_binomial_number_test(forecast, catalog, 2.5 * rates.sum()).quantile
    np.testing.assert_allclose([clustered.d1, clustered.d2], theirs, atol=1e-12)


@given(st.integers(0, 40), st.floats(0.0, 30.0), st.sampled_from([1.0, 1.0 + 1e-9, 1.2, 3.0, 50.0]))
def test_the_law_has_the_variance_it_claims(number, mean, phi):
    at_least, at_most = number_tails(float(number), np.array(mean), np.array(phi))
    plain = stats.poisson.sf(number - 1, mean), stats.poisson.cdf(number, mean)
    if phi < 1 + 1e-6:
        np.testing.assert_allclose([at_least, at_most], plain, rtol=1e-6, atol=1e-12)
    elif mean > 1e-9:
        # Many numbers and their chances: mean and variance as said.
        many = np.arange(0, 20_000)
        chance = np.diff(number_tails(many, np.array(mean), np.array(phi))[1], prepend=0.0)
        assert chance @ many == pytest.approx(mean, rel=1e-6)
        assert chance @ (many - mean) ** 2 == pytest.approx(phi * mean, rel=1e-5)


def test_nothing_expected_nothing_recorded_and_no_window():
    nothing, crime = scene([[0.0, 0.0]], [[1, 0]])
    for phi in (1.0, 3.0):
        found = ppe.n_test(nothing, crime, dispersion=phi)
        assert (found.d1.item(), found.d2.item(), found.p.item()) == (0, 1, 0)
        found = ppe.n_test(nothing, crime * 0, dispersion=phi)
        assert (found.d1.item(), found.d2.item(), found.p.item()) == (1, 1, 1)
    quiet = ppe.n_test(*scene([[0.5, 0.5]], [[0, 0]]))
    assert (quiet.d1.item(), quiet.d2.item()) == (1, pytest.approx(np.exp(-1)))
    none = ppe.n_test(nothing.isel(window=slice(0, 0)), crime.isel(window=slice(0, 0)))
    assert np.isnan([none.d1, none.d2, none.p]).all()


def test_dispersion_by_hand_and_its_edges():
    risk, crimes = scene([[1.0, 1.0]] * 3, [[1, 0], [2, 2], [3, 4]])
    found = ppe.dispersion(risk, crimes)
    assert found.item() == pytest.approx((9 / 4 + 0 + 9 / 4) / 2, abs=1e-15)
    assert (found.attrs["nights"], found.attrs["better"]) == (3, "1")
    # The level is taken out.
    assert ppe.dispersion(risk.copy(data=7 * risk), crimes).item() == pytest.approx(found.item(), rel=1e-14)
    # No crime, one night, a night that expected nothing.
    assert np.isnan(ppe.dispersion(risk, crimes * 0))
    assert np.isnan(ppe.dispersion(*scene([[1.0, 1.0]], [[2, 1]])))
    assert ppe.dispersion(*scene([[1.0], [1.0], [0.0]], [[1], [3], [0]])).item() == pytest.approx(1.0)
    assert ppe.dispersion(*scene([[1.0], [1.0], [0.0]], [[1], [3], [1]])).item() == np.inf
    assert np.isnan(ppe.dispersion(*scene([[0.0], [0.0]], [[1], [3]])))


@given(st.lists(st.tuples(st.floats(0.1, 9.0), st.integers(0, 9)), min_size=2, max_size=8))
def test_dispersion_equals_that_of_plain_loops(told):
    expected, crimes = ([pair[side] for pair in told] for side in (0, 1))
    if not sum(crimes):
        return
    found = estimate_dispersion(np.array(expected), np.array(crimes, dtype=float)).item()
    assert found == pytest.approx(naive.dispersion(expected, crimes), rel=1e-12)
    turned = estimate_dispersion(np.array(expected)[::-1], np.array(crimes, dtype=float)[::-1]).item()
    assert turned == pytest.approx(found, rel=1e-12)


def test_dispersion_finds_the_one_that_was_put_in():
    rng = np.random.default_rng(5)
    for phi, nearly in ((1.0, 0.05), (3.0, 0.2)):
        mean = np.array([8.0, 12.0, 20.0] * 10)
        drawn = (
            rng.poisson(mean, (400, 30)) if phi == 1 else rng.negative_binomial(mean / (phi - 1), 1 / phi, (400, 30))
        )
        found = [estimate_dispersion(mean, row.astype(float)).item() for row in drawn]
        assert np.mean(found) == pytest.approx(phi, abs=nearly)
        if phi == 1:
            # As the docs say, it strays by sqrt(2 / (T - 1)).
            assert np.std(found) == pytest.approx(np.sqrt(2 / 29), rel=0.15)


def test_p_is_uniform_of_poisson_nights_and_too_often_small_of_clustered_ones():
    """At 5 %: crimes in clusters fail a right forecast in a third of all cases, unless the test knows of them."""
    rng = np.random.default_rng(8)
    mean, draws = 60.0, 4000
    plain = number_tails(rng.poisson(mean, draws).astype(float), np.full(draws, mean), np.ones(draws))
    p = np.minimum(1, 2 * np.minimum(*plain))
    for level in (0.05, 0.2, 0.5):
        assert level * 0.6 < (p <= level).mean() <= level + 0.02
    clustered = rng.negative_binomial(mean / 3, 1 / 4, draws).astype(float)
    wrong = np.minimum(1, 2 * np.minimum(*number_tails(clustered, np.full(draws, mean), np.ones(draws))))
    right = np.minimum(1, 2 * np.minimum(*number_tails(clustered, np.full(draws, mean), np.full(draws, 4.0))))
    assert (wrong <= 0.05).mean() > 0.25
    assert (right <= 0.05).mean() <= 0.06


def test_estimated_dispersion_makes_room_for_clusters():
    rng = np.random.default_rng(3)
    rates, failed = np.full((30, 1), 10.0), {1.0: 0, "estimate": 0}
    for _ in range(60):
        risk, crimes = many_nights(rates, rng.negative_binomial(10 / 3, 1 / 4, (30, 1)))
        for phi in failed:
            found = ppe.n_test(risk, crimes, dispersion=phi)
            failed[phi] += found.p.item() <= 0.05
        told = ppe.dispersion(risk, crimes).item()
        assert found.dispersion.item() == max(1.0, told)
    assert failed[1.0] > 15
    assert failed["estimate"] <= 7
    # Nights more even than chance make no test stricter than Poisson.
    even = ppe.n_test(*scene([[1.0]] * 4, [[1]] * 4), dispersion="estimate")
    assert (even.dispersion.item(), even.d2.item()) == (1, pytest.approx(stats.poisson.cdf(4, 4.0)))
    one_night = ppe.n_test(*scene([[1.0]], [[2]]), dispersion="estimate")
    assert np.isnan([one_night.p, one_night.d1, one_night.dispersion]).all()


def test_forecasters_are_tested_side_by_side():
    """To the last digit, though sums of many cells round differently in another order."""
    rng = np.random.default_rng(4)
    one, crimes = scene(rng.random((3, 300)), rng.integers(0, 3, (3, 300)))
    together = one.expand_dims(forecaster=["A", "B"]).copy(data=rng.random((2, 3, 1, 300)))
    for function in (ppe.dispersion, lambda *both: ppe.n_test(*both, dispersion="estimate")):
        found = function(together.transpose("x", "forecaster", "y", "window"), crimes)
        assert found.forecaster.values.tolist() == ["A", "B"]
        for name in ("A", "B"):
            single = function(together.sel(forecaster=name), crimes)
            xr.testing.assert_equal(found.sel(forecaster=name, drop=True), single)


@given(expecting, st.randoms(use_true_random=False))
def test_the_order_of_cells_and_nights_does_not_matter(city, random):
    rates, crimes = bins_of(city)
    rows, columns = list(range(len(rates))), list(range(rates.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    before, after = scene(rates, crimes), scene(rates[rows][:, columns], crimes[rows][:, columns])
    xr.testing.assert_allclose(ppe.n_test(*before, dispersion=2), ppe.n_test(*after, dispersion=2), rtol=1e-10)
    xr.testing.assert_allclose(ppe.dispersion(*before), ppe.dispersion(*after), rtol=1e-10)
    rough = (before[0] * 1.1).astype("float32").assign_attrs(before[0].attrs)
    fine = (before[0] * 1.1).assign_attrs(before[0].attrs)
    xr.testing.assert_allclose(ppe.n_test(rough, before[1]), ppe.n_test(fine, before[1]), rtol=1e-5, atol=1e-6)


def test_crimes_where_none_was_expected_are_counted():
    """A tool that masks cells of rate zero would find 1 crime here, as expected, and be content."""
    found = ppe.n_test(*scene([[1.0, 0.0]], [[1, 9]]))
    assert found.observed.item() == 10
    assert found.d1.item() < 1e-6


@pytest.mark.parametrize("function", [ppe.n_test, ppe.dispersion])
def test_spread_times_overlaps_and_other_kinds_are_refused(function):
    frame = pd.DataFrame({"x": [10.0, 10.0], "y": 10.0, "t": "2018-05-01 18:00", "last": "2018-05-02 06:00"})
    events = ppe.Events.from_frame(
        frame, happened="t", happened_until="last", crs=CRS, tz=TZ, observed=[("2018-05-01", "2018-05-03")]
    )
    grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs=CRS)
    risk = ppe.make_surface(np.full((2, 1, 2), 0.5), grid, nights(2), kind="expected_count")
    # Two halves make a whole number of crimes, and are none the less uncertain.
    with pytest.raises(InputError, match=r"2 cells of a window hold fractions of crimes.*method='midpoint'"):
        function(risk, events)
    assert np.isfinite(function(risk, events, method="start").to_array() if function is ppe.n_test else 1).all()
    city = city_of([[1.0, 1.0]], [[0.5, 1]], [1, 1], "expected_count")
    with pytest.raises(InputError, match="1 cells of a window hold fractions"):
        function(city.risk, city.crimes)
    days = Schedule(start="2018-05-01", end="2018-05-03", horizon="2D", tz=TZ)
    twice = ppe.make_surface(np.full((2, 1, 2), 0.5), grid, days, kind="expected_count")
    with pytest.raises(InputError, match=r"1 of 2 windows begin before .* the same crime more than once"):
        function(twice, twice.copy(data=np.zeros((2, 1, 2))).assign_attrs(grid=grid.fingerprint))
    with pytest.raises(InputError, match="does not say how many crimes it expects"):
        function(risk.assign_attrs(kind="score"), risk)
    with pytest.raises(NotComparableError, match="shape"):
        function(risk, city.crimes.assign_attrs(grid=None))


@pytest.mark.parametrize("phi", [0.5, 0, -1, np.nan, np.inf, True, "2", None, [1.0, 2.0]])
def test_a_dispersion_that_is_none_is_refused(phi):
    risk, crimes = scene([[1.0, 1.0]], [[0, 1]])
    with pytest.raises(InputError, match=r"dispersion=.*1 or more.*'estimate'") as caught:
        ppe.n_test(risk, crimes, dispersion=phi)
    assert ("varies no less than Poisson" in str(caught.value)) == (phi in (0.5, 0) and phi is not False)
    assert ppe.n_test(risk, crimes, dispersion=xr.DataArray(2.0)).dispersion.item() == 2
