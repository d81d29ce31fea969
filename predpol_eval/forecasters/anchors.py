"""Anchors: the civil days on which slow parts of a forecaster are learnt anew.

A forecaster that is costly to train is trained at anchors, and the nights in between share what was learnt. An anchor
depends on the moment of the forecast alone, never on which nights are asked for together or in which order: so a
forecast from `until` is the same by itself, in a block of nights, and after any interruption.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from predpol_eval.civil_time import localise, span, to_wall
from predpol_eval.errors import InputError

# Multiples of a period are counted from the start of this civil day; a Saturday.
EPOCH = np.datetime64("2000-01-01", "D")


def check_period(period: Any, name: str = "refit") -> None:
    """Refuse a period that is not a number of whole civil days; None is allowed.

    Raises
    ------
    InputError
        If the period cannot be read, or is not of whole days.
    """
    if period is not None and not span(period, name).days:
        raise InputError(
            f"{name}={period!r}; give a number of whole days such as '28D', since it is counted in civil days, or None "
            "to learn anew for every forecast."
        )


def anchor(until: np.datetime64, period: str | None, tz: str) -> np.datetime64:
    """Give the moment at which a forecast from `until` was last learnt.

    Parameters
    ----------
    until : datetime64
        The moment of the forecast, UTC.
    period : str or None
        Whole civil days, such as ``"28D"``; None gives `until` itself.
    tz : str
        IANA zone of the civil days.

    Returns
    -------
    datetime64
        UTC: the latest local midnight at or before `until` that is a whole number of periods from 2000-01-01.

    Raises
    ------
    InputError
        If the period is not of whole days.

    Examples
    --------
    >>> anchor(np.datetime64("2018-05-03T12:00", "ns"), "28D", "America/Toronto")
    np.datetime64('2018-04-28T04:00:00.000000000')
    >>> anchor(np.datetime64("2018-05-03T12:00", "ns"), None, "America/Toronto")
    np.datetime64('2018-05-03T12:00:00.000000000')
    """
    moment = np.array([until], dtype="datetime64[ns]")
    if period is None:
        itself: np.datetime64 = moment[0]
        return itself
    check_period(period)
    days = span(period, "refit").days
    today = to_wall(moment, tz)[0].astype("datetime64[D]")
    number = int((today - EPOCH).astype(np.int64)) // days
    # One later and one earlier: where the clock goes back over midnight, the first of the two midnights counts.
    near = EPOCH + days * np.arange(number - 1, number + 2)
    midnights = localise(near.astype("datetime64[ns]"), tz).utc
    latest: np.datetime64 = midnights[midnights <= moment[0]].max()
    return latest
