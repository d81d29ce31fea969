"""Fit a self-exciting process in cells: expectation-maximisation to convergence, and how sure the result is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from predpol_eval.forecasters.hawkes.cell_steps import Place, at_limit, climb, newton, settle
from predpol_eval.forecasters.hawkes.cells import CellCrimes, Parameters, em_step, log_likelihood, profile
from predpol_eval.kernels.points import FloatArray
from predpol_eval.kernels.self_exciting import background

# Coarse search for where to start: every such factor between the slowest and the fastest decay the data can show.
_SCAN_FACTOR = 4.0
_SCAN_STEPS = 6
_START_THETA = 0.5
# Fewer repeats than this in all the data are none.
_NO_REPEAT = 1e-3
# From another fit's estimates a first step may not be longer, nor the likelihood less above its next peak.
_NEAR = 0.3
CLEAR_LEAD = 10.0
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
    settled : bool
        Whether theta and omega stand still to 1e-11 of themselves, so that no start near them would end elsewhere.
    lead : float
        How much higher the log-likelihood is than without repeats, and than where any other peak was seen on the way.
    """

    theta: float
    omega: float
    mu: FloatArray
    information: FloatArray
    log_likelihood_path: FloatArray
    converged: bool
    limit: Literal["none", "slowest", "fastest"]
    settled: bool = False
    lead: float = 0.0

    @property
    def one_answer(self) -> bool:
        """Whether a fit to almost the same crimes may start here: nothing else is nearly as likely."""
        return self.settled and self.lead > CLEAR_LEAD

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
        standard errors of the maximum, and the log-likelihood has about half of it still to gain. Newton steps then go
        on as long as they shrink, so that what is left of the way here is lost in rounding.

    Returns
    -------
    CellFit
        With ``converged`` false where the rule was not met.
    """
    limits = crimes.limits
    now, lead = (None, 0.0) if limits is None else _start(crimes, limits)
    if limits is None or now is None:
        return _without_repeats(crimes, [], converged=True)
    decay = crimes.decay(now.omega)
    here = profile(crimes, now, decay)
    now = now._replace(mu=here.mu)
    path: list[float] = []
    converged = settled = False
    for _ in range(max_iterations):
        stepped = em_step(crimes, now, decay, limits)
        sums = decay if stepped.omega == now.omega else crimes.decay(stepped.omega)
        there = profile(crimes, stepped, sums)
        # Within rounding of the top a step may seem to lead down.
        if there.log_likelihood >= here.log_likelihood:
            now, decay, here = stepped._replace(mu=there.mu), sums, there
        step, remaining = newton(here, now, limits)
        converged = remaining < tolerance
        if not converged:
            now, decay, here = climb(crimes, now, decay, here, step, limits)
        path.append(here.log_likelihood)
        if converged:
            break
    if converged:
        at, settled = settle(crimes, Place(now, decay, here), limits, tolerance**0.5)
        now, decay, here = at
        path[-1] = max(path[-1], here.log_likelihood)
    if now.theta * decay.seen < _NO_REPEAT:
        none = _without_repeats(crimes, path, converged=converged)
        if none.log_likelihood_path[-1] >= here.log_likelihood:
            return none
    return _fit(Place(now, decay, here), limits, path, converged=converged, settled=settled, lead=lead)


def refit_cells(crimes: CellCrimes, before: CellFit) -> CellFit | None:
    """Find the likeliest parameters by Newton steps from those of almost the same crimes.

    Parameters
    ----------
    crimes : CellCrimes
    before : CellFit
        A fit that has one answer.

    Returns
    -------
    CellFit or None
        Where `fit_cells` ends too; None where that is not sure: the steps do not shrink at once, or repeats are hardly
        likelier than none.
    """
    limits = crimes.limits
    if limits is None or not (before.one_answer and before.theta > 0):
        return None
    omega = min(max(before.omega, limits[0]), limits[1])
    decay, alone = crimes.decay(omega), crimes.by_group(np.ones(crimes.t.size)) / crimes.days
    start = Parameters(before.theta, omega, alone / (1.0 + before.theta))
    here = profile(crimes, start, decay)
    at, settled = settle(crimes, Place(start._replace(mu=here.mu), decay, here), limits, _NEAR)
    lead = min(before.lead, at.here.log_likelihood - _nothing(crimes, alone))
    if not settled or at.now.theta * at.decay.seen < _NO_REPEAT or lead <= CLEAR_LEAD:
        return None
    return _fit(at, limits, [at.here.log_likelihood], converged=True, settled=True, lead=lead)


def _fit(
    place: Place, limits: tuple[float, float], path: list[float], *, converged: bool, settled: bool, lead: float
) -> CellFit:
    return CellFit(
        theta=place.now.theta,
        omega=place.now.omega,
        mu=place.now.mu,
        information=-place.here.curvature,
        log_likelihood_path=np.array(path),
        converged=converged,
        limit=at_limit(place.now.omega, place.here, limits),
        settled=settled,
        lead=lead,
    )


def _start(crimes: CellCrimes, limits: tuple[float, float]) -> tuple[Parameters | None, float]:
    """The likeliest of a few decays, each after a few steps of EM in the rest; None where none shows repeats.

    And how far the log-likelihood lies there above what it is without repeats, and at other peaks.
    """
    low, high = np.log(limits)
    count = int(np.ceil((high - low) / np.log(_SCAN_FACTOR))) + 1
    alone = crimes.by_group(np.ones(crimes.t.size)) / crimes.days
    nothing = _nothing(crimes, alone)
    found: list[Parameters | None] = []
    values = np.full(count + 2, nothing)
    for position, omega in enumerate(np.exp(np.linspace(low, high, count)), start=1):
        at = float(min(max(omega, limits[0]), limits[1]))
        decay = crimes.decay(at)
        found.append(None)
        # For one omega the likelihood is concave in theta and mu: if it falls at theta = 0, it is highest there.
        if at * float((decay.zeroth / crimes.per_crime(alone)).sum()) <= decay.seen:
            continue
        tried = Parameters(_START_THETA, at, (1.0 - _START_THETA) * alone)
        for _ in range(_SCAN_STEPS):
            tried = em_step(crimes, tried, decay)
        found[-1], values[position] = tried, log_likelihood(crimes, tried, decay)
    shown = np.array([start is not None for start in found])
    if not shown.any():
        return None, 0.0
    best = int(np.argmax(np.where(shown, values[1:-1], -np.inf)))
    inner = values[1:-1]
    peaks = (inner >= values[:-2]) & (inner >= values[2:])
    peaks[best] = False
    return found[best], float(inner[best] - max(nothing, inner[peaks].max(initial=nothing)))


def _nothing(crimes: CellCrimes, alone: FloatArray) -> float:
    """Log-likelihood without repeats."""
    return float(np.log(crimes.per_crime(alone)).sum() - crimes.days * alone.sum())


def _without_repeats(crimes: CellCrimes, path: list[float], *, converged: bool) -> CellFit:
    """Background alone: what the likelihood says where crimes do not repeat."""
    mu = crimes.by_group(np.ones(crimes.t.size)) / crimes.days
    value = _nothing(crimes, mu)
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
    return jackknifed(fit, half_fits(crimes, fit, max_iterations, tolerance))


def half_fits(
    crimes: CellCrimes, fit: CellFit, max_iterations: int = 200, tolerance: float = 1e-9
) -> tuple[CellFit, ...]:
    """Fits of both halves of the observed time; none where a half has less than two crimes, or there are no repeats."""
    halves = tuple(crimes.halves()) if fit.theta > 0 else ()
    if any(half.t.size < 2 for half in halves):
        return ()
    return tuple(fit_cells(half, max_iterations=max_iterations, tolerance=tolerance) for half in halves)


def refit_halves(crimes: CellCrimes, before: tuple[CellFit, ...]) -> tuple[CellFit, ...] | None:
    """Fits of both halves by Newton steps from those of almost the same crimes; None where that is not sure."""
    halves = tuple(crimes.halves())
    if len(before) != len(halves) or any(half.t.size < 2 for half in halves):
        return None
    found = [refit_cells(half, last) for half, last in zip(halves, before, strict=True)]
    sure = tuple(fit for fit in found if fit is not None)
    return sure if len(sure) == len(found) else None


def jackknifed(fit: CellFit, halves: tuple[CellFit, ...]) -> tuple[float, float] | None:
    """Theta and omega from the fits of all the data and of both halves, see `half_panel`."""
    if not halves:
        return None
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
