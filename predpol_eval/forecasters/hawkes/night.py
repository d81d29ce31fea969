"""What is known on a night, and the part of it that is the same on all nights: found once for a whole schedule."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from predpol_eval import observation
from predpol_eval.events import Events
from predpol_eval.forecasters.base import Known, known
from predpol_eval.forecasters.hawkes.time_step import fineness, least_step
from predpol_eval.grid import Grid

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Night:
    """What is known at a moment.

    Attributes
    ----------
    past : Known
        Crimes and observed time.
    where : array of int, shape (crimes,)
        Grid cell of each known crime; -1 outside the grid.
    step : float
        Least time between two crimes, days.
    step_name : str
        Where that comes from.
    sorted_by : array of int, optional
        The known crimes in order of the model's cell and time, where that has been found already.
    """

    past: Known
    where: IntArray
    step: float
    step_name: str
    sorted_by: IntArray | None = None

    def order(self, block: IntArray) -> IntArray:
        """Crimes in the grid by the model's cell (`block` of each grid cell), then time."""
        if self.sorted_by is not None:
            return self.sorted_by
        inside = np.flatnonzero(self.where >= 0)
        return inside[np.lexsort((self.past.moments[inside], block.ravel()[self.where[inside]]))]


def night_of(past: Known, min_step: str | None) -> Night:
    """Look at a night by itself."""
    return Night(past, past.grid.cells_of(past.events), *least_step(past, min_step))


@dataclass(frozen=True, slots=True, eq=False)
class Nights:
    """Crimes of all nights, with what none of them changes: cell of each, how finely its time is told, and their order.

    Attributes
    ----------
    events, grid
        All crimes.
    where, told : array of int, shape (events,)
        Grid cell, and `fineness`.
    order : array of int, optional
        Crimes in the grid by the model's cell and time.
    """

    events: Events
    grid: Grid
    where: IntArray
    told: IntArray
    order: IntArray | None

    @classmethod
    def of(cls, events: Events, grid: Grid, block: IntArray | None) -> Nights:
        """Look at all crimes once; `block` is the model's cell of each grid cell, if it has any."""
        where = grid.cells_of(events)
        if block is None:
            return cls(events, grid, where, fineness(events), None)
        inside = np.flatnonzero(where >= 0)
        order = inside[np.lexsort((events.midpoint[inside], block.ravel()[where[inside]]))]
        return cls(events, grid, where, fineness(events), order)

    def night(self, until: np.datetime64, lookback: str | None, min_step: str | None) -> Night:
        """What `night_of` finds for what is known at a moment."""
        past = known(self.events, self.grid, until, lookback)
        use = self.events.known_from < past.until
        moments = np.minimum(self.events.midpoint, past.until - np.timedelta64(1, "ns"))
        use &= observation.contains(past.periods, moments)
        night = Night(past, self.where[use], *least_step(past, min_step, self.told[use]))
        if self.order is None:
            return night
        # Position of each crime among the known ones. Times cut off at `until` keep their order.
        position = np.cumsum(use) - 1
        return replace(night, sorted_by=position[self.order[use[self.order]]])
