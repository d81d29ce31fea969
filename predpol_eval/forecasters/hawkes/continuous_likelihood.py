"""The likelihood of the continuous model for a given background, its derivatives, and a step of EM."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from predpol_eval.forecasters.hawkes.continuous_crimes import ContinuousCrimes, Near, Seen
from predpol_eval.kernels.pair_sums import pair_expectation, pair_sums
from predpol_eval.kernels.points import FloatArray


class Excitation(NamedTuple):
    """Repeats per crime, their decay per day, and their spread in metres."""

    theta: float
    omega: float
    sigma: float

    @property
    def peak(self) -> float:
        """Rate that a crime adds at its own place and moment, per day and square metre."""
        return self.theta * self.omega / (2.0 * math.pi * self.sigma**2)


class State(NamedTuple):
    """The likelihood at some parameters and background.

    Attributes
    ----------
    value : float
        Log-likelihood: the sum of the log rates, less the crimes that background and repeats are to add up to.
    slope, curvature : array, shapes (4,) and (4, 4)
        By the logarithms of the level of the background, theta, omega and sigma.
    alone : array of float, shape (crimes inside,)
        p_jj: probability of each crime in the study area to be no repeat.
    """

    value: float
    slope: FloatArray
    curvature: FloatArray
    alone: FloatArray


def likelihood(
    crimes: ContinuousCrimes, close: Near, mu: FloatArray, total: float, now: Excitation, level: float = 1.0
) -> State:
    """Log-likelihood for a background, with its derivatives.

    Parameters
    ----------
    mu : array of float, shape (crimes inside,)
        Background rate at each crime in the study area.
    total : float
        Crimes that the background is to add up to.
    level : float
        What both are multiplied by.
    """
    inside = crimes.inside > 0
    s0, su, sv, suu, svv, suv = now.peak * pair_sums(close.pairs, now.omega, now.sigma, second=True)[:, inside]
    seen = Seen(*(now.theta * part for part in crimes.seen(now.omega, now.sigma)))
    base = level * mu
    rate = base + s0
    inverse = 1.0 / rate
    first = [base, s0, s0 - su, 2.0 * (sv - s0)]
    ratio = [part * inverse for part in first]
    away = [level * total, seen.value, seen.omega, seen.sigma]
    slope = np.array([float(part.sum()) - lost for part, lost in zip(ratio, away, strict=True)])
    second = {
        (0, 0): (base, away[0]),
        (1, 1): (s0, seen.value),
        (1, 2): (first[2], seen.omega),
        (1, 3): (first[3], seen.sigma),
        (2, 2): (s0 - 3.0 * su + suu, seen.omega2),
        (3, 3): (4.0 * (svv - 3.0 * sv + s0), seen.sigma2),
        (2, 3): (2.0 * (sv - s0 - suv + su), seen.both),
    }
    curvature = np.zeros((4, 4))
    for a in range(4):
        for b in range(a, 4):
            # Not a @ b: its order of summation depends on the number of threads, and results must not.
            value = -float((ratio[a] * ratio[b]).sum())
            if (a, b) in second:
                part, lost = second[a, b]
                value += float((part * inverse).sum()) - lost
            curvature[a, b] = curvature[b, a] = value
    value = float(np.log(rate).sum()) - away[0] - seen.value
    return State(value, slope, curvature, base * inverse)


def em_step(crimes: ContinuousCrimes, close: Near, mu: FloatArray, now: Excitation) -> tuple[Excitation, FloatArray]:
    """One step of expectation-maximisation, with the edge corrections in time and space.

    E: p_ij = theta omega exp(-omega (t_j - t_i)) N(s_j - s_i; sigma^2 I)/rate_j, p_jj = mu_j/rate_j. M: with ``seen``
    the sum over crimes of the share of their repeats in observed time and study area, theta = sum p/seen, then
    omega = sum p/(sum p dt + theta d seen/d omega) and sigma^2 = sum p d^2/(2 sum p + theta d seen/d log sigma), each a
    single step towards the maximum, as in the cell model.

    Returns
    -------
    Excitation, array of float, shape (crimes inside,)
        And the weights of the background, p_jj.
    """
    inside = crimes.inside > 0
    everywhere = np.ones(crimes.t.size)
    everywhere[inside] = mu
    counts = None if inside.all() else crimes.inside
    alone, repeats, u, v = pair_expectation(close.pairs, now.omega, now.sigma, now.peak, everywhere, counts)
    seen = crimes.seen(now.omega, now.sigma)
    theta = repeats / seen.value
    omega = now.omega * repeats / (u + theta * seen.omega)
    wide = 2.0 * repeats + theta * seen.sigma
    sigma = now.sigma * math.sqrt(2.0 * v / wide) if wide > 0 and v > 0 else now.sigma
    return Excitation(theta, omega, sigma), alone[inside]
