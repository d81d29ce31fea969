"""Blocks to worker processes, by joblib, and what can go wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from predpol_eval.backtests.block import BlockResult, run_block
from predpol_eval.backtests.job import Block, Job
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
    return int(effective_n_jobs(Parallel(n_jobs=None if n_jobs is None else int(n_jobs)).n_jobs))


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
        raise InputError(
            "A worker process died: most often the system ended it for lack of memory, or a forecaster's own code "
            "crashed. Use fewer workers (n_jobs) or larger cells; with store= the finished blocks are kept, and the "
            "next run goes on."
        ) from error
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

    def tasks(some: list[Block]) -> Iterator[Any]:
        for block in some:
            yield delayed(_numbered)(
                block,
                job.forecasters[block.forecaster],
                job.events[block.kind],
                job.grid,
                job.windows[block.nights],
                job.crimes_of(block.kind, block.nights),
                job.budgets,
                job.curve,
                job.log_score_floor,
            )

    # One block at a time: a batch would be lost as a whole.
    try:
        parallel = Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")
    except ValueError:
        # A backend that cannot hand results over one by one gets the blocks in rounds, so that the store fills.
        size = 4 * count_workers(n_jobs)
        for start in range(0, len(blocks), size):
            yield from Parallel(n_jobs=n_jobs, batch_size=1)(tasks(blocks[start : start + size]))
        return
    yield from parallel(tasks(blocks))


def _numbered(block: Block, *arguments: Any) -> tuple[Block, BlockResult]:
    return block, run_block(*arguments)
