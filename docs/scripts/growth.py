"""What do twice the crimes, cells, nights or forecasters cost? Writes docs/tables/growth.md.

    python docs/scripts/growth.py [--repeats 3] [--city DATA]

A made-up city, seeded: crimes around many centres, all seven kinds of forecaster, two budgets, one worker. One thing is
doubled three times while the others stay; each size runs in a process of its own. Seconds are of the processor, the
least of several runs after one that warms up; memory is the peak of the whole process. With --city the peak of
Toronto's league is measured, too: DATA is the folder that holds the publishers' files.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import predpol_eval as ppe

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "tables" / "growth.md"
SEED, DOUBLINGS, LIMIT = 20180101, 3, 2.3
CELL, COLUMNS, DAYS = 250.0, 50, 730


class Size(NamedTuple):
    """How much there is of everything."""

    events: int = 20_000
    cells: int = 10_000
    nights: int = 28
    forecasters: int = 7


BASE = Size()
WHAT = {"events": "crimes", "cells": "cells", "nights": "nights", "forecasters": "forecasters"}
# Fewer to begin with, so that all eight times as many are of the same kind.
START = {"forecasters": BASE._replace(forecasters=2, cells=2_500)}


class Found(NamedTuple):
    """Seconds of the processor, and peak memory in MiB."""

    seconds: float
    mebibytes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--city", type=Path, help="folder of the publishers' files")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(alone(json.loads(given.one))))
        return
    measured = {what: [measure(size, given.repeats) for size in sizes(what)] for what in WHAT}
    city = measure_city(given.city) if given.city else None
    TABLE.write_text(page(measured, city), encoding="utf-8")


def sizes(what: str) -> list[Size]:
    """The size to begin with, and three doublings of one thing."""
    start = START.get(what, BASE)
    return [start._replace(**{what: getattr(start, what) * 2**n}) for n in range(DOUBLINGS + 1)]


def measure(size: Size, repeats: int) -> Found:
    """Measure one size in a process of its own."""
    return Found(*_run_alone({"size": size, "repeats": repeats}))


def measure_city(data: Path) -> Found:
    """Measure Toronto's league: 92 nights, seven forecasters, three kinds, all cells of 250 m."""
    return Found(*_run_alone({"city": str(data)}))


def _run_alone(asked: dict[str, Any]) -> list[float]:
    command = [sys.executable, str(Path(__file__).resolve()), "--one", json.dumps(asked)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, env=_one_thread())
    found: list[float] = json.loads(done.stdout)
    return found


def _one_thread() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def alone(asked: dict[str, Any]) -> Found:
    """What a process of its own does."""
    warnings.simplefilter("ignore", ppe.PredPolWarning)
    if "city" in asked:
        return _city(Path(asked["city"]))
    _backtest(BASE._replace(events=500, cells=400, nights=8))
    size, seconds = Size(*asked["size"]), []
    for _ in range(asked["repeats"]):
        begun = time.process_time()
        _backtest(size)
        seconds.append(time.process_time() - begun)
    return Found(min(seconds), _peak())


def _peak() -> float:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def _backtest(size: Size) -> None:
    events, grid = town(size)
    first = pd.Timestamp("2018-01-01") + pd.Timedelta(days=DAYS - size.nights)
    last = first + pd.Timedelta(days=size.nights)
    schedule = ppe.Schedule(start=str(first.date()), end=str(last.date()), tz="UTC")
    some = forecasters(size.forecasters, events, grid, schedule)
    out = ppe.backtest(some, events, grid, schedule, budgets=[ppe.TopCells(50), ppe.Coverage(0.01)], progress=False)
    if (out["status"] != "ok").any():
        raise RuntimeError(str(out["reason"].to_numpy().ravel()[0]))


def town(size: Size) -> tuple[ppe.Events, ppe.Grid]:
    """Crimes around as many centres as a town of this many cells has, over two years."""
    rng = np.random.default_rng(SEED)
    extent = np.array([COLUMNS, size.cells // COLUMNS]) * CELL
    centres = rng.uniform(0, extent, (200, 2))
    place = centres[rng.integers(0, len(centres), size.events)] + rng.normal(0, 2 * CELL, (size.events, 2))
    hours = np.sort(rng.integers(0, DAYS * 24, size.events))
    frame = pd.DataFrame(np.clip(place, 1, extent - 1).round(3), columns=["x", "y"])
    frame["t"] = pd.Timestamp("2018-01-01") + pd.to_timedelta(hours, unit="h")
    observed = [("2018-01-01", str((pd.Timestamp("2018-01-01") + pd.Timedelta(days=DAYS)).date()))]
    events = ppe.Events.from_frame(frame, crs="EPSG:32617", tz="UTC", observed=observed)
    return events, ppe.Grid.from_bounds(0, 0, *extent, cell=CELL, crs="EPSG:32617")


def forecasters(number: int, events: ppe.Events, grid: ppe.Grid, schedule: ppe.Schedule) -> dict[str, Any]:
    """All seven kinds; of any other number, as many densities of different widths."""
    if number != BASE.forecasters:
        return {f"density {n}": ppe.KDE(bandwidth=400.0 + 10 * n) for n in range(number)}
    replayed = ppe.forecast(ppe.CountMap(), events, grid, schedule)
    return {
        "floor": ppe.Uniform(),
        "map": ppe.CountMap(),
        "density": ppe.KDE(bandwidth=500),
        "prospective": ppe.ProspectiveHotspot(),
        "near repeats": ppe.NearRepeat(),
        "self-exciting": ppe.SelfExciting(),
        "replayed": ppe.External(surface=replayed, name="replayed"),
    }


def _city(data: Path) -> Found:
    from docs.scripts.league_cities import toronto

    city = toronto(data)
    begun = time.process_time()
    some = forecasters(BASE.forecasters, city.events, city.grid, city.schedule)
    budgets = [ppe.TopCells(10, per="area"), ppe.Coverage(0.01), ppe.Coverage(0.02), ppe.Coverage(0.05)]
    ppe.backtest(some, city.events, city.grid, city.schedule, budgets=budgets, kinds=city.events.kinds, progress=False)
    return Found(time.process_time() - begun, _peak())


def page(measured: dict[str, list[Found]], city: Found | None) -> str:
    """The table as Markdown."""
    rows = []
    for what, found in measured.items():
        numbers = [getattr(size, what) for size in sizes(what)]
        factors = [after.seconds / before.seconds for before, after in itertools.pairwise(found)]
        for place, (number, one) in enumerate(zip(numbers, found, strict=True)):
            factor = f"{factors[place - 1]:.2f}" if place else ""
            rows.append(f"| {WHAT[what]} | {number:,} | {one.seconds:.2f} | {factor} | {one.mebibytes:,.0f} |")
    worst = {
        what: max(after.seconds / before.seconds for before, after in itertools.pairwise(found))
        for what, found in measured.items()
    }
    above = [WHAT[what] for what, factor in worst.items() if factor > LIMIT]
    verdict = f"No doubling costs more than {max(worst.values()):.2f} times as much." if not above else (
        f"Above {LIMIT} times as much for a doubling: {', '.join(above)}."
    )  # fmt: skip
    base = f"{BASE.events:,} crimes, {BASE.cells:,} cells, {BASE.nights} nights"
    told = (
        f"Three doublings of one thing, the others as at the start: {base}, all seven kinds of forecaster. Doublings "
        "of the forecasters are densities of different widths, on a quarter of the cells. Processor seconds of one "
        "process, the least of several runs; peak memory of the whole process. Made by `docs/scripts/growth.py`."
    )
    if city is not None:
        verdict += (
            " Toronto, 92 nights, seven forecasters, three kinds of crime, 140 areas, cells of 250 m, one worker: peak "
            f"of {city.mebibytes:,.0f} MiB, {city.seconds:.0f} processor seconds."
        )
    head = ["---", "orphan: true", "---", "", "# What twice as much costs", ""]
    table = ["| doubled | number | seconds | times as much | peak MiB |", "| --- | ---: | ---: | ---: | ---: |", *rows]
    return "\n".join([*head, textwrap.fill(told, 120), "", textwrap.fill(verdict, 120), "", *table, ""])


if __name__ == "__main__":
    main()
