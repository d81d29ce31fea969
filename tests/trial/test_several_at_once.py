"""Several submitters at once, and processes that are killed: what was acknowledged is there, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from predpol_eval.trial.history import STANDING
from predpol_eval.trial.intake import judge
from predpol_eval.trial.verifying import verify
from tests.trial.evenings import FIRST, Evening

pytestmark = pytest.mark.linux_only
ROOT = Path(__file__).parents[2]


def inbox(evening: Evening, folder: Path, label: str, files: int) -> None:
    """Signed files of one submitter, each other than the one before."""
    folder.mkdir()
    template = evening.file().decode().splitlines()
    for number in range(files):
        data = "\n".join([template[0], *(f"{line}.{number:04d}" for line in template[1:])]).encode()
        (folder / f"{label}-{number:04d}.csv").write_bytes(data)
        (folder / f"{label}-{number:04d}.envelope").write_bytes(evening.envelope(label, data))


def start(evening: Evening, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.trial.submitting", str(evening.trial.folder), str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def acknowledged(output: str) -> dict[str, tuple[int, str]]:
    """Number and hash of the receipt of every file that was said to be received."""
    lines = [line.split() for line in output.splitlines() if len(line.split()) == 3]
    return {name: (int(number), found) for name, number, found in lines}


def all_at_once(evening: Evening, folder: Path, files: int, labels: tuple[str, ...]) -> None:
    """Each of some submitters hands in so many files twice over, from two processes."""
    folders = []
    for label in labels:
        folders.append(folder / label)
        inbox(evening, folders[-1], label, files)
    running = [start(evening, one) for one in folders * 2]
    told = []
    for process in running:
        output, errors = process.communicate()
        # Whichever of the two comes second with a file is told of the receipt of the first.
        assert process.returncode == 0, errors
        told.append(acknowledged(output))
    history = evening.trial.history()
    numbers = {}
    for found in told:
        for name, (number, digest) in found.items():
            assert history.receipts[number].hash == digest
            assert numbers.setdefault(name, number) == number
    assert len(set(numbers.values())) == len(numbers) == files * len(labels)
    assert sorted(history.receipts) == sorted(numbers.values())
    judge(evening.trial)
    history = evening.trial.history()
    assert not history.waiting
    for label in labels:
        own = [one for one in history.receipts.values() if one.label == label]
        assert [one.serial for one in own] == sorted(one.serial for one in own)
        assert history.standing(label, FIRST) == own[-1]
        assert {history.verdicts[one.number].nights[FIRST] for one in own} <= set(STANDING)
    assert verify(evening.trial) == []
    return


def test_four_processes_at_once(tmp_path):
    all_at_once(Evening(tmp_path), tmp_path, 3, ("A", "B"))


@pytest.mark.slow
def test_a_thousand_submissions_from_eight_processes(tmp_path):
    all_at_once(Evening(tmp_path), tmp_path, 250, ("A", "B", "C", "in-house"))


def killed_at_random(evening: Evening, folder: Path, kills: int) -> None:
    inbox(evening, folder / "A", "A", 4 * kills)
    rng = np.random.default_rng(kills)
    told: dict[str, tuple[int, str]] = {}
    for _ in range(kills):
        process = start(evening, folder / "A")
        first = process.stdout.readline() if process.stdout else ""
        # From the first receipt on anything may be going on: a receipt, a blob, a check, a verdict.
        time.sleep(rng.uniform(0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL
        for name, found in acknowledged(first + output).items():
            assert told.setdefault(name, found) == found
    history = evening.trial.history()
    for name, (number, digest) in told.items():
        assert (history.receipts[number].hash, history.receipts[number].name) == (digest, f"{name}.csv")
    judge(evening.trial)
    assert not evening.trial.history().waiting
    assert verify(evening.trial) == []
    # And it goes on: the rest comes in as if nothing had happened.
    output, errors = start(evening, folder / "A").communicate()
    assert len(acknowledged(output)) == 4 * kills, errors


def test_killed_while_submitting(tmp_path):
    killed_at_random(Evening(tmp_path), tmp_path, 2)


@pytest.mark.slow
def test_killed_two_hundred_times(tmp_path):
    killed_at_random(Evening(tmp_path), tmp_path, 200)
