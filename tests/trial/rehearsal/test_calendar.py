"""What happens when, and whose plan it is."""

from __future__ import annotations

import datetime
from collections import Counter
from itertools import pairwise

import pytest

from predpol_eval.errors import InputError
from predpol_eval.trial.plan import read_plan
from predpol_eval.trial.rehearsal.calendar_of_steps import steps_of
from predpol_eval.trial.rehearsal.rehearsed_plan import refuse_unknown_nights, rehearsed_plan
from predpol_eval.trial.rehearsal.vendors import VENDORS
from tests.trial.plan.town import PLAN
from tests.trial.rehearsal.town import RULES, crimes, write_rules


def plan_of(folder, *changes):
    text = PLAN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return read_plan(write_rules(folder, text))


def test_the_steps_of_thirty_nights(tmp_path):
    plan = plan_of(tmp_path)
    cast = {"A": VENDORS["strong"], "B": VENDORS["unreliable"]}
    steps = steps_of(plan, cast, 1)
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    count = Counter(step.what for step in steps)
    assert (count["release"], count["close"], count["look"]) == (30, 30, 3)
    assert count["snapshot"] == count["score"] == 10
    assert steps == steps_of(plan, cast, 1)
    assert steps != steps_of(plan, cast, 2)
    of_night = [step for step in steps if step.night == "2018-07-05" and step.label in ("", "A")]
    assert [step.what for step in of_night] == ["release", "hand in", "close"]
    shots = [step.at for step in steps if step.what == "snapshot"]
    assert {later - earlier for earlier, later in list(pairwise(shots))[:-1]} == {datetime.timedelta(days=7)}
    assert shots[-1] >= plan.nights[-1].settled_from
    for number, nights in enumerate(plan.test.looks, 1):
        (look,) = [step for step in steps if step.what == "look" and step.number == number]
        assert look.at >= plan.nights[nights - 1].settled_from
        assert look.at in shots
        before = [step.what for step in steps[: steps.index(look)] if step.at == look.at]
        assert before[:2] == ["snapshot", "score"]


@pytest.mark.parametrize(
    "changes",
    [
        [('deadline = "19:00"', 'deadline = "19:00"\nsettling_days = 0')],
        [('at = "20:00"', 'at = "22:00"\nhorizon = "8h"')],
        [('cut = "17:00"', 'cut = "12:00"\ncut_days_before = 2\ndeadline_days_before = 1')],
        [("first = 2018-07-01", "first = 2018-10-20")],
        [("first = 2018-07-01", "first = 2018-03-20"), ('at = "20:00"', 'at = "02:00"\n'),
         ('cut = "17:00"', 'cut = "00:30"'), ('deadline = "19:00"', 'deadline = "01:30"')],
    ],
    ids=["settles at once", "night shift", "days before", "clock put back", "clock put forward"],
)  # fmt: skip
def test_steps_come_in_an_order_that_a_trial_allows(tmp_path, changes):
    plan = plan_of(tmp_path, *changes)
    steps = steps_of(plan, {"A": VENDORS["strong"]}, 1)
    for night in plan.nights:
        at = {step.what: step.at for step in steps if step.night == night.name}
        assert at["release"] == night.cut < at["hand in"] < night.deadline < at["close"]
    closed = {step.night: step.at for step in steps if step.what == "close"}
    last = next(step for step in reversed(steps) if step.what == "score")
    assert last.at >= max(closed.values())
    assert last.at >= plan.nights[-1].settled_from
    assert steps[-1].what == "look"


def test_the_plan_is_the_trials_own_but_for_vendors_and_nights(tmp_path):
    plan = plan_of(tmp_path)
    made = rehearsed_plan(plan, ["A", "B", "C"])
    assert made.name == "Rehearsal: A trial"
    assert made.sha256 != plan.sha256
    mine, theirs = made.keys, plan.keys
    assert {name: mine[name] for name in mine if name != "trial"} == {
        name: theirs[name] for name in theirs if name != "trial"
    }
    assert mine["trial"] == {**theirs["trial"], "name": "Rehearsal: A trial"}
    assert rehearsed_plan(plan, ["A", "B", "C"]).sha256 == made.sha256


def test_another_cast_has_the_usual_pairs(tmp_path):
    plan = plan_of(tmp_path, ("looks = [10, 20, 30]", 'looks = [10, 20, 30]\npairs = [["A", "B"]]'))
    assert rehearsed_plan(plan, ["C", "B", "A"]).test.pairs == (("A", "B"),)
    made = rehearsed_plan(plan, ["A", "X"])
    assert made.vendors == ("A", "X")
    assert made.test.pairs == (("A", "X"), ("A", "in-house"), ("X", "in-house"))


def test_other_nights(tmp_path):
    plan = plan_of(tmp_path)
    made = rehearsed_plan(plan, ["A"], first="2017-03-01", until="2017-03-15")
    assert [made.nights[0].name, made.nights[-1].name, len(made.nights)] == ["2017-03-01", "2017-03-15", 15]
    assert made.test.looks == (10, 15)
    assert len(rehearsed_plan(plan, ["A"], until="2020-01-01").nights) == 30
    assert rehearsed_plan(plan, ["A"], until="2018-07-10").test.looks == (10,)
    for words, message in (
        ({"until": "2018-06-30"}, "before the first night, 2018-07-01"),
        ({"until": "soon"}, "until='soon' is no night"),
        ({"first": "1 May"}, "first='1 May' is no night"),
    ):
        with pytest.raises(InputError, match=message):
            rehearsed_plan(plan, ["A"], **words)


def test_nights_that_crimes_do_not_tell_of(tmp_path):
    plan = read_plan(write_rules(tmp_path, RULES))
    events = crimes()
    refuse_unknown_nights(plan, events)
    later = rehearsed_plan(plan, ["A"], first="2018-12-01")
    with pytest.raises(InputError, match=r"do not tell of 2018-12-01, .* and 25 more: they were observed from 2017"):
        refuse_unknown_nights(later, events)
    short = rehearsed_plan(plan, ["A"], first="2018-08-20", until="2018-08-30")
    with pytest.raises(InputError, match="settles on 2018-09-0"):
        refuse_unknown_nights(short, events)
    # Where all is known at once, there is nothing to wait for.
    refuse_unknown_nights(short, crimes(recorded=False))
    hurried = plan_of(tmp_path / "hurried", ('cut = "17:00"', 'cut = "19:00"'))
    with pytest.raises(InputError, match="The deadline is at the cut on 2018-07-01"):
        refuse_unknown_nights(hurried, events)
