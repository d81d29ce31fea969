"""How often the plan's test told vendors apart who are as good as each other: in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.describing import as_html, as_text
from predpol_eval.trial.plan.planned_test import PlannedTest
from predpol_eval.trial.rehearsal.exchangeable_decisions import findings, step_levels

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# If false findings came about with chance alpha exactly, so many or fewer would be seen in 95 of 100 sets.
BOUND = 0.95


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ScoreRehearsals:
    """What many rehearsals of the plan's test found; make them with `rehearse_scores`.

    Attributes
    ----------
    plan : str
        SHA-256.
    test : PlannedTest
        With the pairs of those who took part.
    forecaster : str
        Whose risk the vendors hand in, with noise.
    vendors, in_house : tuple of str
    noise : tuple of float
        Of each vendor, then each map of the house.
    missing : float
        Chance that a submitter handed nothing in for a night.
    seed : int
    nights : int
    crimes : float
        Of all nights, in the study area.
    estimate, p : array of float, shape (times, looks, pairs)
        Difference of the pooled hit rates, and p-value of the look by itself (not yet allowing for looks or pairs); NaN
        where there is too little to tell.
    found : array of bool, shape (times, looks, pairs)
        Findings of the plan's test, looks and pairs allowed for.
    hits : array of float, shape (times, submitters)
        Crimes caught in each rehearsal on the nights handed in.
    overlap : array of float, shape (times,)
        Share of a vendor's boxes that another vendor flags too.
    """

    plan: str
    test: PlannedTest
    forecaster: str
    vendors: tuple[str, ...]
    in_house: tuple[str, ...]
    noise: tuple[float, ...]
    missing: float
    seed: int
    nights: int
    crimes: float
    estimate: FloatArray
    p: FloatArray
    found: BoolArray
    hits: FloatArray
    overlap: FloatArray

    @property
    def times(self) -> int:
        """Number of rehearsals."""
        return len(self.found)

    @property
    def exchangeable(self) -> bool:
        """Whether all vendors have the same noise, so that none is better."""
        return len(set(self.noise[: len(self.vendors)])) == 1

    @property
    def between_vendors(self) -> BoolArray:
        """Which of the pairs are of two vendors, shape (pairs,)."""
        return np.array([set(pair) <= set(self.vendors) for pair in self.test.pairs])

    @property
    def rejected(self) -> BoolArray:
        """Whether a rehearsal ended in a finding of one vendor against another at any look, shape (times,)."""
        return np.asarray(self.found[:, :, self.between_vendors].any(axis=(1, 2)))

    @property
    def rejections(self) -> int:
        """How many did."""
        return int(self.rejected.sum())

    @property
    def by_look(self) -> tuple[int, ...]:
        """How many had such a finding at each look; one that stands at two looks counts at both."""
        return tuple(self.found[:, :, self.between_vendors].any(axis=2).sum(axis=0).tolist())

    @property
    def bound(self) -> int:
        """The most rejections that 95 of 100 such sets would show if their chance were alpha exactly.

        It is 62 of 1,000 at alpha .05.
        """
        from scipy import stats

        return int(stats.binom.ppf(BOUND, self.times, self.test.alpha))

    @property
    def holds(self) -> bool:
        """Whether there are no more rejections than the bound."""
        return self.rejections <= self.bound

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Interval of the chance of a rejection, from how often it was seen.

        References
        ----------
        Clopper and Pearson 1934, Biometrika 26.
        """
        from scipy import stats

        ends = stats.binomtest(self.rejections, self.times).proportion_ci(level, method="exact")
        return float(ends.low), float(ends.high)

    def judged(self, *, correction: str | None = None, spending: str | None = None) -> ScoreRehearsals:
        """The same rehearsals and p-values, decided as a plan with another correction or spending would.

        Parameters
        ----------
        correction : {"holm", "bh", "by"}, optional
        spending : {"obrien_fleming", "pocock"}, optional
        """
        test = replace(
            self.test, correction=correction or self.test.correction, spending=spending or self.test.spending
        )
        found = np.zeros_like(self.found)
        for number in range(len(test.looks)):
            levels = step_levels(test, number)
            for rehearsal in range(self.times):
                found[rehearsal, number] = findings(self.p[rehearsal, number], levels, test)
        return replace(self, test=test, found=found)

    def careless(self) -> dict[str, int]:
        """Rejections if the same p-values were read as they must not be.

        Returns
        -------
        dict
            ``"every look at alpha"``: corrected for pairs, but each look taken for the only one; ``"every pair at
            alpha"``: alpha spent over looks, but each pair taken for the only one; ``"both"``.
        """
        test, mine = self.test, self.between_vendors
        with np.errstate(invalid="ignore"):
            single = replace(test, pairs=test.pairs[:1])
            one = np.array([step_levels(single, number)[0] for number in range(len(test.looks))])
            pair = (self.p <= one[:, None])[:, :, mine].any(axis=(1, 2))
            both = (self.p <= test.alpha)[:, :, mine].any(axis=(1, 2))
        look = np.zeros(self.times, dtype=bool)
        for number in range(len(test.looks)):
            levels = step_levels(test, number, spent=False)
            for rehearsal in range(self.times):
                look[rehearsal] |= bool(findings(self.p[rehearsal, number], levels, test)[mine].any())
        return {
            "every look at alpha": int(look.sum()),
            "every pair at alpha": int(pair.sum()),
            "both": int(both.sum()),
        }

    def in_words(self) -> str:
        """Say what was rehearsed and how often vendors were told apart."""
        low, high = self.interval()
        share = f"{100 * self.rejections / self.times:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
        labels = f"{', '.join(self.vendors[:-1])} and {self.vendors[-1]}"
        looks = f"{len(self.test.looks)} planned look{'s' if len(self.test.looks) > 1 else ''}"
        told = (
            f"{self.times:,} rehearsals of {self.nights:,} nights and {self.crimes:,.0f} crimes: {labels} hand in the "
            f"risk of {self.forecaster} with fresh noise of their own every night, and {100 * self._shared:.0f} % of "
            f"the boxes of one are boxes of another. In {self.rejections:,}, {share}, the plan's test "
            f"({self.test.method}, alpha {self.test.alpha:g}, {self.test.spending}, {self.test.correction}) found one "
            f"vendor better than another at one of its {looks}."
        )
        if not self.exchangeable:
            noise = ", ".join(f"{one:g}" for one in self.noise[: len(self.vendors)])
            return f"{told} These vendors are not as good as each other: their noise is {noise}."
        if self.holds:
            return (
                f"{told} None is better, so all of these are false; up to {self.bound:,} are within what alpha allows."
            )
        return (
            f"{told} None is better, so all of these are false, and they are more than the {self.bound:,} that alpha "
            "allows: the test of this plan does not keep its promise on these nights."
        )

    @property
    def _shared(self) -> float:
        return float(np.nanmean(self.overlap)) if np.isfinite(self.overlap).any() else float("nan")

    def summary(self) -> dict[str, str]:
        """Describe it, one entry per line."""
        low, high = self.interval()
        caught = 100 * self.hits.mean(axis=0) / self.crimes if self.crimes else np.full(len(self.noise), np.nan)
        everybody = self.vendors + self.in_house
        lines = {
            "rehearsals": f"{self.times:,}, seed {self.seed}",
            "nights": f"{self.nights:,}, {self.crimes:,.0f} crimes",
            "risk": self.forecaster,
            "noise": ", ".join(f"{name} {one:g}" for name, one in zip(everybody, self.noise, strict=True)),
            "caught": ", ".join(f"{name} {one:.1f} %" for name, one in zip(everybody, caught, strict=True)),
            "boxes in common": f"{100 * self._shared:.0f} %",
            "vendor against vendor": f"{self.rejections:,} rejections ({100 * low:.1f} to {100 * high:.1f} %)",
            "at each look": ", ".join(f"{many:,}" for many in self.by_look),
        }
        if self.missing:
            lines["missing nights"] = f"{100 * self.missing:g} %, at random"
        if self.exchangeable:
            lines["allowed"] = f"{self.bound:,} at alpha {self.test.alpha:g}: {'kept' if self.holds else 'NOT kept'}"
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Counts as plain numbers and texts, without the single rehearsals."""
        return {
            "plan": self.plan,
            "times": self.times,
            "seed": self.seed,
            "method": self.test.method,
            "alpha": self.test.alpha,
            "rejections": self.rejections,
            "by_look": list(self.by_look),
            "interval": list(self.interval()),
            "bound": self.bound,
            "exchangeable": self.exchangeable,
            "careless": self.careless(),
            "overlap": self._shared,
        }

    def __repr__(self) -> str:
        return as_text("ScoreRehearsals", self.summary())

    def _repr_html_(self) -> str:
        return as_html("ScoreRehearsals", self.summary())
