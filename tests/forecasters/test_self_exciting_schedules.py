"""SelfExciting on a whole schedule: each night's fit starts from the last one's, and tells the same as by itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import predpol_eval as ppe
from predpol_eval.backtests import risk
from predpol_eval.forecasters.hawkes import cell_fit, cell_model, continuous_model, schedules
from predpol_eval.forecasters.hawkes.cell_fit import fit_cells, refit_cells
from predpol_eval.forecasters.hawkes.cells import crimes_by_cell
from predpol_eval.forecasters.hawkes.continuous_fit import fit_continuous, refit_continuous
from predpol_eval.forecasters.hawkes.night import Nights, night_of
from predpol_eval.forecasters.many_nights import has_own_way
from predpol_eval.forecasters.self_exciting import SelfExciting
from predpol_eval.simulate import simulate_self_exciting

TZ = "Europe/London"
CRS = "EPSG:27700"
GRID = ppe.Grid.from_bounds(0, 0, 2000, 1500, cell=250, crs=CRS)


def nights(start, end):
    return ppe.Schedule(start=start, end=end, tz=TZ).windows


@pytest.fixture(scope="module")
def city():
    """Two years in three square kilometres: theta 0.4, omega 1, sigma 60 m."""
    return simulate_self_exciting(
        GRID, start="2016-01-01", end="2018-01-01", tz=TZ, model="continuous", theta=0.4, omega=1.0, sigma=60.0,
        mu=2.0, hot_spots=[(500, 500, 200, 0.5), (1500, 900, 250, 0.4)], seed=4, burn_in="40D",
    ).events  # fmt: skip


def agree(forecaster, events, windows, grid=GRID):
    """Both ways agree to 1e-9 of each window's highest; and the largest gap."""
    together, alone = forecaster.forecast(events, grid, windows), ppe.forecast(forecaster, events, grid, windows)
    assert together.dims == alone.dims
    assert str(together.attrs) == str(alone.attrs)  # where there are no repeats, omega is NaN
    for name in alone.coords:
        assert (together[name] == alone[name]).all()
    one, other = together.to_numpy(), alone.to_numpy()
    peak = np.nanmax(np.abs(other), axis=(1, 2))
    gap = np.nanmax(np.abs(one - other), axis=(1, 2)) / peak
    assert (np.isnan(one) == np.isnan(other)).all()
    assert gap.max() <= 1e-9
    return float(gap.max())


class Counted:
    """A function, and how often it was called."""

    def __init__(self, function):
        self.function, self.calls, self.failures = function, 0, 0

    def __call__(self, *arguments, **options):
        self.calls += 1
        found = self.function(*arguments, **options)
        self.failures += found is None
        return found


# Equal to the plain loop ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lookback": "365D"},
        {"jackknife": True},
        {"background": "shared"},
        {"cell": 500.0, "lookback": "500D", "min_step": "1D"},
        {"tolerance": 1e-3},
        {"max_iterations": 3},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_cells_on_a_schedule_are_the_nights_one_by_one(city, options):
    agree(SelfExciting(**options), city, nights("2017-12-01", "2017-12-20"))


@pytest.mark.parametrize(
    "options", [{}, {"lookback": "500D", "starts": 1}, {"bandwidth": 150.0}, {"min_distance": 30.0}], ids=str
)
def test_continuous_on_a_schedule_is_the_nights_one_by_one(city, options):
    agree(SelfExciting(model="continuous", **options), city, nights("2017-12-10", "2017-12-15"))


def test_nonparametric_starts_from_nothing(city):
    form = SelfExciting(model="nonparametric", lookback="200D", max_iterations=20)
    with pytest.warns(ppe.PredPolWarning):
        assert agree(form, city, nights("2017-12-30", "2018-01-01")) == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_what_few_crimes_say_is_said_alike(seed):
    # Hours, few crimes, little to tell repeats by: where the peaks of the likelihood are many.
    made = simulate_self_exciting(
        GRID, start="2017-01-01", end="2017-06-01", tz=TZ, theta=0.1 + 0.2 * seed, omega=0.5, mu=0.3, seed=seed
    ).events
    windows = nights("2017-04-01", "2017-05-20")
    for options in ({}, {"lookback": "60D"}, {"background": "shared"}):
        agree(SelfExciting(**options), made, windows)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["20D", "90D", None]), st.sampled_from(["1h", "1D", None]))
def test_random_crimes_in_any_order(seed, lookback, min_step):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(30, 400))
    t = pd.Timestamp("2018-01-01") + pd.to_timedelta(rng.integers(0, 24 * 150, size), unit="h")
    frame = pd.DataFrame({"t": t, "x": rng.uniform(0, 2000, size), "y": rng.uniform(0, 1500, size)})
    twice = pd.concat(
        [frame, frame.sample(frac=0.3, random_state=seed).assign(t=lambda rows: rows.t + pd.Timedelta("1D"))]
    )
    events = ppe.Events.from_frame(twice, crs=CRS, tz="UTC", observed=[("2018-01-01", "2018-06-05")])
    agree(SelfExciting(lookback=lookback, min_step=min_step), events, nights("2018-05-01", "2018-05-25"))


def test_late_records_and_intervals_and_gaps(city):
    rng = np.random.default_rng(1)
    frame = city.frame()
    wall = frame["happened"].dt.tz_convert("UTC").dt.tz_localize(None)
    until = wall + pd.to_timedelta(rng.integers(0, 72, len(frame)), unit="h")
    frame = pd.DataFrame(
        {
            "x": frame["x"], "y": frame["y"], "t": wall, "until": until,
            "known": wall + pd.to_timedelta(rng.integers(0, 24 * 20, len(frame)), unit="h"),
        }
    )  # fmt: skip
    events = ppe.Events.from_frame(
        frame, happened="t", happened_until="until", recorded="known", crs=CRS, tz="UTC",
        observed=[("2016-01-01", "2016-09-01"), ("2016-11-01", "2018-01-01")],
    )  # fmt: skip
    windows = nights("2017-12-01", "2017-12-09")
    agree(SelfExciting(), events, windows)
    agree(SelfExciting(lookback="450D", jackknife=True), events, windows)
    agree(SelfExciting(model="continuous", starts=1), events, windows[:4])


def test_windows_in_any_order_and_several_at_one_moment(city):
    form, windows = SelfExciting(), nights("2017-12-01", "2017-12-06")
    shuffled = windows[[3, 0, 4, 1, 2]]
    agree(form, city, shuffled)
    long = ppe.Windows(windows.start[[0, 1, 2, 2]], windows.end[[0, 1, 2, 4]], windows.until[[0, 0, 0, 2]], windows.tz)
    agree(form, city, long)
    with pytest.raises(ppe.InputError, match="no window"):
        form.forecast(city, GRID, windows[:0])


def test_a_night_that_cannot_be_fitted_says_so(city):
    with pytest.raises(ppe.InputError, match="No time was observed"):
        SelfExciting(lookback="3D").forecast(city, GRID, nights("2018-02-01", "2018-02-04"))


# Faster than the plain loop -------------------------------------------------------------------------------


def test_most_nights_start_from_the_last(city, monkeypatch):
    cold, warm = Counted(cell_model.fit_cells), Counted(cell_model.refit_cells)
    monkeypatch.setattr(cell_model, "fit_cells", cold)
    monkeypatch.setattr(cell_model, "refit_cells", warm)
    SelfExciting().forecast(city, GRID, nights("2017-12-01", "2017-12-29"))
    assert (cold.calls, warm.calls, warm.failures) == (3, 27, 0)


def test_most_nights_in_continuous_space_too(city, monkeypatch):
    cold, warm = Counted(continuous_model.fit_continuous), Counted(continuous_model.refit_continuous)
    monkeypatch.setattr(continuous_model, "fit_continuous", cold)
    monkeypatch.setattr(continuous_model, "refit_continuous", warm)
    SelfExciting(model="continuous").forecast(city, GRID, nights("2017-12-01", "2017-12-08"))
    assert (cold.calls, warm.calls, warm.failures) == (2, 6, 0)


def test_a_backtest_does_nights_together():
    assert has_own_way(SelfExciting())


# Kept from going astray -----------------------------------------------------------------------------------


def test_a_chain_that_ends_elsewhere_is_not_believed(city, monkeypatch):
    """Planted: a fit from the last night's that is off by a millionth; the night at the end finds it out."""
    from dataclasses import replace

    honest = cell_model.refit_cells

    def astray(crimes, before):
        found = honest(crimes, before)
        return None if found is None else replace(found, theta=found.theta * (1 + 1e-6))

    monkeypatch.setattr(cell_model, "refit_cells", astray)
    cold = Counted(cell_model.fit_cells)
    monkeypatch.setattr(cell_model, "fit_cells", cold)
    windows = nights("2017-12-01", "2017-12-21")
    together = SelfExciting().forecast(city, GRID, windows)
    # All of them: the first stretch of 14 after it failed, the others because it did.
    assert cold.calls == 20
    assert np.array_equal(together, ppe.forecast(SelfExciting(), city, GRID, windows))


def test_nights_far_apart_start_from_nothing(city, monkeypatch):
    warm = Counted(cell_model.refit_cells)
    monkeypatch.setattr(cell_model, "refit_cells", warm)
    windows = nights("2017-06-01", "2017-12-20")
    agree(SelfExciting(lookback="300D"), city, windows[::20])
    assert warm.calls == 0
    assert schedules.MOST_APART * 300 < 20


def small(t, cell, end=100.0):
    return crimes_by_cell(
        np.asarray(t, float), np.asarray(cell), np.ones(len(t)), np.array([0.0]), np.array([end]), 1 / 24
    )


def test_without_a_clear_lead_there_is_no_start_from_it():
    # Some repeats, found and settled, but hardly likelier than none: one more crime may turn it over.
    unclear = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        crimes = small(rng.uniform(0, 100, 60), rng.integers(0, 5, 60))
        fit = fit_cells(crimes)
        if fit.settled and fit.theta > 0 and fit.lead < 10:
            unclear += 1
            assert not fit.one_answer
            assert refit_cells(crimes, fit) is None
    assert unclear > 3


def test_the_lead_is_over_the_second_peak():
    # Repeats after minutes and after weeks: a peak each. Found by the scan, and told.
    rng = np.random.default_rng(5)
    t, cell = [], []
    for place in range(30):
        begun = rng.uniform(0, 900, 12)
        t += [*begun, *(begun[:4] + rng.exponential(0.05, 4)), *(begun[4:] + rng.exponential(12.0, 8))]
        cell += [place] * 24
    crimes = crimes_by_cell(
        np.minimum(t, 999.0), np.asarray(cell), np.ones(len(t)), np.array([0.0]), np.array([1000.0]), 1e-4
    )
    fit = fit_cells(crimes)
    nothing = cell_fit._nothing(crimes, crimes.by_group(np.ones(len(t))) / crimes.days)
    assert 0 <= fit.lead < fit.log_likelihood_path[-1] - nothing


@pytest.mark.parametrize("shared", [False, True])
def test_a_fit_from_nearby_ends_where_one_from_nothing_does(city, shared):
    last = SelfExciting(background="shared" if shared else "cell").fit(city, GRID, until="2017-12-01")
    this = SelfExciting(background="shared" if shared else "cell").fit(city, GRID, until="2017-12-20")
    again = refit_cells(this.crimes, last.best)
    assert_allclose([again.theta, again.omega], [this.best.theta, this.best.omega], rtol=1e-10)
    assert_allclose(again.mu, this.best.mu, rtol=1e-9)
    assert abs(last.theta / this.theta - 1) > 1e-5


def test_in_continuous_space_it_ends_there_too(city):
    last = SelfExciting(model="continuous").fit(city, GRID, until="2017-12-01")
    this = SelfExciting(model="continuous").fit(city, GRID, until="2017-12-20")
    assert this.best.one_answer
    rng = np.random.default_rng(1)
    for off in (0.0, 0.1):
        guess = np.clip(this.best.weight + off * rng.normal(size=this.crimes.number), 0.0, 1.0)
        again = refit_continuous(this.crimes, last.best, guess)
        found = [(fit.theta, fit.omega, fit.sigma, fit.bandwidth) for fit in (again, this.best)]
        assert_allclose(*found, rtol=1e-9)
        assert_allclose(again.weight, this.best.weight, atol=1e-9)
    # Further than a night can move it, nothing is promised.
    from dataclasses import replace

    assert refit_continuous(this.crimes, replace(last.best, sigma=5 * last.sigma), guess) is None
    loose = fit_continuous(this.crimes, max_iterations=1)
    assert not loose.settled
    assert refit_continuous(this.crimes, loose, guess) is None


def test_what_is_shared_between_nights_is_what_each_finds(city):
    layout = cell_model.layout_of(GRID, 500.0)
    shared = Nights.of(city, GRID, layout.block)
    for until, lookback in (("2017-03-05", None), ("2017-10-01T12:00", "90D")):
        moment = np.datetime64(until, "ns")
        night = shared.night(moment, lookback, None)
        alone = night_of(night.past, None)
        assert np.array_equal(night.where, alone.where)
        assert (night.step, night.step_name) == (alone.step, alone.step_name)
        ours, theirs = (each.order(layout.block) for each in (night, alone))
        assert np.array_equal(np.sort(ours), np.sort(theirs))
        assert np.array_equal(night.past.moments[ours], alone.past.moments[theirs])
        assert np.array_equal(layout.block.ravel()[night.where[ours]], layout.block.ravel()[alone.where[theirs]])


@pytest.mark.parametrize("model", ["cell", "continuous"])
def test_the_backtest_checks_a_night_of_every_block_and_finds_it_right(city, model, monkeypatch):
    monkeypatch.setattr(risk, "CHECKED_SHARE", 1.0)
    schedule = ppe.Schedule(start="2017-12-01", end="2017-12-08", tz=TZ)
    form = SelfExciting(model=model)
    out = ppe.backtest({"it": form}, city, GRID, schedule, budgets=(ppe.Coverage(0.1),), progress=False)
    assert (out.status == "ok").all()
