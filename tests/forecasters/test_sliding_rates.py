"""Sliding from one moment to the next gives what a fit at each moment gives; where it may not, it does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval.forecasters.sliding import sliding_rates

GRID = ppe.Grid.from_bounds(2000, 2000, 3500, 3000, cell=250, crs="EPSG:27700")
SLIDING = [
    ppe.CountMap(),
    ppe.CountMap(lookback="3D"),
    ppe.CountMap(lookback="36h"),
    ppe.CountMap(lookback=None),
    ppe.CountMap(lookback=None, half_life="4D"),
    ppe.KDE(bandwidth=300),
    ppe.KDE(bandwidth=300, half_life="4D"),
    ppe.KDE(bandwidth=400, kernel="quartic", half_life="30D"),
    ppe.CountMap(lookback="5D", half_life="4D"),
    ppe.KDE(bandwidth=300, lookback="5D"),
    ppe.KDE(bandwidth=300, lookback="5D", half_life="3D"),
    ppe.KDE(bandwidth=300, renormalise=True),
    ppe.KDE(bandwidth=300, renormalise=True, lookback="9D", half_life="3D"),
    ppe.Uniform(),
    ppe.Uniform(lookback="4D"),
]
STAYING = [
    ppe.KDE(bandwidth=300, kernel="quartic", lookback="5D"),
    ppe.KDE(bandwidth=200),
    ppe.KDE(bandwidth="scott"),
    ppe.KDE(adaptive_k=3),
    ppe.NearRepeat(),
]


def crimes(seed: int, number: int, *, recorded: bool, uncertain: bool) -> ppe.Events:
    """Crimes in and around the grid over six weeks with a clock change and a gap, some on one place or at one time."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2018-03-01", "m")
    t = start + rng.integers(0, 42 * 24 * 60, number).astype("timedelta64[m]")
    t[: number // 5] = t[0]
    frame = pd.DataFrame({"x": rng.uniform(1700, 3800, number), "y": rng.uniform(1700, 3300, number), "t": t})
    frame.loc[: number // 4, ["x", "y"]] = frame.loc[0, ["x", "y"]].to_numpy()
    columns = {}
    if uncertain:
        frame["until"] = frame["t"] + pd.to_timedelta(rng.integers(0, 3000, number), "min")
        columns["happened_until"] = "until"
    if recorded:
        last = frame["until"] if uncertain else frame["t"]
        frame["recorded"] = last + pd.to_timedelta(rng.integers(0, 9000, number), "min")
        columns["recorded"] = "recorded"
    return ppe.Events.from_frame(
        frame, crs="EPSG:27700", tz="Europe/London", ambiguous="earlier", nonexistent="shift_forward", **columns,
        observed=[("2018-03-01", "2018-03-15"), ("2018-03-18", "2018-04-20")],
    )  # fmt: skip


@pytest.mark.parametrize("forecaster", SLIDING, ids=repr)
@settings(max_examples=6)
@given(seed=st.integers(0, 10**6), number=st.sampled_from([1, 5, 60]), recorded=st.booleans(), uncertain=st.booleans(),
       step=st.sampled_from(["1D", "7h", "6D"]))  # fmt: skip
@example(seed=1, number=60, recorded=True, uncertain=True, step="1D")
def test_sliding_is_fitting_at_every_moment(forecaster, seed, number, recorded, uncertain, step):
    events = crimes(seed, number, recorded=recorded, uncertain=uncertain)
    untils = ppe.Schedule(start="2018-03-09", end="2018-04-12", step=step, tz="Europe/London").windows.until
    rates = sliding_rates(forecaster, events, GRID, untils)
    if rates is None:
        # The lookback ends in the gap: the fit says so.
        with pytest.raises(ppe.InputError, match="No time was observed"):
            [forecaster.fit(events.known_at(until), GRID, until=until) for until in untils]
        return
    count = 0
    for rate, until in zip(rates, untils, strict=True):
        fitted = forecaster.fit(events.known_at(until), GRID, until=until)
        np.testing.assert_allclose(rate, fitted.rate, rtol=1e-9, atol=1e-13 * max(fitted.rate.max(), 1e-300))
        # Where no crime was, no rest of rounding may stand above it.
        np.testing.assert_array_equal(rate > 0, fitted.rate > 0)
        count += 1
    assert count == len(untils)


@pytest.mark.parametrize("forecaster", STAYING, ids=repr)
def test_what_cannot_slide_does_not(forecaster):
    events = crimes(1, 30, recorded=False, uncertain=False)
    assert sliding_rates(forecaster, events, GRID, np.array(["2018-03-20"], dtype="datetime64[ns]")) is None


def test_a_density_does_not_slide_over_crimes_recorded_before_the_middle_of_their_time():
    frame = pd.DataFrame(
        {"x": [2100.0], "y": [2100.0], "t": ["2018-03-02"], "until": ["2018-03-12"], "recorded": ["2018-03-04"]}
    )
    events = ppe.Events.from_frame(
        frame, crs="EPSG:27700", tz="Europe/London", happened_until="until", recorded="recorded",
        observed=[("2018-03-01", "2018-04-01")],
    )  # fmt: skip
    untils = np.array(["2018-03-20"], dtype="datetime64[ns]")
    assert sliding_rates(ppe.KDE(), events, GRID, untils) is None


def test_a_class_of_somebody_elses_does_not_slide():
    class Mine(ppe.CountMap):
        pass

    events = crimes(1, 30, recorded=False, uncertain=False)
    assert sliding_rates(Mine(), events, GRID, np.array(["2018-03-20"], dtype="datetime64[ns]")) is None


@pytest.mark.parametrize(
    "forecaster",
    [ppe.CountMap(lookback="2D"), ppe.KDE(bandwidth=300, lookback="2D"), ppe.Uniform(lookback="2D")],
    ids=repr,
)
def test_where_the_clock_goes_back_older_crimes_count_again(forecaster):
    """In the hour that comes twice, two civil days ago is earlier than it was a quarter of an hour before."""
    rng = np.random.default_rng(4)
    times = np.datetime64("2018-10-25T20:00", "m") + rng.integers(0, 12 * 60, 150)
    frame = pd.DataFrame({"x": rng.uniform(2000, 3500, 150), "y": rng.uniform(2000, 3000, 150), "t": times})
    events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London", observed=[("2018-10-20", "2018-11-05")])
    untils = (np.datetime64("2018-10-27T22:30", "m") + 15 * np.arange(20)).astype("datetime64[ns]")
    counted = []
    for rate, until in zip(sliding_rates(forecaster, events, GRID, untils), untils, strict=True):
        fitted = forecaster.fit(events.known_at(until), GRID, until=until)
        np.testing.assert_allclose(rate, fitted.rate, rtol=1e-9, atol=1e-13 * fitted.rate.max())
        counted.append(len(fitted.known.events))
    assert (np.diff(counted) > 0).any(), "some crimes counted again"
