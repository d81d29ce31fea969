"""Prospective hot-spotting (ProMap): near and recent crimes weigh most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.base import FittedScore, Known, Nightly, check_positive, known
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray

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

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedScore:
        """Keep the crimes known at `until`.

        Raises
        ------
        InputError
            If no time was observed before `until`, or CRSs differ.
        """
        return FittedScore(forecaster=self, known=known(events, grid, until))

    def score(self, known: Known, age_days: FloatArray) -> FloatArray:
        """Score of every cell, shape (ny, nx), for crimes of these ages at the start of the window."""
        from predpol_eval.kernels import prospective

        age = age_days / 7
        young = age < self.weeks
        grid, x, y = known.grid, known.events.x[young], known.events.y[young]
        ny, nx = grid.shape
        if self.variant == "continuous":
            place = (grid.x0, grid.y0, grid.cell, nx, ny)
            return prospective.continuous(x, y, age[young], *place, self.radius, self.weeks, self.unit)
        column, row = grid.column_row(x, y)
        metric = METRICS.index(self.metric)
        return prospective.grid(column, row, age[young], nx, ny, grid.cell, self.radius, self.weeks, metric)
