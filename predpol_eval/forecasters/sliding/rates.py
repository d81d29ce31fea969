"""Rates of one forecaster at many moments in a row, each made from the one before instead of from all crimes again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray, span
from predpol_eval.events import Events
from predpol_eval.forecasters.baseline import CountMap, Uniform
from predpol_eval.forecasters.features.sliding import Tally, exposure, history, maps, span_or_none, starts_of
from predpol_eval.forecasters.kde import KDE
from predpol_eval.forecasters.sliding.densities import densities
from predpol_eval.forecasters.sliding.known_rows import KnownRows, known_rows
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray


def sliding_rates(
    forecaster: Any, events: Events, grid: Grid, untils: TimeArray, lengths: FloatArray | None = None
) -> Iterator[FloatArray] | None:
    """Expected crimes per cell and day as of many moments, shape (ny, nx) each: what `fit` gives, to rounding.

    Where a crime that is too old is taken away again, what rounding leaves of it never ranks its cell above those that
    never had one.

    Parameters
    ----------
    forecaster : Forecaster
    events : Events
    grid : Grid
    untils : array of datetime64
        In order, each later than the one before.
    lengths : array of float, shape (moments,), optional
        Expect so many days' crimes instead of one day's.

    Returns
    -------
    iterator of array, or None
        None where the forecaster cannot slide, or `fit` would refuse one of the moments since nothing was observed. An
        array may be used again for the next moment: copy what is to stay.
    """
    if not _slides(forecaster, grid):
        return None
    half_life = getattr(forecaster, "half_life", None)
    halved = None if half_life is None else span(half_life, "half_life").nominal_days
    lookback = span_or_none(forecaster.lookback, "lookback")
    begin = starts_of(untils, lookback, events.tz)
    days = exposure(events.observed, begin, untils, halved)
    # Where nothing was observed there is no rate; nor where it is so long past that its weight is lost in rounding.
    if not (days > 0).all():
        return None
    rows = None
    if type(forecaster) is Uniform or (type(forecaster) is CountMap and halved is None):
        rows = known_rows(events, untils, lookback)
    if type(forecaster) is Uniform:
        return None if rows is None else _stretched(_uniform(events, grid, rows, days), lengths)
    if rows is not None:
        return _stretched(_counted_up(events, grid, rows, days), lengths)
    per_crime = (1.0 if lengths is None else lengths) / days
    if type(forecaster) is CountMap:
        tallies: tuple[Tally, ...] = (Tally(lookback, halved),)
        if halved is not None and lookback is not None:
            tallies = (*tallies, Tally(lookback, None))
        counts = maps(history(events, grid, untils), tallies, None)
        return (_counted(each) * factor for each, factor in zip(counts, per_crime, strict=True))
    return densities(forecaster, halved, events, grid, untils, per_crime)


def _slides(forecaster: Any, grid: Grid) -> bool:
    if type(forecaster) in (Uniform, CountMap):
        return True
    return (
        type(forecaster) is KDE
        and not isinstance(forecaster.bandwidth, str)
        # With a warning by every fit.
        and float(forecaster.bandwidth) >= grid.cell
        and forecaster.adaptive_k is None
        # Its kernel ends at a circle: which crimes reach a cell is not told by rows and columns.
        and (forecaster.kernel == "gaussian" or forecaster.lookback is None)
    )


def _counted_up(events: Events, grid: Grid, rows: KnownRows, days: FloatArray) -> Iterator[FloatArray]:
    """Plain counts: whole numbers, so that adding and taking away leaves no rest."""
    # One place more, for crimes in no cell.
    place = grid.cell_of(events.x[rows.row], events.y[rows.row]) + 1
    counts, rate = np.zeros(grid.mask.size + 1), np.empty(grid.shape)
    for position, observed in enumerate(days):
        if rows.fresh(position):
            counts = np.bincount(place[rows.at(position)], minlength=counts.size).astype(np.float64)
        else:
            np.add.at(counts, place[rows.new(position)], 1.0)
            np.subtract.at(counts, place[rows.gone(position)], 1.0)
        yield np.divide(counts[1:].reshape(grid.shape), observed, out=rate)


def _counted(tallies: FloatArray) -> FloatArray:
    """Weighted crimes by cell; nothing where the plain count, which stands beside it, has none."""
    return tallies[0] if len(tallies) == 1 else np.where(tallies[1] > 0, tallies[0], 0.0)


def _stretched(rates: Iterator[FloatArray], lengths: FloatArray | None) -> Iterator[FloatArray]:
    """Times the length of each window; one after the other, as `FittedRate` does, so that the bits are the same."""
    if lengths is None:
        yield from rates
        return
    for rate, length in zip(rates, lengths, strict=True):
        rate *= length
        yield rate


def _uniform(events: Events, grid: Grid, rows: KnownRows, days: FloatArray) -> Iterator[FloatArray]:
    here = grid.cell_of(events.x[rows.row], events.y[rows.row]) >= 0
    for number, observed in zip(_numbers(rows, here), days, strict=True):
        yield number / observed * grid.inside_m2 / grid.total_m2


def _numbers(rows: KnownRows, here: npt.NDArray[np.bool_]) -> Iterator[int]:
    """How many of the crimes in cells count at each moment."""
    if rows.oldest is None:
        return (int(here[rows.at(position)].sum()) for position in range(len(rows.begin)))
    so_far = np.concatenate([[0], np.cumsum(here)])
    low, high = rows.oldest, np.maximum(rows.entered[1:], rows.oldest)
    return iter((so_far[high] - so_far[low]).tolist())
