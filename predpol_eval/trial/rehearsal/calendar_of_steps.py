"""Everything that happens in a trial, in the order of simulated time: decided by plan, vendors and seed alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from predpol_eval.trial.rehearsal.attempts import CLOSING, Attempt

if TYPE_CHECKING:
    from predpol_eval.trial.plan import Night, TrialPlan
    from predpol_eval.trial.rehearsal.vendors import SyntheticVendor

What = Literal["release", "hand in", "close", "snapshot", "score", "look"]
# Of what falls on one moment, this comes first.
_ORDER = ("snapshot", "score", "look", "release", "hand in", "close")
BETWEEN_SNAPSHOTS, AFTER_A_NIGHT = timedelta(days=7), timedelta(hours=1)


class Step(NamedTuple):
    """One thing to do.

    Attributes
    ----------
    at : datetime
        Simulated moment.
    what : {"release", "hand in", "close", "snapshot", "score", "look"}
    night : str
        Blank where it is of no single night.
    label : str
        Who hands in.
    number : int
        Of the attempt of this evening, or of the look, from 1.
    attempt : Attempt or None
    """

    at: datetime
    what: What
    night: str = ""
    label: str = ""
    number: int = 0
    attempt: Attempt | None = None


def steps_of(plan: TrialPlan, vendors: Mapping[str, SyntheticVendor], seed: int) -> tuple[Step, ...]:
    """List the steps of a rehearsal.

    Parameters
    ----------
    plan : TrialPlan
        That of the rehearsal.
    vendors : mapping of str to SyntheticVendor
        By label, whoever hands in for the house among them.
    seed : int

    Returns
    -------
    tuple of Step
        Every night's crimes are released at its cut, and it is closed half an hour after its deadline. Snapshots are
        taken every seven days, an hour after a night has ended, until the last night has settled; scores follow each,
        and a look is taken as soon as its nights have settled ones.
    """
    steps: list[Step] = []
    for night in plan.nights:
        steps += [Step(night.cut, "release", night.name), Step(night.deadline + CLOSING, "close", night.name)]
        for place, (label, vendor) in enumerate(vendors.items()):
            for number, attempt in enumerate(vendor.evening(night, label, seed).attempts, 1):
                at = attempt.moment(night, place, len(vendors))
                steps.append(Step(at, "hand in", night.name, label, number, attempt))
    moments = _snapshots(plan.nights)
    for at in moments:
        steps += [Step(at, "snapshot"), Step(at, "score")]
    for number, nights in enumerate(plan.test.looks, 1):
        settled = plan.nights[nights - 1].settled_from
        steps.append(Step(next(at for at in moments if at >= settled), "look", number=number))
    return tuple(sorted(steps, key=lambda step: (step.at, _ORDER.index(step.what), step.label, step.number)))


def _snapshots(nights: tuple[Night, ...]) -> list[datetime]:
    last = nights[-1]
    # Where nights settle at once, the last one is still closed before it is scored.
    end = max(last.settled_from, last.end, last.deadline + CLOSING) + AFTER_A_NIGHT
    at, moments = nights[0].end + AFTER_A_NIGHT, []
    while at < end:
        moments.append(at)
        at += BETWEEN_SNAPSHOTS
    return [*moments, end]
