"""Nights that one side missed, where crimes are spread over nights: totals are exact, and nothing is counted twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import predpol_eval as ppe
from predpol_eval import InputError
from predpol_eval.comparisons.missing_nights import on_common_nights, settled
from tests.strategies import CRS, TZ, nights, row_of_cells

NIGHTS = 28


def scene(seed: int, crimes: int = 120, longest: int = 8, maps: int = 2):
    """Crimes of uncertain moment, maps that know nothing, and their tallies."""
    generator = np.random.default_rng(seed)
    begin = generator.uniform(0, NIGHTS - longest, crimes)
    span = generator.uniform(0, longest, crimes) * (generator.random(crimes) < 0.8)
    day = pd.Timestamp("2018-05-01")
    frame = pd.DataFrame(
        {
            "x": generator.uniform(0, 12, crimes),
            "y": 1.0,
            "t": (day + pd.to_timedelta(begin, "D")).floor("s"),
            "u": (day + pd.to_timedelta(begin + span, "D")).floor("s"),
        }
    )
    events = ppe.Events.from_frame(frame, happened_until="u", crs=CRS, tz=TZ, observed=[("2018-05-01", "2018-06-01")])
    grid, windows = row_of_cells([4.0] * 6), nights(NIGHTS)
    surfaces = [
        ppe.make_surface(generator.uniform(size=(NIGHTS, 1, 6)), grid, windows, kind="score", forecaster=name)
        for name in "AB"[:maps]
    ]
    return events, grid, surfaces


def tallied(scene, nights_of_a=slice(None), nights_of_b=slice(None)):
    events, grid, (a, b) = scene
    budget = ppe.TopCells(2)
    return (
        ppe.tally(a.isel(window=nights_of_a), events, budget, grid),
        ppe.tally(b.isel(window=nights_of_b), events, budget, grid),
    )


@pytest.mark.parametrize("gone", [[5], [0], [NIGHTS - 1], [3, 4, 5, 17], list(range(0, NIGHTS, 5))])
def test_the_estimate_is_that_of_the_common_nights(gone):
    whole = scene(1)
    kept = [night for night in range(NIGHTS) if night not in gone]
    a, b = tallied(whole, kept)
    assert "hits_once" in a
    for method in ("dm", "bootstrap", "signflip"):
        found = ppe.compare(a, b, method=method)
        assert (found.n, found.missed_by_a) == (len(kept), len(gone)), "no other night is dropped"
        common = b.isel(window=kept)
        hits = [float(side.hits.sum()) for side in (a, common)]
        crimes = float(common.events.sum())
        assert found.estimate == pytest.approx((hits[0] - hits[1]) / crimes, rel=1e-9)
        assert found.crimes == pytest.approx(crimes)
        rule = found.with_missing
        assert rule.n == NIGHTS
        assert rule.crimes == pytest.approx(float(b.events.sum()))
        assert rule.estimate == pytest.approx((hits[0] - float(b.hits.sum())) / float(b.events.sum()), rel=1e-9)


def test_both_miss_nights_of_their_own():
    whole = scene(2)
    mine, other = [n for n in range(NIGHTS) if n not in (2, 9)], [n for n in range(NIGHTS) if n not in (9, 14, 20)]
    a, b = tallied(whole, mine, other)
    found = ppe.compare(a, b)
    both = [n for n in mine if n in other]
    everything = ppe.tally(whole[2][0], whole[0], ppe.TopCells(2), whole[1])
    assert (found.n, found.missed_by_a, found.missed_by_b) == (len(both), 1, 2)
    windows = everything.window.to_numpy()
    hits = [float(side.hits.sel(window=windows[both]).sum()) for side in (a, b)]
    assert found.estimate == pytest.approx((hits[0] - hits[1]) / float(everything.events.isel(window=both).sum()))
    either = [n for n in range(NIGHTS) if n in mine or n in other]
    rule = found.with_missing
    crimes = float(everything.events.isel(window=either).sum())
    assert rule.crimes == pytest.approx(crimes)
    assert rule.estimate == pytest.approx((float(a.hits.sum()) - float(b.hits.sum())) / crimes)


def test_chance_on_a_missed_night():
    whole = scene(3)
    a, b = tallied(whole, slice(1, None))
    zero, chance = (ppe.compare(a, b, missing=rule).with_missing for rule in ("zero", "chance"))
    blind = float(b.events.isel(window=0).sum()) * 2 / 6
    assert chance.estimate - zero.estimate == pytest.approx(blind / zero.crimes)


@pytest.mark.parametrize("missing", ["common", "zero"])
def test_a_missed_night_makes_no_difference_out_of_none(missing):
    """120 trials of maps that know nothing, A missing one night: counted night by night, spread crimes would make most
    of them different."""
    called = {"signflip": 0, "sequence": 0}
    for seed in range(120):
        a, b = tallied(scene(100 + seed, longest=12), slice(1, None))
        found = ppe.compare(a, b, method="signflip", draws=199)
        p = found.p if missing == "common" else found.with_missing.p
        called["signflip"] += p <= 0.05
        course = ppe.confidence_sequence(a, b, missing=missing)
        called["sequence"] += float(course.p_running[-1]) <= 0.05
    assert called["signflip"] <= 120 * 0.05 + 3.5 * (120 * 0.05 * 0.95) ** 0.5
    assert called["sequence"] <= 120 * 0.05 + 3 * (120 * 0.05 * 0.95) ** 0.5


@pytest.mark.parametrize("metric", ["hit_rate", "pai", "search_efficiency"])
def test_a_missed_night_without_crime_costs_nothing(metric):
    """Counted as no crime caught, a night on which none can have fallen leaves all numbers as they were."""
    events, grid, _ = scene(6, crimes=600)
    windows = nights(NIGHTS + 2)
    generator = np.random.default_rng(9)
    a, b = (
        ppe.tally(
            ppe.make_surface(generator.uniform(size=(NIGHTS + 2, 1, 6)), grid, windows, kind="score", forecaster=name),
            events,
            ppe.TopCells(2),
            grid,
        )
        for name in "AB"
    )
    whole, holes = ppe.compare(a, b, metric), ppe.compare(a.isel(window=slice(None, -1)), b, metric).with_missing
    assert "hits_once" in a
    assert b.events.isel(window=-1).item() == 0
    assert whole.enough
    for part in ("estimate", "low", "high", "p", "differing_crimes", "crimes"):
        assert getattr(holes, part) == pytest.approx(getattr(whole, part), rel=1e-9), part


def test_either_side_may_be_named_first():
    whole = scene(7)
    for mine, other in (([0, 3, 9], [4]), ([5], [6, 7]), ([5], [6])):
        a, b = tallied(whole, *([n for n in range(NIGHTS) if n not in gone] for gone in (mine, other)))
        one, turned = ppe.compare(a, b).with_missing, ppe.compare(b, a).with_missing
        np.testing.assert_allclose(
            [one.estimate, one.low, one.high, one.p], [-turned.estimate, -turned.high, -turned.low, turned.p], rtol=1e-9
        )


@pytest.mark.parametrize("metric", ["lift", "pei", "precision"])
def test_metrics_that_would_count_a_spread_crime_several_times_are_refused(metric):
    a, b = tallied(scene(4))
    with pytest.raises(InputError, match=f"{metric!r} would take one of them for several.*method='midpoint'"):
        ppe.compare(a, b, metric)
    events, grid, (one, other) = scene(4)
    certain = [ppe.tally(risk, events, ppe.TopCells(2), grid, method="midpoint") for risk in (one, other)]
    assert ppe.compare(*certain, metric).n == NIGHTS


def test_credits_are_compared_by_hit_rate_alone():
    events, grid, surfaces = scene(5)
    credits = [ppe.credits(risk, events, ppe.TopCells(2), grid) for risk in surfaces]
    assert ppe.compare(*credits).n == NIGHTS
    for metric in ("pai", "lift", "search_efficiency", "log_score"):
        with pytest.raises(InputError, match=f"so that {metric!r} cannot be made of them"):
            ppe.compare(*credits, metric)


def test_parts_are_booked_on_the_nearest_common_night():
    here, both = np.array([True] * 5), np.array([True, True, False, True, True])
    plain = {"hits": np.array([1.0, 0, 1, 0, 1]), "events": np.array([2.0, 2, 2, 2, 2])}
    ends_there = {"hits": np.array([0.0, 0, 3, 0, 0]), "events": np.array([0.0, 0, 6, 2, 2])}
    out = on_common_nights(ends_there, plain, here, both)
    assert out["hits"].tolist() == [0, 2, 3, 0, 0]
    assert out["events"].tolist() == [0, 4, 6, 2, 2]
    ends_later = {"hits": np.array([1.0, 0, 0, 2, 0]), "events": np.array([2.0, 2, 0, 4, 2])}
    out = on_common_nights(ends_later, plain, here, both)
    assert out["hits"].tolist() == [1, 0, 0, 1, 0]
    assert out["events"].tolist() == [2, 2, 0, 2, 2]


def test_no_night_has_fewer_than_no_crimes():
    both = np.array([True, True, True])
    kept = settled(np.array([4.0, -1.0, 3.0]), np.array([4.0, -1.0, 3.0]), both)
    assert (kept >= 0).all()
    assert kept.sum() == pytest.approx(6)
