"""How many times more than Poisson the nightly number of crimes varies about its forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.counts import TimeRule
from predpol_eval.errors import InputError
from predpol_eval.scores.expected import Expected, explain, read_expected, refuse_fractions, refuse_overlap

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]


def dispersion(
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    grid: Grid | None = None,
    method: TimeRule = "aoristic",
) -> xr.DataArray:
    """Estimate phi, the variance of a night's number of crimes over its mean.

    With m_t the crimes expected on night t, N_t those recorded and c = sum N / sum m: the sum over nights of
    (N_t - c m_t)^2 / (c m_t), over the number of nights less 1.

    Parameters
    ----------
    risk : xarray.DataArray
        A surface of kind ``expected_count``; leading dimensions (``forecaster``) are kept.
    observed : Events or xarray.DataArray
        The crimes of the same windows, or counts made by `count`.
    grid : Grid, optional
        Needed only for a surface without the coordinate ``inside_m2``.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain (for Events).

    Returns
    -------
    xarray.DataArray
        About 1 where nights are Poisson about their forecast, more where crimes come in clusters. NaN without crime and
        below 2 nights on which something was expected; inf if a crime was recorded on a night that expected none.

    Raises
    ------
    InputError
        If the surface is a score or flags, crimes are spread over windows, windows overlap, or surface or counts are
        not usable.
    NotComparableError
        If grids or windows differ.

    Notes
    -----
    The level is taken out (c), the course of the nights is not: a forecast that misses the season, or the weekend, has
    a large phi, and a test that is given it forgives that very miss. So estimate one phi for all forecasters, from a
    plain forecast or an earlier period, and give the number.
    Of Poisson nights, (T - 1) phi has about the chi-square law with T - 1 degrees of freedom: the estimate strays by
    sqrt(2 / (T - 1)), a quarter at 33 nights. Where under about 5 crimes a night are expected the law is more skewed,
    though the mean stays 1. A clustered city has rare bad nights: short periods mostly show too small a phi.

    References
    ----------
    McCullagh and Nelder 1989, Generalized Linear Models, section 6.2 (not read in the original).

    Examples
    --------
    >>> import numpy as np, predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 250, 250, cell=250, crs="EPSG:27700")
    >>> nights = ppe.Schedule(start="2018-05-01", end="2018-05-04", tz="Europe/London").windows
    >>> risk = ppe.make_surface(np.full((3, 1, 1), 2.0), grid, nights, kind="expected_count")
    >>> ppe.dispersion(risk, risk.copy(data=[[[1.0]], [[4.0]], [[7.0]]])).item()  # (9/4 + 0 + 9/4) / 2
    2.25
    """
    found = read_expected(risk, observed, grid, method, lacks="dispersion")
    refuse_fractions(found, "the dispersion of nights")
    refuse_overlap(found, "the dispersion of nights")
    return explain(
        found,
        estimate_dispersion(found.rates.sum(axis=-1), found.crimes.sum(axis=-1)),
        "dispersion",
        long_name="dispersion of the nightly number of crimes",
        units="1",
        better="1",
        definition="sum over nights of (N - c m)^2 / (c m) / (nights - 1), c = sum N / sum m",
        reference="McCullagh and Nelder 1989",
        nights=found.crimes.shape[0],
    )


def estimate_dispersion(expected: FloatArray, crimes: FloatArray) -> FloatArray:
    """Pearson's chi-square of the nights over its degrees of freedom.

    Parameters
    ----------
    expected : array of float, shape (..., nights)
    crimes : array of float, shape (nights,)

    Returns
    -------
    array of float, shape (...)
    """
    nights = (expected > 0).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = expected * (crimes.sum() / expected.sum(axis=-1, keepdims=True))
        # A night that expected nothing and had nothing says nothing; with a crime it is infinitely far off.
        each = np.where((scaled > 0) | (crimes > 0), (crimes - scaled) ** 2 / scaled, 0.0)
        phi = each.sum(axis=-1) / (nights - 1)
    return np.asarray(np.where((nights >= 2) & (crimes.sum() > 0), phi, np.nan))


def chosen_dispersion(dispersion: Any, found: Expected) -> FloatArray:
    """The phi that a test takes, at least 1, for each of the leading dimensions.

    Raises
    ------
    InputError
        If it is neither a number of at least 1 nor ``"estimate"``.
    """
    leading = found.rates.shape[:-2]
    if isinstance(dispersion, str) and dispersion == "estimate":
        phi = estimate_dispersion(found.rates.sum(axis=-1), found.crimes.sum(axis=-1))
        return np.maximum(phi, 1.0)
    value = dispersion.item() if getattr(dispersion, "shape", None) == () else dispersion
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 1 <= float(value) < np.inf:
        smaller = isinstance(value, int | float | np.number) and 0 <= float(value) < 1
        raise InputError(
            f"dispersion={dispersion!r}; "
            + ("a negative binomial varies no less than Poisson, which is 1: " if smaller else "")
            + "give how many times more than Poisson the number of crimes varies, 1 or more (one number for all "
            "forecasters, for instance from ppe.dispersion(...) on an earlier period; where that is below 1, give "
            "1.0), or 'estimate'."
        )
    return np.full(leading, float(value))
