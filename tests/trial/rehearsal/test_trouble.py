"""Every way in which an evening goes wrong: each file breaks the rule that it should, and the office judges it so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from predpol_eval.flagging import make_scene
from predpol_eval.trial.keys.refusal import CODES
from predpol_eval.trial.plan import read_plan
from predpol_eval.trial.rehearsal import ways_found as ways_module
from predpol_eval.trial.rehearsal.attempts import IN_TIME, Attempt
from predpol_eval.trial.rehearsal.listed_file import listed
from predpol_eval.trial.rehearsal.trouble import WAYS
from predpol_eval.trial.rehearsal.vendors import Unreliable
from predpol_eval.trial.rehearsal.ways_found import ways_found
from predpol_eval.trial.submissions.check_table import CHECKS
from predpol_eval.trial.submissions.checked import check_submission
from tests.trial.rehearsal.town import ALONE, RULES, crimes, played, write_rules

SPOILED = [(way.name, attempt) for way in WAYS for attempt in way.attempts if attempt.spoil is not None]


@pytest.fixture(scope="module", params=["three areas, two kinds", "one area, one kind"])
def good(request, tmp_path_factory):
    text = RULES
    if request.param == "one area, one kind":
        # Then a file needs neither name.
        text = text.replace('["burglary", "robbery"]', '["burglary"]').replace('label = "ward"\n', "")
    plan = read_plan(write_rules(tmp_path_factory.mktemp("plan"), text))
    grid = plan.make_grid()
    scene, draw = make_scene(grid), np.random.default_rng(0)
    risks = {kind: draw.random(len(scene.cells)) for kind in plan.kinds}
    return plan, grid, listed(risks, plan, grid, scene, "2018-07-01")


def checked(good, data, name="x.csv"):
    plan, grid, _ = good
    return check_submission(data, plan, grid, label="A", nights=("2018-07-01",), name=name)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_good_file_has_nothing_to_remark(good, form):
    found = checked(good, good[2].written(form))
    assert found.outcome == "accepted"
    assert [one.name for one in found.results if one.outcome == "fail"] == []


@pytest.mark.parametrize(
    ("name", "attempt"), SPOILED, ids=[f"{name}-{place}" for place, (name, _) in enumerate(SPOILED)]
)
def test_a_spoiled_file_breaks_one_rule(good, name, attempt):
    found = checked(good, attempt.spoil(good[2]))
    assert found.outcome == "rejected"
    failed = [one.name for one in found.results if one.outcome == "fail" and one.severity == "error"]
    assert failed == [attempt.by]


def test_the_table_is_whole():
    assert len({way.name for way in WAYS}) == len(WAYS)
    checks = {check.name for check in CHECKS}
    for way in WAYS:
        for attempt in way.attempts:
            known = {"accepted": {""}, "late": {""}, "rejected": checks, "refused": set(CODES)}[attempt.outcome]
            assert attempt.by in known, way.name
    assert {way.stands for way in WAYS} == {"in", "missing", "late", "rejected"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InTurn(Unreliable):
    """Goes through all ways, one a night."""

    def evening(self, night, label, seed):
        return (IN_TIME, *WAYS)[night.number]


@pytest.fixture(scope="module")
def in_turn(tmp_path_factory):
    return played(
        tmp_path_factory.mktemp("ways") / "rehearsal", f"2018-07-{1 + len(WAYS):02d}", events=crimes(),
        vendors={"A": InTurn()}, text=ALONE,
    )  # fmt: skip


def test_every_way_is_judged_as_it_should_be(in_turn):
    ways = {way.name: way for way in in_turn.ways}
    assert {name: way.odd for name, way in ways.items() if way.odd} == {}
    assert {name: way.evenings for name, way in ways.items() if name != "in time"} == {way.name: 1 for way in WAYS}
    stands = [night.outcomes["A"] for night in in_turn.findings.nights]
    assert stands == ["in", *(way.stands for way in WAYS)]
    assert in_turn.differences == ()
    history = in_turn.trial.history()
    with in_turn.trial.ledger(read_only=True) as ledger:
        refused = Counter(record.body["code"] for record in ledger.records("refused"))
    assert refused == {"not signed": 1, "wrong key": 1, "other file": 1, "replayed": 1}
    assert not history.waiting


def test_what_is_judged_otherwise_is_told(in_turn, monkeypatch):
    """Were the table wrong, or the office, the rehearsal would say so."""
    vendors = {"A": InTurn()}
    trial = in_turn.trial
    nothing = {
        ("A", night.name, number): (b"", None)
        for night in trial.locked.nights
        for number, _ in enumerate(InTurn().evening(night, "A", 1).attempts, 1)
    }
    found = {way.name: way for way in ways_found(trial, trial.history(), vendors, 1, nothing)}
    assert found["letter"].odd == ("A on 2018-07-08, file 1 not in the ledger where rejected (readable) is right",)
    assert found["nothing"].odd == ()
    assert "1 judged otherwise than they should be, the first: A on 2018-07-08" in found["letter"].in_words()
    monkeypatch.setattr(ways_module, "_stands", lambda closing, label: "in")
    found = {way.name: way for way in ways_found(trial, trial.history(), vendors, 1, nothing)}
    assert found["nothing"].odd == ("A on 2018-07-02, in where missing is right",)


def test_moments_are_in_their_order(good):
    (night, *_) = good[0].nights
    moments = [Attempt(when=when).moment(night, 1, 4) for when in ("in time", "last minute", "late", "after closing")]
    assert night.cut < moments[0] < moments[1] < night.deadline < moments[2] < moments[3]
    for number in (1, 30):
        for place in range(number):
            first, last = (Attempt(when=when).moment(night, place, number) for when in ("in time", "last minute"))
            assert night.cut < first < last < night.deadline
