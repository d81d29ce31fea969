"""One block of nights: fit on what was known, predict, count. Runs in a worker process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.backtests.hearing import ears
from predpol_eval.backtests.risk import block_risk, interrupted, night_risk
from predpol_eval.budgets import Budget, Coverage
from predpol_eval.counts import Crimes
from predpol_eval.events import Events
from predpol_eval.flagging import Scene, flag, make_scene
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows
from predpol_eval.scores import log_score_by_window
from predpol_eval.tallies import CAUGHT, shares_of, tally_window

FloatArray = npt.NDArray[np.float64]
LONGEST_REASON = 500
WARNED = "warning: "


@dataclass(frozen=True, slots=True, eq=False)
class BlockResult:
    """What was counted in the nights of one block, under each rule for crimes of uncertain time.

    Attributes
    ----------
    caught : array of float, shape (rules, len(CAUGHT), areas, budgets, nights)
    curve : array of float, shape (rules, coverages, nights)
    scores : array of float, shape (rules, 2, nights)
        Log score of each night with the floor and without it; NaN where none was asked for or the surface has none.
    shares : array of float, shape (budgets, crimes)
        What share of each crime was caught, under the rule (there is one at most) that parts crimes among windows: what
        belongs to one crime may lie in other blocks, and is put together when all are there.
    status, reason : array of str, shape (nights,)
    """

    caught: FloatArray
    curve: FloatArray
    scores: FloatArray
    shares: FloatArray
    status: npt.NDArray[np.str_]
    reason: npt.NDArray[np.str_]


def run_block(
    forecaster: Any,
    events: Events,
    grid: Grid,
    windows: Windows,
    crimes: tuple[Crimes, ...],
    budgets: tuple[Budget, ...],
    curve: tuple[Coverage, ...],
    log_score_floor: float | None = None,
) -> BlockResult:
    """Run the nights of one block, one after the other: forecast once, and count the crimes of every rule.

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
    caught = np.full((len(crimes), len(CAUGHT), scene.labels, len(budgets), nights), np.nan)
    captured = np.full((len(crimes), len(curve), nights), np.nan)
    scores = np.full((len(crimes), 2, nights), np.nan)
    shares = np.full((len(budgets), sum(len(part.window) for part in crimes if part.parted)), np.nan)
    status, reason = ["ok"] * nights, [""] * nights
    together = block_risk(forecaster, events, grid, windows, scene)
    for night in range(nights):
        with ears.listen() as heard:
            try:
                if together is None:
                    values, kind, _ = night_risk(forecaster, events, grid, windows[night], scene)
                else:
                    values, kind = together.values[night], together.kind
                flagged_by = flag(values, kind, budgets, scene)
                along_by = [] if kind == "flags" else flag(values, kind, curve, _city(scene))
                tonight = [part.of(slice(night, night + 1)) for part in crimes]
                counts, hits = zip(*(_counts(part, scene) for part in tonight), strict=True)
                found = [tally_window(flagged_by, *both, budgets, scene) for both in zip(counts, hits, strict=True)]
                along = [[float(done.share @ some) for done in along_by] for some in counts]
                scored = [_log_scores(values, kind, some, log_score_floor) for some in counts]
                parts = [shares_of(part.cell, flagged_by, scene) for part in tonight if part.parted]
            except (Exception, SystemExit) as error:  # whatever a forecaster does is one night's row
                if interrupted(error):
                    raise KeyboardInterrupt from error
                status[night], reason[night] = "failed", _short(f"{type(error).__name__}: {_message(error)}")
                continue
        caught[..., night] = np.stack(found).transpose(0, 1, 3, 2)
        captured[..., night] = along if along_by else np.nan
        scores[..., night] = scored
        for part, share in zip((part for part in crimes if part.parted), parts, strict=True):
            shares[:, part.window == night] = share
        told = {*heard, *(together.warned if together is not None else ())}
        if told:
            reason[night] = _short(WARNED + "; ".join(sorted(told)))
    return BlockResult(caught, captured, scores, shares, np.array(status, dtype=str), np.array(reason, dtype=str))


def _counts(crimes: Crimes, scene: Scene) -> tuple[FloatArray, FloatArray]:
    """Crimes, and the probability of at least one, in every cell of the study area."""
    inside = crimes.cell >= 0
    place, parts = scene.position[crimes.cell[inside]], crimes.weight[inside]
    counts = np.asarray(np.bincount(place, parts, minlength=len(scene.cells)), dtype=np.float64)
    missed = np.ones(len(scene.cells))
    np.multiply.at(missed, place, 1 - parts)
    return counts, 1 - missed


def _city(scene: Scene) -> Scene:
    """The same cells without areas: a capture curve is of the whole study area."""
    return scene._replace(label=np.zeros_like(scene.label), labels=1)


def _log_scores(values: FloatArray, kind: str, counts: FloatArray, floor: float | None) -> list[float]:
    """Log score of one night with the floor and without it, where it is asked for and the surface expects crimes."""
    if floor is None or kind != "expected_count":
        return [np.nan, np.nan]
    return [float(log_score_by_window(values, counts, lowest)) for lowest in (floor, None)]


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error may fail to say what it is
        return "(its message cannot be read)"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."
