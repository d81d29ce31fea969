"""Smoothing of maps: every cell takes from the cells around it, by weights that fall with distance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, floats


@njit(cache=True)
def _smooth(maps: FloatArray, weight: FloatArray) -> FloatArray:
    count, ny, nx = maps.shape
    out = np.empty((count, ny, nx))
    upright = np.empty(nx)
    for m in range(count):
        source = maps[m]
        for r in range(ny):
            here = source[r]
            for c in range(nx):
                upright[c] = weight[0] * here[c]
            for d in range(1, weight.size):
                w = weight[d]
                if r >= d:
                    south = source[r - d]
                    for c in range(nx):
                        upright[c] += w * south[c]
                if r + d < ny:
                    north = source[r + d]
                    for c in range(nx):
                        upright[c] += w * north[c]
            row = out[m, r]
            for c in range(nx):
                row[c] = weight[0] * upright[c]
            for d in range(1, weight.size):
                w = weight[d]
                for c in range(d, nx):
                    row[c] += w * upright[c - d]
                for c in range(nx - d):
                    row[c] += w * upright[c + d]
    return out


def smooth(maps: npt.ArrayLike, weight: npt.ArrayLike) -> FloatArray:
    """Weighted sums of the cells around each cell: one weight per step north or south, times one east or west.

    Beyond the edge there is nothing.

    Parameters
    ----------
    maps : array_like of float, shape (n, ny, nx)
        Maps, each smoothed by itself.
    weight : array_like of float, shape (reach + 1,)
        Weight of the cell itself, and of cells 1, 2, ... steps away in one direction.

    Returns
    -------
    ndarray of float64, shape (n, ny, nx)
        ``sum over i, j of weight[|i|] weight[|j|] map[y + i, x + j]``.

    Examples
    --------
    >>> smooth([[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]], [1.0, 0.5])
    array([[[0.5 , 1.  , 0.5 ],
            [0.25, 0.5 , 0.25]]])
    """
    return np.asarray(_smooth(floats(maps), floats(weight)))
