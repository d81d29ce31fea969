"""Every kind of bad input, all the way from columns or a file: a message that helps, and nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

import predpol_eval as ppe
from predpol_eval.backtests import estimate

FIXTURES = Path(__file__).parent / "fixtures"
CRS, ZONE = "EPSG:32617", "America/Toronto"
EAST, NORTH = 630_000.0, 4_835_000.0
READING = {"x": "x", "y": "y", "happened": "t", "crs": CRS, "tz": ZONE}
NIGHTS = {"start": "2018-03-25", "end": "2018-04-01", "tz": ZONE}


def crimes(number: int = 124, first: str = "2018-03-01") -> pd.DataFrame:
    """Crimes of a month, every six hours, in the western half of a square of two kilometres."""
    rng = np.random.default_rng(1)
    wall = pd.Timestamp(first) + pd.to_timedelta(np.arange(number) * 6, unit="h")
    x, y = EAST + rng.uniform(0, 1000, number).round(2), NORTH + rng.uniform(0, 2000, number).round(2)
    return pd.DataFrame({"x": x, "y": y, "t": wall.strftime("%Y-%m-%d %H:%M")})


def areas(*boxes: tuple[float, float, float, float], crs: Any = CRS) -> geopandas.GeoDataFrame:
    """Rectangles in metres from the corner of the square; by default its western and its eastern half."""
    boxes = boxes or ((0, 0, 1000, 2000), (1000, 0, 2000, 2000))
    shapes = [shapely.box(EAST + west, NORTH + south, EAST + east, NORTH + north) for west, south, east, north in boxes]
    names = [f"area {number}" for number in range(1, len(shapes) + 1)]
    return geopandas.GeoDataFrame({"name": names}, geometry=shapes, crs=crs)


def tally(events: ppe.Events, grid: ppe.Grid, folder: Path, **options: Any):
    asked = {"budgets": [ppe.TopCells(3, per="area"), ppe.Coverage(0.1)], "progress": False, **options}
    schedule = ppe.Schedule(**{**NIGHTS, **asked.pop("nights", {})})
    forecasters = asked.pop("forecasters", {"map": ppe.CountMap(), "floor": ppe.Uniform()})
    return ppe.backtest(forecasters, events, grid, schedule, store=folder / "store", **asked)


def from_frame(
    folder: Path,
    frame: pd.DataFrame | None = None,
    reading: Any = (),
    places: Any = None,
    cell: float = 250,
    **options: Any,
):
    """The whole way from columns to a tally."""
    events = ppe.Events.from_frame(crimes() if frame is None else frame, **{**READING, **dict(reading)})
    grid = ppe.Grid.from_areas(areas() if places is None else places, cell=cell, label="name")
    return tally(events, grid, folder, **options)


def from_file(folder: Path, frame: pd.DataFrame | bytes, reading: Any = (), **options: Any):
    """The same from a CSV file."""
    (folder / "in").mkdir()
    content = frame if isinstance(frame, bytes) else frame.to_csv(index=False).encode()
    (folder / "in" / "crimes.csv").write_bytes(content)
    events = ppe.read_events(folder / "in" / "crimes.csv", format="generic", **{**READING, **dict(reading)})
    grid = ppe.Grid.from_areas(areas(), cell=250, label="name")
    return tally(events, grid, folder, **options)


def made(folder: Path) -> list[str]:
    """Files and folders that a run made."""
    return [path.name for path in folder.iterdir() if path.name != "in"]


def spoilt(column: str, rows: list[int], value: Any) -> pd.DataFrame:
    """Crimes with some rows spoilt."""
    frame = crimes()
    frame[column] = frame[column].astype(object)
    for row in rows:
        frame.loc[row, column] = value
    return frame


def in_degrees() -> pd.DataFrame:
    """The same crimes as longitude and latitude."""
    frame = crimes()
    points = geopandas.GeoSeries(geopandas.points_from_xy(frame.x, frame.y), crs=CRS).to_crs(4326)
    return frame.assign(x=points.x, y=points.y)


def test_good_input_is_good(tmp_path):
    out = from_frame(tmp_path)
    assert made(tmp_path) == ["store"]
    assert (out.status == "ok").all()
    assert out.events.isel(forecaster=0).sum() == 28
    (tmp_path / "second").mkdir()
    assert from_file(tmp_path / "second", crimes()).hits.values.tobytes() == out.hits.values.tobytes()


# What is refused: how it comes in, and what the message must say of what was found and what to do -------------

Ask = Callable[[Path], Any]
REFUSED: dict[str, tuple[Ask, tuple[str, ...]]] = {
    "degrees as metres": (
        lambda f: from_frame(f, in_degrees()),
        ("The events have x from -79.38", "look like degrees", f"crs='{CRS}' is in metres", "source_crs='EPSG:4326'"),
    ),
    "degrees as metres, in a file": (
        lambda f: from_file(f, in_degrees()),
        ("x from -79.38", "look like degrees", "source_crs='EPSG:4326'"),
    ),
    "a CRS in degrees": (
        lambda f: from_frame(f, in_degrees(), {"crs": "EPSG:4326"}),
        ("EPSG:4326 (WGS 84)", "in degrees", "projected system in metres", "source_crs='EPSG:4326'"),
    ),
    "areas in degrees": (
        lambda f: from_frame(f, places=areas().to_crs(4326)),
        ("EPSG:4326", "in degrees", ".to_crs("),
    ),
    "areas in degrees said to be metres": (
        lambda f: from_frame(f, places=areas().to_crs(4326).set_crs(CRS, allow_override=True)),
        ("The areas have x from -79.", "look like degrees", f".to_crs('{CRS}')"),
    ),
    "a CRS in feet": (
        lambda f: from_frame(f, reading={"crs": "EPSG:2958", "source_crs": None}, places=areas().to_crs(3435)),
        ("EPSG:3435", "foot", "metres are needed", ".to_crs("),
    ),
    "no CRS": (
        lambda f: from_frame(f, reading={"crs": None}),
        ("No coordinate reference system was given", "crs='EPSG:27700'"),
    ),
    "areas without a CRS": (
        lambda f: from_frame(f, places=areas(crs=None)),
        ("no coordinate reference system", "set_crs("),
    ),
    "mixed CRS of crimes and areas": (
        lambda f: from_frame(f, places=areas().to_crs(2958)),
        (f"The events are in {CRS}", "the grid is in EPSG:2958", "source_crs=", ".to_crs()"),
    ),
    "mixed CRS of a GeoDataFrame and its argument": (
        lambda f: from_frame(
            f, geopandas.GeoDataFrame(crimes(), geometry=geopandas.points_from_xy(crimes().x, crimes().y), crs=2958)
        ),
        ("is in EPSG:2958", f"crs='{CRS}' was given", f".to_crs('{CRS}')"),
    ),
    "naive times without a zone": (
        lambda f: from_frame(f, reading={"tz": None}),
        ("times in 't' have no time zone", "tz='Europe/London'"),
    ),
    "naive times without a zone, in a file": (
        lambda f: from_file(f, crimes(), {"tz": None}),
        ("time zone is None", "tz='Europe/London'"),
    ),
    "an unknown zone": (
        lambda f: from_frame(f, reading={"tz": "Toronto"}),
        ("'Toronto' is not an IANA time zone", "tz='America/Toronto'"),
    ),
    "a zone that is only an offset": (
        lambda f: from_frame(f, crimes().assign(t=pd.to_datetime(crimes().t, utc=True)), {"tz": None}),
        ("given in UTC", "wall clock", "tz='Europe/London'"),
    ),
    "times that a clock change skips": (
        lambda f: from_frame(f, spoilt("t", [4, 9], "2018-03-11 02:30")),
        ("rows 4, 9", "does not exist in America/Toronto", "put forward", "nonexistent='shift_forward'"),
    ),
    "times that a clock change repeats": (
        lambda f: from_frame(f, spoilt("t", [7], "2017-11-05 01:30")),
        ("row 7", "occurs twice in America/Toronto", "put back", "ambiguous='earlier'"),
    ),
    "times that a clock change skips, in a file": (
        lambda f: from_file(f, spoilt("t", [4, 9], "2018-03-11 02:30"), {"nonexistent": "raise"}),
        ("lines 6, 11", "America/Toronto", "nonexistent='shift_forward'"),
    ),
    "NaT": (
        lambda f: from_frame(f, spoilt("t", [0, 123], None)),
        ("rows 0, 123", "'t' is missing (NaT)", "drop them and report how many"),
    ),
    "NaN coordinates": (
        lambda f: from_frame(f, spoilt("x", [5, 6], np.nan)),
        ("rows 5, 6", "'x' is missing (NaN) or infinite", "dropna(subset=['x', 'y'])"),
    ),
    "infinite coordinates": (
        lambda f: from_frame(f, spoilt("y", [8], -np.inf)),
        ("row 8", "'y' is missing (NaN) or infinite"),
    ),
    "(0, 0) coordinates": (
        lambda f: from_frame(f, crimes().assign(**{c: crimes()[c].where(crimes().index != 3, 0.0) for c in "xy"})),
        ("row 3", "(0, 0)", "hidden or unknown place", "drop them"),
    ),
    "text coordinates": (
        lambda f: from_frame(f, spoilt("x", [2], "630 000,5")),
        ("row 2", "'x' is not a number", "correct or drop"),
    ),
    "many faults at once": (
        lambda f: from_frame(f, spoilt("t", [1], None).assign(x=spoilt("x", [2], np.nan).x)),
        ("row 1: 't' is missing", "row 2: 'x' is missing", "rows are counted from 0"),
    ),
    "an empty table": (
        lambda f: from_frame(f, crimes().iloc[:0]),
        ("table of crimes is empty", "observed=[(start, end)]"),
    ),
    "an empty file": (lambda f: from_file(f, b""), ("crimes.csv is empty",)),
    "a file with nothing but a header": (
        lambda f: from_file(f, crimes().iloc[:0]),
        ("has a header (3 columns) but no rows",),
    ),
    "a missing column": (
        lambda f: from_frame(f, crimes().drop(columns="y")),
        ("There is no column 'y'", "columns found are: 'x', 't'"),
    ),
    "a misspelt column": (
        lambda f: from_frame(f, crimes().rename(columns={"t": "hapened"}), {"happened": "happened"}),
        ("no column 'happened'", "Did you mean 'hapened'?"),
    ),
    "a misspelt column, in a file": (
        lambda f: from_file(f, crimes().rename(columns={"t": "hapened"}), {"happened": "happened"}),
        ("'happened'", "Did you mean", "'hapened'"),
    ),
    "a misspelt column of a publisher": (
        lambda f: ppe.read_events(
            _written(f, (FIXTURES / "toronto_look_alike.csv").read_text().replace("occurrencehour", "ocurrencehour")),
            format="toronto",
        ),
        ("occurrencehour", "ocurrencehour"),
    ),
    "no areas": (
        lambda f: from_frame(f, places=areas().iloc[:0]),
        ("no area", "the grid would have no cells", "at least one polygon"),
    ),
    "areas that are points": (
        lambda f: from_frame(f, places=areas().set_geometry(areas().centroid)),
        ("rows 0, 1 of the areas are not polygons", "buffer"),
    ),
    "a rectangle without ground": (
        lambda f: tally(_events(), ppe.Grid.from_bounds(EAST, NORTH, EAST, NORTH + 500, cell=250, crs=CRS), f),
        ("hold no area", "the grid would have no cells", "xmin < xmax"),
    ),
    "areas elsewhere": (
        lambda f: from_frame(f, places=areas((90_000, 0, 91_000, 2000))),
        ("None of the 124 crimes lies in the study area", "crimes span x 630,0", "the grid x 720,000"),
    ),
    "a schedule before the first crime": (
        lambda f: from_frame(f, nights={"start": "2018-02-01", "end": "2018-02-08"}),
        ("7 of 7 windows", "2018-02-01", "observed 2018-03-01 to 2018-04-01", "observed=[(start, end), ...]"),
    ),
    "a schedule that begins with the first crime": (
        lambda f: from_frame(f, nights={"start": "2018-03-01", "end": "2018-03-04"}),
        ("1 of 3 windows", "before any crime was observed", "2018-03-01", "Start the schedule later"),
    ),
    "a schedule after the last crime": (
        lambda f: from_frame(f, nights={"start": "2018-03-29", "end": "2018-04-05"}),
        ("4 of 7 windows", "2018-04-01, 2018-04-02", "no record there does not mean no crime"),
    ),
    "a schedule inside a gap": (
        lambda f: from_frame(f, reading={"observed": [("2018-03-01", "2018-03-10"), ("2018-03-28", "2018-04-02")]}),
        ("3 of 7 windows", "2018-03-25, 2018-03-26, 2018-03-27", "2018-03-01 to 2018-03-10; 2018-03-28 to 2018-04-02"),
    ),
    "a schedule without nights": (
        lambda f: from_frame(f, nights={"start": "2018-03-30", "end": "2018-03-30"}),
        ("has no window", "an end after the start"),
    ),
    "a schedule by another clock": (
        lambda f: from_frame(f, nights={"tz": "Europe/London"}),
        ("clock of Europe/London", "that of America/Toronto", "tz='America/Toronto'"),
    ),
    "more cells than there can be": (
        lambda f: from_frame(f, places=areas((0, 0, 60_000, 60_000)), cell=5),
        ("12,000 x 12,000 = 144,000,000 cells", "GB", "larger cell"),
    ),
    "police.uk months for nights": (
        lambda f: tally(
            ppe.read_events(FIXTURES / "police_uk_look_alike.csv", format="police_uk"),
            ppe.Grid.from_bounds(420_000, 420_000, 440_000, 440_000, cell=250, crs="EPSG:27700"),
            f,
            nights={"start": "2018-07-02", "end": "2018-07-09", "tz": "Europe/London"},
        ),
        ("dated to the month only", "windows of 1 days", "horizon='31D'"),
    ),
    "a kind that is not there": (
        lambda f: from_frame(f, kinds=["Burglary"]),
        ("no crime of kind 'Burglary'", "the kinds are 'all'"),
    ),
    "no budget": (lambda f: from_frame(f, budgets=[]), ("No budget was given", "TopCells(10, per='area')")),
}


def _events() -> ppe.Events:
    return ppe.Events.from_frame(crimes(), **READING)


def _written(folder: Path, text: str) -> Path:
    (folder / "in").mkdir()
    (folder / "in" / "crimes.csv").write_text(text)
    return folder / "in" / "crimes.csv"


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_refused_with_what_was_found_and_what_to_do(tmp_path, what):
    ask, says = REFUSED[what]
    with pytest.raises(ppe.PredPolError) as refusal:
        ask(tmp_path)
    text = str(refusal.value)
    missing = [part for part in says if part not in text]
    assert not missing, f"{missing} not in: {text}"
    assert made(tmp_path) == []


# What is legitimate, and its numbers --------------------------------------------------------------------------


def test_an_area_without_any_crime_is_counted_and_its_ratios_are_undefined(tmp_path):
    out = from_frame(tmp_path)
    east = out.sel(area="area 2", forecaster="map", kind="all")
    assert east.events.values.tolist() == [0.0] * 7
    for name in ("hits", "hits_worst", "hits_best", "oracle_hits", "chance_hits", "boxes_hit"):
        assert (east[name] == 0).all(), name
    # It is patrolled all the same, and that ground counts.
    np.testing.assert_allclose(east.boxes.sel(budget="top 3 per area"), 3.0)
    np.testing.assert_allclose(east.flagged_m2.sel(budget="top 3 per area"), 3 * 250.0**2)
    total = east.sum("window")
    for ratio in (ppe.hit_rate, ppe.pai, ppe.lift, ppe.pei):
        assert np.isnan(ratio(total)).all(), ratio.__name__
    assert ppe.precision(total).sel(budget="top 3 per area").item() == 0
    west, both = (
        out.sel(area="area 1", forecaster="map", kind="all").sum("window"),
        out.sel(forecaster="map").sum(["area", "window"]),
    )
    assert both.events.item() == west.events.item() == 28
    assert (
        ppe.hit_rate(west).sel(budget="top 3 per area").item() == ppe.hit_rate(both).sel(budget="top 3 per area").item()
    )


def test_an_area_with_fewer_cells_than_its_budget_is_flagged_whole_with_a_warning(tmp_path):
    places = areas((0, 0, 1000, 2000), (1000, 0, 1400, 250))
    with pytest.warns(
        ppe.PredPolWarning, match="'top 3 per area' asks for more cells than there are in area 2: all of"
    ):
        out = from_frame(tmp_path, places=places)
    small = out.sel(area="area 2", budget="top 3 per area", kind="all")
    np.testing.assert_allclose(small.boxes, 2.0)
    np.testing.assert_allclose(small.flagged_m2, 400 * 250.0)
    np.testing.assert_allclose(small.budget_m2, 400 * 250.0)
    np.testing.assert_array_equal(small.hits, small.events.broadcast_like(small.hits))


def test_a_night_without_crime_is_zero_of_zero(tmp_path):
    frame = crimes()
    frame = frame[~frame.t.str.startswith("2018-03-28")]
    out = from_frame(tmp_path, frame).sel(forecaster="map", kind="all")
    quiet = out.sel(window=np.datetime64("2018-03-28T04:00"))
    assert quiet.status.item() == "ok"
    assert quiet.events.sum().item() == quiet.outside.item() == 0
    assert np.isnan(ppe.hit_rate(quiet.sum("area"))).all()
    assert np.isnan(ppe.pai(quiet.sum("area"))).all()
    total, others = out.sum(["window", "area"]), out.isel(window=[0, 1, 2, 4, 5, 6]).sum(["window", "area"])
    assert ppe.hit_rate(total).equals(ppe.hit_rate(others))
    # The ground flagged in vain counts: PAI is charged for it.
    assert (total.flagged_m2 > others.flagged_m2).all()


def test_one_crime_is_enough_for_a_tally(tmp_path):
    one = pd.DataFrame({"x": [EAST + 10.0], "y": [NORTH + 10.0], "t": ["2018-03-27 12:00"]})
    reading = {"observed": [("2018-03-20", "2018-04-01")]}
    out = from_frame(tmp_path, one, reading, budgets=[ppe.TopCells(1)]).isel(kind=0, budget=0)
    by_night = out.sum("area").sel(forecaster="map")
    assert by_night.events.values.tolist() == [0, 0, 1, 0, 0, 0, 0]
    # On its own night nothing was known: all 64 cells are tied. From then on its cell is flagged, in vain.
    assert by_night.hits.values.tolist() == [0, 0, 1 / 64, 0, 0, 0, 0]
    assert by_night.hits_best.values.tolist() == [0, 0, 1, 0, 0, 0, 0]
    np.testing.assert_allclose(out.boxes.sel(forecaster="map", area="area 1").values, [0.5] * 3 + [1] * 4)
    total = out.sum(["area", "window"])
    np.testing.assert_allclose(ppe.hit_rate(total), 1 / 64)
    np.testing.assert_allclose(ppe.lift(total), 1.0)


def test_one_crime_and_the_forecasters_that_need_more(tmp_path):
    one = pd.DataFrame({"x": [EAST + 10.0], "y": [NORTH + 10.0], "t": ["2018-03-21 12:00"]})
    every = {
        "kde": ppe.KDE(),
        "hot": ppe.ProspectiveHotspot(),
        "near": ppe.NearRepeat(),
        "self": ppe.SelfExciting(),
    }
    reading = {"observed": [("2018-03-20", "2018-04-01")]}
    with pytest.warns(
        ppe.PredPolWarning, match=r"self failed on 7 of 7 nights \(InputError: .*\)\. See status and reason"
    ):
        out = from_frame(tmp_path, one, reading, forecasters=every)
    assert (out.status.sel(forecaster=["kde", "hot", "near"]) == "ok").all()
    assert np.isnan(out.hits.sel(forecaster="self")).all()
    # The cell of the only crime is the riskiest for all of them.
    assert (out.boxes.sel(forecaster=["kde", "hot", "near"], area="area 1", budget="10 % of the ground") > 0).all()


def test_no_crime_at_all_but_observed(tmp_path):
    none = crimes().iloc[:0].astype({"t": "datetime64[ns]"})
    out = from_frame(tmp_path, none, {"observed": [("2018-03-20", "2018-04-01")]})
    assert (out.status == "ok").all()
    assert (out.events == 0).all()
    assert np.isnan(ppe.hit_rate(out.sum(["window", "area"]))).all()


def test_ten_million_cells_are_a_grid_and_a_backtest_says_what_it_needs(tmp_path, monkeypatch):
    grid = ppe.Grid.from_bounds(EAST, NORTH, EAST + 31_630, NORTH + 31_630, cell=10, crs=CRS)
    assert grid.mask.sum() == 3163**2
    monkeypatch.setattr(estimate, "available_gigabytes", lambda: 1.5)
    with pytest.raises(ppe.InputError) as refusal:
        tally(_events(), grid, tmp_path, n_jobs=2)
    text = str(refusal.value)
    assert "would need about 4.2 GB of memory and 1.5 GB are available" in text
    assert "on 10,004,569 cells with 2 workers" in text
    assert "larger cells" in text
    assert made(tmp_path) == []
    # Where there is room, nights stream: see tests/backtests/test_estimate.py.
