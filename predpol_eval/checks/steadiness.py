"""Rules about being the same forecaster every time: no memory, no dice, no trace left behind."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from predpol_eval.checks.case import (
    TOLERANCE,
    Case,
    NotApplicableError,
    RuleBrokenError,
    called,
    numbers,
    rebuilt,
    same,
    told,
)
from predpol_eval.checks.contract import twin_of
from predpol_eval.errors import NotComparableError
from predpol_eval.events import Events
from predpol_eval.forecasters.base import identity
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

_MOMENT = np.timedelta64(1, "ns")
# The same fit asked for a nanosecond earlier: ages change by 1e-14 of a day, a remembered map by all it holds.
_NEARLY = 1e-6


def same_twice(case: Case) -> None:
    """The same question, the same answer."""
    fitted = case.fit()
    once = numbers(case.predict(fitted))
    same(numbers(case.predict(fitted)), once, "predicted twice")
    same(case.values(), once, "fitted twice")
    same(case.values(forecaster=called("copying it", lambda: twin_of(case.forecaster))), once, "fitted by an equal one")


def unchanged_by_use(case: Case) -> None:
    """Nothing is learnt into the forecaster."""
    before, named = _inside(case.forecaster), identity(case.forecaster)
    case.values()
    after = _inside(case.forecaster)
    changed = sorted(name for name in {*before, *after} if before.get(name) is not after.get(name))
    if changed:
        raise RuleBrokenError(
            f"fit or predict changed its attribute {', '.join(map(repr, changed))}; keep what is learnt in the object "
            "that fit returns"
        )
    if identity(case.forecaster) != named:
        raise RuleBrokenError("its identity changed while it was fitted; keep what is learnt in the object fit returns")


def _inside(forecaster: Any) -> dict[str, Any]:
    found = dict(getattr(forecaster, "__dict__", {}))
    if dataclasses.is_dataclass(forecaster):
        found |= {field.name: getattr(forecaster, field.name, None) for field in dataclasses.fields(forecaster)}
    return found


def inputs_unchanged(case: Case) -> None:
    """Crimes, grid and windows belong to everybody."""
    before = case.events.fingerprint, case.grid.fingerprint
    windows = case.windows[:]
    fitted = case.fit()
    called("predict", lambda: fitted.predict(windows))
    for what, old, new in zip(
        ("events", "grid"), before, (case.events.fingerprint, case.grid.fingerprint), strict=True
    ):
        if old != new:
            raise RuleBrokenError(f"fit or predict changed the {what}; work on a copy (np.array(...))")
    if windows != case.windows:
        raise RuleBrokenError("fit or predict changed the windows; work on a copy")
    things: dict[str, Any] = {"events": case.events, "grid": case.grid, "windows": windows}
    opened = [
        f"{what}.{name}"
        for what, thing in things.items()
        for name in thing.__slots__
        if isinstance(part := getattr(thing, name), np.ndarray) and part.flags.writeable
    ]
    if opened:
        raise RuleBrokenError(f"fit or predict made {', '.join(opened)} writeable; work on a copy (np.array(...))")


def order_of_crimes(case: Case) -> None:
    """Numbers that publishers give to crimes mean nothing."""
    times = case.events.happened
    if len(np.unique(times)) == len(times):
        raise NotApplicableError("no two of these crimes happened at the same time, so their order is fixed")
    table = case.events.frame()
    table["id"] = case.rng().permutation(len(table))
    same(case.values(rebuilt(case.events, table)), case.values(), "crimes that tie in time in another order", TOLERANCE)


def fits_apart(case: Case) -> None:
    """A later fit leaves an earlier one alone."""
    first = case.fit()
    before = numbers(case.predict(first))
    case.values(_elsewhere(case))
    same(numbers(case.predict(first)), before, "predicted again after a fit to other crimes")


def no_memory(case: Case) -> None:
    """What was fitted before does not show.

    Whatever a cache may go by (the moment, the grid and its shape, the number of crimes), two tables of crimes are
    asked for in one order, and in the other order with all of that slightly different.
    """
    case.skip_replays("made on one grid")
    other, taller = _elsewhere(case), _taller(case.grid)
    one, two = case.values(), case.values(other)
    early, nights = case.until - _MOMENT, case.windows
    windows = Windows(nights.start.copy(), nights.end.copy(), np.full(len(nights), early), nights.tz)
    rows = case.grid.shape[0]
    try:
        two_first = case.values(other, taller, early, windows)[:, :rows]
    except RuleBrokenError as broken:
        if not isinstance(broken.__cause__, NotComparableError):
            raise
        taller = case.grid  # it holds numbers for the cells or areas of one grid; the rest can differ all the same
        two_first = case.values(other, taller, early, windows)[:, :rows]
    one_then = case.values(None, taller, early, windows)[:, :rows]
    same(one_then, one, "fitted after a fit to other crimes, not before it", _NEARLY)
    same(two_first, two, "fitted before a fit to other crimes, not after it", _NEARLY)


def _taller(grid: Grid) -> Grid:
    """The same study area under other names, in a grid with one more row in the north.

    There it changes neither the number of a cell nor what a seeded generator deals out to it.
    """
    nx = grid.shape[1]
    inside = np.vstack([grid.inside_m2, np.zeros((1, nx))])
    code = np.vstack([grid.label_code, np.full((1, nx), -1, dtype=grid.label_code.dtype)])
    inside.setflags(write=False)
    code.setflags(write=False)
    labels = tuple(f"{label} again" for label in grid.labels)
    return dataclasses.replace(grid, inside_m2=inside, label_code=code, labels=labels)


def _elsewhere(case: Case) -> Events:
    """As many crimes at the same times, dealt out over the same places the other way round."""
    table = case.events.frame()
    table["x"], table["y"] = table["x"].to_numpy()[::-1].copy(), table["y"].to_numpy()[::-1].copy()
    return rebuilt(case.events, table)


def one_cell(grid: Grid) -> Grid:
    """The cell of the study area with the most ground, alone."""
    row, column = (int(place) for place in np.unravel_index(int(grid.inside_m2.argmax()), grid.shape))
    x, y = (grid.x0_mm + column * grid.cell_mm) / 1000, (grid.y0_mm + row * grid.cell_mm) / 1000
    return Grid.from_bounds(x, y, x + grid.cell, y + grid.cell, cell=grid.cell, crs=grid.crs)


def survives_travel(case: Case) -> None:
    """A worker process gets a copy."""
    from multiprocessing.reduction import ForkingPickler

    # What joblib does with an object on its way to a worker.
    from joblib.externals.loky.backend.reduction import dumps

    try:
        dumps(case.forecaster)
    except Exception as error:
        raise RuleBrokenError(
            f"it cannot be sent to a worker process: {told(error)}; hold plain values, and open files, locks and "
            "connections inside fit"
        ) from error
    try:
        parcel = ForkingPickler.dumps(case.forecaster)
    except Exception:  # noqa: BLE001 - of a class without a name to be found by, a notebook's or a function's own
        # joblib sends such a class along, but unpacking it in the same process would overwrite the class itself.
        return
    copy = called("unpacking its copy", lambda: ForkingPickler.loads(parcel))
    if identity(copy) != identity(case.forecaster):
        raise RuleBrokenError("its copy in a worker process has another identity")
    same(case.values(forecaster=copy), case.values(), "fitted by its copy in a worker process")
