"""Every pair night by night, with intervals that may be looked at on any night."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.comparisons.adjusting import adjust
from predpol_eval.comparisons.course import confidence_sequence
from predpol_eval.errors import InputError
from predpol_eval.trial.standings.settled_nights import pooled, settled_nights

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.trial.plan.plan import TrialPlan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """The difference of two over the settled nights.

    Attributes
    ----------
    a, b : str
    data : xarray.Dataset
        As `confidence_sequence` gives it, on the nights that both have, with the coordinate ``night``.
    rule : xarray.Dataset or None
        The same where a missing night counts as the plan says; None where none is missing.
    level : float
        1 less the level of the intervals: alpha over the number of pairs, so that all intervals of all pairs on all
        nights hold together with chance 1 - alpha.
    first : str
        First night after which the interval leaves zero out, and enough differs; blank if there is none.
    first_after : int
        How many common nights that is; 0 if there is none.
    first_better : str
        Who was ahead then.
    p_running : float
        Least p-value so far; NaN without a night.
    p_adjusted : float
        By Holm over all pairs.
    """

    a: str
    b: str
    data: xr.Dataset
    rule: xr.Dataset | None
    level: float
    first: str
    first_after: int
    first_better: str
    p_running: float
    p_adjusted: float


def sequences(
    tally: xr.Dataset,
    plan: TrialPlan,
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    void: Iterable[str] = (),
    at: datetime | None = None,
) -> tuple[Course, ...]:
    """Follow every pair of the plan by settled night.

    Parameters
    ----------
    tally, plan, void, at
        As for `look`.
    pairs : iterable of (str, str), optional
        Default: those of the plan.

    Returns
    -------
    tuple of Course

    Raises
    ------
    InputError
        If a pair is not in the tally.

    Notes
    -----
    These intervals and p-values hold on every night together, whenever one looks; those of a planned look are narrower,
    and hold at the looks alone. The plan's findings are those of its looks: this is shown beside them, and calling
    findings by both would spend alpha twice. The running least p-value may go into Holm at any look (`p_adjusted`).
    """
    nights = settled_nights(tally, plan, void=void, at=at)
    chosen = plan.test.pairs if pairs is None else tuple(pairs)
    if any(len(set(pair)) != 2 for pair in chosen) or len({frozenset(pair) for pair in chosen}) < len(chosen):
        raise InputError(f"pairs={chosen!r}; give every pair of two different forecasters once.")
    if not chosen or not nights.names:
        return ()
    together = pooled(nights.tally, ("kind", "area"))
    level = plan.test.alpha / len(chosen)
    names = dict(zip(nights.tally["window"].to_numpy().tolist(), nights.names, strict=True))
    found = []
    for a, b in chosen:
        sides = nights.sides(a, b, together)
        common, rule = (
            _course(sides, plan, level, (a, b), missing, names) for missing in ("common", plan.test.missing)
        )
        found.append((a, b, common, rule if rule.sizes["window"] > common.sizes["window"] else None))
    least = [float(data["p_running"][-1]) if data.sizes["window"] else math.nan for _, _, data, _ in found]
    adjusted = adjust(np.array(least), "holm", tests=len(chosen))
    return tuple(
        Course(
            a=a, b=b, data=data, rule=rule, level=level, p_running=p, p_adjusted=float(corrected), **_first(a, b, data)
        )
        for (a, b, data, rule), p, corrected in zip(found, least, adjusted, strict=True)
    )


def _course(
    sides: tuple[xr.Dataset, xr.Dataset],
    plan: TrialPlan,
    level: float,
    pair: tuple[str, str],
    missing: str,
    names: dict[int, str],
) -> xr.Dataset:
    import xarray as xr

    if not sides[0].sizes["window"]:
        empty = {name: ("window", np.empty(0)) for name in ("estimate", "low", "high", "p_running", "enough")}
        return xr.Dataset(empty, {"window": np.empty(0, dtype="datetime64[ns]"), "night": ("window", [])})
    data = confidence_sequence(
        *sides, plan.test.metric, alpha=level, rho=plan.test.rho, missing=missing, names=pair,  # type: ignore[arg-type]
    )  # fmt: skip
    told = [names[window] for window in data["window"].to_numpy().astype("datetime64[ns]").tolist()]
    return data.assign_coords(night=("window", np.array(told, dtype=object)))


def _first(a: str, b: str, data: xr.Dataset) -> dict[str, Any]:
    """Where the interval first leaves zero out."""
    low, high = data["low"].to_numpy(), data["high"].to_numpy()
    outside = np.flatnonzero(((low > 0) | (high < 0)) & data["enough"].to_numpy().astype(bool))
    if not len(outside):
        return {"first": "", "first_after": 0, "first_better": ""}
    place = int(outside[0])
    ahead = a if low[place] > 0 else b
    return {"first": str(data["night"].to_numpy()[place]), "first_after": place + 1, "first_better": ahead}
