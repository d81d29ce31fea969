"""Gaussian mass in square cells, nearly, at a cost that hardly grows with the crimes."""

from __future__ import annotations

import numpy as np
from numba import njit

from predpol_eval.kernels.gaussian import profiles
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

REACH = 5.5  # bandwidths; 2.7e-7 of the peak
NODES_PER_BANDWIDTH = 6.0  # cubic binning then errs by at most 1.3e-4 of the peak
MOST_NODES = 16_000_000  # 128 MB

_PAD = int(REACH * NODES_PER_BANDWIDTH) + 2  # nodes beyond the grid on every side


@njit(cache=True, error_model="numpy")
def _share_out(
    x: FloatArray, y: FloatArray, weight: FloatArray, x0: float, y0: float, step: float, columns: int, rows: int
) -> FloatArray:
    """Weights of the crimes on a grid of nodes `step` apart, the first of them at (x0, y0)."""
    nodes = np.zeros((rows, columns))
    for i in range(x.size):
        u = (x[i] - x0) / step
        v = (y[i] - y0) / step
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
            row = nodes[r + k, c - 1 : c + 3]
            row[0] += share * a0
            row[1] += share * a1
            row[2] += share * a2
            row[3] += share * a3
    return nodes


@njit(cache=True, error_model="numpy")
def _spread(
    nodes: FloatArray,
    nx: int,
    ny: int,
    across: FloatArray,
    first: IntArray,
    stop: IntArray,
    along: FloatArray,
    bottom: IntArray,
    top: IntArray,
) -> FloatArray:
    """Spread nodes over cells, northward first: long additions of whole rows, and only ny rows are left."""
    out = np.zeros((ny, nx))
    squeezed = np.zeros((ny, nodes.shape[1]))
    for r in range(nodes.shape[0]):
        row = nodes[r]
        for k in range(bottom[r], top[r]):
            share = along[r, k - bottom[r]]
            target = squeezed[k]
            for c in range(row.size):
                target[c] += share * row[c]
    for r in range(ny):
        for c in range(nodes.shape[1]):
            share = squeezed[r, c]
            target = out[r][first[c] : stop[c]]
            masses = across[c]
            for k in range(target.size):
                target[k] += share * masses[k]
    return out


def binning_fits(cell: float, nx: int, ny: int, bandwidth: float) -> bool:
    """Whether the bandwidth is at least half a cell and the nodes take at most 128 MB.

    Examples
    --------
    >>> binning_fits(250.0, 160, 160, 500.0), binning_fits(250.0, 160, 160, 100.0)
    (True, False)
    """
    margin = 2.0 * REACH + 1.0
    nodes = NODES_PER_BANDWIDTH**2 * (nx * cell / bandwidth + margin) * (ny * cell / bandwidth + margin)
    return 2.0 * bandwidth >= cell and nodes <= MOST_NODES


def binned(
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
    """Share the crimes out over nodes, then spread the nodes over the cells.

    Parameters and result as for `predpol_eval.kernels.kde.gaussian_cell_mass_binned`.

    Examples
    --------
    >>> binned(np.array([5.0]), np.array([5.0]), np.ones(1), 0.0, 0.0, 10.0, 3, 1, 5.0).round(3)
    array([[0.466, 0.107, 0.001]])
    """
    step = bandwidth / NODES_PER_BANDWIDTH
    columns, rows = (int(n * cell / step) + 2 * _PAD + 2 for n in (nx, ny))
    start = float(-_PAD * step)
    place = (float(x0 + start), float(y0 + start), float(step), columns, rows)
    nodes = _share_out(floats(x), floats(y), floats(weight), *place)
    across, first, stop = profiles(start + step * np.arange(columns, dtype=np.float64), cell, nx, bandwidth, REACH)
    along, bottom, top = profiles(start + step * np.arange(rows, dtype=np.float64), cell, ny, bandwidth, REACH)
    eastward = (floats(across), integers(first), integers(stop))
    northward = (floats(along), integers(bottom), integers(top))
    return np.maximum(_spread(floats(nodes), int(nx), int(ny), *eastward, *northward), 0.0)
