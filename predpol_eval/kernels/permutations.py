"""What many permutations say of one number that was observed: their mean, their median, how many reach it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, integers

# Numbers between the least and the most that are counted one by one to find the middle; beyond, they are sorted.
WIDEST = 65_536


@njit(cache=True, error_model="numpy")
def _middle(row: IntArray, least: int, times: IntArray) -> float:
    # How often each number occurs; of an even number of them the middle two are averaged.
    times[:] = 0
    for value in row:
        times[value - least] += 1
    so_far = 0
    low = -1
    for step in range(times.size):
        so_far += times[step]
        if low < 0 and so_far > (row.size - 1) // 2:
            low = step
        if so_far > row.size // 2:
            return least + 0.5 * (low + step)
    return np.nan


@njit(cache=True, error_model="numpy")
def _summarise(
    rows: IntArray, observed: IntArray, mean: FloatArray, median: FloatArray, at_least: IntArray, widest: int
) -> None:
    for r in range(rows.shape[0]):
        row = rows[r]
        seen = observed[r]
        least, most, total, reached = row[0], row[0], 0, 0
        for value in row:
            least, most = min(least, value), max(most, value)
            total += value
            reached += value >= seen
        mean[r] = total / row.size
        at_least[r] = reached
        median[r] = _middle(row, least, np.zeros(most - least + 1, np.int64)) if most - least < widest else np.nan


def summarise(dealt: npt.ArrayLike, observed: npt.ArrayLike) -> tuple[FloatArray, FloatArray, IntArray]:
    """Mean and median of the permutations, and how many of them are at least as high as what was observed.

    Parameters
    ----------
    dealt : array_like of int, shape (..., permutations)
        At least one permutation.
    observed : array_like of int, shape (...)

    Returns
    -------
    mean, median : ndarray of float64, shape (...)
    at_least : ndarray of int64, shape (...)

    Examples
    --------
    >>> mean, median, at_least = summarise([[1, 2, 3, 10]], [3])
    >>> mean.tolist(), median.tolist(), at_least.tolist()
    ([4.0], [2.5], [2])
    """
    numbers, seen = integers(dealt), integers(observed)
    rows = numbers.reshape(-1, numbers.shape[-1])
    mean, median, at_least = np.empty(len(rows)), np.empty(len(rows)), np.empty(len(rows), np.int64)
    _summarise(rows, seen.reshape(-1), mean, median, at_least, WIDEST)
    wide = np.flatnonzero(np.isnan(median))
    if wide.size:
        median[wide] = np.median(rows[wide], axis=-1)
    return mean.reshape(seen.shape), median.reshape(seen.shape), at_least.reshape(seen.shape)
