"""PAI and PEI at every share of the ground: what a budget larger or smaller would have made of the same map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]


def pai_curve(curve: xr.DataArray, at: npt.ArrayLike | None = None) -> xr.DataArray:
    """Prediction accuracy index at every share of the ground, C(s)/s.

    Parameters
    ----------
    curve : xarray.DataArray
        What `capture_curve` returned: the share C(s) of the crimes in the riskiest share s of the ground.
    at : float or sequence of float, optional
        Shares of the ground, from 0 to 1; without it, those at which the curve bends.

    Returns
    -------
    xarray.DataArray
        Over (..., ``area_share``): 1 everywhere for a blind ranking, and at the last point for any. NaN at s = 0, and
        where there was no crime. The coordinate ``oracle`` is that of somebody who knew each window's crimes, if the
        curve has it.

    Raises
    ------
    InputError
        If `curve` is no capture curve, has been joined from several, or does not reach a share that is asked for.

    Notes
    -----
    Exact at every share given: C is straight between its bends, its ratio to s is not, so C is read first and divided
    then. It equals ``pai(tally)`` under ``Coverage(s)``, windows summed.

    References
    ----------
    Chainey, Tompson and Uhlig 2008, Security Journal 21.

    Examples
    --------
    >>> import xarray as xr, predpol_eval as ppe
    >>> curve = xr.DataArray([0.0, 0.8, 1.0], dims="area_share", coords={"area_share": [0.0, 0.5, 1.0]})
    >>> ppe.pai_curve(curve).to_numpy().tolist(), ppe.pai_curve(curve, at=0.75).item()
    ([nan, 1.6, 1.0], 1.2)
    """
    share, captured, best = _read(curve, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(share > 0, share, np.nan)
        result = _over(curve, share, captured / spread, None if best is None else best / spread)
    return _explain(
        result,
        "pai_curve",
        long_name="prediction accuracy index",
        definition="(share of the crimes captured) / (share of the ground), at every share of the ground",
        reference="Chainey, Tompson and Uhlig 2008",
    )


def pei_curve(curve: xr.DataArray, at: npt.ArrayLike | None = None) -> xr.DataArray:
    """Prediction efficiency index at every share of the ground, C(s)/C*(s), with C* the oracle's curve.

    Parameters
    ----------
    curve, at
        As for `pai_curve`; the curve must have its coordinate ``oracle``.

    Returns
    -------
    xarray.DataArray
        Over (..., ``area_share``), from 0 to 1, and 1 at the last point. NaN at s = 0, and where there was no crime.

    Raises
    ------
    InputError
        If `curve` is no capture curve, has lost its oracle, has been joined from several, or does not reach a share
        that is asked for.

    Notes
    -----
    It equals ``pei(tally)`` under ``Coverage(s)``, windows summed, for a budget of the whole city. It must rise to 1 in
    the end, whatever the map: read it at the shares that can be patrolled.

    References
    ----------
    Hunt 2016; the same-budget form is PEI* in White, Hunt and Green 2023.

    Examples
    --------
    >>> import xarray as xr, predpol_eval as ppe
    >>> oracle = ("area_share", [0.0, 1.0, 1.0])
    >>> shares = {"area_share": [0.0, 0.5, 1.0], "oracle": oracle}
    >>> curve = xr.DataArray([0.0, 0.8, 1.0], dims="area_share", coords=shares)
    >>> ppe.pei_curve(curve).to_numpy().tolist(), round(ppe.pei_curve(curve, at=0.75).item(), 6)
    ([nan, 0.8, 1.0], 0.9)
    """
    share, captured, best = _read(curve, at)
    if best is None:
        raise InputError(
            "The curve has lost its coordinate 'oracle', which PEI is a share of; make it again with "
            "ppe.capture_curve(risk, observed)."
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        result = _over(curve, share, captured / np.where(best > 0, best, np.nan), None)
    return _explain(
        result,
        "pei_curve",
        long_name="prediction efficiency index",
        definition="crimes captured / crimes that the oracle captures, at every share of the ground",
        reference="Hunt 2016; White, Hunt and Green 2023 (PEI*)",
    )


def _read(curve: Any, at: Any) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Shares of the ground, what is captured there (..., share), and what the oracle captures."""
    import xarray as xr

    if not isinstance(curve, xr.DataArray) or "area_share" not in curve.dims or "area_share" not in curve.coords:
        raise InputError(
            f"Expected a capture curve over area_share, found {type(curve).__name__}; give what "
            "ppe.capture_curve(risk, observed) returned."
        )
    if curve.name in ("pai_curve", "pei_curve"):
        raise InputError(f"This is a {curve.name} already; give what ppe.capture_curve(risk, observed) returned.")
    points = curve["area_share"].to_numpy().astype(np.float64)
    if not len(points) or points[0] != 0 or points[-1] > 1 + 1e-9 or not (np.diff(points) > 0).all():
        raise InputError(
            "The shares of the ground of a capture curve rise from 0 to at most 1, each there once; these do not. "
            "Cut a curve only from above, or give the whole of it and the shares wanted: at=[...]."
        )
    try:
        wanted = points if at is None else np.atleast_1d(np.asarray(at, dtype=np.float64))
    except (TypeError, ValueError):
        raise InputError(
            f"at={at!r} is no number; give shares of the ground, for instance at=[0.01, 0.05] for 1 % and 5 %."
        ) from None
    if wanted.ndim != 1:
        raise InputError(f"at has {wanted.ndim} dimensions; give one share of the ground or a list of them.")
    strange = ~((wanted >= 0) & (wanted <= points[-1]))
    if strange.any():
        raise InputError(
            f"at={float(wanted[strange][0])!r}; give shares of the ground from 0 to {points[-1]:g}, as far as the "
            "curve goes, for instance at=[0.01, 0.05] for 1 % and 5 %."
        )
    captured = _at(curve, points, wanted)
    if "oracle" not in curve.coords:
        return wanted, captured, None
    # Told once for all forecasters, or, where curves of several kinds of crime were joined, for each kind.
    oracle, _ = xr.broadcast(curve["oracle"], curve.isel(area_share=0, drop=True).drop_vars("oracle", errors="ignore"))
    best = _at(oracle.transpose(*curve.dims), points, wanted)
    return wanted, captured, best


def _at(curve: xr.DataArray, points: FloatArray, wanted: FloatArray) -> FloatArray:
    """Heights of the curve at some shares, (..., share)."""
    heights = curve.transpose(..., "area_share").to_numpy().astype(np.float64)
    flat = heights.reshape(-1, len(points))
    holes = np.isnan(flat)
    if (holes.any(axis=1) & ~holes.all(axis=1)).any():
        raise InputError(
            "The curve is missing (NaN) at some of its shares of the ground: curves of several calls bend at different "
            "shares and were joined. Join the surfaces and make the curves in one call, or read each at the same "
            "shares with at=[...] before joining."
        )
    found = np.array([np.interp(wanted, points, row) for row in flat])
    return found.reshape(*heights.shape[:-1], len(wanted))


def _over(curve: xr.DataArray, share: FloatArray, values: FloatArray, oracle: FloatArray | None) -> xr.DataArray:
    import xarray as xr

    dims = (*(name for name in curve.dims if name != "area_share"), "area_share")
    about = {"long_name": "share of the ground, riskiest first", "units": "1"}
    kept = {name: coord for name, coord in curve.coords.items() if "area_share" not in coord.dims}
    result = xr.DataArray(values, dims=dims, coords={**kept, "area_share": ("area_share", share, about)})
    if oracle is not None:
        # As the curve has it: once for all, unless it differs from one to the next.
        own = tuple(name for name in dims if name in curve["oracle"].dims)
        first = tuple(slice(None) if name in own else 0 for name in dims)
        told = {"long_name": "the same if the crimes were known"}
        result = result.assign_coords(oracle=(own, oracle[first], told))
    result.attrs = {key: curve.attrs[key] for key in ("crimes", "outside", "windows") if key in curve.attrs}
    return result


def _explain(result: xr.DataArray, name: str, **attrs: Any) -> xr.DataArray:
    result = result.rename(name)
    result.attrs = {"units": "1", "better": "higher", **attrs, **result.attrs}
    return result
