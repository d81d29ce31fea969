"""Weights of a recent crime by band of distance and of age: read, checked, and taken from a Knox table."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from predpol_eval.civil_time import span
from predpol_eval.errors import InputError, refuse_other_type

if TYPE_CHECKING:
    import xarray as xr

Edges = tuple[float, ...]
Weights = tuple[tuple[float, ...], ...]
Ratio = Literal["mean", "median"]
# Metres: a first band no wider than this holds crimes on one and the same place.
SAME_PLACE = 1.0


def read_edges(edges: Any, name: str, example: str) -> Edges:
    """Rising finite edges as floats; texts such as ``"7D"`` are days.

    Raises
    ------
    InputError
        If there are fewer than two, or they do not rise from 0 or more.

    Examples
    --------
    >>> read_edges([0, "1W"], "time_bands", "(0, 7)")
    (0.0, 7.0)
    """
    told = f"give rising edges, for instance {name}={example}."
    if isinstance(edges, str) or not isinstance(edges, Iterable):
        raise InputError(f"{name}={edges!r}; {told}")
    read = []
    for edge in edges:
        value = span(edge, f"an edge of {name}", zero=True).nominal_days if isinstance(edge, str) else edge
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise InputError(f"{name} has the edge {edge!r}, which is not a finite number; {told}")
        read.append(float(value))
    if len(read) < 2 or read[0] < 0 or any(high <= low for low, high in pairwise(read)):
        raise InputError(f"{name}={tuple(read)} does not rise from 0 or more over at least one band; {told}")
    return tuple(read)


def read_weights(weights: Any, space: Edges, time: Edges) -> Weights:
    """One row of weights for each band of distance, one number for each band of age.

    Raises
    ------
    InputError
        If the shape differs, or a weight is negative or not finite.
    """
    shape = (len(space) - 1, len(time) - 1)
    try:
        numbers = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"weights={weights!r} are not rows of numbers ({error}).") from error
    if numbers.shape != shape:
        raise InputError(
            f"weights have the shape {numbers.shape}, but there are {shape[0]} bands of distance and {shape[1]} of "
            "age; give one row per band of distance with one number per band of age."
        )
    bad = ~(np.isfinite(numbers) & (numbers >= 0))
    if bad.any():
        where = ", ".join(str((int(s), int(t))) for s, t in np.argwhere(bad)[:5])
        raise InputError(f"weights are negative or not finite at (distance, age) {where}, counted from 0.")
    return tuple(tuple(float(number) for number in row) for row in numbers)


def same_place(space: Edges) -> bool:
    """Whether the first band holds nothing but the place itself.

    Examples
    --------
    >>> same_place((0.0, 0.01, 200.0)), same_place((0.0, 200.0))
    (True, False)
    """
    return space[0] == 0 and space[1] <= SAME_PLACE


def excess_of(table: xr.Dataset, ratio: Ratio, alpha: float | None) -> tuple[Edges, Edges, Weights]:
    """Bands of a Knox table and how far its ratios are above 1; bands without end are left out.

    Raises
    ------
    InputError
        If the table is not one of `knox`, has no finite band, or no ratio is above 1.
    """
    import xarray as xr

    refuse_other_type(table, xr.Dataset, "give what ppe.knox(...) returned")
    needed = {"ratio", "ratio_median", "p_value", "space_from", "space_to", "time_from", "time_to"}
    missing = sorted(needed - set(table.variables))
    if missing or set(table["ratio"].dims) != {"space_band", "time_band"}:
        raise InputError(
            f"The table is not one of ppe.knox(...): it lacks {', '.join(missing) or 'its two dimensions'}. Give the "
            "whole Dataset."
        )
    if ratio not in ("mean", "median"):
        raise InputError(f"ratio={ratio!r}; choose 'mean' or 'median'.")
    if alpha is not None and not (isinstance(alpha, int | float) and 0 < alpha <= 1):
        raise InputError(
            f"alpha={alpha!r}; give a level above 0 and at most 1, for instance 0.05, or None for all bands."
        )
    finite = np.isfinite(table["space_to"]) & np.isfinite(table["time_to"])
    bounded = table.isel(
        space_band=np.flatnonzero(np.isfinite(table["space_to"])),
        time_band=np.flatnonzero(np.isfinite(table["time_to"])),
    )
    if not finite.any():
        raise InputError("All bands of the table are without end; a cocoon needs finite edges in metres and in days.")
    chosen = bounded["ratio" if ratio == "mean" else "ratio_median"].transpose("space_band", "time_band").to_numpy()
    # A ratio that is not defined (nothing expected) says nothing.
    excess = np.maximum(np.nan_to_num(chosen, nan=1.0) - 1.0, 0.0)
    if alpha is not None:
        excess = np.where(bounded["p_value"].transpose("space_band", "time_band").to_numpy() <= alpha, excess, 0.0)
    if not (excess > 0).any():
        significant = "" if alpha is None else f" with p at most {alpha:g}"
        raise InputError(
            f"No band of the table has more pairs than chance would give{significant}: there is no near-repeat pattern "
            "to make a forecast of. Take finer bands or more crimes, or a forecaster that needs none, such as "
            "ppe.CountMap()."
        )
    space, time = (
        (float(bounded[f"{name}_from"][0]), *(float(edge) for edge in bounded[f"{name}_to"]))
        for name in ("space", "time")
    )
    return space, time, tuple(tuple(float(number) for number in row) for row in excess)
