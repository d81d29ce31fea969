"""Paper and pens: figures without pyplot, and marks that can be told apart without colour."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 200
TEXT = 8.5
SMALL = 7.0
TITLE = 10.0
INK = "#222222"
FAINT = "#8a8a8a"


class Pen(NamedTuple):
    """How one forecaster is drawn, in every figure."""

    color: str
    marker: str
    line: Any


# Colours by Okabe and Ito (2008), which all kinds of colour vision tell apart, without their yellow, too pale on
# white. Each goes with a marker and a dash of its own, so that a grey print can be read too.
PENS = (
    Pen("#000000", "o", "-"),
    Pen("#0072B2", "s", (0, (6, 2))),
    Pen("#D55E00", "^", (0, (2, 1.2))),
    Pen("#009E73", "D", (0, (6, 2, 1.5, 2))),
    Pen("#CC79A7", "v", (0, (4, 1, 1, 1, 1, 1))),
    Pen("#56B4E9", "P", (0, (9, 2.5))),
    Pen("#E69F00", "X", (0, (1, 1))),
    Pen("#7F7F7F", "*", (0, (3, 3))),
)


def pen(number: int) -> Pen:
    """Give the pen of the forecaster at this place; beyond eight, colour and marker are paired anew.

    Examples
    --------
    >>> pen(0).marker, pen(8).marker, pen(0).color == pen(8).color
    ('o', 's', True)
    """
    lap, place = divmod(number, len(PENS))
    return PENS[place]._replace(marker=PENS[(place + lap) % len(PENS)].marker)


class ShownFigure(Figure):
    """A figure that shows itself in a notebook, whether or not pyplot is in use there."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=110)
        return stream.getvalue()


def new_figure(width: float, height: float) -> ShownFigure:
    """Make a figure of this many inches; A4 leaves 7.3 upright and 10.7 across."""
    figure = ShownFigure(figsize=(width, height), dpi=DPI, layout="constrained")
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(w_pad=0.08, h_pad=0.12)
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes) -> None:
    """Keep only the lines that help to read."""
    axes.tick_params(labelsize=TEXT - 1, colors=INK, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)


def percent(share: float, _: object = None) -> str:
    """Label a share of 1.

    Examples
    --------
    >>> percent(0.05), percent(0.125)
    ('5 %', '12.5 %')
    """
    return f"{100 * share:.3g} %"


def footer(figure: Figure, text: str) -> None:
    """Write notes beneath a figure, broken to its width."""
    # A letter is a little more than half as wide as it is high.
    letters = int(figure.get_figwidth() * 72 / (SMALL * 0.56))
    lines = [line for part in text.split("\n") for line in textwrap.wrap(part, letters)]
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=SMALL, color=INK)


def save_figure(figure: Any, path: str | Path) -> None:
    """Save a figure as PNG, without the marks that differ from one installation to the next."""
    figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})
