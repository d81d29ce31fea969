"""Wall clocks against zoneinfo, and lengths of time that must not be misread."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.civil_time import check_zone, days_between, localise, moment, shift_back, span, to_wall
from predpol_eval.errors import InputError

ZONES = [
    "Europe/London",
    "America/Toronto",
    "America/Chicago",
    "Australia/Lord_Howe",  # changes by half an hour
    "Europe/Dublin",  # the tz database calls its winter the exception
    "Europe/Moscow",  # put back for good in 2014
    "Asia/Kolkata",
    "UTC",
]
ticks = st.integers(0, 12 * 365 * 24 * 4)  # quarters of an hour from 2010 on
START = np.datetime64("2010-01-01", "ns")
QUARTER = np.timedelta64(15, "m")


def utc_by_zoneinfo(wall: np.datetime64, tz: str, fold: int) -> np.datetime64:
    """UTC of a wall-clock time by the standard library; a skipped time gives None."""
    naive = wall.astype("datetime64[us]").item()
    aware = naive.replace(tzinfo=ZoneInfo(tz), fold=fold).astimezone(dt.UTC)
    back = aware.astimezone(ZoneInfo(tz)).replace(tzinfo=None)
    return np.datetime64(aware.replace(tzinfo=None), "ns") if back == naive else np.datetime64("NaT", "ns")


@given(st.lists(ticks, min_size=1, max_size=20), st.sampled_from(ZONES))
def test_localise_agrees_with_zoneinfo(hours, tz):
    wall = START + np.array(hours) * QUARTER
    earlier, later = localise(wall, tz, ambiguous="earlier"), localise(wall, tz, ambiguous="later")
    for i, moment_ in enumerate(wall):
        first, second = utc_by_zoneinfo(moment_, tz, 0), utc_by_zoneinfo(moment_, tz, 1)
        assert earlier.nonexistent[i] == np.isnat(first)
        if not np.isnat(first):
            assert earlier.utc[i] == first
            assert later.utc[i] == second
            assert earlier.ambiguous[i] == (first != second)
            assert to_wall(earlier.utc[[i]], tz)[0] == moment_


@pytest.mark.parametrize(
    ("wall", "tz", "utc"),
    [
        ("2018-03-25T01:30", "Europe/London", "2018-03-25T01:00"),
        ("2018-03-11T02:00", "America/Toronto", "2018-03-11T07:00"),
        ("2018-03-11T02:59:59.999999999", "America/Toronto", "2018-03-11T07:00"),
        ("2018-10-07T02:15", "Australia/Lord_Howe", "2018-10-06T15:30"),
        ("2011-12-30T10:00", "Pacific/Apia", "2011-12-30T10:00"),  # a day that Samoa left out
    ],
)
def test_skipped_times_move_to_the_moment_of_the_change(wall, tz, utc):
    found = localise(np.array([wall], "datetime64[ns]"), tz)
    assert found.utc[0] == np.datetime64(utc)
    assert found.nonexistent.tolist() == [True]
    assert found.ambiguous.tolist() == [False]


def test_both_moments_of_a_repeated_time_and_the_shape_are_kept():
    wall = np.array([["2018-10-28T01:30", "2018-10-28T12:00"], ["NaT", "2018-07-01T00:00"]], "datetime64[ns]")
    earlier, later = localise(wall, "Europe/London"), localise(wall, "Europe/London", ambiguous="later")
    assert earlier.utc.shape == wall.shape
    assert earlier.utc[0, 0] == np.datetime64("2018-10-28T00:30")
    assert later.utc[0, 0] == np.datetime64("2018-10-28T01:30")
    assert np.isnat(earlier.utc[1, 0])
    assert earlier.ambiguous.sum() == 1
    assert earlier.nonexistent.sum() == 0


@pytest.mark.parametrize("tz", [None, "", "London", "Europe/Lodnon", 3, "/etc/passwd", "../x"])
def test_a_zone_that_is_none_is_refused(tz):
    with pytest.raises(InputError, match="Europe/London"):
        check_zone(tz)


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2018-07-01", "2018-06-30T23:00"),
        ("2018-07-01 12:30", "2018-07-01T11:30"),
        ("2018-07-01T12:30Z", "2018-07-01T12:30"),
        ("2018-07-01T12:30+05:00", "2018-07-01T07:30"),
        (dt.date(2018, 7, 1), "2018-06-30T23:00"),
        (dt.datetime(2018, 1, 1, 5), "2018-01-01T05:00"),
        (dt.datetime(2018, 7, 1, tzinfo=dt.UTC), "2018-07-01T00:00"),
        (pd.Timestamp("2018-07-01", tz="America/Toronto"), "2018-07-01T04:00"),
        (np.datetime64("2018-07-01"), "2018-07-01T00:00"),  # as everywhere inside: UTC
    ],
)
def test_a_moment_is_civil_unless_it_carries_its_zone(value, utc):
    found = moment(value, "Europe/London")
    assert found == np.datetime64(utc)
    assert found.dtype == np.dtype("datetime64[ns]")


@pytest.mark.parametrize(
    "value",
    [None, pd.NaT, np.datetime64("NaT"), "", "soon", "now", "today", "2018-13-01", 20180501, 5, 1.5, True, np.int64(3)],
)
def test_what_is_no_moment_is_refused(value):
    """Plain numbers would be nanoseconds since 1970, and some words mean another time each day."""
    with pytest.raises(InputError, match=r"the time is .*2018-05-01"):
        moment(value, "Europe/London")


@pytest.mark.parametrize("value", ["1500-01-01", "2600-01-01", np.datetime64("1500-01-01"), "99999-01-01"])
def test_a_moment_beyond_the_range_of_nanoseconds_is_refused(value):
    """Nanoseconds reach from 1677 to 2262; beyond it NumPy wraps around silently."""
    with pytest.raises(InputError):
        moment(value, "Europe/London")


@pytest.mark.parametrize(
    ("value", "days", "elapsed_hours"),
    [
        ("21D", 21, 0),
        ("21d", 21, 0),
        (" 8W ", 56, 0),
        ("8 W", 56, 0),
        ("36h", 0, 36),
        ("36H", 0, 36),
        ("1.5D", 0, 36),
        ("90min", 0, 1.5),
        (dt.timedelta(days=3), 3, 0),
        (dt.timedelta(hours=5), 0, 5),
        (np.timedelta64(3, "D"), 3, 0),
        (pd.Timedelta("2D"), 2, 0),
    ],
)
def test_lengths_of_time(value, days, elapsed_hours):
    found = span(value)
    assert found.days == days
    assert found.elapsed == np.timedelta64(round(elapsed_hours * 3600), "s")
    assert found.nominal_days == pytest.approx(days + elapsed_hours / 24)


@pytest.mark.parametrize(
    "value",
    [
        21,
        1.5,
        "21",
        "",
        "D",
        "1M",
        "1m",
        "1y",
        "1e3D",
        "²D",
        "-3D",
        "-3h",
        "0D",
        "0h",
        "NaT",
        None,
        True,
        pd.NaT,
        "three weeks",
    ],
)
def test_lengths_that_cannot_be_meant_are_refused(value):
    """A bare 21 would be 21 nanoseconds, not 21 days."""
    with pytest.raises(InputError, match=r"lookback is .*'21D'"):
        span(value, "lookback")


def test_no_length_is_allowed_where_it_makes_sense():
    assert span("0h", zero=True).nominal_days == 0
    with pytest.raises(InputError):
        span("-1h", zero=True)


def test_whole_days_go_back_by_the_wall_clock_and_hours_by_elapsed_time():
    until = moment("2018-04-01", "Europe/London")
    assert shift_back(until, span("14D"), "Europe/London") == moment("2018-03-18", "Europe/London")
    assert shift_back(until, span("336h"), "Europe/London") == until - np.timedelta64(336, "h")
    assert days_between(shift_back(until, span("14D"), "Europe/London"), until) == pytest.approx(14 - 1 / 24)


@given(ticks, st.integers(1, 400), st.sampled_from(ZONES))
def test_a_civil_lookback_from_midnight_is_midnight(tick, days, tz):
    until = moment(str((START + tick * QUARTER).astype("datetime64[D]")), tz)
    back = to_wall(np.array([shift_back(until, span(f"{days}D"), tz)]), tz)[0]
    assert back == to_wall(np.array([until]), tz)[0] - np.timedelta64(days, "D")


def test_a_lookback_longer_than_time_can_tell_does_not_wrap_around():
    until = moment("2018-04-01", "Europe/London")
    for length in ("999999D", "2500000h"):
        assert shift_back(until, span(length), "Europe/London") < np.datetime64("1800-01-01")
    with pytest.raises(InputError):
        span("99999999h")
