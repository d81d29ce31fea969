"""The planned comparisons at the last look that was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.plot.canvas import INK
from predpol_eval.report.pair_words import is_found
from predpol_eval.report.pictures.keys import KeyEntry, lay_key, note_lines
from predpol_eval.report.pictures.paper import (
    GREY,
    GRID,
    SMALL,
    WIDTH,
    new_sheet,
    on_paper,
    panel,
    write,
    zero_line,
)  # fmt: skip
from predpol_eval.report.pictures.short_names import distinct, widest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.standings.look_found import PairLook

_NAMES, _TOP = 66.0, 18.0
# Height of a row whose words take one line, and two; and the width that one line may have on both sides.
_ROW, _TALL, _SIDES = 15.0, 25.0, 185.0
_DOT: dict[str, Any] = {"marker": "o", "linestyle": "none", "markersize": 6.0, "color": INK, "markeredgewidth": 1.2}


@on_paper
def draw_pairs(findings: Findings) -> Figure | None:
    """Draw the differences that the last look found, each with its interval at the level that the look left it.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    matplotlib.figure.Figure or None
        A full mark is a finding, an open one is not told apart from zero, and words beside it say so. None while no
        look was taken.
    """
    if not findings.looks or not findings.looks[-1].pairs:
        return None
    look = findings.looks[-1]
    short = _short(look.pairs)
    names = [f"{short[pair.a]}\nagainst {short[pair.b]}" for pair in look.pairs]
    words = [_words(pair, short) for pair in look.pairs]
    flat = [[text.replace("\n", " ") for text in texts] for texts in (names, words)]
    row = _TALL
    if sum(map(widest, flat)) <= _SIDES:
        (names, words), row = flat, _ROW
    left, right = widest(names) + 14, widest(words) + 10
    high = row * len(look.pairs)
    key = lay_key(_entries(look.pairs))
    note = note_lines(_note(look.pairs))
    figure, page = new_sheet(_TOP + high + 38 + key.height + 11 * (note.count("\n") + 1))
    axes = panel(figure, left, _TOP, WIDTH - left - right - 4, high)
    factor = 100 if look.metric == "hit_rate" else 1
    for place, pair in enumerate(look.pairs):
        _draw_pair(axes, place, pair, factor)
        y = _TOP + row * (place + 0.5)
        page.text(left - 8, y, names[place], ha="right", va="center", fontsize=SMALL, color=INK, linespacing=1.15)
        page.text(WIDTH - right + 4, y, words[place], va="center", fontsize=SMALL, color=INK, linespacing=1.15)
    reach = _reach(look.pairs, factor)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(len(look.pairs) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    zero_line(axes, upright=True)
    middle = left + (WIDTH - left - right - 4) / 2
    write(page, middle - 6, 9, "second caught more ←", ha="right", color=GREY)
    write(page, middle + 6, 9, "→ first caught more", color=GREY)
    unit = "difference in hit rate (percentage points)" if factor == 100 else f"difference in {look.metric.upper()}"
    write(page, middle, _TOP + high + 24, unit, ha="center")
    key.draw(page, 6, _TOP + high + 32)
    page.text(6, _TOP + high + 35 + key.height, note, fontsize=SMALL, color=GREY, va="top", linespacing=1.15)
    return figure


def _short(pairs: tuple[PairLook, ...]) -> dict[str, str]:
    everybody = list(dict.fromkeys(name for pair in pairs for name in (pair.a, pair.b)))
    return dict(zip(everybody, distinct(everybody, _NAMES), strict=True))


def _words(pair: PairLook, short: dict[str, str]) -> str:
    if is_found(pair):
        return f"{short[pair.better]}\ncaught more"
    if not pair.comparison.enough:
        return "too little\nto tell"
    return "not told apart"


def _draw_pair(axes: Axes, place: int, pair: PairLook, factor: int) -> None:
    if place % 2 == 0:
        axes.axhspan(place - 0.5, place + 0.5, color="#f5f5f5", linewidth=0, zorder=0)
    found = pair.comparison
    if _drawn(pair):
        axes.plot([factor * found.low, factor * found.high], [place, place], color=INK, linewidth=1.6, zorder=3)
    if np.isfinite(found.estimate):
        look = _DOT | {"markerfacecolor": INK if is_found(pair) else "white"}
        axes.plot([factor * found.estimate], [place], zorder=4, **look)


def _drawn(pair: PairLook) -> bool:
    found = pair.comparison
    return bool(pair.level > 0 and found.enough and np.isfinite([found.low, found.high]).all())


def _reach(pairs: tuple[PairLook, ...], factor: int) -> float:
    """The same to both sides of zero, so that neither looks favoured."""
    ends = [pair.comparison.estimate for pair in pairs]
    ends += [end for pair in pairs if _drawn(pair) for end in (pair.comparison.low, pair.comparison.high)]
    most = np.nanmax(np.abs([*ends, 0.0]))
    return float(1.08 * factor * most) or 1.0


def _entries(pairs: tuple[PairLook, ...]) -> list[KeyEntry]:
    def entry(text: str, fill: str) -> KeyEntry:
        look = _DOT | {"markerfacecolor": fill}
        return KeyEntry(text, lambda page, x, y: page.plot([x], [y], **look))

    made = [entry("a finding", INK)] if any(is_found(pair) for pair in pairs) else []
    return made + ([entry("no finding", "white")] if not all(is_found(pair) for pair in pairs) else [])


def _note(pairs: tuple[PairLook, ...]) -> str:
    levels = sorted({pair.level for pair in pairs if _drawn(pair)}, reverse=True)
    if not levels:
        return "No intervals: too little differs, or nothing may be spent at this look yet."
    ends = [_percent(levels[0])] if len(levels) == 1 else [_percent(levels[0]), _percent(levels[-1])]
    told = f"Bars: intervals of level {' to '.join(dict.fromkeys(ends))}, wider for the number of looks and of pairs."
    return told if all(map(_drawn, pairs)) else f"{told} No bar: too little differs."


def _percent(level: float) -> str:
    """A level that is high has all the digits that make it less than 100 %.

    Examples
    --------
    >>> _percent(0.05), _percent(0.00012)
    ('95 %', '99.988 %')
    """
    digits = max(0, -int(np.floor(np.log10(level))) - 1)
    return f"{100 * (1 - level):.{digits}f}".rstrip("0").rstrip(".") + " %" if digits else f"{100 * (1 - level):g} %"
