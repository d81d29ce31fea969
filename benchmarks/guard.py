"""A race that noise alone does not lose: paired, interleaved, and run again before it is lost."""

from __future__ import annotations

import gc
import statistics
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

FLOORS = Path(__file__).with_name("floors.toml")
SLACK = 0.7  # a race is lost below this share of its floor
ATTEMPTS = 4
FEWEST_PAIRS, MOST_PAIRS = 3, 15
AN_ATTEMPT = 0.7  # seconds that an attempt should take
LONG_ENOUGH = 2e-2  # seconds; a quicker call is repeated, and its quickest time taken
MOST_REPEATS = 20
# Time on the processor, so that other programs do not count (nor does a wait, and threads add up: the kernels are
# serial); where its clock is too coarse, time on the wall.
CLOCK = time.process_time if time.get_clock_info("process_time").resolution <= 1e-6 else time.perf_counter


@dataclass(frozen=True)
class Outcome:
    """How a race went: rival's time over ours, the median of the pairs of the best attempt."""

    ratio: float
    floor: float
    kernel_seconds: float
    rival_seconds: float
    attempts: int
    must: float = 0.0

    @property
    def least(self) -> float:
        """The least ratio that is allowed."""
        return max(SLACK * self.floor, self.must)

    @property
    def lost(self) -> bool:
        """Whether the kernel has become slower than is allowed."""
        return self.ratio < self.least


def read_floors(path: Path = FLOORS) -> dict[str, dict[str, float]]:
    """Floors by name of the workload: `value`, `recorded`, the highest it ever was, and `must`, if it has to hold."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def lowered_in_silence(floors: dict[str, dict[str, float]], changelog: str) -> list[str]:
    """Names of the floors below their record that no line "Lowered floor" of the changelog names."""
    said = [line.lstrip("-* ") for line in changelog.splitlines()]
    said = [line for line in said if line.startswith("Lowered floor")]
    return [
        name
        for name, floor in floors.items()
        if floor["value"] < floor["recorded"] and not any(f"`{name}`" in line for line in said)
    ]


def race(
    kernel: Callable[[], object],
    rival: Callable[[], object],
    floor: float,
    *,
    must: float = 0.0,
    clock: Callable[[], float] = CLOCK,
) -> Outcome:
    """Time two callables in turns, the median of the pairs; a lost race is run again, up to `ATTEMPTS` times.

    Both are called once beforehand, so that nothing compiles on the clock. `must` is a ratio to reach without slack.
    What stands in memory then (pytest, and all that other races imported) is nothing that the garbage collector has to
    look through for either of them: in a process of their own there would be little of it.
    """
    kernel()
    rival()
    gc.collect()
    gc.freeze()
    try:
        return _raced(kernel, rival, floor, must, clock)
    finally:
        gc.unfreeze()


def _raced(
    kernel: Callable[[], object],
    rival: Callable[[], object],
    floor: float,
    must: float,
    clock: Callable[[], float],
) -> Outcome:
    ours, theirs = _time(kernel, 1, clock), _time(rival, 1, clock)
    repeats = [max(1, min(MOST_REPEATS, round(LONG_ENOUGH / max(seconds, 1e-9)))) for seconds in (ours, theirs)]
    a_pair = ours * repeats[0] + theirs * repeats[1]
    pairs = max(FEWEST_PAIRS, min(MOST_PAIRS, round(AN_ATTEMPT / max(a_pair, 1e-9))))
    outcomes: list[Outcome] = []
    while not outcomes or (len(outcomes) < ATTEMPTS and outcomes[-1].lost):
        # In turns, so that a slow spell of the machine falls on both.
        times = [(_time(kernel, repeats[0], clock), _time(rival, repeats[1], clock)) for _ in range(pairs)]
        ratio = statistics.median(theirs / ours for ours, theirs in times)
        ours, theirs = (statistics.median(column) for column in zip(*times, strict=True))
        outcomes.append(Outcome(ratio, floor, ours, theirs, len(outcomes) + 1, must))
    best = max(outcomes, key=lambda outcome: outcome.ratio)
    return replace(best, attempts=len(outcomes))


def _time(call: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    """The quickest of several calls: what else runs on the machine only ever adds time."""
    quickest = float("inf")
    for _ in range(repeats):
        start = clock()
        call()
        quickest = min(quickest, clock() - start)
    return quickest
