"""What the run with NUMBA_BOUNDSCHECK=1 is worth: it sees an overrun, but only in a cache of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# One number too many; the array is a part of a longer one, so that even unchecked it reads what is there.
OVERRUN = """
import numpy as np
from predpol_eval.kernels.compiling import njit

@njit(cache=True)
def total(numbers):
    found = 0.0
    for i in range(numbers.size + 1):
        found += numbers[i]
    return found

try:
    print(total(np.ones(4)[:3]), "cached" if total.stats.cache_hits else "compiled")
except IndexError as error:
    print("IndexError")
"""

# The loop that the run tries first, on sound numbers.
MERGE = """
import numpy as np
from predpol_eval.kernels.points import _merge, floats

column = floats(np.arange(3.0))
print(len(_merge(column, column, column)[0]))
"""


def run(path: Path, cache: Path, *, checked: bool) -> str:
    """What a fresh process prints that runs a file, with bounds checked or not."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    surroundings |= {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    if checked:
        surroundings["NUMBA_BOUNDSCHECK"] = "1"
    done = subprocess.run(
        [sys.executable, str(path)], env=surroundings, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def overrun(tmp_path):
    """A loop that reads past the end."""
    path = tmp_path / "overrun.py"
    path.write_text(OVERRUN)
    return path


def test_a_planted_overrun_is_seen_but_not_with_an_old_cache(overrun, tmp_path):
    assert run(overrun, tmp_path / "old", checked=False) == "4.0 compiled"
    assert run(overrun, tmp_path / "own", checked=True) == "IndexError"
    assert run(overrun, tmp_path / "old", checked=True) == "4.0 cached"


def kernel_tests(cache: Path) -> subprocess.CompletedProcess[str]:
    """Start the kernels' tests, with bounds checked, on a cache; to collect them is enough."""
    surroundings = {
        name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "PYTEST_", "PREDPOL_TEST"))
    }
    surroundings |= {"NUMBA_CACHE_DIR": str(cache), "NUMBA_BOUNDSCHECK": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--collect-only",
        "tests/kernels/test_points.py",
    ]
    return subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False, timeout=300)


def test_the_run_refuses_a_cache_of_kernels_compiled_without(tmp_path):
    merge = tmp_path / "merge.py"
    merge.write_text(MERGE)
    assert run(merge, tmp_path / "old", checked=False) == "3"
    refused = kernel_tests(tmp_path / "old")
    assert refused.returncode == 1
    assert "compiled without" in refused.stdout + refused.stderr
    assert kernel_tests(tmp_path / "own").returncode == 0
