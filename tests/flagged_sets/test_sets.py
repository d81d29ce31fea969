"""Which whole cells a budget flags: the twin, the lots, and what the set has in common with the tally."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import Coverage, Flags, InputError, NotComparableError, PredPolWarning, TopCells
from predpol_eval.flagged_sets.sets import lots
from tests.flagged_sets.towns import grid_of_rows, joined, towns
from tests.naive import flagged_sets as naive
from tests.strategies import any_budget, nights


def flagged(risk, budgets, grid, **options):
    """Flag without the warnings that tiny towns bring."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PredPolWarning)
        return ppe.flagged_cells(risk, budgets, grid, **options)


def tallied(risk, crimes, budgets, grid):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PredPolWarning)
        return ppe.tally(risk, crimes, budgets, grid)


def plain(budget):
    """The budget as the twin takes it."""
    if isinstance(budget, TopCells):
        return "top", budget.k, budget.per
    return "coverage", Fraction(budget.fraction), budget.per, budget.rounding


def cells_as_dicts(grid, values):
    mask = grid.mask
    return [
        {
            "value": v, "inside": m2, "label": int(code),
            "x_mm": grid.x0_mm + 2000 * int(x), "y_mm": grid.y0_mm + 2000 * int(y),
        }
        for v, m2, code, (y, x) in zip(
            values[mask], grid.inside_m2[mask], grid.label_code[mask], np.argwhere(mask), strict=True
        )
    ]  # fmt: skip


@given(towns(kinds=("score", "expected_count")), any_budget, st.integers(0, 5))
def test_sets_equal_those_of_the_twin(town, budget, seed):
    grid, risk, _ = town
    found = flagged(risk, budget, grid, seed=seed)
    assert found.dims == ("forecaster", "budget", "window", "y", "x")
    assert found.dtype == np.bool_
    assert not found.to_numpy()[..., ~grid.mask].any()
    for name in ("A", "B"):
        for w in range(risk.sizes["window"]):
            cells = cells_as_dicts(grid, risk.sel(forecaster=name).to_numpy()[w])
            expected = naive.chosen(cells, risk.attrs["kind"], plain(budget), seed)
            one = found.sel(forecaster=name).isel(budget=0, window=w).to_numpy()[grid.mask]
            assert set(np.flatnonzero(one).tolist()) == expected


@given(towns(), any_budget, st.integers(0, 3))
def test_what_a_budget_promises_is_kept(town, budget, seed):
    """TopCells: exactly min(k, K) cells per scope. Coverage: never more than the share, or (ceil) never less."""
    grid, risk, _ = town
    found = flagged(risk, budget, grid, seed=seed).to_numpy()[..., grid.mask]
    label, ground = grid.label_code[grid.mask], grid.inside_m2[grid.mask]
    scopes = [label == code for code in np.unique(label)] if budget.per else [label >= 0]
    for scope in scopes:
        if isinstance(budget, TopCells):
            assert (found[..., scope].sum(axis=-1) == min(budget.k, scope.sum())).all()
            continue
        used, share = found[..., scope] @ ground[scope], budget.fraction * ground[scope].sum()
        if budget.rounding == "ceil":
            assert (used >= share).all()
            # The last cell was needed: without the smallest of them it falls short.
            largest = np.where(found[..., scope], ground[scope], 0).max(axis=-1)
            assert (used - largest < share).all()
        else:
            assert (used <= share).all()


@given(towns(), any_budget)
def test_a_set_never_catches_more_or_less_than_ties_allow(town, budget):
    """Under TopCells, and for cells of one size, a draw is one of the orders that the tally averages over."""
    grid, risk, crimes = town
    whole = grid_of_rows(np.where(grid.mask, 4.0, 0.0), grid.label_code, 2)
    one = ppe.make_surface(risk.sel(forecaster="A").to_numpy(), whole, nights(risk.sizes["window"]), kind="score")
    counted = crimes.assign_attrs(grid=whole.fingerprint).assign_coords(inside_m2=one.inside_m2)
    if isinstance(budget, Coverage) and budget.rounding == "exact":
        budget = Coverage(budget.fraction, per=budget.per, rounding="floor")
    total = tallied(one, counted, budget, whole).sum("area").isel(budget=0)
    caught = (flagged(one, budget, whole).isel(budget=0) * counted).sum(["y", "x"])
    assert (caught <= total.hits_best + 1e-9).all()
    assert (caught >= total.hits_worst - 1e-9).all()
    boxes = flagged(one, budget, whole).isel(budget=0).sum(["y", "x"])
    np.testing.assert_allclose(boxes, total.boxes, atol=1e-9)


def test_over_many_seeds_a_draw_catches_what_the_tally_expects():
    grid = grid_of_rows(np.full((3, 4), 4.0))
    risk = ppe.make_surface([[[2, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]], grid, nights(1), kind="score")
    crimes = risk.copy(data=[[[1, 4, 0, 0], [0, 3, 9, 0], [0, 0, 0, 0.0]]]).rename("count")
    expected = ppe.tally(risk, crimes, TopCells(3), grid).hits.item()
    draws = [(flagged(risk, TopCells(3), grid, seed=seed) * crimes).sum().item() for seed in range(300)]
    # Two of five tied cells, with 4, 0, 0, 0 and 3 crimes, drawn without putting back.
    assert expected == pytest.approx(1 + 2 * 7 / 5)
    error = np.sqrt(np.var([4, 0, 0, 0, 3], ddof=1) * 2 * (1 - 2 / 5) / 300)
    assert np.mean(draws) == pytest.approx(expected, abs=4 * error)


def test_lots_are_those_of_the_twin_and_spread_evenly():
    grid = grid_of_rows(np.full((20, 30), 4.0))
    cells = np.arange(600)
    for seed in (0, 1, 2**63 - 1):
        expected = [naive.lot(seed, -4000 + 2000 * (c % 30), 6000 + 2000 * (c // 30)) for c in range(600)]
        assert np.argsort(lots(grid, cells, seed)).tolist() == np.argsort(np.array(expected, dtype=np.uint64)).tolist()
    ranks = np.array([lots(grid, cells, seed) for seed in range(400)])
    assert sorted(ranks[0].tolist()) == cells.tolist()
    # Every cell comes first as often as any other, and neighbours draw apart.
    z = (ranks.mean(axis=0) - 299.5) / np.sqrt((600**2 - 1) / 12 / 400)
    assert abs(z).max() < 4.5
    assert abs(z.std() - 1) < 0.15
    beside = [np.corrcoef(row[:-1], row[1:])[0, 1] for row in ranks]
    above = [np.corrcoef(row[:-30], row[30:])[0, 1] for row in ranks]
    assert abs(np.mean(beside)) < 4 / np.sqrt(600 * 400)
    assert abs(np.mean(above)) < 4 / np.sqrt(600 * 400)


@given(towns(windows=1), any_budget, st.randoms(use_true_random=False))
def test_the_order_of_forecasters_budgets_and_nights_changes_nothing(town, budget, random):
    grid, risk, _ = town
    alone = flagged(risk.sel(forecaster=["A"]), budget, grid)
    both = flagged(risk, budget, grid)
    xr.testing.assert_equal(both.sel(forecaster=["A"]), alone)
    turned = flagged(risk.sel(forecaster=["B", "A"]), budget, grid)
    xr.testing.assert_equal(turned.sel(forecaster=["A", "B"]), both)
    more = flagged(risk, [TopCells(9, per="area"), budget], grid)
    xr.testing.assert_equal(more.isel(budget=[1]), both)
    # A night added, and the row and column order of what was made elsewhere.
    xr.testing.assert_equal(flagged(risk.transpose("x", "window", "forecaster", "y"), budget, grid), both)


def test_ties_go_by_place_not_by_the_size_of_the_study_area():
    """The same ground, seen with two rows more in the south and a column in the west, has the same winners."""
    small = grid_of_rows(np.full((3, 4), 4.0))
    large = grid_of_rows(np.full((5, 5), 4.0), x0=-6000, y0=2000)
    risk = ppe.make_surface(np.ones((1, 3, 4)), small, nights(1), kind="score")
    wide = np.zeros((1, 5, 5))
    wide[:, 2:, 1:] = 1
    wider = ppe.make_surface(wide, large, nights(1), kind="score")
    one = flagged(risk, TopCells(5), small).to_numpy()
    other = flagged(wider, TopCells(5), large).to_numpy()
    assert one.sum() == other.sum() == 5
    np.testing.assert_array_equal(one, other[..., 2:, 1:])
    assert any((flagged(risk, TopCells(5), small, seed=seed).to_numpy() != one).any() for seed in range(1, 4))


def test_a_map_that_stays_is_flagged_alike_every_night_and_by_everyone():
    grid = grid_of_rows(np.full((4, 4), 4.0))
    risk = ppe.make_surface(np.ones((3, 4, 4)), grid, nights(3), kind="score")
    found = flagged(joined(A=risk, B=risk), [TopCells(5), Coverage(5 / 16)], grid)
    for forecaster in range(2):
        for budget in range(2):
            for window in range(3):
                np.testing.assert_array_equal(found[forecaster, budget, window], found[0, 0, 0])


def test_keys_that_agree_to_twelve_digits_are_tied():
    grid = grid_of_rows(np.full((1, 8), 4.0))
    base = np.full((1, 1, 8), 0.3)
    noise = base * (1 + 1e-14 * np.arange(8))
    clear = base * (1 + 1e-9 * np.arange(8))
    exact, noisy, apart = (
        flagged(ppe.make_surface(one, grid, nights(1), kind="score"), TopCells(3), grid).to_numpy()
        for one in (base, noise, clear)
    )
    np.testing.assert_array_equal(noisy, exact)
    assert apart.ravel().tolist() == [False] * 5 + [True] * 3
    assert exact.ravel().tolist() != apart.ravel().tolist()


def test_float32_surfaces_flag_alike():
    rng = np.random.default_rng(3)
    grid = grid_of_rows(np.full((6, 7), 4.0))
    risk = ppe.make_surface(rng.permutation(42).reshape(1, 6, 7) / 64, grid, nights(1), kind="score")
    budgets = [TopCells(5), Coverage(0.3)]
    wide, narrow = (flagged(one, budgets, grid) for one in (risk, risk.astype("float32")))
    np.testing.assert_array_equal(narrow, wide)


def test_flags_are_taken_as_they_are_and_never_filled_up():
    grid = grid_of_rows([[4, 4, 2], [4, 0, 4]])
    told = [[[1, 0, 1], [0, 0, 0]]]
    flags = ppe.make_surface(told, grid, nights(1), kind="flags")
    for budget in (TopCells(4), Coverage(0.5), Flags(6.0)):
        assert flagged(flags, budget, grid).to_numpy()[0].tolist() == (np.array(told) == 1).tolist()
    score = ppe.make_surface(3 * np.array(told), grid, nights(1), kind="score")
    assert flagged(score, Flags(6.0), grid).to_numpy()[0].tolist() == (np.array(told) == 1).tolist()
    for budget in (TopCells(1), Coverage(0.3), Flags(5.9)):
        with pytest.raises(InputError, match="more than the budget"):
            ppe.flagged_cells(flags, budget, grid)
    nothing = ppe.make_surface(np.zeros((1, 2, 3)), grid, nights(1), kind="flags")
    assert not flagged(nothing, TopCells(2), grid).any()


def test_whole_cells_stop_at_the_first_that_does_not_fit():
    """A cell of 4 m2 and one of 2 under 3 m2: the riskier does not fit, and the next is not taken in its place."""
    grid = grid_of_rows([[4, 2, 4]])
    risk = ppe.make_surface([[[3, 2, 1]]], grid, nights(1), kind="score")
    budgets = [Coverage(0.3), Coverage(0.3, rounding="floor"), Coverage(0.3, rounding="ceil"), Coverage(0.6)]
    found = ppe.flagged_cells(risk, budgets, grid)
    assert found.squeeze().astype(int).to_numpy().tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert found.budget_m2.to_numpy().tolist() == pytest.approx([3, 3, 3, 6])
    assert found.budget.to_numpy().tolist()[2] == "30 % of the ground, whole cells (ceil)"


@pytest.mark.parametrize(("size", "fractions"), [(49, [k / 49 for k in (1, 2, 4, 9, 25, 49)]), (10, [0.1, 0.3, 0.7])])
@pytest.mark.parametrize("rounding", ["exact", "floor", "ceil"])
def test_a_share_that_is_whole_cells_but_for_rounding_takes_them(size, fractions, rounding):
    """In floating point 49 times 1/49 is less than 1, and 10 times .1 three times over more than 3."""
    grid = grid_of_rows(np.full((1, size), 4.0))
    risk = ppe.make_surface([[np.arange(size)]], grid, nights(1), kind="score")
    for fraction in fractions:
        found = ppe.flagged_cells(risk, Coverage(fraction, rounding=rounding), grid)
        assert found.sum() == round(fraction * size)
    three = ppe.flagged_cells(risk, Coverage(0.1 + 0.1 + 0.1, rounding=rounding), grid)
    assert three.sum() == {10: 3, 49: 15 if rounding == "ceil" else 14}[size]


def test_nothing_fits_with_a_warning():
    grid = grid_of_rows([[4, 4, 1], [4, 4, 4]], [[0, 0, 1], [0, 0, 0]], 2)
    risk = ppe.make_surface(np.ones((1, 2, 3)), grid, nights(1), kind="score")
    with pytest.warns(PredPolWarning, match=r"'10 % of each area' is less than any one cell of A, B: no whole cell"):
        assert not ppe.flagged_cells(risk, Coverage(0.1, per="area"), grid).any()
    with pytest.warns(PredPolWarning, match="cell of the whole grid"):
        assert not ppe.flagged_cells(risk, Coverage(0.01), grid).any()
    with pytest.warns(PredPolWarning, match="asks for more cells"):
        assert ppe.flagged_cells(risk, TopCells(2, per="area"), grid).sum() == 3
    # No false alarm: the smallest cell fits exactly.
    ppe.flagged_cells(risk, [Coverage(1 / 21), Coverage(0.01, rounding="ceil")], grid)


def test_a_set_is_a_surface_of_flags_and_explains_itself(tmp_path):
    grid = grid_of_rows([[4, 4, 2], [4, 0, 4]], [[0, 0, 1], [1, 0, 1]], 2)
    risk = ppe.make_surface([[[3, 1, 2], [1, 0, 1]]], grid, nights(1), kind="expected_count")
    crimes = risk.copy(data=[[[1, 2, 3], [4, 0, 5.0]]]).rename("count")
    crimes.attrs = {"grid": grid.fingerprint}
    found = ppe.flagged_cells(risk, [TopCells(3), TopCells(1, per="area")], grid, seed=7)
    flags = found.isel(budget=0, drop=True).astype(float)
    total = ppe.tally(flags, crimes, TopCells(3), grid).sum(["area", "window"])
    both = ppe.flagged_cells(joined(A=risk, B=risk), TopCells(3), grid, seed=7).isel(budget=0, drop=True).astype(float)
    assert (ppe.tally(both, crimes, TopCells(3), grid).sum(["area", "window"]).hits == total.hits).all()
    assert total.hits.item() == (found.isel(budget=0) * crimes).sum().item()
    ppe.save_surface(flags, tmp_path / "set.nc")
    np.testing.assert_array_equal(ppe.load_surface(tmp_path / "set.nc"), flags)
    assert found.name == "flagged"
    assert found.attrs | {"seed": 7, "cell": 2.0, "kind": "flags", "grid": grid.fingerprint} == found.attrs
    assert {"long_name", "units", "definition", "crs", "tz"} <= set(found.attrs)
    assert found.budget_scope.to_numpy().tolist() == ["city", "area"]
    np.testing.assert_array_equal(found.inside_m2, grid.inside_m2)
    assert {"window_end", "until"} <= set(found.coords)


def test_a_tally_of_flags_may_have_leading_dimensions():
    grid = grid_of_rows(np.full((2, 2), 4.0))
    risk = ppe.make_surface([[[3, 1], [2, 0]]], grid, nights(1), kind="score")
    twice = xr.concat([joined(A=risk, B=2 * risk.assign_attrs()), joined(A=risk, B=risk)], pd.Index([1, 2], name="run"))
    twice.attrs = risk.attrs
    found = ppe.flagged_cells(twice, TopCells(1), grid)
    assert found.dims == ("run", "forecaster", "budget", "window", "y", "x")
    assert found.run.to_numpy().tolist() == [1, 2]


def test_what_cannot_be_used_is_refused():
    grid = grid_of_rows(np.full((2, 2), 4.0))
    risk = ppe.make_surface([[[3, 1], [2, 0]]], grid, nights(1), kind="score")
    for seed in (-1, 0.5, "1", None, True, 2**63):
        with pytest.raises(InputError, match="whole number from 0"):
            ppe.flagged_cells(risk, TopCells(1), grid, seed=seed)
    with pytest.raises(NotComparableError, match="another grid"):
        ppe.flagged_cells(risk, TopCells(1), grid_of_rows([[4, 4], [4, 2]]))
    with pytest.raises(InputError, match="not a budget"):
        ppe.flagged_cells(risk, 3, grid)
    with pytest.raises(InputError, match="missing or infinite"):
        ppe.flagged_cells(risk.where(risk > 0), TopCells(1), grid)
