"""The test that the plan declared, at the looks that it declared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.comparisons.pooled_difference import compare
from predpol_eval.comparisons.result import Comparison
from predpol_eval.errors import InputError
from predpol_eval.trial.standings.levels import judged_levels, nominal, p_over_looks
from predpol_eval.trial.standings.look_found import Look, PairLook
from predpol_eval.trial.standings.settled_nights import SettledNights, pooled, settled_nights

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.trial.plan.plan import TrialPlan

ALL_KINDS = "all kinds"


def look(
    tally: xr.Dataset,
    plan: TrialPlan,
    number: int,
    *,
    earlier: Sequence[int] | None = None,
    void: Iterable[str] = (),
    at: datetime | None = None,
) -> Look:
    """Make the plan's test at one of its looks.

    Parameters
    ----------
    tally : xarray.Dataset
        Settled nights, over (forecaster, kind, area, budget, window), one budget.
    plan : TrialPlan
    number : int
        From 1: which of ``plan.test.looks``.
    earlier : sequence of int, optional
        Numbers of settled nights at the looks that were in fact taken before. Default: as planned.
    void : iterable of str
        Nights declared void. They are not settled nights; the last look is made when all others have settled, with as
        many as there are.
    at : datetime, optional
        Moment of the look: a night that settles later is not used.

    Returns
    -------
    Look

    Raises
    ------
    InputError
        If the look is not one of the plan's, or its nights have not settled.
    NotComparableError
        If the forecasters were not tallied alike.

    Notes
    -----
    Why alpha is kept over all pairs and looks: each p-value is first turned into the least alpha of the whole trial
    with which it would be a finding at this look, given the looks taken (`p_over_looks`). That is a valid p-value
    whichever looks are taken, as long as their times do not depend on the results. These go into the correction over
    all pairs of the plan, those with too little to tell counted as 1. Taking the least over looks of each would only
    reject more, and would still be p-values; so Holm at every look together is wrong anywhere, over all pairs and
    looks, with chance alpha at most, however pairs depend on each other. With ``"bh"`` and ``"by"`` what is kept at a
    look is the expected share of false findings among its findings, and the chance of any where nothing differs.

    Dividing the level of the look by the number of pairs would not do: small levels at several looks overlap less, and
    add up to more than their share.

    The information is counted in nights. Should nights be void, the last look is at a share below 1 and spends a little
    less than alpha.

    A finding is decided on the nights that both have. What comes out when a missing night counts as the plan says
    stands beside it, at the same level, and ``holds_under_the_rule`` tells whether the two agree.

    Single kinds have intervals at the level of one comparison among all pairs and kinds, as the power of the plan is
    told; they are exploratory, and never findings.

    References
    ----------
    Lan and DeMets 1983; Holm 1979; Liu and Anderson 2008; Maurer and Bretz 2013.
    """
    nights = settled_nights(tally, plan, void=void, at=at)
    here, last, index = _nights_of(nights, plan, number)
    count = len(here.names)
    total = len(plan.nights)
    before = _earlier(plan, index, earlier, count)
    counts = (*before, count)
    test = plan.test
    level = nominal(counts, total, test.alpha, test.spending)
    together = pooled(here.tally, ("kind", "area"))
    pairs = _tested(here, together, plan, counts)
    by_kind: list[PairLook] = []
    if len(here.kinds) > 1 and test.pairs:
        shared = nominal(counts, total, test.alpha / (len(test.pairs) * len(here.kinds)), test.spending)
        by_area = pooled(here.tally, ("area",))
        for kind in here.kinds:
            of_kind = by_area.sel(kind=kind, drop=True)
            for a, b in test.pairs:
                found = _compared(here, of_kind, plan, a, b, shared)
                p = p_over_looks(found.p, counts, total, spending=test.spending, alpha=test.alpha)
                by_kind.append(
                    PairLook(
                        a=a, b=b, kind=kind, exploratory=True, comparison=found, p_looks=p, p_adjusted=math.nan,
                        level=shared if _usable(plan, shared) else 0.0, found=False,
                    )
                )  # fmt: skip
    end = plan.night(here.names[-1]).number
    return Look(
        plan=plan.sha256,
        number=index + 1,
        last=last,
        nights=here.names,
        void=tuple(name for name in nights.void if last or plan.night(name).number <= end),
        planned=total,
        earlier=before,
        share=count / total,
        level=level,
        alpha=test.alpha,
        correction=test.correction,
        metric=test.metric,
        method=test.method,
        missing=test.missing,
        pairs=tuple(pairs),
        by_kind=tuple(by_kind),
    )


def _nights_of(nights: SettledNights, plan: TrialPlan, number: int) -> tuple[SettledNights, bool, int]:
    """Nights of a look, if they have settled."""
    looks = plan.test.looks
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or not 1 <= number <= len(looks):
        raise InputError(
            f"number={number!r}; the plan has {len(looks)} looks, after {', '.join(map(str, looks))} settled nights: "
            f"give a number from 1 to {len(looks)}."
        )
    index = int(number) - 1
    last = index == len(looks) - 1
    settled = len(nights.names)
    if last:
        if nights.waiting or not settled:
            raise InputError(
                f"Look {number} is made when all nights have settled or are void; {len(nights.waiting):,} of "
                f"{len(plan.nights):,} have not, the first {nights.waiting[0] if nights.waiting else 'none'}. Wait for "
                "them."
            )
        return nights, True, index
    needed = looks[index]
    if settled < needed:
        remedy = (
            f"Wait for {needed - settled:,} more."
            if len(nights.waiting) + settled >= needed
            else f"So many will never be, as {len(nights.void):,} nights are void: make the last look."
        )
        raise InputError(f"Look {number} is made after {needed:,} settled nights; found {settled:,}. {remedy}")
    chosen = nights.first(needed)
    end = plan.night(chosen.names[-1]).number
    skipped = [name for name in nights.waiting if plan.night(name).number < end]
    if skipped:
        raise InputError(
            f"Look {number} takes the nights in their order, but {', '.join(skipped[:5])} before {chosen.names[-1]} "
            f"{'has' if len(skipped) == 1 else 'have'} not settled and {'is' if len(skipped) == 1 else 'are'} not "
            "void. Score them first."
        )
    return chosen, False, index


def _earlier(plan: TrialPlan, index: int, earlier: Sequence[int] | None, count: int) -> tuple[int, ...]:
    """Settled nights at the looks taken before; one at the same nights is this one."""
    given = plan.test.looks[:index] if earlier is None else tuple(earlier)
    wrong = [one for one in given if isinstance(one, bool) or not isinstance(one, int | np.integer) or one < 1]
    if wrong or list(given) != sorted(set(given)):
        raise InputError(f"earlier={given!r}; give the numbers of settled nights at the looks taken before, rising.")
    if earlier is not None and any(one > count for one in given):
        raise InputError(f"earlier={given!r} is after this look, which is after {count:,} settled nights.")
    return tuple(int(one) for one in given if one < count)


def _tested(here: SettledNights, together: xr.Dataset, plan: TrialPlan, counts: tuple[int, ...]) -> list[PairLook]:
    """The plan's comparisons, over all kinds, decided together."""
    test, total = plan.test, len(plan.nights)
    if not test.pairs:
        return []
    first = [_compared(here, together, plan, a, b, test.alpha) for a, b in test.pairs]
    # What compare can say nothing of in words is no finding, though sign flips give a p-value then.
    raw = [one.p if one.enough else math.nan for one in first]
    over = [p_over_looks(p, counts, total, spending=test.spending, alpha=test.alpha) for p in raw]
    adjusted, shares = judged_levels(over, test.alpha, test.correction)
    made = []
    for (a, b), p, corrected, share in zip(test.pairs, over, adjusted, shares, strict=True):
        level = nominal(counts, total, float(share), test.spending)
        found = _compared(here, together, plan, a, b, level)
        usable = _usable(plan, level)
        made.append(
            PairLook(
                a=a, b=b, kind=ALL_KINDS, exploratory=False, comparison=found, p_looks=p, p_adjusted=float(corrected),
                level=level if usable else 0.0,
                found=bool(usable and corrected <= test.alpha and found.verdict in ("higher", "lower")),
            )
        )  # fmt: skip
    return made


def _usable(plan: TrialPlan, level: float) -> bool:
    """Whether a test can have this level: more than none, and no finer than its draws."""
    drawn = plan.test.method != "dm"
    return level > 0 and (not drawn or level * (1 + plan.test.draws) >= 1)


def _compared(here: SettledNights, scope: xr.Dataset, plan: TrialPlan, a: str, b: str, level: float) -> Comparison:
    """Compare by the plan; without an interval where the level is finer than any test can be."""
    test = plan.test
    drawn: dict[str, Any] = {} if test.method == "dm" else {"draws": test.draws, "seed": plan.seed}
    usable = _usable(plan, level)
    left, right = here.sides(a, b, scope)
    if not left.sizes["window"]:
        return _nothing(a, b, plan, level)
    found = compare(
        left, right, test.metric, test.method,  # type: ignore[arg-type]
        alpha=level if usable else test.alpha, missing=test.missing, names=(a, b), **drawn,  # type: ignore[arg-type]
    )  # fmt: skip
    if usable:
        return found
    other = found.with_missing
    bare = None if other is None else replace(other, low=math.nan, high=math.nan, alpha=0.0)
    return replace(found, low=math.nan, high=math.nan, alpha=0.0, with_missing=bare)


def _nothing(a: str, b: str, plan: TrialPlan, level: float) -> Comparison:
    """No night counts for both."""
    return Comparison(
        a=a, b=b, metric=plan.test.metric, method=plan.test.method, estimate=math.nan, low=math.nan, high=math.nan,
        p=math.nan, n=0, alpha=level, enough=False, crimes=0.0, differing_nights=0, differing_crimes=0.0,
        missing=plan.test.missing,
    )  # fmt: skip
