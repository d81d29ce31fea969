"""Near repeats of a known number: brute force finds the pairs that were put in, and chance for the rest."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import predpol_eval as ppe
from predpol_eval.civil_time import to_wall
from predpol_eval.near_repeats.bands import read_space, read_time
from predpol_eval.simulate import simulate_near_repeats, with_interval_times, with_recording_delay
from predpol_eval.simulate.pairs import expected_pairs
from tests.naive.pairs import pairs

GRID = ppe.Grid.from_bounds(0, 0, 3000, 2500, cell=250, crs="EPSG:27700")
SPACE, TIME = [0, 100, 200, 400], [0, 4, 7, 14]
REPEATS = np.array([[0.10, 0.04, 0.0], [0.05, 0.0, 0.02], [0.0, 0.0, 0.0]])
BASE = {
    "start": "2016-01-01", "end": "2018-01-01", "tz": "Europe/London", "mu": 4.0,
    "repeats": REPEATS, "space_bands": SPACE, "time_bands": TIME, "seed": 1,
}  # fmt: skip
DAYS = 731


@pytest.fixture(scope="module")
def city():
    return simulate_near_repeats(GRID, **BASE)


def brute(made, space=SPACE, time=TIME):
    """Caused pairs, all other pairs, and the margins, by going through every pair."""
    events, parent = made.events, made.truth.parent
    wall = to_wall(events.midpoint, events.tz).astype(np.int64).tolist()
    place = np.rint(1000 * np.stack([events.x, events.y])).astype(int).tolist()
    related = [(child, int(parent[child])) for child in np.flatnonzero(parent >= 0).tolist()]
    return [np.array(found) for found in pairs(*place, wall, space, time, related)]


@pytest.mark.parametrize("resolution", [None, "day"])
def test_brute_force_finds_the_pairs_of_the_truth(resolution):
    made = simulate_near_repeats(GRID, **BASE | {"end": "2016-06-01", "resolution": resolution})
    caused, alone, near, soon = brute(made)
    truth, n = made.truth, len(made.events)
    assert np.array_equal(truth.caused, caused)
    assert truth.caused.sum() > 30
    every, children = n * (n - 1) / 2, (truth.parent >= 0).sum()
    beyond = [caused.sum(axis=1), caused.sum(axis=0)]
    if resolution is None:
        # Each near repeat lies in a band, so that the margins of those caused are their sums.
        assert beyond[0].sum() == children
        chance = np.outer(near - beyond[0], soon - beyond[1]) / (every - children)
        assert truth.chance == pytest.approx(chance, rel=1e-12)
        assert truth.ratio == pytest.approx((chance + caused) * every / np.outer(near, soon), rel=1e-12)
    # The pairs that nobody caused are as many as chance has them, each band within its Poisson error.
    assert (np.abs(alone - truth.chance) < 4 * np.sqrt(truth.chance) + 1).all()


@pytest.mark.parametrize("resolution", [None, "day"])
def test_pairs_on_the_edge_of_a_band_belong_to_the_one_beyond(resolution):
    # On a lattice of 100 m and whole days nearly every pair is on an edge, far from the origin as near it.
    rng = np.random.default_rng(0)
    day = np.datetime64("2018-03-20") + rng.integers(0, 16, 150)
    frame = pd.DataFrame({"x": 650_000.0 + 100 * rng.integers(0, 6, 150), "y": 1e6 + 100 * rng.integers(0, 6, 150)})
    frame["t"] = day.astype("datetime64[ns]")
    frame.loc[:40, "x"] += 0.001
    events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London", resolution=resolution)
    parent = np.where(rng.random(150) < 0.3, np.arange(150) - 1, -1)
    found = expected_pairs(events, parent, read_space(SPACE), read_time(TIME))
    wall = to_wall(events.happened, events.tz).astype(np.int64).tolist()
    place = np.rint(1000 * np.stack([events.x, events.y])).astype(int).tolist()
    related = [(child, int(parent[child])) for child in np.flatnonzero(parent >= 0).tolist()]
    caused, alone, near, soon = (np.array(part) for part in pairs(*place, wall, SPACE, TIME, related))
    assert np.array_equal(found.caused, caused)
    every = 150 * 149 / 2
    assert found.ratio == pytest.approx((found.chance + caused) * every / np.outer(near, soon), rel=1e-12)
    # The Knox test counts the same.
    table = ppe.knox(events, SPACE, TIME, permutations=9, seed=1)
    assert np.array_equal(table.observed, caused + alone)


def test_other_pairs_are_chance_on_average():
    # Pooled over many cities, where a bias would show that is small beside the noise of one.
    alone, chance = np.zeros((3, 3)), np.zeros((3, 3))
    for seed in range(40):
        made = simulate_near_repeats(GRID, **BASE | {"end": "2016-03-01", "mu": 3.0, "seed": seed})
        alone += brute(made)[1]
        chance += made.truth.chance
    assert (np.abs(alone - chance) < 4 * np.sqrt(chance)).all()


def test_as_many_are_caused_as_expected():
    runs = 60
    caused = sum(simulate_near_repeats(GRID, **BASE | {"seed": seed}).truth.caused for seed in range(runs))
    expected = simulate_near_repeats(GRID, **BASE).truth.expected_caused
    # A crime on a day before the end has its repeats seen: nearly mu T times the probability.
    rough = 4.0 * REPEATS * (DAYS - np.array([2, 5.5, 10.5]))
    assert expected == pytest.approx(rough, rel=1e-9)
    some = REPEATS > 0
    # Clock changes move a few by an hour, into the next band: far fewer than the error.
    assert (np.abs(caused - runs * expected)[some] < 4 * np.sqrt(runs * expected[some])).all()
    assert caused[~some].sum() < 0.002 * caused.sum()


def test_knox_finds_the_excess(city):
    table = ppe.knox(city.events, SPACE, TIME, permutations=199, seed=3)
    truth = city.truth
    observed, chance = table.observed.to_numpy(), truth.chance
    assert (np.abs(observed - truth.caused - chance) < 4 * np.sqrt(chance)).all()
    error = 4 * np.sqrt(chance) / (chance + truth.caused) + 4 / np.sqrt(199 * chance)
    assert (np.abs(table.ratio.to_numpy() / truth.ratio - 1) < error).all()
    assert table.p_value.to_numpy()[truth.ratio > 1.2].max() <= 1 / 200
    assert truth.ratio[0, 0] > 2


def test_near_repeats_lie_evenly_in_their_band(city):
    child = np.flatnonzero(city.truth.parent >= 0)
    parent = city.truth.parent[child]
    events = city.events
    east, north = events.x[child] - events.x[parent], events.y[child] - events.y[parent]
    days = (events.happened[child] - events.happened[parent]).astype(np.int64) / 86400e9
    far = np.hypot(east, north)
    inner = (far < 100) & (days < 4)
    assert inner.sum() > 200
    # Even over the ring: the share within r grows with its square.
    assert stats.kstest((far[inner] / 100) ** 2, "uniform").pvalue > 1e-4
    assert stats.kstest(days[inner] / 4, "uniform").pvalue > 1e-4
    ring = (far >= 100) & (far < 200)
    assert stats.kstest((far[ring] ** 2 - 100**2) / (200**2 - 100**2), "uniform").pvalue > 1e-4
    assert stats.kstest(np.arctan2(north, east), "uniform", args=(-math.pi, 2 * math.pi)).pvalue > 1e-4
    assert ((days[ring] < 4) | (days[ring] >= 7)).all()


def test_the_truth_is_whole(city):
    truth, events = city.truth, city.events
    assert len(truth.parent) == len(truth.repeat) == len(truth.moment) == len(events)
    child = truth.parent >= 0
    assert truth.repeat[child].all()
    # Of crimes before the start there are repeats without parent; no crime has two, and no repeat has one.
    assert 0 < (truth.repeat & ~child).sum() < 30
    assert np.bincount(truth.parent[child]).max() == 1
    assert not truth.repeat[truth.parent[child]].any()
    alone = ~truth.repeat
    assert alone.sum() == pytest.approx(4.0 * DAYS, abs=4 * math.sqrt(4.0 * DAYS))
    assert truth.repeat.sum() == pytest.approx(4.0 * DAYS * 0.21, abs=4 * math.sqrt(4.0 * DAYS * 0.21))
    assert "one after 21.0%" in repr(city)
    # Some lie outside the study area, and none is lost.
    assert (GRID.cells_of(events) < 0).any()
    assert truth.left_out == 0


def test_the_truth_follows_what_becomes_of_the_crimes():
    made = simulate_near_repeats(GRID, **BASE | {"end": "2016-06-01"})
    fewer = with_recording_delay(made, mean="2D", never=0.3, seed=1)
    vague = with_interval_times(made, mean="30h", seed=1)
    for changed in (fewer, vague):
        caused, alone, near, soon = brute(changed)
        assert np.array_equal(changed.truth.caused, caused)
        assert 0 < caused.sum() < made.truth.caused.sum()
        assert (np.abs(alone - changed.truth.chance) < 4 * np.sqrt(changed.truth.chance) + 1).all()
        n = len(changed.events)
        ratio = (changed.truth.chance + caused) * n * (n - 1) / 2 / np.outer(near, soon)
        assert changed.truth.ratio == pytest.approx(ratio)
    # Both crimes of a pair have to be recorded.
    share = fewer.truth.caused.sum() / made.truth.caused.sum()
    assert share == pytest.approx(0.49, abs=4 * 0.5 / math.sqrt(made.truth.caused.sum()))


def test_the_first_days_have_as_many_repeats_as_the_others():
    number = [
        np.histogram(
            (made.truth.moment - made.events.observed[0][0])[made.truth.repeat].astype(np.int64) / 86400e9,
            bins=[0, 20, 40, 60],
        )[0]
        for made in (
            simulate_near_repeats(GRID, **BASE | {"end": "2016-03-01", "mu": 60.0, "seed": seed}) for seed in range(5)
        )
    ]
    assert stats.chisquare(np.sum(number, axis=0)).pvalue > 1e-4


def test_repeats_at_the_very_place():
    space = [0, 0.001, 0.002, 0.0035]
    made = simulate_near_repeats(GRID, **BASE | {"end": "2016-03-20", "space_bands": space, "repeats": 0.1})
    assert np.array_equal(made.truth.caused, brute(made, space=space)[0])
    child = np.flatnonzero(made.truth.parent >= 0)
    parent = made.truth.parent[child]
    same = (made.events.x[child] == made.events.x[parent]) & (made.events.y[child] == made.events.y[parent])
    # Only the place itself is nearer than a millimetre.
    assert same.sum() == made.truth.caused[0].sum() > 50
    assert made.truth.caused.sum() == len(child)


def test_bands_may_be_given_as_texts_and_in_any_width():
    one = simulate_near_repeats(GRID, **BASE | {"time_bands": ["0D", "4D", "1W", "14D"]})
    assert np.array_equal(one.events.x, simulate_near_repeats(GRID, **BASE).events.x)
    assert one.truth.time.edges == (0, 4, 7, 14)
    single = simulate_near_repeats(GRID, **BASE | {"space_bands": [50, 60], "time_bands": [1, 2], "repeats": 0.3})
    assert single.truth.repeats.tolist() == [[0.3]]
    assert single.truth.caused.shape == (1, 1)


def test_a_band_longer_than_the_time():
    made = simulate_near_repeats(
        GRID, **BASE | {"end": "2016-01-08", "mu": 500.0, "time_bands": [0, 5, 9, 20], "repeats": 0.1}
    )
    expected = 500 * 0.1 * np.array([7 - 2.5, 4 / 8, 0])
    assert made.truth.expected_caused == pytest.approx(np.tile(expected, (3, 1)))
    assert (
        np.abs(made.truth.caused - made.truth.expected_caused) < 5 * np.sqrt(made.truth.expected_caused) + 1e-9
    ).all()


def test_a_seed_is_a_city(city):
    again = simulate_near_repeats(GRID, **BASE)
    assert again.events.fingerprint == city.events.fingerprint
    assert np.array_equal(again.truth.parent, city.truth.parent)
    assert simulate_near_repeats(GRID, **BASE | {"seed": 2}).events.fingerprint != city.events.fingerprint


def test_no_crime_or_one():
    made = simulate_near_repeats(GRID, **BASE | {"mu": 0.0})
    assert len(made.events) == 0
    assert (made.truth.caused == 0).all()
    assert np.isnan(made.truth.ratio).all()
    few = [simulate_near_repeats(GRID, **BASE | {"mu": 0.0015, "seed": seed}) for seed in range(20)]
    assert {1, 2} <= {len(made.events) for made in few}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": [[0.1]]}, r"repeats has shape \(1, 1\)"),
        ({"repeats": 0.2}, "sums to 1.8"),
        ({"repeats": -0.1}, "probabilities of at least 0"),
        ({"repeats": math.nan}, "probabilities of at least 0"),
        ({"repeats": "often"}, "does not hold numbers"),
        ({"space_bands": [0, 100, 100, 200]}, "must rise"),
        ({"space_bands": [0, 100, 200, math.inf]}, "space_bands ends at infinity"),
        ({"time_bands": [0, 4, 7, math.inf]}, "time_bands ends at infinity"),
        ({"time_bands": [-1, 4, 7, 14]}, "begins at -1"),
        ({"time_bands": [0, 4, 7, 40_000]}, "reaches to 40,000 days"),
        ({"space_bands": [0, 0.0005, 1, 2]}, "narrower than a millimetre"),
        ({"mu": -1.0}, "at least 0"),
        ({"mu": 1e9}, "most is 20,000,000"),
        ({"seed": None}, "seed=None"),
        ({"end": "2015-12-01"}, "not after its start"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    with pytest.raises(ppe.InputError, match=message):
        simulate_near_repeats(GRID, **BASE | options)
