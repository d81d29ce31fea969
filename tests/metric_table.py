"""Every public metric as a function of a small town, and which properties hold for it.

`tests/test_metric_properties.py` runs the properties over this table. A field that is None, or empty, says that the
property does not apply, and the comment beside it why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy import stats

import predpol_eval as ppe
from predpol_eval.comparisons import Comparison
from tests.metric_towns import Array, Town, joined

Numbers = dict[str, Array]

SHARES = np.arange(1, 17) / 16
BUDGETS = (
    ppe.TopCells(2),
    ppe.TopCells(1, per="area"),
    ppe.Coverage(0.3),
    ppe.Coverage(0.5, rounding="floor"),
    ppe.Coverage(0.25, per="area"),
)
# More than any town has: exactly what lies above zero is flagged.
ALL = ppe.Flags(1e9)
DRAWS = {"seed": 3, "simulations": 39}


def numbers(result: Any) -> Numbers:
    """All numbers of a result, by name."""
    if isinstance(result, Comparison):
        told = {name: value for name, value in result.to_dict().items() if isinstance(value, float | int)}
        return {name: np.asarray(value) for name, value in told.items()}
    if isinstance(result, xr.DataArray):
        return {str(result.name): result.to_numpy()}
    return {str(name): part.to_numpy() for name, part in result.items() if part.dtype.kind in "fiub"}


def at_shares(curve: xr.DataArray) -> Numbers:
    """A capture curve where every other is read too: each bends at shares of its own."""
    points = curve["area_share"].to_numpy()
    return {
        name: np.interp(SHARES, points, part.to_numpy())
        for name, part in (("capture", curve), ("oracle", curve.oracle))
    }


@dataclass(frozen=True, kw_only=True)
class Row:
    """A metric, and what holds for it."""

    name: str
    measure: Callable[[Town], Any]
    read: Callable[[Any], Numbers] = numbers
    # Towns that it can be asked about, and on how many each property is tried: fewer where rows share code or are slow.
    examples: int = 3
    kinds: tuple[str, ...] = ("score", "expected_count")
    whole: bool = False
    many_nights: bool = False
    above_zero: bool | None = None
    # Of a tally or its sums; its halves add up to the whole.
    of_tally: Callable[[xr.Dataset], xr.DataArray] | None = None
    # "turned": shapes know neighbours, so cells may be turned and mirrored, not shuffled.
    cells: Literal["any order", "turned"] = "any order"
    # "refused": change is between one night and the next.
    nights: Literal["any order", "refused"] = "any order"
    # False: it is about the flagged ground alone.
    sees_crimes: bool = True
    # What the numbers become if every risk (of the first surface) is multiplied.
    louder: Callable[[Town, Numbers, float], Numbers] = lambda town, before, factor: before
    factors: tuple[float, ...] = (1 / 3, 7.0, 1e-9, 1e9)
    # By how much a number is multiplied if cells are twice as wide and everything else is the same.
    wider: Mapping[str, float] = field(default_factory=dict)
    # Numbers of the whole, from those of two parts of the nights.
    adds: Callable[[Town, Numbers, Town, Numbers], Numbers] | None = None
    # Never falls along the last axis, where the budget rises.
    by_budget: Callable[[Town], Array] | None = None
    # Lowest and highest, by name.
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    # What a map that knows nothing has.
    blind: Callable[[Town], Numbers] | None = None
    # What a surface has that is compared with itself.
    itself: Mapping[str, float] = field(default_factory=dict)
    # The number that is best for the map that knew the crimes, and the map.
    best: str = ""
    knowing: Callable[[Town], xr.DataArray] = lambda town: town.surface(town.crimes, "expected_count")
    better: Literal["higher", "lower"] = "higher"
    # The number that a rate of zero at a crime must never improve.
    zero: str = ""
    # Numbers that jump where two sums of rates are equal but for rounding, as they are no more in float32.
    jumps: tuple[str, ...] = ()
    # The dimension that several surfaces may lie along; None: one at a time, others are refused.
    leading: str | None = "forecaster"
    # Which variables of a Dataset are the metric (the others are what it is made of).
    explained: tuple[str, ...] = ()


def _caught(town: Town) -> xr.Dataset:
    return town.tally(*BUDGETS).sum("window")


def _weighted(weight: Callable[[Town], float]) -> Callable[[Town, Numbers, Town, Numbers], Numbers]:
    """The mean of the parts by their nights, crimes or cells: exact where each part is such a mean."""

    def whole(first: Town, one: Numbers, second: Town, two: Numbers) -> Numbers:
        parts = [(weight(town), told) for town, told in ((first, one), (second, two)) if weight(town) > 0]
        total = sum(much for much, _ in parts)
        return {name: sum(much * told[name] for much, told in parts) / total if parts else np.nan for name in one}

    return whole


def _crimes(town: Town) -> float:
    return float(town.recorded.sum())


def _windows(town: Town) -> float:
    return float(town.risk.sizes["window"])


def _ratio(metric: Callable[[xr.Dataset], xr.DataArray], **more: Any) -> Row:
    name = more.pop("name", getattr(metric, "__name__", ""))
    return Row(name=name, measure=lambda town: metric(_caught(town)), of_tally=metric, examples=2, **more)


def _level(per: Callable[[Town], float], *names: str) -> Callable[[Town, Numbers, float], Numbers]:
    """Of a Poisson log likelihood: N ln f - (f - 1) Nhat more, per night, per crime or in all."""

    def louder(town: Town, before: Numbers, factor: float) -> Numbers:
        more = _crimes(town) * np.log(factor) - (factor - 1) * town.expected.sum()
        return {name: before[name] + (more / per(town) if per(town) > 0 else np.nan) for name in names}

    return louder


def _louder_brier(town: Town, before: Numbers, factor: float) -> Numbers:
    chance = 1 - np.exp(-factor * town.expected)
    return {"brier": np.mean((chance - (town.recorded > 0)) ** 2)}


def _louder_number(phi: float) -> Callable[[Town, Numbers, float], Numbers]:
    """Tails of a Poisson count, or of one whose variance is phi times its mean."""

    def louder(town: Town, before: Numbers, factor: float) -> Numbers:
        mean = factor * town.expected.sum()
        law = stats.poisson(mean) if phi == 1 or mean == 0 else stats.nbinom(mean / (phi - 1), 1 / phi)
        return {"d1": law.sf(_crimes(town) - 1), "d2": law.cdf(_crimes(town)), "expected": factor * before["expected"]}

    return louder


def _blind_precision(town: Town) -> Numbers:
    """Every cell is as likely flagged as any other of its area: the share of cells with a crime, by area."""
    label, hit = town.grid.label_code[town.grid.mask], town.recorded > 0
    with np.errstate(invalid="ignore"):
        by_area = [np.sum(hit[:, label == area]) / (len(hit) * np.sum(label == area)) for area in (0, 1)]
    return {"precision": np.broadcast_to(np.array(by_area)[:, None], (2, len(BUDGETS)))}


def _blind_share(name: str, power: float) -> Callable[[Town], Numbers]:
    """A power of the share of the ground that is flagged, by area and budget."""

    def expected(town: Town) -> Numbers:
        caught = _caught(town)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (caught.flagged_m2 / caught.total_m2).transpose("area", "budget").to_numpy()
            return {name: np.where(share > 0, share**power, np.nan)}

    return expected


def _blind_efficiency(town: Town) -> Numbers:
    label = town.grid.label_code[town.grid.mask]
    ground, crimes = (
        np.bincount(label, values, minlength=2)
        for values in (town.grid.inside_m2[town.grid.mask], town.recorded.sum(axis=0))
    )
    with np.errstate(invalid="ignore"):
        return {
            "search_efficiency": np.broadcast_to((1e6 * crimes / ground / _windows(town))[:, None], (2, len(BUDGETS)))
        }


def _city(town: Town, *budgets: Any) -> xr.Dataset:
    return town.tally(*budgets).sum(["window", "area"])


def _rising(town: Town) -> Array:
    """Hit rates, and those of the oracle, of ever more cells and ever more ground."""
    rows = []
    for budgets in ([ppe.TopCells(k) for k in range(1, 9)], [ppe.Coverage(share) for share in SHARES[1::2]]):
        caught = _city(town, *budgets)
        rows += [ppe.hit_rate(caught).to_numpy(), ppe.hit_rate(caught.assign(hits=caught.oracle_hits)).to_numpy()]
    return np.array(rows)


def _recapture(town: Town) -> xr.DataArray:
    """Of the same map in every night of two periods, so that both are of the same places."""
    same = (town.risk.max("window") + 0 * town.risk.fillna(0)).transpose(*town.risk.dims).assign_attrs(town.risk.attrs)
    later, earlier = (town.tally(*BUDGETS, risk=same, crimes=crimes) for crimes in (town.crimes, town.earlier))
    return ppe.rri_levine(later, earlier)


def _flagged(town: Town) -> xr.DataArray:
    return ppe.flagged_cells(town.risk, ALL, town.grid)


def _shared(town: Town) -> xr.Dataset:
    both = joined(*xr.broadcast(town.risk, town.other), "forecaster").assign_attrs(town.risk.attrs)
    return ppe.complementarity(ppe.flagged_cells(both, ALL, town.grid), town.crimes)


def _shared_sums(first: Town, one: Numbers, second: Town, two: Numbers) -> Numbers:
    total = {
        name: one[name] + two[name] for name in ("both", "first_only", "second_only", "neither", "events", "union_m2")
    }
    caught = total["both"] + total["first_only"] + total["second_only"]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {"jaccard": total["both"] / caught, "one_only": (caught - total["both"]) / total["events"]}
    return total | ratios


def _by_area(town: Town) -> xr.Dataset:
    return ppe.stratify(town.tally(*BUDGETS), ["hit_rate", "pai", "search_efficiency"], by=["area", "weekend"])


def _table_sums(first: Town, one: Numbers, second: Town, two: Numbers) -> Numbers:
    total = {name: one[name] + two[name] for name in ("hits", "events", "nights", "flagged_m2", "oracle_hits")}
    with np.errstate(invalid="ignore"):
        return total | {"few": total["events"] < 20, "hit_rate": total["hits"] / total["events"][..., None]}


def _compared(metric: str, method: str, **options: Any) -> Callable[[Town], Comparison]:
    def measure(town: Town) -> Comparison:
        return ppe.compare(
            town.tally(ppe.TopCells(2)), town.tally(ppe.TopCells(2), risk=town.other), metric, method, **options
        )

    return measure


def _estimate_only(weight: Callable[[Town], float]) -> Callable[[Town, Numbers, Town, Numbers], Numbers]:
    whole = _weighted(weight)
    return lambda first, one, second, two: {
        "estimate": whole(first, one, second, two)["estimate"],
        **{name: one[name] + two[name] for name in ("n", "crimes", "differing_nights", "differing_crimes")},
    }


def _number_test(phi: float) -> Row:
    return Row(
        name="n_test", measure=lambda town: ppe.n_test(town.risk, town.crimes, dispersion=phi),
        kinds=("expected_count",), whole=True, louder=_louder_number(phi),
        bounds=dict.fromkeys(("d1", "d2", "p"), (0.0, 1.0)),
        adds=lambda first, one, second, two: {name: one[name] + two[name] for name in ("expected", "observed")},
        explained=("d1", "d2", "p"),
    )  # fmt: skip


def _simulated(name: str, **more: Any) -> Row:
    return Row(
        name=name, measure=lambda town: getattr(ppe, name)(town.risk, town.crimes, **DRAWS), kinds=("expected_count",),
        whole=True, bounds={"p": (1 / 40, 1.0)}, zero="statistic", jumps=("p",), explained=("p",), **more,
    )  # fmt: skip


def _score(name: str, **more: Any) -> Row:
    return Row(
        name=name, measure=lambda town: getattr(ppe, name)(town.risk, town.crimes), kinds=("expected_count",),
        best=more.pop("best", name), **more,
    )  # fmt: skip


def _gain(name: str, measure: Callable[[Town], Any], **more: Any) -> Row:
    return Row(
        name=name, measure=measure, kinds=("expected_count",), above_zero=True,
        louder=_level(lambda town: _crimes(town) if _crimes(town) > 1 else 0.0, "information_gain"),
        adds=_weighted_gain, best="information_gain", **more,
    )  # fmt: skip


def _weighted_gain(first: Town, one: Numbers, second: Town, two: Numbers) -> Numbers:
    # Undefined below two crimes, and then no part of a mean.
    if min(_crimes(first), _crimes(second)) < 2:
        return {}
    whole = _weighted(_crimes)
    return whole(first, {"information_gain": one["information_gain"]}, second, two)


def _pairs(metric: str, method: str, weight: Callable[[Town], float], **more: Any) -> Row:
    per_m2 = dict.fromkeys(("estimate", "low", "high"), 0.25) if metric == "search_efficiency" else {}
    return Row(
        name="compare", measure=_compared(metric, method, **more), many_nights=True, examples=2, leading=None,
        wider=per_m2, adds=_estimate_only(weight), itself={"estimate": 0.0, "differing_crimes": 0.0},
        bounds={"p": (0.0, 1.0)},
    )  # fmt: skip


_RATE = {"bounds": {"hit_rate": (0.0, 1.0)}, "blind": _blind_share("hit_rate", 1.0), "best": "hit_rate"}
_SHAPE = {"cells": "turned", "sees_crimes": False}

ROWS: dict[str, Row] = {
    # Ratios of a tally.
    "hit_rate": _ratio(ppe.hit_rate, by_budget=_rising, **_RATE),
    # PAI, PPAI and search efficiency fall with the budget, and under TopCells a map that knew the crimes may use more
    # ground: no best there. At the budget's area there is.
    "pai": _ratio(ppe.pai, blind=lambda town: {"pai": np.ones((2, len(BUDGETS)))}),
    "pai at equal budget": _ratio(lambda caught: ppe.pai(caught, area="budget"), name="pai", best="pai"),
    "lift": _ratio(ppe.lift, blind=lambda town: {"lift": np.ones((2, len(BUDGETS)))}),
    # No budget rises with it: the oracle gains from a larger budget too.
    "pei": _ratio(ppe.pei, bounds={"pei": (0.0, 1.0)}, best="pei"),
    "ppai": _ratio(lambda caught: ppe.ppai(caught, 0.5), name="ppai", blind=_blind_share("ppai", 0.5)),
    "precision": _ratio(ppe.precision, bounds={"precision": (0.0, 1.0)}, blind=_blind_precision),
    "search_efficiency": _ratio(
        ppe.search_efficiency, wider={"search_efficiency": 0.25}, blind=_blind_efficiency
    ),
    # Two periods, each a sum of its own: a ratio of them is no mean of its parts.
    "rri_levine": Row(
        name="rri_levine", measure=_recapture, examples=2, blind=lambda town: {"rri_levine": np.ones((2, len(BUDGETS)))}
    ),
    # Curves.
    "capture_curve": Row(
        name="capture_curve", measure=lambda town: ppe.capture_curve(town.risk, town.crimes), read=at_shares,
        adds=_weighted(_crimes),
        by_budget=lambda town: np.array(list(at_shares(ppe.capture_curve(town.risk, town.crimes)).values())),
        bounds={"capture": (0.0, 1.0)}, blind=lambda town: {"capture": SHARES}, best="capture",
    ),
    "capture_auc": Row(
        name="capture_auc", measure=lambda town: ppe.capture_auc(ppe.capture_curve(town.risk, town.crimes)),
        adds=_weighted(_crimes), bounds={"capture_auc": (0.0, 1.0)}, blind=lambda town: {"capture_auc": np.array(0.5)},
        best="capture_auc",
    ),
    "capture_auc, normalised": Row(
        name="capture_auc", bounds={"capture_auc": (-np.inf, 1.0)}, blind=lambda town: {"capture_auc": np.array(0.0)},
        measure=lambda town: ppe.capture_auc(ppe.capture_curve(town.risk, town.crimes), upto=0.3, normalised=True),
        best="capture_auc",
    ),
    "pai_curve": Row(
        name="pai_curve", measure=lambda town: ppe.pai_curve(ppe.capture_curve(town.risk, town.crimes), at=SHARES),
        adds=_weighted(_crimes), blind=lambda town: {"pai_curve": np.ones(len(SHARES))}, best="pai_curve",
    ),
    "pei_curve": Row(
        name="pei_curve", measure=lambda town: ppe.pei_curve(ppe.capture_curve(town.risk, town.crimes), at=SHARES),
        bounds={"pei_curve": (0.0, 1.0)}, best="pei_curve",
    ),
    # The flagged set. No louder risk flags more, no map is blind (all or nothing is flagged), no night is pooled.
    "area_to_perimeter": Row(
        name="area_to_perimeter", measure=lambda town: ppe.area_to_perimeter(_flagged(town)),
        wider={"area_to_perimeter": 2.0}, bounds={"area_to_perimeter": (0.5, np.inf)}, **_SHAPE,
    ),
    "clumpiness": Row(
        name="clumpiness", measure=lambda town: ppe.clumpiness(_flagged(town)), bounds={"clumpiness": (-np.inf, 1.0)},
        **_SHAPE,
    ),
    "compactness": Row(
        name="compactness", measure=lambda town: ppe.compactness(_flagged(town)), bounds={"compactness": (0.0, 1.0)},
        **_SHAPE,
    ),
    "dvi": Row(
        name="dvi", measure=lambda town: ppe.dvi(_flagged(town)), bounds={"dvi": (0.0, 1.0)}, nights="refused",
        sees_crimes=False,
    ),
    "complementarity": Row(
        name="complementarity", measure=_shared, examples=2, adds=_shared_sums, wider={"union_m2": 4.0},
        bounds={"one_only": (0.0, 1.0), "union_gain": (0.0, 0.5), "jaccard": (0.0, 1.0)},
        itself={"one_only": 0.0, "union_gain": 0.0, "jaccard": 1.0}, leading="kind",
        explained=("one_only", "union_gain", "jaccard"),
    ),
    # Scores of expected counts: no budget, and only some have a value for a blind map.
    "poisson_log_score": _score(
        "poisson_log_score", louder=_level(_windows, "poisson_log_score"), adds=_weighted(_windows),
        zero="poisson_log_score",
    ),
    "location_log_score": _score(
        "location_log_score", adds=_weighted(_crimes), zero="location_log_score",
        blind=lambda town: {"location_log_score": np.array(0.0)},
    ),
    "brier": _score(
        "brier", whole=True, louder=_louder_brier, adds=_weighted(_windows), bounds={"brier": (0.0, 1.0)}, zero="brier",
        better="lower", knowing=lambda town: town.surface(1e3 * town.crimes, "expected_count"),
    ),
    "calibration_ratio": _score(
        "calibration_ratio", louder=lambda town, before, f: {"calibration_ratio": f * before["calibration_ratio"]},
        # A part without crimes has no ratio, but expects some; then the mean does not hold.
        adds=lambda first, one, second, two: (
            _weighted(_crimes)(first, one, second, two) if min(_crimes(first), _crimes(second)) > 0 else {}
        ),
        bounds={"calibration_ratio": (0.0, np.inf)}, best="",
    ),
    "information_gain": _gain(
        "information_gain", lambda town: ppe.information_gain(town.risk, town.other, town.crimes),
        zero="information_gain", itself={"information_gain": 0.0},
    ),
    # Tests of fit: what they say of all nights is no mean of its parts.
    "n_test": _number_test(1.0),
    "n_test, clustered": _number_test(2.0),
    "s_test": _simulated("s_test"),
    "cl_test": _simulated(
        "cl_test",
        louder=lambda town, before, f: {"p": before["p"], **_level(lambda _: 1.0, "statistic")(town, before, f)},
    ),
    # It draws as many crimes as are expected.
    "l_test": _simulated("l_test", louder=_level(lambda _: 1.0, "statistic"), factors=(1 / 3, 7.0, 1e-9)),
    "dispersion": Row(
        name="dispersion", measure=lambda town: ppe.dispersion(town.risk, town.crimes), kinds=("expected_count",),
        whole=True, bounds={"dispersion": (0.0, np.inf)}, best="dispersion", better="lower",
    ),
    # Is one better than the other?
    "t_test": _gain(
        "t_test", lambda town: ppe.t_test(town.risk, town.other, town.crimes), whole=True, many_nights=True, zero="t",
        bounds={"p": (0.0, 1.0), "night_p": (0.0, 1.0)}, itself={"information_gain": 0.0, "s": 0.0, "nights_apart": 0},
        explained=("information_gain",),
    ),
    "w_test": _gain(
        "w_test", lambda town: ppe.w_test(town.risk, town.other, town.crimes), whole=True, many_nights=True, zero="z",
        bounds={"p": (0.0, 1.0), "night_p": (0.0, 1.0)}, itself={"information_gain": 0.0, "nights_apart": 0},
        jumps=("z", "p", "crimes_apart"), explained=("information_gain",),
    ),
    "compare, dm": _pairs("hit_rate", "dm", _crimes),
    "compare, bootstrap": _pairs("pai", "bootstrap", _crimes, draws=99, seed=1),
    "compare, signflip": _pairs("search_efficiency", "signflip", _windows),
    "compare, sequence": _pairs("hit_rate", "sequence", _crimes),
    "stratify": Row(
        name="stratify", measure=_by_area, examples=2,
        read=lambda table: numbers(table.transpose("area", "weekend", "budget")), adds=_table_sums,
        wider={"search_efficiency": 0.25, "flagged_m2": 4.0, "budget_m2": 4.0, "total_m2": 4.0},
        bounds={"hit_rate": (0.0, 1.0)}, explained=("hit_rate", "pai", "search_efficiency"),
    ),
}  # fmt: skip

# Homes all of whose public names must be in the table, or here with the reason.
HOMES = {"metrics", "capture", "budget_curves", "flagged_sets", "scores", "consistency", "strata", "comparisons"}
NO_METRIC = {
    "flagged_cells": "a set of cells, not a number; ties are broken by lot (tests/flagged_sets/test_sets.py)",
    "adjust": "p-values in, p-values out",
    "alpha_spending": "a plan made before there is any crime",
    "detectable_difference": "a plan made before there is any crime",
    "sequence_rho": "a setting of a confidence sequence",
    "confidence_sequence": "compare(..., method='sequence') night by night, in the order of the nights by intent",
    "bootstrap_by_night": "an interval about a ratio of this table, by drawing nights by their place",
    "difference_by_night": "an interval about a difference of ratios of this table, by drawing nights by their place",
    "comparisons_in_words": "words for what compare found",
    "differences_in_words": "words for what difference_by_night found",
}
