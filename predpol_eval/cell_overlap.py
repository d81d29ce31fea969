"""How much of every cell lies inside which area, without one geometry per cell.

Areas are cut into ever smaller square blocks of cells. A block that is full or empty needs no further cutting, so the
work grows with the length of the borders and not with the number of cells.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

# Share of a cell within which a clipped piece counts as the whole. Rounded corners cost a block an area in proportion
# to its side, so the slack grows with the side and not with the area: else a large block would swallow small holes.
_FULL = 1e-10


class Blocks(NamedTuple):
    """Square blocks of cells, and the piece of one area that lies in each."""

    row: IntArray
    col: IntArray
    area: IntArray
    piece: npt.NDArray[Any]


def _clip(blocks: Blocks, size: int, x0: float, y0: float, cell: float) -> tuple[Blocks, FloatArray]:
    """Cut the pieces to their blocks, drop what is empty, and measure the rest."""
    import shapely

    left, low = x0 + blocks.col * cell, y0 + blocks.row * cell
    boxes = shapely.box(left, low, left + size * cell, low + size * cell)
    pieces = shapely.intersection(blocks.piece, boxes)
    measured = shapely.area(pieces)
    keep = measured > 0
    return Blocks(blocks.row[keep], blocks.col[keep], blocks.area[keep], pieces[keep]), measured[keep]


def _split(blocks: Blocks, half: int) -> Blocks:
    row, col = np.tile(blocks.row, 4), np.tile(blocks.col, 4)
    quarter = len(blocks.row)
    row[2 * quarter :] += half
    col[quarter : 2 * quarter] += half
    col[3 * quarter :] += half
    return Blocks(row, col, np.tile(blocks.area, 4), np.tile(blocks.piece, 4))


def overlap(
    areas: npt.NDArray[Any], x0: float, y0: float, cell: float, nx: int, ny: int
) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """Inside-area and area code of every cell.

    Parameters
    ----------
    areas : array of shapely polygons or multipolygons
        One per code; holes and several parts are fine.
    x0, y0, cell : float
        Lower-left corner of the grid and side of a cell, in metres.
    nx, ny : int
        Columns and rows.

    Returns
    -------
    inside_m2 : array of float, shape (ny, nx)
        Area of the cell within the union of the areas.
    code : array of int32, shape (ny, nx)
        The area with the largest part of the cell (the first of equals), -1 outside all.
    """
    import shapely

    inside = np.zeros(ny * nx)
    best = np.zeros(ny * nx)
    code = np.full(ny * nx, -1, dtype=np.int32)
    size = 1
    while size < max(nx, ny):
        size *= 2
    count = len(areas)
    zeros = np.zeros(count, dtype=np.int64)
    blocks = Blocks(zeros, zeros, np.arange(count), np.asarray(areas, dtype=object))
    leaves: tuple[Blocks, FloatArray] | None = None
    while len(blocks.row):
        blocks, measured = _clip(blocks, size, x0, y0, cell)
        whole = measured >= (size * cell) ** 2 - size * cell**2 * _FULL
        for row, col, area in zip(blocks.row[whole], blocks.col[whole], blocks.area[whole], strict=True):
            # A lower code wins where areas overlap, so that the order of the input cannot matter.
            span = (slice(row, min(row + size, ny)), slice(col, min(col + size, nx)))
            block_best, block_code = best.reshape(ny, nx)[span], code.reshape(ny, nx)[span]
            wins = (block_best < cell**2) | (block_code > area)
            block_code[wins] = area
            block_best[:] = cell**2
            inside.reshape(ny, nx)[span] = cell**2
        cut = ~whole
        rest = Blocks(blocks.row[cut], blocks.col[cut], blocks.area[cut], blocks.piece[cut])
        if size == 1:
            leaves = rest, measured[cut]
            break
        size //= 2
        blocks = _split(rest, size)
        on_grid = (blocks.row < ny) & (blocks.col < nx)
        blocks = Blocks(blocks.row[on_grid], blocks.col[on_grid], blocks.area[on_grid], blocks.piece[on_grid])
    if leaves is None:
        return inside.reshape(ny, nx), code.reshape(ny, nx)
    cut_blocks, measured = leaves
    flat = cut_blocks.row * nx + cut_blocks.col
    # Parts that differ by less than a square millimetre are equal: the lower code takes the cell.
    order = np.lexsort((cut_blocks.area, -np.round(measured, 6), flat))
    order = order[best[flat[order]] < cell**2]
    cells, start, number = np.unique(flat[order], return_index=True, return_counts=True)
    code[cells] = cut_blocks.area[order[start]]
    inside[cells] = measured[order[start]]
    for where in np.flatnonzero(number > 1):
        parts = cut_blocks.piece[order[start[where] : start[where] + number[where]]]
        inside[cells[where]] = shapely.area(shapely.union_all(parts))
    inside[inside >= cell**2 * (1 - _FULL)] = cell**2
    return inside.reshape(ny, nx), code.reshape(ny, nx)
