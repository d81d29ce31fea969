"""One table of twins: each fast kernel, the naive code that judges it, and the peers it is measured against.

Both `tests/kernels/test_twins.py` (do they agree?) and `benchmarks/bench_*.py` (how much faster?) read it. To
add a kernel: a function that makes its arguments for a size, a `Twin` in `TWINS` whose first rival is the
naive one, and a floor for every size of every rival in `floors.toml`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import (
    adaptive_peers,
    backtest_peers,
    bootstrap_peers,
    continuous_peers,
    near_repeat_peers,
    peers,
    ranking_peers,
    self_exciting_peers,
    smoothing_peers,
)
from predpol_eval.kernels import (
    kde,
    leave_one_out,
    near_repeat,
    neighbours,
    place_density,
    prospective,
    ranking,
    rings,
    self_exciting,
    smoothing,
)
from tests.naive import backtest as naive_backtest
from tests.naive import continuous as naive_continuous
from tests.naive import kde as naive_kde
from tests.naive import knox as naive_knox
from tests.naive import near_repeat as naive_near_repeat
from tests.naive import prospective as naive_prospective
from tests.naive import ranking as naive_ranking
from tests.naive import rings as naive_rings
from tests.naive import self_exciting as naive_self_exciting
from tests.naive import smoothing as naive_smoothing
from tests.naive import stationary_bootstrap as naive_bootstrap

Size = tuple[int, ...]


@dataclass(frozen=True)
class Rival:
    """Another way to the same numbers.

    `sizes` are what the benchmarks run, the first of them also in the short form; at size `check` the results
    may differ by at most `agrees` of the peak. None where the rival cannot be asked the very same question.
    """

    name: str
    run: Callable[..., Any]
    sizes: tuple[Size, Size]
    check: Size
    agrees: float | None


@dataclass(frozen=True)
class Twin:
    """A kernel, what makes its arguments for a size, and its rivals: the naive one first, then a peer or more."""

    name: str
    kernel: Callable[..., Any]
    make: Callable[..., tuple[Any, ...]]
    rivals: tuple[Rival, ...]


@dataclass(frozen=True)
class Workload:
    """One race: a kernel against one rival at one size."""

    twin: Twin
    rival: Rival
    size: Size

    def __str__(self) -> str:
        return f"{self.twin.name}/{self.rival.name}/{'-'.join(map(str, self.size))}"

    @property
    def short(self) -> bool:
        """Whether the short form runs it."""
        return self.size == self.rival.sizes[0]


def city(crimes: int, cells: int, cell: int) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float, int, int]]:
    """Crimes in and around twenty centres of a square city, all on places of their own, and its grid."""
    rng = np.random.default_rng(crimes)
    side = float(cells * cell)
    centres = rng.uniform(0.1 * side, 0.9 * side, (20, 2))
    spread = rng.normal(0.0, 0.05 * side, (crimes, 2))
    clustered = centres[rng.integers(20, size=crimes)] + spread
    points = np.where(rng.random((crimes, 1)) < 0.5, rng.uniform(0, side, (crimes, 2)), clustered)
    x, y = np.ascontiguousarray(np.clip(points, 0.0, np.nextafter(side, 0.0)).T)
    return x, y, (0.0, 0.0, float(cell), cells, cells)


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


def prospective_continuous(crimes: int, cells: int, cell: int) -> tuple[Any, ...]:
    """Crimes of the last ten weeks; radius 400 m, 8 weeks, unit 50 m."""
    x, y, place = city(crimes, cells, cell)
    return x, y, np.random.default_rng(1).uniform(0.0, 10.0, crimes), *place, 400.0, 8.0, 50.0


def prospective_grid(crimes: int, cells: int, cell: int) -> tuple[Any, ...]:
    """The same by cell, Chebyshev distance."""
    x, y, age, *_ = prospective_continuous(crimes, cells, cell)
    return (x // cell).astype(np.int64), (y // cell).astype(np.int64), age, cells, cells, float(cell), 400.0, 8.0, 0


def cocoon(crimes: int, cells: int, cell: int) -> tuple[Any, ...]:
    """Crimes of the last three weeks; radius 400 m, exponential."""
    x, y, place = city(crimes, cells, cell)
    return x, y, np.random.default_rng(1).uniform(0.0, 1.0, crimes), *place, 400.0, near_repeat.EXPONENTIAL


SMALL = ((50, 16, 250), (200, 24, 250))
SMALLER_CITY = ((500, 48, 250), (1_000, 64, 250))
SMALL_CITY = ((1_000, 64, 250), (4_000, 64, 250))
CITY = ((10_000, 160, 250), (100_000, 160, 250))
FINE_CITY = ((1_000, 160, 250), (10_000, 800, 50))
# A cell of a twentieth of the bandwidth: its mean and its centre differ by 2e-4 of the peak.
CENTRES = (300, 60, 25)

# Cells, areas, crimes.
FEW_CELLS = ((400, 7, 90), (2_000, 14, 400))
MANY_CELLS = ((10_000, 140, 1_000), (100_000, 140, 10_000))

CELLS_OF_CRIMES = ((10_000, 1_000), (30_000, 5_000))

# Crimes, permutations.
KNOX = ((1_000, 999), (10_000, 199))

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
            Rival("histogram and filter", peers.histogram_and_filter, CITY, CENTRES, 0.01),
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
        "prospective.continuous",
        prospective.continuous,
        prospective_continuous,
        (
            Rival("naive", naive_prospective.continuous, SMALL, (50, 16, 250), 1e-12),
            Rival("pairs of two trees", peers.tree_pairs, FINE_CITY, (500, 40, 50), 1e-12),
        ),
    ),
    Twin(
        "prospective.grid",
        prospective.grid,
        prospective_grid,
        (
            Rival("naive", naive_prospective.grid, SMALL, (50, 16, 250), 1e-12),
            Rival("histogram and convolve", peers.histogram_and_convolve, FINE_CITY, (500, 40, 50), 1e-12),
        ),
    ),
    Twin(
        "near_repeat.cocoon",
        near_repeat.cocoon,
        cocoon,
        (
            Rival("naive", naive_near_repeat.cocoon, SMALL, (50, 16, 250), 1e-12),
            Rival("window by window", peers.window_by_window, FINE_CITY, (500, 40, 50), 1e-12),
        ),
    ),
    Twin(
        "near_repeat.rings",
        rings.rings,
        near_repeat_peers.ringing,
        (
            Rival("naive", naive_rings.rings, ((10, 8, 250), (20, 12, 250)), (10, 8, 250), 1e-4),
            Rival("points of a finer grid", near_repeat_peers.finer_points, FINE_CITY, (500, 40, 50), 0.02),
        ),
    ),
    # No kernel but the whole test, from the crimes to the table.
    Twin(
        "knox",
        near_repeat_peers.with_the_library,
        near_repeat_peers.scene,
        (
            Rival("naive", naive_knox.tables_of, ((40, 19), (60, 19)), (40, 19), 1e-12),
            # With other permutations, so that the expected pairs differ by their Monte Carlo error.
            Rival("numpy pair list", near_repeat_peers.numpy_pair_list, KNOX, (1_000, 999), 0.05),
            Rival("numpy lookup", near_repeat_peers.numpy_lookup, KNOX, (1_000, 999), 0.05),
            # For one of the 80 band pairs.
            Rival("pointpats", near_repeat_peers.pointpats_one_of_all, ((300, 99), (1_000, 99)), (300, 99), None),
        ),
    ),
    *(
        Twin(
            f"ranking.{name}",
            getattr(ranking, name),
            make,
            (
                Rival("naive", getattr(naive_ranking, name), FEW_CELLS, (400, 7, 90), 1e-12),
                Rival("numpy", getattr(ranking_peers, name), MANY_CELLS, (5_000, 20, 800), 1e-11),
            ),
        )
        for name, make in (
            ("by_scope", ranking_peers.dealing),
            ("fill", ranking_peers.filling),
            ("sums", ranking_peers.summing),
            ("extremes", ranking_peers.straining),
            ("oracle", ranking_peers.foreseeing),
        )
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
    Twin(
        "self_exciting.decay_sums",
        self_exciting.decay_sums,
        self_exciting_peers.summing,
        (
            Rival("naive", naive_self_exciting.decay_sums, ((300, 10), (1_000, 30)), (300, 10), 1e-12),
            Rival("pairs by cell", self_exciting_peers.pairs_by_cell, CELLS_OF_CRIMES, (2_000, 40), 1e-12),
        ),
    ),
    Twin(
        "self_exciting.seen_share",
        self_exciting.seen_share,
        self_exciting_peers.seeing,
        (
            Rival("naive", naive_self_exciting.seen_share, ((1_000, 1), (5_000, 3)), (1_000, 3), 1e-10),
            Rival(
                "periods by crimes", self_exciting_peers.periods_by_crimes, ((30_000, 1), (30_000, 5)), (500, 3), 1e-10
            ),
        ),
    ),
    Twin(
        "self_exciting.expectation",
        self_exciting.expectation,
        self_exciting_peers.expecting,
        (
            Rival("naive", naive_self_exciting.expectation, ((1_000, 100), (5_000, 500)), (300, 30), 1e-12),
            Rival("whole columns", self_exciting_peers.vectorised_expectation, CELLS_OF_CRIMES, (300, 30), 1e-12),
        ),
    ),
    Twin(
        "self_exciting.background",
        self_exciting.background,
        self_exciting_peers.levelling,
        (
            Rival("naive", naive_self_exciting.background, ((300, 30), (1_000, 100)), (300, 30), 1e-12),
            Rival("brentq by group", self_exciting_peers.brentq_by_group, CELLS_OF_CRIMES, (300, 30), 1e-10),
        ),
    ),
    Twin(
        "self_exciting.fit",
        self_exciting_peers.fit,
        self_exciting_peers.fitting,
        (
            Rival("naive", naive_self_exciting.fit, ((100, 5), (200, 10)), (200, 10), 1e-3),
            Rival("L-BFGS-B", self_exciting_peers.quasi_newton, ((1_000, 30), (5_000, 200)), (1_000, 30), 1e-3),
        ),
    ),
    Twin(
        "continuous.close_pairs",
        continuous_peers.neighbours,
        continuous_peers.listing,
        (
            Rival("naive", naive_continuous.neighbours, ((300,), (600,)), (400,), 1e-12),
            Rival("pairs of a tree", continuous_peers.neighbours_by_tree, ((10_000,), (50_000,)), (3_000,), 1e-12),
        ),
    ),
    Twin(
        "continuous.em_iteration",
        continuous_peers.em_iteration,
        continuous_peers.iterating,
        (
            Rival("naive", naive_continuous.em_iteration, ((1_000,), (4_000,)), (2_000,), 1e-11),
            Rival("numpy", continuous_peers.em_in_numpy, ((10_000,), (100_000,)), (3_000,), 1e-11),
        ),
    ),
    Twin(
        "continuous.place_density",
        place_density.place_density,
        continuous_peers.spreading,
        (
            Rival("naive", naive_continuous.place_density, ((200,), (500,)), (500,), 1e-12),
            Rival("pairs of a tree", continuous_peers.density_by_tree, ((2_000,), (8_000,)), (3_000,), 1e-11),
        ),
    ),
    Twin(
        "continuous.inside_mass",
        continuous_peers.mass_inside,
        continuous_peers.staying,
        (
            Rival("naive", naive_continuous.mass_inside, ((20,), (60,)), (40,), 1e-12),
            Rival("whole profiles", continuous_peers.inside_by_profiles, ((2_000,), (10_000,)), (500,), 1e-12),
        ),
    ),
    Twin(
        "stationary_bootstrap.redraw",
        bootstrap_peers.with_the_library,
        bootstrap_peers.drawing,
        (
            Rival("naive", naive_bootstrap.redraw, ((30, 20), (60, 40)), (30, 20), 1e-12),
            Rival("numpy", bootstrap_peers.in_numpy, ((60, 999), (184, 1_999)), (60, 99), 1e-12),
            # Other draws, and no errors: half of the work.
            Rival("arch", bootstrap_peers.with_arch, ((60, 999), (184, 1_999)), (60, 99), None),
        ),
    ),
    # No kernel but the whole loop: what a night costs beside them.
    Twin(
        "backtest",
        backtest_peers.with_the_library,
        backtest_peers.scene,
        (
            Rival("naive", naive_backtest.caught_by_night, ((7, 30), (14, 60)), (7, 10), 1e-9),
            # It breaks ties by order, so the numbers differ.
            Rival("numpy by night", backtest_peers.numpy_by_night, ((28, 40), (28, 160)), (7, 10), None),
        ),
    ),
)


def workloads(prefix: str) -> list[Workload]:
    """Every race of the kernels whose name begins so."""
    return [
        Workload(twin, rival, size)
        for twin in TWINS
        if twin.name.startswith(prefix)
        for rival in twin.rivals
        for size in rival.sizes
    ]
