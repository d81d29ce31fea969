"""Had the two changed places: flipping the signs of whole nights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# Up to so many blocks all ways to flip them are tried; beyond, as many as asked for are drawn.
MOST_BLOCKS_IN_FULL = 14
# Sums that differ by rounding are the same: as a share of the sum of |d|.
_ROUNDING = 1e-9


class FlipInterval(NamedTuple):
    """A ratio of sums over nights, the interval of differences not rejected, and the p-value of none."""

    estimate: float
    low: float
    high: float
    p: float
    flips: int
    exact: bool


def flip_interval(
    d: FloatArray, n: FloatArray, *, alpha: float = 0.05, flips: int = 9999, block: int = 1, seed: int = 0
) -> FlipInterval:
    """Test sum d / sum n by flipping signs, and invert the test (``method="signflip"``).

    Under a difference of delta, d - delta n of a night is as likely to come out with either sign. The p-value of delta
    is the share of ways to flip the nights in which the sum is at least as far from 0 as the one seen.

    Parameters
    ----------
    d, n : array of float, shape (nights,)
        What was gained and what it is counted by, in the order of time; n is not negative.
    alpha : float
        1 less the level of the interval.
    flips : int
        How many ways to draw, where there are too many to try all; p is then (1 + #) / (1 + flips).
    block : int
        How many neighbouring nights are flipped together.
    seed : int
        Of the draws.

    Returns
    -------
    FlipInterval
        ``low`` and ``high`` are infinite where so few nights can rule nothing out at that level.

    Notes
    -----
    The inversion is exact, not a search: the sum with flipped signs, d_s - delta n_s, is at least as far from 0 as the
    one seen, D - delta N, on one interval of delta around D / N, whose ends are (D - d_s) / (N - n_s) and (D + d_s) /
    (N + n_s). The differences not rejected lie between two order statistics of such ends.

    References
    ----------
    Fisher 1935, The Design of Experiments; Phipson and Smyth 2010 for the 1 added above and below.

    Examples
    --------
    >>> import numpy as np
    >>> found = flip_interval(np.array([1.0, 2.0, 1.0, 1.0, 3.0, 1.0]), np.full(6, 10.0))
    >>> found.estimate, found.p == 2 / 2**6, found.exact
    (0.15, True, True)
    """
    total = float(n.sum())
    if not total > 0:
        return FlipInterval(np.nan, np.nan, np.nan, np.nan, 0, False)
    first = np.arange(0, len(d), block)
    d_block, n_block = np.add.reduceat(d, first), np.add.reduceat(n, first)
    exact = len(first) <= MOST_BLOCKS_IN_FULL
    flipped = _all_ways(len(first)) if exact else _drawn_ways(len(first), flips, seed)
    # What is flipped counts against instead of for: twice its sum is lost.
    lost = 2 * (flipped.astype(np.float64) @ np.column_stack([d_block, n_block]))
    seen = float(d.sum())
    flipped_d, flipped_n = seen - lost[:, 0], total - lost[:, 1]
    tolerance = _ROUNDING * float(np.abs(d).sum())
    # Drawn ways leave out the one seen, which is added to them; all ways hold it already.
    extra = 0 if exact else 1
    ways = len(flipped) + extra
    p = (extra + int((np.abs(flipped_d) >= abs(seen) - tolerance).sum())) / ways
    above = np.stack([lost[:, 0], seen + flipped_d])
    below = np.stack([lost[:, 1], total + flipped_n])
    above[np.abs(above) <= tolerance] = 0.0
    below[np.abs(below) <= _ROUNDING * total] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = above / below
    # Flipped alike throughout, the sum is as far from 0 as the one seen whatever delta is.
    never = np.isnan(ends).any(axis=0)
    low = np.where(never, -np.inf, ends.min(axis=0)) - tolerance / total
    high = np.where(never, np.inf, ends.max(axis=0)) + tolerance / total
    rank = int(np.floor(alpha * ways + 1e-12)) + 1 - extra
    if rank < 1:
        return FlipInterval(seen / total, -np.inf, np.inf, p, len(flipped), exact)
    return FlipInterval(
        seen / total,
        float(np.partition(low, rank - 1)[rank - 1]),
        float(-np.partition(-high, rank - 1)[rank - 1]),
        p,
        len(flipped),
        exact,
    )


def _all_ways(count: int) -> npt.NDArray[np.uint8]:
    """Every way to flip so many blocks, one a row."""
    return ((np.arange(2**count)[:, None] >> np.arange(count)) & 1).astype(np.uint8)


def _drawn_ways(count: int, flips: int, seed: int) -> npt.NDArray[np.uint8]:
    drawn = np.random.default_rng(seed).integers(0, 256, size=(flips, -(-count // 8)), dtype=np.uint8)
    return np.unpackbits(drawn, axis=1, count=count)
