"""What all simulations share: tables like any other, truths in the order of the events, names in one place."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

import predpol_eval as ppe

GRID = ppe.Grid.from_bounds(0, 0, 3000, 2000, cell=250, crs="EPSG:27700")
WHEN = {"start": "2016-01-01", "end": "2017-01-01", "tz": "Europe/London", "mu": 3.0, "seed": 1}
HAWKES = {"theta": 0.5, "omega": 0.4}
BANDS = {"space_bands": [0, 200], "time_bands": [0, 7], "repeats": 0.3}


def made():
    """One simulation of every kind, and of every step."""
    one = ppe.simulate_self_exciting(GRID, **WHEN, **HAWKES)
    told = ppe.with_interval_times(one, mean="9h", share=0.5, seed=2)
    late = ppe.with_recording_delay(told, mean="3D", never=0.1, seed=3)
    return {
        "background": ppe.simulate_background(GRID, **WHEN, yearly=range(1, 13)),
        "cell": one,
        "continuous": ppe.simulate_self_exciting(GRID, **WHEN, **HAWKES, model="continuous", sigma=100.0),
        "near repeats": ppe.simulate_near_repeats(GRID, **WHEN, **BANDS),
        "to the day": ppe.simulate_self_exciting(GRID, **WHEN, **HAWKES, resolution="day"),
        "uncertain": told,
        "late": late,
        "unreported": ppe.with_reporting(late, GRID, by_area={"all": 0.6}, seed=4),
        "nothing": ppe.simulate_background(GRID, **WHEN | {"mu": 0.0}),
    }


MADE = made()
each = pytest.mark.parametrize("name", MADE)


@each
def test_the_table_is_one_that_could_have_been_read(name, tmp_path):
    events = MADE[name].events
    optional = {column: column for column in ("recorded", "happened_until") if getattr(events, column) is not None}
    again = ppe.Events.from_frame(
        events.frame(), happened="happened", kind="kind", id="id", crs=GRID.crs, tz=events.tz,
        observed=events.observed, resolution=events.resolution, **optional,
    )  # fmt: skip
    assert again.fingerprint == events.fingerprint
    events.to_parquet(tmp_path / "events.parquet")
    assert ppe.Events.from_parquet(tmp_path / "events.parquet").fingerprint == events.fingerprint
    for column in (events.happened, events.x, events.y, events.id, events.kind_code):
        assert not column.flags.writeable


@each
def test_the_truth_is_in_the_order_of_the_events(name):
    simulation = MADE[name]
    events, truth = simulation.events, simulation.truth
    for column in truth.PER_CRIME:
        assert len(getattr(truth, column)) == len(events)
    # A crime's id is its place in time when it was made.
    assert np.array_equal(np.argsort(truth.moment, kind="stable"), np.argsort(events.id))
    if events.recorded is not None:
        assert (truth.moment <= events.recorded).all()
    assert "seed: 1" in repr(simulation)
    assert "<table>" in simulation._repr_html_()


def test_it_says_the_same_in_another_process():
    code = "from tests.simulate.test_simulation import MADE; print([m.events.fingerprint for m in MADE.values()])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str([simulation.events.fingerprint for simulation in MADE.values()])


def test_one_seed_may_serve_every_step():
    city = ppe.simulate_background(GRID, **WHEN | {"mu": 20.0})
    # Intervals so short that crimes keep their order, in which numbers are drawn.
    told = ppe.with_interval_times(city, mean="1s", seed=1)
    late = ppe.with_recording_delay(told, mean="1D", seed=1)
    seen = ppe.with_reporting(late, GRID, by_area={"all": 0.5}, seed=1)
    days = {
        "moment": late.truth.moment.astype(float),
        "length": (late.events.happened_until - late.events.happened).astype(float),
        "delay": late.truth.recording.days,
        "reported": np.isin(late.events.id, seen.events.id).astype(float),
        "x": late.events.x,
    }
    ranks = stats.spearmanr(np.column_stack(list(days.values()))).statistic
    assert np.abs(ranks - np.eye(5)).max() < 4.5 / np.sqrt(len(city.events))


def test_no_forecast_beats_the_truth():
    spots = [(800, 900, 150, 4.0), (2300, 1200, 200, 3.0)]
    city = ppe.simulate_background(GRID, **WHEN | {"mu": 4.0}, hot_spots=spots, weekly=[1, 1, 1, 1, 2, 3, 1])
    nights = ppe.Schedule(start="2016-10-01", end="2016-12-01", tz="Europe/London")
    observed = ppe.count(city.events, GRID, nights)
    perfect = float(ppe.poisson_log_score(city.truth.background_surface(GRID, nights), observed))
    for forecaster in (ppe.Uniform(), ppe.CountMap(lookback="90D"), ppe.KDE(bandwidth=250)):
        other = ppe.forecast(forecaster, city.events, GRID, nights)
        assert float(ppe.poisson_log_score(other, observed, floor=1e-4)) < perfect - 0.05
