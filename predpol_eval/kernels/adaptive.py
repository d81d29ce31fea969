"""Kernel density in which every crime has a bandwidth of its own."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from predpol_eval.kernels.neighbours import kth_distance
from predpol_eval.kernels.points import FloatArray, IntArray, floats, merge
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
def _profile(at: float, cell: float, n: int, bandwidth: float, table: FloatArray, out: FloatArray) -> tuple[int, int]:
    """Mass of N(at, bandwidth^2) in cells [k cell, (k+1) cell); fills out[:stop - first]."""
    first = int(min(float(n), max(0.0, np.floor((at - REACH * bandwidth) / cell))))
    stop = int(max(0.0, min(float(n), np.ceil((at + REACH * bandwidth) / cell))))
    scale = 1.0 / bandwidth
    side = cell * scale
    if side < NARROW:
        # A difference of two tails would have lost its digits.
        for k in range(first, stop):
            z = ((k + 0.5) * cell - at) * scale
            zz = z * z
            bend = (zz - 1.0) / 24.0 + (zz * (zz - 6.0) + 3.0) / 1920.0 * side * side
            out[k - first] = side * _DENSITY * math.exp(-0.5 * zz) * (1.0 + bend * side * side)
        return first, max(first, stop)
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
    return first, max(first, stop)


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
    across = np.empty(nx)
    along = np.empty(ny)
    for i in range(x.size):
        first, stop = _profile(x[i] - x0, cell, nx, bandwidth[i], table, across)
        if stop <= first:
            continue
        bottom, top = _profile(y[i] - y0, cell, ny, bandwidth[i], table, along)
        masses = across[: stop - first]
        for r in range(bottom, top):
            share = weight[i] * along[r - bottom]
            row = out[r, first:stop]
            for k in range(masses.size):
                row[k] += share * masses[k]
    return out


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
    place = (float(x0), float(y0), float(cell), int(nx), int(ny))
    return _scatter(floats(x), floats(y), floats(weight), *place, floats(bandwidth), floats(tail_table()))


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
    east, north, mass = merge(x, y, weight)
    count = np.rint(merge(x, y, np.ones(np.size(x)))[2]).astype(np.int64)
    distance = kth_distance(east, north, count, k)
    bandwidth = np.maximum(distance, least)
    spread = gaussian_scatter if kernel == "gaussian" else quartic_scatter
    return Adaptive(spread(east, north, mass, x0, y0, cell, nx, ny, bandwidth), bandwidth, distance, count)
