"""Near-repeat cocooning: every recent crime raises the risk around its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from predpol_eval.civil_time import days_between, span
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.base import Known, Nightly, check_length, check_positive, known, ready, surface_of
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

if TYPE_CHECKING:
    import xarray as xr

KERNELS = ("linear", "exponential")


@dataclass(frozen=True, slots=True, kw_only=True)
class NearRepeat(Nightly):
    """Cocooning: the risk that a recent crime brings to its surroundings, falling with distance and days.

    A cell's score is the sum over crimes of s(d) g(a): d is the distance from the crime to the nearest point of the
    cell (0 for the cell it happened in), a its age at the start of the window.

    Parameters
    ----------
    radius : float
        Metres around a crime.
    lookback : str
        How long a crime raises the risk; the Met's three weeks by default.
    kernel : {"linear", "exponential"}
        ``linear``: s = 1 - d/radius and g = 1 - a/lookback. ``exponential``: s = exp(-3 d/radius) and g = exp(-3
        a/lookback), which have fallen to 5 % where they are cut off.

    References
    ----------
    Metropolitan Police reply to the London Assembly's "Smart policing" report (super cocooning, three weeks); Johnson
    et al. 2007, Journal of Quantitative Criminology 23 (near repeats).

    Examples
    --------
    >>> NearRepeat(radius=200).lookback
    '21D'
    """

    radius: float = 400.0
    lookback: str = "21D"
    kernel: Literal["linear", "exponential"] = "linear"

    def __post_init__(self) -> None:
        check_positive(self.radius, "radius", "metres, for instance 400")
        if self.lookback is None:
            raise InputError("lookback=None; say how long a crime raises the risk around it, for instance '21D'.")
        check_length(self.lookback, "lookback")
        if self.kernel not in KERNELS:
            raise InputError(f"kernel={self.kernel!r}; choose one of {', '.join(map(repr, KERNELS))}.")

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedNearRepeat:
        """Keep the recent crimes known at `until`.

        Raises
        ------
        InputError
            If no time was observed in the lookback, or CRSs differ.
        """
        return FittedNearRepeat(forecaster=self, known=known(events, grid, until, self.lookback))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FittedNearRepeat:
    """Recent crimes whose risk fades until each window starts."""

    forecaster: NearRepeat
    known: Known

    @property
    def until(self) -> np.datetime64:
        """The moment up to which crimes were known."""
        return self.known.until

    def predict(self, windows: Windows) -> xr.DataArray:
        """Score of every window, shape (window, y, x)."""
        from predpol_eval.kernels.near_repeat import cocoon

        chosen = ready(windows, self.until, self.known.events.resolution, self.known.events)
        form, grid, crimes = self.forecaster, self.known.grid, self.known.events
        length = span(form.lookback, "lookback").nominal_days
        ny, nx = grid.shape
        values = np.empty((len(chosen), ny, nx))
        for w, start in enumerate(chosen.start):
            age = days_between(self.known.moments, start) / length
            fade = np.maximum(1 - age, 0.0) if form.kernel == "linear" else np.where(age < 1, np.exp(-3 * age), 0.0)
            live = fade > 0
            values[w] = cocoon(
                crimes.x[live], crimes.y[live], fade[live], grid.x0, grid.y0, grid.cell, nx, ny,
                form.radius, KERNELS.index(form.kernel),
            )  # fmt: skip
        return surface_of(form, values, self.known, chosen, "score")
