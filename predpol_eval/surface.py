"""What a risk surface is: make, check, save and load one.

A surface is an `xarray.DataArray` named ``risk`` with dimensions ``(..., window, y, x)``, NaN outside the study area.
``attrs["kind"]`` says what its numbers are: ``expected_count`` (crimes per cell and window), ``score`` (only their
order counts) or ``flags`` (1 where a box is to be patrolled, else 0).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.areas import ONE_AREA
from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.grid import Grid, check_grid
from predpol_eval.netcdf import read_netcdf, write_netcdf
from predpol_eval.schedule import Schedule, Windows, as_windows

if TYPE_CHECKING:
    import xarray as xr

SurfaceKind = Literal["expected_count", "score", "flags"]
KINDS: tuple[SurfaceKind, ...] = ("expected_count", "score", "flags")
UNITS = {"expected_count": "crimes per cell and window", "score": "1", "flags": "1"}
LONG_NAMES = {"expected_count": "expected number of crimes", "score": "risk score", "flags": "flagged"}
SCHEMA = "predpol_eval.surface/1"


def make_surface(
    values: npt.ArrayLike,
    grid: Grid,
    windows: Windows | Schedule,
    *,
    kind: SurfaceKind,
    forecaster: str = "",
    **attrs: Any,
) -> xr.DataArray:
    """Make a surface from plain numbers.

    Parameters
    ----------
    values : array, shape (windows, ny, nx)
        Numbers for every cell; those outside the study area are ignored. Row 0 is the southernmost.
    grid : Grid
    windows : Windows or Schedule
    kind : {"expected_count", "score", "flags"}
        What the numbers are; decides which metrics apply.
    forecaster : str
        Who made it.
    **attrs
        Further attributes (texts and numbers).

    Returns
    -------
    xarray.DataArray
        ``risk``, float64, with dimensions (window, y, x); the coordinate ``inside_m2`` (y, x) holds the cells' ground.

    Raises
    ------
    InputError
        If the shape is wrong, or a number inside the study area is missing, infinite or (unless a score) negative.

    Examples
    --------
    >>> from predpol_eval import Grid, Schedule
    >>> grid = Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> windows = Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> make_surface([[[0.5, 0.25]]], grid, windows, kind="expected_count").sum().item()
    0.75
    """
    import xarray as xr

    check_grid(grid)
    windows = as_windows(windows)
    numbers = np.array(values, dtype=np.float64)
    expected = (len(windows), *grid.shape)
    if numbers.shape != expected:
        raise InputError(
            f"The surface has shape {numbers.shape}; expected (windows, rows, columns) = {expected}, row 0 in the "
            "south."
        )
    numbers[:, ~grid.mask] = np.nan
    risk = xr.DataArray(
        numbers,
        dims=("window", "y", "x"),
        coords=coords_of(grid, windows),
        name="risk",
        attrs={
            "kind": kind,
            "long_name": LONG_NAMES.get(kind, ""),
            "units": UNITS.get(kind, ""),
            "forecaster": forecaster,
            "grid": grid.fingerprint,
            "crs": grid.crs,
            "cell": grid.cell,
            "tz": windows.tz,
            # The latest of the windows, each of which has its own as a coordinate.
            **({"until": str(windows.until.max())} if len(windows) else {}),
            **attrs,
        },
    )
    return check_surface(risk, grid)


def coords_of(grid: Grid, windows: Windows) -> dict[str, Any]:
    """Coordinates of a surface for xarray: when and where its numbers hold, and how much ground each cell has."""
    return {
        **windows.coords,
        "y": ("y", grid.y, {"units": "m", "long_name": "northing of the cell centre"}),
        "x": ("x", grid.x, {"units": "m", "long_name": "easting of the cell centre"}),
        "inside_m2": (("y", "x"), grid.inside_m2, {"units": "m2", "long_name": "area inside the study area"}),
    }


def grid_of(risk: xr.DataArray) -> Grid:
    """Give the cells of a surface as a grid of one area, from its coordinates.

    Raises
    ------
    InputError
        If the surface does not say what it was made on.

    Examples
    --------
    >>> from predpol_eval import Grid, Schedule
    >>> grid = Grid.from_bounds(0, 0, 500, 200, cell=250, crs="EPSG:27700")
    >>> windows = Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> grid_of(make_surface([[[0.5, 0.25]]], grid, windows, kind="score")).inside_m2.tolist()
    [[50000.0, 50000.0]]
    """
    _refuse_no_surface(risk)
    if (
        "inside_m2" not in getattr(risk, "coords", ())
        or not {"crs", "cell"} <= set(risk.attrs)
        or not risk["inside_m2"].size
    ):
        raise InputError(
            "The surface does not say how much ground each cell holds (coordinate inside_m2, attrs crs and cell), so "
            "cut cells cannot be told from whole ones; pass grid=..., or make it with ppe.make_surface(...)."
        )
    corner = [round(1000 * (float(risk[axis][0]) - risk.attrs["cell"] / 2)) for axis in ("x", "y")]
    inside = risk["inside_m2"].transpose("y", "x").to_numpy()
    return Grid(
        crs=risk.attrs["crs"],
        x0_mm=corner[0],
        y0_mm=corner[1],
        cell_mm=round(1000 * risk.attrs["cell"]),
        inside_m2=inside,
        label_code=np.where(inside > 0, 0, -1).astype(np.int32),
        labels=(ONE_AREA,),
    )


def check_surface(risk: xr.DataArray, grid: Grid) -> xr.DataArray:
    """Check that `risk` is a surface on `grid`, and give it back with dimensions (..., window, y, x).

    Raises
    ------
    InputError
        If a dimension, coordinate or attribute is missing, or a number is not allowed for its kind.
    NotComparableError
        If it was made on another grid.
    """
    check_grid(grid)
    _refuse_no_surface(risk)
    missing = [name for name in ("window", "y", "x") if name not in risk.dims]
    if missing:
        raise InputError(
            f"The surface has dimensions {tuple(risk.dims)} and lacks {', '.join(missing)}; expected (..., window, "
            "y, x)."
        )
    kind = risk.attrs.get("kind")
    if kind not in KINDS:
        raise InputError(
            f"The surface's attrs['kind'] is {kind!r}; expected one of {', '.join(map(repr, KINDS))}, since it decides "
            "which metrics apply. Use ppe.make_surface(..., kind=...)."
        )
    made_on = risk.attrs.get("grid")
    if made_on is not None and made_on != grid.fingerprint:
        raise NotComparableError(
            f"The surface was made on another grid (fingerprint {str(made_on)[:12]}..., here "
            f"{grid.fingerprint[:12]}...); make it again on this one, or tally it on its own."
        )
    # Most are in order; transposing costs more than all the other checks of a small grid.
    ordered = risk if risk.dims[-3:] == ("window", "y", "x") else risk.transpose(..., "window", "y", "x")
    if ordered.shape[-2:] != grid.shape:
        raise NotComparableError(f"The surface has {ordered.shape[-2:]} rows and columns, the grid {grid.shape}.")
    if not (np.array_equal(ordered["x"].to_numpy(), grid.x) and np.array_equal(ordered["y"].to_numpy(), grid.y)):
        raise NotComparableError(
            "The surface's x and y are not the cell centres of the grid (both must rise); use ppe.make_surface(...)."
        )
    Windows.from_coords(ordered)
    _refuse_numbers(ordered, grid)
    return ordered


def _refuse_numbers(ordered: xr.DataArray, grid: Grid) -> None:
    """Refuse numbers that are not allowed for the kind; those of a surface that is not loaded window by window."""
    kind, windows = ordered.attrs["kind"], ordered.sizes["window"]
    by_window = ordered.chunks is not None
    parts = (ordered.isel(window=[window]) for window in range(windows)) if by_window else (ordered,)
    gone, bad, negative, total, others = [], 0, 0, 0, False
    for part in parts:
        inside = part.to_numpy()[..., grid.mask]
        known = np.isfinite(inside)
        total += inside.size
        if not known.all():
            bad += int((~known).sum())
        gone.append(np.isnan(inside).all(axis=-1) if bad else np.zeros(inside.shape[:-1], dtype=bool))
        if kind != "score" and (inside < 0).any():
            negative += int((inside < 0).sum())
        others = others or (kind == "flags" and not np.isin(inside, (0.0, 1.0)).all())
    if bad:
        _refuse_whole_windows(ordered, np.concatenate(gone, axis=-1))
        raise InputError(
            f"{bad:,} of {total:,} numbers inside the study area are missing or infinite; every cell "
            "needs a finite number (0 for no risk)."
        )
    if negative:
        raise InputError(
            f"{negative:,} numbers of a surface of kind {kind!r} are negative; an expected count is at least 0."
        )
    if others:
        raise InputError("A surface of kind 'flags' holds 1 (flagged) and 0 only; for other numbers use kind='score'.")


def _refuse_no_surface(risk: Any) -> None:
    import xarray as xr

    if not isinstance(risk, xr.DataArray):
        found = "ndarray, a plain array" if isinstance(risk, np.ndarray) else type(risk).__name__
        raise InputError(
            f"A surface is an xarray.DataArray; found {found}. Use ppe.make_surface(values, grid, windows, kind=...), "
            "so that it says where and when it is."
        )


def _refuse_whole_windows(ordered: xr.DataArray, unknown: npt.NDArray[np.bool_]) -> None:
    """Refuse windows of which no cell is known, `unknown` (..., window): a failed night is not one without risk."""
    gone = np.flatnonzero(unknown.reshape(-1, unknown.shape[-1]).any(axis=0))
    if not len(gone):
        return
    starts = [str(start) for start in ordered["window"].to_numpy()[gone[:5]].astype("datetime64[m]")]
    more = f" and {len(gone) - 5:,} more" if len(gone) > 5 else ""
    alike = f".all({[str(dim) for dim in ordered.dims[:-3]]})" if ordered.ndim > 3 else ""
    raise InputError(
        f"{len(gone):,} of {unknown.shape[-1]:,} windows are missing (NaN) in every cell: {', '.join(starts)}{more} "
        "(start, UTC). A night that failed is not one without risk: leave these windows out, for all forecasters "
        f"alike: risk.sel(window=risk.notnull().any(['y', 'x']){alike})."
    )


def save_surface(risk: xr.DataArray, path: str | Path) -> None:
    """Save a surface as NetCDF; `load_surface` gives it back to the bit.

    Parameters
    ----------
    risk : xarray.DataArray
        A surface.
    path : path
        File to write; one that is there is replaced only when the new one is whole.

    Raises
    ------
    InputError
        If the name asks for Zarr: see `forecast_to_zarr`.
    """
    if Path(path).suffix.lower() == ".zarr":
        raise InputError(
            f"{Path(path).name} asks for Zarr; one surface is saved as NetCDF: give a name that ends in .nc. Many "
            "nights go into Zarr one by one with ppe.forecast_to_zarr(...)."
        )
    data = risk.rename("risk").to_dataset()
    data.attrs["schema"] = SCHEMA
    write_netcdf(data, Path(path))


def load_surface(path: str | Path) -> xr.DataArray:
    """Load what `save_surface` wrote.

    Raises
    ------
    InputError
        If the file is missing, is not NetCDF, or was not written by `save_surface` in this version.
    """
    if Path(path).is_dir():
        raise InputError(f"{Path(path).name!r} is a folder; open a store of surfaces with ppe.open_surfaces(path).")
    return read_netcdf(Path(path), SCHEMA)["risk"]
