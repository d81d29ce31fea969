"""What every check is handed: the forecaster, and crimes to try it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import PredPolError
from predpol_eval.events import Events
from predpol_eval.forecasters.external import External
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

FloatArray = npt.NDArray[np.float64]
Result = TypeVar("Result")
# Sums in another order differ in the last digits; a leak of one crime does not hide below this.
TOLERANCE = 1e-9


class RuleBrokenError(Exception):
    """The forecaster does not keep the rule of a check."""


class NotApplicableError(Exception):
    """A check has nothing to say about this forecaster."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Case:
    """A forecaster, and the crimes, grid and windows to try it on.

    Whatever the forecaster raises becomes `RuleBrokenError`; any other exception is the check's own fault.
    """

    forecaster: Any
    events: Events
    grid: Grid
    windows: Windows
    seed: int

    @property
    def until(self) -> np.datetime64:
        """The moment from which all windows are forecast."""
        moment: np.datetime64 = self.windows.until[0]
        return moment

    @property
    def replays(self) -> bool:
        """Whether the forecaster only hands out surfaces made before."""
        return isinstance(self.forecaster, External)

    def rng(self) -> np.random.Generator:
        """A fresh generator, the same for every check."""
        return np.random.default_rng([self.seed, 7])

    def skip_replays(self, why: str) -> None:
        """Leave out what cannot be asked of surfaces made before."""
        if self.replays:
            raise NotApplicableError(f"surfaces made before are {why}")

    def fit(
        self, events: Events | None = None, grid: Grid | None = None, until: Any = None, forecaster: Any = None
    ) -> Any:
        """Fit, by default to all the crimes at `until`."""
        chosen = self.forecaster if forecaster is None else forecaster
        crimes, ground = (self.events if events is None else events), (self.grid if grid is None else grid)
        return called("fit", lambda: chosen.fit(crimes, ground, until=self.until if until is None else until))

    def predict(self, fitted: Any, windows: Windows | None = None) -> xr.DataArray:
        """Predict, by default all windows."""
        # A copy, so that one that changes it is found out by the check of that, and by no other.
        chosen = (self.windows if windows is None else windows)[:]
        surface: xr.DataArray = called("predict", lambda: fitted.predict(chosen))
        return surface

    def values(
        self,
        events: Events | None = None,
        grid: Grid | None = None,
        until: Any = None,
        windows: Windows | None = None,
        forecaster: Any = None,
    ) -> FloatArray:
        """Numbers of a fit and its prediction, shape (window, y, x)."""
        return numbers(self.predict(self.fit(events, grid, until, forecaster), windows))

    def attempt(
        self, events: Events, grid: Grid | None = None, until: Any = None, windows: Windows | None = None
    ) -> xr.DataArray | PredPolError:
        """Surface or refusal of crimes that may be too odd to forecast from."""
        ground, moment = (self.grid if grid is None else grid), (self.until if until is None else until)
        try:
            fitted = self.forecaster.fit(events, ground, until=moment)
            surface: xr.DataArray = fitted.predict(self.windows if windows is None else windows)
        except PredPolError as refusal:
            if not str(refusal).strip():
                raise RuleBrokenError(
                    f"{type(refusal).__name__} was raised without a message; say what is wrong and what to do"
                ) from refusal
            return refusal
        except Exception as error:
            raise RuleBrokenError(
                f"{told(error)}; give a surface, or raise predpol_eval.InputError that says what is wrong"
            ) from error
        return surface


def called(what: str, call: Callable[[], Result]) -> Result:
    """Call the forecaster; what it raises is a broken rule with its reason."""
    try:
        return call()
    except Exception as error:
        raise RuleBrokenError(f"{what} raised {told(error)}") from error


def told(error: Exception) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text or '(no message)'}"


def numbers(surface: Any) -> FloatArray:
    """Numbers of a surface, shape (window, y, x)."""
    dims = getattr(surface, "dims", None)
    if dims is None or set(dims) != {"window", "y", "x"}:
        raise RuleBrokenError(
            f"predict gave {type(surface).__name__} with dimensions {dims}; expected an xarray.DataArray with "
            "(window, y, x)"
        )
    ordered = surface.transpose("window", "y", "x")
    return np.array(called("reading the surface", lambda: ordered.to_numpy().astype(np.float64)))


def same(found: FloatArray, expected: FloatArray, what: str, tolerance: float = 0.0) -> None:
    """Demand equal numbers: to the bit, or to a share of the largest."""
    if found.shape != expected.shape:
        raise RuleBrokenError(f"{what}: the surfaces have shapes {expected.shape} and {found.shape}")
    if np.array_equal(found, expected, equal_nan=True):
        return
    defined = np.isfinite(found) & np.isfinite(expected)
    alike = (np.isnan(found) & np.isnan(expected)) | (found == expected)
    gap = np.where(defined, np.abs(np.where(defined, found, 0) - np.where(defined, expected, 0)), 0.0)
    peak = max(float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) for values in (found, expected))
    wrong = np.where(defined, gap > tolerance * peak, ~alike)
    if wrong.any():
        window, row, column = (int(place[0]) for place in np.nonzero(wrong))
        raise RuleBrokenError(
            f"{what}: {int(wrong.sum())} of {wrong.size} numbers differ, by up to {gap.max():.3g} where the largest is "
            f"{peak:.3g}; the first in window {window}, row {row}, column {column}: "
            f"{expected[window, row, column]:.6g} became {found[window, row, column]:.6g}"
        )


def sound(surface: Any, grid: Grid) -> None:
    """Demand a finite number in every cell of the study area, and none outside."""
    values = numbers(surface)
    if values.shape[1:] != grid.shape:
        raise RuleBrokenError(f"the surface has {values.shape[1:]} rows and columns, the grid {grid.shape}")
    finite(values, grid)
    empty(values, grid)


def finite(values: FloatArray, grid: Grid) -> None:
    """Demand a finite number in every cell of the study area."""
    missing = ~np.isfinite(values[:, grid.mask])
    if missing.any():
        raise RuleBrokenError(
            f"{int(missing.sum())} of {missing.size} numbers inside the study area are missing or infinite; give 0 "
            "where there is no risk, or raise predpol_eval.InputError that says why there is no forecast"
        )


def empty(values: FloatArray, grid: Grid) -> None:
    """Demand NaN in every cell outside the study area."""
    there = ~np.isnan(values[:, ~grid.mask])
    if there.any():
        raise RuleBrokenError(
            f"{int(there.sum())} of {there.size} numbers outside the study area are not NaN; use "
            "predpol_eval.make_surface"
        )


def rebuilt(events: Events, frame: pd.DataFrame, observed: Any = None) -> Events:
    """Events of changed columns, in the form of `Events.frame`."""
    return Events.from_frame(
        frame,
        happened="happened",
        recorded="recorded" if "recorded" in frame else None,
        happened_until="happened_until" if "happened_until" in frame else None,
        kind="kind",
        id="id",
        crs=events.crs,
        tz=events.tz,
        observed=list(events.observed if observed is None else observed),
        resolution=events.resolution,
    )
