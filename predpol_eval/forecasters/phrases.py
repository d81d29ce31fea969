"""Forecasters written as text, as people write them in a terminal or a configuration file; nothing is ever run."""

from __future__ import annotations

import ast
import difflib
import inspect
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from predpol_eval.budget_phrases import read_budget
from predpol_eval.errors import InputError, PredPolError

# What text can make, and nothing else, so that a configuration file can never run code: forecasters,
FORECASTERS = (
    "Uniform",
    "CountMap",
    "KDE",
    "ProspectiveHotspot",
    "NearRepeat",
    "SelfExciting",
    "Regression",
    "Blend",
    "tune",
    "External",
)
# and what stands inside some of them.
FEATURES = ("LaggedCounts", "ForecastTerm", "Calendar")
ESTIMATORS = {
    "PoissonRegressor": "sklearn.linear_model",
    "HistGradientBoostingRegressor": "sklearn.ensemble",
}
_INNER = (*FEATURES, *ESTIMATORS)
# How to write those that need to be given something.
EXAMPLES = {
    "Regression": "Regression(estimator=PoissonRegressor(alpha=0.001), features=[LaggedCounts(), Calendar()])",
    "Blend": "Blend(members=[CountMap(lookback=None), KDE(bandwidth=500)])",
    "tune": "tune(forecaster=KDE(), space={'bandwidth': [250, 500]}, score='1 %')",
    "External": "External(path='vendor.nc')",
}


class _Place(NamedTuple):
    """Where a text stands: what files are looked for from, and what an `External` is called."""

    text: str
    folder: Path
    name: str


def read_forecaster(text: str, *, folder: Path | None = None, name: str = "external") -> Any:
    """Make a forecaster from text such as ``KDE(bandwidth=500)``; nothing is ever run.

    Parameters
    ----------
    text : str
        A forecaster of this library, every value named. A value is a plain number, a text, a list of values, or what
        stands inside: another forecaster, a feature or an estimator.
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
    >>> read_forecaster("Blend(members=[CountMap(), KDE(bandwidth=250)])").members[0]
    CountMap(lookback='21D', half_life=None)
    """
    plain = str(text).strip()
    try:
        node: ast.expr = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise _unreadable(text) from error
    if isinstance(node, ast.Name):
        node = ast.Call(func=node, args=[], keywords=[])
    if not isinstance(node, ast.Call):
        raise _unreadable(text)
    return _called(node, FORECASTERS, _Place(plain, folder or Path(), name))


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
    """What a forecaster can be given, and what it is otherwise; `inspect.Parameter.empty` where it must be given."""
    if forecaster == "External":
        return {"path": "a file written by ppe.save_surface(...)"}
    if forecaster in ESTIMATORS:
        return dict(_maker(forecaster)().get_params())
    return {name: entry.default for name, entry in inspect.signature(_maker(forecaster)).parameters.items()}


def first_line(forecaster: str) -> str:
    """What a forecaster does, in one line."""
    return (_maker(forecaster).__doc__ or "").strip().split("\n")[0]


def _maker(name: str) -> Callable[..., Any]:
    if name in ESTIMATORS:
        try:
            made: Callable[..., Any] = getattr(import_module(ESTIMATORS[name]), name)
        except ImportError as error:
            raise InputError(
                f"{name} needs scikit-learn, which is not installed: pip install 'predpol-eval[models]'"
            ) from error
        return made
    found: Callable[..., Any] = getattr(import_module("predpol_eval"), name)
    return found


def _called(call: ast.Call, choices: tuple[str, ...], place: _Place) -> Any:
    """What a call stands for, made; the innermost first."""
    if not isinstance(call.func, ast.Name):
        raise _unreadable(place.text)
    kind = call.func.id
    if kind not in choices:
        raise InputError(
            f"There is no forecaster {kind!r}.{_close(kind, choices)} The forecasters are "
            f"{', '.join(FORECASTERS)}; `predpol-eval forecasters` shows what each can be given."
        )
    if call.args:
        raise InputError(f"In {place.text!r}, name every value, for instance KDE(bandwidth=500).")
    values: dict[str, Any] = {}
    for word in call.keywords:
        if word.arg is None or word.arg in values:
            raise _unreadable(place.text)
        values[word.arg] = _value(word.value, word.arg, place)
    return _make(kind, values, place)


def _value(node: ast.expr, field: str, place: _Place) -> Any:
    if isinstance(node, ast.Call):
        return _called(node, (*FORECASTERS, *_INNER), place)
    if isinstance(node, ast.List | ast.Tuple):
        return tuple(_value(part, field, place) for part in node.elts)
    if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
        keys = [ast.literal_eval(key) for key in node.keys if key is not None]
        return dict(zip(keys, (_value(value, field, place) for value in node.values), strict=True))
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise InputError(
            f"In {place.text!r}, the value of {field} is not a plain number or a text in quotes, for instance "
            f"{field}=500 or {field}='21D'."
        ) from error


def _make(kind: str, values: dict[str, Any], place: _Place) -> Any:
    allowed = fields_of(kind)
    for given in values:
        if given not in allowed:
            raise InputError(f"{kind} has no {given!r}.{_close(given, allowed)} It can be given {', '.join(allowed)}.")
    for name, default in allowed.items():
        if default is inspect.Parameter.empty and name not in values:
            raise InputError(f"In {place.text!r}, {kind} needs {name}; write it like {EXAMPLES.get(kind, kind)}.")
    try:
        if kind == "External":
            if not isinstance(values.get("path"), str):
                raise InputError(f"In {place.text!r}, give the file of its surfaces: External(path='vendor.nc').")
            from predpol_eval.forecasters import External

            return External.from_file(place.folder / values["path"], name=place.name)
        if kind == "tune" and values.get("score", "log") != "log":
            values["score"] = read_budget(values["score"])
        return _maker(kind)(**values)
    except PredPolError as error:
        raise InputError(f"{place.text}: {error}") from error
    except TypeError as error:
        raise InputError(f"{place.text}: a value is of the wrong type ({error}).") from error


def _close(word: str, words: Any) -> str:
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    if not found:
        found = [known for known in words if known.lower() == word.lower()]
    return f" Did you mean {found[0]!r}?" if found else ""


def _unreadable(text: str) -> InputError:
    return InputError(
        f"The forecaster {text!r} cannot be read; write it like KDE(bandwidth=500) or CountMap(lookback='21D')."
    )
