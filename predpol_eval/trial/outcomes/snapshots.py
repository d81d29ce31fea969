"""Snapshots: recorded crime as of a date, kept whole under its hash and never overwritten."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.grid import check_events
from predpol_eval.observation import Periods
from predpol_eval.trial.canonical import sha256_of, utc_moment, utc_text
from predpol_eval.trial.outcomes.scope import utc64, utc_datetime

SCHEMA = "predpol_eval.snapshot/1"
_KEY = b"predpol_eval.snapshot"
_FIELDS = ("schema", "taken_at", "blob", "fingerprint", "crimes", "crs", "tz", "observed", "suspect", "forced")
Moments = tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is known of a snapshot without opening it.

    Attributes
    ----------
    taken_at : datetime
        As of when the crimes are recorded, UTC.
    sha256 : str
        Of its bytes.
    fingerprint : str
        Of its crimes (`Events.fingerprint`), which is the same however the bytes were packed.
    crimes : int
        Rows, of all kinds and places.
    crs, tz : str
    observed, suspect : tuple of (datetime, datetime)
        When crimes were observed, and when that is in doubt; UTC, end excluded.
    forced : str or None
        Why it was kept although it lacks crimes that were expected.
    """

    taken_at: datetime
    sha256: str
    fingerprint: str
    crimes: int
    crs: str
    tz: str
    observed: Moments
    suspect: Moments = ()
    forced: str | None = None

    @property
    def observed_until(self) -> datetime | None:
        """The last moment that it can tell of: no period lasts longer than to when it was taken."""
        ends = [min(end, self.taken_at) for start, end in self.observed if start < self.taken_at]
        return max(ends, default=None)

    def covers(self, start: datetime, end: datetime) -> bool:
        """Whether all of ``[start, end)`` was observed before it was taken, beyond doubt."""
        seen = any(first <= start and end <= min(last, self.taken_at) for first, last in self.observed)
        return seen and not any(first < end and start < last for first, last in self.suspect)

    def record(self) -> dict[str, Any]:
        """Give the body of its record, as plain content; ``blob`` names its bytes."""
        periods = {name: [[utc_text(part) for part in pair] for pair in getattr(self, name)] for name in _PERIODS}
        plain = {name: getattr(self, name) for name in ("fingerprint", "crimes", "crs", "tz", "forced")}
        return {"schema": SCHEMA, "taken_at": utc_text(self.taken_at), "blob": self.sha256, **plain, **periods}

    @classmethod
    def from_record(cls, body: Mapping[str, Any]) -> Snapshot:
        """Read what `record` gave.

        Raises
        ------
        InputError
            If it is no such record.
        """
        found = dict(body)
        if found.get("schema") != SCHEMA or set(found) != set(_FIELDS):
            raise InputError(
                f"This is no record of a snapshot: it has {', '.join(sorted(map(str, found))) or 'nothing'}, expected "
                f"are {', '.join(_FIELDS)} with the schema {SCHEMA!r}."
            )
        del found["schema"]
        try:
            periods = {name: tuple((utc_moment(a), utc_moment(b)) for a, b in found[name]) for name in _PERIODS}
        except (TypeError, ValueError) as error:
            raise InputError(f"The periods of this snapshot cannot be read: {error}") from error
        plain = {name: found[name] for name in ("blob", "fingerprint", "crs", "tz")}
        wrong = [name for name, value in plain.items() if not isinstance(value, str)]
        if type(found["crimes"]) is not int or found["crimes"] < 0:
            wrong.append("crimes")
        if not isinstance(found["forced"], str | None):
            wrong.append("forced")
        if wrong:
            raise InputError(f"In this record of a snapshot {', '.join(wrong)} cannot be read: it was not made here.")
        found["sha256"] = found.pop("blob")
        return cls(**{**found, **periods, "taken_at": utc_moment(found["taken_at"])})

    def summary(self) -> dict[str, str]:
        """Describe it, one entry per line."""
        until = self.observed_until
        lines = {
            "taken at": utc_text(self.taken_at),
            "crimes": f"{self.crimes:,}",
            "observed until": "never" if until is None else utc_text(until),
            "SHA-256": self.sha256,
        }
        return lines if self.forced is None else lines | {"kept although crimes are missing": self.forced}

    def __repr__(self) -> str:
        return as_text("Snapshot", self.summary())

    def _repr_html_(self) -> str:
        return as_html("Snapshot", self.summary())


_PERIODS = ("observed", "suspect")


def freeze(events: Events, taken_at: datetime) -> bytes:
    """Pack crimes as of a date into bytes: Parquet that `Events.from_parquet` reads, too.

    The same crimes and date give the same bytes wherever the same pyarrow writes them; where another one does, the
    fingerprint of the crimes is the same still.

    Parameters
    ----------
    events : Events
        Their `report` is not kept.
    taken_at : datetime
        With a time zone.

    Raises
    ------
    InputError
        If the moment has no time zone, or a text holds what no file can hold.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_events(events)
    utc64(taken_at, "taken_at")
    header = json.dumps({"schema": SCHEMA, "taken_at": utc_text(taken_at)}).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "snapshot.parquet"
        try:
            events.to_parquet(path)
            table = pq.read_table(path)
        except UnicodeError as error:
            raise InputError(f"An id or a kind holds half of a character ({error}); correct it.") from error
        except OSError as error:
            raise InputError(
                f"The snapshot cannot be packed ({error.strerror or error}); make room on disk."
            ) from error
    sink = io.BytesIO()
    metadata = {**table.schema.metadata, _KEY: header}
    pq.write_table(table.replace_schema_metadata(metadata), pa.PythonFile(sink, mode="w"), compression="zstd")
    return sink.getvalue()


def thaw(data: bytes) -> Events:
    """Unpack the crimes of a snapshot, all that `freeze` was given but their `report`.

    Raises
    ------
    InputError
        If the bytes are no snapshot, or were changed.
    """
    return _unpack(data)[1]


def open_snapshot(data: bytes) -> tuple[Snapshot, Events]:
    """Describe a snapshot from its bytes, and unpack its crimes.

    Raises
    ------
    InputError
        If the bytes are no snapshot, or were changed.
    """
    taken_at, events = _unpack(data)
    return _describe(events, taken_at, data), events


def snapshot_of(data: bytes, *, forced: str | None = None) -> Snapshot:
    """Describe a snapshot from its bytes, with the reason for which it was kept if it needed one.

    Raises
    ------
    InputError
        If the bytes are no snapshot, or were changed.
    """
    return replace(open_snapshot(data)[0], forced=forced)


def _unpack(data: bytes) -> tuple[datetime, Events]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not isinstance(data, bytes):
        raise InputError(f"A snapshot is bytes, found {type(data).__name__}; give what freeze gave.")
    try:
        metadata = pq.read_schema(pa.BufferReader(data)).metadata or {}
        header = json.loads(metadata.get(_KEY, b"null"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"These {len(data):,} bytes are no snapshot: {error}") from error
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        found = header.get("schema") if isinstance(header, dict) else None
        raise InputError(f"These bytes are no snapshot of this version (schema {found!r}, expected {SCHEMA!r}).")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "snapshot.parquet"
        try:
            path.write_bytes(data)
            events = Events.from_parquet(path)
        except InputError:
            raise
        except OSError as error:
            raise InputError(f"The snapshot cannot be unpacked ({error.strerror or error}).") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"The snapshot was changed after it was made: {type(error).__name__} {error}") from error
    return utc_moment(header.get("taken_at")), events


def _describe(events: Events, taken_at: datetime, data: bytes) -> Snapshot:
    return Snapshot(
        taken_at=utc_moment(utc_text(taken_at)),
        sha256=sha256_of(data),
        fingerprint=events.fingerprint,
        crimes=len(events),
        crs=events.crs,
        tz=events.tz,
        observed=_inward(events.observed),
        suspect=tuple((utc_datetime(first), utc_datetime(last, up=True)) for first, last in events.suspect),
    )


def _inward(periods: Periods) -> Moments:
    """Periods on whole microseconds, never longer than they are."""
    cut = tuple((utc_datetime(first, up=True), utc_datetime(last)) for first, last in periods)
    return tuple(pair for pair in cut if pair[0] < pair[1])
