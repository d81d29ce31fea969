"""Two forecasters side by side, night by night: the same nights, crimes and budget, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.alike import (
    SAME,
    refuse_less_flagged,
    refuse_other_nights,
    refuse_unlike,
    warn_of_other_leads,
)
from predpol_eval.comparisons.missing_nights import by_the_rule, on_common_nights, settled
from predpol_eval.comparisons.one_side import Side, one_side
from predpol_eval.errors import InputError, refuse_rri

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]

# Above and below the line of each metric. A comparison charges the area of the budget, never what was used.
METRICS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "hit_rate": ("hits", "events"),
        "pai": ("hits", "events"),
        "lift": ("hits", "chance_hits"),
        "pei": ("hits", "oracle_hits"),
        "precision": ("boxes_hit", "boxes"),
        "search_efficiency": ("hits", "budget_m2"),
        "log_score": ("log_score", "night"),
    }
)
UNITS = {"search_efficiency": "crimes per km2", "log_score": "nats per night"}
# Metrics for which it can be said what a night would have added on which nothing was sent.
COUNTED_WHEN_MISSING = ("hit_rate", "pai", "search_efficiency")
MISSING_RULES = ("zero", "chance")


class Pair(NamedTuple):
    """Nights in the order of time; `d` above `n` is the difference, times `scale` the metric's."""

    window: npt.NDArray[Any]
    d: FloatArray
    n: FloatArray
    scale: float
    apart: FloatArray
    crimes: FloatArray
    same_below: bool


def first_nights(pair: Pair, count: int) -> Pair:
    """Keep the first `count` nights."""
    window, d, n, apart, crimes = (part[:count] for part in (pair.window, pair.d, pair.n, pair.apart, pair.crimes))
    return Pair(window, d, n, pair.scale, apart, crimes, pair.same_below)


def in_blocks(pair: Pair, block: int) -> Pair:
    """Sum neighbouring nights into blocks, each named by its last night; what is over after the last is left out."""
    whole = first_nights(pair, len(pair.d) - len(pair.d) % block)
    d, n, apart, crimes = (
        part.reshape(-1, block).sum(axis=1) for part in (whole.d, whole.n, whole.apart, whole.crimes)
    )
    return Pair(whole.window[block - 1 :: block], d, n, pair.scale, apart, crimes, pair.same_below)


class Paired(NamedTuple):
    """The nights both have; those at least one has, under the missing rule; how many each, or both, missed."""

    common: Pair
    with_missing: Pair | None
    names: tuple[str, str]
    missed: tuple[int, ...]


def paired(a: xr.Dataset, b: xr.Dataset, metric: str, missing: str, names: tuple[str, str] | None) -> Paired:
    """Put two tallies (or credits) of one forecaster each side by side.

    Raises
    ------
    InputError
        If a tally holds more than one forecaster, kind or budget, or lacks what the metric needs.
    NotComparableError
        If grids, windows, kinds, crimes or budgets differ.
    """
    if not isinstance(metric, str):
        raise InputError(f"metric is {type(metric).__name__}; give its name: one of {', '.join(map(repr, METRICS))}.")
    refuse_rri(metric)
    if metric not in METRICS:
        raise InputError(f"metric={metric!r}; choose one of {', '.join(map(repr, METRICS))}.")
    if missing not in MISSING_RULES:
        raise InputError(
            f"missing={missing!r}; choose 'zero' (a night that one side missed counts as no crime caught) or 'chance' "
            "(as flags placed blindly)."
        )
    above, below = METRICS[metric]
    sides = one_side(a, "a", metric, above, below), one_side(b, "b", metric, above, below)
    called = _names(*sides) if names is None else _given_names(names)
    refuse_unlike(*sides)
    window = np.union1d(sides[0].window, sides[1].window)
    plain = _spread(sides[0].counts, sides[0], window), _spread(sides[1].counts, sides[1], window)
    here = tuple(~np.isnan(part[above]) & ~np.isnan(part[below]) for part in plain)
    both, either = here[0] & here[1], here[0] | here[1]
    refuse_other_nights(*plain, both, window)
    refuse_less_flagged(*plain, both, metric)
    warn_of_other_leads(*plain, both)
    missed = tuple(int(part.sum()) for part in (~here[0] & here[1], here[0] & ~here[1], ~either))
    counts, common = plain, plain
    if sides[0].once is not None and sides[1].once is not None:
        counts = _spread(sides[0].once, sides[0], window), _spread(sides[1].once, sides[1], window)
        left, right = (on_common_nights(counts[k], plain[k], here[k], both) for k in (0, 1))
        left["events"] = right["events"] = settled(left["events"], right["events"], both)
        common = left, right
    filled = None
    if metric in COUNTED_WHEN_MISSING and (either & ~both).any():
        filled = _pair(*by_the_rule(counts, plain, (here[0], here[1]), missing), either, window, metric)
    return Paired(_pair(*common, both, window, metric), filled, called, missed)


def _pair(
    left: dict[str, FloatArray], right: dict[str, FloatArray], keep: npt.NDArray[np.bool_], window: Any, metric: str
) -> Pair:
    """Differences of the nights kept."""
    above, below = METRICS[metric]
    x, y, m, k = left[above][keep], right[above][keep], left[below][keep], right[below][keep]
    crimes = left["events"][keep]
    same = bool(np.allclose(m, k, rtol=SAME, atol=0))
    scale = 1.0
    if metric == "pai":
        ground = float(left["budget_m2"][keep].sum())
        scale = float(left["total_m2"][keep].sum()) / ground if ground > 0 else np.nan
    elif metric == "search_efficiency":
        scale = 1e6
    if same:
        d, n = x - y, m
    else:
        # Ratios of unlike sums: each night's part in either, to first order.
        with np.errstate(divide="ignore", invalid="ignore"):
            of_x, of_y = x.sum() / m.sum(), y.sum() / k.sum()
            d = (x - of_x * m) / m.mean() - (y - of_y * k) / k.mean() + (of_x - of_y)
        n = np.ones_like(d)
    with np.errstate(invalid="ignore"):
        # Of a score, that sees all the ground, the crimes of the nights on which it differs.
        of_score = np.where(np.abs(x - y) > SAME, crimes, 0.0)
        apart = of_score if metric == "log_score" else np.abs(left["hits"][keep] - right["hits"][keep])
    return Pair(window[keep], d, n, scale, apart, crimes, same)


def _spread(counts: dict[str, FloatArray], side: Side, window: npt.NDArray[Any]) -> dict[str, FloatArray]:
    """A side's counts at all nights, NaN where it has none."""
    place = np.searchsorted(window, side.window)
    out = {}
    for name, values in counts.items():
        out[name] = np.full(len(window), np.nan)
        out[name][place] = values
    return out


def _given_names(names: Any) -> tuple[str, str]:
    if isinstance(names, str) or len(tuple(names)) != 2:
        raise InputError(f"names={names!r}; give what to call the two, for instance names=('vendor A', 'vendor B').")
    first, second = (str(name) for name in names)
    return first, second


def _names(a: Side, b: Side) -> tuple[str, str]:
    """Names of the two, told apart."""
    mine, other = str(a.about.get("forecaster") or "A"), str(b.about.get("forecaster") or "B")
    return (mine, other) if mine != other else (f"{mine} (a)", f"{other} (b)")
