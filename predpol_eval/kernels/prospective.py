"""Prospective hot-spotting: every recent crime raises the risk around it, by distance and by age."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

CHEBYSHEV = 0
MANHATTAN = 1
EUCLIDEAN = 2
# Cells that are added to side by side.
CHUNK = 16
# Numbers in a line of the processor's cache.
LINE = 8
# What it costs to add to a cell, to turn to a row of the stencil, and to turn to a crime: nanoseconds, roughly.
A_VISIT, A_ROW, A_CRIME = 0.2, 5.0, 10.0


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
def _stencil(nx: int, ny: int, cell: float, radius: float, metric: int) -> FloatArray:
    reach = 0  # the farthest cell that counts, as far as the grid can tell
    while reach + 1 < max(nx, ny) and (reach + 1) * cell < radius:
        reach += 1
    # Its northern half. Rows of whole chunks, filled up with zeros: only such loops are worked off in lanes throughout.
    width = (2 * reach + CHUNK) // CHUNK * CHUNK
    stencil = np.zeros((reach + 1, width))
    for r in range(reach + 1):
        for k in range(-reach, reach + 1):
            distance = _steps(abs(k), r, metric)
            if distance * cell < radius:
                stencil[r, k + reach] = 1.0 / (1.0 + distance)
    return stencil


@njit(cache=True, error_model="numpy")
def _gather(
    col: IntArray, row: IntArray, age_weeks: FloatArray, nx: int, ny: int, weeks: float, stencil: FloatArray
) -> tuple[FloatArray, int]:
    out = np.zeros((ny, nx))
    reach = stencil.shape[0] - 1
    outside = 0
    # One more for what does not count: without a branch, which would be guessed wrong too often.
    recent = np.zeros(ny * nx + 1)
    for i in range(col.size):
        inside = (col[i] >= 0) & (col[i] < nx) & (row[i] >= 0) & (row[i] < ny)
        young = age_weeks[i] < weeks
        outside += young and not inside
        recent[row[i] * nx + col[i] if young and inside else ny * nx] += 1.0 / (1.0 + np.floor(age_weeks[i]))
    for r in range(ny):
        line = out[r]
        for source in range(max(0, r - reach), min(ny, r + reach + 1)):
            values = recent[source * nx : source * nx + nx]
            for k in range(2 * reach + 1):
                weight = stencil[abs(source - r), k]
                first = max(0, k - reach)
                stop = min(nx, nx + k - reach)
                if weight == 0.0 or stop <= first:
                    continue
                target = line[first:stop]
                value = values[first - k + reach : stop - k + reach]
                for c in range(target.size):
                    target[c] += weight * value[c]
    return out, outside


@njit(cache=True, error_model="numpy")
def _scatter(
    col: IntArray, row: IntArray, age_weeks: FloatArray, nx: int, ny: int, weeks: float, stencil: FloatArray
) -> tuple[FloatArray, int]:
    # Rows that all begin alike in the processor's lines are added to faster; they are closed up in the end.
    pitch = (nx + LINE - 1) // LINE * LINE
    store = np.zeros(ny * pitch)
    out = store.reshape((ny, pitch))
    reach, width = stencil.shape[0] - 1, stencil.shape[1]
    # Crimes in order of rows, so that the rows that are added to stay at hand; last come those that do not count.
    begins = np.zeros(ny + 2, np.int64)
    outside = 0
    for i in range(col.size):
        inside = (col[i] >= 0) & (col[i] < nx) & (row[i] >= 0) & (row[i] < ny)
        young = age_weeks[i] < weeks
        outside += young and not inside
        begins[(row[i] if young and inside else ny) + 1] += 1
    for r in range(ny + 1):
        begins[r + 1] += begins[r]
    column = np.empty(col.size, np.int64)
    shares = np.empty(col.size)
    slot = begins.copy()
    for i in range(col.size):
        inside = (col[i] >= 0) & (col[i] < nx) & (row[i] >= 0) & (row[i] < ny)
        line_of = row[i] if age_weeks[i] < weeks and inside else ny
        at = slot[line_of]
        slot[line_of] = at + 1
        column[at] = col[i]
        shares[at] = 1.0 / (1.0 + np.floor(age_weeks[i]))
    recent = np.zeros(nx)
    for r in range(ny):
        for p in range(begins[r], begins[r + 1]):
            recent[column[p]] += shares[p]
        for p in range(begins[r], begins[r + 1]):
            k = column[p]
            share = recent[k]
            if share == 0.0:
                continue  # another crime of the cell has spread it
            recent[k] = 0.0
            left, skip, count = k - reach, 0, width
            if left < 0 or left + width > nx:
                left, skip = max(0, k - reach), max(0, reach - k)
                count = min(nx, k + reach + 1) - left
            for target in range(max(0, r - reach), min(ny, r + reach + 1)):
                weights = stencil[abs(target - r), skip : skip + count]
                line = out[target, left : left + count]
                for c in range(count):
                    line[c] += share * weights[c]
    if pitch > nx:
        for r in range(1, ny):
            for k in range(nx):
                store[r * nx + k] = store[r * pitch + k]
    return store[: ny * nx].reshape((ny, nx)), outside


@njit(cache=True, error_model="numpy")
def _add_outside(
    out: FloatArray,
    col: IntArray,
    row: IntArray,
    age_weeks: FloatArray,
    cell: float,
    radius: float,
    weeks: float,
    metric: int,
) -> None:
    # They are few and may be far away: one by one, so that no frame of cells is needed.
    ny, nx = out.shape
    beyond = int(min(radius / cell, 1e15)) + 1
    for i in range(col.size):
        across = max(0, -col[i], col[i] - nx + 1)
        along = max(0, -row[i], row[i] - ny + 1)
        if max(across, along) == 0 or not (max(across, along) * cell < radius and age_weeks[i] < weeks):
            continue
        share = 1.0 / (1.0 + np.floor(age_weeks[i]))
        for r in range(max(0, row[i] - beyond), min(ny, row[i] + beyond + 1)):
            for k in range(max(0, col[i] - beyond), min(nx, col[i] + beyond + 1)):
                distance = _steps(abs(k - col[i]), abs(r - row[i]), metric)
                if distance * cell < radius:
                    out[r, k] += share / (1.0 + distance)


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

    Ages are added up by cell. Then every cell that holds a crime spreads a stencil of 1 / (1 + d), or, where crimes are
    dense, every cell is given the sum of its neighbours' ages times that; neither is an approximation.

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
    crimes = (integers(col), integers(row), floats(age_weeks))
    columns, rows, side, limits = int(nx), int(ny), float(cell), (float(radius), float(weeks))
    stencil = _stencil(columns, rows, side, limits[0], int(metric))
    across, width = 2 * stencil.shape[0] - 1, stencil.shape[1]
    by_cells = A_VISIT * across**2 * columns * rows
    taken = min(crimes[0].size, columns * rows)
    by_crimes = A_CRIME * crimes[0].size + across * (A_ROW + A_VISIT * width) * taken
    spread = _gather if by_cells < by_crimes else _scatter
    out, outside = spread(*crimes, columns, rows, limits[1], stencil)
    if outside:
        _add_outside(out, *crimes, side, *limits, int(metric))
    return np.asarray(out)
