"""Counts that a nonparametric self-exciting process expects: background, repeats, and repeats of repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.forecasters.hawkes.nonparametric_trigger import TriggerBins, inside_share, ring_points
from predpol_eval.grid import Grid
from predpol_eval.kernels.points import FloatArray

# Days of the first steps by which later generations are followed, how many there are, and how the steps grow.
FIRST_STEP, FIRST_STEPS, GROWTH = 0.25, 8, 1.25
# Of one step's crimes at most so many are set off within it; else steps stay short.
MOST_WITHIN = 0.9
MOST_STEPS = 150
# Places in a cell, in each direction, from which a crime somewhere in it is seen.
_PLACES = 6


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """The trigger by ring: what a crime has set off so many days later, and the integral of that.

    Attributes
    ----------
    lags : array of float, shape (LAGS + 1,)
        Edges in days.
    rate : array of float, shape (LAGS, RINGS)
        Crimes per day in each ring.
    """

    lags: FloatArray
    rate: FloatArray

    @classmethod
    def of(cls, bins: TriggerBins, rate: FloatArray) -> Growth:
        """From the rate per day and m2."""
        return cls(bins.lags, rate * bins.area)

    def set_off(self, days: FloatArray) -> FloatArray:
        """Crimes that one crime has set off in each ring, by so many days after it: shape (..., RINGS)."""
        whole = np.concatenate([np.zeros((1, self.rate.shape[1])), np.cumsum(self.rate.T * np.diff(self.lags), 1).T])
        bin_of, left = self._place(days)
        return np.asarray(whole[bin_of] + self._rate(bin_of) * left[..., None])

    def summed(self, days: FloatArray) -> FloatArray:
        """Integral of `set_off` from 0 to so many days; 0 before."""
        width = np.diff(self.lags)[:, None]
        start = np.concatenate([np.zeros((1, self.rate.shape[1])), np.cumsum(self.rate * width, axis=0)])
        area = np.concatenate(
            [np.zeros((1, self.rate.shape[1])), np.cumsum(start[:-1] * width + self.rate * width**2 / 2, axis=0)]
        )
        bin_of, left = self._place(days)
        left = left[..., None]
        return np.asarray(area[bin_of] + start[bin_of] * left + self._rate(bin_of) * left**2 / 2)

    def _place(self, days: FloatArray) -> tuple[npt.NDArray[np.int64], FloatArray]:
        at = np.maximum(np.asarray(days, dtype=np.float64), 0.0)
        bin_of = np.searchsorted(self.lags, at, side="right") - 1
        return bin_of, at - self.lags[bin_of]

    def _rate(self, bin_of: npt.NDArray[np.int64]) -> FloatArray:
        return np.concatenate([self.rate, np.zeros((1, self.rate.shape[1]))])[bin_of]


def knots(growth: Growth, end: float) -> FloatArray:
    """Ends of the steps up to two after `end` days; where they lie does not depend on the windows.

    Raises
    ------
    InputError
        If there would be too many, since crime hardly dies out.
    """
    times = [0.0]
    step = FIRST_STEP
    # Two more, which a cubic between two ends looks at.
    while len(times) < 3 or times[-3] < end:
        if len(times) > FIRST_STEPS:
            longer = GROWTH * step
            if float(growth.summed(np.array(longer)).sum()) / longer <= MOST_WITHIN:
                step = longer
        times.append(times[-1] + step)
        if len(times) > MOST_STEPS:
            raise InputError(
                f"A window ends {end:.4g} days after the last observed moment, and by this fit crime hardly dies out "
                "(its branching ratio is about 1 or more). Forecast nearer windows, or fit with a longer lookback or a "
                "shorter reach."
            )
    return np.array(times)


def first_generation(
    grid: Grid, rings: FloatArray, growth: Growth, x: FloatArray, y: FloatArray, age: FloatArray, days: FloatArray
) -> FloatArray:
    """Crimes that known crimes set off in the next so many days, in each cell: shape (len(days), ny, nx).

    Every ring is shared out over the cells by points around it; what falls outside the study area is dropped.
    """
    young = age < growth.lags[-1]
    x, y, age = x[young], y[young], age[young]
    ny, nx = grid.shape
    out = np.zeros((days.size, (ny + 2) * (nx + 2)))
    if not age.size:
        return out.reshape(-1, ny + 2, nx + 2)[:, 1:-1, 1:-1]
    east, north = ring_points(rings)
    column = np.floor((x[:, None, None] + east - grid.x0) / grid.cell).astype(np.int64) + 1
    row = np.floor((y[:, None, None] + north - grid.y0) / grid.cell).astype(np.int64) + 1
    cell = np.clip(row, 0, ny + 1) * (nx + 2) + np.clip(column, 0, nx + 1)
    before = growth.set_off(age)
    for number, later in enumerate(days):
        part = (growth.set_off(age + later) - before) / east.shape[1]
        weight = np.broadcast_to(part[:, :, None], cell.shape)
        out[number] = np.bincount(cell.ravel(), weight.ravel(), minlength=out.shape[1])
    return np.asarray((out * inside_share(grid).ravel()).reshape(-1, ny + 2, nx + 2)[:, 1:-1, 1:-1])


def ring_stencils(cell: float, rings: FloatArray) -> FloatArray:
    """Share of each ring around a crime somewhere in a cell that falls in the cells around it: (RINGS, side, side)."""
    east, north = ring_points(rings)
    at = (np.arange(_PLACES) + 0.5) / _PLACES * cell
    reach = int(np.ceil(rings[-1] / cell))
    side = 2 * reach + 1
    column = np.floor((at[:, None, None] + east) / cell).astype(np.int64) + reach
    row = np.floor((at[:, None, None] + north) / cell).astype(np.int64) + reach
    stencils = np.zeros((rings.size - 1, side, side))
    for ring in range(rings.size - 1):
        place = row[:, None, ring, :] * side + column[None, :, ring, :]
        stencils[ring] = np.bincount(place.ravel(), minlength=side * side).reshape(side, side) / place.size
    return stencils


def cumulative(
    grid: Grid, bins: TriggerBins, rate: FloatArray, mu: FloatArray,
    x: FloatArray, y: FloatArray, age: FloatArray, days: FloatArray,
) -> FloatArray:  # fmt: skip
    """Crimes expected in each cell from now to each of `days` later, all generations: shape (len(days), ny, nx).

    The first generation is exact in time. What happens from now on sets off crimes too: it is followed in steps, within
    which it is taken to be spread evenly in time, and evenly in its cell.

    Parameters
    ----------
    grid : Grid
    bins, rate
        The trigger, per day and m2.
    mu : array of float, shape (ny, nx)
        Background per cell and day.
    x, y, age : array of float, shape (n,)
        Known crimes: metres, and days before now.
    days : array of float
        Days from now.
    """
    from scipy.interpolate import PchipInterpolator
    from scipy.ndimage import convolve

    growth = Growth.of(bins, rate)
    total = mu * days[:, None, None] + first_generation(grid, bins.rings, growth, x, y, age, days)
    if rate.sum() == 0.0 or days.max() <= 0.0:
        return np.asarray(total)
    ends = knots(growth, float(days.max()))
    known = mu * ends[:, None, None] + first_generation(grid, bins.rings, growth, x, y, age, ends)
    stencils, inside = ring_stencils(grid.cell, bins.rings), inside_share(grid)[1:-1, 1:-1]
    steps = np.diff(known, axis=0)
    later = np.zeros_like(known)
    for n in range(steps.shape[0]):
        repeats = np.zeros(grid.shape)
        for m in range(n + 1):
            if ends[n] - ends[m + 1] >= bins.lags[-1]:
                continue
            corners = np.array(
                [ends[n + 1] - ends[m], ends[n + 1] - ends[m + 1], ends[n] - ends[m], ends[n] - ends[m + 1]]
            )
            signs = np.array([1.0, -1.0, -1.0, 1.0]) if m < n else np.array([1.0, 0.0, 0.0, 0.0])
            weights = np.einsum("c,cb->b", signs, growth.summed(corners)) / (ends[m + 1] - ends[m])
            spread = np.einsum("b,bij->ij", weights, stencils)
            if m < n:
                repeats += inside * convolve(steps[m], spread, mode="constant")
        # Within the step repeats set off repeats: a geometric series.
        base, sum_ = steps[n] + repeats, steps[n] + repeats
        while base.max() > 1e-13 * max(sum_.max(), 1e-300):
            base = inside * convolve(base, spread, mode="constant")
            sum_ = sum_ + base
        later[n + 1] = later[n] + sum_ - steps[n]
        steps[n] = sum_
    # Between the ends of steps by cubics that never fall.
    return np.asarray(total + PchipInterpolator(ends, later, axis=0)(days))
