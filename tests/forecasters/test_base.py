"""What forecasters share: what is known and how old it is, identities, refusals, and the plain loop."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import predpol_eval as ppe
from predpol_eval.forecasters import base
from predpol_eval.forecasters.base import Fitted, Forecaster, describe, fields_of, identity, known, ready
from tests.forecasters.towns import CRS, GROUND, LOOKBACKS, towns
from tests.naive import forecasters as naive

GRID = GROUND.grid
ALL = [ppe.Uniform(), ppe.CountMap(), ppe.KDE(), ppe.ProspectiveHotspot(), ppe.NearRepeat()]


def crimes(times, tz="Europe/London", **columns) -> ppe.Events:
    frame = pd.DataFrame({"t": times, "x": 1100.0, "y": 2100.0, **{k: v for k, v in columns.items() if k in "abxy"}})
    named = {"recorded": "a" if "a" in columns else None, "happened_until": "b" if "b" in columns else None}
    return ppe.Events.from_frame(frame, crs=CRS, tz=tz, observed=[("2018-01-01", "2018-12-01")], **named)


# What is known --------------------------------------------------------------------------------------------------------


@given(towns(), st.sampled_from(LOOKBACKS))
def test_known_is_the_naive_set(town, lookback):
    expected = naive.known(town.crimes, town.observed, town.until, town.zone, lookback)
    if expected is None:
        with pytest.raises(ppe.InputError, match="No time was observed"):
            known(town.events(), GRID, town.cut, lookback)
        return
    used, periods = expected
    found = known(town.events(), GRID, town.cut, lookback)
    assert sorted(zip(found.events.x, found.events.y, strict=True)) == sorted((x, y) for x, y, _ in used)
    assert_allclose(np.sort(found.age_days), sorted(naive.days(town.until - m) for _, _, m in used), atol=1e-12)
    assert found.observed_days == pytest.approx(sum(naive.days(last - first) for first, last in periods), rel=1e-14)
    assert len(found.periods) == len(periods)


@given(towns(), st.sampled_from(LOOKBACKS), st.sampled_from([1, 10, 400]))
def test_weighted_days_are_the_integral_of_the_weight(town, lookback, half_life):
    expected = naive.known(town.crimes, town.observed, town.until, town.zone, lookback)
    if expected is not None:
        found = known(town.events(), GRID, town.cut, lookback)
        numeric = naive.weighted_days(expected[1], town.until, half_life)
        assert found.weighted_days(f"{half_life}D") == pytest.approx(numeric, rel=1e-9)
        assert found.weighted_days(None) == found.observed_days


def test_recorded_decides_whether_and_happened_how_old():
    events = crimes(["2018-05-01", "2018-05-02"], a=["2018-05-09 23:59", "2018-05-10"])
    found = known(events, GRID, "2018-05-10")
    assert found.age_days.tolist() == [9.0]
    assert found.events.information_set == "recorded"


def test_a_crime_known_exactly_at_until_is_not_known():
    events = crimes(["2018-05-10", "2018-05-09 23:59:59.999999999"])
    assert len(known(events, GRID, "2018-05-10").events) == 1


def test_age_counts_from_the_middle_of_an_interval_and_is_never_negative():
    events = crimes(["2018-05-01", "2018-05-08"], b=["2018-05-03", "2018-05-14"], a=["2018-05-03", "2018-05-09"])
    found = known(events, GRID, "2018-05-10")
    assert_allclose(np.sort(found.age_days), [0.0, 8.0], atol=1e-12)
    assert (found.moments < found.until).all()


def test_an_interval_that_ends_at_until_is_not_known_without_recording_times():
    events = crimes(["2018-05-01", "2018-05-01"], b=["2018-05-09", "2018-05-10"])
    assert len(known(events, GRID, "2018-05-10").events) == 1


def test_crimes_in_a_gap_are_not_used_and_its_days_do_not_count():
    frame = pd.DataFrame({"t": ["2018-01-05", "2018-02-10", "2018-03-05"], "x": 1100.0, "y": 2100.0})
    observed = [("2018-01-01", "2018-02-01"), ("2018-03-01", "2018-04-01")]
    events = ppe.Events.from_frame(frame, crs=CRS, tz="UTC", observed=observed)
    found = known(events, GRID, "2018-03-10")
    assert len(found.events) == 2
    assert found.observed_days == 31 + 9
    assert known(events, GRID, "2018-03-10", "14D").observed_days == 9


@pytest.mark.parametrize(
    ("tz", "until", "days"),
    [
        ("Europe/London", "2018-04-05", 21 - 1 / 24),
        ("Europe/London", "2018-11-05", 21 + 1 / 24),
        ("America/Toronto", "2018-03-20", 21 - 1 / 24),
        ("Australia/Lord_Howe", "2018-04-05", 21 + 0.5 / 24),
        ("Europe/London", "2018-06-05", 21),
    ],
)
def test_days_of_a_lookback_are_civil_days(tz, until, days):
    edge = pd.Timestamp(until) - pd.Timedelta(days=21)
    events = crimes([edge, edge - pd.Timedelta(1, "ns"), edge + pd.Timedelta(1, "ns")], tz=tz)
    found = known(events, GRID, until, "21D")
    assert found.observed_days == pytest.approx(days, rel=1e-14)
    assert len(found.events) == 2, "midnight itself is in the lookback, the moment before is not"


def test_hours_of_a_lookback_are_elapsed_time():
    events = crimes(["2018-03-25 00:00", "2018-03-24 23:59:59"])
    found = known(events, GRID, "2018-03-26", "23h")
    assert found.observed_days == pytest.approx(23 / 24)
    assert len(found.events) == 1


def test_until_may_be_civil_time_or_utc():
    events = crimes(["2018-07-01 00:30"])
    assert len(known(events, GRID, "2018-07-01 00:30").events) == 0
    assert len(known(events, GRID, np.datetime64("2018-07-01T00:30")).events) == 1
    assert known(events, GRID, pd.Timestamp("2018-07-01", tz="Asia/Tokyo")).until == np.datetime64("2018-06-30T15:00")


def test_weights_halve():
    events = crimes(["2018-05-01", "2018-05-08 12:00"])
    found = known(events, GRID, "2018-05-15")
    assert_allclose(found.weights("7D"), [0.25, 0.5 ** (6.5 / 7)])
    assert_allclose(found.weights("168h"), found.weights("7D"))
    assert found.weights(None).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("until", "lookback", "message"),
    [
        ("2018-01-01", None, r"No time was observed before 2018-01-01: crimes were observed 2018-01-01 to 2018-12-01"),
        ("2017-06-01 22:00", None, r"before 2017-06-01 22:00: .* Start the schedule later"),
        ("2019-06-01", "21D", r"No time was observed in the 21D before 2019-06-01: .* or use a longer lookback"),
    ],
)
def test_what_was_never_observed_is_refused(until, lookback, message):
    with pytest.raises(ppe.InputError, match=message):
        known(crimes(["2018-05-01"]), GRID, until, lookback)


@pytest.mark.parametrize("forecaster", ALL, ids=repr)
def test_every_forecaster_refuses_another_crs_and_the_time_before_the_data(forecaster):
    events = crimes(["2018-05-01"])
    other = ppe.Grid.from_bounds(4e5, 4.5e6, 4.01e5, 4.501e6, cell=250, crs="EPSG:32617")
    with pytest.raises(ppe.InputError, match="EPSG"):
        forecaster.fit(events, other, until="2018-05-10")
    with pytest.raises(ppe.InputError, match=r"No time was observed (in the 21D )?before 2017-12-01"):
        forecaster.fit(events, GRID, until="2017-12-01")


@pytest.mark.parametrize("until", ["NaT", "yesterday", np.datetime64("NaT"), object()])
def test_a_moment_that_cannot_be_read_is_refused(until):
    with pytest.raises(ppe.InputError, match="until"):
        ppe.CountMap().fit(crimes(["2018-05-01"]), GRID, until=until)


# Windows --------------------------------------------------------------------------------------------------------------


def nights(start, end, **kwargs):
    return ppe.Schedule(start=start, end=end, tz="Europe/London", **kwargs).windows


@pytest.mark.parametrize("forecaster", ALL, ids=repr)
def test_windows_before_until_are_refused_by_name(forecaster):
    fitted = forecaster.fit(crimes(["2018-05-01"]), GRID, until="2018-05-10")
    with pytest.raises(ppe.InputError, match=r"2 of 3 windows start before .* the first at 2018-05-08, 2018-05-09"):
        fitted.predict(nights("2018-05-08", "2018-05-11"))
    assert fitted.predict(nights("2018-05-10", "2018-05-11")).sizes["window"] == 1
    assert fitted.predict(nights("2018-05-20", "2018-05-23")).sizes["window"] == 3


@pytest.mark.parametrize("forecaster", ALL, ids=repr)
def test_a_schedule_is_taken_for_its_windows(forecaster):
    fitted = forecaster.fit(crimes(["2018-05-01"]), GRID, until="2018-05-10")
    schedule = ppe.Schedule(start="2018-05-10", end="2018-05-12", tz="Europe/London")
    assert fitted.predict(schedule).identical(fitted.predict(schedule.windows))
    with pytest.raises(ppe.InputError, match="Expected a Schedule or its windows, found str"):
        fitted.predict("2018-05-10")


def test_windows_finer_than_the_data_are_refused():
    frame = pd.DataFrame({"t": ["2018-05-01"], "x": 1100.0, "y": 2100.0})
    events = ppe.Events.from_frame(
        frame, crs=CRS, tz="Europe/London", observed=[("2018-01-01", "2018-12-01")], resolution="month"
    )
    fitted = ppe.CountMap(lookback=None).fit(events, GRID, until="2018-07-01")
    with pytest.raises(ppe.InputError, match="dated to the month only"):
        fitted.predict(nights("2018-07-01", "2018-07-02"))
    assert fitted.predict(nights("2018-07-01", "2018-07-02", horizon="31D")).sizes["window"] == 1


def test_ready_gives_the_windows_back():
    windows = nights("2018-05-10", "2018-05-12")
    assert ready(windows, windows.start[0], None) is windows


@pytest.mark.parametrize("forecaster", ALL, ids=repr)
def test_a_surface_tells_where_it_comes_from(forecaster):
    events = crimes(["2018-05-01", "2018-06-01"], a=["2018-05-02", "2018-06-02"])
    surface = forecaster.fit(events, GRID, until="2018-05-10").predict(nights("2018-05-10", "2018-05-12"))
    assert surface.attrs["forecaster"] == describe(forecaster)
    assert surface.attrs["information_set"] == "recorded"
    assert surface.attrs["until"] == "2018-05-09T23:00:00.000000000"
    assert surface.attrs["crimes_used"] == 1
    assert surface.attrs["grid"] == GRID.fingerprint
    assert surface.attrs["observed_days"] > 8
    assert surface.dims == ("window", "y", "x")


@pytest.mark.parametrize("forecaster", ALL, ids=repr)
def test_protocols_hold(forecaster):
    assert isinstance(forecaster, Forecaster)
    fitted = forecaster.fit(crimes(["2018-05-01"]), GRID, until="2018-05-10")
    assert isinstance(fitted, Fitted)
    assert fitted.forecaster is forecaster
    assert fitted.until == np.datetime64("2018-05-09T23:00")
    assert not isinstance(object(), Forecaster | Fitted)
    for thing in (forecaster, fitted):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, dataclasses.fields(thing)[0].name, None)


# Identity -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plain:
    value: Any = None


@dataclass(frozen=True)
class Other:
    value: Any = None


class Marked:
    def __init__(self, mark):
        self.fingerprint = mark


DIFFERENT = [
    None, True, False, 0, 2, 0.5, "0", "None", "", (), (0,), ((0,),), (0, 0), {"a": 0}, {"b": 0}, {"a": (0,)},
    Plain(), Plain(0), Other(), Other(Plain()), Marked("a"), Marked("b"), "21D", "3W",
]  # fmt: skip


def test_different_fields_are_different_identities():
    found = [identity(Plain(value)) for value in DIFFERENT]
    assert len(set(found)) == len(found)
    assert identity(Plain()) != identity(Other())


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (500, 500.0),
        (500.0, np.float64(500)),
        (0.1, np.float64(0.1)),
        (3, np.int32(3)),
        ("a", np.str_("a")),
        ([1, 2], (1, 2)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (True, np.bool_(True)),
    ],
)
def test_equal_fields_are_one_identity(one, two):
    assert identity(Plain(one)) == identity(Plain(two))


def test_identities_are_the_same_in_every_process():
    # What a store was begun with: these hashes stand in files.
    assert identity(ppe.CountMap()) == identity(ppe.CountMap(lookback="21D", half_life=None))
    assert identity(ppe.KDE(bandwidth=300)) == identity(ppe.KDE(bandwidth=300.0))
    assert len({identity(f) for f in ALL}) == len(ALL)
    code = (
        "import predpol_eval as p; from predpol_eval.forecasters import identity; print(identity(p.KDE(bandwidth=300)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert told == identity(ppe.KDE(bandwidth=300))


@pytest.mark.parametrize("value", [{1, 2}, np.zeros(2), object(), lambda: None, pd.DataFrame()])
def test_what_cannot_be_told_apart_is_refused(value):
    with pytest.raises(ppe.InputError, match=rf"holds a {type(value).__name__}; a configuration is made of numbers"):
        identity(Plain(value))


@pytest.mark.parametrize("thing", [object(), Plain, "KDE"])
def test_what_has_no_fields_is_refused(thing):
    with pytest.raises(ppe.InputError, match="is not an instance of a dataclass"):
        fields_of(thing)


def test_describe_tells_what_is_not_default():
    assert describe(ppe.KDE()) == "KDE()"
    assert describe(ppe.KDE(bandwidth=500)) == "KDE()"
    assert describe(ppe.KDE(bandwidth=300, kernel="quartic")) == "KDE(bandwidth=300, kernel='quartic')"
    assert describe(ppe.CountMap(lookback=None)) == "CountMap(lookback=None)"
    assert describe(Marked("a")) == "Marked"


# The plain loop -------------------------------------------------------------------------------------------------------


def test_forecast_is_fit_and_predict_night_by_night():
    events = crimes(pd.date_range("2018-05-01", periods=20, freq="7h"))
    windows = nights("2018-05-03", "2018-05-06", lead="2h")
    together = ppe.forecast(ppe.CountMap(), events, GRID, windows)
    assert together.dims == ("window", "y", "x")
    assert together.attrs["until"] == str(windows.until[-1])
    quick = ppe.CountMap().forecast(events, GRID, windows)
    np.testing.assert_array_equal(quick, together)
    assert quick.copy(data=together).identical(together), "it says the same of itself"
    assert not hasattr(ppe.CountMap(), "__dict__")
    for window in windows:
        alone = ppe.CountMap().fit(events, GRID, until=window.until[0]).predict(window)
        assert np.array_equal(together.sel(window=window.start), alone, equal_nan=True)
    assert np.array_equal(together["until"], windows.until)
    assert ppe.forecast(ppe.CountMap(), events, GRID, windows[:1]).sizes["window"] == 1
    schedule = ppe.Schedule(start="2018-05-03", end="2018-05-06", lead="2h", tz="Europe/London")
    assert ppe.forecast(ppe.CountMap(), events, GRID, schedule).identical(together)


def test_forecast_hands_over_only_what_is_known():
    seen = []

    @dataclass(frozen=True)
    class Nosy:
        def fit(self, events, grid, *, until):
            seen.append((len(events), events.observed[-1][1], until))
            return ppe.Uniform().fit(events, grid, until=until)

    events = crimes(["2018-05-01", "2018-05-03 12:00", "2018-05-04 12:00"])
    ppe.forecast(Nosy(), events, GRID, nights("2018-05-03", "2018-05-06"))
    assert [number for number, _, _ in seen] == [1, 2, 3]
    assert all(end == until for _, end, until in seen)


def test_forecast_of_no_window_is_refused():
    with pytest.raises(ppe.InputError, match="no window to forecast"):
        ppe.forecast(ppe.CountMap(), crimes(["2018-05-01"]), GRID, nights("2018-05-03", "2018-05-06")[:0])


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "5", None, True, [5]])
def test_a_number_that_must_be_positive(value):
    with pytest.raises(ppe.InputError, match=r"size=.*; give metres, above 0 and finite"):
        base.check_positive(value, "size", "metres")
    base.check_positive(np.float32(2), "size", "metres")
