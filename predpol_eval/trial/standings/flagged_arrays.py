"""What was flagged and what happened, night by night, kind by kind and cell by cell, as arrays that fit each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def laid_out(
    parts: Mapping[tuple[str, str], npt.ArrayLike], nights: Sequence[str], kinds: Sequence[str], cells: int
) -> FloatArray:
    """Lay out shares, ranks or crimes given by night and kind; what is not given is NaN.

    Parameters
    ----------
    parts : mapping
        From the name of a night and a kind to one number for each cell.
    nights : sequence of str
        All nights of the trial, in order.
    kinds : sequence of str
    cells : int

    Returns
    -------
    array of float, shape (nights, kinds, cells)

    Raises
    ------
    InputError
        If a night, a kind or a number of cells is another.

    Examples
    --------
    >>> laid_out({("2018-07-02", "burglary"): [1, 0]}, ["2018-07-01", "2018-07-02"], ["burglary"], 2).tolist()
    [[[nan, nan]], [[1.0, 0.0]]]
    """
    night_of = {name: place for place, name in enumerate(nights)}
    kind_of = {name: place for place, name in enumerate(kinds)}
    made = np.full((len(nights), len(kinds), cells), np.nan)
    for (night, kind), values in parts.items():
        if night not in night_of or kind not in kind_of:
            raise InputError(f"There is no night {night!r} with the kind {kind!r} among those asked for.")
        row = np.asarray(values, dtype=np.float64)
        if row.shape != (cells,):
            raise InputError(
                f"{night}, {kind}: found shape {row.shape}, expected one number for each of {cells} cells."
            )
        made[night_of[night], kind_of[kind]] = row
    return made


def check_arrays(flagged: Any, crimes: Any, name: str = "flagged") -> tuple[FloatArray, FloatArray]:
    """Arrays of shares and of counts, of one shape.

    Raises
    ------
    InputError
        If their shapes differ, or one holds what is no share, or no count; NaN is allowed.
    """
    try:
        shares, counts = np.asarray(flagged, dtype=np.float64), np.asarray(crimes, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} or crimes hold something that is no number; give arrays of numbers.") from None
    if shares.ndim != 3 or shares.shape != counts.shape:
        raise InputError(
            f"{name} has shape {shares.shape}, crimes {counts.shape}; expected (nights, kinds, cells) for both, one "
            "row for every night of the trial."
        )
    wrong = int(((shares < 0) | (shares > 1 + 1e-9)).sum())
    if wrong:
        raise InputError(f"{name}: {wrong:,} numbers are no share of a cell, from 0 to 1; give what part is flagged.")
    odd = int(((counts < 0) | np.isinf(counts)).sum())
    if odd:
        raise InputError(f"crimes: {odd:,} numbers are no count; give crimes, 0 or more, and NaN where none is known.")
    return shares, counts


def check_areas(areas: Any, cells: int) -> IntArray:
    """Codes of the areas of cells.

    Raises
    ------
    InputError
        If they are not one whole number for each cell.
    """
    codes = np.asarray(areas)
    if codes.shape != (cells,) or codes.dtype.kind not in "iu":
        raise InputError(
            f"areas has shape {codes.shape} and type {codes.dtype}; give one whole number for each of the {cells:,} "
            "cells, below 0 for a cell of no area."
        )
    return codes.astype(np.int64)
