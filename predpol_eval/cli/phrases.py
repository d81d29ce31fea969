"""Budgets and forecasters written as text, as people write them in a terminal or a configuration file."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError, PredPolError

if TYPE_CHECKING:
    from predpol_eval.budgets import Budget

BUDGET_FORMS = "'top 10 per area', 'top 50', '1 %', '1 % per area', '1 % floor' or 'flags up to 0.6 km2'"
# The only classes that text can make, so that a configuration file can never run code.
FORECASTERS = ("Uniform", "CountMap", "KDE", "ProspectiveHotspot", "NearRepeat", "SelfExciting", "External")
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"


def read_budget(text: str) -> Budget:
    """Read a budget as people write it, or as results name it.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> read_budget("top 10 per area"), read_budget("1%")
    (TopCells(k=10, per='area'), Coverage(fraction=0.01, per=None, rounding='exact'))
    """
    from predpol_eval.budgets import Coverage, Flags, TopCells

    plain = " ".join(str(text).lower().split())
    if match := re.fullmatch(r"top (\d+)( per area)?( boxes| cells)?( per area)?", plain):
        return TopCells(int(match[1]), per="area" if match[2] or match[4] else None)
    if match := re.fullmatch(
        rf"{_NUMBER} ?(?:%|percent)( of the ground| of the city| of each area| per area)?"
        r"(?:,? (?:whole cells )?\(?(floor|ceil)\)?)?",
        plain,
    ):
        per = "area" if match[2] in (" of each area", " per area") else None
        rounding: Any = match[3] or "exact"
        # 1.1 / 100 is not the double nearest to 0.011; reading "1.1e-2" is.
        return Coverage(float(f"{match[1]}e-2"), per=per, rounding=rounding)  # type: ignore[arg-type]
    if match := re.fullmatch(rf"flags(?: up to)? {_NUMBER} ?km2", plain):
        return Flags(float(f"{match[1]}e6"))
    raise InputError(f"The budget {text!r} cannot be read; write it like {BUDGET_FORMS}.")


def read_forecaster(text: str, *, folder: Path | None = None, name: str = "external") -> Any:
    """Make a forecaster from text such as ``KDE(bandwidth=500)``; nothing is ever run.

    Parameters
    ----------
    text : str
        A class of this library, with values that are plain numbers or texts.
    folder : path, optional
        Where the file of ``External(path=...)`` is looked for.
    name : str
        What to call an `External`.

    Raises
    ------
    InputError
        If it cannot be read; it names the forecasters or fields that there are.

    Examples
    --------
    >>> read_forecaster("CountMap(lookback='90D')")
    CountMap(lookback='90D', half_life=None)
    """
    try:
        node: ast.expr = ast.parse(str(text).strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise _unreadable(text) from error
    call = node if isinstance(node, ast.Call) else ast.Call(func=node, args=[], keywords=[])
    if not isinstance(call.func, ast.Name):
        raise _unreadable(text)
    if call.func.id not in FORECASTERS:
        raise InputError(
            f"There is no forecaster {call.func.id!r}.{_close(call.func.id, FORECASTERS)} The forecasters are "
            f"{', '.join(FORECASTERS)}; `predpol-eval forecasters` shows what each can be given."
        )
    if call.args:
        raise InputError(f"In {text!r}, name every value, for instance KDE(bandwidth=500).")
    values: dict[str, Any] = {}
    for word in call.keywords:
        if word.arg is None or word.arg in values:
            raise _unreadable(text)
        try:
            values[word.arg] = ast.literal_eval(word.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
            raise InputError(
                f"In {text!r}, the value of {word.arg} is not a plain number or a text in quotes, for instance "
                f"{word.arg}=500 or {word.arg}='21D'."
            ) from error
    return _make(call.func.id, values, str(text), folder, name)


def named_forecaster(text: str) -> tuple[str, str]:
    """Take a name apart from what it names: ``"map = CountMap()"``; without one, the text is the name.

    Examples
    --------
    >>> named_forecaster("three-week map = CountMap(lookback='21D')")
    ('three-week map', "CountMap(lookback='21D')")
    >>> named_forecaster("CountMap(lookback='21D')")
    ("CountMap(lookback='21D')", "CountMap(lookback='21D')")
    """
    if match := re.fullmatch(r"\s*([^()=]*[^()=\s])\s*=\s*([A-Za-z_]\w*\s*(?:\(.*\))?)\s*", text, re.DOTALL):
        return match[1], match[2]
    return text.strip(), text.strip()


def fields_of(forecaster: str) -> dict[str, Any]:
    """What a forecaster can be given, and what it is otherwise."""
    if forecaster == "External":
        return {"path": "a file written by ppe.save_surface(...)"}
    made = _class(forecaster)
    return {field.name: field.default for field in dataclasses.fields(made) if field.init}


def first_line(forecaster: str) -> str:
    """What a forecaster does, in one line."""
    return (_class(forecaster).__doc__ or "").strip().split("\n")[0]


def _class(forecaster: str) -> Any:
    from predpol_eval import forecasters

    return getattr(forecasters, forecaster)


def _make(kind: str, values: dict[str, Any], text: str, folder: Path | None, name: str) -> Any:
    allowed = fields_of(kind)
    for given in values:
        if given not in allowed:
            raise InputError(f"{kind} has no {given!r}.{_close(given, allowed)} It can be given {', '.join(allowed)}.")
    try:
        if kind == "External":
            if not isinstance(values.get("path"), str):
                raise InputError(f"In {text!r}, give the file of its surfaces: External(path='vendor.nc').")
            return _class(kind).from_file((folder or Path()) / values["path"], name=name)
        return _class(kind)(**values)
    except PredPolError as error:
        raise InputError(f"{text}: {error}") from error
    except TypeError as error:
        raise InputError(f"{text}: a value is of the wrong type ({error}).") from error


def _close(word: str, words: Any) -> str:
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    if not found:
        found = [known for known in words if known.lower() == word.lower()]
    return f" Did you mean {found[0]!r}?" if found else ""


def _unreadable(text: str) -> InputError:
    return InputError(
        f"The forecaster {text!r} cannot be read; write it like KDE(bandwidth=500) or CountMap(lookback='21D')."
    )
