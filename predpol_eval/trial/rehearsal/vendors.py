"""Synthetic vendors of known quality: what each knows, and what it makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.trial.outcomes.scope import utc64
from predpol_eval.trial.rehearsal.attempts import IN_TIME, Way
from predpol_eval.trial.rehearsal.tonight import FloatArray, Tonight, forecast_of, generator

if TYPE_CHECKING:
    from predpol_eval.trial.plan import Night

Risks = Mapping[str, FloatArray]


class SyntheticVendor(Protocol):
    """A vendor whose quality is known; write one of your own by giving these.

    Attributes
    ----------
    kind : str
        What it is, in a word.
    cheats : bool
        Whether it is given the crimes of tonight. All others know only what was released to them.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def cheats(self) -> bool: ...  # noqa: D102

    def evening(self, night: Night, label: str, seed: int) -> Way:
        """What it will hand in for a night, and when: decided by the seed alone, before anything is known."""
        ...

    def risks(self, tonight: Tonight) -> Risks:
        """Risk of every cell of the study area, by kind; of equal risks the plan's tie rule decides."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Punctual:
    """Hands in one file, in time, every evening."""

    def evening(self, night: Night, label: str, seed: int) -> Way:
        """All goes well."""
        return IN_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaked(_Punctual):
    """A copy of the truth: the boxes in which tonight's crimes will happen, and below them the count map's.

    Parameters
    ----------
    share : float
        Of tonight's crimes, how many it was told of on average.
    """

    share: float = 0.95
    kind: str = "leaked"
    cheats: bool = True

    def risks(self, tonight: Tonight) -> Risks:
        """Count tonight's crimes in each cell."""
        from predpol_eval.forecasters.baseline import CountMap

        found = forecast_of(CountMap(lookback="21D"), tonight)
        truth, draw, scene = tonight.truth, tonight.draw("leak"), tonight.scene
        if truth is None:  # pragma: no cover - it is given to all who cheat
            raise InputError("A vendor that cheats was not given the truth.")
        start, end = utc64(tonight.night.start, "start"), utc64(tonight.night.end, "end")
        tonights = truth.take((truth.midpoint >= start) & (truth.midpoint < end))
        told = tonights.take(draw.random(len(tonights)) < self.share)
        cell = tonight.grid.cells_of(told)
        place = np.where(cell >= 0, scene.position[np.maximum(cell, 0)], -1)
        for number, name in enumerate(told.kinds):
            if name in found:
                here = place[(told.kind_code == number) & (place >= 0)]
                tops = 1.0 + float(found[name].max(initial=0.0))
                found[name] = found[name] + tops * np.bincount(here, minlength=len(scene.cells))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Strong(_Punctual):
    """Honest and better than three weeks of crimes: what was known for years, what is recent, and what is near.

    The mixture has fixed shares: .6 of all history counted by box, .25 of a count that halves every 90 days, .15 of a
    kernel density as wide as a box that halves every 180 days. Nothing in it is learnt from the nights of the trial.
    """

    kind: str = "strong"
    cheats: bool = False

    def risks(self, tonight: Tonight) -> Risks:
        """Blend them."""
        return strong_risks(tonight)


def strong_risks(tonight: Tonight) -> Risks:
    """Risk by the strong forecast: see `Strong`."""
    from predpol_eval.forecasters.baseline import CountMap
    from predpol_eval.forecasters.blend import Blend
    from predpol_eval.forecasters.kde import KDE

    members = (
        CountMap(lookback=None),
        CountMap(lookback=None, half_life="90D"),
        KDE(bandwidth=tonight.plan.cell, half_life="180D"),
    )
    return forecast_of(Blend(members, weights=(0.6, 0.25, 0.15)), tonight)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountOfThreeWeeks(_Punctual):
    """The count map of the latest three weeks, to the last hit."""

    kind: str = "count-map"
    cheats: bool = False

    def risks(self, tonight: Tonight) -> Risks:
        """Count the crimes of three weeks by cell."""
        from predpol_eval.forecasters.baseline import CountMap

        return forecast_of(CountMap(lookback="21D"), tonight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Random(_Punctual):
    """Boxes drawn anew every night, each as likely as any other."""

    kind: str = "random"
    cheats: bool = False

    def risks(self, tonight: Tonight) -> Risks:
        """Draw."""
        draw = tonight.draw("boxes")
        return {kind: draw.random(len(tonight.scene.cells)) for kind in tonight.plan.kinds}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreliable:
    """The strong forecast, but often late, missing or malformed.

    Parameters
    ----------
    share : float
        Of the nights, on how many something goes wrong, on average.
    ways : tuple of Way
        What goes wrong, drawn with equal chance.
    """

    share: float = 0.6
    ways: tuple[Way, ...] = ()
    kind: str = "unreliable"
    cheats: bool = False

    def evening(self, night: Night, label: str, seed: int) -> Way:
        """Draw whether something goes wrong, and what."""
        from predpol_eval.trial.rehearsal.trouble import WAYS

        ways = self.ways or WAYS
        draw = generator(seed, label, night.name, "trouble")
        # On the first night all goes well, so that there is an earlier file whose number can be used again.
        if night.number == 0 or draw.random() >= self.share:
            return IN_TIME
        return ways[int(draw.integers(len(ways)))]

    def risks(self, tonight: Tonight) -> Risks:
        """Blend as `Strong` does."""
        return strong_risks(tonight)


VENDORS: Mapping[str, SyntheticVendor] = {
    vendor.kind: vendor for vendor in (Leaked(), Strong(), CountOfThreeWeeks(), Random(), Unreliable())
}


def synthetic_vendor(name: str) -> SyntheticVendor:
    """Find a synthetic vendor by its kind.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> synthetic_vendor("strong").cheats
    False
    """
    if name not in VENDORS:
        raise InputError(f"There is no synthetic vendor {name!r}; the kinds are {', '.join(VENDORS)}.")
    return VENDORS[name]


def by_seed(seed: int) -> dict[str, SyntheticVendor]:
    """One of every kind, under labels that the seed deals out, so that a label does not give its kind away.

    Examples
    --------
    >>> sorted(by_seed(1))
    ['A', 'B', 'C', 'D', 'E']
    """
    kinds = list(VENDORS)
    order = generator(seed, "labels").permutation(len(kinds))
    return {chr(ord("A") + place): VENDORS[kinds[number]] for place, number in enumerate(order)}
