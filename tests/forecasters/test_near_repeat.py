"""NearRepeat: cocooning by the naive twin, by the digit, and fading until the window starts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import predpol_eval as ppe
from tests.forecasters.towns import CRS, GROUND, towns
from tests.naive import forecasters as naive

GRID = GROUND.grid
LENGTHS = {"1D": 1, "7D": 7, "3W": 21, "36h": 1.5}


def crimes(times, x=1100.0, y=2100.0, **named):
    frame = pd.DataFrame({"t": times, "x": x, "y": y, **named})
    observed = [("2018-01-01", "2018-12-01")]
    return ppe.Events.from_frame(frame, crs=CRS, tz="Europe/London", observed=observed, **{k: k for k in named})


def score(form, events, until="2018-05-22", start=None, **kwargs):
    start = until if start is None else start
    windows = ppe.Schedule(start=start, end=str(np.datetime64(start) + 1), tz="Europe/London", **kwargs).windows
    surface = form.fit(events, GRID, until=until).predict(windows)
    assert surface.attrs["kind"] == "score"
    return surface[0].to_numpy()


@given(
    towns(),
    st.sampled_from(["linear", "exponential"]),
    st.sampled_from([50.0, 200.0, 400.0, 650.0, 5000.0]),
    st.sampled_from(list(LENGTHS)),
)
def test_both_kernels_are_the_naive_ones(town, kernel, radius, lookback):
    form = ppe.NearRepeat(radius=radius, lookback=lookback, kernel=kernel)
    expected = naive.known(town.crimes, town.observed, town.until, town.zone, lookback)
    if expected is None:
        with pytest.raises(ppe.InputError, match="No time was observed"):
            form.fit(town.events(), GRID, until=town.cut)
        return
    surface = form.fit(town.events(), GRID, until=town.cut).predict(town.windows)
    for layer, later in zip(surface.to_numpy(), town.starts, strict=True):
        wanted = naive.near_repeat(expected[0], town.until + later, GROUND, radius, LENGTHS[lookback], kernel)
        assert_allclose(layer, wanted, rtol=1e-10, atol=1e-14)


def test_by_the_digit():
    # A week old of three: 2/3 is left. Its own cell is 0 m away, the next 100, the one after 300, of 400.
    found = score(ppe.NearRepeat(), crimes(["2018-05-15"]))
    assert_allclose(found[0, :4], [2 / 3, 2 / 3 * 0.75, 2 / 3 * 0.25, 0])
    assert_allclose(found[1, 1], 2 / 3 * (1 - np.hypot(100, 100) / 400))
    found = score(ppe.NearRepeat(kernel="exponential"), crimes(["2018-05-15"]))
    assert_allclose(found[0, :4], [np.exp(-1), np.exp(-1.75), np.exp(-3.25), 0])


def test_the_mets_three_weeks_are_the_default():
    assert ppe.NearRepeat(radius=200).lookback == "21D"


@pytest.mark.parametrize("kernel", ["linear", "exponential"])
def test_risk_falls_with_distance_and_days_and_ends(kernel):
    form = ppe.NearRepeat(radius=500, kernel=kernel)
    along = score(form, crimes(["2018-05-21"]))[0]
    assert (np.diff(along[along > 0]) < 0).all()
    by_age = [score(form, crimes([f"2018-05-{day:02d}"]))[0, 0] for day in (21, 20, 15, 5, 2)]
    assert (np.diff(by_age) < 0).all()
    assert score(form, crimes(["2018-04-30 23:59"])).max() == 0, "older than three weeks"


@pytest.mark.parametrize("kernel", ["linear", "exponential"])
def test_it_fades_until_the_window_starts(kernel):
    form, events = ppe.NearRepeat(kernel=kernel), crimes(["2018-05-15"])
    later = score(form, events, start="2018-05-29")
    left = 1 / 3 if kernel == "linear" else np.exp(-2)
    assert_allclose(later[0, 0], left)
    assert_allclose(later, score(form, crimes(["2018-05-08"])))
    assert score(form, events, start="2018-06-05").max() == 0, "three weeks old when the window starts"


def test_days_are_civil_days():
    # 21 civil days back from 5 April are an hour short of 21 days: the clock was put forward.
    events = crimes(["2018-03-14 23:30", "2018-03-15 00:30"], x=[1100.0, 1500.0])
    found = score(ppe.NearRepeat(radius=1), events, until="2018-04-05")
    assert found[0, 0] == 0
    assert found[0, 2] > 0


def test_nothing_observed_lately_is_refused():
    frame = pd.DataFrame({"t": ["2018-01-03"], "x": 1100.0, "y": 2100.0})
    events = ppe.Events.from_frame(frame, crs=CRS, tz="Europe/London", observed=[("2018-01-01", "2018-02-01")])
    with pytest.raises(ppe.InputError, match="No time was observed in the 21D before 2018-05-22"):
        ppe.NearRepeat().fit(events, GRID, until="2018-05-22")


def test_recent_crimes_add_up():
    one, two = crimes(["2018-05-15"]), crimes(["2018-05-20"], x=1350.0)
    both = crimes(["2018-05-15", "2018-05-20"], x=[1100.0, 1350.0])
    form = ppe.NearRepeat()
    assert_allclose(score(form, both), score(form, one) + score(form, two))


def test_a_crime_on_the_edge_cocoons_both_sides():
    found = score(ppe.NearRepeat(radius=1), crimes(["2018-05-21"], x=1200.0))
    assert found[0, 0] == found[0, 1] > 0


def test_crimes_beside_the_area_count():
    assert score(ppe.NearRepeat(), crimes(["2018-05-21"], x=900.0))[0, 0] > 0


def test_no_recent_crime_is_zero():
    assert (score(ppe.NearRepeat(), crimes(["2018-01-03"])) == 0).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"radius": -5}, "radius=-5; give metres, for instance 400, above 0 and finite"),
        ({"lookback": None}, "lookback=None; say how long a crime raises the risk around it, for instance '21D'"),
        ({"lookback": "soon"}, "lookback is 'soon'; give a length such as '21D'"),
        ({"kernel": "gaussian"}, "kernel='gaussian'; choose one of 'linear', 'exponential'"),
    ],
)
def test_bad_options_are_refused(wrong, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.NearRepeat(**wrong)
