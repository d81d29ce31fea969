"""The loop: blocks of nights to workers, finished blocks to the store, and all of them into one tally."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from predpol_eval.backtests.collect import collect, warn_of_failures
from predpol_eval.backtests.counting import BlockResult
from predpol_eval.backtests.estimate import BacktestEstimate, estimate, refuse_too_large
from predpol_eval.backtests.job import Block, Job, make_job
from predpol_eval.backtests.store import Store, opened
from predpol_eval.backtests.workers import computed, count_workers, count_workers_here
from predpol_eval.budgets import warn_small_areas
from predpol_eval.counts import TimeRule, check_time_rule
from predpol_eval.events import Events
from predpol_eval.forecasters.base import identity
from predpol_eval.grid import Grid

if TYPE_CHECKING:
    import xarray as xr

logger = logging.getLogger(__name__)


@overload
def backtest(
    forecasters: Mapping[str, Any],
    events: Events,
    grid: Grid,
    schedule: Any,
    *,
    budgets: Any,
    kinds: str | Sequence[str] | None = None,
    method: TimeRule = "aoristic",
    n_jobs: int | None = None,
    store: str | Path | None = None,
    progress: bool = True,
    curve: Sequence[float] | None = None,
    log_score_floor: float | None = None,
    dry_run: Literal[False] = False,
) -> xr.Dataset: ...
@overload
def backtest(
    forecasters: Mapping[str, Any],
    events: Events,
    grid: Grid,
    schedule: Any,
    *,
    budgets: Any,
    kinds: str | Sequence[str] | None = None,
    method: TimeRule = "aoristic",
    n_jobs: int | None = None,
    store: str | Path | None = None,
    progress: bool = True,
    curve: Sequence[float] | None = None,
    log_score_floor: float | None = None,
    dry_run: Literal[True],
) -> BacktestEstimate: ...
def backtest(
    forecasters: Mapping[str, Any],
    events: Events,
    grid: Grid,
    schedule: Any,
    *,
    budgets: Any,
    kinds: str | Sequence[str] | None = None,
    method: TimeRule = "aoristic",
    n_jobs: int | None = None,
    store: str | Path | None = None,
    progress: bool = True,
    curve: Sequence[float] | None = None,
    log_score_floor: float | None = None,
    dry_run: bool = False,
) -> xr.Dataset | BacktestEstimate:
    """Ask which forecasters would have flagged tomorrow's crimes, night after night, at the same cost.

    Every forecaster is fitted for every window to ``events.known_at(until)`` and nothing else. A night on which one
    fails becomes a row with its reason, NaN in numerators and denominators.

    Parameters
    ----------
    forecasters : mapping of str to Forecaster
        Names and configurations: frozen dataclasses with a method ``fit``. One of an ordinary class can be run too, but
        not with `store`, as nothing tells its configuration.
    events : Events
    grid : Grid
    schedule : Schedule or Windows
    budgets : budget or sequence of budgets
    kinds : str or sequence of str, optional
        Kinds of crime, each fitted and counted by itself; None pools all crimes as kind ``"all"``.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        How crimes whose moment is uncertain are counted; `time_sensitivity` counts them under every rule.
    n_jobs : int, optional
        Worker processes (-1: all cores). None is what `joblib.parallel_config` says, or 1; results do not depend on it.
    store : path, optional
        Folder to which finished blocks of 7 nights are written, so that an interrupted run goes on where it was.
    progress : bool
        Show a progress bar.
    curve : sequence of float, optional
        Shares of the ground at which to count, over the whole study area, what was caught: ``curve_hits`` for capture
        curves.
    log_score_floor : float, optional
        Also give the log score of every night, in nats: ``log_score``, in which every cell expects at least so many
        crimes a night, and ``log_score_unfloored``; see `poisson_log_score`, which is their mean over nights. NaN for
        forecasters that give scores or flags.
    dry_run : bool
        Only say what it would cost.

    Returns
    -------
    xarray.Dataset or BacktestEstimate
        The tally, with dimensions (forecaster, kind, area, budget, window); see `tally`, also for ``hits_once`` and
        ``events_once``, in which the share of a night that failed counts for nobody. ``status`` and ``reason``
        (forecaster, kind, window) tell what failed. The coordinate ``elsewhere`` (kind) has the number of crimes whose
        own point lies in another area than their cell (-1: not known).

    Raises
    ------
    InputError
        If something cannot be used, or would not fit in memory.
    PlanLockedError
        If the store was begun with other data, another configuration or another version.

    Examples
    --------
    >>> import pandas as pd, predpol_eval as ppe
    >>> days = pd.date_range("2018-05-01", periods=20).astype(str)
    >>> frame = pd.DataFrame({"x": [10.0, 300.0] * 10, "y": 10.0, "t": days})
    >>> events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> nights = ppe.Schedule(start="2018-05-11", end="2018-05-21", tz="Europe/London")
    >>> out = ppe.backtest({"map": ppe.CountMap()}, events, grid, nights, budgets=ppe.TopCells(1), progress=False)
    >>> float(ppe.hit_rate(out.sum("window")).squeeze())
    0.25
    """
    check_time_rule(method)
    job = make_job(
        forecasters, events, grid, schedule, budgets=budgets, kinds=kinds, method=method, curve=curve,
        log_score_floor=log_score_floor,
    )  # fmt: skip
    if store is not None:
        _refuse_untold(job)
    if dry_run:
        return estimate(job, count_workers(n_jobs))
    warn_small_areas(job.budgets, grid)
    (tally,) = run_job(job, n_jobs=n_jobs, store=store, progress=progress)
    warn_of_failures(tally, stacklevel=2)
    return tally


def run_job(job: Job, *, n_jobs: int | None, store: str | Path | None, progress: bool) -> list[xr.Dataset]:
    """Run a checked job: its tally under each of its rules, forecast once.

    Raises
    ------
    InputError, PlanLockedError
        As for `backtest`.
    """
    if store is not None:
        _refuse_untold(job)
    refuse_too_large(job, count_workers_here(n_jobs))
    with contextlib.ExitStack() as stack:
        kept = None if store is None else stack.enter_context(opened(store, job))
        return collect(job, _results(job, kept, n_jobs, progress))


def _refuse_untold(job: Job) -> None:
    """Refuse to store a job of which a forecaster does not tell its configuration."""
    for forecaster in job.forecasters:
        identity(forecaster)


def _results(job: Job, kept: Store | None, n_jobs: int | None, progress: bool) -> Iterator[tuple[Block, BlockResult]]:
    """All blocks in whatever order they come: first those of the store, then the rest as they are finished."""
    with warnings.catch_warnings():
        # In a notebook without ipywidgets it falls back to text, and says so with a warning.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm

    blocks = list(job.blocks)
    waiting = []
    nights = sum(block.nights.stop - block.nights.start for block in blocks)
    # A bar that redraws itself is for people at a terminal; `disable=None` leaves it out elsewhere.
    with tqdm(total=nights, unit="night", desc="backtest", disable=None if progress else True) as bar:
        for block in blocks:
            found = None if kept is None else kept.read(block)
            if found is None:
                waiting.append(block)
            else:
                bar.update(block.nights.stop - block.nights.start)
                yield block, found
        if kept is not None:
            logger.info("store %s: %d of %d blocks reused", kept.folder, len(blocks) - len(waiting), len(blocks))
        for block, result in computed(job, waiting, n_jobs):
            if kept is not None:
                kept.write(block, result)
            bar.update(block.nights.stop - block.nights.start)
            yield block, result
