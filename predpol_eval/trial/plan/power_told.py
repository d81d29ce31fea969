"""What a plan can detect, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass, fields
from html import escape
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRow:
    """What can be detected between two baselines, for one kind of crime or all together.

    Attributes
    ----------
    kind : str
    a, b : str
        The two baselines whose past differences tell how much the differences of nights vary.
    crimes : float
        Crimes a night in the study area; NaN where no past night could be used.
    alpha : float
        Level that a difference must reach at the last look, once what was spent on looks and comparisons is taken off.
    difference : float
        In the metric of the plan; NaN where none can be told.
    note : str
        Why not; blank where one can.
    """

    kind: str
    a: str
    b: str
    crimes: float
    alpha: float
    difference: float
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PlanPower:
    """What difference the nights of a plan can detect; it shows itself.

    Attributes
    ----------
    nights : int
        Of the trial.
    past_nights : int
        On which baselines were run.
    past : str
        First and last of them.
    metric : str
    power : float
        Chance with which a difference is found.
    comparisons, kinds, looks : int
    rows : tuple of PowerRow
    notes : tuple of str
        What the numbers rest on, and what is missing.
    """

    nights: int
    past_nights: int
    past: str
    metric: str
    power: float
    comparisons: int
    kinds: int
    looks: int
    rows: tuple[PowerRow, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain numbers, texts and lists."""
        told = {part.name: getattr(self, part.name) for part in fields(self)}
        rows = [{part.name: getattr(row, part.name) for part in fields(row)} for row in self.rows]
        return told | {"rows": rows, "notes": list(self.notes)}

    def in_words(self) -> str:
        """Say what can be detected, a sentence for every row, and what that rests on."""
        return "\n".join([*(self._sentence(row) for row in self.rows), *self.notes])

    def _sentence(self, row: PowerRow) -> str:
        start = f"{row.kind}, as between {row.a!r} and {row.b!r}: "
        if row.note:
            return start + row.note
        size = (
            f"{100 * row.difference:.1f} points of hit rate"
            if self.metric == "hit_rate"
            else f"{row.difference:.2f} of {self.metric.upper()}"
        )
        return (
            f"{start}with {self.nights:,} nights and {row.crimes:.3g} crimes a night a difference of {size} is found "
            f"with chance {100 * self.power:.3g} %."
        )

    def __repr__(self) -> str:
        return "<What the plan can detect>\n" + "\n".join(f"  {line}" for line in self.in_words().splitlines())

    def _repr_html_(self) -> str:
        left = "style='text-align:left'"
        rows = "".join(f"<tr><td {left}>{escape(line)}</td></tr>" for line in self.in_words().splitlines())
        return f"<table><caption>What the plan can detect</caption>{rows}</table>"
