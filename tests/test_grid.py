"""The grid: whole millimetres, half-open cells, areas with holes and parts, and what is refused."""

from __future__ import annotations

import json
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import Grid, InputError

CRS = "EPSG:27700"


def areas_of(*polygons: shapely.Geometry, crs: object = CRS, **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(polygons), crs=crs)


def box(xmin: float, ymin: float, xmax: float, ymax: float) -> shapely.Polygon:
    return shapely.box(xmin, ymin, xmax, ymax)


# Where a point is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "column"),
    [
        (249.9994, 0),
        (249.9996, 1),
        (250.0, 1),
        (250.0004, 1),
        (499.999, 1),
        (500, -1),
        (0, 0),
        (-0.0004, 0),
        (-0.0006, -1),
    ],
)
def test_edges_are_decided_on_whole_millimetres(x, column):
    grid = Grid.from_bounds(0, 0, 500, 500, cell=250, crs=CRS)
    assert grid.cell_of(np.array([x]), np.array([0.0])).tolist() == [column]
    assert grid.cell_of(np.array([0.0]), np.array([x])).tolist() == [column * 2 if column > 0 else column]


@given(
    st.integers(-(10**9), 10**9),
    st.integers(1, 10**6),
    st.lists(st.integers(-(10**10), 10**10), min_size=1, max_size=20),
)
def test_columns_are_integer_division_of_millimetres(corner, side, places):
    """Also where the floats of metres are not exact, as almost all are not."""
    grid = Grid(
        crs=CRS, x0_mm=corner, y0_mm=-corner, cell_mm=side, inside_m2=np.ones((3, 4)),
        label_code=np.zeros((3, 4), dtype=np.int32), labels=("all",),
    )  # fmt: skip
    metres = np.array(places) / 1000
    column, row = grid.column_row(metres, metres)
    assert column.tolist() == [(mm - corner) // side for mm in places]
    assert row.tolist() == [(mm + corner) // side for mm in places]


@pytest.mark.parametrize("far", [1e9, 1e15, 1e30, -1e300])
def test_places_beyond_the_earth_are_outside(far):
    grid = Grid.from_bounds(0, 0, 500, 500, cell=250, crs=CRS)
    assert grid.cell_of(np.array([far, 1.0]), np.array([1.0, far])).tolist() == [-1, -1]


@given(st.floats(0, 1000), st.floats(0, 700))
def test_every_point_inside_has_one_cell_whose_square_holds_it(x, y):
    grid = Grid.from_bounds(0, 0, 1000, 700, cell=250, crs=CRS)
    cell = grid.cell_of(np.array([x]), np.array([y]))[0]
    if cell < 0:
        assert x >= 999.9995 or y >= 699.9995
        return
    row, column = divmod(int(cell), grid.shape[1])
    assert abs(x - grid.x[column]) <= 125.0005
    assert abs(y - grid.y[row]) <= 125.0005


def test_centres_and_corners():
    grid = Grid.from_bounds(100.5, 200, 850.5, 700, cell=250, crs=CRS)
    assert (grid.x0, grid.y0, grid.cell, grid.shape) == (100.5, 200, 250, (2, 3))
    assert grid.x.tolist() == [225.5, 475.5, 725.5]
    assert grid.y.tolist() == [325, 575]
    assert grid.cell_of(np.array([725.5]), np.array([575.0])).tolist() == [5]


# Laying cells ---------------------------------------------------------------------------------------------


def test_bounds_that_cells_do_not_divide_cut_the_last_ones():
    grid = Grid.from_bounds(0, 0, 600, 300, cell=250, crs=CRS)
    assert grid.inside_m2.tolist() == [[62500, 62500, 25000], [12500, 12500, 5000]]
    assert grid.total_m2 == 600 * 300
    assert grid.mask.all()
    same = Grid.from_areas(areas_of(box(0, 0, 600, 300)), cell=250)
    np.testing.assert_allclose(same.inside_m2, grid.inside_m2)
    assert same.labels == grid.labels == ("all",)


def test_holes_parts_and_cut_cells():
    ring = box(0, 0, 1000, 1000).difference(box(250, 250, 600, 750))
    island = box(1250, 0, 1300, 100)
    grid = Grid.from_areas(areas_of(shapely.MultiPolygon([ring, island])), cell=250)
    assert grid.shape == (4, 6)
    assert grid.total_m2 == pytest.approx(ring.area + island.area)
    # The hole: a cell wholly in it, and one of which it takes 100 m of the 250.
    assert grid.mask[1].tolist() == [True, False, True, True, False, False]
    assert grid.inside_m2[1, 2] == pytest.approx(250 * 150)
    assert grid.inside_m2[0].tolist() == [62500, 62500, 62500, 62500, 0, pytest.approx(5000)]
    assert grid.cell_of(np.array([300.0]), np.array([300.0])).tolist() == [-1]
    # A crime in the hole, but in a cell that has ground, belongs to that cell.
    assert grid.cell_of(np.array([550.0]), np.array([300.0])).tolist() == [8]
    assert "(3 cut by the border)" in grid.summary()["cells"]


def test_a_cell_has_the_label_of_the_area_that_holds_most_of_it():
    areas = areas_of(box(0, 0, 350, 250), box(350, 0, 1000, 250), borough=["b", "a"])
    grid = Grid.from_areas(areas, cell=250, label="borough")
    assert grid.labels == ("a", "b")
    assert [grid.labels[code] for code in grid.label_code[0]] == ["b", "a", "a", "a"]
    # The ground of a cell counts whole for its label: an area's total is that of its cells.
    assert grid.label_m2.tolist() == [187500, 62500]
    assert grid.label_cells.tolist() == [3, 1]
    tied = areas_of(box(0, 0, 125, 250), box(125, 0, 250, 250), borough=["z", "m"])
    assert Grid.from_areas(tied, cell=250, label="borough").label_code.tolist() == [[0]]


@given(st.permutations(range(6)))
def test_the_order_of_the_areas_never_matters(order):
    """Nor of the rows of one name, which are one area."""
    whole = [box(400 * i, 30 * i, 400 * i + 400, 700) for i in range(6)]
    names = np.array(["b", "a", "b", "c", "a", "b"])
    straight = Grid.from_areas(areas_of(*whole, name=names), cell=250, label="name")
    shuffled = areas_of(*(whole[i] for i in order), name=names[list(order)])
    assert Grid.from_areas(shuffled, cell=250, label="name").fingerprint == straight.fingerprint


def test_labels_that_are_numbers_stay_in_their_order():
    areas = areas_of(*(box(500 * i, 0, 500 * i + 500, 500) for i in range(3)), district=[10, 9, 2])
    grid = Grid.from_areas(areas, cell=500, label="district")
    assert grid.labels == ("2", "9", "10")
    assert [grid.labels[code] for code in grid.label_code[0]] == ["10", "9", "2"]


def test_an_area_that_is_the_largest_part_of_no_cell_has_no_cells():
    areas = areas_of(box(0, 0, 500, 240), box(0, 240, 500, 250), name=["wide", "strip"])
    grid = Grid.from_areas(areas, cell=250, label="name")
    assert grid.labels == ("strip", "wide")
    assert grid.label_cells.tolist() == [0, 2]
    assert grid.label_m2.tolist() == [0, 125000]


def test_the_origin_shifts_the_lines():
    areas = areas_of(box(0, 0, 500, 500))
    plain = Grid.from_areas(areas, cell=250)
    shifted = Grid.from_areas(areas, cell=250, origin=(125, 125))
    assert (plain.x0, plain.shape) == (0, (2, 2))
    assert (shifted.x0, shifted.y0, shifted.shape) == (-125, -125, (3, 3))
    assert shifted.total_m2 == pytest.approx(plain.total_m2)
    assert shifted.inside_m2[0].tolist() == pytest.approx([125 * 125, 250 * 125, 125 * 125])
    whole_steps = Grid.from_areas(areas, cell=250, origin=(1e6, -750))
    assert whole_steps.fingerprint == plain.fingerprint
    odd = Grid.from_areas(areas, cell=250, origin=(0.123, 0))
    assert odd.x0_mm == -249_877


def test_cells_need_not_be_whole_metres():
    grid = Grid.from_bounds(0, 0, 1, 1, cell=0.3, crs=CRS)
    assert grid.shape == (4, 4)
    assert grid.inside_m2.sum() == pytest.approx(1)
    assert grid.inside_m2[3, 3] == pytest.approx(0.01)


def test_slivers_belong_and_rounding_does_not():
    """A strip of a millimetre is ground; the rounding of a projected border is no cell."""
    thin = Grid.from_areas(areas_of(box(0, 0, 250.001, 250)), cell=250)
    assert thin.shape == (1, 2)
    assert thin.inside_m2[0, 1] == pytest.approx(0.25, rel=1e-6)
    noisy = Grid.from_areas(areas_of(box(0, 0, 250, 250)), cell=250)
    assert noisy.mask.sum() == 1


# What is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crs", "told"),
    [
        ("EPSG:4326", r"degrees.*to_crs"),
        ("EPSG:2913", r"foot.*to_crs"),
        ("EPSG:3857", "web maps"),
        (None, "No coordinate reference system|no coordinate reference system"),
        ("EPSG:1", "PROJ"),
    ],
)
def test_systems_that_are_not_in_metres(crs, told):
    with pytest.raises(InputError, match=told):
        Grid.from_bounds(1e5, 1e5, 2e5, 2e5, cell=250, crs=crs)
    if crs != "EPSG:1":
        with pytest.raises(InputError, match=told):
            Grid.from_areas(areas_of(box(1e5, 1e5, 1.001e5, 1.001e5), crs=crs), cell=250)


def test_degrees_given_as_metres():
    with pytest.raises(InputError, match="look like degrees"):
        Grid.from_bounds(-0.5, 51.3, 0.3, 51.7, cell=250, crs=CRS)
    with pytest.raises(InputError, match="look like degrees"):
        Grid.from_areas(areas_of(box(-79.6, 43.6, -79.1, 43.9), crs="EPSG:32617"), cell=250)


def test_events_of_another_system_are_refused():
    grid = Grid.from_bounds(0, 0, 500, 500, cell=250, crs=CRS)
    frame = pd.DataFrame({"x": [6e5], "y": [5.7e6], "t": ["2018-05-01"]})
    events = ppe.Events.from_frame(frame, crs="EPSG:32630", tz="Europe/London")
    with pytest.raises(InputError, match=r"EPSG:32630.*EPSG:27700"):
        grid.cells_of(events)


@pytest.mark.parametrize("cell", [0, -250, np.nan, np.inf, 250.0001, 0.0004])
def test_sides_of_cells(cell):
    with pytest.raises(InputError, match=r"cell=.*whole millimetres"):
        Grid.from_bounds(0, 0, 1000, 1000, cell=cell, crs=CRS)


@pytest.mark.parametrize(
    "bounds", [(0, 0, 0, 1000), (0, 0, -1, 1000), (0, 0, np.nan, 1), (0, 0, np.inf, 1), (0, 0, 0.0001, 1000)]
)
def test_bounds_without_cells(bounds):
    with pytest.raises(InputError, match="no cells"):
        Grid.from_bounds(*bounds, cell=250, crs=CRS)


@pytest.mark.parametrize(
    ("areas", "told"),
    [
        (areas_of(), "no cells"),
        (pd.DataFrame({"x": [1]}), "GeoDataFrame"),
        (areas_of(box(0, 0, 9, 9), None, shapely.Polygon()), "rows 1, 2 .* no geometry"),
        (
            areas_of(box(0, 0, 9, 9), shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)])),
            "rows 1, 2 .* not polygons",
        ),
    ],
)
def test_areas_that_are_none(areas, told):
    with pytest.raises(InputError, match=told):
        Grid.from_areas(areas.set_crs(CRS) if hasattr(areas, "set_crs") else areas, cell=250)


def test_labels_that_are_missing():
    areas = areas_of(box(0, 0, 500, 500), box(500, 0, 900, 500), Borough=["a", None])
    with pytest.raises(InputError, match=r"no column 'borough'.*Did you mean 'Borough'.*label="):
        Grid.from_areas(areas, cell=250, label="borough")
    with pytest.raises(InputError, match=r"row 1 .* blank 'Borough'"):
        Grid.from_areas(areas, cell=250, label="Borough")


def test_a_border_that_touches_itself_is_mended_and_one_that_crosses_is_refused():
    """Rounded borders touch themselves at a point; a bow tie could mean several shapes."""
    bay = [(600, 500), (400, 500)]
    touching = shapely.Polygon([(0, 0), (1000, 0), (1000, 1000), (500, 1000), *bay, (500, 1000), (0, 1000)])
    assert not touching.is_valid
    grid = Grid.from_areas(areas_of(box(1000, 0, 1500, 500), touching, name=["x", "y"]), cell=250, label="name")
    assert grid.total_m2 == pytest.approx(1e6 - 200 * 500 / 2 + 250_000)
    bow_tie = shapely.Polygon([(0, 0), (500, 500), (500, 0), (0, 500)])
    twice = shapely.Polygon([(0, 0), (1000, 0), (1000, 1000), (500, 1000), *bay[::-1], (500, 1000), (0, 1000)])
    for wrong in (bow_tie, twice):
        with pytest.raises(InputError, match=r"row 1 .* not valid.*make_valid"):
            Grid.from_areas(areas_of(box(1000, 0, 1500, 500), wrong, name=["x", "y"]), cell=250, label="name")


def test_areas_on_top_of_each_other_are_refused():
    areas = areas_of(box(0, 0, 500, 500), box(250, 0, 750, 500), name=["x", "y"])
    with pytest.raises(InputError, match=r"overlap.*0\.50 km2.*0\.38 km2"):
        Grid.from_areas(areas, cell=250, label="name")
    # Without names, and of one name, they are one area.
    assert Grid.from_areas(areas, cell=250).total_m2 == pytest.approx(375_000)
    assert Grid.from_areas(areas.assign(name="x"), cell=250, label="name").total_m2 == pytest.approx(375_000)


def test_too_many_cells_are_refused_with_their_size():
    with pytest.raises(InputError, match=r"1,000,000 x 1,000,000 .*GB.*larger cell"):
        Grid.from_bounds(0, 0, 1e6, 1e6, cell=1, crs=CRS)
    with pytest.raises(InputError, match="larger cell"):
        Grid.from_areas(areas_of(box(0, 0, 1e6, 1e6)), cell=1)


def test_ten_million_cells():
    start = time.perf_counter()
    bounds = Grid.from_bounds(0, 0, 3200, 3200, cell=1, crs=CRS)
    city = Grid.from_areas(areas_of(shapely.Point(1600, 1600).buffer(1600)), cell=1)
    assert time.perf_counter() - start < 30
    assert bounds.mask.sum() == 10_240_000
    assert city.shape == (3200, 3200)
    assert city.cell_of(np.array([1600.5]), np.array([1600.5])).tolist() == [1600 * 3200 + 1600]
    assert city.total_m2 == pytest.approx(shapely.Point(0, 0).buffer(1600).area)
    assert "10,240,000" in repr(bounds)


# What it says of itself -----------------------------------------------------------------------------------


@pytest.fixture
def grid() -> Grid:
    areas = areas_of(
        box(0, 0, 1030, 700).difference(box(300, 100, 450, 400)), box(1030, 0, 1500, 350), name=["Ä", "b <i>"]
    )
    return Grid.from_areas(areas, cell=250, label="name")


def test_nothing_can_be_changed(grid):
    for name in ("inside_m2", "label_code"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(grid, name)[0, 0] = 1
    with pytest.raises(AttributeError):
        grid.crs = "EPSG:4326"


def test_a_fingerprint_tells_every_change(grid):
    def like(**changed):
        fields = {name: getattr(grid, name) for name in ("crs", "x0_mm", "y0_mm", "cell_mm", "inside_m2", "label_code",
                                                         "labels", "boundary")}  # fmt: skip
        return Grid(**(fields | changed)).fingerprint

    nudged = grid.inside_m2.copy()
    nudged[0, 0] = np.nextafter(nudged[0, 0], 0)
    other = grid.label_code.copy()
    other[0, 0] = 1 - other[0, 0]
    prints = {
        like(), like(crs="EPSG:32630"), like(x0_mm=1), like(y0_mm=1), like(cell_mm=251_000), like(inside_m2=nudged),
        like(label_code=other), like(labels=("Ä", "c")), like(inside_m2=grid.inside_m2.T, label_code=grid.label_code.T),
    }  # fmt: skip
    assert len(prints) == 9
    assert like() == grid.fingerprint
    assert like(boundary=()) == grid.fingerprint  # changes no result


def test_a_saved_grid_comes_back_to_the_bit(grid, tmp_path):
    path = tmp_path / "grid.nc"
    for made in (grid, Grid.from_bounds(0, 0, 600, 300, cell=250, crs=CRS)):
        made.save(path)
        again = Grid.load(str(path))
        assert again.fingerprint == made.fingerprint
        for name in ("crs", "x0_mm", "y0_mm", "cell_mm", "labels", "boundary"):
            assert getattr(again, name) == getattr(made, name)
        assert again.inside_m2.tobytes() == made.inside_m2.tobytes()
        assert again.label_code.dtype == made.label_code.dtype
        assert not again.inside_m2.flags.writeable
    assert [file.name for file in tmp_path.iterdir()] == ["grid.nc"]


def test_files_that_are_no_grid_are_refused(grid, tmp_path):
    path = tmp_path / "grid.nc"
    with pytest.raises(InputError, match=r"no file grid\.nc"):
        Grid.load(path)
    path.write_text("not NetCDF")
    with pytest.raises(InputError, match="cannot be read as NetCDF"):
        Grid.load(path)
    xr.Dataset({"a": 1}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(InputError, match=r"schema None but 'predpol_eval\.grid/1'"):
        Grid.load(path)
    grid.save(path)
    changed = xr.load_dataset(path, engine="h5netcdf")
    changed["inside_m2"][0, 0] = 1.0
    changed.to_netcdf(path, engine="h5netcdf")
    with pytest.raises(InputError, match="changed after it was saved"):
        Grid.load(path)


def test_areas_come_back_as_polygons_and_say_where_a_point_lies(grid):
    frame = grid.areas()
    assert frame.label.tolist() == ["b <i>", "Ä"]
    assert frame.crs.to_authority() == ("EPSG", "27700")
    assert frame.area.tolist() == pytest.approx([470 * 350, 1030 * 700 - 150 * 300])
    x, y = np.array([1100, 100, 400, 1030, 5000.0]), np.array([10, 10, 200, 10, 10.0])
    assert grid.area_of_point(x, y).tolist() == [0, 1, -1, 0, -1]
    bare = Grid(crs=CRS, x0_mm=0, y0_mm=0, cell_mm=1000, inside_m2=np.ones((1, 1)),
                label_code=np.zeros((1, 1), dtype=np.int32), labels=("all",))  # fmt: skip
    with pytest.raises(InputError, match="without boundaries"):
        bare.area_of_point(x, y)


def test_it_describes_itself(grid):
    text = repr(grid)
    assert "cells: " in text
    assert "250 m" in text
    assert "2: b <i>, Ä" in text
    assert "b &lt;i&gt;" in grid._repr_html_()
    assert json.loads(json.dumps(grid.summary()))["area"] == "0.84 km2"


def test_polygons_that_were_checked_before_give_the_same_grid():
    areas = areas_of(box(0, 0, 500, 375), box(500, 0, 900, 375), name=["B", "A"])
    grid = Grid.from_areas(areas, cell=250, label="name", origin=(30, 70))
    polygons = np.array([areas.geometry[1], areas.geometry[0]], dtype=object)
    again = Grid.from_polygons(("A", "B"), polygons, cell=250, crs=CRS, origin=(30, 70))
    assert again.fingerprint == grid.fingerprint
    assert again.boundary == grid.boundary
    assert Grid.from_polygons(("A", "B"), polygons, cell=250, crs=CRS).fingerprint != grid.fingerprint
