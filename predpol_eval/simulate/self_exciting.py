"""Crimes that set off more crimes, in their own cell or around the place they happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.grid import Grid
from predpol_eval.simulate.background import Background, BackgroundTruth, check_outside
from predpol_eval.simulate.families import grow, scatter
from predpol_eval.simulate.places import places_in_cells
from predpol_eval.simulate.setting import Setting, check_number
from predpol_eval.simulate.simulation import IntArray, Simulation, unordered

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SelfExcitingTruth(BackgroundTruth):
    """What a self-exciting city was made of; its background as in `BackgroundTruth`.

    Attributes
    ----------
    model : {"cell", "continuous"}
        Whether repeats fall in the cell of the crime that sets them off, or around its place.
    theta, omega : float
        Repeats per crime, and their decay per day.
    sigma : float or None
        Standard deviation of the way from a crime to its repeat in each direction, metres; None in cells.
    parent : array of int, shape (n,)
        Position in the events of the crime that each crime repeats; -1 where it repeats none of them.
    repeat : array of bool, shape (n,)
        Whether each crime is a repeat: also of a crime that is not among the events.
    generation : array of int, shape (n,)
        0 for background crimes, 1 for their repeats, 2 for the repeats of those, ...
    burn_in_days : float
        How long the process ran before the start.
    """

    PER_CRIME: ClassVar[tuple[str, ...]] = ("moment", "parent", "repeat", "generation")

    model: Literal["cell", "continuous"]
    theta: float
    omega: float
    sigma: float | None
    burn_in_days: float
    parent: IntArray
    repeat: BoolArray
    generation: IntArray

    def summary(self) -> dict[str, str]:
        """Describe the truth in words, one entry per line."""
        described = {
            "repeats": f"{int(self.repeat.sum()):,}",
            "theta": f"{self.theta:g} repeats per crime",
            "omega": f"{self.omega:g} per day",
        }
        if self.sigma is not None:
            described["sigma"] = f"{self.sigma:g} m"
        return {**described, **BackgroundTruth.summary(self)}


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
    model: Literal["cell", "continuous"] = "cell",
    sigma: float | None = None,
    hot_spots: Any = None,
    weekly: Any = None,
    yearly: Any = None,
    outside: Literal["keep", "drop"] = "keep",
    burn_in: str | None = None,
    resolution: Literal["day", "hour", "minute"] | None = None,
    kind: str = "simulated",
) -> Simulation[SelfExcitingTruth]:
    """Simulate crimes that set off more crimes: the truth that `SelfExciting` assumes.

    Background crimes fall evenly over time; each crime, of whatever generation, sets off a Poisson number of repeats
    of mean theta, each after an exponential time of mean 1/omega. With ``model="cell"`` a repeat lies evenly in the
    cell of the crime that set it off; with ``"continuous"`` it is displaced from it by a Gaussian of standard deviation
    sigma in each direction. All places are on whole millimetres.

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
    mu : float, array of float of shape (ny, nx), or surface
        Background crimes per day: of the whole grid, spread by inside-area; of each cell; or as a surface of expected
        counts has them in its one window. They lie evenly in the part of their cell inside the study area.
    seed : int
        Of the random numbers: the same seed gives the same crimes.
    model : {"cell", "continuous"}
        Where repeats fall.
    sigma : float, optional
        Metres, above 0 and below 1,000 km; needed with, and only with, ``model="continuous"``.
    hot_spots : array of float, shape (k, 4), optional
        With ``model="continuous"``: Gaussian bumps of background beside `mu`, as rows of easting, northing, spread in
        metres and crimes per day. Not cut off at the border of the study area.
    weekly, yearly : array of float, optional
        Season of the background, as in `simulate_background`; repeats follow it at their delay.
    outside : {"keep", "drop"}
        What becomes of crimes that fall outside the study area, where nothing but repeats and hot spots reach: kept
        in the table (`Grid.cells_of` gives -1, a tally counts them as outside), as in a city whose police record
        beyond it, or dropped from it, though they set off repeats all the same.
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
        With ``events``, observed from `start` to `end`, and ``truth``, a `SelfExcitingTruth`.

    Raises
    ------
    InputError
        If a parameter is out of range, `end` is not after `start`, or more than 20 million crimes are to be expected.

    References
    ----------
    Hawkes, A. G. and Oakes, D. (1974). A cluster process representation of a self-exciting process. J. Appl. Prob. 11.
    Mohler, G. O. and others (2011). Self-exciting point process modeling of crime. JASA 106, 100-108.

    Examples
    --------
    >>> from predpol_eval import Grid
    >>> grid = Grid.from_bounds(0, 0, 1000, 1000, cell=250, crs="EPSG:27700")
    >>> when = {"start": "2018-01-01", "end": "2019-01-01", "tz": "Europe/London", "seed": 1}
    >>> city = simulate_self_exciting(grid, theta=0.5, omega=0.2, mu=1.0, **when)
    >>> city.events.observed_days, len(city.events) == len(city.truth.parent)
    (365.0, True)
    >>> city = simulate_self_exciting(
    ...     grid, model="continuous", theta=0.5, omega=0.2, sigma=50, mu=0.2, hot_spots=[(500, 500, 80, 0.8)], **when
    ... )
    >>> bool((grid.cells_of(city.events) < 0).any())
    True
    """
    setting = Setting.read(grid, start, end, tz, seed, burn_in=burn_in, resolution=resolution, kind=kind)
    limit = "0 to below 1: with 1 or more, crime would grow without limit"
    theta = check_number(theta, "theta", 0, 1, limit)
    decay = "the decay per day, above 0 and finite, for instance 0.1 for ten days"
    omega = check_number(omega, "omega", 0, np.inf, decay, closed=False)
    sigma = _check_model(model, sigma, hot_spots)
    check_outside(outside)
    background = Background.read(grid, mu, hot_spots, weekly, yearly)
    setting.refuse_too_many(background.number(setting) / (1.0 - theta))

    random = np.random.default_rng(setting.seed)
    t, home, spot = background.draw(random, setting)
    families = grow(random, t, setting.days, theta, omega)
    seen = families.t >= 0
    if sigma is None:
        cell = home[families.root]
    else:
        x, y = scatter(random, families, *background.places(random, home, spot), sigma)
        cell = grid.cell_of(x, y)
        seen &= (cell >= 0) | (outside == "keep")
    order = np.lexsort((cell, families.t))
    order = order[seen[order]]
    if sigma is None:
        # Within a cell the place of a crime has no part in what follows from it: those observed are enough.
        x, y = places_in_cells(random, grid, cell[order])
    else:
        x, y = x[order], y[order]
    moments = setting.moments(families.t[order])
    truth = SelfExcitingTruth(
        **background.truth(setting), moment=moments, model=model, theta=theta, omega=omega, sigma=sigma,
        burn_in_days=setting.before, left_out=int((families.t >= 0).sum()) - len(order),
        parent=unordered(order, families.t.size)[families.parent[order]],
        repeat=families.parent[order] >= 0, generation=families.generation[order],
    )  # fmt: skip
    return Simulation(events=setting.events(moments, x, y), truth=truth)


def _check_model(model: str, sigma: Any, hot_spots: Any) -> float | None:
    """Give the sigma of the model; refuse what the model does not have."""
    if model not in ("cell", "continuous"):
        raise InputError(f"model={model!r}; choose 'cell' or 'continuous'.")
    if model == "continuous":
        metres = (
            "the metres a repeat lies from its crime in each direction, above 0 and below 1,000 km, as in sigma=100"
        )
        return check_number(sigma, "sigma", 0, 1e6, metres, closed=False)
    if sigma is not None or hot_spots is not None:
        given = "sigma" if sigma is not None else "hot_spots"
        raise InputError(
            f"{given} is given, but with model='cell' crimes lie evenly in their cell; give model='continuous', or "
            "the background of each cell as mu=array of shape (ny, nx)."
        )
    return None
