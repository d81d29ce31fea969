"""What a page of the report is made of: words, tables, pictures. They hold plain text, which the template escapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph.

    Attributes
    ----------
    text : str
    lead : str
        A few words in bold before it.
    items : tuple of str
        A list after it.
    tone : str
        ``""`` or ``"warning"``.
    """

    form: ClassVar[str] = "words"
    text: str
    lead: str = ""
    items: tuple[str, ...] = ()
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: what it says, and smaller, below it, more."""

    text: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; the first cell names it.

    Attributes
    ----------
    cells : tuple of Cell or str
    group : str
        Rows of one group stand together, under its name.
    """

    cells: tuple[Cell | str, ...]
    group: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption.

    Attributes
    ----------
    caption : str
    head : tuple of str
    rows : tuple of Row
    texts : tuple of int
        Places of columns of words, besides the first; all others are numbers, to the right.
    note : str
        Below it.
    """

    form: ClassVar[str] = "table"
    caption: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    texts: tuple[int, ...] = ()
    note: str = ""

    @property
    def groups(self) -> list[tuple[str, list[list[Cell]]]]:
        """Rows by group, in their order, all cells alike."""
        made: list[tuple[str, list[list[Cell]]]] = []
        for row in self.rows:
            if not made or made[-1][0] != row.group:
                made.append((row.group, []))
            made[-1][1].append([cell if isinstance(cell, Cell) else Cell(cell) for cell in row.cells])
        return made


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG of this package, and what is said below it.

    Attributes
    ----------
    svg : str
        The one text that the template does not escape.
    caption : str
    """

    form: ClassVar[str] = "picture"
    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what belongs to them, one row each; hashes break anywhere.

    Attributes
    ----------
    caption : str
    rows : tuple of (str, str)
    """

    form: ClassVar[str] = "facts"
    caption: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A command, to be copied as it is."""

    form: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True, slots=True)
class Fold:
    """Something long that is folded away on a screen, and open on paper."""

    form: ClassVar[str] = "fold"
    title: str
    blocks: tuple[Block, ...]


Block = Words | Table | Picture | Facts | Code | Fold


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report with a heading.

    Attributes
    ----------
    name : str
        What links point to.
    title : str
    blocks : tuple of Block
    """

    name: str
    title: str
    blocks: tuple[Block, ...] = field(default=())


def words(*texts: str) -> tuple[Words, ...]:
    """Paragraphs, those that say nothing left out."""
    return tuple(Words(text) for text in texts if text)


def folded(title: str, blocks: Sequence[Block], long: bool) -> tuple[Block, ...]:
    """Fold blocks away if they are long."""
    return (Fold(title, tuple(blocks)),) if long and blocks else tuple(blocks)
