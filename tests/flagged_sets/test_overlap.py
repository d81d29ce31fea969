"""What two methods share: counts one by one, ratios of their sums, and what must not be compared."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings

import predpol_eval as ppe
from predpol_eval import Flags, InputError, NotComparableError, PredPolWarning, TopCells
from tests.flagged_sets.towns import flags_of, grid_of_rows, joined, towns
from tests.naive import flagged_sets as naive
from tests.strategies import CRS, TZ, any_budget, nights

COUNTS = ["both", "first_only", "second_only", "neither", "union_m2"]
RATIOS = ["one_only", "union_gain", "jaccard"]


def flagged(risk, budgets, grid):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PredPolWarning)
        return ppe.flagged_cells(risk, budgets, grid)


@given(towns(windows=3), any_budget)
def test_counts_and_ratios_equal_those_of_the_twin(town, budget):
    grid, risk, crimes = town
    sets = flagged(risk, budget, grid)
    apart = ppe.complementarity(sets, crimes, grid, pooled=False)
    pooled = ppe.complementarity(sets, crimes)
    assert apart.both.dims == ("forecaster", "other", "budget", "window")
    assert pooled.both.dims == ("forecaster", "other", "budget")
    ground = {(int(y), int(x)): grid.inside_m2[y, x] for y, x in np.argwhere(grid.mask)}
    cells = sets.to_numpy()[:, 0]
    nightly = {name: apart[name].to_numpy() for name in COUNTS}
    summed = {name: pooled[name].to_numpy() for name in (*COUNTS, *RATIOS)}
    for first in range(2):
        for second in range(2):
            total = dict.fromkeys(COUNTS, 0)
            for w in range(risk.sizes["window"]):
                one, other = ({cell for cell in ground if cells[number, w][cell]} for number in (first, second))
                numbers = {cell: float(crimes.to_numpy()[w][cell]) for cell in ground}
                for name, value in naive.shared(one, other, numbers, ground).items():
                    assert nightly[name][first, second, 0, w] == pytest.approx(float(value), abs=1e-12)
                    total[name] += value
            for name in COUNTS:
                assert summed[name][first, second, 0] == pytest.approx(float(total[name]), abs=1e-12)
            number = total["both"] + total["first_only"] + total["second_only"] + total["neither"]
            captured = number - total["neither"]
            alone = [total["first_only"], total["second_only"]]
            expected = [
                float(sum(alone) / number) if number else np.nan,
                float(min(alone) / number) if number else np.nan,
                float(total["both"] / captured) if captured else np.nan,
            ]
            got = [summed[name][first, second, 0] for name in RATIOS]
            assert got == pytest.approx(expected, abs=1e-12, nan_ok=True)
            assert pooled.events.item() == pytest.approx(float(number))


@given(towns(windows=3), any_budget)
def test_identities(town, budget):
    grid, risk, crimes = town
    sets = flagged(risk, budget, grid)
    found = ppe.complementarity(sets, crimes)
    # Of a method with itself: nothing alone, all of it shared.
    own = found.isel(forecaster=[0, 1], other=xr.DataArray([0, 1], dims="forecaster"))
    if found.events > 0:
        assert (own.one_only == 0).all()
        assert (own.union_gain == 0).all()
    assert own.jaccard.isin([1]).where(own.both > 0, np.isnan(own.jaccard)).all()
    # What the forecaster caught is what the tally of its set says.
    for name in ("A", "B"):
        caught = (sets.sel(forecaster=name).isel(budget=0) * crimes).sum()
        assert own.both.sel(forecaster=name).item() == pytest.approx(caught.item())
    # The pair turned round: both, neither and all ratios stay, the two alone change places.
    turned = found.rename(forecaster="other", other="forecaster").transpose(*found.both.dims)
    for name in ("both", "neither", "union_m2", *RATIOS):
        np.testing.assert_allclose(turned[name], found[name], atol=1e-12)
    np.testing.assert_allclose(turned.first_only, found.second_only, atol=1e-12)
    for name in RATIOS:
        assert ((found[name] >= 0) & (found[name] <= 1 + 1e-12) | found[name].isnull()).all()
    assert (found.union_gain <= found.one_only / 2 + 1e-12).where(found.union_gain.notnull(), True).all()
    # The union lies between the larger of the two sets and both together.
    alone = own.union_m2.isel(budget=0).to_numpy()
    union = found.union_m2.isel(budget=0).sel(forecaster="A", other="B").item()
    assert max(alone) - 1e-9 <= union <= sum(alone) + 1e-9


@settings(max_examples=15)
@given(towns(windows=3), any_budget)
def test_counts_add_up_over_windows_and_are_divided_after(town, budget):
    grid, risk, crimes = town
    sets = flagged(risk, budget, grid)
    apart = ppe.complementarity(sets, crimes, pooled=False)
    pooled = ppe.complementarity(sets, crimes)
    again = ppe.complementarity(apart)
    by_hand = ppe.complementarity(apart.sum("window"))
    for other in (again, by_hand):
        for name in (*COUNTS, "events", "outside", *RATIOS):
            np.testing.assert_allclose(other[name], pooled[name], atol=1e-12)
    # Ratios that were summed with the counts are not used again.
    assert list(again) == list(by_hand) == list(pooled)


def test_by_hand():
    """Night 1: A has cells 0 and 1, B cells 0 and 2. Night 2: nothing happens where either looks."""
    one = flags_of([[[1, 1, 0, 0]], [[1, 1, 0, 0]]])
    two = flags_of([[[1, 0, 1, 0]], [[1, 0, 1, 0]]])
    grid = grid_of_rows([[4.0] * 4])
    crimes = one.copy(data=[[[5, 2, 1, 2]], [[0, 0, 0, 4.0]]]).rename("count")
    sets = ppe.flagged_cells(joined(A=one, B=two), Flags(8.0), grid)
    pair = ppe.complementarity(sets, crimes).isel(budget=0).sel(forecaster="A", other="B")
    assert [pair[name].item() for name in COUNTS] == [5, 2, 1, 6, 24]
    assert [pair[name].item() for name in RATIOS] == pytest.approx([3 / 14, 1 / 14, 5 / 8])
    assert pair.attrs["windows"] == 2
    assert pair.union_m2.attrs == {"long_name": "ground flagged by either, summed over windows", "units": "m2"}
    nightly = ppe.complementarity(sets, crimes, pooled=False).isel(budget=0).sel(forecaster="A", other="B")
    assert nightly.one_only.to_numpy().tolist() == pytest.approx([0.3, 0])
    assert nightly.jaccard.to_numpy().tolist() == [0.625, pytest.approx(np.nan, nan_ok=True)]
    quiet = ppe.complementarity(sets, 0 * crimes)
    assert all(np.isnan(quiet[name]).all() for name in RATIOS)
    for name in RATIOS:
        assert {"long_name", "units", "better", "definition", "reference"} <= set(pair[name].attrs)
    for name in (*COUNTS, "events", "outside"):
        assert {"long_name", "units"} <= set(pair[name].attrs)


def test_events_with_uncertain_times_outside_and_cut_cells():
    grid = ppe.Grid.from_bounds(0, 0, 700, 250, cell=250, crs=CRS)
    risk = joined(
        A=ppe.make_surface([[[3, 2, 1]]] * 2, grid, nights(2), kind="score"),
        B=ppe.make_surface([[[3, 1, 2]]] * 2, grid, nights(2), kind="score"),
    )
    frame = pd.DataFrame({
        "x": [10.0, 300.0, 600.0, 5000.0], "y": 10.0,
        "t": ["2018-05-01 12:00", "2018-05-01 18:00", "2018-05-02 10:00", "2018-05-01 03:00"],
        "u": ["2018-05-01 12:00", "2018-05-02 06:00", "2018-05-02 10:00", "2018-05-01 03:00"],
    })  # fmt: skip
    events = ppe.Events.from_frame(frame, happened_until="u", crs=CRS, tz=TZ, observed=[("2018-05-01", "2018-05-03")])
    sets = ppe.flagged_cells(risk, TopCells(2), grid)
    apart = ppe.complementarity(sets, events, pooled=False).isel(budget=0).sel(forecaster="A", other="B")
    assert apart.both.to_numpy().tolist() == [1, 0]
    assert apart.first_only.to_numpy().tolist() == [0.5, 0.5]
    assert apart.second_only.to_numpy().tolist() == [0, 1]
    assert apart.outside.to_numpy().tolist() == [1, 0]
    assert apart.union_m2.to_numpy().tolist() == [700 * 250] * 2
    counted = ppe.count(events, grid, nights(2))
    xr.testing.assert_allclose(ppe.complementarity(sets, counted, grid), ppe.complementarity(sets, events))
    start = ppe.complementarity(sets, events, method="start").isel(budget=0).sel(forecaster="A", other="B")
    assert (start.first_only.item(), start.union_gain.item()) == (1, 1 / 3)
    # Crime by crime from credits, which know no area; both nights have crimes.
    credits = ppe.credits(risk, events, TopCells(2), grid)
    told = ppe.complementarity(credits).isel(budget=0)
    pooled = ppe.complementarity(sets, events).isel(budget=0)
    assert told.both.dims == ("forecaster", "other")
    for name in (*COUNTS[:-1], "events", "outside", *RATIOS):
        np.testing.assert_allclose(told[name], pooled[name], atol=1e-12)
    assert "union_m2" not in told
    nightly = ppe.complementarity(credits, pooled=False).isel(budget=0).sel(forecaster="A", other="B")
    assert nightly.first_only.to_numpy().tolist() == [0.5, 0.5]


def test_more_dimensions_and_forecasters_are_kept():
    rng = np.random.default_rng(2)
    grid = grid_of_rows(np.full((3, 4), 4.0))
    maps = {name: ppe.make_surface(rng.random((2, 3, 4)), grid, nights(2), kind="score") for name in "ABC"}
    crimes = maps["A"].copy(data=rng.poisson(1.0, (2, 3, 4)).astype(float)).rename("count").assign_attrs(grid=None)
    risk = joined(**maps)
    more = xr.concat(
        [risk, risk.isel(forecaster=[2, 1, 0]).assign_coords(forecaster=list("ABC"))], pd.Index([1, 2], name="run")
    )
    more.attrs = risk.attrs
    sets = ppe.flagged_cells(more, [TopCells(2), TopCells(5)], grid)
    found = ppe.complementarity(sets, crimes)
    assert found.both.dims == ("run", "forecaster", "other", "budget")
    assert found.one_only.shape == (2, 3, 3, 2)
    assert found.other.to_numpy().tolist() == list("ABC")
    alone = ppe.complementarity(ppe.flagged_cells(joined(A=maps["A"], C=maps["C"]), TopCells(5), grid), crimes)
    expected = alone.sel(forecaster="A", other="C", budget="top 5")
    for run, first, second in ((1, "A", "C"), (2, "C", "A")):
        got = found.sel(run=run, forecaster=first, other=second, budget="top 5")
        for name in (*COUNTS, *RATIOS):
            np.testing.assert_allclose(got[name], expected[name])
    turned = sets.transpose("x", "budget", "run", "window", "y", "forecaster")
    xr.testing.assert_allclose(ppe.complementarity(turned, crimes), found)
    single = ppe.complementarity(ppe.flagged_cells(joined(A=maps["A"]), TopCells(5), grid), crimes)
    assert single.one_only.item() == 0
    one_budget = ppe.complementarity(sets.sel(budget="top 5"), crimes)
    xr.testing.assert_allclose(one_budget.jaccard, found.jaccard.sel(budget="top 5"))


def test_other_grids_and_unequal_budgets_are_refused():
    grid, other = grid_of_rows(np.full((2, 3), 4.0)), grid_of_rows([[4, 4, 4], [4, 4, 2]])
    risk = ppe.make_surface([np.arange(6).reshape(2, 3)], grid, nights(1), kind="score")
    elsewhere = ppe.make_surface([np.arange(6).reshape(2, 3)], other, nights(1), kind="score")
    crimes = risk.copy().rename("count").assign_attrs(grid=grid.fingerprint)
    few, many = (ppe.flagged_cells(risk, TopCells(k), grid).isel(budget=0) for k in (2, 3))
    names = pd.Index(["A", "B"], name="forecaster")
    with pytest.raises(NotComparableError, match="unequal budgets"):
        ppe.complementarity(xr.concat([few, many], names), crimes)
    apart = xr.concat([few.expand_dims("budget"), many.expand_dims("budget")], names, join="outer")
    with pytest.raises(NotComparableError, match=r"unequal budgets|2 of 4 sets are missing"):
        ppe.complementarity(apart, crimes)
    # A label may hide it: both of these are called 50 % of the ground.
    near = [ppe.flagged_cells(risk, ppe.Coverage(0.5 + step), grid).isel(budget=0) for step in (0, 1e-9)]
    assert near[0].budget == near[1].budget
    with pytest.raises(NotComparableError, match="budget_m2"):
        ppe.complementarity(xr.concat(near, names), crimes)
    there = ppe.flagged_cells(elsewhere, TopCells(2), other).isel(budget=0)
    with pytest.raises(NotComparableError, match="several grids"):
        ppe.complementarity(xr.concat([few, there], names), crimes)
    good = xr.concat([few, few], names)
    with pytest.raises(NotComparableError, match="another grid"):
        ppe.complementarity(good, crimes.assign_attrs(grid=other.fingerprint))
    with pytest.raises(NotComparableError, match="another grid"):
        ppe.complementarity(good, crimes, other)
    with pytest.raises(NotComparableError, match="other windows"):
        ppe.complementarity(good, crimes.assign_coords(window=crimes.window + np.timedelta64(1, "D")))


def test_what_cannot_be_used_is_refused():
    grid = grid_of_rows(np.full((2, 3), 4.0), x0=2_000_000, y0=2_000_000)
    risk = ppe.make_surface([np.arange(6).reshape(2, 3)] * 2, grid, nights(2), kind="score")
    crimes = risk.copy().rename("count").assign_attrs(grid=grid.fingerprint)
    sets = ppe.flagged_cells(joined(A=risk, B=risk), TopCells(2), grid)
    with pytest.raises(InputError, match="lacks forecaster"):
        ppe.complementarity(sets.isel(forecaster=0), crimes)
    with pytest.raises(InputError, match="lacks window"):
        ppe.complementarity(sets.isel(window=0), crimes)
    with pytest.raises(InputError, match="Which crimes"):
        ppe.complementarity(sets)
    with pytest.raises(InputError, match=r"under which budget.*ppe\.Flags"):
        ppe.complementarity(joined(A=flags_of([[1, 0, 0]]), B=flags_of([[1, 0, 0]])), crimes)
    failed = sets.astype(float)
    failed[0, 0, 1] = np.nan
    with pytest.raises(NotComparableError, match="1 of 4 sets are missing"):
        ppe.complementarity(failed, crimes)
    with pytest.raises(InputError, match="leave `observed` out"):
        ppe.complementarity(ppe.complementarity(sets, crimes), crimes)
    with pytest.raises(InputError, match="lacks both, first_only"):
        ppe.complementarity(xr.Dataset({"hits": 1.0}))
    with pytest.raises(InputError, match="flags nothing by itself"):
        ppe.complementarity(joined(A=risk, B=risk), crimes)
    frame = pd.DataFrame({"x": [2001.0], "y": 2001.0, "t": "2018-05-01 12:00"})
    events = ppe.Events.from_frame(frame, crs=CRS, tz=TZ, observed=[("2018-05-01", "2018-05-03")])
    tied = ppe.credits(joined(A=0 * risk + 1, B=risk).assign_attrs(kind="score"), events, TopCells(2), grid)
    with pytest.raises(InputError, match="1 credits are shares"):
        ppe.complementarity(tied)
    with pytest.raises(InputError, match="expected forecaster and event"):
        ppe.complementarity(tied.isel(forecaster=1))
    # A set without inside_m2 is read on the grid that is given.
    bare = sets.drop_vars("inside_m2")
    xr.testing.assert_allclose(
        ppe.complementarity(bare, crimes, grid).jaccard, ppe.complementarity(sets, crimes).jaccard
    )
    with pytest.raises(InputError, match="inside_m2"):
        ppe.complementarity(bare, crimes)


def test_credits_of_no_crime():
    grid = grid_of_rows(np.full((2, 3), 4.0), x0=2_000_000, y0=2_000_000)
    risk = ppe.make_surface([np.arange(6).reshape(2, 3)], grid, nights(1), kind="score")
    frame = pd.DataFrame({"x": [2001.0], "y": 2001.0, "t": "2018-05-09 12:00"})
    events = ppe.Events.from_frame(frame, crs=CRS, tz=TZ, observed=[("2018-05-01", "2018-05-10")])
    found = ppe.complementarity(ppe.credits(joined(A=risk, B=risk), events, TopCells(2), grid))
    assert found.events.item() == 0
    assert all(np.isnan(found[name]).all() for name in RATIOS)
