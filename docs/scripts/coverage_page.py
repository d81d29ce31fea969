"""The page of coverage: tables of numbers, and words that are made from them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from docs.scripts.coverage_differences import COLUMNS, OF_ONE
from docs.scripts.coverage_worlds import CLUSTER, RATES

Found = Mapping[str, Any]
# Intervals of 95 % are to cover in 93 to 97 of 100 trials; tests of 5 %, and looks at all nights together, to be
# wrong in at most 5, but for chance.
LOW, HIGH, LEVEL = 0.93, 0.97, 0.05
NIGHTS = ("independent", "clustered", "0.25", "0.5")
# Spending and method of the planned looks.
PLANS: dict[tuple[str, str] | None, str] = {
    None: "`dm`, 5 % at each look",
    ("obrien_fleming", "dm"): "`dm`, O'Brien-Fleming",
    ("pocock", "dm"): "`dm`, Pocock",
    ("obrien_fleming", "bootstrap"): "`bootstrap`, O'Brien-Fleming",
}
WORDS = {
    "independent": "independent",
    "clustered": "clustered",
    "0.25": "correlation .25",
    "0.5": "correlation .5",
    "one-sided": "one-sided",
}


def page(found: Found, runs: int) -> str:
    """The whole page."""
    chance = (LEVEL * (1 - LEVEL) / runs) ** 0.5
    parts = [_introduction(runs), "## In short", *_in_short(found, chance)]
    parts += ["## Intervals of a difference", _about_differences(), _differences(found, differ=False)]
    parts += ["### Where one is better", _about_power(), _differences(found, differ=True)]
    parts += ["## Looking every night", _about_sequences(), _sequences(found, chance)]
    parts += ["## Looking at planned nights", _about_looks(), _looks(found, chance)]
    parts += ["## What a trial can see", _about_detectable(), _detectable(found)]
    parts += ["## Tests of one map", _about_maps(), _maps(found, chance)]
    parts += ["## Tests of two maps", _about_pairs(), _pairs(found, chance)]
    return "\n\n".join(["---\norphan: true\n---", "# Do intervals cover, and tests keep their level?", *parts]) + "\n"


def falls_short(share: float) -> bool:
    """Whether a 95 % interval covers in under 93 %."""
    return share < LOW


def is_wide(share: float) -> bool:
    """Whether a 95 % interval covers in over 97 %: sure, but wider than need be."""
    return share > HIGH


def keeps(share: float, chance: float) -> bool:
    """Whether a level of 5 % was kept, but for chance (three Monte Carlo errors)."""
    return share <= LEVEL + 3 * chance


def good_methods(found: Found, crimes: str, nights: str, number: int) -> list[str]:
    """Methods whose interval does not fall short, one better or not; those too wide in brackets."""
    rows = [found[f"difference/{crimes}/{nights}/{number}/{differ}"] for differ in (False, True)]
    good = [name for name in COLUMNS if not any(falls_short(row[name][0]) for row in rows)]
    return [f"(`{name}`)" if any(is_wide(row[name][0]) for row in rows) else f"`{name}`" for name in good]


def _introduction(runs: int) -> str:
    alone, both, neither = RATES["sparse"]
    many = RATES["dense"]
    return _fill(
        f"Every number is from {runs:,} simulated trials whose truth is known. Sparse: {2 * alone:g} crimes a night "
        f"that exactly one of the two catches, {2 * alone + both + neither:g} in all; dense: {2 * many[0]:g} of "
        f"{sum(many) + many[0]:g}. Clustered: those come in groups of {CLUSTER:g} on average (geometric), all caught "
        "by the same one. Correlation: of a night's difference with the next one's (Poisson counts moved by an "
        "autoregression of the first order). A Monte Carlo error of a share of 95 % is "
        f"{100 * (0.95 * 0.05 / runs) ** 0.5:.1f} points. **Bold**: under 93 %, or over 5 % by more than "
        "three such errors; *italic*: over 97 %, sure but wider than need be. The way in which `bootstrap` estimates "
        "its error was chosen among several on trials like these, drawn from other seeds. Made by "
        "`docs/scripts/interval_coverage.py`."
    )


def _in_short(found: Found, chance: float) -> list[str]:
    lines = [
        "| crimes | nights | number of nights | 95 % intervals that cover in at least 93 % |",
        "| --- | --- | ---: | --- |",
    ]
    for crimes in RATES:
        for number in (60, 180):
            for nights in NIGHTS:
                good = good_methods(found, crimes, nights, number)
                named = ", ".join(good) or "none"
                lines.append(f"| {crimes} | {WORDS[nights]} | {number} | {named} |")
    return ["\n".join(lines), *_advice(found, chance)]


def _advice(found: Found, chance: float) -> list[str]:
    """Where each method falls short, from the numbers, and what to use there."""
    short = {
        name: [
            f"{crimes}, {WORDS[nights]}, {number} nights"
            for crimes in RATES
            for number in (60, 180)
            for nights in NIGHTS
            if any(
                falls_short(found[f"difference/{crimes}/{nights}/{number}/{differ}"][name][0])
                for differ in (False, True)
            )
        ]
        for name in COLUMNS
    }
    said = [f"- `{name}` falls short {_where(worlds)}." for name, worlds in short.items()]
    kept = {
        block: [
            f"{crimes}, {WORDS[nights]}"
            for crimes in RATES
            for nights in NIGHTS
            if not all(
                keeps(found[f"sequence/{crimes}/{nights}/{number}/{block}{better}"]["missed"], chance)
                for number in (60, 184)
                for better in ("", "/better")
            )
        ]
        for block in (1, 7)
    }
    said.append(
        f"- `confidence_sequence`, looked at every night, misses more than 5 % over all looks {_where(kept[1])}."
    )
    said.append(f"- The same looked at every seven nights (`block=7`) misses more {_where(kept[7])}.")
    wrong = {
        label: [
            f"{crimes}, {WORDS[nights]}"
            for crimes in RATES
            for nights in NIGHTS
            if not keeps(found[f"looks/{crimes}/{nights}/{'None' if plan is None else '-'.join(plan)}"], chance)
        ]
        for plan, label in PLANS.items()
    }
    said += [
        f"- Three looks with {label} are wrong in more than 5 % {_where(worlds)}." for label, worlds in wrong.items()
    ]
    advice = (
        "In brackets: those that cover in over 97 %. So: `dm` where nights are independent, clustered or resemble "
        "each other a little; `bootstrap` where a good night follows a good one, it comes closest at planned looks "
        "too; the sequence by weeks there. How much nights resemble each other can be seen in past ones; where "
        "nobody knows, `bootstrap` is the safe choice. Methods that take nights as independent (`signflip`, "
        "`difference_by_night`, `bootstrap_by_night`) are for nights that are. Where a method falls short it is:"
    )
    return [_fill(advice), "\n".join(_item(line) for line in said)]


def _where(worlds: list[str]) -> str:
    return f"in: {'; '.join(worlds)}" if worlds else "in none of these worlds"


def _item(line: str) -> str:
    return textwrap.fill(line, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _about_differences() -> str:
    return _fill(
        "Coverage in %, and in brackets how often the interval leaves zero out although the two are alike: the size "
        "of the test. "
        'The first columns are `compare(method=...)`; "weeks": `block=7`; `difference_by_night` and, for a single hit '
        "rate, `bootstrap_by_night` draw nights one by one and say that they take them as independent. Too few: trials "
        "under 6 nights or 20 crimes apart, in which no interval is given; they are left out of the shares."
    )


def _about_power() -> str:
    return _fill(
        "The same where one of the two is better by three standard errors of a trial (by 90 % of what it catches "
        "alone, where that is less). In brackets: how often the difference is found, the power; a perfect test would "
        "find 85 %."
    )


def _differences(found: Found, *, differ: bool) -> str:
    heads = ["crimes", "nights", "number", "too few", *(f"`{name}`" for name in COLUMNS)]
    if not differ:
        heads.append(f"`{OF_ONE}`")

    def row(crimes: str, nights: str, number: int) -> list[str]:
        one = found[f"difference/{crimes}/{nights}/{number}/{differ}"]
        cells = [_covering(one[name], bracket=True) for name in COLUMNS]
        if not differ:
            cells.append(_covering(one[OF_ONE], bracket=False))
        return [crimes, WORDS[nights], f"{number}", _percent(one["few"]), *cells]

    return _table(heads, [row(c, n, t) for c in RATES for t in (60, 180) for n in NIGHTS], left=2)


def _about_sequences() -> str:
    return _fill(
        "`confidence_sequence` with rho 50. Missed: trials in which any of the looks leaves the truth out, where the "
        "two are alike and where one is better. Found: trials in which zero is left out at the last look, where one "
        "is better. Width: of the interval at the last look, over that of `dm` then."
    )


def _sequences(found: Found, chance: float) -> str:
    rows = []
    for crimes in RATES:
        for number in (60, 184):
            for nights in NIGHTS:
                for block in (1, 7):
                    name = f"sequence/{crimes}/{nights}/{number}/{block}"
                    alike, better = found[name], found[f"{name}/better"]
                    cells = [_wrong(one["missed"], chance) for one in (alike, better)]
                    cells += [_percent(better["found"]), f"{alike['wider']:.2f}"]
                    rows.append([crimes, WORDS[nights], f"{number}", f"{block}", *cells])
    heads = ["crimes", "nights", "number", "block", "missed, alike", "missed, one better", "found", "width"]
    return _table(heads, rows, left=2)


def _about_looks() -> str:
    return _fill(
        "Trials of 180 nights in which the two are alike, looked at after 60, 120 and 180 with `dm`: how often any "
        "look calls them different, in %. At 5 % each; or at what `alpha_spending` lets each look spend."
    )


def _looks(found: Found, chance: float) -> str:
    rows = []
    for crimes in RATES:
        for nights in NIGHTS:
            names = ["None" if plan is None else "-".join(plan) for plan in PLANS]
            shares = [found[f"looks/{crimes}/{nights}/{name}"] for name in names]
            rows.append([crimes, WORDS[nights], *(_wrong(share, chance) for share in shares)])
    return _table(["crimes", "nights", *PLANS.values()], rows, left=2)


def _about_detectable() -> str:
    return _fill(
        "The difference of hit rates that `detectable_difference` promises to be found with a power of 80 % by `dm`, "
        "in points, and in what share of trials that differ by so much it was found."
    )


def _detectable(found: Found) -> str:
    rows = []
    for crimes in RATES:
        for nights in ("independent", "clustered"):
            for number in (60, 180):
                cells = []
                for method in ("formula", "simulation"):
                    told, power = found[f"detectable/{crimes}/{nights}/{number}/{method}"]
                    cells += [f"{100 * told:.2f}", _percent(power)]
                rows.append([crimes, WORDS[nights], f"{number}", *cells])
    heads = ["crimes", "nights", "number", "formula", "found", "simulation", "found"]
    return _table(heads, rows, left=2)


def _about_maps() -> str:
    return _fill(
        "A city of 100 cells and 60 nights, 2 (sparse) or 10 (dense) crimes a night; 99 simulations a test. How "
        "often a test of 5 % rejects, in %. Clustered: the counts of a cell and night are negative binomial with "
        "three times the variance of Poisson; phi 3: the tests are told so (`dispersion=3`). Wrong level: a fifth "
        "more crimes than the map expects; wrong place: they lean to the east of it. The number test is two-sided, "
        "the others are not."
    )


def _maps(found: Found, chance: float) -> str:
    tests = ("n", "s", "cl", "l")
    rows = []
    for crimes in RATES:
        for nights, case, phi in (
            ("independent", "right", ""),
            ("clustered", "right", ""),
            ("clustered", "right", ", phi 3"),
            ("independent", "level", ""),
            ("independent", "place", ""),
        ):
            one = found[f"map/{crimes}/{nights}/{case}"]
            show: Callable[[float], str] = (lambda share: _wrong(share, chance)) if case == "right" else _percent
            said = {"right": "right", "level": "wrong level", "place": "wrong place"}[case]
            rows.append([crimes, WORDS[nights], said + phi, *(show(one[f"{test}{phi}"]) for test in tests)])
    return _table(["crimes", "nights", "the map is", "`n_test`", "`s_test`", "`cl_test`", "`l_test`"], rows, left=3)


def _about_pairs() -> str:
    return _fill(
        "Two maps that lean east and west of crimes that do neither, so that neither gains: how often `t_test` and "
        "`w_test` call one of them better, in %, by crime (as is customary) and by night. One-sided nights: each "
        "leans to the east or to the west, so that its crimes speak with one voice. In the last rows the crimes do "
        "lean east."
    )


def _pairs(found: Found, chance: float) -> str:
    names = ("t", "t, nights", "w", "w, nights")
    rows = []
    for crimes in RATES:
        for nights, case in (
            ("independent", "alike"),
            ("clustered", "alike"),
            ("one-sided", "alike"),
            ("independent", "better"),
        ):
            one = found[f"maps/{crimes}/{nights}/{case}"]
            show: Callable[[float], str] = (lambda share: _wrong(share, chance)) if case == "alike" else _percent
            said = "alike" if case == "alike" else "one better"
            rows.append([crimes, WORDS[nights], said, *(show(one[name]) for name in names)])
    heads = ["crimes", "nights", "the maps are", "`t_test`", "by night", "`w_test`", "by night"]
    return _table(heads, rows, left=3)


def _covering(shares: Any, *, bracket: bool) -> str:
    covering, rejecting = shares
    if covering is None or covering != covering:
        return "none given"
    text = f"{100 * covering:.1f}"
    text = f"**{text}**" if falls_short(covering) else f"*{text}*" if is_wide(covering) else text
    return f"{text} ({100 * rejecting:.1f})" if bracket else text


def _wrong(share: float, chance: float) -> str:
    text = _percent(share)
    return text if keeps(share, chance) else f"**{text}**"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _table(heads: list[str], rows: list[list[str]], left: int) -> str:
    rule = ["---"] * left + ["---:"] * (len(heads) - left)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def _fill(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)
