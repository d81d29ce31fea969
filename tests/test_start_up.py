"""What a user waits for before anything appears: the import, and a first result from the cache."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks import guard, start_up_twins

HEAVY = (
    "matplotlib",
    "geopandas",
    "joblib",
    "sklearn",
    "scipy.stats",
    "scipy.optimize",
    "pyogrio",
    "h5py",
    "typer",
)
# What a busy machine may add here; the benchmarks hold the promise itself.
NOISE = 1.15


@pytest.mark.parametrize("twin", start_up_twins.TWINS, ids=lambda twin: twin.name)
def test_it_costs_little_more_than_the_libraries_beneath(twin):
    (rival,) = twin.rivals
    least = 1 / (NOISE * start_up_twins.LIMITS[twin.name])
    outcome = guard.race(twin.kernel, rival.run, 0.0, must=least, clock=start_up_twins.children_clock)
    assert not outcome.lost, (
        f"{twin.name} costs {1 / outcome.ratio:.2f} times {rival.name}, at most {start_up_twins.LIMITS[twin.name]} is "
        "promised: look for new imports with `python -X importtime`, and for kernels that are compiled again."
    )


def test_a_first_result_imports_nothing_that_it_does_not_need():
    code = f"{start_up_twins.FIRST_RESULT}\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "[]", run.stderr


def test_a_second_process_compiles_nothing():
    code = f"""{start_up_twins.FIRST_RESULT}
from numba.core.dispatcher import Dispatcher
loops = {{id(loop): loop for name, module in list(sys.modules.items()) if name.startswith("predpol_eval.kernels")
          for loop in vars(module).values() if isinstance(loop, Dispatcher)}}
stats = [loop.stats for loop in loops.values()]
missed = [loop.__name__ for loop in loops.values() if loop.stats.cache_misses]
print(sum(len(stat.cache_hits) for stat in stats), missed, max(len(loop.signatures) for loop in loops.values()))
"""
    for _ in range(2):
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    hits, rest = run.stdout.strip().split(maxsplit=1)
    assert int(hits) >= 5, run.stderr
    assert rest == "[] 1"  # nothing missed, and one signature for each loop


def test_the_rivals_find_no_dask_for_the_library_does_not_ask_for_it():
    for code in (start_up_twins.FIRST_RESULT, start_up_twins.TRIVIAL_LOOP):
        code = f"{code}\nprint('dask' in sys.modules)"
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=start_up_twins.ROOT, capture_output=True, text=True, check=False
        )
        assert run.stdout.strip() == "False", run.stderr
