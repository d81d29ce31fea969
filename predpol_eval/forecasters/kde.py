"""Kernel density of past crimes, averaged over each cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.base import FittedRate, Nightly, check_length, check_positive, known
from predpol_eval.grid import Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class KDE(Nightly):
    """Kernel density estimate: every past crime spreads over its surroundings.

    The expected count of a cell is the mean density over the cell (not the density at its centre) times its
    inside-area, per observed day, times the length of the window. Crimes outside the study area count too, where they
    are known.

    Parameters
    ----------
    bandwidth : float
        Metres: the standard deviation of the Gaussian, the radius of the quartic kernel.
    kernel : {"gaussian", "quartic"}
        ``quartic`` is 3/(pi h^2) (1 - d^2/h^2)^2 for d < h.
    lookback : str, optional
        For instance ``"365D"``; None is all history.
    half_life : str, optional
        Halve a crime's weight with every such age.
    renormalise : bool
        Scale the map so that the mass which the kernel puts outside the study area is not lost; the share lost is in
        ``attrs["edge_mass"]`` either way.

    References
    ----------
    Silverman 1986, Density Estimation for Statistics and Data Analysis; Chainey, Tompson and Uhlig 2008 (for crime
    maps).

    Examples
    --------
    >>> KDE(bandwidth=500).kernel
    'gaussian'
    """

    bandwidth: float = 500.0
    kernel: Literal["gaussian", "quartic"] = "gaussian"
    lookback: str | None = None
    half_life: str | None = None
    renormalise: bool = False

    def __post_init__(self) -> None:
        check_positive(self.bandwidth, "bandwidth", "metres, for instance 500")
        check_length(self.lookback, "lookback")
        check_length(self.half_life, "half_life")
        if self.kernel not in ("gaussian", "quartic"):
            raise InputError(f"kernel={self.kernel!r}; choose 'gaussian' or 'quartic'.")

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedRate:
        """Estimate the density of the crimes known at `until`.

        Raises
        ------
        InputError
            If no time was observed in the lookback, or CRSs differ.
        """
        from predpol_eval.kernels.kde import gaussian_cell_mass
        from predpol_eval.kernels.quartic import quartic_cell_mass

        past = known(events, grid, until, self.lookback)
        weight = past.weights(self.half_life)
        spread = gaussian_cell_mass if self.kernel == "gaussian" else quartic_cell_mass
        ny, nx = grid.shape
        full = spread(past.events.x, past.events.y, weight, grid.x0, grid.y0, grid.cell, nx, ny, float(self.bandwidth))
        # The mean density over the whole cell, spread over the part of it that lies inside.
        mass = full * (grid.inside_m2 / grid.cell**2)
        total, kept = float(weight.sum()), float(mass.sum())
        edge = 1 - kept / total if total > 0 else float("nan")
        if self.renormalise and kept > 0:
            mass = mass * (float(weight[grid.cells_of(past.events) >= 0].sum()) / kept)
        rate = mass / past.weighted_days(self.half_life)
        attrs = {"bandwidth": float(self.bandwidth), "edge_mass": edge, "renormalised": int(self.renormalise)}
        return FittedRate(forecaster=self, until=past.until, known=past, rate=np.asarray(rate), attrs=attrs)
