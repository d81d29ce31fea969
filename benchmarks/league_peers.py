"""Five forecasters over many nights, and what a practitioner would write instead in numpy and scipy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

import predpol_eval as ppe
from benchmarks.twin import city

SIDE = 250
START = "2016-01-01"
FORECASTERS = {
    "three weeks": ppe.CountMap(),
    "all history": ppe.CountMap(lookback=None),
    "KDE": ppe.KDE(bandwidth=500),
    "prospective": ppe.ProspectiveHotspot(),
    "near repeat": ppe.NearRepeat(),
}


class League(NamedTuple):
    """The crimes of a square city, as the library's own things and as plain columns."""

    events: ppe.Events
    grid: ppe.Grid
    schedule: ppe.Schedule
    x: np.ndarray
    y: np.ndarray
    days: np.ndarray
    history: int
    nights: int
    cells: int
    side: int
    k: int


def scene(nights: int, crimes: int, cells: int) -> tuple[League]:
    """Two years of crimes, of which the last nights are forecast; a hundred boxes (of a small city, a tenth)."""
    x, y, _ = city(crimes, cells, SIDE)
    x, y = (np.minimum(part.round(3), cells * SIDE - 0.001) for part in (x, y))
    minutes = np.sort(np.random.default_rng(nights).integers(0, 24 * 60 * 730, crimes))
    times = pd.Timestamp(START) + pd.to_timedelta(minutes, unit="min")
    events = ppe.Events.from_frame(
        pd.DataFrame({"x": x, "y": y, "t": times}), crs="EPSG:32617", tz="UTC", observed=[(START, _day(730))]
    )
    grid = ppe.Grid.from_bounds(0, 0, cells * SIDE, cells * SIDE, cell=SIDE, crs="EPSG:32617")
    schedule = ppe.Schedule(start=_day(730 - nights), end=_day(730), tz="UTC")
    k = min(100, cells * cells // 10)
    return (League(events, grid, schedule, x, y, minutes / 1440, 730 - nights, nights, cells, SIDE, k),)


def _day(number: int) -> str:
    return str(np.datetime64(START) + number)


def with_the_library(league: League) -> np.ndarray:
    """Crimes that each forecaster catches, by night."""
    out = ppe.backtest(
        FORECASTERS, league.events, league.grid, league.schedule, budgets=ppe.TopCells(league.k), progress=False
    )
    return out["hits"].to_numpy().reshape(len(FORECASTERS), -1)


def _stencils() -> tuple[np.ndarray, np.ndarray]:
    """Weights of the cells around a crime: prospective, and near repeat."""
    near, wide = np.abs(np.arange(-1, 2)), np.abs(np.arange(-2, 3))
    gap = np.maximum(wide - 0.5, 0) * SIDE
    return 1 / (1 + np.maximum.outer(near, near)), np.maximum(0, 1 - np.hypot.outer(gap, gap) / 400)


def numpy_by_night(league: League) -> np.ndarray:
    """Twenty lines: masks, histograms, filters and a sort; ties fall as the sort leaves them."""
    from scipy.ndimage import convolve, gaussian_filter

    edges = [np.arange(league.cells + 1) * league.side] * 2
    around, close = _stencils()
    caught = np.zeros((5, league.nights))

    def histogram(which: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        return np.histogram2d(league.y[which], league.x[which], bins=edges, weights=weight)[0]

    for night in range(league.nights):
        until = league.history + night
        age = until - league.days
        past, lately, weeks = age > 0, (age > 0) & (age <= 21), (age > 0) & (age < 56)
        tonight, history = histogram((age <= 0) & (age > -1)).ravel(), histogram(past)
        risks = (
            histogram(lately),
            history,
            gaussian_filter(history, 500 / league.side, mode="constant"),
            convolve(histogram(weeks, 1 / (1 + np.floor(age[weeks] / 7))), around, mode="constant"),
            convolve(histogram(lately, 1 - age[lately] / 21), close, mode="constant"),
        )
        for number, risk in enumerate(risks):
            caught[number, night] = tonight[np.argsort(-risk.ravel(), kind="stable")[: league.k]].sum()
    return caught


def binned_beforehand(league: League) -> np.ndarray:
    """The same by somebody with an eye for speed: cells found once, slices of sorted times, a partial sort."""
    from scipy.ndimage import convolve, gaussian_filter

    n = league.cells
    cell = (league.y // league.side).astype(int) * n + (league.x // league.side).astype(int)
    around, close = _stencils()
    caught = np.zeros((5, league.nights))

    def histogram(first: int, stop: int, weight: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(cell[first:stop], weight, n * n).reshape(n, n).astype(float)

    for night in range(league.nights):
        until = league.history + night
        lately, weeks, now, end = np.searchsorted(league.days, [until - 21, until - 56, until, until + 1])
        tonight, history = histogram(now, end).ravel(), histogram(0, now)
        young, recent = until - league.days[weeks:now], until - league.days[lately:now]
        risks = (
            histogram(lately, now),
            history,
            gaussian_filter(history, 500 / league.side, mode="constant"),
            convolve(histogram(weeks, now, 1 / (1 + np.floor(young / 7))), around, mode="constant"),
            convolve(histogram(lately, now, 1 - recent / 21), close, mode="constant"),
        )
        for number, risk in enumerate(risks):
            caught[number, night] = tonight[np.argpartition(-risk.ravel(), league.k)[: league.k]].sum()
    return caught
