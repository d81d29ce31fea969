"""Crimes of the past weeks in a cell and around it, as numbers a regression can weigh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from predpol_eval.civil_time import days_between, span
from predpol_eval.errors import InputError
from predpol_eval.forecasters.base import check_positive
from predpol_eval.forecasters.features.asked import Answer, Asked, FloatArray, IntArray
from predpol_eval.forecasters.features.sliding import (
    Tally,
    exposure,
    history,
    maps,
    span_or_none,
    starts_of,
)

# Gaussian weights are cut off this many standard deviations away.
_REACH = 4.0
_YEAR = 365.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LaggedCounts:
    """Crimes per cell over several lookbacks, and with weights that halve with age; also of the cells around.

    Each number is a density: crimes per whole cell of ground. Where the border cuts a cell, its count is divided by
    the part inside (at least a quarter); around a cell it is the mean over the ground there. Where only a part of the
    lookback was observed, it is raised to the whole of it. Crimes outside the study area do not count.

    Parameters
    ----------
    lookbacks : tuple of str or None
        How far back crimes count; whole days are civil days ending at ``until``. None is all history, given per 365
        observed days.
    half_lives : tuple of str
        Counts of all history in which a crime's weight halves with every such age; in days that weigh as a lookback of
        half-life / ln 2 does.
    neighbours : int
        How many rings of cells around a cell: ring 1 has the 8 that touch it.
    smooth : tuple of float
        Standard deviations in metres of Gaussian means around the cell, itself included.
    scale : {"log1p", "sqrt", "count"}
        What is done to each number. A rate that is a power of the count is linear in its logarithm.

    Examples
    --------
    >>> LaggedCounts(lookbacks=("21D", None), half_lives=(), neighbours=1, smooth=()).names
    ('count_21D', 'count_all', 'count_21D_ring1', 'count_all_ring1')
    """

    lookbacks: tuple[str | None, ...] = ("7D", "28D", "90D", "365D")
    half_lives: tuple[str, ...] = ("180D",)
    neighbours: int = 0
    smooth: tuple[float, ...] = (250.0, 750.0)
    scale: Literal["log1p", "sqrt", "count"] = "log1p"

    def __post_init__(self) -> None:
        for name in ("lookbacks", "half_lives", "smooth"):
            value = getattr(self, name)
            if isinstance(value, str | int | float) or value is None:
                raise InputError(f"{name}={value!r}; give several in a tuple, for instance {name}=({value!r},).")
            if len(set(value)) < len(tuple(value)):
                raise InputError(f"{name}={value!r}; give each once.")
            object.__setattr__(self, name, tuple(value))
        for lookback in self.lookbacks:
            if lookback is not None:
                span(lookback, "lookbacks")
        for half_life in self.half_lives:
            span(half_life, "half_lives")
        for metres in self.smooth:
            check_positive(metres, "smooth", "standard deviations in metres, for instance (250.0,)")
        if isinstance(self.neighbours, bool) or not isinstance(self.neighbours, int) or self.neighbours < 0:
            raise InputError(f"neighbours={self.neighbours!r}; give a number of rings of cells, 0 or more.")
        if self.scale not in ("log1p", "sqrt", "count"):
            raise InputError(f"scale={self.scale!r}; choose 'log1p', 'sqrt' or 'count'.")
        if not self.lookbacks and not self.half_lives:
            raise InputError("LaggedCounts has neither lookbacks nor half_lives; give at least one of them.")

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each number."""
        counted = [f"count_{'all' if lookback is None else lookback}" for lookback in self.lookbacks]
        counted += [f"decayed_{half_life}" for half_life in self.half_lives]
        around = [f"_ring{ring}" for ring in range(1, self.neighbours + 1)]
        around += [f"_smooth{metres:g}m" for metres in self.smooth]
        return tuple(name + where for where in ("", *around) for name in counted)

    @property
    def daily(self) -> bool:
        """It is what was known at `until`, whatever day is forecast."""
        return False

    def answers(self, asked: Asked) -> Iterator[Answer]:
        """The counts at each window's `until`, each from those at the one before."""
        untils, which = np.unique(asked.windows.until, return_inverse=True)
        tallies = (
            *(Tally(span_or_none(lookback, "lookbacks"), None) for lookback in self.lookbacks),
            *(Tally(None, span(half_life, "half_lives").nominal_days) for half_life in self.half_lives),
        )
        cap = span_or_none(asked.lookback, "lookback")
        raised = np.stack([_raised(asked, untils, tally, cap) for tally in tallies])
        rings = _Rings(asked, self.neighbours, self.smooth)
        past = maps(history(asked.events, asked.grid, untils), tallies, cap)
        current, counted = -1, np.empty(0)
        around: list[FloatArray] = []
        for position, cells in zip(which.tolist(), asked.cells, strict=True):
            while current < position:
                counted, current = next(past), current + 1
                around = []
            factor = raised[:, position]
            if not np.isfinite(factor).all():
                lacking = self.names[int(np.flatnonzero(~np.isfinite(factor))[0])]
                yield InputError(
                    f"No time was observed in the lookback of {lacking} before {untils[position]} UTC; forecast later, "
                    "or use longer lookbacks."
                )
                continue
            around = around or rings.around(counted)
            numbers = rings.take(counted, around, cells) * np.tile(factor, 1 + len(around))[:, None]
            yield self._scaled(numbers)

    def _scaled(self, numbers: FloatArray) -> FloatArray:
        if self.scale == "count":
            return numbers
        # What is subtracted as a ring's inner part may leave less than nothing in the last digit.
        numbers = np.maximum(numbers, 0.0)
        return np.asarray(np.log1p(numbers) if self.scale == "log1p" else np.sqrt(numbers))


def _raised(asked: Asked, untils: np.ndarray, tally: Tally, cap: object) -> FloatArray:
    """What turns the crimes counted at each moment into those of a whole lookback; NaN where nothing was observed."""
    tz = asked.windows.tz
    starts = starts_of(untils, tally.lookback, tz)
    if tally.half_life is not None:
        whole = np.full(len(untils), tally.half_life / np.log(2.0))
    elif tally.lookback is None:
        whole = np.full(len(untils), _YEAR)
    else:
        whole = np.asarray(days_between(starts, untils))
    capped = starts if asked.lookback is None else np.maximum(starts, starts_of(untils, span(asked.lookback), tz))
    seen = exposure(asked.events.observed, capped, untils, tally.half_life)
    return np.asarray(np.divide(whole, seen, out=np.full(len(untils), np.nan), where=seen > 0))


class _Rings:
    """Means over the ground around every cell."""

    def __init__(self, asked: Asked, rings: int, smooth: tuple[float, ...]) -> None:
        share = asked.share
        self.rings = rings
        self.weights = [_gaussian(metres / asked.grid.cell, max(share.shape)) for metres in smooth]
        spread = [share, *(part[0] for part in self._spread(share[None]))]
        self.ground = [np.maximum(part, asked.least_share).ravel() for part in spread]

    def _spread(self, stack: FloatArray) -> list[FloatArray]:
        """Sums over each ring, and under each Gaussian, of every map."""
        from predpol_eval.kernels.smoothing import smooth

        boxes = [np.asarray(stack)]
        boxes += [smooth(stack, np.ones(reach + 1)) for reach in range(1, self.rings + 1)]
        spread = [outer - inner for inner, outer in pairwise(boxes)]
        return spread + [smooth(stack, weight) for weight in self.weights]

    def around(self, counted: FloatArray) -> list[FloatArray]:
        """Sums around each cell, each of shape (tallies, cells of the grid)."""
        return [part.reshape(len(counted), -1) for part in self._spread(counted)]

    def take(self, counted: FloatArray, around: list[FloatArray], cells: IntArray) -> FloatArray:
        """Densities of the cells asked for: of the cell itself, then of each way around it."""
        totals = [counted.reshape(len(counted), -1), *around]
        return np.concatenate(
            [total[:, cells] / ground[cells] for total, ground in zip(totals, self.ground, strict=True)]
        )


def _gaussian(steps: float, most: int) -> FloatArray:
    reach = int(min(np.ceil(_REACH * steps), most))
    return np.asarray(np.exp(-0.5 * (np.arange(reach + 1) / steps) ** 2))
