"""Which field of a damaged record was changed, as far as its hash and its neighbours can tell."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from predpol_eval.trial.ledger.differences import Difference
from predpol_eval.trial.ledger.records import hash_of, sealed_bytes, shown

_LONGEST = 2_000  # bytes of a record in which single bytes are tried


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the database as it is found: fields may be anything."""

    number: int
    kind: Any
    at: Any
    body: Any
    previous: Any
    hash: Any

    def own_hash(self, **other: Any) -> str | None:
        """What its hash should be, with other fields if given; None if a field cannot be hashed."""
        fields = {name: getattr(self, name) for name in ("number", "kind", "at", "body", "previous")} | other
        try:
            return hash_of(**fields)
        except (AttributeError, ValueError, TypeError):
            return None


class Search:
    """Tries single bytes until its patience is used up, over all damaged records together.

    Parameters
    ----------
    tries : int
        How many.
    """

    def __init__(self, tries: int = 400_000) -> None:
        self.tries = tries

    def one_byte(self, row: Row) -> Difference | None:
        """The one byte whose change explains that the hash of a record does not fit, if there is one."""
        parts = _parts(row)
        if parts is None or not isinstance(row.hash, str):
            return None
        whole = sealed_bytes(
            row.number, b'"%b"' % parts["kind"], b'"%b"' % parts["at"], parts["body"], b'"%b"' % parts["previous"]
        )
        if len(whole) > _LONGEST:
            return None
        for name, start in _starts(row.number, parts):
            for place in range(len(parts[name])):
                if self.tries <= 0:
                    return None
                self.tries -= 256
                at = start + place
                value = _other_byte(whole, at, row.hash)
                if value is not None:
                    return Difference(
                        row.number,
                        name,
                        f"{shown(_near(parts[name], place))} with {shown(whole[at : at + 1])} as its byte {place}",
                        f"{shown(bytes([value]))} there, as the hash of the record tells",
                    )
        return None


def changed_content(row: Row, latest: tuple[str, int] | None, kinds: set[str], search: Search) -> Difference:
    """The difference of a record whose content does not fit its hash, where its hash is believed.

    Parameters
    ----------
    row : Row
    latest : tuple or None
        The latest moment before it, and the number of its record.
    kinds : set of str
        Kinds of records met so far.
    search : Search
    """
    for kind in sorted(kinds - {row.kind} if isinstance(row.kind, str) else kinds):
        if row.own_hash(kind=kind) == row.hash:
            return Difference(row.number, "kind", shown(row.kind), shown(kind))
    found = search.one_byte(row)
    if found is not None:
        return found
    if latest is not None and isinstance(row.at, str) and row.at < latest[0]:
        return Difference(
            row.number,
            "at",
            f"{shown(row.at)}, which does not fit the record's hash",
            f"what was written, not before {latest[0]} of record {latest[1]}: it was dated back",
        )
    return Difference(
        row.number,
        "kind, at or body",
        f"kind {shown(row.kind)}, at {shown(row.at)}, body {shown(row.body)}",
        f"what was written under the hash {shown(row.hash)}: one of these was edited",
    )


def _parts(row: Row) -> dict[str, bytes] | None:
    """The fields as bytes. Except for the body they are plain when written, so that none needs escapes."""
    parts = {}
    for name in ("at", "body", "kind", "previous"):
        value = getattr(row, name)
        if not isinstance(value, str):
            return None
        try:
            parts[name] = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return None
    return parts


def _starts(number: int, parts: dict[str, bytes]) -> Iterator[tuple[str, int]]:
    """Where in the hashed bytes each field begins."""
    start = len(b'{"at":"')
    yield "at", start
    start += len(parts["at"]) + len(b'","body":')
    yield "body", start
    start += len(parts["body"]) + len(b',"kind":"')
    yield "kind", start
    start += len(parts["kind"]) + len(b'","number":%d,"previous":"' % number)
    yield "previous", start


def _other_byte(whole: bytes, at: int, wanted: str) -> int | None:
    begun, rest = hashlib.sha256(whole[:at]), whole[at + 1 :]
    for value in range(256):
        tried = begun.copy()
        tried.update(bytes([value]) + rest)
        if tried.hexdigest() == wanted:
            return value
    return None


def _near(part: bytes, place: int) -> bytes:
    return part[max(0, place - 10) : place + 11]
