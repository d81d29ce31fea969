"""Any table whose columns are named: times in parts, other formats, decimal commas, intervals, offsets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import predpol_eval as ppe
from predpol_eval.data.notes import pile_up_notes

LONDON: dict[str, Any] = {"format": "generic", "crs": "EPSG:27700", "tz": "Europe/London"}
XY: dict[str, Any] = {**LONDON, "x": "x", "y": "y", "happened": "t"}


def write(folder: Path, text: str, name: str = "crimes.csv", encoding: str = "utf-8") -> Path:
    file = folder / name
    file.write_text(text, encoding=encoding)
    return file


def wall(events: ppe.Events, column: str = "happened") -> list[str]:
    return events.frame()[column].dt.strftime("%Y-%m-%d %H:%M:%S").tolist()


def test_iso_times_and_metres(tmp_path: Path) -> None:
    file = write(tmp_path, "x,y,t\n530000,180000,2018-07-01 21:30\n530100,180100,2018-07-02T01:15:30\n")
    events = ppe.read_events(file, **XY)
    assert wall(events) == ["2018-07-01 21:30:00", "2018-07-02 01:15:30"]
    assert events.x.tolist() == [530000.0, 530100.0]
    assert events.resolution is None
    assert events.report.rows_kept == 2


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("07/17/2010 11:11:00 PM", "%m/%d/%Y %I:%M:%S %p"),
        ("17/07/2010 23:11", "%d/%m/%Y %H:%M"),
        ("17.07.2010 23:11", "%d.%m.%Y %H:%M"),
        ("2010/07/17 23:11:00", "%Y/%m/%d %H:%M:%S"),
    ],
)
def test_other_times_are_refused_with_the_format_that_reads_them(tmp_path: Path, written: str, form: str) -> None:
    file = write(tmp_path, f"x,y,t\n530000,180000,{written}\n")
    with pytest.raises(ppe.InputError) as refusal:
        ppe.read_events(file, **XY)
    assert f"date_format={form!r}" in str(refusal.value)
    assert repr(written) in str(refusal.value)
    assert wall(ppe.read_events(file, **XY, date_format=form)) == ["2010-07-17 23:11:00"]


def test_day_and_month_that_cannot_be_told_apart_are_not_guessed(tmp_path: Path) -> None:
    file = write(tmp_path, "x,y,t\n530000,180000,01/02/2010\n530000,180000,03/04/2010\n")
    with pytest.raises(ppe.InputError) as refusal:
        ppe.read_events(file, **XY)
    assert "date_format='%m/%d/%Y' or date_format='%d/%m/%Y'" in str(refusal.value)


@pytest.mark.parametrize("written", ["2018", "43101", "201807", "yesterday", "2018-02-30", "3018-01-01", "9999-12-31"])
def test_what_only_looks_like_a_time_is_refused(tmp_path: Path, written: str) -> None:
    file = write(tmp_path, f"x,y,t\n530000,180000,{written}\n530000,180000,2018-01-01\n")
    with pytest.raises(ppe.InputError, match="line 2: the time is not written as"):
        ppe.read_events(file, **XY)


def test_every_wrong_line_is_named_at_once_and_can_be_dropped(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "x,y,t\n530000,180000,2018-01-01\nfar,180000,2018-01-02\n530000,inf,2018-01-03\n"
        "530000,180000,2018-13-45\n530000,180000\n\n530000,180000,\n,,2018-01-04\n",
    )
    with pytest.raises(ppe.InputError) as refusal:
        ppe.read_events(file, **XY)
    text = str(refusal.value)
    assert "line 6: wrong number of fields" in text
    assert "lines 3, 4: the place is not a pair of numbers (found 'far', '180000')" in text
    assert "line 5: the time is not written as 2018-05-01 22:30 (ISO form) (found '2018-13-45')" in text
    assert "malformed='drop'" in text
    report = ppe.read_events(file, **XY, malformed="drop").report
    assert {(entry.reason[:24], entry.first) for entry in report.dropped} == {
        ("wrong number of fields", (6,)),
        ("the line is blank", (7,)),
        ("the place is not a pair ", (3, 4)),
        ("the place is blank", (9,)),
        ("the time is blank", (8,)),
        ("the time is not written ", (5,)),
    }
    assert (report.rows_read, report.rows_kept) == (8, 1)


def test_year_month_day_hour_minute(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "Y,M,D,h,m,x,y\n2020,6,19,3,40,530000,180000\n2020,2,30,3,40,530000,180000\n2020,6,19,24,0,530000,180000\n"
        "2020,6,19,3,60,530000,180000\n2020,6,,3,0,530000,180000\n2020,6,19,3.5,0,530000,180000\n",
    )
    options = {**XY, "happened": ["Y", "M", "D", "h", "m"]}
    with pytest.raises(ppe.InputError, match=r"lines 3, 4, 5, 7: the time is not written as"):
        ppe.read_events(file, **options)
    events = ppe.read_events(file, **options, malformed="drop")
    assert wall(events) == ["2020-06-19 03:40:00"]
    assert {entry.first for entry in events.report.dropped} == {(3, 4, 5, 7), (6,)}
    with pytest.raises(ppe.InputError, match="names 2 columns"):
        ppe.read_events(file, **{**XY, "happened": ["Y", "M"]})


def test_clock_times_without_leading_zeros(tmp_path: Path) -> None:
    # 25 is 00:25, which strptime would read as 02:05.
    lines = ["d,c,x,y"] + [f"2020-01-0{day},{clock},530000,180000" for day, clock in enumerate((25, 330, 2230, 5), 1)]
    file = write(tmp_path, "\n".join(lines) + "\n")
    events = ppe.read_events(file, **{**XY, "happened": "d"}, hhmm="c")
    assert [moment[11:16] for moment in wall(events)] == ["00:25", "03:30", "22:30", "00:05"]
    bad = write(tmp_path, "d,c,x,y\n2020-01-01,2460,530000,180000\n2020-01-01,2400,530000,180000\n", "bad.csv")
    with pytest.raises(ppe.InputError, match=r"lines 2, 3: the time .*found '2020-01-01', '2460'"):
        ppe.read_events(bad, **{**XY, "happened": "d"}, hhmm="c")


def test_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    file = write(tmp_path, "lon;lat;t\n-0,1276;51,5072;2018-07-01 21:30\n")
    options = {**LONDON, "x": "lon", "y": "lat", "happened": "t", "source_crs": "EPSG:4326"}
    events = ppe.read_events(file, **options, separator=";", decimal=",")
    plain = ppe.read_events(write(tmp_path, "lon,lat,t\n-0.1276,51.5072,2018-07-01 21:30\n", "plain.csv"), **options)
    np.testing.assert_array_equal(events.x, plain.x)
    with pytest.raises(ppe.InputError, match="decimal=','"):
        ppe.read_events(file, **options, separator=";")


def test_a_file_without_header(tmp_path: Path) -> None:
    file = write(tmp_path, "530000,180000,2018-07-01\n530100,180100,2018-07-02\n,,2018-07-03\n")
    events = ppe.read_events(file, **XY, columns=["x", "y", "t"])
    assert len(events) == 2
    assert events.report.dropped[0].first == (3,)
    assert events.resolution == "day"
    with pytest.raises(ppe.InputError, match="has 3 columns, but columns= names 2"):
        ppe.read_events(file, **XY, columns=["x", "y"])


def test_dates_without_hour_are_known_as_days(tmp_path: Path) -> None:
    file = write(tmp_path, "x,y,t\n530000,180000,2018-07-01\n530000,180000,2018-07-02\n")
    events = ppe.read_events(file, **XY)
    assert events.resolution == "day"
    assert any("dates without an hour" in note for note in events.report.notes)
    assert ppe.read_events(file, **XY, resolution="minute").resolution == "minute"


def test_months_are_known_as_months(tmp_path: Path) -> None:
    file = write(tmp_path, "x,y,t\n530000,180000,2018-07\n530000,180000,2018-08\n")
    events = ppe.read_events(file, **XY)
    assert events.resolution == "month"
    assert wall(events, "happened_until") == ["2018-08-01 00:00:00", "2018-09-01 00:00:00"]
    with pytest.raises(ppe.InputError, match="intervals by themselves"):
        ppe.read_events(file, **XY, happened_until="t")


def test_intervals_and_blank_ends(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "x,y,t,u\n530000,180000,2018-07-01 08:00,2018-07-01 18:00\n530000,180000,2018-07-02 08:00,\n",
    )
    events = ppe.read_events(file, **XY, happened_until="u")
    assert wall(events, "happened_until") == ["2018-07-01 18:00:00", "2018-07-02 08:00:00"]
    assert any("blank 'u': 1; taken as exact" in note for note in events.report.notes)
    wrong = write(tmp_path, "x,y,t,u\n530000,180000,2018-07-02 08:00,2018-07-01 18:00\n", "wrong.csv")
    with pytest.raises(ppe.InputError, match="line 2: the latest time is before"):
        ppe.read_events(wrong, **XY, happened_until="u")


def test_a_date_of_recording_is_the_end_of_that_day(tmp_path: Path) -> None:
    file = write(tmp_path, "x,y,t,r\n530000,180000,2018-07-01 23:30,2018-07-01\n530000,180000,2018-07-02 08:00,\n")
    events = ppe.read_events(file, **XY, recorded="r")
    assert wall(events, "recorded") == ["2018-07-01 23:59:59"]
    assert len(events.known_at("2018-07-01 23:45")) == 0
    assert len(events.known_at("2018-07-02")) == 1
    assert events.report.dropped[0].reason == "the time of recording is blank"
    early = write(tmp_path, "x,y,t,r\n530000,180000,2018-07-02 23:30,2018-07-01 10:00\n", "early.csv")
    with pytest.raises(ppe.InputError, match="line 2: recorded before it happened"):
        ppe.read_events(early, **XY, recorded="r")


def test_times_with_an_offset_are_moments(tmp_path: Path) -> None:
    # 01:30 occurs twice that night; the offset says which.
    file = write(tmp_path, "x,y,t\n530000,180000,2018-10-28T01:30+01:00\n530000,180000,2018-10-28T01:30Z\n")
    events = ppe.read_events(file, **XY, ambiguous="raise")
    assert [str(moment)[:16] for moment in events.happened] == ["2018-10-28T00:30", "2018-10-28T01:30"]
    assert events.clock_changes == {"ambiguous": 0, "nonexistent": 0}
    mixed = write(tmp_path, "x,y,t\n530000,180000,2018-10-28T01:30+01:00\n530000,180000,2018-10-28T01:30\n", "m.csv")
    with pytest.raises(ppe.InputError, match="line 3: the time is not written as"):
        ppe.read_events(mixed, **XY)


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "x": [530000, 530100, 0],
            "y": [180000.0, np.nan, 0],
            "t": pd.to_datetime(["2018-07-01 21:30"] * 3),
            "what": pd.Categorical(["theft", "theft", "arson"]),
            "tags": [["a"], ["b"], []],
        }
    )
    frame.to_parquet(tmp_path / "crimes.parquet")
    events = ppe.read_events(tmp_path / "crimes.parquet", **XY, kind="what")
    assert wall(events) == ["2018-07-01 21:30:00"]
    assert [(entry.reason[:20], entry.first) for entry in events.report.dropped] == [
        ("the place is blank", (1,)),
        ("the place is (0, 0),", (2,)),
    ]
    zoned = frame.assign(t=frame["t"].dt.tz_localize("UTC"))
    zoned.to_parquet(tmp_path / "zoned.parquet")
    assert wall(ppe.read_events(tmp_path / "zoned.parquet", **XY)) == ["2018-07-01 22:30:00"]
    numeric = frame.assign(t=[1530480600] * 3)
    numeric.to_parquet(tmp_path / "numeric.parquet")
    with pytest.raises(ppe.InputError, match="the time is not written as"):
        ppe.read_events(tmp_path / "numeric.parquet", **XY)


def test_longitude_and_latitude_that_are_swapped(tmp_path: Path) -> None:
    file = write(tmp_path, "lon,lat,t\n43.65,-119.38,2018-07-01\n43.66,-119.39,2018-07-01\n")
    with pytest.raises(ppe.InputError, match=r"lines 2, 3: .*swap them"):
        ppe.read_events(file, **LONDON, x="lon", y="lat", happened="t", source_crs="EPSG:4326")


def test_degrees_given_as_metres_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "x,y,t\n-0.1276,51.5072,2018-07-01\n")
    with pytest.raises(ppe.InputError, match="source_crs"):
        ppe.read_events(file, **XY)


def test_blank_kinds_are_kept_and_named(tmp_path: Path) -> None:
    file = write(tmp_path, "x,y,t,k\n530000,180000,2018-07-01,theft\n530000,180000,2018-07-01,\n")
    events = ppe.read_events(file, **XY, kind="k")
    assert events.kinds == ("(blank)", "theft")
    assert any("rows without a kind: 1" in note for note in events.report.notes)


def test_ids_are_numbers_where_all_are(tmp_path: Path) -> None:
    file = write(tmp_path, "x,y,t,i,j\n530000,180000,2018-07-01,10,10\n530000,180000,2018-07-01,9,a9\n")
    assert ppe.read_events(file, **XY, id="i").id.tolist() == [9, 10]
    assert ppe.read_events(file, **XY, id="j").id.tolist() == ["10", "a9"]


def test_observed_periods_are_the_callers(tmp_path: Path) -> None:
    file = write(tmp_path, "x,y,t\n530000,180000,2018-07-01\n530000,180000,2018-09-01\n")
    events = ppe.read_events(file, **XY, observed=iter([("2018-07-01", "2018-08-01")]))
    assert events.observed_days == 31
    assert any("outside the observed periods: 1" in note for note in events.report.notes)
    with pytest.raises(ppe.InputError, match="ends at"):
        ppe.read_events(file, **XY, observed=[("2018-08-01", "2018-07-01")])


def test_a_few_far_rows_are_named(tmp_path: Path) -> None:
    lines = [f"{530000 + 37 * row % 4000},{180000 + 91 * row % 3000},2018-07-01" for row in range(100)]
    lines[57] = "130000,180000,2018-07-01"
    events = ppe.read_events(write(tmp_path, "x,y,t\n" + "\n".join(lines) + "\n"), **XY)
    assert any("far beyond all others: 1, 40" in note and "first line 59" in note for note in events.report.notes)


def test_a_utf16_and_a_latin1_file(tmp_path: Path) -> None:
    text = "x,y,t,k\n530000,180000,2018-07-01,café\n"
    for encoding in ("utf-16", "latin-1", "utf-8-sig"):
        file = write(tmp_path, text, f"{encoding}.csv", encoding)
        given = "utf-8" if encoding == "utf-8-sig" else encoding
        assert ppe.read_events(file, **XY, kind="k", encoding=given).kinds == ("café",)


def test_midnight_and_noon_piles_are_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    hours = rng.integers(0, 24, 5000)
    even = pd.DataFrame({"x": 530000, "y": 180000, "t": pd.Timestamp("2018-07-01") + pd.to_timedelta(hours, "h")})
    even.to_csv(tmp_path / "even.csv", index=False)
    assert not any("pile up" in note for note in ppe.read_events(tmp_path / "even.csv", **XY).report.notes)
    piled = even.assign(t=even["t"].where(rng.random(5000) > 0.1, pd.Timestamp("2018-07-01 12:00")))
    piled.to_csv(tmp_path / "piled.csv", index=False)
    told = [note for note in ppe.read_events(tmp_path / "piled.csv", **XY).report.notes if "pile up" in note]
    share = 100 * (piled["t"].dt.hour == 12).mean()
    assert f"{share:.1f} % at exactly 12:00" in told[0]
    assert "00:00" not in told[0]


@pytest.mark.parametrize(("excess", "told"), [(1.1, False), (1.5, True)])
def test_a_busy_noon_is_no_pile(excess: float, told: bool) -> None:
    """However many rows make a small excess certain, it is not worth a word."""
    counts = np.full(24, 20_000)
    counts[12] = int(20_000 * excess)
    hours = np.repeat(np.arange(24), counts).astype("timedelta64[h]")
    assert bool(pile_up_notes(np.datetime64("2018-07-01", "ns") + hours)) is told
