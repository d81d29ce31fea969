"""Crimes of uncertain time counted once: on the last window of their span, with the credit of all of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import Coverage, TopCells
from predpol_eval.counts import TIME_RULES, crimes_in
from tests.naive import once as naive
from tests.strategies import CRS, row_of_cells

START = pd.Timestamp("2018-05-01")
BUDGETS = (TopCells(1), Coverage(0.5), TopCells(1, per="area"))
# Nights side by side, overlapping, with gaps; some intervals lie before, after, or around all of them.
SCHEDULES = {
    "nights": {"step": "1D", "horizon": "1D"},
    "overlapping": {"step": "12h", "horizon": "30h"},
    "gaps": {"step": "1D", "horizon": "8h", "at": "22:00"},
}
places = st.sampled_from([0.5, 2.5, 3.0, 4.5, 6.5, 30.0])
lengths = st.sampled_from([0, 0, 1, 5, 24, 60, 400])
rows = st.lists(st.tuples(places, st.integers(-60, 140), lengths), max_size=9)


def crimes(found) -> ppe.Events:
    """Crimes as (x, hours from the first of May, hours until the end of the interval)."""
    frame = pd.DataFrame({"x": [x for x, _, _ in found], "y": 1.0})
    frame["t"] = [START + pd.Timedelta(hours=first) for _, first, _ in found]
    frame["u"] = frame["t"] + pd.to_timedelta([hours for _, _, hours in found], unit="h")
    return ppe.Events.from_frame(
        frame, crs=CRS, tz="UTC", happened_until="u", observed=[("2018-04-01", "2018-07-01")]
    )  # fmt: skip


def windows_of(schedule: str) -> ppe.Windows:
    return ppe.Schedule(start="2018-05-01", end="2018-05-05", tz="UTC", **SCHEDULES[schedule]).windows


def scene(windows: ppe.Windows, seed: int = 0) -> tuple[ppe.Grid, xr.DataArray]:
    """Five cells, one of them outside, in two areas; two forecasters of few values, so that ties abound."""
    grid = row_of_cells([4, 4, 0, 4, 2], [0, 1, 0, 0, 1], 2)
    values = np.random.default_rng(seed).integers(0, 3, (2, len(windows), 1, 5)).astype(float)
    both = [ppe.make_surface(some, grid, windows, kind="score") for some in values]
    return grid, xr.concat(both, pd.Index(["A", "B"], name="forecaster"), combine_attrs="override")


def by_the_book(events, risk, grid, windows, budgets, failed=()):
    """What the naive twin makes of the credits, in the shapes of a tally; one leading dimension."""
    credit = ppe.credits(risk, events, budgets, grid)
    uncertain = (events.happened_until > events.happened)[credit.crime.to_numpy()]
    starts, areas = sorted(windows.start.tolist()), list(grid.labels)
    hits = np.zeros((risk.sizes[risk.dims[0]], len(areas), len(budgets), len(windows)))
    number = np.zeros((hits.shape[0], len(areas), len(windows)))
    for lead in range(hits.shape[0]):
        table = [
            {"crime": c, "window": w, "weight": m, "area": a, "credit": list(k), "uncertain": u}
            for c, w, m, a, k, u in zip(
                credit.crime.to_numpy(),
                credit.window.to_numpy().astype(np.int64).tolist(),
                credit.weight.to_numpy(),
                credit.area.to_numpy(),
                credit.credit.to_numpy()[lead],
                uncertain,
                strict=True,
            )
        ]
        caught, here = naive.once(table, starts, areas, failed)
        place = {start: position for position, start in enumerate(windows.start.tolist())}
        for (area, budget, start), value in caught.items():
            hits[lead, areas.index(area), budget, place[start]] = value
        for (area, start), value in here.items():
            number[lead, areas.index(area), place[start]] = value
    return hits, number


@given(rows, st.sampled_from(sorted(SCHEDULES)), st.integers(0, 5), st.booleans())
def test_a_tally_counts_once_as_the_credits_of_each_crime_put_together(found, schedule, seed, shuffled):
    events, windows = crimes([*found, (0.5, 20, 30)]), windows_of(schedule)
    if shuffled:
        windows = windows[np.random.default_rng(seed).permutation(len(windows))]
    grid, risk = scene(windows, seed)
    tally = ppe.tally(risk, events, BUDGETS, grid)
    hits, number = by_the_book(events, risk, grid, windows, BUDGETS)
    assert tally.hits_once.dims == tally.hits.dims == ("forecaster", "area", "budget", "window")
    np.testing.assert_allclose(tally.hits_once, hits, atol=1e-12)
    np.testing.assert_allclose(tally.events_once, number, atol=1e-12)
    for name in ("hits", "events"):
        np.testing.assert_allclose(tally[f"{name}_once"].sum("window"), tally[name].sum("window"), atol=1e-12)
    assert (tally.hits_once <= tally.events_once + 1e-12).all()


@given(rows, st.sampled_from(sorted(SCHEDULES)), st.sampled_from(TIME_RULES))
def test_they_are_there_only_where_a_crime_in_a_cell_is_in_several_windows(found, schedule, rule):
    events, windows = crimes(found) if found else crimes([(0.5, 0, 0)]), windows_of(schedule)
    grid, risk = scene(windows)
    tally = ppe.tally(risk, events, BUDGETS, grid, method=rule)
    credit = ppe.credits(risk, events, BUDGETS, grid, method=rule)
    uncertain = (events.happened_until > events.happened)[credit.crime.to_numpy()] & (credit.cell.to_numpy() >= 0)
    of_crime = np.unique(credit.crime.to_numpy()[uncertain], return_counts=True)[1]
    # Under the other rules a crime is at one moment, which several windows may share only if they overlap.
    expected = rule == "aoristic" and bool((of_crime > 1).any())
    assert ("hits_once" in tally) == ("events_once" in tally) == expected
    assert tally.attrs.get("spread", 0) == (int((of_crime > 1).sum()) if expected else 0)
    assert tally.attrs["method"] == rule


@given(rows, st.integers(0, 99))
def test_the_order_of_crimes_cells_and_forecasters_does_not_matter(found, seed):
    windows = windows_of("nights")
    rng = np.random.default_rng(seed)
    these = [*found, (0.5, 20, 30), (6.5, 20, 60)]
    mixed = [these[k] for k in rng.permutation(len(these))]
    grid, risk = scene(windows, seed)
    one, other = (ppe.tally(risk, crimes(some), BUDGETS, grid) for some in (these, mixed))
    turned = ppe.tally(risk[::-1], crimes(these), BUDGETS, grid)
    for name in ("hits_once", "events_once"):
        np.testing.assert_allclose(one[name], other[name], atol=1e-12)
        np.testing.assert_array_equal(one[name], turned[name][::-1])


def test_by_hand():
    """A car parked from noon on the first to noon on the third: a quarter, a half, a quarter; caught on two nights."""
    windows = windows_of("nights")
    grid = row_of_cells([4, 4])
    risk = ppe.make_surface([[[2.0, 1.0]], [[1.0, 2.0]], [[1.0, 1.0]], [[2.0, 1.0]]], grid, windows, kind="score")
    events = crimes([(0.5, 12, 48), (0.5, 40, 0), (2.5, 90, 0)])
    tally = ppe.tally(risk, events, TopCells(1), grid).squeeze(["area", "budget"])
    assert tally.events.to_numpy().tolist() == [0.25, 1.5, 0.25, 1.0]
    assert tally.hits.to_numpy().tolist() == [0.25, 0.0, 0.125, 0.0]
    assert tally.events_once.to_numpy().tolist() == [0.0, 1.0, 1.0, 1.0]
    assert tally.hits_once.to_numpy().tolist() == [0.0, 0.0, 0.375, 0.0]
    assert tally.events_once.attrs["units"] == tally.hits_once.attrs["units"] == "crimes"
    assert "once" in tally.hits_once.attrs["long_name"]


def test_the_part_of_a_span_outside_the_windows_is_not_counted():
    """From the last noon of April to noon of the first: half of it, on the one night it has."""
    windows = windows_of("nights")
    grid = row_of_cells([4, 4])
    risk = ppe.make_surface(np.full((4, 1, 2), 1.0), grid, windows, kind="score")
    # The second begins on the last night and ends a week later.
    tally = ppe.tally(risk, crimes([(0.5, -12, 24), (0.5, 60, 36 * 7)]), TopCells(2), grid).squeeze(["area", "budget"])
    np.testing.assert_allclose(tally.events, [0.5, 0.0, 12 / 252, 24 / 252])
    np.testing.assert_allclose(tally.events_once, [0.5, 0.0, 0.0, 36 / 252])


def test_the_latest_window_is_found_whatever_their_order_and_overlap():
    """Of two windows that begin together the longer is the later."""
    start = np.array(["2018-05-02", "2018-05-01", "2018-05-02"], dtype="datetime64[ns]")
    end = np.array(["2018-05-02T12", "2018-05-02", "2018-05-03"], dtype="datetime64[ns]")
    windows = ppe.Windows(start, end, start.copy(), "UTC")
    seen = crimes_in(crimes([(0.5, 12, 24), (0.5, 30, 0)]), row_of_cells([4]), windows)
    assert seen.parted
    assert list(zip(seen.window.tolist(), seen.event.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)]
    counted = np.ones(3, dtype=bool)
    assert seen.entering(windows, counted).tolist() == [2, 0, 2, 2, 2]
    assert seen.entering(windows, np.array([True, True, False])).tolist() == [0, 0, 0, -1, -1]
    assert seen.entering(windows, np.zeros(3, dtype=bool)).tolist() == [-1] * 5


def test_counts_cannot_say_it_and_tell_so():
    windows = windows_of("nights")
    grid, risk = scene(windows)
    events = crimes([(0.5, 12, 48), (6.5, 12, 48), (4.5, 12, 48), (2.5, 3, 2)])
    counted = ppe.count(events, grid, windows)
    # The third is in no cell, the last within one night.
    assert counted.attrs["spread"] == 2
    tally = ppe.tally(risk, counted, BUDGETS, grid)
    assert "hits_once" not in tally
    assert tally.attrs["spread"] == 2
    xr.testing.assert_identical(
        tally, ppe.tally(risk, events, BUDGETS, grid).drop_vars(["hits_once", "events_once"])
    )  # fmt: skip


def test_float32_surfaces_and_no_windows():
    windows = windows_of("nights")
    grid, risk = scene(windows, 3)
    events = crimes([(0.5, 12, 48), (6.5, 12, 48)])
    found = ppe.tally(risk, events, BUDGETS, grid)
    single = ppe.tally(risk.astype(np.float32), events, BUDGETS, grid)
    np.testing.assert_allclose(single.hits_once, found.hits_once, rtol=1e-6)
    none = ppe.tally(risk.isel(window=slice(0, 0)), events, BUDGETS, grid)
    assert none.sizes["window"] == 0
    assert "hits_once" not in none


def test_it_is_saved_and_loaded(tmp_path):
    windows = windows_of("nights")
    grid, risk = scene(windows)
    tally = ppe.tally(risk, crimes([(0.5, 12, 48)]), BUDGETS, grid)
    ppe.save_tally(tally, tmp_path / "tally.nc")
    xr.testing.assert_identical(ppe.load_tally(tmp_path / "tally.nc"), tally)


def test_credits_say_which_crime_a_row_is_of():
    windows = windows_of("nights")
    grid, risk = scene(windows)
    events = crimes([(2.5, 90, 0), (0.5, 12, 48), (0.5, 40, 0)])
    credit = ppe.credits(risk, events, BUDGETS, grid)
    # In order of time the car comes first, and has three nights.
    assert credit.crime.to_numpy().tolist() == [0, 0, 1, 0, 2]
    assert credit.crime.attrs["long_name"] == "row of the crime in Events"
    weight = credit.weight.groupby("crime").sum()
    assert weight.to_numpy().tolist() == [1.0, 1.0, 1.0]
    np.testing.assert_array_equal(credit.id, events.id[credit.crime])


@pytest.mark.parametrize("wrong", ["spread", None, 3, ["start"], ""])
def test_every_function_that_counts_refuses_an_unknown_rule_alike(wrong):
    windows = windows_of("nights")
    grid, scores = scene(windows)
    expected = ppe.make_surface(np.full((4, 1, 5), 0.5), grid, windows, kind="expected_count")
    events = crimes([(0.5, 12, 48)])
    counted = ppe.count(events, grid, windows)
    one = {"map": ppe.CountMap()}, events, grid, windows
    calls = [
        lambda: ppe.count(events, grid, windows, method=wrong),
        lambda: ppe.tally(scores, events, TopCells(1), grid, method=wrong),
        lambda: ppe.tally(scores, counted, TopCells(1), grid, method=wrong),
        lambda: ppe.credits(scores, events, TopCells(1), grid, method=wrong),
        lambda: ppe.capture_curve(scores, events, grid=grid, method=wrong),
        lambda: ppe.poisson_log_score(expected, events, grid=grid, method=wrong),
        lambda: ppe.location_log_score(expected, events, grid=grid, method=wrong),
        lambda: ppe.backtest(*one, budgets=TopCells(1), progress=False, method=wrong),
    ]
    said = set()
    for call in calls:
        with pytest.raises(ppe.InputError) as refusal:
            call()
        said.add(str(refusal.value))
    assert said == {f"method={wrong!r}; choose one of 'aoristic', 'start', 'end', 'midpoint', 'exclude'."}


@given(rows, st.lists(st.tuples(st.integers(-20, 90), st.integers(1, 80)), min_size=1, max_size=6))
def test_windows_of_any_length_and_order_meet_the_intervals_they_meet(found, spans):
    """Long windows around short ones, equal ones, gaps: against every pair of window and crime."""
    events = crimes([*found, (0.5, 20, 30)])
    start = np.array([START.to_datetime64() + np.timedelta64(first, "h") for first, _ in spans]).astype(
        "datetime64[ns]"
    )
    end = start + np.array([hours for _, hours in spans]).astype("timedelta64[h]")
    windows = ppe.Windows(start, end, start.copy(), "UTC")
    seen = crimes_in(events, row_of_cells([4, 4, 0, 4, 2]), windows)
    expected = {}
    for w in range(len(spans)):
        for e, (first, last) in enumerate(zip(events.happened, events.happened_until, strict=True)):
            both = min(last, end[w]) - max(first, start[w])
            weight = float(start[w] <= first < end[w]) if first == last else max(0.0, both / (last - first))
            if weight > 0:
                expected[w, e] = weight
    assert list(zip(seen.window.tolist(), seen.event.tolist(), strict=True)) == sorted(expected)
    np.testing.assert_allclose(seen.weight, [expected[key] for key in sorted(expected)], rtol=1e-12)
    several = {e for _, e in expected if sum(other == e for _, other in expected) > 1}
    exact = {e for e in range(len(events)) if events.happened[e] == events.happened_until[e]}
    assert seen.spread.tolist() == [e in several - exact for _, e in sorted(expected)]
