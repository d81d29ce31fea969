"""The self-exciting process in continuous space as a practitioner writes it: pairs by a tree, sums in numpy.

Every function takes the arguments of the kernel it competes with. The city stays 12 km wide, so that with more crimes
each has more of them near.
"""

from __future__ import annotations

import math

import numpy as np

from predpol_eval.kernels.inside_mass import inside_mass
from predpol_eval.kernels.pair_sums import in_rows, pair_expectation
from predpol_eval.kernels.pairs import close_pairs

SIDE, DAYS = 12_000.0, 1000.0
RADIUS, SPAN = 300.0, 40.0
THETA, OMEGA, SIGMA = 0.3, 0.5, 50.0
CLOSER = 2 / 3


def crimes(number):
    """Places and times in order, half of the crimes about twenty centres."""
    rng = np.random.default_rng(number)
    centres = rng.uniform(0.1 * SIDE, 0.9 * SIDE, (20, 2))
    about = centres[rng.integers(20, size=number)] + rng.normal(0, 0.05 * SIDE, (number, 2))
    place = np.where(rng.random((number, 1)) < 0.5, rng.uniform(0, SIDE, (number, 2)), about)
    x, y = np.clip(place, 0, SIDE).T
    return np.ascontiguousarray(x), np.ascontiguousarray(y), np.sort(rng.uniform(0, DAYS, number))


def listing(number):
    """Arguments of `neighbours`."""
    return (*crimes(number), RADIUS, SPAN)


def neighbours(x, y, t, radius, span):
    """Of each crime's close pairs: how many, and the sums of their days and squared distances."""
    pairs = close_pairs(x, y, t, radius, span)
    later = np.repeat(np.arange(len(x)), np.diff(pairs.offsets))
    return tuple(np.bincount(later, w, len(x)) for w in (None, pairs.days, pairs.square))


def neighbours_by_tree(x, y, t, radius, span):
    from scipy.spatial import cKDTree

    first, second = cKDTree(np.column_stack([x, y])).query_pairs(radius, output_type="ndarray").T
    later, earlier = np.maximum(first, second), np.minimum(first, second)
    days = t[later] - t[earlier]
    near = days <= span
    later, earlier, days = later[near], earlier[near], days[near]
    square = (x[later] - x[earlier]) ** 2 + (y[later] - y[earlier]) ** 2
    return tuple(np.bincount(later, w, len(x)) for w in (None, days, square))


def iterating(number):
    """Arguments of `em_iteration`: a list of pairs, the later crime of each, and the background; and the list in rows.

    In a city of 8 km, and with as much to spare as a fit lists pairs with (`continuous_crimes.near`). Both ways have
    their lists laid out beforehand, as a fit has them after its first iteration.
    """
    x, y, t = crimes(number)
    pairs = close_pairs(CLOSER * x, CLOSER * y, t, 1.25 * RADIUS, 1.25 * SPAN)
    later = np.repeat(np.arange(number), np.diff(pairs.offsets))
    mu = number / DAYS / (CLOSER * SIDE) ** 2 * np.random.default_rng(1).uniform(0.3, 1.5, number)
    return pairs.offsets, pairs.days, pairs.square, later, mu, THETA, OMEGA, SIGMA, in_rows(pairs)


def em_iteration(offsets, days, square, later, mu, theta, omega, sigma, rows):
    """p_jj, and the sums over pairs of p, p u and p v."""
    kernel = theta * omega / (2 * math.pi * sigma**2)
    return pair_expectation(rows, omega, sigma, kernel, mu)


def em_in_numpy(offsets, days, square, later, mu, theta, omega, sigma, rows):
    u, v = omega * days, square / (2 * sigma**2)
    part = theta * omega / (2 * math.pi * sigma**2) * np.exp(-u - v)
    rate = mu + np.bincount(later, part, len(mu))
    p = part / rate[later]
    return mu / rate, p.sum(), (p * u).sum(), (p * v).sum()


def spreading(number):
    """Arguments of `place_density`."""
    x, y, _ = crimes(number)
    return x, y, np.random.default_rng(1).uniform(0.2, 1.0, number), 300.0


def density_by_tree(x, y, weight, bandwidth):
    """All pairs within reach, as a tree gives them, in numpy."""
    from scipy.spatial import cKDTree

    first, second = cKDTree(np.column_stack([x, y])).query_pairs(7.5 * bandwidth, output_type="ndarray").T
    square = (x[first] - x[second]) ** 2 + (y[first] - y[second]) ** 2
    part = np.exp(-0.5 * square / bandwidth**2)
    there = np.bincount(first, part * weight[second], len(x))
    return weight + there + np.bincount(second, part * weight[first], len(x))


def staying(number):
    """Arguments of `mass_inside`: a study area of 48 x 48 cells, a tenth of them out of it."""
    x, y, _ = crimes(number)
    share = (np.random.default_rng(2).random((48, 48)) > 0.1).astype(float)
    return x, y, 0.0, 0.0, SIDE / 48, share, 300.0


def mass_inside(*arguments):
    """The mass alone, without its derivatives."""
    return inside_mass(*arguments)[0]


def inside_by_profiles(x, y, x0, y0, cell, share, sigma):
    """Profiles of all crimes at once, then one product for each row of cells."""
    from scipy.special import ndtr

    ny, nx = share.shape
    wide = np.diff(ndtr((x0 + cell * np.arange(nx + 1) - x[:, None]) / sigma), axis=1)
    high = np.diff(ndtr((y0 + cell * np.arange(ny + 1) - y[:, None]) / sigma), axis=1)
    return np.einsum("ir,rc,ic->i", high, share, wide, optimize=True)
