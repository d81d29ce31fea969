"""A fitted nonparametric self-exciting process: what it found, whether it can be trusted, and its forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import days_between, span
from predpol_eval.describing import as_html, as_text
from predpol_eval.forecasters.base import Known, describe, ready, surface_of
from predpol_eval.forecasters.hawkes.declustering import DeclusteringRun
from predpol_eval.forecasters.hawkes.nonparametric_forecast import cumulative
from predpol_eval.forecasters.hawkes.nonparametric_trigger import TriggerBins
from predpol_eval.kernels.points import FloatArray
from predpol_eval.schedule import Windows

if TYPE_CHECKING:
    import xarray as xr

# Share of the repeats in the outer fifth of the lags or distances from which on the trigger is cut off.
_CUT_OFF = 0.1
# Fewer repeats than this, in crimes, are hardly a cloud.
_FEW = 3.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class FittedNonparametric:
    """A fitted nonparametric self-exciting process. It has no standard errors: bootstrap the crimes for those.

    Attributes
    ----------
    forecaster : SelfExciting
        What was fitted.
    until : datetime64
        The moment up to which crimes were known, UTC.
    known : Known
        The crimes and the observed time it was fitted on.
    branching_ratio : float
        Mean number of crimes that a crime sets off within the reach and radius, seen or not.
    mu : array of float, shape (ny, nx)
        Background of each grid cell per day, at the mean level of the last `reach` of observed time.
    level : array of float, shape (bins,)
        Background crimes per day in even parts of the observed time.
    bins : TriggerBins
        Of lag and distance.
    rate : array of float, shape (lags, rings)
        Crimes set off per day and m2 in each bin.
    bandwidth : float
        Median bandwidth of the background, metres.
    t, x, y, alone : array of float, shape (n,)
        The crimes in the grid in order of time (days since the first observed moment), and the probability that each is
        background.
    days, now : float
        Observed time, and the last observed moment in days since the first.
    pairs : int
        Pairs of crimes within reach and radius.
    runs : tuple of DeclusteringRun
        The iterations from each start, without their probabilities.
    best : int
        Which of them the fit is.
    agree : bool
        Whether all starts led to one result.
    min_step, min_distance : str
        Least bandwidths in time and place, and where they come from.
    """

    forecaster: Any
    until: np.datetime64
    known: Known
    branching_ratio: float
    mu: FloatArray
    level: FloatArray
    bins: TriggerBins
    rate: FloatArray
    bandwidth: float
    t: FloatArray
    x: FloatArray
    y: FloatArray
    alone: FloatArray
    days: float
    now: float
    pairs: int
    runs: tuple[DeclusteringRun, ...]
    best: int
    agree: bool
    min_step: str
    min_distance: str

    @property
    def background(self) -> float:
        """Background crimes per day that the forecast goes by: the mean of the last `reach` of observed time."""
        return float(self.mu.sum())

    @property
    def converged(self) -> bool:
        """Whether the iterations stopped moving from every start, and in one place."""
        return self.agree and all(run.converged for run in self.runs)

    @property
    def iterations(self) -> int:
        """Number of iterations from the start that the fit is from."""
        return len(self.runs[self.best].ratios)

    @property
    def log_likelihood_path(self) -> FloatArray:
        """Leave-one-out log-likelihood of each iteration; smoothing is no maximisation, so that it may fall."""
        return self.runs[self.best].log_likelihoods

    @property
    def branching_ratio_path(self) -> FloatArray:
        """Branching ratio after each iteration."""
        return self.runs[self.best].ratios

    def trigger(self, lag: npt.ArrayLike, distance: npt.ArrayLike) -> FloatArray:
        """Crimes that one crime sets off per day and m2, so many days later and so many metres away.

        Parameters
        ----------
        lag, distance : array_like of float
            Days and metres, at least 0; they broadcast.

        Returns
        -------
        ndarray of float64
            0 beyond the reach and radius; the same all through a bin.
        """
        days, metres = np.broadcast_arrays(np.asarray(lag, np.float64), np.asarray(distance, np.float64))
        reach, radius = self.bins.lags[-1], self.bins.rings[-1]
        within = (days >= 0) & (metres >= 0) & (days < reach) & (metres < radius)
        place = self.bins.of(np.where(within, days, 0.0), np.where(within, metres, 0.0))
        return np.asarray(np.where(within, self.rate.ravel()[place], 0.0))

    def by_lag(self) -> tuple[FloatArray, FloatArray]:
        """Edges of the bins of lag in days, and crimes set off per day in each, at any distance."""
        return self.bins.lags, np.asarray((self.rate * self.bins.area).sum(axis=1))

    def by_distance(self) -> tuple[FloatArray, FloatArray]:
        """Edges of the rings in metres, and crimes set off per m2 in each, at any lag."""
        return self.bins.rings, np.asarray((self.rate * self.bins.days[:, None]).sum(axis=0))

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be known about this fit, in words."""
        found = [
            f"no bandwidth of the lag is below {self.min_step}, none in the plane below {self.min_distance}",
        ]
        found += [
            f"not converged after {len(run.ratios)} iterations from p_jj = {run.start:g}"
            for run in self.runs
            if not run.converged
        ]
        if not self.agree:
            ends = ", ".join(f"{run.ratios[-1]:.3g}" for run in self.runs)
            found.append(f"different starts end at different branching ratios ({ends}): none can be trusted")
        asked = span(self.forecaster.reach, "reach").nominal_days
        if self.bins.lags[-1] < asked:
            found.append(f"the trigger reaches {self.bins.lags[-1]:.3g} days, an eighth of the observed time")
        repeats = float(len(self.alone) - self.alone.sum())
        if repeats < _FEW:
            found.append("no repeats were found that stand out from the background by a tenth")
            return tuple(found)
        if self.branching_ratio >= 1:
            found.append("the branching ratio is 1 or more: crime grows without limit, good for short windows only")
        held = self.rate * self.bins.volume
        for axis, edges, field in ((1, self.bins.lags, "reach"), (0, self.bins.rings, "radius")):
            outer = held.sum(axis=axis)[edges[1:] > 0.8 * edges[-1]].sum() / held.sum()
            if outer > _CUT_OFF:
                found.append(
                    f"{100 * outer:.0f} % of the repeats lie in the last fifth of the {field}, so it cuts some off"
                )
        wide = float(np.sqrt(0.5 * (held.sum(axis=0) * self.bins.distance**2).sum() / held.sum()))
        if wide > self.bandwidth:
            found.append(
                f"repeats spread as widely ({wide:.0f} m) as the background is smoothed ({self.bandwidth:.0f} m): the "
                "two are hard to tell apart"
            )
        return tuple(found)

    def predict(self, windows: Windows) -> xr.DataArray:
        """Expected count of every window, shape (window, y, x), counted from the last observed moment.

        Raises
        ------
        InputError
            If a window starts before `until`, or crime hardly dies out and a window is too far away to be followed.
        """
        chosen = ready(windows, self.until, self.known.events.resolution, self.known.events)
        last = self.known.periods[-1][1]
        sides = np.concatenate([np.asarray(days_between(last, side)) for side in (chosen.start, chosen.end)])
        times, place = np.unique(sides, return_inverse=True)
        counts = cumulative(
            self.known.grid, self.bins, self.rate, self.mu, self.x, self.y, self.now - self.t, times
        )  # fmt: skip
        place = place.reshape(-1)
        values = np.maximum(counts[place[len(chosen) :]] - counts[place[: len(chosen)]], 0.0)
        return surface_of(
            self.forecaster,
            values,
            self.known,
            chosen,
            "expected_count",
            branching_ratio=self.branching_ratio,
            background_per_day=self.background,
            converged=int(self.converged),
            iterations=self.iterations,
            log_likelihood=float(self.log_likelihood_path[-1]),
            reach_days=float(self.bins.lags[-1]),
            notes="; ".join(self.notes),
        )

    def summary(self) -> dict[str, str]:
        """Describe the fit in words, one entry per line."""
        described = {"forecaster": describe(self.forecaster), "fitted until": f"{self.until} UTC"}
        described["crimes"] = f"{self.t.size:,}, {self.pairs:,} close pairs"
        described["observed"] = f"{self.days:,.2f} days"
        described["branching ratio"] = f"{self.branching_ratio:.4g}"
        described["background"] = f"{self.background:.4g} crimes per day lately, bandwidth {self.bandwidth:.0f} m"
        state = "converged" if self.converged else "not converged"
        ends = " and ".join(f"{run.ratios[-1]:.4g}" for run in self.runs)
        described["fit"] = f"{state} after {self.iterations} iterations; starts ended at {ends}"
        described["notes"] = "; ".join(self.notes)
        return described

    def __repr__(self) -> str:
        return as_text("FittedNonparametric", self.summary())

    def _repr_html_(self) -> str:
        return as_html("FittedNonparametric", self.summary())
