"""The plan of a rehearsal: the trial's own, with other submitters, and the nights that past crimes tell of."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.outcomes.scope import utc64
from predpol_eval.trial.plan.checking import check_tables, refuse
from predpol_eval.trial.plan.content import make_content, plan_of
from predpol_eval.trial.plan.values import MOST_TEXT

if TYPE_CHECKING:
    from predpol_eval.events import Events
    from predpol_eval.trial.plan import Night, TrialPlan

_NAMED = 5


def rehearsed_plan(
    plan: TrialPlan, labels: Sequence[str], *, first: str | None = None, until: str | None = None
) -> TrialPlan:
    """Make the plan of a rehearsal: all rules stay, but for the vendors and, if asked for, the nights.

    Parameters
    ----------
    plan : TrialPlan
        The trial's own; amendments that it has are in force from the first night of the rehearsal.
    labels : sequence of str
        Of the synthetic vendors.
    first : str, optional
        First night, such as ``"2018-06-01"``; default: the plan's own.
    until : str, optional
        Last night; default: as many nights as the plan has. Looks after it are left out, and the last look is at it.

    Returns
    -------
    TrialPlan
        Its name says what it is, so that its hash is another and nothing that is signed for one fits the other. Where
        labels are other ones than the plan's, the comparisons are the usual ones: every two vendors, and every vendor
        with every in-house map.

    Raises
    ------
    InputError
        If a label is none, is taken, or no night would be left.
    """
    keys = plan.keys
    # A date leaves its table as text.
    begin = _day(first, "first") if first is not None else datetime.date.fromisoformat(keys["nights"]["first"])
    number = int(keys["nights"]["number"])
    if until is not None:
        number = min(number, (_day(until, "until") - begin).days + 1)
        if number < 1:
            raise InputError(f"until={until!r} is before the first night, {begin.isoformat()}; give a later one.")
    keys["trial"]["name"] = f"Rehearsal: {plan.name}"[:MOST_TEXT].rstrip()
    keys["nights"].update(first=begin.isoformat(), number=number)
    keys["test"]["looks"] = [look for look in keys["test"]["looks"] if look < number] + [number]
    if set(labels) != set(plan.vendors):
        keys["test"]["pairs"] = None
    keys["submitters"]["vendors"] = list(labels)
    values, problems = check_tables(keys)
    content = make_content(values, plan.areas_bytes, problems)
    refuse(problems, "The plan of the rehearsal")
    return plan_of(content, canonical_json(content), plan.areas_bytes)


def _day(text: Any, name: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}={text!r} is no night; write it like 2018-06-01.") from error


def refuse_unknown_nights(plan: TrialPlan, events: Events) -> None:
    """Refuse a rehearsal on nights that these crimes do not tell of.

    Raises
    ------
    InputError
        If a night was not observed from its start to its end, or only with doubt; if where crimes were recorded later
        the record ends before the last night has settled; or if there is no time between a cut and its deadline.
    """
    unseen = [night.name for night in plan.nights if not _seen(events, night)]
    if unseen:
        named = ", ".join(unseen[:_NAMED]) + (f" and {len(unseen) - _NAMED:,} more" if len(unseen) > _NAMED else "")
        raise InputError(
            f"These crimes do not tell of {named}: they were observed {_periods(events)}. A rehearsal needs past "
            "nights: give first='...' and until='...', or crimes of that time."
        )
    last = plan.nights[-1]
    if events.recorded is not None and events.observed[-1][1] < utc64(last.settled_from, "settled"):
        raise InputError(
            f"The night {last.name} settles on {last.settled_from.date()}, and these crimes were observed "
            f"{_periods(events)}: what was recorded later of the last nights is not known. Give an earlier until='...'."
        )
    hurried = [night.name for night in plan.nights if not night.cut < night.deadline]
    if hurried:
        raise InputError(
            f"The deadline is at the cut on {hurried[0]}, so that nobody could hand in what was made of the crimes "
            "known by then. Put the deadline later in the plan."
        )


def _seen(events: Events, night: Night) -> bool:
    start, end = utc64(night.start, "start"), utc64(night.end, "end")
    within = any(first <= start and end <= last for first, last in events.observed)
    return within and not any(first < end and start < last for first, last in events.suspect)


def _periods(events: Events) -> str:
    told = [f"from {np.datetime_as_string(a, 'D')} to {np.datetime_as_string(b, 'D')}" for a, b in events.observed]
    return ", ".join(told[:_NAMED]) or "never"
