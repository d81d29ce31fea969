"""How many pairs of crimes are close at the least, told without looking at any of them: where crimes pile up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.points import floats


def crowded_pairs(x: npt.ArrayLike, y: npt.ArrayLike, t: npt.ArrayLike, radius: float, span: float) -> int:
    """Count the pairs of crimes that share a square of diagonal `radius` and lie within `span` days.

    All of these are among what `predpol_eval.kernels.pairs.count_pairs` counts, that takes as long as there are pairs:
    ten thousand crimes on one place make fifty million. This takes the time of sorting the crimes.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Places in metres.
    t : array_like of float, shape (n,)
        Times in days.
    radius : float
        Greatest distance, metres; above 0.
    span : float
        Greatest time between, days; may be infinite.

    Returns
    -------
    int

    Examples
    --------
    >>> crowded_pairs([0.0, 0.0, 0.0, 90.0], [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 5.0, 5.0], 10.0, 4.0)
    2
    """
    east, north, days = floats(x), floats(y), floats(t)
    if not days.size:
        return 0
    side = float(radius) / np.sqrt(2.0)
    column, row = np.floor((east - east.min()) / side), np.floor((north - north.min()) / side)
    order = np.lexsort((days, column, row))
    column, row, days = column[order], row[order], days[order]
    new = np.ones(days.size, dtype=bool)
    new[1:] = (column[1:] != column[:-1]) | (row[1:] != row[:-1])
    square = np.cumsum(new) - 1
    # One square after the other on one axis, further apart than any two crimes of a square.
    apart = min(float(span), float(np.ptp(days)))
    axis = square * (2.0 * float(np.ptp(days)) + 1.0) + (days - days.min())
    return int((np.arange(days.size) - np.searchsorted(axis, axis - apart)).sum())
