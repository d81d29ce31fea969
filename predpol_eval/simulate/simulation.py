"""Simulated crimes and the truth about them, crime by crime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray
from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import refuse_other_type
from predpol_eval.events import Events
from predpol_eval.simulate.setting import sealed

if TYPE_CHECKING:
    from predpol_eval.simulate.recording import RecordingTruth
    from predpol_eval.simulate.reporting import ReportingTruth
    from predpol_eval.simulate.uncertain import UncertainTruth

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
    uncertain, recording, reporting : or None
        What `with_interval_times`, `with_recording_delay` and `with_reporting` did to the crimes.
    """

    # Fields that hold one value per crime, in the order of the events.
    PER_CRIME: ClassVar[tuple[str, ...]] = ("moment",)

    seed: int
    moment: TimeArray
    uncertain: UncertainTruth | None = None
    recording: RecordingTruth | None = None
    reporting: ReportingTruth | None = None

    def take(self: AnyTruth, order: IntArray) -> AnyTruth:
        """The truth of some of the crimes, or of all in another order; parents that are not among them become -1."""
        taken: dict[str, Any] = {name: getattr(self, name)[order] for name in self.PER_CRIME}
        if "parent" in taken:
            taken["parent"] = unordered(order, len(self.moment))[taken["parent"]]
        for name, step in self.steps().items():
            taken[name] = step.take(order)
        return replace(self, **taken)

    def told_by(self: AnyTruth, events: Events) -> AnyTruth:
        """The same, where it depends on what the events tell: here nothing does."""
        return self

    def steps(self) -> dict[str, UncertainTruth | RecordingTruth | ReportingTruth]:
        """What was done to the crimes after they were made."""
        steps = {"uncertain": self.uncertain, "recording": self.recording, "reporting": self.reporting}
        return {name: step for name, step in steps.items() if step is not None}

    def summary(self) -> dict[str, str]:
        """Describe the truth in words, one entry per line."""
        return {"seed": str(self.seed), **{name: step.summary() for name, step in self.steps().items()}}


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


def rebuilt(
    simulation: Simulation[AnyTruth],
    *,
    keep: npt.NDArray[np.bool_] | None = None,
    columns: Mapping[str, npt.NDArray[Any]] | None = None,
    **steps: Any,
) -> Simulation[AnyTruth]:
    """The simulation with other columns, fewer crimes and one more step, all in order of time again.

    Crimes keep their ids, which are their order in time when they were made.
    """
    changed: dict[str, Any] = {name: sealed(column) for name, column in (columns or {}).items()}
    events = replace(simulation.events, **changed)
    order = np.lexsort((events.id, events.happened))
    if keep is not None:
        order = order[keep[order]]
    left = replace(events.take(order), kinds=events.kinds if len(order) else ())
    return Simulation(events=left, truth=replace(simulation.truth, **steps).take(order).told_by(left))


def check_simulation(simulation: Any) -> None:
    """Refuse anything but a Simulation, such as its events."""
    refuse_other_type(
        simulation, Simulation, "make one with ppe.simulate_self_exciting(...) and hand on the whole of it"
    )
