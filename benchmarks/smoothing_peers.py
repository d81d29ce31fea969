"""Maps to smooth, and what others smooth them with."""

from __future__ import annotations

import numpy as np
from scipy.linalg import toeplitz
from scipy.ndimage import correlate1d

from predpol_eval.kernels.points import FloatArray


def counting(side: int, reach: int) -> tuple[FloatArray, FloatArray]:
    """Five maps of few crimes, and Gaussian weights that end after `reach` cells."""
    rng = np.random.default_rng(side)
    maps = rng.poisson(0.1, (5, side, side)).astype(np.float64)
    return maps, np.exp(-0.5 * (4.0 * np.arange(reach + 1) / reach) ** 2)


def ndimage(maps: FloatArray, weight: FloatArray) -> FloatArray:
    """One pass of scipy in each direction."""
    both = np.concatenate([weight[:0:-1], weight])
    return np.asarray(correlate1d(correlate1d(maps, both, axis=1, mode="constant"), both, axis=2, mode="constant"))


def matrices(maps: FloatArray, weight: FloatArray) -> FloatArray:
    """A product of matrices in each direction, most of whose entries are 0."""
    up, across = (np.pad(weight, (0, max(0, side - len(weight))))[:side] for side in maps.shape[1:])
    return np.asarray(toeplitz(up) @ maps @ toeplitz(across))
