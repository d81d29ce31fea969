"""Another forecaster's forecast as a number for the regression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.forecasters.base import check_positive, known
from predpol_eval.forecasters.features.asked import Answer, Asked, FloatArray
from predpol_eval.schedule import Windows
from predpol_eval.surface import check_surface

# Windows forecast at once: enough to gain from a forecaster's own way with many, little enough memory.
_AT_ONCE = 28
# Below what any cell expects, in crimes per day and whole cell.
_FLOOR = 1e-5


@dataclass(frozen=True, slots=True)
class ForecastTerm:
    """The forecast of any other forecaster for the same cell and window, from what was known at the same moment.

    Of an expected count it is the rate per day and whole cell of ground; of a score, the score.

    Parameters
    ----------
    forecaster : Forecaster
        For instance ``ppe.KDE(bandwidth=300)``, ``ppe.NearRepeat()``, ``ppe.SelfExciting()``. It is fitted for every
        training window and every forecast; one with a fast ``forecast`` of its own is asked for many nights at once.
    scale : {"log", "level"}
        ``log``: ln(floor + value), so that a regression with a logarithmic link can reproduce the forecast.
    floor : float, optional
        By default 0.00001 of an expected count, 1 of a score.
    name : str, optional
        Name of the number; by default the class of the forecaster.

    Examples
    --------
    >>> from predpol_eval import KDE
    >>> ForecastTerm(KDE(bandwidth=300)).names
    ('KDE',)
    """

    forecaster: Any
    scale: Literal["log", "level"] = "log"
    floor: float | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.forecaster, type) or not callable(getattr(self.forecaster, "fit", None)):
            raise InputError(
                f"ForecastTerm({self.forecaster!r}): expected a forecaster with fit(events, grid, *, until), for "
                "instance ppe.ForecastTerm(ppe.KDE(bandwidth=300))."
            )
        if self.scale not in ("log", "level"):
            raise InputError(f"scale={self.scale!r}; choose 'log' or 'level'.")
        if self.floor is not None:
            check_positive(self.floor, "floor", "a small number, for instance 1e-5")

    @property
    def names(self) -> tuple[str, ...]:
        """Name of the number."""
        return (self.name or type(self.forecaster).__name__,)

    @property
    def daily(self) -> bool:
        """A forecast may differ from day to day."""
        return True

    def answers(self, asked: Asked) -> Iterator[Answer]:
        """The forecast of each window, or why the forecaster refused it."""
        ground = asked.ground.ravel()
        for begin in range(0, len(asked.windows), _AT_ONCE):
            chunk = asked.windows[begin : begin + _AT_ONCE]
            for position, found in enumerate(self._forecasts(asked, chunk)):
                if isinstance(found, InputError):
                    yield found
                    continue
                values, kind = found
                cells = asked.cells[begin + position]
                here = values.ravel()[cells]
                if kind == "expected_count":
                    here = here / chunk.days[position] / ground[cells]
                floor = self.floor or (_FLOOR if kind == "expected_count" else 1.0)
                yield (self._logged(here, floor) if self.scale == "log" else here)[None]

    def _logged(self, values: FloatArray, floor: float) -> FloatArray:
        low = float(values.min(initial=0.0))
        if low + floor <= 0:
            raise InputError(
                f"{self.forecaster!r} gives {low:.6g} somewhere, of which there is no logarithm; use "
                "ForecastTerm(..., scale='level')."
            )
        return np.asarray(np.log(floor + values))

    def _forecasts(self, asked: Asked, windows: Windows) -> list[tuple[FloatArray, str] | InputError]:
        ours = type(self.forecaster).__module__.startswith("predpol_eval.")
        quick = getattr(self.forecaster, "forecast", None) if ours and asked.lookback is None else None
        if quick is not None:
            try:
                risk = check_surface(quick(asked.events, asked.grid, windows), asked.grid)
            except InputError:
                pass  # of some window; the loop says of which
            else:
                return [(layer, str(risk.attrs["kind"])) for layer in risk.to_numpy()]
        return [self._alone(asked, window) for window in windows]

    def _alone(self, asked: Asked, window: Windows) -> tuple[FloatArray, str] | InputError:
        until = window.until[0]
        try:
            crimes = asked.events.known_at(until)
            if asked.lookback is not None:
                past = known(asked.events, asked.grid, until, asked.lookback)
                crimes = replace(past.events, observed=past.periods)
            risk = check_surface(self.forecaster.fit(crimes, asked.grid, until=until).predict(window), asked.grid)
        except InputError as refusal:
            return refusal
        return risk.to_numpy()[0], str(risk.attrs["kind"])
