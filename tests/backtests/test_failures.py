"""A night that fails is a row with its reason: never a hole, never the end of the run."""

from __future__ import annotations

import json

import numpy as np
import pytest

import predpol_eval as ppe
from tests.backtests import cities
from tests.backtests.misbehaving import FailsOn, Returns
from tests.backtests.same import assert_same_bits

CITY = cities.city(cities.raw(41))
UNTIL = [str(moment) for moment in CITY.schedule.windows.until]
COUNTS = ("hits", "hits_worst", "hits_best", "oracle_hits", "chance_hits", "events", "outside")
AREAS = ("flagged_m2", "budget_m2", "total_m2", "boxes", "boxes_hit")

WRONG = {
    "no fitted": "AttributeError: 'NoneType' object has no attribute 'predict'",
    "array": "InputError: A surface is an xarray.DataArray; found ndarray",
    "shape": "NotComparableError: The surface has (10, 12) rows and columns, the grid (10, 13)",
    "negative": "InputError: 1 numbers of a surface of kind 'expected_count' are negative",
    "nan": "InputError: 1 of 125 numbers inside the study area are missing or infinite",
    "infinite": "InputError: 1 of 125 numbers inside the study area are missing or infinite",
    "other windows": "InputError: The forecaster predicted other windows than the one asked for",
    "two windows": "InputError: The forecaster predicted other windows than the one asked for",
    "longer window": "InputError: The forecaster predicted other windows than the one asked for",
    "other grid": "NotComparableError: The surface was made on another grid",
    "no kind": "InputError: The surface's attrs['kind'] is None",
    "members": "InputError: The forecaster predicted other windows than the one asked for: dimensions ('member',",
}


def run(forecasters, **options):
    options = {"budgets": cities.BUDGETS, "progress": False, **options}
    return ppe.backtest(forecasters, CITY.events, CITY.grid, CITY.schedule, **options)


@pytest.mark.parametrize("what", WRONG)
def test_whatever_a_forecaster_returns_the_run_goes_on_and_says_why(what):
    with pytest.warns(ppe.PredPolWarning, match="wrong failed on 14 of 14 nights"):
        out = run({"right": ppe.CountMap(), "wrong": Returns(what=what)})
    assert out.status.sel(forecaster="wrong").values.ravel().tolist() == ["failed"] * 14
    reasons = set(out.reason.sel(forecaster="wrong").values.ravel().tolist())
    assert all(reason.startswith(WRONG[what]) for reason in reasons), reasons
    assert all("\n" not in reason and len(reason) <= 500 for reason in reasons)
    for name in COUNTS + AREAS:
        assert np.isnan(out[name].sel(forecaster="wrong")).all(), name
    assert np.isnan(ppe.hit_rate(out.sel(forecaster="wrong").sum(["window", "area"]))).all()
    alone = run({"right": ppe.CountMap()})
    for tally in (out, alone):
        tally.attrs.pop("record")
    assert_same_bits(out.isel(forecaster=[0]), alone)


@pytest.mark.parametrize("error", ["RuntimeError", "MemoryError", "SystemExit"])
def test_some_nights_fail_and_ratios_leave_them_out_above_and_below(error):
    bad = [2, 3, 13]
    fails = FailsOn(nights=tuple(UNTIL[night] for night in bad), error=error)
    with pytest.warns(ppe.PredPolWarning, match=rf"shaky failed on 3 of 14 nights \({error}: no forecast tonight\)"):
        out = run({"shaky": fails, "map": ppe.CountMap()}, curve=[0.1, 1.0])
    whole = run({"map": ppe.CountMap()}, curve=[0.1, 1.0])
    good = [night for night in range(14) if night not in bad]
    shaky, same = out.sel(forecaster="shaky", kind="all"), whole.isel(forecaster=0, kind=0)
    assert shaky.status.values.tolist() == ["failed" if night in bad else "ok" for night in range(14)]
    assert shaky.reason.values.tolist() == [f"{error}: no forecast tonight" if n in bad else "" for n in range(14)]
    for name in (*COUNTS, *AREAS, "curve_hits", "curve_events"):
        assert np.isnan(shaky[name].isel(window=bad)).all(), name
        assert not np.isnan(shaky[name].isel(window=good)).any(), name
        assert shaky[name].isel(window=good).values.tobytes() == same[name].isel(window=good).values.tobytes(), name
    # The bad nights did have crimes, so that leaving them out of one side only would show.
    assert float(same.events.isel(window=bad).sum()) > 0
    totals = shaky.sum(["window", "area"])
    expected = same.isel(window=good).sum(["window", "area"])
    for ratio in (ppe.hit_rate, ppe.pai, ppe.lift, ppe.pei, ppe.precision, ppe.search_efficiency):
        np.testing.assert_allclose(ratio(totals), ratio(expected), rtol=1e-12)
    assert float(totals.events) == float(expected.events) < float(same.events.sum())
    # Nights that one side missed are seen, not dropped in silence.
    assert float(out.sel(forecaster="map").events.sum()) == float(whole.events.sum())


def test_an_error_that_cannot_say_what_it_is_does_not_end_the_run():
    with pytest.warns(
        ppe.PredPolWarning, match=r"shaky failed on 1 of 14 nights \(MuteError: \(its message cannot be read"
    ):
        out = run({"shaky": FailsOn(nights=(UNTIL[4],), error="MuteError")})
    assert (out.status == "ok").sum() == 13


def test_a_flagging_above_the_budget_fails_that_night_only():
    flags = np.zeros((14, *CITY.grid.shape))
    rows, columns = np.nonzero(CITY.grid.mask)
    for night in range(14):
        number = 8 if night == 5 else 7
        flags[night, rows[:number], columns[:number]] = 1
    given = ppe.make_surface(flags, CITY.grid, CITY.schedule.windows, kind="flags")
    with pytest.warns(ppe.PredPolWarning, match="vendor failed on 1 of 14 nights .*8 cells are flagged"):
        out = run({"vendor": ppe.External(surface=given)}, budgets=ppe.TopCells(7))
    assert out.status.values.ravel().tolist() == ["ok"] * 5 + ["failed"] + ["ok"] * 8
    assert out.boxes.sum("area", skipna=False).values.ravel()[:5].tolist() == [7.0] * 5


def test_a_vendor_that_misses_nights_or_is_late_fails_on_those_nights():
    windows = CITY.schedule.windows
    late = windows.until.copy()
    late[4] += np.timedelta64(1, "m")
    made = ppe.Windows(windows.start.copy(), windows.end.copy(), late, windows.tz)
    values = np.ones((14, *CITY.grid.shape))
    given = ppe.make_surface(values, CITY.grid, made, kind="score").isel(window=[n for n in range(14) if n != 9])
    with pytest.warns(ppe.PredPolWarning, match="vendor failed on 2 of 14 nights"):
        out = run({"vendor": ppe.External(surface=given, name="A")})
    reasons = out.reason.values.ravel()
    assert "were made at 2018-03-06T05:01" in reasons[4]
    assert "after 2018-03-06T05:00" in reasons[4]
    assert "has no surface for the windows starting 2018-03-11" in reasons[9]
    assert [night for night in range(14) if reasons[night]] == [4, 9]


def test_failed_nights_are_kept_in_a_store_and_not_tried_again(tmp_path):
    fails = {"shaky": FailsOn(nights=tuple(UNTIL[1:3]))}
    with pytest.warns(ppe.PredPolWarning, match="failed on 2 of 14"):
        first = run(fails, store=tmp_path)
    with pytest.warns(ppe.PredPolWarning, match="failed on 2 of 14"):
        again = run(fails, store=tmp_path)
    assert_same_bits(again, first)


@pytest.mark.parametrize(
    ("forecasters", "message"),
    [
        ({}, "mapping of names"),
        ([ppe.CountMap()], "mapping of names"),
        ({1: ppe.CountMap()}, "name of a forecaster is 1"),
        ({" ": ppe.CountMap()}, "name of a forecaster is ' '"),
        ({"map": ppe.CountMap}, r"give an instance of a class with fit\(events, grid, \*, until\)"),
        ({"map": "CountMap"}, "cannot be fitted"),
    ],
)
def test_what_is_no_forecaster_is_refused_before_any_work(forecasters, message):
    with pytest.raises(ppe.InputError, match=message):
        run(forecasters)


def test_a_forecaster_whose_configuration_cannot_be_told_runs_but_is_not_stored(tmp_path):
    class Plain:
        def fit(self, events, grid, *, until):
            return ppe.CountMap().fit(events, grid, until=until)

    store = tmp_path / "store"
    with pytest.raises(ppe.InputError, match=r"frozen dataclass .*fingerprint"):
        run({"plain": Plain()}, store=store)
    assert not store.exists()
    out = run({"plain": Plain(), "map": ppe.CountMap()})
    assert (out.status == "ok").all()
    assert out.hits.sel(forecaster="plain").equals(out.hits.sel(forecaster="map").assign_coords(forecaster="plain"))
    told = json.loads(out.attrs["record"])["configuration"]["forecasters"]
    assert told["plain"] == {"is": "Plain", "identity": None}
    assert told["map"]["identity"]
