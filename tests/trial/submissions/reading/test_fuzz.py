"""Files that nobody would write: rows or a refusal come out, never anything else, within time and memory."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.trial.submissions.reading import Unreadable, read_rows
from predpol_eval.trial.submissions.rows import NUMBERS, TEXTS
from tests.trial.submissions.reading.files import CSV, SMALL, SQUARE, USUAL, feature, geojson, parquet, slivers

SEEDS = {
    "csv": CSV,
    "geojson": geojson(feature(night="2018-07-01", risk=0.5), feature([[SQUARE]], "MultiPolygon", area="North")),
    "parquet": parquet(),
    "parquet of plain pages": parquet(use_dictionary=False, compression=None, data_page_version="2.0"),
}
PIECES = [
    b'"', b",", b"\n", b"\r", b"\x00", b"[", b"]", b"{", b"}", b"\\", b"-", b"1e999", b"NaN", b"null", b"true",
    b"\xff", b"\xef\xbb\xbf", b"9" * 400, b"PAR1", b"\xf0\x9f\x98\x80", b"=1+1", b"[" * 18, b":",
    b"\xed\xa0\x80", b"\\ud800",
]  # fmt: skip


def changed(data: bytes, generator: np.random.Generator) -> bytes:
    """The bytes with one to six changes."""
    spoiled = bytearray(data)
    for _ in range(generator.integers(1, 7)):
        at = int(generator.integers(len(spoiled) + 1))
        end = at + int(generator.integers(1, 40))
        way = generator.integers(6)
        if way == 0 and at < len(spoiled):
            spoiled[at] ^= 1 << int(generator.integers(8))
        elif way == 1:
            spoiled[at:at] = PIECES[generator.integers(len(PIECES))]
        elif way == 2:
            del spoiled[at:end]
        elif way == 3:
            spoiled[at:at] = spoiled[at:end] * int(generator.integers(1, 30))
        elif way == 4:
            spoiled[at:end] = generator.bytes(end - at)
        elif at > len(spoiled) // 2:
            del spoiled[at:]
    return bytes(spoiled)


def read(data: bytes, limits=USUAL, name: str = "") -> str:
    """Read a file as the intake does, and look at what comes out; anything but rows and a refusal goes through."""
    try:
        rows = read_rows(data, limits, name, crs="EPSG:27700")
    except Unreadable as error:
        message = str(error)
        assert message
        assert len(message) < 4000
        assert message.isprintable(), message
        return "refused"
    assert 0 <= len(rows) <= limits.rows
    for column in rows.columns:
        values = getattr(rows, column)
        assert len(values) == len(rows)
        if column in TEXTS:
            assert all(type(text) is str and len(text) <= 200 and text.isprintable() for text in values)
        elif column in NUMBERS:
            assert values.dtype == np.float64
            assert not np.isinf(values).any()
        else:
            assert all(shape is None or shape.is_valid for shape in values)
    assert (np.diff(rows.row) > 0).all()
    assert all(str(problem).isprintable() for problem in rows.problems)
    return rows.source


def fuzz(seed: int, many: int, names: list[str], slowest: float) -> dict[str, int]:
    """Read many changed files; how many came out which way."""
    generator = np.random.default_rng(seed)
    outcomes: dict[str, int] = {}
    for _ in range(many):
        data = changed(SEEDS[names[generator.integers(len(names))]], generator)
        begun = time.process_time()
        outcome = read(data)
        assert time.process_time() - begun < slowest
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return outcomes


def test_changed_files():
    outcomes = fuzz(1, 1500, ["csv", "geojson"], 2)
    # Both ways out are taken often, or the changes would prove nothing.
    assert outcomes["csv"] > 100
    # Most changes of JSON leave none; trees of odd JSON are tried below.
    assert outcomes["geojson"] > 20
    assert outcomes["refused"] > 300


def test_changed_parquet_files_by_the_child():
    outcomes = fuzz(2, 12, ["parquet", "parquet of plain pages"], 2)
    assert outcomes["refused"] > 3


@given(st.binary(max_size=300), st.sampled_from([b"", b"{", b"[", b"kind,cell\n", b"\xef\xbb\xbf", b"kind;risk\n1;"]))
def test_random_bytes(data, start):
    read(start + data, SMALL)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_name_is_only_a_name(name, word):
    read(word.encode("utf-8", "replace"), SMALL, name)
    read(b"PK\x03\x04", SMALL, name)


FIELD = st.sampled_from(
    ["kind", "cell", "risk", "x", "a", "1", "0.5", "", '"', '""', '"a', "1e400", "é", "=1", "\t", " "]
)


@given(
    st.lists(st.lists(FIELD, max_size=5), max_size=6), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n", "\r"])
)
def test_lines_of_odd_fields(lines, separator, ending):
    text = ending.join(separator.join(line) for line in [["kind", "cell", "risk"], *lines])
    read(text.encode(), SMALL)


LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["Polygon", "Feature", "a"])
)
TREE = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "features", "geometry", "coordinates", "properties", "crs", "kind", "risk"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(TREE, TREE, TREE)
def test_trees_of_odd_json(coordinates, properties, other):
    made = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": coordinates},
        "properties": properties,
    }
    read(geojson(feature(), made, feature([other])))
    read(geojson(feature(), other))
    read(json.dumps(other).encode())


def worst_files():
    """Files at the usual limits, each a way to make reading slow or large, with the way in which it ends."""
    rows = 199_000
    yield "many blank lines", b"kind,cell,risk\n" + b"\n" * 19_000_000, "refused"
    yield "lines of blanks", b"kind,cell,risk\n" + (b" " * 90 + b"\n") * rows, "refused"
    yield "one line of quotes", b"kind,cell,risk\n" + b'"' * 19_000_000, "csv"
    yield "lines of quotes", b"kind,cell,risk\n" + (b'"' * 90 + b"\n") * rows, "csv"
    yield "doubled quotes", b"kind,cell,risk\n" + (b'"","","' + b'a""' * 25 + b'"\n') * rows, "csv"
    wrong = "".join(f"c{i},a{i},k{i},x{i},y{i},r{i},s{i}\n" for i in range(rows))
    yield "all wrong and all different", b"cell,area,kind,x,y,rank,risk\n" + wrong.encode(), "csv"
    right = "".join(f"2018-07-01,North,burglary,r{i:03d}c{i:03d},{i}.25,{i}.5,{i},{1 / (i + 1)}\n" for i in range(rows))
    yield "honest and large", b"night,area,kind,cell,x,y,rank,risk\n" + right.encode(), "csv"
    start = b'{"type":"FeatureCollection","features":['
    yield "open brackets", b"[" * 19_999_999, "refused"
    yield "open objects", b'{"a":' * 3_900_000, "refused"
    yield "empty lists", start + b"[]," * 6_000_000 + b"0]}", "refused"
    yield "short texts", start + b'"a",' * 3_700_000 + b"0]}", "refused"
    yield "texts and objects", start + b'"a",' * 2_000_000 + b'{"a":1},' * 790_000 + b"0]}", "refused"
    yield "numbers", start + b"1.5," * 3_700_000 + b"0]}", "refused"
    yield "long numbers", start + (b"9" * 4300 + b",") * 4600 + b"0]}", "refused"
    yield "keys", start + b"{" + b",".join(b'"%d":1' % i for i in range(1_400_000)) + b"}]}", "refused"
    yield "escapes", b'{"type":"' + b'\\"' * 9_900_000 + b'"', "refused"
    yield "boxes", geojson(*[feature([[[x + i, y] for x, y in SQUARE]]) for i in range(39_000)]), "geojson"
    yield "slivers", geojson(feature([slivers(40_000)])), "refused"
    yield "many slivers", geojson(*[feature([slivers(500)])] * 90), "geojson"


LIMITED = """
    import resource, sys, time
    from pathlib import Path
    from tests.trial.submissions.reading.test_fuzz import USUAL, read
    import shapely
    for path, expected in zip(sys.argv[1::2], sys.argv[2::2]):
        data = Path(path).read_bytes()
        pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages + (512 << 20), before[1]))
        begun = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        from predpol_eval.trial.submissions.reading import Unreadable, read_rows
        try:
            outcome = read_rows(data, USUAL).source
        except Unreadable:
            outcome = "refused"
        ended = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        assert outcome == expected, (path, outcome)
        sys.stdout.write(f"{ended - begun:.2f}\\n")
"""


@pytest.mark.slow
@pytest.mark.linux_only
def test_the_worst_files_within_two_seconds_and_512_mib(tmp_path):
    times = {}
    for name, data, expected in worst_files():
        assert len(data) <= USUAL.bytes, name
        path = tmp_path / "file"
        path.write_bytes(data)
        # A process each: memory that one took does not count for the next.
        command = [sys.executable, "-c", textwrap.dedent(LIMITED), str(path), expected]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[4], check=False)
        assert ran.returncode == 0, (name, ran.stderr[-2000:])
        times[name] = float(ran.stdout)
    sys.stderr.write(f"{times}\n")
    assert max(times.values()) < 2, times


@pytest.mark.slow
@pytest.mark.linux_only
def test_ten_thousand_changed_files():
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = fuzz(3, 9_000, ["csv", "geojson"], 2)
    assert outcomes["csv"] > 500
    assert outcomes["geojson"] > 100
    assert outcomes["refused"] > 500
    outcomes = fuzz(4, 1_000, ["parquet", "parquet of plain pages"], 2)
    assert outcomes["refused"] > 300
    assert outcomes["parquet"] > 30
    # Kibibytes, of this process and of the largest child.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 512 << 10
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 512 << 10


GUIDED = """
    import sys
    import atheris
    with atheris.instrument_imports(include=["predpol_eval.trial.submissions"]):
        from predpol_eval.trial.submissions.csv_rows import read_csv
        from predpol_eval.trial.submissions.geojson_boxes import read_geojson
        from predpol_eval.trial.submissions import reading
    from tests.trial.submissions.reading.test_fuzz import SEEDS, read

    def one(data):
        if not data.startswith(b"PAR1"):
            read(data)

    options = ["-runs=100000", "-seed=1", "-timeout=5", "-rss_limit_mb=2048", "-max_len=2000"]
    atheris.Setup([sys.argv[0], *options, sys.argv[1]], one)
    atheris.Fuzz()
"""


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not installed (pip install atheris)"
)
def test_guided_by_coverage(tmp_path):
    for name in ("csv", "geojson"):
        (tmp_path / name).write_bytes(SEEDS[name])
    command = [sys.executable, "-c", textwrap.dedent(GUIDED), str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[4], check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "Done 100000 runs" in ran.stderr
