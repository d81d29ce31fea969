"""The background of the nonparametric model: nu(t) mu(x, y), both with a bandwidth of its own for every crime."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predpol_eval.forecasters.hawkes.nonparametric_trigger import inside_share
from predpol_eval.grid import Grid
from predpol_eval.kernels.declustering import elsewhen, nearest_mass
from predpol_eval.kernels.points import FloatArray, IntArray

# Neighbours listed for every crime, times k: weights are probabilities, and several make up one.
_LISTED = 4
# Bins of time in one bandwidth, and how many there are at most.
_PER_BANDWIDTH = 2
_MOST_BINS = 1024
# Levels of bandwidth for which the share inside the study area is tabled, and the finest pixel: parts of a cell.
_LEVELS = 12
_FINEST = 4


@dataclass(frozen=True, slots=True, eq=False)
class InsideTable:
    """Share of a Gaussian that lies inside the study area, by place and bandwidth."""

    x0: float
    y0: float
    pixel: float
    bandwidths: FloatArray
    table: FloatArray

    def at(self, x: FloatArray, y: FloatArray, bandwidth: FloatArray) -> FloatArray:
        """Interpolated in place and in the logarithm of the bandwidth; never below a twentieth."""
        from scipy.ndimage import map_coordinates

        steps = np.log(self.bandwidths[1] / self.bandwidths[0])
        level = np.clip(np.log(bandwidth / self.bandwidths[0]) / steps, 0, _LEVELS - 1)
        row, column = (y - self.y0) / self.pixel - 0.5, (x - self.x0) / self.pixel - 0.5
        found = map_coordinates(self.table, np.stack([level, row, column]), order=1, mode="nearest")
        return np.asarray(np.maximum(found, 0.05))


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What does not change from iteration to iteration.

    Attributes
    ----------
    t, clock : array of float, shape (n,)
        Days since the first observed moment, and observed days since then.
    x, y : array of float, shape (n,)
        Metres.
    days : float
        Observed time.
    distance, neighbour : array, shape (n, m)
        Nearest other crimes of each crime.
    least : float
        No bandwidth in the plane is smaller, metres.
    total_m2 : float
        Study area.
    reach : float
        How far back the trigger goes, days: a crime's own background is estimated from crimes that happened longer
        before or after it.
    share : InsideTable
        How much of a Gaussian lies inside the study area.
    """

    t: FloatArray
    clock: FloatArray
    x: FloatArray
    y: FloatArray
    days: float
    distance: FloatArray
    neighbour: IntArray
    least: float
    total_m2: float
    reach: float
    share: InsideTable


def inside_table(grid: Grid, least: float, most: float) -> InsideTable:
    """Spread the study area by Gaussians of twelve bandwidths from `least` to `most` metres."""
    from scipy.ndimage import convolve1d
    from scipy.special import ndtr

    most = max(most, 2.0 * least)
    parts = int(np.clip(np.ceil(grid.cell / least), 1, _FINEST))
    ny, nx = grid.shape
    while parts > 1 and ny * nx * parts**2 > 1_000_000:
        parts -= 1
    # With its rim of one cell, so that interpolation at the border has something to go by.
    fine = np.kron(inside_share(grid), np.ones((parts, parts)))
    pixel = grid.cell / parts
    bandwidths = np.geomspace(least, most, _LEVELS)
    table = np.empty((_LEVELS, *fine.shape))
    for level, bandwidth in enumerate(bandwidths):
        steps = min(int(np.ceil(5.0 * bandwidth / pixel)), max(fine.shape))
        at = (np.arange(-steps, steps + 2) - 0.5) * pixel / bandwidth
        weights = np.diff(ndtr(at))
        once = convolve1d(fine, weights, axis=0, mode="constant")
        table[level] = convolve1d(once, weights, axis=1, mode="constant")
    return InsideTable(grid.x0 - grid.cell, grid.y0 - grid.cell, pixel, bandwidths, table)


def nearest(x: FloatArray, y: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
    """Distances to the nearest other crimes of every crime, and which they are; at least k where there are as many."""
    from scipy.spatial import cKDTree

    many = min(_LISTED * k, x.size - 1)
    points = np.stack([x, y], axis=1)
    distance, neighbour = cKDTree(points).query(points, k=many + 1)
    # Itself is one of them; where many stand on its place it may not be listed, and the last is left out.
    own = neighbour == np.arange(x.size)[:, None]
    own[~own.any(axis=1), -1] = True
    return distance[~own].reshape(x.size, many), neighbour[~own].reshape(x.size, many)


def place_bandwidth(ground: Ground, alone: FloatArray, k: int) -> FloatArray:
    """Distance from each crime within which background crimes add up to k, metres."""
    return np.maximum(nearest_mass(ground.distance, ground.neighbour, alone, k), ground.least)


def place_density(ground: Ground, alone: FloatArray, bandwidth: FloatArray) -> FloatArray:
    """Mu at every crime per m2, from background crimes longer before or after it than the reach.

    One crime spread evenly is added, so that nowhere is free of background.
    """
    dense = elsewhen(ground.t, ground.x, ground.y, alone, bandwidth, ground.reach)
    held = np.concatenate([[0.0], np.cumsum(alone)])
    first = np.searchsorted(ground.t, ground.t - ground.reach, side="right")
    last = np.searchsorted(ground.t, ground.t + ground.reach, side="left")
    others = np.maximum(held[-1] - (held[last] - held[first]), 0.0)
    edge = ground.share.at(ground.x, ground.y, bandwidth)
    return np.asarray((dense / edge + 1.0 / ground.total_m2) / (others + 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """nu(t): background crimes per observed day, in even bins of observed time, and what one crime adds to its own."""

    rate: FloatArray
    own: FloatArray
    days: float

    def bin_of(self, clock: FloatArray) -> IntArray:
        """Bin of each observed time."""
        return np.minimum((clock / self.days * self.rate.size).astype(np.int64), self.rate.size - 1)

    def at(self, clock: FloatArray, alone: FloatArray) -> FloatArray:
        """Nu at every crime, without what it adds itself."""
        here = self.bin_of(clock)
        return np.asarray(np.maximum(self.rate[here] - alone * self.own[here], 0.0))

    def recent(self, days: float) -> float:
        """Mean of the last so many observed days."""
        middle = (np.arange(self.rate.size) + 0.5) * self.days / self.rate.size
        return float(self.rate[middle >= min(self.days - days, middle[-1])].mean())


def level_bins(crimes: int, k: int) -> int:
    """Bins of time: two in the bandwidth of an even background, at most 1,024."""
    return int(np.clip(2 * _PER_BANDWIDTH * crimes / k, 8, _MOST_BINS))


def time_level(ground: Ground, alone: FloatArray, k: int) -> Level:
    """Spread background crimes over time by Gaussians as wide as the time that holds k of them on both sides.

    Mirrored at both ends of the observed time, gaps left out.
    """
    bins = level_bins(alone.size, k)
    counts = np.bincount(
        np.minimum((ground.clock / ground.days * bins).astype(np.int64), bins - 1), alone, minlength=bins
    )
    total = counts.sum()
    width = ground.days / bins
    if total <= k:
        even = np.full(bins, total / ground.days)
        return Level(even, np.full(bins, 1.0 / ground.days), ground.days)
    # Mirrored once at each end is enough: k are held before a bandwidth is as long as the observed time.
    held = np.concatenate([[0.0], np.cumsum(np.concatenate([counts[::-1], counts, counts[::-1]]))])
    edges = width * np.arange(-bins, 2 * bins + 1)
    middle = (np.arange(bins) + 0.5) * width
    low, high = np.zeros(bins), np.full(bins, ground.days)
    for _ in range(40):
        half = 0.5 * (low + high)
        inside = np.interp(middle + half, edges, held) - np.interp(middle - half, edges, held)
        low, high = np.where(inside < k, half, low), np.where(inside < k, high, half)
    bandwidth = np.maximum(high, width)[:, None]
    kernel = np.zeros((bins, bins))
    for at in (middle, -middle, 2 * ground.days - middle):
        kernel += np.exp(-0.5 * ((middle[:, None] - at[None, :]) / bandwidth) ** 2)
    kernel /= kernel.sum(axis=1, keepdims=True) * width
    return Level(np.einsum("s,sa->a", counts, kernel), np.diag(kernel).copy(), ground.days)


def place_map(ground: Ground, grid: Grid, alone: FloatArray, bandwidth: FloatArray) -> FloatArray:
    """Mu in every cell as a share of the study area's whole, shape (ny, nx); edges corrected as in `place_density`."""
    from predpol_eval.kernels.adaptive import gaussian_scatter

    ny, nx = grid.shape
    place = (grid.x0, grid.y0, grid.cell, nx, ny)
    mass = gaussian_scatter(ground.x, ground.y, alone, *place, bandwidth)
    wide = gaussian_scatter(ground.x, ground.y, alone * bandwidth, *place, bandwidth)
    # The bandwidth of a cell is the mean of those that reach it.
    some = mass > 1e-12 * mass.max()
    local = np.divide(wide, mass, out=np.full(mass.shape, float(bandwidth.max())), where=some)
    x, y = np.meshgrid(grid.x0 + (np.arange(nx) + 0.5) * grid.cell, grid.y0 + (np.arange(ny) + 0.5) * grid.cell)
    edge = ground.share.at(x.ravel(), y.ravel(), local.ravel()).reshape(mass.shape)
    inside = inside_share(grid)[1:-1, 1:-1]
    density = np.where(grid.mask, (mass / edge + grid.cell**2 / ground.total_m2) * inside, 0.0)
    return np.asarray(density / density.sum())
