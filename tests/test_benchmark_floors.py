"""The guard of the benchmarks: it trips on a slowdown and not on noise, and no floor sinks in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import guard
from benchmarks.twins import workloads

ROOT = Path(__file__).resolve().parents[1]


class Machine:
    """A clock, and callables that take their time on it: the given seconds in turn, the last for ever."""

    def __init__(self):
        self.now = 0.0

    def clock(self):
        return self.now

    def call(self, *seconds):
        left = list(seconds)

        def run():
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


def outcome(kernel_seconds, rival_seconds=(1.0,), floor=10.0, must=0.0):
    machine = Machine()
    return guard.race(
        machine.call(*kernel_seconds), machine.call(*rival_seconds), floor, must=must, clock=machine.clock
    )


def test_equal_timings_hold_the_floor():
    found = outcome([0.1])
    assert found.ratio == pytest.approx(10.0)
    assert not found.lost
    assert found.attempts == 1


def test_a_planted_slowdown_trips_the_guard():
    found = outcome([0.1 * 1.5])
    assert found.ratio == pytest.approx(10.0 / 1.5)
    assert found.lost
    assert found.attempts == guard.ATTEMPTS


def test_what_is_promised_has_to_hold_without_slack():
    assert outcome([0.1 * 1.1], must=9.0).lost is False
    found = outcome([0.1 * 1.1], must=9.5)
    assert found.lost
    assert found.attempts == guard.ATTEMPTS


def test_a_rival_that_became_faster_trips_it_too():
    assert outcome([0.1], [0.5]).lost


@pytest.mark.parametrize("kernel_seconds", [1e-5, 1e-3, 0.1])
def test_a_slowdown_trips_it_for_quick_and_slow_kernels(kernel_seconds):
    assert outcome([kernel_seconds * 1.5], [10 * kernel_seconds]).lost
    assert not outcome([kernel_seconds * 1.3], [10 * kernel_seconds]).lost


def test_noise_alone_does_not_trip_it():
    """A first attempt in a bad minute, and one slow call in every three of a good one."""
    start = [0.1, 0.1]
    bad = [0.3] * guard.FEWEST_PAIRS
    found = outcome([*start, *bad, 0.5, 0.1, 0.1, 0.5, 0.1])
    assert not found.lost
    assert found.attempts == 2


def test_a_compiling_first_call_is_not_on_the_clock():
    assert outcome([30.0, 0.1]).attempts == 1


def test_every_race_has_a_floor_and_every_floor_a_race():
    floors = guard.read_floors()
    names = [str(workload) for workload in workloads("")]
    assert len(set(names)) == len(names)
    assert set(floors) == set(names)
    assert all({"value", "recorded"} <= set(floor) <= {"value", "recorded", "must"} for floor in floors.values())
    assert all(0 < floor["value"] <= floor["recorded"] for floor in floors.values())


def test_every_kernel_is_raced():
    """Every row of the table is asked for by one file `bench_*.py`, and none of them asks for nothing."""
    files = [path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("bench_*.py")]
    asked = [re.findall(r'workloads\("(.+?)"\)', text) for text in files]
    assert all(asked)
    prefixes = [prefix for found in asked for prefix in found]
    raced = [str(workload) for prefix in prefixes for workload in workloads(prefix)]
    assert sorted(raced) == sorted(str(workload) for workload in workloads(""))
    assert all(workloads(prefix) for prefix in prefixes)


def test_no_floor_was_lowered_in_silence():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    silent = guard.lowered_in_silence(guard.read_floors(), changelog)
    assert not silent, f'lowered without a line "- Lowered floor `name`: why" in CHANGELOG.md: {silent}'


def test_a_floor_lowered_in_silence_is_found():
    floors = {"kept": {"value": 3.0, "recorded": 3.0}, "sunk": {"value": 2.0, "recorded": 3.0}}
    assert guard.lowered_in_silence(floors, "") == ["sunk"]
    assert guard.lowered_in_silence(floors, "- Lowered floor `kept`: because") == ["sunk"]
    assert guard.lowered_in_silence(floors, "The floor `sunk` is fine") == ["sunk"]
    assert guard.lowered_in_silence(floors, "# 1\n\n- Lowered floor `sunk`: the peer became faster.") == []
