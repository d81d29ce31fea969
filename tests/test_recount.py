"""Two cities recounted from the raw files, without a line of the package: cells, crimes, surfaces and tallies.

The recount asks numpy, pandas, shapely and pyproj only. What it counts must be what `tally` says, with ties, cut cells
and crimes outside the study area present, or it would show little.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from pyproj import Transformer
from shapely.geometry import shape

import predpol_eval as ppe

SIDE = 250_000  # millimetres
DAYS = 21
BUDGETS = [("top", 10), ("share", 0.01), ("share", 0.02), ("share", 0.05)]


# The recount ----------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Cells with ground in the city: column and row, ground, and position of the area in the sorted labels."""

    column: np.ndarray
    row: np.ndarray
    inside: np.ndarray
    area: np.ndarray
    labels: list[int]


class Crimes(NamedTuple):
    """Local days of the crimes, and the column and row they fall in."""

    moment: np.ndarray
    column: np.ndarray
    row: np.ndarray


def read_areas(path: Path, name: str, epsg: int) -> dict[int, shapely.Geometry]:
    """Polygons in metres by label, rows of one label put together."""
    convert = Transformer.from_crs(4326, epsg, always_xy=True)
    found: dict[int, list[shapely.Geometry]] = {}
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        degrees = shape(feature["geometry"])
        metres = shapely.transform(degrees, lambda xy: np.column_stack(convert.transform(xy[:, 0], xy[:, 1])))
        found.setdefault(int(feature["properties"][name]), []).append(shapely.make_valid(metres))
    return {label: shapely.union_all(parts) for label, parts in sorted(found.items())}


def lay_cells(areas: dict[int, shapely.Geometry]) -> Place:
    """Ground and area of each cell that has any, from the intersection of its square with every area."""
    metres = SIDE / 1000
    pieces: dict[tuple[int, int], list[tuple[int, shapely.Geometry]]] = {}
    for position, area in enumerate(areas.values()):
        shapely.prepare(area)
        west, south, east, north = np.floor(np.array(area.bounds) / metres).astype(int)
        columns, rows = np.meshgrid(np.arange(west, east + 1), np.arange(south, north + 1))
        columns, rows = columns.ravel(), rows.ravel()
        squares = shapely.box(columns * metres, rows * metres, (columns + 1) * metres, (rows + 1) * metres)
        near = shapely.intersects(area, squares)
        cut = shapely.intersection(area, squares[near])
        for column, row, piece in zip(columns[near], rows[near], cut, strict=True):
            if piece.area > 0:
                pieces.setdefault((int(column), int(row)), []).append((position, piece))
    cells = sorted(pieces, key=lambda cell: (cell[1], cell[0]))
    inside = [
        pieces[cell][0][1].area
        if len(pieces[cell]) == 1
        else shapely.union_all([piece for _, piece in pieces[cell]]).area
        for cell in cells
    ]
    owner = [max(pieces[cell], key=lambda part: (round(part[1].area, 6), -part[0]))[0] for cell in cells]
    column, row = np.array(cells).T
    return Place(column, row, np.array(inside), np.array(owner), list(areas))


def locate(longitude: np.ndarray, latitude: np.ndarray, epsg: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(longitude, latitude)
    return np.rint(x * 1000).astype(np.int64) // SIDE, np.rint(y * 1000).astype(np.int64) // SIDE


def count(place: Place, crimes: Crimes, first: np.datetime64, last: np.datetime64) -> tuple[np.ndarray, int]:
    """Crimes per cell, and those in no cell, from the local moment `first` to `last`, excluded."""
    where = {cell: i for i, cell in enumerate(zip(place.column.tolist(), place.row.tolist(), strict=True))}
    numbers, outside = np.zeros(len(where)), 0
    now = (crimes.moment >= first) & (crimes.moment < last)
    for cell in zip(crimes.column[now].tolist(), crimes.row[now].tolist(), strict=True):
        if cell in where:
            numbers[where[cell]] += 1
        else:
            outside += 1
    return numbers, outside


def greedy(crimes: np.ndarray, size: np.ndarray, left: float, *, best: bool) -> float:
    """Crimes caught by filling `left` with the cells of most, or least, crimes per size; the last in part."""
    caught = 0.0
    for i in sorted(range(len(crimes)), key=lambda i: crimes[i] / size[i], reverse=best):
        part = min(1.0, max(0.0, left) / size[i])
        caught += part * crimes[i]
        left -= part * size[i]
    return caught


def spend(key: np.ndarray, crimes: np.ndarray, inside: np.ndarray, size: np.ndarray, left: float) -> dict[str, object]:
    """One scope: shares of its cells, expected, worst and best hits, and whether ties were cut."""
    share = np.zeros(len(key))
    told = np.array([float(f"{number:.11e}") for number in key])
    worst = best = 0.0
    cut = False
    for value in sorted(set(told.tolist()), reverse=True):
        group = told == value
        together = size[group].sum()
        if left <= 1e-9:
            break
        if together <= left * (1 + 1e-12):
            share[group] = 1.0
            worst, best = worst + crimes[group].sum(), best + crimes[group].sum()
        else:
            share[group] = left / together
            worst += greedy(crimes[group], size[group], left, best=False)
            best += greedy(crimes[group], size[group], left, best=True)
            cut = group.sum() > 1
        left -= together
    return {"share": share, "hits_worst": worst, "hits_best": best, "cut": cut}


def recount(place: Place, values: np.ndarray, kind: str, crimes: np.ndarray) -> tuple[dict[str, np.ndarray], bool]:
    """Every number of a tally, by area and budget; a scope's worst, best and oracle stand in its first area."""
    areas = len(place.labels)
    out = {name: np.zeros((areas, len(BUDGETS))) for name in (
        "hits", "hits_worst", "hits_best", "oracle_hits", "chance_hits", "flagged_m2", "boxes", "boxes_hit",
        "budget_m2",
    )}  # fmt: skip
    ties = False
    total = np.array([place.inside[place.area == a].sum() for a in range(areas)])
    for b, (what, amount) in enumerate(BUDGETS):
        scopes = [np.flatnonzero(place.area == a) for a in range(areas)] if what == "top" else [np.arange(len(values))]
        for s, scope in enumerate(scopes):
            if not len(scope):
                continue
            inside, y = place.inside[scope], crimes[scope]
            size = np.ones(len(scope)) if what == "top" else inside
            key = values[scope] / inside if what == "share" and kind == "expected_count" else values[scope]
            left = amount if what == "top" else amount * inside.sum()
            found = spend(key, y, inside, size, left)
            share = found["share"]
            ties |= bool(found["cut"])
            for name in ("hits_worst", "hits_best"):
                out[name][s, b] = found[name]
            spent = left if what == "top" else (share * inside).sum()
            out["oracle_hits"][s, b] = greedy(y, size, spent, best=True)
            for name, amounts in (
                ("hits", y),
                ("flagged_m2", inside),
                ("boxes", np.ones(len(y))),
                ("boxes_hit", y > 0),
            ):
                np.add.at(out[name][:, b], place.area[scope], share * amounts)
        here = np.array([crimes[place.area == a].sum() for a in range(areas)])
        out["chance_hits"][:, b] = here * out["flagged_m2"][:, b] / np.where(total > 0, total, 1)
        cells = np.bincount(place.area, minlength=areas)
        out["budget_m2"][:, b] = (
            np.minimum(amount, cells) * total / np.maximum(cells, 1) if what == "top" else amount * total
        )
    return out, ties


def predict(place: Place, crimes: Crimes, night: np.datetime64) -> dict[str, np.ndarray]:
    """Mean daily crimes of three weeks before the night; and whether a week had one: a surface full of ties."""
    weeks, _ = count(place, crimes, night - np.timedelta64(DAYS, "D"), night)
    week, _ = count(place, crimes, night - np.timedelta64(7, "D"), night)
    return {"expected_count": weeks / DAYS, "score": np.minimum(week, 1.0)}


# The two cities, raw and by the package -------------------------------------------------------------------


class City(NamedTuple):
    place: Place
    crimes: Crimes
    events: ppe.Events
    grid: ppe.Grid
    nights: list[str]


def toronto(data: Path) -> City:
    import geopandas as gpd

    folder = data / "toronto"
    raw = pd.read_csv(folder / "toronto_mci_2014_2018.csv.gz")
    raw = raw[raw.MCI == "Break and Enter"]
    day = pd.to_datetime(raw.occurrencedate, utc=True).dt.tz_convert("America/Toronto").dt.tz_localize(None)
    assert (day == day.dt.normalize()).all()
    moment = (day + pd.to_timedelta(raw.occurrencehour, unit="h")).to_numpy()
    polygons = folder / "neighbourhoods_140.geojson"
    crimes = Crimes(moment, *locate(raw.Long.to_numpy(), raw.Lat.to_numpy(), 32617))
    events = ppe.read_events(folder / "toronto_mci_2014_2018.csv.gz", format="toronto", kinds=["Break and Enter"])
    areas = gpd.read_file(polygons).to_crs(32617)
    grid = ppe.Grid.from_areas(areas, cell=250, label="AREA_SHORT_CODE")
    # Few crimes fall in no cell of the city at all: three in five years. One of their nights is among these.
    nights = ["2018-06-01", "2018-06-02", "2018-06-16", "2018-06-30", "2017-03-02"]
    return City(lay_cells(read_areas(polygons, "AREA_SHORT_CODE", 32617)), crimes, events, grid, nights)


def chicago(data: Path) -> City:
    import geopandas as gpd

    folder = data / "chicago"
    raw = pd.read_parquet(folder / "chicago_crimes_2018_jan_aug.parquet")
    raw = raw[raw.PrimaryType.isin(["BURGLARY", "THEFT"])]
    polygons = folder / "police_districts.geojson"
    crimes = Crimes(raw.Date.to_numpy(), *locate(raw.Longitude.to_numpy(), raw.Latitude.to_numpy(), 26971))
    events = ppe.Events.from_frame(
        raw, x="Longitude", y="Latitude", happened="Date", source_crs="EPSG:4326", crs="EPSG:26971",
        tz="America/Chicago", ambiguous="earlier", nonexistent="shift_forward",
    )  # fmt: skip
    # Without the airport (16) and the enclaves (31), so that some crimes fall outside.
    areas = gpd.read_file(polygons).to_crs(26971)
    grid = ppe.Grid.from_areas(areas[~areas.district.isin([16, 31])], cell=250, label="district")
    districts = read_areas(polygons, "district", 26971)
    mine = {label: area for label, area in districts.items() if label not in (16, 31)}
    return City(lay_cells(mine), crimes, events, grid, ["2018-06-01", "2018-06-10"])


@pytest.fixture(scope="module", params=[toronto, chicago], ids=["toronto", "chicago"])
def city(request: pytest.FixtureRequest, shared_data: Path) -> City:
    return request.param(shared_data)


def on_grid(city: City) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the recount's cells in the package's grid."""
    return city.place.row - city.grid.y0_mm // SIDE, city.place.column - city.grid.x0_mm // SIDE


def test_cells_their_ground_and_their_areas(city):
    place, grid = city.place, city.grid
    assert grid.x0_mm % SIDE == grid.y0_mm % SIDE == 0
    row, column = on_grid(city)
    assert grid.mask.sum() == len(place.inside)
    assert grid.mask[row, column].all()
    # A square millimetre, and 1e-9 of a cell.
    np.testing.assert_allclose(grid.inside_m2[row, column], place.inside, atol=1e-6, rtol=1e-9)
    assert grid.labels == tuple(str(label) for label in place.labels)
    assert (grid.label_code[row, column] == place.area).all()
    whole = (SIDE / 1000) ** 2
    assert (place.inside < 0.99 * whole).sum() > 300, "no cut cells to speak of"
    assert (place.inside > 0.999999 * whole).sum() > 5000


def windows_of(city: City) -> ppe.Windows:
    first = min(city.nights)
    nights = ppe.Schedule(start=first, end="2018-07-01", tz=city.events.tz).windows
    return nights[(np.array(city.nights, dtype="datetime64[D]") - np.datetime64(first)).astype(int)]


def test_crimes_of_every_night(city):
    counted = ppe.count(city.events, city.grid, ppe.Schedule(start="2018-06-01", end="2018-07-01", tz=city.events.tz))
    row, column = on_grid(city)
    for w in range(30):
        night = np.datetime64("2018-06-01") + np.timedelta64(w, "D")
        numbers, outside = count(city.place, city.crimes, night, night + np.timedelta64(1, "D"))
        assert (counted[w].to_numpy()[row, column] == numbers).all()
        assert counted[w].sum() == numbers.sum() > 0
        assert counted.outside[w] == outside


def test_surfaces_and_tallies(city):
    windows = windows_of(city)
    row, column = on_grid(city)
    budgets = [ppe.TopCells(10, per="area"), *(ppe.Coverage(share) for _, share in BUDGETS[1:])]
    map_of_weeks = ppe.forecast(ppe.CountMap(lookback=f"{DAYS}D"), city.events, city.grid, windows)
    tied, nobody = {"expected_count": 0, "score": 0}, 0
    for kind in ("expected_count", "score"):
        predicted = [predict(city.place, city.crimes, np.datetime64(night))[kind] for night in city.nights]
        if kind == "expected_count":
            risk = map_of_weeks
            found = risk.to_numpy()[:, row, column]
            np.testing.assert_allclose(found, predicted, rtol=1e-12, atol=1e-15)
        else:
            values = np.zeros((len(windows), *city.grid.shape))
            values[:, row, column] = predicted
            risk = ppe.make_surface(values, city.grid, windows, kind="score")
        small = city.grid.label_cells.min() < 10
        if small:
            with pytest.warns(ppe.PredPolWarning, match="more cells than there are"):
                tally = ppe.tally(risk, city.events, budgets, city.grid)
        else:
            tally = ppe.tally(risk, city.events, budgets, city.grid)
        for w, night in enumerate(city.nights):
            first = np.datetime64(night)
            crimes, outside = count(city.place, city.crimes, first, first + np.timedelta64(1, "D"))
            expected, ties = recount(city.place, predicted[w], kind, crimes)
            tied[kind] += ties
            nobody += outside
            compare(tally.isel(window=w), expected, city.place, crimes, outside)
    assert min(tied.values()) > 0, "no ties were cut"
    assert nobody > 0, "no crime outside the study area"
    assert float((tally.hits_best - tally.hits_worst).sum()) > 0


def compare(tally: xr.Dataset, expected: dict[str, np.ndarray], place: Place, crimes: np.ndarray, outside: int) -> None:
    by_area = [crimes[place.area == a].sum() for a in range(len(place.labels))]
    assert tally.events.to_numpy().tolist() == by_area
    assert tally.outside.item() == outside
    total = [place.inside[place.area == a].sum() for a in range(len(place.labels))]
    np.testing.assert_allclose(tally.total_m2, total, rtol=1e-9)
    for name, numbers in expected.items():
        here = tally[name].transpose("area", "budget").to_numpy()
        if name in ("hits_worst", "hits_best", "oracle_hits"):  # by scope: of each area, or of the city
            np.testing.assert_allclose(here[:, 0], numbers[:, 0], rtol=1e-9, atol=1e-9, err_msg=name)
            np.testing.assert_allclose(here.sum(axis=0), numbers.sum(axis=0), rtol=1e-9, atol=1e-9, err_msg=name)
        else:
            np.testing.assert_allclose(here, numbers, rtol=1e-9, atol=1e-9, err_msg=name)
