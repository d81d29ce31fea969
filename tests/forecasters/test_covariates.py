"""Covariates of cells and days, the calendar, other forecasts: what they say, when they knew it, what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import predpol_eval as ppe
from predpol_eval.checks import make_city
from predpol_eval.errors import InputError
from predpol_eval.forecasters import identity
from predpol_eval.forecasters.features import Asked
from tests.forecasters.towns import CRS, GROUND, towns, utc
from tests.naive import regression as naive

ZONE = "Europe/London"
CITY = make_city()
GRID = ppe.Grid.from_bounds(0, 0, 500, 500, cell=250, crs=CRS)
EVENTS = ppe.Events.from_frame(
    pd.DataFrame({"t": ["2018-05-01"], "x": [10.0], "y": [10.0]}), crs=CRS, tz=ZONE,
    observed=[("2018-01-01", "2019-01-01")],
)  # fmt: skip


def asked(starts, untils=None, grid=GRID, events=EVENTS):
    """Civil days, each forecast from its beginning or from `untils`."""
    windows = [ppe.Schedule(start=d, end=str(np.datetime64(d) + 1), tz=events.tz).windows for d in starts]
    start = np.array([w.start[0] for w in windows])
    end = np.array([w.end[0] for w in windows])
    until = (
        start.copy() if untils is None else np.array([pd.Timestamp(u, tz=events.tz).to_datetime64() for u in untils])
    )
    made = ppe.Windows(start, end, until.astype("datetime64[ns]"), events.tz)
    cells = (np.flatnonzero(grid.mask.ravel()),) * len(starts)
    return Asked(events=events, grid=grid, windows=made, cells=cells)


def numbers(feature, *args, **named):
    """Answers of a feature that is the same in all cells, one row per window."""
    found = []
    for answer in feature.answers(asked(*args, **named)):
        assert (answer == answer[:, :1]).all()
        found.append(answer[:, 0].tolist())
    return found


class TestCalendar:
    @given(st.dates(pd.Timestamp("2001-01-01").date(), pd.Timestamp("2030-12-30").date()), st.integers(0, 3))
    def test_it_is_the_naive_one(self, day, year):
        start = pd.Timestamp(day, tz=ZONE)
        (found,) = numbers(ppe.Calendar(year=year), [str(day)])
        assert_allclose(found, naive.calendar(start.to_pydatetime(), ZONE, year), atol=1e-12)

    def test_the_day_is_that_of_the_wall_clock(self):
        # 2018-07-02, a Monday, begins at 23:00 UTC on Sunday.
        assert numbers(ppe.Calendar(), ["2018-07-01", "2018-07-02"]) == [[0, 0, 0, 0, 0, 1], [0] * 6]

    def test_holidays(self):
        form = ppe.Calendar(week=False, holidays=("2018-12-25", pd.Timestamp("2018-12-26")))
        assert numbers(form, ["2018-12-24", "2018-12-25", "2018-12-26"]) == [[0], [1], [1]]
        assert identity(form) == identity(ppe.Calendar(week=False, holidays=("2018-12-25", "2018-12-26")))

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"week": 1}, "week=1; choose True or False"),
            ({"year": -1}, "year=-1; give a number of waves"),
            ({"year": 1.0}, "year=1.0"),
            ({"week": False}, "says nothing"),
            (
                {"holidays": ("2018-12-25", "Boxing Day")},
                r"1 of 2 are not civil days \(row 1; .*'Boxing Day'",
            ),
            ({"holidays": ("2018-12-25 10:00",)}, "row 0"),
            ({"holidays": (20181225,)}, "row 0"),
        ],
    )
    def test_bad_options_are_refused(self, wrong, message):
        with pytest.raises(ppe.InputError, match=message):
            ppe.Calendar(**wrong)


class TestCellCovariate:
    VALUES = np.array([[1.0, 2.0], [3.0, 4.0]])

    def on(self, *args, **named):
        (answer,) = ppe.CellCovariate(*args, **named).answers(asked(["2018-05-02"]))
        return answer

    def test_an_array_and_a_surface(self):
        assert self.on(self.VALUES, "z").tolist() == [[1, 2, 3, 4]]
        table = xr.DataArray(self.VALUES.T, dims=("x", "y"), coords={"x": GRID.x, "y": GRID.y})
        assert self.on(table, "z").tolist() == [[1, 2, 3, 4]]

    def test_by_area(self):
        assert self.on({"all": 7}, "z").tolist() == [[7, 7, 7, 7]]

    def test_its_numbers_are_its_own(self):
        values = self.VALUES.copy()
        form = ppe.CellCovariate(values, "z")
        before = identity(form)
        values[:] = 0
        assert form.on(GRID).tolist() == self.VALUES.tolist()
        assert identity(form) == before
        with pytest.raises(ValueError, match="read-only"):
            form.values[0, 0] = 9
        assert form == ppe.CellCovariate(self.VALUES, "z")
        assert form != ppe.CellCovariate(self.VALUES, "z", known="2018-01-01")
        assert identity(form) != identity(ppe.CellCovariate(self.VALUES + 1e-12, "z"))

    def test_it_is_not_used_before_it_was_known(self):
        form = ppe.CellCovariate(self.VALUES, "z", known="2018-05-02")
        early, at, late = form.answers(asked(["2018-05-01", "2018-05-02", "2018-05-03"]))
        assert isinstance(early, InputError)
        assert "'z' was not known" in str(early)
        assert isinstance(at, InputError)
        assert late.tolist() == [[1, 2, 3, 4]]

    def test_missing_numbers(self):
        holes = np.array([[1.0, np.nan], [np.inf, 4.0]])
        with pytest.raises(ppe.InputError, match=r"'z' is missing or infinite in 2 of 4 cells.*row 0, column 1.*fill="):
            self.on(holes, "z")
        assert self.on(holes, "z", fill=0).tolist() == [[1, 0, 0, 4]]
        assert self.on(holes, "z", fill="mean").tolist() == [[1, 2.5, 2.5, 4]]
        with pytest.raises(ppe.InputError, match="has no mean"):
            self.on(np.full((2, 2), np.nan), "z", fill="mean")

    def test_areas_without_a_number(self):
        grid = CITY.grid
        with pytest.raises(ppe.InputError, match=r"no number for 2 of 3 areas: 'East', 'Heath'"):
            ppe.CellCovariate({"West": 1.0}, "z").on(grid)
        filled = ppe.CellCovariate({"West": 1.0}, "z", fill=3).on(grid)
        assert set(filled[grid.mask].tolist()) == {1.0, 3.0}
        with pytest.raises(ppe.NotComparableError, match="'z' has numbers for other areas"):
            ppe.CellCovariate({"Leeds": 1.0}, "z", fill=3).on(grid)

    def test_missing_outside_the_study_area_does_not_matter(self):
        form = ppe.CellCovariate(np.where(GROUND.grid.mask, 1.0, np.nan), "z")
        assert np.nanmax(form.on(GROUND.grid)) == 1

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (np.zeros((3, 2)), r"shape \(3, 2\), the grid \(2, 2\)"),
            (np.zeros(4), r"shape \(4,\); give an array"),
            ([["a", "b"], ["c", "d"]], "not made of numbers"),
            ({"all": "many"}, "'z' of 'all' is 'many'; give a number"),
            ({}, "has no values"),
            (xr.DataArray(np.zeros((2, 2)), dims=("row", "column")), "has dimensions"),
            (
                xr.DataArray(np.zeros((2, 2)), dims=("y", "x"), coords={"x": [1.0, 2.0], "y": [125.0, 375.0]}),
                "on other cells than the grid: its x runs from 1 to 2",
            ),
        ],
    )
    def test_bad_numbers_are_refused(self, values, message):
        with pytest.raises(ppe.PredPolError, match=message):
            self.on(values, "z")

    @pytest.mark.parametrize("wrong", [{"name": ""}, {"name": 3}, {"fill": "median"}, {"known": "soon"}])
    def test_bad_options_are_refused(self, wrong):
        with pytest.raises(ppe.InputError):
            ppe.CellCovariate(**{"values": self.VALUES, "name": "z", **wrong})


def weather(days=("2018-05-01", "2018-05-02", "2018-05-03"), values=(1.0, 2.0, 3.0), **named):
    return pd.DataFrame({"date": list(days), "warmth": list(values), **named})


class TestDailyCovariate:
    def test_an_observation_is_known_when_its_day_is_over(self):
        form = ppe.DailyCovariate(weather())
        # At midnight the day just over is known; a minute before, only the one before it; whatever day is forecast.
        days = ["2018-05-03", "2018-05-03", "2018-05-09"]
        assert numbers(form, days, ["2018-05-02 23:59", "2018-05-03 00:00", "2018-05-03 00:00"]) == [[1], [2], [2]]

    def test_an_observation_may_be_told_later(self):
        form = ppe.DailyCovariate(weather(), delay="12h")
        assert numbers(form, ["2018-05-04"] * 2, ["2018-05-03 11:59", "2018-05-03 12:00"]) == [[1], [2]]
        assert numbers(ppe.DailyCovariate(weather(), delay="1D"), ["2018-05-04"], ["2018-05-04"]) == [[2]]

    def test_a_days_own_weather_only_as_it_was_forecast(self):
        table = weather(
            ["2018-05-02", "2018-05-02", "2018-05-02", "2018-05-03"], [10.0, 20.0, 99.0, 30.0],
            issued=["2018-04-30 06:00", "2018-05-01 18:00", "2018-05-02 00:00", "2018-05-01 18:00"],
        )  # fmt: skip
        form = ppe.DailyCovariate(table, known="issued")
        days, untils = ["2018-05-02"] * 3 + ["2018-05-03"], ["2018-05-01 12:00", *["2018-05-02 00:00"] * 3]
        # The latest issued before `until`: the one issued at that very moment is not.
        assert numbers(form, days, untils) == [[10], [20], [20], [30]]
        assert form.daily
        with pytest.raises(ppe.InputError, match=r"no forecast issued .* 1 of the days needed \(2018-05-03\)"):
            numbers(form, ["2018-05-03"], ["2018-05-01 18:00"])

    def test_moments_of_issue_may_carry_their_own_zone(self):
        issued = pd.to_datetime(["2018-05-01 18:00+02:00"] * 3, utc=True)
        form = ppe.DailyCovariate(weather(issued=issued), known="issued")
        # 16:00 UTC is 17:00 in London.
        assert numbers(form, ["2018-05-02"], ["2018-05-01 17:01"]) == [[2]]
        with pytest.raises(ppe.InputError, match="no forecast issued"):
            numbers(form, ["2018-05-02"], ["2018-05-01 17:00"])

    @given(st.integers(0, 9), st.data())
    def test_what_is_not_known_yet_does_not_matter(self, hour, data):
        days = [str(np.datetime64("2018-05-01") + k) for k in range(8)]
        values = data.draw(st.lists(st.floats(-50, 50), min_size=8, max_size=8))
        until = f"2018-05-05 0{hour}:30"
        poisoned = [*values[:4], *data.draw(st.lists(st.floats(-1e9, 1e9), min_size=4, max_size=4))]
        for fill in (None, "last", "mean"):
            one, two = (ppe.DailyCovariate(weather(days, v), fill=fill) for v in (values, poisoned))
            window = ["2018-05-06"], [until]
            assert numbers(one, *window) == numbers(two, *window)
        issued = [f"2018-05-0{k + 1} 05:00" for k in range(8)]
        one, two = (ppe.DailyCovariate(weather(days, v, issued=issued), known="issued", fill="mean")
                    for v in (values, [*values[:5], *poisoned[5:]]))  # fmt: skip
        assert numbers(one, ["2018-05-06"], [until]) == numbers(two, ["2018-05-06"], [until])

    def test_gaps_are_refused_with_their_dates(self):
        with pytest.raises(ppe.InputError, match=r"1 of 3 days lack .* 'warmth' \(row 1: 2018-05-02\).*fill="):
            ppe.DailyCovariate(weather(values=[1.0, np.nan, 3.0]))
        with pytest.raises(ppe.InputError, match=r"2 days between .*\(2018-05-02, 2018-05-03\)"):
            ppe.DailyCovariate(weather(["2018-05-01", "2018-05-04"], [1.0, 2.0]))
        with pytest.raises(ppe.InputError, match=r"no observation for 1 of the days needed \(2018-05-04\)"):
            numbers(ppe.DailyCovariate(weather()), ["2018-05-05"])
        with pytest.raises(ppe.InputError, match=r"no observation .*2018-04-30"):
            numbers(ppe.DailyCovariate(weather()), ["2018-05-01"])

    def test_gaps_are_filled_from_what_was_known(self):
        table = weather(["2018-05-01", "2018-05-02", "2018-05-04"], [1.0, np.nan, 9.0], rain=[5.0, 7.0, 1.0])
        days = ["2018-05-03", "2018-05-04", "2018-05-06"]
        assert numbers(ppe.DailyCovariate(table, fill="last"), days) == [[1, 7], [1, 7], [9, 1]]
        assert numbers(ppe.DailyCovariate(table, fill="mean"), days) == [[1, 7], [1, 6], [5, 13 / 3]]
        with pytest.raises(ppe.InputError, match="nothing at all was known by then"):
            numbers(ppe.DailyCovariate(table, fill="last"), ["2018-05-01"])

    def test_it_keeps_a_copy_and_an_identity_of_its_content(self):
        table = weather()
        form = ppe.DailyCovariate(table)
        before = identity(form)
        table.loc[0, "warmth"] = 100.0
        assert identity(form) == before == identity(ppe.DailyCovariate(weather().iloc[::-1]))
        assert form == ppe.DailyCovariate(weather(["2018-05-01", pd.Timestamp("2018-05-02"), "2018-05-03"]))
        assert identity(form) != identity(ppe.DailyCovariate(weather(values=[1.0, 2.0, 4.0])))
        assert identity(form) != identity(ppe.DailyCovariate(weather(), delay="1D"))
        assert repr(form) == "DailyCovariate(3 days from 2018-05-01 to 2018-05-03, columns=('warmth',))"

    @pytest.mark.parametrize(
        ("table", "named", "message"),
        [
            (
                weather(["2018-05-01", "2018-05-02", "2018-05-01"]),
                {},
                r"2 rows give a day .*\(rows 0, 2; ",
            ),
            (
                weather(["2018-05-01", "May", "2018-05-03"]),
                {},
                r"'date': 1 of 3 .*\(row 1; the first is 'May'",
            ),
            (weather(["2018-05-01", None, "2018-05-03"]), {}, "row 1"),
            (weather(["2018-05-01", "2018-05-02 06:00", "2018-05-03"]), {}, "row 1"),
            (
                weather(values=[1, "warm", 3]),
                {},
                r"'warmth': 1 of 3 .* \(row 1; .*'warm'",
            ),
            (weather(values=[1, np.inf, 3]), {}, "row 1"),
            (weather(), {"date": "day"}, "There is no column 'day'"),
            (weather(), {"columns": ("rain",)}, "There is no column 'rain'"),
            (weather(), {"columns": ()}, "name each column"),
            (weather(), {"known": "issued"}, "There is no column 'issued'"),
            (weather(issued="2018-05-01"), {"known": "issued", "delay": "1D"}, "delay counts for observations"),
            (weather().iloc[:0], {}, "is empty"),
            (weather(), {"fill": "zero"}, "fill='zero'"),
            (weather(), {"delay": "soon"}, "delay is 'soon'"),
            (weather().to_dict(), {}, "Expected a pandas.DataFrame"),
        ],
    )
    def test_bad_tables_are_refused_with_their_rows(self, table, named, message):
        with pytest.raises(ppe.InputError, match=message):
            ppe.DailyCovariate(table, **named)

    def test_a_moment_of_issue_that_cannot_be_read_is_refused(self):
        form = ppe.DailyCovariate(weather(issued=["2018-04-30", "yesterday", "2018-04-30"]), known="issued")
        with pytest.raises(ppe.InputError, match=r"'issued' of the row of 2018-05-02 is 'yesterday'"):
            numbers(form, ["2018-05-02"])


class TestForecastTerm:
    @settings(max_examples=20)
    @given(towns(least=1, most=6), st.sampled_from([None, "7D"]))
    def test_it_is_the_forecast_made_then(self, town, lookback):
        events, grid = town.events(), GROUND.grid
        untils = np.array([utc(town.until) - np.timedelta64(24 * k, "h") for k in (5, 1, 0)])
        windows = ppe.Windows(untils.copy(), untils + np.timedelta64(24, "h"), untils.copy(), town.zone)
        cells = np.flatnonzero(grid.mask.ravel())
        question = Asked(events=events, grid=grid, windows=windows, cells=(cells,) * 3, lookback=lookback)
        ground = np.maximum(grid.inside_m2 / grid.cell**2, 0.25).ravel()[cells]
        for inner in (ppe.CountMap(lookback="7D"), ppe.NearRepeat(lookback="7D")):
            for answer, window in zip(ppe.ForecastTerm(inner).answers(question), windows, strict=True):
                if isinstance(answer, InputError):
                    with pytest.raises(ppe.InputError, match=str(answer)[:50]):
                        inner.fit(events, grid, until=window.until[0])
                    continue
                risk = inner.fit(events, grid, until=window.until[0]).predict(window)
                expected = risk.to_numpy().ravel()[cells]
                if risk.attrs["kind"] == "expected_count":
                    assert_allclose(answer[0], np.log(1e-5 + expected / ground), rtol=1e-12)
                else:
                    assert_allclose(answer[0], np.log(1 + expected), rtol=1e-12, atol=1e-15)

    def test_its_scale_and_name(self):
        form = ppe.ForecastTerm(ppe.CountMap(lookback=None), scale="level", name="long map")
        assert form.names == ("long map",)
        (found,) = form.answers(asked(["2018-05-02"]))
        assert found[0].tolist() == pytest.approx([1 / 121, 0, 0, 0], rel=1e-3)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"forecaster": ppe.KDE}, "expected a forecaster"),
            ({"forecaster": 3}, "expected a forecaster"),
            ({"forecaster": ppe.KDE(), "scale": "root"}, "scale='root'"),
            ({"forecaster": ppe.KDE(), "floor": 0}, "floor=0"),
        ],
    )
    def test_bad_options_are_refused(self, wrong, message):
        with pytest.raises(ppe.InputError, match=message):
            ppe.ForecastTerm(**wrong)
