"""Bad files: each is refused with what was found and what to do, and nothing but InputError comes out."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

import predpol_eval as ppe

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
TORONTO = FIXTURES / "toronto_look_alike.csv"
HEADER = TORONTO.read_bytes().splitlines()[0]


def refusal(path: Path | str, format: str = "toronto", **options: Any) -> str:
    with pytest.raises(ppe.InputError) as caught:
        ppe.read_events(path, format=format, **options)
    return str(caught.value)


def saved(folder: Path, content: bytes, name: str = "crimes.csv") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def test_a_missing_file_with_a_close_name(tmp_path: Path) -> None:
    saved(tmp_path, b"x", "crimes_2018.csv")
    assert "Did you mean crimes_2018.csv?" in refusal(tmp_path / "crimes_2108.csv")
    assert "there is no folder" in refusal(tmp_path / "nowhere" / "crimes.csv")


def test_a_folder(tmp_path: Path) -> None:
    saved(tmp_path, b"x", "2018-07.csv")
    assert "is a folder; give one file. It holds 2018-07.csv." in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", gzip.compress(b"", mtime=0)], ids=["nothing", "blank", "gzip"])
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    assert "is empty" in refusal(saved(tmp_path, content))


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_a_header_without_rows(tmp_path: Path, ending: bytes) -> None:
    assert "has a header (14 columns) but no rows" in refusal(saved(tmp_path, HEADER + ending))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04" + b"\x00" * 50, "zip archive or an Excel workbook"),
        (b"\xd0\xcf\x11\xe0" + b"\x00" * 50, "old Excel workbook"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"\n <!DOCTYPE html><html>404</html>", "a web page"),
        (b'{"type": "FeatureCollection"}', "JSON"),
        (b"SQLite format 3\x00", "GeoPackage"),
        (b"a,b,c\n1,\x00\x00,3\n", "zero bytes"),
        (b"PAR1 and then nonsense", "begins like Parquet"),
    ],
)
def test_no_table_at_all(tmp_path: Path, content: bytes, what: str) -> None:
    assert what in refusal(saved(tmp_path, content))


@pytest.mark.parametrize("cut", [20, 200, 400])
def test_a_cut_gzip_file(tmp_path: Path, cut: int) -> None:
    whole = gzip.compress(TORONTO.read_bytes() * 50)
    assert len(whole) > 500
    assert "damaged or cut-off gzip file" in refusal(saved(tmp_path, whole[:cut], "crimes.csv.gz"))


def test_a_gzip_file_is_known_by_its_content(tmp_path: Path) -> None:
    file = saved(tmp_path, gzip.compress(TORONTO.read_bytes()), "crimes.csv")
    assert len(ppe.read_events(file, format="toronto")) == 5


def test_a_wrong_separator(tmp_path: Path) -> None:
    other = TORONTO.read_bytes().replace(b",", b";")
    file = saved(tmp_path, other)
    assert "read it with separator=';'" in refusal(file)
    assert len(ppe.read_events(file, format="toronto", separator=";")) == 5
    assert "read it with separator=','" in refusal(TORONTO, separator="\t")
    assert "give one character" in refusal(TORONTO, separator=", ")


def test_a_misspelt_column_with_a_close_name(tmp_path: Path) -> None:
    text = TORONTO.read_bytes().replace(b"occurrencehour", b"ocurrencehour").replace(b",Lat,", b",Latitude,")
    message = refusal(saved(tmp_path, text))
    assert "without its columns 'occurrencehour', 'Lat'" in message
    assert "Did you mean 'ocurrencehour' or 'Latitude'?" in message
    assert "The columns found are: 'occurrencedate'" in message


def test_columns_of_another_format() -> None:
    message = refusal(FIXTURES / "chicago_look_alike.csv", "toronto")
    assert "The columns are those of format='chicago'." in message


def test_named_columns_that_are_not_there_are_told_together() -> None:
    message = refusal(TORONTO, "generic", x="lon", y="Latt", happened="when", crs="EPSG:32617", tz="America/Toronto")
    assert "'when' (happened=)" in message
    assert "'lon' (x=)" in message
    assert "'Latt' (y=)" in message
    assert "Did you mean" in message
    assert "'Lat'" in message


def test_a_column_that_stands_twice(tmp_path: Path) -> None:
    file = saved(tmp_path, b"x,y,t,x\n530000,180000,2018-01-01,5\n")
    message = refusal(file, "generic", x="x", y="y", happened="t", crs="EPSG:27700", tz="Europe/London")
    assert "several columns named 'x'" in message
    # A double column that nobody reads does no harm.
    twice = saved(tmp_path, b"x,y,t,n,n\n530000,180000,2018-01-01,5,6\n", "twice.csv")
    events = ppe.read_events(twice, format="generic", x="x", y="y", happened="t", crs="EPSG:27700", tz="Europe/London")
    assert len(events) == 1


def test_an_unknown_format_and_an_unknown_option() -> None:
    assert "Did you mean 'toronto'?" in refusal(TORONTO, "Torono")
    assert "'toronto', 'chicago', 'police_uk', 'generic'" in refusal(TORONTO, "xyz")
    message = refusal(TORONTO, kind=["Robbery"])
    assert "no option kind. Did you mean kinds?" in message
    assert "also needs x=, y=, happened=, crs=, tz=" in refusal(TORONTO, "generic")
    assert "choose 'raise' or 'drop'" in refusal(TORONTO, malformed="ignore")
    assert "since='never' is not a date" in refusal(TORONTO, since="never")


def test_another_encoding_with_the_line_of_the_first_strange_byte(tmp_path: Path) -> None:
    text = TORONTO.read_text().replace("House,July", "House,July").replace("Somewhere East,13", "Montréal-Est,13")
    file = saved(tmp_path, text.encode("latin-1"))
    message = refusal(file)
    assert "is not utf-8 text: line 6 holds" in message
    assert "encoding='latin-1'" in message
    assert len(ppe.read_events(file, format="toronto", encoding="latin-1")) == 5
    assert "read it with encoding='utf-16'" in refusal(saved(tmp_path, text.encode("utf-16"), "wide.csv"))
    assert "encoding='nonsense' is unknown" in refusal(TORONTO, encoding="nonsense")


def test_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    text = TORONTO.read_text().replace("2016/03/13 05:00:00+00", '"2016/03/13 05:00:00+00')
    message = refusal(saved(tmp_path, text.encode()))
    assert "line 6: wrong number of fields" in message


def test_ragged_lines_are_all_named(tmp_path: Path) -> None:
    lines = TORONTO.read_text().splitlines()
    lines[2] += ",extra"
    lines[4] = lines[4].rsplit(",", 2)[0]
    file = saved(tmp_path, ("\n".join(lines) + "\n").encode())
    message = refusal(file)
    assert "lines 3, 5: wrong number of fields (the first has 15 fields where 14 are expected" in message
    report = ppe.read_events(file, format="toronto", malformed="drop").report
    assert (report.rows_read, report.rows_kept) == (9, 3)
    assert report.dropped[0].first == (3, 5)


def test_nothing_left_says_why(tmp_path: Path) -> None:
    lines = TORONTO.read_text().splitlines()
    message = refusal(saved(tmp_path, ("\n".join([lines[0], lines[1], lines[6]]) + "\n").encode()))
    assert "No row of crimes.csv is left: of 2 read" in message
    assert "1 because the place is blank" in message
    assert "1 because occurred before 2014-01-01" in message


def test_a_wrong_crs_or_zone_is_told_before_any_row(tmp_path: Path) -> None:
    assert "in degrees" in refusal(TORONTO, crs="EPSG:4326")
    broken = saved(tmp_path, b"x,y,t\nfar,far,never\n")
    options = {"x": "x", "y": "y", "happened": "t"}
    assert "IANA" in refusal(broken, "generic", **options, crs="EPSG:27700", tz="London")
    assert "source_crs='EPSG:none'" in refusal(
        broken, "generic", **options, crs="EPSG:27700", tz="Europe/London", source_crs="EPSG:none"
    )


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = TORONTO.read_text().replace("\n", "\r\n").encode("utf-8-sig")
    events = ppe.read_events(saved(tmp_path, text), format="toronto")
    assert events.fingerprint == ppe.read_events(TORONTO, format="toronto").fingerprint
    assert events.report.dropped[0].first == (7,)
