"""Tonight's cocoons: which cells, for how long, and nothing that names a household."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

import predpol_eval as ppe
from predpol_eval.forecasters.cocooning import COLUMNS
from tests.forecasters.test_near_repeat import GRID, crimes

FORM = ppe.NearRepeat(radius=300)


def test_cells_with_their_centre_area_and_days_left():
    geopandas = pytest.importorskip("geopandas")
    areas = geopandas.GeoDataFrame(
        {"name": ["West", "East"]},
        geometry=[shapely.box(0, 0, 500, 500), shapely.box(500, 0, 1000, 500)],
        crs="EPSG:27700",
    )
    grid = ppe.Grid.from_areas(areas, cell=250, label="name")
    events = crimes(
        ["2018-05-01", "2018-05-10 12:00", "2018-05-10 18:00", "2018-05-12"], x=[10.0, 610.0, 740.0, 999.0],
        y=[10.0, 260.0, 499.0, 1.0], kind=["car theft", "robbery", "burglary", "robbery"],
    )  # fmt: skip
    listed = ppe.cocoons(FORM, events, grid, at="2018-05-15")
    assert tuple(listed.columns) == COLUMNS
    assert listed[["row", "column", "x", "y"]].to_numpy().tolist() == [
        [0, 3, 875, 125], [1, 2, 625, 375], [0, 0, 125, 125],
    ]  # fmt: skip
    assert listed.area.tolist() == ["East", "East", "West"]
    assert listed.kinds.tolist() == ["robbery", "burglary, robbery", "car theft"]
    assert listed.crimes.tolist() == [1, 2, 1]
    assert listed.days_left.tolist() == [18.0, 16.75, 7.0]
    assert listed.until.tolist() == [
        pd.Timestamp(text, tz="Europe/London") for text in ("2018-06-02", "2018-05-31 18:00", "2018-05-22")
    ]
    assert listed.attrs == {"outside": 0, "radius": 300}


def test_no_address_no_id_no_coordinates():
    rng = np.random.default_rng(1)
    x, y = 1000 + rng.uniform(1, 899, 40), 2000 + rng.uniform(1, 699, 40)
    events = crimes(np.datetime64("2018-05-10") + rng.integers(0, 5, 40), x=x, y=y, id=np.arange(90_001, 90_041))
    listed = ppe.cocoons(FORM, events, GRID, at="2018-05-20")
    assert listed.crimes.sum() == 40
    numbers = {
        float(value)
        for name in listed.columns
        if name != "until"
        for value in listed[name]
        if name not in ("area", "kinds")
    }
    assert not numbers & {*x, *y, *(float(number) for number in events.id)}
    assert "90" not in listed.drop(columns=["days_left", "until", "x", "y"]).to_string()
    assert set(listed.x) <= set(GRID.x)
    assert set(listed.y) <= set(GRID.y)


def test_only_what_was_known_and_only_while_it_lasts():
    times = ["2018-04-24", "2018-04-23 23:59", "2018-05-14 23:00", "2018-05-15", "2018-05-01"]
    recorded = ["2018-04-24", "2018-04-24", "2018-05-14 23:30", "2018-05-15", "2018-05-16"]
    events = crimes(times, x=[1100.0, 1300.0, 1500.0, 1700.0, 1700.0], recorded=recorded)
    listed = ppe.cocoons(FORM, events, GRID, at="2018-05-15")
    # Three weeks old at midnight, the first is over; the others are older, not yet known, or not yet recorded.
    assert listed.column.tolist() == [2]
    assert listed.days_left.tolist() == pytest.approx([21 - 1 / 24])
    assert ppe.cocoons(FORM, events, GRID, at="2018-05-14 23:59").column.tolist() == [2, 0]


def test_days_left_are_civil_days():
    """London's clock was put forward on 25 March 2018."""
    listed = ppe.cocoons(FORM, crimes(["2018-03-24"]), GRID, at="2018-03-26")
    assert listed.days_left.tolist() == [19.0]
    assert str(listed.until[0]) == "2018-04-14 00:00:00+01:00"


def test_crimes_outside_are_counted_apart():
    listed = ppe.cocoons(FORM, crimes(["2018-05-14", "2018-05-14"], x=[900.0, 1100.0]), GRID, at="2018-05-15")
    assert (len(listed), listed.attrs["outside"]) == (1, 1)


@pytest.mark.parametrize("at", ["2018-11-01", "2018-01-02"])
def test_no_recent_crime_gives_an_empty_list(at):
    listed = ppe.cocoons(FORM, crimes(["2018-05-14"]), GRID, at=at)
    assert len(listed) == 0
    assert tuple(listed.columns) == COLUMNS
    full = ppe.cocoons(FORM, crimes(["2018-05-14"]), GRID, at="2018-05-15")
    assert {name: full[name].dtype.kind for name in COLUMNS} | {"area": "O", "kinds": "O"} == {
        name: listed[name].dtype.kind for name in COLUMNS
    } | {"area": "O", "kinds": "O"}


def test_a_lookback_longer_than_time_itself():
    listed = ppe.cocoons(ppe.NearRepeat(lookback="1000000D"), crimes(["2018-05-14"]), GRID, at="2018-05-15")
    assert listed.days_left[0] > 80_000


def test_bad_input_is_refused():
    with pytest.raises(
        ppe.InputError, match=r"Expected NearRepeat, found CountMap; cocoons are those of ppe.NearRepeat"
    ):
        ppe.cocoons(ppe.CountMap(), crimes(["2018-05-14"]), GRID, at="2018-05-15")
    with pytest.raises(ppe.InputError, match="No time was observed in the 21D before"):
        ppe.cocoons(FORM, crimes(["2018-05-14"]), GRID, at="2017-05-15")
    with pytest.raises(ppe.InputError, match="at is 'tonight'"):
        ppe.cocoons(FORM, crimes(["2018-05-14"]), GRID, at="tonight")
