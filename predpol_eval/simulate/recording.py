"""Crimes become known late, or never: the second clock of a table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.simulate.setting import check_share, step_random
from predpol_eval.simulate.simulation import AnyTruth, IntArray, Simulation, check_simulation, rebuilt
from predpol_eval.simulate.waits import Distribution, Waits, moved


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RecordingTruth:
    """How long it took until crimes were recorded.

    Attributes
    ----------
    waits : Waits
        The distribution of the delays.
    days : array of float, shape (n,)
        The delay of each crime in elapsed days: from its moment or, where that was uncertain, from the end of the
        interval.
    never : float
        Probability that a crime is never recorded.
    unrecorded : Events
        The crimes that were not.
    seed : int
    """

    waits: Waits
    days: npt.NDArray[np.float64]
    never: float
    unrecorded: Events
    seed: int

    def take(self, order: IntArray) -> RecordingTruth:
        """The same of some of the crimes, or of all in another order."""
        return replace(self, days=self.days[order])

    def summary(self) -> str:
        """Describe it in words."""
        return f"after {self.waits}; {len(self.unrecorded):,} crimes never"


def with_recording_delay(
    simulation: Simulation[AnyTruth],
    *,
    mean: str,
    seed: int,
    distribution: Distribution = "exponential",
    spread: float = 1.0,
    never: float = 0.0,
) -> Simulation[AnyTruth]:
    """Let simulated crimes become known some time after they happened.

    Parameters
    ----------
    simulation : Simulation
        Of crimes without recording times. Make times uncertain (`with_interval_times`) before this, not after: the
        delay of an uncertain crime runs from the end of its interval, when it was discovered.
    mean : str
        Mean delay, as in ``"36h"`` or ``"5D"``; ``"0h"`` records every crime at once.
    seed : int
        Of the random numbers; it may be the simulation's, for every step has a stream of its own.
    distribution : {"exponential", "lognormal", "fixed"}
    spread : float
        Standard deviation of the logarithm of a lognormal delay.
    never : float
        Probability that a crime is never recorded, from 0 to 1: it happened, and set off repeats, but is not in the
        table.

    Returns
    -------
    Simulation
        With ``events.recorded``; also of crimes that became known only after the end. ``truth.recording`` holds the
        delays and the crimes never recorded.

    Raises
    ------
    InputError
        If there are recording times already, or a parameter is out of range.

    Examples
    --------
    >>> from predpol_eval import Grid
    >>> from predpol_eval.simulate import simulate_background
    >>> grid = Grid.from_bounds(0, 0, 1000, 1000, cell=250, crs="EPSG:27700")
    >>> city = simulate_background(grid, start="2018-01-01", end="2019-01-01", tz="Europe/London", mu=2.0, seed=1)
    >>> late = with_recording_delay(city, mean="10D", seed=2)
    >>> len(city.events.known_at("2018-07-01")) - len(late.events.known_at("2018-07-01")) > 5
    True
    """
    check_simulation(simulation)
    events = simulation.events
    if events.recorded is not None:
        raise InputError("The crimes have recording times already; start from the simulation without them.")
    waits, never = Waits.read(mean, distribution, spread), check_share(never, "never")
    random = step_random(seed, 2)
    days = waits.draw(random, len(events))
    lost = random.random(len(events)) < never
    known = simulation.truth.moment if events.happened_until is None else events.happened_until
    # Of an exact crime told to the day, the moment is later than what the table says; of others their end is.
    recorded = moved(np.maximum(known, simulation.truth.moment), days)
    truth = RecordingTruth(waits=waits, days=days, never=never, unrecorded=events.take(lost), seed=int(seed))
    return rebuilt(simulation, keep=~lost, columns={"recorded": recorded}, recording=truth)
