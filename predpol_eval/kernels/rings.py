"""Risk in rings around crimes, averaged over square cells: the area of a cell that lies within a distance is exact."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

EUCLIDEAN = 0
MANHATTAN = 1


@njit(cache=True, error_model="numpy")
def _corner(u: float, v: float, radius: float, metric: int) -> float:
    """Area within the radius of the rectangle between the centre and (u, v), with the sign of u v."""
    sign = (1.0 if u >= 0.0 else -1.0) * (1.0 if v >= 0.0 else -1.0)
    a = min(abs(u), radius)
    b = min(abs(v), radius)
    if metric == MANHATTAN:
        beyond = max(a + b - radius, 0.0)
        return sign * (a * b - 0.5 * beyond * beyond)
    if a * a + b * b <= radius * radius:
        return sign * a * b
    # Up to `start` the rectangle ends at b; from there on the circle is lower.
    start = math.sqrt(radius * radius - b * b)
    under = a * math.sqrt(radius * radius - a * a) - start * b
    turn = math.asin(min(a / radius, 1.0)) - math.asin(min(start / radius, 1.0))
    return sign * (b * start + 0.5 * (under + radius * radius * turn))


@njit(cache=True, error_model="numpy")
def _share(west: float, south: float, cell: float, radius: float, metric: int) -> float:
    """Share of a cell within the radius of the centre; its lower left corner is at (west, south)."""
    east, north = west + cell, south + cell
    near_x, near_y = max(west, -east, 0.0), max(south, -north, 0.0)
    far_x, far_y = max(-west, east), max(-south, north)
    if metric == MANHATTAN:
        near, far = near_x + near_y, far_x + far_y
    else:
        near, far = math.sqrt(near_x * near_x + near_y * near_y), math.sqrt(far_x * far_x + far_y * far_y)
    if near >= radius:
        return 0.0
    if far <= radius:
        return 1.0
    upper = _corner(east, north, radius, metric) - _corner(west, north, radius, metric)
    lower = _corner(east, south, radius, metric) - _corner(west, south, radius, metric)
    return min(max((upper - lower) / (cell * cell), 0.0), 1.0)


@njit(cache=True, error_model="numpy")
def _rings(
    x: FloatArray,
    y: FloatArray,
    column: IntArray,
    weights: FloatArray,
    edges: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    metric: int,
) -> FloatArray:
    out = np.zeros((ny, nx))
    radius = edges[-1]
    for i in range(x.size):
        dx = x[i] - x0
        dy = y[i] - y0
        # One cell more in the west and south: rounded, `dx - radius` may be an edge that it lies beyond.
        first = int(min(float(nx), max(0.0, np.floor((dx - radius) / cell) - 1.0)))
        stop = int(max(0.0, min(float(nx), np.floor((dx + radius) / cell) + 1.0)))
        bottom = int(min(float(ny), max(0.0, np.floor((dy - radius) / cell) - 1.0)))
        top = int(max(0.0, min(float(ny), np.floor((dy + radius) / cell) + 1.0)))
        for r in range(bottom, top):
            south = r * cell - dy
            row = out[r]
            for k in range(first, stop):
                west = k * cell - dx
                inner = _share(west, south, cell, edges[0], metric) if edges[0] > 0.0 else 0.0
                for ring in range(edges.size - 1):
                    outer = _share(west, south, cell, edges[ring + 1], metric)
                    row[k] += weights[ring, column[i]] * max(outer - inner, 0.0)
                    inner = outer
    return out


def rings(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    column: npt.ArrayLike,
    weights: npt.ArrayLike,
    edges: npt.ArrayLike,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    metric: int,
) -> FloatArray:
    """Sum over crimes of the mean, over each cell, of a weight by distance from the crime.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Crimes in metres; those outside the grid count too.
    column : array_like of int, shape (n,)
        Column of `weights` that each crime takes.
    weights : array_like of float, shape (r, c)
        Weight in each ring.
    edges : array_like of float, shape (r + 1,)
        Rising radii of the rings, metres; the first may be 0.
    x0, y0 : float
        Lower left corner of the grid, metres.
    cell : float
        Side of a cell, metres.
    nx, ny : int
        Columns and rows.
    metric : int
        0 Euclidean (rings between circles), 1 Manhattan (between squares that stand on a corner).

    Returns
    -------
    ndarray of float64, shape (ny, nx)
        The scores; row 0 in the south.

    Examples
    --------
    A quarter of a circle of 100 m in each of two cells that meet at the crime:

    >>> rings([100.0], [0.0], [0], [[1.0]], [0.0, 100.0], 0.0, 0.0, 100.0, 2, 1, EUCLIDEAN).round(4)
    array([[0.7854, 0.7854]])
    """
    place = (float(x0), float(y0), float(cell), int(nx), int(ny))
    return _rings(floats(x), floats(y), integers(column), floats(weights), floats(edges), *place, int(metric))
