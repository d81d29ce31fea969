"""What a practitioner would use instead: other libraries, or some twenty lines of good numpy and scipy.

Every function takes the arguments of the kernel it competes with. Heavy libraries are imported when called.
"""

from __future__ import annotations

import math

import numpy as np


def centres(x0, y0, cell, nx, ny):
    """Coordinates of the cell centres, shape (ny * nx, 2), row 0 in the south."""
    east, north = np.meshgrid(x0 + cell * (np.arange(nx) + 0.5), y0 + cell * (np.arange(ny) + 0.5))
    return np.column_stack([east.ravel(), north.ravel()])


def counted(x, y, weight, x0, y0, cell, nx, ny):
    """Weighted counts per cell."""
    edges = [[y0, y0 + ny * cell], [x0, x0 + nx * cell]]
    return np.histogram2d(y, x, bins=(ny, nx), range=edges, weights=weight)[0]


def histogram_and_filter(x, y, weight, x0, y0, cell, nx, ny, bandwidth):
    """Count, then smooth the counts: quick, and wrong by a few per cent of the peak."""
    from scipy.ndimage import gaussian_filter

    counts = counted(x, y, weight, x0, y0, cell, nx, ny)
    return gaussian_filter(counts, bandwidth / cell, mode="constant")


def scipy_gaussian_kde(x, y, weight, x0, y0, cell, nx, ny, bandwidth):
    """Density at the cell centres; the points are put into axes in which their own covariance is 1."""
    from scipy.stats import gaussian_kde

    points = np.stack([x, y])
    scale = np.linalg.inv(np.linalg.cholesky(np.cov(points, aweights=weight)))
    # gaussian_kde smooths with the data's covariance; a kernel of the same width in all directions would
    # need a subclass. The cost is the same.
    kde = gaussian_kde(scale @ points, bw_method=bandwidth * scale[0, 0], weights=weight)
    return kde(scale @ centres(x0, y0, cell, nx, ny).T).reshape(ny, nx)


def sklearn_kernel_density(x, y, weight, x0, y0, cell, nx, ny, bandwidth):
    """Density at the cell centres times the cell's area."""
    from sklearn.neighbors import KernelDensity

    kde = KernelDensity(bandwidth=bandwidth).fit(np.column_stack([x, y]), sample_weight=weight)
    log_density = kde.score_samples(centres(x0, y0, cell, nx, ny))
    return np.exp(log_density).reshape(ny, nx) * np.sum(weight) * cell**2


def _kdepy(estimator, x, y, weight, x0, y0, cell, nx, ny):
    # One cell more on every side: FFTKDE refuses crimes beyond the outermost centres.
    nodes = centres(x0 - cell, y0 - cell, cell, nx + 2, ny + 2)
    # KDEpy wants them sorted by x, then y.
    by_column = nodes.reshape(ny + 2, nx + 2, 2).transpose(1, 0, 2).reshape(-1, 2)
    density = estimator.fit(np.column_stack([x, y]), weights=weight).evaluate(by_column)
    return density.reshape(nx + 2, ny + 2).T[1:-1, 1:-1] * np.sum(weight) * cell**2


def kdepy_fft_gaussian(x, y, weight, x0, y0, cell, nx, ny, bandwidth):
    """Linear binning on the centres themselves and a Fourier transform; crimes must lie inside the grid."""
    from KDEpy import FFTKDE

    return _kdepy(FFTKDE(kernel="gaussian", bw=bandwidth, norm=2), x, y, weight, x0, y0, cell, nx, ny)


def finufft_gaussian(x, y, weight, x0, y0, cell, nx, ny, bandwidth):
    """To Fourier modes straight from the crimes, times the kernel's and the cell's, and back; to 1e-4 of the peak.

    No more modes than the kernel lets through, and zeros beyond the grid, so that it does not wrap around.
    """
    import finufft
    from scipy.fft import irfft2, next_fast_len

    cols, rows = (next_fast_len(n + math.ceil(4.5 * bandwidth / cell), real=True) for n in (nx, ny))
    modes = [min(n, 2 * math.ceil(5.0 / (2.0 * math.pi) * n * cell / bandwidth)) for n in (rows, cols)]
    step = 2.0 * math.pi / cell
    east, north = (x - x0 - 0.5 * cell) * (step / cols), (y - y0 - 0.5 * cell) * (step / rows)
    found = finufft.nufft2d1(north, east, weight + 0j, tuple(modes), eps=1e-4, isign=-1, nthreads=1)
    for axis, (kept, n) in enumerate(zip(modes, (rows, cols), strict=True)):
        k = np.arange(-(kept // 2), kept - kept // 2)
        passed = np.exp(-0.5 * (k * step / n * bandwidth) ** 2) * np.sinc(k / n)
        found = found * np.expand_dims(passed, 1 - axis)
    spectrum = np.zeros((rows, cols // 2 + 1), dtype=complex)
    up, across = (kept // 2 for kept in modes)
    spectrum[: modes[0] - up, : modes[1] - across] = found[up:, across:]
    spectrum[rows - up :, : modes[1] - across] = found[:up, across:]
    return irfft2(spectrum, s=(rows, cols))[:ny, :nx]


def kdepy_fft_quartic(x, y, weight, x0, y0, cell, nx, ny, bandwidth):
    """The same for the quartic kernel, which KDEpy scales to unit variance in one dimension."""
    from KDEpy import FFTKDE

    bw = bandwidth / math.sqrt(7.0)
    return _kdepy(FFTKDE(kernel="biweight", bw=bw, norm=2), x, y, weight, x0, y0, cell, nx, ny)


def kdepy_tree_quartic(x, y, weight, x0, y0, cell, nx, ny, bandwidth):
    """Density at the cell centres, crime by crime through a tree."""
    from KDEpy import TreeKDE

    bw = bandwidth / math.sqrt(7.0)
    return _kdepy(TreeKDE(kernel="biweight", bw=bw, norm=2), x, y, weight, x0, y0, cell, nx, ny)


def tree_pairs(x, y, age_weeks, x0, y0, cell, nx, ny, radius, weeks, unit):
    """Pairs of crime and cell centre from two trees."""
    from scipy.spatial import cKDTree

    recent = age_weeks < weeks
    tree = cKDTree(np.column_stack([x[recent], y[recent]]))
    cells = cKDTree(centres(x0, y0, cell, nx, ny))
    pairs = tree.sparse_distance_matrix(cells, np.nextafter(radius, 0.0), output_type="ndarray")
    value = 1.0 / ((1.0 + pairs["v"] / unit) * (1.0 + age_weeks[recent][pairs["i"]]))
    return np.bincount(pairs["j"], value, minlength=nx * ny).reshape(ny, nx)


def aged_and_stencil(col, row, age_weeks, nx, ny, cell, radius, weeks, metric):
    """Ages added up by cell, and what a crime gives to the cells around it; crimes outside the grid are lost."""
    recent = age_weeks < weeks
    value = 1.0 / (1.0 + np.floor(age_weeks[recent]))
    counts = np.histogram2d(row[recent], col[recent], bins=(ny, nx), range=[[0, ny], [0, nx]], weights=value)[0]
    reach = math.ceil(radius / cell)
    across, along = np.abs(np.mgrid[-reach : reach + 1, -reach : reach + 1])
    d = (np.maximum(across, along), across + along, np.hypot(across, along))[metric]
    return counts, np.where(d * cell < radius, 1.0 / (1.0 + d), 0.0)


def histogram_and_convolve(*arguments):
    """Add up the ages by cell, then convolve."""
    from scipy.ndimage import convolve

    counts, stencil = aged_and_stencil(*arguments)
    return convolve(counts, stencil, mode="constant")


def histogram_and_fftconvolve(*arguments):
    """The same by Fourier transforms, quicker where the stencil is wide."""
    from scipy.signal import fftconvolve

    counts, stencil = aged_and_stencil(*arguments)
    return fftconvolve(counts, stencil, mode="same")


def window_by_window(x, y, time_weight, x0, y0, cell, nx, ny, radius, kernel):
    """One numpy window of cells per crime."""
    out = np.zeros((ny, nx))
    left, bottom = x0 + cell * np.arange(nx), y0 + cell * np.arange(ny)
    for px, py, w in zip(x, y, time_weight, strict=True):
        cols = slice(*np.searchsorted(left, [px - radius - cell, px + radius]))
        rows = slice(*np.searchsorted(bottom, [py - radius - cell, py + radius]))
        east = np.maximum(np.maximum(left[cols] - px, px - left[cols] - cell), 0.0)
        north = np.maximum(np.maximum(bottom[rows] - py, py - bottom[rows] - cell), 0.0)
        d = np.hypot(north[:, None], east) / radius
        out[rows, cols] += w * np.where(d < 1.0, 1.0 - d if kernel == 0 else np.exp(-3.0 * d), 0.0)
    return out
