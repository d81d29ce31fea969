"""A process that scores a trial, to be killed: `python -m tests.trial.scoring.scoring_child folder`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from predpol_eval.trial.folder import Trial
from predpol_eval.trial.scoring import nightly

NOW = datetime(2018, 12, 1, tzinfo=UTC)


def main(folder: str) -> None:
    """Say that it begins, and score; every record is told of as soon as it is written."""
    true = nightly._keep

    def telling(*arguments):  # type: ignore[no-untyped-def]
        record, alone = true(*arguments)
        if record is not None:
            sys.stdout.write(f"{record.number} {record.hash}\n")
            sys.stdout.flush()
        return record, alone

    nightly._keep = telling
    nightly.score(Trial(Path(folder), lambda: NOW))


if __name__ == "__main__":
    main(*sys.argv[1:])
