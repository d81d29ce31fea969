"""A clock that was ahead when records were made: nothing can be recorded until the true time has come to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from predpol_eval.trial.canonical import utc_moment, utc_text
from predpol_eval.trial.folder import Trial

LONGEST_PAUSE = 60.0  # seconds: the clock may be set while somebody waits


def behind(trial: Trial) -> timedelta:
    """By how much the clock is behind the last record; zero if it is not.

    Parameters
    ----------
    trial : Trial
    """
    with trial.ledger(read_only=True) as ledger:
        last = ledger.head.moment
    # In the form of records, which leave out nothing of a moment.
    return max(timedelta(), last - utc_moment(utc_text(trial.clock())))


def wait(
    trial: Trial, *, pause: Callable[[float], None] = time.sleep, say: Callable[[timedelta], None] | None = None
) -> timedelta:
    """Wait until the clock has come to the last record, so that records bear the moment at which they are made.

    Receipts are never dated by guesswork: what came in meanwhile is handed in afterwards, and a night whose deadline
    has passed is declared void.

    Parameters
    ----------
    trial : Trial
    pause : callable
        Waits for so many seconds.
    say : callable, optional
        Is told, before every pause, how long there is to wait.

    Returns
    -------
    timedelta
        By how much the clock was behind at first.
    """
    first = left = behind(trial)
    while left > timedelta():
        if say is not None:
            say(left)
        pause(min(left.total_seconds(), LONGEST_PAUSE))
        left = behind(trial)
    return first
