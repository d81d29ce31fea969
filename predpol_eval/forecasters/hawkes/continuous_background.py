"""The background of the continuous model: a density of crimes weighted by how likely each is to be no repeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.forecasters.hawkes.continuous_crimes import MOST_PAIRS, ContinuousCrimes
from predpol_eval.kernels.crowding import crowded_pairs
from predpol_eval.kernels.pairs import close_pairs
from predpol_eval.kernels.place_density import place_density
from predpol_eval.kernels.points import FloatArray, IntArray

# A crime whose Gaussian lies almost wholly outside is spread as if a hundredth lay inside: a sliver of a cell must not
# hold a city's density.
_LEAST_INSIDE = 0.01
# Candidates for the bandwidth at first, and how much it may change at once later (of its logarithm).
_CANDIDATES = 16
_STEP = 0.02
_LONGEST = 0.25
_FINE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Distinct places of the crimes in the study area, and which crime is where.

    Attributes
    ----------
    x, y : array of float, shape (m,)
    of : array of int, shape (crimes inside,)
        Place of each crime.
    first, second : array of int, shape (k,)
        Pairs of different places closer than the least distance, each both ways.
    square : array of float, shape (k,)
        Their squared distance.
    """

    x: FloatArray
    y: FloatArray
    of: IntArray
    first: IntArray
    second: IntArray
    square: FloatArray


def distinct(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Distinct places, from west to east and from south to north, and which of them each point stands on."""
    order = np.lexsort((y, x))
    east, north = x[order], y[order]
    new = np.ones(x.size, dtype=bool)
    new[1:] = (east[1:] != east[:-1]) | (north[1:] != north[:-1])
    of = np.empty(x.size, dtype=np.int64)
    of[order] = np.cumsum(new) - 1
    return east[new], north[new], of


def places(crimes: ContinuousCrimes) -> Places:
    """Find the distinct places, and those too close to be told apart."""
    use = crimes.inside > 0
    x, y, of = distinct(crimes.x[use], crimes.y[use])
    one, other = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if crimes.min_distance > 0:
        if crowded_pairs(x, y, np.zeros(x.size), crimes.min_distance, np.inf) > MOST_PAIRS:
            raise InputError(
                f"More than {MOST_PAIRS:,} pairs of places lie within {crimes.min_distance:.3g} m, the least distance: "
                f"the {crimes.number:,} crimes are piled up too closely for model='continuous'. Use model='cell', or a "
                "smaller min_distance."
            )
        # The position stands for the time, so that each pair comes once, with how far apart its positions are.
        found = close_pairs(x, y, np.arange(x.size), crimes.min_distance, np.inf)
        one = np.repeat(np.arange(x.size), np.diff(found.offsets))
        other = one - found.days.astype(np.int64)
    square = (x[one] - x[other]) ** 2 + (y[one] - y[other]) ** 2
    both, back = np.concatenate([one, other]), np.concatenate([other, one])
    return Places(x, y, of, both, back, np.concatenate([square, square]))


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """What depends on the bandwidth alone: the share of each place's Gaussian in the study area."""

    bandwidth: float
    inner: FloatArray


def spread(crimes: ContinuousCrimes, where: Places, bandwidth: float) -> Spread:
    """Prepare a bandwidth."""
    inner = crimes.inner_mass(where.x, where.y, bandwidth)[0]
    return Spread(bandwidth, np.maximum(inner, _LEAST_INSIDE))


def even_share(crimes: ContinuousCrimes) -> float:
    """Share of the background that lies evenly over the study area: that of one crime.

    Without it a crime far from all others would have no background rate, and any repeat in its place would be one of
    the crimes that happened there at whatever time before.
    """
    return 1.0 / (crimes.number + 1)


def background_rate(crimes: ContinuousCrimes, where: Places, weight: FloatArray, width: Spread) -> FloatArray:
    """Background per day and square metre at each crime in the study area, itself left out.

    ``(1/T) sum w_j K_h(s - s_j)/(share of it in the study area)`` over the other crimes, each spread with all its
    weight inside the study area, and `even_share` of all weight evenly over it. Pairs closer than the least distance
    count as that far apart.

    Parameters
    ----------
    weight : array of float, shape (crimes inside,)
        Probability of each to be no repeat.
    """
    h = width.bandwidth
    own = weight / width.inner[where.of]
    mass = np.bincount(where.of, own, minlength=where.x.size)
    sums = place_density(where.x, where.y, mass, h)
    # exp(0) of its own place stands for its own weight; of others on its place for too much, if they are not so near.
    close = np.exp(-0.5 * crimes.min_distance**2 / h**2)
    gap = close - np.exp(-0.5 * where.square / h**2)
    sums += np.bincount(where.first, mass[where.second] * gap, minlength=where.x.size)
    at = sums[where.of] - own + (mass[where.of] - own) * (close - 1.0)
    even = even_share(crimes)
    density = (1.0 - even) * np.maximum(at, 0.0) / (2.0 * np.pi * h**2) + even * weight.sum() / crimes.area
    return np.asarray(density / crimes.days)


def score(crimes: ContinuousCrimes, where: Places, weight: FloatArray, width: Spread) -> float:
    """Leave-one-out log-likelihood of a bandwidth, each crime by its weight."""
    return float((weight * np.log(background_rate(crimes, where, weight, width))).sum())


def limits(crimes: ContinuousCrimes, where: Places) -> tuple[float, float]:
    """Least and greatest bandwidth that is tried: from the least distance to the width of what there is."""
    wide = float(np.hypot(np.ptp(where.x), np.ptp(where.y)))
    return max(0.5 * crimes.min_distance, wide / 4000.0), max(wide, crimes.min_distance)


def choose(crimes: ContinuousCrimes, where: Places, weight: FloatArray) -> float:
    """The bandwidth of the highest leave-one-out likelihood: the best of some candidates, then made finer."""
    low, high = np.log(limits(crimes, where))
    tried = np.linspace(low, high, _CANDIDATES)
    values = [score(crimes, where, weight, spread(crimes, where, float(np.exp(at)))) for at in tried]
    best = int(np.argmax(values))
    left, right = tried[max(0, best - 1)], tried[min(_CANDIDATES - 1, best + 1)]
    # Golden section.
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    inner = [right - ratio * (right - left), left + ratio * (right - left)]
    worth = [score(crimes, where, weight, spread(crimes, where, float(np.exp(at)))) for at in inner]
    while right - left > _FINE:
        if worth[0] < worth[1]:
            left, inner[0], worth[0] = inner[0], inner[1], worth[1]
            inner[1] = left + ratio * (right - left)
            worth[1] = score(crimes, where, weight, spread(crimes, where, float(np.exp(inner[1]))))
        else:
            right, inner[1], worth[1] = inner[1], inner[0], worth[0]
            inner[0] = right - ratio * (right - left)
            worth[0] = score(crimes, where, weight, spread(crimes, where, float(np.exp(inner[0]))))
    return float(np.exp(0.5 * (left + right)))


def improve(crimes: ContinuousCrimes, where: Places, weight: FloatArray, bandwidth: float) -> float:
    """One Newton step of the bandwidth towards the highest leave-one-out likelihood, by differences."""
    low, high = limits(crimes, where)
    factor = float(np.exp(_STEP))
    down, here, up = (
        score(crimes, where, weight, spread(crimes, where, at))
        for at in (bandwidth / factor, bandwidth, bandwidth * factor)
    )
    slope, bend = (up - down) / (2.0 * _STEP), (up - 2.0 * here + down) / _STEP**2
    step = -slope / bend if bend < 0 else float(np.sign(slope)) * _LONGEST
    return float(np.clip(bandwidth * np.exp(np.clip(step, -_LONGEST, _LONGEST)), low, high))
