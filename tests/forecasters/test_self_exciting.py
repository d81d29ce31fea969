"""SelfExciting: its likelihood and EM against the naive twin, its forecast by the digit, and what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize

import predpol_eval as ppe
from predpol_eval.forecasters.base import Fitted, Forecaster
from predpol_eval.forecasters.hawkes.cell_fit import fit_cells, half_panel
from predpol_eval.forecasters.hawkes.cell_forecast import expected_count
from predpol_eval.forecasters.hawkes.cells import Parameters, crimes_by_cell, em_step, log_likelihood, profile
from predpol_eval.forecasters.self_exciting import SelfExciting
from predpol_eval.simulate import simulate_self_exciting
from tests.naive import self_exciting as naive

TZ = "Europe/London"
CRS = "EPSG:27700"
GRID = ppe.Grid.from_bounds(0, 0, 1000, 750, cell=250, crs=CRS)


def in_cells(t, cell, ends=(100.0,), starts=(0.0,), min_step=1e-6, shared=False):
    """Crimes as the likelihood wants them; a shared background falls evenly on the cells 0, 1, ..., 9."""
    t, cell = np.asarray(t, dtype=float), np.asarray(cell, dtype=np.int64)
    share = np.full(t.size, 0.1 if shared else 1.0)
    return crimes_by_cell(t, cell, share, np.asarray(starts), np.asarray(ends), min_step, shared=shared)


def small_city(seed, cells=6, days=100.0, theta=0.4, omega=0.5, mu=0.12):
    """Branching crimes in a few cells, in the order in which the twin wants them: by cell, then time."""
    rng = np.random.default_rng(seed)
    out = []
    for cell in range(cells):
        t = rng.uniform(0, days, rng.poisson(mu * days) + 1).tolist()
        for moment in t:
            later = moment + rng.exponential(1 / omega, rng.poisson(theta))
            t.extend(later[later < days].tolist())
        out += [(moment, cell) for moment in sorted(t)]
    return np.array([row[0] for row in out]), np.array([row[1] for row in out])


def table(t, x=100.0, y=100.0, **options):
    """Events of times in days after 2018-01-01, in the south-western cell of GRID unless told otherwise."""
    moments = pd.Timestamp("2018-01-01") + pd.to_timedelta(np.round(np.asarray(t, float) * 86400e9), unit="ns")
    frame = pd.DataFrame({"t": moments, "x": x, "y": y})
    options = {"crs": CRS, "tz": "UTC", "observed": [("2018-01-01", "2018-04-11")]} | options
    return ppe.Events.from_frame(frame, **options)


@pytest.fixture(scope="module")
def city():
    """Two years in twelve cells, theta 0.5 and omega 1, each cut by nothing."""
    made = simulate_self_exciting(
        GRID, start="2016-01-01", end="2018-01-01", tz=TZ, theta=0.5, omega=1.0, mu=2.0, seed=6, burn_in="40D"
    )
    return made.events


@pytest.fixture(scope="module")
def fitted(city):
    return SelfExciting().fit(city, GRID, until="2018-01-01")


def days(start, end, tz=TZ):
    return ppe.Schedule(start=start, end=end, tz=tz).windows


# The likelihood and EM ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("periods", [((0.0,), (100.0,)), ((0.0, 60.0, 80.0), (40.0, 70.0, 100.0))])
def test_a_step_of_em_equals_the_naive_twin(seed, periods):
    t, cell = small_city(seed)
    seen = np.zeros(t.size, dtype=bool)
    for start, end in zip(*periods, strict=True):
        seen |= (t >= start) & (t < end)
    t, cell = np.floor(t[seen] * 4) / 4, cell[seen]
    starts, ends = periods
    crimes = in_cells(t, cell, ends, starts, min_step=1 / 4)
    assert (np.diff(crimes.t) == 0).any()
    theta, omega = 0.3, 0.8
    mu = {name: 0.01 + 0.02 * name for name in sorted(set(cell.tolist()))}
    ours = Parameters(theta, omega, np.array(list(mu.values())))
    slow = naive.log_likelihood(t, cell, theta, omega, mu, starts, ends, 1 / 4)
    assert log_likelihood(crimes, ours) == pytest.approx(slow, rel=1e-10)
    stepped = em_step(crimes, ours, crimes.decay(omega), (1e-6, 24.0))
    new_theta, new_omega, new_mu = naive.em_step(t, cell, theta, omega, mu, starts, ends, 1 / 4)
    assert stepped.theta == pytest.approx(new_theta, rel=1e-10)
    assert stepped.omega == pytest.approx(new_omega, rel=1e-10)
    assert_allclose(stepped.mu, list(new_mu.values()), rtol=1e-10)


def test_the_compensator_is_the_integral_over_observed_time():
    t, starts, ends = [1.0, 3.0, 12.0], [0.0, 10.0], [4.0, 15.0]
    crimes = in_cells(t, [0, 0, 0], ends, starts)
    theta, omega, mu = 0.7, 0.9, 0.2
    grid = np.concatenate([np.arange(a, b, 1e-4) + 5e-5 for a, b in zip(starts, ends, strict=True)])
    rate = mu + sum(theta * omega * np.exp(-omega * (grid - s)) * (grid > s) for s in t)
    at = [mu + sum(theta * omega * math.exp(-omega * (b - a)) for a in t if a < b) for b in t]
    brute = np.log(at).sum() - rate.sum() * 1e-4
    assert log_likelihood(crimes, Parameters(theta, omega, np.array([mu]))) == pytest.approx(brute, abs=1e-4)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("periods", [((0.0,), (100.0,)), ((0.0, 60.0), (40.0, 100.0))])
def test_derivatives_of_the_profile_likelihood(shared, periods):
    t, cell = small_city(3)
    t, cell = t[(t < 40) | (t >= 60)], cell[(t < 40) | (t >= 60)]
    crimes = in_cells(t, cell, periods[1], periods[0], shared=shared)

    def at(theta, omega):
        guess = crimes.by_group(np.ones(t.size)) / crimes.days
        return profile(crimes, Parameters(theta, omega, guess), crimes.decay(omega))

    theta, omega, h = 0.35, 0.6, 1e-4
    here = at(theta, omega)
    up = math.exp(h)
    by_theta, by_omega = (at(theta * up, omega), at(theta / up, omega)), (at(theta, omega * up), at(theta, omega / up))
    for position, (high, low) in enumerate((by_theta, by_omega)):
        slope = (high.log_likelihood - low.log_likelihood) / (2 * h)
        assert here.slope[position] == pytest.approx(slope, rel=1e-4, abs=1e-4)
        assert_allclose(here.curvature[position], (high.slope - low.slope) / (2 * h), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", [11, 12])
def test_the_fit_is_where_naive_em_ends(seed):
    t, cell = small_city(seed, cells=4, days=150.0, mu=0.1)
    crimes = in_cells(t, cell, (150.0,))
    ours = fit_cells(crimes)
    assert ours.converged
    names = sorted(set(cell.tolist()))
    mu = dict(zip(names, 1.1 * ours.mu, strict=True))
    theta, omega, mu = naive.em(t, cell, 0.7 * ours.theta, 1.5 * ours.omega, mu, [0.0], [150.0], 1e-6, 400)
    assert ours.theta == pytest.approx(theta, rel=1e-4)
    assert ours.omega == pytest.approx(omega, rel=1e-4)
    assert_allclose(ours.mu, list(mu.values()), rtol=1e-4)
    # A fixed point of the twin's step.
    again = naive.em_step(t, cell, ours.theta, ours.omega, dict(zip(names, ours.mu, strict=True)), [0.0], [150.0], 1e-6)
    assert again[:2] == pytest.approx((ours.theta, ours.omega), rel=1e-5)


@pytest.mark.parametrize("shared", [False, True])
def test_nothing_beats_the_fit(shared):
    t, cell = small_city(21, cells=3, days=150.0, mu=0.15)
    crimes = in_cells(t, cell, (150.0,), shared=shared)
    ours = fit_cells(crimes)
    groups = len(ours.mu)

    def loss(logs):
        theta, omega, *mu = np.exp(logs)
        return -log_likelihood(crimes, Parameters(theta, omega, np.array(mu)))

    best = min(
        (
            minimize(
                loss,
                np.log([theta, omega, *([0.1] * groups)]),
                method="Nelder-Mead",
                options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000, "adaptive": True},
            )
            for theta in (0.2, 0.6)
            for omega in (0.05, 0.5, 5.0)
        ),
        key=lambda found: found.fun,
    )
    assert ours.log_likelihood_path[-1] == pytest.approx(-best.fun, abs=1e-7)
    assert_allclose(np.log([ours.theta, ours.omega, *ours.mu]), best.x, atol=1e-4)


@given(
    st.lists(st.tuples(st.integers(0, 24 * 50 - 1), st.integers(0, 3)), min_size=2, max_size=60),
    st.booleans(),
    st.sampled_from([((0.0,), (50.0,)), ((0.0, 30.0), (20.0, 50.0))]),
)
def test_whatever_the_crimes_the_path_rises_and_ends(rows, shared, periods):
    t, cell = np.array(rows).T
    t = t / 24
    seen = (t < 20) | (t >= 30) | (len(periods[0]) == 1)
    t, cell = t[seen], cell[seen]
    if t.size < 2:
        return
    crimes = in_cells(t, cell, periods[1], periods[0], min_step=1 / 24, shared=shared)
    fit = fit_cells(crimes)
    assert (np.diff(fit.log_likelihood_path) >= 0).all()
    assert fit.converged
    assert fit.theta >= 0
    assert (fit.mu > 0).all()
    assert np.isfinite(fit.log_likelihood_path).all()
    alone = crimes.by_group(np.ones(t.size)) / crimes.days
    nothing = np.log(crimes.per_crime(alone)).sum() - t.size
    assert fit.log_likelihood_path[-1] >= nothing - 1e-9 * abs(nothing)
    if fit.theta > 0:
        value = log_likelihood(crimes, Parameters(fit.theta, fit.omega, fit.mu))
        assert value == pytest.approx(fit.log_likelihood_path[-1], rel=1e-12)
    # The long-run balance of a likeliest fit: background and repeats add up to the crimes.
    repeats = fit.theta * crimes.seen(fit.omega) if fit.theta > 0 else 0.0
    if fit.limit == "none":
        assert fit.mu.sum() * crimes.days + repeats == pytest.approx(t.size, rel=1e-3)


@pytest.mark.parametrize(
    ("hours", "cell"),
    [
        ([62, 1118, 0, 0, 12, 0, 0], [0, 0, 1, 2, 1, 0, 0]),
        ([432, 2064, 775, 149, 410, 459, 37, 348], [0] * 8),
        ([1685, 2039, 1813, 1303, 1741, 1437], [0, 1, 0, 1, 1, 0]),
    ],
)
def test_a_newton_step_that_leads_down_is_not_taken(hours, cell):
    # Found by trying: with every Newton step taken, the likelihood falls by up to 1.2 on the way.
    fit = fit_cells(in_cells(np.array(hours) / 24, cell, min_step=1 / 24))
    assert len(fit.log_likelihood_path) > 1
    assert (np.diff(fit.log_likelihood_path) >= 0).all()


def test_crime_that_only_rises_ends_at_the_slowest_decay():
    # A trend looks like repeats that take for ever: theta and 1/omega run off together, up to the limit.
    slowest = 0
    for seed in range(12):
        t = 99.99 * np.random.default_rng(seed).beta(3.0, 0.5, 60)
        crimes = in_cells(t, np.arange(60) % 3)
        fit = fit_cells(crimes)
        assert fit.converged
        assert len(fit.log_likelihood_path) <= 40
        slowest += fit.limit == "slowest"
        if fit.limit == "slowest":
            assert fit.omega == pytest.approx(crimes.limits[0], rel=1e-8)
            assert math.isfinite(fit.log_errors[0])
            assert math.isnan(fit.log_errors[1])
    assert slowest > 2


def test_a_step_that_overshoots_is_shortened():
    # Over a gap the formula for omega can jump too far: found by trying, 4 in 20,000.
    t, cell = [16.794, 17.226, 19.36, 19.656, 99.445], [0, 0, 0, 0, 0]
    starts, ends = (0.0, 60.0), (20.0, 100.0)
    theta, omega, mu = 10.59, 0.068, 0.17
    crimes = in_cells(t, cell, ends, starts)
    before = naive.log_likelihood(t, cell, theta, omega, {0: mu}, starts, ends, 1e-6)
    jump = naive.em_step(t, cell, theta, omega, {0: mu}, starts, ends, 1e-6)
    assert naive.log_likelihood(t, cell, *jump, starts, ends, 1e-6) < before - 5
    now = Parameters(theta, omega, np.array([mu]))
    stepped = em_step(crimes, now, crimes.decay(omega), (1e-3, 1e6))
    assert omega < stepped.omega < jump[1]
    assert log_likelihood(crimes, stepped) > before


def test_order_of_the_crimes_and_unit_of_time_change_nothing():
    t, cell = small_city(31)
    one = fit_cells(in_cells(t, cell))
    order = np.random.default_rng(2).permutation(t.size)
    two = fit_cells(in_cells(t[order], cell[order]))
    assert (one.theta, one.omega) == (two.theta, two.omega)
    assert np.array_equal(one.mu, two.mu)
    hours = fit_cells(in_cells(24 * t, cell, (2400.0,), min_step=24e-6))
    assert hours.theta == pytest.approx(one.theta, rel=1e-6)
    assert 24 * hours.omega == pytest.approx(one.omega, rel=1e-6)
    assert_allclose(24 * hours.mu, one.mu, rtol=1e-6)
    assert hours.log_errors == pytest.approx(one.log_errors, rel=1e-5)


def test_standard_errors_are_those_of_the_whole_information():
    # The inverse of the information on (log theta, log omega, every mu), by differences, without any profiling.
    t, cell = small_city(41, cells=3, days=150.0, mu=0.15)
    crimes = in_cells(t, cell, (150.0,))
    fit = fit_cells(crimes)
    top = np.array([fit.theta, fit.omega, *fit.mu])
    size, h = top.size, 1e-4

    def at(moves):
        theta, omega, *mu = top * np.exp(moves)
        return log_likelihood(crimes, Parameters(theta, omega, np.array(mu)))

    unit = np.eye(size) * h
    information = np.array(
        [[-(at(a + b) - at(a - b) - at(b - a) + at(-a - b)) / (4 * h**2) for b in unit] for a in unit]
    )
    whole = np.sqrt(np.diag(np.linalg.inv(information)))[:2]
    assert_allclose(fit.log_errors, whole, rtol=1e-3)


def test_the_jackknife_is_twice_the_whole_less_the_mean_of_the_halves():
    t, cell = small_city(51, cells=20, days=400.0)
    starts, ends = (0.0, 250.0), (150.0, 400.0)
    t, cell = t[(t < 150) | (t >= 250)], cell[(t < 150) | (t >= 250)]
    crimes = in_cells(t, cell, ends, starts)
    fit = fit_cells(crimes)
    early = fit_cells(in_cells(t[t < 150], cell[t < 150], (150.0,)))
    late = fit_cells(in_cells(t[t >= 250], cell[t >= 250], (400.0,), (250.0,)))
    theta, omega = half_panel(crimes, fit)
    assert theta == pytest.approx(2 * fit.theta - (early.theta + late.theta) / 2, rel=1e-9)
    assert omega == pytest.approx(fit.omega**2 / math.sqrt(early.omega * late.omega), rel=1e-9)


# What is expected -----------------------------------------------------------------------------------------


def test_expected_count_by_the_digit():
    assert float(expected_count(0.1, 0.5, 1.0, 1.0, 0.0, 1.0)) == pytest.approx(0.514775, abs=5e-7)
    first_generation_alone = 0.1 + 0.5 * (1 - math.exp(-1))
    assert first_generation_alone == pytest.approx(0.416060, abs=5e-7)


def test_the_forecast_of_a_fit_by_the_digit():
    # One crime just before T, mu 0.1 in its cell, theta 0.5 and omega 1.
    fit = SelfExciting().fit(table([3.0, 50.0, 100.0 - 1e-9]), GRID, until="2018-04-11")
    mu, excitation = np.full(GRID.shape, 0.1), np.zeros(GRID.shape)
    excitation[0, 0] = math.exp(-1e-9)
    set_by_hand = replace(fit, theta=0.5, omega=1.0, mu=mu, excitation=excitation)
    risk = set_by_hand.predict(days("2018-04-11", "2018-04-12", "UTC"))
    assert risk.to_numpy()[0, 0, 0] == pytest.approx(0.514775, abs=5e-7)
    # Without a crime the rate still rises to mu/(1 - theta): 0.2 - 0.1 (1 - exp(-0.5))/0.5.
    assert risk.to_numpy()[0, 1, 1] == pytest.approx(0.2 - 0.2 * (1 - math.exp(-0.5)), rel=1e-12)


@pytest.mark.parametrize("theta", [0.0, 0.3, 0.999999, 1.0, 1.000001, 1.4])
@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (2.0, 2.5), (0.0, 0.001), (5.0, 12.0)])
def test_expected_count_follows_its_differential_equation(theta, start, end):
    ours = float(expected_count(0.1, theta, 0.7, 1.3, start, end))
    assert ours == pytest.approx(naive.expected_count(0.1, theta, 0.7, 1.3, start, end), rel=1e-6)


def test_a_later_window_is_the_difference_of_two():
    def count(a, b):
        return float(expected_count(0.1, 0.5, 1.0, 1.0, a, b))

    assert count(2.0, 3.5) == pytest.approx(count(0.0, 3.5) - count(0.0, 2.0), rel=1e-12)


def test_the_expected_count_is_the_mean_of_what_happens():
    # Repeats of repeats over ten days after one crime, many times over.
    rng = np.random.default_rng(8)
    theta, omega, runs = 0.5, 1.0, 40_000
    total, t = 0, np.zeros(runs)
    while t.size:
        number = rng.poisson(theta, t.size)
        t = np.repeat(t, number) + rng.exponential(1 / omega, number.sum())
        t = t[t < 2.0]
        total += t.size
    expected = float(expected_count(0.0, theta, omega, 1.0, 0.0, 2.0))
    assert total / runs == pytest.approx(expected, abs=4 * math.sqrt(expected * 2 / runs))


def test_windows_add_up(fitted):
    week = fitted.predict(days("2018-01-01", "2018-01-08"))
    whole = fitted.predict(ppe.Schedule(start="2018-01-01", end="2018-01-08", horizon="7D", step="7D", tz=TZ).windows)
    assert week.attrs["kind"] == "expected_count"
    assert_allclose(week.sum("window"), whole.isel(window=0), rtol=1e-12)
    assert week.to_numpy()[0].sum() != pytest.approx(week.to_numpy()[6].sum(), rel=1e-6)


def test_data_that_end_early_are_looked_at_from_their_end():
    crimes = [1.0, 40.0, 40.5, 70.0, 70.2, 89.9]
    early = table(crimes, observed=[("2018-01-01", "2018-04-01")])
    fit = SelfExciting().fit(early, GRID, until="2018-04-06")
    same = SelfExciting().fit(early, GRID, until="2018-04-01")
    window = days("2018-04-06", "2018-04-07", "UTC")
    assert (fit.theta, fit.omega) == (same.theta, same.omega)
    expected = expected_count(same.mu, same.theta, same.omega, same.excitation, 5.0, 6.0)
    assert_allclose(fit.predict(window).to_numpy()[0], expected, rtol=1e-12)


# The forecaster -------------------------------------------------------------------------------------------


def test_a_simulated_city_is_found_again(fitted):
    assert fitted.converged
    assert fitted.iterations == len(fitted.log_likelihood_path) < 20
    assert fitted.branching_ratio == fitted.theta
    assert (np.diff(fitted.log_likelihood_path) >= 0).all()
    low, high = fitted.intervals()["theta"]
    assert low < 0.5 < high
    low, high = fitted.intervals()["omega"]
    assert low < 1.0 < high
    assert fitted.mu.sum() == pytest.approx(2.0, rel=0.1)
    assert set(fitted.standard_errors) == {"theta", "omega"}
    assert 0 < fitted.standard_errors["theta"] < 0.1
    wide, narrow = fitted.intervals(0.99)["theta"], fitted.intervals(0.5)["theta"]
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_what_a_fit_tells(fitted):
    text = repr(fitted)
    for word in ("theta", "omega", "95 % interval", "converged after", "crimes per day", "1 nanosecond"):
        assert word in text
    attrs = fitted.predict(days("2018-01-01", "2018-01-02")).attrs
    assert attrs["converged"] == 1
    assert attrs["theta"] == fitted.theta
    assert attrs["omega"] == fitted.omega
    assert attrs["iterations"] == fitted.iterations
    assert attrs["branching_ratio"] == fitted.theta
    assert attrs["forecaster"] == "SelfExciting()"
    with pytest.raises(ppe.InputError, match="level=95"):
        fitted.intervals(95)


def test_a_surface_goes_to_a_file_and_back(fitted, tmp_path):
    risk = fitted.predict(days("2018-01-01", "2018-01-03"))
    ppe.save_surface(risk, tmp_path / "risk.nc")
    assert ppe.load_surface(tmp_path / "risk.nc").identical(risk)


def test_the_future_changes_nothing(city):
    cut = np.datetime64("2017-06-01T00:00", "ns")
    moved = city.x.copy()
    moved[city.happened >= cut] = 1.0
    poisoned = replace(city, x=moved)
    window = days("2017-06-02", "2017-06-03")
    one, two = (SelfExciting().fit(events, GRID, until=cut).predict(window) for events in (city, poisoned))
    assert one.identical(two)
    assert one.to_numpy().sum() > 0


def test_crimes_outside_the_grid_do_not_count(city):
    elsewhere = table(np.linspace(1, 90, 50), x=-500.0)
    inside = table([1.0, 40.0, 40.5, 70.0])
    both = table([1.0, 40.0, 40.5, 70.0, *np.linspace(1, 90, 50)], x=[100.0] * 4 + [-500.0] * 50)
    fits = [SelfExciting().fit(events, GRID, until="2018-04-11") for events in (inside, both)]
    assert fits[0].theta == fits[1].theta
    assert np.array_equal(fits[0].mu, fits[1].mu)
    with pytest.raises(ppe.InputError, match=r"no crime is known in the grid \(of 50 known\)"):
        SelfExciting().fit(elsewhere, GRID, until="2018-04-11")


def test_coarser_cells_are_spread_by_inside_area():
    # 625 m by 500 m: the eastern cells are cut in half, and two by two make one of 500 m.
    grid = ppe.Grid.from_bounds(0, 0, 625, 500, cell=250, crs=CRS)
    coarse = ppe.Grid.from_bounds(0, 0, 625, 500, cell=500, crs=CRS)
    rng = np.random.default_rng(4)
    events = table(np.sort(rng.uniform(0, 100, 300)), x=rng.uniform(0, 625, 300), y=rng.uniform(0, 500, 300))
    window = days("2018-04-11", "2018-04-12", "UTC")
    ours = SelfExciting(cell=500).fit(events, grid, until="2018-04-11")
    theirs = SelfExciting().fit(events, coarse, until="2018-04-11")
    assert (ours.theta, ours.omega) == (theirs.theta, theirs.omega)
    fine, whole = ours.predict(window).to_numpy()[0], theirs.predict(window).to_numpy()[0]
    assert_allclose(fine[:, :2], whole[0, 0] / 4, rtol=1e-12)
    assert_allclose(fine[:, 2], whole[0, 1] / 2, rtol=1e-12)
    for wrong in (100.0, 125.0, 300.0):
        with pytest.raises(ppe.InputError, match=r"not a whole multiple of the grid's 250 m"):
            SelfExciting(cell=wrong).fit(events, grid, until="2018-04-11")


def test_a_cut_city_has_no_number_outside():
    import geopandas as gpd
    import shapely

    area = gpd.GeoDataFrame(geometry=[shapely.Point(1000, 1000).buffer(900)], crs=CRS)
    grid = ppe.Grid.from_areas(area, cell=250)
    made = simulate_self_exciting(
        grid, start="2017-01-01", end="2018-01-01", tz=TZ, theta=0.5, omega=1.0, mu=3.0, seed=2
    )
    for forecaster in (SelfExciting(), SelfExciting(cell=750), SelfExciting(background="shared")):
        fit = forecaster.fit(made.events, grid, until="2018-01-01")
        risk = fit.predict(days("2018-01-01", "2018-01-02")).to_numpy()[0]
        assert np.array_equal(np.isnan(risk), ~grid.mask)
        assert (fit.mu[~grid.mask] == 0).all()
    # One rate per inside-m2, whatever the cell.
    assert_allclose((fit.mu / np.where(grid.mask, grid.inside_m2, 1.0))[grid.mask], fit.mu.sum() / grid.total_m2)


def test_a_gap_is_left_out():
    rng = np.random.default_rng(6)
    t = np.sort(rng.uniform(0, 100, 200))
    seen = t[(t < 30) | (t >= 80)]
    events = table(seen, observed=[("2018-01-01", "2018-01-31"), ("2018-03-22", "2018-04-11")])
    fit = SelfExciting().fit(events, GRID, until="2018-04-11")
    assert fit.crimes.days == 50.0
    balance = fit.mu.sum() * 50 + (fit.theta * fit.crimes.seen(fit.omega) if fit.theta else 0.0)
    assert balance == pytest.approx(seen.size, rel=1e-3)
    # Read as no crime, the gap would look like a lull between clusters.
    unaware = SelfExciting().fit(table(seen), GRID, until="2018-04-11")
    assert unaware.theta > fit.theta + 0.1


def test_a_lookback_forgets(city):
    short = SelfExciting(lookback="100D").fit(city, GRID, until="2018-01-01")
    # 100 civil days, one of 25 hours; they begin at midnight of the wall clock, still in summer time.
    assert short.crimes.days == pytest.approx(100 + 1 / 24, rel=1e-12)
    assert short.crimes.t.size == (city.happened >= np.datetime64("2017-09-22T23:00")).sum()


@pytest.mark.parametrize(
    ("step", "tz", "name"),
    [
        ("1h", "America/Toronto", "1 hour"),
        ("1D", "America/Toronto", "1 day"),
        ("1h", "Asia/Kolkata", "1 hour"),
        ("1D", "Asia/Kolkata", "1 day"),
        ("15min", "Europe/London", "15 minutes"),
        ("1min", "Europe/London", "1 minute"),
        ("1s", "Europe/London", "1 second"),
        ("1us", "Europe/London", "1 microsecond"),
    ],
)
def test_the_resolution_is_found_on_the_wall_clock(step, tz, name):
    unit = pd.Timedelta(step)
    t = pd.Timestamp("2018-02-01") + np.array([0, 1, 1, 7, 29, 31, 33]) * unit
    events = ppe.Events.from_frame(
        pd.DataFrame({"t": t, "x": 100.0, "y": 100.0}), crs=CRS, tz=tz, observed=[("2018-01-01", "2018-04-11")]
    )
    fit = SelfExciting().fit(events, GRID, until="2018-04-11")
    assert fit.crimes.min_step == pytest.approx(unit / pd.Timedelta("1D"), rel=1e-12)
    assert f"{name} (the resolution found in the data)" in fit.notes[0]


def test_the_step_can_be_set_or_told():
    t = [1.0, 1.5, 20.0, 20.25]
    told = table([1.0, 2.0, 20.0, 20.0], resolution="day")
    assert SelfExciting().fit(told, GRID, until="2018-04-11").crimes.min_step == 1.0
    coarse = SelfExciting().fit(table(t, resolution="day"), GRID, until="2018-04-11")
    assert coarse.crimes.min_step == 1.0
    assert "told in" in coarse.notes[0]
    assert SelfExciting(min_step="2h").fit(table(t), GRID, until="2018-04-11").crimes.min_step == 2 / 24


def test_equal_times_do_not_send_omega_to_infinity():
    t = np.repeat(np.arange(5.0, 95.0, 9.0), 2) + 5 / 24
    fit = SelfExciting().fit(table(t), GRID, until="2018-04-11")
    assert fit.converged
    assert 12 < fit.omega <= 24.0
    assert any("resolution" in note for note in fit.notes[1:])
    coarser = SelfExciting(min_step="6h").fit(table(t), GRID, until="2018-04-11")
    assert 2 < coarser.omega <= 4.0


def test_no_repeats_is_an_answer():
    # As regular as a clock: the likelihood falls with theta.
    fit = SelfExciting().fit(table(np.arange(0.5, 100, 5.0)), GRID, until="2018-04-11")
    assert fit.theta == 0
    assert math.isnan(fit.omega)
    assert fit.converged
    assert "no repeats" in fit.notes[-1]
    risk = fit.predict(days("2018-04-11", "2018-04-13", "UTC")).to_numpy()
    assert_allclose(risk[:, 0, 0], 20 / 100, rtol=1e-12)
    assert all(math.isnan(end) for ends in fit.intervals().values() for end in ends)
    assert "theta: 0" in repr(fit)
    # Every cell with a crime of its own: nothing can repeat.
    spread = table([1.0, 50.0, 80.0], x=[100.0, 300.0, 600.0])
    assert SelfExciting().fit(spread, GRID, until="2018-04-11").theta == 0


def test_growth_without_limit_says_so():
    # One crime in twice as short a time as the one before.
    t = 100 - 100 * 0.93 ** np.arange(1, 120)
    fit = SelfExciting(background="shared").fit(table(t), GRID, until="2018-04-11")
    assert fit.theta > 1
    assert fit.converged
    assert any("grows without limit" in note for note in fit.notes)
    risk = fit.predict(days("2018-04-11", "2018-04-12", "UTC"))
    assert np.isfinite(risk.to_numpy()).all()
    assert "grows without limit" in risk.attrs["notes"]
    with pytest.raises(ppe.InputError, match="2030-04-11"):
        fit.predict(days("2030-04-11", "2030-04-12", "UTC"))


def test_what_tells_nothing_is_refused():
    with pytest.raises(ppe.InputError, match="a single crime is known"):
        SelfExciting().fit(table([5.0]), GRID, until="2018-04-11")
    with pytest.raises(ppe.InputError, match="3 crimes, all at one moment"):
        SelfExciting().fit(table([5.0, 5.0, 5.0], x=[100.0, 100.0, 600.0]), GRID, until="2018-04-11")
    with pytest.raises(ppe.InputError, match="no crime is known"):
        SelfExciting().fit(table([5.0, 6.0]), GRID, until="2018-01-03")
    with pytest.raises(ppe.InputError, match="No time was observed"):
        SelfExciting().fit(table([5.0, 6.0]), GRID, until="2017-01-03")


@pytest.mark.parametrize("rows", [[5.0, 6.0], [5.0, 5.0, 6.0], [0.0, 100 - 1e-9], [1.0, 1.0 + 1e-9]])
@pytest.mark.parametrize("background", ["cell", "shared"])
def test_two_crimes_are_enough(rows, background):
    fit = SelfExciting(background=background, jackknife=True).fit(table(rows), GRID, until="2018-04-11")
    risk = fit.predict(days("2018-04-11", "2018-04-13", "UTC")).to_numpy()
    assert fit.converged
    assert np.isfinite(risk).all()
    assert risk.sum() > 0
    assert "crimes" in repr(fit)


def test_a_fit_that_has_not_converged_warns(city):
    with pytest.warns(ppe.PredPolWarning, match="has not converged after 1 iterations"):
        fit = SelfExciting(max_iterations=1).fit(city, GRID, until="2018-01-01")
    assert not fit.converged
    risk = fit.predict(days("2018-01-01", "2018-01-02"))
    assert risk.attrs["converged"] == 0
    assert "not converged after 1 iterations" in risk.attrs["notes"]


def test_a_short_observation_says_that_theta_is_biased():
    made = simulate_self_exciting(
        GRID, start="2018-01-01", end="2018-07-01", tz=TZ, theta=0.5, omega=0.5, mu=3.0, seed=3, burn_in="60D"
    )
    plain = SelfExciting().fit(made.events, GRID, until="2018-07-01")
    assert any("below 500: theta is biased down" in note for note in plain.notes)
    better = SelfExciting(jackknife=True).fit(made.events, GRID, until="2018-07-01")
    assert better.corrected
    assert better.theta > plain.theta
    assert not any("biased" in note for note in better.notes)
    assert better.intervals()["theta"] == pytest.approx(plain.intervals()["theta"], rel=1e-12)
    low, high = better.intervals()["theta"]
    assert low * high == pytest.approx(better.theta**2, rel=1e-12)
    # The background is the likeliest for the corrected theta and omega.
    rate = better.crimes.per_crime(better.mu.ravel()[better.mu.ravel() > 0])
    rate = rate + better.theta * better.omega * better.crimes.decay(better.omega).zeroth
    assert_allclose(better.crimes.by_group(1 / rate), better.crimes.days, rtol=1e-9)


def test_a_jackknife_that_fails_says_so():
    # All repeats in the first half.
    fit = SelfExciting(jackknife=True).fit(table([5.0, 5.4, 20.0, 20.3, 60.0, 90.0]), GRID, until="2018-04-11")
    assert fit.theta > 0
    assert not fit.corrected
    assert any("the jackknife failed" in note for note in fit.notes)
    low, high = fit.intervals()["theta"]
    assert low * high == pytest.approx(fit.theta**2, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "magic"}, "choose one of 'cell'"),
        ({"background": "none"}, "choose 'cell'"),
        ({"jackknife": 1}, "choose True or False"),
        ({"cell": 0.0}, "above 0"),
        ({"cell": math.nan}, "above 0"),
        ({"max_iterations": 0}, "whole number"),
        ({"max_iterations": 2.5}, "whole number"),
        ({"tolerance": 0.0}, "above 0"),
        ({"lookback": "a year"}, "lookback"),
        ({"min_step": "0h"}, "min_step"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    with pytest.raises(ppe.InputError, match=message):
        SelfExciting(**options)


def test_it_keeps_the_protocol(city):
    assert isinstance(SelfExciting(), Forecaster)
    fit = SelfExciting().fit(city, GRID, until="2018-01-01")
    assert isinstance(fit, Fitted)
    assert hash(SelfExciting(lookback="30D")) == hash(SelfExciting(lookback="30D"))
    with pytest.raises(ppe.InputError, match="start before the moment"):
        fit.predict(days("2017-12-31", "2018-01-01"))
    with pytest.raises(AttributeError):
        fit.theta = 0.1


def test_many_nights_are_the_nights_one_by_one(city):
    nights = days("2017-12-01", "2017-12-04")
    together = ppe.forecast(SelfExciting(), city, GRID, nights)
    for position, night in enumerate(nights):
        alone = SelfExciting().fit(city.known_at(night.until[0]), GRID, until=night.until[0]).predict(night)
        assert np.array_equal(together.isel(window=position), alone.isel(window=0))


# Real crimes ----------------------------------------------------------------------------------------------


def test_break_ins_in_toronto(shared_data):
    rows = pd.read_parquet(shared_data / "toronto" / "toronto_property_robbery_2014_2018_tidy.parquet")
    rows = rows[rows.offence == "Break and Enter"]
    events = ppe.Events.from_frame(
        rows, happened="occurred", crs="EPSG:32617", tz="America/Toronto",
        ambiguous="earlier", nonexistent="shift_forward",
    )  # fmt: skip
    grid = ppe.Grid.from_bounds(
        rows.x.min(), rows.y.min(), rows.x.max() + 1, rows.y.max() + 1, cell=250, crs="EPSG:32617"
    )
    fit = SelfExciting().fit(events, grid, until="2018-06-01")
    assert fit.converged
    assert fit.crimes.t.size > 29_000
    assert "1 hour (the resolution found" in fit.notes[0]
    # Some in twenty: the same intersection within a week has 3.8 times the pairs of chance.
    assert 0.02 < fit.theta < 0.3
    low, high = fit.intervals()["theta"]
    assert 0 < low < high < 0.3
    risk = fit.predict(days("2018-06-01", "2018-06-08", "America/Toronto"))
    daily = fit.crimes.t.size / fit.crimes.days
    assert risk.to_numpy().sum() == pytest.approx(7 * daily, rel=0.05)
    # The naive likelihood of the busiest cell, to the digit: its crimes, its background, the same theta and omega.
    busiest = int(np.argmax(np.diff(fit.crimes.cells)))
    t = fit.crimes.t[fit.crimes.cells[busiest] : fit.crimes.cells[busiest + 1]]
    one = in_cells(t, np.zeros(t.size), fit.crimes.ends, fit.crimes.starts, min_step=1 / 24)
    mu = fit.best.mu[busiest]
    slow = naive.log_likelihood(
        t, [0] * t.size, fit.theta, fit.omega, {0: mu}, fit.crimes.starts, fit.crimes.ends, 1 / 24
    )
    assert log_likelihood(one, Parameters(fit.theta, fit.omega, np.array([mu]))) == pytest.approx(slow, rel=1e-10)
