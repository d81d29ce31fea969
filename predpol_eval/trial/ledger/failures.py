"""What the database says when it fails, in plain words, and what to do."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from predpol_eval.errors import InputError
from predpol_eval.trial.ledger.records import printable

_KEPT = "Nothing of this was kept, and all that was recorded before is"
_ADVICE = {
    sqlite3.SQLITE_FULL: f"The disk is full. {_KEPT}: make room, and do it again.",
    sqlite3.SQLITE_IOERR: (
        f"The disk cannot be read or written: full, a quota or a limit of file sizes reached, or damaged. {_KEPT}: "
        "make room, and do it again."
    ),
    sqlite3.SQLITE_BUSY: f"Another process is writing and did not end in time. {_KEPT}: do it again.",
    sqlite3.SQLITE_PROTOCOL: f"Too many processes are opening it at once. {_KEPT}: do it again.",
    sqlite3.SQLITE_LOCKED: f"It is being written to. {_KEPT}: do it again.",
    sqlite3.SQLITE_READONLY: "It may not be written to: open it with read_only=True, or allow writing.",
    sqlite3.SQLITE_CANTOPEN: (
        "It cannot be opened. Beside it two files are made, ending in -wal and -shm: see that its folder may be "
        "written to and the disk is not full, or copy it with its -wal file to another folder."
    ),
    sqlite3.SQLITE_CORRUPT: "The file is damaged: verify it, which names what can be told, and restore a copy.",
    sqlite3.SQLITE_NOTADB: "The file is damaged or no ledger: verify it, and restore a copy.",
    sqlite3.SQLITE_CONSTRAINT: f"Records are only ever added, one after the other. {_KEPT}.",
    sqlite3.SQLITE_TOOBIG: "A field is larger than any that is written: verify it, and restore a copy.",
}


@contextlib.contextmanager
def in_plain_words(name: str) -> Iterator[None]:
    """Tell every error of the database as an `InputError`.

    Parameters
    ----------
    name : str
        Of the ledger, for the message.
    """
    try:
        yield
    except sqlite3.Error as error:
        advice = _ADVICE.get(code_of(error), "Verify it.")
        raise InputError(f"The ledger {name!r}: {printable(error)}. {advice}") from error
    except (UnicodeError, OverflowError) as error:
        raise InputError(f"The ledger {name!r}: {printable(error)}. {_ADVICE[sqlite3.SQLITE_CORRUPT]}") from error


def code_of(error: sqlite3.Error) -> int:
    """Primary code of an error of SQLite; 0 if it comes from Python's own side."""
    # The higher bits refine the lower eight.
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
