"""What lies on top of a risk map: flagged boxes and crimes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from predpol_eval.budgets import Coverage, Flags, TopCells
from predpol_eval.counts import occurrences
from predpol_eval.errors import InputError
from predpol_eval.flagging import flag, make_scene
from predpol_eval.plot.canvas import SMALL
from predpol_eval.projection import refuse_mixed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid
    from predpol_eval.schedule import Windows

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
CAUGHT = "#D55E00"


class Ruler(NamedTuple):
    """Metres to the unit of the axes."""

    unit: str
    metres: float


def cell_edges(grid: Grid, ruler: Ruler) -> tuple[FloatArray, FloatArray]:
    """Edges of the columns and rows, in the unit of the axes."""
    ny, nx = grid.shape
    x = (grid.x0_mm + grid.cell_mm * np.arange(nx + 1)) / 1000 / ruler.metres
    y = (grid.y0_mm + grid.cell_mm * np.arange(ny + 1)) / 1000 / ruler.metres
    return x, y


def spend(flagged: Any, values: FloatArray, kind: str, grid: Grid) -> tuple[BoolArray, BoolArray]:
    """Cells surely flagged, and cells tied for the places that are left."""
    none = np.zeros(grid.shape, dtype=bool)
    if flagged is None:
        return none, none
    if not isinstance(flagged, TopCells | Coverage | Flags):
        chosen = np.asarray(flagged)
        if chosen.shape != grid.shape or chosen.dtype.kind != "b":
            raise InputError(
                f"flagged has shape {chosen.shape} and type {chosen.dtype}; give a budget, or true and false for each "
                f"of the {grid.shape} rows and columns."
            )
        return chosen & grid.mask, none
    scene = make_scene(grid)
    share = np.zeros(grid.mask.size)
    share[scene.cells] = flag(np.ascontiguousarray(values.ravel()[scene.cells]), kind, [flagged], scene)[0].share
    share = share.reshape(grid.shape)
    part = (share > 0) & (share < 1 - 1e-9)
    # One cell flagged in part is the last of an exact share of the ground; many are a tie.
    if part.sum() <= (len(grid.labels) if flagged.per == "area" else 1):
        return share > 0, none
    return (share > 0) & ~part, part


def draw_boxes(axes: Axes, sure: BoolArray, tied: BoolArray, grid: Grid, ruler: Ruler, flagged: Any) -> list[Any]:
    """Outline the boxes; give back what the legend says of them."""
    x, y = cell_edges(grid, ruler)
    # Thinner lines where boxes are small on paper, so that the risk within them can still be seen.
    points_per_box = 0.7 * 72 * axes.get_figure(root=True).get_figwidth() / grid.shape[1]  # type: ignore[union-attr]
    line = float(np.clip(0.16 * points_per_box, 0.4, 0.9))
    handles: list[Any] = []
    budget = f", {flagged}" if isinstance(flagged, TopCells | Coverage | Flags) else ""
    kinds: tuple[tuple[BoolArray, Literal["-", ":"], str], ...] = (
        (sure, "-", "flagged boxes"),
        (tied, ":", "boxes tied for the last places"),
    )
    for chosen, style, name in kinds:
        row, column = np.nonzero(chosen)
        if not len(row):
            continue
        corners = np.stack(
            [np.stack([x[column + i], y[row + j]], axis=-1) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))], axis=1
        )
        axes.add_collection(
            PolyCollection(list(corners), facecolors="none", edgecolors="white", linewidths=2.4 * line, zorder=3),
            autolim=False,
        )
        axes.add_collection(
            PolyCollection(
                list(corners), facecolors="none", edgecolors="black", linewidths=line, linestyles=style, zorder=4
            ),
            autolim=False,
        )
        label = f"{name}{budget if chosen is sure else ''}: {len(row):,}"
        handles.append(Patch(facecolor="none", edgecolor="black", linewidth=0.9, linestyle=style, label=label))
    return handles


def draw_crimes(
    axes: Axes,
    crimes: Events,
    windows: Windows,
    sure: BoolArray,
    tied: BoolArray,
    grid: Grid,
    ruler: Ruler,
) -> list[Any]:
    """Draw the crimes of a window, caught ones apart; give back what the legend says of them."""
    refuse_mixed(crimes.crs, grid.crs, "The crimes", "the grid")
    seen = occurrences(crimes, windows)
    cell = grid.cells_of(crimes)[seen.event]
    x, y = crimes.x[seen.event] / ruler.metres, crimes.y[seen.event] / ruler.metres
    caught = (cell >= 0) & sure.ravel()[np.maximum(cell, 0)]
    perhaps = (cell >= 0) & tied.ravel()[np.maximum(cell, 0)]
    missed = (cell >= 0) & ~caught & ~perhaps
    boxes = bool(sure.any() or tied.any())
    groups = [(caught, "o", CAUGHT, "crimes in a flagged box"), (missed, "X", "white", "crimes elsewhere")]
    if tied.any():
        groups.insert(1, (perhaps, "o", "white", "crimes in a tied box"))
    if not boxes:
        groups = [(missed, "o", "white", "crimes")]
    handles = [
        _points(axes, x[which], y[which], seen.weight[which], marker, fill, name)
        for which, marker, fill, name in groups
    ]
    outside = float(seen.weight[cell < 0].sum())
    if outside:
        handles.append(Line2D([], [], linestyle="none", label=f"outside the study area, not drawn: {outside:,.4g}"))
    return handles


def _points(axes: Axes, x: FloatArray, y: FloatArray, weight: FloatArray, marker: str, fill: str, name: str) -> Any:
    """Draw crimes; several at one place are one mark with their number."""
    places, which = (
        np.unique(np.stack([x, y], axis=-1), axis=0, return_inverse=True) if len(x) else (np.empty((0, 2)), [])
    )
    number = np.bincount(np.asarray(which, dtype=np.int64).ravel(), weight, minlength=len(places))
    look: dict[str, Any] = {
        "marker": marker, "markersize": 6.0, "markerfacecolor": fill, "markeredgecolor": "black", "markeredgewidth": 0.8
    }  # fmt: skip
    axes.plot(places[:, 0], places[:, 1], linestyle="none", zorder=6, **look)
    for (east, north), several in zip(places, number, strict=True):
        if several > 1 + 1e-9:
            axes.annotate(
                f"{several:.3g}", (east, north), xytext=(4, 3), textcoords="offset points", fontsize=SMALL,
                bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}, zorder=7,
            )  # fmt: skip
    return Line2D([], [], linestyle="none", label=f"{name}: {float(number.sum()):,.4g}", **look)
