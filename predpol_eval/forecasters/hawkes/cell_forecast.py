"""What a fitted self-exciting process expects: counts of crimes for a window, and how sure its parameters are."""

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

    from predpol_eval.forecasters.hawkes.cell_fit import CellFit
    from predpol_eval.forecasters.hawkes.cells import CellCrimes

FloatArray = npt.NDArray[np.float64]

# omega T (1 - theta) from which on the bias of a free background per cell is small.
ENOUGH = 500.0
# exp() of more than this may be no number.
_MOST_GROWTH = 600.0
# A mean time to the repeat of less than so many steps tells of the rounding of times.
_FEW_STEPS = 4.0


def expected_count(
    mu: npt.ArrayLike, theta: float, omega: float, excitation: npt.ArrayLike, start: float, end: float
) -> FloatArray:
    """Crimes expected in ``[start, end)`` days from now, repeats of repeats included.

    With kappa = omega (1 - theta), lam_inf = mu/(1 - theta) and the rate lam_T = mu + theta omega excitation now, it is
    lam_inf D + (lam_T - lam_inf) (1 - exp(-kappa D))/kappa for the next D days, and the difference of two of these for
    a window that starts later. Written so that it also holds for theta = 1, where the rate grows in a straight line,
    and above, where it grows exponentially: finite in every window, but without a limit.

    Parameters
    ----------
    mu : array_like of float
        Background rate of each cell per day.
    theta, omega : float
        Repeats per crime, and their decay per day (anything where theta is 0).
    excitation : array_like of float
        ``sum exp(-omega age)`` over the crimes of each cell.
    start, end : float
        The window, in days from now.

    Returns
    -------
    ndarray of float64
        Of the shape of `mu`.

    Examples
    --------
    >>> round(float(expected_count(0.1, 0.5, 1.0, 1.0, 0.0, 1.0)), 6)
    0.514775
    """
    base = np.asarray(mu, dtype=np.float64)
    days = end - start
    if theta == 0.0:
        return base * days
    kappa = omega * (1.0 - theta)
    now = base + theta * omega * np.asarray(excitation, dtype=np.float64)
    # The rate at the start of the window, with what may happen until then in it.
    then = now * float(np.exp(-kappa * start)) + omega * base * _once(kappa, start)
    return np.asarray(then * _once(kappa, days) + omega * base * _twice(kappa, days))


def _once(kappa: float, days: float) -> float:
    """Integral of exp(-kappa u) over u from 0 to `days`."""
    x = kappa * days
    return days * float(-np.expm1(-x) / x) if x != 0.0 else days


def _twice(kappa: float, days: float) -> float:
    """Integral of that integral; near 0 by its series, where the quotient would lose its digits."""
    x = kappa * days
    if abs(x) < 1e-2:
        return days**2 * (1 / 2 - x / 6 + x**2 / 24 - x**3 / 120 + x**4 / 720 - x**5 / 5040)
    return (days - _once(kappa, days)) / kappa


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class FittedSelfExciting:
    """A fitted self-exciting process in cells.

    Attributes
    ----------
    forecaster : SelfExciting
        What was fitted.
    until : datetime64
        The moment up to which crimes were known, UTC.
    known : Known
        The crimes and the observed time it was fitted on.
    theta : float
        Mean number of repeats that a crime sets off; 0 where there is no sign of them.
    omega : float
        Their decay per day; NaN where theta is 0.
    mu : array of float, shape (ny, nx)
        Background rate of each grid cell per day.
    excitation : array of float, shape (ny, nx)
        ``sum exp(-omega age)`` over the crimes of each cell at the last observed moment.
    best : CellFit
        The likeliest parameters, before any jackknife, with the path to them.
    crimes : CellCrimes
        The crimes as the likelihood sees them.
    corrected : bool
        Whether `theta` and `omega` are those of the jackknife.
    min_step : str
        The least time between two crimes, and where it comes from.
    halves : tuple of CellFit
        Fits of the halves of the observed time, where the jackknife was asked for.
    """

    forecaster: Any
    until: np.datetime64
    known: Known
    theta: float
    omega: float
    mu: FloatArray
    excitation: FloatArray
    best: CellFit
    crimes: CellCrimes
    corrected: bool
    min_step: str
    halves: tuple[CellFit, ...] = ()

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
        """Log-likelihood after each iteration; it never falls."""
        return self.best.log_likelihood_path

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard errors of theta and omega, from the observed information with the background profiled out."""
        theta, omega = self.best.log_errors
        return {"theta": self.theta * theta, "omega": self.omega * omega}

    def intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Confidence intervals of theta and omega, on the scale of their logarithms.

        Their width comes from the observed information. With a free background per cell they are centred on the
        half-panel jackknife, whether or not the forecast uses it, since an interval around a biased estimate misses the
        truth the more often the more crimes there are; the uncorrected estimate may then lie outside. Where the
        jackknife fails (see `half_panel`), and with a shared background, they are centred on the estimate.

        Parameters
        ----------
        level : float
            Probability, between 0 and 1.

        Returns
        -------
        dict of (low, high)
            For ``"theta"`` and ``"omega"``; NaN where the likelihood does not tell.
        """
        from predpol_eval.forecasters.hawkes.cell_fit import half_panel

        if not 0 < level < 1:
            raise InputError(f"level={level!r}; give a probability between 0 and 1, for instance 0.95.")
        centre = (self.theta, self.omega)
        if not self.corrected and self.forecaster.background == "cell":
            limits = self.forecaster.max_iterations, self.forecaster.tolerance
            centre = half_panel(self.crimes, self.best, *limits) or centre
        reach = NormalDist().inv_cdf(0.5 + level / 2)
        return {
            name: (value * float(np.exp(-reach * error)), value * float(np.exp(reach * error)))
            for name, value, error in zip(("theta", "omega"), centre, self.best.log_errors, strict=True)
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be known about this fit, in words."""
        found = [f"no two crimes are taken to be less than {self.min_step} apart"]
        if not self.converged:
            found.append(f"not converged after {self.iterations} iterations")
        if self.theta == 0:
            found.append("no repeats were found: theta is 0 and omega undefined")
            return tuple(found)
        if self.theta >= 1:
            found.append("theta is 1 or more: crime grows without limit, so the forecast holds for short windows only")
        if self.best.limit == "slowest":
            found.append("omega is the slowest that the observed time can show: repeats look like a trend")
        if self.best.limit == "fastest" or self.omega * self.crimes.min_step * _FEW_STEPS > 1:
            found.append(
                "omega is near the limit of the data's resolution: most repeats come within a few of its steps"
            )
        enough = self.omega * self.crimes.days * (1 - self.theta)
        if self.forecaster.background == "cell" and not self.corrected and enough < ENOUGH:
            found.append(
                f"omega T (1 - theta) is {enough:.0f}, below {ENOUGH:.0f}: theta is biased down "
                "(use jackknife=True or background='shared')"
            )
        if self.forecaster.jackknife and not self.corrected:
            found.append("the jackknife failed (the halves of the data do not agree), so nothing is corrected")
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
        chosen = ready(windows, self.until, self.known.events.resolution, self.known.events)
        now = self.known.periods[-1][1]
        starts, ends = (np.asarray(days_between(now, side)) for side in (chosen.start, chosen.end))
        if self.theta > 1:
            far = ends * self.omega * (self.theta - 1) > _MOST_GROWTH
            if far.any():
                raise InputError(
                    f"The fit has theta {self.theta:.3g} and omega {self.omega:.3g} per day: crime grows without "
                    f"limit, past every number by the end of the windows of {name_windows(chosen, far)}. Forecast "
                    "shorter windows, or fit with min_step='1D', a longer lookback or background='shared'."
                )
        values = np.empty((len(chosen), *self.mu.shape))
        for position, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            values[position] = expected_count(self.mu, self.theta, self.omega, self.excitation, start, end)
        return chosen, values

    @property
    def told(self) -> dict[str, Any]:
        """What a surface tells of the fit in its attrs."""
        return {
            "theta": self.theta,
            "omega": self.omega,
            "branching_ratio": self.branching_ratio,
            "background_per_day": float(self.mu.sum()),
            "converged": int(self.converged),
            "iterations": self.iterations,
            "log_likelihood": float(self.log_likelihood_path[-1]),
            "jackknifed": int(self.corrected),
            "min_step_days": self.crimes.min_step,
            "notes": "; ".join(self.notes),
        }

    def summary(self) -> dict[str, str]:
        """Describe the fit in words, one entry per line."""
        ranges = self.intervals()
        described = {"forecaster": describe(self.forecaster), "fitted until": f"{self.until} UTC"}
        described["crimes"] = f"{self.crimes.t.size:,} in {self.crimes.cells.size - 1:,} cells"
        described["observed"] = f"{self.crimes.days:,.2f} days"
        for name, value in (("theta", self.theta), ("omega", self.omega)):
            low, high = ranges[name]
            described[name] = f"{value:.4g} (95 % interval {low:.4g} to {high:.4g})"
        described["background"] = f"{self.mu.sum():.4g} crimes per day"
        state = "converged" if self.converged else "not converged"
        value = float(self.log_likelihood_path[-1])
        described["fit"] = f"{state} after {self.iterations} iterations, log-likelihood {value:.3f}"
        described["notes"] = "; ".join(self.notes)
        return described

    def __repr__(self) -> str:
        return as_text("FittedSelfExciting", self.summary())

    def _repr_html_(self) -> str:
        return as_html("FittedSelfExciting", self.summary())
