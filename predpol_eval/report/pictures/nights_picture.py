"""What became of every night, for every submitter: a calendar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from predpol_eval.plot.canvas import INK
from predpol_eval.report.pictures.date_axis import MONTHS
from predpol_eval.report.pictures.keys import KeyEntry, lay_key
from predpol_eval.report.pictures.paper import GREY, WIDTH, new_sheet, on_paper, write
from predpol_eval.report.pictures.short_names import distinct, widest, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.findings.nights import NightTold

_ROW, _NAMES, _HEAD, _GAP = 10.0, 78.0, 12.0, 3.0
# Corners of signs, in units of a box, from its upper left; the last closes the path.
_BOX = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)], dtype=float)
_LATE = np.array([(0, 1), (1, 1), (1, 0), (0, 1)], dtype=float)
_MARKED = (1, 5, 10, 15, 20, 25, 30)
IN, UNSETTLED, COMING, VOID = "in", "in, not settled", "to come", "void"
# What each means, in the order of the key.
MEANINGS = {
    IN: "in time and valid",
    UNSETTLED: "in time, crimes not settled",
    "late": "late",
    "rejected": "rejected",
    "missing": "missing",
    "held": "held: our fault, left out for all",
    VOID: "void for all",
    COMING: "not closed yet",
}


@on_paper
def draw_nights(findings: Findings) -> Figure | None:
    """Draw what became of every night of the plan, for every submitter.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    matplotlib.figure.Figure or None
        A block a month, a row a submitter, a box a night; signs differ in shape, so that they are told apart in grey.
        The key names those that occur. None where nobody submits.
    """
    who = findings.plan.submitters
    if not who or not findings.nights:
        return None
    names = distinct(who, _NAMES)
    months = [(month, list(nights)) for month, nights in groupby(findings.nights, lambda one: one.night[:7])]
    heads = {month: f"{MONTHS[int(month[5:]) - 1]} {month[:4]}" for month, _ in months}
    left = max(widest(names), *(width_of(head, weight="bold") for head in heads.values())) + 12
    side = (WIDTH - left - 4) / 31
    block = _HEAD + _ROW * len(who) + _GAP
    occurring = {state_of(night, name) for night in findings.nights for name in who}
    key = lay_key([_entry(state, side) for state in MEANINGS if state in occurring])
    figure, page = new_sheet(4 + block * len(months) + 6 + key.height + 2)
    for number, (month, nights) in enumerate(months):
        top = 2 + number * block
        write(page, 4, top + _HEAD / 2, heads[month], fontweight="bold")
        for day in _MARKED:
            write(page, left + side * (day - 0.5), top + _HEAD / 2, str(day), ha="center", color=GREY)
        for row, label in enumerate(who):
            y = top + _HEAD + _ROW * row
            write(page, left - 5, y + _ROW / 2, names[row], ha="right")
            _draw_row(page, left, y, side, nights, label)
    key.draw(page, 6, 4 + block * len(months) + 4)
    return figure


def state_of(night: NightTold, label: str) -> str:
    """What became of one night of one submitter: a key of `MEANINGS`."""
    if night.state == VOID:
        return VOID
    outcome = night.outcomes.get(label, "")
    if outcome != IN:
        return outcome or COMING
    return IN if night.state == "settled" else UNSETTLED


def _draw_row(page: Axes, left: float, y: float, side: float, nights: Sequence[NightTold], label: str) -> None:
    """Draw the boxes of a month, those that are alike together."""
    states = [(date.fromisoformat(night.night).day, state_of(night, label)) for night in nights]
    for state in dict.fromkeys(state for _, state in states):
        days = [day for day, own in states if own == state]
        _draw(page, state, [left + side * (day - 1) for day in days], y, side)


def _draw(page: Axes, state: str, lefts: Sequence[float], y: float, side: float) -> None:
    """Draw the sign of a state in boxes whose upper left corners are given."""
    middle = y + _ROW / 2
    centres = [x + side / 2 for x in lefts]
    dots: dict[str, dict[str, Any]] = {
        "rejected": {"marker": "x", "color": "#B34700", "markersize": 5.0, "markeredgewidth": 1.7},
        "held": {"marker": "o", "color": "#8A3A6B", "markersize": 5.0, "markerfacecolor": "white",
                 "markeredgewidth": 1.5},
        VOID: {"marker": "_", "color": GREY, "markersize": 6.5, "markeredgewidth": 1.3},
        COMING: {"marker": ".", "color": "#8a8a8a", "markersize": 2.5},
    }  # fmt: skip
    if state in dots:
        page.plot(centres, [middle] * len(centres), linestyle="none", **dots[state])
        return
    face, edge = {
        IN: ("#a9cbe0", "none"), UNSETTLED: ("white", "#4f8fb5"), "late": ("#C26A00", "none")
    }.get(state, (INK, INK))  # fmt: skip
    corners = _LATE if state == "late" else _BOX
    inner = np.array([side - 1.8, _ROW - 2.4])
    paths = [Path(np.array([x + 0.9, y + 1.2]) + corners * inner, closed=True) for x in lefts]
    # One path for all keeps the picture small.
    page.add_patch(PathPatch(Path.make_compound_path(*paths), facecolor=face, edgecolor=edge, linewidth=0.8))


def _entry(state: str, side: float) -> KeyEntry:
    return KeyEntry(MEANINGS[state], lambda page, x, y: _draw(page, state, [x - side / 2], y - _ROW / 2, side))
