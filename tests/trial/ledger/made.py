"""A small ledger with blobs and heads, and ways to spoil it behind its back."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from predpol_eval.trial.ledger import Blobs, Head, Ledger, head_of
from predpol_eval.trial.ledger.records import hash_of

START = datetime(2018, 7, 1, 12, tzinfo=UTC)
PLAN = "ab" * 32


def moment(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@dataclass
class Made:
    """A ledger that is closed, so that its file is all there is."""

    path: Path
    blobs: Blobs
    heads: list[Head]
    records: list


def make(folder: Path, records: int = 12) -> Made:
    """Records as of a trial: a plan, receipts with files, their verdicts; heads after each third."""
    blobs, heads = Blobs(folder / "blobs"), []
    with Ledger.create(folder / "ledger", "plan", {"sha256": PLAN, "blob": blobs.put(b"the plan")}, START) as ledger:
        while len(ledger) < records:
            number = len(ledger) + 1
            at = moment(number)
            if number % 2 == 0:
                body = {
                    "label": "ABC"[number % 3],
                    "nights": ["2018-07-01"],
                    "name": f"night «{number}».csv",
                    "file": blobs.put(b"area,kind,cell %d" % number),
                    "envelope": blobs.put(b"signed %d" % number),
                }
                ledger.append("receipt", body, at)
            else:
                results = blobs.put(b"all well %d" % number)
                body = {"receipt": number - 1, "nights": {"2018-07-01": "accepted"}, "results": results}
                ledger.append("verdict", body, at)
            if len(ledger) % max(records // 3, 1) == 0:
                heads.append(head_of(ledger, f"2018-07-{len(heads) + 1:02d}"))
        found = list(ledger.records())
    assert not folder.joinpath("ledger-wal").exists()
    return Made(folder / "ledger", blobs, heads, found)


def spoil(path: Path, *statements: str | tuple[str, tuple], keep_triggers: bool = True) -> None:
    """Change a ledger by hand, as somebody would who knows how: without its triggers, which are put back."""
    connection = sqlite3.connect(path, isolation_level=None)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(*((statement,) if isinstance(statement, str) else statement))
    for _, sql in triggers if keep_triggers else ():
        connection.execute(sql)
    connection.close()


def rewrite(path: Path, since: int, **changes: str) -> None:
    """Change a record and make the hashes of it and of all after it anew."""
    connection = sqlite3.connect(path, isolation_level=None)
    rows = connection.execute("SELECT number, kind, at, body, previous FROM record ORDER BY number").fetchall()
    (previous,) = connection.execute("SELECT previous FROM record WHERE number = ?", (since,)).fetchone()
    connection.close()
    statements = []
    for number, kind, at, body, _ in rows:
        if number < since:
            continue
        row = {"kind": kind, "at": at, "body": body} | (changes if number == since else {})
        kept = hash_of(number, row["kind"], row["at"], row["body"], previous)
        statements.append(
            (
                "UPDATE record SET kind = ?, at = ?, body = ?, previous = ?, hash = ? WHERE number = ?",
                (row["kind"], row["at"], row["body"], previous, kept, number),
            )
        )
        previous = kept
    spoil(path, *statements)


def flip(path: Path, offset: int, mask: int = 1) -> None:
    """Flip bits of one byte of a file."""
    with path.open("r+b") as handle:
        handle.seek(offset)
        (byte,) = handle.read(1)
        handle.seek(offset)
        handle.write(bytes([byte ^ mask]))
