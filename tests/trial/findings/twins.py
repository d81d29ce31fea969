"""Slow and obvious: what was flagged and what happened, by replaying the ledger up to each score."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import shapely

import predpol_eval as ppe
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.history import History
from predpol_eval.trial.outcomes.snapshots import thaw
from predpol_eval.trial.plan.nights import windows_of
from predpol_eval.trial.scoring.night_score import NightScore
from predpol_eval.trial.scoring.standing import standings
from predpol_eval.trial.submissions.predictions import Predictions


class Slow(NamedTuple):
    shares: dict[str, Any]
    ranks: dict[str, Any]
    crimes: Any


def slow_flagged(trial: Trial, *, settled: bool = True) -> Slow:
    """Arrays over (night, kind, row of cells, column of cells), NaN outside the study area."""
    plan, grid = trial.plan(trial.history()), trial.grid
    shape = (len(plan.nights), len(plan.kinds), *grid.shape)
    shares = {label: np.full(shape, np.nan) for label in plan.submitters}
    ranks = {label: np.full(shape, np.nan) for label in plan.submitters}
    crimes = np.full(shape, np.nan)
    with trial.ledger(read_only=True) as ledger:
        records = list(ledger.records())
    scores = {}
    for record in records:
        if record.kind == "score" and (record.body["settled"] or not settled):
            scores[record.body["night"]] = record
    then = History()
    for record in records:
        if record.kind != "score" or scores.get(record.body["night"]) != record:
            continue
        # What stood when it was written.
        then.read(records[then.last : record.number - 1])
        night = plan.night(record.body["night"])
        number = night.number
        score = NightScore.from_bytes(trial.blobs.get(record.body["blob"]))
        if {"void", "held"} & {entry.status for entry in score.entries}:
            continue
        events = thaw(trial.blobs.get(score.snapshot))
        window = windows_of(plan, [night])
        for label, stands in standings(then, plan, night.name).items():
            if stands.receipt is None:
                continue
            predicted = Predictions.from_bytes(trial.blobs.get(then.verdicts[stands.receipt].predictions))
            for k, kind in enumerate(plan.kinds):
                if predicted.form == "boxes":
                    shares[label][number, k] = covered(predicted.boxes(night.name, kind), grid)
                    ranks[label][number, k] = np.where(grid.mask, 0.0, np.nan)
                else:
                    order = ranked(predicted.cells[night.name, kind], grid, plan.seed, window)
                    ranks[label][number, k] = np.where(grid.mask, order, np.nan)
                    shares[label][number, k] = np.where(grid.mask, (order >= 1) & (order <= plan.k), np.nan)
        for k, kind in enumerate(plan.kinds):
            counted = ppe.count(events.select(kinds=kind), grid, window, method=plan.method)
            crimes[number, k] = np.where(grid.mask, counted.to_numpy()[0], np.nan)
    return Slow(shares, ranks, crimes)


def ranked(listed: Any, grid: ppe.Grid, seed: int, window: Any) -> Any:
    """The budget at which each listed cell is first among those that `flagged_cells` flags; 0 if it is not listed."""
    # Above 0, so that whatever is not listed comes last.
    values = np.full(grid.mask.size, -1e9)
    values[listed.cell] = listed.key
    risk = ppe.make_surface(np.where(grid.mask, values.reshape(grid.shape), np.nan)[None], grid, window, kind="score")
    most = int(np.bincount(grid.label_code[grid.mask]).max())
    budgets = [ppe.TopCells(k, per="area") for k in range(1, most + 1)]
    flagged = ppe.flagged_cells(risk, budgets, grid, seed=seed).isel(window=0).transpose("budget", "y", "x").to_numpy()
    is_listed = np.isin(np.arange(grid.mask.size), listed.cell).reshape(grid.shape)
    return np.where(is_listed, 1 + np.argmax(flagged, axis=0), 0)


def covered(shapes: Any, grid: ppe.Grid) -> Any:
    """Share of the ground of every cell that lies under the polygons of its own area."""
    found = np.where(grid.mask, 0.0, np.nan)
    for row, column in np.argwhere(grid.mask):
        area = grid.labels[grid.label_code[row, column]]
        if area in shapes:
            west, south = grid.x0 + grid.cell * column, grid.y0 + grid.cell * row
            cell = shapely.box(west, south, west + grid.cell, south + grid.cell)
            found[row, column] = shapes[area].intersection(cell).area / grid.inside_m2[row, column]
    return found


def same_as_slow(found: Any, slow: Slow, grid: ppe.Grid) -> None:
    """Hold flagged nights to the slow twin, and every number of theirs to what it may be."""
    inside = grid.mask.ravel()
    assert found.cells.tolist() == np.flatnonzero(inside).tolist()
    assert found.areas.tolist() == grid.label_code.ravel()[inside].tolist()

    def flat(values: Any) -> Any:
        return values.reshape(*values.shape[:2], -1)[..., inside]

    np.testing.assert_array_equal(found.crimes, flat(slow.crimes))
    assert list(found.shares) == list(slow.shares)
    for label, values in slow.shares.items():
        np.testing.assert_allclose(found.shares[label], flat(values), atol=1e-9)
    drew = {label for label, values in slow.ranks.items() if not np.nanmax(values, initial=0) > 0}
    assert set(found.ranks) == set(slow.ranks) - drew
    for label in found.ranks:
        np.testing.assert_array_equal(found.ranks[label], flat(slow.ranks[label]))
