"""The moment of a record: read from a clock that may have been set back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import utc_moment, utc_text
from predpol_eval.trial.ledger.records import Record, shown

CLOCK_BEHIND = "clock behind"  # kind of the record that says so
LAG = timedelta(minutes=1)  # by which the clock may be behind the last record


def utc_now() -> datetime:
    """The moment by the clock of this machine."""
    return datetime.now(UTC)


def clock_text(clock: Callable[[], datetime], last: Record | None, lag: timedelta) -> str:
    """Read the clock; it may be behind the last record by `lag`.

    Raises
    ------
    InputError
        If it is behind by more: then either it or the last record is wrong, and a person has to say which.
    """
    text = moment_text(clock(), "the clock")
    behind = timedelta() if last is None else last.moment - utc_moment(text)
    if last is not None and behind > lag:
        raise InputError(
            f"The clock says {text}, {told(behind)} before the last record (number {last.number}, {last.kind!r}) of "
            f"{last.at}: one of the two is wrong, and nothing was recorded. If it is the clock, set it. If it was "
            f"ahead when that record was made, no record can be added before {last.at}, since none is dated by "
            "guesswork: wait (`predpol-eval trial wait`), keep what comes in meanwhile, and declare nights void whose "
            "deadline passes."
        )
    return text


def told(length: timedelta) -> str:
    """A length of time in words, rounded up to a second, its two greatest parts.

    Examples
    --------
    >>> told(timedelta(days=2, hours=3, minutes=4)), told(timedelta(microseconds=1)), told(timedelta(0))
    ('2 days 3 hours', '1 second', '0 seconds')
    """
    rest = -(-length // timedelta(seconds=1))
    parts: list[str] = []
    for name, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        number, rest = divmod(rest, seconds)
        if number or parts or name == "second":
            parts.append(f"{number} {name}{'' if number == 1 else 's'}")
    return " ".join(parts[:2])


def moment_text(moment: Any, name: str) -> str:
    """Write a moment that was given, or refuse it."""
    if not isinstance(moment, datetime):
        raise InputError(f"{name} is {shown(moment)}; give a datetime with a time zone.")
    try:
        return utc_text(moment)
    except OverflowError as error:
        raise InputError(f"{name} is {moment.isoformat()}, which is no moment in UTC ({error}).") from error
