"""Intervals by drawing nights, one night and one draw at a time."""

from __future__ import annotations

import math


def ratio_interval(above, below, times_drawn, tail):
    """Percentile interval of sum(above)/sum(below), each night as often as drawn; nights that are NaN are left out."""
    ratios = []
    for row in times_drawn:
        top = bottom = 0.0
        for a, b, times in zip(above, below, row, strict=True):
            if math.isnan(a) or math.isnan(b):
                continue
            for _ in range(int(times)):
                top += a
                bottom += b
        if bottom > 0:
            ratios.append(top / bottom)
    return quantile(ratios, tail), quantile(ratios, 1 - tail)


def quantile(values, share):
    """Linear between the two nearest of the sorted values."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
