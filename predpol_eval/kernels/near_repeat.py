"""Cocooning: the risk a crime leaves around its place."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers, merge

LINEAR = 0
EXPONENTIAL = 1


@njit(cache=True, error_model="numpy")
def _cocoon(
    x: FloatArray,
    y: FloatArray,
    time_weight: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    radius: float,
    kernel: int,
    own_column: IntArray,
    own_row: IntArray,
) -> FloatArray:
    out = np.zeros((ny, nx))
    leave_out = own_column.size > 0
    for i in range(x.size):
        dx = x[i] - x0
        dy = y[i] - y0
        # One cell more in the west and south: rounded, `dx - radius` may be an edge that it lies beyond.
        first = int(min(float(nx), max(0.0, np.floor((dx - radius) / cell) - 1.0)))
        stop = int(max(0.0, min(float(nx), np.floor((dx + radius) / cell) + 1.0)))
        bottom = int(min(float(ny), max(0.0, np.floor((dy - radius) / cell) - 1.0)))
        top = int(max(0.0, min(float(ny), np.floor((dy + radius) / cell) + 1.0)))
        for r in range(bottom, top):
            north = max(0.0, r * cell - dy, dy - (r + 1) * cell)
            row = out[r]
            for k in range(first, stop):
                east = max(0.0, k * cell - dx, dx - (k + 1) * cell)
                distance = math.sqrt(east * east + north * north)
                if distance < radius and not (leave_out and k == own_column[i] and r == own_row[i]):
                    near = distance / radius
                    row[k] += time_weight[i] * (1.0 - near if kernel == LINEAR else math.exp(-3.0 * near))
    return out


def cocoon(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    time_weight: npt.ArrayLike,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    radius: float,
    kernel: int,
    own: tuple[IntArray, IntArray] | None = None,
) -> FloatArray:
    """Sum over crimes of a weight in time x a weight in space, for every cell.

    The distance d is from the crime to the nearest point of the cell: 0 for the cell it happened in, and for
    both neighbours of an edge it lies on. Crimes on one place are added up first.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Crimes in metres; those outside the grid count too.
    time_weight : array_like of float, shape (n,)
        Weight of each crime by its age.
    x0, y0 : float
        Lower left corner of the grid, metres.
    cell : float
        Side of a cell, metres.
    nx, ny : int
        Columns and rows.
    radius : float
        A crime counts where d is below this; metres, above 0.
    kernel : int
        Weight in space: 0 linear, ``1 - d/radius``; 1 exponential, ``exp(-3 d/radius)``.
    own : (column, row), arrays of int of shape (n,), optional
        The cell to which each crime gives nothing.

    Returns
    -------
    ndarray of float64, shape (ny, nx)
        The scores; row 0 in the south.

    References
    ----------
    Johnson, S. D. et al. (2007). Space-time patterns of risk: a cross national assessment of residential
    burglary victimization. J. Quant. Criminol. 23, 201-219.

    Examples
    --------
    >>> cocoon([100.0], [50.0], [1.0], 0.0, 0.0, 250.0, 3, 1, 300.0, LINEAR).round(6)
    array([[1. , 0.5, 0. ]])
    """
    if own is None:
        x, y, time_weight = merge(x, y, time_weight)
        column = row = integers([])
    else:
        x, y, time_weight = floats(x), floats(y), floats(time_weight)
        column, row = integers(own[0]), integers(own[1])
    place = (float(x0), float(y0), float(cell), int(nx), int(ny))
    return _cocoon(x, y, time_weight, *place, float(radius), int(kernel), column, row)
