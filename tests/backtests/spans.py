"""The made-up city with crimes of uncertain time: hours, days, and weeks that reach across blocks of nights."""

from __future__ import annotations

import numpy as np

from tests.backtests import cities


def city(seed: int = 6, start: str = "2018-03-02", end: str = "2018-03-21") -> cities.City:
    """Nineteen nights (three blocks), across the change to summer time."""
    frame = cities.raw(seed, crimes=500)
    rng = np.random.default_rng(seed)
    exact = rng.random(len(frame)) < 0.4
    hours = np.where(exact, 0, np.exp(rng.normal(3.2, 1.9, len(frame))).astype(int).clip(1, 900))
    last = np.minimum(cities.moments(frame["t"]) + hours.astype("timedelta64[h]"), np.datetime64("2018-04-20T00"))
    return cities.city(frame.assign(last=cities.as_text(last)), start=start, end=end, happened_until="last")
