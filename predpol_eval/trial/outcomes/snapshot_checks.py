"""Whether a new snapshot can follow the one before: same place and clock, later, and no crimes gone missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from predpol_eval.errors import InputError, number_of
from predpol_eval.events import Events
from predpol_eval.grid import Grid
from predpol_eval.trial.canonical import utc_text
from predpol_eval.trial.outcomes.matching import Match, pair_crimes
from predpol_eval.trial.outcomes.scope import PlanTerms, faults_of, places, utc64, utc_datetime
from predpol_eval.trial.outcomes.snapshots import Snapshot, freeze, snapshot_of, thaw

# Share of the earlier crimes that police strike off ("no crime") in the ordinary course of things, and some more.
MOST_LOST = 0.05


class BlobStore(Protocol):
    """Where raw bytes are kept under their SHA-256."""

    def put(self, data: bytes, /) -> str: ...  # noqa: D102
    def get(self, sha256: str, /) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotCheck:
    """What was found where nothing was refused.

    Attributes
    ----------
    earlier : int
        Crimes of the snapshot before that are of the plan's kinds and areas.
    lost : int
        Those of them that are not in the new one in any form.
    matched_by : {"id", "content"} or None
        How that was told; None where there was nothing to compare.
    overruled : tuple of str
        Faults that the reason given overrules.
    """

    earlier: int = 0
    lost: int = 0
    matched_by: Match | None = None
    overruled: tuple[str, ...] = ()


def check_snapshot(
    events: Events,
    plan: PlanTerms,
    grid: Grid,
    earlier: Snapshot | None,
    *,
    taken_at: datetime,
    earlier_events: Events | None = None,
    now: datetime | None = None,
    most_lost: float = MOST_LOST,
    forced: str | None = None,
    match: Match | None = None,
) -> SnapshotCheck:
    """Refuse a snapshot that cannot be right, with all that is wrong with it.

    Parameters
    ----------
    events : Events
        Recorded crime as of `taken_at`.
    plan : TrialPlan
    grid : Grid
        That of the plan.
    earlier : Snapshot or None
        The snapshot before.
    taken_at : datetime
        With a time zone.
    earlier_events : Events, optional
        The crimes of `earlier`. Without them only the numbers of crimes are compared.
    now : datetime, optional
        The moment of keeping it; what is taken later cannot be there yet.
    most_lost : float
        Share of the earlier crimes (of the plan's kinds and areas) that may be gone.
    forced : str, optional
        Why a snapshot is kept although crimes are gone, or kinds of the plan are missing. Nothing else is overruled.
    match : {"id", "content"}, optional
        How crimes are told apart; see `pair_crimes`.

    Returns
    -------
    SnapshotCheck

    Raises
    ------
    InputError
        If it is in another coordinate system or zone, taken before the one before or after `now`, holds what happened
        or was recorded after it was taken, its observed time ends earlier, a kind of the plan is missing, or too many
        crimes are gone.
    NotComparableError
        If the grid is not that of the plan.
    """
    share = number_of(most_lost, "most_lost", "give a share between 0 and 1, for instance 0.05", low=0, high=1)
    if forced is not None and not (isinstance(forced, str) and forced.strip()):
        raise InputError(f"forced={forced!r}; say why in words: they stand in the record.")
    other_place = faults_of(events, plan, grid)
    faults = [*other_place, *_of_time(events, earlier, taken_at, now)]
    missing = [kind for kind in plan.kinds if not _has(events, kind)]
    doubts = []
    if missing:
        doubts.append(
            f"there is no crime of kind {', '.join(map(repr, missing))}, which the plan has; the kinds found are "
            f"{', '.join(map(repr, events.kinds)) or 'none'}"
        )
    found = SnapshotCheck()
    if earlier is not None and not other_place:
        found, gone = _lost(events, plan, grid, earlier, earlier_events, match)
        if found.lost / max(found.earlier, 1) > share:
            doubts.append(f"{gone}; at most {share:.3g} of them may be gone")
    if faults or (doubts and forced is None):
        # What a reason cannot overrule is told as well as what it can.
        told = [f"  - {fault}" for fault in faults]
        told += [
            f"  - {doubt}" + (" (kept if you say why: forced='...')" if forced is None else "") for doubt in doubts
        ]
        raise InputError(
            f"The snapshot of {utc_text(taken_at)} is not kept:\n" + "\n".join(told) + "\nTake it again, whole."
        )
    return SnapshotCheck(earlier=found.earlier, lost=found.lost, matched_by=found.matched_by, overruled=tuple(doubts))


def keep_snapshot(
    events: Events,
    plan: PlanTerms,
    grid: Grid,
    *,
    taken_at: datetime,
    blobs: BlobStore,
    earlier: Snapshot | None = None,
    now: datetime | None = None,
    most_lost: float = MOST_LOST,
    forced: str | None = None,
    match: Match | None = None,
) -> Snapshot:
    """Check a snapshot against the plan and the one before, and keep its bytes.

    Parameters
    ----------
    events, plan, grid, taken_at, earlier, now, most_lost, forced, match
        See `check_snapshot`; the crimes of `earlier` are taken from `blobs`.
    blobs : object with ``put`` and ``get``
        Raw bytes under their SHA-256.

    Returns
    -------
    Snapshot
        Of what is kept now; its record is for the caller to write.

    Raises
    ------
    InputError
        If the snapshot is refused (nothing is kept then), or what is kept has another hash.
    """
    before = None if earlier is None else thaw(blobs.get(earlier.sha256))
    found = check_snapshot(
        events, plan, grid, earlier, taken_at=taken_at, earlier_events=before, now=now, most_lost=most_lost,
        forced=forced, match=match,
    )  # fmt: skip
    data = freeze(events, taken_at)
    snapshot = snapshot_of(data, forced=forced if found.overruled else None)
    kept = blobs.put(data)
    if kept != snapshot.sha256:
        raise InputError(f"The snapshot has the hash {snapshot.sha256}, but was kept under {kept}; keep it again.")
    return snapshot


def _of_time(events: Events, earlier: Snapshot | None, taken_at: datetime, now: datetime | None) -> list[str]:
    at = utc64(taken_at, "taken_at")
    faults = []
    if now is not None and at > utc64(now, "now"):
        faults.append(f"it is said to be taken at {utc_text(taken_at)}, after now ({utc_text(now)})")
    for name, column in (("happened", events.happened), ("recorded", events.recorded)):
        late = 0 if column is None else int((column > at).sum())
        if late:
            faults.append(
                f"{late:,} crime{'s' * (late > 1)} {name} after {utc_text(taken_at)}; give events.known_at(...) of "
                "that moment"
            )
    ends = [end for start, end in events.observed if start < at]
    if not ends:
        faults.append("it tells of no observed time before it was taken; read the crimes with observed=[(start, end)]")
    if earlier is not None:
        if at < utc64(earlier.taken_at, "earlier"):
            faults.append(
                f"it was taken at {utc_text(taken_at)}, before the last one ({utc_text(earlier.taken_at)}); snapshots "
                "are kept in the order of time"
            )
        until = earlier.observed_until
        if ends and until is not None and utc_datetime(max(ends)) < until:
            faults.append(
                f"its observed time ends at {utc_text(utc_datetime(max(ends)))}, that of the last one at "
                f"{utc_text(until)}; if crimes were observed that long, read them with observed=[(start, end)]"
            )
    return faults


def _has(events: Events, kind: str) -> bool:
    return kind in events.kinds and bool((events.kind_code == events.kinds.index(kind)).any())


def _lost(
    events: Events,
    plan: PlanTerms,
    grid: Grid,
    earlier: Snapshot,
    earlier_events: Events | None,
    match: Match | None,
) -> tuple[SnapshotCheck, str]:
    if earlier_events is None:
        fewer = max(earlier.crimes - len(events), 0)
        found = SnapshotCheck(earlier=earlier.crimes, lost=fewer)
        return found, f"at least {fewer:,} of {earlier.crimes:,} crimes are gone"
    if earlier_events.fingerprint != earlier.fingerprint:
        raise InputError(
            "The crimes given as earlier_events are not those of the snapshot before; give what thaw makes of its "
            "bytes."
        )
    place = places(earlier_events, plan, grid)
    pairs = pair_crimes(earlier_events, events, match)
    gone = place.counted.copy()
    gone[pairs.old] = False
    before = np.bincount(place.kind[place.counted], minlength=len(plan.kinds))
    lost = np.bincount(place.kind[gone], minlength=len(plan.kinds))
    by_kind = ", ".join(f"{lost[k]:,} of {before[k]:,} {kind!r}" for k, kind in enumerate(plan.kinds) if before[k])
    found = SnapshotCheck(earlier=int(before.sum()), lost=int(lost.sum()), matched_by=pairs.by)
    told = f"{found.lost:,} of {found.earlier:,} earlier crimes are gone ({by_kind}; told by their {pairs.by})"
    return found, told
