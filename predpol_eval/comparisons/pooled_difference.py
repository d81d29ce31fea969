"""Is A better than B? Four ways to say how sure a pooled difference is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from predpol_eval.comparisons.long_run import check_lags, default_lags, studentised_ratio
from predpol_eval.comparisons.pairing import UNITS, Pair, first_nights, in_blocks, paired
from predpol_eval.comparisons.result import LEAST_CRIMES, LEAST_NIGHTS, Comparison
from predpol_eval.comparisons.sequence import DEFAULT_RHO, check_alpha, check_block, check_rho, sequence_interval
from predpol_eval.comparisons.sign_flips import flip_interval
from predpol_eval.comparisons.stationary_bootstrap import ratio_interval
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Method = Literal["dm", "bootstrap", "signflip", "sequence"]
METHODS: tuple[Method, ...] = ("dm", "bootstrap", "signflip", "sequence")
MissingRule = Literal["zero", "chance"]
# What each method can be told.
_SETTINGS = {
    "dm": ("lags",),
    "bootstrap": ("lags", "block", "draws", "seed"),
    "signflip": ("block", "draws", "seed"),
    "sequence": ("rho", "block"),
}
_DRAWS = {"bootstrap": 1999, "signflip": 9999}


def compare(
    a: xr.Dataset,
    b: xr.Dataset,
    metric: str = "hit_rate",
    method: Method = "dm",
    *,
    alpha: float = 0.05,
    missing: MissingRule = "zero",
    names: tuple[str, str] | None = None,
    lags: int | None = None,
    block: float | None = None,
    draws: int | None = None,
    seed: int | None = None,
    rho: float | None = None,
) -> Comparison:
    """Say how much better `a` did than `b`, pooled over nights, at equal budget, and how sure that is.

    The estimand is the difference of the pooled metric: for the hit rate sum D / sum N, where D = hits of `a` less hits
    of `b` and N the crimes of a night.

    Parameters
    ----------
    a, b : xarray.Dataset
        Tallies of one forecaster, kind and budget each, with their nights (dimension ``window``), as
        ``out.sel(forecaster="KDE")`` gives them; areas are summed. Or what `credits` returned. In both, a crime whose
        moment is uncertain enters once, on the last night of its span, with all its credit.
    metric : str
        ``"hit_rate"``, ``"pai"`` and ``"search_efficiency"`` (which charge the area of the budget, not what was used),
        ``"lift"``, ``"pei"``, ``"precision"``, or ``"log_score"``, the mean per night, from a backtest with a floor.
    method : {"dm", "bootstrap", "signflip", "sequence"}
        Long-run variance and fixed-b critical values (Diebold-Mariano); studentised stationary bootstrap; sign flips by
        night; or an interval that may be looked at every night (`confidence_sequence`), for ``"hit_rate"`` and
        ``"pai"``.
    alpha : float
        1 less the level of the interval. Divide it, or use `adjust` on the p-values, where several are compared.
    missing : {"zero", "chance"}
        How ``with_missing`` counts a night that one of the two missed: as no crime caught, or as flags placed blindly.
        The result itself is on the nights that both have.
    names : pair of str, optional
        What to call the two; else the coordinate ``forecaster``.
    lags : int, optional
        For ``"dm"`` and ``"bootstrap"``: over how many nights correlation is counted; 6 to 10 unless told otherwise.
    block : int or float, optional
        For ``"bootstrap"`` the mean length of the blocks of nights (else by Politis and White), for ``"signflip"`` how
        many neighbouring nights are flipped together (else 1), for ``"sequence"`` after how many it is looked (else 1;
        nights after the last whole block are left out).
    draws : int, optional
        For ``"bootstrap"`` (1,999) and ``"signflip"`` (9,999; all ways where nights are few).
    seed : int, optional
        Of the draws; 0 unless told otherwise, so that the numbers are the same every time.
    rho : float, optional
        For ``"sequence"``, fixed before the first night; 50 unless told otherwise, see `sequence_rho`.

    Returns
    -------
    Comparison
        Frozen: ``estimate``, ``low``, ``high``, ``p``, ``n`` (nights), ``alpha``, ``method``, ``enough`` and more; it
        shows itself, and ``in_words()`` says what may be said. ``enough`` is false, the interval of ``"dm"``,
        ``"bootstrap"`` and ``"signflip"`` NaN, and nothing is said in words, where the two differ on fewer than 6
        nights or by fewer than 20 crimes. The p-value of ``"signflip"`` and the interval of ``"sequence"`` hold then
        too.

    Raises
    ------
    InputError
        If something cannot be used, or an argument is of another method.
    NotComparableError
        If grids, nights, kinds, crimes, areas or budgets of the two differ.

    References
    ----------
    Diebold and Mariano 1995; Kiefer and Vogelsang 2005; Politis and Romano 1994; Politis and White 2004; Fisher 1935;
    Howard, Ramdas, McAuliffe and Sekhon 2021.

    Examples
    --------
    >>> import numpy as np, xarray as xr, predpol_eval as ppe
    >>> hits = np.array([np.tile([3.0, 2.0, 4.0], 20), np.tile([1.0, 2.0], 30)])
    >>> caught = {"hits": (("forecaster", "window"), hits), "events": ("window", np.full(60, 10.0))}
    >>> tally = xr.Dataset(caught, {"forecaster": ["new", "old"]})
    >>> found = ppe.compare(tally.sel(forecaster="new"), tally.sel(forecaster="old"))
    >>> round(found.estimate, 3), found.verdict, found.n
    (0.15, 'higher', 60)
    """
    if method not in METHODS:
        raise InputError(f"method={method!r}; choose one of {', '.join(map(repr, METHODS))}.")
    given = {"lags": lags, "block": block, "draws": draws, "seed": seed, "rho": rho}
    foreign = [name for name, value in given.items() if value is not None and name not in _SETTINGS[method]]
    if foreign:
        raise InputError(
            f"method={method!r} knows no {' and no '.join(foreign)}; it can be told {', '.join(_SETTINGS[method])}."
        )
    level = check_alpha(alpha)
    both = paired(a, b, metric, missing, names)
    missed = {"missed_by_a": both.missed[0], "missed_by_b": both.missed[1], "missed_by_both": both.missed[2]}
    about: dict[str, Any] = {"a": both.names[0], "b": both.names[1], "metric": metric, "missing": missing}
    other = None
    if both.with_missing is not None:
        other = _judged(both.with_missing, method, level, given, about | {"missed_by_both": both.missed[2]})
    return _judged(both.common, method, level, given, {**about, **missed, "with_missing": other})


def _judged(pair: Pair, method: Method, alpha: float, given: dict[str, Any], about: dict[str, Any]) -> Comparison:
    """Compare on the nights of a pair."""
    if method == "sequence" and given["block"] is not None:
        nights = len(pair.d)
        pair = first_nights(pair, nights - nights % check_block(given["block"], nights))
    apart = pair.apart > 1e-9
    enough = int(apart.sum()) >= LEAST_NIGHTS and float(pair.apart.sum()) >= LEAST_CRIMES - 1e-9
    estimate, low, high, p, settings = _interval(pair, method, alpha, given, about["metric"])
    if not enough and method != "sequence":
        low = high = np.nan
        p = p if method == "signflip" else np.nan
    return Comparison(
        **about,
        method=method,
        estimate=pair.scale * estimate,
        low=pair.scale * low,
        high=pair.scale * high,
        p=p,
        n=len(pair.d),
        alpha=alpha,
        enough=enough,
        crimes=float(pair.crimes.sum()),
        differing_nights=int(apart.sum()),
        differing_crimes=float(pair.apart.sum()),
        settings=settings,
        units=UNITS.get(about["metric"], "1"),
    )


def _interval(
    pair: Pair, method: Method, alpha: float, given: dict[str, Any], metric: str
) -> tuple[float, float, float, float, dict[str, Any]]:
    """Estimate, interval and p-value, in the pair's unit, and the settings used."""
    d, n = pair.d, pair.n
    nights = len(d)
    if method == "sequence":
        if metric not in ("hit_rate", "pai"):
            raise InputError(
                f"method='sequence' is for 'hit_rate' and 'pai', not {metric!r}, whose bound for every night is not "
                "known; use method='dm' at looks planned with ppe.alpha_spending(...)."
            )
        rho = DEFAULT_RHO if given["rho"] is None else check_rho(given["rho"])
        together = 1 if given["block"] is None else int(given["block"])
        settings: dict[str, Any] = {"rho": rho, "block": together}
        blocks = in_blocks(pair, together)
        if not len(blocks.d):
            return np.nan, -1.0, 1.0, 1.0, settings
        course = sequence_interval(blocks.d, blocks.n, alpha=alpha, rho=rho, last=True)
        ends = float(course.low[-1]), float(course.high[-1])
        return float(course.estimate[-1]), *ends, float(course.p_value[-1]), settings
    if not np.isfinite(d).all() or not np.isfinite(n).all():
        return np.nan, np.nan, np.nan, np.nan, {}
    if method == "dm":
        lags = default_lags(nights) if given["lags"] is None else check_lags(given["lags"], nights)
        found = studentised_ratio(d, n, alpha=alpha, lags=lags)
        return found.estimate, found.low, found.high, found.p, {"lags": lags}
    draws = _DRAWS[method] if given["draws"] is None else _whole(given["draws"], "draws", 99)
    seed = 0 if given["seed"] is None else _whole(given["seed"], "seed", 0)
    if method == "bootstrap":
        drawn = ratio_interval(d, n, alpha=alpha, resamples=draws, seed=seed, block=given["block"], lags=given["lags"])
        settings = {"block": round(drawn.block, 2), "draws": draws, "seed": seed}
        return drawn.estimate, drawn.low, drawn.high, drawn.p, settings
    if not pair.same_below:
        raise InputError(
            f"method='signflip' needs nights that count the same below the line for both, which {metric!r} does not "
            "have here; use method='dm' or 'bootstrap'."
        )
    together = 1 if given["block"] is None else check_block(given["block"], nights)
    flipped = flip_interval(d, n, alpha=alpha, flips=draws, block=together, seed=seed)
    settings = {"flips": "all" if flipped.exact else flipped.flips, "seed": seed, "block": together}
    return flipped.estimate, flipped.low, flipped.high, flipped.p, settings


def _whole(value: Any, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name}={value!r}; give a whole number, at least {least}.")
    return int(value)
