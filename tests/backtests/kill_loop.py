"""Begin a backtest, kill it at random moments, go on: run as a script, with a folder to work in.

It loads everything once and forks a child for every attempt, since loading takes longer than a block. A child is frozen
before it is killed, so that its markers say for certain what it was doing. Prints one JSON report.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from joblib.externals.loky import get_reusable_executor

import predpol_eval as ppe
from predpol_eval.backtests import store, workers
from tests.backtests import cities
from tests.backtests.misbehaving import Dawdles, Marks, MarksAll
from tests.backtests.same import bits

NIGHT = 0.005  # seconds that a forecaster dawdles
WRITING = 0.03  # seconds that the writing of a block is drawn out


@dataclass
class Attempt:
    """One child: what it was doing when it was killed, and how many blocks it found finished."""

    n_jobs: int
    doing: str
    reused: int
    blocks: int
    whole: bool
    still: bool


def run(folder: Path, n_jobs: int, save: bool) -> str:
    """The backtest, and a digest of all its bits."""
    city = cities.city(cities.raw(21, crimes=150), start="2018-02-01", end="2018-03-19")
    forecasters = {f"{days} days": Dawdles(seconds=NIGHT, lookback=f"{days}D") for days in (3, 7, 14)}
    out = ppe.backtest(
        forecasters,
        city.events,
        city.grid,
        city.schedule,
        budgets=cities.BUDGETS[:2],
        kinds=["theft", "robbery"],
        n_jobs=n_jobs,
        store=folder / "store" if save else None,
        progress=False,
    )
    return hashlib.sha256(repr(bits(out)).encode()).hexdigest()


def mark(folder: Path) -> None:
    """Mark the computing of a block, and mark and draw out the writing of a file, so that some kills fall into it."""
    workers._in_turn, workers._all_of = Marks(str(folder)), MarksAll(str(folder))
    write, fsync, marker = store.write_whole, os.fsync, folder / "writing"

    def marked(path, content):
        marker.touch()
        write(path, content)
        marker.unlink()

    def slow(descriptor):
        time.sleep(WRITING / 2)
        fsync(descriptor)

    store.write_whole, os.fsync = marked, slow


def child(folder: Path, n_jobs: int) -> None:
    os.setpgid(0, 0)
    log = logging.FileHandler(folder / "log")
    logging.getLogger("predpol_eval").addHandler(log)
    logging.getLogger("predpol_eval").setLevel(logging.INFO)
    mark(folder)
    (folder / "digest").write_text(run(folder, n_jobs, save=True))
    if n_jobs > 1:
        # A fork leaves without saying good-bye, and its workers would wait for it.
        get_reusable_executor().shutdown(kill_workers=True)


def fork(folder: Path, n_jobs: int) -> int:
    for marker in [*folder.glob("computing-*"), folder / "writing", folder / "log"]:
        marker.unlink(missing_ok=True)
    pid = os.fork()
    if pid:
        return pid
    try:
        child(folder, n_jobs)
    except BaseException as error:  # noqa: BLE001 - the child must not go on as a second parent
        (folder / "ended").write_text(f"{type(error).__name__}: {error}")
        os._exit(1)
    os._exit(0)


def reused(folder: Path) -> int | None:
    """Blocks that the child found finished, once it has said so."""
    log = folder / "log"
    words = log.read_text().split() if log.exists() else []
    return int(words[words.index("of") - 1]) if "reused" in words else None


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of the store."""
    files = (path for path in (folder / "store").rglob("*") if path.is_file())
    return {path.relative_to(folder / "store").as_posix(): path.read_bytes() for path in files}


def wait_until(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.0005)


def group(leader: int) -> list[int]:
    """Processes of a group that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(pgrp) == leader and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


def attempt(folder: Path, n_jobs: int, delay: float, early: bool, expected: dict[str, bytes]) -> Attempt:
    """Start a child, freeze it after `delay` (from the start, or from its first work), kill it, look around."""
    pid = fork(folder, n_jobs)
    wait_until(lambda: os.getpgid(pid) == pid)
    if not early:
        wait_until(lambda: reused(folder) is not None and (any(folder.glob("computing-*"))))
        if reused(folder) == 0:
            wait_until(lambda: any((folder / "store" / "blocks").glob("*.npz")))
    time.sleep(delay)
    os.killpg(pid, signal.SIGSTOP)
    wait_until(lambda: all(_stopped(each) for each in group(pid)))
    doing = "writing" if (folder / "writing").exists() else "computing" if any(folder.glob("computing-*")) else "other"
    orphans = [each for each in group(pid) if each != pid]
    for each in orphans:
        # Before its death: the system hangs up on what is left of a group that is still frozen then.
        os.kill(each, signal.SIGCONT)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    before = snapshot(folder)
    if orphans:
        # They finish their block and wait for more, for minutes; they must not touch the store.
        time.sleep(0.3)
        for each in group(pid):
            if b"popen_loky" in Path(f"/proc/{each}/cmdline").read_bytes():
                os.kill(each, signal.SIGKILL)
        wait_until(lambda: not group(pid))
    after = snapshot(folder)
    finished = {name: content for name, content in after.items() if not name.endswith(".partial")}
    whole = all(expected[name] == content for name, content in finished.items())
    blocks = sum(name.endswith(".npz") for name in finished)
    return Attempt(n_jobs, doing, reused(folder) or 0, blocks, whole, before == after)


def interrupt(folder: Path, n_jobs: int, delay: float, expected: dict[str, bytes]) -> dict[str, object]:
    """Press Ctrl-C: the parent and its workers all hear it."""
    pid = fork(folder, n_jobs)
    wait_until(lambda: reused(folder) is not None and any(folder.glob("computing-*")))
    time.sleep(delay)
    os.killpg(pid, signal.SIGINT)
    os.waitpid(pid, 0)
    for each in group(pid):
        if b"popen_loky" in Path(f"/proc/{each}/cmdline").read_bytes():
            os.kill(each, signal.SIGKILL)
    found = snapshot(folder)
    return {
        "n_jobs": n_jobs,
        "ended": (folder / "ended").read_text(),
        "reused": reused(folder),
        "blocks": sum(name.endswith(".npz") for name in found),
        "whole": all(expected.get(name) == content for name, content in found.items()),
    }


def _stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "TtZX"
    except OSError:
        return True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    # The kernels are loaded here, once for all forks.
    alone = run(options.folder, 1, save=False)
    whole, killed = options.folder / "whole", options.folder / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    begun = time.monotonic()
    assert os.waitpid(fork(whole, 1), 0)[1] == 0
    expected = snapshot(whole)
    per_block = (time.monotonic() - begun) / sum(name.endswith(".npz") for name in expected)
    attempts = []
    # The first child must finish a block, or the next would have nothing to go on with.
    kinds = ["alone", *rng.permutation(["workers"] * 4 + ["early"] * 3 + ["alone"] * 12)]
    for kind in kinds:
        delay = rng.uniform(0, 2.5 * per_block)
        attempts.append(attempt(killed, 2 if kind == "workers" else 1, delay, kind == "early", expected))
    interrupts = [interrupt(killed, n_jobs, 1.5 * per_block, expected) for n_jobs in (1, 2)]
    assert os.waitpid(fork(killed, 2), 0)[1] == 0
    report = {
        "attempts": [asdict(one) for one in attempts],
        "interrupts": interrupts,
        "last_reused": reused(killed),
        "blocks": sum(name.endswith(".npz") for name in expected),
        "same_store": snapshot(killed) == expected,
        "files": sorted(expected),
        "digests": sorted({(folder / "digest").read_text() for folder in (whole, killed)}),
        "without_store": alone,
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
