"""Starts the script `dying` and reads what it said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def start(*arguments: object) -> subprocess.Popen[bytes]:
    """A child that has loaded everything and waits for a line."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.trial.ledger.dying", *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout.readline() == b'{"ready": true}\n', child.stderr.read().decode()
    return child


def go(child: subprocess.Popen[bytes]) -> None:
    child.stdin.write(b"\n")
    child.stdin.flush()


def first_line(child: subprocess.Popen[bytes]) -> None:
    """Wait until it has said something more."""
    child.begun = child.stdout.readline()


def said(child: subprocess.Popen[bytes]) -> list[dict]:
    """All whole lines, once it has ended."""
    output, errors = child.communicate(timeout=300)
    output, child.errors = getattr(child, "begun", b"") + output, errors.decode()
    return [json.loads(line) for line in output.decode().splitlines(keepends=True) if line.endswith("\n")]
