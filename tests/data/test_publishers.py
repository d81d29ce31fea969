"""The publishers' formats, on look-alikes made by hand: every quirk is in them, so nothing here needs real files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import predpol_eval as ppe
from predpol_eval.data import Dropped
from tests.naive import readers

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
TORONTO = FIXTURES / "toronto_look_alike.csv"
CHICAGO = FIXTURES / "chicago_look_alike.csv"
POLICE_UK = FIXTURES / "police_uk_look_alike.csv"


def utc(events: ppe.Events) -> list[str]:
    return [str(moment)[:16] for moment in events.happened]


def test_toronto_takes_the_day_from_the_date_and_the_hour_from_its_own_column() -> None:
    events = ppe.read_events(TORONTO, format="toronto")
    # 01:00 on the night the clock goes back is the earlier; 02:00 on the night it goes forward becomes 03:00.
    assert utc(events) == [
        "2014-01-01T05:00",
        "2014-01-01T05:00",
        "2015-11-01T05:00",
        "2016-03-13T07:00",
        "2019-01-01T04:00",
    ]
    assert events.kinds == ("Auto Theft", "Break and Enter", "Robbery")
    assert (events.crs, events.tz, events.resolution) == ("EPSG:32617", "America/Toronto", "hour")
    assert events.clock_changes == {"ambiguous": 1, "nonexistent": 1}


def test_toronto_counts_what_it_drops_by_reason_and_line() -> None:
    report = ppe.read_events(TORONTO, format="toronto").report
    assert (report.rows_read, report.rows_kept) == (9, 5)
    assert report.dropped == (
        Dropped("the place is blank", 1, (7,)),
        Dropped("the place is (0, 0), which stands for hidden or unknown", 1, (8,)),
        Dropped("the time is blank", 1, (9,)),
        Dropped("occurred before 2014-01-01, reported later", 1, (2,)),
    )
    assert report.duplicates == 1
    assert report.attribution.endswith("Source: Toronto Police Service.")
    assert any("occur twice because the clock was put back: 1" in note for note in report.notes)
    assert any("do not exist because the clock was put forward: 1" in note for note in report.notes)


def test_toronto_later_policy_and_refusal_of_clock_changes() -> None:
    later = ppe.read_events(TORONTO, format="toronto", ambiguous="later")
    assert "2015-11-01T06:00" in utc(later)
    with pytest.raises(ppe.InputError) as refusal:
        ppe.read_events(TORONTO, format="toronto", ambiguous="raise", nonexistent="raise", malformed="drop")
    text = str(refusal.value)
    assert "line 5: the time occurs twice in America/Toronto" in text
    assert "line 6: the time does not exist in America/Toronto" in text
    assert "ambiguous='earlier'" in text
    assert "nonexistent='shift_forward'" in text


def test_toronto_observed_is_that_of_all_kinds() -> None:
    events = ppe.read_events(TORONTO, format="toronto", kinds=["Auto Theft"])
    assert len(events) == 1
    assert [str(moment)[:16] for moment in events.observed[0]] == ["2014-01-01T05:00", "2019-01-01T05:00"]
    assert events.report.rows_read == 9
    assert events.report.dropped[0] == Dropped("another kind of crime than asked for", 5, (2, 3, 4, 5, 10))


def test_toronto_since_none_keeps_the_old_ones() -> None:
    events = ppe.read_events(TORONTO, format="toronto", since=None)
    assert utc(events)[0] == "1966-06-09T04:00"
    assert len(events) == 6


def test_toronto_equals_the_naive_reader() -> None:
    events = ppe.read_events(TORONTO, format="toronto")
    naive = readers.toronto(TORONTO)
    assert [row[0].strftime("%Y-%m-%dT%H:%M") for row in naive] == utc(events)
    assert sorted(row[3] for row in naive) == sorted(events.kind.tolist())


def test_toronto_refuses_a_date_that_is_no_midnight(tmp_path: Path) -> None:
    file = tmp_path / "shifted.csv"
    file.write_text(TORONTO.read_text().replace("2014/01/01 05:00", "2014/01/01 17:00").replace(",23,", ",24,"))
    with pytest.raises(ppe.InputError) as refusal:
        ppe.read_events(file, format="toronto")
    assert "lines 3, 4, 10: the time is not written as 2014/03/02 05:00:00+00" in str(refusal.value)
    assert "found '2014/01/01 17:00:00+00', '0'" in str(refusal.value)
    dropped = ppe.read_events(file, format="toronto", malformed="drop").report.dropped
    assert sum(entry.rows for entry in dropped if entry.reason.startswith("the time is not written")) == 3


@pytest.mark.parametrize(
    "form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.000+00:00", "%m/%d/%Y %I:%M:%S %p", "%Y-%m-%d"]
)
def test_toronto_dates_as_the_portal_writes_them_elsewhere(tmp_path: Path, form: str) -> None:
    frame = pd.read_csv(TORONTO, dtype=str, keep_default_na=False)
    stamps = pd.to_datetime(frame["occurrencedate"], format="%Y/%m/%d %H:%M:%S+00")
    frame.assign(occurrencedate=stamps.dt.strftime(form)).to_csv(tmp_path / "other.csv", index=False)
    again = ppe.read_events(tmp_path / "other.csv", format="toronto")
    assert again.fingerprint == ppe.read_events(TORONTO, format="toronto").fingerprint


def test_kinds_that_are_not_there_are_refused_with_the_close_ones() -> None:
    with pytest.raises(ppe.InputError, match="Did you mean 'Break and Enter'"):
        ppe.read_events(TORONTO, format="toronto", kinds="break & enter")
    with pytest.raises(ppe.InputError, match="asks for no kind at all"):
        ppe.read_events(TORONTO, format="toronto", kinds=[])


def test_chicago_reads_the_export_and_knows_its_unknown_places() -> None:
    events = ppe.read_events(CHICAGO, format="chicago")
    # The line numbers count the line break inside quotes: the last row stands on line 9, not 8.
    assert events.report.dropped == (
        Dropped("the place is blank", 2, (5, 9)),
        Dropped("the place is (36.619446, -91.686566), which stands for unknown", 1, (6,)),
    )
    assert utc(events) == ["2018-01-01T06:00", "2018-03-11T08:00", "2018-11-04T06:30", "2019-01-01T05:59"]
    assert events.id.tolist() == [101, 102, 103, 106]
    assert events.crs == "EPSG:26971"
    assert events.clock_changes == {"ambiguous": 1, "nonexistent": 1}
    naive = readers.chicago(CHICAGO)
    assert [row[0].strftime("%Y-%m-%dT%H:%M") for row in naive] == utc(events)


def test_chicago_takes_subsets_and_other_names_in_any_order(tmp_path: Path) -> None:
    whole = pd.read_csv(CHICAGO, dtype=str, keep_default_na=False)
    few = whole[["Longitude", "Primary Type", "Latitude", "Date"]]
    file = tmp_path / "few.csv.gz"
    file.write_bytes(gzip.compress(few.to_csv(index=False).encode()))
    events = ppe.read_events(file, format="chicago")
    full = ppe.read_events(CHICAGO, format="chicago")
    assert utc(events) == utc(full)
    np.testing.assert_array_equal(events.x, full.x)

    # The programming interface of the same portal writes snake case and ISO times.
    api = few.rename(columns=lambda name: name.lower().replace(" ", "_"))
    stamps = pd.to_datetime(api["date"], format="%m/%d/%Y %I:%M:%S %p")
    api = api.assign(date=stamps.dt.strftime("%Y-%m-%dT%H:%M:%S.000"))
    api.to_csv(tmp_path / "api.csv", index=False)
    assert utc(ppe.read_events(tmp_path / "api.csv", format="chicago")) == utc(full)


def test_chicago_parquet_with_joined_names(tmp_path: Path) -> None:
    whole = pd.read_csv(CHICAGO)
    frame = pd.DataFrame(
        {
            "Date": pd.to_datetime(whole["Date"], format="%m/%d/%Y %I:%M:%S %p"),
            "Latitude": whole["Latitude"],
            "Longitude": whole["Longitude"],
            "PrimaryType": whole["Primary Type"].astype("category"),
        }
    )
    frame.to_parquet(tmp_path / "chicago.parquet")
    events = ppe.read_events(tmp_path / "chicago.parquet", format="chicago", kinds="THEFT")
    assert utc(events) == ["2018-03-11T08:00", "2018-11-04T06:30"]
    assert events.report.where == "row"
    assert events.report.dropped[0] == Dropped("another kind of crime than asked for", 3, (0, 5, 6))


def test_police_uk_knows_that_it_is_monthly() -> None:
    events = ppe.read_events(POLICE_UK, format="police_uk")
    assert events.resolution == "month"
    assert utc(events)[0] == "2018-04-30T23:00"
    assert events.happened_until is not None
    assert str(events.happened_until[0])[:16] == "2018-05-31T23:00"
    assert [str(moment)[:16] for moment in events.observed[0]] == ["2018-04-30T23:00", "2018-07-31T23:00"]
    assert events.report.dropped == (Dropped("the place is blank", 1, (5,)),)
    assert events.report.duplicates == 1
    notes = " ".join(events.report.notes)
    assert "no rows for 2018-06" in notes
    assert "without a Crime ID: 2" in notes
    assert "methods that forecast a night cannot be tested" in notes


def test_police_uk_refuses_a_thirteenth_month(tmp_path: Path) -> None:
    file = tmp_path / "months.csv"
    file.write_text(POLICE_UK.read_text().replace("aa03,2018-07", "aa03,2018-13").replace("aa01,2018-05", "aa01,May"))
    with pytest.raises(ppe.InputError, match=r"lines 2, 6: the time is not written as 2018-07 \(found 'May'\)"):
        ppe.read_events(file, format="police_uk")


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    lines = TORONTO.read_text().splitlines()
    file = tmp_path / "reversed.csv"
    file.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    first = ppe.read_events(TORONTO, format="toronto")
    again = ppe.read_events(file, format="toronto")
    assert first.fingerprint == again.fingerprint
