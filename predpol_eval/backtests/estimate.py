"""How long, how much: a backtest's cost before it is run."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from predpol_eval.backtests.block import light, run_block
from predpol_eval.backtests.job import Job
from predpol_eval.errors import InputError
from predpol_eval.tallies import CAUGHT

# Arrays of the size of the grid that live at once while a night is fitted and counted (measured, rounded up).
ARRAYS_PER_NIGHT = 30
# The tally's variables, and a second copy while they are put together.
RESULT_COPIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestEstimate:
    """What a backtest would cost.

    Attributes
    ----------
    fits : int
        Fits and predictions.
    nights, blocks, cells : int
        Windows, units of work, cells of the study area.
    minutes : float
        Wall-clock minutes on `workers` processes, from one timed night of each forecaster and kind; NaN if none was
        timed.
    gigabytes : float
        Peak memory: the result, and one night's surfaces in every worker.
    workers : int
    failing : tuple of str
        Forecasters whose timed night failed, and why.
    """

    fits: int
    nights: int
    blocks: int
    cells: int
    minutes: float
    gigabytes: float
    workers: int
    failing: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = (
            f"{self.fits:,} fits ({self.nights:,} nights, {self.cells:,} cells, {self.blocks:,} blocks): about "
            f"{self.minutes:.1f} minutes on {self.workers} worker{'s' if self.workers > 1 else ''} and "
            f"{self.gigabytes:.2f} GB of memory"
        )
        return "\n".join([text, *(f"  would fail: {line}" for line in self.failing)])


def gigabytes_needed(job: Job, workers: int) -> float:
    """Peak memory of a job: its result, and one night's surfaces in every worker."""
    rows = len(job.forecasters) * len(job.kinds) * len(job.grid.labels) * len(job.windows)
    result = 8 * rows * (len(job.budgets) * (len(CAUGHT) + 1) + 2) * RESULT_COPIES
    night = 8 * job.grid.mask.size * ARRAYS_PER_NIGHT
    crimes = 120 * sum(len(events) for events in job.events)
    return (result + workers * (night + crimes)) / 1e9


def available_gigabytes() -> float | None:
    """Memory that can be used now, as far as the system tells."""
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 / 1e9
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return None


def refuse_too_large(job: Job, workers: int) -> None:
    """Refuse a job that would not fit in memory, with what it would need."""
    needed, there = gigabytes_needed(job, workers), available_gigabytes()
    if there is not None and needed > 0.9 * there:
        raise InputError(
            f"This backtest would need about {needed:.1f} GB of memory and {there:.1f} GB are available: "
            f"{len(job.forecasters)} forecasters x {len(job.kinds)} kinds x {len(job.grid.labels)} areas x "
            f"{len(job.budgets)} "
            f"budgets x {len(job.windows)} nights on {job.grid.mask.size:,} cells with {workers} workers. Use fewer "
            "workers "
            "(n_jobs), larger cells or fewer areas, or run it in parts (some kinds or forecasters at a time)."
        )


def estimate(job: Job, workers: int) -> BacktestEstimate:
    """Time one night of every forecaster and kind, the last of the schedule, and multiply."""
    seconds, failing = 0.0, []
    last = len(job.windows) - 1
    grid = light(job.grid)
    for name, forecaster in zip(job.names, job.forecasters, strict=True):
        for number, kind in enumerate(job.kinds):
            crimes = job.crimes[number].of(slice(last, last + 1))
            arguments = (forecaster, job.events[number], grid, job.windows[last], crimes, job.budgets, job.curve)
            if number == 0:
                # The first run compiles the kernels; it is not what a night costs.
                run_block(*arguments)
            begun = time.perf_counter()
            done = run_block(*arguments)
            seconds += (time.perf_counter() - begun) * len(job.windows)
            if done.status[0] != "ok":
                failing.append(f"{name}, {kind}: {done.reason[0]}")
    blocks = list(job.blocks)
    return BacktestEstimate(
        fits=len(job.forecasters) * len(job.kinds) * len(job.windows),
        nights=len(job.windows),
        blocks=len(blocks),
        cells=int(job.grid.mask.sum()),
        minutes=seconds / workers / 60,
        gigabytes=gigabytes_needed(job, workers),
        workers=workers,
        failing=tuple(failing),
    )
