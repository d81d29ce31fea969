"""Is A better than B, drawn: differences with their intervals, and one as it unfolds night by night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.comparisons import Comparison
from predpol_eval.errors import InputError
from predpol_eval.plot.canvas import FAINT, INK, TEXT, TITLE, footer, new_figure, pen, tidy

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_BAND = "#0072B2"
_POINTS = ("hit_rate",)


def plot_comparisons(
    found: Comparison | Sequence[Comparison] | Mapping[str, Comparison], *, note: str = "", ax: Axes | None = None
) -> Any:
    """Draw differences with their intervals, one a row; a row without an interval had too few differences to tell.

    Parameters
    ----------
    found : Comparison, or sequence or mapping of them
        What `compare` returned, of one metric; the keys of a mapping name the rows.
    note : str
        A line more beneath.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there is none, or they are of several metrics.

    Examples
    --------
    >>> import numpy as np, xarray as xr, predpol_eval as ppe
    >>> hits = np.array([np.tile([3.0, 2.0, 4.0], 20), np.tile([1.0, 2.0], 30)])
    >>> caught = {"hits": (("forecaster", "window"), hits), "events": ("window", np.full(60, 10.0))}
    >>> tally = xr.Dataset(caught, {"forecaster": ["new", "old"]})
    >>> found = ppe.compare(tally.sel(forecaster="new"), tally.sel(forecaster="old"))
    >>> ppe.plot_comparisons(found).axes[0].get_xlabel()
    'difference in hit rate (points)'
    """
    rows = _named(found)
    metrics = {one.metric for one in rows.values()}
    if len(metrics) > 1:
        raise InputError(f"The comparisons are of several metrics ({', '.join(sorted(metrics))}); draw each by itself.")
    (metric,) = metrics
    factor = 100 if metric in _POINTS else 1
    figure = None if ax is not None else new_figure(7.3, 1.1 + 0.32 * len(rows))
    axes = _axes(figure, ax)
    for place, one in enumerate(rows.values()):
        style = pen(0)
        if one.enough and np.isfinite([one.low, one.high]).all():
            ends = [factor * one.low, factor * one.high]
            axes.plot(ends, [place, place], color=style.color, linewidth=1.6, zorder=3)
        axes.plot(
            [factor * one.estimate], [place], marker="o", markersize=6, zorder=4, color=style.color,
            markerfacecolor=style.color if one.enough else "white",
        )  # fmt: skip
    axes.axvline(0, color=FAINT, linewidth=1.0, zorder=1)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    tidy(axes)
    axes.tick_params(axis="y", length=0, labelsize=TEXT)
    axes.grid(axis="x", color="#e2e2e2", linewidth=0.6, zorder=0)
    axes.set_xlabel(_unit(metric, next(iter(rows.values())).units), fontsize=TEXT, color=INK)
    if figure is not None:
        levels = sorted({f"{100 * (1 - one.alpha):g} %" for one in rows.values()})
        ways = ", ".join(sorted({one.method for one in rows.values()}))
        about = (
            f"Right of zero: the first named did better. Bars: {' and '.join(levels)} interval ({ways}). Open "
            "marks: too few differences to tell."
        )
        footer(figure, "\n".join(line for line in (about, note) if line))
    return axes.figure


def plot_course(course: xr.Dataset, *, note: str = "", ax: Axes | None = None) -> Any:
    """Draw a confidence sequence: the difference after every night, with the interval that holds for all of them.

    Parameters
    ----------
    course : xarray.Dataset
        What `confidence_sequence` returned.
    note : str
        A line more beneath.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If it is something else, or holds no night.

    Examples
    --------
    >>> import numpy as np, xarray as xr, predpol_eval as ppe
    >>> hits = np.array([np.tile([3.0, 2.0, 4.0], 20), np.tile([1.0, 2.0], 30)])
    >>> caught = {"hits": (("forecaster", "window"), hits), "events": ("window", np.full(60, 10.0))}
    >>> nights = np.datetime64("2018-05-01", "ns") + np.arange(60) * np.timedelta64(1, "D")
    >>> tally = xr.Dataset(caught, {"forecaster": ["new", "old"], "window": nights})
    >>> course = ppe.confidence_sequence(tally.sel(forecaster="new"), tally.sel(forecaster="old"))
    >>> ppe.plot_course(course).axes[0].get_ylabel()
    'difference in hit rate (points)'
    """
    lacking = [name for name in ("estimate", "low", "high") if name not in getattr(course, "data_vars", ())]
    if lacking or "window" not in course.dims or not course.sizes["window"]:
        raise InputError(
            "Expected the course of a comparison over nights; give what ppe.confidence_sequence(...) returned."
        )
    metric = str(course.attrs.get("metric", "hit_rate"))
    factor = 100 if metric in _POINTS else 1
    figure = None if ax is not None else new_figure(7.3, 3.4)
    axes = _axes(figure, ax)
    nights = course["window"].to_numpy()
    estimate, low, high = (factor * course[name].to_numpy() for name in ("estimate", "low", "high"))
    axes.fill_between(nights, low, high, step="post", color=_BAND, alpha=0.18, linewidth=0)
    axes.step(nights, estimate, where="post", color=_BAND, linewidth=1.6)
    axes.axhline(0, color=FAINT, linewidth=1.0)
    # The first nights rule next to nothing out; they would press all others flat.
    reach = float(np.nanquantile(np.abs(np.concatenate([low, high])), 0.8))
    axes.set_ylim(-1.1 * reach, 1.1 * reach)
    if len(nights) > 1:
        axes.set_xlim(nights[0], nights[-1])
    tidy(axes)
    axes.grid(axis="y", color="#e2e2e2", linewidth=0.6)
    axes.set_ylabel(_unit(metric, str(course["estimate"].attrs.get("units", "1"))), fontsize=TEXT, color=INK)
    axes.set_xlabel("night", fontsize=TEXT, color=INK)
    axes.set_title(
        f"{course.attrs.get('a', 'A')} less {course.attrs.get('b', 'B')}", fontsize=TITLE, loc="left", color=INK
    )
    if figure is not None:
        alpha = float(course.attrs.get("alpha", 0.05))
        about = (
            "Line: the difference so far. Band: holds the true difference on all nights together in "
            f"{100 * (1 - alpha):g} % of such trials, so that it may be looked at every night. Where it leaves zero, "
            "one did better."
        )
        footer(figure, "\n".join(line for line in (about, note) if line))
    return axes.figure


def _axes(figure: Any, ax: Axes | None) -> Axes:
    return ax if ax is not None else figure.subplots()


def _named(found: Any) -> dict[str, Comparison]:
    if isinstance(found, Comparison):
        found = [found]
    rows = dict(found) if isinstance(found, Mapping) else {}
    if not isinstance(found, Mapping):
        for one in found:
            name = f"{one.a} against {one.b}" if isinstance(one, Comparison) else str(one)
            rows[name if name not in rows else f"{name} ({len(rows) + 1})"] = one
    if not rows or not all(isinstance(one, Comparison) for one in rows.values()):
        raise InputError("Expected comparisons; give what ppe.compare(...) returned, one or several.")
    return rows


def _unit(metric: str, units: str) -> str:
    unit = "points" if metric in _POINTS else units
    return f"difference in {metric.replace('_', ' ')}" + ("" if unit == "1" else f" ({unit})")
