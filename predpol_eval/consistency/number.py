"""The N-test: were as many crimes recorded as expected?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.consistency.overdispersion import chosen_dispersion
from predpol_eval.counts import TimeRule
from predpol_eval.scores.expected import explain, read_expected, refuse_fractions, refuse_overlap, total_of

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]


def n_test(
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    dispersion: float | Literal["estimate"] = 1.0,
    grid: Grid | None = None,
    method: TimeRule = "aoristic",
) -> xr.Dataset:
    """Test the number of crimes of all windows and cells against the number expected.

    Parameters
    ----------
    risk : xarray.DataArray
        A surface of kind ``expected_count``; leading dimensions (``forecaster``) are kept.
    observed : Events or xarray.DataArray
        The crimes of the same windows, or counts made by `count`.
    dispersion : float or "estimate"
        Variance of the number over its mean, phi: 1 is Poisson, more a negative binomial with variance phi mu.
        ``"estimate"`` takes each surface's own (`dispersion`, at least 1), which forgives a surface its wrong season.
    grid : Grid, optional
        Needed only for a surface without the coordinate ``inside_m2``.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain (for Events); the test needs whole crimes.

    Returns
    -------
    xarray.Dataset
        ``d1`` = P(X >= N) (small: more crimes than expected), ``d2`` = P(X <= N) (small: fewer), the two-sided ``p`` =
        min(1, 2 min(d1, d2)), ``expected`` and ``observed`` (crimes), and the ``dispersion`` taken, over the leading
        dimensions. NaN if there is no window.

    Raises
    ------
    InputError
        If the dispersion is below 1, the surface is a score or flags, crimes are spread over windows, windows overlap,
        or surface or counts are not usable.
    NotComparableError
        If grids or windows differ.

    Notes
    -----
    Crimes of a city cluster, in the night and over weeks, so that at phi = 1 good forecasts fail far too often. The two
    sides share P(X = N), so p is a little too large, never too small.

    References
    ----------
    Zechar, Gerstenberger and Rhoades 2010, Bulletin of the Seismological Society of America 100 (cited after pyCSEP).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[1.5, 0.5]]], grid, night, kind="expected_count")
    >>> crimes = risk.copy(data=[[[4.0, 1.0]]])
    >>> found = ppe.n_test(risk, crimes)  # 5 recorded, 2 expected
    >>> round(found.d1.item(), 6), round(found.d2.item(), 6), round(found.p.item(), 6)
    (0.052653, 0.983436, 0.105306)
    >>> round(ppe.n_test(risk, crimes, dispersion=2.0).p.item(), 6)
    0.21875
    """
    import xarray as xr

    found = read_expected(risk, observed, grid, method, lacks="N-test")
    refuse_fractions(found, "the N-test")
    refuse_overlap(found, "the N-test")
    phi = chosen_dispersion(dispersion, found)
    number = float(np.rint(found.crimes.sum()))
    mean = total_of(found.rates)
    at_least, at_most = number_tails(number, mean, phi)
    if not len(found.crimes):
        at_least, at_most = np.full(mean.shape, np.nan), np.full(mean.shape, np.nan)
    made: dict[str, tuple[Any, dict[str, str]]] = {
        "d1": (at_least, {"long_name": "chance of so many crimes or more", "units": "1", "better": "not small"}),
        "d2": (at_most, {"long_name": "chance of so many crimes or fewer", "units": "1", "better": "not small"}),
        "p": (
            np.minimum(1.0, 2 * np.minimum(at_least, at_most)),
            {"long_name": "p-value of the N-test, two-sided", "units": "1", "better": "not small"},
        ),
        "expected": (mean, {"long_name": "crimes expected", "units": "crimes", "better": "the recorded number"}),
        "dispersion": (phi, {"long_name": "variance over mean taken", "units": "1", "better": "1"}),
    }
    about = {
        "definition": "d1 = 1 - F(N - 1), d2 = F(N), p = min(1, 2 min(d1, d2)); F Poisson, or negative binomial with "
        "variance phi mu",
        "reference": "Zechar, Gerstenberger and Rhoades 2010",
    }
    result = xr.Dataset(
        {name: explain(found, values, name, **attrs, **about) for name, (values, attrs) in made.items()}
    )
    result["observed"] = xr.DataArray(number, attrs={"long_name": "crimes recorded in cells", "units": "crimes"})
    result.attrs = {
        "long_name": "N-test",
        **about,
        "dispersion": "estimate" if isinstance(dispersion, str) else float(dispersion),
        "outside": float(found.both.outside.sum()),
    }
    return result


def number_tails(number: float, mean: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """P(X >= number) and P(X <= number) of a count with this mean and variance phi times that.

    Parameters
    ----------
    number : float
    mean, phi : array of float, shape (...)

    Returns
    -------
    tuple of array of float, shape (...)
        NaN where phi is no number.
    """
    from scipy import stats

    # A mean of 0 has no negative binomial, but there is only one number it can give.
    plain = (phi <= 1) | (mean <= 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        size = np.where(plain, 1.0, mean / (phi - 1))
        clustered = [
            getattr(stats.nbinom, tail)(at, size, np.where(plain, 0.5, 1 / phi))
            for tail, at in (("sf", number - 1), ("cdf", number))
        ]
    poisson = stats.poisson.sf(number - 1, mean), stats.poisson.cdf(number, mean)
    known = np.isfinite(phi)
    at_least, at_most = (
        np.where(known, np.where(plain, one, other), np.nan) for one, other in zip(poisson, clustered, strict=True)
    )
    return at_least, at_most
