"""The places of the league, as a table and in short."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from predpol_eval.describing import as_html, as_text

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One forecaster in one scope.

    Attributes
    ----------
    kind, area : str
        ``"all"``, or one of them.
    forecaster : str
    role : str
        ``"vendor"``, ``"in-house"``, ``"baseline"``, ``"chance"`` (the uniform map) or ``"oracle"``.
    hits, crimes : float
        On the nights counted.
    hit_rate, pai, pei, lift : float
        And the ends of their intervals (level 95 %), ``..._low`` and ``..._high``; NaN where there are fewer than 20
        crimes, or 6 nights with a crime, with a catch or (not of lift) with a miss, or nights tell nothing. ``pai``
        charges the budget's area.
    by_the_rule : float
        Hit rate over all its nights, those it missed counted as the plan says.
    nights : int
        Nights counted.
    missing, late, rejected, failed, held : int
        Nights not counted, and why. Held ones are not its fault, and in no rate.
    rank : int
        By hit rate; 0 for the oracle, which is no competitor.
    rank_low, rank_high : int
        Ranks that the nights support.
    """

    kind: str
    area: str
    forecaster: str
    role: str
    hits: float
    crimes: float
    hit_rate: float
    hit_rate_low: float
    hit_rate_high: float
    pai: float
    pai_low: float
    pai_high: float
    pei: float
    pei_low: float
    pei_high: float
    lift: float
    lift_low: float
    lift_high: float
    by_the_rule: float
    nights: int
    missing: int
    late: int
    rejected: int
    failed: int
    held: int
    rank: int
    rank_low: int
    rank_high: int

    @property
    def ranks(self) -> str:
        """Ranks that the nights support, such as ``"1 to 3"``; blank for the oracle."""
        if not self.rank:
            return ""
        return f"{self.rank_low}" if self.rank_low == self.rank_high else f"{self.rank_low} to {self.rank_high}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class League:
    """All standings; it shows itself.

    Attributes
    ----------
    plan : str
        SHA-256 of the plan.
    nights : tuple of str
        Settled nights.
    void, waiting : tuple of str
        Nights that count for nobody, and nights still to settle.
    missing_rule : str
    rows : tuple of Standing
        Scope by scope (all, by kind, by area), each in falling order of the hit rate, the oracle first.
    """

    plan: str
    nights: tuple[str, ...]
    void: tuple[str, ...]
    waiting: tuple[str, ...]
    missing_rule: str
    rows: tuple[Standing, ...]

    def scope(self, kind: str = ALL, area: str = ALL) -> tuple[Standing, ...]:
        """Standings of one scope, in order."""
        return tuple(row for row in self.rows if (row.kind, row.area) == (kind, area))

    def to_frame(self) -> pd.DataFrame:
        """All standings as a table, with the ranks in words."""
        import pandas as pd

        columns = [*Standing.__slots__, "ranks"]
        return pd.DataFrame([asdict(row) | {"ranks": row.ranks} for row in self.rows], columns=columns)

    def _lines(self) -> dict[str, str]:
        lines = {"nights": f"{len(self.nights):,} settled, {len(self.void):,} void, {len(self.waiting):,} to come"}
        for row in self.scope():
            ends = "" if math.isnan(row.hit_rate_low) else f" ({row.hit_rate_low:.1%} to {row.hit_rate_high:.1%})"
            rate = "no crime" if math.isnan(row.hit_rate) else f"{row.hit_rate:.1%}{ends}"
            lines[row.forecaster] = f"{rate}, rank {row.ranks}" if row.rank else f"{rate}, the most that could be had"
        return lines

    def __repr__(self) -> str:
        return as_text("League", self._lines())

    def _repr_html_(self) -> str:
        return as_html("League", self._lines())
