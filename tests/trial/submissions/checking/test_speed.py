"""As large as a file may be, and as intricate: checked within two seconds."""

from __future__ import annotations

import time

import geopandas
import numpy as np
import pytest
import shapely

from predpol_eval.grid import Grid
from predpol_eval.trial.submissions.cell_names import cell_names
from predpol_eval.trial.submissions.checked import judge
from predpol_eval.trial.submissions.context import Case
from predpol_eval.trial.submissions.rows import Rows
from tests.trial.submissions.checking.test_ground import comb
from tests.trial.submissions.checking.town import CRS, NIGHTS, PLAN, X0, Y0, StandIn, as_rows, box, check_rows

BOROUGHS = geopandas.GeoDataFrame(
    {"borough": list("VWXYZ")},
    geometry=[shapely.box(X0 + 5000 * place, Y0, X0 + 5000 * (place + 1), Y0 + 20_000) for place in range(5)],
    crs=CRS,
)


@pytest.fixture(scope="module")
def city():
    return Grid.from_areas(BOROUGHS, cell=125, label="borough")


def large(grid, kinds, spoil=""):
    """Nearly 200,000 rows with everything that a row can have."""
    rng = np.random.default_rng(1)
    cells = np.flatnonzero(grid.mask.ravel())
    cell = np.concatenate([rng.permutation(cells)[:22_200] for _ in range(9)])
    many = len(cell)
    night = np.repeat(np.array(NIGHTS, dtype=object), many // 3)
    kind = np.tile(np.repeat(np.array(kinds, dtype=object), 22_200), 3)
    risk = rng.random(many)
    area = np.array(grid.labels, dtype=object)[grid.label_code.ravel()[cell]]
    names = cell_names(grid)[cell]
    if spoil:
        names = np.array([f"{name}{spoil}{number}" for number, name in enumerate(names)], dtype=object)
    row, column = np.divmod(cell, grid.shape[1])
    rank = np.empty(many)
    scope = np.array([f"{a}{b}{c}" for a, b, c in zip(night, kind, area, strict=True)])
    for one in np.unique(scope):
        here = np.flatnonzero(scope == one)
        rank[here[np.argsort(-risk[here])]] = np.arange(1, len(here) + 1)
    return Rows(
        source="csv", row=np.arange(2, many + 2), night=night, area=area, kind=kind, cell=names,
        x=grid.x[column], y=grid.y[row], risk=risk, rank=rank,
    )  # fmt: skip


@pytest.mark.parametrize("spoil", ["", "x"])
def test_two_hundred_thousand_rows(city, spoil):
    plan = StandIn(areas=city.labels, kinds=("a", "b", "c"), k=10, cell=125.0)
    rows = large(city, plan.kinds, spoil)
    judged_in = []
    for _ in range(2):
        case = Case(size=0, load=lambda: rows, plan=plan, grid=city, nights=NIGHTS)
        start = time.process_time()
        checked = judge(case, label="A", name="", file="0" * 64)
        judged_in.append(time.process_time() - start)
    assert [result.name for result in checked.failed()] == (["cells_known"] if spoil else [])
    assert checked.outcome == ("rejected" if spoil else "accepted")
    if not spoil:
        assert len(checked.predictions.cells[NIGHTS[0], "a"].cell) == 22_200
    # The first may compile a kernel.
    assert min(judged_in) < 2


def drawn_by(shapes):
    return as_rows([{"night": NIGHTS[0], "kind": "burglary", "area": "West", "shape": shape} for shape in shapes])


def moved(shape, x=0.0, y=0.0):
    return shapely.transform(shape, lambda points: points + np.array([X0 + x, Y0 + y]))


@pytest.mark.parametrize(
    ("shapes", "failed"),
    [
        (lambda: [moved(comb(65, 700)), moved(comb(65, 700, across=True))], ["box_area"]),
        (lambda: [moved(comb(24_000, 700)), moved(comb(24_000, 700, across=True))], ["box_plain"]),
        # Its teeth cross the slanting border in the north.
        (lambda: [moved(comb(40_000, 2000), 100, 100)], ["box_plain"]),
        (lambda: [box(x, y, x + 1, y + 1) for x in range(100) for y in range(100)], []),
        (lambda: [box(x, y, x + 1, y + 1) for x in range(200) for y in range(199)], ["box_plain"]),
        (lambda: [moved(shapely.Point(500, 500).buffer(10 + size, quad_segs=250)) for size in range(190)], []),
        (lambda: [box(100, 100, 200 + size, 200 + size) for size in np.linspace(0, 100, 100)], []),
    ],
    ids=["some crossings", "combs", "comb over the border", "many", "too many", "rings", "one over the other"],
)
def test_intricate_polygons(shapes, failed):
    rows = drawn_by(shapes())
    start = time.process_time()
    checked = check_rows(rows, PLAN)
    assert time.process_time() - start < 2
    assert [result.name for result in checked.failed()] == failed
