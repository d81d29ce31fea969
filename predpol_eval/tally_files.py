"""Tallies as files: written whole or not at all, and read back to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from predpol_eval.errors import InputError
from predpol_eval.netcdf import read_netcdf, write_netcdf

if TYPE_CHECKING:
    import xarray as xr

SCHEMA = "predpol_eval.tally/1"


def save_tally(tally: xr.Dataset, path: str | Path) -> None:
    """Save a tally, or sums of one, as NetCDF; `load_tally` gives it back to the bit.

    Parameters
    ----------
    tally : xarray.Dataset
        What `tally` or `backtest` returned. Its labels, ``status`` and ``reason`` are texts.
    path : path
        File to write; one that is there is replaced only when the new one is whole.

    Raises
    ------
    InputError
        If it is not a tally, or the name asks for another format.
    """
    import xarray as xr

    if not isinstance(tally, xr.Dataset) or "hits" not in tally or "events" not in tally:
        raise InputError(
            f"Expected a tally with hits and events, found {type(tally).__name__}; give what ppe.tally(...) or "
            "ppe.backtest(...) returned."
        )
    if Path(path).suffix.lower() == ".zarr":
        raise InputError(f"{Path(path).name} asks for Zarr; a tally is saved as NetCDF: give a name that ends in .nc.")
    data = tally.copy()
    data.attrs["schema"] = SCHEMA
    for variable in data.variables.values():
        # How another file stored it says nothing about this one; packing would lose digits.
        variable.encoding = {}
        if variable.dtype.kind == "f" and variable.ndim:
            variable.encoding = {"zlib": True, "complevel": 4, "shuffle": True, "_FillValue": None}
    write_netcdf(data, Path(path))


def load_tally(path: str | Path) -> xr.Dataset:
    """Load what `save_tally` wrote.

    Raises
    ------
    InputError
        If the file is missing, is not NetCDF, or was not written by `save_tally` in this version.

    Examples
    --------
    >>> import tempfile, pathlib, xarray as xr
    >>> folder = tempfile.TemporaryDirectory()
    >>> save_tally(xr.Dataset({"hits": 4.0, "events": 10.0}), pathlib.Path(folder.name, "sums.nc"))
    >>> load_tally(pathlib.Path(folder.name, "sums.nc")).hits.item()
    4.0
    >>> folder.cleanup()
    """
    import numpy as np

    data = read_netcdf(Path(path), SCHEMA)
    attrs = {name: value.item() if isinstance(value, np.generic) else value for name, value in data.attrs.items()}
    attrs.pop("schema")
    # Texts are objects in a tally; what a file gives depends on the version of xarray.
    texts = {
        str(name): (values.dims, values.to_numpy().astype(object), values.attrs)
        for name, values in data.variables.items()
        if values.dtype.kind in "UT"
    }
    result = data.assign_coords({name: text for name, text in texts.items() if name in data.coords})
    result = result.assign({name: text for name, text in texts.items() if name in data.data_vars})
    result.attrs = attrs
    return result
