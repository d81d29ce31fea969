"""Steps towards the likeliest repeats of the continuous model, and to where nothing moves any more."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from predpol_eval.forecasters.hawkes import continuous_background as ground
from predpol_eval.forecasters.hawkes.continuous_background import Places, improve, spread
from predpol_eval.forecasters.hawkes.continuous_crimes import ContinuousCrimes, Near, near
from predpol_eval.forecasters.hawkes.continuous_likelihood import Excitation, State, em_step, likelihood
from predpol_eval.kernels.points import FloatArray

# A step changes a parameter by at most this factor, and is halved this often before it is given up.
_LONGEST_STEP = float(np.log(2.0))
_HALVINGS = 6
# Closer to a limit than this, relatively, is at the limit.
_TOUCHES = 1e-9
# The pairs of the last steps are looked for as if omega and sigma stood on rungs of this ladder, so that the list does
# not depend on the way here.
_RUNG = 1.25
# It stands still when no p_jj moves by more in an iteration, and no logarithm of a parameter.
_STILL = 1e-10
_LAST_STEPS = 30
# Iterations whose changes are put together for the next.
_MEMORY = 4


class Limits(NamedTuple):
    """Least and greatest omega and sigma."""

    omega: tuple[float, float]
    sigma: tuple[float, float]

    def hold(self, now: Excitation) -> Excitation:
        """The nearest excitation within the limits."""
        omega = min(max(now.omega, self.omega[0]), self.omega[1])
        return Excitation(now.theta, omega, min(max(now.sigma, self.sigma[0]), self.sigma[1]))

    def at(self, now: Excitation) -> Literal["none", "slowest", "fastest", "narrowest", "widest"]:
        """The limit that omega or sigma stands at."""
        if now.omega <= self.omega[0] * (1.0 + _TOUCHES):
            return "slowest"
        if now.omega >= self.omega[1] * (1.0 - _TOUCHES):
            return "fastest"
        if now.sigma <= self.sigma[0] * (1.0 + _TOUCHES):
            return "narrowest"
        return "widest" if now.sigma >= self.sigma[1] * (1.0 - _TOUCHES) else "none"


def climb(
    crimes: ContinuousCrimes, close: Near, mu: FloatArray, total: float, now: Excitation, limits: Limits
) -> tuple[Excitation, Near, State, float]:
    """One step of EM, then as much of a Newton step as raises the likelihood; and what that promised, twice."""
    close = _serving(crimes, close, now)
    state = likelihood(crimes, close, mu, total, now)
    stepped = limits.hold(em_step(crimes, close, mu, now)[0])
    nearer = _serving(crimes, close, stepped)
    there = likelihood(crimes, nearer, mu, total, stepped)
    # The formulas for omega and sigma are single steps towards the M step's maximum: at an edge they may overshoot.
    if there.value >= state.value:
        now, close, state = stepped, nearer, there
    step, remaining = newton(state, now, limits)
    length = min(1.0, _LONGEST_STEP / max(1e-300, float(np.abs(step).max())))
    for _ in range(_HALVINGS):
        level, *factors = np.exp(length * step).tolist()
        tried = limits.hold(Excitation(*(part * by for part, by in zip(now, factors, strict=True))))
        nearer = _serving(crimes, close, tried)
        there = likelihood(crimes, nearer, mu, total, tried, level)
        if there.value > state.value:
            return tried, nearer, there, remaining
        length *= 0.5
    return now, close, state, remaining


def _serving(crimes: ContinuousCrimes, close: Near, now: Excitation) -> Near:
    return close if close.serves(crimes, now.omega, now.sigma) else near(crimes, now.omega, now.sigma)


def newton(state: State, now: Excitation, limits: Limits) -> tuple[FloatArray, float]:
    """Newton's step, upwards whatever the curvature, and what it promises to gain, twice."""
    free = np.ones(4, dtype=bool)
    for place, (value, (low, high)) in enumerate(((now.omega, limits.omega), (now.sigma, limits.sigma)), start=2):
        down = value <= low * (1.0 + _TOUCHES) and state.slope[place] < 0
        up = value >= high * (1.0 - _TOUCHES) and state.slope[place] > 0
        free[place] = not (down or up)
    values, vectors = np.linalg.eigh(-state.curvature[np.ix_(free, free)])
    # Where the surface bends upwards the step would lead to a saddle; the size of the curvature still tells its length.
    size = np.maximum(np.abs(values), 1e-12 * max(1e-300, float(np.abs(values).max())))
    along = (vectors * state.slope[free][:, None]).sum(axis=0)
    step = np.zeros(4)
    step[free] = (vectors * (along / size)).sum(axis=1)
    return step, float((along**2 / size).sum())


class Rest(NamedTuple):
    """What an iteration starts from: excitation, bandwidth, and p_jj of the crimes in the study area."""

    now: Excitation
    bandwidth: float
    weight: FloatArray


class Settled(NamedTuple):
    """Where it came to rest, the likelihood there, the pairs it was made of, and whether it stood still."""

    rest: Rest
    state: State
    close: Near
    still: bool


def settle(
    crimes: ContinuousCrimes, where: Places, rest: Rest, limits: Limits, *, free: bool, longest: float
) -> Settled:
    """Iterate to where nothing moves, whatever the start.

    An iteration is the background of the weights, Newton's step of the excitation, and a step of the bandwidth if it is
    `free`; no likelihood is compared, since it is flat to all its digits long before that. The next one starts from the
    mixture of the last few that would have moved least (Anderson 1965).

    Parameters
    ----------
    longest : float
        If the first iteration moves a parameter by a greater factor than exp(this), nothing is done.

    References
    ----------
    Anderson, D. G. (1965). Iterative procedures for nonlinear integral equations. J. ACM 12, 547-560. Walker, H. F. and
    Ni, P. (2011). Anderson acceleration for fixed-point iterations. SIAM J. Numer. Anal. 49, 1715-1735.
    """
    close = _ladder(crimes, rest.now, None)
    before: list[tuple[FloatArray, FloatArray]] = []
    size = crimes.number
    # Parameters count as much as all weights together.
    scale = np.sqrt(size)
    for iteration in range(_LAST_STEPS):
        close = _ladder(crimes, rest.now, close)
        made, state = _iterate(crimes, where, rest, close, limits, free)
        after, move = _flat(made, scale), _flat(made, scale) - _flat(rest, scale)
        moved = np.abs(move)
        moved[size:] /= scale
        largest = float(moved.max())
        if not np.isfinite(largest) or (iteration == 0 and float(moved[size:].max()) > longest):
            break
        if largest <= _STILL and _ladder(crimes, made.now, close) is close:
            return Settled(made, state, close, True)
        before = [*before[-_MEMORY:], (after, move)]
        rest = _mixed(before, size, scale, limits, made)
    return Settled(made, state, close, False)


def _iterate(
    crimes: ContinuousCrimes, where: Places, rest: Rest, close: Near, limits: Limits, free: bool
) -> tuple[Rest, State]:
    width = spread(crimes, where, rest.bandwidth)
    mu, total = ground.background_rate(crimes, where, rest.weight, width), float(rest.weight.sum())
    step, _ = newton(likelihood(crimes, close, mu, total, rest.now), rest.now, limits)
    level, *factors = np.exp(np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)).tolist()
    now = limits.hold(Excitation(*(part * by for part, by in zip(rest.now, factors, strict=True))))
    state = likelihood(crimes, close, mu, total, now, level)
    bandwidth = improve(crimes, where, state.alone, rest.bandwidth) if free else rest.bandwidth
    return Rest(now, bandwidth, state.alone), state


def _flat(rest: Rest, scale: float) -> FloatArray:
    return np.concatenate([rest.weight, scale * np.log([rest.bandwidth, *rest.now])])


def _mixed(before: list[tuple[FloatArray, FloatArray]], size: int, scale: float, limits: Limits, made: Rest) -> Rest:
    """The mixture of the last iterations whose moves cancel best."""
    (after, move), *rest = before[::-1]
    if not rest:
        return made
    steps = [(after - old, move - older) for old, older in rest]
    # Not matrix products: those are free to add up in another order on another number of threads.
    inner = np.array([[float((one * other).sum()) for _, other in steps] for _, one in steps])
    against = np.array([float((one * move).sum()) for _, one in steps])
    share = np.linalg.lstsq(inner, against, rcond=1e-12)[0]
    mixed = after - sum(part * step for part, (step, _) in zip(share, steps, strict=True))
    if not np.isfinite(mixed).all():
        return made
    bandwidth, *now = np.exp(mixed[size:] / scale).tolist()
    return Rest(limits.hold(Excitation(*now)), bandwidth, np.clip(mixed[:size], 0.0, 1.0))


def _ladder(crimes: ContinuousCrimes, now: Excitation, close: Near | None) -> Near:
    """The pairs for the rung above sigma and below omega; `close` if it is that list already."""
    rung = float(np.log(_RUNG))
    sigma = float(np.exp(rung * np.ceil(np.log(now.sigma) / rung)))
    omega = float(np.exp(rung * np.floor(np.log(now.omega) / rung)))
    if close is not None and close.made_for == (omega, sigma):
        return close
    return near(crimes, omega, sigma)
