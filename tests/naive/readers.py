"""Read the Toronto and Chicago files the slow and obvious way: one row at a time, standard library only."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a CSV, gzip or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def to_utc(wall: datetime, zone: str) -> datetime:
    """UTC of a wall-clock time: the earlier of two, and the moment of the change for one that never was."""
    local = wall.replace(tzinfo=ZoneInfo(zone), fold=0)
    there = local.astimezone(UTC)
    back = there.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if back == wall:
        return there
    # Skipped: walk back, minute by minute, to the last time that was; the change is one minute later.
    before = wall
    while True:
        before -= timedelta(minutes=1)
        local = before.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
        if local.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == before:
            return local + timedelta(minutes=1)


def toronto(path: Path, since: str = "2014-01-01") -> list[tuple[datetime, float, float, str]]:
    """(UTC, longitude, latitude, kind) of every usable row that occurred since a day."""
    found = []
    for row in rows(path):
        day, hour = row["occurrencedate"][:10].replace("/", "-"), row["occurrencehour"]
        if row["Lat"] in ("", "0") or row["Long"] in ("", "0") or not hour or day < since:
            continue
        wall = datetime.fromisoformat(day) + timedelta(hours=int(hour))
        place = float(row["Long"]), float(row["Lat"])
        found.append((to_utc(wall, "America/Toronto"), *place, row["MCI"].strip()))
    return sorted(found)


def chicago(path: Path) -> list[tuple[datetime, float, float, str]]:
    """(UTC, longitude, latitude, kind) of every row with a place in Illinois."""
    found = []
    for row in rows(path):
        if not row["Latitude"] or float(row["Latitude"]) < 40:
            continue
        wall = datetime.strptime(row["Date"], "%m/%d/%Y %I:%M:%S %p")
        place = float(row["Longitude"]), float(row["Latitude"])
        found.append((to_utc(wall, "America/Chicago"), *place, row["Primary Type"].strip()))
    return sorted(found)
