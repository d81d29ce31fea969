"""Show that the short benchmarks trip on a slowdown and not on noise: `python -m benchmarks.prove_guard`.

Ten clean runs of the short form must lose no race. Then every kernel is made to take 1.8 times as long: against the
ratio it has today, each race has to be lost. (The committed floors lie lower, at four fifths of the lowest ratio of
several runs, so that slower machines pass.)
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import guard
from benchmarks.twin import Workload
from benchmarks.twins import workloads

ROOT = Path(__file__).resolve().parents[1]
SLOWER = 1.8


def short_run(only: str) -> tuple[int, str]:
    """Exit status and last words of one run of the short form, in a process of its own."""
    command = [sys.executable, "-m", "pytest", "benchmarks", "--benchmark-only", "--short", "-q", "-k", only]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = run.stdout.strip().splitlines()
    return run.returncode, "; ".join([line.split()[0] for line in lines if line.endswith("LOST")] + lines[-1:])


def slowed(call: Callable[[], object]) -> Callable[[], object]:
    """The same work, and then some that leads nowhere, until it took 1.8 times as long."""

    def slow() -> object:
        start = guard.CLOCK()
        result = call()
        end = guard.CLOCK() + (SLOWER - 1) * (guard.CLOCK() - start)
        while guard.CLOCK() < end:
            pass
        return result

    return slow


def slowed_race(workload: Workload) -> tuple[float, bool]:
    """The ratio of a slowed kernel over that of the kernel as it is, and whether the guard trips."""
    arguments = workload.twin.make(*workload.size)

    def kernel() -> object:
        return workload.twin.kernel(*arguments)

    def rival() -> object:
        return workload.rival.run(*arguments)

    # No ratio reaches this floor, so that it too is the best of all attempts.
    today = guard.race(kernel, rival, float("inf")).ratio
    outcome = guard.race(slowed(kernel), rival, today)
    return outcome.ratio / today, outcome.lost


def main() -> int:
    """Run both proofs; 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="number of clean runs")
    parser.add_argument("--only", default="", help="races whose name holds this word")
    options = parser.parse_args()
    tripped = 0
    for number in range(options.runs):
        start = time.perf_counter()
        status, words = short_run(options.only)
        tripped += status != 0
        print(
            f"clean run {number + 1}: {'TRIPPED' if status else 'held'}, {time.perf_counter() - start:.0f} s: {words}"
        )
    short = [
        workload
        for workload in workloads("")
        if workload.short and options.only in str(workload) and workload.twin.clock is None
    ]
    held = []
    for workload in short:
        share, lost = slowed_race(workload)
        if not lost:
            held.append(str(workload))
        print(f"slowed {workload}: {share:.2f} of the ratio, {'tripped' if lost else 'HELD'}", flush=True)
    print(f"{tripped} of {options.runs} clean runs tripped; {len(short) - len(held)} of {len(short)} slowed races did")
    return 1 if tripped or held else 0


if __name__ == "__main__":
    sys.exit(main())
