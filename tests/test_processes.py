"""One thread or none, forked and spawned children, and no more threads than cores: the same numbers everywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
POOLS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")

# A forecast, a tally and a small backtest, as a list of numbers.
RESULTS = """
import json, multiprocessing, sys
import numpy as np
import pandas as pd
import predpol_eval as ppe

def results(n_jobs=1):
    rng = np.random.default_rng(7)
    hours = pd.to_timedelta(rng.uniform(0, 60 * 24, 300), "h")
    frame = pd.DataFrame(
        {"x": rng.uniform(0, 2000, 300), "y": rng.uniform(0, 2000, 300), "t": pd.Timestamp("2024-01-01") + hours}
    )
    events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="UTC", observed=[("2024-01-01", "2024-03-01")])
    grid = ppe.Grid.from_bounds(0, 0, 2000, 2000, cell=250, crs="EPSG:27700")
    nights = ppe.Schedule(start="2024-02-20", end="2024-02-24", step="1D", horizon="1D", tz="UTC")
    risk = ppe.forecast(ppe.KDE(bandwidth=400), events, grid, nights)
    caught = ppe.tally(risk, events, ppe.TopCells(5), grid)
    forecasters = {"kde": ppe.KDE(bandwidth=400), "recent": ppe.ProspectiveHotspot(), "map": ppe.CountMap()}
    tested = ppe.backtest(forecasters, events, grid, nights, budgets=ppe.TopCells(5), n_jobs=n_jobs, progress=False)
    numbers = [risk.to_numpy(), caught.hits.to_numpy(), tested.hits.to_numpy()]
    return [number.hex() for number in np.concatenate([part.ravel() for part in numbers]).tolist()]
"""
ALONE = f"{RESULTS}\nif __name__ == '__main__':\n    print(json.dumps(results()))\n"


def run(tmp_path: Path, code: str, *, timeout: float = 240.0, **variables: str) -> list[str]:
    """What a script prints last, as JSON; a deadlock fails by its timeout, children and all."""
    path = tmp_path / "script.py"
    path.write_text(code)
    surroundings = {name: value for name, value in os.environ.items() if name not in POOLS}
    surroundings |= {"PYTHONPATH": str(ROOT)} | variables
    with subprocess.Popen(
        [sys.executable, str(path)],
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            if process.poll() is None and hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> list[str]:
    """The numbers of one process, with all the threads it likes."""
    found = run(tmp_path_factory.mktemp("alone"), ALONE)
    assert len(found) > 250
    return found


def test_on_one_thread_and_without_a_threading_layer_the_numbers_are_the_same(expected, tmp_path):
    """The layer is one that is not installed: only parallel kernels would ask for it."""
    assert run(tmp_path, ALONE, NUMBA_THREADING_LAYER="tbb", **dict.fromkeys(POOLS, "1")) == expected


def test_where_no_thread_can_be_started_the_numbers_are_the_same(expected, tmp_path):
    """As under a limit on processes, which does not bind root: every attempt to start a thread fails."""
    code = f"""
import threading, _thread
def refuse(*_, **__):
    raise RuntimeError("can't start new thread")
threading.Thread.start = _thread.start_new_thread = threading._start_new_thread = refuse
{ALONE}"""
    assert run(tmp_path, code) == expected


# On macOS the system's own libraries do not survive a fork.
@pytest.mark.parametrize("method", ["spawn", *(["fork"] if sys.platform.startswith("linux") else [])])
def test_children_after_kernels_ran_give_the_same_numbers(expected, tmp_path, method):
    """Kernels run in the parent, then in two children at once, then in the parent again."""
    code = f"""{RESULTS}
if __name__ == "__main__":
    before = results()
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        children = pool.map(results, [1, 1], chunksize=1)
    print(json.dumps([before, *children, results()]))
"""
    assert run(tmp_path, code) == [expected] * 4


def test_worker_processes_share_the_cores_and_do_not_multiply_the_threads(expected, tmp_path):
    """Two workers of a backtest: each gives its linear algebra, and numba, at most its share of the cores."""
    code = f"""{RESULTS}
import os
from dataclasses import dataclass

@dataclass(frozen=True)
class Asks:
    folder: str
    def fit(self, events, grid, *, until):
        from threadpoolctl import threadpool_info
        import numba, scipy.linalg
        np.ones((64, 64)) @ np.ones((64, 64))
        threads = [pool["num_threads"] for pool in threadpool_info()] + [numba.config.NUMBA_NUM_THREADS]
        with open(os.path.join(self.folder, f"{{os.getpid()}}.json"), "w") as file:
            json.dump(threads, file)
        return ppe.Uniform().fit(events, grid, until=until)

if __name__ == "__main__":
    def threads(n_jobs, nights):
        import glob, tempfile
        events = ppe.Events.from_frame(
            pd.DataFrame({{"x": [10.0, 20.0], "y": [10.0, 20.0], "t": pd.to_datetime(["2024-01-05", "2024-02-20"])}}),
            crs="EPSG:27700", tz="UTC", observed=[("2024-01-01", "2024-03-01")],
        )
        grid = ppe.Grid.from_bounds(0, 0, 500, 500, cell=250, crs="EPSG:27700")
        nights = ppe.Schedule(start="2024-02-01", end="2024-02-25", step="1D", horizon="1D", tz="UTC")
        with tempfile.TemporaryDirectory() as folder:
            ppe.backtest({{"asks": Asks(folder)}}, events, grid, nights, budgets=ppe.TopCells(1), n_jobs=n_jobs,
                         progress=False)
            return {{name: json.load(open(name)) for name in glob.glob(folder + "/*.json")}}
    print(json.dumps({{
        "results": results(2),
        "cores": __import__("joblib").cpu_count(),
        "alone": [max(found) for found in threads(1, 10).values()],
        "workers": [max(found) for found in threads(2, 10).values()],
    }}))
"""
    found = run(tmp_path, code)
    assert found["results"] == expected
    # One process may use all; otherwise the test would see no difference.
    assert min(found["alone"]) >= found["cores"]
    assert found["workers"]
    assert max(found["workers"]) <= max(1, found["cores"] // 2)
