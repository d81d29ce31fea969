"""Blocks of nights: fit on what was known, predict, count. Runs in a worker process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from predpol_eval.backtests.counting import BlockResult, BlockTally, Counter
from predpol_eval.backtests.hearing import ears
from predpol_eval.backtests.risk import Sliding, block_risk, interrupted, night_risk
from predpol_eval.budgets import Budget, Coverage
from predpol_eval.counts import Crimes
from predpol_eval.events import Events
from predpol_eval.flagging import Scene, make_scene
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows


def run_blocks(
    forecaster: Any,
    events: Events,
    grid: Grid,
    windows: Windows,
    blocks: Sequence[slice],
    crimes: tuple[Crimes, ...],
    budgets: tuple[Budget, ...],
    curve: tuple[Coverage, ...],
    log_score_floor: float | None = None,
) -> Iterator[BlockResult]:
    """Run some blocks of a stretch of nights, in order.

    A forecaster that slides from night to night begins at the first of the windows, whichever blocks are asked for: the
    same night comes out with the same bits however a run was cut, interrupted and resumed.

    Parameters
    ----------
    forecaster : Forecaster
    events : Events
    grid : Grid
    windows : Windows
        Those of the whole stretch.
    blocks : sequence of slice
        Nights of each block, counted from the first of the windows; in order.
    crimes : tuple of Crimes
        Of all of the windows, one entry per rule.
    budgets, curve, log_score_floor
        As for `backtest`.

    Raises
    ------
    PredPolError
        If a faster way through many nights does not give what a night gives by itself (see `risk`).
    """
    counter = Counter(make_scene(grid), crimes, len(windows), budgets, curve, log_score_floor)
    sliding = Sliding(forecaster, events, grid, windows, counter.scene)
    for nights in blocks:
        done = _slid(sliding, nights, counter.begin(nights))
        yield done or _fitted(forecaster, events, grid, windows[nights], counter.begin(nights), counter.scene)


def run_block(
    forecaster: Any,
    events: Events,
    grid: Grid,
    windows: Windows,
    crimes: tuple[Crimes, ...],
    budgets: tuple[Budget, ...],
    curve: tuple[Coverage, ...],
    log_score_floor: float | None = None,
) -> BlockResult:
    """Run a single block, of all of the windows; see `run_blocks`."""
    whole = [slice(0, len(windows))]
    (done,) = run_blocks(forecaster, events, grid, windows, whole, crimes, budgets, curve, log_score_floor)
    return done


def _slid(sliding: Sliding, nights: slice, tally: BlockTally) -> BlockResult | None:
    """Count a block whose surfaces slide from night to night; None where they cannot."""
    # None of the forecasters that slide warns.
    for night in range(nights.stop - nights.start):
        values = sliding.at(nights.start + night)
        if values is None:
            return None
        try:
            tally.add(night, values, sliding.kind)
        except Exception as error:  # a budget may refuse one night's surface
            if interrupted(error):
                raise KeyboardInterrupt from error
            tally.failed(night, error)
    return tally.result()


def _fitted(
    forecaster: Any, events: Events, grid: Grid, windows: Windows, tally: BlockTally, scene: Scene
) -> BlockResult:
    """Fit and count the nights of a block one after the other: forecast once, and count the crimes of every rule.

    A night whose fit, prediction or count raises becomes a row with its reason; the others go on. Forecasters of this
    library that have a faster way of their own through many nights forecast the block at once; a warning heard then
    stands by all its nights.
    """
    nights = len(windows)
    together = block_risk(forecaster, events, grid, windows, scene)
    for night in range(nights):
        with ears.listen() as heard:
            try:
                if together is None:
                    values, kind, _ = night_risk(forecaster, events, grid, windows[night], scene)
                else:
                    values, kind = together.values[night], together.kind
                tally.add(night, values, kind)
            except (Exception, SystemExit) as error:  # whatever a forecaster does is one night's row
                if interrupted(error):
                    raise KeyboardInterrupt from error
                tally.failed(night, error)
                continue
        tally.warned(night, {*heard, *(together.warned if together is not None else ())})
    return tally.result()
