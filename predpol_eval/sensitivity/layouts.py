"""Other grids over the same ground: moved, turned, and of other cells, with budgets that buy the same ground.

Cells lie along the axes of a grid. So to turn a grid, the ground is turned the other way about one of its corners:
crimes and areas alike, which changes no distance, no area and no count.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.budgets import Budget, TopCells
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.external import External
from predpol_eval.forecasters.features import CellCovariate
from predpol_eval.grid import Grid, check_events
from predpol_eval.projection import refuse_mixed

if TYPE_CHECKING:
    FloatArray = npt.NDArray[np.float64]


class Layout(NamedTuple):
    """Where the cells of one grid lie: their side, in metres; the shift, in cells; the turn, in degrees."""

    cell: float
    shift: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0

    def __str__(self) -> str:
        text = f"{self.cell:g} m"
        if self.shift != (0.0, 0.0):
            text += f", shifted ({self.shift[0]:g}, {self.shift[1]:g})"
        return text + (f", turned {self.rotation:g} degrees" if self.rotation else "")

    @property
    def folder(self) -> str:
        """Name of its folder in a store."""
        return f"{self.cell:g}m_{self.shift[0]:g}_{self.shift[1]:g}_{self.rotation:g}deg"


class Ground(NamedTuple):
    """The crimes and the grid of one layout, and the point about which the ground was turned, in metres."""

    events: Events
    grid: Grid
    pivot: tuple[float, float]


def base_grid(areas: Any, events: Events, cells: Sequence[float] | None, label: str | None) -> Grid:
    """The grid that the others are variations of.

    Raises
    ------
    InputError
        If the ground cannot be used, no cell size is told, or the crimes are in another CRS.
    """
    check_events(events)
    given = isinstance(areas, Grid)
    if not given and cells is None:
        raise InputError("Give the cell sizes, in metres, the one of the base grid first: cells=(250, 200, 300).")
    if label is not None and not hasattr(areas, "geometry"):
        raise InputError(f"label={label!r} names a column of areas (a GeoDataFrame); leave it out here.")
    if given:
        grid: Grid = areas
        if not grid.boundary:
            raise InputError(
                "This grid was made without boundaries, so no other grid can be laid over its ground; give the areas "
                "as a GeoDataFrame, or a grid from ppe.Grid.from_areas(...) or ppe.Grid.from_bounds(...)."
            )
    elif hasattr(areas, "geometry"):
        grid = Grid.from_areas(areas, cell=_sizes(cells)[0], label=label)
    else:
        try:
            xmin, ymin, xmax, ymax = (float(edge) for edge in areas)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"The study area is {areas!r}; give a GeoDataFrame of areas, a Grid, or the bounds (xmin, ymin, xmax, "
                "ymax) in metres."
            ) from error
        grid = Grid.from_bounds(xmin, ymin, xmax, ymax, cell=_sizes(cells)[0], crs=events.crs)
    refuse_mixed(events.crs, grid.crs, "The events", "the grid")
    return grid


def layouts_of(
    base: Grid, cells: Sequence[float] | None, shifts: Any, rotations: Any, full: bool
) -> tuple[Layout, ...]:
    """The base grid, then its variations: one thing at a time, or all combinations.

    Raises
    ------
    InputError
        If a size, shift or turn cannot be used, is given twice, or nothing is varied.
    """
    sizes = list(dict.fromkeys([base.cell, *_sizes(cells if cells is not None else [base.cell])]))
    moved = [(0.0, 0.0), *(shift for shift in map(_shift, _listed(shifts, "shifts")) if shift != (0.0, 0.0))]
    turned = [0.0, *(turn for turn in map(_turn, _listed(rotations, "rotations")) if turn)]
    for name, values in (("shifts", moved), ("rotations", turned)):
        if len(set(values)) < len(values):
            raise InputError(f"{name}= holds one more than once: {values}; give each once.")
    if full:
        found = [Layout(*parts) for parts in product(sizes, moved, turned)]
    else:
        found = [
            Layout(base.cell),
            *(Layout(base.cell, shift) for shift in moved[1:]),
            *(Layout(base.cell, rotation=turn) for turn in turned[1:]),
            *(Layout(size) for size in sizes[1:]),
        ]
    if len(found) < 2:
        raise InputError("Nothing is varied; give a shift, a rotation or a second cell size.")
    for layout in found:
        _refuse_same(layout, found)
    return tuple(found)


def _refuse_same(layout: Layout, found: list[Layout]) -> None:
    alike = [other for other in found if str(other) == str(layout)]
    if len(alike) > 1:
        raise InputError(f"{len(alike)} grids are all called {str(layout)!r}; give numbers that differ by more.")


def _listed(values: Any, name: str) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"{name}={values!r}; give a sequence, for instance {_EXAMPLES[name]}.")
    return list(values)


_EXAMPLES = {"cells": "(250, 200, 300)", "shifts": "((0.5, 0), (0, 0.5))", "rotations": "(15, 30, 45)"}


def _sizes(cells: Any) -> list[float]:
    sizes = [_real(cell, "cells") for cell in _listed(cells, "cells")]
    if not sizes or min(sizes) <= 0 or any(abs(round(size * 1000) - size * 1000) > 1e-6 for size in sizes):
        raise InputError(
            f"cells={cells!r}; give at least one side of a cell, in metres, above 0 and in whole millimetres."
        )
    return sizes


def _shift(shift: Any) -> tuple[float, float]:
    parts = tuple(_real(part, "shifts") for part in _listed(shift, "shifts"))
    if len(parts) != 2 or not all(0 <= part < 1 for part in parts):
        raise InputError(
            f"shifts= holds {shift!r}; give pairs (east, north) of shares of a cell from 0 and below 1, for instance "
            "(0.5, 0): by a whole cell the same grid comes back."
        )
    return parts[0], parts[1]


def _turn(rotation: Any) -> float:
    turn = _real(rotation, "rotations")
    if not 0 <= turn < 90:
        raise InputError(
            f"rotations= holds {rotation!r}; give degrees from 0 and below 90: after a quarter turn the same squares "
            "come back."
        )
    return turn


def _real(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise InputError(f"{name}= holds {value!r}; give numbers, for instance {_EXAMPLES[name]}.")
    return float(value)


def lay(layout: Layout, base: Grid, events: Events) -> Ground:
    """Lay one grid; of the base layout it is the base grid itself, with the crimes as they are.

    All grids of one cell size hang on the lines of the base grid, or on the zero lines of the CRS if these are lines of
    it, as `Grid.from_areas` does by itself. A grid is turned about its own corner that is nearest to the middle of the
    study area.
    """
    import shapely

    polygons = shapely.from_wkb(np.array(base.boundary, dtype=object))
    side = round(layout.cell * 1000)
    corner = np.array([base.x0_mm, base.y0_mm])
    anchor = corner if (corner % base.cell_mm).any() else np.zeros(2, dtype=np.int64)
    start = anchor + np.rint(np.array(layout.shift) * side).astype(np.int64)
    low, high = np.array(shapely.total_bounds(polygons)).reshape(2, 2) * 1000
    pivot = start + np.rint(((low + high) / 2 - start) / side).astype(np.int64) * side
    about = (float(pivot[0]) / 1000, float(pivot[1]) / 1000)
    if layout == Layout(base.cell):
        return Ground(events, base, about)
    crimes = events
    if layout.rotation:
        polygons = _turned_areas(polygons, layout.rotation, about)
        x, y = turned(events.x, events.y, layout.rotation, about)
        for column in (x, y):
            column.setflags(write=False)
        crimes = dataclasses.replace(events, x=x, y=y)
    grid = Grid.from_polygons(base.labels, polygons, cell=layout.cell, crs=base.crs, origin=about)
    return Ground(crimes, grid, about)


def turned(
    x: npt.ArrayLike, y: npt.ArrayLike, degrees: float, about: tuple[float, float]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Points as a grid sees them that is turned anticlockwise: turned clockwise about a point.

    Examples
    --------
    >>> [part.round(9).tolist() for part in turned([10.0], [0.0], 30, (0.0, 0.0))]
    [[8.660254038], [-5.0]]
    """
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    east, north = np.asarray(x, dtype=np.float64) - about[0], np.asarray(y, dtype=np.float64) - about[1]
    return about[0] + cos * east + sin * north, about[1] - sin * east + cos * north


def _turned_areas(polygons: npt.NDArray[Any], degrees: float, about: tuple[float, float]) -> npt.NDArray[Any]:
    """Turn areas; where rounding makes a border touch itself, mend it."""
    import shapely

    def move(points: FloatArray) -> FloatArray:
        return np.column_stack(turned(points[:, 0], points[:, 1], degrees, about))

    result = shapely.transform(polygons, move)
    for place in np.flatnonzero(~shapely.is_valid(result)):
        parts = shapely.get_parts(shapely.make_valid(result[place]))
        result[place] = shapely.union_all(parts[np.isin(shapely.get_type_id(parts), [3, 6])])
    return np.asarray(result, dtype=object)


def same_ground(budgets: Sequence[Budget], base: Grid, layout: Layout) -> tuple[Budget, ...]:
    """Budgets that buy as much ground with these cells as with those of the base grid.

    Raises
    ------
    InputError
        If the ground of a number of base cells is no whole number of these.
    """
    side = round(layout.cell * 1000)
    result: list[Budget] = []
    for budget in budgets:
        if not isinstance(budget, TopCells) or side == base.cell_mm:
            result.append(budget)
            continue
        number, rest = divmod(int(budget.k) * base.cell_mm**2, side**2)
        if rest or not number:
            per = ", per='area'" if budget.per else ""
            raise InputError(
                f"'{budget}' is {budget.k * base.cell**2 / 1e6:g} km2 of ground, which is "
                f"{budget.k * base.cell_mm**2 / side**2:.4g} cells of {layout.cell:g} m: no whole number, and another "
                "amount of ground would be no comparison. Give a share of the ground, for instance "
                f"ppe.Coverage({_share(budget, base):.2g}{per}), or leave this size out."
            )
        result.append(TopCells(number, per=budget.per))
    return tuple(result)


def _share(budget: TopCells, base: Grid) -> float:
    ground = base.total_m2 / (len(base.labels) if budget.per else 1)
    return min(1.0, budget.k * base.cell**2 / ground)


def refuse_bound(forecasters: Any) -> None:
    """Refuse forecasters that hold numbers for the cells of one grid: on another they would mean other places.

    Raises
    ------
    InputError
        Naming them.
    """
    bound = [f"{name!r} ({what})" for name, forecaster in forecasters.items() for what in _bound(forecaster)]
    if bound:
        raise InputError(
            f"{', '.join(bound)} hold numbers made for the cells of one grid, which mean nothing on another; leave "
            "them out, or give covariates by area."
        )


def _bound(value: Any) -> Iterator[str]:
    if isinstance(value, External):
        yield "External"
    elif isinstance(value, CellCovariate):
        if not isinstance(value.values, tuple):
            yield f"CellCovariate {value.name!r} by cell"
    elif isinstance(value, dict):
        for part in value.values():
            yield from _bound(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _bound(part)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _bound(getattr(value, field.name))
