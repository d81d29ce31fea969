"""Open a file that is said to hold a table, and say plainly what is wrong when it does not."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from predpol_eval.errors import InputError

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_SEPARATORS = (",", ";", "\t", "|")
# What people hand over instead of a CSV, told by its first bytes.
_NOT_TABLES = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook; unpack it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save the sheet as CSV"),
    (b"%PDF", "a PDF; get the table itself as CSV"),
    (b"SQLite format 3", "an SQLite or GeoPackage file; read it with geopandas and use Events.from_frame"),
    (b"<", "a web page or XML, perhaps an error page saved in place of the data; download the CSV again"),
    (b"{", "JSON; read it with pandas or geopandas and use Events.from_frame"),
    (b"[", "JSON; read it with pandas or geopandas and use Events.from_frame"),
)


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file found to hold a table, and the names of its columns.

    Attributes
    ----------
    path : Path
        Where it is.
    kind : {"csv", "parquet"}
        Told by its content, not by its name.
    names : tuple of str
        Column names, stripped, in the order of the file.
    header : bool
        Whether the first line of a CSV holds the names.
    separator, encoding : str
        Of a CSV.
    """

    path: Path
    kind: Literal["csv", "parquet"]
    names: tuple[str, ...]
    header: bool
    separator: str
    encoding: str

    @property
    def name(self) -> str:
        """Name of the file without its folder."""
        return self.path.name


def open_source(
    path: str | Path, *, separator: str = ",", encoding: str = "utf-8", names: Sequence[str] | None = None
) -> SourceFile:
    """Check that `path` is a table, and read the names of its columns.

    Parameters
    ----------
    path : str or Path
        A CSV (plain or gzip) or Parquet file.
    separator, encoding : str
        Of a CSV.
    names : sequence of str, optional
        Column names of a CSV that has no header line.

    Raises
    ------
    InputError
        If the file is missing, a folder, empty, damaged, not a table, in another encoding or with another
        separator.
    """
    file = Path(path)
    head = _first_bytes(file)
    if head.startswith(_PARQUET):
        return SourceFile(path=file, kind="parquet", names=_parquet_names(file), header=True, separator="", encoding="")
    if len(separator) != 1:
        raise InputError(f"separator={separator!r}; give one character, for instance separator=';' or separator='\\t'.")
    _refuse_other_kinds(file, head, encoding)
    first = _first_record(file, separator, encoding)
    if names is not None:
        if len(names) != len(first):
            raise InputError(
                f"{file.name} has {len(first)} columns, but columns= names {len(names)}; its first line is "
                f"{separator.join(first)[:120]!r}."
            )
        found = tuple(str(name) for name in names)
    else:
        found = tuple(name.strip() for name in first)
        _refuse_wrong_separator(file, found, separator)
    return SourceFile(path=file, kind="csv", names=found, header=names is None, separator=separator, encoding=encoding)


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a plain or gzip file, told by its content, for reading bytes; a damaged gzip file is refused."""
    with path.open("rb") as raw:
        compressed = raw.read(2) == _GZIP
        raw.seek(0)
        if not compressed:
            yield raw
            return
        try:
            with gzip.open(raw, "rb") as unpacked:
                yield unpacked  # type: ignore[misc]
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(f"{path.name} is a damaged or cut-off gzip file ({error}); download it again.") from error


def undecodable(path: Path, encoding: str) -> InputError:
    """Say which line of a file is not text in `encoding`, and which encoding to try."""
    place = ""
    with open_bytes(path) as stream:
        # Lines cannot be told apart in bytes where letters take several.
        for number, line in enumerate([] if _is_wide(encoding) else stream, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                around = line[max(0, error.start - 10) : error.end + 10]
                place = f"line {number} holds {around!r}"
                break
    return InputError(
        f"{path.name} is not {encoding} text{': ' + place if place else ''}. Give its encoding: "
        "encoding='latin-1' or "
        "'cp1252' for most Western European files, 'utf-16' for some Excel exports."
    )


def _is_wide(encoding: str) -> bool:
    """Whether letters take several bytes each, so that zero bytes are nothing strange."""
    return encoding.lower().replace("_", "-").startswith(("utf-16", "utf16", "utf-32", "utf32"))


def _first_bytes(file: Path) -> bytes:
    if file.is_dir():
        tables = sorted(entry.name for entry in file.iterdir() if entry.suffix in {".csv", ".gz", ".parquet"})
        named = f" It holds {', '.join(tables[:5])}{' ...' if len(tables) > 5 else ''}." if tables else ""
        raise InputError(f"{file} is a folder; give one file.{named}")
    if not file.exists():
        beside = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
        close = difflib.get_close_matches(file.name, beside, n=3, cutoff=0.6)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        folder = "" if file.parent.is_dir() else f" (there is no folder {file.parent} either)"
        raise InputError(f"There is no file {file}{folder}.{hint}")
    with open_bytes(file) as stream:
        head = stream.read(4096)
    if not head.strip():
        raise InputError(f"{file.name} is empty ({file.stat().st_size} bytes); download or export it again.")
    return head


def _parquet_names(file: Path) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Lists and structures are no columns of a table of crimes.
        return tuple(field.name for field in pq.read_schema(file) if not pa.types.is_nested(field.type))
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise InputError(f"{file.name} begins like Parquet but cannot be read ({error}); download it again.") from error


def _refuse_other_kinds(file: Path, head: bytes, encoding: str) -> None:
    for start, what in _NOT_TABLES:
        if head.lstrip().startswith(start):
            raise InputError(f"{file.name} is not a CSV or Parquet file but {what}.")
    wide = _is_wide(encoding)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and not wide:
        raise InputError(f"{file.name} is UTF-16 text; read it with encoding='utf-16'.")
    if b"\x00" in head and not wide:
        raise InputError(
            f"{file.name} is not a CSV or Parquet file: it holds zero bytes, as text never does; give a "
            "text file with "
            "one row per crime."
        )


def _first_record(file: Path, separator: str, encoding: str) -> list[str]:
    codec = "utf-8-sig" if encoding.lower() in {"utf-8", "utf8"} else encoding
    try:
        with open_bytes(file) as stream, io.TextIOWrapper(stream, encoding=codec, newline="") as text:
            return next(csv.reader(text, delimiter=separator), [])
    except UnicodeError as error:
        raise undecodable(file, encoding) from error
    except LookupError as error:
        raise InputError(f"encoding={encoding!r} is unknown; use 'utf-8', 'latin-1', 'cp1252' or 'utf-16'.") from error
    except csv.Error as error:
        raise InputError(f"The first line of {file.name} is not CSV ({error}).") from error


def _refuse_wrong_separator(file: Path, found: tuple[str, ...], separator: str) -> None:
    """A header that falls apart better at another character was written with that one."""
    if len(found) > 1:
        return
    line = found[0] if found else ""
    counts = {other: line.count(other) for other in _SEPARATORS if other != separator}
    best = max(counts, key=lambda other: counts[other])
    if counts[best]:
        raise InputError(
            f"With {separator!r} between columns, {file.name} has a single column {line[:80]!r}. Its header "
            "holds "
            f"{best!r} {counts[best]} times: read it with separator={best!r}."
        )
