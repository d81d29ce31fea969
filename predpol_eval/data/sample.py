"""The built-in sample: five years of break-ins and vehicle thefts in Toronto, and five areas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.civil_time import to_wall
from predpol_eval.data.formats import FORMATS
from predpol_eval.data.notes import duplicate_notes, pile_up_notes
from predpol_eval.data.report import Dropped, ReadReport
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

SAMPLE_FILE = "toronto_sample.parquet"
SCHEMA = "predpol_eval.sample/1"
OBSERVED = (("2014-01-01", "2019-01-01"),)
KINDS = ("Auto Theft", "Break and Enter")
_TORONTO = FORMATS["toronto"]

# Drawn by hand over Toronto, in metres of EPSG:32617: (shell, holes) for every part of every area. They
# follow no official boundary. Slanted sides cut cells, area 2 has a hole and area 5 has two parts, as real
# boroughs do.
_RING = tuple[tuple[float, float], ...]
_PARTS: dict[int, tuple[tuple[_RING, tuple[_RING, ...]], ...]] = {
    1: (
        (
            (
                (626_100, 4_832_600),
                (628_400, 4_831_900),
                (630_900, 4_832_900),
                (634_200, 4_834_300),
                (634_600, 4_838_100),
                (630_300, 4_838_700),
                (625_800, 4_838_000),
            ),
            (),
        ),
    ),
    2: (
        (
            (
                (618_300, 4_830_700),
                (621_600, 4_831_600),
                (626_100, 4_832_600),
                (625_800, 4_838_000),
                (621_700, 4_837_600),
                (618_200, 4_837_900),
            ),
            (((622_900, 4_832_900), (624_100, 4_833_100), (624_000, 4_834_400), (623_000, 4_834_300)),),
        ),
    ),
    3: (
        (
            (
                (618_200, 4_837_900),
                (621_700, 4_837_600),
                (625_800, 4_838_000),
                (625_300, 4_844_900),
                (617_600, 4_844_200),
            ),
            (),
        ),
    ),
    4: (
        (
            (
                (625_800, 4_838_000),
                (630_300, 4_838_700),
                (633_400, 4_838_268),
                (632_900, 4_846_100),
                (625_300, 4_844_900),
            ),
            (),
        ),
    ),
    5: (
        (
            (
                (634_200, 4_834_300),
                (634_800, 4_835_300),
                (637_300, 4_835_900),
                (640_000, 4_838_500),
                (639_800, 4_842_300),
                (635_100, 4_841_900),
                (634_600, 4_838_100),
            ),
            (),
        ),
        (
            (
                (640_700, 4_843_400),
                (644_900, 4_844_200),
                (644_100, 4_848_400),
                (640_200, 4_847_600),
            ),
            (),
        ),
    ),
}


def sample_events(*, kinds: Sequence[str] | str | None = None) -> Events:
    """Break-ins and vehicle thefts in Toronto, 2014 to 2018, that ship with the library.

    Parameters
    ----------
    kinds : str or sequence of str, optional
        ``"Break and Enter"``, ``"Auto Theft"``; default both.

    Returns
    -------
    Events
        50,895 crimes in metres of EPSG:32617, times to the hour, observed from 2014-01-01 through 2018-12-31.
        The attribution that must be shown with them is ``.report.attribution``.

    Raises
    ------
    InputError
        If another kind is asked for, or the file in the package is damaged.

    Notes
    -----
    Cut by ``docs/scripts/make_sample.py`` from the Major Crime Indicators of the Toronto Police Service.
    Points are offset to the nearest intersection by the publisher: nobody's home is in here.

    Examples
    --------
    >>> events = sample_events()
    >>> len(events), events.kinds
    (50895, ('Auto Theft', 'Break and Enter'))
    """
    from predpol_eval.events import Events

    frame = _sample_frame()
    events = Events.from_frame(
        frame,
        happened="happened",
        kind="kind",
        crs=_TORONTO.crs,
        tz=_TORONTO.tz,
        observed=OBSERVED,
        resolution="hour",
    )
    notes = (
        "cut from the Major Crime Indicators 2014-2018: Break and Enter and Auto Theft that occurred from "
        "2014-01-01 on",
        "wall-clock times that a clock change repeats were taken as the earlier, skipped ones moved to the change",
        *duplicate_notes(0, 0, int(frame.duplicated().sum()), has_id=False),
        *pile_up_notes(to_wall(events.happened, events.tz)),
        *_TORONTO.caveats,
    )
    dropped: tuple[Dropped, ...] = ()
    if kinds is not None:
        chosen = events.select(kinds=kinds)
        others = np.flatnonzero(~np.isin(frame["kind"].to_numpy(dtype=object), chosen.kinds))
        if len(others):
            first = tuple(int(row) for row in others[:5])
            dropped = (Dropped("another kind of crime than asked for", len(others), first),)
        events = chosen
    report = ReadReport(
        source=SAMPLE_FILE,
        format="sample",
        rows_read=len(frame),
        rows_kept=len(events),
        dropped=dropped,
        notes=notes,
        attribution=_TORONTO.attribution,
        where="row",
    )
    return replace(events, report=report)


def sample_areas() -> gpd.GeoDataFrame:
    """Five demonstration areas over Toronto, drawn by hand; they are not official and have no other meaning.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns ``area`` (the name) and ``geometry``, in EPSG:32617. The areas touch but do not overlap; one
        has a hole, and one has two parts.

    Examples
    --------
    >>> areas = sample_areas()
    >>> areas["area"][0], len(areas)
    ('Demonstration area 1 (not official)', 5)
    """
    import geopandas as gpd
    from shapely.geometry import MultiPolygon, Polygon

    shapes: list[Any] = []
    for parts in _PARTS.values():
        polygons = [Polygon(shell, holes) for shell, holes in parts]
        shapes.append(polygons[0] if len(polygons) == 1 else MultiPolygon(polygons))
    names = [f"Demonstration area {number} (not official)" for number in _PARTS]
    return gpd.GeoDataFrame({"area": names}, geometry=shapes, crs=_TORONTO.crs)


def sample_grid(cell: float = 250) -> Grid:
    """Square cells over the demonstration areas, each labelled with its area.

    Parameters
    ----------
    cell : float
        Side of a cell in metres.

    Examples
    --------
    >>> sample_grid(500).labels[0]
    'Demonstration area 1 (not official)'
    """
    from predpol_eval.grid import Grid

    return Grid.from_areas(sample_areas(), cell=cell, label="area")


def _sample_frame() -> pd.DataFrame:
    """The rows of the sample: whole centimetres and whole hours, as they are stored."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with (files("predpol_eval.data") / SAMPLE_FILE).open("rb") as stream:
            table = pq.read_table(stream)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"The sample {SAMPLE_FILE} of this installation cannot be read; install it again.") from error
    schema = (table.schema.metadata or {}).get(b"schema", b"").decode()
    if schema != SCHEMA:
        raise InputError(
            f"The sample {SAMPLE_FILE} has schema {schema!r}, expected {SCHEMA!r}; install the package again."
        )
    hours = table["hour_utc"].to_numpy().astype("datetime64[h]").astype("datetime64[ns]")
    return pd.DataFrame(
        {
            "x": table["x_cm"].to_numpy() / 100.0,
            "y": table["y_cm"].to_numpy() / 100.0,
            "happened": pd.DatetimeIndex(hours).tz_localize("UTC"),
            "kind": table["kind"].to_pandas().astype(str),
        }
    )
