"""The main job at full size: six forecasters on a real city, and one of them again from a file; timed and weighed."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import xarray as xr

import predpol_eval as ppe
from docs.scripts.league_cities import City

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


def play(city: City, folder: Path, n_jobs: int | None = None) -> xr.Dataset:
    """Tally all forecasters, and the density once more from surfaces saved in `folder`, one file per kind."""
    asked = {"grid": city.grid, "schedule": city.schedule, "budgets": BUDGETS, "n_jobs": n_jobs, "progress": False}
    with warnings.catch_warnings():
        # One neighbourhood of Toronto has fewer than ten cells.
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
