"""Tallies against a twin that tries every order of the tied cells, and what must hold for any tally."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import Coverage, Flags, InputError, NotComparableError, TopCells
from predpol_eval.tallies import CAUGHT
from tests.naive import tally as naive
from tests.strategies import CRS, TZ, City, cities, city_of, nights, row_of_cells

NAMES = ("hits", "hits_worst", "hits_best", "oracle_hits", "flagged_m2", "boxes", "boxes_hit")
eighths = st.integers(1, 8)
scopes = st.sampled_from([None, "area"])


def tally(city: City, *budgets: ppe.TopCells | ppe.Coverage | ppe.Flags) -> xr.Dataset:
    """Tally without the warning that a budget has more cells than a tiny city."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ppe.PredPolWarning)
        return ppe.tally(city.risk, city.crimes, budgets, city.grid)


def naive_budget(budget):
    if isinstance(budget, TopCells):
        return "top", budget.k
    if isinstance(budget, Coverage):
        return "coverage", Fraction(budget.fraction), budget.rounding
    return ("flags",)


def check_against_naive(city: City, budget) -> None:
    found = tally(city, budget).isel(budget=0)
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
    found = tally(city, budget).isel(budget=0, window=0)
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
    found = tally(city, TopCells(k, per=per)).isel(budget=0)
    assert found.flagged_m2.sum("area").to_numpy().tolist() == (flagged * inside).sum(axis=1).tolist()
    most = (flagged * inside).sum(axis=1).max()
    if most > 0:
        check_against_naive(city, Flags(float(most)))
        with pytest.raises(InputError, match="more than"):
            tally(city, Flags(float(most) * 0.999))


def test_flagging_more_than_the_budget_is_refused():
    city = city_of([[1, 1, 0, 0]], [[1, 0, 0, 0]], [4, 4, 4, 4], "flags")
    for budget in (TopCells(1), Coverage(0.49), Flags(7.9)):
        with pytest.raises(InputError, match=r"flagged but .* allows"):
            tally(city, budget)
    for budget in (TopCells(2), TopCells(4), Coverage(0.5), Coverage(1.0), Flags(8.0)):
        found = tally(city, budget)
        assert float(found.flagged_m2.sum()) == 8
        assert float(found.hits.sum()) == 1


def test_flags_of_a_score_are_what_is_above_zero():
    city = city_of([[-1, 0, 2, 5]], [[1, 1, 1, 1]], [4, 4, 4, 4], "score")
    found = tally(city, Flags(8.0)).isel(area=0, budget=0, window=0)
    assert (found.hits, found.flagged_m2, found.boxes) == (2, 8, 2)


any_budget = st.one_of(
    st.builds(TopCells, st.integers(1, 6), per=scopes),
    st.builds(Coverage, eighths.map(lambda n: n / 8), per=scopes, rounding=st.sampled_from(["exact", "floor", "ceil"])),
)


@given(cities(most_cells=12, most_windows=3), any_budget)
def test_the_oracle_is_above_the_best_above_the_expected_above_the_worst(city, budget):
    """Also where whole cells of unequal size tie at the edge of a share of the ground."""
    found = tally(city, budget).sum("area")
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
    one, two = tally(city, *budgets), tally(other, *budgets)
    for name in (*CAUGHT, "events", "budget_m2", "total_m2"):
        np.testing.assert_allclose(one[name], two[name], rtol=1e-12, atol=1e-12, err_msg=name)


@given(cities(most_cells=10), any_budget, st.sampled_from([1e-9, 1 / 3, 0.1, 7.0, 1e12]))
def test_the_scale_of_the_risk_never_matters(city, budget, factor):
    other = city._replace(risk=city.risk * factor)
    other.risk.attrs = city.risk.attrs
    xr.testing.assert_allclose(tally(city, budget), tally(other, budget), rtol=1e-12)


@given(cities(most_cells=10, kinds=("score",)), any_budget, st.sampled_from([-10.0, 5.0]))
def test_scores_may_be_negative(city, budget, shift):
    other = city._replace(risk=city.risk + shift)
    other.risk.attrs = city.risk.attrs
    xr.testing.assert_allclose(tally(city, budget), tally(other, budget), rtol=1e-12)


@given(cities(most_cells=8), scopes)
def test_more_budget_never_catches_less(city, per):
    cells = tally(city, *(TopCells(k, per=per) for k in range(1, 10)))
    ground = tally(city, *(Coverage(n / 16, per=per) for n in range(1, 17)))
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
    found = tally(city._replace(risk=constant), budget)
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
    found = tally(city, budget)
    for w in range(len(city.windows)):
        one = tally(city._replace(risk=city.risk[[w]], crimes=city.crimes[[w]]), budget)
        xr.testing.assert_identical(found.isel(window=[w]), one)


@given(cities(most_cells=10), st.integers(1, 6), eighths)
def test_areas_add_up_to_the_city_under_city_wide_budgets(city, k, eighth):
    """The same cells without areas give the sums over areas: exactly the same ground, hits and oracle."""
    budgets = (TopCells(k), Coverage(eighth / 8), Coverage(eighth / 8, rounding="ceil"))
    found = tally(city, *budgets).sum("area")
    inside = city.grid.inside_m2[0].tolist()
    plain = city_of(
        city.risk.to_numpy()[:, 0].tolist(), city.crimes.to_numpy()[:, 0].tolist(), inside, city.risk.attrs["kind"]
    )
    whole = tally(plain, *budgets).sum("area")
    for name in (*CAUGHT, "events", "budget_m2", "total_m2"):
        if name != "chance_hits":  # by area on purpose, so that lift is 1 for a constant ranking
            np.testing.assert_allclose(found[name], whole[name], rtol=1e-12, atol=1e-12, err_msg=name)


@given(cities(most_cells=10), st.integers(1, 6), eighths)
def test_budgets_per_area_are_tallies_of_each_area_alone(city, k, eighth):
    budgets = (TopCells(k, per="area"), Coverage(eighth / 8, per="area"))
    found = tally(city, *budgets)
    label = city.grid.label_code[0]
    for area in range(2):
        if not (label == area).any():
            continue
        inside = np.where(label == area, city.grid.inside_m2[0], 0.0).tolist()
        crimes = np.where(label == area, city.crimes.to_numpy()[:, 0], 0.0).tolist()
        alone = city_of(city.risk.to_numpy()[:, 0].tolist(), crimes, inside, city.risk.attrs["kind"])
        mine = tally(alone, TopCells(k), Coverage(eighth / 8))
        for name in (*CAUGHT, "events", "budget_m2", "total_m2"):
            np.testing.assert_allclose(found[name][area], mine[name][0], rtol=1e-12, atol=1e-12, err_msg=name)


@given(cities(most_cells=10, kinds=("score",)), any_budget, st.integers(0, 2**32 - 1))
def test_noise_in_the_thirteenth_digit_breaks_no_tie(city, budget, seed):
    noise = 1 + 2e-13 * np.random.default_rng(seed).uniform(-1, 1, city.risk.shape)
    noisy = city.risk * noise
    noisy.attrs = city.risk.attrs
    xr.testing.assert_identical(tally(city, budget), tally(city._replace(risk=noisy), budget))


def test_sums_in_another_order_tie_and_the_eleventh_digit_does_not():
    one, two = 0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1
    assert one != two
    city = city_of([[one, two]], [[1, 0]], [4, 4])
    assert float(tally(city, TopCells(1)).hits.sum()) == 0.5
    for low, high in ((1.0, 1.0 + 8e-12), (9.0, 9.0 + 4e-11), (0.1, 0.1 + 8e-13), (5e-9, 5e-9 + 4e-20)):
        apart = city_of([[low, high]], [[1, 0]], [4, 4])
        assert float(tally(apart, TopCells(1)).hits.sum()) == 0.0
    together = city_of([[1.0, 1.0 + 1e-13]], [[1, 0]], [4, 4])
    assert float(tally(together, TopCells(1)).hits.sum()) == 0.5


def test_minus_zero_is_zero():
    city = city_of([[-0.0, 0.0, 1.0]], [[1, 0, 0]], [4, 4, 4])
    assert float(tally(city, TopCells(2)).hits.sum()) == 0.5
    tiny = city_of([[1e-300, 0.0, 1.0]], [[1, 0, 0]], [4, 4, 4])
    assert float(tally(tiny, TopCells(2)).hits.sum()) == 1.0


def test_a_budget_per_area_and_one_for_the_city_in_the_same_call_rank_apart():
    """They share the order of the cells; which cell competes with which they must not share."""
    city = city_of([[4, 3, 2, 1]], [[0, 1, 0, 2]], [4, 4, 4, 4], label=[0, 0, 1, 1], labels=2)
    budgets = (TopCells(1), TopCells(1, per="area"), Coverage(0.25), Coverage(0.25, per="area"), TopCells(2))
    together = tally(city, *budgets)
    for budget in budgets:
        xr.testing.assert_identical(together.sel(budget=[str(budget)]), tally(city, budget))
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
    found = tally(city, TopCells(1, per="area"))
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


# Events, windows, and what tells them apart ---------------------------------------------------------------


def some_events(*rows: tuple[float, str], **more: object) -> ppe.Events:
    """Crimes at an x of a row of cells 2 m wide, as (x, time)."""
    frame = pd.DataFrame({"x": [x for x, _ in rows], "y": [1.0] * len(rows), "t": [t for _, t in rows]})
    if "until" in more:
        frame["until"] = more.pop("until")
        more["happened_until"] = "until"
    return ppe.Events.from_frame(frame, crs=CRS, tz=TZ, observed=[("2018-04-01", "2018-06-01")], **more)


def test_events_and_their_counts_give_the_same_tally_and_outside_is_counted():
    grid = row_of_cells([4, 4, 0, 4])
    events = some_events((0.5, "2018-05-01 10:00"), (0.5, "2018-05-01 23:59:59"), (5.0, "2018-05-01"),
                         (9.0, "2018-05-02"), (7.9, "2018-05-02 12:00"), (1.0, "2018-05-03"))  # fmt: skip
    risk = ppe.make_surface(np.array([[[3, 2, 0, 1.0]], [[1, 2, 0, 3.0]]]), grid, nights(2), kind="score")
    found = ppe.tally(risk, events, TopCells(1), grid)
    assert found.hits[0, 0].to_numpy().tolist() == [2, 1]
    assert found.events[0].to_numpy().tolist() == [2, 1]
    assert found.outside.to_numpy().tolist() == [1, 1]
    counted = ppe.count(events, grid, nights(2))
    xr.testing.assert_identical(found, ppe.tally(risk, counted, TopCells(1), grid))


def test_crimes_whose_own_point_lies_in_another_area_are_reported():
    grid = ppe.Grid.from_bounds(0, 0, 600, 250, cell=250, crs=CRS)
    risk = ppe.make_surface([[[3, 2, 1.0]]], grid, nights(1), kind="score")
    # 700 lies in the square of the cut cell, but beyond the border.
    found = ppe.tally(risk, some_events((10.0, "2018-05-01"), (700.0, "2018-05-01")), TopCells(1), grid)
    assert found.attrs["elsewhere"] == 1
    assert found.events.item() == 2


def test_the_clock_in_which_times_are_written_never_matters():
    """The same moments, told by another wall clock, make the same tally."""
    grid, windows = row_of_cells([4, 4, 4]), nights(3)
    risk = ppe.make_surface(np.array([[[3, 2, 1.0]]] * 3), grid, windows, kind="score")
    local = pd.to_datetime(["2018-05-01 00:30", "2018-05-02 23:30", "2018-05-03 12:00"]).tz_localize(TZ)
    tallies = []
    for stamps, zone in (
        (local.tz_localize(None), TZ),
        (local, None),
        (local.tz_convert("UTC"), TZ),
        (local.tz_convert("America/Toronto"), TZ),
        (local.tz_convert("Asia/Kolkata").astype(str), TZ),
    ):
        frame = pd.DataFrame({"x": [0.5, 0.5, 3.0], "y": [1.0] * 3, "t": stamps})
        events = ppe.Events.from_frame(frame, crs=CRS, tz=zone)
        tallies.append(ppe.tally(risk, events, TopCells(1), grid))
    assert tallies[0].hits[0, 0].to_numpy().tolist() == [1, 1, 0]
    for other in tallies[1:]:
        xr.testing.assert_identical(tallies[0], other)


def test_what_is_not_yet_known_changes_no_forecast():
    """Crimes of the future, and crimes recorded in the future, may say what they like."""
    grid, windows = row_of_cells([4, 4, 4]), nights(2)
    past = pd.DataFrame(
        {"x": [0.5, 3.0], "y": 1.0, "t": ["2018-04-20", "2018-04-25"], "r": ["2018-04-21", "2018-04-26"]}
    )
    future = pd.DataFrame({"x": [5.0] * 3, "y": 1.0, "t": ["2018-05-01", "2018-04-22", "2018-04-30 23:59"],
                           "r": ["2018-05-01", "2018-05-01", "2018-06-01"]})  # fmt: skip
    options = {"crs": CRS, "tz": TZ, "recorded": "r", "observed": [("2018-04-01", "2018-06-02")]}
    for model in (ppe.CountMap(), ppe.Uniform()):
        surfaces = []
        for frame in (past, pd.concat([past, future])):
            events = ppe.Events.from_frame(frame, **options)
            surfaces.append(model.fit(events, grid, until="2018-05-01").predict(windows[:1]))
        xr.testing.assert_identical(*surfaces)
    later = ppe.Events.from_frame(pd.concat([past, future]), **options)
    assert ppe.CountMap().fit(later, grid, until="2018-05-02").predict(windows[1:]).to_numpy()[0, 0, 2] > 0


@given(cities(most_cells=6, kinds=("score",)), any_budget, st.data())
def test_credits_add_up_to_the_hits(city, budget, data):
    count = data.draw(st.integers(0, 12))
    places = st.floats(0.01, 2 * city.grid.shape[1] + 1)
    rows = [(data.draw(places), f"2018-05-01 {data.draw(st.integers(0, 23)):02d}:00") for _ in range(count)]
    # Some crimes last until some hours later, also beyond the windows.
    lengths = [data.draw(st.sampled_from([0, 0, 1, 5, 30, 100])) for _ in rows]
    until = [pd.Timestamp(t) + pd.Timedelta(hours=h) for (_, t), h in zip(rows, lengths, strict=True)]
    events = some_events(*rows, until=pd.DatetimeIndex(until))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ppe.PredPolWarning)
        found = ppe.tally(city.risk, events, budget, city.grid)
        credit = ppe.credits(city.risk, events, budget, city.grid)
    by_window = (credit.weight * credit.credit).groupby("window").sum() if credit.sizes["event"] else None
    for w, start in enumerate(city.windows.start):
        here = float(by_window.sel(window=start).sum()) if by_window is not None and start in by_window.window else 0.0
        assert here == pytest.approx(float(found.hits.isel(window=w).sum()), abs=1e-9)
        mine = credit.weight.to_numpy()[credit.window.to_numpy() == start].sum()
        assert mine == pytest.approx(float(found.events.isel(window=w).sum() + found.outside[w]), abs=1e-9)


def test_credits_name_crime_by_crime_what_was_caught():
    grid = row_of_cells([4, 4, 0, 4], label=[0, 1, 0, 1], labels=2)
    events = some_events((0.5, "2018-05-01 10:00"), (3.0, "2018-05-01"), (5.0, "2018-05-01 12:00"))
    risk = ppe.make_surface([[[1, 1, 0, 0.0]]], grid, nights(1), kind="score")
    found = ppe.credits(risk, events, [TopCells(1), TopCells(1, per="area")], grid)
    assert found.credit.dims == ("event", "budget")
    assert found.credit.to_numpy().tolist() == [[0.5, 1.0], [0.5, 1.0], [0.0, 0.0]]
    assert found.id.to_numpy().tolist() == [0, 1, 2]  # in order of time
    assert found.area.to_numpy().tolist() == ["B", "A", ""]
    assert found.cell.to_numpy().tolist() == [1, 0, -1]
    assert found.weight.to_numpy().tolist() == [1, 1, 1]


def test_two_crimes_of_a_half_in_one_box_are_one_hit_and_three_quarters_of_a_box():
    grid, windows = row_of_cells([4, 4]), nights(1)
    events = some_events((0.5, "2018-04-30 12:00"), (1.0, "2018-04-30 18:00"),
                         until=["2018-05-01 12:00", "2018-05-01 06:00"])  # fmt: skip
    risk = ppe.make_surface([[[1, 0.0]]], grid, windows, kind="score")
    found = ppe.tally(risk, events, TopCells(1), grid).isel(area=0, budget=0, window=0)
    assert (found.hits, found.boxes_hit, found.events) == (1.0, 0.75, 1.0)
    counted = ppe.count(events, grid, windows)
    assert counted.hit.to_numpy().tolist() == [[[0.75, 0.0]]]
    xr.testing.assert_identical(ppe.tally(risk, counted, TopCells(1), grid).isel(area=0, budget=0, window=0), found)


# Refusals -------------------------------------------------------------------------------------------------


def test_other_grids_windows_and_shapes_are_refused():
    city = city_of([[4, 3], [1, 2]], [[0, 1], [1, 0]], [4, 4])
    other = city_of([[4, 3, 2], [1, 2, 3]], [[0, 1, 0], [1, 0, 0]], [4, 4, 4])
    cut = city_of([[4, 3], [1, 2]], [[0, 1], [1, 0]], [4, 2])
    for wrong in (other, cut):
        with pytest.raises(NotComparableError):
            ppe.tally(city.risk, wrong.crimes, TopCells(1), city.grid)
        with pytest.raises(NotComparableError):
            ppe.tally(wrong.risk, city.crimes, TopCells(1), city.grid)
    with pytest.raises(NotComparableError):
        ppe.tally(city.risk[:1], city.crimes, TopCells(1), city.grid)
    with pytest.raises(NotComparableError, match="windows"):
        ppe.tally(city.risk[:1], city.crimes[1:], TopCells(1), city.grid)
    shift = ppe.Schedule(start="2018-05-01", end="2018-05-03", horizon="8h", tz=TZ).windows
    shorter = city.crimes.assign_coords(window_end=("window", shift.end))
    with pytest.raises(NotComparableError, match="windows"):
        ppe.tally(city.risk, shorter, TopCells(1), city.grid)
    with pytest.raises(InputError, match="Events"):
        ppe.tally(city.risk, pd.DataFrame(), TopCells(1), city.grid)
    for nothing in ([], "top 10", [3]):
        with pytest.raises(InputError, match="budget"):
            ppe.tally(city.risk, city.crimes, nothing, city.grid)


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf])
def test_counts_that_are_missing_or_impossible_are_refused(bad):
    """A missing count is not a count of 0."""
    city = city_of([[4, 3, 2]], [[bad, 1, 0]], [4, 4, 4])
    with pytest.raises(InputError, match="count"):
        tally(city, TopCells(1))


def test_counts_outside_the_study_area_are_outside():
    city = city_of([[4, 3, 2]], [[1, 5, 0]], [4, 0, 4])
    found = tally(city, TopCells(1))
    assert found.outside.to_numpy().tolist() == [5]
    assert found.events.sum().item() == 1
    nothing = city_of([[4, 3, 2]], [[1, np.nan, 0]], [4, 0, 4])
    assert tally(nothing, TopCells(1)).outside.to_numpy().tolist() == [0]


def test_the_dataset_explains_itself():
    city = city_of([[4, 3], [1, 2]], [[0, 1], [1, 0]], [4, 4], label=[0, 1], labels=2)
    found = tally(city, TopCells(1), Coverage(0.5), TopCells(1, per="area"))
    assert set(found.data_vars) == {
        "hits", "hits_worst", "hits_best", "oracle_hits", "chance_hits", "events", "outside", "flagged_m2", "budget_m2",
        "total_m2", "boxes", "boxes_hit", "status", "reason",
    }  # fmt: skip
    assert found.budget.to_numpy().tolist() == ["top 1", "50 % of the ground", "top 1 per area"]
    assert found.budget_scope.to_numpy().tolist() == ["city", "city", "area"]
    assert found.area.to_numpy().tolist() == ["A", "B"]
    assert (found.status == "ok").all()
    assert all(found[name].attrs["long_name"] for name in CAUGHT)
    np.testing.assert_allclose(found.budget_m2.sum("area").isel(window=0), [4, 4, 8])
