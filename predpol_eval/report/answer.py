"""The answer at the top of the report, for readers without statistics: what the looks found, and no word beyond."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from predpol_eval.report.blocks import Words
from predpol_eval.report.numbers_told import counted, listed, percent, percent_range
from predpol_eval.report.pair_words import found_in_words, is_found, open_in_words, sides
from predpol_eval.report.state import last_look

if TYPE_CHECKING:
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.standings import Look, PairLook, Standing

# More sentences than these become a list; more open pairs than these are only counted.
_IN_A_LINE = 2
_MOST_OPEN = 6
_NOT_IN = ("late", "rejected", "missing")


def answer(findings: Findings) -> tuple[Words, ...]:
    """Answer the questions for which a trial is made.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    tuple of Words
        What decides; who caught more than the in-house map, and than each other; simple baselines; missing files; and
        what is too good to be true, if anything is. Every finding is one of a look that was taken. Two whose interval
        covers zero are called not told apart, and nothing else.
    """
    look = last_look(findings)
    made = [_what_decides(findings, look)]
    if look is not None:
        made += _compared(findings, look)
        made.append(_baselines(findings, look))
    made.append(_missing(findings, look))
    made += _suspected(findings)
    return tuple(made)


def _what_decides(findings: Findings, look: Look | None) -> Words:
    plan = findings.plan
    lead = "What decides."
    if look is None:
        after = listed([f"{number:,}" for number in plan.test.looks])
        return Words(
            f"Nothing is decided yet. The plan makes its test after {after} settled nights, and none has been made. "
            "Until then no difference between two forecasters is a finding, however large it looks.",
            lead,
        )
    which = (
        f"The last look, after {counted(len(look.nights), 'settled night')} of {look.planned:,}"
        if look.last
        else f"Look {look.number} of {len(plan.test.looks)}, after {counted(len(look.nights), 'settled night')} of "
        f"{look.planned:,}, is the last one so far"
    )
    kept = (
        f"The chance that the trial calls anybody better who is not is {100 * look.alpha:g} % at most, over all "
        "comparisons and looks together."
        if look.correction == "holm"
        else f"Of what the trial calls better at a look, a share of {100 * look.alpha:g} % at most is expected to be "
        "wrong."
    )
    open_yet = "" if look.last else " More nights follow; the last look decides."
    decides = ", decides." if look.last else "."
    return Words(
        f"{which}{decides} A crime is caught if it fell in one of the {plan.k} boxes per area and kind that were "
        f"flagged before the night. {kept}{open_yet}",
        lead,
    )


def _compared(findings: Findings, look: Look) -> list[Words]:
    """The plan's comparisons, sorted by whom they concern."""
    plan = findings.plan
    houses, vendors, baselines = set(plan.in_house), set(plan.vendors), set(plan.baselines)

    def either(names: set[str]) -> Callable[[PairLook], bool]:
        return lambda pair: bool({pair.a, pair.b} & names)

    with_house = [pair for pair in look.pairs if either(houses)(pair) and not either(baselines)(pair)]
    among = [pair for pair in look.pairs if {pair.a, pair.b} <= vendors]
    many = len(plan.in_house) != 1
    made = []
    lead = "Against the in-house maps." if many else "Against the in-house map."
    if not plan.in_house:
        made.append(
            Words("No in-house map took part, so that nothing can be said against one.", "Against an in-house map.")
        )
    elif not with_house:
        made.append(Words("The plan compares nobody with it.", lead))
    else:
        made.append(_told(findings, look, with_house, lead))
    if among:
        made.append(_told(findings, look, among, "Among the vendors."))
    elif len(plan.vendors) > 1:
        made.append(Words("The plan does not compare the vendors with each other.", "Among the vendors."))
    return made


def _told(findings: Findings, look: Look, pairs: list[PairLook], lead: str) -> Words:
    """Findings first, then what is not told apart, then what an earlier look found and this one did not."""
    found = [pair for pair in pairs if is_found(pair)]
    still_open = [pair for pair in pairs if not is_found(pair)]
    lines = [f"{found_in_words(pair)}." for pair in found]
    if len(still_open) > _MOST_OPEN:
        lines.append(f"{len(still_open):,} {'other ' if found else ''}pairs are not told apart.")
    else:
        lines += [f"{open_in_words(pair)}." for pair in still_open]
    lines += _earlier(findings, look, still_open)
    if len(lines) <= _IN_A_LINE:
        return Words(" ".join(lines), lead)
    told = f"{len(found):,}" if found else "none"
    return Words(f"Of {counted(len(pairs), 'comparison')}, {told} can say who caught more:", lead, tuple(lines))


def _earlier(findings: Findings, look: Look, still_open: Iterable[PairLook]) -> list[str]:
    now = {frozenset((pair.a, pair.b)) for pair in still_open}
    lines = []
    for before in findings.looks[:-1]:
        for pair in before.pairs:
            if is_found(pair) and frozenset((pair.a, pair.b)) in now:
                better, worse = sides(pair)
                lines.append(
                    f"Look {before.number} found that {better} caught more than {worse}; look {look.number} does not "
                    "confirm it."
                )
    return lines


def _baselines(findings: Findings, look: Look) -> Words:
    """Whether anybody beats the best simple baseline: by a test if the plan has one, else only side by side."""
    plan = findings.plan
    lead = "Against simple baselines."
    names = set(plan.baselines)
    if not names:
        return Words("No simple baseline ran alongside, so that nothing can be said against one.", lead)
    tested = [pair for pair in look.pairs if len({pair.a, pair.b} & names) == 1]
    if tested:
        return _told(findings, look, tested, lead)
    rows = () if findings.league is None else findings.league.scope()
    ranked = [row for row in rows if row.role == "baseline" and row.nights and row.hit_rate == row.hit_rate]
    untested = "The plan tests nobody against a simple baseline"
    if not ranked:
        return Words(f"{untested}, and none has a night that counts.", lead)
    best = max(ranked, key=lambda row: row.hit_rate)
    others = [row for row in rows if row.role in ("vendor", "in-house") and row.nights]
    which = "the one simple baseline" if len(names) == 1 else f"the best of {len(names):,} simple baselines"
    side = (f"{_rate(best)} for {best.forecaster}, {which}", *(f"{_rate(row)} for {row.forecaster}" for row in others))
    return Words(
        f"{untested}, so nobody is shown to have caught more or less. Side by side, with 95 % intervals of each alone, "
        f"which decide nothing: {'; '.join(side)}.",
        lead,
    )


def _rate(row: Standing) -> str:
    ends = percent_range(row.hit_rate_low, row.hit_rate_high)
    return percent(row.hit_rate) + (f" ({ends})" if ends else "")


def _missing(findings: Findings, look: Look | None) -> Words:
    """Whose files were missing, and what that changes."""
    closed = [night for night in findings.nights if any(night.outcomes.values())]
    lead = "Missing files."
    if not closed:
        return Words("No night has been closed yet.", lead)
    total = counted(len(closed), "night")
    told = []
    for label in findings.plan.submitters:
        reasons = [(word, sum(night.outcomes.get(label) == word for night in closed)) for word in _NOT_IN]
        count = sum(number for _, number in reasons)
        if count:
            why = ", ".join(f"{number:,} {word}" for word, number in reasons if number)
            told.append(f"{label} has no valid file in time for {count:,} of {total} ({why})")
    held = [label for label in findings.plan.submitters if any(n.outcomes.get(label) == "held" for n in closed)]
    excused = (
        f" On some nights files of {listed(held)} could not be checked by our fault; these count for nobody."
        if held
        else ""
    )
    if not told:
        return Words(f"Everybody handed in a valid file in time for each of {total}.{excused}", lead)
    said = f"{'; '.join(told)}.{excused}"
    if look is None:
        return Words(said, lead)
    return Words(f"{said} {_by_the_rule(look)}", lead)


def _by_the_rule(look: Look) -> str:
    rule = "as catching nothing" if look.missing == "zero" else "as boxes placed blindly"
    start = "Findings are made on nights that both sides have"
    if not look.findings:
        return f"{start}; there are none."
    falls = [sides(pair) for pair in look.findings if not pair.holds_under_the_rule]
    if not falls:
        return f"{start}; counted {rule}, as the plan says, missing nights change none of them."
    named = listed([f"{better} over {worse}" for better, worse in falls])
    return f"{start}. Counted {rule}, as the plan says, missing nights undo: {named}."


def _suspected(findings: Findings) -> list[Words]:
    lines = []
    for label in dict.fromkeys(one.label for one in findings.suspicions):
        rules = [one.rule for one in findings.suspicions if one.label == label and one.flagged]
        if len(rules) > 1:
            lines.append(
                f"{label} is flagged by both rules, which asks for an explanation from {label}; it is no proof."
            )
        elif rules:
            lines.append(
                f"{label} is flagged by one rule ({rules[0]}), which asks for an explanation from {label}; it is a "
                "weaker question than a flag by both, and no proof."
            )
    return [Words(" ".join(lines), "Too good to be true?", tone="warning")] if lines else []
