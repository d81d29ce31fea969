"""One door to all readers."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from predpol_eval.data.chicago import read_chicago
from predpol_eval.data.formats import FORMATS
from predpol_eval.data.generic import read_generic
from predpol_eval.data.police_uk import read_police_uk
from predpol_eval.data.toronto import read_toronto
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    from predpol_eval.events import Events

READERS: Mapping[str, Callable[..., Events]] = MappingProxyType(
    {"toronto": read_toronto, "chicago": read_chicago, "police_uk": read_police_uk, "generic": read_generic}
)


def read_events(path: str | Path, *, format: str, **options: Any) -> Events:
    """Read recorded crimes from a publisher's own file.

    Parameters
    ----------
    path : str or Path
        A CSV (plain or gzip) or Parquet file; which it is, is told by its content.
    format : {"toronto", "chicago", "police_uk", "generic"}
        Whose file it is; `predpol_eval.data.FORMATS` describes them.
    **options
        For every format:

        ``kinds`` : keep only these kinds of crime (default all).
        ``observed`` : list of (start, end), civil dates between which crimes were recorded, end excluded;
        default: the first day to the last day of the file, whatever its kinds.
        ``crs`` : projected system of the result, in metres.
        ``malformed`` : ``"raise"`` (default) names every line that cannot be read and stops; ``"drop"``
        leaves such lines out and counts them.
        ``encoding``, ``separator`` : of a CSV; default UTF-8 and a comma.

        For all but ``police_uk``, whose times are months: ``ambiguous`` (``"earlier"``, ``"later"`` or
        ``"raise"``) and ``nonexistent`` (``"shift_forward"`` or ``"raise"``), for wall-clock times that a
        clock change repeats or skips.

        For ``toronto``: ``since`` (default ``"2014-01-01"``; None keeps crimes that occurred earlier and were
        reported later).

        For ``generic``: ``x``, ``y``, ``happened``, ``crs`` and ``tz`` must be given; ``source_crs`` where
        the coordinates are in another system (``"EPSG:4326"``: x is the longitude, y the latitude);
        ``happened`` may be a list of columns (year, month, day, hour, minute, second) and ``hhmm`` a column
        of clock times such as 330 or 2230; ``happened_until``, ``recorded``, ``kind``, ``id`` name further
        columns; ``date_format`` is needed for times that are not in ISO form; ``decimal`` for decimal commas;
        ``columns`` for a CSV without header; ``resolution`` (``"month"``, ``"day"``, ``"hour"``,
        ``"minute"``) and ``attribution`` if known.

    Returns
    -------
    Events
        With a `predpol_eval.data.ReadReport` as its ``report``: rows read, rows dropped and why, and notes.

    Raises
    ------
    InputError
        If the format or an option is unknown, the file is missing, empty or no table, a column is missing, or
        a line cannot be read; it says what was found, where, and what to do.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name, "thefts.csv")
    >>> _ = file.write_text('''lon,lat,when,what
    ... -0.1276,51.5072,2018-07-01 21:30,theft
    ... ,,2018-07-01 22:00,theft
    ... -0.1280,51.5070,2018-07-02 01:15,burglary
    ... ''')
    >>> events = read_events(file, format="generic", x="lon", y="lat", happened="when", kind="what",
    ...                      source_crs="EPSG:4326", crs="EPSG:27700", tz="Europe/London")
    >>> print(events.report)
    thefts.csv, read as generic
      rows read       3
      rows kept       2
      rows dropped    1
        1  the place is blank (line 3)
    >>> folder.cleanup()
    """
    if format not in READERS:
        close = difflib.get_close_matches(str(format).lower(), list(READERS), n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"format={format!r} is unknown.{hint} The formats are "
            f"{', '.join(repr(name) for name in FORMATS)}; "
            "any other table is read with format='generic' and its columns named."
        )
    reader = READERS[format]
    _check_options(format, reader, options)
    return reader(path, **options)


def _check_options(format: str, reader: Callable[..., Events], options: Mapping[str, Any]) -> None:
    parameters = {
        name: entry for name, entry in inspect.signature(reader).parameters.items() if entry.kind is entry.KEYWORD_ONLY
    }
    unknown = [name for name in options if name not in parameters]
    if unknown:
        close = [match for name in unknown for match in difflib.get_close_matches(name, list(parameters), n=1)]
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise InputError(
            f"format={format!r} has no option {', '.join(unknown)}.{hint} Its options are: {', '.join(parameters)}."
        )
    missing = [name for name, entry in parameters.items() if entry.default is entry.empty and name not in options]
    if missing:
        raise InputError(
            f"format={format!r} also needs {', '.join(f'{name}=' for name in missing)}; for instance "
            f"{FORMATS[format].example}."
        )
