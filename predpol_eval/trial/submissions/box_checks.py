"""Checks of polygons: that they are some, lie where they can count, and cover no more than can be patrolled."""

from __future__ import annotations

import numpy as np

from predpol_eval.trial.submissions.box_overlay import MOST_CROSSINGS, MOST_PARTS, crossings
from predpol_eval.trial.submissions.checks import MOST_FAULTS, Found
from predpol_eval.trial.submissions.context import BLANK, Case, Fault, FloatArray, IntArray, Skip

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
    """Count parts, and how often edges cross each other and the borders, before anything is cut."""
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
    if case.rows.box is None:
        return _NO_BOXES
    from predpol_eval.trial.submissions.laying_out import ground_used

    used, allowed = ground_used(case), _allowed(case)
    over = np.flatnonzero(used > allowed * (1 + ROUNDING))
    found = [
        Fault(
            f"The polygons cover {used[scope]:,.0f} m2, {used[scope] - allowed[scope]:,.0f} more than the "
            f"{allowed[scope]:,.0f} m2 of {case.plan.k} boxes: {case.scope_name(int(scope))}."
        )
        for scope in over[:MOST_FAULTS]
    ]
    if len(over) > MOST_FAULTS:
        found.append(Fault(f"Too much is covered in {len(over) - MOST_FAULTS:,} further combinations."))
    return found


def box_area_used(case: Case) -> Found:
    """Tell where less ground is flagged than may be."""
    if case.rows.box is None:
        return _NO_BOXES
    from predpol_eval.trial.submissions.laying_out import ground_used

    used, allowed = ground_used(case), _allowed(case)
    less = np.flatnonzero((used > 0) & (used < allowed * (1 - UNUSED)))
    found = [
        Fault(
            f"The polygons cover {100 * used[scope] / allowed[scope]:.0f} % of the {allowed[scope]:,.0f} m2 allowed: "
            f"{case.scope_name(int(scope))}."
        )
        for scope in less[:MOST_FAULTS]
    ]
    if len(less) > MOST_FAULTS:
        found.append(Fault(f"Less than allowed is covered in {len(less) - MOST_FAULTS:,} further combinations."))
    return found


def _allowed(case: Case) -> FloatArray:
    return np.tile(case.ground.allowed_m2(case.plan.k), case.scopes // len(case.plan.areas))


def rows_by_night_and_kind(case: Case) -> list[tuple[tuple[int, int], IntArray]]:
    """Rows that have a polygon, and say of which night and kind it is, by both."""
    in_area = (case.area_named >= 0) | (case.area_named == BLANK)
    good = np.flatnonzero(case.has_box & (case.night >= 0) & (case.kind >= 0) & in_area)
    kinds = len(case.plan.kinds)
    group = (case.night * kinds + case.kind)[good]
    return [(divmod(int(number), kinds), good[group == number]) for number in np.unique(group)]
