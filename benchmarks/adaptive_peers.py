"""What a practitioner would write for a bandwidth per crime, and for the bandwidth that leaves crimes out."""

from __future__ import annotations

import numpy as np

from predpol_eval.kernels import adaptive


def mass(*arguments):
    """What the kernel spreads, without what it tells about it."""
    return adaptive.adaptive_cell_mass(*arguments).mass


def tree_distance(x, y, count, k):
    """Distance to the k-th other of points that stand apart, by scipy's tree."""
    from scipy.spatial import cKDTree

    points = np.column_stack([x, y])
    return cKDTree(points).query(points, k=[k + 1])[0][:, 0]


def tree_query_alone(x, y, weight, x0, y0, cell, nx, ny, k, least):
    """Only the search for neighbours: nothing is spread yet."""
    return tree_distance(x, y, None, k)


def tree_then_erf(x, y, weight, x0, y0, cell, nx, ny, k, least):
    """scipy's tree, then one outer product of differences of the normal distribution per crime."""
    from scipy.special import ndtr

    bandwidth = np.maximum(tree_distance(x, y, None, k), least)
    out = np.zeros((ny, nx))
    east, north = x0 + cell * np.arange(nx + 1), y0 + cell * np.arange(ny + 1)
    for px, py, w, h in zip(x, y, weight, bandwidth, strict=True):
        west, right = np.searchsorted(east, [px - 8 * h, px + 8 * h])
        south, top = np.searchsorted(north, [py - 8 * h, py + 8 * h])
        west, south = max(west - 1, 0), max(south - 1, 0)
        across = np.diff(ndtr((east[west : right + 1] - px) / h))
        along = np.diff(ndtr((north[south : top + 1] - py) / h))
        out[south : south + along.size, west : west + across.size] += w * np.outer(along, across)
    return out


def all_pairs_at_once(x, y, weight, lowest, steps):
    """Whole matrices of numpy, one for every bandwidth."""
    square = np.subtract.outer(x, x) ** 2 + np.subtract.outer(y, y) ** 2
    out = np.empty((steps, x.size))
    rest = weight.sum() - weight
    for step in range(steps):
        h = lowest * 2 ** (step / 2)
        near = np.exp(-square / (2 * h * h))
        np.fill_diagonal(near, 0.0)
        out[step] = np.log(near @ weight) - np.log(rest) - np.log(2 * np.pi * h * h)
    return out
