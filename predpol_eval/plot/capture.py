"""Capture curves: which share of the crimes lies in which share of the ground, the riskiest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.plot.canvas import FAINT, INK, TEXT, TITLE, footer, new_figure, pen, percent, tidy

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

READING = (
    "Share of all crimes in the study area that lay in the riskiest share of the ground, all nights together. "
    "The grey line is what flags placed blindly catch."
)


def plot_capture(
    result: xr.Dataset, kind: str | None = None, *, upto: float | None = None, note: str = "", ax: Axes | None = None
) -> Any:
    """Draw the capture curve of every forecaster.

    Parameters
    ----------
    result : xarray.Dataset
        What ``backtest(..., curve=...)`` returned: with ``curve_hits`` (forecaster, kind, coverage, window) and
        ``curve_events``.
    kind : str, optional
        Kind of crime; default all, a row of panels each.
    upto : float, optional
        Largest share of the ground to show. Default: two panels side by side, all the ground and its first tenth,
        where patrols can be; in `ax`, all the ground.
    note : str
        A line more beneath.
    ax : matplotlib.axes.Axes, optional
        Where to draw one kind.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the result holds no curves or not this kind, or several kinds are asked for in one `ax`.
    """
    if "curve_hits" not in result or "curve_events" not in result:
        raise InputError(
            "The result holds no capture curves; run ppe.backtest(..., curve=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5))."
        )
    if upto is not None and not 0 < upto <= 1:
        raise InputError(f"upto={upto!r}; give a share of the ground above 0 and at most 1.")
    kinds = [str(name) for name in result["kind"].to_numpy()]
    if kind is not None and kind not in kinds:
        raise InputError(f"kind={kind!r}; choose one of {', '.join(map(repr, kinds))}.")
    chosen = kinds if kind is None else [kind]
    if ax is not None:
        if len(chosen) > 1:
            raise InputError(f"One ax holds one kind; choose one of {', '.join(map(repr, kinds))} with kind=...")
        _panel(ax, result.sel(kind=chosen[0]), upto or 1.0, legend=True)
        return ax.figure
    reaches = (1.0, 0.1) if upto is None else (upto,)
    width = 7.3 if len(reaches) == 1 else 10.7
    figure = new_figure(width, min(10.5, 0.9 + 3.9 * len(chosen)))
    panels = figure.subplots(len(chosen), len(reaches), squeeze=False)
    for row, name in zip(panels, chosen, strict=True):
        for column, (axes, reach) in enumerate(zip(row, reaches, strict=True)):
            _panel(axes, result.sel(kind=name), reach, legend=column == 0)
            what = "all the ground" if reach == 1 else f"the riskiest {100 * reach:g} % of the ground"
            axes.set_title(f"{_kind_name(name)}: {what}", fontsize=TITLE, loc="left", color=INK)
    footer(figure, "\n".join(line for line in (READING, note) if line))
    return figure


def _kind_name(name: str) -> str:
    return "All crimes" if name == "all" else name


def _panel(axes: Axes, result: xr.Dataset, upto: float, *, legend: bool) -> None:
    coverage = result["coverage"].to_numpy().astype(float)
    hits = result["curve_hits"].transpose("forecaster", "coverage", "window").sum("window").to_numpy()
    events = result["curve_events"].transpose("forecaster", "window").sum("window").to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(events[:, None] > 0, hits / events[:, None], np.nan)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1.0, zorder=1)
    shown = 0.0
    for number, name in enumerate(result["forecaster"].to_numpy()):
        x, y = _cut(*_ends(coverage, share[number]), upto)
        style = pen(number)
        axes.plot(
            x, y, color=style.color, linestyle=style.line, marker=style.marker, label=str(name),
            markersize=4.2, linewidth=1.4, markeredgecolor="white", markeredgewidth=0.4, zorder=3 + number,
            clip_on=False,
        )  # fmt: skip
        shown = max(shown, float(y[np.isfinite(y)].max(initial=0.0)))
    top = 1.0 if upto == 1 else min(1.0, 1.1 * max(shown, upto))
    axes.set_xlim(0, upto)
    axes.set_ylim(0, top)
    tidy(axes)
    axes.grid(color="#dddddd", linewidth=0.6, zorder=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(percent)
    axes.set_xlabel("share of the ground", fontsize=TEXT, color=INK)
    axes.set_ylabel("share of the crimes", fontsize=TEXT, color=INK)
    if legend:
        axes.legend(
            fontsize=TEXT - 0.5, loc="lower right", frameon=True, framealpha=0.9, edgecolor="none", handlelength=3.6
        )


def _ends(coverage: Any, share: Any) -> tuple[Any, Any]:
    """Curve with its ends: no ground holds no crime, all of it holds all."""
    order = np.argsort(coverage)
    x, y = coverage[order], share[order]
    if not np.isfinite(y).any():
        return x, y
    if x[0] > 0:
        x, y = np.insert(x, 0, 0.0), np.insert(y, 0, 0.0)
    if x[-1] < 1:
        x, y = np.append(x, 1.0), np.append(y, 1.0)
    return x, y


def _cut(x: Any, y: Any, upto: float) -> tuple[Any, Any]:
    """Curve up to a share of the ground, ending on it."""
    inside = x <= upto
    if inside.all():
        return x, y
    end = np.interp(upto, x, y)
    return np.append(x[inside & (x < upto)], upto), np.append(y[inside & (x < upto)], end)
