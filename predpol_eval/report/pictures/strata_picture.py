"""The hit rate by kind of crime and by area, a column for every submitter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from predpol_eval.report.pictures.keys import note_lines
from predpol_eval.report.pictures.marks import mark_of, unsettled_note
from predpol_eval.report.pictures.paper import (
    GREY,
    GRID,
    SMALL,
    WIDTH,
    new_sheet,
    on_paper,
    panel,
    percents,
    write,
)  # fmt: skip
from predpol_eval.report.pictures.short_names import distinct, widest
from predpol_eval.trial.standings.league import LEVEL
from predpol_eval.trial.standings.places import ALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.standings.places import League, Standing

_NAMES, _ROW, _TITLE, _FOOT, _APART, _MOST = 112.0, 11.5, 15.0, 18.0, 0.7, 4
_OTHERS = "#b5b5b5"


class Row(NamedTuple):
    """One scope: its name, where it stands in rows from above, and standings by forecaster."""

    name: str
    place: float
    standings: dict[str, Standing]


@on_paper
def draw_strata(findings: Findings) -> Figure | None:
    """Draw the hit rate of every submitter by kind and by area, with its interval.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    matplotlib.figure.Figure or None
        A panel a submitter, all on one scale, with the rates of the other submitters as small grey dots. None while
        no crime counts, or where there is one kind and one area only.
    """
    if findings.league is None:
        return None
    plan, league = findings.plan, findings.league
    rows = _rows(league)
    who = [name for name in plan.submitters if any(name in row.standings for row in rows)]
    if len(rows) < 2 or not any(np.isfinite(row.standings[name].hit_rate) for row in rows for name in who):
        return None
    names = distinct([row.name for row in rows], _NAMES)
    left = widest(names) + 10
    beside = min(_MOST, len(who))
    stacks = -(-len(who) // beside)
    width = (WIDTH - left - 6) / beside
    high = _ROW * (rows[-1].place + 1)
    step = _TITLE + high + _FOOT
    note = note_lines(f"{_note(rows, who)} {unsettled_note(findings)}")
    figure, page = new_sheet(stacks * step + 16 + 11 * (note.count("\n") + 1) + 4)
    most = _most(rows, who)
    titles = distinct(who, width - 18, weight="bold")
    for number, name in enumerate(who):
        stack, column = divmod(number, beside)
        top = stack * step + _TITLE
        axes = panel(figure, left + column * width + 4, top, width - 8, high)
        _draw_panel(axes, rows, name, [other for other in who if other != name], findings)
        axes.set_xlim(0, most)
        axes.set_ylim(rows[-1].place + 0.5, -0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        percents(axes.xaxis, most, count=3 if beside > 2 else 5, sign="")
        _inwards(axes, most)
        axes.grid(axis="x", color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        page.plot([left + column * width + 8], [top - 8], **mark_of(name, plan).dot())
        write(page, left + column * width + 15, top - 8, titles[number], fontweight="bold")
        if column == 0:
            for row, told in zip(rows, names, strict=True):
                write(page, left - 4, top + _ROW * (row.place + 0.5), told, ha="right")
    write(page, left + (WIDTH - left) / 2, stacks * step + 6, "share of crimes caught (hit rate, %)", ha="center")
    page.text(6, stacks * step + 16, note, fontsize=SMALL, color=GREY, va="top", linespacing=1.15)
    return figure


def _inwards(axes: Axes, most: float) -> None:
    """Keep the labels at both ends of an axis away from those of the neighbouring panels."""
    labels = axes.get_xticklabels()
    labels[0].set_horizontalalignment("left")
    if axes.get_xticks()[-1] > 0.95 * most:
        labels[-1].set_horizontalalignment("right")


def _rows(league: League) -> list[Row]:
    """All together, then kinds, then areas, with a gap before each group."""
    scopes = list(dict.fromkeys((row.kind, row.area) for row in league.rows))
    made: list[Row] = []
    place, group = 0.0, ""
    for kind, area in scopes:
        here = "all" if (kind, area) == (ALL, ALL) else "kind" if area == ALL else "area"
        place += _APART if made and here != group else 0.0
        group = here
        name = {"all": "all crimes", "kind": kind, "area": area}[here]
        made.append(Row(name, place, {row.forecaster: row for row in league.scope(kind, area)}))
        place += 1
    return made


def _most(rows: list[Row], who: list[str]) -> float:
    """Where the axes end: after all rates, and all intervals but the few widest."""
    of_all = [row.standings[name] for row in rows for name in who if name in row.standings]
    rates = np.array([one.hit_rate for one in of_all])
    ends = np.array([one.hit_rate_high for one in of_all])
    most = max(rates[np.isfinite(rates)].max(initial=0.0), _quantile(ends))
    return float(min(1.0, 1.06 * most)) or 1.0


def _quantile(ends: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    kept = ends[np.isfinite(ends)]
    return float(np.quantile(kept, 0.98)) if len(kept) else 0.0


def _draw_panel(axes: Axes, rows: list[Row], name: str, others: list[str], findings: Findings) -> None:
    mark = mark_of(name, findings.plan)
    axes.hlines([row.place for row in rows], 0, 1, color="#efefef", linewidth=0.8, zorder=0)
    grey = [(row.standings[other].hit_rate, row.place) for row in rows for other in others if other in row.standings]
    if grey:
        axes.plot(*np.array(grey).T, ".", color=_OTHERS, markersize=3.5, markeredgewidth=0, zorder=2)
    own = [(row.place, row.standings[name]) for row in rows if name in row.standings]
    # One path with gaps keeps the picture small.
    ends = np.array([(one.hit_rate_low, one.hit_rate_high, np.nan) for _, one in own]).reshape(-1, 3)
    ends[np.isnan(ends[:, :2]).any(axis=1)] = np.nan
    heights = np.repeat([place for place, _ in own], 3)
    axes.plot(ends.ravel(), heights, color=mark.color, linewidth=1.4, zorder=3)
    axes.plot([one.hit_rate for _, one in own], [place for place, _ in own], zorder=4, clip_on=False, **mark.dot(4.5))


def _note(rows: list[Row], who: list[str]) -> str:
    told = [f"Bars: {100 * LEVEL:g} % intervals of each alone, not corrected for the number of rows."]
    if len(who) > 1:
        told.append("Grey dots: the other submitters.")
    if any(np.isnan(row.standings[name].hit_rate_low) for row in rows for name in who if name in row.standings):
        told.append("No bar: no interval can be given; no dot: no crime.")
    return " ".join(told)
