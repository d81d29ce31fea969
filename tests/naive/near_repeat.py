"""Cocooning by the book: every crime, every cell."""

import math

import numpy as np


def cocoon(x, y, time_weight, x0, y0, cell, nx, ny, radius, kernel):
    out = np.zeros((ny, nx))
    for px, py, w in zip(x, y, time_weight, strict=True):
        east, north = px - x0, py - y0
        for row in range(ny):
            for col in range(nx):
                nearest_x = min(max(east, col * cell), (col + 1) * cell)
                nearest_y = min(max(north, row * cell), (row + 1) * cell)
                d = math.hypot(east - nearest_x, north - nearest_y)
                if d < radius:
                    out[row, col] += w * (math.exp(-3 * d / radius) if kernel == 1 else 1 - d / radius)
    return out
