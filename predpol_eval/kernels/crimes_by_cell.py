"""The crimes of many nights by cell, without an array of all cells for each night."""

from __future__ import annotations

import numpy as np

from predpol_eval.kernels.compiling import njit


@njit(cache=True)
def crimes_by_cell(first, place, weight, cells):  # type: ignore[no-untyped-def]
    """Crimes, and the probability of at least one, in the cells that have any, night by night.

    Parameters
    ----------
    first : array of int64, shape (nights + 1,)
        The crimes of night k stand from ``first[k]`` to ``first[k + 1]``.
    place : array of int64, shape (crimes,)
        Cell of each crime; -1 leaves it out.
    weight : array of float64, shape (crimes,)
        The probability that it happened in this window.
    cells : int

    Returns
    -------
    start : array of int64, shape (nights + 1,)
        Where the cells of each night begin in the others.
    where : array of int64
        Cells, in order of night and then of cell.
    crimes, hit : array of float64
    """
    nights = first.size - 1
    start = np.zeros(nights + 1, dtype=np.int64)
    where = np.empty(place.size, dtype=np.int64)
    crimes, hit = np.empty(place.size), np.empty(place.size)
    sums, missed = np.zeros(cells), np.ones(cells)
    found = 0
    for night in range(nights):
        begin = found
        for i in range(first[night], first[night + 1]):
            cell = place[i]
            if cell < 0 or not weight[i] > 0.0:
                continue
            if sums[cell] == 0.0:
                where[found] = cell
                found += 1
            sums[cell] += weight[i]
            missed[cell] *= 1.0 - weight[i]
        where[begin:found] = np.sort(where[begin:found])
        for k in range(begin, found):
            cell = where[k]
            crimes[k], hit[k] = sums[cell], 1.0 - missed[cell]
            sums[cell], missed[cell] = 0.0, 1.0
        start[night + 1] = found
    return start, where[:found].copy(), crimes[:found].copy(), hit[:found].copy()
