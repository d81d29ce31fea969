"""Knox test: how many of the pairs that are close in space are close in time, under many permutations of the times.

Whole numbers only, so that no edge of a band is decided by rounding: times in a unit that divides them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import IntArray, integers

# Arrangements of the times side by side: a fixed number, so that the loops over them are compiled for it.
LANES = 256
# Permutations that are shuffled one by one before they are laid side by side.
TOGETHER = 16
# Close pairs that are gone through at one go, a second or so, before an interruption is heard.
AT_ONE_GO = 20_000_000
ONE, HALF, LOW = np.uint64(1), np.uint64(32), np.uint64(0xFFFF_FFFF)
BITS_11, BITS_3, BITS_24, BITS_40 = np.uint64(11), np.uint64(3), np.uint64(24), np.uint64(40)

TimesArray = npt.NDArray[Any]


@njit(cache=True, error_model="numpy")
def _shuffle(times: TimesArray, state: npt.NDArray[np.uint64], lanes: TimesArray, lane: int) -> None:
    # Numbers are drawn where they are used, by the steps of numpy's SFC64: to write them down took as long as the rest.
    a, b, c, counter = state[0], state[1], state[2], state[3]
    mixed = np.empty((TOGETHER, times.size), times.dtype)
    while lane < lanes.shape[1]:
        count = min(TOGETHER, lanes.shape[1] - lane)
        for k in range(count):
            row = mixed[k]
            for e in range(times.size):
                row[e] = times[e]
            i = np.uint64(times.size) - ONE
            for _ in range(times.size // 2):
                word = a + b + counter
                counter += ONE
                a = b ^ (b >> BITS_11)
                b = c + (c << BITS_3)
                c = ((c << BITS_24) | (c >> BITS_40)) + word
                j = ((word & LOW) * (i + ONE)) >> HALF
                kept = row[i]
                row[i] = row[j]
                row[j] = kept
                # Of an even number of times the last of these changes the first with itself.
                j = ((word >> HALF) * i) >> HALF
                i -= ONE
                kept = row[i]
                row[i] = row[j]
                row[j] = kept
                i -= ONE
        if count == TOGETHER:
            for e in range(times.size):
                line = lanes[e, lane : lane + TOGETHER]
                for k in range(TOGETHER):
                    line[k] = mixed[k, e]
        else:
            for e in range(times.size):
                for k in range(count):
                    lanes[e, lane + k] = mixed[k, e]
        lane += count
    state[0], state[1], state[2], state[3] = a, b, c, counter


def shuffle(times: TimesArray, state: npt.NDArray[np.uint64], lanes: TimesArray, lane: int) -> None:
    """Write permutations of the times side by side into the columns of `lanes`, from column `lane` on.

    Fisher and Yates: going down from the last, element i changes places with the element ``draw * (i + 1) >> 32``. The
    chances differ from even ones by less than n / 2**32. Draws are the 32-bit halves, the lower first, of the words of
    the generator SFC64 of numpy; every permutation begins with a new word.

    Parameters
    ----------
    times : ndarray of int16, int32 or int64, shape (n,)
    state : ndarray of uint64, shape (4,)
        ``numpy.random.SFC64(seed).state["state"]["state"]``; changed in place, so that the next call goes on from it.
    lanes : ndarray, shape (n, l)
        Changed in place; of the type of `times`.
    lane : int
        First column to write.

    Examples
    --------
    >>> lanes = np.zeros((3, 2), np.int16)
    >>> state = np.random.SFC64(1).state["state"]["state"]
    >>> shuffle(np.array([10, 20, 30], np.int16), state, lanes, 0)
    >>> sorted(lanes[:, 0].tolist()), sorted(lanes[:, 1].tolist())
    ([10, 20, 30], [10, 20, 30])
    """
    with np.errstate(over="ignore"):  # the words wrap around on purpose; interpreted, numpy would warn
        _shuffle(times, state, lanes, int(lane))


@njit(cache=True, error_model="numpy")
def _empty(counter: TimesArray, within: IntArray) -> None:
    for e in range(within.shape[0]):
        row = counter[e]
        total = within[e]
        for k in range(LANES):
            total[k] += row[k]
            row[k] = 0


@njit(cache=True, error_model="numpy")
def _tabulate(
    lanes: TimesArray,
    first: IntArray,
    other: npt.NDArray[np.int32],
    edges: TimesArray,
    counter: TimesArray,
    most: int,
    full: int,
    within: IntArray,
) -> None:
    kind = lanes.dtype.type
    top = kind(most)
    # Eight pairs at a time, so that each counter is fetched and put back once for eight.
    gap = np.zeros((8, LANES), edges.dtype)
    one, two, three, four, five, six, seven, eight = gap[0], gap[1], gap[2], gap[3], gap[4], gap[5], gap[6], gap[7]
    for band in range(first.shape[0]):
        since = 0
        waiting = 0
        for i in range(lanes.shape[0]):
            mine = lanes[i]
            for p in range(first[band, i], first[band, i + 1]):
                theirs = lanes[other[p]]
                apart = gap[waiting]
                for k in range(LANES):
                    apart[k] = min(kind(abs(kind(mine[k] - theirs[k]))), top)
                waiting += 1
                if waiting < 8:
                    continue
                waiting = 0
                for e in range(edges.size):
                    row = counter[e]
                    edge = edges[e]
                    for k in range(LANES):
                        row[k] += (
                            np.int64(one[k] < edge)
                            + np.int64(two[k] < edge)
                            + np.int64(three[k] < edge)
                            + np.int64(four[k] < edge)
                            + np.int64(five[k] < edge)
                            + np.int64(six[k] < edge)
                            + np.int64(seven[k] < edge)
                            + np.int64(eight[k] < edge)
                        )
                # The narrow counters are emptied before they could overflow.
                since += 8
                if since > full - 16:
                    _empty(counter, within[band])
                    since = 0
        for rest in range(waiting):
            apart = gap[rest]
            for e in range(edges.size):
                row = counter[e]
                edge = edges[e]
                for k in range(LANES):
                    row[k] += apart[k] < edge
        _empty(counter, within[band])


def tabulate(lanes: TimesArray, first: IntArray, other: npt.NDArray[np.int32], edges: TimesArray) -> IntArray:
    """Count the close pairs whose times differ by less than each edge, for many arrangements of the times at once.

    Parameters
    ----------
    lanes : ndarray of int16, int32 or int64, shape (n, l)
        One arrangement of the times per column; no difference may overflow. Quickest with `LANES` columns.
    first : ndarray of int64, shape (b, n + 1)
    other : ndarray of int32
        Close pairs as `close_places.list_close` gives them.
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
    width = lanes.shape[1]
    # Where no edge is farther than a byte tells, differences are cut there: twice as many fit side by side.
    narrow = lanes.dtype == np.int16 and edges.max(initial=0) <= np.iinfo(np.int8).max
    limits = edges.astype(np.int8) if narrow else edges
    most = int(np.iinfo(limits.dtype).max)
    counter = np.zeros((limits.size, LANES), np.uint8 if narrow else limits.dtype)
    full = int(np.iinfo(counter.dtype).max)
    first = integers(first)
    bands = max(first.shape[0], 1) if other.size <= AT_ONE_GO else 1
    blocks = []
    for start in range(0, max(width, 1), LANES):
        block = lanes[:, start : start + LANES]
        if block.shape[1] < LANES or not block.flags.c_contiguous:
            block = np.zeros((lanes.shape[0], LANES), lanes.dtype)
            block[:, : width - start] = lanes[:, start : start + LANES]
        within = np.zeros((first.shape[0], limits.size, LANES), np.int64)
        for band in range(0, first.shape[0], bands):
            part = slice(band, band + bands)
            _tabulate(block, first[part], other, limits, counter, most, full, within[part])
        blocks.append(within)
    return (blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=2))[..., :width]


@njit(cache=True, error_model="numpy")
def _pile(ordered: TimesArray, edges: TimesArray) -> IntArray:
    within = np.zeros((edges.size, ordered.shape[0]), np.int64)
    for lane in range(ordered.shape[0]):
        times = ordered[lane]
        for e in range(edges.size):
            earliest = 0
            found = 0
            for i in range(times.size):
                while times[i] - times[earliest] >= edges[e]:
                    earliest += 1
                found += i - earliest
            within[e, lane] = found
    return within


def tabulate_pile(lanes: TimesArray, edges: TimesArray) -> IntArray:
    """Count as `tabulate` does, where all crimes are on one place, so that every pair of them is close.

    The times are sorted: the cost is the crimes', not that of their pairs.

    Parameters
    ----------
    lanes : ndarray of int16, int32 or int64, shape (n, l)
        One arrangement of the times per column.
    edges : ndarray, shape (e,)
        Of the type of `lanes`, above 0.

    Returns
    -------
    ndarray of int64, shape (e, l)

    Examples
    --------
    >>> tabulate_pile(np.array([[0, 5], [2, 0], [9, 1]], np.int16), np.array([3, 10], np.int16))
    array([[1, 1],
           [3, 3]])
    """
    return np.asarray(_pile(np.sort(np.ascontiguousarray(lanes.T), axis=1), edges))


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
    farthest = edges[-1]
    for band in range(first.shape[0]):
        for i in range(times.size):
            for p in range(first[band, i], first[band, i + 1]):
                j = other[p]
                gap = abs(times[i] - times[j])
                if gap >= farthest or gap < edges[0]:
                    continue
                when = 0
                while gap >= edges[when + 1]:
                    when += 1
                sooner, later = (i, j) if rank[i] < rank[j] else (j, i)
                role[0, sooner, band, when] = True
                role[1, later, band, when] = True
                close[0, sooner, when] += 1
                close[1, later, when] += 1


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
        Close pairs as `close_places.list_close` gives them.
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
