"""Counts and decayed counts per cell at many moments in a row, each from the one before.

Every crime enters once, at the first moment at which it is known, with the weight of its age then; a count over a
lookback loses it again at the first moment whose lookback it is too old for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval import observation
from predpol_eval.civil_time import EARLIEST, Span, TimeArray, days_between, localise, span, to_wall
from predpol_eval.events import Events
from predpol_eval.forecasters.features.asked import FloatArray, IntArray
from predpol_eval.grid import Grid
from predpol_eval.observation import Periods

_TICK = np.timedelta64(1, "ns")


class Tally(NamedTuple):
    """One way of counting the past: crimes not older than `lookback`, halved in weight with every `half_life`."""

    lookback: Span | None
    half_life: float | None


def starts_of(untils: TimeArray, lookback: Span | None, tz: str) -> TimeArray:
    """Start of the lookback from each moment: as `civil_time.shift_back`, for many at once."""
    if lookback is None:
        return np.full(len(untils), EARLIEST, dtype="datetime64[ns]")
    if lookback.days:
        far = lookback.nominal_days > (untils.astype("datetime64[s]") - EARLIEST) / np.timedelta64(1, "D")
        wall = to_wall(untils, tz) - np.where(far, 0, lookback.days).astype("timedelta64[D]")
        return np.where(far, EARLIEST.astype("datetime64[ns]"), localise(wall, tz).utc)
    return np.asarray(untils - lookback.elapsed)


def exposure(periods: Periods, starts: TimeArray, untils: TimeArray, half_life: float | None) -> FloatArray:
    """Observed days from each start to each moment, weighted as the crimes are."""
    total = np.zeros(len(untils))
    for first, last in periods:
        low, high = np.maximum(first, starts), np.minimum(last, untils)
        if half_life is None:
            # As a fit sums them, to the bit.
            total += np.where(low < high, days_between(low, high), 0.0)
            continue
        near, far = (np.exp2(-np.asarray(days_between(edge, untils)) / half_life) for edge in (high, low))
        total += np.where(low < high, half_life / np.log(2.0) * (near - far), 0.0)
    return total


class History(NamedTuple):
    """The crimes inside the grid, and at which of some moments each becomes known."""

    untils: TimeArray
    tz: str
    cell: IntArray
    moment: TimeArray
    told: IntArray
    enters: IntArray
    seen: npt.NDArray[np.bool_]
    periods: Periods
    shape: tuple[int, int]


def history(events: Events, grid: Grid, untils: TimeArray) -> History:
    """Sort the crimes by when they are known.

    Parameters
    ----------
    untils : array of datetime64
        Distinct moments, in order.
    """
    cell = grid.cells_of(events)
    inside = cell >= 0
    known, middle = events.known_from[inside], events.midpoint[inside]
    # A crime recorded before the middle of its time is as young as can be until that middle has come.
    told = np.searchsorted(untils, known, side="right")
    enters = np.searchsorted(untils, np.maximum(known, middle), side="right")
    seen = observation.contains(events.observed, middle)
    periods, tz = events.observed, events.tz
    return History(untils, tz, cell[inside], middle, told, enters, seen, periods, grid.shape)


def maps(past: History, tallies: tuple[Tally, ...], lookback: Span | None) -> Iterator[FloatArray]:
    """At each moment, the weighted crimes per cell of every way of counting, shape (tallies, ny, nx).

    The array is used again for the next moment: copy what is to stay.
    """
    starts = [_latest(starts_of(past.untils, tally.lookback, past.tz), past, lookback) for tally in tallies]
    state = np.zeros((len(tallies), past.shape[0] * past.shape[1]))
    order = np.argsort(past.enters, kind="stable")
    order = order[past.seen[order]]
    first = np.searchsorted(past.enters[order], np.arange(len(past.untils) + 1))
    # Where the clock goes back, a civil lookback may begin earlier than that of the moment before: count afresh there,
    # and once more when it has caught up.
    fresh = np.zeros(len(past.untils), dtype=bool)
    for begin in starts:
        behind = begin < np.maximum.accumulate(begin)
        fresh |= behind
        fresh[1:] |= behind[:-1]
    fresh[:1] = True
    # A single moment is counted afresh, so that nothing leaves.
    leaving = [_leaving(past, begin, order if len(past.untils) > 1 else order[:0]) for begin in starts]
    for position in range(len(past.untils)):
        until = past.untils[position]
        if fresh[position]:
            state[:] = 0.0
            new = order[: first[position + 1]]
        else:
            new = order[first[position] : first[position + 1]]
            step = float(days_between(past.untils[position - 1], until))
        for number, tally in enumerate(tallies):
            row, begin = state[number], starts[number]
            if not fresh[position]:
                if tally.half_life is not None:
                    row *= np.exp2(-step / tally.half_life)
                gone = leaving[number].at(position)
                # Those that had entered by the moment before.
                _add(row, past, gone[past.enters[gone] < position], until, tally.half_life, -1.0)
                if tally.half_life is not None and gone.size:
                    np.maximum(row, 0.0, out=row)
            _add(row, past, new[past.moment[new] >= begin[position]], until, tally.half_life, 1.0)
        yield _with_open(state, past, position).reshape(len(tallies), *past.shape)


def _latest(starts: TimeArray, past: History, lookback: Span | None) -> TimeArray:
    return starts if lookback is None else np.maximum(starts, starts_of(past.untils, lookback, past.tz))


class _Leaving(NamedTuple):
    order: IntArray
    first: IntArray

    def at(self, position: int) -> IntArray:
        return self.order[self.first[position] : self.first[position + 1]]


def _leaving(past: History, starts: TimeArray, entering: IntArray) -> _Leaving:
    """Crimes by the moment whose lookback they are the first to be too old for."""
    sorted_starts = np.maximum.accumulate(starts)
    leaves = np.searchsorted(sorted_starts, past.moment[entering], side="right")
    order = np.argsort(leaves, kind="stable")
    return _Leaving(entering[order], np.searchsorted(leaves[order], np.arange(len(starts) + 1)))


def _add(
    row: FloatArray, past: History, which: IntArray, until: np.datetime64, half_life: float | None, sign: float
) -> None:
    if not which.size:
        return
    if half_life is None:
        row += sign * np.bincount(past.cell[which], minlength=row.size)
    else:
        weight = np.exp2(-np.asarray(days_between(past.moment[which], until)) / half_life)
        row += sign * np.bincount(past.cell[which], weight, minlength=row.size)


def _with_open(state: FloatArray, past: History, position: int) -> FloatArray:
    """Add the crimes already recorded whose time has not passed its middle: they have happened just now."""
    if (past.told == past.enters).all():
        return state
    open_ones = np.flatnonzero((past.told <= position) & (past.enters > position))
    now = past.untils[position] - _TICK
    if not open_ones.size or not observation.contains(past.periods, np.array([now]))[0]:
        return state
    return state + np.bincount(past.cell[open_ones], minlength=state.shape[1])


def span_or_none(value: str | None, what: str) -> Span | None:
    """Read a lookback; None is all history."""
    return None if value is None else span(value, what)
