"""Keys beneath a picture: what its marks mean, of those that occur."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from predpol_eval.report.pictures.paper import SMALL, WIDTH, write
from predpol_eval.report.pictures.short_names import fitted, width_of

LINE = 14.0
_SIGN, _GAP = 14.0, 10.0


class KeyEntry(NamedTuple):
    """One sign with its words.

    Attributes
    ----------
    text : str
    draw : callable
        Draws the sign about a place (page, x, y), in points.
    """

    text: str
    draw: Callable[[Axes, float, float], object]


class Key(NamedTuple):
    """Entries with their places, in points from the key's upper left corner."""

    entries: tuple[tuple[KeyEntry, float, float], ...]
    height: float

    def draw(self, page: Axes, left: float, top: float) -> None:
        """Draw it on a sheet."""
        for entry, x, y in self.entries:
            entry.draw(page, left + x + _SIGN / 2, top + y + LINE / 2)
            write(page, left + x + _SIGN + 3, top + y + LINE / 2, entry.text)


def lay_key(entries: Sequence[KeyEntry], width: float = WIDTH - 12) -> Key:
    """Lay entries out in lines of this width.

    Examples
    --------
    >>> key = lay_key([KeyEntry("one", lambda *_: None), KeyEntry("two", lambda *_: None)], width=60)
    >>> [place[1:] for place in key.entries], key.height
    ([(0.0, 0.0), (0.0, 14.0)], 28.0)
    """
    placed: list[tuple[KeyEntry, float, float]] = []
    x = y = 0.0
    for entry in entries:
        kept = entry._replace(text=fitted(entry.text, width - _SIGN - 3))
        needed = _SIGN + 3 + width_of(kept.text, SMALL)
        if x and x + needed > width:
            x, y = 0.0, y + LINE
        placed.append((kept, x, y))
        x += needed + _GAP
    return Key(tuple(placed), y + LINE if placed else 0.0)


def note_lines(text: str, width: float = WIDTH - 20) -> str:
    """Break a note over as many lines as it needs."""
    return fitted(text, width, lines=60)
