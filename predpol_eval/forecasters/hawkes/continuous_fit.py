"""Fit the continuous model: the likeliest repeats for a background, a background of what is no repeat, and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.forecasters.hawkes.continuous_background import (
    Places,
    background_rate,
    choose,
    improve,
    places,
    spread,
)
from predpol_eval.forecasters.hawkes.continuous_crimes import ContinuousCrimes, Near, decays, near
from predpol_eval.forecasters.hawkes.continuous_likelihood import Excitation, State
from predpol_eval.forecasters.hawkes.continuous_start import another, starts
from predpol_eval.forecasters.hawkes.continuous_steps import Limits, Rest, Settled, climb, settle
from predpol_eval.kernels.points import FloatArray

# Fewer repeats than this in all the data are none.
_NO_REPEAT = 1e-3
# From another fit's estimates a first step may not be longer, and of repeats there must be so many.
_NEAR = 0.5
_SURE_REPEATS = 10.0
# Two starts agree when no parameter differs by more than this (of its logarithm).
AGREE = 1e-2
_LOOSE = 1e-5
# Another point so far behind in log-likelihood is out of the question; nearer, the data do not tell which it is.
BEHIND = 10.0


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
    settled : bool
        Whether it stands still to 1e-10, so that no start near it would end elsewhere.
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
    settled: bool = False

    @property
    def one_answer(self) -> bool:
        """Whether a fit to almost the same crimes may start here: it stands still, and no start ended elsewhere."""
        return self.settled and self.theta > 0 and not self.others

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


class _End(NamedTuple):
    """The end of one run."""

    now: Excitation
    bandwidth: float
    state: State
    path: list[float]
    converged: bool
    close: Near

    def near(self, other: _End) -> bool:
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
    limits = _limits(crimes, where)
    mu = background_rate(crimes, where, alone, spread(crimes, where, first))
    lattice = starts(crimes, mu, first, limits.omega[1])
    if not lattice:
        return _without_repeats(crimes, where, bandwidth, [], converged=True)
    free = bandwidth is None
    begins = [limits.hold(start) for start in another(lattice, number_of_starts)]
    found = [_run(crimes, where, begins[0], first, free, limits, max_iterations, tolerance)]
    for start in begins[1:]:
        # Near the same end a loose rule is enough to say so.
        try:
            rest = _run(crimes, where, start, first, free, limits, max_iterations, max(tolerance, _LOOSE))
            if not rest.near(found[0]):
                found.append(_run(crimes, where, start, first, free, limits, max_iterations, tolerance))
        except InputError:
            # Crimes are so piled up that pairs for slow repeats cannot be listed: the first start is all there is.
            continue
    best = max(found, key=lambda rest: (rest.converged, rest.path[-1]))
    others = [(*rest.now, best.path[-1] - rest.path[-1]) for rest in found if not rest.near(best)]
    if best.converged:
        # From there on no likelihood is looked at: the steps end where they end from any other start nearby.
        end = Rest(best.now, best.bandwidth, best.state.alone)
        settled = settle(crimes, where, end, limits, free=free, longest=10.0 * tolerance**0.25)
        if settled.still:
            path = [*best.path[:-1], settled.state.value]
            return _fit(crimes, where, bandwidth, limits, settled, path, others)
    end = Rest(best.now, best.bandwidth, best.state.alone)
    as_it_is = Settled(end, best.state, best.close, False)
    return _fit(crimes, where, bandwidth, limits, as_it_is, best.path, others, converged=best.converged)


def refit_continuous(
    crimes: ContinuousCrimes, before: ContinuousFit, weight: FloatArray, *, bandwidth: float | None = None
) -> ContinuousFit | None:
    """Find where nothing changes from where it did for almost the same crimes.

    Parameters
    ----------
    crimes : ContinuousCrimes
    before : ContinuousFit
        A fit that has one answer.
    weight : array of float, shape (crimes inside,)
        Guess at the probability of each crime to be no repeat.
    bandwidth : float, optional
        See `fit_continuous`.

    Returns
    -------
    ContinuousFit or None
        Where `fit_continuous` ends too; None where that is not sure.
    """
    if not before.one_answer:
        return None
    where = places(crimes)
    limits = _limits(crimes, where)
    now = limits.hold(Excitation(before.theta, before.omega, before.sigma))
    start = Rest(now, before.bandwidth if bandwidth is None else float(bandwidth), weight)
    settled = settle(crimes, where, start, limits, free=bandwidth is None, longest=_NEAR)
    excitation = settled.rest.now
    repeats = excitation.theta * crimes.seen(excitation.omega, excitation.sigma).value
    if not settled.still or repeats < _SURE_REPEATS:
        return None
    return _fit(crimes, where, bandwidth, limits, settled, [settled.state.value], [])


def _limits(crimes: ContinuousCrimes, where: Places) -> Limits:
    wide = max(float(np.hypot(np.ptp(where.x), np.ptp(where.y))), crimes.min_distance)
    return Limits(decays(crimes), (0.5 * crimes.min_distance, wide))


def _fit(
    crimes: ContinuousCrimes,
    where: Places,
    bandwidth: float | None,
    limits: Limits,
    end: Settled,
    path: list[float],
    others: list[tuple[float, float, float, float]],
    *,
    converged: bool = True,
) -> ContinuousFit:
    now, width, weight = end.rest
    if now.theta * crimes.seen(now.omega, now.sigma).value < _NO_REPEAT:
        return _without_repeats(crimes, where, bandwidth, path, converged=converged)
    return ContinuousFit(
        theta=now.theta,
        omega=now.omega,
        sigma=now.sigma,
        bandwidth=width,
        weight=weight,
        information=-end.state.curvature,
        log_likelihood_path=np.array(path),
        converged=converged,
        limit=limits.at(now),
        reach=end.close.radius if end.close.cut else float("nan"),
        others=tuple((float(a), float(b), float(c), float(behind)) for a, b, c, behind in others),
        pairs=int(end.close.pairs.days.size),
        settled=end.still,
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
) -> _End:
    """Iterate from one start."""
    weight, width = np.ones(crimes.number), spread(crimes, where, bandwidth)
    close = near(crimes, now.omega, now.sigma)
    path: list[float] = []
    for _ in range(max_iterations):
        mu, total = background_rate(crimes, where, weight, width), float(weight.sum())
        now, close, state, remaining = climb(crimes, close, mu, total, now, limits)
        path.append(state.value)
        before = width.bandwidth
        if free:
            width = spread(crimes, where, improve(crimes, where, state.alone, before))
        moved = max(float(np.sqrt(((state.alone - weight) ** 2).mean())), abs(float(np.log(width.bandwidth / before))))
        weight = state.alone
        if remaining < tolerance and moved < tolerance**0.5:
            return _End(now, width.bandwidth, state, path, True, close)
    return _End(now, width.bandwidth, state, path, False, close)


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
