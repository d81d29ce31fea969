"""Runs commands of `predpol-eval trial` in processes that are killed: a server that loads everything once, and forks.

    python -m tests.trial.proofs.commands

Every line that it reads is a JSON object: "jobs", a list of command lines, the moment "now" by the clock of the trial,
and "kill", the seconds after which the process that runs them is killed, or null. It answers with a line: what was
printed, the exit code of each command that ended, and whether it was killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[3]


class Ran(NamedTuple):
    """What became of some commands."""

    printed: str
    codes: tuple[int, ...]
    killed: bool
    seconds: float


class Server:
    """The process that forks, as seen from a test."""

    def __enter__(self) -> Server:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.trial.proofs.commands"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def run(self, jobs: Sequence[Sequence[object]], now: datetime, kill: float | None = None) -> Ran:
        """Run commands one after the other at a moment of the trial; kill the process that does so after a while."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"jobs": [[str(word) for word in job] for job in jobs], "now": now.isoformat(), "kill": kill}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        return Ran(told["printed"], tuple(told["codes"]), told["killed"], told["seconds"])


def _serve() -> None:
    _load()
    _say("ready\n")
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        begun = time.monotonic()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _work(order, writing)
        os.close(writing)
        if order["kill"] is not None:
            time.sleep(order["kill"])
            os.kill(child, signal.SIGKILL)
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read().decode()
        _, status = os.waitpid(child, 0)
        lines = told.splitlines(keepends=True)
        codes = [int(one.removeprefix("exit ")) for one in lines if one.startswith("exit ")]
        answer = {
            "printed": "".join(one for one in lines if not one.startswith("exit ")),
            "codes": codes,
            "killed": os.WIFSIGNALED(status),
            "seconds": time.monotonic() - begun,
        }
        _say(json.dumps(answer) + "\n")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _load() -> None:
    """Load what the commands use, so that a forked process begins with its work."""
    import tqdm.auto  # noqa: F401

    import predpol_eval.cli.app
    import predpol_eval.trial.look_records
    import predpol_eval.trial.scoring.nightly
    import predpol_eval.trial.standings
    import predpol_eval.trial.verifying  # noqa: F401
    from predpol_eval.data import read_events  # noqa: F401


def _work(order: dict[str, Any], writing: int) -> None:
    """What a forked process does; it never comes back."""
    os.dup2(writing, 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", closefd=False)
    _set_clock(datetime.fromisoformat(order["now"]))
    _tell_scores()
    import typer

    from predpol_eval.cli.app import app

    for job in order["jobs"]:
        code = 0
        try:
            code = app(job, standalone_mode=False) or 0
        except (typer.Exit, SystemExit) as end:
            code = getattr(end, "exit_code", getattr(end, "code", 1))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test is to see it
            sys.stdout.write(f"{type(error).__name__}: {error}\n")
            code = 99
        sys.stdout.write(f"exit {code}\n")
    sys.stdout.flush()
    os._exit(0)


def _set_clock(now: datetime) -> None:
    """Every trial that is opened from here on goes by this clock."""
    from predpol_eval.trial import folder

    made = folder.Trial.__init__

    def with_clock(self: Any, place: Path, clock: Any = lambda: now) -> None:
        made(self, place, clock)

    folder.Trial.__init__ = with_clock  # type: ignore[method-assign]


def _tell_scores() -> None:
    """Print each score as soon as it is recorded, as it is acknowledged to whoever calls `score`."""
    from predpol_eval.trial.scoring import nightly

    true = nightly._keep

    def telling(*arguments: Any) -> Any:
        record, alone = true(*arguments)
        if record is not None:
            sys.stdout.write(f"scored {record.number} {record.hash}\n")
        return record, alone

    nightly._keep = telling


if __name__ == "__main__":
    _serve()
