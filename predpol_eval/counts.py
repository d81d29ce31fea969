"""Counting crimes: which window and which cell each belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray
from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.events import Events
from predpol_eval.grid import Grid, check_events, check_grid
from predpol_eval.schedule import Windows, as_windows, refuse_finer_than_data, refuse_unobserved
from predpol_eval.surface import check_surface, grid_of

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
TimeRule = Literal["aoristic", "start", "end", "midpoint", "exclude"]
TIME_RULES: tuple[TimeRule, ...] = ("aoristic", "start", "end", "midpoint", "exclude")


class Occurrences(NamedTuple):
    """Which crime counts in which window, with what weight (1 unless its time is uncertain), and whether in several."""

    window: IntArray
    event: IntArray
    weight: FloatArray
    spread: BoolArray


class Crimes(NamedTuple):
    """The crimes of some windows, one entry per crime and window, ordered by window.

    ``event`` is the crime's row in Events, ``cell`` is -1 outside the study area, ``spread`` says that its uncertain
    time is spread over several windows. `parted` tells whether any crime in a cell is: of a part of the windows it
    remains what it was for all of them.
    """

    window: IntArray
    event: IntArray
    cell: IntArray
    weight: FloatArray
    spread: BoolArray
    parted: bool

    def of(self, nights: slice) -> Crimes:
        """Those of some windows, counted from the first of them."""
        low, high = np.searchsorted(self.window, [nights.start, nights.stop])
        return Crimes(
            self.window[low:high] - nights.start,
            self.event[low:high],
            self.cell[low:high],
            self.weight[low:high],
            self.spread[low:high],
            self.parted,
        )

    @property
    def number_spread(self) -> int:
        """Crimes in cells whose time is spread over several of these windows."""
        return len(np.unique(self.event[self.spread & (self.cell >= 0)]))

    def entering(self, windows: Windows, counted: BoolArray) -> IntArray:
        """Window in which each entry enters a comparison; -1 where it does not.

        A crime that is spread enters once, on the last (latest) of its windows that is `counted`; any other crime in
        its own window.
        """
        order = np.lexsort((windows.end, windows.start))
        rank = np.empty(len(windows), dtype=np.int64)
        rank[order] = np.arange(len(windows))
        kept = counted[self.window]
        spread = np.flatnonzero(self.spread & kept)
        last = np.full(int(self.event.max(initial=-1)) + 1, -1, dtype=np.int64)
        np.maximum.at(last, self.event[spread], rank[self.window[spread]])
        result = np.where(kept, self.window, -1)
        result[spread] = order[last[self.event[spread]]]
        return result


def check_time_rule(method: Any) -> None:
    """Refuse what is no rule for crimes whose moment is uncertain.

    Raises
    ------
    InputError
        With the rules there are.
    """
    if not isinstance(method, str) or method not in TIME_RULES:
        raise InputError(f"method={method!r}; choose one of {', '.join(map(repr, TIME_RULES))}.")


def uncertain(events: Events) -> BoolArray:
    """Whether the moment of each crime is uncertain: its interval has a length."""
    if events.happened_until is None:
        return np.zeros(len(events), dtype=bool)
    return np.asarray(events.happened_until > events.happened)


def occurrences(events: Events, windows: Windows, method: TimeRule = "aoristic") -> Occurrences:
    """Find the crimes of every window ``[start, end)``.

    Parameters
    ----------
    events : Events
    windows : Windows
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain: spread them by overlap (Ratcliffe 2000), place them at one
        moment of the interval, or leave them out.

    Returns
    -------
    Occurrences
        Ordered by window, then crime.
    """
    check_time_rule(method)
    moments = events.happened
    if method == "end" and events.happened_until is not None:
        moments = events.happened_until
    elif method == "midpoint":
        moments = events.midpoint
    at_once = ~uncertain(events) if method in ("aoristic", "exclude") else np.ones(len(events), dtype=bool)
    position = np.flatnonzero(at_once)
    position = position[np.argsort(moments[position], kind="stable")]
    low = np.searchsorted(moments[position], windows.start, side="left")
    high = np.searchsorted(moments[position], windows.end, side="left")
    window, place = _runs(low, high)
    event = position[place]
    weight, spread = np.ones(len(event)), np.zeros(len(event), dtype=bool)
    if method == "aoristic" and events.happened_until is not None:
        rest = np.flatnonzero(~at_once)
        where, which, part = _overlaps(events.happened[rest], events.happened_until[rest], windows)
        several = np.bincount(which, minlength=len(rest))[which] > 1
        window, event = np.concatenate([window, where]), np.concatenate([event, rest[which]])
        weight, spread = np.concatenate([weight, part]), np.concatenate([spread, several])
    order = np.lexsort((event, window))
    return Occurrences(
        window[order].astype(np.int64), event[order].astype(np.int64), weight[order], np.asarray(spread[order])
    )


def _runs(low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
    """Number of each run ``[low, high)``, and the positions in it, run after run."""
    number = np.maximum(high - low, 0)
    run = np.repeat(np.arange(len(number)), number)
    offset = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    return run, np.repeat(low, number) + offset


def _overlaps(first: TimeArray, last: TimeArray, windows: Windows) -> tuple[IntArray, IntArray, FloatArray]:
    """Window, crime and share of its interval ``[first, last)``, for every window that the interval meets."""
    order = np.lexsort((windows.end, windows.start))
    # Windows may overlap: those before the first that ends after a crime began are certainly too early for it.
    latest = np.maximum.accumulate(windows.end[order])
    low = np.searchsorted(latest, first, side="right")
    high = np.searchsorted(windows.start[order], last, side="left")
    crime, place = _runs(low, high)
    window = order[place]
    shared = np.minimum(last[crime], windows.end[window]) - np.maximum(first[crime], windows.start[window])
    part = shared.astype(np.int64) / (last - first)[crime].astype(np.int64)
    met = part > 0
    return window[met], crime[met], part[met]


def crimes_in(events: Events, grid: Grid, windows: Windows, method: TimeRule = "aoristic") -> Crimes:
    """Find the crimes of every window, and the cell of each."""
    seen = occurrences(events, windows, method)
    cell = grid.cells_of(events)[seen.event]
    return Crimes(seen.window, seen.event, cell, seen.weight, seen.spread, bool((seen.spread & (cell >= 0)).any()))


def count(events: Events, grid: Grid, windows: Any, *, method: TimeRule = "aoristic") -> xr.DataArray:
    """Count crimes by window and cell.

    Parameters
    ----------
    events : Events
    grid : Grid
    windows : Windows or Schedule
        Each must lie within the observed time.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain; spread ones make fractions.

    Returns
    -------
    xarray.DataArray
        ``count`` with dimensions (window, y, x); 0 outside the study area. The coordinate ``outside`` (window) has the
        crimes in no cell, ``hit`` (window, y, x) the probability that a cell had a crime (only where times are spread).
        ``attrs["elsewhere"]`` is the number of crimes whose own point lies in another area than their cell,
        ``attrs["spread"]`` that of crimes whose uncertain time is spread over several of the windows (if any).

    Raises
    ------
    InputError
        If a window is not observed, is shorter than the data can tell, or CRSs differ.

    Examples
    --------
    >>> import pandas as pd
    >>> from predpol_eval import Events, Grid, Schedule
    >>> frame = pd.DataFrame({"x": [10.0, 300.0, 9e3], "y": [10.0, 10.0, 10.0], "t": ["2018-05-01 22:00"] * 3})
    >>> events = Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    >>> grid = Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> counted = count(events, grid, Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London"))
    >>> counted.to_numpy().tolist(), counted.outside.to_numpy().tolist()
    ([[[1.0, 1.0]]], [1.0])
    """
    import xarray as xr

    check_events(events)
    check_grid(grid)
    chosen = as_windows(windows)
    refuse_finer_than_data(events, chosen)
    refuse_unobserved(events, chosen)
    seen = crimes_in(events, grid, chosen, method)
    size = grid.shape[0] * grid.shape[1]
    inside = seen.cell >= 0
    flat = seen.window[inside] * size + seen.cell[inside]
    shape = (len(chosen), *grid.shape)
    numbers = np.bincount(flat, seen.weight[inside], minlength=len(chosen) * size).reshape(shape)
    outside = np.bincount(seen.window[~inside], seen.weight[~inside], minlength=len(chosen))
    coords: dict[str, Any] = {
        **chosen.coords,
        "y": ("y", grid.y, {"units": "m"}),
        "x": ("x", grid.x, {"units": "m"}),
        "inside_m2": (("y", "x"), grid.inside_m2, {"units": "m2", "long_name": "area inside the study area"}),
        "outside": ("window", outside, {"long_name": "crimes in no cell of the study area"}),
    }
    if (seen.weight < 1).any():
        missed = np.ones(len(chosen) * size)
        np.multiply.at(missed, flat, 1 - seen.weight[inside])
        coords["hit"] = (("window", "y", "x"), 1 - missed.reshape(shape), {"long_name": "probability of a crime"})
    attrs: dict[str, Any] = {
        "long_name": "recorded crimes",
        "units": "crimes per cell and window",
        "grid": grid.fingerprint,
        "method": method,
        "tz": chosen.tz,
    }
    if grid.boundary:
        attrs["elsewhere"] = elsewhere(events, grid, np.unique(seen.event))
    if seen.parted:
        attrs["spread"] = seen.number_spread
    return xr.DataArray(numbers, dims=("window", "y", "x"), coords=coords, name="count", attrs=attrs)


def elsewhere(events: Events, grid: Grid, which: npt.NDArray[np.int64]) -> int:
    """Number of the crimes `which` whose own point lies in another area than the one their cell belongs to."""
    if not len(which):
        return 0
    cells = grid.cells_of(events)[which]
    by_cell = np.where(cells >= 0, grid.label_code.ravel()[np.maximum(cells, 0)], -1)
    by_point = grid.area_of_point(events.x[which], events.y[which])
    return int((by_cell != by_point).sum())


class Judged(NamedTuple):
    """A checked surface and the crimes of its windows, in flat cells: all that a tally, curve or score is made of.

    `told` has what is known of the counting: ``method``, ``elsewhere``, ``spread``.
    """

    surface: xr.DataArray
    grid: Grid
    windows: Windows
    crimes: FloatArray
    hit: FloatArray
    outside: FloatArray
    told: dict[str, Any]


def judged(
    risk: xr.DataArray, observed: Events | xr.DataArray, grid: Grid | None, method: TimeRule = "aoristic"
) -> Judged:
    """Put a surface and the crimes of its windows side by side, on the grid given or the one the surface tells.

    Raises
    ------
    InputError
        If surface, counts or time rule are not usable, or the surface does not tell its grid and none is given.
    NotComparableError
        If grids or windows differ.
    """
    check_time_rule(method)
    known = grid
    if known is None:
        made_on, counted_on = (getattr(data, "attrs", {}).get("grid") for data in (risk, observed))
        if None not in (made_on, counted_on) and made_on != counted_on:
            raise NotComparableError("The crimes were counted on another grid; count them again on the surface's.")
        # Areas do not matter here, so a grid of one area, read from the surface, stands for the one it was made on.
        known = grid_of(risk)
        risk, observed = _unnamed(risk), _unnamed(observed)
    surface = check_surface(risk, known)
    windows = Windows.from_coords(surface)
    counted = count(observed, known, windows, method=method) if isinstance(observed, Events) else observed
    crimes, hit, outside = read_counts(counted, windows, known)
    told = {name: counted.attrs[name] for name in ("method", "elsewhere", "spread") if name in counted.attrs}
    return Judged(surface, known, windows, crimes, hit, outside, told)


def _unnamed(data: Any) -> Any:
    """Drop the fingerprint of the grid, whose labels are not known here."""
    return data.assign_attrs(grid=None) if hasattr(data, "assign_attrs") else data


def read_counts(counted: xr.DataArray, windows: Windows, grid: Grid) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Counts, probability of a hit and crimes outside, each with one row per window and flat cells."""
    missing = [name for name in ("window", "y", "x") if name not in getattr(counted, "dims", ())]
    if missing:
        raise InputError(
            f"The observed crimes are a {type(counted).__name__} without {', '.join(missing)}; give Events, or counts "
            "made by ppe.count(events, grid, windows)."
        )
    if counted.attrs.get("grid") not in (None, grid.fingerprint):
        raise NotComparableError("The crimes were counted on another grid; count them again on this one.")
    ordered = counted.transpose("window", "y", "x")
    if ordered.shape != (len(windows), *grid.shape):
        raise NotComparableError(
            f"The counts have shape {ordered.shape}, the surface {(len(windows), *grid.shape)} (windows, rows, "
            "columns); count the crimes of the surface's windows: ppe.count(events, grid, windows)."
        )
    for name, expected in (("window", windows.start), ("window_end", windows.end)):
        if name in ordered.coords and not np.array_equal(ordered[name].to_numpy().astype(expected.dtype), expected):
            raise NotComparableError(
                "The counts are of other windows than the surface; count the crimes of the surface's windows."
            )
    numbers = ordered.to_numpy().astype(np.float64).reshape(len(windows), grid.mask.size)
    inside = grid.mask.ravel()
    missing_cells = int(np.isnan(numbers[:, inside]).sum())
    if missing_cells:
        raise InputError(
            f"{missing_cells:,} counts inside the study area are missing (NaN), which is not the same as no crime; "
            "leave those windows out, or give 0 where it is known that nothing happened."
        )
    numbers = np.nan_to_num(numbers, nan=0.0, posinf=np.inf)
    if not np.isfinite(numbers).all() or (numbers < 0).any():
        raise InputError("The counts hold negative or infinite numbers; a count is 0 or more.")
    if "hit" in ordered.coords:
        hit = ordered["hit"].to_numpy().reshape(numbers.shape).astype(np.float64)
    else:
        hit = (numbers > 0).astype(np.float64)
    outside = numbers[:, ~inside].sum(axis=1)
    if "outside" in ordered.coords:
        outside = outside + ordered["outside"].to_numpy().astype(np.float64)
    return numbers, hit, outside
