"""The moment of a record: read from a clock that may have been set back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import utc_moment, utc_text
from predpol_eval.trial.ledger.records import Record, shown

CLOCK_BEHIND = "clock behind"  # kind of the record that says so


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
    if last is not None and last.moment - utc_moment(text) > lag:
        raise InputError(
            f"The clock says {text}, but the last record is of {last.at}: one of the two is wrong, and nothing was "
            "recorded. Set the clock. If it was ahead when that record was made, open the ledger with a greater "
            f"lag= (now {lag}): records then bear that moment, with a note of what the clock said."
        )
    return text


def moment_text(moment: Any, name: str) -> str:
    """Write a moment that was given, or refuse it."""
    if not isinstance(moment, datetime):
        raise InputError(f"{name} is {shown(moment)}; give a datetime with a time zone.")
    try:
        return utc_text(moment)
    except OverflowError as error:
        raise InputError(f"{name} is {moment.isoformat()}, which is no moment in UTC ({error}).") from error
