"""What a file is, told by its content; what it may hold, looked at before it is read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from types import SimpleNamespace

import pytest

from predpol_eval.errors import InputError
from predpol_eval.trial.submissions import reading
from predpol_eval.trial.submissions.column_names import missing_columns
from predpol_eval.trial.submissions.limits_hit import LimitHit
from predpol_eval.trial.submissions.reading import Problem, Unreadable, read_rows
from predpol_eval.trial.submissions.rows import Rows
from tests.trial.submissions.reading.files import CSV, SMALL, USUAL, csv, feature, geojson, parquet


def zipped(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"kind,cell,risk\n")
    return stream.getvalue()


@pytest.mark.parametrize("name", ["", "a.csv", "a.parquet", "a.geojson", "../../etc/passwd", "x" * 5000])
def test_the_content_decides_not_the_name(name):
    assert read_rows(CSV, USUAL, name).source == "csv"
    assert read_rows(geojson(feature()), USUAL, name).source == "geojson"
    assert read_rows(b"\xef\xbb\xbf \n" + geojson(feature()), USUAL, name).source == "geojson"


def test_parquet_is_told_by_its_content():
    assert read_rows(parquet(), USUAL, "a.csv").source == "parquet"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (gzip.compress(CSV), "a gzip file"),
        (bz2.compress(CSV), "a bzip2 file"),
        (lzma.compress(CSV), "an xz file"),
        (zipped("a.csv"), "a zip archive or an Excel workbook"),
        (zipped("xl/workbook.xml", "[Content_Types].xml"), "an Excel workbook"),
        (zipped(), "an empty zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old Excel workbook"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"SQLite format 3\x00" + bytes(100), "GeoPackage"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\n <?xml version='1.0'?>", "a web page or XML"),
        (b"ARROW1\x00\x00", "Feather"),
        (b"\x80\x04\x95\x00\x00cos\nsystem\n", "a Python pickle, which is never opened"),
        (b"\x93NUMPY\x01\x00", "a NumPy file"),
        (b"PARE" + bytes(50), "encrypted Parquet"),
    ],
)
def test_other_files_are_told_what_they_are(data, what):
    with pytest.raises(Unreadable, match=what) as caught:
        read_rows(data, USUAL, "C:\\night\\pre\x1bdictions.csv")
    assert str(caught.value).startswith("'pre\\x1bdictions.csv' is ")
    assert "CSV, Parquet or GeoJSON" in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\t ", b"\xef\xbb\xbf", b"\n" * 10_000])
def test_an_empty_file(data):
    with pytest.raises(Unreadable, match=r"empty|nothing but blanks|zero"):
        read_rows(data, USUAL)


def test_a_name_that_says_otherwise_is_a_hint_in_the_message():
    with pytest.raises(Unreadable, match=r"read as CSV for its content, though its name ends like that of Parquet"):
        read_rows(b"colour\nred\n", USUAL, "Night.PARQUET")
    with pytest.raises(Unreadable) as caught:
        read_rows(b"colour\nred\n", USUAL, "night.csv")
    assert "though" not in str(caught.value)


def test_bytes_are_looked_at_first(monkeypatch):
    for name in ("read_csv", "read_parquet", "read_geojson"):
        monkeypatch.setattr(reading, name, lambda *_, **__: pytest.fail("read before its size was looked at"))
    for start in (b"kind,cell\n", b"PAR1", b"{", b"PK\x03\x04", b""):
        with pytest.raises(LimitHit, match="5,001 bytes; the plan allows 5,000") as caught:
            read_rows(start.ljust(5001), SMALL)
        assert caught.value.limit == "bytes"


def test_nights_are_counted():
    lines = [f"2018-07-{day:02d},burglary,a,1" for day in (1, 2, 1)]
    header = "night,kind,cell,risk"
    assert len(read_rows(csv(*lines, ",burglary,a,1", header=header), SMALL)) == 4
    with pytest.raises(LimitHit, match="3 nights; the plan allows 2") as caught:
        read_rows(csv(*lines, "x,burglary,a,1", header=header), SMALL)
    assert (caught.value.limit, caught.value.found) == ("nights", 3)


def test_a_limit_that_is_hit_is_an_input_error_and_can_cross_processes():
    import copy

    error = copy.copy(LimitHit("rows", 5, 9))
    assert isinstance(error, InputError)
    assert (error.limit, error.allowed, error.found) == ("rows", 5, 9)
    assert str(error) == str(LimitHit("rows", 5, 9))


def test_what_is_missing():
    assert missing_columns(["kind", "cell", "risk"]) == ()
    assert missing_columns(["kind", "x", "y", "rank"]) == ()
    assert missing_columns(["kind", "box"]) == ()
    assert missing_columns(["night", "area"]) == ("kind", "cell, or x and y", "rank or risk")
    assert missing_columns(["kind", "y", "risk"]) == ("x (beside y)",)


def test_rows_refuse_columns_of_different_lengths():
    rows = read_rows(CSV, USUAL)
    with pytest.raises(InputError, match="risk has 1 values for 2 rows"):
        Rows(source="csv", row=rows.row, risk=rows.risk[:1])


def test_rows_describe_themselves():
    rows = read_rows(csv("burglary,a,x"), USUAL)
    assert "problems: 1" in repr(rows)
    assert "kind, cell, risk" in rows._repr_html_()
    assert str(rows.problems[0]).startswith("row 2, risk: found 'x'; expected a plain decimal number")
    assert str(Problem(4, "", "2 fields", "3 fields")) == "row 4: found 2 fields; expected 3 fields."


def test_limits_may_be_any_object_that_has_them():
    limits = SimpleNamespace(bytes=1000, rows=5, vertices=10, nights=1)
    assert len(read_rows(CSV, limits)) == 2
