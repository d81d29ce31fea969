"""Adjusted p-values from their definitions, one comparison at a time."""


def holm(p):
    """The largest, among those no larger, of p times the number of p-values not below it."""
    return [min(1.0, max(q * sum(other >= q for other in p) for q in p if q <= own)) for own in p]


def bh(p, factor=1.0):
    """The smallest, among those no smaller, of p times the number of tests over the number of p-values up to it."""
    m = len(p)
    return [min(1.0, min(factor * m * q / sum(other <= q for other in p) for q in p if q >= own)) for own in p]


def by(p):
    """The same, times 1 + 1/2 + ... + 1/m."""
    return bh(p, sum(1 / k for k in range(1, len(p) + 1)))
