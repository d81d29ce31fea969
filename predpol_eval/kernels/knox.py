"""Knox test: which crimes are close in space, and how many of them are close in time under many permutations.

Whole numbers only, so that no edge of a band is decided by rounding: places in millimetres, times in a unit that
divides them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from predpol_eval.kernels.points import IntArray, integers

EUCLIDEAN = 0
MANHATTAN = 1
# Counters as narrow as the times are emptied before they could overflow.
FULL = 32_767

TimesArray = npt.NDArray[Any]


@njit(cache=True, error_model="numpy")
def _band(dx: int, dy: int, limits: IntArray, metric: int) -> int:
    distance = abs(dx) + abs(dy) if metric == MANHATTAN else dx * dx + dy * dy
    band = 0
    while band < limits.size and distance >= limits[band]:
        band += 1
    return band


@njit(cache=True, error_model="numpy")
def _close(
    x: IntArray,
    y: IntArray,
    crimes: IntArray,
    columns: IntArray,
    beside: IntArray,
    reach: int,
    limits: IntArray,
    metric: int,
    slot: IntArray,
    other: npt.NDArray[np.int32],
) -> IntArray:
    # Without room in `other` it only counts.
    write = other.size > 0
    counts = np.zeros((limits.size, x.size), np.int64)
    begin = np.zeros(x.size + 1, np.int64)
    for a in range(x.size):
        begin[a + 1] = begin[a] + crimes[a]
    for column in range(columns.size - 1):
        last = columns[column + 1]
        start = columns[beside[column]] if beside[column] >= 0 else x.size
        stop = columns[beside[column] + 1] if beside[column] >= 0 else x.size
        for a in range(columns[column], last):
            if write:
                for i in range(begin[a], begin[a + 1]):
                    for j in range(i + 1, begin[a + 1]):
                        other[slot[0, i]] = j
                        slot[0, i] += 1
            for part in range(2):
                if part == 0:
                    low, high = a + 1, last
                else:
                    while start < stop and y[start] <= y[a] - reach:
                        start += 1
                    low, high = start, stop
                for b in range(low, high):
                    if y[b] >= y[a] + reach:
                        break
                    band = _band(x[b] - x[a], y[b] - y[a], limits, metric)
                    if band == limits.size:
                        continue
                    counts[band, a] += crimes[b]
                    if write:
                        for i in range(begin[a], begin[a + 1]):
                            for j in range(begin[b], begin[b + 1]):
                                other[slot[band, i]] = j
                                slot[band, i] += 1
    return counts


def count_close(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    crimes: npt.ArrayLike,
    columns: npt.ArrayLike,
    beside: npt.ArrayLike,
    reach: int,
    limits: npt.ArrayLike,
    metric: int,
) -> IntArray:
    """Count, for every place, the crimes on later places that are close to it, by band of distance.

    Parameters
    ----------
    x, y : array_like of int, shape (m,)
        Distinct places in millimetres, sorted by column (``x // reach``), then y.
    crimes : array_like of int, shape (m,)
        Crimes on each place.
    columns : array_like of int, shape (c + 1,)
        Where each column that has a place begins, and m.
    beside : array_like of int, shape (c,)
        Position of the column next to the east; -1 where it has no place.
    reach : int
        Millimetres within which all bands end.
    limits : array_like of int, shape (b,)
        End of each band, excluded; the first begins at 0. Squared millimetres for the Euclidean metric, millimetres
        for Manhattan.
    metric : int
        0 Euclidean, 1 Manhattan.

    Returns
    -------
    ndarray of int64, shape (b, m)
        Crimes on close places that come after the place in this order; those on the place itself are left out.

    Examples
    --------
    >>> count_close([0, 3], [0, 4], [1, 2], [0, 2], [-1], 10, [25, 100], EUCLIDEAN)
    array([[0, 0],
           [2, 0]])
    """
    nowhere = np.zeros((0, 0), np.int64)
    places = (integers(x), integers(y), integers(crimes), integers(columns), integers(beside))
    return _close(*places, int(reach), integers(limits), int(metric), nowhere, np.zeros(0, np.int32))


def list_close(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    crimes: npt.ArrayLike,
    columns: npt.ArrayLike,
    beside: npt.ArrayLike,
    reach: int,
    limits: npt.ArrayLike,
    metric: int,
    first: IntArray,
) -> npt.NDArray[np.int32]:
    """List what `count_close` counted, and the pairs on one place, crime by crime.

    Parameters
    ----------
    x, y, crimes, columns, beside, reach, limits, metric
        As for `count_close`; crimes are numbered place by place.
    first : ndarray of int64, shape (b, n + 1)
        Where the list of each band and crime begins, and where that of the band ends.

    Returns
    -------
    ndarray of int32
        The later crime of every close pair, by band and earlier crime.

    Examples
    --------
    >>> first = np.array([[0, 0, 1, 1], [1, 3, 3, 3]])
    >>> list_close([0, 3], [0, 4], [1, 2], [0, 2], [-1], 10, [25, 100], EUCLIDEAN, first)
    array([2, 1, 2], dtype=int32)
    """
    other = np.zeros(int(first[-1, -1]), np.int32)
    if other.size:
        places = (integers(x), integers(y), integers(crimes), integers(columns), integers(beside))
        _close(*places, int(reach), integers(limits), int(metric), np.array(first[:, :-1], order="C"), other)
    return other


@njit(cache=True, error_model="numpy")
def _shuffle(times: TimesArray, draws: npt.NDArray[np.uint32], lanes: TimesArray, lane: int) -> None:
    mixed = np.empty_like(times)
    for k in range(draws.shape[0]):
        row = draws[k]
        for i in range(times.size):
            mixed[i] = times[i]
        for i in range(times.size - 1, 0, -1):
            j = np.int64((np.uint64(row[i]) * np.uint64(i + 1)) >> np.uint64(32))
            kept = mixed[i]
            mixed[i] = mixed[j]
            mixed[j] = kept
        for i in range(times.size):
            lanes[i, lane + k] = mixed[i]


def shuffle(times: TimesArray, draws: npt.NDArray[np.uint32], lanes: TimesArray, lane: int) -> None:
    """Write permutations of the times side by side into columns of `lanes`, from column `lane` on.

    Fisher and Yates: going down from the last, element i changes places with the element ``draw * (i + 1) >> 32``. The
    chances differ from even ones by less than n / 2**32.

    Parameters
    ----------
    times : ndarray of int16, int32 or int64, shape (n,)
    draws : ndarray of uint32, shape (k, n)
        Random bits; those of element 0 are not used.
    lanes : ndarray, shape (n, l)
        Changed in place; of the type of `times`.
    lane : int
        First column to write.

    Examples
    --------
    >>> lanes = np.zeros((3, 1), np.int16)
    >>> shuffle(np.array([10, 20, 30], np.int16), np.array([[0, 2**31, 0]], np.uint32), lanes, 0)
    >>> lanes[:, 0].tolist()
    [30, 20, 10]
    """
    _shuffle(times, draws, lanes, int(lane))


@njit(cache=True, error_model="numpy")
def _empty(counter: TimesArray, out: IntArray, band: int) -> None:
    for e in range(counter.shape[0]):
        for k in range(counter.shape[1]):
            out[band, e, k] += counter[e, k]
            counter[e, k] = 0


@njit(cache=True, error_model="numpy")
def _tabulate(lanes: TimesArray, first: IntArray, other: npt.NDArray[np.int32], edges: TimesArray) -> IntArray:
    width = lanes.shape[1]
    out = np.zeros((first.shape[0], edges.size, width), np.int64)
    counter = np.zeros((edges.size, width), lanes.dtype)
    # Four pairs at a time, so that each counter is fetched and put back once for four.
    gap = np.zeros((4, width), lanes.dtype)
    one, two, three, four = gap[0], gap[1], gap[2], gap[3]
    for band in range(first.shape[0]):
        since = 0
        waiting = 0
        for i in range(lanes.shape[0]):
            mine = lanes[i]
            for p in range(first[band, i], first[band, i + 1]):
                theirs = lanes[other[p]]
                apart = gap[waiting]
                for k in range(width):
                    apart[k] = abs(mine[k] - theirs[k])
                waiting += 1
                if waiting < 4:
                    continue
                waiting = 0
                for e in range(edges.size):
                    row = counter[e]
                    edge = edges[e]
                    for k in range(width):
                        row[k] += (
                            np.int64(one[k] < edge)
                            + np.int64(two[k] < edge)
                            + np.int64(three[k] < edge)
                            + np.int64(four[k] < edge)
                        )
                since += 4
                if since > FULL - 8:
                    _empty(counter, out, band)
                    since = 0
        for rest in range(waiting):
            apart = gap[rest]
            for e in range(edges.size):
                row = counter[e]
                edge = edges[e]
                for k in range(width):
                    row[k] += apart[k] < edge
        _empty(counter, out, band)
    return out


def tabulate(lanes: TimesArray, first: IntArray, other: npt.NDArray[np.int32], edges: TimesArray) -> IntArray:
    """Count the close pairs whose times differ by less than each edge, for many arrangements of the times at once.

    Parameters
    ----------
    lanes : ndarray of int16, int32 or int64, shape (n, l)
        One arrangement of the times per column; no difference may overflow.
    first : ndarray of int64, shape (b, n + 1)
    other : ndarray of int32
        Close pairs as `list_close` gives them.
    edges : ndarray, shape (e,)
        Of the type of `lanes`.

    Returns
    -------
    ndarray of int64, shape (b, e, l)
        Pairs of each band whose times are less than the edge apart.

    References
    ----------
    Knox, E. G. (1964). The detection of space-time interactions. Applied Statistics 13, 25-30.

    Examples
    --------
    >>> lanes = np.array([[0, 5], [2, 0], [9, 1]], np.int16)
    >>> tabulate(lanes, np.array([[0, 2, 3, 3]]), np.array([1, 2, 2], np.int32), np.array([3, 10], np.int16))[0]
    array([[1, 1],
           [3, 3]])
    """
    return _tabulate(lanes, integers(first), other, edges)


@njit(cache=True, error_model="numpy")
def _roles(
    times: IntArray,
    rank: IntArray,
    first: IntArray,
    other: npt.NDArray[np.int32],
    edges: IntArray,
    role: npt.NDArray[np.bool_],
    close: IntArray,
) -> None:
    for band in range(first.shape[0]):
        for i in range(times.size):
            for p in range(first[band, i], first[band, i + 1]):
                j = other[p]
                gap = abs(times[i] - times[j])
                when = 0
                while when < edges.size and gap >= edges[when]:
                    when += 1
                if when == 0 or when == edges.size:
                    continue
                sooner, later = (i, j) if rank[i] < rank[j] else (j, i)
                role[0, sooner, band, when - 1] = True
                role[1, later, band, when - 1] = True
                close[0, sooner, when - 1] += 1
                close[1, later, when - 1] += 1


def roles(
    times: npt.ArrayLike, rank: npt.ArrayLike, first: IntArray, other: npt.NDArray[np.int32], edges: npt.ArrayLike
) -> tuple[npt.NDArray[np.bool_], IntArray]:
    """Say of every crime whether it is the earlier, and the later, of a close pair of each band pair.

    Parameters
    ----------
    times : array_like of int, shape (n,)
    rank : array_like of int, shape (n,)
        Order of the crimes in time, without ties.
    first, other
        Close pairs as `list_close` gives them.
    edges : array_like of int, shape (e + 1,)
        Edges of the bands of time, rising.

    Returns
    -------
    role : ndarray of bool, shape (2, n, b, e)
        Whether a pair begins with (0), or follows with (1), the crime.
    close : ndarray of int64, shape (2, n, e)
        In how many pairs of any distance band.

    Examples
    --------
    >>> role, close = roles([0, 2], [0, 1], np.array([[0, 1, 1]]), np.array([1], np.int32), [0, 3])
    >>> role[:, :, 0, 0].tolist(), close[..., 0].tolist()
    ([[True, False], [False, True]], [[1, 0], [0, 1]])
    """
    times, rank, edges = integers(times), integers(rank), integers(edges)
    role = np.zeros((2, times.size, first.shape[0], edges.size - 1), np.bool_)
    close = np.zeros((2, times.size, edges.size - 1), np.int64)
    _roles(times, rank, integers(first), other, edges, role, close)
    return role, close
