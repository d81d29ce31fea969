"""Tests of a gain by the book: crime by crime, and every way to give ranks their signs."""

import itertools
import math


def t_statistic(log_ratios, excess):
    """Gain, standard deviation of the log ratios, and gain over its error."""
    number = len(log_ratios)
    gain = (sum(log_ratios) - excess) / number
    mean = sum(log_ratios) / number
    spread = math.sqrt(sum((one - mean) ** 2 for one in log_ratios) / (number - 1))
    return gain, spread, gain / (spread / math.sqrt(number))


def nightly(log_ratios, excess):
    """Gain and crimes of every night; `log_ratios` are (night, log ratio), `excess` one number per night."""
    gains, crimes = [-one for one in excess], [0] * len(excess)
    for night, ratio in log_ratios:
        gains[night] += ratio
        crimes[night] += 1
    return gains, crimes


def ranks(differences):
    """Rank by size, tied ones sharing their mean rank; zeros left out. List of (rank, whether above zero)."""
    kept = [one for one in differences if one != 0]
    told = []
    for one in kept:
        smaller = sum(abs(other) < abs(one) for other in kept)
        same = sum(abs(other) == abs(one) for other in kept)
        told.append((smaller + (same + 1) / 2, one > 0))
    return told


def signed_rank_chance(differences):
    """Share of all ways to give the ranks signs whose sum is at least as far from its mean as the one seen."""
    told = ranks(differences)
    mean = sum(rank for rank, _ in told) / 2
    seen = abs(sum(rank for rank, above in told if above) - mean)
    ways = list(itertools.product([False, True], repeat=len(told)))
    far = 0
    for signs in ways:
        drawn = sum(rank for (rank, _), above in zip(told, signs, strict=True) if above)
        far += abs(drawn - mean) >= seen - 1e-9
    return far / len(ways)
