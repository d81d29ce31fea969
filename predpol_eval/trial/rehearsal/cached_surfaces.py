"""One forecaster's risk on every night of a plan, made once and kept, beside the settled crimes of these nights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.counts import Crimes
from predpol_eval.errors import InputError
from predpol_eval.flagging import Scene
from predpol_eval.grid import Grid, check_events
from predpol_eval.schedule import Windows
from predpol_eval.trial.canonical import canonical_json, sha256_of
from predpol_eval.trial.outcomes.scope import utc64
from predpol_eval.trial.outcomes.snapshots import freeze, open_snapshot
from predpol_eval.trial.plan.nights import windows_of
from predpol_eval.trial.plan.versions import versions
from predpol_eval.trial.scoring.baselines import Course
from predpol_eval.trial.scoring.counting import KindOfCrime
from predpol_eval.trial.scoring.outcomes_ready import Outcomes

if TYPE_CHECKING:
    from predpol_eval.events import Events
    from predpol_eval.trial.plan.plan import TrialPlan
    from predpol_eval.trial.rehearsal.exchangeable_store import RehearsalStore

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CachedSurfaces:
    """Risk and settled crimes of every night, kind and cell of a plan.

    Attributes
    ----------
    record : dict
        What the risk was made of: hashes of nights, grid and crimes, the forecaster, and versions.
    risk, crimes : array of float, shape (nights, kinds, cells)
        In the order of `scene`; a crime of uncertain moment counts in parts.
    spread : tuple of Crimes
        Of each kind, the crimes whose uncertain moment is spread over several nights.
    k : int
        Boxes per area and kind.
    grid : Grid
    scene : Scene
    windows : Windows
    """

    record: dict[str, Any]
    risk: FloatArray
    crimes: FloatArray
    spread: tuple[Crimes, ...]
    k: int
    grid: Grid
    scene: Scene
    windows: Windows

    @property
    def events(self) -> FloatArray:
        """Crimes of each night, all kinds and areas together, shape (nights,)."""
        return np.asarray(self.crimes.sum(axis=(1, 2)))

    @property
    def parted(self) -> bool:
        """Whether any crime is spread over several nights."""
        return any(one.parted for one in self.spread)


def cached_surfaces(
    plan: TrialPlan,
    events: Events,
    grid: Grid | None = None,
    forecaster: Any = None,
    *,
    store: RehearsalStore | None = None,
) -> CachedSurfaces:
    """Make the risk of every night as the trial makes that of its baselines, or take it from the store.

    Parameters
    ----------
    plan : TrialPlan
    events : Events
        Past crimes. Of each night the forecaster is given only what was known at its cut; what happened is counted from
        one snapshot, taken when the last night has settled.
    grid : Grid, optional
        That of the plan.
    forecaster : Forecaster or str, optional
        Or the name of one of the plan's baselines. Default: ``KDE(bandwidth=500)``.
    store : RehearsalStore, optional
        Where the risk is kept.

    Returns
    -------
    CachedSurfaces

    Raises
    ------
    InputError
        If the crimes do not tell of all nights, or the forecaster fails on one.
    NotComparableError
        If the grid is not that of the plan.
    PlanLockedError
        If the store was begun with something else.
    """
    check_events(events)
    chosen = _forecaster(plan, forecaster)
    ground = plan.make_grid() if grid is None else grid
    ready = _ready(plan, events, ground)
    record = _record(plan, ready.events, chosen)
    windows = windows_of(plan)
    shape = len(windows), len(plan.kinds), len(ready.scene.cells)
    risk = None if store is None else store.begin(record, shape)
    if risk is None:
        risk = _made(plan, ready, chosen, windows, shape)
        if store is not None:
            store.keep(risk)
    crimes = np.stack([[kind.tonight(night).crimes_of for kind in ready.kinds] for night in range(shape[0])])
    for values in (risk, crimes):
        values.flags.writeable = False
    return CachedSurfaces(
        record=record,
        risk=risk,
        crimes=crimes,
        spread=tuple(_spread(kind, shape[0]) for kind in ready.kinds),
        k=plan.k,
        grid=ground,
        scene=ready.scene,
        windows=windows,
    )


def _forecaster(plan: TrialPlan, forecaster: Any) -> Any:
    from predpol_eval.forecasters.kde import KDE

    if forecaster is None:
        return KDE(bandwidth=500.0)
    if not isinstance(forecaster, str):
        return forecaster
    known = plan.forecasters()
    if forecaster not in known:
        raise InputError(
            f"The plan has no baseline {forecaster!r}; it has {', '.join(map(repr, known)) or 'none'}. Name one of "
            "them, or give a forecaster such as ppe.KDE(bandwidth=500)."
        )
    return known[forecaster]


def _ready(plan: TrialPlan, events: Events, grid: Grid) -> Outcomes:
    """Crimes as of when the last night has settled, by the way of the trial: through the bytes of a snapshot."""
    if events.crs != plan.crs or events.tz != plan.tz:
        raise InputError(
            f"The crimes are in {events.crs[:60]} and the time zone {events.tz}, the plan in {plan.crs[:60]} and "
            f"{plan.tz}; read the crimes with crs={plan.crs[:60]!r}, tz={plan.tz!r}."
        )
    at = _settled(plan)
    snapshot, known = open_snapshot(freeze(events.known_at(utc64(at, "the last night")), at))
    untold = [night.name for night in plan.nights if not snapshot.covers(night.start, night.end)]
    if untold:
        until = snapshot.observed_until
        raise InputError(
            f"The crimes do not tell of {len(untold):,} of the plan's {len(plan.nights):,} nights, the first is "
            f"{untold[0]}; they were observed until {'no day' if until is None else until.date()}. A rehearsal needs "
            "past nights: give a plan whose nights lie before that."
        )
    return Outcomes(plan, grid, snapshot, known)


def _settled(plan: TrialPlan) -> datetime:
    return max(night.settled_from for night in plan.nights)


def _record(plan: TrialPlan, known: Events, forecaster: Any) -> dict[str, Any]:
    from predpol_eval.forecasters.base import describe, identity

    first, last = plan.nights[0].name, plan.nights[-1].name
    return {
        "nights": f"{first} to {last}",
        "nights_sha256": sha256_of(canonical_json([night.to_dict() for night in plan.nights])),
        "kinds": list(plan.kinds),
        "grid": plan.grid_fingerprint,
        "crimes": known.fingerprint,
        "method": plan.method,
        "forecaster": describe(forecaster),
        "forecaster_identity": identity(forecaster),
        "versions": versions(plan.tz),
    }


def _made(
    plan: TrialPlan, ready: Outcomes, forecaster: Any, windows: Windows, shape: tuple[int, int, int]
) -> FloatArray:
    risk = np.empty(shape)
    for number, kind in enumerate(ready.kinds):
        course = Course(forecaster, kind.events, ready.grid, windows, ready.scene)
        for night in range(shape[0]):
            forecast = course.at(night)
            if forecast.values is None:
                raise InputError(
                    f"The forecaster fails on {plan.nights[night].name} for {plan.kinds[number]}: {forecast.reason} "
                    "Vendors are made of its risk on every night; take another forecaster, or later nights."
                )
            risk[night, number] = forecast.values
    return risk


def _spread(kind: KindOfCrime, nights: int) -> Crimes:
    """Crimes of a kind that are spread over several nights, numbered by their marks."""
    parts = [kind.spread(night) for night in range(nights)]
    numbers: dict[str, int] = {}
    event = [numbers.setdefault(mark, len(numbers)) for part in parts for mark in part.crime]
    return Crimes(
        np.repeat(np.arange(nights), [len(part.crime) for part in parts]),
        np.array(event, dtype=np.int64),
        np.concatenate([part.cell for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.ones(len(event), dtype=bool),
        len(event) > 0,
    )
