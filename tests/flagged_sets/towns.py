"""Small towns of several rows, with cut cells, holes in the study area and two boroughs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from hypothesis import strategies as st

from predpol_eval import Grid, make_surface
from tests.strategies import CRS, nights


def grid_of_rows(inside: Any, label: Any = None, labels: int = 1, x0: int = -4000, y0: int = 6000) -> Grid:
    """A grid of cells 2 m wide; 0 is outside the study area. Its corner lies west of zero."""
    ground = np.array(inside, dtype=np.float64)
    code = np.zeros(ground.shape, dtype=np.int32) if label is None else np.array(label, dtype=np.int32)
    return Grid(
        crs=CRS, x0_mm=x0, y0_mm=y0, cell_mm=2000, inside_m2=ground,
        label_code=np.where(ground > 0, code, -1).astype(np.int32), labels=tuple("ABCDE"[:labels]),
    )  # fmt: skip


def flags_of(pattern: Any, inside: Any = None) -> xr.DataArray:
    """A surface of kind flags from rows of 0 and 1, one pattern per night."""
    rows = np.atleast_3d(np.array(pattern, dtype=np.float64))
    rows = rows if np.ndim(pattern) == 3 else np.array(pattern, dtype=np.float64)[None]
    grid = grid_of_rows(np.full(rows.shape[1:], 4.0) if inside is None else inside)
    return make_surface(rows, grid, nights(len(rows)), kind="flags")


def joined(**surfaces: xr.DataArray) -> xr.DataArray:
    """Surfaces side by side, by forecaster."""
    names = pd.Index(list(surfaces), name="forecaster")
    return xr.concat(list(surfaces.values()), dim=names, coords="minimal", compat="override", combine_attrs="override")


def cells_of(flagged: xr.DataArray) -> set[tuple[int, int]]:
    """Rows and columns of the flagged cells of one set."""
    return {(int(y), int(x)) for y, x in np.argwhere(flagged.transpose("y", "x").to_numpy() == 1)}


@st.composite
def towns(draw: st.DrawFn, *, most: int = 4, windows: int = 2, kinds: tuple[str, ...] = ("score", "expected_count")):
    """Grid, and surfaces of two forecasters, A and B, with their crimes; few values, so that ties abound."""
    ny, nx = draw(st.integers(1, most)), draw(st.integers(2, most))
    size = ny * nx
    inside = draw(st.lists(st.sampled_from([4.0, 4.0, 2.0, 0.5, 0.0]), min_size=size, max_size=size))
    inside[draw(st.integers(0, size - 1))] = 4.0
    label = draw(st.lists(st.integers(0, 1), min_size=size, max_size=size))
    grid = grid_of_rows(np.reshape(inside, (ny, nx)), np.reshape(label, (ny, nx)), 2)
    kind = draw(st.sampled_from(kinds))
    values = st.sampled_from([0.0, 1.0] if kind == "flags" else [0.0, 0.25, 0.5, 1.0, 3.0])
    count = draw(st.integers(1, windows))
    amount = st.sampled_from(draw(st.sampled_from([[0.0, 1.0, 3.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.25, 0.5]])))
    every = size * count
    maps = [np.reshape(draw(st.lists(values, min_size=every, max_size=every)), (count, ny, nx)) for _ in range(2)]
    crimes = np.reshape(draw(st.lists(amount, min_size=every, max_size=every)), (count, ny, nx)) * grid.mask
    first, second = (make_surface(one, grid, nights(count), kind=kind) for one in maps)
    counted = first.copy(data=crimes).rename("count")
    counted.attrs = {"grid": grid.fingerprint}
    return grid, joined(A=first, B=second), counted
