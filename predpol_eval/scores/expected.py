"""What every score and test of a surface reads: its expected counts beside the crimes, in cells of the study area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray
from predpol_eval.counts import Judged, TimeRule, judged
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]


class Expected(NamedTuple):
    """Expected counts (..., window, cell) and recorded crimes (window, cell), cells of the study area only."""

    both: Judged
    rates: FloatArray
    crimes: FloatArray
    hit: FloatArray

    @property
    def leading(self) -> tuple[Any, ...]:
        """Dimensions before (window, y, x)."""
        return self.both.surface.dims[:-3]

    @property
    def leading_coords(self) -> dict[Any, Any]:
        """Coordinates of the leading dimensions."""
        surface = self.both.surface
        return {dim: surface[dim] for dim in self.leading if dim in surface.coords}


def read_expected(
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    grid: Grid | None,
    method: TimeRule,
    *,
    lacks: str,
    floor: float | None = None,
) -> Expected:
    """Put expected and recorded crimes side by side, if the surface is one of expected counts.

    Parameters
    ----------
    risk, observed, grid, method
        As for `poisson_log_score`.
    lacks : str
        What a score or flags cannot have, for the message: ``"log score"``.
    floor : float, optional
        What every cell expects at least.

    Raises
    ------
    InputError
        If the surface is a score or flags, or surface or counts are not usable.
    NotComparableError
        If grids or windows differ.
    """
    kind = getattr(risk, "attrs", {}).get("kind")
    if kind in ("score", "flags"):
        raise InputError(
            f"A surface of kind {kind!r} does not say how many crimes it expects, so it has no {lacks}; use the "
            "ratios of its tally (ppe.tally), or give expected counts (kind='expected_count')."
        )
    both = judged(risk, observed, grid, method)
    mask = both.grid.mask.ravel()
    values = both.surface.to_numpy().astype(np.float64)
    # In one order of memory, so that the same cells sum to the same digits whatever stands beside them.
    rates = np.ascontiguousarray(values.reshape(*values.shape[:-2], mask.size)[..., mask])
    if floor is not None:
        rates = np.maximum(rates, floor)
    return Expected(both, rates, both.crimes[:, mask], both.hit[:, mask])


def total_of(values: FloatArray) -> FloatArray:
    """Sum over windows and cells, the last two axes."""
    return np.asarray(values.reshape(*values.shape[:-2], -1).sum(axis=-1))


def refuse_fractions(found: Expected, what: str) -> None:
    """Refuse crimes that are spread over several windows, where whole ones are needed.

    Raises
    ------
    InputError
        If a cell had a fraction of a crime, or pieces of several that add up to a whole number.
    """
    spread = np.abs(found.crimes - np.rint(found.crimes)) > 1e-9
    spread |= (found.hit > 1e-9) & (found.hit < 1 - 1e-9)
    if spread.any():
        raise InputError(
            f"{int(spread.sum()):,} cells of a window hold fractions of crimes, whose time is uncertain; {what} counts "
            "whole crimes. Give every crime one moment: pass Events with method='midpoint' (or 'start', 'end'), leave "
            "the uncertain ones out (method='exclude'), or count again with ppe.count(..., method='midpoint')."
        )


def refuse_overlap(found: Expected, what: str) -> None:
    """Refuse windows that overlap, in which one crime would count as several.

    Raises
    ------
    InputError
        If a window begins before another has ended.
    """
    windows = found.both.windows
    refuse_overlapping(windows.start, windows.end, what, "risk")


def refuse_overlapping(start: TimeArray, end: TimeArray, what: str, data: str) -> None:
    """Refuse windows that overlap.

    Parameters
    ----------
    start, end : array of datetime64, shape (windows,)
    what : str
        What would count a crime as several, for the message.
    data : str
        What to select from: ``"risk"`` or ``"tally"``.

    Raises
    ------
    InputError
        If a window begins before another has ended.
    """
    order = np.argsort(start, kind="stable")
    early = int((start[order][1:] < end[order][:-1]).sum())
    if early:
        raise InputError(
            f"{early} of {len(order)} windows begin before the one before has ended, so that {what} would count the "
            "same crime more than once; take windows that do not overlap, for instance every second one: "
            f"{data}.isel(window=slice(None, None, 2))."
        )


def floor_told(floor: float | None) -> float | str:
    """Say the floor in attrs, which hold no None."""
    return "none" if floor is None else floor


def explain(found: Expected, values: Any, name: str, **attrs: Any) -> xr.DataArray:
    """Give numbers over the leading dimensions their names and what they mean."""
    import xarray as xr

    return xr.DataArray(
        values,
        dims=found.leading,
        coords=found.leading_coords,
        name=name,
        attrs={
            "better": "higher",
            **attrs,
            "outside": float(found.both.outside.sum()),
        },
    )
