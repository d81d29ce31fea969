"""Polygons from the corners of a file, and which of them are none because they cross themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from predpol_eval.trial.submissions.rows import ObjectArray, Unreadable
from predpol_eval.trial.submissions.sandbox import Stopped, run_limited

_TASK = "predpol_eval.trial.submissions.box_shapes:crossing_in_child"
# The work may grow with the square of a polygon's corners; up to so much it is done at once.
_AT_ONCE = 10_000_000
# Of processor time. What is valid is looked at once more by the checks, and laid over the others: all within 2 s.
_SECONDS = 0.4


@dataclass(slots=True)
class Corners:
    """Corners of many polygons, one after the other: of each the ring, of each ring the polygon, of that the feature.

    The first ring of a polygon is its outline, the others are holes in it.
    """

    points: list[tuple[float, float]] = field(default_factory=list)
    ring: list[int] = field(default_factory=list)
    polygon: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)

    def add(self, feature: int, polygons: Sequence[Sequence[Sequence[tuple[float, float]]]]) -> None:
        """Add the polygons of a feature; rings are closed and have four points at least."""
        for rings in polygons:
            for points in rings:
                self.points += points
                self.ring += [len(self.polygon)] * len(points)
                self.polygon.append(len(self.feature))
            self.feature.append(feature)

    def shapes(self) -> tuple[ObjectArray, list[int]]:
        """Make the geometries.

        Returns
        -------
        shapes : array of shapely Polygon or MultiPolygon
            One of each feature.
        features : list of int
            Which, in rising order.
        """
        import shapely

        features = sorted(set(self.feature))
        made: ObjectArray = np.empty(len(features), dtype=object)
        if not features:
            return made, features
        rings = shapely.linearrings(np.array(self.points, dtype=np.float64), indices=np.array(self.ring))
        parts = shapely.polygons(rings, indices=np.array(self.polygon))
        place = np.searchsorted(features, self.feature)
        starts = np.searchsorted(place, np.arange(len(features) + 1))
        alone = np.diff(starts) == 1
        made[alone] = parts[starts[:-1][alone]]
        for number in np.flatnonzero(~alone):
            made[number] = shapely.multipolygons(parts[starts[number] : starts[number + 1]])
        return made, features


def crossing(shapes: ObjectArray) -> dict[int, str]:
    """Find polygons that cross themselves or are otherwise none.

    Parameters
    ----------
    shapes : array of shapely geometry

    Returns
    -------
    dict of int to str
        Of each that is not valid its position, and what is wrong and where, as the geometry library says it.

    Raises
    ------
    Unreadable
        If they are so intricate that this cannot be told in the time a file is given.

    Notes
    -----
    Few corners are looked at here. With many, long slivers side by side make the work grow with the square of their
    number, to minutes within the limits of a plan, so it goes to a process that is stopped.
    """
    import shapely

    corners = shapely.get_num_coordinates(shapes).astype(np.int64)
    if int((corners**2).sum()) <= _AT_ONCE:
        return _crossing(shapes)
    data = shapely.to_wkb(shapely.geometrycollections(list(shapes)))
    try:
        found = json.loads(run_limited(_TASK, data, libraries=("shapely",), seconds=_SECONDS))
    except Stopped as error:
        raise Unreadable(
            f"The polygons are too intricate ({error}): {int(corners.sum()):,} corners, {int(corners.max()):,} in one "
            "feature. Draw the boxes with fewer corners, and without thin slivers side by side."
        ) from None
    return {int(position): str(reason) for position, reason in found}


def crossing_in_child(data: bytes, options: Mapping[str, int]) -> bytes:
    """`crossing` for the child process: geometries as one collection in well-known binary, the answer as JSON."""
    import shapely

    return json.dumps(list(_crossing(shapely.get_parts(shapely.from_wkb(data))).items())).encode("ascii")


def _crossing(shapes: ObjectArray) -> dict[int, str]:
    import shapely

    wrong = np.flatnonzero(~shapely.is_valid(shapes))
    # To tell why takes as long again, so only the first are asked.
    reasons = [str(reason) for reason in shapely.is_valid_reason(shapes[wrong[:20]])]
    reasons += ["not valid"] * (len(wrong) - len(reasons))
    return dict(zip(wrong.tolist(), reasons, strict=True))
