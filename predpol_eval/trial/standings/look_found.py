"""What a planned look found, and what the ledger keeps of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from predpol_eval.comparisons.result import Comparison
from predpol_eval.trial.canonical import canonical_json, sha256_of

_DIGITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLook:
    """One comparison at a look.

    Attributes
    ----------
    a, b : str
    kind : str
        ``"all kinds"`` for what the plan tests.
    exploratory : bool
        True of single kinds: the plan does not test them, and no finding is called one.
    comparison : Comparison
        On common nights, with the interval at `level`; its ``with_missing`` is the same under the plan's rule.
    p_looks : float
        p-value that allows for all looks so far; NaN where there is none.
    p_adjusted : float
        And for the number of comparisons: a finding if at most alpha. NaN for an exploratory one.
    level : float
        1 less the level of the interval; 0 where nothing may be spent yet, and there is no interval.
    found : bool
        Whether it is a finding: then the interval leaves zero out.
    """

    a: str
    b: str
    kind: str
    exploratory: bool
    comparison: Comparison
    p_looks: float
    p_adjusted: float
    level: float
    found: bool

    @property
    def better(self) -> str:
        """Who caught more, if that is a finding; else blank."""
        if not self.found:
            return ""
        return self.a if self.comparison.estimate > 0 else self.b

    @property
    def holds_under_the_rule(self) -> bool:
        """Whether a finding also stands when missing nights count as the plan says."""
        other = self.comparison.with_missing
        return self.found and (other is None or other.verdict == self.comparison.verdict)

    def to_dict(self) -> dict[str, Any]:
        """Plain content for a record: numbers to ten digits, None where one is not defined."""
        told = {
            "a": self.a,
            "b": self.b,
            "kind": self.kind,
            "exploratory": self.exploratory,
            "found": self.found,
            "level": self.level,
            "p_looks": self.p_looks,
            "p_adjusted": self.p_adjusted,
            "common": _figures(self.comparison),
            "missed": [self.comparison.missed_by_a, self.comparison.missed_by_b, self.comparison.missed_by_both],
            "by_the_rule": None if self.comparison.with_missing is None else _figures(self.comparison.with_missing),
        }
        plain: dict[str, Any] = _plain(told)
        return plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a planned look found.

    Attributes
    ----------
    plan : str
        SHA-256 of the plan.
    number : int
        From 1, of the plan's looks.
    last : bool
    nights : tuple of str
        Settled nights that it is made of, in order.
    void : tuple of str
        Nights before its end that count for nobody.
    planned : int
    earlier : tuple of int
        Settled nights at the looks that were taken before.
    share : float
        Settled nights / planned ones.
    level : float
        Two-sided level of one comparison at this look, were it the only one.
    alpha : float
        Of the whole trial.
    correction, metric, method, missing : str
    pairs : tuple of PairLook
        What the plan tests, over all kinds of crime.
    by_kind : tuple of PairLook
        Exploratory.
    """

    plan: str
    number: int
    last: bool
    nights: tuple[str, ...]
    void: tuple[str, ...]
    planned: int
    earlier: tuple[int, ...]
    share: float
    level: float
    alpha: float
    correction: str
    metric: str
    method: str
    missing: str
    pairs: tuple[PairLook, ...]
    by_kind: tuple[PairLook, ...]

    @property
    def findings(self) -> tuple[PairLook, ...]:
        """Comparisons that are findings."""
        return tuple(pair for pair in self.pairs if pair.found)

    def record(self) -> dict[str, Any]:
        """Plain content of a ledger record "look"; the same look made again gives the same bytes."""
        made: dict[str, Any] = _plain(
            {
                "plan": self.plan,
                "number": self.number,
                "last": self.last,
                "settled": len(self.nights),
                "first_night": self.nights[0],
                "last_night": self.nights[-1],
                "nights": sha256_of(canonical_json(list(self.nights))),
                "void": list(self.void),
                "planned": self.planned,
                "earlier": list(self.earlier),
                "share": self.share,
                "level": self.level,
                "alpha": self.alpha,
                "correction": self.correction,
                "metric": self.metric,
                "method": self.method,
                "missing": self.missing,
                "pairs": [pair.to_dict() for pair in self.pairs],
                "by_kind": [pair.to_dict() for pair in self.by_kind],
            }
        )
        return made


def _figures(found: Comparison) -> dict[str, Any]:
    names = ("estimate", "low", "high", "p", "n", "enough", "crimes", "differing_nights", "differing_crimes", "verdict")
    return {name: getattr(found, name) for name in names}


def _plain(value: Any) -> Any:
    """Content for a record: ten digits of each number, so that the order of a sum does not show; no NaN."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        if math.isnan(number):
            return None
        return str(number) if math.isinf(number) else float(f"{number:.{_DIGITS}g}")
    return value
