"""The pictures of the report, each with a caption and with what it shows in words for whoever cannot see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from predpol_eval.report.blocks import Picture
from predpol_eval.report.numbers_told import NOT_DEFINED, percent, percent_range
from predpol_eval.report.pair_words import difference_of, is_found, unit_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from predpol_eval.trial.findings.gathered import Findings

_MOST_NAMED = 12


def league_illustration(findings: Findings) -> tuple[Picture, ...]:
    """Hit rates with intervals."""
    from predpol_eval.report.pictures.league_picture import draw_league

    rows = () if findings.league is None else findings.league.scope()
    told = [f"{row.forecaster} {percent(row.hit_rate)}{_ends(row.hit_rate_low, row.hit_rate_high)}" for row in rows]
    return _drawn(
        findings, draw_league, "Hit rates", "What everybody caught.",
        f"Hit rates with 95 % intervals: {_named(told)}.",
    )  # fmt: skip


def pairs_illustration(findings: Findings) -> tuple[Picture, ...]:
    """Differences at the last look."""
    from predpol_eval.report.pictures.pairs_picture import draw_pairs

    pairs = findings.looks[-1].pairs if findings.looks else ()
    told = []
    for pair in pairs:
        estimate, ends = difference_of(pair.comparison, pair.level)
        verdict = f"{pair.better} caught more" if is_found(pair) else "not told apart"
        told.append(f"{pair.a} against {pair.b} {estimate}{f' ({ends})' if ends else ''}, {verdict}")
    unit = unit_of(findings.plan.test.metric)
    return _drawn(
        findings, draw_pairs, "Planned comparisons", "The planned comparisons at the last look taken. Where an "
        "interval crosses zero, two are not told apart.", f"Differences in {unit}: {_named(told)}.",
    )  # fmt: skip


def sequence_illustration(findings: Findings) -> tuple[Picture, ...]:
    """Differences over the nights."""
    from predpol_eval.report.pictures.sequence_picture import draw_sequences

    told = [
        f"{course.a} against {course.b} "
        + (f"first leaves zero out after {course.first}" if course.first else "has not left zero out")
        for course in findings.courses
    ]
    return _drawn(
        findings, draw_sequences, "Differences night by night", "Each pair, night by night.",
        f"Intervals over the nights: {_named(told)}.",
    )  # fmt: skip


def course_illustration(findings: Findings) -> tuple[Picture, ...]:
    """What had been caught by each night."""
    from predpol_eval.report.pictures.course_picture import draw_course

    rows = () if findings.league is None else findings.league.scope()
    told = [f"{row.forecaster} {percent(row.hit_rate)}" for row in rows if row.role in ("vendor", "in-house")]
    return _drawn(
        findings, draw_course, "Nightly course", "Hit rate of all nights up to each. Lines settle as nights add up; "
        "where they lie apart early, that is mostly chance.",
        f"Hit rate of all nights so far, night by night; at the end {_named(told)}.",
    )  # fmt: skip


def strata_illustration(findings: Findings) -> tuple[Picture, ...]:
    """Hit rates by kind and by area."""
    from predpol_eval.report.pictures.strata_picture import draw_strata

    return _drawn(
        findings, draw_strata, "Hit rates by kind and by area", "Hit rates by kind and by area, with 95 % intervals.",
        "Hit rates of everybody who submits, by kind of crime and by area; the numbers are in the tables.",
    )  # fmt: skip


def nights_illustration(findings: Findings) -> tuple[Picture, ...]:
    """What became of every night."""
    from predpol_eval.report.pictures.nights_picture import draw_nights

    return _drawn(
        findings, draw_nights, "What became of every night", "What became of every night, for everybody who submits.",
        "One strip for each submitter, one mark for each night; the numbers and all exceptions are in the tables.",
    )  # fmt: skip


def map_illustration(findings: Findings) -> tuple[Picture, ...]:
    """Where boxes were flagged, and where crimes were."""
    from predpol_eval.report.pictures.map_picture import draw_map

    return _drawn(
        findings, draw_map, "Where boxes were flagged, and where crimes were recorded", "Share of nights on which each "
        "box was flagged, by submitter, beside recorded crimes per box. Small counts are not told apart, and no place "
        "of a crime is shown.",
        "Maps of the areas: for each submitter the share of nights on which each box was flagged, all kinds together, "
        "and for recorded crime the number per box in classes.",
    )  # fmt: skip


def _drawn(
    findings: Findings, draw: Callable[[Findings], Figure | None], title: str, caption: str, description: str
) -> tuple[Picture, ...]:
    """Draw it, if there is anything to draw."""
    from predpol_eval.report.pictures.svg import as_svg

    figure = draw(findings)
    return () if figure is None else (Picture(as_svg(figure, title=title, description=description), caption),)


def _ends(low: float, high: float) -> str:
    found = percent_range(low, high)
    return f" ({found})" if found else ""


def _named(told: list[str]) -> str:
    if len(told) > _MOST_NAMED:
        return f"{'; '.join(told[:_MOST_NAMED])}; and {len(told) - _MOST_NAMED:,} more in the table"
    return "; ".join(told) or NOT_DEFINED
