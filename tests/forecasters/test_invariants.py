"""What must hold for any forecaster: order, future, place, scale and clock; and what adds up where it is linear."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import predpol_eval as ppe
from tests.forecasters.towns import CRS, GROUND, Ground, Town, towns

pytestmark = pytest.mark.filterwarnings("ignore:KDE's bandwidth is smaller than a cell")

GRID = GROUND.grid
LINEAR = [
    ppe.Uniform(),
    ppe.CountMap(lookback="14D"),
    ppe.CountMap(lookback=None, half_life="5D"),
    ppe.KDE(bandwidth=150),
    ppe.KDE(bandwidth=300, kernel="quartic", half_life="5D", lookback="3W"),
    ppe.ProspectiveHotspot(),
    ppe.ProspectiveHotspot(variant="grid", metric="manhattan", weeks=2, radius=700),
    ppe.NearRepeat(),
    ppe.NearRepeat(radius=700, kernel="exponential"),
    ppe.NearRepeat(
        kernel="bands", space_bands=(0, 0.01, 200, 500), time_bands=(0, 7, 21), weights=((2, 1), (0.5, 0.2), (0.2, 0))
    ),
]
BY_THE_CRIMES = [
    ppe.KDE(bandwidth="scott"),
    ppe.KDE(bandwidth="cv", kernel="quartic"),
    ppe.KDE(adaptive_k=2, half_life="5D"),
    ppe.KDE(adaptive_k=1, kernel="quartic", bandwidth="silverman", renormalise=True),
]
LEARNING = [
    ppe.Blend(members=(ppe.CountMap(lookback="14D"), ppe.CountMap(lookback=None)), weights=(0.3, 0.7)),
    ppe.tune(ppe.CountMap(), {"lookback": ["7D", None]}, training="8D", step="2D", retune="3D"),
]
# To the bit only: where the score is flat in the weights, a last digit may move them.
LEARNT_BLEND = ppe.Blend(
    members=(ppe.CountMap(lookback="14D"), ppe.NearRepeat(), ppe.KDE(bandwidth=300)),
    training="8D",
    step="2D",
    relearn="3D",
)
ALL = [
    *LINEAR,
    *LEARNING,
    *BY_THE_CRIMES,
    ppe.KDE(bandwidth=200, renormalise=True),
    ppe.SelfExciting(),
    ppe.SelfExciting(background="shared"),
    ppe.SelfExciting(model="continuous", starts=1),
    ppe.SelfExciting(model="nonparametric", neighbours=1, neighbours_in_time=2, starts=1, tolerance=1e-3),
]
linear = st.sampled_from(LINEAR)
any_one = st.sampled_from(ALL)
counts = st.sampled_from([form for form in ALL if not isinstance(form, ppe.ProspectiveHotspot | ppe.NearRepeat)])


def values(form, town: Town, crimes=None, grid=GRID, zone=None, until=None):
    """Numbers of the forecast, or the refusal's name: a refusal must be as steady as a forecast."""
    events = town.events(crimes, zone)
    try:
        return form.fit(events, grid, until=town.cut if until is None else until).predict(town.windows).to_numpy()
    except ppe.InputError as refusal:
        return type(refusal).__name__


def alike(one, two, rtol=1e-9):
    if isinstance(one, str) or isinstance(two, str):
        assert isinstance(one, str)
        assert isinstance(two, str)
        return
    # A number far below the peak is a sum of tails; the peak tells what is small.
    assert_allclose(one, two, rtol=rtol, atol=rtol * max(np.nanmax(np.abs(one)), 1e-300))


@given(st.sampled_from([*ALL, LEARNT_BLEND]), towns(least=2), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_to_the_bit(form, town, random):
    shuffled = list(town.crimes)
    random.shuffle(shuffled)
    one, two = values(form, town), values(form, town, shuffled)
    assert np.array_equal(one, two)


@given(st.sampled_from([*ALL, LEARNT_BLEND]), towns(least=1), towns(least=1))
def test_the_future_does_not_matter_to_the_bit(form, town, other):
    """Crimes of another town, all known at this one's `until` at the earliest, with the same clocks."""
    late = []
    for position, crime in enumerate(other.crimes):
        known = town.until + timedelta(hours=position)
        like = town.crimes[0]
        if like.recorded is not None:
            end = None if like.until is None else crime.happened
            late.append(replace(crime, until=end, recorded=max(known, crime.happened)))
        elif like.until is not None:
            late.append(replace(crime, happened=min(crime.happened, known), until=known, recorded=None))
        else:
            late.append(replace(crime, happened=known, until=None, recorded=None))
    one, two = values(form, town), values(form, town, [*town.crimes, *late])
    assert np.array_equal(one, two)


@given(any_one, towns(zones=("Europe/London",)))
def test_the_name_of_the_zone_does_not_matter(form, town):
    alike(values(form, town), values(form, town, zone="Europe/Lisbon"), 1e-12)


@given(linear, towns(zones=("Europe/London",)))
def test_another_zone_with_the_same_clock_changes_does_not_matter(form, town):
    # An hour apart all year, so that a civil day back is the same moment by both.
    alike(values(form, town), values(form, town, zone="Europe/Paris"), 1e-12)


@given(any_one, towns())
def test_until_by_the_wall_clock_or_in_utc(form, town):
    local = pd.Timestamp(town.until).tz_convert(town.zone)
    one = values(form, town)
    assert np.array_equal(one, values(form, town, until=local))
    assert np.array_equal(one, values(form, town, until=pd.Timestamp(town.until).tz_convert("Asia/Kolkata")))


@given(any_one, towns(), st.sampled_from([(-5, 3), (40, -60), (1, 0)]))
def test_moved_by_whole_cells(form, town, by):
    east, north = by[0] * GROUND.cell, by[1] * GROUND.cell
    shift = 50_000.0  # well away from (0, 0), which is refused as a place
    ground = Ground(x0=GROUND.x0 + shift + east, y0=GROUND.y0 + shift + north)
    moved = [replace(c, x=c.x + shift + east, y=c.y + shift + north) for c in town.crimes]
    alike(values(form, town), values(form, town, moved, ground.grid))


def scaled(form, factor):
    lengths = {"bandwidth", "radius", "unit"}
    named = {f.name: getattr(form, f.name) for f in dataclasses.fields(form) if f.name in lengths}
    # The default radius belongs to another model, which refuses it.
    other = {"radius"} if getattr(form, "model", "nonparametric") != "nonparametric" else set()
    named = {
        name: value * factor for name, value in named.items() if isinstance(value, int | float) and name not in other
    }
    if getattr(form, "space_bands", None):
        named["space_bands"] = tuple(edge * factor for edge in form.space_bands)
    return replace(form, **named)


@given(any_one, towns(), st.sampled_from([0.5, 2.0, 8.0]))
def test_scaled_map(form, town, factor):
    ground = Ground(
        GROUND.x0 * factor, GROUND.y0 * factor, GROUND.cell * factor, GROUND.width * factor, GROUND.height * factor
    )
    wider = [replace(c, x=c.x * factor, y=c.y * factor) for c in town.crimes]
    alike(values(form, town), values(scaled(form, factor), town, wider, ground.grid))


@given(linear, towns(least=2))
def test_forecasts_of_two_halves_add_up(form, town):
    half = len(town.crimes) // 2
    both, one, two = (values(form, town, part) for part in (town.crimes, town.crimes[:half], town.crimes[half:]))
    if isinstance(both, str):
        assert both == one == two
    else:
        alike(both, one + two, 1e-10)


@given(linear, towns(), st.integers(2, 5))
def test_every_crime_many_times(form, town, times):
    one, many = values(form, town), values(form, town, town.crimes * times)
    alike(one if isinstance(one, str) else times * one, many, 1e-10)


@given(
    st.sampled_from([form for form in ALL if not isinstance(form, ppe.ProspectiveHotspot | ppe.NearRepeat)]), towns()
)
def test_expected_counts_of_a_window_are_those_of_its_parts(form, town):
    try:
        fitted = form.fit(town.events(), GRID, until=town.cut)
    except ppe.InputError:
        return
    cuts = np.array([np.timedelta64(h, "h") for h in (0, 5, 24, 31)]) + town.windows.start[0]
    whole = ppe.Windows(cuts[[0]].copy(), cuts[[3]].copy(), np.array([town.cut]), town.zone)
    parts = ppe.Windows(cuts[:3].copy(), cuts[1:].copy(), np.repeat(town.cut, 3), town.zone)
    alike(fitted.predict(parts).sum("window", skipna=False).to_numpy(), fitted.predict(whole)[0].to_numpy())


@given(any_one, towns(least=1))
def test_numbers_are_finite_and_not_negative(form, town):
    found = values(form, town)
    if not isinstance(found, str):
        assert np.isfinite(found).all()
        assert (found >= 0).all()


@pytest.mark.parametrize("form", ALL, ids=repr)
@pytest.mark.parametrize("count", [1, 30])
def test_all_crimes_at_one_place_and_moment(form, count):
    frame = pd.DataFrame({"t": ["2018-05-01 12:00"] * count, "x": 1500.0, "y": 2500.0})
    events = ppe.Events.from_frame(frame, crs=CRS, tz="UTC", observed=[("2018-04-25", "2018-06-01")])
    night = ppe.Schedule(start="2018-05-02", end="2018-05-03", tz="UTC").windows
    if isinstance(form, ppe.SelfExciting):
        with pytest.raises(ppe.InputError, match="nothing about repeats"):
            form.fit(events, GRID, until="2018-05-02")
        return
    risk = form.fit(events, GRID, until="2018-05-02").predict(night)[0].to_numpy()
    assert np.isfinite(risk).all()
    if not isinstance(form, ppe.Uniform):
        # On the corner of four cells: the north-eastern has it, and no cell more than that one.
        column, row = int(GRID.column_row(np.array([1500.0]), np.array([2500.0]))[0][0]), 2
        assert risk[row, column] == pytest.approx(risk.max())
