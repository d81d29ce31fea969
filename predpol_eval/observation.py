"""The periods in which crimes were observed: no record in a gap does not mean no crime."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray, days_between, localise, moment, to_wall
from predpol_eval.errors import InputError

Period = tuple[np.datetime64, np.datetime64]
Periods = tuple[Period, ...]


def read_periods(observed: Iterable[Any], tz: str) -> Periods:
    """Check periods given as ``[(start, end), ...]`` of civil dates or times; touching ones are joined.

    Raises
    ------
    InputError
        If there is none, or one is empty, reversed, or overlaps another.
    """
    pairs: list[Period] = []
    for number, pair in enumerate(observed):
        try:
            start, end = pair
        except (TypeError, ValueError) as error:
            raise InputError(
                f"observed[{number}] is {pair!r}; give pairs such as ('2015-02-01', '2018-05-01'), end excluded."
            ) from error
        first = moment(start, tz, f"observed[{number}] start")
        last = moment(end, tz, f"observed[{number}] end")
        if not first < last:
            raise InputError(f"observed[{number}] ends at {end}, not after its start {start}.")
        pairs.append((first, last))
    if not pairs:
        raise InputError("observed has no period; give at least one pair, for instance [('2015-02-01', '2018-05-01')].")
    pairs.sort()
    joined = [pairs[0]]
    for first, last in pairs[1:]:
        if first < joined[-1][1]:
            raise InputError(f"The observed periods overlap at {first} (UTC); give each stretch of time once.")
        if first == joined[-1][1]:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return tuple(joined)


def first_to_last_day(times: TimeArray, tz: str) -> Periods:
    """The civil days from that of the first time to that of the last, both included."""
    wall = to_wall(np.array([times.min(), times.max()]), tz).astype("datetime64[D]")
    wall[1] += np.timedelta64(1, "D")
    start, end = localise(wall.astype("datetime64[ns]"), tz).utc
    return ((start, end),)


def clip(periods: Periods, start: np.datetime64 | None, end: np.datetime64 | None) -> Periods:
    """The parts of `periods` within ``[start, end)``."""
    result = []
    for first, last in periods:
        low = first if start is None else max(first, start)
        high = last if end is None else min(last, end)
        if low < high:
            result.append((low, high))
    return tuple(result)


def total_days(periods: Periods) -> float:
    """Their length in elapsed days."""
    return float(sum(days_between(first, last) for first, last in periods))


def covered(periods: Periods, start: TimeArray, end: TimeArray) -> npt.NDArray[np.bool_]:
    """Which of the intervals ``[start, end)`` lie wholly within one period."""
    result = np.zeros(len(start), dtype=bool)
    for first, last in periods:
        result |= (start >= first) & (end <= last)
    return result


def contains(periods: Periods, times: TimeArray) -> npt.NDArray[np.bool_]:
    """Which moments lie in a period."""
    result = np.zeros(len(times), dtype=bool)
    for first, last in periods:
        result |= (times >= first) & (times < last)
    return result


def describe(periods: Periods, tz: str, limit: int = 4) -> str:
    """Periods in words, by the wall clock of `tz`."""
    parts = []
    for first, last in periods[:limit]:
        a, b = to_wall(np.array([first, last]), tz).astype("datetime64[m]")
        parts.append(f"{str(a).replace('T00:00', '')} to {str(b).replace('T00:00', '')}")
    more = len(periods) - limit
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")
