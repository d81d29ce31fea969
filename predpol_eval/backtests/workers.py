"""Blocks to worker processes, by joblib, and what can go wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from predpol_eval.backtests.block import run_blocks
from predpol_eval.backtests.cluster import DIED, dask_backend, on_cluster, threads_here
from predpol_eval.backtests.counting import BlockResult
from predpol_eval.backtests.job import Block, Job, Run
from predpol_eval.errors import InputError


def count_workers(n_jobs: int | None) -> int:
    """Number of workers that `n_jobs` stands for, under the `joblib.parallel_config` in force.

    Raises
    ------
    InputError
        If it is not a whole number other than 0.
    """
    from joblib import Parallel, effective_n_jobs

    if n_jobs is not None and (isinstance(n_jobs, bool) or not isinstance(n_jobs, int | np.integer) or n_jobs == 0):
        raise InputError(f"n_jobs={n_jobs!r}; give the number of worker processes, or -1 for one per core.")
    try:
        return int(effective_n_jobs(Parallel(n_jobs=None if n_jobs is None else int(n_jobs)).n_jobs))
    except TimeoutError as error:
        raise InputError(f"The dask cluster has no worker: start some, or wait for them ({error}).") from error


def count_workers_here(n_jobs: int | None) -> int:
    """Number of the workers that share the memory of this machine: all but those of a cluster elsewhere."""
    backend = dask_backend()
    return count_workers(n_jobs) if backend is None else threads_here(backend)


def computed(job: Job, blocks: list[Block], n_jobs: int | None) -> Iterator[tuple[Block, BlockResult]]:
    """Compute blocks, and give them as workers finish them.

    Raises
    ------
    InputError
        If a forecaster cannot be sent to a worker process, or a worker process died.
    """
    from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError

    try:
        yield from _computed(job, blocks, n_jobs)
    except TerminatedWorkerError as error:
        raise InputError(DIED) from error
    except BrokenProcessPool as error:
        raise InputError(f"A forecaster could not be rebuilt in a worker process. {_SENDING}") from error
    except Exception as error:
        # The error's class comes from `pickle`, which this library does not import.
        culprits = _unsendable(job) if type(error).__name__ == "PicklingError" or isinstance(error, TypeError) else []
        if not culprits:
            raise
        raise InputError(f"{', '.join(culprits)} cannot be sent to a worker process ({error}). {_SENDING}") from error


_SENDING = (
    "Keep open files, locks and connections out of a forecaster's fields, and its class in a module that can be "
    "imported; or use n_jobs=1."
)


def _unsendable(job: Job) -> list[str]:
    from joblib.externals.loky.backend.reduction import dumps

    names = []
    for name, forecaster in zip(job.names, job.forecasters, strict=True):
        try:
            dumps(forecaster)
        except Exception:  # noqa: BLE001 - a field may refuse with whatever it likes
            names.append(repr(name))
    return names


def _computed(job: Job, blocks: list[Block], n_jobs: int | None) -> Iterator[tuple[Block, BlockResult]]:
    from joblib import Parallel, delayed

    runs = job.runs(blocks)
    backend = dask_backend()
    if backend is not None:
        yield from on_cluster(backend, job, runs, _work)
        return
    if count_workers(n_jobs) == 1:
        # In this process, each block is handed over as soon as it is done.
        for run in runs:
            yield from _in_turn(run.blocks, *_arguments(job, run))
        return

    def tasks(some: list[Run]) -> Iterator[Any]:
        for run in some:
            yield delayed(_all_of)(run.blocks, *_arguments(job, run))

    # One run at a time: a batch would be lost as a whole.
    try:
        parallel = Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")
    except ValueError:
        # A backend that cannot hand results over one by one gets the runs in rounds, so that the store fills.
        size = 4 * count_workers(n_jobs)
        for start in range(0, len(runs), size):
            for done in Parallel(n_jobs=n_jobs, batch_size=1)(tasks(runs[start : start + size])):
                yield from done
        return
    for done in parallel(tasks(runs)):
        yield from done


def _arguments(job: Job, run: Run) -> tuple[Any, ...]:
    """Arguments of `run_blocks`: all that a worker is sent."""
    forecaster, kind = run.blocks[0].forecaster, run.blocks[0].kind
    return (
        job.forecasters[forecaster],
        job.events[kind],
        job.grid,
        job.windows[run.nights],
        [slice(block.nights.start - run.nights.start, block.nights.stop - run.nights.start) for block in run.blocks],
        job.crimes_of(kind, run.nights),
        job.budgets,
        job.curve,
        job.log_score_floor,
    )


def _work(job: Job, run: Run) -> list[tuple[Block, BlockResult]]:
    return _all_of(run.blocks, *_arguments(job, run))


def _in_turn(blocks: list[Block], *arguments: Any) -> Iterator[tuple[Block, BlockResult]]:
    yield from zip(blocks, run_blocks(*arguments), strict=True)


def _all_of(blocks: list[Block], *arguments: Any) -> list[tuple[Block, BlockResult]]:
    return list(_in_turn(blocks, *arguments))
