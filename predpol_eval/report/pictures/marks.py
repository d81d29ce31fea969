"""How everybody in a trial is drawn: the shape tells the role, the colour and the dash tell who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from predpol_eval.plot.canvas import INK, pen
from predpol_eval.report.pictures.paper import GREY
from predpol_eval.trial.standings.league import CHANCE, ORACLE, UNIFORM

if TYPE_CHECKING:
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.plan.plan import TrialPlan

VENDOR, IN_HOUSE, BASELINE = "vendor", "in-house", "baseline"
ROLES = {
    VENDOR: "vendor", IN_HOUSE: "in-house map", BASELINE: "simple baseline", CHANCE: "chance", ORACLE: "ceiling",
}  # fmt: skip
_SHAPES = {VENDOR: "o", IN_HOUSE: "s", BASELINE: "D", CHANCE: "x", ORACLE: "v"}


class Mark(NamedTuple):
    """How one is drawn.

    Attributes
    ----------
    role : str
    color : str
    shape : str
        Marker.
    line : str or dashes
    """

    role: str
    color: str
    shape: str
    line: Any

    def dot(self, size: float = 5.5, *, filled: bool = True) -> dict[str, Any]:
        """Words for ``axes.plot`` that draw the marker alone."""
        hollow = self.role in (BASELINE, ORACLE) or not filled
        return {
            "marker": self.shape, "color": self.color, "linestyle": "none", "markersize": size,
            "markeredgewidth": 1.2, "markerfacecolor": "white" if hollow else self.color,
        }  # fmt: skip


def unsettled_note(findings: Findings) -> str:
    """Say how many of the nights that count have not settled; blank if all have."""
    count = 0 if findings.settled_only else findings.provisional
    if not count:
        return ""
    return f"Provisional: the crimes of {'1 night' if count == 1 else f'{count:,} nights'} have not settled."


def role_of(name: str, plan: TrialPlan) -> str:
    """Role of a forecaster."""
    if name in plan.vendors:
        return VENDOR
    if name in plan.in_house:
        return IN_HOUSE
    return {UNIFORM: CHANCE, ORACLE: ORACLE}.get(name, BASELINE)


def mark_of(name: str, plan: TrialPlan) -> Mark:
    """How a forecaster is drawn in every picture of a trial."""
    role = role_of(name, plan)
    if role in (VENDOR, IN_HOUSE):
        style = pen(plan.submitters.index(name))
        return Mark(role, style.color, _SHAPES[role], style.line)
    return Mark(role, INK if role == ORACLE else GREY, _SHAPES[role], (0, (1, 1.5)) if role == CHANCE else "-")
