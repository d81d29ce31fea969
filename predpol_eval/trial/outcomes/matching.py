"""Which crime of one table is which of another: by the publisher's id where ids persist, else by what is told of it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray
from predpol_eval.errors import InputError
from predpol_eval.events import Events

IntArray = npt.NDArray[np.int64]
Match = Literal["id", "content"]
MATCHES: tuple[Match, ...] = ("id", "content")
# Shares of crimes that are the same with their ids, of those that are the same without: below it, ids do not persist.
_PERSIST = 0.5
_CONTENT = ("kind", "happened", "until", "x", "y")


class Pairs(NamedTuple):
    """Rows of the old table and of the new one that are the same crime, and how that was told."""

    old: IntArray
    new: IntArray
    by: Match


def check_match(match: Any) -> None:
    """Refuse what is no way to tell crimes apart."""
    if match is not None and match not in MATCHES:
        raise InputError(f"match={match!r}; choose 'id', 'content', or leave it out.")


def numbered(events: Events) -> bool:
    """Whether the ids are mere numbers of rows, which a crime recorded late changes for all that follow it.

    They are whole numbers that rise from one row to the next, in the order of time.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"x": [1e5, 1e5], "y": [1e5, 1e5], "t": ["2018-05-01", "2018-05-02"]})
    >>> numbered(Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London"))
    True
    """
    ids = events.id
    return bool(len(ids) > 1 and ids.dtype.kind in "iu" and (ids[1:] > ids[:-1]).all())


def millimetres(metres: npt.NDArray[np.float64]) -> IntArray:
    """Coordinates on whole millimetres, as the grid reads them.

    Examples
    --------
    >>> millimetres(np.array([530100.25])).tolist()
    [530100250]
    """
    return np.asarray(np.rint(np.clip(metres, -1e12, 1e12) * 1000), dtype=np.int64)


def ended(events: Events) -> TimeArray:
    """End of the time in which each crime happened; where the moment is known, the moment."""
    return events.happened if events.happened_until is None else events.happened_until


def pair_crimes(old: Events, new: Events, match: Match | None = None) -> Pairs:
    """Pair the crimes of two tables of the same place.

    Parameters
    ----------
    old, new : Events
    match : {"id", "content"}, optional
        How crimes are told apart. By id, a crime is the same whatever else changed; of several with one id those that
        agree most are paired first. By content (kind, time and place) a changed crime is another one. Left out: by id,
        unless the ids are numbers of rows or do not persist from one table to the other.

    Returns
    -------
    Pairs
        Each row occurs at most once.
    """
    check_match(match)
    both = _side_by_side(old, new)
    by: Match = match if match is not None else _choose(old, new, both)
    steps = [_CONTENT] if by == "content" else [("id", *_CONTENT), ("id", "kind"), ("id",)]
    free = np.ones(len(old) + len(new), dtype=bool)
    pairs: list[tuple[IntArray, IntArray]] = []
    for keys in steps:
        one, two = _join(both, keys, free)
        free[one] = free[two] = False
        pairs.append((one, two - both.split))
    return Pairs(np.concatenate([rows[0] for rows in pairs]), np.concatenate([rows[1] for rows in pairs]), by)


class _Both(NamedTuple):
    """Two tables one below the other, their values as numbers that keep their order; the new one begins at `split`.

    `order` has the rows in an order that only their content decides.
    """

    split: int
    codes: dict[str, IntArray]
    order: IntArray


def _choose(old: Events, new: Events, both: _Both) -> Match:
    if numbered(old) or numbered(new):
        return "content"
    free = np.ones(len(both.order), dtype=bool)
    with_id, without = len(_join(both, ("id", *_CONTENT), free)[0]), len(_join(both, _CONTENT, free)[0])
    return "id" if with_id >= _PERSIST * without else "content"


def _side_by_side(old: Events, new: Events) -> _Both:
    columns: dict[str, npt.NDArray[Any]] = {
        # Read as texts: a publisher's file may be read with numbers one day and with texts the next.
        "id": np.concatenate([events.id.astype(str) for events in (old, new)]),
        "kind": np.concatenate([events.kind for events in (old, new)]),
        "happened": np.concatenate([events.happened for events in (old, new)]),
        "until": np.concatenate([ended(events) for events in (old, new)]),
        "x": np.concatenate([millimetres(events.x) for events in (old, new)]),
        "y": np.concatenate([millimetres(events.y) for events in (old, new)]),
    }
    codes = {name: np.unique(values, return_inverse=True)[1].astype(np.int64) for name, values in columns.items()}
    order = np.lexsort([codes[name] for name in ("id", *_CONTENT[::-1])])
    return _Both(len(old), codes, order.astype(np.int64))


def _join(both: _Both, keys: tuple[str, ...], free: npt.NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Free rows that agree in `keys`; of several, the first with the first."""
    rows = both.order[free[both.order]]
    group = np.zeros(len(rows), dtype=np.int64)
    for key in keys:
        # Numbered anew each time, so that the product never grows beyond the square of the rows.
        values = both.codes[key][rows]
        group = np.unique(group * (values.max(initial=0) + 1) + values, return_inverse=True)[1].astype(np.int64)
    sides = [rows < both.split, rows >= both.split]
    named = [group[side] * (len(rows) + 1) + _turn(group[side]) for side in sides]
    _, first, second = np.intersect1d(named[0], named[1], assume_unique=True, return_indices=True)
    return rows[sides[0]][first], rows[sides[1]][second]


def _turn(group: IntArray) -> IntArray:
    """How many rows of the same group stand before each."""
    order = np.argsort(group, kind="stable")
    inside = group[order]
    turn = np.empty(len(group), dtype=np.int64)
    turn[order] = np.arange(len(group)) - np.searchsorted(inside, inside)
    return turn
