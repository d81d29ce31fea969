"""Forecast and record as pyCSEP takes them; its magnitude bins stand for windows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from csep.core import binomial_evaluations as binomial
    from csep.core import poisson_evaluations as poisson
    from csep.core.catalogs import CSEPCatalog
    from csep.core.forecasts import GriddedForecast
    from csep.core.regions import CartesianGrid2D

__all__ = ["binomial", "forecast_and_catalog", "poisson"]


def forecast_and_catalog(rates: Any, crimes: Any) -> tuple[Any, Any]:
    """Gridded forecast and catalogue of arrays (windows, cells)."""
    windows, cells = np.shape(rates)
    bins = np.arange(windows) + 4.0
    region = CartesianGrid2D.from_origins(np.array([[float(c), 0.0] for c in range(cells)]), dh=1.0, magnitudes=bins)
    forecast = GriddedForecast(data=np.array(rates).T.copy(), region=region, magnitudes=bins, name="a")
    rows = [
        (f"{window}-{cell}-{number}", 0, 0.5, cell + 0.5, 1.0, bins[window] + 0.5)
        for window, cell in np.argwhere(np.array(crimes) > 0)
        for number in range(int(crimes[window][cell]))
    ]
    catalog = CSEPCatalog(data=rows, region=region)
    assert (np.array(crimes) == catalog.spatial_magnitude_counts().T).all()
    return forecast, catalog
