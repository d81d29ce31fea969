"""Toronto Police Service, Major Crime Indicators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.civil_time import Ambiguous, Nonexistent
from predpol_eval.data.assemble import assemble
from predpol_eval.data.columns import match_format
from predpol_eval.data.files import open_source
from predpol_eval.data.formats import FORMATS
from predpol_eval.data.judge import Parsed, Rules
from predpol_eval.data.sieve import Malformed
from predpol_eval.data.table import read_table
from predpol_eval.data.values import ISO, Numbers, Times, numbers, texts, times

if TYPE_CHECKING:
    from predpol_eval.events import Events

FORMAT = FORMATS["toronto"]
_DATES = ("%Y/%m/%d %H:%M:%S+00", ISO, "%m/%d/%Y %I:%M:%S %p")
# Midnight in Toronto is 04:00 UTC in summer and 05:00 in winter; 00:00 is a date that was never converted.
_MIDNIGHTS = (0, 4, 5)


def read_toronto(
    path: str | Path,
    *,
    kinds: Sequence[str] | str | None = None,
    since: str | None = "2014-01-01",
    crs: Any = FORMAT.crs,
    observed: Iterable[Any] | None = None,
    ambiguous: Ambiguous = "earlier",
    nonexistent: Nonexistent = "shift_forward",
    malformed: Malformed = "raise",
    encoding: str = "utf-8",
    separator: str = ",",
) -> Events:
    """Read a file of the Major Crime Indicators; see `predpol_eval.read_events` for the options."""
    source = open_source(path, separator=separator, encoding=encoding)
    found = match_format(source, FORMAT)
    table = read_table(source)
    frame = table.frame
    # The zone is UTC here to get at the date as it is written: it is the civil date, Toronto lying west of
    # Greenwich.
    happened = _with_hour(times(frame[found["date"]], "UTC", _DATES), numbers(frame[found["hour"]]))
    parsed = Parsed(
        table=table,
        x=numbers(frame[found["x"]]),
        y=numbers(frame[found["y"]]),
        happened=happened,
        kind=texts(frame[found["kind"]]),
    )
    rules = Rules(
        format=FORMAT.name,
        crs=crs,
        source_crs=FORMAT.source_crs,
        tz=FORMAT.tz,
        kinds=kinds,
        since=since,
        observed=None if observed is None else list(observed),
        ambiguous=ambiguous,
        nonexistent=nonexistent,
        malformed=malformed,
        resolution=FORMAT.resolution,
        attribution=FORMAT.attribution,
        caveats=FORMAT.caveats,
        time_form="2014/03/02 05:00:00+00 (local midnight in UTC) and an hour from 0 to 23",
    )
    return assemble(parsed, rules)


def _with_hour(date: Times, hour: Numbers) -> Times:
    """Join the civil date and the hour of the clock."""
    day = date.wall.astype("datetime64[D]")
    written = (date.wall - day) / np.timedelta64(1, "h")
    number = np.nan_to_num(hour.values, nan=0.0)
    blank = date.blank | hour.blank
    wrong_hour = hour.wrong | (number % 1 != 0) | (number < 0) | (number > 23)
    wrong = ~blank & (date.wrong | ~np.isin(written, _MIDNIGHTS) | wrong_hour)
    wall = (day + np.where(wrong | blank, 0, number).astype("timedelta64[h]")).astype("datetime64[ns]")
    wall[wrong | blank] = np.datetime64("NaT", "ns")
    written = date.written + hour.written
    return Times(wall=wall, utc=None, blank=blank, wrong=wrong, dates_only=False, written=written)
