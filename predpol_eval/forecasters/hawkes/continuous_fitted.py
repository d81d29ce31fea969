"""A fitted self-exciting process in continuous space: what it found, how sure it is, and its forecast."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import days_between
from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError
from predpol_eval.forecasters.base import Known, describe, ready, surface_of
from predpol_eval.schedule import Windows, name_windows

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.forecasters.hawkes.continuous_crimes import ContinuousCrimes
    from predpol_eval.forecasters.hawkes.continuous_fit import ContinuousFit

FloatArray = npt.NDArray[np.float64]

# omega T (1 - theta) from which on recovery is claimed.
ENOUGH = 500.0
# exp() of more than this may be no number.
_MOST_GROWTH = 600.0
# A mean time to the repeat, or a spread, of less than so many steps of the data tells of their rounding.
_FEW_STEPS = 4.0
NAMES = ("theta", "omega", "sigma")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class FittedContinuous:
    """A fitted self-exciting process in continuous space.

    Attributes
    ----------
    forecaster : SelfExciting
        What was fitted.
    until : datetime64
        The moment up to which crimes were known, UTC.
    known : Known
        The crimes and the observed time it was fitted on.
    best : ContinuousFit
        The parameters, with the path to them.
    crimes : ContinuousCrimes
        The crimes as the likelihood sees them.
    mu : array of float, shape (ny, nx)
        Background rate of each grid cell per day.
    min_step, min_distance : str
        Least time and distance between two crimes, and where they come from.
    order : array of int, shape (crimes,)
        Which of the known crimes each of `crimes` is.
    """

    forecaster: Any
    until: np.datetime64
    known: Known
    best: ContinuousFit
    crimes: ContinuousCrimes
    mu: FloatArray
    min_step: str
    min_distance: str
    order: npt.NDArray[np.int64]

    @property
    def theta(self) -> float:
        """Mean number of repeats that a crime sets off, in or outside the study area; 0 without a sign of them."""
        return self.best.theta

    @property
    def omega(self) -> float:
        """Their decay per day; NaN where theta is 0."""
        return self.best.omega

    @property
    def sigma(self) -> float:
        """Their spread in each direction, metres; NaN where theta is 0."""
        return self.best.sigma

    @property
    def bandwidth(self) -> float:
        """Bandwidth of the background, metres."""
        return self.best.bandwidth

    @property
    def branching_ratio(self) -> float:
        """Share of crimes that are repeats, in the long run: theta."""
        return self.theta

    @property
    def converged(self) -> bool:
        """Whether the fit met its stopping rule."""
        return self.best.converged

    @property
    def iterations(self) -> int:
        """Number of iterations taken."""
        return len(self.best.log_likelihood_path)

    @property
    def log_likelihood_path(self) -> FloatArray:
        """Log-likelihood after each iteration, the background leave-one-out; it may fall (see `fit_continuous`)."""
        return self.best.log_likelihood_path

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard errors of theta, omega and sigma, from the observed information, the background's shape held."""
        values = (self.theta, self.omega, self.sigma)
        return {name: value * error for name, value, error in zip(NAMES, values, self.best.log_errors, strict=True)}

    def intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Confidence intervals of theta, omega and sigma, on the scale of their logarithms.

        From the observed information on the three and the level of the background, its shape held: what its estimate
        adds to their variance is left out. How often they hold the truth is in the table of simulated cities.

        Parameters
        ----------
        level : float
            Probability, between 0 and 1.

        Returns
        -------
        dict of (low, high)
            For ``"theta"``, ``"omega"`` and ``"sigma"``; NaN where the likelihood does not tell.
        """
        if not 0 < level < 1:
            raise InputError(f"level={level!r}; give a probability between 0 and 1, for instance 0.95.")
        reach = NormalDist().inv_cdf(0.5 + level / 2)
        values = (self.theta, self.omega, self.sigma)
        return {
            name: (value * float(np.exp(-reach * error)), value * float(np.exp(reach * error)))
            for name, value, error in zip(NAMES, values, self.best.log_errors, strict=True)
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be known about this fit, in words."""
        found = [
            f"no two crimes are taken to be less than {self.min_step} apart",
            f"nor closer than {self.min_distance}",
        ]
        if self.forecaster.bandwidth is None:
            found.append(
                f"the background's bandwidth of {self.bandwidth:.3g} m is of the highest leave-one-out likelihood"
            )
        if not self.converged:
            found.append(f"not converged after {self.iterations} iterations")
        if self.theta == 0:
            found.append("no repeats were found: theta is 0, omega and sigma undefined")
            return tuple(found)
        for theta, omega, sigma, behind in self.best.others:
            found.append(
                f"another start ended at theta {theta:.3g}, omega {omega:.3g} and sigma {sigma:.3g} m, "
                f"{behind:.1f} lower in log-likelihood"
            )
        if self.theta >= 1:
            found.append("theta is 1 or more: crime grows without limit, so the forecast holds for short windows only")
        found += _at_limits(self)
        enough = self.omega * self.crimes.days * (1 - self.theta)
        if enough < ENOUGH:
            found.append(
                f"omega T (1 - theta) is {enough:.0f}, below {ENOUGH:.0f}: "
                "slow repeats look like background, so that omega may come out too high and theta too low"
            )
        return tuple(found)

    def predict(self, windows: Windows) -> xr.DataArray:
        """Expected count of every window, shape (window, y, x), counted from the last observed moment.

        Raises
        ------
        InputError
            If a window starts before `until`, or if theta is 1 or more and a window is too far or long for the growth
            to be a number.
        """
        chosen, values = self.expected(windows)
        return surface_of(self.forecaster, values, self.known, chosen, "expected_count", **self.told)

    def expected(self, windows: Windows) -> tuple[Windows, FloatArray]:
        """The windows, and the numbers of their surface."""
        from predpol_eval.forecasters.hawkes.continuous_forecast import count_by_cell, sources

        chosen = ready(windows, self.until, self.known.events.resolution, self.known.events)
        now = self.known.periods[-1][1]
        starts, ends = (np.asarray(days_between(now, side)) for side in (chosen.start, chosen.end))
        if self.theta > 1:
            far = ends * self.omega * (self.theta - 1) > _MOST_GROWTH
            if far.any():
                raise InputError(
                    f"The fit has theta {self.theta:.3g} and omega {self.omega:.3g} per day: crime grows without "
                    f"limit, past every number by the end of the windows of {name_windows(chosen, far)}. Forecast "
                    "shorter windows, or fit with min_step='1D' or a longer lookback."
                )
        spans = list(zip(starts.tolist(), ends.tolist(), strict=True))
        where = sources(self.crimes, self.best)
        return chosen, count_by_cell(where, self.crimes, self.best, self.known.grid, spans)

    @property
    def told(self) -> dict[str, Any]:
        """What a surface tells of the fit in its attrs."""
        return {
            "theta": self.theta,
            "omega": self.omega,
            "sigma": self.sigma,
            "bandwidth": self.bandwidth,
            "branching_ratio": self.branching_ratio,
            "background_per_day": float(self.mu.sum()),
            "converged": int(self.converged),
            "iterations": self.iterations,
            "log_likelihood": float(self.log_likelihood_path[-1]),
            "min_step_days": self.crimes.min_step,
            "min_distance_m": self.crimes.min_distance,
            "notes": "; ".join(self.notes),
        }

    def summary(self) -> dict[str, str]:
        """Describe the fit in words, one entry per line."""
        ranges = self.intervals()
        described = {"forecaster": describe(self.forecaster), "fitted until": f"{self.until} UTC"}
        outside = self.crimes.t.size - self.crimes.number
        described["crimes"] = f"{self.crimes.number:,} in the study area, {outside:,} around it"
        described["observed"] = f"{self.crimes.days:,.2f} days"
        for name, value, unit in zip(NAMES, (self.theta, self.omega, self.sigma), ("", "", " m"), strict=True):
            low, high = ranges[name]
            described[name] = f"{value:.4g}{unit} (95 % interval {low:.4g} to {high:.4g})"
        described["background"] = f"{self.mu.sum():.4g} crimes per day, bandwidth {self.bandwidth:.4g} m"
        state = "converged" if self.converged else "not converged"
        value = float(self.log_likelihood_path[-1])
        described["fit"] = f"{state} after {self.iterations} iterations, log-likelihood {value:.3f}"
        described["notes"] = "; ".join(self.notes)
        return described

    def __repr__(self) -> str:
        return as_text("FittedContinuous", self.summary())

    def _repr_html_(self) -> str:
        return as_html("FittedContinuous", self.summary())


def _at_limits(fitted: FittedContinuous) -> list[str]:
    """What stands at a limit of what the data can show."""
    found = []
    best, crimes = fitted.best, fitted.crimes
    if best.limit == "slowest":
        found.append("omega is the slowest that the observed time can show: repeats look like a trend")
    if best.limit == "widest":
        found.append("sigma is as wide as the crimes lie apart: repeats have no place")
    if best.limit == "fastest" or best.omega * crimes.min_step * _FEW_STEPS > 1:
        found.append("omega is near the limit of the data's resolution: most repeats come within a few of its steps")
    if best.limit == "narrowest" or best.sigma < crimes.min_distance:
        found.append("sigma is near the limit of the data's resolution: most repeats fall on the same place")
    if np.isfinite(best.reach):
        found.append(f"pairs of crimes more than {best.reach:.0f} m apart were left out: there are too many")
    return found
