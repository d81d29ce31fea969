"""How many background crimes per day each cell has: from one number, an array, a surface, bumps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.grid import FARTHEST, Grid

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def read_rates(grid: Grid, mu: Any) -> FloatArray:
    """Background rate of each cell per day, shape (ny, nx).

    One number is spread by inside-area; a surface of expected counts is divided by the length of its window.

    Raises
    ------
    InputError
        If the shape is wrong, a surface is not one of expected counts in one window, or a rate inside the study area
        is negative, infinite or missing.
    """
    if hasattr(mu, "dims"):
        mu = _surface_rates(grid, mu)
    try:
        given = np.asarray(mu, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"mu does not hold numbers ({error}); give crimes per day.") from error
    if given.ndim == 0:
        rate = given * np.where(grid.mask, grid.inside_m2, 0.0) / grid.total_m2
    elif given.shape == grid.shape:
        rate = np.where(grid.mask, given, 0.0)
    else:
        raise InputError(
            f"mu has shape {given.shape}; give one number for the whole grid, or an array of shape {grid.shape}."
        )
    if not (np.isfinite(rate).all() and (rate >= 0).all()):
        raise InputError("mu is negative, infinite or missing in some cells; give crimes per day of at least 0.")
    return np.asarray(rate)


def _surface_rates(grid: Grid, surface: Any) -> FloatArray:
    from predpol_eval.schedule import Windows
    from predpol_eval.surface import check_surface

    risk = check_surface(surface, grid)
    if risk.attrs["kind"] != "expected_count":
        raise InputError(
            f"mu is a surface of kind {risk.attrs['kind']!r}, whose numbers are not crimes; give one of kind "
            "'expected_count', or an array of crimes per day."
        )
    windows = Windows.from_coords(risk)
    if risk.ndim != 3 or len(windows) != 1:
        raise InputError(
            f"mu is a surface of shape {risk.shape}; give one forecaster and one window, as in "
            "risk.isel(window=[0]), or an array of crimes per day."
        )
    return np.asarray(risk.to_numpy()[0] / windows.days[0])


def read_hot_spots(hot_spots: Any) -> FloatArray:
    """Rows of easting, northing, spread in metres and crimes per day, shape (k, 4).

    Raises
    ------
    InputError
        Naming the first row that cannot be used.
    """
    try:
        rows = np.asarray([] if hot_spots is None else hot_spots, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"hot_spots holds {error}; {_ROW}.") from error
    if not rows.size:
        return np.zeros((0, 4))
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise InputError(f"hot_spots has shape {rows.shape}; {_ROW}.")
    far = (np.abs(rows[:, :2]) > FARTHEST).any(axis=1) | (rows[:, 2] >= 1e6)
    bad = ~np.isfinite(rows).all(axis=1) | far | (rows[:, 2] <= 0) | (rows[:, 3] < 0)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"hot_spots row {row} is {rows[row].tolist()}; {_ROW}, the spread above 0 and "
            "below 1,000 km, the rate at least 0."
        )
    return rows


_ROW = "give rows of (easting, northing, spread in metres, crimes per day)"


def hot_spot_rates(grid: Grid, hot_spots: FloatArray) -> tuple[FloatArray, float]:
    """Crimes per day of the bumps in each cell, shape (ny, nx), and in none."""
    from predpol_eval.kernels.kde import gaussian_cell_mass

    ny, nx = grid.shape
    rate = np.zeros(grid.shape)
    for x, y, spread, weight in hot_spots:
        rate += gaussian_cell_mass([x], [y], [weight], grid.x0, grid.y0, grid.cell, nx, ny, spread)
    rate[~grid.mask] = 0.0
    return rate, max(0.0, float(hot_spots[:, 3].sum() - rate.sum()))


def places_in_hot_spots(
    random: np.random.Generator, hot_spots: FloatArray, spot: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Points in metres, around the bump of each crime."""
    x, y, width = hot_spots[spot, :3].T
    return random.normal(x, width), random.normal(y, width)
