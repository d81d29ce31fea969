"""Kernel density by the book: every crime, every cell, one integral."""

import math
from itertools import pairwise

import numpy as np
from scipy.integrate import quad


def normal_mass(a, b, bandwidth):
    """Mass of N(0, bandwidth^2) between a and b."""
    scale = bandwidth * math.sqrt(2.0)
    return 0.5 * (math.erf(b / scale) - math.erf(a / scale))


def gaussian_cell_mass(x, y, weight, x0, y0, cell, nx, ny, bandwidth):
    out = np.zeros((ny, nx))
    for px, py, w in zip(x, y, weight, strict=True):
        east, north = px - x0, py - y0
        for row in range(ny):
            for col in range(nx):
                across = normal_mass(col * cell - east, (col + 1) * cell - east, bandwidth)
                along = normal_mass(row * cell - north, (row + 1) * cell - north, bandwidth)
                out[row, col] += w * across * along
    return out


def quartic_density(d, bandwidth):
    return 3.0 / (math.pi * bandwidth**2) * (1.0 - (d / bandwidth) ** 2) ** 2 if d < bandwidth else 0.0


def quartic_rectangle(left, right, bottom, top, bandwidth):
    """Mass of a quartic kernel at the origin in a rectangle: two nested integrals, cut where they have kinks."""
    left, right = max(left, -bandwidth), min(right, bandwidth)
    if right <= left:
        return 0.0

    def strip(x):
        half = math.sqrt(max(0.0, bandwidth**2 - x**2))
        a, b = max(bottom, -half), min(top, half)
        if b <= a:
            return 0.0
        # Three nodes integrate the fourth-degree polynomial in y exactly.
        middle, spread = 0.5 * (a + b), 0.5 * (b - a)
        nodes = ((-math.sqrt(0.6), 5 / 9), (0.0, 8 / 9), (math.sqrt(0.6), 5 / 9))
        heights = (share * quartic_density(math.hypot(x, middle + spread * t), bandwidth) for t, share in nodes)
        return spread * sum(heights)

    kinks = [0.0]
    for edge in (bottom, top):
        if abs(edge) < bandwidth:
            kinks += [math.sqrt(bandwidth**2 - edge**2), -math.sqrt(bandwidth**2 - edge**2)]
    cuts = sorted({left, right, *(k for k in kinks if left < k < right)})
    return sum(quad(strip, a, b, epsabs=1e-15, epsrel=1e-12)[0] for a, b in pairwise(cuts))


def quartic_cell_mass(x, y, weight, x0, y0, cell, nx, ny, bandwidth):
    out = np.zeros((ny, nx))
    for px, py, w in zip(x, y, weight, strict=True):
        east, north = px - x0, py - y0
        for row in range(ny):
            for col in range(nx):
                out[row, col] += w * quartic_rectangle(
                    col * cell - east,
                    (col + 1) * cell - east,
                    row * cell - north,
                    (row + 1) * cell - north,
                    bandwidth,
                )
    return out


def kth_distance(x, y, k):
    """Distance from every crime to its k-th nearest other crime; infinite if there is none."""
    found = []
    for i, (px, py) in enumerate(zip(x, y, strict=True)):
        others = sorted(math.hypot(qx - px, qy - py) for j, (qx, qy) in enumerate(zip(x, y, strict=True)) if j != i)
        found.append(others[k - 1] if len(others) >= k else math.inf)
    return np.array(found)


def kth_distance_of_places(x, y, count, k):
    """The same where `count` crimes stand on each place, told once for all of a place."""
    found = kth_distance(np.repeat(x, count), np.repeat(y, count), k)
    return found[np.cumsum(count) - 1]


def adaptive_cell_mass(x, y, weight, x0, y0, cell, nx, ny, k, least, kernel="gaussian"):
    """Crime by crime, each with the bandwidth that its own k-th neighbour gives it."""
    mass = gaussian_cell_mass if kernel == "gaussian" else quartic_cell_mass
    out = np.zeros((ny, nx))
    for px, py, w, distance in zip(x, y, weight, kth_distance(x, y, k), strict=True):
        out += mass([px], [py], [w], x0, y0, cell, nx, ny, max(distance, least))
    return out


def log_left_out(x, y, weight, lowest, steps):
    """Log density at every place by all others, for bandwidths that grow by the square root of 2."""
    out = np.empty((steps, len(x)))
    for step in range(steps):
        h = lowest * 2 ** (step / 2)
        for i, (px, py) in enumerate(zip(x, y, strict=True)):
            rest = [(qx, qy, v) for j, (qx, qy, v) in enumerate(zip(x, y, weight, strict=True)) if j != i]
            near = sum(v * math.exp(-((qx - px) ** 2 + (qy - py) ** 2) / (2 * h * h)) for qx, qy, v in rest)
            out[step, i] = math.log(near) - math.log(sum(v for *_, v in rest)) - math.log(2 * math.pi * h * h)
    return out


def left_out_score(x, y, weight, bandwidth):
    """Weighted mean log density of every crime by the crimes that are not on its place."""
    total = 0.0
    for px, py, w in zip(x, y, weight, strict=True):
        rest = [(qx, qy, v) for qx, qy, v in zip(x, y, weight, strict=True) if (qx, qy) != (px, py)]
        terms = [math.log(v) - ((qx - px) ** 2 + (qy - py) ** 2) / (2 * bandwidth**2) for qx, qy, v in rest]
        highest = max(terms)  # so that far crimes do not underflow
        log_sum = highest + math.log(sum(math.exp(term - highest) for term in terms))
        total += w * (log_sum - math.log(sum(v for _, _, v in rest)) - math.log(2 * math.pi * bandwidth**2))
    return total / sum(weight)


def normal_reference(x, y, weight):
    """n^(-1/6) times the root of the mean of the two weighted variances."""
    whole = sum(weight)
    share = [w / whole for w in weight]
    variances = []
    for column in (x, y):
        mean = sum(s * value for s, value in zip(share, column, strict=True))
        squares = sum(s * (value - mean) ** 2 for s, value in zip(share, column, strict=True))
        variances.append(squares / (1 - sum(s * s for s in share)))
    number = whole**2 / sum(w * w for w in weight)
    return math.sqrt(sum(variances) / 2) * number ** (-1 / 6)
