"""What was flagged and what happened, night by night, from the predictions and snapshots that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from predpol_eval.trial.findings.definite_cells import definite_ranks
from predpol_eval.trial.findings.drawn_ground import shares_covered
from predpol_eval.trial.findings.scored_nights import FilesThen, ScoredNight, scored_nights, that_count

if TYPE_CHECKING:
    from predpol_eval.flagging import Scene
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.history import History
    from predpol_eval.trial.plan import TrialPlan

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class FlaggedNights:
    """Boxes and crimes of all nights of the plan, over the cells of the study area.

    Attributes
    ----------
    cells : array of int
        Numbers of the cells, as ``row * nx + column``, rising; the last axis of all others.
    areas : array of int, shape (cells,)
        Code of the area of each, its place in the grid's labels.
    nights, kinds : tuple of str
    shares : mapping of str to array, shape (nights, kinds, cells)
        By submitter, all of the plan: what part of each cell's ground was flagged; NaN where nothing stands, or the
        night has no score that counts. Of who lists cells it is 0 or 1, and 1 for exactly the budget in each area, or
        for as many as were listed there.
    ranks : mapping of str to array of the same shape
        1 the first within an area; 0 not ranked, NaN where nothing stands. Of a file that draws polygons it is 0 for
        all cells; who never handed in anything else is left out.
    crimes : array of the same shape
        As the snapshot tells them that the night was scored on; those of uncertain moment in part. NaN where the night
        has no score that counts.
    """

    cells: IntArray
    areas: IntArray
    nights: tuple[str, ...]
    kinds: tuple[str, ...]
    shares: Mapping[str, FloatArray]
    ranks: Mapping[str, FloatArray]
    crimes: FloatArray


def flagged_nights(
    trial: Trial, history: History, *, settled: bool = True, scores: Mapping[str, ScoredNight] | None = None
) -> FlaggedNights:
    """Lay out which boxes everybody had on the nights that count, and what happened in all of them.

    Parameters
    ----------
    trial : Trial
    history : History
        Up to where records count.
    settled : bool
        Only nights whose settled score is recorded; else also the newest provisional one of the others.
    scores : mapping of str to ScoredNight, optional
        ``scored_nights(trial, history)``, if it is at hand.

    Returns
    -------
    FlaggedNights
        Of the same nights as `tally_of`: void nights and those on which our checks broke are NaN for everybody.

    Raises
    ------
    InputError
        If the records contradict each other.

    Notes
    -----
    Where tied cells reach over the edge of the budget, a score counts what they catch on average, and here one definite
    order decides, which follows from the seed of the plan and the place of a cell alone, as in `flagged_cells`. So the
    crimes in flagged cells are the hits of the score where nothing is tied there, and lie between its worst and best
    ones where something is. Of polygons a score asks where in a cell each crime was, so that the two may differ.
    """
    from predpol_eval.flagged_sets.sets import lots
    from predpol_eval.flagging import make_scene
    from predpol_eval.trial.scoring.standing import PredictionsKept

    plan, grid = trial.plan(history), trial.grid
    scene = make_scene(grid)
    lot = lots(grid, scene.cells, plan.seed)
    shape = (len(plan.nights), len(plan.kinds), len(scene.cells))
    shares, ranks = ({label: np.full(shape, np.nan) for label in plan.submitters} for _ in range(2))
    listed = dict.fromkeys(plan.submitters, False)
    counted = that_count(scored_nights(trial, history) if scores is None else scores, settled=settled)
    kept, then = PredictionsKept(trial), FilesThen(history)
    for name, one in counted.items():
        number = plan.night(name).number
        for entry in one.score.entries:
            if entry.forecaster not in shares or entry.status != "ok":
                continue
            label, kind = entry.forecaster, plan.kinds.index(entry.kind)
            read = kept.of(history, then.receipt(label, name, one.record))
            if read.form == "boxes":
                shares[label][number, kind] = shares_covered(read.boxes(name, entry.kind), grid, scene)
                ranks[label][number, kind] = 0.0
            else:
                order = definite_ranks(read.cells[name, entry.kind], scene, lot)
                shares[label][number, kind] = (order > 0) & (order <= plan.k)
                ranks[label][number, kind] = order
                listed[label] = True
    return FlaggedNights(
        cells=scene.cells,
        areas=scene.label,
        nights=tuple(night.name for night in plan.nights),
        kinds=plan.kinds,
        shares=shares,
        ranks={label: values for label, values in ranks.items() if listed[label]},
        crimes=_crimes(trial, plan, scene, {name: one.score.snapshot for name, one in counted.items()}),
    )


def _crimes(trial: Trial, plan: TrialPlan, scene: Scene, snapshots: Mapping[str, str]) -> FloatArray:
    """Crimes by night, kind and cell, as the snapshot of each night tells them; each snapshot is opened once."""
    from predpol_eval.trial.outcomes.snapshots import thaw
    from predpol_eval.trial.plan.nights import windows_of
    from predpol_eval.trial.scoring.counting import kinds_of_crime

    found = np.full((len(plan.nights), len(plan.kinds), len(scene.cells)), np.nan)
    windows = windows_of(plan)
    for snapshot in sorted(set(snapshots.values())):
        events = thaw(trial.blobs.get(snapshot))
        counted = kinds_of_crime(events, plan.kinds, trial.grid, windows, plan.method, scene)  # type: ignore[arg-type]
        for number in (plan.night(name).number for name, used in snapshots.items() if used == snapshot):
            for kind, crimes in enumerate(counted):
                found[number, kind] = crimes.tonight(number).crimes_of
    return found
