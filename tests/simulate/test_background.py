"""Crimes without a cause among each other: as many, where and when the truth says."""

from __future__ import annotations

import datetime
import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import predpol_eval as ppe
from predpol_eval.simulate import simulate_background, simulate_self_exciting
from predpol_eval.simulate.season import Season

GRID = ppe.Grid.from_bounds(0, 0, 6000, 5000, cell=500, crs="EPSG:27700")
BASE = {"start": "2016-01-01", "end": "2018-01-01", "tz": "Europe/London", "mu": 30.0, "seed": 1}
WEEK = [1.0, 1.0, 1.0, 1.2, 1.6, 2.0, 0.7]
MONTHS = [0.6, 0.7, 0.8, 1.0, 1.1, 1.3, 1.5, 1.4, 1.2, 1.0, 0.8, 0.6]


def by_wall(made):
    """The civil day of each crime, by the standard library."""
    from zoneinfo import ZoneInfo

    zone, seconds = ZoneInfo(made.events.tz), made.events.happened.astype("datetime64[s]").astype(int)
    return [datetime.datetime.fromtimestamp(second, zone) for second in seconds.tolist()]


def test_weekday_and_month_are_those_of_the_profiles():
    made = simulate_background(GRID, **BASE, weekly=WEEK, yearly=MONTHS)
    days = [datetime.date(2016, 1, 1) + datetime.timedelta(n) for n in range(731)]
    week = np.array(WEEK) / np.mean(WEEK)
    lengths = [31, 28.2425, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    months = np.array(MONTHS) / np.average(MONTHS, weights=lengths)
    # Clock changes in the last Sundays of March and October: 23 and 25 hours.
    hours = {datetime.date(2016, 3, 27): 23, datetime.date(2016, 10, 30): 25}
    hours |= {datetime.date(2017, 3, 26): 23, datetime.date(2017, 10, 29): 25}
    expected = np.array([30.0 * week[d.weekday()] * months[d.month - 1] * hours.get(d, 24) / 24 for d in days])
    assert np.array_equal(made.truth.day, np.array(days, dtype="datetime64[D]"))
    assert made.truth.expected == pytest.approx(expected, rel=1e-12)
    assert len(made.events) == pytest.approx(expected.sum(), abs=4 * math.sqrt(expected.sum()))
    found = by_wall(made)
    for key in (lambda d: d.weekday(), lambda d: d.month):
        names = np.array([key(d) for d in days])
        seen = np.array([key(t) for t in found])
        levels = np.unique(names)
        mean = np.array([expected[names == level].sum() for level in levels])
        count = np.array([(seen == level).sum() for level in levels])
        assert stats.chisquare(count, mean * count.sum() / mean.sum()).pvalue > 1e-4
    # And every civil day for itself.
    at = {day: number for number, day in enumerate(days)}
    nightly = np.bincount([at[t.date()] for t in found], minlength=731)
    assert stats.chi2.sf(((nightly - expected) ** 2 / expected).sum(), 731) > 1e-4


def test_a_flat_season_is_none():
    made = simulate_background(GRID, **BASE)
    t = (made.events.happened - made.events.observed[0][0]).astype(np.int64) / 86400e9
    assert stats.kstest(t, "uniform", args=(0, 731)).pvalue > 1e-4
    assert (made.truth.weekly == 1).all()
    assert made.truth.expected.sum() == pytest.approx(30.0 * 731)
    assert made.truth.expected.max() == pytest.approx(30.0 * 25 / 24)


@pytest.mark.parametrize(
    "tz", ["Europe/London", "America/New_York", "Asia/Beirut", "America/Sao_Paulo", "Asia/Kolkata"]
)
def test_clock_changes_do_not_shift_weekdays(tz):
    # Saturdays alone: no crime may slip into a Friday or a Sunday, also where midnight itself is skipped.
    made = simulate_background(GRID, **BASE | {"tz": tz}, weekly=[0, 0, 0, 0, 0, 1, 0])
    assert len(made.events) > 20_000
    assert {t.weekday() for t in by_wall(made)} == {5}
    # In whole days too.
    cut = simulate_background(GRID, **BASE | {"tz": tz}, weekly=[0, 0, 0, 0, 0, 1, 0], resolution="day")
    assert {t.weekday() for t in by_wall(cut)} == {5}
    assert np.array_equal(cut.truth.moment, made.events.happened)


def test_dates_can_be_told_one_by_one():
    profile = np.zeros(366)
    profile[[0, 58, 59, 60, 365]] = 1, 2, 3, 2, 1
    made = simulate_background(GRID, **BASE, yearly=profile)
    found = [(t.month, t.day) for t in by_wall(made)]
    number = {date: found.count(date) for date in set(found)}
    assert set(number) == {(1, 1), (2, 28), (2, 29), (3, 1), (12, 31)}
    # In these two years there is one 29 February, and two of each other.
    assert number[2, 29] / number[1, 1] == pytest.approx(1.5, rel=0.15)
    assert number[2, 28] / number[1, 1] == pytest.approx(2, rel=0.15)
    assert made.truth.yearly.sum() - (1 - 0.2425) * made.truth.yearly[59] == pytest.approx(365.2425)


def test_places_are_those_of_a_surface():
    rng = np.random.default_rng(0)
    windows = ppe.Schedule(start="2018-01-01", end="2018-01-08", step="7D", horizon="7D", tz="Europe/London").windows
    risk = ppe.make_surface(rng.gamma(0.5, 1.0, (1, *GRID.shape)), GRID, windows, kind="expected_count")
    made = simulate_background(GRID, **BASE | {"mu": risk})
    assert made.truth.mu == pytest.approx(risk.to_numpy()[0] / 7)
    found = np.bincount(GRID.cells_of(made.events), minlength=GRID.mask.size)
    expected = (made.truth.mu * 731).ravel()
    large = expected > 5
    assert stats.chi2.sf(((found - expected) ** 2 / expected)[large].sum(), large.sum()) > 1e-4
    assert found.sum() == pytest.approx(expected.sum(), abs=4 * math.sqrt(expected.sum()))


def test_the_truth_is_a_perfect_forecast():
    made = simulate_background(GRID, **BASE, weekly=WEEK, yearly=MONTHS, hot_spots=[(3000, 3000, 400, 5.0)])
    nights = ppe.Schedule(start="2017-03-20", end="2017-04-03", tz="Europe/London")
    risk = made.truth.background_surface(GRID, nights)
    which = np.isin(made.truth.day, np.arange("2017-03-20", "2017-04-03", dtype="datetime64[D]"))
    share = made.truth.mu.sum() / (made.truth.mu.sum() + made.truth.mu_outside)
    assert risk.sum(["y", "x"]).to_numpy() == pytest.approx(made.truth.expected[which] * share)
    evening = ppe.Schedule(start="2017-03-24", end="2017-03-25", at="20:00", horizon="8h", tz="Europe/London")
    night = made.truth.background_surface(GRID, evening).sum().item()
    factor = made.truth.weekly[[4, 5]] * made.truth.yearly[31 + 29 + 23 + np.arange(2)]
    assert night == pytest.approx(made.truth.mu.sum() * factor.sum() * 4 / 24)
    with pytest.raises(ppe.InputError, match="simulated on"):
        made.truth.background_surface(ppe.Grid.from_bounds(0, 0, 500, 500, cell=250, crs=GRID.crs), nights)


def test_hot_spots_outside_are_kept_or_dropped():
    spots = [(0, 0, 300, 4.0)]
    kept = simulate_background(GRID, **BASE | {"mu": 0.0}, hot_spots=spots)
    dropped = simulate_background(GRID, **BASE | {"mu": 0.0}, hot_spots=spots, outside="drop")
    assert kept.truth.mu_outside == pytest.approx(3.0, rel=1e-6)
    inside = GRID.cells_of(kept.events) >= 0
    assert np.array_equal(dropped.events.x, kept.events.x[inside])
    assert np.array_equal(dropped.truth.moment, kept.truth.moment[inside])
    assert dropped.truth.left_out == (~inside).sum()
    assert kept.truth.left_out == 0


def test_hot_spots_reach_where_no_cell_is():
    # A lake of 2 x 2 cells, with half of the crime about its middle.
    area = shapely.box(0, 0, 3000, 3000).difference(shapely.box(1000, 1000, 2000, 2000))
    grid = ppe.Grid.from_areas(gpd.GeoDataFrame(geometry=[area], crs="EPSG:27700"), cell=500)
    made = simulate_background(grid, **BASE | {"mu": 5.0}, hot_spots=[(1500, 1500, 400, 5.0)])
    truth, cells = made.truth, grid.cells_of(made.events)
    assert (truth.mu[~grid.mask] == 0).all()
    assert truth.mu_outside == pytest.approx(5.0 * (2 * stats.norm.cdf(500 / 400) - 1) ** 2, rel=1e-3)
    assert truth.mu.sum() + truth.mu_outside == pytest.approx(10.0)
    lost = truth.mu_outside * 731
    assert (cells < 0).sum() == pytest.approx(lost, abs=4 * math.sqrt(lost))
    found = np.bincount(cells[cells >= 0], minlength=grid.mask.size)[grid.mask.ravel()]
    expected = truth.mu[grid.mask] * 731
    assert stats.chi2.sf(((found - expected) ** 2 / expected).sum(), expected.size) > 1e-4


def test_repeats_come_on_top_of_a_season():
    made = simulate_self_exciting(GRID, **BASE, theta=0.4, omega=0.5, weekly=WEEK, yearly=MONTHS, burn_in="60D")
    alone = ~made.truth.repeat
    assert alone.sum() == pytest.approx(made.truth.expected.sum(), abs=4 * math.sqrt(made.truth.expected.sum()))
    weekday = np.array([t.weekday() for t in by_wall(made)])
    mean = [made.truth.expected[(made.truth.day.astype(int) + 3) % 7 == day].sum() for day in range(7)]
    count = np.bincount(weekday[alone], minlength=7)
    assert stats.chisquare(count, np.array(mean) * count.sum() / np.sum(mean)).pvalue > 1e-4
    # A repeat comes days later, by when the week has half passed: repeats are less uneven.
    assert np.ptp(np.bincount(weekday[~alone]) / (~alone).sum()) < 0.6 * np.ptp(count / count.sum())
    assert "to 1.65 times" in repr(made)


@given(
    weekly=st.lists(st.floats(0, 10), min_size=7, max_size=7).filter(lambda given: sum(given) > 1e-3),
    yearly=st.lists(st.floats(0, 10), min_size=12, max_size=12).filter(lambda given: sum(given) > 1e-3),
    start=st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(2030, 1, 1)),
    hours=st.integers(1, 24 * 500),
    tz=st.sampled_from(["Europe/London", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_days_fill_the_time_and_draws_stay_in_days_with_crime(weekly, yearly, start, hours, tz):
    season = Season.read(weekly, yearly)
    first = np.datetime64(start, "ns")
    last = first + np.timedelta64(hours, "h")
    day, edge, weight = season.days(first, last, tz)
    assert edge[0] == first
    assert edge[-1] == last
    assert (np.diff(edge) > np.timedelta64(0)).all()
    assert (np.diff(day) > np.timedelta64(0)).all()
    assert weight == pytest.approx(np.diff(edge).astype(np.int64) / 86400e9 * season.factor(day))
    # The factor of a length of time does not depend on where it is cut.
    middle = first + (last - first) // 3
    parts = season.days(first, middle, tz)[2].sum() + season.days(middle, last, tz)[2].sum()
    assert parts == pytest.approx(weight.sum(), abs=1e-9)
    if weight.sum() > 0:
        drawn = season.draw(np.random.default_rng(0), 200, first, last, tz)
        assert (drawn >= 0).all()
        assert (drawn <= (last - first).astype(np.int64) / 86400e9 * (1 + 1e-12)).all()
        at = np.clip(
            np.searchsorted((edge - first).astype(np.int64) / 86400e9, drawn, side="right") - 1, 0, len(day) - 1
        )
        edges_aside = np.abs((edge[:, None] - first).astype(np.int64) / 86400e9 - drawn).min(axis=0) > 1e-9
        assert (weight[at][edges_aside] > 0).all()


def test_a_seed_is_a_city():
    one, two = (simulate_background(GRID, **BASE, weekly=WEEK) for _ in range(2))
    assert one.events.fingerprint == two.events.fingerprint
    other = simulate_background(GRID, **BASE | {"seed": 2}, weekly=WEEK)
    assert other.events.fingerprint != one.events.fingerprint


def test_no_crime_at_all():
    made = simulate_background(GRID, **BASE | {"mu": 0.0}, weekly=WEEK)
    assert len(made.events) == len(made.truth.moment) == 0
    assert made.events.observed_days == 731
    assert (made.truth.expected == 0).all()
    # Nor where the only days with crime do not come.
    summer = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    winter = simulate_background(GRID, **BASE | {"end": "2016-03-01"}, yearly=summer)
    assert len(winter.events) == 0


def week_of(kind="expected_count", nights=1):
    windows = ppe.Schedule(start="2018-01-01", end=f"2018-01-0{1 + nights}", tz="Europe/London").windows
    return ppe.make_surface(np.ones((nights, *GRID.shape)), GRID, windows, kind=kind)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weekly": [1, 2, 3]}, r"weekly has shape \(3,\); give 7 numbers"),
        ({"weekly": [0] * 7}, "0 throughout"),
        ({"weekly": [1, 1, 1, 1, 1, 1, -1]}, r"weekly\[6\] is -1.0"),
        ({"weekly": [1, math.nan, 1, 1, 1, 1, 1]}, r"weekly\[1\] is nan"),
        ({"weekly": "Monday"}, "does not hold numbers"),
        ({"yearly": [1] * 365}, "12 numbers"),
        ({"yearly": [1] * 11 + [math.inf]}, r"yearly\[11\] is inf"),
        ({"mu": "many"}, "does not hold numbers"),
        ({"mu": -1.0}, "at least 0"),
        ({"mu": 1e9}, "most is 20,000,000"),
        ({"mu": week_of("score")}, "kind 'score'"),
        ({"mu": week_of(nights=2)}, "one window"),
        ({"mu": week_of().isel(window=0)}, "lacks window"),
        ({"outside": None}, "choose 'keep' or 'drop'"),
        ({"end": "2015-01-01"}, "not after its start"),
        ({"seed": 1.5}, "seed=1.5"),
        ({"seed": True}, "seed=True"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    with pytest.raises(ppe.InputError, match=message):
        simulate_background(GRID, **BASE | options)


@pytest.mark.parametrize("burn_in", ["40000D", "3000W", "1e9D"])
def test_a_burn_in_of_centuries_is_refused(burn_in):
    start = {"start": "1750-01-01", "end": "1751-01-01"} if burn_in == "3000W" else {}
    with pytest.raises(ppe.InputError, match="burn_in"):
        simulate_self_exciting(GRID, **BASE | start, theta=0.1, omega=1.0, burn_in=burn_in)
