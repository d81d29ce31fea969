"""Thirty nights from the first file to the standings, and everything made again."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import predpol_eval as ppe
from predpol_eval.cli import app
from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json, utc_text
from predpol_eval.trial.closing import close_night, declare_void
from predpol_eval.trial.data_exchange import take_snapshot
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.intake import judge
from predpol_eval.trial.look_records import take_look
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.scoring.nights_tally import pooled, tally_of
from predpol_eval.trial.standings import league, look, sequences, standings_in_words
from predpol_eval.trial.verifying import verify
from tests.trial.evenings import Evening

VOID, MISSED = "2018-07-05", "2018-07-09"


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A trial that is over: A knows where crimes fall, B guesses, C and the house repeat the template."""
    here = Evening(tmp_path_factory.mktemp("whole"))
    plan, grid = here.trial.locked, here.trial.grid
    rng = np.random.default_rng(1)
    # Most crimes fall into four boxes of each ward.
    cells = {
        area: rng.permutation(np.flatnonzero(grid.label_code == code))[:4] for code, area in enumerate(grid.labels)
    }
    rows = []
    for night in pd.date_range("2018-04-01", "2018-08-01", freq="D"):
        for cell in (cell for own in cells.values() for cell in own):
            for kind in plan.kinds:
                for _ in range(rng.poisson(0.5)):
                    row, column = divmod(int(cell), grid.shape[1])
                    x, y = grid.x0 + grid.cell * (column + rng.random()), grid.y0 + grid.cell * (row + rng.random())
                    rows.append((x, y, night + pd.Timedelta(hours=21), kind))
    frame = pd.DataFrame(rows, columns=["x", "y", "t", "kind"])
    frame["id"] = [f"case {number}" for number in range(len(frame))]
    events = ppe.Events.from_frame(
        frame, happened="t", kind="kind", id="id", crs=plan.crs, tz=plan.tz, observed=[("2018-04-01", "2018-08-02")]
    )
    names = {
        int(cell): f"r{cell // grid.shape[1]:03d}c{cell % grid.shape[1]:03d}" for own in cells.values() for cell in own
    }
    lines = {"A": [], "B": []}
    for area, own in cells.items():
        for kind in plan.kinds:
            lines["A"] += [f"{area},{kind},{names[int(cell)]},{9 - place}" for place, cell in enumerate(own[:3])]
            others = rng.permutation(np.flatnonzero(grid.label_code.ravel() == grid.labels.index(area)))[:3]
            lines["B"] += [
                f"{area},{kind},r{c // grid.shape[1]:03d}c{c % grid.shape[1]:03d},{9 - place}"
                for place, c in enumerate(others)
            ]
    files = {label: "\n".join(["area,kind,cell,risk", *told, ""]).encode() for label, told in lines.items()}
    for night in plan.nights:
        here.clock.now = night.cut
        if night.name == VOID:
            declare_void(here.trial, [night.name], "our server was down")
        for label in plan.submitters:
            if (label, night.name) != ("B", MISSED):
                here.hand_in(label, files.get(label, here.file(night.name)), night.name)
        here.clock.now = night.deadline
        close_night(here.trial, night.name)
    here.clock.now = datetime(2018, 9, 15, tzinfo=UTC)
    take_snapshot(here.trial, events, datetime(2018, 9, 14, tzinfo=UTC))
    score(here.trial)
    return here


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
