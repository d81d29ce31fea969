"""Would two together be better? What both, one or neither caught, and what half the boxes of each would have caught."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, combinations, zip_longest
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.result import LEAST_CRIMES, LEAST_NIGHTS
from predpol_eval.comparisons.stationary_bootstrap import ratio_interval
from predpol_eval.errors import InputError
from predpol_eval.trial.standings.flagged_arrays import FloatArray, IntArray, check_areas, check_arrays

LEVEL = 0.95
BLOCK = 7.0


class Share(NamedTuple):
    """A ratio with its interval by nights; NaN where none can be told."""

    estimate: float
    low: float
    high: float


_NONE = Share(math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Two forecasters on the nights that both have.

    Attributes
    ----------
    a, b : str
    nights : int
    crimes : float
    both, a_only, b_only, neither : Share
        Of the crimes.
    union_gain : Share
        Crimes that the two together catch beyond the better one, on up to twice the ground.
    jaccard : Share
        Ground flagged by both over ground flagged by either.
    mixture : Share
        Hit rate of one map with half the boxes of each, of the usual budget.
    mixture_gain : Share
        That less the hit rate of the better one, on the same nights.
    mixture_nights : int
        Nights on which the order of both is known.
    """

    a: str
    b: str
    nights: int
    crimes: float
    both: Share
    a_only: Share
    b_only: Share
    neither: Share
    union_gain: Share
    jaccard: Share
    mixture: Share
    mixture_gain: Share
    mixture_nights: int


def together(
    flagged: Mapping[str, npt.ArrayLike],
    crimes: npt.ArrayLike,
    *,
    areas: npt.ArrayLike,
    k: int,
    ranks: Mapping[str, npt.ArrayLike] | None = None,
    ground: npt.ArrayLike | None = None,
    seed: int = 0,
    draws: int = 999,
) -> tuple[Together, ...]:
    """Look at every pair.

    Parameters
    ----------
    flagged : mapping of str to array, shape (nights, kinds, cells)
        Share of each cell that each forecaster flags; NaN where it has nothing for that night and kind. Ties should
        have been settled by one order for all, so that shares are 0 or 1; parts of cells (a vendor's own boxes) are
        taken to overlap as far as they can.
    crimes : array of the same shape
    areas : array of int, shape (cells,)
        Code of the area of each cell; below 0 a cell of none.
    k : int
        Boxes per area and kind.
    ranks : mapping of str to array of the same shape, optional
        Rank of each cell within its area, 1 the first; NaN or 0 for a cell that was not ranked. Whoever has none cannot
        be mixed.
    ground : array, shape (cells,), optional
        Area of each cell, in m2; default: all alike.
    seed, draws : int
        Of nights, in blocks of a week.

    Returns
    -------
    tuple of Together
        For every two, in the order given.

    Raises
    ------
    InputError
        If arrays do not fit each other.

    Notes
    -----
    The mixture takes boxes in turn, the first of one, the first of the other, the second of the one, and so on, leaving
    out what is taken already, until there are k in an area: half of each where they share none. It is the mean over who
    begins. It knows nothing of the crimes, so it could have been used.

    Intervals (95 %) are by nights, as in the league. The better one of two is known only afterwards; so the interval of
    a gain over it runs from the lesser lower end to the lesser upper end of the gains over each, both of level 97.5 %.
    """
    names = tuple(flagged)
    arrays: dict[str, FloatArray] = {}
    counts: FloatArray = np.empty(0)
    for name in names:
        arrays[name], counts = check_arrays(flagged[name], crimes, name)
    if len(names) < 2:
        return ()
    cells = counts.shape[-1]
    codes = check_areas(areas, cells)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise InputError(f"k={k!r}; give the number of boxes per area and kind, a whole number of at least 1.")
    size = np.ones(cells) if ground is None else np.asarray(ground, dtype=np.float64)
    if size.shape != (cells,) or not (size >= 0).all():
        raise InputError(f"ground has shape {size.shape}; give the area of each of {cells:,} cells, 0 or more.")
    order = {name: _order(name, given, counts.shape) for name, given in (ranks or {}).items()}
    told = ~np.isnan(counts).any(axis=-1)
    here = {name: np.asarray(told & ~np.isnan(values).any(axis=-1)) for name, values in arrays.items()}
    drawing = _Drawing(seed, draws)
    made = []
    for a, b in combinations(names, 2):
        usable = np.logical_and(here[a], here[b])
        mixed = None
        if a in order and b in order:
            mixed = _mixed(order[a], order[b], counts, usable, codes, int(k))
        made.append(_pair(a, b, arrays[a], arrays[b], usable, counts, size, mixed, drawing))
    return tuple(made)


class _Drawing(NamedTuple):
    seed: int
    draws: int

    def share(self, d: FloatArray, n: FloatArray, level: float = LEVEL, least: float = 0.0) -> Share:
        """A ratio and its interval, none where too little happened."""
        if not n.sum() > 0:
            return _NONE
        estimate = float(d.sum() / n.sum())
        if int((np.abs(d) > 1e-9).sum()) < LEAST_NIGHTS or float(n.sum()) < LEAST_CRIMES:
            return Share(estimate, math.nan, math.nan)
        block = min(BLOCK, float(max(1.0, np.ceil(len(d) / 3))))
        found = ratio_interval(d, n, alpha=1 - level, resamples=self.draws, seed=self.seed, block=block, p_value=False)
        return Share(estimate, *(float(np.clip(end, least, 1.0)) for end in (found.low, found.high)))

    def gain(self, over_a: FloatArray, over_b: FloatArray, n: FloatArray, least: float) -> Share:
        """Gain over the better of two."""
        one, other = (self.share(d, n, 1 - (1 - LEVEL) / 2, least) for d in (over_a, over_b))
        ends = [one.low, other.low, one.high, other.high]
        if np.isnan(ends).any():
            return Share(min(one.estimate, other.estimate), math.nan, math.nan)
        return Share(min(one.estimate, other.estimate), min(one.low, other.low), min(one.high, other.high))


def _pair(
    a: str,
    b: str,
    first: FloatArray,
    second: FloatArray,
    usable: npt.NDArray[np.bool_],
    crimes: FloatArray,
    ground: FloatArray,
    mixed: FloatArray | None,
    drawing: _Drawing,
) -> Together:
    """One pair; counts are by night, over the kinds that both have."""

    def by_night(values: FloatArray) -> FloatArray:
        kept = np.where(usable, values, 0.0).sum(axis=1)
        return np.asarray(kept[usable.any(axis=1)])

    shared, either = np.minimum(first, second), np.maximum(first, second)
    total = by_night(crimes.sum(axis=-1))
    both = by_night((shared * crimes).sum(axis=-1))
    of_a, of_b = (by_night((mine * crimes).sum(axis=-1)) for mine in (first, second))
    a_only, b_only = of_a - both, of_b - both
    mixture, gain, nights = _NONE, _NONE, 0
    if mixed is not None:
        told = usable & ~np.isnan(mixed)
        some = told.any(axis=1)
        caught, one, other, n = (
            np.where(told, values, 0.0).sum(axis=1)[some]
            for values in (mixed, (first * crimes).sum(axis=-1), (second * crimes).sum(axis=-1), crimes.sum(axis=-1))
        )
        nights = int(some.sum())
        mixture = drawing.share(caught, n)
        gain = drawing.gain(caught - one, caught - other, n, -1.0)
    return Together(
        a=a, b=b, nights=len(total), crimes=float(total.sum()),
        both=drawing.share(both, total), a_only=drawing.share(a_only, total), b_only=drawing.share(b_only, total),
        neither=drawing.share(total - both - a_only - b_only, total),
        # Beyond a there is what b alone caught.
        union_gain=drawing.gain(b_only, a_only, total, 0.0),
        jaccard=drawing.share(by_night(shared @ ground), by_night(either @ ground)),
        mixture=mixture, mixture_gain=gain, mixture_nights=nights,
    )  # fmt: skip


def _order(name: str, given: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    ranks = np.asarray(given, dtype=np.float64)
    if ranks.shape != shape:
        raise InputError(f"The ranks of {name!r} have shape {ranks.shape}, the crimes {shape}; give one for each cell.")
    return ranks


def _mixed(
    first: FloatArray, second: FloatArray, crimes: FloatArray, usable: npt.NDArray[np.bool_], areas: IntArray, k: int
) -> FloatArray:
    """Hits of the mixture by night and kind; NaN where one has no order."""
    hits = np.full(usable.shape, np.nan)
    members = [np.flatnonzero(areas == area) for area in np.unique(areas[areas >= 0])]
    for night, kind in zip(*np.nonzero(usable), strict=True):
        one, other, here = first[night, kind], second[night, kind], crimes[night, kind]
        if not ((one > 0).any() and (other > 0).any()):
            continue
        caught = 0.0
        for cells in members:
            ordered = [_in_order(cells, ranks[cells]) for ranks in (one, other)]
            for mine, theirs in (ordered, ordered[::-1]):
                caught += float(here[taken_in_turn(mine.tolist(), theirs.tolist(), k)].sum()) / 2
        hits[night, kind] = caught
    return hits


def _in_order(cells: IntArray, ranks: FloatArray) -> IntArray:
    """Cells that are ranked, the first one first."""
    ranked = ranks > 0
    return np.asarray(cells[ranked][np.argsort(ranks[ranked], kind="stable")])


def taken_in_turn(first: list[int], second: list[int], k: int) -> list[int]:
    """Boxes of two lists in turn, each once, until there are k.

    Examples
    --------
    >>> taken_in_turn([1, 2, 3], [2, 5, 6], 4)
    [1, 2, 5, 3]
    """
    in_turn = chain.from_iterable(zip_longest(first, second))
    return list(dict.fromkeys(cell for cell in in_turn if cell is not None))[:k]
