"""When crimes happened, as whole numbers: civil time, in the largest step that divides all times and edges."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import NANOSECONDS_PER_DAY, TimeArray, localise, to_wall
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.near_repeats.bands import Bands, nanoseconds

OneTime = Literal["midpoint", "start", "end", "exclude"]
ONE_TIME = ("midpoint", "start", "end", "exclude")
A_MONTH = 28.0  # days


class Moments(NamedTuple):
    """Times and edges of one unit: their differences can be compared without rounding.

    Attributes
    ----------
    times : array of int16, int32 or int64, shape (n,)
        From 0 on; as narrow as the longest difference allows.
    edges : array of the same type
        Finite edges above 0 of the bands of time; one beyond all differences is just beyond them.
    whole_days : bool
        Whether only days are told.
    """

    times: npt.NDArray[Any]
    edges: npt.NDArray[Any]
    whole_days: bool

    @property
    def pairs_within(self) -> npt.NDArray[np.int64]:
        """Pairs of any distance whose times differ by less than each edge, shape (e,)."""
        ordered = np.sort(self.times).astype(np.int64)
        position = np.arange(1, len(ordered) + 1)
        return np.array(
            [int((np.searchsorted(ordered, ordered + int(edge)) - position).sum()) for edge in self.edges],
            dtype=np.int64,
        )


def without_uncertain(events: Events) -> Events:
    """Only the crimes whose moment is known."""
    return events if events.happened_until is None else events.take(events.happened_until == events.happened)


def moments_of(events: Events, bands: Bands, method: OneTime) -> Moments:
    """Place every crime at one moment of the wall clock.

    Where the publisher tells only days, or every time is the beginning of a day, differences are whole days; else they
    are days with their fraction. A day across a clock change is one day.

    Raises
    ------
    InputError
        If the data tell the month only and a band is shorter than that.
    """
    finite = [float(edge) for edge in bands.finite if edge]
    if events.resolution == "month" and finite and finite[0] < A_MONTH:
        raise InputError(
            f"These crimes are dated to the month, but time_bands has an edge at {finite[0]:g} days: which of two "
            "crimes came first, and by how much, is not known. Use data with dates, or bands of months."
        )
    utc = events.midpoint
    if method in ("start", "end") and events.happened_until is not None:
        utc = events.happened if method == "start" else events.happened_until
    wall = to_wall(utc, events.tz)
    days = wall.astype("datetime64[D]")
    whole = events.resolution in ("day", "month") or _begin_days(utc, days, events.tz)
    civil = (days if whole else wall).astype("datetime64[ns]").astype(np.int64)
    since = civil - civil.min()
    longest = int(since.max())
    edges = [min(edge, longest + 1) for edge in nanoseconds(bands)]
    unit = NANOSECONDS_PER_DAY if whole else int(np.gcd.reduce(since)) or NANOSECONDS_PER_DAY
    # Differences are whole multiples of the unit: below an edge is below the next multiple.
    steps = [-(-edge // unit) for edge in edges]
    most = longest // unit + 1
    kind = next(kind for kind in (np.int16, np.int32, np.int64) if most <= np.iinfo(kind).max)
    return Moments((since // unit).astype(kind), np.array(steps, dtype=kind), bool(whole))


def _begin_days(utc: TimeArray, days: npt.NDArray[np.datetime64], tz: str) -> bool:
    """Whether every time is the first moment of its day, which is not midnight where the clock skips that."""
    if tz == "UTC":
        return bool((utc == days).all())
    unique, where = np.unique(days, return_inverse=True)
    return bool((localise(unique.astype("datetime64[ns]"), tz).utc[where] == utc).all())


def uncertain_numbers(events: Events, bands: Bands) -> tuple[int, int]:
    """Crimes whose moment is uncertain, and those uncertain by more than the narrowest band of time."""
    if events.happened_until is None:
        return 0, 0
    length = (events.happened_until - events.happened).astype(np.int64)
    narrowest = min((float(b - a) for a, b in pairwise(bands.finite)), default=math.inf)
    beyond = length > narrowest * NANOSECONDS_PER_DAY
    return int((length > 0).sum()), int(beyond.sum())
