"""The crimes of a trial's nights, of one kind, as one snapshot tells them, and what a flagging caught of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.budgets import TopCells
from predpol_eval.counts import TimeRule, crimes_in
from predpol_eval.events import Events
from predpol_eval.flagging import Flagging, Scene
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows
from predpol_eval.tallies import Tonight, shares_of, tally_window
from predpol_eval.trial.canonical import sha256_of

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_MARK = 16  # hexadecimal digits that tell one crime from another


class Spread(NamedTuple):
    """Crimes of one night whose uncertain moment is spread over several nights of the plan.

    Attributes
    ----------
    crime : tuple of str
        A mark of each crime, which is the same on all of its nights.
    cell : array of int
        As ``row * nx + column``.
    weight : array of float
        What part of it counts on this night.
    """

    crime: tuple[str, ...]
    cell: IntArray
    weight: FloatArray


class Caught(NamedTuple):
    """What was caught: `tallies.CAUGHT` by area, shape (counts, areas), and what share of each spread crime."""

    counts: FloatArray
    credit: FloatArray


class Points(NamedTuple):
    """Crimes of one night in cells of the study area: where, in which area, with what weight, and which are spread."""

    x: FloatArray
    y: FloatArray
    label: IntArray
    weight: FloatArray
    spread: npt.NDArray[np.bool_]


class KindOfCrime:
    """Crimes of one kind on all nights of a plan.

    Parameters
    ----------
    events : Events
        Of this kind alone.
    grid : Grid
    windows : Windows
        All nights of the plan, so that a crime whose moment is uncertain is known to be spread over some of them.
    method : str
        How crimes of uncertain moment count.
    scene : Scene
        ``make_scene(grid)``.
    """

    def __init__(self, events: Events, grid: Grid, windows: Windows, method: TimeRule, scene: Scene) -> None:
        from predpol_eval.kernels.crimes_by_cell import crimes_by_cell

        self.events = events
        self._grid, self._scene = grid, scene
        self._seen = crimes_in(events, grid, windows, method)
        self._first = np.searchsorted(self._seen.window, np.arange(len(windows) + 1))
        cell = self._seen.cell
        place = np.where(cell >= 0, scene.position[np.maximum(cell, 0)], -1)
        self._start, self._where, self._number, self._hit = crimes_by_cell(
            self._first, place, self._seen.weight, len(scene.cells)
        )
        # A crime of several nights is told of once: on the last of them.
        self._last = np.full(len(events), -1, dtype=np.int64)
        np.maximum.at(self._last, self._seen.event, self._seen.window)

    def tonight(self, night: int) -> Tonight:
        """Where the crimes of a night are."""
        here = slice(self._start[night], self._start[night + 1])
        crimes_of, hit_of = np.zeros(len(self._scene.cells)), np.zeros(len(self._scene.cells))
        where = self._where[here]
        crimes_of[where], hit_of[where] = self._number[here], self._hit[here]
        return Tonight(where, crimes_of, hit_of)

    def by_area(self, night: int) -> FloatArray:
        """Crimes of a night in the cells of each area."""
        here = self.tonight(night)
        label = self._scene.label[here.place]
        return np.asarray(
            np.bincount(label, here.crimes_of[here.place], minlength=self._scene.labels), dtype=np.float64
        )

    def outside(self, night: int) -> float:
        """Crimes of a night in no cell of the study area."""
        here = self._of(night)
        return float(self._seen.weight[here][self._seen.cell[here] < 0].sum())

    def elsewhere(self, night: int) -> int:
        """Crimes of a night whose own point lies in another area than their cell; -1 where that is not known."""
        from predpol_eval.counts import elsewhere

        if not self._grid.boundary:
            return -1
        event = self._seen.event[self._of(night)]
        return elsewhere(self.events, self._grid, np.unique(event[self._last[event] == night]))

    def points(self, night: int) -> Points:
        """Crimes of a night in cells, each by itself."""
        here = self._of(night)
        inside = self._seen.cell[here] >= 0
        event, cell = self._seen.event[here][inside], self._seen.cell[here][inside]
        label = self._grid.label_code.ravel()[cell].astype(np.int64)
        weight, spread = self._seen.weight[here][inside], self._seen.spread[here][inside]
        return Points(self.events.x[event], self.events.y[event], label, weight, spread)

    def spread(self, night: int) -> Spread:
        """Crimes of a night that are spread over several nights, in the order of `points`."""
        here = self._of(night)
        which = (self._seen.cell[here] >= 0) & self._seen.spread[here]
        event = self._seen.event[here][which]
        marks = tuple(_mark(self.events, int(one)) for one in event)
        return Spread(marks, self._seen.cell[here][which].astype(np.int64), self._seen.weight[here][which])

    def caught(self, night: int, done: Flagging, budget: TopCells) -> Caught:
        """Count what flagged cells caught.

        Parameters
        ----------
        night : int
        done : Flagging
            What was flagged under the budget.
        budget : TopCells
        """
        counts = tally_window([done], self.tonight(night), (budget,), self._scene)[:, 0, :]
        return Caught(counts, shares_of(self.spread(night).cell, [done], self._scene)[0])

    def _of(self, night: int) -> slice:
        return slice(int(self._first[night]), int(self._first[night + 1]))


def kinds_of_crime(
    events: Events, kinds: tuple[str, ...], grid: Grid, windows: Windows, method: TimeRule, scene: Scene
) -> tuple[KindOfCrime, ...]:
    """Sort the crimes of a snapshot by the kinds of a plan; one of which it has no crime has none on any night."""
    found = []
    for kind in kinds:
        code = events.kinds.index(kind) if kind in events.kinds else -1
        found.append(KindOfCrime(events.take(events.kind_code == code), grid, windows, method, scene))
    return tuple(found)


def _mark(events: Events, crime: int) -> str:
    """Mark a crime by what is the same in each snapshot, as long as nobody corrects it."""
    until = events.happened[crime] if events.happened_until is None else events.happened_until[crime]
    place = np.rint(np.array([events.x[crime], events.y[crime]]) * 1000).astype(np.int64).tolist()
    told = (str(events.id[crime]), str(events.happened[crime]), str(until), *map(str, place))
    return sha256_of("|".join(told).encode("utf-8", "surrogatepass"))[:_MARK]
