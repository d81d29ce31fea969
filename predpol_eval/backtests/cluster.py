"""Runs of blocks to a dask cluster: the data sent once, the work of a lost worker done again.

`joblib.parallel_config(backend="dask")` says which cluster. joblib's own way through it is not used: it scatters what
is large, so that data are lost for good with the worker that holds them, takes a task that was lost for one that is
done, and hands results over only in rounds.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from predpol_eval.backtests.counting import BlockResult
from predpol_eval.backtests.job import Block, Job, Run, versions
from predpol_eval.errors import InputError, PredPolError

if TYPE_CHECKING:
    from distributed import Client, Future

Done = list[tuple[Block, BlockResult]]
DIED = (
    "A worker process died: most often the system ended it for lack of memory, or a forecaster's own code crashed. Use "
    "fewer workers (n_jobs) or larger cells; with store= the finished blocks are kept, and the next run goes on."
)
KEPT = "With store= the finished blocks are kept, and the next run goes on."
# How often to ask whether there still is a cluster, while nothing is heard from it.
SECONDS = 1.0


class Work(Protocol):
    """Does one run of a job."""

    def __call__(self, job: Job, run: Run) -> Done:
        """Give the blocks of the run with their results."""


class Sent(NamedTuple):
    """What every worker needs, and the versions it was made with."""

    job: Job
    made_with: dict[str, str]


class _Parcel:
    """Gives what was packed: a task that can be run again where its result was lost, unlike data that were scattered.

    Packed here and not by dask, since a worker that cannot unpack what it receives hangs up, for good.
    """

    def __init__(self, content: Sent) -> None:
        from distributed.protocol.pickle import dumps

        self.packed: bytes = dumps(content)

    def __call__(self) -> Sent:
        from distributed.protocol.pickle import loads

        content: Sent = loads(self.packed)
        return content


def dask_backend() -> Any | None:
    """Give joblib's dask backend if `joblib.parallel_config` has put it in force."""
    from joblib.parallel import get_active_backend

    backend = get_active_backend()[0]
    return backend if type(backend).__name__ == "DaskDistributedBackend" else None


def threads_here(backend: Any) -> int:
    """Number of the cluster's worker threads that run on this machine, and so share its memory."""
    from distributed.utils import get_ip

    own = {"127.0.0.1", "localhost", "::1", get_ip()}
    return sum(n for address, n in backend.client.ncores().items() if urlsplit(address).hostname in own)


def on_cluster(backend: Any, job: Job, runs: Sequence[Run], work: Work) -> Iterator[tuple[Block, BlockResult]]:
    """Compute runs of blocks on a cluster, and give the blocks as workers finish their runs.

    Parameters
    ----------
    backend : joblib's dask backend
    job : Job
    runs : sequence of Run
    work : callable
        Does one run; it is called on the workers.

    Raises
    ------
    InputError
        If workers keep dying, all of them are gone, or they have other versions of the libraries.
    """
    import dask

    client, heard = backend.client, queue.SimpleQueue()  # type: ignore[var-annotated]
    waiting: dict[str, Future] = {}
    name = f"backtest-{uuid4().hex}"
    with contextlib.ExitStack() as stack:
        # In a task of the cluster itself, the place of this one is free for others while it waits for them.
        stack.enter_context(backend.retrieval_context())
        stack.callback(_cancel, client, waiting)
        # All data travel once, in one task; that it is large is no mistake.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            sent = client.submit(
                _Parcel(Sent(job, versions())), key=f"{name}-data", pure=False, **backend.submit_kwargs
            )
            for number, run in enumerate(runs):
                # In their order, so that an interrupted run has finished the first ones.
                given = {"priority": -number, **backend.submit_kwargs}
                future = client.submit(_run, work, sent, run, key=f"{name}-{number}", pure=False, **given)
                waiting[future.key] = future
                future.add_done_callback(heard.put)
        while waiting:
            future = _next(heard, client, backend.wait_for_workers_timeout)
            done = _result(future, heard)
            if done is not None:
                del waiting[future.key]
                yield from done


def _run(work: Work, sent: Sent, run: Run) -> Done:
    """Do one run, on a worker."""
    here = versions()
    other = [
        f"{name} {here.get(name)} instead of {said}" for name, said in sent.made_with.items() if here.get(name) != said
    ]
    if other:
        raise InputError(
            f"A worker of the cluster has other versions than this process ({'; '.join(other)}), so its numbers might "
            "differ; install the same everywhere."
        )
    return work(sent.job, run)


def _next(heard: queue.SimpleQueue[Future], client: Client, grace: float) -> Future:
    """Give the next run that is done or failed; while nothing comes, see whether anybody works on them."""
    alone_since: float | None = None
    while True:
        with contextlib.suppress(queue.Empty):
            return heard.get(timeout=SECONDS)
        try:
            workers = client.ncores()
        except Exception as error:
            raise InputError(f"The dask cluster does not answer any more ({error}). {KEPT}") from error
        now = time.monotonic()
        alone_since = None if workers else alone_since or now
        if alone_since is not None and now - alone_since >= grace:
            raise InputError(
                f"All workers of the dask cluster are gone, and none has come for {grace:g} seconds: most often the "
                f"system ended them for lack of memory. Start workers that are begun again when they die (a nanny, as "
                f"LocalCluster has), with more memory or fewer threads each. {KEPT}"
            )


def _result(future: Future, heard: queue.SimpleQueue[Future]) -> Done | None:
    """Give the blocks of a run that is done; None if its result was lost on the way and is being made again."""
    if future.status == "finished":
        try:
            done: Done = future.result(timeout=SECONDS)
        except TimeoutError:
            future.add_done_callback(heard.put)
            return None
        return done
    if future.status in ("lost", "pending"):
        # Its worker died after it was done and before it was asked for: it is made again, or fails then.
        future.add_done_callback(heard.put)
        return None
    if future.status != "error":
        raise InputError(f"The dask cluster was closed or has dropped the work. {KEPT}")
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        raise InputError(DIED) from error
    if isinstance(error, PredPolError) or not isinstance(error, ImportError | AttributeError):
        raise error
    raise InputError(
        f"A worker of the cluster could not rebuild what it was sent ({error}): it needs predpol_eval and the modules "
        "of your own forecasters; install them there, or send them with client.upload_file(path)."
    ) from error


def _cancel(client: Client, waiting: dict[str, Future]) -> None:
    """Call off what nobody waits for any more."""
    if waiting:
        # The cluster may be gone.
        with contextlib.suppress(Exception):
            client.cancel(list(waiting.values()))
