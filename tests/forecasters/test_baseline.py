"""Uniform and CountMap: by the naive twins, by the digit, across clock changes and gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import predpol_eval as ppe
from tests.forecasters.towns import CRS, GROUND, LOOKBACKS, towns
from tests.naive import forecasters as naive

GRID = GROUND.grid
INSIDE = np.array(GROUND.inside_m2)


def crimes(times, x=1100.0, y=2100.0, observed=(("2018-01-01", "2018-12-01"),), tz="Europe/London", **named):
    frame = pd.DataFrame({"t": times, "x": x, "y": y, **named})
    columns = {name: name for name in named}
    return ppe.Events.from_frame(frame, crs=CRS, tz=tz, observed=list(observed), **columns)


def night(start, end=None, tz="Europe/London", **kwargs):
    last = end or str(np.datetime64(start) + 1)
    return ppe.Schedule(start=start, end=last, tz=tz, **kwargs).windows


# Against the naive twins ----------------------------------------------------------------------------------------------


@given(towns(), st.sampled_from(LOOKBACKS), st.sampled_from([None, 1, 30]))
def test_count_map_is_the_naive_one(town, lookback, half_life):
    forecaster = ppe.CountMap(lookback=lookback, half_life=None if half_life is None else f"{half_life}D")
    expected = naive.known(town.crimes, town.observed, town.until, town.zone, lookback)
    if expected is None:
        with pytest.raises(ppe.InputError, match="No time was observed"):
            forecaster.fit(town.events(), GRID, until=town.cut)
        return
    surface = forecaster.fit(town.events(), GRID, until=town.cut).predict(town.windows)
    for layer, length in zip(surface.to_numpy(), town.lengths, strict=True):
        wanted = naive.count_map(*expected, town.until, half_life, GROUND, length)
        assert_allclose(layer, wanted, rtol=1e-9, atol=1e-15)
    assert surface.attrs["kind"] == "expected_count"


@given(towns(), st.sampled_from(LOOKBACKS))
def test_uniform_is_the_naive_one(town, lookback):
    expected = naive.known(town.crimes, town.observed, town.until, town.zone, lookback)
    if expected is not None:
        surface = ppe.Uniform(lookback=lookback).fit(town.events(), GRID, until=town.cut).predict(town.windows)
        for layer, length in zip(surface.to_numpy(), town.lengths, strict=True):
            assert_allclose(layer, naive.uniform(*expected, GROUND, length), rtol=1e-12)


# By the digit ---------------------------------------------------------------------------------------------------------


def test_the_mets_three_weeks_are_the_default():
    assert ppe.CountMap().lookback == "21D"
    assert ppe.CountMap().half_life is None


def test_count_per_day_times_length():
    events = crimes(["2018-05-01", "2018-05-02", "2018-05-05"], x=[1100.0, 1100.0, 1300.0])
    fitted = ppe.CountMap(lookback="10D").fit(events, GRID, until="2018-05-11")
    both = fitted.predict(night("2018-05-11", "2018-05-13")).sel(y=2100.0)
    assert_allclose(both.sel(x=[1100.0, 1300.0, 1500.0]), [[0.2, 0.1, 0.0]] * 2)
    shift = fitted.predict(night("2018-05-11", at="22:00", horizon="8h"))
    assert_allclose(shift.sel(x=1100.0, y=2100.0), [0.2 / 3])


def test_a_night_of_23_hours_expects_less():
    events = crimes(["2018-03-20"])
    fitted = ppe.CountMap(lookback=None).fit(events, GRID, until="2018-03-24")
    two = fitted.predict(night("2018-03-24", "2018-03-26")).sum(["x", "y"]).to_numpy()
    assert two[1] / two[0] == pytest.approx(23 / 24)


def test_civil_lookback_across_the_clock_change_by_the_digit():
    # 14 civil days back from 5 April are 14 days less the hour that was skipped on 25 March.
    events = crimes(["2018-03-22 00:00", "2018-03-21 23:59", "2018-04-04 23:59"])
    risk = ppe.CountMap(lookback="14D").fit(events, GRID, until="2018-04-05").predict(night("2018-04-05"))
    assert float(risk.sum()) == pytest.approx(2 / (14 - 1 / 24), rel=1e-14)
    elapsed = ppe.CountMap(lookback="336h").fit(events, GRID, until="2018-04-05").predict(night("2018-04-05"))
    assert float(elapsed.sum()) == pytest.approx(3 / 14, rel=1e-14)


def test_half_life_weighs_crimes_and_days_alike():
    # Steady crime is expected at its rate, whatever the half-life.
    times = pd.date_range("2018-01-01 00:30", "2018-05-31 23:30", freq="h", tz="UTC")
    events = crimes(times)
    for half_life in (None, "3D", "30D", "400D"):
        form = ppe.CountMap(lookback=None, half_life=half_life)
        risk = form.fit(events, GRID, until="2018-06-01").predict(night("2018-06-01"))
        assert float(risk.sum()) == pytest.approx(24.0, rel=1e-3)


def test_half_life_by_the_digit():
    # Weighted days of 10 days with a half-life of 5: 5/ln 2 (1 - 1/4); a crime 5 days ago weighs a half.
    risk = ppe.CountMap(lookback="10D", half_life="5D").fit(crimes(["2018-05-06"]), GRID, until="2018-05-11")
    assert float(risk.predict(night("2018-05-11")).sum()) == pytest.approx(0.5 / (5 / np.log(2) * 0.75), rel=1e-14)


def test_days_in_a_gap_do_not_dilute():
    observed = (("2018-05-01", "2018-05-04"), ("2018-05-20", "2018-05-27"))
    events = crimes(["2018-05-02", "2018-05-21", "2018-05-10"], observed=observed)
    risk = ppe.CountMap(lookback=None).fit(events, GRID, until="2018-05-27").predict(night("2018-05-27"))
    assert float(risk.sum()) == pytest.approx(2 / 10)
    recent = ppe.CountMap(lookback="8D").fit(events, GRID, until="2018-05-27").predict(night("2018-05-27"))
    assert float(recent.sum()) == pytest.approx(1 / 7)


def test_a_lookback_longer_than_the_data_counts_observed_days_only():
    events = crimes(["2018-01-03"])
    risk = ppe.CountMap(lookback="365D").fit(events, GRID, until="2018-01-11").predict(night("2018-01-11"))
    assert float(risk.sum()) == pytest.approx(1 / 10)


def test_an_interval_counts_at_its_middle():
    # Its middle lies in the lookback, its start does not; and the other way round.
    inside = crimes(["2018-05-01"], happened_until=pd.to_datetime(["2018-05-05"]))
    form = ppe.CountMap(lookback="8D")
    assert float(form.fit(inside, GRID, until="2018-05-10").predict(night("2018-05-10")).sum()) == pytest.approx(1 / 8)
    outside = crimes(["2018-05-01"], happened_until=pd.to_datetime(["2018-05-02 12:00"]))
    assert float(form.fit(outside, GRID, until="2018-05-10").predict(night("2018-05-10")).sum()) == 0


def test_two_clocks():
    # Happened in the lookback but recorded late: not known. Recorded yesterday but happened long ago: too old.
    events = crimes(
        ["2018-05-05", "2018-04-01", "2018-05-06"],
        recorded=pd.to_datetime(["2018-05-10", "2018-05-09", "2018-05-07"]),
    )
    risk = ppe.CountMap(lookback="8D").fit(events, GRID, until="2018-05-10").predict(night("2018-05-10"))
    assert float(risk.sum()) == pytest.approx(1 / 8)


def test_crimes_on_edges_belong_to_the_cell_north_east():
    events = crimes(["2018-05-01"] * 3, x=[1200.0, 1199.9995, 1199.999], y=[2200.0, 2200.0, 2199.999])
    risk = ppe.CountMap(lookback=None).fit(events, GRID, until="2018-05-02").predict(night("2018-05-02"))[0]
    found = {(int(row), int(column)): risk.values[row, column] * 121 for row, column in np.argwhere(risk.values > 0)}
    assert found == pytest.approx({(1, 1): 2.0, (0, 0): 1.0}, rel=1e-2)


def test_uniform_spreads_the_rate_by_inside_area():
    events = crimes(["2018-05-01", "2018-05-02", "2018-05-03"], x=[1100.0, 1800.0, 9000.0])
    risk = ppe.Uniform(lookback="10D").fit(events, GRID, until="2018-05-11").predict(night("2018-05-11"))[0]
    assert_allclose(risk, 0.2 * INSIDE / INSIDE.sum())
    assert float(risk.sum()) == pytest.approx(0.2), "the crime outside is nobody's"


def test_cells_outside_are_nan():
    import geopandas as gpd
    import shapely

    areas = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 250, 250), shapely.box(500, 500, 750, 600)], crs=CRS)
    grid = ppe.Grid.from_areas(areas, cell=250)
    events = crimes(["2018-05-01"] * 3, x=[10.0, 600.0, 300.0], y=[10.0, 510.0, 300.0])
    for form in (ppe.Uniform(), ppe.CountMap(lookback=None)):
        risk = form.fit(events, grid, until="2018-05-02").predict(night("2018-05-02"))[0].to_numpy()
        assert (np.isfinite(risk) == grid.mask).all()
        assert np.nansum(risk) == pytest.approx(2 / 120.958333, rel=1e-6)


@pytest.mark.parametrize("form", [ppe.CountMap(), ppe.CountMap(half_life="7D"), ppe.Uniform(lookback="3W")], ids=repr)
def test_no_crime_in_the_lookback_is_zero(form):
    risk = form.fit(crimes(["2018-01-03"]), GRID, until="2018-06-01").predict(night("2018-06-01", "2018-06-03"))
    assert (risk.to_numpy() == 0).all()


def test_a_half_life_far_shorter_than_the_age_does_not_overflow():
    risk = ppe.CountMap(lookback=None, half_life="1h").fit(crimes(["2018-01-03"]), GRID, until="2018-11-01")
    assert float(risk.predict(night("2018-11-01")).sum()) == 0


@pytest.mark.parametrize("form", [ppe.CountMap, ppe.Uniform])
@pytest.mark.parametrize("lookback", ["", "0D", "-3D", "three weeks", 21, "21", "nan", object()])
def test_bad_lookbacks_are_refused(form, lookback):
    with pytest.raises(ppe.InputError, match=r"lookback is .*; give a length such as '21D', '8W' or '36h'"):
        form(lookback=lookback)


@pytest.mark.parametrize("half_life", ["0D", "-1h", "soon"])
def test_bad_half_lives_are_refused(half_life):
    with pytest.raises(ppe.InputError, match="half_life is "):
        ppe.CountMap(half_life=half_life)


def test_options_are_named():
    with pytest.raises(TypeError):
        ppe.CountMap("21D")
    with pytest.raises(TypeError):
        ppe.Uniform("21D")
