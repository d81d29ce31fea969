"""The capture curve: how many of the crimes the riskiest ground holds, however much of it is taken."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.counts import TimeRule, judged
from predpol_eval.errors import InputError, number_of
from predpol_eval.flagging import make_scene

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]


def capture_curve(
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    grid: Grid | None = None,
    method: TimeRule = "aoristic",
) -> xr.DataArray:
    """Share of the crimes against share of the ground, cells taken by falling risk.

    An expected count is ranked per m2 of the cell inside the study area, a score as it is. Tied cells make one straight
    segment: the expectation over all their orders. Several windows are pooled at equal share of the ground: the crimes
    captured there in each, summed, over all crimes.

    Parameters
    ----------
    risk : xarray.DataArray
        A surface of kind ``expected_count`` or ``score``; leading dimensions (``forecaster``) are kept.
    observed : Events or xarray.DataArray
        The crimes of the same windows, or counts made by `count`.
    grid : Grid, optional
        Needed only for a surface without the coordinate ``inside_m2``.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain (for Events).

    Returns
    -------
    xarray.DataArray
        From 0 to 1, over (..., ``area_share``): exact at every point where a curve bends, straight between. The
        coordinate ``oracle`` is the curve of somebody who knew each window's crimes. NaN where there was no crime.

    Raises
    ------
    InputError
        If the surface is of kind ``flags``, which ranks nothing, or surface or counts are not usable.
    NotComparableError
        If grids or windows differ.

    References
    ----------
    Wheeler 2019.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 1000, 250, cell=250, crs="EPSG:27700")
    >>> windows = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[0.4, 0.3, 0.3, 0.1]]], grid, windows, kind="expected_count")
    >>> crimes = risk.copy(data=[[[2.0, 0.0, 2.0, 0.0]]]).rename("count")
    >>> curve = ppe.capture_curve(risk, crimes)
    >>> curve.area_share.to_numpy().tolist(), curve.to_numpy().tolist()
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.5, 0.75, 1.0, 1.0])
    """
    import xarray as xr

    surface, known, windows, crimes, _, outside, _ = judged(risk, observed, grid, method)
    kind = surface.attrs["kind"]
    if kind == "flags":
        raise InputError(
            "A surface of kind 'flags' ranks nothing beyond what it flags, so it has no capture curve; tally it "
            "(ppe.tally(..., ppe.Flags(...))) or give the scores behind the flags."
        )
    scene = make_scene(known)
    here = crimes[:, scene.cells]
    values = surface.to_numpy().reshape(prod(surface.shape[:-3]), len(windows), scene.position.size)[..., scene.cells]
    key = values / scene.inside if kind == "expected_count" else values
    curves = [[_one(ranks, row, scene.inside) for ranks, row in zip(lead, here, strict=True)] for lead in key]
    best = [_one(row / scene.inside, row, scene.inside) for row in here]
    share = np.unique(np.concatenate([[0.0, 1.0], *(points for lead in (*curves, best) for points, _ in lead)]))
    total = here.sum()
    leading = surface.dims[:-3]
    pooled = np.stack([_pool(lead, share, total) for lead in curves])
    return xr.DataArray(
        pooled.reshape(*(surface.sizes[name] for name in leading), len(share)),
        dims=(*leading, "area_share"),
        coords={
            "area_share": ("area_share", share, {"long_name": "share of the ground, riskiest first", "units": "1"}),
            "oracle": ("area_share", _pool(best, share, total), {"long_name": "the same if the crimes were known"}),
            **{name: surface[name].variable for name in leading if name in surface.coords},
        },
        name="capture_curve",
        attrs={
            "long_name": "share of the crimes captured",
            "units": "1",
            "better": "higher",
            "definition": "crimes in the riskiest ground / crimes, summed over windows at equal share of the ground",
            "reference": "Wheeler 2019",
            "crimes": float(total),
            "outside": float(outside.sum()),
            "windows": len(windows),
        },
    )


def capture_auc(curve: xr.DataArray, upto: float | None = None, normalised: bool = False) -> xr.DataArray:
    """Area under the capture curve.

    Parameters
    ----------
    curve : xarray.DataArray
        What `capture_curve` returned.
    upto : float, optional
        Only the riskiest share of the ground, above 0 and at most 1: (1/u) times the area up to u.
    normalised : bool
        Give (AUC - c) / (AUC of the oracle - c), where c is the area of a blind ranking: 1/2, or u/2 with `upto`.

    Returns
    -------
    xarray.DataArray
        Without the dimension ``area_share``. A blind ranking has 1/2 (normalised: 0), the oracle 1 if normalised. NaN
        where there was no crime or, if normalised, where even the oracle does no better than a blind ranking.

    Raises
    ------
    InputError
        If `curve` is no capture curve, or `upto` is out of range.

    References
    ----------
    Wheeler 2019.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> curve = xr.DataArray([0.0, 0.8, 1.0], dims="area_share", coords={"area_share": [0.0, 0.5, 1.0]})
    >>> round(capture_auc(curve).item(), 6), round(capture_auc(curve, upto=0.25).item(), 6)
    (0.65, 0.2)
    """
    if "area_share" not in getattr(curve, "coords", ()) or "area_share" not in curve.dims:
        raise InputError(
            f"Expected a capture curve over area_share, found {type(curve).__name__}; give what "
            "ppe.capture_curve(risk, observed) returned."
        )
    remedy = "give a share of the ground above 0 and at most 1, for instance 0.1"
    until = 1.0 if upto is None else number_of(upto, "upto", remedy, above=0, high=1)
    if normalised and "oracle" not in curve.coords:
        raise InputError("The curve has lost its coordinate 'oracle', which normalising needs; make it again.")
    share = curve["area_share"].to_numpy()

    def area(heights: FloatArray) -> Any:
        return _area(share, heights, until) / until

    areas = np.asarray(area(curve.transpose(..., "area_share").to_numpy()))
    result = curve.isel(area_share=0, drop=True).drop_vars("oracle", errors="ignore").copy(data=areas)
    if normalised:
        room = area(curve["oracle"].to_numpy()) - until / 2
        result = (result - until / 2) / (room if room > 1e-12 else np.nan)
    definition = (
        "area under the capture curve" if upto is None else f"area up to {until:g} of the ground, over {until:g}"
    )
    if normalised:
        definition += ", less that of a blind ranking, over the same of the oracle"
    result = result.rename("capture_auc")
    result.attrs = {
        "long_name": "area under the capture curve",
        "units": "1",
        "better": "higher",
        "definition": definition,
        "reference": "Wheeler 2019",
    }
    return result


def _one(key: FloatArray, crimes: FloatArray, inside: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points (share of the ground, crimes) at which the curve of one window bends."""
    from predpol_eval.kernels import ranking

    dealt, _, tied = ranking.by_scope(np.argsort(-key, kind="stable"), key, np.zeros(len(key), dtype=np.int64), 1)
    last = np.flatnonzero(np.append(~tied[1:], True))
    ground = np.cumsum(inside[dealt])
    share = np.concatenate([[0.0], ground[last] / ground[-1]])
    captured = np.concatenate([[0.0], np.cumsum(crimes[dealt])[last]])
    # Where nothing happened the curve is flat: only the ends of a flat stretch are needed.
    rises = np.diff(captured) > 0
    bends = np.concatenate([[True], rises[1:] | rises[:-1], [True]])
    return share[bends], captured[bends]


def _pool(curves: list[tuple[FloatArray, FloatArray]], share: FloatArray, total: float) -> FloatArray:
    """Crimes of all windows at each share of the ground, over all crimes."""
    if not total > 0:
        return np.full(len(share), np.nan)
    captured = np.zeros(len(share))
    for points, heights in curves:
        captured += np.interp(share, points, heights)
    return captured / total


def _area(share: FloatArray, heights: FloatArray, until: float) -> Any:
    """Trapezoid area under `heights` (..., share) from 0 to `until`."""
    left, right = share[:-1], share[1:]
    wide = right > left
    slope = np.zeros_like(heights[..., 1:])
    slope[..., wide] = np.diff(heights)[..., wide] / (right - left)[wide]
    width = np.clip(until - left, 0.0, right - left)
    return (width * (heights[..., :-1] + slope * width / 2)).sum(axis=-1)
