"""Uncertain times: intervals that hold the true moment, as likely in any part of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import predpol_eval as ppe
from predpol_eval.simulate import simulate_background, simulate_self_exciting, with_interval_times, with_recording_delay

GRID = ppe.Grid.from_bounds(0, 0, 3000, 2000, cell=250, crs="EPSG:27700")
WHEN = {"start": "2016-01-01", "end": "2018-01-01", "tz": "Europe/London", "seed": 1}


@pytest.fixture(scope="module")
def city():
    return simulate_background(GRID, **WHEN, mu=8.0)


def hours(length):
    return length.astype(np.int64) / 3600e9


def test_intervals_hold_the_moment_evenly(city):
    told = with_interval_times(city, mean="9h", seed=2)
    events, moment = told.events, told.truth.moment
    assert told.truth.uncertain.chosen.all()
    assert (events.happened <= moment).all()
    assert (moment <= events.happened_until).all()
    length = hours(events.happened_until - events.happened)
    assert stats.kstest(length, "expon", args=(0, 9.0)).pvalue > 1e-4
    assert stats.kstest(hours(moment - events.happened) / length, "uniform").pvalue > 1e-4
    # The same crimes, in order of when their intervals begin.
    assert (np.diff(events.happened) >= np.timedelta64(0)).all()
    assert np.array_equal(np.sort(moment), city.events.happened)
    assert np.array_equal(events.x[np.argsort(events.id)], city.events.x)


def test_only_a_share_is_uncertain(city):
    told = with_interval_times(city, mean="9h", share=0.4, distribution="lognormal", spread=0.5, seed=2)
    chosen, n = told.truth.uncertain.chosen, len(city.events)
    assert chosen.sum() == pytest.approx(0.4 * n, abs=4 * math.sqrt(0.24 * n))
    exact = told.events.happened == told.events.happened_until
    assert np.array_equal(exact, ~chosen)
    assert np.array_equal(told.events.happened[exact], told.truth.moment[exact])
    length = hours(told.events.happened_until - told.events.happened)[chosen]
    assert stats.kstest(length, "lognorm", args=(0.5, 0, 9 * math.exp(-0.125))).pvalue > 1e-4
    none = with_interval_times(city, mean="9h", share=0.0, seed=2)
    assert np.array_equal(none.events.happened, city.events.happened)
    assert not none.truth.uncertain.chosen.any()


def test_aoristic_weights_are_right_on_average(city):
    told = with_interval_times(city, mean="30h", seed=2)
    # Weights of the first third of each interval add up to the crimes that happened in it, and so for any part.
    start, length = told.events.happened, told.events.happened_until - told.events.happened
    first = (told.truth.moment - start) < length / 3
    assert first.sum() == pytest.approx(len(first) / 3, abs=4 * math.sqrt(len(first) * 2 / 9))
    nights = ppe.Schedule(start="2016-02-01", end="2017-12-01", tz="Europe/London")
    true = ppe.count(city.events, GRID, nights).sum(["y", "x"])
    weighed = ppe.count(told.events, GRID, nights, method="aoristic").sum(["y", "x"])
    assert float(weighed.sum()) == pytest.approx(float(true.sum()), rel=0.003)


@pytest.mark.parametrize("resolution", ["day", "hour", "minute"])
@pytest.mark.parametrize("tz", ["Europe/London", "Asia/Kolkata", "America/Havana"])
def test_intervals_are_told_in_whole_units(resolution, tz):
    city = simulate_self_exciting(GRID, **WHEN | {"tz": tz}, mu=4.0, theta=0.3, omega=1.0, resolution=resolution)
    told = with_interval_times(city, mean="9h", share=0.7, seed=2)
    chosen, events = told.truth.uncertain.chosen, told.events
    assert (events.happened[chosen] <= told.truth.moment[chosen]).all()
    assert (told.truth.moment[chosen] <= events.happened_until[chosen]).all()
    unit = {"day": "D", "hour": "h", "minute": "m"}[resolution]
    frame = events.frame()
    for name in ("happened", "happened_until"):
        wall = frame[name].dt.tz_localize(None).to_numpy()
        whole = wall == wall.astype(f"datetime64[{unit}]")
        # In Havana the hands jump at midnight, so that one day a year begins at one.
        assert whole.mean() > (0.99 if tz == "America/Havana" else 0.9999)
    assert (events.happened[~chosen] == events.happened_until[~chosen]).all()


@given(
    mean=st.integers(0, 3000), share=st.floats(0, 1), seed=st.integers(0, 2**32),
    distribution=st.sampled_from(["exponential", "lognormal", "fixed"]), spread=st.floats(0, 2),
    resolution=st.sampled_from([None, "day", "hour", "minute"]),
)  # fmt: skip
def test_the_moment_is_never_outside(mean, share, seed, distribution, spread, resolution):
    # Over a clock change.
    city = simulate_background(
        GRID, start="2018-03-20", end="2018-04-02", tz="Europe/London", mu=4.0, seed=seed, resolution=resolution
    )
    told = with_interval_times(
        city, mean=f"{mean}min", share=share, distribution=distribution, spread=spread, seed=seed
    )
    chosen = told.truth.uncertain.chosen
    assert (told.events.happened <= told.events.happened_until).all()
    assert (told.events.happened[chosen] <= told.truth.moment[chosen]).all()
    assert (told.truth.moment[chosen] <= told.events.happened_until[chosen]).all()
    assert sorted(told.events.id) == sorted(city.events.id)


def test_a_seed_is_an_uncertainty(city):
    one, two, other = (with_interval_times(city, mean="9h", seed=seed) for seed in (2, 2, 3))
    assert one.events.fingerprint == two.events.fingerprint
    assert one.events.fingerprint != other.events.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": "nine hours"}, "mean is 'nine hours'"),
        ({"share": 2.0}, "share=2.0; give a probability"),
        ({"share": math.nan}, "share=nan"),
        ({"distribution": None}, "distribution=None"),
        ({"seed": -3}, "seed=-3"),
        ({"mean": "150000D"}, "years 1700"),
    ],
)
def test_bad_parameters_are_refused(city, options, message):
    with pytest.raises(ppe.InputError, match=message):
        with_interval_times(city, **{"mean": "9h", "seed": 2} | options)


def test_it_is_done_first_and_once(city):
    told = with_interval_times(city, mean="9h", seed=2)
    with pytest.raises(ppe.InputError, match="uncertain times already"):
        with_interval_times(told, mean="9h", seed=2)
    late = with_recording_delay(city, mean="9h", seed=2)
    with pytest.raises(ppe.InputError, match="recording times already; make times uncertain first"):
        with_interval_times(late, mean="9h", seed=2)
    with pytest.raises(ppe.InputError, match="Expected Simulation"):
        with_interval_times(city.events.frame(), mean="9h", seed=2)
