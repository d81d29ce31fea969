"""The part that all formats share: from parsed columns to Events and their report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval import observation
from predpol_eval.civil_time import TimeArray, check_zone, to_wall
from predpol_eval.data import notes
from predpol_eval.data.judge import Parsed, Rules, blank_lines, civil, judge
from predpol_eval.data.report import ReadReport
from predpol_eval.data.values import TextArray
from predpol_eval.projection import metric_crs, project

if TYPE_CHECKING:
    from predpol_eval.events import Events

BoolArray = npt.NDArray[np.bool_]
NO_KIND_GIVEN = "(blank)"
_DAY = np.timedelta64(1, "D")


def assemble(parsed: Parsed, rules: Rules) -> Events:
    """Judge every row, and make Events of those that can be used.

    Raises
    ------
    InputError
        Naming every line that cannot be used, or saying that none is left.
    """
    # Asked first: a wrong CRS, zone or period is told before any row is.
    metric_crs(rules.crs)
    check_zone(rules.tz)
    periods = None if rules.observed is None else observation.read_periods(rules.observed, rules.tz)
    sieve = judge(parsed, rules)
    timed = _timed(parsed, rules)
    days = _observed_days(parsed, rules, timed) if periods is None else _civil_days(periods, rules.tz)
    # As text, because Events takes a numpy moment for UTC and these are civil days.
    events = _make(parsed, rules, sieve.keep, rules.observed or [(str(start), str(end)) for start, end in days])
    # All kinds tell whether a day was observed, and so do rows whose place is blank.
    months = rules.resolution == "month"
    gaps = () if months else notes.gap_list(_middle(parsed)[timed], days)
    hint = notes.without_gaps(days, gaps) if gaps else ()
    duplicates, told = _describe(parsed, rules, sieve.keep, events)
    outside = int((~observation.contains(events.observed, events.midpoint)).sum())
    if outside:
        told.append(f"rows outside the observed periods: {outside:,}; kept, but rates are made without them")
    report = ReadReport(
        source=parsed.table.source,
        format=rules.format,
        rows_read=parsed.table.rows_read,
        rows_kept=len(events),
        dropped=tuple(sieve.dropped),
        notes=(*notes.gap_notes(gaps, hint), *parsed.notes, *told, *rules.caveats),
        attribution=rules.attribution,
        where=parsed.table.where,
        duplicates=duplicates,
        gaps=gaps,
        observed_hint=hint,
    )
    # Who gives `observed` has looked; else a window in such a stretch must not be read as zero crime.
    doubted = [(gap.start, gap.end) for gap in gaps] if rules.observed is None else []
    return replace(events, report=report, suspect=observation.read_periods(doubted, rules.tz) if doubted else ())


def _middle(parsed: Parsed) -> TimeArray:
    """Wall-clock time that decides the day a crime is counted on: the midpoint of an interval, as in Events."""
    start = parsed.happened.wall
    if parsed.until is None:
        return start
    until = np.where(np.isnat(parsed.until.wall), start, parsed.until.wall)
    return np.asarray(start + (until - start) // 2)


def _timed(parsed: Parsed, rules: Rules) -> BoolArray:
    """Rows whose time can be used, whatever their kind and place."""
    usable = ~np.isnat(parsed.happened.wall)
    if parsed.until is not None:
        usable &= ~(parsed.until.wall < parsed.happened.wall)
    if rules.since is not None:
        usable &= parsed.happened.wall >= civil(rules.since)
    return usable


def _observed_days(parsed: Parsed, rules: Rules, timed: BoolArray) -> list[tuple[Any, Any]]:
    """First to last civil day of the file, whatever its kinds: an absent kind is not an absent day."""
    if rules.resolution == "month" and parsed.until is not None:
        start, end = parsed.happened.wall[timed].min(), parsed.until.wall[timed].max()
        return [(start.astype("datetime64[D]"), end.astype("datetime64[D]"))]
    day = _middle(parsed)[timed].astype("datetime64[D]")
    return [(day.min(), day.max() + _DAY)]


def _civil_days(periods: observation.Periods, tz: str) -> list[tuple[Any, Any]]:
    """Whole civil days within periods given in UTC."""
    result = []
    for period in periods:
        start, end = to_wall(np.array(period), tz)
        first, last = start.astype("datetime64[D]"), end.astype("datetime64[D]")
        first = first + _DAY if first < start else first
        if first < last:
            result.append((first, last))
    return result


def _make(parsed: Parsed, rules: Rules, keep: BoolArray, observed: Sequence[Any]) -> Events:
    import pandas as pd

    from predpol_eval.events import Events

    columns: dict[str, Any] = {"x": parsed.x.values[keep], "y": parsed.y.values[keep]}
    for name, times in (
        ("happened", parsed.happened),
        ("until", parsed.until),
        ("recorded", parsed.recorded),
    ):
        if times is not None:
            given = pd.DatetimeIndex(times.wall[keep] if times.utc is None else times.utc[keep])
            columns[name] = given if times.utc is None else given.tz_localize("UTC")
    if parsed.kind is not None:
        chosen = parsed.kind[keep]
        columns["kind"] = np.where(chosen == "", NO_KIND_GIVEN, chosen)
    if parsed.id is not None:
        columns["id"] = _whole_numbers(parsed.id[keep])
    return Events.from_frame(
        pd.DataFrame(columns),
        happened="happened",
        happened_until="until" if parsed.until is not None else None,
        recorded="recorded" if parsed.recorded is not None else None,
        kind="kind" if parsed.kind is not None else None,
        id="id" if parsed.id is not None else None,
        crs=rules.crs,
        source_crs=rules.source_crs,
        tz=rules.tz,
        observed=observed,
        ambiguous=rules.ambiguous,
        nonexistent=rules.nonexistent,
        resolution=rules.resolution,
    )


def _whole_numbers(ids: TextArray) -> npt.NDArray[Any]:
    """Ids as integers where all are: they sort as people expect."""
    if all(value.isascii() and value.isdigit() and len(value) < 19 for value in ids.tolist()):
        return ids.astype(np.int64)
    return ids


def _describe(parsed: Parsed, rules: Rules, keep: BoolArray, events: Events) -> tuple[int, list[str]]:
    """Number of duplicates, and the notes on the rows kept."""
    frame = parsed.table.frame
    duplicates = int(frame[keep].duplicated().sum())
    duplicates_read = int(frame[~blank_lines(parsed.table)].duplicated().sum())
    x, y = parsed.x.values[keep], parsed.y.values[keep]
    place: dict[str, Any] = {"x": x, "y": y, "t": parsed.happened.wall[keep]}
    if parsed.until is not None:
        place["until"] = parsed.until.wall[keep]
    if parsed.kind is not None:
        place["kind"] = parsed.kind[keep]
    # Of a month, place and kind say nothing: map points and kinds are few.
    repeats = 0 if rules.resolution == "month" else _repeats(place)
    has_id = parsed.id is not None and bool((parsed.id[keep] != "").all())
    told = notes.duplicate_notes(duplicates, duplicates_read, repeats, has_id=has_id)
    told += notes.clock_notes(events, rules.ambiguous)
    exact = keep & ~np.isnat(parsed.happened.wall)
    if parsed.until is not None:
        exact &= np.isnat(parsed.until.wall) | (parsed.until.wall == parsed.happened.wall)
    if rules.resolution not in ("day", "month") and exact.any():
        told += notes.pile_up_notes(parsed.happened.wall[exact])
    if parsed.kind is not None and (unnamed := int((parsed.kind[keep] == "").sum())):
        told.append(f"rows without a kind: {unnamed:,}; kept as kind {NO_KIND_GIVEN!r}")
    if rules.source_crs is not None:
        x, y = project(x, y, rules.source_crs, events.crs)
    told += notes.far_notes(x, y, parsed.table.numbers[keep], parsed.table.where)
    return duplicates, told


def _repeats(columns: dict[str, Any]) -> int:
    import pandas as pd

    return int(pd.DataFrame(columns).duplicated().sum())
