"""Self-exciting crime: every crime raises the risk of its own cell for a while, as earthquakes do."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import NANOSECONDS_PER_DAY, days_between, span, to_wall
from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.events import Events
from predpol_eval.forecasters.base import Known, Nightly, check_length, check_positive, describe, known
from predpol_eval.forecasters.hawkes_forecast import FittedSelfExciting
from predpol_eval.grid import Grid

if TYPE_CHECKING:
    from predpol_eval.forecasters.hawkes_cells import CellCrimes

# In what a publisher may tell the time, in nanoseconds, coarsest first.
_MINUTE = 60 * 10**9
_UNITS = {
    "1 day": 1440 * _MINUTE,
    "1 hour": 60 * _MINUTE,
    "30 minutes": 30 * _MINUTE,
    "15 minutes": 15 * _MINUTE,
    "5 minutes": 5 * _MINUTE,
    "1 minute": _MINUTE,
    "1 second": 10**9,
    "1 millisecond": 10**6,
    "1 microsecond": 10**3,
    "1 nanosecond": 1,
}
_TOLD_TO = {"month": ("30 days", 30 * 1440 * _MINUTE)} | {
    name: (f"1 {name}", _UNITS[f"1 {name}"]) for name in ("day", "hour", "minute")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfExciting(Nightly):
    """A background rate in every cell, and repeats: each crime sets off theta more in its cell, 1/omega days later.

    The rate of cell n is mu_n + sum theta omega exp(-omega (t - t_i)) over its earlier crimes. Theta, omega and mu_n
    are the likeliest, found by expectation-maximisation with the edge correction (`hawkes_fit.fit_cells` tells when it
    has converged). Only crimes inside the grid count, each in the cell of its point. The forecast is an expected count,
    with the repeats of repeats in it (`hawkes_forecast.expected_count`).

    Parameters
    ----------
    model : {"cell"}
        Each cell by itself.
    cell : float, optional
        Side of the model's cells in metres: a whole multiple of the grid's, laid from the grid's lower-left corner; the
        rate of such a cell is spread over the grid's by their inside-area. None: the cells of the grid.
    lookback : str, optional
        For instance ``"730D"``; None is all history.
    background : {"cell", "shared"}
        A free mu in every cell, or one rate per inside-m2 for all.
    jackknife : bool
        Correct theta and omega by the half-panel jackknife. A free background per cell biases theta down and omega up:
        little where omega T (1 - theta) is above 500, by an eighth where it is 70.
    max_iterations : int
        The most iterations of a fit; one that has not converged by then warns.
    tolerance : float
        When a fit has converged, see `hawkes_fit.fit_cells`.
    min_step : str, optional
        Least time between two crimes, for instance ``"1h"``; equal times would send omega to infinity. None: the
        resolution found in the data, the coarsest of a day, an hour, 30, 15, 5 or 1 minutes, a second and less that
        divides all times of the wall clock (and not finer than what the events say).

    Notes
    -----
    Where observation has gaps, T is the observed time, and the rate is summed over observed time only. What may have
    happened unseen in a gap sets nothing off; nor do crimes before the lookback. Where the data end before the moment
    of the forecast, the expected count includes what may have happened since.

    Records of one crime for each of its victims look like repeats within the hour, and make omega large: drop them, or
    set ``min_step="1D"``.

    References
    ----------
    Mohler, G. O. et al. (2015). Randomized controlled field trials of predictive policing. J. Am. Stat. Assoc. 110,
    1399-1411 (there without the edge correction). Dhaene, G. and Jochmans, K. (2015). Split-panel jackknife estimation
    of fixed-effect models. Rev. Econ. Stud. 82, 991-1030.

    Examples
    --------
    >>> SelfExciting(lookback="730D", jackknife=True).background
    'cell'
    """

    model: Literal["cell"] = "cell"
    cell: float | None = None
    lookback: str | None = None
    background: Literal["cell", "shared"] = "cell"
    jackknife: bool = False
    max_iterations: int = 200
    tolerance: float = 1e-9
    min_step: str | None = None

    def __post_init__(self) -> None:
        if self.model != "cell":
            raise InputError(f"model={self.model!r} does not exist; there is model='cell', each cell by itself.")
        if self.background not in ("cell", "shared"):
            raise InputError(f"background={self.background!r}; choose 'cell' (one rate for each) or 'shared'.")
        if not isinstance(self.jackknife, bool):
            raise InputError(f"jackknife={self.jackknife!r}; choose True or False.")
        if self.cell is not None:
            check_positive(self.cell, "cell", "the side of the model's cells in metres, for instance 500")
        if isinstance(self.max_iterations, bool) or not isinstance(self.max_iterations, int) or self.max_iterations < 1:
            raise InputError(f"max_iterations={self.max_iterations!r}; give a whole number of at least 1.")
        check_positive(self.tolerance, "tolerance", "a small number, for instance 1e-9")
        check_length(self.lookback, "lookback")
        check_length(self.min_step, "min_step")

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedSelfExciting:
        """Find the likeliest background, repeats and decay for the crimes known at `until`.

        Raises
        ------
        InputError
            If no crime or a single one is known in the grid, or all happened at one moment; if no time was observed
            before `until` (within the lookback), CRSs differ, or `cell` is not a multiple of the grid's.

        Warns
        -----
        PredPolWarning
            If the fit has not converged after `max_iterations`.
        """
        from predpol_eval.forecasters.hawkes_fit import background_given, fit_cells, half_panel

        past = known(events, grid, until, self.lookback)
        block, area = _blocks(grid, self._per_side(grid))
        step, step_name = self._least_step(past)
        crimes, numbers = _crimes(past, block, area, step, shared=self.background == "shared")
        best = fit_cells(crimes, max_iterations=self.max_iterations, tolerance=self.tolerance)
        if not best.converged:
            warnings.warn(
                f"{describe(self)} has not converged after {self.max_iterations} iterations on the {crimes.t.size:,} "
                f"crimes known at {past.until} UTC; its forecast is that of the last one. Raise max_iterations.",
                PredPolWarning,
                stacklevel=2,
            )
        theta, omega, mu = best.theta, best.omega, best.mu
        better = half_panel(crimes, best, self.max_iterations, self.tolerance) if self.jackknife else None
        if better is not None:
            theta, omega = better
            mu = background_given(crimes, theta, omega, mu)
        rate, excitation = np.zeros(area.size), np.zeros(area.size)
        if self.background == "shared":
            rate[:] = mu[0] * area / grid.total_m2
        else:
            rate[numbers] = mu
        if theta > 0:
            left = np.exp(-omega * (crimes.ends[-1] - crimes.t))
            excitation[numbers] = np.add.reduceat(left, crimes.cells[:-1])
        # Each grid cell holds its share of a block's inside-area.
        part = np.divide(grid.inside_m2, area[block], out=np.zeros(grid.shape), where=grid.mask & (area[block] > 0))
        return FittedSelfExciting(
            forecaster=self,
            until=past.until,
            known=past,
            theta=theta,
            omega=omega,
            mu=rate[block] * part,
            excitation=excitation[block] * part,
            best=best,
            crimes=crimes,
            corrected=better is not None,
            min_step=step_name,
        )

    def _per_side(self, grid: Grid) -> int:
        """Grid cells along the side of one of the model's."""
        if self.cell is None:
            return 1
        side = round(float(self.cell) * 1000)
        if side < grid.cell_mm or side % grid.cell_mm or abs(side - float(self.cell) * 1000) > 1e-6:
            raise InputError(
                f"cell={self.cell:g} m is not a whole multiple of the grid's {grid.cell:g} m, so its rate cannot be "
                f"spread over whole cells; choose {grid.cell:g}, {2 * grid.cell:g}, {3 * grid.cell:g} and so on."
            )
        return side // grid.cell_mm

    def _least_step(self, past: Known) -> tuple[float, str]:
        """Least time between two crimes in days, and where it comes from."""
        if self.min_step is not None:
            return span(self.min_step, "min_step").nominal_days, f"{self.min_step} (min_step)"
        # On the wall clock: midnight is no whole day in UTC, nor a whole hour in some zones.
        wall = to_wall(past.events.happened, past.events.tz).astype(np.int64)
        name, unit = next((name, unit) for name, unit in _UNITS.items() if not (wall % unit).any())
        found = "found in the data"
        if past.events.resolution is not None and _TOLD_TO[past.events.resolution][1] > unit:
            name, unit = _TOLD_TO[past.events.resolution]
            found = "the events are told in"
        return unit / NANOSECONDS_PER_DAY, f"{name} (the resolution {found})"


def _blocks(grid: Grid, per_side: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Number of the model's cell that each grid cell lies in, shape (ny, nx), and the inside-area of each."""
    ny, nx = grid.shape
    across = -(-nx // per_side)
    block = (np.arange(ny) // per_side)[:, None] * across + (np.arange(nx) // per_side)[None, :]
    area = np.bincount(block.ravel(), np.where(grid.mask, grid.inside_m2, 0.0).ravel())
    return block.astype(np.int64), area.astype(np.float64)


def _crimes(
    past: Known, block: npt.NDArray[np.int64], area: npt.NDArray[np.float64], step: float, *, shared: bool
) -> tuple[CellCrimes, npt.NDArray[np.int64]]:
    """The crimes in the grid as the likelihood wants them, and the numbers of the model's cells that have any.

    Raises
    ------
    InputError
        If there is no crime, a single one, or all happened at one moment.
    """
    from predpol_eval.forecasters.hawkes_cells import crimes_by_cell

    where = past.grid.cells_of(past.events)
    inside = where >= 0
    moments = past.moments[inside]
    if moments.size < 2 or (moments == moments[0]).all():
        several = f"{moments.size} crimes, all at one moment, are"
        few = {0: "no crime is", 1: "a single crime is"}.get(moments.size, several)
        raise InputError(
            f"At {past.until} UTC {few} known in the grid (of {len(past.events):,} known), which tells nothing about "
            "repeats. Start later, use a longer lookback, or check that the events lie in the grid."
        )
    origin = past.periods[0][0]
    starts = np.array([days_between(origin, first) for first, _ in past.periods])
    ends = np.array([days_between(origin, last) for _, last in past.periods])
    number = block.ravel()[where[inside]]
    share = area[number] / past.grid.total_m2 if shared else np.ones(number.size)
    t = np.asarray(days_between(origin, moments))
    return crimes_by_cell(t, number, share, starts, ends, step, shared=shared), np.unique(number)
