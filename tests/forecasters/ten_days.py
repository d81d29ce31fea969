"""Crimes of ten observed days on a plain grid, and their forecast for the night after."""

from __future__ import annotations

import numpy as np
import pandas as pd

import predpol_eval as ppe
from tests.forecasters.towns import CRS

FULL = ppe.Grid.from_bounds(0, 0, 2000, 1600, cell=200, crs=CRS)
FAR = ppe.Grid.from_bounds(-200_000, -200_000, 200_000, 200_000, cell=4000, crs=CRS)


def crimes(x, y, times="2018-05-01", **named):
    x = np.asarray(x, dtype=float)
    frame = pd.DataFrame({"t": np.broadcast_to(times, x.shape), "x": x, "y": y, **named})
    observed = [("2018-05-01", "2018-05-11")]
    return ppe.Events.from_frame(frame, crs=CRS, tz="UTC", observed=observed, **{k: k for k in named})


def night():
    return ppe.Schedule(start="2018-05-11", end="2018-05-12", tz="UTC").windows


def layer(form, events, grid=FULL):
    """Expected count of one night after ten observed days."""
    return form.fit(events, grid, until="2018-05-11").predict(night())[0]


def some_crimes(n=40, seed=0, beyond=300):
    rng = np.random.default_rng(seed)
    return crimes(rng.uniform(-beyond, 2000 + beyond, n), rng.uniform(-beyond, 1600 + beyond, n))
