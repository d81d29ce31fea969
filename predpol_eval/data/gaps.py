"""Find the days that were not observed: stretches with far too few crimes to be a quiet time.

A publisher who changes systems leaves months without records. Read as zero crime, they ruin every rate.
The test is a likelihood ratio: under "not recorded" a day holds `STRAY` of its usual number of crimes, under
"recorded" the usual number. Summed over a stretch, the ratio must be larger than chance gives anywhere in the
series.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

STRAY = 0.05  # share of the usual number that may still turn up in a gap
ALMOST_NOTHING = 0.10  # a stretch with a larger share than this is a quiet time, not a gap
CHANCE = 1e-4  # of one false alarm in a series without gaps
_MONTH = 28
_SHORT_ISLAND = 7
_ENOUGH = 200


class Stretch(NamedTuple):
    """Days ``[start, end)`` of a series, the crimes found in them and the number expected."""

    start: int
    end: int
    crimes: int
    expected: float


def find_gaps(counts: npt.ArrayLike, *, weekday: int = 0) -> tuple[Stretch, ...]:
    """Stretches of days that are suspiciously empty.

    Parameters
    ----------
    counts : array of int, shape (days,)
        Crimes of each day, without holes.
    weekday : int
        Day of the week of the first day (0 is Monday): a publisher may record nothing on Sundays.

    Returns
    -------
    tuple of Stretch
        In order of time; empty where the series is too sparse to tell.

    Notes
    -----
    The usual number of a day is first the mean of the whole series, which finds long gaps, then the mean of
    the days around it, which finds short ones in a series that grows or has seasons. Counts that vary more
    than Poisson counts make the test more cautious (the ratio is divided by the dispersion). The threshold is
    that of a sequential likelihood-ratio test (Wald 1945) started on any day.

    Examples
    --------
    >>> counts = [9, 11, 10, 8, 12, 10, 9] * 20
    >>> counts[70:75] = [0] * 5
    >>> [(gap.start, gap.end, gap.crimes) for gap in find_gaps(counts)]
    [(70, 75, 0)]
    """
    numbers = np.asarray(counts, dtype=np.float64)
    if len(numbers) < 2 or numbers.sum() < 10:
        return ()
    days = (np.arange(len(numbers)) + weekday) % 7
    gap = np.zeros(len(numbers), dtype=bool)
    found: list[tuple[int, int]] = []
    for local in (False, True):
        for _ in range(12):
            if gap.all():
                break
            expected = _expected(numbers, days, gap, local)
            spread = _dispersion(numbers, expected, gap, _SHORT_ISLAND if local else _MONTH)
            found = _stretches(numbers, expected, spread)
            again = np.zeros(len(numbers), dtype=bool)
            for start, end in found:
                again[start:end] = True
            if (again == gap).all():
                break
            gap = again
    expected = _expected(numbers, days, gap, True)
    return tuple(
        Stretch(start, end, int(numbers[start:end].sum()), float(expected[start:end].sum())) for start, end in found
    )


def _expected(numbers: FloatArray, days: npt.NDArray[np.int64], gap: BoolArray, local: bool) -> FloatArray:
    """Usual number of every day, from the days outside gaps."""
    good = np.flatnonzero(~gap)
    kept = numbers[good]
    mean = kept.mean()
    shape = np.ones(7)
    if len(good) >= 2 * _MONTH and kept.sum() >= _ENOUGH:
        per_day = np.bincount(days[good], weights=kept, minlength=7) / np.bincount(days[good], minlength=7)
        shape = per_day / mean
    if not local or mean == 0:
        return np.asarray(mean * shape[days], dtype=np.float64)
    half = max(_MONTH, int(np.ceil(_ENOUGH / 2 / mean)))
    total = np.concatenate([[0.0], np.cumsum(kept)])
    first = np.maximum(np.arange(len(kept)) - half, 0)
    last = np.minimum(np.arange(len(kept)) + half + 1, len(kept))
    level = (total[last] - total[first]) / (last - first)
    # Inside a gap the level of its edges is carried across.
    return np.asarray(np.interp(np.arange(len(numbers)), good, level) * shape[days], dtype=np.float64)


def _dispersion(numbers: FloatArray, expected: FloatArray, gap: BoolArray, block: int) -> float:
    """How much more the counts vary than Poisson counts, day by day and in blocks of days; at least 1."""
    kept, usual = numbers[~gap], expected[~gap]
    spread = 1.0
    for length in (1, block):
        blocks = len(kept) // length
        if blocks < 8:
            continue
        observed = kept[: blocks * length].reshape(blocks, length).sum(axis=1)
        mean = usual[: blocks * length].reshape(blocks, length).sum(axis=1)
        some = mean > 0
        if some.sum() > 1:
            ratio = ((observed[some] - mean[some]) ** 2 / mean[some]).sum() / (some.sum() - 1)
            spread = max(spread, float(ratio))
    return spread


def _stretches(numbers: FloatArray, expected: FloatArray, spread: float) -> list[tuple[int, int]]:
    """Stretches whose likelihood ratio beats chance, joined where hardly any day lies between."""
    score = (numbers * np.log(STRAY) + expected * (1.0 - STRAY)) / spread
    threshold = float(np.log(len(numbers) / CHANCE))
    found: list[tuple[int, int]] = []
    begin = end = 0
    total = best = 0.0
    for day, value in enumerate([*score.tolist(), -np.inf]):
        total += value
        if total > best:
            best, end = total, day + 1
        elif total <= 0.0 or best - total > threshold:
            if best > threshold:
                found.append((begin, end))
            begin, total, best = day + 1, 0.0, 0.0
    joined: list[tuple[int, int]] = []
    for start, stop in found:
        if joined and start - joined[-1][1] <= _SHORT_ISLAND and _nearly_empty(numbers, expected, joined[-1][0], stop):
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return [(start, stop) for start, stop in joined if _nearly_empty(numbers, expected, start, stop)]


def _nearly_empty(numbers: FloatArray, expected: FloatArray, start: int, end: int) -> bool:
    return bool(numbers[start:end].sum() <= ALMOST_NOTHING * expected[start:end].sum())
