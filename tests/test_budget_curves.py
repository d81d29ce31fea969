"""PAI and PEI at every share of the ground: those of a tally at that budget, and what no map can do."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError
from tests.naive import capture as naive
from tests.strategies import cities, city_of, eighths

SIXTEENTHS = np.arange(1, 17) / 16
CURVES = (ppe.pai_curve, ppe.pei_curve)


@given(cities(most_cells=12, most_windows=3), st.lists(st.integers(0, 16), min_size=1, max_size=4))
def test_curves_are_those_of_exact_fractions(city, sixteenths):
    """At any share, between the bends too, where a straight line through the ratios would be wrong."""
    mask = city.grid.mask
    inside = city.grid.inside_m2[mask].tolist()
    kind = city.risk.attrs["kind"]
    curve = ppe.capture_curve(city.risk, city.crimes)
    at = [number / 16 for number in sixteenths]
    pai, pei = (function(curve, at=at) for function in CURVES)
    assert pai.area_share.to_numpy().tolist() == at
    windows = [
        (city.risk.to_numpy()[w][mask].tolist(), inside, city.crimes.to_numpy()[w][mask].tolist())
        for w in range(len(city.windows))
    ]
    total = sum(Fraction(y) for _, _, crimes in windows for y in crimes)
    for place, share in enumerate(at):
        if share == 0 or total == 0:
            assert np.isnan([pai[place], pei[place]]).all()
            continue
        caught = sum(naive.captured(*window, kind, Fraction(share)) for window in windows)
        best = sum(naive.captured(y, m2, y, "expected_count", Fraction(share)) for _, m2, y in windows)
        assert pai[place].item() == pytest.approx(float(caught / total / Fraction(share)), abs=1e-12)
        assert pei[place].item() == pytest.approx(float(caught / best), abs=1e-12)
        assert pai.oracle[place].item() == pytest.approx(float(best / total / Fraction(share)), abs=1e-12)


@given(cities(most_cells=12, most_windows=3, labels=1), eighths)
def test_a_curve_is_the_ratio_of_the_tally_at_that_budget(city, eighth):
    share = eighth / 8
    total = ppe.tally(city.risk, city.crimes, ppe.Coverage(share), city.grid).sum(["area", "window"])
    curve = ppe.capture_curve(city.risk, city.crimes)
    for function, metric in zip(CURVES, (ppe.pai, ppe.pei), strict=True):
        assert function(curve, at=share).item() == pytest.approx(metric(total).item(), abs=1e-12, nan_ok=True)


@given(cities(most_cells=12, most_windows=3))
def test_ends_and_bounds(city):
    curve = ppe.capture_curve(city.risk, city.crimes)
    pai, pei = (function(curve) for function in CURVES)
    assert np.isnan([pai[0], pei[0]]).all()
    if np.isnan(curve).any():
        assert np.isnan(pai).all()
        assert np.isnan(pei).all()
        return
    assert pai[-1].item() == pytest.approx(1)
    assert pei[-1].item() == pytest.approx(1)
    assert ((pei[1:] >= 0) & (pei[1:] <= 1 + 1e-12)).all()
    assert (pai[1:] >= 0).all()
    assert (pai[1:] <= pai.oracle[1:] + 1e-12).all()
    assert (pai[1:] * pai.area_share[1:] <= 1 + 1e-12).all()
    # The oracle's own PAI falls with the share, as every further cell holds less.
    assert (pai.oracle[1:].diff("area_share") <= 1e-12).all()
    # The oracle has a PEI of 1 everywhere, a blind ranking a PAI of 1.
    best = curve.copy(data=curve.oracle)
    np.testing.assert_allclose(ppe.pei_curve(best)[1:], 1, atol=1e-12)
    straight = curve.copy(data=curve.area_share)
    np.testing.assert_allclose(ppe.pai_curve(straight, at=SIXTEENTHS), 1, atol=1e-12)


def test_a_constant_map_has_a_pai_of_one_everywhere():
    city = city_of([[1, 1, 1, 1]] * 2, [[3, 0, 1, 0], [0, 2, 0, 0]], [4, 4, 2, 1], "score")
    np.testing.assert_allclose(ppe.pai_curve(ppe.capture_curve(city.risk, city.crimes), at=SIXTEENTHS), 1)


def test_by_hand():
    """Twelve equal cells of the worked example: after one cell 3 of 10 crimes, after three 5."""
    risk = [0.9, 0.8, 0.8, 0.5, 0.5, 0.5, 0.4, 0.3, 0.2, 0.2, 0.1, 0.1]
    city = city_of([risk], [[3, 0, 2, 1, 0, 0, 1, 0, 0, 2, 0, 1]], [4.0] * 12)
    curve = ppe.capture_curve(city.risk, city.crimes)
    assert ppe.pai_curve(curve, at=[1 / 12, 2 / 12, 0.2]).to_numpy().tolist() == pytest.approx([3.6, 2.4, 2.2])
    assert ppe.pei_curve(curve, at=[1 / 12, 2 / 12, 0.2]).to_numpy().tolist() == pytest.approx([1, 0.8, 4.4 / 5.8])
    # Halfway between two bends the ratio is not halfway.
    assert ppe.pai_curve(curve, at=2 / 12).item() != pytest.approx((3.6 + 2.0) / 2)


def test_forecasters_and_joined_curves_keep_their_dimensions():
    city = city_of([[4, 3, 2, 1]], [[1, 0, 2, 0]], [4, 4, 4, 2])
    names = pd.Index(["a", "b"], name="forecaster")
    both = xr.concat([city.risk, city.risk.copy(data=[[[1, 1, 0, 0.0]]])], dim=names, combine_attrs="override")
    curves = ppe.capture_curve(both, city.crimes)
    for function in CURVES:
        found = function(curves, at=[0.25, 0.5])
        assert found.dims == ("forecaster", "area_share")
        assert found.forecaster.to_numpy().tolist() == ["a", "b"]
        for name in ("a", "b"):
            one = function(curves.sel(forecaster=name), at=[0.25, 0.5])
            np.testing.assert_allclose(found.sel(forecaster=name), one)
        xr.testing.assert_allclose(function(curves.transpose("area_share", "forecaster"), at=[0.25, 0.5]), found)
        assert {"long_name", "units", "better", "definition", "reference", "crimes", "windows"} <= set(found.attrs)
        assert found.name == function.__name__
    # Two kinds of crime have oracles of their own.
    other = city_of([[4, 3, 2, 1]], [[0, 1, 0, 3]], [4, 4, 4, 2])
    shares = [0.0, 0.25, 0.5, 1.0]
    told = [ppe.capture_curve(one.risk, one.crimes) for one in (city, other)]
    kinds = [
        xr.DataArray(
            np.interp(shares, one.area_share, one), dims="area_share",
            coords={"area_share": shares, "oracle": ("area_share", np.interp(shares, one.area_share, one.oracle))},
        )
        for one in told
    ]  # fmt: skip
    joined = xr.concat(kinds, pd.Index(["x", "y"], name="kind"), coords="different", compat="equals")
    assert joined.oracle.dims == ("kind", "area_share")
    pei = ppe.pei_curve(joined, at=[0.25, 0.5])
    for kind, one in zip("xy", kinds, strict=True):
        np.testing.assert_allclose(pei.sel(kind=kind), ppe.pei_curve(one, at=[0.25, 0.5]))
    assert ppe.pai_curve(joined).oracle.dims == ("kind", "area_share")


def test_float32_curves_are_read_as_they_are():
    city = city_of([[4, 3, 2, 1]], [[1, 0, 2, 0]], [4, 4, 4, 4])
    curve = ppe.capture_curve(city.risk, city.crimes)
    for function in CURVES:
        narrow = function(curve.astype("float32"), at=[0.1, 0.3])
        np.testing.assert_allclose(narrow, function(curve, at=[0.1, 0.3]), rtol=1e-6)


def test_a_curve_cut_from_above_is_read_as_far_as_it_goes():
    city = city_of([[4, 3, 2, 1]], [[1, 0, 2, 0]], [4, 4, 4, 4])
    curve = ppe.capture_curve(city.risk, city.crimes)
    cut = curve.sel(area_share=slice(0, 0.5))
    np.testing.assert_allclose(ppe.pai_curve(cut, at=[0.1, 0.5]), ppe.pai_curve(curve, at=[0.1, 0.5]))
    with pytest.raises(InputError, match=r"from 0 to 0\.5"):
        ppe.pai_curve(cut, at=0.6)


def test_what_cannot_be_read_is_refused():
    city = city_of([[4, 3, 2, 1]], [[1, 0, 2, 0]], [4, 4, 4, 4])
    curve = ppe.capture_curve(city.risk, city.crimes)
    for function in CURVES:
        for wrong in (-0.1, 1.1, np.nan, [0.1, 2.0]):
            with pytest.raises(InputError, match="shares of the ground from 0 to 1"):
                function(curve, at=wrong)
        with pytest.raises(InputError, match="at='x' is no number; give shares of the ground"):
            function(curve, at="x")
        with pytest.raises(InputError, match=r"^at=-0\.1;"):
            function(curve, at=np.float64(-0.1))
        with pytest.raises(InputError, match="dimensions"):
            function(curve, at=[[0.1, 0.2]])
        with pytest.raises(InputError, match="capture_curve"):
            function(city.risk)
        with pytest.raises(InputError, match="already"):
            function(function(curve))
        with pytest.raises(InputError, match="rise from 0"):
            function(curve.isel(area_share=slice(1, None)))
        with pytest.raises(InputError, match="rise from 0"):
            function(curve.isel(area_share=slice(None, None, -1)))
        holed = curve.copy(deep=True)
        holed[1] = np.nan
        with pytest.raises(InputError, match="bend at different shares"):
            function(holed)
    with pytest.raises(InputError, match=r"lost its coordinate 'oracle'.*capture_curve"):
        ppe.pei_curve(curve.drop_vars("oracle"))
    bare = ppe.pai_curve(curve.drop_vars("oracle"))
    np.testing.assert_allclose(bare, ppe.pai_curve(curve))
    assert "oracle" not in bare.coords
