"""Axes of nights: days as whole numbers, marked at round dates, in English whatever the machine speaks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FEW_DAYS = 75


def day_of(night: str) -> int:
    """Number of the day on which a night begins.

    Examples
    --------
    >>> day_of("2018-07-02") - day_of("2018-06-30")
    2
    """
    return date.fromisoformat(night).toordinal()


def told(day: int) -> str:
    """A day in short.

    Examples
    --------
    >>> told(day_of("2018-07-02"))
    '2 Jul'
    """
    found = date.fromordinal(day)
    return f"{found.day} {MONTHS[found.month - 1]}"


def round_days(first: int, last: int, count: int = 7) -> list[int]:
    """Days worth a mark: every so many days of a short time, firsts of months of a long one.

    Examples
    --------
    >>> [told(day) for day in round_days(day_of("2018-05-20"), day_of("2018-09-20"))]
    ['1 Jun', '1 Jul', '1 Aug', '1 Sep']
    >>> [told(day) for day in round_days(day_of("2018-07-01"), day_of("2018-07-30"), count=5)]
    ['1 Jul', '8 Jul', '15 Jul', '22 Jul', '29 Jul']
    """
    if last - first <= _FEW_DAYS:
        step = next(step for step in (1, 2, 7, 14, 28) if (last - first) // step < count or step == 28)
        return list(range(first, last + 1, step))
    begins = [day for day in range(first, last + 1) if date.fromordinal(day).day == 1]
    every = next(every for every in (1, 2, 3, 6, 12, 24, 60) if len(begins) / every <= count or every == 60)
    return [day for day in begins if (date.fromordinal(day).month - 1) % min(every, 12) == 0][:: max(1, every // 12)]


def mark_days(axis: Any, nights: Sequence[str], count: int = 7, *, shift: float = 0.0) -> None:
    """Mark an axis of days, as numbers of `day_of` less `shift`, at round dates, with the year where it begins."""
    days = round_days(day_of(nights[0]), day_of(nights[-1]), count)
    texts, year = [], 0
    for day in days:
        here = date.fromordinal(day).year
        texts.append(told(day) if here == year else f"{told(day)}\n{here}")
        year = here
    axis.set_ticks([day - shift for day in days], texts)
