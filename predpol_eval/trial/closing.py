"""The end of a night's intake: who stands, who is missing, and nights that count for nobody."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import utc_text
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.history import Closing, History
from predpol_eval.trial.intake import judge
from predpol_eval.trial.ledger import export_head

if TYPE_CHECKING:
    from predpol_eval.trial.plan import TrialPlan

MOST_REASON = 1_000
_TRIES = 10


def close_night(trial: Trial, night: str) -> Closing:
    """Close a night: after its deadline, say what stands for everybody, and write down who is missing.

    Parameters
    ----------
    trial : Trial
    night : str
        Such as ``"2018-07-01"``.

    Returns
    -------
    Closing
        That of the first time, if it was closed before. ``absent`` says why nothing stands: ``missing`` (nothing came),
        ``late``, ``rejected``, or ``held`` (our checks broke).

    Raises
    ------
    InputError
        If its deadline has not come.
    """
    for _ in range(_TRIES):
        judge(trial)
        history = trial.history()
        if night in history.closings:
            return history.closings[night]
        with trial.ledger() as ledger, ledger.writing():
            history.read(ledger.records(since=history.last + 1))
            if night in history.closings:
                return history.closings[night]
            plan = trial.plan(history)
            deadline, now = plan.night(night).deadline, trial.clock()
            if now < deadline:
                raise InputError(
                    f"The deadline of {night} is {utc_text(deadline)}, and it is {utc_text(now)}: until then files may "
                    "come. Close it afterwards."
                )
            if any(night in receipt.nights for receipt in history.waiting):
                # It came in while the others were being checked.
                continue
            standing, absent = stands_for(plan, history, night)
            for label, why in absent.items():
                ledger.append("missing", {"label": label, "night": night, "why": why})
            ledger.append("closed", {"night": night, "standing": standing, "absent": absent})
            history.read(ledger.records(since=history.last + 1))
            return history.closings[night]
    raise InputError(f"Files for {night} keep coming in while it is being closed; close it again.")


def stands_for(plan: TrialPlan, history: History, night: str) -> tuple[dict[str, int], dict[str, str]]:
    """Which receipt stands for each submitter on a night so far, and why none does for the others."""
    standing, absent = {}, {}
    for label in plan.submitters:
        receipt = history.standing(label, night)
        if receipt is None:
            absent[label] = history.absence(label, night)
        else:
            standing[label] = receipt.number
    return standing, absent


def declare_void(trial: Trial, nights: Iterable[str], reason: str) -> None:
    """Declare nights void for everybody: our outage, said before anybody knows how they went.

    Raises
    ------
    InputError
        If a night is none of the plan's, is void already, no reason is given, or crimes of it are recorded in a
        snapshot, or may stand in an extract that was given out for a later night: then it is too late.
    """
    wanted = tuple(dict.fromkeys(nights))
    told = " ".join(str(reason).split())
    if not told or len(told) > MOST_REASON:
        raise InputError(f"Give the reason in 1 to {MOST_REASON} letters: it stands in the report.")
    if not wanted:
        raise InputError("Name the nights that are void, such as 2018-07-01.")
    with trial.ledger() as ledger, ledger.writing():
        history = History().read(ledger.records())
        plan = trial.plan(history)
        faults = [fault for name in wanted if (fault := why_not_void(plan, history, name))]
        if faults:
            raise InputError(f"Not declared void: {'; '.join(faults)}. A night is void only if it is said beforehand.")
        ledger.append("void", {"nights": list(wanted), "reason": told})


def keep_head(trial: Trial, where: str | Path, night: str) -> Path:
    """Write the hash that stands for the whole ledger, for vendors to keep."""
    with trial.ledger(read_only=True) as ledger:
        return export_head(ledger, where, night)


def why_not_void(plan: TrialPlan, history: History, night: str) -> str:
    """Why a night cannot be declared void (any more); blank if it can.

    Raises
    ------
    InputError
        If the plan has no such night.
    """
    start = plan.night(night).start
    if night in history.void:
        return f"{night} is void already"
    if any(_knows(body, utc_text(start)) for body in history.snapshots):
        return f"of {night} crimes are recorded in a snapshot already"
    later = [name for name in history.released if plan.night(name).cut > start]
    if later:
        return f"of {night} crimes may stand in the extract for {later[0]}, which was given out already"
    return ""


def _knows(body: object, start: str) -> bool:
    """Whether a snapshot reaches into a night."""
    from predpol_eval.trial.outcomes.snapshots import Snapshot

    until = Snapshot.from_record(body).observed_until if isinstance(body, dict) else None
    return until is not None and utc_text(until) > start
