"""All pairs of crimes that are close in space: found once, whatever the times are."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.near_repeats.bands import Bands
from predpol_eval.projection import FloatArray

METRICS = ("euclidean", "manhattan")
# 4 bytes each: 1 GB.
MOST_PAIRS = 250_000_000


class ClosePairs(NamedTuple):
    """Pairs by band of distance; crimes in an order in which neighbours stand together.

    Attributes
    ----------
    order : array of int, shape (n,)
        The crime at each place of that order.
    first : array of int64, shape (b, n + 1)
        Where the later partners of each crime begin, by band, and where those of the band end.
    other : array of int32
        Those partners, as places in the order.
    """

    order: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    other: npt.NDArray[np.int32]

    @property
    def number(self) -> npt.NDArray[np.int64]:
        """Pairs of each band."""
        return np.asarray(self.first[:, -1] - self.first[:, 0])


def close_pairs(x: FloatArray, y: FloatArray, bands: Bands, metric: str) -> ClosePairs:
    """Find the pairs closer than the last finite edge, each once, on whole millimetres.

    Parameters
    ----------
    x, y : array of float, shape (n,)
        Metres.
    bands : Bands
        Where the first does not begin at 0, the pairs closer than it are a band of their own before it.
    metric : {"euclidean", "manhattan"}

    Raises
    ------
    InputError
        If there are more than can be held.
    """
    from predpol_eval.kernels import knox as kernel

    manhattan = metric == "manhattan"
    limits = bands.limits(1000, 1 if manhattan else 2)
    if not limits:
        nothing = np.zeros((0, len(x) + 1), dtype=np.int64)
        return ClosePairs(np.arange(len(x)), nothing, np.zeros(0, dtype=np.int32))
    reach = math.ceil(bands.finite[-1] * 1000)
    east, north = (np.rint(part * 1000).astype(np.int64) for part in (x, y))
    column = east // reach
    order = np.lexsort((east, north, column))
    east, north, column = east[order], north[order], column[order]
    # Crimes on one place follow each other: distances are taken between places only.
    fresh = np.flatnonzero(np.r_[True, (np.diff(east) != 0) | (np.diff(north) != 0)])
    crimes = np.diff(np.r_[fresh, len(x)])
    names, begins = np.unique(column[fresh], return_index=True)
    beside = np.searchsorted(names, names + 1)
    has_neighbour = names[np.minimum(beside, len(names) - 1)] == names + 1
    places = (
        east[fresh], north[fresh], crimes, np.r_[begins, len(fresh)], np.where(has_neighbour, beside, -1), reach,
        np.array(limits), kernel.MANHATTAN if manhattan else kernel.EUCLIDEAN,
    )  # fmt: skip
    by_place = kernel.count_close(*places)
    on_place = int((crimes * (crimes - 1) // 2).sum())
    total = int(by_place @ crimes @ np.ones(len(limits), dtype=np.int64)) + on_place
    if total > MOST_PAIRS:
        raise InputError(
            f"{total:,} pairs of crimes are closer than {float(bands.finite[-1]):g} m ({on_place:,} of them on one and "
            f"the same place); a list of them would take {total * 4 / 1e9:,.1f} GB, and {MOST_PAIRS:,} is the most. "
            "Give space_bands that end sooner, or fewer crimes: one kind, or a shorter time (events.select(...))."
        )
    partners = np.repeat(by_place, crimes, axis=1)
    # Those on the same place, at distance 0, are in the first band.
    partners[0] += np.repeat(fresh + crimes, crimes) - np.arange(len(x)) - 1
    ends = np.cumsum(partners.ravel())
    first = np.empty((len(limits), len(x) + 1), dtype=np.int64)
    first[:, :-1] = (ends - partners.ravel()).reshape(partners.shape)
    first[:, -1] = ends.reshape(partners.shape)[:, -1]
    return ClosePairs(order, first, kernel.list_close(*places, first))
