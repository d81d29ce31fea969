"""What became of every evening of every vendor, held against what should have: from ledger and blobs alone."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from predpol_eval.trial.canonical import sha256_of
from predpol_eval.trial.history import STANDING

if TYPE_CHECKING:
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.history import History
    from predpol_eval.trial.rehearsal.attempts import Attempt, Way
    from predpol_eval.trial.rehearsal.vendors import SyntheticVendor

_IN = "in"


@dataclass(frozen=True, slots=True, kw_only=True)
class WayFound:
    """One way in which evenings went.

    Attributes
    ----------
    name, sentence : str
        As `Way` has them.
    evenings : int
        How many went so.
    odd : tuple of str
        Label and night of those that were judged otherwise than they should have been, with what was found.
    """

    name: str
    sentence: str
    evenings: int
    odd: tuple[str, ...]

    def in_words(self) -> str:
        """One sentence."""
        start = f"{self.name}: {self.evenings:,} evenings"
        if not self.odd:
            return f"{start}, all judged as they should be."
        return f"{start}, {len(self.odd):,} judged otherwise than they should be, the first: {self.odd[0]}."


def ways_found(
    trial: Trial,
    history: History,
    vendors: Mapping[str, SyntheticVendor],
    seed: int,
    sent: Mapping[tuple[str, str, int], tuple[bytes, bytes | None]],
) -> tuple[WayFound, ...]:
    """Say of every way how many evenings went so, and which were not judged as they should have been.

    Parameters
    ----------
    trial : Trial
    history : History
    vendors : mapping of str to SyntheticVendor
        By label.
    seed : int
    sent : mapping
        By label, night and number of the attempt: what arrived at the office, and the envelope.
    """
    refused: dict[tuple[str, str | None], str] = {}
    with trial.ledger(read_only=True) as ledger:
        for record in ledger.records("refused"):
            refused[record.body["submitted"], record.body["signed"]] = record.body["code"]
    odd: dict[str, list[str]] = defaultdict(list)
    count: dict[str, int] = defaultdict(int)
    ways: dict[str, Way] = {}
    for night in trial.locked.nights:
        for label, vendor in vendors.items():
            way = vendor.evening(night, label, seed)
            ways[way.name] = way
            count[way.name] += 1
            closing = history.closings.get(night.name)
            stands = _stands(closing, label) if closing is not None else "not closed"
            wrong = [] if stands == way.stands else [f"{stands} where {way.stands} is right"]
            for number, attempt in enumerate(way.attempts, 1):
                found = _outcome(trial, history, refused, night.name, *sent[label, night.name, number])
                if not _fits(attempt, found):
                    wrong.append(
                        f"file {number} {_shown(found)} where {_shown((attempt.outcome, [attempt.by]))} is right"
                    )
            if wrong:
                odd[way.name].append(f"{label} on {night.name}, {'; '.join(wrong)}")
    return tuple(
        WayFound(name=name, sentence=ways[name].sentence, evenings=count[name], odd=tuple(odd[name])) for name in count
    )


def _stands(closing: Any, label: str) -> str:
    return _IN if label in closing.standing else str(closing.absent.get(label, "nothing"))


def _outcome(
    trial: Trial,
    history: History,
    refused: Mapping[tuple[str, str | None], str],
    night: str,
    data: bytes,
    envelope: bytes | None,
) -> tuple[str, Sequence[str]]:
    """What became of a file: its outcome, and the checks that failed or the code of the refusal."""
    signed = None if envelope is None else sha256_of(envelope)
    code = refused.get((sha256_of(data), signed))
    if code is not None:
        return "refused", [code]
    receipt = None if signed is None else history.of_envelope(signed)
    verdict = None if receipt is None else history.verdicts.get(receipt.number)
    if verdict is None:
        return "not in the ledger", []
    outcome = verdict.nights[night]
    told = json.loads(trial.blobs.get(verdict.results))["results"]
    failed = [one["name"] for one in told if one["outcome"] == "fail" and one["severity"] == "error"]
    return ("accepted" if outcome in STANDING else outcome), failed


def _fits(attempt: Attempt, found: tuple[str, Sequence[str]]) -> bool:
    outcome, by = found
    return outcome == attempt.outcome and list(by) == ([attempt.by] if attempt.by else [])


def _shown(found: tuple[str, Sequence[str]]) -> str:
    outcome, by = found
    told = ", ".join(name for name in by if name)
    return f"{outcome} ({told})" if told else outcome
