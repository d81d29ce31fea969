"""The rows of a file as texts (or typed Parquet columns), each with the line it stands on."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.data.files import SourceFile, open_bytes, undecodable
from predpol_eval.data.report import Where
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """The rows of a file.

    Attributes
    ----------
    source : str
        Name of the file.
    frame : pandas.DataFrame
        Texts without surrounding spaces (CSV), or columns as stored (Parquet).
    numbers : array of int
        Line (CSV, the header is line 1) or row (Parquet, from 0) of each row of `frame`.
    where : {"line", "row"}
        What `numbers` counts.
    ragged : array of int
        Lines with too many or too few fields, which are not in `frame`.
    ragged_example : str
        The first of them.
    """

    source: str
    frame: pd.DataFrame
    numbers: IntArray
    where: Where
    ragged: IntArray
    ragged_example: str = ""

    @property
    def rows_read(self) -> int:
        """Rows of the file, header apart."""
        return len(self.frame) + len(self.ragged)


def read_table(source: SourceFile, columns: Sequence[str] | None = None) -> Table:
    """Read the rows of an opened file.

    Parameters
    ----------
    source : SourceFile
        From `open_source`.
    columns : sequence of str, optional
        Which columns to read; default all.

    Raises
    ------
    InputError
        If the file cannot be decoded or parsed, or has no rows.
    """
    wanted = list(source.names) if columns is None else list(dict.fromkeys(columns))
    return _read_parquet(source, wanted) if source.kind == "parquet" else _read_csv(source, wanted)


def _read_parquet(source: SourceFile, columns: list[str]) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Without pandas' own notes a data frame's index, saved as a column, is a column like any other.
        frame = pq.read_table(source.path, columns=columns).replace_schema_metadata(None).to_pandas()
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise InputError(f"{source.name} cannot be read as Parquet ({error}); download it again.") from error
    return Table(
        source=source.name,
        frame=frame,
        numbers=np.arange(len(frame), dtype=np.int64),
        where="row",
        ragged=np.empty(0, dtype=np.int64),
    )


def _read_csv(source: SourceFile, columns: list[str]) -> Table:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pacsv

    # Columns go by position here: the names may repeat, and hold spaces that `source.names` has not.
    keys = [f"c{position}" for position in range(len(source.names))]
    chosen = {keys[source.names.index(name)]: name for name in columns}
    invalid: list[Any] = []

    def note(row: Any) -> str:
        invalid.append(row)
        return "skip"

    try:
        with open_bytes(source.path) as stream:
            table = pacsv.read_csv(
                stream,
                # One thread, because only then does Arrow number the rows that it cannot parse.
                read_options=pacsv.ReadOptions(
                    use_threads=False,
                    column_names=keys,
                    skip_rows=int(source.header),
                    encoding=source.encoding,
                    block_size=1 << 22,
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=source.separator,
                    ignore_empty_lines=False,
                    newlines_in_values=True,
                    invalid_row_handler=note,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(keys, pa.string()),
                    strings_can_be_null=False,
                    include_columns=list(chosen),
                ),
            )
    except UnicodeError as error:
        raise undecodable(source.path, source.encoding) from error
    except pa.ArrowInvalid as error:
        message = str(error)
        if "UTF8" in message or "UTF-8" in message:
            raise undecodable(source.path, source.encoding) from error
        if "too short" in message:
            raise _no_rows(source) from error
        raise InputError(f"{source.name} cannot be read as CSV: {message}.") from error
    if table.num_rows == 0 and not invalid:
        raise _no_rows(source)
    trimmed = pa.table([pc.utf8_trim_whitespace(table[key]) for key in chosen], names=[chosen[key] for key in chosen])
    frame = trimmed.to_pandas()
    ragged = np.array([row.number for row in invalid], dtype=np.int64)
    total = len(frame) + len(ragged)
    lines = np.setdiff1d(np.arange(1, total + 1) + int(source.header), ragged, assume_unique=True)
    physical = _physical_lines(source, total + int(source.header))
    if physical is not None:
        lines, ragged = physical[lines - 1], physical[ragged - 1]
    return Table(
        source=source.name,
        frame=frame,
        numbers=lines.astype(np.int64),
        where="line",
        ragged=ragged,
        ragged_example=_describe(invalid[0]) if invalid else "",
    )


def _no_rows(source: SourceFile) -> InputError:
    return InputError(
        f"{source.name} has a header ({len(source.names)} columns) but no rows. Check the export or download it again."
    )


def _describe(row: Any) -> str:
    return f"{row.actual_columns} fields where {row.expected_columns} are expected: {row.text[:80]!r}"


def _physical_lines(source: SourceFile, records: int) -> IntArray | None:
    """Line each record begins on, where quoted line breaks make it differ from the record's number."""
    with open_bytes(source.path) as stream:
        breaks = 0
        last = b""
        while chunk := stream.read(1 << 22):
            breaks += chunk.count(b"\n")
            last = chunk[-1:]
    if breaks + (last != b"\n") <= records or breaks == 0:
        return None
    starts = [1]
    with (
        open_bytes(source.path) as stream,
        io.TextIOWrapper(stream, encoding=source.encoding, newline="") as text,
    ):
        reader = csv.reader(text, delimiter=source.separator)
        try:
            starts.extend(reader.line_num + 1 for _ in reader)
        except csv.Error:
            # A quote that is never closed: Arrow has named the record already.
            return None
    return np.array(starts[:-1], dtype=np.int64) if len(starts) - 1 == records else None
