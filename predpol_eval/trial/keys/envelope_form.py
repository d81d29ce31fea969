"""How each part of an envelope is written: one check per part, and what it says is wrong."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, TypeAlias

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import utc_moment
from predpol_eval.trial.keys.labels import check_label

SCHEMA = "predpol_eval.envelope/1"
MOST_NIGHTS = 1000
# The largest whole number that every reader of JSON keeps exactly.
LARGEST_SERIAL = 2**53 - 1
SIGNATURE_LENGTH = 64
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NIGHT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{4}(-[0-9a-f]{4}){15}", re.ASCII)
_Check: TypeAlias = Callable[[str, Any], list[str]]


def nights_of(nights: Any) -> tuple[str, ...]:
    """Put nights in order, each once.

    Raises
    ------
    InputError
        If it is one text, or holds something else than texts.

    Examples
    --------
    >>> nights_of(["2018-07-02", "2018-07-01"])
    ('2018-07-01', '2018-07-02')
    """
    if isinstance(nights, str) or not isinstance(nights, Iterable):
        raise InputError(f"nights={shown(nights)}; give a list of nights such as ['2018-07-01'].")
    found = list(nights)
    if not all(isinstance(night, str) for night in found):
        raise InputError("A night is no text; give nights such as '2018-07-01'.")
    return tuple(sorted(set(found)))


def faults_of(parts: Mapping[str, Any]) -> list[str]:
    """Check the parts that are there, each by itself.

    Parameters
    ----------
    parts : mapping
        Values by the name of the part; nights as a tuple.

    Returns
    -------
    list of str
        What is wrong; empty if nothing is.

    Examples
    --------
    >>> faults_of({"serial": 0})
    ['serial is 0, expected a whole number from 1 to 9007199254740991']
    """
    return [fault for name, check in CHECKS.items() if name in parts for fault in check(name, parts[name])]


def listed(faults: list[str]) -> str:
    """Put all that is wrong into one message."""
    lines = "\n".join(f"  - {fault}" for fault in faults)
    return f"The envelope is not well formed:\n{lines}\nHand in the file that `trial sign` wrote."


def base64_of(raw: bytes) -> str:
    """Write bytes as text."""
    return base64.b64encode(raw).decode("ascii")


def shown(value: Any) -> str:
    """Write a value for a message, though it may be endless, or nested too deeply to be written out.

    Examples
    --------
    >>> shown("A"), shown([[]])
    ("'A'", 'a list')
    """
    if isinstance(value, str):
        return repr(value[:40]) + (" ..." if len(value) > 40 else "")
    if isinstance(value, int) and abs(value) >= 10**39:
        return "a number of 40 digits or more"
    if value is None or isinstance(value, bool | int | float):
        return str(value)[:40]
    return f"a {type(value).__name__}"


# One check per part ---------------------------------------------------------------------------------------


def _check_schema(name: str, value: Any) -> list[str]:
    return [] if value == SCHEMA else [f"{name} is {shown(value)}, expected {SCHEMA!r}"]


def _check_sha256(name: str, value: Any) -> list[str]:
    fits = isinstance(value, str) and _SHA256.fullmatch(value)
    return [] if fits else [f"{name} is {shown(value)}, expected 64 hexadecimal digits in small letters"]


def _check_label(name: str, value: Any) -> list[str]:
    try:
        check_label(value)
    except InputError as error:
        return [f"{name}: {error}"]
    return []


def _check_nights(name: str, value: Any) -> list[str]:
    if not isinstance(value, tuple):
        return [f"{name} is {shown(value)}, expected a list of nights"]
    if not 1 <= len(value) <= MOST_NIGHTS:
        return [f"{name} holds {len(value)} nights, expected 1 to {MOST_NIGHTS}"]
    wrong = [night for night in value if not _is_night(night)]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        return [f"{name} holds {', '.join(shown(night) for night in wrong[:5])}{more}, expected '2018-07-01'"]
    return [] if list(value) == sorted(set(value)) else [f"{name} are out of order, or one is there twice"]


def _check_serial(name: str, value: Any) -> list[str]:
    # True is a number to Python, and not to us.
    fits = type(value) is int and 1 <= value <= LARGEST_SERIAL
    return [] if fits else [f"{name} is {shown(value)}, expected a whole number from 1 to {LARGEST_SERIAL}"]


def _check_moment(name: str, value: Any) -> list[str]:
    try:
        utc_moment(value if isinstance(value, str) and len(value) < 40 else None)
    except InputError:
        return [f"{name} is {shown(value)}, expected a moment such as '2018-07-01T18:00:00.000000Z'"]
    return []


def _check_key(name: str, value: Any) -> list[str]:
    fits = isinstance(value, str) and _FINGERPRINT.fullmatch(value)
    return [] if fits else [f"{name} is {shown(value)}, expected 16 groups of 4 hexadecimal digits"]


def _check_signature(name: str, value: Any) -> list[str]:
    try:
        # Base64 may leave bits over at its end; written again, they must come out the same.
        raw = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
        fits = len(raw) == SIGNATURE_LENGTH and base64_of(raw) == value
    except (binascii.Error, ValueError):
        fits = False
    return [] if fits else [f"{name} is {shown(value)}, expected base64 of {SIGNATURE_LENGTH} bytes"]


CHECKS: Mapping[str, _Check] = MappingProxyType(
    {
        "schema": _check_schema,
        "plan": _check_sha256,
        "label": _check_label,
        "nights": _check_nights,
        "file": _check_sha256,
        "serial": _check_serial,
        "signed_at": _check_moment,
        "key": _check_key,
        "signature": _check_signature,
    }
)


def _is_night(value: Any) -> bool:
    if not isinstance(value, str) or not _NIGHT.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
