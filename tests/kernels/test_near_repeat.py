"""Cocooning against its naive twin, and at the edges of cells and of its radius."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.kernels import near_repeat
from tests.kernels.scenes import assert_close, scenes
from tests.naive import near_repeat as naive

KERNELS = [near_repeat.LINEAR, near_repeat.EXPONENTIAL]


@given(scenes(), st.sampled_from([0.01, 0.25, 0.5, 1.0, 1.25, 1.6, 5.0, 40.0]), st.sampled_from(KERNELS))
def test_cocoon_is_the_naive_sum(scene, radius, kernel):
    arguments = (*scene.crimes, *scene.place, radius * scene.cell, kernel)
    assert_close(near_repeat.cocoon(*arguments), naive.cocoon(*arguments), 1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("radius", [10.0, 1e-15])
def test_the_whole_weight_falls_on_every_cell_that_the_crime_touches(kernel, radius):
    """Also for a radius so small that the crime's place minus the radius is rounded to the place."""
    found = near_repeat.cocoon([250.0], [250.0], [0.7], 0.0, 0.0, 250.0, 3, 3, radius, kernel)
    np.testing.assert_array_equal(found, [[0.7, 0.7, 0.0], [0.7, 0.7, 0.0], [0.0, 0.0, 0.0]])


def test_distance_is_to_the_nearest_point_of_the_cell():
    """150 m to the cell's edge, and 3-4-5 to a corner."""
    found = near_repeat.cocoon([100.0], [130.0], [1.0], 0.0, 0.0, 250.0, 2, 2, 300.0, near_repeat.LINEAR)
    np.testing.assert_allclose(found, [[1.0, 0.5], [0.6, 1 - math.hypot(150, 120) / 300]])
    found = near_repeat.cocoon([100.0], [130.0], [1.0], 0.0, 0.0, 250.0, 2, 2, 300.0, near_repeat.EXPONENTIAL)
    np.testing.assert_allclose(found[0], [1.0, math.exp(-1.5)])


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_radius_is_strict(kernel):
    """The exponential is .05 at the radius, so that a limit off by one step would show."""
    x, y = 250.0 - 30.0, 250.0 - 40.0
    at = near_repeat.cocoon([x], [y], [1.0], 250.0, 250.0, 250.0, 1, 1, 50.0, kernel)
    beyond = near_repeat.cocoon([x], [y], [1.0], 250.0, 250.0, 250.0, 1, 1, 50.01, kernel)
    assert at[0, 0] == 0.0
    assert beyond[0, 0] > 0.0


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_cell_and_ten_million(kernel):
    """Radius far below and far above the cell; 20 000 crimes, half of them on one point."""
    x = np.full(20_000, 125.0)
    for radius in (1e-9, 300.0, 1e12):
        found = near_repeat.cocoon(x, x, np.ones(20_000), 0.0, 0.0, 250.0, 1, 1, radius, kernel)
        assert found.tolist() == [[20_000.0]]
    rng = np.random.default_rng(9)
    x, y = rng.uniform(0.0, 50.0 * 3_163, (2, 20_000))
    x[:10_000], y[:10_000] = 50_025.0, 100_025.0
    found = near_repeat.cocoon(x, y, np.ones(20_000), 0.0, 0.0, 50.0, 3_163, 3_163, 1e-9, kernel)
    assert found[2_000, 1_000] == 10_000
    assert np.count_nonzero(found) == len({(b // 50, a // 50) for a, b in zip(x.tolist(), y.tolist(), strict=True)})
    alone = near_repeat.cocoon(x[:10_000], y[:10_000], np.ones(10_000), 0.0, 0.0, 50.0, 3_163, 3_163, 3_000.0, kernel)
    assert alone.max() == alone[2_000, 1_000] == 10_000
    np.testing.assert_allclose(alone[2_000 - 60 : 2_061], alone[2_000 - 60 : 2_061][::-1], rtol=1e-9, atol=1e-9)
    assert not alone[:1_939].any()
    assert not alone[2_062:].any()
