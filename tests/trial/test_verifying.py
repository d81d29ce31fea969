"""A trial that somebody rewrote, with a chain as sound as ever, is not what its plan and its files make of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from predpol_eval import Events
from predpol_eval.errors import InputError
from predpol_eval.trial.administration import seal
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.closing import close_night
from predpol_eval.trial.data_exchange import take_snapshot
from predpol_eval.trial.folder import LEDGER, Trial
from predpol_eval.trial.intake import check_receipt, judge
from predpol_eval.trial.keys import seal_names
from predpol_eval.trial.ledger import Ledger
from predpol_eval.trial.plan import amend
from predpol_eval.trial.verifying import verify
from tests.trial.evenings import FIRST, SECOND, Evening


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


def added(evening: Evening, kind: str, body: dict[str, Any]) -> list[str]:
    """What is said of a record that the library would not have written; it is added by hand, in a sound chain."""
    with evening.trial.ledger() as ledger:
        ledger.append(kind, body)
    return [str(one) for one in verify(evening.again())]


def test_a_night_that_is_closed_too_early_or_twice(evening):
    everybody = list(evening.trial.locked.submitters)
    told = added(evening, "closed", {"night": SECOND, "standing": {}, "absent": dict.fromkeys(everybody, "missing")})
    assert "not before 2018-07-02T18:00:00.000000Z, the deadline of 2018-07-02" in told[0]
    then = dict(evening.again().history().closings[FIRST].standing)
    told = added(evening, "closed", {"night": FIRST, "standing": {}, "absent": dict.fromkeys(everybody, "missing")})
    assert f"a second closing of {FIRST}" in told[-1]
    # What was said first is what counts meanwhile.
    assert evening.again().history().closings[FIRST].standing == then


def test_a_night_that_is_closed_over_files_that_wait(evening):
    evening.clock.set(2, 16)
    number = evening.hand_in("A", evening.file(SECOND), SECOND).receipt.number
    evening.clock.set(2, 18)
    everybody = list(evening.trial.locked.submitters)
    told = added(evening, "closed", {"night": SECOND, "standing": {}, "absent": dict.fromkeys(everybody, "missing")})
    assert f"though record {number} waits" in told[0]


def test_a_missing_night_that_is_none(evening):
    assert (
        "no such record: 'A' has a file" in added(evening, "missing", {"label": "A", "night": FIRST, "why": "late"})[0]
    )
    assert "late" in added(evening, "missing", {"label": "B", "night": FIRST, "why": "missing"})[1]


def test_a_night_that_is_void_once_its_crimes_are_known(evening):
    events = Events.from_frame(
        pd.DataFrame({"x": [430_100.0], "y": [433_100.0], "t": ["2018-07-02 01:00"], "kind": ["burglary"], "i": ["a"]}),
        id="i", kind="kind", happened="t", crs="EPSG:27700", tz="Europe/London",
        observed=[("2018-06-01", "2018-07-03")],
    )  # fmt: skip
    evening.clock.set(4, 12)
    take_snapshot(evening.trial, events, evening.clock(), forced="a small town", match="id")
    assert verify(evening.again()) == []
    told = added(evening, "void", {"nights": [FIRST], "reason": "it went badly for us"})
    assert f"of {FIRST} crimes are recorded in a snapshot already" in told[0]


def test_a_file_that_is_said_to_be_held_though_no_check_broke(evening):
    (told,) = [verdict.results for verdict in evening.trial.history().verdicts.values() if verdict.receipt == 6]
    report = evening.trial.blobs.get(told).replace(b'"outcome":"accepted"', b'"outcome":"held"')
    other = evening.trial.blobs.put(report)
    found = rewritten(evening, "verdict", 0, results=other, nights={FIRST: "held"}, blob=None, prints={})
    assert "held, though every check was carried out" in str(found[0])


def test_a_late_file_whose_checks_broke_is_no_difference_once_they_are_mended(evening, slip):
    evening.hand_in("C")
    judge(evening.trial)
    slip()
    assert verify(evening.again()) == []


def test_what_a_verdict_says_of_predictions_and_label(evening):
    found = rewritten(evening, "verdict", 0, prints={FIRST: "0" * 64})
    assert found[0].what == "prints"
    found = rewritten(evening, "verdict", 0, prints=evening_prints(evening), label="C")
    assert [one.what for one in found][:1] == ["label"]


def evening_prints(evening: Evening) -> dict[str, str]:
    """What the first file of the evening predicts."""
    first = min(evening.trial.history().receipts.values(), key=lambda receipt: receipt.number)
    checked = check_receipt(evening.trial, evening.trial.history(), first)
    return {FIRST: checked.predictions.fingerprint(FIRST)}


def test_an_amendment_that_is_dated_back(evening):
    history = evening.trial.history()
    earlier = evening.clock() - timedelta(hours=2)
    _, made = amend(evening.trial.plan(history), {"nights": {"deadline": "19:30"}}, reason="for a friend", at=earlier)
    told = added(evening, "amendment", {"blob": evening.trial.blobs.put(made.to_bytes()), "reason": made.reason})
    assert "moment of the amendment" in told[0]
    assert "2018-07-01T16:30:00.000000Z" in told[0]


def test_names_that_were_sealed_again(evening):
    names = dict.fromkeys(evening.trial.locked.vendors, "somebody")
    path = seal(evening.trial, names, "correct horse battery")
    assert verify(evening.again()) == []
    path.write_bytes(seal_names(names, "correct horse battery"))
    assert "sha256" in str(verify(evening.again())[0])


def test_a_verdict_whose_report_is_none(evening):
    other = evening.trial.blobs.put(b"no report at all")
    found = rewritten(evening, "verdict", 0, results=other)
    assert "a body that does not say what such a record says (JSONDecodeError" in found[0].found


def test_a_plan_of_another_hash(evening):
    found = rewritten(evening, "plan", 0, sha256="0" * 64)
    assert [(one.record, one.what) for one in found] == [(1, "plan")]
    assert "its SHA-256 is" in found[0].found
