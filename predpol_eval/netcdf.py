"""NetCDF files with a schema version, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr


def write_netcdf(data: xr.Dataset, path: Path) -> None:
    """Write a dataset beside `path`, flush it to disk and put it in place; an old file stays until then."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        data.to_netcdf(partial, engine="h5netcdf")
        with partial.open("rb+") as handle:
            os.fsync(handle.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_netcdf(path: Path, schema: str) -> xr.Dataset:
    """Read a dataset into memory and check its schema version.

    Raises
    ------
    InputError
        If there is no such file, it is not NetCDF, or its schema is another.
    """
    import xarray as xr

    if not path.is_file():
        raise InputError(f"There is no file {path.name} in {path.parent.name or '.'!r}; check the path.")
    try:
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            data = opened.load()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path.name} cannot be read as NetCDF 4 (HDF5): {error}") from error
    found = data.attrs.get("schema")
    if found != schema:
        raise InputError(
            f"{path.name} holds schema {found!r} but {schema!r} is expected; save it again with this version."
        )
    return data
