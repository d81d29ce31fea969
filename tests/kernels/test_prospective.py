"""Prospective hot-spotting against its naive twins, and at its strict limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.kernels import prospective
from tests.kernels.scenes import assert_close, scenes
from tests.naive import prospective as naive

RADII = st.sampled_from([0.4, 0.5, 1.0, 1.25, 1.6, 2.0, 5.0, 30.0, math.inf])
WEEKS = st.sampled_from([0.5, 1.0, 2.0, 8.0, math.inf])


@given(scenes(), RADII, WEEKS)
def test_continuous_is_the_naive_sum(scene, radius, weeks):
    arguments = (*scene.crimes, *scene.place, radius * scene.cell, weeks, scene.cell / 5.0)
    assert_close(prospective.continuous(*arguments), naive.continuous(*arguments), 1e-12)


@given(scenes(), RADII, WEEKS, st.sampled_from([0, 1, 2]))
def test_grid_is_the_naive_sum(scene, radius, weeks, metric):
    rest = (scene.weight, scene.nx, scene.ny, scene.cell, radius * scene.cell, weeks, metric)
    assert_close(prospective.grid(*scene.indices, *rest), naive.grid(*scene.indices, *rest), 1e-12)


def test_continuous_limits_are_strict():
    """A crime exactly `radius` from a centre, or exactly `weeks` old, does not count."""
    place = (0.0, 0.0, 250.0, 1, 1)
    for x, y, counts in ((125.0 + 240.0, 125.0 + 320.0, False), (125.0 + 240.0, 125.0 + 319.99, True)):
        found = prospective.continuous([x], [y], [0.0], *place, 400.0, 8.0, 50.0)
        assert (found[0, 0] > 0.0) == counts
    for age, counts in ((8.0, False), (np.nextafter(8.0, 0.0), True)):
        assert (prospective.continuous([125.0], [125.0], [age], *place, 400.0, 8.0, 50.0)[0, 0] > 0.0) == counts


def test_grid_limits_are_strict():
    def score(radius, age):
        return prospective.grid([0], [0], [age], 3, 1, 250.0, radius, 8.0, prospective.CHEBYSHEV).tolist()

    assert score(500.0, 7.99) == [[1 / 8, 1 / 16, 0.0]]
    assert score(500.01, 7.99) == [[1 / 8, 1 / 16, 1 / 24]]
    assert score(500.0, 8.0) == [[0.0, 0.0, 0.0]]


def test_grid_metrics_differ_off_the_axes():
    values = [prospective.grid([0], [0], [0.0], 3, 2, 1.0, 9.0, 8.0, metric)[1, 2] for metric in (0, 1, 2)]
    assert values == pytest.approx([1 / 3, 1 / 4, 1 / (1 + math.sqrt(5.0))])


def test_grid_crimes_outside_count_inside():
    found = prospective.grid([-1, 4, 10**12], [0, 1, 0], [0.0] * 3, 3, 1, 250.0, 600.0, 8.0, prospective.CHEBYSHEV)
    np.testing.assert_allclose(found, [[1 / 2, 1 / 3, 1 / 3]])
