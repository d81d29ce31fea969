"""How far a pooled difference would stray if other nights, in blocks like these, had been drawn."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.block_length import longest_block, politis_white
from predpol_eval.comparisons.long_run import check_lags, default_lags
from predpol_eval.errors import InputError

FloatArray = npt.NDArray[np.float64]

# Ratios closer than this share of the largest that the nights could give are the same; sums over ties carry rounding.
_ROUNDING = 1e-9
_MOST_NUMBERS = 4_000_000  # of random numbers held at once


class BootstrapInterval(NamedTuple):
    """A ratio of two sums over nights, its standard error, interval and p-value of no difference, and mean block."""

    estimate: float
    se: float
    low: float
    high: float
    p: float
    block: float


def ratio_interval(
    d: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    alpha: float = 0.05,
    resamples: int = 1999,
    seed: int | np.random.Generator,
    block: float | None = None,
    lags: int | None = None,
    p_value: bool = True,
) -> BootstrapInterval:
    """Interval of sum d / sum n by a studentised stationary bootstrap of nights (``method="bootstrap"``).

    Parameters
    ----------
    d, n : array-like, shape (nights,)
        What was gained and what it is counted by (crimes), night by night in the order of time; no NaN, `n` not below
        0.
    alpha : float
        1 less the level of the interval.
    resamples : int
        Number of draws; at least 1/alpha - 1.
    seed : int or numpy.random.Generator
        Of the draws: the same seed, the same interval.
    block : float, optional
        Mean length of a block in nights, from 1 (nights drawn one by one) to a third of the nights. Default:
        `politis_white` of d - estimate n.
    lags : int, optional
        Over how many nights the standard error counts correlation, beyond that of the first order; see `default_lags`.
    p_value : bool
        Whether the p-value is wanted; else it is NaN.

    Returns
    -------
    BootstrapInterval
        ``estimate``, ``se``, ``low``, ``high``, ``p``, ``block``. All but the estimate and the block are NaN where the
        nights are alike (or there is only one), the estimate too where sum n is 0. The ends are infinite where the
        nights rule nothing out.

    Raises
    ------
    InputError
        If the nights, the level, the number of draws, the block or the lags cannot be used.

    Notes
    -----
    Blocks begin at any night and go on for a random, geometric number of nights, the first night following the last
    (Politis and Romano 1994). Every draw gives t* = (ratio* - ratio) / se*, and the interval is ratio +- q se with q
    the quantile of abs(t*). Symmetric: with few differing crimes equal tails cover less, by up to 4 points in 100.
    ``p`` is (1 + number of abs(t*) >= abs(t)) / (1 + draws), so that 0 lies in the interval if and only if p > alpha.

    se and se* are made alike: of z = d - ratio n the first-order correlation, less its bias, is taken out
    (prewhitening), the variance of the rest is summed over `lags` with Bartlett weights, and the correlation put back.
    Blocks as short as few nights allow carry only part of the correlation; of the estimators tried (also plain Bartlett
    weights over many or few lags, the exact variance of the stationary bootstrap, and sums of blocks) this one left
    least of that in the coverage.

    A draw in which nothing is counted, or whose nights are alike though its ratio is another, says that an error of any
    size is possible: its abs(t*) is infinite. If more than a share alpha of the draws are such, so is the interval.
    Left out they would make it falsely narrow.

    References
    ----------
    Politis and Romano 1994, Journal of the American Statistical Association 89; Andrews and Monahan 1992, Econometrica
    60 (prewhitening); Kendall 1954, Biometrika 41 (bias of the correlation); Goncalves and Vogelsang 2011, Econometric
    Theory 27 (why t* follows t also where se is far off).

    Examples
    --------
    >>> import numpy as np
    >>> found = ratio_interval(np.tile([1.0, 2.0, 0.0, 3.0], 15), np.full(60, 10.0), seed=1)
    >>> found.estimate, bool(found.low < 0.15 < found.high), found.p
    (0.15, True, 0.0005)
    """
    gained, counted = _nights(d, n)
    needed = _needed(alpha, resamples)
    nights = len(gained)
    if block is not None:
        _check_block(block, nights)
    chosen = default_lags(nights) if lags is None and nights else check_lags(lags or 0, max(nights, 1))
    total = float(counted.sum())
    if not total > 0:
        return BootstrapInterval(*[np.nan] * 6)
    estimate = float(gained.sum()) / total
    from predpol_eval.kernels.stationary_bootstrap import ratio_error

    error = ratio_error(gained, counted, chosen)
    if not error > 0:
        return BootstrapInterval(estimate, np.nan, np.nan, np.nan, np.nan, 1.0 if block is None else float(block))
    length = politis_white(gained - estimate * counted) if block is None else float(block)
    strays = np.sort(_strays(gained, counted, estimate, length, chosen, resamples, np.random.default_rng(seed)))
    # A stray that equals that of 0 but for rounding counts as reaching it, in the interval as in p.
    reach = float(strays[-needed]) * (1 + 1e-9) * error
    p = np.nan
    if p_value:
        reached = int((strays * (1 + 1e-9) * error >= abs(estimate)).sum())
        p = (1 + reached) / (1 + resamples)
    return BootstrapInterval(estimate, error, estimate - reach, estimate + reach, p, length)


def _strays(
    d: FloatArray,
    n: FloatArray,
    estimate: float,
    block: float,
    lags: int,
    resamples: int,
    generator: np.random.Generator,
) -> FloatArray:
    """|t*| of every draw."""
    from predpol_eval.kernels.stationary_bootstrap import redraw

    at_once = max(1, _MOST_NUMBERS // len(d))
    near = _ROUNDING * float(np.abs(d).sum()) / float(n.sum())
    parts = []
    for first in range(0, resamples, at_once):
        uniform = generator.random((min(at_once, resamples - first), len(d)))
        ratio, error = redraw(d, n, uniform, 1 / block, lags)
        away = np.abs(ratio - estimate)
        stray = np.where(away <= near, 0.0, np.inf)
        np.divide(away, error, out=stray, where=error > 0)
        parts.append(stray)
    return np.concatenate(parts)


def _nights(d: Any, n: Any) -> tuple[FloatArray, FloatArray]:
    try:
        gained, counted = np.asarray(d, dtype=np.float64), np.asarray(n, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("d and n hold something that is no number; give one number for each night.") from None
    if gained.ndim != 1 or gained.shape != counted.shape:
        raise InputError(f"d has shape {gained.shape}, n {counted.shape}; give one number of each for each night.")
    usable = np.isfinite(gained) & np.isfinite(counted) & ~(counted < 0)
    if not usable.all():
        raise InputError(
            f"{int((~usable).sum())} of {len(usable)} nights have a d or n that is not finite, or an n below 0; leave "
            "out nights that failed, of both: keep = np.isfinite(d + n); d[keep], n[keep]."
        )
    return gained, counted


def _needed(alpha: Any, resamples: Any) -> int:
    """How many of the farthest strays lie beyond the interval's ends, or at them."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.number) or not 0 < float(alpha) < 1:
        raise InputError(f"alpha={alpha!r}; give 1 less the level of the interval, for instance 0.05.")
    if isinstance(resamples, bool) or not isinstance(resamples, int | np.integer) or resamples < 1:
        raise InputError(f"resamples={resamples!r}; give the number of draws, for instance 1999.")
    # The most draws that, had they all reached 0, still leave p at alpha or below; the division is that of p.
    needed = int(float(alpha) * (1 + resamples))
    while (needed + 1) / (1 + resamples) <= float(alpha):
        needed += 1
    while needed / (1 + resamples) > float(alpha):
        needed -= 1
    if needed < 1:
        raise InputError(
            f"{resamples} draws give no p-value below {1 / (1 + resamples):g}, so none at alpha={float(alpha):g}; give "
            f"at least {int(np.ceil(1 / float(alpha)))} draws, better ten times as many, or use method='dm'."
        )
    return needed


def _check_block(block: Any, nights: int) -> None:
    most = longest_block(nights)
    third = float(max(1.0, np.ceil(nights / 3)))
    if isinstance(block, bool) or not isinstance(block, int | float | np.number) or not 1 <= float(block) <= third:
        raise InputError(
            f"block={block!r} with {nights} nights; give a mean length from 1 to {third:g} nights (the rule itself "
            f"never goes beyond {most:g}), or None for the rule. Longer blocks would draw the same nights every time, "
            "and make the interval falsely narrow."
        )
