"""Every pair night by night."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import predpol_eval as ppe
from predpol_eval.errors import InputError
from predpol_eval.trial.plan import TrialPlan
from predpol_eval.trial.standings.sequences import sequences
from tests.trial.standings.worlds import VENDORS, random_tally, tally_from


def test_intervals_are_those_of_the_library_at_a_shared_level(three: TrialPlan) -> None:
    tally = random_tally(three, 3, {"A": 0.6, "B": 0.3, "C": 0.3})
    found = sequences(tally, three)
    total = tally.isel(budget=0).sum("kind")
    told = ppe.confidence_sequence(
        total.sel(forecaster="A"), total.sel(forecaster="B"), alpha=0.05 / 3, rho=three.test.rho
    )
    assert [(course.a, course.b) for course in found] == list(three.test.pairs)
    assert found[0].level == 0.05 / 3
    for name in ("estimate", "low", "high", "p_running"):
        assert np.array_equal(found[0].data[name].to_numpy(), told[name].to_numpy())
    assert found[0].data["night"].to_numpy().tolist() == [night.name for night in three.nights]


def test_where_zero_is_first_left_out(three: TrialPlan) -> None:
    first, other, last = sequences(random_tally(three, 3, {"A": 0.3, "B": 0.6, "C": 0.3}), three)
    for course, better in ((first, "B"), (last, "B")):
        assert course.first_better == better
        here = course.data.sel(window=course.data["window"][course.first_after - 1])
        assert str(here["night"].item()) == course.first
        assert not here["low"] <= 0 <= here["high"]
        before = course.data.isel(window=slice(course.first_after - 1))
        assert (((before["low"] <= 0) & (before["high"] >= 0)) | ~before["enough"]).all()
    assert (other.first, other.first_after, other.first_better) == ("", 0, "")


def test_too_few_differences_are_never_first(three: TrialPlan) -> None:
    # With so small a rho the interval leaves zero out early, but not before 20 crimes differ is anything said.
    quick = replace(three, test=replace(three.test, rho=1.0))
    events = np.full((1, 1, 30), 20.0)
    hits = {"A": np.ones(30), "B": np.zeros(30), "C": np.zeros(30)}
    course = sequences(tally_from(quick, hits, events), quick)[0]
    assert course.first_after == 20
    assert bool((course.data["low"][:19] > 0).any())


def test_running_p_values_go_into_holm(three: TrialPlan) -> None:
    found = sequences(random_tally(three, 3, {"A": 0.6, "B": 0.3, "C": 0.3}), three)
    least = [float(course.data["p_value"].min()) for course in found]
    assert [course.p_running for course in found] == least
    assert [course.p_adjusted for course in found] == pytest.approx(ppe.adjust(least, "holm").tolist())


def test_missing_held_and_void_nights(three: TrialPlan) -> None:
    names = [night.name for night in three.nights]
    tally = random_tally(three, 3, status={"A": {0: "missing", 1: "held"}})
    first, _, last = sequences(tally, three, void=[names[2]])
    assert first.data["night"].to_numpy().tolist() == names[3:]
    assert first.rule is not None
    assert first.rule["night"].to_numpy().tolist() == [names[0], *names[3:]]
    assert last.data["night"].to_numpy().tolist() == [*names[:2], *names[3:]]
    assert last.rule is None


def test_nothing_in_common_and_no_crime(three: TrialPlan) -> None:
    zero = np.zeros((1, 1, 30))
    for tally in (
        random_tally(three, 3, status={"A": dict.fromkeys(range(30), "held")}),
        random_tally(three, 3, status={"A": dict.fromkeys(range(30), "missing")}),
        tally_from(three, dict.fromkeys(VENDORS, zero), zero),
    ):
        course = sequences(tally, three)[0]
        assert course.first == ""
        assert np.isnan(course.p_adjusted) or course.p_adjusted == 1.0


def test_pairs_of_ones_own(three: TrialPlan) -> None:
    tally = random_tally(three, 3)
    (course,) = sequences(tally, three, pairs=[("kernel", "uniform")])
    assert (course.a, course.b, course.level) == ("kernel", "uniform", 0.05)
    assert sequences(tally, three, pairs=[]) == ()
    for wrong in ([("A", "A")], [("A", "B"), ("B", "A")]):
        with pytest.raises(InputError, match="two different"):
            sequences(tally, three, pairs=wrong)


def test_exchangeable_vendors_are_rarely_told_apart_on_any_night(three: TrialPlan) -> None:
    wrong = sum(
        any(course.first for course in sequences(random_tally(three, seed, dict.fromkeys(VENDORS, 0.3)), three))
        for seed in range(30)
    )
    assert wrong <= 6
