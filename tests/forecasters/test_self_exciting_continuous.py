"""SelfExciting(model="continuous"): EM against the brute-force twin, one answer, its forecast, and what it refuses."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import predpol_eval as ppe
from predpol_eval.forecasters.base import Fitted, Forecaster
from predpol_eval.forecasters.hawkes import continuous_background as ground
from predpol_eval.forecasters.hawkes import continuous_crimes, continuous_fit, continuous_steps
from predpol_eval.forecasters.hawkes.cell_forecast import expected_count
from predpol_eval.forecasters.hawkes.continuous_crimes import PATIENCE, REACH, ContinuousCrimes, near
from predpol_eval.forecasters.hawkes.continuous_fit import fit_continuous
from predpol_eval.forecasters.hawkes.continuous_forecast import generations, shares
from predpol_eval.forecasters.hawkes.continuous_likelihood import Excitation, em_step, likelihood
from predpol_eval.forecasters.hawkes.continuous_model import least_distance
from predpol_eval.simulate import simulate_self_exciting
from tests.naive import continuous as naive
from tests.naive import self_exciting as naive_in_cells

TZ = "Europe/London"
CRS = "EPSG:27700"
GRID = ppe.Grid.from_bounds(0, 0, 2000, 1500, cell=250, crs=CRS)
FORM = ppe.SelfExciting(model="continuous")
ONCE = ppe.SelfExciting(model="continuous", starts=1)
PERIODS = [((0.0,), (100.0,)), ((0.0, 60.0), (45.0, 100.0))]


def crimes_of(x, y, t, periods=PERIODS[0], share=None, min_step=1e-6, min_distance=1.0, inside=None, cell=250.0):
    """Crimes as the likelihood wants them, in a square of 1 km unless told otherwise."""
    share = np.ones((4, 4)) if share is None else np.asarray(share, dtype=float)
    inside = np.ones(len(x), dtype=np.int64) if inside is None else np.asarray(inside, dtype=np.int64)
    starts, ends = map(np.array, periods)
    place = (np.asarray(x, float), np.asarray(y, float), np.asarray(t, float))
    return ContinuousCrimes(*place, inside, starts, ends, min_step, min_distance, 0.0, 0.0, cell, share)


def small_city(seed, periods=PERIODS[0], snapped=1.0, hours=None, crimes=90):
    """Some tens of crimes in a square kilometre, of which those in the periods are seen."""
    x, y, t, _ = naive.simulate(
        seed, theta=0.4, omega=0.5, sigma=60.0, days=100.0, crimes=crimes, side=1000.0, spread=150.0, spots=3
    )
    t = t if hours is None else np.floor(t * 24 / hours) * hours / 24
    seen = np.zeros(t.size, dtype=bool)
    for start, end in zip(*periods, strict=True):
        seen |= (t >= start) & (t < end)
    x, y = (np.clip(np.round(side / snapped) * snapped, 1, 999) for side in (x[seen], y[seen]))
    order = np.lexsort((y, x, t[seen]))
    return x[order], y[order], t[seen][order]


def table(t, x, y, **options):
    """Events of times in days after 2018-01-01."""
    moments = pd.Timestamp("2018-01-01") + pd.to_timedelta(np.round(np.asarray(t, float) * 86400e9), unit="ns")
    frame = pd.DataFrame({"t": moments, "x": np.asarray(x, float), "y": np.asarray(y, float)})
    options = {"crs": CRS, "tz": "UTC", "observed": [("2018-01-01", "2018-04-11")]} | options
    return ppe.Events.from_frame(frame, **options)


def scattered(size=60, seed=5):
    """Events of a made-up hundred days."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.uniform(0, 100, size))
    return table(t, rng.uniform(0, 2000, size), rng.uniform(0, 1500, size))


def days(start, end, tz=TZ):
    return ppe.Schedule(start=start, end=end, tz=tz).windows


@pytest.fixture(scope="module")
def city():
    """Three years in three square kilometres: theta 0.4, omega 1, sigma 60 m."""
    made = simulate_self_exciting(
        GRID, start="2015-01-01", end="2018-01-01", tz=TZ, model="continuous", theta=0.4, omega=1.0, sigma=60.0,
        mu=0.4, hot_spots=[(500, 500, 200, 0.5), (1500, 900, 250, 0.4)], seed=4, burn_in="40D",
    )  # fmt: skip
    return made.events


@pytest.fixture(scope="module")
def fitted(city):
    return FORM.fit(city, GRID, until="2018-01-01")


# The likelihood and EM ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("periods", PERIODS)
def test_a_step_of_em_equals_the_brute_force_twin(seed, periods):
    x, y, t = small_city(seed, periods, snapped=20.0, hours=6)
    share = np.ones((4, 4))
    share[3], share[0, 0] = 0.5, 0.3
    crimes = crimes_of(x, y, t, periods, share, min_step=0.25, min_distance=25.0)
    where = ground.places(crimes)
    assert len(where.x) < len(x)
    assert len(where.first) > 0
    weight = np.random.default_rng(seed).uniform(0.2, 1.0, len(x))
    now, width, area = Excitation(0.3, 0.6, 70.0), 130.0, (0.0, 0.0, 250.0, share.tolist())
    mu = ground.background_rate(crimes, where, weight, ground.spread(crimes, where, width))
    even = ground.even_share(crimes)
    assert_allclose(mu, naive.background(x, y, weight, width, area, crimes.days, 25.0, even), rtol=1e-11)
    close = near(crimes, 0.01, 400.0)
    stepped, alone = em_step(crimes, close, mu, now)
    *slow, slow_alone = naive.em_step(x, y, t, *now, weight, width, *periods, 0.25, 25.0, area, even)
    assert_allclose(stepped, slow, rtol=1e-10)
    assert_allclose(alone, slow_alone, rtol=1e-10)
    ours = likelihood(crimes, close, mu, weight.sum(), now)
    theirs = naive.log_likelihood(x, y, t, *now, mu, weight, *periods, 0.25, 25.0, area)
    assert ours.value == pytest.approx(theirs, rel=1e-12)
    assert_allclose(ours.alone, slow_alone, rtol=1e-10)


@pytest.mark.parametrize("periods", PERIODS)
def test_derivatives_of_the_likelihood(periods):
    x, y, t = small_city(3, periods)
    crimes = crimes_of(x, y, t, periods)
    where = ground.places(crimes)
    mu = ground.background_rate(crimes, where, np.ones(len(x)), ground.spread(crimes, where, 200.0))
    close = near(crimes, 0.05, 300.0)

    def at(logs):
        level, *rest = np.exp(logs).tolist()
        return likelihood(crimes, close, mu, 50.0, Excitation(*rest), level)

    top, h = np.log([1.2, 0.4, 0.6, 90.0]), 1e-4
    here = at(top)
    for position, unit in enumerate(np.eye(4) * h):
        up, down = at(top + unit), at(top - unit)
        assert here.slope[position] == pytest.approx((up.value - down.value) / (2 * h), rel=1e-5, abs=1e-5)
        assert_allclose(here.curvature[position], (up.slope - down.slope) / (2 * h), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_fit_is_where_brute_force_em_ends(seed):
    x, y, t = small_city(seed, crimes=70)
    crimes = crimes_of(x, y, t, share=[[1.0]], cell=1000.0)
    ours = fit_continuous(crimes, bandwidth=150.0, tolerance=1e-18)
    assert ours.converged
    area, even = (0.0, 0.0, 1000.0, [[1.0]]), ground.even_share(crimes)
    now = (1.3 * ours.theta, 0.8 * ours.omega, 1.1 * ours.sigma, ours.weight**2)
    for _ in range(40):
        now = naive.em_step(x, y, t, *now, 150.0, *PERIODS[0], 1e-6, 1.0, area, even)
    assert_allclose(now[:3], [ours.theta, ours.omega, ours.sigma], rtol=2e-4)
    # A fixed point of the twin's step, to all the digits that the cut at six sigma leaves.
    again = naive.em_step(
        x, y, t, ours.theta, ours.omega, ours.sigma, ours.weight, 150.0, *PERIODS[0], 1e-6, 1.0, area, even
    )
    assert_allclose(again[:3], [ours.theta, ours.omega, ours.sigma], rtol=2e-7)
    assert_allclose(again[3], ours.weight, atol=2e-7)


def test_with_the_background_held_the_likelihood_only_rises():
    for seed in range(6):
        x, y, t = small_city(seed)
        crimes = crimes_of(x, y, t)
        where = ground.places(crimes)
        mu = ground.background_rate(crimes, where, np.ones(len(x)), ground.spread(crimes, where, 200.0))
        limits = continuous_fit.Limits(continuous_crimes.decays(crimes), (0.5, 1400.0))
        for now in (Excitation(0.5, 20.0, 300.0), Excitation(0.2, 0.01, 20.0), Excitation(3.0, 1.0, 100.0)):
            close = _Fixed(near(crimes, 0.002, 400.0))
            for _ in range(12):
                before = likelihood(crimes, close, mu, float(len(x)), now)
                now, _, state, _ = continuous_steps.climb(crimes, close, mu, float(len(x)), now, limits)
                assert state.value >= before.value - 1e-12 * abs(before.value)


class _Fixed:
    """A list of pairs that serves whatever is asked."""

    def __init__(self, close):
        self.pairs = close.pairs

    def serves(self, crimes, omega, sigma):
        return True


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_different_starts_come_to_one_answer(seed, monkeypatch):
    x, y, t, _ = naive.simulate(seed, theta=0.5, omega=0.8, sigma=70.0, days=400.0, crimes=700, side=2500.0, spread=350)
    crimes = crimes_of(x, y, t, ((0.0,), (400.0,)), np.ones((10, 10)))
    fits = []
    for start in (None, (0.9, 20.0, 15.0), (0.1, 0.02, 400.0), (1.5, 0.1, 30.0), (0.01, 5.0, 800.0)):
        if start is not None:
            monkeypatch.setattr(continuous_fit, "starts", lambda *_, at=start: [Excitation(*at)])
        fits.append(fit_continuous(crimes, number_of_starts=1))
    for fit in fits:
        assert fit.converged
        found = [fit.theta, fit.omega, fit.sigma, fit.bandwidth]
        assert_allclose(found, [fits[0].theta, fits[0].omega, fits[0].sigma, fits[0].bandwidth], rtol=2e-4)
        assert_allclose(fit.weight, fits[0].weight, atol=1e-3)
    low, high = (0.5 * math.exp(side * 2.6 * fits[0].log_errors[0]) for side in (-1, 1))
    assert low < fits[0].theta < high


def test_leaving_each_crime_out_of_its_own_background_matters(monkeypatch):
    # Theta 0.3 in truth; with each crime in its own background p_jj takes the bandwidth to 0, and all is background.
    x, y, t, _ = naive.simulate(7, theta=0.3, omega=1.0, sigma=70.0, days=500.0, crimes=900, side=2500.0, spread=350)
    crimes = crimes_of(x, y, t, ((0.0,), (500.0,)), np.ones((10, 10)))
    ours = fit_continuous(crimes)
    assert ours.theta == pytest.approx(0.3, abs=0.07)
    kept = ground.background_rate

    def with_itself(crimes, where, weight, width):
        own = weight / width.inner[where.of] / (2 * np.pi * width.bandwidth**2) / crimes.days
        return kept(crimes, where, weight, width) + own

    monkeypatch.setattr(ground, "background_rate", with_itself)
    monkeypatch.setattr(continuous_fit, "background_rate", with_itself)
    wrong = fit_continuous(crimes)
    assert wrong.bandwidth < ours.bandwidth / 10
    assert wrong.theta < 0.15


# Pairs ----------------------------------------------------------------------------------------------------


def test_what_lies_beyond_the_reach_is_nothing():
    # The bounds that the constants state: shares of a crime's repeats further off in space, and in time.
    assert math.exp(-(REACH**2) / 2) < 1.6e-8
    assert math.exp(-PATIENCE) < 2.1e-9
    x, y, t, _ = naive.simulate(3, theta=0.4, omega=1.0, sigma=40.0, days=200.0, crimes=500, side=2500.0, spread=350)
    crimes = crimes_of(x, y, t, ((0.0,), (200.0,)), np.ones((10, 10)))
    where = ground.places(crimes)
    mu = ground.background_rate(crimes, where, np.ones(len(x)), ground.spread(crimes, where, 300.0))
    now = Excitation(0.4, 1.0, 40.0)
    short, whole = near(crimes, 1.0, 40.0), near(crimes, 1e-3, 2000.0)
    assert short.pairs.days.size < whole.pairs.days.size / 20
    one, two = (likelihood(crimes, close, mu, 300.0, now) for close in (short, whole))
    assert one.value == pytest.approx(two.value, rel=1e-9)
    assert_allclose(one.alone, two.alone, atol=1e-7)


def test_pairs_grow_with_the_crimes_not_with_their_square():
    numbers = []
    for times in (1, 4, 16):
        rng = np.random.default_rng(times)
        side, size = 2000.0 * math.sqrt(times), 1000 * times
        x, y = rng.uniform(0, side, (2, size))
        t = np.sort(rng.uniform(0, 200, size))
        crimes = crimes_of(x, y, t, ((0.0,), (200.0,)), np.ones((1, 1)), cell=side)
        numbers.append(near(crimes, 1.0, 40.0).pairs.days.size / size)
    # At one density the pairs of a crime stay as they are, but for the edge of the city.
    assert numbers[0] < numbers[2] < 1.4 * numbers[0]


def test_too_many_pairs_are_cut_and_said(monkeypatch):
    x, y, t = small_city(4)
    crimes = crimes_of(x, y, t)
    monkeypatch.setattr(continuous_crimes, "MOST_PAIRS", 200)
    close = near(crimes, 0.01, 300.0)
    assert close.cut
    assert close.pairs.days.size <= 200
    fit = fit_continuous(crimes, number_of_starts=1, max_iterations=4)
    assert math.isnan(fit.reach) or fit.pairs <= 200


# What is expected -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("theta", [0.0, 0.3, 0.95, 1.0, 1.4])
@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (2.0, 2.5), (0.0, 0.001), (5.0, 12.0)])
def test_the_generations_add_up_to_the_cell_model(theta, start, end):
    parts = shares(theta, 0.7, start, end)
    whole = expected_count([1.0, 0.0], theta, 0.7, [0.0, 1.0], start, end)
    assert_allclose([parts.background.sum(), parts.known.sum()], whole, rtol=1e-9)
    assert (parts.background >= 0).all()
    assert (parts.known >= 0).all()
    assert (
        0.1 * whole[0] + 1.3 * whole[1]
        == pytest.approx(naive_in_cells.expected_count(0.1, theta, 0.7, 1.3, start, end) + 0.0 * (1 - 0.1), rel=1e-5)
        or theta == 0.0
    )


def test_each_generation_is_a_gamma_law(monkeypatch):
    # Without the rest put on the last: 60 generations of their own leave nothing.
    from predpol_eval.forecasters.hawkes import continuous_forecast

    monkeypatch.setattr(continuous_forecast, "generations", lambda theta: 60)
    parts = shares(0.6, 1.5, 0.5, 3.0)
    assert parts.known[-1] < 1e-14
    rng = np.random.default_rng(1)
    runs = 200_000
    for g in (1, 2, 3):
        delay = rng.exponential(1 / 1.5, (runs, g)).sum(axis=1)
        share = ((delay >= 0.5) & (delay < 3.0)).mean() * 0.6**g
        assert parts.known[g] == pytest.approx(share, abs=5 * math.sqrt(share / runs))
        # Background of one a day from now on: a crime of it at time s has its g-th repeats at s plus such a delay.
        begun = rng.uniform(0, 3.0, runs) + delay
        share = ((begun >= 0.5) & (begun < 3.0)).mean() * 3.0 * 0.6**g
        assert parts.background[g] == pytest.approx(share, abs=15 * math.sqrt(share / runs))
    assert generations(0.3) == 8
    assert 0.3**8 < 1e-4 < 0.3**7


def test_one_huge_cell_is_the_cell_model():
    # By the digit: mu 0.1, theta 0.5, omega 1, one crime just before T: 0.514775.
    huge = ppe.Grid.from_bounds(-100_000, -100_000, 101_000, 101_000, cell=201_000, crs=CRS)
    events = table([3.0, 50.0, 100.0 - 1e-9], [100.0, 400.0, 700.0], [100.0, 500.0, 100.0])
    fit = ppe.SelfExciting(model="continuous", bandwidth=100.0).fit(events, huge, until="2018-04-11")
    best = replace(fit.best, theta=0.5, omega=1.0, sigma=50.0, weight=np.full(3, 10.0 / 3))
    risk = replace(fit, best=best).predict(days("2018-04-11", "2018-04-12", "UTC"))
    assert float(risk.sum()) == pytest.approx(0.514775, abs=5e-7)
    old = sum(math.exp(-age) for age in (97.0, 50.0, 1e-9))
    assert float(risk.sum()) == pytest.approx(float(expected_count(0.1, 0.5, 1.0, old, 0.0, 1.0)), rel=1e-9)


def test_narrow_repeats_are_the_cell_model_in_every_cell():
    # Far from all edges of cells nothing leaves the cell of its crime.
    grid = ppe.Grid.from_bounds(0, 0, 2000, 1000, cell=1000, crs=CRS)
    events = table([3.0, 50.0, 60.0, 99.0], [500.0, 1500.0, 520.0, 1510.0], [500.0, 500.0, 500.0, 520.0])
    form = ppe.SelfExciting(model="continuous", bandwidth=5.0, starts=1)
    fit = form.fit(events, grid, until="2018-04-11")
    best = replace(fit.best, theta=0.4, omega=0.3, sigma=2.0, weight=np.ones(4))
    now = replace(fit, best=best)
    risk = now.predict(days("2018-04-11", "2018-04-13", "UTC")).to_numpy()[:, 0]
    even = ground.even_share(fit.crimes)
    mu = np.array([0.02, 0.02]) * (1 - even) + even * 0.02
    old = np.array([math.exp(-0.3 * 97) + math.exp(-0.3 * 40), math.exp(-0.3 * 50) + math.exp(-0.3 * 1)])
    for day in (0, 1):
        assert_allclose(risk[day], expected_count(mu, 0.4, 0.3, old, day, day + 1.0), rtol=1e-9)


def test_the_second_generation_is_spread_wider():
    grid = ppe.Grid.from_bounds(0, 0, 4000, 4000, cell=100, crs=CRS)
    events = table([3.0, 50.0, 99.999], [2050.0, 1000.0, 2050.0], [2050.0, 3000.0, 2050.0])
    fit = ppe.SelfExciting(model="continuous", bandwidth=100.0, starts=1).fit(events, grid, until="2018-04-11")
    best = replace(fit.best, theta=0.8, omega=2.0, sigma=150.0, weight=np.zeros(3))
    risk = replace(fit, best=best).predict(days("2018-04-11", "2018-04-12", "UTC")).to_numpy()[0]
    at = (np.arange(40) + 0.5) * 100 - 2050
    variance = (risk.sum(axis=0) * at**2).sum() / risk.sum()
    parts = shares(0.8, 2.0, 0.0, 1.0).known
    assert variance == pytest.approx(
        (parts * np.arange(len(parts))).sum() / parts.sum() * 150**2 + 100**2 / 12, rel=1e-3
    )
    assert variance > 1.2 * 150**2


def test_windows_add_up(fitted):
    week = fitted.predict(days("2018-01-01", "2018-01-08"))
    whole = fitted.predict(ppe.Schedule(start="2018-01-01", end="2018-01-08", horizon="7D", step="7D", tz=TZ).windows)
    assert week.attrs["kind"] == "expected_count"
    assert_allclose(week.sum("window"), whole.isel(window=0), rtol=1e-9)


def test_data_that_end_early_are_looked_at_from_their_end():
    early = scattered()
    early = replace(early, observed=((early.observed[0][0], np.datetime64("2018-04-11", "ns")),))
    fit = ONCE.fit(early, GRID, until="2018-04-16")
    same = ONCE.fit(early, GRID, until="2018-04-11")
    assert (fit.theta, fit.omega, fit.sigma) == (same.theta, same.omega, same.sigma)
    window = days("2018-04-16", "2018-04-17", "UTC")
    assert_allclose(fit.predict(window).to_numpy(), same.predict(window).to_numpy(), rtol=1e-12)


# The forecaster -------------------------------------------------------------------------------------------


def test_a_simulated_city_is_found_again(fitted):
    assert fitted.converged
    assert fitted.iterations == len(fitted.log_likelihood_path) < 40
    assert fitted.branching_ratio == fitted.theta
    for name, truth in (("theta", 0.4), ("omega", 1.0), ("sigma", 60.0)):
        low, high = fitted.intervals()[name]
        assert low < truth < high, name
        wide, narrow = fitted.intervals(0.99)[name], fitted.intervals(0.5)[name]
        assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert set(fitted.standard_errors) == {"theta", "omega", "sigma"}
    assert 0 < fitted.standard_errors["theta"] < 0.1
    assert fitted.mu.sum() == pytest.approx(1.3, rel=0.1)
    balance = fitted.best.weight.sum() + fitted.theta * fitted.crimes.seen(fitted.omega, fitted.sigma).value
    assert balance == pytest.approx(fitted.crimes.number, rel=1e-4)
    assert fitted.mu.sum() * fitted.crimes.days == pytest.approx(fitted.best.weight.sum(), rel=1e-6)


def test_what_a_fit_tells(fitted):
    text = repr(fitted)
    for word in ("theta", "omega", "sigma", "95 % interval", "converged after", "bandwidth", "in the study area"):
        assert word in text
    assert "<" in fitted._repr_html_()
    risk = fitted.predict(days("2018-01-01", "2018-01-02"))
    for name in ("theta", "omega", "sigma", "bandwidth", "iterations", "branching_ratio"):
        assert risk.attrs[name] == getattr(fitted, name)
    assert risk.attrs["converged"] == 1
    assert "leave-one-out" in risk.attrs["notes"]
    assert risk.attrs["forecaster"] == "SelfExciting(model='continuous')"
    with pytest.raises(ppe.InputError, match="level=95"):
        fitted.intervals(95)
    assert isinstance(FORM, Forecaster)
    assert isinstance(fitted, Fitted)


def test_fits_and_surfaces_go_to_files_and_back(fitted, tmp_path):
    nights = days("2018-01-01", "2018-01-03")
    risk = fitted.predict(nights)
    ppe.save_surface(risk, tmp_path / "risk.nc")
    assert ppe.load_surface(tmp_path / "risk.nc").identical(risk)
    ppe.save_fit(fitted, tmp_path / "fit.nc")
    again = ppe.load_fit(tmp_path / "fit.nc")
    assert again.predict(nights).identical(risk)
    assert again.intervals() == fitted.intervals()


def test_every_check_passes():
    report = ppe.check_forecaster(ppe.SelfExciting(model="continuous", starts=1))
    assert report.passed


def test_a_backtest_with_nights_without_crime(city):
    form = ppe.SelfExciting(model="continuous", starts=1, lookback="200D")
    nights = ppe.Schedule(start="2017-12-01", end="2017-12-05", tz=TZ)
    quiet = city.take(city.happened < np.datetime64("2017-12-02"))
    out = ppe.backtest({"it": form}, quiet, GRID, nights, budgets=[ppe.Coverage(0.1)], progress=False)
    assert (out.status == "ok").all()
    assert (out.events.sum(["area"]) == 0).any()


def test_the_order_of_rows_changes_nothing():
    x, y, t = small_city(5, snapped=50.0, hours=24)
    turn = np.random.default_rng(1).permutation(len(x))
    one, two = (FORM.fit(table(t[o], x[o], y[o]), GRID, until="2018-04-11") for o in (np.arange(len(x)), turn))
    assert (one.theta, one.omega, one.sigma, one.bandwidth) == (two.theta, two.omega, two.sigma, two.bandwidth)
    assert np.array_equal(one.mu, two.mu)


def test_crimes_around_the_study_area_set_off_repeats_in_it(city):
    # The eastern half alone: the western crimes are known, but no part of it.
    east = ppe.Grid.from_bounds(1000, 0, 2000, 1500, cell=250, crs=CRS)
    some = city.take(city.happened > np.datetime64("2016-06-01"))
    fit = FORM.fit(some, east, until="2018-01-01")
    inside = int((east.cells_of(some) >= 0).sum())
    assert fit.crimes.number == inside < fit.crimes.t.size
    only = FORM.fit(some.take(east.cells_of(some) >= 0), east, until="2018-01-01")
    assert fit.theta == pytest.approx(only.theta, rel=0.1)
    assert fit.theta != only.theta
    moments = pd.to_datetime(np.append(some.happened, np.datetime64("2017-12-31T23:00", "ns")), utc=True)
    frame = pd.DataFrame({"t": moments, "x": np.append(some.x, 995.0), "y": np.append(some.y, 700.0)})
    both = ppe.Events.from_frame(frame, crs=CRS, tz=TZ, observed=some.observed)
    before, after = (
        FORM.fit(e, east, until="2018-01-01").predict(days("2018-01-01", "2018-01-02")) for e in (some, both)
    )
    rise = (after - before).to_numpy()[0]
    assert np.unravel_index(np.argmax(rise), rise.shape) == (2, 0)
    assert rise[2, 0] > 0.05


def test_what_falls_outside_is_allowed_for():
    # A narrow strip loses a third of all repeats over its sides.
    strip = ppe.Grid.from_bounds(0, 0, 8000, 250, cell=250, crs=CRS)
    made = simulate_self_exciting(
        strip, start="2016-01-01", end="2018-01-01", tz="UTC", model="continuous", theta=0.5, omega=1.0, sigma=100.0,
        mu=2.0, seed=1, burn_in="40D", outside="drop",
    )  # fmt: skip
    fit = FORM.fit(made.events, strip, until="2018-01-01")
    assert fit.intervals()["theta"][0] < 0.5 < fit.intervals()["theta"][1]
    seen = fit.crimes.seen(fit.omega, fit.sigma).value / fit.crimes.number
    assert seen < 0.75


def test_no_cell_is_without_risk(fitted):
    risk = fitted.predict(days("2018-01-01", "2018-01-02")).to_numpy()[0]
    assert (risk[GRID.mask] > 0).all()
    lonely = table([1.0, 2.0, 50.0, 51.0], [100.0, 120.0, 1900.0, 120.0], [100.0, 100.0, 1400.0, 100.0])
    fit = ppe.SelfExciting(model="continuous", bandwidth=20.0).fit(lonely, GRID, until="2018-04-11")
    assert np.isfinite(fit.log_likelihood_path).all()


def test_places_that_coincide_do_not_send_sigma_to_nothing():
    rng = np.random.default_rng(2)
    t = np.sort(rng.uniform(0, 100, 200))
    corners = rng.integers(0, 8, 200) * 200.0 + 100.0, rng.integers(0, 6, 200) * 200.0 + 100.0
    fit = FORM.fit(table(t, *corners), GRID, until="2018-04-11")
    assert fit.crimes.min_distance == 100.0
    assert "half the median distance" in fit.min_distance
    assert fit.bandwidth >= 50.0
    assert fit.theta == 0 or fit.sigma >= 100.0 / math.sqrt(2) - 1e-6
    set_by_hand = ppe.SelfExciting(model="continuous", min_distance=30.0).fit(
        table(t, *corners), GRID, until="2018-04-11"
    )
    assert set_by_hand.crimes.min_distance == 30.0
    assert "30 m (min_distance)" in repr(set_by_hand)
    apart = rng.uniform(0, 1000, (2, 200))
    assert least_distance(*apart, None) == (1.0, "1 m (places differ)")


def test_duplicates_and_equal_times_are_survived():
    x, y, t = small_city(6, hours=24)
    twice = table(np.repeat(t, 2), np.repeat(x, 2), np.repeat(y, 2))
    fit = FORM.fit(twice, GRID, until="2018-04-11")
    assert fit.crimes.min_step == 1.0
    assert fit.omega <= 1.0 + 1e-9
    assert np.isfinite(fit.predict(days("2018-04-11", "2018-04-12", "UTC")).to_numpy()).all()
    assert any("resolution" in note for note in fit.notes[2:])


def test_no_repeats_is_an_answer():
    # Every second place in turn, as regular as a clock.
    t = np.arange(0.5, 100, 1.0)
    x, y = 125.0 + 250.0 * (np.arange(100) * 3 % 8), 125.0 + 250.0 * (np.arange(100) * 5 % 6)
    fit = FORM.fit(table(t, x, y), GRID, until="2018-04-11")
    if fit.theta == 0:
        assert math.isnan(fit.omega)
        assert math.isnan(fit.sigma)
        assert "no repeats" in fit.notes[-1]
    risk = fit.predict(days("2018-04-11", "2018-04-12", "UTC")).to_numpy()
    assert risk.sum() == pytest.approx(1.0, rel=0.2)
    nothing = continuous_fit._without_repeats(fit.crimes, ground.places(fit.crimes), None, [], converged=True)
    alone = replace(fit, best=nothing)
    assert alone.notes[-1].startswith("no repeats")
    assert "theta: 0" in repr(alone)
    assert alone.predict(days("2018-04-11", "2018-04-12", "UTC")).sum() == pytest.approx(1.0, rel=1e-6)


def test_what_tells_nothing_is_refused():
    with pytest.raises(ppe.InputError, match="a single crime is known"):
        FORM.fit(table([5.0], [10.0], [10.0]), GRID, until="2018-04-11")
    with pytest.raises(ppe.InputError, match="3 crimes, all at one moment"):
        FORM.fit(table([5.0] * 3, [10.0, 20.0, 90.0], [10.0] * 3), GRID, until="2018-04-11")
    with pytest.raises(ppe.InputError, match=r"3 crimes, all on one place.*model='cell'"):
        FORM.fit(table([5.0, 6.0, 7.0], [10.0] * 3, [10.0] * 3), GRID, until="2018-04-11")
    with pytest.raises(ppe.InputError, match=r"no crime is known in the grid \(of 2 known\)"):
        FORM.fit(table([5.0, 6.0], [-500.0, -900.0], [10.0] * 2), GRID, until="2018-04-11")
    with pytest.raises(ppe.InputError, match="no crime is known"):
        FORM.fit(table([5.0, 6.0], [10.0] * 2, [10.0] * 2), GRID, until="2018-01-03")
    with pytest.raises(ppe.InputError, match="No time was observed"):
        FORM.fit(table([5.0, 6.0], [10.0] * 2, [10.0] * 2), GRID, until="2017-01-03")


def test_a_lookback_longer_than_the_data_is_all_of_them():
    events = scattered()
    one, two = (replace(ONCE, lookback=back).fit(events, GRID, until="2018-04-11") for back in (None, "5000D"))
    assert (one.theta, one.crimes.days) == (two.theta, two.crimes.days)
    short = replace(ONCE, lookback="50D").fit(events, GRID, until="2018-04-11")
    assert short.crimes.days == 50.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bandwidth": 0.0}, "bandwidth=0.0"),
        ({"min_distance": -1.0}, "min_distance=-1.0"),
        ({"starts": 0}, "starts=0"),
        ({"starts": True}, "starts=True"),
        ({"jackknife": True}, "jackknife=True means nothing to model='continuous'"),
        ({"cell": 500.0}, "cell=500.0 means nothing to model='continuous'"),
    ],
)
def test_wrong_fields_are_refused(options, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.SelfExciting(model="continuous", **options)
    if set(options) & {"bandwidth", "min_distance", "starts"}:
        with pytest.raises(ppe.InputError, match=r"means nothing to model='cell'|give"):
            ppe.SelfExciting(model="cell", **dict.fromkeys(options, 7))


def test_a_fit_that_has_not_converged_warns(city):
    with pytest.warns(ppe.PredPolWarning, match="has not converged after 1 iterations"):
        fit = ppe.SelfExciting(model="continuous", max_iterations=1, starts=1).fit(city, GRID, until="2018-01-01")
    assert not fit.converged
    risk = fit.predict(days("2018-01-01", "2018-01-02"))
    assert risk.attrs["converged"] == 0
    assert "not converged after 1 iterations" in risk.attrs["notes"]


def test_starts_that_end_apart_warn(monkeypatch):
    kept, ended, behind = continuous_fit._run, [], 2.0

    def run(*arguments):
        rest = kept(*arguments)
        if ended:
            rest = rest._replace(now=rest.now._replace(theta=2 * ended[0].now.theta), path=[ended[0].path[-1] - behind])
        ended.append(rest)
        return rest

    monkeypatch.setattr(continuous_fit, "_run", run)
    x, y, t = small_city(8)
    with pytest.warns(ppe.PredPolWarning, match="came to rest elsewhere from another start"):
        fit = FORM.fit(table(t, x, y), GRID, until="2018-04-11")
    assert any("another start ended at theta" in note and "2.0 lower" in note for note in fit.notes)
    assert len(ended) == 3
    # Far behind, it is another top of the likelihood, but no other answer: said, without a warning.
    ended.clear()
    behind = 50.0
    fit = FORM.fit(table(t, x, y), GRID, until="2018-04-11")
    assert any("50.0 lower" in note for note in fit.notes)


def test_growth_without_limit_says_so():
    events = scattered()
    fit = ONCE.fit(events, GRID, until="2018-04-11")
    grown = replace(fit, best=replace(fit.best, theta=1.3, omega=2.0, sigma=50.0))
    assert any("grows without limit" in note for note in grown.notes)
    assert np.isfinite(grown.predict(days("2018-04-11", "2018-04-12", "UTC")).to_numpy()).all()
    with pytest.raises(ppe.InputError, match="2030-04-11"):
        grown.predict(days("2030-04-11", "2030-04-12", "UTC"))


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(0, 24 * 100 - 1), st.integers(0, 19), st.integers(0, 14)),
        min_size=2,
        max_size=40,
        unique=True,
    )
)
def test_whatever_the_crimes_there_is_an_answer_or_a_reason(rows):
    hour, column, row = np.array(rows).T
    events = table(hour / 24, 50.0 + 100.0 * column, 50.0 + 100.0 * row)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ppe.PredPolWarning)
        if len(set(hour)) == 1 or len({*zip(column, row, strict=True)}) == 1:
            with pytest.raises(ppe.InputError, match=r"all at one moment|all on one place"):
                FORM.fit(events, GRID, until="2018-04-11")
            return
        fit = FORM.fit(events, GRID, until="2018-04-11")
    assert np.isfinite(fit.log_likelihood_path).all()
    assert fit.theta >= 0
    assert ((fit.best.weight >= 0) & (fit.best.weight <= 1)).all()
    assert (fit.mu[GRID.mask] > 0).all()
    risk = fit.predict(days("2018-04-11", "2018-04-12", "UTC")).to_numpy()
    assert np.isfinite(risk).all()
    assert fit.summary()


def test_toronto_fits_in_seconds_and_is_as_told(shared_data):
    crimes = pd.read_parquet(shared_data / "toronto" / "toronto_property_robbery_2014_2018_tidy.parquet")
    crimes = crimes[(crimes.offence == "Break and Enter") & (crimes.occurred >= "2016-01-01")]
    options = {"ambiguous": "earlier", "nonexistent": "shift_forward"}
    events = ppe.Events.from_frame(crimes, happened="occurred", crs="EPSG:32617", tz="America/Toronto", **options)
    grid = ppe.Grid.from_bounds(609_500, 4_825_500, 652_000, 4_858_000, cell=250, crs="EPSG:32617")
    fit = ppe.SelfExciting(model="continuous", starts=1, min_step="1D").fit(events, grid, until="2018-06-15")
    assert fit.converged
    assert 0.02 < fit.theta < 0.3
    assert fit.best.pairs < 10 * fit.crimes.number
    night = ppe.Schedule(start="2018-06-15", end="2018-06-16", tz="America/Toronto").windows
    assert 15 < float(fit.predict(night).sum()) < 25


# Crimes piled on one place --------------------------------------------------------------------------------


def piled(size, others=40, jitter=0.0):
    """Events of which all but some stand on one place, twenty in a row."""
    rng = np.random.default_rng(size)
    t = np.resize(rng.uniform(0, 95, (size + others) // 20), size + others) + rng.exponential(1.0, size + others)
    t = np.sort(np.minimum(t, 99.9))
    x, y = 1100.0 + jitter * rng.normal(size=(2, size + others))
    away = rng.choice(size + others, others, replace=False)
    x[away], y[away] = rng.uniform(0, 2000, others), rng.uniform(0, 1500, others)
    return table(t, x, y)


def test_a_pile_that_has_too_many_pairs_is_refused(monkeypatch):
    monkeypatch.setattr(continuous_crimes, "MOST_PAIRS", 50_000)
    for form in (FORM, ONCE):
        with pytest.raises(ppe.InputError, match=r"piled on too few places.*model='cell'"):
            form.fit(piled(1500), GRID, until="2018-04-11")


def test_a_hundred_thousand_on_one_place_are_refused_at_once():
    # Five thousand million pairs: to count them alone would take a minute.
    with pytest.raises(ppe.InputError, match="piled"):
        ONCE.fit(piled(100_000), GRID, until="2018-04-11")


def test_places_too_close_to_be_told_apart_are_refused(monkeypatch):
    monkeypatch.setattr(ground, "MOST_PAIRS", 10_000)
    with pytest.raises(ppe.InputError, match="piled up too closely"):
        ONCE.fit(piled(1500, jitter=0.05), GRID, until="2018-04-11")


def test_a_pile_that_can_be_listed_is_fitted():
    fit = ONCE.fit(piled(400), GRID, until="2018-04-11")
    assert fit.converged
    risk = fit.predict(days("2018-04-11", "2018-04-12", "UTC"))
    assert int(risk.to_numpy()[0].argmax()) == GRID.cell_of(np.array([1100.0]), np.array([1100.0]))[0]
