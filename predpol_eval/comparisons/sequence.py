"""An interval that may be looked at every night: a confidence sequence for the pooled difference.

Whoever looks at an ordinary 95 % interval after each night and stops when it leaves zero is wrong far more often than
in 5 % of trials. This one holds over all nights together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError

FloatArray = npt.NDArray[np.float64]

DEFAULT_RHO = 50.0
# Differences at which the set is looked at, before its ends are found exactly.
_POINTS = 1001


class SequenceInterval(NamedTuple):
    """The interval after each night, and the evidence against no difference; arrays over nights."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    e_value: FloatArray
    p_value: FloatArray


def sequence_interval(
    d: FloatArray, n: FloatArray, *, alpha: float = 0.05, rho: float, last: bool = False
) -> SequenceInterval:
    """Interval of sum d / sum n after every night, valid for all nights together (``method="sequence"``).

    All delta between -1 and 1 with |sum z| <= sqrt((V + rho) ln((V + rho) / (rho alpha^2))), where z = d - delta n and
    V = sum z^2.

    Parameters
    ----------
    d, n : array of float, shape (nights,)
        Crimes more caught, and crimes, of each settled night in order; abs(d) is at most n.
    alpha : float
        The most often that any of the intervals, over however many nights, may miss.
    rho : float
        Fixed before the first night, see `sequence_rho`.
    last : bool
        Only the interval after the last night.

    Returns
    -------
    SequenceInterval
        ``estimate`` is NaN and the interval (-1, 1) while no crime has happened. ``p_value`` is 1 / ``e_value``, at
        most 1.

    References
    ----------
    Robbins 1970, The Annals of Mathematical Statistics 41; de la Pena 1999, The Annals of Probability 27 (V from the
    data); Howard, Ramdas, McAuliffe and Sekhon 2021, The Annals of Statistics 49 (the two-sided normal mixture).

    Examples
    --------
    >>> import numpy as np
    >>> d = np.array([2.0, 1, 0, 3, 1, 2, -1, 2, 1, 3])
    >>> found = sequence_interval(d, np.full(10, 20.0), rho=10.0)
    >>> round(float(found.e_value[-1]), 4), round(float(found.p_value[-1]), 4), bool(found.low[-1] < 0 < found.high[-1])
    (4.4215, 0.2262, True)
    """
    sums = [np.cumsum(part)[-1:] if last else np.cumsum(part) for part in (d, n, d * d, d * n, n * n)]
    nights = len(sums[0])
    low, high = np.full(nights, -1.0), np.full(nights, 1.0)
    estimate = np.full(nights, np.nan)
    some = sums[1] > 0
    estimate[some] = sums[0][some] / sums[1][some]
    grid = np.linspace(-1, 1, _POINTS)
    for night in np.flatnonzero(some):
        here = [float(part[night]) for part in sums]
        held = np.flatnonzero(_excess(grid, *here, rho=rho, alpha=alpha) <= 0)
        # The estimate is always held; it may lie between two points of the grid.
        left = min(grid[held[0]], estimate[night]) if len(held) else estimate[night]
        right = max(grid[held[-1]], estimate[night]) if len(held) else estimate[night]
        low[night] = _end(left, max(-1.0, left - 2 / (_POINTS - 1)), here, rho, alpha)
        high[night] = _end(right, min(1.0, right + 2 / (_POINTS - 1)), here, rho, alpha)
    e_value = _mixture(sums[0], sums[2], rho)
    return SequenceInterval(estimate, low, high, e_value, np.minimum(1.0, 1 / e_value))


def e_values(z: FloatArray, *, rho: float) -> FloatArray:
    """Evidence after every night (the last axis) against the difference of which z = d - delta n.

    A difference is outside the interval of level 1 - alpha just where this is over 1 / alpha.

    Examples
    --------
    >>> import numpy as np
    >>> e_values(np.array([2.0, 1, 0, 3, 1, 2, -1, 2, 1, 3]), rho=10.0)[-1].round(4).item()
    4.4215
    """
    return _mixture(z.cumsum(axis=-1), (z * z).cumsum(axis=-1), rho)


def _mixture(total: FloatArray, variance: FloatArray, rho: float) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.asarray(np.sqrt(rho / (variance + rho)) * np.exp(total**2 / (2 * (variance + rho))))


def sequence_rho(variance: float, *, alpha: float = 0.05) -> float:
    """Give the `rho` that makes the interval narrowest when the sum of squares V has come to `variance`.

    Parameters
    ----------
    variance : float
        What sum of (D - delta N)^2 is expected when the answer is most wanted, in crimes squared: nights times the
        variance of a night's difference, from past nights or `detectable_difference`. It need not be right: a wrong one
        makes the interval wider, never invalid, as long as it is fixed before the first night.
    alpha : float
        As for the sequence.

    Returns
    -------
    float

    References
    ----------
    Howard, Ramdas, McAuliffe and Sekhon 2021, The Annals of Statistics 49, on tuning the mixture.

    Examples
    --------
    >>> round(sequence_rho(184 * 4.0), 1)
    89.6
    """
    if isinstance(variance, bool) or not isinstance(variance, int | float | np.number) or not 0 < variance < np.inf:
        raise InputError(f"variance={variance!r}; give the expected sum of squared nightly differences, above 0.")
    check_alpha(alpha)
    from scipy import special

    # The width is least where (V + rho) / rho solves x - ln x = 1 - ln(alpha^2); the branch above 1.
    x = float(-special.lambertw(-(alpha**2) / np.e, k=-1).real)
    return variance / (x - 1)


def check_rho(rho: Any) -> float:
    """Refuse a `rho` that is no finite number above 0."""
    if isinstance(rho, bool) or not isinstance(rho, int | float | np.number) or not 0 < float(rho) < np.inf:
        raise InputError(
            f"rho={rho!r}; give a number above 0, fixed before the first night, for instance "
            "ppe.sequence_rho(variance) of past nights."
        )
    return float(rho)


def check_alpha(alpha: Any) -> float:
    """Refuse an `alpha` that is no share between 0 and 1."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.number) or not 0 < float(alpha) < 1:
        raise InputError(f"alpha={alpha!r}; give a share between 0 and 1, for instance 0.05 for 95 % intervals.")
    return float(alpha)


def check_block(block: Any, nights: int) -> int:
    """Refuse a `block` that is no whole number of nights."""
    if isinstance(block, bool) or not isinstance(block, int | np.integer) or not 1 <= block <= max(1, nights):
        raise InputError(f"block={block!r}; give a whole number of nights from 1 to {nights}.")
    return int(block)


def _excess(delta: Any, d: float, n: float, dd: float, dn: float, nn: float, *, rho: float, alpha: float) -> Any:
    """By how much the squared sum exceeds its bound; at most 0 for the differences held."""
    variance = np.maximum(dd - 2 * delta * dn + delta**2 * nn, 0.0) + rho
    return (d - delta * n) ** 2 - variance * np.log(variance / (rho * alpha**2))


def _end(held: float, beyond: float, sums: list[float], rho: float, alpha: float) -> float:
    """Where the set ends between a difference that is held and one that may not be."""
    from scipy import optimize

    def excess(delta: float) -> float:
        return float(_excess(delta, *sums, rho=rho, alpha=alpha))

    if held == beyond or excess(beyond) <= 0:
        return beyond
    return float(optimize.brentq(excess, held, beyond, xtol=1e-14)) if excess(held) < 0 else held
