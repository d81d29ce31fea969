"""Two forecasters side by side, night by night: the same nights, crimes and budget, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.one_side import Side, one_side
from predpol_eval.errors import InputError, NotComparableError

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
_SAME = 1e-9


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
    """The nights both have; those at least one has, under the missing rule; how many each, or both, missed.

    `unlike` nights both have, but not with the same crimes, since one of them missed other nights of a crime's span.
    """

    common: Pair
    with_missing: Pair | None
    names: tuple[str, str]
    missed: tuple[int, ...]
    unlike: int


def paired(a: xr.Dataset, b: xr.Dataset, metric: str, missing: str, names: tuple[str, str] | None) -> Paired:
    """Put two tallies (or credits) of one forecaster each side by side.

    Raises
    ------
    InputError
        If a tally holds more than one forecaster, kind or budget, or lacks what the metric needs.
    NotComparableError
        If grids, windows, kinds, crimes or budgets differ.
    """
    if metric.lower() == "rri":
        raise InputError(
            "metric='rri' has two meanings; say which: Levine's ratio of PAIs is ppe.rri_levine(t2, t1), the ratio of "
            "predicted to observed crimes is ppe.calibration_ratio(risk, observed)."
        )
    if metric not in METRICS:
        raise InputError(f"metric={metric!r}; choose one of {', '.join(map(repr, METRICS))}.")
    if missing not in MISSING_RULES:
        raise InputError(
            f"missing={missing!r}; choose 'zero' (a night that one side missed counts as no crime caught) or 'chance' "
            "(as flags placed blindly)."
        )
    above, below = METRICS[metric]
    sides = one_side(a, "a", above, below), one_side(b, "b", above, below)
    _refuse_unlike(*sides)
    window = np.union1d(sides[0].window, sides[1].window)
    left, right = (_spread(side.counts, side, window) for side in sides)
    here = [~np.isnan(part[above]) & ~np.isnan(part[below]) for part in (left, right)]
    both, either = here[0] & here[1], here[0] | here[1]
    _refuse_other_nights(left, right, both, window)
    missed = tuple(int(part.sum()) for part in (~here[0] & here[1], here[0] & ~here[1], ~either))
    filled = None
    if metric in COUNTED_WHEN_MISSING and (either & ~both).any():
        whole = _filled(left, right, here[0], missing), _filled(right, left, here[1], missing)
        filled = _pair(*whole, either, window, metric)
    unlike = 0
    if sides[0].once is not None and sides[1].once is not None:
        left, right = (_spread(side.once or {}, side, window) for side in sides)
        # An uncertain crime enters on the last night that a side has of it: where nights were missed, the two may hold
        # it on different ones, or with another weight, and such nights are not common.
        same = np.isclose(left["events"], right["events"], rtol=_SAME, atol=_SAME)
        if (either & ~both).any():
            unlike = int((both & ~same).sum())
            both &= same
    return Paired(_pair(left, right, both, window, metric), filled, names or _names(*sides), missed, unlike)


def _pair(
    left: dict[str, FloatArray], right: dict[str, FloatArray], keep: npt.NDArray[np.bool_], window: Any, metric: str
) -> Pair:
    """Differences of the nights kept."""
    above, below = METRICS[metric]
    x, y, m, k = left[above][keep], right[above][keep], left[below][keep], right[below][keep]
    crimes = left["events"][keep]
    same = bool(np.allclose(m, k, rtol=_SAME, atol=0))
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
        apart = np.abs(left["hits"][keep] - right["hits"][keep])
    return Pair(window[keep], d, n, scale, apart, crimes, same)


def _spread(counts: dict[str, FloatArray], side: Side, window: npt.NDArray[Any]) -> dict[str, FloatArray]:
    """A side's counts at all nights, NaN where it has none."""
    place = np.searchsorted(window, side.window)
    out = {}
    for name, values in counts.items():
        out[name] = np.full(len(window), np.nan)
        out[name][place] = values
    return out


def _filled(
    side: dict[str, FloatArray], other: dict[str, FloatArray], here: npt.NDArray[np.bool_], missing: str
) -> dict[str, FloatArray]:
    """The side's counts with a missing night counted by the rule, everything else taken from the other side."""
    out = {name: np.where(here, side[name], other.get(name, np.nan)) for name in side}
    blind = other["events"] * other["budget_m2"] / other["total_m2"] if missing == "chance" else 0.0
    out["hits"] = np.where(here, side["hits"], blind)
    return out


def _refuse_unlike(a: Side, b: Side) -> None:
    for name, text in (("grid", "grids"), ("kind", "kinds of crime"), ("budget", "budgets"), ("method", "time rules")):
        mine, other = a.about.get(name), b.about.get(name)
        if mine is not None and other is not None and mine != other:
            if name == "grid":
                raise NotComparableError(
                    f"The two were tallied on different grids ({str(mine)[:12]}... and {str(other)[:12]}...); tally "
                    "both on one."
                )
            raise NotComparableError(
                f"The two have different {text}: {mine!r} and {other!r}; a comparison needs the same for both."
            )


def _refuse_other_nights(
    left: dict[str, FloatArray], right: dict[str, FloatArray], both: npt.NDArray[np.bool_], window: Any
) -> None:
    for name, text in (
        ("budget_m2", "unequal budgets: {0:,.0f} and {1:,.0f} m2 may be flagged"),
        ("total_m2", "different study areas: {0:,.0f} and {1:,.0f} m2"),
        ("length", "windows of different length: {0:,.0f} and {1:,.0f} s"),
        ("events", "different crimes: {0:g} and {1:g}"),
    ):
        if name not in left or name not in right:
            continue
        mine, other = left[name], right[name]
        wrong = np.flatnonzero(both & ~np.isclose(mine, other, rtol=_SAME, atol=_SAME))
        if len(wrong):
            night = wrong[0]
            when = np.datetime_as_string(window[night], unit="m") if window.dtype.kind == "M" else str(window[night])
            raise NotComparableError(
                f"The two have {text.format(mine[night], other[night])}, on {len(wrong)} of {int(both.sum())} nights, "
                f"the first {when}. A comparison needs the same events, kinds, areas, time rule and budget for both."
            )


def _names(a: Side, b: Side) -> tuple[str, str]:
    """Names of the two, told apart."""
    mine, other = str(a.about.get("forecaster") or "A"), str(b.about.get("forecaster") or "B")
    return (mine, other) if mine != other else (f"{mine} (a)", f"{other} (b)")
