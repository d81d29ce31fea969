"""A grid of ten million cells: made, forecast, tallied and saved in the memory of a few surfaces."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Memory that a step may take beyond what there was before it, in surfaces of eight bytes a cell.
STEPS = """
import json, sys, threading, time
import numpy as np, pandas as pd, predpol_eval as ppe
from predpol_eval.surface_stores import forecast_to_zarr, open_surfaces

side, folder = int(sys.argv[1]), sys.argv[2]
surface = side * side * 8

def status(name):
    (line,) = [line for line in open("/proc/self/status") if line.startswith(name)]
    return int(line.split()[1]) * 1024

rng = np.random.default_rng(1)
hours = np.sort(rng.integers(0, 60 * 24, 3000))
def events_of(side):
    return ppe.Events.from_frame(pd.DataFrame({
        "x": rng.uniform(0, side * 25.0, 3000), "y": rng.uniform(0, side * 25.0, 3000),
        "t": (pd.Timestamp("2018-03-01") + pd.to_timedelta(hours, unit="h")).astype(str),
    }), crs="EPSG:32617", tz="UTC", observed=[("2018-03-01", "2018-05-01")])

schedule = ppe.Schedule(start="2018-04-01", end="2018-04-03", tz="UTC")
budgets = [ppe.TopCells(1000), ppe.Coverage(0.01)]
found, made = {}, {}

def steps(side, folder):
    events = events_of(side)
    yield "grid", lambda: made.update(grid=ppe.Grid.from_bounds(0, 0, side * 25, side * 25, cell=25, crs="EPSG:32617"))
    grid = made["grid"]
    until = schedule.windows.until[0]
    for name, forecaster in (("map", ppe.CountMap()), ("density", ppe.KDE(bandwidth=200))):
        def predict():
            made["risk"] = forecaster.fit(events.known_at(until), grid, until=until).predict(schedule.windows[:1])
        yield f"{name}, predicted", predict
        yield f"{name}, tallied", lambda: made.update(tally=ppe.tally(made["risk"], events, budgets, grid))
        if name == "density":
            yield "saved", lambda: ppe.save_surface(made["risk"], folder + "/risk.nc")
        del made["risk"]
    yield "stored, two nights", lambda: forecast_to_zarr(ppe.CountMap(), events, grid, schedule, folder + "/map.zarr")
    yield "tallied from the store", lambda: made.update(
        tally=ppe.tally(open_surfaces(folder + "/map.zarr"), events, budgets, grid))

import gc
for size in (40, side):
    for number, (name, step) in enumerate(steps(size, f"{folder}/{size}")):
        gc.collect()
        # Forget the peak so far.
        open("/proc/self/clear_refs", "w").write("5")
        before = status("VmRSS:")
        begun = time.process_time()
        step()
        found[name] = (status("VmHWM:") - before) / surface, time.process_time() - begun
grid = made["grid"]
print(json.dumps({
    "steps": found, "cells": grid.mask.size, "attributes": [type(getattr(grid, n)).__name__ for n in grid.__slots__],
    "boundary": [len(part) for part in grid.boundary], "hits": float(made["tally"].hits.sum()),
}))
"""


@pytest.mark.linux_only
def test_ten_million_cells_take_a_few_surfaces(tmp_path, full_run):
    side = 3200 if full_run else 1000
    for size in (40, side):
        (tmp_path / str(size)).mkdir()
    command = [sys.executable, "-c", STEPS, str(side), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["cells"] == side**2
    assert told["hits"] > 0
    # No geometry per cell: arrays, numbers, texts, and one polygon of five points.
    assert set(told["attributes"]) <= {"str", "int", "ndarray", "tuple"}
    assert told["boundary"] == [93]
    taken = {name: surfaces for name, (surfaces, _) in told["steps"].items()}
    # Twenty, and what libraries take that are loaded on the way.
    assert max(taken.values()) < 28, taken
    assert taken["grid"] < 4, taken
