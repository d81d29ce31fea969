"""City of Chicago, "Crimes": the Socrata export, and Parquet made from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from predpol_eval.civil_time import Ambiguous, Nonexistent
from predpol_eval.data.assemble import assemble
from predpol_eval.data.columns import match_format
from predpol_eval.data.files import open_source
from predpol_eval.data.formats import FORMATS
from predpol_eval.data.judge import Parsed, Rules
from predpol_eval.data.sieve import Malformed
from predpol_eval.data.table import read_table
from predpol_eval.data.values import ISO, numbers, texts, times

if TYPE_CHECKING:
    from predpol_eval.events import Events

FORMAT = FORMATS["chicago"]
# The export, the programming interface of the same portal, and the export after a spreadsheet saved it.
_DATES = ("%m/%d/%Y %I:%M:%S %p", ISO, "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M")

# What (0, 0) feet of the Illinois State Plane becomes in degrees: a field in Missouri.
_UNKNOWN_PLACES = ((-91.686566, 36.619446),)


def read_chicago(
    path: str | Path,
    *,
    kinds: Sequence[str] | str | None = None,
    crs: Any = FORMAT.crs,
    observed: Iterable[Any] | None = None,
    ambiguous: Ambiguous = "earlier",
    nonexistent: Nonexistent = "shift_forward",
    malformed: Malformed = "raise",
    encoding: str = "utf-8",
    separator: str = ",",
) -> Events:
    """Read a file of Chicago's crimes; see `predpol_eval.read_events` for the options."""
    source = open_source(path, separator=separator, encoding=encoding)
    found = match_format(source, FORMAT)
    # With an id, identical rows are known by it, and the other columns of a large file need not be read.
    table = read_table(source, list(found.values()) if "id" in found else None)
    frame = table.frame
    parsed = Parsed(
        table=table,
        x=numbers(frame[found["x"]]),
        y=numbers(frame[found["y"]]),
        happened=times(frame[found["date"]], FORMAT.tz, _DATES),
        kind=texts(frame[found["kind"]]),
        id=texts(frame[found["id"]]) if "id" in found else None,
    )
    rules = Rules(
        format=FORMAT.name,
        crs=crs,
        source_crs=FORMAT.source_crs,
        tz=FORMAT.tz,
        kinds=kinds,
        observed=None if observed is None else list(observed),
        ambiguous=ambiguous,
        nonexistent=nonexistent,
        malformed=malformed,
        unknown_places=_UNKNOWN_PLACES,
        resolution=FORMAT.resolution,
        attribution=FORMAT.attribution,
        caveats=FORMAT.caveats,
        time_form="05/17/2018 04:30:00 PM",
    )
    return assemble(parsed, rules)
