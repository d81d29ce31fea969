"""Simulated crimes and the truth about them, crime by crime."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray
from predpol_eval.describing import as_html, as_text
from predpol_eval.events import Events

IntArray = npt.NDArray[np.int64]
AnyTruth = TypeVar("AnyTruth", bound="Truth")


def unordered(order: IntArray, size: int) -> IntArray:
    """New position of each of `size` crimes of which those of `order` are left; the last entry is -1, for -1."""
    place = np.full(size + 1, -1, dtype=np.int64)
    place[order] = np.arange(len(order))
    return place


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Truth:
    """What is known of any simulated crimes.

    Attributes
    ----------
    seed : int
        What they were drawn with.
    moment : array of datetime64[ns], shape (n,)
        When each crime truly happened, UTC, before the time was cut or made uncertain.
    """

    # Fields that hold one value per crime, in the order of the events.
    PER_CRIME: ClassVar[tuple[str, ...]] = ("moment",)

    seed: int
    moment: TimeArray

    def take(self: AnyTruth, order: IntArray) -> AnyTruth:
        """The truth of some of the crimes, or of all in another order; parents that are not among them become -1."""
        taken: dict[str, Any] = {name: getattr(self, name)[order] for name in self.PER_CRIME}
        if "parent" in taken:
            taken["parent"] = unordered(order, len(self.moment))[taken["parent"]]
        return replace(self, **taken)

    def summary(self) -> dict[str, str]:
        """Describe the truth in words, one entry per line."""
        return {"seed": str(self.seed)}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Simulation(Generic[AnyTruth]):
    """Simulated crimes, and the truth about them.

    Attributes
    ----------
    events : Events
        The crimes as a publisher would give them.
    truth : Truth
        What they were made of; whatever it holds of each crime is in the order of the events.
    """

    events: Events
    truth: AnyTruth

    def summary(self) -> dict[str, str]:
        """Describe the simulation in words, one entry per line."""
        return {"crimes": f"{len(self.events):,}", **self.truth.summary()}

    def __repr__(self) -> str:
        return as_text("Simulation", self.summary())

    def _repr_html_(self) -> str:
        return as_html("Simulation", self.summary())
