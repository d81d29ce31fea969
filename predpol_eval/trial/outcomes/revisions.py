"""What changed in the record between two snapshots: crimes added, removed, or moved, night by night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import to_wall
from predpol_eval.describing import as_html, as_text
from predpol_eval.events import Events
from predpol_eval.grid import Grid
from predpol_eval.trial.outcomes.matching import Match, ended, pair_crimes
from predpol_eval.trial.outcomes.scope import IntArray, NightTerms, Places, PlanTerms, night_of, places, utc64
from predpol_eval.trial.outcomes.snapshots import Snapshot, open_snapshot

if TYPE_CHECKING:
    import pandas as pd

BoolArray = npt.NDArray[np.bool_]
COLUMNS = ("old", "new", "added", "removed", "arrived", "left", "changed", "moved", "other_kind", "other_time")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Revisions:
    """What changed between two snapshots on the nights that both cover.

    For every night, area and kind: ``new = old + added - removed + arrived - left``.

    Attributes
    ----------
    old, new : Snapshot
    tz : str
        Whose dates the words use.
    nights, areas, kinds : tuple of str
        The nights that both snapshots cover; the plan's areas and kinds.
    matched_by : {"id", "content"}
        How crimes were recognised. By content, a crime that changed is one removed and one added.
    counts : mapping of str to array of int, shape (nights, areas, kinds)
        ``old`` and ``new``: crimes in each snapshot. ``added``, ``removed``: crimes that the other snapshot does not
        have in any form. ``arrived``, ``left``: those that it has on another night, in another area or of another kind
        (or outside the trial). ``changed``: crimes that both have and that differ, each once, where the old snapshot
        has them (where the new one does, if it alone counts them); of these ``moved`` are in another cell,
        ``other_kind`` of another kind, ``other_time`` at another time, and one may be all three.
    only_old, only_new : tuple of str
        Nights that one of them alone covers; they are not compared.
    """

    old: Snapshot
    new: Snapshot
    tz: str
    nights: tuple[str, ...]
    areas: tuple[str, ...]
    kinds: tuple[str, ...]
    matched_by: Match
    counts: Mapping[str, IntArray]
    only_old: tuple[str, ...] = ()
    only_new: tuple[str, ...] = ()

    def total(self, column: str) -> int:
        """Sum of a column over all nights, areas and kinds."""
        return int(self.counts[column].sum())

    def frame(self, *, every: bool = False) -> pd.DataFrame:
        """Give the counts as a table, one row for every night, area and kind with a change, or for `every` one."""
        import pandas as pd

        names = [self.nights, self.areas, self.kinds]
        index = pd.MultiIndex.from_product(names, names=["night", "area", "kind"])
        table = pd.DataFrame({name: self.counts[name].ravel() for name in COLUMNS}, index=index).reset_index()
        changed = np.flatnonzero(table[list(COLUMNS[2:])].to_numpy().any(axis=1))
        return table if every else table.iloc[changed].reset_index(drop=True)

    def record(self) -> dict[str, Any]:
        """Give the sums as plain content."""
        return {
            "old_snapshot": self.old.sha256,
            "new_snapshot": self.new.sha256,
            "nights": len(self.nights),
            "matched_by": self.matched_by,
            **{name: self.total(name) for name in COLUMNS},
        }

    def words(self) -> tuple[str, ...]:
        """Say what changed: a sentence for all, and one for each kind and month of crimes with a change."""
        if not self.nights:
            return ("No night of the trial is covered by both snapshots, so there is nothing to compare.",)
        span = _between(self.old.taken_at, self.new.taken_at, self.tz)
        if not any(self.counts[name].any() for name in COLUMNS[2:]):
            same = f"{_span_of(self.nights)}: {self.total('old'):,} crimes"
            return (f"{span} nothing changed in the crimes of {same}.",)
        sums = {name: int(self.counts[name].sum()) for name in COLUMNS}
        lines = [
            f"{span} the crimes of {_span_of(self.nights)} went from {sums['old']:,} to {sums['new']:,}: {_said(sums)}."
        ]
        if self.matched_by == "content":
            lines.append("Crimes have no lasting id here, so that one that changed is counted as removed and as added.")
        month = np.array([night[:7] for night in self.nights])
        for which in dict.fromkeys(month.tolist()):
            for number, kind in enumerate(self.kinds):
                part = {name: int(self.counts[name][month == which, :, number].sum()) for name in COLUMNS}
                if any(part[name] for name in COLUMNS[2:]):
                    lines.append(
                        f"{_month(which)}, {kind}: {_said(part)} ({part['old']:,} before, {part['new']:,} now)."
                    )
        return tuple(lines)

    def summary(self) -> dict[str, str]:
        """Describe them, one entry per line."""
        lines = {"revisions" if not number else f"  {number}": text for number, text in enumerate(self.words())}
        if self.only_new:
            lines["new nights"] = f"{len(self.only_new):,} that the older snapshot does not cover; not compared"
        if self.only_old:
            lines["lost nights"] = f"{len(self.only_old):,} that the newer snapshot does not cover; not compared"
        return lines

    def __repr__(self) -> str:
        return as_text("Revisions", self.summary())

    def _repr_html_(self) -> str:
        by_kind = {name: self.counts[name].sum(axis=(0, 1)) for name in COLUMNS}
        head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in ("kind", *COLUMNS))
        rows = "".join(
            f"<tr><td>{escape(kind)}</td>" + "".join(f"<td>{by_kind[name][k]:,}</td>" for name in COLUMNS) + "</tr>"
            for k, kind in enumerate(self.kinds)
        )
        return as_html("Revisions", self.summary()) + f"<table><tr>{head}</tr>{rows}</table>"


def compare_snapshots(old: bytes, new: bytes, plan: PlanTerms, grid: Grid, *, match: Match | None = None) -> Revisions:
    """Say what changed in the record between two snapshots.

    Only nights that both cover are compared: what was recorded of a night that had not been when the older one was
    taken is no revision. A crime whose moment is uncertain counts on the night of the middle of its interval.

    Parameters
    ----------
    old, new : bytes
        Snapshots, as `freeze` gave them.
    plan : TrialPlan
    grid : Grid
        That of the plan.
    match : {"id", "content"}, optional
        How crimes are recognised; see `pair_crimes`.

    Returns
    -------
    Revisions

    Raises
    ------
    InputError
        If the bytes are no snapshots, or are of another coordinate system or zone than the plan.
    NotComparableError
        If the grid is not that of the plan.
    """
    opened = open_snapshot(old), open_snapshot(new)
    described, tables = (opened[0][0], opened[1][0]), (opened[0][1], opened[1][1])
    seen = [[snapshot.covers(night.start, night.end) for night in plan.nights] for snapshot in described]
    both = [night for night, first, second in zip(plan.nights, *seen, strict=True) if first and second]
    only_old = tuple(
        night.name for night, first, second in zip(plan.nights, *seen, strict=True) if first and not second
    )
    only_new = tuple(
        night.name for night, first, second in zip(plan.nights, *seen, strict=True) if second and not first
    )
    pairs = pair_crimes(*tables, match)
    laid = [_laid(table, plan, grid, both) for table in tables]
    counts = _counted(tables, laid, (pairs.old, pairs.new), (len(both), len(plan.areas), len(plan.kinds)))
    return Revisions(
        old=described[0],
        new=described[1],
        tz=plan.tz,
        nights=tuple(night.name for night in both),
        areas=plan.areas,
        kinds=plan.kinds,
        matched_by=pairs.by,
        counts=counts,
        only_old=only_old,
        only_new=only_new,
    )


def _laid(events: Events, plan: PlanTerms, grid: Grid, nights: list[NightTerms]) -> tuple[Places, IntArray]:
    """Places of the crimes, and the number of each one's night, area and kind together (-1: not counted)."""
    place = places(events, plan, grid)
    night = night_of(nights, events)
    group = (night * len(plan.areas) + place.area) * len(plan.kinds) + place.kind
    return place, np.where(place.counted & (night >= 0), group, -1)


def _counted(
    tables: tuple[Events, Events],
    laid: list[tuple[Places, IntArray]],
    pairs: tuple[IntArray, IntArray],
    shape: tuple[int, int, int],
) -> dict[str, IntArray]:
    size = int(np.prod(shape))

    def spread(group: IntArray) -> IntArray:
        return np.bincount(group[group >= 0], minlength=size).reshape(shape).astype(np.int64)

    (old_place, old_group), (new_place, new_group) = laid
    counts = {"old": spread(old_group), "new": spread(new_group)}
    for name, group, paired in (("added", new_group, pairs[1]), ("removed", old_group, pairs[0])):
        alone = np.ones(len(group), dtype=bool)
        alone[paired] = False
        counts[name] = spread(group[alone])
    before, after = old_group[pairs[0]], new_group[pairs[1]]
    counts["arrived"] = spread(after[before != after])
    counts["left"] = spread(before[before != after])
    # Where the old snapshot has it, else where the new one does.
    where = np.where(before >= 0, before, after)
    (old, new), (one, two) = tables, pairs
    moved = old_place.cell[one] != new_place.cell[two]
    kind = old.kind[one] != new.kind[two]
    time = (old.happened[one] != new.happened[two]) | (ended(old)[one] != ended(new)[two])
    for name, differs in (
        ("changed", moved | kind | time),
        ("moved", moved),
        ("other_kind", kind),
        ("other_time", time),
    ):
        counts[name] = spread(where[differs])
    return counts


def _said(sums: Mapping[str, int]) -> str:
    parts = [f"{sums['added']:,} added", f"{sums['removed']:,} removed"]
    parts += [
        f"{sums[name]:,} {words}"
        for name, words in (
            ("moved", "moved to another box"),
            ("other_kind", "put under another kind"),
            ("other_time", "dated to another time"),
        )
        if sums[name]
    ]
    return ", ".join(parts)


def _span_of(nights: tuple[str, ...]) -> str:
    first, last = min(nights), max(nights)
    return (
        f"the night of {_date(first)}"
        if len(nights) == 1
        else (f"{len(nights):,} nights ({_date(first)} to {_date(last)})")
    )


def _between(first: datetime, last: datetime, tz: str) -> str:
    wall = to_wall(np.array([utc64(first, "taken_at"), utc64(last, "taken_at")]), tz).astype("datetime64[m]")
    days = [str(moment)[:10] for moment in wall]
    if days[0] == days[1]:
        return f"On {_date(days[0])}, between {str(wall[0])[11:]} and {str(wall[1])[11:]},"
    if days[0][:7] == days[1][:7]:
        return f"Between {int(days[0][8:])} and {_date(days[1])}"
    return f"Between {_date(days[0])} and {_date(days[1])}"


def _date(day: str) -> str:
    """A civil date in words.

    Examples
    --------
    >>> _date("2018-08-01")
    '1 August 2018'
    """
    return f"{int(day[8:10])} {_month(day[:7])}"


def _month(month: str) -> str:
    return f"{_MONTHS[int(month[5:7]) - 1]} {month[:4]}"
