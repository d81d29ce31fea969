"""A made-up town to try a trial on: a plan, three wards and their recorded crimes. For the manual and its tests.

    python docs/scripts/trial_town.py FOLDER [--first 2030-07-01] [--as-of 2030-07-01T17:00]

Writes plan.toml, wards.geojson and crimes.csv. The crimes are those that were recorded before a moment by the town's
clock, so that the same command with a later moment is the police's export of a later day. Nothing in it is real.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np

FIRST = date(2030, 7, 1)
DAYS_BEFORE, NIGHTS, SEED = 75, 30, 7
X, Y, SIDE = 430_000, 433_000, 1_000
WARDS = ("South", "Mid", "North")
# Crimes a day of each kind; half of them near a few corners.
KINDS = {"burglary": 6.0, "robbery": 2.0}
PLAN = """\
[trial]
name = "Thirty nights in a made-up town"

[place]
areas = "wards.geojson"
label = "ward"
crs = "EPSG:27700"

[crimes]
kinds = ["burglary", "robbery"]
tz = "Europe/London"

[nights]
first = {first}
number = {nights}
at = "20:00"
cut = "17:00"
deadline = "19:00"

[budget]
boxes = 3

[test]
looks = [15, 30]

[submitters]
vendors = ["A", "B"]
in_house = ["in-house"]

[baselines]
"three-week map" = "CountMap(lookback='21D')"
"KDE" = "KDE(bandwidth=300)"
"""


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=date.fromisoformat, default=FIRST)
    parser.add_argument("--as-of", type=datetime.fromisoformat, default=None)
    asked = parser.parse_args(words)
    asked.folder.mkdir(parents=True, exist_ok=True)
    as_of = asked.as_of or datetime.combine(asked.first, time(17))
    for name, text in (
        ("plan.toml", PLAN.format(first=asked.first, nights=NIGHTS)),
        ("wards.geojson", wards()),
        ("crimes.csv", crimes(asked.first, as_of)),
    ):
        # The same bytes on every system.
        (asked.folder / name).write_text(text, encoding="utf-8", newline="\n")


def wards() -> str:
    """Squares of a kilometre from west to east."""
    features = []
    for place, name in enumerate(WARDS):
        corners = ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
        ring = [[X + (place + east) * SIDE, Y + north * SIDE] for east, north in corners]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {"ward": name}, "geometry": geometry})
    told = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::27700"}}
    return json.dumps({"type": "FeatureCollection", "crs": told, "features": features}, indent=1) + "\n"


def crimes(first: date, as_of: datetime) -> str:
    """Crimes that were recorded before a moment; those of an earlier export are in every later one."""
    begin = datetime.combine(first - timedelta(days=DAYS_BEFORE), time())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "kind", "x", "y", "happened", "recorded"])
    for day in range(DAYS_BEFORE + NIGHTS + 60):
        # A generator for each day, so that a day is the same in every export.
        random = np.random.default_rng([SEED, day])
        number = 0
        for kind, rate in KINDS.items():
            for _ in range(random.poisson(rate)):
                happened = begin + timedelta(days=day, minutes=int(random.integers(24 * 60)))
                recorded = happened + timedelta(minutes=int(30 + random.exponential(600)))
                x, y = _place(random)
                number += 1
                if recorded < as_of:
                    writer.writerow([f"{day:03d}-{number:02d}", kind, x, y, happened, recorded])
    return text.getvalue()


def _place(random: np.random.Generator) -> tuple[float, float]:
    if random.random() < 0.5:
        corner = int(random.integers(5))
        east, north = (600 * corner + 200, (370 * corner + 150) % SIDE)
        east, north = random.normal([east, north], 60)
    else:
        east, north = random.random(2) * [len(WARDS) * SIDE, SIDE]
    east, north = np.clip([east, north], 1, [len(WARDS) * SIDE - 1, SIDE - 1])
    return round(X + float(east), 1), round(Y + float(north), 1)


if __name__ == "__main__":
    main()
