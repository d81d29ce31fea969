"""Adds to a ledger and says of every record that it is acknowledged, until it is killed: run as a script.

    python -m tests.trial.ledger.dying LEDGER begin               begins ledgers LEDGER-0, LEDGER-1, ... in turn
    python -m tests.trial.ledger.dying LEDGER NAME COUNT reopen   opens it anew for every record
    python -m tests.trial.ledger.dying LEDGER NAME COUNT          opens it once

Each line that it prints is a JSON object about what has just returned. COUNT 0 is without end.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path

from predpol_eval.trial.ledger import Blobs, Ledger, export_head


def say(**line: object) -> None:
    os.write(1, (json.dumps(line) + "\n").encode())


def add(ledger: Ledger, blobs: Blobs, name: str, turn: int) -> None:
    """By turns a receipt with its file, a receipt and its verdict at once, and a head."""
    if turn % 3 == 0:
        file = blobs.put(f"{name} {turn}".encode())
        shared = blobs.put(b"what all of them put %d" % turn)
        record = ledger.append("receipt", {"label": name, "turn": turn, "file": file, "envelope": shared})
        say(number=record.number, hash=record.hash, name=name, turn=turn)
    elif turn % 3 == 1:
        with ledger.writing():
            first = ledger.append("pair", {"label": name, "turn": turn, "padding": "x" * 3000 * (turn % 4)})
            second = ledger.append("its other", {"pair": first.number})
        for record in (first, second):
            say(number=record.number, hash=record.hash, name=name, turn=turn)
    else:
        path = export_head(ledger, blobs.folder.parent / "heads", "2018-07-01")
        say(head=path.name)


def main(place: str, name: str, count: str = "0", *options: str) -> None:
    path = Path(place)
    if name == "begin":
        say(ready=True)
        for turn in itertools.count():
            Ledger.create(f"{path}-{turn}", "plan", {"turn": turn}).close()
            say(begun=f"{path.name}-{turn}")
    blobs = Blobs(path.parent / "blobs")
    say(ready=True)
    # All begin together, once the parent says so.
    sys.stdin.readline()
    if "reopen" in options:
        for turn in range(int(count)):
            with Ledger.open(path) as ledger:
                add(ledger, blobs, name, turn)
        return
    with Ledger.open(path) as ledger:
        for turn in range(int(count)) if int(count) else itertools.count():
            add(ledger, blobs, name, turn)


if __name__ == "__main__":
    main(*sys.argv[1:])
