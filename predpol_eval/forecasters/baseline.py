"""The simplest forecasts: everywhere alike, and counts of past crimes, which published work finds hard to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from predpol_eval.events import Events
from predpol_eval.forecasters.base import FittedRate, Nightly, check_length, known
from predpol_eval.grid import Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform(Nightly):
    """The observed mean daily number of crimes, spread evenly over the ground: the floor.

    Parameters
    ----------
    lookback : str, optional
        For instance ``"365D"``; None is all history.

    Examples
    --------
    >>> Uniform()
    Uniform(lookback=None)
    """

    lookback: str | None = None

    def __post_init__(self) -> None:
        check_length(self.lookback, "lookback")

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedRate:
        """Learn the mean daily number of crimes in the study area.

        Raises
        ------
        InputError
            If no time was observed before `until`, or CRSs differ.
        """
        past = known(events, grid, until, self.lookback)
        inside = int((grid.cells_of(past.events) >= 0).sum())
        rate = inside / past.observed_days * grid.inside_m2 / grid.total_m2
        return FittedRate(forecaster=self, until=past.until, known=past, rate=rate, attrs={})


@dataclass(frozen=True, slots=True, kw_only=True)
class CountMap(Nightly):
    """Crimes counted per cell over the latest weeks: the Met's nightly in-house map with three weeks, its default.

    Expected count = weighted crimes of the cell / weighted observed days x length of the window.

    Parameters
    ----------
    lookback : str or None
        How far back crimes count; whole days are civil days ending at `until`. None is all history.
    half_life : str, optional
        Halve a crime's weight with every such age, for instance ``"180D"``.

    References
    ----------
    Metropolitan Police reply to the London Assembly's "Smart policing" report, recommendation 5 (the latest three
    weeks).

    Examples
    --------
    >>> CountMap(lookback=None, half_life="180D")
    CountMap(lookback=None, half_life='180D')
    """

    lookback: str | None = "21D"
    half_life: str | None = None

    def __post_init__(self) -> None:
        check_length(self.lookback, "lookback")
        check_length(self.half_life, "half_life")

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedRate:
        """Count the crimes known at `until`.

        Raises
        ------
        InputError
            If no time was observed in the lookback, a length of time cannot be read, or CRSs differ.
        """
        past = known(events, grid, until, self.lookback)
        cells = grid.cells_of(past.events)
        inside = cells >= 0
        weight = past.weights(self.half_life)
        total = np.bincount(cells[inside], weight[inside], minlength=grid.mask.size).reshape(grid.shape)
        rate = total / past.weighted_days(self.half_life)
        return FittedRate(forecaster=self, until=past.until, known=past, rate=rate, attrs={})
