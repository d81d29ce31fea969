"""Boundaries of a trial that is looked at several times, by sums over a fine, even grid and by halving."""

import math

import numpy as np

POINTS = 1501


def normal_tail(x):
    """P(Z > x)."""
    return 0.5 * math.erfc(x / math.sqrt(2))


def obrien_fleming(share, alpha):
    """4 (1 - Phi(z / sqrt t)), with z found by halving."""
    low, high = 0.0, 10.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if normal_tail(middle) > alpha / 4 else (low, middle)
    return 4 * normal_tail(low / math.sqrt(share))


def pocock(share, alpha):
    """alpha ln(1 + (e - 1) t)."""
    return alpha * math.log(1 + (math.e - 1) * share)


def passing(z, share, step, place, mass):
    """Chance to be z standard errors or more from 0 at this look, of paths with so much mass at each place before."""
    if place is None:
        return 2 * normal_tail(z)
    edge = z * math.sqrt(share)
    tails = [normal_tail((edge - u) / math.sqrt(step)) + normal_tail((edge + u) / math.sqrt(step)) for u in place]
    return float(np.array(tails) @ mass)


def boundaries(shares, spent):
    """Boundary of every look, in standard errors."""
    found = []
    place = mass = None
    for look, share in enumerate(shares):
        step = share - (shares[look - 1] if look else 0.0)
        due = spent[look] - (spent[look - 1] if look else 0.0)

        low, high = 0.0, 12.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if passing(middle, share, step, place, mass) > due else (low, middle)
        found.append(low)
        edge = low * math.sqrt(share)
        here = np.linspace(-edge, edge, POINTS)
        scale = 1 / math.sqrt(2 * math.pi * step)
        if place is None:
            now = scale * np.exp(-(here**2) / (2 * step))
        else:
            now = scale * np.exp(-((here[:, None] - place) ** 2) / (2 * step)) @ mass
        width = np.full(POINTS, here[1] - here[0])
        width[[0, -1]] /= 2
        place, mass = here, now * width
    return found
