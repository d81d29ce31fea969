"""What a value in a plan may be, and the one form in which each is kept, so that the same plan has the same hash."""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

from predpol_eval.errors import InputError
from predpol_eval.trial.keys.labels import check_label

MOST_TEXT = 200
_SHOWN = 80
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_DAY_MINUTES = 24 * 60


class Form(NamedTuple):
    """What a value may be in words, and how it is read: a ValueError says that it is something else."""

    expected: str
    read: Callable[[Any], Any]


def shown(value: Any) -> str:
    """A value for a message, cut where it is long."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**_SHOWN:
        # Python does not write numbers of thousands of digits.
        return "a number of over 80 digits"
    text = value.isoformat() if isinstance(value, datetime.date | datetime.time) else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def plain_text(value: Any, most: int = MOST_TEXT) -> str:
    """A text of one line without anything invisible in it.

    Raises
    ------
    ValueError
        If it is blank, too long, begins or ends with a blank, or holds a line break or an invisible character.
    """
    if not isinstance(value, str) or not value or value != value.strip() or len(value) > most:
        raise ValueError
    if any(unicodedata.category(sign)[0] == "C" or sign in "\u2028\u2029" for sign in value):
        raise ValueError
    return value


def text(most: int = MOST_TEXT) -> Form:
    """A text of one line."""
    return Form(f"a text of one line, up to {most} signs", lambda value: plain_text(value, most))


# What a key can be made for: an InputError is a ValueError.
LABEL = Form("1 to 20 letters A-Z a-z, digits and hyphens, the first no hyphen, such as 'A' or 'in-house'", check_label)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def whole(low: int, high: int) -> Form:
    """A whole number."""

    def read(value: Any) -> int:
        if not _is_whole(value) or not low <= value <= high:
            raise ValueError
        return int(value)

    return Form(f"a whole number from {low:,} to {high:,}", read)


def _number(value: Any) -> float:
    if not (_is_whole(value) or isinstance(value, float)):
        raise ValueError
    try:
        result = float(value)
    except OverflowError as error:
        raise ValueError from error
    if not math.isfinite(result):
        raise ValueError
    return result + 0.0  # -0.0 and 0.0 are one number


def number(above: float, high: float, *, below: bool = False) -> Form:
    """A number above one bound and up to (or below) another; kept as float, so that 250 and 250.0 are the same."""

    def read(value: Any) -> float:
        result = _number(value)
        if not above < result <= high or (below and result == high):
            raise ValueError
        return result

    return Form(f"a number above {above:g} and {'below' if below else 'at most'} {high:,g}", read)


def _point(value: Any) -> list[float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError
    return [_number(part) for part in value]


POINT = Form("two numbers, [x, y]", _point)


def choice(*words: str) -> Form:
    """One of some words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError
        return value

    return Form("one of " + ", ".join(map(repr, words)), read)


def number_or_none(high: float) -> Form:
    """A number above 0, or the word "none", kept as None."""
    some = number(0, high)
    return Form(f"{some.expected}, or 'none'", lambda value: None if value in ("none", None) else some.read(value))


def several(form: Form, least: int, most: int) -> Form:
    """A list of different values of one form."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise ValueError
        result = [form.read(part) for part in value]
        if len(set(map(repr, result))) < len(result):
            raise ValueError
        return result

    return Form(f"a list of {least:,} to {most:,}, all different, each {form.expected}", read)


def _pair(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) != 2 or value[0] == value[1]:
        raise ValueError
    return [plain_text(part) for part in value]


PAIR = Form("a pair of two names, such as ['A', 'B']", _pair)


def _rising(value: Any) -> list[int]:
    if not isinstance(value, list) or not 1 <= len(value) <= 400:
        raise ValueError
    if (
        not all(_is_whole(part) for part in value)
        or value[0] < 1
        or any(after <= before for before, after in pairwise(value))
    ):
        raise ValueError
    return [int(part) for part in value]


RISING = Form("a list of rising whole numbers, up to 400 of them", _rising)


def _day(value: Any) -> str:
    if isinstance(value, str):
        if _DAY.fullmatch(value) is None:
            raise ValueError
        value = datetime.date.fromisoformat(value)
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise ValueError
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError
    return value.isoformat()


DAY = Form(f"a day such as 2018-07-01, of the years {_FIRST_YEAR} to {_LAST_YEAR}", _day)


def _clock(value: Any) -> str:
    if isinstance(value, datetime.time):
        if value.second or value.microsecond or value.tzinfo is not None:
            raise ValueError
        return f"{value.hour:02d}:{value.minute:02d}"
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError
    return f"{int(match[1]):02d}:{match[2]}"


CLOCK = Form("a time of day from '00:00' to '23:59'", _clock)


def minutes_of(clock: str) -> int:
    """Minutes since midnight of a time of day as it is kept.

    Examples
    --------
    >>> minutes_of("17:30")
    1050
    """
    hour, minute = clock.split(":")
    return 60 * int(hour) + int(minute)


def _length(value: Any) -> str:
    from predpol_eval.civil_time import span

    if not isinstance(value, str):
        raise ValueError
    try:
        minutes = span(value).nominal_days * _DAY_MINUTES
    except InputError as error:
        raise ValueError from error
    whole_minutes = round(minutes)
    if abs(minutes - whole_minutes) > 1e-6 or not 1 <= whole_minutes <= _DAY_MINUTES:
        raise ValueError
    return "1D" if whole_minutes == _DAY_MINUTES else f"{whole_minutes}min"


LENGTH = Form("a length of whole minutes up to a day, such as '1D', '8h' or '90min'", _length)


def length_minutes(length: str) -> int:
    """Minutes by which the hands of the clock move in a length as it is kept.

    Examples
    --------
    >>> length_minutes("480min"), length_minutes("1D")
    (480, 1440)
    """
    return _DAY_MINUTES if length == "1D" else int(length.removesuffix("min"))


def _zone(value: Any) -> str:
    from predpol_eval.civil_time import check_zone

    return check_zone(value)


ZONE = Form("the name of a time zone such as 'Europe/London'", _zone)


def _crs(value: Any) -> str:
    from predpol_eval.projection import metric_crs

    if not isinstance(value, str):
        raise ValueError
    return metric_crs(value)


CRS = Form("the code of a projected system in metres, such as 'EPSG:27700'", _crs)
