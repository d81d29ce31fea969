"""What a map shows of each box: how often it was flagged, and about how many crimes were recorded in it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from predpol_eval.trial.findings.flagged import FlaggedNights

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Fewer crimes than this in a box, over all nights and kinds, are not told apart: one crime could be somebody's.
LEAST = 3
# Where the classes of crimes begin. Each is at least as wide as the first, and the last has no end, so that the most
# is not told either.
CLASSES = (LEAST, 6, 11, 21, 51, 101)


def flagged_share(flagged: FlaggedNights, submitter: str) -> tuple[FloatArray, int]:
    """How often each box was flagged for any kind.

    Parameters
    ----------
    flagged : FlaggedNights
    submitter : str

    Returns
    -------
    share : array of float, shape (cells,)
        Of the nights that count; of a box flagged in part, the largest part for any kind.
    nights : int
        How many count; 0 gives zeros.
    """
    shares = flagged.shares.get(submitter)
    if shares is None or not shares.size:
        return np.zeros(len(flagged.cells)), 0
    counts = np.isfinite(shares).any(axis=(1, 2))
    nights = int(counts.sum())
    if not nights:
        return np.zeros(len(flagged.cells)), 0
    return np.nan_to_num(shares[counts], nan=0.0).max(axis=1).mean(axis=0), nights


def crimes_by_box(flagged: FlaggedNights) -> tuple[FloatArray, int]:
    """Crimes recorded in each box on all nights that count, of all kinds; and how many nights that are."""
    if not flagged.crimes.size:
        return np.zeros(len(flagged.cells)), 0
    return np.nansum(flagged.crimes, axis=(0, 1)), int(np.isfinite(flagged.crimes).any(axis=(1, 2)).sum())


def crime_class(crimes: FloatArray) -> IntArray:
    """Class of a number of crimes: 0 none, 1 under `LEAST`, and so on.

    Examples
    --------
    >>> crime_class(np.array([0, 0.4, 1, 2, 3, 5, 6, 400])).tolist()
    [0, 1, 1, 1, 2, 2, 3, 7]
    """
    # Sums of shares of a crime that is spread over several hours may be a hair under a whole.
    rounded = np.round(np.asarray(crimes, dtype=np.float64), 6)
    return np.asarray(np.where(rounded > 0, 1 + np.digitize(rounded, CLASSES), 0), dtype=np.int64)


def class_names(whole: bool) -> list[str]:
    """Names of the classes, from none on.

    Parameters
    ----------
    whole : bool
        Whether crimes are whole numbers; else those of uncertain time count in parts.

    Examples
    --------
    >>> class_names(True)
    ['none', '1 to 2', '3 to 5', '6 to 10', '11 to 20', '21 to 50', '51 to 100', '101 or more']
    >>> class_names(False)[:3]
    ['none', 'under 3', '3 to under 6']
    """
    if whole:
        inner = [f"{low} to {high - 1}" for low, high in pairwise(CLASSES)]
        return ["none", f"1 to {LEAST - 1}", *inner, f"{CLASSES[-1]} or more"]
    inner = [f"{low} to under {high}" for low, high in pairwise(CLASSES)]
    return ["none", f"under {LEAST}", *inner, f"{CLASSES[-1]} or more"]


def scale_top(most: float) -> float:
    """Where the scale of shares ends: a round number not below the most.

    Examples
    --------
    >>> [scale_top(share) for share in (0.0, 0.07, 0.23, 0.6)]
    [0.05, 0.1, 0.5, 1.0]
    """
    return next((top for top in (0.05, 0.1, 0.2, 0.5) if most <= top + 1e-9), 1.0)
