"""Square cells over a study area: the places that can be patrolled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.areas import ONE_AREA, read_areas
from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError, refuse_other_type
from predpol_eval.events import Events
from predpol_eval.fingerprints import fingerprint_of
from predpol_eval.projection import FloatArray, metric_crs, refuse_degrees, refuse_mixed

if TYPE_CHECKING:
    import geopandas as gpd

MOST_CELLS = 100_000_000
# Metres: farther than anything on Earth, and its millimetres still are whole numbers.
FARTHEST = 1e12
SCHEMA = "predpol_eval.grid/1"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grid:
    """An immutable grid of square cells over a study area.

    Make one with `Grid.from_areas` or `Grid.from_bounds`. Cells are half-open: a crime on the edge between two belongs
    to the one east or north of it, decided on whole millimetres. A cell that the border cuts keeps the area inside.

    Attributes
    ----------
    crs : str
        Projected CRS in metres.
    x0_mm, y0_mm, cell_mm : int
        Lower-left corner and side of a cell, in millimetres.
    inside_m2 : array of float, shape (ny, nx)
        Area of each cell inside the study area; row 0 is the southernmost.
    label_code : array of int32, shape (ny, nx)
        Position of the cell's area in `labels`; -1 outside the study area.
    labels : tuple of str
        Names of the areas (boroughs); each cell has the label of the area that holds most of it.
    boundary : tuple of bytes
        The areas as WKB, for maps and for asking where a point itself lies; may be empty.
    """

    crs: str
    x0_mm: int
    y0_mm: int
    cell_mm: int
    inside_m2: FloatArray
    label_code: npt.NDArray[np.int32]
    labels: tuple[str, ...]
    boundary: tuple[bytes, ...] = ()

    @classmethod
    def from_bounds(
        cls, xmin: float, ymin: float, xmax: float, ymax: float, *, cell: float, crs: Any, label: str = ONE_AREA
    ) -> Grid:
        """Lay cells over a rectangle, from its lower-left corner; the last ones are cut if it does not divide.

        Raises
        ------
        InputError
            If the rectangle is empty, in degrees, or the cell is not a whole number of millimetres.

        Examples
        --------
        >>> grid = Grid.from_bounds(0, 0, 1000, 600, cell=250, crs="EPSG:27700")
        >>> grid.shape, grid.total_m2
        ((3, 4), 600000.0)
        """
        import shapely

        name = metric_crs(crs)
        bounds = np.array([xmin, ymin, xmax, ymax], dtype=np.float64)
        if not np.isfinite(bounds).all() or xmax <= xmin or ymax <= ymin:
            raise InputError(
                f"The bounds ({xmin}, {ymin}, {xmax}, {ymax}) hold no area, so the grid would have no cells; give "
                "finite xmin < xmax and ymin < ymax in metres."
            )
        refuse_degrees(bounds[[0, 2]], bounds[[1, 3]], name, "The bounds")
        side = _millimetres(cell)
        low, high = np.rint(bounds[:2] * 1000).astype(np.int64), np.rint(bounds[2:] * 1000).astype(np.int64)
        nx, ny = _shape(low, high, side)
        widths = np.minimum(side, high[0] - low[0] - side * np.arange(nx)) / 1000
        heights = np.minimum(side, high[1] - low[1] - side * np.arange(ny)) / 1000
        inside = np.outer(heights, widths)
        box = shapely.box(*(low / 1000), *(high / 1000))
        code = np.zeros((ny, nx), dtype=np.int32)
        return cls._checked(name, int(low[0]), int(low[1]), side, inside, code, (str(label),), (shapely.to_wkb(box),))

    @classmethod
    def from_areas(
        cls,
        areas: gpd.GeoDataFrame,
        *,
        cell: float,
        label: str | None = None,
        origin: tuple[float, float] = (0.0, 0.0),
    ) -> Grid:
        """Lay cells over polygons, such as boroughs.

        Parameters
        ----------
        areas : geopandas.GeoDataFrame
            Polygons (holes and several parts are fine) in a projected CRS in metres.
        cell : float
            Side of a cell in metres.
        label : str, optional
            Column with the name of each area; rows with the same name are one area. Without it the whole is one area.
        origin : (float, float)
            A point that grid lines pass through; shift it by half a cell to see how much that matters.

        Raises
        ------
        InputError
            If there is no polygon, one is invalid (with its row), areas overlap, or the CRS is not in metres.

        Examples
        --------
        >>> import geopandas, shapely
        >>> areas = geopandas.GeoDataFrame({"borough": ["A"]}, geometry=[shapely.box(0, 0, 500, 375)], crs="EPSG:27700")
        >>> Grid.from_areas(areas, cell=250, label="borough").inside_m2.tolist()
        [[62500.0, 62500.0], [31250.0, 31250.0]]
        """
        import shapely

        names, polygons, crs = read_areas(areas, label)
        bounds = shapely.total_bounds(polygons)
        refuse_degrees(bounds[[0, 2]], bounds[[1, 3]], crs, "The areas")
        return cls.from_polygons(names, polygons, cell=cell, crs=crs, origin=origin)

    @classmethod
    def from_polygons(
        cls,
        names: tuple[str, ...],
        polygons: npt.NDArray[Any],
        *,
        cell: float,
        crs: str,
        origin: tuple[float, float] = (0.0, 0.0),
    ) -> Grid:
        """Lay cells over polygons that were checked before, one for each name: see `from_areas`, which checks them."""
        import shapely

        from predpol_eval.cell_overlap import overlap

        side = _millimetres(cell)
        bounds = shapely.total_bounds(polygons)
        start = np.rint(np.array(origin, dtype=np.float64) * 1000).astype(np.int64)
        low = (np.floor(bounds[:2] * 1000).astype(np.int64) - start) // side * side + start
        high = np.ceil(bounds[2:] * 1000).astype(np.int64)
        nx, ny = _shape(low, high, side)
        inside, code = overlap(polygons, low[0] / 1000, low[1] / 1000, side / 1000, nx, ny)
        wkb = tuple(shapely.to_wkb(polygon) for polygon in polygons)
        return cls._checked(crs, int(low[0]), int(low[1]), side, inside, code, names, wkb)

    @classmethod
    def _checked(
        cls,
        crs: str,
        x0_mm: int,
        y0_mm: int,
        cell_mm: int,
        inside_m2: FloatArray,
        label_code: npt.NDArray[np.int32],
        labels: tuple[str, ...],
        boundary: tuple[bytes, ...],
    ) -> Grid:
        if not (label_code >= 0).any():
            raise InputError("The grid has no cells inside the study area; check the areas and their CRS.")
        inside, code = np.ascontiguousarray(inside_m2), np.ascontiguousarray(label_code)
        inside.setflags(write=False)
        code.setflags(write=False)
        return cls(
            crs=crs, x0_mm=x0_mm, y0_mm=y0_mm, cell_mm=cell_mm, inside_m2=inside, label_code=code,
            labels=labels, boundary=boundary,
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, (ny, nx)."""
        return self.inside_m2.shape[0], self.inside_m2.shape[1]

    @property
    def cell(self) -> float:
        """Side of a cell in metres."""
        return self.cell_mm / 1000

    @property
    def x0(self) -> float:
        """Western edge in metres."""
        return self.x0_mm / 1000

    @property
    def y0(self) -> float:
        """Southern edge in metres."""
        return self.y0_mm / 1000

    @property
    def x(self) -> FloatArray:
        """Centres of the columns in metres, shape (nx,)."""
        return (self.x0_mm + self.cell_mm * np.arange(self.shape[1]) + self.cell_mm / 2) / 1000

    @property
    def y(self) -> FloatArray:
        """Centres of the rows in metres, shape (ny,), from south to north."""
        return (self.y0_mm + self.cell_mm * np.arange(self.shape[0]) + self.cell_mm / 2) / 1000

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Which cells belong to the study area, shape (ny, nx)."""
        return self.label_code >= 0

    @property
    def total_m2(self) -> float:
        """Inside-area of all cells."""
        return float(self.inside_m2.sum())

    @property
    def label_m2(self) -> FloatArray:
        """Inside-area of the cells of each label, shape (labels,)."""
        inside = self.mask
        total = np.bincount(self.label_code[inside], self.inside_m2[inside], minlength=len(self.labels))
        return np.asarray(total, dtype=np.float64)

    @property
    def label_cells(self) -> npt.NDArray[np.int64]:
        """Number of cells of each label, shape (labels,)."""
        return np.bincount(self.label_code[self.mask], minlength=len(self.labels)).astype(np.int64)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that can change a result."""
        place = (self.crs, self.x0_mm, self.y0_mm, self.cell_mm, self.labels)
        return fingerprint_of(place, self.inside_m2, self.label_code)

    def column_row(self, x: FloatArray, y: FloatArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Column and row of points, also beyond the grid (negative, or nx, ny and more)."""
        east, north = (np.rint(np.clip(np.asarray(part), -FARTHEST, FARTHEST) * 1000) for part in (x, y))
        column = (east.astype(np.int64) - self.x0_mm) // self.cell_mm
        row = (north.astype(np.int64) - self.y0_mm) // self.cell_mm
        return column, row

    def cell_of(self, x: FloatArray, y: FloatArray) -> npt.NDArray[np.int64]:
        """Cell of each point as ``row * nx + column``; -1 where the point is in no cell of the study area.

        Examples
        --------
        >>> grid = Grid.from_bounds(0, 0, 500, 500, cell=250, crs="EPSG:27700")
        >>> grid.cell_of(np.array([249.999, 250.0, 500.0]), np.array([0.0, 0.0, 0.0])).tolist()
        [0, 1, -1]
        """
        column, row = self.column_row(x, y)
        ny, nx = self.shape
        inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
        flat = np.where(inside, row * nx + column, 0)
        return np.where(inside & (self.label_code.ravel()[flat] >= 0), flat, -1)

    def cells_of(self, events: Events) -> npt.NDArray[np.int64]:
        """Cell of each crime (see `cell_of`); crimes in another CRS are refused."""
        check_events(events)
        refuse_mixed(events.crs, self.crs, "The events", "the grid")
        return self.cell_of(events.x, events.y)

    def area_of_point(self, x: FloatArray, y: FloatArray) -> npt.NDArray[np.int64]:
        """Label code of the area in which each point itself lies (-1: none), whatever its cell.

        A point on a border belongs to the first of the areas that touch it.
        """
        import shapely

        if not self.boundary:
            raise InputError("This grid was made without boundaries, so it cannot say in which area a point lies.")
        tree = shapely.STRtree(shapely.from_wkb(np.array(self.boundary, dtype=object)))
        point, area = tree.query(shapely.points(x, y), predicate="intersects")
        result = np.full(len(x), len(self.labels), dtype=np.int64)
        np.minimum.at(result, point, area)
        return np.where(result == len(self.labels), -1, result)

    def areas(self) -> gpd.GeoDataFrame:
        """Give the study areas as polygons, one row per label."""
        import geopandas as gpd
        import shapely

        if not self.boundary:
            raise InputError("This grid was made without boundaries, so there are no polygons to give.")
        geometry = shapely.from_wkb(np.array(self.boundary, dtype=object))
        return gpd.GeoDataFrame({"label": list(self.labels)}, geometry=geometry, crs=self.crs)

    def save(self, path: str | Path) -> None:
        """Save as NetCDF (see `Grid.load`)."""
        import xarray as xr

        from predpol_eval.netcdf import write_netcdf

        wkb = [len(part) for part in self.boundary]
        attrs = {
            "schema": SCHEMA, "crs": self.crs, "x0_mm": self.x0_mm, "y0_mm": self.y0_mm, "cell_mm": self.cell_mm,
            "labels": json.dumps(self.labels), "boundary_bytes": json.dumps(wkb), "fingerprint": self.fingerprint,
        }  # fmt: skip
        data = xr.Dataset(
            {
                "inside_m2": (("y", "x"), self.inside_m2, {"units": "m2", "long_name": "area inside the study area"}),
                "label_code": (("y", "x"), self.label_code, {"long_name": "position in the attribute labels"}),
                "boundary": ("byte", np.frombuffer(b"".join(self.boundary), dtype=np.uint8)),
            },
            coords={"x": self.x, "y": self.y},
            attrs=attrs,
        )
        write_netcdf(data, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Grid:
        """Load what `Grid.save` wrote.

        Raises
        ------
        InputError
            If the file is not a saved grid, has another schema version, or was changed since.
        """
        from predpol_eval.netcdf import read_netcdf

        data = read_netcdf(Path(path), SCHEMA)
        raw, boundary, start = data["boundary"].to_numpy().tobytes(), [], 0
        for length in json.loads(data.attrs["boundary_bytes"]):
            boundary.append(raw[start : start + length])
            start += length
        grid = cls._checked(
            data.attrs["crs"], int(data.attrs["x0_mm"]), int(data.attrs["y0_mm"]), int(data.attrs["cell_mm"]),
            data["inside_m2"].to_numpy().astype(np.float64), data["label_code"].to_numpy().astype(np.int32),
            tuple(json.loads(data.attrs["labels"])), tuple(boundary),
        )  # fmt: skip
        if grid.fingerprint != data.attrs["fingerprint"]:
            raise InputError(
                f"{Path(path).name} was changed after it was saved: its content does not match its fingerprint."
            )
        return grid

    def summary(self) -> dict[str, str]:
        """Describe the grid in words, one entry per line."""
        ny, nx = self.shape
        cut = int(((self.inside_m2 > 0) & (self.inside_m2 < self.cell**2)).sum())
        names = ", ".join(self.labels[:6]) + (f" and {len(self.labels) - 6} more" if len(self.labels) > 6 else "")
        return {
            "cells": f"{int(self.mask.sum()):,} of {self.cell:g} m ({cut:,} cut by the border), in {ny} rows of {nx}",
            "area": f"{self.total_m2 / 1e6:,.2f} km2",
            "areas": f"{len(self.labels)}: {names}",
            "place": f"metres of {self.crs if len(self.crs) < 40 else 'a custom CRS'}",
        }

    def __repr__(self) -> str:
        return as_text("Grid", self.summary())

    def _repr_html_(self) -> str:
        return as_html("Grid", self.summary())


def check_events(events: Any) -> None:
    """Refuse anything but Events, such as the data frame they are made from."""
    refuse_other_type(events, Events, "make them with ppe.Events.from_frame(...) or ppe.read_events(...)")


def check_grid(grid: Any) -> None:
    """Refuse anything but a Grid, such as the areas it is made from."""
    refuse_other_type(grid, Grid, "make one with ppe.Grid.from_areas(...) or ppe.Grid.from_bounds(...)")


def _millimetres(cell: float) -> int:
    side = round(float(cell) * 1000) if np.isfinite(cell) else 0
    if side <= 0 or abs(side - float(cell) * 1000) > 1e-6:
        raise InputError(
            f"cell={cell!r}; give the side of a cell in metres, above 0 and in whole millimetres, for instance "
            "cell=250."
        )
    return side


def _shape(low: npt.NDArray[np.int64], high: npt.NDArray[np.int64], side: int) -> tuple[int, int]:
    nx, ny = (int(count) for count in -(-(high - low) // side))
    if nx * ny > MOST_CELLS:
        gigabytes = nx * ny * 12 / 1e9
        raise InputError(
            f"A cell of {side / 1000:g} m gives {nx:,} x {ny:,} = {nx * ny:,} cells ({gigabytes:,.1f} GB for the grid "
            f"alone); the most is {MOST_CELLS:,}. Use a larger cell, or check that the bounds are in metres."
        )
    return nx, ny
