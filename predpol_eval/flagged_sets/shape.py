"""The shape of a flagged set: one patch, or crumbs all over the city?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.flagged_sets.reading import FlaggedSet, read_flagged

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]


def area_to_perimeter(flagged: xr.DataArray) -> xr.DataArray:
    """Area of the flagged boxes over the length of their outer sides.

    Parameters
    ----------
    flagged : xarray.DataArray
        What `flagged_cells` returned, or any set of 1 and 0 (or True and False) over (..., y, x) with the coordinate
        ``inside_m2`` and ``attrs["cell"]``, such as a surface of kind ``flags``.

    Returns
    -------
    xarray.DataArray
        In metres, over all dimensions but y and x; NaN where nothing is flagged. A quarter of the side of a box for
        boxes that do not touch, and more the larger and rounder the patches. The coordinates ``boxes`` and ``sides``
        hold the counts it is made of: to pool nights, sum them and take ``cell * boxes / sides``.

    Raises
    ------
    InputError
        If it is no flagged set, or does not say how large its cells are.

    Notes
    -----
    Boxes count whole, also those that the border of the study area cuts. A side counts if the box on its other side is
    not flagged or lies outside. It grows with the size of the set: compare at equal budget.

    References
    ----------
    Bowers, Johnson and Pease 2004, British Journal of Criminology 44 (not read in the original).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 1000, 500, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> flags = ppe.make_surface([[[1, 1, 0, 1], [0, 0, 0, 0]]], grid, night, kind="flags")
    >>> ppe.area_to_perimeter(flags).item()  # 3 boxes, 10 sides: 250 * 3 / 10
    75.0
    """
    made = read_flagged(flagged)
    cell = flagged.attrs.get("cell")
    if cell is None:
        raise InputError(
            "The flagged set has lost its attrs['cell'], the side of a cell in metres; give it back, for instance "
            "flagged.assign_attrs(cell=250)."
        )
    boxes, sides = _outline(made)
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = float(cell) * boxes / np.where(sides > 0, sides, np.nan)
    return _explain(
        made,
        metres,
        "area_to_perimeter",
        boxes,
        sides,
        long_name="area over perimeter of the flagged ground",
        definition="area of the whole boxes / length of their outer sides",
        reference="Bowers, Johnson and Pease 2004 (not read in the original)",
    ).assign_attrs(units="m")


def clumpiness(flagged: xr.DataArray) -> xr.DataArray:
    """Clumpiness index (FRAGSTATS CLUMPY): do flagged cells touch more than they would by chance?

    G = g_ii / (sum_k g_ik - min_e) over the sides of flagged cells, counted double (a side between two flagged cells
    counts for both) with a border all round: g_ii are those between flagged cells, sum_k g_ik = 4c are all, and
    min_e = 2 ceil(2 sqrt c) is the least outline of c cells. P is the share of the study area's cells that is flagged.
    The index is (G - P)/P if G < P < 1/2, else (G - P)/(1 - P).

    Parameters
    ----------
    flagged : xarray.DataArray
        As for `area_to_perimeter`.

    Returns
    -------
    xarray.DataArray
        Over all dimensions but y and x: 1 for one patch as round as cells allow, near 0 for cells strewn at random, -1
        if no two touch. NaN for fewer than two cells, and where the whole study area is flagged.

    Raises
    ------
    InputError
        If it is no flagged set.

    Notes
    -----
    In a study area that is ragged, or no wider than a cell or two, even random cells touch less than P, since its
    border cuts sides off; where more than half of such an area is flagged the index can fall below -1.

    References
    ----------
    McGarigal, Cushman and Ene 2012, FRAGSTATS v4. For flagged ground: Adepeju, Rosser and Cheng 2016, International
    Journal of Geographical Information Science 30 (not read in the original).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 1000, 500, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> flags = ppe.make_surface([[[1, 1, 0, 1], [0, 0, 0, 0]]], grid, night, kind="flags")
    >>> round(ppe.clumpiness(flags).item(), 6)  # G = 2/(12 - 8), P = 3/8: (1/2 - 3/8)/(5/8)
    0.2
    """
    made = read_flagged(flagged)
    boxes, sides = _outline(made)
    touching = _touching(boxes, sides)
    share = boxes / max(int(made.inside.sum()), 1)
    share = np.where(share < 1, share, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where((touching < share) & (share < 0.5), share, 1 - share)
        index = (touching - share) / scale
    return _explain(
        made,
        index,
        "clumpiness",
        boxes,
        sides,
        long_name="clumpiness of the flagged ground (CLUMPY)",
        definition="(G - P)/P if G < P < 1/2, else (G - P)/(1 - P); G = like sides / (4c - least outline)",
        reference="McGarigal, Cushman and Ene 2012; Adepeju, Rosser and Cheng 2016 (not read in the original)",
    )


def compactness(flagged: xr.DataArray) -> xr.DataArray:
    """How near the outline of the flagged cells is to the shortest that as many cells can have.

    (Pmax - P)/(Pmax - Pmin): P outer sides, Pmax = 4c those of c cells that do not touch, Pmin = 2 ceil(2 sqrt c) those
    of the roundest patch.

    Parameters
    ----------
    flagged : xarray.DataArray
        As for `area_to_perimeter`.

    Returns
    -------
    xarray.DataArray
        Over all dimensions but y and x: from 0 (no two cells touch) to 1 (one patch, as round as cells allow). NaN for
        fewer than two cells, which have one shape only.

    Raises
    ------
    InputError
        If it is no flagged set.

    Notes
    -----
    It is the G of `clumpiness`, without the comparison with chance: it rises by itself with the share that is flagged.
    One patch is asked for: ten round patches in ten boroughs have less than one.

    References
    ----------
    The least outline of c cells: Harary and Harborth 1976, Journal of Combinatorics, Information and System Sciences 1
    (not read in the original).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 1000, 500, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> flags = ppe.make_surface([[[1, 1, 0, 1], [0, 0, 0, 0]]], grid, night, kind="flags")
    >>> ppe.compactness(flags).item()  # (12 - 10)/(12 - 8)
    0.5
    """
    made = read_flagged(flagged)
    boxes, sides = _outline(made)
    return _explain(
        made,
        _touching(boxes, sides),
        "compactness",
        boxes,
        sides,
        long_name="compactness of the flagged ground",
        definition="(4c - outer sides) / (4c - least outline of c cells)",
        reference="Harary and Harborth 1976 for the least outline (not read in the original)",
    )


def _outline(made: FlaggedSet) -> tuple[FloatArray, FloatArray]:
    """Flagged cells of every set, and their outer sides; NaN for a set that is missing."""
    cells = made.cells
    upright = (cells[..., 1:, :] & cells[..., :-1, :]).sum(axis=(-2, -1))
    across = (cells[..., :, 1:] & cells[..., :, :-1]).sum(axis=(-2, -1))
    boxes = np.where(made.missing, np.nan, cells.sum(axis=(-2, -1)).astype(np.float64))
    return boxes, 4 * boxes - 2.0 * (upright + across)


def _touching(boxes: FloatArray, sides: FloatArray) -> FloatArray:
    """Like sides over the most that as many cells can have; NaN for fewer than two cells."""
    room = 4 * boxes - 2 * np.ceil(np.sqrt(4 * boxes))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((4 * boxes - sides) / np.where(room > 0, room, np.nan))


def _explain(
    made: FlaggedSet, values: Any, name: str, boxes: FloatArray, sides: FloatArray, **attrs: Any
) -> xr.DataArray:
    dims = made.data.dims[:-2]
    result = made.explained(values, dims, name, better="higher", **attrs)
    return result.assign_coords(
        boxes=(dims, boxes, {"long_name": "flagged cells", "units": "cells"}),
        sides=(dims, sides, {"long_name": "outer sides of the flagged cells", "units": "1"}),
    )
