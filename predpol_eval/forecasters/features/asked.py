"""What a feature is asked, and what every feature answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import to_wall
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
# A cell with less than this part of the ground of the fullest one counts as if it had this: a crime in a sliver would
# be a density beyond anything that whole cells know.
LEAST_GROUND = 0.25
# The numbers of one window, shape (names, cells); or why there are none, since too little was known then.
Answer = FloatArray | InputError


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Asked:
    """Windows in the order of their `until`, and the cells that are asked for in each.

    Attributes
    ----------
    events : Events
        Crimes. A feature of a window may use those known at the window's ``until`` only.
    grid : Grid
    windows : Windows
        In the order of ``until``; each lies within one step (a civil day by default).
    cells : tuple of array of int
        For each window, cells as ``row * nx + column``, all in the study area.
    lookback : str or None
        Crimes older than this at a window's ``until`` are not used.
    """

    events: Events
    grid: Grid
    windows: Windows
    cells: tuple[IntArray, ...]
    lookback: str | None = None

    @property
    def share(self) -> FloatArray:
        """Part of each cell that lies in the study area, shape (ny, nx)."""
        return np.asarray(self.grid.inside_m2 / self.grid.cell**2)

    @property
    def least_share(self) -> float:
        """The least ground by which a count is divided, in whole cells."""
        return LEAST_GROUND * float(self.share.max())

    @property
    def ground(self) -> FloatArray:
        """What turns counts into densities: the share, but no less than the least, shape (ny, nx)."""
        return np.maximum(self.share, self.least_share)

    @property
    def days(self) -> npt.NDArray[np.datetime64]:
        """Civil day on which each window starts."""
        return to_wall(self.windows.start, self.windows.tz).astype("datetime64[D]")


@runtime_checkable
class Feature(Protocol):
    """Numbers that may tell where and when crime is to be expected.

    A feature is a frozen dataclass. Two equal ones have the same `predpol_eval.forecasters.identity`.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each number."""

    @property
    def daily(self) -> bool:
        """Whether the numbers differ between the days forecast from one moment."""

    def answers(self, asked: Asked) -> Iterator[Answer]:
        """For each window in turn the numbers, shape (names, cells), or an error that says what was not known."""
