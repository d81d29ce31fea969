"""Files as vendors send them, whole and spoiled, for the tests of reading."""

from __future__ import annotations

import copy
import io
import json
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

# The limits of a plan, as it has them by default and small.
USUAL = SimpleNamespace(bytes=20_000_000, rows=200_000, vertices=200_000, nights=14)
SMALL = SimpleNamespace(bytes=5_000, rows=20, vertices=60, nights=2)

CSV = (
    b"night,area,kind,cell,x,y,rank,risk\n"
    b"2018-07-01,North,burglary,r001c002,,,1,0.5\n"
    b'2018-07-01,"North, upper",robbery,r001c003,312.5,-1e2,2,\n'
)
COLUMNS: dict[str, list[Any]] = {
    "night": ["2018-07-01", "2018-07-01", "2018-07-02"],
    "area": ["North", "South", None],
    "kind": ["burglary", "burglary", "robbery"],
    "cell": ["r001c002", "r001c003", "r001c002"],
    "rank": [1, 2, 1],
    "risk": [0.5, 0.25, None],
}
SQUARE = [[0, 0], [1000, 0], [1000, 1000], [0, 1000], [0, 0]]


def csv(*lines: str, header: str = "kind,cell,risk") -> bytes:
    return "\n".join([header, *lines]).encode() + b"\n"


def parquet(columns: Any = None, **options: Any) -> bytes:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns or COLUMNS)
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return stream.getvalue()


def feature(rings: Any = None, kind: str = "Polygon", **properties: Any) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": [SQUARE] if rings is None else rings}
    # A copy: tests spoil what they get.
    return copy.deepcopy({"type": "Feature", "geometry": geometry, "properties": {"kind": "burglary", **properties}})


def geojson(*features: Any, **members: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", **members, "features": list(features)}).encode()


def varint(value: int, width: int = 0) -> bytes:
    """A number as Parquet's metadata hold it; padded to a width, which readers allow."""
    value *= 2
    parts = []
    while value >= 128 or len(parts) < width - 1:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def with_footer(data: bytes, old: bytes, new: bytes, count: int = -1) -> bytes:
    """A Parquet file in whose metadata some bytes stand in the place of others."""
    length = int.from_bytes(data[-8:-4], "little")
    start = len(data) - 8 - length
    footer = data[start:-8]
    assert old in footer
    footer = footer.replace(old, new, count)
    return data[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def slivers(many: int) -> list[list[float]]:
    """A comb of long thin teeth side by side, a valid polygon that takes the square of their number to look at."""
    points = []
    for number in range(many):
        at = number * 0.01
        points += [[at, -at], [1e5 + at, 1e5 - at], [1e5 + at + 0.004, 1e5 - at - 0.004], [at + 0.004, -at - 0.004]]
    return [*points, [points[-1][0] - 1, points[-1][1] - 1], [-1, -1], points[0]]
