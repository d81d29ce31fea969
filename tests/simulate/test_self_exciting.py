"""Simulated crimes: drawn from the process they are said to come from, and lying where they are said to lie."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from scipy import stats

import predpol_eval as ppe
from predpol_eval.forecasters.hawkes.cell_forecast import expected_count
from predpol_eval.simulate import simulate_self_exciting
from tests.naive.self_exciting import thinning

TZ = "Europe/London"
CRS = "EPSG:27700"
GRID = ppe.Grid.from_bounds(0, 0, 1000, 750, cell=250, crs=CRS)
BASE = {"start": "2016-01-01", "end": "2018-01-01", "tz": TZ, "theta": 0.5, "omega": 0.4, "mu": 4.0, "seed": 1}


@pytest.fixture(scope="module")
def city():
    return simulate_self_exciting(GRID, **BASE | {"burn_in": "60D"})


def round_area(cell=250):
    """A round study area with a hole: many cut cells."""
    shape = shapely.Point(1000, 1000).buffer(950).difference(shapely.Point(1100, 900).buffer(200))
    area = gpd.GeoDataFrame(geometry=[shape], crs=CRS)
    return ppe.Grid.from_areas(area, cell=cell), shape


def delays(made):
    """Days between each repeat and the crime it repeats, where both were observed."""
    parent = made.truth.parent
    child = parent >= 0
    return (made.events.happened[child] - made.events.happened[parent[child]]).astype(np.int64) / 86400e9


def test_crimes_are_observed_exactly_between_start_and_end(city):
    events = city.events
    assert events.tz == TZ
    assert events.crs == GRID.crs
    assert [str(edge) for edge in events.observed[0]] == [
        "2016-01-01T00:00:00.000000000",
        "2018-01-01T00:00:00.000000000",
    ]
    assert (events.happened >= events.observed[0][0]).all()
    assert (events.happened < events.observed[0][1]).all()
    assert (GRID.cells_of(events) >= 0).all()
    assert events.kinds == ("simulated",)
    assert "repeats" in repr(city)


def test_the_period_is_civil_time():
    made = simulate_self_exciting(GRID, **BASE | {"start": "2018-06-01", "end": "2018-07-01"})
    assert str(made.events.observed[0][0]) == "2018-05-31T23:00:00.000000000"
    assert made.events.observed_days == 30


def test_a_seed_is_a_city():
    one, two = (simulate_self_exciting(GRID, **BASE) for _ in range(2))
    assert one.events.fingerprint == two.events.fingerprint
    assert np.array_equal(one.truth.parent, two.truth.parent)
    other = simulate_self_exciting(GRID, **BASE | {"seed": 2})
    assert other.events.fingerprint != one.events.fingerprint


def test_parents_come_first_and_live_in_the_same_cell(city):
    parent = city.truth.parent
    child = parent >= 0
    cells = GRID.cells_of(city.events)
    assert (city.events.happened[parent[child]] < city.events.happened[child]).all()
    assert np.array_equal(cells[parent[child]], cells[child])
    assert (parent < np.arange(len(parent))).all()
    assert city.truth.repeat[child].all()
    # The burn-in has children, too: repeats without a parent that was observed.
    assert 0 < (city.truth.repeat & ~child).sum() < 30
    without = simulate_self_exciting(GRID, **BASE)
    assert np.array_equal(without.truth.repeat, without.truth.parent >= 0)


def test_repeats_have_the_number_and_the_delay_they_should(city):
    truth = city.truth
    assert stats.kstest(delays(city), "expon", args=(0, 1 / truth.omega)).pvalue > 0.01
    # Crimes well before the end have all their repeats: a Poisson number of mean theta each.
    parents = np.flatnonzero(city.events.happened < np.datetime64("2017-12-01"))
    number = np.bincount(truth.parent[truth.parent >= 0], minlength=len(city.events))[parents]
    assert number.mean() == pytest.approx(truth.theta, abs=4 * math.sqrt(truth.theta / len(number)))
    expected = stats.poisson.pmf([0, 1, 2], truth.theta) * len(number)
    found = np.array([(number == k).sum() for k in range(3)])
    rest = np.array([len(number) - found.sum(), len(number) - expected.sum()])
    assert stats.chisquare([*found, rest[0]], [*expected, rest[1]]).pvalue > 0.01


def test_background_crimes_fall_evenly(city):
    alone = ~city.truth.repeat
    days = 731
    mean = 4.0 * days
    assert alone.sum() == pytest.approx(mean, abs=4 * math.sqrt(mean))
    t = (city.events.happened[alone] - city.events.observed[0][0]).astype(np.int64) / 86400e9
    assert stats.kstest(t, "uniform", args=(0, days)).pvalue > 0.01
    per_cell = np.bincount(GRID.cells_of(city.events)[alone], minlength=12)
    assert stats.chisquare(per_cell).pvalue > 0.01


def test_counts_are_those_of_thinning():
    # Means and variances of the number of crimes in 20 days of one cell, from an empty past, two ways.
    mu, theta, omega, days, runs = 0.4, 0.6, 0.5, 20, 1500
    grid = ppe.Grid.from_bounds(0, 0, 250 * 50, 250 * 30, cell=250, crs=CRS)
    made = simulate_self_exciting(
        grid, start="2018-01-01", end="2018-01-21", tz="UTC", theta=theta, omega=omega,
        mu=np.full(grid.shape, mu), seed=3,
    )  # fmt: skip
    ours = np.bincount(grid.cells_of(made.events), minlength=1500)
    theirs = np.array([len(thinning(mu, theta, omega, days, seed)) for seed in range(runs)])
    assert stats.ttest_ind(ours, theirs).pvalue > 0.01
    assert np.log(ours.var() / theirs.var()) == pytest.approx(0, abs=4 * math.sqrt(4 / runs) * 1.5)
    # From an empty past fewer are to come than mu T/(1 - theta).
    expected = expected_count(mu, theta, omega, 0.0, 0, days)
    assert ours.mean() == pytest.approx(float(expected), abs=4 * ours.std() / math.sqrt(runs))
    assert float(expected) < 0.9 * mu * days / (1 - theta)


def test_a_burn_in_makes_the_first_days_like_the_others():
    grid = ppe.Grid.from_bounds(0, 0, 25_000, 25_000, cell=250, crs=CRS)
    options = {
        "start": "2018-01-01",
        "end": "2018-01-11",
        "tz": "UTC",
        "theta": 0.8,
        "omega": 0.3,
        "mu": 300.0,
        "seed": 1,
    }
    long_run = 10 * 300 / 0.2
    fresh = simulate_self_exciting(grid, **options)
    settled = simulate_self_exciting(grid, **options, burn_in="150D")
    # A cluster is of 1/(1 - theta)^2 times the variance of as many single crimes.
    assert len(settled.events) == pytest.approx(long_run, abs=4 * math.sqrt(long_run) / 0.2)
    assert len(fresh.events) < 0.6 * long_run
    assert settled.truth.burn_in_days == 150


def test_points_lie_evenly_in_the_part_of_their_cell_that_is_inside():
    grid, shape = round_area()
    made = simulate_self_exciting(grid, **BASE | {"mu": 20.0})
    events = made.events
    assert (grid.cells_of(events) >= 0).all()
    assert shapely.intersects_xy(shape.buffer(1e-3), events.x, events.y).all()
    alone = ~made.truth.repeat
    per_cell = np.bincount(grid.cells_of(events)[alone], minlength=grid.mask.size).reshape(grid.shape)
    expected = 20.0 * 731 * grid.inside_m2 / grid.total_m2
    large = expected > 10
    score = (per_cell - expected)[large] ** 2 / expected[large]
    assert stats.chi2.sf(score.sum(), large.sum()) > 0.01
    # Within the cells: the share of the inside-area in finer cells is the share of the crimes.
    fine, _ = round_area(50)
    counted = np.bincount(fine.cell_of(events.x[alone], events.y[alone]), minlength=fine.mask.size).reshape(fine.shape)
    expected = alone.sum() * fine.inside_m2 / fine.total_m2
    some = expected > 1
    assert stats.chi2.sf(((counted - expected)[some] ** 2 / expected[some]).sum(), some.sum()) > 0.01


def test_slivers_are_hit_too():
    # A cell of which only a millionth lies inside, with all the crime.
    shape = shapely.union_all([shapely.box(0, 0, 500, 500), shapely.Polygon([(500, 0), (501, 0), (500, 125)])])
    grid = ppe.Grid.from_areas(gpd.GeoDataFrame(geometry=[shape], crs=CRS), cell=250)
    mu = np.zeros(grid.shape)
    mu[0, 2] = 2.0
    events = simulate_self_exciting(grid, **BASE | {"mu": mu}).events
    assert len(events) > 1000
    assert set(grid.cells_of(events).tolist()) == {2}
    assert shapely.intersects_xy(shape.buffer(1e-3), events.x, events.y).all()
    assert np.unique(events.y).size > 900


def test_rates_by_cell_are_kept_to():
    mu = np.zeros(GRID.shape)
    mu[1, 2] = 1.0
    made = simulate_self_exciting(GRID, **BASE | {"mu": mu})
    assert set(GRID.cells_of(made.events).tolist()) == {1 * 4 + 2}
    grid, _ = round_area()
    with_nan = np.where(grid.mask, 0.01, np.nan)
    made = simulate_self_exciting(grid, **BASE | {"mu": with_nan})
    assert made.truth.mu.sum() == pytest.approx(0.01 * grid.mask.sum())


@pytest.mark.parametrize(("resolution", "unit"), [("day", "D"), ("hour", "h"), ("minute", "m")])
@pytest.mark.parametrize("tz", ["Europe/London", "Asia/Kolkata"])
def test_times_can_be_cut_as_publishers_do(resolution, unit, tz):
    options = BASE | {"tz": tz, "end": "2016-12-01"}
    exact = simulate_self_exciting(GRID, **options).events
    cut = simulate_self_exciting(GRID, **options, resolution=resolution).events
    wall = cut.frame()["happened"].dt.tz_localize(None).to_numpy()
    assert (wall == wall.astype(f"datetime64[{unit}]")).all()
    assert cut.resolution == resolution
    assert len(cut) == len(exact)
    assert cut.observed == exact.observed
    moved = np.sort(exact.happened) - np.sort(cut.happened)
    assert (moved >= np.timedelta64(0)).all()
    assert (moved < np.timedelta64(25 * 60 if unit == "D" else {"h": 60, "m": 1}[unit], "m")).all()


def test_no_crime_at_all():
    made = simulate_self_exciting(GRID, **BASE | {"mu": 0.0})
    assert len(made.events) == 0
    assert made.events.observed_days == 731
    assert made.truth.parent.size == 0
    assert simulate_self_exciting(GRID, **BASE | {"theta": 0.0}).truth.repeat.sum() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"theta": 1.0}, "without limit"),
        ({"theta": -0.1}, "without limit"),
        ({"theta": math.nan}, "without limit"),
        ({"omega": 0.0}, "above 0"),
        ({"omega": math.inf}, "above 0"),
        ({"mu": -1.0}, "at least 0"),
        ({"mu": math.nan}, "at least 0"),
        ({"mu": np.ones((2, 2))}, r"shape \(2, 2\)"),
        ({"end": "2016-01-01"}, "not after its start"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": None}, "seed=None"),
        ({"resolution": "week"}, "choose 'day'"),
        ({"burn_in": "long"}, "burn_in"),
        ({"tz": "London"}, "IANA"),
        ({"mu": 1e9}, "most is 20,000,000"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    with pytest.raises(ppe.InputError, match=message):
        simulate_self_exciting(GRID, **BASE | options)
