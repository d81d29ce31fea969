"""What one night's surface caught, under every rule for crimes of uncertain time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from predpol_eval.budgets import Budget, Coverage
from predpol_eval.counts import Crimes
from predpol_eval.flagging import Scene, Spender
from predpol_eval.scores import log_score_by_window
from predpol_eval.tallies import CAUGHT, Tonight, shares_of, tally_window

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


class Counter:
    """Counts the nights of one block after the other, with all that is the same every night made ready.

    Parameters
    ----------
    scene : Scene
    crimes : tuple of Crimes
        Of all nights of all blocks, one entry per rule.
    nights : int
        How many these are.
    budgets : sequence of budgets
    curve : sequence of Coverage
        Shares of the whole ground of which only the crimes are counted.
    log_score_floor : float or None
    """

    def __init__(
        self,
        scene: Scene,
        crimes: tuple[Crimes, ...],
        nights: int,
        budgets: tuple[Budget, ...],
        curve: tuple[Coverage, ...],
        log_score_floor: float | None = None,
    ) -> None:
        self.scene = scene
        self.crimes = [_Crimes(part, nights, scene) for part in crimes]
        self.budgets = budgets
        self.curve = curve
        self.floor = log_score_floor
        self.spender = Spender(budgets, scene)
        self.along = Spender(curve, _city(scene))
        # Used again for every night: most cells have no crime.
        self.crimes_of, self.hit_of = np.zeros(len(scene.cells)), np.zeros(len(scene.cells))

    def begin(self, block: slice) -> BlockTally:
        """Begin a block of nights."""
        return BlockTally(self, block)


class BlockTally:
    """The counts of a block as its nights come in, in any order; a night that never came has failed.

    Nights are counted from the first of the block.
    """

    def __init__(self, counter: Counter, block: slice) -> None:
        self._counter = counter
        self._block = block
        nights = block.stop - block.start
        rules, budgets = len(counter.crimes), len(counter.budgets)
        parted = sum(int(np.diff(part.first[[block.start, block.stop]])[0]) for part in counter.crimes if part.parted)
        self._caught = np.full((rules, len(CAUGHT), counter.scene.labels, budgets, nights), np.nan)
        self._curve = np.full((rules, len(counter.curve), nights), np.nan)
        self._scores = np.full((rules, 2, nights), np.nan)
        self._shares = np.full((budgets, parted), np.nan)
        self._status, self._reason = ["ok"] * nights, [""] * nights

    def add(self, night: int, values: FloatArray, kind: str) -> None:
        """Count one night; may raise whatever a surface that cannot be used leads to.

        Parameters
        ----------
        night : int
        values : array of float, shape (cells,)
            In the order of the scene.
        kind : str
            Kind of the surface.
        """
        counter, scene = self._counter, self._counter.scene
        flagged_by = counter.spender.flag(values, kind)
        along_by = [] if kind == "flags" or not counter.curve else counter.along.flag(values, kind)
        number = self._block.start + night
        for rule, crimes in enumerate(counter.crimes):
            here = crimes.at(number, counter.crimes_of, counter.hit_of)
            try:
                if counter.floor is not None and kind == "expected_count":
                    self._scores[rule, :, night] = _log_scores(values, here.crimes_of, counter.floor)
                caught = tally_window(flagged_by, here, counter.budgets, scene)
                for position, done in enumerate(along_by):
                    self._curve[rule, position, night] = float(done.share[here.place] @ here.crimes_of[here.place])
            finally:
                counter.crimes_of[here.place] = 0.0
                counter.hit_of[here.place] = 0.0
            self._caught[rule, ..., night] = caught.transpose(0, 2, 1)
            if crimes.parted:
                # There is one such rule at most.
                which = slice(*(crimes.first[number : number + 2] - crimes.first[self._block.start]))
                self._shares[:, which] = shares_of(crimes.cells(number), flagged_by, scene)

    def failed(self, night: int, error: BaseException) -> None:
        """Note why a night failed."""
        self._status[night] = "failed"
        self._reason[night] = _short(f"{type(error).__name__}: {_message(error)}")

    def warned(self, night: int, heard: set[str]) -> None:
        """Note what a night warned of."""
        if heard:
            self._reason[night] = _short(WARNED + "; ".join(sorted(heard)))

    def result(self) -> BlockResult:
        """All that was counted."""
        status, reason = np.array(self._status, dtype=str), np.array(self._reason, dtype=str)
        return BlockResult(self._caught, self._curve, self._scores, self._shares, status, reason)


class _Crimes:
    """The crimes of some nights under one rule, by night and cell."""

    def __init__(self, crimes: Crimes, nights: int, scene: Scene) -> None:
        from predpol_eval.kernels.crimes_by_cell import crimes_by_cell

        self.parted = crimes.parted
        self._cell = crimes.cell
        self.first = np.searchsorted(crimes.window, np.arange(nights + 1))
        place = np.where(crimes.cell >= 0, scene.position[np.maximum(crimes.cell, 0)], -1)
        self._start, self._where, self._number, self._hit = crimes_by_cell(
            self.first, place, crimes.weight, len(scene.cells)
        )

    def at(self, night: int, crimes_of: FloatArray, hit_of: FloatArray) -> Tonight:
        """Those of one night, entered in arrays of all cells, which must be zero before and made so after."""
        here = slice(self._start[night], self._start[night + 1])
        where = self._where[here]
        crimes_of[where], hit_of[where] = self._number[here], self._hit[here]
        return Tonight(where, crimes_of, hit_of)

    def cells(self, night: int) -> npt.NDArray[np.int64]:
        """Cells of the crimes of one night, -1 outside."""
        return self._cell[self.first[night] : self.first[night + 1]]


def _city(scene: Scene) -> Scene:
    """The same cells without areas: a capture curve is of the whole study area."""
    total = np.array([scene.inside.sum()])
    return scene._replace(label=np.zeros_like(scene.label), labels=1, total=total)


def _log_scores(values: FloatArray, counts: FloatArray, floor: float) -> list[float]:
    """Log score of one night with the floor and without it."""
    return [float(log_score_by_window(values, counts, lowest)) for lowest in (floor, None)]


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error may fail to say what it is
        return "(its message cannot be read)"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."
