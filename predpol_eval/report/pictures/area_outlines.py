"""Outlines of the areas of a trial, no finer than paper shows, and where their names go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.report.pictures.paper import SMALL
from predpol_eval.report.pictures.short_names import clean, width_of

if TYPE_CHECKING:
    from matplotlib.path import Path

    from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]
_HIGH = 1.25 * SMALL
# Names of so few signs are hardly wider than numbers.
_SHORT = 3


class Outlines(NamedTuple):
    """Areas in metres.

    Attributes
    ----------
    path : matplotlib.path.Path
        Borders of all areas, as one.
    names : tuple of str
        In the order of the grid.
    middles : array of float, shape (areas, 2)
        The point of each that is farthest from its border.
    reach : array of float, shape (areas,)
        How far that is.
    """

    path: Path
    names: tuple[str, ...]
    middles: FloatArray
    reach: FloatArray


def outlines_of(grid: Grid, tolerance: float) -> Outlines:
    """Simplify the borders of the areas.

    Parameters
    ----------
    grid : Grid
        If it has no boundary, borders follow the edges of its cells.
    tolerance : float
        Metres by which a border may be moved: less than can be seen.

    Returns
    -------
    Outlines
    """
    import shapely
    from matplotlib.path import Path

    areas = _areas(grid)
    paths, middles, reach = [], [], []
    for area in areas:
        radius = shapely.maximum_inscribed_circle(area, tolerance=max(grid.cell / 4, 1e-3))
        middles.append(shapely.get_coordinates(radius)[0])
        reach.append(float(shapely.length(radius)))
        for polygon in shapely.get_parts(shapely.simplify(area, tolerance)):
            if not polygon.is_empty:
                rings = (polygon.exterior, *polygon.interiors)
                paths += [Path(np.asarray(ring.coords)[:, :2], closed=True) for ring in rings]
    return Outlines(Path.make_compound_path(*paths), tuple(map(clean, grid.labels)), np.array(middles), np.array(reach))


def _areas(grid: Grid) -> list[Any]:
    import shapely

    if grid.boundary:
        return list(shapely.from_wkb(np.array(grid.boundary, dtype=object)))
    x, y = grid.x0 + grid.cell * np.arange(grid.shape[1] + 1), grid.y0 + grid.cell * np.arange(grid.shape[0] + 1)
    made = []
    for code in range(len(grid.labels)):
        row, column = np.nonzero(grid.label_code == code)
        made.append(shapely.union_all(shapely.box(x[column], y[row], x[column + 1], y[row + 1])))
    return made


def numbered(outlines: Outlines, metres: float) -> bool:
    """Whether names must give way to numbers: a long one does not fit into its area, or touches another.

    Parameters
    ----------
    outlines : Outlines
    metres : float
        To a point on paper.
    """
    if all(len(name) <= _SHORT for name in outlines.names):
        return False
    half = np.array([[width_of(name) / 2 + 1, _HIGH / 2] for name in outlines.names])
    # A name may be somewhat wider than the circle inside its area: most areas are wider there, too.
    if (half[:, 0] > 1.2 * outlines.reach / metres).any():
        return True
    return _touching(outlines.middles / metres, half)


def label_places(outlines: Outlines, texts: Sequence[str], metres: float) -> FloatArray:
    """Where texts stand, in metres: at the middles, moved apart where small areas lie close together."""
    half = np.array([[width_of(text) / 2 + 0.5, _HIGH / 2] for text in texts])
    places = outlines.middles / metres
    for _ in range(40):
        if not _touching(places, half):
            break
        for one in range(len(texts)):
            for other in range(one):
                apart = places[one] - places[other]
                room = half[one] + half[other] - np.abs(apart)
                if (room > 0).all():
                    axis = int(np.argmin(room))
                    push = np.zeros(2)
                    push[axis] = (room[axis] / 2 + 0.05) * (1.0 if apart[axis] >= 0 else -1.0)
                    places[one] += push
                    places[other] -= push
    return places * metres


def _touching(places: FloatArray, half: FloatArray) -> bool:
    apart = np.abs(places[:, None] - places[None]) < half[:, None] + half[None]
    both = np.asarray(apart.all(axis=-1))
    np.fill_diagonal(both, False)
    return bool(both.any())
