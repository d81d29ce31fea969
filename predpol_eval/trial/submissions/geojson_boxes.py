"""Rows of a GeoJSON file: a vendor's own boxes, as polygons in the plan's metres."""

from __future__ import annotations

import re
from collections.abc import Iterator
from reprlib import repr as short
from typing import Any, NamedTuple

import numpy as np

from predpol_eval.trial.submissions.bounded_json import parse
from predpol_eval.trial.submissions.box_shapes import Corners, crossing
from predpol_eval.trial.submissions.column_names import KNOWN_OF_BOXES, MOST_COLUMNS, match_columns
from predpol_eval.trial.submissions.csv_rows import text_of
from predpol_eval.trial.submissions.limits_hit import Limits, refuse_beyond
from predpol_eval.trial.submissions.plain_values import finite, labels, numbers
from predpol_eval.trial.submissions.rows import TEXTS, ProblemList, Rows, Unreadable, shown

FARTHEST = 1e7
_CODE = re.compile(
    r"(?:urn:ogc:def:crs:|https?://www\.opengis\.net/def/crs/)?([a-z]+)[:/](?:[0-9.]*[:/])?([a-z0-9]+)", re.I
)
_POLYGONS = "a Polygon or MultiPolygon"
_RING = "a ring of at least 4 points, the last the same as the first"
_POINT = f"pairs of numbers, metres within {FARTHEST:,.0f} of zero"
Point = tuple[float, float]


class _Fault(NamedTuple):
    found: str
    expected: str


def read_geojson(data: bytes, limits: Limits, *, crs: str | None = None) -> Rows:
    """Read the polygons of a GeoJSON file: a FeatureCollection, or one Feature.

    Their properties are night, area, kind, rank and risk. A polygon that crosses itself is a problem; it is not mended,
    because there are several ways to do that. A third coordinate, the height, is passed over.

    Parameters
    ----------
    data : bytes
        The file.
    limits : Limits
        Features count as rows. Vertices are counted before any polygon is made.
    crs : str, optional
        Reference system of the plan, for instance ``"EPSG:27700"``. A file that names another is refused; without it,
        every file that names one.

    Returns
    -------
    Rows

    Raises
    ------
    Unreadable
        If it is no such file, in degrees, or holds more than allowed (`LimitHit`).
    SandboxBroken
        If the child process could not be started in which intricate polygons are looked at.
    """
    tree = parse(text_of(data), limits)
    features = _features(tree)
    refuse_beyond("rows", limits, len(features))
    if not features:
        raise Unreadable("The file is a FeatureCollection without features; there is one for each predicted box.")
    for what in _with_crs(tree, features):
        _refuse_other_crs(what["crs"], crs)
    refuse_beyond("vertices", limits, sum(_count(feature.get("geometry")) for feature in features))
    problems = ProblemList()
    found = _properties(features, problems)
    box = _boxes(features, problems)
    row = np.arange(1, len(features) + 1, dtype=np.int64)
    return Rows(source="geojson", row=row, box=box, **found, **problems.finished())


def _features(tree: Any) -> list[dict[str, Any]]:
    kind = tree.get("type") if isinstance(tree, dict) else None
    if kind == "Feature":
        return [tree]
    features = tree.get("features") if kind == "FeatureCollection" else None
    if not isinstance(features, list):
        found = f"with type {short(kind)}" if kind is not None else "without a type"
        found = "a FeatureCollection without a list of features" if kind == "FeatureCollection" else f"JSON {found}"
        raise Unreadable(f"The file is {found}; expected a GeoJSON FeatureCollection of polygons.")
    wrong = [
        str(number)
        for number, feature in enumerate(features, 1)
        if not isinstance(feature, dict) or feature.get("type") != "Feature"
    ]
    if wrong:
        more = f" and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise Unreadable(f'Of the features, number {", ".join(wrong[:10])}{more} is no object of type "Feature".')
    return features


def _with_crs(tree: dict[str, Any], features: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    # Older GeoJSON allows it anywhere.
    for feature in (tree, *features):
        for what in (feature, feature.get("geometry")):
            if isinstance(what, dict) and what.get("crs") is not None:
                yield what


def _refuse_other_crs(said: Any, wanted: str | None) -> None:
    named = said.get("properties") if isinstance(said, dict) else None
    name = named.get("name") if isinstance(named, dict) else None
    if not isinstance(name, str) or wanted is None or _plain_crs(name) != _plain_crs(wanted):
        what = shown(name) if isinstance(name, str) else "something else than a name"
        plan = f"{wanted}, the plan's" if wanted else "the plan's reference system"
        raise Unreadable(
            f'The file says in "crs" that its coordinates are in {what}; give them in {plan}, without "crs".'
        )


def _plain_crs(name: str) -> str:
    # Compared as text: a stranger's text is not given to a library that looks up files by it.
    found = _CODE.fullmatch(name.strip()[:200])
    return f"{found[1]}:{found[2]}".upper() if found else name.strip().upper()


def _count(geometry: Any) -> int:
    """Points of the polygons of a feature, or what stands in their place."""
    polygons = _polygons(geometry)
    if isinstance(polygons, _Fault):
        return 0
    return sum(
        len(ring) for polygon in polygons if isinstance(polygon, list) for ring in polygon if isinstance(ring, list)
    )


def _polygons(geometry: Any) -> list[Any] | _Fault:
    if not isinstance(geometry, dict):
        return _Fault("no geometry", _POLYGONS)
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        return _Fault(f"the type {short(kind)}" if kind is not None else "a geometry without a type", _POLYGONS)
    if not isinstance(coordinates, list) or not coordinates:
        return _Fault("no coordinates", _POLYGONS)
    return [coordinates] if kind == "Polygon" else coordinates


def _boxes(features: list[dict[str, Any]], problems: ProblemList) -> Any:
    corners = Corners()
    in_degrees = True
    for position, feature in enumerate(features):
        polygons = _read_polygons(feature.get("geometry"))
        if isinstance(polygons, _Fault):
            problems.add(position + 1, "box", *polygons)
            continue
        corners.add(position, polygons)
        in_degrees = in_degrees and all(
            abs(x) <= 180 and abs(y) <= 90 for rings in polygons for ring in rings for x, y in ring
        )
    box: Any = np.empty(len(features), dtype=object)
    shapes, of_feature = corners.shapes()
    if of_feature and in_degrees:
        x, y = corners.points[0]
        raise Unreadable(
            f"All coordinates are small, such as ({x:g}, {y:g}): they look like degrees of longitude and latitude. "
            "Give metres in the plan's reference system."
        )
    box[of_feature] = shapes
    for number, reason in sorted(crossing(shapes).items()):
        box[of_feature[number]] = None
        problems.add(
            of_feature[number] + 1, "box", f"a polygon that is not valid ({reason})", "one that does not cross itself"
        )
    return box


def _read_polygons(geometry: Any) -> list[list[list[Point]]] | _Fault:
    polygons = _polygons(geometry)
    if isinstance(polygons, _Fault):
        return polygons
    made = []
    for polygon in polygons:
        if not isinstance(polygon, list) or not polygon:
            return _Fault("a polygon without rings", _RING)
        rings = []
        for ring in polygon:
            points = _ring(ring)
            if isinstance(points, _Fault):
                return points
            rings.append(points)
        made.append(rings)
    return made


def _ring(ring: Any) -> list[Point] | _Fault:
    if not isinstance(ring, list):
        return _Fault("something else than a ring", _RING)
    points = []
    for point in ring:
        # A truth value counts as a number in Python; in a coordinate it does not.
        if type(point) is not list or not 2 <= len(point) <= 3 or not {*map(type, point)} <= {int, float}:
            return _Fault(f"the point {short(point)}", _POINT)
        x, y = point[0], point[1]
        if not (-FARTHEST <= x <= FARTHEST and -FARTHEST <= y <= FARTHEST):
            return _Fault(f"the point {short(point)}", _POINT)
        points.append((float(x), float(y)))
    if len(points) < 4:
        return _Fault(f"a ring of {len(points)} points", _RING)
    if points[0] != points[-1]:
        return _Fault(f"a ring from {points[0]} to {points[-1]}", _RING)
    return points


def _properties(features: list[dict[str, Any]], problems: ProblemList) -> dict[str, Any]:
    """Columns of the properties; a feature that lacks one has a blank there."""
    every: dict[str, None] = {}
    given = []
    for number, feature in enumerate(features, 1):
        own = feature.get("properties")
        if own is not None and not isinstance(own, dict):
            problems.add(number, "", "properties that are no object", f"an object of {', '.join(KNOWN_OF_BOXES)}")
            own = None
        given.append(own or {})
        every.update(dict.fromkeys(own or ()))
        if len(every) > MOST_COLUMNS:
            break
    names = match_columns(list(every), known=KNOWN_OF_BOXES, what="property")
    numbered = range(1, len(features) + 1)
    made: dict[str, Any] = {}
    for written, name in zip(every, names, strict=True):
        values = [own.get(written) for own in given]
        made[name] = (
            _texts(values, numbered, name, problems) if name in TEXTS else _numbers(values, numbered, name, problems)
        )
    return made


def _texts(values: list[Any], numbered: range, name: str, problems: ProblemList) -> Any:
    written = []
    for number, value in zip(numbered, values, strict=True):
        text = ""
        if isinstance(value, str):
            text = value
        elif type(value) is int and abs(value) < 1 << 53:
            text = str(value)
        elif value is not None:
            problems.add(number, name, _any(value), "a text")
        written.append(text)
    return labels(written, numbered, name, problems)


def _numbers(values: list[Any], numbered: range, name: str, problems: ProblemList) -> Any:
    made = np.full(len(values), np.nan)
    there = np.zeros(len(values), dtype=bool)
    in_texts: dict[int, str] = {}
    for position, value in enumerate(values):
        if type(value) in (int, float):
            there[position] = True
            try:
                made[position] = value
            except OverflowError:
                made[position] = np.inf
        elif isinstance(value, str):
            in_texts[position] = value
        elif value is not None:
            problems.add(numbered[position], name, _any(value), "a number")
    found = finite(made, there, numbered, name, problems)
    rows = [numbered[position] for position in in_texts]
    found[list(in_texts)] = numbers(list(in_texts.values()), rows, name, problems)
    return found


def _any(value: Any) -> str:
    """What a value is, without writing out what may be large."""
    names = {bool: "true or false", list: "a list", dict: "an object", float: "a number with decimals"}
    return names.get(type(value), "a number of many digits")
