"""What a backtest is to do, checked before it starts, and cut into blocks of nights."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np

from predpol_eval.budgets import Budget, Coverage, read_budgets
from predpol_eval.civil_time import to_wall
from predpol_eval.counts import Crimes, TimeRule, check_time_rule, crimes_in, elsewhere
from predpol_eval.errors import InputError
from predpol_eval.events import NO_KIND, Events
from predpol_eval.fingerprints import fingerprint_of
from predpol_eval.forecasters.base import describe, identity
from predpol_eval.forecasters.sliding import slides
from predpol_eval.grid import Grid, check_events, check_grid
from predpol_eval.schedule import (
    NIGHTS_PER_BLOCK,
    Windows,
    as_windows,
    name_windows,
    refuse_finer_than_data,
    refuse_unobserved,
)
from predpol_eval.scores import check_floor


class Block(NamedTuple):
    """One unit of work: some nights of one forecaster and one kind of crime."""

    forecaster: int
    kind: int
    number: int
    nights: slice


class Run(NamedTuple):
    """Blocks of one forecaster and kind that one worker does in a row, and the whole stretch of nights they lie in."""

    blocks: list[Block]
    nights: slice


# A forecaster that slides from night to night begins anew with every stretch of so many blocks (182 nights), so that
# no night depends on how a run was cut.
BLOCKS_PER_STRETCH = 26


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Job:
    """A checked backtest.

    `crimes` and `elsewhere` have one entry per rule of `methods` and, in it, one per kind: the forecasts are the same
    under every rule, what is counted is not.
    """

    names: tuple[str, ...]
    forecasters: tuple[Any, ...]
    kinds: tuple[str, ...]
    events: tuple[Events, ...]
    grid: Grid
    windows: Windows
    budgets: tuple[Budget, ...]
    methods: tuple[TimeRule, ...]
    curve: tuple[Coverage, ...]
    log_score_floor: float | None
    crimes: tuple[tuple[Crimes, ...], ...]
    elsewhere: tuple[tuple[int, ...], ...]

    @property
    def blocks(self) -> Iterator[Block]:
        """All blocks, in the order of forecasters, kinds and nights."""
        for forecaster in range(len(self.forecasters)):
            for kind in range(len(self.kinds)):
                for number, start in enumerate(range(0, len(self.windows), NIGHTS_PER_BLOCK)):
                    stop = min(start + NIGHTS_PER_BLOCK, len(self.windows))
                    yield Block(forecaster, kind, number, slice(start, stop))

    def runs(self, blocks: Sequence[Block]) -> list[Run]:
        """What is left to do, as units of work: single blocks, or those of a stretch where the forecaster slides."""
        found: dict[tuple[int, int, str, int], Run] = {}
        for block in blocks:
            if slides(self.forecasters[block.forecaster]):
                stretch = block.number // BLOCKS_PER_STRETCH
                start = stretch * BLOCKS_PER_STRETCH * NIGHTS_PER_BLOCK
                stop = min(start + BLOCKS_PER_STRETCH * NIGHTS_PER_BLOCK, len(self.windows))
                key, nights = (block.forecaster, block.kind, "stretch", stretch), slice(start, stop)
            else:
                key, nights = (block.forecaster, block.kind, "block", block.number), block.nights
            found.setdefault(key, Run([], nights)).blocks.append(block)
        return list(found.values())

    def crimes_of(self, kind: int, nights: slice) -> tuple[Crimes, ...]:
        """The crimes of one kind on some nights, under each of the rules."""
        return tuple(by_kind[kind].of(nights) for by_kind in self.crimes)

    def parted(self, kind: int) -> Crimes | None:
        """The crimes of one kind under the rule that parts them among windows, if there is one and it does."""
        return next((by_kind[kind] for by_kind in self.crimes if by_kind[kind].parted), None)

    @property
    def record(self) -> dict[str, Any]:
        """All that decides the result: a store is resumed only under the same record."""
        return {
            "library": versions(),
            "data": {
                "grid": self.grid.fingerprint,
                "crimes": {kind: events.fingerprint for kind, events in zip(self.kinds, self.events, strict=True)},
            },
            "configuration": {
                "forecasters": {
                    name: {"is": describe(forecaster), "identity": identity_if_told(forecaster)}
                    for name, forecaster in zip(self.names, self.forecasters, strict=True)
                },
                # Blocks are numbered by these, so that the same ones in another order are another job.
                "order": {"forecasters": list(self.names), "kinds": list(self.kinds)},
                "windows": fingerprint_of(self.windows.start, self.windows.end, self.windows.until),
                "nights": len(self.windows),
                "budgets": [repr(budget) for budget in self.budgets],
                "curve": [repr(budget) for budget in self.curve],
                "log_score_floor": self.log_score_floor,
                "method": ", ".join(self.methods),
            },
        }


def identity_if_told(forecaster: Any) -> str | None:
    """Identity of a forecaster, or None of an ordinary class, whose configuration nothing tells.

    Such a forecaster can be run but not stored: nobody could say whether a store was begun with the same.
    """
    if not dataclasses.is_dataclass(forecaster) and getattr(forecaster, "fingerprint", None) is None:
        return None
    return identity(forecaster)


def versions() -> dict[str, str]:
    """Versions of what computes the numbers."""
    import numba
    import scipy

    from predpol_eval import __version__

    return {
        "predpol_eval": __version__,
        "numpy": np.__version__,
        "numba": numba.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": _installed("scikit-learn"),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def _installed(package: str) -> str:
    """Version of a package that may be missing; looked up without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def make_job(
    forecasters: Mapping[str, Any],
    events: Events,
    grid: Grid,
    schedule: Any,
    *,
    budgets: Any,
    kinds: str | Sequence[str] | None,
    method: TimeRule | Sequence[TimeRule],
    curve: Sequence[float] | None,
    log_score_floor: float | None = None,
) -> Job:
    """Check everything that can be checked before work starts.

    Raises
    ------
    InputError
        Saying what cannot be used.
    """
    if not isinstance(forecasters, Mapping) or not forecasters:
        raise InputError("Give the forecasters as a mapping of names, for instance {'three-week map': ppe.CountMap()}.")
    for name, forecaster in forecasters.items():
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"The name of a forecaster is {name!r}; give a text.")
        if isinstance(forecaster, type) or not callable(getattr(forecaster, "fit", None)):
            raise InputError(
                f"{name!r} is {forecaster!r}, which cannot be fitted; give an instance of a class with "
                "fit(events, grid, *, until), for instance ppe.KDE(bandwidth=500)."
            )
        identity_if_told(forecaster)
    methods: tuple[Any, ...] = tuple(method) if isinstance(method, list | tuple) else (method,)
    for rule in methods:
        check_time_rule(rule)
    if not methods or len(set(methods)) < len(methods):
        raise InputError(f"The time rules are {methods!r}; give each once, and at least one.")
    check_events(events)
    check_grid(grid)
    windows = as_windows(schedule)
    if not len(windows):
        raise InputError("The schedule has no window; give at least one night.")
    chosen_budgets = read_budgets(budgets)
    names = (NO_KIND,) if kinds is None else ((kinds,) if isinstance(kinds, str) else tuple(kinds))
    if not names or len(set(names)) < len(names):
        raise InputError(f"kinds={kinds!r}; give each kind of crime once, or None for all crimes together.")
    by_kind = (events,) if kinds is None else tuple(events.select(kinds=name) for name in names)
    cells = grid.cells_of(events)
    if len(events) and (cells < 0).all():
        raise InputError(
            f"None of the {len(events):,} crimes lies in the study area: crimes span x {events.x.min():,.0f} to "
            f"{events.x.max():,.0f} and y {events.y.min():,.0f} to {events.y.max():,.0f}, the grid x {grid.x0:,.0f} to "
            f"{grid.x[-1]:,.0f} and y {grid.y0:,.0f} to {grid.y[-1]:,.0f}. Check the coordinates and the areas."
        )
    _refuse_other_clock(events, windows)
    refuse_finer_than_data(events, windows)
    refuse_unobserved(events, windows)
    early = windows.until <= events.observed[0][0]
    if early.any():
        raise InputError(
            f"{int(early.sum())} of {len(windows)} windows are forecast from before any crime was observed, the "
            "first at "
            f"{name_windows(windows, early)}. Start the schedule later: a forecast needs some history."
        )
    crimes = tuple(tuple(crimes_in(part, grid, windows, rule) for part in by_kind) for rule in methods)
    misplaced = tuple(
        tuple(
            elsewhere(part, grid, np.unique(seen.event)) if grid.boundary else -1
            for part, seen in zip(by_kind, counted, strict=True)
        )
        for counted in crimes
    )
    return Job(
        names=tuple(forecasters),
        forecasters=tuple(forecasters.values()),
        kinds=names,
        events=by_kind,
        grid=grid,
        windows=windows,
        budgets=chosen_budgets,
        methods=methods,
        curve=tuple(Coverage(float(fraction)) for fraction in sorted(set(curve or ()))),
        log_score_floor=check_floor(log_score_floor, "log_score_floor"),
        crimes=crimes,
        elsewhere=misplaced,
    )


def _refuse_other_clock(events: Events, windows: Windows) -> None:
    """Refuse a schedule by another wall clock than the crimes': its days would not be theirs."""
    if windows.tz == events.tz:
        return
    if not np.array_equal(to_wall(windows.start, windows.tz), to_wall(windows.start, events.tz)):
        raise InputError(
            f"The schedule runs by the clock of {windows.tz}, the crimes by that of {events.tz}; give the schedule "
            f"tz={events.tz!r}."
        )
