"""Forecasts from Toronto's real break-ins, thefts and robberies, recounted with pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import predpol_eval as ppe

ZONE = "America/Toronto"
CRS = "EPSG:32617"
KINDS = ["Break and Enter", "Auto Theft", "Robbery"]


@pytest.fixture(scope="module")
def table(shared_data):
    """The publisher's rows, times by the wall clock."""
    return pd.read_parquet(shared_data / "toronto" / "toronto_property_robbery_2014_2018_tidy.parquet")


@pytest.fixture(scope="module")
def events(table):
    options = {"ambiguous": "earlier", "nonexistent": "shift_forward"}
    return ppe.Events.from_frame(table, happened="occurred", kind="offence", crs=CRS, tz=ZONE, **options)


@pytest.fixture(scope="module")
def areas(shared_data):
    import geopandas as gpd

    return gpd.read_file(shared_data / "toronto" / "neighbourhoods_140.geojson").to_crs(CRS)


@pytest.fixture(scope="module")
def grid(areas):
    return ppe.Grid.from_areas(areas, cell=250, label="AREA_SHORT_CODE")


def recount(table, grid, first, last):
    """Crimes per cell between two civil days, with pandas alone."""
    part = table[(table.offence == "Break and Enter") & (table.occurred >= first) & (table.occurred < last)]
    row = (part.y.mul(1000).round().astype(int) - grid.y0_mm) // 250_000
    column = (part.x.mul(1000).round().astype(int) - grid.x0_mm) // 250_000
    counted = pd.DataFrame({"row": row, "column": column}).value_counts()
    return {place: number for place, number in counted.items() if inside(grid, *place)}, part


def inside(grid, row, column):
    ny, nx = grid.shape
    return 0 <= row < ny and 0 <= column < nx and bool(grid.mask[row, column])


def test_the_three_week_map_is_a_recount(table, events, grid):
    night = ppe.Schedule(start="2018-06-15", end="2018-06-16", tz=ZONE).windows
    burglary = events.select(kinds="Break and Enter")
    risk = ppe.CountMap(lookback="21D").fit(burglary, grid, until=night.until[0]).predict(night)[0].to_numpy()
    expected, part = recount(table, grid, "2018-05-25", "2018-06-15")
    found = {(int(r), int(c)): round(21 * risk[r, c], 9) for r, c in np.argwhere(np.nan_to_num(risk) > 0)}
    assert found == expected
    assert 400 < len(part) < 600
    assert part.duplicated(["x", "y", "occurred"]).any(), "ties, one row per victim"
    cut = (grid.inside_m2 > 0) & (grid.inside_m2 < grid.cell**2)
    assert np.nansum(risk[cut]) > 0, "crimes in cells that the border cuts"


def test_all_history_is_a_recount_with_its_crimes_outside(table, events, grid):
    night = ppe.Schedule(start="2018-06-15", end="2018-06-16", tz=ZONE).windows
    burglary = events.select(kinds="Break and Enter")
    surface = ppe.CountMap(lookback=None).fit(burglary, grid, until=night.until[0]).predict(night)[0]
    expected, part = recount(table, grid, "2014-01-01", "2018-06-15")
    days = (pd.Timestamp("2018-06-15 04:00") - pd.Timestamp("2014-01-01 05:00")) / pd.Timedelta("1D")
    assert surface.attrs["observed_days"] == pytest.approx(days)
    assert surface.attrs["crimes_used"] == len(part)
    assert float(surface.sum()) * days == pytest.approx(sum(expected.values()))
    outside = len(part) - sum(expected.values())
    assert 0 < outside < 0.002 * len(part), "0.03 % of the points lie outside the city, cells keep some of them"
    uniform = ppe.Uniform().fit(burglary, grid, until=night.until[0]).predict(night)[0]
    assert float(uniform.sum()) == pytest.approx(float(surface.sum()))


def test_three_weeks_catch_between_a_third_and_nine_tenths_of_what_all_history_catches(events, grid):
    nights = ppe.Schedule(start="2018-06-01", end="2018-09-01", tz=ZONE).windows[::6]
    forms = {"three weeks": ppe.CountMap(), "all history": ppe.CountMap(lookback=None)}
    budgets = [ppe.Coverage(0.02), ppe.TopCells(100)]
    out = ppe.backtest(forms, events, grid, nights, budgets=budgets, kinds=KINDS, progress=False)
    assert (out.status == "ok").all()
    hits = out.hits.sum(["window", "area"])
    share = hits.sum("kind").sel(forecaster="three weeks") / hits.sum("kind").sel(forecaster="all history")
    assert ((share > 1 / 3) & (share < 0.9)).all(), share.to_numpy()
    burglary = hits.sel(kind="Break and Enter")
    both = burglary.sel(forecaster="three weeks") / burglary.sel(forecaster="all history")
    assert ((both > 0.5) & (both < 0.9)).all(), both.to_numpy()


@pytest.mark.parametrize(
    "form", [ppe.CountMap(), ppe.KDE(bandwidth=500), ppe.ProspectiveHotspot(), ppe.NearRepeat()], ids=repr
)
def test_the_checks_pass_on_real_crimes(events, areas, form):
    downtown = areas[areas.AREA_SHORT_CODE.isin([75, 76, 77, 78, 79])]
    grid = ppe.Grid.from_areas(downtown, cell=250, label="AREA_NAME")
    crimes = events.select(kinds="Break and Enter", start="2018-01-01")
    assert ppe.check_forecaster(form, crimes, grid).passed
