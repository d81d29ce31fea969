"""The self-exciting process in space: repeats lie about the place of their crime, and the truth says by how much."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

import predpol_eval as ppe
from predpol_eval.simulate import simulate_self_exciting

GRID = ppe.Grid.from_bounds(0, 0, 6000, 5000, cell=500, crs="EPSG:27700")
BASE = {
    "start": "2016-01-01", "end": "2018-01-01", "tz": "Europe/London", "model": "continuous",
    "theta": 0.5, "omega": 0.4, "sigma": 120.0, "mu": 4.0, "seed": 1,
}  # fmt: skip
DAYS = 731


@pytest.fixture(scope="module")
def city():
    return simulate_self_exciting(GRID, **BASE | {"burn_in": "60D"})


def steps(made):
    """Metres east and north, and days, from the parent to each repeat of an observed crime."""
    child = np.flatnonzero(made.truth.parent >= 0)
    parent = made.truth.parent[child]
    events = made.events
    days = (events.happened[child] - events.happened[parent]).astype(np.int64) / 86400e9
    return events.x[child] - events.x[parent], events.y[child] - events.y[parent], days


def test_repeats_lie_where_and_when_they_should(city):
    east, north, days = steps(city)
    n = len(east)
    assert n > 2000
    for way in (east, north):
        assert way.mean() == pytest.approx(0, abs=4 * 120 / math.sqrt(n))
        assert way.var() == pytest.approx(120**2, rel=4 * math.sqrt(2 / n))
        assert stats.kstest(way, "norm", args=(0, 120)).pvalue > 1e-4
    assert abs(np.corrcoef(east, north)[0, 1]) < 4 / math.sqrt(n)
    assert stats.kstest(days, "expon", args=(0, 1 / 0.4)).pvalue > 1e-4


def test_the_truth_is_whole(city):
    truth, events = city.truth, city.events
    assert (truth.model, truth.theta, truth.omega, truth.sigma, truth.burn_in_days) == ("continuous", 0.5, 0.4, 120, 60)
    assert len(truth.parent) == len(truth.repeat) == len(truth.generation) == len(truth.moment) == len(events)
    assert np.array_equal(truth.moment, events.happened)
    assert np.array_equal(truth.repeat, truth.generation > 0)
    child = truth.parent >= 0
    assert (truth.generation[child] == truth.generation[truth.parent[child]] + 1).all()
    assert (truth.parent < np.arange(len(events))).all()
    # The share of each generation falls by theta.
    counts = np.bincount(truth.generation)
    mean = 4.0 * DAYS * 0.5 ** np.arange(4)
    assert (abs(counts[:4] - mean) < 4 * np.sqrt(mean) * 1.7).all()
    assert "sigma: 120 m" in repr(city)
    assert truth.left_out == 0


def test_totals_are_those_of_theory():
    runs, days = 60, 100
    totals = [
        len(simulate_self_exciting(GRID, **BASE | {"end": "2016-04-10", "seed": seed, "burn_in": "120D"}).events)
        for seed in range(runs)
    ]
    mean = 4.0 * days / 0.5
    # A count over a long time has mean mu T/(1 - theta) and variance mu T/(1 - theta)^3.
    error = math.sqrt(4.0 * days / 0.5**3)
    assert np.mean(totals) == pytest.approx(mean, abs=4 * error / math.sqrt(runs))
    assert 0.6 * error < np.std(totals) < 1.4 * error


def test_what_falls_outside_is_kept_or_dropped(city):
    cells = GRID.cells_of(city.events)
    beyond = cells < 0
    assert 20 < beyond.sum() < 0.1 * len(cells)
    assert city.truth.repeat[beyond].all()
    dropped = simulate_self_exciting(GRID, **BASE | {"burn_in": "60D", "outside": "drop"})
    # The same crimes happen: those inside are left, numbered anew.
    assert np.array_equal(dropped.events.x, city.events.x[~beyond])
    assert np.array_equal(dropped.events.happened, city.events.happened[~beyond])
    assert np.array_equal(dropped.truth.repeat, city.truth.repeat[~beyond])
    assert dropped.truth.left_out == beyond.sum()
    old = city.truth.parent[~beyond]
    expected = np.where((old >= 0) & ~beyond[old], np.cumsum(~beyond)[old] - 1, -1)
    assert np.array_equal(dropped.truth.parent, expected)
    assert (dropped.truth.repeat & (dropped.truth.parent < 0)).sum() > (
        city.truth.repeat & (city.truth.parent < 0)
    ).sum()


def test_hot_spots_are_bumps():
    spots = [(2000, 2500, 300, 3.0), (5900, 100, 200, 2.0)]
    made = simulate_self_exciting(GRID, **BASE | {"theta": 0.0, "mu": 1.0, "hot_spots": spots})
    truth, events = made.truth, made.events
    assert truth.mu.sum() + truth.mu_outside == pytest.approx(6.0, rel=1e-12)
    # A corner cuts a bump in four, unequal parts.
    inside = stats.norm.cdf(0.5) * stats.norm.cdf(0.5)
    assert truth.mu_outside == pytest.approx(2.0 * (1 - inside), rel=1e-3)
    cells = GRID.cells_of(events)
    assert (cells < 0).sum() == pytest.approx(truth.mu_outside * DAYS, abs=4 * math.sqrt(truth.mu_outside * DAYS))
    found = np.bincount(cells[cells >= 0], minlength=GRID.mask.size)
    expected = truth.mu.ravel() * DAYS
    assert stats.chi2.sf(((found - expected) ** 2 / expected).sum(), expected.size) > 1e-4
    # Within a bump the places are Gaussian: a ring about its middle holds what it should, less the even rate.
    near = np.hypot(events.x - 2000, events.y - 2500) < 300
    expected = DAYS * (3.0 * (1 - math.exp(-0.5)) + 1.0 * math.pi * 300**2 / GRID.total_m2)
    assert near.sum() == pytest.approx(expected, abs=4 * math.sqrt(expected))


def test_rates_by_cell_are_those_of_the_background():
    mu = np.zeros(GRID.shape)
    mu[3, 4] = 2.0
    made = simulate_self_exciting(GRID, **BASE | {"mu": mu})
    alone = ~made.truth.repeat
    assert set(GRID.cells_of(made.events)[alone].tolist()) == {3 * 12 + 4}
    assert len(set(GRID.cells_of(made.events).tolist())) > 4


def test_a_seed_is_a_city(city):
    np.random.seed(5)  # noqa: NPY002 - the shared generator must not matter
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    again = simulate_self_exciting(GRID, **BASE | {"burn_in": "60D"})
    assert again.events.fingerprint == city.events.fingerprint
    assert np.array_equal(again.truth.parent, city.truth.parent)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert simulate_self_exciting(GRID, **BASE | {"seed": 2}).events.fingerprint != city.events.fingerprint


def test_few_crimes_near_the_origin_are_not_taken_for_degrees():
    grid = ppe.Grid.from_bounds(0, 0, 100, 100, cell=50, crs="EPSG:27700")
    for seed in range(20):
        made = simulate_self_exciting(
            grid, **BASE | {"mu": 0.02, "sigma": 30.0, "end": "2016-04-01", "seed": seed, "theta": 0.8}
        )
        assert made.events.observed_days == 91 - 1 / 24


def test_no_crime_at_all():
    made = simulate_self_exciting(GRID, **BASE | {"mu": 0.0})
    assert len(made.events) == len(made.truth.generation) == 0
    assert made.events.observed_days == DAYS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": None}, "sigma=None; give the metres"),
        ({"sigma": 0.0}, "above 0"),
        ({"sigma": -3.0}, "above 0"),
        ({"sigma": math.nan}, "above 0"),
        ({"sigma": math.inf}, "above 0"),
        ({"sigma": 1e300}, "below 1,000 km"),
        ({"hot_spots": [(0, 0, 1e7, 1)]}, "below 1,000 km"),
        ({"hot_spots": [(1e300, 0, 1, 1)]}, "row 0"),
        ({"model": "etas"}, "choose 'cell' or 'continuous'"),
        ({"model": "cell"}, "sigma is given, but with model='cell'"),
        ({"model": "cell", "sigma": None, "hot_spots": [(0, 0, 1, 1)]}, "hot_spots is given"),
        ({"outside": "clip"}, "choose 'keep' or 'drop'"),
        ({"theta": 1.0}, "without limit"),
        ({"hot_spots": [(1, 2, 3)]}, r"shape \(1, 3\)"),
        ({"hot_spots": [(0, 0, 100, 1), (1, 2, 0, 1)]}, "row 1"),
        ({"hot_spots": [(0, 0, 100, -1)]}, "row 0"),
        ({"hot_spots": [(math.nan, 0, 100, 1)]}, "row 0"),
        ({"hot_spots": "downtown"}, "give rows of"),
        ({"hot_spots": [(0, 0, 100, 1e9)]}, "most is 20,000,000"),
        ({"kind": " "}, "is blank"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    with pytest.raises(ppe.InputError, match=message):
        simulate_self_exciting(GRID, **BASE | options)


def test_a_grid_without_cells_is_refused():
    from dataclasses import replace

    empty = replace(GRID, label_code=np.full(GRID.shape, -1, dtype=np.int32), inside_m2=np.zeros(GRID.shape))
    with pytest.raises(ppe.InputError, match="no cell"):
        simulate_self_exciting(empty, **BASE)
    with pytest.raises(ppe.InputError, match="Expected Grid"):
        simulate_self_exciting("London", **BASE)
