"""The Wilcoxon signed-rank test: do differences lie as often, and as far, above zero as below?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# Up to so many differences the law of the ranks is counted out; beyond, the normal one is as good.
MOST_EXACT = 50


class SignedRanks(NamedTuple):
    """Sum of the ranks of the differences above zero, as a normal deviate, and p-values, two-sided."""

    above: float
    z: float
    normal_p: float
    exact_p: float
    number: int


def signed_ranks(differences: FloatArray, scale: float, *, exact: bool = False) -> SignedRanks:
    """Rank differences by size, tied ones sharing their mean rank; zeros are left out.

    Parameters
    ----------
    differences : array of float, shape (number,)
        No NaN; infinite ones have the highest rank.
    scale : float
        Size of the numbers that were subtracted: what agrees to 12 digits of it is zero, or tied.
    exact : bool
        Count out the law of up to 50 differences (any ties), under which every rank has either sign by a fair coin.

    Returns
    -------
    SignedRanks
        NaN where no difference is left. `z` is above 0 where the differences are; there is no continuity correction.

    References
    ----------
    Wilcoxon 1945, Biometrics Bulletin 1.

    Examples
    --------
    >>> import numpy as np
    >>> found = signed_ranks(np.array([1.0, 2.0, 3.0, -4.0, 5.0]), 1.0, exact=True)
    >>> found.above, found.exact_p
    (11.0, 0.4375)
    """
    from scipy import stats

    rounded = np.round(differences / scale, 12) if scale > 0 else differences
    kept = rounded[rounded != 0]
    number = len(kept)
    if number == 0:
        return SignedRanks(0.0, np.nan, np.nan, np.nan, 0)
    rank = stats.rankdata(np.abs(kept))
    above = float(rank[kept > 0].sum())
    # The squares of tied ranks sum to less than those of plain ones, which is the usual correction for ties.
    z = (above - rank.sum() / 2) / np.sqrt((rank**2).sum() / 4)
    normal = float(2 * stats.norm.sf(abs(z)))
    counted = _exact(rank, above) if exact and number <= MOST_EXACT else normal
    return SignedRanks(above, float(z), normal, counted, number)


def _exact(rank: FloatArray, above: float) -> float:
    """Chance, if every sign is a fair coin, of a sum of ranks at least as far from its mean."""
    # Mean ranks of ties are halves, so twice a rank is whole.
    doubled = np.rint(2 * rank).astype(np.int64)
    chance = np.zeros(int(doubled.sum()) + 1)
    chance[0] = 1.0
    for step in doubled:
        moved = np.zeros_like(chance)
        moved[step:] = chance[:-step]
        chance = (chance + moved) / 2
    apart = np.abs(2 * np.arange(len(chance)) - (len(chance) - 1))
    return min(1.0, float(chance[apart >= abs(4 * above - (len(chance) - 1)) - 0.5].sum()))
