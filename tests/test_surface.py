"""What a risk surface is: made, checked, saved and loaded to the bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError, check_surface, load_surface, make_surface, save_surface
from predpol_eval.surface import grid_of
from tests.strategies import CRS, cities, nights, row_of_cells

GRID = row_of_cells([4, 0, 2])


def surface(values=((1.0, 9.0, 0.5),), kind="score", **attrs) -> xr.DataArray:
    return make_surface([[row] for row in values], GRID, nights(len(values)), kind=kind, **attrs)


def test_a_surface_says_where_and_when_it_holds():
    risk = surface(((1, 9, 0.5), (2, np.nan, 0)), "expected_count", forecaster="KDE()", bandwidth=500.0)
    assert risk.name == "risk"
    assert risk.dims == ("window", "y", "x")
    assert risk.dtype == np.float64
    assert np.isnan(risk[:, 0, 1]).all()
    assert risk.attrs["kind"] == "expected_count"
    assert risk.attrs["grid"] == GRID.fingerprint
    assert (risk.attrs["forecaster"], risk.attrs["bandwidth"], risk.attrs["units"]) == (
        "KDE()", 500.0, "crimes per cell and window",
    )  # fmt: skip
    assert risk.attrs["until"] == str(nights(2).until[1])
    assert risk.x.to_numpy().tolist() == [1, 3, 5]
    assert ppe.Windows.from_coords(risk) == nights(2)
    assert ppe.Windows.from_coords(risk).tz == "Europe/London"


def test_a_schedule_stands_for_its_windows():
    schedule = ppe.Schedule(start="2018-05-01", end="2018-05-03", tz="Europe/London")
    made = make_surface(np.ones((2, 1, 3)), GRID, schedule, kind="score")
    assert made.identical(make_surface(np.ones((2, 1, 3)), GRID, schedule.windows, kind="score"))


def test_the_numbers_given_are_copied():
    values = np.ones((1, 1, 3))
    risk = make_surface(values, GRID, nights(1), kind="score")
    values[:] = 5
    assert float(risk[0, 0, 0]) == 1
    assert not np.isnan(values).any()


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        ([[[1.0, 2.0]]], "score", r"shape \(1, 1, 2\).*\(1, 1, 3\)"),
        ([[[1.0], [2.0], [3.0]]], "score", "shape"),
        ([1.0, 2.0, 3.0], "score", "shape"),
        ([[[np.nan, 0, 1]]], "score", "1 of 2 numbers inside the study area are missing"),
        ([[[np.inf, 0, 1]]], "expected_count", "infinite"),
        ([[[-0.1, 0, 1]]], "expected_count", "1 numbers .* negative"),
        ([[[0.5, 0, 1]]], "flags", r"1 \(flagged\) and 0 only"),
        ([[[-1, 0, 1]]], "flags", "negative"),
        ([[[1, 0, 1]]], "risk", "kind"),
        ([[[1, 0, 1]]], None, "kind"),
    ],
)
def test_numbers_that_are_no_surface(values, kind, told):
    with pytest.raises(InputError, match=told):
        make_surface(values, GRID, nights(1), kind=kind)


def test_scores_may_be_negative_and_what_lies_outside_never_matters():
    assert float(surface(((-5, np.inf, 0.5),)).min()) == -5
    assert surface(((1, -3, 0),), "flags").isnull().sum() == 1


def test_dimensions_come_in_any_order_and_further_ones_stay():
    risk = surface()
    both = xr.concat([risk, risk], dim="forecaster").transpose("x", "forecaster", "y", "window")
    assert check_surface(both, GRID).dims == ("forecaster", "window", "y", "x")
    xr.testing.assert_identical(check_surface(risk.transpose("x", "y", "window"), GRID), risk)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda risk: risk.isel(window=0), "lacks window"),
        (lambda risk: risk.rename(x="lon"), "lacks x"),
        (lambda risk: risk.drop_vars("until"), "until"),
        (lambda risk: risk.assign_attrs(kind="risk"), "'risk'"),
        (lambda risk: risk.drop_attrs(), "kind"),
        (lambda risk: risk.fillna(1.0).where(risk.x > 1), "missing"),
        (lambda risk: risk.to_dataset(), "DataArray"),
        (lambda risk: risk.to_numpy(), "DataArray.*found ndarray, a plain array"),
    ],
)
def test_what_is_no_surface(change, told):
    with pytest.raises(InputError, match=told):
        check_surface(change(surface()), GRID)


def test_a_night_that_failed_is_not_one_without_risk():
    risk = make_surface(np.ones((8, 1, 3)), GRID, nights(8), kind="score")
    holes = risk.where(~risk.window.isin(risk.window[[1, 3]]))
    starts = ", ".join(str(start)[:16] for start in risk.window.to_numpy()[[1, 3]])
    with pytest.raises(InputError, match=f"2 of 8 windows are missing .*: {starts} .*leave these windows out") as told:
        check_surface(holes, GRID)
    assert "0 for no risk" not in str(told.value)
    several = xr.concat([risk, holes], pd.Index(["A", "B"], name="forecaster"))
    with pytest.raises(InputError, match=r"all\(\['forecaster'\]\)") as told:
        check_surface(several, GRID)
    remedy = str(told.value).split("alike: ")[1].removesuffix(".")
    left = eval(remedy, {"risk": several})
    assert check_surface(left, GRID).sizes["window"] == 6
    with pytest.raises(InputError, match=r"7 of 8 windows.* and 2 more"):
        check_surface(risk.where(risk.window == risk.window[0]), GRID)
    with pytest.raises(InputError, match="0 for no risk"):
        check_surface(risk.where(risk.x != risk.x[0]), GRID)


def test_surfaces_of_another_grid():
    risk = surface()
    for other in (row_of_cells([4, 0, 1]), row_of_cells([4, 0, 2, 4])):
        with pytest.raises(NotComparableError, match="another grid"):
            check_surface(risk, other)
        unnamed = risk.assign_attrs(grid=None).assign_coords(x=risk.x + 250)
        with pytest.raises(NotComparableError):
            check_surface(unnamed, other)
    upside_down = surface().assign_attrs(grid=None)
    with pytest.raises(NotComparableError, match="cell centres"):
        check_surface(upside_down.isel(x=slice(None, None, -1)), GRID)
    # One that names no grid is taken by its cell centres.
    assert check_surface(risk.assign_attrs(grid=None), GRID).sizes["x"] == 3


numbers = st.floats(0, 1e300) | st.sampled_from([0.0, -0.0, 5e-324, 0.1, 1 / 3])


@given(st.lists(numbers, min_size=3, max_size=3), st.sampled_from(["score", "expected_count"]))
def test_a_round_trip_keeps_every_bit(tmp_path_factory, values, kind):
    path = tmp_path_factory.mktemp("surface") / "risk.nc"
    risk = surface((values, values[::-1]), kind, forecaster="any", observed_days=30.5, crimes_used=7)
    save_surface(risk, path)
    again = load_surface(str(path))
    xr.testing.assert_identical(risk, again)
    assert again.to_numpy().tobytes() == risk.to_numpy().tobytes()
    assert ppe.Windows.from_coords(again) == ppe.Windows.from_coords(risk)
    assert check_surface(again, GRID) is not None


def test_several_forecasters_come_back(tmp_path):
    both = xr.concat([surface(), surface()], dim=xr.DataArray(["a", "b"], dims="forecaster", name="forecaster"))
    save_surface(both, tmp_path / "risk.nc")
    again = load_surface(tmp_path / "risk.nc")
    assert again.forecaster.to_numpy().tolist() == ["a", "b"]
    assert again.to_numpy().tobytes() == both.to_numpy().tobytes()


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "risk.nc"
    save_surface(surface(), path)
    bad = surface().assign_attrs(thing={"no": "attribute"})
    with pytest.raises((TypeError, ValueError)):
        save_surface(bad, path)
    xr.testing.assert_identical(load_surface(path), surface())
    assert [file.name for file in tmp_path.iterdir()] == ["risk.nc"]


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "risk.nc"
    with pytest.raises(InputError, match=r"no file risk\.nc"):
        load_surface(path)
    path.write_bytes(b"x,y\n1,2\n")
    with pytest.raises(InputError, match="cannot be read as NetCDF"):
        load_surface(path)
    GRID.save(path)
    with pytest.raises(InputError, match=r"schema 'predpol_eval\.grid/1' but 'predpol_eval\.surface/1'"):
        load_surface(path)


@given(cities())
def test_a_surface_knows_its_cells(city):
    found = grid_of(city.risk)
    for name in ("crs", "x0_mm", "y0_mm", "cell_mm"):
        assert getattr(found, name) == getattr(city.grid, name)
    np.testing.assert_array_equal(found.inside_m2, city.grid.inside_m2)
    np.testing.assert_array_equal(found.mask, city.grid.mask)


def test_a_surface_of_odd_corners_knows_them():
    grid = ppe.Grid.from_bounds(610_000.123, 4_800_000.457, 611_000, 4_801_000, cell=0.333 * 1000, crs=CRS)
    found = grid_of(make_surface(np.ones((1, *grid.shape)), grid, nights(1), kind="score"))
    assert (found.x0_mm, found.y0_mm, found.cell_mm) == (grid.x0_mm, grid.y0_mm, grid.cell_mm)
