"""The information gain: plain loops, by hand, zeros told honestly, and surfaces that cannot be compared."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError, PredPolWarning, Schedule
from predpol_eval.scores.gains import gains
from tests.naive import scores as naive
from tests.scores.test_log_scores import windows_of
from tests.strategies import CRS, TZ, cities, city_of, nights, row_of_cells

expecting = cities(most_cells=6, most_windows=3, kinds=("expected_count",))
FLOORS = st.sampled_from([None, 1e-6, 0.25])


def other_than(city, seed):
    """Another surface of the same city, with zeros of its own."""
    rng = np.random.default_rng(seed)
    values = rng.choice([0.0, 0.125, 0.5, 2.0], city.risk.shape)
    return city.risk.copy(data=np.where(city.grid.mask, values, np.nan))


@given(expecting, st.integers(0, 99), FLOORS)
def test_it_equals_that_of_plain_loops(city, seed, floor):
    other = other_than(city, seed)
    expected = naive.information_gain(windows_of(city), windows_of(city._replace(risk=other)), floor or 0.0)
    found = ppe.information_gain(city.risk, other, city.crimes, floor=floor)
    np.testing.assert_allclose(found.item(), expected, rtol=1e-12, atol=1e-12)
    xr.testing.assert_identical(found, ppe.information_gain(city.risk, other, city.crimes, floor=floor, grid=city.grid))


@given(expecting, st.integers(0, 99))
def test_it_is_the_difference_of_the_poisson_log_scores_and_turns_its_sign(city, seed):
    other, number = other_than(city, seed), city.crimes.sum().item()
    gain = ppe.information_gain(city.risk, other, city.crimes, floor=0.01).item()
    back = ppe.information_gain(other, city.risk, city.crimes, floor=0.01).item()
    scores = [ppe.poisson_log_score(risk, city.crimes, floor=0.01).item() for risk in (city.risk, other)]
    if number < 2:
        assert np.isnan([gain, back]).all()
    else:
        assert gain == pytest.approx((scores[0] - scores[1]) * len(city.windows) / number, rel=1e-9, abs=1e-12)
        assert back == pytest.approx(-gain, rel=1e-12, abs=1e-14)
        assert ppe.information_gain(other, other, city.crimes, floor=0.01).item() == 0


@given(expecting, st.integers(0, 99), st.randoms(use_true_random=False))
def test_the_order_of_cells_and_nights_does_not_matter(city, seed, random):
    other = other_than(city, seed)
    columns, rows = list(range(city.risk.sizes["x"])), list(range(len(city.windows)))
    random.shuffle(columns)
    random.shuffle(rows)
    inside = city.grid.inside_m2[0][columns]

    def moved(data):
        return np.nan_to_num(data.to_numpy()[:, 0][rows][:, columns]).tolist()

    pair = [city_of(moved(risk), moved(city.crimes), inside.tolist(), "expected_count") for risk in (city.risk, other)]
    before = ppe.information_gain(city.risk, other, city.crimes, floor=0.01).item()
    after = ppe.information_gain(pair[0].risk, pair[1].risk, pair[0].crimes, floor=0.01).item()
    assert after == pytest.approx(before, rel=1e-12, abs=1e-14, nan_ok=True)
    rough = [(one.risk * 1.1).astype("float32").assign_attrs(one.risk.attrs) for one in pair]
    fine = [(one.risk * 1.1).assign_attrs(one.risk.attrs) for one in pair]
    told = [ppe.information_gain(*two, pair[0].crimes, floor=0.01).item() for two in (rough, fine)]
    assert told[0] == pytest.approx(told[1], rel=1e-5, abs=1e-6, nan_ok=True)


def pair(a, b, crimes):
    one, other = (city_of(rates, crimes, [1.0] * len(rates[0]), "expected_count") for rates in (a, b))
    return one.risk, other.risk, one.crimes


def test_by_hand():
    third = [[1 / 3] * 3]
    found = ppe.information_gain(*pair([[0.5, 0.3, 0.2]], third, [[2, 1, 0]]))
    assert f"{found:.6f}" == "0.235190"
    assert found.dims == ()
    assert (found.attrs["crimes"], found.attrs["better"], found.attrs["floor"]) == (3, "higher", "none")
    # A night without crime counts what was expected of it: A .4 too many, over 3 crimes.
    quiet = pair([[0.5, 0.3, 0.2], [0.3, 0.3, 0.3]], [*third, [1 / 6] * 3], [[2, 1, 0], [0, 0, 0]])
    assert ppe.information_gain(*quiet).item() == pytest.approx(
        (2 * math.log(1.5) + math.log(0.9) - 0.4) / 3, abs=1e-15
    )
    # Twice the level: the logarithm gained, what was expected too many lost.
    louder = pair([[2.0, 2.0]], [[1.0, 1.0]], [[1, 3]])
    assert ppe.information_gain(*louder).item() == pytest.approx(math.log(2) - 2 / 4, abs=1e-15)


def test_zeros_are_told_as_they_are():
    crimes = [[1, 1, 0]]
    good, bad, worse = [[0.5, 0.5, 0.1]], [[0.0, 0.5, 0.1]], [[0.5, 0.0, 0.1]]
    assert ppe.information_gain(*pair(bad, good, crimes)).item() == -math.inf
    assert ppe.information_gain(*pair(good, bad, crimes)).item() == math.inf
    # Both at one crime, or each at another: there is no saying which is worse.
    assert np.isnan(ppe.information_gain(*pair(bad, bad, crimes)))
    assert np.isnan(ppe.information_gain(*pair(bad, worse, crimes)))
    # A zero where nothing happened costs nothing.
    free = [[0.5, 0.5, 0.0]]
    assert ppe.information_gain(*pair(free, good, crimes)).item() == pytest.approx(0.1 / 2)
    # One floor for both, on every cell, also where nothing happened.
    floored = ppe.information_gain(*pair(bad, free, crimes), floor=0.05)
    assert floored.item() == pytest.approx((math.log(0.05 / 0.5) - (0.65 - 1.05)) / 2, abs=1e-15)
    assert floored.attrs["floor"] == 0.05


def test_fewer_than_two_crimes_tell_nothing():
    a, b = [[0.5, 0.5]] * 2, [[0.25, 0.5]] * 2
    assert np.isnan(ppe.information_gain(*pair(a, b, [[1, 0], [0, 0]])))
    assert np.isnan(ppe.information_gain(*pair(a, b, [[0, 0], [0, 0]])))
    assert np.isfinite(ppe.information_gain(*pair(a, b, [[1, 0], [1, 0]])))
    none = [data.isel(window=slice(0, 0)) for data in pair(a, b, [[1, 0], [1, 0]])]
    assert np.isnan(ppe.information_gain(*none))


def test_leading_dimensions_are_kept_and_broadcast():
    rng = np.random.default_rng(2)
    grid, windows = row_of_cells([1.0] * 4), nights(3)
    one = ppe.make_surface(rng.random((3, 1, 4)), grid, windows, kind="expected_count")
    crimes = one.copy(data=rng.integers(0, 3, (3, 1, 4)).astype(float)).assign_attrs(grid=grid.fingerprint)
    many = one.expand_dims(forecaster=["A", "B"]).copy(data=rng.random((2, 3, 1, 4)))
    kinds = one.expand_dims(kind=["x", "y", "z"]).copy(data=rng.random((3, 3, 1, 4)))
    gain = ppe.information_gain
    against_one, one_against = gain(many, one, crimes), gain(one, many, crimes)
    assert (against_one.dims, against_one.forecaster.values.tolist()) == (("forecaster",), ["A", "B"])
    np.testing.assert_allclose(one_against, -against_one, rtol=1e-12)
    both = gain(many, kinds, crimes)
    assert dict(both.sizes) == {"forecaster": 2, "kind": 3}
    for name in ("A", "B"):
        for kind in ("x", "y", "z"):
            single = gain(many.sel(forecaster=name), kinds.sel(kind=kind), crimes)
            assert both.sel(forecaster=name, kind=kind).item() == single.item()
    assert gain(many, many, crimes).values.tolist() == [0, 0]
    # Two forecasters of another name are not a pair.
    with pytest.raises(NotComparableError, match=r"Along 'forecaster' .*'A'.*'C'.*b.isel\(forecaster=0, drop=True\)"):
        gain(many, many.assign_coords(forecaster=["A", "C"]), crimes)
    with pytest.raises(NotComparableError, match="Along 'forecaster'"):
        gain(many, many.isel(forecaster=[0]), crimes)


def test_who_else_is_there_changes_no_digit():
    """Many cells of one night: a sum taken in another order rounds differently."""
    rng = np.random.default_rng(3)
    grid = row_of_cells([1.0] * 300)
    one = ppe.make_surface(rng.random((1, 1, 300)), grid, nights(1), kind="expected_count")
    crimes = one.copy(data=rng.integers(0, 3, (1, 1, 300)).astype(float)).assign_attrs(grid=grid.fingerprint)
    many = one.expand_dims(forecaster=list("ABCDEFGH")).copy(data=rng.random((8, 1, 1, 300)))
    together = ppe.information_gain(many, one, crimes)
    alone = [ppe.information_gain(many.sel(forecaster=name), one, crimes).item() for name in "ABCDEFGH"]
    assert together.values.tolist() == alone


def test_surfaces_of_other_grids_and_windows_are_refused():
    a, b, crimes = pair([[0.5, 0.5]] * 2, [[0.25, 0.5]] * 2, [[1, 0], [1, 2]])
    other = city_of([[0.5, 0.5]] * 2, [[1, 0]] * 2, [1.0, 2.0], "expected_count")
    with pytest.raises(NotComparableError, match=r"different grids .*; make both on one grid"):
        ppe.information_gain(a, other.risk, crimes)
    unnamed = other.risk.assign_attrs(grid=None), crimes.assign_attrs(grid=None)
    with pytest.raises(NotComparableError, match="other ground"):
        ppe.information_gain(a.assign_attrs(grid=None), *unnamed)
    nameless = crimes.drop_vars(["window", "window_end", "until"])
    with pytest.raises(NotComparableError, match=r"other windows \(2 and 2, or in another order\)"):
        ppe.information_gain(a, b.isel(window=[1, 0]), nameless)
    with pytest.raises(InputError, match="has no information gain"):
        ppe.information_gain(a, b.assign_attrs(kind="score"), crimes)
    with pytest.raises(InputError, match=r"floor=0; give .* above 0"):
        ppe.information_gain(a, b, crimes, floor=0)


def test_a_later_forecast_is_pointed_out():
    grid = row_of_cells([1.0, 1.0])
    days = {"start": "2018-05-01", "end": "2018-05-03", "tz": TZ}
    late, early = (
        ppe.make_surface(np.full((2, 1, 2), 0.5), grid, Schedule(**days, lead=lead).windows, kind="expected_count")
        for lead in ("0h", "12h")
    )
    crimes = late.copy(data=[[[1.0, 0.0]], [[1.0, 0.0]]])
    for function in (ppe.information_gain, ppe.t_test, ppe.w_test):
        with pytest.warns(PredPolWarning, match="different moments") as caught:
            function(late, early, crimes.drop_vars("until"))
        assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ppe.information_gain(late, late, crimes)


def test_uncertain_times_weigh_by_their_part_of_the_night():
    frame = pd.DataFrame(
        {"x": [10.0, 300.0, 10.0], "y": 10.0, "t": "2018-05-01 18:00", "last": "2018-05-02 06:00"}
    ).assign(last=["2018-05-01 18:00", "2018-05-02 06:00", "2018-05-02 06:00"])
    events = ppe.Events.from_frame(frame, happened="t", happened_until="last", crs=CRS, tz=TZ)
    grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs=CRS)
    a, b = (ppe.make_surface([[rates]], grid, nights(1), kind="expected_count") for rates in ([0.5, 0.25], [0.25, 0.5]))
    expected = (1.5 * math.log(2) - 0.5 * math.log(2)) / 2
    assert ppe.information_gain(a, b, events).item() == pytest.approx(expected, abs=1e-15)
    start = ppe.information_gain(a, b, events, method="start")
    assert start.item() == pytest.approx(math.log(2) / 3, abs=1e-15)


@given(expecting, st.integers(0, 99), FLOORS)
def test_the_gains_of_nights_add_up(city, seed, floor):
    found = gains(city.risk, other_than(city, seed), city.crimes, grid=None, floor=floor, method="aoristic")
    nightly, crimes = found.by_night()
    assert crimes.sum() == pytest.approx(found.number, abs=1e-12)
    if np.isfinite(found.total):
        assert nightly.sum() == pytest.approx(found.total, rel=1e-12, abs=1e-12)
    else:
        assert not np.isfinite(nightly).all()
