"""Surfaces in a Zarr folder, one chunk a night: written night by night, opened without being loaded."""

from predpol_eval.surface_stores.forecasting import forecast_to_zarr
from predpol_eval.surface_stores.opening import open_surfaces

__all__ = ["forecast_to_zarr", "open_surfaces"]
