"""Files that an adversary hands in, signed as they should be: each is one attack, with the outcome it has to have."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.trial.evenings import FIRST
from tests.trial.plan.town import X, Y
from tests.trial.submissions.reading.files import slivers, varint, with_footer

HEADER = "night,area,kind,cell,risk\n"
ROW = f"{FIRST},South,burglary,r000c000,"
Attack = tuple[str, Callable[[], bytes], str]


def attacks() -> Iterator[Attack]:
    """Name, a function that makes the file, and the outcome: rejected, or refused before it is kept."""
    for family in (archives, texts, numbers, trees, polygons, tables, masses):
        yield from family()


def archives() -> Iterator[Attack]:
    yield "a gzip bomb named .csv", lambda: gzip.compress(bytes(100_000_000)), "rejected"
    yield "a zip bomb", _zip_bomb, "rejected"
    yield "a bzip2 bomb", lambda: bz2.compress(bytes(40_000_000)), "rejected"
    yield "a pickle", lambda: b"\x80\x04\x95\x1c\x00\x00\x00cos\nsystem\n(S'touch /tmp/x'\ntR.", "rejected"
    yield "a web page", lambda: b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>", "rejected"


def texts() -> Iterator[Attack]:
    for name, field in (
        ("a path", "../../../../etc/passwd"),
        ("a device", "/dev/zero"),
        ("a formula", '"=HYPERLINK(""http://x"",""y"")"'),
        ("a plus", "+1+1"),
        ("a minus", "-1+cmd|' /C calc'!A0"),
        ("an at", "@SUM(1)"),
        ("escapes of a terminal", "\x1b[2J\x1b]0;x\x07"),
        ("writing from the right", "\u202eburglary"),
        ("letters that look alike", "burgl\u0430ry"),
        ("a letter taken apart", "burglary\u0301"),
        ("a long text", "b" * 100_000),
    ):
        # The same in every column at once.
        line = ",".join([field] * 4)
        yield f"{name} in every cell", lambda line=line: (HEADER + line + ",0.5\n").encode(), "rejected"
        yield f"{name} as a column", lambda field=field: (HEADER.strip() + f",{field}\n{ROW}1,2\n").encode(), "rejected"
    yield "a zero byte", lambda: (HEADER + ROW).encode() + b"1\x00\n", "rejected"
    yield "UTF-16", lambda: (HEADER + ROW + "1\n").encode("utf-16"), "rejected"
    yield "UTF-16 without a mark", lambda: (HEADER + ROW + "1\n").encode("utf-16-le"), "rejected"
    yield "Latin 1", lambda: (HEADER + ROW.replace("South", "S\xfcd") + "1\n").encode("latin-1"), "rejected"
    yield "halves of characters", lambda: (HEADER + ROW).encode() + b"\xed\xa0\x80\n", "rejected"
    yield "two marks", lambda: b"\xef\xbb\xbf\xef\xbb\xbf" + (HEADER + ROW + "1\n").encode(), "rejected"
    yield "a quote that is never closed", lambda: (HEADER + '"' + ROW + "1\n" * 1000).encode(), "rejected"
    yield "a header twice", lambda: (HEADER.strip() + ",risk\n" + ROW + "1,2\n").encode(), "rejected"
    yield "ten thousand columns", lambda: ("a," * 10_000 + "risk\n").encode(), "rejected"


def numbers() -> Iterator[Attack]:
    for value in (
        "nan",
        "inf",
        "-inf",
        "1e400",
        "-1",
        "9" * 100_000,
        "0x10",
        "1_000",
        "\u0661",
        "1e-400-",
        "--1",
        "1,5",
    ):
        yield f"the risk {value[:12]}", lambda value=value: (HEADER + ROW + f'"{value}"\n').encode(), "rejected"
    yield "the rank 1e308", lambda: f"area,kind,cell,rank\nSouth,burglary,r000c000,1e308\n".encode(), "rejected"  # noqa: F541
    yield "a place at infinity", lambda: b"kind,x,y,risk\nburglary,1e999,433100,1\n", "rejected"
    yield "a place beyond all", lambda: b"kind,x,y,risk\nburglary,1e300,-1e300,1\n", "rejected"
    yield "the same box twice", lambda: (HEADER + (ROW + "1\n") * 2).encode(), "rejected"
    yield "the same box with two risks", lambda: (HEADER + ROW + "1\n" + ROW + "2\n").encode(), "rejected"
    yield "another night", lambda: (HEADER + ROW.replace(FIRST, "2018-07-02") + "1\n").encode(), "rejected"
    yield "a night that is none", lambda: (HEADER + ROW.replace(FIRST, "2018-02-30") + "1\n").encode(), "rejected"


def trees() -> Iterator[Attack]:
    yield "10,000 brackets", lambda: b"[" * 10_000, "rejected"
    yield "100,000 brackets in a file", lambda: _collection(b"[" * 100_000 + b"]" * 100_000), "rejected"
    yield "objects 10,000 deep", lambda: b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "rejected"
    yield (
        "collections 10,000 deep",
        lambda: _collection(b'{"type":"GeometryCollection","geometries":[' * 10_000 + b"]}" * 10_000),
        "rejected",
    )
    yield "a number of 100,000 digits", lambda: _collection(b"9" * 100_000), "rejected"
    yield (
        "a coordinate of 4,000 digits",
        lambda: features(feature([[[X, Y], [int("9" * 4000), Y], [X, Y + 9], [X, Y]]])),
        "rejected",
    )
    yield "a key twice", lambda: b'{"type":"FeatureCollection","type":"Feature","features":[]}', "rejected"
    yield "not a number", lambda: features(feature([[[X, Y], [math.nan, Y], [X, Y + 9], [X, Y]]])), "rejected"
    yield "infinity", lambda: features(feature([[[X, Y], [1e999, Y], [X, Y + 9], [X, Y]]])), "rejected"
    yield "truth values", lambda: features(feature([[[X, Y], [True, False], [X, Y + 9], [X, Y]]])), "rejected"
    yield "half of a character", lambda: features(feature(_box(0, 0, 9, 9), kind="\ud800")), "rejected"
    yield "a formula as kind", lambda: features(feature(_box(0, 0, 9, 9), kind="=1+1")), "rejected"
    yield "a path as area", lambda: features(feature(_box(0, 0, 9, 9), area="../../x")), "rejected"


def polygons() -> Iterator[Attack]:
    yield "a bow tie", lambda: features(feature([[[X, Y], [X + 9, Y + 9], [X + 9, Y], [X, Y + 9], [X, Y]]])), "rejected"
    yield "degrees", lambda: features(feature([[[-1.5, 53.8], [-1.4, 53.8], [-1.4, 53.9], [-1.5, 53.8]]])), "rejected"
    yield "all the world", lambda: features(feature(_box(-9e6, -9e6, 9e6, 9e6))), "rejected"
    yield "farther than the world", lambda: features(feature(_box(-1e300, -1e300, 1e300, 1e300))), "rejected"
    yield "a line and back", lambda: features(feature([[[X, Y], [X + 9, Y], [X, Y], [X, Y]]])), "rejected"
    yield "a point", lambda: features(feature([[[X, Y]] * 4])), "rejected"
    yield "a hole outside", lambda: features(feature([*_box(0, 0, 9, 9), *_box(20, 20, 30, 30)])), "rejected"
    yield "a million vertices", _million, "rejected"
    yield "9,000 times the same", lambda: features(*[feature(_box(0, 0, 100, 100))] * 9_000), "rejected"
    yield "80,000 polygons", lambda: features(*[feature(_box(0, 0, 1, 1))] * 80_000), "rejected"
    yield (
        "edges upon edges",
        lambda: features(*[feature(_box(0, 0, 0.01 + i / 100, 0.01 + i / 1000)) for i in range(9_000)]),
        "rejected",
    )
    yield "1,000 spokes", lambda: features(*[feature([_spoke(i, 1_000)]) for i in range(1_000)]), "rejected"
    # Within all limits, no crossing among them, and minutes of work if nobody stopped it.
    yield "4,000 rings within each other", lambda: features(*[feature(_ring(i)) for i in range(4_000)]), "rejected"
    yield "9,000 triangles in a row", lambda: features(*[feature([_triangle(i)]) for i in range(9_000)]), "rejected"
    yield "teeth", lambda: features(feature([[[X + x / 1e3, Y + y / 1e3] for x, y in slivers(9_000)]])), "rejected"
    yield (
        "long holes side by side",
        lambda: features(feature([*_box(0, 0, 900, 300), *(_slant(i) for i in range(9_000))])),
        "rejected",
    )


def tables() -> Iterator[Attack]:
    small = {"kind": ["burglary"], "cell": ["r000c000"], "risk": [1.0]}
    yield (
        "ten million rows in a few bytes",
        lambda: parquet({"kind": pa.nulls(10_000_000), "risk": pa.nulls(10_000_000)}),
        "rejected",
    )
    yield "a billion rows in the metadata", lambda: _rows_said(10**9), "rejected"
    yield "more rows than a number holds", lambda: _rows_said(2**31), "rejected"
    yield "rows below nothing", lambda: _rows_said(-5), "rejected"
    yield (
        "a text of 100 MB, packed",
        lambda: parquet({**small, "kind": ["b" * 100_000_000]}, compression="zstd"),
        "rejected",
    )
    yield (
        "one text in 190,000 rows",
        lambda: parquet(
            {"kind": ["b" * 10_000] * 190_000, "cell": ["r000c000"] * 190_000, "risk": [1.0] * 190_000},
            compression="zstd",
        ),
        "rejected",
    )
    yield "lists in lists", lambda: parquet({**small, "cell": pa.array([[[[[["r000c000"]]]]]])}), "rejected"
    yield "columns without end", lambda: parquet({f"c{number}": [1] for number in range(5_000)}), "rejected"
    yield (
        "metadata of 3 MB",
        lambda: parquet(pa.table(small).replace_schema_metadata({"a": "b" * 3_000_000})),
        "rejected",
    )
    yield (
        "a row group for each row",
        lambda: parquet({"kind": ["b"] * 2_000, "risk": [1.0] * 2_000}, row_group_size=1),
        "rejected",
    )
    yield "a footer that is longer than the file", lambda: parquet(small)[:-8] + b"\xff\xff\xff\x7fPAR1", "rejected"
    yield "a file cut off", lambda: parquet(small)[:-20], "rejected"
    yield "nothing but marks", lambda: b"PAR1" * 3, "rejected"
    yield "risks that are no numbers", lambda: parquet({**small, "risk": [math.nan]}), "rejected"
    yield "risks without end", lambda: parquet({**small, "risk": [math.inf]}), "rejected"
    yield (
        "texts that are no texts",
        lambda: parquet({**small, "kind": pa.array([b"\xff\xfe"]).cast(pa.binary())}),
        "rejected",
    )
    yield "a formula in a table", lambda: parquet({**small, "kind": ["=1+1"]}), "rejected"


def masses() -> Iterator[Attack]:
    """As much as the plan allows, or more."""
    yield "ten million rows", lambda: HEADER.encode() + b"1\n" * 9_999_000, "rejected"
    yield "more bytes than the plan allows", lambda: b"x" * 20_000_001, "refused"
    yield "20 MB of quotes", lambda: HEADER.encode() + b'"' * 19_900_000, "rejected"
    yield "20 MB of blank lines", lambda: HEADER.encode() + b"\n" * 19_900_000, "rejected"
    yield "20 MB of brackets", lambda: b"[" * 19_999_000, "rejected"
    yield (
        "20 MB of keys",
        lambda: b"{" + b",".join(b'"%d":1' % number for number in range(1_700_000)) + b"}",
        "rejected",
    )
    yield "199,000 rows that are the same", lambda: (HEADER + (ROW + "1\n") * 199_000).encode(), "rejected"
    yield (
        "199,000 kinds",
        lambda: (HEADER + "".join(f"{FIRST},South,kind {number},r000c000,1\n" for number in range(199_000))).encode(),
        "rejected",
    )
    yield (
        "199,000 rows of faults",
        lambda: (
            b"cell,area,kind,x,y,rank,risk\n"
            + b"".join(b"c%d,a%d,k%d,x%d,y%d,r%d,s%d\n" % ((number,) * 7) for number in range(199_000))
        ),
        "rejected",
    )


# Parts ----------------------------------------------------------------------------------------------------


def _zip_bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../outside.csv", bytes(50_000_000))
    return stream.getvalue()


def parquet(columns: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), stream, **options)
    return stream.getvalue()


def _rows_said(many: int) -> bytes:
    """A file of three rows whose metadata say that it has another number, in every place."""
    data = parquet({"kind": ["burglary"] * 77, "cell": ["r000c000"] * 77, "risk": [1.0] * 77})
    said = varint(many) if many >= 0 else bytes([-many * 2 - 1])
    return with_footer(data, varint(77), said)


def _collection(inside: bytes) -> bytes:
    return b'{"type":"FeatureCollection","features":[' + inside + b"]}"


def feature(rings: Any, kind: str = "burglary", **more: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"night": FIRST, "kind": kind, **more},
        "geometry": {"type": "Polygon", "coordinates": rings},
    }


def features(*every: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": list(every)}).encode()


def _box(west: float, south: float, east: float, north: float) -> list[list[list[float]]]:
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return [[[X + x, Y + y] for x, y in corners]]


def _million() -> bytes:
    """A ring of a million points that go up and down, in as few bytes as can be."""
    points = b",".join(b"[430%03d,43300%d]" % (number % 900, number % 2) for number in range(1_000_000))
    start = json.dumps(feature([])).encode().removesuffix(b"[]}}")
    return b'{"type":"FeatureCollection","features":[' + start + b"[[" + points + b"]]}}]}"


def _spoke(number: int, of: int) -> list[list[float]]:
    turn = math.pi * number / of
    along, across = (400 * math.cos(turn), 400 * math.sin(turn)), (-0.01 * math.sin(turn), 0.01 * math.cos(turn))
    corners = [(1, 1), (1, -1), (-1, -1), (-1, 1), (1, 1)]
    return [[X + 500 + a * along[0] + b * across[0], Y + 500 + a * along[1] + b * across[1]] for a, b in corners]


def _ring(number: int) -> list[list[list[float]]]:
    far, near = 0.01 * number, 0.01 * number + 0.001
    return [*_box(far, far, 200 - far, 200 - far), *_box(near, near, 200 - near, 200 - near)]


def _triangle(number: int) -> list[list[float]]:
    west = X + 10 + number / 100
    return [[west, Y + 10], [west + 0.01, Y + 10], [west + 0.005, Y + 10.01], [west, Y + 10]]


def _slant(number: int) -> list[list[float]]:
    west = X + 1 + number / 20
    return [[west, Y + 1], [west + 0.02, Y + 1], [west + 200.02, Y + 201], [west + 200, Y + 201], [west, Y + 1]]
