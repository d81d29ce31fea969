"""What the kernels do with the points before they spread them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit

SMALL_TABLE = 65_536  # slots that are tried first: a pile of crimes, however high, takes up no more memory

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def floats(values: npt.ArrayLike) -> FloatArray:
    """Give numbers the one form the kernels are compiled for: float64, contiguous, read-only.

    Numba compiles anew for writeable, read-only and strided arrays, a second or two each time; in one form
    each kernel is compiled once.

    Parameters
    ----------
    values : array_like
        Numbers; they are copied only when they are not contiguous float64.

    Returns
    -------
    ndarray of float64
        A read-only view (or copy); the original stays as it was.

    Examples
    --------
    >>> floats([1, 2]).flags.writeable
    False
    """
    view = np.ascontiguousarray(values, dtype=np.float64).view()
    view.flags.writeable = False
    return view


def integers(values: npt.ArrayLike) -> IntArray:
    """Give whole numbers the one form the kernels are compiled for: int64, contiguous, read-only.

    Parameters
    ----------
    values : array_like
        Whole numbers.

    Returns
    -------
    ndarray of int64
        A read-only view (or copy); the original stays as it was.

    Examples
    --------
    >>> integers([1, 2]).dtype
    dtype('int64')
    """
    view = np.ascontiguousarray(values, dtype=np.int64).view()
    view.flags.writeable = False
    return view


@njit(cache=True)
def _merge(
    x: FloatArray, y: FloatArray, weight: FloatArray, size: int = SMALL_TABLE
) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """What `merge_counting` gives, by a table of `size` slots, a power of 2; nothing if that gets over half full."""
    slots = np.full(size, -1, np.int64)
    mask = np.uint64(size - 1)
    x_bits = x.view(np.uint64)
    y_bits = y.view(np.uint64)
    out_x = np.empty(x.size)
    out_y = np.empty(x.size)
    out_weight = np.empty(x.size)
    out_count = np.empty(x.size, np.int64)
    found = 0
    for i in range(x.size):
        # Round coordinates have zeros in their low bits: only multiplication carries the high bits' news.
        mixed = (x_bits[i] ^ (x_bits[i] >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(29)) ^ y_bits[i]) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
        slot = (mixed ^ (mixed >> np.uint64(29))) & mask
        while True:
            at = slots[slot]
            if at < 0:
                if 2 * found == size:
                    return out_x[:0], out_y[:0], out_weight[:0], out_count[:0]
                slots[slot] = found
                out_x[found] = x[i]
                out_y[found] = y[i]
                out_weight[found] = weight[i]
                out_count[found] = 1
                found += 1
                break
            if out_x[at] == x[i] and out_y[at] == y[i]:
                out_weight[at] += weight[i]
                out_count[at] += 1
                break
            slot = (slot + np.uint64(1)) & mask
    return out_x[:found], out_y[:found], out_weight[:found], out_count[:found]


def merge(x: npt.ArrayLike, y: npt.ArrayLike, weight: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Add up the weights of points that stand on the very same place.

    Publishers move crimes to the nearest intersection, so a city's crimes stand on few places.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Places, in metres.
    weight : array_like of float, shape (n,)
        Weight of each point.

    Returns
    -------
    x, y, weight : ndarray of float64, shape (m,)
        The distinct places in order of first appearance, and the sum of the weights on each.

    Examples
    --------
    >>> merge([5.0, 1.0, 5.0], [2.0, 2.0, 2.0], [1.0, 1.0, 0.5])
    (array([5., 1.]), array([2., 2.]), array([1.5, 1. ]))
    """
    return merge_counting(x, y, weight)[:3]


def merge_counting(
    x: npt.ArrayLike, y: npt.ArrayLike, weight: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Add up the weights of points on the very same place, and count them.

    Parameters
    ----------
    x, y, weight
        As for `merge`.

    Returns
    -------
    x, y, weight : ndarray of float64, shape (m,)
        As `merge`.
    count : ndarray of int64, shape (m,)
        Points on each place.

    Examples
    --------
    >>> merge_counting([5.0, 1.0, 5.0], [2.0, 2.0, 2.0], [1.0, 1.0, 0.5])[3]
    array([2, 1])
    """
    points = floats(x), floats(y), floats(weight)
    enough = 2 ** max(4, (2 * points[0].size - 1).bit_length())
    with np.errstate(over="ignore"):  # the hash wraps around on purpose; interpreted, numpy would warn
        merged = _merge(*points, min(enough, SMALL_TABLE))
        if points[0].size and not merged[0].size:
            merged = _merge(*points, enough)
    return floats(merged[0]), floats(merged[1]), floats(merged[2]), integers(merged[3])
