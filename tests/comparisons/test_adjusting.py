"""Adjusted p-values: against their definitions and statsmodels, in every form they may be given."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

import predpol_eval as ppe
from predpol_eval import InputError
from predpol_eval.comparisons.adjusting import adjust
from tests.naive import adjusting as naive

METHODS = {"holm": "holm", "bh": "fdr_bh", "by": "fdr_by"}
methods = st.sampled_from(list(METHODS))
# Many of them tied, and some at the ends.
chances = st.one_of(st.sampled_from([0.0, 1e-300, 0.01, 0.02, 0.05, 0.5, 1.0]), st.floats(0, 1))
families = st.lists(chances, min_size=1, max_size=12)


@given(families, methods)
def test_they_are_those_of_the_definitions(p, method):
    np.testing.assert_allclose(adjust(p, method), getattr(naive, method)(p), rtol=1e-12, atol=1e-300)


@given(families, methods)
def test_they_are_those_of_statsmodels(p, method):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, theirs, *_ = multipletests(p, method=METHODS[method])
    np.testing.assert_allclose(adjust(p, method), theirs, rtol=1e-12, atol=1e-300)


def test_by_hand():
    """Holm: 4 x .01, 3 x .02, 2 x .03 (no less than before), 1 x .5. BH: 4 x .01, 4 x .02 / 2, 4 x .03 / 3."""
    p = [0.03, 0.01, 0.5, 0.02]
    np.testing.assert_allclose(adjust(p), [0.06, 0.04, 0.5, 0.06], rtol=1e-14)
    np.testing.assert_allclose(adjust(p, "bh"), [0.04, 0.04, 0.5, 0.04], rtol=1e-14)
    np.testing.assert_allclose(adjust(p, "by"), np.minimum(1, np.array([0.04, 0.04, 0.5, 0.04]) * 25 / 12), rtol=1e-14)
    np.testing.assert_array_equal(adjust([0.02, 0.02, 0.9]), [0.06, 0.06, 0.9])


@given(families, methods, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_none_falls_below_its_raw_p(p, method, random):
    found = adjust(p, method)
    assert (found >= np.array(p)).all()
    assert (found <= 1).all()
    order = list(range(len(p)))
    random.shuffle(order)
    np.testing.assert_array_equal(adjust(np.array(p)[order], method), found[order])
    ranked = np.argsort(p)
    assert (np.diff(found[ranked]) >= 0).all()


@given(families, st.integers(0, 11), methods)
def test_a_smaller_p_makes_none_larger(p, which, method):
    smaller = list(p)
    smaller[which % len(p)] /= 2
    assert (adjust(smaller, method) <= adjust(p, method) * (1 + 1e-12)).all()


@given(families, st.integers(0, 6), methods)
def test_too_few_stays_nan_and_is_not_counted(p, missing, method):
    found = adjust([*p, *[np.nan] * missing], method)
    np.testing.assert_array_equal(found[: len(p)], adjust(p, method))
    assert np.isnan(found[len(p) :]).all()


@given(families, st.integers(0, 6), methods)
def test_tests_counts_what_was_planned_as_a_p_of_one(p, missing, method):
    planned = adjust([*p, *[np.nan] * missing], method, tests=len(p) + missing)
    np.testing.assert_array_equal(planned[: len(p)], adjust([*p, *[1.0] * missing], method)[: len(p)])
    assert np.isnan(planned[len(p) :]).all()
    assert (planned[: len(p)] >= adjust(p, method)).all()


def test_holm_is_wrong_as_seldom_as_it_says():
    """Ten comparisons, half of them of equals: the chance of even one false finding."""
    generator = np.random.default_rng(1)
    p = generator.uniform(size=(4000, 10))
    p[:, 5:] = generator.beta(0.05, 1, size=(4000, 5))
    wrong = np.mean([(adjust(row)[:5] <= 0.05).any() for row in p])
    assert wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)
    assert wrong > 0.02


# Forms ----------------------------------------------------------------------------------------------------


def test_a_dict_keeps_its_names():
    found = adjust({"a": 0.01, ("b", 1): np.float32(0.5), "c": None})
    assert list(found) == ["a", ("b", 1), "c"]
    assert found["a"] == 0.02
    assert isinstance(found["a"], float)
    assert found[("b", 1)] == 0.5
    assert np.isnan(found["c"])
    assert adjust({}) == {}


def test_pandas_keeps_index_and_name():
    p = pd.Series([0.01, np.nan, 0.04], index=["x", "y", "z"], name="p")
    found = adjust(p)
    pd.testing.assert_series_equal(found, pd.Series([0.02, np.nan, 0.04], index=["x", "y", "z"], name="p"))
    frame = pd.DataFrame({"one": [0.01, 0.02], "two": [0.03, 0.04]}, index=["x", "y"])
    expected = pd.DataFrame([[0.04, 0.06], [0.06, 0.06]], index=frame.index, columns=frame.columns)
    pd.testing.assert_frame_equal(adjust(frame), expected)


def test_pandas_with_missing_values_of_its_own():
    found = adjust(pd.Series([0.01, pd.NA, 0.04], dtype="Float64"))
    np.testing.assert_array_equal(found.to_numpy(), [0.02, np.nan, 0.04])


def test_an_xarray_keeps_coordinates_and_explains_itself():
    p = xr.DataArray(
        np.array([[0.01, 0.2], [np.nan, 0.04]], dtype=np.float32),
        dims=("forecaster", "budget"),
        coords={"forecaster": ["A", "B"], "budget": ["1 %", "5 %"]},
        name="p",
        attrs={"metric": "hit_rate", "long_name": "p-value"},
    )
    found = adjust(p, alpha=0.1)
    assert found.dims == p.dims
    assert found.name == "p"
    xr.testing.assert_equal(found.coords.to_dataset(), p.coords.to_dataset())
    np.testing.assert_allclose(found, [[0.03, 0.2], [np.nan, 0.08]], rtol=1e-6)
    about = {"metric": "hit_rate", "method": "holm", "tests": 3, "too_few": 1, "alpha": 0.1, "found": 2}
    assert {key: found.attrs[key] for key in about} == about
    assert found.attrs["reference"] == "Holm 1979"
    assert {"long_name", "units", "better", "definition"} <= set(found.attrs)
    assert adjust(p, tests=10).attrs["tests"] == 10
    assert p.attrs == {"metric": "hit_rate", "long_name": "p-value"}
    assert float(p[0, 0]) == np.float32(0.01)


def test_arrays_keep_their_shape():
    p = np.array([[[0.01], [0.02]], [[0.03], [0.5]]])
    assert adjust(p).shape == (2, 2, 1)
    np.testing.assert_array_equal(adjust(p).ravel(), adjust(p.ravel()))
    assert adjust((0.01, 0.02)).tolist() == [0.02, 0.02]
    assert adjust(np.array(0.03)).shape == ()
    assert adjust([]).tolist() == []
    assert np.isnan(adjust([np.nan, np.nan])).all()


def test_the_given_stays_as_it_was():
    p = np.array([0.3, 0.01])
    adjust(p)
    np.testing.assert_array_equal(p, [0.3, 0.01])


# Refusals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "options", "said"),
    [
        ([0.5, 1.2], {}, r"1.2 \(number 1 of 2\).*percentage"),
        ({"KDE": -0.1, "map": 0.2}, {}, r"-0.1 \('KDE'\)"),
        ([0.5, np.inf], {}, "inf"),
        ([2.0] * 9, {}, "and 4 more"),
        (["a"], {}, "no number"),
        ("0.05x", {}, "no number"),
        ([0.5], {"method": "bonferroni"}, "'holm', 'bh', 'by'"),
        ([0.5], {"alpha": 5}, "alpha=5"),
        ([0.5], {"alpha": "x"}, "alpha='x'"),
        ([0.5, 0.2, np.nan], {"tests": 1}, "at least 2"),
        ([0.5], {"tests": 1.5}, "tests=1.5"),
        ([0.5], {"tests": True}, "tests=True"),
    ],
)
def test_what_is_refused(p, options, said):
    with pytest.raises(InputError, match=said):
        adjust(p, **options)


def test_a_comparison_is_not_its_p():
    nights = xr.Dataset({"hits": ("window", [1.0, 2.0]), "events": ("window", [4.0, 4.0])})
    found = ppe.compare(nights, nights)
    for wrong in ({"x": found}, [found, found], [0.5, found], found):
        with pytest.raises(InputError, match=r"Found a Comparison.*found\.p for name, found"):
            adjust(wrong)
    assert np.isnan(adjust({"x": found.p})["x"])


def test_a_dataset_is_refused_with_the_call_to_make():
    with pytest.raises(InputError, match=r"holds estimate, p; .*adjust\(found\['p'\]\)"):
        adjust(xr.Dataset({"estimate": ("a", [1.0]), "p": ("a", [0.5])}))
