"""Which snapshot a night is scored on: the first taken when the night had settled, and the newest until then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from predpol_eval.trial.canonical import utc_text
from predpol_eval.trial.outcomes.scope import NightTerms
from predpol_eval.trial.outcomes.snapshots import Snapshot

Status = Literal["settled", "provisional", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NightStatus:
    """What a night can be scored on.

    Attributes
    ----------
    night : str
    status : {"settled", "provisional", "none"}
        Whether the score stands, may still change, or there is none.
    snapshot : Snapshot or None
    reason : str
        Why it is not (yet) settled; blank where it is.
    """

    night: str
    status: Status
    snapshot: Snapshot | None = None
    reason: str = ""


def settled(night: NightTerms, snapshots: Sequence[Snapshot]) -> NightStatus:
    """Find the snapshot of the primary score: the first taken at or after `settled_from` that covers the window.

    A snapshot that is kept later never changes the answer, for none may be taken before the last one.

    Parameters
    ----------
    night : Night
    snapshots : sequence of Snapshot
        In the order in which they were kept; of those taken at the same moment the first counts.

    Returns
    -------
    NightStatus
        Settled, or none with the reason.
    """
    late = [snapshot for snapshot in _by_time(snapshots) if snapshot.taken_at >= night.settled_from]
    for snapshot in late:
        if snapshot.covers(night.start, night.end):
            return NightStatus(night=night.name, status="settled", snapshot=snapshot)
    if late:
        since = utc_text(night.settled_from)
        reason = f"{_snapshots(len(late))} taken since it settled ({since}), but none {_covers(night)}"
    else:
        reason = f"no snapshot was taken at or after {utc_text(night.settled_from)}, when it settles"
    return NightStatus(night=night.name, status="none", reason=reason)


def provisional(night: NightTerms, snapshots: Sequence[Snapshot]) -> NightStatus:
    """Find the snapshot of the score meanwhile: the newest that covers the window.

    Returns
    -------
    NightStatus
        Provisional, or none with the reason.
    """
    ordered = _by_time(snapshots)
    for snapshot in reversed(ordered):
        if snapshot.covers(night.start, night.end):
            return NightStatus(
                night=night.name, status="provisional", snapshot=snapshot, reason=settled(night, snapshots).reason
            )
    after = [snapshot for snapshot in ordered if snapshot.taken_at >= night.end]
    if after:
        reason = f"{_snapshots(len(after))} taken since it ended, but none {_covers(night)}"
    else:
        reason = f"no snapshot was taken since it ended ({utc_text(night.end)})"
    return NightStatus(night=night.name, status="none", reason=reason)


def status_of(nights: Iterable[NightTerms], snapshots: Sequence[Snapshot]) -> tuple[NightStatus, ...]:
    """Say for every night what it is scored on: the settled snapshot, else a provisional one, else none."""
    result = []
    for night in nights:
        final = settled(night, snapshots)
        result.append(final if final.status == "settled" else provisional(night, snapshots))
    return tuple(result)


def in_words(rows: Sequence[NightStatus]) -> str:
    """Count the nights by status.

    Examples
    --------
    >>> in_words([NightStatus(night="2018-07-01", status="none", reason="no snapshot")])
    'Nights settled: 0, provisional: 0, without a snapshot: 1, together 1.'
    """
    number = {status: sum(row.status == status for row in rows) for status in ("settled", "provisional", "none")}
    return (
        f"Nights settled: {number['settled']:,}, provisional: {number['provisional']:,}, without a snapshot: "
        f"{number['none']:,}, together {len(rows):,}."
    )


def _by_time(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    # Stable: of those taken at the same moment the first kept stays the first.
    return sorted(snapshots, key=lambda snapshot: snapshot.taken_at)


def _snapshots(number: int) -> str:
    return "1 snapshot was" if number == 1 else f"{number:,} snapshots were"


def _covers(night: NightTerms) -> str:
    return f"has observed all of its window ({utc_text(night.start)} to {utc_text(night.end)}), beyond doubt"
