"""Rehearsal by rolling origin: what forecasters would have said before an anchor, beside what then happened.

The time before an anchor is cut into windows. Every forecaster is fitted at the start of each window to what was known
then, exactly as in a backtest, and its surface is put beside the crimes of that window which are known at the anchor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval import observation
from predpol_eval.civil_time import localise, span, to_wall
from predpol_eval.counts import occurrences
from predpol_eval.errors import InputError, PredPolError
from predpol_eval.events import Events
from predpol_eval.flagging import Scene, make_scene
from predpol_eval.forecasters.many_nights import has_own_way, values_of
from predpol_eval.forecasters.sliding import in_turn
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray
from predpol_eval.schedule import Windows, name_windows, refuse_finer_than_data
from predpol_eval.surface import check_surface

IntArray = npt.NDArray[np.int64]
# What a look at one surface is handed: number of the forecaster, number of the window, risk of every cell of the
# study area, kind of the surface.
Look = Callable[[int, int, FloatArray, str], None]
# Numbers held at once where surfaces come many at a time: 32 MB.
MOST_AT_ONCE = 4_000_000
TOO_FEW = 20


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rehearsal:
    """Past windows before an anchor, and the crimes of them that are known at it.

    Attributes
    ----------
    past : Events
        What is known at the anchor.
    windows : Windows
        In order of time, each forecast from its own start.
    window, cell, crimes : array, one entry per window and cell with a crime
        Number of the window, of the cell (among those of the study area), and of the crimes (a fraction where times
        are uncertain), ordered by window.
    """

    past: Events
    grid: Grid
    scene: Scene
    anchor: np.datetime64
    windows: Windows
    window: IntArray
    cell: IntArray
    crimes: FloatArray

    def rows(self, window: int) -> slice:
        """The entries of one window."""
        low, high = np.searchsorted(self.window, [window, window + 1])
        return slice(int(low), int(high))

    def record(self, reasons: Sequence[str]) -> dict[str, Any]:
        """What a choice rests on, as plain numbers and texts; `reasons` are what `perform` gave."""
        used = np.array([not reason for reason in reasons])
        crimes = float(self.crimes[used[self.window]].sum())
        first, last = to_wall(np.array([self.windows.start[used].min(), self.windows.end[used].max()]), self.past.tz)
        told = {
            "anchor": str(self.anchor),
            "windows": int(used.sum()),
            "from": str(first.astype("datetime64[m]")),
            "to": str(last.astype("datetime64[m]")),
            "crimes": round(crimes, 6),
        }
        if not used.all():
            told |= {"skipped": int((~used).sum()), "skipped_because": next(filter(None, reasons))}
        if crimes < TOO_FEW:
            told["note"] = f"too few crimes: {crimes:g}, and below {TOO_FEW} chance decides"
        return told


def check_lengths(training: Any, step: Any) -> None:
    """Refuse a training time that cannot be read, or holds no step.

    Raises
    ------
    InputError
        If so.
    """
    if _steps(training, step) < 1:
        raise InputError(
            f"training={training!r} is shorter than step={step!r}; give a training time of many steps, for instance "
            "training='182D' and step='7D'."
        )


def _steps(training: Any, step: Any) -> int:
    return int((span(training, "training").nominal_days + 1e-9) // span(step, "step").nominal_days)


def past_windows(anchor: np.datetime64, training: str, step: str, tz: str) -> Windows:
    """Cut the time before an anchor into windows that end at it, each forecast from its own start.

    Parameters
    ----------
    anchor : datetime64
        UTC.
    training, step : str
        Length of the whole, and of each window. Whole days and weeks are civil.
    tz : str

    Examples
    --------
    >>> past_windows(np.datetime64("2018-05-05", "ns"), "14D", "7D", "UTC")
    <Windows: 2, starting 2018-04-21 00:00 to 2018-04-28 00:00 in UTC>
    """
    each, number = span(step, "step"), np.arange(_steps(training, step), -1, -1)
    if each.days:
        wall = to_wall(np.array([anchor], dtype="datetime64[ns]"), tz) - number * np.timedelta64(each.days, "D")
        edges = localise(wall, tz).utc
        edges[-1] = anchor  # of an hour that occurs twice, the one that is meant
    else:
        edges = anchor - number * each.elapsed
    edges = edges.astype("datetime64[ns]")
    return Windows(edges[:-1].copy(), edges[1:].copy(), edges[:-1].copy(), tz)


def rehearse(events: Events, grid: Grid, anchor: np.datetime64, training: str, step: str) -> Rehearsal:
    """Find the past windows that can be rehearsed, and the crimes of them that are known at the anchor.

    A window needs to be observed as a whole and to have observed time before it: a training time that is longer than
    the data uses what there is.

    Raises
    ------
    InputError
        If there is no such window, or the data cannot tell windows of this length apart.
    """
    past = events.known_at(anchor)
    windows = past_windows(anchor, training, step, events.tz)
    usable = observation.covered(past.observed, windows.start, windows.end)
    for first, last in past.suspect:
        usable &= (windows.start >= last) | (windows.end <= first)
    if past.observed:
        usable &= windows.start > past.observed[0][0]
    if not usable.any():
        edge = Windows(np.array([anchor]), np.array([anchor]), np.array([anchor]), events.tz)
        seen = observation.describe(past.observed, events.tz) if past.observed else "not at all before it"
        raise InputError(
            f"There is nothing to learn from: in the {training} before {name_windows(edge, slice(None))} no window of "
            f"{step} is observed as a whole with observed time before it (crimes were observed {seen}). Start the "
            "schedule later, or use a shorter step."
        )
    windows = windows[usable]
    refuse_finer_than_data(past, windows)
    scene, cells = make_scene(grid), grid.cells_of(past)
    seen_in = occurrences(past, windows)
    inside = cells[seen_in.event] >= 0
    place = scene.position[cells[seen_in.event][inside]]
    key, entry = np.unique(seen_in.window[inside] * len(scene.cells) + place, return_inverse=True)
    return Rehearsal(
        past=past,
        grid=grid,
        scene=scene,
        anchor=anchor,
        windows=windows,
        window=key // len(scene.cells),
        cell=key % len(scene.cells),
        crimes=np.bincount(entry, seen_in.weight[inside], minlength=len(key)).astype(np.float64),
    )


def perform(forecasters: Sequence[Any], rehearsal: Rehearsal, look: Look) -> list[str]:
    """Let forecasters forecast every past window, and look at each surface.

    Each window is looked at through the first forecaster before the others. Of these, those come first that must be
    fitted window by window, then those that slide from each window to the next, at last those with a faster way of
    their own.

    Returns
    -------
    list of str, one per window
        Why a window cannot be used, since one of the forecasters has no forecast for it; blank where all have.

    Raises
    ------
    InputError
        If no window is left.
    """
    windows, past = rehearsal.windows, rehearsal.past
    reasons = [""] * len(windows)
    quick = [number for number, forecaster in enumerate(forecasters) if has_own_way(forecaster)]
    slides = {
        number: found
        for number, forecaster in enumerate(forecasters)
        if (found := in_turn(forecaster, past, rehearsal.grid, windows)) is not None
    }
    slow = [number for number in range(len(forecasters)) if number not in quick and number not in slides]

    def slide(some: Iterable[int]) -> None:
        for number in some:
            found = slides[number]
            for position, (surface, reason) in enumerate(zip(found.values, reasons, strict=True)):
                if not reason:
                    look(number, position, surface.reshape(-1)[rehearsal.scene.cells], found.kind)

    # The first of all is looked at before the others: they may be judged by it.
    slide(number for number in slides if number == 0)
    for position in range(len(windows)):
        known = past.known_at(windows.until[position])
        for number in slow:
            reasons[position] = _night(forecasters[number], number, known, rehearsal, position, look)
            if reasons[position]:
                break
    slide(number for number in slides if number > 0)
    at_once = max(1, MOST_AT_ONCE // rehearsal.grid.mask.size)
    for number in quick:
        left = [position for position, reason in enumerate(reasons) if not reason]
        for start in range(0, len(left), at_once):
            some = left[start : start + at_once]
            try:
                risk = check_surface(forecasters[number].forecast(past, rehearsal.grid, windows[some]), rehearsal.grid)
            except PredPolError:
                for position in some:
                    known = past.known_at(windows.until[position])
                    reasons[position] = _night(forecasters[number], number, known, rehearsal, position, look)
            else:
                values = risk.to_numpy().reshape(len(some), -1)[:, rehearsal.scene.cells]
                for position, row in zip(some, values, strict=True):
                    look(number, position, row, str(risk.attrs["kind"]))
    if all(reasons):
        raise InputError(
            f"There is nothing to learn from: none of the {len(windows)} past windows starting "
            f"{name_windows(windows, slice(None), 2)} can be forecast by all. The first: {reasons[0]}"
        )
    return reasons


def _night(forecaster: Any, number: int, known: Events, rehearsal: Rehearsal, position: int, look: Look) -> str:
    """Fit and look at one surface; why not, if the forecaster refuses."""
    window = rehearsal.windows[position]
    try:
        fitted = forecaster.fit(known, rehearsal.grid, until=window.until[0])
        values, kind = values_of(fitted, rehearsal.grid, window)
    except PredPolError as refusal:
        return f"{type(forecaster).__name__} refused: {refusal}"
    look(number, position, values.reshape(-1)[rehearsal.scene.cells], kind)
    return ""
