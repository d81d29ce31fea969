"""The database of a ledger: one table to which rows can only be added, and how it is opened."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

from predpol_eval.errors import InputError
from predpol_eval.trial.ledger.failures import code_of
from predpol_eval.trial.ledger.records import NO_RECORD, printable, shown

APPLICATION = 0x50504C47  # "PPLG", in the file's header
VERSION = 1
LARGEST_FIELD = 1_000_000  # bytes; a larger one was not written here, and is not read
PATIENCE = 60.0  # seconds to wait for other writers
MAGIC = b"SQLite format 3\x00"

_DIGIT = "[0-9]"
_MOMENT = "-".join((_DIGIT * 4, _DIGIT * 2, _DIGIT * 2)) + "T" + ":".join((_DIGIT * 2,) * 3) + "." + _DIGIT * 6 + "Z"
TABLE = f"""CREATE TABLE record (
  number INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (typeof(kind) = 'text'),
  at TEXT NOT NULL CHECK (typeof(at) = 'text' AND at GLOB '{_MOMENT}'),
  body TEXT NOT NULL CHECK (typeof(body) = 'text'),
  previous TEXT NOT NULL CHECK (typeof(previous) = 'text'),
  hash TEXT NOT NULL UNIQUE CHECK (typeof(hash) = 'text' AND length(hash) = 64)
)"""
# The last of the four conditions: `INSERT OR REPLACE` would otherwise remove the row that has this hash.
TRIGGERS = {
    "record_not_edited": """CREATE TRIGGER record_not_edited BEFORE UPDATE ON record BEGIN
  SELECT RAISE(ABORT, 'a record is never edited');
END""",
    "record_not_deleted": """CREATE TRIGGER record_not_deleted BEFORE DELETE ON record BEGIN
  SELECT RAISE(ABORT, 'a record is never deleted');
END""",
    "record_in_order": f"""CREATE TRIGGER record_in_order BEFORE INSERT ON record BEGIN
  SELECT RAISE(ABORT, 'the number of a new record is one more than the last')
    WHERE NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM record);
  SELECT RAISE(ABORT, 'a new record holds the hash of the last one')
    WHERE NEW.previous IS NOT coalesce((SELECT hash FROM record ORDER BY number DESC LIMIT 1), '{NO_RECORD}');
  SELECT RAISE(ABORT, 'a new record is not earlier than the last one')
    WHERE NEW.at < (SELECT at FROM record ORDER BY number DESC LIMIT 1);
  SELECT RAISE(ABORT, 'a new record has a hash of its own')
    WHERE EXISTS (SELECT 1 FROM record WHERE hash = NEW.hash);
END""",
}


def connect(path: Path, mode: str, patience: float = PATIENCE) -> sqlite3.Connection:
    """Open the database and set what does not last in the file.

    Parameters
    ----------
    path : path
    mode : {"rwc", "rw", "ro", "immutable"}
        The last reads a file beside which nothing can be made, and which nobody writes to.
    patience : float
        Seconds to wait for other writers.

    Returns
    -------
    sqlite3.Connection
        Every statement is a transaction of its own unless one is begun.

    Raises
    ------
    sqlite3.Error
    """
    how = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=patience, isolation_level=None)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_FIELD)
        for setting in (
            # A commit has reached the disk before it returns; on a Mac only if the disk's own memory is flushed too.
            "synchronous=FULL",
            "fullfsync=ON",
            "checkpoint_fullfsync=ON",
            "foreign_keys=ON",
            "recursive_triggers=ON",
            # The file may come from elsewhere: nothing in it is run but plain triggers, nothing is mapped into memory.
            "trusted_schema=OFF",
            "cell_size_check=ON",
            "mmap_size=0",
        ):
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path, patience: float = PATIENCE) -> sqlite3.Connection:
    """Open for reading, also where no file can be made beside it, as on a medium that cannot be written or is full.

    Raises
    ------
    sqlite3.Error
        Also if there is a log, without which the ledger would end too early, and nothing can be made beside it.
    """
    try:
        connection = connect(path, "ro", patience)
        try:
            # Only now the log is looked at.
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except BaseException:
            connection.close()
            raise
    except sqlite3.OperationalError as error:
        log = path.with_name(path.name + "-wal")
        no_room = code_of(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)
        if (log.exists() and log.stat().st_size) or not no_room:
            raise
        return connect(path, "immutable", patience)
    return connection


def lay_out(connection: sqlite3.Connection) -> None:
    """Make the table of a new ledger."""
    connection.execute("PRAGMA auto_vacuum=NONE")
    connection.execute(f"PRAGMA application_id={APPLICATION}")
    connection.execute(f"PRAGMA user_version={VERSION}")
    set_wal(connection)
    connection.execute("BEGIN IMMEDIATE")
    for statement in (TABLE, *TRIGGERS.values()):
        connection.execute(statement)
    connection.execute("COMMIT")


def set_wal(connection: sqlite3.Connection) -> None:
    """Make sure that every change goes through a log; this lasts in the file.

    Raises
    ------
    InputError
        If the disk does not allow it.
    """
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise InputError(
            "The disk on which the ledger lies cannot be shared by several writers (no write-ahead log); put it on a "
            "disk of this machine, not of the network."
        )


def refuse_foreign(path: Path) -> None:
    """Refuse what is no ledger before the database touches it.

    Raises
    ------
    InputError
        If there is nothing, a folder, another file, or a ledger of a newer version.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"{str(path)!r} is a folder; give the file of the ledger in it.")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{str(path)!r} is no plain file; give the file of a ledger.")
        with path.open("rb") as handle:
            header = handle.read(100)
    except FileNotFoundError as error:
        raise InputError(f"There is no ledger {str(path)!r}; begin one, or give its file.") from error
    except OSError as error:
        raise InputError(f"The ledger {str(path)!r} cannot be read ({error}).") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path!r} is no path ({error}).") from error
    if not header.startswith(MAGIC) or len(header) < 100:
        what = "is empty" if not header else "is another kind of file"
        raise InputError(f"{path.name!r} is no ledger: it {what}. Give the file of a ledger, or begin one elsewhere.")
    application, version = (int.from_bytes(header[at : at + 4], "big") for at in (68, 60))
    if application != APPLICATION:
        raise InputError(
            f"{path.name!r} is no ledger but another SQLite database (application id {application:#010x}, expected "
            f"{APPLICATION:#010x}); give the file of a ledger."
        )
    refuse_version(path.name, version)


def refuse_version(name: str, version: int) -> None:
    """Refuse a ledger whose form this version does not know."""
    if version > VERSION:
        raise InputError(
            f"The ledger {name!r} was written by a newer version of predpol_eval (form {version}, this one knows "
            f"{VERSION}); update predpol_eval."
        )
    if version != VERSION:
        raise InputError(f"The ledger {name!r} has form {version}, expected {VERSION}; restore a copy.")


def refuse_read_only(path: Path) -> None:
    """Refuse to open for writing what may not be written to."""
    for place, what in ((path, "file"), (path.absolute().parent, "folder")):
        if not os.access(place, os.W_OK):
            raise InputError(
                f"The ledger {path.name!r} may not be written to (its {what} is read-only); open it with "
                "read_only=True, or allow writing."
            )


def schema_faults(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """What in the database is not as it was laid out: triples of what, found and expected.

    Raises
    ------
    sqlite3.Error
        If the schema cannot be read.
    """
    rows = connection.execute("SELECT type, name, tbl_name, sql, rootpage FROM sqlite_master").fetchall()
    found = {(kind, name): (table, sql, root) for kind, name, table, sql, root in rows}
    expected = {("table", "record"): TABLE} | {("trigger", name): sql for name, sql in TRIGGERS.items()}
    faults = []
    for (kind, name), wanted in expected.items():
        if (kind, name) not in found:
            faults.append((f"{kind} {name}", "none", f"the {kind} that was laid out: it was removed"))
        elif found[kind, name][:2] != ("record", wanted) or (kind == "table" and not found[kind, name][2]):
            faults.append((f"{kind} {name}", "another one of this name", f"the {kind} that was laid out"))
    own = {*expected, ("index", "sqlite_autoindex_record_1")}
    others = sorted(f"{printable(kind)} {shown(name)}" for kind, name in {*found} - own)
    faults += [(other, "one", "none: it was added") for other in others[:20]]
    if ("index", "sqlite_autoindex_record_1") not in found:
        faults.append(("index", "none", "the one that keeps hashes unique"))
    return faults
