"""Log scores by the book: one cell after another, in plain loops."""

import math


def poisson(windows, floor=0.0):
    """Mean over windows of the log-likelihood; `windows` are lists of (expected, inside-area, crimes) by cell."""
    total = 0.0
    for cells in windows:
        for expected, _, crimes in cells:
            rate = max(expected, floor)
            total -= rate + math.lgamma(crimes + 1)
            if crimes > 0:
                total += crimes * (math.log(rate) if rate > 0 else -math.inf)
    return total / len(windows)


def location(windows, floor=0.0):
    """Mean over crimes of the log of their density against that of a map that knows nothing."""
    number, total = 0.0, 0.0
    for cells in windows:
        ground = sum(inside for _, inside, _ in cells)
        everything = sum(max(expected, floor) for expected, _, _ in cells)
        for expected, inside, crimes in cells:
            if crimes > 0:
                rate = max(expected, floor)
                number += crimes
                total += crimes * (math.log(rate / everything * ground / inside) if rate > 0 else -math.inf)
    return total / number if number else math.nan
