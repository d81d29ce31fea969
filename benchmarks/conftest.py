"""Run the races of the table of twins, guard their floors, and print the ratios at the end."""

from __future__ import annotations

import os

# One thread for the linear algebra of rivals: a pool that spins while it waits is counted as work of whoever runs next.
# Before numpy is imported, since it asks only once.
for _pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_pool] = "1"

from collections.abc import Callable

import pytest

from benchmarks import guard
from benchmarks.twin import Workload

outcomes = pytest.StashKey[dict[str, guard.Outcome]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--short", action="store_true", help="benchmarks: only the smaller size of every race")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[outcomes] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--short"):
        return
    long = [item for item in items if not _is_short(item)]
    items[:] = [item for item in items if _is_short(item)]
    config.hook.pytest_deselected(items=long)


def _is_short(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    workload = callspec.params.get("workload") if callspec else None
    return workload is None or workload.short


@pytest.fixture
def race(benchmark, pytestconfig: pytest.Config) -> Callable[[Workload], None]:
    """Race a kernel against a rival, keep the ratio with the timings, and fail below the floor."""
    floors = guard.read_floors()
    whole = not pytestconfig.getoption("--short")

    def run(workload: Workload) -> None:
        arguments = workload.twin.make(*workload.size)
        outcome = guard.race(
            lambda: workload.twin.kernel(*arguments),
            lambda: workload.rival.run(*arguments),
            floors[str(workload)]["value"],
            must=floors[str(workload)].get("must", 0.0) if whole else 0.0,
            clock=workload.twin.clock or guard.CLOCK,
        )
        pytestconfig.stash[outcomes][str(workload)] = outcome
        benchmark.extra_info.update(
            ratio=outcome.ratio,
            floor=outcome.floor,
            rival=workload.rival.name,
            rival_seconds=outcome.rival_seconds,
            attempts=outcome.attempts,
        )
        benchmark.pedantic(workload.twin.kernel, args=arguments, rounds=5, warmup_rounds=1)
        assert not outcome.lost, (
            f"{workload} is {outcome.ratio:.3g} times as fast as its rival in the best of {outcome.attempts} attempts; "
            f"its floor is {outcome.floor:g}, and {outcome.least:.3g} is the least allowed. Find what slowed the "
            f"kernel down, or lower the floor in {guard.FLOORS.name} with a line in CHANGELOG.md."
        )

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash[outcomes]
    if not found:
        return
    width = max(len(name) for name in found)
    terminalreporter.section("ratios: time of the rival / time of the kernel")
    titles = f"{'kernel ms':>10}  {'rival ms':>10}  {'ratio':>8}  {'floor':>8}"
    terminalreporter.write_line(f"{'kernel/rival/size':<{width}}  {titles}")
    for name, outcome in found.items():
        mark = "  LOST" if outcome.lost else ""
        terminalreporter.write_line(
            f"{name:<{width}}  {1e3 * outcome.kernel_seconds:>10.3f}  {1e3 * outcome.rival_seconds:>10.2f}  "
            f"{outcome.ratio:>8.3g}  {outcome.floor:>8.3g}{mark}"
        )
