"""How much of a Gaussian around each place lies inside the study area, and how that changes with its width."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, floats, integers

_REACH = 8.3
_ROOT_HALF = math.sqrt(0.5)
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


@njit(cache=True, error_model="numpy")
def _below(edge: float, at: float, sigma: float) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """Mass below an edge, and its first and second derivative by log sigma."""
    z = (edge - at) / sigma
    if z < -_REACH:
        return 0.0, 0.0, 0.0
    if z > _REACH:
        return 1.0, 0.0, 0.0
    slope = -z * math.exp(-0.5 * z * z) / _ROOT_TWO_PI
    return 0.5 * math.erfc(-z * _ROOT_HALF), slope, slope * (z * z - 1.0)


@njit(cache=True, error_model="numpy")
def _inside(
    x: FloatArray,
    y: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    jumps: FloatArray,
    columns: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    edges: npt.NDArray[np.int64],
    bands: npt.NDArray[np.int64],
    cut: npt.NDArray[np.int64],
    sigma: float,
) -> FloatArray:  # pragma: no cover - compiled
    ny = cut.shape[0] - 1
    nx = cut.shape[1] - 1
    out = np.zeros((3, x.size))
    # Only at some edges does the share of any row jump.
    c = np.empty((3, edges.size))
    for i in range(x.size):
        dx = x[i] - x0
        dy = y[i] - y0
        left = int(np.floor((dx - _REACH * sigma) / cell))
        right = int(np.ceil((dx + _REACH * sigma) / cell))
        low = int(np.floor((dy - _REACH * sigma) / cell))
        high = int(np.ceil((dy + _REACH * sigma) / cell))
        around = left >= 0 and right <= nx and low >= 0 and high <= ny
        if around and cut[high, right] - cut[low, right] - cut[high, left] + cut[low, left] == 0:
            out[0, i] = 1.0
            continue
        for at in range(edges.size):
            c[0, at], c[1, at], c[2, at] = _below(edges[at] * cell, dx, sigma)
        low = max(0, min(ny, low))
        high = max(0, min(ny, high))
        # Rows that are alike are taken together.
        band = np.searchsorted(bands, low, side="right") - 1
        a0, a1, a2 = _below(low * cell, dy, sigma)
        while band < bands.size - 1 and bands[band] < high:
            row = bands[band]
            band += 1
            b0, b1, b2 = _below(min(high, bands[band]) * cell, dy, sigma)
            m0 = 0.0
            m1 = 0.0
            m2 = 0.0
            for k in range(rows[row], rows[row + 1]):
                m0 += jumps[k] * c[0, columns[k]]
                m1 += jumps[k] * c[1, columns[k]]
                m2 += jumps[k] * c[2, columns[k]]
            out[0, i] += m0 * (b0 - a0)
            out[1, i] += m1 * (b0 - a0) + m0 * (b1 - a1)
            out[2, i] += m2 * (b0 - a0) + 2.0 * m1 * (b1 - a1) + m0 * (b2 - a2)
            a0, a1, a2 = b0, b1, b2
    return out


def inside_mass(
    x: npt.ArrayLike, y: npt.ArrayLike, x0: float, y0: float, cell: float, share: npt.ArrayLike, sigma: float
) -> FloatArray:
    """Mass of N(place, sigma^2 I) inside the study area, with its derivatives by log sigma.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Places in metres.
    x0, y0 : float
        Lower left corner of the grid, metres.
    cell : float
        Side of a cell, metres.
    share : array_like of float, shape (ny, nx)
        Share of each cell that lies inside; its mass counts by it.
    sigma : float
        Standard deviation in each direction, metres; above 0.

    Returns
    -------
    ndarray of float64, shape (3, n)
        The mass, its first and its second derivative by log sigma.

    Examples
    --------
    >>> inside_mass([0.0, 50.0], [50.0, 50.0], 0.0, 0.0, 100.0, [[1.0]], 10.0)[0].round(6).tolist()
    [0.5, 0.999999]
    """
    inside = np.asarray(share, dtype=np.float64)
    ny, nx = inside.shape
    # Along a row the mass is a sum over the edges at which the share jumps: a few, however wide the kernel.
    padded = np.zeros((ny, nx + 2))
    padded[:, 1:-1] = inside
    steps = padded[:, :-1] - padded[:, 1:]
    row, column = np.nonzero(steps)
    rows = np.searchsorted(row, np.arange(ny + 1))
    changes = np.ones(ny + 1, dtype=bool)
    changes[1:-1] = (inside[1:] != inside[:-1]).any(axis=1)
    bands = np.flatnonzero(changes)
    # Cells not wholly inside, summed from the corner: where there is none within reach, all mass is inside.
    cut = np.zeros((ny + 1, nx + 1), np.int64)
    cut[1:, 1:] = (inside < 1.0).cumsum(axis=0).cumsum(axis=1)
    used = (steps != 0).any(axis=0)
    edges, which = np.flatnonzero(used), (np.cumsum(used) - 1)[column]
    corner = (float(x0), float(y0), float(cell))
    jumps = floats(steps[row, column])
    tables = (integers(which), integers(rows), integers(edges), integers(bands), integers(cut))
    return _inside(floats(x), floats(y), *corner, jumps, *tables, float(sigma))
