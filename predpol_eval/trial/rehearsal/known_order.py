"""Whether what is known of the synthetic vendors came out: who is better than whom, and who is the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.comparisons.result import Comparison
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.rehearsal.vendors import SyntheticVendor
    from predpol_eval.trial.standings import PairLook

# How good each kind is on the nights that it hands in; those of one number hand in the very same.
QUALITY: Mapping[str, int] = {"leaked": 3, "strong": 2, "unreliable": 2, "count-map": 1, "random": 0}
RELIABLE = ("strong", "unreliable")

FINDING, RIGHT, WRONG, REVERSED, UNKNOWN = (
    "a finding",
    "ahead, not told apart",
    "behind, not told apart",
    "a finding the other way round",
    "too little to tell",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPair:
    """Two submitters of whom it is known who is better.

    Attributes
    ----------
    better, worse : str
        Labels.
    better_kind, worse_kind : str
    missing_rule : bool
        Whether it is known of all nights, the missing ones counted as the plan says; else of the nights that both have.
    estimate, low, high : float
        The difference at the last look, better less worse, in the plan's metric.
    first_look : int
        At which it was a finding first; 0 at none. Under the missing rule nothing is a finding of the plan.
    verdict : str
        ``"a finding"``, ``"ahead, not told apart"``, ``"behind, not told apart"``, ``"a finding the other way round"``
        or ``"too little to tell"``. Under the missing rule a finding is an interval that leaves zero out.
    """

    better: str
    worse: str
    better_kind: str
    worse_kind: str
    missing_rule: bool
    estimate: float
    low: float
    high: float
    first_look: int
    verdict: str

    @property
    def came_out(self) -> bool | None:
        """Whether the better one is ahead; None where there is too little to tell."""
        return None if self.verdict == UNKNOWN else self.verdict in (FINDING, RIGHT)

    def in_words(self, metric: str = "hit_rate") -> str:
        """One sentence."""
        start = f"{self.better} ({self.better_kind}) above {self.worse} ({self.worse_kind})"
        if self.missing_rule:
            start += ", missing nights counted as the plan says"
        if self.verdict == UNKNOWN:
            return f"{start}: {self.verdict}."
        scale, unit = (100.0, "points of hit rate") if metric == "hit_rate" else (1.0, metric.upper())
        gap = f"{scale * self.estimate:.3g} {unit}"
        if math.isfinite(self.low) and math.isfinite(self.high):
            gap += f", interval {scale * self.low:.3g} to {scale * self.high:.3g}"
        since = f" since look {self.first_look}" if self.first_look else ""
        what = "shown" if self.missing_rule and self.verdict == FINDING else self.verdict
        return f"{start}: {what}{since} ({gap})."


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEqual:
    """Two that are one and the same on the nights that both have.

    Attributes
    ----------
    a, b : str
    nights : int
        Nights that both have.
    apart : float
        Largest difference of hits in any night, kind and area.
    """

    a: str
    b: str
    nights: int
    apart: float

    @property
    def came_out(self) -> bool:
        """Whether there is none, but for the last digits of sums."""
        return self.apart <= 1e-9

    def in_words(self) -> str:
        """One sentence."""
        if self.came_out:
            return (
                f"{self.a} and {self.b} caught the same to the last hit on the {self.nights:,} nights that both have."
            )
        return (
            f"{self.a} and {self.b} should catch the same, and differ by up to {self.apart:.6g} hits in a night, kind "
            "and area."
        )


def known_pairs(findings: Findings, vendors: Mapping[str, SyntheticVendor]) -> tuple[KnownPair, ...]:
    """Hold the plan's comparisons against what is known.

    Parameters
    ----------
    findings : Findings
    vendors : mapping of str to SyntheticVendor
        By label, those of the house among them. Of kinds that are not in `QUALITY` nothing is known; they are left out.

    Returns
    -------
    tuple of KnownPair
        Of the pairs of the plan, the best first.
    """
    kinds = {label: vendor.kind for label, vendor in vendors.items() if vendor.kind in QUALITY}
    if not findings.looks:
        return ()
    found = []
    for pair in findings.looks[-1].pairs:
        if not {pair.a, pair.b} <= set(kinds):
            continue
        better, worse = sorted((pair.a, pair.b), key=lambda label: -QUALITY[kinds[label]])
        if QUALITY[kinds[better]] > QUALITY[kinds[worse]]:
            found.append(_told(findings, pair, better, worse, kinds, pair.comparison, missing_rule=False))
        elif {kinds[better], kinds[worse]} == set(RELIABLE):
            better, worse = sorted((better, worse), key=lambda label: RELIABLE.index(kinds[label]))
            rule = pair.comparison.with_missing
            if rule is not None:
                found.append(_told(findings, pair, better, worse, kinds, rule, missing_rule=True))
    return tuple(sorted(found, key=lambda one: (-QUALITY[one.better_kind], -QUALITY[one.worse_kind], one.worse)))


def _told(
    findings: Findings,
    pair: PairLook,
    better: str,
    worse: str,
    kinds: Mapping[str, str],
    found: Comparison,
    *,
    missing_rule: bool,
) -> KnownPair:
    turn = 1.0 if better == pair.a else -1.0
    low, high = sorted((turn * found.low, turn * found.high))
    looks = [look.number for look in findings.looks if any(_finds(one, better, worse) for one in look.pairs)]
    if not found.enough or math.isnan(found.estimate):
        verdict = UNKNOWN
    else:
        ahead = turn * found.estimate > 0
        shown = found.verdict in ("higher", "lower") if missing_rule else pair.found
        verdict = (FINDING if ahead else REVERSED) if shown else (RIGHT if ahead else WRONG)
    return KnownPair(
        better=better, worse=worse, better_kind=kinds[better], worse_kind=kinds[worse], missing_rule=missing_rule,
        estimate=turn * found.estimate, low=low, high=high,
        first_look=0 if missing_rule or verdict == UNKNOWN else min(looks, default=0), verdict=verdict,
    )  # fmt: skip


def _finds(pair: PairLook, better: str, worse: str) -> bool:
    return {pair.a, pair.b} == {better, worse} and pair.better == better


def known_equals(findings: Findings, vendors: Mapping[str, SyntheticVendor]) -> tuple[KnownEqual, ...]:
    """Compare, hit by hit, those who hand in the same: vendors, maps of the house, and the baseline that they copy.

    Parameters
    ----------
    findings, vendors
        As for `known_pairs`.
    """
    from predpol_eval.forecasters.base import identity
    from predpol_eval.forecasters.baseline import CountMap

    if findings.tally is None:
        return ()
    quality = {label: QUALITY[vendor.kind] for label, vendor in vendors.items() if vendor.kind in QUALITY}
    # Where a draw decides, those of one kind differ.
    quality = {label: number for label, number in quality.items() if vendors[label].kind not in ("leaked", "random")}
    copied = identity(CountMap(lookback="21D"))
    quality |= {name: QUALITY["count-map"] for name, mark in findings.plan.baseline_identities if mark == copied}
    return tuple(_apart(findings.tally, a, b) for a, b in combinations(quality, 2) if quality[a] == quality[b])


def _apart(tally: xr.Dataset, a: str, b: str) -> KnownEqual:
    first, second = (tally["hits"].sel(forecaster=name).transpose("window", ...).to_numpy() for name in (a, b))
    both = ~np.isnan(first) & ~np.isnan(second)
    nights = int(both.reshape(len(both), -1).any(axis=1).sum())
    return KnownEqual(a=a, b=b, nights=nights, apart=float(np.abs(first - second)[both].max(initial=0.0)))
