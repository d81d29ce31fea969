"""Density of every place by all other places: against a sum in logarithms and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from predpol_eval.kernels.leave_one_out import log_left_out
from predpol_eval.kernels.points import merge
from tests.kernels.scenes import scenes


def by_the_book(x, y, weight, bandwidth):
    square = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    terms = np.log(weight) - square / (2 * bandwidth**2)
    np.fill_diagonal(terms, -np.inf)
    rest = [np.delete(weight, i).sum() for i in range(x.size)]
    return logsumexp(terms, axis=1) - np.log(rest) - np.log(2 * np.pi * bandwidth**2)


@given(scenes(most=30), st.sampled_from([0.02, 0.3, 1.0, 8.0]), st.integers(1, 9))
def test_it_is_the_sum_in_logarithms(scene, ratio, steps):
    x, y, weight = merge(*scene.crimes)
    x, y, weight = (column[weight > 0] for column in (x, y, weight))
    if x.size < 2:
        return
    found = log_left_out(x, y, weight, ratio * scene.cell, steps)
    assert found.shape == (steps, x.size)
    for step, row in enumerate(found):
        np.testing.assert_allclose(row, by_the_book(x, y, weight, ratio * scene.cell * 2 ** (step / 2)), rtol=1e-10)


@pytest.mark.parametrize("light", [1e-9, 1e-150, 1e-300])
def test_places_of_hardly_any_weight_and_far_away(light):
    """Between what is summed directly and what only logarithms can hold; one place outweighs all the rest."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(0, 3_000, (2, 80))
    weight = np.where(np.arange(80) % 3 == 0, light, 1.0)
    x[7], weight[8] = 4e5, 1e12
    found = log_left_out(x, y, weight, 60.0, 14)
    for step in range(14):
        np.testing.assert_allclose(found[step], by_the_book(x, y, weight, 60 * 2 ** (step / 2)), rtol=1e-10)


@pytest.mark.parametrize("bandwidth", [100.0, 300.0, 2_000.0])
def test_of_distinct_places_it_is_scikit_learns_leave_one_out(bandwidth):
    from sklearn.model_selection import LeaveOneOut, cross_val_score
    from sklearn.neighbors import KernelDensity

    points = np.random.default_rng(2).normal(0, 1_000, (40, 2))
    theirs = cross_val_score(KernelDensity(bandwidth=bandwidth, rtol=1e-14), points, cv=LeaveOneOut())
    np.testing.assert_allclose(log_left_out(*points.T, np.ones(40), bandwidth, 1)[0], theirs, rtol=1e-10)
