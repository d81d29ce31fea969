"""Counts by window and cell against a loop over crimes, and uncertain times."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError
from predpol_eval.counts import TIME_RULES, elsewhere, occurrences
from tests.strategies import CRS, TZ, nights, row_of_cells

HOUR = np.timedelta64(1, "h")
START = np.datetime64("2018-05-01T00", "ns")


def crimes(rows: list[tuple[float, int, int]]) -> ppe.Events:
    """Crimes as (x, hours after the start, hours that they may have taken)."""
    t = START + np.array([row[1] for row in rows], dtype=np.int64) * HOUR
    until = t + np.array([row[2] for row in rows], dtype=np.int64) * HOUR
    frame = pd.DataFrame({"x": [row[0] for row in rows], "y": 1.0, "t": t, "u": until})
    return ppe.Events.from_frame(
        frame.astype({"x": float}), crs=CRS, tz="UTC", happened_until="u", observed=[("2018-04-01", "2018-07-01")]
    )


rows = st.lists(
    st.tuples(
        st.sampled_from([0.5, 1.5, 3.0, 5.0, 9.0]), st.integers(-30, 130), st.sampled_from([0, 0, 7, 24, 24, 100])
    ),
    max_size=15,
)
schedules = st.sampled_from(
    [
        {"step": "1D", "horizon": "1D"},
        {"step": "1D", "horizon": "3D"},  # overlapping
        {"step": "2D", "horizon": "8h", "at": "22:00"},  # with gaps
        {"step": "6h", "horizon": "6h"},
    ]
)


@given(rows, schedules, st.sampled_from(TIME_RULES))
def test_against_a_loop_over_windows_and_crimes(found, options, rule):
    events = crimes(found)
    grid = row_of_cells([4, 4, 0, 4])
    windows = ppe.Schedule(start="2018-05-01", end="2018-05-06", tz="UTC", **options).windows
    counted = ppe.count(events, grid, windows, method=rule)
    numbers, missed = np.zeros((len(windows), 4)), np.ones((len(windows), 4))
    outside = np.zeros(len(windows))
    for w, (first, last) in enumerate(zip(windows.start, windows.end, strict=True)):
        for x, start, length in found:
            begin, end = START + start * HOUR, START + (start + length) * HOUR
            moment = {"start": begin, "end": end, "midpoint": begin + length * HOUR // 2}.get(rule)
            if length == 0:
                weight = float(first <= begin < last)
            elif rule == "exclude":
                weight = 0.0
            elif moment is not None:
                weight = float(first <= moment < last)
            else:
                weight = max(0, (min(last, end) - max(first, begin)) / HOUR) / length
            cell = int(x // 2)
            if cell > 3 or cell == 2:
                outside[w] += weight
            else:
                numbers[w, cell] += weight
                missed[w, cell] *= 1 - weight
    np.testing.assert_allclose(counted.to_numpy()[:, 0], numbers, atol=1e-12)
    np.testing.assert_allclose(counted.outside, outside, atol=1e-12)
    if "hit" in counted.coords:
        np.testing.assert_allclose(counted.hit[:, 0], 1 - missed, atol=1e-12)
    else:
        np.testing.assert_array_equal(counted.to_numpy()[:, 0] > 0, numbers > 0)
        assert rule != "aoristic" or np.isin(missed, (0, 1)).all()


@given(rows)
def test_the_weights_of_a_crime_sum_to_one_inside_the_observed_time(found):
    events = crimes(found)
    windows = ppe.Schedule(start="2018-04-25", end="2018-06-01", step="6h", horizon="6h", tz="UTC").windows
    for rule in TIME_RULES:
        seen = occurrences(events, windows, rule)
        total = np.bincount(seen.event, seen.weight, minlength=len(events))
        exact = events.happened == events.happened_until
        expected = np.ones(len(events)) if rule != "exclude" else exact.astype(float)
        np.testing.assert_allclose(total, expected, rtol=1e-12)
        assert (np.diff(seen.window) >= 0).all()


def test_a_clock_change_makes_no_weight_heavier():
    """Weights are shares of elapsed time: an hour that comes twice weighs double."""
    frame = pd.DataFrame({"x": [1.0], "y": 1.0, "t": ["2018-10-27 12:00"], "u": ["2018-10-28 12:00"]})
    events = ppe.Events.from_frame(frame, crs=CRS, tz=TZ, happened_until="u", observed=[("2018-10-01", "2018-11-01")])
    windows = ppe.Schedule(start="2018-10-27", end="2018-10-29", tz=TZ).windows
    counted = ppe.count(events, row_of_cells([4]), windows)
    np.testing.assert_allclose(counted.to_numpy().ravel(), [12 / 25, 13 / 25])


def test_windows_are_half_open():
    frame = pd.DataFrame({"x": 1.0, "y": 1.0, "t": ["2018-05-01", "2018-05-02", "2018-05-02 23:59:59.999999999"]})
    events = ppe.Events.from_frame(frame, crs=CRS, tz=TZ, observed=[("2018-05-01", "2018-05-04")])
    assert ppe.count(events, row_of_cells([4]), nights(3)).to_numpy().ravel().tolist() == [1, 2, 0]


def test_crimes_on_edges_are_counted_once():
    """On the edge between cells: in the one east or north of it."""
    grid = ppe.Grid.from_bounds(0, 0, 4, 4, cell=2, crs=CRS)
    frame = pd.DataFrame({"x": [0, 2, 2, 4, 2.0004, 1.9996, 1.9994], "y": [1, 2, 1, 1, 1, 1, 1], "t": "2018-05-01"})
    events = ppe.Events.from_frame(frame.astype({"x": float, "y": float}), crs=CRS, tz=TZ)
    counted = ppe.count(events, grid, nights(1))
    assert counted.to_numpy()[0].tolist() == [[2, 3], [0, 1]]
    assert counted.outside.item() == 1


def test_schedules_and_windows_and_their_refusals():
    events = crimes([(1.0, 5, 0)])
    grid = row_of_cells([4])
    schedule = ppe.Schedule(start="2018-05-01", end="2018-05-03", tz="UTC")
    assert ppe.count(events, grid, schedule).identical(ppe.count(events, grid, schedule.windows))
    with pytest.raises(InputError, match="observed"):
        ppe.count(events, grid, ppe.Schedule(start="2018-06-30", end="2018-07-02", tz="UTC"))
    with pytest.raises(InputError, match="aoristic"):
        ppe.count(events, grid, schedule, method="spread")
    other = ppe.Grid.from_bounds(0, 0, 4, 4, cell=2, crs="EPSG:32630")
    with pytest.raises(InputError, match="EPSG:32630"):
        ppe.count(events, other, schedule)
    months = ppe.Events.from_frame(
        pd.DataFrame({"x": [1.0], "y": 1.0, "t": ["2018-05-01"]}), crs=CRS, tz="UTC", resolution="month",
        observed=[("2018-05-01", "2018-06-01")],
    )  # fmt: skip
    with pytest.raises(InputError, match="dated to the month"):
        ppe.count(months, grid, schedule)


def test_a_crime_of_no_cell_and_of_another_area_than_its_own_is_reported():
    """The border runs through a cell: its label is the larger part's, a point in the smaller part lies elsewhere."""
    areas = gpd.GeoDataFrame(
        {"name": ["west", "east"]}, geometry=[shapely.box(0, 0, 7, 4), shapely.box(7, 0, 10, 4)], crs=CRS
    )
    grid = ppe.Grid.from_areas(areas, cell=4, label="name")
    assert [grid.labels[code] for code in grid.label_code[0]] == ["west", "west", "east"]
    frame = pd.DataFrame({"x": [1, 7.5, 9, 11, 6.0], "y": 1.0, "t": "2018-05-01 12:00"})
    events = ppe.Events.from_frame(frame, crs=CRS, tz=TZ)
    counted = ppe.count(events, grid, nights(1))
    # 7.5 lies in the east, in a cell of the west; 11 in a cell of the east, but in no area.
    assert counted.attrs["elsewhere"] == 2
    assert counted.to_numpy()[0, 0].tolist() == [1, 2, 2]
    assert counted.outside.item() == 0
    assert elsewhere(events, grid, np.array([], dtype=np.int64)) == 0


def test_it_carries_what_a_tally_needs():
    counted = ppe.count(crimes([(1.0, 5, 0)]), row_of_cells([4, 2]), nights(1))
    assert counted.name == "count"
    assert counted.dims == ("window", "y", "x")
    assert {"window_end", "until", "outside", "inside_m2"} <= set(counted.coords)
    assert counted.attrs["method"] == "aoristic"
    assert "hit" not in counted.coords


NOT_EVENTS = "Expected Events, found DataFrame; make them with ppe.Events.from_frame"
NOT_A_GRID = "Expected Grid, found GeoDataFrame; make one with ppe.Grid.from_areas"


def test_what_they_are_made_from_does_not_stand_for_events_or_a_grid():
    events, grid = crimes([(1.0, 5, 0)]), row_of_cells([4])
    frame, areas = events.frame(), ppe.Grid.from_bounds(0, 0, 8, 2, cell=2, crs=CRS).areas()
    with pytest.raises(InputError, match="without boundaries"):
        grid.areas()
    windows, budget = nights(1), ppe.TopCells(1)
    risk = ppe.make_surface(np.ones((1, *grid.shape)), grid, windows, kind="score")
    maps = {"map": ppe.CountMap()}
    for call in (
        lambda crimes, place: ppe.count(crimes, place, windows),
        lambda crimes, place: ppe.credits(risk, crimes, budget, place),
        lambda crimes, place: ppe.CountMap().fit(crimes, place, until="2018-05-01"),
        lambda crimes, place: ppe.backtest(maps, crimes, place, windows, budgets=budget, progress=False),
    ):
        with pytest.raises(InputError, match=NOT_EVENTS):
            call(frame, grid)
        with pytest.raises(InputError, match=NOT_A_GRID):
            call(events, areas)
    with pytest.raises(InputError, match=NOT_A_GRID):
        ppe.make_surface(np.ones((1, *grid.shape)), areas, windows, kind="score")
    with pytest.raises(InputError, match=NOT_A_GRID):
        ppe.tally(risk, events, budget, areas)
    with pytest.raises(InputError, match=NOT_EVENTS):
        grid.cells_of(frame)
    with pytest.raises(InputError, match=r"found DataFrame\. Use ppe\.make_surface"):
        ppe.capture_curve(frame, events)
    with pytest.raises(InputError, match="lacks hits, events"):
        ppe.hit_rate(None)
