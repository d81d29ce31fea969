"""Tallies of two forecasters whose difference is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

DAY = np.timedelta64(1, "D")
START = np.datetime64("2018-01-01", "ns")


def two(hits_a: Any, hits_b: Any, events: Any, **more: Any) -> xr.Dataset:
    """Tally of forecasters A and B from plain lists, one number a night."""
    nights = len(events)
    flagged = {name: ("window", np.full(nights, float(value))) for name, value in more.items()}
    return xr.Dataset(
        {
            "hits": (("forecaster", "window"), np.array([hits_a, hits_b], dtype=float)),
            "events": ("window", np.array(events, dtype=float)),
            **flagged,
        },
        coords={"forecaster": ["A", "B"], "window": START + np.arange(nights) * DAY},
    )


def sides(tally: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Each forecaster's part."""
    return tally.sel(forecaster="A"), tally.sel(forecaster="B")


def random_tally(
    seed: int, nights: int = 60, rate: float = 12.0, better: float = 0.0, missing: tuple[int, ...] = ()
) -> xr.Dataset:
    """Hits at random; A catches a share `better` more than B; A misses some nights."""
    generator = np.random.default_rng(seed)
    events = generator.poisson(rate, nights)
    a, b = (generator.binomial(events, share).astype(float) for share in (0.3 + better, 0.3))
    made = two(a, b, events, budget_m2=1e6, total_m2=1e8, flagged_m2=1e6)
    for night in missing:
        made["hits"][{"forecaster": 0, "window": night}] = np.nan
    return made


def nightly(seed: int, nights: int = 30) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Differences and crimes of nights, some without crime."""
    generator = np.random.default_rng(seed)
    n = generator.poisson(4, nights).astype(float)
    d = generator.binomial(n.astype(int), 0.4) - generator.binomial(n.astype(int), 0.3)
    return d.astype(float), n
