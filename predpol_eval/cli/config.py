"""What a run is told to do: the tables and keys of a configuration file, checked together with the options given."""

from __future__ import annotations

import datetime
import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from predpol_eval.data.formats import FORMATS
from predpol_eval.errors import InputError


class Key(NamedTuple):
    """A key of the configuration: what it may be, whether it must be there, and what it means."""

    types: tuple[type, ...]
    meaning: str
    required: bool = False


TEXT, NUMBER, WHOLE, TRUTH, LIST, DAY = (str,), (int, float), (int,), (bool,), (list,), (str, datetime.date)

# One table feeds the check, its suggestions and the docs. In [events], what else the reader of the format takes is
# allowed too; [forecasters] holds names of one's own choice.
KEYS: Mapping[str, Mapping[str, Key]] = MappingProxyType(
    {
        "events": {
            "file": Key(TEXT, "recorded crimes: CSV (plain or gzip) or Parquet", True),
            "format": Key(TEXT, "whose file it is; `predpol-eval formats` lists them", True),
            "kinds": Key(LIST, "kinds of crime, each fitted and counted by itself; default: all crimes pooled"),
            "pool": Key(TRUTH, "whether to pool the kinds into one"),
        },
        "areas": {
            "file": Key(TEXT, "polygons of the areas: GeoJSON, GeoPackage or shapefile, in any system", True),
            "label": Key(TEXT, "column with the name of each area; without it the whole is one area"),
        },
        "grid": {
            "cell": Key(NUMBER, "side of a box in metres, default 250"),
            "origin": Key(LIST, "a point [x, y] that grid lines pass through"),
            "bounds": Key(LIST, "instead of areas: [xmin, ymin, xmax, ymax] in metres of the crimes' system"),
        },
        "schedule": {
            "start": Key(DAY, "first night", True),
            "end": Key(DAY, "the day after the last night", True),
            "step": Key(TEXT, "from one window to the next, default '1D'"),
            "horizon": Key(TEXT, "length of a window, default '1D'"),
            "at": Key(TEXT, "time of day at which windows begin, default '00:00'"),
            "lead": Key(TEXT, "how long before its start a window is forecast, default '0h'"),
        },
        "forecasters": {},
        "backtest": {
            "budgets": Key(LIST, "what can be patrolled, such as 'top 10 per area' or '1 %'", True),
            "baseline": Key(TEXT, "forecaster that the others are compared with, default the first"),
            "method": Key(TEXT, "how crimes of uncertain time count: aoristic, start, end, midpoint or exclude"),
            "jobs": Key(WHOLE, "worker processes, -1 for all cores, default 1"),
            "store": Key(TEXT, "folder for finished blocks, so that a stopped run resumes"),
        },
        "output": {
            "folder": Key(TEXT, "where results go, default 'backtest-output'"),
            "seed": Key(WHOLE, "of the draws behind the intervals, default 1"),
            "resamples": Key(WHOLE, "number of draws, default 2000"),
            "map_forecaster": Key(TEXT, "forecaster of the risk map, default the last"),
            "map_kind": Key(TEXT, "kind of crime of the risk map, default the first"),
            "map_night": Key(DAY, "night of the risk map, default the last"),
        },
    }
)

_EXPECTED: Mapping[tuple[type, ...], str] = {
    TEXT: "a text",
    NUMBER: "a number",
    WHOLE: "a whole number",
    TRUTH: "true or false",
    LIST: "a list",
    DAY: "a day such as 2018-06-01",
}
_NUMBERS = {"bounds": 4, "origin": 2}
# Options of the command line that set a key, for messages.
_OPTIONS = {
    ("events", "file"): "--events",
    ("events", "format"): "--format",
    ("areas", "file"): "--areas",
    ("schedule", "start"): "--start",
    ("schedule", "end"): "--end",
    ("backtest", "budgets"): "--budget",
}


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """The keys of a configuration that are known and of the right type.

    Attributes
    ----------
    tables : mapping of str to mapping
        The tables and keys of `KEYS`.
    folder : path
        What relative paths start from.
    """

    tables: Mapping[str, Mapping[str, Any]]
    folder: Path

    def get(self, table: str, key: str, default: Any = None) -> Any:
        """Value of a key, or its default."""
        return self.tables.get(table, {}).get(key, default)

    def path(self, table: str, key: str) -> Path | None:
        """Path given for a key."""
        value = self.get(table, key)
        return None if value is None else self.folder / value

    @property
    def reader_options(self) -> dict[str, Any]:
        """What [events] holds beyond the keys that every format has: options of the reader."""
        return {key: value for key, value in self.tables["events"].items() if key not in KEYS["events"]}


def read_config(path: Path) -> dict[str, Any]:
    """Read the tables of a configuration file.

    Raises
    ------
    InputError
        If there is no such file, or it is not TOML.
    """
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except FileNotFoundError as error:
        raise InputError(
            f"There is no file {str(path)!r}. `predpol-eval backtest --example > run.toml` writes one to start from."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is not a TOML file: {error}") from error
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror or error}") from error


def merge(tables: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Lay the options of the command line over the tables of a file; what is None was not given."""
    merged: dict[str, Any] = {
        name: dict(table) if isinstance(table, Mapping) else table for name, table in tables.items()
    }
    for name, given in options.items():
        chosen = {key: value for key, value in given.items() if value is not None}
        if not chosen:
            continue
        before = merged.get(name, {})
        # Forecasters are a whole: those of the command line replace those of the file.
        merged[name] = chosen if name == "forecasters" or not isinstance(before, dict) else {**before, **chosen}
    return merged


def check_config(tables: Mapping[str, Any], folder: Path) -> tuple[RunConfig, list[str]]:
    """Check names, presence and types of all keys.

    Returns
    -------
    config : RunConfig
        What is usable.
    problems : list of str
        What is wrong, to be told together with what else is found before any work.
    """
    problems = [
        f"[{name}] is unknown.{_close(name, KEYS)} The tables are {', '.join(f'[{known}]' for known in KEYS)}."
        for name in tables
        if name not in KEYS
    ]
    usable: dict[str, dict[str, Any]] = {}
    for name, keys in KEYS.items():
        table = tables.get(name, {})
        usable[name] = {}
        if not isinstance(table, Mapping):
            problems.append(f"{name} is {table!r}; write it as a table, [{name}].")
        elif table or name != "areas":
            usable[name], wrong = _check_table(name, table, keys, tables)
            problems += wrong
    if not _table(tables, "forecasters"):
        problems.append("No forecaster is given: [forecasters] (--forecaster) needs one, such as KDE(bandwidth=500).")
    areas, bounds = tables.get("areas"), _table(tables, "grid").get("bounds")
    if not areas and bounds is None:
        problems.append("No study area is given: name a file of polygons in [areas] (--areas), or bounds in [grid].")
    if areas and bounds is not None:
        problems.append("Both [areas] and bounds in [grid] are given; choose one.")
    return RunConfig(tables=usable, folder=folder), problems


def refuse(problems: list[str]) -> None:
    """Raise all problems at once."""
    if len(problems) == 1:
        raise InputError(problems[0])
    if problems:
        raise InputError(f"{len(problems)} problems:\n" + "\n".join(f"  - {problem}" for problem in problems))


def _check_table(
    name: str, table: Mapping[str, Any], keys: Mapping[str, Key], tables: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Keys of a table that can be used, and what is wrong with the others."""
    usable, problems = {}, []
    takes = _reader_options(tables) if name == "events" else {}
    for key, value in table.items():
        wrong = _wrong(name, key, value, keys, takes, tables)
        if wrong:
            problems.append(f"[{name}] {wrong}")
        else:
            usable[key] = _plain(value)
    for key, entry in keys.items():
        if entry.required and key not in table:
            option = _OPTIONS.get((name, key))
            problems.append(f"[{name}] lacks {key}{f' ({option})' if option else ''}: {entry.meaning}.")
    needed = [key for key, required in takes.items() if required and key not in table]
    if needed:
        problems.append(f"[{name}] lacks {', '.join(needed)} (--read KEY=VALUE): this format needs to be told.")
    return usable, problems


def _wrong(
    name: str, key: str, value: Any, keys: Mapping[str, Key], takes: Mapping[str, bool], tables: Mapping[str, Any]
) -> str:
    """What is wrong with a key or its value; blank if nothing is."""
    if name == "forecasters":
        return (
            "" if isinstance(value, str) else f'{key} is {value!r}; write it as a text, such as "KDE(bandwidth=500)".'
        )
    if key not in keys:
        # Of an unknown format nobody knows what its reader takes.
        if key in takes or (name == "events" and _table(tables, name).get("format") not in FORMATS):
            return ""
        every = [*keys, *takes]
        return f"has no key {key!r}.{_close(key, every)} Its keys are {', '.join(every)}."
    entry = keys[key]
    if not _is(value, entry.types):
        return f"{key} is {value!r}; expected {_EXPECTED[entry.types]}: {entry.meaning}."
    if (name, key) == ("events", "format") and value not in FORMATS:
        return f"format is {value!r}.{_close(value, FORMATS)} The formats are {', '.join(FORMATS)}."
    if key in _NUMBERS and (len(value) != _NUMBERS[key] or not all(_is(number, NUMBER) for number in value)):
        return f"{key} is {value!r}; give {_NUMBERS[key]} numbers."
    if key in ("kinds", "budgets") and (not value or not all(isinstance(text, str) for text in value)):
        return f"{key} is {value!r}; give a list of texts."
    return ""


def _reader_options(tables: Mapping[str, Any]) -> dict[str, bool]:
    """Options of the reader of this format, and whether each must be given."""
    import inspect

    from predpol_eval.data.read import READERS

    reader = READERS.get(str(_table(tables, "events").get("format")))
    if reader is None:
        return {}
    return {
        name: entry.default is entry.empty
        for name, entry in inspect.signature(reader).parameters.items()
        if entry.kind is entry.KEYWORD_ONLY and name not in KEYS["events"]
    }


def _plain(value: Any) -> Any:
    """Days as texts, whether or not they were quoted."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def _table(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = tables.get(name)
    return table if isinstance(table, Mapping) else {}


def _is(value: Any, types: tuple[type, ...]) -> bool:
    # In Python true is a number, too; here it is not.
    if isinstance(value, bool):
        return bool in types
    return isinstance(value, types) and not (isinstance(value, datetime.datetime))


def _close(word: str, words: Any) -> str:
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f" Did you mean {found[0]!r}?" if found else ""
