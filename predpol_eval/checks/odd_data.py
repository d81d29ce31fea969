"""Rules about data that are too few or too odd: a sound surface, or a refusal that says why."""

from __future__ import annotations

import dataclasses

import numpy as np

from predpol_eval.checks.case import Case, rebuilt, sound
from predpol_eval.checks.future import clock
from predpol_eval.checks.steadiness import one_cell
from predpol_eval.errors import PredPolError
from predpol_eval.events import Events
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

LONG = np.timedelta64(60, "D")


def _sound_or_refused(case: Case, events: Events, grid: Grid | None = None, windows: Windows | None = None) -> None:
    until = None if windows is None else windows.until[0]
    found = case.attempt(events, grid, until, windows)
    if not isinstance(found, PredPolError):
        sound(found, case.grid if grid is None else grid)


def no_crimes(case: Case) -> None:
    """Nothing known, in observed time."""
    _sound_or_refused(case, case.events.take(np.zeros(len(case.events), dtype=bool)))


def one_crime(case: Case) -> None:
    """A single crime known: the latest in the study area."""
    events = case.events
    known = np.flatnonzero((events.known_from < case.until) & (case.grid.cells_of(events) >= 0))
    _sound_or_refused(case, events.take(known[-1:]))


def one_place(case: Case) -> None:
    """Twenty crimes at one place and one moment."""
    table = case.events.frame()
    known = np.flatnonzero((case.events.known_from < case.until) & (case.grid.cells_of(case.events) >= 0))[-1:]
    table = table.iloc[np.repeat(known, 20)].reset_index(drop=True)
    table["id"] = np.arange(len(table))
    _sound_or_refused(case, rebuilt(case.events, table))


def only_outside(case: Case) -> None:
    """All crimes east of the grid."""
    table = case.events.frame()
    table["x"] = case.grid.x[-1] + 10 * case.grid.cell + (table["x"] - table["x"].min())
    _sound_or_refused(case, rebuilt(case.events, table))


def quiet_weeks(case: Case) -> None:
    """No crime in the last sixty days before `until`."""
    _sound_or_refused(case, case.events.take(case.events.known_from < case.until - LONG))


def before_data(case: Case) -> None:
    """A forecast from before the first observation."""
    back = case.windows.start[0] - (case.events.observed[0][0] - np.timedelta64(2, "D"))
    windows = Windows(case.windows.start - back, case.windows.end - back, case.windows.until - back, case.windows.tz)
    _sound_or_refused(case, case.events, windows=windows)


def uncertain_times(case: Case) -> None:
    """Crimes that happened at some time within hours."""
    events, table = case.events, case.events.frame()
    hours = (case.rng().random(len(table)) * 12 * 3_600_000_000_000).astype("timedelta64[ns]")
    until = events.happened + hours
    table["happened_until"] = clock(until, events)
    if events.recorded is not None:
        table["recorded"] = clock(np.maximum(events.recorded, until), events)
    _sound_or_refused(case, rebuilt(events, table))


def no_recording_times(case: Case) -> None:
    """Crimes with one clock only."""
    _sound_or_refused(case, dataclasses.replace(case.events, recorded=None))


def single_cell(case: Case) -> None:
    """A grid of one cell."""
    _sound_or_refused(case, case.events, one_cell(case.grid))
