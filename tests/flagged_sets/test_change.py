"""How much of the flagged ground is new: night by night, over gaps, and pooled."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given

import predpol_eval as ppe
from predpol_eval import InputError
from tests.flagged_sets.towns import cells_of, flags_of, grid_of_rows, joined, towns
from tests.naive import flagged_sets as naive
from tests.strategies import nights

NAN = pytest.approx(np.nan, nan_ok=True)


@given(towns(windows=4, kinds=("flags",)))
def test_dvi_equals_that_of_the_twin(town):
    _, flags, _ = town
    found, pooled = ppe.dvi(flags), ppe.dvi(flags, pooled=True)
    assert found.dims == ("forecaster", "window")
    assert pooled.dims == ("forecaster",)
    for name in ("A", "B"):
        one = flags.sel(forecaster=name)
        pairs = naive.change([cells_of(one.isel(window=w)) for w in range(one.sizes["window"])])
        each = found.sel(forecaster=name).to_numpy().tolist()
        assert np.isnan(each[0])
        assert each[1:] == pytest.approx([e / (e + r) if e + r else np.nan for e, r in pairs], nan_ok=True)
        total = sum(e + r for e, r in pairs)
        expected = sum(e for e, _ in pairs) / total if total else np.nan
        assert pooled.sel(forecaster=name).item() == pytest.approx(expected, nan_ok=True)
        assert found.sel(forecaster=name).emerging.sum() == pooled.sel(forecaster=name).emerging


def test_by_hand_and_pooled_by_sums():
    """Two new of two, then none of four, then nothing flagged, then all new: 2 + 0 + 3 of 2 + 4 + 0 + 3."""
    flags = flags_of([
        [[1, 1, 0, 0, 0]], [[0, 0, 1, 1, 0]], [[0, 0, 1, 1, 0]], [[0, 0, 0, 0, 0]], [[1, 1, 1, 0, 0]],
    ])  # fmt: skip
    found = ppe.dvi(flags)
    assert found.to_numpy().tolist() == [NAN, 1, 0, NAN, 1]
    assert found.emerging.to_numpy().tolist() == [NAN, 2, 0, 0, 3]
    assert found.repeating.to_numpy().tolist() == [NAN, 0, 2, 0, 0]
    pooled = ppe.dvi(flags, pooled=True)
    assert pooled.item() == pytest.approx(5 / 7)
    assert pooled.item() != pytest.approx(found.mean().item())
    assert (pooled.emerging.item(), pooled.repeating.item()) == (5, 2)
    for one in (found, pooled):
        assert one.name == "dvi"
        assert {"long_name", "units", "better", "definition", "reference"} <= set(one.attrs)


def test_a_night_without_a_night_before_it_is_undefined():
    flags = flags_of([[[1, 0]], [[0, 1]], [[1, 0]], [[1, 0]], [[0, 1]]])
    gap = ppe.dvi(flags.isel(window=[0, 1, 3, 4]))
    assert gap.to_numpy().tolist() == [NAN, 1, NAN, 1]
    assert ppe.dvi(flags.isel(window=[0, 1, 3, 4]), pooled=True).emerging == 2
    failed = flags.copy(deep=True)
    failed[2] = np.nan
    assert ppe.dvi(failed).to_numpy().tolist() == [NAN, 1, NAN, NAN, 1]
    assert ppe.dvi(failed, pooled=True).item() == 1
    # The failure of one forecaster takes nothing from the other.
    both = ppe.dvi(joined(A=failed, B=flags))
    assert both.sel(forecaster="B").to_numpy().tolist() == [NAN, 1, 1, 0, 1]
    assert both.sel(forecaster="A").to_numpy().tolist() == [NAN, 1, NAN, NAN, 1]


def test_one_night_or_none():
    flags = flags_of([[[1, 0]], [[0, 1]]])
    assert ppe.dvi(flags.isel(window=[0])).to_numpy().tolist() == [NAN]
    assert np.isnan(ppe.dvi(flags.isel(window=[0]), pooled=True))
    assert ppe.dvi(flags.isel(window=slice(0, 0))).shape == (0,)
    assert np.isnan(ppe.dvi(flags.isel(window=slice(0, 0)), pooled=True))


def test_months_and_nights_of_a_clock_change_follow_each_other():
    grid = grid_of_rows([[4.0, 4.0]])
    months = ppe.Schedule(start="2018-01-01", end="2018-07-01", step="30D", horizon="30D", tz="Europe/London").windows
    change = ppe.Schedule(start="2018-03-23", end="2018-03-28", at="22:00", horizon="8h", tz="Europe/London").windows
    for windows in (months, change):
        flags = ppe.make_surface([[[1, 0]]] * len(windows), grid, windows, kind="flags")
        assert ppe.dvi(flags)[1:].to_numpy().tolist() == [0] * (len(windows) - 1)


def test_a_constant_map_full_of_ties_stays_where_it_is():
    grid = grid_of_rows(np.full((4, 4), 4.0))
    risk = ppe.make_surface(np.ones((3, 4, 4)), grid, nights(3), kind="expected_count")
    flagged = ppe.flagged_cells(risk, [ppe.TopCells(3), ppe.Coverage(0.5)], grid)
    assert ppe.dvi(flagged).isel(window=slice(1, None)).to_numpy().tolist() == [[0, 0], [0, 0]]
    assert ppe.dvi(flagged, pooled=True).dims == ("budget",)


def test_nights_out_of_order_are_refused():
    flags = flags_of([[[1, 0]], [[0, 1]], [[1, 0]]])
    for order in ([1, 0, 2], [2, 1, 0], [0, 0, 1]):
        with pytest.raises(InputError, match=r"not in order of time.*sortby"):
            ppe.dvi(flags.isel(window=order))
    turned = flags.isel(window=[2, 0, 1]).sortby("window")
    xr.testing.assert_identical(ppe.dvi(turned), ppe.dvi(flags))
    with pytest.raises(InputError, match="between nights"):
        ppe.dvi(flags.isel(window=0))
    with pytest.raises(InputError, match="no coordinate"):
        ppe.dvi(flags.drop_vars("window"))
    with pytest.raises(InputError, match="expected the start"):
        ppe.dvi(flags.assign_coords(window=["a", "b", "c"]))
    with pytest.raises(InputError, match="flagged_cells"):
        ppe.dvi(flags.assign_attrs(kind="score"))
    # Numbered nights are as good as dated ones.
    assert ppe.dvi(flags.assign_coords(window=[3, 4, 5])).to_numpy().tolist() == [NAN, 1, 1]
