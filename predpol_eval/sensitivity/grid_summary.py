"""What a comparison over several grids comes to: metrics and ranks by grid, and the differences of each pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from predpol_eval import metrics
from predpol_eval.comparisons import compare
from predpol_eval.comparisons.result import LEAST_CRIMES, LEAST_NIGHTS
from predpol_eval.sensitivity.layouts import Ground, Layout
from predpol_eval.strata import stratify

if TYPE_CHECKING:
    import xarray as xr

Metric = Callable[["xr.Dataset"], "xr.DataArray"]

# As in a comparison, the area of the budget is charged.
METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "hit_rate": metrics.hit_rate,
        "pai": partial(metrics.pai, area="budget"),
        "search_efficiency": partial(metrics.search_efficiency, area="budget"),
        "lift": metrics.lift,
        "pei": metrics.pei,
        "precision": metrics.precision,
    }
)
# Differences below this share of the numbers compared are rounding.
_TIED = 1e-9
# Ground that differs by more makes another budget of it.
_UNEQUAL = 0.1
_SOURCE = "Diebold and Mariano 1995; Kiefer and Vogelsang 2005"
# Name: type, units ("" for those of the metric), long name, definition.
_FOUND: Mapping[str, tuple[type, str, str, str]] = MappingProxyType(
    {
        "difference": (
            float, "", "first less second, pooled over the nights both have", "metric of the first less the second's",
        ),
        "low": (float, "", "lower end of the interval", "of compare(..., method='dm') on this grid alone"),
        "high": (float, "", "upper end of the interval", "of compare(..., method='dm') on this grid alone"),
        "p": (float, "1", "p-value of no difference", "of compare(..., method='dm') on this grid alone"),
        "enough": (
            bool, "1", "whether the two differ on enough nights and by enough crimes",
            f"at least {LEAST_NIGHTS} nights on which they differ, and {LEAST_CRIMES} differing crimes",
        ),
        "verdict": (
            object, "1", "what may be said of the difference on this grid alone", "where the interval lies of zero",
        ),
        "nights_compared": (int, "nights", "nights that both have", "nights that neither missed"),
    }
)  # fmt: skip


class GridRun(NamedTuple):
    """What is kept of one grid's backtest."""

    layout: Layout
    ground: Ground
    counts: xr.Dataset
    pairs: xr.Dataset

    @classmethod
    def of(
        cls, layout: Layout, ground: Ground, tally: xr.Dataset, metric: str, baseline: str | None, alpha: float
    ) -> GridRun:
        """Sum a tally over nights and areas, and compare its forecasters."""
        counts = stratify(tally, METRICS[metric], by=())
        ranks = _ranks(counts[metric])
        ranks.attrs = {
            "long_name": "rank, 1 the best",
            "units": "1",
            "better": "lower",
            "definition": f"place among the forecasters by {metric}, the highest first; tied ones share the mean",
            "reference": "as defined here",
        }
        elsewhere = tally["elsewhere"].reset_coords(drop=True)
        return cls(
            layout, ground, counts.assign(rank=ranks, elsewhere=elsewhere), _compared(tally, metric, baseline, alpha)
        )


def _ranks(values: xr.DataArray) -> xr.DataArray:
    """Rank of every forecaster, 1 for the highest; tied ones share the mean of theirs; NaN has none."""
    other = values.rename(forecaster="other")
    slack = _TIED * np.maximum(abs(values), abs(other))
    above = (other > values + slack).sum("other")
    tied = (abs(other - values) <= slack).sum("other")
    return (above + (tied + 1) / 2).where(values.notnull())


def pairs_of(names: list[str], baseline: str | None) -> list[tuple[str, str]]:
    """Which forecaster is compared with which: all others with the baseline, or each with those before it."""
    if baseline is not None:
        return [(name, baseline) for name in names if name != baseline]
    return [(later, earlier) for earlier, later in combinations(names, 2)]


def _compared(tally: xr.Dataset, metric: str, baseline: str | None, alpha: float) -> xr.Dataset:
    """Differences of all pairs on one grid, over (pair, kind, budget)."""
    import xarray as xr

    pairs = pairs_of([str(name) for name in tally["forecaster"].to_numpy()], baseline)
    kinds, budgets = tally["kind"].to_numpy(), tally["budget"].to_numpy()
    shape = (len(pairs), len(kinds), len(budgets))
    held: dict[str, Any] = {name: np.empty(shape, dtype=about[0]) for name, about in _FOUND.items()}
    for place in np.ndindex(*shape):
        here = tally.isel(kind=place[1], budget=place[2])
        a, b = (here.sel(forecaster=name) for name in pairs[place[0]])
        found = compare(a, b, metric, method="dm", alpha=alpha)
        told = (found.estimate, found.low, found.high, found.p, found.enough, found.verdict, found.n)
        for values, number in zip(held.values(), told, strict=True):
            values[place] = number
    dims = ("pair", "kind", "budget")
    named = np.array([f"{first} - {second}" for first, second in pairs], dtype=object)
    return xr.Dataset(
        {name: (dims, values, _about(name)) for name, values in held.items()},
        coords={
            "pair": ("pair", named),
            "first": ("pair", np.array([first for first, _ in pairs], dtype=object)),
            "second": ("pair", np.array([second for _, second in pairs], dtype=object)),
            "kind": tally["kind"].variable,
            "budget": tally["budget"].variable,
        },
    )


def _about(name: str) -> dict[str, str]:
    _, units, long_name, definition = _FOUND[name]
    about = {"long_name": long_name, "units": units, "definition": definition}
    if name in ("difference", "low", "high"):
        about["better"] = "higher"
    return {**about, "reference": "as defined here" if name in ("enough", "verdict", "nights_compared") else _SOURCE}


def summed_up(runs: list[GridRun], metric: str, baseline: str | None, alpha: float) -> xr.Dataset:
    """Put the grids side by side, the base grid first, and say what they share."""
    import xarray as xr

    names = np.array([str(run.layout) for run in runs], dtype=object)
    side = xr.Variable("grid", names, {"long_name": "grid; the first is the base"})
    # Counts of crimes that are spread over several nights are there only where a grid has such crimes.
    shared = [name for name in runs[0].counts.data_vars if all(name in run.counts for run in runs)]
    parts = [
        xr.merge([run.counts[shared], run.pairs], combine_attrs="override", join="outer", compat="equals")
        for run in runs
    ]
    result = xr.concat(parts, side, combine_attrs="override", join="outer", coords="minimal", compat="equals")
    result = result.assign_coords(_where(runs)).assign(_about_cells(runs))
    values, units = result[metric], result[metric].attrs.get("units", "1")
    for name, text in (("lowest", "lowest on any grid"), ("highest", "highest on any grid")):
        extreme = values.min("grid") if name == "lowest" else values.max("grid")
        result[name] = extreme.assign_attrs(long_name=f"{metric}, {text}", units=units)
    ranks = result["rank"]
    alike = (ranks == ranks[0]) | (ranks.isnull() & ranks[0].isnull())
    result["same_order"] = alike.all("forecaster")
    result["same_order"].attrs = {
        "long_name": "whether all ranks are those of the base grid",
        "units": "1",
        "definition": "every forecaster has the rank that it has on the base grid",
        "reference": "as defined here",
    }
    for name in ("difference", "low", "high"):
        result[name].attrs["units"] = units
    result = result.assign(_over_grids(result, units))
    result["in_words"] = _words(result, metric, alpha)
    result.attrs = {
        **{name: value for name, value in runs[0].counts.attrs.items() if name in ("crs", "tz", "method")},
        "metric": metric,
        "baseline": baseline or "",
        "alpha": alpha,
        "base_grid": names[0],
        "definition": "the same backtest on every grid: equal nights and ground; lowest to highest is no interval",
        "turned": "where rotation is above 0, crimes and areas were turned clockwise about the pivot, not the cells",
        "reference": "Openshaw 1984",
    }
    return result


def unequal_ground(result: xr.Dataset) -> dict[str, list[str]]:
    """What to warn of: budgets in cells that buy another amount of ground than on the base grid, and the grids."""
    bought = result["budget_m2"] / result["total_m2"]
    off = abs(bought / bought[0] - 1).max([dim for dim in bought.dims if dim not in ("grid", "budget")])
    found = {}
    for budget in off["budget"].to_numpy():
        here = off.sel(budget=budget)
        grids = here["grid"].to_numpy()[here.to_numpy() > _UNEQUAL].tolist()
        if grids:
            most = f"{100 * float(here.max()):.0f} %"
            text = (
                f"'{budget}' buys another amount of ground than on the base grid, by up to {most}, as the border cuts"
            )
            found[f"{text} other cells; ppe.Coverage(...) is equal ground on every grid."] = grids
    return found


def _where(runs: list[GridRun]) -> dict[str, Any]:
    columns = {
        "cell": ([run.layout.cell for run in runs], "side of a cell", "m"),
        "shift_x": ([run.layout.shift[0] for run in runs], "shift to the east", "cells"),
        "shift_y": ([run.layout.shift[1] for run in runs], "shift to the north", "cells"),
        "rotation": ([run.layout.rotation for run in runs], "turn of the grid, anticlockwise", "degrees"),
        "pivot_x": ([run.ground.pivot[0] for run in runs], "corner about which it is turned, easting", "m"),
        "pivot_y": ([run.ground.pivot[1] for run in runs], "corner about which it is turned, northing", "m"),
    }
    return {
        name: ("grid", np.array(values, dtype=float), {"long_name": text, "units": units})
        for name, (values, text, units) in columns.items()
    }


def _about_cells(runs: list[GridRun]) -> dict[str, Any]:
    grids = [run.ground.grid for run in runs]
    return {
        "cells": ("grid", [int(grid.mask.sum()) for grid in grids], {"long_name": "cells", "units": "cells"}),
        "areas_without_cells": (
            "grid",
            [int((grid.label_cells == 0).sum()) for grid in grids],
            {"long_name": "areas that hold most of no cell, and so cannot be flagged", "units": "areas"},
        ),
    }


def _over_grids(result: xr.Dataset, units: str) -> dict[str, Any]:
    difference = result["difference"]
    sign = np.sign(difference.where(abs(difference) > 1e-12, 0.0).where(difference.notnull()))
    return {
        "difference_lowest": difference.min("grid").assign_attrs(long_name="lowest on any grid", units=units),
        "difference_highest": difference.max("grid").assign_attrs(long_name="highest on any grid", units=units),
        "same_sign": (sign == sign[0])
        .sum("grid")
        .assign_attrs(long_name="grids on which the sign is that of the base grid", units="grids"),
    }


def _words(result: xr.Dataset, metric: str, alpha: float) -> xr.DataArray:
    """One sentence for each pair, kind and budget."""
    grids = result.sizes["grid"]
    like = result["same_sign"]
    texts = np.empty(like.shape, dtype=object)
    for place in np.ndindex(*like.shape):
        here = result[["difference", "verdict", "same_sign"]].isel(dict(zip(like.dims, place, strict=True)))
        verdicts = here["verdict"].to_numpy().tolist()
        base, low, high = (
            _written(number, metric)
            for number in (here["difference"][0], here["difference"].min(), here["difference"].max())
        )
        told = [f"{word} on {verdicts.count(word)}" for word in _VERDICTS if word in verdicts]
        texts[place] = (
            f"{metric.replace('_', ' ')}, {here['pair'].item()}: {base} on the base grid, {low} to {high} over {grids} "
            f"grids, the sign of the base grid on {int(here['same_sign'])} of them; by {100 * (1 - alpha):g} % "
            f"intervals, each of one grid alone: {', '.join(told)}."
        )
    return like.copy(data=texts).assign_attrs(long_name="what the grids say", units="1")


_VERDICTS = ("higher", "lower", "no clear difference", "too few differences to tell", "no interval")


def _written(number: Any, metric: str) -> str:
    value = float(number)
    if np.isnan(value):
        return "not defined"
    return f"{100 * value:+.2f} points" if metric == "hit_rate" else f"{value:+.3g}"
