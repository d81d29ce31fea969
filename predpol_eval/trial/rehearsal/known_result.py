"""What a rehearsal found, beside what was known beforehand."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from predpol_eval.describing import as_html, as_text
from predpol_eval.trial.findings.gathered import Findings, findings_of
from predpol_eval.trial.ledger import read_head
from predpol_eval.trial.rehearsal.known_order import KnownEqual, KnownPair, known_equals, known_pairs
from predpol_eval.trial.rehearsal.office import HEADS, Office
from predpol_eval.trial.rehearsal.timings import Spent, Stopwatch
from predpol_eval.trial.rehearsal.ways_found import WayFound, ways_found
from predpol_eval.trial.standings.suspicion import CANNOT_TELL, LEAST_BLOCKS, LEAST_HITS
from predpol_eval.trial.verifying import verify

if TYPE_CHECKING:
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.ledger import Difference
    from predpol_eval.trial.plan import TrialPlan
    from predpol_eval.trial.rehearsal.calendar_of_steps import Step
    from predpol_eval.trial.rehearsal.vendors import SyntheticVendor
    from predpol_eval.trial.standings import Suspicion


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Rehearsal:
    """A rehearsal that is over; it shows itself.

    Attributes
    ----------
    folder : path
    trial : Trial
        By the clock of its last moment, so that all of `predpol_eval.trial` can be tried on it.
    plan : TrialPlan
        That of the rehearsal.
    seed : int
    kinds : mapping of str to str
        What every submitter is, by label.
    cheats : tuple of str
        Labels of those who were given the truth.
    findings : Findings
        What the trial found, which knows labels only.
    pairs : tuple of KnownPair
        Who should be better than whom, and what came out.
    equals : tuple of KnownEqual
        Who should be the same as whom, and what came out.
    ways : tuple of WayFound
        How evenings went, and whether each was judged as it should be.
    spent : tuple of Spent
        Seconds of wall time.
    differences : tuple of Difference
        What `verify` found, with the heads that were handed out; empty if all is as it was recorded.
    """

    folder: Path
    trial: Trial
    plan: TrialPlan
    seed: int
    kinds: Mapping[str, str]
    cheats: tuple[str, ...]
    findings: Findings
    pairs: tuple[KnownPair, ...]
    equals: tuple[KnownEqual, ...]
    ways: tuple[WayFound, ...]
    spent: tuple[Spent, ...]
    differences: tuple[Difference, ...]

    @property
    def order_came_out(self) -> bool | None:
        """Whether all who should be ahead are, and equals are equal; None where some are too little to tell."""
        found = [*(pair.came_out for pair in self.pairs), *(pair.came_out for pair in self.equals)]
        if False in found:
            return False
        return None if None in found or not found else True

    @property
    def only_cheats_flagged(self) -> bool | None:
        """Whether both rules flag all who cheat, and neither flags anybody else; None where some cannot be told."""
        rows = self.findings.suspicions
        if any(one.flagged != (one.label in self.cheats) for one in rows if one.verdict != CANNOT_TELL):
            return False
        return None if not rows or any(one.verdict == CANNOT_TELL for one in rows) else True

    @property
    def as_it_should_be(self) -> bool:
        """Whether nothing came out otherwise than it is known; what is too thin to tell does not count against it."""
        return (
            self.order_came_out is not False
            and self.only_cheats_flagged is not False
            and not self.differences
            and not any(way.odd for way in self.ways)
        )

    def in_words(self) -> str:
        """Say what was known, what came out, and what could not be told, a line each."""
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        plan = self.plan
        who = ", ".join(f"{label} is {kind}" for label, kind in self.kinds.items())
        lines = [
            f"Rehearsed {len(plan.nights):,} nights, {plan.nights[0].name} to {plan.nights[-1].name}, with {who}.",
            _order(self.order_came_out),
            *(pair.in_words(plan.test.metric) for pair in self.pairs),
            *(one.in_words() for one in self.equals),
            _flags(self.only_cheats_flagged, self.cheats),
            *(self._suspicion(one) for one in self.findings.suspicions if self._worth_telling(one)),
            *_untold(self.findings.suspicions),
            *(way.in_words() for way in self.ways),
        ]
        if self.differences:
            lines.append(f"Verified: {len(self.differences):,} differences, the first: {self.differences[0]}")
        else:
            lines.append("Verified: chain, plan, signatures, verdicts, closings, scores and looks are as recorded.")
        return [*lines, *(f"{one.in_words()}." for one in self.spent)]

    def _suspicion(self, one: Suspicion) -> str:
        return f"{one.in_words()} It {'was given the truth' if one.label in self.cheats else 'is honest'}."

    def _worth_telling(self, one: Suspicion) -> bool:
        return one.verdict != CANNOT_TELL and (one.flagged or one.label in self.cheats)

    def summary(self) -> dict[str, str]:
        """Describe it, one entry per line."""
        shown = {True: "yes", False: "no", None: "too little to tell"}
        late = sum(len(way.odd) for way in self.ways)
        return {
            "nights": f"{len(self.plan.nights):,}, {self.plan.nights[0].name} to {self.plan.nights[-1].name}",
            "vendors": ", ".join(f"{label}: {kind}" for label, kind in self.kinds.items()),
            "known order came out": shown[self.order_came_out],
            "findings": f"{sum(pair.first_look > 0 for pair in self.pairs)} of {len(self.pairs)} known differences",
            "cheats flagged, and nobody else": shown[self.only_cheats_flagged],
            "evenings judged otherwise than they should": f"{late:,}",
            "verified": "as recorded" if not self.differences else f"{len(self.differences):,} differences",
            "SHA-256 of the plan": self.plan.sha256,
        }

    def __repr__(self) -> str:
        return as_text("Rehearsal", self.summary())

    def _repr_html_(self) -> str:
        return as_html("Rehearsal", self.summary())


def _order(found: bool | None) -> str:
    if found is None:
        return "Of the known order nothing is wrong, and not all of it can be told with so few nights or crimes:"
    return "The known order came out:" if found else "The known order did not come out:"


def _untold(rows: Sequence[Suspicion]) -> list[str]:
    """Of whom a rule cannot tell, in one line for each rule."""
    by_rule: dict[str, list[str]] = {}
    for row in rows:
        if row.verdict == CANNOT_TELL:
            by_rule.setdefault(row.rule, []).append(row.label)
    return [
        f"Too good to be true, by {rule}: cannot be told of {', '.join(labels)}; at least {LEAST_HITS} hits and "
        f"{LEAST_BLOCKS} weeks with a usable night are needed."
        for rule, labels in by_rule.items()
    ]


def _flags(found: bool | None, cheats: tuple[str, ...]) -> str:
    whom = " and ".join(cheats) or "nobody"
    if found is None:
        return f"Whom the two rules for what is too good to be true flag, cannot be told of all; expected: {whom}."
    if not found:
        return f"The two rules for what is too good to be true do not flag whom they should: {whom}, and nobody else."
    return f"Too good to be true by both rules: {whom}, as it should be, and nobody else by either."


def told_of(
    office: Office,
    folder: Path,
    vendors: Mapping[str, SyntheticVendor],
    steps: tuple[Step, ...],
    seed: int,
    watch: Stopwatch,
) -> Rehearsal:
    """Gather what a rehearsal found, and verify it as vendors would, with the heads they were given."""
    trial = office.trial
    begun = time.perf_counter()
    findings = findings_of(trial)
    gathered = time.perf_counter()
    heads = [read_head(path.read_bytes()) for path in sorted((folder / HEADS).glob("head-*.txt"))]
    differences = tuple(verify(trial, heads))
    verified = time.perf_counter()
    more = [
        Spent(what=what, number=1, total=seconds, median=seconds, most=seconds)
        for what, seconds in (("findings", gathered - begun), ("verification", verified - gathered))
    ]
    return Rehearsal(
        folder=folder,
        trial=trial,
        plan=trial.locked,
        seed=seed,
        kinds={label: vendor.kind for label, vendor in vendors.items()},
        cheats=tuple(label for label, vendor in vendors.items() if vendor.cheats),
        findings=findings,
        pairs=known_pairs(findings, vendors),
        equals=known_equals(findings, vendors),
        ways=ways_found(trial, trial.history(), vendors, seed, office.sent(steps)),
        spent=(*watch.spent(), *more),
        differences=differences,
    )
