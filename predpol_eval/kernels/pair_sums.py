"""What earlier crimes nearby add to the rate at each crime, by a list of close pairs: one exp a pair."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.pairs import Pairs
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

# Crimes whose pairs are added up side by side: what they need stays in the nearest cache.
SIDE_BY_SIDE = 256
# Crimes are sorted within so many (a multiple of these), so that those side by side are not far apart in memory.
_TOGETHER = 4096
# exp(-x) is (exp(-x/128))^128, by a polynomial of the eighth degree: all of it multiplications and additions, which the
# processor does four at a time. It errs by less than 1e-16, that is 4e-14 of exp(-x) at x = 10, 2e-11 at 20 and 1e-7
# at 60; beyond `_DEEPEST` it stays where it is, at 1e-39.
_DEEPEST = 90.0
# Weights of a pair by u = omega x days and v = d^2/(2 sigma^2).
ORDERS = ("1", "u", "v", "u^2", "v^2", "u v")


class PairRows(NamedTuple):
    """Pairs in rows: the first pair of each of some crimes, then their second, and so on.

    Some thousand crimes at a time are taken in order of the number of their pairs, the most first, so that every row
    has as many of them as the one above, or fewer. A sum over the pairs of every crime then runs along the rows, many
    crimes at once (jagged diagonals: Saad 1989), each in the order of its pairs.

    Attributes
    ----------
    crimes : ndarray of int64, shape (n,)
        All crimes, in that order.
    slices : ndarray of int64, shape (s + 1,)
        The rows of crimes ``256 k`` to ``256 (k + 1)`` of that order are those from ``slices[k]`` to ``slices[k + 1]``.
    rows : ndarray of int64
        The pairs of row r are those from ``rows[r]`` to ``rows[r + 1]``.
    days, square : ndarray of float64, shape (pairs,)
        See `Pairs`.
    """

    crimes: IntArray
    slices: IntArray
    rows: IntArray
    days: FloatArray
    square: FloatArray


@njit(cache=True, error_model="numpy")
def _in_rows(
    offsets: IntArray,
    days: FloatArray,
    square: FloatArray,
    width: int,
    together: int,
    out_days: FloatArray,
    out_square: FloatArray,
) -> tuple[IntArray, IntArray, IntArray]:  # pragma: no cover - compiled
    n = offsets.size - 1
    most = 0
    for j in range(n):
        most = max(most, offsets[j + 1] - offsets[j])
    # By the number of pairs, the most first: a counting sort of one neighbourhood after the other.
    place = np.empty(most + 2, np.int64)
    crimes = np.empty(n, np.int64)
    for begin in range(0, n, together):
        stop = min(n, begin + together)
        here = 0
        for j in range(begin, stop):
            here = max(here, offsets[j + 1] - offsets[j])
        place[: here + 2] = 0
        for j in range(begin, stop):
            place[here - (offsets[j + 1] - offsets[j]) + 1] += 1
        place[0] = begin
        for number in range(here + 1):
            place[number + 1] += place[number]
        for j in range(begin, stop):
            at = here - (offsets[j + 1] - offsets[j])
            crimes[place[at]] = j
            place[at] += 1
    count = (n + width - 1) // width
    slices = np.zeros(count + 1, np.int64)
    for k in range(count):
        first = crimes[k * width]
        slices[k + 1] = slices[k] + offsets[first + 1] - offsets[first]
    rows = np.zeros(slices[count] + 1, np.int64)
    for k in range(count):
        stop = min(n, (k + 1) * width)
        longest = slices[k + 1] - slices[k]
        # How many of these crimes have a pair in each row.
        at = stop
        for row in range(longest):
            while offsets[crimes[at - 1] + 1] - offsets[crimes[at - 1]] <= row:
                at -= 1
            rows[slices[k] + row + 1] = rows[slices[k] + row] + at - k * width
        for q in range(stop - k * width):
            first = offsets[crimes[k * width + q]]
            for row in range(offsets[crimes[k * width + q] + 1] - first):
                to = rows[slices[k] + row] + q
                out_days[to] = days[first + row]
                out_square[to] = square[first + row]
    return crimes, slices, rows


def in_rows(pairs: Pairs) -> PairRows:
    """Lay a list of pairs out in rows, for sums at more than one omega or sigma.

    Parameters
    ----------
    pairs : Pairs

    Returns
    -------
    PairRows

    References
    ----------
    Saad, Y. (1989). Krylov subspace methods on supercomputers. SIAM J. Sci. Stat. Comput. 10, 1200-1232.

    Examples
    --------
    >>> from predpol_eval.kernels.pairs import close_pairs
    >>> rows = in_rows(close_pairs([0.0, 3.0, 3.0], [0.0, 4.0, 0.0], [0.0, 2.0, 3.0], 10.0, 10.0))
    >>> rows.crimes.tolist(), rows.rows.tolist(), rows.days.tolist()
    ([2, 1, 0], [0, 2, 3], [3.0, 2.0, 1.0])
    """
    # Made here, not in the loop: numpy asks for large pages of memory, that are read faster.
    days, square = np.empty(pairs.days.size), np.empty(pairs.days.size)
    widths = (SIDE_BY_SIDE, _TOGETHER)
    crimes, slices, rows = _in_rows(pairs.offsets, pairs.days, pairs.square, *widths, days, square)
    return PairRows(integers(crimes), integers(slices), integers(rows), floats(days), floats(square))


# Contracted: a product that is added is rounded once instead of twice, where the processor can.
@njit(cache=True, error_model="numpy", fastmath={"contract"}, inline="always")
def _power(z: float) -> float:  # pragma: no cover - compiled
    """What exp(z)^128 is for z from -0.71 to 0."""
    p = 1.0 / 5040.0 + z * (1.0 / 40320.0)
    p = 1.0 / 720.0 + z * p
    p = 1.0 / 120.0 + z * p
    p = 1.0 / 24.0 + z * p
    p = 1.0 / 6.0 + z * p
    p = 0.5 + z * p
    p = 1.0 + z * p
    p = 1.0 + z * p
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    return p * p


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def _add_row(
    days: FloatArray, square: FloatArray, by_u: float, by_v: float, s0: FloatArray, su: FloatArray, sv: FloatArray
) -> None:  # pragma: no cover - compiled
    """Add e, e times the days, and e times the squared distance; `by_u` and `by_v` are -1/128 of omega and scale."""
    for q in range(days.size):
        e = _power(max(by_u * days[q] + by_v * square[q], -_DEEPEST / 128.0))
        s0[q] += e
        su[q] += e * days[q]
        sv[q] += e * square[q]


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def _add_row_in_second(
    days: FloatArray,
    square: FloatArray,
    by_u: float,
    by_v: float,
    suu: FloatArray,
    svv: FloatArray,
    suv: FloatArray,
) -> None:  # pragma: no cover - compiled
    for q in range(days.size):
        e = _power(max(by_u * days[q] + by_v * square[q], -_DEEPEST / 128.0))
        eu = e * days[q]
        ev = e * square[q]
        suu[q] += eu * days[q]
        svv[q] += ev * square[q]
        suv[q] += eu * square[q]


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def _share_out(
    s0: FloatArray,
    su: FloatArray,
    sv: FloatArray,
    kernel: float,
    mu: FloatArray,
    counts: FloatArray,
    repeats: FloatArray,
    u: FloatArray,
    v: FloatArray,
) -> None:  # pragma: no cover - compiled
    for q in range(mu.size):
        inverse = 1.0 / (mu[q] + kernel * s0[q])
        mu[q] *= inverse
        share = kernel * inverse * counts[q]
        repeats[q] += share * s0[q]
        u[q] += share * su[q]
        v[q] += share * sv[q]


@njit(cache=True, error_model="numpy")
def _pair_sums(
    crimes: IntArray,
    slices: IntArray,
    rows: IntArray,
    days: FloatArray,
    square: FloatArray,
    omega: float,
    sigma: float,
    second: bool,
    width: int,
) -> FloatArray:  # pragma: no cover - compiled
    n = crimes.size
    out = np.zeros((6 if second else 3, n))
    held = np.empty((6, width))
    s0, su, sv, suu, svv, suv = held[0], held[1], held[2], held[3], held[4], held[5]
    scale = 0.5 / (sigma * sigma)
    by = (omega / -128.0, scale / -128.0)
    units = (1.0, omega, scale, omega * omega, scale * scale, omega * scale)
    for k in range(slices.size - 1):
        held[:] = 0.0
        for row in range(slices[k], slices[k + 1]):
            days_here = days[rows[row] : rows[row + 1]]
            square_here = square[rows[row] : rows[row + 1]]
            _add_row(days_here, square_here, by[0], by[1], s0, su, sv)
            if second:
                _add_row_in_second(days_here, square_here, by[0], by[1], suu, svv, suv)
        which = crimes[k * width : min(n, (k + 1) * width)]
        for order in range(out.shape[0]):
            unit = units[order]
            for q in range(which.size):
                out[order, which[q]] = unit * held[order, q]
    return out


def pair_sums(pairs: Pairs | PairRows, omega: float, sigma: float, *, second: bool = False) -> FloatArray:
    """Sum ``exp(-u - v)``, and that times u and v, over the pairs of each crime.

    u is omega times the days between the two, v the squared distance over 2 sigma^2. Serial, in a fixed order: the
    result is the same to the bit whatever the number of threads.

    Parameters
    ----------
    pairs : Pairs or PairRows
        A list is laid out in rows first.
    omega : float
        Decay per day, above 0.
    sigma : float
        Spread in each direction, metres; above 0.
    second : bool
        Also times u^2, v^2 and u v.

    Returns
    -------
    ndarray of float64, shape (3, n) or (6, n)
        In the order of `ORDERS`.

    Examples
    --------
    >>> from predpol_eval.kernels.pairs import close_pairs
    >>> pairs = close_pairs([0.0, 3.0], [0.0, 4.0], [0.0, 2.0], 10.0, 10.0)
    >>> pair_sums(pairs, 0.5, 5.0).round(6).tolist()
    [[0.0, 0.22313], [0.0, 0.22313], [0.0, 0.111565]]
    """
    rows = in_rows(pairs) if isinstance(pairs, Pairs) else pairs
    return np.asarray(_pair_sums(*rows, float(omega), float(sigma), bool(second), SIDE_BY_SIDE))


@njit(cache=True, error_model="numpy")
def _pair_expectation(
    crimes: IntArray,
    slices: IntArray,
    rows: IntArray,
    days: FloatArray,
    square: FloatArray,
    omega: float,
    sigma: float,
    kernel: float,
    mu: FloatArray,
    receives: IntArray,
    width: int,
) -> tuple[FloatArray, float, float, float]:  # pragma: no cover - compiled
    n = crimes.size
    alone = np.empty(n)
    held = np.empty((3, width))
    s0, su, sv = held[0], held[1], held[2]
    # Sums over the crimes, one beside the other; added up at last.
    totals = np.zeros((3, width))
    base = np.empty(width)
    counts = np.ones(width)
    scale = 0.5 / (sigma * sigma)
    by_u = omega / -128.0
    by_v = scale / -128.0
    for k in range(slices.size - 1):
        held[:] = 0.0
        for row in range(slices[k], slices[k + 1]):
            days_here = days[rows[row] : rows[row + 1]]
            _add_row(days_here, square[rows[row] : rows[row + 1]], by_u, by_v, s0, su, sv)
        which = crimes[k * width : min(n, (k + 1) * width)]
        size = which.size
        for q in range(size):
            base[q] = mu[which[q]]
        if receives.size > 0:
            # Of a crime that does not count only p_jj is wanted.
            for q in range(size):
                counts[q] = 1.0 if receives[which[q]] != 0 else 0.0
        _share_out(s0, su, sv, kernel, base[:size], counts, totals[0], totals[1], totals[2])
        for q in range(size):
            alone[which[q]] = base[q]
    return alone, totals[0].sum(), omega * totals[1].sum(), scale * totals[2].sum()


def pair_expectation(
    pairs: Pairs | PairRows,
    omega: float,
    sigma: float,
    kernel: float,
    mu: npt.ArrayLike,
    receives: npt.ArrayLike | None = None,
) -> tuple[FloatArray, float, float, float]:
    """Sum the probabilities that each crime repeats each earlier one: the E step.

    Parameters
    ----------
    pairs : Pairs or PairRows
    omega : float
        Decay per day, above 0.
    sigma : float
        Spread in each direction, metres; above 0.
    kernel : float
        What a crime adds at its own place and moment: theta omega/(2 pi sigma^2).
    mu : array_like of float, shape (n,)
        Background rate at each crime, above 0.
    receives : array_like of int, shape (n,), optional
        1 where a crime counts; all do if it is left out.

    Returns
    -------
    alone : ndarray of float64, shape (n,)
        p_jj.
    repeats, u, v : float
        Sum of p_ij over all pairs, and of p_ij u and p_ij v, with u and v as in `pair_sums`.

    Examples
    --------
    >>> from predpol_eval.kernels.pairs import close_pairs
    >>> pairs = close_pairs([0.0, 3.0], [0.0, 4.0], [0.0, 2.0], 10.0, 10.0)
    >>> alone, *sums = pair_expectation(pairs, 0.5, 5.0, 1.0, [0.1, 0.22313016])
    >>> alone.round(6).tolist(), [round(value, 6) for value in sums]
    ([1.0, 0.5], [0.5, 0.5, 0.25])
    """
    rows = in_rows(pairs) if isinstance(pairs, Pairs) else pairs
    by = (float(omega), float(sigma), float(kernel), floats(mu), integers([] if receives is None else receives))
    alone, repeats, u, v = _pair_expectation(*rows, *by, SIDE_BY_SIDE)
    return alone, float(repeats), float(u), float(v)
