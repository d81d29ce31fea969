"""Fit the continuous model: the likeliest repeats for a background, a background of what is no repeat, and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from predpol_eval.forecasters.hawkes.continuous_background import (
    Places,
    background_rate,
    choose,
    improve,
    places,
    spread,
)
from predpol_eval.forecasters.hawkes.continuous_crimes import ContinuousCrimes, Near, decays, near
from predpol_eval.forecasters.hawkes.continuous_likelihood import Excitation, State, em_step, likelihood
from predpol_eval.forecasters.hawkes.continuous_start import another, starts
from predpol_eval.kernels.points import FloatArray

# Fewer repeats than this in all the data are none.
_NO_REPEAT = 1e-3
# A step changes a parameter by at most this factor, and is halved this often before it is given up.
_LONGEST_STEP = float(np.log(2.0))
_HALVINGS = 6
# Closer to a limit than this, relatively, is at the limit.
_TOUCHES = 1e-9
# Two starts agree when no parameter differs by more than this (of its logarithm).
AGREE = 1e-2
_LOOSE = 1e-5
# Another point so far behind in log-likelihood is out of the question; nearer, the data do not tell which it is.
BEHIND = 10.0


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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ContinuousFit:
    """Where the fit came to rest.

    Attributes
    ----------
    theta, omega, sigma : float
        Repeats per crime; their decay per day; their spread in metres. Where there is no sign of repeats theta is 0 and
        the others NaN.
    bandwidth : float
        Of the background, metres.
    weight : array of float, shape (crimes inside,)
        Probability of each crime in the study area to be no repeat.
    information : array of float, shape (4, 4)
        Observed information on the logarithms of the level of the background, theta, omega and sigma, the shape of the
        background held; NaN where theta is 0.
    log_likelihood_path : array of float, shape (iterations,)
        After each iteration, with the background leave-one-out. The background changes between, so it may fall.
    converged : bool
        Whether the stopping rule was met.
    limit : {"none", "slowest", "fastest", "narrowest", "widest"}
        Whether omega or sigma stands at a limit of what the data can show.
    reach : float
        Pairs of crimes were looked at up to this distance, metres, where it is short of six sigma; else NaN.
    others : tuple of (theta, omega, sigma, behind)
        Where other starts came to rest, if not there, and how much lower the log-likelihood is there.
    pairs : int
        Number of close pairs in the last list.
    """

    theta: float
    omega: float
    sigma: float
    bandwidth: float
    weight: FloatArray
    information: FloatArray
    log_likelihood_path: FloatArray
    converged: bool
    limit: Literal["none", "slowest", "fastest", "narrowest", "widest"]
    reach: float
    others: tuple[tuple[float, float, float, float], ...]
    pairs: int

    @property
    def log_errors(self) -> tuple[float, float, float]:
        """Standard errors of log theta, log omega and log sigma, from the inverse of the observed information."""
        free = [0, 1] + [2] * (self.limit not in ("slowest", "fastest")) + [3] * (self.limit not in _OF_SIGMA)
        inner = self.information[np.ix_(free, free)]
        out = np.full(4, np.nan)
        if np.isfinite(inner).all() and (np.linalg.eigvalsh(inner) > 0).all():
            out[free] = np.sqrt(np.diag(np.linalg.inv(inner)))
        return float(out[1]), float(out[2]), float(out[3])


_OF_SIGMA = ("narrowest", "widest")


class _Rest(NamedTuple):
    """The end of one run."""

    now: Excitation
    bandwidth: float
    state: State
    path: list[float]
    converged: bool
    close: Near

    def near(self, other: _Rest) -> bool:
        """Whether two runs ended at one point."""
        apart = np.abs(np.log(np.array(self.now) / np.array(other.now)))
        return bool(apart.max() <= AGREE)


def fit_continuous(
    crimes: ContinuousCrimes,
    *,
    bandwidth: float | None = None,
    number_of_starts: int = 2,
    max_iterations: int = 200,
    tolerance: float = 1e-9,
) -> ContinuousFit:
    """Alternate between repeats and background until neither changes.

    An iteration is, for the background as it is, one step of EM (`em_step`) and one of Newton in the logarithms of the
    level of the background, theta, omega and sigma, halved or dropped if the likelihood would not rise; then the
    background of the new p_jj, and its bandwidth one Newton step towards the highest leave-one-out likelihood, each
    crime by its p_jj. With the background held, the likelihood only rises; the background is no step of EM of that
    likelihood (each crime is left out of its own), so that from iteration to iteration the path may fall. What is
    looked for is the point at which nothing changes.

    It starts from the likeliest of a lattice of decays and spreads, and again from one far from that.

    Parameters
    ----------
    crimes : ContinuousCrimes
    bandwidth : float, optional
        Of the background, metres; None: by leave-one-out likelihood.
    number_of_starts : int
        The further ones only prove that the answer does not depend on the start.
    max_iterations : int
        The most iterations of each run.
    tolerance : float
        Converged when Newton's step promises less than half of it in log-likelihood (slope' information^-1 slope is
        below it), and the root mean square change of the p_jj and the change of the log bandwidth are below its root.
    """
    where = places(crimes)
    alone = np.ones(crimes.number)
    first = choose(crimes, where, alone) if bandwidth is None else float(bandwidth)
    wide = max(float(np.hypot(np.ptp(where.x), np.ptp(where.y))), crimes.min_distance)
    limits = Limits(decays(crimes), (0.5 * crimes.min_distance, wide))
    mu = background_rate(crimes, where, alone, spread(crimes, where, first))
    lattice = starts(crimes, mu, first, limits.omega[1])
    if not lattice:
        return _without_repeats(crimes, where, bandwidth, [], converged=True)
    free = bandwidth is None
    begins = [limits.hold(start) for start in another(lattice, number_of_starts)]
    found = [_run(crimes, where, begins[0], first, free, limits, max_iterations, tolerance)]
    for start in begins[1:]:
        # Near the same end a loose rule is enough to say so.
        rest = _run(crimes, where, start, first, free, limits, max_iterations, max(tolerance, _LOOSE))
        if not rest.near(found[0]):
            found.append(_run(crimes, where, start, first, free, limits, max_iterations, tolerance))
    best = max(found, key=lambda rest: (rest.converged, rest.path[-1]))
    now = best.now
    if now.theta * crimes.seen(now.omega, now.sigma).value < _NO_REPEAT:
        return _without_repeats(crimes, where, bandwidth, best.path, converged=best.converged)
    others = [(*rest.now, best.path[-1] - rest.path[-1]) for rest in found if not rest.near(best)]
    return ContinuousFit(
        theta=now.theta,
        omega=now.omega,
        sigma=now.sigma,
        bandwidth=best.bandwidth,
        weight=best.state.alone,
        information=-best.state.curvature,
        log_likelihood_path=np.array(best.path),
        converged=best.converged,
        limit=limits.at(now),
        reach=best.close.radius if best.close.cut else float("nan"),
        others=tuple((float(a), float(b), float(c), float(behind)) for a, b, c, behind in others),
        pairs=int(best.close.pairs.days.size),
    )


def _run(
    crimes: ContinuousCrimes,
    where: Places,
    now: Excitation,
    bandwidth: float,
    free: bool,
    limits: Limits,
    max_iterations: int,
    tolerance: float,
) -> _Rest:
    """Iterate from one start."""
    weight, width = np.ones(crimes.number), spread(crimes, where, bandwidth)
    close = near(crimes, now.omega, now.sigma)
    path: list[float] = []
    for _ in range(max_iterations):
        mu, total = background_rate(crimes, where, weight, width), float(weight.sum())
        now, close, state, remaining = _climb(crimes, close, mu, total, now, limits)
        path.append(state.value)
        before = width.bandwidth
        if free:
            width = spread(crimes, where, improve(crimes, where, state.alone, before))
        moved = max(float(np.sqrt(((state.alone - weight) ** 2).mean())), abs(float(np.log(width.bandwidth / before))))
        weight = state.alone
        if remaining < tolerance and moved < tolerance**0.5:
            return _Rest(now, width.bandwidth, state, path, True, close)
    return _Rest(now, width.bandwidth, state, path, False, close)


def _climb(
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
    step, remaining = _newton(state, now, limits)
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


def _newton(state: State, now: Excitation, limits: Limits) -> tuple[FloatArray, float]:
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


def _without_repeats(
    crimes: ContinuousCrimes, where: Places, bandwidth: float | None, path: list[float], *, converged: bool
) -> ContinuousFit:
    """Background alone."""
    alone, nan = np.ones(crimes.number), float("nan")
    chosen = choose(crimes, where, alone) if bandwidth is None else float(bandwidth)
    mu = background_rate(crimes, where, alone, spread(crimes, where, chosen))
    return ContinuousFit(
        theta=0.0,
        omega=nan,
        sigma=nan,
        bandwidth=chosen,
        weight=alone,
        information=np.full((4, 4), nan),
        log_likelihood_path=np.array([*path, float(np.log(mu).sum()) - crimes.number]),
        converged=converged,
        limit="none",
        reach=nan,
        others=(),
        pairs=0,
    )
