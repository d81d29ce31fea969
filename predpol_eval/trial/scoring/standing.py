"""What counts for each submitter on a night: the predictions that were in by the deadline, or why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from predpol_eval.errors import InputError
from predpol_eval.trial.submissions.predictions import Predictions

if TYPE_CHECKING:
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.history import History
    from predpol_eval.trial.plan import TrialPlan

_WHY = {
    "missing": "nothing was handed in",
    "late": "what was handed in came after the deadline",
    "rejected": "what was handed in cannot be used",
    "held": "our checks broke on what was handed in",
}


class Standing(NamedTuple):
    """What counts for a submitter on a night.

    Attributes
    ----------
    receipt : int or None
        Number of the receipt that stands.
    status : str
        ``"ok"``, or why nothing stands.
    reason : str
        The same in words; blank where the receipt is that of the closing.
    """

    receipt: int | None
    status: str
    reason: str


def standings(history: History, plan: TrialPlan, night: str) -> dict[str, Standing]:
    """What counts for each submitter on a closed night.

    It is what stood when the night was closed. Only one thing can change it later: our checks broke on a file that came
    in time, it was held, and has been checked again since; then it counts from there on.

    Parameters
    ----------
    history : History
    plan : TrialPlan
    night : str

    Raises
    ------
    InputError
        If the night is not closed, or its closing leaves a submitter out.
    """
    if night not in history.closings:
        raise InputError(f"The night {night} is not closed: nobody can say what stands. Close it first.")
    if night in history.void:
        return dict.fromkeys(plan.submitters, Standing(None, "void", f"void for all: {history.void[night]}"))
    closing = history.closings[night]
    found = {}
    for label in plan.submitters:
        then, now = closing.standing.get(label), history.standing(label, night)
        why = closing.absent.get(label)
        if now is not None and now.number != then:
            told = f"record {now.number}, which was held when the night was closed and has been checked again"
            found[label] = Standing(now.number, "ok", told)
        elif then is not None:
            found[label] = Standing(then, "ok", "")
        elif why in _WHY:
            # A file that was held then may have turned out as one that cannot be used.
            why = history.absence(label, night) if why == "held" else why
            found[label] = Standing(None, why, _WHY[why])
        else:
            raise InputError(f"The closing of {night} does not say what became of {label!r}; verify the ledger.")
    return found


class PredictionsKept:
    """Predictions read from where they are kept; those last read stay at hand, since many are for several nights."""

    def __init__(self, trial: Trial, most: int = 32) -> None:
        self._trial, self._most = trial, most
        self._read: dict[str, Predictions] = {}

    def of(self, history: History, receipt: int) -> Predictions:
        """Predictions of a receipt that stands.

        Raises
        ------
        InputError
            If none are kept: it cannot stand.
        """
        verdict = history.verdicts[receipt]
        if verdict.predictions is None:
            raise InputError(f"Record {receipt} stands, but no predictions of it are kept; verify the ledger.")
        if verdict.predictions not in self._read:
            while len(self._read) >= self._most:
                del self._read[next(iter(self._read))]
            self._read[verdict.predictions] = Predictions.from_bytes(self._trial.blobs.get(verdict.predictions))
        return self._read[verdict.predictions]
