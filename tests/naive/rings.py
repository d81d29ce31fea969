"""Risk in rings by the book: the chord of a disc in every thin strip of every cell."""

import math

import numpy as np

STRIPS = 4000


def share(px, py, west, south, cell, radius, metric):
    """Share of a cell within a distance of (px, py): strips from west to east, the overlap in each exact."""
    if radius <= 0:
        return 0.0
    middle = west + cell * (np.arange(STRIPS) + 0.5) / STRIPS - px
    if metric == 1:
        half = np.maximum(radius - np.abs(middle), 0.0)
    else:
        half = np.sqrt(np.maximum(radius**2 - middle**2, 0.0))
    low, high = np.maximum(py - half, south), np.minimum(py + half, south + cell)
    return float(np.maximum(high - low, 0.0).mean() / cell)


def rings(x, y, column, weights, edges, x0, y0, cell, nx, ny, metric):
    out = np.zeros((ny, nx))
    for px, py, of in zip(x, y, column, strict=True):
        for row in range(ny):
            for col in range(nx):
                west, south = x0 + col * cell, y0 + row * cell
                if math.hypot(max(west - px, px - west - cell, 0), max(south - py, py - south - cell, 0)) >= edges[-1]:
                    continue
                within = [share(px, py, west, south, cell, edge, metric) for edge in edges]
                out[row, col] += sum(weights[s][of] * (within[s + 1] - within[s]) for s in range(len(edges) - 1))
    return out
