"""The history of a trial is read on where it was left, and never mixed up with another."""

from __future__ import annotations

import shutil

from predpol_eval.trial.folder import LEDGER
from predpol_eval.trial.history import History
from tests.trial.evenings import FIRST, Evening


def anew(trial) -> History:
    with trial.ledger(read_only=True) as ledger:
        return History().read(ledger.records())


def test_what_is_read_on_is_what_is_read_anew(tmp_path):
    here = Evening(tmp_path)
    states = [here.trial.history()]
    here.hand_in("A")
    states.append(here.trial.history())
    here.again().history()
    here.hand_in("B", None, FIRST)
    states.append(here.trial.history())
    assert states[-1] == anew(here.trial) == here.again().history()
    assert [len(state.receipts) for state in states] == [0, 1, 2]
    assert [state.last for state in states] == sorted(state.last for state in states)


def test_who_reads_on_changes_nobody_elses(tmp_path):
    here = Evening(tmp_path)
    mine, theirs = here.trial.history(), here.trial.history()
    mine.receipts.clear()
    mine.amendments.append("x")
    mine._keys.clear()
    here.hand_in("A")
    assert theirs.receipts == {}
    assert theirs.amendments == []
    assert here.trial.history() == anew(here.trial)


def test_another_chain_in_the_same_place_is_read_anew(tmp_path):
    here = Evening(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(here.trial.folder, copy)
    here.hand_in("A")
    here.hand_in("B")
    assert len(here.trial.history().receipts) == 2
    # Restored, and gone on with otherwise.
    for beside in here.trial.folder.glob(f"{LEDGER}*"):
        beside.unlink()
    shutil.copy(copy / LEDGER, here.trial.folder / LEDGER)
    before = here.trial
    here.trial = here.again()
    here._serial = dict.fromkeys(here.keys, 0)
    here.hand_in("C")
    assert before.history() == anew(before)
    for label in ("B", "A"):
        here.hand_in(label)
    found = before.history()
    assert [one.label for _, one in sorted(found.receipts.items())] == ["C", "B", "A"]
    assert found == anew(before)


def test_a_chain_that_grew_past_the_old_one(tmp_path):
    here = Evening(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(here.trial.folder, copy)
    here.hand_in("A")
    assert len(here.trial.history().receipts) == 1
    for beside in here.trial.folder.glob(f"{LEDGER}*"):
        beside.unlink()
    shutil.copy(copy / LEDGER, here.trial.folder / LEDGER)
    before, here.trial = here.trial, here.again()
    here._serial = dict.fromkeys(here.keys, 0)
    for label in ("C", "B", "A"):
        here.hand_in(label)
    assert before.history() == anew(before)
    assert len(before.history().receipts) == 3
