"""The trigger of the nonparametric model: a cloud of pairs in bins of lag and distance, and its smooth density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from predpol_eval.grid import Grid
from predpol_eval.kernels.declustering import cloud_bandwidth
from predpol_eval.kernels.points import FloatArray, IntArray

LAGS, RINGS = 32, 16
# Directions in which a ring is looked at, to see how much of it lies in the study area.
ANGLES = 32
# Share of the smoothed density that the correction for its width always leaves.
LEAST_LEFT = 0.2
# Crimes whose rings are looked at together: what bounds the memory.
_BLOCK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class TriggerBins:
    """Bins of lag and distance, finer towards 0, and how much there was to be seen in each.

    Attributes
    ----------
    lags, rings : array of float
        Edges in days (LAGS + 1 of them) and metres (RINGS + 1).
    exposure : array of float, shape (LAGS, RINGS)
        Number of crimes times the share of the bin, of observed time and of area inside, averaged over them.
    """

    lags: FloatArray
    rings: FloatArray
    exposure: FloatArray

    @property
    def lag(self) -> FloatArray:
        """Middle of each bin of lag, days."""
        return np.asarray(0.5 * (self.lags[1:] + self.lags[:-1]))

    @property
    def distance(self) -> FloatArray:
        """Distance that halves the area of each ring, metres."""
        return np.asarray(np.sqrt(0.5 * (self.rings[1:] ** 2 + self.rings[:-1] ** 2)))

    @property
    def days(self) -> FloatArray:
        """Width of the bins of lag."""
        return np.diff(self.lags)

    @property
    def area(self) -> FloatArray:
        """Area of the rings, m2."""
        return np.asarray(np.pi * np.diff(self.rings**2))

    @property
    def volume(self) -> FloatArray:
        """Days times m2 of each bin."""
        return np.outer(self.days, self.area)

    def of(self, lag: FloatArray, distance: FloatArray) -> IntArray:
        """Number of the bin of each pair; pairs must be nearer than the last edges."""
        row = np.minimum(np.searchsorted(self.lags, lag, side="right") - 1, LAGS - 1)
        column = np.minimum(np.searchsorted(self.rings, distance, side="right") - 1, RINGS - 1)
        return np.asarray(row * RINGS + column)


def edges(reach: float, radius: float) -> tuple[FloatArray, FloatArray]:
    """Edges of the bins: lags as squares, rings as powers of 1.5, so that both are finest at 0."""
    return reach * (np.arange(LAGS + 1) / LAGS) ** 2, radius * (np.arange(RINGS + 1) / RINGS) ** 1.5


def ring_points(rings: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points on a circle in the middle of each ring, by which rings are shared out: shape (RINGS, ANGLES) each."""
    middle = np.sqrt(0.5 * (rings[1:] ** 2 + rings[:-1] ** 2))
    # Turned from ring to ring, so that they do not line up with the cells.
    angle = 2 * np.pi * (np.arange(ANGLES)[None, :] + 0.618034 * np.arange(rings.size - 1)[:, None] % 1) / ANGLES
    return middle[:, None] * np.cos(angle), middle[:, None] * np.sin(angle)


def inside_share(grid: Grid) -> FloatArray:
    """Share of each cell that is inside the study area, with a rim of nothing around: shape (ny + 2, nx + 2)."""
    share = np.where(grid.mask, grid.inside_m2, 0.0) / grid.cell**2
    return np.pad(np.minimum(share, 1.0), 1)


def make_bins(
    t: FloatArray, x: FloatArray, y: FloatArray, starts: FloatArray, ends: FloatArray, grid: Grid,
    reach: float, radius: float,
) -> TriggerBins:  # fmt: skip
    """Bins, and what of them could be seen around each crime: in observed time, and inside the study area."""
    lags, rings = edges(reach, radius)
    share = inside_share(grid)
    east, north = ring_points(rings)
    knots = np.stack([starts, ends], axis=1).ravel()
    passed = np.stack([np.cumsum(ends - starts) - (ends - starts), np.cumsum(ends - starts)], axis=1).ravel()
    exposure = np.zeros((LAGS, RINGS))
    for first in range(0, t.size, _BLOCK):
        part = slice(first, first + _BLOCK)
        column = np.floor((x[part, None, None] + east - grid.x0) / grid.cell).astype(np.int64) + 1
        row = np.floor((y[part, None, None] + north - grid.y0) / grid.cell).astype(np.int64) + 1
        # Beyond the rim there is as little as on it.
        np.clip(column, 0, share.shape[1] - 1, out=column)
        np.clip(row, 0, share.shape[0] - 1, out=row)
        seen_area = share[row, column].mean(axis=2)
        seen_time = np.diff(np.interp(t[part, None] + lags, knots, passed), axis=1) / np.diff(lags)
        exposure += np.einsum("ia,ib->ab", seen_time, seen_area)
    return TriggerBins(lags, rings, exposure)


class Trigger(NamedTuple):
    """Density of what one crime sets off.

    Attributes
    ----------
    rate : array of float, shape (LAGS, RINGS)
        Crimes set off per day and m2.
    own : array of float, shape (LAGS, RINGS)
        Part of the rate in a bin that comes from one pair of probability 1 in it.
    """

    rate: FloatArray
    own: FloatArray


def kernels(bins: TriggerBins, mass: FloatArray, k: float, least_lag: float, least_distance: float) -> FloatArray:
    """Density in every bin (columns) of a pair that lies in a bin (rows), per day and m2: variable-bandwidth Gaussians.

    Coordinates are in units of the cloud's root mean squares; the bandwidth of a bin is the distance within which
    probabilities add up to `k`, not less than `least_lag` days and `least_distance` metres. Time is mirrored at lag 0;
    the Gaussian in the plane is averaged over the directions of the pair, and all stays within the limits of the bins.
    """
    from scipy.special import i0e

    total = float(mass.sum())
    lag, distance = bins.lag, bins.distance
    spread_lag = max(float(np.sqrt((mass.sum(axis=1) * lag**2).sum() / total)), least_lag)
    # In one of the two directions of the plane.
    spread_distance = max(float(np.sqrt(0.5 * (mass.sum(axis=0) * distance**2).sum() / total)), least_distance)
    width = cloud_bandwidth(lag / spread_lag, distance / spread_distance, mass, k).ravel()
    of_lag = np.maximum(width * spread_lag, least_lag)[:, None]
    of_distance = np.maximum(width * spread_distance, least_distance)[:, None]
    a, b = np.repeat(np.arange(LAGS), RINGS), np.tile(np.arange(RINGS), LAGS)
    in_time = np.exp(-0.5 * ((lag[a, None] - lag) / of_lag) ** 2) + np.exp(-0.5 * ((lag[a, None] + lag) / of_lag) ** 2)
    in_time /= (in_time * bins.days).sum(axis=1, keepdims=True)
    in_plane = np.exp(-0.5 * ((distance[b, None] - distance) / of_distance) ** 2)
    in_plane *= i0e(distance[b, None] * distance / of_distance**2)
    in_plane /= (in_plane * bins.area).sum(axis=1, keepdims=True)
    return np.asarray(in_time[:, a] * in_plane[:, b])


def smooth(bins: TriggerBins, mass: FloatArray, k: float, least_lag: float, least_distance: float) -> Trigger:
    """Smooth the cloud of pairs, and divide by how much could be seen.

    A Gaussian makes every cloud wider than it is, and a trigger that is too wide takes background for repeats. So the
    cloud is smoothed twice, and what the second smoothing added is taken off the first ("twicing"), though never more
    than four fifths of it: a bin at 0 could not come back. The total stays what it was.

    References
    ----------
    Stuetzle, W. and Mittal, Y. (1979). Some comments on the asymptotic behavior of robust smoothers. Smoothing
    Techniques for Curve Estimation, Springer, 191-195 (twicing).
    """
    total = float(mass.sum())
    if total <= 0.0:
        return Trigger(np.zeros_like(mass), np.zeros_like(mass))
    spread = kernels(bins, mass, k, least_lag, least_distance)
    volume = bins.volume.ravel()
    # Not matrix products: those are free to add up in another order on another number of threads.
    once = np.einsum("s,sb->b", mass.ravel(), spread)
    twice = np.einsum("s,sb->b", once * volume, spread)
    density = np.maximum(2.0 * once - twice, LEAST_LEFT * once)
    scale = total / float((density * volume).sum())
    # What a bin's own probability adds to its density.
    alone = np.diag(spread)
    own = np.maximum(2.0 * alone - np.einsum("sb,bs->s", spread * volume, spread), LEAST_LEFT * alone)
    seen = np.maximum(bins.exposure, 1e-9) / scale
    return Trigger(density.reshape(mass.shape) / seen, own.reshape(mass.shape) / seen)


def prune(trigger: Trigger, background: float, least_excess: float) -> Trigger:
    """Make a trigger that is hardly above nothing weaker: where it is below a share of the background rate.

    A trigger that is flat over its whole reach cannot be told from background, and what few crimes show by chance
    would stay for ever. The rate is divided by up to 1 + `least_excess`; by less the higher it is, and not at all where
    it is twice `least_excess` of the background rate (a minimax concave penalty: Zhang 2010). Repeated, that takes it
    to 0 wherever the pairs are not at least `least_excess` more than the background explains.

    References
    ----------
    Zhang, C.-H. (2010). Nearly unbiased variable selection under minimax concave penalty. Ann. Stat. 38, 894-942.
    """
    falling = np.maximum(1.0 - trigger.rate / (2.0 * least_excess * background), 0.0)
    weaker = 1.0 / (1.0 + least_excess * falling)
    return Trigger(trigger.rate * weaker, trigger.own * weaker)
