"""Late, missing, rejected, held and void nights: how many of whom, and which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from predpol_eval.report.blocks import Block, Row, Section, Table, Words, folded, words
from predpol_eval.report.numbers_told import counted

if TYPE_CHECKING:
    from predpol_eval.trial.findings import NightTold
    from predpol_eval.trial.findings.gathered import Findings

_OUTCOMES = ("in", "late", "rejected", "missing", "held")
_LONG = 12


def nights_section(findings: Findings, pictures: Iterable[Block]) -> Section:
    """Counts by submitter, void nights with their reasons, and every night on which something was not in."""
    labels = findings.plan.submitters
    closed = [night for night in findings.nights if any(night.outcomes.values())]
    void = [night for night in findings.nights if night.state == "void"]
    states = _states(findings.nights)
    blocks: list[Block] = [*words(f"Of {counted(len(findings.nights), 'night')} of the plan, {states}."), *pictures]
    rows = tuple(
        Row(
            (
                label,
                *(f"{sum(night.outcomes.get(label) == outcome for night in closed):,}" for outcome in _OUTCOMES),
                f"{sum(night.files.get(label, 0) for night in findings.nights):,}",
            )
        )
        for label in labels
    )
    head = ("Submitter", "In time and valid", "Late", "Rejected", "Missing", "Held", "Files handed in")
    note = (
        "Late: after the deadline; kept, and never counted. Rejected: it did not pass the checks, which are the same "
        "for all and can be run by vendors beforehand. Missing: nothing came. Held: a check of ours broke; the night "
        "then counts for nobody."
    )
    blocks.append(Table(f"What became of {counted(len(closed), 'closed night')}", head, rows, note=note))
    if void:
        reasons = tuple(Row((night.night, night.reason)) for night in void)
        table = Table("Void nights, which count for nobody", ("Night", "Reason"), reasons, texts=(1,))
        blocks += folded(f"{counted(len(void), 'void night')}, with reasons", [table], len(void) > _LONG)
    else:
        blocks.append(Words("No night was declared void."))
    lacking = [
        Row((night.night, label, night.outcomes[label], f"{night.files.get(label, 0):,}"))
        for night in closed
        for label in labels
        if night.outcomes.get(label, "in") != "in"
    ]
    if lacking:
        table = Table(
            "Nights without a valid file in time", ("Night", "Submitter", "Outcome", "Files handed in"), tuple(lacking),
            texts=(1, 2),
        )  # fmt: skip
        blocks += folded(f"{len(lacking):,} cases of a file that was not in", [table], len(lacking) > _LONG)
    return Section("nights", "Late, missing, rejected, held and void nights", tuple(blocks))


def _states(nights: Iterable[NightTold]) -> str:
    told = {
        "settled": "settled", "provisional": "provisional", "closed": "closed and not scored yet", "void": "void",
        "open": "open", "to come": "still to come",
    }  # fmt: skip
    every = [night.state for night in nights]
    found = [f"{every.count(state):,} {word}" for state, word in told.items() if state in every]
    return f"{', '.join(found)}" if found else "none is known"
