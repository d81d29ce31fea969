"""Blend: weights by plain loops and by truth, what they may not know, and mixtures that are what they say."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import predpol_eval as ppe
from predpol_eval.checks.city import make_city
from predpol_eval.forecasters.base import forecast as plain_loop
from predpol_eval.schedule import Windows
from tests.backtests.same import assert_same_bits
from tests.forecasters import urns
from tests.forecasters.towns import CRS, FIRST, GAP, GROUND, LAST, Crime, Town
from tests.naive import rehearsal as naive

GRID = GROUND.grid
PAIR = (ppe.CountMap(lookback="14D"), ppe.CountMap(lookback=None))


def town(seed=1, zone="Europe/London", size=300, clocks="recorded") -> Town:
    """Crimes at a few places, recorded up to ten days later, with a gap in observation and a clock change."""
    rng = np.random.default_rng(seed)
    places = rng.uniform([900, 1900], [2000, 2800], (12, 2))
    crimes = []
    for _ in range(size):
        happened = FIRST + timedelta(minutes=int(rng.integers(0, int((LAST - FIRST) / timedelta(minutes=1)))))
        if GAP[0] <= happened < GAP[1]:
            continue
        x, y = places[rng.integers(12) if happened < GAP[0] else rng.integers(4, 12)] + rng.normal(0, 60, 2)
        until = happened + timedelta(hours=int(rng.integers(0, 60))) if clocks == "interval" else None
        recorded = (
            (until or happened) + timedelta(hours=int(rng.choice([0, 0, 5, 240]))) if clocks == "recorded" else None
        )
        crimes.append(Crime(happened, until, recorded, round(x, 1), round(y, 1)))
    cut = datetime(2018, 4, 17, tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
    return Town(tuple(crimes), ((FIRST, GAP[0]), (GAP[1], LAST)), cut, zone, (timedelta(0),), (timedelta(days=1),))


def weights_of(fitted) -> np.ndarray:
    return np.array(list(fitted.weights.values()))


# By the book ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Europe/London", "Australia/Lord_Howe"])
@pytest.mark.parametrize("clocks", ["recorded", "interval"])
@pytest.mark.parametrize("normalised", [True, False])
def test_weights_and_map_are_those_of_plain_loops(zone, clocks, normalised):
    here = town(zone=zone, clocks=clocks)
    members = [
        ("count", {"lookback": "6D"}),
        ("count", {"lookback": None, "half_life": 5}),
        ("near repeat", {"radius": 500.0, "lookback": "21D"}),
        ("uniform", {}),
    ]
    at = naive.anchor(here.until, 14, zone)
    windows = naive.rehearsed(members, here.crimes, here.observed, at, 35, 3, zone, GROUND)
    assert len(windows) >= 5
    expected = naive.best_weights(windows, 0.02, normalised)
    forms = (ppe.CountMap(lookback="6D"), ppe.CountMap(lookback=None, half_life="5D"), ppe.NearRepeat(radius=500))
    blend = ppe.Blend(members=forms, training="35D", step="3D", relearn="14D", floor=0.02, normalised=normalised)
    fitted = blend.fit(here.events(), GRID, until=here.cut)
    record = fitted.learnt.record
    assert record["converged"]
    assert record["windows"] == len(windows)
    crimes = sum(counts.sum() for _, counts in windows)
    assert record["crimes"] == pytest.approx(crimes)
    assert record["anchor"] == str(np.datetime64(at.replace(tzinfo=None), "ns"))
    # No optimiser finds better weights; where the score is flat they may differ a little.
    ours, theirs = (naive.score_of(w, windows, 0.02) for w in (weights_of(fitted), expected))
    assert ours >= theirs - 1e-5 * crimes
    np.testing.assert_allclose(weights_of(fitted), expected, atol=0.02)
    # And the map of the night is the mixture of the night's maps.
    start, end = here.until, here.until + timedelta(days=1)
    maps = [naive.surface(member, here.crimes, here.observed, start, start, end, zone, GROUND) for member in members]
    mixed = 0.02 * maps[-1] + 0.98 * sum(w * part for w, part in zip(weights_of(fitted), maps[:-1], strict=True))
    np.testing.assert_allclose(fitted.predict(here.windows[:1]).to_numpy()[0], mixed, rtol=1e-9, atol=1e-12)


# Truth is found -------------------------------------------------------------------------------------------------------

SMOOTH, LASTING = ppe.KDE(bandwidth=300, lookback="21D"), ppe.CountMap(lookback=None)


def known_mixture(seed):
    """45 % of the weekly risk is smooth and recent, 45 % lasting, 10 % anywhere."""
    return urns.urn(
        lambda events, start: urns.week_of(SMOOTH, events, start) + urns.week_of(LASTING, events, start),
        weeks=36,
        per_week=200,
        seed=seed,
    )


def test_weights_of_a_known_mixture_are_recovered():
    found = []
    for seed in range(3):
        blend = ppe.Blend(members=(SMOOTH, LASTING, ppe.Uniform()), training="224D", relearn=None, floor=0.0)
        fitted = blend.fit(known_mixture(seed), urns.GRID, until=urns.START + 36 * urns.WEEK)
        assert fitted.learnt.record["windows"] == 32
        found.append(weights_of(fitted))
    np.testing.assert_allclose(np.mean(found, axis=0), [0.45, 0.45, 0.1], atol=0.05)
    assert np.std(found, axis=0).max() < 0.08


def test_somebody_who_knows_the_truth_gets_the_weight():
    rng = np.random.default_rng(3)
    truth = rng.gamma(0.2, 1.0, urns.GRID.shape)
    truth *= 120 / truth.sum()
    events = urns.urn(lambda events, start: truth, weeks=20, per_week=120, seed=4, share=0.0)
    nights = ppe.Schedule(start="2017-02-11", end="2017-06-03", step="7D", horizon="7D", tz="UTC").windows
    oracle = ppe.External(
        surface=ppe.make_surface(np.stack([truth] * len(nights)), urns.GRID, nights, kind="expected_count"),
        name="knows the truth",
    )
    members = (ppe.CountMap(), oracle, ppe.KDE(bandwidth=300), ppe.Uniform())
    blend = ppe.Blend(members=members, training="91D", relearn="7D")
    fitted = blend.fit(events, urns.GRID, until="2017-05-27")
    assert weights_of(fitted)[1] > 0.9
    assert list(fitted.weights)[1] == "External(name='knows the truth')"
    # A vendor's surfaces are replayed as they are, also by another member's side.
    alone = ppe.Blend(members=(oracle,), weights=(1.0,)).fit(events, urns.GRID, until="2017-05-27")
    np.testing.assert_allclose(alone.predict(nights[-1:]).to_numpy()[0], truth, rtol=1e-12)


def test_surfaces_that_lack_the_past_windows_are_refused_with_what_lacks():
    nights = ppe.Schedule(start="2018-04-17", end="2018-04-20", tz="Europe/London").windows
    given = ppe.External(
        surface=ppe.make_surface(np.ones((3, *GRID.shape)), GRID, nights, kind="score"), name="vendor A"
    )
    with pytest.raises(ppe.InputError, match=r"nothing to learn from.*'vendor A' has no surface for the windows"):
        ppe.Blend(members=(ppe.CountMap(), given)).fit(town().events(), GRID, until="2018-04-17")
    # With given weights nothing is learnt, and its nights are enough.
    risk = ppe.Blend(members=(ppe.CountMap(), given), weights=(0.5, 0.5)).fit(town().events(), GRID, until="2018-04-17")
    assert np.isfinite(risk.predict(nights[:1]).to_numpy()).all()


# What a mixture is ----------------------------------------------------------------------------------------------------


def night_of(form, events=None, nights=None):
    events = town().events() if events is None else events
    nights = town().windows if nights is None else nights
    return form.fit(events, GRID, until=nights.until[0]).predict(nights).to_numpy()


def test_given_weights_are_used_as_they_are():
    one, two = (night_of(member) for member in PAIR)
    np.testing.assert_array_equal(night_of(ppe.Blend(members=PAIR, weights=(0.25, 0.5))), 0.25 * one + 0.5 * two)
    floored = night_of(ppe.Blend(members=PAIR, weights=(0.25, 0.5), floor=0.1))
    np.testing.assert_allclose(floored, 0.9 * (0.25 * one + 0.5 * two) + 0.1 * night_of(ppe.Uniform()), rtol=1e-12)


def test_a_blend_of_one_is_that_one():
    for members in (PAIR[:1], (PAIR[0], PAIR[0])):
        blend = ppe.Blend(members=members, training="14D", step="2D", floor=0.0)
        np.testing.assert_allclose(night_of(blend), night_of(PAIR[0]), rtol=1e-9)
    assert blend.names == ("CountMap(lookback='14D') (1)", "CountMap(lookback='14D') (2)")


def test_the_order_of_the_members_does_not_matter():
    members = (*PAIR, ppe.NearRepeat(radius=300), ppe.KDE(bandwidth=250))
    there = (2, 0, 3, 1)
    settings = {"training": "14D", "step": "2D"}
    one = ppe.Blend(members=members, **settings).fit(town().events(), GRID, until=town().cut)
    other = ppe.Blend(members=tuple(members[k] for k in there), **settings).fit(town().events(), GRID, until=town().cut)
    np.testing.assert_allclose(weights_of(other), weights_of(one)[list(there)], atol=0.01)
    np.testing.assert_allclose(other.predict(town().windows), one.predict(town().windows), rtol=0.02)


def test_learnt_weights_sum_to_one_or_follow_the_level():
    here = town()
    settings = {"members": (PAIR[1],), "training": "12D", "step": "2D", "relearn": "7D", "floor": 0.0}
    events = here.events()
    tied = ppe.Blend(**settings).fit(events, GRID, until=here.cut)
    free = ppe.Blend(**settings, normalised=False).fit(events, GRID, until=here.cut)
    assert weights_of(tied).tolist() == [1.0]
    # Crimes of the past windows over what was expected of them.
    windows = naive.rehearsed(
        [("count", {"lookback": None})], here.crimes, here.observed, naive.anchor(here.until, 7, here.zone), 12, 2,
        here.zone, GROUND,
    )  # fmt: skip
    explained = [(maps[0], np.where(maps[0] > 0, counts, 0)) for maps, counts in windows]
    level = sum(c.sum() for _, c in explained) / sum(m.sum() for m, _ in explained)
    assert weights_of(free)[0] == pytest.approx(level, rel=1e-6)
    lost = sum(counts.sum() for _, counts in windows) - sum(c.sum() for _, c in explained)
    assert tied.learnt.record.get("unexpected_crimes", 0.0) == pytest.approx(lost)


@pytest.mark.parametrize("score", [ppe.NearRepeat(radius=300), ppe.ProspectiveHotspot()], ids=repr)
def test_a_score_gets_the_observed_level_and_keeps_its_order(score):
    nights = ppe.Schedule(start="2018-04-17", end="2018-04-19", tz="Europe/London").windows
    nights = Windows(nights.start.copy(), nights.end.copy(), np.repeat(nights.until[:1], 2), nights.tz)
    blended = night_of(ppe.Blend(members=(score,), weights=(1.0,)), nights=nights)
    alone, even = night_of(score, nights=nights), night_of(ppe.Uniform(), nights=nights)
    np.testing.assert_allclose(blended.sum(axis=(1, 2)), even.sum(axis=(1, 2)), rtol=1e-12)
    shares = [values / values.sum(axis=(1, 2), keepdims=True) for values in (blended, alone)]
    np.testing.assert_allclose(*shares, rtol=1e-12)
    # Without recent crimes the map is 0 everywhere, which says nothing about where.
    late = ppe.Schedule(start="2018-12-17", end="2018-12-18", tz="Europe/London").windows
    events = dataclasses.replace(town().events(), observed=((np.datetime64("2018-03-05", "ns"), late.end[0]),))
    quiet = night_of(ppe.Blend(members=(score,), weights=(1.0,)), events, late)
    np.testing.assert_allclose(quiet, night_of(ppe.Uniform(), events, late), rtol=1e-12)


def test_negative_scores_cannot_be_shared_out():
    nights = town().windows[:1]
    given = ppe.External(surface=ppe.make_surface(-np.ones((1, *GRID.shape)), GRID, nights, kind="score"))
    with pytest.raises(ppe.InputError, match=r"scores of member 1 .* go down to -1"):
        night_of(ppe.Blend(members=(PAIR[0], given), weights=(1, 1)), nights=nights)


def test_flags_are_shared_out_among_the_flagged():
    nights = town().windows[:1]
    flags = np.zeros((1, *GRID.shape))
    flags[0, 1, :2] = 1
    given = ppe.External(surface=ppe.make_surface(flags, GRID, nights, kind="flags"))
    risk = night_of(ppe.Blend(members=(given,), weights=(1,)), nights=nights)
    expected = night_of(ppe.Uniform(), nights=nights).sum() / 2
    assert risk[0, 1].tolist() == pytest.approx([expected, expected, 0, 0, 0])


# Anchors, blocks, and no look ahead -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """A count map of somebody else's that counts how often it is fitted."""

    calls: Any = field(default_factory=list, compare=False, repr=False)
    fingerprint: str = "counted"

    def fit(self, events, grid, *, until):
        self.calls.append(until)
        return ppe.CountMap(lookback="14D").fit(events, grid, until=until)


def test_many_nights_are_those_of_the_plain_loop_and_learn_once_an_anchor():
    events = town().events()
    nights = ppe.Schedule(start="2018-04-10", end="2018-04-20", tz="Europe/London").windows
    counted = Counted()
    members = (counted, ppe.CountMap(lookback=None), ppe.NearRepeat(radius=300))
    blend = ppe.Blend(members=members, training="10D", step="1D", relearn="7D")
    quick = blend.forecast(events, GRID, nights)
    learnt = json.loads(quick.attrs["learnt"])
    assert len(learnt) == 2
    # Once a past window, and once a night where it has any weight.
    starts = [np.datetime64(each["anchor"]) for each in learnt]
    whose = np.searchsorted(starts, nights.until, side="right") - 1
    live = sum(learnt[each]["weights"][0] > 0 for each in whose)
    assert len(counted.calls) == live + sum(each["windows"] for each in learnt)
    assert live > 0
    slow = plain_loop(blend, events, GRID, nights)
    np.testing.assert_allclose(quick, slow, rtol=1e-9)
    assert {key: value for key, value in quick.attrs.items() if key != "learnt"} == {
        key: value for key, value in slow.attrs.items() if key != "learnt"
    }
    xr.testing.assert_identical(quick.coords.to_dataset(), slow.coords.to_dataset())
    # In another order, and some of them only.
    some = nights[[8, 3, 5]]
    np.testing.assert_array_equal(blend.forecast(events, GRID, some), quick[[8, 3, 5]])


def test_between_two_anchors_weights_stay_and_maps_move():
    events = town().events()
    blend = ppe.Blend(members=PAIR, training="10D", step="2D", relearn="7D")
    one, two, later = (blend.fit(events, GRID, until=day) for day in ("2018-04-08", "2018-04-13", "2018-04-16"))
    # Saturdays, by the summer time of London.
    assert [fitted.learnt.record["anchor"][:13] for fitted in (one, two, later)] == [
        "2018-04-06T23", "2018-04-06T23", "2018-04-13T23",
    ]  # fmt: skip
    assert one.learnt.record == two.learnt.record
    assert weights_of(one).tobytes() == weights_of(two).tobytes() != weights_of(later).tobytes()
    assert not np.array_equal(one.even.rate, two.even.rate)


def test_crimes_recorded_after_the_anchor_teach_nothing():
    """They happened in the past windows, and are known to the members of the night, but not to the weights."""
    here = town()
    events = here.events()
    blend = ppe.Blend(members=PAIR, training="10D", step="2D", relearn="7D")
    fitted = blend.fit(events, GRID, until=here.cut)
    at = pd.Timestamp(fitted.learnt.record["anchor"], tz="UTC")
    assert at < here.until
    late = [
        Crime((at - timedelta(days=1, minutes=k)).to_pydatetime(), None, at.to_pydatetime(), 1150.0, 2150.0)
        for k in range(200)
    ]
    more = blend.fit(here.events([*here.crimes, *late]), GRID, until=here.cut)
    assert more.learnt.record == fitted.learnt.record
    assert weights_of(more).tobytes() == weights_of(fitted).tobytes()
    assert not np.array_equal(more.predict(here.windows), fitted.predict(here.windows))
    # A moment earlier they would have been known, and they are many.
    known = [dataclasses.replace(c, recorded=c.recorded - timedelta(microseconds=1)) for c in late]
    assert blend.fit(here.events([*here.crimes, *known]), GRID, until=here.cut).learnt.record != fitted.learnt.record


@pytest.mark.parametrize(
    "blend",
    [
        ppe.Blend(members=(*PAIR, ppe.NearRepeat()), training="28D"),
        ppe.Blend(members=PAIR, weights=(0.5, 0.5)),
        ppe.Blend(
            members=(ppe.tune(ppe.CountMap(), {"lookback": ["7D", None]}, training="14D"), ppe.Uniform()),
            training="14D",
            normalised=False,
            relearn=None,
        ),
    ],
    ids=["learnt", "given", "tuned within"],
)
def test_it_keeps_all_rules(blend):
    report = ppe.check_forecaster(blend)
    assert report.passed
    assert {r.name for r in report.results if r.outcome == "skipped"} == {"surfaces_made_in_time"}


# Saving, backtests, bad input -----------------------------------------------------------------------------------------


def test_a_loaded_fit_predicts_the_same_to_the_bit(tmp_path):
    blend = ppe.Blend(members=[*PAIR, ppe.NearRepeat()], training="14D", step="2D")
    fitted = blend.fit(town().events(), GRID, until=town().cut)
    ppe.save_fit(fitted, tmp_path / "fit.nc")
    again = ppe.load_fit(tmp_path / "fit.nc")
    assert again.forecaster == blend
    assert again.weights == fitted.weights
    xr.testing.assert_identical(again.predict(town().windows), fitted.predict(town().windows))


def test_attrs_say_what_was_learnt_and_survive_a_file(tmp_path):
    blend = ppe.Blend(members=PAIR, training="14D", step="2D", relearn="7D")
    risk = blend.fit(town().events(), GRID, until=town().cut).predict(town().windows)
    ppe.save_surface(risk, tmp_path / "risk.nc")
    attrs = ppe.load_surface(tmp_path / "risk.nc").attrs
    weights = json.loads(attrs["weights"])
    assert list(weights) == ["CountMap(lookback='14D')", "CountMap(lookback=None)"]
    assert sum(weights.values()) == pytest.approx(1.0)
    (record,) = json.loads(attrs["learnt"])
    assert record["crimes"] > 20
    assert record["converged"] is True
    assert attrs["floor"] == 0.01
    assert attrs["converged"] == 1


def test_a_backtest_with_nights_without_crime_and_a_store(tmp_path):
    city = make_city(3)
    schedule = ppe.Schedule(start="2018-04-05", end="2018-04-17", tz="Europe/London")
    blend = {"blend": ppe.Blend(members=PAIR, training="28D")}
    settings = {"budgets": ppe.Coverage(0.05), "kinds": "burglary", "progress": False}
    one, two = (
        ppe.backtest(blend, city.events, city.grid, schedule, store=store, **settings) for store in (None, tmp_path)
    )
    assert (one.status == "ok").all()
    assert (one.events.sum("area") == 0).any()
    assert_same_bits(two, one)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"members": ()}, "no member to blend"),
        ({"members": ppe.CountMap()}, "give a sequence of forecasters"),
        ({"members": "CountMap"}, "give a sequence of forecasters"),
        ({"members": (ppe.CountMap(), ppe.KDE)}, r"Member 1 is .* cannot be fitted"),
        ({"members": PAIR, "weights": (1.0,)}, "1 weights for 2 members"),
        ({"members": PAIR, "weights": 1.0}, "one number of 0 or more for each of the 2"),
        ({"members": PAIR, "weights": (1.0, -0.1)}, r"weights\[1\] is -0.1"),
        ({"members": PAIR, "weights": (1.0, float("nan"))}, r"weights\[1\] is nan"),
        ({"members": PAIR, "weights": (True, 1.0)}, r"weights\[0\] is True"),
        ({"members": PAIR, "weights": (0, 0.0)}, "All weights are 0"),
        ({"members": PAIR, "training": "3D"}, "shorter than step"),
        ({"members": PAIR, "step": "a week"}, "step is 'a week'"),
        ({"members": PAIR, "relearn": "36h"}, "whole days"),
        ({"members": PAIR, "floor": 1.0}, "from 0 to below 1"),
        ({"members": PAIR, "floor": -0.1}, "from 0 to below 1"),
        ({"members": PAIR, "floor": True}, "from 0 to below 1"),
    ],
)
def test_what_cannot_be_blended_is_refused(settings, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.Blend(**settings)


def few(times, x=1150.0):
    frame = pd.DataFrame({"t": pd.to_datetime(times), "x": x, "y": 2150.0})
    return ppe.Events.from_frame(frame, crs=CRS, tz="UTC", observed=[("2018-01-01", "2018-06-01")])


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize(
    ("times", "note"),
    [
        (["2018-02-01 12:00"], "no crime to learn from"),
        (["2018-04-20 12:00"], "no crime to learn from"),
        (["2018-04-20 12:00"] * 30, "no crime to learn from"),
        (["2018-04-20 12:00", "2018-04-26 12:00"], "too few crimes: 2"),
        (["2018-04-20 12:00"] * 30 + ["2018-04-26 12:00"] * 30, None),
        (pd.date_range("2018-04-01", periods=30, freq="12h"), None),
    ],
    ids=["none in the training time", "one", "one moment and place", "two", "two moments", "one place"],
)
def test_odd_crimes_make_a_sound_map_and_are_told(times, note, normalised):
    blend = ppe.Blend(members=(*PAIR, ppe.NearRepeat()), training="35D", normalised=normalised)
    night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="UTC").windows
    fitted = blend.fit(few(times), GRID, until="2018-05-01")
    risk = fitted.predict(night).to_numpy()
    assert np.isfinite(risk).all()
    assert (risk >= 0).all()
    assert note in fitted.learnt.record.get("note", "") if note else "note" not in fitted.learnt.record
    if note == "no crime to learn from":
        np.testing.assert_allclose(weights_of(fitted), 1 / 3)


def test_a_training_time_longer_than_the_data_uses_what_there_is():
    events = few(pd.date_range("2018-01-01", periods=200, freq="12h"))
    fitted = ppe.Blend(members=PAIR, training="5000D").fit(events, GRID, until="2018-05-01")
    assert fitted.learnt.record["from"] >= "2018-01-01"
    assert 14 <= fitted.learnt.record["windows"] <= 17


def test_a_night_before_anything_can_be_learnt_fails_alone_with_its_reason():
    events = few(pd.date_range("2018-01-01", periods=200, freq="12h"))
    # Anchors are Saturdays, 6, 13 and 20 January; the first whole week with history before it ends on the 13th.
    schedule = ppe.Schedule(start="2018-01-10", end="2018-01-24", tz="UTC")
    blend = {"blend": ppe.Blend(members=PAIR, relearn="7D")}
    with pytest.warns(
        ppe.PredPolWarning, match=r"blend failed on 3 of 14 nights \(InputError: There is nothing to learn"
    ):
        out = ppe.backtest(blend, events, GRID, schedule, budgets=ppe.TopCells(3), progress=False)
    assert out.status.values.ravel().tolist() == ["failed"] * 3 + ["ok"] * 11


# Real crimes ----------------------------------------------------------------------------------------------------------


def test_a_week_of_toronto(shared_data):
    events = ppe.read_events(
        shared_data / "toronto" / "toronto_mci_2014_2018.csv.gz", format="toronto", kinds=["Robbery"]
    )
    low, high = (np.percentile(np.stack([events.x, events.y]), q, axis=1) for q in (1, 99))
    grid = ppe.Grid.from_bounds(*np.floor(low), *np.ceil(high), cell=500, crs=events.crs)
    members = tuple(ppe.CountMap(lookback=length) for length in ("21D", "90D", "365D", None))
    blend = ppe.Blend(members=(*members, ppe.NearRepeat()))
    nights = ppe.Schedule(start="2018-06-01", end="2018-06-08", tz=events.tz).windows
    risk = blend.forecast(events, grid, nights)
    (record,) = json.loads(risk.attrs["learnt"])
    assert record["windows"] == 26
    assert record["crimes"] > 1000
    assert record["converged"]
    weights = json.loads(risk.attrs["weights"])
    # All history and a year know most of where robberies are.
    assert weights["CountMap(lookback=None)"] + weights["CountMap(lookback='365D')"] > 0.5
    assert 3 < float(risk.sum()) / 7 < 15
