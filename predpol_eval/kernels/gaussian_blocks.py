"""Gaussian mass in square cells, exactly, for many crimes: a block's crimes enter as their moments.

Within a block no wider than the bandwidth, a crime's mass in any cell is a polynomial of where it stands, to
1e-15 of the peak. The Chebyshev moments of a block's crimes are thus all one has to know of them, and a crime
costs the same however many cells it reaches (after the fast Gauss transform; Greengard & Strain 1991).
"""

from __future__ import annotations

import math

import numpy as np

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.gaussian import REACH, chebyshev_table
from predpol_eval.kernels.points import FloatArray, IntArray, floats

ORDERS = 16  # 2 (w/4)^p / sqrt(p!) bounds the error of a block w bandwidths wide: 1e-16 for w = 1
# As measured: a multiplication in `gaussian.scatter` costs 1.7 of those here, over longer rows, and a crime there
# costs 3200 more, whatever it reaches. Only the speed hangs on it.
_DEARER = 1.7
_EXTRA = 3200.0


@njit(cache=True, error_model="numpy")
def _by_block(
    x: FloatArray, y: FloatArray, weight: FloatArray, x0: float, y0: float, scale: float, columns: int, rows: int
) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Counting sort: where in its block each crime stands, -1 to 1, block after block, and where each block begins.

    Crimes beyond the blocks are left out.
    """
    block = np.empty(x.size, np.int64)
    begin = np.zeros(rows * columns + 2, np.int64)
    for i in range(x.size):
        u = (x[i] - x0) * scale
        v = (y[i] - y0) * scale
        block[i] = -1
        if 0.0 <= u < columns and 0.0 <= v < rows:
            block[i] = int(v) * columns + int(u)
            begin[block[i] + 2] += 1
    for b in range(begin.size - 1):
        begin[b + 1] += begin[b]
    across = np.empty(begin[-1])
    along = np.empty(begin[-1])
    sorted_weight = np.empty(begin[-1])
    for i in range(x.size):
        if block[i] >= 0:
            at = begin[block[i] + 1]
            begin[block[i] + 1] += 1
            u = (x[i] - x0) * scale
            v = (y[i] - y0) * scale
            across[at] = 2.0 * (u - int(u)) - 1.0
            along[at] = 2.0 * (v - int(v)) - 1.0
            sorted_weight[at] = weight[i]
    return across, along, sorted_weight, begin


@njit(cache=True, error_model="numpy")
def _chebyshev(t: float, weight: float, out: FloatArray, row: int) -> None:
    before = weight
    now = t * weight
    for k in range(ORDERS):
        out[row, k] = before
        before, now = now, 2.0 * t * now - before


@njit(cache=True, error_model="numpy")
def _blocks(
    x: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    side: int,
    radius: int,
    table: FloatArray,
) -> FloatArray:
    scale = 1.0 / (side * cell)
    frame = (radius + side - 1) // side  # blocks of crimes outside the grid but within reach
    columns = (nx + side - 1) // side + 2 * frame
    rows = (ny + side - 1) // side + 2 * frame
    west = x0 - frame * side * cell
    south = y0 - frame * side * cell
    u, v, share, begin = _by_block(x, y, weight, west, south, scale, columns, rows)
    out = np.zeros((ny, nx))
    # Eight terms to a loop, written out: a row is then loaded and stored once for eight additions.
    moments = np.zeros((ORDERS, ORDERS))
    squeezed = np.zeros((ORDERS, nx))
    across = np.zeros((8, ORDERS))
    along = np.zeros((8, ORDERS))
    for by in range(rows):
        if begin[by * columns] == begin[(by + 1) * columns]:
            continue
        for j in range(ORDERS):
            for k in range(nx):
                squeezed[j, k] = 0.0
        for bx in range(columns):
            start = begin[by * columns + bx]
            end = begin[by * columns + bx + 1]
            own = (bx - frame) * side
            first = max(0, own - radius)
            stop = min(nx, own + side + radius)
            if start == end or stop <= first:
                continue
            for j in range(ORDERS):
                for k in range(ORDERS):
                    moments[j, k] = 0.0
            for group in range(start, end, 8):
                for e in range(8):
                    i = min(group + e, end - 1)
                    _chebyshev(u[i], 1.0, across, e)
                    _chebyshev(v[i], share[i] if group + e < end else 0.0, along, e)
                for j in range(ORDERS):
                    w0, w1, w2, w3 = along[0, j], along[1, j], along[2, j], along[3, j]
                    w4, w5, w6, w7 = along[4, j], along[5, j], along[6, j], along[7, j]
                    for k in range(ORDERS):
                        moments[j, k] += (
                            w0 * across[0, k] + w1 * across[1, k] + w2 * across[2, k] + w3 * across[3, k]
                            + w4 * across[4, k] + w5 * across[5, k] + w6 * across[6, k] + w7 * across[7, k]
                        )  # fmt: skip
            a = first - own + radius
            z = stop - own + radius
            for k in range(0, ORDERS, 8):
                t0, t1, t2, t3 = table[k][a:z], table[k + 1][a:z], table[k + 2][a:z], table[k + 3][a:z]
                t4, t5, t6, t7 = table[k + 4][a:z], table[k + 5][a:z], table[k + 6][a:z], table[k + 7][a:z]
                for j in range(ORDERS):
                    w0, w1, w2, w3 = moments[j, k], moments[j, k + 1], moments[j, k + 2], moments[j, k + 3]
                    w4, w5, w6, w7 = moments[j, k + 4], moments[j, k + 5], moments[j, k + 6], moments[j, k + 7]
                    target = squeezed[j][first:stop]
                    for c in range(target.size):
                        target[c] += (
                            w0 * t0[c] + w1 * t1[c] + w2 * t2[c] + w3 * t3[c]
                            + w4 * t4[c] + w5 * t5[c] + w6 * t6[c] + w7 * t7[c]
                        )  # fmt: skip
        own = (by - frame) * side
        for k in range(0, ORDERS, 8):
            t0, t1, t2, t3 = squeezed[k], squeezed[k + 1], squeezed[k + 2], squeezed[k + 3]
            t4, t5, t6, t7 = squeezed[k + 4], squeezed[k + 5], squeezed[k + 6], squeezed[k + 7]
            for r in range(max(0, own - radius), min(ny, own + side + radius)):
                at = r - own + radius
                w0, w1, w2, w3 = table[k, at], table[k + 1, at], table[k + 2, at], table[k + 3, at]
                w4, w5, w6, w7 = table[k + 4, at], table[k + 5, at], table[k + 6, at], table[k + 7, at]
                target = out[r]
                for c in range(nx):
                    target[c] += (
                        w0 * t0[c] + w1 * t1[c] + w2 * t2[c] + w3 * t3[c]
                        + w4 * t4[c] + w5 * t5[c] + w6 * t6[c] + w7 * t7[c]
                    )  # fmt: skip
    return out


def _shape(cell: float, bandwidth: float) -> tuple[int, int]:
    """Cells on the side of a block, and cells beyond it that its crimes reach."""
    return int(bandwidth / cell), math.ceil(REACH * bandwidth / cell)


def blocks_pay(crimes: int, cell: float, nx: int, ny: int, bandwidth: float) -> bool:
    """Whether `blocks` is expected to be faster than `gaussian.scatter`.

    Parameters
    ----------
    crimes : int
        Number of crimes.
    cell, nx, ny, bandwidth
        As for `predpol_eval.kernels.kde.gaussian_cell_mass`.

    Returns
    -------
    bool
        False where a cell is wider than the bandwidth or the bandwidth nearly as wide as the grid.

    Examples
    --------
    >>> blocks_pay(100, 250.0, 160, 160, 500.0), blocks_pay(100_000, 250.0, 160, 160, 500.0)
    (False, True)
    """
    if not cell <= bandwidth <= 0.25 * max(nx, ny) * cell:
        return False
    side, radius = _shape(cell, bandwidth)
    reached = 2 * radius + side
    per_crime = min(nx, reached) * min(ny, reached) + 2 * ORDERS * reached
    block_rows = ny / side
    passes = min(crimes, nx / side * block_rows) * ORDERS**2 * reached + block_rows * ORDERS * reached * nx
    return passes < crimes * (_DEARER * per_crime + _EXTRA)


def blocks(
    x: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    bandwidth: float,
) -> FloatArray:
    """Gather the crimes of every block as moments, spread those eastward, then northward.

    Parameters and result as for `predpol_eval.kernels.kde.gaussian_cell_mass`; the bandwidth must not be
    below the side of a cell.

    Examples
    --------
    >>> blocks(np.array([5.0]), np.array([5.0]), np.ones(1), 0.0, 0.0, 10.0, 3, 1, 15.0).round(4)
    array([[0.0682, 0.055 , 0.0289]])
    """
    side, radius = _shape(cell, bandwidth)
    table = chebyshev_table(side * cell, 1, ORDERS, cell, bandwidth, radius)[0]
    place = (float(x0), float(y0), float(cell), int(nx), int(ny))
    return _blocks(floats(x), floats(y), floats(weight), *place, side, radius, floats(table))
