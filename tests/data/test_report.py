"""A report adds up, or is refused; it reads well as text and as HTML."""

from __future__ import annotations

import dataclasses
import json

import pytest

from predpol_eval import InputError
from predpol_eval.data import FORMATS, Dropped, Gap, ReadReport
from predpol_eval.data.read import READERS, _check_options
from predpol_eval.data.report import number_list


def report(**changes: object) -> ReadReport:
    values: dict[str, object] = {
        "source": "a<b>.csv",
        "format": "generic",
        "rows_read": 1200,
        "rows_kept": 1185,
        "dropped": (Dropped("the place is blank", 14, (3, 5, 6, 7, 9)), Dropped("the time is blank", 1, (4,))),
        "notes": ("noon & midnight pile up",),
        "attribution": "Example <licence>",
    }
    return ReadReport(**(values | changes))  # type: ignore[arg-type]


def test_a_report_that_does_not_add_up_is_refused() -> None:
    assert report().rows_dropped == 15
    with pytest.raises(InputError, match="does not add up: 1200 rows read, 1186 kept and 15 dropped"):
        report(rows_kept=1186)


def test_a_report_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        report().rows_read = 3  # type: ignore[misc]


def test_text_names_numbers_reasons_lines_notes_and_attribution() -> None:
    assert str(report()).splitlines() == [
        "a<b>.csv, read as generic",
        "  rows read      1,200",
        "  rows kept      1,185",
        "  rows dropped      15",
        "       14  the place is blank (lines 3, 5, 6, 7, 9 and 9 more)",
        "        1  the time is blank (line 4)",
        "  notes",
        "  - noon & midnight pile up",
        "  Example <licence>",
    ]


def test_html_is_escaped() -> None:
    html = report()._repr_html_()
    assert "a&lt;b&gt;.csv" in html
    assert "noon &amp; midnight" in html
    assert "Example &lt;licence&gt;" in html
    assert "<b>" not in html


def test_rows_of_parquet_are_called_rows() -> None:
    assert number_list((0, 7), 2, "row") == "rows 0, 7"
    assert "rows 3, 5" in str(report(where="row"))


def test_gaps_keep_their_dates_as_text() -> None:
    gap = Gap("2013-02-23", "2015-01-30", 55, 13389.0)
    found = report(gaps=(gap,), observed_hint=(("2010-07-18", "2013-02-23"),))
    assert json.dumps(found.gaps) == '[["2013-02-23", "2015-01-30", 55, 13389.0]]'


def test_every_format_has_a_reader_and_every_reader_a_format() -> None:
    assert set(FORMATS) == set(READERS) == {"toronto", "chicago", "police_uk", "generic"}


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_table_of_formats_is_complete(name: str) -> None:
    entry = FORMATS[name]
    assert entry.name == name
    assert entry.sentence
    assert entry.publisher
    assert entry.quirks
    assert "http" not in entry.licence + entry.attribution + entry.sentence
    assert entry.sentence[-1] != "."
    if name != "generic":
        assert entry.attribution
        assert entry.caveats
        assert set(entry.columns) >= {"kind", "x", "y"}
        assert entry.required
        assert set(entry.required).isdisjoint(entry.optional)
        assert entry.crs.startswith("EPSG:")
        assert "/" in entry.tz


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_example_of_every_format_is_a_call_that_its_reader_accepts(name: str) -> None:
    calls: list[dict[str, object]] = []

    def read_events(path: str, *, format: str, **options: object) -> None:
        assert path
        assert format == name
        _check_options(format, READERS[format], options)
        calls.append(options)

    eval(FORMATS[name].example, {"read_events": read_events})
    assert len(calls) == 1


def test_the_table_of_formats_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        FORMATS["mine"] = FORMATS["generic"]  # type: ignore[index]
