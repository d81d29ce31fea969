"""The folder of results: whose it is, and files that are written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from predpol_eval.errors import InputError

RECORD = "run.json"
SCHEMA = "predpol_eval.run/1"


class OutputFolder:
    """A folder that holds the results of one run.

    Files that are not ours are never touched. A folder that holds another run is refused, unless `overwrite`.

    Parameters
    ----------
    path : path
    command : str
        Name of the command; a run of the same command with the same fingerprint may be written again.
    overwrite : bool
        Whether results of another run may be replaced.
    """

    def __init__(self, path: Path, command: str, *, overwrite: bool = False) -> None:
        self.path = path
        self.command = command
        self.overwrite = overwrite
        self.written: list[str] = []

    def check(self, fingerprint: str | None = None) -> None:
        """Refuse a folder in use; without a fingerprint, as far as can be said before the data are read.

        Raises
        ------
        InputError
            If it is no folder, holds something else, or another run.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{str(self.path)!r} is a file; name a folder for the results with --output.")
        if self.overwrite or not self.path.is_dir() or not any(self.path.iterdir()):
            return
        record = self._record()
        remedy = "choose another with --output, or replace it with --overwrite"
        if record is None:
            raise InputError(f"The folder {str(self.path)!r} is in use and holds no run of predpol-eval; {remedy}.")
        if record.get("command") != self.command:
            raise InputError(f"The folder {str(self.path)!r} holds a run of another command; {remedy}.")
        if fingerprint is not None and record.get("fingerprint") != fingerprint:
            raise InputError(
                f"The folder {str(self.path)!r} holds another run (other data, settings or version); {remedy}."
            )

    def begin(self, record: dict[str, Any]) -> None:
        """Make the folder and mark it as ours, not complete yet."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._write_record({**record, "complete": False})

    def finish(self, record: dict[str, Any]) -> None:
        """Write the record of the run, with the files it wrote: the last thing, so that it stands for a whole run."""
        self._write_record({**record, "files": self.written, "complete": True})

    def write(self, name: str, by: Callable[[Path], None]) -> None:
        """Let `by` write a file beside its place, and put it there when it is whole."""
        # The ending stays, for writers that go by it.
        partial = self.path / f".partial-{os.getpid()}-{name}"
        try:
            by(partial)
            with partial.open("rb+") as handle:
                os.fsync(handle.fileno())
            partial.replace(self.path / name)
        finally:
            partial.unlink(missing_ok=True)
        if name != RECORD:
            self.written.append(name)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file (UTF-8, lines end in a line feed)."""
        self.write(name, lambda path: _write_text(path, text))

    def write_table(self, name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write a CSV that a spreadsheet can open without running anything in it."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([[cell_text(value) for value in row] for row in rows])
        self.write_text(name, stream.getvalue())

    def _record(self) -> dict[str, Any] | None:
        try:
            record = json.loads((self.path / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) and record.get("schema") == SCHEMA else None

    def _write_record(self, record: dict[str, Any]) -> None:
        self.write_text(RECORD, json.dumps({"schema": SCHEMA, **record}, indent=2, ensure_ascii=False) + "\n")


def cell_text(value: Any) -> str:
    """Text of one cell of a table: numbers in full, undefined blank, and nothing that a spreadsheet would run.

    Examples
    --------
    >>> cell_text(0.1), cell_text(float("nan")), cell_text(3.0), cell_text("=1+1"), cell_text(-2.5)
    ('0.1', '', '3', "'=1+1", '-2.5')
    """
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, float):
        if value != value:
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
    text = str(value)
    harmless = not text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) or re.fullmatch(r"[+-]?\d+(\.\d+)?", text)
    return text if harmless else f"'{text}"


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
