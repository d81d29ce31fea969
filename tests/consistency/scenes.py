"""Surfaces and whole crimes for the tests of consistency."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import predpol_eval as ppe
from tests.strategies import City, city_of, nights, row_of_cells


def scene(rates: Any, crimes: Any) -> tuple[xr.DataArray, xr.DataArray]:
    """Surface and counts of arrays (windows, cells)."""
    cells = np.shape(rates)[1]
    city = city_of(np.array(rates).tolist(), np.array(crimes, dtype=float).tolist(), [1.0] * cells, "expected_count")
    return city.risk, city.crimes


def whole(city: City) -> City:
    """The same city with whole crimes."""
    return city._replace(crimes=np.ceil(city.crimes).assign_attrs(city.crimes.attrs))


def bins_of(city: City) -> tuple[np.ndarray, np.ndarray]:
    """Expected and recorded crimes (windows, cells) of the study area."""
    mask = city.grid.mask
    return city.risk.to_numpy()[:, mask], city.crimes.to_numpy()[:, mask]


def many_nights(rates: np.ndarray, crimes: np.ndarray) -> tuple[xr.DataArray, xr.DataArray]:
    """Surface and counts of up to 31 nights, without lists, for simulations."""
    grid = row_of_cells([1.0] * rates.shape[-1])
    windows = nights(rates.shape[-2])
    risk = ppe.make_surface(np.broadcast_to(rates, crimes.shape)[:, None], grid, windows, kind="expected_count")
    return risk, risk.copy(data=crimes[:, None].astype(float)).assign_attrs(grid=grid.fingerprint)
