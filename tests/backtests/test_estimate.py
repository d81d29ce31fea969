"""The dry run: fits, minutes and gigabytes that can be believed, and a refusal of what would not fit."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest

import predpol_eval as ppe
from predpol_eval.backtests import BacktestEstimate, estimate
from tests.backtests import cities
from tests.backtests.misbehaving import Dawdles, FailsOn, Warns

CITY = cities.city(cities.raw(51), start="2018-02-20", end="2018-03-16")
ROOT = Path(__file__).resolve().parents[2]


def run(forecasters, grid=CITY.grid, events=CITY.events, **options):
    options = {"budgets": cities.BUDGETS, "progress": False, **options}
    return ppe.backtest(forecasters, events, grid, CITY.schedule, **options)


def test_a_dry_run_counts_and_makes_nothing(tmp_path):
    found = run(
        {"map": ppe.CountMap(), "floor": ppe.Uniform()},
        kinds=["theft", "robbery"],
        dry_run=True,
        store=tmp_path / "store",
    )
    assert isinstance(found, BacktestEstimate)
    assert (found.fits, found.nights, found.blocks, found.cells, found.workers) == (96, 24, 16, 125, 1)
    assert found.failing == ()
    assert 0 < found.minutes < 1
    assert 0.1 < found.gigabytes < 2
    assert str(found).startswith("96 fits (24 nights, 125 cells, 16 blocks): about ")
    assert str(found).endswith(" GB of memory")
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_what_would_fail():
    last = str(CITY.schedule.windows.until[-1])
    fails = {"shaky": FailsOn(nights=(last,)), "map": ppe.CountMap(), "warns": Warns()}
    found = run(fails, dry_run=True)
    assert found.failing == ("shaky, all: RuntimeError: no forecast tonight",)
    assert "would fail: shaky, all: RuntimeError" in str(found)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_minutes_are_within_a_factor_of_three(n_jobs):
    # Mostly waiting, so that other work on the machine does not count.
    run({"map": ppe.CountMap()}, n_jobs=n_jobs)  # so that neither side compiles, and the workers are there
    slow = {"slow": Dawdles(seconds=0.05), "slower": Dawdles(seconds=0.15)}
    expected = 60 * run(slow, dry_run=True, n_jobs=n_jobs).minutes
    begun = time.perf_counter()
    run(slow, n_jobs=n_jobs)
    took = time.perf_counter() - begun
    assert took > 24 * 0.2 / n_jobs
    assert expected / 3 < took < expected * 3


def test_a_backtest_that_would_not_fit_is_refused_with_the_estimate(monkeypatch, tmp_path):
    monkeypatch.setattr(estimate, "available_gigabytes", lambda: 0.25)
    with pytest.raises(ppe.InputError) as refusal:
        run({"map": ppe.CountMap()}, store=tmp_path / "store", n_jobs=2)
    text = str(refusal.value)
    assert "would need about 0.8 GB of memory and 0.2 GB are available" in text
    assert "1 forecasters x 1 kinds x 3 areas x 4 budgets x 24 nights on 130 cells with 2 workers" in text
    assert "fewer workers (n_jobs), larger cells" in text
    assert list(tmp_path.iterdir()) == []
    found = run({"map": ppe.CountMap()}, dry_run=True, n_jobs=2)
    assert math.isnan(found.minutes)
    assert found.gigabytes > 0.6
    assert "no time measured, as it would not fit in memory" in str(found)
    monkeypatch.setattr(estimate, "available_gigabytes", lambda: None)
    assert run({"map": ppe.CountMap()}).sizes["window"] == 24


def test_memory_of_the_container_counts_where_it_is_less(tmp_path):
    assert estimate.available_gigabytes(tmp_path) is None
    for name, text in {
        "proc/meminfo": "MemTotal: 64000000 kB\nMemAvailable:   32000000 kB\n",
        "sys/fs/cgroup/memory.max": "4000000000\n",
        "sys/fs/cgroup/memory.stat": "anon 1500000000\nfile 900000000\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert estimate.available_gigabytes(tmp_path) == pytest.approx(2.5)
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert estimate.available_gigabytes(tmp_path) == pytest.approx(32.0)


NIGHTS_OF_MANY_CELLS = """
import json, sys
import numpy as np, pandas as pd, predpol_eval as ppe
side, nights = int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(1)
hours = np.sort(rng.integers(0, 60 * 24, 5000))
frame = pd.DataFrame({
    "x": rng.uniform(0, side * 50.0, 5000), "y": rng.uniform(0, side * 50.0, 5000),
    "t": (pd.Timestamp("2018-03-01") + pd.to_timedelta(hours, unit="h")).astype(str),
})
events = ppe.Events.from_frame(frame, crs="EPSG:32617", tz="UTC", observed=[("2018-03-01", "2018-05-01")])
grid = ppe.Grid.from_bounds(0, 0, side * 50, side * 50, cell=50, crs="EPSG:32617")
schedule = ppe.Schedule(start="2018-04-01", end=f"2018-04-{1 + nights:02d}", tz="UTC")
asked = dict(budgets=[ppe.TopCells(100), ppe.Coverage(0.01)], progress=False)
some = {"map": ppe.CountMap()}
expected = ppe.backtest(some, events, grid, schedule, dry_run=True, **asked).gigabytes
out = ppe.backtest(some, events, grid, schedule, **asked)
# Not ru_maxrss, which a child inherits from the process that started it.
(high,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")]
peak = int(high.split()[1]) * 1024 / 1e9
print(json.dumps({
    "cells": grid.mask.size, "peak": peak, "expected": expected, "ok": bool((out.status == "ok").all()),
    "result": out.nbytes / 1e9, "events": float(out.events.sum()),
}))
"""


def many_cells(side: int, nights: int) -> dict:
    command = [sys.executable, "-c", NIGHTS_OF_MANY_CELLS, str(side), str(nights)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.linux_only
def test_nights_of_a_fine_grid_stream_in_bounded_memory(full_run):
    # Ten million cells in a full run; a tenth of them in the short form.
    side = 3163 if full_run else 1000
    many_cells(20, 2)  # compiles what is not cached yet, which takes more memory than the nights
    few, more = many_cells(side, 2), many_cells(side, 6)
    assert few["ok"]
    assert more["ok"]
    assert more["cells"] == side**2
    # Three times the nights, no more memory.
    assert more["peak"] < 1.1 * few["peak"]
    assert more["peak"] < more["expected"] < 3 * more["peak"]
    assert more["result"] < 0.001
    assert more["events"] > few["events"] > 0
