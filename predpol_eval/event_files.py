"""Events as Parquet, with a schema version, and back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.events import _TIME_COLUMNS, Events, _frozen
from predpol_eval.observation import Periods

SCHEMA = "predpol_eval.events/1"


def save(events: Events, path: Path) -> None:
    """Write events to `path`; a file that is there is replaced only when the new one is whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {"id": events.id}
    for name in _TIME_COLUMNS:
        values = getattr(events, name)
        if values is not None:
            columns[name] = values.astype("datetime64[ns]")
    columns |= {"x": events.x, "y": events.y, "kind_code": events.kind_code}
    header = {
        "schema": SCHEMA,
        "crs": events.crs,
        "tz": events.tz,
        "kinds": list(events.kinds),
        "observed": [[str(first), str(last)] for first, last in events.observed],
        "suspect": [[str(first), str(last)] for first, last in events.suspect],
        "resolution": events.resolution,
        "clock_changes": dict(events.clock_changes),
        "fingerprint": events.fingerprint,
    }
    table = pa.table(columns).replace_schema_metadata({"predpol_eval": json.dumps(header)})
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        pq.write_table(table, partial, compression="zstd")
        with partial.open("rb+") as handle:
            os.fsync(handle.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load(path: Path) -> Events:
    """Read what `save` wrote.

    Raises
    ------
    InputError
        If the file is missing, is not such a file, has another schema version, or was changed since.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path.name} cannot be read as Parquet: {error}") from error
    raw = (table.schema.metadata or {}).get(b"predpol_eval")
    header = json.loads(raw) if raw else {}
    if header.get("schema") != SCHEMA:
        raise InputError(
            f"{path.name} was not saved by Events.to_parquet in this version (schema {header.get('schema')!r}, "
            f"expected {SCHEMA!r}); read other Parquet files with read_events(path, format='generic', ...)."
        )

    def column(name: str) -> Any:
        return _frozen(np.asarray(table[name].to_numpy())) if name in table.column_names else None

    ids = column("id")
    events = Events(
        happened=column("happened"),
        happened_until=column("happened_until"),
        recorded=column("recorded"),
        x=column("x"),
        y=column("y"),
        kind_code=column("kind_code"),
        kinds=tuple(header["kinds"]),
        id=ids if ids.dtype.kind in "iu" else _frozen(ids.astype(str)),
        crs=header["crs"],
        tz=header["tz"],
        observed=_periods(header["observed"]),
        suspect=_periods(header["suspect"]),
        resolution=header["resolution"],
        clock_changes=header["clock_changes"],
    )
    if events.fingerprint != header["fingerprint"]:
        raise InputError(f"{path.name} was changed after it was saved: its content does not match its fingerprint.")
    return events


def _periods(pairs: list[list[str]]) -> Periods:
    return tuple((np.datetime64(first, "ns"), np.datetime64(last, "ns")) for first, last in pairs)
