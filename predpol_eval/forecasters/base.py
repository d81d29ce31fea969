"""The forecaster protocol, and what all forecasters share.

A forecaster is its configuration: a frozen dataclass. `fit` returns another object and changes nothing, so there is no
hidden state to go stale, and its identity is the hash of its fields.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from predpol_eval import observation
from predpol_eval.civil_time import TimeArray, days_between, moment, shift_back, span
from predpol_eval.errors import InputError
from predpol_eval.events import Events, Resolution
from predpol_eval.grid import Grid, check_events, check_grid
from predpol_eval.observation import Periods
from predpol_eval.projection import refuse_mixed
from predpol_eval.schedule import Windows, as_windows, name_windows, refuse_finer_than_data
from predpol_eval.surface import SurfaceKind, check_surface, make_surface

if TYPE_CHECKING:
    import xarray as xr


@runtime_checkable
class Fitted(Protocol):
    """What `fit` returns: it can predict any windows that start at or after `until`."""

    @property
    def forecaster(self) -> Any:
        """The forecaster that was fitted."""

    @property
    def until(self) -> np.datetime64:
        """The moment up to which crimes were known."""

    def predict(self, windows: Windows) -> xr.DataArray:
        """Risk surface with dimensions (window, y, x)."""


@runtime_checkable
class Forecaster(Protocol):
    """Anything with this `fit` can be backtested; a frozen dataclass is best, since its fields then are its identity.

    A class may add ``forecast(events, grid, windows)`` where many windows at once are faster than one by one.
    """

    def fit(self, events: Events, grid: Grid, *, until: Any) -> Fitted:
        """Learn from what is known at `until`, and from nothing else."""


class Nightly:
    """What our forecasters share: many windows, by sliding from one to the next or by the plain loop."""

    __slots__ = ()

    def forecast(self, events: Events, grid: Grid, windows: Any) -> xr.DataArray:
        """Fit and predict for every window of a schedule: what `predpol_eval.forecast` gives, to 1e-9 of the peak.

        A forecaster that is a sum over crimes takes off what has become too old and adds what is new, instead of
        starting again with every window.

        Parameters
        ----------
        events : Events
            All crimes; of each window only those known at its ``until`` are used.
        grid : Grid
        windows : Windows or Schedule

        Returns
        -------
        xarray.DataArray
            Surface with dimensions (window, y, x).
        """
        from predpol_eval.forecasters.sliding import forecast_in_turn

        return forecast_in_turn(self, events, grid, windows)


class Known(NamedTuple):
    """What a forecaster may learn from: the usable crimes, and the observed time they come from."""

    events: Events
    grid: Grid
    until: np.datetime64
    moments: TimeArray
    periods: Periods

    @property
    def observed_days(self) -> float:
        """Observed time in elapsed days."""
        return observation.total_days(self.periods)

    @property
    def age_days(self) -> npt.NDArray[np.float64]:
        """Age of each crime at `until`, in days."""
        return np.asarray(days_between(self.moments, self.until))

    def weights(self, half_life: str | None) -> npt.NDArray[np.float64]:
        """Weight of each crime, halved with every `half_life` of its age."""
        if half_life is None:
            return np.ones(len(self.events))
        return np.exp2(-self.age_days / span(half_life, "half_life").nominal_days)

    def weighted_days(self, half_life: str | None) -> float:
        """Observed time, weighted as the crimes are."""
        if half_life is None:
            return self.observed_days
        life = span(half_life, "half_life").nominal_days
        total = 0.0
        for first, last in self.periods:
            ages = days_between(np.array([last, first]), self.until)
            total += life / np.log(2.0) * float(np.exp2(-ages[0] / life) - np.exp2(-ages[1] / life))
        return total


def known(events: Events, grid: Grid, until: Any, lookback: str | None = None) -> Known:
    """Give what a forecaster may learn from at `until`: recorded before it, within `lookback`, in observed time.

    Parameters
    ----------
    events : Events
        All crimes; those not yet known are dropped here.
    grid : Grid
    until : str, datetime or datetime64
        Civil time of the events' zone; a `numpy.datetime64` is UTC.
    lookback : str, optional
        For instance ``"21D"``: only crimes not older than that. None is all history.

    Raises
    ------
    InputError
        If no time was observed before `until` (within the lookback), or CRSs differ.
    """
    check_events(events)
    check_grid(grid)
    refuse_mixed(events.crs, grid.crs, "The events", "the grid")
    cut = moment(until, events.tz, "until")
    start = None if lookback is None else shift_back(cut, span(lookback, "lookback"), events.tz)
    past = events.known_at(cut)
    periods = observation.clip(past.observed, start, cut)
    if not periods:
        where = "before" if lookback is None else f"in the {lookback} before"
        raise InputError(
            f"No time was observed {where} "
            f"{name_windows(Windows(np.array([cut]), np.array([cut]), np.array([cut]), events.tz), slice(None))}: "
            f"crimes were observed {observation.describe(events.observed, events.tz)}. Start the schedule later, or "
            "use a longer lookback."
        )
    # A crime's age counts from the middle of the time in which it may have happened, and is never negative.
    moments = np.minimum(past.midpoint, cut - np.timedelta64(1, "ns"))
    use = observation.contains(periods, moments)
    return Known(past.take(use), grid, cut, moments[use], periods)


def ready(
    windows: Windows, until: np.datetime64, resolution: Resolution | None, events: Events | None = None
) -> Windows:
    """Check that windows can be predicted by something fitted at `until`."""
    chosen = as_windows(windows)
    early = chosen.start < until
    if early.any():
        raise InputError(
            f"{int(early.sum())} of {len(chosen)} windows start before the moment the forecaster was fitted at "
            f"({until} UTC), the first at {name_windows(chosen, early)}: a forecast cannot be made for a time already "
            "known. Fit with an earlier until."
        )
    if events is not None and resolution is not None:
        refuse_finer_than_data(events, chosen)
    return chosen


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FittedRate:
    """A forecaster whose expected count is a rate per cell and day, times the length of the window.

    Attributes
    ----------
    rate : array of float, shape (ny, nx)
        Expected crimes per cell and day.
    attrs : dict
        What the surface tells about how it was made.
    """

    forecaster: Any
    until: np.datetime64
    known: Known
    rate: npt.NDArray[np.float64]
    attrs: dict[str, Any]

    def predict(self, windows: Windows) -> xr.DataArray:
        """Expected count of every window, shape (window, y, x)."""
        chosen = ready(windows, self.until, self.known.events.resolution, self.known.events)
        values = self.rate * chosen.days[:, None, None]
        return surface_of(self.forecaster, values, self.known, chosen, "expected_count", **self.attrs)


class Scorer(Protocol):
    """A forecaster whose score depends on the age of each crime when the window starts."""

    def score(self, known: Known, age_days: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Score of every cell, shape (ny, nx)."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FittedScore:
    """Known crimes, which are scored anew for every window since they grow older."""

    forecaster: Any
    known: Known

    @property
    def until(self) -> np.datetime64:
        """The moment up to which crimes were known."""
        return self.known.until

    def predict(self, windows: Windows) -> xr.DataArray:
        """Score of every window, shape (window, y, x)."""
        chosen = ready(windows, self.until, self.known.events.resolution, self.known.events)
        scorer: Scorer = self.forecaster
        values = np.empty((len(chosen), *self.known.grid.shape))
        for window, start in enumerate(chosen.start):
            values[window] = scorer.score(self.known, np.asarray(days_between(self.known.moments, start)))
        return surface_of(self.forecaster, values, self.known, chosen, "score")


def surface_of(
    forecaster: Any, values: npt.NDArray[np.float64], known: Known, windows: Windows, kind: SurfaceKind, **attrs: Any
) -> xr.DataArray:
    """Make the surface of a fitted forecaster, with where it comes from in its attrs."""
    return make_surface(
        values,
        known.grid,
        windows,
        kind=kind,
        forecaster=describe(forecaster),
        information_set=known.events.information_set,
        until=str(known.until),
        crimes_used=len(known.events),
        observed_days=known.observed_days,
        **attrs,
    )


def check_positive(value: Any, name: str, what: str) -> None:
    """Refuse a parameter that is not a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < float(value) < np.inf:
        raise InputError(f"{name}={value!r}; give {what}, above 0 and finite.")


def check_length(value: Any, name: str) -> None:
    """Refuse a length of time that cannot be read; None is allowed."""
    if value is not None:
        span(value, name)


def fields_of(forecaster: Any) -> dict[str, Any]:
    """Fields of a forecaster by name: its whole configuration.

    Raises
    ------
    InputError
        If it is not a dataclass, so that nothing tells two configurations apart.
    """
    if not dataclasses.is_dataclass(forecaster) or isinstance(forecaster, type):
        raise InputError(
            f"{forecaster!r} is not an instance of a dataclass, so its configuration cannot be told. Make the class a "
            "frozen dataclass (@dataclass(frozen=True)), or give it a property `fingerprint` that changes with its "
            "configuration."
        )
    return {field.name: getattr(forecaster, field.name) for field in dataclasses.fields(forecaster)}


def describe(forecaster: Any) -> str:
    """One line that tells a forecaster from another: its class and the fields that are not left at their default.

    Examples
    --------
    >>> from predpol_eval import CountMap
    >>> describe(CountMap(lookback="90D"))
    "CountMap(lookback='90D')"
    """
    if not dataclasses.is_dataclass(forecaster) or isinstance(forecaster, type):
        return type(forecaster).__name__
    changed = []
    for field in dataclasses.fields(forecaster):
        value = getattr(forecaster, field.name)
        if field.repr and (
            field.default is dataclasses.MISSING or (value is not field.default and value != field.default)
        ):
            changed.append(f"{field.name}={' '.join(repr(value).split())}")
    return f"{type(forecaster).__name__}({', '.join(changed)})"


def identity(forecaster: Any) -> str:
    """SHA-256 of a forecaster's class and fields (or of its own `fingerprint`).

    Examples
    --------
    >>> from predpol_eval import CountMap
    >>> identity(CountMap(lookback="21D")) == identity(CountMap())
    True
    """
    kind = type(forecaster)
    name = f"{kind.__module__}.{kind.__qualname__}"
    own = getattr(forecaster, "fingerprint", None)
    content = str(own) if own is not None else json.dumps(_plain(fields_of(forecaster), name), sort_keys=True)
    return hashlib.sha256(f"{name}\n{content}".encode()).hexdigest()


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 500 and 500.0 metres are one configuration
    if value is None or isinstance(value, str | int | float | bool):
        return repr(value)
    if isinstance(value, dict):
        return {str(key): _plain(part, where) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, where) for part in value]
    if dataclasses.is_dataclass(value) or hasattr(value, "fingerprint"):
        return identity(value)
    raise InputError(
        f"A field of {where} holds a {type(value).__name__}; a configuration is made of numbers, texts, lists and "
        "other configurations. Give the class a property `fingerprint` if it must hold something else."
    )


def forecast(forecaster: Any, events: Events, grid: Grid, windows: Any) -> xr.DataArray:
    """Fit and predict for every window from what was known at that window's `until`: the plain loop.

    What a forecaster's own method ``forecast`` gives, where it has a faster way, is held to this.

    Parameters
    ----------
    forecaster : Forecaster
    events : Events
        All crimes; the forecaster is handed only those known at each window's ``until``.
    grid : Grid
    windows : Windows or Schedule

    Returns
    -------
    xarray.DataArray
        Surface with dimensions (window, y, x).

    Examples
    --------
    >>> import pandas as pd, predpol_eval as ppe
    >>> frame = pd.DataFrame({"x": [10.0, 300.0], "y": [10.0, 10.0], "t": ["2018-05-01", "2018-05-02"]})
    >>> events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> nights = ppe.Schedule(start="2018-05-02", end="2018-05-04", tz="Europe/London")
    >>> forecast(ppe.CountMap(), events, grid, nights).to_numpy().tolist()
    [[[1.0, 0.0]], [[0.5, 0.5]]]
    """
    import xarray as xr

    chosen = as_windows(windows)
    if not len(chosen):
        raise InputError("There is no window to forecast; give a schedule with at least one.")
    surfaces = [
        forecaster.fit(events.known_at(window.until[0]), grid, until=window.until[0]).predict(window)
        for window in chosen
    ]
    if len(surfaces) == 1:
        return check_surface(surfaces[0], grid)
    joined = xr.concat([check_surface(surface, grid) for surface in surfaces], dim="window", combine_attrs="override")
    return joined.assign_attrs(until=str(chosen.until.max()))
