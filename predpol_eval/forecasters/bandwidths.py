"""How wide a kernel should be: rules that read a bandwidth from the crimes themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from predpol_eval.projection import FloatArray

Rule = Literal["scott", "silverman", "cv"]
RULES: tuple[Rule, ...] = ("scott", "silverman", "cv")
# Where the mean integrated squared error of a smooth density is least, a quartic kernel is so many times as wide as a
# Gaussian: (9/(5 pi) : 1/(4 pi) : (1/8)^2)^(1/6), its roughness and the square of its variance against the Gaussian's.
QUARTIC = (4.0 * 64.0 * 9.0 / 5.0) ** (1.0 / 6.0)
PRECISION = 1e-3
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


class Bandwidth(NamedTuple):
    """A bandwidth, and what a surface tells about it.

    Attributes
    ----------
    metres : float
        NaN where there is nothing to spread.
    rule : str
        ``fixed``, ``scott``, ``silverman``, ``cv`` or ``adaptive``.
    note : str
        What was done instead of what was asked for, and why; empty if nothing.
    more : dict
        Further attrs of the surface.
    """

    metres: float
    rule: str
    note: str = ""
    more: dict[str, float | str] = {}  # noqa: RUF012 - a NamedTuple's default; nobody changes it


def effective_number(weight: FloatArray) -> float:
    """How many crimes of equal weight say as much: (sum w)^2 / sum w^2 (Kish 1965); 0 of none.

    Examples
    --------
    >>> effective_number(np.array([1.0, 1.0, 0.0]))
    2.0
    """
    largest = float(weight.max(initial=0.0))
    if largest <= 0:
        return 0.0
    share = weight / largest
    return float(share.sum() ** 2 / (share**2).sum())


def spread(x: FloatArray, y: FloatArray, weight: FloatArray) -> float:
    """Root of the mean of the weighted variances of x and y, unbiased; 0 where one crime has all the weight.

    Examples
    --------
    >>> round(spread(np.array([0.0, 6.0]), np.array([0.0, 8.0]), np.ones(2)), 12)
    5.0
    """
    if effective_number(weight) <= 1:
        return 0.0
    share = weight / weight.sum()
    squares = sum(float(share @ (column - share @ column) ** 2) for column in (x, y))
    return float(np.sqrt(squares / 2 / (1 - float(share @ share))))


def normal_reference(x: FloatArray, y: FloatArray, weight: FloatArray) -> float:
    """Bandwidth that would be best for a round normal density of the same spread: spread times n^(-1/6).

    Scott's rule and Silverman's differ by (4/(d+2))^(1/(d+4)), which is 1 in two dimensions. n is the effective number,
    the spread that of Silverman's section 4.3.2: the root of the mean of the two variances. His robust version (the
    least of standard deviation and interquartile range over 1.34) is for one dimension only.

    Parameters
    ----------
    x, y, weight : array of float, shape (n,)

    Returns
    -------
    float
        Metres; 0 where all crimes stand on one place.

    References
    ----------
    Scott, D. W. (1992). Multivariate Density Estimation, eq. 6.42. Wiley. Silverman, B. W. (1986). Density Estimation
    for Statistics and Data Analysis, eq. 4.14. Chapman & Hall.

    Examples
    --------
    >>> x, y = np.array([0.0, 600.0] * 32), np.array([0.0, 800.0] * 32)
    >>> round(normal_reference(x, y, np.ones(64)), 3)
    178.174
    """
    width = spread(x, y, weight)
    return width * effective_number(weight) ** (-1 / 6) if width > 0 else 0.0


def left_out_score(x: FloatArray, y: FloatArray, weight: FloatArray, lowest: float, steps: int = 1) -> FloatArray:
    """Leave-one-out log-likelihood per crime, for bandwidths that grow from `lowest` by the square root of 2.

    Every crime is judged by the Gaussian density of the crimes at all *other places*. With those at its own place, of
    which there are many where a publisher moves crimes to the nearest crossing, the likelihood of a bandwidth of 0
    would be infinite.

    Parameters
    ----------
    x, y, weight : array of float, shape (n,)
        Crimes on two places at least; weights above 0.
    lowest : float
        Metres.
    steps : int
        How many bandwidths.

    Returns
    -------
    ndarray of float64, shape (steps,)
        Weighted mean of ln(density per m2).

    References
    ----------
    Habbema, J. D. F., Hermans, J. and van den Broek, K. (1974). A stepwise discriminant analysis program using density
    estimation. Compstat 1974, 101-110. Duin, R. P. W. (1976). On the choice of smoothing parameters for Parzen
    estimators of probability density functions. IEEE Transactions on Computers C-25, 1175-1179.

    Examples
    --------
    >>> x, y = np.array([0.0, 0.0, 300.0]), np.array([0.0, 0.0, 0.0])
    >>> left_out_score(x, y, np.ones(3), 150.0, 3).round(2).tolist()
    [-13.86, -13.55, -13.75]
    """
    from predpol_eval.kernels.leave_one_out import log_left_out
    from predpol_eval.kernels.points import merge

    place_x, place_y, mass = merge(x, y, weight)
    return np.asarray(log_left_out(place_x, place_y, mass, lowest, steps) @ mass / mass.sum())


def most_likely(score: Callable[[float, int], FloatArray], lowest: float, steps: int) -> float:
    """Where a score is highest: the best of a logarithmic grid, refined by golden section to 0.1 %.

    Parameters
    ----------
    score : callable
        Of a bandwidth and a number of steps by the square root of 2: a score for each.
    lowest : float
        Where the grid begins, metres.
    steps : int
        Points of the grid, each the square root of 2 times the one before.

    Examples
    --------
    >>> def hill(lowest, steps):
    ...     return -np.log(lowest * 2 ** (0.5 * np.arange(steps)) / 300) ** 2
    >>> round(most_likely(hill, 125, 9))
    300
    """
    scores = score(lowest, steps)
    best = int(np.argmax(scores))
    ends = np.log(lowest) + 0.5 * np.log(2.0) * np.array([max(0, best - 1), min(steps - 1, best + 1)])
    found, value = float(lowest * 2.0 ** (0.5 * best)), float(scores[best])
    a, b = float(ends[0]), float(ends[1])
    left, right = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    at_left, at_right = (float(score(float(np.exp(place)), 1)[0]) for place in (left, right))
    while b - a > PRECISION:
        if at_left >= at_right:
            b, right, at_right = right, left, at_left
            left = b - _GOLDEN * (b - a)
            at_left = float(score(float(np.exp(left)), 1)[0])
        else:
            a, left, at_left = left, right, at_right
            right = a + _GOLDEN * (b - a)
            at_right = float(score(float(np.exp(right)), 1)[0])
    for place, reached in ((left, at_left), (right, at_right)):
        if reached > value:
            found, value = float(np.exp(place)), reached
    return found


def bandwidth_by(rule: Rule, x: FloatArray, y: FloatArray, weight: FloatArray, cell: float) -> Bandwidth:
    """Bandwidth of a Gaussian kernel by a rule; never below half a cell, the least that a map of cells can show.

    Where a rule cannot speak (no crime, one crime, all on one place), it is half a cell (NaN for no crime), and the
    note says so.

    Parameters
    ----------
    rule : {"scott", "silverman", "cv"}
        ``cv`` searches from half a cell to twice what Scott's rule says or two cells, whichever is more (and up to the
        next power of the square root of 2). Its cost grows with the square of the places: some seconds for 10,000.
    x, y, weight : array of float, shape (n,)
        Known crimes in metres, and their weights.
    cell : float
        Side of a cell, metres.

    Examples
    --------
    >>> bandwidth_by("scott", np.zeros(3), np.zeros(3), np.ones(3), 250.0).metres
    125.0
    """
    use = weight > 0
    x, y, weight = x[use], y[use], weight[use]
    least = 0.5 * cell
    if not x.size:
        return Bandwidth(float("nan"), rule, "no crime of any weight is known: nothing was spread")
    if (x == x[0]).all() and (y == y[0]).all():
        who = "the only crime known says" if x.size == 1 else f"all {x.size} crimes stand on one place, which says"
        note = f"{who} nothing of a bandwidth: half a cell"
        return Bandwidth(least, rule, note)
    reference = normal_reference(x, y, weight)
    if rule != "cv":
        floored = reference < least
        note = f"the rule says {reference:.3g} m, less than half a cell: half a cell" if floored else ""
        return Bandwidth(max(reference, least), rule, note)
    steps = 1 + int(np.ceil(2 * np.log2(max(2 * reference, 2 * cell) / least)))
    highest = least * 2.0 ** (0.5 * (steps - 1))

    def score(lowest: float, steps: int) -> FloatArray:
        return left_out_score(x, y, weight, lowest, steps)

    found = most_likely(score, least, steps)
    end = "lower" if found <= least * (1 + PRECISION) else "upper" if found >= highest * (1 - PRECISION) else "inside"
    note = "" if end == "inside" else f"the likelihood is highest at the {end} end of the range searched"
    more: dict[str, float | str] = {"cv_optimum": end, "cv_lowest": least, "cv_highest": highest}
    return Bandwidth(found, rule, note, more)
