"""Nights by the wall clock: clock changes in spring and autumn, held against a clock that is walked by the minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import InputError, Schedule
from predpol_eval.trial.plan import windows_of
from predpol_eval.trial.plan.nights import Night, faults_of, make_nights
from tests.trial.plan.town import made

TOLD = {
    "first": "2018-07-01", "number": 3, "at": "20:00", "horizon": "1D", "cut": "17:00", "cut_days_before": 0,
    "deadline": "19:00", "deadline_days_before": 0, "settling_days": 28,
}  # fmt: skip


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def one(first: str, tz: str, **changes) -> Night:
    (night,) = make_nights({**TOLD, "first": first, "number": 1, **changes}, tz)
    return night


def walked(day: date, clock: str, days: int, tz: str) -> datetime:
    """The first moment at which the clock on the wall shows this time or a later one."""
    hour, minute = map(int, clock.split(":"))
    wanted = datetime(day.year, day.month, day.day, hour, minute) + timedelta(days=days)
    zone, moment = ZoneInfo(tz), wanted.replace(tzinfo=UTC) - timedelta(hours=30)
    # By half a day, an hour and a minute: no clock change puts the hands back by more than an hour in these zones.
    for step in (timedelta(hours=6), timedelta(minutes=1)):
        while moment.astimezone(zone).replace(tzinfo=None) < wanted:
            moment += step
        if step > timedelta(hours=1):
            moment -= step + timedelta(hours=6)
    return moment


def test_summer_nights_by_hand():
    nights = make_nights(TOLD, "Europe/London")
    assert [night.name for night in nights] == ["2018-07-01", "2018-07-02", "2018-07-03"]
    assert nights[1] == Night(
        number=1, name="2018-07-02", start=utc("2018-07-02T19:00"), end=utc("2018-07-03T19:00"),
        cut=utc("2018-07-02T16:00"), deadline=utc("2018-07-02T18:00"), settled_from=utc("2018-07-31T19:00"),
    )  # fmt: skip
    assert faults_of(nights) == []
    assert Night.from_dict(nights[1].to_dict()) == nights[1]


@pytest.mark.parametrize(
    ("first", "tz", "hours"),
    [
        ("2018-03-24", "Europe/London", 23),
        ("2018-03-25", "Europe/London", 24),
        ("2018-10-27", "Europe/London", 25),
        ("2018-03-10", "America/Toronto", 23),
        ("2018-11-03", "America/Toronto", 25),
        ("2018-11-04", "America/Toronto", 24),
    ],
)
def test_windows_of_23_and_25_hours(first, tz, hours):
    night = one(first, tz)
    assert night.end - night.start == timedelta(hours=hours)
    shift = one(first, tz, at="22:00", horizon="480min", deadline="21:00")
    assert shift.end - shift.start == timedelta(hours=8 + hours - 24)


@pytest.mark.parametrize(
    ("first", "tz", "skipped"),
    [("2018-03-25", "Europe/London", "01:30"), ("2018-03-11", "America/Toronto", "02:30")],
)
def test_a_deadline_that_is_skipped_is_at_the_change(first, tz, skipped):
    night = one(first, tz, deadline=skipped, cut="01:00" if tz == "America/Toronto" else "00:30")
    change = utc("2018-03-25T01:00") if tz == "Europe/London" else utc("2018-03-11T07:00")
    assert night.deadline == change
    assert one(first, tz, cut=skipped).cut == change
    assert faults_of([night]) == []


@pytest.mark.parametrize(
    ("first", "tz", "earlier"),
    [("2018-10-28", "Europe/London", "2018-10-28T00:30"), ("2018-11-04", "America/Toronto", "2018-11-04T05:30")],
)
def test_of_a_deadline_that_occurs_twice_the_earlier_is_meant(first, tz, earlier):
    night = one(first, tz, deadline="01:30", cut="01:30")
    assert night.deadline == night.cut == utc(earlier)
    # So that it is never after a window that starts at the same time of day.
    assert faults_of([one(first, tz, at="01:30", deadline="01:30", cut="01:00")]) == []


def test_settling_counts_civil_days():
    assert one("2018-10-20", "Europe/London").settled_from == utc("2018-11-18T20:00")
    assert one("2018-10-20", "Europe/London", settling_days=0).settled_from == utc("2018-10-21T19:00")


def test_days_before():
    night = one("2018-07-01", "Europe/London", at="00:00", cut_days_before=2, deadline_days_before=1)
    assert (night.cut, night.deadline) == (utc("2018-06-29T16:00"), utc("2018-06-30T18:00"))
    assert faults_of([night]) == []


def test_a_window_without_length_is_told():
    nights = make_nights(
        {**TOLD, "first": "2018-03-24", "at": "01:10", "horizon": "30min", "cut": "00:30", "deadline": "01:00"},
        "Europe/London",
    )
    (fault,) = faults_of(nights)
    assert "The window has no length on 2018-03-25: a clock change skips it" in fault


def test_a_fault_of_a_single_night_names_it():
    """The deadline an hour before the window lies after it when the clock is put back in between."""
    told = {**TOLD, "first": "2018-10-20", "number": 20, "at": "01:30", "cut": "00:30", "deadline": "01:30"}
    nights = list(make_nights(told, "Europe/London"))
    assert faults_of(nights) == []
    later = nights[8].deadline + timedelta(hours=1)
    nights[8] = Night(**{name: getattr(nights[8], name) for name in Night.__slots__} | {"deadline": later})
    (fault,) = faults_of(nights)
    assert "after the start of the window on 2018-10-28: crimes could be predicted that have happened" in fault


def test_windows_that_run_into_each_other_are_told():
    nights = make_nights(TOLD, "Europe/London")
    longer = Night(**{name: getattr(nights[1], name) for name in Night.__slots__} | {"end": utc("2018-07-03T19:01")})
    (fault,) = faults_of([nights[0], longer, nights[2]])
    assert "runs into the next night's on 2018-07-02, so that crimes would count twice" in fault


@given(
    day=st.dates(date(2011, 1, 1), date(2030, 1, 1)),
    clock=st.times().map(lambda time: f"{time.hour:02d}:{time.minute:02d}"),
    tz=st.sampled_from(
        ["Europe/London", "America/Toronto", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Asia/Kolkata"]
    ),
    before=st.integers(0, 2),
)
def test_moments_are_those_of_a_clock_walked_by_the_minute(day, clock, tz, before):
    night = one(day.isoformat(), tz, at=clock, cut=clock, deadline=clock, cut_days_before=before, settling_days=9)
    assert night.start == night.deadline == walked(day, clock, 0, tz)
    assert night.cut == walked(day, clock, -before, tz)
    assert night.end == walked(day, clock, 1, tz)
    assert night.settled_from == walked(day, clock, 10, tz)


@pytest.mark.parametrize("first", ["2018-03-25", "2018-10-28", "2018-03-11", "2018-11-04"])
@pytest.mark.parametrize("tz", ["Europe/London", "America/Toronto"])
@pytest.mark.parametrize("clock", ["00:30", "01:30", "02:30"])
def test_every_time_of_day_of_a_changing_day(first, tz, clock):
    day = date.fromisoformat(first)
    assert one(first, tz, at=clock).start == walked(day, clock, 0, tz)


def test_windows_are_those_of_a_schedule_and_forecast_from_the_cut(tmp_path):
    plan = made(tmp_path, ("2018-07-01", "2018-10-15"))
    windows = windows_of(plan)
    schedule = Schedule(
        start="2018-10-15", end="2018-11-14", at="20:00", lead="3h", tz="Europe/London",
    ).windows  # fmt: skip
    assert windows == schedule
    assert windows_of(plan, plan.nights[3:5]) == schedule[3:5]
    assert len(windows_of(plan, ())) == 0
    assert windows.start.dtype == np.dtype("datetime64[ns]")


@pytest.mark.parametrize("content", [None, {}, {"number": 1}, {**make_nights(TOLD, "UTC")[0].to_dict(), "number": "0"}])
def test_what_is_no_night_is_refused(content):
    with pytest.raises(InputError):
        Night.from_dict(content)
