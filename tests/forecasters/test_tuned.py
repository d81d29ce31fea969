"""Tuned: the choice of plain loops, the parameter that made the crimes, and no look ahead."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import predpol_eval as ppe
from predpol_eval.forecasters import Tuned
from predpol_eval.forecasters.base import describe, identity
from predpol_eval.forecasters.base import forecast as plain_loop
from tests.forecasters import urns
from tests.forecasters.test_blend import few, town
from tests.forecasters.towns import GROUND, Crime
from tests.naive import ranking, scores
from tests.naive import rehearsal as naive

GRID = GROUND.grid
LOOKBACKS = ["3D", "14D", None]


def loops(here, training, step, retune, share=None):
    """Score of a count map of each lookback on the past windows, in plain loops."""
    members = [("count", {"lookback": lookback}) for lookback in LOOKBACKS]
    at = naive.anchor(here.until, retune, here.zone)
    windows = naive.rehearsed(members, here.crimes, here.observed, at, training, step, here.zone, GROUND)
    ground = np.array(GROUND.inside_m2).ravel()
    found = []
    for number in range(len(members)):
        cells = [list(zip(maps[number].ravel(), ground, y.ravel(), strict=True)) for maps, y in windows]
        if share is None:
            found.append(scores.poisson(cells, floor=1e-6))
            continue
        caught = 0.0
        for window in cells:
            rates, _, crimes = (np.array(column) for column in zip(*window, strict=True))
            key, scope = rates / ground, np.zeros(len(ground), dtype=int)
            dealt = ranking.by_scope(np.argsort(-key, kind="stable"), key, scope, 1)
            flagged, _, _ = ranking.fill(*dealt, ground, [share * ground.sum()], ranking.EXACT)
            caught += float(flagged @ crimes)
        found.append(caught / sum(y.sum() for _, y in windows))
    return found


@pytest.mark.parametrize("zone", ["Europe/London", "America/Toronto"])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("score", "share"), [("log", None), (ppe.Coverage(0.1), 0.1), (ppe.Coverage(0.25), 0.25)])
def test_the_choice_is_that_of_plain_loops(zone, seed, score, share):
    here = town(seed, zone)
    expected = loops(here, 20, 2, 14, share)
    tuned = ppe.tune(ppe.CountMap(), {"lookback": LOOKBACKS}, score=score, training="20D", step="2D", retune="14D")
    fitted = tuned.fit(here.events(), GRID, until=here.cut)
    np.testing.assert_allclose(fitted.choice.record["scores"], expected, rtol=1e-9)
    assert fitted.choice.position == int(np.argmax(expected))
    alone = ppe.CountMap(lookback=LOOKBACKS[int(np.argmax(expected))]).fit(here.events(), GRID, until=here.cut)
    risk = fitted.predict(here.windows)
    assert risk.to_numpy().tobytes() == alone.predict(here.windows).to_numpy().tobytes()
    assert json.loads(risk.attrs["chosen_values"]) == {"lookback": LOOKBACKS[fitted.choice.position]}


def test_top_cells_and_areas_count_as_in_a_tally():
    here = town()
    events = here.events()
    for score in (ppe.TopCells(3), ppe.TopCells(1, per="area"), ppe.Coverage(0.2, rounding="floor")):
        tuned = ppe.tune(ppe.CountMap(), {"lookback": LOOKBACKS}, score=score, training="12D", step="2D", retune="7D")
        choice = tuned.fit(events, GRID, until=here.cut).choice
        at = np.datetime64(choice.record["anchor"])
        known = events.known_at(at)
        ends = at - np.arange(6)[::-1] * np.timedelta64(2, "D")
        starts = ends - np.timedelta64(2, "D")
        windows = ppe.Windows(starts, ends, starts.copy(), here.zone)
        for candidate, found in zip(tuned.candidates, choice.record["scores"], strict=True):
            tally = ppe.tally(plain_loop(candidate, known, GRID, windows), known, score, GRID)
            assert found == pytest.approx(float(ppe.hit_rate(tally.sum(["window", "area"])).squeeze()), rel=1e-12)


# Truth is found -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "space"),
    [
        (ppe.KDE(bandwidth=400, lookback="21D"), {"bandwidth": [250, 400, 700, 1200]}),
        (ppe.CountMap(lookback=None, half_life="28D"), {"half_life": ["7D", "28D", "112D", None]}),
    ],
    ids=["bandwidth", "half-life"],
)
def test_the_parameter_that_made_the_crimes_is_found(truth, space):
    for seed in range(2):
        events = urns.urn(
            lambda past, start: urns.week_of(truth, past, start), weeks=30, per_week=150, seed=seed, share=0.1
        )
        tuned = ppe.tune(dataclasses.replace(truth), space, retune=None)
        fitted = tuned.fit(events, urns.GRID, until=urns.START + 30 * urns.WEEK)
        assert fitted.fitted.forecaster == truth
        assert fitted.choice.record["windows"] == 26
        assert fitted.choice.record["crimes"] > 3500


# Anchors, many nights, no look ahead ----------------------------------------------------------------------------------


def test_many_nights_are_those_of_the_plain_loop_though_the_choice_changes():
    events = urns.urn(
        lambda past, start: urns.week_of(ppe.CountMap(lookback="14D"), past, start), weeks=14, per_week=10, seed=5
    )
    nights = ppe.Schedule(start="2017-03-01", end="2017-04-12", tz="UTC").windows
    tuned = ppe.tune(ppe.CountMap(), {"lookback": ["14D", "28D", None]}, training="14D", step="2D", retune="2D")
    quick = tuned.forecast(events, urns.GRID, nights)
    learnt = json.loads(quick.attrs["learnt"])
    assert len({each["chosen"] for each in learnt}) == 2
    assert len(learnt) == len(nights) // 2 + 1  # the first anchor is the day before the first night
    slow = plain_loop(tuned, events, urns.GRID, nights)
    np.testing.assert_array_equal(quick, slow)
    assert {key for key in quick.attrs if quick.attrs[key] != slow.attrs[key]} == {"learnt"}
    xr.testing.assert_identical(quick.coords.to_dataset(), slow.coords.to_dataset())
    np.testing.assert_array_equal(tuned.forecast(events, urns.GRID, nights[[30, 4, 9]]), quick[[30, 4, 9]])


def test_crimes_recorded_after_the_anchor_choose_nothing():
    here = town()
    tuned = ppe.tune(ppe.CountMap(), {"lookback": LOOKBACKS}, training="14D", step="2D", retune="7D")
    fitted = tuned.fit(here.events(), GRID, until=here.cut)
    at = pd.Timestamp(fitted.choice.record["anchor"], tz="UTC")
    late = [
        Crime((at - timedelta(days=1, minutes=k)).to_pydatetime(), None, at.to_pydatetime(), 1150.0, 2150.0)
        for k in range(200)
    ]
    more = tuned.fit(here.events([*here.crimes, *late]), GRID, until=here.cut)
    assert more.choice.record == fitted.choice.record
    assert not np.array_equal(more.predict(here.windows), fitted.predict(here.windows))
    known = [dataclasses.replace(c, recorded=c.recorded - timedelta(microseconds=1)) for c in late]
    other = tuned.fit(here.events([*here.crimes, *known]), GRID, until=here.cut)
    assert other.choice.record["scores"] != fitted.choice.record["scores"]


@pytest.mark.parametrize(
    "tuned",
    [
        ppe.tune(ppe.CountMap(), {"lookback": ["21D", None], "half_life": [None, "20D"]}, training="56D"),
        ppe.tune([ppe.NearRepeat(), ppe.ProspectiveHotspot()], score=ppe.TopCells(5), retune=None, training="28D"),
        ppe.tune(
            ppe.Blend(members=(ppe.CountMap(), ppe.Uniform()), training="14D"), {"floor": [0.0, 0.2]}, training="14D"
        ),
    ],
    ids=["log", "scores", "a blend"],
)
def test_it_keeps_all_rules(tuned):
    assert ppe.check_forecaster(tuned).passed


# Ties, records, files -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Almost:
    """A count map whose numbers differ in the last digits."""

    by: float = 0.0

    def fit(self, events, grid, *, until):
        fitted = ppe.CountMap(lookback="14D").fit(events, grid, until=until)
        return dataclasses.replace(fitted, rate=fitted.rate * (1 + self.by))


def test_ties_go_to_the_first():
    here = town()
    values = [0.0, *(sign * size * 1e-15 for size in range(1, 12) for sign in (1, -1))]
    for score in ("log", ppe.Coverage(0.1)):
        tuned = ppe.tune(Almost(), {"by": values}, score=score, training="14D", step="2D", retune="7D")
        choice = tuned.fit(here.events(), GRID, until=here.cut).choice
        assert choice.position == 0
        if score == "log":
            # The last digits would have chosen another.
            assert max(choice.record["scores"]) > choice.record["scores"][0]
    better = ppe.tune(Almost(), {"by": [0.5, 0.0]}, training="14D", step="2D", retune="7D")
    assert better.fit(here.events(), GRID, until=here.cut).choice.position == 1


def test_attrs_say_what_was_chosen_and_on_what(tmp_path):
    here = town()
    tuned = ppe.tune(ppe.CountMap(), {"lookback": LOOKBACKS}, training="14D", step="2D", retune="7D")
    risk = tuned.fit(here.events(), GRID, until=here.cut).predict(here.windows)
    ppe.save_surface(risk, tmp_path / "risk.nc")
    attrs = ppe.load_surface(tmp_path / "risk.nc").attrs
    assert attrs["forecaster"].startswith("Tuned(forecaster=CountMap(")
    (record,) = json.loads(attrs["learnt"])
    assert attrs["chosen"] == record["chosen"] == describe(ppe.CountMap(**json.loads(attrs["chosen_values"])))
    # The first of the seven begins an hour before the gap in observation ends.
    assert record["windows"] == 6
    assert record["crimes"] > 20
    assert len(record["scores"]) == 3
    assert record["score"] == "Poisson log score, nats per window"


def test_a_choice_on_few_crimes_says_so():
    events = few(["2018-04-20 12:00", "2018-04-26 12:00"])
    tuned = ppe.tune(ppe.CountMap(), {"lookback": ["7D", None]}, training="35D")
    fitted = tuned.fit(events, GRID, until="2018-05-01")
    assert fitted.choice.record["note"].startswith("too few crimes: 2")
    # Nothing at all to choose by: all are tied, and the first is taken.
    quiet = ppe.tune(ppe.CountMap(), {"lookback": ["7D", None]}, score=ppe.Coverage(0.1), training="35D")
    none = quiet.fit(few(["2018-01-20 12:00"]), GRID, until="2018-05-01")
    assert none.choice.position == 0
    assert none.choice.record["scores"] == [0.0, 0.0]
    assert none.choice.record["note"].startswith("too few crimes: 0")


def test_a_loaded_fit_predicts_the_same_to_the_bit(tmp_path):
    here = town()
    for tuned in (
        ppe.tune(
            ppe.KDE(bandwidth=300), {"bandwidth": [250, 500]}, score=ppe.Coverage(0.1), training="14D", retune="7D"
        ),
        ppe.tune([ppe.CountMap(), ppe.Uniform()], training="14D", retune="7D"),
    ):
        fitted = tuned.fit(here.events(), GRID, until=here.cut)
        ppe.save_fit(fitted, tmp_path / "fit.nc")
        again = ppe.load_fit(tmp_path / "fit.nc")
        assert again.forecaster == tuned
        xr.testing.assert_identical(again.predict(here.windows), fitted.predict(here.windows))


def test_in_a_backtest_and_in_a_store(tmp_path):
    here = town()
    schedule = ppe.Schedule(start="2018-04-10", end="2018-04-19", tz=here.zone)
    tuned = {"tuned": ppe.tune(ppe.CountMap(), {"lookback": LOOKBACKS}, training="10D", step="2D", retune="7D")}
    events = here.events()
    for _ in range(2):
        out = ppe.backtest(
            tuned, events, GRID, schedule, budgets=ppe.TopCells(3), progress=False, store=tmp_path / "store"
        )
        assert (out.status == "ok").all()
    assert identity(tuned["tuned"]) != identity(dataclasses.replace(tuned["tuned"], retune="14D"))
    assert identity(tuned["tuned"]) != identity(ppe.tune(ppe.CountMap(), {"lookback": ["3D", None]}))


# What is tried, and what is refused -----------------------------------------------------------------------------------


def test_every_combination_is_tried_in_order():
    tuned = ppe.tune(ppe.KDE(), {"bandwidth": [250, 500], "half_life": ["90D", None, "30D"]})
    assert [(c.bandwidth, c.half_life) for c in tuned.candidates] == [
        (250, "90D"), (250, None), (250, "30D"), (500, "90D"), (500, None), (500, "30D"),
    ]  # fmt: skip
    assert isinstance(tuned, Tuned)
    assert tuned == Tuned(forecaster=ppe.KDE(), space=(("bandwidth", (250, 500)), ("half_life", ("90D", None, "30D"))))


@dataclass(frozen=True)
class Picky:
    """It cannot be made of odd numbers."""

    number: int = 0
    derived: Any = field(init=False, default=None)

    def __post_init__(self):
        if self.number % 2:
            raise ValueError("odd")

    def fit(self, events, grid, *, until):
        return ppe.CountMap().fit(events, grid, until=until)


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (
            (ppe.CountMap(), {"bandwidth": [1]}),
            {},
            "CountMap has no field 'bandwidth'; its fields are 'lookback', 'half_",
        ),
        ((Picky(), {"derived": [1]}), {}, "no field 'derived'; its fields are 'number'"),
        ((ppe.CountMap(), {}), {}, "The space is empty"),
        ((ppe.CountMap(), {"lookback": []}), {}, r"space\['lookback'\] is \[\]"),
        ((ppe.CountMap(), {"lookback": "21D"}), {}, r"space\['lookback'\] is '21D'; give a list"),
        ((ppe.CountMap(),), {}, "nothing to choose from"),
        (([],), {}, "nothing to choose from"),
        (([ppe.CountMap(), ppe.KDE],), {}, r"Candidate 1 is .* cannot be fitted"),
        ((ppe.CountMap, {"lookback": ["21D"]}), {}, "not an instance of a dataclass"),
        ((Picky(), {"number": [2, 3]}), {}, "candidate Picky with number=3 cannot be made: odd"),
        (
            (ppe.KDE(), {"bandwidth": [100, -5]}),
            {},
            "candidate KDE with bandwidth=-5 cannot be made: bandwidth=-5; give",
        ),
        (([ppe.CountMap()],), {"score": "hits"}, "score='hits'; give 'log' or a budget"),
        (([ppe.CountMap()],), {"training": "1D"}, "shorter than step"),
        (([ppe.CountMap()],), {"retune": "36h"}, "whole days"),
        (([ppe.CountMap()],), {"floor": 0.0}, "floor=0.0"),
        (([ppe.CountMap()],), {"floor": None}, "floor=None"),
    ],
)
def test_what_cannot_be_tuned_is_refused(arguments, settings, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.tune(*arguments, **settings)


@pytest.mark.parametrize(
    ("candidates", "score", "message"),
    [
        ([ppe.NearRepeat()], "log", r"NearRepeat\(\) gives 'score': the log score needs an expected count"),
        (
            [ppe.CountMap(), ppe.NearRepeat()],
            ppe.Coverage(0.1),
            r"CountMap\(\) gives 'expected_count' and NearRepeat\(\) gives 'score': candidates must all give the same",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_and_a_blend_helps(candidates, score, message):
    here = town()
    settings = {"score": score, "training": "14D", "step": "7D", "retune": "7D"}
    with pytest.raises(ppe.InputError, match=message):
        ppe.tune(candidates, **settings).fit(here.events(), GRID, until=here.cut)
    helped = [ppe.Blend(members=(candidate,), weights=(1.0,)) for candidate in candidates]
    assert ppe.tune(helped, **settings).fit(here.events(), GRID, until=here.cut).choice.record["windows"] == 1


@pytest.mark.parametrize("score", ["log", ppe.Coverage(0.1)])
@pytest.mark.parametrize(
    "times",
    [
        ["2018-04-20 12:00"],
        ["2018-04-20 12:00"] * 30,
        list(pd.date_range("2018-04-01", periods=30, freq="12h")),
    ],
    ids=["one", "one moment and place", "one place"],
)
def test_odd_crimes_make_a_sound_map(times, score):
    tuned = ppe.tune(ppe.CountMap(), {"lookback": ["7D", "9999D"]}, score=score, training="35D")
    night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="UTC").windows
    risk = tuned.fit(few(times), GRID, until="2018-05-01").predict(night).to_numpy()
    assert np.isfinite(risk).all()
    assert (risk >= 0).all()


def test_before_anything_can_be_learnt_it_is_refused():
    events = few(pd.date_range("2018-01-01", periods=200, freq="12h"))
    with pytest.raises(ppe.InputError, match="nothing to learn from"):
        ppe.tune([ppe.CountMap()], retune="7D").fit(events, GRID, until="2018-01-12")


def test_the_best_simple_map_of_toronto(shared_data):
    events = ppe.read_events(
        shared_data / "toronto" / "toronto_mci_2014_2018.csv.gz", format="toronto", kinds=["Auto Theft"]
    )
    low, high = (np.percentile(np.stack([events.x, events.y]), q, axis=1) for q in (1, 99))
    grid = ppe.Grid.from_bounds(*np.floor(low), *np.ceil(high), cell=500, crs=events.crs)
    maps = [ppe.CountMap(lookback=length) for length in ("21D", "90D", "365D", None)]
    fitted = ppe.tune(maps, score=ppe.Coverage(0.01)).fit(events, grid, until="2018-06-01")
    scores_by_map = fitted.choice.record["scores"]
    # Three weeks of thefts are the worst guide of these.
    assert np.argmin(scores_by_map) == 0
    assert fitted.choice.position == int(np.argmax(scores_by_map))
    assert fitted.choice.record["crimes"] > 1000
