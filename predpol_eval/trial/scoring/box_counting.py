"""What a vendor's own polygons caught: crime by crime, by the point of each, in the union of what was drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.flagging import Scene
from predpol_eval.tallies import CAUGHT
from predpol_eval.trial.scoring.counting import Caught, Points

FloatArray = npt.NDArray[np.float64]
# Of polygons that follow no grid, boxes cannot be counted, and the best cells are not the best that they could do.
UNKNOWN = ("oracle_hits", "boxes", "boxes_hit")


def inside_of(shape: Any, x: FloatArray, y: FloatArray) -> npt.NDArray[np.bool_]:
    """Which points lie in a shape.

    As cells are, a shape is half-open: a point stands for the square millimetre to its north-east, by whose middle it
    is judged. So polygons drawn along cells catch exactly what the cells would.

    Parameters
    ----------
    shape : polygon or multipolygon
    x, y : array of float
        In metres.

    Examples
    --------
    >>> import shapely
    >>> inside_of(shapely.box(0, 0, 250, 250), np.array([0.0, 250.0, 249.999]), np.array([0.0, 0.0, 1.0])).tolist()
    [True, False, True]
    """
    import shapely

    east, north = ((np.rint(part * 1000) + 0.5) / 1000 for part in (x, y))
    return np.asarray(shapely.contains_xy(shape, east, north), dtype=bool)


def caught_by_boxes(
    boxes: Mapping[str, Any], boxes_m2: Mapping[str, float], points: Points, labels: tuple[str, ...], scene: Scene
) -> Caught:
    """Count what polygons caught on one night.

    A crime's cell decides its area and whether it counts at all; the polygons of that area, cut to its ground, decide
    whether it was caught.

    Parameters
    ----------
    boxes : mapping of area to geometry
        Union of what was drawn in each area; an area that is left out has none.
    boxes_m2 : mapping of area to float
        Ground of each.
    points : Points
        The crimes of the night.
    labels : tuple of str
        Areas of the grid, in its order.
    scene : Scene

    Returns
    -------
    Caught
        With NaN for what is not known of polygons: `UNKNOWN`.
    """
    hit = np.zeros(len(points.x), dtype=bool)
    ground = np.zeros(scene.labels)
    for label, area in enumerate(labels):
        if area in boxes:
            ground[label] = boxes_m2[area]
            here = points.label == label
            hit[here] = inside_of(boxes[area], points.x[here], points.y[here])
    events, hits = (
        np.bincount(points.label, weight, minlength=scene.labels) for weight in (points.weight, points.weight * hit)
    )
    # An area without ground has no crimes either.
    share = np.divide(ground, scene.total, out=np.zeros_like(ground), where=scene.total > 0)
    known = {
        "hits": hits,
        # Nothing is tied: a point is in what was drawn, or it is not.
        "hits_worst": hits,
        "hits_best": hits,
        "chance_hits": events * share,
        "flagged_m2": ground,
    }
    counts = np.array([known.get(name, np.full(scene.labels, np.nan)) for name in CAUGHT])
    return Caught(counts, hit[points.spread].astype(np.float64))
