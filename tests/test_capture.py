"""Capture curves against exact fractions, window by window."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError
from tests.naive import capture as naive
from tests.strategies import CRS, TZ, cities, city_of, nights


def windows_of(city):
    """Values, ground and crimes of each window, without the cells outside."""
    mask = city.grid.mask
    inside = city.grid.inside_m2[mask].tolist()
    for w in range(len(city.windows)):
        yield city.risk.to_numpy()[w][mask].tolist(), inside, city.crimes.to_numpy()[w][mask].tolist()


@given(cities(most_cells=12, most_windows=3), st.sampled_from([1, 0.5, 0.3, 0.01]))
def test_curves_and_areas_are_exact(city, upto):
    curve = ppe.capture_curve(city.risk, city.crimes, grid=city.grid)
    kind = city.risk.attrs["kind"]
    windows = list(windows_of(city))
    total = sum(sum(crimes) for _, _, crimes in windows)
    if total == 0:
        assert np.isnan(curve).all()
        assert np.isnan(ppe.capture_auc(curve))
        return
    shares = curve.area_share.to_numpy()
    assert shares[0] == 0
    assert shares[-1] == 1
    for share, height, best in zip(shares, curve.to_numpy(), curve.oracle.to_numpy(), strict=True):
        expected = sum(naive.captured(*window, kind, Fraction(share)) for window in windows) / Fraction(total)
        assert height == pytest.approx(float(expected), abs=1e-12)
        crimes = [(y, m2, y) for _, m2, y in windows]
        top = sum(naive.captured(*window, "expected_count", Fraction(share)) for window in crimes) / Fraction(total)
        assert best == pytest.approx(float(top), abs=1e-12)
    # Areas add over windows, whatever the points at which the pooled curve is told.
    expected = sum(naive.area(*window, kind, Fraction(upto)) for window in windows) / Fraction(total) / Fraction(upto)
    found = ppe.capture_auc(curve, upto=None if upto == 1 else upto)
    assert found.item() == pytest.approx(float(expected), abs=1e-12)


@given(cities(most_cells=12, most_windows=3), st.integers(1, 16))
def test_a_curve_is_the_hit_rate_of_every_share_of_the_ground(city, sixteenth):
    share = sixteenth / 16
    found = ppe.tally(city.risk, city.crimes, ppe.Coverage(share), city.grid).sum(["area", "window"])
    curve = ppe.capture_curve(city.risk, city.crimes)
    if found.events == 0:
        return
    height = np.interp(share, curve.area_share, curve)
    assert height == pytest.approx(ppe.hit_rate(found).item(), abs=1e-12)
    best = np.interp(share, curve.area_share, curve.oracle)
    assert best == pytest.approx((found.oracle_hits / found.events).item(), abs=1e-12)


@given(cities(most_cells=12, most_windows=3))
def test_curves_rise_below_the_oracle_and_a_blind_one_is_straight(city):
    curve = ppe.capture_curve(city.risk, city.crimes)
    if np.isnan(curve).any():
        return
    assert (curve.diff("area_share") >= 0).all()
    assert (curve.oracle + 1e-12 >= curve).all()
    assert curve.to_numpy()[[0, -1]].tolist() == [0, pytest.approx(1)]
    blind = city.risk.where(city.risk.isnull(), 1.0)
    if city.risk.attrs["kind"] == "expected_count":
        blind = blind * city.grid.inside_m2
    blind.attrs = city.risk.attrs
    straight = ppe.capture_curve(blind, city.crimes)
    np.testing.assert_allclose(straight, straight.area_share, atol=1e-12)
    assert ppe.capture_auc(straight).item() == pytest.approx(0.5)
    assert ppe.capture_auc(straight, upto=0.2).item() == pytest.approx(0.1)
    for upto in (None, 0.2):
        normal = ppe.capture_auc(straight, upto=upto, normalised=True).item()
        assert np.isnan(normal) or normal == pytest.approx(0, abs=1e-9)
    own = ppe.capture_auc(curve, normalised=True).item()
    assert np.isnan(own) or own <= 1 + 1e-12


def test_windows_are_pooled_at_equal_share_of_the_ground_by_their_crimes():
    """One window with one crime found at once, one with three found last: not the mean of the two curves."""
    city = city_of([[2, 1], [2, 1]], [[1, 0], [0, 3]], [4, 4])
    curve = ppe.capture_curve(city.risk, city.crimes)
    assert curve.area_share.to_numpy().tolist() == [0, 0.5, 1]
    assert curve.to_numpy().tolist() == [0, 0.25, 1]
    assert curve.oracle.to_numpy().tolist() == [0, 1, 1]
    assert (curve.attrs["crimes"], curve.attrs["windows"], curve.attrs["outside"]) == (4, 2, 0)


def test_forecasters_keep_their_dimension_and_share_one_axis():
    city = city_of([[4, 3, 2, 1]], [[1, 0, 2, 0]], [4, 4, 4, 2])
    tied = city.risk.copy(data=[[[1, 1, 0, 0.0]]])
    both = xr.concat([city.risk, tied], dim=pd.Index(["a", "b"], name="forecaster"), combine_attrs="override")
    curves = ppe.capture_curve(both, city.crimes)
    assert curves.dims == ("forecaster", "area_share")
    areas = ppe.capture_auc(curves)
    normal = ppe.capture_auc(curves, upto=0.5, normalised=True)
    for name, risk in (("a", city.risk), ("b", tied)):
        alone = ppe.capture_curve(risk, city.crimes)
        np.testing.assert_allclose(
            np.interp(alone.area_share, curves.area_share, curves.sel(forecaster=name)), alone, atol=1e-12
        )
        assert areas.sel(forecaster=name).item() == pytest.approx(ppe.capture_auc(alone).item())
        assert normal.sel(forecaster=name).item() == pytest.approx(
            ppe.capture_auc(alone, upto=0.5, normalised=True).item()
        )
    assert set(areas.coords) == {"forecaster"}
    for array in (curves, areas):
        assert {"long_name", "better", "definition", "reference"} <= set(array.attrs)


def test_cut_cells_are_known_without_a_grid_and_events_may_be_given():
    """A surface and its counts carry the ground of their cells."""
    grid = ppe.Grid.from_bounds(0, 0, 700, 250, cell=250, crs=CRS)
    risk = ppe.make_surface([[[1, 1, 1]]], grid, nights(1), kind="expected_count")
    frame = pd.DataFrame({"x": [600.0, 600.0, 10.0, 900.0], "y": 10.0, "t": "2018-05-01 12:00"})
    events = ppe.Events.from_frame(frame, crs=CRS, tz=TZ)
    curve = ppe.capture_curve(risk, events)
    # The cut cell has the highest density; the oracle bends once more, after the other cell with a crime.
    np.testing.assert_allclose(curve.area_share, [0, 2 / 7, 4.5 / 7, 1])
    np.testing.assert_allclose(curve, [0, 2 / 3, 5 / 6, 1])
    assert curve.attrs["outside"] == 1
    counted = ppe.count(events, grid, nights(1))
    xr.testing.assert_identical(curve, ppe.capture_curve(risk, counted))
    xr.testing.assert_identical(curve, ppe.capture_curve(risk, counted, grid=grid))
    bare = risk.drop_vars("inside_m2")
    xr.testing.assert_identical(curve, ppe.capture_curve(bare, counted, grid=grid))
    with pytest.raises(InputError, match="pass grid="):
        ppe.capture_curve(bare, counted)


def test_scores_are_ranked_as_given():
    city = city_of([[3, 2]], [[1, 2]], [4, 1], "score")
    assert ppe.capture_curve(city.risk, city.crimes).area_share.to_numpy().tolist() == [0, 0.2, 0.8, 1]
    assert ppe.capture_curve(city.risk, city.crimes).to_numpy()[2] == pytest.approx(1 / 3)


def test_what_has_no_curve_is_refused():
    city = city_of([[1, 0]], [[1, 2]], [4, 4], "flags")
    with pytest.raises(InputError, match="flags"):
        ppe.capture_curve(city.risk, city.crimes)
    city = city_of([[1, 0]], [[1, 2]], [4, 4])
    other = city_of([[1, 0]], [[1, 2]], [4, 2])
    for options in ({}, {"grid": city.grid}):
        with pytest.raises(NotComparableError):
            ppe.capture_curve(city.risk, other.crimes, **options)
    with pytest.raises(InputError, match=r"found ndarray, a plain array. Use ppe\.make_surface"):
        ppe.capture_curve(city.risk.to_numpy(), city.crimes)
    with pytest.raises(InputError, match="Events"):
        ppe.capture_curve(city.risk, None)
    curve = ppe.capture_curve(city.risk, city.crimes)
    for wrong in (0, -0.1, 1.1, np.nan, "a", True):
        with pytest.raises(InputError, match="upto"):
            ppe.capture_auc(curve, upto=wrong)
    with pytest.raises(InputError, match="capture_curve"):
        ppe.capture_auc(city.risk)
    with pytest.raises(InputError, match="oracle"):
        ppe.capture_auc(curve.drop_vars("oracle"), normalised=True)
    assert ppe.capture_auc(curve.drop_vars("oracle")).item() == pytest.approx(ppe.capture_auc(curve).item())


def test_normalised_is_undefined_where_nobody_can_do_better_than_blind():
    city = city_of([[1, 0]], [[2, 2]], [4, 4])
    assert np.isnan(ppe.capture_auc(ppe.capture_curve(city.risk, city.crimes), normalised=True))


def test_without_a_window_there_is_a_curve_that_is_not_known():
    city = city_of([[0.4, 0.1, 0.3]], [[0, 1, 0]], [1, 1, 2], "expected_count")
    risk = city.risk.isel(window=slice(0, 0)).expand_dims(forecaster=["A", "B"])
    curve = ppe.capture_curve(risk, city.crimes.isel(window=slice(0, 0)), grid=city.grid)
    assert curve.sizes["forecaster"] == 2
    assert np.isnan(curve).all()
    for number in (ppe.capture_auc(curve), ppe.pai_curve(curve), ppe.pei_curve(curve)):
        assert np.isnan(number).all()
