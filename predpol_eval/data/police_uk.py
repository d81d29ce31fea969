"""data.police.uk street-level crime: months, not days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.data.assemble import assemble
from predpol_eval.data.columns import match_format
from predpol_eval.data.files import open_source
from predpol_eval.data.formats import FORMATS
from predpol_eval.data.judge import Parsed, Rules
from predpol_eval.data.sieve import Malformed
from predpol_eval.data.table import read_table
from predpol_eval.data.values import Times, months, numbers, texts

if TYPE_CHECKING:
    from predpol_eval.events import Events

FORMAT = FORMATS["police_uk"]


def read_police_uk(
    path: str | Path,
    *,
    kinds: Sequence[str] | str | None = None,
    crs: Any = FORMAT.crs,
    observed: Iterable[Any] | None = None,
    malformed: Malformed = "raise",
    encoding: str = "utf-8",
    separator: str = ",",
) -> Events:
    """Read a file of street-level crime; see `predpol_eval.read_events` for the options."""
    source = open_source(path, separator=separator, encoding=encoding)
    found = match_format(source, FORMAT)
    table = read_table(source)
    frame = table.frame
    start, end = months(frame[found["month"]])
    ids = texts(frame[found["id"]]) if "id" in found else None
    told = list(missing_months(start))
    if ids is not None and (without := int((ids == "").sum())):
        told.append(f"rows read without a Crime ID: {without:,} (anti-social behaviour never has one)")
    parsed = Parsed(
        table=table,
        x=numbers(frame[found["x"]]),
        y=numbers(frame[found["y"]]),
        happened=start,
        until=end,
        kind=texts(frame[found["kind"]]),
        id=ids,
        notes=tuple(told),
    )
    rules = Rules(
        format=FORMAT.name,
        crs=crs,
        source_crs=FORMAT.source_crs,
        tz=FORMAT.tz,
        kinds=kinds,
        observed=None if observed is None else list(observed),
        malformed=malformed,
        resolution=FORMAT.resolution,
        attribution=FORMAT.attribution,
        caveats=FORMAT.caveats,
        time_form="2018-07",
    )
    return assemble(parsed, rules)


def missing_months(start: Times) -> tuple[str, ...]:
    """Note months between the first and the last of which there is no row.

    Examples
    --------
    >>> import pandas as pd
    >>> missing_months(months(pd.Series(["2018-01", "2018-04"]))[0])[0][:28]
    'no rows for 2018-02, 2018-03'
    """
    found = np.unique(start.wall[~np.isnat(start.wall)].astype("datetime64[M]"))
    if len(found) < 2:
        return ()
    absent = np.setdiff1d(np.arange(found[0], found[-1]), found)
    if not len(absent):
        return ()
    named = ", ".join(str(month) for month in absent[:12]) + (" ..." if len(absent) > 12 else "")
    return (f"no rows for {named}: give observed=[...] without these months if they are missing from the file",)
