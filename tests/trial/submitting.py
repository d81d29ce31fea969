"""A process that submits, for tests that run several of them or kill them: `python -m tests.trial.submitting ...`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from predpol_eval.trial.folder import Trial
from predpol_eval.trial.intake import judge, receive

NOW = datetime(2018, 7, 1, 16, tzinfo=UTC)


def main(folder: str, inbox: str) -> None:
    """Submit every file of an inbox in turn, and say which was acknowledged, and when all of it is checked."""
    trial = Trial(Path(folder), lambda: NOW)
    for path in sorted(Path(inbox).glob("*.csv")):
        taken = receive(trial, path.read_bytes(), path.with_suffix(".envelope").read_bytes(), path.name)
        sys.stdout.write(f"{path.stem} {taken.receipt.number} {taken.receipt.hash}\n")
        sys.stdout.flush()
        judge(trial)


if __name__ == "__main__":
    main(*sys.argv[1:])
