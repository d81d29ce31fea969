"""Sheets as wide as the column of a report, laid out in points, whatever settings matplotlib has elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from predpol_eval.plot.canvas import FAINT, INK, new_figure, tidy

P = ParamSpec("P")
R = TypeVar("R")

# 4.8 inches: on a phone about a point to a pixel, on A4 enlarged by a third.
WIDTH = 345.6
TEXT = 9.0
SMALL = 8.5
# Grey that can still be read as text: 6 to 1 against white.
GREY = "#5f5f5f"
PALE = "#d9d9d9"
GRID = "#e2e2e2"
# DejaVu Sans comes with matplotlib, which measures with it, and is among the widest. Where a page has it not, Verdana
# is as wide and the others are narrower, so that no text grows into another.
FONTS = ("DejaVu Sans", "Verdana", "Arial", "Helvetica", "sans-serif")
_SETTINGS: Any = {
    "font.family": ["sans-serif"],
    "font.sans-serif": list(FONTS[:-1]),
    # A label such as "$5" is no formula.
    "text.parse_math": False,
    "image.composite_image": False,
    "axes.unicode_minus": True,
}


@contextmanager
def plain_settings() -> Iterator[None]:
    """Draw by matplotlib's own defaults and ours, and put back what was set before."""
    with mpl.rc_context(), warnings.catch_warnings():
        # The text goes into the picture as text: whoever shows it has fonts for other scripts.
        warnings.filterwarnings("ignore", "(?s).*Glyph .* missing from", UserWarning)
        warnings.filterwarnings("ignore", "Matplotlib currently does not support", UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def on_paper(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function draw under `plain_settings`."""

    @wraps(draw)
    def drawn(*arguments: P.args, **words: P.kwargs) -> R:
        with plain_settings():
            return draw(*arguments, **words)

    return drawn


def new_sheet(height: float) -> tuple[Figure, Axes]:
    """Make a sheet of this height in points.

    Returns
    -------
    figure : matplotlib.figure.Figure
    page : matplotlib.axes.Axes
        All of the sheet, invisible, in points from its upper left corner: for text and keys.
    """
    figure = new_figure(WIDTH / 72, height / 72)
    figure.set_layout_engine("none")
    page = figure.add_axes((0, 0, 1, 1))
    page.set_xlim(0, WIDTH)
    page.set_ylim(height, 0)
    page.set_axis_off()
    return figure, page


def panel(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at this place, in points from the upper left corner of the sheet."""
    high = 72 * figure.get_figheight()
    axes = figure.add_axes((left / WIDTH, 1 - (top + height) / high, width / WIDTH, height / high))
    tidy(axes)
    axes.tick_params(labelsize=SMALL, colors=INK, length=3, pad=2)
    axes.set_facecolor("none")
    return axes


def bare(axes: Axes) -> None:
    """Take away all lines and ticks of axes."""
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def write(page: Axes, x: float, y: float, text: str, **look: Any) -> None:
    """Write on a sheet: the middle of the line is at `y`, in points from above."""
    page.text(x, y, text, **{"fontsize": SMALL, "color": INK, "va": "center_baseline", "linespacing": 1.15, **look})


def zero_line(axes: Axes, *, upright: bool) -> None:
    """Draw where there is no difference."""
    (axes.axvline if upright else axes.axhline)(0, color=FAINT, linewidth=1.0, zorder=1)


def percents(axis: Any, most: float, count: int = 5, *, sign: str = " %") -> None:
    """Mark an axis of shares from 0 to `most` at about so many round percents."""
    steps = [power * base for power in (0.01, 0.1) for base in (0.1, 0.2, 0.5, 1, 2, 5)] + [1.0]
    step = next((step for step in steps if most / step <= count), 1.0)
    ticks = [number * step for number in range(int(most / step + 1e-9) + 1)]
    axis.set_ticks(ticks, [f"{100 * tick:.3g}{sign}" for tick in ticks])
