"""Listed cells in one definite order, so that ties at the edge of the budget fall alike for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from predpol_eval.flagging import Scene
    from predpol_eval.trial.submissions.predictions import RankedCells

IntArray = npt.NDArray[np.int64]


def definite_ranks(listed: RankedCells, scene: Scene, lot: IntArray) -> IntArray:
    """Rank the listed cells within each area, tied ones by lot.

    Parameters
    ----------
    listed : RankedCells
    scene : Scene
        ``make_scene(grid)``.
    lot : array of int, shape (cells,)
        Place of each cell of the scene in one order that is the same for all, as `flagged_cells` draws it.

    Returns
    -------
    array of int, shape (cells,)
        1 the first of its area; 0 for a cell that is not listed.

    Examples
    --------
    >>> from predpol_eval.flagging import make_scene
    >>> from predpol_eval.grid import Grid
    >>> from predpol_eval.trial.submissions.predictions import RankedCells
    >>> scene = make_scene(Grid.from_bounds(0, 0, 1000, 250, cell=250, crs="EPSG:27700"))
    >>> listed = RankedCells(np.array([0, 2, 3]), np.array([0.5, 0.5, 0.9]))
    >>> definite_ranks(listed, scene, np.array([3, 2, 1, 0])).tolist()
    [3, 0, 2, 1]
    """
    from predpol_eval.kernels import ranking

    place = scene.position[listed.cell]
    dealt, start, tied = ranking.by_scope(
        np.argsort(-listed.key, kind="stable"), listed.key, scene.label[place], scene.labels
    )
    # The first of an area is tied with nobody, so that no group reaches over two areas.
    group = np.cumsum(~tied)
    order = dealt[np.lexsort((lot[place[dealt]], group))]
    ranks = np.zeros(len(scene.cells), dtype=np.int64)
    ranks[place[order]] = 1 + np.arange(len(order)) - np.repeat(start[:-1], np.diff(start))
    return ranks
