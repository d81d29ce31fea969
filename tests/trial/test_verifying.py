"""A trial that somebody rewrote, with a chain as sound as ever, is not what its plan and its files make of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.closing import close_night
from predpol_eval.trial.folder import LEDGER, Trial
from predpol_eval.trial.intake import judge
from predpol_eval.trial.ledger import Ledger
from predpol_eval.trial.verifying import verify
from tests.trial.evenings import FIRST, Evening


@pytest.fixture
def evening(tmp_path):
    """A night of three files: of A one that another supersedes, and a late one of B."""
    here = Evening(tmp_path)
    here.hand_in("A")
    here.hand_in("A", here.other_file())
    here.clock.set(1, 18, 30)
    here.hand_in("B")
    judge(here.trial)
    close_night(here.trial, FIRST)
    assert verify(here.trial) == []
    return here


def rewritten(evening: Evening, kind: str, which: int, **changes: Any) -> list[Any]:
    """Write the whole chain anew, with one body changed: every hash is right again."""
    with evening.trial.ledger(read_only=True) as ledger:
        old = list(ledger.records())
    chosen = [record for record in old if record.kind == kind][which]
    path = evening.trial.folder / LEDGER
    for one in path.parent.glob(LEDGER + "*"):
        one.unlink()
    bodies = [{**record.body, **(changes if record is chosen else {})} for record in old]
    Ledger.create(path, old[0].kind, bodies[0], old[0].moment).close()
    with Ledger.open(path) as ledger:
        for record, body in zip(old[1:], bodies[1:], strict=True):
            moment = changes["at"] if record is chosen and "at" in changes else record.moment
            ledger.append(record.kind, {key: value for key, value in body.items() if key != "at"}, moment)
    return verify(Trial(evening.trial.folder, evening.clock))


def test_an_outcome_that_was_changed(evening):
    found = rewritten(evening, "verdict", 2, nights={FIRST: "accepted"})
    assert next((one.what, one.found) for one in found) == ("nights", f"{{'{FIRST}': 'accepted'}}")


def test_a_receipt_for_another_label(evening):
    found = rewritten(evening, "receipt", 0, label="C")
    assert found[0].what == "label"
    assert "what was signed, A" in found[0].expected


def test_a_receipt_of_another_file(evening):
    with evening.trial.ledger(read_only=True) as ledger:
        other = list(ledger.records("receipt"))[1].body["file"]
    found = rewritten(evening, "receipt", 0, file=other)
    assert found[0].what == "file"


def test_a_receipt_that_was_dated_back(evening):
    # Back before the deadline, so that the late file would have been in time.
    with evening.trial.ledger(read_only=True) as ledger:
        moment = list(ledger.records("receipt"))[1].moment
    found = rewritten(evening, "receipt", 2, at=moment)
    # What the ledger has it say then: accepted. Only a head that a vendor kept tells that the chain was another.
    assert found[0].what == "nights"


def test_a_report_of_the_checks_that_was_changed(evening):
    (told,) = [verdict.results for verdict in evening.trial.history().verdicts.values() if verdict.receipt == 6]
    report = evening.trial.blobs.get(told)
    other = evening.trial.blobs.put(report.replace(b'"outcome":"pass"', b'"outcome":"fail"', 1))
    found = rewritten(evening, "verdict", 0, results=other)
    assert found[0].what.startswith("results, check ")
    assert "fail" in found[0].found


def test_other_words_for_the_same_findings_are_no_difference(evening):
    (told,) = [verdict.results for verdict in evening.trial.history().verdicts.values() if verdict.receipt == 6]
    report = json.loads(evening.trial.blobs.get(told))
    for result in report["results"]:
        result["reason"] += "!"
    assert rewritten(evening, "verdict", 0, results=evening.trial.blobs.put(canonical_json(report))) == []


def test_predictions_that_were_changed(evening):
    with evening.trial.ledger(read_only=True) as ledger:
        other = list(ledger.records("verdict"))[1].body["blob"]
    found = rewritten(evening, "verdict", 0, blob=other)
    assert found[0].what == "blob"


def test_a_closing_that_was_changed(evening):
    found = rewritten(evening, "closed", 0, absent={})
    assert found[0].what == "absent"


def test_a_second_verdict_is_no_record_that_the_rules_allow(evening):
    with evening.trial.ledger() as ledger:
        (first, *_) = ledger.records("verdict")
        ledger.append("verdict", first.body)
    found = verify(evening.trial)
    assert next(one.what for one in found) == "receipt"
    with pytest.raises(InputError, match="a second verdict on receipt"):
        evening.trial.history()


def test_a_record_that_says_nothing_is_named(evening):
    with evening.trial.ledger() as ledger:
        ledger.append("closed", {"night": FIRST})
    found = verify(evening.trial)
    assert "does not say what such a record says" in found[-1].found


def test_a_plan_of_another_hash(evening):
    found = rewritten(evening, "plan", 0, sha256="0" * 64)
    assert [(one.record, one.what) for one in found] == [(1, "plan")]
    assert "its SHA-256 is" in found[0].found
