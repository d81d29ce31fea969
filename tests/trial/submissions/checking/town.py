"""A town of three areas, a plan for it, and files to submit."""

from __future__ import annotations

import datetime
import difflib
import io
import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import geopandas
import numpy as np
import shapely

from predpol_eval.errors import InputError
from predpol_eval.grid import Grid
from predpol_eval.trial.submissions.cell_names import cell_name
from predpol_eval.trial.submissions.checked import Checked, check_submission, judge
from predpol_eval.trial.submissions.context import Case
from predpol_eval.trial.submissions.rows import Rows

CRS = "EPSG:27700"
X0, Y0 = 400_000, 300_000  # as far from zero as London is: not a town that could be in degrees
NIGHTS = ("2018-07-01", "2018-07-02", "2018-07-03")


def place(x: float, y: float) -> tuple[float, float]:
    return X0 + x, Y0 + y


def polygon(*corners: tuple[float, float]) -> Any:
    return shapely.Polygon([place(x, y) for x, y in corners])


def box(west: float, south: float, east: float, north: float) -> Any:
    return shapely.box(*place(west, south), *place(east, north))


# North is cut by a slanting border; East and West meet inside a column of cells.
AREAS = geopandas.GeoDataFrame(
    {"borough": ["East", "North", "West"]},
    geometry=[
        box(1100, 0, 2250, 1000),
        polygon((0, 1000), (2250, 1000), (2250, 1600), (0, 2100)),
        box(0, 0, 1100, 1000),
    ],
    crs=CRS,
)
GRID = Grid.from_areas(AREAS, cell=250, label="borough")


@dataclass(frozen=True)
class StandIn:
    """What of a plan the checks look at."""

    tz: str = "Europe/London"
    crs: str = CRS
    cell: float = 250.0
    areas: tuple[str, ...] = GRID.labels
    kinds: tuple[str, ...] = ("burglary", "robbery")
    vendors: tuple[str, ...] = ("A", "B")
    in_house: tuple[str, ...] = ("in-house",)
    k: int = 3
    limits: Any = field(
        default_factory=lambda: SimpleNamespace(bytes=20_000_000, rows=200_000, vertices=200_000, nights=7)
    )
    sha256: str = "0" * 64

    @property
    def submitters(self) -> tuple[str, ...]:
        return self.vendors + self.in_house

    def night(self, name: str) -> Any:
        start = datetime.date(2018, 7, 1)
        known = [str(start + datetime.timedelta(days=day)) for day in range(184)]
        if name not in known:
            raise InputError(f"{name!r} is no night of the plan. Close: {difflib.get_close_matches(name, known, n=1)}")
        return SimpleNamespace(name=name, number=known.index(name))


PLAN = StandIn()


def limited(**changes: int) -> StandIn:
    return replace(PLAN, limits=SimpleNamespace(**{**vars(PLAN.limits), **changes}))


def cells_of(area: str, grid: Grid = GRID) -> np.ndarray:
    return np.flatnonzero(grid.label_code.ravel() == grid.labels.index(area))


def name_of(area: str, number: int) -> str:
    return cell_name(GRID, int(cells_of(area)[number]))


def middle(cell: int, grid: Grid = GRID) -> tuple[float, float]:
    row, column = divmod(int(cell), grid.shape[1])
    return float(grid.x[column]), float(grid.y[row])


Row = dict[str, Any]


def rows(nights: tuple[str, ...] = NIGHTS[:1], each: int = 4, *, numbers: tuple[str, ...] = ("risk",)) -> list[Row]:
    """Rows in which nothing is wrong: four boxes of every area and kind, one more than the budget has."""
    found = []
    for day, night in enumerate(nights):
        for area in PLAN.areas:
            for k, kind in enumerate(PLAN.kinds):
                for number in range(each):
                    cell = int(cells_of(area)[number])
                    x, y = middle(cell)
                    row = {"night": night, "area": area, "kind": kind, "cell": cell_name(GRID, cell), "x": x, "y": y}
                    # Nights differ, so that none is a repetition of another.
                    said = {"risk": 1.0 / (1 + number) + 0.01 * k + 0.1 * day, "rank": number + 1}
                    found.append(row | {name: said[name] for name in numbers})
    return found


TABLE = ("night", "area", "kind", "cell", "risk")


def csv(table: list[Row], columns: tuple[str, ...] = TABLE) -> bytes:
    lines = [",".join(columns)]
    lines += [",".join("" if row.get(name) is None else str(row[name]) for name in columns) for row in table]
    return ("\n".join(lines) + "\n").encode()


def parquet(table: list[Row], columns: tuple[str, ...] = TABLE) -> bytes:
    import pandas as pd

    sink = io.BytesIO()
    pd.DataFrame([{name: row.get(name) for name in columns} for row in table]).to_parquet(sink, index=False)
    return sink.getvalue()


def drawn(nights: tuple[str, ...] = NIGHTS[:1], *, area: bool = True) -> list[Row]:
    """Polygons in which nothing is wrong: in every area the ground of three whole cells, less a third of a percent."""
    south = {"East": 100.0, "North": 1100.0, "West": 100.0}
    west = {"East": 1300.0, "North": 300.0, "West": 100.0}
    found = []
    for day, night in enumerate(nights):
        for name in PLAN.areas:
            for kind in PLAN.kinds:
                x, y = west[name] + day, south[name]
                shape = box(x, y, x + 748, y + 250)
                found.append({"night": night, "kind": kind, "shape": shape} | ({"area": name} if area else {}))
    return found


def geojson(table: list[Row]) -> bytes:
    features = [
        {
            "type": "Feature",
            "properties": {name: value for name, value in row.items() if name != "shape"},
            "geometry": shapely.geometry.mapping(row["shape"]),
        }
        for row in table
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def check(data: bytes, plan: Any = PLAN, nights: tuple[str, ...] = NIGHTS[:1], **options: Any) -> Checked:
    return check_submission(data, plan, GRID, label="A", nights=nights, **options)


def as_rows(table: list[Row], **options: Any) -> Rows:
    """Rows as a reader gives them, for what no reader would let through."""
    texts = {
        name: np.array([row.get(name, "") for row in table], dtype=object) for name in ("night", "area", "kind", "cell")
    }
    numbers = {
        name: np.array([row.get(name, np.nan) for row in table], dtype=float) for name in ("x", "y", "rank", "risk")
    }
    shapes: dict[str, Any] = {}
    if any("shape" in row for row in table):
        shapes["box"] = np.array([*(row.get("shape") for row in table), None], dtype=object)[:-1]
    told: dict[str, Any] = {"source": "csv", **texts, **numbers, **shapes, **options}
    return Rows(row=np.arange(2, len(table) + 2), **told)


def check_rows(found: Rows, plan: Any = PLAN, nights: tuple[str, ...] = NIGHTS[:1], **options: Any) -> Checked:
    case = Case(size=0, load=lambda: found, plan=plan, grid=GRID, nights=nights, **options)
    return judge(case, label="A", name="", file="0" * 64)
