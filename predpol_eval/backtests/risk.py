"""Where a night's risk comes from: a fit of its own, or a faster way through a whole block that is held to it."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.backtests.hearing import ears
from predpol_eval.errors import InputError, PredPolError
from predpol_eval.events import Events
from predpol_eval.fingerprints import fingerprint_of
from predpol_eval.flagging import Scene
from predpol_eval.forecasters.base import describe
from predpol_eval.forecasters.many_nights import has_own_way, surfaces
from predpol_eval.forecasters.sliding import InTurn, in_turn, slides
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows, name_windows
from predpol_eval.surface import check_surface

FloatArray = npt.NDArray[np.float64]
# Share of the blocks, or of the stretches of nights, of which one night is made again by the plain loop.
CHECKED_SHARE = 0.2
# Sums in another order differ in the last digits; relative to the highest risk of the night.
TOLERANCE = 1e-9


class Risk(NamedTuple):
    """Risk of every cell of the study area, in the order of a scene, and the kind of the surface.

    `warned` has the warnings heard while a block was forecast: which of its nights each is about is not known.
    """

    values: FloatArray
    kind: str
    warned: tuple[str, ...] = ()


def night_risk(forecaster: Any, events: Events, grid: Grid, window: Windows, scene: Scene) -> Risk:
    """Risk of one night, shape (cells,), from what was known at its `until` and nothing else.

    Raises
    ------
    InputError
        If the surface is of another window; and whatever the forecaster raises.
    """
    until = window.until[0]
    fitted = forecaster.fit(events.known_at(until), grid, until=until)
    risk = check_surface(fitted.predict(window), grid)
    _refuse_other_windows(risk, window)
    values = risk.to_numpy().reshape(-1)[scene.cells]
    return Risk(np.ascontiguousarray(values, dtype=np.float64), str(risk.attrs["kind"]))


def block_risk(forecaster: Any, events: Events, grid: Grid, windows: Windows, scene: Scene) -> Risk | None:
    """Risk of a whole block, shape (nights, cells), by the forecaster's own faster way.

    Returns
    -------
    Risk or None
        None where every night must be fitted by itself: the forecaster has no way that may be trusted, or a night
        failed, so that it must be found out which.

    Raises
    ------
    PredPolError
        If one night, drawn by the block's content, comes out otherwise when it is fitted by itself.
    """
    if len(windows) < 2 or not has_own_way(forecaster):
        return None
    with ears.listen() as heard:
        try:
            risk = check_surface(surfaces(forecaster, events, grid, windows), grid)
            _refuse_other_windows(risk, windows)
        except (Exception, SystemExit) as error:  # the plain loop finds out which night it is
            if interrupted(error):
                raise KeyboardInterrupt from error
            return None
    values = risk.to_numpy().reshape(len(windows), -1)[:, scene.cells]
    found = Risk(np.ascontiguousarray(values, dtype=np.float64), str(risk.attrs["kind"]), tuple(heard))
    night = drawn_night(forecaster, events, windows)
    if night is not None:
        _refuse_disagreement(found.values[night], found.kind, forecaster, events, grid, windows[night], scene)
    return found


class Sliding:
    """Surfaces of a stretch of nights, one after the other, where a forecaster slides from each to the next.

    Parameters
    ----------
    forecaster : Forecaster
    events : Events
    grid : Grid
    windows : Windows
    scene : Scene
    """

    def __init__(self, forecaster: Any, events: Events, grid: Grid, windows: Windows, scene: Scene) -> None:
        self._plain = forecaster, events, grid, windows, scene
        self._whole = len(scene.cells) == grid.mask.size
        self._next = 0
        self._turn: InTurn | None = None
        self._drawn: int | None = None
        if len(windows) > 1 and slides(forecaster):
            with contextlib.suppress(PredPolError):  # the plain loop says it, night by night
                self._turn = in_turn(forecaster, events, grid, windows)
            self._drawn = None if self._turn is None else drawn_night(forecaster, events, windows)

    @property
    def kind(self) -> str:
        """Kind of the surfaces."""
        return "" if self._turn is None else self._turn.kind

    def at(self, night: int) -> FloatArray | None:
        """Risk of every cell on one of the nights, in the order of the scene; nights are asked for in order.

        Returns
        -------
        array of float or None
            None where the nights have to be fitted one by one.

        Raises
        ------
        PredPolError
            If the night that was drawn comes out otherwise when it is fitted by itself.
        """
        scene = self._plain[-1]
        while self._turn is not None:
            here, self._next = self._next, self._next + 1
            try:
                risk = next(self._turn.values)
            except Exception as error:  # the plain loop finds out which night it is
                if interrupted(error):
                    raise KeyboardInterrupt from error
                self._turn = None
                break
            if here < night:
                continue
            flat = risk.reshape(-1)
            values = np.ascontiguousarray(flat, dtype=np.float64) if self._whole else np.take(flat, scene.cells)
            # Sums of weights above 0: one pass tells whether a number is missing or infinite.
            if not np.isfinite(values.sum()):
                self._turn = None
                break
            if night == self._drawn:
                forecaster, events, grid, windows, _ = self._plain
                _refuse_disagreement(values, self.kind, forecaster, events, grid, windows[night], scene)
            return values
        return None


def drawn_night(forecaster: Any, events: Events, windows: Windows) -> int | None:
    """Which night of a block is made again, if any: the same whoever works on the block, and in whatever order."""
    content = fingerprint_of(type(forecaster).__name__, len(events), windows.start, windows.end, windows.until)
    rng = np.random.default_rng(int(content[:16], 16))
    return int(rng.integers(len(windows))) if rng.random() < CHECKED_SHARE else None


def interrupted(error: BaseException | None) -> bool:
    """Whether an error hides that somebody pressed Ctrl-C: compiled code turns that into a SystemError."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _refuse_other_windows(risk: Any, windows: Windows) -> None:
    predicted = Windows.from_coords(risk)
    if (
        risk.ndim != 3
        or len(predicted) != len(windows)
        or (predicted.start != windows.start).any()
        or (predicted.end != windows.end).any()
    ):
        raise InputError(
            f"The forecaster predicted other windows than the one asked for: dimensions {risk.dims}, windows "
            f"{predicted!r}; predict(windows) must return exactly those windows."
        )


def _refuse_disagreement(
    values: FloatArray, kind: str, forecaster: Any, events: Events, grid: Grid, window: Windows, scene: Scene
) -> None:
    where = f"{describe(forecaster)}, night {name_windows(window, slice(None))}"
    with ears.listen():
        try:
            alone = night_risk(forecaster, events, grid, window, scene)
        except (Exception, SystemExit) as error:
            if interrupted(error):
                raise KeyboardInterrupt from error
            raise PredPolError(
                f"{where}: forecast with its block of nights, but not by itself ({type(error).__name__}: {error}). "
                f"The two ways must agree, so the run is stopped. {_REMEDY}"
            ) from error
    gap = float(np.abs(values - alone.values).max(initial=0.0))
    peak = float(np.abs(alone.values).max(initial=0.0))
    if alone.kind != kind or not gap <= TOLERANCE * peak:
        raise PredPolError(
            f"{where}: forecast with its block of nights it differs from the same night forecast by itself, by up to "
            f"{gap:.3g} where the highest risk is {peak:.3g} (kinds {kind!r} and {alone.kind!r}). The two ways "
            f"must agree, so the run is stopped. {_REMEDY}"
        )


_REMEDY = "Report this as an error of the library; until it is mended, leave the forecaster out."
