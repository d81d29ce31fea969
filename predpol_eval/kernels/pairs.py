"""Pairs of crimes that are close in space and time, found by cell lists: their number, not N squared, is the cost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers


class Pairs(NamedTuple):
    """Every crime with the earlier ones close to it.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n + 1,)
        The pairs of crime j are those from ``offsets[j]`` to ``offsets[j + 1]``.
    days : ndarray of float64, shape (pairs,)
        How much earlier the other crime is.
    square : ndarray of float64, shape (pairs,)
        Squared distance to it, square metres.
    """

    offsets: IntArray
    days: FloatArray
    square: FloatArray


@njit(cache=True, error_model="numpy")
def _neighbours(key: int, across: int, keys: IntArray, begins: IntArray, first: IntArray, stop: IntArray) -> int:
    """Where the crimes of a cell and of the eight around it are, of those that have any."""
    found = 0
    for row in range(-1, 2):
        low = key + row * across - 1
        at = np.searchsorted(keys, low)
        while at < keys.size and keys[at] <= low + 2:
            first[found] = begins[at]
            stop[found] = begins[at + 1]
            found += 1
            at += 1
    return found


@njit(cache=True, error_model="numpy")
def _visit(
    x: FloatArray,
    y: FloatArray,
    t: FloatArray,
    order: IntArray,
    keys: IntArray,
    begins: IntArray,
    across: int,
    radius: float,
    span: float,
    receives: IntArray,
    least_days: float,
    least_square: float,
    offsets: IntArray,
    days: FloatArray,
    square: FloatArray,
    fill: bool,
) -> IntArray:  # pragma: no cover - compiled
    counts = np.zeros(x.size, np.int64)
    first = np.empty(9, np.int64)
    stop = np.empty(9, np.int64)
    most = radius * radius
    for cell in range(keys.size):
        around = _neighbours(keys[cell], across, keys, begins, first, stop)
        # Within a cell crimes stand in order of time; the first young enough only ever moves on.
        for at in range(begins[cell], begins[cell + 1]):
            j = order[at]
            place = offsets[j] if fill else 0
            found = 0
            for k in range(around):
                while first[k] < stop[k] and t[j] - t[order[first[k]]] > span:
                    first[k] += 1
                if receives[j] == 0:
                    continue
                for other in range(first[k], stop[k]):
                    i = order[other]
                    if i >= j:
                        break
                    east = x[j] - x[i]
                    north = y[j] - y[i]
                    d = east * east + north * north
                    if d <= most:
                        if fill:
                            days[place + found] = max(t[j] - t[i], least_days)
                            square[place + found] = max(d, least_square)
                        found += 1
            counts[j] = found
    return counts


class _Search(NamedTuple):
    """Crimes in order of cell and, within it, of their position; the cells that have any; and what is looked for."""

    x: FloatArray
    y: FloatArray
    t: FloatArray
    order: IntArray
    keys: IntArray
    begins: IntArray
    across: int
    radius: float
    span: float
    receives: IntArray

    def run(
        self, floors: tuple[float, float], offsets: IntArray, days: FloatArray, square: FloatArray, fill: bool
    ) -> IntArray:
        return _visit(
            self.x,
            self.y,
            self.t,
            self.order,
            self.keys,
            self.begins,
            self.across,
            self.radius,
            self.span,
            self.receives,
            floors[0],
            floors[1] ** 2,
            offsets,
            days,
            square,
            fill,
        )

    def numbers(self) -> IntArray:
        """Pairs of each crime."""
        return self.run((0.0, 0.0), integers([]), np.empty(0), np.empty(0), False)


def _search(
    x: npt.ArrayLike, y: npt.ArrayLike, t: npt.ArrayLike, radius: float, span: float, receives: npt.ArrayLike | None
) -> _Search:
    """Sort crimes into cells as wide as the radius."""
    east, north, days = floats(x), floats(y), floats(t)
    wanted = integers(np.ones(east.size) if receives is None else receives)
    column = np.floor((east - east.min(initial=0.0)) / radius).astype(np.int64)
    row = np.floor((north - north.min(initial=0.0)) / radius).astype(np.int64)
    # Two empty columns between one row and the next, so that neighbours never wrap around.
    across = int(column.max(initial=0) - column.min(initial=0)) + 3
    key = row * across + column
    order = np.argsort(key, kind="stable")
    keys, begins = np.unique(key[order], return_index=True)
    edges = integers(np.append(begins, east.size))
    place = (integers(order), integers(keys), edges, across)
    return _Search(east, north, days, *place, float(radius), float(span), wanted)


def count_pairs(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    t: npt.ArrayLike,
    radius: float,
    span: float,
    receives: npt.ArrayLike | None = None,
) -> int:
    """Count what `close_pairs` would list.

    Examples
    --------
    >>> count_pairs([0.0, 3.0, 3.0, 90.0], [0.0, 4.0, 0.0, 0.0], [0.0, 1.0, 1.5, 2.0], 10.0, 1.0)
    2
    """
    return int(_search(x, y, t, radius, span, receives).numbers().sum())


def close_pairs(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    t: npt.ArrayLike,
    radius: float,
    span: float,
    receives: npt.ArrayLike | None = None,
    *,
    least_days: float = 0.0,
    least_distance: float = 0.0,
) -> Pairs:
    """List, for every crime, the earlier ones within `radius` metres and `span` days.

    Memory is 16 bytes a pair; crimes further apart cost nothing.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Places in metres.
    t : array_like of float, shape (n,)
        Times in days, rising; of two at one time the first counts as the earlier.
    radius : float
        Greatest distance, metres; above 0.
    span : float
        Greatest time between, days; may be infinite.
    receives : array_like of bool, shape (n,), optional
        Crimes whose pairs are wanted; the others are only somebody's earlier crime.
    least_days, least_distance : float
        What is less than this in time or distance is told as this.

    Returns
    -------
    Pairs

    Examples
    --------
    >>> pairs = close_pairs([0.0, 3.0, 3.0, 90.0], [0.0, 4.0, 0.0, 0.0], [0.0, 1.0, 1.5, 2.0], 10.0, 1.0)
    >>> pairs.offsets.tolist(), pairs.days.tolist(), pairs.square.tolist()
    ([0, 0, 1, 2, 2], [1.0, 0.5], [25.0, 16.0])
    """
    search = _search(x, y, t, radius, span, receives)
    offsets = np.zeros(search.t.size + 1, np.int64)
    np.cumsum(search.numbers(), out=offsets[1:])
    days, square = np.empty(offsets[-1]), np.empty(offsets[-1])
    search.run((float(least_days), float(least_distance)), integers(offsets), days, square, True)
    return Pairs(integers(offsets), floats(days), floats(square))
