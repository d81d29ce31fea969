"""Drawing whole sets of crimes from expected counts: crime by crime, so that empty cells cost nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def joint_log_likelihood(rates: FloatArray, crimes: FloatArray) -> float:
    """Sum over bins of -lam + y ln lam - ln y!; -inf where a crime fell in a bin of rate 0.

    Parameters
    ----------
    rates, crimes : array of float, shape (bins,)
    """
    from scipy import special

    hit = crimes > 0
    with np.errstate(divide="ignore"):
        told = float((crimes[hit] * np.log(rates[hit])).sum())
    return told - float(special.gammaln(crimes[hit] + 1).sum()) - float(rates.sum())


def simulated_log_likelihoods(
    rates: FloatArray, number: int | None, phi: float, generator: np.random.Generator, simulations: int
) -> FloatArray:
    """`joint_log_likelihood` of crimes drawn from `rates` themselves.

    Parameters
    ----------
    rates : array of float, shape (bins,)
        Their sum is above 0.
    number : int or None
        Crimes of every draw; None draws the number too.
    phi : float
        Variance of a bin's count over its mean: 1 is Poisson, more negative binomial.
    generator : numpy.random.Generator
    simulations : int

    Returns
    -------
    array of float, shape (simulations,)

    Notes
    -----
    Bins are drawn in the order of their rates, so that the numbers do not depend on where in the city, or on which
    night, a rate stands. Given their number N, independent counts of dispersion phi are Dirichlet-multinomial with
    alpha = lam/(phi - 1): each crime opens a cluster, or joins that of an earlier crime.
    """
    from scipy import special

    falling = np.sort(rates[rates > 0])[::-1]
    places, log, total = Places(np.cumsum(falling)), np.log(falling), float(rates.sum())
    mean = float(places.reach[-1])
    opening = mean / (phi - 1) if phi > 1 else np.inf
    result = np.empty(simulations)
    for draw, many in enumerate(_numbers(mean, number, phi, generator, simulations)):
        if many == 0:
            result[draw] = -total
            continue
        sizes = np.ones(many, dtype=np.int64) if phi <= 1 else _cluster_sizes(many, opening, generator)
        bins = places.bins(_sorted_shares(len(sizes), generator))
        first = np.flatnonzero(np.append(True, bins[1:] != bins[:-1]))
        counts = np.add.reduceat(sizes, first)
        several = counts[counts > 1]
        result[draw] = (counts * log[bins[first]]).sum() - special.gammaln(several + 1.0).sum() - total
    return result


def _numbers(
    mean: float, number: int | None, phi: float, generator: np.random.Generator, simulations: int
) -> Iterator[int]:
    """Crimes of every draw."""
    for _ in range(simulations):
        if number is not None:
            yield number
        elif phi <= 1:
            yield int(generator.poisson(mean))
        else:
            yield int(generator.negative_binomial(mean / (phi - 1), 1 / phi))


class Places:
    """Finds the bin of a share of all expected crimes, as ``np.searchsorted(reach, share * reach[-1], "right")``.

    A table of equal shares says between which bins to look, which spares most of a search in millions of them.

    Parameters
    ----------
    reach : array of float, shape (bins,)
        Cumulated rates.
    """

    def __init__(self, reach: FloatArray) -> None:
        self.reach = reach
        # A power of two, so that shares are cut exactly.
        self.parts = 1 << min(20, max(1, len(reach).bit_length()))
        found = np.searchsorted(reach, np.arange(self.parts + 1) / self.parts * reach[-1], side="right")
        self.edges = np.minimum(found, len(reach) - 1)

    def bins(self, share: FloatArray) -> IntArray:
        """Bin of each share of the whole, from 0 to 1."""
        part = np.minimum((share * self.parts).astype(np.int64), self.parts - 1)
        low: IntArray = self.edges[part]
        place, high = share * self.reach[-1], self.edges[part + 1]
        left = np.flatnonzero(low < high)
        while len(left):
            middle = (low[left] + high[left]) >> 1
            beyond = self.reach[middle] <= place[left]
            low[left] = np.where(beyond, middle + 1, low[left])
            high[left] = np.where(beyond, high[left], middle)
            left = left[low[left] < high[left]]
        return low


def _sorted_shares(many: int, generator: np.random.Generator) -> FloatArray:
    """Uniform numbers in rising order: sums of spacings, so that nothing is sorted."""
    spacing = np.cumsum(generator.standard_exponential(many + 1))
    return np.asarray(spacing[:-1] / spacing[-1])


def _cluster_sizes(many: int, opening: float, generator: np.random.Generator) -> IntArray:
    """Sizes of clusters in random order: crime k opens one with chance opening/(opening + k), k = 0, 1, ..."""
    earlier = np.arange(many)
    place = generator.random(many) * (opening + earlier)
    opens = place < opening
    opens[0] = True
    parent = np.where(
        opens, earlier, np.clip(np.floor(place - opening), 0, np.maximum(earlier - 1, 0)).astype(np.int64)
    )
    while True:
        root = parent[parent]
        if np.array_equal(root, parent):
            break
        parent = root
    # Older clusters are larger; the bins come sorted, so the sizes must not.
    return np.asarray(generator.permutation(np.bincount(parent, minlength=many)[opens]))
