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


def calibration(windows):
    """Crimes expected over crimes recorded."""
    expected, recorded = 0.0, 0.0
    for cells in windows:
        for rate, _, crimes in cells:
            expected += rate
            recorded += crimes
    return expected / recorded if recorded else math.nan


def brier(windows):
    """Mean score of both cases, hit and not hit; `windows` are lists of (expected, probability of a hit) by cell."""
    scores = []
    for cells in windows:
        for rate, hit in cells:
            told = 1 - math.exp(-rate)
            scores.append(hit * (told - 1) ** 2 + (1 - hit) * told**2)
    return sum(scores) / len(scores)


def log_ratios(windows_a, windows_b, floor=0.0):
    """(night, log ratio) of every crime, one after another; `windows` as for `poisson`, whole crimes."""
    told = []
    for night, (cells_a, cells_b) in enumerate(zip(windows_a, windows_b, strict=True)):
        for (rate_a, _, crimes), (rate_b, _, _) in zip(cells_a, cells_b, strict=True):
            logs = [math.log(max(rate, floor)) if max(rate, floor) > 0 else -math.inf for rate in (rate_a, rate_b)]
            told += [(night, logs[0] - logs[1])] * round(crimes)
    return told


def excess(windows_a, windows_b, floor=0.0):
    """Crimes that A expects more than B, night by night, those without crime too."""
    return [
        sum(max(rate, floor) for rate, _, _ in cells_a) - sum(max(rate, floor) for rate, _, _ in cells_b)
        for cells_a, cells_b in zip(windows_a, windows_b, strict=True)
    ]


def information_gain(windows_a, windows_b, floor=0.0):
    """Mean log ratio less the excess per crime; also of fractions of crimes. NaN below two crimes."""
    number, total = 0.0, 0.0
    for cells_a, cells_b in zip(windows_a, windows_b, strict=True):
        for (rate_a, _, crimes), (rate_b, _, _) in zip(cells_a, cells_b, strict=True):
            if crimes > 0:
                number += crimes
                logs = [math.log(max(rate, floor)) if max(rate, floor) > 0 else -math.inf for rate in (rate_a, rate_b)]
                total += float(crimes) * (logs[0] - logs[1])
    if number < 2:
        return math.nan
    return (total - sum(excess(windows_a, windows_b, floor))) / number
