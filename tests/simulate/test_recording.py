"""Crimes recorded late or never: the delays are those asked for, and nobody knows of a crime before it is recorded."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

import predpol_eval as ppe
from predpol_eval.simulate import (
    simulate_background,
    simulate_self_exciting,
    with_interval_times,
    with_recording_delay,
    with_reporting,
)

GRID = ppe.Grid.from_bounds(0, 0, 3000, 2000, cell=250, crs="EPSG:27700")
WHEN = {"start": "2016-01-01", "end": "2018-01-01", "tz": "Europe/London", "seed": 1}


@pytest.fixture(scope="module")
def city():
    return simulate_self_exciting(GRID, **WHEN, mu=8.0, theta=0.5, omega=0.4, burn_in="60D")


def days_to_record(made):
    return (made.events.recorded - made.truth.moment).astype(np.int64) / 86400e9


@pytest.mark.parametrize(
    ("options", "law"),
    [
        ({"mean": "3D"}, ("expon", (0, 3.0))),
        ({"mean": "36h", "distribution": "lognormal", "spread": 0.8}, ("lognorm", (0.8, 0, 1.5 * math.exp(-0.32)))),
    ],
)
def test_delays_follow_their_distribution(city, options, law):
    late = with_recording_delay(city, **options, seed=2)
    found = days_to_record(late)
    assert stats.kstest(found, law[0], args=law[1]).pvalue > 1e-4
    assert found == pytest.approx(late.truth.recording.days, abs=1e-9)
    mean = {"3D": 3.0, "36h": 1.5}[options["mean"]]
    assert late.truth.recording.waits.mean_days == mean
    assert found.mean() == pytest.approx(mean, abs=4 * found.std() / math.sqrt(len(found)))
    # The crimes themselves are the same.
    assert np.array_equal(late.events.happened, city.events.happened)
    assert np.array_equal(late.truth.parent, city.truth.parent)
    assert len(late.truth.recording.unrecorded) == 0


def test_a_fixed_delay_and_none():
    city = simulate_background(GRID, **WHEN, mu=1.0)
    fixed = with_recording_delay(city, mean="12h", distribution="fixed", seed=0)
    assert (days_to_record(fixed) == 0.5).all()
    at_once = with_recording_delay(city, mean="0h", seed=0)
    assert np.array_equal(at_once.events.recorded, city.events.happened)


def test_nobody_knows_of_a_crime_before_it_is_recorded(city):
    late = with_recording_delay(city, mean="20D", seed=2)
    until = "2017-01-01"
    cut = np.datetime64(until, "ns")
    known = late.events.known_at(until)
    recorded = late.truth.moment + (late.truth.recording.days * 86400e9).astype("timedelta64[ns]")
    assert set(known.id.tolist()) == set(late.events.id[recorded < cut].tolist())
    # In a steady state, mean delay x rate crimes have happened and are not known yet.
    missing = (city.events.happened < cut).sum() - len(known)
    rate = 8.0 / 0.5
    assert missing == pytest.approx(20 * rate, abs=4 * math.sqrt(20 * rate / 0.5**2))
    # Crimes known only after the end stay in the table.
    assert (late.events.recorded > late.events.observed[0][1]).any()


def test_some_crimes_are_never_recorded(city):
    late = with_recording_delay(city, mean="2D", never=0.3, seed=2)
    n = len(city.events)
    lost = late.truth.recording.unrecorded
    assert len(lost) + len(late.events) == n
    assert len(lost) == pytest.approx(0.3 * n, abs=4 * math.sqrt(0.21 * n))
    assert set(lost.id) | set(late.events.id) == set(city.events.id)
    check_against(city, late)
    assert "3 of 10" not in repr(late)
    assert "crimes never" in repr(late)
    everything = with_recording_delay(city, mean="2D", never=1.0, seed=2)
    assert len(everything.events) == len(everything.truth.parent) == 0
    assert everything.events.kinds == ()
    assert everything.events.observed == city.events.observed


def check_against(before, after):
    """Every crime left is the crime it was, its parent is that crime or gone."""
    at = {number: place for place, number in enumerate(before.events.id.tolist())}
    was = np.array([at[number] for number in after.events.id.tolist()], dtype=int)
    for name in ("x", "y"):
        assert np.array_equal(getattr(after.events, name), getattr(before.events, name)[was])
    for name in ("moment", "repeat", "generation"):
        assert np.array_equal(getattr(after.truth, name), getattr(before.truth, name)[was])
    parent = after.truth.parent
    ids = np.append(after.events.id, -1)[parent]
    old = np.append(before.events.id, -1)[before.truth.parent[was]]
    left = np.isin(old, after.events.id)
    assert np.array_equal(ids, np.where(left, old, -1))
    assert (np.diff(after.events.happened) >= np.timedelta64(0)).all()


def test_times_told_to_the_day_are_recorded_after_the_moment():
    city = simulate_background(GRID, **WHEN, mu=5.0, resolution="day")
    late = with_recording_delay(city, mean="6h", seed=2)
    assert (days_to_record(late) >= 0).all()
    assert (late.events.recorded >= late.events.happened).all()
    assert stats.kstest(days_to_record(late), "expon", args=(0, 0.25)).pvalue > 1e-4


def test_all_three_in_a_row(city):
    told = with_interval_times(city, mean="9h", share=0.5, seed=2)
    late = with_recording_delay(told, mean="5D", never=0.1, seed=3)
    seen = with_reporting(late, GRID, by_area={GRID.labels[0]: 0.6}, seed=4)
    for made in (told, late, seen):
        check_against(city, made)
    assert len(seen.truth.recording.days) == len(seen.truth.uncertain.chosen) == len(seen.events)
    assert set(seen.truth.steps()) == {"uncertain", "recording", "reporting"}
    # The delay runs from the end of the interval.
    chosen = seen.truth.uncertain.chosen
    since = np.where(chosen, seen.events.happened_until, seen.truth.moment)
    found = (seen.events.recorded - since).astype(np.int64) / 86400e9
    assert found == pytest.approx(seen.truth.recording.days, abs=1e-9)
    assert chosen.mean() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(len(chosen)))
    everyone = [*seen.events.id, *late.truth.recording.unrecorded.id, *seen.truth.reporting.unreported.id]
    assert sorted(everyone) == sorted(city.events.id)
    assert all(word in repr(seen) for word in ("uncertain", "recording", "reporting", "theta"))


def test_a_seed_is_a_delay(city):
    one, two, other = (with_recording_delay(city, mean="2D", never=0.2, seed=seed) for seed in (2, 2, 3))
    assert one.events.fingerprint == two.events.fingerprint
    assert one.events.fingerprint != other.events.fingerprint


def test_no_crime_at_all():
    empty = simulate_background(GRID, **WHEN, mu=0.0)
    late = with_recording_delay(with_interval_times(empty, mean="9h", seed=1), mean="2D", never=0.5, seed=1)
    assert len(with_reporting(late, GRID, by_area={GRID.labels[0]: 0.5}, seed=1).events) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": "-2D"}, "mean is '-2D'"),
        ({"mean": 2.0}, "mean is 2.0"),
        ({"distribution": "uniform"}, "'exponential', 'lognormal' or 'fixed'"),
        ({"spread": -1.0}, "spread=-1.0"),
        ({"spread": math.nan}, "spread=nan"),
        ({"never": 1.1}, "never=1.1; give a probability"),
        ({"never": -0.1}, "a probability from 0 to 1"),
        ({"never": True}, "a probability from 0 to 1"),
        ({"seed": None}, "seed=None"),
        ({"mean": "200000D"}, "years 1700"),
        ({"mean": "9999D", "distribution": "lognormal", "spread": 3.0}, "years 1700"),
    ],
)
def test_bad_parameters_are_refused(city, options, message):
    with pytest.raises(ppe.InputError, match=message):
        with_recording_delay(city, **{"mean": "2D", "seed": 2} | options)


def test_it_is_done_once_and_to_simulations_only(city):
    late = with_recording_delay(city, mean="2D", seed=2)
    with pytest.raises(ppe.InputError, match="recording times already"):
        with_recording_delay(late, mean="2D", seed=2)
    with pytest.raises(ppe.InputError, match="Expected Simulation, found Events"):
        with_recording_delay(city.events, mean="2D", seed=2)
