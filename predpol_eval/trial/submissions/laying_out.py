"""From the rows of a file in which nothing is wrong to what it predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.trial.submissions.box_checks import rows_by_night_and_kind
from predpol_eval.trial.submissions.box_laying import Job, lay
from predpol_eval.trial.submissions.context import BLANK, Case
from predpol_eval.trial.submissions.predictions import Predictions, RankedCells

if TYPE_CHECKING:
    from collections.abc import Mapping


def lay_out(case: Case) -> Predictions:
    """Make the predictions of a file.

    Parameters
    ----------
    case : Case
        Of a file that no check found wrong.
    """
    pairs = [(night, kind) for night in case.nights for kind in case.plan.kinds]
    cells: dict[tuple[str, str], RankedCells] = {}
    polygons: dict[tuple[str, str], Mapping[str, Any]] = {}
    if case.of_boxes:
        parts = case.box_parts
        for night, kind in pairs:
            polygons[night, kind] = {
                area: parts[night, kind, area] for area in case.plan.areas if (night, kind, area) in parts
            }
    else:
        # The risk decides where it is given: ranks cannot tell apart what a ranking by risk would tie.
        key = case.risk if case.risk is not None else -np.asarray(case.rank, dtype=np.float64)
        group = case.night * len(case.plan.kinds) + case.kind
        for number, pair in enumerate(pairs):
            here = np.flatnonzero(group == number)
            here = here[np.argsort(case.cell[here], kind="stable")]
            # Adding 0 makes one zero of the two that floating point has.
            cells[pair] = RankedCells(case.cell[here].astype(np.int64), key[here] + 0.0)
    return Predictions(
        grid=case.grid.fingerprint,
        form="boxes" if case.of_boxes else "cells",
        nights=tuple(case.nights),
        kinds=tuple(case.plan.kinds),
        cells=cells,
        polygons=polygons,
    )


def box_parts(case: Case) -> dict[tuple[str, str, str], Any]:
    """What of the polygons counts, by night, kind and area: their union, cut to the area's ground.

    A polygon that names its area counts there only; one that does not counts in each area that it lies in.

    Raises
    ------
    Intricate
        If they cannot be laid over each other in the time that a file is given.
    """
    import shapely

    shapes = case.rows.box
    if shapes is None:
        return {}
    scopes, jobs = [], []
    around, borders = shapely.bounds(shapes), shapely.bounds(np.array(case.ground.territories, dtype=object))
    for (night, kind), rows in rows_by_night_and_kind(case):
        for number, area in enumerate(case.plan.areas):
            named = case.area_named[rows]
            near = (around[rows, :2] <= borders[number, 2:]).all(1) & (around[rows, 2:] >= borders[number, :2]).all(1)
            here = shapes[rows[near & ((named == number) | (named == BLANK))]]
            if len(here):
                scopes.append((case.nights[night], case.plan.kinds[kind], area))
                jobs.append(Job(here, number))
    laid = lay(jobs, case.ground.territories)
    return {scope: part for scope, part in zip(scopes, laid, strict=True) if not part.is_empty}


def box_reaches(case: Case) -> npt.NDArray[np.bool_]:
    """Whether the polygon of every row has ground in each area; shape (rows, areas)."""
    import shapely

    found = np.zeros((case.many, len(case.ground.territories)), dtype=np.bool_)
    shapes = case.rows.box
    if shapes is None:
        return found
    for area, territory in enumerate(case.ground.territories):
        shapely.prepare(territory)
        near = np.flatnonzero(case.has_box & shapely.intersects(territory, shapes))
        # Most lie wholly inside. Of the rest, those that only touch have no ground there.
        whole = shapely.contains_properly(territory, shapes[near])
        found[near[whole], area] = True
        rest = near[~whole]
        found[rest, area] = shapely.area(shapely.intersection(shapes[rest], territory)) > 0
    return found


def ground_used(case: Case) -> npt.NDArray[np.float64]:
    """Ground that the polygons cover by night, kind and area, counted through as `Case.scope`; m2."""
    import shapely

    parts = case.box_parts
    used = np.zeros(case.scopes)
    for scope in range(case.scopes):
        rest, area = divmod(scope, len(case.plan.areas))
        night, kind = divmod(rest, len(case.plan.kinds))
        part = parts.get((case.nights[night], case.plan.kinds[kind], case.plan.areas[area]))
        if part is not None:
            used[scope] = shapely.area(part)
    return used
