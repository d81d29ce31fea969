"""Scores made again from plan, ledger and blobs, and compared number by number with what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.trial.ledger import Difference
from predpol_eval.trial.outcomes.settling import status_of
from predpol_eval.trial.outcomes.snapshots import Snapshot
from predpol_eval.trial.scoring.due import basis_of, newest_scores
from predpol_eval.trial.scoring.night_score import NightScore
from predpol_eval.trial.scoring.nightly import score_night
from predpol_eval.trial.scoring.outcomes_ready import OutcomesKept
from predpol_eval.trial.scoring.standing import PredictionsKept

if TYPE_CHECKING:
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.history import History
    from predpol_eval.trial.ledger import Record

# Sums made in another order, by other versions, differ in their last digits.
TOLERANCE = 1e-9
_MOST = 20  # differences of one record that are told


def rescore(trial: Trial, history: History, record: Record) -> list[Difference]:
    """Make a recorded score again and say what differs; for many records `Rescorer` is faster.

    Parameters
    ----------
    trial : Trial
    history : History
        Of the records before this one.
    record : Record
        Of kind "score".

    Returns
    -------
    list of Difference
        Empty if it is as it was recorded, to 1e-9.
    """
    return Rescorer(trial).differences(history, record)


class Rescorer:
    """Makes recorded scores again, one after the other, with the crimes of a snapshot opened once.

    Parameters
    ----------
    trial : Trial
    """

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._kept = PredictionsKept(trial)
        self._opened = OutcomesKept(trial)

    def differences(self, history: History, record: Record) -> list[Difference]:
        """Say what of a recorded score differs from what is found now; see `rescore`.

        Raises
        ------
        PredPolError
            If it cannot be made again at all.
        """
        body, number = record.body, record.number
        night = body["night"]
        plan = self._trial.plan(history)
        if night not in history.closings:
            return [Difference(number, "night", f"a score of {night}, which is not closed", "a night that is closed")]
        before = newest_scores(history).get(night)
        if before is not None and before.body["settled"]:
            return [Difference(number, "night", f"a score of {night} after its settled one", "none: that one stands")]
        snapshots = [Snapshot.from_record(one) for one in history.snapshots]
        (found,) = status_of([plan.night(night)], snapshots)
        basis = basis_of(plan, history, found)
        if basis is None:
            return [Difference(number, "snapshot", str(body["snapshot"]), f"none: {found.reason}")]
        told = basis.body(body["blob"])
        wrong = [
            Difference(number, name, str(body.get(name)), str(value))
            for name, value in told.items()
            if body.get(name) != value or type(body.get(name)) is not type(value)
        ]
        if wrong:
            return wrong
        kept = NightScore.from_bytes(self._trial.blobs.get(body["blob"]))
        ready = self._opened.of(plan, basis.snapshot)
        made = score_night(
            self._trial, history, night, basis.snapshot, ready.events, outcomes=ready, predictions=self._kept
        )
        return _told_apart(number, kept.to_dict(), made.to_dict())


def _told_apart(number: int, kept: dict[str, Any], made: dict[str, Any]) -> list[Difference]:
    """Compare two scores as plain content; the first differences."""
    found: list[Difference] = []
    _compare(number, "", kept, made, found)
    if len(found) > _MOST:
        more = len(found) - _MOST
        found = [*found[:_MOST], Difference(number, "score", f"{more:,} more differences", "none")]
    return found


def _compare(number: int, where: str, kept: Any, made: Any, found: list[Difference]) -> None:
    """Walk through both alike; the form of either is that of `NightScore.to_dict`, so it is not nested deeply."""
    if isinstance(kept, dict) and isinstance(made, dict) and kept.keys() == made.keys():
        for name in made:
            _compare(number, f"{where}, {name}" if where else name, kept[name], made[name], found)
    elif isinstance(kept, list) and isinstance(made, list) and len(kept) == len(made):
        for place, (old, new) in enumerate(zip(kept, made, strict=True)):
            _compare(number, f"{where} {_called(new, place)}", old, new, found)
    elif isinstance(kept, float) and isinstance(made, float):
        if not np.isclose(kept, made, rtol=TOLERANCE, atol=TOLERANCE):
            found.append(Difference(number, where, repr(kept), repr(made)))
    elif kept != made:
        found.append(Difference(number, where, _shown(kept), _shown(made)))


def _called(part: Any, place: int) -> str:
    if isinstance(part, dict) and "forecaster" in part:
        return f"of {part['forecaster']}, {part['kind']}"
    return f"number {place + 1}"


def _shown(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
