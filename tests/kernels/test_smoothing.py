"""Smoothing: beyond the edge there is nothing, and reaches longer than the map do no harm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from predpol_eval.kernels.smoothing import smooth
from tests.naive import smoothing as naive


@given(
    st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(1, 9), st.integers(0, 1000)
)  # fmt: skip
def test_it_is_the_naive_one(count, ny, nx, reach, seed):
    rng = np.random.default_rng(seed)
    maps, weight = rng.normal(size=(count, ny, nx)), rng.normal(size=reach)
    assert_allclose(smooth(maps, weight), naive.smooth(maps, weight), rtol=1e-10, atol=1e-12)


def test_ones_make_sums_of_squares_of_cells():
    maps = np.zeros((1, 5, 5))
    maps[0, 2, 2] = 1.0
    assert smooth(maps, np.ones(2))[0].sum() == 9
    assert smooth(maps, np.ones(9))[0].tolist() == np.ones((5, 5)).tolist()


def test_a_single_weight_changes_the_scale_only():
    maps = np.arange(6.0).reshape(1, 2, 3)
    assert smooth(maps, [2.0]).tolist() == (4 * maps).tolist()


def test_maps_are_left_as_they_were():
    maps = np.ones((1, 3, 3))
    smooth(maps, [1.0, 0.5])
    assert maps.tolist() == np.ones((1, 3, 3)).tolist()
    assert smooth(maps, [1.0, 0.5])[0, 1, 1] == pytest.approx(4.0)
