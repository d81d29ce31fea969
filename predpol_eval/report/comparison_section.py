"""The planned comparisons, look by look, and the intervals that may be looked at on any night beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from predpol_eval.report.blocks import Block, Cell, Row, Section, Table, Words, folded, words
from predpol_eval.report.numbers_told import NOT_DEFINED, counted, decimals_for, level_percent, p_value, signed
from predpol_eval.report.pair_words import difference_of, is_found, unit_of

if TYPE_CHECKING:
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.standings import Course, Look, PairLook

_SPENDINGS = {"obrien_fleming": "O'Brien and Fleming", "pocock": "Pocock"}
# More kinds than these are parted into tables of their own, so that paper has room for them.
_COLUMNS = 4
_METHODS = {
    "dm": "the mean difference by night, with a variance that allows for neighbouring nights resembling each other",
    "bootstrap": "nights drawn again in blocks",
    "signflip": "the signs of the nightly differences turned at random",
}
_CORRECTIONS = {"holm": "Holm", "bh": "Benjamini and Hochberg", "by": "Benjamini and Yekutieli"}


def comparison_section(findings: Findings, pictures: Iterable[Block], courses: Iterable[Block]) -> Section:
    """All looks taken, the last one open and earlier ones folded, and the sequences."""
    title = "The comparisons that the plan declared"
    if not findings.plan.test.pairs:
        return Section("comparisons", title, words("The plan compares nobody."))
    blocks: list[Block] = list(words(_how(findings)))
    if not findings.looks:
        blocks += words("No look has been taken, so that nothing is a finding yet.")
    for look in reversed(findings.looks):
        made = _of_look(findings, look)
        if look is findings.looks[-1]:
            blocks += [*made[:1], *pictures, *made[1:]]
        else:
            blocks += folded(f"Look {look.number}, after {counted(len(look.nights), 'settled night')}", made, True)
    return Section("comparisons", title, (*blocks, *_sequences(findings, courses)))


def _how(findings: Findings) -> str:
    test = findings.plan.test
    looks = ", ".join(f"{number:,}" for number in test.looks)
    return (
        f"Looks are planned after {looks} settled nights. At each the plan compares {counted(len(test.pairs), 'pair')} "
        f"in {unit_of(test.metric)} on the nights that both have, by {_METHODS.get(test.method, test.method)}. Over "
        f"all looks and pairs {100 * test.alpha:g} % of error may be spent (spent after "
        f"{_SPENDINGS.get(test.spending, test.spending)}; "
        f"{_CORRECTIONS.get(test.correction, test.correction)} over the pairs)."
    )


def _of_look(findings: Findings, look: Look) -> list[Block]:
    end = "the last one" if look.last else f"of {len(findings.plan.test.looks)}"
    caption = f"Look {look.number}, {end}, after {counted(len(look.nights), 'settled night')} of {look.planned:,}"
    rule = "catching nothing" if look.missing == "zero" else "boxes placed blindly"
    unit = unit_of(look.metric)
    head = ("Pair", f"Difference, {unit}", "Interval at its level", "p, adjusted", "Verdict",
            f"Missing as {rule}", "Nights")  # fmt: skip
    note = (
        "A difference is the first less the second. Each interval has the level at which its pair is judged, below it; "
        "p is adjusted for all looks and pairs. A pair whose interval covers zero is not told apart."
    )
    table = Table(caption, head, tuple(_pair(pair) for pair in look.pairs), texts=(4, 5), note=note)
    return [table, *_explored(look)] if look is findings.looks[-1] else [table]


def _explored(look: Look) -> list[Table]:
    """Kind by kind, one column for each; of the last look alone, since none of it is a finding."""
    kinds = list(dict.fromkeys(pair.kind for pair in look.by_kind))
    pieces = [kinds[first : first + _COLUMNS] for first in range(0, len(kinds), _COLUMNS)]
    of = {(pair.a, pair.b, pair.kind): pair for pair in look.by_kind}
    names = list(dict.fromkeys((pair.a, pair.b) for pair in look.by_kind))
    level = max((pair.level for pair in look.by_kind), default=0.0)
    note = (
        f"Differences in {unit_of(look.metric)}, and below each its {level_percent(level)} interval. The plan tests "
        "all kinds together; these stand beside it, and none is a finding."
    )
    made = []
    for number, piece in enumerate(pieces, 1):
        part = f", part {number} of {len(pieces)}" if len(pieces) > 1 else ""
        rows = tuple(Row((_names(a, b), *(_of_kind(of[a, b, kind]) for kind in piece))) for a, b in names)
        made.append(Table(f"Kind by kind: explored, not tested{part}", ("Pair", *piece), rows, note=note))
    return made


def _pair(pair: PairLook) -> Row:
    found = pair.comparison
    estimate, ends = difference_of(found, pair.level)
    return Row(
        (
            _names(pair.a, pair.b),
            estimate,
            Cell(ends or NOT_DEFINED, f"{level_percent(pair.level)}" if ends else ""),
            p_value(pair.p_adjusted),
            _verdict(pair),
            _by_the_rule(pair),
            f"{found.n:,}",
        )
    )


def _verdict(pair: PairLook) -> str:
    if is_found(pair):
        return f"{pair.better} more"
    if not pair.comparison.n:
        return "no night in common"
    return "not told apart" if pair.comparison.enough else "not told apart: too little differs"


def _by_the_rule(pair: PairLook) -> Cell | str:
    other = pair.comparison.with_missing
    if other is None:
        return "no night is missing" if pair.comparison.n else NOT_DEFINED
    estimate, ends = difference_of(other, pair.level)
    stands = ("it stands" if pair.holds_under_the_rule else "it does not stand") if is_found(pair) else ""
    numbers = f"{estimate} ({ends})" if ends else estimate
    return Cell(stands, numbers) if stands else Cell("no finding", numbers)


def _of_kind(pair: PairLook) -> Cell:
    estimate, ends = difference_of(pair.comparison, pair.level)
    return Cell(estimate, ends)


def _names(a: str, b: str) -> str:
    return f"{a} against {b}"


def _sequences(findings: Findings, pictures: Iterable[Block]) -> list[Block]:
    told = [course for course in findings.courses if course.data.sizes["window"]]
    if not told:
        return []
    metric = findings.plan.test.metric
    rows = tuple(_sequence(course, metric) for course in told)
    table = Table(
        "Followed night by night",
        ("Pair", f"Difference now, {unit_of(metric)}", "Interval now", "First left zero out after", "Nights in common"),
        rows,
        texts=(3,),
        note="These intervals hold on all nights and for all pairs together, whenever one looks, and are wider for it.",
    )
    lead = Words(
        "The intervals below may be looked at on any night. They stand beside the planned looks, which decide; to call "
        "findings by both would spend the error twice.",
        "Night by night.",
    )
    return [lead, table, *pictures]


def _sequence(course: Course, metric: str) -> Row:
    scale = 100.0 if metric == "hit_rate" else 1.0
    now = {name: scale * float(course.data[name].to_numpy()[-1]) for name in ("estimate", "low", "high")}
    some = all(value == value and abs(value) < float("inf") for value in now.values())
    decimals = decimals_for(*now.values())
    ends = f"{signed(now['low'], decimals, plus=True)} to {signed(now['high'], decimals, plus=True)}"
    first = f"{course.first} ({course.first_better} ahead)" if course.first else "not yet"
    return Row(
        (
            _names(course.a, course.b),
            signed(now["estimate"], decimals, plus=True),
            Cell(ends, level_percent(course.level)) if some else NOT_DEFINED,
            first,
            f"{course.data.sizes['window']:,}",
        )
    )
