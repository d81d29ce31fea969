"""ProspectiveHotspot: both variants by the naive twin, both bounds strict, age counted at the start of the window."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import predpol_eval as ppe
from tests.forecasters.towns import CRS, GROUND, towns
from tests.naive import forecasters as naive

GRID = GROUND.grid


def crimes(times, x=1100.0, y=2100.0, **named):
    frame = pd.DataFrame({"t": times, "x": x, "y": y, **named})
    observed = [("2018-01-01", "2018-12-01")]
    return ppe.Events.from_frame(frame, crs=CRS, tz="Europe/London", observed=observed, **{k: k for k in named})


def score(form, events, until="2018-05-15", start=None, **kwargs):
    start = until if start is None else start
    windows = ppe.Schedule(start=start, end=str(np.datetime64(start) + 1), tz="Europe/London", **kwargs).windows
    surface = form.fit(events, GRID, until=until).predict(windows)
    assert surface.attrs["kind"] == "score"
    return surface[0].to_numpy()


@given(
    towns(),
    st.sampled_from(["continuous", "grid"]),
    st.sampled_from(["chebyshev", "manhattan", "euclidean"]),
    st.sampled_from([50.0, 200.0, 400.0, 401.0, 650.0, 5000.0]),
    st.sampled_from([1, 2.5, 8]),
)
def test_both_variants_are_the_naive_ones(town, variant, metric, radius, weeks):
    form = ppe.ProspectiveHotspot(radius=radius, weeks=weeks, variant=variant, metric=metric, unit=80.0)
    used, _ = naive.known(town.crimes, town.observed, town.until, town.zone)
    surface = form.fit(town.events(), GRID, until=town.cut).predict(town.windows)
    for layer, later in zip(surface.to_numpy(), town.starts, strict=True):
        wanted = naive.prospective(used, town.until + later, GROUND, radius, weeks, variant, 80.0, metric)
        assert_allclose(layer, wanted, rtol=1e-12)


def test_by_the_digit():
    # A week old, at the centre of its cell: 1/2 there; 200 m away 1/((1 + 4) 2) = .1; 282.84 m away 1/((1 + 5.6569) 2).
    found = score(ppe.ProspectiveHotspot(), crimes(["2018-05-08"]))
    assert found[0, 0] == 0.5
    assert_allclose(found[0, 1], 0.1)
    assert_allclose(found[1, 1], 1 / (2 * (1 + np.hypot(200, 200) / 50)))
    # In whole cells: neighbours, corners too, are one step away.
    found = score(ppe.ProspectiveHotspot(variant="grid"), crimes(["2018-05-02"]))
    assert_allclose(found[:2, :2], [[1 / 2, 1 / 4], [1 / 4, 1 / 4]])
    assert found[0, 2] == 0


def test_the_radius_is_strict():
    events = crimes(["2018-05-14"])
    for radius, reached in ((400.0, False), (400.001, True)):
        assert (score(ppe.ProspectiveHotspot(radius=radius), events)[0, 2] > 0) == reached
        form = ppe.ProspectiveHotspot(radius=radius, variant="grid")
        assert (score(form, events)[0, 2] > 0) == reached
        diagonal = ppe.ProspectiveHotspot(radius=radius, variant="grid", metric="manhattan")
        assert (score(diagonal, events)[1, 1] > 0) == reached


@pytest.mark.parametrize("variant", ["continuous", "grid"])
def test_the_weeks_are_strict(variant):
    form = ppe.ProspectiveHotspot(weeks=2, variant=variant)
    assert score(form, crimes(["2018-05-01"])).max() == 0
    assert score(form, crimes(["2018-05-01 00:00:01"])).max() > 0


def test_whole_weeks_in_the_grid_variant_real_ones_in_the_other():
    events = crimes(["2018-05-04"])  # 11 days: 1.571 weeks
    assert score(ppe.ProspectiveHotspot(variant="grid"), events)[0, 0] == 0.5
    assert_allclose(score(ppe.ProspectiveHotspot(), events)[0, 0], 1 / (1 + 11 / 7))


@pytest.mark.parametrize("variant", ["continuous", "grid"])
def test_age_counts_at_the_start_of_the_window(variant):
    events, form = crimes(["2018-05-08"]), ppe.ProspectiveHotspot(weeks=3, variant=variant)
    today = score(form, events)
    later = score(form, events, start="2018-05-22")
    assert_allclose(later, today * 2 / 3)
    assert score(form, events, start="2018-05-29").max() == 0, "three weeks old when the window starts"
    # Not the time of the fit, nor the window's end or length.
    assert_allclose(score(form, events, until="2018-05-10", start="2018-05-15"), today)
    assert_allclose(score(form, events, horizon="7D"), today)


def test_many_windows_at_once_age_one_by_one():
    windows = ppe.Schedule(start="2018-05-15", end="2018-05-18", tz="Europe/London").windows
    surface = ppe.ProspectiveHotspot().fit(crimes(["2018-05-08"]), GRID, until="2018-05-15").predict(windows)
    assert_allclose(surface.sel(x=1100, y=2100), [1 / (1 + days / 7) for days in (7, 8, 9)])


def test_an_interval_is_as_old_as_its_middle():
    events = crimes(["2018-05-05"], happened_until=pd.to_datetime(["2018-05-11"]))
    assert_allclose(score(ppe.ProspectiveHotspot(), events)[0, 0], 0.5)


def test_age_is_by_when_it_happened_not_by_when_it_was_recorded():
    events = crimes(["2018-05-08"], recorded=pd.to_datetime(["2018-05-14 23:00"]))
    assert_allclose(score(ppe.ProspectiveHotspot(), events)[0, 0], 0.5)


def test_crimes_beside_the_area_count():
    assert score(ppe.ProspectiveHotspot(), crimes(["2018-05-14"], x=950.0))[0, 0] > 0
    assert score(ppe.ProspectiveHotspot(variant="grid"), crimes(["2018-05-14"], x=950.0))[0, 0] > 0


def test_the_metrics_differ_as_they_should():
    events = crimes(["2018-05-14"])
    found = {
        m: score(ppe.ProspectiveHotspot(variant="grid", metric=m, radius=900), events)
        for m in ("chebyshev", "manhattan", "euclidean")
    }
    assert_allclose(found["chebyshev"][2, 1], 1 / 3)
    assert_allclose(found["manhattan"][2, 1], 1 / 4)
    assert_allclose(found["euclidean"][2, 1], 1 / (1 + np.sqrt(5)))


def test_no_crime_in_the_weeks_is_zero():
    assert (score(ppe.ProspectiveHotspot(), crimes(["2018-01-03"])) == 0).all()
    none = crimes(["2018-01-03"]).take(np.array([False]))
    assert (score(ppe.ProspectiveHotspot(), none) == 0).all()


def test_defaults_are_those_of_the_definition():
    form = ppe.ProspectiveHotspot()
    assert (form.radius, form.weeks, form.variant, form.unit, form.metric) == (400, 8, "continuous", 50, "chebyshev")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"radius": 0}, "radius=0; give metres, for instance 400, above 0 and finite"),
        ({"radius": np.inf}, "radius=inf"),
        ({"weeks": -1}, "weeks=-1; give a number of weeks, for instance 8"),
        ({"weeks": "8"}, "weeks='8'"),
        ({"unit": np.nan}, "unit=nan; give metres, for instance 50"),
        ({"variant": "disc"}, "variant='disc'; choose 'continuous' or 'grid'"),
        ({"metric": "great circle"}, "metric='great circle'; choose one of 'chebyshev', 'manhattan', 'euclidean'"),
    ],
)
def test_bad_options_are_refused(wrong, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.ProspectiveHotspot(**wrong)
