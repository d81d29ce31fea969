"""What goes out to vendors each evening, and what comes in about how the nights went."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from predpol_eval.errors import InputError
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.history import History
from predpol_eval.trial.outcomes.release import Release, make_release
from predpol_eval.trial.outcomes.snapshot_checks import keep_snapshot
from predpol_eval.trial.outcomes.snapshots import Snapshot

if TYPE_CHECKING:
    from predpol_eval.events import Events
    from predpol_eval.trial.outcomes.matching import Match


def release_night(trial: Trial, events: Events, night: str, secret: bytes, *, match: Match | None = None) -> Release:
    """Make the extract for a night and record its hash; the same night may be released again, with the same bytes.

    Parameters
    ----------
    trial : Trial
    events : Events
        Recorded crime.
    night : str
    secret : bytes
        Of the pseudonyms.
    match : {"id", "content"}, optional
        See `make_release`.

    Returns
    -------
    Release
        ``data`` is the file for vendors.

    Raises
    ------
    InputError
        If its cut has not come, or it was released before with other content: then somebody would have known more.
    """
    history = trial.history()
    plan = trial.plan(history)
    chosen = plan.night(night)
    if trial.clock() < chosen.cut:
        raise InputError(
            f"The cut of {night} is {chosen.cut.isoformat()}; before it not all is recorded that vendors are to have. "
            "Release it afterwards."
        )
    made = make_release(events, plan, trial.grid, chosen, secret, match=match)
    with trial.ledger() as ledger, ledger.writing():
        before = [record.body for record in ledger.records("release") if record.body["night"] == night]
        if before and before[-1]["sha256"] != made.sha256:
            raise InputError(
                f"The night {night} was released before with other content (SHA-256 {before[-1]['sha256']}, now "
                f"{made.sha256}); all vendors get the same file. Send that one, or start from the same crimes."
            )
        if not before:
            ledger.append("release", made.record())
    return made


def take_snapshot(
    trial: Trial, events: Events, taken_at: datetime, *, forced: str | None = None, match: Match | None = None
) -> Snapshot:
    """Keep recorded crime as of a date; what was kept before is never changed.

    Parameters
    ----------
    trial : Trial
    events : Events
    taken_at : datetime
        With a time zone: up to when this table was kept.
    forced : str, optional
        Why a snapshot is kept that lacks what an earlier one had; in words, for the record.
    match : {"id", "content"}, optional
        What identifies a crime from one snapshot to the next.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    with trial.ledger() as ledger, ledger.writing():
        history = History().read(ledger.records())
        known = [Snapshot.from_record(body) for body in history.snapshots]
        kept = keep_snapshot(
            events, trial.plan(history), trial.grid, taken_at=taken_at, blobs=trial.blobs,
            earlier=known[-1] if known else None, now=trial.clock(), forced=forced, match=match,
        )  # fmt: skip
        if not known or known[-1].record() != kept.record():
            ledger.append("snapshot", {"blob": kept.sha256, "snapshot": kept.record()})
    return kept
