"""Smoothing by the book: every cell asks every other how far away it is."""

import numpy as np


def smooth(maps, weight):
    out = np.zeros(np.shape(maps))
    count, ny, nx = out.shape
    for m in range(count):
        for row in range(ny):
            for col in range(nx):
                for other_row in range(ny):
                    for other_col in range(nx):
                        up, across = abs(other_row - row), abs(other_col - col)
                        if up < len(weight) and across < len(weight):
                            out[m, row, col] += weight[up] * weight[across] * maps[m][other_row][other_col]
    return out
