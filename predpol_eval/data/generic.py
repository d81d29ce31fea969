"""Any CSV or Parquet file whose columns the caller names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.civil_time import Ambiguous, Nonexistent, check_zone
from predpol_eval.data.assemble import assemble
from predpol_eval.data.columns import check_names
from predpol_eval.data.files import open_source
from predpol_eval.data.formats import FORMATS, Resolution
from predpol_eval.data.judge import Parsed, Rules
from predpol_eval.data.police_uk import missing_months
from predpol_eval.data.sieve import Malformed
from predpol_eval.data.table import Table, read_table
from predpol_eval.data.values import (
    ISO,
    Times,
    likely_formats,
    looks_like_months,
    months,
    numbers,
    texts,
    times,
)
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    from predpol_eval.events import Events

FORMAT = FORMATS["generic"]
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_LAST_SECOND = np.timedelta64(86_399, "s")


def read_generic(
    path: str | Path,
    *,
    x: str,
    y: str,
    happened: str | Sequence[str],
    crs: Any,
    tz: str,
    source_crs: Any = None,
    hhmm: str | None = None,
    happened_until: str | None = None,
    recorded: str | None = None,
    kind: str | None = None,
    id: str | None = None,
    kinds: Sequence[str] | str | None = None,
    date_format: str | None = None,
    separator: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8",
    columns: Sequence[str] | None = None,
    observed: Iterable[Any] | None = None,
    resolution: Resolution | None = None,
    ambiguous: Ambiguous = "earlier",
    nonexistent: Nonexistent = "shift_forward",
    malformed: Malformed = "raise",
    attribution: str = "",
) -> Events:
    """Read any table; see `predpol_eval.read_events` for the options."""
    check_zone(tz)
    source = open_source(path, separator=separator, encoding=encoding, names=columns)
    parts = [happened] if isinstance(happened, str) else list(happened)
    single = {
        "x": x,
        "y": y,
        "hhmm": hhmm,
        "happened_until": happened_until,
        "recorded": recorded,
        "kind": kind,
        "id": id,
    }
    asked = {"happened": parts} | {option: [name] for option, name in single.items() if name is not None}
    check_names(source, asked)
    table = read_table(source)
    told: list[str] = []
    until: Times | None
    if len(parts) == 1 and hhmm is None and looks_like_months(table.frame[parts[0]]):
        if happened_until is not None:
            raise InputError(
                f"{parts[0]!r} holds months such as 2018-07, which are intervals by themselves; leave out "
                f"happened_until={happened_until!r}."
            )
        start, until = months(table.frame[parts[0]])
        resolution = resolution or "month"
        told += ["only the month of each crime is known: methods that forecast a night cannot be tested on these data"]
        told += missing_months(start)
    else:
        start = _moments(table, parts, hhmm, tz, date_format)
        until = None if happened_until is None else _column_of_times(table, happened_until, tz, date_format)
    known = None if recorded is None else _column_of_times(table, recorded, tz, date_format)
    if start.dates_only and until is None and resolution is None:
        resolution = "day"
    if resolution == "day":
        told.append("times are dates without an hour: forecast whole days from midnight to midnight")
    if happened_until is not None and until is not None:
        blank = int((until.blank & ~start.blank).sum())
        if until.dates_only:
            until = _end_of_day(until)
            told.append(f"{happened_until!r} holds dates without an hour: taken as the end of that day")
        if blank:
            told.append(f"rows read with a blank {happened_until!r}: {blank:,}; taken as exact times")
    if known is not None and known.dates_only:
        known = _end_of_day(known)
        told.append(f"{recorded!r} holds dates without an hour: taken as the end of that day")
    parsed = Parsed(
        table=table,
        x=numbers(table.frame[x], decimal),
        y=numbers(table.frame[y], decimal),
        happened=start,
        until=until,
        recorded=known,
        kind=None if kind is None else texts(table.frame[kind]),
        id=None if id is None else texts(table.frame[id]),
        notes=tuple(told),
    )
    rules = Rules(
        format=FORMAT.name,
        crs=crs,
        source_crs=source_crs,
        tz=tz,
        kinds=kinds,
        observed=None if observed is None else list(observed),
        ambiguous=ambiguous,
        nonexistent=nonexistent,
        malformed=malformed,
        resolution=resolution,
        attribution=attribution,
        caveats=FORMAT.caveats,
        time_form=repr(date_format) if date_format else "2018-05-01 22:30 (ISO form)",
        time_remedy=_remedy(
            table, [*parts, *([happened_until] if happened_until else []), *([recorded] if recorded else [])]
        ),
    )
    return assemble(parsed, rules)


def _column_of_times(table: Table, name: str, tz: str, date_format: str | None) -> Times:
    return times(table.frame[name], tz, (date_format,) if date_format else (ISO,))


def _moments(table: Table, parts: Sequence[str], hhmm: str | None, tz: str, date_format: str | None) -> Times:
    """Times from one column, from year, month, day ..., or from a date and a clock time such as 2230."""
    if len(parts) == 1:
        date = _column_of_times(table, parts[0], tz, date_format)
    elif 3 <= len(parts) <= len(_PARTS):
        date = _from_parts(table, parts)
    else:
        raise InputError(
            f"happened={list(parts)!r} names {len(parts)} columns; give one, or 3 to 6 in this order: "
            f"{', '.join(_PARTS)}."
        )
    return date if hhmm is None else _with_clock(date, table, hhmm)


def _from_parts(table: Table, parts: Sequence[str]) -> Times:
    import pandas as pd

    found = {part: numbers(table.frame[name]) for part, name in zip(_PARTS, parts, strict=False)}
    blank = np.logical_or.reduce([column.blank for column in found.values()])
    wrong = np.logical_or.reduce([column.wrong | (column.values % 1 > 0) for column in found.values()])
    whole = {part: np.where(blank | wrong, 1, column.values) for part, column in found.items()}
    # pandas carries 24 hours over into the next day.
    for part, limit in (("hour", 23), ("minute", 59), ("second", 59)):
        if part in whole:
            wrong |= ~blank & ((whole[part] < 0) | (whole[part] > limit))
    day = pd.DataFrame({part: whole[part] for part in _PARTS[:3]})
    stamps = pd.to_datetime(day, errors="coerce").to_numpy().astype("datetime64[s]")
    for part, unit in zip(_PARTS[3:], ("h", "m", "s"), strict=True):
        if part in whole:
            stamps = stamps + whole[part].astype("timedelta64[" + unit + "]")
    column = pd.Series(stamps)
    column[blank | wrong] = pd.NaT
    result = times(column, "UTC")
    bad = ~blank & (wrong | np.isnat(result.wall))
    written = tuple(column for part in found.values() for column in part.written)
    return replace(result, blank=blank, wrong=bad, written=written)


def _with_clock(date: Times, table: Table, name: str) -> Times:
    clock = numbers(table.frame[name])
    hours, minutes = np.divmod(np.nan_to_num(clock.values, nan=0.0), 100)
    off_clock = clock.wrong | (hours < 0) | (hours > 23) | (minutes > 59) | (minutes % 1 != 0)
    blank = date.blank | clock.blank
    wrong = ~blank & (date.wrong | off_clock)
    shift = np.where(blank | wrong, 0, hours * 60 + minutes).astype("timedelta64[m]")
    wall = date.wall.astype("datetime64[D]").astype("datetime64[ns]") + shift
    wall[blank | wrong] = np.datetime64("NaT", "ns")
    written = date.written + clock.written
    return Times(wall=wall, utc=None, blank=blank, wrong=wrong, dates_only=False, written=written)


def _end_of_day(found: Times) -> Times:
    """The last second of the day: an unknown hour may be any, and must not be known too early."""
    return replace(found, wall=found.wall + _LAST_SECOND, utc=None)


def _remedy(table: Table, names: Sequence[str]) -> str:
    """What to do about times that cannot be read: name the format that fits, where there is one."""
    for name in names:
        fitting = likely_formats(table.frame[name]) if len(table.frame) else ()
        if len(fitting) == 1:
            return f"read them with date_format={fitting[0]!r}"
        if fitting:
            which = " or ".join(f"date_format={form!r}" for form in fitting)
            return f"give {which}: which of them is right cannot be told from the values"
    return "correct them, or give date_format= if they are written in another way"
