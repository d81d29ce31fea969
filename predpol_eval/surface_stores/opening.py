"""Open a store of surfaces: what is in it is known at once, and a night is loaded when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.surface import KINDS
from predpol_eval.surface_stores.chunks import need_extra, opened, read_chunk
from predpol_eval.surface_stores.layout import (
    COORDINATES,
    FINISHED,
    NANOSECONDS,
    SURFACES,
    Sizes,
    forms,
    marked,
    read_arrays,
    read_group,
)

if TYPE_CHECKING:
    import xarray as xr


class Nights:
    """The surfaces of a store by the number of their night; can be sent to other processes that see the same folder."""

    def __init__(self, root: Path, sizes: Sizes) -> None:
        self.root, self.sizes = root, sizes
        self._array: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Without what is open.
        return Nights, (self.root, self.sizes)

    def __call__(self, night: int) -> npt.NDArray[np.float64]:
        """Surface of one night, shape (1, ny, nx)."""
        if self._array is None:
            self._array = opened(self.root, SURFACES, "r")
        return np.asarray(read_chunk(self.root, self._array, SURFACES, (night, 0, 0), self.sizes), dtype=np.float64)


def open_surfaces(path: str | Path, *, unfinished: bool = False) -> xr.DataArray:
    """Open what `forecast_to_zarr` wrote, without loading it: a night is read when its numbers are needed.

    Parameters
    ----------
    path : path
        Folder of the store.
    unfinished : bool
        Also open a store that is still being written, or whose run was interrupted, and give the nights that are
        whole.

    Returns
    -------
    xarray.DataArray
        The surface, backed by dask with one chunk a night. `tally` goes through it night by night, so that it may be
        much larger than memory; ``.load()`` reads it all.

    Raises
    ------
    InputError
        If there is no such store, it is not finished, or it was not written by `forecast_to_zarr` in this version. A
        night that was damaged since is refused when it is read.

    Examples
    --------
    >>> import tempfile, pathlib, pandas as pd, predpol_eval as ppe
    >>> frame = pd.DataFrame({"x": [10.0, 300.0], "y": [10.0, 10.0], "t": ["2018-05-01", "2018-05-02"]})
    >>> events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> nights = ppe.Schedule(start="2018-05-02", end="2018-05-04", tz="Europe/London")
    >>> folder = tempfile.TemporaryDirectory()
    >>> from predpol_eval.surface_stores import forecast_to_zarr
    >>> made = forecast_to_zarr(ppe.CountMap(), events, grid, nights, pathlib.Path(folder.name, "map.zarr"))
    >>> risk = open_surfaces(pathlib.Path(folder.name, "map.zarr"))
    >>> risk.chunks
    ((1, 1), (1,), (2,))
    >>> risk.sel(window="2018-05-01T23:00").to_numpy().tolist()
    [[1.0, 0.0]]
    >>> folder.cleanup()
    """
    need_extra()
    # Absolute, so that it can be read in a worker process with another working folder.
    root = Path(path).absolute()
    read_group(root)
    sizes, attributes = read_arrays(root)
    whole = np.array(sorted(marked(root) & set(range(sizes.window))), dtype=np.int64)
    if len(whole) < sizes.window and not unfinished:
        raise InputError(
            f"{sizes.window - len(whole):,} of {sizes.window:,} nights of {root.name!r} are not finished. Run "
            "ppe.forecast_to_zarr(...) as before, and it goes on; or open the nights there are with unfinished=True."
        )
    kind = attributes[SURFACES].get("kind")
    if kind not in KINDS:
        raise InputError(
            f"The surfaces of {root.name!r} are of kind {kind!r}; expected one of {', '.join(map(repr, KINDS))}."
        )
    return _lazy(root, sizes, attributes, whole)


def _lazy(
    root: Path, sizes: Sizes, attributes: dict[str, dict[str, Any]], whole: npt.NDArray[np.int64]
) -> xr.DataArray:
    import dask.array
    import xarray as xr

    coords: dict[str, Any] = {}
    for name, form in forms(sizes).items():
        if name in (SURFACES, FINISHED):
            continue
        values = read_chunk(root, opened(root, name, "r"), name, (0,) * len(form.dims), sizes)
        attrs = dict(attributes[name])
        if form.stored == "int64":
            values = values.view("datetime64[ns]")[whole]
            attrs = {key: value for key, value in attrs.items() if key not in NANOSECONDS}
        coords[name] = (form.dims, values, attrs)
    if len(whole):
        values = dask.array.map_blocks(
            _night,
            Nights(root, sizes),
            whole,
            chunks=((1,) * len(whole), (sizes.y,), (sizes.x,)),
            dtype=np.float64,
            meta=np.empty((0, 0, 0)),
        )
    else:
        values = np.empty((0, sizes.y, sizes.x))
    attrs = {key: value for key, value in attributes[SURFACES].items() if key not in COORDINATES}
    return xr.DataArray(values, dims=("window", "y", "x"), coords=coords, name=SURFACES, attrs=attrs)


def _night(nights: Nights, whole: npt.NDArray[np.int64], block_id: tuple[int, ...]) -> npt.NDArray[np.float64]:
    return nights(int(whole[block_id[0]]))
