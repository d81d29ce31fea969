"""Prospective hot-spotting by the book: every crime, every cell."""

import math

import numpy as np


def continuous(x, y, age_weeks, x0, y0, cell, nx, ny, radius, weeks, unit):
    out = np.zeros((ny, nx))
    for px, py, t in zip(x, y, age_weeks, strict=True):
        if t >= weeks:
            continue
        for row in range(ny):
            for col in range(nx):
                d = math.hypot((col + 0.5) * cell - (px - x0), (row + 0.5) * cell - (py - y0))
                if d < radius:
                    out[row, col] += 1.0 / ((1.0 + d / unit) * (1.0 + t))
    return out


def steps(across, along, metric):
    return (max(across, along), across + along, math.sqrt(across**2 + along**2))[metric]


def grid(col, row, age_weeks, nx, ny, cell, radius, weeks, metric):
    out = np.zeros((ny, nx))
    for c, r, t in zip(col, row, age_weeks, strict=True):
        if t >= weeks:
            continue
        for to_row in range(ny):
            for to_col in range(nx):
                d = steps(abs(int(c) - to_col), abs(int(r) - to_row), metric)
                if d * cell < radius:
                    out[to_row, to_col] += 1.0 / ((1 + d) * (1 + math.floor(t)))
    return out
