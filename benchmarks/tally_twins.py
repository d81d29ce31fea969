"""Ranking, counting, drawing nights again, and the whole backtest."""

from __future__ import annotations

from benchmarks import backtest_peers, bootstrap_peers, league_peers, ranking_peers
from benchmarks.twin import Rival, Twin
from predpol_eval.kernels import ranking, spending
from predpol_eval.kernels.crimes_by_cell import crimes_by_cell
from tests.naive import backtest as naive_backtest
from tests.naive import league as naive_league
from tests.naive import ranking as naive_ranking
from tests.naive import stationary_bootstrap as naive_bootstrap

# Cells, areas, crimes.
FEW_CELLS = ((400, 7, 90), (2_000, 14, 400))
MANY_CELLS = ((10_000, 140, 1_000), (100_000, 140, 10_000))

# Nights, cells, crimes; and nights, crimes, cells of a side.
NIGHTS = ((90, 25_600, 6_000), (180, 25_600, 50_000))
LEAGUE = ((28, 20_000, 80), (180, 50_000, 160))

TWINS: tuple[Twin, ...] = (
    *(
        Twin(
            name,
            kernel,
            make,
            (
                Rival("naive", getattr(naive_ranking, kernel.__name__), FEW_CELLS, (400, 7, 90), 1e-12),
                Rival("numpy", getattr(ranking_peers, kernel.__name__), MANY_CELLS, (5_000, 20, 800), 1e-11),
            ),
        )
        for name, kernel, make in (
            ("ranking.by_scope", ranking.by_scope, ranking_peers.dealing),
            ("spending.fill", spending.fill, ranking_peers.filling),
            ("spending.sums", spending.sums, ranking_peers.summing),
            ("spending.extremes", spending.extremes, ranking_peers.straining),
            ("spending.oracle", spending.oracle, ranking_peers.foreseeing),
        )
    ),
    # What decides who is flagged, so far down as a budget reaches; the rivals rank all cells.
    Twin(
        "ranking.top",
        ranking_peers.topped,
        ranking_peers.topping,
        (
            Rival("naive", naive_ranking.topped, ((400, 1, 20), (2_000, 14, 4)), (400, 7, 5), 1e-12),
            Rival("numpy", ranking_peers.sorted_whole, ((25_600, 1, 100), (25_600, 140, 10)), (5_000, 20, 8), 1e-11),
        ),
    ),
    Twin(
        "crimes_by_cell",
        crimes_by_cell,
        ranking_peers.happening,
        (
            Rival("naive", naive_ranking.crimes_by_cell, ((10, 400, 60), (90, 2_000, 900)), (10, 400, 90), 1e-12),
            Rival(
                "numpy",
                ranking_peers.crimes_by_cell,
                ((90, 25_600, 6_000), (180, 25_600, 50_000)),
                (20, 900, 900),
                1e-12,
            ),
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
    # The practitioners break ties by order and answer only nearly, so the numbers differ.
    Twin(
        "backtest.league",
        league_peers.with_the_library,
        league_peers.scene,
        (
            Rival("naive", naive_league.caught_by_night, ((3, 150, 12), (6, 300, 20)), (5, 300, 12), 1e-9),
            Rival("numpy by night", league_peers.numpy_by_night, LEAGUE, (7, 10, 9), None),
            Rival("binned beforehand", league_peers.binned_beforehand, LEAGUE, (7, 10, 9), None),
        ),
    ),
)
