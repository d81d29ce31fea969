"""Reading a flagged set: what is flagged, what is missing, and what belongs to the study area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError, NotComparableError

if TYPE_CHECKING:
    import xarray as xr

BoolArray = npt.NDArray[np.bool_]


class FlaggedSet(NamedTuple):
    """A checked set: `data` as (..., y, x), its cells, the sets that are missing (...), and the study area (y, x)."""

    data: xr.DataArray
    cells: BoolArray
    missing: BoolArray
    inside: BoolArray

    def explained(self, values: Any, dims: tuple[Any, ...], name: str, **attrs: Any) -> xr.DataArray:
        """Put numbers over `dims` with the coordinates that the set has of them."""
        import xarray as xr

        known = {
            key: coord
            for key, coord in self.data.coords.items()
            if key not in ("x", "y") and set(coord.dims) <= set(dims)
        }
        return xr.DataArray(values, dims=dims, coords=known, name=name, attrs={"units": "1", **attrs})


def read_flagged(flagged: Any) -> FlaggedSet:
    """Check that something is a flagged set: True or 1 where a cell is flagged.

    NaN is allowed outside the study area, and for a whole set that failed.

    Raises
    ------
    InputError
        If it is anything else, cells outside the study area are flagged, or rows or columns have been left out.
    NotComparableError
        If sets of several grids have been joined.
    """
    import xarray as xr

    remedy = "give what ppe.flagged_cells(risk, budgets, grid) returned, or a surface of kind 'flags'"
    if not isinstance(flagged, xr.DataArray):
        raise InputError(f"Expected a flagged set, an xarray.DataArray; found {type(flagged).__name__}; {remedy}.")
    missing = [name for name in ("y", "x") if name not in flagged.dims]
    if missing:
        raise InputError(
            f"The flagged set has dimensions {tuple(flagged.dims)} and lacks {', '.join(missing)}; {remedy}."
        )
    kind = flagged.attrs.get("kind", "flags")
    if kind != "flags":
        raise InputError(f"A surface of kind {kind!r} flags nothing by itself: a budget does; {remedy}.")
    if "inside_m2" not in flagged.coords:
        raise InputError(f"The flagged set has no coordinate inside_m2, which says where the study area is; {remedy}.")
    if set(flagged["inside_m2"].dims) != {"y", "x"}:
        raise NotComparableError(
            f"The coordinate inside_m2 lies over {tuple(flagged['inside_m2'].dims)}, expected (y, x): sets of several "
            "grids have been joined. Make them on one grid."
        )
    _refuse_holes(flagged)
    data = flagged.transpose(..., "y", "x")
    inside = data["inside_m2"].transpose("y", "x").to_numpy() > 0
    cells, gone = _read_cells(data, inside, remedy)
    outside = int((cells & ~inside).sum())
    if outside:
        raise InputError(
            f"{outside:,} flagged cells lie outside the study area (inside_m2 is 0 there); leave them unflagged."
        )
    return FlaggedSet(data, cells, gone, inside)


def _read_cells(data: xr.DataArray, inside: BoolArray, remedy: str) -> tuple[BoolArray, BoolArray]:
    """Which cells are flagged, and which sets are missing altogether."""
    if data.dtype.kind == "b":
        return data.to_numpy(), np.zeros(data.shape[:-2], dtype=np.bool_)
    try:
        numbers = data.to_numpy().astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(
            f"The flagged set holds {data.dtype}; expected True and False, or 1 and 0; {remedy}."
        ) from None
    unknown = np.isnan(numbers) & inside
    gone = unknown.sum(axis=(-2, -1)) == max(int(inside.sum()), 1)
    torn = int((unknown.any(axis=(-2, -1)) & ~gone).sum())
    if torn:
        raise InputError(
            f"{torn:,} sets are missing (NaN) in some cells of the study area only; a cell is flagged or it is not. "
            "Give every cell, or NaN throughout for a night that failed."
        )
    if not (np.isnan(numbers) | np.isin(numbers, (0.0, 1.0))).all():
        raise InputError(f"The flagged set holds other numbers than 1 (flagged) and 0; {remedy}.")
    return numbers == 1, gone


def _refuse_holes(flagged: xr.DataArray) -> None:
    """Refuse rows or columns that are not one cell apart, since their cells would pass for neighbours."""
    for name in ("y", "x"):
        if name not in flagged.coords or flagged.sizes[name] < 2:
            continue
        steps = np.diff(flagged[name].to_numpy().astype(np.float64))
        side = abs(float(flagged.attrs.get("cell", steps[0])))
        if not (np.allclose(steps, side, rtol=1e-6) or np.allclose(steps, -side, rtol=1e-6)):
            raise InputError(
                f"The cells of the flagged set are not {side:g} m apart along {name}: rows or columns have been left "
                "out or moved, so that cells would pass for neighbours that are not. Give the whole set."
            )
