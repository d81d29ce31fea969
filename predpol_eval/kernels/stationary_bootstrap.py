"""Drawing blocks of nights, and what each draw says of a ratio of sums and of its error."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, floats

# Nights that differ by less than this share of the largest are alike: sums of hits over ties carry rounding.
ROUNDING = 1e-9
MOST_CORRELATION = 0.9


@njit(cache=True, error_model="numpy")
def _error(d: FloatArray, n: FloatArray, ratio: float, total: float, lags: int, z: FloatArray) -> float:
    """Standard error of sum d / sum n; `z` is room for as many numbers as there are nights."""
    nights = d.size
    largest = spread = 0.0
    for t in range(nights):
        z[t] = d[t] - ratio * n[t]
        spread = max(spread, abs(z[t]))
        largest = max(largest, abs(d[t]), abs(ratio * n[t]))
    if nights < 2 or spread <= ROUNDING * largest:
        return 0.0
    own = next_to = 0.0
    for t in range(nights):
        z[t] /= spread
        own += z[t] * z[t]
        if t:
            next_to += z[t] * z[t - 1]
    like = next_to / own
    like += (1.0 + 3.0 * like) / nights
    like = min(max(like, -MOST_CORRELATION), MOST_CORRELATION)
    for t in range(nights - 1):
        z[t] = z[t + 1] - like * z[t]
    # Bartlett weights 1 - j/(L+1) on the autocovariances: the squares of all sums over L + 1 nights in a row.
    running = squares = 0.0
    for t in range(nights - 1 + lags):
        if t < nights - 1:
            running += z[t]
        if t > lags:
            running -= z[t - lags - 1]
        squares += running * running
    variance = squares / (lags + 1.0) * nights / (nights - 1.0)
    return float(spread * np.sqrt(variance) / (1.0 - like) / total)


@njit(cache=True, error_model="numpy")
def _redraw(
    d: FloatArray, n: FloatArray, uniform: FloatArray, restart: float, lags: int
) -> tuple[FloatArray, FloatArray]:
    draws, nights = uniform.shape
    ratio, error = np.empty(draws), np.empty(draws)
    drawn_d, drawn_n, room = np.empty(nights), np.empty(nights), np.empty(nights)
    for b in range(draws):
        night = nights - 1
        total = above = 0.0
        for t in range(nights):
            u = uniform[b, t]
            if t == 0:
                night = min(int(u * nights), nights - 1)
            elif u < restart:
                night = min(int(u / restart * nights), nights - 1)
            else:
                night = night + 1 if night + 1 < nights else 0
            drawn_d[t], drawn_n[t] = d[night], n[night]
            above += d[night]
            total += n[night]
        if total > 0:
            ratio[b] = above / total
            error[b] = _error(drawn_d, drawn_n, ratio[b], total, lags, room)
        else:
            ratio[b] = error[b] = np.nan
    return ratio, error


def redraw(
    d: npt.ArrayLike, n: npt.ArrayLike, uniform: npt.ArrayLike, restart: float, lags: int
) -> tuple[FloatArray, FloatArray]:
    """Sum d / sum n of every draw of nights, and its standard error.

    Parameters
    ----------
    d, n : array of float, shape (nights,)
    uniform : array of float, shape (draws, nights)
        Random numbers in [0, 1): under `restart` a new block begins, and where is told by the same number, scaled up;
        otherwise the night after the last follows, and the first after the last of all.
    restart : float
        1 / mean length of a block.
    lags : int
        As for `ratio_error`.

    Returns
    -------
    ratio, error : array of float, shape (draws,)
        NaN where sum n is 0; the error is 0 where the nights drawn are alike.
    """
    return _redraw(floats(d), floats(n), floats(uniform), float(restart), int(lags))


def ratio_error(d: npt.ArrayLike, n: npt.ArrayLike, lags: int) -> float:
    """Standard error of sum d / sum n with nights in the order given; NaN if sum n is 0.

    The first-order correlation of z = d - ratio n, less its bias, is taken out, the variance of the rest summed over
    `lags` with Bartlett weights, and the correlation put back.
    """
    # Writeable copies: what the loop over draws hands over, so that this is compiled once.
    above, below = np.array(d, dtype=np.float64), np.array(n, dtype=np.float64)
    total = float(below.sum())
    if not total > 0:
        return float("nan")
    return float(_error(above, below, float(above.sum()) / total, total, int(lags), np.empty(above.size)))
