"""What is done with a Parquet file in the child process: its metadata first, then its columns as plain arrays.

The answer is a line of JSON, and after it the bytes of the arrays: nothing that could be more than numbers and texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from predpol_eval.trial.submissions.column_names import MOST_COLUMNS, match_columns
from predpol_eval.trial.submissions.limits_hit import LimitHit, refuse_beyond
from predpol_eval.trial.submissions.plain_values import LONGEST
from predpol_eval.trial.submissions.rows import TEXTS, Unreadable, shown

MOST_GROUPS = 1000
MOST_UNPACKED = 64 << 20
_AT_ONCE = 1 << 15


def extract(data: bytes, options: Mapping[str, int]) -> bytes:
    """Columns of a Parquet file, or why it has none, as `parquet_rows.read_parquet` takes them apart.

    Parameters
    ----------
    data : bytes
        The file.
    options : mapping
        The limit ``rows``.

    Returns
    -------
    bytes
    """
    import pyarrow as pa

    try:
        return _columns(data, options["rows"])
    except LimitHit as error:
        return _line({"limit": error.limit, "found": error.found})
    except Unreadable as error:
        return _line({"refused": str(error)})
    except (pa.ArrowMemoryError, pa.ArrowCapacityError) as error:
        raise MemoryError from error
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        return _line({"refused": f"The file is not whole, or not Parquet as it should be ({shown(str(error))})."})


def _line(header: Mapping[str, Any]) -> bytes:
    return json.dumps(header, ensure_ascii=True).encode("ascii") + b"\n"


def _columns(data: bytes, most_rows: int) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Bounds on what the metadata themselves may make the library allocate.
    opening: dict[str, Any] = {
        "thrift_string_size_limit": 1 << 20,
        "thrift_container_size_limit": 1 << 16,
        "pre_buffer": False,
    }
    file = pq.ParquetFile(pa.BufferReader(data), **opening)
    stored = _look_at_metadata(file.metadata, most_rows)
    schema = file.schema_arrow
    names = match_columns(schema.names)
    readings = _readings(schema, names)
    # A text that stands a million times is held once.
    texts = [name for name, field in zip(schema.names, schema, strict=True) if pa.types.is_string(field.type)]
    if texts:
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts, **opening)
    batches = []
    read = 0
    for batch in file.iter_batches(batch_size=_AT_ONCE, use_threads=False):
        read += batch.num_rows
        if read > stored:
            break
        batch.validate(full=True)
        batches.append(batch)
    if read != stored:
        raise Unreadable(f"The file says that it has {stored} rows, but holds another number; write it again.")
    table = pa.Table.from_batches(batches)
    header: dict[str, Any] = {"rows": stored, "columns": []}
    parts = []
    for position, name in enumerate(names):
        column, part = (_as_texts if readings[name] == "text" else _as_numbers)(table.column(position))
        header["columns"].append({"name": name, **column})
        parts.append(part)
    return _line(header) + b"".join(parts)


def _look_at_metadata(metadata: Any, most_rows: int) -> int:
    """Number of rows that the file says it has, once nothing in its metadata speaks against reading it."""
    refuse_beyond("rows", SimpleNamespace(rows=most_rows), metadata.num_rows)
    if metadata.num_rows < 1:
        raise Unreadable("The file has columns but no rows; there is one row for each predicted box.")
    if metadata.num_row_groups > MOST_GROUPS:
        raise Unreadable(
            f"The file has {metadata.num_row_groups:,} row groups, more than {MOST_GROUPS:,}; write it with one."
        )
    if metadata.num_columns > MOST_COLUMNS:
        raise Unreadable(f"The file has {metadata.num_columns:,} columns; send those of the template only.")
    rows = unpacked = 0
    repeats = any(metadata.schema.column(number).max_repetition_level for number in range(metadata.num_columns))
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        rows += group.num_rows
        if group.num_columns != metadata.num_columns:
            raise Unreadable("The metadata of the file contradict themselves (columns of a row group); write it again.")
        for position in range(group.num_columns):
            column = group.column(position)
            if group.num_rows < 0 or column.total_uncompressed_size < 0 or column.total_compressed_size < 0:
                raise Unreadable("The metadata of the file hold negative sizes; write it again.")
            # Of a column that repeats nothing and is not nested; lists are refused by their type later.
            if column.num_values != group.num_rows and not repeats:
                raise Unreadable(
                    f"The metadata of the file contradict themselves: {group.num_rows} rows, but {column.num_values} "
                    "values in a column; write it again."
                )
            unpacked += column.total_uncompressed_size
    if rows != metadata.num_rows:
        raise Unreadable(
            f"The metadata of the file contradict themselves: {metadata.num_rows} rows, but {rows} in its row groups; "
            "write it again."
        )
    if unpacked > MOST_UNPACKED:
        raise Unreadable(
            f"The file unpacks to {unpacked:,} bytes, more than {MOST_UNPACKED:,}; send the columns of the template "
            "only."
        )
    return int(rows)


def _readings(schema: Any, names: list[str]) -> dict[str, str]:
    """Whether each column is read as texts or as numbers; all of a type that cannot be are told together."""
    import pyarrow.types as at

    readings, faults = {}, []
    for name, field in zip(names, schema, strict=True):
        kind = field.type.value_type if at.is_dictionary(field.type) else field.type
        is_text = at.is_string(kind) or at.is_large_string(kind) or at.is_null(kind)
        is_number = at.is_integer(kind) or at.is_floating(kind) or at.is_decimal(kind)
        label = name in TEXTS
        if is_text or (label and at.is_integer(kind)) or (name == "night" and at.is_date(kind)):
            readings[name] = "text"
        elif is_number and not label:
            readings[name] = "number"
        else:
            what = "text or date" if name == "night" else "text" if label else "a number"
            faults.append(f"{name} is of type {shown(str(kind))}, expected {what}")
    if faults:
        raise Unreadable(f"Columns of the file are of types that are not read: {'; '.join(faults)}.")
    return readings


def _as_texts(column: Any) -> tuple[dict[str, Any], bytes]:
    """Texts of a column: each different one once, and the position of that of every row, -1 where nothing stands."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        found = column.combine_chunks()
        found = found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
    else:
        written = column if pa.types.is_string(column.type) else column.cast(pa.string())
        found = written.combine_chunks().dictionary_encode()
        found = found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
    values = found.dictionary
    # A dictionary of whole numbers or dates becomes one of texts; one text too long is told, not handed on whole.
    values = values if pa.types.is_string(values.type) else values.cast(pa.string())
    values = pc.utf8_slice_codeunits(values, 0, LONGEST + 1)
    codes = found.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    # A value of the dictionary may itself be nothing.
    texts = [text or "" for text in values.to_pylist()]
    return {"as": "text", "texts": texts}, codes.astype("<i4").tobytes()


def _as_numbers(column: Any) -> tuple[dict[str, Any], bytes]:
    """Numbers of a column, and whether each is there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    there = pc.is_valid(column).to_numpy()
    # Whole numbers beyond 2**53 are no ranks and no metres: they lose their last digits here.
    values = column.cast(pa.float64(), safe=False).fill_null(0.0).to_numpy()
    return {"as": "number"}, values.astype("<f8").tobytes() + there.astype(np.uint8).tobytes()
