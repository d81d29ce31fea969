"""Crimes of which nobody knows the hour: all that is known is when the owner left and when he came back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray
from predpol_eval.errors import InputError
from predpol_eval.simulate.setting import check_share, cut, cut_up, step_random
from predpol_eval.simulate.simulation import AnyTruth, IntArray, Simulation, check_simulation, rebuilt
from predpol_eval.simulate.waits import Distribution, Waits, moved


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class UncertainTruth:
    """Which crimes were given an interval for their moment, and how long it is.

    Attributes
    ----------
    waits : Waits
        The distribution of the lengths.
    share : float
        Probability that a crime's time is uncertain.
    chosen : array of bool, shape (n,)
        Whether it is.
    seed : int
    """

    waits: Waits
    share: float
    chosen: npt.NDArray[np.bool_]
    seed: int

    def take(self, order: IntArray) -> UncertainTruth:
        """The same of some of the crimes, or of all in another order."""
        return replace(self, chosen=self.chosen[order])

    def summary(self) -> str:
        """Describe it in words."""
        return f"{int(self.chosen.sum()):,} crimes, {self.waits}"


def with_interval_times(
    simulation: Simulation[AnyTruth],
    *,
    mean: str,
    seed: int,
    share: float = 1.0,
    distribution: Distribution = "exponential",
    spread: float = 1.0,
) -> Simulation[AnyTruth]:
    """Make the times of simulated crimes uncertain: intervals that hold the true moment, evenly anywhere in them.

    So burglaries are told: some time between leaving and coming back. Because the moment is as likely in any part of
    the interval as in any other, aoristic weights are right on average.

    Parameters
    ----------
    simulation : Simulation
        Of exact times, without recording times yet: an uncertain crime is discovered, and so recorded, after the end
        of its interval.
    mean : str
        Mean length of the intervals, as in ``"9h"``.
    seed : int
        Of the random numbers; it may be the simulation's, for every step has a stream of its own.
    share : float
        Probability that a crime's time is uncertain, from 0 to 1; the others stay exact.
    distribution : {"exponential", "lognormal", "fixed"}
    spread : float
        Standard deviation of the logarithm of a lognormal length.

    Returns
    -------
    Simulation
        With ``events.happened`` and ``events.happened_until``, in order of the former; ``truth.moment`` is the moment
        between them. Where the crimes are told to the day, hour or minute, the intervals are widened to whole ones.
        Intervals may begin before the simulation does, or end after it.

    Raises
    ------
    InputError
        If times are uncertain or recorded already, or a parameter is out of range.

    References
    ----------
    Ratcliffe, J. H. (2002). Aoristic signatures and the spatio-temporal analysis of high volume crime patterns. Journal
    of Quantitative Criminology 18, 23-43.

    Examples
    --------
    >>> from predpol_eval import Grid
    >>> from predpol_eval.simulate import simulate_background
    >>> grid = Grid.from_bounds(0, 0, 1000, 1000, cell=250, crs="EPSG:27700")
    >>> city = simulate_background(grid, start="2018-01-01", end="2019-01-01", tz="Europe/London", mu=2.0, seed=1)
    >>> told = with_interval_times(city, mean="9h", share=0.6, seed=2)
    >>> bool((told.events.happened <= told.truth.moment).all())
    True
    >>> bool((told.truth.moment <= told.events.happened_until)[told.truth.uncertain.chosen].all())
    True
    """
    check_simulation(simulation)
    events, moment = simulation.events, simulation.truth.moment
    if events.happened_until is not None or events.recorded is not None:
        given = "recording times" if events.happened_until is None else "uncertain times"
        raise InputError(
            f"The crimes have {given} already; make times uncertain first and once, then with_recording_delay(...)."
        )
    waits, share = Waits.read(mean, distribution, spread), check_share(share, "share")
    random = step_random(seed, 1)
    length = waits.draw(random, len(events))
    before = random.random(len(events))
    chosen = random.random(len(events)) < share
    start, end = moved(moment, -length * before), moved(moment, length * (1.0 - before))
    if events.resolution is not None:
        start, end = cut(start, events.tz, events.resolution), cut_up(end, events.tz, events.resolution)
    columns: dict[str, TimeArray] = {
        "happened": np.where(chosen, start, events.happened),
        "happened_until": np.where(chosen, end, events.happened),
    }
    truth = UncertainTruth(waits=waits, share=share, chosen=chosen, seed=int(seed))
    return rebuilt(simulation, columns=columns, uncertain=truth)
