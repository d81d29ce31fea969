"""What is known is held against what came out, also where it did not."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from predpol_eval.comparisons.result import Comparison
from predpol_eval.trial.rehearsal.known_order import known_pairs
from predpol_eval.trial.rehearsal.known_result import Rehearsal
from predpol_eval.trial.rehearsal.vendors import VENDORS, Strong
from predpol_eval.trial.standings.look_found import PairLook
from predpol_eval.trial.standings.suspicion import CANNOT_TELL, CLEAR, FLAGGED

CAST = {"A": VENDORS["leaked"], "B": VENDORS["strong"], "C": VENDORS["random"], "D": VENDORS["unreliable"]}


def comparison(a: str, b: str, estimate: float, low: float, high: float, **more) -> Comparison:
    return Comparison(
        a=a, b=b, metric="hit_rate", method="dm", estimate=estimate, low=low, high=high, p=0.01, n=60, alpha=0.05,
        crimes=300, differing_nights=40, differing_crimes=90, **{"enough": True, **more},
    )  # fmt: skip


def pair(a: str, b: str, estimate: float, low: float, high: float, found: bool, **more) -> PairLook:
    return PairLook(
        a=a, b=b, kind="all kinds", exploratory=False, comparison=comparison(a, b, estimate, low, high, **more),
        p_looks=0.01, p_adjusted=0.02, level=0.05, found=found,
    )  # fmt: skip


def told(*looks):
    findings = SimpleNamespace(looks=[SimpleNamespace(number=n, pairs=pairs) for n, pairs in enumerate(looks, 1)])
    return known_pairs(findings, CAST)


def test_the_pairs_are_turned_so_that_the_better_one_comes_first():
    (found,) = told([pair("B", "A", -0.3, -0.5, -0.1, True)])
    assert (found.better, found.worse, found.estimate, found.low, found.high) == ("A", "B", 0.3, 0.1, 0.5)
    assert (found.verdict, found.first_look, found.came_out) == ("a finding", 1, True)
    assert found.in_words() == (
        "A (leaked) above B (strong): a finding since look 1 (30 points of hit rate, interval 10 to 50)."
    )


def test_the_first_look_is_told():
    open_yet = pair("A", "B", 0.2, -0.1, 0.5, False)
    (found,) = told([open_yet], [pair("A", "B", 0.3, 0.1, 0.5, True)], [pair("A", "B", 0.3, 0.2, 0.4, True)])
    assert found.first_look == 2
    (found,) = told([open_yet])
    assert (found.verdict, found.first_look, found.came_out) == ("ahead, not told apart", 0, True)


def test_the_other_way_round_is_no_success():
    (found,) = told([pair("A", "C", -0.2, -0.3, -0.1, True)])
    assert (found.verdict, found.first_look, found.came_out) == ("a finding the other way round", 0, False)
    (found,) = told([pair("A", "C", -0.1, -0.3, 0.1, False)])
    assert (found.verdict, found.came_out) == ("behind, not told apart", False)


def test_too_little_is_neither():
    (found,) = told([pair("A", "C", 0.2, math.nan, math.nan, False, enough=False)])
    assert (found.verdict, found.came_out) == ("too little to tell", None)
    assert found.in_words() == "A (leaked) above C (random): too little to tell."


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [((0.1, 0.2, 0.3), "a finding"), ((0.2, -0.1, 0.5), "ahead, not told apart"),
     ((-0.2, -0.3, -0.1), "a finding the other way round")],
)  # fmt: skip
def test_the_unreliable_one_is_judged_under_the_missing_rule(ends, verdict):
    rule = comparison("D", "B", -ends[0], -ends[2], -ends[1])
    same = replace(pair("D", "B", 0.0, 0.0, 0.0, False), comparison=replace(
        comparison("D", "B", 0.0, 0.0, 0.0, enough=False), with_missing=rule))  # fmt: skip
    (found,) = told([same])
    assert (found.better, found.worse, found.missing_rule) == ("B", "D", True)
    assert found.verdict == verdict
    assert found.first_look == 0
    assert "missing nights counted as the plan says" in found.in_words()
    # Had it missed none, nothing would be known.
    assert told([replace(same, comparison=replace(same.comparison, with_missing=None))]) == ()


def test_of_vendors_of_ones_own_nothing_is_known():
    findings = SimpleNamespace(looks=[SimpleNamespace(number=1, pairs=[pair("A", "Z", 0.1, 0.0, 0.2, False)])])
    assert known_pairs(findings, {"A": VENDORS["leaked"], "Z": Strong(kind="mine")}) == ()


def rehearsal(pairs=(), suspicions=(), **more):
    rest = {"folder": None, "trial": None, "plan": None, "seed": 1, "kinds": {}, "cheats": ("A",), "equals": (),
            "ways": (), "spent": (), "differences": ()}  # fmt: skip
    return Rehearsal(**{**rest, **more}, pairs=pairs, findings=SimpleNamespace(suspicions=suspicions))


def test_a_rehearsal_says_whether_all_is_as_it_should_be():
    good = told([pair("A", "B", 0.3, 0.1, 0.5, True)])
    bad = told([pair("A", "B", -0.1, -0.3, 0.1, False)])
    thin = told([pair("A", "C", 0.2, 0.0, 0.0, False, enough=False)])
    assert rehearsal(good).order_came_out is True
    assert rehearsal(good + bad).order_came_out is False
    assert rehearsal(good + thin).order_came_out is None
    assert rehearsal().order_came_out is None
    assert rehearsal(good).as_it_should_be
    assert rehearsal(good + thin).as_it_should_be
    assert not rehearsal(bad).as_it_should_be
    assert not rehearsal(good, differences=(SimpleNamespace(),)).as_it_should_be
    assert not rehearsal(good, ways=(SimpleNamespace(odd=("A on 2018-07-01",)),)).as_it_should_be


def rule(label: str, verdict: str):
    return SimpleNamespace(label=label, verdict=verdict, flagged=verdict == FLAGGED)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((FLAGGED, FLAGGED, CLEAR, CLEAR), True),
        ((FLAGGED, CLEAR, CLEAR, CLEAR), False),
        ((FLAGGED, FLAGGED, FLAGGED, CLEAR), False),
        ((CLEAR, CLEAR, CLEAR, CLEAR), False),
        ((FLAGGED, CANNOT_TELL, CLEAR, CLEAR), None),
        ((CANNOT_TELL,) * 4, None),
        ((CANNOT_TELL, CANNOT_TELL, FLAGGED, CANNOT_TELL), False),
    ],
)
def test_the_cheat_alone_is_to_be_flagged_by_both_rules(verdicts, expected):
    rules = [rule(label, verdict) for label, verdict in zip("AABB", verdicts, strict=True)]
    assert rehearsal(suspicions=rules).only_cheats_flagged is expected


def test_without_a_cheat_nobody_is_to_be_flagged():
    assert rehearsal(suspicions=[rule("B", CLEAR)], cheats=()).only_cheats_flagged is True
    assert rehearsal(suspicions=[rule("B", FLAGGED)], cheats=()).only_cheats_flagged is False
    assert rehearsal(cheats=()).only_cheats_flagged is None
