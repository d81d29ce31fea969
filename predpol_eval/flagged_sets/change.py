"""How much of the flagged ground is new from one night to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.flagged_sets.reading import FlaggedSet, read_flagged

if TYPE_CHECKING:
    import xarray as xr


def dvi(flagged: xr.DataArray, *, pooled: bool = False) -> xr.DataArray:
    """Dynamic variability index: the share of tonight's flagged cells that were not flagged the night before.

    Emerging / (emerging + repeating) cells: flagged now but not before, and flagged both times.

    Parameters
    ----------
    flagged : xarray.DataArray
        What `flagged_cells` returned, or any set of 1 and 0 (or True and False) over (..., window, y, x) with the
        coordinate ``inside_m2``, such as a surface of kind ``flags``.
    pooled : bool
        Sum the cells of all nights, then divide: one number for the period, without ``window``. The mean of the nightly
        values is another number where some nights flag less than others.

    Returns
    -------
    xarray.DataArray
        From 0 (the same cells again) to 1 (all of them new), with the coordinates ``emerging`` and ``repeating``. NaN
        on a night on which nothing is flagged, and on one that has no night before it: the first, and the one after a
        gap. Pooled, those are left out above and below.

    Raises
    ------
    InputError
        If it is no flagged set over ``window``, or the windows are not in order of time.

    Notes
    -----
    Two windows are consecutive if the second starts at most one and a half times as long after the first as the
    shortest step between any two, so that a missing night is not bridged. A night (NaN throughout) that failed is
    missing, and the next one has no night before it; a night on which nothing was flagged is not missing: all that is
    flagged after it is new.

    References
    ----------
    Adepeju, Rosser and Cheng 2016, International Journal of Geographical Information Science 30 (not read in the
    original).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 1000, 250, cell=250, crs="EPSG:27700")
    >>> nights = ppe.Schedule(start="2018-05-01", end="2018-05-04", tz="Europe/London").windows
    >>> flags = ppe.make_surface([[[1, 1, 0, 0]], [[1, 0, 1, 0]], [[0, 0, 0, 1]]], grid, nights, kind="flags")
    >>> ppe.dvi(flags).to_numpy().tolist(), round(ppe.dvi(flags, pooled=True).item(), 6)
    ([nan, 0.5, 1.0], 0.666667)
    """
    made = read_flagged(flagged)
    if "window" not in made.data.dims:
        raise InputError(
            f"The flagged set has dimensions {tuple(made.data.dims)} and no window: change is between nights. Give all "
            "the nights, for instance ppe.flagged_cells(risk, budgets, grid)."
        )
    axis = made.data.dims.index("window")
    now = np.moveaxis(made.cells, axis, 0)
    gone = np.moveaxis(made.missing, axis, 0)
    emerging = np.full(gone.shape, np.nan)
    repeating = np.full(gone.shape, np.nan)
    judged = ~gone[1:] & ~gone[:-1] & _consecutive(made).reshape(-1, *(1,) * (gone.ndim - 1))
    emerging[1:] = np.where(judged, (now[1:] & ~now[:-1]).sum(axis=(-2, -1)), np.nan)
    repeating[1:] = np.where(judged, (now[1:] & now[:-1]).sum(axis=(-2, -1)), np.nan)
    dims = made.data.dims[:-2]
    if pooled:
        dims = tuple(name for name in dims if name != "window")
        emerging, repeating = (np.nansum(part, axis=0) for part in (emerging, repeating))
    else:
        emerging, repeating = (np.moveaxis(part, 0, axis) for part in (emerging, repeating))
    together = emerging + repeating
    with np.errstate(divide="ignore", invalid="ignore"):
        share = emerging / np.where(together > 0, together, np.nan)
    result = made.explained(
        share,
        dims,
        "dvi",
        long_name="dynamic variability index",
        better="neither",
        definition="emerging / (emerging + repeating) flagged cells of consecutive nights"
        + (", both summed over nights first" if pooled else ""),
        reference="Adepeju, Rosser and Cheng 2016 (not read in the original)",
    )
    return result.assign_coords(
        emerging=(dims, emerging, {"long_name": "flagged now, not the night before", "units": "cells"}),
        repeating=(dims, repeating, {"long_name": "flagged now and the night before", "units": "cells"}),
    )


def _consecutive(made: FlaggedSet) -> npt.NDArray[np.bool_]:
    """Whether each window but the first follows at once on the one before it."""
    if "window" not in made.data.coords:
        raise InputError(
            "The flagged set's windows have no coordinate, so nobody can tell which night came before which; give "
            "what ppe.flagged_cells(risk, budgets, grid) returned."
        )
    start = made.data["window"].to_numpy()
    if start.dtype.kind not in "Miuf":
        raise InputError(f"The flagged set's windows are told as {start.dtype}; expected the start of each, in UTC.")
    number = start.astype("datetime64[ns]").astype(np.int64) if start.dtype.kind == "M" else start
    steps = np.diff(number)
    if not (steps > 0).all():
        raise InputError(
            "The flagged set's windows are not in order of time, or one is there twice, so that 'the night before' "
            "means nothing; sort them with flagged.sortby('window')."
        )
    return np.asarray(steps <= 1.5 * steps.min()) if len(steps) else np.zeros(0, dtype=np.bool_)
