"""Checks of the file itself, of its columns, labels and places: each says all that is wrong, and where."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.projection import looks_like_degrees
from predpol_eval.trial.submissions.cell_names import NOT_A_NAME, cell_name
from predpol_eval.trial.submissions.context import (
    BLANK,
    OUTSIDE,
    UNKNOWN,
    Case,
    Column,
    Fault,
    IntArray,
    Mask,
    Skip,
    close,
)
from predpol_eval.trial.submissions.limits_hit import LimitHit
from predpol_eval.trial.submissions.rows import shown

Found = list[Fault] | Skip
Run = Callable[[Case], Found]

MOST_FAULTS = 20  # that one check tells one by one


def size(case: Case) -> Found:
    """Look at the number of bytes before anything reads them."""
    most = case.plan.limits.bytes
    if case.size > most:
        return [Fault(f"The file has {case.size:,} bytes; the plan allows {most:,}.")]
    return []


def limits(case: Case) -> Found:
    """Count rows, nights, and corners of polygons, as far as the reader has not refused to go on."""
    import shapely

    allowed = case.plan.limits
    nights = (
        [Fault(f"It is submitted for {len(case.nights)} nights; the plan allows {allowed.nights} in one file.")]
        if len(case.nights) > allowed.nights
        else []
    )
    if isinstance(case.loaded, LimitHit):
        return [*nights, Fault(str(case.loaded))]
    if isinstance(case.loaded, InputError):
        return nights or Skip("the file cannot be read")
    found = nights
    if case.many > allowed.rows:
        found.append(Fault(f"The file has {case.many:,} rows; the plan allows {allowed.rows:,}."))
    if case.rows.box is not None:
        corners = int(shapely.get_num_coordinates(case.rows.box).sum())
        if corners > allowed.vertices:
            found.append(Fault(f"The polygons have {corners:,} corners; the plan allows {allowed.vertices:,}."))
    return found


def readable(case: Case) -> Found:
    """See whether the file holds a table."""
    return [Fault(str(case.loaded))] if isinstance(case.loaded, InputError) else []


def not_empty(case: Case) -> Found:
    """Look for a row."""
    return [] if case.many else [Fault("There is no row below the header.")]


def one_form(case: Case) -> Found:
    """See whether every row has a polygon, or none has."""
    if not case.of_boxes:
        return []
    found = []
    cells = case.has_place | (case.cell_said != BLANK)
    if cells.any():
        found.append(case.fault("Rows have a cell or place in a file of polygons.", cells))
    # A polygon that cannot be read is told already.
    bare = ~case.has_box & ~cells & ~np.isin(case.rows.row, [problem.row for problem in case.rows.problems])
    if bare.any() and not unlisted_problems(case):
        found.append(case.fault("Rows have no polygon, though others have one.", bare))
    return found


def plan_nights(case: Case) -> Found:
    """Ask the plan for every night that is submitted for."""
    found = [] if case.nights else [Fault("It is submitted for no night.")]
    for night in dict.fromkeys(case.nights):
        if case.nights.count(night) > 1:
            found.append(Fault(f"It is submitted {case.nights.count(night)} times for {shown(night)}."))
        try:
            case.plan.night(night)
        except InputError as error:
            found.append(Fault(str(error)))
    return found


def columns(case: Case) -> Found:
    """See which columns are needed and not there, or blank all down."""
    found = []
    if case.night_column is None and len(case.nights) > 1:
        found.append(Fault(f"There is no column 'night', though the file is for {len(case.nights)} nights."))
    if case.kind_column is None and len(case.plan.kinds) > 1:
        found.append(Fault(f"There is no column 'kind'; the kinds are {', '.join(case.plan.kinds)}."))
    if case.of_boxes:
        return found
    x, y = (values is not None and bool(np.isfinite(values).any()) for values in (case.rows.x, case.rows.y))
    if case.cell_column is None and not (x and y):
        half = f" There is only {'x' if x else 'y'}." if x != y else ""
        found.append(Fault(f"No column says where: give 'cell', or both 'x' and 'y'.{half}"))
    if case.risk is None and case.rank is None:
        found.append(Fault("No column says how much: give 'risk', or 'rank', or both."))
    return found


def values(case: Case) -> Found:
    """Tell the single values that the reader could not make sense of."""
    grouped: dict[tuple[str, str], list[int]] = {}
    examples: dict[tuple[str, str], list[str]] = {}
    for problem in case.rows.problems:
        which = str(problem.column), str(problem.expected)
        grouped.setdefault(which, []).append(int(problem.row))
        examples.setdefault(which, []).append(problem.found)
    found = []
    for (column, expected), rows in grouped.items():
        first = ", ".join(list(dict.fromkeys(examples[column, expected]))[:3])
        text = f"Column {column!r} holds {first}; expected {expected}."
        found.append(Fault(text, tuple(sorted(set(rows)))[:10], len(rows)))
    more = unlisted_problems(case)
    if more:
        found.append(Fault(f"{more:,} further values cannot be read.", (), more))
    return found


def unlisted_problems(case: Case) -> int:
    """How many values could not be read beyond those that the reader names."""
    return int(case.rows.problems_left_out)


def filled(case: Case) -> Found:
    """Find blanks in columns that are needed."""
    if unlisted_problems(case):
        return Skip("too many values cannot be read to tell which are blank")
    unread = {(int(problem.row), str(problem.column)) for problem in case.rows.problems}

    def blank(column: str, where: Mask) -> Mask:
        """Without those that hold something unreadable, which is told already."""
        known = [row for row, name in unread if name == column]
        return where & ~np.isin(case.rows.row, known)

    found = []
    for name, column, code in (
        ("night", case.night_column, case.night),
        ("kind", case.kind_column, case.kind),
        ("area", case.area_column, case.area_named),
    ):
        if column is not None:
            where = blank(name, code == BLANK)
            if where.any():
                found.append(case.fault(f"Column {name!r} is blank.", where))
    if case.of_boxes:
        return found
    nowhere = (case.cell_said == BLANK) & ~case.has_place
    for name in ("x", "y", "cell"):
        nowhere = blank(name, nowhere)
    if nowhere.any():
        found.append(case.fault("Rows do not say where: they have no cell, nor both x and y.", nowhere))
    for name, numbers in (("risk", case.risk), ("rank", case.rank)):
        if numbers is not None:
            where = blank(name, np.isnan(numbers))
            if where.any():
                text = f"Column {name!r} is blank in some rows; fill it in all of them, or leave the column out."
                found.append(case.fault(text, where))
    return found


def nights_named(case: Case) -> Found:
    """Compare the nights named with those submitted for."""
    return _unknown(case, "night", case.night_column, case.night, case.nights)


def every_night(case: Case) -> Found:
    """See whether there are rows of every night."""
    missing = [night for number, night in enumerate(case.nights) if not (case.night == number).any()]
    return [Fault(f"There is no row of the night {shown(night)}.") for night in missing[:MOST_FAULTS]]


def kinds_known(case: Case) -> Found:
    """Compare the kinds named with the plan's."""
    return _unknown(case, "kind", case.kind_column, case.kind, tuple(case.plan.kinds))


def areas_known(case: Case) -> Found:
    """Compare the areas named with the plan's."""
    return _unknown(case, "area", case.area_column, case.area_named, tuple(case.plan.areas))


def cells_known(case: Case) -> Found:
    """Tell cells whose name is none, and those outside the study area."""
    if case.cell_column is None:
        return Skip("the file names no cells")
    first = int(np.flatnonzero(case.ground.code >= 0)[0])
    expected = f"names are like {cell_name(case.grid, first)!r}: row from the south, column from the west, from 0"
    found = _each(
        case, case.cell_column, case.cell_said == NOT_A_NAME, lambda text: f"{text} is no cell's name; {expected}."
    )
    return found + _each(
        case,
        case.cell_column,
        case.cell_said == OUTSIDE,
        lambda text: f"The cell {text} lies outside the areas of the plan.",
    )


def places_inside(case: Case) -> Found:
    """Tell places outside the study area."""
    x, y = case.rows.x, case.rows.y
    if x is None or y is None or not case.has_place.any():
        return Skip("the file gives no places by x and y")
    wrong = case.cell_at == OUTSIDE
    if not wrong.any():
        return []
    west, south = case.grid.x0, case.grid.y0
    east, north = (
        start + case.grid.cell * many for start, many in ((west, case.grid.shape[1]), (south, case.grid.shape[0]))
    )
    text = (
        f"Places lie outside the areas of the plan, the first at x={x[wrong][0]:.10g}, y={y[wrong][0]:.10g}; the areas "
        f"lie within x {west:,.0f} to {east:,.0f} and y {south:,.0f} to {north:,.0f} metres of {case.grid.crs[:40]}."
    )
    if looks_like_degrees(x[wrong], y[wrong], case.grid.crs):
        text += " These look like degrees: convert them."
    return [case.fault(text, wrong)]


def cell_and_place(case: Case) -> Found:
    """Compare the cell named with the cell in which the place lies."""
    both = (case.cell_said >= 0) & (case.cell_at >= 0)
    if not both.any():
        return Skip("no row has both a cell and a place")
    wrong = both & (case.cell_said != case.cell_at)
    if not wrong.any():
        return []
    row = int(np.flatnonzero(wrong)[0])
    said, lies = (cell_name(case.grid, int(cells[row])) for cells in (case.cell_said, case.cell_at))
    text = f"Rows name one cell and give x, y in another, first {said} with a place in {lies}."
    return [case.fault(text, wrong)]


def cell_in_area(case: Case) -> Found:
    """Compare the area named with the area of the cell."""
    if case.area_column is None:
        return Skip("the file names no areas; each cell's own is taken")
    wrong = (case.area_named >= 0) & (case.area >= 0) & (case.area_named != case.area)
    if not wrong.any():
        return []
    row = int(np.flatnonzero(wrong)[0])
    text = (
        f"Rows name an area in which their cell is not, first {cell_name(case.grid, int(case.cell[row]))} named in "
        f"{case.plan.areas[int(case.area_named[row])]!r}, which belongs to {case.plan.areas[int(case.area[row])]!r}. "
        "A cell on a border belongs to the area that holds most of it."
    )
    return [case.fault(text, wrong)]


def _unknown(case: Case, name: str, column: Column | None, code: IntArray, known: tuple[str, ...]) -> Found:
    if column is None:
        return Skip(f"the file has no column {name!r}")

    def say(text: str) -> str:
        plain = text.strip("'")
        return f"{text} is no {name} here.{close(plain, known)} Expected {_listed(known)}."

    return _each(case, column, code == UNKNOWN, say)


def _listed(known: tuple[str, ...]) -> str:
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return ", ".join(known[:12]) + more


def _each(case: Case, column: Column, wrong: Mask, say: Callable[[str], str]) -> list[Fault]:
    """One fault for each text that is wrong, in the order of the texts, as many as can be read."""
    where = np.flatnonzero(wrong)
    # By text and not by place, so that the order of the rows does not matter.
    codes = sorted(set(column.code[where].tolist()), key=lambda code: column.texts[code])
    found = [
        case.fault(say(shown(column.texts[code])), where[column.code[where] == code]) for code in codes[:MOST_FAULTS]
    ]
    if len(codes) > MOST_FAULTS:
        rest = where[np.isin(column.code[where], codes[MOST_FAULTS:])]
        found.append(case.fault(f"{len(codes) - MOST_FAULTS:,} further texts in this column are unknown, too.", rest))
    return found
