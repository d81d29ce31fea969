"""The shape of flagged sets, against walking round the cells, and what no turning or moving may change."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError
from tests.flagged_sets.towns import cells_of, flags_of, grid_of_rows, joined, towns
from tests.naive import flagged_sets as naive
from tests.strategies import nights

SHAPES = (ppe.area_to_perimeter, ppe.clumpiness, ppe.compactness)
patterns = st.integers(1, 6).flatmap(
    lambda nx: st.lists(st.lists(st.integers(0, 1), min_size=nx, max_size=nx), min_size=1, max_size=6)
)


@given(towns(kinds=("flags",)))
def test_shapes_equal_those_of_the_twin(town):
    grid, flags, _ = town
    found = {metric.__name__: metric(flags) for metric in SHAPES}
    size = int(grid.mask.sum())
    for name in ("A", "B"):
        for w in range(flags.sizes["window"]):
            cells = cells_of(flags.sel(forecaster=name).isel(window=w))
            expected = {
                "area_to_perimeter": naive.area_to_perimeter(cells, 2),
                "clumpiness": naive.clumpiness(cells, size),
                "compactness": naive.compactness(cells),
            }
            for metric, value in expected.items():
                one = found[metric].sel(forecaster=name).isel(window=w).item()
                assert one == pytest.approx(value, abs=1e-12, nan_ok=True)


@given(patterns, st.integers(0, 3), st.integers(0, 2), st.integers(0, 2))
def test_moved_turned_and_mirrored_sets_have_the_same_shape(pattern, right, south, west):
    """The study area is turned with the set; moved within one that is large enough, none touches its border anew."""
    rows = np.array(pattern)
    found = [metric(flags_of(rows)).item() for metric in SHAPES]
    turned = np.rot90(rows, right)
    for other in (turned, turned[:, ::-1]):
        assert [metric(flags_of(other)).item() for metric in SHAPES] == pytest.approx(found, abs=1e-12, nan_ok=True)
    room = np.zeros((2, rows.shape[0] + 2, rows.shape[1] + 2))
    room[0, : rows.shape[0], : rows.shape[1]] = rows
    room[1, south : south + rows.shape[0], west : west + rows.shape[1]] = rows
    for metric in SHAPES:
        first, moved = metric(flags_of(room)).to_numpy()
        assert first == pytest.approx(moved, nan_ok=True)


@given(patterns)
def test_bounds(pattern):
    flags = flags_of(pattern)
    count = np.sum(pattern)
    ratio, clumpy, compact = (metric(flags).item() for metric in SHAPES)
    if count == 0:
        assert np.isnan([ratio, clumpy, compact]).all()
        return
    assert 2 / 4 <= ratio <= 2 * np.sqrt(count) / 4 + 1e-12
    if count == 1:
        assert np.isnan([clumpy, compact]).all()
        return
    assert 0 <= compact <= 1
    assert np.isnan(clumpy) == (count == np.size(pattern))
    assert np.isnan(clumpy) or clumpy <= 1
    if count < np.size(pattern) / 2:
        assert clumpy >= -1


@pytest.mark.parametrize("side", [2, 3, 5])
def test_a_square_block_is_as_round_as_can_be_wherever_it_lies(side):
    for corner in ((0, 0), (3, 2), (8 - side, 8 - side)):
        block = np.zeros((8, 8))
        block[corner[0] : corner[0] + side, corner[1] : corner[1] + side] = 1
        flags = flags_of(block)
        assert ppe.clumpiness(flags) == 1
        assert ppe.compactness(flags) == 1
        assert ppe.area_to_perimeter(flags).item() == pytest.approx(2 * side / 4)


def test_cells_that_do_not_touch_are_minimal():
    """Corners do not touch; nor do cells at opposite edges of the city."""
    board = np.indices((6, 6)).sum(axis=0) % 2
    edges = np.zeros((4, 6))
    edges[[0, 3], [0, 5]] = 1
    edges[[0, 3], [3, 2]] = 1
    for pattern in (edges, board):
        flags = flags_of(pattern)
        assert ppe.compactness(flags) == 0
        assert ppe.clumpiness(flags) == -1
        assert ppe.area_to_perimeter(flags) == 0.5


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7])
def test_cells_strewn_at_random_have_no_clumpiness(share):
    rng = np.random.default_rng(8)
    size = 60
    rows = np.zeros((28, size * size))
    for row in rows:
        row[rng.choice(size * size, int(share * size * size), replace=False)] = 1
    flags = flags_of(rows.reshape(-1, size, size))
    # G itself is near P; below it the index is stretched by 1/P, above it by 1/(1 - P).
    assert ppe.compactness(flags).mean().item() == pytest.approx(share, abs=0.01)
    assert abs(ppe.clumpiness(flags).mean()) < 0.07


def test_shapes_by_hand():
    """Three boxes of 250 m, two of which touch, in a city of eight."""
    grid = ppe.Grid.from_bounds(0, 0, 1000, 500, cell=250, crs="EPSG:27700")
    flags = ppe.make_surface([[[1, 1, 0, 1], [0, 0, 0, 0]]], grid, nights(1), kind="flags")
    # Ten outer sides. Like adjacencies 2 of 12; the least outline of three cells is 8.
    assert ppe.area_to_perimeter(flags).item() == 3 * 250**2 / (10 * 250)
    assert ppe.clumpiness(flags).item() == pytest.approx((2 / (12 - 8) - 3 / 8) / (1 - 3 / 8))
    assert ppe.compactness(flags).item() == (12 - 10) / (12 - 8)
    assert ppe.clumpiness(flags).boxes.item() == 3
    assert ppe.clumpiness(flags).sides.item() == 10
    # G = 0 below P = 1/4: none of two touch.
    apart = ppe.make_surface([[[1, 0, 0, 1], [0, 0, 0, 0]]], grid, nights(1), kind="flags")
    assert ppe.clumpiness(apart).item() == -1
    # Below P but P above 1/2: a line of five and a cell; all but two of eight. G = 12/(24 - 10), P = 6/8.
    most = ppe.make_surface([[[1, 1, 1, 1], [0, 1, 1, 0]]], grid, nights(1), kind="flags")
    assert ppe.clumpiness(most).item() == pytest.approx((12 / 14 - 0.75) / 0.25)
    ring = ppe.make_surface([[[1, 0, 1, 1], [1, 1, 0, 1]]], grid, nights(1), kind="flags")
    assert ppe.clumpiness(ring).item() == pytest.approx((8 / 14 - 0.75) / 0.25)


def test_the_share_is_that_of_the_study_area_not_of_the_raster():
    rows = [[1, 1, 0, 0], [0, 0, 0, 0]]
    inside = [[4, 4, 0.5, 0], [0, 0, 0, 0]]
    whole, part = flags_of(rows), flags_of(rows, inside)
    assert ppe.clumpiness(whole) == ppe.clumpiness(part) == 1
    wide = flags_of([[1, 1, 1, 0], [0, 0, 0, 1]], [[4, 4, 4, 0.5], [0, 0, 0, 4]])
    assert ppe.clumpiness(wide).item() == pytest.approx((4 / 8 - 4 / 5) / (1 - 4 / 5))
    # All that there is of the study area: chance has no say.
    assert np.isnan(ppe.clumpiness(flags_of(rows, [[4, 4, 0, 0], [0, 0, 0, 0]])))
    assert ppe.compactness(flags_of(rows, [[4, 4, 0, 0], [0, 0, 0, 0]])) == 1


def test_pooling_nights_by_their_counts():
    flags = flags_of([[[1, 1], [0, 0]], [[1, 0], [0, 1]], [[0, 0], [0, 0]]])
    each = ppe.area_to_perimeter(flags)
    assert each.to_numpy().tolist() == [pytest.approx(4 / 6), 0.5, pytest.approx(np.nan, nan_ok=True)]
    assert (2 * each.boxes.sum() / each.sides.sum()).item() == pytest.approx(2 * 4 / 14)


def test_any_numbers_of_one_and_nought_do_in_any_order_of_dimensions():
    rng = np.random.default_rng(5)
    flags = flags_of(rng.integers(0, 2, (3, 4, 5)))
    both = joined(A=flags, B=1 - flags)
    found = [metric(both) for metric in SHAPES]
    for other in (
        both.astype("float32"),
        both == 1,
        both.fillna(0).astype(int),
        both.transpose("x", "forecaster", "y", "window"),
    ):
        other = other.assign_attrs(both.attrs)
        for metric, expected in zip(SHAPES, found, strict=True):
            xr.testing.assert_allclose(metric(other).transpose(*expected.dims), expected)
    upside = both.isel(y=slice(None, None, -1))
    for metric, expected in zip(SHAPES, found, strict=True):
        xr.testing.assert_allclose(metric(upside), expected)
    assert found[0].dims == ("forecaster", "window")
    assert "window_end" in found[0].coords


def test_shapes_of_flagged_cells_keep_what_is_known_of_them():
    grid = grid_of_rows(np.full((3, 3), 4.0))
    risk = ppe.make_surface([np.arange(9).reshape(3, 3)] * 2, grid, nights(2), kind="score")
    flagged = ppe.flagged_cells(joined(A=risk, B=-risk), [ppe.TopCells(2), ppe.TopCells(3)], grid)
    for metric in SHAPES:
        found = metric(flagged)
        assert found.dims == ("forecaster", "budget", "window")
        assert found.name == metric.__name__
        assert found.budget.to_numpy().tolist() == ["top 2", "top 3"]
        assert {"long_name", "units", "better", "definition", "reference"} <= set(found.attrs)
        assert metric(flagged.isel(forecaster=0, budget=0, window=0)).item() == found[0, 0, 0].item()
    assert ppe.area_to_perimeter(flagged).attrs["units"] == "m"


def test_a_night_that_failed_is_nan_and_a_torn_one_refused():
    flags = flags_of([[[1, 1], [0, 0]], [[1, 0], [0, 1]]], [[4, 4], [4, 0]]).fillna(0)
    flags[1, 1, 1] = 0
    failed = flags.copy(deep=True)
    failed[0] = np.nan
    for metric in SHAPES:
        assert np.isnan(metric(failed)[0])
    assert ppe.area_to_perimeter(failed)[1] == 0.5
    assert np.isnan(ppe.compactness(failed).boxes).to_numpy().tolist() == [True, False]
    torn = flags.copy(deep=True)
    torn[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="1 sets are missing"):
        ppe.compactness(torn)
    # Outside the study area nothing need be told.
    silent = flags.copy(deep=True)
    silent[:, 1, 1] = np.nan
    assert ppe.compactness(silent)[0] == 1


def test_what_is_no_flagged_set_is_refused():
    flags = flags_of([[1, 1, 0], [0, 0, 0]], [[4, 4, 4], [4, 4, 0]])
    for metric in SHAPES:
        with pytest.raises(InputError, match=r"found Dataset.*flagged_cells"):
            metric(flags.to_dataset(name="a"))
        with pytest.raises(InputError, match="lacks y"):
            metric(flags.isel(y=0))
        with pytest.raises(InputError, match="flags nothing by itself"):
            metric(flags.assign_attrs(kind="score"))
        with pytest.raises(InputError, match="inside_m2"):
            metric(flags.drop_vars("inside_m2"))
        with pytest.raises(InputError, match="other numbers"):
            metric(flags * 2 + 0 * flags)
        with pytest.raises(InputError, match="expected True and False"):
            metric(flags.astype(object).where(flags == 1, "no"))
        with pytest.raises(InputError, match="1 flagged cells lie outside"):
            metric(flags.fillna(1))
        with pytest.raises(InputError, match="not 2 m apart along x"):
            metric(flags.isel(x=[0, 2]))
        two = joined(A=flags, B=flags_of([[1, 1, 0], [0, 0, 0]]))
        two = two.drop_vars("inside_m2").assign_coords(
            inside_m2=(("forecaster", "y", "x"), np.stack([flags.inside_m2, np.full((2, 3), 4.0)]))
        )
        with pytest.raises(NotComparableError, match="several grids"):
            metric(two)
    bare = flags.copy()
    bare.attrs = {}
    with pytest.raises(InputError, match=r"attrs\['cell'\]"):
        ppe.area_to_perimeter(bare)
    assert ppe.compactness(bare) == ppe.clumpiness(bare) == 1
