"""The league under every rule for uncertain times: each as by itself, for the price of one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import predpol_eval as ppe
from predpol_eval.backtests import estimate
from predpol_eval.backtests.job import make_job
from predpol_eval.counts import TIME_RULES
from tests.backtests import cities, spans
from tests.backtests.misbehaving import FailsOn, Spies
from tests.backtests.same import assert_same_bits, bits

CITY = spans.city()
WINDOWS = CITY.schedule.windows
FORECASTERS = {
    "map": ppe.CountMap(half_life="14D"),
    "floor": ppe.Uniform(),
    "shaky": FailsOn(nights=(str(WINDOWS.until[6]), str(WINDOWS.until[18]))),
}
ASKED = {"budgets": cities.BUDGETS, "kinds": ["theft", "robbery"], "curve": [0.05, 0.2], "log_score_floor": 1e-3}


def both(function, **options):
    """Call it for the city; the nights that fail are told."""
    with pytest.warns(ppe.PredPolWarning, match="shaky failed on 4 of 38 nights"):
        return function(FORECASTERS, CITY.events, CITY.grid, CITY.schedule, **{**ASKED, "progress": False, **options})


@pytest.fixture(scope="module")
def out() -> xr.Dataset:
    """The league under all rules."""
    return both(ppe.time_sensitivity)


@dataclass(frozen=True)
class Counts:
    """A count map that keeps a tally of its fits and predictions."""

    calls: Any = field(default_factory=list, compare=False, repr=False)

    def fit(self, events, grid, *, until):
        self.calls.append((until, "-".join(events.kinds)))
        return ppe.CountMap().fit(events, grid, until=until)


# As by itself ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", TIME_RULES)
def test_each_rule_is_its_own_backtest_to_the_bit(out, rule):
    alone, mine = both(ppe.backtest, method=rule), out.sel(time_rule=rule, drop=True)
    assert alone.attrs["method"] == rule
    assert set(alone.data_vars) == set(mine.data_vars) - (
        set() if rule == "aoristic" else {"hits_once", "events_once"}
    )  # fmt: skip
    ours, theirs = bits(mine), bits(alone)
    assert [name for name in map(str, alone.variables) if ours[name] != theirs[name]] == []
    for name in ("information_set", "grid", "crs", "cell", "tz", "n_areas"):
        assert mine.attrs[name] == alone.attrs[name]


def test_all_variables_have_the_rule_in_front(out):
    assert out.time_rule.to_numpy().tolist() == list(TIME_RULES)
    assert {values.dims[:3] for values in out.data_vars.values()} == {("time_rule", "forecaster", "kind")}
    assert "method" not in out.attrs
    assert out.attrs["time_rules"] == ", ".join(TIME_RULES)


def test_rules_in_any_choice_and_order(out):
    some = both(ppe.time_sensitivity, rules=["end", "aoristic"])
    for rule in ("end", "aoristic"):
        assert_same_bits_of_variables(some.sel(time_rule=rule), out.sel(time_rule=rule))
    one = both(ppe.time_sensitivity, rules="midpoint")
    assert one.sizes["time_rule"] == 1
    assert_same_bits_of_variables(
        one.sel(time_rule="midpoint"), out.sel(time_rule="midpoint").drop_vars(["hits_once", "events_once"])
    )  # fmt: skip


def assert_same_bits_of_variables(found: xr.Dataset, expected: xr.Dataset) -> None:
    found, expected = (data.drop_attrs(deep=False) for data in (found, expected))
    assert_same_bits(found, expected)


def test_crimes_counted_once_are_there_for_every_rule(out):
    for name in ("hits", "events"):
        once, plain = out[f"{name}_once"], out[name]
        assert once.attrs["long_name"] != plain.attrs["long_name"]
        for rule in TIME_RULES:
            same = bool((once.sel(time_rule=rule).fillna(-1) == plain.sel(time_rule=rule).fillna(-1)).all())
            assert same == (rule != "aoristic")
    few = ppe.time_sensitivity(
        {"map": ppe.CountMap()}, CITY.events, CITY.grid, WINDOWS[:1], budgets=ppe.TopCells(3), progress=False
    )  # fmt: skip
    assert "hits_once" not in few


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_workers_stores_and_interruptions_change_no_bit(out, tmp_path, n_jobs):
    assert_same_bits(both(ppe.time_sensitivity, n_jobs=n_jobs, store=tmp_path / "store"), out)
    for path in sorted((tmp_path / "store" / "blocks").iterdir())[::3]:
        path.unlink()
    assert_same_bits(both(ppe.time_sensitivity, n_jobs=n_jobs, store=tmp_path / "store"), out)
    with pytest.raises(ppe.PlanLockedError, match="method: the store has aoristic, start"):
        ppe.backtest(
            FORECASTERS, CITY.events, CITY.grid, CITY.schedule, **ASKED, progress=False, store=tmp_path / "store"
        )  # fmt: skip


def test_it_is_saved_and_loaded(out, tmp_path):
    ppe.save_tally(out, tmp_path / "rules.nc")
    assert_same_bits(ppe.load_tally(tmp_path / "rules.nc"), out)


# Forecasts do not depend on the rule ----------------------------------------------------------------------------------


def test_every_night_is_fitted_once():
    model = Counts()
    ppe.time_sensitivity(
        {"map": model}, CITY.events, CITY.grid, CITY.schedule, budgets=cities.BUDGETS, kinds=["theft", "robbery"],
        progress=False,
    )  # fmt: skip
    assert len(model.calls) == len(set(model.calls)) == 2 * len(WINDOWS)


def test_no_surface_depends_on_the_rule(tmp_path):
    """The surfaces that separate backtests used are the same to the bit, and so is all that is flagged."""
    members = (ppe.CountMap(lookback="14D"), ppe.CountMap(lookback=None))
    learnt = {
        "blend": ppe.Blend(members=members, training="14D", step="2D"),
        "map": ppe.CountMap(),
        "near": ppe.NearRepeat(radius=200),
    }
    seen = []
    for rule in TIME_RULES:
        folder = tmp_path / rule
        folder.mkdir()
        spies = {name: Spies(name=name, inner=inner, folder=str(folder)) for name, inner in learnt.items()}
        tally = ppe.backtest(
            spies, CITY.events, CITY.grid, WINDOWS[:9], budgets=cities.BUDGETS, method=rule, progress=False
        )  # fmt: skip
        seen.append({path.name: path.read_bytes() for path in folder.iterdir()})
        assert (tally.status == "ok").all()
    assert len(seen[0]) == 3 * 9
    assert all(other == seen[0] for other in seen[1:])


def test_flags_are_the_same_under_every_rule_and_hits_are_not(out):
    for name in ("flagged_m2", "boxes", "budget_m2", "total_m2", "status", "reason"):
        values = out[name].variable
        assert all(values[rule].equals(values[0]) for rule in range(len(TIME_RULES)))
    hits = out.hits.sum(["area", "window"]).sel(forecaster="map", kind="theft")
    assert len(np.unique(hits.isel(budget=0).to_numpy().round(9))) == len(TIME_RULES)


def test_a_crime_that_spans_the_beginning_is_known_only_after_its_end():
    """It began a month before the schedule and ended on the third night: no rule lets a forecast use it before."""
    frame = pd.DataFrame(
        {
            "x": [50.0, 650.0, 650.0],
            "y": 50.0,
            "t": ["2018-01-25", "2018-02-05", "2018-02-25"],
            "u": ["2018-01-25", "2018-03-04 12:00", "2018-03-10"],
        }
    )
    events = ppe.Events.from_frame(
        frame, crs=cities.CRS, tz=cities.ZONE, happened_until="u", observed=[("2018-01-20", "2018-03-31")]
    )
    nights = ppe.Schedule(start="2018-03-02", end="2018-03-12", tz=cities.ZONE)
    known = [len(events.known_at(until)) for until in nights.windows.until]
    assert known == [1, 1, 1, 2, 2, 2, 2, 2, 2, 3]
    tally = ppe.time_sensitivity(
        {"map": ppe.CountMap(lookback=None)}, events, CITY.grid, nights, budgets=ppe.TopCells(1), progress=False
    )
    hits = tally.hits.sum("area").squeeze(["forecaster", "kind", "budget"])
    # Until the first of them is known the map has the crime of January only, in another cell.
    assert (hits.isel(window=slice(0, 3)) == 0).all()
    assert (tally.events.sel(time_rule="aoristic").isel(window=slice(0, 3)).sum("area") > 0).all()
    # From then on both cells have one crime: half of what happens there is caught.
    assert float(hits.sel(time_rule="aoristic").isel(window=4)) == pytest.approx(0.5 / 13, rel=1e-9)


# Which crimes are counted ---------------------------------------------------------------------------------------------


def events_of(*spans: tuple[str, str, float]) -> ppe.Events:
    """Crimes from, until, and where."""
    frame = pd.DataFrame(spans, columns=["t", "u", "x"]).assign(y=150.0)
    return ppe.Events.from_frame(
        frame, crs=cities.CRS, tz=cities.ZONE, happened_until="u", observed=[("2018-01-20", "2018-03-31")]
    )


def test_the_numbers_by_hand():
    events = events_of(
        ("2018-02-01 00:00", "2018-02-01 00:00", 50),  # history
        ("2018-03-03 12:00", "2018-03-03 12:00", 50),  # exact
        ("2018-03-01 12:00", "2018-03-02 12:00", 50),  # begins before: half of it
        ("2018-03-05 18:00", "2018-03-06 06:00", 50),  # ends after: half of it
        ("2018-02-22 00:00", "2018-03-10 00:00", 50),  # around all of it: four days of sixteen
        ("2018-03-01 00:00", "2018-03-02 00:00", 50),  # ends as the first night begins: only its end is in
        ("2018-03-06 00:00", "2018-03-07 00:00", 50),  # begins as the last night ends: not at all
        ("2018-03-02 06:00", "2018-03-02 09:00", -9000),  # in no cell
    )
    nights = ppe.Schedule(start="2018-03-02", end="2018-03-06", tz=cities.ZONE)
    out = ppe.time_sensitivity(
        {"floor": ppe.Uniform()}, events, CITY.grid, nights, budgets=ppe.TopCells(1), progress=False
    )
    total = out.events.sum(["area", "window"]).squeeze(["forecaster", "kind"])
    expected = {"aoristic": 2.25, "start": 2, "end": 3, "midpoint": 3, "exclude": 1}
    # Midpoints: of the span before and the one around, the very start of the schedule; of the one after, its very end.
    np.testing.assert_allclose(total, [expected[rule] for rule in TIME_RULES])
    assert out.counted.squeeze("kind").to_numpy().tolist() == [4, 2, 3, 3, 1]
    assert out.uncertain.to_numpy().tolist() == [4]
    assert out.attrs["uncertain_crimes"] == 4
    assert out.weight_outside.item() == pytest.approx(4 - 1.25)
    outside = out.outside.sum("window").squeeze(["forecaster", "kind"])
    np.testing.assert_allclose(outside, [1, 1, 1, 1, 0])


@pytest.mark.parametrize("options", [{}, {"step": "2D", "horizon": "8h", "at": "22:00"}])
def test_spread_weights_are_what_lies_within_the_schedule(options):
    nights = ppe.Schedule(start="2018-03-02", end="2018-03-21", tz=cities.ZONE, **options)
    out = ppe.time_sensitivity(
        {"floor": ppe.Uniform()}, CITY.events, CITY.grid, nights, budgets=ppe.TopCells(1), kinds=["theft", "robbery"],
        progress=False,
    )  # fmt: skip
    total = out.events.sum(["area", "window"]).squeeze("forecaster")
    within = total.sel(time_rule="exclude") + out.uncertain - out.weight_outside
    np.testing.assert_allclose(total.sel(time_rule="aoristic"), within, rtol=1e-9)
    assert (out.weight_outside > 1).all()
    # Every rule but the first counts a crime on one night: numbers of crimes are whole.
    np.testing.assert_array_equal(out.counted[1:], total[1:])
    assert (out.counted[0] > total[0]).all()


def test_overlapping_windows_count_no_weight_twice():
    nights = ppe.Schedule(start="2018-03-02", end="2018-03-06", step="12h", horizon="30h", tz=cities.ZONE)
    # The last is half before the first of them.
    events = events_of(
        ("2018-02-01", "2018-02-01", 50),
        ("2018-03-03 00:00", "2018-03-04 00:00", 50),
        ("2018-03-01 00:00", "2018-03-03 00:00", 50),
    )
    out = ppe.time_sensitivity(
        {"floor": ppe.Uniform()}, events, CITY.grid, nights, budgets=ppe.TopCells(1), progress=False
    )
    assert (out.uncertain.item(), out.weight_outside.item()) == (2, 0.5)


# What is told and what is refused -------------------------------------------------------------------------------------


def test_exact_times_are_told_and_all_rules_agree():
    exact = cities.city(cities.raw(6))
    with pytest.warns(ppe.PredPolWarning, match=r"has an uncertain time.*tallies are equal.*happened_until=") as told:
        out = ppe.time_sensitivity(
            {"map": ppe.CountMap()}, exact.events, exact.grid, WINDOWS[:8], budgets=cities.BUDGETS, progress=False
        )
    assert told[0].filename == __file__
    assert out.attrs["uncertain_crimes"] == 0
    for name in ("hits", "events", "oracle_hits", "boxes_hit"):
        assert all(np.array_equal(out[name][0], out[name][k]) for k in range(1, 5))
    assert len(np.unique(out.counted)) == 1


def test_uncertain_times_elsewhere_in_time_or_place_are_no_uncertain_times_here():
    events = events_of(
        ("2018-02-01", "2018-02-05", 50), ("2018-03-04", "2018-03-04", 50), ("2018-03-03", "2018-03-04", -9000)
    )
    nights = ppe.Schedule(start="2018-03-02", end="2018-03-06", tz=cities.ZONE)
    with pytest.warns(ppe.PredPolWarning, match="No crime of these nights"):
        out = ppe.time_sensitivity(
            {"map": ppe.CountMap()}, events, CITY.grid, nights, budgets=ppe.TopCells(1), progress=False
        )
    assert out.uncertain.item() == 0


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("spread", "method='spread'; choose one of 'aoristic'"),
        (["start", "spread"], "method='spread'; choose one of"),
        (["start", "start"], "give each time rule once"),
        ([], "give each time rule once, and at least one of aoristic"),
        (None, "method=None; choose one of"),
    ],
)
def test_rules_that_are_none(rules, said):
    with pytest.raises(ppe.InputError, match=said):
        ppe.time_sensitivity(
            {"map": ppe.CountMap()}, CITY.events, CITY.grid, WINDOWS, budgets=ppe.TopCells(1), rules=rules
        )


def test_memory_is_reckoned_with_all_rules(monkeypatch):
    job = {"forecasters": FORECASTERS, "events": CITY.events, "grid": CITY.grid, "schedule": CITY.schedule}
    asked = {"budgets": cities.BUDGETS, "kinds": None, "curve": None}
    five, one = (make_job(**job, **asked, method=rules) for rules in (TIME_RULES, "start"))
    process = estimate.GIGABYTES_PER_WORKER
    more = estimate.gigabytes_needed(five, 1) - estimate.gigabytes_needed(one, 1)
    result = 8 * 3 * 3 * 19 * (4 * 9 + 2) * estimate.RESULT_COPIES / 1e9
    assert 4 * result < more < 6 * result
    monkeypatch.setattr(estimate, "available_gigabytes", lambda: process / 2)
    with pytest.raises(ppe.InputError, match="would need about"):
        ppe.time_sensitivity(FORECASTERS, CITY.events, CITY.grid, CITY.schedule, budgets=cities.BUDGETS)


def test_failures_and_small_areas_are_told_once_and_point_here():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ppe.time_sensitivity(
            FORECASTERS, CITY.events, CITY.grid, CITY.schedule, budgets=ppe.TopCells(40, per="area"), progress=False
        )
    texts = [str(warning.message) for warning in told]
    assert len(texts) == 2
    assert "more cells than there are in quiet" in texts[0]
    assert "shaky failed on 2 of 19 nights" in texts[1]
    assert {warning.filename for warning in told} == {__file__}


def test_a_metric_reads_every_rule_at_once(out):
    rate = ppe.hit_rate(out.sum(["area", "window"]))
    assert rate.dims == ("time_rule", "forecaster", "kind", "budget")
    alone = ppe.hit_rate(out.sel(time_rule="end").sum(["area", "window"]))
    np.testing.assert_array_equal(rate.sel(time_rule="end"), alone)
