"""What a comparison found: a few numbers that explain themselves, and words that never outrun them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from predpol_eval.describing import as_html, as_text

# Below these an interval would look exact and be wrong: two that never differ would get one of no width.
LEAST_NIGHTS = 6
LEAST_CRIMES = 20

_POINTS = {"hit_rate"}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison:
    """How much better `a` did than `b`, and how sure that is.

    Attributes
    ----------
    a, b : str
        Names of the two.
    metric, method : str
    estimate : float
        The metric of `a` less that of `b`, pooled over the nights.
    low, high : float
        Interval of level 1 - alpha; NaN where none can be defended.
    p : float
        p-value of no difference; NaN where none can be defended.
    n : int
        Nights compared: those that both have.
    alpha : float
    enough : bool
        False under 6 nights on which the two differ, or 20 differing crimes: then nothing may be said in words.
    crimes : float
        Crimes of these nights.
    differing_nights : int
        Nights on which one caught more than the other.
    differing_crimes : float
        Crimes that one caught and not the other, net of each night.
    missed_by_a, missed_by_b, missed_by_both : int
        Nights that are not among the `n`.
    missing : str
        The rule by which `with_missing` counts nights that one side missed.
    with_missing : Comparison or None
        The same comparison on all nights that at least one side has; None where no night is missing or the metric knows
        no such rule.
    settings : mapping
        What else decided the numbers: lags, block, draws, seed, rho.
    units : str
    better : str
        ``"higher"`` or ``"lower"``: which sign favours `a`.
    """

    a: str
    b: str
    metric: str
    method: str
    estimate: float
    low: float
    high: float
    p: float
    n: int
    alpha: float
    enough: bool
    crimes: float
    differing_nights: int
    differing_crimes: float
    missed_by_a: int = 0
    missed_by_b: int = 0
    missed_by_both: int = 0
    missing: str = "zero"
    with_missing: Comparison | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    units: str = "1"
    better: str = "higher"

    @property
    def verdict(self) -> str:
        """``"higher"``, ``"lower"``, ``"no clear difference"``, ``"too few differences to tell"`` or ``"no interval"``.

        There is no interval where the nights do not vary, or a log score is infinite.
        """
        if not self.enough or (self.method == "sequence" and self.metric == "hit_rate" and self.high - self.low >= 2):
            return "too few differences to tell"
        if np.isnan([self.estimate, self.low, self.high]).any():
            return "no interval"
        return "higher" if self.low > 0 else "lower" if self.high < 0 else "no clear difference"

    def in_words(self) -> str:
        """One sentence, which says that one is higher only if the interval leaves zero out."""
        what = self.metric.replace("_", " ")
        nights = f"{self.n} night{'' if self.n == 1 else 's'}"
        if self._missed:
            nights += f" that both have ({self._missed})"
        if not self.n:
            return f"{what}: {self.a} and {self.b} have no settled night in common ({self._missed})."
        if self.verdict == "too few differences to tell":
            return (
                f"{what}: too few differences between {self.a} and {self.b} to tell ({self.differing_crimes:.3g} "
                f"differing crimes on {self.differing_nights} of {nights})."
            )
        if self.verdict == "no interval":
            return (
                f"{what}: no interval can be given for {self.a} against {self.b} "
                f"({self._written(self.estimate)}{self._unit} over {nights}): the nights differ all alike, or a "
                "number is infinite."
            )
        numbers = (
            f"{self._written(self.estimate)}{self._unit}, {self._level} interval {self._ends}; {nights}, "
            f"{self.crimes:,.0f} crimes"
        )
        if self.verdict == "no clear difference":
            return f"{what}: no clear difference between {self.a} and {self.b} ({numbers})."
        return f"{what}: {self.verdict} for {self.a} than for {self.b} ({numbers})."

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain numbers and texts, for a table or a JSON file."""
        return {
            **{part.name: getattr(self, part.name) for part in fields(self)},
            "settings": dict(self.settings),
            "with_missing": None if self.with_missing is None else self.with_missing.to_dict(),
            "verdict": self.verdict,
        }

    @property
    def _level(self) -> str:
        return f"{100 * (1 - self.alpha):.6g} %"

    @property
    def _missed(self) -> str:
        parts = ((self.missed_by_a, self.a), (self.missed_by_b, self.b), (self.missed_by_both, "both"))
        told = ", ".join(f"{name} {number}" for number, name in parts if number)
        return f"missed: {told}" if told else ""

    @property
    def _unit(self) -> str:
        return " points" if self.metric in _POINTS else "" if self.units == "1" else f" {self.units}"

    @property
    def _ends(self) -> str:
        if np.isnan([self.low, self.high]).all():
            return "not defined"
        return f"{self._written(self.low)} to {self._written(self.high)}"

    def _written(self, value: float) -> str:
        if not np.isfinite(value):
            return "undefined" if np.isnan(value) else f"{value:+}"
        # A zero but for rounding has no sign.
        return f"{100 * value:+.2f}".replace("-0.00", "0.00") if self.metric in _POINTS else f"{value:+.4g}"

    def _lines(self) -> dict[str, str]:
        lines = {
            "in words": self.in_words(),
            "estimate": f"{self._written(self.estimate)}{'' if np.isnan(self.estimate) else self._unit}",
            f"{self._level} interval": self._ends,
            "p": "not defined" if np.isnan(self.p) else f"{self.p:.4g}",
            "nights compared": f"{self.n} ({self.differing_nights} on which they differ)",
            "crimes": f"{self.crimes:,.6g} ({self.differing_crimes:,.6g} differing)",
            "method": ", ".join([self.method, *(f"{name} {value}" for name, value in self.settings.items())]),
        }
        if self._missed:
            lines["missing nights"] = self._missed
        if self.with_missing is not None:
            other = self.with_missing
            lines[f"missing counted as {self.missing}"] = (
                f"{other._written(other.estimate)}{self._unit}, {other._ends}; p {other.p:.4g}, {other.n} nights"
            )
        return lines

    def __repr__(self) -> str:
        return as_text(f"Comparison: {self.a} against {self.b}", self._lines())

    def _repr_html_(self) -> str:
        return as_html(f"Comparison: {self.a} against {self.b}", self._lines())
