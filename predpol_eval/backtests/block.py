"""One block of nights: fit on what was known, predict, count. Runs in a worker process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.backtests.hearing import ears
from predpol_eval.backtests.job import Crimes
from predpol_eval.budgets import Budget, Coverage
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.flagging import Scene, flag, make_scene
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows
from predpol_eval.scores import log_score_by_window
from predpol_eval.surface import check_surface
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

    A night whose fit, prediction or count raises becomes a row with its reason; the others go on.
    """
    scene = make_scene(grid)
    nights = len(windows)
    caught = np.full((len(CAUGHT), scene.labels, len(budgets), nights), np.nan)
    captured = np.full((len(curve), nights), np.nan)
    scores = np.full((2, nights), np.nan)
    status, reason = ["ok"] * nights, [""] * nights
    for night in range(nights):
        here = crimes.window == night
        with ears.listen() as heard:
            try:
                values, kind = _surface(forecaster, events, grid, windows[night], scene)
                counts, hit = _counts(crimes.cell[here], crimes.weight[here], scene)
                found = tally_window(values, kind, counts, hit, budgets, scene)
                along = _curve(values, kind, counts, curve, scene)
                scored = _log_scores(values, kind, counts, log_score_floor)
            except (Exception, SystemExit) as error:  # whatever a forecaster does is one night's row
                if _interrupted(error):
                    raise KeyboardInterrupt from error
                status[night], reason[night] = "failed", _short(f"{type(error).__name__}: {_message(error)}")
                continue
        caught[..., night] = found.transpose(0, 2, 1)
        captured[:, night] = along
        scores[:, night] = scored
        if heard:
            reason[night] = _short(WARNED + "; ".join(sorted(set(heard))))
    return BlockResult(caught, captured, scores, np.array(status, dtype=str), np.array(reason, dtype=str))


def _surface(forecaster: Any, events: Events, grid: Grid, window: Windows, scene: Scene) -> tuple[FloatArray, str]:
    """Risk of every cell of the study area, from what was known at the window's `until` and nothing else."""
    until = window.until[0]
    fitted = forecaster.fit(events.known_at(until), grid, until=until)
    risk = check_surface(fitted.predict(window), grid)
    predicted = Windows.from_coords(risk)
    if (
        risk.ndim != 3
        or len(predicted) != 1
        or predicted.start[0] != window.start[0]
        or predicted.end[0] != window.end[0]
    ):
        raise InputError(
            f"The forecaster predicted other windows than the one asked for: dimensions {risk.dims}, windows "
            f"{predicted!r}; predict(windows) must return exactly those windows."
        )
    return np.ascontiguousarray(risk.to_numpy().reshape(-1)[scene.cells], dtype=np.float64), str(risk.attrs["kind"])


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


def _interrupted(error: BaseException | None) -> bool:
    """Whether an error hides that somebody pressed Ctrl-C: compiled code turns that into a SystemError."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error may fail to say what it is
        return "(its message cannot be read)"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."
