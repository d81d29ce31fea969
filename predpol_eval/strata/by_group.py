"""A metric by group, beside the counts it is made of: sum within the group first, divide once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval import metrics
from predpol_eval.errors import InputError, refuse_rri
from predpol_eval.scores import LOG_SCORES
from predpol_eval.strata.groups import Grouping, read_by
from predpol_eval.strata.own_metric import EXAMPLE, result_of

if TYPE_CHECKING:
    import xarray as xr

Metric = Callable[["xr.Dataset"], "xr.DataArray"]

# Below this a ratio is an anecdote.
FEW_CRIMES = 20
NAMES = ("hit_rate", "pai", "lift", "pei", "precision", "search_efficiency")
# Sums over these mean nothing: they are what is compared.
_NEVER_SUMMED = ("forecaster", "budget")


def stratify(
    tally: xr.Dataset,
    metric: str | Metric | Sequence[str | Metric] = "hit_rate",
    *,
    by: Any,
    pool: Sequence[str] = ("area", "window"),
) -> xr.Dataset:
    """Any metric by group: area, kind, day of the week, month, with the counts beside every ratio.

    Parameters
    ----------
    tally : xarray.Dataset
        What `tally` or `backtest` returned, with its dimension ``window``.
    metric : str, callable, or several of them
        ``"hit_rate"``, ``"pai"``, ``"lift"``, ``"pei"``, ``"precision"``, ``"search_efficiency"``; ``"log_score"`` or
        ``"log_score_unfloored"`` (mean per night, if the tally has them); or a function of a summed tally, such as
        ``lambda total: ppe.pai(total, area="budget")``.
    by : str, DataArray, or several of them
        Dimensions of the tally (``"area"``, ``"kind"``, ``"window"``); parts of the calendar: ``"day_of_week"``,
        ``"weekend"``, ``"hour"``, ``"date"``, ``"week"``, ``"month"``, ``"month_of_year"``, ``"quarter"``, ``"year"``;
        or labels of your own, a named DataArray (or Series with a named index) over one dimension, such as the
        region of every area. ``()`` gives the whole.
    pool : sequence of str
        Dimensions to sum over unless `by` names them. All others (forecaster, kind, budget) are kept.

    Returns
    -------
    xarray.Dataset
        The metric under its name; ``few`` (fewer than 20 crimes: too few to read the ratio); ``nights`` that count and
        ``nights_missing`` (failed); and all counts of the tally, summed. The dimensions of `by` come first, then those
        that remain, in the order of the tally; ``.to_dataframe()`` is a tidy table.

    Raises
    ------
    InputError
        If the tally was summed over its nights already, does not tell its zone, or a metric or group is not known.

    Notes
    -----
    A window belongs to the local civil day on which it starts: a shift from 22:00 to 06:00 to the evening it begins,
    so that most of Saturday night's small hours are Saturday's, and a week as one window to its first day. All seven
    days, both kinds of day and all twelve months of the year are always listed, and periods run from the first to the
    last without a gap; a group without nights has ``nights`` 0, counts 0 and a metric of NaN. Where there were nights
    and all failed, the counts are NaN too. Hours are those at which windows start.

    A night that failed, or of which a part that is summed failed, is left out above and below the line. ``outside``
    has no area and is left out where areas are kept apart. ``pei`` by area is NaN under a city-wide budget (see
    `pei`). Log scores are of the whole study area. Areas of flagged ground are sums over nights.

    Groups chosen after a look at many of them are the extremes of chance: with twenty areas the best one is far above
    the mean even where all are equal.

    References
    ----------
    Simpson 1951, Journal of the Royal Statistical Society B 13 (a difference in every group may reverse in the whole).

    Examples
    --------
    >>> import numpy as np, xarray as xr, predpol_eval as ppe
    >>> nights = ppe.Schedule(start="2018-05-04", end="2018-05-08", tz="Europe/London").windows
    >>> caught = {"hits": ("window", [1.0, 2.0, 3.0, 0.0]), "events": ("window", [4.0, 4.0, 4.0, 0.0])}
    >>> found = ppe.stratify(xr.Dataset(caught, nights.coords), by="weekend")
    >>> found.weekend.to_numpy().tolist(), found.hit_rate.to_numpy().tolist(), found.nights.to_numpy().tolist()
    (['weekday', 'weekend'], [0.25, 0.625], [2, 2])
    """
    functions = _functions(metric, tally)
    _refuse_unusable(tally)
    asked = read_by(by, tally)
    groups = asked.groups
    grouped_dims = {group.dim for group in groups}
    pooled = [name for name in _pool(pool, tally) if name not in asked.kept]
    summed = [name for name in pooled if name not in grouped_dims]
    summed_over = sorted({*pooled, *grouped_dims})
    if asked.has_areas() and any(name in LOG_SCORES for name in functions):
        raise InputError("A log score is of the whole study area and has no parts by area; leave the area out of by=.")
    parts = _numbers(tally).sum([name for name in summed if name != "window"], skipna=False, keep_attrs=True)
    for dim in grouped_dims - {"window"}:
        parts = _sums(parts, dim, [group for group in groups if group.dim == dim])
    total = _over_nights(parts, groups, "window" in summed or "window" in grouped_dims)
    total = _mark_areas(total, tally, grouped_dims)
    if asked.has_areas():
        total = total.drop_vars("outside", errors="ignore")
    return _result(total, functions, tally, asked.names, summed_over)


def _functions(metric: Any, tally: Any) -> dict[str, Metric]:
    """Functions of a summed tally by the name of what they give (a function of one's own: by its place)."""
    asked = list(metric) if isinstance(metric, list | tuple) else [metric]
    if not asked:
        raise InputError("No metric was given; give at least one, for instance 'hit_rate'.")
    found: dict[str, Metric] = {}
    for place, one in enumerate(asked):
        if callable(one):
            found[f"function {place}"] = one
            continue
        refuse_rri(one)
        if not isinstance(one, str):
            raise InputError(
                f"metric={one!r} is {type(one).__name__}; give a name, for instance 'hit_rate', or a function of a "
                f"tally, for instance {EXAMPLE}."
            )
        if one in NAMES:
            found[one] = getattr(metrics, one)
        elif one in ("log_score", "log_score_unfloored"):
            found[one] = _log_score(one, tally)
        else:
            raise InputError(
                f"metric={one!r}; choose one of {', '.join(map(repr, (*NAMES, 'log_score', 'log_score_unfloored')))}, "
                f"or give a function of a tally, for instance {EXAMPLE}."
            )
    return found


def _log_score(name: str, tally: xr.Dataset) -> Metric:
    if name not in tally or "log_score_nights" not in tally:
        raise InputError(
            f"The tally has no {name!r}; ask for it with ppe.backtest(..., log_score_floor=0.001), which scores "
            "forecasters of expected counts."
        )
    kept = {key: tally[name].attrs[key] for key in ("floor",) if key in tally[name].attrs}

    def mean_per_night(total: xr.Dataset) -> xr.DataArray:
        nights = total["log_score_nights"]
        mean = (total[name] / nights.where(nights > 0)).rename(name)
        return mean.assign_attrs(
            long_name=f"{LOG_SCORES[name]}, mean per night",
            units="nats per night",
            better="higher",
            definition="sum of the nights' log scores / nights that have one",
            reference="Brehmer et al. 2024",
            **kept,
        )

    return mean_per_night


def _refuse_unusable(tally: Any) -> None:
    lacking = [name for name in ("hits", "events") if name not in getattr(tally, "data_vars", ())]
    if lacking:
        raise InputError(
            f"The tally lacks {', '.join(lacking)}; give what ppe.tally(...) or ppe.backtest(...) returned."
        )
    if "window" not in tally.dims:
        raise InputError(
            "The tally was summed over its nights already (it has no dimension 'window'), so that nobody can tell "
            "which night was in which group, or failed; give what ppe.tally(...) or ppe.backtest(...) returned."
        )
    if not tally.sizes["window"]:
        raise InputError("The tally has no night; give one with at least one window.")


def _pool(pool: Any, tally: xr.Dataset) -> list[str]:
    names = [pool] if isinstance(pool, str) else [str(name) for name in pool]
    for name in names:
        if name in _NEVER_SUMMED:
            raise InputError(
                f"pool= names {name!r}: a sum over {name}s means nothing, as they are what is compared; select one "
                f"with tally.sel({name}=...)."
            )
        if name not in tally.dims and name != "area":
            raise InputError(
                f"pool= names {name!r}, which is no dimension of the tally ({', '.join(map(str, tally.dims))})."
            )
    return [name for name in names if name in tally.dims]


def _numbers(tally: xr.Dataset) -> xr.Dataset:
    """The additive numbers of the tally, in double precision."""
    names = [
        name
        for name in tally.data_vars
        if tally[name].dtype.kind in "fiu" and "window" in tally[name].dims and "coverage" not in tally[name].dims
    ]
    kept = tally[names].drop_vars(("window_end", "until", "elsewhere", "coverage"), errors="ignore")
    result = kept.map(lambda values: values.astype(np.float64, copy=False), keep_attrs=True)
    return result.assign_attrs(tally.attrs)


def _sums(data: xr.Dataset, dim: str, groups: list[Grouping]) -> xr.Dataset:
    """Sums along one dimension, by the combinations of its groups."""
    import xarray as xr

    sizes = [len(group.labels) for group in groups]
    flat = np.ravel_multi_index([group.code for group in groups], sizes) if groups else np.zeros(data.sizes[dim], int)
    where = [np.flatnonzero(flat == number) for number in range(int(np.prod(sizes, dtype=int)))]
    made = {}
    for name, values in data.data_vars.items():
        if dim not in values.dims:
            made[name] = values.variable
            continue
        last = values.transpose(..., dim)
        numbers = last.to_numpy()
        summed = np.stack([numbers[..., places].sum(axis=-1) for places in where], axis=-1)
        shape = (*numbers.shape[:-1], *sizes)
        dims = (*last.dims[:-1], *(group.name for group in groups))
        made[name] = xr.Variable(dims, summed.reshape(shape), values.attrs)
    coords = {name: values.variable for name, values in data.coords.items() if dim not in values.dims}
    coords |= {group.name: xr.Variable((group.name,), group.labels, group.about) for group in groups}
    return xr.Dataset(made, coords, data.attrs)


def _over_nights(parts: xr.Dataset, groups: list[Grouping], sum_nights: bool) -> xr.Dataset:
    """Sum the nights that count; a night of which a number is missing adds to ``nights_missing`` alone."""
    missing = reduce(or_, (parts[name].isnull() for name in parts.data_vars if name not in LOG_SCORES))
    gone = _no_wider_than_needed(missing)
    some = bool(missing.any())
    filled = parts
    if some:
        filled = parts.map(lambda values: values.where(~gone, 0.0), keep_attrs=True).assign_attrs(parts.attrs)
    # A night may have no log score (a forecaster of scores, not counts) and count all the same.
    filled = filled.assign({name: filled[name].fillna(0.0) for name in LOG_SCORES if name in filled})
    filled["nights"] = (~missing).astype(np.float64)
    filled["nights_missing"] = missing.astype(np.float64)
    if sum_nights:
        filled = _sums(filled, "window", [group for group in groups if group.dim == "window"])
        lost = (filled["nights"] == 0) & (filled["nights_missing"] > 0)
        if bool(lost.any()):
            # Nothing is known of a group of which every night failed; it is not one without crime.
            known = ~_no_wider_than_needed(lost)
            filled = filled.assign({name: filled[name].where(known) for name in parts.data_vars})
    elif some:
        # A night kept by itself that failed has no counts, rather than none that it caught.
        filled = filled.assign({name: filled[name].where(~gone) for name in parts.data_vars})
    for name, text in (("nights", "nights that count"), ("nights_missing", "nights that failed")):
        filled[name] = filled[name].astype(np.int64).assign_attrs(long_name=text, units="nights")
    return filled


def _no_wider_than_needed(missing: xr.DataArray) -> xr.DataArray:
    """Drop dimensions along which nothing differs, so that counts without them do not gain them."""
    for dim in map(str, missing.dims):
        if dim != "window" and missing.sizes[dim] and bool((missing.any(dim) == missing.all(dim)).all()):
            missing = missing.any(dim)
    return missing


def _mark_areas(total: xr.Dataset, tally: xr.Dataset, grouped_dims: set[str]) -> xr.Dataset:
    """Let `pei` know where counts are of some areas only: their shares of a city-wide optimum are not their own."""
    some_areas = tally.sizes.get("area", 1) < int(tally.attrs.get("n_areas", 0) or 0)
    if "area" not in total.coords and "area" in tally.dims and ("area" in grouped_dims or some_areas):
        return total.assign_coords(area="some areas")
    return total


def _result(
    total: xr.Dataset, functions: Mapping[str, Metric], tally: xr.Dataset, by: list[str], summed_over: list[str]
) -> xr.Dataset:
    import xarray as xr

    ratios: dict[str, xr.DataArray] = {}
    taken = [str(name) for name in total.data_vars if name not in LOG_SCORES]
    for asked, function in functions.items():
        called = getattr(function, "__name__", asked)
        ratio = result_of(function, total, asked if called == "<lambda>" else called)
        name = ratio.name or called
        if name in {*taken, *ratios, "few"}:
            raise InputError(
                f"The metric {asked!r} gives a result named {name!r}; expected a name of its own (.rename('...')), not "
                f"one of {', '.join((*taken, *ratios, 'few'))}."
            )
        ratios[str(name)] = ratio
    few = (~(total["events"] >= FEW_CRIMES - 1e-9)).assign_attrs(
        long_name=f"fewer than {FEW_CRIMES} crimes: too few to read the ratio", units="1"
    )
    first = ["nights", "nights_missing", "events", "hits"]
    order = [*first, *(name for name in taken if name not in first)]
    about = {key: tally.attrs[key] for key in ("grid", "crs", "cell", "tz", "method") if key in tally.attrs}
    table = xr.Dataset({**ratios, "few": few, **{name: total[name] for name in order}})
    if "area" in tally.dims and "area" not in by:
        table = table.drop_vars("area", errors="ignore")
    order_of_tally = [*tally["hits"].dims, *tally.dims]
    order_of_dims = dict.fromkeys([*by, *(dim for dim in order_of_tally if dim in table.dims), *table.dims])
    table = table.transpose(*(dim for dim in order_of_dims if dim in table.dims))
    # A table made of it has its index in the order of these, and its columns in that of all variables.
    result = xr.Dataset(
        coords={name: table[name].variable for name in order_of_dims if name in table.coords},
        attrs={
            **about,
            "metric": ", ".join(ratios),
            "by": ", ".join(by),
            "summed_over": ", ".join(summed_over),
            "definition": "counts are summed within each group, then divided once; failed nights are left out",
            "group_of_a_window": "that of the local civil time at which it starts",
        },
    )
    others = {name: coord.variable for name, coord in table.coords.items() if name not in table.dims}
    return result.assign({name: values.variable for name, values in table.data_vars.items()}).assign_coords(others)
