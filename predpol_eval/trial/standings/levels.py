"""The level of a look, and p-values that allow for all looks so far.

Several comparisons at several looks need both: a boundary made for one comparison must not simply be divided by their
number, since small levels at several looks hardly overlap, and add up to more. So what is divided is the alpha of the
whole trial, and each share of it is spent over the looks by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# An alpha so large that no finding is near: nothing between it and 1 is told apart.
_LARGEST = 0.3
_LEAST = 1e-12


@lru_cache(maxsize=4096)
def nominal(counts: tuple[int, ...], total: int, alpha: float, spending: str) -> float:
    """Two-sided level of the last of some looks, if alpha is spent over all of them.

    Parameters
    ----------
    counts : tuple of int
        Settled nights at each look that was taken, rising.
    total : int
        Nights as planned.
    alpha : float
        Of all looks together.
    spending : str

    Examples
    --------
    >>> round(nominal((61, 122, 184), 184, 0.05, "obrien_fleming"), 5)
    0.04634
    """
    from predpol_eval.comparisons import alpha_spending

    return float(alpha_spending(counts, alpha=alpha, spending=spending, total=total)["nominal_alpha"][-1])


def p_over_looks(p: float, counts: tuple[int, ...], total: int, *, spending: str, alpha: float) -> float:
    """Least alpha of the whole trial with which a p-value is a finding at the last of these looks.

    It is a p-value whenever and however often one looks: the chance that it is ever at most u is at most u, if there is
    no difference (the sequential p-value of Liu and Anderson, of which this is the part of one look; the least over
    looks is the whole). So it may go into a correction for several comparisons as any p-value may.

    Parameters
    ----------
    p : float
        Of the last look by itself; NaN stays NaN.
    counts, total, spending
        As in `nominal`.
    alpha : float
        Of the trial. Results over it, and over .3, are all given as 1.

    References
    ----------
    Liu and Anderson 2008, Journal of the American Statistical Association 103; Maurer and Bretz 2013, Statistics in
    Biopharmaceutical Research 5 (several comparisons at several looks).

    Examples
    --------
    >>> level = nominal((61, 122), 184, 0.02, "obrien_fleming")
    >>> round(p_over_looks(level, (61, 122), 184, spending="obrien_fleming", alpha=0.05), 6)
    0.02
    """
    from scipy import optimize

    if np.isnan(p):
        return float(np.nan)
    top = max(_LARGEST, alpha)

    def beyond(power: float) -> float:
        return nominal(counts, total, float(10**power), spending) - p

    low, high = float(np.log10(_LEAST)), float(np.log10(top))
    if beyond(high) < 0:
        return 1.0
    if beyond(low) >= 0:
        return _LEAST
    found = 10 ** float(optimize.brentq(beyond, low, high, xtol=1e-9))
    return min(1.0, found)


def judged_levels(p: Sequence[float], alpha: float, correction: str) -> tuple[FloatArray, FloatArray]:
    """Adjusted p-values, and the share of alpha at which each comparison is decided.

    An interval at that level leaves zero out just where the comparison is a finding: Holm's step for each, and with
    false discovery rates the share of those found (Benjamini and Yekutieli 2005), or of one more for the others.

    Parameters
    ----------
    p : sequence of float
        All of the family; NaN, too little to tell, counts as 1.
    alpha : float
    correction : {"holm", "bh", "by"}

    Returns
    -------
    adjusted, levels : arrays of float

    References
    ----------
    Holm 1979; Benjamini and Yekutieli 2005, Journal of the American Statistical Association 100 (intervals for those
    selected).

    Examples
    --------
    >>> adjusted, levels = judged_levels([0.01, 0.5, 0.04], 0.05, "holm")
    >>> adjusted.round(3).tolist(), levels.round(4).tolist()
    ([0.03, 0.5, 0.08], [0.0167, 0.025, 0.025])
    """
    from predpol_eval.comparisons import adjust

    raw = np.asarray(p, dtype=np.float64)
    number = len(raw)
    adjusted = np.asarray(adjust(raw, correction, tests=number))  # type: ignore[arg-type]
    found = adjusted <= alpha
    many = int(found.sum())
    levels = np.empty(number)
    if correction == "holm":
        rank = np.empty(number)
        rank[np.argsort(np.where(np.isnan(raw), 1.0, raw), kind="stable")] = np.arange(number)
        levels[:] = alpha / np.where(found, number - rank, max(1, number - many))
    else:
        harsher = float((1 / np.arange(1, number + 1)).sum()) if correction == "by" else 1.0
        levels[:] = alpha * np.where(found, max(1, many), min(number, many + 1)) / (number * harsher)
    return adjusted, levels
