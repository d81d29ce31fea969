"""Checks of risks and ranks, of boxes named twice, and of what is missing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from predpol_eval.trial.submissions.cell_names import cell_name
from predpol_eval.trial.submissions.checks import MOST_FAULTS, Found
from predpol_eval.trial.submissions.context import Case, Fault, FloatArray, IntArray, Mask, Skip


def risk_number(case: Case) -> Found:
    """Find risks that are infinite or below 0."""
    if case.risk is None:
        return Skip("the file gives no risks")
    found = []
    if np.isinf(case.risk).any():
        found.append(case.fault("Risks are infinite.", np.isinf(case.risk)))
    below = (case.risk < 0) & np.isfinite(case.risk)
    if below.any():
        found.append(case.fault(f"Risks are below 0, down to {case.risk[below].min():.6g}.", below))
    return found


def rank_number(case: Case) -> Found:
    """Find ranks that are no whole numbers from 1."""
    if case.rank is None:
        return Skip("the file gives no ranks")
    with np.errstate(invalid="ignore"):
        wrong = ~np.isnan(case.rank) & ~((case.rank >= 1) & (case.rank == np.floor(case.rank)) & (case.rank < 2**53))
    if not wrong.any():
        return []
    first = case.rank[np.flatnonzero(wrong)[0]]
    return [case.fault(f"Ranks are not whole numbers from 1, the first is {first:.10g}.", wrong)]


class _Twice(NamedTuple):
    """Rows by night, kind, cell and values: which are of the same box as the one before, and which the same row."""

    order: IntArray
    box: Mask
    row: Mask


def _twice(case: Case) -> _Twice:
    where = np.flatnonzero(case.known)
    kinds, cells = len(case.plan.kinds), case.grid.mask.size
    box = ((case.night * kinds + case.kind) * cells + case.cell)[where]
    # A blank is a value like any other here; -1 is none that a rank or a risk may have.
    numbers = [
        np.nan_to_num(values[where], nan=-1.0) if values is not None else np.zeros(len(where))
        for values in (case.risk, case.rank)
    ]
    order = np.lexsort((where, *numbers, box))
    same_box, same_row = np.zeros(len(where), dtype=np.bool_), np.zeros(len(where), dtype=np.bool_)
    same_box[1:] = box[order][1:] == box[order][:-1]
    same_row[1:] = same_box[1:]
    for values in numbers:
        same_row[1:] &= values[order][1:] == values[order][:-1]
    return _Twice(where[order], same_box, same_row)


def duplicates(case: Case) -> Found:
    """Find boxes that are named twice with the same values."""
    found = _twice(case)
    return _repeated(case, found.order, found.row, "Rows name a box again with the same values")


def conflicts(case: Case) -> Found:
    """Find boxes that are named twice with different values."""
    found = _twice(case)
    return _repeated(case, found.order, found.box & ~found.row, "Rows name a box again with another rank or risk")


def _repeated(case: Case, order: IntArray, again: Mask, text: str) -> Found:
    if not again.any():
        return []
    # With each row that repeats another, that other one.
    both = again.copy()
    both[:-1] |= again[1:]
    first = int(order[np.flatnonzero(again)][np.argmin(case.rows.row[order[again]])])
    scope, name = case.scope_name(int(case.scope[first])), cell_name(case.grid, int(case.cell[first]))
    return [case.fault(f"{text}, first {name} ({scope}).", order[both])]


class _Ranked(NamedTuple):
    """Rows by scope and rank; whether each begins its scope, and whether its risk is that of the row before."""

    order: IntArray
    begins: Mask
    tied: Mask
    rank: FloatArray


def _ranked(case: Case, rank: FloatArray, scope: IntArray, scopes: int) -> _Ranked:
    from predpol_eval.kernels import ranking

    risk = case.risk
    order = np.lexsort((np.zeros(case.many) if risk is None else -risk, rank)).astype(np.int64)
    # Risks are tied where a ranking by risk would tie them: to 12 significant digits.
    key = np.arange(case.many, dtype=np.float64) if risk is None else risk
    dealt, start, tied = ranking.by_scope(order, key, scope, scopes)
    begins = np.zeros(len(dealt), dtype=np.bool_)
    begins[start[:-1][start[:-1] < len(dealt)]] = True
    return _Ranked(dealt, begins, tied & (risk is not None), rank[dealt])


def rank_order(case: Case) -> Found:
    """Find gaps, and ties that are none.

    After a tie both ways of counting on are good: 1, 2, 2, 3 and 1, 2, 2, 4.
    """
    if case.rank is None:
        return Skip("the file gives no ranks")
    by_area = _order_faults(case, case.rank, case.scope, case.scopes)
    if case.area_column is not None or not by_area:
        return by_area
    # A file without areas may have ranked the whole city in one.
    wide = len(case.plan.areas)
    by_city = _order_faults(case, case.rank, np.where(case.scope >= 0, case.scope // wide, -1), case.scopes // wide)
    return [] if not by_city else by_area


def _order_faults(case: Case, rank: FloatArray, scope: IntArray, scopes: int) -> list[Fault]:
    ranked = _ranked(case, rank, scope, scopes)
    place = np.arange(len(ranked.order))
    since = place - np.maximum.accumulate(np.where(ranked.begins, place, 0)) + 1
    before = np.concatenate(([0.0], ranked.rank[:-1]))
    before[ranked.begins] = 0.0
    again = (ranked.rank == before) & ~ranked.begins
    gap = ~again & (ranked.rank != before + 1) & (ranked.rank != since)
    found = []
    for where in np.flatnonzero(gap)[:MOST_FAULTS]:
        row = int(ranked.order[where])
        after = f"after {before[where]:.0f}" if before[where] else "first"
        text = f"Ranks are missing: {ranked.rank[where]:.0f} comes {after} ({case.scope_name(int(case.scope[row]))})."
        found.append(case.fault(text, [row]))
    if gap.sum() > MOST_FAULTS:
        found.append(
            case.fault("Ranks are missing in further places.", ranked.order[np.flatnonzero(gap)[MOST_FAULTS:]])
        )
    wrong = again & ~ranked.tied
    if wrong.any():
        both = wrong.copy()
        both[:-1] |= wrong[1:]
        first = int(ranked.order[wrong][0])
        with_risk = "though their risks differ" if case.risk is not None else "and no risk says that they are equal"
        name = case.scope_name(int(case.scope[first]))
        text = f"Boxes have the same rank {with_risk}, first rank {rank[first]:.0f} ({name})."
        found.append(case.fault(text, ranked.order[both]))
    return found


def rank_and_risk(case: Case) -> Found:
    """Find boxes with a higher risk than one ranked before them."""
    if case.rank is None or case.risk is None:
        return Skip("the file does not give both ranks and risks")
    ranked = _ranked(case, case.rank, case.scope, case.scopes)
    risk = case.risk[ranked.order]
    rises = np.zeros(len(risk), dtype=np.bool_)
    rises[1:] = (risk[1:] > risk[:-1]) & ~ranked.begins[1:] & ~ranked.tied[1:]
    if not rises.any():
        return []
    first = int(np.flatnonzero(rises)[0])
    text = (
        f"Boxes have a higher risk than one with a better rank, first rank {ranked.rank[first]:.0f} with risk "
        f"{risk[first]:.6g} after {risk[first - 1]:.6g} ({case.scope_name(int(case.scope[ranked.order[first]]))})."
    )
    return [case.fault(text, ranked.order[rises])]


def rank_within_ties(case: Case) -> Found:
    """Find ranks that tell boxes of the same risk apart."""
    if case.rank is None or case.risk is None:
        return Skip("the file does not give both ranks and risks")
    ranked = _ranked(case, case.rank, case.scope, case.scopes)
    apart = np.zeros(len(ranked.order), dtype=np.bool_)
    apart[1:] = ranked.tied[1:] & (ranked.rank[1:] != ranked.rank[:-1])
    if not apart.any():
        return []
    return [
        case.fault("Boxes have different ranks but risks that agree to 12 significant digits.", ranked.order[apart])
    ]


def _listed(case: Case) -> IntArray:
    """Boxes of every night, kind and area."""
    return np.bincount(case.scope[case.scope >= 0], minlength=case.scopes).astype(np.int64)


def covered(case: Case) -> Found:
    """Find kinds and areas that nothing is said about."""
    if case.of_boxes:
        from predpol_eval.trial.submissions.laying_out import ground_used

        missing = np.flatnonzero(ground_used(case) <= 0)
    else:
        missing = np.flatnonzero(_listed(case) == 0)
    found = [Fault(f"Nothing is flagged: {case.scope_name(int(scope))}.") for scope in missing[:MOST_FAULTS]]
    if len(missing) > MOST_FAULTS:
        found.append(Fault(f"Nothing is flagged in {len(missing) - MOST_FAULTS:,} further combinations."))
    return found


def enough_boxes(case: Case) -> Found:
    """Find kinds and areas with fewer boxes than can be patrolled."""
    listed = _listed(case)
    least = np.tile(case.ground.least(case.plan.k), case.scopes // len(case.plan.areas))
    few = np.flatnonzero((listed > 0) & (listed < least))
    found = [
        Fault(f"{listed[scope]} of {least[scope]} boxes are listed: {case.scope_name(int(scope))}.")
        for scope in few[:MOST_FAULTS]
    ]
    if len(few) > MOST_FAULTS:
        found.append(Fault(f"Boxes are missing in {len(few) - MOST_FAULTS:,} further combinations."))
    return found


def told_apart(case: Case) -> Found:
    """Find kinds and areas where more boxes than can be patrolled all have the same risk."""
    if case.risk is None:
        return Skip("the file gives no risks")
    from predpol_eval.kernels import ranking

    _, start, tied = ranking.by_scope(np.argsort(-case.risk, kind="stable"), case.risk, case.scope, case.scopes)
    together = np.concatenate(([0], np.cumsum(tied)))
    listed = np.diff(start)
    alike = together[start[1:]] - together[start[:-1]] == listed - 1
    flat = np.flatnonzero(alike & (listed > case.plan.k))
    found = [
        case.fault(
            f"All {listed[scope]:,} boxes have the same risk: {case.scope_name(int(scope))}.", case.scope == scope
        )
        for scope in flat[:MOST_FAULTS]
    ]
    if len(flat) > MOST_FAULTS:
        found.append(Fault(f"All risks are the same in {len(flat) - MOST_FAULTS:,} further combinations."))
    return found


def another_night(case: Case) -> Found:
    """Compare what is predicted with other nights."""
    prints = {night: case.predictions.fingerprint(night) for night in case.nights}
    found = []
    for number, night in enumerate(case.nights):
        others = [other for other in case.nights[:number] if prints[other] == prints[night]]
        others += [other for other, told in sorted(case.earlier.items()) if told == prints[night] and other != night]
        if others:
            found.append(Fault(f"What is predicted for {night} is the same as for {others[0]}."))
    return found[:MOST_FAULTS]
