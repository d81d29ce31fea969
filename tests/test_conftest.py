"""The guards of a test run: what skips, what must not, and the counts that CI asserts."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

SAMPLE_TESTS = """
import pytest

def test_passes(): pass
def test_skips(): pytest.skip("for no good reason")
def test_reads_data(shared_data): assert shared_data.is_dir()
@pytest.mark.shared_data
def test_of_data_that_skips(): pytest.skip("quietly")
@pytest.mark.slow
def test_slow(): pass
"""


def run_sample(folder: Path, data: Path, *, ci: bool) -> dict:
    """Run the sample tests under our conftest in two processes, and read the counts."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_sample.py").write_text(SAMPLE_TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  slow\n  shared_data\n  linux_only\n")
    summary = folder / "summary.json"
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env |= {
        "PREDPOL_SHARED_DATA": str(data),
        "PREDPOL_TEST_SUMMARY": str(summary),
        "CI": "true" if ci else "",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "not slow", "-p", "no:benchmark", "."]
    subprocess.run(command, cwd=folder, env=env, check=False, capture_output=True)
    return json.loads(summary.read_text())


def test_in_ci_a_test_of_existing_data_must_not_skip(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    counts = run_sample(tmp_path, data, ci=True)
    assert (counts["collected"], counts["passed"], counts["failed"], counts["skipped"]) == (4, 2, 1, 1)
    assert counts["deselected"] == 1
    assert counts["exit_status"] == 1


def test_without_the_data_their_tests_skip_and_are_told_apart(tmp_path):
    counts = run_sample(tmp_path, tmp_path / "missing", ci=True)
    assert (counts["passed"], counts["failed"], counts["skipped"]) == (1, 0, 3)
    assert counts["skipped_shared_data"] == [
        "test_sample.py::test_of_data_that_skips",
        "test_sample.py::test_reads_data",
    ]


@pytest.fixture
def problems():
    spec = importlib.util.spec_from_file_location("check_counts", ROOT / ".ci" / "check_counts.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.problems


GOOD = {
    "collected": 10,
    "failed": 0,
    "error": 0,
    "exit_status": 0,
    "skipped_tests": ["a"],
    "skipped_shared_data": ["a"],
}
EXPECTED = {"collected_at_least": 10, "skipped_at_most": 0}


def test_counts_as_expected_pass(problems):
    assert problems(GOOD, EXPECTED, data_exist=False) == []


@pytest.mark.parametrize(
    ("change", "data_exist", "message"),
    [
        ({"collected": 9}, False, "collected 9 tests, expected 10 or more"),
        ({"skipped_tests": ["a", "b"]}, False, "1 tests skipped, allowed 0: b"),
        ({}, True, "skipped although the real data are there: a"),
        ({"failed": 1}, False, "1 failed, 0 errors, exit 0"),
        ({"exit_status": 2}, False, "0 failed, 0 errors, exit 2"),
    ],
)
def test_counts_that_differ_are_named(problems, change, data_exist, message):
    assert problems(GOOD | change, EXPECTED, data_exist=data_exist) == [message]
