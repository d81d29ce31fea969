"""One record of the ledger: what it holds, how it is hashed, and what it may name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json, sha256_of, utc_moment

LARGEST_BODY = 65_536  # bytes of canonical JSON; what is larger is kept as a blob
NO_RECORD = "0" * 64  # stands where the first record has no other before it
# Keys of a body that name blobs, by one SHA-256 or a list of them. Under these keys nothing else may stand.
BLOB_KEYS = {
    "blob": "the content of the record",
    "blobs": "the contents of the record",
    "envelope": "what was signed about a file",
    "file": "a file as it was handed in",
    "results": "the report of the checks",
}
_KIND = re.compile(r"[a-z][a-z0-9 -]{0,38}[a-z0-9]", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the ledger; a copy, so that changing its body changes nothing that is kept.

    Parameters
    ----------
    number : int
        From 1, without gaps.
    kind : str
        What it records, such as ``"receipt"``.
    at : str
        When, in UTC: ``"2018-07-01T17:59:59.123456Z"``.
    body : dict
        Plain content.
    previous : str
        Hash of the record before; 64 zeros for the first.
    hash : str
        SHA-256 over all of the above.
    """

    number: int
    kind: str
    at: str
    body: dict[str, Any]
    previous: str
    hash: str

    @property
    def moment(self) -> datetime:
        """When, as a datetime in UTC."""
        return utc_moment(self.at)


def is_hash(value: Any) -> bool:
    """Whether something is a SHA-256 in the one form in which it is written here.

    Examples
    --------
    >>> is_hash("0" * 64), is_hash("../" * 20), is_hash(None)
    (True, False, False)
    """
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def is_kind(value: Any) -> bool:
    """Whether something can be the kind of a record: 2 to 40 small letters, digits, blanks and hyphens."""
    return isinstance(value, str) and _KIND.fullmatch(value) is not None


def hash_of(number: int, kind: str, at: str, body: str, previous: str) -> str:
    """Hash of a record: SHA-256 of the canonical JSON of its five other fields.

    Parameters
    ----------
    number, kind, at, previous
        As in `Record`.
    body : str
        The body's canonical JSON, as it is stored.

    Examples
    --------
    >>> fields = {"number": 1, "kind": "plan", "at": "2018", "body": {"a": 1}, "previous": "0"}
    >>> hash_of(1, "plan", "2018", '{"a":1}', "0") == sha256_of(canonical_json(fields))
    True
    """
    return sha256_of(sealed_bytes(number, _quoted(kind), _quoted(at), body.encode(), _quoted(previous)))


def sealed_bytes(number: int, kind: bytes, at: bytes, body: bytes, previous: bytes) -> bytes:
    """What is hashed, put together from JSON parts: its keys are in the order of the alphabet."""
    return b'{"at":%b,"body":%b,"kind":%b,"number":%d,"previous":%b}' % (at, body, kind, number, previous)


def _quoted(text: str) -> bytes:
    return canonical_json(text)


def body_text(kind: Any, body: Any) -> str:
    """Check what is to be recorded, and write its body in the form that is stored.

    Raises
    ------
    InputError
        If the kind or the body cannot be recorded: another type, too large, or no hash where a blob is named.
    """
    if not is_kind(kind):
        raise InputError(
            f"kind={shown(kind)}; a kind of record has 2 to 40 small letters, digits, blanks and hyphens, such as "
            "'key revoked'."
        )
    if not isinstance(body, dict):
        raise InputError(f"The body of a record is a mapping, found {type(body).__name__}; give a dict.")
    try:
        written = canonical_json(body)
    except InputError:
        raise
    except (ValueError, OverflowError) as error:
        # A whole number of thousands of digits, for instance.
        raise InputError(f"The body of this {kind!r} record cannot be written as JSON ({error}).") from error
    if len(written) > LARGEST_BODY:
        raise InputError(
            f"The body of this {kind!r} record has {len(written)} bytes, the most is {LARGEST_BODY}; keep the content "
            "as a blob and record its hash."
        )
    wrong = wrong_names(body)
    if wrong:
        raise InputError(
            f"The body of this {kind!r} record names blobs by what is no SHA-256: {'; '.join(wrong)}. Under "
            f"{', '.join(BLOB_KEYS)} give 64 hexadecimal digits, a list of them, or None."
        )
    return written.decode()


def named_blobs(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Blobs that a body names: pairs of key and SHA-256.

    Examples
    --------
    >>> named_blobs({"label": "A", "file": "ab" * 32, "results": None}) == [("file", "ab" * 32)]
    True
    """
    return [(key, value) for key, value in _under_blob_keys(body) if is_hash(value)]


def wrong_names(body: dict[str, Any]) -> list[str]:
    """What stands where a blob is named and is no hash, in words."""
    return [f"{key} is {shown(value)}" for key, value in _under_blob_keys(body) if not is_hash(value)]


def _under_blob_keys(body: dict[str, Any]) -> list[tuple[str, Any]]:
    found = []
    for key in BLOB_KEYS:
        value = body.get(key)
        if value is not None:
            found += [(key, one) for one in (value if isinstance(value, list | tuple) else [value])]
    return found


def parsed_body(text: Any) -> dict[str, Any]:
    """Read a body as it is stored.

    Raises
    ------
    InputError
        If it is no JSON object, or not in the one form in which it is written: then it was not written here.
    """
    if not isinstance(text, str):
        raise InputError(f"it is of type {type(text).__name__}, not text")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"it is no JSON ({error})") from error
    if not isinstance(body, dict):
        raise InputError("it is no JSON object")
    try:
        same = canonical_json(body) == text.encode()
    except ValueError as error:
        raise InputError(f"it holds what cannot be recorded ({error})") from error
    if not same:
        raise InputError("it is not in canonical form")
    return body


def checked_record(row: tuple[Any, ...], name: str) -> Record:
    """Make a record of a row of the database, in the order of the fields of `Record`.

    Raises
    ------
    InputError
        If it is not as it was written.
    """
    number, kind, at, text, previous, kept = row
    try:
        if not all(isinstance(field, str) for field in (kind, at, text, previous, kept)):
            raise InputError("a field is no text")
        body = parsed_body(text)
        if hash_of(number, kind, at, text, previous) != kept:
            raise InputError("its hash is another")
    except InputError as error:
        raise InputError(
            f"Record {number} of the ledger {name!r} is not as it was written ({printable(error)}). Verify it, and "
            "restore a copy."
        ) from error
    return Record(number, kind, at, body, previous, kept)


def shown(value: Any) -> str:
    """Write what was found so that it can be printed: short, and without control characters.

    Examples
    --------
    >>> shown("a" * 200) == repr("a" * 73 + "..."), shown(chr(27) + "[2J").isprintable()
    (True, True)
    """
    if isinstance(value, str) and len(value) > 76:
        value = value[:73] + "..."
    elif isinstance(value, bytes) and len(value) > 76:
        value = value[:73] + b"..."
    if isinstance(value, int) and abs(value) > 2**64:
        return "a number of more than 64 bits"
    text = repr(value)
    return text if len(text) <= 400 else text[:397] + "..."


def printable(text: object) -> str:
    """Write a message that may quote what a file holds: short, and without control characters.

    Examples
    --------
    >>> printable("near " + chr(7)) == "near " + repr(chr(7))[1:-1]
    True
    """
    plain = "".join(each if each.isprintable() else repr(each)[1:-1] for each in str(text)[:300])
    return plain if len(str(text)) <= 300 else plain + "..."
