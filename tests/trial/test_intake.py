"""An evening's intake: what is taken in, what it counts for, and what is refused."""

from __future__ import annotations

import shutil
import sys
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from predpol_eval.errors import InputError, PlanLockedError
from predpol_eval.trial import closing, intake
from predpol_eval.trial.administration import amend_plan, register_key, revoke_key, seal
from predpol_eval.trial.canonical import sha256_of, utc_text
from predpol_eval.trial.closing import close_night, declare_void, keep_head
from predpol_eval.trial.folder import HANDED_OUT, LOCKED, Trial, lock, read_handed_out
from predpol_eval.trial.intake import judge, judge_held, receive, rules_for
from predpol_eval.trial.keys import SignatureRefused, fingerprint, open_names
from predpol_eval.trial.ledger import read_head
from predpol_eval.trial.status import status_of
from predpol_eval.trial.submissions.checked import check_submission
from predpol_eval.trial.submissions.predictions import Predictions
from predpol_eval.trial.verifying import verify
from predpol_eval.trial.waiting import behind, wait
from tests.trial.evenings import FIRST, SECOND, Evening, pem
from tests.trial.plan.town import write_town


@pytest.fixture
def evening(tmp_path):
    return Evening(tmp_path)


def outcomes(evening: Evening) -> list[dict[str, str]]:
    judge(evening.trial)
    history = evening.again().history()
    return [dict(history.verdicts[number].nights) for number in sorted(history.receipts)]


def kinds(evening: Evening) -> list[str]:
    with evening.trial.ledger(read_only=True) as ledger:
        return [record.kind for record in ledger.records()]


def test_a_file_is_received_checked_and_stands(evening):
    taken = evening.hand_in("A")
    assert not taken.again
    assert taken.receipt.at == "2018-07-01T16:00:00.000000Z"
    assert f"record {taken.receipt.number}" in taken.in_words()
    assert taken.receipt.hash in taken.in_words()
    (verdict,) = judge(evening.trial)
    assert verdict.nights == {FIRST: "accepted"}
    history = evening.again().history()
    assert history.standing("A", FIRST) == taken.receipt
    assert history.standing("B", FIRST) is None
    # What it predicts is kept as it will be scored.
    kept = Predictions.from_bytes(evening.trial.blobs.get(verdict.predictions))
    assert kept.fingerprint(FIRST) == verdict.prints[FIRST]
    assert verify(evening.again()) == []


def test_identical_and_superseding_files(evening):
    first = evening.file()
    evening.hand_in("A", first)
    evening.hand_in("A", first)
    last = evening.hand_in("A", evening.other_file())
    assert outcomes(evening) == [{FIRST: "accepted"}, {FIRST: "identical"}, {FIRST: "supersedes"}]
    assert evening.again().history().standing("A", FIRST).number == last.receipt.number
    assert verify(evening.trial) == []


def test_the_deadline_is_that_of_the_receipt(evening):
    evening.clock.set(1, 17, 59, 59)
    evening.hand_in("A")
    evening.clock.set(1, 18)
    evening.hand_in("B")
    # Checked days later: what was in time stays in time.
    evening.clock.set(5, 12)
    assert outcomes(evening) == [{FIRST: "accepted"}, {FIRST: "late"}]
    history = evening.trial.history()
    assert history.standing("B", FIRST) is None
    assert history.absence("B", FIRST) == "late"


def test_a_late_file_for_one_night_is_in_time_for_the_next(evening):
    evening.clock.set(1, 18, 30)
    data = evening.file(FIRST, SECOND)
    evening.hand_in("A", data, FIRST, SECOND)
    assert outcomes(evening) == [{FIRST: "late", SECOND: "accepted"}]


def test_a_late_file_does_not_supersede(evening):
    taken = evening.hand_in("A")
    evening.clock.set(1, 18, 30)
    evening.hand_in("A", evening.other_file())
    assert outcomes(evening) == [{FIRST: "accepted"}, {FIRST: "late"}]
    assert evening.trial.history().standing("A", FIRST) == taken.receipt


def test_a_rejected_file_leaves_what_stood(evening):
    taken = evening.hand_in("A")
    evening.hand_in("A", b"night,area,kind,cell,risk\n2018-07-01,Nowhere,burglary,r000c000,1\n")
    assert outcomes(evening) == [{FIRST: "accepted"}, {FIRST: "rejected"}]
    history = evening.trial.history()
    assert history.standing("A", FIRST) == taken.receipt
    assert b"Nowhere" in evening.trial.blobs.get(history.verdicts[max(history.verdicts)].results)
    assert verify(evening.trial) == []


def test_the_same_envelope_again_is_the_same_receipt(evening):
    data = evening.file()
    sealed = evening.envelope("A", data)
    first, second = receive(evening.trial, data, sealed), receive(evening.again(), data, sealed)
    assert second.again
    assert second.receipt == first.receipt
    assert "was received before" in second.in_words()
    assert kinds(evening).count("receipt") == 1


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("not signed", lambda here, data: None),
        ("wrong key", lambda here, data: here.envelope("A", data, key=here.keys["B"])),
        ("wrong key", lambda here, data: here.envelope("A", data, key=Ed25519PrivateKey.generate())),
        ("other file", lambda here, data: here.envelope("A", data + b"\n")),
        ("other plan", lambda here, data: here.envelope("A", data, plan="0" * 64)),
    ],
)
def test_what_is_not_signed_is_refused_and_recorded(evening, code, how):
    data = evening.file()
    with pytest.raises(SignatureRefused) as refused:
        receive(evening.trial, data, how(evening, data))
    assert refused.value.code == code
    with evening.trial.ledger(read_only=True) as ledger:
        assert ledger.head.kind == "refused"
        assert ledger.head.body["code"] == code
    # The bytes of strangers are not kept.
    assert evening.trial.history().receipts == {}
    assert evening.trial.blobs.missing([sha256_of(data)]) == [sha256_of(data)]
    assert verify(evening.trial) == []


def test_a_serial_number_that_does_not_rise_is_a_replay(evening):
    evening.hand_in("A", evening.other_file())
    data = evening.file()
    with pytest.raises(SignatureRefused) as refused:
        receive(evening.trial, data, evening.envelope("A", data, serial=1))
    assert refused.value.code == "replayed"
    # Another submitter counts for itself.
    evening.hand_in("B")


@pytest.mark.parametrize(
    ("nights", "found"),
    [(("2018-12-24",), "no night 2018-12-24"), ((FIRST, "2019-01-01"), "no night 2019-01-01")],
)
def test_nights_that_the_plan_does_not_have(evening, nights, found):
    data = evening.file()
    with pytest.raises(InputError, match=found):
        receive(evening.trial, data, evening.envelope("A", data, *nights))
    assert kinds(evening)[-1] == "refused"


def test_a_file_over_the_limit_is_refused_before_it_is_kept(evening):
    data = b"x" * (evening.trial.locked.limits.bytes + 1)
    with pytest.raises(InputError, match="more than the 20,000,000 bytes"):
        receive(evening.trial, data, evening.envelope("A", data))
    assert kinds(evening)[-1] == "refused"
    path = evening.trial.folder / "huge.csv"
    path.write_bytes(data + data)
    assert len(intake.read_submitted(evening.trial, path)) == len(data)


def test_a_revoked_key(evening):
    old = fingerprint(evening.keys["A"].public_key())
    before = evening.hand_in("A")
    revoke_key(evening.trial, "A", old, "a laptop was stolen")
    with pytest.raises(SignatureRefused, match="revoked"):
        evening.hand_in("A", evening.other_file())
    evening.keys["A"] = Ed25519PrivateKey.generate()
    register_key(evening.trial, "A", pem(evening.keys["A"]), "a new laptop")
    after = evening.hand_in("A", evening.other_file())
    assert outcomes(evening) == [{FIRST: "accepted"}, {FIRST: "supersedes"}]
    assert (before.receipt.serial, after.receipt.serial) == (1, 3)
    with pytest.raises(InputError, match="takes no part"):
        register_key(evening.trial, "D", pem(Ed25519PrivateKey.generate()))
    assert verify(evening.trial) == []


def test_a_check_of_ours_that_breaks_holds_the_file(evening, slip):
    taken = evening.hand_in("A")
    assert outcomes(evening) == [{FIRST: "held"}]
    slip()
    assert evening.trial.history().absence("A", FIRST) == "held"
    assert verify(evening.trial) == []
    # Days later the library is mended; the receipt is as old as it was.
    evening.clock.set(4, 12)
    assert judge_held(evening.trial, taken.receipt.number).nights == {FIRST: "accepted"}
    assert evening.trial.history().standing("A", FIRST) == taken.receipt
    with pytest.raises(InputError, match="no receipt that is held"):
        judge_held(evening.trial, taken.receipt.number)
    assert verify(evening.trial) == []


def test_a_held_file_that_was_superseded_does_not_come_back(evening, slip):
    first = evening.hand_in("A")
    assert outcomes(evening) == [{FIRST: "held"}]
    slip()
    second = evening.hand_in("A", evening.other_file())
    assert outcomes(evening)[1] == {FIRST: "accepted"}
    # When it came there was nothing before it, and what came later stands.
    assert judge_held(evening.trial, first.receipt.number).nights == {FIRST: "accepted"}
    assert evening.trial.history().standing("A", FIRST) == second.receipt
    assert verify(evening.trial) == []


def test_the_plan_is_that_of_the_receipt_and_of_its_first_night(evening):
    early = evening.file(SECOND)
    evening.hand_in("A", early, SECOND)
    amend_plan(evening.trial, {"limits": {"rows": 5, "bytes": 1000, "nights": 1}}, "smaller files")
    # The cut of the first night has passed: for it holds what was promised, whoever hands in when.
    evening.hand_in("A")
    evening.hand_in("B", evening.file(FIRST, SECOND), FIRST, SECOND)
    short = b"night,area,kind,cell,risk\n" + b"\n" * 7
    evening.hand_in("C", short, SECOND)
    evening.clock.set(1, 18)
    with pytest.raises(InputError, match=r"more than the 1,000 bytes.*2 nights, and the plan allows 1 at once"):
        evening.hand_in("in-house", evening.file(FIRST, SECOND), FIRST, SECOND)
    assert outcomes(evening) == [
        {SECOND: "accepted"}, {FIRST: "accepted"}, {FIRST: "accepted", SECOND: "accepted"}, {SECOND: "rejected"},
    ]  # fmt: skip
    path = evening.trial.folder / "early.csv"
    path.write_bytes(early)
    assert intake.read_submitted(evening.trial, path) == early
    assert verify(evening.trial) == []


def test_a_held_file_that_two_judge_at_once_has_one_verdict(evening, slip, monkeypatch):
    number = evening.hand_in("A").receipt.number
    judge(evening.trial)
    slip()
    plain, calls = intake.check_receipt, []

    def checked(trial, history, receipt):
        calls.append(receipt.number)
        if len(calls) == 1:
            # Somebody else is done with it while it is being checked here.
            judge_held(evening.again(), receipt.number)
        return plain(trial, history, receipt)

    monkeypatch.setattr(intake, "check_receipt", checked)
    assert judge_held(evening.trial, number).nights == {FIRST: "accepted"}
    assert kinds(evening).count("verdict") == 2
    assert evening.again().history().standing("A", FIRST).number == number
    assert verify(evening.again()) == []


def test_checks_know_a_held_file_that_was_checked_meanwhile(evening, slip, monkeypatch):
    held = evening.hand_in("A").receipt.number
    judge(evening.trial)
    slip()
    data = evening.file(SECOND)
    evening.hand_in("A", data, SECOND)
    plain, calls = intake.check_receipt, []

    def checked(trial, history, receipt):
        calls.append(receipt.number)
        if len(calls) == 1:
            judge_held(evening.again(), held)
        return plain(trial, history, receipt)

    monkeypatch.setattr(intake, "check_receipt", checked)
    judge(evening.trial)
    # What it predicts is what the held file predicts for the night before, and its report says so.
    assert calls == [held + 2, held, held + 2]
    assert verify(evening.again()) == []


def test_a_verdict_that_cannot_be_read_is_not_recorded(evening, monkeypatch):
    evening.hand_in("A")
    monkeypatch.setattr(intake, "outcomes_of", lambda *_: {FIRST: "wonderful"})
    with pytest.raises(InputError, match="wonderful"):
        judge(evening.trial)
    monkeypatch.undo()
    assert outcomes(evening) == [{FIRST: "accepted"}]


def test_a_clock_that_is_a_little_behind_costs_nobody_a_key(evening):
    evening.clock.set(1, 16, 0, 50)
    evening.keys["A"], old = Ed25519PrivateKey.generate(), fingerprint(evening.keys["A"].public_key())
    revoke_key(evening.trial, "A", old, "a laptop was stolen")
    register_key(evening.trial, "A", pem(evening.keys["A"]), "a new laptop")
    evening.clock.set(1, 16, 0, 20)
    # Records bear the moment of the last one, and so do receipts.
    assert evening.hand_in("A").receipt.at == "2018-07-01T16:00:50.000000Z"
    revoke_key(evening.trial, "B", fingerprint(evening.keys["B"].public_key()), "stolen, too")
    with pytest.raises(SignatureRefused, match="revoked"):
        evening.hand_in("B")
    assert kinds(evening).count("clock behind") == 1
    assert verify(evening.again()) == []


def test_a_clock_that_was_ahead_is_waited_for(evening):
    evening.clock.set(2, 16)
    declare_void(evening.trial, [SECOND], "the clock was a day ahead, and nobody knew")
    evening.clock.set(1, 16)
    with pytest.raises(InputError, match=r"1 day 0 hours before the last record .*predpol-eval trial wait"):
        evening.hand_in("A")
    assert "the clock is 1 day 0 hours behind the last record" in status_of(evening.trial)
    said, paused = [], []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        # Somebody sets the clock while it is waited for; then only the rest is left.
        evening.clock.now += timedelta(seconds=seconds) if len(paused) > 1 else timedelta(hours=23, minutes=59)

    assert wait(evening.trial, pause=pause, say=said.append) == timedelta(days=1)
    assert said == [timedelta(days=1), timedelta(minutes=1)]
    assert paused == [60, 60]
    assert behind(evening.trial) == timedelta()
    assert "behind" not in status_of(evening.trial)
    # What is handed in now bears the moment at which it was.
    assert evening.hand_in("A").receipt.at == "2018-07-02T16:00:00.000000Z"
    assert outcomes(evening) == [{FIRST: "late"}]


def test_closing_a_night_writes_down_who_is_missing(evening):
    evening.hand_in("A")
    evening.hand_in("B", b"not a table")
    with pytest.raises(InputError, match="deadline"):
        close_night(evening.trial, FIRST)
    evening.clock.set(1, 18)
    evening.hand_in("C")
    found = close_night(evening.trial, FIRST)
    assert set(found.standing) == {"A"}
    assert found.absent == {"B": "rejected", "C": "late", "in-house": "missing"}
    assert kinds(evening)[-4:] == ["missing", "missing", "missing", "closed"]
    # Once only, whoever asks again.
    assert close_night(evening.again(), FIRST) == found
    assert kinds(evening).count("closed") == 1
    assert verify(evening.trial) == []


def test_a_night_is_closed_though_files_keep_coming_in(evening, monkeypatch):
    evening.clock.set(1, 18)
    plain, calls = closing.judge, []

    def judging(trial):
        given = plain(trial)
        calls.append(len(given))
        # Of another night, which is nobody's concern here; and two that come while the first ones are checked.
        evening.hand_in("C", evening.file(SECOND), SECOND)
        if len(calls) < 3:
            evening.hand_in("B", evening.other_file() + b"\n" * len(calls))
        return given

    monkeypatch.setattr(closing, "judge", judging)
    found = close_night(evening.trial, FIRST)
    assert len(calls) == 3
    assert found.absent["B"] == "late"
    monkeypatch.undo()
    assert verify(evening.again()) == []


def test_void_nights_are_declared_with_a_reason_and_once(evening):
    with pytest.raises(InputError, match="reason"):
        declare_void(evening.trial, [FIRST], "  ")
    declare_void(evening.trial, [FIRST, SECOND, FIRST], "our server was down")
    assert evening.trial.history().void == {FIRST: "our server was down", SECOND: "our server was down"}
    with pytest.raises(InputError, match=f"{SECOND} is void already"):
        declare_void(evening.trial, [SECOND], "again")


def test_an_amendment_holds_from_the_nights_ahead(evening):
    made = amend_plan(evening.trial, {"nights": {"deadline": "19:30"}}, "vendors asked for it")
    assert made.reason == "vendors asked for it"
    # The cut of the first night has passed, so its deadline stays; that of the second is half an hour later.
    evening.clock.set(1, 18, 10)
    evening.hand_in("A")
    evening.clock.set(2, 18, 10)
    data = evening.file(SECOND)
    evening.hand_in("A", data, SECOND)
    assert outcomes(evening) == [{FIRST: "late"}, {SECOND: "accepted"}]
    with pytest.raises(PlanLockedError):
        amend_plan(evening.trial, {"budget": {"boxes": 20}}, "more boxes")
    assert verify(evening.trial) == []


def test_vendors_have_the_amendments_too(evening, tmp_path):
    amend_plan(evening.trial, {"nights": {"deadline": "19:30"}}, "vendors asked for it")
    amend_plan(evening.trial, {"limits": {"rows": 5}}, "smaller files")
    given = tmp_path / "given"
    shutil.copytree(evening.trial.folder / HANDED_OUT, given)
    read = read_handed_out(given / LOCKED)
    history = evening.trial.history()
    assert read == evening.trial.plan(history) != read.locked == evening.trial.locked
    assert [one.reason for one in read.amendments] == ["vendors asked for it", "smaller files"]
    # They check by the rules by which they are judged, night by night.
    for night, outcome in ((FIRST, "accepted"), (SECOND, "rejected")):
        rules = rules_for(read, [night], utc_text(evening.clock()))
        assert (
            check_submission(evening.file(night), rules, evening.trial.grid, label="A", nights=(night,)).outcome
            == outcome
        )
    (given / "plan.amendment-1.json").unlink()
    with pytest.raises(InputError, match=r"no amendment .*plan\.amendment-1\.json"):
        read_handed_out(given / LOCKED)
    (given / "plan.amendment-2.json").unlink()
    assert read_handed_out(given / LOCKED) == evening.trial.locked


def test_where_the_library_for_signatures_is_missing_nobody_is_refused(evening, monkeypatch):
    evening.hand_in("B")
    data = evening.file()
    sealed = evening.envelope("A", data)
    with monkeypatch.context() as patch:
        for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
            patch.setitem(sys.modules, name, None)
        patch.setitem(sys.modules, "cryptography", None)
        with pytest.raises(InputError, match=r"Taking in a file needs .* pip install 'predpol-eval\[trial\]'"):
            receive(evening.trial, data, sealed)
        # Nor is it a difference, for whoever verifies.
        with pytest.raises(InputError, match=r"Verifying signatures needs .* pip install 'predpol-eval\[trial\]'"):
            verify(evening.again())
    assert kinds(evening)[-1] == "receipt"
    assert not receive(evening.trial, data, sealed).again


def test_who_is_who_is_sealed_once(evening):
    names = {"A": "Alpha Ltd", "B": "Beta plc", "C": "Gamma GmbH"}
    with pytest.raises(InputError, match="every vendor"):
        seal(evening.trial, {"A": "Alpha Ltd"}, "correct horse")
    path = seal(evening.trial, names, "correct horse")
    assert open_names(path.read_bytes(), "correct horse") == names
    for name in names.values():
        assert name.encode() not in (evening.trial.folder / "ledger.sqlite3").read_bytes()
    with pytest.raises(InputError, match="sealed before"):
        seal(evening.trial, names, "correct horse", evening.trial.folder / "other")


def test_a_head_that_a_vendor_kept(evening, tmp_path):
    evening.hand_in("A")
    head = read_head(keep_head(evening.trial, tmp_path, FIRST).read_bytes())
    evening.hand_in("B")
    assert verify(evening.trial, [head]) == []


def test_a_plan_is_locked_before_it_begins_and_into_an_empty_folder(tmp_path, evening):
    (tmp_path / "other").mkdir()
    path = write_town(tmp_path / "other")
    with pytest.raises(InputError, match="holds a trial"):
        lock(path, evening.trial.folder, clock=evening.clock)
    evening.clock.set(1, 16)
    with pytest.raises(InputError, match="locked before its trial begins"):
        lock(path, tmp_path / "late", clock=evening.clock)
    assert not (tmp_path / "late").exists()
    with pytest.raises(InputError, match="holds no trial"):
        Trial(tmp_path / "other")


def test_a_plan_that_was_changed_is_refused(evening):
    with evening.trial.ledger(read_only=True) as ledger:
        blob = ledger.record(1).body["blob"]
    path = evening.trial.blobs.path(blob)
    content = path.read_bytes().replace(b'"burglary"', b'"burglery"')
    path.chmod(0o600)
    path.write_bytes(content)
    found = verify(evening.again())
    assert [difference.record for difference in found] == [1]


def test_a_crash_between_receipt_and_verdict_loses_nothing(evening):
    first = evening.hand_in("A").receipt.number
    second = evening.hand_in("A", evening.other_file()).receipt.number
    # Nothing was checked before the crash; whoever comes next does so in the order of the receipts.
    assert [verdict.receipt for verdict in judge(evening.again())] == [first, second]
    assert judge(evening.again()) == []


def test_the_same_predictions_night_after_night_are_noted(evening):
    evening.hand_in("B", evening.file(SECOND), SECOND)
    evening.hand_in("A")
    data = evening.file(SECOND)
    evening.hand_in("A", data, SECOND)
    judge(evening.trial)
    history = evening.trial.history()
    reports = [evening.trial.blobs.get(verdict.results) for verdict in history.verdicts.values()]
    told = [f"What is predicted for {SECOND} is the same as for {FIRST}.".encode() in report for report in reports]
    assert told == [False, False, True]
    assert verify(evening.trial) == []


def test_where_a_trial_stands(evening):
    told = status_of(evening.trial)
    assert f"{FIRST}: cut 2018-07-01T16:00:00.000000Z, deadline 2018-07-01T18:00:00.000000Z" in told
    assert "A: nothing so far" in told
    evening.hand_in("A")
    assert "not yet checked: record 6 of A" in status_of(evening.trial)
    evening.clock.set(1, 19)
    evening.hand_in("B")
    judge(evening.trial)
    declare_void(evening.trial, [SECOND], "our server was down")
    told = status_of(evening.trial, FIRST)
    assert "A: record 6 of 2018-07-01T16:00:00.000000Z" in told
    assert "B: nothing that counts (late)" in told
    assert "not yet checked" not in told
    # After the deadline the next night is told of.
    assert "void: our server was down" in status_of(evening.trial)
    revoke_key(evening.trial, "C", fingerprint(evening.keys["C"].public_key()), "lost")
    assert "key of C: none in force" in status_of(evening.trial)
