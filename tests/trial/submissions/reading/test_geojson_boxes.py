"""GeoJSON files of polygons: each fault by a file that has it alone."""

from __future__ import annotations

import json
import re
import time

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.trial.submissions import box_shapes, geojson_boxes
from predpol_eval.trial.submissions.bounded_json import DEEPEST, parse
from predpol_eval.trial.submissions.geojson_boxes import read_geojson
from predpol_eval.trial.submissions.limits_hit import LimitHit
from predpol_eval.trial.submissions.rows import Unreadable
from predpol_eval.trial.submissions.sandbox import Stopped
from tests.trial.submissions.reading.files import SMALL, SQUARE, USUAL, feature, geojson, slivers

HOLE = [[200, 200], [200, 400], [400, 400], [400, 200], [200, 200]]
AWAY = [[x + 5000, y] for x, y in SQUARE]


def test_a_whole_file():
    rows = read_geojson(
        geojson(
            feature(night="2018-07-01", area="North", rank=1, risk=0.5),
            feature([SQUARE, HOLE], kind="Polygon"),
            feature([[SQUARE, HOLE], [AWAY]], kind="MultiPolygon", risk=None),
            feature([[AWAY]], "MultiPolygon"),
            name="tonight",
            bbox=[0, 0, 1, 1],
        ),
        USUAL,
    )
    assert rows.source == "geojson"
    assert rows.columns == ("night", "area", "kind", "rank", "risk", "box")
    assert rows.row.tolist() == [1, 2, 3, 4]
    assert rows.night.tolist() == ["2018-07-01", "", "", ""]
    assert rows.kind.tolist() == ["burglary"] * 4
    np.testing.assert_array_equal(rows.risk, [0.5, np.nan, np.nan, np.nan])
    expected = [
        shapely.Polygon(SQUARE),
        shapely.Polygon(SQUARE, [HOLE]),
        shapely.MultiPolygon([(SQUARE, [HOLE]), (AWAY, [])]),
        shapely.Polygon(AWAY),
    ]
    assert [shapely.equals_exact(a, b) for a, b in zip(rows.box, expected, strict=True)] == [True] * 4
    assert rows.problems == ()


def test_one_feature_alone_and_heights():
    ring = [[*point, 35.5] for point in SQUARE]
    rows = read_geojson(json.dumps(feature([ring])).encode(), USUAL)
    assert len(rows) == 1
    assert rows.box[0].equals(shapely.Polygon(SQUARE))
    assert not rows.box[0].has_z


def bad(change, **properties):
    spoiled = feature(**properties)
    change(spoiled)
    return geojson(feature(), spoiled, feature([AWAY]))


def put(*path, value):
    def change(spoiled):
        for key in path[:-1]:
            spoiled = spoiled[key]
        spoiled[path[-1]] = value

    return change


RING = ("geometry", "coordinates", 0)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (put("geometry", value=None), "no geometry"),
        (put("geometry", value=[1]), "no geometry"),
        (lambda f: f.pop("geometry"), "no geometry"),
        (put("geometry", "type", value="Point"), "the type 'Point'"),
        (put("geometry", "type", value={"a": 1}), "the type {'a': 1}"),
        (lambda f: f["geometry"].pop("type"), "without a type"),
        (put("geometry", "coordinates", value=[]), "no coordinates"),
        (put("geometry", "coordinates", value=None), "no coordinates"),
        (put("geometry", value={"type": "MultiPolygon", "coordinates": [[]]}), "without rings"),
        (put("geometry", value={"type": "MultiPolygon", "coordinates": [7]}), "without rings"),
        (put(*RING, value=5), "something else than a ring"),
        (put(*RING, value=[]), "a ring of 0 points"),
        (put(*RING, value=SQUARE[:3]), "a ring of 3 points"),
        (put(*RING, value=SQUARE[:4]), "a ring from (0.0, 0.0) to (0.0, 1000.0)"),
        (put(*RING, 1, value=[1000]), "the point [1000]"),
        (put(*RING, 1, value=[1000, 0, 0, 0]), "the point [1000, 0, 0, 0]"),
        (put(*RING, 1, value=["1000", 0]), "the point ['1000', 0]"),
        (put(*RING, 1, value=[True, 0]), "the point [True, 0]"),
        (put(*RING, 1, value=[None, 0]), "the point [None, 0]"),
        (put(*RING, 1, value=[1000, 0, None]), "the point [1000, 0, None]"),
        (put(*RING, 1, value=[[1000], 0]), "the point [[1000], 0]"),
        (put(*RING, 1, value="ab"), "the point 'ab'"),
        (put(*RING, 1, value=[1.0001e7, 0]), "the point [10001000.0, 0]"),
        (put(*RING, 1, value=[0, -1.0001e7]), "the point [0, -10001000.0]"),
        (put(*RING, 1, value=[10**400, 0]), "the point [1000"),
        (put(*RING, value=[[0, 0], [1000, 1000], [1000, 0], [0, 1000], [0, 0]]), "Self-intersection[500 500]"),
        (put(*RING, value=[[0, 0], [1000, 0], [2000, 0], [0, 0]]), "not valid"),
        (put("geometry", "coordinates", value=[SQUARE, AWAY]), "not valid (Hole lies outside shell"),
        (put("geometry", value={"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}), "not valid"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_spoiled_polygon_is_a_problem_of_its_feature_alone(change, found):
    rows = read_geojson(bad(change), USUAL)
    (problem,) = rows.problems
    assert (problem.row, problem.column) == (2, "box")
    assert found in problem.found
    assert len(problem.found) < 200
    assert [shape is None for shape in rows.box] == [False, True, False]
    assert rows.box[2].equals(shapely.Polygon(AWAY))
    assert rows.kind.tolist() == ["burglary"] * 3


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("kind", ["a"], "a list"),
        ("kind", {"a": 1}, "an object"),
        ("kind", True, "true or false"),
        ("kind", 1.5, "a number with decimals"),
        ("kind", 10**30, "a number of many digits"),
        ("kind", "\ud800", "'\\ud800'"),
        ("kind", "a\x00b", "'a\\x00b'"),
        ("kind", "a" * 201, "201 characters"),
        ("risk", [1], "a list"),
        ("risk", False, "true or false"),
        ("risk", "0,5", "'0,5'"),
        ("risk", "1_0", "'1_0'"),
        ("risk", "nan", "'nan'"),
        ("rank", 10**400, "inf"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_spoiled_property_is_a_problem_of_its_feature_alone(name, value, found):
    rows = read_geojson(bad(put("properties", name, value=value), rank=1, risk=0.5), USUAL)
    (problem,) = rows.problems
    assert (problem.row, problem.column) == (2, name)
    assert found in problem.found
    assert all(shape is not None for shape in rows.box)


def test_properties_that_are_read():
    rows = read_geojson(geojson(feature(area=7, Rank="3", risk=" 1e-3 "), feature(), feature(risk=2)), USUAL)
    assert rows.area.tolist() == ["7", "", ""]
    np.testing.assert_array_equal(rows.rank, [3, np.nan, np.nan])
    np.testing.assert_array_equal(rows.risk, [0.001, np.nan, 2])


def test_properties_may_be_null_but_nothing_else():
    spoiled = feature()
    spoiled["properties"] = None
    other = feature()
    other["properties"] = [1]
    rows = read_geojson(geojson(feature(), spoiled, other), USUAL)
    assert rows.kind.tolist() == ["burglary", "", ""]
    assert [(p.row, p.found) for p in rows.problems] == [(3, "properties that are no object")]


def test_problems_are_told_of_the_right_features():
    bow = [[0, 0], [1000, 1000], [1000, 0], [0, 1000], [0, 0]]
    nowhere = {"type": "Feature", "geometry": None, "properties": {}}
    rows = read_geojson(geojson(nowhere, feature([AWAY]), nowhere, feature([bow]), feature()), USUAL)
    assert [problem.row for problem in rows.problems] == [1, 3, 4]
    assert [shape is None for shape in rows.box] == [True, False, True, True, False]
    assert rows.box[1].equals(shapely.Polygon(AWAY))
    assert rows.box[4].equals(shapely.Polygon(SQUARE))


# Files without a table ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[]", "JSON without a type; expected a GeoJSON FeatureCollection"),
        (b"[1, 2]", "without a type"),
        (b"{}", "without a type"),
        (b'{"type": "Polygon", "coordinates": []}', "JSON with type 'Polygon'"),
        (b'{"type": ["FeatureCollection"]}', "JSON with type"),
        (b'{"type": "FeatureCollection"}', "without a list of features"),
        (b'{"type": "FeatureCollection", "features": {}}', "without a list of features"),
        (geojson(), "FeatureCollection without features"),
        (geojson(feature(), 5, feature(), {"type": "feature"}), "number 2, 4 is no object of type"),
        (geojson(feature(colour="red")), "the property 'colour' is unknown.*properties are night"),
        (geojson(feature(Kind="x")), "kind is there 2 times"),
        (geojson(feature(cell="r1")), "'cell' is unknown"),
        (geojson(feature(**{f"p{n}": 1 for n in range(70)})), "71 properties"),
        (geojson(*[feature(**{f"p{n}": 1}) for n in range(70)]), "65 properties"),
        (geojson(feature())[:-1], "line 1, character .* is not JSON"),
        (geojson(feature()) + b"}", "is not JSON: Extra data"),
        (b"{'type': 1}", "is not JSON"),
        (b'{"type": 1, "type": 2}', "the key 'type' twice"),
        (geojson(feature()).replace(b'"kind"', b'"kind": "x", "kind"'), "the key 'kind' twice"),
        (geojson(feature(risk=float("nan"))), "NaN, which is no number"),
        (geojson(feature(risk=float("-inf"))), "-Infinity, which is no number"),
        (geojson(feature()).replace(b"1000", b"Infinity", 1), "Infinity, which is no number"),
        (b'{"type": ' + b"9" * 5000 + b"}", "cannot be read"),
        (b'{"type": "\xff"}', "byte 0xff"),
        (b'{"type": "\x00"}', "zero byte"),
    ],
)
def test_no_table(data, message):
    with pytest.raises(Unreadable, match=message):
        read_geojson(data, USUAL)


def test_degrees_are_told():
    london = [[-0.1, 51.5], [-0.09, 51.5], [-0.09, 51.51], [-0.1, 51.5]]
    with pytest.raises(Unreadable, match=r"such as \(-0.1, 51.5\): they look like degrees"):
        read_geojson(geojson(feature([london]), feature([[[180, 90], [0, 0], [90, 0], [180, 90]]])), USUAL)
    # A file with one point beyond is in metres, be it by a hundredth.
    almost = [[180.01, 90], [0, 0], [90, 0], [180.01, 90]]
    assert len(read_geojson(geojson(feature([london]), feature([almost])), USUAL)) == 2


NAMED = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::27700"}}


@pytest.mark.parametrize(
    "said", ["urn:ogc:def:crs:EPSG::27700", "epsg:27700", "http://www.opengis.net/def/crs/EPSG/0/27700"]
)
def test_the_plans_own_reference_system_may_be_named(said):
    crs = {"type": "name", "properties": {"name": said}}
    assert len(read_geojson(geojson(feature(), crs=crs), USUAL, crs="EPSG:27700")) == 1
    assert len(read_geojson(geojson(feature(), crs=None), USUAL, crs="EPSG:27700")) == 1


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:27700"),
        ("urn:ogc:def:crs:EPSG::27701", "EPSG:27700"),
        ("urn:ogc:def:crs:EPSG::2770", "EPSG:27700"),
        ("urn:ogc:def:crs:ESRI::27700", "EPSG:27700"),
        ("EPSG:27700", None),
        ("", "EPSG:27700"),
        (None, "EPSG:27700"),
        ({"a": 1}, "EPSG:27700"),
    ],
)
def test_another_reference_system_is_refused_wherever_it_is_named(said, wanted):
    crs = {"type": "name", "properties": {"name": said}}
    inner, inmost = feature(), feature()
    inner["crs"] = crs
    inmost["geometry"]["crs"] = crs
    for data in (geojson(feature(), crs=crs), geojson(inner), geojson(inmost), geojson(feature(), crs="EPSG")):
        with pytest.raises(Unreadable, match='The file says in "crs"'):
            read_geojson(data, USUAL, crs=wanted)


# How much -------------------------------------------------------------------------------------------------


def test_vertices_are_counted_before_any_polygon_is_made(monkeypatch):
    assert len(read_geojson(geojson(*[feature()] * 12), SMALL)) == 12
    monkeypatch.setattr(geojson_boxes, "_boxes", lambda *_: pytest.fail("made before the count"))
    with pytest.raises(LimitHit, match="65 vertices of polygons; the plan allows 60") as caught:
        read_geojson(geojson(*[feature()] * 13), SMALL)
    assert caught.value.limit == "vertices"
    with pytest.raises(LimitHit, match="65 vertices"):
        read_geojson(geojson(feature([[SQUARE]] * 13, "MultiPolygon")), SMALL)


def test_features_are_rows():
    empty = {"type": "Feature", "geometry": None, "properties": {}}
    assert len(read_geojson(geojson(*[empty] * 20), SMALL)) == 20
    with pytest.raises(LimitHit, match="21 rows"):
        read_geojson(geojson(*[empty] * 21), SMALL)


@pytest.mark.parametrize("part", [b"[", b'{"a":', b"[{", b'[0,{"a":', b'[{"\\"]":', b'{"]]]]":'])
@pytest.mark.parametrize("many", [DEEPEST + 1, 1000])
def test_deep_nesting_is_refused_and_never_followed(part, many, monkeypatch):
    monkeypatch.setattr(json, "loads", lambda *_, **__: pytest.fail("read before its depth was looked at"))
    with pytest.raises(Unreadable, match="nested more than 16 deep"):
        parse((part * many).decode(), USUAL)


def test_nesting_up_to_the_limit():
    text = "[" * DEEPEST + "]" * DEEPEST
    assert json.dumps(parse(text, USUAL)) == text
    # What stands in texts is no bracket, whatever escapes there are.
    text = json.dumps(["[" * 50, "\\", '"[[[', '\\"' * 30 + "[" * 30, "\\\\", "]" * 50])
    assert parse(text, USUAL) == json.loads(text)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from(list('[]{}"\\,é'))),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from(list('"\\a['))), inner, max_size=3)
    ),
    max_leaves=20,
)


def depth(tree):
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else None
    return 0 if parts is None else 1 + max(map(depth, parts), default=0)


@given(JSON, st.integers(0, 12))
def test_depth_is_told_as_the_tree_has_it(tree, around):
    for _ in range(around):
        tree = [tree]
    text = json.dumps(tree)
    if depth(tree) > DEEPEST:
        with pytest.raises(Unreadable, match="deep"):
            parse(text, USUAL)
    else:
        assert parse(text, USUAL) == tree


@pytest.mark.parametrize(
    "inner",
    [b"[]," * 2000, b"{}," * 1500, b'"a",' * 1200, b"1," * 4000, b'{"a":1,"b":2},' * 800],
    ids=["lists", "objects", "texts", "numbers", "keys"],
)
def test_more_signs_than_the_limits_need_are_refused_before_reading(inner, monkeypatch):
    monkeypatch.setattr(json, "loads", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(Unreadable, match=r"signs .*more than GeoJSON of 60 vertices"):
        read_geojson(b'{"type": "FeatureCollection", "features": [' + inner + b"0]}", SMALL)


def test_a_million_keys_are_refused_before_reading(monkeypatch):
    monkeypatch.setattr(json, "loads", lambda *_, **__: pytest.fail("read"))
    keys = b",".join(b'"%d":1' % number for number in range(900_000))
    with pytest.raises(Unreadable, match="900,002 signs :"):
        read_geojson(b'{"type": "FeatureCollection", "features": [{' + keys + b"}]}", USUAL)


def test_texts_full_of_signs_are_no_structure():
    assert len(read_geojson(geojson(feature(), title="[{:,]}" * 3000), SMALL)) == 1


# Intricate polygons ---------------------------------------------------------------------------------------


def test_polygons_of_many_corners_are_looked_at_by_the_child():
    turn = np.linspace(0, 2 * np.pi, 4000)
    ring = np.c_[1000 * np.cos(turn), 1000 * np.sin(turn)].round(3).tolist()
    ring[-1] = ring[0]
    crossed = [*ring[:2000], *ring[2100:1999:-1], *ring[2101:]]
    rows = read_geojson(geojson(feature([ring]), feature([crossed]), feature()), USUAL)
    assert [(p.row, p.column) for p in rows.problems] == [(2, "box")]
    assert re.search(r"Self-intersection\[", rows.problems[0].found)
    assert rows.box[0].is_valid
    assert rows.box[1] is None


@pytest.mark.linux_only
def test_slivers_that_would_take_minutes_are_refused_in_seconds():
    data = geojson(feature([slivers(40_000)]))
    begun = time.monotonic()
    with pytest.raises(Unreadable, match=r"too intricate \(it takes more than 0\.4 s to read\): 160,003 corners"):
        read_geojson(data, USUAL)
    assert time.monotonic() - begun < 20


def test_the_child_is_not_asked_for_a_few_corners(monkeypatch):
    monkeypatch.setattr(box_shapes, "run_limited", lambda *_, **__: pytest.fail("the child was asked"))
    assert read_geojson(geojson(*[feature()] * 1000, feature([slivers(500)])), USUAL).problems == ()

    def stopped(*_, **__):
        raise Stopped("crashed")

    monkeypatch.setattr(box_shapes, "run_limited", stopped)
    with pytest.raises(Unreadable, match=r"too intricate \(crashed\)"):
        read_geojson(geojson(feature([slivers(1000)])), USUAL)
