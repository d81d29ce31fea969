"""A small made-up place with a plan: three wards beside each other, as files in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from predpol_eval.trial.plan import TrialPlan, read_plan

X, Y, SIDE = 430_000, 433_000, 1_000

PLAN = """
[trial]
name = "A trial"

[place]
areas = "wards.geojson"
label = "ward"
crs = "EPSG:27700"

[crimes]
kinds = ["burglary", "robbery"]
tz = "Europe/London"

[nights]
first = 2018-07-01
number = 30
at = "20:00"
cut = "17:00"
deadline = "19:00"

[budget]
boxes = 3

[test]
looks = [10, 20, 30]

[submitters]
vendors = ["A", "B", "C"]
in_house = ["in-house"]

[baselines]
"three-week map" = "CountMap(lookback='21D')"
"kernel" = "KDE(bandwidth=300)"
"""


def wards(names: Any = ("South", "mid", "=North"), crs: str = "EPSG:27700") -> bytes:
    """Squares of a kilometre in a row, as GeoJSON."""
    features = [
        {
            "type": "Feature",
            "properties": {"ward": name, "number": place},
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [
                        [X + (place + east) * SIDE, Y + north * SIDE]
                        for east, north in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
                    ]
                ],
            },
        }
        for place, name in enumerate(names)
    ]
    told = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{crs.replace(':', '::')}"}}
    return json.dumps({"type": "FeatureCollection", "crs": told, "features": features}).encode()


def write_town(folder: Path, text: str = PLAN, areas: bytes | None = None) -> Path:
    """Write wards.geojson and plan.toml; give back the latter."""
    (folder / "wards.geojson").write_bytes(wards() if areas is None else areas)
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def made(folder: Path, *changes: tuple[str, str]) -> TrialPlan:
    """The plan with some texts replaced, each of which must be there."""
    return read_plan(write_town(folder, changed(*changes)))


def changed(*changes: tuple[str, str]) -> str:
    """Text of the plan with some parts replaced, each of which must be there."""
    text = PLAN
    for old, new in changes:
        if old not in text:
            raise KeyError(old)
        text = text.replace(old, new)
    return text
