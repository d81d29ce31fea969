"""Amendments: dated records with a reason that change a locked plan from a night on; nothing is ever edited."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from predpol_eval.errors import InputError, PlanLockedError
from predpol_eval.trial.canonical import canonical_json, utc_moment, utc_text
from predpol_eval.trial.plan.amendment_records import Amendment, Change
from predpol_eval.trial.plan.checking import check_tables, refuse
from predpol_eval.trial.plan.content import plan_of
from predpol_eval.trial.plan.keys import BASELINES_FIXED, KEYS, read_key, unknown_key, unknown_table
from predpol_eval.trial.plan.nights import Night, faults_of, make_nights
from predpol_eval.trial.plan.plan import TrialPlan
from predpol_eval.trial.plan.reading import load_plan
from predpol_eval.trial.plan.values import shown
from predpol_eval.trial.plan.versions import UNKNOWN, zones_of

MOST_REASON = 2_000
# Which moment of a night each key of [nights] that can be amended moves.
_MOVES = {
    "cut": "cut",
    "cut_days_before": "cut",
    "deadline": "deadline",
    "deadline_days_before": "deadline",
    "settling_days": "settled_from",
}


def amend(plan: TrialPlan, changes: Mapping[str, Any], *, reason: str, at: datetime) -> tuple[TrialPlan, Amendment]:
    """Change a locked plan by a dated record.

    It holds from the first night whose cut, as it was and as it will be, still lies ahead. What decides what is
    predicted, counted, compared or promised cannot be amended.

    Parameters
    ----------
    plan : TrialPlan
        With the amendments before.
    changes : mapping
        Tables and keys as in a plan, such as ``{"nights": {"deadline": "18:30"}}``.
    reason : str
        Why; it is told in the report.
    at : datetime
        When, with a time zone; not before the amendment before.

    Returns
    -------
    plan : TrialPlan
        The plan in force, with another hash.
    amendment : Amendment

    Raises
    ------
    InputError
        If the changes cannot be read, or do not fit the rest of the plan.
    PlanLockedError
        If something may not be amended, or no night is left; with all reasons.
    """
    return _amend(plan, changes, reason, at, None)


def apply(canonical: bytes, amendments: Iterable[Amendment], *, areas: bytes, sha256: str | None = None) -> TrialPlan:
    """Give the plan in force after all amendments, each of which is made again and compared with its record.

    Parameters
    ----------
    canonical : bytes
        The plan as it was locked.
    amendments : iterable of Amendment
        In their order.
    areas : bytes
        The file of areas.
    sha256 : str, optional
        The hash that the plan as it was locked must have.

    Raises
    ------
    PlanLockedError
        If one belongs to another plan, is out of turn, or was changed.
    """
    plan = load_plan(canonical, areas, sha256=sha256)
    for amendment in amendments:
        if amendment.plan != plan.sha256:
            raise PlanLockedError(
                f"Amendment {amendment.number} changes the plan {amendment.plan}, but the plan in force before it is "
                f"{plan.sha256}: an amendment is missing, out of turn, or was changed."
            )
        changes: dict[str, dict[str, Any]] = {}
        for one in amendment.changes:
            changes.setdefault(one.table, {})[one.key] = one.new
        after, made = _amend(plan, changes, amendment.reason, amendment.at, amendment)
        if made.to_bytes() != amendment.to_bytes():
            raise PlanLockedError(f"Amendment {amendment.number} was changed: made again, it is another.")
        plan = after
    return plan


def _amend(
    plan: TrialPlan, changes: Mapping[str, Any], reason: str, at: datetime, record: Amendment | None
) -> tuple[TrialPlan, Amendment]:
    """Amend; where the time zone database here is another, the nights are those of the record."""
    moment = utc_moment(utc_text(at))
    _refuse_without_reason(reason)
    _refuse_earlier(plan, moment)
    keys = plan.keys
    found = _changes(keys, changes)
    for one in found:
        keys[one.table][one.key] = one.new
    values, problems = check_tables(keys)
    refuse(problems, "The amended plan")
    zones = zones_of(plan.tz)
    elsewhere = record is not None and (record.zones != zones or zones == UNKNOWN)
    nights = _nights(plan, found, values["nights"], record.nights if record is not None and elsewhere else None)
    since = _first_open(plan.nights, nights, moment, None if record is None else record.number_from)
    nights = plan.nights[:since] + nights[since:]
    refuse(faults_of(nights[since:]), "The amended plan")
    _refuse_past_looks(plan, values["test"]["looks"], moment)
    amendment = Amendment(
        number=len(plan.amendments) + 1,
        plan=plan.sha256,
        at=moment,
        reason=reason,
        changes=tuple(found),
        night=nights[since].name,
        number_from=since,
        nights=tuple(new for new, old in zip(nights, plan.nights, strict=True) if new != old),
        zones=zones if record is None else record.zones,
    )
    content = json.loads(plan.canonical)
    content |= {
        "keys": values,
        "nights": [night.to_dict() for night in nights],
        "amended": {"number": amendment.number, "by": amendment.sha256},
    }
    return plan_of(content, canonical_json(content), plan.areas_bytes, plan, amendment), amendment


def _refuse_without_reason(reason: Any) -> None:
    if not isinstance(reason, str) or not reason.strip() or len(reason) > MOST_REASON:
        raise InputError(
            f"The reason is {shown(reason)}; say in up to {MOST_REASON:,} signs why the plan is amended. It is told in "
            "the report."
        )


def _refuse_earlier(plan: TrialPlan, at: datetime) -> None:
    last = plan.amendment
    if last is not None and at < last.at:
        raise InputError(
            f"The amendment is dated {utc_text(at)}, before amendment {last.number} of {utc_text(last.at)}; give the "
            "time at which it is made."
        )


def _changes(keys: Mapping[str, Mapping[str, Any]], changes: Mapping[str, Any]) -> list[Change]:
    """Changes that may be made, read; or all that is wrong with them."""
    problems, locked, found = [], [], []
    for table, given in changes.items():
        if table not in KEYS:
            problems.append(unknown_table(str(table)))
        elif not isinstance(given, Mapping):
            problems.append(f"{table} is {shown(given)}; write it as a table, [{table}].")
        elif table == "baselines":
            locked.append(f"[baselines] cannot be amended: {BASELINES_FIXED}.")
        else:
            for key, value in given.items():
                if key not in KEYS[table]:
                    problems.append(unknown_key(table, key))
                elif fixed := KEYS[table][key].fixed:
                    locked.append(f"[{table}] {key} cannot be amended: {fixed}.")
                else:
                    try:
                        new = read_key(table, key, value)
                    except InputError as error:
                        problems.append(str(error))
                        continue
                    if new != keys[table][key]:
                        found.append(Change(table=table, key=key, old=keys[table][key], new=new))
    if locked:
        raise PlanLockedError("\n".join([*locked, *problems]))
    refuse(problems, "The amendment")
    if not found:
        raise InputError("The amendment changes nothing: give the keys that are to be other than they are.")
    # The order in which they were given decides nothing.
    return sorted(found, key=lambda one: (list(KEYS).index(one.table), list(KEYS[one.table]).index(one.key)))


def _nights(
    plan: TrialPlan, changes: Sequence[Change], told: Mapping[str, Any], moved: Sequence[Night] | None
) -> tuple[Night, ...]:
    """All nights as they would be after the changes; a moment that no change touches stays what it was."""
    moments = {_MOVES[one.key] for one in changes if one.table == "nights"}
    if not moments:
        return plan.nights
    if moved is None:
        made: Sequence[Night] = make_nights(told, plan.tz)
    else:
        by_number = {night.number: night for night in moved}
        made = [by_number.get(night.number, night) for night in plan.nights]
    return tuple(
        replace(old, **{name: getattr(new, name) for name in moments})
        for old, new in zip(plan.nights, made, strict=True)
    )


def _first_open(old: Sequence[Night], new: Sequence[Night], at: datetime, recorded: int | None) -> int:
    """The first night of those of which nothing has begun, as they were or as they will be.

    A record, which holds only the nights that it moves, tells itself from which night on; it may not be an earlier one.
    """
    begun = [
        night.number for night, after in zip(old, new, strict=True) if min(night.cut, after.cut, after.deadline) <= at
    ]
    since = max(begun, default=-1) + 1
    if since >= len(old):
        raise PlanLockedError(
            f"No night is left to amend: the cut of the last one, {old[-1].name}, has passed (or would have). Nights "
            "of which the cut has passed never change."
        )
    if recorded is None:
        return since
    if not since <= recorded < len(old):
        raise PlanLockedError(
            f"An amendment of {utc_text(at)} cannot hold from night number {recorded:,}: the first night whose cut "
            f"still lies ahead is number {since:,} of {len(old):,}."
        )
    return recorded


def _refuse_past_looks(plan: TrialPlan, looks: Sequence[int], at: datetime) -> None:
    """Looks that may have been taken stay; others may be moved, as long as no result of them is known."""
    settled = sum(night.settled_from <= at for night in plan.nights)
    before = [look for look in plan.test.looks if look <= settled]
    after = [look for look in looks if look <= settled]
    if before != after:
        raise PlanLockedError(
            f"[test] looks: {settled:,} nights are settled by now, so looks up to {settled:,} cannot be added, moved "
            f"or left out; they are {', '.join(map(str, before)) or 'none'}."
        )
