"""What stands beside accuracy: whether two would be better together, patrols, and what is too good to be true."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from predpol_eval.report.blocks import Block, Cell, Row, Section, Table, Words, words
from predpol_eval.report.numbers_told import NOT_DEFINED, amount, percent, percent_range, ratio, signed

if TYPE_CHECKING:
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.standings import Suspicion, Together
    from predpol_eval.trial.standings.together import Share


def together_section(findings: Findings) -> Section:
    """What both, one or neither caught, and what half the boxes of each would have."""
    title = "Would two together be better?"
    told = [pair for pair in findings.together if pair.crimes > 0]
    if not told:
        return Section("together", title, words("There is nothing to say yet: no pair has a night with a crime."))
    before = words(
        "Two maps that catch different crimes may do better together. The last column is the fair question: one map "
        "with half the boxes of each, on the same ground. It is said to gain only where its interval lies above zero."
    )
    head = (
        "Pair",
        "Caught by both",
        "By the first alone",
        "By the second alone",
        "By neither",
        "Half the boxes of each",
    )
    table = Table(
        "What each pair caught, of all crimes on the nights that both have", head, tuple(map(_pair, told)),
        note="Half the boxes of each: hit rate, and below it the gain over the better of the two, in points, with its "
        "95 % interval.",
    )  # fmt: skip
    return Section("together", title, (*before, table))


def _pair(pair: Together) -> Row:
    def share(part: Share) -> Cell:
        return Cell(percent(part.estimate), percent_range(part.low, part.high))

    gain = pair.mixture_gain
    if math.isnan(pair.mixture.estimate):
        mixed = Cell(NOT_DEFINED, "the order of one is not known")
    elif not (math.isfinite(gain.low) and math.isfinite(gain.high)):
        mixed = Cell(percent(pair.mixture.estimate), "gain cannot be told")
    else:
        verdict = "gains" if gain.low > 0 else "loses" if gain.high < 0 else "not told apart"
        ends = f"{signed(100 * gain.low, 1, plus=True)} to {signed(100 * gain.high, 1, plus=True)}"
        mixed = Cell(percent(pair.mixture.estimate), f"{verdict}: {ends}")
    return Row(
        (
            f"{pair.a} and {pair.b}", share(pair.both), share(pair.a_only), share(pair.b_only), share(pair.neither),
            mixed,
        )
    )  # fmt: skip


def patrol_section(findings: Findings) -> Section:
    """Patrols beside accuracy, with the warning first."""
    title = "Patrols"
    report = findings.patrols
    if report is None:
        return Section(
            "patrols",
            title,
            (
                Words(
                    "No log of patrols was given. Where boxes were patrolled, patrols changed what everybody was "
                    "scored on, and nobody can say here by how much."
                ),
            ),
        )
    blocks: list[Block] = [
        Words(report.warning, "Warning.", tone="warning"),
        *words(f"Patrols were logged on {report.logged:,} of {report.nights:,} nights."),
    ]
    rows = tuple(
        Row(
            (
                row.label, Cell(percent(row.coverage), f"of {amount(row.boxes)}"), signed(row.minutes_per_box, 1),
                amount(row.hits_patrolled), amount(row.hits_unpatrolled), percent(row.hit_rate), f"{row.nights:,}",
            )
        )
        for row in report.rows
    )  # fmt: skip
    head = ("Forecaster", "Boxes patrolled", "Minutes per box", "Caught where patrolled", "Caught elsewhere",
            "Hit rate", "Nights")  # fmt: skip
    if rows and report.logged:
        blocks.append(Table("Patrols and catches, on the nights that were logged", head, rows))
    return Section("patrols", title, tuple(blocks))


def suspicion_section(findings: Findings) -> Section:
    """Both rules, what they ask, and what it means if both do."""
    title = "Too good to be true?"
    before = words(
        "Two rules look for results that an honest forecast rarely has. The placebo date scores the same boxes on "
        "their own night and seven nights later: boxes that knew the night lose most of their catch. Hindsight sets "
        "the catch against the best boxes that could have been fixed for the whole trial by somebody who knew all its "
        "crimes. A flag asks for an explanation. It disqualifies nobody.",
        "A flag by both rules is the strong question. Hindsight alone is a weaker one: where risk moves from place to "
        "place within weeks, a good map may rightly beat any fixed one.",
    )
    if not findings.suspicions:
        return Section("suspicion", title, (*before, *words("No night counts yet.")))
    rows = tuple(map(_suspicion, findings.suspicions))
    head = ("Submitter", "Rule", "Found", "Lower bound", "Asked about above", "Verdict")
    note = (
        "Placebo date: the hit rate on the own night over that seven nights later. Hindsight: crimes caught. Bounds "
        "are one-sided, of level 99.9 %. “Cannot tell”: fewer than 20 caught, or fewer than 8 weeks with a night "
        "that counts."
    )
    table = Table("Both rules, for everybody who submits", head, rows, texts=(1, 5), note=note)
    return Section("suspicion", title, (*before, table))


def _suspicion(one: Suspicion) -> Row:
    told = amount if one.rule == "hindsight" else ratio
    return Row((one.label, one.rule, told(one.estimate), _bound(one), told(one.threshold), one.verdict))


def _bound(one: Suspicion) -> str:
    if math.isinf(one.low):
        return "without limit"
    return amount(one.low) if one.rule == "hindsight" else ratio(one.low)
