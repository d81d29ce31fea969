"""Tonight's cocoons: around which cells the neighbours should be told, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.civil_time import LATEST, NANOSECONDS_PER_DAY, localise, moment, span, to_wall
from predpol_eval.errors import refuse_other_type
from predpol_eval.events import Events
from predpol_eval.forecasters.base import known
from predpol_eval.forecasters.near_repeat import NearRepeat
from predpol_eval.grid import Grid, check_events

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("row", "column", "x", "y", "area", "kinds", "crimes", "days_left", "until")


def cocoons(forecaster: NearRepeat, events: Events, grid: Grid, *, at: Any) -> pd.DataFrame:
    """List the cells that are the centre of a cocoon, by what was known at a moment.

    A cell is listed once, however many crimes it has; its cocoon ends with that of the latest of them. The list names
    cells: no address, no id and no coordinates of a crime. It is meant for those who visit the neighbours, not for
    publication, since a small cell in a quiet week may stand for one household.

    Parameters
    ----------
    forecaster : NearRepeat
        Its `lookback` is how long a cocoon lasts, in civil days if it is whole days.
    events : Events
    grid : Grid
    at : str, datetime or datetime64
        Civil time of the events' zone; a `numpy.datetime64` is UTC. Crimes recorded at or after it are not known.

    Returns
    -------
    pandas.DataFrame
        One row per cell, the cocoons that last longest first, then by row and column: `row` and `column` of the cell,
        `x` and `y` of its centre in metres, `area` (its label), `kinds` of crime, `crimes`, `days_left` by the wall
        clock, and `until`, the local time at which it ends. ``attrs["outside"]`` is the number of recent crimes in no
        cell of the study area, ``attrs["radius"]`` how far a cocoon reaches in metres.

    Raises
    ------
    InputError
        If `forecaster` is not a NearRepeat, nothing was observed in the lookback, or CRSs differ.

    References
    ----------
    Metropolitan Police reply to the London Assembly's "Smart policing" report (super cocooning).

    Examples
    --------
    >>> import pandas as pd, predpol_eval as ppe
    >>> frame = pd.DataFrame({"x": [130.0, 610.0], "y": [20.0, 20.0], "t": ["2018-05-01", "2018-05-06 12:00"]})
    >>> events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    >>> grid = ppe.Grid.from_bounds(0, 0, 750, 250, cell=250, crs="EPSG:27700", label="Camden")
    >>> listed = ppe.cocoons(ppe.NearRepeat(radius=400), events, grid, at="2018-05-08")
    >>> listed[["column", "x", "y", "area", "crimes", "days_left"]]
       column      x      y    area  crimes  days_left
    0       2  625.0  125.0  Camden       1       19.5
    1       0  125.0  125.0  Camden       1       14.0
    """
    import pandas as pd

    refuse_other_type(forecaster, NearRepeat, "cocoons are those of ppe.NearRepeat(...)")
    check_events(events)
    cut = moment(at, events.tz, "at")
    recent = known(events, grid, cut, forecaster.lookback)
    length = span(forecaster.lookback, "lookback")
    now = to_wall(np.array([cut]), events.tz)[0]
    # Nanoseconds would wrap around; nobody waits for the end of a cocoon that long.
    most = np.timedelta64(LATEST - now.astype("datetime64[s]"), "D")
    lasts = min(np.timedelta64(length.days, "D"), most) + min(length.elapsed, most)
    ends = (to_wall(recent.moments, events.tz) + lasts).astype("datetime64[ns]")
    left = (ends - now).astype(np.int64) / NANOSECONDS_PER_DAY
    cell = grid.cells_of(recent.events)
    live = (left > 0) & (cell >= 0)
    names = recent.events.kind
    rows: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for number in np.unique(cell[live]):
        here = live & (cell == number)
        row, column = divmod(int(number), grid.shape[1])
        rows["row"].append(row)
        rows["column"].append(column)
        rows["x"].append(float(grid.x[column]))
        rows["y"].append(float(grid.y[row]))
        rows["area"].append(grid.labels[grid.label_code[row, column]])
        rows["kinds"].append(", ".join(sorted(set(names[here].tolist()))))
        rows["crimes"].append(int(here.sum()))
        rows["days_left"].append(float(left[here].max()))
        rows["until"].append(ends[here].max())
    until = localise(np.array(rows.pop("until"), dtype="datetime64[ns]"), events.tz).utc
    listed = pd.DataFrame(rows).astype(
        {"row": "int64", "column": "int64", "x": "float64", "y": "float64", "crimes": "int64", "days_left": "float64"}
    )
    listed["until"] = pd.DatetimeIndex(until).tz_localize("UTC").tz_convert(events.tz)
    listed = listed.sort_values(["days_left", "row", "column"], ascending=[False, True, True], ignore_index=True)
    listed.attrs = {"outside": int(((left > 0) & (cell < 0)).sum()), "radius": forecaster.radius}
    return listed
