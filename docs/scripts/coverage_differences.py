"""How often the intervals and tests of a difference are right, in simulated trials."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

import predpol_eval as ppe
from docs.scripts.coverage_worlds import CLUSTER, RATES, FloatArray, World, trials
from predpol_eval.comparisons.long_run import default_lags, fixed_b, ratio_error, studentised_ratio
from predpol_eval.comparisons.result import LEAST_CRIMES, LEAST_NIGHTS
from predpol_eval.comparisons.sequence import DEFAULT_RHO, e_values, sequence_interval
from predpol_eval.comparisons.sign_flips import flip_interval
from predpol_eval.comparisons.stationary_bootstrap import ratio_interval

ALPHA = 0.05
WEEK = 7
# The names of the columns, and what each is; all but the last two are `compare(method=...)`.
METHODS = {
    "dm": lambda d, n: studentised_ratio(d, n),
    "bootstrap": lambda d, n: ratio_interval(d, n, seed=1),
    "signflip": lambda d, n: flip_interval(d, n, flips=1999, seed=1),
    "signflip, weeks": lambda d, n: flip_interval(d, n, flips=1999, seed=1, block=WEEK),
}
BY_NIGHT = "difference_by_night"
OF_ONE = "bootstrap_by_night"
COLUMNS = (*METHODS, BY_NIGHT)


class Shares(NamedTuple):
    """Shares of the trials: intervals that cover the truth, and intervals that leave 0 out."""

    covers: float
    rejects: float


def judge(world: World, runs: int, seed: int, columns: tuple[str, ...] = (*COLUMNS, OF_ONE)) -> dict[str, object]:
    """Play `runs` trials; too few crimes are counted, and left out of the shares."""
    hits_a, hits_b, crimes = trials(world, runs, seed)
    d = hits_a - hits_b
    enough = ((np.abs(d) > 0).sum(axis=1) >= LEAST_NIGHTS) & (np.abs(d).sum(axis=1) >= LEAST_CRIMES)
    found: dict[str, object] = {"few": float(1 - enough.mean()), "judged": int(enough.sum())}
    for name in columns:
        if name in METHODS:
            ends = [METHODS[name](x, n) for x, n in zip(d[enough], crimes[enough], strict=True)]
            found[name] = _shares([(one.low, one.high) for one in ends], world.delta)
        elif name == BY_NIGHT:
            found[name] = _shares(_by_night(hits_a, hits_b, crimes), world.delta)
        elif not world.differ:
            found[name] = _shares(_of_one(hits_a, crimes), _rate(world))
    return found


def follow(world: World, runs: int, seed: int, block: int, rho: float = DEFAULT_RHO) -> dict[str, float]:
    """Look at `runs` trials after every block: how often is the truth ever left out, and 0 left out at the end?"""
    hits_a, hits_b, crimes = trials(world, runs, seed)
    whole = world.number - world.number % block
    d, n = ((part[:, :whole].reshape(runs, -1, block)).sum(axis=2) for part in (hits_a - hits_b, crimes))
    limit = 1 / ALPHA
    missed = (e_values(d - world.delta * n, rho=rho) > limit).any(axis=1)
    against = e_values(d, rho=rho) > limit
    width = [
        float(one.high[0] - one.low[0])
        for one in (sequence_interval(x, m, rho=rho, last=True) for x, m in zip(d[:200], n[:200], strict=True))
    ]
    naive = [studentised_ratio(x, m) for x, m in zip(d[:200], n[:200], strict=True)]
    return {
        "missed": float(missed.mean()),
        "found": float(against[:, -1].mean()),
        "ever": float(against.any(axis=1).mean()),
        "wider": float(np.median(width) / np.nanmedian([one.high - one.low for one in naive])),
    }


def peek(world: World, runs: int, seed: int, looks: tuple[int, ...], plan: tuple[str, str] | None) -> float:
    """Share of trials called different at any of the looks.

    Each by `dm` at 5 % (None); or by a spending and a method, at what the plan lets the look spend.
    """
    hits_a, hits_b, crimes = trials(world, runs, seed)
    d = hits_a - hits_b
    levels, method = np.full(len(looks), ALPHA), METHODS["dm"]
    if plan is not None:
        spending, name = plan
        levels = ppe.alpha_spending(looks, total=looks[-1], spending=spending)["nominal_alpha"].to_numpy()
        method = METHODS[name]
    called = np.zeros(runs, dtype=bool)
    for look, level in zip(looks, levels, strict=True):
        for run in np.flatnonzero(~called):
            called[run] = method(d[run, :look], crimes[run, :look]).p <= level
    return float(called.mean())


def detect(world: World, runs: int, seed: int, method: str) -> tuple[float, float]:
    """The difference said to be detectable with power 80 %, and how often `compare` finds one of that size."""
    alone, both, neither = RATES[world.crimes]
    total = 2 * alone + both + neither
    spread = 2 * CLUSTER - 1 if world.nights == "clustered" else 1.0
    told = ppe.detectable_difference(
        nights=world.number, crimes=total, differing=2 * alone / total, dispersion=spread, method=method, seed=seed
    ).difference
    # Trials in which the two differ by that much: the noise of ones without a difference, moved.
    hits_a, hits_b, crimes = trials(world, runs, seed + 1)
    law = fixed_b(world.number, default_lags(world.number)).critical(ALPHA)
    found = 0
    for x, n in zip(hits_a - hits_b, crimes, strict=True):
        moved = x + told * n
        ratio = moved.sum() / n.sum()
        found += ratio > law * ratio_error(moved, n, ratio, default_lags(world.number))
    return told, found / runs


def _shares(ends: list[tuple[float, float]], truth: float) -> Shares:
    low, high = np.array(ends).T if ends else (np.zeros(0), np.zeros(0))
    told = np.isfinite(low) | np.isfinite(high)
    if not told.any():
        return Shares(np.nan, np.nan)
    low, high = low[told], high[told]
    return Shares(float(((low <= truth) & (truth <= high)).mean()), float(((low > 0) | (high < 0)).mean()))


def _by_night(a: FloatArray, b: FloatArray, crimes: FloatArray) -> list[tuple[float, float]]:
    """Ends of the intervals of `difference_by_night`, ten trials a call.

    It widens its intervals for their number, so that all cover at once: ten at a level of .5 are of 95 % each.
    """
    ends: list[tuple[float, float]] = []
    for first in range(0, len(a), 10):
        part = slice(first, first + 10)
        counts = {
            "hits": (("forecaster", "kind", "window"), np.stack([a[part], b[part]])),
            "events": (("kind", "window"), crimes[part]),
        }
        tally = xr.Dataset(counts, {"forecaster": ["A", "B"]})
        level = 1 - ALPHA * len(crimes[part])
        one = ppe.difference_by_night(tally, "hit_rate", baseline="B", seed=1, resamples=1000, level=level, pool=())
        ends += zip(one["low"].to_numpy().ravel().tolist(), one["high"].to_numpy().ravel().tolist(), strict=True)
    return ends


def _of_one(hits: FloatArray, crimes: FloatArray) -> list[tuple[float, float]]:
    """Ends of the intervals of `bootstrap_by_night`."""
    tally = xr.Dataset({"hits": (("kind", "window"), hits), "events": (("kind", "window"), crimes)})
    one = ppe.bootstrap_by_night(tally, "hit_rate", seed=1, pool=())
    return list(zip(one["low"].to_numpy().tolist(), one["high"].to_numpy().tolist(), strict=True))


def _rate(world: World) -> float:
    alone, both, neither = RATES[world.crimes]
    return (alone + both) / (2 * alone + both + neither)
