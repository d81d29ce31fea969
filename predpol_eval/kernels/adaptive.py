"""Kernel density in which every crime has a bandwidth of its own."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.neighbours import kth_distance
from predpol_eval.kernels.points import FloatArray, IntArray, floats, merge_counting
from predpol_eval.kernels.quartic import quartic_scatter

REACH = 8.3  # bandwidths: beyond, exp(-z^2/2) is 1.1e-15 of the peak
STEPS = 64  # rows of the table of tails for a bandwidth
ORDERS = 8  # (REACH / (2 STEPS))^8 / 8! bounds the error of a row: 8e-15 of the tail at the very end
NARROW = 0.01  # bandwidths: of a cell below this three terms about its middle are exact to 1e-12, in the tails too

_DENSITY = 1.0 / math.sqrt(2.0 * math.pi)


class Adaptive(NamedTuple):
    """What `adaptive_cell_mass` gives.

    Attributes
    ----------
    mass : array of float, shape (ny, nx)
        Sum over crimes of weight x mass in the whole square cell.
    bandwidth : array of float, shape (m,)
        Metres, by place.
    distance : array of float, shape (m,)
        From each place's crimes to their k-th nearest other crime, before the least bandwidth was applied.
    crimes : array of int, shape (m,)
        How many on each place.
    """

    mass: FloatArray
    bandwidth: FloatArray
    distance: FloatArray
    crimes: IntArray


def tail_table() -> FloatArray:
    """Upper tail of the normal distribution, as Taylor polynomials about the middles of small steps.

    Returns
    -------
    ndarray of float64, shape (rows, ORDERS)
        With z = (row + 1/2)/STEPS + d, the tail beyond z is ``sum(table[row, j] * d**j)``.

    Examples
    --------
    >>> table = tail_table()
    >>> d = 1.0 - 64.5 / STEPS
    >>> bool(abs(sum(table[64] * d ** np.arange(ORDERS)) - 0.5 * math.erfc(1 / 2**0.5)) < 1e-15)
    True
    """
    z = (np.arange(math.ceil((REACH + 0.1) * STEPS)) + 0.5) / STEPS
    table = np.empty((z.size, ORDERS))
    table[:, 0] = [0.5 * math.erfc(value * math.sqrt(0.5)) for value in z]
    # The derivatives of the density are Hermite polynomials times the density, with alternating signs.
    before, now = np.zeros_like(z), _DENSITY * np.exp(-0.5 * z * z)
    for order in range(1, ORDERS):
        table[:, order] = now * (-1.0) ** order / math.factorial(order)
        before, now = now, z * now - (order - 1) * before
    return table


@njit(cache=True, error_model="numpy")
def _tail(z: float, table: FloatArray) -> float:
    """Mass of the standard normal beyond z >= 0."""
    place = z * STEPS
    if not place < table.shape[0]:  # before it becomes an integer, which not every number can
        return 0.0
    row = int(place)
    d = z - (row + 0.5) / STEPS
    dd = d * d
    low = (table[row, 0] + table[row, 1] * d) + (table[row, 2] + table[row, 3] * d) * dd
    high = (table[row, 4] + table[row, 5] * d) + (table[row, 6] + table[row, 7] * d) * dd
    tail: float = low + high * (dd * dd)
    return tail


@njit(cache=True, error_model="numpy")
def _within(at: float, cell: float, n: int, bandwidth: float) -> tuple[int, int]:
    """The cells [k cell, (k+1) cell) within reach, from the first to before the last; of none, the same twice."""
    first = int(min(float(n), max(0.0, np.floor((at - REACH * bandwidth) / cell))))
    stop = int(max(0.0, min(float(n), np.ceil((at + REACH * bandwidth) / cell))))
    return first, max(first, stop)


@njit(cache=True, error_model="numpy")
def _profile(
    at: float, cell: float, first: int, stop: int, bandwidth: float, table: FloatArray, out: FloatArray
) -> None:
    """Mass of N(at, bandwidth^2) in cells [k cell, (k+1) cell); fills out[:stop - first]."""
    scale = 1.0 / bandwidth
    side = cell * scale
    if side < NARROW:
        # A difference of two tails would have lost its digits.
        for k in range(first, stop):
            z = ((k + 0.5) * cell - at) * scale
            zz = z * z
            bend = (zz - 1.0) / 24.0 + (zz * (zz - 6.0) + 3.0) / 1920.0 * side * side
            out[k - first] = side * _DENSITY * math.exp(-0.5 * zz) * (1.0 + bend * side * side)
        return
    left = (first * cell - at) * scale
    left_tail = _tail(abs(left), table)
    for k in range(first, stop):
        right = ((k + 1) * cell - at) * scale
        right_tail = _tail(abs(right), table)
        if left >= 0.0:
            out[k - first] = left_tail - right_tail
        elif right <= 0.0:
            out[k - first] = right_tail - left_tail
        else:
            out[k - first] = 1.0 - left_tail - right_tail
        left, left_tail = right, right_tail


@njit(cache=True, error_model="numpy")
def _scatter(
    x: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    bandwidth: FloatArray,
    table: FloatArray,
) -> FloatArray:
    out = np.zeros((ny, nx))
    across = np.zeros((4, nx))
    along = np.zeros((4, ny))
    cells = np.zeros((4, 4), np.int64)
    for begin in range(0, x.size, 4):
        group = min(4, x.size - begin)
        first, stop, bottom, top = nx, 0, ny, 0
        touched = 0
        for e in range(group):
            i = begin + e
            west, east = _within(x[i] - x0, cell, nx, bandwidth[i])
            south, north = _within(y[i] - y0, cell, ny, bandwidth[i])
            cells[e] = west, east, south, north
            touched += (east - west) * (north - south)
            first, stop, bottom, top = min(first, west), max(stop, east), min(bottom, south), max(top, north)
        # Of narrow ones the rests would cost more than is saved.
        together = stop - first > 16 and 4 * (stop - first) * (top - bottom) <= 2 * touched
        if together:
            # Four to a loop: a row is then loaded and stored once for all. Of a width that has no rest when it is
            # taken sixteen cells at a time.
            width = min(nx, (stop - first + 15) // 16 * 16)
            first = min(first, nx - width)
            for e in range(4):
                for k in range(width):
                    across[e, k] = 0.0
                for k in range(top - bottom):
                    along[e, k] = 0.0
        for e in range(group):
            i = begin + e
            west, east, south, north = cells[e]
            if not together:
                first, stop, bottom, top = west, east, south, north
            _profile(x[i] - x0, cell, west, east, bandwidth[i], table, across[e, west - first :])
            _profile(y[i] - y0, cell, south, north, bandwidth[i], table, along[e, south - bottom :])
            if together:
                for k in range(south - bottom, north - bottom):
                    along[e, k] *= weight[i]
            else:
                masses = across[e, : stop - first]
                for r in range(bottom, top):
                    share = weight[i] * along[e, r - bottom]
                    row = out[r, first:stop]
                    for k in range(masses.size):
                        row[k] += share * masses[k]
        if together:
            m0, m1, m2, m3 = across[0, :width], across[1, :width], across[2, :width], across[3, :width]
            for r in range(top - bottom):
                w0, w1, w2, w3 = along[0, r], along[1, r], along[2, r], along[3, r]
                row = out[bottom + r, first : first + width]
                for k in range(width):
                    row[k] += w0 * m0[k] + w1 * m1[k] + w2 * m2[k] + w3 * m3[k]
    return out


def _neighbours_in_turn(
    x: FloatArray, y: FloatArray, bandwidth: FloatArray, x0: float, y0: float, width: float, height: float
) -> IntArray:
    """Indices of the crimes that reach the grid, so that near ones follow each other (Morton's curve)."""
    reach = REACH * bandwidth
    reaching = (x + reach > x0) & (x - reach < x0 + width) & (y + reach > y0) & (y - reach < y0 + height)
    chosen = np.flatnonzero(reaching)
    key = np.zeros(chosen.size, np.uint16)
    for at, begin, side, shift in ((x, x0, width, 0), (y, y0, height, 1)):
        tile = np.clip((at[chosen] - begin) * (256.0 / side), 0.0, 255.0).astype(np.uint16)
        for bit in range(8):
            key |= (tile >> bit & 1) << (2 * bit + shift)
    return np.asarray(chosen[np.argsort(key, kind="stable")])


def gaussian_scatter(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    weight: npt.ArrayLike,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    bandwidth: npt.ArrayLike,
) -> FloatArray:
    """Weighted mass of Gaussians inside every cell, each crime's with a bandwidth of its own.

    To 1e-12 of the surface's peak for any mixture of bandwidths. What lies more than 8.3 bandwidths from a crime
    (1e-15 of its peak) counts as zero.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Crimes in metres; those outside the grid count too.
    weight : array_like of float, shape (n,)
        Weight of each crime.
    x0, y0 : float
        Lower left corner of the grid, metres.
    cell : float
        Side of a cell, metres.
    nx, ny : int
        Columns and rows.
    bandwidth : array_like of float, shape (n,)
        Standard deviation of each crime's Gaussian in each direction, metres; above 0.

    Returns
    -------
    ndarray of float64, shape (ny, nx)
        Sum over crimes of weight x mass in the whole square cell; row 0 in the south.

    Examples
    --------
    >>> gaussian_scatter([5.0], [5.0], [1.0], 0.0, 0.0, 10.0, 3, 1, [5.0]).round(3)
    array([[0.466, 0.107, 0.001]])
    """
    east, north, mass, own = floats(x), floats(y), floats(weight), floats(bandwidth)
    order = _neighbours_in_turn(east, north, own, float(x0), float(y0), float(nx * cell), float(ny * cell))
    east, north, mass, own = floats(east[order]), floats(north[order]), floats(mass[order]), floats(own[order])
    place = (float(x0), float(y0), float(cell), int(nx), int(ny))
    return _scatter(east, north, mass, *place, own, floats(tail_table()))


def adaptive_cell_mass(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    weight: npt.ArrayLike,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    k: int,
    least: float,
    kernel: Literal["gaussian", "quartic"] = "gaussian",
) -> Adaptive:
    """Weighted mass of kernels inside every cell, each as wide as its crime's k-th nearest other crime is far away.

    Parameters
    ----------
    x, y, weight, x0, y0, cell, nx, ny
        As for `gaussian_scatter`. Weights spread mass; as neighbours all crimes count alike.
    k : int
        Which neighbour; there must be more crimes than this.
    least : float
        No bandwidth is smaller; metres, above 0.
    kernel : {"gaussian", "quartic"}
        The bandwidth is the standard deviation of a Gaussian, the radius of a quartic kernel.

    Returns
    -------
    Adaptive

    References
    ----------
    Silverman, B. W. (1986). Density Estimation for Statistics and Data Analysis, section 2.6 (the variable kernel
    method, with h = 1). Chapman & Hall. Breiman, L., Meisel, W. and Purcell, E. (1977). Variable kernel estimates of
    multivariate densities. Technometrics 19, 135-144.

    Examples
    --------
    >>> found = adaptive_cell_mass([5.0, 8.0, 25.0], [5.0, 5.0, 5.0], np.ones(3), 0.0, 0.0, 10.0, 3, 1, 1, 5.0)
    >>> found.distance, found.bandwidth
    (array([ 3.,  3., 17.]), array([ 5.,  5., 17.]))
    """
    east, north, mass, count = merge_counting(x, y, weight)
    distance = kth_distance(east, north, count, k)
    bandwidth = np.maximum(distance, least)
    spread = gaussian_scatter if kernel == "gaussian" else quartic_scatter
    return Adaptive(spread(east, north, mass, x0, y0, cell, nx, ny, bandwidth), bandwidth, distance, count)
