"""How the record of crime was revised between snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from predpol_eval.report.blocks import Block, Row, Section, Table, Words, folded, words
from predpol_eval.report.numbers_told import counted
from predpol_eval.trial.outcomes.revisions import COLUMNS

if TYPE_CHECKING:
    from datetime import datetime

    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.outcomes.revisions import Revisions

_COLUMNS = ("old", "new", "added", "removed", "changed")
_LONG = 3


def revision_section(findings: Findings) -> Section:
    """One row for each two snapshots, and in words what changed by month and kind."""
    title = "Revisions of recorded crime"
    before = words(
        "A snapshot keeps recorded crime as of a moment, and is never changed. A night is counted on the first "
        f"snapshot taken {counted(findings.plan.settling_days, 'day')} or more after its window; later revisions do "
        "not change its numbers."
    )
    if not findings.revisions:
        return Section("revisions", title, (*before, *words("There are no two snapshots to compare.")))
    changed = [one for one in findings.revisions if any(one.total(name) for name in COLUMNS[2:])]
    same = len(findings.revisions) - len(changed)
    if same:
        where = f" in {counted(same, 'comparison')}" if changed else ""
        before = (*before, *words(f"From one snapshot to the next nothing changed{where}."))
    if not changed:
        return Section("revisions", title, before)
    rows = tuple(_row(one) for one in changed)
    head = ("Between", "Nights in both", "Crimes before", "Crimes after", "Added", "Removed", "Changed")
    note = (
        "Changed: crimes that both have, in another box, of another kind or at another time. Where crimes have no "
        "lasting id, one that changed is counted as removed and as added."
    )
    table = Table("What changed in the crimes of nights that both snapshots cover", head, rows, note=note)
    blocks: list[Block] = [*before, table]
    told = [Words(text) for one in changed for text in one.words()]
    blocks += folded("Month by month, and kind by kind", told, len(told) > _LONG)
    return Section("revisions", title, tuple(blocks))


def _row(one: Revisions) -> Row:
    between = f"{_day(one.old.taken_at, one.tz)} and {_day(one.new.taken_at, one.tz)}"
    return Row((between, f"{len(one.nights):,}", *(f"{one.total(name):,}" for name in _COLUMNS)))


def _day(moment: datetime, tz: str) -> str:
    return moment.astimezone(ZoneInfo(tz)).date().isoformat()
