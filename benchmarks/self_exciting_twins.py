"""The self-exciting process, in cells and in continuous space: kernels, naive twins and peers."""

from __future__ import annotations

from benchmarks import continuous_peers, self_exciting_peers
from benchmarks.twin import Rival, Twin
from predpol_eval.kernels import place_density, ridge, self_exciting
from tests.naive import continuous as naive_continuous
from tests.naive import self_exciting as naive_self_exciting

# Crimes, cells.
CELLS_OF_CRIMES = ((10_000, 1_000), (30_000, 5_000))
A_HUNDRED_THOUSAND = ((100_000, 15_000), (100_000, 5_000))

TWINS: tuple[Twin, ...] = (
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
        "self_exciting.em_sums",
        self_exciting.em_sums,
        self_exciting_peers.summing_up,
        (
            Rival("naive", naive_self_exciting.em_sums, ((300, 10), (1_000, 30)), (300, 10), 1e-12),
            Rival("whole columns", self_exciting_peers.em_sums_in_numpy, CELLS_OF_CRIMES, (2_000, 40), 1e-12),
        ),
    ),
    Twin(
        "self_exciting.em_iteration",
        self_exciting_peers.em_iteration,
        self_exciting_peers.iterating,
        (
            Rival("naive", naive_self_exciting.em_iteration, ((100, 5), (300, 10)), (300, 10), 1e-11),
            Rival("whole columns", self_exciting_peers.em_in_numpy, CELLS_OF_CRIMES, (2_000, 40), 1e-11),
            Rival("one exp per event", self_exciting_peers.one_exp_per_event, A_HUNDRED_THOUSAND, (100, 5), None),
            Rival("numpy's exp", self_exciting_peers.numpys_exp_per_event, A_HUNDRED_THOUSAND, (100, 5), None),
        ),
    ),
    Twin(
        "self_exciting.ridge_sums",
        ridge.ridge_sums,
        self_exciting_peers.climbing,
        (
            Rival("naive", naive_self_exciting.ridge_sums, ((300, 30), (1_000, 100)), (300, 30), 1e-12),
            Rival("whole columns", self_exciting_peers.ridge_in_columns, CELLS_OF_CRIMES, (2_000, 40), 1e-12),
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
            Rival("numpy", continuous_peers.em_in_numpy, ((10_000,), (50_000,), (100_000,)), (3_000,), 1e-11),
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
)
