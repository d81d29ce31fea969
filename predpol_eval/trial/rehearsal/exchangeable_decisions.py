"""The plan's test at all its looks, from hits and crimes by night alone: the decisions of `standings.look`, sooner.

`look` turns every p-value into the least alpha of the whole trial with which it would be a finding, and corrects these.
A p-value that allows for the looks is at most a share of alpha just where the p-value of the look itself is at most the
level that this share has there. So it is enough to hold the p-values of a look, step by step, against such levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.long_run import default_lags, studentised_ratio
from predpol_eval.comparisons.missing_nights import on_common_nights, settled
from predpol_eval.comparisons.result import LEAST_CRIMES, LEAST_NIGHTS
from predpol_eval.comparisons.sign_flips import flip_interval
from predpol_eval.comparisons.stationary_bootstrap import ratio_interval
from predpol_eval.trial.rehearsal.exchangeable import Rehearsal
from predpol_eval.trial.standings.levels import nominal

if TYPE_CHECKING:
    from predpol_eval.trial.plan.planned_test import PlannedTest

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
# A night counts as one on which two differ beyond rounding, as in a comparison.
_APART = 1e-9


class LooksFound(NamedTuple):
    """What the test found at each look, for each pair.

    Attributes
    ----------
    estimate : array of float, shape (looks, pairs)
        Difference of the pooled hit rates.
    p : array of float, shape (looks, pairs)
        Of the look by itself; NaN where there is too little to tell.
    found : array of bool, shape (looks, pairs)
    """

    estimate: FloatArray
    p: FloatArray
    found: BoolArray


def decide_looks(rehearsal: Rehearsal, labels: Sequence[str], test: PlannedTest, seed: int) -> LooksFound:
    """Test all pairs of a plan at all its looks.

    Parameters
    ----------
    rehearsal : Rehearsal
    labels : sequence of str
        Of the rows of its hits.
    test : PlannedTest
        The last of its looks is after all nights.
    seed : int
        Of bootstrap and sign flips: the plan's.
    """
    shape = len(test.looks), len(test.pairs)
    estimate, p, found = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    for number, nights in enumerate(test.looks):
        for place, (a, b) in enumerate(test.pairs):
            d, n = differences(rehearsal, labels.index(a), labels.index(b), nights)
            estimate[number, place], p[number, place] = _tested(d, n, test, seed)
        found[number] = findings(p[number], step_levels(test, number), test)
    return LooksFound(estimate, p, found)


def differences(rehearsal: Rehearsal, a: int, b: int, nights: int) -> tuple[FloatArray, FloatArray]:
    """Hits of `a` less those of `b`, and crimes, on those of the first nights that both have.

    Crimes that are spread over several nights count once, on the last that both have.
    """
    plain = [{"hits": rehearsal.hits[side, :nights], "events": rehearsal.events[:nights]} for side in (a, b)]
    here = [~np.isnan(part["hits"]) for part in plain]
    both = here[0] & here[1]
    if rehearsal.once is None:
        return (plain[0]["hits"] - plain[1]["hits"])[both], plain[0]["events"][both]
    caught, events = rehearsal.once
    once = [{"hits": caught[side, :nights], "events": events[side, :nights]} for side in (a, b)]
    left, right = (on_common_nights(once[side], plain[side], here[side], both) for side in (0, 1))
    shared = settled(left["events"], right["events"], both)
    return (left["hits"] - right["hits"])[both], shared[both]


def _tested(d: FloatArray, n: FloatArray, test: PlannedTest, seed: int) -> tuple[float, float]:
    """Estimate and p-value; NaN where too few nights or crimes differ to tell."""
    apart = np.abs(d)
    if int((apart > _APART).sum()) < LEAST_NIGHTS or float(apart.sum()) < LEAST_CRIMES - _APART:
        total = float(n.sum())
        return (float(d.sum()) / total if total > 0 else np.nan), np.nan
    if test.method == "dm":
        ratio = studentised_ratio(d, n, alpha=test.alpha, lags=default_lags(len(d)))
        return ratio.estimate, ratio.p
    if test.method == "bootstrap":
        drawn = ratio_interval(d, n, alpha=test.alpha, resamples=test.draws, seed=seed)
        return drawn.estimate, drawn.p
    flipped = flip_interval(d, n, alpha=test.alpha, flips=test.draws, seed=seed)
    return flipped.estimate, flipped.p


def step_levels(test: PlannedTest, number: int, *, spent: bool = True) -> FloatArray:
    """Levels that the p-values of a look meet, from the smallest up.

    Parameters
    ----------
    test : PlannedTest
    number : int
        Of the look, from 0.
    spent : bool
        False: as if this look were the only one.

    Examples
    --------
    >>> from predpol_eval.trial.plan.planned_test import PlannedTest
    >>> test = PlannedTest(
    ...     metric="hit_rate", method="dm", alpha=0.05, spending="obrien_fleming", looks=(61, 122, 184),
    ...     pairs=(("A", "B"), ("A", "C"), ("B", "C")), correction="holm", missing="zero", rho=50.0, draws=9999,
    ...     floor=None, ties="expected",
    ... )
    >>> step_levels(test, 2).round(4).tolist()
    [0.0159, 0.0236, 0.0463]
    """
    pairs = len(test.pairs)
    rank = np.arange(1.0, pairs + 1)
    if test.correction == "holm":
        shares = np.asarray(test.alpha / (pairs - rank + 1))
    else:
        shares = test.alpha * rank / (pairs * (float((1 / rank).sum()) if test.correction == "by" else 1.0))
    if not spent:
        return np.asarray(shares, dtype=np.float64)
    counts, total = test.looks[: number + 1], test.looks[-1]
    return np.array([nominal(counts, total, float(share), test.spending) for share in shares])


def findings(p: FloatArray, levels: FloatArray, test: PlannedTest) -> BoolArray:
    """Decide which pairs are findings at one look.

    Parameters
    ----------
    p : array of float, shape (pairs,)
        NaN, too little to tell, is never a finding.
    levels : array of float, shape (pairs,)
        Of each step; a level of 0, or finer than the draws of the test, finds nothing.
    test : PlannedTest

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> holm, bh = (SimpleNamespace(correction=name, method="dm", draws=99) for name in ("holm", "bh"))
    >>> findings(np.array([0.03, 0.01, np.nan]), np.array([0.0167, 0.025, 0.05]), holm).tolist()
    [False, True, False]
    >>> findings(np.array([0.03, 0.02, np.nan]), np.array([0.0167, 0.0333, 0.05]), bh).tolist()
    [True, True, False]
    """
    order = np.argsort(np.where(np.isnan(p), np.inf, p), kind="stable")
    # A comparison with NaN is false, as wanted.
    passed = p[order] <= levels
    if test.correction == "holm":
        many = int(np.cumprod(passed).sum())
    else:
        many = int(np.flatnonzero(passed).max(initial=-1)) + 1
    finest = 0.0 if test.method == "dm" else 1 / (1 + test.draws)
    found = np.zeros(len(p), dtype=bool)
    # Interval and finding are at one level: of Holm each at its own step, of the others all at the last.
    used = levels[:many] if test.correction == "holm" else np.full(many, levels[many - 1] if many else 0.0)
    found[order[:many]] = (used > 0) & (used * (1 + 1e-12) >= finest)
    return found
