"""What the trial found, in sentences that are taken from the numbers and say no more than these bear."""

from __future__ import annotations

import math
from collections.abc import Sequence

from predpol_eval.trial.standings.dosage import PatrolReport
from predpol_eval.trial.standings.look_found import Look, PairLook
from predpol_eval.trial.standings.places import League, Standing
from predpol_eval.trial.standings.sequences import Course
from predpol_eval.trial.standings.suspicion import Suspicion
from predpol_eval.trial.standings.together import Share, Together


def standings_in_words(
    league: League,
    look: Look | None = None,
    *,
    courses: Sequence[Course] = (),
    suspicions: Sequence[Suspicion] = (),
    together: Sequence[Together] = (),
    patrols: PatrolReport | None = None,
    provisional: int = 0,
) -> tuple[str, ...]:
    """Say what is in the standings, most important first.

    Parameters
    ----------
    league : League
    look : Look, optional
        The last one taken.
    courses, suspicions, together, patrols
        As far as they are known.
    provisional : int
        How many of the nights of the league have not settled: it is said first that their numbers may change.

    Returns
    -------
    tuple of str
        Sentences. Nobody is called better where an interval covers zero; submitters go by their labels. Exchanging two
        submitters exchanges their labels and nothing else, as long as no two caught exactly the same.
    """
    return (
        *_nights(league, provisional),
        *_caught(league),
        *_decided(look),
        *_absent(league),
        *(sentence for course in courses for sentence in _course(course)),
        *(one.in_words() for one in suspicions),
        *(sentence for pair in together for sentence in _pair(pair)),
        *_patrolled(patrols),
    )


def _nights(league: League, provisional: int) -> list[str]:
    settled = len(league.nights) - provisional
    said = f"{_number(settled, 'night')} {'has' if settled == 1 else 'have'} settled"
    if provisional:
        said += f", {_number(provisional, 'night')} {'is' if provisional == 1 else 'are'} provisional and may change"
    if league.void:
        said += f", {_number(len(league.void), 'night')} {'is' if len(league.void) == 1 else 'are'} void"
    if league.waiting:
        said += f", {_number(len(league.waiting), 'night')} {'is' if len(league.waiting) == 1 else 'are'} still to come"
    return [f"{said}."]


def _caught(league: League) -> list[str]:
    rows = league.scope()
    if not any(row.crimes > 0 for row in rows):
        return ["No crime was counted, so that nothing can be said of anybody."]
    return [_of_one(row) for row in sorted(rows, key=lambda row: (row.rank == 0, row.rank))]


def _of_one(row: Standing) -> str:
    if row.role == "oracle":
        return f"The most that so many boxes could have caught, known afterwards, is {_percent(row.hit_rate)}."
    if not row.nights:
        return f"{row.forecaster} has no settled night."
    share = f"{row.hits:,.5g} of {row.crimes:,.5g} crimes" + (
        "" if math.isnan(row.hit_rate) else f", {_percent(row.hit_rate)}"
    )
    ends = _ends(row.hit_rate_low, row.hit_rate_high)
    lift = "" if math.isnan(row.lift) else f", {row.lift:.3g} times what boxes placed blindly would"
    told = f"95 % interval {ends}" if ends else "too little for an interval"
    return f"{row.forecaster} caught {share} ({told}){lift}; the nights support rank {row.ranks}."


def _decided(look: Look | None) -> list[str]:
    if look is None:
        return ["No planned look has been taken, so that no difference is a finding yet."]
    what = "the last look" if look.last else f"look {look.number}"
    start = f"At {what}, after {_number(len(look.nights), 'settled night')} of {look.planned:,}"
    kept = (
        f"all pairs and looks together are wrong with chance {100 * look.alpha:g} % at most"
        if look.correction == "holm"
        else f"of what is found, a share of {100 * look.alpha:g} % at most is expected to be false"
    )
    if not look.pairs:
        return [f"{start}, the plan compares nobody."]
    if not look.level > 0:
        return [f"{start}, nearly no alpha may be spent yet, so that nothing can be a finding."]
    lines = [f"{start}, the comparisons that the plan declared say ({kept}):"]
    lines += [_found(pair) for pair in look.pairs if pair.found]
    open_ones = [pair for pair in look.pairs if not pair.found]
    lines += [_not_found(pair) for pair in open_ones]
    told = [pair for pair in look.by_kind if pair.comparison.verdict in ("higher", "lower")]
    lines += [f"Explored, not tested: {_explored(pair)}" for pair in told]
    return lines


def _found(pair: PairLook) -> str:
    found = pair.comparison
    better, worse = (pair.a, pair.b) if found.estimate > 0 else (pair.b, pair.a)
    said = (
        f"{better} caught more than {worse}: {_gap(pair)}, adjusted p {_p(pair.p_adjusted)}, on "
        f"{_number(found.n, 'night')} that both have."
    )
    other = found.with_missing
    if other is None:
        return said
    rule = "as catching nothing" if found.missing == "zero" else "as boxes placed blindly"
    if pair.holds_under_the_rule:
        return f"{said} It stands when missing nights count {rule}."
    return f"{said} It does not stand when missing nights count {rule}."


def _not_found(pair: PairLook) -> str:
    found = pair.comparison
    first, second = _ahead(pair)
    if not found.n:
        return f"{first} and {second} have no night in common."
    if not found.enough:
        return f"{first} and {second} are not told apart: they differ too little to tell."
    return f"{first} and {second} are not told apart: {_gap(pair)}, on {_number(found.n, 'night')} that both have."


def _explored(pair: PairLook) -> str:
    better, worse = _ahead(pair)
    return f"for {pair.kind}, {better} caught more than {worse} ({_gap(pair)})."


def _ahead(pair: PairLook) -> tuple[str, str]:
    """The two, the one with the higher estimate first; where there is none, by name."""
    estimate = pair.comparison.estimate
    if math.isnan(estimate) or estimate == 0:
        first, second = sorted((pair.a, pair.b))
        return first, second
    return (pair.a, pair.b) if estimate > 0 else (pair.b, pair.a)


def _gap(pair: PairLook) -> str:
    """The difference of the one ahead from the other, with its interval."""
    found = pair.comparison
    turn = -1.0 if found.estimate < 0 else 1.0
    low, high = sorted((turn * found.low, turn * found.high))
    unit = "points of hit rate" if found.metric == "hit_rate" else found.metric.upper()
    scale = 100.0 if found.metric == "hit_rate" else 1.0
    level = f"{100 * (1 - pair.level):.6g} % interval"
    size = f"a difference of {scale * abs(found.estimate):.3g} {unit}"
    if math.isnan(low) or math.isnan(high):
        return f"{size}, with no interval"
    return f"{size}, {level} {scale * low:.3g} to {scale * high:.3g}"


def _absent(league: League) -> list[str]:
    lines = []
    for row in sorted(league.scope(), key=lambda row: (row.rank == 0, row.rank)):
        parts = [
            f"{count:,} {reason}"
            for reason, count in (
                ("missing", row.missing), ("late", row.late), ("rejected", row.rejected), ("failed", row.failed),
                ("held, by our fault", row.held),
            )
            if count
        ]  # fmt: skip
        if parts:
            rule = "as catching nothing" if league.missing_rule == "zero" else "as boxes placed blindly"
            owed = row.missing + row.late + row.rejected + row.failed
            counted = f"; with those counted {rule} it caught {_percent(row.by_the_rule)}"
            told = "" if math.isnan(row.by_the_rule) or not owed else counted
            lines.append(f"Of the nights of {row.forecaster}, not counted are {', '.join(parts)}{told}.")
    return lines


def _course(course: Course) -> list[str]:
    if not course.first:
        return []
    other = course.b if course.first_better == course.a else course.a
    return [
        f"Followed night by night, the interval of {course.first_better} against {other} first left zero out after "
        f"{course.first} ({_number(course.first_after, 'night')} that both have). This is shown beside the planned "
        "looks, which decide."
    ]


def _pair(pair: Together) -> list[str]:
    """What two would be together; the gain is one only where its interval lies above zero."""
    if not pair.crimes > 0:
        return []
    first, second = (pair.a, pair.b) if pair.a_only.estimate >= pair.b_only.estimate else (pair.b, pair.a)
    mine, theirs = sorted((pair.a_only.estimate, pair.b_only.estimate), reverse=True)
    said = (
        f"{first} and {second} both caught {_percent(pair.both.estimate)} of the crimes, {first} alone "
        f"{_percent(mine)}, {second} alone {_percent(theirs)}, and neither {_percent(pair.neither.estimate)}."
    )
    gain: Share = pair.mixture_gain
    if math.isnan(gain.estimate):
        return [said]
    ends = _ends(gain.low, gain.high)
    if not ends:
        return [f"{said} What half the boxes of each would have gained cannot be told."]
    if gain.low > 0 or gain.high < 0:
        more = "more" if gain.low > 0 else "less"
        tail = f"would have caught {_percent(abs(gain.estimate))} of the crimes {more} than the better one"
    else:
        tail = "is not told apart from the better one"
    return [f"{said} Half the boxes of each {tail} (95 % interval of the gain {ends})."]


def _patrolled(patrols: PatrolReport | None) -> list[str]:
    if patrols is None:
        return []
    lines = [f"Patrols were logged on {patrols.logged:,} of {_number(patrols.nights, 'night')}. {patrols.warning}"]
    rows = sorted(patrols.rows, key=lambda row: (-row.boxes_patrolled, row.label))
    lines += [
        f"Of the boxes of {row.label}, {_percent(row.coverage)} were patrolled; of its hits, "
        f"{row.hits_patrolled:,.5g} were in patrolled boxes and {row.hits_unpatrolled:,.5g} in others."
        for row in rows
        if row.boxes > 0
    ]
    return lines


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _percent(share: float) -> str:
    return "an undefined share" if math.isnan(share) else f"{100 * share:.1f} %"


def _ends(low: float, high: float) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def _p(value: float) -> str:
    return "below 0.0001" if value < 1e-4 else f"{value:.2g}"
