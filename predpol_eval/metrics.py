"""Ratios of tallies: sum first, divide once.

Every function takes a tally (or what is left of it after ``.sum(...)`` over some dimensions) and returns a DataArray
that explains itself in its attrs. Undefined is NaN, never 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from predpol_eval.errors import InputError, NotComparableError, number_of

if TYPE_CHECKING:
    import xarray as xr

Area = Literal["flagged", "budget"]


def _need(tally: xr.Dataset, *names: str) -> None:
    missing = [name for name in names if not hasattr(tally, "data_vars") or name not in tally]
    if missing:
        raise InputError(
            f"The tally lacks {', '.join(missing)}; give what ppe.tally(...) or ppe.backtest(...) returned, or its "
            "sums."
        )


def _divide(above: xr.DataArray, below: xr.DataArray) -> xr.DataArray:
    """Divide; 0/0 and x/0 are undefined and give NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return above / below.where(below > 0)


def _explain(result: xr.DataArray, name: str, **attrs: Any) -> xr.DataArray:
    result = result.rename(name)
    result.attrs = {"better": "higher", "units": "1", **attrs}
    return result


def _area(tally: xr.Dataset, area: Area) -> xr.DataArray:
    if area not in ("flagged", "budget"):
        raise InputError(f"area={area!r}; choose 'flagged' (what was used) or 'budget' (what was allowed).")
    _need(tally, f"{area}_m2")
    return tally[f"{area}_m2"]


def hit_rate(tally: xr.Dataset) -> xr.DataArray:
    """Share of the crimes that were caught, n/N.

    Parameters
    ----------
    tally : xarray.Dataset
        A tally or its sums.

    Returns
    -------
    xarray.DataArray
        Between 0 and 1; NaN where there was no crime.

    Examples
    --------
    >>> import xarray as xr
    >>> hit_rate(xr.Dataset({"hits": 4.0, "events": 10.0})).item()
    0.4
    """
    _need(tally, "hits", "events")
    return _explain(
        _divide(tally["hits"], tally["events"]),
        "hit_rate",
        long_name="hit rate",
        definition="crimes caught / crimes: n/N",
        reference="Chainey, Tompson and Uhlig 2008",
    )


def pai(tally: xr.Dataset, *, area: Area = "flagged") -> xr.DataArray:
    """Prediction accuracy index, (n/N) / (a/A).

    Parameters
    ----------
    tally : xarray.Dataset
        A tally or its sums.
    area : {"flagged", "budget"}
        Charge the area that was flagged, or (in comparisons) the area that the budget allowed.

    Returns
    -------
    xarray.DataArray
        1 for flags placed blindly; NaN where there was no crime or nothing was flagged.

    References
    ----------
    Chainey, Tompson and Uhlig 2008, Security Journal 21.

    Examples
    --------
    >>> import xarray as xr
    >>> pai(xr.Dataset({"hits": 4.0, "events": 10.0, "flagged_m2": 2.0, "total_m2": 12.0})).item()
    2.4
    """
    _need(tally, "hits", "events", "total_m2")
    ground = _area(tally, area)
    return _explain(
        _divide(tally["hits"] * tally["total_m2"], tally["events"] * ground),
        "pai",
        long_name="prediction accuracy index",
        definition="(n/N) / (a/A)",
        area=area,
        reference="Chainey, Tompson and Uhlig 2008",
    )


def ppai(tally: xr.Dataset, alpha: float, *, area: Area = "flagged") -> xr.DataArray:
    """Penalised PAI, (n/N) / (a/A)^alpha with 0 <= alpha <= 1.

    Parameters
    ----------
    tally : xarray.Dataset
        A tally or its sums.
    alpha : float
        0 gives the hit rate, 1 the PAI.
    area : {"flagged", "budget"}
        As in `pai`.

    References
    ----------
    Joshi et al. 2021.

    Examples
    --------
    >>> import xarray as xr
    >>> round(ppai(xr.Dataset({"hits": 4.0, "events": 10.0, "flagged_m2": 2.0, "total_m2": 12.0}), 0.5).item(), 6)
    0.979796
    """
    _need(tally, "hits", "events", "total_m2")
    alpha = number_of(alpha, "alpha", "give a number from 0 (hit rate) to 1 (PAI)", low=0, high=1)
    share = _divide(_area(tally, area), tally["total_m2"])
    return _explain(
        _divide(_divide(tally["hits"], tally["events"]), share**alpha).where(share > 0),
        "ppai",
        long_name=f"penalised prediction accuracy index (alpha {alpha:g})",
        definition="(n/N) / (a/A)^alpha",
        alpha=alpha,
        area=area,
        reference="Joshi et al. 2021",
    )


def lift(tally: xr.Dataset) -> xr.DataArray:
    """Crimes caught over those that flags placed blindly would catch, by window and area.

    Returns
    -------
    xarray.DataArray
        1 for any constant ranking, also pooled over areas and windows; NaN where chance catches nothing.

    Examples
    --------
    >>> import xarray as xr
    >>> lift(xr.Dataset({"hits": 4.0, "chance_hits": 2.0})).item()
    2.0
    """
    _need(tally, "hits", "chance_hits")
    return _explain(
        _divide(tally["hits"], tally["chance_hits"]),
        "lift",
        long_name="lift over chance",
        definition="sum of crimes caught / sum over windows and areas of N a/A",
        reference="as defined here; for one window and area it is the PAI of Chainey, Tompson and Uhlig 2008",
    )


def pei(tally: xr.Dataset) -> xr.DataArray:
    """Prediction efficiency index, n / n*: the share of what the same budget could have caught.

    Returns
    -------
    xarray.DataArray
        Between 0 and 1. NaN where nothing could be caught, and by area under a city-wide budget, since the optimum of
        the city is not that of its areas.

    References
    ----------
    Hunt 2016; the same-budget form is PEI* in White, Hunt and Green 2023.

    Examples
    --------
    >>> import xarray as xr
    >>> pei(xr.Dataset({"hits": 4.0, "oracle_hits": 5.0})).item()
    0.8
    """
    _need(tally, "hits", "oracle_hits")
    ratio = _divide(tally["hits"], tally["oracle_hits"])
    if "area" in tally.coords and "budget_scope" in tally.coords:
        ratio = ratio.where(tally["budget_scope"] != "city")
    return _explain(
        ratio,
        "pei",
        long_name="prediction efficiency index",
        definition="n / n*, n* the most crimes that the same budget could have caught",
        reference="Hunt 2016; White, Hunt and Green 2023 (PEI*)",
    )


def precision(tally: xr.Dataset) -> xr.DataArray:
    """Share of the flagged boxes in which a crime happened. It is not the hit rate: the press mixes them up.

    Examples
    --------
    >>> import xarray as xr
    >>> precision(xr.Dataset({"boxes_hit": 3.0, "boxes": 10.0})).item()
    0.3
    """
    _need(tally, "boxes_hit", "boxes")
    return _explain(
        _divide(tally["boxes_hit"], tally["boxes"]),
        "precision",
        long_name="precision of the boxes",
        definition="flagged boxes with a crime / flagged boxes",
        reference="as defined here; the positive predictive value of any yes-or-no forecast",
    )


def search_efficiency(tally: xr.Dataset, *, area: Area = "flagged") -> xr.DataArray:
    """Crimes caught per km2 flagged.

    References
    ----------
    Bowers, Johnson and Pease 2004, British Journal of Criminology 44.

    Examples
    --------
    >>> import xarray as xr
    >>> search_efficiency(xr.Dataset({"hits": 4.0, "flagged_m2": 5e5})).item()
    8.0
    """
    _need(tally, "hits")
    return _explain(
        _divide(tally["hits"], _area(tally, area)) * 1e6,
        "search_efficiency",
        long_name="search efficiency",
        definition="crimes caught / km2 flagged",
        area=area,
        reference="Bowers, Johnson and Pease 2004",
    ).assign_attrs(units="crimes per km2")


def rri_levine(t2: xr.Dataset, t1: xr.Dataset) -> xr.DataArray:
    """Recapture rate index of Levine, PAI(t2) / PAI(t1): do the same places hold as much of the crime later on?

    Not the "RRI" of ptools, which is predicted over observed crimes: that is `calibration_ratio`.

    Parameters
    ----------
    t2, t1 : xarray.Dataset
        Tallies of the same flagged ground in the later and in the earlier period. Both with their ``window``, over
        which they are summed here, so that periods may differ in length; or both summed already, over as many windows.

    Returns
    -------
    xarray.DataArray
        1 if the places hold the same share of the crime as before, less if it has moved away. NaN where a period had no
        crime, or the places none in the earlier one.

    Raises
    ------
    InputError
        If one tally is summed over ``window`` and the other is not.
    NotComparableError
        If the grid, the flagged area or the total area of the two differ, the flagged area changes from window to
        window, or their forecasters, areas or budgets are not the same.

    Notes
    -----
    A tally tells how much ground was flagged, not which. That both are of the same places is for the caller to see to:
    flag once, and tally the same flags in both periods. Windows that failed (NaN) are left out above and below.

    References
    ----------
    Levine 2008, Security Journal 21 (cited after White, Hunt and Green 2023; not read in the original).

    Examples
    --------
    >>> import xarray as xr
    >>> ground = {"flagged_m2": 2.0, "total_m2": 12.0}
    >>> before = xr.Dataset({"hits": 4.0, "events": 10.0, **ground})
    >>> rri_levine(xr.Dataset({"hits": 4.0, "events": 20.0, **ground}), before).item()
    0.5
    """
    later, earlier = _same_ground(t2, t1)
    return _explain(
        _divide(pai(later), pai(earlier)),
        "rri_levine",
        long_name="recapture rate index (Levine)",
        better="1",
        definition="PAI(t2) / PAI(t1) of the same places",
        reference="Levine 2008 (cited after White, Hunt and Green 2023; not read in the original)",
    )


def _same_ground(t2: xr.Dataset, t1: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Both periods without windows, if the ground that they are about can be the same."""
    import xarray as xr

    for tally in (t2, t1):
        _need(tally, "hits", "events", "flagged_m2", "total_m2")
    if len({tally.attrs["grid"] for tally in (t2, t1) if "grid" in tally.attrs}) > 1:
        raise NotComparableError("The two tallies are of other grids; tally both periods on one grid.")
    if ("window" in t2.dims) != ("window" in t1.dims):
        raise InputError(
            "One tally is summed over its windows and the other is not; give both as ppe.tally(...) returned them, or "
            "both summed."
        )
    # Periods share no window: arithmetic on the windows themselves would silently keep none.
    later, earlier = (_without_windows(tally) for tally in (t2, t1))
    for name in set(later.dims) & set(earlier.dims):
        one, other = (
            tally[name].to_numpy().tolist() if name in tally.coords else list(range(tally.sizes[name]))
            for tally in (later, earlier)
        )
        if sorted(one, key=str) != sorted(other, key=str):
            alone = sorted(set(one) ^ set(other), key=str)
            raise NotComparableError(
                f"The two tallies differ along {name}: only one of them has {', '.join(map(str, alone[:5]))}. Select "
                "what both have; nothing is left out silently."
            )
        if one != other:
            earlier = earlier.sel({name: later[name]})
    for name, what in (("total_m2", "total area"), ("flagged_m2", "flagged area")):
        one, other = xr.broadcast(later[name], earlier[name])
        apart = abs(one - other) > 1e-9 * abs(other)
        if apart.any():
            found = [float(part.to_numpy()[apart.to_numpy()][0]) for part in (one, other)]
            raise NotComparableError(
                f"The {what} differs between the periods ({found[0]:,.6g} and {found[1]:,.6g} m2), so that these are "
                "not the same places. Tally the same flags in both; if only the number of windows differs, give the "
                "tallies before .sum('window')."
            )
    return later, earlier


def _without_windows(tally: xr.Dataset) -> xr.Dataset:
    """Crimes summed over windows; the ground of one window, if it is that of all."""
    import xarray as xr

    kept = tally[["hits", "events", "flagged_m2", "total_m2"]]
    if "window" not in tally.dims:
        return kept
    settled = kept["hits"].notnull() & kept["events"].notnull()
    crimes = kept[["hits", "events"]].where(settled).sum("window")
    ground = {}
    for name in ("flagged_m2", "total_m2"):
        each = kept[name].where(settled) if "window" in kept[name].dims else kept[name]
        low = high = each
        if "window" in each.dims:
            # A period without windows has no ground, rather than none of it.
            each = each if each.sizes["window"] else each.pad(window=(0, 1))
            low, high = each.min("window"), each.max("window")
        if (high - low > 1e-9 * high).any():
            raise NotComparableError(
                f"{name} changes from window to window, so that these are not the same places throughout; flag once, "
                "and tally the same flags in every window of both periods."
            )
        ground[name] = high
    return xr.Dataset({**crimes.data_vars, **ground})
