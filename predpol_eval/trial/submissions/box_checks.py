"""Checks of polygons: that they are some, lie where they can count, and cover no more than can be patrolled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from predpol_eval.trial.submissions.box_laying import Intricate
from predpol_eval.trial.submissions.box_overlay import MOST_CROSSINGS, MOST_PARTS, crossings
from predpol_eval.trial.submissions.checks import MOST_FAULTS, Found
from predpol_eval.trial.submissions.context import BLANK, Case, Fault, FloatArray, IntArray, Mask, Skip

ROUNDING = 1e-6  # share of the ground allowed that a union may exceed it by, from sums of coordinates
UNUSED = 0.01  # share of the ground allowed that nobody is told about

_NO_BOXES = Skip("the file draws no polygons")


def box_valid(case: Case) -> Found:
    """Find polygons that cross themselves, have no ground, or are something else."""
    import shapely

    if case.rows.box is None:
        return _NO_BOXES
    shapes = case.rows.box
    other = case.has_box & ~np.isin(shapely.get_type_id(shapes), [3, 6])
    found = []
    if other.any():
        found.append(case.fault("Shapes are no polygons.", other))
    crossed = case.has_box & ~other & ~shapely.is_valid(shapes)
    if crossed.any():
        reason = shapely.is_valid_reason(shapes[np.flatnonzero(crossed)[0]])
        found.append(case.fault(f"Polygons cross or touch themselves, the first: {reason}.", crossed))
    flat = case.has_box & ~other & ~crossed & ~(shapely.area(shapes) > 0)
    if flat.any():
        found.append(case.fault("Polygons have no ground.", flat))
    return found


def box_plain(case: Case) -> Found:
    """Count parts, and how often edges cross each other and the borders, before anything is cut; then lay them."""
    import shapely

    if case.rows.box is None:
        return _NO_BOXES
    parts = int(shapely.get_num_geometries(case.rows.box[case.has_box]).sum())
    if parts > MOST_PARTS:
        return [Fault(f"There are {parts:,} polygons; more than {MOST_PARTS:,} are not laid over each other.")]
    total = 0
    for _, rows in rows_by_night_and_kind(case):
        total += crossings(case.rows.box[rows], case.ground.borders)
        if total > MOST_CROSSINGS:
            text = f"Edges of polygons cross each other or the borders more than {MOST_CROSSINGS:,} times."
            return [Fault(text)]
    try:
        case.box_parts  # noqa: B018 - laid once, here, where it may be refused
    except Intricate as error:
        return [Fault(str(error))]
    return []


def box_inside(case: Case) -> Found:
    """Find polygons that are wholly outside the study area."""
    import shapely

    if case.rows.box is None:
        return _NO_BOXES
    outside = case.has_box & ~case.box_reaches.any(axis=1)
    if not outside.any():
        return []
    west, south, east, north = shapely.total_bounds(np.array(case.ground.territories, dtype=object))
    text = (
        "Polygons lie wholly outside the areas of the plan, which are within "
        f"x {west:,.0f} to {east:,.0f} and y {south:,.0f} to {north:,.0f} metres of {case.grid.crs[:40]}."
    )
    return [case.fault(text, outside)]


def box_in_area(case: Case) -> Found:
    """Find polygons that have nothing in the area that they are named in."""
    if case.rows.box is None:
        return _NO_BOXES
    if case.area_column is None:
        return Skip("the file names no areas; each polygon is cut into those it lies in")
    reaches = case.box_reaches
    own = reaches[np.arange(case.many), np.maximum(case.area_named, 0)]
    wrong = case.has_box & (case.area_named >= 0) & reaches.any(axis=1) & ~own
    if not wrong.any():
        return []
    return [case.fault("Polygons have no part in the area that they are named in.", wrong)]


def box_area(case: Case) -> Found:
    """Measure what is flagged, against what may be."""

    def told(used: float, allowed: float) -> str:
        return (
            f"The polygons cover {used:,.0f} m2, {used - allowed:,.0f} more than the {allowed:,.0f} m2 of "
            f"{case.plan.k} boxes"
        )

    return _by_scope(case, lambda used, allowed: used > allowed * (1 + ROUNDING), told, "Too much")


def box_area_used(case: Case) -> Found:
    """Tell where less ground is flagged than may be."""

    def told(used: float, allowed: float) -> str:
        return f"The polygons cover {100 * used / allowed:.0f} % of the {allowed:,.0f} m2 allowed"

    return _by_scope(
        case, lambda used, allowed: (used > 0) & (used < allowed * (1 - UNUSED)), told, "Less than allowed"
    )


def _by_scope(
    case: Case,
    wrong: Callable[[FloatArray, FloatArray], Mask],
    told: Callable[[float, float], str],
    more: str,
) -> Found:
    """One fault for each night, kind and area where the ground used is wrong by what is allowed."""
    if case.rows.box is None:
        return _NO_BOXES
    from predpol_eval.trial.submissions.laying_out import ground_used

    used = ground_used(case)
    allowed = np.tile(case.ground.allowed_m2(case.plan.k), case.scopes // len(case.plan.areas))
    scopes = np.flatnonzero(wrong(used, allowed))
    found = [
        Fault(f"{told(float(used[scope]), float(allowed[scope]))}: {case.scope_name(int(scope))}.")
        for scope in scopes[:MOST_FAULTS]
    ]
    if len(scopes) > MOST_FAULTS:
        found.append(Fault(f"{more} is covered in {len(scopes) - MOST_FAULTS:,} further combinations."))
    return found


def rows_by_night_and_kind(case: Case) -> list[tuple[tuple[int, int], IntArray]]:
    """Rows that have a polygon, and say of which night and kind it is, by both."""
    in_area = (case.area_named >= 0) | (case.area_named == BLANK)
    good = np.flatnonzero(case.has_box & (case.night >= 0) & (case.kind >= 0) & in_area)
    kinds = len(case.plan.kinds)
    group = (case.night * kinds + case.kind)[good]
    return [(divmod(int(number), kinds), good[group == number]) for number in np.unique(group)]
