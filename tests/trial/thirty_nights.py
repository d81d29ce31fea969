"""A whole trial of thirty nights: files, closings, a snapshot and the scores."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

import predpol_eval as ppe
from predpol_eval.trial.closing import close_night, declare_void
from predpol_eval.trial.data_exchange import take_snapshot
from predpol_eval.trial.scoring.nightly import score
from tests.trial.evenings import Evening

VOID, MISSED = "2018-07-05", "2018-07-09"


def thirty_nights(folder: Path) -> Evening:
    """A trial that is over: A knows where crimes fall, B guesses, C and the house repeat the template."""
    here = Evening(folder)
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
