"""Prospective hot-spotting (ProMap): near and recent crimes weigh most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from predpol_eval.civil_time import days_between
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.base import Known, Nightly, check_positive, known, ready, surface_of
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

if TYPE_CHECKING:
    import xarray as xr

METRICS = ("chebyshev", "manhattan", "euclidean")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProspectiveHotspot(Nightly):
    """Sum of 1 / ((1 + d) (1 + t)) over the crimes nearer than `radius` and younger than `weeks` (both strict).

    Age is counted at the start of the window. The result is a score: it has no unit, only an order.

    Parameters
    ----------
    radius : float
        Metres.
    weeks : float
        Greatest age.
    variant : {"continuous", "grid"}
        ``continuous``: d is the distance from the crime to the cell's centre in steps of `unit` metres, t the age in
        weeks. ``grid``: d is the distance between cell indices (times the cell's side below `radius`), t the whole
        weeks.
    unit : float
        Metres of one step of distance (``continuous``).
    metric : {"chebyshev", "manhattan", "euclidean"}
        Distance between cells (``grid``).

    References
    ----------
    Bowers, Johnson and Pease 2004, British Journal of Criminology 44 (not read in the original); the two variants are
    those of the PredictCode project.

    Examples
    --------
    >>> ProspectiveHotspot().weeks
    8
    """

    radius: float = 400.0
    weeks: float = 8
    variant: Literal["continuous", "grid"] = "continuous"
    unit: float = 50.0
    metric: Literal["chebyshev", "manhattan", "euclidean"] = "chebyshev"

    def __post_init__(self) -> None:
        check_positive(self.radius, "radius", "metres, for instance 400")
        check_positive(self.weeks, "weeks", "a number of weeks, for instance 8")
        check_positive(self.unit, "unit", "metres, for instance 50")
        if self.variant not in ("continuous", "grid"):
            raise InputError(f"variant={self.variant!r}; choose 'continuous' or 'grid'.")
        if self.metric not in METRICS:
            raise InputError(f"metric={self.metric!r}; choose one of {', '.join(map(repr, METRICS))}.")

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedProspective:
        """Keep the crimes known at `until`.

        Raises
        ------
        InputError
            If no time was observed before `until`, or CRSs differ.
        """
        return FittedProspective(forecaster=self, known=known(events, grid, until))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FittedProspective:
    """Crimes that weigh by distance and by their age at the start of each window."""

    forecaster: ProspectiveHotspot
    known: Known

    @property
    def until(self) -> np.datetime64:
        """The moment up to which crimes were known."""
        return self.known.until

    def predict(self, windows: Windows) -> xr.DataArray:
        """Score of every window, shape (window, y, x)."""
        from predpol_eval.kernels import prospective

        chosen = ready(windows, self.until, self.known.events.resolution, self.known.events)
        form, grid, crimes = self.forecaster, self.known.grid, self.known.events
        ny, nx = grid.shape
        column, row = grid.column_row(crimes.x, crimes.y)
        values = np.empty((len(chosen), ny, nx))
        for w, start in enumerate(chosen.start):
            age = days_between(self.known.moments, start) / 7
            young = age < form.weeks
            if form.variant == "continuous":
                values[w] = prospective.continuous(
                    crimes.x[young], crimes.y[young], age[young], grid.x0, grid.y0, grid.cell, nx, ny,
                    form.radius, form.weeks, form.unit,
                )  # fmt: skip
            else:
                values[w] = prospective.grid(
                    column[young], row[young], age[young], nx, ny, grid.cell,
                    form.radius, form.weeks, METRICS.index(form.metric),
                )  # fmt: skip
        return surface_of(form, values, self.known, chosen, "score")
