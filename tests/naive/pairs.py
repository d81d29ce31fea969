"""Pairs of crimes by distance and by days between them, one pair at a time."""

import math


def band(value, edges):
    """Number of the band `[a, b)` that a value lies in, or None."""
    for number in range(len(edges) - 1):
        if edges[number] <= value < edges[number + 1]:
            return number
    return None


def pairs(x_mm, y_mm, wall_ns, space_m, time_days, related=()):
    """Counts by band of the pairs in `related` (of positions), of all others, and of every pair by each band alone."""
    shape = (len(space_m) - 1, len(time_days) - 1)
    caused = [[0] * shape[1] for _ in range(shape[0])]
    alone = [[0] * shape[1] for _ in range(shape[0])]
    near, soon = [0] * shape[0], [0] * shape[1]
    related = set(related)
    for i in range(len(x_mm)):
        for j in range(i):
            distance = math.hypot(x_mm[i] - x_mm[j], y_mm[i] - y_mm[j]) / 1000
            days = abs(wall_ns[i] - wall_ns[j]) / 86_400_000_000_000
            ring, period = band(distance, space_m), band(days, time_days)
            if ring is not None:
                near[ring] += 1
            if period is not None:
                soon[period] += 1
            if ring is not None and period is not None:
                table = caused if (i, j) in related or (j, i) in related else alone
                table[ring][period] += 1
    return caused, alone, near, soon
