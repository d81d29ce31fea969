"""What an accepted file predicts: the same whatever form, order and name it came in."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.budgets import TopCells
from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.flagging import flag, make_scene
from predpol_eval.grid import Grid
from predpol_eval.tallies import CAUGHT, tally_window, tonight
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.submissions.ground import Ground
from predpol_eval.trial.submissions.predictions import Predictions, RankedCells
from tests.naive.listed_boxes import shares as naive_shares
from tests.naive.listed_boxes import union_area
from tests.trial.submissions.checking.town import (
    AREAS,
    GRID,
    NIGHTS,
    PLAN,
    TABLE,
    X0,
    Y0,
    as_rows,
    box,
    cells_of,
    check,
    check_rows,
    csv,
    drawn,
    geojson,
    name_of,
    parquet,
    polygon,
    rows,
)

NIGHT = NIGHTS[0]
SCENE = make_scene(GRID)
AREA_OF = {int(cell): int(GRID.label_code.ravel()[cell]) for cell in SCENE.cells}
TIED = st.sampled_from([0.0, 0.5, 0.5 * (1 + 1e-14), 1.0, 1.0 + 1e-9, 2.5])


def ranked(listed: dict[int, float], kind: str = "burglary") -> Predictions:
    order = sorted(listed)
    cells = RankedCells(np.array(order, dtype=np.int64), np.array([listed[cell] for cell in order], dtype=float))
    return Predictions(
        grid=GRID.fingerprint, form="cells", nights=(NIGHT,), kinds=(kind,), cells={(NIGHT, kind): cells}, polygons={}
    )


@given(
    st.dictionaries(st.sampled_from([int(c) for c in SCENE.cells]), TIED, max_size=9),
    st.integers(1, 5),
)
def test_listed_boxes_are_flagged_as_if_all_orders_of_equal_ones_were_tried(listed, k):
    found = ranked(listed).shares(NIGHT, "burglary", GRID, k).share
    expected = naive_shares(listed, AREA_OF, k)
    np.testing.assert_allclose(found, [float(expected[int(cell)]) for cell in SCENE.cells], rtol=0, atol=1e-12)


@given(st.lists(TIED, min_size=len(SCENE.cells), max_size=len(SCENE.cells)), st.integers(1, 5))
def test_a_whole_map_is_flagged_as_a_surface_is(values, k):
    listed = dict(zip(map(int, SCENE.cells), values, strict=True))
    found = ranked(listed).shares(NIGHT, "burglary", GRID, k, scene=SCENE)
    (surface,) = flag(np.array(values), "score", [TopCells(k, per="area")], SCENE)
    np.testing.assert_allclose(found.share, surface.share, atol=1e-12)
    crimes = tonight(np.arange(len(values)) % 3.0, np.minimum(1.0, np.arange(len(values)) % 3))
    ours, theirs = (tally_window([one], crimes, [TopCells(k, per="area")], SCENE) for one in (found, surface))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_a_tally_knows_the_worst_and_the_best_of_ties_at_the_edge():
    west = [int(cell) for cell in cells_of("West")[:4]]
    listed = {west[0]: 3.0, west[1]: 1.0, west[2]: 1.0, west[3]: 1.0}
    crimes = np.zeros(len(SCENE.cells))
    crimes[SCENE.position[west[1]]], crimes[SCENE.position[west[2]]] = 6.0, 3.0
    found = ranked(listed).shares(NIGHT, "burglary", GRID, 2)
    caught = dict(
        zip(
            CAUGHT,
            tally_window([found], tonight(crimes, np.minimum(crimes, 1)), [TopCells(2, per="area")], SCENE),
            strict=True,
        )
    )
    at = 0, GRID.labels.index("West")
    assert caught["hits"][at] == pytest.approx(3.0)
    assert (caught["hits_worst"][at], caught["hits_best"][at]) == (0.0, 6.0)
    assert caught["boxes"][at] == pytest.approx(2.0)
    assert caught["oracle_hits"][at] == 9.0
    # Nothing was listed elsewhere, so nothing is flagged, at whatever budget.
    assert caught["flagged_m2"].sum() == caught["flagged_m2"][at]


@given(st.randoms(use_true_random=False), st.integers(0, 6))
def test_boxes_below_the_budget_change_nothing(random, more):
    table = rows(each=4)
    added = [
        rows()[0] | {"area": area, "kind": kind, "cell": name_of(area, 4 + number), "risk": random.random() * 0.2}
        for area in PLAN.areas
        for kind in PLAN.kinds
        for number in range(min(more, len(cells_of(area)) - 4))
    ]
    few, many = check(csv(table)), check(csv(table + added))
    assert few.outcome == many.outcome == "accepted"
    for kind in PLAN.kinds:
        ours, theirs = (one.predictions.shares(NIGHT, kind, GRID, PLAN.k).share for one in (few, many))
        np.testing.assert_array_equal(ours, theirs)


@given(st.permutations(range(len(rows(NIGHTS[:2])))))
def test_neither_order_nor_form_nor_name_of_a_file_matters(order):
    table = rows(NIGHTS[:2], numbers=("rank", "risk"))
    mixed = [table[number] for number in order]
    expected = check(csv(table), nights=NIGHTS[:2]).predictions.to_bytes()
    columns = ("risk", "kind", "night", "cell")
    for data, name in (
        (csv(mixed), "b.txt"),
        (csv(mixed, columns), ""),
        (csv(mixed, (*columns, "rank", "x", "y")), "x"),
    ):
        checked = check(data, nights=NIGHTS[:2], name=name)
        assert checked.outcome == "accepted"
        assert checked.predictions.to_bytes() == expected


def test_parquet_says_the_same_as_csv():
    table = rows(NIGHTS[:2])
    assert (
        check(parquet(table), nights=NIGHTS[:2]).predictions.sha256
        == check(csv(table), nights=NIGHTS[:2]).predictions.sha256
    )


@given(st.permutations(range(len(drawn()) + 2)))
def test_order_of_polygons_does_not_matter(order):
    table = [
        *drawn(),
        drawn()[0] | {"shape": box(1400, 120, 1500, 340)},
        drawn()[0] | {"shape": box(1300, 100, 1310, 349)},
    ]
    expected = check(geojson(table)).predictions.to_bytes()
    assert check(geojson([table[number] for number in order])).predictions.to_bytes() == expected


def test_a_repeated_check_gives_the_same_report_to_the_byte():
    table = [*rows(), rows()[0] | {"kind": "theft"}, rows()[1] | {"risk": -1}]
    first, again = (check(csv(table), name=name) for name in ("a.csv", "a.csv"))
    assert canonical_json(first.to_dict()) == canonical_json(again.to_dict())
    renamed = check(csv(table), name="b.csv").to_dict()
    assert first.to_dict() | {"name": ""} == renamed | {"name": ""}
    assert first.to_dict()["outcome"] == "rejected"
    assert first.to_dict()["predictions"] is None
    accepted = check(csv(rows()))
    assert accepted.to_dict()["predictions"] == accepted.predictions.sha256
    canonical_json(accepted.to_dict())


def test_minus_the_rank_ranks_where_there_is_no_risk_and_the_risk_where_there_is():
    by_rank = check(csv(rows(numbers=("rank",)), (*TABLE[:-1], "rank"))).predictions
    assert by_rank.cells[NIGHT, "burglary"].key[:4].tolist() == [-1.0, -2.0, -3.0, -4.0]
    both = check(csv(rows(numbers=("rank", "risk")), (*TABLE, "rank"))).predictions
    assert both.cells[NIGHT, "burglary"].key[:4].tolist() == [1.0, 1 / 2, 1 / 3, 1 / 4]
    for kind in PLAN.kinds:
        np.testing.assert_array_equal(
            by_rank.shares(NIGHT, kind, GRID, 3).share, both.shares(NIGHT, kind, GRID, 3).share
        )


def test_two_zeros_are_one():
    table = [row | {"risk": "-0.0" if number % 2 else "0"} for number, row in enumerate(rows(each=3))]
    plain = [row | {"risk": 0} for row in rows(each=3)]
    assert check(csv(table)).predictions.to_bytes() == check(csv(plain)).predictions.to_bytes()


# Polygons -------------------------------------------------------------------------------------------------

CORNER = st.integers(0, 40).map(lambda number: 25 * number)
SIDE = st.integers(1, 12).map(lambda number: 25 * number)


@given(st.lists(st.tuples(CORNER, CORNER, SIDE, SIDE), min_size=1, max_size=5))
def test_the_area_of_overlapping_rectangles_is_that_of_inclusion_and_exclusion(given_boxes):
    rectangles = [(x, y, min(x + wide, 1000), min(y + high, 1000)) for x, y, wide, high in given_boxes]
    rectangles = [r for r in rectangles if r[2] > r[0] and r[3] > r[1]]
    if not rectangles:
        return
    table = [row for row in drawn() if (row["area"], row["kind"]) != ("West", "burglary")]
    table += [drawn()[0] | {"area": "West", "shape": box(*rectangle)} for rectangle in rectangles]
    expected = float(union_area(rectangles))
    checked = check(geojson(table))
    if expected > PLAN.k * 250**2:
        assert [result.name for result in checked.failed()] == ["box_area"]
        assert f"cover {expected:,.0f} m2" in checked["box_area"].faults[0].text
    else:
        assert checked.outcome == "accepted"
        assert checked.predictions.boxes_m2(NIGHT, "burglary")["West"] == pytest.approx(expected, abs=1e-3)


@given(st.lists(st.tuples(CORNER, CORNER, SIDE, SIDE), min_size=1, max_size=12), st.booleans())
def test_an_accepted_file_never_flags_more_than_the_budget(given_boxes, named):
    base = {"night": NIGHT, "kind": "burglary"} | ({"area": "West"} if named else {})
    table = [base | {"shape": box(x, y + 400, x + 2 * wide, y + 400 + 2 * high)} for x, y, wide, high in given_boxes]
    checked = check(geojson(table))
    used = {}
    if checked.outcome == "accepted":
        used = checked.predictions.boxes_m2(NIGHT, "burglary")
        assert used
    for area, m2 in used.items():
        allowed = Ground(GRID, PLAN.areas).allowed_m2(PLAN.k)[PLAN.areas.index(area)]
        assert m2 <= allowed * (1 + 1e-6)
        assert named <= (area == "West")


def test_a_box_drawn_on_a_cell_covers_what_the_cell_covers():
    # Cells that the border of the study area cuts, and cells that two areas share.
    inside = GRID.inside_m2.ravel()
    plan = replace(PLAN, k=1)
    for cell in SCENE.cells:
        row, column = divmod(int(cell), GRID.shape[1])
        x, y = GRID.x0 + 250 * column, GRID.y0 + 250 * row
        shape = shapely.box(x, y, x + 250, y + 250)
        checked = check_rows(as_rows([{"night": NIGHT, "kind": "burglary", "shape": shape}]), plan)
        assert checked.outcome == "accepted"
        area = GRID.labels[AREA_OF[int(cell)]]
        assert checked.predictions.boxes_m2(NIGHT, "burglary") == {area: pytest.approx(inside[cell], abs=1e-6)}


def test_a_polygon_counts_in_the_area_that_it_names_and_else_in_all_that_it_lies_in():
    # The areas meet at x = 1100, in a column of cells that East has more of: so West counts up to x = 1000.
    shape = box(900, 200, 1150, 300)
    alone = check_rows(as_rows([{"night": NIGHT, "kind": "burglary", "shape": shape}])).predictions
    m2 = alone.boxes_m2(NIGHT, "burglary")
    assert m2 == {"East": pytest.approx(150 * 100), "West": pytest.approx(100 * 100)}
    for area in m2:
        named = check_rows(as_rows([{"night": NIGHT, "kind": "burglary", "area": area, "shape": shape}])).predictions
        assert named.boxes_m2(NIGHT, "burglary") == {area: pytest.approx(m2[area])}


def test_what_is_beyond_the_border_is_cut_off():
    table = [drawn()[0] | {"area": "West", "shape": box(-5000, 0, 100, 500)}]
    found = check(geojson(table)).predictions
    shape = found.boxes(NIGHT, "burglary")["West"]
    assert shapely.area(shape) == pytest.approx(100 * 500)
    assert shapely.bounds(shape).tolist() == [X0, Y0, X0 + 100, Y0 + 500]
    assert found.boxes(NIGHT, "robbery") == {}


def test_a_ring_has_a_hole():
    ring = polygon((0, 0), (600, 0), (600, 600), (0, 600)).difference(box(50, 50, 550, 550))
    found = check(geojson([drawn()[0] | {"area": "West", "shape": ring}])).predictions
    assert found.boxes_m2(NIGHT, "burglary")["West"] == pytest.approx(600**2 - 500**2)


# Bytes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda: check(csv(rows(NIGHTS[:2])), nights=NIGHTS[:2]), lambda: check(geojson(drawn()))]
)
def test_predictions_are_read_as_they_were_written(make):
    made = make().predictions
    again = Predictions.from_bytes(made.to_bytes())
    assert again.to_bytes() == made.to_bytes()
    assert (again.nights, again.kinds, again.form) == (made.nights, made.kinds, made.form)
    for kind in made.kinds:
        if made.form == "cells":
            ours, theirs = (one.shares(NIGHT, kind, GRID, 3).share for one in (made, again))
            np.testing.assert_array_equal(ours, theirs)
        else:
            assert again.boxes_m2(NIGHT, kind) == made.boxes_m2(NIGHT, kind)


@pytest.mark.parametrize("make", [lambda: check(csv(rows())), lambda: check(geojson(drawn()))])
def test_other_bytes_are_refused_in_words(make):
    data = make().predictions.to_bytes()
    told = json.loads(data)
    for spoilt in (
        b"", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000, data[:-1], data + b" ", b" " + data,
        json.dumps(told).encode(),
        *(canonical_json(told | other) for other in (
            {"schema": "predpol_eval.predictions/2"}, {"form": "other"}, {"grid": None}, {"more": 1}, {"content": []},
            {"content": [[{}]]}, {"content": [[{"cell": "AAAA", "key": "AAAA"}] * 2]}, {"nights": [NIGHT, NIGHT]},
            {"nights": [NIGHT] * 2, "content": told["content"] * 2}, {"kinds": ["burglary"] * 2}, {"kinds": [1, 2]},
            {"content": [[{"West": base64.b64encode(shapely.to_wkb(shapely.Point(1, 2))).decode()}, {}]]},
            {"content": [[{"West": "AAAA"}, {}]]},
        )),
    ):  # fmt: skip
        with pytest.raises(InputError, match="predictions"):
            Predictions.from_bytes(spoilt)


def test_cells_that_are_not_in_order_are_refused():
    made = check(csv(rows())).predictions
    for cell, key in (([3, 2], [1.0, 2.0]), ([2, 2], [1.0, 2.0]), ([-1, 2], [1.0, 2.0]), ([1, 2], [1.0, np.inf])):
        spoilt = replace(made, cells=made.cells | {(NIGHT, "robbery"): RankedCells(np.array(cell), np.array(key))})
        with pytest.raises(InputError, match="predictions"):
            Predictions.from_bytes(spoilt.to_bytes())


@given(st.integers(0, 10**9), st.integers(0, 255))
def test_no_changed_byte_passes_for_the_predictions(where, value):
    data = bytearray(check_once().to_bytes())
    where %= len(data)
    if data[where] == value:
        return
    data[where] = value
    try:
        changed = Predictions.from_bytes(bytes(data))
    except InputError:
        return
    assert changed.to_bytes() == bytes(data)
    assert changed.sha256 != check_once().sha256


def check_once(found=[]):  # noqa: B006 - made once for all examples
    if not found:
        found.append(check(csv(rows())).predictions)
    return found[0]


def test_other_nights_kinds_grids_and_forms_are_refused_in_words():
    made, boxes = check_once(), check(geojson(drawn())).predictions
    with pytest.raises(InputError, match="Did you mean '2018-07-01'"):
        made.shares("2018-07-11", "burglary", GRID, 3)
    with pytest.raises(InputError, match="Did you mean 'burglary'"):
        made.shares(NIGHT, "burglarie", GRID, 3)
    with pytest.raises(InputError, match="Nothing is predicted for the night"):
        made.fingerprint("2018-07-11")
    with pytest.raises(InputError, match="polygons"):
        boxes.shares(NIGHT, "burglary", GRID, 3)
    with pytest.raises(InputError, match="lists cells"):
        made.boxes(NIGHT, "burglary")
    for k in (0, 1.5, True, "3"):
        with pytest.raises(InputError, match="whole number from 1"):
            made.shares(NIGHT, "burglary", GRID, k)
    with pytest.raises(NotComparableError, match="grid"):
        made.shares(NIGHT, "burglary", Grid.from_areas(AREAS, cell=500, label="borough"), 3)


def test_a_night_is_told_by_what_is_predicted_and_not_by_its_name():
    table = rows() + [row | {"night": NIGHTS[1]} for row in rows()] + rows(NIGHTS[:3])[-24:]
    found = check(csv(table), nights=NIGHTS).predictions
    first, same, other = (found.fingerprint(night) for night in NIGHTS)
    assert first == same != other


def test_predictions_describe_themselves():
    assert "24 cells, ranked" in repr(check_once())
    assert "polygons in 6 areas" in repr(check(geojson(drawn())).predictions)
    assert "burglary, robbery" in check_once()._repr_html_()
