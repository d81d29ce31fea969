"""Recorded crimes: an immutable table with two clocks, when they happened and when they were recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval import observation
from predpol_eval.civil_time import Ambiguous, Nonexistent, TimeArray, check_zone, moment, to_wall
from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError
from predpol_eval.event_columns import Problems, check_policies, in_order, pick, read_coordinates, read_times, zone_of
from predpol_eval.fingerprints import fingerprint_of
from predpol_eval.observation import Periods
from predpol_eval.projection import FloatArray

if TYPE_CHECKING:
    import pandas as pd

Resolution = Literal["month", "day", "hour", "minute"]
NO_KIND = "all"
_TIME_COLUMNS = ("happened", "happened_until", "recorded")
_COLUMNS = (*_TIME_COLUMNS, "x", "y", "kind_code", "id")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Events:
    """An immutable table of crimes, sorted by the time they happened.

    Make one with `Events.from_frame` or `read_events`. All columns are read-only NumPy arrays of the same length.

    Attributes
    ----------
    happened : array of datetime64[ns]
        When each crime happened, UTC; the start of the interval where the moment is uncertain.
    happened_until : array of datetime64[ns] or None
        End of that interval; equal to `happened` where the moment is known.
    recorded : array of datetime64[ns] or None
        When each crime became known to the police.
    x, y : array of float
        Metres of `crs`.
    kind_code : array of int
        Position of each crime's kind in `kinds`.
    kinds : tuple of str
        The kinds of crime, sorted.
    id : array
        The publisher's id, or 0, 1, 2, ... in order of time.
    crs : str
        Projected coordinate reference system in metres.
    tz : str
        IANA zone of the place, whose wall clock makes days and windows.
    observed : tuple of (start, end)
        Periods in which crimes were recorded, UTC, end excluded.
    suspect : tuple of (start, end)
        Stretches of `observed` that look unobserved; windows in them are refused until `observed` is given.
    resolution : {"month", "day", "hour", "minute"} or None
        How coarsely the publisher tells the time, where that forbids some uses.
    clock_changes : mapping
        Number of ``"ambiguous"`` and ``"nonexistent"`` wall-clock times met when reading.
    report : object
        What the reader dropped and why; None for a table made from a data frame.
    """

    happened: TimeArray
    happened_until: TimeArray | None
    recorded: TimeArray | None
    x: FloatArray
    y: FloatArray
    kind_code: npt.NDArray[np.int32]
    kinds: tuple[str, ...]
    id: npt.NDArray[Any]
    crs: str
    tz: str
    observed: Periods
    suspect: Periods = ()
    resolution: Resolution | None = None
    clock_changes: Mapping[str, int] = field(default_factory=dict)
    report: Any = None

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        x: str = "x",
        y: str = "y",
        happened: str = "t",
        recorded: str | None = None,
        happened_until: str | None = None,
        kind: str | None = None,
        id: str | None = None,
        crs: Any,
        tz: str | None = None,
        source_crs: Any = None,
        observed: Iterable[Any] | None = None,
        ambiguous: Ambiguous = "raise",
        nonexistent: Nonexistent = "raise",
        resolution: Resolution | None = None,
        report: Any = None,
    ) -> Events:
        """Make a table of crimes from a data frame, or refuse it with a list of all that is wrong.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row per crime.
        x, y, happened : str
            Names of the columns with the place and the time.
        recorded, happened_until, kind, id : str, optional
            Names of the columns with the time of recording, the end of an uncertain time (blank: the time is
            exact), the kind of crime and the publisher's id.
        crs : str or pyproj.CRS
            Projected CRS in metres of the result (and of `x`, `y`, unless `source_crs` is given).
        tz : str
            IANA zone: the wall clock of naive times, and of days and windows.
        source_crs : str or pyproj.CRS, optional
            CRS of `x` and `y` where it is another; they are converted (``"EPSG:4326"``: x is the longitude).
        observed : iterable of (start, end), optional
            Civil dates or times between which crimes were recorded, end excluded; default: the days from the first
            crime to the last.
        ambiguous : {"raise", "earlier", "later"}
            What a wall-clock time means that occurs twice when the clock is put back.
        nonexistent : {"raise", "shift_forward"}
            What a wall-clock time means that is skipped when the clock is put forward.
        resolution : {"month", "day", "hour", "minute"}, optional
            How coarsely the publisher tells the time.
        report : object, optional
            Kept as `Events.report`.

        Returns
        -------
        Events

        Raises
        ------
        InputError
            Naming every row and column that cannot be used, and what to do.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"x": [530100.0], "y": [180200.0], "t": ["2013-07-09 22:15"]})
        >>> events = Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
        >>> len(events), str(events.happened[0])
        (1, '2013-07-09T21:15:00.000000000')
        """
        zone = None if tz is None else check_zone(tz)
        check_policies(ambiguous, nonexistent, resolution)
        if len(frame) == 0 and observed is None:
            raise InputError(
                "The table of crimes is empty, so nothing tells when crimes were observed. Check the file or the "
                "filter before it; for a place truly without crime give observed=[(start, end)]."
            )
        problems = Problems()
        east, north, crs_name = read_coordinates(frame, x, y, crs, source_crs, problems)
        times: dict[str, TimeArray | None] = dict.fromkeys(_TIME_COLUMNS)
        repeated = skipped = 0
        named = {"happened": happened, "happened_until": happened_until, "recorded": recorded}
        for argument, name in named.items():
            if name is None:
                continue
            column = pick(frame, name, argument)
            if zone is None:
                zone = zone_of(column)
            times[argument], twice, never = read_times(
                column, name, zone, ambiguous, nonexistent, problems, blank_allowed=argument == "happened_until"
            )
            repeated, skipped = repeated + twice, skipped + never
        start, until, known = times["happened"], times["happened_until"], times["recorded"]
        if start is None or zone is None:  # pragma: no cover - `happened` always has a name
            raise InputError("Give the column with the time of each crime as happened='...'.")
        if until is not None:
            until = np.where(np.isnat(until), start, until)
            problems.rows(until < start, f"{happened_until!r} is before {happened!r}", "swap or correct them")
        if known is not None:
            problems.rows(
                known < start,
                f"{recorded!r} is before {happened!r}: a crime cannot be known before it happens",
                "correct them; where only the date of recording is known, use the end of that day",
            )
        if kind is None:
            names = np.full(len(frame), NO_KIND, dtype=object)
        else:
            column = pick(frame, kind, "kind")
            names = column.astype(str).str.strip().to_numpy(dtype=object)
            blank = column.isna().to_numpy(dtype=bool) | (names == "")
            problems.rows(blank, f"{kind!r} is blank", "fill or drop them")
        ids = None if id is None else np.asarray(pick(frame, id, "id").to_numpy())
        problems.stop("These crimes cannot be used")
        if ids is not None and ids.dtype.kind not in "iu":
            ids = ids.astype(str)
        if observed is not None:
            periods = observation.read_periods(observed, zone)
        else:
            middle = start if until is None else start + (until - start) // 2
            periods = observation.first_to_last_day(middle, zone)
        kinds, code = np.unique(names.astype(str), return_inverse=True)
        numbers = np.arange(len(frame)) if ids is None else ids
        columns: dict[str, Any] = {"happened": start, "happened_until": until, "recorded": known, "x": east, "y": north}
        columns |= {"kind_code": code.astype(np.int32), "id": numbers}
        ordered = in_order(columns, by_id=ids is not None)
        sealed: dict[str, Any] = {name: None if old is None else _frozen(old) for name, old in ordered.items()}
        return cls(
            **sealed,
            kinds=tuple(str(kind) for kind in kinds), crs=crs_name, tz=zone, observed=periods, resolution=resolution,
            report=report, clock_changes={"ambiguous": repeated, "nonexistent": skipped},
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.happened)

    @property
    def kind(self) -> npt.NDArray[np.str_]:
        """Kind of each crime, by name."""
        return np.asarray(self.kinds if self.kinds else (NO_KIND,), dtype=str)[self.kind_code]

    @property
    def midpoint(self) -> TimeArray:
        """Middle of the interval in which each crime happened: the moment its age is counted from."""
        if self.happened_until is None:
            return self.happened
        return self.happened + (self.happened_until - self.happened) // 2

    @property
    def information_set(self) -> Literal["recorded", "happened"]:
        """Which clock decides whether a crime is known."""
        return "happened" if self.recorded is None else "recorded"

    @property
    def known_from(self) -> TimeArray:
        """The moment after which each crime counts as known: recorded, else the (end of the) time it happened."""
        if self.recorded is not None:
            return self.recorded
        return self.happened if self.happened_until is None else self.happened_until

    @property
    def observed_days(self) -> float:
        """Observed time in elapsed days."""
        return observation.total_days(self.observed)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that can change a result."""
        observed = [(str(first), str(last)) for first, last in self.observed]
        columns = [getattr(self, name) for name in _COLUMNS]
        return fingerprint_of(self.crs, self.tz, self.kinds, self.resolution, observed, *columns)

    def take(self, which: npt.NDArray[Any]) -> Events:
        """Take the crimes of a mask or of sorted positions, with the same kinds, CRS, zone and observed periods."""
        columns = {name: getattr(self, name) for name in _COLUMNS}
        taken: dict[str, Any] = {name: _frozen(old[which]) for name, old in columns.items() if old is not None}
        return replace(self, **taken)

    def known_at(self, until: Any) -> Events:
        """What was known by `until`: the crimes recorded before it, and the observed time before it.

        Parameters
        ----------
        until : str, datetime or datetime64
            Civil time of `tz`; a `numpy.datetime64` is UTC.

        Returns
        -------
        Events
            Crimes with ``recorded < until``; where no recording time is known, ``happened_until < until``, and
            ``happened < until`` for exact times.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"x": [1e5, 1e5], "y": [1e5, 1e5], "t": ["2018-05-01", "2018-05-02"]})
        >>> events = Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
        >>> len(events.known_at("2018-05-02"))
        1
        """
        cut = moment(until, self.tz, "until")
        known = self.take(self.known_from < cut)
        # That a kind will be seen one day is not known before it is.
        seen = np.bincount(known.kind_code, minlength=len(self.kinds)) > 0
        return replace(known, observed=observation.clip(self.observed, None, cut))._with_kinds(seen)

    def select(self, *, kinds: str | Sequence[str] | None = None, start: Any = None, end: Any = None) -> Events:
        """Keep some kinds of crime, or those that happened (began) in ``[start, end)``; the observed time is cut alike.

        Raises
        ------
        InputError
            If a kind is not in the table.
        """
        keep = np.ones(len(self), dtype=bool)
        names = self.kinds
        if kinds is not None:
            names = (kinds,) if isinstance(kinds, str) else tuple(kinds)
            unknown = [name for name in names if name not in self.kinds]
            if unknown:
                raise InputError(
                    f"There is no crime of kind {', '.join(repr(name) for name in unknown)}; "
                    f"the kinds are {', '.join(repr(name) for name in self.kinds)}."
                )
            keep &= np.isin(self.kind_code, [self.kinds.index(name) for name in names])
        first = None if start is None else moment(start, self.tz, "start")
        last = None if end is None else moment(end, self.tz, "end")
        if first is not None:
            keep &= self.happened >= first
        if last is not None:
            keep &= self.happened < last
        chosen = replace(self.take(keep), observed=observation.clip(self.observed, first, last))
        return chosen._with_kinds(np.isin(self.kinds, names))

    def _with_kinds(self, keep: npt.NDArray[np.bool_]) -> Events:
        """Drop the names of kinds of which there is no crime (any more)."""
        if keep.all():
            return self
        code = (np.cumsum(keep) - 1).astype(np.int32)[self.kind_code]
        kept = tuple(name for name, stays in zip(self.kinds, keep, strict=True) if stays)
        return replace(self, kinds=kept, kind_code=_frozen(code))

    def within_observed(self) -> Events:
        """Only the crimes whose time (midpoint) lies in an observed period: rates are made of these."""
        inside = observation.contains(self.observed, self.midpoint)
        return self if inside.all() else self.take(inside)

    def frame(self) -> pd.DataFrame:
        """Give the table as a pandas DataFrame, times in the wall clock of `tz` with their zone."""
        import pandas as pd

        columns: dict[str, Any] = {"id": self.id}
        for name in _TIME_COLUMNS:
            values = getattr(self, name)
            if values is not None:
                columns[name] = pd.DatetimeIndex(values).tz_localize("UTC").tz_convert(self.tz)
        columns |= {"kind": self.kind, "x": self.x, "y": self.y}
        return pd.DataFrame(columns)

    def to_parquet(self, path: str | Path) -> None:
        """Save as Parquet (see `Events.from_parquet`)."""
        from predpol_eval import event_files

        event_files.save(self, Path(path))

    @classmethod
    def from_parquet(cls, path: str | Path) -> Events:
        """Load what `to_parquet` saved; any other Parquet file is read with ``read_events(format="generic")``."""
        from predpol_eval import event_files

        return event_files.load(Path(path))

    def summary(self) -> dict[str, str]:
        """Describe the table in words, one entry per line."""
        numbers = np.bincount(self.kind_code, minlength=len(self.kinds))
        described = {
            "crimes": f"{len(self):,}",
            "kinds": ", ".join(f"{name} ({n:,})" for name, n in zip(self.kinds, numbers, strict=True)),
            "observed": observation.describe(self.observed, self.tz),
            "known by": "time recorded" if self.recorded is not None else "time happened (no recording time)",
            "place": f"metres of {self.crs if len(self.crs) < 40 else 'a custom CRS'}",
            "clock": self.tz,
        }
        if len(self):
            wall = to_wall(self.happened[[0, -1]], self.tz).astype("datetime64[m]")
            described["happened"] = f"{wall[0]} to {wall[1]}".replace("T", " ")
        if self.resolution is not None:
            described["time told to the"] = self.resolution
        return described

    def __repr__(self) -> str:
        return as_text("Events", self.summary())

    def _repr_html_(self) -> str:
        return as_html("Events", self.summary())


def _frozen(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    result = np.array(values)
    result.setflags(write=False)
    return result
