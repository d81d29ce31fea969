"""What a crime gives to the cells around it, worked out once and added up night after night with other weights."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

PROSPECTIVE = 0
LINEAR = 1
EXPONENTIAL = 2
RUN = 4  # neighbouring cells that are added to at a time


@njit(cache=True, error_model="numpy")
def _box(at: float, reach: float, cell: float, n: int) -> tuple[int, int]:
    """Cells of a row, one more on either side, that may lie within reach."""
    first = int(min(float(n), max(0.0, np.floor((at - reach) / cell) - 1.0)))
    stop = int(max(0.0, min(float(n), np.floor((at + reach) / cell) + 2.0)))
    return first, max(first, stop)


@njit(cache=True, error_model="numpy")
def _share(east: float, north: float, cell: float, radius: float, form: int, unit: float) -> float:
    """What a cell is given whose south-west corner lies so far east and north of the crime; 0 beyond the radius."""
    if form == PROSPECTIVE:
        across = east + 0.5 * cell
        along = north + 0.5 * cell
    else:
        across = max(0.0, east, -east - cell)
        along = max(0.0, north, -north - cell)
    distance = math.sqrt(across * across + along * along)
    if not distance < radius:
        return 0.0
    if form == PROSPECTIVE:
        return 1.0 / (1.0 + distance / unit)
    near = distance / radius
    return 1.0 - near if form == LINEAR else math.exp(-3.0 * near)


@njit(cache=True, error_model="numpy")
def _stencils(
    x: FloatArray,
    y: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    radius: float,
    form: int,
    unit: float,
) -> tuple[IntArray, IntArray, FloatArray]:
    first_of = np.zeros(x.size + 1, np.int64)
    most = 0
    for i in range(x.size):
        first, stop = _box(x[i] - x0, radius, cell, nx)
        bottom, top = _box(y[i] - y0, radius, cell, ny)
        most += ((stop - first + RUN - 1) // RUN) * (top - bottom)
    place = np.empty(most, np.int64)
    share = np.zeros((most, RUN))
    found = 0
    for i in range(x.size):
        dx = x[i] - x0
        dy = y[i] - y0
        first, stop = _box(dx, radius, cell, nx)
        bottom, top = _box(dy, radius, cell, ny)
        for r in range(bottom, top):
            k = first
            while k < stop:
                given = _share(k * cell - dx, r * cell - dy, cell, radius, form, unit)
                if not given > 0.0:
                    k += 1
                    continue
                # A run begins with a cell that is reached, and ends with the row.
                place[found] = r * nx + k
                for j in range(min(RUN, stop - k)):
                    share[found, j] = _share((k + j) * cell - dx, r * cell - dy, cell, radius, form, unit)
                found += 1
                k += RUN
        first_of[i + 1] = found
    return first_of, place[:found].copy(), share[:found].copy()


def stencils(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    radius: float,
    form: int,
    unit: float,
) -> tuple[IntArray, IntArray, FloatArray]:
    """Cells that every crime reaches, and what it gives each of them before its age is counted.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Crimes in metres; those outside the grid count too.
    x0, y0 : float
        Lower left corner of the grid, metres.
    cell : float
        Side of a cell, metres.
    nx, ny : int
        Columns and rows.
    radius : float
        Metres; a cell counts where its distance d is below this.
    form : int
        0: ``1/(1 + d/unit)``, d to the cell's centre (`prospective.continuous`). 1: ``1 - d/radius`` and 2:
        ``exp(-3 d/radius)``, d to the cell's nearest point (`near_repeat.cocoon`).
    unit : float
        Metres of one step of distance, for form 0.

    Returns
    -------
    first : ndarray of int64, shape (n + 1,)
        What crime i gives stands from ``first[i]`` to ``first[i + 1]``.
    place : ndarray of int64, shape (runs,)
        The first of four neighbouring cells, as ``row * nx + column``.
    share : ndarray of float64, shape (runs, 4)
        What each of the four is given; 0 beyond the radius and the row.

    Examples
    --------
    >>> first, place, share = stencils([100.0], [50.0], 0.0, 0.0, 250.0, 3, 1, 300.0, LINEAR, 1.0)
    >>> first.tolist(), place.tolist(), share.tolist()
    ([0, 1], [0], [[1.0, 0.5, 0.0, 0.0]])
    """
    place = (float(x0), float(y0), float(cell), int(nx), int(ny))
    return _stencils(floats(x), floats(y), *place, float(radius), int(form), float(unit))


@njit(cache=True, error_model="numpy")
def _add_up(
    first: IntArray, place: IntArray, share: FloatArray, which: IntArray, weight: FloatArray, out: FloatArray
) -> None:
    out[:] = 0.0
    for k in range(which.size):
        i = which[k]
        w = weight[k]
        for j in range(first[i], first[i + 1]):
            p = place[j]
            # Four at a time, all read before any is written: the machine then does them together.
            a = out[p] + w * share[j, 0]
            b = out[p + 1] + w * share[j, 1]
            c = out[p + 2] + w * share[j, 2]
            d = out[p + 3] + w * share[j, 3]
            out[p] = a
            out[p + 1] = b
            out[p + 2] = c
            out[p + 3] = d


def add_up(
    first: IntArray,
    place: IntArray,
    share: FloatArray,
    which: npt.ArrayLike,
    weight: npt.ArrayLike,
    cells: int,
    out: FloatArray | None = None,
) -> FloatArray:
    """Sum over crimes of a weight times what the crime gives.

    Parameters
    ----------
    first, place, share
        From `stencils`.
    which : array_like of int, shape (m,)
        Crimes that count.
    weight : array_like of float, shape (m,)
        Weight of each of them.
    cells : int
        Cells of the grid.
    out : array of float64, shape (cells + RUN,), optional
        Memory for the sums, used night after night: the last run of a crime may reach beyond the grid, with nothing.

    Returns
    -------
    ndarray of float64, shape (cells,)

    Examples
    --------
    >>> made = stencils([100.0, 100.0], [50.0, 50.0], 0.0, 0.0, 250.0, 3, 1, 300.0, LINEAR, 1.0)
    >>> add_up(*made, [0, 1], [1.0, 0.5], 3).tolist()
    [1.5, 0.75, 0.0]
    """
    into = np.empty(int(cells) + RUN) if out is None else out
    _add_up(integers(first), integers(place), floats(share), integers(which), floats(weight), into)
    return into[: int(cells)]
