"""Names that fit: broken over lines, cut where they are still too long, and never alike when they were not."""

from __future__ import annotations

from collections.abc import Sequence

from predpol_eval.report.pictures.paper import FONTS, SMALL

_CUT = "…"


def clean(text: str) -> str:
    r"""One line of what can be printed: nothing that hides, turns or breaks text.

    Examples
    --------
    >>> clean("a\n  b\u202e")
    'a b'
    """
    return "".join(sign for sign in " ".join(str(text).split()) if sign.isprintable())


def width_of(text: str, size: float = SMALL, weight: str = "normal") -> float:
    """Width of a line of text in points.

    Examples
    --------
    >>> 0 < width_of("iii") < width_of("www")
    True
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    letters = FontProperties(family=FONTS[0], size=size, weight=weight)
    width: float = text_to_path.get_text_width_height_descent(text, letters, False)[0]
    return width


def fitted(text: str, points: float, *, lines: int = 1, size: float = SMALL, weight: str = "normal") -> str:
    r"""Break a text over at most so many lines of this width, and cut the last.

    Examples
    --------
    >>> fitted("three-week map", 200)
    'three-week map'
    >>> fitted("a map of three weeks", 60, lines=2)
    'a map of\nthree weeks'
    >>> fitted("a map of three weeks", 60)
    'a map of th…'
    """
    left = clean(text)
    made: list[str] = []
    while len(made) < lines - 1 and width_of(left, size, weight) > points:
        whole = _most(left, points, size, weight)
        blank = left.rfind(" ", 0, whole + 1)
        # "95 %" stays together.
        blank = left.rfind(" ", 0, blank) if left[blank + 1 : blank + 2] == "%" else blank
        broken = blank if blank > 0 else whole
        made.append(left[:broken].rstrip())
        left = left[broken:].lstrip()
    if width_of(left, size, weight) > points:
        left = left[: _most(left, points - width_of(_CUT, size, weight), size, weight)] + _CUT
    return "\n".join([*made, left])


def distinct(names: Sequence[str], points: float, *, weight: str = "normal") -> list[str]:
    """Fit several names; those that would come out alike keep their ends, and else get numbers.

    Examples
    --------
    >>> distinct(["a long name of the north", "a long name of the south", "short"], 80)
    ['a long n…e north', 'a long n…e south', 'short']
    """
    made = [fitted(name, points, weight=weight) for name in names]
    alike = [place for place, name in enumerate(made) if made.count(name) > 1]
    for place in alike:
        text = clean(names[place])
        room = (points - width_of(_CUT, SMALL, weight)) / 2
        start = text[: _most(text, room, SMALL, weight)].rstrip()
        end = text[::-1][: _most(text[::-1], room, SMALL, weight)][::-1]
        made[place] = f"{start}{_CUT}{end}"
    for place in alike:
        if made.count(made[place]) > 1:
            number = f" ({place + 1})"
            made[place] = fitted(names[place], points - width_of(number, SMALL, weight), weight=weight) + number
    return made


def widest(texts: Sequence[str], weight: str = "normal") -> float:
    """Width of the widest line among texts, in points."""
    return max((width_of(line, SMALL, weight) for text in texts for line in text.split("\n")), default=0.0)


def _most(text: str, points: float, size: float, weight: str) -> int:
    """How many of the first signs fit, at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(text[:middle], size, weight) <= points:
            low = middle
        else:
            high = middle - 1
    return low
