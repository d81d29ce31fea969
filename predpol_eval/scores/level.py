"""Whether a surface expects as many crimes as happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from predpol_eval.counts import TimeRule
from predpol_eval.scores.expected import explain, read_expected, total_of

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid


def calibration_ratio(
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    grid: Grid | None = None,
    method: TimeRule = "aoristic",
) -> xr.DataArray:
    """Crimes expected over crimes recorded, both summed over all windows and cells.

    Parameters
    ----------
    risk : xarray.DataArray
        A surface of kind ``expected_count``; leading dimensions (``forecaster``) are kept.
    observed : Events or xarray.DataArray
        The crimes of the same windows, or counts made by `count`.
    grid : Grid, optional
        Needed only for a surface without the coordinate ``inside_m2``.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain (for Events).

    Returns
    -------
    xarray.DataArray
        1 where as many crimes were recorded as expected, 2 where half as many; NaN without crime. ``attrs["outside"]``
        is the number of crimes in no cell, which are not counted.

    Raises
    ------
    InputError
        If the surface is a score or flags, whose numbers are no crimes, or surface or counts are not usable.
    NotComparableError
        If grids or windows differ.

    Notes
    -----
    Called RRI in ptools. Levine's RRI is something else (`rri_levine`), so neither bears the bare name here. A total
    can be right while every cell is wrong: `n_test` asks whether the ratio could be chance, `s_test` about the places.

    References
    ----------
    Wheeler, ptools (the ratio called RRI there; cited after the package).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 750, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[1.5, 0.3, 0.2]]], grid, night, kind="expected_count")
    >>> ppe.calibration_ratio(risk, risk.copy(data=[[[3.0, 0.0, 1.0]]])).item()
    0.5
    """
    found = read_expected(risk, observed, grid, method, lacks="calibration ratio")
    recorded = float(found.crimes.sum())
    predicted = total_of(found.rates)
    return explain(
        found,
        predicted / recorded if recorded > 0 else np.full(predicted.shape, np.nan),
        "calibration_ratio",
        long_name="calibration ratio",
        units="1",
        better="1",
        definition="sum of the crimes expected / sum of the crimes recorded",
        reference="called RRI in ptools (Wheeler)",
        crimes=recorded,
    )
