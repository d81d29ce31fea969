"""Which nights are to be scored, and on what: decided by the records alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from predpol_eval.trial.outcomes.settling import NightStatus, status_of
from predpol_eval.trial.outcomes.snapshots import Snapshot
from predpol_eval.trial.scoring.standing import Standing, standings

if TYPE_CHECKING:
    from predpol_eval.trial.history import History
    from predpol_eval.trial.ledger import Record
    from predpol_eval.trial.plan import TrialPlan


@dataclass(frozen=True, slots=True)
class Basis:
    """All that decides the score of a night."""

    night: str
    snapshot: Snapshot
    settled: bool
    plan: str
    standing: tuple[tuple[str, Standing], ...]

    def body(self, blob: str) -> dict[str, Any]:
        """Body of the record of a score."""
        return {
            "night": self.night,
            "snapshot": self.snapshot.sha256,
            "settled": self.settled,
            "blob": blob,
            "plan": self.plan,
        }


def newest_scores(history: History, *, settled: bool = False) -> dict[str, Record]:
    """The score of each night that counts: the settled one, else the newest unless only `settled` ones are wanted."""
    found: dict[str, Record] = {}
    for record in history.scores:
        before = found.get(record.body["night"])
        if (record.body["settled"] or not settled) and not (before is not None and before.body["settled"]):
            found[record.body["night"]] = record
    return found


def basis_of(plan: TrialPlan, history: History, found: NightStatus) -> Basis | None:
    """What a closed night is scored on; None if there is no snapshot of it yet."""
    if found.snapshot is None or found.status == "none":
        return None
    standing = tuple(standings(history, plan, found.night).items())
    return Basis(found.night, found.snapshot, found.status == "settled", plan.in_force(found.night).sha256, standing)


def due(plan: TrialPlan, history: History) -> list[Basis]:
    """Nights to be scored, snapshot by snapshot: closed, told of by a snapshot, and not scored on it yet."""
    snapshots = [Snapshot.from_record(body) for body in history.snapshots]
    place = {snapshot.sha256: number for number, snapshot in reversed(list(enumerate(snapshots)))}
    done = newest_scores(history)
    waiting = []
    for found in status_of([night for night in plan.nights if night.name in history.closings], snapshots):
        before = done.get(found.night)
        if before is not None and before.body["settled"]:
            continue
        basis = basis_of(plan, history, found)
        if basis is None:
            continue
        # A snapshot that settles a night was taken when it had settled: no score of that night on it was provisional.
        if before is None or before.body["snapshot"] != basis.snapshot.sha256:
            waiting.append(basis)
    return sorted(waiting, key=lambda basis: place[basis.snapshot.sha256])
