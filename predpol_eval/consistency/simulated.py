"""Tests by simulation: are the recorded crimes as probable under a surface as crimes drawn from it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.consistency.catalogues import joint_log_likelihood, simulated_log_likelihoods
from predpol_eval.consistency.overdispersion import chosen_dispersion
from predpol_eval.counts import TimeRule
from predpol_eval.errors import InputError
from predpol_eval.scores.expected import explain, floor_told, read_expected, refuse_fractions, refuse_overlap, total_of
from predpol_eval.scores.log_scores import check_floor

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]
Which = Literal["S", "L", "CL"]

QUANTILES = (0.025, 0.05, 0.5, 0.95, 0.975)
# Crimes are drawn one by one: more than so many a draw are of no city, and would take all memory.
_MOST = 20_000_000
# Sums of logarithms that agree to so many digits are equal: a draw of the recorded crimes themselves counts as such.
_SAME = 1e-11
_MEANING = {
    "S": "the places, all windows together, given the number of crimes",
    "L": "the number, places and nights of the crimes",
    "CL": "the places and nights of the crimes, given their number",
}

_SOURCE = {
    "S": "Zechar, Gerstenberger and Rhoades 2010",
    "L": "Schorlemmer, Gerstenberger, Wiemer, Jackson and Rhoades 2007",
    "CL": "Werner, Helmstetter, Jackson and Kagan 2011",
}


def s_test(
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    seed: int,
    simulations: int = 999,
    dispersion: float | Literal["estimate"] = 1.0,
    floor: float | None = None,
    grid: Grid | None = None,
    method: TimeRule = "aoristic",
) -> xr.Dataset:
    """Test where the crimes were recorded, all windows together, whatever their number.

    Expected counts are summed over windows and scaled to the number recorded; as many crimes are drawn from them.

    Parameters
    ----------
    risk : xarray.DataArray
        A surface of kind ``expected_count``; leading dimensions (``forecaster``) are kept.
    observed : Events or xarray.DataArray
        The crimes of the same windows, or counts made by `count`.
    seed : int
        Of the draws; every surface is tested with the same, so that it does not matter which others stand beside it.
    simulations : int
        Draws, B.
    dispersion : float or "estimate"
        Variance of a cell's count over its mean, phi: 1 is Poisson, more a negative binomial; ``"estimate"`` takes each
        surface's own (see `dispersion`), at least 1.
    floor : float, optional
        Raise every cell that expects less to so many crimes per cell and window.
    grid : Grid, optional
        Needed only for a surface without the coordinate ``inside_m2``.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain (for Events); the test needs whole crimes.

    Returns
    -------
    xarray.Dataset
        ``p`` = (1 + draws no more probable than the crimes) / (1 + B): small if the crimes are less probable than the
        surface makes out; ``statistic``, the joint log-likelihood of the crimes; ``simulated`` (..., ``quantile``), of
        the draws; and the ``dispersion`` taken. A crime where none was expected has the statistic -inf and the smallest
        p there is. NaN without crime.

    Raises
    ------
    InputError
        If the seed, the number of draws, the dispersion or the floor is not usable, the surface is a score or flags,
        crimes are spread over windows, windows overlap, or surface or counts are not usable.
    NotComparableError
        If grids or windows differ.

    Notes
    -----
    One-sided: a p near 1 says that the crimes fell on the best cells even more than expected, which a surface that is
    too flat brings about. With few crimes nearly every surface passes. Surfaces made anew every night have seen the
    crimes of the nights before, and summed over many nights they hold the very crimes they are tested on: of those
    trust `cl_test`, which takes each night alone.
    With phi above 1 the counts of cells, given their sum, are Dirichlet-multinomial with alpha = lam/(phi - 1), lam
    scaled to the number recorded. That is for crimes that cluster in a cell; a phi of nightly totals may come of nights
    that are busy everywhere, and then forgives too much.

    References
    ----------
    Zechar, Gerstenberger and Rhoades 2010, Bulletin of the Seismological Society of America 100 (cited after pyCSEP).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[3.0, 1.0]]], grid, night, kind="expected_count")
    >>> found = ppe.s_test(risk, risk.copy(data=[[[0.0, 2.0]]]), seed=1)  # drawn with probability 1/16
    >>> round(found.statistic.item(), 6), bool(0.03 < found.p < 0.1)
    (-4.079442, True)
    """
    return _simulated("S", risk, observed, seed, simulations, dispersion, floor, grid, method)


def cl_test(
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    seed: int,
    simulations: int = 999,
    dispersion: float | Literal["estimate"] = 1.0,
    floor: float | None = None,
    grid: Grid | None = None,
    method: TimeRule = "aoristic",
) -> xr.Dataset:
    """Test in which cells and windows the crimes were recorded, given their number.

    As many crimes as were recorded are drawn from all cells of all windows, in proportion to the expected counts.

    Parameters
    ----------
    risk, observed, seed, simulations, dispersion, floor, grid, method
        As for `s_test`.

    Returns
    -------
    xarray.Dataset
        As of `s_test`; ``statistic`` is the Poisson log-likelihood of all cells and windows, not scaled.

    Raises
    ------
    InputError, NotComparableError
        As by `s_test`.

    Notes
    -----
    One-sided, as `s_test`. Nights count too: a surface that has the places right and expects of all nights alike what
    comes in bursts may fail here and pass there. With phi above 1, counts given their sum are Dirichlet-multinomial
    with alpha = lam/(phi - 1), lam as it is given.

    References
    ----------
    Werner, Helmstetter, Jackson and Kagan 2011, Bulletin of the Seismological Society of America 101 (cited after
    pyCSEP).

    Examples
    --------
    >>> import numpy as np, predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> nights = ppe.Schedule(start="2018-05-01", end="2018-05-03", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[3.0, 1.0]], [[1.0, 3.0]]], grid, nights, kind="expected_count")
    >>> wrong = risk.copy(data=[[[0.0, 4.0]], [[4.0, 0.0]]])
    >>> bool(ppe.cl_test(risk, wrong, seed=1).p < 0.01), bool(ppe.s_test(risk, wrong, seed=1).p > 0.9)
    (True, True)
    """
    return _simulated("CL", risk, observed, seed, simulations, dispersion, floor, grid, method)


def l_test(
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    seed: int,
    simulations: int = 999,
    dispersion: float | Literal["estimate"] = 1.0,
    floor: float | None = None,
    grid: Grid | None = None,
    method: TimeRule = "aoristic",
) -> xr.Dataset:
    """Test the number, cells and windows of the crimes together.

    The number of every draw is drawn too: Poisson, or negative binomial with variance phi mu.

    Parameters
    ----------
    risk, observed, seed, simulations, dispersion, floor, grid, method
        As for `s_test`.

    Returns
    -------
    xarray.Dataset
        As of `s_test`; NaN only if there is no window, since that nothing happened is a result too.

    Raises
    ------
    InputError, NotComparableError
        As by `s_test`, and if more than 20 million crimes are expected.

    Notes
    -----
    One-sided, and blind on one side: fewer crimes have a larger likelihood (most cells expect far less than one), so
    that a surface which expects twice too many passes easily. Read it with `n_test` and `cl_test`, which part the two.

    References
    ----------
    Schorlemmer, Gerstenberger, Wiemer, Jackson and Rhoades 2007, Seismological Research Letters 78 (cited after
    pyCSEP).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> risk = ppe.make_surface([[[0.03, 0.01]]], grid, night, kind="expected_count")
    >>> few, many = risk.copy(data=[[[0.0, 0.0]]]), risk.copy(data=[[[2.0, 1.0]]])
    >>> ppe.l_test(risk, few, seed=1).p.item(), bool(ppe.l_test(risk, many, seed=1).p < 0.01)
    (1.0, True)
    """
    return _simulated("L", risk, observed, seed, simulations, dispersion, floor, grid, method)


def _simulated(
    which: Which,
    risk: xr.DataArray,
    observed: Events | xr.DataArray,
    seed: int,
    simulations: int,
    dispersion: float | Literal["estimate"],
    floor: float | None,
    grid: Grid | None,
    method: TimeRule,
) -> xr.Dataset:
    import xarray as xr

    name = f"{which}-test"
    lowest = check_floor(floor)
    _check_draws(seed, simulations)
    found = read_expected(risk, observed, grid, method, lacks=name, floor=lowest)
    refuse_fractions(found, f"the {name}")
    refuse_overlap(found, f"the {name}")
    if which == "L":
        _refuse_too_many(total_of(found.rates))
    phi = chosen_dispersion(dispersion, found)
    p, statistic = np.full(phi.shape, np.nan), np.full(phi.shape, np.nan)
    quantiles = np.full((*phi.shape, len(QUANTILES)), np.nan)
    for lead in np.ndindex(phi.shape):
        rates, crimes = _bins(which, found.rates[lead], found.crimes)
        generator = np.random.default_rng(seed)
        p[lead], statistic[lead], quantiles[lead] = _one(which, rates, crimes, float(phi[lead]), generator, simulations)
    about = {
        "definition": "p = (1 + #{draws with a log-likelihood of at most the recorded}) / (1 + draws)",
        "tests": _MEANING[which],
        "reference": _SOURCE[which],
        "simulations": simulations,
        "seed": int(seed),
    }
    log = "joint Poisson log-likelihood"
    by = "cell, expected counts summed over windows and scaled to the number" if which == "S" else "window and cell"
    nats = {
        "units": "nats",
        "better": "higher",
        "definition": f"sum of y ln lam - lam - ln y! by {by}; lam expected, y recorded or drawn",
        "reference": _SOURCE[which],
    }
    result = xr.Dataset(
        {
            "p": explain(
                found,
                p,
                "p",
                floor=floor_told(lowest),
                long_name=f"p-value of the {name}",
                units="1",
                better="not small",
                **about,
            ),
            "statistic": explain(
                found, statistic, "statistic", floor=floor_told(lowest), long_name=f"{log} of the crimes", **nats
            ),
            "simulated": xr.DataArray(
                quantiles,
                dims=(*found.leading, "quantile"),
                coords={**found.leading_coords, "quantile": list(QUANTILES)},
                attrs={"long_name": f"{log} of the draws", **nats},
            ),
            "dispersion": explain(
                found,
                phi,
                "dispersion",
                long_name="variance over mean taken",
                units="1",
                better="1",
                definition="phi: variance over mean of the number in a cell; 1 Poisson, more negative binomial",
                reference=_SOURCE[which],
            ),
        },
        attrs={"long_name": name, **about, "crimes": float(found.crimes.sum())},
    )
    return result.assign_attrs(outside=float(found.both.outside.sum()))


def _bins(which: Which, rates: FloatArray, crimes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Expected and recorded crimes by cell, scaled (S), or by window and cell."""
    if which != "S":
        return rates.ravel(), crimes.ravel()
    by_cell, total, number = rates.sum(axis=0), rates.sum(), crimes.sum()
    return by_cell * (number / total) if total > 0 else by_cell, crimes.sum(axis=0)


def _one(
    which: Which, rates: FloatArray, crimes: FloatArray, phi: float, generator: np.random.Generator, simulations: int
) -> tuple[float, float, FloatArray]:
    """p-value, statistic, and quantiles of the draws, of one surface."""
    unknown = np.full(len(QUANTILES), np.nan)
    number = round(crimes.sum())
    if not crimes.size or (which != "L" and number == 0):
        return np.nan, np.nan, unknown
    statistic = joint_log_likelihood(rates, crimes)
    if not rates.sum() > 0:
        # Nothing expected: no crime can be drawn, and only a record without crime is probable.
        nothing = np.zeros(len(QUANTILES)) if which == "L" else unknown
        return (1.0 if number == 0 else 1 / (1 + simulations)), statistic, nothing
    if not np.isfinite(phi):
        return (1 / (1 + simulations) if statistic == -np.inf else np.nan), statistic, unknown
    given = None if which == "L" else number
    draws = simulated_log_likelihoods(rates, given, phi, generator, simulations)
    # Crimes where none was expected are less probable than any draw, which never puts one there.
    below = 0 if statistic == -np.inf else int((draws <= statistic + _SAME * (1 + abs(statistic))).sum())
    return (1 + below) / (1 + simulations), statistic, np.quantile(draws, QUANTILES)


def _refuse_too_many(expected: FloatArray) -> None:
    most = float(expected.max(initial=0.0))
    if most > _MOST:
        raise InputError(
            f"The surface expects {most:,.4g} crimes in all its windows, and the L-test draws them one by one: at most "
            f"{_MOST:,}. Are its values crimes per cell and window? If they are, test fewer windows at a time "
            "(risk.isel(window=slice(0, 30)))."
        )


def _check_draws(seed: Any, simulations: Any) -> None:
    for name, value, least in (("seed", seed, 0), ("simulations", simulations, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(
                f"{name}={value!r}; give a whole number of {least} or more, for instance "
                f"{'seed=1' if name == 'seed' else 'simulations=999'}."
            )
