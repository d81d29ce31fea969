"""Crimes with known truth: what a method finds in them can be held against what was put in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import (
    NANOSECONDS_PER_DAY,
    TimeArray,
    check_zone,
    days_between,
    localise,
    moment,
    span,
    to_wall,
)
from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MOST_CRIMES = 20_000_000
# Rounds of throwing points at the part of a cut cell that lies inside, before the rest take its innermost point.
_ROUNDS = 200
_UNIT = {"day": "D", "hour": "h", "minute": "m"}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SelfExcitingTruth:
    """What a simulated city was made of.

    Attributes
    ----------
    theta, omega : float
        Repeats per crime, and their decay per day.
    mu : array of float, shape (ny, nx)
        Background rate of each cell per day; 0 outside the study area.
    parent : array of int, shape (n,)
        Position in the events of the crime that each crime repeats; -1 where it repeats none of them.
    repeat : array of bool, shape (n,)
        Whether each crime is a repeat: also of a crime before the start.
    burn_in_days : float
        How long the process ran before the start.
    seed : int
        What it was drawn with.
    """

    theta: float
    omega: float
    mu: FloatArray
    parent: IntArray
    repeat: npt.NDArray[np.bool_]
    burn_in_days: float
    seed: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Simulation:
    """Simulated crimes, and the truth about them."""

    events: Events
    truth: SelfExcitingTruth

    def summary(self) -> dict[str, str]:
        """Describe the simulation in words, one entry per line."""
        truth = self.truth
        return {
            "crimes": f"{len(self.events):,}, of them {int(truth.repeat.sum()):,} repeats",
            "theta": f"{truth.theta:g} repeats per crime",
            "omega": f"{truth.omega:g} per day",
            "background": f"{truth.mu.sum():g} crimes per day in {int((truth.mu > 0).sum()):,} cells",
            "seed": str(truth.seed),
        }

    def __repr__(self) -> str:
        return as_text("Simulation", self.summary())

    def _repr_html_(self) -> str:
        return as_html("Simulation", self.summary())


def simulate_self_exciting(
    grid: Grid,
    *,
    start: Any,
    end: Any,
    tz: str,
    theta: float,
    omega: float,
    mu: Any,
    seed: int,
    burn_in: str | None = None,
    resolution: Literal["day", "hour", "minute"] | None = None,
    kind: str = "simulated",
) -> Simulation:
    """Simulate crimes that set off more crimes in their own cell: the truth that `SelfExciting(model="cell")` assumes.

    Background crimes fall evenly over time; each crime, of whatever generation, sets off a Poisson number of repeats
    of mean theta, each after an exponential time of mean 1/omega. Every crime lies evenly in the part of its cell that
    lies inside the study area, on a whole millimetre.

    Parameters
    ----------
    grid : Grid
    start, end : str, datetime or datetime64
        Civil times of `tz` between which crimes are observed, end excluded.
    tz : str
        IANA zone.
    theta : float
        Mean number of repeats of a crime, from 0 to below 1.
    omega : float
        Decay per day, above 0.
    mu : float or array of float, shape (ny, nx)
        Background crimes per day: of the whole grid, spread by inside-area, or of each cell.
    seed : int
        Of the random numbers: the same seed gives the same crimes.
    burn_in : str, optional
        How long before `start` the process begins, for instance ``"365D"``. None: at `start`, with no crime before it,
        so that there are fewer repeats in the first days; several times 1/(omega (1 - theta)) makes it stationary.
    resolution : {"day", "hour", "minute"}, optional
        Cut the times to whole days, hours or minutes of the wall clock, as publishers do.
    kind : str
        Kind of the crimes.

    Returns
    -------
    Simulation
        With ``events``, observed from `start` to `end`, and ``truth``.

    Raises
    ------
    InputError
        If a parameter is out of range, `end` is not after `start`, or more than 20 million crimes are to be expected.

    References
    ----------
    Hawkes, A. G. and Oakes, D. (1974). A cluster process representation of a self-exciting process. J. Appl. Prob. 11.

    Examples
    --------
    >>> from predpol_eval import Grid
    >>> grid = Grid.from_bounds(0, 0, 1000, 1000, cell=250, crs="EPSG:27700")
    >>> city = simulate_self_exciting(
    ...     grid, start="2018-01-01", end="2019-01-01", tz="Europe/London", theta=0.5, omega=0.2, mu=1.0, seed=1
    ... )
    >>> city.events.observed_days, len(city.events) == len(city.truth.parent)
    (365.0, True)
    """
    zone = check_zone(tz)
    first, last = moment(start, zone, "start"), moment(end, zone, "end")
    if not first < last:
        raise InputError(f"The simulation ends at {end}, not after its start {start}; give end after start.")
    if resolution is not None and resolution not in _UNIT:
        raise InputError(f"resolution={resolution!r}; choose 'day', 'hour', 'minute' or None.")
    _check_process(theta, omega)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed={seed!r}; give a whole number of at least 0.")
    days = float(days_between(first, last))
    before = 0.0 if burn_in is None else span(burn_in, "burn_in", zero=True).nominal_days
    rate = _rates(grid, mu)
    expected = float(rate.sum()) * (days + before) / (1.0 - theta)
    if expected > MOST_CRIMES:
        raise InputError(
            f"About {expected:,.0f} crimes are to be expected, with those of the burn-in; the most is {MOST_CRIMES:,}. "
            "Lower mu or theta, or shorten the time."
        )
    random = np.random.default_rng(int(seed))
    t, cell, parent, repeat = _grow(random, rate.ravel(), -before, days, float(theta), float(omega))
    x, y = _places(random, grid, cell)
    happened = first + np.minimum(
        (t * NANOSECONDS_PER_DAY).astype(np.int64).astype("timedelta64[ns]"), (last - first) - np.timedelta64(1, "ns")
    )
    if resolution is not None:
        happened = np.maximum(_cut(happened, zone, resolution), first)
    events = _events(happened, x, y, kind, grid, zone, (first, last), resolution)
    truth = SelfExcitingTruth(
        theta=float(theta),
        omega=float(omega),
        mu=rate,
        parent=parent,
        repeat=repeat,
        burn_in_days=before,
        seed=int(seed),
    )
    return Simulation(events=events, truth=truth)


def _check_process(theta: Any, omega: Any) -> None:
    if isinstance(theta, bool) or not isinstance(theta, int | float | np.number) or not 0 <= theta < 1:
        raise InputError(f"theta={theta!r}; give 0 to below 1: with 1 or more, crime would grow without limit.")
    if isinstance(omega, bool) or not isinstance(omega, int | float | np.number) or not 0 < omega < np.inf:
        raise InputError(f"omega={omega!r}; give the decay per day, above 0 and finite, for instance 0.1 for ten days.")


def _rates(grid: Grid, mu: Any) -> FloatArray:
    """Background rate of each cell per day, shape (ny, nx)."""
    given = np.asarray(mu, dtype=np.float64)
    if given.ndim == 0:
        rate = given * np.where(grid.mask, grid.inside_m2, 0.0) / grid.total_m2
    elif given.shape == grid.shape:
        rate = np.where(grid.mask, given, 0.0)
    else:
        raise InputError(
            f"mu has shape {given.shape}; give one number for the whole grid, or an array of shape {grid.shape}."
        )
    if not (np.isfinite(rate).all() and (rate >= 0).all()):
        raise InputError("mu is negative, infinite or missing in some cells; give crimes per day of at least 0.")
    return np.asarray(rate)


def _grow(
    random: np.random.Generator, rate: FloatArray, begin: float, end: float, theta: float, omega: float
) -> tuple[FloatArray, IntArray, IntArray, npt.NDArray[np.bool_]]:
    """Times (days from the start), cells, parents and whether repeats, of the crimes from 0 on, in order of time."""
    cell = np.repeat(np.arange(rate.size), random.poisson(rate * (end - begin)))
    t = random.uniform(begin, end, cell.size)
    times, cells, parents = [t], [cell], [np.full(cell.size, -1)]
    made = 0
    while t.size:
        number = random.poisson(theta, t.size)
        # Repeats after the end are dropped; their own repeats would come later still.
        later = np.repeat(t, number) + random.exponential(1.0 / omega, int(number.sum()))
        seen = later < end
        parent = np.repeat(np.arange(made, made + t.size), number)[seen]
        made += t.size
        t, cell = later[seen], np.repeat(cell, number)[seen]
        times.append(t)
        cells.append(cell)
        parents.append(parent)
    all_t, all_cells, all_parents = np.concatenate(times), np.concatenate(cells), np.concatenate(parents)
    order = np.lexsort((all_cells, all_t))
    order = order[all_t[order] >= 0]
    place = np.full(all_t.size + 1, -1)
    place[order] = np.arange(order.size)
    # Position -1 of `place`, where crimes without parent look, holds -1; so do crimes before the start.
    return all_t[order], all_cells[order], place[all_parents[order]], all_parents[order] >= 0


def _places(random: np.random.Generator, grid: Grid, cell: IntArray) -> tuple[FloatArray, FloatArray]:
    """Points in metres, spread evenly over the part of each crime's cell that lies in the study area."""
    side = grid.cell_mm
    column, row = cell % grid.shape[1], cell // grid.shape[1]
    low = np.stack([grid.x0_mm + column * side, grid.y0_mm + row * side])
    point = low + random.integers(0, side, low.shape)
    cut = np.flatnonzero(grid.inside_m2.ravel()[cell] < grid.cell**2)
    if cut.size and grid.boundary:
        _place_in_cut_cells(random, grid, cell, cut, low, point)
    return point[0] / 1000, point[1] / 1000


def _place_in_cut_cells(
    random: np.random.Generator, grid: Grid, cell: IntArray, cut: IntArray, low: IntArray, point: IntArray
) -> None:
    """Throw the crimes of cut cells again, into the box around the part inside, until they fall inside."""
    import shapely

    corner = low[:, cut] / 1000
    whole = shapely.union_all(shapely.from_wkb(np.array(grid.boundary, dtype=object)))
    _, first, which = np.unique(cell[cut], return_index=True, return_inverse=True)
    west, south = corner[:, first]
    parts = shapely.intersection(shapely.box(west, south, west + grid.cell, south + grid.cell), whole)
    bounds = shapely.bounds(parts) * 1000
    least, most = np.floor(bounds[:, :2]).astype(np.int64), np.ceil(bounds[:, 2:]).astype(np.int64)
    least = np.maximum(least, low[:, cut[first]].T)
    most = np.maximum(np.minimum(most, low[:, cut[first]].T + grid.cell_mm), least + 1)
    shapely.prepare(parts)
    left = np.arange(cut.size)
    for _ in range(_ROUNDS):
        box = which[left]
        thrown = random.integers(least[box], most[box]).T
        inside = shapely.intersects_xy(parts[box], thrown[0] / 1000, thrown[1] / 1000)
        point[:, cut[left[inside]]] = thrown[:, inside]
        left = left[~inside]
        if not left.size:
            return
    inner = shapely.point_on_surface(parts[which[left]])
    rest = np.rint(np.stack([shapely.get_x(inner), shapely.get_y(inner)]) * 1000).astype(np.int64)
    point[:, cut[left]] = np.clip(rest, low[:, cut[left]], low[:, cut[left]] + grid.cell_mm - 1)


def _cut(happened: TimeArray, tz: str, resolution: str) -> TimeArray:
    """Cut times to whole units of the wall clock."""
    wall = to_wall(happened, tz)
    whole = wall.astype(f"datetime64[{_UNIT[resolution]}]").astype("datetime64[ns]")
    if resolution == "day":
        return localise(whole, tz).utc
    # Within the hour the wall clock runs as UTC does, also in the hour that is repeated.
    return np.asarray(happened - (wall - whole))


def _events(
    happened: TimeArray,
    x: FloatArray,
    y: FloatArray,
    kind: str,
    grid: Grid,
    tz: str,
    observed: tuple[np.datetime64, np.datetime64],
    resolution: Literal["day", "hour", "minute"] | None,
) -> Events:
    """The table of crimes; ids in order of time keep the order of the truth."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "x": x,
            "y": y,
            "t": pd.DatetimeIndex(happened).tz_localize("UTC").tz_convert(tz),
            "kind": np.full(len(x), str(kind), dtype=object),
            "id": np.arange(len(x)),
        }
    )
    return Events.from_frame(
        frame, kind="kind", id="id", crs=grid.crs, tz=tz, observed=[observed], resolution=resolution
    )
