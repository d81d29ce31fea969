"""Crimes that nobody tells the police of: more in one area than in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.grid import Grid, check_grid
from predpol_eval.simulate.setting import check_share, step_random
from predpol_eval.simulate.simulation import AnyTruth, IntArray, Simulation, check_simulation, rebuilt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReportingTruth:
    """How likely crimes were to be reported, and those that were not.

    Attributes
    ----------
    by_area : mapping of str to float
        Probability that a crime in each area is reported.
    outside : float
        The same of crimes outside the study area.
    probability : array of float, shape (ny, nx)
        The same of each cell; NaN outside the study area.
    happened, reported : mapping of str to int
        How many crimes there were in each area (``""``: outside), and how many of them were reported.
    unreported : Events
        The crimes that were not. They happened all the same, and set off repeats.
    seed : int
    """

    by_area: Mapping[str, float]
    outside: float
    probability: FloatArray
    happened: Mapping[str, int]
    reported: Mapping[str, int]
    unreported: Events
    seed: int

    def take(self, order: IntArray) -> ReportingTruth:
        """Itself: it holds nothing in the order of the crimes."""
        return self

    def summary(self) -> str:
        """Describe it in words."""
        return f"{sum(self.reported.values()):,} of {sum(self.happened.values()):,} crimes"


def with_reporting(
    simulation: Simulation[AnyTruth],
    grid: Grid,
    *,
    by_area: Mapping[str, float],
    seed: int,
    outside: float = 1.0,
) -> Simulation[AnyTruth]:
    """Let simulated crimes be reported with a probability that depends on the area.

    Parameters
    ----------
    simulation : Simulation
    grid : Grid
        Whose labels name the areas; a crime belongs to the area of its cell.
    by_area : mapping of str to float
        Probability that a crime is reported, from 0 to 1, for every label of the grid.
    seed : int
        Of the random numbers; it may be the simulation's, for every step has a stream of its own.
    outside : float
        The same for crimes in no cell of the study area.

    Returns
    -------
    Simulation
        Of the crimes reported, as the police would see them. ``truth.reporting`` holds the others.

    Raises
    ------
    InputError
        If an area is unknown or missing, a probability is not from 0 to 1, or crimes were left unreported before.

    References
    ----------
    Akpinar, N.-J., De-Arteaga, M. and Chouldechova, A. (2021). The effect of differential victim crime reporting on
    predictive policing systems. FAccT '21, 838-849.

    Examples
    --------
    >>> from predpol_eval import Grid
    >>> from predpol_eval.simulate import simulate_background
    >>> grid = Grid.from_bounds(0, 0, 1000, 1000, cell=250, crs="EPSG:27700", label="centre")
    >>> city = simulate_background(grid, start="2018-01-01", end="2019-01-01", tz="Europe/London", mu=2.0, seed=1)
    >>> seen = with_reporting(city, grid, by_area={"centre": 0.5}, seed=2)
    >>> len(seen.events) + len(seen.truth.reporting.unreported) == len(city.events)
    True
    """
    check_simulation(simulation)
    check_grid(grid)
    if simulation.truth.reporting is not None:
        raise InputError("Some of the crimes were left unreported already; start from the simulation before that.")
    chance = _by_label(grid, by_area)
    elsewhere = check_share(outside, "outside")
    random = step_random(seed, 3)
    events = simulation.events
    cells = grid.cells_of(events)
    label = np.where(cells >= 0, grid.label_code.ravel()[cells], len(chance))
    seen = random.random(len(events)) < np.append(chance, elsewhere)[label]
    names = (*grid.labels, "")
    happened, reported = (np.bincount(label[which], minlength=len(names)) for which in (slice(None), seen))
    truth = ReportingTruth(
        by_area=dict(zip(grid.labels, chance.tolist(), strict=True)), outside=elsewhere,
        probability=np.where(grid.mask, np.append(chance, np.nan)[grid.label_code], np.nan),
        happened=dict(zip(names, happened.tolist(), strict=True)),
        reported=dict(zip(names, reported.tolist(), strict=True)),
        unreported=events.take(~seen), seed=int(seed),
    )  # fmt: skip
    return rebuilt(simulation, keep=seen, reporting=truth)


def _by_label(grid: Grid, by_area: Mapping[str, float]) -> FloatArray:
    """Probability of each label, in their order."""
    if not isinstance(by_area, Mapping):
        raise InputError(f"by_area is {by_area!r}; give a mapping such as by_area={{{grid.labels[0]!r}: 0.5}}.")
    unknown = [name for name in by_area if name not in grid.labels]
    missing = [name for name in grid.labels if name not in by_area]
    if unknown or missing:
        found = f"names {', '.join(map(repr, unknown))}" if unknown else f"lacks {', '.join(map(repr, missing))}"
        raise InputError(
            f"by_area {found}; give a probability for each area of the grid: {', '.join(map(repr, grid.labels))}."
        )
    return np.array([check_share(by_area[name], f"by_area[{name!r}]") for name in grid.labels])
