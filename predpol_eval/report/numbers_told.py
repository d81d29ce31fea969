"""Numbers as a report writes them: shares in percent, differences in points, and no sign that is rounded away."""

from __future__ import annotations

import math
from datetime import datetime
from zoneinfo import ZoneInfo

NOT_DEFINED = "–"
_MINUS = "\u2212"
_MOST_DECIMALS = 6
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def decimals_for(*values: float, least: int = 1) -> int:
    """Decimals with which no value that is not zero is written as zero, so that a sign is never lost.

    Examples
    --------
    >>> decimals_for(12.3, -0.04)
    2
    >>> decimals_for(0.0, math.nan)
    1
    """
    told = [value for value in values if math.isfinite(value) and value != 0]
    for decimals in range(least, _MOST_DECIMALS):
        if all(round(value, decimals) != 0 for value in told):
            return decimals
    return _MOST_DECIMALS


def signed(value: float, decimals: int, plus: bool = False) -> str:
    """A number with so many decimals and a true minus sign.

    Examples
    --------
    >>> signed(-1.25, 1), signed(2.0, 1, plus=True), signed(math.nan, 1), signed(-math.inf, 1)
    ('−1.2', '+2.0', '–', '−∞')
    """
    if math.isnan(value):
        return NOT_DEFINED
    size = "∞" if math.isinf(value) else f"{abs(value):,.{decimals}f}"
    if value < 0 and size.strip("0.,"):
        return f"{_MINUS}{size}"
    return f"+{size}" if plus and value > 0 else size


def percent(share: float) -> str:
    """A share in percent.

    Examples
    --------
    >>> percent(0.4567), percent(math.nan)
    ('45.7 %', '–')
    """
    return NOT_DEFINED if math.isnan(share) else f"{signed(100 * share, 1)} %"


def percent_range(low: float, high: float) -> str:
    """Ends of an interval of a share; blank where there is none.

    Examples
    --------
    >>> percent_range(0.401, 0.5), percent_range(math.nan, 0.5)
    ('40.1 to 50.0 %', '')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{signed(100 * low, 1)} to {signed(100 * high, 1)} %"


def ratio(value: float) -> str:
    """A ratio.

    Examples
    --------
    >>> ratio(3.14159), ratio(math.nan)
    ('3.14', '–')
    """
    return signed(value, 2)


def ratio_range(low: float, high: float) -> str:
    """Ends of an interval of a ratio; blank where there is none."""
    return f"{ratio(low)} to {ratio(high)}" if math.isfinite(low) and math.isfinite(high) else ""


def amount(value: float) -> str:
    """A count, which may be expected over ties and then has parts.

    Examples
    --------
    >>> amount(1234.0), amount(12.34), amount(math.nan)
    ('1,234', '12.3', '–')
    """
    if math.isnan(value):
        return NOT_DEFINED
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-9 else f"{value:,.1f}"


def counted(count: int, what: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "night"), counted(1200, "night")
    ('1 night', '1,200 nights')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def level_percent(alpha: float) -> str:
    """Level of an interval, such as ``"98.3 %"``.

    Rounded down, so that no interval is told to be surer than it is.

    Examples
    --------
    >>> level_percent(0.05), level_percent(0.05 / 3), level_percent(1e-7)
    ('95 %', '98.3 %', 'above 99.99 %')
    """
    level = 100 * (1 - alpha)
    if level > 99.99:
        return "above 99.99 %"
    decimals = 1 if level <= 99.9 else 2
    return f"{math.floor(level * 10**decimals + 1e-9) / 10**decimals:g} %"


def p_value(value: float) -> str:
    """A p-value.

    Examples
    --------
    >>> p_value(0.0321), p_value(math.nan)
    ('0.032', '–')
    >>> p_value(1e-9).split()
    ['<', '0.0001']
    """
    if math.isnan(value):
        return NOT_DEFINED
    return "< 0.0001" if value < 1e-4 else f"{min(value, 1.0):.2g}"


def listed(names: list[str] | tuple[str, ...], last: str = "and") -> str:
    """Names in a sentence.

    Examples
    --------
    >>> listed(["A"]), listed(["A", "B"]), listed(["A", "B", "C"])
    ('A', 'A and B', 'A, B and C')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def day_in_words(day: str) -> str:
    """A civil date.

    Examples
    --------
    >>> day_in_words("2018-08-01")
    '1 August 2018'
    """
    return f"{int(day[8:10])} {_MONTHS[int(day[5:7]) - 1]} {day[:4]}"


def moment_in_words(moment: datetime, tz: str) -> str:
    """A moment by the clock of a place.

    Examples
    --------
    >>> from datetime import UTC
    >>> moment_in_words(datetime(2018, 7, 1, 18, tzinfo=UTC), "Europe/London")
    '1 July 2018, 19:00 (Europe/London)'
    """
    local = moment.astimezone(ZoneInfo(tz))
    return f"{day_in_words(local.date().isoformat())}, {local:%H:%M} ({tz})"
