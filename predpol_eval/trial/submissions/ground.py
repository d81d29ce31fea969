"""The ground of a plan: which cells belong to which of its areas, what each may flag, and where polygons are cut."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.trial.submissions.box_overlay import Borders

if TYPE_CHECKING:
    from predpol_eval.grid import Grid

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ground:
    """The cells and borders of the areas of a plan.

    Parameters
    ----------
    grid : Grid
    areas : tuple of str
        Labels of the grid that the plan uses.

    Raises
    ------
    InputError
        If the grid has no such area.

    Examples
    --------
    >>> from predpol_eval.grid import Grid
    >>> ground = Ground(Grid.from_bounds(0, 0, 1000, 600, cell=250, crs="EPSG:27700"), ("all",))
    >>> ground.allowed_m2(2).tolist(), ground.least(20).tolist()
    ([125000.0], [12])
    """

    grid: Grid
    areas: tuple[str, ...]

    def __post_init__(self) -> None:
        missing = [area for area in self.areas if area not in self.grid.labels]
        if missing:
            raise InputError(
                f"The grid has no area {', '.join(map(repr, missing))}; its areas are {', '.join(self.grid.labels)}. "
                "Give the grid of this plan: plan.make_grid(folder)."
            )

    @cached_property
    def code(self) -> IntArray:
        """Position in `areas` of the area of every cell of the grid, -1 outside them; shape (ny * nx,)."""
        place = {area: number for number, area in enumerate(self.areas)}
        codes = np.array([*(place.get(label, -1) for label in self.grid.labels), -1], dtype=np.int64)
        return codes[self.grid.label_code.ravel()]

    def allowed_m2(self, k: int) -> FloatArray:
        """The most ground that `k` cells of each area can cover, which is what polygons may cover; m2."""
        inside = self.grid.inside_m2.ravel()
        return np.array([np.sort(inside[self.code == area])[::-1][:k].sum() for area in range(len(self.areas))])

    def least(self, k: int) -> IntArray:
        """Cells that `k` boxes come to in each area: all of an area that has fewer."""
        return np.minimum(k, np.bincount(self.code[self.code >= 0], minlength=len(self.areas))).astype(np.int64)

    @cached_property
    def territories(self) -> tuple[Any, ...]:
        """Of each area the ground of its cells within the border of the study area, as one geometry each.

        A crime belongs to the area of its cell, so polygons are cut along cells between areas. At the border of the
        study area they are cut along the border itself: what lies beyond is not charged, and must not score.
        """
        import shapely

        border = None
        if self.grid.boundary:
            border = shapely.union_all(shapely.from_wkb(np.array(self.grid.boundary, dtype=object)))
        found = []
        for area in range(len(self.areas)):
            cells = shapely.union_all(self._strips(area))
            found.append(cells if border is None else shapely.intersection(cells, border))
        return tuple(found)

    @cached_property
    def borders(self) -> Borders:
        """Edges of all territories."""
        return Borders(self.territories)

    def _strips(self, area: int) -> npt.NDArray[Any]:
        """Rectangles of neighbouring cells of one area, row by row."""
        import shapely

        ny, nx = self.grid.shape
        here = np.zeros((ny, nx + 2), dtype=np.int8)
        here[:, 1:-1] = self.code.reshape(ny, nx) == area
        change = np.diff(here, axis=1)
        row, first = np.nonzero(change == 1)
        last = np.nonzero(change == -1)[1]
        side = self.grid.cell_mm
        x0, y0 = self.grid.x0_mm, self.grid.y0_mm
        return np.asarray(
            shapely.box(
                *((x0 + side * first) / 1000, (y0 + side * row) / 1000),
                *((x0 + side * last) / 1000, (y0 + side * (row + 1)) / 1000),
            ),
            dtype=object,
        )
