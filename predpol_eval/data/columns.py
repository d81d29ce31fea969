"""Find the columns that a format needs among those of a file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from predpol_eval.data.files import SourceFile
from predpol_eval.data.formats import FORMATS, Column, Format
from predpol_eval.errors import InputError


def match_format(source: SourceFile, entry: Format) -> dict[str, str]:
    """Name of the column in the file for every part of a format that is present.

    Raises
    ------
    InputError
        If required columns are missing: all of them named, with the closest names found, and the format whose
        columns the file does have.
    """
    found = _match(source.names, entry.columns)
    _refuse_double(source, list(found.values()))
    missing = [column.names[0] for part, column in entry.columns.items() if column.required and part not in found]
    if missing:
        others = [
            other.name
            for other in FORMATS.values()
            if other.columns and other.name != entry.name and _fits(source.names, other)
        ]
        # A column that already plays a part is not the one that is missing.
        free = [name for name in source.names if name not in found.values()]
        better = f" The columns are those of format={others[0]!r}." if others else ""
        raise InputError(
            f"{source.name} cannot be read as {entry.name!r} without "
            f"{_named(missing)}.{_suggest(missing, free)}"
            f"{better} {_found(source.names)} Any other table is read with format='generic' and its columns "
            "named."
        )
    return found


def check_names(source: SourceFile, asked: Mapping[str, Sequence[str]]) -> None:
    """Check that the columns that the caller named are there; all that are missing are told at once.

    Parameters
    ----------
    source : SourceFile
        The file.
    asked : mapping of str to sequence of str
        Option (``"x"``) to the column names given for it.
    """
    missing = [(option, name) for option, names in asked.items() for name in names if name not in source.names]
    if missing:
        given = ", ".join(f"{name!r} ({option}=)" for option, name in missing)
        raise InputError(
            f"{source.name} has no column {given}.{_suggest([name for _, name in missing], source.names)} "
            f"{_found(source.names)}"
        )
    _refuse_double(source, [name for names in asked.values() for name in names])


def _refuse_double(source: SourceFile, names: Sequence[str]) -> None:
    double = [name for name in dict.fromkeys(names) if source.names.count(name) > 1]
    if double:
        raise InputError(
            f"{source.name} has several columns named {', '.join(repr(name) for name in double)}; "
            "rename all but one in its header."
        )


def _plain(name: str) -> str:
    """Drop capitals, spaces and underscores: "Primary Type" and "primary_type" are one column."""
    return "".join(character for character in name.casefold() if character.isalnum())


def _match(names: Sequence[str], columns: Mapping[str, Column]) -> dict[str, str]:
    found = {}
    for part, column in columns.items():
        exact = [name for name in column.names if name in names]
        plain = [name for name in names if _plain(name) in {_plain(known) for known in column.names}]
        if exact or plain:
            found[part] = (exact or plain)[0]
    return found


def _fits(names: Sequence[str], entry: Format) -> bool:
    found = _match(names, entry.columns)
    return all(part in found for part, column in entry.columns.items() if column.required)


def _named(names: Sequence[str]) -> str:
    return f"its column{'s' if len(names) > 1 else ''} {', '.join(repr(name) for name in names)}"


def _suggest(missing: Sequence[str], names: Sequence[str]) -> str:
    by_plain = {_plain(name): name for name in names}
    close = [
        by_plain[match]
        for name in missing
        for match in difflib.get_close_matches(_plain(name), list(by_plain), n=1, cutoff=0.5)
    ]
    return f" Did you mean {' or '.join(repr(name) for name in dict.fromkeys(close))}?" if close else ""


def _found(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:40])
    return f"The columns found are: {shown}{' ...' if len(names) > 40 else ''}."
