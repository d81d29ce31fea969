"""Kernel densities at many moments in a row: new crimes are spread, old ones taken away again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from predpol_eval.civil_time import TimeArray, days_between
from predpol_eval.events import Events
from predpol_eval.forecasters.features.asked import IntArray
from predpol_eval.forecasters.features.sliding import span_or_none
from predpol_eval.forecasters.kde import KDE
from predpol_eval.forecasters.sliding.known_rows import KnownRows, known_rows
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray


def densities(
    forecaster: KDE,
    half_life: float | None,
    events: Events,
    grid: Grid,
    untils: TimeArray,
    per_crime: FloatArray,
) -> Iterator[FloatArray] | None:
    """Weighted mass of the crimes that count at each moment, on the part of each cell that lies inside, times a factor.

    Parameters
    ----------
    forecaster : KDE
    half_life : float or None
        In days.
    events : Events
    grid : Grid
    untils : array of datetime64
    per_crime : array of float, shape (moments,)
        The factor.

    Returns
    -------
    iterator of array of shape (ny, nx), or None
        None where a crime is recorded before the middle of its time.
    """
    rows = known_rows(events, untils, span_or_none(forecaster.lookback, "lookback"))
    return None if rows is None else _masses(forecaster, half_life, rows, events, grid, untils, per_crime)


def _masses(
    forecaster: KDE,
    half_life: float | None,
    rows: KnownRows,
    events: Events,
    grid: Grid,
    untils: TimeArray,
    per_crime: FloatArray,
) -> Iterator[FloatArray]:
    surface = _Surface(forecaster, grid, taken_off=forecaster.lookback is not None)
    x, y = events.x[rows.row], events.y[rows.row]
    inside = grid.inside_m2 / grid.cell**2
    uncut = bool((inside == 1).all())
    rate = np.empty(grid.shape)
    in_cells = grid.cell_of(x, y) >= 0 if forecaster.renormalise else np.zeros(0, dtype=bool)

    def weight(which: IntArray, until: np.datetime64) -> FloatArray:
        if half_life is None:
            return np.ones(which.size)
        return np.exp2(-rows.days_before(which, until) / half_life)

    for position, until in enumerate(untils):
        if rows.fresh(position):
            which = rows.at(position)
            surface.begin(x[which], y[which], weight(which, until))
        else:
            if half_life is not None:
                surface.mass *= np.exp2(-float(days_between(untils[position - 1], until)) / half_life)
            new, gone = rows.new(position), rows.gone(position)
            surface.add(x[new], y[new], weight(new, until), 1)
            surface.add(x[gone], y[gone], weight(gone, until), -1)
        mass, factor = surface.clean(), float(per_crime[position])
        if forecaster.renormalise:
            kept = float((mass * inside).sum())
            live = rows.at(position)
            if kept > 0:
                factor *= float(weight(live, until)[in_cells[live]].sum()) / kept
        np.multiply(mass, factor, out=rate)
        yield rate if uncut else np.multiply(rate, inside, out=rate)


class _Surface:
    """Mass in every whole cell, and, where crimes are taken off, how many of them reach it."""

    def __init__(self, forecaster: KDE, grid: Grid, taken_off: bool) -> None:
        from predpol_eval.kernels.gaussian import profile_table

        self.gaussian = forecaster.kernel == "gaussian"
        self.bandwidth = float(forecaster.bandwidth)
        self.corner = (grid.x0, grid.y0, grid.cell)
        self.shape = grid.shape
        self.mass = np.zeros(grid.shape)
        self.taken_off = taken_off
        self.touching = np.zeros(grid.shape if taken_off else (0, 0), dtype=np.int64)
        ny, nx = grid.shape
        self.table = profile_table(grid.cell, nx, ny, self.bandwidth) if self.gaussian else np.zeros((0, 0, 0))

    def begin(self, x: FloatArray, y: FloatArray, weight: FloatArray) -> None:
        """Spread all crimes by the kernel that is quickest for so many."""
        self.touching[:] = 0
        if not self.gaussian or not self.taken_off:
            self.mass = self._spread(x, y, weight)
            return
        self.mass = np.zeros(self.shape)
        self.add(x, y, weight, 1)

    def add(self, x: FloatArray, y: FloatArray, weight: FloatArray, sign: int) -> None:
        """Add crimes, or take them off."""
        from predpol_eval.kernels.gaussian import scatter_onto

        if not x.size:
            return
        if self.gaussian:
            scatter_onto(self.mass, self.touching, sign, x, y, sign * weight, *self.corner, self.bandwidth, self.table)
        else:
            self.mass += sign * self._spread(x, y, weight)

    def clean(self) -> FloatArray:
        """The mass, without the rests of rounding."""
        if not self.taken_off:
            return self.mass
        return np.where(self.touching > 0, np.maximum(self.mass, 0.0), 0.0)

    def _spread(self, x: FloatArray, y: FloatArray, weight: FloatArray) -> FloatArray:
        from predpol_eval.kernels.kde import gaussian_cell_mass
        from predpol_eval.kernels.quartic import quartic_cell_mass

        ny, nx = self.shape
        spread = gaussian_cell_mass if self.gaussian else quartic_cell_mass
        return np.asarray(spread(x, y, weight, *self.corner, nx, ny, self.bandwidth))
