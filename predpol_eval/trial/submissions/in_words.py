"""The report on a file in plain words, for the one who sent it."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

from predpol_eval.describing import as_html

if TYPE_CHECKING:
    from predpol_eval.trial.submissions.check_table import Severity
    from predpol_eval.trial.submissions.checked import Checked, Result
    from predpol_eval.trial.submissions.context import Fault

WIDTH = 100
_VERDICTS = {
    "accepted": "Accepted.",
    "rejected": "Rejected: the file cannot be used as it is. Correct it and submit it again before the deadline.",
    "held": "Held: one of our own checks broke. This is our fault and is not held against you; keep the file as it is.",
}
_HEADINGS: tuple[tuple[Severity, str], ...] = (
    ("error", "To be corrected"),
    ("warning", "Warnings: accepted, but you lose by it"),
    ("note", "Notes"),
)


def in_words(checked: Checked) -> str:
    """Write the report.

    Parameters
    ----------
    checked : Checked

    Returns
    -------
    str
        Lines of at most 100 characters, but for long words; it ends with a line break.
    """
    told = [f"Submission of {checked.label} for {_nights(checked)}" + (f" ({checked.name})" if checked.name else "")]
    told += _wrapped(_VERDICTS[checked.outcome], "")
    for severity, heading in _HEADINGS:
        failed = checked.failed(severity)
        if failed:
            told += ["", f"{heading}:"]
        for result in failed:
            told += _wrapped(f"{result.name}: {result.sentence}", "  ", "    ")
            for fault in result.faults:
                told += _wrapped(f"- {fault.text}{in_rows(fault, checked.source)}", "    ", "      ")
            told += _wrapped(f"What to do: {result.remedy}", "    ", "      ")
    if checked.broke:
        told += ["", "Checks of ours that broke:"]
        for result in checked.broke:
            told += _wrapped(f"{result.name}: {result.sentence} ({result.reason})", "  ", "    ")
    waiting = [result for result in checked.results if _waiting(result)]
    if waiting:
        text = f"Not tried, since something above comes first: {', '.join(result.name for result in waiting)}."
        told += ["", *_wrapped(text, "", "  ")]
    told += ["", count(checked), f"SHA-256 of the file: {checked.file}"]
    return "\n".join(told) + "\n"


def in_rows(fault: Fault, source: str) -> str:
    """Name the rows of a fault, with a blank before: lines of a CSV file, features of a collection of polygons.

    Examples
    --------
    >>> from predpol_eval.trial.submissions.context import Fault
    >>> in_rows(Fault("Risks are below 0.", (3, 8), 12), "csv")
    ' Lines 3, 8 and 10 more.'
    """
    if not fault.rows:
        return ""
    word = {"csv": "line", "geojson": "feature"}.get(source, "row")
    named = ", ".join(str(row) for row in fault.rows)
    more = fault.count - len(fault.rows)
    return f" {word.capitalize()}{'s' if fault.count > 1 else ''} {named}{f' and {more:,} more' if more > 0 else ''}."


def count(checked: Checked) -> str:
    """How many checks ended how, in one line."""
    endings = {
        "passed": [result for result in checked.results if result.outcome == "pass"],
        "failed": checked.failed(),
        "gave a warning": checked.failed("warning"),
        "gave a note": checked.failed("note"),
        "broke": checked.broke,
        "did not apply or were not tried": [result for result in checked.results if result.outcome == "skipped"],
    }
    told = ", ".join(f"{len(found)} {words}" for words, found in endings.items() if found)
    return f"Of {len(checked.results)} checks {told}."


def lines(checked: Checked) -> dict[str, str]:
    """The report in a few lines, for a terminal or a notebook."""
    told = {
        "submitter": checked.label,
        "nights": _nights(checked),
        "file": f"{checked.name or 'without a name'} ({checked.file[:12]}...)",
        "outcome": checked.outcome,
    }
    for severity, _ in _HEADINGS:
        failed = checked.failed(severity)
        if failed:
            told[f"{severity}s"] = ", ".join(result.name for result in failed)
    if checked.broke:
        told["broke"] = ", ".join(result.name for result in checked.broke)
    return told


def in_html(checked: Checked) -> str:
    """The same for a notebook, with the faults of every check."""
    left = "style='text-align:left'"
    rows = [
        f"<tr><td>{escape(result.severity)}</td><td {left}><code>{escape(result.name)}</code></td>"
        f"<td {left}>{escape(_all(result, checked.source))}</td></tr>"
        for result in checked.results
        if result.outcome in ("fail", "broke")
    ]
    head = "<tr><th></th><th>check</th><th>what is wrong</th></tr>"
    return as_html("Checked", lines(checked)) + (f"<table>{head}{''.join(rows)}</table>" if rows else "")


def _all(result: Result, source: str) -> str:
    return result.reason or " ".join(f"{fault.text}{in_rows(fault, source)}" for fault in result.faults)


def _nights(checked: Checked) -> str:
    if len(checked.nights) == 1:
        return f"the night of {checked.nights[0]}"
    named = ", ".join(checked.nights[:5])
    more = f" and {len(checked.nights) - 5} more" if len(checked.nights) > 5 else ""
    return f"{len(checked.nights)} nights: {named}{more}"


def _waiting(result: Result) -> bool:
    return result.outcome == "skipped" and result.reason.startswith("needs ")


def _wrapped(text: str, first: str, rest: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest or first,
        break_long_words=False,
        break_on_hyphens=False,
    )
