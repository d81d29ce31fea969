"""Intervals by drawing whole nights: of a ratio, and of the difference of two.

Crimes of one night are not independent of each other, so nights are drawn, not crimes; all forecasters share the draws.
Nights themselves are taken as independent: where they resemble their neighbours, these intervals are too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from operator import or_
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval import metrics
from predpol_eval.comparisons.drawable import (
    ONCE,
    REWARD_LESS,
    check_draws,
    refuse_less_flagged,
    refuse_overlapping_nights,
    refuse_uncertain,
    tail_of,
    warn_of_overlap,
    warn_of_uncertain,
)
from predpol_eval.comparisons.result import LEAST_CRIMES, LEAST_NIGHTS
from predpol_eval.errors import InputError, refuse_rri
from predpol_eval.scores import LOG_SCORES
from predpol_eval.strata.own_metric import EXAMPLE, result_of

if TYPE_CHECKING:
    import xarray as xr

Metric = Callable[["xr.Dataset"], "xr.DataArray"]

_MOST_NUMBERS = 2_000_000

_COUNTS = ("hits", "events")
_AREAS = (*_COUNTS, "flagged_m2", "budget_m2", "total_m2")
# What each metric is made of, so that nothing else is drawn.
MADE_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "hit_rate": _COUNTS,
        "pai": _AREAS,
        "lift": (*_COUNTS, "chance_hits"),
        "pei": (*_COUNTS, "oracle_hits"),
        "precision": (*_COUNTS, "boxes", "boxes_hit"),
        "search_efficiency": _AREAS,
    }
)

_BY_AREA = ("pai", "search_efficiency")


def bootstrap_by_night(
    tally: xr.Dataset,
    metric: str | Metric,
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
    pool: Sequence[str] = ("area",),
) -> xr.Dataset:
    """Interval of a ratio, by drawing whole nights with replacement (expanded percentile bootstrap).

    Parameters
    ----------
    tally : xarray.Dataset
        What `tally` or `backtest` returned, with its dimension ``window``.
    metric : str or callable
        ``"hit_rate"``, ``"pai"``, ``"lift"``, ``"pei"``, ``"precision"``, ``"search_efficiency"``, or any function of a
        summed tally, such as ``lambda total: ppe.pai(total, area="budget")``.
    seed : int
        Of the draws, which are the same for every forecaster, kind and budget.
    resamples : int
        Number of draws.
    level : float
        Share of intervals that should cover.
    pool : sequence of str
        Dimensions to sum over first; ``()`` keeps the areas apart.

    Returns
    -------
    xarray.Dataset
        ``estimate``, ``low``, ``high`` (in the metric's unit) and ``nights``, over the dimensions that remain.

    Raises
    ------
    InputError
        If the metric, the level, the number of draws, the seed or the tally cannot be used, or windows overlap.

    Warns
    -----
    PredPolWarning
        If crimes of uncertain moment are spread over nights, and the metric takes one of them for several.

    Notes
    -----
    A night that failed is left out above and below the line. `low` and `high` are NaN where there are fewer than 20
    crimes, or fewer than 6 nights with a crime or with a catch: draws from so few say too little. Nights are drawn one
    by one, as if they were independent; intervals that allow for serial dependence need blocks of nights.
    The percentiles lie further out the fewer the nights, as Student's t does, since plain ones are too narrow then.

    References
    ----------
    Efron 1979, The Annals of Statistics 7; Hesterberg 2015, The American Statistician 69 (expanded percentiles).

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> caught = {"hits": ("window", np.tile([1.0, 2.0, 3.0], 10)), "events": ("window", np.full(30, 8.0))}
    >>> found = bootstrap_by_night(xr.Dataset(caught), "hit_rate", seed=1)
    >>> found.estimate.item(), bool(found.low < 0.25 < found.high)
    (0.25, True)
    """
    function = _function(metric)
    tail = tail_of(level)
    resamples, seed = check_draws(resamples, seed)
    nights = _pooled(tally, metric, pool)
    warn_of_uncertain(tally, metric, 2)
    single = warn_of_overlap(tally, 2)
    missing = _missing(nights)
    nights = _without(nights, missing)
    weights = _draws(nights.sizes["window"], resamples, seed)
    estimate = function(nights.sum("window"))
    settled = (~missing).sum("window")
    low, high = _quantiles(_drawn(nights, function, weights), tail, settled)
    with_crime = (nights["events"] > 0).sum("window")
    with_catch = (nights["hits"] > 1e-9).sum("window")
    enough = (
        (with_crime >= LEAST_NIGHTS)
        & (with_catch >= LEAST_NIGHTS)
        & (nights["events"].sum("window") >= LEAST_CRIMES - 1e-9)
        & single
    )
    return _result(estimate, low, high, enough, settled, level=level, resamples=resamples, seed=seed)


def difference_by_night(
    tally: xr.Dataset,
    metric: str | Metric,
    *,
    baseline: str,
    seed: int,
    resamples: int = 5000,
    level: float = 0.95,
    pool: Sequence[str] = ("area",),
) -> xr.Dataset:
    """Differences of all forecasters from one of them, on the nights that both have, with joint intervals.

    Parameters
    ----------
    tally : xarray.Dataset
        With the dimensions ``forecaster`` and ``window``.
    metric : str or callable
        As for `bootstrap_by_night`.
    baseline : str
        Name of the forecaster that the others are compared with.
    seed, resamples, pool
        As for `bootstrap_by_night`.
    level : float
        Share of results whose intervals should all cover at once: each is widened for their number (Bonferroni).
        Choose kind and budget before calling, and only those that are asked about.

    Returns
    -------
    xarray.Dataset
        ``estimate`` (forecaster minus baseline), ``low``, ``high``, ``enough`` and ``nights``, without the baseline.

    Raises
    ------
    InputError
        If there is no such forecaster, or none to compare it with; if windows overlap; or if crimes of uncertain
        moment are spread over nights and the metric is one that takes one of them for several.
    NotComparableError
        If the metric rewards flagging less, and a forecaster flagged 5 % more or less than the baseline.

    Notes
    -----
    ``"pai"`` and ``"search_efficiency"`` charge the area that the budget allows, so that flagging less gains nothing.
    ``"lift"``, ``"pei"`` and ``"precision"`` are of what was flagged, and ask for equal ground. Of a function of your
    own neither is known: see to it yourself.
    ``enough`` is false, and the interval NaN, where the two differ on fewer than 6 nights or by fewer than 20 crimes
    (net of each night). Nights are taken as independent, as in `bootstrap_by_night`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> hits = np.array([np.tile([1.0, 2.0], 15), np.tile([3.0, 2.0], 15)])
    >>> caught = {"hits": (("forecaster", "window"), hits), "events": ("window", np.full(30, 8.0))}
    >>> found = difference_by_night(xr.Dataset(caught, {"forecaster": ["A", "B"]}), "hit_rate", baseline="A", seed=1)
    >>> found.estimate.item(), bool(found.low > 0)
    (0.125, True)
    """
    function = _function(metric, area="budget")
    if "forecaster" not in getattr(tally, "dims", ()):
        raise InputError("The tally has no dimension 'forecaster'; give what ppe.backtest(...) returned.")
    names = [str(name) for name in tally["forecaster"].to_numpy()]
    if baseline not in names or len(names) < 2:
        raise InputError(
            f"baseline={baseline!r} cannot be compared with the others; the forecasters are "
            f"{', '.join(map(repr, names))}: choose one of them, and have at least two."
        )
    tail = tail_of(level)
    resamples, seed = check_draws(resamples, seed)
    nights = _pooled(tally, metric, pool)
    refuse_overlapping_nights(tally)
    refuse_uncertain(tally, metric, 2)
    base = nights.sel(forecaster=baseline, drop=True)
    other = nights.sel(forecaster=[name for name in names if name != baseline])
    missing = _missing(other) | _missing(base)
    if isinstance(metric, str) and metric in REWARD_LESS:
        spent = tally[[name for name in REWARD_LESS[metric] if name in tally]]
        refuse_less_flagged(spent.sum([name for name in pool if name in spent.dims]), missing, metric, baseline)
    base, other = _without(base, missing), _without(other, missing)
    weights = _draws(nights.sizes["window"], resamples, seed)
    total = function(other.sum("window"))
    estimate = (total - function(base.sum("window"))).rename(total.name).assign_attrs(total.attrs)
    drawn = _drawn(other, function, weights) - _drawn(base, function, weights)
    settled = (~missing).sum("window")
    low, high = _quantiles(drawn, tail / max(1, estimate.size), settled)
    apart = abs(other["hits"] - base["hits"])
    enough = ((apart > 1e-9).sum("window") >= LEAST_NIGHTS) & (apart.sum("window") >= LEAST_CRIMES - 1e-9)
    result = _result(
        estimate, low, high, enough, settled, level=level, resamples=resamples, seed=seed, baseline=baseline,
        intervals=int(estimate.size),
    )  # fmt: skip
    about = {
        "long_name": "whether the two differ enough for an interval",
        "units": "1",
        "definition": f"at least {LEAST_NIGHTS} nights on which they differ, and {LEAST_CRIMES} differing crimes",
    }
    return result.assign(enough=enough.assign_attrs(about))


def _function(metric: str | Metric, area: metrics.Area = "flagged") -> Metric:
    if callable(metric):
        return partial(result_of, metric)
    refuse_rri(metric)
    if not isinstance(metric, str) or metric not in MADE_OF:
        raise InputError(
            f"metric={metric!r}; choose one of {', '.join(map(repr, MADE_OF))}, or give a function of a tally, for "
            f"instance {EXAMPLE}."
        )
    function: Metric = getattr(metrics, metric)
    return partial(getattr(metrics, metric), area=area) if metric in _BY_AREA else function


def _pooled(tally: xr.Dataset, metric: str | Metric, pool: Sequence[str]) -> xr.Dataset:
    """Counts by night, summed over `pool`; a night of which a part is missing is missing."""
    lacking = [name for name in _COUNTS if name not in getattr(tally, "data_vars", ())]
    if lacking or "window" not in tally.dims:
        raise InputError(
            f"The tally lacks {', '.join(lacking) if lacking else 'its nights (dimension window)'}; give what "
            "ppe.tally(...) or ppe.backtest(...) returned, before any sum over window."
        )
    wanted = MADE_OF[metric] if isinstance(metric, str) else [str(name) for name in tally.data_vars]
    numbers = [
        name for name in wanted if name in tally and tally[name].dtype.kind == "f" and "window" in tally[name].dims
    ]
    chosen = tally[numbers]
    if metric in ("hit_rate", *_BY_AREA) and all(name in tally for name in ONCE.values()):
        chosen = chosen.assign({name: tally[once] for name, once in ONCE.items()})
    if not chosen.sizes["window"]:
        raise InputError("The tally has no night; give one with at least one window.")
    return chosen.sum([name for name in pool if name in chosen.dims], skipna=False)


def _missing(nights: xr.Dataset) -> xr.DataArray:
    """Nights on which any of the counts is missing; that a score has no log score makes no night miss."""
    return reduce(or_, (nights[name].isnull() for name in nights.data_vars if name not in LOG_SCORES))


def _without(nights: xr.Dataset, missing: xr.DataArray) -> xr.Dataset:
    """Counts in which a missing night adds nothing, neither above nor below the line."""
    return nights.where(~missing, 0.0) if bool(missing.any()) else nights


def _draws(nights: int, resamples: int, seed: int) -> npt.NDArray[np.float64]:
    """How often each night is drawn, shape (resamples, nights)."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(nights, np.full(nights, 1 / nights), size=resamples).astype(np.float64)


def _drawn(nights: xr.Dataset, function: Metric, weights: npt.NDArray[np.float64]) -> xr.DataArray:
    """Metric of every draw; a part of the draws at a time, so that many areas fit in memory."""
    import xarray as xr

    largest = max(nights[name].size for name in nights.data_vars) // nights.sizes["window"]
    step = max(1, _MOST_NUMBERS // max(1, largest))
    # A draw of nights of which one may have scored -inf is undefined, and so is its interval.
    drawable = nights.assign(
        {name: nights[name].where(abs(nights[name]) < np.inf) for name in LOG_SCORES if name in nights}
    )
    parts = []
    for first in range(0, len(weights), step):
        some = xr.DataArray(weights[first : first + step], dims=("draw", "window"))
        parts.append(function(drawable.map(xr.dot, args=(some,), dim="window")))
    return xr.concat(parts, dim="draw") if len(parts) > 1 else parts[0]


def _quantiles(drawn: xr.DataArray, tail: float, nights: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Ends of the interval, from the draws of as many nights as each result has."""
    import xarray as xr

    ordered, of = xr.broadcast(drawn, nights)
    ordered = ordered.transpose(..., "draw")
    like = ordered.isel(draw=0, drop=True)
    of_nights = of.isel(draw=0, drop=True).transpose(*like.dims).to_numpy()
    # A difference that is zero but for rounding must not look like one.
    values = np.where(np.abs(ordered.to_numpy()) < 1e-12, 0.0, ordered.to_numpy())
    ends = np.full((2, *like.shape), np.nan)
    usable = np.isfinite(values).any(axis=-1)
    for number in np.unique(of_nights[usable]):
        share = expanded_tail(tail, int(number))
        here = usable & (of_nights == number)
        ends[:, here] = np.nanquantile(values[here], [share, 1 - share], axis=-1)
    return like.copy(data=ends[0]), like.copy(data=ends[1])


def expanded_tail(tail: float, nights: int) -> float:
    """Share to cut off at each end so that a percentile interval of so few nights is as wide as Student's.

    Examples
    --------
    >>> [round(expanded_tail(0.025, nights), 4) for nights in (6, 30, 1000)]
    [0.0024, 0.0188, 0.0248]
    """
    from scipy import stats

    if nights < 2:
        return tail
    reach = float(stats.t.ppf(tail, nights - 1)) * np.sqrt(nights / (nights - 1))
    return float(stats.norm.cdf(reach))


def _result(
    estimate: xr.DataArray,
    low: xr.DataArray,
    high: xr.DataArray,
    enough: xr.DataArray,
    nights: xr.DataArray,
    **attrs: Any,
) -> xr.Dataset:
    import xarray as xr

    about = {name: estimate.attrs.get(name, "") for name in ("long_name", "units", "better", "definition", "reference")}
    about["metric"] = str(estimate.name)
    made = xr.Dataset(
        {
            "estimate": estimate,
            "low": low.where(enough).transpose(*estimate.dims),
            "high": high.where(enough).transpose(*estimate.dims),
            "nights": nights,
        },
        attrs={"method": "expanded percentile bootstrap of whole nights, taken as independent", **attrs},
    )
    for name in ("estimate", "low", "high"):
        made[name].attrs = about
    made["nights"].attrs = {
        "long_name": "nights",
        "units": "nights",
        "definition": "nights of which no count that the metric is made of is missing",
    }
    return made
