"""Which forecaster would have flagged tomorrow's crimes in two real cities? Writes docs/tables/league_*.md.

    python docs/scripts/league.py DATA [--city toronto] [--n-jobs 2]

DATA is the folder that holds the publishers' files (`toronto/`, `chicago/`). Every forecaster is fitted afresh for
every night and kind of crime, from what was known when the night began; nothing is drawn at random, so that the same
files give the same tables. tests/backtests/test_real_cities.py holds the run to its limits of time and memory.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import geopandas
import xarray as xr

import predpol_eval as ppe

TABLES = Path(__file__).resolve().parents[1] / "tables"
DENSITY, REPLAYED = "KDE", "KDE, replayed from a file"
FORECASTERS = {
    "Uniform": ppe.Uniform(),
    "CountMap": ppe.CountMap(),
    DENSITY: ppe.KDE(bandwidth=500),
    "ProspectiveHotspot": ppe.ProspectiveHotspot(),
    "NearRepeat": ppe.NearRepeat(),
    "SelfExciting": ppe.SelfExciting(),
}
BUDGETS = (ppe.TopCells(10, per="area"), ppe.Coverage(0.01), ppe.Coverage(0.02), ppe.Coverage(0.05))
RATIOS = {
    "hit rate": (ppe.hit_rate, 3),
    "PAI": (ppe.pai, 2),
    "lift": (ppe.lift, 2),
    "PEI": (ppe.pei, 3),
    "precision": (ppe.precision, 4),
}


class City(NamedTuple):
    """A city's crimes, its cells and the nights to forecast."""

    name: str
    areas: str
    events: ppe.Events
    grid: ppe.Grid
    schedule: ppe.Schedule


def toronto(data: Path) -> City:
    """Toronto's 140 neighbourhoods in the summer of 2018."""
    kinds = ["Break and Enter", "Auto Theft", "Robbery"]
    events = ppe.read_events(data / "toronto" / "toronto_mci_2014_2018.csv.gz", format="toronto", kinds=kinds)
    areas = geopandas.read_file(data / "toronto" / "neighbourhoods_140.geojson").to_crs(events.crs)
    grid = ppe.Grid.from_areas(areas, cell=250, label="AREA_SHORT_CODE")
    schedule = ppe.Schedule(start="2018-06-01", end="2018-09-01", tz=events.tz)
    return City("Toronto", "140 neighbourhoods", events, grid, schedule)


def chicago(data: Path) -> City:
    """Chicago's police districts in the spring of 2018; district 31 is outside the city police."""
    kinds = ["BURGLARY", "MOTOR VEHICLE THEFT", "ROBBERY"]
    events = ppe.read_events(data / "chicago" / "chicago_crimes_2018_jan_aug.parquet", format="chicago", kinds=kinds)
    areas = geopandas.read_file(data / "chicago" / "police_districts.geojson").to_crs(events.crs)
    grid = ppe.Grid.from_areas(areas[areas["district"] != 31], cell=250, label="district")
    schedule = ppe.Schedule(start="2018-05-01", end="2018-08-01", tz=events.tz)
    return City("Chicago", "22 police districts", events, grid, schedule)


CITIES: dict[str, Callable[[Path], City]] = {"toronto": toronto, "chicago": chicago}


def play(city: City, folder: Path, n_jobs: int | None = None) -> xr.Dataset:
    """Tally all forecasters, and the density once more from surfaces saved in `folder`, one file per kind."""
    asked = {"grid": city.grid, "schedule": city.schedule, "budgets": BUDGETS, "n_jobs": n_jobs, "progress": False}
    with warnings.catch_warnings():
        # One neighbourhood of Toronto has fewer than ten cells; the table says so.
        warnings.filterwarnings("ignore", message=".*asks for more cells", category=ppe.PredPolWarning)
        tally = ppe.backtest(FORECASTERS, city.events, kinds=city.events.kinds, **asked)
        replayed = [
            ppe.backtest({REPLAYED: replay}, city.events, kinds=kind, **asked) for kind, replay in saved(city, folder)
        ]
    return xr.concat([tally, xr.concat(replayed, "kind")], "forecaster", combine_attrs="override")


def saved(city: City, folder: Path) -> Iterator[tuple[str, ppe.External]]:
    """The density's surfaces of each kind, written to a file and read back."""
    for kind in city.events.kinds:
        path = surface_file(folder, DENSITY, kind)
        save(city, DENSITY, kind, path)
        yield kind, ppe.External.from_file(path, name=REPLAYED)


def save(city: City, forecaster: str, kind: str, path: Path) -> None:
    """Write a forecaster's surfaces of all nights."""
    crimes = city.events.select(kinds=kind)
    ppe.save_surface(ppe.forecast(FORECASTERS[forecaster], crimes, city.grid, city.schedule), path)


def surface_file(folder: Path, forecaster: str, kind: str) -> Path:
    """Where a forecaster's surfaces of one kind are saved."""
    return folder / f"{forecaster} {kind}.nc".replace(" ", "_").lower()


class Watch(threading.Thread):
    """Peak memory of this process and all its children, in gigabytes, where the system tells (else 0)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self._done = 0.0, threading.Event()

    def run(self) -> None:
        """Look ten times a second."""
        while not self._done.wait(0.1):
            self.peak = max(self.peak, _resident_gigabytes())

    def stop(self) -> float:
        """End, and give the peak."""
        self._done.set()
        self.join()
        return self.peak


def _resident_gigabytes() -> float:
    parent, resident = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            resident[int(folder.name)] = int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    total = 0
    for process, size in resident.items():
        above = process
        while above not in (os.getpid(), 0, None):
            above = parent.get(above)
        total += size if above == os.getpid() else 0
    return total / 1e9


def page(city: City, tally: xr.Dataset) -> str:
    """The table as a page of the manual."""
    grid, nights = city.grid, tally.sizes["window"]
    cut = int(((grid.inside_m2 > 0) & (grid.inside_m2 < grid.cell**2)).sum())
    small = int((grid.label_cells < 10).sum())
    last = str(tally["window"].dt.strftime("%Y-%m-%d").values[-1])
    setting = (
        f"Nights from {city.schedule.start} to {last}; {city.areas}; {grid.mask.sum():,} cells of {grid.cell:g} m, "
        f"{cut:,} of them cut by the border; areas with fewer than ten cells: {small}. Each forecaster at its defaults "
        "(KDE with a bandwidth of 500 m), fitted afresh for every night and each kind by itself, from what was known "
        "when the night began. Sums over all nights and areas, divided once. Ties count by their expectation; where "
        "worst and best lie far apart, the order of the tied cells would have decided. The replayed KDE was saved as a "
        "file and read back: somebody else's predictions take the same way."
    )
    source = f"{city.events.report.attribution} Made by `docs/scripts/league.py`."
    lines = ["---", "orphan: true", "---", "", f"# Six forecasters in {city.name}, {nights} nights", ""]
    lines += [textwrap.fill(setting, 120), "", textwrap.fill(source, 120), ""]
    total = tally.sum(["window", "area"])
    for kind in tally["kind"].values:
        here = total.sel(kind=kind)
        failed = int((tally["status"].sel(kind=kind) != "ok").sum())
        outside = int(tally["outside"].sel(kind=kind).isel(forecaster=0).sum())
        crimes = int(here["events"].isel(forecaster=0))
        lines += [
            f"## {kind}",
            "",
            f"{crimes:,} crimes in the cells, {outside:,} outside; nights failed: {failed}.",
            "",
            f"| budget | forecaster | caught | at worst to best | {' | '.join(RATIOS)} |",
            f"| --- | --- | ---: | ---: |{' ---: |' * len(RATIOS)}",
        ]
        for budget in tally["budget"].values:
            for name in tally["forecaster"].values:
                row = here.sel(budget=budget, forecaster=name)
                ratios = [f"{float(ratio(row)):.{digits}f}" for ratio, digits in RATIOS.values()]
                spread = f"{float(row.hits_worst):,.0f} to {float(row.hits_best):,.0f}"
                lines.append(f"| {budget} | {name} | {float(row.hits):,.1f} | {spread} | {' | '.join(ratios)} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Play the league of each city, write its page, say how long it took and how much memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--city", choices=CITIES, action="append")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--target", type=Path, default=TABLES)
    chosen = parser.parse_args()
    chosen.target.mkdir(exist_ok=True)
    for name in chosen.city or CITIES:
        city = CITIES[name](chosen.data)
        watch = Watch()
        watch.start()
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            tally = play(city, Path(folder), chosen.n_jobs)
        took, peak = time.perf_counter() - begun, watch.stop()
        (chosen.target / f"league_{name}.md").write_text(page(city, tally), encoding="utf-8")
        print(f"{city.name}: {took:.0f} s on {chosen.n_jobs} workers, peak {peak:.2f} GB")


if __name__ == "__main__":
    main()
