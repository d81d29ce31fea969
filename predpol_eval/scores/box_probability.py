"""The Brier score: how well a surface tells which cells will have a crime at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.counts import TimeRule
from predpol_eval.errors import InputError
from predpol_eval.scores.expected import Expected, explain, read_expected, total_of

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid


def brier(
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    grid: Grid | None = None,
    method: TimeRule = "aoristic",
) -> xr.DataArray:
    """Mean over cells and windows of (p - o)^2, p = 1 - exp(-lam) the probability of a crime and o whether there was.

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
        Between 0 (every cell known) and 1, lower is better; NaN if there is no window.

    Raises
    ------
    InputError
        If the surface is a score or flags, surface or counts are not usable, or counts hold fractions of crimes and do
        not tell how probable each cell was hit.
    NotComparableError
        If grids or windows differ.

    Notes
    -----
    p takes the counts of a cell as Poisson. If a cell was hit only with a probability (uncertain times), the mean of
    the score over both cases is taken, p^2 - 2 p o + o, with o = 1 - product of (1 - weight) over its crimes.
    Cells without crime are nearly all cells, and nearly all of the score: differences are in the last digits. Compare
    on one grid only: smaller cells are hit more seldom, which alone lowers it.

    References
    ----------
    Brier 1950, Monthly Weather Review 78.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 750, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[0.5, 0.3, 0.0]]], grid, night, kind="expected_count")
    >>> round(ppe.brier(risk, risk.copy(data=[[[2.0, 0.0, 0.0]]])).item(), 6)  # (.606531^2 + .259182^2 + 0) / 3
    0.145018
    """
    found = read_expected(risk, observed, grid, method, lacks="Brier score")
    _refuse_unknown_hits(found, observed)
    chance, was = -np.expm1(-found.rates), found.hit
    each = chance * (chance - 2 * was) + was
    boxes = was.size
    mean = total_of(each) / boxes if boxes else np.full(each.shape[:-2], np.nan)
    return explain(
        found,
        mean,
        "brier",
        long_name="Brier score",
        units="1",
        better="lower",
        definition="mean over cells and windows of (p - o)^2, p = 1 - exp(-lam), o = 1 where a crime was recorded",
        reference="Brier 1950",
        boxes=boxes,
    )


def _refuse_unknown_hits(found: Expected, observed: Any) -> None:
    """Two pieces of one half in a cell: one crime expected, but a hit with probability .75; a sum does not tell."""
    part = np.abs(found.crimes - np.rint(found.crimes)) > 1e-9
    if part.any() and "hit" not in getattr(observed, "coords", ("hit",)):
        raise InputError(
            f"{int(part.sum()):,} cells of a window hold fractions of crimes, but the counts lack the coordinate "
            "'hit', the probability that a cell had a crime; count again with ppe.count(events, grid, windows), or "
            "give the Events."
        )
