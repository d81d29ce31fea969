"""Rows of a Parquet file, which is opened in another process only (see `sandbox`)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from predpol_eval.trial.submissions.limits_hit import LimitHit, Limits
from predpol_eval.trial.submissions.plain_values import finite, labels, numbers
from predpol_eval.trial.submissions.rows import TEXTS, ProblemList, Rows, Unreadable
from predpol_eval.trial.submissions.sandbox import Stopped, run_limited

MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"
_TASK = "predpol_eval.trial.submissions.parquet_columns:extract"
_LIBRARIES = ("pyarrow.parquet", "pyarrow.compute")
_LONGEST_FOOTER = 2 << 20
_NONSENSE = "The Parquet file is refused: what was read from it makes no sense. Write it again."


def read_parquet(data: bytes, limits: Limits) -> Rows:
    """Read the rows of a Parquet file: texts, whole and decimal numbers, dates for the night; nothing nested.

    Numbers may be stored as texts and are then read as in a CSV file. A number that is stored as NaN is a problem, one
    that is missing is blank.

    Parameters
    ----------
    data : bytes
        The file.
    limits : Limits
        Its rows are held against what the metadata say, before any row is read.

    Returns
    -------
    Rows

    Raises
    ------
    Unreadable
        If it is not whole, its columns are wrong, it holds more than allowed (`LimitHit`), or reading it takes more
        memory or time than a file of rows ever does, or crashes the child.
    SandboxBroken
        If the child process could not be started.
    """
    _look_at_ends(data)
    try:
        answer = run_limited(_TASK, data, {"rows": limits.rows}, libraries=_LIBRARIES)
    except Stopped as error:
        raise Unreadable(
            f"The Parquet file is refused: {error}. Write it again, from the columns of the template."
        ) from None
    line, _, rest = answer.partition(b"\n")
    try:
        header = json.loads(line)
        return _rows(header, rest, limits)
    except Unreadable:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, RecursionError) as error:
        # The child answers in this form or not at all, unless the file made it do something else.
        raise Unreadable(_NONSENSE) from error


def _look_at_ends(data: bytes) -> None:
    if data[-4:] == _ENCRYPTED or data[:4] == _ENCRYPTED:
        raise Unreadable("The Parquet file is encrypted; send it as it is, for it is signed, not secret to us.")
    if len(data) < 12 or data[-4:] != MAGIC:
        raise Unreadable(
            f"The Parquet file is cut off: it does not end as it should ({len(data):,} bytes). Send it again."
        )
    footer = int.from_bytes(data[-8:-4], "little")
    if footer > len(data) - 12:
        raise Unreadable(
            "The Parquet file is damaged: its metadata are said to be longer than the file. Send it again."
        )
    if footer > _LONGEST_FOOTER:
        raise Unreadable(
            f"The metadata of the Parquet file take {footer:,} bytes; a file of some columns needs a few thousand."
        )


def _rows(header: dict[str, Any], rest: bytes, limits: Limits) -> Rows:
    if "limit" in header:
        raise LimitHit("rows", int(limits.rows), int(header["found"]))
    if "refused" in header:
        raise Unreadable(str(header["refused"]))
    many = int(header["rows"])
    if not 0 < many <= limits.rows:
        raise Unreadable(_NONSENSE)
    row = np.arange(1, many + 1, dtype=np.int64)
    numbered = range(1, many + 1)
    problems = ProblemList()
    found: dict[str, Any] = {}
    at = 0
    for column in header["columns"]:
        name, is_text = column["name"], column["as"] == "text"
        size = many * (4 if is_text else 9)
        part = rest[at : at + size]
        if len(part) != size:
            raise Unreadable(_NONSENSE)
        at += size
        if is_text:
            codes = np.frombuffer(part, dtype="<i4").astype(np.int64)
            texts = [str(text) for text in column["texts"]]
            if codes.min() < -1 or codes.max() >= len(texts):
                raise Unreadable(_NONSENSE)
            written = np.array([*texts, ""], dtype=object)[codes].tolist()
            found[name] = (labels if name in TEXTS else numbers)(written, numbered, name, problems)
        else:
            values = np.frombuffer(part[: many * 8], dtype="<f8").astype(np.float64)
            there = np.frombuffer(part[many * 8 :], dtype=np.uint8) == 1
            found[name] = finite(values, there, numbered, name, problems)
    return Rows(source="parquet", row=row, **found, **problems.finished())
