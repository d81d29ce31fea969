"""Prospective hot-spotting against its naive twins, and at its strict limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import peers
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


@given(scenes(), RADII, WEEKS, st.sampled_from([0, 1, 2]), st.sampled_from([0.0, math.inf]))
def test_however_it_is_added_up_it_is_the_naive_sum(scene, radius, weeks, metric, a_visit):
    """Where a visit to a cell costs nothing every cell gathers, where it costs everything every crime scatters."""
    rest = (scene.weight, scene.nx, scene.ny, scene.cell, radius * scene.cell, weeks, metric)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prospective, "A_VISIT", a_visit)
        found = prospective.grid(*scene.indices, *rest)
    assert_close(found, naive.grid(*scene.indices, *rest), 1e-12)


@pytest.mark.parametrize("a_visit", [0.0, math.inf])
@pytest.mark.parametrize("metric", [0, 1, 2])
@pytest.mark.parametrize("radius", [0.5, 1.5, 8.0, 9.5, 30.0])
def test_whole_chunks_and_the_rest_of_a_row(monkeypatch, a_visit, metric, radius):
    """On 45 x 37 cells, rows of up to 61 weights: several crimes to a cell, old ones, borders and corners."""
    monkeypatch.setattr(prospective, "A_VISIT", a_visit)
    rng = np.random.default_rng(7)
    col, row = rng.integers(0, 45, 900), np.r_[rng.integers(0, 37, 450), rng.integers(12, 15, 450)]
    arguments = (col, row, rng.uniform(0, 10, 900), 45, 37, 1.0, radius, 8.0, metric)
    assert_close(prospective.grid(*arguments), peers.histogram_and_convolve(*arguments), 1e-12)


def test_each_way_is_taken_where_it_is_the_quicker(monkeypatch):
    taken = []
    for name in ("_gather", "_scatter"):
        loop = getattr(prospective, name)
        monkeypatch.setattr(prospective, name, lambda *of, loop=loop, name=name: (taken.append(name), loop(*of))[1])
    rng = np.random.default_rng(8)
    for crimes, cells, radius in ((20_000, 160, 400.0), (2_000, 160, 4000.0), (50, 160, 400.0)):
        where = rng.integers(0, cells, (2, crimes))
        prospective.grid(*where, np.zeros(crimes), cells, cells, 250.0, radius, 8.0, 0)
    assert taken == ["_gather", "_scatter", "_scatter"]


def test_one_cell_and_ten_million():
    """Radius far below and far above the cell; 20 000 crimes, half of them in one cell."""
    age = np.zeros(20_000)
    for radius in (1e-3, 400.0, 1e9):
        origin = np.zeros(20_000, np.int64)
        assert prospective.grid(origin, origin, age, 1, 1, 250.0, radius, 8.0, 0).tolist() == [[20_000.0]]
    rng = np.random.default_rng(9)
    col, row = rng.integers(0, 3_163, (2, 20_000))
    col[:10_000], row[:10_000] = 1_000, 2_000
    found = prospective.grid(col, row, age, 3_163, 3_163, 50.0, 1e-3, 8.0, 0)
    assert found[2_000, 1_000] == 10_000
    assert found.sum() == 20_000
    assert np.count_nonzero(found) == len(set(zip(row.tolist(), col.tolist(), strict=True)))
    # Far enough from the border, a crime gives 1 to its cell, and (2 r + 1)^2 - (2 r - 1)^2 = 8 r shares of 1/(1 + r).
    inner = (np.minimum(col, row) >= 40) & (np.maximum(col, row) < 3_123)
    wide = prospective.grid(col[inner], row[inner], age[inner], 3_163, 3_163, 50.0, 2_001.0, 8.0, 0)
    assert wide.sum() == pytest.approx(inner.sum() * (1 + sum(8 * r / (1 + r) for r in range(1, 41))), rel=1e-12)


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
