"""Laying a vendor's polygons over each other and over an area, with work that no polygon can make explode.

Two combs of some thousand teeth, one laid across the other, are each a harmless polygon, but their union has many
millions of corners. So the places where edges cross are counted first, and the count stops where it is too high.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_PARTS = 10_000  # of all polygons of a file together
MOST_CROSSINGS = 20_000  # of edges of different polygons, or of a polygon and a border
MOST_LOOKS = 500_000  # pairs of edges that are close enough to be looked at
_AT_ONCE = 4_000_000  # pairs that one question may give back, so that its answer fits into memory

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def edges(shapes: npt.NDArray[Any]) -> tuple[FloatArray, IntArray]:
    """Edges of polygons as x1, y1, x2, y2, and the polygon that each belongs to.

    Examples
    --------
    >>> import shapely
    >>> ends, owner = edges(np.array([shapely.box(0, 0, 2, 1)], dtype=object))
    >>> ends.shape, owner.tolist()
    ((4, 4), [0, 0, 0, 0])
    """
    import shapely

    parts, of_part = shapely.get_parts(shapes, return_index=True)
    rings, of_ring = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    follows = ring[1:] == ring[:-1]
    ends = np.concatenate((points[:-1][follows], points[1:][follows]), axis=1)
    return ends, np.asarray(of_part[of_ring[ring[1:][follows]]], dtype=np.int64)


class Borders:
    """Edges of what polygons will be cut along, ready to be asked which lie near."""

    def __init__(self, shapes: Sequence[Any]) -> None:
        import shapely

        self.ends, _ = edges(np.array([*shapes, None], dtype=object)[:-1])
        self.tree = shapely.STRtree(shapely.linestrings(self.ends.reshape(-1, 2, 2)))


def crossings(shapes: npt.NDArray[Any], borders: Borders | None = None, *, most: int = MOST_CROSSINGS) -> int:
    """How many pairs of edges of different polygons, or of a polygon and a border, cross.

    Parameters
    ----------
    shapes : array of polygons and multipolygons
        Each of them valid.
    borders : Borders, optional
        What they will be cut along; how borders cross each other is not counted.
    most : int
        Above it only that it is above matters.

    Returns
    -------
    int
        ``most + 1`` where too many edges would have to be looked at.

    Examples
    --------
    >>> import shapely
    >>> crossings(np.array([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)], dtype=object))
    2
    """
    import shapely

    ends, owner = edges(shapes)
    if not len(ends):
        return 0
    lines = shapely.linestrings(ends.reshape(-1, 2, 2))
    asked = [(shapely.STRtree(lines), ends)] + ([(borders.tree, borders.ends)] if borders is not None else [])
    looks, found = 0, 0
    for tree, others in asked:
        step = max(1, _AT_ONCE // max(1, len(others)))
        pairs = [np.empty((2, 0), dtype=np.int64)]
        for start in range(0, len(lines), step):
            near = tree.query(lines[start : start + step])
            near[0] += start
            if others is ends:
                # Each pair once, and no edge with those of its own polygon: that one is valid, so they do not cross.
                near = near[:, owner[near[0]] < owner[near[1]]]
            looks += near.shape[1]
            if looks > MOST_LOOKS:
                return most + 1
            pairs.append(near)
        first, second = np.concatenate(pairs, axis=1)
        found += int(_cross(ends[first], others[second]).sum())
    return found


def _cross(a: FloatArray, b: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether two edges cross; that they touch makes no new corner."""

    def side(line: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
        turn = (line[:, 2] - line[:, 0]) * (y - line[:, 1]) - (line[:, 3] - line[:, 1]) * (x - line[:, 0])
        return np.sign(turn)

    cross = side(a, b[:, 0], b[:, 1]) * side(a, b[:, 2], b[:, 3]) < 0
    return cross & (side(b, a[:, 0], a[:, 1]) * side(b, a[:, 2], a[:, 3]) < 0)


def union(shapes: Sequence[Any]) -> Any:
    """Union of polygons, the same whatever their order and wherever their rings begin."""
    import shapely

    plain = shapely.normalize(np.array([*shapes, None], dtype=object)[:-1])
    order = np.argsort(np.array([*shapely.to_wkb(plain), b""], dtype=object)[:-1], kind="stable")
    return shapely.union_all(plain[order])


def cut(shape: Any, territory: Any) -> Any:
    """What of a shape lies within a territory, as polygons in a fixed order; empty if they only touch."""
    import shapely

    # Most lie wholly inside, and a border may be long.
    found = shape if shapely.contains_properly(territory, shape) else shapely.intersection(shape, territory)
    # Where they touch, an intersection has lines and points, too, and is a collection, which may hold several polygons.
    parts = shapely.get_parts(found)
    return shapely.normalize(shapely.multipolygons(parts[shapely.area(parts) > 0]))
