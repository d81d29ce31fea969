"""Labels beside lines that end close together: moved apart, in their order, as little as can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def spread(places: Sequence[float], gap: float, low: float, high: float) -> npt.NDArray[np.float64]:
    """Move places apart until neighbours are `gap` from each other and all are between `low` and `high`.

    Parameters
    ----------
    places : sequence of float
        In any order.
    gap, low, high : float

    Returns
    -------
    array of float, shape (places,)
        In the order given; the least sum of squared moves. Where there is no room for all, the gap is made smaller.

    Examples
    --------
    >>> spread([5.0, 5.0, 20.0], 4.0, 0.0, 30.0).tolist()
    [3.0, 7.0, 20.0]
    >>> spread([0.0, 0.0], 4.0, 0.0, 30.0).tolist()
    [0.0, 4.0]
    """
    wanted = np.asarray(places, dtype=np.float64)
    count = len(wanted)
    if not count:
        return wanted
    apart = min(gap, (high - low) / max(1, count - 1))
    order = np.argsort(wanted, kind="stable")
    # With its own multiple of the gap taken off, each place may be anywhere not below the one before: isotonic
    # regression, by pooling neighbours that are in the wrong order.
    steps = apart * np.arange(count)
    pools: list[tuple[float, int]] = []
    for value in wanted[order] - steps:
        mean, size = float(value), 1
        while pools and pools[-1][0] >= mean:
            before, many = pools.pop()
            mean, size = (before * many + mean * size) / (many + size), many + size
        pools.append((mean, size))
    even = np.repeat([mean for mean, _ in pools], [size for _, size in pools])
    moved = np.empty(count)
    moved[order] = np.clip(even, low, max(low, high - steps[-1])) + steps
    return moved
