"""Windows of civil time: across clock changes, night shifts, leads, and what is refused."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import Events, InputError, Schedule, Windows
from predpol_eval.civil_time import to_wall
from predpol_eval.schedule import as_windows, refuse_finer_than_data, refuse_unobserved

HOUR = np.timedelta64(1, "h")


def times(*texts: str) -> list[np.datetime64]:
    return [np.datetime64(text, "ns") for text in texts]


def events(*moments: str, tz: str = "Europe/London", **more: object) -> Events:
    count = len(moments)
    frame = pd.DataFrame({"x": [1e5] * count, "y": [1e5] * count, "t": list(moments)})
    return Events.from_frame(frame, crs="EPSG:27700", tz=tz, **more)


def test_the_end_is_excluded_and_a_day_begins_at_local_midnight():
    windows = Schedule(start="2018-05-01", end="2018-08-01", tz="America/Chicago").windows
    assert len(windows) == 92
    assert windows.start[0] == np.datetime64("2018-05-01T05:00")
    assert windows.end[-1] == np.datetime64("2018-08-01T05:00")
    assert (windows.until == windows.start).all()
    assert (windows.start[1:] == windows.end[:-1]).all()


@pytest.mark.parametrize(
    ("day", "hours"), [("2018-03-24", 24), ("2018-03-25", 23), ("2018-10-28", 25), ("2018-10-29", 24)]
)
def test_a_day_has_23_or_25_hours_when_the_clock_changes(day, hours):
    last = str(np.datetime64(day) + np.timedelta64(1, "D"))
    windows = Schedule(start=day, end=last, tz="Europe/London").windows
    assert (windows.end - windows.start).tolist() == [hours * 3600 * 10**9]
    assert windows.days.tolist() == [hours / 24]


@pytest.mark.parametrize(("day", "hours"), [("2018-03-24", 7), ("2018-05-01", 8), ("2018-10-27", 9)])
def test_a_night_shift_ends_at_six_whatever_the_clock_does(day, hours):
    last = str(np.datetime64(day) + np.timedelta64(1, "D"))
    windows = Schedule(start=day, end=last, at="22:00", horizon="8h", tz="Europe/London").windows
    assert len(windows) == 1
    assert to_wall(windows.end, "Europe/London")[0] == np.datetime64(last) + 6 * HOUR
    assert windows.days[0] == pytest.approx(hours / 24)


def test_a_lead_moves_only_until():
    plain = Schedule(start="2018-05-01", end="2018-05-04", at="22:00", horizon="8h", tz="America/Chicago").windows
    early = Schedule(
        start="2018-05-01", end="2018-05-04", at="22:00", horizon="8h", lead="12h", tz="America/Chicago"
    ).windows
    assert (early.start == plain.start).all()
    assert (early.start - early.until == 12 * HOUR).all()
    day = Schedule(start="2018-05-01", end="2018-05-02", lead="1D", tz="America/Chicago").windows
    assert day.until[0] == np.datetime64("2018-04-30T05:00")


def test_a_step_of_weeks_and_a_horizon_longer_or_shorter_than_the_step():
    weekly = Schedule(start="2018-03-01", end="2018-04-06", step="1W", horizon="1W", tz="Europe/London").windows
    assert to_wall(weekly.start, "Europe/London").tolist() == times(
        "2018-03-01", "2018-03-08", "2018-03-15", "2018-03-22", "2018-03-29", "2018-04-05"
    ) or [str(t)[:10] for t in to_wall(weekly.start, "Europe/London")] == [
        "2018-03-01",
        "2018-03-08",
        "2018-03-15",
        "2018-03-22",
        "2018-03-29",
        "2018-04-05",
    ]
    assert len(weekly) == 6
    overlapping = Schedule(start="2018-05-01", end="2018-05-04", horizon="3D", tz="Europe/London").windows
    assert len(overlapping) == 3
    assert (overlapping.end - overlapping.start == 72 * HOUR).all()
    gappy = Schedule(start="2018-05-01", end="2018-05-08", step="1W", horizon="6h", tz="Europe/London").windows
    assert len(gappy) == 1


@pytest.mark.parametrize(
    ("day", "count", "longest"), [("2018-03-25", 23, 1), ("2018-10-28", 24, 2), ("2018-06-01", 24, 1)]
)
def test_hours_cover_a_day_of_a_clock_change_once(day, count, longest):
    """The hour that is skipped has no window, the hour that comes twice makes one of two hours."""
    last = str(np.datetime64(day) + np.timedelta64(1, "D"))
    windows = Schedule(start=day, end=last, step="1h", horizon="1h", tz="Europe/London").windows
    assert len(windows) == count
    assert (windows.start[1:] == windows.end[:-1]).all()
    assert (windows.end - windows.start).max() == longest * HOUR
    whole = Schedule(start=day, end=last, tz="Europe/London").windows
    assert (windows.start[0], windows.end[-1]) == (whole.start[0], whole.end[0])


@given(
    st.sampled_from(["Europe/London", "America/Toronto", "Australia/Lord_Howe", "UTC"]),
    st.dates(dt.date(2015, 1, 1), dt.date(2019, 1, 1)),
    st.integers(1, 20),
    st.sampled_from(["15min", "1h", "6h", "1D", "1W"]),
)
def test_windows_as_long_as_their_step_follow_on_each_other(tz, first, days, step):
    windows = Schedule(
        start=str(first), end=str(first + dt.timedelta(days=days)), step=step, horizon=step, tz=tz
    ).windows
    assert (windows.start[1:] == windows.end[:-1]).all()
    assert (windows.end > windows.start).all()
    assert (windows.until <= windows.start).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": "2018-05-02", "end": "2018-05-02"},
        {"start": "2018-05-02", "end": "2018-05-01"},
        {"start": "01/05/2018"},
        {"start": "20180501"},
        {"start": 2018},
        {"start": "today"},
        {"start": None},
        {"start": "2018-02-30"},
        {"start": "1500-01-01", "end": "1500-01-05"},
        {"start": "2018-05-01 22:00"},
        {"end": "NaT"},
        {"step": "0D"},
        {"step": 1},
        {"horizon": "-1D"},
        {"horizon": "1M"},
        {"lead": "-2h"},
        {"at": "24:00"},
        {"at": "22"},
        {"at": "22:60"},
        {"at": "22:00:30"},
        {"tz": "Toronto"},
        {"tz": None},
        {"step": "1s", "end": "2038-05-01"},
    ],
    ids=str,
)
def test_bad_arguments_are_named(wrong):
    name = "end" if wrong.get("end") == "2018-05-01" else next(iter(wrong))
    with pytest.raises(InputError) as refused:
        Schedule(**({"start": "2018-05-01", "end": "2018-05-08", "tz": "Europe/London"} | wrong))
    value = wrong[name]
    assert str(value) in str(refused.value)


@pytest.mark.parametrize("day", [dt.date(2018, 5, 1), np.datetime64("2018-05-01"), pd.Timestamp("2018-05-01")])
def test_days_may_be_dates(day):
    assert Schedule(start=day, end="2018-05-02", tz="UTC").windows.start[0] == np.datetime64("2018-05-01")


@pytest.mark.parametrize("at", ["22:00", "22:00:00", dt.time(22)])
def test_a_time_of_day_may_be_a_time(at):
    windows = Schedule(start="2018-05-01", end="2018-05-02", at=at, horizon="8h", tz="UTC").windows
    assert windows.start[0] == np.datetime64("2018-05-01T22:00")


def test_windows_are_sliced_iterated_compared_and_read_only():
    schedule = Schedule(start="2018-05-01", end="2018-05-11", tz="Europe/London")
    windows = schedule.windows
    assert len(windows[:3]) == 3
    assert windows[-1] == windows[9:]
    assert windows[2].start[0] == windows.start[2]
    assert windows[windows.start >= windows.start[4]] == windows[4:]
    assert list(windows)[5] == windows[5]
    assert windows != windows[:9]
    with pytest.raises(IndexError):
        windows[10]
    with pytest.raises(ValueError, match="read-only"):
        windows.start[0] = windows.start[1]
    assert as_windows(schedule) == as_windows(windows) == windows
    with pytest.raises(InputError, match="Schedule"):
        as_windows("2018-05-01")


def test_windows_come_back_from_the_coordinates_of_an_array():
    windows = Schedule(start="2018-05-01", end="2018-05-04", lead="6h", tz="America/Chicago").windows
    array = xr.DataArray(np.zeros(3), dims="window", coords=windows.coords)
    assert Windows.from_coords(array) == windows
    assert Windows.from_coords(array.isel(window=1)) == windows[1]
    with pytest.raises(InputError, match="until"):
        Windows.from_coords(array.drop_vars("until"))


def test_windows_before_the_first_crime_in_a_gap_or_over_its_edge_are_refused():
    crimes = events("2018-05-01", observed=[("2018-05-01", "2018-05-10"), ("2018-05-20", "2018-06-01")])

    def check(start: str, end: str, **more: str) -> None:
        refuse_unobserved(crimes, Schedule(start=start, end=end, tz="Europe/London", **more).windows)

    check("2018-05-01", "2018-05-10")
    check("2018-05-20", "2018-06-01")
    for start, end, bad, whole in (
        ("2018-04-01", "2018-04-03", 2, 2),
        ("2018-05-12", "2018-05-14", 2, 2),
        ("2018-05-08", "2018-05-12", 2, 4),
        ("2018-05-31", "2018-06-02", 1, 2),
    ):
        with pytest.raises(InputError, match=rf"{bad} of {whole} windows") as refused:
            check(start, end)
        assert "2018-05-01 to 2018-05-10; 2018-05-20 to 2018-06-01" in str(refused.value)
        assert "observed=" in str(refused.value)
    with pytest.raises(InputError, match="1 of 1"):
        check("2018-05-09", "2018-05-10", at="22:00", horizon="8h")


@pytest.mark.parametrize(
    ("resolution", "horizon", "allowed"),
    [
        ("month", "1D", False),
        ("month", "1W", False),
        ("month", "27D", False),
        ("month", "31D", True),
        ("day", "8h", False),
        ("day", "1D", True),
        ("hour", "1h", True),
        ("hour", "30min", False),
        ("minute", "1min", True),
        (None, "1min", True),
    ],
)
def test_windows_finer_than_the_data_are_refused(resolution, horizon, allowed):
    """Months as data.police.uk gives them cannot judge a night."""
    crimes = events("2018-05-01", resolution=resolution)
    windows = Schedule(start="2018-05-01", end="2018-05-02", horizon=horizon, tz="Europe/London").windows
    if allowed:
        refuse_finer_than_data(crimes, windows)
    else:
        with pytest.raises(InputError, match=f"dated to the {resolution}"):
            refuse_finer_than_data(crimes, windows)


def test_days_of_23_hours_are_days():
    windows = Schedule(start="2018-03-25", end="2018-03-26", tz="Europe/London").windows
    refuse_finer_than_data(events("2018-03-25", resolution="day"), windows)


def test_crimes_dated_to_a_day_are_not_known_within_it():
    """With a lead of hours, a crime of that evening would count as known in the afternoon."""
    windows = Schedule(start="2018-05-03", end="2018-05-04", lead="6h", tz="Europe/London").windows
    with pytest.raises(InputError, match="lead of whole days"):
        refuse_finer_than_data(events("2018-05-01", resolution="day"), windows)
