"""Kernel density as the mass of every crime's kernel inside every cell, not the density at its centre."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from predpol_eval.kernels.points import FloatArray, floats, merge
from predpol_eval.kernels.quartic import quartic_cell_mass

__all__ = ["gaussian_cell_mass", "gaussian_cell_mass_binned", "quartic_cell_mass"]

_ROOT_HALF = math.sqrt(0.5)
_REACH = 8.3  # bandwidths: beyond, exp(-z^2/2) is 1.1e-15 of the peak
_TABLE_UP_TO = 8.0  # bandwidths: a larger cell meets so few neighbours that erf is cheaper than a table
_BINNED_REACH = 5.5  # 2.7e-7 of the peak
_NODES_PER_BANDWIDTH = 6.0  # cubic binning then errs by at most 1.3e-4 of the peak
_MOST_NODES = 16_000_000  # 128 MB


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
    first = int(min(float(n), max(0.0, math.floor((at - reach * bandwidth) / cell))))
    stop = int(max(0.0, min(float(n), math.ceil((at + reach * bandwidth) / cell))))
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
def _profile_table(cell: float, bandwidth: float, radius: int) -> FloatArray:
    """Chebyshev coefficients of a neighbour cell's mass as a function of where in its cell the crime stands.

    Shape (part of the cell, order, neighbour -radius .. radius). A part is at most half a bandwidth wide, and
    the order is such that the interpolation errs by less than 1e-13 of the *local* value, tails included.
    """
    parts = math.ceil(2.0 * cell / bandwidth)
    ratio = 9.0 * cell / (parts * bandwidth) / 4.0
    orders = 1
    bound = 2.0 * ratio
    while bound > 1e-13:
        orders += 1
        bound *= ratio / orders
    table = np.zeros((parts, orders, 2 * radius + 1))
    masses = np.zeros(2 * radius + 1)
    for part in range(parts):
        for node in range(orders):
            angle = math.pi * (node + 0.5) / orders
            place = (part + 0.5 + 0.5 * math.cos(angle)) / parts
            masses[:] = 0.0
            first, stop = _erf_profile((radius + place) * cell, cell, masses.size, bandwidth, 30.0, masses)
            for order in range(orders):
                share = math.cos(order * angle) * (1.0 if order == 0 else 2.0) / orders
                for k in range(first, stop):
                    table[part, order, k] += share * masses[k - first]
    return table


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
    before = 0.0
    now = 1.0
    masses = out[: stop - first]
    for k in range(masses.size):
        masses[k] = 0.0
    for order in range(coefficients.shape[0]):
        row = coefficients[order][shift : shift + masses.size]
        for k in range(masses.size):
            masses[k] += now * row[k]
        before, now = now, (2.0 * t * now - before if order > 0 else t)
    return first, stop


@njit(cache=True, error_model="numpy")
def _gaussian(
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
    out = np.zeros((ny, nx))
    use_table = cell <= _TABLE_UP_TO * bandwidth
    radius = int(min(math.ceil(_REACH * bandwidth / cell), float(max(nx, ny)))) if use_table else 0
    table = _profile_table(cell, bandwidth, radius) if use_table else np.zeros((1, 1, 1))
    across = np.empty(nx)
    along = np.empty(ny)
    for i in range(x.size):
        dx = x[i] - x0
        dy = y[i] - y0
        if use_table and 0.0 <= dx < nx * cell:
            first, stop = _table_profile(dx, cell, nx, table, across)
        else:
            first, stop = _erf_profile(dx, cell, nx, bandwidth, _REACH, across)
        if stop <= first:
            continue
        if use_table and 0.0 <= dy < ny * cell:
            bottom, top = _table_profile(dy, cell, ny, table, along)
        else:
            bottom, top = _erf_profile(dy, cell, ny, bandwidth, _REACH, along)
        masses = across[: stop - first]
        for r in range(bottom, top):
            share = weight[i] * along[r - bottom]
            row = out[r, first:stop]
            for k in range(masses.size):
                row[k] += share * masses[k]
    return out


def gaussian_cell_mass(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    weight: npt.ArrayLike,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    bandwidth: float,
) -> FloatArray:
    """Weighted mass of a Gaussian around every crime inside every cell.

    One dimension at a time the mass is a difference of erf, so the mean over the cell is exact for any
    bandwidth, far below the cell or far above it. Inside the grid that difference is read from a table of
    polynomials in the crime's place within its cell. Crimes on one place are added up first. What lies more
    than 8.3 bandwidths away (1e-15 of the peak) counts as zero; the rest is exact to 1e-12 of the peak.

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
    bandwidth : float
        Standard deviation in each direction, metres; above 0.

    Returns
    -------
    ndarray of float64, shape (ny, nx)
        Sum over crimes of weight x mass in the whole square cell; row 0 in the south. Divide by ``cell**2``
        for the mean density per square metre.

    References
    ----------
    Silverman, B. W. (1986). Density Estimation for Statistics and Data Analysis. Chapman & Hall.

    Examples
    --------
    >>> mass = gaussian_cell_mass([500.0], [500.0], [1.0], 0.0, 0.0, 500.0, 2, 2, 100.0)
    >>> mass.round(6)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    x, y, weight = merge(x, y, weight)
    return _gaussian(x, y, weight, float(x0), float(y0), float(cell), int(nx), int(ny), float(bandwidth))


@njit(cache=True, error_model="numpy")
def _gaussian_binned(
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
    step = bandwidth / _NODES_PER_BANDWIDTH
    pad = int(_BINNED_REACH * _NODES_PER_BANDWIDTH) + 2
    columns = int(nx * cell / step) + 2 * pad + 2
    rows = int(ny * cell / step) + 2 * pad + 2
    bins = np.zeros((rows, columns))
    for i in range(x.size):
        u = (x[i] - x0) / step + pad
        v = (y[i] - y0) / step + pad
        if not (1.0 <= u < columns - 2 and 1.0 <= v < rows - 2):
            continue
        c = int(u)
        r = int(v)
        u -= c
        v -= r
        # Cubic Lagrange weights on the four nearest nodes: they keep the first three moments, so that no
        # correction of the variance is needed and even crimes on one place come out right.
        a0 = -u * (u - 1.0) * (u - 2.0) / 6.0
        a1 = (u + 1.0) * (u - 1.0) * (u - 2.0) / 2.0
        a2 = -(u + 1.0) * u * (u - 2.0) / 2.0
        a3 = (u + 1.0) * u * (u - 1.0) / 6.0
        b0 = -v * (v - 1.0) * (v - 2.0) / 6.0
        b1 = (v + 1.0) * (v - 1.0) * (v - 2.0) / 2.0
        b2 = -(v + 1.0) * v * (v - 2.0) / 2.0
        b3 = (v + 1.0) * v * (v - 1.0) / 6.0
        for k, b in ((-1, b0), (0, b1), (1, b2), (2, b3)):
            share = weight[i] * b
            row = bins[r + k, c - 1 : c + 3]
            row[0] += share * a0
            row[1] += share * a1
            row[2] += share * a2
            row[3] += share * a3
    out = np.zeros((ny, nx))
    # Northward first: that pass is long additions of whole rows, and leaves only ny rows for the other.
    squeezed = np.zeros((ny, columns))
    masses = np.empty(max(nx, ny))
    for r in range(rows):
        first, stop = _erf_profile((r - pad) * step, cell, ny, bandwidth, _BINNED_REACH, masses)
        row = bins[r]
        for k in range(first, stop):
            share = masses[k - first]
            target = squeezed[k]
            for c in range(columns):
                target[c] += share * row[c]
    for c in range(columns):
        first, stop = _erf_profile((c - pad) * step, cell, nx, bandwidth, _BINNED_REACH, masses)
        if stop <= first:
            continue
        profile = masses[: stop - first]
        for r in range(ny):
            share = squeezed[r, c]
            target = out[r, first:stop]
            for k in range(profile.size):
                target[k] += share * profile[k]
    return np.maximum(out, 0.0)


def gaussian_cell_mass_binned(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    weight: npt.ArrayLike,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    bandwidth: float,
) -> FloatArray:
    """What `gaussian_cell_mass` gives, to 2e-4 of the peak, at a cost that hardly grows with the crimes.

    Crimes are shared out over the nodes of a grid of a sixth of the bandwidth, by cubic weights, and the
    nodes are spread over the cells in one direction after the other. For any set of crimes the error stays
    under 2e-4 of the peak (the bound for one place is 1.3e-4). Linear weights with the usual correction of
    the variance reach that only on average: crimes on one place would err by 5e-3. A bandwidth under half a
    cell, or one that would need more than 128 MB of nodes, is left to the exact kernel.

    Parameters
    ----------
    x, y, weight, x0, y0, cell, nx, ny, bandwidth
        As for `gaussian_cell_mass`.

    Returns
    -------
    ndarray of float64, shape (ny, nx)
        As `gaussian_cell_mass`.

    References
    ----------
    Wand, M. P. (1994). Fast computation of multivariate kernel estimators. J. Comput. Graph. Stat. 3,
    433-445.

    Examples
    --------
    >>> mass = gaussian_cell_mass_binned([500.0], [500.0], [1.0], 0.0, 0.0, 100.0, 10, 10, 200.0)
    >>> exact = gaussian_cell_mass([500.0], [500.0], [1.0], 0.0, 0.0, 100.0, 10, 10, 200.0)
    >>> bool(abs(mass - exact).max() < 2e-4 * exact.max())
    True
    """
    margin = 2.0 * _BINNED_REACH + 1.0
    nodes = _NODES_PER_BANDWIDTH**2 * (nx * cell / bandwidth + margin) * (ny * cell / bandwidth + margin)
    if 2.0 * bandwidth < cell or nodes > _MOST_NODES:
        return gaussian_cell_mass(x, y, weight, x0, y0, cell, nx, ny, bandwidth)
    x, y, weight = floats(x), floats(y), floats(weight)
    return _gaussian_binned(x, y, weight, float(x0), float(y0), float(cell), int(nx), int(ny), float(bandwidth))
