"""Random dirty tables: the report always adds up, and each row ends where a plain reading of the rules puts it."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe

NUMBERS = ["530000", "530001.5", "180000", "0", "0.0", "", "NA", "  ", "far", "inf", "1e6", "-5"]
TIMES = [
    "2018-07-01 21:30",
    "2018-07-02T03:04:05",
    "2018-10-28 01:30",
    "2018-03-25 01:30",
    "",
    "NULL",
    "2018-02-30",
    "now",
]
KINDS = ["theft", " theft ", "arson", ""]
BLANKS = {"", "NA", "NULL"}

ROWS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), st.sampled_from(TIMES), st.sampled_from(KINDS)),
        st.sampled_from([("1", "2"), ("1", "2", "3", "4", "5"), ("", "", "", "")]),
    ),
    min_size=1,
    max_size=25,
)


def is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def fate(row: tuple[str, ...], kinds: list[str] | None) -> str:
    """What becomes of one row, by the first rule that applies."""
    if len(row) != 4:
        return "ragged"
    x, y, moment, kind = (field.strip() for field in row)
    if not (x or y or moment or kind):
        return "blank line"
    if kinds is not None and kind not in kinds:
        return "kind"
    if any(field not in BLANKS and not is_number(field) for field in (x, y)):
        return "wrong place"
    if x in BLANKS or y in BLANKS:
        return "blank place"
    if float(x) == 0 and float(y) == 0:
        return "zero place"
    if moment in BLANKS:
        return "blank time"
    return "kept" if is_time(moment) else "wrong time"


REASONS = {
    "wrong number of fields": "ragged",
    "the line is blank": "blank line",
    "another kind of crime": "kind",
    "the place is not a pair": "wrong place",
    "the place is blank": "blank place",
    "the place is (0, 0)": "zero place",
    "the time is blank": "blank time",
    "the time is not written": "wrong time",
}


@given(
    rows=ROWS,
    kinds=st.sampled_from([None, ["theft"], ["arson", "theft"]]),
    malformed=st.sampled_from(["raise", "drop"]),
)
def test_every_row_is_kept_or_dropped_for_one_reason(
    rows: list[tuple[str, ...]], kinds: list[str] | None, malformed: str
) -> None:
    fates = [fate(row, kinds) for row in rows]
    present = {row[3].strip() for row in rows if len(row) == 4}
    wrong = [fate for fate in fates if fate in {"ragged", "wrong place", "wrong time"}]
    refused = (
        "kept" not in fates
        or (malformed == "raise" and wrong)
        or (kinds is not None and not set(kinds) <= present - {""})
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "dirty.csv")
        file.write_text("x,y,t,k\n" + "".join(",".join(row) + "\n" for row in rows))
        try:
            events = ppe.read_events(
                file,
                format="generic",
                x="x",
                y="y",
                happened="t",
                kind="k",
                kinds=kinds,
                malformed=malformed,
                crs="EPSG:27700",
                tz="Europe/London",
            )
        except ppe.InputError:
            assert refused or all(is_small(row) for row, end in zip(rows, fates, strict=True) if end == "kept")
            return
    assert not refused
    report = events.report
    assert report.rows_read == len(rows) == report.rows_kept + sum(entry.rows for entry in report.dropped)
    assert report.rows_kept == len(events) == fates.count("kept")
    found: Counter[str] = Counter()
    for entry in report.dropped:
        name = next(short for start, short in REASONS.items() if entry.reason.startswith(start))
        found[name] += entry.rows
        lines = [number + 2 for number, end in enumerate(fates) if end == name]
        assert list(entry.first) == lines[:5]
    assert found == Counter(end for end in fates if end != "kept")


FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
WHOLE = {name: (FIXTURES / f"{name}_look_alike.csv").read_bytes() for name in ("toronto", "chicago", "police_uk")}
SPOILT = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["replace", "insert", "cut", "end"]),
        st.sampled_from([b'"', b",", b"\n", b"\r", b";", b"\xff", b"\xe9", b"\x00", b"-9", b"nan", b"1e999", b" "]),
    ),
    min_size=1,
    max_size=5,
)


@given(
    format=st.sampled_from(list(WHOLE)),
    packing=st.sampled_from(["plain", "gzip", "parquet"]),
    spoilt=SPOILT,
    malformed=st.sampled_from(["raise", "drop"]),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-16"]),
)
def test_a_spoilt_file_is_read_or_refused_but_never_breaks_the_reader(
    format: str, packing: str, spoilt: list[tuple[float, str, bytes]], malformed: str, encoding: str
) -> None:
    content = bytearray(PACKED[packing](WHOLE[format]))
    for share, action, what in spoilt:
        at = int(share * len(content))
        if action == "replace":
            content[at : at + len(what)] = what
        elif action == "insert":
            content[at:at] = what
        elif action == "cut":
            del content[at : at + 20]
        else:
            del content[at + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "spoilt.csv")
        file.write_bytes(bytes(content))
        refused, report = "", None
        try:
            report = ppe.read_events(file, format=format, malformed=malformed, encoding=encoding).report
        except ppe.InputError as error:
            refused = str(error)
    if report is None:
        assert "spoilt.csv" in refused
    else:
        assert report.rows_read == report.rows_kept + report.rows_dropped


def as_parquet(content: bytes) -> bytes:
    packed = io.BytesIO()
    pd.read_csv(io.BytesIO(content)).to_parquet(packed)
    return packed.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gzip": gzip.compress, "parquet": as_parquet}


def is_small(row: tuple[str, ...]) -> bool:
    """Whether a place may be taken for degrees, which Events refuses."""
    return abs(float(row[0])) <= 180 and abs(float(row[1])) <= 180
