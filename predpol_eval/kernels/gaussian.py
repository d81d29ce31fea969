"""Gaussian mass in square cells, exactly, one crime after the other."""

from __future__ import annotations

import math

import numpy as np

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats

REACH = 8.3  # bandwidths: beyond, exp(-z^2/2) is 1.1e-15 of the peak
TABLE_UP_TO = 8.0  # bandwidths: a larger cell meets so few neighbours that erf is cheaper than a table

_ROOT_HALF = math.sqrt(0.5)


@njit(cache=True, error_model="numpy")
def _erf_and_tail(z: float) -> tuple[float, float]:
    """What erf(z) and erfc(|z|) are, each from the one that is small.

    Their differences then keep nearly all their digits: in the tails, so that far cells keep their order, and
    about the middle, where a cell is far smaller than the bandwidth.
    """
    if abs(z) < 0.5:
        inner = math.erf(z)
        return inner, 1.0 - abs(inner)
    tail = math.erfc(abs(z))
    return math.copysign(1.0 - tail, z), tail


@njit(cache=True, error_model="numpy")
def _erf_profile(at: float, cell: float, n: int, bandwidth: float, reach: float, out: FloatArray) -> tuple[int, int]:
    """Mass of N(at, bandwidth^2) in cells [k cell, (k+1) cell); fills out[:stop - first]."""
    first = int(min(float(n), max(0.0, np.floor((at - reach * bandwidth) / cell))))
    stop = int(max(0.0, min(float(n), np.ceil((at + reach * bandwidth) / cell))))
    scale = _ROOT_HALF / bandwidth
    left = (first * cell - at) * scale
    left_inner, left_tail = _erf_and_tail(left)
    for k in range(first, stop):
        right = ((k + 1) * cell - at) * scale
        right_inner, right_tail = _erf_and_tail(right)
        if left >= 0.5:
            out[k - first] = 0.5 * (left_tail - right_tail)
        elif right <= -0.5:
            out[k - first] = 0.5 * (right_tail - left_tail)
        else:
            out[k - first] = 0.5 * (right_inner - left_inner)
        left, left_inner, left_tail = right, right_inner, right_tail
    return first, max(first, stop)


@njit(cache=True, error_model="numpy")
def _profiles(
    at: FloatArray, cell: float, n: int, bandwidth: float, reach: float
) -> tuple[FloatArray, IntArray, IntArray]:
    most = int(min(float(n), 2.0 * reach * bandwidth / cell + 3.0))
    masses = np.zeros((at.size, most))
    first = np.empty(at.size, np.int64)
    stop = np.empty(at.size, np.int64)
    for i in range(at.size):
        first[i], stop[i] = _erf_profile(at[i], cell, n, bandwidth, reach, masses[i])
    return masses, first, stop


def profiles(
    at: FloatArray, cell: float, n: int, bandwidth: float, reach: float
) -> tuple[FloatArray, IntArray, IntArray]:
    """Mass of N(at, bandwidth^2) in each of `n` cells in a row that starts at 0.

    Parameters
    ----------
    at : ndarray of float64, shape (m,)
        Middles of the normal distributions, metres.
    cell : float
        Side of a cell, metres.
    n : int
        Number of cells.
    bandwidth : float
        Standard deviation, metres.
    reach : float
        Cells that lie further than this from `at` count as empty; in bandwidths.

    Returns
    -------
    masses : ndarray of float64, shape (m, most)
        Row i holds the masses of the cells ``first[i]`` up to ``stop[i]``, then zeros.
    first, stop : ndarray of int64, shape (m,)
        The cells within reach.

    Examples
    --------
    >>> masses, first, stop = profiles(np.array([10.0]), 10.0, 9, 5.0, 4.0)
    >>> masses.round(3), first, stop
    (array([[0.477, 0.477, 0.023, 0.   , 0.   , 0.   , 0.   ]]), array([0]), array([3]))
    """
    return _profiles(floats(at), float(cell), int(n), float(bandwidth), float(reach))


def chebyshev_table(width: float, parts: int, orders: int, cell: float, bandwidth: float, radius: int) -> FloatArray:
    """Mass in the cells around a strip as Chebyshev polynomials of where in the strip a crime stands.

    Parameters
    ----------
    width : float
        Width of the strip, a whole number of cells; metres.
    parts : int
        Equal parts of the strip, each with polynomials of its own.
    orders : int
        Coefficients of a polynomial.
    cell, bandwidth : float
        Metres.
    radius : int
        Cells before and after the strip.

    Returns
    -------
    ndarray of float64, shape (parts, orders, 2 * radius + cells of the strip)
        With t from -1 to 1 across a part, the mass in cell k is ``sum(table[part, j, k] * cos(j * acos(t)))``.

    Examples
    --------
    >>> table = chebyshev_table(10.0, 1, 12, 10.0, 20.0, 3)
    >>> t = 2 * 0.3 - 1
    >>> mass = sum(table[0, j, 3] * np.cos(j * np.arccos(t)) for j in range(12))
    >>> exact = 0.5 * (math.erf(7 / 20 / 2**0.5) + math.erf(3 / 20 / 2**0.5))
    >>> bool(abs(mass - exact) < 1e-14)
    True
    """
    angle = np.pi * (np.arange(orders) + 0.5) / orders
    place = (np.arange(parts)[:, None] + 0.5 + 0.5 * np.cos(angle)) / parts
    n = 2 * radius + round(width / cell)
    # 30 bandwidths: a polynomial cannot follow a profile that is cut off in its range.
    packed, first, stop = profiles((radius * cell + place * width).ravel(), cell, n, bandwidth, 30.0)
    masses = np.zeros((packed.shape[0], n))
    for row, values, start, end in zip(masses, packed, first, stop, strict=True):
        row[start:end] = values[: end - start]
    share = np.cos(np.arange(orders)[:, None] * angle) * (2.0 / orders)
    share[0] *= 0.5
    # Not a matrix product: that is free to add up in another order on another number of threads.
    return floats(np.einsum("ja,pak->pjk", share, masses.reshape(parts, orders, n)))


@njit(cache=True, error_model="numpy")
def _table_profile(at: float, cell: float, n: int, table: FloatArray, out: FloatArray) -> tuple[int, int]:
    """What `_erf_profile` gives, for a point inside the grid, without a single erf."""
    radius = table.shape[2] // 2
    own = min(int(at / cell), n - 1)
    first = max(0, own - radius)
    stop = min(n, own + radius + 1)
    inside = (at / cell - own) * table.shape[0]
    part = min(int(inside), table.shape[0] - 1)
    t = 2.0 * (inside - part) - 1.0
    shift = first - own + radius
    coefficients = table[part]
    masses = out[: stop - first]
    for k in range(masses.size):
        masses[k] = 0.0
    before = 0.0
    now = 1.0
    for order in range(coefficients.shape[0]):
        row = coefficients[order][shift : shift + masses.size]
        for k in range(masses.size):
            masses[k] += now * row[k]
        before, now = now, (2.0 * t * now - before if order > 0 else t)
    return first, stop


@njit(cache=True, error_model="numpy")
def _scatter(
    out: FloatArray,
    touching: IntArray,
    step: int,
    x: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    bandwidth: float,
    table: FloatArray,
) -> None:
    ny, nx = out.shape
    use_table = table.size > 0
    counted = touching.size > 0
    across = np.empty(nx)
    along = np.empty(ny)
    for i in range(x.size):
        dx = x[i] - x0
        dy = y[i] - y0
        if use_table and 0.0 <= dx < nx * cell:
            first, stop = _table_profile(dx, cell, nx, table, across)
        else:
            first, stop = _erf_profile(dx, cell, nx, bandwidth, REACH, across)
        if stop <= first:
            continue
        if use_table and 0.0 <= dy < ny * cell:
            bottom, top = _table_profile(dy, cell, ny, table, along)
        else:
            bottom, top = _erf_profile(dy, cell, ny, bandwidth, REACH, along)
        masses = across[: stop - first]
        for r in range(bottom, top):
            share = weight[i] * along[r - bottom]
            row = out[r, first:stop]
            for k in range(masses.size):
                row[k] += share * masses[k]
            if counted:
                near = touching[r, first:stop]
                for k in range(masses.size):
                    near[k] += step


def profile_table(cell: float, nx: int, ny: int, bandwidth: float) -> FloatArray:
    """Table of the masses around a crime inside the grid; empty where erf is cheaper.

    Its polynomials, over half a bandwidth at most, err by less than 1e-13 of the local value, tails included.

    Examples
    --------
    >>> profile_table(250.0, 160, 160, 500.0).shape[0], profile_table(5000.0, 8, 8, 500.0).size
    (1, 0)
    """
    if cell > TABLE_UP_TO * bandwidth:
        return floats(np.zeros((0, 0, 0)))
    parts = math.ceil(2.0 * cell / bandwidth)
    ratio = (REACH + 0.7) * cell / (parts * bandwidth) / 4.0
    orders = next(p for p in range(2, 99) if 2.0 * ratio**p < 1e-13 * math.factorial(p))
    radius = min(math.ceil(REACH * bandwidth / cell), max(nx, ny))
    return chebyshev_table(cell, parts, orders, cell, bandwidth, radius)


def scatter_onto(
    out: FloatArray,
    touching: IntArray,
    step: int,
    x: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    bandwidth: float,
    table: FloatArray,
) -> None:
    """Add crimes to a surface that is there, or, with weights below 0, take them off it again.

    Parameters
    ----------
    out : ndarray of float64, shape (ny, nx)
        Changed in place.
    touching : ndarray of int64, shape (ny, nx) or (0, 0)
        How many crimes reach each cell: `step` is added for each; changed in place. What is taken off leaves rests of
        rounding, which where none reaches any more should be nothing.
    step : int
        1, or -1 where crimes are taken off.
    x, y, weight, x0, y0, cell, bandwidth
        As for `scatter`.
    table : ndarray of float64
        `profile_table` of this grid and bandwidth.

    Examples
    --------
    >>> out, touching = np.zeros((1, 3)), np.zeros((1, 3), dtype=np.int64)
    >>> place = np.array([5.0]), np.array([5.0])
    >>> table = profile_table(10.0, 3, 1, 5.0)
    >>> scatter_onto(out, touching, 1, *place, np.ones(1), 0.0, 0.0, 10.0, 5.0, table)
    >>> scatter_onto(out, touching, -1, *place, -np.ones(1), 0.0, 0.0, 10.0, 5.0, table)
    >>> out.tolist(), touching.tolist()
    ([[0.0, 0.0, 0.0]], [[0, 0, 0]])
    """
    crimes = floats(x), floats(y), floats(weight)
    _scatter(out, touching, int(step), *crimes, float(x0), float(y0), float(cell), float(bandwidth), floats(table))


def scatter(
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
    """Add every crime's Gaussian, an outer product of two profiles, to the cells within reach.

    Parameters and result as for `predpol_eval.kernels.kde.gaussian_cell_mass`. The profiles of crimes inside
    the grid come from a table (`profile_table`).

    Examples
    --------
    >>> scatter(np.array([5.0]), np.array([5.0]), np.ones(1), 0.0, 0.0, 10.0, 3, 1, 5.0).round(3)
    array([[0.466, 0.107, 0.001]])
    """
    out = np.zeros((int(ny), int(nx)))
    table = profile_table(cell, nx, ny, bandwidth)
    scatter_onto(out, np.zeros((0, 0), dtype=np.int64), 1, x, y, weight, x0, y0, cell, bandwidth, table)
    return out
