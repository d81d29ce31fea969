"""Crimes that have nothing to do with one another: a rate per cell, bumps, seasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.grid import Grid
from predpol_eval.schedule import Schedule, Windows, as_windows
from predpol_eval.simulate.places import places_in_cells
from predpol_eval.simulate.rates import hot_spot_rates, places_in_hot_spots, read_hot_spots, read_rates
from predpol_eval.simulate.season import DayArray, Season
from predpol_eval.simulate.setting import Setting
from predpol_eval.simulate.simulation import IntArray, Simulation, Truth

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BackgroundTruth(Truth):
    """What crimes without a cause among each other were made of.

    Attributes
    ----------
    mu : array of float, shape (ny, nx)
        Rate of each cell per day, on average over the seasons; 0 outside the study area.
    mu_outside : float
        Crimes per day of the hot spots that fall in no cell of the study area.
    hot_spots : array of float, shape (k, 4)
        Easting, northing, spread (metres) and crimes per day of the bumps that are part of `mu`.
    weekly : array of float, shape (7,)
        Factor of the rate from Monday to Sunday, 1 on average.
    yearly : array of float, shape (366,)
        Factor of the rate from 1 January to 31 December, 29 February among them, 1 on average.
    day : array of datetime64[D], shape (d,)
        The civil days from start to end.
    expected : array of float, shape (d,)
        Background crimes to be expected on each of them, inside and outside.
    left_out : int
        Crimes between start and end that fell outside the study area and were dropped.
    """

    PER_CRIME: ClassVar[tuple[str, ...]] = ("moment",)

    mu: FloatArray
    mu_outside: float
    hot_spots: FloatArray
    weekly: FloatArray
    yearly: FloatArray
    day: DayArray
    expected: FloatArray
    left_out: int

    def background_surface(self, grid: Grid, windows: Windows | Schedule) -> xr.DataArray:
        """Give the background crimes to be expected in each cell and window: what a perfect forecast of them says.

        Parameters
        ----------
        grid : Grid
            That of the simulation.
        windows : Windows or Schedule

        Returns
        -------
        xarray.DataArray
            A surface of kind ``expected_count``.

        Raises
        ------
        InputError
            If the grid has another shape.
        """
        from predpol_eval.surface import make_surface

        if grid.shape != self.mu.shape:
            raise InputError(f"The crimes were simulated on {self.mu.shape} cells; found a grid of {grid.shape}.")
        when, season = as_windows(windows), Season(self.weekly, self.yearly)
        weight = [season.days(a, b, when.tz)[2].sum() for a, b in zip(when.start, when.end, strict=True)]
        values = np.array(weight).reshape(-1, 1, 1) * self.mu
        return make_surface(values, grid, when, kind="expected_count", forecaster="truth")

    def summary(self) -> dict[str, str]:
        """Describe the truth in words, one entry per line."""
        rate = self.mu.sum() + self.mu_outside
        described = {"background": f"{rate:g} crimes per day in {int((self.mu > 0).sum()):,} cells"}
        for name, profile in (("week", self.weekly), ("year", self.yearly)):
            if np.ptp(profile):
                described[name] = f"{profile.min():.2f} to {profile.max():.2f} times that rate"
        return {**described, **Truth.summary(self)}


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Where and how often background crimes happen, ready to be drawn from.

    even : rates of the cells, spread evenly over each; rate : with those of the bumps; beyond : of the bumps, in no
    cell; seasonal : whether a profile was given.
    """

    grid: Grid
    even: FloatArray
    spots: FloatArray
    rate: FloatArray
    beyond: float
    season: Season
    seasonal: bool

    @classmethod
    def read(cls, grid: Grid, mu: Any, hot_spots: Any, weekly: Any, yearly: Any) -> Background:
        """Check the arguments."""
        even, spots = read_rates(grid, mu), read_hot_spots(hot_spots)
        bumps, beyond = hot_spot_rates(grid, spots)
        seasonal = weekly is not None or yearly is not None
        return cls(grid, even, spots, even + bumps, beyond, Season.read(weekly, yearly), seasonal)

    def length(self, setting: Setting) -> float:
        """Days from the beginning of the burn-in to the end, weighted by the season."""
        if not self.seasonal:
            return setting.days + setting.before
        return float(self.season.days(setting.begin, setting.last, setting.tz)[2].sum())

    def number(self, setting: Setting) -> float:
        """Crimes to be expected, with those of the burn-in."""
        return (float(self.rate.sum()) + self.beyond) * self.length(setting)

    def draw(self, random: np.random.Generator, setting: Setting) -> tuple[FloatArray, IntArray, IntArray]:
        """Times in days from the start; the cells of those that lie in one, the bumps of the others."""
        length = self.length(setting)
        home = np.repeat(np.arange(self.even.size), random.poisson(self.even.ravel() * length))
        spot = np.repeat(np.arange(len(self.spots)), random.poisson(self.spots[:, 3] * length))
        number = home.size + spot.size
        if not self.seasonal:
            return random.uniform(-setting.before, setting.days, number), home, spot
        t = self.season.draw(random, number, setting.begin, setting.last, setting.tz) - setting.before
        return t, home, spot

    def places(self, random: np.random.Generator, home: IntArray, spot: IntArray) -> tuple[FloatArray, FloatArray]:
        """Points in metres of crimes drawn, those of the cells first."""
        in_cell = places_in_cells(random, self.grid, home)
        around = places_in_hot_spots(random, self.spots, spot)
        return np.concatenate([in_cell[0], around[0]]), np.concatenate([in_cell[1], around[1]])

    def truth(self, setting: Setting) -> dict[str, Any]:
        """The fields that say this in a truth."""
        day, _, weight = self.season.days(setting.first, setting.last, setting.tz)
        return {
            "seed": setting.seed,
            "mu": self.rate,
            "mu_outside": self.beyond,
            "hot_spots": self.spots,
            "weekly": self.season.weekly,
            "yearly": self.season.yearly,
            "day": day,
            "expected": (float(self.rate.sum()) + self.beyond) * weight,
        }


def simulate_background(
    grid: Grid,
    *,
    start: Any,
    end: Any,
    tz: str,
    mu: Any,
    seed: int,
    hot_spots: Any = None,
    weekly: Any = None,
    yearly: Any = None,
    outside: Literal["keep", "drop"] = "keep",
    resolution: Literal["day", "hour", "minute"] | None = None,
    kind: str = "simulated",
) -> Simulation[BackgroundTruth]:
    """Simulate crimes that have nothing to do with one another: a Poisson process, uneven in space and time.

    Parameters
    ----------
    grid : Grid
    start, end : str, datetime or datetime64
        Civil times of `tz` between which crimes are observed, end excluded.
    tz : str
        IANA zone, by whose wall clock days of the week and of the year are told.
    mu : float, array of float of shape (ny, nx), or surface
        Crimes per day, on average over the seasons: of the whole grid, spread by inside-area; of each cell; or as a
        surface of kind ``expected_count`` forecasts them in its one window.
    seed : int
        Of the random numbers: the same seed gives the same crimes.
    hot_spots : array of float, shape (k, 4), optional
        Gaussian bumps beside `mu`, as rows of easting, northing, spread in metres and crimes per day. Not cut off at
        the border of the study area.
    weekly : array of float, shape (7,), optional
        How much crime there is on each day of the week, from Monday to Sunday; only the proportions matter.
    yearly : array of float, shape (12,) or (366,), optional
        How much there is on a day of each month or on each date, 29 February among them; only the proportions matter.
    outside : {"keep", "drop"}
        What becomes of crimes of the hot spots that fall outside the study area: kept in the table (`Grid.cells_of`
        gives -1) or dropped from it.
    resolution : {"day", "hour", "minute"}, optional
        Cut the times to whole days, hours or minutes of the wall clock, as publishers do.
    kind : str
        Kind of the crimes.

    Returns
    -------
    Simulation
        With ``events``, observed from `start` to `end`, and ``truth``, a `BackgroundTruth`, whose
        ``background_surface`` is the perfect forecast.

    Raises
    ------
    InputError
        If a parameter is out of range, `end` is not after `start`, or more than 20 million crimes are to be expected.

    Notes
    -----
    The rate holds per elapsed time: a day of 23 hours has 23/24 of the crimes of one of 24. Both profiles multiply, and
    each is 1 on average (the year's over the 400 years of the calendar).

    References
    ----------
    Kingman, J. F. C. (1993). Poisson Processes. Oxford University Press (given how many there are, the points of a
    Poisson process are drawn independently, in proportion to its rate).

    Examples
    --------
    >>> from predpol_eval import Grid
    >>> grid = Grid.from_bounds(0, 0, 1000, 1000, cell=250, crs="EPSG:27700")
    >>> city = simulate_background(
    ...     grid, start="2018-01-01", end="2019-01-01", tz="Europe/London", mu=10, weekly=[1, 1, 1, 1, 2, 3, 1], seed=1
    ... )
    >>> city.truth.weekly.round(2).tolist()
    [0.7, 0.7, 0.7, 0.7, 1.4, 2.1, 0.7]
    >>> city.truth.expected[:7].round(1).tolist()  # 1 January 2018 was a Monday
    [7.0, 7.0, 7.0, 7.0, 14.0, 21.0, 7.0]
    """
    setting = Setting.read(grid, start, end, tz, seed, resolution=resolution, kind=kind)
    background = Background.read(grid, mu, hot_spots, weekly, yearly)
    check_outside(outside)
    setting.refuse_too_many(background.number(setting))
    random = np.random.default_rng(setting.seed)
    t, home, spot = background.draw(random, setting)
    x, y = background.places(random, home, spot)
    cell = grid.cell_of(x, y)
    order = np.lexsort((cell, t))
    if outside == "drop":
        order = order[cell[order] >= 0]
    moments = setting.moments(t[order])
    truth = BackgroundTruth(**background.truth(setting), moment=moments, left_out=len(t) - len(order))
    return Simulation(events=setting.events(moments, x[order], y[order]), truth=truth)


def check_outside(outside: Any) -> None:
    """Refuse what is neither."""
    if outside not in ("keep", "drop"):
        raise InputError(f"outside={outside!r}; choose 'keep' or 'drop'.")
