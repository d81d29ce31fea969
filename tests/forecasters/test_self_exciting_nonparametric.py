"""SelfExciting without a formula: an iteration against plain loops, one answer from any start, and its forecast."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import predpol_eval as ppe
from predpol_eval.forecasters.base import Fitted, known
from predpol_eval.forecasters.hawkes import declustering, nonparametric_forecast, nonparametric_model
from predpol_eval.forecasters.hawkes.nonparametric_background import inside_table, nearest
from predpol_eval.forecasters.hawkes.nonparametric_trigger import TriggerBins, edges
from predpol_eval.kernels.declustering import elsewhen, nearest_mass
from tests.naive import declustering as naive

CRS = "EPSG:27700"
START = pd.Timestamp("2016-01-01")
SIDE = 2000.0
GRID = ppe.Grid.from_bounds(0, 0, SIDE, SIDE, cell=250, crs=CRS)
MODEL = ppe.SelfExciting(model="nonparametric")
# Where it is not the end of the iterations that is in question.
FAST = ppe.SelfExciting(model="nonparametric", tolerance=1e-6, starts=1)
SMALL = ppe.SelfExciting(model="nonparametric", neighbours=4, neighbours_in_time=20)


def table(t, x, y, days=400, **options):
    """Events of times in days after the start."""
    moments = START + pd.to_timedelta(np.round(np.asarray(t, float) * 86400e9), unit="ns")
    frame = pd.DataFrame({"t": moments, "x": x, "y": y})
    observed = [(START, START + pd.Timedelta(days=days))]
    return ppe.Events.from_frame(frame, **({"crs": CRS, "tz": "UTC", "observed": observed} | options))


def moment(days):
    return START + pd.Timedelta(days=days)


def windows(*spans, until=400):
    """Windows from and to so many days after the start."""
    start, end = (np.array([np.datetime64(moment(side), "ns") for side in sides]) for sides in zip(*spans, strict=True))
    return ppe.Windows(start, end, np.full(len(spans), np.datetime64(moment(until), "ns")), "UTC")


def simulated(seed, theta, days=400, rate=4.0, omega=0.3, sigma=60.0):
    return naive.simulate(seed, SIDE, days, rate, theta, omega, sigma)


@pytest.fixture(scope="module")
def city():
    return simulated(1, 0.5, rate=3.0)


@pytest.fixture(scope="module")
def fitted(city):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return MODEL.fit(table(*city), GRID, until=moment(400))


def setup_of(crimes, form, days=400):
    """What the iterations go over."""
    past = known(table(*crimes, days=days), GRID, moment(days))
    return nonparametric_model._setup(form, past, 1e-3)[0]


# An iteration ---------------------------------------------------------------------------------------------


def test_an_iteration_equals_plain_loops():
    crimes = simulated(5, 0.6, days=120, rate=0.5)
    crimes = np.round(crimes, 2)
    form = replace(SMALL, reach="15D", radius=300.0, neighbours_in_time=12)
    setup = setup_of(crimes, form, days=120)
    assert 40 < crimes.shape[1] < 160
    assert setup.bin_of.size > 30
    shares = declustering.iterate(setup, declustering.start_shares(setup, 0.4)).shares
    made = declustering.iterate(setup, shares)
    now = declustering.densities(setup, shares)

    n = crimes.shape[1]
    pairs, place = np.zeros((n, n)), 0
    for j in range(n):
        for i in range(j):
            near = np.hypot(crimes[1, i] - crimes[1, j], crimes[2, i] - crimes[2, j]) <= 300
            if near and crimes[0, j] - crimes[0, i] <= 15:
                pairs[i, j] = 1.0
                place += 1
    assert place == setup.bin_of.size
    # The list of pairs is by later crime; within one, the order is the list's own.
    bins, number = setup.bins, np.diff(setup.begin)
    assert number.tolist() == pairs.sum(axis=0).astype(int).tolist()
    for j in range(n):
        earlier = np.flatnonzero(pairs[:, j])
        lag, way = crimes[0, j] - crimes[0, earlier], np.hypot(*(crimes[1:, [j]] - crimes[1:, earlier]))
        theirs = setup.bin_of[setup.begin[j] : setup.begin[j + 1]]
        ours = bins.of(lag, way)
        assert sorted(ours) == sorted(theirs)
        pairs[earlier[np.argsort(ours, kind="stable")], j] = shares.pairs[setup.begin[j] : setup.begin[j + 1]][
            np.argsort(theirs, kind="stable")
        ]
    seen = naive.exposure(crimes, bins.lags, bins.rings, 120.0, SIDE, SIDE)
    assert_allclose(bins.exposure, seen, rtol=1e-10)
    settings = {
        "lags": bins.lags, "rings": bins.rings, "exposure": seen, "k": 4, "k_time": 12, "least": setup.ground.least,
        "least_lag": 1e-3, "days": 120.0, "bins": now.level.rate.size, "total_m2": SIDE**2,
        "edge": lambda wide: setup.ground.share.at(crimes[1], crimes[2], wide),
    }  # fmt: skip
    alone, new, mu, nu, g = naive.iterate(crimes, shares.alone, pairs, settings)
    assert_allclose(now.place, mu, rtol=1e-10)
    assert_allclose(now.level.rate, nu, rtol=1e-10)
    assert_allclose(now.trigger.rate, g, rtol=1e-9, atol=1e-12 * g.max())
    assert_allclose(made.shares.alone, alone, rtol=1e-9, atol=1e-12)
    for j in range(n):
        ours = made.shares.pairs[setup.begin[j] : setup.begin[j + 1]]
        assert_allclose(np.sort(ours), np.sort(new[np.flatnonzero(pairs[:, j]), j]), rtol=1e-8, atol=1e-12)
    assert 0.05 < 1 - alone.mean() < 0.9


def test_bins_are_fine_enough():
    # A pair is told by the middle of its bin; what that errs in the trigger's moments is stated here.
    bins = TriggerBins(*edges(60.0, 400.0), np.ones((32, 16)))
    rng = np.random.default_rng(2)
    lag, way = rng.exponential(5.0, 200_000), 80 * np.sqrt(rng.chisquare(2, 200_000))
    inside = (lag < 60) & (way < 400)
    place = bins.of(lag[inside], way[inside])
    assert bins.lag[place // 16].mean() == pytest.approx(lag[inside].mean(), rel=0.01)
    assert np.sqrt((bins.distance[place % 16] ** 2).mean()) == pytest.approx(
        np.sqrt((way[inside] ** 2).mean()), rel=0.01
    )
    assert bins.lags[1] < 0.1
    assert bins.rings[1] < 10


def test_no_crime_speaks_for_itself(city):
    setup = setup_of(city, MODEL)
    shares = declustering.start_shares(setup, 0.5)
    now = declustering.densities(setup, shares)
    number = 700
    more = shares.alone.copy()
    more[number] *= 1e-3
    less = declustering.densities(setup, declustering.Shares(more, shares.pairs))
    # Its own weight changes no bandwidth and hardly the total; near it in time the same place is unmoved.
    near = np.abs(setup.ground.t - setup.ground.t[number]) < setup.ground.reach
    same_width = near & (less.bandwidth == now.bandwidth)
    assert near[number]
    assert same_width[number]
    mine = (less.place[number], now.place[number])
    assert mine[0] == pytest.approx(mine[1], rel=0.02)
    level = (less.level.at(setup.ground.clock, more)[number], now.level.at(setup.ground.clock, shares.alone)[number])
    assert level[0] == pytest.approx(level[1], rel=0.01)


def test_the_share_inside_is_the_integral():
    share = inside_table(GRID, 20.0, 800.0)
    rng = np.random.default_rng(3)
    from scipy.special import ndtr

    x, y, h = rng.uniform(0, SIDE, 500), rng.uniform(0, SIDE, 500), np.exp(rng.uniform(np.log(60), np.log(700), 500))
    exact = (ndtr((SIDE - x) / h) - ndtr(-x / h)) * (ndtr((SIDE - y) / h) - ndtr(-y / h))
    assert_allclose(share.at(x, y, h), exact, atol=0.03)


def test_crowds_on_one_place_have_a_bandwidth():
    x, y = np.r_[np.zeros(300), 500.0, 700.0], np.zeros(302)
    distance, neighbour = nearest(x, y, 5)
    assert distance.shape == (302, 20)
    assert (neighbour != np.arange(302)[:, None]).all()
    assert (nearest_mass(distance, neighbour, np.ones(302), 5.0)[:300] == 0).all()
    density = elsewhen(np.arange(302.0), x, y, np.ones(302), np.full(302, 30.0), 5.0)
    assert np.isfinite(density).all()


# One answer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theta", "rate", "within"),
    [(0.5, 2.0, 0.1), pytest.param(0.2, 4.0, 0.08, marks=pytest.mark.slow), (0.0, 3.0, 0.01)],
)
def test_known_branching_ratios_are_found_from_any_start(theta, rate, within):
    crimes = simulated(11, theta, rate=rate)
    fit = replace(MODEL, starts=3).fit(table(*crimes), GRID, until=moment(400))
    assert fit.converged
    ends = [run.ratios[-1] for run in fit.runs]
    assert [run.start for run in fit.runs] == pytest.approx([0.9, 0.5, 0.1])
    assert max(ends) - min(ends) < 0.002
    assert fit.branching_ratio == pytest.approx(theta, abs=within)
    # The iterations began far apart.
    assert fit.runs[2].ratios[0] - fit.runs[0].ratios[0] > 0.5


def test_more_iterations_change_nothing(city):
    setup = setup_of(city, MODEL)
    run = declustering.decluster(setup, 0.5, 200, 1e-9)
    longer = declustering.decluster(setup, 0.5, 300, 1e-11)
    assert run.converged
    assert len(longer.ratios) > len(run.ratios) + 5
    assert longer.ratios[-1] == pytest.approx(run.ratios[-1], abs=1e-3)
    assert np.abs(longer.alone - run.alone).mean() < 1e-3
    assert (longer.ratios[: len(run.ratios)] == run.ratios).all()


def test_an_unfinished_fit_says_so(city):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ppe.PredPolWarning)
        fit = replace(MODEL, max_iterations=3).fit(table(*city), GRID, until=moment(400))
    said = " ".join(str(warning.message) for warning in caught)
    assert "has not converged after 3 iterations from 2 of 2 starts" in said
    assert "came to rest in different places" in said
    assert not fit.converged
    assert not fit.agree
    assert "not converged" in repr(fit)
    assert fit.predict(windows((400, 401))).attrs["converged"] == 0


def test_the_probabilities_tell_background_from_repeats(city, fitted):
    assert fitted.alone.shape == (city.shape[1],)
    assert ((fitted.alone >= 0) & (fitted.alone <= 1)).all()
    # Summed up, they are the background's part of the crimes.
    assert fitted.alone.sum() / fitted.days == pytest.approx(3.0, rel=0.12)
    assert fitted.level.mean() == pytest.approx(fitted.alone.sum() / fitted.days, rel=1e-3)


def test_the_trigger_has_the_shape_of_the_truth(fitted):
    held = fitted.rate * fitted.bins.volume
    assert held.sum() == pytest.approx(fitted.branching_ratio)
    lag = (held.sum(axis=1) * fitted.bins.lag).sum() / held.sum()
    way = np.sqrt(0.5 * (held.sum(axis=0) * fitted.bins.distance**2).sum() / held.sum())
    assert lag == pytest.approx(1 / 0.3, rel=0.3)
    # Smoothing widens the tail: the root mean square, which tells it most, by up to a half in a crowded city.
    assert 50 < way < 90
    edges_of_lag, by_lag = fitted.by_lag()
    rings, by_distance = fitted.by_distance()
    assert (by_lag * np.diff(edges_of_lag)).sum() == pytest.approx(fitted.branching_ratio)
    assert (by_distance * np.pi * np.diff(rings**2)).sum() == pytest.approx(fitted.branching_ratio)
    assert fitted.trigger(0.5, 20.0) > 10 * fitted.trigger(8.0, 150.0)
    assert fitted.trigger([1.0, 59.0, 100.0, -1.0], [500.0, 10.0, 10.0, 10.0])[[0, 2, 3]].tolist() == [0, 0, 0]
    assert fitted.trigger(fitted.bins.lag[3], fitted.bins.distance[2]) == fitted.rate[3, 2]


# What is expected -----------------------------------------------------------------------------------------


def test_the_expected_count_is_the_mean_of_what_happens(fitted):
    # On the whole plane, so that nothing is lost at the border: a wide grid, crimes in its middle.
    wide = ppe.Grid.from_bounds(0, 0, 10_000, 10_000, cell=500, crs=CRS)
    held = fitted.rate * fitted.bins.volume
    lags, theta = fitted.bins.lags, held.sum()
    chance = held.sum(axis=1) / theta

    def growth(rng, number):
        many = rng.poisson(theta, number)
        bins = rng.choice(chance.size, many.sum(), p=chance)
        return np.repeat(np.arange(number), many), rng.uniform(lags[bins], lags[bins + 1])

    ages = np.array([0.1, 0.5, 2.0, 7.0])
    mu = np.full(wide.shape, 0.0)
    mu[8:12, 8:12] = 0.5 / 16
    middle = np.full(4, 5000.0)
    days = np.array([0.0, 1.0, 7.0, 40.0])
    ours = nonparametric_forecast.cumulative(wide, fitted.bins, fitted.rate, mu, middle, middle, ages, days)
    assert (ours[0] == 0).all()
    first = mu.sum() * 40 + nonparametric_forecast.first_generation(
        wide, fitted.bins.rings, nonparametric_forecast.Growth.of(fitted.bins, fitted.rate), middle, middle, ages, days
    )[3].sum()  # fmt: skip
    assert ours[3].sum() > 1.3 * first
    for place in (1, 2, 3):
        mean, error = naive.expected(place, 0.5, growth, ages, days[place], 20_000)
        assert ours[place].sum() == pytest.approx(mean, abs=4 * error + 0.003 * mean)


def test_windows_add_up(fitted):
    parts = fitted.predict(windows((400, 401), (401, 404), (404, 430.5)))
    whole = fitted.predict(windows((400, 430.5)))
    assert parts.attrs["kind"] == "expected_count"
    assert_allclose(parts.sum("window"), whole[0], rtol=1e-9)
    assert float(parts.min()) > 0


def test_a_crime_lights_up_its_surroundings(city):
    t, x, y = city
    early = t < 398
    events = [
        table(t[early], x[early], y[early]),
        table(*(np.append(v[early], w) for v, w in zip(city, (399.9, 1100.0, 900.0), strict=True))),
    ]
    plain, lit = (FAST.fit(part, GRID, until=moment(400)).predict(windows((400, 401)))[0] for part in events)
    gain = (lit - plain).to_numpy()
    assert np.unravel_index(gain.argmax(), gain.shape) == (3, 4)
    assert gain[3, 4] > 10 * np.abs(gain[:, 0]).max()


def test_what_happened_unseen_before_the_window_counts_too():
    crimes = simulated(4, 0.5, rate=3.0)
    events = table(*crimes)
    fit = FAST.fit(events, GRID, until=moment(405))
    same = FAST.fit(events, GRID, until=moment(400))
    assert fit.branching_ratio == same.branching_ratio
    late = fit.predict(windows((405, 406), until=405)).to_numpy()
    assert_allclose(late, same.predict(windows((405, 406))).to_numpy(), rtol=1e-12)


def test_almost_endless_growth_is_refused_far_ahead(fitted):
    wild = replace(fitted, rate=fitted.rate * 2.2)
    assert float(wild.predict(windows((400, 401))).sum()) > 0
    with pytest.raises(ppe.InputError, match="hardly dies out"):
        wild.predict(windows((9000, 9001)))
    assert any("without limit" in note for note in replace(wild, branching_ratio=1.2).notes)


# The forecaster -------------------------------------------------------------------------------------------


def test_what_a_fit_tells(fitted, tmp_path):
    assert isinstance(fitted, Fitted)
    for word in ("branching ratio", "converged after", "starts ended", "crimes per day"):
        assert word in repr(fitted)
    assert "<table" in fitted._repr_html_()
    risk = fitted.predict(windows((400, 401)))
    assert risk.attrs["branching_ratio"] == fitted.branching_ratio
    assert risk.attrs["converged"] == 1
    assert risk.attrs["background_per_day"] == pytest.approx(fitted.background)
    assert fitted.iterations == len(fitted.log_likelihood_path) == len(fitted.branching_ratio_path)
    ppe.save_fit(fitted, tmp_path / "fit.nc")
    again = ppe.load_fit(tmp_path / "fit.nc")
    assert again.predict(windows((400, 401))).identical(risk)
    assert repr(again) == repr(fitted)


def test_the_order_of_rows_does_not_matter_to_the_bit(city):
    t, x, y = np.round(city, 1)
    order = np.random.default_rng(1).permutation(t.size)
    one, two = (FAST.fit(table(t[o], x[o], y[o]), GRID, until=moment(400)) for o in (np.arange(t.size), order))
    assert one.branching_ratio == two.branching_ratio
    assert np.array_equal(one.mu, two.mu)


def test_a_cut_city_keeps_to_itself(city):
    import geopandas as gpd
    import shapely

    area = gpd.GeoDataFrame(geometry=[shapely.Point(1000, 1000).buffer(800)], crs=CRS)
    grid = ppe.Grid.from_areas(area, cell=250)
    inside = np.hypot(city[1] - 1000, city[2] - 1000) < 800
    fit = FAST.fit(table(*city[:, inside]), grid, until=moment(400))
    risk = fit.predict(windows((400, 401))).to_numpy()[0]
    assert np.array_equal(np.isnan(risk), ~grid.mask)
    assert (fit.mu[~grid.mask] == 0).all()
    assert fit.branching_ratio == pytest.approx(0.5, abs=0.15)


def test_a_gap_is_left_out(city):
    t, x, y = city
    seen = (t < 150) | (t >= 250)
    observed = [(START, moment(150)), (moment(250), moment(400))]
    fit = FAST.fit(table(t[seen], x[seen], y[seen], observed=observed), GRID, until=moment(400))
    assert fit.days == 300.0
    assert fit.level.mean() == pytest.approx(fit.alone.sum() / 300, rel=1e-3)
    assert fit.branching_ratio == pytest.approx(0.5, abs=0.15)


def test_crimes_of_no_kind_of_family_are_all_background():
    # Far apart, every one: not a single close pair.
    at = np.arange(64)
    crimes = (at * 6.0, 125.0 + 250 * (at % 8), 125.0 + 250 * (at // 8))
    fit = replace(SMALL, radius=50.0).fit(table(*crimes), GRID, until=moment(400))
    assert fit.pairs == 0
    assert fit.branching_ratio == 0
    assert (fit.alone == 1).all()
    assert fit.converged
    assert any("no repeats" in note for note in fit.notes)
    total = float(fit.predict(windows((400, 401))).sum())
    assert total == pytest.approx(fit.background, rel=1e-9)


def test_times_told_to_the_day_and_places_to_the_corner(city):
    t, x, y = city
    x, y = (50 + 100 * np.floor(side / 100) for side in (x, y))
    fit = FAST.fit(table(np.floor(t), x, y), GRID, until=moment(400))
    assert "1 day" in fit.notes[0]
    assert "50 m" in fit.notes[0]
    assert np.isfinite(fit.rate).all()
    assert 0.2 < fit.branching_ratio < 0.9


def test_starts_that_disagree_say_so():
    # 800 crimes, 15 neighbours: from nearly all background the few repeats are smoothed away.
    crimes = simulated(3, 0.3, days=80, rate=8.0)
    with pytest.warns(ppe.PredPolWarning, match="came to rest in different places from different starts"):
        fit = MODEL.fit(table(*crimes, days=80), GRID, until=moment(80))
    assert not fit.converged
    assert any("none can be trusted" in note for note in fit.notes)
    assert all(run.converged for run in fit.runs)


def test_short_data_shorten_the_reach():
    t, x, y = simulated(3, 0.3, days=80, rate=8.0)
    fit = FAST.fit(table(t, x, y, days=80), GRID, until=moment(80))
    assert fit.bins.lags[-1] == pytest.approx(10.0)
    assert any("an eighth" in note for note in fit.notes)


def test_a_trigger_that_is_cut_off_is_told(city):
    fit = replace(FAST, reach="2D").fit(table(*city), GRID, until=moment(400))
    assert any("last fifth of the reach" in note for note in fit.notes)


def spread(n=60):
    rng = np.random.default_rng(9)
    return rng.uniform(0, 400, n), rng.uniform(0, SIDE, n), rng.uniform(0, SIDE, n)


BAD = {
    "none": (lambda: table([1.0], -500.0, 5.0), "no crime is known in the grid"),
    "one": (lambda: table([1.0], 5.0, 5.0), "a single crime is known in the grid"),
    "few": (
        lambda: table(np.arange(20.0), np.arange(20.0), 5.0),
        r"20 crimes are known .*neighbours=15 needs at least 31",
    ),
    "one moment": (lambda: table(np.full(60, 7.0), *spread()[1:]), "60 crimes, all at one moment"),
    "one place": (lambda: table(spread()[0], 500.0, 500.0), "60 crimes, all on one place"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    make, message = BAD[case]
    with pytest.raises(ppe.InputError, match=message):
        MODEL.fit(make(), GRID, until=moment(400))


def test_more_bad_input(monkeypatch):
    with pytest.raises(ppe.InputError, match="nothing is left to see"):
        MODEL.fit(table(np.floor(spread()[0] / 39), *spread()[1:], days=11), GRID, until=moment(11))
    monkeypatch.setattr(nonparametric_model, "MOST_PAIRS", 3)
    with pytest.raises(ppe.InputError, match="pairs of crimes lie within"):
        MODEL.fit(table(*spread(400)), GRID, until=moment(400))
    t, x, _ = spread(400)
    with pytest.raises(ppe.InputError, match="stand on one place"):
        MODEL.fit(
            table(np.resize(t, 5000), np.resize([*x[:60], *[500.0] * 4940], 5000), 500.0), GRID, until=moment(400)
        )
    with pytest.raises(ppe.InputError, match="radius"):
        ppe.SelfExciting(model="nonparametric", radius=0)
    with pytest.raises(ppe.InputError, match="reach"):
        ppe.SelfExciting(model="nonparametric", reach="soon")
    with pytest.raises(ppe.InputError, match="neighbours"):
        ppe.SelfExciting(model="nonparametric", neighbours=0)
    with pytest.raises(ppe.InputError, match="means nothing to model='cell'"):
        ppe.SelfExciting(radius=200)
    with pytest.raises(ppe.InputError, match="means nothing to model='nonparametric'"):
        ppe.SelfExciting(model="nonparametric", bandwidth=100)


def test_duplicates_and_a_long_lookback_are_fitted():
    t, x, y = spread(200)
    twice = table(np.repeat(t, 2), np.repeat(x, 2), np.repeat(y, 2))
    fit = replace(FAST, lookback="9000D").fit(twice, GRID, until=moment(400))
    # Every second record follows another at once, on its place.
    assert fit.branching_ratio == pytest.approx(0.5, abs=0.1)
    assert np.isfinite(fit.predict(windows((400, 401)))).all()


def test_memory_grows_with_the_close_pairs(monkeypatch):
    import tracemalloc

    def peak(n):
        rng = np.random.default_rng(0)
        side = 100.0 * np.sqrt(n)
        grid = ppe.Grid.from_bounds(0, 0, side, side, cell=500, crs=CRS)
        events = table(rng.uniform(0, 400, n), rng.uniform(0, side, n), rng.uniform(0, side, n))
        tracemalloc.start()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            replace(MODEL, max_iterations=2, starts=1).fit(events, grid, until=moment(400))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(500)
    small, large = peak(4000), peak(16_000)
    assert large < 5 * small
    assert large < 16_000**2 * 8 / 20


def test_it_passes_the_checks():
    assert ppe.check_forecaster(replace(SMALL, tolerance=1e-4, starts=1)).passed


def test_in_a_backtest_with_a_night_without_crime(city):
    seen = (city[0] < 380) | (city[0] >= 382)
    events = table(*city[:, seen])
    nights = ppe.Schedule(start=moment(380), end=moment(383), tz="UTC")
    out = ppe.backtest({"n": FAST}, events, GRID, nights, budgets=[ppe.Coverage(0.1)], progress=False)
    assert (out.status == "ok").all()
    assert out.events.to_numpy().ravel().tolist()[:2] == [0, 0]
