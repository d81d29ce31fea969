"""How long, how much: a backtest's cost before it is run."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from predpol_eval.backtests.block import run_block
from predpol_eval.backtests.job import Job
from predpol_eval.errors import InputError
from predpol_eval.forecasters.many_nights import has_own_way
from predpol_eval.forecasters.sliding import slides
from predpol_eval.schedule import NIGHTS_PER_BLOCK
from predpol_eval.tallies import CAUGHT

# Measured, and rounded up. Arrays of the size of the grid that live at once while a night is fitted and counted:
ARRAYS_PER_NIGHT, ARRAYS_PER_BUDGET = 14, 3.5
# And for each night of a block that is forecast at once:
ARRAYS_AT_ONCE = 6
# A process with its libraries loaded, and what this one takes where the system does not tell.
GIGABYTES_PER_WORKER, GIGABYTES_HERE = 0.4, 0.4
BYTES_PER_CRIME = 120
# The tally's variables, and what they are put together from.
RESULT_COPIES = 3
# Nights that are timed in a row where a forecaster slides from each to the next.
TIMED_IN_A_ROW = 28
# Until worker processes have loaded their libraries.
SECONDS_TO_START = 2.0
MEMORY_SHARE = 0.9
ROOT = Path("/")


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
        timed, because it would not fit in memory.
    gigabytes : float
        Peak memory of this process and its workers: libraries and data, the result, and one night in every worker. A
        forecaster of your own may need more.
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
        untimed = math.isnan(self.minutes)
        took = "no time measured, as it would not fit in memory," if untimed else f"{self._duration()} on"
        text = (
            f"{self.fits:,} fits ({self.nights:,} nights, {self.cells:,} cells, {self.blocks:,} blocks): {took} "
            f"{self.workers} worker{'s' if self.workers > 1 else ''} and {self.gigabytes:.2f} GB of memory"
        )
        return "\n".join([text, *(f"  would fail: {line}" for line in self.failing)])

    def _duration(self) -> str:
        return f"about {self.minutes:.1f} minutes" if self.minutes >= 1 else f"about {60 * self.minutes:.0f} seconds"


def gigabytes_needed(job: Job, workers: int) -> float:
    """Memory that a job takes beyond what this process has: its result, and every worker with one night."""
    leagues = len(job.methods) * len(job.forecasters)
    rows = leagues * len(job.kinds) * len(job.grid.labels) * len(job.windows)
    parted = [len(part.window) for by_kind in job.crimes for part in by_kind if part.parted]
    counts = len(CAUGHT) + 1 + bool(parted)
    result = 8 * rows * (len(job.budgets) * counts + 2) * RESULT_COPIES
    result += 8 * len(job.forecasters) * len(job.budgets) * sum(parted)
    budgets = len(job.budgets) + len(job.curve)
    arrays = ARRAYS_PER_NIGHT + ARRAYS_PER_BUDGET * budgets
    if any(has_own_way(forecaster) for forecaster in job.forecasters):
        arrays += NIGHTS_PER_BLOCK * ARRAYS_AT_ONCE
    night = 8 * job.grid.mask.size * arrays
    crimes = BYTES_PER_CRIME * max(len(events) for events in job.events)
    return (result + workers * (night + crimes)) / 1e9 + workers * GIGABYTES_PER_WORKER


def gigabytes_here() -> float:
    """Memory that this process has now, as far as the system tells."""
    status = _numbers(ROOT / "proc" / "self" / "status")
    return status["VmRSS:"] / 1e6 if "VmRSS:" in status else GIGABYTES_HERE


def available_gigabytes(root: Path = ROOT) -> float | None:
    """Memory that can be used now, as far as the system tells: the machine's, or the container's."""
    found = []
    machine = _numbers(root / "proc" / "meminfo")
    if "MemAvailable:" in machine:
        found.append(machine["MemAvailable:"] / 1e6)
    container = root / "sys" / "fs" / "cgroup"
    limit, used = container / "memory.max", _numbers(container / "memory.stat")
    if limit.is_file() and "anon" in used and (text := limit.read_text().strip()).isdigit():
        found.append((int(text) - used["anon"]) / 1e9)
    return min(found, default=None)


def _numbers(path: Path) -> dict[str, int]:
    """First number of each line of a system's file, by its first word; nothing where there is no such file."""
    try:
        lines: Iterable[str] = path.read_text().splitlines()
    except OSError:
        return {}
    parts = (line.split() for line in lines)
    return {part[0]: int(part[1]) for part in parts if len(part) > 1 and part[1].isdigit()}


def refuse_too_large(job: Job, workers: int) -> None:
    """Refuse a job that would not fit in memory, with what it would need.

    Raises
    ------
    InputError
        With the estimate, what is available, and what would make it smaller.
    """
    needed, there = gigabytes_needed(job, workers), available_gigabytes()
    if there is not None and needed > MEMORY_SHARE * there:
        raise InputError(
            f"This backtest would need about {needed:.1f} GB of memory and {there:.1f} GB are available: "
            f"{len(job.forecasters)} forecasters x {len(job.kinds)} kinds x {len(job.grid.labels)} areas x "
            f"{len(job.budgets)} budgets x {len(job.windows)} nights on {job.grid.mask.size:,} cells with {workers} "
            "workers. Use fewer workers (n_jobs), larger cells or fewer areas, or run it in parts (some kinds or "
            "forecasters at a time)."
        )


def estimate(job: Job, workers: int) -> BacktestEstimate:
    """Time one night of every forecaster and kind, the last of the schedule, and multiply."""
    seconds, failing = (SECONDS_TO_START if workers > 1 else 0.0), []
    there, gigabytes = available_gigabytes(), gigabytes_here() + gigabytes_needed(job, workers)
    if there is not None and gigabytes_needed(job, 1) > MEMORY_SHARE * there:
        seconds = math.nan
    else:
        for number in range(len(job.forecasters)):
            for kind in range(len(job.kinds)):
                took, problem = _time_night(job, number, kind)
                seconds += took * len(job.windows) / workers
                failing += [f"{job.names[number]}, {job.kinds[kind]}: {problem}"] if problem else []
    return BacktestEstimate(
        fits=len(job.forecasters) * len(job.kinds) * len(job.windows),
        nights=len(job.windows),
        blocks=len(list(job.blocks)),
        cells=int(job.grid.mask.sum()),
        minutes=seconds / 60,
        gigabytes=gigabytes,
        workers=workers,
        failing=tuple(failing),
    )


def _time_night(job: Job, number: int, kind: int) -> tuple[float, str]:
    """Seconds of the last night, and why it failed if it did."""
    forecaster, stop = job.forecasters[number], len(job.windows)
    # What is done many nights in a row, or a block at a time, is timed so, and shared among the nights.
    together = TIMED_IN_A_ROW if slides(forecaster) else NIGHTS_PER_BLOCK if has_own_way(forecaster) else 1
    nights = slice(max(0, stop - together), stop)
    arguments = (forecaster, job.events[kind], job.grid, job.windows[nights], job.crimes_of(kind, nights))
    if kind == 0:
        # The first run compiles the kernels; it is not what a night costs.
        run_block(*arguments, job.budgets, job.curve, job.log_score_floor)
    begun = time.perf_counter()
    done = run_block(*arguments, job.budgets, job.curve, job.log_score_floor)
    seconds = (time.perf_counter() - begun) / (nights.stop - nights.start)
    return seconds, "" if done.status[-1] == "ok" else str(done.reason[-1])
