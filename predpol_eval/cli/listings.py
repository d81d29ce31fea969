"""What can be read and what can be run, as text."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable
from dataclasses import is_dataclass
from inspect import Parameter

from predpol_eval.data.formats import FORMATS
from predpol_eval.errors import InputError
from predpol_eval.forecasters.phrases import EXAMPLES, FORECASTERS, fields_of, first_line

WIDTH = 100


def format_list() -> str:
    """Name every format, in a few lines each."""
    parts = []
    for name, entry in FORMATS.items():
        needs = ", ".join(entry.required) or "columns named by you"
        lines = [name, *_indented(entry.sentence), *_indented(f"columns: {needs}")]
        if entry.tz:
            lines += _indented(f"{entry.crs}, {entry.tz}, time told to the {entry.resolution}")
        parts.append("\n".join(lines))
    closing = "`predpol-eval formats NAME` shows one in full: its oddities, what it cannot tell, its licence."
    return "\n\n".join([*parts, closing])


def format_in_full(name: str) -> str:
    """All that is known about a format.

    Raises
    ------
    InputError
        If there is no such format.
    """
    if name not in FORMATS:
        close = difflib.get_close_matches(name.lower(), list(FORMATS), n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(f"There is no format {name!r}.{hint} The formats are {', '.join(FORMATS)}.")
    entry = FORMATS[name]
    lines = [name, *_indented(entry.sentence), *_indented(f"publisher: {entry.publisher}")]
    if entry.tz:
        lines += _indented(
            f"result in metres of {entry.crs}, from {entry.source_crs}; clock of {entry.tz}; time told to the "
            f"{entry.resolution}"
        )
    if entry.columns:
        lines += ["", "  Columns"]
        for column in entry.columns.values():
            optional = "" if column.required else " (optional)"
            lines += _indented(f"{column.names[0]}: {column.meaning}{optional}", "    ")
    for title, texts in (
        ("Oddities, and what is done about them", entry.quirks),
        ("What it cannot tell", entry.caveats),
    ):
        if texts:
            lines += ["", f"  {title}"]
            for text in texts:
                lines += _indented(f"- {text}", "    ")
    lines += ["", *_indented(f"Licence: {entry.licence}")]
    if entry.attribution:
        lines += _indented(f"To be shown: {entry.attribution}")
    return "\n".join([*lines, "", *_indented(f"In Python: {entry.example}")])


def forecaster_list() -> str:
    """Name every forecaster with its fields and their defaults."""
    parts = []
    for name in FORECASTERS:
        fields = fields_of(name).items()
        shown = [key if value is Parameter.empty else f"{key}={_shown(value)}" for key, value in fields]
        call = f"{name}({', '.join(shown)})"
        lines = [*_indented(call if name != "External" else EXAMPLES[name], "", "    "), *_indented(first_line(name))]
        if name in EXAMPLES and name != "External":
            lines += _indented(f"such as {EXAMPLES[name]}")
        parts.append("\n".join(lines))
    closing = (
        "Values shown are the defaults; what has none must be given.\n"
        "Lengths of time are texts: '21D', '8W', '36h'; distances are metres."
    )
    return "\n\n".join([*parts, closing])


def _shown(value: object) -> str:
    """A value as it is written; of what stands inside only what is not left at its default."""
    from predpol_eval.forecasters import describe

    if isinstance(value, tuple) and value and all(map(is_dataclass, value)):
        return f"[{', '.join(map(describe, value))}]"
    return repr(value)


def _indented(text: str, first: str = "  ", rest: str | None = None) -> Iterable[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=first + "  " if rest is None else rest,
        break_long_words=False,
    )
