"""What part of every cell a vendor's own polygons cover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from predpol_eval.flagging import Scene
    from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]
# Of a cell: less is what rounding leaves of a polygon that ends on a line of the grid.
_NOTHING = 1e-9


def shares_covered(drawn: Mapping[str, Any], grid: Grid, scene: Scene) -> FloatArray:
    """Share of each cell's ground inside the study area that polygons cover.

    Parameters
    ----------
    drawn : mapping of area to polygon or multipolygon
        As `Predictions.boxes` gives them: the union in each area, cut to its ground, so that none lie over each other.
    grid : Grid
    scene : Scene
        ``make_scene(grid)``.

    Returns
    -------
    array of float, shape (cells,)
        From 0 to 1.

    Notes
    -----
    As fonts are drawn: every edge is cut at the lines of the grid, and what lies to its left is summed along its row.
    The work is that of the edges and of the lines that they cross, however many cells a polygon winds through.

    Examples
    --------
    >>> import shapely
    >>> from predpol_eval.flagging import make_scene
    >>> from predpol_eval.grid import Grid
    >>> grid = Grid.from_bounds(0, 0, 750, 250, cell=250, crs="EPSG:27700")
    >>> shares_covered({"all": shapely.box(125, 0, 500, 250)}, grid, make_scene(grid)).tolist()
    [0.5, 1.0, 0.0]
    """
    ny, nx = grid.shape
    start, end, turn = _edges(drawn, grid)
    start, end, turn = _cut_at_lines(start, end, turn)
    middle = (start + end) / 2
    column = np.clip(np.floor(middle[:, 0]), 0, nx - 1).astype(np.int64)
    row = np.clip(np.floor(middle[:, 1]), 0, ny - 1).astype(np.int64)
    rise = turn * (end[:, 1] - start[:, 1])
    left_of, within = np.zeros(grid.shape), np.zeros(grid.shape)
    np.add.at(left_of, (row, column), rise)
    np.add.at(within, (row, column), rise * (middle[:, 0] - column))
    # A cell has what its own edges bound, and all of itself for every edge further to the east.
    further = np.cumsum(left_of[:, ::-1], axis=1)[:, ::-1] - left_of
    covered = (within + further).ravel()[scene.cells]
    covered[covered < _NOTHING] = 0.0
    return np.minimum(covered * grid.cell**2 / scene.inside, 1.0)


def _edges(drawn: Mapping[str, Any], grid: Grid) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ends of all edges, in sides of a cell from the corner of the grid, and 1 or -1 so that ground counts once."""
    import shapely

    parts = shapely.get_parts(np.array([*drawn.values(), None], dtype=object)[:-1])
    rings, of_part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    place = (points * 1000 - np.array([grid.x0_mm, grid.y0_mm])) / grid.cell_mm
    same = ring[1:] == ring[:-1]
    start, end, ring = place[:-1][same], place[1:][same], ring[1:][same]
    # Rings may run either way; the first of a polygon bounds it from outside, the others are holes.
    area = np.bincount(ring, (start[:, 0] + end[:, 0]) * (end[:, 1] - start[:, 1]), minlength=len(rings))
    hole = np.ones(len(rings), dtype=bool)
    hole[np.unique(of_part, return_index=True)[1]] = False
    turn = np.where(hole, -1.0, 1.0) * np.sign(area)
    return start, end, turn[ring]


def _cut_at_lines(start: FloatArray, end: FloatArray, turn: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cut edges where they cross lines of the grid, first those that run north, then those that run east."""
    for axis in range(2):
        low, high = np.minimum(start[:, axis], end[:, axis]), np.maximum(start[:, axis], end[:, axis])
        first = np.floor(low) + 1
        # Lines strictly between the two ends.
        many = np.maximum(np.ceil(high) - first, 0).astype(np.int64)
        edge = np.repeat(np.arange(len(start)), many + 1)
        step = np.arange(len(edge)) - np.repeat(np.cumsum(many + 1) - (many + 1), many + 1)
        up = (end[:, axis] >= start[:, axis])[edge]
        line = np.where(up, first[edge] + step, first[edge] + many[edge] - 1 - step)
        last = step == many[edge]
        length = (end - start)[edge, axis]
        along = np.divide(line - start[edge, axis], length, out=np.ones(len(edge)), where=~last & (length != 0))
        ends = start[edge] + along[:, None] * (end - start)[edge]
        ends[~last, axis] = line[~last]
        ends[last] = end[edge[last]]
        begins = np.vstack([start[:1], ends[:-1]])
        begins[step == 0] = start[edge[step == 0]]
        start, end, turn = begins, ends, turn[edge]
    return start, end, turn
