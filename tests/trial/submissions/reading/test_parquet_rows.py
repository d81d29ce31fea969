"""Parquet files: those that people write, spoiled ones, and those made to harm."""

from __future__ import annotations

import datetime
import decimal
import json
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from predpol_eval.trial.submissions import parquet_rows
from predpol_eval.trial.submissions.limits_hit import LimitHit
from predpol_eval.trial.submissions.parquet_columns import MOST_GROUPS, extract
from predpol_eval.trial.submissions.parquet_rows import read_parquet
from predpol_eval.trial.submissions.rows import Unreadable
from predpol_eval.trial.submissions.sandbox import SandboxBroken, Stopped
from tests.trial.submissions.reading.files import COLUMNS, SMALL, USUAL, parquet, varint, with_footer


@pytest.fixture
def at_once(monkeypatch):
    """Read in this process, which is quicker: for files that harm nobody."""
    monkeypatch.setattr(parquet_rows, "run_limited", lambda task, data, options, **_: extract(data, options))


def test_a_whole_file_by_the_child_process():
    rows = read_parquet(parquet(), USUAL)
    assert rows.source == "parquet"
    assert rows.columns == ("night", "area", "kind", "cell", "rank", "risk")
    assert rows.row.tolist() == [1, 2, 3]
    assert rows.night.tolist() == COLUMNS["night"]
    assert rows.area.tolist() == ["North", "South", ""]
    assert rows.rank.tolist() == [1, 2, 1]
    np.testing.assert_array_equal(rows.risk, [0.5, 0.25, np.nan])
    assert rows.problems == ()
    assert rows.x is None


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zstd"},
        {"compression": "gzip", "row_group_size": 2},
        {"use_dictionary": False, "data_page_version": "2.0"},
        {"version": "1.0", "store_schema": False},
        {"row_group_size": 1, "write_page_index": True},
    ],
)
@pytest.mark.usefixtures("at_once")
def test_however_it_was_written(options):
    rows = read_parquet(parquet(**options), USUAL)
    assert rows.cell.tolist() == COLUMNS["cell"]
    assert rows.area.tolist() == ["North", "South", ""]
    np.testing.assert_array_equal(rows.risk, [0.5, 0.25, np.nan])


@pytest.mark.usefixtures("at_once")
def test_types_that_people_use():
    day = datetime.date(2018, 7, 1)
    columns = {
        "Night": pa.array([day, None, day], pa.date32()),
        "AREA ": pa.array(["a", None, "b"], pa.large_string()),
        "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
        "cell": pa.array([12, None, -3], pa.int16()),
        "x": pa.array([decimal.Decimal("312.50"), None, decimal.Decimal("1.25")]),
        "y": pa.array([1.5, 2.5, 3.5], pa.float32()),
        "rank": pa.array(["1", " 2 ", None]),
        "risk": pa.array([1, 2, None], pa.uint64()),
    }
    rows = read_parquet(parquet(columns), USUAL)
    assert rows.night.tolist() == ["2018-07-01", "", "2018-07-01"]
    assert rows.area.tolist() == ["a", "", "b"]
    assert rows.kind.tolist() == ["a", "b", "a"]
    assert rows.cell.tolist() == ["12", "", "-3"]
    np.testing.assert_array_equal(rows.x, [312.5, np.nan, 1.25])
    np.testing.assert_array_equal(rows.y, [1.5, 2.5, 3.5])
    np.testing.assert_array_equal(rows.rank, [1, 2, np.nan])
    np.testing.assert_array_equal(rows.risk, [1, 2, np.nan])
    assert rows.problems == ()


@pytest.mark.usefixtures("at_once")
def test_a_column_of_nothing_is_blank():
    rows = read_parquet(parquet({"kind": ["a"], "cell": pa.nulls(1), "risk": pa.nulls(1)}), USUAL)
    assert rows.cell.tolist() == [""]
    assert np.isnan(rows.risk).all()


@pytest.mark.usefixtures("at_once")
def test_every_row_group_has_its_own_dictionary():
    kinds = [f"k{number // 7}" for number in range(100)]
    assert read_parquet(parquet({"kind": kinds}, row_group_size=9), USUAL).kind.tolist() == kinds


@pytest.mark.usefixtures("at_once")
def test_numbers_in_a_dictionary():
    columns = {"kind": ["a", "b", "c"], "risk": pa.array([0.5, None, 0.5]).dictionary_encode()}
    columns["cell"] = pa.array([7, 8, None]).dictionary_encode()
    rows = read_parquet(parquet(columns), USUAL)
    np.testing.assert_array_equal(rows.risk, [0.5, np.nan, 0.5])
    assert rows.cell.tolist() == ["7", "8", ""]


@pytest.mark.usefixtures("at_once")
def test_values_that_are_none_are_problems_by_row():
    columns = {
        "kind": ["a", "b" * 201, "\x1b", "d"],
        "x": ["1", "1_0", "nan", None],
        "risk": pa.array([np.nan, np.inf, -np.inf, None]),
    }
    rows = read_parquet(parquet(columns), USUAL)
    assert [(p.row, p.column) for p in rows.problems] == [
        (1, "risk"),
        (2, "kind"),
        (2, "risk"),
        (2, "x"),
        (3, "kind"),
        (3, "risk"),
        (3, "x"),
    ]
    assert {p.found for p in rows.problems if p.column == "risk"} == {"nan", "inf", "-inf"}
    assert {p.expected for p in rows.problems if p.column == "risk"} == {
        "a finite number; leave it blank if there is none"
    }
    assert rows.kind.tolist() == ["a", "", "", "d"]
    assert np.isnan(rows.risk).all()


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"kind": ["a"], "colour": ["red"]}, "'colour' is unknown.*it lacks cell"),
        ({"kind": ["a"], "Kind": ["b"]}, "kind is there 2 times"),
        ({"kind": ["a"], "__index_level_0__": [1]}, "index=False"),
        ({"kind": pa.array([["a"]])}, "kind is of type 'list<.*expected text"),
        ({"kind": pa.array([{"a": 1}])}, "kind is of type 'struct<"),
        ({"kind": pa.array([b"a"])}, "kind is of type 'binary', expected text"),
        ({"kind": ["a"], "risk": [True]}, "risk is of type 'bool', expected a number"),
        ({"kind": [1.5], "risk": [datetime.date(2018, 7, 1)]}, "kind is of type 'double', .*; risk is of type 'date32"),
        ({"night": pa.array([0], pa.timestamp("us"))}, "night is of type 'timestamp.*expected text or date"),
        ({"kind": pa.array([], pa.string())}, "columns but no rows"),
        ({f"c{n}": ["a"] for n in range(70)}, "70 columns"),
    ],
)
def test_no_table(columns, message):
    with pytest.raises(Unreadable, match=message):
        read_parquet(parquet(columns), USUAL)


@pytest.mark.usefixtures("at_once")
def test_text_that_is_not_utf8():
    array = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])
    with pytest.raises(Unreadable, match="not whole, or not Parquet as it should be"):
        read_parquet(parquet({"kind": array}), USUAL)


@pytest.mark.usefixtures("at_once")
def test_rows_up_to_the_limit():
    assert len(read_parquet(parquet({"kind": ["a"] * 20}), SMALL)) == 20
    with pytest.raises(LimitHit, match="21 rows; the plan allows 20") as caught:
        read_parquet(parquet({"kind": ["a"] * 21}), SMALL)
    assert (caught.value.limit, caught.value.allowed, caught.value.found) == ("rows", 20, 21)


# Spoiled files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data[:-1], "cut off"),
        (lambda data: data[:200], "cut off"),
        (lambda data: b"PAR1", "cut off"),
        (lambda data: b"PAR1PAR1", "cut off"),
        (lambda data: data[:-8] + b"\xff\xff\xff\x7fPAR1", "longer than the file"),
        (lambda data: data[:-8] + (len(data) - 11).to_bytes(4, "little") + b"PAR1", "longer than the file"),
        (lambda data: data[:-4] + b"PARE", "encrypted"),
        (lambda data: b"PAR1" + bytes(3 << 20) + ((3 << 20) - 8).to_bytes(4, "little") + b"PAR1", "a few thousand"),
    ],
)
def test_damage_at_the_ends_is_seen_without_the_child(spoil, message, monkeypatch):
    monkeypatch.setattr(parquet_rows, "run_limited", lambda *_, **__: pytest.fail("the child was asked"))
    with pytest.raises(Unreadable, match=message):
        read_parquet(spoil(parquet()), USUAL)


def test_damage_inside_is_refused_by_the_child():
    data = parquet()
    with pytest.raises(Unreadable, match=r"not whole|failed|crashed"):
        read_parquet(data[:4] + bytes(len(data) - 400) + data[-396:], USUAL)
    with pytest.raises(Unreadable, match=r"not whole|failed|crashed"):
        read_parquet(b"PAR1" + b"\x15" * 300 + (300).to_bytes(4, "little") + b"PAR1", USUAL)


def test_a_file_on_which_the_library_aborts_is_refused():
    # Found by changing bytes at random: PyArrow 26 ends the process on it, with an exception that nobody catches.
    data = Path(__file__).with_name("aborts_the_library.parquet").read_bytes()
    with pytest.raises(Unreadable, match=r"crashed|not whole"):
        read_parquet(data, USUAL)


def many(rows):
    # Odd enough that its varint stands nowhere else in the metadata.
    return parquet({"kind": ["a"] * rows}, store_schema=False, write_statistics=False)


def test_metadata_that_say_a_thousand_million_rows():
    data = with_footer(many(4321), b"\x16" + varint(4321), b"\x16" + varint(10**9))
    assert len(data) < 1000
    with pytest.raises(LimitHit, match="1,000,000,000 rows"):
        read_parquet(data, USUAL)


@pytest.mark.usefixtures("at_once")
def test_metadata_that_contradict_themselves():
    data = with_footer(many(4321), b"\x16" + varint(4321), b"\x16" + varint(4322), 1)
    with pytest.raises(Unreadable, match="contradict themselves: 4322 rows, but 4321"):
        read_parquet(data, USUAL)


@pytest.mark.parametrize("said", [4322, 9000, 150_000])
def test_metadata_that_say_more_rows_than_there_are(said):
    data = with_footer(many(4321), b"\x16" + varint(4321), b"\x16" + varint(said))
    with pytest.raises(Unreadable, match=f"says that it has {said} rows, but holds another number"):
        read_parquet(data, USUAL)


@pytest.mark.usefixtures("at_once")
def test_metadata_that_say_fewer_rows_than_a_column_has_values():
    # Both numbers of rows changed, that of the file and that of the group, but not that of the values between them.
    data = with_footer(many(4321), b"\x16" + varint(4321), b"\x16" + varint(100, 2))
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    places = [at for at in range(footer, len(data)) if data.startswith(b"\x16" + varint(100, 2), at)]
    whole = bytearray(data)
    for at in places[1:-1]:
        whole[at : at + 3] = b"\x16" + varint(4321)
    with pytest.raises(Unreadable, match="100 rows, but 4321 values"):
        read_parquet(bytes(whole), USUAL)


@pytest.mark.usefixtures("at_once")
def test_negative_numbers_of_rows():
    data = with_footer(many(4321), b"\x16" + varint(4321), b"\x16" + bytes([varint(4321)[0] - 1]) + varint(4321)[1:])
    with pytest.raises(Unreadable):
        read_parquet(data, USUAL)


def test_a_tiny_file_that_holds_a_million_rows():
    data = many(1_000_000)
    assert len(data) < 2000
    with pytest.raises(LimitHit, match="1,000,000 rows"):
        read_parquet(data, USUAL)


def test_many_row_groups():
    data = parquet({"kind": ["a"] * (MOST_GROUPS + 1)}, row_group_size=1, store_schema=False, write_statistics=False)
    with pytest.raises(Unreadable, match="1,001 row groups"):
        read_parquet(data, USUAL)


def repeated(megabytes, rows=2000):
    """One text of so many megabytes, standing in every row."""
    column = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["a" * (megabytes << 20)])
    return parquet(
        {"kind": column, "cell": ["a"] * rows}, compression="zstd", write_statistics=False, store_schema=False
    )


def test_a_huge_text_in_every_row_is_held_once_and_told():
    data = repeated(30)
    assert len(data) < 30_000
    begun = time.monotonic()
    rows = read_parquet(data, USUAL)
    assert time.monotonic() - begun < 10
    assert len(rows.problems) + rows.problems_left_out == 2000
    assert rows.problems[0].found.startswith("201 characters")
    assert set(rows.kind) == {""}


def test_a_file_that_unpacks_to_too_much():
    with pytest.raises(Unreadable, match="unpacks to 73,"):
        read_parquet(repeated(70), USUAL)


@pytest.mark.linux_only
def test_a_bomb_whose_metadata_lie_about_its_size_is_stopped_by_its_memory():
    data = repeated(260)
    # The size of the column unpacked stands in the metadata twice: of the column and of its group.
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(pa.BufferReader(data)).row_group(0)
    size = metadata.column(0).total_uncompressed_size
    data = with_footer(data, varint(size), varint(1000, len(varint(size))))
    with pytest.raises(Unreadable, match=r"more than 384 MiB of memory|not whole|crashed"):
        read_parquet(data, USUAL)


# What the child says is not believed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xff\n",
        b"[]\n",
        b"3\n",
        b"{}\n",
        b'{"rows": 0, "columns": []}\n',
        b'{"rows": 999999999999, "columns": []}\n',
        b'{"rows": 2, "columns": 5}\n',
        b'{"rows": 2, "columns": [{"name": "kind", "as": "text", "texts": ["a"]}]}\n\0\0\0',
        b'{"rows": 1, "columns": [{"name": "kind", "as": "text", "texts": ["a"]}]}\n\1\0\0\0',
        b'{"rows": 1, "columns": [{"name": "kind", "as": "text", "texts": ["a"]}]}\n\xfe\xff\xff\xff',
        b'{"rows": 1, "columns": [{"name": "kind", "as": "text", "texts": null}]}\n\0\0\0\0',
        b'{"rows": 1, "columns": [{"name": "source", "as": "number"}]}\n' + bytes(9),
        b'{"rows": 1, "columns": [{"name": "row", "as": "number"}]}\n' + bytes(9),
        b'{"rows": 1, "columns": [{"name": ["x"], "as": "number"}]}\n' + bytes(9),
        b"[" * 100_000,
    ],
)
def test_an_answer_that_makes_no_sense_is_a_refusal(answer, monkeypatch):
    monkeypatch.setattr(parquet_rows, "run_limited", lambda *_, **__: answer)
    with pytest.raises(Unreadable, match="makes no sense"):
        read_parquet(parquet(), USUAL)


def test_a_crash_of_the_child_is_a_refusal_and_no_child_is_none(monkeypatch):
    def stopped(*_, **__):
        raise Stopped("the reading program crashed on it (code -11)")

    def broken(*_, **__):
        raise SandboxBroken("no processes left")

    monkeypatch.setattr(parquet_rows, "run_limited", stopped)
    with pytest.raises(Unreadable, match="refused: the reading program crashed"):
        read_parquet(parquet(), USUAL)
    monkeypatch.setattr(parquet_rows, "run_limited", broken)
    with pytest.raises(SandboxBroken):
        read_parquet(parquet(), USUAL)


def test_the_child_hands_back_texts_and_plain_numbers():
    line, _, rest = extract(parquet({"kind": ["a", None], "risk": [0.5, None]}), {"rows": 5}).partition(b"\n")
    header = json.loads(line)
    assert header["columns"] == [{"name": "kind", "as": "text", "texts": ["a"]}, {"name": "risk", "as": "number"}]
    assert np.frombuffer(rest[:8], "<i4").tolist() == [0, -1]
    assert np.frombuffer(rest[8:24], "<f8").tolist() == [0.5, 0]
    assert rest[24:] == b"\1\0"
    assert SimpleNamespace(**header).rows == 2
