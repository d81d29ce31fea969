"""What a league shows, in words that never outrun the numbers: where a simple count wins, they say so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import xarray as xr

import predpol_eval as ppe

SEED = 20180601
LEVEL = 0.95
FLOOR_OF_ALL = "uniform"


def equal_budget_pai(total: xr.Dataset) -> xr.DataArray:
    """PAI that charges the area of the budget, as comparisons do."""
    return ppe.pai(total, area="budget")


def log_score(total: xr.Dataset) -> xr.DataArray:
    """Mean log score of the nights that have one, in nats per night."""
    mean = (total["log_score"] / total["log_score_nights"]).rename("log_score")
    return mean.assign_attrs(long_name="log score", units="nats per night")


class Verdict(NamedTuple):
    """What one kind shows by one number.

    `chosen` is the simple count that had been best on the nights before, `above` who did clearly better on the nights
    of the league, `top` who had the highest number there, `highest` and `level` the numbers of these two.
    """

    chosen: str
    above: tuple[str, ...]
    top: str
    highest: float
    level: float
    counts: tuple[str, ...]
    compared: str

    @property
    def head(self) -> str:
        """Who won, in a few words."""
        methods = ", ".join(name for name in self.above if name not in self.counts)
        if self.top in self.counts:
            also = (
                f" Clearly higher than the one chosen beforehand, {self.chosen!r}, is also {methods}."
                if methods
                else ""
            )
            return f"**A simple count wins**: {self.top!r} is the highest of all.{also}"
        if methods:
            return f"Clearly higher than the simple count {self.chosen!r}: {methods}."
        return (
            f"**A simple count holds**: nothing is clearly higher than {self.chosen!r}; {self.top!r} has the highest "
            "number, but not clearly so."
        )

    @property
    def winner(self) -> str:
        """Who won, in three words."""
        if self.top in self.counts:
            return "**a simple count wins**"
        return "a method wins" if set(self.above) - set(self.counts) else "**a simple count holds**"

    @property
    def words(self) -> str:
        """Who won, and every comparison."""
        return f"{self.head} {self.compared}"


def verdict(league: xr.Dataset, before: xr.Dataset, metric: Any, counts: Iterable[str]) -> Verdict:
    """Compare with the simple count that one would have chosen.

    Parameters
    ----------
    league, before : xarray.Dataset
        Tallies of one kind, and of one budget or none: of all forecasters, and of the counts on the nights before.
    metric : str or callable
        As for `predpol_eval.bootstrap_by_night`.
    counts : iterable of str
        Names of the simple counts.
    """
    simple = tuple(counts)
    rule = metric if callable(metric) else getattr(ppe, metric)
    names = [str(name) for name in league["forecaster"].to_numpy()]
    earlier, now = (_numbers(rule(tally.sum(["window", "area"]))) for tally in (before, league))
    chosen = max(simple, key=lambda name: earlier[name])
    top = max(names, key=lambda name: now[name])
    # That everything beats the map that knows nothing needs no share of the 95 %.
    rivals = league.sel(forecaster=[name for name in names if name != FLOOR_OF_ALL])
    found = ppe.difference_by_night(rivals, metric, baseline=chosen, seed=SEED, level=LEVEL)
    low = _numbers(found["low"])
    above = tuple(name for name in low if low[name] > 0)
    return Verdict(chosen, above, top, now[top], now[chosen], simple, ppe.differences_in_words(found))


def _numbers(values: xr.DataArray) -> dict[str, float]:
    """One number by forecaster."""
    single = values.squeeze([name for name in ("kind", "budget") if name in values.dims])
    return {str(name): float(single.sel(forecaster=name)) for name in single["forecaster"].to_numpy()}
