"""The nights of a trial: windows, cuts and deadlines by the wall clock, kept as UTC so that nobody has to guess."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import utc_moment, utc_text
from predpol_eval.trial.plan.values import length_minutes, minutes_of

if TYPE_CHECKING:
    from predpol_eval.schedule import Windows
    from predpol_eval.trial.plan.plan import TrialPlan

MOMENTS = ("start", "end", "cut", "deadline", "settled_from")
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One night of a trial; all moments are UTC.

    Attributes
    ----------
    number : int
        From 0.
    name : str
        Civil date on which the window starts, such as "2018-07-01".
    start, end : datetime
        Window, end excluded.
    cut : datetime
        Only crimes recorded before it are given out.
    deadline : datetime
        Until when predictions must be in.
    settled_from : datetime
        From when on its crimes count as settled: by the wall clock so many days after the end of the window.
    """

    number: int
    name: str
    start: datetime
    end: datetime
    cut: datetime
    deadline: datetime
    settled_from: datetime

    def to_dict(self) -> dict[str, Any]:
        """Plain content, moments as records have them."""
        return {"number": self.number, "name": self.name} | {
            moment: utc_text(getattr(self, moment)) for moment in MOMENTS
        }

    @classmethod
    def from_dict(cls, content: Any) -> Night:
        """Read what `to_dict` gave.

        Raises
        ------
        InputError
            If it is anything else.
        """
        if (
            not isinstance(content, Mapping)
            or set(content) != {"number", "name", *MOMENTS}
            or not isinstance(content["number"], int)
            or not isinstance(content["name"], str)
        ):
            raise InputError(f"A night is kept as number, name, {', '.join(MOMENTS)}; found {str(content)[:100]}.")
        moments = {moment: utc_moment(content[moment]) for moment in MOMENTS}
        return cls(number=content["number"], name=content["name"], **moments)


def make_nights(nights: Mapping[str, Any], tz: str) -> tuple[Night, ...]:
    """Make the nights from times of day, as the table [nights] of a plan keeps them.

    A moment that a clock change skips lies at the moment of the change; of one that occurs twice the earlier is meant.
    The hands of the clock move by the horizon, so that a window may have 23 or 25 hours.

    Parameters
    ----------
    nights : mapping
        The keys of [nights], all of them.
    tz : str
        IANA zone.

    Returns
    -------
    tuple of Night
        Whether they make sense is asked of `faults_of`.

    Examples
    --------
    >>> told = {"first": "2018-07-01", "number": 1, "at": "20:00", "horizon": "1D", "cut": "17:00",
    ...         "cut_days_before": 0, "deadline": "19:00", "deadline_days_before": 0, "settling_days": 28}
    >>> (night,) = make_nights(told, "Europe/London")
    >>> night.name, night.deadline.isoformat(), night.settled_from.isoformat()
    ('2018-07-01', '2018-07-01T18:00:00+00:00', '2018-07-30T19:00:00+00:00')
    """
    from predpol_eval.civil_time import localise

    day = np.datetime64(nights["first"], "D") + np.arange(nights["number"])
    start = day + _minutes(minutes_of(nights["at"]))
    end = start + _minutes(length_minutes(nights["horizon"]))
    wall = {
        "start": start,
        "end": end,
        "cut": day - np.timedelta64(nights["cut_days_before"], "D") + _minutes(minutes_of(nights["cut"])),
        "deadline": day
        - np.timedelta64(nights["deadline_days_before"], "D")
        + _minutes(minutes_of(nights["deadline"])),
        "settled_from": end + np.timedelta64(nights["settling_days"], "D"),
    }
    moments = {name: _moments(localise(times.astype("datetime64[ns]"), tz).utc) for name, times in wall.items()}
    return tuple(
        Night(number=number, name=str(name), **{moment: moments[moment][number] for moment in MOMENTS})
        for number, name in enumerate(day)
    )


def _minutes(number: int) -> np.timedelta64:
    return np.timedelta64(number, "m")


def _moments(utc: npt.NDArray[np.datetime64]) -> list[datetime]:
    return [moment.replace(tzinfo=UTC) for moment in utc.astype("datetime64[us]").tolist()]


def faults_of(nights: Sequence[Night]) -> list[str]:
    """What cannot be meant about some nights, in a row; each fault names its nights."""
    problems = []
    empty = [night.name for night in nights if not night.start < night.end]
    if empty:
        problems.append(
            f"[nights] The window has no length on {_listed(empty)}: a clock change skips it. Choose another at or a "
            "longer horizon."
        )
    overlapping = [night.name for night, after in pairwise(nights) if night.end > after.start]
    if overlapping:
        problems.append(
            f"[nights] The window runs into the next night's on {_listed(overlapping)}, so that crimes would count "
            "twice. Choose a shorter horizon."
        )
    late_cut = [night.name for night in nights if night.cut > night.deadline]
    if late_cut:
        problems.append(
            f"[nights] The cut is after the deadline on {_listed(late_cut)}: vendors would get their data too late. "
            "Put the cut earlier (cut, cut_days_before), or the deadline later."
        )
    late = [night.name for night in nights if night.deadline > night.start]
    if late:
        problems.append(
            f"[nights] The deadline is after the start of the window on {_listed(late)}: crimes could be predicted "
            "that have happened. Put it earlier (deadline, or deadline_days_before = 1 for the evening before)."
        )
    return problems


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more nights" if more > 0 else "")


def windows_of(plan: TrialPlan, nights: Iterable[Night] | None = None) -> Windows:
    """Windows of a plan's nights, each forecast from what was known at its cut.

    Parameters
    ----------
    plan : TrialPlan
    nights : iterable of Night, optional
        Some of its nights; default: all.

    Returns
    -------
    Windows
        With ``until`` = cut.
    """
    from predpol_eval.schedule import Windows

    chosen = plan.nights if nights is None else tuple(nights)

    def column(moment: str) -> npt.NDArray[np.datetime64]:
        # Of no night, too, these are moments.
        return np.array([getattr(night, moment).replace(tzinfo=None) for night in chosen], dtype="datetime64[ns]")

    return Windows(column("start"), column("end"), column("cut"), plan.tz)
