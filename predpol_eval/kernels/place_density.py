"""Weighted sum of Gaussians at the very places that they stand on, to thirteen digits of its peak."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

# Bandwidths: what lies beyond adds less than 7e-13 of a kernel's mass.
REACH = 7.5
# Blocks of two bandwidths, in each a Chebyshev series of so many terms a side: 1e-13 of a kernel's peak.
_SIDE = 2.0
_ORDERS = 18
_OFFSETS = 4
# No more blocks than this (160 MB). What a block and a place cost, in pairs of places added up one by one.
_MOST_BLOCKS = 20_000
_BLOCK_COST = 5_000.0
_PLACE_COST = 60.0
# Places at once: what a chunk needs stays in the nearest cache.
_CHUNK = 512
# exp(-x) is (exp(-x/128))^128, by a polynomial of the eighth degree; see `pair_sums`. It errs by less than 1e-16;
# beyond `_DEEPEST` it stays where it is, at 1e-39.
_DEEPEST = 90.0


# Contracted: a product that is added is rounded once instead of twice, where the processor can.
@njit(cache=True, error_model="numpy", fastmath={"contract"})
def _gaussians(
    x: FloatArray, y: FloatArray, weight: FloatArray, east: float, north: float, scale: float, out: FloatArray
) -> None:  # pragma: no cover - compiled
    for k in range(x.size):
        dx = x[k] - east
        dy = y[k] - north
        z = max((dx * dx + dy * dy) * scale, -_DEEPEST) * (1.0 / 128.0)
        p = 1.0 / 5040.0 + z * (1.0 / 40320.0)
        p = 1.0 / 720.0 + z * p
        p = 1.0 / 120.0 + z * p
        p = 1.0 / 24.0 + z * p
        p = 1.0 / 6.0 + z * p
        p = 0.5 + z * p
        p = 1.0 + z * p
        p = 1.0 + z * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        out[k] = weight[k] * (p * p)


@njit(cache=True, error_model="numpy")
def _direct(
    x: FloatArray, y: FloatArray, weight: FloatArray, begins: IntArray, side: float, bandwidth: float
) -> FloatArray:  # pragma: no cover - compiled
    """Places sorted by column of a strip `side` wide, then y; `begins` tells where each column starts."""
    out = np.zeros(x.size)
    part = np.empty(_CHUNK)
    reach = REACH * bandwidth
    scale = -0.5 / (bandwidth * bandwidth)
    for column in range(begins.size - 1):
        for near in range(max(0, column - 1), min(begins.size - 1, column + 2)):
            first = begins[near]
            stop = begins[near]
            for i in range(begins[column], begins[column + 1]):
                while first < begins[near + 1] and y[first] < y[i] - reach:
                    first += 1
                stop = max(stop, first)
                while stop < begins[near + 1] and y[stop] <= y[i] + reach:
                    stop += 1
                for begin in range(first, stop, _CHUNK):
                    size = min(_CHUNK, stop - begin)
                    xs = x[begin : begin + size]
                    ys = y[begin : begin + size]
                    _gaussians(xs, ys, weight[begin : begin + size], x[i], y[i], scale, part)
                    total = 0.0
                    other = 0.0
                    k = 0
                    while k + 1 < size:
                        total += part[k]
                        other += part[k + 1]
                        k += 2
                    if k < size:
                        total += part[k]
                    out[i] += total + other
    return out


@njit(cache=True, error_model="numpy")
def _series(t: float, out: FloatArray) -> None:  # pragma: no cover - compiled
    out[0] = 1.0
    out[1] = t
    for order in range(2, out.size):
        out[order] = 2.0 * t * out[order - 1] - out[order - 2]


@njit(cache=True, error_model="numpy")
def _blocks(
    x: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    column: IntArray,
    row: IntArray,
    nx: int,
    ny: int,
    shift: FloatArray,
) -> FloatArray:  # pragma: no cover - compiled
    """Moments of each block, carried to the blocks around it: in x, then in y. x and y from -1 to 1 in their block."""
    orders = shift.shape[1]
    moments = np.zeros((ny, nx, orders, orders))
    used = np.zeros((ny, nx), np.bool_)
    tx = np.empty(orders)
    ty = np.empty(orders)
    for i in range(x.size):
        _series(x[i], tx)
        _series(y[i], ty)
        used[row[i], column[i]] = True
        block = moments[row[i], column[i]]
        for m in range(orders):
            part = weight[i] * ty[m]
            line = block[m]
            for n in range(orders):
                line[n] += part * tx[n]
    # block[m, n]: m of y, n of x. Across: sum over n, so that the inner loop runs along the columns of `shift`.
    across = np.zeros((ny, nx, orders, orders))
    for r in range(ny):
        for c in range(nx):
            if not used[r, c]:
                continue
            for to in range(max(0, c - _OFFSETS), min(nx, c + _OFFSETS + 1)):
                matrix = shift[to - c + _OFFSETS]
                for m in range(orders):
                    line = across[r, to, m]
                    for n in range(orders):
                        value = moments[r, c, m, n]
                        from_n = matrix[n]
                        for k in range(orders):
                            line[k] += value * from_n[k]
    for r in range(ny):
        for c in range(nx):
            if not used[r, c]:
                continue
            block = moments[r, c]
            block[:] = 0.0
            for source in range(max(0, r - _OFFSETS), min(ny, r + _OFFSETS + 1)):
                matrix = shift[r - source + _OFFSETS]
                for m in range(orders):
                    from_m = across[source, c, m]
                    for k in range(orders):
                        value = matrix[m, k]
                        line = block[k]
                        for n in range(orders):
                            line[n] += value * from_m[n]
    out = np.empty(x.size)
    for i in range(x.size):
        _series(x[i], tx)
        _series(y[i], ty)
        block = moments[row[i], column[i]]
        total = 0.0
        for m in range(orders):
            inner = 0.0
            for n in range(orders):
                inner += block[m, n] * tx[n]
            total += inner * ty[m]
        out[i] = total
    return out


def _shift() -> FloatArray:
    """Chebyshev series of exp(-z^2/2) between two blocks, for every offset: ``shift[offset, from, to]``."""
    angle = np.pi * (np.arange(_ORDERS) + 0.5) / _ORDERS
    node = 0.5 * _SIDE * np.cos(angle)
    series = np.cos(np.arange(_ORDERS)[:, None] * angle) * (2.0 / _ORDERS)
    series[0] *= 0.5
    offset = _SIDE * np.arange(-_OFFSETS, _OFFSETS + 1)
    value = np.exp(-0.5 * (node[None, None, :] + offset[:, None, None] - node[None, :, None]) ** 2)
    # Not a matrix product: that is free to add up in another order on another number of threads.
    return floats(np.einsum("ma,oab,nb->omn", series, value, series))


_SHIFT = _shift()


def place_density(x: npt.ArrayLike, y: npt.ArrayLike, weight: npt.ArrayLike, bandwidth: float) -> FloatArray:
    """Sum ``weight exp(-d^2/(2 bandwidth^2))`` over all places, at each of them, its own included.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Places in metres.
    weight : array_like of float, shape (n,)
        Weight of each, of any sign.
    bandwidth : float
        Metres, above 0.

    Returns
    -------
    ndarray of float64, shape (n,)
        Divide by ``2 pi bandwidth^2`` for a density. Serial, in a fixed order.

    References
    ----------
    Greengard, L. and Strain, J. (1991). The fast Gauss transform. SIAM J. Sci. Stat. Comput. 12, 79-94 (there with
    Hermite series).

    Examples
    --------
    >>> place_density([0.0, 3.0], [0.0, 4.0], [1.0, 2.0], 5.0).round(6).tolist()
    [2.213061, 2.606531]
    """
    east, north, mass = floats(x), floats(y), floats(weight)
    if not east.size:
        return np.zeros(0)
    h = float(bandwidth)
    side = _SIDE * h
    width, height = east - east.min(), north - north.min()
    nx, ny = int(width.max() / side) + 1, int(height.max() / side) + 1
    around = min(1.0, math.pi * (REACH * h) ** 2 / (nx * ny * side**2))
    apart = east.size**2 * around
    if nx * ny > _MOST_BLOCKS or apart < _BLOCK_COST * nx * ny + _PLACE_COST * east.size:
        strip = np.floor(width / (REACH * h)).astype(np.int64)
        order = np.lexsort((east, north, strip))
        begins = np.searchsorted(strip[order], np.arange(int(strip.max()) + 2))
        sums = _direct(floats(east[order]), floats(north[order]), floats(mass[order]), integers(begins), REACH * h, h)
        out = np.empty(east.size)
        out[order] = sums
        return out
    column, row = (
        np.minimum((width / side).astype(np.int64), nx - 1),
        np.minimum((height / side).astype(np.int64), ny - 1),
    )
    inner_x, inner_y = 2.0 * (width / side - column) - 1.0, 2.0 * (height / side - row) - 1.0
    return _blocks(floats(inner_x), floats(inner_y), mass, integers(column), integers(row), nx, ny, _SHIFT)
