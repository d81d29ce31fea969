"""The planned test."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import predpol_eval as ppe
from predpol_eval.comparisons.long_run import studentised_ratio
from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.plan import TrialPlan
from predpol_eval.trial.standings.levels import nominal, p_over_looks
from predpol_eval.trial.standings.looks import look
from tests.trial.standings.worlds import VENDORS, plan_of, random_hits, random_tally, tally_from

KNOWN = {"A": 0.55, "B": 0.35, "C": 0.35, "in-house": 0.35}


def pair_of(found: Any, a: str, b: str) -> Any:
    return next(pair for pair in found.pairs if (pair.a, pair.b) == (a, b))


def test_a_known_difference_is_found_and_equal_ones_are_not(three: TrialPlan) -> None:
    found = look(random_tally(three, 3, KNOWN), three, 3)
    assert {(pair.a, pair.b): pair.better for pair in found.pairs} == {("A", "B"): "A", ("A", "C"): "A", ("B", "C"): ""}
    for pair in found.pairs:
        outside = pair.comparison.low > 0 or pair.comparison.high < 0
        assert outside == pair.found
    assert found.last
    assert (found.share, found.earlier, len(found.nights)) == (1.0, (10, 20), 30)


def test_the_numbers_are_those_of_compare(three: TrialPlan) -> None:
    tally = random_tally(three, 3, KNOWN)
    found = pair_of(look(tally, three, 2), "A", "B")
    first = tally.isel(budget=0, window=slice(20)).sum(["kind"], keep_attrs=True)
    left, right = (first.sel(forecaster=name) for name in "AB")
    level = nominal((10, 20), 30, 0.05 / 3, "obrien_fleming")
    judged = ppe.compare(left, right, alpha=found.level)
    assert found.comparison.estimate == pytest.approx(judged.estimate, rel=1e-12)
    assert (found.comparison.low, found.comparison.high) == pytest.approx((judged.low, judged.high), rel=1e-9)
    assert found.level >= level
    assert found.comparison.p == pytest.approx(judged.p)
    over = p_over_looks(judged.p, (10, 20), 30, spending="obrien_fleming", alpha=0.05)
    assert found.p_looks == pytest.approx(over)
    assert over > 1.5 * judged.p


def test_all_kinds_are_summed_first_and_single_ones_are_exploratory(three: TrialPlan) -> None:
    found = look(random_tally(three, 4, KNOWN), three, 3)
    shared = nominal((10, 20, 30), 30, 0.05 / 6, "obrien_fleming")
    assert len(found.by_kind) == 6
    assert {pair.kind for pair in found.by_kind} == set(three.kinds)
    assert all(pair.exploratory and not pair.found and pair.level == shared for pair in found.by_kind)
    assert all(math.isnan(pair.p_adjusted) and pair.comparison.alpha == shared for pair in found.by_kind)
    # The effect is strong enough to be seen in each kind; still nothing there is a finding.
    assert any(pair.comparison.verdict == "higher" for pair in found.by_kind)


def test_only_the_first_nights_decide(three: TrialPlan) -> None:
    tally = random_tally(three, 5, KNOWN)
    changed = tally.copy(deep=True)
    changed["hits"][{"window": slice(20, None)}] = 0.0
    for number in (1, 2):
        whole = canonical_json(look(tally, three, number).record())
        assert canonical_json(look(changed, three, number).record()) == whole
        assert canonical_json(look(tally.isel(window=slice(10 * number)), three, number).record()) == whole
    assert canonical_json(look(changed, three, 3).record()) != canonical_json(look(tally, three, 3).record())


def test_the_same_look_gives_the_same_bytes(three: TrialPlan) -> None:
    tally = random_tally(three, 5, KNOWN, status={"A": {3: "missing"}})
    # Ties are shared out, so that hits are no whole numbers and the order of a sum shows in their last digits.
    tally["hits"] = tally["hits"] / 3
    turned = tally.isel(window=np.arange(30)[::-1], kind=[1, 0], area=[2, 0, 1])
    for number in (1, 2, 3):
        first, again = (look(one, three, number).record() for one in (tally, turned))
        assert {**first, "by_kind": 0} == {**again, "by_kind": 0}
        canonical_json(first)


@pytest.mark.parametrize("method", ["bootstrap", "signflip"])
def test_drawn_methods_follow_the_seed_of_the_plan(three: TrialPlan, method: str) -> None:
    plan = replace(three, test=replace(three.test, method=method, draws=999))
    tally = random_tally(plan, 3, KNOWN)
    found = look(tally, plan, 3)
    assert look(tally, plan, 3).record() == found.record()
    assert look(tally, replace(plan, seed=9), 3).record() != found.record()
    assert {pair.better for pair in found.pairs} == {"A", ""}
    # At the first look the level is finer than so many draws can tell.
    early = look(tally, plan, 1)
    assert early.level * 1000 < 1
    assert not early.findings
    assert all(math.isnan(pair.comparison.low) and pair.level == 0 for pair in early.pairs)
    assert all(0 < pair.comparison.p <= 1 for pair in early.pairs if pair.comparison.enough)


def test_a_look_before_its_nights_have_settled_is_refused(three: TrialPlan) -> None:
    tally = random_tally(three, 3)
    with pytest.raises(InputError, match=r"after 10 settled nights; found 9\. Wait for 1 more"):
        look(tally.isel(window=slice(9)), three, 1)
    with pytest.raises(InputError, match="all nights have settled or are void; 1 of 30 have not"):
        look(tally.isel(window=slice(29)), three, 3)
    with pytest.raises(InputError, match="found 9"):
        look(tally, three, 1, at=three.nights[8].settled_from)
    with pytest.raises(InputError, match="2018-07-04 before 2018-07-11 has not settled"):
        look(tally.drop_isel(window=[3]), three, 1)
    for wrong in (0, 4, True, "1", 1.0):
        with pytest.raises(InputError, match="3 looks"):
            look(tally, three, wrong)  # type: ignore[arg-type]


def test_void_nights_are_passed_over(three: TrialPlan) -> None:
    tally = random_tally(three, 3, KNOWN)
    names = [night.name for night in three.nights]
    found = look(tally.drop_isel(window=[3]), three, 1, void=[names[3], names[25]])
    assert found.nights == (*names[:3], *names[4:11])
    assert found.void == (names[3],)
    last = look(tally, three, 3, void=names[28:])
    assert (last.share, last.last, last.void) == (28 / 30, True, tuple(names[28:]))
    assert last.level == nominal((10, 20, 28), 30, 0.05, "obrien_fleming")
    # So many are void that the second look never comes, and the last one is what is left.
    few = names[15:]
    with pytest.raises(InputError, match="15 nights are void: make the last look"):
        look(tally, three, 2, void=few)
    assert look(tally, three, 3, void=few).earlier == (10,)
    assert look(tally, three, 3, void=names[20:]).earlier == (10,)
    with pytest.raises(InputError, match="all nights have settled"):
        look(tally, three, 3, void=names)


def test_looks_that_were_not_taken_spend_nothing(three: TrialPlan) -> None:
    tally = random_tally(three, 3)
    assert look(tally, three, 3, earlier=[]).level == pytest.approx(0.05)
    assert look(tally, three, 3, earlier=[20]).level == nominal((20, 30), 30, 0.05, "obrien_fleming")
    for wrong in ([20, 10], [0], [10, 10], ["10"], [31]):
        with pytest.raises(InputError, match="earlier"):
            look(tally, three, 3, earlier=wrong)  # type: ignore[arg-type]


def test_missing_nights_are_given_both_ways(three: TrialPlan) -> None:
    gone = dict.fromkeys(range(0, 30, 2), "missing")
    found = pair_of(
        look(random_tally(three, 6, {"A": 0.5, "B": 0.3, "C": 0.3}, status={"A": gone}), three, 3), "A", "B"
    )
    assert (found.comparison.n, found.comparison.missed_by_a) == (15, 15)
    other = found.comparison.with_missing
    assert other is not None
    assert (other.n, other.alpha) == (30, found.level)
    # Half of A's nights count as nothing: what it caught on the others no longer carries it.
    assert found.comparison.estimate > 0 > other.estimate
    assert found.found
    assert not found.holds_under_the_rule
    told = found.to_dict()
    assert told["missed"] == [15, 0, 0]
    assert told["by_the_rule"]["n"] == 30


def test_a_held_night_counts_against_nobody(three: TrialPlan) -> None:
    held = dict.fromkeys(range(10), "held")
    found = pair_of(look(random_tally(three, 6, status={"A": held}), three, 3), "A", "B")
    assert (found.comparison.n, found.comparison.missed_by_a, found.comparison.with_missing) == (20, 0, None)


def test_somebody_without_any_night(three: TrialPlan) -> None:
    for why, n_rule in (("missing", 30), ("held", None)):
        found = look(random_tally(three, 6, status={"A": dict.fromkeys(range(30), why)}), three, 3)
        pair = pair_of(found, "A", "B")
        assert (pair.comparison.n, pair.found, pair.comparison.enough) == (0, False, False)
        rule = pair.comparison.with_missing
        assert (None if rule is None else rule.n) == n_rule
        canonical_json(found.record())


def test_no_crime_at_all_finds_nothing(three: TrialPlan) -> None:
    zero = np.zeros((2, 3, 30))
    found = look(tally_from(three, dict.fromkeys(VENDORS, zero), zero), three, 3)
    assert not found.findings
    assert all(not pair.comparison.enough for pair in found.pairs)
    canonical_json(found.record())


def test_one_kind_and_one_area(three: TrialPlan) -> None:
    generator = np.random.default_rng(2)
    events = generator.poisson(20, (1, 1, 30)).astype(float)
    tally = tally_from(three, random_hits(generator, events, {"A": 0.6, "B": 0.3, "C": 0.3}), events)
    found = look(tally, three, 3)
    assert found.by_kind == ()
    assert pair_of(found, "A", "B").better == "A"
    assert look(tally.isel(kind=0, area=0, budget=0), three, 3).record() == found.record()


def test_a_submitter_who_is_not_scored_is_named(three: TrialPlan) -> None:
    with pytest.raises(InputError, match="no forecaster 'C'"):
        look(random_tally(three, 1, {"A": 0.3, "B": 0.3}), three, 3)


def test_a_plan_that_compares_nobody(three: TrialPlan) -> None:
    plan = replace(three, test=replace(three.test, pairs=()))
    found = look(random_tally(plan, 1), plan, 1)
    assert (found.pairs, found.by_kind) == ((), ())


def test_with_more_pairs_each_must_show_more(three: TrialPlan) -> None:
    one = replace(three, test=replace(three.test, pairs=(("A", "B"),)))
    tally = random_tally(three, 3, dict.fromkeys(VENDORS, 0.3))
    alone, among = pair_of(look(tally, one, 3), "A", "B"), pair_of(look(tally, three, 3), "A", "B")
    assert alone.comparison.p == among.comparison.p
    assert alone.level == nominal((10, 20, 30), 30, 0.05, "obrien_fleming")
    assert among.level == nominal((10, 20, 30), 30, 0.05 / 3, "obrien_fleming")
    assert among.comparison.low < alone.comparison.low < alone.comparison.high < among.comparison.high


@pytest.mark.parametrize("correction", ["holm", "bh", "by"])
def test_findings_are_those_of_the_correction(three: TrialPlan, correction: str) -> None:
    plan = replace(three, test=replace(three.test, correction=correction))
    for seed in range(2):
        found = look(random_tally(plan, seed, {"A": 0.38, "B": 0.3, "C": 0.3}), plan, 3)
        over = [pair.p_looks for pair in found.pairs]
        adjusted = ppe.adjust(over, correction)  # type: ignore[type-var]
        assert [pair.p_adjusted for pair in found.pairs] == pytest.approx(list(adjusted))
        for pair in found.pairs:
            assert pair.found == (pair.p_adjusted <= 0.05) == (pair.comparison.verdict in ("higher", "lower"))


def exchangeable(plan: TrialPlan, seed: int, trial: int) -> tuple[Any, Any]:
    """Hits of three vendors who are equally good, and crimes, of one kind in one area."""
    generator = np.random.default_rng([seed, trial])
    events = generator.poisson(12, len(plan.nights)).astype(float)
    # What is hard for one is hard for all: a rate of the night, shared.
    rate = np.clip(generator.normal(0.3, 0.08, events.shape), 0.05, 0.9)
    return {name: generator.binomial(events.astype(int), rate).astype(float) for name in VENDORS}, events


def told_apart(plan: TrialPlan, hits: Any, events: Any) -> bool:
    """Whether anybody is found to catch more, at any look: Holm finds something just where its first step does."""
    looks, total = plan.test.looks, len(plan.nights)
    for number, count in enumerate(looks, 1):
        level = nominal(looks[:number], total, 0.05 / 3, plan.test.spending)
        for a, b in plan.test.pairs:
            d = (hits[a] - hits[b])[:count]
            enough = int((d != 0).sum()) >= 6 and np.abs(d).sum() >= 20
            if enough and studentised_ratio(d, events[:count], alpha=0.05).p <= level:
                return True
    return False


def check_exchangeable(plan: TrialPlan, trials: int, seed: int, looked_at: int) -> None:
    """Few of many trials have a finding, and `look` finds it in just these."""
    wrong = [told_apart(plan, *exchangeable(plan, seed, trial)) for trial in range(trials)]
    assert sum(wrong) <= stats.binom.ppf(0.999, trials, 0.05)
    assert sum(wrong) >= stats.binom.ppf(0.001, trials, 0.035)
    some = [trial for says in (True, False) for trial in [k for k in range(trials) if wrong[k] == says][:looked_at]]
    for trial in some:
        tally = tally_from(plan, *exchangeable(plan, seed, trial))
        found = [look(tally, plan, number + 1).findings for number in range(len(plan.test.looks))]
        assert any(found) == wrong[trial]


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_exchangeable_vendors_are_rarely_told_apart(three: TrialPlan, spending: str) -> None:
    plan = replace(three, test=replace(three.test, spending=spending))
    check_exchangeable(plan, trials=1_000, seed=1, looked_at=5)


@pytest.mark.slow
@pytest.mark.parametrize("nights", [30, 184])
def test_exchangeable_vendors_are_told_apart_in_at_most_one_of_twenty_trials(
    tmp_path: Path, three: TrialPlan, nights: int
) -> None:
    looks = (10, 20, 30) if nights == 30 else (61, 122, 184)
    plan = plan_of(tmp_path, nights, looks, pairs=three.test.pairs)
    check_exchangeable(plan, trials=10_000, seed=3, looked_at=60)
