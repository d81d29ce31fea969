"""Under the null hypothesis a p-value of at most a comes up at most in a share a of the cases."""

from __future__ import annotations

import numpy as np
import pytest

import predpol_eval as ppe
from tests.near_repeats.scenes import INF, crimes

CITIES = 500
PERMUTATIONS = 99


@pytest.fixture(scope="module")
def p_values():
    """Cities whose crimes have hot spots and seasons, and no tie between place and time: (city, space, time)."""
    rng = np.random.default_rng(7)
    found = []
    for city in range(CITIES):
        x, y = 1000.0 + 100.0 * np.floor(np.abs(rng.normal(0, 4, (2, 40))))
        days = np.datetime64("2018-01-01") + np.floor(rng.beta(2, 3, 40) * 90).astype(int)
        table = ppe.knox(
            crimes(x, y, days), [0, 1, 150, 400, INF], [0, 3, 14, INF], permutations=PERMUTATIONS, seed=city
        )
        found.append(table.p_value.to_numpy())
    return np.array(found)


@pytest.mark.parametrize("level", [0.005, 0.01, 0.05, 0.1, 0.25, 0.5])
def test_p_values_are_valid_in_every_band_pair(p_values, level):
    share = (p_values <= level).mean(axis=0)
    # Three standard errors, and 12 band pairs: one in some sixty draws of 500 cities would fail by chance.
    assert (share <= level + 3 * np.sqrt(level * (1 - level) / CITIES)).all(), share
    if level < 1 / (1 + PERMUTATIONS):
        assert (share == 0).all()


def test_p_values_are_not_idle(p_values):
    """Where pairs are many, so that ties are few, the level is nearly used up."""
    dense = p_values[:, -1, -1]
    assert (dense <= 0.25).mean() > 0.18
    assert (p_values > 0).all()
    assert (p_values <= 1).all()


def test_a_planted_excess_is_found():
    """Every tenth burglary is followed next door within two days, in 30 of 30 cities."""
    rng = np.random.default_rng(3)
    for _ in range(30):
        x, y = 1000.0 + rng.uniform(0, 6000, (2, 200))
        days = rng.integers(0, 200, 200)
        follow = np.arange(0, 200, 10)
        at = np.datetime64("2018-01-01") + np.r_[days, days[follow] + rng.integers(0, 3, len(follow))]
        events = crimes(np.r_[x, x[follow] + 40.0], np.r_[y, y[follow]], at)
        table = ppe.knox(events, [0, 100, 1000], [0, 3, 30], permutations=199, seed=1)
        assert table.p_value[0, 0] == 1 / 200
        assert table.ratio[0, 0] > 5
