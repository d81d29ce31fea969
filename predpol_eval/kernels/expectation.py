"""Who is background and who repeats an earlier crime, from the sums over earlier crimes: the E step in cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers


@njit(cache=True, error_model="numpy")
def _expectation(
    zeroth: FloatArray, first: FloatArray, share: FloatArray, offsets: IntArray, kernel: float, mu: FloatArray
) -> tuple[float, float, FloatArray]:  # pragma: no cover - compiled
    repeats = 0.0
    waiting = 0.0
    alone = np.zeros(offsets.size - 1)
    for group in range(offsets.size - 1):
        for j in range(offsets[group], offsets[group + 1]):
            base = mu[group] * share[j]
            inverse = 1.0 / (base + kernel * zeroth[j])
            alone[group] += base * inverse
            repeats += kernel * zeroth[j] * inverse
            waiting += kernel * first[j] * inverse
    return repeats, waiting, alone


def expectation(
    zeroth: npt.ArrayLike,
    first: npt.ArrayLike,
    share: npt.ArrayLike,
    offsets: npt.ArrayLike,
    kernel: float,
    mu: npt.ArrayLike,
) -> tuple[float, float, FloatArray]:
    """Sum the probabilities that each crime repeats each earlier one, or none: the E step.

    Parameters
    ----------
    zeroth, first : array_like of float, shape (n,)
        Sums of `predpol_eval.kernels.self_exciting.decay_sums`.
    share : array_like of float, shape (n,)
        Share of its group's background that the cell of each crime holds, above 0.
    offsets : array_like of int, shape (groups + 1,)
        The crimes of group g are those from ``offsets[g]`` to ``offsets[g + 1]``.
    kernel : float
        theta omega.
    mu : array_like of float, shape (groups,)
        Background rates per day, above 0.

    Returns
    -------
    repeats, waiting : float
        Sum of p_ij over all pairs, and of p_ij times the days between them.
    alone : ndarray of float64, shape (groups,)
        Sum of p_jj over the crimes of each group.

    Examples
    --------
    >>> repeats, waiting, alone = expectation([0.0, 0.5], [0.0, 1.0], [1.0, 1.0], [0, 2], 0.2, [0.1])
    >>> repeats, waiting, alone.tolist()
    (0.5, 1.0, [1.5])
    """
    sums = (floats(zeroth), floats(first), floats(share), integers(offsets))
    repeats, waiting, alone = _expectation(*sums, float(kernel), floats(mu))
    return float(repeats), float(waiting), alone
