"""How far away every crime's k-th nearest other crime is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

LEAF = 10  # places at most in a leaf of the tree; only the speed hangs on it


@njit(cache=True, error_model="numpy")
def _split(x: FloatArray, y: FloatArray, own: IntArray, low: int, high: int, middle: int, by_x: bool) -> None:
    """Reorder [low, high) so that no key before `middle` exceeds the one there, nor that one any behind (Hoare)."""
    key, other = (x, y) if by_x else (y, x)
    left = low
    right = high - 1
    while left < right:
        pivot = key[(left + right) // 2]
        i = left
        j = right
        while i <= j:
            while key[i] < pivot:
                i += 1
            while pivot < key[j]:
                j -= 1
            if i <= j:
                key[i], key[j] = key[j], key[i]
                other[i], other[j] = other[j], other[i]
                own[i], own[j] = own[j], own[i]
                i += 1
                j -= 1
        if middle <= j:
            right = j
        elif middle >= i:
            left = i
        else:
            return


@njit(cache=True, error_model="numpy")
def _plant(
    x: FloatArray, y: FloatArray, own: IntArray, levels: int
) -> tuple[IntArray, IntArray, npt.NDArray[np.bool_], FloatArray]:
    """Reorder places into a balanced k-d tree; node i has the children 2 i + 1 and 2 i + 2."""
    nodes = 2 ** (levels + 1) - 1
    begin = np.zeros(nodes, np.int64)
    end = np.zeros(nodes, np.int64)
    by_x = np.zeros(nodes, np.bool_)
    border = np.zeros(nodes)
    end[0] = x.size
    for node in range(2**levels - 1):
        low = begin[node]
        high = end[node]
        west, east, south, north = np.inf, -np.inf, np.inf, -np.inf
        for i in range(low, high):
            west, east = min(west, x[i]), max(east, x[i])
            south, north = min(south, y[i]), max(north, y[i])
        middle = (low + high) // 2
        by_x[node] = east - west >= north - south
        _split(x, y, own, low, high, middle, by_x[node])
        border[node] = x[middle] if by_x[node] else y[middle]
        begin[2 * node + 1], end[2 * node + 1] = low, middle
        begin[2 * node + 2], end[2 * node + 2] = middle, high
    return begin, end, by_x, border


@njit(cache=True, error_model="numpy")
def _kth_distance(x: FloatArray, y: FloatArray, count: IntArray, k: int) -> FloatArray:
    levels = 0
    while x.size > LEAF * 2**levels:
        levels += 1
    px = x.copy()
    py = y.copy()
    own = np.arange(x.size)
    begin, end, by_x, border = _plant(px, py, own, levels)
    crimes = count[own]
    first_leaf = 2**levels - 1
    result = np.empty(x.size)
    near = np.empty(k + 1)  # squared distances of the nearest places so far, rising, and the crimes there
    many = np.empty(k + 1, np.int64)
    stack = np.empty(levels + 2, np.int64)
    stack_x = np.empty(levels + 2)
    stack_y = np.empty(levels + 2)
    for me in range(x.size):
        needed = k - (crimes[me] - 1)
        if needed <= 0:
            result[own[me]] = 0.0
            continue
        size = 0
        total = 0
        bound = np.inf
        stack[0], stack_x[0], stack_y[0] = 0, 0.0, 0.0
        top = 1
        while top > 0:
            top -= 1
            node = stack[top]
            dx = stack_x[top]
            dy = stack_y[top]
            if dx * dx + dy * dy >= bound:
                continue
            # Down to the nearest leaf; what lies beyond each border is kept for later, with how far away it is.
            while node < first_leaf:
                beyond = (px[me] if by_x[node] else py[me]) - border[node]
                nearer = 2 * node + 1 if beyond < 0.0 else 2 * node + 2
                farther_x, farther_y = (beyond, dy) if by_x[node] else (dx, beyond)
                if farther_x * farther_x + farther_y * farther_y < bound:
                    stack[top] = 4 * node + 3 - nearer
                    stack_x[top], stack_y[top] = farther_x, farther_y
                    top += 1
                node = nearer
            for i in range(begin[node], end[node]):
                east = px[i] - px[me]
                north = py[i] - py[me]
                square = east * east + north * north
                if square >= bound or i == me:
                    continue
                here = size
                while here > 0 and near[here - 1] > square:
                    near[here] = near[here - 1]
                    many[here] = many[here - 1]
                    here -= 1
                near[here] = square
                many[here] = crimes[i]
                size += 1
                total += many[here]
                while total - many[size - 1] >= needed:
                    size -= 1
                    total -= many[size]
                if total >= needed:
                    bound = near[size - 1]
        result[own[me]] = np.sqrt(bound)
    return result


def kth_distance(x: npt.ArrayLike, y: npt.ArrayLike, count: npt.ArrayLike, k: int) -> FloatArray:
    """Distance from the crimes of every place to their k-th nearest other crime, through a k-d tree.

    Crimes on one place are at distance 0 of each other, so that k + 1 of them have 0 as theirs. Cost grows with
    the places, hardly more than in proportion, however they are spread.

    Parameters
    ----------
    x, y : array_like of float, shape (m,)
        Places in metres, each only once (`predpol_eval.kernels.points.merge`).
    count : array_like of int, shape (m,)
        Crimes on each place, at least 1.
    k : int
        Which neighbour, at least 1.

    Returns
    -------
    ndarray of float64, shape (m,)
        Metres; infinite where there are not more than `k` crimes.

    References
    ----------
    Bentley, J. L. (1975). Multidimensional binary search trees used for associative searching. Communications of the
    ACM 18, 509-517.

    Examples
    --------
    >>> kth_distance([0.0, 30.0, 70.0], [0.0, 0.0, 0.0], [1, 2, 1], 2)
    array([30., 30., 40.])
    """
    return floats(_kth_distance(floats(x), floats(y), integers(count), int(k)))
