"""Which places are close to each other, and in which band of distance: counted, then listed crime by crime.

Whole numbers only, so that no edge of a band is decided by rounding: places are in millimetres.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import IntArray, integers

EUCLIDEAN = 0
MANHATTAN = 1
# Steps of the table that tells the band of a distance, at least half as many as these.
STEPS = 512
ALL = 2**62


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
    pile: int,
    most: int,
    bands: IntArray,
    shift: int,
    slot: IntArray,
    other: npt.NDArray[np.int32],
) -> IntArray:
    # Without room in `other` it only counts.
    write = other.size > 0
    counts = np.zeros((limits.size, x.size), np.int64)
    begin = np.zeros(x.size + 1, np.int64)
    for a in range(x.size):
        begin[a + 1] = begin[a] + crimes[a]
    farthest = limits[-1]
    total = 0
    near = np.empty(x.size, np.int64)
    apart = np.empty(x.size, np.int64)
    for column in range(columns.size - 1):
        last = columns[column + 1]
        start = columns[beside[column]] if beside[column] >= 0 else x.size
        stop = columns[beside[column] + 1] if beside[column] >= 0 else x.size
        for a in range(columns[column], last):
            if write and crimes[a] < pile:
                for i in range(begin[a], begin[a + 1]):
                    for j in range(i + 1, begin[a + 1]):
                        other[slot[0, i]] = j
                        slot[0, i] += 1
            while start < stop and y[start] <= y[a] - reach:
                start += 1
            # Half of those looked at are near, and which they are cannot be guessed: they are taken without a branch.
            found = 0
            for part in range(2):
                for b in range(a + 1 if part == 0 else start, last if part == 0 else stop):
                    north = y[b] - y[a]
                    if north >= reach:
                        break
                    east = x[b] - x[a]
                    distance = abs(east) + abs(north) if metric == MANHATTAN else east * east + north * north
                    near[found] = b
                    apart[found] = distance
                    found += distance < farthest
            partners = 0
            for k in range(found):
                b = near[k]
                partners += crimes[b]
                # The band in which the step of the table begins, which most steps do not leave.
                band = bands[apart[k] >> shift]
                while apart[k] >= limits[band]:
                    band += 1
                counts[band, a] += crimes[b]
                if write:
                    for i in range(begin[a], begin[a + 1]):
                        at = slot[band, i]
                        for j in range(begin[b], begin[b + 1]):
                            other[at] = j
                            at += 1
                        slot[band, i] = at
            total += crimes[a] * partners
            if total > most:
                return counts
    return counts


def _bands(limits: IntArray) -> tuple[IntArray, int]:
    """Give the band in which each step of 2**shift begins, and the shift."""
    farthest = int(limits[-1])
    shift = max(0, farthest.bit_length() - STEPS.bit_length() + 1)
    steps = np.arange((farthest >> shift) + 1, dtype=np.int64) << shift
    return integers(np.searchsorted(limits, steps, side="right")), shift


def count_close(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    crimes: npt.ArrayLike,
    columns: npt.ArrayLike,
    beside: npt.ArrayLike,
    reach: int,
    limits: npt.ArrayLike,
    metric: int,
    most: int = ALL,
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
        End of each band, excluded, rising; the first begins at 0. Squared millimetres for the Euclidean metric,
        millimetres for Manhattan.
    metric : int
        0 Euclidean, 1 Manhattan.
    most : int
        Pairs of crimes after which it stops, with the place it is at: they are too many already.

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
    places = (integers(x), integers(y), integers(crimes), integers(columns), integers(beside), int(reach))
    ends = integers(limits)
    return np.asarray(_close(*places, ends, int(metric), 0, int(most), *_bands(ends), nowhere, np.zeros(0, np.int32)))


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
    pile: int,
) -> npt.NDArray[np.int32]:
    """List what `count_close` counted, and the pairs on one place, crime by crime.

    Parameters
    ----------
    x, y, crimes, columns, beside, reach, limits, metric
        As for `count_close`; crimes are numbered place by place.
    first : ndarray of int64, shape (b, n + 1)
        Where the list of each band and crime begins, and where that of the band ends.
    pile : int
        Where so many crimes or more are on one place, the pairs among them are left out.

    Returns
    -------
    ndarray of int32
        The later crime of every close pair, by band and earlier crime.

    Examples
    --------
    >>> first = np.array([[0, 0, 1, 1], [1, 3, 3, 3]])
    >>> list_close([0, 3], [0, 4], [1, 2], [0, 2], [-1], 10, [25, 100], EUCLIDEAN, first, 3)
    array([2, 1, 2], dtype=int32)
    """
    other = np.zeros(int(first[-1, -1]), np.int32)
    if other.size:
        places = (integers(x), integers(y), integers(crimes), integers(columns), integers(beside), int(reach))
        ends = integers(limits)
        slot = np.array(first[:, :-1], order="C")
        _close(*places, ends, int(metric), int(pile), ALL, *_bands(ends), slot, other)
    return other
