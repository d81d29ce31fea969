"""Kernel density of past crimes, averaged over each cell."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.events import Events
from predpol_eval.forecasters.bandwidths import QUARTIC, RULES, Bandwidth, Rule, bandwidth_by
from predpol_eval.forecasters.base import FittedRate, Known, Nightly, check_length, check_positive, known
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray

Kernel = Literal["gaussian", "quartic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KDE(Nightly):
    """Kernel density estimate: every past crime spreads over its surroundings.

    The expected count of a cell is the mean density over the cell (not the density at its centre) times its
    inside-area, per observed day, times the length of the window. Crimes outside the study area count too, where they
    are known.

    Parameters
    ----------
    bandwidth : float or {"scott", "silverman", "cv"}
        Metres: the standard deviation of the Gaussian, the radius of the quartic kernel. Or the rule by which every
        fit chooses them: Scott's and Silverman's (in two dimensions the same), or leave-one-out likelihood
        cross-validation. A rule never says less than half a cell; the quartic kernel takes 2.78 times what it says.
        The value used is in ``attrs["bandwidth"]``, the rule in ``attrs["bandwidth_rule"]``, and what was done instead
        of what was asked for in ``attrs["bandwidth_note"]``.
    kernel : {"gaussian", "quartic"}
        ``quartic`` is 3/(pi h^2) (1 - d^2/h^2)^2 for d < h.
    lookback : str, optional
        For instance ``"365D"``; None is all history.
    half_life : str, optional
        Halve a crime's weight with every such age.
    adaptive_k : int, optional
        Give every crime a bandwidth of its own: the distance to its k-th nearest other crime of those known in the
        lookback, however old, but at least half a cell (on one crossing it would be 0). ``attrs["bandwidth"]`` is then
        the median over crimes, and ``attrs["bandwidths_raised"]`` the number that were raised to half a cell.
        `bandwidth` is used only where there are not more than `adaptive_k` crimes.
    renormalise : bool
        Scale the map so that the mass which the kernel puts outside the study area is not lost; the share lost is in
        ``attrs["edge_mass"]`` either way.

    Warns
    -----
    PredPolWarning
        If the bandwidth used (of adaptive ones, the median) is smaller than a cell.

    References
    ----------
    Silverman 1986, Density Estimation for Statistics and Data Analysis (sections 2.6 and 4.3); Scott 1992,
    Multivariate Density Estimation; Habbema, Hermans and van den Broek 1974, Compstat (cross-validation); Chainey,
    Tompson and Uhlig 2008 (for crime maps); Mohler et al. 2011 (k-th nearest neighbour).

    Examples
    --------
    >>> KDE(bandwidth=500).kernel
    'gaussian'
    """

    bandwidth: float | Rule = 500.0
    kernel: Kernel = "gaussian"
    lookback: str | None = None
    half_life: str | None = None
    adaptive_k: int | None = None
    renormalise: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.bandwidth, str):
            if self.bandwidth not in RULES:
                raise InputError(
                    f"bandwidth={self.bandwidth!r}; give metres, for instance 500, or one of the rules "
                    f"{', '.join(map(repr, RULES))}."
                )
        else:
            check_positive(self.bandwidth, "bandwidth", "metres, for instance 500")
        check_length(self.lookback, "lookback")
        check_length(self.half_life, "half_life")
        k = self.adaptive_k
        if k is not None and (isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1):
            raise InputError(
                f"adaptive_k={k!r}; give the number of the neighbour whose distance is a crime's bandwidth, a whole "
                "number from 1, for instance 15, or None."
            )
        if self.kernel not in get_args(Kernel):
            raise InputError(f"kernel={self.kernel!r}; choose 'gaussian' or 'quartic'.")

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedRate:
        """Estimate the density of the crimes known at `until`.

        Raises
        ------
        InputError
            If no time was observed in the lookback, or CRSs differ.
        """
        past = known(events, grid, until, self.lookback)
        weight = past.weights(self.half_life)
        full, used = self._spread(past, weight)
        if len(weight) and used.metres < grid.cell:
            self._warn(used, grid)
        # The mean density over the whole cell, spread over the part of it that lies inside.
        mass = full * (grid.inside_m2 / grid.cell**2)
        total, kept = float(weight.sum()), float(mass.sum())
        edge = 1 - kept / total if total > 0 else float("nan")
        if self.renormalise and kept > 0:
            mass = mass * (float(weight[grid.cells_of(past.events) >= 0].sum()) / kept)
        rate = mass / past.weighted_days(self.half_life)
        attrs = {
            "bandwidth": used.metres,
            "bandwidth_rule": used.rule,
            "bandwidth_note": used.note,
            **used.more,
            "edge_mass": edge,
            "renormalised": int(self.renormalise),
        }
        return FittedRate(forecaster=self, until=past.until, known=past, rate=np.asarray(rate), attrs=attrs)

    def _spread(self, past: Known, weight: FloatArray) -> tuple[FloatArray, Bandwidth]:
        """Mass in every whole cell, and the bandwidth that was used."""
        # Each where it is used: a first forecast waits for the kernels that it imports.
        grid, x, y = past.grid, past.events.x, past.events.y
        ny, nx = grid.shape
        place = (grid.x0, grid.y0, grid.cell, nx, ny)
        if self.adaptive_k is not None and len(x) > self.adaptive_k:
            from predpol_eval.kernels.adaptive import adaptive_cell_mass

            least = 0.5 * grid.cell
            found = adaptive_cell_mass(x, y, weight, *place, int(self.adaptive_k), least, self.kernel)
            middle = float(np.median(np.repeat(found.bandwidth, found.crimes)))
            raised = int(found.crimes[found.distance < least].sum())
            more: dict[str, float | str] = {"adaptive_k": int(self.adaptive_k), "bandwidths_raised": raised}
            return found.mass, Bandwidth(middle, "adaptive", "", more)
        used = self._one_for_all(x, y, weight, grid.cell)
        if np.isnan(used.metres):
            return np.zeros(grid.shape), used
        if self.kernel == "gaussian":
            from predpol_eval.kernels.kde import gaussian_cell_mass

            return gaussian_cell_mass(x, y, weight, *place, used.metres), used
        from predpol_eval.kernels.quartic import quartic_cell_mass

        return quartic_cell_mass(x, y, weight, *place, used.metres), used

    def _one_for_all(self, x: FloatArray, y: FloatArray, weight: FloatArray, cell: float) -> Bandwidth:
        """The same bandwidth for every crime: the one given, or by rule."""
        if isinstance(self.bandwidth, str):
            used = bandwidth_by(self.bandwidth, x, y, weight, cell)
            used = used._replace(metres=used.metres * (QUARTIC if self.kernel == "quartic" else 1.0))
        else:
            used = Bandwidth(float(self.bandwidth), "fixed")
        if self.adaptive_k is not None:
            few = f"{len(x)} crimes known, not more than adaptive_k={self.adaptive_k}: one bandwidth for all"
            used = used._replace(note="; ".join(part for part in (few, used.note) if part))
        return used

    def _warn(self, used: Bandwidth, grid: Grid) -> None:
        if used.rule == "fixed":
            found, change = f"it is {used.metres:g} m", f"bandwidth={grid.cell:g} or more"
        else:
            # Two digits: nights that differ by a metre are then one warning to Python, and not a flood of them.
            digit = 10.0 ** (np.floor(np.log10(used.metres)) - 1)
            found = f"at most {digit * np.ceil(used.metres / digit):g} m"
            change = f"bandwidth={grid.cell:g} or more"
            if used.rule == "adaptive":
                found, change = f"that of half of all crimes is {found}", "a larger adaptive_k"
        warnings.warn(
            f"KDE's bandwidth is smaller than a cell of {grid.cell:g} m ({used.rule}: {found}), so that the map is "
            "hardly smoother than a count per cell. Expected at least the side of a cell: use "
            f"{change}, or smaller cells.",
            PredPolWarning,
            stacklevel=3,
        )
