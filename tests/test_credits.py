"""Tallies and credits of events: windows, places, uncertain times, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import Coverage, InputError, NotComparableError, TopCells
from predpol_eval.tallies import CAUGHT
from tests.strategies import CRS, TZ, any_budget, cities, city_of, nights, row_of_cells, tally_of

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
        tally_of(city, TopCells(1))


def test_counts_outside_the_study_area_are_outside():
    city = city_of([[4, 3, 2]], [[1, 5, 0]], [4, 0, 4])
    found = tally_of(city, TopCells(1))
    assert found.outside.to_numpy().tolist() == [5]
    assert found.events.sum().item() == 1
    nothing = city_of([[4, 3, 2]], [[1, np.nan, 0]], [4, 0, 4])
    assert tally_of(nothing, TopCells(1)).outside.to_numpy().tolist() == [0]


def test_the_dataset_explains_itself():
    city = city_of([[4, 3], [1, 2]], [[0, 1], [1, 0]], [4, 4], label=[0, 1], labels=2)
    found = tally_of(city, TopCells(1), Coverage(0.5), TopCells(1, per="area"))
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
