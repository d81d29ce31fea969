"""Many nights at once: each night's fit starts from the last one's, and is held to fits that start from nothing.

A night's estimates are where Newton's steps no longer move anything, so that it does not matter where they start, as
long as they do not end on another peak. Hence every stretch of nights ends with a night that is also fitted from
nothing: where the chain of nights arrives at the very same surface, it is trusted; else the whole stretch, and all that
follow, are fitted from nothing. A night that is not sure of itself (`CellFit.one_answer`), or comes long after the
last, is fitted from nothing anyhow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import days_between
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.base import surface_of
from predpol_eval.forecasters.hawkes.night import Night, Nights
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows, as_windows

if TYPE_CHECKING:
    import xarray as xr

# Nights from one fit from nothing to the next.
STRETCH = 14
# A later night starts from an earlier one's fit if this share of the observed time, or less, lies between.
MOST_APART = 0.05
# How near a chain must come to a fit from nothing, relative to the highest risk: a tenth of what is promised.
ARRIVED = 1e-10

Refit = Callable[[Any, Night, Any], Any]


def forecast_nights(
    forecaster: Any, events: Events, grid: Grid, windows: Any, block: npt.NDArray[np.int64] | None, refit: Refit
) -> xr.DataArray:
    """Forecast every window of a schedule, with numbers as by the plain loop (to 1e-9 of a window's highest).

    Parameters
    ----------
    forecaster : SelfExciting
    events, grid, windows
        See `predpol_eval.forecast`.
    block : array of int, shape (ny, nx), optional
        The model's cell of each grid cell, if it has cells.
    refit : callable
        Given the forecaster, a night and the fit of one shortly before: the night's fit, or None where it is not sure
        to be the one that a fit from nothing gives.

    Returns
    -------
    xarray.DataArray
        Surface with dimensions (window, y, x).
    """
    chosen = as_windows(windows)
    if not len(chosen):
        raise InputError("There is no window to forecast; give a schedule with at least one.")
    nights = Nights.of(events, grid, block)
    moments = np.unique(chosen.until)
    chain = _Chain(forecaster, nights, refit, chosen.until[0])
    values = np.empty((len(chosen), *grid.shape))
    told: tuple[Any, dict[str, Any]] | None = None
    for begin in range(0, moments.size, STRETCH):
        stretch = moments[begin : begin + STRETCH]
        for until, fitted in zip(stretch, chain.fits(stretch), strict=True):
            use = np.flatnonzero(chosen.until == until)
            values[use] = fitted.expected(chosen[use])[1]
            if use[0] == 0:
                told = fitted.known, fitted.told
    if told is None:  # pragma: no cover - the first window has a moment
        raise InputError("There is no window to forecast.")
    made = surface_of(forecaster, values, told[0], chosen, "expected_count", **told[1])
    return made.assign_attrs(until=str(chosen.until.max()))


class _Chain:
    """Fits of one stretch of nights after the other."""

    def __init__(self, forecaster: Any, nights: Nights, refit: Refit, spoken_for: np.datetime64) -> None:
        self.forecaster = forecaster
        self.nights = nights
        self.refit = refit
        # The night whose fit the surface tells of: how many iterations it took is to be what it takes by itself.
        self.spoken_for = spoken_for
        self.last: Any = None
        self.trusted = True

    def fits(self, moments: npt.NDArray[np.datetime64]) -> list[Any]:
        """Fits at some moments, in order of time, that follow those asked for before."""
        found: list[Any] = []
        for until in moments if self.trusted else moments[:0]:
            before = found[-1][0] if found else self.last
            warm = None if before is None or until == self.spoken_for else self._warm(before, until)
            found.append((self._from_nothing(until), False) if warm is None else (warm, True))
        if found and found[-1][1]:
            # What follows starts from this one, that owes nothing to the chain.
            last = self._from_nothing(moments[-1])
            self.trusted = _same(found[-1][0], last)
            found[-1] = last, False
        if not self.trusted:
            kept = {position: fit for position, (fit, warm) in enumerate(found) if not warm}
            found = [(kept.get(position) or self._from_nothing(until), False) for position, until in enumerate(moments)]
        self.last = found[-1][0]
        return [fit for fit, _ in found]

    def _warm(self, before: Any, until: np.datetime64) -> Any:
        """Fit from another night's; None where that may not be done."""
        night = self.nights.night(until, self.forecaster.lookback, self.forecaster.min_step)
        apart = float(days_between(before.until, until))
        if apart > MOST_APART * night.past.observed_days or night.step != before.crimes.min_step:
            return None
        return self.refit(self.forecaster, night, before)

    def _from_nothing(self, until: np.datetime64) -> Any:
        return self.forecaster.fit(self.nights.events, self.nights.grid, until=until)


def _same(one: Any, other: Any) -> bool:
    """Whether two fits of one night tell the same: the day after it, in every cell."""
    day = np.array([one.until, one.until + np.timedelta64(1, "D")], dtype="datetime64[ns]")
    window = Windows(day[:1], day[1:], day[:1], one.known.events.tz)
    first, second = (fitted.expected(window)[1] for fitted in (one, other))
    return bool(np.abs(first - second).max() <= ARRIVED * np.abs(second).max())
