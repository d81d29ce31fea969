"""The league."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from predpol_eval.comparisons.stationary_bootstrap import ratio_interval
from predpol_eval.trial.plan import TrialPlan
from predpol_eval.trial.standings.league import league
from tests.trial.standings.worlds import EVERYBODY, random_tally, tally_from

STRONG = {"A": 0.6, "B": 0.35, "C": 0.35, "in-house": 0.35, "three-week map": 0.35, "kernel": 0.34, "uniform": 0.1}


def of(found: Any, name: str, kind: str = "all", area: str = "all") -> Any:
    return next(row for row in found.scope(kind, area) if row.forecaster == name)


def test_a_small_league_by_hand(plan: TrialPlan) -> None:
    events = np.zeros((1, 1, 30))
    events[0, 0, :4] = [4, 2, 0, 4]
    hits = {"A": np.array([2.0, 1, 0, 3] + [0] * 26), "B": np.array([1.0, 0, 0, 1] + [0] * 26)}
    found = league(tally_from(plan, hits, events, oracle=np.minimum(events, 3)), plan)
    a, b, top = (of(found, name) for name in ("A", "B", "oracle"))
    assert (a.hits, a.crimes, a.hit_rate, a.rank, b.rank) == (6, 10, 0.6, 1, 2)
    # 3 boxes of 16; flags placed blindly catch 10 x 3/16; the best 3 + 2 + 3.
    assert a.pai == pytest.approx(0.6 / (3 / 16))
    assert a.lift == pytest.approx(6 / (10 * 3 / 16))
    assert a.pei == pytest.approx(6 / 8)
    assert (top.hits, top.hit_rate, top.pei, top.rank, top.ranks) == (8, 0.8, 1.0, 0, "")
    # Ten crimes on three nights bear no interval and no order.
    assert np.isnan([a.hit_rate_low, a.hit_rate_high, a.pei_low, a.lift_high]).all()
    assert (a.ranks, b.ranks) == ("1 to 2", "1 to 2")
    assert (a.nights, a.role, top.role) == (30, "vendor", "oracle")
    assert found.scope()[0].forecaster == "oracle"
    assert np.isnan([getattr(top, f"{name}_low") for name in ("hit_rate", "pai", "pei", "lift")]).all()


def test_intervals_are_of_nights_in_blocks_of_a_week(plan: TrialPlan) -> None:
    tally = random_tally(plan, 1, STRONG)
    row = of(league(tally.isel(kind=[0]), plan), "A")
    counts = tally.isel(budget=0).sel(forecaster="A", kind="burglary").sum("area")
    told = ratio_interval(
        counts["hits"].to_numpy(), counts["events"].to_numpy(), resamples=999, seed=plan.seed, block=7.0
    )
    assert (row.hit_rate_low, row.hit_rate_high) == pytest.approx((told.low, told.high))
    assert row.pai_low == pytest.approx(told.low * 16 / 3)
    assert row.hit_rate_low < row.hit_rate < row.hit_rate_high


def test_of_next_to_no_misses_as_little_can_be_told_as_of_next_to_no_hits(plan: TrialPlan) -> None:
    events = np.full((1, 1, 30), 5.0)
    missed = np.zeros(30)
    missed[:5] = 1
    more = missed.copy()
    more[5] = 1
    hits = {"A": events[0, 0] - missed, "B": events[0, 0] - more, "C": missed, "in-house": more}
    found = league(tally_from(plan, hits, events), plan)
    told = {name: np.isfinite([of(found, name).hit_rate_low, of(found, name).pei_high]).all() for name in hits}
    assert told == {"A": False, "B": True, "C": False, "in-house": True}


def test_ranks_are_those_that_the_nights_support(plan: TrialPlan) -> None:
    found = league(random_tally(plan, 1, STRONG), plan)
    assert of(found, "A").ranks == "1"
    assert of(found, "uniform").ranks == "7"
    assert {of(found, name).ranks for name in ("B", "C", "in-house", "three-week map", "kernel")} == {"2 to 6"}
    rates = [row.hit_rate for row in found.scope()[1:]]
    assert rates == sorted(rates, reverse=True)
    assert [row.rank for row in found.scope()[1:]] == list(range(1, 8))
    assert all(row.rank_low <= row.rank <= row.rank_high for row in found.rows)


def test_true_ranks_are_supported(plan: TrialPlan) -> None:
    wrong = 0
    for seed in range(12):
        one = random_tally(plan, seed, rate=24.0).isel(kind=[0], area=[0])
        # All are alike, so every one of them may be first or last; all ranks hold together with chance 95 %.
        rows = league(one, plan, draws=99).scope()[1:]
        wrong += any((row.rank_low, row.rank_high) != (1, len(EVERYBODY)) for row in rows)
    assert wrong <= 3


def test_scopes_and_roles(plan: TrialPlan) -> None:
    found = league(random_tally(plan, 1, STRONG), plan, draws=99)
    assert {(row.kind, row.area) for row in found.rows} == {
        ("all", "all"), *((kind, "all") for kind in plan.kinds), *(("all", area) for area in plan.areas),
    }  # fmt: skip
    assert {row.forecaster: row.role for row in found.scope()} == {
        "oracle": "oracle", "A": "vendor", "B": "vendor", "C": "vendor", "in-house": "in-house",
        "three-week map": "baseline", "kernel": "baseline", "uniform": "chance",
    }  # fmt: skip
    for name in ("hits", "crimes"):
        whole = getattr(of(found, "B"), name)
        assert whole == sum(getattr(of(found, "B", kind), name) for kind in plan.kinds)
        assert whole == sum(getattr(of(found, "B", "all", area), name) for area in plan.areas)
    frame = found.to_frame()
    assert len(frame) == len(found.rows)
    assert frame.loc[1, "ranks"] == "1"
    assert "A: " in repr(found)
    assert "rank 1" in found._repr_html_()


def test_nights_that_are_not_counted_are_told_and_why(plan: TrialPlan) -> None:
    told = {0: "missing", 1: "late", 2: "late", 3: "rejected", 4: "held", 5: "failed", 6: "odd"}
    tally = random_tally(plan, 1, STRONG, status={"A": told}).isel(kind=[0], area=[0])
    row = of(league(tally, plan, draws=99), "A")
    assert (row.nights, row.missing, row.late, row.rejected, row.failed, row.held) == (23, 1, 2, 1, 2, 1)
    other = tally.sel(forecaster="B").isel(budget=0).sum(["kind", "area"])
    b = of(league(tally, plan, draws=99), "B")
    owed = [0, 1, 2, 3, 5, 6, *range(7, 30)]
    assert row.by_the_rule == pytest.approx(row.hits / float(other["events"].isel(window=owed).sum()))
    assert row.crimes == float(other["events"].isel(window=slice(7, None)).sum())
    assert b.by_the_rule == b.hit_rate


def test_missed_nights_count_by_chance_where_the_plan_says_so(plan: TrialPlan) -> None:
    from dataclasses import replace

    blind = replace(plan, test=replace(plan.test, missing="chance"))
    tally = random_tally(plan, 1, STRONG, status={"A": {0: "missing"}}).isel(kind=[0], area=[0])
    zero, chance = (of(league(tally, one, draws=99), "A") for one in (plan, blind))
    gone = float(tally["events"].sel(forecaster="B").isel(window=0).sum())
    total = zero.crimes + gone
    assert chance.by_the_rule - zero.by_the_rule == pytest.approx(gone * 3 / 16 / total)


def test_void_and_waiting_nights(plan: TrialPlan) -> None:
    names = [night.name for night in plan.nights]
    found = league(random_tally(plan, 1, STRONG).isel(window=slice(20)), plan, void=[names[2], names[25]], draws=99)
    assert (len(found.nights), found.void, len(found.waiting)) == (19, (names[2], names[25]), 9)
    assert of(found, "A").nights == 19


def test_one_kind_one_area_and_no_crime(plan: TrialPlan) -> None:
    tally = random_tally(plan, 1, STRONG).isel(kind=[0], area=[0])
    assert {(row.kind, row.area) for row in league(tally, plan, draws=99).rows} == {("all", "all")}
    zero = np.zeros((1, 1, 30))
    found = league(tally_from(plan, {"A": zero, "B": zero}, zero), plan, draws=99)
    a = of(found, "A")
    assert (a.hits, a.crimes, a.nights, a.ranks) == (0, 0, 30, "1 to 2")
    assert np.isnan([a.hit_rate, a.pai, a.pei, a.lift, a.hit_rate_low, a.by_the_rule]).all()
    assert "no crime" in repr(found)


def test_nights_that_do_not_vary_have_no_interval(plan: TrialPlan) -> None:
    events = np.full((1, 1, 30), 4.0)
    row = of(league(tally_from(plan, {"A": events / 2, "B": events}, events), plan, draws=99), "B")
    assert row.hit_rate == 1.0
    assert np.isnan([row.hit_rate_low, row.hit_rate_high]).all()


def test_somebody_without_a_night_comes_last(plan: TrialPlan) -> None:
    found = league(random_tally(plan, 1, STRONG, status={"A": dict.fromkeys(range(30), "missing")}), plan, draws=99)
    row = of(found, "A")
    assert (row.nights, row.rank, row.ranks, row.by_the_rule) == (0, 7, "1 to 7", 0.0)


def test_polygons_have_no_pei(plan: TrialPlan) -> None:
    tally = random_tally(plan, 1, STRONG)
    tally["oracle_hits"].loc[{"forecaster": "A"}] = np.nan
    found = league(tally, plan, draws=99)
    assert np.isnan([of(found, "A").pei, of(found, "A").pei_low]).all()
    assert of(found, "A").hit_rate_low > 0
    assert of(found, "oracle").hit_rate == 1.0
