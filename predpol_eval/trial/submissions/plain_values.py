"""From texts of a hostile file to labels and numbers, with a note of each that is neither."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from predpol_eval.trial.submissions.rows import FloatArray, ObjectArray, ProblemList, shown

LONGEST = 200
_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ONLY_DECIMAL = re.compile(r"[0-9.eE+\-\n]*")
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
_STARTS = frozenset("+-.0123456789")
_NUMBER = "a plain decimal number, such as 12, 0.5 or 1.5e-3"
_FINITE = "a finite number; leave it blank if there is none"
_TEXT = "a text of letters, digits, signs and plain spaces"
_SHORT = f"at most {LONGEST} characters"


def labels(written: Iterable[str], rows: Sequence[int], column: str, problems: ProblemList) -> ObjectArray:
    r"""Give texts without surrounding blanks; ``""`` for one that is too long or holds what is no letter.

    Characters that cannot be printed are refused here, so that nothing later shows them to a screen: codes that move
    the cursor, marks that turn the writing direction, halves of characters.

    Parameters
    ----------
    written : iterable of str
        As they stand in the file.
    rows : sequence of int
        The row of each.
    column : str
        Name of the column.
    problems : ProblemList
        Takes a note of each that cannot be used.

    Returns
    -------
    array of str

    Examples
    --------
    >>> labels([" burglary ", "a\tb"], [2, 3], "kind", ProblemList()).tolist()
    ['burglary', '']
    """
    # Most labels come again and again: each is looked at once, and is one object.
    seen: dict[str, str] = {}
    faults: dict[str, tuple[str, str]] = {}
    result = []
    for text, row in zip(written, rows, strict=True):
        label = seen.get(text)
        if label is None:
            label = text.strip()
            if len(label) > LONGEST:
                faults[text] = f"{len(label):,} characters, {shown(label)}", _SHORT
            elif not label.isprintable():
                faults[text] = shown(label), _TEXT
            label = seen[text] = "" if text in faults else label
        if faults and text in faults:
            problems.add(row, column, *faults[text])
        result.append(label)
    made: ObjectArray = np.empty(len(result), dtype=object)
    made[:] = result
    return made


def numbers(written: Sequence[str], rows: Sequence[int], column: str, problems: ProblemList) -> FloatArray:
    """Read plain decimal numbers; NaN where nothing stands, or what stands there is no finite number.

    Neither ``1_000`` nor ``0x10``, ``nan`` or ``inf`` is one, though Python would read them. Parameters as in
    `labels`.

    Returns
    -------
    array of float

    Examples
    --------
    >>> numbers(["0.5", "", "1_000"], [2, 3, 4], "risk", ProblemList()).tolist()
    [0.5, nan, nan]
    """
    texts = [text.strip() for text in written]
    values = _at_once(texts)
    if values is not None:
        return values
    found = np.full(len(texts), np.nan)
    full = False
    for position, (text, row) in enumerate(zip(texts, rows, strict=True)):
        if not text:
            continue
        # Most texts that are no numbers show it at once.
        value = number(text) if text[0] in _STARTS else None
        if value is not None:
            found[position] = value
        elif full or problems.full:
            full = True
            problems.left_out += 1
        else:
            problems.add(row, column, shown(text), _expected(text))
    return found


def number(text: str) -> float | None:
    """Value of a plain decimal number, or None if it is none or not finite.

    Examples
    --------
    >>> number("1.5e-3"), number("inf"), number("1e999")
    (0.0015, None, None)
    """
    if len(text) > LONGEST or not _PLAIN.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def finite(
    values: FloatArray, given: npt.NDArray[np.bool_], rows: Sequence[int], column: str, problems: ProblemList
) -> FloatArray:
    """Numbers that were stored as such: NaN where none is given; one that is given and not finite is a problem.

    Returns
    -------
    array of float
    """
    usable = np.isfinite(values)
    found = np.where(given & usable, values, np.nan)
    for position in np.flatnonzero(given & ~usable).tolist():
        problems.add(rows[position], column, str(values[position]), _FINITE)
    return found


def _at_once(texts: list[str]) -> FloatArray | None:
    """All numbers of a column, or None if there is one to be looked at by itself."""
    # Of these characters alone, Python's float reads plain decimals and nothing else.
    if max(map(len, texts), default=0) > LONGEST or not _ONLY_DECIMAL.fullmatch("\n".join(texts)):
        return None
    try:
        values = np.array([float(text) if text else np.nan for text in texts], dtype=np.float64)
    except ValueError:
        return None
    return None if np.isinf(values).any() else values


def _expected(text: str) -> str:
    if _COMMA.fullmatch(text):
        return "a number with a decimal point and no comma, such as 0.5"
    plain = text.lower().lstrip("+-")
    if plain in {"nan", "na", "n/a", "null", "none", "inf", "infinity"} or _PLAIN.fullmatch(text):
        return _FINITE if len(text) <= LONGEST else _SHORT
    return _NUMBER
