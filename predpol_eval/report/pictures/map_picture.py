"""The one map: the areas, how often everybody flagged each box, and about how many crimes were recorded there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.plot.canvas import FAINT, INK
from predpol_eval.report.pictures.area_outlines import Outlines, label_places, numbered, outlines_of
from predpol_eval.report.pictures.keys import Key, KeyEntry, lay_key, note_lines
from predpol_eval.report.pictures.map_classes import (
    class_names,
    crime_class,
    crimes_by_box,
    flagged_share,
    scale_top,
)  # fmt: skip
from predpol_eval.report.pictures.marks import mark_of, unsettled_note
from predpol_eval.report.pictures.paper import SMALL, WIDTH, bare, new_sheet, on_paper, panel, write
from predpol_eval.report.pictures.short_names import distinct, fitted, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from predpol_eval.grid import Grid
    from predpol_eval.trial.findings.flagged import FlaggedNights
    from predpol_eval.trial.findings.gathered import Findings

FloatArray = npt.NDArray[np.float64]
_TITLE, _GAP, _TALLEST, _BAR = 15.0, 8.0, 230.0, 34.0
# Room beneath the first panels, for scale and north.
_SCALE = 20.0
# Pixels of a cell, so that programs that smooth pictures blur its edge alone; fewer where there are many cells.
_PIXELS, _ACROSS = 6, 1200
_GROUND = (0.955, 0.955, 0.955, 1.0)


class Frame(NamedTuple):
    """How panels lie on the sheet, in points."""

    columns: int
    width: float
    height: float
    metres: float


@on_paper
def draw_map(findings: Findings) -> Figure | None:
    """Draw where boxes were flagged and where crimes were recorded.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    matplotlib.figure.Figure or None
        A panel of the areas, with scale and north; one of crimes of all kinds on the nights that count, by box and in
        classes, of which the first holds all numbers from one to below three; and for each submitter the share of its
        nights on which it flagged each box, for any kind. None where no night is known box by box.

    Notes
    -----
    Nothing here is finer than a box over all nights: no crime has a point, and a box with one crime looks as one with
    two.
    """
    flagged = findings.flagged
    if flagged is None or not len(flagged.cells) or not flagged.nights:
        return None
    who = [name for name in findings.plan.submitters if name in flagged.shares]
    found = {name: flagged_share(flagged, name) for name in who}
    crimes, nights = crimes_by_box(flagged)
    if not nights and not any(count for _, count in found.values()):
        return None
    grid = findings.grid
    frame = _frame(grid)
    outlines = outlines_of(grid, 0.3 * frame.metres)
    by_number = numbered(outlines, frame.metres)
    texts = [str(number) for number in range(1, len(outlines.names) + 1)] if by_number else list(outlines.names)
    told = "; ".join(f"{text}: {name}" for text, name in zip(texts, outlines.names, strict=True)) if by_number else ""
    parts = [unsettled_note(findings), f"Areas are {told}." if told else ""]
    names = "\n".join(note_lines(part) for part in parts if part)
    rows = -(-(2 + len(who)) // frame.columns)
    classes = crime_class(crimes)
    key = _crime_key(classes, bool(np.allclose(crimes, np.round(crimes), atol=1e-6)))
    step = _TITLE + frame.height + _GAP
    below = rows * step + _SCALE + 2
    lines = names.count("\n") + 1 if names else 0
    figure, page = new_sheet(below + 16 + _BAR + 14 + key.height + 11 * lines + 6)
    place = _places(figure, page, frame)
    axes = place(0, "Areas")
    _draw_areas(axes, outlines, texts, frame, grid)
    _draw_scale(page, frame)
    axes = place(1, f"Recorded crimes, {_nights(nights)}")
    _draw_cells(axes, _crime_colours(classes), flagged, grid, outlines)
    top = scale_top(max((float(share.max()) for share, _ in found.values()), default=0.0))
    colours = _shades("Blues")
    titles = distinct(who, frame.width - 80)
    for number, name in enumerate(who):
        share, count = found[name]
        axes = place(2 + number, f"{titles[number]}, {_nights(count)}", name, findings)
        painted = np.where((share > 0)[:, None], colours(np.minimum(share / top, 1.0)), _GROUND)
        _draw_cells(axes, painted, flagged, grid, outlines)
    _draw_bar(figure, page, colours, top, below)
    write(page, 6, below + 16 + _BAR + 6, "recorded crimes in a box, all nights and kinds together")
    key.draw(page, 6, below + 16 + _BAR + 14)
    if names:
        page.text(6, below + 16 + _BAR + 18 + key.height, names, fontsize=SMALL, color=INK, va="top", linespacing=1.15)
    return figure


def _nights(count: int) -> str:
    return "1 night" if count == 1 else f"{count:,} nights" if count else "no night"


def _frame(grid: Grid) -> Frame:
    """Two panels beside each other, or three of a place that is tall."""
    ny, nx = grid.shape
    columns = 3 if ny > 1.5 * nx else 2
    width = (WIDTH - 8 - _GAP * (columns - 1)) / columns
    points = min(width / nx, _TALLEST / ny)
    return Frame(columns, width, points * ny + 4, grid.cell / (0.98 * points))


def _places(figure: Figure, page: Axes, frame: Frame) -> Callable[..., Axes]:
    """Make panels by number, with their titles."""

    def place(number: int, title: str, name: str = "", findings: Findings | None = None) -> Axes:
        row, column = divmod(number, frame.columns)
        left = 4 + column * (frame.width + _GAP)
        top = row * (_TITLE + frame.height + _GAP) + (_SCALE if row else 0.0) + 2
        indent = 0.0
        if findings is not None:
            page.plot([left + 4], [top + _TITLE / 2], **mark_of(name, findings.plan).dot())
            indent = 11.0
        shown = fitted(title, frame.width - indent, weight="bold")
        write(page, left + indent, top + _TITLE / 2, shown, fontweight="bold")
        axes = panel(figure, left, top + _TITLE, frame.width, frame.height)
        bare(axes)
        return axes

    return place


def _view(axes: Axes, grid: Grid) -> None:
    ny, nx = grid.shape
    axes.set_aspect("equal")
    axes.set_xlim(grid.x0 - 0.01 * nx * grid.cell, grid.x0 + 1.01 * nx * grid.cell)
    axes.set_ylim(grid.y0 - 0.01 * ny * grid.cell, grid.y0 + 1.01 * ny * grid.cell)


def _draw_outlines(axes: Axes, outlines: Outlines) -> None:
    from matplotlib.patches import PathPatch

    axes.add_patch(PathPatch(outlines.path, facecolor="none", edgecolor="#444444", linewidth=0.6, zorder=3))


def _draw_areas(axes: Axes, outlines: Outlines, texts: list[str], frame: Frame, grid: Grid) -> None:
    """Outlines and names alone."""
    _view(axes, grid)
    _draw_outlines(axes, outlines)
    for text, (x, y) in zip(texts, label_places(outlines, texts, frame.metres), strict=True):
        axes.text(x, y, text, ha="center", va="center", fontsize=SMALL, color=INK, zorder=5)


def _draw_scale(page: Axes, frame: Frame) -> None:
    """A bar of a round length, and north, beneath the first panel."""
    metres = _round_length(0.4 * frame.width * frame.metres)
    length = metres / frame.metres
    y = 2 + _TITLE + frame.height + 8
    page.plot([24, 24, 24 + length, 24 + length], [y - 3, y, y, y - 3], color=INK, linewidth=1.2)
    unit = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    write(page, 24 + length + 5, y - 1, unit)
    arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
    page.annotate("", (9, y - 9), xytext=(9, y + 5), arrowprops=arrow)
    write(page, 12, y, "N")


def _round_length(about: float) -> float:
    """Largest 1, 2 or 5 times a power of ten that is not longer."""
    power = 10.0 ** np.floor(np.log10(about))
    return float(max(step * power for step in (1, 2, 5) if step * power <= about * (1 + 1e-9)))


def _draw_cells(
    axes: Axes, colours: npt.NDArray[np.float64], flagged: FlaggedNights, grid: Grid, outlines: Outlines
) -> None:
    """Draw cells as one picture of pixels, cut at the border, with outlines above."""
    ny, nx = grid.shape
    pixels = np.zeros((ny * nx, 4))
    pixels[flagged.cells] = colours
    times = int(np.clip(_ACROSS // max(nx, ny), 1, _PIXELS))
    picture = np.kron((255 * pixels.reshape(ny, nx, 4)).round().astype(np.uint8), np.ones((times, times, 1), np.uint8))
    x, y = grid.x0, grid.y0
    image = axes.imshow(
        picture, extent=(x, x + nx * grid.cell, y, y + ny * grid.cell), origin="lower", interpolation="none", zorder=1
    )
    image.set_clip_path(outlines.path, axes.transData)
    _view(axes, grid)
    _draw_outlines(axes, outlines)


def _shades(name: str) -> Colormap:
    """Shades of one colour that grow darker all the way, without the ones too pale to be seen on the ground."""
    import matplotlib as mpl
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(name, mpl.colormaps[name](np.linspace(0.22, 1.0, 64)))


def _crime_colours(classes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    count = len(class_names(True)) - 1
    table = np.vstack([_GROUND, _shades("OrRd")(np.linspace(0.0, 1.0, count))])
    return np.asarray(table[classes])


def _crime_key(classes: npt.NDArray[np.int64], whole: bool) -> Key:
    """Swatches of the classes that occur."""
    from matplotlib.patches import Rectangle

    names = class_names(whole)

    def entry(number: int) -> KeyEntry:
        colour = _crime_colours(np.array([number]))[0]
        return KeyEntry(
            names[number],
            lambda page, x, y: page.add_patch(
                Rectangle((x - 6, y - 4), 12, 8, facecolor=colour, edgecolor=FAINT, linewidth=0.5)
            ),
        )

    return lay_key([entry(int(number)) for number in sorted({0, *classes.tolist()})])


def _draw_bar(figure: Figure, page: Axes, colours: Colormap, top: float, y: float) -> None:
    """The scale that all submitters share."""
    from matplotlib.patches import Rectangle

    write(page, 6, y + 6, "share of nights on which a box was flagged, for any kind")
    page.add_patch(Rectangle((6, y + 14), 12, 10, facecolor=_GROUND, edgecolor=FAINT, linewidth=0.5))
    write(page, 6, y + 31, "never")
    left = 6 + max(12.0, width_of("never")) + 18
    axes = panel(figure, left, y + 14, 190.0, 10.0)
    bare(axes)
    axes.imshow(colours(np.linspace(0, 1, 128))[None], extent=(0, top, 0, 1), aspect="auto", interpolation="none")
    ticks = np.linspace(0, top, 6)
    axes.set_xticks(ticks, [f"{100 * tick:.3g} %" for tick in ticks])
