"""Rows of a CSV file, cut into fields by rules that leave no two ways of reading it."""

from __future__ import annotations

import numpy as np

from predpol_eval.trial.submissions.column_names import KNOWN, match_columns, plain_name
from predpol_eval.trial.submissions.limits_hit import Limits, refuse_beyond
from predpol_eval.trial.submissions.plain_values import LONGEST, labels, numbers
from predpol_eval.trial.submissions.rows import TEXTS, ProblemList, Rows, Unreadable, shown

_MARK = b"\xef\xbb\xbf"
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
_LONGEST_HEADER = 5000


def read_csv(data: bytes, limits: Limits) -> Rows:
    """Read the rows of a CSV file: UTF-8, the names in its first line, between fields a comma, semicolon or tab.

    A field may stand in quotes, a quote within it is doubled. A line break in a field is not allowed, so that every
    row is one line, and its number is that of the line. Lines with nothing in them are passed over. The csv module of
    Python is not used: its limit on the length of a field is one for the whole process, and it reads on over a quote
    that is never closed.

    Parameters
    ----------
    data : bytes
        The file.
    limits : Limits
        Blank lines count as rows.

    Returns
    -------
    Rows

    Raises
    ------
    Unreadable
        If it is not such a text, its header is wrong, it has no rows, or more than allowed (`LimitHit`).
    """
    text = text_of(data).replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    refuse_beyond("rows", limits, text.count("\n"))
    lines = text.split("\n")
    first = next((position for position, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise Unreadable("The file holds nothing but blanks; its first line names the columns, the rows follow.")
    names, separator = _header(lines[first], first + 1)
    problems = ProblemList()
    kept, fields = _cut(lines, first + 1, separator, len(names), problems)
    if not kept and not problems.kept:
        raise Unreadable("The file has a header but no rows; there is one row for each predicted box.")
    found = {
        name: (labels if name in TEXTS else numbers)(fields[position :: len(names)], kept, name, problems)
        for position, name in enumerate(names)
    }
    return Rows(source="csv", row=np.array(kept, dtype=np.int64), **found, **problems.finished())  # type: ignore[arg-type]


def text_of(data: bytes) -> str:
    """Decode UTF-8, with or without its mark.

    Raises
    ------
    Unreadable
        If it is anything else, with the line of the first strange byte.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("The file is UTF-16 text; save it as UTF-8.")
    start = len(_MARK) if data.startswith(_MARK) else 0
    zero = data.find(b"\x00")
    if zero >= 0:
        raise Unreadable(
            f"Line {_line(data, zero)} holds a zero byte, as no text does. Send CSV in UTF-8, Parquet or GeoJSON."
        )
    try:
        return data[start:].decode("utf-8")
    except UnicodeDecodeError as error:
        at = start + error.start
        raise Unreadable(
            f"Line {_line(data, at)} holds the byte 0x{data[at]:02x}, which is not UTF-8 text. Save the file as UTF-8."
        ) from None


def split_line(line: str, separator: str) -> tuple[list[str], str]:
    """Fields of a line in which quotes may stand, and what is wrong with it (blank if nothing is).

    Examples
    --------
    >>> split_line('"a,b",c,"d""e"', ",")
    (['a,b', 'c', 'd"e'], '')
    >>> split_line('"a,b', ",")
    ([], 'a quote that is not closed on its line')
    """
    # Cut at its quotes, every other part stands within them, and between two such parts stands nothing (a doubled
    # quote), a separator, or whole fields without quotes between two separators.
    parts = line.split('"')
    if len(parts) == 1:
        return line.split(separator), ""
    if len(parts) % 2 == 0:
        return [], "a quote that is not closed on its line"
    before, after, field = parts[0], parts[-1], parts[1]
    if before and before[-1] != separator:
        return [], f"a quote after {shown(before)}, inside a field that does not begin with one"
    fields = before[:-1].split(separator) if before else []
    for between, inside in zip(parts[2:-1:2], parts[3::2], strict=True):
        if not between:
            field += '"' + inside
            continue
        fields.append(field)
        field = inside
        if between != separator:
            if between[0] != separator or between[-1] != separator:
                return [], f"{shown(between)} between two quotes"
            fields += between[1:-1].split(separator)
    fields.append(field)
    if after:
        if after[0] != separator:
            return [], f"{shown(after)} after a closing quote"
        fields += after[1:].split(separator)
    return fields, ""


def _line(data: bytes, at: int) -> int:
    before = data[:at]
    return before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n") + 1


def _header(line: str, number: int) -> tuple[list[str], str]:
    if len(line) > _LONGEST_HEADER:
        raise Unreadable(
            f"Line {number} has {len(line):,} characters; it should name the columns: {', '.join(KNOWN)}. "
            "Send a CSV file, Parquet or GeoJSON."
        )
    best: tuple[int, list[str], str] | None = None
    fault = ""
    for separator in _SEPARATORS:
        fields, wrong = split_line(line, separator)
        known = sum(plain_name(name) in KNOWN for name in fields)
        if wrong:
            fault = fault or wrong
        elif best is None or (known, len(fields)) > (best[0], len(best[1])):
            best = known, fields, separator
    if best is None:
        raise Unreadable(f"Line {number} should name the columns ({', '.join(KNOWN)}), but holds {fault}.")
    return match_columns(best[1]), best[2]


def _cut(
    lines: list[str], start: int, separator: str, width: int, problems: ProblemList
) -> tuple[list[int], list[str]]:
    """Line numbers of the rows that have as many fields as the header, and these fields, row after row in one list."""
    longest = width * (2 * LONGEST + 3)
    quotes = "quotes in pairs around a whole field, and doubled inside it"
    expected = f"{width} field{'s' if width > 1 else ''}, as in the header"
    if separator == ",":
        expected += " (a decimal point, no decimal comma; a comma inside a field needs quotes)"
    blanks = f" \t{separator}"
    kept: list[int] = []
    # One list, not one for each row: hundreds of thousands of lists are a burden to whoever collects what is not used.
    found: list[str] = []
    for number, line in enumerate(lines[start:], start + 1):
        # A spreadsheet writes the empty rows below a table as separators without fields.
        if not line.strip(blanks):
            continue
        if len(line) > longest:
            problems.add(number, "", f"a line of {len(line):,} characters", f"at most {LONGEST} in each field")
            continue
        if '"' in line:
            fields, wrong = split_line(line, separator)
            if wrong:
                problems.add(number, "", wrong, quotes)
                continue
        else:
            fields = line.split(separator)
        if len(fields) != width:
            problems.add(
                number,
                "",
                f"{len(fields)} field{'s' if len(fields) > 1 else ''} between {_SEPARATORS[separator]}s",
                expected,
            )
            continue
        kept.append(number)
        found += fields
    return kept, found
