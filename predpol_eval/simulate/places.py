"""Where simulated crimes lie: evenly in the part of a cell that is inside the study area, on whole millimetres."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Rounds of throwing points at the part of a cut cell that lies inside, before the rest take its innermost point.
_ROUNDS = 200


def places_in_cells(random: np.random.Generator, grid: Grid, cell: IntArray) -> tuple[FloatArray, FloatArray]:
    """Points in metres, spread evenly over the part of each crime's cell that lies in the study area."""
    side = grid.cell_mm
    column, row = cell % grid.shape[1], cell // grid.shape[1]
    low = np.stack([grid.x0_mm + column * side, grid.y0_mm + row * side])
    point = low + random.integers(0, side, low.shape)
    cut = np.flatnonzero(grid.inside_m2.ravel()[cell] < grid.cell**2)
    if cut.size and grid.boundary:
        _place_in_cut_cells(random, grid, cell, cut, low, point)
    return point[0] / 1000, point[1] / 1000


def _place_in_cut_cells(
    random: np.random.Generator, grid: Grid, cell: IntArray, cut: IntArray, low: IntArray, point: IntArray
) -> None:
    """Throw the crimes of cut cells again, into the box around the part inside, until they fall inside."""
    import shapely

    corner = low[:, cut] / 1000
    whole = shapely.union_all(shapely.from_wkb(np.array(grid.boundary, dtype=object)))
    _, first, which = np.unique(cell[cut], return_index=True, return_inverse=True)
    west, south = corner[:, first]
    parts = shapely.intersection(shapely.box(west, south, west + grid.cell, south + grid.cell), whole)
    bounds = shapely.bounds(parts) * 1000
    least, most = np.floor(bounds[:, :2]).astype(np.int64), np.ceil(bounds[:, 2:]).astype(np.int64)
    least = np.maximum(least, low[:, cut[first]].T)
    most = np.maximum(np.minimum(most, low[:, cut[first]].T + grid.cell_mm), least + 1)
    shapely.prepare(parts)
    left = np.arange(cut.size)
    for _ in range(_ROUNDS):
        box = which[left]
        thrown = random.integers(least[box], most[box]).T
        inside = shapely.intersects_xy(parts[box], thrown[0] / 1000, thrown[1] / 1000)
        point[:, cut[left[inside]]] = thrown[:, inside]
        left = left[~inside]
        if not left.size:
            return
    inner = shapely.point_on_surface(parts[which[left]])
    rest = np.rint(np.stack([shapely.get_x(inner), shapely.get_y(inner)]) * 1000).astype(np.int64)
    point[:, cut[left]] = np.clip(rest, low[:, cut[left]], low[:, cut[left]] + grid.cell_mm - 1)
