"""Every pair of the plan night by night, with intervals that may be looked at on any night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.plot.canvas import INK
from predpol_eval.plot.differences import plot_course
from predpol_eval.report.pictures.date_axis import day_of, mark_days
from predpol_eval.report.pictures.keys import note_lines
from predpol_eval.report.pictures.marks import unsettled_note
from predpol_eval.report.pictures.paper import GREY, SMALL, WIDTH, new_sheet, on_paper, panel, write
from predpol_eval.report.pictures.short_names import clean, distinct, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.standings.sequences import Course

_LEFT, _GAP, _TOP, _TITLE, _FOOT = 26.0, 26.0, 16.0, 14.0, 12.0
# More pairs than this are three beside each other.
_FEW = 12
# First nights rule next to nothing out; they would press all others flat.
_KEPT = 0.6


@on_paper
def draw_sequences(findings: Findings) -> Figure | None:
    """Draw the difference of every pair so far, with its confidence sequence, all on one scale.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    matplotlib.figure.Figure or None
        One panel a pair; a dot where the interval first leaves zero out, and enough differs. None while no night
        counts for any pair.

    References
    ----------
    Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021.
    """
    courses = [course for course in findings.courses if course.data.sizes["window"]]
    if not courses:
        return None
    columns = 1 if len(courses) == 1 else 2 if len(courses) <= _FEW else 3
    rows = -(-len(courses) // columns)
    width = (WIDTH - 8 - columns * _LEFT - (columns - 1) * (_GAP - _LEFT + 12)) / columns
    high = 62.0 if columns > 1 else 110.0
    step = _TITLE + high + _FOOT
    note = note_lines(f"{_note(courses)} {unsettled_note(findings)}")
    figure, page = new_sheet(_TOP + rows * step + 22 + 11 * (note.count("\n") + 1) + 4)
    everybody = list(dict.fromkeys(name for course in courses for name in (course.a, course.b)))
    names = dict(zip(everybody, distinct(everybody, (width - 28) / 2, weight="bold"), strict=True))
    reach = _reach(courses)
    write(page, 4, 7, "difference in hit rate so far (percentage points)" if _factor(courses) == 100 else "difference")
    for number, course in enumerate(courses):
        row, column = divmod(number, columns)
        left = _LEFT + column * (width + _LEFT + 12)
        top = _TOP + row * step
        title = f"{clean(course.a)} less {clean(course.b)}"
        if width_of(title, weight="bold") > width:
            title = f"{names[course.a]} less {names[course.b]}"
        write(page, left, top + 7, title, fontweight="bold")
        axes = panel(figure, left, top + _TITLE, width, high)
        _draw_course(axes, course, findings, reach, columns)
        # Dates beneath the last panel of each column alone.
        if number + columns < len(courses):
            axes.tick_params(axis="x", labelbottom=False)
    page.text(6, _TOP + rows * step + 18, note, fontsize=SMALL, color=GREY, va="top", linespacing=1.15)
    return figure


def _factor(courses: list[Course]) -> int:
    return 100 if courses[0].data.attrs.get("metric", "hit_rate") == "hit_rate" else 1


def _reach(courses: list[Course]) -> float:
    """One scale for all pairs: what their bands are after `_KEPT` of the nights."""
    ends = [
        np.abs(course.data[name].to_numpy()[int(_KEPT * course.data.sizes["window"]) :])
        for course in courses
        for name in ("low", "high")
    ]
    return _factor(courses) * 1.05 * float(max(part.max() for part in ends)) or 1.0


def _draw_course(axes: Axes, course: Course, findings: Findings, reach: float, columns: int) -> None:
    """The band of `plot_course`, on days, without its titles."""
    nights = [str(night) for night in course.data["night"].to_numpy()]
    # It draws over moments; the days of nights are what all pictures have beneath.
    days = np.array(nights, dtype="datetime64[D]").astype("datetime64[ns]")
    plot_course(course.data.assign_coords(window=("window", days)), ax=axes)
    axes.set_title("", loc="left")
    axes.set_xlabel("")
    axes.set_ylabel("")
    axes.tick_params(labelsize=SMALL, length=3, pad=2)
    factor = _factor([course])
    if len(nights) == 1:
        low, high = (factor * float(course.data[name][0]) for name in ("low", "high"))
        axes.vlines(days, [low], [high], color=INK, linewidth=1.2)
        axes.plot(days, factor * course.data["estimate"].to_numpy(), "o", color=INK, markersize=4)
    if course.first:
        place = course.first_after - 1
        axes.plot(
            days[[place]], factor * course.data["estimate"].to_numpy()[[place]], "o", color=INK, markersize=5, zorder=5
        )
    untyped: Any = axes
    shift = day_of("1970-01-01") - float(untyped.convert_xunits(np.datetime64("1970-01-01")))
    first, last = findings.nights[0].night, findings.nights[-1].night
    axes.set_xlim(day_of(first) - shift - 0.5, max(day_of(last), day_of(first) + 1) - shift + 0.5)
    mark_days(axes.xaxis, (first, last), count={1: 6, 2: 3}.get(columns, 2), shift=shift)
    axes.set_ylim(-reach, reach)
    axes.locator_params(axis="y", nbins=4)


def _note(courses: list[Course]) -> str:
    level = 100 * (1 - courses[0].level)
    told = (
        f"Bands hold the true difference on all nights together, each with chance {level:.4g} %, so that they may be "
        "looked at every night. The plan's findings are those of its looks."
    )
    if any(course.first for course in courses):
        told += " Dot: the first night on which the band leaves zero out."
    return told
