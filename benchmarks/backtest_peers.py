"""A whole backtest, and what a practitioner would write instead: a loop over nights in numpy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

import predpol_eval as ppe

SIDE = 250
START, HISTORY = "2018-01-01", 30
PER_DAY = 20
SHARE = 0.05


class Scene(NamedTuple):
    """The crimes of a square city, as the library's own things and as plain columns."""

    events: ppe.Events
    grid: ppe.Grid
    schedule: ppe.Schedule
    x: np.ndarray
    y: np.ndarray
    hours: np.ndarray
    start: str
    history: int
    nights: int
    cells: int
    side: int
    share: float


def scene(nights: int, cells: int) -> tuple[Scene]:
    """Twenty crimes a day, in a city of cells x cells, for a month and the nights to forecast."""
    rng = np.random.default_rng(nights)
    days = HISTORY + nights
    x, y = rng.uniform(0, cells * SIDE, (2, PER_DAY * days)).round(3)
    hours = np.sort(rng.integers(0, 24 * days, PER_DAY * days))
    times = pd.Timestamp(START) + pd.to_timedelta(hours, unit="h")
    events = ppe.Events.from_frame(
        pd.DataFrame({"x": x, "y": y, "t": times}), crs="EPSG:32617", tz="UTC", observed=[(START, _day(days))]
    )
    grid = ppe.Grid.from_bounds(0, 0, cells * SIDE, cells * SIDE, cell=SIDE, crs="EPSG:32617")
    schedule = ppe.Schedule(start=_day(HISTORY), end=_day(days), tz="UTC")
    return (Scene(events, grid, schedule, x, y, hours, START, HISTORY, nights, cells, SIDE, SHARE),)


def _day(number: int) -> str:
    return str(np.datetime64(START) + number)


def with_the_library(city: Scene) -> np.ndarray:
    """Crimes that the three-week map catches, by night."""
    out = ppe.backtest(
        {"map": ppe.CountMap()}, city.events, city.grid, city.schedule, budgets=ppe.Coverage(SHARE), progress=False
    )
    return out["hits"].to_numpy().ravel()


def numpy_by_night(city: Scene) -> np.ndarray:
    """A histogram, a sort and a sum; ties fall as the sort leaves them, and all cells count as whole."""
    edges = [np.arange(city.cells + 1) * SIDE] * 2
    caught = np.empty(city.nights)
    places = round(SHARE * city.cells**2)
    for night in range(city.nights):
        start = 24 * (HISTORY + night)
        past = (city.hours >= start - 21 * 24) & (city.hours < start)
        tonight = (city.hours >= start) & (city.hours < start + 24)
        risk = np.histogram2d(city.y[past], city.x[past], bins=edges)[0].ravel()
        crimes = np.histogram2d(city.y[tonight], city.x[tonight], bins=edges)[0].ravel()
        caught[night] = crimes[np.argsort(-risk, kind="stable")[:places]].sum()
    return caught
