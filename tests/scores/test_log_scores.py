"""Log scores against plain loops, by hand, and what makes them proper."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError
from tests.naive import scores as naive
from tests.strategies import CRS, TZ, City, cities, city_of, nights

SCORES = {"poisson": ppe.poisson_log_score, "location": ppe.location_log_score}
each = pytest.mark.parametrize("name", SCORES)
expecting = cities(most_cells=7, most_windows=3, kinds=("expected_count",))


def windows_of(city: City) -> list[list[tuple[float, float, float]]]:
    """(expected, inside-area, crimes) of every cell, window by window."""
    return [
        [(cell["value"], cell["inside"], cell["crimes"]) for cell in city.cells(window)]
        for window in range(len(city.windows))
    ]


@each
@given(expecting, st.sampled_from([None, 1e-6, 0.25, 2.0]))
def test_scores_equal_those_of_plain_loops(name, city, floor):
    expected = getattr(naive, name)(windows_of(city), floor or 0.0)
    found = SCORES[name](city.risk, city.crimes, floor=floor)
    assert found.dims == ()
    np.testing.assert_allclose(found.item(), expected, rtol=1e-12, atol=1e-12)
    same = SCORES[name](city.risk, city.crimes, floor=floor, grid=city.grid)
    xr.testing.assert_identical(found, same)


@given(expecting, st.data())
def test_a_zero_rate_at_a_crime_is_never_better_than_a_correct_forecast(city, data):
    """Zeros that are masked, as in other tools, would make the map that expects nothing the best of all."""
    if not city.crimes.sum():
        return
    nothing = city.risk.copy(data=xr.zeros_like(city.risk).where(city.risk.notnull()))
    for score in SCORES.values():
        assert score(nothing, city.crimes).item() == -math.inf
        assert np.isfinite(score(nothing, city.crimes, floor=1e-9))
    positive = city.risk + 0.5
    positive.attrs = city.risk.attrs
    assert np.isfinite(ppe.poisson_log_score(positive, city.crimes))
    # A zero put at one crime makes the score the worst there is, whatever it was.
    where = data.draw(st.sampled_from(np.argwhere(city.crimes.to_numpy() > 0).tolist()))
    spoiled = positive.copy(data=positive.to_numpy())
    spoiled[tuple(where)] = 0.0
    for score in SCORES.values():
        assert score(spoiled, city.crimes).item() == -math.inf


@each
@given(st.lists(st.tuples(st.floats(0.05, 3.0), st.floats(0.05, 3.0)), min_size=2, max_size=6))
def test_no_other_map_scores_better_on_average_than_the_true_one(name, pairs):
    """Both scores are linear in the crimes but for y!, so their mean is the score of the mean, and a constant."""
    truth, other = ([pair[side] for pair in pairs] for side in (0, 1))
    inside = [4.0 if number % 2 else 1.0 for number in range(len(pairs))]
    right, wrong = (city_of([told], [truth], inside, "expected_count") for told in (truth, other))
    best = SCORES[name](right.risk, right.crimes).item()
    assert best >= SCORES[name](wrong.risk, wrong.crimes).item() - 1e-12
    if name == "poisson":
        # The level matters to this one, not only the shape.
        louder = right.risk.copy(data=right.risk * 1.5)
        assert best > ppe.poisson_log_score(louder, right.crimes).item()


def test_by_hand():
    city = city_of([[0.5, 0.3, 0.2], [0.1, 0.0, 0.4]], [[2, 0, 1], [0, 0, 0]], [1, 2, 1], "expected_count")
    first = -1.0 + 2 * math.log(0.5) + math.log(0.2) - math.log(2)
    assert ppe.poisson_log_score(city.risk, city.crimes).item() == pytest.approx((first - 0.5) / 2, abs=1e-14)
    place = math.log(4) + (2 * math.log(0.5) + math.log(0.2)) / 3
    assert ppe.location_log_score(city.risk, city.crimes).item() == pytest.approx(place, abs=1e-14)
    # A floor is put on every cell, that of the night without crime too.
    first = -1.0 + 2 * math.log(0.5) + math.log(0.25) - math.log(2) - 0.05
    floored = ppe.poisson_log_score(city.risk, city.crimes, floor=0.25)
    assert floored.item() == pytest.approx((first - 0.9) / 2, abs=1e-14)
    assert (floored.attrs["floor"], floored.attrs["windows"], floored.attrs["better"]) == (0.25, 2, "higher")


def test_a_uniform_density_has_a_location_score_of_zero_and_twice_chance_of_ln_2():
    inside = [4.0, 2.0, 1.0, 1.0]
    blind = city_of([[0.4, 0.2, 0.1, 0.1]] * 2, [[1, 2, 0, 3], [0, 0, 5, 0]], inside, "expected_count")
    assert ppe.location_log_score(blind.risk, blind.crimes).item() == pytest.approx(0, abs=1e-15)
    sure = city_of([[3.0, 0.0, 0.0, 0.0]], [[4, 0, 0, 0]], inside, "expected_count")
    assert ppe.location_log_score(sure.risk, sure.crimes).item() == pytest.approx(math.log(2), abs=1e-15)
    # It is blind to the level, which the Poisson score is not.
    louder = sure.risk.copy(data=sure.risk * 100)
    assert ppe.location_log_score(louder, sure.crimes).item() == pytest.approx(math.log(2), abs=1e-14)
    assert ppe.poisson_log_score(louder, sure.crimes) < ppe.poisson_log_score(sure.risk, sure.crimes)


def test_a_rate_of_zero_where_nothing_happened_costs_nothing():
    city = city_of([[0.0, 0.5]], [[0, 1]], [1, 1], "expected_count")
    assert ppe.poisson_log_score(city.risk, city.crimes).item() == pytest.approx(-0.5 + math.log(0.5))
    assert ppe.location_log_score(city.risk, city.crimes).item() == pytest.approx(math.log(2))


def test_no_crime_and_no_window():
    quiet = city_of([[0.25, 0.5], [0.0, 0.0]], [[0, 0], [0, 0]], [1, 1], "expected_count")
    assert ppe.poisson_log_score(quiet.risk, quiet.crimes).item() == -0.375
    assert np.isnan(ppe.location_log_score(quiet.risk, quiet.crimes))
    none = quiet.risk.isel(window=slice(0, 0)), quiet.crimes.isel(window=slice(0, 0))
    assert np.isnan(ppe.poisson_log_score(*none))
    assert np.isnan(ppe.location_log_score(*none))


def test_rates_too_small_for_a_product_still_have_a_logarithm():
    city = city_of([[1e-300, 1e-300]], [[1, 0]], [1e-9, 1e9], "expected_count")
    assert ppe.location_log_score(city.risk, city.crimes).item() == pytest.approx(math.log(0.5 * (1e9 + 1e-9) / 1e-9))


@each
def test_forecasters_are_scored_side_by_side(name):
    rng = np.random.default_rng(4)
    tables = rng.random((2, 3, 5)).round(1)
    crimes = rng.integers(0, 3, (3, 5))
    alone = [city_of(values.tolist(), crimes.tolist(), [1, 1, 2, 2, 4], "expected_count") for values in tables]
    together = xr.concat([city.risk for city in alone], pd.Index(["A", "B"], name="forecaster")).transpose(
        "window", "y", "forecaster", "x"
    )
    found = SCORES[name](together, alone[0].crimes, floor=0.01)
    assert found.dims == ("forecaster",)
    assert found.forecaster.values.tolist() == ["A", "B"]
    singles = [SCORES[name](city.risk, city.crimes, floor=0.01).item() for city in alone]
    assert found.values.tolist() == singles


def test_crimes_are_counted_as_a_tally_counts_them():
    frame = pd.DataFrame(
        {
            "x": [10.0, 300.0, 9e3, 10.0],
            "y": 10.0,
            "t": ["2018-05-01 12:00", "2018-05-01 18:00", "2018-05-01 12:00", "2018-05-02 00:00"],
            "last": ["2018-05-01 12:00", "2018-05-02 06:00", "2018-05-01 12:00", "2018-05-02 00:00"],
        }
    )
    events = ppe.Events.from_frame(frame, happened="t", happened_until="last", crs=CRS, tz=TZ)
    grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs=CRS)
    risk = ppe.make_surface([[[0.5, 0.25]]], grid, nights(1), kind="expected_count")
    half = -0.75 + math.log(0.5) + 0.5 * math.log(0.25) - math.lgamma(1.5)
    spread = ppe.poisson_log_score(risk, events)
    assert spread.item() == pytest.approx(half, abs=1e-14)
    assert spread.attrs["outside"] == 1
    assert ppe.poisson_log_score(risk, ppe.count(events, grid, nights(1))).item() == spread.item()
    start = ppe.poisson_log_score(risk, events, method="start")
    assert start.item() == pytest.approx(-0.75 + math.log(0.5) + math.log(0.25), abs=1e-14)
    place = ppe.location_log_score(risk, events)
    assert place.item() == pytest.approx((math.log(4 / 3) + 0.5 * math.log(2 / 3)) / 1.5, abs=1e-14)


@each
@pytest.mark.parametrize("kind", ["score", "flags"])
def test_scores_and_flags_are_refused(name, kind):
    city = city_of([[1.0, 0.0]], [[1, 0]], [1, 1], kind)
    with pytest.raises(InputError, match=f"kind '{kind}' does not say how many crimes it expects.*expected_count"):
        SCORES[name](city.risk, city.crimes)


@each
@pytest.mark.parametrize("floor", [0, -1e-6, math.inf, math.nan, True, "1e-6"])
def test_a_floor_that_is_none_is_refused(name, floor):
    city = city_of([[1.0, 0.0]], [[1, 0]], [1, 1], "expected_count")
    with pytest.raises(InputError, match=r"floor=.*above 0, for instance floor=1e-6"):
        SCORES[name](city.risk, city.crimes, floor=floor)


@each
def test_other_windows_and_grids_are_refused(name):
    city = city_of([[1.0, 0.0]], [[1, 0]], [1, 1], "expected_count")
    longer = city_of([[1.0, 0.0]] * 2, [[1, 0]] * 2, [1, 1], "expected_count")
    other = city_of([[1.0, 0.0]], [[1, 0]], [1, 2], "expected_count")
    with pytest.raises(NotComparableError, match="shape"):
        SCORES[name](city.risk, longer.crimes)
    with pytest.raises(NotComparableError, match="another grid"):
        SCORES[name](city.risk, other.crimes)
    missing = city.crimes.where(city.crimes > 0)
    missing.attrs = city.crimes.attrs
    with pytest.raises(InputError, match=r"1 counts inside the study area are missing"):
        SCORES[name](city.risk, missing)
