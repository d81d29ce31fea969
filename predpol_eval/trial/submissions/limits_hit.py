"""How much a file may hold, looked at before it is read."""

from __future__ import annotations

from typing import Any, Protocol

from predpol_eval.trial.submissions.rows import Unreadable


class Limits(Protocol):
    """How much the plan lets a file hold: bytes, rows (features), vertices of polygons, and nights."""

    @property
    def bytes(self) -> int:
        """Size of the file."""

    @property
    def rows(self) -> int:
        """Rows, the header apart."""

    @property
    def vertices(self) -> int:
        """Points of all polygons together, the closing ones included."""

    @property
    def nights(self) -> int:
        """Different nights."""


# What to do about each, for the message.
_REMEDIES = {
    "bytes": "send fewer rows, or the same as Parquet, which is smaller",
    "rows": "send only the boxes with the highest risk, and fewer nights in a file",
    "vertices": "draw the boxes with fewer corners, and send fewer nights in a file",
    "nights": "send the nights in several files",
}


class LimitHit(Unreadable):
    """A file that holds more than the plan allows.

    Attributes
    ----------
    limit : {"bytes", "rows", "vertices", "nights"}
        Which limit.
    allowed : int
        What the plan allows.
    found : int
        What the file holds, or says it holds; at least so many if counting was stopped.
    """

    def __init__(self, limit: str, allowed: int, found: int) -> None:
        unit = "vertices of polygons" if limit == "vertices" else limit
        super().__init__(f"The file holds {found:,} {unit}; the plan allows {allowed:,}: {_REMEDIES[limit]}.")
        self.limit = limit
        self.allowed = allowed
        self.found = found

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception that crosses to another process is made again from its parts.
        return type(self), (self.limit, self.allowed, self.found)


def refuse_beyond(limit: str, limits: Limits, found: int) -> None:
    """Refuse a file that holds more than allowed.

    Raises
    ------
    LimitHit
        If `found` is over the limit of this name.
    """
    allowed = int(getattr(limits, limit))
    if found > allowed:
        raise LimitHit(limit, allowed, found)
