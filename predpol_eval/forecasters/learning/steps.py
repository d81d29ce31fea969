"""Civil time cut into steps: what a regression is trained on one at a time, and what longer windows are made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval import observation
from predpol_eval.civil_time import TimeArray, days_between, localise, to_wall
from predpol_eval.events import Events
from predpol_eval.forecasters.anchors import EPOCH
from predpol_eval.schedule import Windows


def edges(first: np.datetime64, last: np.datetime64, days: int, tz: str) -> TimeArray:
    """Midnights a whole number of steps from the epoch, from the latest at or before `first` to one at or after `last`.

    Examples
    --------
    >>> low, high = np.datetime64("2018-05-01T10", "ns"), np.datetime64("2018-05-02T10", "ns")
    >>> edges(low, high, 1, "UTC").astype("datetime64[D]").tolist()
    [datetime.date(2018, 5, 1), datetime.date(2018, 5, 2), datetime.date(2018, 5, 3)]
    """
    wall = to_wall(np.array([first, last]), tz).astype("datetime64[D]")
    low, high = (int(number) // days for number in (wall - EPOCH).astype(np.int64))
    # One to spare at both ends, where a clock change moves a midnight.
    midnights = EPOCH + days * np.arange(low - 1, high + 3)
    found = np.unique(localise(midnights.astype("datetime64[ns]"), tz).utc)
    start = np.searchsorted(found, first, side="right") - 1
    stop = np.searchsorted(found, last, side="left")
    return np.asarray(found[start : stop + 1])


def training_windows(
    events: Events, until: np.datetime64, start: np.datetime64 | None, settled: np.datetime64, days: int
) -> Windows:
    """The steps to learn from: over by `settled`, begun at or after `start`, and wholly in observed time.

    Each is forecast from its own beginning.
    """
    if not events.observed:
        none = np.empty(0, dtype="datetime64[ns]")
        return Windows(none, none.copy(), none.copy(), events.tz)
    begin = events.observed[0][0] if start is None else max(start, events.observed[0][0])
    cuts = edges(min(begin, until), until, days, events.tz)
    first, last = cuts[:-1], cuts[1:]
    use = (first >= begin) & (last <= settled) & observation.covered(events.observed, first, last)
    for low, high in events.suspect:
        use &= ~((first < high) & (last > low))
    # Nothing is known at the very beginning of observation.
    use &= first > events.observed[0][0]
    return Windows(first[use], last[use], first[use].copy(), events.tz)


class Pieces(NamedTuple):
    """Windows cut at the edges of steps: the windows to ask the features about, and how many days each counts for."""

    asked: Windows
    window: npt.NDArray[np.int64]
    days: npt.NDArray[np.float64]


def pieces(windows: Windows, days: int, *, daily: bool) -> Pieces:
    """Cut windows into pieces, in the order of `until`.

    A piece stands for its whole step (from `until` on, where that lies within it), so that the forecast of a long
    window is the sum of those of its parts. Where nothing differs from day to day, one piece does for the window.
    """
    cuts = edges(windows.start.min(), windows.end.max(), days, windows.tz)
    first = np.searchsorted(cuts, windows.start, side="right") - 1
    stop = np.searchsorted(cuts, windows.end, side="left") if daily else first + 1
    number = stop - first
    window = np.repeat(np.arange(len(windows)), number)
    step = np.repeat(first, number) + np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    until = windows.until[window]
    if daily:
        low = np.maximum(cuts[step], windows.start[window])
        length = np.asarray(days_between(low, np.minimum(cuts[step + 1], windows.end[window])))
    else:
        length = windows.days[window]
    order = np.argsort(until, kind="stable")
    asked = Windows(np.maximum(cuts[step], until)[order], cuts[step + 1][order], until[order], windows.tz)
    return Pieces(asked, window[order].astype(np.int64), length[order])
