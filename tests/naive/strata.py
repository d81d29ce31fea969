"""Counts by group, one night and one area after another, by the standard library's calendar."""

from __future__ import annotations

import calendar
import datetime
import math
from zoneinfo import ZoneInfo


def local(seconds, zone):
    """Wall-clock time of a moment given in seconds since 1970."""
    return datetime.datetime.fromtimestamp(seconds, tz=ZoneInfo(zone))


def group_of(moment, part):
    """Which group of the calendar a wall-clock time is in."""
    monday = moment.date() - datetime.timedelta(days=moment.weekday())
    return {
        "hour": moment.hour,
        "date": moment.date().isoformat(),
        "day_of_week": calendar.day_name[moment.weekday()],
        "weekend": "weekend" if moment.weekday() >= 5 else "weekday",
        "week": monday.isoformat(),
        "month": f"{moment.year:04d}-{moment.month:02d}",
        "month_of_year": calendar.month_name[moment.month],
        "quarter": f"{moment.year}-Q{(moment.month + 2) // 3}",
        "year": moment.year,
    }[part]


def by_calendar(nights, zone, parts, names):
    """Sums of the counts `names` by combination of groups.

    `nights` are dicts with start (seconds since 1970) and the counts; one that is NaN makes its night missing.
    """
    found = {}
    for night in nights:
        key = tuple(group_of(local(night["start"], zone), part) for part in parts)
        group = found.setdefault(key, {"nights": 0, "nights_missing": 0} | dict.fromkeys(names, 0.0))
        if any(math.isnan(night[name]) for name in names):
            group["nights_missing"] += 1
            continue
        group["nights"] += 1
        for name in names:
            group[name] += night[name]
    for group in found.values():
        if group["nights"] == 0:  # nothing is known of it
            group |= dict.fromkeys(names, math.nan)
    return found
