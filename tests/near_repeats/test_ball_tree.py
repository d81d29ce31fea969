"""Pairs of the Knox test are those that scikit-learn's BallTree counts, in space and in time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import BallTree

import predpol_eval as ppe

SPACE, TIME = (0.0, 150.0, 400.0, 900.0), (0.0, 3.0, 10.0, 40.0)


def pairs_nearer(points, radius, metric):
    """Unordered pairs up to a radius, by another library."""
    within = BallTree(points, metric=metric).query_radius(points, radius, count_only=True)
    return (int(within.sum()) - len(points)) // 2


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pairs_are_those_of_a_ball_tree(metric, seed):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(2000, 7000, (15, 2))
    places = centres[rng.integers(15, size=400)] + rng.normal(0, 250, (400, 2))
    # Odd millimetres, so that no distance lies on an edge; days on no edge either.
    places = np.round(places, 3) + 1e-3 * (rng.integers(0, 2, places.shape))
    t = np.datetime64("2018-01-01", "s") + rng.integers(0, 200 * 86400, 400).astype("timedelta64[s]")
    frame = pd.DataFrame({"x": places[:, 0], "y": places[:, 1], "t": t})
    events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="UTC")
    found = ppe.knox(events, SPACE, TIME, metric=metric, permutations=1, seed=1)["observed"].to_numpy()
    days = ((t - t.min()) / np.timedelta64(1, "D"))[:, None]
    # Pairs nearer than both edges; bands are differences of these.
    apart = np.zeros((len(SPACE), len(TIME)))
    for a, reach in enumerate(SPACE):
        for b, wait in enumerate(TIME):
            if reach and wait:
                near = BallTree(places, metric=metric).query_radius(places, reach)
                both = sum(
                    int((np.abs(days[others, 0] - days[one, 0]) < wait).sum()) for one, others in enumerate(near)
                )
                apart[a, b] = (both - len(places)) / 2
    np.testing.assert_array_equal(found, np.diff(np.diff(apart, axis=0), axis=1))
    far = ppe.knox(events, SPACE, (0.0, 1000.0), metric=metric, permutations=1, seed=1)["observed"].to_numpy()[:, 0]
    counted = [pairs_nearer(places, reach, metric) for reach in SPACE[1:]]
    assert np.cumsum(far).tolist() == counted
    assert counted[0] > 100
