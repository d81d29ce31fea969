"""Scores of many windows in a row: what crimes give to the cells around them is worked out once for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from predpol_eval.civil_time import NANOSECONDS_PER_DAY as DAY
from predpol_eval.civil_time import span
from predpol_eval.events import Events
from predpol_eval.forecasters.base import Known
from predpol_eval.forecasters.features.asked import IntArray
from predpol_eval.forecasters.features.sliding import exposure, starts_of
from predpol_eval.forecasters.near_repeat import DECAYS, NearRepeat, fading
from predpol_eval.forecasters.prospective import ProspectiveHotspot
from predpol_eval.forecasters.sliding.known_rows import KnownRows, known_rows
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray
from predpol_eval.schedule import Windows

# Cells that a crime may reach for its stencil to be kept; a wider one is quicker made again than read from memory.
WIDEST = 150


def sliding_scores(forecaster: Any, events: Events, grid: Grid, windows: Windows) -> Iterator[FloatArray] | None:
    """Scores of every window, shape (ny, nx) each: what fit and predict give, to rounding.

    Parameters
    ----------
    forecaster : Forecaster
    events : Events
    grid : Grid
    windows : Windows
        In order of their ``until``.

    Returns
    -------
    iterator of array, or None
        None where the forecaster is none of those that score every crime by its place and age, where `fit` would refuse
        a window, or a crime is recorded before the middle of its time.
    """
    kind = type(forecaster)
    if kind not in (ProspectiveHotspot, NearRepeat):
        return None
    lookback = span(forecaster.lookback, "lookback") if kind is NearRepeat else None
    begin = starts_of(windows.until, lookback, events.tz)
    if not (exposure(events.observed, begin, windows.until, None) > 0).all():
        return None
    # Beyond a few centuries it is no limit, and no length that the clock can count.
    oldest = 7.0 * forecaster.weeks if kind is ProspectiveHotspot and forecaster.weeks < 1e4 else np.inf
    rows = known_rows(events, windows.until, lookback, _since(windows, oldest))
    if rows is None:
        return None
    cells_reached = (2 * forecaster.radius / grid.cell + 1) ** 2
    whole = kind is NearRepeat and forecaster.kernel in DECAYS and forecaster.own_address
    if cells_reached <= WIDEST and (whole or (kind is ProspectiveHotspot and forecaster.variant == "continuous")):
        return _by_stencils(forecaster, rows, events, grid, windows, oldest)
    return _by_score(forecaster, rows, events, grid, windows, oldest)


def _since(windows: Windows, oldest: float) -> np.datetime64 | None:
    """From when on crimes are young enough for any of the windows; a little earlier, to be certain."""
    if not np.isfinite(oldest):
        return None
    early: np.datetime64 = windows.start.min() - np.timedelta64(int((oldest + 1) * 86_400), "s")
    return early


def _live(rows: KnownRows, windows: Windows, position: int, oldest: float) -> tuple[IntArray, FloatArray]:
    """Crimes that count in a window, and their ages in days at its start."""
    when = windows.start[position]
    if rows.oldest is None:
        which = rows.at(position)
        age = rows.days_before(which, when)
        young = age < oldest
        return which[young], age[young]
    # They stand in the order in which they happened, so that those that count are a stretch of them.
    first, stop = int(rows.oldest[position]), int(rows.entered[position + 1])
    if np.isfinite(oldest) and first < stop:
        # The last digit is left to the ages themselves.
        early = when.astype("datetime64[ns]").astype(np.int64) - int((oldest + 0.01) * DAY)
        first += int(np.searchsorted(rows.moment[first:stop], early))
    age = rows.days_before(slice(first, max(first, stop)), when)
    old = int(np.searchsorted(-age, -oldest, side="right"))
    return np.arange(first + old, first + age.size), age[old:]


def _by_stencils(
    forecaster: Any, rows: KnownRows, events: Events, grid: Grid, windows: Windows, oldest: float
) -> Iterator[FloatArray]:
    from predpol_eval.kernels import stencils

    ny, nx = grid.shape
    prospective = type(forecaster) is ProspectiveHotspot
    form = stencils.PROSPECTIVE if prospective else 1 + DECAYS.index(forecaster.kernel)
    unit = forecaster.unit if prospective else 1.0
    lookback = 0.0 if prospective else span(forecaster.lookback, "lookback").nominal_days
    place = (grid.x0, grid.y0, grid.cell, nx, ny)
    made = stencils.stencils(events.x[rows.row], events.y[rows.row], *place, forecaster.radius, form, unit)
    # The same memory for every window: fresh pages cost as much as the sums.
    sums = np.empty(nx * ny + stencils.RUN)
    for position in range(len(windows)):
        which, age = _live(rows, windows, position, oldest)
        weight = 1.0 / (1.0 + age / 7) if prospective else fading(forecaster.kernel, age / lookback)
        yield stencils.add_up(*made, which, weight, nx * ny, sums).reshape(ny, nx)


class _Places(NamedTuple):
    """All that a score asks of crimes but their ages."""

    x: FloatArray
    y: FloatArray


def _by_score(
    forecaster: Any, rows: KnownRows, events: Events, grid: Grid, windows: Windows, oldest: float
) -> Iterator[FloatArray]:
    for position in range(len(windows)):
        which, age = _live(rows, windows, position, oldest)
        row = rows.row[which]
        places: Any = _Places(events.x[row], events.y[row])
        known = Known(places, grid, windows.until[position], rows.moment[which].view("datetime64[ns]"), events.observed)
        yield np.asarray(forecaster.score(known, age))
