"""A ratio by forecaster, with its interval: which catches more for the same ground, and how sure is that?"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from predpol_eval import metrics
from predpol_eval.comparisons import bootstrap_by_night
from predpol_eval.errors import InputError
from predpol_eval.plot.canvas import FAINT, INK, SMALL, TEXT, TITLE, footer, new_figure, pen, percent, tidy

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

SHARES = ("hit_rate", "pei", "precision")


def plot_metric(
    result: xr.Dataset,
    metric: str = "pai",
    *,
    kinds: Sequence[str] | None = None,
    budgets: Sequence[str] | None = None,
    seed: int = 1,
    resamples: int = 1000,
    level: float = 0.95,
    note: str = "",
    ax: Axes | None = None,
) -> Any:
    """Draw a ratio by forecaster with its bootstrap interval; a panel for every kind of crime and budget.

    Parameters
    ----------
    result : xarray.Dataset
        What `backtest` returned.
    metric : str
        ``"pai"``, ``"hit_rate"``, ``"lift"``, ``"pei"``, ``"precision"`` or ``"search_efficiency"``.
    kinds, budgets : sequence of str, optional
        Which to show, by label; default all.
    seed, resamples, level
        As for `bootstrap_by_night`.
    note : str
        A line more beneath.
    ax : matplotlib.axes.Axes, optional
        Where to draw one kind and one budget.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the metric, kind or budget is unknown, or several panels are asked for in one `ax`.
    """
    chosen = _choose(_choose(result, "kind", kinds), "budget", budgets)
    found = bootstrap_by_night(chosen, metric, seed=seed, resamples=resamples, level=level)
    blind = _blindly(chosen, metric)
    rows, columns = ([str(name) for name in found[dim].to_numpy()] for dim in ("kind", "budget"))
    names = [str(name) for name in found["forecaster"].to_numpy()]
    if ax is not None:
        if len(rows) * len(columns) > 1:
            raise InputError("One ax holds one kind and one budget; choose them with kinds=[...] and budgets=[...].")
        _panel(ax, found.isel(kind=0, budget=0), _at(blind, 0, 0), names, metric, label=True)
        _scale(ax, found, _at(blind, 0, 0))
        return ax.figure
    height = 1.25 + len(rows) * (0.75 + 0.27 * len(names))
    figure = new_figure(7.3 if len(columns) < 3 else 10.7, min(height, 10.7))
    # A budget has one scale for all kinds, so that panels above each other compare.
    panels = figure.subplots(len(rows), len(columns), squeeze=False, sharex="col", sharey=True)
    for r, kind in enumerate(rows):
        for c, budget in enumerate(columns):
            axes = panels[r, c]
            _panel(axes, found.isel(kind=r, budget=c), _at(blind, r, c), names, metric, label=r == len(rows) - 1)
            axes.set_title(budget, fontsize=TEXT + 0.5, loc="left", color=INK)
            if r == len(rows) - 1:
                _scale(axes, found.isel(budget=c), None if blind is None else blind.to_numpy()[:, c])
        text = "\n".join(textwrap.wrap("All crimes" if kind == "all" else kind, 18))
        panels[r, 0].set_ylabel(text, fontsize=TITLE, color=INK, labelpad=8)
    about = (
        f"Bars: {100 * level:g} % interval, drawing whole nights {resamples:,} times and taking them as independent; "
        "no bar: too few crimes, nights or catches for one. Overlapping bars do not mean equal: the nights are shared. "
        + ("Grey ticks: the same ground in each area, flagged blindly." if blind is not None else "")
    )
    footer(figure, "\n".join(line for line in (about, note) if line))
    return figure


def _choose(result: xr.Dataset, dim: str, wanted: Sequence[str] | None) -> xr.Dataset:
    for name in ("forecaster", dim):
        if name not in result.dims:
            raise InputError(f"The result has no dimension {name!r}; give what ppe.backtest(...) returned.")
    if wanted is None:
        return result
    there = [str(name) for name in result[dim].to_numpy()]
    unknown = [name for name in wanted if name not in there]
    if unknown or not wanted:
        raise InputError(f"{dim}s={list(wanted)!r}; choose among {', '.join(map(repr, there))}.")
    return result.sel({dim: list(wanted)})


def _blindly(result: xr.Dataset, metric: str) -> xr.DataArray | None:
    """Give the same ratio for flags placed blindly in each area: what chance alone catches."""
    if metric not in ("hit_rate", "pai", "search_efficiency", "lift"):
        return None
    total = result.sum(["window", "area"])
    ratio: xr.DataArray = getattr(metrics, metric)(total.assign(hits=total["chance_hits"]))
    return ratio.transpose("kind", "budget", "forecaster")


def _at(blind: xr.DataArray | None, kind: int, budget: int) -> Any:
    return None if blind is None else blind.to_numpy()[kind, budget]


def _panel(axes: Axes, found: xr.Dataset, blind: Any, names: Sequence[str], metric: str, *, label: bool) -> None:
    estimate, low, high = (found[part].to_numpy() for part in ("estimate", "low", "high"))
    for number in range(len(names)):
        style = pen(number)
        if np.isfinite(low[number]):
            axes.plot([low[number], high[number]], [number, number], color=style.color, linewidth=1.6, zorder=3)
        axes.plot(
            [estimate[number]], [number], marker=style.marker, color=style.color, markersize=6, markeredgecolor="white",
            markeredgewidth=0.5, zorder=4,
        )  # fmt: skip
        if blind is not None and np.isfinite(blind[number]):
            axes.plot([blind[number]] * 2, [number - 0.34, number + 0.34], color=FAINT, linewidth=1.2, zorder=2)
        text = _number(estimate[number], metric)
        axes.annotate(
            text, (1.0, number), xycoords=("axes fraction", "data"), xytext=(2, 0), textcoords="offset points",
            ha="left", va="center", fontsize=SMALL + 0.3, color=INK,
        )  # fmt: skip
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), list(names))
    tidy(axes)
    axes.tick_params(axis="y", length=0, labelsize=TEXT)
    axes.grid(axis="x", color="#e2e2e2", linewidth=0.6, zorder=0)
    across = axes.get_position().width * axes.get_figure(root=True).get_figwidth()  # type: ignore[union-attr]
    axes.xaxis.set_major_locator(MaxNLocator(3 if across < 2.2 else 5, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(percent if metric in SHARES else lambda value, _: f"{value:.4g}")
    if label:
        units = found["estimate"].attrs.get("units", "1")
        name = found["estimate"].attrs.get("long_name", metric)
        axes.set_xlabel(name if units == "1" else f"{name} ({units})", fontsize=TEXT, color=INK)


def _number(value: float, metric: str) -> str:
    if not np.isfinite(value):
        return "undefined"
    return f"{100 * value:.1f} %" if metric in SHARES else f"{value:.2f}"


def _scale(axes: Axes, found: xr.Dataset, blind: Any) -> None:
    """From 0 to beyond the longest bar of all that share the axis."""
    ends = np.concatenate([found[part].to_numpy().ravel() for part in ("estimate", "high")] + [np.ravel(blind)])
    ends = ends.astype(float)[np.isfinite(ends.astype(float))]
    axes.set_xlim(0, 1.06 * float(ends.max(initial=0.0)) or 1.0)
