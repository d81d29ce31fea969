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
# From so many crimes on one place on, sorting their times is quicker than going through their pairs.
PILE = 512


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
    piles : tuple of slice
        Many crimes on one and the same place, as a part of the order: all their pairs are close, and not listed.
    """

    order: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    other: npt.NDArray[np.int32]
    piles: tuple[slice, ...] = ()

    @property
    def number(self) -> npt.NDArray[np.int64]:
        """Pairs of each band, those in piles too."""
        found = np.array(self.first[:, -1] - self.first[:, 0])
        for pile in self.piles:
            found[0] += (pile.stop - pile.start) * (pile.stop - pile.start - 1) // 2
        return found


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
        If there are more than can be held, those in piles apart.
    """
    from predpol_eval.kernels import close_places as kernel

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
    # How many more of its place come after each crime; of piles none is listed.
    ends = fresh + crimes
    after = np.repeat(ends, crimes) - np.arange(len(x)) - 1
    after[np.repeat(crimes >= PILE, crimes)] = 0
    on_place = int(after.sum())
    by_place = kernel.count_close(*places, MOST_PAIRS - on_place)
    total = int(by_place.sum(axis=0) @ crimes) + on_place
    if total > MOST_PAIRS:
        raise InputError(
            f"At least {total:,} pairs of crimes are closer than {float(bands.finite[-1]):g} m ({on_place:,} of them "
            f"on one and the same place); a list of them would take {total * 4 / 1e9:,.1f} GB, and {MOST_PAIRS:,} is "
            "the most. Give space_bands that end sooner, or fewer crimes: one kind, or a shorter time "
            "(events.select(...))."
        )
    partners = np.repeat(by_place, crimes, axis=1)
    partners[0] += after  # at distance 0 they are in the first band
    until = np.cumsum(partners.ravel())
    first = np.empty((len(limits), len(x) + 1), dtype=np.int64)
    first[:, :-1] = (until - partners.ravel()).reshape(partners.shape)
    first[:, -1] = until.reshape(partners.shape)[:, -1]
    piles = tuple(slice(int(fresh[place]), int(ends[place])) for place in np.flatnonzero(crimes >= PILE))
    return ClosePairs(order, first, kernel.list_close(*places, first, PILE), piles)
