"""Which columns a file may have, and what its header says wrongly, told all at once."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from predpol_eval.trial.submissions.rows import NUMBERS, TEXTS, Unreadable, shown

KNOWN = (*TEXTS, *NUMBERS)
# Of a file with polygons: the place is the polygon.
KNOWN_OF_BOXES = ("night", "area", "kind", "rank", "risk")
# More cannot be right, and each is compared with the known names.
MOST_COLUMNS = 64
_NAMED = 10


def plain_name(name: str) -> str:
    """Column name without capitals and blanks.

    Examples
    --------
    >>> plain_name(" Risk ")
    'risk'
    """
    return "".join(name.casefold().split())


def missing_columns(columns: Collection[str]) -> tuple[str, ...]:
    """What a table still needs to be a prediction.

    Parameters
    ----------
    columns : collection of str
        The columns that it has, such as `Rows.columns`.

    Returns
    -------
    tuple of str
        Each for a message. The night may be missing where one night is submitted, and the area where cells or points
        tell it, so neither is named. Polygons need neither rank nor risk.

    Examples
    --------
    >>> missing_columns(["area", "cell", "risk"])
    ('kind',)
    >>> missing_columns(["x"])
    ('kind', 'y (beside x)', 'rank or risk')
    """
    have = set(columns)
    missing = [] if "kind" in have else ["kind"]
    if not have & {"cell", "box"}:
        if "x" in have and "y" not in have:
            missing.append("y (beside x)")
        elif "y" in have and "x" not in have:
            missing.append("x (beside y)")
        elif "x" not in have:
            missing.append("cell, or x and y")
    if not have & {"rank", "risk", "box"}:
        missing.append("rank or risk")
    return tuple(missing)


def match_columns(names: Sequence[str], *, known: Sequence[str] = KNOWN, what: str = "column") -> list[str]:
    """Known name of each column of a file, in its order.

    Parameters
    ----------
    names : sequence of str
        As the file has them.
    known : sequence of str
        What they may be.
    what : str
        What such a name is of, for the message.

    Returns
    -------
    list of str

    Raises
    ------
    Unreadable
        If a name is unknown or blank, or two are the same; everything is told at once, what is missing too.

    Examples
    --------
    >>> match_columns(["Kind", " cell", "RISK"])
    ['kind', 'cell', 'risk']
    """
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    if len(names) > MOST_COLUMNS:
        raise Unreadable(f"The file has {len(names):,} {plural}; the {plural} are {', '.join(known)}.")
    plain = [plain_name(name) for name in names]
    faults = []
    blank = [str(position) for position, name in enumerate(plain, 1) if not name]
    if blank:
        faults.append(f"{what} {', '.join(blank[:_NAMED])} has no name")
    unknown = list(
        dict.fromkeys(name for name, short in zip(names, plain, strict=True) if short and short not in known)
    )
    faults += [f"the {what} {shown(name)} is unknown{_hint(plain_name(name), known)}" for name in unknown[:_NAMED]]
    if len(unknown) > _NAMED:
        faults.append(f"{len(unknown) - _NAMED} more are unknown")
    faults += [f"the {what} {name} is there {plain.count(name)} times" for name in known if plain.count(name) > 1]
    if faults:
        missing = missing_columns(plain) if known is KNOWN else ()
        faults += [f"it lacks {name}" for name in missing]
        end = " The first row holds the names." if not set(plain) & set(known) and known is KNOWN else ""
        raise Unreadable(
            f"The {plural} of the file are not as expected: {'; '.join(faults)}. The {plural} are "
            f"{', '.join(known)}; leave others out.{end}"
        )
    return plain


def _hint(name: str, known: Sequence[str]) -> str:
    if name.startswith(("unnamed:", "__index_level_")):
        return " (the row numbers of a data frame; write it with index=False)"
    close = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""
