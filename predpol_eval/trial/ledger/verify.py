"""Whether a ledger is as it was written: its file, its chain, the blobs it names, the heads that were handed out."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from predpol_eval.errors import InputError
from predpol_eval.trial.ledger import schema
from predpol_eval.trial.ledger.blame import Row
from predpol_eval.trial.ledger.blobs import Blobs
from predpol_eval.trial.ledger.chain import Walk
from predpol_eval.trial.ledger.differences import Difference, in_order
from predpol_eval.trial.ledger.failures import code_of
from predpol_eval.trial.ledger.heads import Head
from predpol_eval.trial.ledger.records import BLOB_KEYS, printable, shown

_FIELDS = "number, kind, at, body, previous, hash"
_SMALLEST_ROW = 16  # bytes that a row takes in a file at the least
# Parts of the header that are always the same: written and read through a log, no emptying by itself, and room unused.
_FIXED = {18: b"\x02\x02", 52: bytes(4), 64: bytes(4), 72: bytes(20)}
_LOOKED_UP = 10_000  # records looked for one by one behind a damaged place
_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def verify_chain(path: str | Path, blobs: Blobs | None, heads: Sequence[Head] = ()) -> list[Difference]:
    """Read a ledger as it is, also a damaged one or one edited by hand, and name what is not as it was written.

    Nothing in the file is trusted and nothing is changed, though the database may leave two files beside it that hold
    nothing (ending in -wal and -shm). Without heads a chain that ends too early, or one that was
    written anew as a whole, looks like any other: only a head that somebody kept tells.

    Parameters
    ----------
    path : path
        File of the ledger.
    blobs : Blobs or None
        Where the blobs lie that records name; None to leave them out.
    heads : sequence of Head
        Those that were handed out, in any order.

    Returns
    -------
    list of Difference
        The first record first; empty if all is well.

    Raises
    ------
    InputError
        If there is no such file, it cannot be opened, or others are writing without end.
    """
    place = Path(path)
    try:
        if not place.is_file():
            raise InputError(f"There is no file {str(place)!r}; give that of a ledger.")
        size = place.stat().st_size
        log = place.with_name(place.name + "-wal")
        size += log.stat().st_size if log.exists() else 0
    except OSError as error:
        raise InputError(f"The ledger {str(place)!r} cannot be read ({error}).") from error
    walk, found = Walk(heads), _header(place)
    try:
        with _opened(place) as connection:
            found += _settings(connection)
            faults, readable = _schema(connection)
            found += faults
            if readable:
                _read(connection, walk, size // _SMALLEST_ROW, [head.number for head in heads])
            found += _pages(connection)
    except (sqlite3.Error, UnicodeError, OverflowError) as error:
        if isinstance(error, sqlite3.Error) and code_of(error) in _PASSING:
            raise InputError(
                f"The ledger {place.name!r} is being written to ({printable(error)}); do it again."
            ) from error
        found.append(_broken(error))
    found += walk.end()
    if blobs is not None:
        found += _blobs(walk, blobs)
    return in_order(found)


def _header(path: Path) -> list[Difference]:
    found = []
    try:
        schema.refuse_foreign(path)
    except InputError as error:
        found.append(Difference(None, "file", shown(str(error)), "the header of a ledger"))
    with path.open("rb") as handle:
        header = handle.read(100)
    if header.startswith(schema.MAGIC):
        for at, fixed in _FIXED.items():
            part = header[at : at + len(fixed)]
            if part != fixed:
                found.append(Difference(None, "file", f"{part.hex()} at byte {at}", f"{fixed.hex()}, as in any ledger"))
    return found


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.ExitStack() as stack:
        try:
            connection = schema.connect_to_read(path)
        except sqlite3.OperationalError as error:
            if code_of(error) != sqlite3.SQLITE_CANTOPEN:
                raise
            # It has a log, and beside it nothing can be made: look at a copy.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="predpol-ledger-"))
            try:
                for suffix in ("", "-wal"):
                    shutil.copyfile(path.with_name(path.name + suffix), Path(folder, "ledger" + suffix))
            except OSError as problem:
                raise InputError(f"The ledger {path.name!r} cannot be read ({problem}).") from problem
            connection = schema.connect(Path(folder, "ledger"), "rw")
        stack.callback(connection.close)
        # Bytes that are no text are kept as they are, so that they can be shown.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        yield connection


def _settings(connection: sqlite3.Connection) -> list[Difference]:
    found = []
    for name, expected in (
        ("application_id", str(schema.APPLICATION)),
        ("user_version", str(schema.VERSION)),
        ("encoding", "UTF-8"),
    ):
        (value,) = connection.execute(f"PRAGMA {name}").fetchone()
        if str(value) != expected:
            found.append(Difference(None, name, shown(str(value)), expected))
    return found


def _schema(connection: sqlite3.Connection) -> tuple[list[Difference], bool]:
    """What is not as laid out, and whether records can be read all the same."""
    faults = [Difference(None, what, found, expected) for what, found, expected in schema.schema_faults(connection)]
    # A view or a virtual table of this name could do anything when it is read.
    plain = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'record' AND rootpage > 0"
    ).fetchone()[0]
    columns = connection.execute("PRAGMA table_xinfo(record)").fetchall() if plain == 1 else []
    readable = {row[1] for row in columns if row[6] == 0} >= set(_FIELDS.split(", "))
    if not readable:
        faults.append(Difference(None, "records", "no table that holds them", "one"))
    return faults, readable


def _read(connection: sqlite3.Connection, walk: Walk, most: int, numbers: list[int]) -> None:
    """Give all rows that can be read to a walk; behind a damaged place they are looked up one by one.

    One statement reads them, so that they are those of one moment though others write.
    """
    try:
        for taken, row in enumerate(connection.execute(f"SELECT {_FIELDS} FROM record ORDER BY number")):
            if taken > most:
                raise sqlite3.DatabaseError("it leads round in a circle")
            if isinstance(row[0], int):
                walk.take(Row(*row))
            else:
                walk.differences.append(Difference(None, "number", shown(row[0]), "a whole number"))
        return
    except sqlite3.Error as error:
        if code_of(error) in _PASSING:
            raise
        why = str(error)
    first = 1 if walk.last is None else walk.last.number + 1
    last = min(max([first, _greatest(connection, first + _LOOKED_UP), *numbers]), first + _LOOKED_UP)
    bad: list[tuple[int, str]] = []
    any_bad = False
    for number in range(first, last + 1):
        try:
            row = connection.execute(f"SELECT {_FIELDS} FROM record WHERE number = ?", (number,)).fetchone()
        except sqlite3.Error as error:
            bad.append((number, str(error)))
            any_bad = True
            continue
        if row is not None and row[0] == number:
            for each in bad:
                walk.unreadable(*each)
            bad = []
            walk.take(Row(*row))
    if bad:
        # Behind the last one that can be read nobody knows how many there were, but for the heads.
        walk.unreadable(*bad[0])
    elif not any_bad:
        walk.differences.append(Difference(None, "pages", shown(why), "whole ones"))


def _greatest(connection: sqlite3.Connection, otherwise: int) -> int:
    try:
        return int(connection.execute("SELECT coalesce(max(number), 0) FROM record").fetchone()[0])
    except sqlite3.Error:
        return otherwise


def _pages(connection: sqlite3.Connection) -> list[Difference]:
    """What the database says of its own pages."""
    try:
        told = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
    except sqlite3.Error as error:
        if code_of(error) in _PASSING:
            raise
        told = [str(error)]
    lines = [line for text in told for line in text.splitlines() if line != "ok" and not line.startswith("***")]
    return [Difference(None, "pages", shown(line), "whole ones") for line in lines]


def _broken(error: Exception) -> Difference:
    return Difference(
        None, "file", f"one that cannot be read as a database ({printable(error)})", "the database of a ledger"
    )


def _blobs(walk: Walk, blobs: Blobs) -> list[Difference]:
    found = []
    for name, (number, key, times) in walk.blobs.items():
        fault = blobs.check(name)
        if fault is not None:
            more = f", also named by {times - 1} more" if times > 1 else ""
            found.append(Difference(number, key, fault, f"blob {name}, {BLOB_KEYS[key]}{more}"))
    return found
