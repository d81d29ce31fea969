"""A night on the map: the risk, the boxes that a budget flags, and the crimes that then happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.ticker import MaxNLocator, MultipleLocator

from predpol_eval.civil_time import to_wall
from predpol_eval.errors import InputError
from predpol_eval.plot.canvas import INK, SMALL, TEXT, TITLE, ShownFigure, footer, new_figure, tidy
from predpol_eval.plot.marks import Ruler, cell_edges, draw_boxes, draw_crimes, spend
from predpol_eval.schedule import Windows
from predpol_eval.surface import check_surface

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from predpol_eval.budgets import Budget
    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

BLURRED = (
    "Publishers move the points of crimes before release, to an intersection, a block or a shared map point: "
    "no dot is an address."
)
FloatArray = npt.NDArray[np.float64]


def plot_risk(
    risk: xr.DataArray,
    grid: Grid,
    *,
    flagged: Budget | npt.ArrayLike | None = None,
    crimes: Events | None = None,
    areas: bool = True,
    title: str | None = None,
    note: str = "",
    ax: Axes | None = None,
) -> Any:
    """Draw the risk of one window, the boxes that a budget flags and the crimes that happened in it.

    Parameters
    ----------
    risk : xarray.DataArray
        A surface of one window.
    grid : Grid
        The grid it was made on.
    flagged : budget or array of bool, shape (ny, nx), optional
        A budget to spend on the surface, or cells chosen otherwise. Cells tied for the last places are dotted.
    crimes : Events, optional
        Those that happened in the window are drawn, caught ones apart from missed ones. Choose the kind before.
    areas : bool
        Whether to draw the borders of the areas.
    title, note : str
        Title instead of the usual one, and a line more beneath, such as an attribution.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default a figure of its own.

    Returns
    -------
    matplotlib.figure.Figure
        North is up; axes in km (or m) of the grid's CRS.

    Raises
    ------
    InputError
        If the surface has more than one window or layer, `flagged` has another shape, or CRSs differ.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 1000, 500, cell=250, crs="EPSG:27700")
    >>> windows = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[4, 3, 2, 1], [0, 0, 1, 1]]], grid, windows, kind="score")
    >>> figure = plot_risk(risk, grid, flagged=ppe.TopCells(2))
    >>> figure.axes[0].get_xlabel()
    'Easting (m, EPSG:27700)'
    """
    surface = _one_layer(check_surface(risk, grid))
    values = surface.to_numpy()[0]
    windows = Windows.from_coords(surface)
    sure, tied = spend(flagged, values, str(surface.attrs["kind"]), grid)
    wide = grid.shape[1] * grid.cell
    ruler = Ruler("km", 1000.0) if wide >= 5000 else Ruler("m", 1.0)
    figure: Any
    if ax is None:
        figure = _sheet(grid)
        axes = figure.add_subplot()
    else:
        axes, figure = ax, ax.figure
    _draw_risk(axes, figure, surface, values, grid, ruler)
    if areas:
        _draw_areas(axes, grid, ruler)
    handles = draw_boxes(axes, sure, tied, grid, ruler, flagged)
    if crimes is not None:
        handles += draw_crimes(axes, crimes, windows, sure, tied, grid, ruler)
    _frame(axes, grid, ruler, handles)
    axes.set_title(title if title is not None else _title(surface, windows), fontsize=TITLE, loc="left", color=INK)
    text = "\n".join(line for line in (BLURRED, note) if line)
    if ax is None:
        footer(figure, text)
    else:
        axes.annotate(
            text,
            (0, 0),
            xytext=(0, -34),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize=SMALL,
        )
    return figure


def _one_layer(surface: xr.DataArray) -> xr.DataArray:
    more = {str(name): surface.sizes[name] for name in surface.dims[:-3] if surface.sizes[name] > 1}
    if more or surface.sizes["window"] != 1:
        found = {**more, "window": surface.sizes["window"]}
        raise InputError(
            f"A map shows one surface; found {', '.join(f'{size} of {name}' for name, size in found.items())}. "
            "Choose one, for instance risk.isel(window=[0])."
        )
    return surface.squeeze(list(surface.dims[:-3]), drop=False) if surface.ndim > 3 else surface


def _sheet(grid: Grid) -> ShownFigure:
    """Paper of the shape of the study area, no larger than A4."""
    ny, nx = grid.shape
    if nx >= 0.9 * ny:
        width, room = 10.7, 8.9
        return new_figure(width, float(np.clip(room * 1.16 * ny / nx + 1.1, 4.5, 7.4)))
    return new_figure(7.3, float(np.clip(5.7 * 1.16 * ny / nx + 1.1, 6.0, 10.7)))


def _title(surface: xr.DataArray, windows: Windows) -> str:
    first, last = to_wall(np.array([windows.start[0], windows.end[0]]), windows.tz).astype("datetime64[m]")
    day = first.astype("datetime64[D]")
    when = f"{day}" if first == day and last == day + 1 else f"{first} to {last}".replace("T", " ")
    return f"{surface.attrs.get('forecaster') or 'Risk'}: {when}"


def _draw_risk(axes: Axes, figure: Any, surface: xr.DataArray, values: FloatArray, grid: Grid, ruler: Ruler) -> None:
    from matplotlib.colors import Normalize, PowerNorm

    inside = values[grid.mask]
    low, high = min(0.0, float(inside.min())), float(inside.max())
    high = high if high > low else low + 1.0
    # A square root keeps the many low cells apart, which a few hot ones would else make all alike.
    norm = PowerNorm(0.5, low, high) if low == 0 else Normalize(low, high)
    x, y = cell_edges(grid, ruler)
    mesh = axes.pcolormesh(x, y, values, cmap="viridis", norm=norm, zorder=1)
    outline = _outline(grid, ruler)
    if outline is not None:
        mesh.set_clip_path(outline, axes.transData)
    if surface.attrs["kind"] == "flags":
        return
    bar = figure.colorbar(mesh, ax=axes, shrink=0.7, aspect=28, pad=0.015)
    name, units = surface.attrs.get("long_name") or "risk", surface.attrs.get("units") or ""
    scale = "colours by square root" if low == 0 else ""
    details = "; ".join(part for part in ("" if units == "1" else units, scale) if part)
    bar.set_label(f"{name}\n({details})" if details else name, fontsize=TEXT, color=INK)
    bar.ax.tick_params(labelsize=TEXT - 1, colors=INK)
    bar.outline.set_visible(False)
    bar.locator = MaxNLocator(6)
    bar.update_ticks()


def _outline(grid: Grid, ruler: Ruler) -> Any:
    """Border of the study area as one path, holes and all."""
    import shapely
    from matplotlib.path import Path

    if not grid.boundary:
        return None
    polygons = shapely.get_parts(shapely.from_wkb(np.array(grid.boundary, dtype=object)))
    rings = []
    for polygon in polygons:
        # Shells one way and holes the other, so that a hole stays empty.
        turned = shapely.geometry.polygon.orient(polygon)
        rings += [np.asarray(ring.coords)[:, :2] / ruler.metres for ring in (turned.exterior, *turned.interiors)]
    return Path.make_compound_path(*(Path(ring, closed=True) for ring in rings))


def _draw_areas(axes: Axes, grid: Grid, ruler: Ruler) -> None:
    from matplotlib.patches import PathPatch

    outline = _outline(grid, ruler)
    if outline is not None:
        axes.add_patch(PathPatch(outline, facecolor="none", edgecolor="white", linewidth=1.6, zorder=2))
        axes.add_patch(PathPatch(outline, facecolor="none", edgecolor="#555555", linewidth=0.7, zorder=2.1))


def _frame(axes: Axes, grid: Grid, ruler: Ruler, handles: list[Any]) -> None:
    """Axes, scale bar, north and legend, in a band beneath the map where they cover nothing."""
    x, y = cell_edges(grid, ruler)
    width, height = x[-1] - x[0], y[-1] - y[0]
    band = 0.13 * max(height, 0.55 * width)
    axes.set_xlim(x[0] - 0.01 * width, x[-1] + 0.01 * width)
    axes.set_ylim(y[0] - band, y[-1] + 0.01 * height)
    axes.set_aspect("equal")
    tidy(axes)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(_round_length(max(width, height) / 4)))
    axes.ticklabel_format(useOffset=False, style="plain")
    crs = grid.crs if len(grid.crs) < 30 else "local CRS"
    axes.set_xlabel(f"Easting ({ruler.unit}, {crs})", fontsize=TEXT, color=INK)
    axes.set_ylabel(f"Northing ({ruler.unit})", fontsize=TEXT, color=INK)
    length = _round_length(width / 5)
    left, base = x[0] + 0.045 * width, y[0] - 0.62 * band
    tick = 0.1 * band
    axes.plot(
        [left, left, left + length, left + length], [base + tick, base, base, base + tick], color=INK, linewidth=1.4
    )
    axes.text(
        left + length / 2,
        base - 0.06 * band,
        f"{length:g} {ruler.unit}",
        ha="center",
        va="top",
        fontsize=TEXT,
        color=INK,
    )
    axes.annotate(
        "N", (x[0] + 0.015 * width, y[0] - 0.12 * band), xytext=(x[0] + 0.015 * width, y[0] - 0.8 * band), ha="center",
        va="center", fontsize=TEXT, color=INK, arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.0},
    )  # fmt: skip
    if handles:
        axes.legend(
            handles=handles, loc="lower right", bbox_to_anchor=(1.0, 0.0), ncols=2, fontsize=TEXT - 0.5, frameon=False,
            handletextpad=0.5, columnspacing=1.4, borderaxespad=0.2,
        )  # fmt: skip


def _round_length(about: float) -> float:
    """Largest 1, 2 or 5 times a power of ten that is not longer."""
    power = 10.0 ** np.floor(np.log10(about))
    return float(max(step * power for step in (1, 2, 5) if step * power <= about * (1 + 1e-9)))
