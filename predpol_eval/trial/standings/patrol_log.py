"""A log of patrols, read and checked as a submission is: every fault with its row, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.trial.plan.keys import close
from predpol_eval.trial.standings.flagged_arrays import FloatArray, IntArray
from predpol_eval.trial.submissions.cell_names import NOT_A_NAME, cell_name, cell_named
from predpol_eval.trial.submissions.csv_rows import split_line, text_of
from predpol_eval.trial.submissions.limits_hit import refuse_beyond
from predpol_eval.trial.submissions.plain_values import number
from predpol_eval.trial.submissions.rows import shown

if TYPE_CHECKING:
    from predpol_eval.grid import Grid
    from predpol_eval.trial.plan.plan import TrialPlan

COLUMNS = ("night", "area", "cell", "minutes")
# Several patrols may stay in one box; more than a hundred for a whole day is a mistake.
MOST_MINUTES = 144_000.0
_NAMED = 50
_LONGEST_LINE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dosage:
    """Minutes of patrol by night and cell, checked.

    Attributes
    ----------
    nights : tuple of str
        Nights that were logged: those with a row.
    night : array of int
        Of each row, its place in `nights`.
    cell : array of int
        Of each row, as ``row * nx + column``.
    minutes : array of float
    """

    nights: tuple[str, ...]
    night: IntArray
    cell: IntArray
    minutes: FloatArray

    def dense(self, nights: Sequence[str], cells: npt.ArrayLike) -> FloatArray:
        """Lay out minutes over some nights and cells; NaN on nights that were not logged.

        Parameters
        ----------
        nights : sequence of str
        cells : array of int
            As ``row * nx + column``.

        Returns
        -------
        array of float, shape (nights, cells)
        """
        wanted = np.asarray(cells, dtype=np.int64)
        order = np.argsort(wanted)
        made = np.full((len(nights), len(wanted)), np.nan)
        logged = {name: place for place, name in enumerate(self.nights)}
        for row, name in enumerate(nights):
            if name not in logged:
                continue
            made[row] = 0.0
            here = self.night == logged[name]
            place = np.searchsorted(wanted[order], self.cell[here])
            inside = place < len(wanted)
            inside[inside] = wanted[order][place[inside]] == self.cell[here][inside]
            made[row, order[place[inside]]] = self.minutes[here][inside]
        return made


def read_dosage(data: bytes, plan: TrialPlan, grid: Grid) -> Dosage:
    """Read and check a log of patrols: a CSV file with the columns night, area, cell, minutes.

    Parameters
    ----------
    data : bytes
        UTF-8; comma, semicolon or tab between fields; the columns in any order. A night without a row was not logged; a
        box without a row, on a night that was, had no patrol.
    plan : TrialPlan
    grid : Grid
        That of the plan.

    Returns
    -------
    Dosage

    Raises
    ------
    InputError
        With every fault and its row (the line of the file), up to 50; or if it is larger than the plan allows for a
        submission, or is no such table.
    """
    refuse_beyond("bytes", plan.limits, len(data))
    text = text_of(data).replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    refuse_beyond("rows", plan.limits, text.count("\n"))
    lines = text.split("\n")
    place, separator = _columns(lines[0])
    nights = {night.name: night.number for night in plan.nights}
    areas = set(map(str, grid.labels))
    faults: list[str] = []
    many = 0
    seen: dict[tuple[str, int], int] = {}
    rows: list[tuple[str, int, float]] = []
    for row, line in enumerate(lines[1:], 2):
        if not line.strip(f" \t{separator}"):
            continue
        fields, wrong = split_line(line, separator) if len(line) <= _LONGEST_LINE else ([], "a line far too long")
        if not wrong and len(fields) != len(place):
            wrong = f"{len(fields)} fields; expected {len(place)}, as in the header"
        told = [f"row {row}: found {wrong}."] if wrong else []
        if not told:
            field = {name: fields[place[name]].strip() for name in COLUMNS}
            found, told = _read_row(row, field, nights, areas, grid)
            if found is not None:
                first = seen.setdefault(found[:2], row)
                if first != row:
                    told.append(
                        f"row {row}: {found[0]} {shown(field['cell'])} stands in row {first} already; give one row for "
                        "each night and cell, with all its minutes."
                    )
                rows.append(found)
        many += len(told)
        faults += told[: max(0, _NAMED - len(faults))]
    if many:
        more = f"\n... and {many - len(faults):,} more." if many > len(faults) else ""
        raise InputError(f"The log of patrols has {many:,} faults:\n" + "\n".join(faults) + more)
    if not rows:
        raise InputError("The log of patrols has a header but no rows; give one row for each night and patrolled cell.")
    logged = sorted({name for name, _, _ in rows}, key=lambda name: nights[name])
    night_of = {name: number for number, name in enumerate(logged)}
    return Dosage(
        nights=tuple(logged),
        night=np.array([night_of[name] for name, _, _ in rows], dtype=np.int64),
        cell=np.array([cell for _, cell, _ in rows], dtype=np.int64),
        minutes=np.array([minutes for _, _, minutes in rows]),
    )


def _columns(header: str) -> tuple[dict[str, int], str]:
    """Place of each column, and what stands between fields."""
    if len(header) <= _LONGEST_LINE:
        for separator in ",;\t":
            names = [name.strip().casefold() for name in split_line(header, separator)[0]]
            if sorted(names) == sorted(COLUMNS):
                return {name: names.index(name) for name in COLUMNS}, separator
    raise InputError(
        f"The first line is {shown(header)}; expected the columns {', '.join(COLUMNS)}, each once and no other, with "
        "commas, semicolons or tabs between them."
    )


def _read_row(
    row: int, field: Mapping[str, str], nights: Mapping[str, int], areas: set[str], grid: Grid
) -> tuple[tuple[str, int, float] | None, list[str]]:
    """Night, cell and minutes of a row, or all that is wrong with it."""
    told: list[str] = []
    if field["night"] not in nights:
        told.append(f"row {row}: no night {shown(field['night'])} in the plan.{close(field['night'], nights)}")
    if field["area"] not in areas:
        told.append(f"row {row}: no area {shown(field['area'])} in the plan.{close(field['area'], areas)}")
    cell = cell_named(grid, field["cell"])
    if cell == NOT_A_NAME:
        told.append(f"row {row}: {shown(field['cell'])} is no name of a cell, such as {cell_name(grid, 0)}.")
    elif cell < 0 or not grid.mask.ravel()[cell]:
        told.append(f"row {row}: the cell {shown(field['cell'])} is not in the study area.")
    elif field["area"] in areas:
        own = str(grid.labels[int(grid.label_code.ravel()[cell])])
        if own != field["area"]:
            told.append(f"row {row}: the cell {shown(field['cell'])} is in {own!r}, not in {shown(field['area'])}.")
    minutes = number(field["minutes"])
    if minutes is None or not 0 <= minutes <= MOST_MINUTES:
        told.append(
            f"row {row}: minutes are {shown(field['minutes'])}; expected a plain number from 0 to {MOST_MINUTES:,.0f}."
        )
        return None, told
    return (None if told else (field["night"], cell, minutes)), told
