"""What is run alongside: the risk of each night from what was known at its cut, by the library's own forecasters.

Nights are forecast in stretches of 28, counted from the first night of the plan, each beginning afresh: so what comes
out for a night does not depend on which other nights are scored with it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.backtests.counting import LONGEST_REASON, WARNED
from predpol_eval.backtests.hearing import ears
from predpol_eval.backtests.risk import Risk, Sliding, block_risk, interrupted, night_risk
from predpol_eval.errors import PredPolError
from predpol_eval.events import Events
from predpol_eval.flagging import Scene
from predpol_eval.forecasters.many_nights import has_own_way
from predpol_eval.forecasters.sliding import slides
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

STRETCH = 28


class Forecast(NamedTuple):
    """Risk of every cell of the study area on one night, in the order of a scene, or why there is none.

    Attributes
    ----------
    values : array of float or None
        None if it failed.
    kind : str
        Kind of the surface.
    reason : str
        Why it failed, or what it warned of, which begins with ``"warning: "``; else blank.
    """

    values: npt.NDArray[np.float64] | None
    kind: str
    reason: str


class Course:
    """The forecasts of one forecaster for one kind of crime, night after night.

    Nights may be asked for in any order; in rising order each is made from the one before, where that can be done.

    Parameters
    ----------
    forecaster : Forecaster
    events : Events
        Crimes of the kind, all of them: of each night only those known at its ``until`` are used.
    grid : Grid
    windows : Windows
        All nights from the first on that the events tell of.
    scene : Scene
        ``make_scene(grid)``.
    """

    def __init__(self, forecaster: Any, events: Events, grid: Grid, windows: Windows, scene: Scene) -> None:
        self._told = forecaster, events, grid
        self._windows, self._scene = windows, scene
        self._slides = slides(forecaster)
        self._own_way = has_own_way(forecaster)
        self._first = self._next = -1
        self._sliding: Sliding | None = None
        self._together: Risk | None = None
        self._doubt = ""

    def at(self, night: int) -> Forecast:
        """Forecast a night, counted from the first of the windows; whatever goes wrong becomes the reason."""
        first = night - night % STRETCH
        if first != self._first or night < self._next:
            self._begin(first)
        self._next = night + 1
        try:
            found = self._from_stretch(night - first) or self._by_itself(night)
        except (Exception, SystemExit) as error:  # whatever a forecaster does is one night's row
            if interrupted(error):
                raise KeyboardInterrupt from error
            return Forecast(None, "", short(f"{type(error).__name__}: {error}"))
        told = sorted({*found.warned, *([self._doubt] if self._doubt else [])})
        return Forecast(found.values, found.kind, short(WARNED + "; ".join(told)) if told else "")

    def _begin(self, first: int) -> None:
        """Begin a stretch afresh."""
        self._first, self._sliding, self._together, self._doubt = first, None, None, ""
        forecaster, events, grid = self._told
        windows = self._windows[first : first + STRETCH]
        try:
            if self._slides:
                self._sliding = Sliding(forecaster, events, grid, windows, self._scene)
            elif self._own_way:
                self._together = block_risk(forecaster, events, grid, windows, self._scene)
        except PredPolError as error:
            self._doubt = str(error)

    def _from_stretch(self, night: int) -> Risk | None:
        """Risk of a night from the whole stretch; None where it has to be fitted by itself."""
        if self._together is not None:
            return Risk(self._together.values[night], self._together.kind, self._together.warned)
        if self._sliding is not None:
            try:
                values = self._sliding.at(night)
            except PredPolError as error:
                # The faster way does not give what the plain one gives: the plain one holds, and it is told.
                self._sliding, self._doubt = None, str(error)
                return None
            if values is not None:
                return Risk(values, self._sliding.kind)
        return None

    def _by_itself(self, night: int) -> Risk:
        """Risk of a night from a fit of its own, with what it warned of."""
        forecaster, events, grid = self._told
        with ears.listen() as heard:
            risk = night_risk(forecaster, events, grid, self._windows[night], self._scene)
        return risk._replace(warned=tuple(heard))


def short(text: str) -> str:
    """One line, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."
