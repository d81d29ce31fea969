"""Anchors: civil midnights counted from one day, decided by the moment of the forecast alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval.forecasters.anchors import anchor, check_period

ZONES = ["Europe/London", "America/Toronto", "Australia/Lord_Howe", "America/Havana", "UTC"]


def slow(until, days, zone):
    """Walk over all midnights from 2000-01-01, one period at a time."""
    day, found = datetime(2000, 1, 1), None
    while True:
        midnight = day.replace(tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
        if midnight > until:
            return found
        found, day = midnight, day + timedelta(days=days)


@given(
    st.datetimes(datetime(2000, 2, 1), datetime(2030, 1, 1)),
    st.sampled_from([1, 7, 28, 365]),
    st.sampled_from(ZONES),
)
def test_it_is_the_latest_multiple(until, days, zone):
    if zone == "America/Havana":
        until = until.replace(month=6)  # its clock skips midnight in March, which the slow walk knows nothing of
    found = anchor(np.datetime64(until, "ns"), f"{days}D", zone)
    assert found.astype("datetime64[us]").item() == slow(until, days, zone)


def test_a_midnight_that_occurs_twice_is_the_first_and_never_goes_back():
    # In Havana the clock goes back from 01:00 to 00:00 on 2018-11-04: midnight comes at 04:00 and at 05:00 UTC.
    hours = np.datetime64("2018-11-03T20", "ns") + np.arange(28 * 6) * np.timedelta64(10, "m")
    found = np.array([anchor(hour, "1D", "America/Havana") for hour in hours])
    assert (np.diff(found) >= np.timedelta64(0)).all()
    assert (found <= hours).all()
    assert np.datetime64("2018-11-04T04:00", "ns") in found
    assert np.datetime64("2018-11-04T05:00", "ns") not in found


def test_a_midnight_that_is_skipped_is_the_moment_of_the_change():
    # In Havana 2018-03-11 begins at 01:00, at 05:00 UTC.
    just = np.datetime64("2018-03-11T05:00", "ns")
    assert anchor(just, "1D", "America/Havana") == just
    assert anchor(just - 1, "1D", "America/Havana") == np.datetime64("2018-03-10T05:00", "ns")


def test_before_the_year_2000_they_go_on():
    assert anchor(np.datetime64("1999-12-31T12:00", "ns"), "28D", "UTC") == np.datetime64("1999-12-04", "ns")


def test_without_a_period_it_is_the_moment_itself():
    until = np.datetime64("2018-05-03T12:34:56.789", "ns")
    assert anchor(until, None, "Europe/London") == until


@pytest.mark.parametrize("period", ["36h", "0D", "soon", 28, "1.5D"])
def test_a_period_is_of_whole_days(period):
    with pytest.raises(ppe.InputError, match="refit"):
        check_period(period)
    with pytest.raises(ppe.InputError):
        anchor(np.datetime64("2018-05-03", "ns"), period, "UTC")
