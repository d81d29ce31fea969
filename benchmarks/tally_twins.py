"""Ranking, counting, drawing nights again, and the whole backtest."""

from __future__ import annotations

from benchmarks import backtest_peers, bootstrap_peers, ranking_peers
from benchmarks.twin import Rival, Twin
from predpol_eval.kernels import ranking
from tests.naive import backtest as naive_backtest
from tests.naive import ranking as naive_ranking
from tests.naive import stationary_bootstrap as naive_bootstrap

# Cells, areas, crimes.
FEW_CELLS = ((400, 7, 90), (2_000, 14, 400))
MANY_CELLS = ((10_000, 140, 1_000), (100_000, 140, 10_000))

TWINS: tuple[Twin, ...] = (
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
