"""Judge every row of a parsed table: which can be used, which are dropped and why, which stop the reading."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import Ambiguous, Nonexistent, localise
from predpol_eval.data.formats import Resolution
from predpol_eval.data.sieve import Malformed, Sieve
from predpol_eval.data.table import Table
from predpol_eval.data.values import Numbers, TextArray, Times
from predpol_eval.errors import InputError

BoolArray = npt.NDArray[np.bool_]
_CLOSE = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Parsed:
    """The columns of a file, parsed but not yet judged."""

    table: Table
    x: Numbers
    y: Numbers
    happened: Times
    until: Times | None = None
    recorded: Times | None = None
    kind: TextArray | None = None
    id: TextArray | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How a file is to be read: what the caller asked for, and what the format says."""

    format: str
    crs: Any
    source_crs: Any
    tz: str
    kinds: Sequence[str] | str | None = None
    since: str | None = None
    observed: Sequence[Any] | None = None
    ambiguous: Ambiguous = "earlier"
    nonexistent: Nonexistent = "shift_forward"
    malformed: Malformed = "raise"
    unknown_places: tuple[tuple[float, float], ...] = ()
    resolution: Resolution | None = None
    attribution: str = ""
    caveats: tuple[str, ...] = ()
    time_form: str = "2018-05-01 22:30"
    time_remedy: str = "correct them"


def judge(parsed: Parsed, rules: Rules) -> Sieve:
    """Sieve the rows.

    Raises
    ------
    InputError
        Naming every line that cannot be used, or saying that none is left.
    """
    sieve = Sieve(parsed.table, rules.malformed)
    sieve.drop(blank_lines(parsed.table), "the line is blank")
    _judge_kinds(sieve, parsed, rules)
    _judge_places(sieve, parsed, rules)
    _judge_times(sieve, parsed, rules)
    sieve.stop()
    return sieve


def blank_lines(table: Table) -> BoolArray:
    """Lines with nothing on them; a Parquet file has none."""
    if table.where == "row":
        return np.zeros(len(table.frame), dtype=bool)
    return np.asarray((table.frame == "").all(axis=1).to_numpy(dtype=bool))


def _judge_kinds(sieve: Sieve, parsed: Parsed, rules: Rules) -> None:
    """First of all, so that the other counts describe the kinds that were asked for."""
    if rules.kinds is None:
        return
    asked = [rules.kinds] if isinstance(rules.kinds, str) else [str(kind) for kind in rules.kinds]
    if parsed.kind is None:
        raise InputError(f"kinds={asked!r} was asked for, but no column tells the kind; name it with kind='...'.")
    if not asked:
        raise InputError("kinds=[] asks for no kind at all; leave it out to read all kinds.")
    present = sorted({kind for kind in parsed.kind.tolist() if kind})
    unknown = [kind for kind in asked if kind not in present]
    if unknown:
        by_lower = {kind.lower(): kind for kind in present}
        close = [
            by_lower[match]
            for kind in unknown
            for match in difflib.get_close_matches(kind.lower(), list(by_lower), n=2, cutoff=0.5)
        ]
        hint = f" Did you mean {' or '.join(repr(kind) for kind in dict.fromkeys(close))}?" if close else ""
        raise InputError(
            f"{parsed.table.source} has no crime of kind {', '.join(repr(kind) for kind in unknown)}.{hint} "
            "Its kinds are: "
            f"{', '.join(repr(kind) for kind in present[:40])}{' ...' if len(present) > 40 else ''}."
        )
    sieve.drop(~np.isin(parsed.kind, asked), "another kind of crime than asked for")


def _judge_places(sieve: Sieve, parsed: Parsed, rules: Rules) -> None:
    x, y = parsed.x, parsed.y
    sieve.refuse(
        x.wrong | y.wrong,
        "the place is not a pair of numbers",
        "write finite numbers with a decimal point (format='generic' reads 43,65 with decimal=',')",
        x.written + y.written,
    )
    sieve.drop(x.blank | y.blank, "the place is blank")
    sieve.drop((x.values == 0) & (y.values == 0), "the place is (0, 0), which stands for hidden or unknown")
    for east, north in rules.unknown_places:
        here = (np.abs(x.values - east) < _CLOSE) & (np.abs(y.values - north) < _CLOSE)
        sieve.drop(here, f"the place is ({north}, {east}), which stands for unknown")
    if rules.source_crs is not None and _in_degrees(rules.source_crs):
        swapped = (np.abs(y.values) > 90) & (np.abs(x.values) <= 90) & (np.abs(y.values) <= 180)
        off_globe = (np.abs(x.values) > 180) | (np.abs(y.values) > 90)
        some = sieve.keep & off_globe
        remedy = (
            "x must be the longitude and y the latitude: swap them"
            if bool((swapped | ~some)[some].all())
            else "correct them, or give the source_crs= they are really in"
        )
        sieve.refuse(off_globe, "the place is not a longitude and latitude", remedy, x.written + y.written)


def _in_degrees(source_crs: Any) -> bool:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return bool(CRS.from_user_input(source_crs).is_geographic)
    except CRSError as error:
        raise InputError(
            f"source_crs={source_crs!r} is not a coordinate reference system; longitude and latitude are 'EPSG:4326'."
        ) from error


def _judge_times(sieve: Sieve, parsed: Parsed, rules: Rules) -> None:
    happened, until, recorded = parsed.happened, parsed.until, parsed.recorded
    sieve.drop(happened.blank, "the time is blank")
    form = f"is not written as {rules.time_form}"
    sieve.refuse(happened.wrong, f"the time {form}", rules.time_remedy, happened.written)
    if until is not None:
        sieve.refuse(until.wrong, f"the latest time {form}", rules.time_remedy, until.written)
        sieve.refuse(
            until.wall < happened.wall,
            "the latest time is before the earliest",
            "swap or correct them",
            happened.written + until.written,
        )
    if rules.since is not None:
        sieve.drop(happened.wall < civil(rules.since), f"occurred before {rules.since}, reported later")
    if recorded is not None:
        sieve.drop(recorded.blank, "the time of recording is blank")
        sieve.refuse(recorded.wrong, f"the time of recording {form}", rules.time_remedy, recorded.written)
        sieve.refuse(
            recorded.wall < happened.wall,
            "recorded before it happened",
            "correct them: a crime cannot be known before it happens",
            happened.written + recorded.written,
        )
    for times in (happened, until, recorded):
        if times is None or times.utc is not None:
            continue
        if "raise" not in (rules.ambiguous, rules.nonexistent):
            continue
        local = localise(times.wall, rules.tz)
        if rules.ambiguous == "raise":
            sieve.forbid(
                local.ambiguous,
                f"the time occurs twice in {rules.tz} because the clock was put back",
                "say which is meant: ambiguous='earlier' or ambiguous='later'",
            )
        if rules.nonexistent == "raise":
            sieve.forbid(
                local.nonexistent,
                f"the time does not exist in {rules.tz} because the clock was put forward",
                "move it to the moment of the change: nonexistent='shift_forward'",
            )


def civil(since: str) -> np.datetime64:
    """Read the civil date from which crimes are kept."""
    try:
        return np.datetime64(since, "ns")
    except ValueError as error:
        raise InputError(f"since={since!r} is not a date; give one such as since='2014-01-01', or None.") from error
