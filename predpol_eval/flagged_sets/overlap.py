"""What two methods catch together, and what only one of them catches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.counts import TimeRule, judged
from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.flagged_sets.reading import read_flagged

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]

COUNTS = {
    "both": ("crimes captured by both", "crimes"),
    "first_only": ("crimes captured by the forecaster and not by the other", "crimes"),
    "second_only": ("crimes captured by the other and not by the forecaster", "crimes"),
    "neither": ("crimes captured by neither", "crimes"),
    "events": ("crimes in the cells of the study area", "crimes"),
    "outside": ("crimes in no cell of the study area", "crimes"),
    "union_m2": ("ground flagged by either, summed over windows", "m2"),
}
_NEEDED = ("both", "first_only", "second_only", "events")
_SOURCE = "Adepeju, Rosser and Cheng 2016 (not read in the original)"


def complementarity(
    flagged: xr.DataArray | xr.Dataset,
    observed: Events | xr.DataArray | None = None,
    grid: Grid | None = None,
    *,
    method: TimeRule = "aoristic",
    pooled: bool = True,
) -> xr.Dataset:
    """Say of every pair of forecasters what both, one or neither of them captured at equal budget.

    Parameters
    ----------
    flagged : xarray.DataArray or xarray.Dataset
        What `flagged_cells` returned of a surface with the dimension ``forecaster``. Or what `credits` returned, if no
        tie was shared. Or counts that this function returned, or sums of them, to be divided again.
    observed : Events or xarray.DataArray
        The crimes of the same windows, or counts made by `count`. With a Dataset it is left out.
    grid : Grid, optional
        Needed only for a set without the coordinate ``inside_m2``.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain (for Events).
    pooled : bool
        Sum over ``window``, then divide. False keeps windows apart, each with its own ratios.

    Returns
    -------
    xarray.Dataset
        Over (``forecaster``, ``other``, ``budget``, and whatever else there is). Counts, which add up over windows:
        ``both``, ``first_only`` (the forecaster, not the other), ``second_only``, ``neither``, ``events``, ``outside``
        (crimes) and ``union_m2`` (area flagged by either, summed over windows; not known from `credits`). Ratios:

        ``one_only``
            (first_only + second_only) / events: share of the crimes that one of the two captured alone.
        ``union_gain``
            min(first_only, second_only) / events: crimes that the two together catch beyond the better one alone.
        ``jaccard``
            both / (both + first_only + second_only): share of the captured crimes that both captured.

        Of a method with itself they are 0, 0 and 1. NaN where there was no crime and, for ``jaccard``, where neither
        captured any.

    Raises
    ------
    InputError
        If it is no flagged set with forecasters, or credits with shared ties.
    NotComparableError
        If grids, windows or budgets differ.

    Notes
    -----
    The union of two sets uses up to twice the ground (``union_m2``). Its gain is not what a budget of the usual size
    would gain from mixing the two. The ratios themselves must not be summed: sum the counts, and give them to this
    function again.

    References
    ----------
    Adepeju, Rosser and Cheng 2016, International Journal of Geographical Information Science 30 (not read in the
    original). The exact ratios are this library's.

    Examples
    --------
    >>> import pandas as pd, xarray as xr, predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 1000, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> maps = [ppe.make_surface([[row]], grid, night, kind="score") for row in ([4, 3, 2, 1], [4, 1, 3, 2])]
    >>> risk = xr.concat(maps, pd.Index(["A", "B"], name="forecaster"))
    >>> crimes = maps[0].copy(data=[[[5.0, 2.0, 1.0, 2.0]]])
    >>> found = ppe.complementarity(ppe.flagged_cells(risk, ppe.TopCells(2), grid), crimes).isel(budget=0)
    >>> pair = found.sel(forecaster="A", other="B")
    >>> pair.both.item(), pair.first_only.item(), pair.second_only.item(), pair.neither.item()
    (5.0, 2.0, 1.0, 2.0)
    >>> pair.one_only.item(), pair.union_gain.item(), pair.jaccard.item()
    (0.3, 0.1, 0.625)
    """
    import xarray as xr

    if isinstance(flagged, xr.Dataset):
        if observed is not None:
            raise InputError("Credits and counts know their crimes already; leave `observed` out.")
        counts = _of_credits(flagged) if "credit" in flagged else _of_counts(flagged)
    else:
        counts = _of_sets(flagged, observed, grid, method)
    if pooled and "window" in counts.dims:
        summed = counts.sum("window", skipna=False)
        counts = summed.assign_attrs(counts.attrs | {"windows": counts.sizes["window"]})
    counts = counts[[name for name in COUNTS if name in counts]]
    for name in counts:
        text, units = COUNTS[str(name)]
        counts[name].attrs = {"long_name": text, "units": units}
    return _with_ratios(counts)


def _with_ratios(counts: xr.Dataset) -> xr.Dataset:
    """Divide what has been summed."""
    alone = counts["first_only"] + counts["second_only"]
    lesser = counts["first_only"].where(counts["first_only"] < counts["second_only"], counts["second_only"])
    captured = counts["both"] + alone
    crimes = counts["events"].where(counts["events"] > 0)
    told = {
        "one_only": (alone / crimes, "captured by one method only", "(first_only + second_only) / events"),
        "union_gain": (
            lesser / crimes,
            "gain of the union over the better one alone",
            "min(first_only, second_only) / events",
        ),
        "jaccard": (
            counts["both"] / captured.where(captured > 0),
            "Jaccard index of the captured crimes",
            "both / (both + first_only + second_only)",
        ),
    }
    result = counts.copy()
    for name, (ratio, text, definition) in told.items():
        attrs = {"long_name": text, "units": "1", "better": "neither", "definition": definition, "reference": _SOURCE}
        result[name] = ratio.transpose(*counts["both"].dims).assign_attrs(attrs)
    return result


def _of_sets(flagged: Any, observed: Any, grid: Grid | None, method: TimeRule) -> xr.Dataset:
    """Count from flagged cells and the crimes in them, window by window."""
    import xarray as xr

    if grid is not None and isinstance(flagged, xr.DataArray) and "inside_m2" not in flagged.coords:
        flagged = flagged.assign_coords(inside_m2=(("y", "x"), grid.inside_m2))
    made = read_flagged(flagged)
    data = made.data
    missing = [name for name in ("forecaster", "window") if name not in data.dims]
    if missing:
        raise InputError(
            f"The flagged set has dimensions {tuple(data.dims)} and lacks {', '.join(missing)}; join the surfaces "
            "first (xr.concat([...], pd.Index([...], name='forecaster'))) and give ppe.flagged_cells(...) of them."
        )
    if observed is None:
        raise InputError("Which crimes? Give Events or counts: ppe.complementarity(flagged, events).")
    _refuse_unequal_budgets(data)
    if made.missing.any():
        raise NotComparableError(
            f"{int(made.missing.sum()):,} of {made.missing.size:,} sets are missing (NaN): not every forecaster has "
            "flagged under every budget in every window. Select what all of them have, for instance with "
            "xr.concat(..., join='inner')."
        )
    lead = tuple(name for name in data.dims[:-2] if name not in ("forecaster", "budget", "window"))
    spent = ("budget",) if "budget" in data.dims else ()
    ordered = (
        data.copy(data=made.cells).assign_attrs(kind="flags").transpose(*lead, *spent, "forecaster", "window", "y", "x")
    )
    both_sides = judged(ordered, observed, grid, method)
    cells = both_sides.grid.mask.ravel()
    here = both_sides.crimes[:, cells]
    ground = both_sides.grid.inside_m2.ravel()[cells]
    sets = both_sides.surface.to_numpy().reshape(*ordered.shape[:-2], -1)[..., cells]
    shape = *ordered.shape[:-4], ordered.sizes["forecaster"], ordered.sizes["forecaster"], ordered.sizes["window"]
    counts = {name: np.empty(shape) for name in ("both", "first_only", "second_only", "neither", "union_m2")}
    for w, crimes in enumerate(here):
        mine = sets[..., w, :].astype(np.float64)
        rest = 1 - mine
        counts["both"][..., w] = _pairs(mine, crimes, mine)
        counts["first_only"][..., w] = _pairs(mine, crimes, rest)
        counts["second_only"][..., w] = _pairs(rest, crimes, mine)
        counts["neither"][..., w] = _pairs(rest, crimes, rest)
        shared = _pairs(mine, ground, mine) + _pairs(mine, ground, rest)
        counts["union_m2"][..., w] = shared + _pairs(rest, ground, mine)
    dims = (*lead, *spent, "forecaster", "other", "window")
    result = xr.Dataset(
        {name: (dims, values) for name, values in counts.items()},
        coords={
            name: coord
            for name, coord in ordered.coords.items()
            if name not in ("x", "y", "inside_m2") and set(coord.dims) <= set(dims)
        },
        attrs={key: ordered.attrs[key] for key in ("grid", "crs", "cell", "tz", "seed") if key in ordered.attrs},
    )
    result["events"] = ("window", here.sum(axis=-1))
    result["outside"] = ("window", both_sides.outside)
    return _named(result).transpose(*lead, "forecaster", "other", *spent, "window")


def _pairs(first: FloatArray, weight: FloatArray, second: FloatArray) -> FloatArray:
    """Weight of the cells in both of two sets, for every pair: (..., forecaster, cells) to (..., forecaster, other)."""
    # Cells without crime add nothing; of the thousands in a city a night leaves a few.
    some = weight > 0
    return np.asarray((first[..., some] * weight[some]) @ np.swapaxes(second[..., some], -1, -2))


def _refuse_unequal_budgets(data: xr.DataArray) -> None:
    if "budget" not in data.coords:
        raise InputError(
            "The sets do not say under which budget they were flagged, and only equal budgets can be compared; give "
            "ppe.flagged_cells(risk, budgets, grid), for flags with ppe.Flags(max_m2=...)."
        )
    for name in ("budget", "budget_m2", "budget_scope"):
        if name in data.coords and not set(data[name].dims) <= {"budget"}:
            raise NotComparableError(
                f"The sets were flagged under unequal budgets (the coordinate {name} lies over {data[name].dims}); "
                "flag all of them under the same budgets, best in one call of ppe.flagged_cells(...)."
            )


def _of_credits(credits: xr.Dataset) -> xr.Dataset:
    """Count from who caught which crime; windows without crime are not there."""
    import xarray as xr

    missing = [name for name in ("forecaster", "event") if name not in credits["credit"].dims]
    if missing or "weight" not in credits:
        raise InputError(
            f"The credits have dimensions {tuple(credits['credit'].dims)}; expected forecaster and event, and the "
            "weight of every event: give what ppe.credits(risk, events, budgets, grid) returned of several forecasters."
        )
    lead = tuple(name for name in credits["credit"].dims if name not in ("forecaster", "event"))
    credit = credits["credit"].transpose(*lead, "forecaster", "event")
    caught = credit.to_numpy().astype(np.float64)
    if not np.isin(caught, (0.0, 1.0)).all():
        raise InputError(
            f"{int((~np.isin(caught, (0.0, 1.0))).sum()):,} credits are shares, since ties were shared out: what two "
            "methods share is defined for definite sets only. Give ppe.flagged_cells(risk, budgets, grid) and the "
            "crimes."
        )
    within = credits["cell"].to_numpy() >= 0 if "cell" in credits.coords else np.ones(caught.shape[-1], dtype=np.bool_)
    weight = credits["weight"].to_numpy().astype(np.float64)
    starts, which = np.unique(credits["window"].to_numpy(), return_inverse=True)
    parts = []
    for w in range(len(starts)):
        now = np.where(which == w, weight, 0.0)
        inside = np.where(within, now, 0.0)
        left = 1 - caught
        pairs = (
            _pairs(caught, inside, caught),
            _pairs(caught, inside, left),
            _pairs(left, inside, caught),
            _pairs(left, inside, left),
        )
        parts.append((*pairs, inside.sum(), now.sum() - inside.sum()))
    dims = (*lead, "forecaster", "other", "window")
    size = caught.shape[-2]
    empty = np.zeros((*caught.shape[:-2], size, size, 0))
    result = xr.Dataset(
        {
            name: (dims, np.stack([part[number] for part in parts], axis=-1) if parts else empty)
            for number, name in enumerate(("both", "first_only", "second_only", "neither"))
        },
        coords={"window": starts}
        | {name: coord for name, coord in credit.coords.items() if set(coord.dims) <= {*lead, "forecaster"}},
        attrs=dict(credits.attrs),
    )
    result["events"] = ("window", np.array([part[4] for part in parts], dtype=np.float64))
    result["outside"] = ("window", np.array([part[5] for part in parts], dtype=np.float64))
    return _named(result)


def _of_counts(counts: xr.Dataset) -> xr.Dataset:
    """Take counts again, without the ratios of their parts."""
    missing = [name for name in _NEEDED if name not in counts]
    if missing:
        raise InputError(
            f"The Dataset lacks {', '.join(missing)}; give ppe.flagged_cells(...) and the crimes, what "
            "ppe.credits(...) returned, or sums of what ppe.complementarity(...) returned."
        )
    return counts


def _named(result: xr.Dataset) -> xr.Dataset:
    """Give the other forecaster its name."""
    if "forecaster" not in result.coords:
        return result
    return result.assign_coords(other=("other", result["forecaster"].to_numpy()))
