"""What polygons cover of cells, and in which order listed cells stand."""

from __future__ import annotations

import time

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import Grid
from predpol_eval.flagging import make_scene
from predpol_eval.trial.findings.definite_cells import definite_ranks
from predpol_eval.trial.findings.drawn_ground import shares_covered
from predpol_eval.trial.submissions.ground import Ground
from predpol_eval.trial.submissions.predictions import RankedCells
from tests.trial.findings.twins import covered

X, Y = 430_000.0, 433_000.0


def ragged_grid() -> Grid:
    """Two areas with a slanted border between them and around them; lines of the grid pass elsewhere."""
    west = shapely.Polygon([(X, Y), (X + 900, Y + 130), (X + 1130, Y + 1900), (X - 200, Y + 1400)])
    east = shapely.Polygon([(X + 900, Y + 130), (X + 2400, Y - 310), (X + 2000, Y + 1700), (X + 1130, Y + 1900)])
    table = gpd.GeoDataFrame({"name": ["west", "east"]}, geometry=[west, east], crs="EPSG:27700")
    return Grid.from_areas(table, cell=250, label="name")


GRID = ragged_grid()
SCENE = make_scene(GRID)


def drawn_on(shape: object) -> dict[str, object]:
    """What remains of a shape in each area, as predictions keep it."""
    found = {}
    for name, territory in zip(GRID.labels, Ground(GRID, GRID.labels).territories, strict=True):
        part = shapely.intersection(shape, territory)
        if not part.is_empty and part.area > 0:
            found[name] = shapely.multipolygons(
                [one for one in shapely.get_parts(part) if shapely.get_type_id(one) == 3]
            )
    return found


@given(st.lists(st.tuples(*(st.floats(-400, 2600) for _ in range(6))), min_size=1, max_size=5))
def test_triangles_cover_what_they_cover(corners):
    triangles = [shapely.Polygon([(X + a, Y + b), (X + c, Y + d), (X + e, Y + f)]) for a, b, c, d, e, f in corners]
    first, *rest = [one for one in triangles if one.is_valid and one.area > 1] or [shapely.Polygon()]
    # A hole where the first lies within the others.
    shape = shapely.symmetric_difference(shapely.union_all(rest), first) if rest else first
    drawn = drawn_on(shape)
    found = shares_covered(drawn, GRID, SCENE)
    expected = covered(drawn, GRID)[GRID.mask]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    ground = float((found * SCENE.inside).sum())
    assert ground == pytest.approx(sum(part.area for part in drawn.values()), rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("way", [1, -1])
def test_a_hole_is_not_covered_whichever_way_rings_run(way):
    grid = Grid.from_bounds(X, Y, X + 1000, Y + 500, cell=250, crs="EPSG:27700")
    outside, inside = (shapely.box(X + a, Y + 0, X + b, Y + c) for a, b, c in ((0, 750, 500), (125, 500, 250)))
    shell, hole = (shapely.get_coordinates(one)[::way] for one in (outside, inside))
    found = shares_covered({"all": shapely.Polygon(shell, [hole])}, grid, make_scene(grid))
    assert found.tolist() == [0.5, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0]


def test_all_is_covered_and_nothing_is():
    drawn = drawn_on(shapely.box(X - 5000, Y - 5000, X + 9000, Y + 9000))
    found = shares_covered(drawn, GRID, SCENE)
    np.testing.assert_allclose(found, 1.0, atol=1e-6)
    assert found.max() <= 1
    assert shares_covered({}, GRID, SCENE).tolist() == [0.0] * len(SCENE.cells)
    one = shares_covered({"west": drawn["west"]}, GRID, SCENE)
    np.testing.assert_allclose(one, SCENE.label == GRID.labels.index("west"), atol=1e-6)


def test_along_lines_of_the_grid_it_is_whole_cells():
    grid = Grid.from_bounds(X + 0.1, Y + 0.7, X + 1000.1, Y + 750.7, cell=250, crs="EPSG:27700")
    for column in range(4):
        for row in range(3):
            shape = shapely.box(*(grid.x0 + 250 * column, grid.y0 + 250 * row), grid.x0 + 1000, grid.y0 + 750)
            found = shares_covered({"all": shape}, grid, make_scene(grid)).reshape(3, 4)
            expected = np.zeros((3, 4))
            expected[row:, column:] = 1
            np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_comb_over_many_cells_takes_no_time():
    grid = Grid.from_bounds(X, Y, X + 15_000, Y + 15_000, cell=250, crs="EPSG:27700")
    teeth = np.arange(10_000) * 1.5
    up = np.column_stack([np.repeat(teeth, 4), np.tile([10.0, 14_900, 14_900, 10.0], 10_000)])
    up[2::4, 0] += 0.5
    up[3::4, 0] += 0.5
    comb = shapely.Polygon([(X + a, Y + b) for a, b in up] + [(X + 15_000, Y + 5), (X, Y + 5)])
    assert comb.is_valid
    start = time.process_time()
    found = shares_covered({"all": comb}, grid, make_scene(grid))
    assert time.process_time() - start < 3
    assert float(found.sum()) * 62_500 == pytest.approx(comb.area, rel=1e-9)


@given(st.lists(st.tuples(st.integers(0, len(SCENE.cells) - 1), st.integers(0, 3)), max_size=40))
def test_ranks_are_the_order_of_key_and_lot(rows):
    keys = dict(rows)
    places = sorted(keys)
    lot = np.random.default_rng(3).permutation(len(SCENE.cells))
    listed = RankedCells(SCENE.cells[places], np.array([float(keys[place]) for place in places]))
    found = definite_ranks(listed, SCENE, lot)
    expected = np.zeros(len(SCENE.cells), dtype=int)
    for area in range(SCENE.labels):
        mine = [place for place in places if SCENE.label[place] == area]
        for rank, place in enumerate(sorted(mine, key=lambda place: (-keys[place], lot[place])), 1):
            expected[place] = rank
    assert found.tolist() == expected.tolist()


def test_keys_that_agree_to_twelve_digits_are_tied():
    listed = RankedCells(SCENE.cells[:3], np.array([0.3, 0.1 + 0.2, 0.3 - 1e-9]))
    assert (SCENE.label[:3] == SCENE.label[0]).all()
    for lot in (np.arange(len(SCENE.cells)), np.arange(len(SCENE.cells))[::-1]):
        found = definite_ranks(listed, SCENE, lot)[:3].tolist()
        assert found == ([1, 2, 3] if lot[0] == 0 else [2, 1, 3])
