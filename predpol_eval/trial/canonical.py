"""One way to write down what is hashed or signed, so that the same content has the same bytes everywhere."""

from __future__ import annotations

import hashlib
import json
import math
import re
from datetime import UTC, datetime
from typing import Any

from predpol_eval.errors import InputError

DEEPEST = 32
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z", re.ASCII)


def canonical_json(value: Any) -> bytes:
    """Write plain content as JSON of one form: keys sorted, no blanks, UTF-8, finite numbers only.

    Parameters
    ----------
    value : None, bool, int, float, str, and lists, tuples and mappings of these
        Keys are texts. A number that is whole is written as it is, ``1`` and ``1.0`` are different content.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If something else stands in it, a number is not finite, or it is nested too deeply.

    Examples
    --------
    >>> canonical_json({"b": [1, 2.5, None], "a": "x"})
    b'{"a":"x","b":[1,2.5,null]}'
    """
    _check(value, "", 0)
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        # A whole number of thousands of digits.
        raise InputError(f"The content cannot be written as JSON ({error}).") from error
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"A text holds half of a character ({error.reason}); only text that can be written is hashed."
        ) from error


def _check(value: Any, where: str, depth: int) -> None:
    place = where or "the content"
    if depth > DEEPEST:
        raise InputError(f"{place} is nested more than {DEEPEST} deep; give plain content.")
    if value is None or isinstance(value, bool | int | str):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{place} is {value}; only finite numbers can be hashed.")
        return
    if isinstance(value, dict):
        for key, part in value.items():
            if not isinstance(key, str):
                raise InputError(f"{place} has the key {key!r}; keys are texts.")
            _check(part, f"{where}.{key}" if where else key, depth + 1)
        return
    if isinstance(value, list | tuple):
        for number, part in enumerate(value):
            _check(part, f"{where}[{number}]", depth + 1)
        return
    raise InputError(f"{place} is of type {type(value).__name__}; give texts, numbers, lists and mappings.")


def sha256_of(data: bytes) -> str:
    """SHA-256 of some bytes, 64 hexadecimal digits.

    Examples
    --------
    >>> sha256_of(b"")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(data).hexdigest()


def utc_text(moment: datetime) -> str:
    """Write a moment as records have it.

    Raises
    ------
    InputError
        If it has no time zone: nobody could say when it was.

    Examples
    --------
    >>> from datetime import timedelta, timezone
    >>> utc_text(datetime(2018, 7, 1, 19, tzinfo=timezone(timedelta(hours=1))))
    '2018-07-01T18:00:00.000000Z'
    """
    if moment.tzinfo is None:
        raise InputError(f"The moment {moment.isoformat()} has no time zone; give one, for instance UTC.")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def utc_moment(text: Any) -> datetime:
    """Read a moment as records have it, and in no other form.

    Raises
    ------
    InputError
        If it is written otherwise, or is no moment.

    Examples
    --------
    >>> utc_moment("2018-07-01T18:00:00.000000Z").hour
    18
    """
    if isinstance(text, str) and _MOMENT.fullmatch(text):
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        except ValueError:
            pass
    raise InputError(f"{text!r} is no moment; it is written like 2018-07-01T18:00:00.000000Z.")
