"""Fit a self-exciting process in cells: expectation-maximisation to convergence, and how sure the result is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from predpol_eval.forecasters.hawkes.cells import (
    CellCrimes,
    Decay,
    Parameters,
    Profile,
    em_step,
    log_likelihood,
    profile,
)
from predpol_eval.kernels.points import FloatArray
from predpol_eval.kernels.self_exciting import background

# Coarse search for where to start: every such factor between the slowest and the fastest decay the data can show.
_SCAN_FACTOR = 4.0
_SCAN_STEPS = 6
_START_THETA = 0.5
# Fewer repeats than this in all the data are none.
_NO_REPEAT = 1e-3
# A Newton step may change a parameter by at most this factor, and is halved this often before it is given up.
_LONGEST_STEP = float(np.log(8.0))
_HALVINGS = 6
# Closer to a limit than this, relatively, is at the limit.
_TOUCHES = 1e-9
# A half panel whose fit lies further off than this factor has found something else, not the same with a bias.
_STRAY = float(np.log(3.0))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CellFit:
    """The likeliest self-exciting process.

    Attributes
    ----------
    theta : float
        Mean number of repeats that a crime sets off: the branching ratio. 0 where there is no sign of repeats.
    omega : float
        Their decay per day; NaN where theta is 0.
    mu : array of float, shape (groups,)
        Background rates per day.
    information : array of float, shape (2, 2)
        Observed information on (log theta, log omega), the background profiled out; NaN where theta is 0.
    log_likelihood_path : array of float, shape (iterations,)
        After each iteration; it never falls.
    converged : bool
        Whether the stopping rule was met (see `fit_cells`).
    limit : {"none", "slowest", "fastest"}
        Whether omega stands at a limit of what the data can show.
    """

    theta: float
    omega: float
    mu: FloatArray
    information: FloatArray
    log_likelihood_path: FloatArray
    converged: bool
    limit: Literal["none", "slowest", "fastest"]

    @property
    def log_errors(self) -> tuple[float, float]:
        """Standard errors of log theta and log omega, from the inverse of the observed information."""
        inner = self.information
        if self.limit != "none":
            return (float(inner[0, 0] ** -0.5) if inner[0, 0] > 0 else float("nan"), float("nan"))
        if not (np.isfinite(inner).all() and inner[0, 0] > 0 and np.linalg.det(inner) > 0):
            return float("nan"), float("nan")
        theta, omega = np.sqrt(np.diag(np.linalg.inv(inner)))
        return float(theta), float(omega)


def fit_cells(crimes: CellCrimes, *, max_iterations: int = 200, tolerance: float = 1e-9) -> CellFit:
    """Find the likeliest parameters by expectation-maximisation, sped up by Newton steps kept only where they help.

    It starts from the likeliest of a few decays between the slowest and the fastest that the data can show, since the
    likelihood may have several maxima. Every iteration is one step of EM (`em_step`), then the background brought to
    its maximum, then a Newton step in (log theta, log omega), halved or dropped if the likelihood would not rise.

    Parameters
    ----------
    crimes : CellCrimes
    max_iterations : int
        The most iterations.
    tolerance : float
        Converged when slope' information^-1 slope falls below it: the estimates are then within sqrt(tolerance)
        standard errors of the maximum, and the log-likelihood has about half of it still to gain.

    Returns
    -------
    CellFit
        With ``converged`` false where the rule was not met.
    """
    limits = crimes.limits
    now = None if limits is None else _start(crimes, limits)
    if limits is None or now is None:
        return _without_repeats(crimes, [], converged=True)
    decay = crimes.decay(now.omega)
    here = profile(crimes, now, decay)
    now = now._replace(mu=here.mu)
    path: list[float] = []
    converged = False
    for _ in range(max_iterations):
        stepped = em_step(crimes, now, decay, limits)
        sums = decay if stepped.omega == now.omega else crimes.decay(stepped.omega)
        there = profile(crimes, stepped, sums)
        # Within rounding of the top a step may seem to lead down.
        if there.log_likelihood >= here.log_likelihood:
            now, decay, here = stepped._replace(mu=there.mu), sums, there
        step, remaining = _newton(here, now, limits)
        converged = remaining < tolerance
        if not converged:
            now, decay, here = _climb(crimes, now, decay, here, step, limits)
        path.append(here.log_likelihood)
        if converged:
            break
    if now.theta * decay.seen < _NO_REPEAT:
        none = _without_repeats(crimes, path, converged=converged)
        if none.log_likelihood_path[-1] >= here.log_likelihood:
            return none
    at = _at_limit(now.omega, here, limits)
    return CellFit(
        theta=now.theta,
        omega=now.omega,
        mu=now.mu,
        information=-here.curvature,
        log_likelihood_path=np.array(path),
        converged=converged,
        limit=at,
    )


def _start(crimes: CellCrimes, limits: tuple[float, float]) -> Parameters | None:
    """The likeliest of a few decays, each after a few steps of EM in the rest; None where none shows repeats."""
    low, high = np.log(limits)
    count = int(np.ceil((high - low) / np.log(_SCAN_FACTOR))) + 1
    alone = crimes.by_group(np.ones(crimes.t.size)) / crimes.days
    best, most = None, -np.inf
    for omega in np.exp(np.linspace(low, high, count)):
        at = float(min(max(omega, limits[0]), limits[1]))
        decay = crimes.decay(at)
        # For one omega the likelihood is concave in theta and mu: if it falls at theta = 0, it is highest there.
        if at * float((decay.zeroth / crimes.per_crime(alone)).sum()) <= decay.seen:
            continue
        tried = Parameters(_START_THETA, at, (1.0 - _START_THETA) * alone)
        for _ in range(_SCAN_STEPS):
            tried = em_step(crimes, tried, decay)
        value = log_likelihood(crimes, tried, decay)
        if value > most:
            best, most = tried, value
    return best


def _newton(here: Profile, now: Parameters, limits: tuple[float, float]) -> tuple[FloatArray, float]:
    """Newton's step in (log theta, log omega), upwards whatever the curvature, and what it promises to gain, twice."""
    free = np.array([True, _at_limit(now.omega, here, limits) == "none"])
    slope, curvature = here.slope[free], here.curvature[np.ix_(free, free)]
    values, vectors = np.linalg.eigh(-curvature)
    # Where the surface bends upwards the step would lead to a saddle; the size of the curvature still tells its length.
    size = np.maximum(np.abs(values), 1e-12 * max(1e-300, float(np.abs(values).max())))
    along = vectors.T @ slope
    step = np.zeros(2)
    step[free] = vectors @ (along / size)
    return step, float((along**2 / size).sum())


def _at_limit(omega: float, here: Profile, limits: tuple[float, float]) -> Literal["none", "slowest", "fastest"]:
    if omega <= limits[0] * (1.0 + _TOUCHES) and here.slope[1] < 0:
        return "slowest"
    if omega >= limits[1] * (1.0 - _TOUCHES) and here.slope[1] > 0:
        return "fastest"
    return "none"


def _climb(
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


def _without_repeats(crimes: CellCrimes, path: list[float], *, converged: bool) -> CellFit:
    """Background alone: what the likelihood says where crimes do not repeat."""
    mu = crimes.by_group(np.ones(crimes.t.size)) / crimes.days
    value = float(np.log(crimes.per_crime(mu)).sum() - crimes.days * mu.sum())
    return CellFit(
        theta=0.0,
        omega=float("nan"),
        mu=mu,
        information=np.full((2, 2), np.nan),
        log_likelihood_path=np.array([*path, value]),
        converged=converged,
        limit="none",
    )


def half_panel(
    crimes: CellCrimes, fit: CellFit, max_iterations: int = 200, tolerance: float = 1e-9
) -> tuple[float, float] | None:
    """Theta and omega by the half-panel jackknife, which takes out the bias that falls with one over the observed time.

    Theta is twice that of all the data less the mean of the two halves; omega likewise in its logarithm, so that it
    stays above 0.

    Returns
    -------
    (theta, omega) or None
        None where it cannot be told: a half without repeats, without convergence, or with a wholly different fit.

    References
    ----------
    Dhaene, G. and Jochmans, K. (2015). Split-panel jackknife estimation of fixed-effect models. Rev. Econ. Stud. 82.
    """
    if not fit.theta > 0:
        return None
    halves = []
    for half in crimes.halves():
        if half.t.size < 2:
            return None
        halves.append(fit_cells(half, max_iterations=max_iterations, tolerance=tolerance))
    whole = np.array([fit.theta, fit.omega])
    parts = np.array([[half.theta, half.omega] for half in halves])
    sound = all(half.converged and half.theta > 0 and half.limit == "none" for half in halves)
    if not sound or np.abs(np.log(parts / whole)).max() > _STRAY:
        return None
    theta = 2.0 * fit.theta - float(parts[:, 0].mean())
    omega = float(np.exp(2.0 * np.log(fit.omega) - np.log(parts[:, 1]).mean()))
    return (theta, omega) if theta > 0 else None


def background_given(crimes: CellCrimes, theta: float, omega: float, guess: FloatArray) -> FloatArray:
    """Likeliest background rates for given theta and omega."""
    added = theta * omega * crimes.decay(omega).zeroth
    return background(added, crimes.share, crimes.groups, crimes.days, guess)
