"""The looks of a plan: those that were taken, made again as they were, and those that may be taken by now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from predpol_eval.errors import InputError, PredPolError
from predpol_eval.trial.canonical import canonical_json, utc_moment
from predpol_eval.trial.history import History
from predpol_eval.trial.look_records import look_at

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.ledger import Record
    from predpol_eval.trial.plan import TrialPlan
    from predpol_eval.trial.standings import Look


def looks_again(trial: Trial, records: Sequence[Record]) -> tuple[Look, ...]:
    """Make every look again from what was recorded before it.

    Parameters
    ----------
    trial : Trial
    records : sequence of Record
        All that count, from the first.

    Returns
    -------
    tuple of Look
        In the order in which they were taken.

    Raises
    ------
    InputError
        If one is not what was recorded.
    """
    made = []
    before = History()
    for record in (record for record in records if record.kind == "look"):
        # Records are numbered from 1 without a gap.
        before.read(records[before.last : record.number - 1])
        number = record.body["number"]
        try:
            found = look_at(trial, before, number, utc_moment(record.body["until"]))
        except PredPolError as error:
            raise InputError(
                f"Look {number} (record {record.number}) cannot be made again: {error} Verify the ledger."
            ) from error
        if canonical_json(found.record()) != trial.blobs.get(record.body["blob"]):
            raise InputError(
                f"Look {number} (record {record.number}) is not what was recorded when it is made again; verify the "
                "ledger."
            )
        made.append(found)
    return tuple(made)


def looks_due(plan: TrialPlan, history: History, tally: xr.Dataset | None, at: datetime) -> tuple[int, ...]:
    """Numbers of the plan's looks that `take_look` would take by now.

    Parameters
    ----------
    plan : TrialPlan
    history : History
    tally : xarray.Dataset or None
        Settled nights.
    at : datetime
    """
    from predpol_eval.trial.standings.settled_nights import settled_nights

    if tally is None:
        return ()
    scored = {record.body["night"] for record in history.scores if record.body["settled"]}
    if any(
        night.settled_from <= at and night.name not in scored and night.name not in history.void
        for night in plan.nights
    ):
        return ()
    nights = settled_nights(tally, plan, void=history.void, at=at)
    past = max((int(record.body["number"]) for record in history.looks), default=0)
    waiting = [plan.night(name).number for name in nights.waiting]
    due = []
    for number, needed in enumerate(plan.test.looks, 1):
        if number == len(plan.test.looks):
            ready = bool(nights.names) and not waiting
        else:
            ready = len(nights.names) >= needed and all(
                night > plan.night(nights.names[needed - 1]).number for night in waiting
            )
        if ready and number > past:
            due.append(number)
    return tuple(due)
