"""The numbers of the real files, as their own description gives them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import predpol_eval as ppe
from tests.naive import readers

SEATTLE: dict[str, Any] = {
    "format": "generic",
    "x": "x",
    "y": "y",
    "happened": "t",
    "id": "id",
    "date_format": "%m/%d/%Y %I:%M:%S %p",
    "source_crs": "EPSG:4326",
    "crs": "EPSG:32610",
    "tz": "America/Los_Angeles",
}


@pytest.fixture(scope="module")
def toronto(shared_data: Path) -> ppe.Events:
    return ppe.read_events(shared_data / "toronto" / "toronto_mci_2014_2018.csv.gz", format="toronto")


def dropped(events: ppe.Events) -> dict[str, int]:
    assert events.report.rows_read == events.report.rows_kept + sum(entry.rows for entry in events.report.dropped)
    assert events.report.rows_kept == len(events)
    return {entry.reason: entry.rows for entry in events.report.dropped}


def note(events: ppe.Events, start: str) -> str:
    return next(text for text in events.report.notes if text.startswith(start))


def test_toronto_numbers(toronto: ppe.Events, shared_data: Path) -> None:
    assert toronto.report.rows_read == 147_879
    assert dropped(toronto) == {"occurred before 2014-01-01, reported later": 1_057}
    assert "(1,001 of the rows read)" in note(toronto, "rows that repeat an earlier row in every column")
    assert toronto.observed_days == 1826
    assert toronto.report.gaps == ()
    whole = ppe.read_events(shared_data / "toronto" / "toronto_mci_2014_2018.csv.gz", format="toronto", since=None)
    assert whole.report.duplicates == 1_001
    assert Counter(whole.kind.tolist()) == {
        "Assault": 77_697,
        "Break and Enter": 34_225,
        "Auto Theft": 16_806,
        "Robbery": 13_768,
        "Theft Over": 5_383,
    }
    assert [(gap.end, gap.crimes) for gap in whole.report.gaps] == [("2014-01-01", 1_057)]


def test_toronto_equals_the_tidy_file(toronto: ppe.Events, shared_data: Path) -> None:
    tidy = pd.read_parquet(shared_data / "toronto" / "toronto_property_robbery_2014_2018_tidy.parquet")
    assert len(tidy) == 64_639
    ours = toronto.select(kinds=["Break and Enter", "Auto Theft", "Robbery"]).frame()
    assert ours["kind"].value_counts().to_dict() == tidy["offence"].value_counts().to_dict()
    # The tidy file holds the skipped and repeated hours as written; everything else must agree to the row.
    wall = ours["happened"].dt.tz_localize(None)
    regular = tidy["occurred"].dt.tz_localize("America/Toronto", ambiguous="NaT", nonexistent="NaT").notna().to_numpy()
    assert (~regular).sum() == 19
    skipped = {"2015-03-08 02:00", "2016-03-13 02:00", "2017-03-12 02:00", "2018-03-11 02:00"}
    moved = tidy["occurred"].where(
        ~tidy["occurred"].dt.strftime("%Y-%m-%d %H:%M").isin(skipped), tidy["occurred"] + pd.Timedelta("1h")
    )
    left = pd.DataFrame({"t": wall, "k": ours["kind"], "x": ours["x"], "y": ours["y"]})
    right = pd.DataFrame({"t": moved, "k": tidy["offence"], "x": tidy["x"], "y": tidy["y"]})
    # Its metres have one decimal: rows of an hour are paired by their rounded place, then compared.
    columns = ["t", "k", "rx", "ry"]
    left, right = (
        side.assign(rx=side["x"].round(-1), ry=side["y"].round(-1)).sort_values(columns) for side in (left, right)
    )
    distance = np.hypot(left["x"].to_numpy() - right["x"].to_numpy(), left["y"].to_numpy() - right["y"].to_numpy())
    assert left["t"].tolist() == right["t"].tolist()
    assert left["k"].tolist() == right["k"].tolist()
    # A place on the edge of a rounding step may be paired with its neighbour of the same hour and kind.
    assert (distance < 0.0708).mean() > 0.999


def test_toronto_places_to_the_centimetre(toronto: ppe.Events, shared_data: Path) -> None:
    from pyproj import Transformer

    naive = readers.toronto(shared_data / "toronto" / "toronto_mci_2014_2018.csv.gz")
    assert len(naive) == len(toronto) == 146_822
    ours = toronto.happened.astype("datetime64[s]").astype(np.int64)
    assert ours.tolist() == [int(row[0].timestamp()) for row in naive]
    assert Counter(toronto.kind.tolist()) == Counter(row[3] for row in naive)
    to_metres = Transformer.from_crs("EPSG:4326", "EPSG:32617", always_xy=True)
    east, north = to_metres.transform([row[1] for row in naive], [row[2] for row in naive])
    kinds = {kind: code for code, kind in enumerate(toronto.kinds)}
    codes = np.array([kinds[row[3]] for row in naive])
    order = np.lexsort((codes, north, east, ours))
    mine = np.lexsort((toronto.kind_code, toronto.y, toronto.x, ours))
    np.testing.assert_allclose(toronto.x[mine], np.asarray(east)[order], atol=0.001)
    np.testing.assert_allclose(toronto.y[mine], np.asarray(north)[order], atol=0.001)
    np.testing.assert_array_equal(toronto.kind_code[mine], codes[order])


def test_chicago_homicides(shared_data: Path) -> None:
    source = shared_data / "chicago" / "chicago_homicides_socrata_2001_2018.csv.gz"
    events = ppe.read_events(source, format="chicago")
    assert events.report.rows_read == 9_265
    assert dropped(events) == {
        "the place is blank": 3,
        "the place is (36.619446, -91.686566), which stands for unknown": 53,
    }
    assert events.report.dropped[0].first == (258, 530, 2220)
    assert events.kinds == ("HOMICIDE",)
    assert events.report.gaps == ()
    naive = readers.chicago(source)
    assert [int(row[0].timestamp()) for row in naive] == events.happened.astype("datetime64[s]").astype(int).tolist()
    # The export's own State Plane feet, in US survey feet, are the same places.
    raw = pd.read_csv(source)
    raw = raw[raw["X Coordinate"] > 0]
    by_id = pd.DataFrame({"x": events.x, "y": events.y}, index=events.id).loc[raw["ID"]]
    feet = 1200 / 3937
    np.testing.assert_allclose(by_id["x"], raw["X Coordinate"] * feet, atol=0.5)
    np.testing.assert_allclose(by_id["y"], raw["Y Coordinate"] * feet, atol=0.5)


def test_chicago_parquet(shared_data: Path) -> None:
    events = ppe.read_events(shared_data / "chicago" / "chicago_crimes_2018_jan_aug.parquet", format="chicago")
    assert (events.report.rows_read, len(events)) == (156_385, 156_385)
    assert dropped(events) == {}
    assert dict(zip(*np.unique(events.kind, return_counts=True), strict=True))["BURGLARY"] == 6_797
    assert events.report.gaps == ()
    assert events.observed_days == pytest.approx(220 - 1 / 24)
    assert events.report.attribution.startswith("This site provides applications")


@pytest.mark.parametrize(
    ("name", "rows", "blank", "without_id"),
    [
        ("2017-07-west-yorkshire-street", 28_537, 1_541, 5_955),
        ("2018-07-west-yorkshire-street", 31_635, 883, 5_442),
        ("2023-01-metropolitan-street-sample", 4_000, 0, 699),
    ],
)
def test_police_uk(shared_data: Path, name: str, rows: int, blank: int, without_id: int) -> None:
    events = ppe.read_events(shared_data / "formats" / f"{name}.csv.gz", format="police_uk")
    assert events.report.rows_read == rows
    assert dropped(events) == ({"the place is blank": blank} if blank else {})
    assert f"without a Crime ID: {without_id:,}" in note(events, "rows read without")
    assert events.resolution == "month"
    if "metropolitan" in name:
        # Arun and Aylesbury Vale, which the Met polices nobody in.
        assert note(events, "rows far beyond all others").startswith("rows far beyond all others: 3,")


def test_seattle_and_its_gap(shared_data: Path) -> None:
    source = shared_data / "seattle" / "seattle_burglary_2010_2018.csv.gz"
    events = ppe.read_events(source, **SEATTLE)
    assert events.report.rows_read == len(events) == 42_709
    assert note(events, "rows with the place, time and kind").startswith(
        "rows with the place, time and kind of an earlier row: 327;"
    )
    before, gap = events.report.gaps
    assert (before.start, before.end) == ("2009-12-22", "2010-07-18")
    assert (gap.start, gap.end, gap.crimes) == ("2013-02-23", "2015-01-30", 55)
    call = "observed=[('2010-07-18', '2013-02-23'), ('2015-01-30', '2018-05-09')]"
    assert call in note(events, "suspiciously empty")
    mended = ppe.read_events(source, **SEATTLE, observed=events.report.observed_hint)
    assert mended.report.gaps == ()
    assert "74" in note(mended, "rows outside the observed periods")
    with pytest.raises(ppe.InputError, match=r"date_format='%m/%d/%Y %I:%M:%S %p'"):
        ppe.read_events(source, **{**SEATTLE, "date_format": None})


def test_new_york_intervals(shared_data: Path) -> None:
    events = ppe.read_events(
        shared_data / "nyc" / "nyc_vehicle_thefts_2014_2015.csv.gz",
        format="generic",
        x="longitude",
        y="latitude",
        happened="date_start",
        happened_until="date_end",
        id="uid",
        source_crs="EPSG:4326",
        crs="EPSG:32618",
        tz="America/New_York",
    )
    assert len(events) == 19_047
    assert "1,602" in note(events, "rows read with a blank 'date_end'")
    assert events.happened_until is not None
    length = (events.happened_until - events.happened) / np.timedelta64(1, "D")
    assert (length > 1).mean() == pytest.approx(0.21, abs=0.005)
    assert (length > 7).mean() == pytest.approx(0.068, abs=0.001)
    # The years of the file, not the seven years of its longest interval.
    assert events.observed_days == 730
    assert events.report.gaps == ()


def test_vancouver_hidden_places(shared_data: Path) -> None:
    events = ppe.read_events(
        shared_data / "formats" / "crimedata_csv_AllNeighbourhoods_2020.csv.gz",
        format="generic",
        x="X",
        y="Y",
        happened=["YEAR", "MONTH", "DAY", "HOUR", "MINUTE"],
        kind="TYPE",
        crs="EPSG:26910",
        tz="America/Vancouver",
    )
    assert events.report.rows_read == 37_512
    assert dropped(events) == {
        "the place is blank": 1,
        "the place is (0, 0), which stands for hidden or unknown": 3_731 + 19,
    }
    assert "1,739 of the rows read" in note(events, "rows that repeat an earlier row")
    assert "exactly 00:00" in note(events, "times pile up")


def test_los_angeles_clock_times_and_dates_of_report(shared_data: Path) -> None:
    events = ppe.read_events(
        shared_data / "formats" / "lapd_2020_sample_renamed_columns.csv.gz",
        format="generic",
        x="lon",
        y="lat",
        happened="date_occ",
        hhmm="time_occ",
        recorded="date_rptd",
        kind="crime_category",
        id="dr_no",
        source_crs="EPSG:4326",
        crs="EPSG:32611",
        tz="America/Los_Angeles",
    )
    assert len(events) == 1_000
    assert events.recorded is not None
    assert (events.recorded > events.happened).all()
    hours = events.frame()["happened"].dt.strftime("%H%M").astype(int)
    raw = pd.read_csv(shared_data / "formats" / "lapd_2020_sample_renamed_columns.csv.gz")
    assert sorted(hours) == sorted(raw["time_occ"])


def test_portland_days_in_international_feet(shared_data: Path) -> None:
    events = ppe.read_events(
        shared_data / "formats" / "nij_portland_cfs_2016_08_10.csv.gz",
        format="generic",
        x="x_coordina",
        y="y_coordina",
        happened="occ_date",
        kind="CATEGORY",
        source_crs="EPSG:2913",
        crs="EPSG:32610",
        tz="America/Los_Angeles",
    )
    assert events.report.rows_read == 55_509
    assert sum(dropped(events).values()) == 1
    assert dict(zip(*np.unique(events.kind, return_counts=True), strict=True)) == {
        "BURGLARY": 255,
        "MOTOR VEHICLE THEFT": 662,
        "OTHER": 45_532,
        "STREET CRIMES": 9_059,
    }
    assert events.resolution == "day"
    assert events.observed_days == 92


def test_chicago_arson_without_header(shared_data: Path) -> None:
    events = ppe.read_events(
        shared_data / "near_repeat" / "chicago_arson.csv",
        format="generic",
        columns=["x", "y", "t"],
        x="x",
        y="y",
        happened="t",
        crs="EPSG:26971",
        tz="America/Chicago",
    )
    assert len(events) == 522
    assert events.report.gaps == ()
