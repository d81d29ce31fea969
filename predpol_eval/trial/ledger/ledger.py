"""The ledger: records in a chain of hashes, added one after the other and never changed."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from predpol_eval.errors import InputError, number_of
from predpol_eval.trial.ledger import schema
from predpol_eval.trial.ledger.clock import CLOCK_BEHIND, LAG, clock_text, moment_text, utc_now
from predpol_eval.trial.ledger.failures import in_plain_words
from predpol_eval.trial.ledger.placing import new_file
from predpol_eval.trial.ledger.records import NO_RECORD, Record, body_text, checked_record, hash_of, is_kind, shown

_FIELDS = "number, kind, at, body, previous, hash"
_PAGE = 500  # records read at a time
_LAST = 2**63 - 1


class Ledger:
    """An append-only ledger in a file; make one with `create`, or open one with `open`.

    Several processes may write to it at once. Each opens it for itself, and so does each thread. What `append` has
    returned is on the disk: neither a kill nor a power cut loses it.

    Every record that is read is checked against its own hash, and against the one before it where both are read. That
    the ledger is whole is for `verify_chain` to say.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import UTC, datetime
    >>> folder = tempfile.TemporaryDirectory()
    >>> evening = datetime(2018, 7, 1, 18, tzinfo=UTC)
    >>> with Ledger.create(Path(folder.name) / "ledger", "plan", {"sha256": "ab" * 32}, evening) as ledger:
    ...     record = ledger.append("receipt", {"label": "A"}, at=evening)
    ...     len(ledger), record.number, record.at, record.previous == ledger.record(1).hash
    (2, 2, '2018-07-01T18:00:00.000000Z', True)
    >>> folder.cleanup()
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        *,
        read_only: bool,
        clock: Callable[[], datetime],
        lag: timedelta,
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._connection: sqlite3.Connection | None = connection
        self._clock = clock
        self._lag = lag
        self._process = os.getpid()
        self._writing = False
        self._undone = False

    @classmethod
    def create(
        cls,
        path: str | Path,
        kind: str,
        body: dict[str, Any],
        at: datetime | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
        lag: timedelta = LAG,
        patience: float = schema.PATIENCE,
    ) -> Ledger:
        """Begin a ledger with its first record; the file is there whole or not at all.

        Parameters
        ----------
        path : path
            Of a file that does not exist, in a folder that does.
        kind, body, at
            The first record, as in `append`.
        clock, lag, patience
            As in `open`.

        Raises
        ------
        InputError
            If there is something of this name, or it cannot be written.
        """
        place = Path(path)
        body_text(kind, body)
        with new_file(place) as partial:
            with in_plain_words(place.name):
                connection = schema.connect(partial, "rwc", patience)
            with cls(place, connection, read_only=False, clock=clock, lag=lag) as begun:
                with in_plain_words(place.name):
                    schema.lay_out(connection)
                begun.append(kind, body, at)
        return cls.open(place, clock=clock, lag=lag, patience=patience)

    @classmethod
    def open(
        cls,
        path: str | Path,
        read_only: bool = False,
        *,
        clock: Callable[[], datetime] = utc_now,
        lag: timedelta = LAG,
        patience: float = schema.PATIENCE,
    ) -> Ledger:
        """Open a ledger.

        Parameters
        ----------
        path : path
            Its file.
        read_only : bool
            Whether it is only read; then its file may be one that cannot be written to.
        clock : callable
            Gives the moment, with a time zone, for records that are added without one.
        lag : timedelta
            By how much the clock may be behind the last record. Within it records bear the last one's moment, and a
            record of kind ``"clock behind"`` before the first of them says what the clock said; beyond it nothing is
            recorded.
        patience : float
            Seconds to wait for other writers.

        Raises
        ------
        InputError
            If it is no ledger, of a newer version, damaged, laid out otherwise, or may not be written to.
        """
        place = Path(path)
        schema.refuse_foreign(place)
        if not read_only:
            schema.refuse_read_only(place)
        with in_plain_words(place.name):
            connection = schema.connect_to_read(place, patience) if read_only else schema.connect(place, "rw", patience)
        ledger = cls(place, connection, read_only=read_only, clock=clock, lag=lag)
        try:
            with in_plain_words(place.name):
                schema.refuse_version(place.name, connection.execute("PRAGMA user_version").fetchone()[0])
                faults = schema.schema_faults(connection)
                if read_only:
                    # What is only read may lack its triggers, but nothing is run that bears the table's name.
                    faults = [fault for fault in faults if fault[0] == "table record"]
                if not read_only:
                    schema.set_wal(connection)
            if faults:
                told = "; ".join(f"{what}: found {found}, expected {expected}" for what, found, expected in faults[:5])
                raise InputError(
                    f"The ledger {place.name!r} was changed by another program ({told}) and is not used. Verify it, "
                    "and restore a copy."
                )
            if ledger._last() is None:
                raise InputError(f"The ledger {place.name!r} holds no record; restore a copy.")
        except BaseException:
            ledger.close()
            raise
        return ledger

    def append(self, kind: str, body: dict[str, Any], at: datetime | None = None) -> Record:
        """Add a record. Once this returns it is on the disk; within `writing`, once that ends.

        Parameters
        ----------
        kind : str
            2 to 40 small letters, digits, blanks and hyphens.
        body : dict
            Plain content: texts, finite numbers, lists and mappings. Under `BLOB_KEYS` stand hashes of blobs.
        at : datetime, optional
            When; with a time zone and not before the last record. By default the clock is read once nobody else can
            write.

        Returns
        -------
        Record

        Raises
        ------
        InputError
            If it cannot be recorded, is too large, earlier than the last record, or the disk is full; the ledger
            stays as it was.
        """
        text = body_text(kind, body)
        given = None if at is None else moment_text(at, "at")
        if self._writing:
            return self._insert(kind, text, given)
        with self.writing():
            return self._insert(kind, text, given)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Ledger]:
        """Keep other writers out, to read, decide and record what was decided; all is recorded or, on an error, none.

        Raises
        ------
        InputError
            If it is open for reading only, such a block is open already, or others write for too long.
        """
        connection = self._usable()
        if self.read_only:
            raise InputError(f"The ledger {self.path.name!r} was opened for reading; open it without read_only=True.")
        if self._writing:
            raise InputError("The ledger is being written to by this block already; use `append` alone within it.")
        with in_plain_words(self.path.name):
            connection.execute("BEGIN IMMEDIATE")
        self._writing, self._undone = True, False
        try:
            yield self
            if self._undone:
                raise InputError("A record could not be added, so that none of those added with it was.")
            with in_plain_words(self.path.name):
                connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            raise
        finally:
            self._writing = False

    def records(self, kind: str | None = None, since: int = 1, until: int | None = None) -> Iterator[Record]:
        """Records in the order of their numbers, as they are at this moment; those added meanwhile are not among them.

        Parameters
        ----------
        kind : str, optional
            Only those of this kind.
        since : int
            First number.
        until : int, optional
            Number before which to end, as in a slice; by default all.

        Raises
        ------
        InputError
            If a record is not as it was written.
        """
        first = int(number_of(since, "since", "give a number of a record, from 1", low=0, high=_LAST, whole=True))
        last = len(self)
        if until is not None:
            last = min(last, int(number_of(until, "until", "give a whole number", low=0, high=_LAST, whole=True)) - 1)
        if kind is not None and not is_kind(kind):
            raise InputError(f"kind={shown(kind)}; no record is of such a kind.")
        return self._pages(kind, first, last)

    def record(self, number: int) -> Record:
        """The record of a number, from 1.

        Raises
        ------
        InputError
            If there is none, or it is not as it was written.
        """
        wanted = int(number_of(number, "number", "give the number of a record, from 1", whole=True, high=_LAST))
        found = next(self._pages(None, wanted, wanted), None)
        if found is None:
            raise InputError(f"There is no record {wanted}; the ledger holds records 1 to {len(self)}.")
        return found

    @property
    def head(self) -> Record:
        """The last record: its hash stands for all of them."""
        found = self._last()
        if found is None:
            raise InputError(f"The ledger {self.path.name!r} holds no record; restore a copy.")
        return found

    def __len__(self) -> int:
        with in_plain_words(self.path.name):
            (number,) = self._usable().execute("SELECT coalesce(max(number), 0) FROM record").fetchone()
        return int(number)

    def __bool__(self) -> bool:
        return True

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None and self._process == os.getpid():
            connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Ledger {self.path.name!r}{', read only' if self.read_only else ''}>"

    def _usable(self) -> sqlite3.Connection:
        if self._connection is None:
            raise InputError(f"The ledger {self.path.name!r} is closed; open it again.")
        if self._process != os.getpid():
            # Its locks are the parent's; two that believe to hold them would damage the file.
            raise InputError(f"The ledger {self.path.name!r} was opened by another process; open it in this one.")
        return self._connection

    def _last(self) -> Record | None:
        with in_plain_words(self.path.name):
            row = self._usable().execute(f"SELECT {_FIELDS} FROM record ORDER BY number DESC LIMIT 1").fetchone()
        return None if row is None else checked_record(row, self.path.name)

    def _pages(self, kind: str | None, first: int, last: int) -> Iterator[Record]:
        which, values = ("", ()) if kind is None else ("AND kind = ? ", (kind,))
        query = f"SELECT {_FIELDS} FROM record WHERE number BETWEEN ? AND ? {which}ORDER BY number LIMIT {_PAGE}"
        before: Record | None = None
        while first <= last:
            with in_plain_words(self.path.name):
                rows = self._usable().execute(query, (first, last, *values)).fetchall()
            for row in rows:
                record = checked_record(row, self.path.name)
                if (
                    kind is None
                    and before is not None
                    and (before.number + 1, before.hash)
                    != (
                        record.number,
                        record.previous,
                    )
                ):
                    raise InputError(
                        f"Record {record.number} of the ledger {self.path.name!r} does not follow record "
                        f"{before.number}; verify it, and restore a copy."
                    )
                yield record
                before = record
            if len(rows) < _PAGE:
                return
            first = rows[-1][0] + 1

    def _insert(self, kind: str, text: str, given: str | None) -> Record:
        if self._undone:
            raise InputError("A record before this one could not be added; leave the block and begin it again.")
        try:
            last = self._last()
            at = clock_text(self._clock, last, self._lag) if given is None else given
            if last is not None and at < last.at:
                if given is not None:
                    raise InputError(
                        f"at is {at}, but the last record is of {last.at}; records are added in the order of time."
                    )
                if not self._noted(last.at, at):
                    note = body_text(CLOCK_BEHIND, {"clock": at, "record": last.number})
                    last = self._add(last, CLOCK_BEHIND, last.at, note)
                at = last.at
            return self._add(last, kind, at, text)
        except BaseException:
            # Some errors end the transaction at once; what is added after one would be recorded alone.
            self._undone = True
            raise

    def _noted(self, moment: str, clock: str) -> bool:
        """Whether a record says already that the clock is behind this moment, and it was not set back since."""
        query = f"SELECT {_FIELDS} FROM record ORDER BY number DESC"
        with in_plain_words(self.path.name), contextlib.closing(self._usable().execute(query)) as rows:
            for row in rows:
                record = checked_record(row, self.path.name)
                if record.at != moment:
                    return False
                if record.kind == CLOCK_BEHIND:
                    return str(record.body.get("clock", "")) <= clock
        return False

    def _add(self, last: Record | None, kind: str, at: str, text: str) -> Record:
        number, previous = (1, NO_RECORD) if last is None else (last.number + 1, last.hash)
        row = (number, kind, at, text, previous, hash_of(number, kind, at, text, previous))
        with in_plain_words(self.path.name):
            self._usable().execute(f"INSERT INTO record ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?)", row)
        return checked_record(row, self.path.name)
