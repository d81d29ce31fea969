"""S, L and CL: every draw listed, pyCSEP, edges, and numbers that depend on nothing but surface, crimes and seed."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError, Schedule
from predpol_eval.consistency.catalogues import Places, _cluster_sizes, joint_log_likelihood, simulated_log_likelihoods
from tests.consistency import pycsep
from tests.consistency.scenes import bins_of, scene, whole
from tests.naive import consistency as naive
from tests.strategies import TZ, cities, city_of, row_of_cells

TESTS = {"S": ppe.s_test, "L": ppe.l_test, "CL": ppe.cl_test}
each = pytest.mark.parametrize("name", TESTS)
expecting = cities(most_cells=5, most_windows=2, kinds=("expected_count",)).map(whole)


def statistic(name, rates, crimes):
    """Log-likelihood by plain loops."""
    if name == "S":
        by_cell = rates.sum(axis=0)
        scaled = by_cell * crimes.sum() / rates.sum() if rates.sum() else by_cell
        return naive.log_likelihood(scaled.tolist(), crimes.sum(axis=0).tolist())
    return naive.log_likelihood(rates.ravel().tolist(), crimes.ravel().tolist())


@each
@given(expecting, st.sampled_from([None, 0.125]))
def test_the_statistic_equals_that_of_plain_loops(name, city, floor):
    rates, crimes = bins_of(city)
    found = TESTS[name](city.risk, city.crimes, seed=1, simulations=9, floor=floor)
    if not crimes.sum() and name != "L":
        assert np.isnan([found.p, found.statistic]).all()
        return
    told = statistic(name, np.maximum(rates, floor or 0), crimes)
    np.testing.assert_allclose(found.statistic.item(), told, rtol=1e-12, atol=1e-12)
    if told == -math.inf:
        assert found.p.item() == 1 / 10
    assert 1 / 10 <= found.p.item() <= 1


CASES = [
    ([[0.5, 0.3, 0.2]], [[2, 1, 0]]),
    ([[0.9, 0.4, 0.1]], [[0, 1, 2]]),
    ([[0.4, 0.4, 0.4]], [[1, 1, 2]]),
    ([[0.6, 0.1], [0.2, 0.3]], [[1, 0], [2, 0]]),
    ([[0.7, 0.0, 0.5]], [[2, 0, 1]]),
]


@each
@pytest.mark.parametrize("phi", [1.0, 1.8])
@pytest.mark.parametrize(("rates", "crimes"), CASES)
def test_p_is_the_share_of_all_draws_listed(name, phi, rates, crimes):
    """The quantile is that of the law itself, every set of crimes weighed by its chance, but for the draws."""
    table, counts = np.array(rates), np.array(crimes)
    if name == "S":
        bins, recorded = table.sum(axis=0) * counts.sum() / table.sum(), counts.sum(axis=0)
    else:
        bins, recorded = table.ravel(), counts.ravel()
    exact = min(1.0, naive.chance_of_no_more(bins.tolist(), recorded.tolist(), phi, draw_number=name == "L"))
    found = TESTS[name](*scene(rates, crimes), seed=11, simulations=3999, dispersion=phi).p.item()
    assert found == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 4000) + 0.001)


@pytest.mark.parametrize("seed", range(2))
def test_they_are_those_of_pycsep(seed):
    rng = np.random.default_rng(seed)
    rates = rng.gamma(1.0, 1.0, (4, 6))
    crimes = rng.poisson(rates.mean(axis=1, keepdims=True) * np.ones(6))
    forecast, catalog = pycsep.forecast_and_catalog(rates, crimes)
    theirs = {
        "S": pycsep.poisson.spatial_test,
        "L": pycsep.poisson.likelihood_test,
        "CL": pycsep.poisson.conditional_likelihood_test,
    }
    for name, test in theirs.items():
        result = test(forecast, catalog, num_simulations=1500, seed=seed)
        found = TESTS[name](*scene(rates, crimes), seed=seed, simulations=1499)
        assert found.statistic.item() == pytest.approx(float(result.observed_statistic), abs=1e-9)
        # Theirs is #{draw <= recorded} / B; ours counts the record as one more draw.
        assert found.p.item() == pytest.approx(float(result.quantile), abs=0.07)
        quantiles = np.quantile(result.test_distribution, found["quantile"])
        np.testing.assert_allclose(found.simulated, quantiles, atol=2.5)


@each
def test_the_same_seed_gives_the_same_whoever_else_is_there(name):
    rng = np.random.default_rng(4)
    one, crimes = scene(rng.random((3, 5)), rng.integers(0, 3, (3, 5)))
    together = one.expand_dims(kind=["x", "y", "z"], forecaster=["A", "B"]).copy(data=rng.random((3, 2, 3, 1, 5)))
    found = TESTS[name](together, crimes, seed=3, simulations=49, dispersion=1.5)
    assert found.p.dims == ("kind", "forecaster")
    assert found.simulated.dims == ("kind", "forecaster", "quantile")
    for kind in ("x", "z"):
        single = TESTS[name](together.sel(kind=kind, forecaster=["B"]), crimes, seed=3, simulations=49, dispersion=1.5)
        xr.testing.assert_equal(
            found.sel(kind=kind, drop=True).sel(forecaster=["B"]), single.drop_vars("kind", errors="ignore")
        )
    again = TESTS[name](together, crimes, seed=3, simulations=49, dispersion=1.5)
    xr.testing.assert_identical(found, again)
    other = TESTS[name](together, crimes, seed=4, simulations=49, dispersion=1.5)
    assert (found.simulated != other.simulated).any()


@each
@settings(max_examples=20)
@given(expecting, st.randoms(use_true_random=False), st.sampled_from([1.0, 2.0]))
def test_the_order_of_cells_and_nights_changes_no_p(name, city, random, phi):
    rates, crimes = bins_of(city)
    rows, columns = list(range(len(rates))), list(range(rates.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    told = [
        TESTS[name](*scene(table, counts), seed=5, simulations=19, dispersion=phi)
        for table, counts in ((rates, crimes), (rates[rows][:, columns], crimes[rows][:, columns]))
    ]
    assert told[0].p.item() == pytest.approx(told[1].p.item(), nan_ok=True)
    np.testing.assert_allclose(told[0].statistic, told[1].statistic, rtol=1e-12)
    np.testing.assert_allclose(told[0].simulated, told[1].simulated, rtol=1e-10, atol=1e-10)


@given(expecting, st.sampled_from([0.25, 4.0]))
def test_the_level_matters_to_l_alone(city, factor):
    louder = city.risk.copy(data=city.risk * factor)
    place, louder_place = (ppe.s_test(risk, city.crimes, seed=2, simulations=19) for risk in (city.risk, louder))
    np.testing.assert_allclose(place.statistic, louder_place.statistic, rtol=1e-12, atol=1e-12)
    assert place.p.item() == pytest.approx(louder_place.p.item(), nan_ok=True)
    given_number = [ppe.cl_test(risk, city.crimes, seed=2, simulations=19).p.item() for risk in (city.risk, louder)]
    assert given_number[0] == pytest.approx(given_number[1], nan_ok=True)


def test_l_is_blind_to_too_many_expected_and_sees_too_few():
    rng = np.random.default_rng(1)
    rates = np.full((2, 40), 0.2)
    crimes = rng.poisson(rates)
    found = {factor: ppe.l_test(*scene(factor * rates, crimes), seed=1).p.item() for factor in (0.2, 1.0, 3.0)}
    assert found[0.2] < 0.01
    assert found[1.0] > 0.05
    assert found[3.0] > 0.95
    assert ppe.n_test(*scene(3 * rates, crimes)).p.item() < 0.01


def test_no_crime_one_crime_one_cell():
    for name, test in TESTS.items():
        quiet = test(*scene([[0.5, 0.3]], [[0, 0]]), seed=1, simulations=99)
        if name == "L":
            # Nothing is the most probable record there is.
            assert (quiet.p.item(), quiet.statistic.item()) == (1, -0.8)
        else:
            assert np.isnan([quiet.p, quiet.statistic]).all()
            assert quiet.simulated.isnull().all()
        alike = test(*scene([[0.5, 0.5, 0.5]], [[0, 1, 0]]), seed=1, simulations=99)
        single = test(*scene([[2.0]], [[3]]), seed=1, simulations=99)
        if name != "L":
            # All draws are as probable as the record: ties count.
            assert (alike.p.item(), single.p.item()) == (1, 1)
        none = [data.isel(window=slice(0, 0)) for data in scene([[0.5, 0.3]], [[0, 0]])]
        assert np.isnan(test(*none, seed=1).p)


@each
@pytest.mark.parametrize("phi", [1.0, 2.0])
def test_a_zero_at_a_crime_is_the_least_probable_of_all(name, phi):
    found = TESTS[name](*scene([[0.0, 5.0]], [[1, 4]]), seed=1, simulations=99, dispersion=phi)
    assert (found.statistic.item(), found.p.item()) == (-math.inf, 0.01)
    assert np.isfinite(found.simulated).all()
    floored = TESTS[name](*scene([[0.0, 5.0]], [[1, 4]]), seed=1, simulations=99, dispersion=phi, floor=0.5)
    assert floored.p.item() > 0.01
    assert floored.statistic.attrs["floor"] == 0.5
    # Nothing expected anywhere.
    nothing = TESTS[name](*scene([[0.0, 0.0]], [[1, 0]]), seed=1, simulations=99, dispersion=phi)
    assert (nothing.statistic.item(), nothing.p.item()) == (-math.inf, 0.01)


def test_nothing_expected_and_nothing_recorded():
    found = ppe.l_test(*scene([[0.0, 0.0]], [[0, 0]]), seed=1, simulations=99)
    assert (found.p.item(), found.statistic.item()) == (1, 0)


def test_a_cell_of_rate_zero_on_one_night_may_have_crimes_of_another():
    """S sums the nights; CL does not."""
    both = scene([[0.0, 2.0], [2.0, 0.5]], [[1, 1], [1, 1]])
    assert np.isfinite(ppe.s_test(*both, seed=1, simulations=19).statistic)
    assert ppe.cl_test(*both, seed=1, simulations=19).statistic.item() == -math.inf


@pytest.mark.parametrize("name", ["S", "CL"])
def test_clusters_fail_poisson_and_not_the_law_that_knows_them(name):
    """Cells whose counts cluster: at 5 %, Poisson rejects the true surface most of the time; phi does not."""
    rng = np.random.default_rng(6)
    rates, phi, failed = rng.gamma(1.0, 1.0, (1, 60)), 3.0, {1.0: 0, 3.0: 0}
    for draw in range(40):
        crimes = rng.negative_binomial(rates / (phi - 1), 1 / phi)
        for law in failed:
            failed[law] += (
                TESTS[name](*scene(rates, crimes), seed=draw, simulations=59, dispersion=law).p.item() <= 0.05
            )
    assert failed[1.0] > 20
    assert failed[3.0] <= 6


@each
def test_p_of_true_surfaces_is_uniform(name):
    rng = np.random.default_rng(2)
    rates = rng.gamma(1.0, 1.0, (2, 12))
    p = np.array(
        [TESTS[name](*scene(rates, rng.poisson(rates)), seed=draw, simulations=39).p.item() for draw in range(100)]
    )
    for level in (0.1, 0.25, 0.5, 0.75):
        assert abs((p <= level).mean() - level) < 4 * math.sqrt(level * (1 - level) / 100)


# What is drawn ------------------------------------------------------------------------------------------------


@given(st.integers(0, 200), st.integers(1, 300))
def test_places_are_those_of_a_plain_search(seed, bins):
    rng = np.random.default_rng(seed)
    reach = np.cumsum(np.sort(rng.gamma(0.2, 1.0, bins) + 1e-12)[::-1])
    share = np.concatenate([rng.random(50), [0.0], reach[:-1][:20] / reach[-1]])
    share = share[share < 1]
    expected = np.minimum(np.searchsorted(reach, share * reach[-1], side="right"), bins - 1)
    np.testing.assert_array_equal(Places(reach).bins(share), expected)


@pytest.mark.parametrize("opening", [0.3, 4.0, 1e12])
def test_clusters_are_those_of_the_urn(opening):
    rng = np.random.default_rng(1)
    drawn = [_cluster_sizes(30, opening, rng) for _ in range(2000)]
    assert all(sizes.sum() == 30 and sizes.min() >= 1 for sizes in drawn)
    expected = (opening / (opening + np.arange(30))).sum()
    assert np.mean([len(sizes) for sizes in drawn]) == pytest.approx(expected, rel=0.03)
    # Two crimes are of one cluster with chance 1 / (1 + opening).
    pairs = np.mean([(sizes * (sizes - 1)).sum() for sizes in drawn]) / (30 * 29)
    assert pairs == pytest.approx(1 / (1 + opening), abs=0.02)


@pytest.mark.parametrize("phi", [1.0, 2.5])
def test_the_number_drawn_has_the_mean_and_variance_of_the_law(phi):
    """One bin: the log-likelihood tells the number, here in the order of likelihood only, so by its chances."""
    rates = np.array([3.0])
    drawn = simulated_log_likelihoods(rates, None, phi, np.random.default_rng(2), 6000)
    for number in (0, 2, 3, 8):
        told = joint_log_likelihood(rates, np.array([float(number)]))
        same = [k for k in range(60) if abs(joint_log_likelihood(rates, np.array([float(k)])) - told) < 1e-9]
        expected = sum(naive.number_chance(k, 3.0, phi) for k in same)
        assert np.mean(np.abs(drawn - told) < 1e-9) == pytest.approx(expected, abs=0.025)


def test_a_whole_city_fits_in_memory():
    """A tenth of a city and quarter: what is held grows with bins and with crimes, not with their product or draws."""
    grid = row_of_cells([1.0] * 2560)
    days = Schedule(start="2018-05-01", end="2018-08-01", tz=TZ)
    rng = np.random.default_rng(1)
    rates = rng.gamma(0.3, 1.0, (92, 1, 2560))
    rates *= 2700 / rates.sum()
    risk = ppe.make_surface(rates, grid, days, kind="expected_count")
    crimes = risk.copy(data=rng.poisson(rates).astype(float)).assign_attrs(grid=grid.fingerprint)
    tracemalloc.start()
    try:
        found = ppe.cl_test(risk, crimes, seed=1, simulations=60)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0 < found.p.item() <= 1
    assert peak < 15 * rates.nbytes


# What is refused ----------------------------------------------------------------------------------------------


@each
def test_what_cannot_be_tested_is_refused(name):
    test = TESTS[name]
    city = city_of([[1.0, 1.0]], [[0.5, 1]], [1, 1], "expected_count")
    with pytest.raises(InputError, match=rf"1 cells .* fractions of crimes.*the {name}-test counts whole crimes"):
        test(city.risk, city.crimes, seed=1)
    risk, crimes = scene([[1.0, 1.0]], [[0, 1]])
    for bad in (-1, 1.5, True, None, "1"):
        with pytest.raises(InputError, match=r"seed=.*whole number of 0 or more"):
            test(risk, crimes, seed=bad)
    for bad in (0, 99.0, True):
        with pytest.raises(InputError, match=r"simulations=.*whole number of 1 or more"):
            test(risk, crimes, seed=1, simulations=bad)
    with pytest.raises(InputError, match=r"dispersion=0\.5; a negative binomial varies no less"):
        test(risk, crimes, seed=1, dispersion=0.5)
    with pytest.raises(InputError, match="floor=0"):
        test(risk, crimes, seed=1, floor=0)
    for kind in ("score", "flags"):
        with pytest.raises(InputError, match=f"so it has no {name}-test"):
            test(risk.assign_attrs(kind=kind), crimes, seed=1)
    other = city_of([[1.0, 1.0]], [[1, 0]], [1, 2], "expected_count")
    with pytest.raises(NotComparableError, match="another grid"):
        test(risk, other.crimes, seed=1)
    days = Schedule(start="2018-05-01", end="2018-05-03", horizon="2D", tz=TZ)
    grid = row_of_cells([1.0, 1.0])
    twice = ppe.make_surface(np.full((2, 1, 2), 0.5), grid, days, kind="expected_count")
    with pytest.raises(InputError, match="windows begin before"):
        test(twice, twice.copy(data=np.ones((2, 1, 2))).assign_attrs(grid=grid.fingerprint), seed=1)


@each
def test_dispersion_may_be_estimated(name):
    risk, crimes = scene([[1.0, 1.0]] * 4, [[0, 1], [5, 4], [0, 0], [2, 0]])
    found = TESTS[name](risk, crimes, seed=1, simulations=19, dispersion="estimate")
    assert found.dispersion.item() == max(1.0, ppe.dispersion(risk, crimes).item()) > 1
    same = TESTS[name](risk, crimes, seed=1, simulations=19, dispersion=found.dispersion)
    assert same.p.item() == found.p.item()
    one = TESTS[name](risk.isel(window=[0]), crimes.isel(window=[0]), seed=1, simulations=19, dispersion="estimate")
    assert np.isnan(one.p)
    assert np.isfinite(one.statistic)


def test_crimes_of_no_city_are_not_drawn():
    """In other units a surface may expect more crimes than fit in memory: that is said, where they would be drawn."""
    risk, crimes = scene([[5e9, 5e9]], [[1, 0]])
    with pytest.raises(InputError, match=r"expects 1e\+10 crimes .* at most 20,000,000.*fewer windows"):
        ppe.l_test(risk, crimes, seed=1)
    for test in (ppe.s_test, ppe.cl_test):
        assert np.isfinite(test(risk, crimes, seed=1, simulations=9).statistic), "as many are drawn as were recorded"


@each
def test_every_number_says_what_it_is(name):
    found = TESTS[name](*scene([[1.0, 1.0]], [[0, 1]]), seed=1, simulations=9)
    for part, values in found.data_vars.items():
        assert {"long_name", "units", "better", "definition", "reference"} <= set(values.attrs), part


@each
def test_without_a_window_nothing_is_known(name):
    risk, crimes = scene([[1.0, 1.0]], [[0, 1]])
    found = TESTS[name](risk.isel(window=slice(0, 0)), crimes.isel(window=slice(0, 0)), seed=1, simulations=9)
    assert np.isnan([found.p, found.statistic]).all()
