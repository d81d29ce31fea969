"""Thirty nights from the first file to the standings, and everything made again."""

from __future__ import annotations

import shutil

import pytest
from typer.testing import CliRunner

import predpol_eval as ppe
from predpol_eval.cli import app
from predpol_eval.errors import InputError
from predpol_eval.trial import look_records
from predpol_eval.trial.canonical import canonical_json, utc_text
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.intake import judge
from predpol_eval.trial.look_records import take_look
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.scoring.nights_tally import pooled, tally_of
from predpol_eval.trial.standings import league, look, sequences, standings_in_words
from predpol_eval.trial.verifying import verify
from tests.trial.evenings import Evening
from tests.trial.thirty_nights import MISSED, VOID


def test_everything_stands_and_is_made_again(ended):
    judge(ended.trial)
    history = ended.trial.history()
    assert len(history.closings) == 30
    assert history.closings[MISSED].absent == {"B": "missing"}
    assert len(history.scores) == 30
    assert verify(ended.trial) == []
    assert score(ended.trial) == ()


def test_the_known_order_comes_out(ended):
    plan, history = ended.trial.locked, ended.trial.history()
    tally = tally_of(ended.trial, history)
    rates = ppe.hit_rate(pooled(tally).sum(["window", "area"])).squeeze()
    assert float(rates.sel(forecaster="A")) > 0.6
    assert float(rates.sel(forecaster="B")) < 0.4
    assert float(rates.sel(forecaster="C")) == float(rates.sel(forecaster="in-house"))
    last = look(tally, plan, 3, earlier=(10, 20), void=(VOID,))
    findings = {(pair.a, pair.b) for pair in last.pairs if pair.found}
    assert ("A", "B") in findings
    assert ("C", "in-house") not in findings
    assert canonical_json(last.record()) == canonical_json(
        look(tally, plan, 3, earlier=(10, 20), void=(VOID,)).record()
    )


def test_it_is_told_in_words_by_label(ended):
    plan, history = ended.trial.locked, ended.trial.history()
    tally = tally_of(ended.trial, history)
    found = league(tally, plan, void=(VOID,), draws=199)
    words = standings_in_words(found, courses=sequences(tally, plan, void=(VOID,)))
    assert words[1].startswith("A caught ")
    assert any(line.startswith("Of the nights of B, not counted are 1 missing") for line in words)
    # The same from the command line, which has other draws.
    told = CliRunner().invoke(app, ["trial", "standings", str(ended.trial.folder)]).output.splitlines()
    assert told[0] == "29 nights have settled, 1 night is void."
    assert [line.split(" caught ")[0] for line in told[1:9]] == [line.split(" caught ")[0] for line in words[1:9]]
    best = next(row for row in found.rows if row.kind == "all" and row.area == "all" and row.role == "vendor")
    assert best.forecaster == "A"


def test_looks_are_recorded_once_and_made_again(ended, tmp_path):
    folder = tmp_path / "trial"
    shutil.copytree(ended.trial.folder, folder)
    copy = Trial(folder, ended.clock)
    first = take_look(copy, 1)
    with pytest.raises(InputError, match="Look 1 was taken before"):
        take_look(copy, 1)
    last = take_look(copy, 3)
    assert last.earlier == (len(first.nights),) == (10,)
    assert {(pair.a, pair.b) for pair in last.pairs if pair.found} >= {("A", "B"), ("A", "C")}
    with pytest.raises(InputError, match="look 2 is past"):
        take_look(copy, 2)
    with pytest.raises(InputError, match="4"):
        take_look(copy, 4)
    assert verify(Trial(folder, ended.clock)) == []
    with copy.ledger() as ledger:
        record = next(ledger.records("look"))
        ledger.append("look", {**record.body, "number": 4})
    assert verify(Trial(folder, ended.clock))[-1].what == "look"


def test_a_look_knows_what_was_recorded_while_it_was_made(ended, tmp_path, monkeypatch):
    folder = tmp_path / "trial"
    shutil.copytree(ended.trial.folder, folder)
    plain, calls = look_records.look_at, []

    def meanwhile(trial, history, number, until):
        calls.append(number)
        if len(calls) == 1:
            take_look(Trial(folder, ended.clock), 1)
        return plain(trial, history, number, until)

    monkeypatch.setattr(look_records, "look_at", meanwhile)
    # Somebody took the first look: alpha was spent there, which this one has to allow for.
    assert take_look(Trial(folder, ended.clock), 2).earlier == (10,)
    assert calls == [2, 1, 2]
    monkeypatch.undo()
    assert verify(Trial(folder, ended.clock)) == []


def test_a_look_that_was_dated_otherwise(ended, tmp_path):
    folder = tmp_path / "trial"
    shutil.copytree(ended.trial.folder, folder)
    copy = Trial(folder, ended.clock)
    take_look(copy, 1)
    with copy.ledger() as ledger:
        body = next(ledger.records("look")).body
        ledger.append("look", {**body, "number": 2, "until": "2018-08-20T00:00:00.000000Z"})
    assert verify(copy)[0].what == "until"


def test_a_look_that_was_changed(ended, tmp_path):
    folder = tmp_path / "trial"
    shutil.copytree(ended.trial.folder, folder)
    copy = Trial(folder, ended.clock)
    other = copy.blobs.put(b"{}")
    with copy.ledger() as ledger:
        body = {"number": 1, "settled": 10, "until": utc_text(ended.clock()), "blob": other}
        ledger.append("look", body)
    assert [one.what for one in verify(copy)] == ["blob"]


def test_a_look_waits_for_the_scores_of_its_nights(tmp_path):
    here = Evening(tmp_path)
    here.clock.set(20, 12, month=8)
    with pytest.raises(InputError, match="no settled score, the first is 2018-07-01"):
        take_look(here.trial, 1)
