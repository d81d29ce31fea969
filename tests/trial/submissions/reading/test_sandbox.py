"""The child process: what it may take, and how each way of ending is told."""

from __future__ import annotations

import contextlib
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from predpol_eval.trial.submissions import sandbox
from predpol_eval.trial.submissions.sandbox import SandboxBroken, Stopped, run_limited

HERE = "tests.trial.submissions.reading.tasks"


def run(task, data=b"", options=None, **limits):
    return run_limited(f"{HERE}:{task}", data, options, **limits)


def test_it_answers_with_what_the_task_gives():
    data = bytes(range(256)) * 5000
    assert run("turn_round", data, {"more": 7}) == data[::-1] + b"7"
    assert run("turn_round") == b""


@pytest.mark.linux_only
def test_memory_up_to_the_limit_is_given_and_beyond_it_is_not():
    assert run("take_memory", b"", {"megabytes": 60}, megabytes=100) == b"60"
    with pytest.raises(Stopped, match="more than 100 MiB"):
        run("take_memory", b"", {"megabytes": 140}, megabytes=100)


@pytest.mark.linux_only
def test_endless_work_is_stopped():
    begun = time.monotonic()
    with pytest.raises(Stopped, match=r"more than 0\.2 s"):
        run("take_time", seconds=0.2)
    assert time.monotonic() - begun < 10


def test_a_child_that_only_waits_is_killed_and_is_not_the_files_fault():
    begun = time.monotonic()
    with pytest.raises(SandboxBroken, match="busy"):
        run("sleep", patience=2.5)
    assert time.monotonic() - begun < 15


@pytest.mark.linux_only
def test_a_crash_is_told_and_harms_nobody():
    with pytest.raises(Stopped, match=r"crashed on it \(code -11\)"):
        run("crash")
    with pytest.raises(Stopped, match="code 0"):
        run("leave")


def test_an_exception_is_told_by_its_name_only():
    with pytest.raises(Stopped, match=r"failed on it \(KeyError\)$"):
        run("fail")


@pytest.mark.linux_only
def test_an_answer_that_is_too_long_is_refused():
    with pytest.raises(Stopped, match="more than 160 MiB"):
        run("write_much", b"", {"megabytes": 161}, seconds=5)


@pytest.mark.linux_only
def test_a_child_that_cannot_write_its_answer_is_our_fault(monkeypatch):
    # The child's second write, its answer, meets a full disk.
    full = (
        "import predpol_eval.trial.submissions.sandbox as s, types, errno\n"
        "class Full:\n"
        "    buffer = property(lambda self: self)\n"
        "    many = 0\n"
        "    def write(self, data):\n"
        "        self.many += 1\n"
        "        if self.many > 1:\n"
        "            raise OSError(errno.ENOSPC, 'No space left')\n"
        "        real.write(data)\n"
        "    def flush(self):\n"
        "        real.flush()\n"
        "real, sys.stdout = sys.stdout.buffer, Full()\n"
        "s._child()\n"
    )
    monkeypatch.setattr(sandbox, "_START", "import sys; sys.path.insert(0, sys.argv[1])\n" + full)
    with pytest.raises(SandboxBroken, match="disk full"):
        run("turn_round")


def test_a_child_that_cannot_begin_is_our_fault():
    with pytest.raises(SandboxBroken, match="did not start"):
        run("no_such_task")
    with pytest.raises(SandboxBroken, match="did not start"):
        run("turn_round", libraries=["no_such_library"])


def test_no_interpreter_is_our_fault(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(SandboxBroken, match="could not be started"):
        run("turn_round")


def test_the_child_sees_little_of_the_surroundings(monkeypatch):
    monkeypatch.setenv("SOMETHING_SECRET", "x")
    monkeypatch.setenv("PYTHONPATH", "/tmp")
    seen = set(run("see").decode().split("\n"))
    assert "SOMETHING_SECRET" not in seen
    assert "PYTHONPATH" not in seen
    assert {"ARROW_DEFAULT_MEMORY_POOL", "LC_ALL"} <= seen


def test_nothing_is_loaded_from_the_folder_one_stands_in(tmp_path, monkeypatch):
    for name in ("json", "numpy", "predpol_eval"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('loaded a stranger')")
    monkeypatch.chdir(tmp_path)
    assert run("turn_round", b"ab", libraries=["numpy"]) == b"ba"


def children() -> set[str]:
    """Processes that this one began, those that nobody asked about among them."""
    return {pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


@pytest.mark.linux_only
def test_no_child_is_left_and_no_file_stays_open():
    run("turn_round")
    before, others = len(list(Path("/proc/self/fd").iterdir())), children()
    for task in ("turn_round", "fail", "crash"):
        with contextlib.suppress(Stopped):
            run(task)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    # Those of other tests in this process may be there.
    assert children() <= others


def test_several_threads_may_read_at_once():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(partial(run, "turn_round"), [b"ab", b"cd", b"ef"]))
    assert answers == [b"ba", b"dc", b"fe"]


def test_its_limits_leave_room_under_those_of_the_intake():
    assert sandbox.MEGABYTES < 512
    assert sandbox.SECONDS < 2
