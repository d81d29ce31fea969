"""Thirty nights from the first file to the standings, and everything made again."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import predpol_eval as ppe
from predpol_eval.cli import app
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.closing import close_night, declare_void
from predpol_eval.trial.data_exchange import take_snapshot
from predpol_eval.trial.intake import judge
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
