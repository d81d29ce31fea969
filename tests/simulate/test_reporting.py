"""Differential reporting: each area is seen as much as it reports, and the rest is not lost to the truth."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely

import predpol_eval as ppe
from predpol_eval.simulate import simulate_background, simulate_self_exciting, with_recording_delay, with_reporting

CRS = "EPSG:27700"
AREAS = gpd.GeoDataFrame(
    {"name": ["West", "Middle", "East"]},
    geometry=[shapely.box(0, 0, 2000, 2000), shapely.box(2000, 0, 3100, 2000), shapely.box(3100, 0, 5000, 2000)],
    crs=CRS,
)
GRID = ppe.Grid.from_areas(AREAS, cell=250, label="name")
WHEN = {"start": "2016-01-01", "end": "2018-01-01", "tz": "Europe/London", "seed": 1}
RATES = {"West": 0.9, "Middle": 0.5, "East": 0.2}


@pytest.fixture(scope="module")
def city():
    return simulate_self_exciting(
        GRID, **WHEN, mu=12.0, theta=0.4, omega=0.4, model="continuous", sigma=300.0, burn_in="60D"
    )


def areas_of(events):
    """Area of the cell of each crime by the rule of the grid, '' outside."""
    names = np.array([*GRID.labels, ""])
    cells = GRID.cells_of(events)
    return np.where(cells >= 0, names[GRID.label_code.ravel()[cells]], "")


def test_each_area_reports_at_its_own_rate(city):
    seen = with_reporting(city, GRID, by_area=RATES, outside=0.7, seed=2)
    truth = seen.truth.reporting
    before, after, lost = (areas_of(events) for events in (city.events, seen.events, truth.unreported))
    for name, chance in {**RATES, "": 0.7}.items():
        n, k = (before == name).sum(), (after == name).sum()
        assert n > 100
        assert k == pytest.approx(chance * n, abs=4 * math.sqrt(chance * (1 - chance) * n))
        assert truth.happened[name] == n
        assert truth.reported[name] == k
        assert (lost == name).sum() == n - k
    assert truth.by_area == RATES
    assert truth.outside == 0.7
    assert sorted([*seen.events.id, *truth.unreported.id]) == sorted(city.events.id)
    assert np.array_equal(truth.unreported.x, city.events.x[truth.unreported.id])
    expected = np.array([RATES[name] for name in GRID.labels])[GRID.label_code]
    assert np.array_equal(truth.probability, np.where(GRID.mask, expected, np.nan), equal_nan=True)


def test_parents_that_were_not_reported_are_gone_but_their_repeats_remain(city):
    seen = with_reporting(city, GRID, by_area=RATES, seed=2)
    was = seen.events.id
    assert np.array_equal(seen.truth.repeat, city.truth.repeat[was])
    old = city.truth.parent[was]
    left = (old >= 0) & np.isin(old, was)
    assert np.array_equal(seen.truth.parent >= 0, left)
    assert np.array_equal(was[seen.truth.parent[left]], old[left])
    assert (~left & (old >= 0)).sum() > 100


def test_all_or_none_report():
    city = simulate_background(GRID, **WHEN, mu=3.0)
    everyone = with_reporting(city, GRID, by_area=dict.fromkeys(RATES, 1.0), seed=2)
    assert everyone.events.fingerprint == city.events.fingerprint
    nobody = with_reporting(city, GRID, by_area=dict.fromkeys(RATES, 0), seed=2)
    assert len(nobody.events) == 0
    assert nobody.events.kinds == ()
    assert nobody.truth.reporting.unreported.fingerprint == city.events.fingerprint


def test_recording_comes_before_or_after(city):
    seen = with_recording_delay(with_reporting(city, GRID, by_area=RATES, seed=2), mean="3D", seed=3)
    assert len(seen.truth.recording.days) == len(seen.events)
    assert seen.truth.reporting.by_area == RATES
    other = with_reporting(with_recording_delay(city, mean="3D", seed=3), GRID, by_area=RATES, seed=2)
    assert np.array_equal(other.events.id, seen.events.id)


def test_a_seed_is_a_reporting(city):
    one, two, other = (with_reporting(city, GRID, by_area=RATES, seed=seed) for seed in (2, 2, 3))
    assert one.events.fingerprint == two.events.fingerprint
    assert one.events.fingerprint != other.events.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by_area": RATES | {"North": 0.5}}, "by_area names 'North'"),
        ({"by_area": {"West": 0.5}}, "by_area lacks"),
        ({"by_area": RATES | {"East": 1.2}}, r"by_area\['East'\]=1.2; give a probability from 0 to 1"),
        ({"by_area": RATES | {"East": -0.1}}, r"by_area\['East'\]=-0.1"),
        ({"by_area": RATES | {"East": math.nan}}, r"by_area\['East'\]=nan"),
        ({"by_area": RATES | {"East": "half"}}, "'half'"),
        ({"by_area": 0.5}, "give a mapping"),
        ({"outside": 2}, "outside=2"),
        ({"seed": "one"}, "seed='one'"),
    ],
)
def test_bad_parameters_are_refused(city, options, message):
    with pytest.raises(ppe.InputError, match=message):
        with_reporting(city, GRID, **{"by_area": RATES, "seed": 2} | options)


def test_it_is_done_once_and_on_the_same_ground(city):
    seen = with_reporting(city, GRID, by_area=RATES, seed=2)
    with pytest.raises(ppe.InputError, match="unreported already"):
        with_reporting(seen, GRID, by_area=RATES, seed=2)
    with pytest.raises(ppe.InputError, match="Expected Grid"):
        with_reporting(city, AREAS, by_area=RATES, seed=2)
    elsewhere = ppe.Grid.from_bounds(5e5, 5e6, 5.01e5, 5.001e6, cell=250, crs="EPSG:32617")
    with pytest.raises(ppe.PredPolError, match="EPSG:32617"):
        with_reporting(city, elsewhere, by_area={elsewhere.labels[0]: 0.5}, seed=2)
