"""The league: what every forecaster caught, with intervals by nights and the ranks that the nights support."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.pooled_difference import compare
from predpol_eval.comparisons.result import LEAST_CRIMES, LEAST_NIGHTS
from predpol_eval.comparisons.stationary_bootstrap import ratio_interval
from predpol_eval.trial.standings.places import ALL, League, Standing
from predpol_eval.trial.standings.settled_nights import NOT_THEIRS, SettledNights, pooled, settled_nights

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.trial.plan.plan import TrialPlan

FloatArray = npt.NDArray[np.float64]

ORACLE = "oracle"
UNIFORM = "uniform"
CHANCE = "chance"
LEVEL = 0.95
# Mean length of the blocks of nights that are drawn: a week, after which crime repeats itself most.
BLOCK = 7.0
DRAWS = 999


def league(
    tally: xr.Dataset, plan: TrialPlan, *, void: Iterable[str] = (), at: datetime | None = None, draws: int = DRAWS
) -> League:
    """Put every forecaster in its place: over all, by kind and by area.

    Parameters
    ----------
    tally, plan, void, at
        As for `look`.
    draws : int
        Of nights, for the intervals.

    Returns
    -------
    League

    Raises
    ------
    InputError
        If the tally does not fit the plan.

    Notes
    -----
    Intervals are studentised stationary bootstraps of nights in blocks of a week on average (`ratio_interval`), since
    neighbouring nights resemble each other; all forecasters share the draws. They are of one forecaster at a time, and
    must not be laid over each other to compare two.

    Ranks come from comparing every two on the nights that both have (``compare``, ``"dm"``), with the level divided by
    the number of pairs: the best rank of a forecaster is one more than the number that are shown to catch more, its
    worst leaves below it those shown to catch less. All ranks of a scope hold together with chance 95 %. The oracle
    flags the boxes in which most happened that night; it is the ceiling, and has no rank and no interval.

    A forecaster's rates are of the nights that it has. Where nights are missing two rates are of other nights, so that
    their order may not be that of a comparison.

    References
    ----------
    Politis and Romano 1994; Goldstein and Spiegelhalter 1996, Journal of the Royal Statistical Society A 159, and
    Mogstad, Romano, Shaikh and Wilhelm 2024, The Review of Economic Studies 91 (ranks from joint differences).
    """
    nights = settled_nights(tally, plan, void=void, at=at)
    scopes: list[tuple[str, str]] = [(ALL, ALL)]
    scopes += [(kind, ALL) for kind in nights.kinds] if len(nights.kinds) > 1 else []
    scopes += [(ALL, area) for area in nights.areas] if len(nights.areas) > 1 else []
    rows: list[Standing] = []
    for kind, area in scopes:
        part = nights.tally
        part = part if kind == ALL else part.sel(kind=[kind])
        part = part if area == ALL else part.sel(area=[area])
        rows += _scope(nights, part, plan, kind, area, draws)
    return League(
        plan=plan.sha256,
        nights=nights.names,
        void=nights.void,
        waiting=nights.waiting,
        missing_rule=plan.test.missing,
        rows=tuple(rows),
    )


def _scope(
    nights: SettledNights, part: xr.Dataset, plan: TrialPlan, kind: str, area: str, draws: int
) -> list[Standing]:
    """All forecasters of one scope, in order."""
    total = pooled(part, ("kind", "area"))
    crimes, ceiling = _for_all(total, "events"), _for_all(total, "oracle_hits")
    ranked = [name for name in nights.forecasters if name != ORACLE]
    above, below = _told_apart(nights, total, ranked)
    excused = part["status"].isin(NOT_THEIRS).any("kind")
    made = {
        name: _numbers(total, name, plan, crimes, draws, excused.sel(forecaster=name).to_numpy()) for name in ranked
    }
    order = sorted(ranked, key=lambda name: -np.nan_to_num(made[name]["hit_rate"], nan=-1.0))
    rows = [_ceiling(total, plan, ceiling, crimes, kind, area)] if np.isfinite(ceiling).any() else []
    for place, name in enumerate(order, 1):
        low, high = 1 + above[name], len(ranked) - below[name]
        rows.append(
            Standing(
                kind=kind, area=area, forecaster=name, role=_role(name, plan), rank=place,
                # Rates of other nights may order two against their comparison on common ones; the place is never
                # outside what is said to be supported.
                rank_low=min(low, place), rank_high=max(high, place),
                **made[name], **_why_not(part, name),  # type: ignore[arg-type]
            )
        )  # fmt: skip
    return rows


def _for_all(total: xr.Dataset, name: str) -> FloatArray:
    """A count that is the same for all, or the most of it: by night, from whoever has it."""
    if name not in total:
        return np.full(total.sizes["window"], np.nan)
    return np.asarray(total[name].max("forecaster", skipna=True).to_numpy(), dtype=np.float64)


def _numbers(
    total: xr.Dataset, name: str, plan: TrialPlan, crimes: FloatArray, draws: int, excused: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """Counts and ratios of one forecaster; of an excused night it owes no forecast."""
    one = total.sel(forecaster=name)
    counts = {str(key): np.asarray(one[key].to_numpy(), dtype=np.float64) for key in one.data_vars}
    here = np.isfinite(counts["hits"]) & np.isfinite(counts["events"])
    plain_hits = counts["hits"]
    if "hits_once" in counts:
        counts["hits"], counts["events"] = counts["hits_once"], counts["events_once"]
    kept = {key: values[here] for key, values in counts.items()}
    found: dict[str, float] = {"hits": float(kept["hits"].sum()), "crimes": float(kept["events"].sum())}
    found |= _ratio("hit_rate", kept, "events", plan, draws, most=1.0)
    ground = kept.get("budget_m2", np.zeros(0)).sum()
    scale = float(kept["total_m2"].sum() / ground) if "total_m2" in kept and ground > 0 else math.nan
    found |= {f"pai{end}": scale * found[f"hit_rate{end}"] for end in ("", "_low", "_high")}
    # Crimes of uncertain moment stand on all their nights in these, above and below the line.
    kept |= {"hits": plain_hits[here]}
    found |= _ratio("pei", kept, "oracle_hits", plan, draws, most=1.0)
    found |= _ratio("lift", kept, "chance_hits", plan, draws)
    owed = np.isfinite(crimes) & ~here & ~excused
    blind = 0.0
    if plan.test.missing == "chance":
        blind = float(crimes[owed].sum()) / scale if scale > 0 else math.nan
    all_crimes = found["crimes"] + float(crimes[owed].sum())
    found["by_the_rule"] = (found["hits"] + blind) / all_crimes if all_crimes > 0 else math.nan
    found["nights"] = int(here.sum())
    return found


def _ratio(
    name: str, kept: dict[str, FloatArray], below: str, plan: TrialPlan, draws: int, most: float = math.inf
) -> dict[str, float]:
    """A ratio of sums and its interval, inside what it can be."""
    if below not in kept or not len(kept["hits"]) or not kept[below].sum() > 0:
        return {name: math.nan, f"{name}_low": math.nan, f"{name}_high": math.nan}
    caught, counted = kept["hits"], kept[below]
    enough = (
        draws > 0
        and int((kept["events"] > 0).sum()) >= LEAST_NIGHTS
        and int((caught > 1e-9).sum()) >= LEAST_NIGHTS
        # Of a share of 1 as little can be told as of a share of 0.
        and (math.isinf(most) or int((counted - caught > 1e-9).sum()) >= LEAST_NIGHTS)
        and float(kept["events"].sum()) >= LEAST_CRIMES - 1e-9
    )
    estimate = float(caught.sum() / counted.sum())
    low = high = math.nan
    if enough:
        block = min(BLOCK, float(max(1.0, np.ceil(len(caught) / 3))))
        drawn = ratio_interval(
            caught, counted, alpha=1 - LEVEL, resamples=draws, seed=plan.seed, block=block, p_value=False
        )
        # Where nights do not vary there is no interval, and a NaN stays one.
        low, high = (float(np.clip(end, 0.0, most)) for end in (drawn.low, drawn.high))
    return {name: estimate, f"{name}_low": low, f"{name}_high": high}


def _ceiling(
    total: xr.Dataset, plan: TrialPlan, ceiling: FloatArray, crimes: FloatArray, kind: str, area: str
) -> Standing:
    """The most that the budget could have caught."""
    import xarray as xr

    most = xr.Dataset({"hits": ("window", ceiling), "events": ("window", crimes)})
    most["oracle_hits"] = most["hits"]
    for name in ("budget_m2", "total_m2", "chance_hits"):
        most[name] = ("window", _for_all(total, name))
    excused = ~np.isfinite(ceiling)
    # It is what did happen, not a forecaster whose nights might have been others: nothing is drawn, it has no interval.
    found = _numbers(most.expand_dims(forecaster=[ORACLE]), ORACLE, plan, crimes, 0, excused)
    none = dict.fromkeys(("missing", "late", "rejected", "failed", "held"), 0)
    return Standing(
        kind=kind, area=area, forecaster=ORACLE, role=ORACLE, rank=0, rank_low=0, rank_high=0, **found, **none  # type: ignore[arg-type]
    )  # fmt: skip


def _told_apart(nights: SettledNights, total: xr.Dataset, names: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """How many are shown to catch more, and less, than each."""
    above, below = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    pairs = list(combinations(names, 2))
    for a, b in pairs:
        left, right = nights.sides(a, b, total)
        if not left.sizes["window"]:
            continue
        verdict = compare(left, right, alpha=(1 - LEVEL) / len(pairs), names=(a, b)).verdict
        better, worse = (a, b) if verdict == "higher" else (b, a)
        if verdict in ("higher", "lower"):
            above[worse] += 1
            below[better] += 1
    return above, below


def _why_not(part: xr.Dataset, name: str) -> dict[str, int]:
    """How many nights are not counted, and why: of a night, the first kind that was not."""
    status = part["status"].sel(forecaster=name).transpose("kind", "window").to_numpy().astype(str)
    told = dict.fromkeys(("missing", "late", "rejected", "failed", "held"), 0)
    for night in status.T:
        wrong = [one for one in night if one != "ok"]
        if wrong:
            reason = "held" if wrong[0] in NOT_THEIRS else wrong[0] if wrong[0] in told else "failed"
            told[reason] += 1
    return told


def _role(name: str, plan: TrialPlan) -> str:
    if name in plan.vendors:
        return "vendor"
    if name in plan.in_house:
        return "in-house"
    return CHANCE if name == UNIFORM else "baseline"
