"""The same tally on a cluster of worker processes, also when they die on the way."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import dask
import joblib
import pytest
from distributed import Client, LocalCluster

import predpol_eval as ppe
from predpol_eval.backtests import cluster as clusters
from predpol_eval.backtests import workers
from predpol_eval.surface_stores import forecast_to_zarr
from tests.backtests import cities
from tests.backtests.dying import Kills, Travels
from tests.backtests.misbehaving import FailsOn, HoldsALock, Warns
from tests.backtests.same import assert_same_bits

ROOT = Path(__file__).resolve().parents[2]
CITY = cities.city(cities.raw(11, crimes=200), start="2018-02-24", end="2018-03-16")
GIVEN = (CITY.events, CITY.grid, CITY.schedule)
UNTIL = [str(moment) for moment in CITY.schedule.windows.until]
FORECASTERS = {
    "map": ppe.CountMap(half_life="14D"),
    "near": ppe.NearRepeat(),
    "fails": FailsOn(nights=(UNTIL[0], UNTIL[9])),
    "warns": Warns(nights=tuple(UNTIL[3:5])),
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two worker processes, begun again when they die."""
    folder = str(tmp_path_factory.mktemp("dask"))
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ.PYTHONWARNINGS": "ignore"}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", local_directory=folder
        ) as started,
    ):
        yield started
        pids = [nanny.pid for nanny in started.workers.values()]
    assert [pid for pid in pids if pid is not None and _runs(pid)] == []


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def client(cluster):
    """A client of it, with both workers there."""
    with Client(cluster) as connected:
        connected.wait_for_workers(2, timeout=60)
        yield connected


def tally(forecasters=FORECASTERS, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ppe.PredPolWarning)
        return ppe.backtest(forecasters, *GIVEN, budgets=cities.BUDGETS, progress=False, **options)


def on_dask(forecasters=FORECASTERS, *, wait=10, **options):
    with joblib.parallel_config("dask", wait_for_workers_timeout=wait):
        return tally(forecasters, **options)


@pytest.fixture(scope="module")
def alone():
    """The tally of one process."""
    return tally(kinds=["theft", "robbery"], curve=[0.1, 1.0], n_jobs=1)


def wait_until(condition, seconds=90.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def nothing_left(cluster) -> bool:
    """Whether the scheduler has forgotten all work."""
    return not [key for key in cluster.scheduler.tasks if str(key).startswith("backtest")]


def test_a_cluster_gives_the_same_bits(cluster, client, alone):
    assert_same_bits(on_dask(kinds=["theft", "robbery"], curve=[0.1, 1.0]), alone)
    wait_until(lambda: nothing_left(cluster))


def test_the_work_is_done_by_the_workers(cluster, client, tmp_path):
    fits = {"spy": SpyOnProcess(folder=str(tmp_path))}
    on_dask(fits)
    found = {path.name for path in tmp_path.iterdir()}
    assert found
    assert found <= {str(nanny.pid) for nanny in cluster.workers.values()}


class SpyOnProcess:
    """Tells in which process it is fitted."""

    def __init__(self, folder):
        self.folder = folder

    def fit(self, events, grid, *, until):
        Path(self.folder, str(os.getpid())).touch()
        time.sleep(0.01)
        return ppe.CountMap().fit(events, grid, until=until)


def test_a_store_fills_and_is_used_by_others(client, alone, tmp_path):
    asked = {"kinds": ["theft", "robbery"], "curve": [0.1, 1.0], "store": tmp_path}
    # The cluster says how many workers there are, and not `n_jobs`.
    assert_same_bits(on_dask(n_jobs=1, **asked), alone)
    blocks = sorted((tmp_path / "blocks").iterdir())
    assert len(blocks) == len(FORECASTERS) * 2 * 3
    for block in blocks[::2]:
        block.unlink()
    assert_same_bits(tally(n_jobs=1, **asked), alone)
    for block in blocks[1::2]:
        block.unlink()
    assert_same_bits(on_dask(**asked), alone)


def test_data_are_sent_once_however_many_runs_there_are(client, tmp_path):
    on_dask({"travels": Travels(folder=str(tmp_path)), "map": ppe.CountMap()}, kinds=["theft", "robbery"])
    packed = [int(line) for line in (tmp_path / "packed").read_text().split()]
    assert packed.count(os.getpid()) == 1
    # Else only from the worker that has them to the other, and not with each of the twelve blocks.
    assert len(packed) <= 4


@pytest.mark.linux_only
def test_a_worker_killed_in_mid_run_loses_nothing(cluster, client, tmp_path):
    before = {nanny.pid for nanny in cluster.workers.values()}
    (tmp_path / "killed").mkdir()
    kills = Kills(nights=(UNTIL[2],), folder=str(tmp_path / "killed"))
    found = on_dask({"map": ppe.CountMap(), "kills": kills}, store=tmp_path / "store")
    assert len(list((tmp_path / "killed").iterdir())) == 1
    assert {nanny.pid for nanny in cluster.workers.values()} != before
    assert_same_bits(found, tally({"map": ppe.CountMap(), "kills": kills}, n_jobs=1))
    assert (found.status == "ok").all()
    assert len(list((tmp_path / "store" / "blocks").iterdir())) == 6


@pytest.mark.linux_only
def test_all_workers_killed_at_once_lose_nothing(client, tmp_path):
    # With them die the data and every result that was not yet fetched.
    pids = tuple(client.run(os.getpid).values())
    kills = Kills(nights=(UNTIL[12],), folder=str(tmp_path), others=pids)
    found = on_dask({"map": ppe.CountMap(), "kills": kills})
    assert_same_bits(found, tally({"map": ppe.CountMap(), "kills": kills}, n_jobs=1))
    assert set(client.run(os.getpid).values()).isdisjoint(pids)


@pytest.mark.linux_only
def test_what_kills_every_worker_is_told_and_the_finished_blocks_are_kept(cluster, client, tmp_path):
    allowed, cluster.scheduler.allowed_failures = cluster.scheduler.allowed_failures, 0
    try:
        with pytest.raises(ppe.InputError, match=r"A worker process died.*memory.*store="):
            on_dask({"map": ppe.CountMap(), "kills": Kills(nights=(UNTIL[19],))}, store=tmp_path)
    finally:
        cluster.scheduler.allowed_failures = allowed
    wait_until(lambda: nothing_left(cluster))
    kept = {path.name for path in (tmp_path / "blocks").iterdir()}
    assert "f001-k000-b00002.npz" not in kept
    assert list(tmp_path.rglob("*.partial")) == []
    # The next backtest gets new workers, and the store goes on.
    on_dask({"map": ppe.CountMap(), "kills": Kills(nights=())}, store=tmp_path)


@pytest.mark.linux_only
def test_workers_that_are_not_begun_again_are_missed(tmp_path):
    folder = str(tmp_path / "dask")
    with LocalCluster(n_workers=0, dashboard_address=":0", local_directory=folder) as alone, Client(alone) as connected:
        command = [
            sys.executable, "-m", "distributed.cli.dask_worker", alone.scheduler_address, "--no-nanny", "--nthreads",
            "1", "--no-dashboard", "--local-directory", folder,
        ]  # fmt: skip
        quiet = {"cwd": ROOT, "env": {**os.environ, "PYTHONPATH": str(ROOT)}, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, **quiet) as worker:
            connected.wait_for_workers(1, timeout=60)
            second = tmp_path / "store" / "blocks" / "f000-k000-b00001.npz"
            kills = Kills(nights=(UNTIL[19],), folder=str(tmp_path), waits_for=str(second))
            with pytest.raises(ppe.InputError, match=r"All workers .* gone, and none has come for 1 seconds.*store="):
                on_dask({"kills": kills}, store=tmp_path / "store", wait=1)
            assert worker.wait(timeout=30) != 0
    kept = {path.name for path in (tmp_path / "store" / "blocks").iterdir()}
    assert kept == {"f000-k000-b00000.npz", "f000-k000-b00001.npz"}
    found = tally({"kills": kills}, store=tmp_path / "store", n_jobs=1)
    assert_same_bits(found, tally({"kills": kills}, n_jobs=1))


def test_a_cluster_without_workers_is_told():
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as alone,
        Client(alone),
        pytest.raises(ppe.InputError, match=r"The dask cluster has no worker|All workers of the dask cluster are gone"),
    ):
        on_dask(wait=0.2)


def test_a_cluster_that_is_closed_is_told(tmp_path):
    with LocalCluster(n_workers=0, dashboard_address=":0") as alone, Client(alone) as connected:
        backend = SimpleNamespace(client=connected)
        assert clusters.threads_here(backend) == 0
        connected.submit(int)
    from queue import SimpleQueue

    with pytest.raises(ppe.InputError, match="does not answer any more"):
        clusters._next(SimpleQueue(), connected, 10)


def test_other_versions_on_the_workers_are_refused(client, monkeypatch):
    real = clusters.versions()
    monkeypatch.setattr(clusters, "versions", lambda: real | {"numpy": "1.0"})
    with pytest.raises(
        ppe.InputError, match=rf"other versions than this process \(numpy {real['numpy']} instead of 1\.0"
    ):
        on_dask()


def test_what_cannot_be_sent_is_named(client):
    with pytest.raises(ppe.InputError, match=r"'mine' cannot be sent to a worker process"):
        on_dask({"map": ppe.CountMap(), "mine": HoldsALock()})


def test_what_cannot_be_rebuilt_is_said_so(client, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("class Mine:\n    def fit(self, events, grid, *, until): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("only_here").Mine()
    with pytest.raises(ppe.InputError, match=r"could not rebuild .*only_here.*client\.upload_file"):
        on_dask({"mine": mine})


def test_a_backtest_may_be_a_task_of_the_cluster_itself(client):
    # Both threads wait for runs that need a thread.
    some = {"near": ppe.NearRepeat()}
    both = [client.submit(on_dask, some, pure=False) for _ in range(2)]
    expected = tally(some, n_jobs=1)
    for future in both:
        assert_same_bits(future.result(timeout=60), expected)


def test_workers_elsewhere_need_no_memory_here(client):
    with joblib.parallel_config("dask"):
        assert (workers.count_workers(None), workers.count_workers_here(None)) == (2, 2)
    elsewhere = SimpleNamespace(client=SimpleNamespace(ncores=lambda: {"tcp://10.9.8.7:40001": 64}))
    assert clusters.threads_here(elsewhere) == 0
    assert workers.count_workers_here(3) == 3


def test_surfaces_in_a_store_are_read_by_the_workers(client, tmp_path):
    given = CITY.events, CITY.grid, CITY.schedule.windows[:3]
    risk = forecast_to_zarr(ppe.CountMap(), *given, tmp_path)
    expected = ppe.tally(ppe.forecast(ppe.CountMap(), *given), CITY.events, cities.BUDGETS, CITY.grid)
    assert_same_bits(ppe.tally(risk, CITY.events, cities.BUDGETS, CITY.grid), expected)
