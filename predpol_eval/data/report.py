"""What a reader did to a file: rows read, rows dropped and why, and what to know before using the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from predpol_eval.errors import InputError

Where = Literal["line", "row"]


class Dropped(NamedTuple):
    """Rows left out for one reason.

    Attributes
    ----------
    reason : str
        Why, in words.
    rows : int
        How many.
    first : tuple of int
        The first of them: lines of a text file (the header is line 1), or rows of a Parquet file (from 0).
    """

    reason: str
    rows: int
    first: tuple[int, ...]


class Gap(NamedTuple):
    """A stretch of days ``[start, end)`` with far fewer crimes than the days around it.

    Attributes
    ----------
    start, end : str
        Civil dates in ISO form, end excluded.
    crimes : int
        Crimes found in it.
    expected : float
        Crimes expected in it at the rate of the days around it.
    """

    start: str
    end: str
    crimes: int
    expected: float


@dataclass(frozen=True, kw_only=True)
class ReadReport:
    """What a reader did to a file. It always adds up: ``rows_read == rows_kept + sum of dropped``.

    Attributes
    ----------
    source : str
        Name of the file.
    format : str
        The format it was read as.
    rows_read, rows_kept : int
        Rows of the file, header apart, and rows that became events.
    dropped : tuple of Dropped
        Why the others did not, one entry per reason; a row is counted under its first reason only.
    notes : tuple of str
        What to know before using the rows that were kept.
    attribution : str
        The line that the publisher asks to be shown with the data.
    where : {"line", "row"}
        What the numbers in `dropped` count.
    duplicates : int
        Kept rows that repeat an earlier kept row in every column.
    gaps : tuple of Gap
        Suspiciously empty stretches of days.
    observed_hint : tuple of (str, str)
        The days between them, ready to be given as ``observed=``; empty where there is no gap.

    Raises
    ------
    InputError
        If the numbers do not add up.

    Examples
    --------
    >>> report = ReadReport(source="crimes.csv", format="generic", rows_read=3, rows_kept=2,
    ...                     dropped=(Dropped("the place is blank", 1, (3,)),))
    >>> print(report)
    crimes.csv, read as generic
      rows read       3
      rows kept       2
      rows dropped    1
        1  the place is blank (line 3)
    """

    source: str
    format: str
    rows_read: int
    rows_kept: int
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    attribution: str = ""
    where: Where = "line"
    duplicates: int = 0
    gaps: tuple[Gap, ...] = ()
    observed_hint: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.rows_read != self.rows_kept + self.rows_dropped:
            raise InputError(
                f"The report of {self.source} does not add up: {self.rows_read} rows read, {self.rows_kept} "
                "kept and "
                f"{self.rows_dropped} dropped. Every row read must be kept or dropped for one reason."
            )

    @property
    def rows_dropped(self) -> int:
        """Rows left out, for all reasons together."""
        return sum(entry.rows for entry in self.dropped)

    def __str__(self) -> str:
        width = len(f"{self.rows_read:,}")
        lines = [f"{self.source}, read as {self.format}"]
        for name, number in self._totals():
            lines.append(f"  {name:<12}  {number:>{width + 1},}")
        lines += [
            f"    {entry.rows:>{width},}  {entry.reason} ({number_list(entry.first, entry.rows, self.where)})"
            for entry in self.dropped
        ]
        if self.notes:
            lines.append("  notes")
            lines += [f"  - {note}" for note in self.notes]
        if self.attribution:
            lines.append(f"  {self.attribution}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        rows = [f"<tr><th>{name}</th><td>{number:,}</td><td></td></tr>" for name, number in self._totals()]
        for entry in self.dropped:
            found = number_list(entry.first, entry.rows, self.where)
            rows.append(f"<tr><th></th><td>{entry.rows:,}</td><td>{escape(entry.reason)} ({escape(found)})</td></tr>")
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return (
            f"<table><caption>{escape(self.source)}, read as "
            f"{escape(self.format)}</caption>{''.join(rows)}</table>"
            + (f"<ul>{notes}</ul>" if notes else "")
            + (f"<p><small>{escape(self.attribution)}</small></p>" if self.attribution else "")
        )

    def _totals(self) -> tuple[tuple[str, int], ...]:
        return (
            ("rows read", self.rows_read),
            ("rows kept", self.rows_kept),
            ("rows dropped", self.rows_dropped),
        )


def number_list(first: Sequence[int], total: int, where: Where) -> str:
    """Name the first of `total` lines or rows.

    Examples
    --------
    >>> number_list((3,), 1, "line")
    'line 3'
    >>> number_list((3, 5), 14, "line")
    'lines 3, 5 and 12 more'
    """
    named = ", ".join(f"{number}" for number in first)
    more = total - len(first)
    return f"{where}{'s' if total > 1 else ''} {named}" + (f" and {more:,} more" if more > 0 else "")
