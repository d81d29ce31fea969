"""Options of the command line, as the tables of a configuration file."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError
from predpol_eval.forecasters.phrases import named_forecaster

if TYPE_CHECKING:
    from predpol_eval.events import Events


def example() -> str:
    """Text of a configuration file to start from."""
    return (files("predpol_eval.cli") / "example.toml").read_text(encoding="utf-8")


def crimes_of(path: Path, format: str, read: Sequence[str] | None) -> Events:
    """Read recorded crimes, with what else the reader of the format is to be told."""
    from predpol_eval.data import read_events

    options: dict[str, Any] = dict(setting(text) for text in read or ())
    return read_events(path, format=format, **options)


def tables(
    *,
    read: Sequence[str] | None = None,
    observed: Sequence[str] | None = None,
    forecaster: Sequence[str] | None = None,
    **given: Any,
) -> dict[str, dict[str, Any]]:
    """Put options into tables; those that were not given are left out.

    Raises
    ------
    InputError
        If an option of the reader, a period or a name cannot be read.
    """
    events: dict[str, Any] = {
        "file": _whole(given["events"]),
        "format": given["format"],
        "kinds": _list(given["kind"]),
        "pool": given["pool"],
        "observed": [_period(text) for text in observed] if observed else None,
        **dict(setting(text) for text in read or ()),
    }
    names = [named_forecaster(text) for text in forecaster or ()]
    twice = sorted({name for name, _ in names if [other for other, _ in names].count(name) > 1})
    if twice:
        raise InputError(
            f"Two forecasters are called {', '.join(map(repr, twice))}; name them apart, for instance "
            f'--forecaster "another = {names[0][1]}".'
        )
    schedule = {name: given[name] for name in ("start", "end", "at", "horizon", "step", "lead")}
    laid_out: dict[str, dict[str, Any]] = {
        "events": events,
        "areas": {"file": _whole(given["areas"]), "label": given["label"]},
        "grid": {"cell": given["cell"]},
        "schedule": schedule,
        "forecasters": dict(names),
        "backtest": {
            "budgets": _list(given["budget"]),
            "baseline": given["baseline"],
            "jobs": given["jobs"],
            "store": _whole(given["store"]),
        },
        "output": {"folder": _whole(given["output"])},
    }
    chosen = {
        name: {key: value for key, value in table.items() if value is not None} for name, table in laid_out.items()
    }
    return {name: table for name, table in chosen.items() if table}


def _whole(path: Path | None) -> str | None:
    """Whole path, since those of a configuration file start from its own folder."""
    return None if path is None else str(path.absolute())


def _list(values: Sequence[str] | None) -> list[str] | None:
    return list(values) if values else None


def _period(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(parts):
        raise InputError(f"--observed {text!r} cannot be read; write two days, end excluded: 2014-01-01,2019-01-01.")
    return parts


def setting(text: str) -> tuple[str, Any]:
    """Key and value; a number, list or quoted text is taken as such, all else as text."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--read {text!r} cannot be read; write KEY=VALUE, for instance --read x=lon.")
    try:
        return key.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError):
        return key.strip(), value.strip()
