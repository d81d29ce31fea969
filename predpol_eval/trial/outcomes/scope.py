"""Which crimes a trial is about: those of the plan's kinds, in cells of the plan's areas, on its nights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.events import Events
from predpol_eval.grid import Grid, check_events, check_grid
from predpol_eval.projection import metric_crs
from predpol_eval.trial.canonical import utc_text

IntArray = npt.NDArray[np.int64]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class NightTerms(Protocol):
    """What is asked of a night; moments have a time zone."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def start(self) -> datetime: ...  # noqa: D102
    @property
    def end(self) -> datetime: ...  # noqa: D102
    @property
    def cut(self) -> datetime: ...  # noqa: D102
    @property
    def settled_from(self) -> datetime: ...  # noqa: D102


class PlanTerms(Protocol):
    """What is asked of a plan."""

    @property
    def tz(self) -> str: ...  # noqa: D102
    @property
    def crs(self) -> str: ...  # noqa: D102
    @property
    def areas(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def kinds(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def nights(self) -> Sequence[NightTerms]: ...  # noqa: D102


class Places(NamedTuple):
    """Where each crime belongs in a trial, one number per crime; -1 where it belongs nowhere.

    ``cell`` is the flat cell of the grid (-1 outside the study area), ``area`` the position in the plan's areas,
    ``kind`` that in the plan's kinds.
    """

    cell: IntArray
    area: IntArray
    kind: IntArray

    @property
    def counted(self) -> npt.NDArray[np.bool_]:
        """Which crimes have a kind and an area of the plan."""
        return np.asarray((self.area >= 0) & (self.kind >= 0))


def faults_of(events: Events, plan: PlanTerms, grid: Grid) -> list[str]:
    """Find why these crimes cannot be laid over the grid of a plan; empty if they can.

    Raises
    ------
    NotComparableError
        If grid and plan do not belong together: no other crimes would help.
    """
    check_events(events)
    check_grid(grid)
    wanted = metric_crs(plan.crs)
    if grid.crs != wanted:
        raise NotComparableError(
            f"The grid is in {grid.crs[:60]}, the plan in {wanted[:60]}; make the grid from the plan."
        )
    unknown = [area for area in plan.areas if area not in grid.labels]
    if unknown:
        raise NotComparableError(
            f"The grid has no area {', '.join(map(repr, unknown))}; it has {', '.join(map(repr, grid.labels))}. Make "
            "the grid from the plan."
        )
    found = []
    if events.crs != wanted:
        found.append(
            f"the crimes are in {events.crs[:60]}, the plan is in {wanted[:60]}; read them again with "
            f"crs={wanted[:60]!r}"
        )
    if events.tz != plan.tz:
        found.append(
            f"the crimes have the clock of {events.tz}, the plan that of {plan.tz}; read them with the plan's tz"
        )
    return found


def places(events: Events, plan: PlanTerms, grid: Grid) -> Places:
    """Lay crimes over the areas and kinds of a plan; a crime's cell decides its area.

    Raises
    ------
    InputError
        If the crimes are in another coordinate system or time zone than the plan.
    NotComparableError
        If the grid is not that of the plan.
    """
    faults = faults_of(events, plan, grid)
    if faults:
        raise InputError("These crimes are not those of the plan: " + "; ".join(faults) + ".")
    cell = grid.cells_of(events)
    of_label = np.array([_position(plan.areas, label) for label in grid.labels], dtype=np.int64)
    label = grid.label_code.ravel()[np.maximum(cell, 0)]
    area = np.where(cell >= 0, of_label[label], -1)
    of_kind = np.array([_position(plan.kinds, kind) for kind in events.kinds] or [-1], dtype=np.int64)
    return Places(cell, area, of_kind[events.kind_code])


def night_of(nights: Sequence[NightTerms], events: Events) -> IntArray:
    """Position of the night in whose window each crime happened; -1 for none.

    A crime whose moment is uncertain is put at the middle of its interval.
    """
    if not nights:
        return np.full(len(events), -1, dtype=np.int64)
    start = np.array([utc64(night.start, "start") for night in nights])
    end = np.array([utc64(night.end, "end") for night in nights])
    order = np.argsort(start, kind="stable")
    moment = events.midpoint
    position = np.searchsorted(start[order], moment, side="right") - 1
    night = order[np.maximum(position, 0)]
    return np.where((position >= 0) & (moment < end[night]), night, -1).astype(np.int64)


def utc64(moment: datetime, what: str) -> np.datetime64:
    """Turn a moment into UTC as numpy has it; one without a time zone is refused.

    Examples
    --------
    >>> utc64(datetime(2018, 7, 1, 18, tzinfo=UTC), "cut")
    np.datetime64('2018-07-01T18:00:00.000000000')
    """
    if not isinstance(moment, datetime):
        raise InputError(f"{what} is {moment!r}; give a datetime with a time zone.")
    # Refuses a moment without a zone, in the words of the records.
    return np.datetime64(utc_text(moment).removesuffix("Z"), "ns")


def utc_datetime(moment: np.datetime64, *, up: bool = False) -> datetime:
    """Turn a moment of numpy into one of Python, cut (or filled `up`) to whole microseconds.

    Examples
    --------
    >>> utc_datetime(np.datetime64("2018-07-01T18:00:00.000000500", "ns"), up=True).microsecond
    1
    """
    nanoseconds = int(moment.astype("datetime64[ns]").astype(np.int64))
    return _EPOCH + (-(-nanoseconds // 1000) if up else nanoseconds // 1000) * _MICROSECOND


def _position(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else -1
