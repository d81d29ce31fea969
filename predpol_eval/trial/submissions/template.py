"""A file to start from: valid tonight, with every area and kind, and with risks that are made up."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.trial.submissions.cell_names import cell_name
from predpol_eval.trial.submissions.context import as_cell
from predpol_eval.trial.submissions.ground import Ground

if TYPE_CHECKING:
    from predpol_eval.grid import Grid
    from predpol_eval.trial.plan import TrialPlan

Form = Literal["csv", "parquet", "geojson"]

NOTE = "Template: places and risks are made up. Put your own in their stead before you submit."
COLUMNS = ("night", "area", "kind", "cell", "risk")


class _Row(NamedTuple):
    night: str
    area: str
    kind: str
    cell: int
    risk: float


def template(plan: TrialPlan, grid: Grid, nights: tuple[str, ...], *, form: Form = "csv") -> bytes:
    """Make a valid file for some nights: as many boxes as can be patrolled, of every area and kind.

    Parameters
    ----------
    plan : TrialPlan
    grid : Grid
        ``plan.make_grid(folder)``.
    nights : tuple of str
        Such as ``("2018-07-01",)``.
    form : {"csv", "parquet", "geojson"}
        A table of cells and risks, or the polygons of these cells.

    Returns
    -------
    bytes
        A file that every check of `check_submission` passes. Its risks are made up: whole numbers that fall from the
        number of boxes to 1, which nobody takes for a forecast. Parquet and GeoJSON say so in words as well.

    Raises
    ------
    InputError
        If a night is not one of the plan's, none is given, or the form is unknown.
    """
    if form not in ("csv", "parquet", "geojson"):
        raise InputError(f"form={form!r}; choose 'csv', 'parquet' or 'geojson'.")
    if not nights:
        raise InputError("No night was given; name the nights of the template, for instance ('2018-07-01',).")
    for night in nights:
        plan.night(night)
    rows = _rows(plan, grid, tuple(dict.fromkeys(nights)))
    if form == "csv":
        return _csv(rows, grid)
    return _parquet(rows, grid) if form == "parquet" else _geojson(rows, grid)


def _rows(plan: TrialPlan, grid: Grid, nights: tuple[str, ...]) -> Iterator[_Row]:
    ground = Ground(grid, tuple(plan.areas))
    inside = grid.inside_m2.ravel()
    chosen = []
    for number in range(len(plan.areas)):
        own = np.flatnonzero(ground.code == number)
        # The largest cells, since others may be cut by the border.
        chosen.append(own[np.argsort(-inside[own], kind="stable")][: plan.k])
    for night in nights:
        for area, cells in zip(plan.areas, chosen, strict=True):
            for kind in plan.kinds:
                for place, cell in enumerate(cells):
                    yield _Row(night, area, kind, int(cell), float(len(cells) - place))


def _csv(rows: Iterator[_Row], grid: Grid) -> bytes:
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow((row.night, as_cell(row.area), as_cell(row.kind), cell_name(grid, row.cell), f"{row.risk:.0f}"))
    return text.getvalue().encode("utf-8")


def _parquet(rows: Iterator[_Row], grid: Grid) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    night, area, kind, cell, risk = zip(*rows, strict=True)
    table = pa.table(
        {
            "night": pa.array(night, pa.string()),
            "area": pa.array(area, pa.string()),
            "kind": pa.array(kind, pa.string()),
            "cell": pa.array([cell_name(grid, number) for number in cell], pa.string()),
            "risk": pa.array(risk, pa.float64()),
        },
        metadata={"note": NOTE},
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def _geojson(rows: Iterator[_Row], grid: Grid) -> bytes:
    side, nx = grid.cell_mm, grid.shape[1]
    features: list[dict[str, Any]] = []
    for row in rows:
        north, east = divmod(row.cell, nx)
        west, south = grid.x0_mm + side * east, grid.y0_mm + side * north
        ring = [(west, south), (west + side, south), (west + side, south + side), (west, south + side), (west, south)]
        features.append(
            {
                "type": "Feature",
                "properties": {"night": row.night, "area": row.area, "kind": row.kind},
                "geometry": {"type": "Polygon", "coordinates": [[[x / 1000, y / 1000] for x, y in ring]]},
            }
        )
    told = {"type": "FeatureCollection", "note": NOTE, "features": features}
    return (json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8")
