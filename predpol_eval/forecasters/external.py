"""Somebody else's predictions behind the same interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.civil_time import moment
from predpol_eval.errors import InputError, NotComparableError, row_list
from predpol_eval.event_columns import pick
from predpol_eval.events import Events
from predpol_eval.fingerprints import fingerprint_of
from predpol_eval.forecasters.base import Nightly, ready
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows, as_windows, name_windows
from predpol_eval.surface import KINDS, load_surface, make_surface

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class External(Nightly):
    """Surfaces or flags made by somebody else, replayed as a forecaster.

    Nothing is learnt from events. Each surface says in its coordinate ``until`` when it was made; one made later than
    the moment from which a window is forecast is refused, so that no vendor can look ahead either.

    Parameters
    ----------
    surface : xarray.DataArray
        Dimensions (window, y, x), from `make_surface` or `load_surface`; of any kind.
    name : str
        What to call it.

    Attributes
    ----------
    fingerprint : str
        SHA-256 of the surfaces: their identity.

    Raises
    ------
    InputError
        If it is not a surface of a known kind with one dimension each for window, y and x, or two have the same window.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> nights = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> External(surface=ppe.make_surface([[[0.5, 0.1]]], grid, nights, kind="score"), name="vendor A")
    External(name='vendor A')
    """

    surface: xr.DataArray = field(repr=False)
    name: str = "external"
    fingerprint: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import xarray as xr

        if not isinstance(self.surface, xr.DataArray) or set(self.surface.dims) != {"window", "y", "x"}:
            found = getattr(self.surface, "dims", type(self.surface).__name__)
            raise InputError(
                f"External needs one surface with dimensions (window, y, x); found {found}. Use "
                "External.from_file(path), External.from_table(...), or select one forecaster first."
            )
        if self.surface.attrs.get("kind") not in KINDS:
            raise InputError(
                f"The surface's attrs['kind'] is {self.surface.attrs.get('kind')!r}; expected one of "
                f"{', '.join(map(repr, KINDS))}, since it decides which metrics apply. Use "
                "ppe.make_surface(..., kind=...)."
            )
        # A copy: its fingerprint must stay true whatever becomes of the original.
        ordered = self.surface.transpose("window", "y", "x").copy(deep=True).load()
        ordered.to_numpy().setflags(write=False)
        windows = Windows.from_coords(ordered)
        starts, number = np.unique(windows.start, return_counts=True)
        if (number > 1).any():
            raise InputError(
                f"{int((number > 1).sum())} windows have more than one surface, the first {starts[number > 1][0]} UTC."
            )
        said = (str(ordered.attrs.get("kind")), str(ordered.attrs.get("grid")), self.name)
        numbers = ordered.to_numpy().astype(np.float64)
        made = fingerprint_of(said, numbers, windows.start, windows.end, windows.until)
        object.__setattr__(self, "surface", ordered)
        object.__setattr__(self, "fingerprint", made)

    @classmethod
    def from_file(cls, path: str | Path, *, name: str = "external") -> External:
        """Replay what `save_surface` wrote."""
        return cls(surface=load_surface(path), name=name)

    @classmethod
    def from_table(
        cls,
        frame: pd.DataFrame,
        grid: Grid,
        windows: Any,
        *,
        window: str = "window",
        x: str = "x",
        y: str = "y",
        risk: str | None = None,
        name: str = "external",
    ) -> External:
        """Make surfaces from a list of boxes.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row per box and window.
        grid : Grid
        windows : Windows or Schedule
            The windows that were forecast; one without rows has nothing flagged.
        window, x, y : str
            Columns with the local civil start of the window, and any point of the box (metres of the grid's CRS).
        risk : str, optional
            Column with a score; boxes that are not listed get the lowest, 0. Without it the boxes are flags.
        name : str
            What to call it.

        Raises
        ------
        InputError
            Naming the rows whose window or place is unknown, that name a box twice, or whose risk is not a number from
            0.
        """
        import pandas as pd

        chosen = as_windows(windows)
        if not len(chosen):
            raise InputError("There is no window that was forecast; give a schedule with at least one.")
        column, start = pick(frame, window, "window"), np.empty(len(frame), dtype="datetime64[ns]")
        for row, value in enumerate(column.tolist()):
            start[row] = moment(value, chosen.tz, f"row {row}: {window!r}")
        order = np.argsort(chosen.start)
        place = np.minimum(np.searchsorted(chosen.start[order], start), len(chosen) - 1)
        which = order[place]
        unknown = chosen.start[which] != start
        numbers = [np.array(pd.to_numeric(pick(frame, c, c), errors="coerce"), dtype=np.float64) for c in (x, y)]
        finite = np.isfinite(numbers[0]) & np.isfinite(numbers[1])
        cell = np.full(len(frame), -1, dtype=np.int64)
        cell[finite] = grid.cell_of(numbers[0][finite], numbers[1][finite])
        score = np.ones(len(frame))
        if risk is not None:
            score = np.array(pd.to_numeric(pick(frame, risk, "risk"), errors="coerce"), dtype=np.float64)
        again = pd.DataFrame({"window": which, "cell": cell}).duplicated(keep=False).to_numpy() & ~unknown & (cell >= 0)
        wrong = {
            "are of a window that is not in the schedule": unknown,
            "name a place in no cell of the study area": cell < 0,
            "name a box that another row of the same window names too": again,
            "have a risk that is not a number from 0": ~(np.isfinite(score) & (score >= 0)),
        }
        found = [f"{row_list(np.flatnonzero(bad))} {what}" for what, bad in wrong.items() if bad.any()]
        if found:
            raise InputError("These predictions cannot be used (rows are counted from 0): " + "; ".join(found) + ".")
        values = np.zeros((len(chosen), grid.mask.size))
        values[which, cell] = score
        kind = "flags" if risk is None else "score"
        surface = make_surface(values.reshape(len(chosen), *grid.shape), grid, chosen, kind=kind, forecaster=name)  # type: ignore[arg-type]
        return cls(surface=surface, name=name)

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedExternal:
        """Check that the surfaces were made on this grid; nothing is learnt.

        Raises
        ------
        NotComparableError
            If they were made on another grid, or their rows and columns are not its cell centres from low to high.
        """
        made_on = self.surface.attrs.get("grid")
        if made_on is not None and made_on != grid.fingerprint:
            raise NotComparableError(
                f"The surfaces of {self.name!r} were made on another grid (fingerprint {str(made_on)[:12]}..., here "
                f"{grid.fingerprint[:12]}...); make them again on this one."
            )
        for name, centres in (("y", grid.y), ("x", grid.x)):
            if name not in self.surface.coords or not np.array_equal(self.surface[name].to_numpy(), centres):
                raise NotComparableError(
                    f"The {name} of the surfaces of {self.name!r} are not the cell centres of the grid, from low to "
                    "high; make them again with ppe.make_surface(...), row 0 in the south."
                )
        return FittedExternal(forecaster=self, until=moment(until, events.tz, "until"), grid=grid)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FittedExternal:
    """Surfaces to be replayed, as far as they were made before `until`."""

    forecaster: External
    until: np.datetime64
    grid: Grid

    def predict(self, windows: Windows) -> xr.DataArray:
        """The given surfaces of these windows, to the bit.

        Raises
        ------
        InputError
            If a window has no surface, ends at another time, or its surface was made after `until`.
        """
        chosen = ready(windows, self.until, None)
        given = self.forecaster.surface
        made = Windows.from_coords(given)
        position = {start: place for place, start in enumerate(made.start.tolist())}
        where = np.array([position.get(start, -1) for start in chosen.start.tolist()], dtype=np.int64)
        missing = where < 0
        if missing.any():
            raise InputError(
                f"{self.forecaster.name!r} has no surface for the windows starting {name_windows(chosen, missing)}."
            )
        other = made.end[where] != chosen.end
        if other.any():
            raise InputError(
                f"The surfaces of {self.forecaster.name!r} for the windows starting {name_windows(chosen, other)} end "
                "at another time than the schedule's."
            )
        late = made.until[where] > self.until
        if late.any():
            raise InputError(
                f"The surfaces of {self.forecaster.name!r} for the windows starting {name_windows(chosen, late)} were "
                f"made at {made.until[where][late][0]} UTC, after {self.until} UTC, the moment from which the window "
                "is forecast."
            )
        attrs = {key: value for key, value in given.attrs.items() if key in ("information_set", "until")}
        return make_surface(
            given.to_numpy()[where],
            self.grid,
            chosen,
            kind=given.attrs["kind"],
            forecaster=self.forecaster.name,
            **attrs,
        )
