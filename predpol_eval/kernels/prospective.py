"""Prospective hot-spotting: every recent crime raises the risk around it, by distance and by age."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

CHEBYSHEV = 0
MANHATTAN = 1
EUCLIDEAN = 2


@njit(cache=True, error_model="numpy")
def _continuous(
    x: FloatArray,
    y: FloatArray,
    age_weeks: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    radius: float,
    weeks: float,
    unit: float,
) -> FloatArray:
    out = np.zeros((ny, nx))
    for i in range(x.size):
        if not age_weeks[i] < weeks:
            continue
        recent = 1.0 / (1.0 + age_weeks[i])
        dx = x[i] - x0
        dy = y[i] - y0
        first = int(min(float(nx), max(0.0, np.floor((dx - radius) / cell - 0.5))))
        stop = int(max(0.0, min(float(nx), np.ceil((dx + radius) / cell + 0.5))))
        bottom = int(min(float(ny), max(0.0, np.floor((dy - radius) / cell - 0.5))))
        top = int(max(0.0, min(float(ny), np.ceil((dy + radius) / cell + 0.5))))
        for r in range(bottom, top):
            north = (r + 0.5) * cell - dy
            row = out[r, first:stop]
            for k in range(row.size):
                east = (first + k + 0.5) * cell - dx
                distance = math.sqrt(east * east + north * north)
                row[k] += recent / (1.0 + distance / unit) if distance < radius else 0.0
    return out


def continuous(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    age_weeks: npt.ArrayLike,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    radius: float,
    weeks: float,
    unit: float,
) -> FloatArray:
    """Sum of 1 / ((1 + d/unit) (1 + t)) over the crimes near a cell's centre and recent.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Crimes in metres; those outside the grid count too.
    age_weeks : array_like of float, shape (n,)
        Age t in weeks, not negative.
    x0, y0 : float
        Lower left corner of the grid, metres.
    cell : float
        Side of a cell, metres.
    nx, ny : int
        Columns and rows.
    radius : float
        A crime counts where its distance d to the cell's centre is below this; metres.
    weeks : float
        A crime counts while it is younger than this.
    unit : float
        Metres that count as one step of distance.

    Returns
    -------
    ndarray of float64, shape (ny, nx)
        The scores; row 0 in the south.

    References
    ----------
    Bowers, K. J., Johnson, S. D. & Pease, K. (2004). Prospective hot-spotting. Br. J. Criminol. 44, 641-658
    (as described in the PredictCode project's documentation).

    Examples
    --------
    >>> continuous([125.0], [125.0], [1.0], 0.0, 0.0, 250.0, 2, 1, 400.0, 8.0, 50.0).round(6)
    array([[0.5     , 0.083333]])
    """
    x, y, age_weeks = floats(x), floats(y), floats(age_weeks)
    place = (float(x0), float(y0), float(cell), int(nx), int(ny))
    return _continuous(x, y, age_weeks, *place, float(radius), float(weeks), float(unit))


@njit(cache=True, error_model="numpy")
def _steps(across: int, along: int, metric: int) -> float:
    if metric == CHEBYSHEV:
        return float(max(across, along))
    if metric == MANHATTAN:
        return float(across + along)
    return math.sqrt(float(across * across + along * along))


@njit(cache=True, error_model="numpy")
def _grid(
    col: IntArray,
    row: IntArray,
    age_weeks: FloatArray,
    nx: int,
    ny: int,
    cell: float,
    radius: float,
    weeks: float,
    metric: int,
) -> FloatArray:
    out = np.zeros((ny, nx))
    reach = 0  # the farthest cell that counts, as far as the grid can tell
    while reach + 1 < max(nx, ny) and (reach + 1) * cell < radius:
        reach += 1
    stencil = np.zeros((2 * reach + 1, 2 * reach + 1))
    for r in range(-reach, reach + 1):
        for k in range(-reach, reach + 1):
            distance = _steps(abs(k), abs(r), metric)
            if distance * cell < radius:
                stencil[r + reach, k + reach] = 1.0 / (1.0 + distance)
    beyond = int(min(radius / cell, 1e15)) + 1
    recent = np.zeros((ny, nx))
    for i in range(col.size):
        if not age_weeks[i] < weeks:
            continue
        share = 1.0 / (1.0 + np.floor(age_weeks[i]))
        if 0 <= col[i] < nx and 0 <= row[i] < ny:
            recent[row[i], col[i]] += share
            continue
        # Outside crimes are few and may be far away: one by one, so that no frame of cells is needed.
        across = max(0, -col[i], col[i] - nx + 1)
        along = max(0, -row[i], row[i] - ny + 1)
        if not max(across, along) * cell < radius:
            continue
        for r in range(max(0, row[i] - beyond), min(ny, row[i] + beyond + 1)):
            for k in range(max(0, col[i] - beyond), min(nx, col[i] + beyond + 1)):
                distance = _steps(abs(k - col[i]), abs(r - row[i]), metric)
                if distance * cell < radius:
                    out[r, k] += share / (1.0 + distance)
    for r in range(ny):
        for k in range(nx):
            share = recent[r, k]
            if share == 0.0:
                continue
            first = max(0, k - reach)
            stop = min(nx, k + reach + 1)
            for target in range(max(0, r - reach), min(ny, r + reach + 1)):
                weights = stencil[target - r + reach][first - k + reach : stop - k + reach]
                line = out[target][first:stop]
                for c in range(weights.size):
                    line[c] += share * weights[c]
    return out


def grid(
    col: npt.ArrayLike,
    row: npt.ArrayLike,
    age_weeks: npt.ArrayLike,
    nx: int,
    ny: int,
    cell: float,
    radius: float,
    weeks: float,
    metric: int,
) -> FloatArray:
    """Sum of 1 / ((1 + d) (1 + t)) over the crimes in near cells and recent, both in whole steps.

    Ages are added up by cell, then every cell that holds a crime spreads a stencil of 1 / (1 + d).

    Parameters
    ----------
    col, row : array_like of int, shape (n,)
        Cell of each crime, counted from the south-west corner; may lie outside the grid.
    age_weeks : array_like of float, shape (n,)
        Age in weeks, not negative; t is its whole part.
    nx, ny : int
        Columns and rows.
    cell : float
        Side of a cell, metres.
    radius : float
        A crime counts where d x `cell` is below this; metres.
    weeks : float
        A crime counts while it is younger than this.
    metric : int
        Distance d between cell indices: 0 Chebyshev, 1 Manhattan, 2 Euclidean.

    Returns
    -------
    ndarray of float64, shape (ny, nx)
        The scores; row 0 in the south.

    References
    ----------
    Bowers, K. J., Johnson, S. D. & Pease, K. (2004). Prospective hot-spotting. Br. J. Criminol. 44, 641-658
    (as described in the PredictCode project's documentation).

    Examples
    --------
    >>> grid([0], [0], [1.9], 3, 1, 250.0, 400.0, 8.0, CHEBYSHEV)
    array([[0.5 , 0.25, 0.  ]])
    """
    where = (integers(col), integers(row), floats(age_weeks))
    return _grid(*where, int(nx), int(ny), float(cell), float(radius), float(weeks), int(metric))
