"""Whether the keys of a plan are known, right, and fit each other; all faults are found, not the first only."""

from __future__ import annotations

import copy
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from predpol_eval.errors import InputError
from predpol_eval.trial.plan import values as v
from predpol_eval.trial.plan.keys import KEYS, MOST_BASELINES, close, read_key, unknown_key, unknown_table

Tables = dict[str, dict[str, Any]]
# Rows of every league table, beside which nothing else may bear the name.
RESERVED = ("oracle", "uniform")
# What tables and sentences call all kinds or all areas together.
ALL_KINDS = ("all", "all kinds", "all kinds together")
ALL_AREAS = ("all", "all areas", "all areas together")


def check_tables(tables: Mapping[str, Any]) -> tuple[Tables, list[str]]:
    """Check names, presence, values and fit of all keys, and fill in what was left out.

    Parameters
    ----------
    tables : mapping
        The tables as they stand in a file of TOML, or as a plan keeps them (None: left out).

    Returns
    -------
    values : dict of dict
        Every key that is right, in the form in which it is kept; those left out as they are by default.
    problems : list of str
        What is wrong.

    Examples
    --------
    >>> check_tables({"trail": {}})[1][0][:46]
    "[trail] is unknown. Did you mean 'trial'? The "
    """
    problems = [unknown_table(str(name)) for name in tables if name not in KEYS]
    found: Tables = {}
    for name in KEYS:
        given = tables.get(name, {})
        if not isinstance(given, Mapping):
            problems.append(f"{name} is {v.shown(given)}; write it as a table, [{name}].")
            given = {}
        found[name], wrong = _check_table(name, given)
        problems += wrong
    if not problems:
        _fill_in(found)
    problems += _kinds(found) + _names(found) + _looks(found) + _pairs(found)
    if "use" in found["place"] and found["place"]["use"] is not None and found["place"].get("label") is None:
        problems.append("[place] use names areas, but no label says in which column names stand; give label.")
    return found, problems


def refuse(problems: Sequence[str], what: str = "The plan") -> None:
    """Raise all problems at once.

    Raises
    ------
    InputError
        If there is any.
    """
    if len(problems) == 1:
        raise InputError(problems[0])
    if problems:
        raise InputError(f"{what} has {len(problems)} faults:\n" + "\n".join(f"  - {problem}" for problem in problems))


def _check_table(name: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Keys of a table that are right, and what is wrong with the others."""
    values: dict[str, Any] = {}
    problems = []
    own = name == "baselines"
    if own and len(given) > MOST_BASELINES:
        return {}, [f"[baselines] holds {len(given)}; the most is {MOST_BASELINES}."]
    for key, value in given.items():
        if not own and key not in KEYS[name]:
            problems.append(unknown_key(name, key))
        elif value is not None:
            try:
                values[key] = read_key(name, key, value)
            except InputError as error:
                problems.append(str(error))
    for key, entry in KEYS[name].items():
        if entry.required and given.get(key) is None:
            problems.append(f"[{name}] lacks {key}: {entry.meaning}; expected {entry.form.expected}.")
        elif key not in given or given[key] is None:
            values[key] = copy.deepcopy(entry.default)
    # The order in which baselines are written decides nothing.
    return (
        dict(sorted(values.items())) if own else {key: values[key] for key in KEYS[name] if key in values}
    ), problems


def _fill_in(found: Tables) -> None:
    """Fill in what depends on other keys."""
    test, who = found["test"], found["submitters"]
    if test["looks"] is None:
        test["looks"] = [found["nights"]["number"]]
    if test["pairs"] is None:
        vendors = who["vendors"]
        among = [[a, b] for place, a in enumerate(vendors) for b in vendors[place + 1 :]]
        with_house = [[vendor, house] for vendor in vendors for house in who["in_house"]]
        # A vendor alone is held against what is run alongside.
        test["pairs"] = among + with_house or [[vendors[0], name] for name in found["baselines"]]


def folded(name: str) -> str:
    """A name without what readers do not tell apart: capitals, wide letters, and what stands between words.

    Examples
    --------
    >>> folded("All_Kinds") == folded("all  kinds")
    True
    """
    return " ".join(re.split(r"[\s_-]+", unicodedata.normalize("NFKC", name).casefold().strip()))


def reserved_areas(labels: Iterable[str]) -> list[str]:
    """What is wrong with names of areas: none may be called as all of them together are."""
    return [
        f"[place] An area is called {v.shown(label)}, as tables call all areas together; give it another name in the "
        "file of areas, or leave it out with use."
        for label in labels
        if folded(label) in ALL_AREAS
    ]


def _kinds(found: Tables) -> list[str]:
    return [
        f"[crimes] kinds names {v.shown(kind)}, as tables call all kinds together; give the kind another name in the "
        "crimes and here."
        for kind in found["crimes"].get("kinds") or ()
        if folded(kind) in ALL_KINDS
    ]


def _names(found: Tables) -> list[str]:
    """Submitters and baselines stand in one league table: every name once, however it is written."""
    problems = []
    seen: dict[str, str] = {}
    for where, names in _all_names(found):
        for name in names:
            plain = folded(name)
            if where == "[baselines]":
                try:
                    v.plain_text(name, 60)
                except ValueError:
                    problems.append(f"[baselines] {v.shown(name)} is no name; give a text of one line, up to 60 signs.")
            if plain in RESERVED:
                problems.append(
                    f"{where} names {name!r}, which every trial is scored beside anyway; choose another name."
                )
            if plain in seen:
                problems.append(f"{where} names {name!r}, but {seen[plain]} does so too; give every name once.")
            seen.setdefault(plain, where)
    return problems


def _all_names(found: Tables) -> Iterable[tuple[str, Sequence[str]]]:
    who = found["submitters"]
    return (
        ("[submitters] vendors", who.get("vendors") or ()),
        ("[submitters] in_house", who.get("in_house") or ()),
        ("[baselines]", tuple(found["baselines"])),
    )


def _looks(found: Tables) -> list[str]:
    number, looks = found["nights"].get("number"), found["test"].get("looks")
    if number is None or not looks or looks[-1] == number:
        return []
    return [
        f"[test] looks ends at {looks[-1]:,}, but the trial has {number:,} nights; the last look is after all nights."
    ]


def _pairs(found: Tables) -> list[str]:
    names = [name for _, part in _all_names(found) for name in part]
    pairs = found["test"].get("pairs") or []
    problems = [
        f"[test] pairs names {name!r}, which is neither a submitter nor a baseline.{close(name, names)} "
        f"There are {', '.join(map(repr, names))}."
        for name in sorted({name for pair in pairs for name in pair} - set(names))
        if found["submitters"].get("vendors")
    ]
    ordered = [tuple(sorted(pair)) for pair in pairs]
    problems += [
        f"[test] pairs compares {pair[0]!r} and {pair[1]!r} twice; once is enough."
        for pair in sorted({pair for pair in ordered if ordered.count(pair) > 1})
    ]
    return problems
