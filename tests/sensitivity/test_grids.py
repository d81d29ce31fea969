"""The same comparison over other grids: what half a cell does, and that the base grid is the plain backtest."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

import predpol_eval as ppe
from docs.scripts.league_cities import CITIES
from predpol_eval import InputError, PredPolWarning
from predpol_eval.comparisons.result import Comparison
from predpol_eval.sensitivity.grid_summary import _VERDICTS, _over_grids, _ranks, pairs_of
from tests.backtests.cities import AREAS, CRS, City, city

BUDGETS = (ppe.TopCells(4, per="area"), ppe.Coverage(0.1))
FEW = {"shifts": ((0.5, 0),), "rotations": (30,)}
LEAGUE = {"map": ppe.CountMap(), "all": ppe.CountMap(lookback=None), "floor": ppe.Uniform()}


@pytest.fixture(scope="module")
def town() -> City:
    return city()


def run(town: City, forecasters: object = None, **asked: object) -> xr.Dataset:
    """A small run over three grids, unless told otherwise."""
    settings = {"budgets": BUDGETS, "progress": False, **FEW, **asked}
    league = LEAGUE if forecasters is None else forecasters
    return ppe.grid_sensitivity(league, town.events, town.grid, town.schedule, **settings)


@pytest.fixture(scope="module")
def found(town) -> xr.Dataset:
    with warnings.catch_warnings():
        # In so small a city the border cuts many cells.
        warnings.filterwarnings("ignore", message=".*another amount of ground", category=PredPolWarning)
        return run(town, cells=(100, 50, 200), kinds=["theft", "robbery"])


# By hand ----------------------------------------------------------------------------------------------------


def two_at_an_edge(side: float = 250) -> tuple[ppe.Events, ppe.Schedule]:
    """Every night one crime on either side of the line x = 250, 20 m apart."""
    days = pd.date_range("2018-05-01", periods=30).astype(str).repeat(2)
    frame = pd.DataFrame({"x": [side - 10, side + 10] * 30, "y": side / 2, "t": days})
    events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    return events, ppe.Schedule(start="2018-05-11", end="2018-05-31", tz="Europe/London")


def test_half_a_cell_doubles_the_hit_rate():
    events, nights = two_at_an_edge()
    asked = {"cells": [250], "shifts": [(0.5, 0), (0, 0.5)], "rotations": [], "progress": False}
    found = ppe.grid_sensitivity(
        {"map": ppe.CountMap()}, events, (0, 0, 5000, 5000), nights, budgets=ppe.TopCells(1), **asked
    )
    assert found.grid.to_numpy().tolist() == ["250 m", "250 m, shifted (0.5, 0)", "250 m, shifted (0, 0.5)"]
    # 250 m: the two never share a box, and one box is flagged. Half a cell east: they do.
    assert found.hit_rate.squeeze().to_numpy().tolist() == [0.5, 1.0, 0.5]
    assert found.hits.squeeze().to_numpy().tolist() == [20, 40, 20]
    assert found.events.squeeze().to_numpy().tolist() == [40, 40, 40]
    assert (found.lowest.item(), found.highest.item()) == (0.5, 1.0)
    assert found.cells.to_numpy().tolist() == [400, 420, 420]
    assert found.cell.to_numpy().tolist() == [250] * 3
    assert found.shift_x.to_numpy().tolist() == [0, 0.5, 0]
    assert found.shift_y.to_numpy().tolist() == [0, 0, 0.5]
    assert found.sizes["pair"] == 0


def test_a_turn_of_ground_and_grid_together_changes_nothing():
    """A city turned by 30 degrees, seen by a grid turned as much, is the city as it was."""
    rng = np.random.default_rng(3)
    # A square about a corner of the grid, so that both grids are turned about the same point.
    x, y = rng.integers(0, 2000, (2, 3000)) ** rng.choice([1.0, 0.9], 3000) + 0.37
    days = pd.Timestamp("2018-04-01") + pd.to_timedelta(rng.integers(0, 60 * 24, 3000), unit="h")
    nights = ppe.Schedule(start="2018-05-10", end="2018-05-24", tz="Europe/London")
    angle, middle = np.radians(30), 1000.0
    square = shapely.box(0, 0, 2000, 2000)
    results = []
    for turn in (0.0, 30.0):
        cos, sin = (np.cos(angle), np.sin(angle)) if turn else (1.0, 0.0)
        east = middle + cos * (x - middle) - sin * (y - middle)
        north = middle + sin * (x - middle) + cos * (y - middle)
        frame = pd.DataFrame({"x": east, "y": north, "t": days})
        events = ppe.Events.from_frame(
            frame, crs="EPSG:27700", tz="Europe/London", observed=[("2018-04-01", "2018-06-01")]
        )
        ground = shapely.transform(square, lambda p, c=cos, s=sin: (p - middle) @ np.array([[c, s], [-s, c]]) + middle)
        areas = geopandas.GeoDataFrame(geometry=[ground], crs="EPSG:27700")
        asked = {"cells": [200], "shifts": [], "rotations": [30], "progress": False}
        budgets = [ppe.Coverage(0.05), ppe.Coverage(0.1)]
        results.append(
            ppe.grid_sensitivity({"KDE": ppe.KDE(bandwidth=300)}, events, areas, nights, budgets=budgets, **asked)
        )
    plain, seen_turned = results[0].isel(grid=0), results[1].isel(grid=1)
    assert seen_turned.rotation == 30
    for name in ("hits", "events", "oracle_hits"):
        np.testing.assert_allclose(seen_turned[name], plain[name], rtol=1e-9)
    assert not np.allclose(results[1].hits.isel(grid=0), plain.hits)


# The base grid is the plain backtest --------------------------------------------------------------------------


def test_the_base_grid_equals_the_plain_backtest_to_the_bit(town, tmp_path):
    kinds = ["theft", "robbery"]
    found = run(town, kinds=kinds, store=tmp_path / "grids")
    plain = ppe.backtest(
        LEAGUE,
        town.events,
        town.grid,
        town.schedule,
        budgets=BUDGETS,
        kinds=kinds,
        progress=False,
        store=tmp_path / "one",
    )
    expected = ppe.stratify(plain, "hit_rate", by=())
    base = found.isel(grid=0)
    for name in expected.data_vars:
        np.testing.assert_array_equal(base[name].transpose(*expected[name].dims), expected[name], err_msg=str(name))
    folders = sorted(path.name for path in (tmp_path / "grids").iterdir())
    assert folders == ["100m_0.5_0_0deg", "100m_0_0_0deg", "100m_0_0_30deg"]
    blocks = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.npz"))
    assert len(blocks) == 3 * 2 * 2
    for path in blocks:
        assert (tmp_path / "grids" / "100m_0_0_0deg" / path).read_bytes() == (tmp_path / "one" / path).read_bytes()


def test_every_grid_is_a_plain_backtest_of_its_ground(town, found):
    for cell, top in ((50, 16), (200, 1)):
        grid = ppe.Grid.from_areas(
            geopandas.GeoDataFrame({"name": list(AREAS)}, geometry=list(AREAS.values()), crs=CRS),
            cell=cell,
            label="name",
        )
        budgets = (ppe.TopCells(top, per="area"), BUDGETS[1])
        plain = ppe.backtest(
            LEAGUE, town.events, grid, town.schedule, budgets=budgets, kinds=["theft", "robbery"], progress=False
        )
        expected = ppe.stratify(plain, "hit_rate", by=())
        here = found.sel(grid=f"{cell} m")
        for name in expected.data_vars:
            np.testing.assert_array_equal(here[name].transpose(*expected[name].dims), expected[name], err_msg=str(name))
        assert here.budget.to_numpy().tolist() == ["top 4 per area", "10 % of the ground"]
        np.testing.assert_array_equal(here.elsewhere, plain.elsewhere)


def test_equal_ground_on_every_grid(found):
    share = found.sel(budget="10 % of the ground")
    for name in ("budget_m2", "flagged_m2"):
        assert float(abs(share[name] / share[name][0] - 1).max()) < 1e-9
    assert float(abs(found.total_m2 / found.total_m2[0] - 1).max()) < 1e-9
    # So many cells: but for those that the border cuts.
    top = found.flagged_m2.sel(budget="top 4 per area", forecaster="map")
    assert (top <= 3 * 4 * 100**2 * 14 * (1 + 1e-9)).all()
    assert (found.events + found.outside == (found.events + found.outside)[0]).all()
    assert found.outside.max() > 0


def test_a_budget_that_buys_other_ground_is_told():
    """A strip one cell high, moved by half a cell to the north, has two rows of half cells."""
    events, nights = two_at_an_edge()
    asked = {"cells": [250], "shifts": [(0, 0.5)], "rotations": [], "progress": False}
    match = r"^On 250 m, shifted \(0, 0\.5\): 'top 1' buys another amount of ground.*by up to 50 %.*Coverage"
    with pytest.warns(PredPolWarning, match=match):
        found = ppe.grid_sensitivity(
            {"map": ppe.CountMap()},
            events,
            (0, 0, 1000, 250),
            nights,
            budgets=[ppe.TopCells(1), ppe.Coverage(0.2)],
            **asked,
        )
    assert (found.budget_m2[1] / found.budget_m2[0]).to_numpy().ravel().tolist() == [0.5, 1.0]


def test_the_order_of_the_kinds_of_grid_and_their_number(found):
    names = ["100 m", "100 m, shifted (0.5, 0)", "100 m, turned 30 degrees", "50 m", "200 m"]
    assert found.grid.to_numpy().tolist() == names
    assert found.attrs["base_grid"] == "100 m"
    assert run_sizes(found) == {"grid": 5, "forecaster": 3, "kind": 2, "budget": 2, "pair": 3}


def run_sizes(found: xr.Dataset) -> dict[str, int]:
    return {str(name): size for name, size in found.sizes.items()}


def test_areas_geodataframe_bounds_and_grid_agree(town):
    frame = geopandas.GeoDataFrame({"name": list(AREAS)}, geometry=list(AREAS.values()), crs=CRS)
    asked = {"budgets": BUDGETS[1], "progress": False, "shifts": (), "rotations": (30,)}
    ours = ppe.grid_sensitivity(LEAGUE, town.events, frame, town.schedule, cells=(100,), label="name", **asked)
    xr.testing.assert_identical(ours, run(town, budgets=BUDGETS[1], shifts=()))
    whole = ppe.grid_sensitivity(LEAGUE, town.events, (0, 0, 1300, 1000), town.schedule, cells=(100,), **asked)
    grid = ppe.Grid.from_bounds(0, 0, 1300, 1000, cell=100, crs=CRS)
    xr.testing.assert_identical(whole, ppe.grid_sensitivity(LEAGUE, town.events, grid, town.schedule, **asked))


# Interrupted, and gone on ---------------------------------------------------------------------------------------


def test_an_interrupted_run_goes_on_where_it_was(town, tmp_path, monkeypatch, caplog):
    whole = run(town)
    real = ppe.sensitivity.grids.backtest
    begun = []

    def stops_at_the_third(*arguments: object, **named: object) -> object:
        begun.append(named["store"])
        if len(begun) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    monkeypatch.setattr("predpol_eval.sensitivity.grids.backtest", stops_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(town, store=tmp_path / "kept")
    monkeypatch.undo()
    assert len(list((tmp_path / "kept").iterdir())) == 2
    with caplog.at_level(logging.INFO, logger="predpol_eval"):
        again = run(town, store=tmp_path / "kept")
    xr.testing.assert_identical(again, whole)
    told = [record.getMessage().split(": ")[1] for record in caplog.records if "blocks reused" in record.getMessage()]
    assert told == ["6 of 6 blocks reused", "6 of 6 blocks reused", "0 of 6 blocks reused"]
    with pytest.raises(InputError, match=r"'100m_0_0_0deg' is the store of a single backtest"):
        run(town, store=tmp_path / "kept" / "100m_0_0_0deg")
    with pytest.raises(ppe.PlanLockedError, match="budgets"):
        run(town, store=tmp_path / "kept", budgets=ppe.Coverage(0.2))


def test_workers_do_not_matter(town):
    asked = {"shifts": ((0.5, 0),), "rotations": ()}
    xr.testing.assert_identical(run(town, n_jobs=2, **asked), run(town, **asked))


# Ranks, differences, words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "ranks"),
    [
        ([3, 1, 2], [1, 3, 2]),
        ([2, 2, 1], [1.5, 1.5, 3]),
        ([1, 1, 1], [2, 2, 2]),
        ([0.1 + 0.2, 0.3, 0.0], [1.5, 1.5, 3]),
        ([np.nan, 1, 2], [np.nan, 2, 1]),
        ([np.nan] * 3, [np.nan] * 3),
        ([0, 0, 5], [2.5, 2.5, 1]),
    ],
)
def test_ranks(values, ranks):
    found = _ranks(xr.DataArray(values, {"forecaster": list("abc")}, "forecaster"))
    np.testing.assert_array_equal(found, ranks)


def test_every_verdict_of_a_comparison_is_counted():
    told = [one.verdict for one in every_comparison()]
    assert set(told) == set(_VERDICTS)


def every_comparison() -> list[Comparison]:
    """One comparison of each verdict."""
    about = {"a": "A", "b": "B", "metric": "hit_rate", "method": "dm", "estimate": 0.1, "p": 0.5, "n": 9, "alpha": 0.05}
    more = {"crimes": 90.0, "differing_nights": 8, "differing_crimes": 30.0}
    ends = [(0.05, 0.2, True), (-0.2, -0.05, True), (-0.1, 0.2, True), (0.05, 0.2, False), (np.nan, np.nan, True)]
    return [Comparison(**about, **more, low=low, high=high, enough=enough) for low, high, enough in ends]


def test_pairs():
    assert pairs_of(["a", "b", "c"], None) == [("b", "a"), ("c", "a"), ("c", "b")]
    assert pairs_of(["a", "b", "c"], "b") == [("a", "b"), ("c", "b")]


def test_the_sign_is_that_of_the_base_grid():
    """Three grids: up, down, and no difference but for rounding; pairs are columns."""
    made = xr.Dataset({"difference": (("grid", "pair"), [[2, -1, 0.0, np.nan], [-1, -2, 1e-15, 1], [-2, 3, 1, 2]])})
    told = _over_grids(made, "1")
    assert told["same_sign"].to_numpy().tolist() == [1, 2, 2, 0]
    assert told["difference_lowest"].to_numpy().tolist() == [-2, -2, 0, 1]
    assert told["difference_highest"].to_numpy().tolist() == [2, 3, 1, 2]


def test_the_differences_are_those_of_compare(town, found):
    for metric in ("hit_rate", "pai", "lift"):
        # The floor flags cut cells too, and so less under TopCells; a lift would reward that, and is refused.
        budgets = BUDGETS[1:] if metric == "lift" else BUDGETS
        here = run(town, metric=metric, kinds="theft", baseline="floor", shifts=(), budgets=budgets)
        assert here.pair.to_numpy().tolist() == ["map - floor", "all - floor"]
        plain = ppe.backtest(
            LEAGUE, town.events, town.grid, town.schedule, budgets=budgets, kinds="theft", progress=False
        )
        for name in ("map", "all"):
            for budget in plain.budget.to_numpy():
                one = plain.sel(kind="theft", budget=budget)
                told = ppe.compare(one.sel(forecaster=name), one.sel(forecaster="floor"), metric, method="dm")
                row = here.isel(grid=0, kind=0).sel(pair=f"{name} - floor", budget=budget)
                expected = (told.estimate, told.low, told.high, told.p, told.n, told.enough)
                ours = tuple(row[key].item() for key in ("difference", "low", "high", "p", "nights_compared", "enough"))
                np.testing.assert_array_equal(ours, expected)
                assert row.verdict.item() == told.verdict
                # No night failed: the difference is that of the metrics in the table, which charge the same area.
                gap = row[metric].sel(forecaster=name) - row[metric].sel(forecaster="floor")
                assert row.difference.item() == pytest.approx(gap.item(), abs=1e-12)
    with pytest.raises(ppe.NotComparableError, match="lift rewards whoever flags less"):
        run(town, metric="lift", kinds="theft", baseline="floor", shifts=(), budgets=BUDGETS[:1])
    assert found.first.to_numpy().tolist() == ["all", "floor", "floor"]
    assert found.second.to_numpy().tolist() == ["map", "map", "all"]


def test_the_summary_is_over_the_grids(found):
    np.testing.assert_array_equal(found.lowest, found.hit_rate.min("grid"))
    np.testing.assert_array_equal(found.highest, found.hit_rate.max("grid"))
    np.testing.assert_array_equal(found.difference_lowest, found.difference.min("grid"))
    same = (found["rank"] == found["rank"][0]).all("forecaster")
    np.testing.assert_array_equal(found.same_order, same)
    assert found.same_order[0].all()
    signs = (np.sign(found.difference.round(12)) == np.sign(found.difference[0].round(12))).sum("grid")
    np.testing.assert_array_equal(found.same_sign, signs)
    text = found.in_words.sel(pair="floor - map", kind="theft", budget="10 % of the ground").item()
    one = found.sel(pair="floor - map", kind="theft", budget="10 % of the ground")
    assert text.startswith(f"hit rate, floor - map: {100 * one.difference[0].item():+.2f} points on the base grid, ")
    assert (
        f"{100 * one.difference_lowest.item():+.2f} points to {100 * one.difference_highest.item():+.2f} points" in text
    )
    assert f"over 5 grids, the sign of the base grid on {one.same_sign.item()} of them; by 95 % intervals" in text
    for word in set(one.verdict.to_numpy().tolist()):
        assert f"{word} on {one.verdict.to_numpy().tolist().count(word)}" in text


def test_it_explains_itself_and_can_be_saved(found, tmp_path):
    assert {"metric", "base_grid", "definition", "turned", "reference", "alpha"} <= set(found.attrs)
    assert [name for name in found.data_vars if not {"long_name"} <= set(found[name].attrs)] == []
    for name in ("difference", "low", "high", "p", "enough", "verdict", "nights_compared", "rank", "same_order"):
        assert {"long_name", "units", "definition", "reference"} <= set(found[name].attrs), name
    assert found["rank"].attrs["better"] == "lower"
    assert "better" not in found.same_order.attrs
    assert "highest first" in found["rank"].attrs["definition"]
    assert found.nights_compared.attrs["units"] == "nights"
    assert found.difference.attrs["units"] == found.hit_rate.attrs["units"]
    assert found.events.attrs["units"] == "crimes"
    assert found.hit_rate.attrs["better"] == "higher"
    ppe.save_tally(found, tmp_path / "grids.nc")
    xr.testing.assert_equal(ppe.load_tally(tmp_path / "grids.nc"), found)
    table = found.hit_rate.to_series().unstack("grid")
    assert table.shape == (3 * 2 * 2, 5)


# Where it is hard -----------------------------------------------------------------------------------------------


def test_areas_smaller_than_a_cell(town):
    """A yard of 40 m in the south holds most of four cells of 20 m, and of none of 100 m."""
    yard = shapely.box(700, 100, 740, 140)
    areas = {"rest": AREAS["south"].difference(yard), "yard": yard}
    frame = geopandas.GeoDataFrame({"name": list(areas)}, geometry=list(areas.values()), crs=CRS)
    asked = {"cells": (20, 100), "label": "name", "shifts": [], "rotations": [], "progress": False}
    budgets = [ppe.Coverage(0.1, per="area"), ppe.TopCells(25, per="area")]
    league = {"map": ppe.CountMap(), "floor": ppe.Uniform()}
    with pytest.warns(PredPolWarning) as heard:
        found = ppe.grid_sensitivity(league, town.events, frame, town.schedule, budgets=budgets, **asked)
    told = sorted(str(warning.message) for warning in heard)
    assert told[0].startswith("On 100 m: 'top 1 per area' asks for more cells than there are in yard")
    assert told[1].startswith("On 100 m: 'top 25 per area' buys another amount of ground")
    assert told[2].startswith("On 20 m: 'top 25 per area' asks for more cells than there are in yard")
    assert len(told) == 3
    assert found.areas_without_cells.to_numpy().tolist() == [0, 1]
    assert float(abs(found.total_m2 / found.total_m2[0] - 1).max()) < 1e-9
    assert found.hit_rate.notnull().all()


def test_an_area_of_one_cell(town):
    square = (510, 640, 610, 740)
    found = ppe.grid_sensitivity(
        {"map": ppe.CountMap(), "floor": ppe.Uniform()}, town.events, square, town.schedule, cells=(100,),
        budgets=ppe.Coverage(0.5), progress=False,
    )  # fmt: skip
    assert found.cells.to_numpy().tolist()[0] == 1
    # One cell has no better half.
    assert found.hit_rate.isel(grid=0).to_numpy().ravel().tolist() == [0.5, 0.5]
    assert found["rank"].isel(grid=0).to_numpy().ravel().tolist() == [1.5, 1.5]
    np.testing.assert_allclose(found.total_m2, 100**2 * 14, rtol=1e-9)


def test_no_crime_at_all_is_not_a_number(town):
    found = ppe.grid_sensitivity(
        {"a": ppe.CountMap(), "b": ppe.Uniform()},
        town.events,
        town.grid,
        ppe.Schedule(start="2018-03-30", end="2018-03-31", tz="America/Toronto"),
        budgets=BUDGETS[1], progress=False, **FEW,
    )  # fmt: skip
    quiet = found.events == 0
    assert (found.hit_rate.isnull() == quiet).all()
    assert (~found.enough).all()
    assert (found.verdict == "too few differences to tell").all()
    assert found.few.all()


@dataclass(frozen=True)
class OnlyHere:
    """A forecaster that fails on every grid but one."""

    x0: float

    def fit(self, events: ppe.Events, grid: ppe.Grid, *, until: object) -> object:
        if grid.x0 != self.x0 or grid.shape[0] > 11:
            raise InputError("not my grid")
        return ppe.CountMap().fit(events, grid, until=until)


def test_failures_are_counted_and_told_once(town):
    forecasters = {"mine": OnlyHere(town.grid.x0), "floor": ppe.Uniform()}
    with pytest.warns(PredPolWarning) as heard:
        found = run(town, forecasters)
    (warning,) = heard
    assert str(warning.message).startswith(
        "On 100 m, shifted (0.5, 0); 100 m, turned 30 degrees: mine failed on 14 of 14 nights (InputError: not my grid)"
    )
    assert warning.filename == __file__
    mine = found.sel(forecaster="mine", kind="all", budget="10 % of the ground")
    assert mine.nights.to_numpy().tolist() == [14, 0, 0]
    assert mine.nights_missing.to_numpy().tolist() == [0, 14, 14]
    assert mine.hit_rate.isnull().to_numpy().tolist() == [False, True, True]
    assert mine["rank"].isnull().to_numpy().tolist() == [False, True, True]
    assert found.sel(forecaster="floor").hit_rate.notnull().all()
    assert found.difference.isnull().any(("pair", "kind", "budget")).to_numpy().tolist() == [False, True, True]
    assert found.same_order[:, 0, 0].to_numpy().tolist() == [True, False, False]


def test_what_is_told_on_all_grids_is_told_of_all(town):
    with pytest.warns(PredPolWarning, match=r"^On all grids: 'top 900' asks for more cells"):
        run(town, budgets=ppe.TopCells(900))


def test_other_warnings_pass_and_nothing_else_is_heard(town, monkeypatch):
    real = ppe.sensitivity.grids.backtest

    def grumbles(*arguments: object, **named: object) -> object:
        warnings.warn("beware", FutureWarning, stacklevel=1)
        return real(*arguments, **named)

    monkeypatch.setattr("predpol_eval.sensitivity.grids.backtest", grumbles)
    with pytest.warns(FutureWarning, match="beware"):
        run(town)


def test_bad_arguments(town):
    nights = town.schedule.windows
    surface = ppe.make_surface(np.ones((14, *town.grid.shape)), town.grid, nights, kind="score")
    refusals = [
        ({"metric": "log_score"}, r"metric='log_score'.*'hit_rate'"),
        ({"baseline": "Map"}, r"baseline='Map'.*'map'"),
        ({"baseline": "map", "forecasters": {"map": ppe.CountMap()}}, r"at least two"),
        ({"forecasters": {"vendor": ppe.External(surface=surface)}}, r"'vendor' \(External\)"),
        ({"forecasters": [ppe.CountMap()]}, r"as a mapping"),
        ({"forecasters": {}}, r"as a mapping"),
        ({"budgets": ppe.TopCells(3), "cells": (100, 200)}, r"no whole number"),
        ({"budgets": []}, r"No budget"),
        ({"shifts": (), "rotations": ()}, r"Nothing is varied"),
        ({"label": "name"}, r"leave it out"),
        ({"kinds": "arson"}, r"no crime of kind"),
    ]
    for asked, match in refusals:
        with pytest.raises(InputError, match=match):
            run(town, **asked)


# A real city ------------------------------------------------------------------------------------------------------


def test_seattle(shared_data):
    real = CITIES["seattle"](shared_data)
    nights = ppe.Schedule(start="2018-04-01", end="2018-05-01", tz=real.events.tz)
    league = {"three weeks": ppe.CountMap(), "KDE": ppe.KDE(bandwidth=500), "floor": ppe.Uniform()}
    found = ppe.grid_sensitivity(
        league, real.events, real.grid, nights, budgets=ppe.Coverage(0.02), shifts=[(0.5, 0.5)],
        rotations=[30], progress=False,
    ).squeeze(("kind", "budget"))  # fmt: skip
    assert found.sizes["grid"] == 3
    for name in ("flagged_m2", "total_m2"):
        assert float(abs(found[name] / found[name][0, 0] - 1).max()) < 1e-6
    everybody = found.events + found.outside
    assert (everybody == everybody[0]).all()
    assert float(found.events[0, 0]) > 400
    # Grids differ in a few crimes at the border, and in what is caught; the density beats the floor on all.
    assert float((found.events - found.events[0]).max()) < 0.02 * float(found.events[0, 0])
    assert (found.highest - found.lowest).sel(forecaster="three weeks") > 0.005
    assert (found.difference.sel(pair="floor - KDE") < 0).all()
    assert int(found.areas_without_cells.max()) == 0
