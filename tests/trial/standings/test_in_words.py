"""Sentences that say no more than the numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from predpol_eval.trial.plan import TrialPlan
from predpol_eval.trial.standings.dosage import patrol_report
from predpol_eval.trial.standings.in_words import standings_in_words
from predpol_eval.trial.standings.league import league
from predpol_eval.trial.standings.looks import look
from predpol_eval.trial.standings.sequences import sequences
from predpol_eval.trial.standings.suspicion import suspicions
from predpol_eval.trial.standings.together import together
from tests.trial.standings.test_together import world
from tests.trial.standings.worlds import VENDORS, random_tally, tally_from

KNOWN = {"A": 0.5, "B": 0.36, "C": 0.3, "in-house": 0.33, "kernel": 0.31}


def said(tally: xr.Dataset, plan: TrialPlan, number: int = 3, **more: Any) -> tuple[str, ...]:
    return standings_in_words(
        league(tally, plan, draws=99), look(tally, plan, number), courses=sequences(tally, plan), **more
    )


def sides(sentence: str) -> tuple[float, ...]:
    """Ends of the interval of a difference."""
    found = re.search(r"interval (-?[\d.e-]+) to (-?[\d.e-]+)", sentence)
    return () if found is None else tuple(map(float, found.groups()))


def test_nobody_catches_more_where_the_interval_covers_zero(three: TrialPlan) -> None:
    found = 0
    for seed in range(3):
        for sentence in said(random_tally(three, seed, KNOWN).isel(area=[0, 1]), three):
            assert not re.search(r"better than (A|B|C)|\bbest\b|wins", sentence)
            if "caught more than" in sentence:
                low, _ = sides(sentence)
                assert low > 0
                found += 1
            if "not told apart" in sentence and sides(sentence):
                low, high = sides(sentence)
                assert low <= 0 <= high
                found += 1
    assert found > 6


def test_what_was_found_is_said(three: TrialPlan) -> None:
    text = "\n".join(said(random_tally(three, 3, {"A": 0.6, "B": 0.3, "C": 0.3}), three))
    assert "A caught more than B: a difference of" in text
    assert "A caught more than C: a difference of" in text
    assert re.search(r"(B and C|C and B) are not told apart", text)
    assert "At the last look, after 30 settled nights of 30" in text
    assert "all pairs and looks together are wrong with chance 5 % at most" in text
    assert "points of hit rate" in text
    assert "Explored, not tested: for burglary, A caught more than B" in text
    assert "A caught" in text.splitlines()[1]


def test_exchanging_labels_exchanges_the_words(three: TrialPlan) -> None:
    tally = random_tally(three, 11, KNOWN, status={"A": {3: "missing", 4: "late"}, "C": {9: "rejected"}})
    turn = {"A": "B", "B": "C", "C": "A"}
    names = [turn.get(name, name) for name in tally["forecaster"].to_numpy()]
    other = tally.assign_coords(forecaster=np.array(names, dtype=object))
    for number in (2, 3):
        first = [re.sub(r"\b[ABC]\b", lambda found: turn[found[0]], text) for text in said(tally, three, number)]
        assert sorted(first) == sorted(said(other, three, number))
        assert any("caught" in text for text in first)


def test_missing_late_held_and_void_nights_are_said(three: TrialPlan) -> None:
    names = [night.name for night in three.nights]
    status = {"A": {0: "missing", 1: "late", 2: "late", 3: "held"}, "B": {4: "held"}}
    tally = random_tally(three, 3, KNOWN, status=status)
    told = league(tally.isel(window=slice(25)), three, void=[names[6], names[29]], draws=99)
    text = "\n".join(standings_in_words(told))
    assert "24 nights have settled, 2 nights are void, 4 nights are still to come." in text
    assert "Of the nights of A, not counted are 1 missing, 2 late, 1 held, by our fault; with those counted as" in text
    assert "Of the nights of B, not counted are 1 held, by our fault." in text
    assert "No planned look has been taken" in text


def test_a_finding_that_missing_nights_undo_is_said_to_be_one(three: TrialPlan) -> None:
    gone = dict.fromkeys(range(0, 30, 2), "missing")
    tally = random_tally(three, 6, {"A": 0.5, "B": 0.3, "C": 0.3}, status={"A": gone})
    text = "\n".join(said(tally, three))
    assert re.search(r"A caught more than B: .*on 15 nights that both have\. It does not stand when missing", text)
    few = "\n".join(said(random_tally(three, 6, {"A": 0.6, "B": 0.3, "C": 0.3}, status={"A": {0: "missing"}}), three))
    assert re.search(r"A caught more than B: .*It stands when missing nights count as catching nothing\.", few)


def test_no_crime_and_no_night_in_common(three: TrialPlan) -> None:
    zero = np.zeros((1, 1, 30))
    text = "\n".join(said(tally_from(three, dict.fromkeys(VENDORS, zero), zero), three))
    assert "No crime was counted" in text
    assert "caught more" not in text
    assert text.count("they differ too little to tell") == 3
    alone = random_tally(three, 1, status={"A": dict.fromkeys(range(30), "missing")})
    text = "\n".join(said(alone, three))
    assert "A has no settled night." in text
    assert "A and B have no night in common." in text


def test_a_look_with_nothing_to_spend_and_one_without_pairs(three: TrialPlan) -> None:
    early = replace(three, test=replace(three.test, looks=(1, 30)))
    text = "\n".join(said(random_tally(early, 1), early, 1))
    assert "nearly no alpha may be spent yet" in text
    none = replace(three, test=replace(three.test, pairs=()))
    assert any("the plan compares nobody" in one for one in said(random_tally(none, 1), none))


@pytest.mark.parametrize("correction", ["bh", "by"])
def test_other_promises_are_not_mixed_up(three: TrialPlan, correction: str) -> None:
    plan = replace(three, test=replace(three.test, correction=correction))
    text = "\n".join(said(random_tally(plan, 1), plan))
    assert "a share of 5 % at most is expected to be false" in text
    assert "wrong with chance" not in text


def test_the_other_parts_have_their_sentences(three: TrialPlan) -> None:
    flagged, crimes, ranks = world()
    areas = np.array([0] * 6 + [1] * 4)
    tally = random_tally(three, 1)
    found = said(
        tally,
        three,
        suspicions=suspicions("A", flagged["A"], crimes, areas=areas, k=2),
        together=together(flagged, crimes, areas=areas, k=2, ranks=ranks),
        patrols=patrol_report(np.ones((28, 10)), flagged, crimes),
    )
    text = "\n".join(found)
    assert text.count("Too good to be true") == 2
    assert text.count("both caught") == 3
    assert text.count("Half the boxes of each") == 3
    assert "Patrols change what forecasts are scored on" in text
    assert "Of the boxes of A, 100.0 % were patrolled" in text
    for sentence in found:
        if "better one" in sentence and "interval of the gain" in sentence:
            low, high = map(float, re.search(r"gain (-?[\d.]+) to (-?[\d.]+) %", sentence).groups())  # type: ignore[union-attr]
            assert ("not told apart" in sentence) == (low <= 0 <= high)
