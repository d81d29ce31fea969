"""Which crimes are known at each of many moments, and from which on they are too old."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval import observation
from predpol_eval.civil_time import NANOSECONDS_PER_DAY, Span, TimeArray
from predpol_eval.events import Events
from predpol_eval.forecasters.features.asked import IntArray
from predpol_eval.forecasters.features.sliding import starts_of
from predpol_eval.projection import FloatArray


class KnownRows(NamedTuple):
    """Usable crimes in the order in which they become known.

    Attributes
    ----------
    row : array of int
        Position of each in Events.
    moment : array of int
        What its age is counted from, nanoseconds UTC.
    entered : array of int, shape (moments + 1,)
        The first ``entered[k + 1]`` of them are known at moment k.
    begin : array of int, shape (moments,)
        Start of the lookback, nanoseconds UTC; older ones no longer count.
    oldest : array of int or None, shape (moments,)
        Where they happened in the order in which they became known: how many of them are too old at each moment.
    """

    row: IntArray
    moment: IntArray
    entered: IntArray
    begin: IntArray
    oldest: IntArray | None

    def at(self, position: int) -> IntArray:
        """Which of them count at one moment: positions in `row`."""
        known = self.entered[position + 1]
        if self.oldest is not None:
            return np.arange(self.oldest[position], known)
        return np.flatnonzero(self.moment[:known] >= self.begin[position])

    def fresh(self, position: int) -> bool:
        """Whether a count has to begin anew: at the first moment, and where the clock is put back past older crimes."""
        return position == 0 or bool(self.begin[position] < self.begin[position - 1])

    def new(self, position: int) -> IntArray:
        """Which of them count that did not at the moment before, when that was not `fresh`."""
        first, stop = self.entered[position], self.entered[position + 1]
        if self.oldest is not None:
            return np.arange(max(first, self.oldest[position]), stop)
        return np.asarray(first + np.flatnonzero(self.moment[first:stop] >= self.begin[position]))

    def gone(self, position: int) -> IntArray:
        """Which of them no longer count that did at the moment before."""
        if self.oldest is not None:
            return np.arange(self.oldest[position - 1], min(self.oldest[position], self.entered[position]))
        moment = self.moment[: self.entered[position]]
        return np.flatnonzero((moment >= self.begin[position - 1]) & (moment < self.begin[position]))

    def days_before(self, which: IntArray | slice, when: np.datetime64) -> FloatArray:
        """Ages of some of them, in elapsed days."""
        now = when.astype("datetime64[ns]").astype(np.int64)
        return np.asarray((now - self.moment[which]) / NANOSECONDS_PER_DAY)


def known_rows(
    events: Events, untils: TimeArray, lookback: Span | None, since: np.datetime64 | None = None
) -> KnownRows | None:
    """Sort the crimes by when they are known.

    Parameters
    ----------
    events : Events
    untils : array of datetime64
        In order.
    lookback : Span or None
    since : datetime64, optional
        Older crimes count at none of these moments.

    Returns
    -------
    KnownRows or None
        None where a crime is recorded before the middle of its time: it grows older only from there on.
    """
    known, middle = events.known_from, events.midpoint
    if known is not middle and (known < middle).any():
        return None
    begin = starts_of(untils, lookback, events.tz).astype("datetime64[ns]")
    first = begin.min() if since is None else max(begin.min(), since)
    # Nothing from after the last of these moments, so that a slip can reach no further.
    row = np.flatnonzero((middle >= first) & (known < untils[-1]))
    row = row[observation.contains(events.observed, middle[row])]
    if not _in_order(known[row]):
        row = row[np.argsort(known[row], kind="stable")]
    moment, starts = middle[row].astype(np.int64), begin.astype(np.int64)
    entered = np.concatenate([[0], np.searchsorted(known[row], untils, side="left")])
    oldest = np.searchsorted(moment, starts, side="left") if _in_order(moment) else None
    return KnownRows(row, moment, entered, starts, oldest)


def _in_order(values: npt.NDArray[Any]) -> bool:
    return bool((values[1:] >= values[:-1]).all())
