"""What two sides must have in common: windows, floors, leads, and no reward for flagging less."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import xarray as xr

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError, PredPolWarning
from tests.comparisons.worlds import DAY, random_tally, sides, two
from tests.strategies import city_of

HOUR = np.timedelta64(1, "h")


def windowed(tally: xr.Dataset, length: np.timedelta64 = DAY, lead: np.timedelta64 = 0 * HOUR) -> xr.Dataset:
    """The tally with the ends of its windows, and the moments it was forecast from."""
    return tally.assign_coords(window_end=tally.window + length, until=tally.window - lead)


def moved(tally: xr.Dataset, by: np.timedelta64) -> xr.Dataset:
    return tally.assign_coords(window=tally.window + by)


def test_overlapping_windows_would_count_a_crime_several_times():
    a, b = sides(windowed(random_tally(1), length=7 * DAY))
    for call in (ppe.compare, ppe.confidence_sequence):
        with pytest.raises(InputError, match="59 of 60 windows begin before the one before has ended"):
            call(a, b)
    weekly = {"window": slice(None, None, 7)}
    assert ppe.compare(a.isel(weekly), b.isel(weekly)).n == 9


def test_other_windows_are_refused():
    a, b = sides(random_tally(1))
    with pytest.raises(NotComparableError, match=r"share no window: one has 2018-01-01T01:00 to .* same schedule"):
        ppe.compare(windowed(moved(a, HOUR)), windowed(b))
    with pytest.raises(NotComparableError, match="share no window"):
        ppe.compare(a.isel(window=slice(0, 30)), b.isel(window=slice(30, None)))
    # Some the same, others shifted: the shifted ones would be judged by the same crimes on other nights.
    late = xr.concat([a.isel(window=slice(0, 30)), moved(a.isel(window=slice(30, None)), HOUR)], "window")
    with pytest.raises(NotComparableError, match="overlap without being the same"):
        ppe.compare(windowed(late), windowed(b))


def test_forecasts_from_other_moments_are_compared_with_a_warning():
    tally = random_tally(1)
    early, late = sides(windowed(tally, lead=168 * HOUR))[0], sides(windowed(tally))[1]
    with pytest.warns(PredPolWarning, match="168 and 0 hours before the window, on 60 of 60 nights"):
        ppe.compare(early, late)
    ppe.compare(*sides(windowed(tally, lead=24 * HOUR)))  # both alike: no warning, which would be an error here


def test_log_scores_of_other_floors_are_refused():
    tally = random_tally(1).assign(log_score=random_tally(1).hits - 40)
    a, b = (side.copy() for side in sides(tally))
    a.log_score.attrs["floor"], b.log_score.attrs["floor"] = 1e-4, 1e-2
    with pytest.raises(NotComparableError, match=r"floors of the log score: 0\.0001 and 0\.01"):
        ppe.compare(a, b, "log_score")


def test_log_scores_that_differ_are_enough_though_the_boxes_are_the_same():
    generator = np.random.default_rng(2)
    events = generator.poisson(12, 60).astype(float)
    hits = generator.binomial(events.astype(int), 0.3)
    tally = two(hits, hits, events)
    better = generator.normal(2.0, 1.0, 60)
    tally = tally.assign(log_score=(("forecaster", "window"), np.stack([better, np.zeros(60)]) - 40))
    found = ppe.compare(*sides(tally), "log_score")
    assert found.enough
    assert found.verdict == "higher"
    assert found.estimate == pytest.approx(better.mean())
    assert ppe.compare(*sides(tally)).verdict == "too few differences to tell"


@pytest.mark.parametrize("metric", ["lift", "pei", "precision"])
def test_ratios_that_reward_flagging_less_are_refused_where_one_flagged_less(metric):
    """A flags 2 boxes and B 20 of the 20 allowed: per box A does better, and caught less."""
    generator = np.random.default_rng(3)
    events = generator.poisson(12, 60).astype(float)
    many = generator.binomial(events.astype(int), 0.5)
    few = generator.binomial(many, 0.3)
    tally = two(few, many, events, budget_m2=20.0, total_m2=1000.0)
    flagged = np.array([np.full(60, 2.0), np.full(60, 20.0)])
    hit = np.minimum(tally.hits.to_numpy(), flagged)
    both = ("forecaster", "window")
    tally = tally.assign(
        flagged_m2=(both, flagged), boxes=(both, flagged), boxes_hit=(both, hit),
        chance_hits=(both, events * flagged / 1000), oracle_hits=(both, np.minimum(events, 2.0 * flagged)),
    )  # fmt: skip
    with pytest.raises(NotComparableError, match=f"{metric} rewards whoever flags less.*'hit_rate'"):
        ppe.compare(*sides(tally), metric)
    assert ppe.compare(*sides(tally)).verdict == "lower"
    # A part of a cell more or less, where the border cuts cells, is no difference.
    near = tally.assign(flagged_m2=(both, np.array([np.full(60, 19.5), np.full(60, 20.0)])))
    assert ppe.compare(*sides(near), metric).n == 60
    # As many boxes, of which more were cut by the border: no less was spent, but by lift, which counts the ground.
    cut = tally.assign(boxes=(both, np.full((2, 60), 20.0)))
    if metric == "lift":
        with pytest.raises(NotComparableError, match="rewards whoever flags less"):
            ppe.compare(*sides(cut), metric)
    else:
        assert ppe.compare(*sides(cut), metric).n == 60


def test_the_best_of_a_city_is_not_that_of_some_of_its_areas():
    city = city_of([[4, 3, 2, 1]] * 2, [[1, 0, 0, 2], [1, 1, 0, 0]], [4] * 4, label=[0, 0, 1, 1], labels=2)
    budgets = [ppe.TopCells(1), ppe.TopCells(1, per="area")]
    tally = ppe.tally(city.risk, city.crimes, budgets, city.grid).assign_attrs(n_areas=2)
    part = tally.isel(area=[0])
    with pytest.raises(InputError, match="holds 1 of 2 areas under a budget for the whole city"):
        ppe.compare(part.isel(budget=0), part.isel(budget=0), "pei")
    assert ppe.compare(part.isel(budget=1), part.isel(budget=1), "pei").n == 2
    assert ppe.compare(tally.isel(budget=0), tally.isel(budget=0), "pei").n == 2


@pytest.mark.parametrize("metric", [None, ppe.hit_rate, 3])
def test_a_metric_is_named(metric):
    with pytest.raises(InputError, match="give its name: one of 'hit_rate'"):
        ppe.compare(*sides(random_tally(1)), metric)


@pytest.mark.parametrize("names", ["ab", ("a",), ("a", "b", "c")])
def test_two_names_for_two(names):
    with pytest.raises(InputError, match="give what to call the two"):
        ppe.compare(*sides(random_tally(1)), names=names)


def test_a_result_can_be_copied_and_sent_to_another_process():
    found = ppe.compare(*sides(random_tally(1, missing=(3,))))
    for same in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert same == found


def test_one_block_can_rule_nothing_out_and_says_so():
    found = ppe.compare(*sides(random_tally(1)), method="sequence", block=60)
    assert (found.low, found.high) == (-1, 1)
    assert found.verdict == "too few differences to tell"
