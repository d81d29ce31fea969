"""The loop: blocks of nights to workers, finished blocks to the store, and all of them into one tally."""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from predpol_eval.backtests.block import BlockResult, light, run_block
from predpol_eval.backtests.estimate import BacktestEstimate, estimate, refuse_too_large
from predpol_eval.backtests.job import Block, Job, make_job
from predpol_eval.backtests.store import Store, locked
from predpol_eval.budgets import warn_small_areas
from predpol_eval.counts import TimeRule
from predpol_eval.errors import PredPolWarning
from predpol_eval.events import Events
from predpol_eval.flagging import make_scene
from predpol_eval.grid import Grid
from predpol_eval.tallies import CAUGHT, assemble

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
    times: TimeRule = "aoristic",
    n_jobs: int | None = None,
    store: str | Path | None = None,
    progress: bool = True,
    curve: Sequence[float] | None = None,
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
    times: TimeRule = "aoristic",
    n_jobs: int | None = None,
    store: str | Path | None = None,
    progress: bool = True,
    curve: Sequence[float] | None = None,
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
    times: TimeRule = "aoristic",
    n_jobs: int | None = None,
    store: str | Path | None = None,
    progress: bool = True,
    curve: Sequence[float] | None = None,
    dry_run: bool = False,
) -> xr.Dataset | BacktestEstimate:
    """Ask which forecasters would have flagged tomorrow's crimes, night after night, at the same cost.

    Every forecaster is fitted for every window to ``events.known_at(until)`` and nothing else. A night on which one
    fails becomes a row with its reason, NaN in numerators and denominators.

    Parameters
    ----------
    forecasters : mapping of str to Forecaster
        Names and configurations.
    events : Events
    grid : Grid
    schedule : Schedule or Windows
    budgets : budget or sequence of budgets
    kinds : str or sequence of str, optional
        Kinds of crime, each fitted and counted by itself; None pools all crimes as kind ``"all"``.
    times : {"aoristic", "start", "end", "midpoint", "exclude"}
        How crimes whose moment is uncertain are counted.
    n_jobs : int, optional
        Worker processes (-1: all cores). None is what `joblib.parallel_config` says, or 1; results do not depend on it.
    store : path, optional
        Folder to which finished blocks of 7 nights are written, so that an interrupted run goes on where it was.
    progress : bool
        Show a progress bar.
    curve : sequence of float, optional
        Shares of the ground at which to count, over the whole study area, what was caught: ``curve_hits`` for capture
        curves.
    dry_run : bool
        Only say what it would cost.

    Returns
    -------
    xarray.Dataset or BacktestEstimate
        The tally, with dimensions (forecaster, kind, area, budget, window); see `tally`. ``status`` and ``reason``
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
    job = make_job(forecasters, events, grid, schedule, budgets=budgets, kinds=kinds, times=times, curve=curve)
    workers = _workers(n_jobs)
    if dry_run:
        return estimate(job, workers)
    refuse_too_large(job, workers)
    warn_small_areas(job.budgets, grid)
    with contextlib.ExitStack() as stack:
        kept = None
        if store is not None:
            stack.enter_context(locked(Path(store)))
            kept = Store(store, job)
        return _collect(job, _results(job, kept, n_jobs, progress))


def _workers(n_jobs: int | None) -> int:
    from joblib import Parallel, effective_n_jobs

    return int(effective_n_jobs(Parallel(n_jobs=n_jobs).n_jobs))


def _results(job: Job, kept: Store | None, n_jobs: int | None, progress: bool) -> Iterator[tuple[Block, BlockResult]]:
    """All blocks in whatever order they come: first those of the store, then the rest as they are finished."""
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
        for block, result in _computed(job, waiting, n_jobs):
            if kept is not None:
                kept.write(block, result)
            bar.update(block.nights.stop - block.nights.start)
            yield block, result


def _computed(job: Job, blocks: list[Block], n_jobs: int | None) -> Iterator[tuple[Block, BlockResult]]:
    """Blocks as workers finish them."""
    from joblib import Parallel, delayed

    grid = light(job.grid)

    def tasks(some: list[Block]) -> Iterator[Any]:
        for block in some:
            yield delayed(_numbered)(
                block,
                job.forecasters[block.forecaster],
                job.events[block.kind],
                grid,
                job.windows[block.nights],
                job.crimes[block.kind].of(block.nights),
                job.budgets,
                job.curve,
            )

    try:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    except ValueError:
        # A backend that cannot hand results over one by one gets the blocks in batches, so that the store fills all
        # the same.
        batch = 4 * _workers(n_jobs)
        for start in range(0, len(blocks), batch):
            yield from Parallel(n_jobs=n_jobs)(tasks(blocks[start : start + batch]))
        return
    yield from parallel(tasks(blocks))


def _numbered(block: Block, *arguments: Any) -> tuple[Block, BlockResult]:
    return block, run_block(*arguments)


def _collect(job: Job, results: Iterator[tuple[Block, BlockResult]]) -> xr.Dataset:
    """Put all blocks into one tally; a night that failed is NaN in every count."""
    scene = make_scene(job.grid)
    leading = (len(job.forecasters), len(job.kinds))
    nights = len(job.windows)
    caught = np.full((*leading, len(CAUGHT), scene.labels, len(job.budgets), nights), np.nan)
    curve = np.full((*leading, len(job.curve), nights), np.nan)
    status = np.full((*leading, nights), "missing", dtype=object)
    reason = np.full((*leading, nights), "", dtype=object)
    for block, result in results:
        place = (block.forecaster, block.kind, ..., block.nights)
        caught[place], curve[place] = result.caught, result.curve
        status[place], reason[place] = result.status.astype(object), result.reason.astype(object)
    events = np.zeros((len(job.kinds), scene.labels, nights))
    outside = np.zeros((len(job.kinds), nights))
    for kind, crimes in enumerate(job.crimes):
        inside = crimes.cell >= 0
        label = job.grid.label_code.ravel()[crimes.cell[inside]]
        np.add.at(events[kind], (label, crimes.window[inside]), crimes.weight[inside])
        np.add.at(outside[kind], crimes.window[~inside], crimes.weight[~inside])
    data = assemble(
        caught,
        np.broadcast_to(events, (*leading, *events.shape[1:])),
        np.broadcast_to(outside, (*leading, nights)),
        ("forecaster", "kind"),
        {
            "forecaster": ("forecaster", np.array(job.names, dtype=object)),
            "kind": ("kind", np.array(job.kinds, dtype=object)),
            "elsewhere": (
                "kind",
                np.array(job.elsewhere),
                {"long_name": "crimes whose own point lies in another area"},
            ),
        },
        job.budgets,
        job.grid,
        scene,
        job.windows,
    )
    failed = status != "ok"
    for name in ("events", "outside", "budget_m2", "total_m2"):
        values = data[name].to_numpy()
        values[np.broadcast_to(np.expand_dims(failed, tuple(range(2, values.ndim - 1))), values.shape)] = np.nan
    data["status"], data["reason"] = (
        (("forecaster", "kind", "window"), status),
        (("forecaster", "kind", "window"), reason),
    )
    if job.curve:
        in_city = np.where(failed, np.nan, events.sum(axis=1)[None])
        coverage = (
            "coverage",
            [budget.fraction for budget in job.curve],
            {"long_name": "share of the ground", "units": "1"},
        )
        data = data.assign_coords(coverage=coverage)
        data["curve_hits"] = (("forecaster", "kind", "coverage", "window"), curve)
        data["curve_events"] = (("forecaster", "kind", "window"), in_city)
    data.attrs.update(
        times=job.times,
        information_set=job.events[0].information_set,
        record=json.dumps(job.record, sort_keys=True),
        n_areas=len(job.grid.labels),
    )
    _warn_of_failures(job, status, reason)
    return data


def _warn_of_failures(job: Job, status: Any, reason: Any) -> None:
    lines = []
    for number, name in enumerate(job.names):
        bad = int((status[number] != "ok").sum())
        if bad:
            first = next(text for text in reason[number].ravel() if text and not text.startswith("warning: "))
            lines.append(f"{name} failed on {bad} of {status[number].size} nights ({first})")
        heard = [text for text in reason[number].ravel() if text.startswith("warning: ")]
        if heard:
            lines.append(
                f"{name} warned on {len(heard)} of {status[number].size} nights ({heard[0].removeprefix('warning: ')})"
            )
    if lines:
        warnings.warn("; ".join(lines) + ". See status and reason.", PredPolWarning, stacklevel=4)
