"""The checks of a submission: one table that the report to the vendor, the manual and the tests read."""

from __future__ import annotations

from typing import Literal, NamedTuple

from predpol_eval.trial.submissions import box_checks, checks, number_checks
from predpol_eval.trial.submissions.box_laying import SECONDS
from predpol_eval.trial.submissions.box_overlay import MOST_CROSSINGS, MOST_PARTS
from predpol_eval.trial.submissions.checks import Run

Severity = Literal["error", "warning", "note"]


class Check(NamedTuple):
    """One rule.

    Attributes
    ----------
    name : str
    sentence : str
        The rule.
    severity : {"error", "warning", "note"}
        Whether a file that breaks it is rejected, accepted though it loses by it, or accepted and told.
    remedy : str
        What to do if it is broken.
    run : function
        Tries it: gives what is wrong, or why the rule does not apply.
    stops : bool
        Whether nothing that follows can be tried if it is broken.
    needs : tuple of str
        Checks that must not have failed before.
    form : {"", "cells", "boxes"}
        Whether it is for files that list cells, or draw polygons, only.
    """

    name: str
    sentence: str
    severity: Severity
    remedy: str
    run: Run
    stops: bool = False
    needs: tuple[str, ...] = ()
    form: Literal["", "cells", "boxes"] = ""


_LABELS = ("one_form", "values", "filled", "nights_named", "kinds_known", "areas_known")
_PLACES = ("cells_known", "places_inside", "cell_and_place", "cell_in_area")
_RANKED = (*_LABELS, *_PLACES, "duplicates", "conflicts", "rank_number", "risk_number")
_DRAWN = (*_LABELS, "box_valid", "box_plain")
_ALL = ("plan_nights", "every_night", *_RANKED, "rank_order", "rank_and_risk", "box_inside", "box_in_area", "box_area")

# In the order in which they run, and are told.
CHECKS: tuple[Check, ...] = (
    Check(
        "size",
        "The file has no more bytes than the plan allows.",
        "error",
        "Send fewer rows or fewer nights at once, or Parquet instead of CSV.",
        checks.size,
        stops=True,
    ),
    Check(
        "limits",
        "It has no more rows, nights and corners of polygons than the plan allows.",
        "error",
        "List only the boxes of highest risk, send fewer nights at once, or draw polygons with fewer corners.",
        checks.limits,
        stops=True,
    ),
    Check(
        "readable",
        "It is a CSV or Parquet table, or a GeoJSON collection of polygons, with the columns that are known.",
        "error",
        "Write it as the template is written: `predpol-eval trial template`.",
        checks.readable,
        stops=True,
    ),
    Check("not_empty", "It has at least one row.", "error", "Send a file with boxes.", checks.not_empty, stops=True),
    Check(
        "plan_nights",
        "The nights that it is submitted for are nights of the plan, each once.",
        "error",
        "Submit it for nights of the plan, written like 2018-07-01: the day on which the night begins.",
        checks.plan_nights,
    ),
    Check(
        "one_form",
        "It draws polygons or lists cells, not both.",
        "error",
        "Send polygons only (GeoJSON), or cells and places only (CSV or Parquet).",
        checks.one_form,
    ),
    Check(
        "values",
        "Every value can be read.",
        "error",
        "Correct these values; numbers are plain, such as 0.25.",
        checks.values,
    ),
    Check(
        "columns",
        "It has the columns that are needed: kind; cell, or x and y; rank, or risk, or both; night if it is "
        "for more than one.",
        "error",
        "Add what is missing; the template has all columns.",
        checks.columns,
        stops=True,
    ),
    Check(
        "filled",
        "No value that is needed is blank.",
        "error",
        "Fill these in, or remove the rows.",
        checks.filled,
    ),
    Check(
        "nights_named",
        "Every night named is one that it is submitted for.",
        "error",
        "Remove these rows, or submit the file for these nights, too.",
        checks.nights_named,
    ),
    Check(
        "every_night",
        "Every night that it is submitted for has rows.",
        "error",
        "Add rows of these nights, or submit the file for the others only.",
        checks.every_night,
        needs=("plan_nights", "values", "filled", "nights_named"),
    ),
    Check(
        "kinds_known",
        "Every kind is one of the plan's, spelled alike.",
        "error",
        "Spell kinds as the plan does.",
        checks.kinds_known,
    ),
    Check(
        "areas_known",
        "Every area is one of the plan's, spelled alike.",
        "error",
        "Spell areas as the plan does.",
        checks.areas_known,
    ),
    Check(
        "cells_known",
        "Every cell named is one of the grid, in the areas of the plan.",
        "error",
        "Use the names of cells that the plan's grid has.",
        checks.cells_known,
        form="cells",
    ),
    Check(
        "places_inside",
        "Every x, y lies in a cell of the areas of the plan.",
        "error",
        "Give x and y in metres of the plan's coordinate system, inside its areas.",
        checks.places_inside,
        form="cells",
    ),
    Check(
        "cell_and_place",
        "Where a row names a cell and gives x, y as well, x, y lies in that cell.",
        "error",
        "Correct one of them, or give only one.",
        checks.cell_and_place,
        form="cells",
    ),
    Check(
        "cell_in_area",
        "Where a row names an area, its cell belongs to that area.",
        "error",
        "Name the area that the grid gives the cell, or leave the column out.",
        checks.cell_in_area,
        form="cells",
    ),
    Check(
        "risk_number",
        "Every risk is a finite number from 0.",
        "error",
        "Give risks that are finite and not negative.",
        number_checks.risk_number,
        form="cells",
    ),
    Check(
        "rank_number",
        "Every rank is a whole number from 1.",
        "error",
        "Give ranks 1, 2, 3, ...",
        number_checks.rank_number,
        form="cells",
    ),
    Check(
        "duplicates",
        "No row is there twice.",
        "error",
        "Remove the repetition.",
        number_checks.duplicates,
        form="cells",
    ),
    Check(
        "conflicts",
        "No box is named twice in one night and kind with different values.",
        "error",
        "Decide on one row for each box.",
        number_checks.conflicts,
        form="cells",
    ),
    Check(
        "rank_order",
        "Within a night, kind and area (without a column area also within a night and kind) ranks begin at 1 and leave "
        "no gap; only boxes whose risks agree to 12 significant digits may share a rank.",
        "error",
        "Number the boxes again, without gaps; look whether rows were lost. Boxes that are equal share a rank and have "
        "the same risk.",
        number_checks.rank_order,
        needs=_RANKED,
        form="cells",
    ),
    Check(
        "rank_and_risk",
        "Where a file gives both, no box has a higher risk than one with a better rank.",
        "error",
        "Correct one of them, or give only one.",
        number_checks.rank_and_risk,
        needs=(*_RANKED, "rank_order"),
        form="cells",
    ),
    Check(
        "rank_within_ties",
        "Where a file gives both, boxes of different rank have different risks.",
        "warning",
        "The risk counts, and boxes whose risks agree to 12 significant digits share what is left at the edge of the "
        "budget. Give only ranks, or risks with more digits, if their order is meant.",
        number_checks.rank_within_ties,
        needs=(*_RANKED, "rank_order", "rank_and_risk"),
        form="cells",
    ),
    Check(
        "box_valid",
        "Polygons have ground and do not cross themselves.",
        "error",
        "Mend these polygons; nothing is mended silently.",
        box_checks.box_valid,
        form="boxes",
    ),
    Check(
        "box_plain",
        f"There are at most {MOST_PARTS:,} polygons, the parts of each counted, and their edges cross each other and "
        f"the borders at most {MOST_CROSSINGS:,} times. Laying them over each other takes at most {SECONDS:g} s.",
        "error",
        "Draw fewer and simpler polygons.",
        box_checks.box_plain,
        needs=(*_LABELS, "box_valid"),
        form="boxes",
    ),
    Check(
        "box_inside",
        "Every polygon lies in the areas of the plan, at least in part.",
        "error",
        "Remove these polygons; look whether they are in the plan's coordinate system, in metres.",
        box_checks.box_inside,
        needs=("box_valid", "box_plain"),
        form="boxes",
    ),
    Check(
        "box_in_area",
        "Where a polygon names an area, at least a part of it lies there.",
        "error",
        "Name the area that the polygon is in, or leave the area out.",
        box_checks.box_in_area,
        needs=("areas_known", "box_valid", "box_plain"),
        form="boxes",
    ),
    Check(
        "box_area",
        "By night, kind and area polygons cover no more ground than the largest cells that may be patrolled: overlaps "
        "counted once, cut at the border.",
        "error",
        "Draw smaller or fewer polygons; flagging more than the others may is refused.",
        box_checks.box_area,
        needs=(*_DRAWN, "box_inside", "box_in_area"),
        form="boxes",
    ),
    Check(
        "covered",
        "Something is flagged for every night, kind and area.",
        "warning",
        "It counts as flagging nothing, at the same charge as the others: every crime there is missed.",
        number_checks.covered,
        needs=("every_night", *_RANKED, "box_valid", "box_plain", "box_inside", "box_in_area"),
    ),
    Check(
        "enough_boxes",
        "By night, kind and area at least as many boxes are listed as can be patrolled (all, where an area has fewer).",
        "warning",
        "Less is flagged at the same charge. List more boxes; those beyond the budget do no harm.",
        number_checks.enough_boxes,
        needs=_RANKED,
        form="cells",
    ),
    Check(
        "box_area_used",
        "By night, kind and area polygons cover the ground that may be flagged, but for 1 %.",
        "note",
        "Less is flagged at the same charge.",
        box_checks.box_area_used,
        needs=(*_DRAWN, "box_inside", "box_in_area", "box_area"),
        form="boxes",
    ),
    Check(
        "told_apart",
        "Where more boxes are listed than can be patrolled, not all have the same risk.",
        "warning",
        "Boxes of the same risk share the budget, as if it were drawn by lot among them.",
        number_checks.told_apart,
        needs=_RANKED,
        form="cells",
    ),
    Check(
        "another_night",
        "What is predicted for a night is not the same as for another.",
        "note",
        "Look whether this is the right file.",
        number_checks.another_night,
        needs=_ALL,
    ),
)


def as_markdown() -> str:
    """Write the table for the manual."""
    lines = ["| check | rule | if broken | what to do |", "| --- | --- | --- | --- |"]
    means = {"error": "rejected", "warning": "accepted, with a warning", "note": "accepted, with a note"}
    lines += [f"| `{check.name}` | {check.sentence} | {means[check.severity]} | {check.remedy} |" for check in CHECKS]
    return "\n".join(lines) + "\n"
