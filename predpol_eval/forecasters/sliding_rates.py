"""Rates of one forecaster at many moments in a row, each made from the one before instead of from all crimes again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from predpol_eval import observation
from predpol_eval.civil_time import TimeArray, days_between, span
from predpol_eval.events import Events
from predpol_eval.forecasters.baseline import CountMap
from predpol_eval.forecasters.features.sliding import Tally, exposure, history, maps, span_or_none, starts_of
from predpol_eval.forecasters.kde import KDE
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray


def sliding_rates(forecaster: Any, events: Events, grid: Grid, untils: TimeArray) -> Iterator[FloatArray] | None:
    """Expected crimes per cell and day as of many moments, shape (ny, nx) each: what `fit` gives, to rounding.

    Only where nothing that was added must be taken away again in fractions: what rounding leaves of a crime that is too
    old would rank its cell above those that never had one.

    Parameters
    ----------
    forecaster : Forecaster
    events : Events
    grid : Grid
    untils : array of datetime64
        In order, each later than the one before.

    Returns
    -------
    iterator of array, or None
        None where the forecaster cannot slide, or `fit` would refuse one of the moments since nothing was observed.
    """
    if not _slides(forecaster, events):
        return None
    half_life = None if forecaster.half_life is None else span(forecaster.half_life, "half_life").nominal_days
    tally = Tally(span_or_none(forecaster.lookback, "lookback"), half_life)
    days = exposure(events.observed, starts_of(untils, tally.lookback, events.tz), untils, half_life)
    if not (days > 0).all():
        return None
    if type(forecaster) is CountMap:
        counts = maps(history(events, grid, untils), (tally,), None)
        return (each[0] / observed for each, observed in zip(counts, days, strict=True))
    masses = _densities(forecaster, half_life, events, grid, untils)
    return (each / observed for each, observed in zip(masses, days, strict=True))


def _slides(forecaster: Any, events: Events) -> bool:
    if type(forecaster) is CountMap:
        return forecaster.half_life is None or forecaster.lookback is None
    return (
        type(forecaster) is KDE
        and not isinstance(forecaster.bandwidth, str)
        and forecaster.lookback is None
        and forecaster.adaptive_k is None
        and not forecaster.renormalise
        # One recorded before the middle of its time grows older only from there on.
        and bool((events.known_from >= events.midpoint).all())
    )


def _densities(
    forecaster: KDE, half_life: float | None, events: Events, grid: Grid, untils: TimeArray
) -> Iterator[FloatArray]:
    """Weighted mass of all crimes known at each moment, on the part of each cell that lies inside."""
    from predpol_eval.kernels.kde import gaussian_cell_mass
    from predpol_eval.kernels.quartic import quartic_cell_mass

    spread: Callable[..., FloatArray] = gaussian_cell_mass if forecaster.kernel == "gaussian" else quartic_cell_mass
    ny, nx = grid.shape
    place = (grid.x0, grid.y0, grid.cell, nx, ny, float(forecaster.bandwidth))
    inside = grid.inside_m2 / grid.cell**2
    use = np.flatnonzero(observation.contains(events.observed, events.midpoint))
    enters = np.searchsorted(untils, events.known_from[use], side="right")
    use, enters = use[np.argsort(enters, kind="stable")], np.sort(enters)
    edges = np.searchsorted(enters, np.arange(len(untils) + 1))
    mass = np.zeros(grid.shape)
    for position, until in enumerate(untils):
        if position and half_life is not None:
            mass *= np.exp2(-float(days_between(untils[position - 1], until)) / half_life)
        new = use[edges[position] : edges[position + 1]]
        if new.size:
            age = np.asarray(days_between(events.midpoint[new], until))
            weight = np.ones(new.size) if half_life is None else np.exp2(-age / half_life)
            mass += spread(events.x[new], events.y[new], weight, *place)
        yield mass * inside
