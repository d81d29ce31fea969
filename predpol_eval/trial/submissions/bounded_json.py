"""JSON from a stranger: how deep and how much it is, is known before anything is made of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from predpol_eval.trial.submissions.limits_hit import Limits
from predpol_eval.trial.submissions.rows import Unreadable, shown

DEEPEST = 16
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse(text: str, limits: Limits) -> Any:
    """Read JSON as the standard has it: no NaN, no infinity, and no key twice in an object.

    Parameters
    ----------
    text : str
        The file.
    limits : Limits
        How many features and vertices there may be; a file with more brackets and values than these need is refused.

    Returns
    -------
    dict, list, str, int, float, bool or None

    Raises
    ------
    Unreadable
        If it is no JSON, nested too deeply, or holds more than the limits have any use for.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> parse('{"a": [1, 2]}', SimpleNamespace(rows=10, vertices=10))
    {'a': [1, 2]}
    """
    _look_at(text, limits)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"The file begins like JSON, but line {error.lineno}, character {error.colno} is not JSON: {error.msg}."
        ) from None
    except Unreadable:
        raise
    except (ValueError, RecursionError) as error:
        # A whole number of thousands of digits.
        raise Unreadable(f"The file is JSON with something that cannot be read: {shown(str(error))}.") from None


def _look_at(text: str, limits: Limits) -> None:
    """Refuse what is too deep or too much, in a few passes at the speed of copying."""
    # What looks like a bracket in a text is none. Pairs of backslashes first, so that the rest escape something.
    data = text.encode("utf-8", "surrogatepass")
    if b"\\" in data:
        data = data.replace(b"\\\\", b"__").replace(b'\\"', b"__")
    signs = np.frombuffer(data, dtype=np.uint8)
    # Odd within a text, even outside; that the count begins again after 255 does not matter.
    within = np.cumsum(signs == ord('"'), dtype=np.uint8) & 1
    outside = signs[within == 0].tobytes()
    # What the features and vertices of a file at its limits need, with room for what GeoJSON allows besides. A ring has
    # four vertices at least, so more features than that allows are of no use.
    features = min(limits.rows, limits.vertices // 4)
    most = {
        b'"': (60 * features, data),
        b":": (16 * features, outside),
        b"{": (4 * features, outside),
        b"[": (2 * limits.vertices + 3 * features, outside),
        b",": (3 * limits.vertices + 16 * features, outside),
    }
    for sign, (allowed, where) in most.items():
        found = where.count(sign)
        if found > allowed + 1000:
            raise Unreadable(
                f"The file is JSON with {found:,} signs {sign.decode()}, more than GeoJSON of {limits.vertices:,} "
                "vertices, as many as the plan allows, has any use for. Send fewer boxes, with fewer corners, and "
                "nothing else."
            )
    brackets = np.frombuffer(outside.translate(None, _NOT_BRACKETS), dtype=np.uint8)
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1)
    # Up to the first fault, after which nothing is read, this is how deep the reader goes.
    if len(steps) and int(np.cumsum(steps, dtype=np.int32).max()) > DEEPEST:
        raise Unreadable(f"The file is JSON nested more than {DEEPEST} deep; GeoJSON of polygons needs 8.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        # `add` gives None, so a name passes only when it was there before.
        double = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Unreadable(
            f"The file is JSON with the key {shown(double)} twice in one object; which holds, nobody knows."
        )
    return made


def _no_number(word: str) -> Any:
    raise Unreadable(f"The file is JSON with {word}, which is no number; leave such a value out, or write null.")
