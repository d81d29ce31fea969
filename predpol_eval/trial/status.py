"""Where a trial stands, for whoever runs it."""

from __future__ import annotations

from predpol_eval.trial.canonical import utc_text
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.ledger.clock import LAG, told
from predpol_eval.trial.waiting import behind


def status_of(trial: Trial, night: str | None = None) -> str:
    """Say it in a few lines: the ledger, keys, files that wait or are held, and who is in for a night.

    Parameters
    ----------
    trial : Trial
    night : str, optional
        By default the next one whose deadline has not passed, or the last.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the plan has no such night.
    """
    history, now = trial.history(), trial.clock()
    plan = trial.plan(history)
    ahead = (one for one in plan.nights if one.deadline > now)
    chosen = plan.night(night) if night is not None else next(ahead, plan.nights[-1])
    lines = [
        f"{plan.name}: {len(plan.nights)} nights from {plan.nights[0].name} to {plan.nights[-1].name}, "
        f"{len(history.closings)} closed, {len(history.void)} void, {len(plan.amendments)} amendments",
        f"plan {plan.locked.sha256}, {history.last} records, {len(history.snapshots)} snapshots",
    ]
    late = behind(trial)
    if late > LAG:
        lines.append(f"the clock is {told(late)} behind the last record: until it has come to it, nothing is recorded")
    for label in plan.submitters:
        key = history.register.of(label, now)
        lines.append(f"key of {label}: {'none in force' if key is None else key.fingerprint}")
    for what, receipts in (("not yet checked", history.waiting), ("held, by our fault", history.held)):
        if receipts:
            lines.append(f"{what}: {', '.join(f'record {one.number} of {one.label}' for one in receipts)}")
    lines.append(f"{chosen.name}: cut {utc_text(chosen.cut)}, deadline {utc_text(chosen.deadline)}")
    if chosen.name in history.void:
        lines.append(f"  void: {history.void[chosen.name]}")
    for label in plan.submitters:
        receipt = history.standing(label, chosen.name)
        what = f"record {receipt.number} of {receipt.at}" if receipt else _nothing(history.absence(label, chosen.name))
        lines.append(f"  {label}: {what}")
    return "\n".join(lines)


def _nothing(why: str) -> str:
    return "nothing so far" if why == "missing" else f"nothing that counts ({why})"
