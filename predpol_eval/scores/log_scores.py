"""Log scores of an expected count: how probable it makes the crimes that were recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.counts import TimeRule
from predpol_eval.errors import InputError
from predpol_eval.scores.expected import explain, floor_told, read_expected

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]

# What a backtest tells of each night, if it is asked for.
LOG_SCORES = {
    "log_score": "Poisson log score, every cell expecting at least the floor",
    "log_score_unfloored": "Poisson log score, no floor",
    "log_score_nights": "nights with a log score",
}


def poisson_log_score(
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    grid: Grid | None = None,
    floor: float | None = None,
    method: TimeRule = "aoristic",
) -> xr.DataArray:
    """Mean over windows of the log-likelihood of a Poisson count in every cell.

    The sum over cells i of -lam_i + y_i ln lam_i - ln y_i!, lam the expected and y the recorded crimes.

    Parameters
    ----------
    risk : xarray.DataArray
        A surface of kind ``expected_count``; leading dimensions (``forecaster``) are kept.
    observed : Events or xarray.DataArray
        The crimes of the same windows, or counts made by `count`.
    grid : Grid, optional
        Needed only for a surface without the coordinate ``inside_m2``.
    floor : float, optional
        Raise every cell that expects less to so many crimes per cell and window. Give the same to all forecasters that
        are compared.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain (for Events).

    Returns
    -------
    xarray.DataArray
        In nats per window, over the leading dimensions. -inf if a crime fell where none was expected and there is no
        floor; NaN if there is no window. ``attrs["outside"]`` is the number of crimes in no cell, which are not scored.

    Raises
    ------
    InputError
        If the surface is a score or flags, the floor is not above 0, or surface or counts are not usable.
    NotComparableError
        If grids or windows differ.

    Notes
    -----
    Consistent for the expectation of every cell also where counts are not Poisson: no other map scores better on
    average than the true one. Of a fraction y of a crime (an uncertain time), y! is gamma(y + 1).

    References
    ----------
    Brehmer, Gneiting, Herrmann, Marzocchi, Schlather and Strokorb 2024.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 750, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[0.5, 0.3, 0.0]]], grid, night, kind="expected_count")
    >>> crimes = risk.copy(data=[[[2.0, 0.0, 0.0]]])
    >>> round(ppe.poisson_log_score(risk, crimes).item(), 6)  # -.8 + 2 ln .5 - ln 2
    -2.879442
    >>> crimes = risk.copy(data=[[[2.0, 0.0, 1.0]]])
    >>> ppe.poisson_log_score(risk, crimes).item(), round(ppe.poisson_log_score(risk, crimes, floor=0.01).item(), 6)
    (-inf, -7.494612)
    """
    lowest = check_floor(floor)
    found = read_expected(risk, observed, grid, method, lacks="log score")
    each = log_score_by_window(found.rates, found.crimes, lowest)
    windows = each.shape[-1]
    mean = each.sum(axis=-1) / windows if windows else np.full(each.shape[:-1], np.nan)
    return explain(
        found,
        mean,
        "poisson_log_score",
        floor=floor_told(lowest),
        long_name="Poisson log score",
        units="nats per window",
        definition="mean over windows of the sum over cells of -lam + y ln lam - ln y!",
        reference="Brehmer et al. 2024",
        windows=windows,
    )


def location_log_score(
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    grid: Grid | None = None,
    floor: float | None = None,
    method: TimeRule = "aoristic",
) -> xr.DataArray:
    """Score of where the crimes were expected, whatever their number: ln A + mean of ln(lam_i / (a_i sum lam)).

    Parameters
    ----------
    risk, observed, grid, floor, method
        As for `poisson_log_score`. The mean is over all crimes in the cells, the sum over the cells of a crime's own
        window; a_i is the area of cell i inside the study area, A that of all cells.

    Returns
    -------
    xarray.DataArray
        In nats per crime, over the leading dimensions: 0 for a uniform density, ln 2 where crimes fell at twice the
        density of chance. -inf if a crime fell where none was expected and there is no floor; NaN if there was no
        crime. ``attrs["outside"]`` is the number of crimes in no cell, which are not scored.

    Raises
    ------
    InputError
        If the surface is a score or flags, the floor is not above 0, or surface or counts are not usable.
    NotComparableError
        If grids or windows differ.

    References
    ----------
    Good 1952, Journal of the Royal Statistical Society B 14 (the logarithmic score).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 1000, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[0.4, 0.2, 0.1, 0.1]]], grid, night, kind="expected_count")
    >>> crimes = risk.copy(data=[[[3.0, 0.0, 1.0, 0.0]]])
    >>> round(ppe.location_log_score(risk, crimes).item(), 6)  # (3 ln(4 .4/.8) + ln(4 .1/.8)) / 4
    0.346574
    """
    lowest = check_floor(floor)
    found = read_expected(risk, observed, grid, method, lacks="log score", floor=lowest)
    rates, crimes = found.rates, found.crimes
    inside = found.both.grid.inside_m2[found.both.grid.mask]
    number = crimes.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        # Two logarithms, as the product of a tiny rate and the area may be no number any more.
        gain = np.log(rates) - np.log(rates.sum(axis=-1, keepdims=True)) + np.log(inside.sum()) - np.log(inside)
        # A map that expects nothing anywhere has no density: like any zero rate at a crime, the worst there is.
        gain = np.where(rates > 0, gain, -np.inf)
        total = np.where(crimes > 0, crimes * gain, 0.0).sum(axis=(-2, -1))
        mean = total / number if number > 0 else np.full(total.shape, np.nan)
    return explain(
        found,
        mean,
        "location_log_score",
        floor=floor_told(lowest),
        long_name="location log score",
        units="nats per crime",
        definition="ln A + mean over crimes of ln(lam / (a sum of lam))",
        reference="Good 1952",
        crimes=float(number),
    )


def log_score_by_window(rates: FloatArray, crimes: FloatArray, floor: float | None) -> FloatArray:
    """Sum over cells (the last axis) of -lam + y ln lam - ln y!.

    Parameters
    ----------
    rates, crimes : array of float, shape (..., cells)
        Expected and recorded crimes.
    floor : float or None
        What every cell expects at least.

    Returns
    -------
    array of float, shape (...)
        -inf where a crime fell in a cell of rate 0.
    """
    from scipy import special

    expected = rates if floor is None else np.maximum(rates, floor)
    return np.asarray((special.xlogy(crimes, expected) - expected - special.gammaln(crimes + 1)).sum(axis=-1))


def check_floor(floor: Any, name: str = "floor") -> float | None:
    """Refuse a floor that is not a finite number above 0; None is no floor.

    Raises
    ------
    InputError
        If it is anything else.
    """
    if floor is None:
        return None
    if isinstance(floor, bool) or not isinstance(floor, int | float | np.number) or not 0 < float(floor) < np.inf:
        raise InputError(
            f"{name}={floor!r}; give the fewest crimes that any cell is to expect in a window, above 0, for instance "
            f"{name}=1e-6, the same for all forecasters; or None for no floor."
        )
    return float(floor)
