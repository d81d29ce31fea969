"""Other grids over the same ground: an isometry, the same areas, and budgets that buy the same ground."""

from __future__ import annotations

import dataclasses

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import PoissonRegressor

import predpol_eval as ppe
from predpol_eval import InputError
from predpol_eval.sensitivity.layouts import Layout, base_grid, lay, layouts_of, refuse_bound, same_ground, turned
from tests.backtests.cities import AREAS, CRS, city
from tests.naive.turned_grid import shared_boxes

degrees = st.one_of(st.floats(0, 89.9), st.sampled_from([0.0, 15.0, 30.0, 45.0, 60.0]))
places = st.lists(st.tuples(st.floats(3e5, 3.1e5), st.floats(4.83e6, 4.84e6)), min_size=2, max_size=12)


def areas_of(polygons: dict[str, shapely.Geometry] = AREAS) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"name": list(polygons)}, geometry=list(polygons.values()), crs=CRS)


def events_at(points: object, **columns: object) -> ppe.Events:
    x, y = np.asarray(points, dtype=float).T
    frame = pd.DataFrame({"x": x, "y": y, "t": "2018-03-01 12:00", **columns})
    return ppe.Events.from_frame(frame, crs=CRS, tz="America/Toronto")


# Turning ---------------------------------------------------------------------------------------------------


@given(places, degrees)
def test_turning_is_an_isometry(points, turn):
    x, y = np.array(points).T
    about = (305_000.0, 4_835_000.0)
    east, north = turned(x, y, turn, about)
    before = np.hypot(x[:, None] - x, y[:, None] - y)
    after = np.hypot(east[:, None] - east, north[:, None] - north)
    np.testing.assert_allclose(after, before, atol=1e-6)
    np.testing.assert_allclose(
        np.hypot(east - about[0], north - about[1]), np.hypot(x - about[0], y - about[1]), atol=1e-6
    )
    # It keeps left and right apart: no mirror.
    spin = (x[1] - x[0]) * (y - y[0]) - (y[1] - y[0]) * (x - x[0])
    turned_spin = (east[1] - east[0]) * (north - north[0]) - (north[1] - north[0]) * (east - east[0])
    np.testing.assert_allclose(turned_spin, spin, atol=1.0)


def test_a_grid_turned_anticlockwise_sees_the_ground_turned_clockwise():
    east, north = turned([1.0, 0.0], [0.0, 1.0], 45, (0.0, 0.0))
    root = np.sqrt(0.5)
    np.testing.assert_allclose(east, [root, root], rtol=1e-15)
    np.testing.assert_allclose(north, [-root, root], rtol=1e-15)


@given(st.sampled_from([0.0, 12.5, 30.0, 45.0, 77.0]), st.sampled_from([(0.0, 0.0), (0.5, 0.25)]), st.integers(40, 400))
def test_distances_areas_and_counts_are_unchanged(turn, shift, cell):
    town = city()
    there = lay(Layout(float(cell), shift, turn), town.grid, town.events)
    pairs = np.random.default_rng(0).integers(0, len(town.events), (2, 200))
    old, new = (
        np.hypot(*(part[pairs[0]] - part[pairs[1]] for part in (table.x, table.y)))
        for table in (town.events, there.events)
    )
    np.testing.assert_allclose(new, old, atol=1e-8)
    # The cells cover every area wholly and nothing else, though they may be given to a neighbour.
    assert there.grid.labels == town.grid.labels
    assert there.grid.total_m2 == pytest.approx(sum(polygon.area for polygon in AREAS.values()), rel=1e-9)
    measured = shapely.area(shapely.from_wkb(np.array(there.grid.boundary, dtype=object)))
    np.testing.assert_allclose(measured, [AREAS[name].area for name in there.grid.labels], rtol=1e-9)
    inside = there.grid.area_of_point(there.events.x, there.events.y)
    before = town.grid.area_of_point(town.events.x, town.events.y)
    edge = shapely.distance(
        shapely.union_all([polygon.boundary for polygon in AREAS.values()]),
        shapely.points(town.events.x, town.events.y),
    )
    np.testing.assert_array_equal(inside[edge > 1e-6], before[edge > 1e-6])
    # A crime inside an area is in a cell of the study area.
    assert (there.grid.cells_of(there.events)[(inside >= 0) & (edge > 1e-6)] >= 0).all()


@given(
    st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 900)), min_size=2, max_size=40),
    st.sampled_from([0.0, 11.0, 30.0, 45.0, 80.0]),
    st.sampled_from([(0.0, 0.0), (0.5, 0.0), (0.25, 0.75)]),
    st.sampled_from([70, 100, 250]),
)
def test_twin(points, turn, shift, cell):
    """Which crimes share a box, told by the turned crimes and, on the ground, by the turned axes."""
    # Off the lines, which are decided on millimetres.
    points = [(x + 0.123, y + 0.457) for x, y in points]
    grid = ppe.Grid.from_bounds(-200, -200, 1500, 1200, cell=100, crs=CRS)
    events = events_at(points)
    there = lay(Layout(float(cell), shift, turn), grid, events)
    column, row = there.grid.column_row(there.events.x, there.events.y)
    boxes = {}
    for number, box in enumerate(zip(column.tolist(), row.tolist(), strict=True)):
        boxes.setdefault(box, set()).add(number)
    ordered = list(zip(events.x.tolist(), events.y.tolist(), strict=True))
    assert {frozenset(members) for members in boxes.values()} == shared_boxes(ordered, there.pivot, cell, turn)


def test_turned_crimes_keep_everything_but_their_place():
    town = city()
    there = lay(Layout(100.0, rotation=30.0), town.grid, town.events)
    for field in dataclasses.fields(ppe.Events):
        old, new = getattr(town.events, field.name), getattr(there.events, field.name)
        if field.name in ("x", "y"):
            assert not np.allclose(old, new)
            assert not new.flags.writeable
        else:
            np.testing.assert_array_equal(new, old)
    moved = lay(Layout(100.0, (0.5, 0.5)), town.grid, town.events)
    assert moved.events is town.events


def test_the_pivot_is_a_corner_of_the_grid_near_the_middle():
    town = city()
    for layout in (Layout(100.0, rotation=30.0), Layout(100.0, (0.5, 0.25), 30.0), Layout(70.0, rotation=10.0)):
        there = lay(layout, town.grid, town.events)
        steps = (np.array(there.pivot) * 1000 - [there.grid.x0_mm, there.grid.y0_mm]) / there.grid.cell_mm
        np.testing.assert_array_equal(steps, np.rint(steps))
        middle = shapely.box(*shapely.total_bounds(list(AREAS.values()))).centroid
        assert np.abs(np.array(there.pivot) - [middle.x, middle.y]).max() <= layout.cell / 2 + 1e-9


def test_a_border_that_rounding_makes_touch_itself_is_mended():
    """A bow tie: two squares that meet at one point, as one polygon with a pinched hole."""
    ring = [(0, 0), (900, 0), (900, 900), (0, 900), (0, 0)]
    pinched = shapely.Polygon(ring, [[(0, 450), (300, 300), (600, 450), (300, 600), (0, 450)]])
    grid = ppe.Grid.from_areas(areas_of({"A": pinched}), cell=100, label="name")
    events = events_at([(10, 10)])
    for turn in np.arange(1.0, 90.0, 7.0):
        there = lay(Layout(100.0, rotation=turn), grid, events)
        assert there.grid.total_m2 == pytest.approx(pinched.area, rel=1e-9)
        assert there.grid.areas().is_valid.all()


# Shifts and sizes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [(0.5, 0.0), (0.0, 0.5), (0.25, 0.75)])
def test_shifts_and_sizes_are_the_grids_that_from_areas_lays(shift):
    town = city()
    base = base_grid(areas_of(), town.events, [100], "name")
    assert base.fingerprint == town.grid.fingerprint
    for cell in (100.0, 70.0, 250.0):
        ours = lay(Layout(cell, shift), base, town.events).grid
        theirs = ppe.Grid.from_areas(areas_of(), cell=cell, label="name", origin=(shift[0] * cell, shift[1] * cell))
        assert ours.fingerprint == theirs.fingerprint
        plain = ppe.Grid.from_areas(areas_of(), cell=cell, label="name")
        assert lay(Layout(cell), base, town.events).grid.fingerprint == plain.fingerprint


def test_other_sizes_hang_on_the_zero_lines_if_the_base_grid_does():
    """Its corner at 300 is a line of cells of 100 m, and none of cells of 250 m."""
    square = areas_of({"A": shapely.box(310, 320, 1290, 1310)})
    base = ppe.Grid.from_areas(square, cell=100, label="name")
    assert base.x0_mm % 250_000 > 0
    finer = lay(Layout(250.0), base, events_at([(500, 500)])).grid
    assert finer.fingerprint == ppe.Grid.from_areas(square, cell=250, label="name").fingerprint


def test_the_base_grid_is_the_grid_given_and_may_hang_on_any_line():
    town = city()
    own = ppe.Grid.from_areas(areas_of(), cell=100, label="name", origin=(33, 47))
    base = base_grid(own, town.events, None, None)
    assert base is own
    assert lay(Layout(100.0), base, town.events).grid is own
    moved = lay(Layout(100.0, (0.5, 0.0)), base, town.events).grid
    assert (moved.x0_mm - own.x0_mm) % 100_000 == 50_000
    assert (moved.y0_mm - own.y0_mm) % 100_000 == 0
    finer = lay(Layout(50.0), base, town.events).grid
    assert (finer.x0_mm - own.x0_mm) % 50_000 == 0
    rectangle = base_grid((7, 11, 1207, 911), town.events, [100], None)
    assert rectangle.fingerprint == ppe.Grid.from_bounds(7, 11, 1207, 911, cell=100, crs=CRS).fingerprint
    again = lay(Layout(100.0, (0.5, 0.5)), rectangle, town.events).grid
    assert again.x0_mm % 100_000 == 57_000
    assert again.total_m2 == pytest.approx(1200 * 900)


def test_a_small_town_at_the_zero_of_its_system_can_be_turned():
    """Turned, some of its corners are negative and small, as degrees would be."""
    grid = ppe.Grid.from_bounds(0, 0, 100, 60, cell=20, crs=CRS)
    there = lay(Layout(20.0, rotation=45.0), grid, events_at([(10, 10)]))
    assert there.grid.total_m2 == pytest.approx(6000)


def test_one_thing_at_a_time_or_all_together():
    base = city().grid
    found = layouts_of(base, (100, 50), ((0, 0), (0.5, 0)), (0, 30), False)
    assert [str(layout) for layout in found] == ["100 m", "100 m, shifted (0.5, 0)", "100 m, turned 30 degrees", "50 m"]
    every = layouts_of(base, (100, 50), ((0.5, 0),), (30,), True)
    assert len(every) == len({str(layout) for layout in every}) == len({layout.folder for layout in every}) == 8
    assert every[0] == Layout(100.0)
    assert str(every[-1]) == "50 m, shifted (0.5, 0), turned 30 degrees"
    assert layouts_of(base, (50,), (), (), False) == (Layout(100.0), Layout(50.0))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"shifts": (), "rotations": ()}, r"Nothing is varied"),
        ({"shifts": ((0, 0),), "rotations": (0,)}, r"Nothing is varied"),
        ({"cells": ()}, r"at least one side"),
        ({"cells": (0,)}, r"above 0"),
        ({"cells": (100.00001,)}, r"whole millimetres"),
        ({"cells": 100}, r"cells=100; give a sequence"),
        ({"cells": ("250",)}, r"holds '250'"),
        ({"shifts": ((1, 0),)}, r"by a whole cell the same grid"),
        ({"shifts": ((-0.5, 0),)}, r"from 0 and below 1"),
        ({"shifts": (0.5,)}, r"give a sequence|pairs"),
        ({"shifts": ((0.5, 0), (0.5, 0))}, r"more than once"),
        ({"rotations": (90,)}, r"after a quarter turn"),
        ({"rotations": (np.nan,)}, r"holds nan"),
        ({"rotations": (True,)}, r"holds True"),
        ({"rotations": (15, 15)}, r"more than once"),
        ({"rotations": (15, 15.0000001)}, r"2 grids are all called"),
    ],
)
def test_layouts_that_cannot_be_used(arguments, match):
    asked = {"cells": None, "shifts": ((0.5, 0),), "rotations": (30,), "full": False, **arguments}
    with pytest.raises(InputError, match=match):
        layouts_of(city().grid, **asked)


def test_ground_that_cannot_be_used():
    town = city()
    with pytest.raises(InputError, match=r"cells=\(250"):
        base_grid(areas_of(), town.events, None, "name")
    with pytest.raises(InputError, match=r"leave it out here"):
        base_grid(town.grid, town.events, None, "name")
    with pytest.raises(InputError, match=r"without boundaries"):
        base_grid(dataclasses.replace(town.grid, boundary=()), town.events, None, None)
    with pytest.raises(InputError, match=r"give a GeoDataFrame of areas, a Grid, or the bounds"):
        base_grid("Toronto", town.events, [100], None)
    with pytest.raises(InputError, match=r"give a GeoDataFrame of areas"):
        base_grid((0, 0, 100), town.events, [100], None)
    with pytest.raises(InputError, match=r"Expected Events"):
        base_grid(town.grid, town.frame, None, None)
    other = ppe.Grid.from_bounds(0, 0, 500, 500, cell=100, crs="EPSG:27700")
    with pytest.raises(InputError, match=r"same projected system"):
        base_grid(other, town.events, None, None)


# Budgets ----------------------------------------------------------------------------------------------------


@given(
    st.integers(1, 40), st.sampled_from([None, "area"]), st.sampled_from([20.0, 25.0, 50.0, 100.0, 150.0, 200.0, 400.0])
)
def test_equal_ground(k, per, cell):
    base = ppe.Grid.from_bounds(0, 0, 1200, 1200, cell=100, crs=CRS)
    budgets = (ppe.TopCells(k, per=per), ppe.Coverage(0.1, per=per))
    if (k * 100**2) % cell**2 == 0:
        top, share = same_ground(budgets, base, Layout(cell))
        assert top.k * cell**2 == k * 100**2
        assert top.per == per
        assert share is budgets[1]
    else:
        with pytest.raises(InputError, match=r"no whole number.*ppe\.Coverage\("):
            same_ground(budgets, base, Layout(cell))


def test_the_refusal_of_a_budget_tells_its_ground():
    base = ppe.Grid.from_bounds(0, 0, 5000, 5000, cell=250, crs=CRS)
    with pytest.raises(
        InputError, match=r"'top 10' is 0\.625 km2 of ground, which is 2\.5 cells of 500 m.*Coverage\(0\.025\)"
    ):
        same_ground([ppe.TopCells(10)], base, Layout(500.0))
    with pytest.raises(InputError, match=r"Coverage\(0\.025, per='area'\)"):
        same_ground([ppe.TopCells(10, per="area")], base, Layout(500.0))
    assert same_ground([ppe.TopCells(8)], base, Layout(500.0)) == (ppe.TopCells(2),)
    assert same_ground([ppe.TopCells(10)], base, Layout(125.0)) == (ppe.TopCells(40),)


# Forecasters of one grid only ---------------------------------------------------------------------------------


def test_numbers_for_the_cells_of_one_grid_are_refused():
    town = city()
    nights = town.schedule.windows
    surface = ppe.make_surface(np.ones((14, *town.grid.shape)), town.grid, nights, kind="score")
    external = ppe.External(surface=surface, name="vendor")
    by_cell = ppe.CellCovariate(np.ones(town.grid.shape), "bars")
    by_area = ppe.CellCovariate({"north": 1.0, "south": 2.0, "quiet": 3.0}, "people")
    refuse_bound({"map": ppe.CountMap(), "people": ppe.Regression(PoissonRegressor(), (ppe.LaggedCounts(), by_area))})
    regression = ppe.Regression(PoissonRegressor(), (ppe.LaggedCounts(), by_cell))
    for held, what in (
        (external, "External"),
        (regression, "CellCovariate 'bars' by cell"),
        ({"a": [by_cell]}, "CellCovariate 'bars' by cell"),
        (ppe.Blend(members=(ppe.CountMap(), external)), "External"),
    ):
        with pytest.raises(InputError, match=rf"'it' \({what}\).*one grid"):
            refuse_bound({"map": ppe.CountMap(), "it": held})
