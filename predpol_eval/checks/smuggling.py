"""A rule about where a forecaster gets its data: through `fit`, and from nowhere else."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from predpol_eval.checks.case import Case, NotApplicableError, RuleBrokenError
from predpol_eval.events import Events
from predpol_eval.forecasters.features import CellCovariate, DailyCovariate
from predpol_eval.grid import Grid

LARGEST_ARRAY = 100
LONGEST_LIST = 1_000
LONGEST_TEXT = 10_000
DEPTH = 6


def no_data_aboard(case: Case) -> None:
    """Nothing that can hold the future."""
    if case.replays:
        raise NotApplicableError("surfaces made before carry the moment when each was made, which is checked instead")
    found = list(dict.fromkeys(f"{where} holds {what}" for where, what in _aboard(case.forecaster)))
    if found:
        more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
        raise RuleBrokenError(
            f"{'; '.join(found[:3])}{more}: nobody can tell what of it was known at until. Crimes come through fit; "
            "surfaces made elsewhere through predpol_eval.External, numbers per cell or day through CellCovariate with "
            "its known='...' or DailyCovariate"
        )


def _aboard(forecaster: Any) -> Iterator[tuple[str, str]]:
    """Data in the fields of a forecaster, on its class, and in what its methods reach for."""
    seen: set[int] = set()
    yield from _search(_parts(forecaster), "its field", seen, DEPTH)
    for kind in type(forecaster).__mro__:
        if kind is object or kind.__module__ == "typing":
            continue
        for name, value in vars(kind).items():
            function = inspect.unwrap(value.__func__ if isinstance(value, classmethod | staticmethod) else value)
            if isinstance(value, property):
                function = value.fget
            if isinstance(function, FunctionType):
                yield from _reached_by(function, f"its method {name!r}", seen)
            else:
                yield from _search({name: value}, "its class attribute", seen, DEPTH)


def _parts(thing: Any) -> dict[str, Any]:
    parts = dict(getattr(thing, "__dict__", {}))
    for kind in type(thing).__mro__:
        slots = vars(kind).get("__slots__", ())
        names = (slots,) if isinstance(slots, str) else tuple(slots)
        parts |= {name: getattr(thing, name, None) for name in names if not name.startswith("__")}
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        parts |= {field.name: getattr(thing, field.name, None) for field in dataclasses.fields(thing)}
    return parts


def _search(parts: Mapping[str, Any], where: str, seen: set[int], depth: int) -> Iterator[tuple[str, str]]:
    for name, value in parts.items():
        what = _data(value)
        if what is not None:
            yield f"{where} {name!r}", what
        elif depth and id(value) not in seen:
            seen.add(id(value))
            yield from _search(_within(value), f"{where} {name!r}:", seen, depth - 1)
            function = value.__func__ if isinstance(value, MethodType) else value
            if isinstance(function, FunctionType):
                yield from _reached_by(function, f"{where} {name!r}", seen)


def _within(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {str(key): part for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return {str(position): part for position, part in enumerate(value)}
    if isinstance(value, partial):
        return {"func": value.func, **_within(value.args), **value.keywords}
    if isinstance(value, MethodType):
        return {"__self__": value.__self__}
    if isinstance(value, type | FunctionType | Grid) or inspect.ismodule(value):
        return {}  # a grid is ground, no crime
    if isinstance(value, DailyCovariate) or (isinstance(value, CellCovariate) and value.known is not None):
        return {}  # they carry the moment from which each number was known, and use none before
    return _parts(value)


def _reached_by(function: FunctionType, where: str, seen: set[int]) -> Iterator[tuple[str, str]]:
    """Data that a function closes over, has as a default, or finds in its module."""
    reached = dict(zip(function.__code__.co_freevars, map(_cell, function.__closure__ or ()), strict=True))
    reached |= {f"default {position}": value for position, value in enumerate(function.__defaults__ or ())}
    reached |= function.__kwdefaults__ or {}
    reached |= {name: function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__}
    for name, value in reached.items():
        what = _data(value)
        if what is not None:
            yield f"{where} reaches for {name!r}, which", what
        elif isinstance(value, Mapping | list | tuple | set | partial) and id(value) not in seen:
            seen.add(id(value))
            yield from _search(_within(value), f"{where} reaches for {name!r}:", seen, 2)


def _names(code: CodeType) -> set[str]:
    inner = (_names(part) for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*inner)


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _data(value: Any) -> str | None:
    """What a value is, where it can hold crimes."""
    kind = type(value)
    if isinstance(value, Events):
        return f"an Events of {len(value):,} crimes"
    if isinstance(value, np.ndarray) and (value.size > LARGEST_ARRAY or value.dtype.kind == "M"):
        return f"an array of {value.size:,} numbers"
    if kind.__module__.split(".")[0] in ("pandas", "xarray", "geopandas") and hasattr(value, "shape"):
        return f"a {kind.__name__} of shape {tuple(value.shape)}"
    if kind.__module__.split(".")[0] == "xarray" and hasattr(value, "data_vars"):
        return "a Dataset"
    if isinstance(value, list | tuple | set | frozenset | Mapping) and len(value) > LONGEST_LIST:
        return f"a {kind.__name__} of {len(value):,} entries"
    if isinstance(value, str | bytes | bytearray) and len(value) > LONGEST_TEXT:
        return f"a {kind.__name__} of {len(value):,} characters"
    return None
