"""Whatever rows a reader hands over: the checks have a verdict, it is never that they broke, and it can be written."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.submissions.predictions import Predictions
from predpol_eval.trial.submissions.rows import Problem, Rows
from tests.trial.submissions.checking.town import GRID, NIGHTS, PLAN, as_rows, box, check_rows, name_of, place, polygon

SOME = st.sampled_from(["", " ", "x", "\u202e", "'", "=1+1", "r001c001", "R1C1", "r008c008", "r99999c0", "2018-07-01"])
NIGHT = st.sampled_from([*NIGHTS, "2018-07-09"]) | SOME
AREA = st.sampled_from(PLAN.areas) | SOME
KIND = st.sampled_from(PLAN.kinds) | SOME
CELL = st.sampled_from([name_of(area, number) for area in PLAN.areas for number in range(3)]) | SOME
NUMBER = st.sampled_from(
    [np.nan, 0.0, -0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 1e308, -1e308, 5e-324, np.inf, 2.0**53, 1.0 + 1e-12]
)
PLACE = st.sampled_from([np.nan, *place(10, 10), *place(1100, 1100), 0.0, -0.1, 51.5, 1e7, 1e308])
SHAPE = st.sampled_from(
    [
        None,
        box(0, 0, 100, 100),
        box(50, 50, 1200, 300),
        box(-100, -100, 0, 0),
        box(0, 0, 2000, 2000),
        polygon((0, 0), (100, 100), (100, 0), (0, 100)),
        polygon((0, 0), (100, 0), (50, 0)),
        shapely.Polygon(),
        shapely.MultiPolygon([box(0, 0, 10, 10), box(20, 0, 30, 10)]),
        shapely.MultiPolygon([box(0, 0, 10, 10), box(5, 0, 15, 10)]),
        shapely.Point(*place(5, 5)),
        shapely.LineString([place(5, 5), place(15, 5)]),
        shapely.GeometryCollection([box(0, 0, 10, 10)]),
        shapely.Polygon([(*place(0, 0), 1.0), (*place(90, 0), 2.0), (*place(0, 90), 3.0)]),
        box(0, 0, 100, 100).difference(box(10, 10, 20, 20)),
        shapely.box(-1e300, -1e300, 1e300, 1e300),
    ]
)
COLUMNS = {
    "night": NIGHT,
    "area": AREA,
    "kind": KIND,
    "cell": CELL,
    "x": PLACE,
    "y": PLACE,
    "rank": NUMBER,
    "risk": NUMBER,
}
PROBLEM = st.builds(
    Problem, st.integers(1, 12), st.sampled_from([*COLUMNS, "box", ""]), st.just("'?'"), st.just("a number")
)


@st.composite
def tables(draw):
    many = draw(st.integers(0, 9))
    columns = {}
    for name, values in COLUMNS.items():
        if draw(st.integers(0, 4)):
            kept = [draw(values) for _ in range(many)]
            columns[name] = np.array(kept, dtype=float if name in ("x", "y", "rank", "risk") else object)
    if draw(st.booleans()):
        columns = {name: values for name, values in columns.items() if name in ("night", "area", "kind")} | {
            "box": np.array([*(draw(SHAPE) for _ in range(many)), None], dtype=object)[:-1]
        }
    left_out = draw(st.sampled_from([0, 0, 5]))
    problems = tuple(sorted(draw(st.lists(PROBLEM, max_size=3))))
    source = draw(st.sampled_from(["csv", "parquet", "geojson"]))
    row = np.arange(2, many + 2)
    return Rows(source=source, row=row, problems=problems, problems_left_out=left_out, **columns)


@given(tables(), st.sampled_from([(), NIGHTS[:1], NIGHTS[:2], ("2018-07-01", "2018-07-01"), ("never",)]))
def test_every_table_has_a_verdict(rows, nights):
    checked = check_rows(rows, nights=nights)
    assert checked.broke == (), checked.in_words()
    assert checked.outcome in ("accepted", "rejected")
    canonical_json(checked.to_dict())
    assert checked.in_words().isprintable() or "\n" in checked.in_words()
    assert "\u202e" not in checked.in_words()
    assert repr(checked) + checked._repr_html_()
    if checked.predictions is not None:
        assert Predictions.from_bytes(checked.predictions.to_bytes()).sha256 == checked.predictions.sha256
        for kind in PLAN.kinds:
            if checked.predictions.form == "cells":
                assert checked.predictions.shares(nights[0], kind, GRID, PLAN.k).share.max() <= 1


def test_absurd_numbers_are_faults_of_the_file():
    for shape in (shapely.box(-1e300, -1e300, 1e300, 1e300), shapely.box(1e300, 1e300, 1.1e300, 1.1e300)):
        checked = check_rows(as_rows([{"night": NIGHTS[0], "kind": "burglary", "shape": shape}]))
        assert (checked.broke, checked.outcome) == ((), "rejected")
    wide = [{"night": NIGHTS[0], "kind": "burglary", "x": 1e308, "y": -1e308, "risk": 1e308}]
    checked = check_rows(as_rows(wide))
    assert [result.name for result in checked.failed()] == ["places_inside"]


def good(columns):
    """Tables that are nearly right, so that the later checks are reached as well."""
    return st.lists(st.tuples(*columns), min_size=1, max_size=8)


@given(
    good(
        [
            st.sampled_from(PLAN.kinds),
            st.sampled_from([name_of(area, number) for area in PLAN.areas for number in range(3)]),
            st.sampled_from([np.nan, 0.0, 1.0, 2.0, 3.0]),
            st.sampled_from([0.0, 0.5, 0.5 + 1e-14, 1.0, 1e-300, 1e308]),
        ]
    ),
    st.integers(0, 3),
)
def test_every_table_that_is_nearly_right_has_a_verdict(rows, which):
    kind, cell, rank, risk = (np.array(column, dtype=object) for column in zip(*rows, strict=True))
    numbers = {"rank": rank.astype(float), "risk": risk.astype(float)}
    taken = {name: values for number, (name, values) in enumerate(numbers.items()) if which in (number, 2, 3)}
    checked = check_rows(Rows(source="csv", row=np.arange(2, len(rows) + 2), kind=kind, cell=cell, **taken))
    assert checked.broke == (), checked.in_words()
    boxes = {*zip(kind.tolist(), cell.tolist(), strict=True)}
    if checked.outcome == "accepted":
        assert len(boxes) == len(rows)
        assert sum(len(part.cell) for part in checked.predictions.cells.values()) == len(rows)
    if len(boxes) < len(rows):
        assert checked.outcome == "rejected"
        assert {result.name for result in checked.failed()} & {"duplicates", "conflicts", "columns"}
