"""From a data frame to checked columns: every problem is found before any is reported."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import EARLIEST, LATEST, Ambiguous, Nonexistent, TimeArray, check_zone, localise
from predpol_eval.errors import InputError, row_list
from predpol_eval.projection import FloatArray, crs_text, metric_crs, project, refuse_degrees

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Problems:
    """What is wrong with a table, collected so that all of it is told at once."""

    found: list[str] = field(default_factory=list)

    def rows(self, bad: npt.NDArray[np.bool_], what: str, remedy: str) -> None:
        """Note the rows where `bad` is true."""
        where = np.flatnonzero(bad)
        if len(where):
            self.found.append(f"{row_list(where)}: {what}; {remedy}")

    def stop(self, what: str) -> None:
        """Raise `InputError` if anything was found."""
        if self.found:
            listed = "\n".join(f"  - {line}" for line in self.found)
            raise InputError(f"{what} (rows are counted from 0):\n{listed}")


def pick(frame: pd.DataFrame, name: str, argument: str) -> pd.Series[Any]:
    """Take one column by name; a missing one is refused with the closest names."""
    if name not in frame.columns:
        names = [str(column) for column in frame.columns]
        close = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""
        raise InputError(
            f"There is no column {name!r} (given as {argument}={name!r}).{hint} "
            f"The columns found are: {', '.join(repr(column) for column in names)}."
        )
    column = frame[name]
    if column.ndim != 1:
        raise InputError(f"There are {column.shape[1]} columns named {name!r}; rename all but one.")
    return column


def read_coordinates(
    frame: pd.DataFrame, x: str, y: str, crs: Any, source_crs: Any, problems: Problems
) -> tuple[FloatArray, FloatArray, str]:
    """Read the two coordinate columns, in metres of `crs`."""
    import pandas as pd

    name = metric_crs(crs)
    attached = getattr(frame, "crs", None)
    columns: list[FloatArray] = []
    for column_name, argument in ((x, "x"), (y, "y")):
        column = pick(frame, column_name, argument)
        numbers = np.array(pd.to_numeric(column, errors="coerce"), dtype=np.float64)
        is_text = np.isnan(numbers) & ~column.isna().to_numpy(dtype=bool)
        problems.rows(is_text, f"{column_name!r} is not a number", "correct or drop them")
        bad = ~np.isfinite(numbers) & ~is_text
        problems.rows(
            bad,
            f"{column_name!r} is missing (NaN) or infinite",
            f"drop them (df.dropna(subset=[{x!r}, {y!r}])) and report how many",
        )
        columns.append(numbers)
    east, north = columns
    problems.rows(
        (east == 0) & (north == 0),
        f"({x!r}, {y!r}) is (0, 0), which publishers write for a hidden or unknown place",
        "drop them and report how many",
    )
    usable = np.isfinite(east) & np.isfinite(north) & ~((east == 0) & (north == 0))
    if source_crs is not None:
        source = crs_text(source_crs)
        converted_east, converted_north = np.full(len(east), np.nan), np.full(len(north), np.nan)
        converted_east[usable], converted_north[usable] = project(east[usable], north[usable], source, name)
        lost = usable & ~(np.isfinite(converted_east) & np.isfinite(converted_north))
        problems.rows(
            lost,
            f"the coordinates cannot be converted from {source_crs!s} to {name}",
            "check that x is the longitude (or easting) and y the latitude (or northing)",
        )
        east, north = converted_east, converted_north
    else:
        if attached is not None and metric_crs(attached) != name:
            raise InputError(
                f"The GeoDataFrame is in {metric_crs(attached)} but crs={name!r} was given; "
                f"convert it first with .to_crs({name!r})."
            )
        refuse_degrees(east[usable], north[usable], name, "The events")
    return east, north, name


def read_times(
    column: pd.Series[Any],
    name: str,
    tz: str | None,
    ambiguous: Ambiguous,
    nonexistent: Nonexistent,
    problems: Problems,
    *,
    blank_allowed: bool = False,
) -> tuple[TimeArray, int, int]:
    """Read one column of moments as UTC; also the numbers of repeated and skipped wall-clock times."""
    import pandas as pd

    count = len(column)
    nothing = np.full(count, np.datetime64("NaT", "ns"))
    if pd.api.types.is_numeric_dtype(column.dtype) and not column.isna().all():
        problems.found.append(
            f"{name!r} holds numbers ({column.dtype}), not times; convert it with pd.to_datetime(df[{name!r}], "
            "unit='s') or format=..."
        )
        return nothing, 0, 0
    blank = column.isna().to_numpy(dtype=bool)
    stamps = column
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        try:
            stamps = pd.to_datetime(column, errors="coerce", format="ISO8601")
        except (ValueError, TypeError):
            problems.found.append(
                f"{name!r} mixes times with and without an offset, or with several; convert it with "
                f"pd.to_datetime(df[{name!r}], utc=True) after checking what the bare ones mean"
            )
            return nothing, 0, 0
        problems.rows(
            stamps.isna().to_numpy(dtype=bool) & ~blank,
            f"{name!r} is not a time in ISO form (2018-05-01 22:30)",
            f"convert it with pd.to_datetime(df[{name!r}], format='...')",
        )
    if not blank_allowed:
        problems.rows(blank, f"{name!r} is missing (NaT)", "drop them and report how many")
    zone = getattr(stamps.dt, "tz", None)
    if tz is None:
        has = "an offset, which does not tell the wall clock of the place" if zone is not None else "no time zone"
        raise InputError(
            f"The times in {name!r} have {has}, and no zone was given; say where the clock hangs, "
            "for instance tz='Europe/London'."
        )
    plain = stamps.dt.tz_convert("UTC").dt.tz_localize(None) if zone is not None else stamps
    seconds = plain.to_numpy().astype("datetime64[s]")
    far = ~np.isnat(seconds) & ((seconds < EARLIEST) | (seconds > LATEST))
    problems.rows(far, f"{name!r} lies before 1700 or after 2250", "correct or drop them")
    values = nothing.copy()
    values[~far] = plain.to_numpy()[~far].astype("datetime64[ns]")
    if zone is not None:
        return values, 0, 0
    local = localise(values, str(tz), ambiguous=ambiguous, nonexistent=nonexistent)
    if ambiguous == "raise":
        problems.rows(
            local.ambiguous,
            f"{name!r} occurs twice in {tz} because the clock was put back",
            "say which is meant: ambiguous='earlier' or ambiguous='later'",
        )
    if nonexistent == "raise":
        problems.rows(
            local.nonexistent,
            f"{name!r} does not exist in {tz} because the clock was put forward",
            "move them to the moment of the change: nonexistent='shift_forward'",
        )
    return local.utc, int(local.ambiguous.sum()), int(local.nonexistent.sum())


def zone_of(column: pd.Series[Any]) -> str | None:
    """Zone of a column that carries a place's zone; a bare offset or UTC does not tell a wall clock."""
    zone = getattr(getattr(column, "dtype", None), "tz", None)
    name = str(zone) if zone is not None else ""
    if zone is None:
        return None
    if "/" not in name:
        raise InputError(
            f"The times are given in {name}, which does not tell the wall clock of the place; add it, "
            "for instance tz='Europe/London' (or tz='UTC' if days really run from midnight UTC)."
        )
    return check_zone(name)


def check_policies(ambiguous: str, nonexistent: str, resolution: str | None) -> None:
    """Refuse a policy that does not exist."""
    if ambiguous not in ("raise", "earlier", "later"):
        raise InputError(f"ambiguous={ambiguous!r}; choose 'raise', 'earlier' or 'later'.")
    if nonexistent not in ("raise", "shift_forward"):
        raise InputError(f"nonexistent={nonexistent!r}; choose 'raise' or 'shift_forward'.")
    if resolution not in (None, "month", "day", "hour", "minute"):
        raise InputError(f"resolution={resolution!r}; choose 'month', 'day', 'hour', 'minute' or None.")


def in_order(columns: dict[str, Any], *, by_id: bool) -> dict[str, Any]:
    """Sort columns by time, and by everything else after it, so that the order of the input never matters.

    Without ids of the publisher's (`by_id` false) crimes are numbered after they are sorted.
    """
    last = ["id"] if by_id else []
    keys = [columns[name] for name in ("kind_code", "y", "x", "recorded", "happened_until", *last, "happened")]
    order = np.lexsort([key for key in keys if key is not None])
    ordered = {name: None if column is None else column[order] for name, column in columns.items()}
    return ordered if by_id else {**ordered, "id": columns["id"]}
