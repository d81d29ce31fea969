"""What a cell is called in a file: its row from the south and its column from the west, such as r012c034."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from predpol_eval.grid import Grid

NOT_A_NAME = -2
NOT_IN_GRID = -3
# Leading zeros and the case of the letters do not matter: programs for spreadsheets change neither meaning.
_NAME = re.compile(r"r([0-9]{1,9})c([0-9]{1,9})", re.ASCII | re.IGNORECASE)


def cell_name(grid: Grid, cell: int) -> str:
    """Name of one cell.

    Parameters
    ----------
    grid : Grid
    cell : int
        As ``row * nx + column``, both from 0; row 0 is the southernmost, column 0 the westernmost.

    Examples
    --------
    >>> from predpol_eval.grid import Grid
    >>> cell_name(Grid.from_bounds(0, 0, 1000, 500, cell=250, crs="EPSG:27700"), 6)
    'r001c002'
    """
    row, column = divmod(int(cell), grid.shape[1])
    tall, wide = (max(3, len(str(size - 1))) for size in grid.shape)
    return f"r{row:0{tall}d}c{column:0{wide}d}"


def cell_names(grid: Grid) -> npt.NDArray[Any]:
    """Names of all cells of the grid, in the study area or not, in the order ``row * nx + column``.

    Examples
    --------
    >>> from predpol_eval.grid import Grid
    >>> cell_names(Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")).tolist()
    ['r000c000', 'r000c001']
    """
    return np.array([cell_name(grid, cell) for cell in range(grid.mask.size)], dtype=object)


def cell_named(grid: Grid, name: str) -> int:
    """Cell of a name as ``row * nx + column``, or `NOT_A_NAME`, or `NOT_IN_GRID`.

    Examples
    --------
    >>> from predpol_eval.grid import Grid
    >>> grid = Grid.from_bounds(0, 0, 1000, 500, cell=250, crs="EPSG:27700")
    >>> [cell_named(grid, name) for name in ("r001c002", "R1C2", "r001c004", "6")]
    [6, 6, -3, -2]
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return NOT_A_NAME
    row, column = int(found[1]), int(found[2])
    ny, nx = grid.shape
    return row * nx + column if row < ny and column < nx else NOT_IN_GRID
