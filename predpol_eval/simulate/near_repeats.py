"""Crimes with a known excess of near repeats: what a Knox test is to find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.grid import Grid
from predpol_eval.near_repeats.bands import Bands, read_space, read_time
from predpol_eval.simulate.background import Background, BackgroundTruth
from predpol_eval.simulate.pairs import expected_pairs, squared_limits
from predpol_eval.simulate.setting import LONGEST_BURN_IN, Setting
from predpol_eval.simulate.simulation import IntArray, Simulation, unordered

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_ROUNDS = 200


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NearRepeatTruth(BackgroundTruth):
    """What a city with near repeats was made of; its independent crimes as in `BackgroundTruth`.

    Attributes
    ----------
    space, time : Bands
        The bands of distance (metres) and of time (days): `edges` are their numbers, `labels` their names.
    repeats : array of float, shape (s, t)
        Probability that an independent crime is followed by one near repeat in each band.
    caused : array of int, shape (s, t)
        Pairs of a crime and its near repeat, both among the events, as the events tell places and times.
    expected_caused : array of float, shape (s, t)
        How many of them were to be expected when the crimes were made, by the rates and before times were cut.
    chance : array of float, shape (s, t)
        Pairs of crimes that have nothing to do with each other to be expected, given the places and the times.
    ratio : array of float, shape (s, t)
        What a Knox test is to be expected to find as observed over expected; NaN where no pair is to be expected.
    parent : array of int, shape (n,)
        Position in the events of the crime that each crime repeats; -1 where it repeats none of them.
    repeat : array of bool, shape (n,)
        Whether each crime is a near repeat: also of a crime before the start.
    """

    PER_CRIME: ClassVar[tuple[str, ...]] = ("moment", "parent", "repeat")

    space: Bands
    time: Bands
    repeats: FloatArray
    caused: IntArray
    expected_caused: FloatArray
    chance: FloatArray
    ratio: FloatArray
    parent: IntArray
    repeat: BoolArray

    def told_by(self, events: Events) -> NearRepeatTruth:
        """The same with the pairs as these events tell them."""
        pairs = expected_pairs(events, self.parent, self.space, self.time)
        return replace(self, caused=pairs.caused, chance=pairs.chance, ratio=pairs.ratio)

    def summary(self) -> dict[str, str]:
        """Describe the truth in words, one entry per line."""
        number = f"{int(self.repeat.sum()):,}, one after {self.repeats.sum():.1%} of the other crimes"
        return {"near repeats": number, **BackgroundTruth.summary(self)}


def simulate_near_repeats(
    grid: Grid,
    *,
    start: Any,
    end: Any,
    tz: str,
    mu: Any,
    repeats: Any,
    space_bands: Any,
    time_bands: Any,
    seed: int,
    hot_spots: Any = None,
    resolution: Literal["day", "hour", "minute"] | None = None,
    kind: str = "simulated",
) -> Simulation[NearRepeatTruth]:
    """Simulate independent crimes, some of them followed by one near repeat: the excess that `knox` is to find.

    A near repeat lies in its band evenly over the ring around its crime, and evenly over the days. It is followed by
    none itself, and no crime by two, so that the pairs caused are exactly those of a crime and its near repeat; all
    other pairs are chance. Near repeats that fall outside the study area stay in the table.

    Parameters
    ----------
    grid : Grid
    start, end : str, datetime or datetime64
        Civil times of `tz` between which crimes are observed, end excluded. The process began one longest time band
        before, so that near repeats are as frequent on the first days as on the others.
    tz : str
        IANA zone.
    mu : float, array of float of shape (ny, nx), or surface
        Independent crimes per day, as in `simulate_background`.
    repeats : float or array of float, shape (s, t)
        Probability that an independent crime is followed by a near repeat in each band of distance and time; their sum
        is at most 1. One number stands for every band.
    space_bands : sequence of float, s + 1 of them
        Edges of the bands of distance in metres; a band is ``[a, b)``, and at least a millimetre wide.
    time_bands : sequence of float or str, t + 1 of them
        Edges of the bands of time in days, or texts such as ``"7D"``; a band is ``[a, b)``.
    seed : int
        Of the random numbers: the same seed gives the same crimes.
    hot_spots : array of float, shape (k, 4), optional
        Gaussian bumps beside `mu`, as in `simulate_background`.
    resolution : {"day", "hour", "minute"}, optional
        Cut the times to whole days, hours or minutes of the wall clock. Cutting moves pairs from band to band; the
        truth counts them where the events have them, by the wall clock, as `knox` does.
    kind : str
        Kind of the crimes.

    Returns
    -------
    Simulation
        With ``events``, observed from `start` to `end`, and ``truth``, a `NearRepeatTruth`.

    Raises
    ------
    InputError
        If a parameter is out of range, `end` is not after `start`, or more than 20 million crimes are to be expected.

    References
    ----------
    Knox, E. G. (1964). The detection of space-time interactions. Applied Statistics 13, 25-30.

    Examples
    --------
    >>> from predpol_eval import Grid
    >>> grid = Grid.from_bounds(0, 0, 4000, 4000, cell=250, crs="EPSG:27700")
    >>> city = simulate_near_repeats(
    ...     grid, start="2018-01-01", end="2019-01-01", tz="Europe/London", mu=5.0,
    ...     repeats=[[0.1, 0.0], [0.05, 0.0]], space_bands=[0, 100, 200], time_bands=[0, 7, 14], seed=1,
    ... )
    >>> city.truth.caused.tolist(), city.truth.ratio.round(1).tolist()
    ([[180, 0], [73, 0]], [[2.0, 1.0], [1.2, 1.0]])
    """
    space, time = read_space(space_bands), read_time(time_bands)
    _check_bands(space, time)
    share = _shares(repeats, (len(space), len(time)))
    metres, days = np.array(space.edges), np.array(time.edges)
    setting = Setting.read(
        grid, start, end, tz, seed, burn_in=f"{days[-1] * 86_400:.9f}s", resolution=resolution, kind=kind
    )
    background = Background.read(grid, mu, hot_spots, None, None)
    setting.refuse_too_many(background.number(setting) * (1.0 + share.sum()))

    random = np.random.default_rng(setting.seed)
    t, home, spot = background.draw(random, setting)
    x, y = background.places(random, home, spot)
    x, y = np.rint(x * 1000) / 1000, np.rint(y * 1000) / 1000
    # Band of the near repeat of each crime; one past the last where there is none.
    band = np.searchsorted(np.cumsum(share.ravel()), random.random(t.size), side="right")
    parent = np.flatnonzero(band < share.size)
    ring, period = np.divmod(band[parent], len(time))
    wait = random.uniform(days[period], days[period + 1])
    beside = _around(random, metres, squared_limits(space), ring)

    every_t = np.concatenate([t, t[parent] + wait])
    every_x, every_y = np.concatenate([x, x[parent] + beside[0]]), np.concatenate([y, y[parent] + beside[1]])
    whose = np.concatenate([np.full(t.size, -1), parent])
    order = np.lexsort((every_x, every_t))
    order = order[(every_t[order] >= 0) & (every_t[order] < setting.days)]
    moments = setting.moments(every_t[order])
    events = setting.events(moments, np.rint(every_x[order] * 1000) / 1000, np.rint(every_y[order] * 1000) / 1000)
    parent = unordered(order, every_t.size)[whose[order]]
    found = expected_pairs(events, parent, space, time)
    total = float(background.rate.sum()) + background.beyond
    truth = NearRepeatTruth(
        **background.truth(setting), moment=moments, left_out=0, space=space, time=time, repeats=share,
        caused=found.caused, expected_caused=total * share * _days_left(days, setting.days), chance=found.chance,
        ratio=found.ratio, parent=parent, repeat=whose[order] >= 0,
    )  # fmt: skip
    return Simulation(events=events, truth=truth)


def _check_bands(space: Bands, time: Bands) -> None:
    """Refuse bands that nothing can be drawn from."""
    for bands, what in ((space, "space_bands"), (time, "time_bands")):
        if bands.endless:
            raise InputError(f"{what} ends at infinity, over which nothing lies evenly; give a last edge.")
    thin = np.flatnonzero(np.diff(space.edges) < 0.001 * (1 - 1e-9))
    if thin.size:
        raise InputError(
            f"The band {space.labels[thin[0]]} of space_bands is narrower than a millimetre, to which places are told; "
            "make it wider."
        )
    if time.edges[-1] > LONGEST_BURN_IN:
        raise InputError(f"time_bands reaches to {time.edges[-1]:,.0f} days; the most is {LONGEST_BURN_IN:,.0f}.")


def _shares(repeats: Any, shape: tuple[int, int]) -> FloatArray:
    """Probability of a near repeat in each band."""
    try:
        share = np.asarray(repeats, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"repeats does not hold numbers ({error}); give an array of shape {shape}.") from error
    if share.ndim and share.shape != shape:
        raise InputError(
            f"repeats has shape {share.shape}; give one number, or an array of shape {shape}: a row a band."
        )
    share = np.broadcast_to(share, shape).copy()
    if not (np.isfinite(share).all() and (share >= 0).all() and share.sum() <= 1 + 1e-12):
        raise InputError(
            f"repeats is {share.tolist()}, which sums to {share.sum():g}; give probabilities of at least 0 that sum to "
            "at most 1: a crime has one near repeat or none."
        )
    return share


def _around(random: np.random.Generator, metres: FloatArray, limits: IntArray, ring: IntArray) -> FloatArray:
    """Steps in whole millimetres, each spread evenly over its ring, in metres, shape (2, n)."""
    # Due east, for those that are never thrown into a ring that hardly holds a whole millimetre.
    step = np.stack([np.ceil(np.sqrt(limits[ring])), np.zeros(ring.size)])
    left = np.arange(ring.size)
    for _ in range(_ROUNDS):
        # Even over the ring: the square of the distance is.
        far = 1000 * np.sqrt(random.uniform(metres[ring[left]] ** 2, metres[ring[left] + 1] ** 2))
        angle = random.uniform(0.0, 2.0 * np.pi, left.size)
        thrown = np.rint(far * np.stack([np.cos(angle), np.sin(angle)]))
        # On a whole millimetre it may lie just beside the ring, and is thrown again.
        square = (thrown**2).sum(axis=0)
        inside = (square >= limits[ring[left]]) & (square < limits[ring[left] + 1])
        step[:, left[inside]] = thrown[:, inside]
        left = left[~inside]
        if not left.size:
            break
    return step / 1000


def _days_left(time: FloatArray, days: float) -> FloatArray:
    """Days on which a crime can happen and be followed within the `days`, on average over each band, shape (t,)."""

    def integral(to: FloatArray) -> FloatArray:
        end = np.minimum(to, days)
        return np.asarray(days * end - end**2 / 2)

    return np.asarray(np.diff(integral(time)) / np.diff(time))
