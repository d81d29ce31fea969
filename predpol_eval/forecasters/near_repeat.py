"""Near-repeat cocooning: every recent crime raises the risk around its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from predpol_eval.civil_time import span
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.base import FittedScore, Known, Nightly, check_length, check_positive, known
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray

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

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedScore:
        """Keep the recent crimes known at `until`.

        Raises
        ------
        InputError
            If no time was observed in the lookback, or CRSs differ.
        """
        return FittedScore(forecaster=self, known=known(events, grid, until, self.lookback))

    def score(self, known: Known, age_days: FloatArray) -> FloatArray:
        """Score of every cell, shape (ny, nx), for crimes of these ages at the start of the window."""
        from predpol_eval.kernels.near_repeat import cocoon

        age = age_days / span(self.lookback, "lookback").nominal_days
        fade = np.maximum(1 - age, 0.0) if self.kernel == "linear" else np.where(age < 1, np.exp(-3 * age), 0.0)
        live = fade > 0
        grid, x, y = known.grid, known.events.x[live], known.events.y[live]
        ny, nx = grid.shape
        place = (grid.x0, grid.y0, grid.cell, nx, ny)
        return cocoon(x, y, fade[live], *place, self.radius, KERNELS.index(self.kernel))
