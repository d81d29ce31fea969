"""The league: what everybody caught, each with an interval of its own, and the ranks that the nights support."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from predpol_eval.report.blocks import Block, Cell, Row, Section, Table, words
from predpol_eval.report.numbers_told import NOT_DEFINED, amount, counted, percent, percent_range, ratio, ratio_range

if TYPE_CHECKING:
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.standings import Standing

_ROLES = {"vendor": "vendor", "in-house": "in-house map", "baseline": "simple baseline"}
_BESIDE = {"oracle": "ceiling, known afterwards", "chance": "boxes at random"}
_HEAD = ("Forecaster", "Caught", "Hit rate", "PAI", "Lift", "PEI", "Ranks supported", "Nights")


def league_section(findings: Findings, pictures: Iterable[Block]) -> Section:
    """Put everybody in one table, with oracle and chance apart."""
    league = findings.league
    title = "Who caught how much"
    if league is None or not league.scope():
        return Section("league", title, words("No night counts yet."))
    rows = league.scope()
    ranked = [_row(row, "") for row in rows if row.role not in _BESIDE]
    beside = [_row(row, "To hold them against") for row in rows if row.role in _BESIDE]
    shared = max((row.crimes for row in rows), default=0.0)
    before = words(
        f"{counted(len(league.nights), 'night')} with {amount(shared)} crimes. Rows stand in the order of the hit "
        "rate, which is no ranking: “ranks supported” are the places that the nights leave open, and two whose ranks "
        "overlap are not told apart. Intervals are of one forecaster alone."
    )
    note = (
        "Below each number is its 95 % interval. PAI is the hit rate over the share of ground that the budget covers; "
        "lift, what was caught over what boxes placed blindly would have caught; PEI, what was caught over the most "
        f"that could have been. {NOT_DEFINED} stands where too little happened for a number, or where it is not "
        "defined: PEI is not for whoever draws polygons. Rates are of the nights that a forecaster has."
    )
    caption = "What everybody caught, over all kinds and areas"
    return Section(
        "league", title, (*before, Table(caption, _HEAD, (*ranked, *beside), texts=(6,), note=note), *pictures)
    )


def _row(row: Standing, group: str) -> Row:
    role = _ROLES.get(row.role) or _BESIDE.get(row.role, row.role)
    if row.role == "oracle":
        # No forecast that could have come out otherwise, so it has no intervals.
        rates = (percent(row.hit_rate), ratio(row.pai), ratio(row.lift), ratio(row.pei))
        caught = Cell(amount(row.hits), f"of {amount(row.crimes)}")
        return Row((Cell(row.forecaster, role), caught, *rates, "no competitor", f"{row.nights:,}"), group)
    return Row(
        (
            Cell(row.forecaster, role),
            Cell(amount(row.hits), f"of {amount(row.crimes)}"),
            Cell(percent(row.hit_rate), percent_range(row.hit_rate_low, row.hit_rate_high)),
            Cell(ratio(row.pai), ratio_range(row.pai_low, row.pai_high)),
            Cell(ratio(row.lift), ratio_range(row.lift_low, row.lift_high)),
            Cell(ratio(row.pei), ratio_range(row.pei_low, row.pei_high)),
            row.ranks,
            f"{row.nights:,}",
        ),
        group,
    )
