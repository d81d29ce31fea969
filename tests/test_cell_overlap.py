"""How much of each cell lies in which area, against one box per cell."""

from __future__ import annotations

import time

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import cell_overlap
from predpol_eval.cell_overlap import overlap
from tests.naive import overlap as naive

coordinate = st.one_of(st.integers(0, 24).map(lambda n: n / 2), st.floats(0, 12))
points = st.tuples(coordinate, coordinate)
shapes = st.one_of(
    st.tuples(points, points).map(lambda p: shapely.box(*np.minimum(*p), *np.maximum(*p))),
    st.tuples(points, points, points).map(shapely.Polygon),
    st.tuples(points, st.floats(0.3, 5)).map(lambda p: shapely.Point(p[0]).buffer(p[1], quad_segs=4)),
    st.tuples(points, st.floats(0.001, 0.2)).map(lambda p: shapely.box(*p[0], p[0][0] + 9, p[0][1] + p[1])),  # a sliver
)


@st.composite
def areas(draw: st.DrawFn) -> np.ndarray:
    """Areas of several parts with holes, none on top of another."""
    taken, found = shapely.Polygon(), []
    for _ in range(draw(st.integers(1, 3))):
        whole = shapely.union_all(draw(st.lists(shapes, min_size=1, max_size=3)))
        hollow = whole.difference(shapely.union_all(draw(st.lists(shapes, max_size=2))))
        mine = hollow.difference(taken)
        parts = [part for part in shapely.get_parts(mine) if part.geom_type == "Polygon" and part.area > 0]
        taken = taken.union(mine)
        if parts:
            found.append(shapely.MultiPolygon(parts))
    return np.array(found, dtype=object)


@given(areas(), st.sampled_from([0.0, 5_000_000.0]), st.sampled_from([1.0, 2.5]))
def test_against_one_box_per_cell(found, far, cell):
    found = shapely.transform(found, lambda xy: xy + far) if len(found) else found
    nx, ny = round(12 / cell) + 2, round(12 / cell) + 1
    inside, code = overlap(found, far - cell, far, cell, nx, ny)
    expected, expected_code = naive.overlap(found, far - cell, far, cell, nx, ny)
    np.testing.assert_allclose(inside, expected, atol=1e-7 if far else 1e-9)
    # What is smaller than rounding may be there or not.
    clear = (expected > 1e-6) | (expected == 0)
    np.testing.assert_array_equal(code[clear] >= 0, expected_code[clear] >= 0)
    parts = np.array([naive.overlap([area], far - cell, far, cell, nx, ny)[0] for area in found])
    if len(parts) > 1:
        top = np.sort(parts, axis=0)
        clear &= np.abs(top[-1] - top[-2]) > 1e-5
    np.testing.assert_array_equal(code[clear], expected_code[clear])


def test_the_first_of_equal_parts_takes_the_cell():
    left, right = shapely.box(0, 0, 1.5, 2), shapely.box(1.5, 0, 3, 2)
    for order in ([left, right], [right, left]):
        _, code = overlap(np.array(order, dtype=object), 0, 0, 1, 3, 2)
        assert code[:, 1].tolist() == [0, 0]
    shifted = shapely.box(0, 0, 1.5 - 1e-8, 2), shapely.box(1.5 - 1e-8, 0, 3, 2)  # less than a square millimetre
    assert overlap(np.array(shifted, dtype=object), 0, 0, 1, 3, 2)[1][:, 1].tolist() == [0, 0]
    larger = shapely.box(0, 0, 1.49, 2), shapely.box(1.49, 0, 3, 2)
    assert overlap(np.array(larger, dtype=object), 0, 0, 1, 3, 2)[1][:, 1].tolist() == [1, 1]


def test_where_areas_overlap_the_ground_counts_once():
    found = np.array([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3.25, 1)], dtype=object)
    inside, code = overlap(found, 0, 0, 1, 4, 1)
    assert inside.tolist() == [[1, 1, 1, 0.25]]
    assert code.tolist() == [[0, 0, 1, 1]]


def test_touching_is_not_overlapping():
    inside, code = overlap(np.array([shapely.box(0, 0, 2, 2)], dtype=object), -2, -2, 2, 3, 3)
    assert (inside > 0).sum() == (code >= 0).sum() == 1


@pytest.mark.parametrize("hole", [0.5, 0.05])
def test_a_small_hole_in_a_large_block_is_seen(hole):
    """A block of 64 x 64 cells is 2.56e8 m2: the hole is 1e-9 or 1e-11 of it, but 4e-6 or 4e-8 of its cell."""
    cell, count = 250.0, 64
    x0, y0 = 609_500.0, 4_826_250.0
    city = shapely.box(x0, y0, x0 + cell * count, y0 + cell * count)
    missing = shapely.box(x0 + 1100, y0 + 1100, x0 + 1100 + hole, y0 + 1100 + hole)
    inside, _ = overlap(np.array([city.difference(missing)], dtype=object), x0, y0, cell, count, count)
    assert inside[4, 4] == pytest.approx(cell**2 - hole**2, abs=1e-5)
    assert (inside == cell**2).sum() >= count**2 - 1


def test_ten_million_cells_take_seconds_and_no_geometry_each(monkeypatch):
    """Work grows with the border: a city of 3200 x 3200 cells with a lake needs some ten thousand pieces."""
    city = shapely.Point(0, 0).buffer(1600, quad_segs=8).difference(shapely.Point(300, 300).buffer(200, quad_segs=8))
    pieces = []
    clip = cell_overlap._clip

    def counting(blocks, *rest):
        pieces.append(len(blocks.row))
        return clip(blocks, *rest)

    monkeypatch.setattr(cell_overlap, "_clip", counting)
    start = time.perf_counter()
    inside, code = overlap(np.array([city], dtype=object), -1600, -1600, 1, 3200, 3200)
    assert time.perf_counter() - start < 20
    assert sum(pieces) < 150_000
    assert inside.sum() == pytest.approx(city.area, rel=1e-12)
    assert ((inside > 0) == (code == 0)).all()
    assert (inside == 1).sum() > 7_800_000
