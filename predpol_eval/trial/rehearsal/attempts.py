"""What a synthetic vendor hands in: a file, at some moment, signed in some way, and what should become of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from predpol_eval.trial.rehearsal.listed_file import Listed

if TYPE_CHECKING:
    from predpol_eval.trial.plan import Night

When = Literal["in time", "last minute", "late", "after closing"]
Signing = Literal["own", "none", "other key", "other file", "used number"]

# The office closes a night so long after its deadline.
CLOSING = timedelta(minutes=30)
LATE, MORNING = timedelta(minutes=10), timedelta(hours=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One file that is handed in.

    Attributes
    ----------
    when : {"in time", "last minute", "late", "after closing"}
    spoil : function or None
        Makes the bytes of a malformed file of what would have been a good one.
    signing : {"own", "none", "other key", "other file", "used number"}
        With the vendor's own key, or how not.
    outcome : str
        What should become of it: ``"accepted"``, ``"late"``, ``"rejected"`` or ``"refused"``.
    by : str
        The check that should reject it, or the code under which its signature should be refused.
    """

    when: When = "in time"
    spoil: Callable[[Listed], bytes] | None = None
    signing: Signing = "own"
    outcome: str = "accepted"
    by: str = ""

    def moment(self, night: Night, place: int, number: int) -> datetime:
        """When it is handed in.

        Parameters
        ----------
        night : Night
        place, number : int
            Submitters come one after the other: this one's place, from 0, and how many there are.
        """
        span = night.deadline - night.cut
        if self.when == "in time":
            return night.cut + span * (0.2 + 0.6 * (place + 1) / (number + 1))
        if self.when == "last minute":
            return night.cut + span * (0.9 + 0.05 * (place + 1) / (number + 1))
        return (night.deadline + LATE) if self.when == "late" else (night.deadline + MORNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How an evening may go for a vendor.

    Attributes
    ----------
    name : str
    sentence : str
    attempts : tuple of Attempt
        In the order of time.
    stands : str
        What the closing should say: ``"in"``, ``"missing"``, ``"late"`` or ``"rejected"``.
    """

    name: str
    sentence: str
    attempts: tuple[Attempt, ...]
    stands: str


IN_TIME = Way(
    name="in time", sentence="A good file is handed in before the deadline.", attempts=(Attempt(),), stands="in"
)
