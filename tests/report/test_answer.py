"""The answer says what the looks found, with their numbers, and nothing beyond."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from predpol_eval.report.answer import answer
from predpol_eval.report.pair_words import found_in_words, is_found, open_in_words
from predpol_eval.report.state import states_of
from predpol_eval.trial.standings import look
from predpol_eval.trial.standings.suspicion import Suspicion
from tests.report.pictures.made import findings_with, nights_of, tally_with
from tests.report.reading import numbers

BETTER = re.compile(r"caught more than|did better|\bbest\b|\bbetter\b|slightly|tends|likely|ahead|\bwins?\b|outperform")


def looked(plan, tally, *taken: int, **more):
    """Findings of looks alone, which are made in no time."""
    bare = findings_with(plan, None, **more)
    return replace(bare, tally=tally, looks=tuple(look(tally, plan, number) for number in taken))


def sentences(findings) -> list[str]:
    """One text for each sentence or entry of a list."""
    made = []
    for block in answer(findings):
        made += [f"{block.lead} {block.text}", *block.items]
    return [part for text in made for part in re.split(r"(?<=[.:]) (?=[A-Zi])", text)]


def about(findings, lead: str) -> str:
    (found,) = [block for block in answer(findings) if block.lead == lead]
    return " ".join([found.text, *found.items])


def test_the_final_answer(final):
    text = about(final, "Against the in-house map.")
    (pair,) = [pair for pair in final.looks[-1].pairs if (pair.a, pair.b) == ("A", "in-house")]
    assert pair.found
    low, high = 100 * pair.comparison.low, 100 * pair.comparison.high
    assert f"A caught more than in-house: of every 100 crimes, {100 * pair.comparison.estimate:.1f} more" in text
    assert f"interval {low:.1f} to {high:.1f})" in text
    assert "B and in-house are not told apart" in text or "in-house and B are not told apart" in text
    among = about(final, "Among the vendors.")
    assert "A caught more than B" in among
    assert "A caught more than C" in among
    assert about(final, "What decides.").startswith("The last look, after 59 settled nights of 60, decides.")
    missing = about(final, "Missing files.")
    assert "B has no valid file in time for 2 of 59 nights (1 late, 1 missing)" in missing
    assert "as catching nothing" in missing
    assert 3 <= len(answer(final)) <= 6


@pytest.mark.parametrize("seed", range(4))
def test_nobody_is_called_better_where_the_interval_covers_zero(plan, seed):
    rates = {"A": 0.34, "B": 0.3, "C": 0.26, "in-house": 0.22}
    findings = looked(plan, tally_with(plan, seed, rate=1.5, rates=rates), 1, 2, 3)
    shown = {(pair.better, ({pair.a, pair.b} - {pair.better}).pop()) for pair in findings.looks[-1].pairs if pair.found}
    earlier = {
        (pair.better, ({pair.a, pair.b} - {pair.better}).pop())
        for look in findings.looks[:-1]
        for pair in look.pairs
        if pair.found
    }
    said = set()
    for text in sentences(findings):
        for better, worse in re.findall(r"([\w-]+) caught more than ([\w-]+)", text):
            if text.startswith("Look "):
                assert (better, worse) in earlier - shown
            else:
                said.add((better, worse))
                low, high = map(float, re.search(r"interval ([\d.]+) to ([\d.]+)\)", text).groups())
                assert 0 < low <= high
        if "not told apart" in text:
            assert not BETTER.search(text)
            ends = re.search(r"interval (−?[\d.]+) to (−?[\d.]+)\)", text)
            if ends:
                low, high = (float(end.replace("−", "-")) for end in ends.groups())
                assert low <= 0 <= high
    assert said == shown


def test_each_number_is_in_the_findings(final):
    known = {5.0, 100.0, 95.0, 59.0, 60.0, 3.0}
    known |= {float(len(final.plan.baselines)), 6.0, float(final.plan.k), 1.0, 2.0}
    for pair in final.looks[-1].pairs:
        for value in (pair.comparison.estimate, pair.comparison.low, pair.comparison.high):
            known |= {round(-100 * value, 1), round(100 * value, 1)}
        known |= {math.floor(1000 * (1 - pair.level)) / 10, math.floor(10000 * (1 - pair.level)) / 100}
    for row in final.league.scope():
        known |= {round(100 * value, 1) for value in (row.hit_rate, row.hit_rate_low, row.hit_rate_high)}
    text = " ".join(sentences(final))
    strange = [number for number in numbers(text) if not any(abs(number - one) < 1e-9 for one in known)]
    assert len(numbers(text)) > 20
    assert strange == []


def test_exchanging_labels_exchanges_the_answer(plan):
    rates = {"A": 0.45, "B": 0.3, "C": 0.22, "in-house": 0.25}
    tally = tally_with(plan, 5, rate=2.0, rates=rates)
    turn = {"A": "B", "B": "C", "C": "A"}
    names = np.array([turn.get(name, name) for name in tally["forecaster"].to_numpy()], dtype=object)
    first, second = (
        sorted(sentences(looked(plan, one, 1, 2, 3))) for one in (tally, tally.assign_coords(forecaster=names))
    )
    turned = [re.sub(r"\b[ABC]\b(?! crime)", lambda found: turn[found[0]], text) for text in first]

    def parts(texts: list[str]) -> list[str]:
        # Entries of a list inside a sentence stand in the order of the plan.
        return sorted(part for text in texts for part in re.split(r"[;:,.] | and (?=[ABC]\b)|(?<=[ABC]) and ", text))

    assert parts([text for text in turned if "tells" not in text and "first" not in text]) == parts(
        [text for text in second if "tells" not in text and "first" not in text]
    )
    assert any("caught more than" in text for text in first)


def test_what_an_early_look_found_and_the_last_does_not_confirm(plan):
    tally = tally_with(plan, 2, rate=3.0, rates={"B": 0.35})
    events = tally["events"].sel(forecaster="A").to_numpy().astype(int)
    shares = np.concatenate([np.full(22, 0.9), np.full(38, 0.02)])
    caught = np.random.default_rng(6).binomial(events, shares)
    tally["hits"].loc[{"forecaster": "A"}] = caught[:, :, None, :]
    findings = looked(plan, tally, 1, 3)
    (first,) = [pair for pair in findings.looks[0].pairs if (pair.a, pair.b) == ("A", "B")]
    (last,) = [pair for pair in findings.looks[1].pairs if (pair.a, pair.b) == ("A", "B")]
    assert first.found
    assert not last.found
    text = about(findings, "Among the vendors.")
    assert "Look 1 found that A caught more than B; look 3 does not confirm it." in text


def test_before_any_look_nothing_is_said_of_anybody(plan):
    findings = findings_with(plan, tally_with(plan, 1, rates={"A": 0.6}))
    assert not any(BETTER.search(text) for text in sentences(findings))
    assert "Nothing is decided yet" in about(findings, "What decides.")
    assert "no planned look has been made" in states_of(findings)[0].sentence
    assert states_of(findings)[0].word == "Interim"
    nothing = findings_with(plan, None, nights=nights_of(plan, {night.name: "to come" for night in plan.nights}))
    assert states_of(nothing)[0].word == "Nothing counts yet"
    assert "No night has been closed yet" in about(nothing, "Missing files.")
    assert not any(BETTER.search(text) for text in sentences(nothing))


def test_states(final, plan):
    assert [state.word for state in states_of(final)] == ["Final"]
    middle = replace(final, looks=final.looks[:2], due=(3,))
    assert states_of(middle)[0].word == "Interim"
    assert "Look 2 of 3 was made after 40 settled nights" in states_of(middle)[0].sentence
    assert "Due, and not yet made: look 3." in states_of(middle)[0].sentence
    assert "the last look decides" in about(middle, "What decides.")
    tally = middle.tally.assign_coords(settled=("window", np.arange(60) < 50))
    loud = replace(middle, settled_only=False, tally=tally)
    assert [state.word for state in states_of(loud)] == ["Interim", "Provisional"]
    assert "49 of 60 nights have settled, and 10 provisionally" in states_of(loud)[0].sentence


def test_a_finding_that_missing_nights_undo(plan):
    names = [night.name for night in plan.nights]
    gone = dict.fromkeys(range(0, 60, 2), "missing")
    tally = tally_with(plan, 7, rate=2.0, rates={"A": 0.3, "B": 0.2, "in-house": 0.2}, status={"A": gone})
    told = nights_of(plan, None, {("A", names[place]): "missing" for place in gone})
    findings = looked(plan, tally, 3, nights=told)
    falls = [pair for pair in findings.looks[-1].pairs if pair.found and not pair.holds_under_the_rule]
    assert falls
    text = about(findings, "Missing files.")
    assert "A has no valid file in time for 30 of 60 nights (30 missing)" in text
    for pair in falls:
        assert f"{pair.better} over {({pair.a, pair.b} - {pair.better}).pop()}" in text
    # And in the very sentence that tells of it, nowhere else.
    for pair in findings.looks[-1].findings:
        assert found_in_words(pair).endswith("but not if the nights missing of either are counted") == (pair in falls)


def test_baselines_are_tested_only_where_the_plan_says_so(final, plan):
    text = about(final, "Against simple baselines.")
    assert text.startswith("The plan tests nobody against a simple baseline, so nobody is shown")
    best = max((row for row in final.league.scope() if row.role == "baseline"), key=lambda row: row.hit_rate)
    assert f"{100 * best.hit_rate:.1f} %" in text
    assert f"for {best.forecaster}, the best of 2 simple baselines" in text
    assert "caught more than" not in text
    tested = replace(plan, test=replace(plan.test, pairs=(("A", "kernel"), ("B", "kernel"))))
    told = looked(tested, tally_with(plan, 3, rate=2.0, rates={"A": 0.5, "B": 0.22}), 3)
    assert "A caught more than kernel" in about(told, "Against simple baselines.")
    assert "compares nobody with it" in about(told, "Against the in-house map.")


def test_one_vendor_alone(plan):
    alone = replace(
        plan, vendors=("A",), in_house=(), baseline_texts=(), test=replace(plan.test, pairs=()),
    )  # fmt: skip
    findings = looked(alone, tally_with(alone, 1), 3)
    assert "No in-house map took part" in about(findings, "Against an in-house map.")
    assert "No simple baseline ran alongside" in about(findings, "Against simple baselines.")
    assert not any("Among the vendors" in text for text in sentences(findings))


def suspicion(label: str, rule: str, verdict: str) -> Suspicion:
    return Suspicion(
        label=label, rule=rule, verdict=verdict, estimate=5.0, low=3.0, threshold=2.0, level=0.999, nights=60, blocks=9,
        hits=100.0, crimes=200.0,
    )  # fmt: skip


def test_what_is_too_good_to_be_true_is_said_at_the_top(final):
    assert not any("Too good" in text for text in sentences(final))
    both = replace(
        final,
        suspicions=(
            suspicion("A", "placebo date", "flagged"), suspicion("A", "hindsight", "flagged"),
            suspicion("B", "placebo date", "not flagged"), suspicion("B", "hindsight", "flagged"),
            suspicion("C", "placebo date", "cannot tell"), suspicion("C", "hindsight", "not flagged"),
        ),
    )  # fmt: skip
    text = about(both, "Too good to be true?")
    assert "A is flagged by both rules, which asks for an explanation from A; it is no proof." in text
    assert "B is flagged by one rule (hindsight)" in text
    assert "weaker question" in text
    assert "C" not in text


def test_pai_is_told_as_what_it_is(plan):
    pai = replace(plan, test=replace(plan.test, metric="pai"))
    findings = looked(pai, tally_with(plan, 3, rate=2.0, rates={"A": 0.5}), 3)
    text = about(findings, "Among the vendors.")
    assert "A did better than B: its PAI is higher by" in text
    assert "of every 100" not in text


def test_a_finding_whose_interval_covers_zero_is_never_printed(final):
    (pair,) = [pair for pair in final.looks[-1].pairs if (pair.a, pair.b) == ("A", "B")]
    wrong = replace(pair, comparison=replace(pair.comparison, low=-0.01))
    assert is_found(pair)
    assert not is_found(wrong)
    look = replace(final.looks[-1], pairs=(wrong,))
    assert "A and B are not told apart" in about(replace(final, looks=(look,)), "Among the vendors.")
    assert "not told apart" in open_in_words(wrong)
    assert "A caught more than B" in found_in_words(pair)


def test_many_open_pairs_are_counted(plan):
    vendors = tuple("ABCDEF")
    pairs = tuple((a, b) for place, a in enumerate(vendors) for b in vendors[place + 1 :])
    many = replace(plan, vendors=vendors, test=replace(plan.test, pairs=pairs))
    rates = dict.fromkeys(vendors, 0.2)
    findings = looked(many, tally_with(many, 8, rates=rates), 3)
    open_ones = sum(not pair.found for pair in findings.looks[-1].pairs)
    assert open_ones > 10
    assert f"{open_ones} pairs are not told apart" in about(findings, "Among the vendors.")
