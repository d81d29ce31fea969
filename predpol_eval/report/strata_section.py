"""By kind of crime and by area: everybody who submits, beside the best simple baseline and the ceiling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from predpol_eval.report.blocks import Block, Cell, Row, Section, Table, words
from predpol_eval.report.numbers_told import NOT_DEFINED, amount, percent, percent_range

if TYPE_CHECKING:
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.standings import Standing

# More columns than these are parted into tables of their own, so that paper has room for them.
_COLUMNS = 6


def strata_section(findings: Findings, pictures: Iterable[Block]) -> Section:
    """Tables by kind and by area, where there are several."""
    league, plan = findings.league, findings.plan
    title = "By kind of crime and by area"
    if league is None or not league.scope():
        return Section("strata", title, words("No night counts yet."))
    kinds = [(kind, league.scope(kind=kind)) for kind in plan.kinds] if len(plan.kinds) > 1 else []
    areas = [(area, league.scope(area=area)) for area in plan.areas] if len(plan.areas) > 1 else []
    kinds, areas = ([part for part in parts if part[1]] for parts in (kinds, areas))
    if not kinds and not areas:
        return Section("strata", title, words("There is one kind of crime and one area: all is said above."))
    best = _best_baseline(league.scope())
    columns = [*plan.submitters, *([best] if best else []), "oracle"]
    before = words(
        "The plan tests all kinds and areas together. The numbers of one kind or area are of few crimes and are not "
        "tested; among so many some look large by chance alone."
    )
    blocks: list[Block] = []
    for what, parts in (("Kind", kinds), ("Area", areas)):
        blocks += _tables(what, parts, columns)
    return Section("strata", title, (*before, *blocks, *pictures))


def _best_baseline(rows: Iterable[Standing]) -> str:
    """The simple baseline that caught most over all."""
    told = [row for row in rows if row.role == "baseline" and row.hit_rate == row.hit_rate]
    return max(told, key=lambda row: row.hit_rate).forecaster if told else ""


def _tables(what: str, parts: list[tuple[str, tuple[Standing, ...]]], columns: list[str]) -> list[Table]:
    if not parts:
        return []
    there = {row.forecaster for _, rows in parts for row in rows}
    shown = [name for name in columns if name in there]
    pieces = [shown[first : first + _COLUMNS] for first in range(0, len(shown), _COLUMNS)]
    made = []
    for number, piece in enumerate(pieces, 1):
        part = f", part {number} of {len(pieces)}" if len(pieces) > 1 else ""
        made.append(
            Table(
                f"Hit rate by {what.lower()}{part}",
                (what, "Crimes", *(_headed(name) for name in piece)),
                tuple(_row(name, rows, piece) for name, rows in parts),
                note="Below each is its 95 % interval." if number == len(pieces) else "",
            )
        )
    return made


def _headed(name: str) -> str:
    return "Ceiling" if name == "oracle" else name


def _row(name: str, rows: tuple[Standing, ...], columns: list[str]) -> Row:
    of = {row.forecaster: row for row in rows}
    crimes = max((row.crimes for row in rows), default=0.0)
    cells = [_cell(of[column]) if column in of else Cell(NOT_DEFINED) for column in columns]
    return Row((name, amount(crimes), *cells))


def _cell(row: Standing) -> Cell:
    # The ceiling is no forecast that could have come out otherwise.
    ends = "" if row.role == "oracle" else percent_range(row.hit_rate_low, row.hit_rate_high)
    return Cell(percent(row.hit_rate), ends)
