"""Too good to be true: two rules that ask for an explanation, and never disqualify anybody."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.trial.standings.flagged_arrays import check_areas, check_arrays
from predpol_eval.trial.standings.lower_bounds import Sums, covariance, critical, fieller, poisson_ratio, share_low

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# A submission scored on its night is held against the same one scored so many nights later: the same day of the week.
GAP = 7
# One-sided level of both bounds.
LEVEL = 0.999
TOO_MUCH = 2.0
# Nights summed to one block, over which a night and the one it is held against overlap.
BLOCK = 7
LEAST_BLOCKS = 8
LEAST_HITS = 20

FLAGGED, CLEAR, CANNOT_TELL = "flagged", "not flagged", "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """What one rule says of one submitter.

    Attributes
    ----------
    label : str
    rule : {"placebo date", "hindsight"}
    verdict : {"flagged", "not flagged", "cannot tell"}
    estimate : float
        Ratio of the two hit rates; or the hits.
    low : float
        Its lower bound, one-sided, of level `level`; may be infinite for a ratio.
    threshold : float
        What the bound must exceed: 2; or the hits of the best fixed map.
    level : float
    nights, blocks : int
        Nights and blocks of 7 nights used.
    hits, crimes : float
        On them.
    """

    label: str
    rule: str
    verdict: str
    estimate: float
    low: float
    threshold: float
    level: float
    nights: int
    blocks: int
    hits: float
    crimes: float

    @property
    def flagged(self) -> bool:
        """Whether an explanation should be asked for."""
        return self.verdict == FLAGGED

    def in_words(self) -> str:
        """One sentence."""
        start = f"Too good to be true, by {self.rule}: {self.label}"
        if self.verdict == CANNOT_TELL:
            return (
                f"{start} cannot be told ({self.hits:.4g} hits in {self.blocks} weeks with a usable night; at least "
                f"{LEAST_HITS} hits and {LEAST_BLOCKS} weeks are needed)."
            )
        bound = f"{100 * self.level:g} % lower bound"
        ends = "without limit" if math.isinf(self.low) else f"{self.low:.3g}"
        if self.rule == "placebo date":
            ratio = "many times" if math.isinf(self.estimate) else f"{self.estimate:.3g} times"
            numbers = (
                f"its boxes caught {ratio} the share of crimes on their own night that they caught {GAP} nights later; "
                f"{bound} {ends}, asked about above {TOO_MUCH:g}"
            )
        else:
            numbers = (
                f"{self.estimate:.5g} hits, {bound} {ends}; the best fixed boxes chosen after the trial caught "
                f"{self.threshold:.5g}"
            )
        tail = " This asks for an explanation; it is no proof." if self.flagged else ""
        return f"{start} is {self.verdict} ({numbers}).{tail}"


def suspicions(
    label: str, flagged: npt.ArrayLike, crimes: npt.ArrayLike, *, areas: npt.ArrayLike, k: int
) -> tuple[Suspicion, Suspicion]:
    """Both rules for one submitter; parameters as for `placebo_date` and `hindsight`."""
    return placebo_date(label, flagged, crimes), hindsight(label, flagged, crimes, areas=areas, k=k)


def placebo_date(label: str, flagged: npt.ArrayLike, crimes: npt.ArrayLike) -> Suspicion:
    """Score the same submissions on their night and 7 nights later.

    Parameters
    ----------
    label : str
    flagged : array, shape (nights, kinds, cells)
        Share of each cell that is flagged. One row for every night of the trial in its order, void ones too; NaN where
        nothing was submitted, or a night counts for nobody.
    crimes : array of the same shape
        Crimes, settled; NaN where a night counts for nobody.

    Returns
    -------
    Suspicion
        Flagged if the 99.9 % lower bound of the ratio of hit rates exceeds 2.

    Raises
    ------
    InputError
        If the arrays do not fit each other, or hold what is no share or no count.

    Notes
    -----
    The ratio is (sum a / sum n) / (sum b / sum m): hits and crimes of each night t, and of its boxes on night t + 7,
    over nights and kinds for which both are known. The bound is Fieller's, from sums over blocks of 7 nights, with
    Student's t of one less than the number of blocks; it needs no division by few hits, and is infinite where boxes
    caught nothing at all 7 nights later. The crimes of a night count for itself in one block and against the night 7
    before in the block before, so neighbouring blocks depend on each other in a way that makes the variance too large,
    never too small. The bound is never above that of a share of two Poisson counts (Clopper and Pearson), which is what
    remains where blocks happen to agree. With fewer than 8 blocks, or 20 hits, it cannot be told.

    A map that lives on crimes of the last two or three days, where crimes do follow each other so quickly, may rightly
    catch more than twice as much on its own night. The rule asks; it does not judge.

    References
    ----------
    Fieller 1954, Journal of the Royal Statistical Society B 16; Clopper and Pearson 1934, Biometrika 26.
    """
    shares, counts = check_arrays(flagged, crimes)
    if len(shares) <= GAP:
        return _unknown(label, "placebo date", TOO_MUCH, 0, 0, 0.0, 0.0)
    now, then = shares[:-GAP], counts[GAP:]
    usable = _known(now) & _known(counts[:-GAP]) & _known(then)
    sums = [
        _blocks(values, usable)
        for values in (
            _dot(now, counts[:-GAP]), counts[:-GAP].sum(axis=-1), _dot(now, then), then.sum(axis=-1),
        )
    ]  # fmt: skip
    a, n, b, m = sums
    found = Sums(a, n), Sums(b, m)
    nights, hits, total = int(usable.any(axis=1).sum()), float(a.sum()), float(n.sum())
    if len(a) < LEAST_BLOCKS or hits < LEAST_HITS or not m.sum() > 0:
        return _unknown(label, "placebo date", TOO_MUCH, nights, len(a), hits, total)
    rate, later = found[0].rate, found[1].rate
    low = min(fieller(*found, LEVEL), poisson_ratio(hits, total, float(b.sum()), float(m.sum()), LEVEL))
    return Suspicion(
        label=label, rule="placebo date", verdict=FLAGGED if low > TOO_MUCH else CLEAR,
        estimate=rate / later if later > 0 else math.inf, low=low, threshold=TOO_MUCH, level=LEVEL, nights=nights,
        blocks=len(a), hits=hits, crimes=total,
    )  # fmt: skip


def hindsight(label: str, flagged: npt.ArrayLike, crimes: npt.ArrayLike, *, areas: npt.ArrayLike, k: int) -> Suspicion:
    """Hold what was caught against the best boxes that could have been fixed for the whole trial, knowing its crimes.

    Parameters
    ----------
    label, flagged, crimes
        As for `placebo_date`.
    areas : array of int, shape (cells,)
        Code of the area of each cell; below 0 a cell of none.
    k : int
        Boxes per area and kind.

    Returns
    -------
    Suspicion
        Flagged if the 99.9 % lower bound of the hits exceeds the hits of the best fixed map.

    Raises
    ------
    InputError
        As `placebo_date`.

    Notes
    -----
    The best fixed map flags, for each kind and area, the k cells in which most crimes happened, on the nights for which
    the submitter's boxes are known. The bound is of the crimes of these nights times the lower bound of the hit rate:
    from sums over blocks of 7 nights, with Student's t of one less than their number, and never above that of a share
    (Clopper and Pearson). With fewer than 8 blocks, or 20 hits, it cannot be told.

    Where risk moves from place to place within weeks, a good map may rightly beat any fixed one. In simulated towns in
    which each crime brings .35 more within days, none of 3,750 honest submitters is flagged, by either rule; where it
    brings .5, this rule flags 2 or 3 of 100 who know the very rate that crimes are drawn from, and where it brings .6
    within shorter days, most of these and one count map of ten. The placebo date flags none of them. So a flag by this
    rule alone is a weaker question than one by both. The rule asks; it does not judge.

    References
    ----------
    Clopper and Pearson 1934, Biometrika 26.
    """
    shares, counts = check_arrays(flagged, crimes)
    codes = check_areas(areas, shares.shape[-1])
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise InputError(f"k={k!r}; give the number of boxes per area and kind, a whole number of at least 1.")
    usable = _known(shares) & _known(counts)
    best = best_fixed(counts, usable, codes, int(k))
    a, n = _blocks(_dot(shares, counts), usable), _blocks(counts.sum(axis=-1), usable)
    nights, hits, total = int(usable.any(axis=1).sum()), float(a.sum()), float(n.sum())
    if len(a) < LEAST_BLOCKS or hits < LEAST_HITS:
        return _unknown(label, "hindsight", best, nights, len(a), hits, total)
    rate = Sums(a, n)
    reach = critical(len(a), LEVEL) * math.sqrt(covariance(rate.strays, rate.strays))
    low = total * min(max(0.0, rate.rate - reach), share_low(hits, total - hits, LEVEL))
    return Suspicion(
        label=label, rule="hindsight", verdict=FLAGGED if low > best else CLEAR, estimate=hits, low=low,
        threshold=best, level=LEVEL, nights=nights, blocks=len(a), hits=hits, crimes=total,
    )  # fmt: skip


def best_fixed(crimes: FloatArray, usable: npt.NDArray[np.bool_], areas: IntArray, k: int) -> float:
    """Hits of the best map that stays the same: for each kind and area the k cells with most crimes.

    Parameters
    ----------
    crimes : array, shape (nights, kinds, cells)
    usable : array of bool, shape (nights, kinds)
    areas : array of int, shape (cells,)
    k : int

    Examples
    --------
    >>> crimes = np.array([[[1.0, 0.0, 2.0]], [[0.0, 3.0, 0.0]]])
    >>> best_fixed(crimes, np.ones((2, 1), dtype=bool), np.zeros(3, dtype=np.int64), 1)
    3.0
    """
    total = 0.0
    for kind in range(crimes.shape[1]):
        by_cell = crimes[usable[:, kind], kind].sum(axis=0)
        for area in np.unique(areas[areas >= 0]):
            total += float(np.sort(by_cell[areas == area])[::-1][:k].sum())
    return total


def _known(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Nights and kinds of which all cells are known."""
    return np.asarray(~np.isnan(values).any(axis=-1))


def _dot(shares: FloatArray, counts: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("tkc,tkc->tk", shares, counts))


def _blocks(values: FloatArray, usable: npt.NDArray[np.bool_]) -> FloatArray:
    """Sums over blocks of nights, those without a usable night left out."""
    nights = len(values)
    block = np.arange(nights) // BLOCK
    sums = np.bincount(block, np.where(usable, values, 0.0).sum(axis=1))
    some = np.bincount(block, usable.any(axis=1)) > 0
    return np.asarray(sums[some], dtype=np.float64)


def _unknown(
    label: str, rule: str, threshold: float, nights: int, blocks: int, hits: float, crimes: float
) -> Suspicion:
    return Suspicion(
        label=label, rule=rule, verdict=CANNOT_TELL, estimate=math.nan, low=math.nan, threshold=threshold, level=LEVEL,
        nights=nights, blocks=blocks, hits=hits, crimes=crimes,
    )  # fmt: skip
