"""Crimes that follow a forecaster: every week is drawn from its own forecast of what was drawn before."""

from __future__ import annotations

import numpy as np
import pandas as pd

import predpol_eval as ppe
from predpol_eval.schedule import Windows

CRS = "EPSG:27700"
WEEK = np.timedelta64(7, "D")
START = np.datetime64("2017-01-07", "ns")
GRID = ppe.Grid.from_bounds(1000, 2000, 1000 + 16 * 250, 2000 + 12 * 250, cell=250, crs=CRS)


def events_of(times, x, y, end) -> ppe.Events:
    frame = pd.DataFrame({"t": pd.DatetimeIndex(times).tz_localize("UTC"), "x": x, "y": y})
    observed = [(pd.Timestamp(START, tz="UTC"), pd.Timestamp(end, tz="UTC"))]
    return ppe.Events.from_frame(frame, crs=CRS, tz="UTC", observed=observed)


def urn(truth, *, weeks: int, per_week: float, seed: int, share: float = 0.1) -> ppe.Events:
    """Draw crimes week by week.

    `truth(events, until)` gives the expected counts of a week in every cell. The first weeks are drawn from a few hot
    spots; of the rest a `share` is spread evenly, and the total is held at `per_week`, so that the city neither
    explodes nor dies.
    """
    rng = np.random.default_rng(seed)
    hot = rng.dirichlet(np.full(GRID.mask.size, 0.1)).reshape(GRID.shape)
    times, x, y = (np.array([], dtype=kind) for kind in ("datetime64[ns]", float, float))
    for week in range(weeks):
        start = START + week * WEEK
        rates = hot if week < 4 else truth(events_of(times, x, y, start), start)
        rates = per_week * ((1 - share) * rates / rates.sum() + share / rates.size)
        counts = rng.poisson(rates)
        row, column = (np.repeat(index, counts.ravel()) for index in np.indices(GRID.shape).reshape(2, -1))
        size = len(row)
        times = np.append(times, start + np.sort(rng.integers(0, 7 * 24 * 60, size)).astype("timedelta64[m]"))
        x = np.append(x, 1000 + 250 * (column + rng.uniform(0, 1, size)))
        y = np.append(y, 2000 + 250 * (row + rng.uniform(0, 1, size)))
    return events_of(times, x.round(2), y.round(2), START + weeks * WEEK)


def week_of(forecaster, events, start) -> np.ndarray:
    """Expected counts of the week that begins at `start`."""
    window = Windows(np.array([start]), np.array([start + WEEK]), np.array([start]), "UTC")
    return forecaster.fit(events, GRID, until=start).predict(window).to_numpy()[0]
