"""One planned comparison in plain words: who caught more, by how much, or that the two are not told apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from predpol_eval.report.numbers_told import decimals_for, level_percent, signed

if TYPE_CHECKING:
    from predpol_eval.comparisons.result import Comparison
    from predpol_eval.trial.standings import PairLook


def is_found(pair: PairLook) -> bool:
    """Whether a pair is a finding; held to its interval once more, since nothing worse could be printed by mistake."""
    return pair.found and (pair.comparison.low > 0 or pair.comparison.high < 0)


def found_in_words(pair: PairLook) -> str:
    """Say who caught more; only for a finding, whose interval leaves zero out.

    Parameters
    ----------
    pair : PairLook
        One for which `is_found` says so.

    Returns
    -------
    str
        Without the full stop.
    """
    better, worse = sides(pair)
    estimate, ends = difference(pair)
    # Said in the same breath, so that nobody can quote the one without the other.
    but = "" if pair.holds_under_the_rule else "; but not if the nights missing of either are counted"
    if pair.comparison.metric != "hit_rate":
        metric = pair.comparison.metric.upper()
        return f"{better} did better than {worse}: its {metric} is higher by {estimate}{ends}{but}"
    return (
        f"{better} caught more than {worse}: of every 100 crimes, {estimate} more fell in the boxes of "
        f"{better}{ends}{but}"
    )


def open_in_words(pair: PairLook) -> str:
    """Say that two are not told apart, and what the difference may be; without the full stop."""
    first, second = sides(pair)
    found = pair.comparison
    if not found.n:
        return f"{first} and {second} have no night in common, so that nothing can be said of them"
    if not pair.level > 0:
        return f"{first} and {second} are not told apart: this early the plan allows no finding"
    if not found.enough:
        return f"{first} and {second} are not told apart: they differ on too few nights or crimes to tell"
    estimate, ends = difference(pair)
    if not ends:
        return f"{first} and {second} are not told apart: no interval can be given for the difference"
    what = "of every 100 crimes" if found.metric == "hit_rate" else f"in {found.metric.upper()}"
    return f"{first} and {second} are not told apart: {what} the difference is {estimate}{ends}"


def sides(pair: PairLook) -> tuple[str, str]:
    """Both names, the one with the higher estimate first; in the order of the alphabet where there is none."""
    estimate = pair.comparison.estimate
    if math.isnan(estimate) or estimate == 0:
        first, second = sorted((pair.a, pair.b))
        return first, second
    return (pair.a, pair.b) if estimate > 0 else (pair.b, pair.a)


def difference(pair: PairLook) -> tuple[str, str]:
    """Difference of the one ahead from the other, and its interval in brackets; that is blank where there is none."""
    found = pair.comparison
    turn = -1.0 if found.estimate < 0 else 1.0
    estimate, low, high = _scaled(found, turn)
    if not (math.isfinite(low) and math.isfinite(high) and pair.level > 0):
        return signed(estimate, decimals_for(estimate)), ""
    decimals = decimals_for(estimate, low, high)
    ends = f"{signed(low, decimals)} to {signed(high, decimals)}"
    return signed(estimate, decimals), f" ({level_percent(pair.level)} interval {ends})"


def difference_of(found: Comparison, level: float) -> tuple[str, str]:
    """Difference of the first from the second as it is, with its sign, and the ends of its interval, for a table."""
    estimate, low, high = _scaled(found, 1.0)
    if not (math.isfinite(low) and math.isfinite(high) and level > 0):
        return signed(estimate, decimals_for(estimate), plus=True), ""
    decimals = decimals_for(estimate, low, high)
    ends = f"{signed(low, decimals, plus=True)} to {signed(high, decimals, plus=True)}"
    return signed(estimate, decimals, plus=True), ends


def unit_of(metric: str) -> str:
    """What differences of a metric are counted in."""
    return "points of hit rate" if metric == "hit_rate" else metric.upper()


def _scaled(found: Comparison, turn: float) -> tuple[float, float, float]:
    scale = turn * (100.0 if found.metric == "hit_rate" else 1.0)
    low, high = sorted((scale * found.low, scale * found.high))
    return scale * found.estimate, low, high
