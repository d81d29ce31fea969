"""What the fitted continuous model expects: counts of crimes per cell for a window, repeats of repeats included."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.forecasters.hawkes.cell_forecast import expected_count
from predpol_eval.forecasters.hawkes.continuous_background import even_share, places, spread
from predpol_eval.forecasters.hawkes.continuous_crimes import ContinuousCrimes
from predpol_eval.forecasters.hawkes.continuous_fit import ContinuousFit
from predpol_eval.grid import Grid
from predpol_eval.kernels.kde import gaussian_cell_mass
from predpol_eval.kernels.points import FloatArray

# Generations are told apart until all later ones together are this share of the repeats in the long run, or there are
# so many; the rest lie as the last of them do. A number that depends on theta alone lets the counts of two windows add
# up to that of both.
REST = 1e-4
MOST_GENERATIONS = 30
# A generation with less than this share of a window's crimes is not worth a map of its own.
_NONE = 1e-13
# A crime of which no more than this is still to come sets nothing off.
_GONE = 1e-12


class Shares(NamedTuple):
    """Crimes expected in a window, by generation.

    Attributes
    ----------
    background : array of float, shape (generations + 1,)
        For a background of one crime a day: those of the background itself, their repeats, the repeats of those, ...
    known : array of float, shape (generations + 1,)
        For one known crime a moment ago: 0, its repeats, the repeats of those, ...
    """

    background: FloatArray
    known: FloatArray


def shares(theta: float, omega: float, start: float, end: float) -> Shares:
    """Share a window's crimes out by generation, as far as they are to be told apart.

    A crime's repeats of generation g come after a time of the gamma law (g, omega), and are theta^g in number: of a
    known crime theta^g (P(g, omega end) - P(g, omega start)) fall into a window, P the regularised incomplete gamma
    function; of a background of one a day, theta^g times the integral of P(g, omega v) over the window. All generations
    together are `cell_forecast.expected_count`; what is left after the last goes to that.

    Parameters
    ----------
    theta, omega : float
    start, end : float
        Days from now.

    Examples
    --------
    >>> parts = shares(0.5, 1.0, 0.0, 1.0)
    >>> float(parts.background[0]), float(round(0.1 * parts.background.sum() + parts.known.sum(), 6))
    (1.0, 0.514775)
    """
    from scipy.special import gammainc

    found = [np.array([end - start, 0.0])]
    last = generations(theta)
    if last:
        left = expected_count([1.0, 0.0], theta, omega, [0.0, 1.0], start, end) - found[0]
        sides = omega * np.array([start, end])
        for g in range(1, last):
            until = gammainc(g, sides)
            area = (sides * until - g * gammainc(g + 1, sides)) / omega
            found.append(theta**g * np.array([area[1] - area[0], until[1] - until[0]]))
            left -= found[-1]
        found.append(np.maximum(left, 0.0))
    background, known = np.array(found).T
    return Shares(background, known)


def generations(theta: float) -> int:
    """How many generations of repeats are told apart.

    Examples
    --------
    >>> [generations(theta) for theta in (0.0, 0.3, 0.5, 1.2)]
    [0, 8, 14, 30]
    """
    if not 0.0 < theta < 1.0:
        return MOST_GENERATIONS if theta else 0
    return int(np.clip(np.ceil(np.log(REST) / np.log(theta)), 1, MOST_GENERATIONS))


def count_by_cell(
    where: Sources, crimes: ContinuousCrimes, fit: ContinuousFit, grid: Grid, windows: list[tuple[float, float]]
) -> FloatArray:
    """Crimes expected in each window in each cell, shape (windows, ny, nx)."""
    parts = [shares(fit.theta, fit.omega, *window) for window in windows]
    values = np.zeros((len(windows), *grid.shape))
    for g in range(generations(fit.theta) + 1):
        # Each window by itself, so that it does not depend on what others are asked for.
        some = [max(part.background[g], part.known[g]) > _NONE * part.background[0] for part in parts]
        if g and not any(some):
            continue
        field = generation(where, crimes, fit, grid, g)
        for value, part, use in zip(values, parts, some, strict=True):
            if use:
                value += part.background[g] * field.background + part.known[g] * field.known
    return values


class Field(NamedTuple):
    """Crimes per cell, shape (ny, nx), for each number in `Shares`."""

    background: FloatArray
    known: FloatArray


class Sources(NamedTuple):
    """What is spread over the cells: background crimes per day by place, and what is left of known crimes."""

    x: FloatArray
    y: FloatArray
    mass: FloatArray
    young: npt.NDArray[np.bool_]
    left: FloatArray


def sources(crimes: ContinuousCrimes, fit: ContinuousFit) -> Sources:
    """What the forecast starts from, at the last observed moment."""
    where = places(crimes)
    inner = spread(crimes, where, fit.bandwidth).inner
    mass = np.bincount(where.of, fit.weight, minlength=where.x.size) / inner / crimes.days
    left = np.exp(-fit.omega * (crimes.ends[-1] - crimes.t)) if fit.theta > 0 else np.zeros(crimes.t.size)
    young = left > _GONE
    return Sources(where.x, where.y, mass, young, left[young])


def generation(where: Sources, crimes: ContinuousCrimes, fit: ContinuousFit, grid: Grid, g: int) -> Field:
    """Where a generation falls: sqrt(g) sigma wide about the known crimes, and about the background by that wider."""
    ny, nx = grid.shape
    ground = (grid.x0, grid.y0, grid.cell, nx, ny)
    even, total = even_share(crimes), float(fit.weight.sum()) / crimes.days
    share = crimes.share
    more = float(np.sqrt(g)) * fit.sigma if g else 0.0
    wide = float(np.hypot(fit.bandwidth, more))
    background = (1.0 - even) * gaussian_cell_mass(where.x, where.y, where.mass, *ground, wide) * share
    background += even * total * share / share.sum()
    if not g or not where.left.size:
        return Field(background, np.zeros((ny, nx)))
    x, y = crimes.x[where.young], crimes.y[where.young]
    return Field(background, gaussian_cell_mass(x, y, where.left, *ground, more) * share)
