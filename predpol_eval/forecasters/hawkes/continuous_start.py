"""Where to start the fit of the continuous model: the likeliest of a lattice of decays and spreads."""

from __future__ import annotations

import numpy as np

from predpol_eval.forecasters.hawkes.continuous_crimes import ContinuousCrimes
from predpol_eval.forecasters.hawkes.continuous_likelihood import Excitation
from predpol_eval.kernels.pair_sums import in_rows, pair_sums
from predpol_eval.kernels.pairs import close_pairs, count_pairs
from predpol_eval.kernels.points import FloatArray

# Crimes whose earlier neighbours are looked at, evenly over time: enough to tell orders of magnitude.
_SAMPLE = 1_500
# Fewer, where they have more pairs than this (160 MB); but not fewer than that.
_MOST_PAIRS = 10_000_000
_LEAST_SAMPLE = 100
# Steps of the lattice, from the bandwidth of the background downwards and from the slowest decay upwards.
_SIGMA_FACTOR = 2.5
_SIGMA_STEPS = 5
_OMEGA_FACTOR = 4.0
# Spread beyond which no pair is looked at here, in sigma.
_REACH = 4.0
_STEPS = 8
# Decays of the lattice: from one over the observed time to 24 a day, or to what the crimes can show.
_SLOW = 1.0
_FAST = 24.0
# A second start is so many steps away.
_FAR = 2.5
_START_THETA = 0.4


def _sampled(crimes: ContinuousCrimes, radius: float) -> FloatArray:
    """Mark crimes that have no more pairs within a radius than can be looked at."""
    use = np.flatnonzero(crimes.inside)
    each = -(-use.size // _SAMPLE)
    while True:
        chosen = np.zeros(crimes.t.size)
        chosen[use[::each]] = 1.0
        pairs = count_pairs(crimes.x, crimes.y, crimes.t, radius, np.inf, chosen)
        if pairs <= _MOST_PAIRS or chosen.sum() <= _LEAST_SAMPLE:
            return chosen
        each *= 2


def starts(crimes: ContinuousCrimes, mu: FloatArray, bandwidth: float, fastest: float) -> list[Excitation]:
    """Candidates, the likeliest first, for a background rate `mu` at the crimes in the study area.

    Each point of a lattice of omega and sigma gets its likeliest theta and level of the background, by a few steps of
    EM on a sample of the crimes; those that show no repeats are left out.
    """
    chosen = _sampled(crimes, max(_REACH * bandwidth, 1.001 * crimes.min_distance))
    sample = chosen > 0
    base = mu[sample[crimes.inside > 0]]
    part = float(sample.sum()) / crimes.number
    slow = _SLOW / crimes.days
    steps = int(np.log(min(fastest, _FAST) / slow) / np.log(_OMEGA_FACTOR))
    omegas = slow * _OMEGA_FACTOR ** np.arange(max(1, steps + 1))
    found: list[tuple[float, Excitation]] = []
    for step in range(_SIGMA_STEPS):
        sigma = bandwidth / _SIGMA_FACTOR**step
        if sigma < 0.7 * crimes.min_distance:
            break
        radius = max(_REACH * sigma, 1.001 * crimes.min_distance)
        floors = {"least_days": crimes.min_step, "least_distance": crimes.min_distance}
        pairs = in_rows(close_pairs(crimes.x, crimes.y, crimes.t, radius, np.inf, chosen, **floors))
        for omega in omegas.tolist():
            added = Excitation(1.0, omega, sigma).peak * pair_sums(pairs, omega, sigma)[0][sample]
            seen = part * crimes.seen(omega, sigma).value
            theta, level = _START_THETA, 1.0 - _START_THETA
            for _ in range(_STEPS):
                repeat = theta * added / (level * base + theta * added)
                theta, level = float(repeat.sum()) / seen, float((1.0 - repeat).mean())
            value = float(np.log(level * base + theta * added).sum()) - theta * seen - level * sample.sum()
            if theta > 0 and value > float(np.log(base).sum()) - sample.sum():
                found.append((value, Excitation(theta, omega, sigma)))
    return [start for _, start in sorted(found, key=lambda row: -row[0])]


def another(lattice: list[Excitation], number: int) -> list[Excitation]:
    """The likeliest point of a lattice, and further ones, each the likeliest of those far from all before it."""
    chosen = lattice[:1]
    while len(chosen) < number:
        far = [point for point in lattice if all(_apart(point, other) >= _FAR for other in chosen)]
        if not far:
            # On a small lattice nothing is far: repeats twice as wide and eight times as slow.
            last = chosen[-1]
            far = [Excitation(last.theta, last.omega / 8.0, 2.0 * last.sigma)]
        chosen.append(far[0])
    return chosen


def _apart(one: Excitation, other: Excitation) -> float:
    """Distance of two points, in steps of the lattice."""
    omega = abs(np.log(one.omega / other.omega)) / np.log(_OMEGA_FACTOR)
    sigma = abs(np.log(one.sigma / other.sigma)) / np.log(_SIGMA_FACTOR)
    return float(omega + sigma)
