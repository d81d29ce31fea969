"""The tables and keys of a plan: one table that feeds the check, its suggestions, amendments, the example and the docs.

A word about each key: what it may be, what it means, what it is where it is left out, and why it cannot be amended.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from predpol_eval.counts import TIME_RULES
from predpol_eval.errors import InputError
from predpol_eval.trial.plan import values as v

MOST_NIGHTS = 3_660
# A verdict names them all with a fingerprint each, and has to fit into a record.
MOST_NIGHTS_OF_A_FILE = 400


class Key(NamedTuple):
    """A key of the plan.

    Attributes
    ----------
    form : Form
        What it may be, and the form in which it is kept.
    meaning : str
    default : object
        What it is where it is left out; in words of `default_told` where that depends on other keys.
    required : bool
    fixed : str
        Why it cannot be amended once the plan is locked; blank where it can.
    default_told : str
    """

    form: v.Form
    meaning: str
    default: Any = None
    required: bool = False
    fixed: str = ""
    default_told: str = ""


_WHAT_IS_COUNTED = "it decides which crimes are counted, so that nights before and after would not be comparable"
_WHERE = "predictions are made for these areas and boxes, and nights before and after would not be comparable"
_PROMISED = "the test keeps its promise only if this was fixed before any result"
_WHO = "labels stand in signed records, and the number of comparisons was fixed beforehand"
_WHEN = "the crimes of a night are those of its window, so that nights before and after would not be comparable"
_LENGTH = (
    "the test, its looks and its alpha are planned for so many nights; nights that cannot be used are declared void"
)

KEYS: Mapping[str, Mapping[str, Key]] = MappingProxyType(
    {
        "trial": {
            "name": Key(v.text(), "what the trial is called", required=True),
            "seed": Key(
                v.whole(0, 2**53 - 1), "of all draws: intervals, ties, rehearsals", 1,
                fixed="with another seed another result could be picked",
            ),
        },
        "place": {
            "areas": Key(
                v.text(), "file of the areas' polygons (GeoJSON or GeoPackage), from the plan's folder",
                required=True, fixed=_WHERE,
            ),
            "label": Key(
                v.text(), "column with the name of each area; without it the whole is one area",
                fixed=_WHERE, default_told="one area",
            ),
            "use": Key(
                v.several(v.text(), 1, 10_000), "names of the areas that take part",
                fixed=_WHERE, default_told="all areas of the file",
            ),
            "crs": Key(v.CRS, "projected coordinate system, in metres, of boxes and predictions", required=True,
                       fixed=_WHERE),
            "cell": Key(v.number(0, 100_000), "side of a box in metres", 250.0, fixed=_WHERE),
            "origin": Key(v.POINT, "a point that grid lines pass through, in metres", [0.0, 0.0], fixed=_WHERE),
        },
        "crimes": {
            "kinds": Key(
                v.several(v.text(), 1, 100), "kinds of crime, each predicted and counted by itself",
                required=True, fixed=_WHAT_IS_COUNTED,
            ),
            "tz": Key(v.ZONE, "time zone of the place: its wall clock names nights and deadlines", required=True,
                      fixed=_WHEN),
            "method": Key(
                v.choice(*TIME_RULES), "how crimes of uncertain time count", "aoristic", fixed=_WHAT_IS_COUNTED
            ),
        },
        "nights": {
            "first": Key(v.DAY, "day on which the first window starts; a night bears the name of that day",
                         required=True, fixed=_WHEN),
            "number": Key(v.whole(1, MOST_NIGHTS), "how many nights, one a day", required=True, fixed=_LENGTH),
            "at": Key(v.CLOCK, "time of day at which a window starts", required=True, fixed=_WHEN),
            "horizon": Key(v.LENGTH, "length of a window by the wall clock", "1D", fixed=_WHEN),
            "cut": Key(v.CLOCK, "time of day up to which crimes are given to vendors and baselines", required=True),
            "cut_days_before": Key(v.whole(0, 31), "days before the window's first day on which the cut is", 0),
            "deadline": Key(v.CLOCK, "time of day by which predictions must be in", required=True),
            "deadline_days_before": Key(
                v.whole(0, 31), "days before the window's first day on which the deadline is", 0
            ),
            "settling_days": Key(
                v.whole(0, 3_660), "civil days after a window's end until its crimes count as settled", 28
            ),
        },
        "budget": {
            "boxes": Key(v.whole(1, 1_000_000), "boxes that count, per area and kind", 10,
                         fixed="vendors rank for this budget, and comparisons are at equal budget"),
        },
        "test": {
            "metric": Key(v.choice("hit_rate", "pai"), "what is compared", "hit_rate", fixed=_PROMISED),
            "method": Key(v.choice("dm", "bootstrap", "signflip"), "test at the planned looks", "dm", fixed=_PROMISED),
            "alpha": Key(v.number(0, 0.5), "chance of a false finding in the whole trial", 0.05, fixed=_PROMISED),
            "spending": Key(
                v.choice("obrien_fleming", "pocock"), "how alpha is spent over the looks", "obrien_fleming",
                fixed=_PROMISED,
            ),
            "looks": Key(
                v.RISING, "numbers of settled nights at which the test is made; the last is all nights",
                default_told="once, after all nights",
            ),
            "pairs": Key(
                v.several(v.PAIR, 0, 2_000), "comparisons that are tests: pairs of vendors, in-house maps or baselines",
                fixed=_PROMISED, default_told="every two vendors, and every vendor with every in-house map",
            ),
            "correction": Key(v.choice("holm", "bh", "by"), "for the number of comparisons", "holm", fixed=_PROMISED),
            "missing": Key(
                v.choice("zero", "chance"), "what a missing night counts: nothing caught, or boxes placed blindly",
                "zero", fixed=_PROMISED,
            ),
            "rho": Key(v.number(0, 1e9), "of the interval that may be looked at every night", 50.0, fixed=_PROMISED),
            "draws": Key(v.whole(999, 1_000_000), "of bootstrap and sign flips", 9_999, fixed=_PROMISED),
            "floor": Key(
                v.number_or_none(1.0), "crimes a night that every box expects at least, for log scores; or 'none'",
                fixed=_PROMISED, default_told="none",
            ),
            "ties": Key(
                v.choice("expected"), "equal risks at the edge of the budget count what they catch on average",
                "expected", fixed=_PROMISED,
            ),
        },
        "submitters": {
            "vendors": Key(
                v.several(v.LABEL, 1, 26), "labels of the vendors; their names are in none of these files",
                required=True, fixed=_WHO,
            ),
            "in_house": Key(v.several(v.LABEL, 0, 26), "labels of maps of the house, submitted alike", [], fixed=_WHO),
        },
        "limits": {
            "bytes": Key(v.whole(1_000, 10**9), "largest file that is looked into", 20_000_000),
            "rows": Key(v.whole(1, 10**7), "most rows of a file", 200_000),
            "vertices": Key(v.whole(4, 10**7), "most corners of the polygons of a file", 50_000),
            "nights": Key(v.whole(1, MOST_NIGHTS_OF_A_FILE), "most nights in one file", 31),
        },
        # Names of one's own choice, each with a forecaster such as "CountMap(lookback='21D')".
        "baselines": {},
    }
)  # fmt: skip
BASELINES_FIXED = "the number of comparisons was fixed beforehand, and one added later could be picked by its result"
BASELINE = v.Form("a forecaster in quotes, such as \"CountMap(lookback='21D')\"", lambda value: _phrase(value))
MOST_BASELINES = 50
_MOST_PHRASE = 2_000


def _phrase(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > _MOST_PHRASE:
        raise ValueError
    return value.strip()


def read_key(table: str, key: str, value: Any) -> Any:
    """Read the value of a known key, in the form in which it is kept.

    Raises
    ------
    InputError
        If it is something else, in words.
    """
    entry = KEYS[table].get(key)
    form, meaning = (BASELINE, "what is run alongside") if entry is None else (entry.form, entry.meaning)
    try:
        return form.read(value)
    except InputError as error:
        raise InputError(f"[{table}] {key}: {error}") from error
    except ValueError as error:
        raise InputError(f"[{table}] {key} is {v.shown(value)}; expected {form.expected}: {meaning}.") from error


def unknown_table(name: str) -> str:
    """Say that there is no such table."""
    return f"[{name}] is unknown.{close(name, KEYS)} The tables are {', '.join(f'[{known}]' for known in KEYS)}."


def unknown_key(table: str, key: str) -> str:
    """Say that there is no such key."""
    return f"[{table}] has no key {v.shown(key)}.{close(key, KEYS[table])} Its keys are {', '.join(KEYS[table])}."


def close(word: Any, words: Iterable[str]) -> str:
    """Ask whether a word close to this one was meant; blank if there is none.

    Examples
    --------
    >>> close("vendor", ["vendors", "in_house"])
    " Did you mean 'vendors'?"
    """
    known = list(words)
    # Comparing long texts takes long.
    text = str(word)[: v.MOST_TEXT]
    found = difflib.get_close_matches(text, known, n=1, cutoff=0.6)
    found = found or [one for one in known if one.casefold() == text.casefold()]
    return f" Did you mean {found[0]!r}?" if found else ""


def as_markdown() -> str:
    """All keys as tables for the docs."""
    lines = []
    for name, keys in KEYS.items():
        lines.append(f"### [{name}]\n")
        if not keys:
            lines.append(f"Names of your own choice, each with {BASELINE.expected}. {_cannot(BASELINES_FIXED)}\n")
            continue
        lines += ["| key | what it may be | meaning | left out | amended |", "| --- | --- | --- | --- | --- |"]
        for key, entry in keys.items():
            parts = (f"`{key}`", entry.form.expected, entry.meaning, left_out(entry), _cannot(entry.fixed))
            lines.append("| " + " | ".join(part.replace("|", "\\|") for part in parts) + " |")
        lines.append("")
    return "\n".join(lines)


def left_out(entry: Key) -> str:
    """What a key is where it is left out, in words."""
    if entry.required:
        return "must be given"
    if entry.default_told:
        return entry.default_told
    return f"`{entry.default}`"


def _cannot(fixed: str) -> str:
    return f"No: {fixed}." if fixed else "Yes, from a night on."
