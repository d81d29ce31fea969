"""What all tests share: the real data, the markers, the Hypothesis profiles and the summary of a run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Figures are drawn to files only; set before anything imports matplotlib.
os.environ.setdefault("MPLBACKEND", "Agg")

SHARED_DATA = Path(
    os.environ.get("PREDPOL_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
).resolve()
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# derandomize: the same examples in every run, so that a red test is red for everybody.
# No deadline: a first call may compile a kernel.
settings.register_profile("default", derandomize=True, deadline=None, max_examples=25, print_blob=False)
settings.register_profile("full", settings.get_profile("default"), max_examples=1000)
# Where kernels are interpreted, or checked on every index, there is no time for more.
settings.register_profile("few", settings.get_profile("default"), max_examples=8)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real crime files, beside the checkout or where PREDPOL_SHARED_DATA points."""
    _skip_without_shared_data()
    return SHARED_DATA


@pytest.fixture(scope="session")
def full_run() -> bool:
    """Whether this is `make test-full`: tests may then take more seeds and larger sizes."""
    return os.environ.get("PREDPOL_TEST_FULL", "") == "1"


def _skip_without_shared_data() -> None:
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real crime files in {SHARED_DATA} (set PREDPOL_SHARED_DATA)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for the real data, however it asks; first, so that `-m` sees the mark."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared_data")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, with a visible reason, what this machine cannot run."""
    if item.get_closest_marker("linux_only") and not sys.platform.startswith("linux"):
        pytest.skip(f"linux_only: this is {sys.platform}")
    if item.get_closest_marker("shared_data"):
        _skip_without_shared_data()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """In CI, where the real data stand beside the checkout, a test of them must not skip."""
    report = yield
    skipped = report.outcome == "skipped" and not hasattr(report, "wasxfail")
    if skipped and IN_CI and SHARED_DATA.is_dir() and item.get_closest_marker("shared_data"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped although {SHARED_DATA} exists: {report.longrepr}"
    return report


# The summary of a run -------------------------------------------------------------------------------------
# `.ci/run` reads it to assert how many tests ran. Deselected tests are counted too, so that nothing leaves
# the run unseen; under pytest-xdist each worker collects all tests and tells the controller its number.

_deselected: dict[str, int] = {}


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count what `-m` and `-k` leave out."""
    _deselected["here"] = _deselected.get("here", 0) + len(items)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a worker tell the controller how many tests it deselected."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["deselected"] = _deselected.get("here", 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Read what a worker told."""
    told = getattr(node, "workeroutput", {}).get("deselected", 0)
    _deselected["workers"] = max(_deselected.get("workers", 0), told)


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int) -> None:
    """Write the counts of the run to the file that PREDPOL_TEST_SUMMARY names."""
    path = os.environ.get("PREDPOL_TEST_SUMMARY")
    if not path:
        return
    stats = terminalreporter.stats
    tests = {
        outcome: sorted({report.nodeid for report in stats.get(outcome, [])})
        for outcome in ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
    }
    of_shared_data = sorted(r.nodeid for r in stats.get("skipped", []) if "shared_data" in r.keywords)
    summary = {
        "collected": len({nodeid for names in tests.values() for nodeid in names}),
        "deselected": max(_deselected.values(), default=0),
        **{outcome: len(names) for outcome, names in tests.items()},
        "skipped_tests": tests["skipped"],
        "skipped_shared_data": of_shared_data,
        "exit_status": int(exitstatus),
    }
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
