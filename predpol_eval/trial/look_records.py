"""The looks that were taken: each recorded once, and made again by whoever verifies."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json, utc_moment, utc_text
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.history import History

if TYPE_CHECKING:
    from predpol_eval.trial.standings.look_found import Look


def take_look(trial: Trial, number: int) -> Look:
    """Make the test of the plan at one of its looks, and record what it found.

    Parameters
    ----------
    trial : Trial
    number : int
        From 1: which of the plan's looks. One that was left out cannot be taken after a later one.

    Returns
    -------
    Look

    Raises
    ------
    InputError
        If it was taken before, a later one was, its nights have not settled, or a settled night has no score yet.
    """
    history = trial.history()
    known, now = history.last, _now(trial, history)
    found = look_at(trial, history, number, now)
    with trial.ledger() as ledger, ledger.writing():
        history.read(ledger.records(since=known + 1))
        if history.last > known:
            # It is made of all that was recorded before it, so that whoever verifies finds the same.
            now = _now(trial, history)
            found = look_at(trial, history, number, now)
        body = {
            "number": number,
            "settled": len(found.nights),
            "until": utc_text(now),
            "blob": trial.blobs.put(canonical_json(found.record())),
        }
        ledger.append("look", body)
    return found


def _now(trial: Trial, history: History) -> datetime:
    """The moment that a record would bear: that of the last one, where the clock is behind it."""
    return max(trial.clock(), utc_moment(history.last_at))


def look_at(trial: Trial, history: History, number: int, until: datetime) -> Look:
    """Make a look from what was recorded before it, as of a moment; the same whenever it is asked for."""
    from predpol_eval.trial.scoring.nights_tally import tally_of
    from predpol_eval.trial.standings import look

    _refuse_taken(history, number)
    plan = trial.plan(history)
    # A night that settled and was not scored would be missing from the look, and nobody would know.
    scored = {record.body["night"] for record in history.scores if record.body["settled"]}
    left = [
        night.name
        for night in plan.nights
        if night.settled_from <= until and night.name not in scored and night.name not in history.void
    ]
    if left:
        raise InputError(
            f"{len(left)} nights have settled and have no settled score, the first is {left[0]}: close them, take a "
            "snapshot, and run `predpol-eval trial score` first."
        )
    earlier = tuple(int(record.body["settled"]) for record in history.looks)
    return look(tally_of(trial, history), plan, number, earlier=earlier, void=tuple(history.void), at=until)


def _refuse_taken(history: History, number: int) -> None:
    taken = [int(record.body["number"]) for record in history.looks]
    if number in taken:
        raise InputError(f"Look {number} was taken before; what it found is recorded, and stays.")
    if taken and number < max(taken):
        raise InputError(f"Look {max(taken)} was taken, so that look {number} is past; take the next one.")
