"""One block of nights: fit on what was known, predict, count. Runs in a worker process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.backtests.hearing import ears
from predpol_eval.backtests.job import Crimes
from predpol_eval.backtests.risk import block_risk, interrupted, night_risk
from predpol_eval.budgets import Budget, Coverage
from predpol_eval.events import Events
from predpol_eval.flagging import Scene, flag, make_scene
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows
from predpol_eval.scores import log_score_by_window
from predpol_eval.tallies import CAUGHT, tally_window

FloatArray = npt.NDArray[np.float64]
LONGEST_REASON = 500
WARNED = "warning: "


@dataclass(frozen=True, slots=True, eq=False)
class BlockResult:
    """What was counted in the nights of one block.

    Attributes
    ----------
    caught : array of float, shape (len(CAUGHT), areas, budgets, nights)
    curve : array of float, shape (coverages, nights)
    scores : array of float, shape (2, nights)
        Log score of each night with the floor and without it; NaN where none was asked for or the surface has none.
    status, reason : array of str, shape (nights,)
    """

    caught: FloatArray
    curve: FloatArray
    scores: FloatArray
    status: npt.NDArray[np.str_]
    reason: npt.NDArray[np.str_]


def run_block(
    forecaster: Any,
    events: Events,
    grid: Grid,
    windows: Windows,
    crimes: Crimes,
    budgets: tuple[Budget, ...],
    curve: tuple[Coverage, ...],
    log_score_floor: float | None = None,
) -> BlockResult:
    """Run the nights of one block, one after the other.

    A night whose fit, prediction or count raises becomes a row with its reason; the others go on. Forecasters of this
    library that have a faster way through many nights forecast the block at once; a warning heard then stands by all
    its nights.

    Raises
    ------
    PredPolError
        If that faster way does not give what the night gives by itself (see `block_risk`).
    """
    scene = make_scene(grid)
    nights = len(windows)
    caught = np.full((len(CAUGHT), scene.labels, len(budgets), nights), np.nan)
    captured = np.full((len(curve), nights), np.nan)
    scores = np.full((2, nights), np.nan)
    status, reason = ["ok"] * nights, [""] * nights
    together = block_risk(forecaster, events, grid, windows, scene)
    for night in range(nights):
        here = crimes.window == night
        with ears.listen() as heard:
            try:
                if together is None:
                    values, kind, _ = night_risk(forecaster, events, grid, windows[night], scene)
                else:
                    values, kind = together.values[night], together.kind
                counts, hit = _counts(crimes.cell[here], crimes.weight[here], scene)
                found = tally_window(values, kind, counts, hit, budgets, scene)
                along = _curve(values, kind, counts, curve, scene)
                scored = _log_scores(values, kind, counts, log_score_floor)
            except (Exception, SystemExit) as error:  # whatever a forecaster does is one night's row
                if interrupted(error):
                    raise KeyboardInterrupt from error
                status[night], reason[night] = "failed", _short(f"{type(error).__name__}: {_message(error)}")
                continue
        caught[..., night] = found.transpose(0, 2, 1)
        captured[:, night] = along
        scores[:, night] = scored
        told = {*heard, *(together.warned if together is not None else ())}
        if told:
            reason[night] = _short(WARNED + "; ".join(sorted(told)))
    return BlockResult(caught, captured, scores, np.array(status, dtype=str), np.array(reason, dtype=str))


def _counts(cell: npt.NDArray[np.int64], weight: FloatArray, scene: Scene) -> tuple[FloatArray, FloatArray]:
    """Crimes, and the probability of at least one, in every cell of the study area."""
    place = scene.position[cell[cell >= 0]]
    parts = weight[cell >= 0]
    counts = np.asarray(np.bincount(place, parts, minlength=len(scene.cells)), dtype=np.float64)
    missed = np.ones(len(scene.cells))
    np.multiply.at(missed, place, 1 - parts)
    return counts, 1 - missed


def _curve(values: FloatArray, kind: str, counts: FloatArray, curve: tuple[Coverage, ...], scene: Scene) -> Any:
    """Crimes caught in the whole study area at the shares of ground of a capture curve."""
    if not curve or kind == "flags":
        return np.nan
    city = scene._replace(label=np.zeros_like(scene.label), labels=1)
    return [float(done.share @ counts) for done in flag(values, kind, curve, city)]


def _log_scores(values: FloatArray, kind: str, counts: FloatArray, floor: float | None) -> Any:
    """Log score of one night with the floor and without it, where it is asked for and the surface expects crimes."""
    if floor is None or kind != "expected_count":
        return np.nan
    return [float(log_score_by_window(values, counts, lowest)) for lowest in (floor, None)]


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error may fail to say what it is
        return "(its message cannot be read)"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."
