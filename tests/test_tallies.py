"""Tallies against a twin that tries every order of the tied cells, and what must hold for any tally."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import Coverage, Flags, InputError, TopCells
from predpol_eval.tallies import CAUGHT
from tests.naive import tally as naive
from tests.strategies import City, any_budget, cities, city_of, eighths, scopes, tally_of

NAMES = ("hits", "hits_worst", "hits_best", "oracle_hits", "flagged_m2", "boxes", "boxes_hit")


def naive_budget(budget):
    if isinstance(budget, TopCells):
        return "top", budget.k
    if isinstance(budget, Coverage):
        return "coverage", Fraction(budget.fraction), budget.rounding
    return ("flags",)


def check_against_naive(city: City, budget) -> None:
    found = tally_of(city, budget).isel(budget=0)
    kind = city.risk.attrs["kind"]
    for w in range(len(city.windows)):
        cells = city.cells(w)
        parts = [[c for c in cells if c["label"] == a] for a in range(len(city.grid.labels))]
        for area, mine in enumerate(parts):
            here = found.isel(window=w, area=area)
            assert here.events == pytest.approx(sum(c["crimes"] for c in mine))
            assert here.total_m2 == pytest.approx(sum(c["inside"] for c in mine))
            if mine:
                share = here.flagged_m2 / sum(c["inside"] for c in mine)
                assert here.chance_hits == pytest.approx(float(here.events * share))
        for scope in parts if budget.per == "area" else [cells]:
            if not scope:
                continue
            expected = naive.one_scope(scope, kind, naive_budget(budget))
            areas = sorted({c["label"] for c in scope})
            total = found.isel(window=w, area=areas).sum("area")
            for name in NAMES:
                assert float(total[name]) == pytest.approx(float(expected[name]), abs=1e-12), name
            for area in areas:
                for name, value in expected["by_label"][area].items():
                    assert float(found[name][area, w]) == pytest.approx(float(value), abs=1e-12), (name, area)


@given(cities(), st.integers(1, 6), scopes)
def test_top_cells_are_a_mean_over_all_orders_of_the_ties(city, k, per):
    check_against_naive(city, TopCells(k, per=per))


@given(cities(), eighths, scopes)
def test_coverage_shares_tied_ground(city, eighth, per):
    check_against_naive(city, Coverage(eighth / 8, per=per))


@given(cities(sizes=(4.0,)), eighths, scopes, st.sampled_from(["exact", "floor", "ceil"]))
def test_coverage_of_equal_cells_is_a_mean_over_all_orders(city, eighth, per, rounding):
    budget = Coverage(eighth / 8, per=per, rounding=rounding)
    check_against_naive(city, budget)
    found = tally_of(city, budget).isel(budget=0, window=0)
    scope = [c for c in city.cells(0) if per is None or c["label"] == 0]
    if scope:
        expected = naive.one_scope(scope, city.risk.attrs["kind"], naive_budget(budget))
        mine = found.isel(area=0) if per else found.sum("area")
        assert float(mine.hits) == pytest.approx(float(expected["mean_of_orders"]), abs=1e-12)


@given(cities(kinds=("flags",)), st.integers(1, 6), scopes)
def test_flags_are_counted_as_they_are_and_never_filled_up(city, k, per):
    flagged = np.nan_to_num(city.risk.to_numpy()[:, 0])
    inside = city.grid.inside_m2[0]
    label = city.grid.label_code[0]
    areas = [label == a for a in range(2)] if per else [label >= 0]
    assume(all((row[mine] > 0).sum() <= k for row in flagged for mine in areas))
    check_against_naive(city, TopCells(k, per=per))
    found = tally_of(city, TopCells(k, per=per)).isel(budget=0)
    assert found.flagged_m2.sum("area").to_numpy().tolist() == (flagged * inside).sum(axis=1).tolist()
    most = (flagged * inside).sum(axis=1).max()
    if most > 0:
        check_against_naive(city, Flags(float(most)))
        with pytest.raises(InputError, match="more than"):
            tally_of(city, Flags(float(most) * 0.999))


def test_flagging_more_than_the_budget_is_refused():
    city = city_of([[1, 1, 0, 0]], [[1, 0, 0, 0]], [4, 4, 4, 4], "flags")
    for budget in (TopCells(1), Coverage(0.49), Flags(7.9)):
        with pytest.raises(InputError, match=r"flagged but .* allows"):
            tally_of(city, budget)
    for budget in (TopCells(2), TopCells(4), Coverage(0.5), Coverage(1.0), Flags(8.0)):
        found = tally_of(city, budget)
        assert float(found.flagged_m2.sum()) == 8
        assert float(found.hits.sum()) == 1


def test_flags_of_a_score_are_what_is_above_zero():
    city = city_of([[-1, 0, 2, 5]], [[1, 1, 1, 1]], [4, 4, 4, 4], "score")
    found = tally_of(city, Flags(8.0)).isel(area=0, budget=0, window=0)
    assert (found.hits, found.flagged_m2, found.boxes) == (2, 8, 2)


@given(cities(most_cells=12, most_windows=3), any_budget)
def test_the_oracle_is_above_the_best_above_the_expected_above_the_worst(city, budget):
    """Also where whole cells of unequal size tie at the edge of a share of the ground."""
    found = tally_of(city, budget).sum("area")
    slack = 1e-12
    assert (found.oracle_hits >= found.hits_best - slack).all()
    assert (found.hits_best >= found.hits - slack).all()
    assert (found.hits >= found.hits_worst - slack).all()
    assert (found.hits_worst >= 0).all()
    assert (found.boxes_hit <= found.boxes + slack).all()
    assert (found.hits <= found.events + slack).all()
    assert (found.flagged_m2 <= found.total_m2 * (1 + slack)).all()


@given(cities(most_cells=10), st.data())
def test_the_order_of_the_cells_never_matters(city, data):
    """Not even in the rows of the areas, for the worst and best case and the oracle."""
    count = city.grid.shape[1]
    order = data.draw(st.permutations(range(count)))
    inside, label = city.grid.inside_m2[0], city.grid.label_code[0]
    other = city_of(
        city.risk.to_numpy()[:, 0][:, order].tolist(),
        city.crimes.to_numpy()[:, 0][:, order].tolist(),
        inside[order].tolist(),
        city.risk.attrs["kind"],
        np.maximum(label[order], 0).tolist(),
        2,
    )
    budgets = (
        TopCells(2),
        TopCells(1, per="area"),
        Coverage(0.3),
        Coverage(0.3, rounding="floor"),
        Coverage(0.2, "area"),
    )
    one, two = tally_of(city, *budgets), tally_of(other, *budgets)
    for name in (*CAUGHT, "events", "budget_m2", "total_m2"):
        np.testing.assert_allclose(one[name], two[name], rtol=1e-12, atol=1e-12, err_msg=name)


@given(cities(most_cells=10), any_budget, st.sampled_from([1e-9, 1 / 3, 0.1, 7.0, 1e12]))
def test_the_scale_of_the_risk_never_matters(city, budget, factor):
    other = city._replace(risk=city.risk * factor)
    other.risk.attrs = city.risk.attrs
    xr.testing.assert_allclose(tally_of(city, budget), tally_of(other, budget), rtol=1e-12)


@given(cities(most_cells=10, kinds=("score",)), any_budget, st.sampled_from([-10.0, 5.0]))
def test_scores_may_be_negative(city, budget, shift):
    other = city._replace(risk=city.risk + shift)
    other.risk.attrs = city.risk.attrs
    xr.testing.assert_allclose(tally_of(city, budget), tally_of(other, budget), rtol=1e-12)


@given(cities(most_cells=8), scopes)
def test_more_budget_never_catches_less(city, per):
    cells = tally_of(city, *(TopCells(k, per=per) for k in range(1, 10)))
    ground = tally_of(city, *(Coverage(n / 16, per=per) for n in range(1, 17)))
    for found in (cells, ground):
        for name in ("hits", "hits_worst", "hits_best", "oracle_hits", "flagged_m2", "boxes", "boxes_hit", "budget_m2"):
            steps = found[name].sum("area").diff("budget")
            assert (steps >= -1e-12).all(), name
    whole = ground.isel(budget=-1)
    np.testing.assert_allclose(whole.hits, whole.events)
    np.testing.assert_allclose(whole.flagged_m2, whole.total_m2)
    np.testing.assert_allclose(whole.hits_worst, whole.hits_best)


@given(cities(most_cells=10), any_budget, st.sampled_from([0.0, 1.0, 0.1]))
def test_a_constant_ranking_has_lift_one_and_under_coverage_pai_one(city, budget, level):
    constant = city.risk.where(city.risk.isnull(), level)
    if city.risk.attrs["kind"] == "expected_count":
        constant = constant * city.grid.inside_m2  # constant is the density
    constant.attrs = city.risk.attrs
    found = tally_of(city._replace(risk=constant), budget)
    whole = isinstance(budget, Coverage) and budget.rounding != "exact"
    for summed in (found, found.sum("window"), found.sum("area"), found.sum(["area", "window"])):
        lift = ppe.lift(summed).to_numpy()
        if isinstance(budget, Coverage) or city.risk.attrs["kind"] == "score":
            np.testing.assert_allclose(lift[np.isfinite(lift)], 1.0)
    if isinstance(budget, Coverage) and not whole:
        pai = ppe.pai(found.sum(["area", "window"])).to_numpy()
        np.testing.assert_allclose(pai[np.isfinite(pai)], 1.0)
    if isinstance(budget, TopCells) and city.risk.attrs["kind"] == "score":
        by_area = ppe.pai(found).to_numpy()
        np.testing.assert_allclose(by_area[np.isfinite(by_area)], 1.0)


@given(cities(most_windows=4), any_budget)
def test_windows_add_up(city, budget):
    """A tally of all windows is the tallies of the single ones, side by side."""
    found = tally_of(city, budget)
    for w in range(len(city.windows)):
        one = tally_of(city._replace(risk=city.risk[[w]], crimes=city.crimes[[w]]), budget)
        xr.testing.assert_identical(found.isel(window=[w]), one)


@given(cities(most_cells=10), st.integers(1, 6), eighths)
def test_areas_add_up_to_the_city_under_city_wide_budgets(city, k, eighth):
    """The same cells without areas give the sums over areas: exactly the same ground, hits and oracle."""
    budgets = (TopCells(k), Coverage(eighth / 8), Coverage(eighth / 8, rounding="ceil"))
    found = tally_of(city, *budgets).sum("area")
    inside = city.grid.inside_m2[0].tolist()
    plain = city_of(
        city.risk.to_numpy()[:, 0].tolist(), city.crimes.to_numpy()[:, 0].tolist(), inside, city.risk.attrs["kind"]
    )
    whole = tally_of(plain, *budgets).sum("area")
    for name in (*CAUGHT, "events", "budget_m2", "total_m2"):
        if name != "chance_hits":  # by area on purpose, so that lift is 1 for a constant ranking
            np.testing.assert_allclose(found[name], whole[name], rtol=1e-12, atol=1e-12, err_msg=name)


@given(cities(most_cells=10), st.integers(1, 6), eighths)
def test_budgets_per_area_are_tallies_of_each_area_alone(city, k, eighth):
    budgets = (TopCells(k, per="area"), Coverage(eighth / 8, per="area"))
    found = tally_of(city, *budgets)
    label = city.grid.label_code[0]
    for area in range(2):
        if not (label == area).any():
            continue
        inside = np.where(label == area, city.grid.inside_m2[0], 0.0).tolist()
        crimes = np.where(label == area, city.crimes.to_numpy()[:, 0], 0.0).tolist()
        alone = city_of(city.risk.to_numpy()[:, 0].tolist(), crimes, inside, city.risk.attrs["kind"])
        mine = tally_of(alone, TopCells(k), Coverage(eighth / 8))
        for name in (*CAUGHT, "events", "budget_m2", "total_m2"):
            np.testing.assert_allclose(found[name][area], mine[name][0], rtol=1e-12, atol=1e-12, err_msg=name)


@given(cities(most_cells=10, kinds=("score",)), any_budget, st.integers(0, 2**32 - 1))
def test_noise_in_the_thirteenth_digit_breaks_no_tie(city, budget, seed):
    noise = 1 + 2e-13 * np.random.default_rng(seed).uniform(-1, 1, city.risk.shape)
    noisy = city.risk * noise
    noisy.attrs = city.risk.attrs
    xr.testing.assert_identical(tally_of(city, budget), tally_of(city._replace(risk=noisy), budget))


def test_sums_in_another_order_tie_and_the_eleventh_digit_does_not():
    one, two = 0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1
    assert one != two
    city = city_of([[one, two]], [[1, 0]], [4, 4])
    assert float(tally_of(city, TopCells(1)).hits.sum()) == 0.5
    for low, high in ((1.0, 1.0 + 8e-12), (9.0, 9.0 + 4e-11), (0.1, 0.1 + 8e-13), (5e-9, 5e-9 + 4e-20)):
        apart = city_of([[low, high]], [[1, 0]], [4, 4])
        assert float(tally_of(apart, TopCells(1)).hits.sum()) == 0.0
    together = city_of([[1.0, 1.0 + 1e-13]], [[1, 0]], [4, 4])
    assert float(tally_of(together, TopCells(1)).hits.sum()) == 0.5


def test_minus_zero_is_zero():
    city = city_of([[-0.0, 0.0, 1.0]], [[1, 0, 0]], [4, 4, 4])
    assert float(tally_of(city, TopCells(2)).hits.sum()) == 0.5
    tiny = city_of([[1e-300, 0.0, 1.0]], [[1, 0, 0]], [4, 4, 4])
    assert float(tally_of(tiny, TopCells(2)).hits.sum()) == 1.0


def test_a_budget_per_area_and_one_for_the_city_in_the_same_call_rank_apart():
    """They share the order of the cells; which cell competes with which they must not share."""
    city = city_of([[4, 3, 2, 1]], [[0, 1, 0, 2]], [4, 4, 4, 4], label=[0, 0, 1, 1], labels=2)
    budgets = (TopCells(1), TopCells(1, per="area"), Coverage(0.25), Coverage(0.25, per="area"), TopCells(2))
    together = tally_of(city, *budgets)
    for budget in budgets:
        xr.testing.assert_identical(together.sel(budget=[str(budget)]), tally_of(city, budget))
    assert together.boxes.sum("area").to_numpy()[:, 0].tolist() == [1, 2, 1, 1, 2]


def test_further_dimensions_are_kept():
    city = city_of([[4, 3, 2, 1], [1, 1, 1, 1]], [[0, 1, 0, 2], [1, 0, 0, 0]], [4, 4, 4, 1])
    flat = (city.risk * 0 + 1).assign_attrs(city.risk.attrs)
    both = xr.concat([city.risk, flat], dim=pd.Index(["good", "flat"], name="forecaster"), combine_attrs="override")
    found = ppe.tally(both, city.crimes, TopCells(2), city.grid)
    assert found.hits.dims == ("forecaster", "area", "budget", "window")
    assert found.forecaster.to_numpy().tolist() == ["good", "flat"]
    for name, risk in (("good", city.risk), ("flat", flat)):
        alone = ppe.tally(risk, city.crimes, TopCells(2), city.grid)
        xr.testing.assert_identical(found.sel(forecaster=name, drop=True), alone)


def test_a_window_without_crime_and_an_area_without_crime():
    city = city_of([[4, 3, 2, 1]] * 2, [[0, 0, 0, 0], [1, 0, 0, 0]], [4] * 4, label=[0, 0, 1, 1], labels=2)
    found = tally_of(city, TopCells(1, per="area"))
    assert found.hits.sum().item() == 1
    rate = ppe.hit_rate(found)
    assert np.isnan(rate.isel(window=0)).all()
    assert np.isnan(rate.sel(area="B")).all()
    assert ppe.hit_rate(found.sum(["window", "area"])).item() == 1.0
    assert ppe.precision(found.sum(["window", "area"])).item() == 0.25


def test_an_area_with_fewer_cells_than_its_budget_is_flagged_whole_with_a_warning():
    city = city_of([[4, 3, 2, 1]], [[1, 1, 1, 1]], [4, 4, 4, 2], label=[0, 1, 1, 1], labels=2)
    with pytest.warns(ppe.PredPolWarning, match="than there are in A: all of them"):
        found = ppe.tally(city.risk, city.crimes, TopCells(2, per="area"), city.grid)
    assert found.hits[:, 0, 0].to_numpy().tolist() == [1, 2]
    assert found.budget_m2[:, 0, 0].to_numpy().tolist() == [4, pytest.approx(2 * 10 / 3)]
    with pytest.warns(ppe.PredPolWarning, match="the whole grid"):
        found = ppe.tally(city.risk, city.crimes, TopCells(9), city.grid)
    assert found.budget_m2.sum().item() == 14


def test_flags_of_true_and_false_and_a_budget_that_was_chosen_before():
    """A flagged set is itself a surface: its type is bool, and `.sel(budget=...)` leaves a coordinate of that name."""
    city = city_of([[4, 3, 2, 1]], [[1, 0, 2, 0]], [4] * 4)
    both = xr.concat([city.risk, city.risk], "forecaster").assign_coords(forecaster=["A", "B"])
    both.attrs = city.risk.attrs
    chosen = ppe.flagged_cells(both, [ppe.TopCells(1), ppe.TopCells(2)], city.grid).sel(budget="top 2")
    found = ppe.tally(chosen, city.crimes, ppe.Flags(8.0), city.grid)
    assert found.hits.to_numpy().ravel().tolist() == [1, 1]
    assert found.budget.to_numpy().tolist() == ["flags up to 8e-06 km2"]
    assert found.forecaster.to_numpy().tolist() == ["A", "B"]


def test_single_precision_ties_as_it_reads():
    """A surface saved as float32 flags what the same numbers flag in float64."""
    values = np.array([[0.1, 0.2, 0.1, 0.3, 0.2, 0.1]])
    exact = city_of(values.astype(np.float32).astype(float).tolist(), [[1, 2, 0, 1, 3, 1]], [4] * 6)
    rough = exact.risk.astype(np.float32)
    rough.attrs = exact.risk.attrs
    for budget in (ppe.TopCells(2), ppe.Coverage(0.4)):
        one = ppe.tally(exact.risk, exact.crimes, budget, exact.grid)
        xr.testing.assert_identical(one, ppe.tally(rough, exact.crimes, budget, exact.grid))
