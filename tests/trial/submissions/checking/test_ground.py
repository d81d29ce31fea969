"""Names of cells, the ground of areas, and polygons laid over each other."""

from __future__ import annotations

import time

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.errors import InputError
from predpol_eval.grid import Grid
from predpol_eval.trial.submissions.box_overlay import MOST_CROSSINGS, Borders, crossings, cut, edges, union
from predpol_eval.trial.submissions.cell_names import cell_name, cell_named, cell_names
from predpol_eval.trial.submissions.ground import Ground
from tests.trial.submissions.checking.town import GRID

GROUND = Ground(GRID, GRID.labels)


def array(*shapes):
    return np.array([*shapes, None], dtype=object)[:-1]


@pytest.mark.parametrize("text", ["r000c009", "r009c000", "r8c9", "r999999999c0"])
def test_names_beyond_the_grid_are_of_no_other_cell(text):
    assert GRID.shape == (9, 9)
    assert cell_named(GRID, text) == -3


def test_every_cell_has_one_name_and_is_found_by_it():
    for grid in (GRID, Grid.from_bounds(0, 0, 1200 * 50, 150, cell=50, crs="EPSG:27700")):
        names = cell_names(grid)
        assert len(set(names)) == grid.mask.size
        assert len({len(name) for name in names}) == 1
        assert [cell_named(grid, name) for name in names] == list(range(grid.mask.size))
    assert names[-1] == "r002c1199"


@given(st.text(max_size=12))
def test_no_other_text_is_a_cells_name(text):
    found = cell_named(GRID, text)
    if found >= 0:
        row, column = text.lower()[1:].split("c")
        assert cell_name(GRID, found) == f"r{int(row):03d}c{int(column):03d}"


@pytest.mark.parametrize(
    "text", ["r1c1 ", "r١c1", "r1c1\n", "r-1c1", "r1c", "c1r1", "r1_0c1", "r" + "1" * 40 + "c1", "r1.0c1"]
)
def test_texts_that_are_nearly_names_are_none(text):
    assert cell_named(GRID, text) == -2


def test_the_ground_of_areas_is_that_of_their_cells_within_the_border():
    np.testing.assert_allclose(shapely.area(array(*GROUND.territories)), GRID.label_m2, rtol=1e-9)
    inside = shapely.union_all(array(*GROUND.territories))
    assert shapely.area(inside) == pytest.approx(GRID.total_m2, rel=1e-9)
    for area, label in enumerate(GRID.labels):
        order = np.sort(GRID.inside_m2[GRID.label_code == GRID.labels.index(label)])[::-1]
        for k in (1, 3, 1000):
            assert GROUND.allowed_m2(k)[area] == pytest.approx(sum(order[:k].tolist()))
            assert GROUND.least(k)[area] == min(k, len(order))


def test_a_grid_without_boundaries_has_the_ground_of_its_cells():
    from dataclasses import replace

    bare = Ground(replace(GRID, boundary=()), GRID.labels)
    assert shapely.area(array(*bare.territories)) == pytest.approx(250.0**2 * GRID.label_cells)
    with pytest.raises(InputError, match=r"no area 'Nort'.*East, North, West"):
        Ground(GRID, ("East", "Nort"))


# Edges ----------------------------------------------------------------------------------------------------

NUMBER = st.integers(0, 12)
TRIANGLE = (
    st.tuples(NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER)
    .map(lambda n: shapely.Polygon([(n[0], n[1]), (n[2], n[3]), (n[4], n[5])]))
    .filter(lambda shape: shape.is_valid and shape.area > 0)
)


@given(st.lists(TRIANGLE, min_size=1, max_size=5), st.booleans())
def test_edges_that_cross_are_counted_as_one_by_one(shapes, bordered):
    # The borders cross each other, which is not counted.
    borders = [shapely.box(2, 2, 9, 9), shapely.box(4, 1, 10, 6)] if bordered else []
    every = [*shapes, *borders]
    sides = [
        (number, shapely.LineString(pair))
        for number, shape in enumerate(every)
        for pair in zip(shape.exterior.coords[:-1], shape.exterior.coords[1:], strict=True)
    ]
    expected = sum(
        a[1].crosses(b[1]) for i, a in enumerate(sides) for b in sides[:i] if a[0] != b[0] and b[0] < len(shapes)
    )
    assert crossings(array(*shapes), Borders(borders)) == expected


def test_edges_of_parts_and_holes_are_all_there():
    holed = shapely.box(0, 0, 10, 10).difference(shapely.box(2, 2, 4, 4))
    ends, owner = edges(array(shapely.box(20, 20, 21, 21), shapely.MultiPolygon([holed, shapely.box(30, 0, 31, 1)])))
    assert owner.tolist() == [0] * 4 + [1] * 12
    assert np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]).sum() == pytest.approx(4 + 40 + 8 + 4)
    assert crossings(array()) == 0


def test_a_union_has_the_same_bytes_in_any_order_and_however_rings_begin():
    first, second = shapely.box(0, 0, 3, 3), shapely.Polygon([(2, 2), (5, 2), (5, 5), (2, 5)])
    turned = shapely.Polygon([(5, 5), (5, 2), (2, 2), (2, 5)])
    made = {
        cut(union(shapes), shapely.box(1, 1, 9, 9)).wkb
        for shapes in ((first, second), (turned, first), (second, first, turned))
    }
    assert len(made) == 1


CIRCLE = st.tuples(*[st.floats(0, 3)] * 3).map(lambda n: shapely.Point(n[0], n[1]).buffer(0.3 + n[2], quad_segs=5))


@given(st.lists(CIRCLE, min_size=3, max_size=7), st.randoms(use_true_random=False))
def test_a_union_of_many_has_the_same_bytes_in_any_order(shapes, random):
    mixed = random.sample(shapes, len(shapes))
    territory = shapely.box(0.1, 0.1, 2.9, 2.9)
    assert cut(union(mixed), territory).wkb == cut(union(shapes), territory).wkb


def test_what_only_touches_is_not_kept():
    territory = shapely.Polygon([(0, 0), (10, 0), (10, 5), (5, 5), (5, 10), (0, 10)])
    # It has ground in the lower arm, and touches the upper one along a line.
    found = cut(shapely.box(5, 3, 9, 8), territory)
    assert found.equals(shapely.box(5, 3, 9, 5))
    assert found.geom_type == "MultiPolygon"
    assert cut(shapely.box(5, 6, 9, 8), territory).is_empty


def comb(teeth, size, *, across=False, turn=0.0):
    at = np.repeat(np.arange(teeth) * size / teeth, 4) + np.tile([0, 0, 0.5, 0.5], teeth) * size / teeth
    up = np.tile([1.0, size, size, 1.0], teeth)
    points = np.column_stack((np.r_[0.0, at, size, 0.0], np.r_[0.0, up, 0.0, 0.0]))
    if across:
        points = points[:, ::-1]
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return shapely.Polygon(points @ rotation.T)


@pytest.mark.parametrize(
    "shapes",
    [
        lambda: [comb(24_000, 1000), comb(24_000, 1000, across=True)],
        lambda: [comb(24_000, 1000, turn=0.7), comb(24_000, 1000, across=True, turn=0.7)],
        lambda: [shapely.box(x, x, x + 900, x + 900) for x in np.linspace(0, 100, 39_000)],
        lambda: [shapely.box(0, 0, 900, 900)] * 39_000,
    ],
    ids=["combs", "turned combs", "stack", "the same"],
)
def test_polygons_that_would_explode_are_found_in_time(shapes):
    shapes = array(*shapes())
    start = time.process_time()
    assert crossings(shapes) > MOST_CROSSINGS
    assert time.process_time() - start < 2


def test_many_plain_polygons_are_not_taken_for_exploding_ones():
    # As a template for a large city has them: neighbours that share edges and corners.
    assert crossings(array(*(shapely.box(x, y, x + 1, y + 1) for x in range(70) for y in range(70)))) == 0
    round_ones = array(*(shapely.Point(15 * n, 0).buffer(10, quad_segs=250) for n in range(190)))
    start = time.process_time()
    assert crossings(round_ones) == 2 * 189
    assert time.process_time() - start < 2
