"""The league: what everybody caught, with intervals, the best at the top."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from predpol_eval.plot.canvas import INK
from predpol_eval.report.pictures.keys import KeyEntry, lay_key, note_lines
from predpol_eval.report.pictures.marks import ROLES, Mark, mark_of, unsettled_note
from predpol_eval.report.pictures.paper import GREY, GRID, SMALL, WIDTH, new_sheet, on_paper, panel, percents, write
from predpol_eval.report.pictures.short_names import distinct, widest
from predpol_eval.trial.standings.league import LEVEL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.standings.places import Standing

_ROW, _NAMES, _RATES = 15.0, 128.0, 44.0
# The ceiling is not drawn to scale where it would press all others into so small a part of the axis.
_FAR = 1.6


@on_paper
def draw_league(findings: Findings) -> Figure | None:
    """Draw the hit rate of everybody over all kinds and areas, with its interval.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    matplotlib.figure.Figure or None
        None while no night counts, or no crime was recorded. Who has no interval, for lack of crimes or nights, has
        none drawn. A ceiling far beyond all others is an arrow at the edge, with its rate in figures.
    """
    rows = () if findings.league is None else findings.league.scope()
    if not any(np.isfinite(row.hit_rate) for row in rows):
        return None
    marks = [mark_of(row.forecaster, findings.plan) for row in rows]
    names = distinct([row.forecaster for row in rows], _NAMES, weight="bold")
    left = min(_NAMES, widest(names, "bold")) + 16
    key = lay_key(_entries(rows, marks))
    note = note_lines(f"{_note(rows)} {unsettled_note(findings)}")
    lines = note.count("\n") + 1
    high = _ROW * len(rows)
    figure, page = new_sheet(10 + high + 42 + key.height + 11 * lines + 6)
    axes = panel(figure, left, 6, WIDTH - left - _RATES - 8, high)
    most = _most(rows)
    for place, (row, mark) in enumerate(zip(rows, marks, strict=True)):
        _draw_row(axes, place, row, mark, most)
        strong = "bold" if row.rank and mark.role in ("vendor", "in-house") else "normal"
        y = 6 + _ROW * (place + 0.5)
        write(page, left - 10, y, names[place], ha="right", fontweight=strong)
        write(page, WIDTH - 4, y, _rate(row), ha="right", color=INK if np.isfinite(row.hit_rate) else GREY)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, most)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    percents(axes.xaxis, most)
    axes.grid(axis="x", color=GRID, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    below = 6 + high + 24
    write(page, left + (WIDTH - left - _RATES - 8) / 2, below, "share of crimes caught (hit rate)", ha="center")
    key.draw(page, 6, below + 9)
    page.text(6, below + 9 + key.height + 3, note, fontsize=SMALL, color=GREY, va="top", linespacing=1.15)
    return figure


def _most(rows: tuple[Standing, ...]) -> float:
    """Where the axis ends."""
    ends = {row.forecaster: np.nanmax([row.hit_rate, row.hit_rate_high if row.rank else 0.0, 0.0]) for row in rows}
    others = max((ends[row.forecaster] for row in rows if row.rank), default=0.0)
    ceiling = max((ends[row.forecaster] for row in rows if not row.rank), default=0.0)
    top = ceiling if others == 0 or ceiling <= _FAR * others else others
    return float(min(1.0, 1.06 * top)) or 1.0


def _draw_row(axes: Axes, place: int, row: Standing, mark: Mark, most: float) -> None:
    if place % 2 == 0:
        axes.axhspan(place - 0.5, place + 0.5, color="#f5f5f5", linewidth=0, zorder=0)
    if not np.isfinite(row.hit_rate):
        return
    if row.hit_rate > most:
        look = mark.dot(6.5) | {"marker": ">", "clip_on": False}
        axes.plot([most], [place], zorder=4, **look)
        return
    # The ceiling shows how far the axis goes; it is nothing that anybody could have known, and has no bar.
    if row.rank and np.isfinite([row.hit_rate_low, row.hit_rate_high]).all():
        axes.plot([row.hit_rate_low, row.hit_rate_high], [place, place], color=mark.color, linewidth=1.6, zorder=3)
    axes.plot([row.hit_rate], [place], zorder=4, clip_on=False, **mark.dot())


def _rate(row: Standing) -> str:
    if np.isfinite(row.hit_rate):
        return f"{100 * row.hit_rate:.1f} %"
    return "no crime" if row.nights else "no night"


def _entries(rows: tuple[Standing, ...], marks: list[Mark]) -> list[KeyEntry]:
    """The roles that occur, in the colour of the first that has it."""
    first: dict[str, Mark] = {}
    for row, mark in zip(rows, marks, strict=True):
        if np.isfinite(row.hit_rate):
            first.setdefault(mark.role, mark)

    def entry(role: str, mark: Mark) -> KeyEntry:
        return KeyEntry(ROLES[role], lambda page, x, y: page.plot([x], [y], **mark.dot()))

    return [entry(role, first[role]) for role in ROLES if role in first]


def _note(rows: tuple[Standing, ...]) -> str:
    told = [f"Bars: {100 * LEVEL:g} % intervals of each alone, by drawing nights; they do not compare two."]
    if any(row.rank and np.isfinite(row.hit_rate) and not np.isfinite(row.hit_rate_low) for row in rows):
        told.append("No bar: no interval can be given.")
    if any(not row.rank and row.hit_rate > _most(rows) for row in rows):
        told.append("The arrow points to the ceiling, beyond the axis: boxes chosen after the fact.")
    elif any(not row.rank for row in rows):
        told.append("The ceiling: boxes chosen after the fact.")
    return " ".join(told)
