"""What became of every night of the plan, and of everybody's file for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from predpol_eval.trial.findings.scored_nights import FilesThen
from predpol_eval.trial.scoring.standing import standings

if TYPE_CHECKING:
    from predpol_eval.trial.findings.scored_nights import ScoredNight
    from predpol_eval.trial.history import History
    from predpol_eval.trial.plan import TrialPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class NightTold:
    """One night of the plan.

    Attributes
    ----------
    night : str
    state : {"settled", "provisional", "closed", "void", "open", "to come"}
        ``"closed"`` has no score yet; ``"open"`` has its cut behind it and is not closed.
    reason : str
        Why it is void; else blank.
    outcomes : mapping of str to str
        Of every submitter what stands: ``"in"``, ``"late"``, ``"rejected"``, ``"missing"``, ``"held"``; blank while
        the night is not closed, and on a void one. Of a settled night what its score was made of: a file that was held
        then and was checked again later stays held.
    received : mapping of str to str
        When the file that stands was received, in UTC as it was recorded; without those of whom nothing stands.
    files : mapping of str to int
        How many files each submitter handed in for the night, whatever became of them.
    """

    night: str
    state: str
    reason: str
    outcomes: Mapping[str, str]
    received: Mapping[str, str]
    files: Mapping[str, int]


def nights_told(
    history: History, plan: TrialPlan, at: datetime, scores: Mapping[str, ScoredNight]
) -> tuple[NightTold, ...]:
    """Say what became of every night of the plan by a moment.

    Parameters
    ----------
    history : History
    plan : TrialPlan
        In force.
    at : datetime
        Not before the last record.
    scores : mapping of str to ScoredNight
        ``scored_nights(trial, history)``.
    """
    files: dict[tuple[str, str], int] = {}
    for receipt in history.receipts.values():
        for name in receipt.nights:
            files[receipt.label, name] = files.get((receipt.label, name), 0) + 1
    then = FilesThen(history)
    told = []
    for night in plan.nights:
        name = night.name
        outcomes, received = dict.fromkeys(plan.submitters, ""), {}
        if name in history.void:
            state = "void"
        elif name in history.closings:
            scored = scores.get(name)
            state = "closed" if scored is None else "settled" if scored.settled else "provisional"
            for label, (status, number) in _standing(history, plan, name, scored, then).items():
                outcomes[label] = "in" if status == "ok" else status
                if number is not None:
                    received[label] = history.receipts[number].at
        else:
            state = "to come" if at < night.cut else "open"
        told.append(
            NightTold(
                night=name,
                state=state,
                reason=history.void.get(name, ""),
                outcomes=outcomes,
                received=received,
                files={label: files.get((label, name), 0) for label in plan.submitters},
            )
        )
    return tuple(told)


def _standing(
    history: History, plan: TrialPlan, night: str, scored: ScoredNight | None, then: FilesThen
) -> dict[str, tuple[str, int | None]]:
    """Of everybody who submits, what stands and why; of a settled night, what stood when it was scored."""
    if scored is None or not scored.settled:
        return {label: (one.status, one.receipt) for label, one in standings(history, plan, night).items()}
    status = {entry.forecaster: entry.status for entry in scored.score.entries}
    return {
        label: (status[label], then.receipt(label, night, scored.record) if status[label] == "ok" else None)
        for label in plan.submitters
    }
