"""What to know about the rows that were kept, in plain words and with the call that helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray
from predpol_eval.data.gaps import find_gaps
from predpol_eval.data.report import Gap

if TYPE_CHECKING:
    from predpol_eval.events import Events

FloatArray = npt.NDArray[np.float64]
Days = tuple[str, str]
_LISTED = 6


def gap_list(wall: TimeArray, observed: Sequence[tuple[TimeArray, TimeArray]]) -> tuple[Gap, ...]:
    """Suspiciously empty stretches of the observed days.

    Parameters
    ----------
    wall : array of datetime64
        Wall-clock times of the crimes of all kinds: where one kind is missing but others were recorded, there
        is no gap.
    observed : sequence of (start, end)
        Observed civil days, end excluded; each period is searched by itself.
    """
    days = wall.astype("datetime64[D]")
    found = []
    for start, end in observed:
        inside = days[(days >= start) & (days < end)]
        length = int((end - start) / np.timedelta64(1, "D"))
        counts = np.bincount((inside - start).astype(np.int64), minlength=length)
        # 1970-01-01, day 0 of datetime64, was a Thursday (3).
        weekday = (int(start.astype(np.int64)) + 3) % 7
        for stretch in find_gaps(counts, weekday=weekday):
            first, last = start + stretch.start, start + stretch.end
            found.append(Gap(str(first), str(last), stretch.crimes, stretch.expected))
    return tuple(found)


def without_gaps(observed: Sequence[tuple[Any, Any]], gaps: Sequence[Gap]) -> tuple[Days, ...]:
    """Observed days that are left when the gaps are taken out."""
    result = []
    for start, end in observed:
        at = np.datetime64(start, "D")
        last = np.datetime64(end, "D")
        for gap in gaps:
            first, until = np.datetime64(gap.start, "D"), np.datetime64(gap.end, "D")
            if until <= at or first >= last:
                continue
            if first > at:
                result.append((str(at), str(first)))
            at = max(at, until)
        if at < last:
            result.append((str(at), str(last)))
    return tuple(result)


def gap_notes(gaps: Sequence[Gap], hint: Sequence[Days]) -> list[str]:
    """Say where the gaps are, and how to declare them."""
    if not gaps:
        return []
    shown = [
        f"{gap.start} to {_day_before(gap.end)} ({gap.crimes:,} crimes, {gap.expected:,.0f} expected)"
        for gap in gaps[:_LISTED]
    ]
    more = f" and {len(gaps) - _LISTED} more (report.gaps)" if len(gaps) > _LISTED else ""
    call = f"observed={list(hint)!r}" if len(hint) <= _LISTED else "observed=report.observed_hint"
    return [
        f"suspiciously empty: {'; '.join(shown)}{more}. Days without records are not days without crime: if "
        "they were "
        f"not recorded, read the file again with {call} (end excluded)"
    ]


def duplicate_notes(duplicates: int, duplicates_read: int, repeats: int, *, has_id: bool) -> list[str]:
    """Say how many rows repeat others, and why they are kept: a publisher may write one row per victim."""
    notes = []
    of_read = f" ({duplicates_read:,} of the rows read)" if duplicates_read != duplicates else ""
    if duplicates:
        why = (
            "their ids are the same too, so they may be listed twice by mistake"
            if has_id
            else "without an id there is no telling a second victim or offence from a row listed twice"
        )
        notes.append(f"rows that repeat an earlier row in every column: {duplicates:,}{of_read}; kept, as {why}")
    elif duplicates_read:
        notes.append(f"rows that repeat an earlier row in every column: none of those kept{of_read}")
    if repeats > duplicates:
        notes.append(
            f"rows with the place, time and kind of an earlier row: {repeats:,}; kept, as several crimes "
            "may happen at once"
        )
    return notes


def clock_notes(events: Events, ambiguous: str) -> list[str]:
    """Say what was made of wall-clock times that a clock change repeats or skips."""
    notes = []
    repeated = events.clock_changes.get("ambiguous", 0)
    skipped = events.clock_changes.get("nonexistent", 0)
    if repeated:
        notes.append(
            f"times that occur twice because the clock was put back: {repeated:,}; taken as the {ambiguous} "
            "(ambiguous=...)"
        )
    if skipped:
        notes.append(
            f"times that do not exist because the clock was put forward: {skipped:,}; moved to the moment of the change"
        )
    return notes


def pile_up_notes(wall: TimeArray) -> list[str]:
    """Say whether midnight or noon holds too many times: they are rounded, or stand for unknown."""
    minutes = (wall.astype("datetime64[m]") - wall.astype("datetime64[D]")).astype(np.int64)
    on_the_hour = np.bincount(minutes[minutes % 60 == 0] // 60, minlength=24).astype(float)
    parts = []
    for hour in (0, 12):
        # Noon is compared with 11 and 13 o'clock, so that a busy part of the day is not taken for a pile-up.
        usual = (on_the_hour[hour - 1] + on_the_hour[hour + 1]) / 2
        excess = on_the_hour[hour] - usual
        if excess > 0.2 * usual and excess > 5 * np.sqrt(usual + 1):
            parts.append(
                f"{100 * on_the_hour[hour] / len(wall):.1f} % at exactly {hour:02d}:00 "
                f"({100 * usual / len(wall):.1f} % in the hours beside it)"
            )
    if not parts:
        return []
    return [
        f"times pile up: {' and '.join(parts)}; many of these are rounded or unknown, so be wary of results by hour"
    ]


def far_notes(x: FloatArray, y: FloatArray, numbers: npt.NDArray[np.int64], where: str) -> list[str]:
    """Name the few rows whose place lies far away from all others: wrongly located, or in another town."""
    if len(x) < 20:
        return []
    distance = np.hypot(x - np.median(x), y - np.median(y))
    reach = 3.0 * float(np.quantile(distance, 0.9))
    far = np.flatnonzero((distance > reach) & (distance > 10_000.0))
    if not 0 < len(far) <= 0.02 * len(x):
        return []
    named = ", ".join(str(number) for number in numbers[far[:5]])
    return [
        f"rows far beyond all others: {len(far):,}, {distance[far].min() / 1000:,.0f} km or more from the "
        "middle of the data "
        f"(first {where}{'s' if len(far) > 1 else ''} {named}); kept, and counted as outside by any grid "
        "that does not reach them"
    ]


def _day_before(day: str) -> str:
    return str(np.datetime64(day, "D") - 1)
