"""Kernel densities and smoothing: kernels, naive twins and peers."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import adaptive_peers, peers, smoothing_peers
from benchmarks.twin import SMALL, Rival, Twin, city
from predpol_eval.kernels import kde, leave_one_out, neighbours, smoothing
from tests.naive import kde as naive_kde
from tests.naive import smoothing as naive_smoothing


def density(crimes: int, cells: int, cell: int) -> tuple[Any, ...]:
    """Arguments of the density kernels: bandwidth 500 m."""
    x, y, place = city(crimes, cells, cell)
    return x, y, np.random.default_rng(1).uniform(0.5, 1.5, crimes), *place, 500.0


def nearest(crimes: int, cells: int, cell: int) -> tuple[Any, ...]:
    """Arguments of the adaptive density: the 15th neighbour, at least half a cell."""
    x, y, weight, *place, _ = density(crimes, cells, cell)
    return x, y, weight, *place, 15, 0.5 * cell


def neighbourhood(crimes: int) -> tuple[Any, ...]:
    """Arguments of the distance to the 15th neighbour."""
    x, y, _ = city(crimes, 160, 250)
    return x, y, np.ones(crimes, dtype=np.int64), 15


def leaving_out(crimes: int, steps: int) -> tuple[Any, ...]:
    """Arguments of the leave-one-out densities; from 1 km, so that no crime of a small set is all alone."""
    x, y, _ = city(crimes, 160, 250)
    return x, y, np.random.default_rng(1).uniform(0.5, 1.5, crimes), 1_000.0, steps


SMALL_CITY = ((1_000, 64, 250), (4_000, 64, 250))
CITY = ((10_000, 160, 250), (100_000, 160, 250))
TEN_YEARS = (1_000_000, 160, 250)
FINE = ((10_000, 800, 50), (100_000, 800, 50), (1_000_000, 800, 50))
# A cell of a twentieth of the bandwidth: its mean and its centre differ by 2e-4 of the peak.
CENTRES = (300, 60, 25)

TWINS: tuple[Twin, ...] = (
    Twin(
        "kde.gaussian_cell_mass",
        kde.gaussian_cell_mass,
        density,
        (
            Rival("naive", naive_kde.gaussian_cell_mass, SMALL, (50, 16, 250), 1e-12),
            Rival(
                "sklearn KernelDensity", peers.sklearn_kernel_density, ((500, 48, 250), (1_000, 64, 250)), CENTRES, 3e-4
            ),
            # Its kernel follows the covariance of the data; tests/kernels/test_kde.py compares where that is round.
            Rival("scipy gaussian_kde", peers.scipy_gaussian_kde, SMALL_CITY, CENTRES, None),
            Rival("histogram and filter", peers.histogram_and_filter, CITY, CENTRES, 0.01),
        ),
    ),
    Twin(
        "kde.gaussian_cell_mass_binned",
        kde.gaussian_cell_mass_binned,
        density,
        (
            Rival("naive", naive_kde.gaussian_cell_mass, SMALL, (50, 16, 250), 2e-4),
            Rival("KDEpy FFTKDE", peers.kdepy_fft_gaussian, CITY, CENTRES, 0.05),
            Rival("histogram and filter", peers.histogram_and_filter, (*CITY, TEN_YEARS, *FINE), CENTRES, 0.01),
            Rival("finufft", peers.finufft_gaussian, (*CITY, TEN_YEARS, *FINE), CENTRES, 2e-4),
        ),
    ),
    Twin(
        "kde.quartic_cell_mass",
        kde.quartic_cell_mass,
        density,
        (
            Rival("naive", naive_kde.quartic_cell_mass, ((20, 8, 250), (40, 12, 250)), (20, 8, 250), 1e-9),
            Rival("KDEpy TreeKDE", peers.kdepy_tree_quartic, SMALL_CITY, CENTRES, 1e-3),
            Rival("KDEpy FFTKDE", peers.kdepy_fft_quartic, CITY, CENTRES, 1e-3),
        ),
    ),
    Twin(
        "kde.adaptive_cell_mass",
        adaptive_peers.mass,
        nearest,
        (
            Rival("naive", naive_kde.adaptive_cell_mass, SMALL, (50, 16, 250), 1e-12),
            Rival("tree, then erf by crime", adaptive_peers.tree_then_erf, SMALL_CITY, (500, 48, 250), 1e-11),
            # The search for neighbours and nothing more, to be nearly as fast as which is the aim.
            Rival("cKDTree query alone", adaptive_peers.tree_query_alone, CITY, (500, 48, 250), None),
        ),
    ),
    Twin(
        "kde.kth_distance",
        neighbours.kth_distance,
        neighbourhood,
        (
            Rival("naive", naive_kde.kth_distance_of_places, ((100,), (300,)), (100,), 1e-12),
            Rival("cKDTree query", adaptive_peers.tree_distance, ((10_000,), (100_000,)), (3_000,), 1e-12),
        ),
    ),
    Twin(
        "kde.log_left_out",
        leave_one_out.log_left_out,
        leaving_out,
        (
            Rival("naive", naive_kde.log_left_out, ((60, 3), (200, 6)), (60, 3), 1e-12),
            Rival("all pairs at once", adaptive_peers.all_pairs_at_once, ((1_000, 6), (3_000, 6)), (300, 6), 1e-12),
        ),
    ),
    Twin(
        "smoothing.smooth",
        smoothing.smooth,
        smoothing_peers.counting,
        (
            Rival("naive", naive_smoothing.smooth, ((8, 3), (14, 4)), (9, 4), 1e-12),
            Rival("scipy filters", smoothing_peers.ndimage, ((100, 6), (200, 12)), (40, 6), 1e-12),
            Rival("products of matrices", smoothing_peers.matrices, ((100, 6), (200, 12)), (40, 6), 1e-12),
        ),
    ),
)
