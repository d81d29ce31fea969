"""The nightly course: what everybody had caught by each settled night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.result import LEAST_CRIMES
from predpol_eval.plot.canvas import FAINT, INK
from predpol_eval.report.pictures.date_axis import day_of, mark_days
from predpol_eval.report.pictures.keys import KeyEntry, lay_key
from predpol_eval.report.pictures.marks import IN_HOUSE, VENDOR, Mark, mark_of
from predpol_eval.report.pictures.paper import GREY, GRID, SMALL, WIDTH, new_sheet, on_paper, panel, percents, write
from predpol_eval.report.pictures.short_names import distinct, widest
from predpol_eval.report.pictures.spreading import spread
from predpol_eval.trial.standings.settled_nights import pooled, settled_nights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from predpol_eval.trial.findings.gathered import Findings

FloatArray = npt.NDArray[np.float64]
_NAMES, _LEFT, _TOP, _LABEL, _LEADER = 92.0, 38.0, 28.0, 11.5, 20.0
# Where lines are drawn to scale: first nights, of this part of all crimes, jump about.
_FIRST = 0.1
_DASHED = (0, (3, 2))


class Line(NamedTuple):
    """Cumulative hit rate of one forecaster over the nights; NaN before its first crime."""

    name: str
    mark: Mark
    rates: FloatArray
    crimes: FloatArray


@on_paper
def draw_course(findings: Findings) -> Figure | None:
    """Draw the hit rate so far after every night that counts.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    matplotlib.figure.Figure or None
        Submitters in their colours, baselines and chance in grey, each named where it ends. The last rate of a line is
        that of the league. Void nights are crosses at the foot; looks of the plan are upright lines, dashed while they
        are not taken. Nights that count and have not
        settled are shaded. None while no night counts, or no crime was recorded.
    """
    if findings.tally is None:
        return None
    nights, lines = _lines(findings)
    if not any(np.isfinite(line.rates).any() for line in lines):
        return None
    shown = [line for line in lines if np.isfinite(line.rates).any()]
    names = distinct([line.name for line in shown], _NAMES, weight="bold")
    right = widest(names, "bold") + _LEADER + 9
    high = max(170.0, _LABEL * len(shown) + 10)
    void = [night.night for night in findings.nights if night.state == "void"]
    provisional = {night.night for night in findings.nights if night.state == "provisional"} & set(nights)
    key = lay_key(_entries(findings, bool(void), bool(provisional)))
    figure, page = new_sheet(_TOP + high + 34 + key.height)
    axes = panel(figure, _LEFT, _TOP, WIDTH - _LEFT - right, high)
    days = np.array([day_of(night) for night in nights], dtype=np.float64)
    low, top = _range(shown)
    for line in sorted(shown, key=lambda one: one.mark.role in (VENDOR, IN_HOUSE)):
        _draw_line(axes, days, line)
    # All nights of the plan, so that pictures of one trial lie over each other as it goes on.
    first, last = day_of(findings.nights[0].night), day_of(findings.nights[-1].night)
    axes.set_xlim(first - 0.5, max(last, first + 1) + 0.5)
    axes.set_ylim(low, top)
    mark_days(axes.xaxis, (findings.nights[0].night, findings.nights[-1].night), count=6)
    percents_between(axes, low, top)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for night in provisional:
        axes.axvspan(day_of(night) - 0.5, day_of(night) + 0.5, color="#eeeeee", linewidth=0, zorder=0)
    if void:
        axes.plot(
            [day_of(night) for night in void], [0.02] * len(void), linestyle="none", marker="x", markersize=4.5,
            color=INK, transform=axes.get_xaxis_transform(), zorder=6,
        )  # fmt: skip
    _draw_looks(axes, findings)
    _label(axes, page, findings, shown, names, days, (right, high))
    write(page, 4, 8, "share of crimes caught so far (hit rate)")
    key.draw(page, 6, _TOP + high + 30)
    return figure


def _lines(findings: Findings) -> tuple[tuple[str, ...], list[Line]]:
    """Cumulative rates of all who have counts, submitters first."""
    plan = findings.plan
    void = [night.night for night in findings.nights if night.state == "void"]
    # Nights that are told to be provisional would be taken for nights still to come.
    counted = findings.tally.drop_vars("settled", errors="ignore")  # type: ignore[union-attr]
    settled = settled_nights(counted, plan, void=void)
    total = pooled(settled.tally, ("kind", "area"))
    above, below = ("hits_once", "events_once") if "hits_once" in total else ("hits", "events")
    lines = []
    for name in settled.forecasters:
        one = total.sel(forecaster=name)
        caught, crimes = (np.asarray(one[which].to_numpy(), dtype=np.float64) for which in (above, below))
        here = np.isfinite(caught) & np.isfinite(crimes)
        hits, counted = np.cumsum(np.where(here, caught, 0.0)), np.cumsum(np.where(here, crimes, 0.0))
        rates = np.divide(hits, counted, out=np.full(len(hits), np.nan), where=counted > 0)
        lines.append(Line(name, mark_of(name, plan), rates, counted))
    place = {name: number for number, name in enumerate(plan.submitters)}
    return settled.names, sorted(lines, key=lambda line: place.get(line.name, len(place)))


def _range(lines: list[Line]) -> tuple[float, float]:
    """From the least to the most, without first nights of a few crimes, which jump about."""
    kept = [line.rates[line.crimes >= max(LEAST_CRIMES, _FIRST * line.crimes[-1])] for line in lines]
    values = np.concatenate(kept) if sum(map(len, kept)) else np.concatenate([line.rates for line in lines])
    values = values[np.isfinite(values)]
    low, top = float(values.min()), float(values.max())
    room = max(0.08 * (top - low), 0.01)
    return max(0.0, low - room), min(1.0, top + room)


def percents_between(axes: Axes, low: float, top: float) -> None:
    """Mark an axis of shares that need not begin at 0."""
    percents(axes.yaxis, top, count=max(2, round(6 * top / max(top - low, 1e-9))))
    axes.set_ylim(low, top)


def _draw_line(axes: Axes, days: FloatArray, line: Line) -> None:
    theirs = line.mark.role in (VENDOR, IN_HOUSE)
    axes.plot(
        days, line.rates, color=line.mark.color if theirs else FAINT, linestyle=line.mark.line,
        linewidth=1.7 if theirs else 0.8, zorder=4 if theirs else 2, label=line.name,
    )  # fmt: skip
    last = np.flatnonzero(np.isfinite(line.rates))[-1]
    if theirs or len(days) == 1:
        axes.plot([days[last]], [line.rates[last]], zorder=5, clip_on=False, **line.mark.dot(5.0))


def _draw_looks(axes: Axes, findings: Findings) -> None:
    """Upright lines at the looks: where they were taken, or will be if no more nights become void."""
    from matplotlib.transforms import blended_transform_factory

    taken = {look.number: look.nights[-1] for look in findings.looks}
    counting = [night.night for night in findings.nights if night.state != "void"]
    if not counting:
        return
    over = blended_transform_factory(axes.transData, axes.transAxes)
    planned = findings.plan.test.looks
    word = "look " if len(planned) < 5 else ""
    for number, needed in enumerate(planned, 1):
        night = taken.get(number, counting[min(needed, len(counting)) - 1])
        axes.axvline(day_of(night), color=GREY, linewidth=0.9, linestyle="-" if number in taken else _DASHED, zorder=1)
        axes.text(
            day_of(night), 1.01, f"{word}{number}", transform=over, fontsize=SMALL, color=GREY, ha="center", va="bottom"
        )


def _label(
    axes: Axes,
    page: Axes,
    findings: Findings,
    lines: list[Line],
    names: list[str],
    days: FloatArray,
    size: tuple[float, float],
) -> None:
    """Name every line beside its end, with a thin line to it where the name had to be moved."""
    right, high = size
    low, top = axes.get_ylim()
    first, last = axes.get_xlim()
    ends = [line.rates[np.isfinite(line.rates)][-1] for line in lines]
    height = [_TOP + high * (1 - (end - low) / (top - low)) for end in ends]
    moved = spread(height, _LABEL, _TOP + 4, _TOP + high - 4)
    edge = WIDTH - right
    for line, name, was, at in zip(lines, names, height, moved, strict=True):
        theirs = line.mark.role in (VENDOR, IN_HOUSE)
        end = days[np.flatnonzero(np.isfinite(line.rates))[-1]]
        x = _LEFT + (edge - _LEFT) * (end - first) / (last - first)
        page.plot(
            [x + 4, edge + _LEADER - 5, edge + _LEADER], [was, at, at], color=line.mark.color if theirs else FAINT,
            linewidth=0.7, zorder=1,
        )  # fmt: skip
        write(
            page, edge + _LEADER + 2, at, name, fontweight="bold" if theirs else "normal", color=INK if theirs else GREY
        )


def _entries(findings: Findings, void: bool, provisional: bool) -> list[KeyEntry]:
    def upright(text: str, line: Any) -> KeyEntry:
        look = {"color": GREY, "linewidth": 0.9, "linestyle": line}
        return KeyEntry(text, lambda page, x, y: page.plot([x, x], [y - 5, y + 5], **look))

    looks, taken = len(findings.plan.test.looks), len(findings.looks)
    made = [upright("look taken", "-")] if taken else []
    made += [upright("look planned", _DASHED)] if taken < looks else []
    if provisional:
        grey: dict[str, Any] = {"marker": "s", "color": "#e4e4e4", "markersize": 9.0}
        made.append(KeyEntry("not settled yet", lambda page, x, y: page.plot([x], [y], **grey)))
    if void:
        cross: dict[str, Any] = {"marker": "x", "color": INK, "markersize": 4.5}
        made.append(KeyEntry("void night: counts for nobody", lambda page, x, y: page.plot([x], [y], **cross)))
    return made
