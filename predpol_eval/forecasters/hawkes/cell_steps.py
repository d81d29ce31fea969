"""Newton's steps towards the likeliest self-exciting process in cells, kept within what the data can show."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from predpol_eval.forecasters.hawkes.cells import CellCrimes, Decay, Parameters, Profile, profile
from predpol_eval.kernels.points import FloatArray

# A Newton step may change a parameter by at most this factor, and is halved this often before it is given up.
_LONGEST_STEP = float(np.log(8.0))
_HALVINGS = 6
# Closer to a limit than this, relatively, is at the limit.
_TOUCHES = 1e-9
# After convergence Newton steps go on until one is shorter than this; each must be less than half of the one before.
_SETTLED = 1e-11
_LAST_STEPS = 8
_SHRINKS = 0.5


class Place(NamedTuple):
    """Parameters, and what is known of the likelihood there."""

    now: Parameters
    decay: Decay
    here: Profile


def newton(here: Profile, now: Parameters, limits: tuple[float, float]) -> tuple[FloatArray, float]:
    """Newton's step in (log theta, log omega), upwards whatever the curvature, and what it promises to gain, twice."""
    free = np.array([True, at_limit(now.omega, here, limits) == "none"])
    slope, curvature = here.slope[free], here.curvature[np.ix_(free, free)]
    values, vectors = np.linalg.eigh(-curvature)
    # Where the surface bends upwards the step would lead to a saddle; the size of the curvature still tells its length.
    size = np.maximum(np.abs(values), 1e-12 * max(1e-300, float(np.abs(values).max())))
    along = vectors.T @ slope
    step = np.zeros(2)
    step[free] = vectors @ (along / size)
    return step, float((along**2 / size).sum())


def at_limit(omega: float, here: Profile, limits: tuple[float, float]) -> Literal["none", "slowest", "fastest"]:
    """The limit that omega stands at and presses against."""
    if omega <= limits[0] * (1.0 + _TOUCHES) and here.slope[1] < 0:
        return "slowest"
    if omega >= limits[1] * (1.0 - _TOUCHES) and here.slope[1] > 0:
        return "fastest"
    return "none"


def climb(
    crimes: CellCrimes,
    now: Parameters,
    decay: Decay,
    here: Profile,
    step: FloatArray,
    limits: tuple[float, float],
) -> tuple[Parameters, Decay, Profile]:
    """Take as much of a Newton step as raises the likelihood, or stay."""
    length = min(1.0, _LONGEST_STEP / max(1e-300, float(np.abs(step).max())))
    for _ in range(_HALVINGS):
        along = length * step
        omega = min(max(now.omega * float(np.exp(along[1])), limits[0]), limits[1])
        if omega in limits and here.curvature[0, 0] < 0:
            # Stopped by a limit, the best step of theta is another: that for the step omega could take.
            along[1] = np.log(omega / now.omega)
            along[0] = (here.slope[0] + here.curvature[0, 1] * along[1]) / -here.curvature[0, 0]
        theta = now.theta * float(np.exp(np.clip(along[0], -_LONGEST_STEP, _LONGEST_STEP)))
        tried = Parameters(theta, omega, now.mu)
        sums = decay if omega == now.omega else crimes.decay(omega)
        there = profile(crimes, tried, sums)
        if there.log_likelihood > here.log_likelihood:
            return tried._replace(mu=there.mu), sums, there
        length *= 0.5
    return now, decay, here


def settle(crimes: CellCrimes, place: Place, limits: tuple[float, float], longest: float) -> tuple[Place, bool]:
    """Newton's steps to where they no longer move anything; they stop where one does not shrink as it should.

    No likelihood is compared: near the top it is flat to all its digits long before the slope is 0.
    """
    for _ in range(_LAST_STEPS):
        now, _, here = place
        at = at_limit(now.omega, here, limits)
        edge = {"none": now.omega, "slowest": limits[0], "fastest": limits[1]}[at]
        step, _ = newton(here, now, limits)
        size = float(np.abs(step).max())
        free = here.curvature[:1, :1] if at != "none" else here.curvature
        if not (size <= longest and (np.linalg.eigvalsh(free) < 0).all()):
            return place, False
        if size <= _SETTLED and edge == now.omega:
            return place, True
        longest = max(_SHRINKS * size, _SETTLED)
        omega = min(max(edge * float(np.exp(step[1])), limits[0]), limits[1])
        decay = crimes.decay(omega)
        there = profile(crimes, Parameters(now.theta * float(np.exp(step[0])), omega, now.mu), decay)
        place = Place(Parameters(now.theta * float(np.exp(step[0])), omega, there.mu), decay, there)
    return place, False
