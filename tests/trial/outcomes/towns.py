"""A small town of two boroughs and a plan for it, as the tests of outcomes use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import geopandas
import pandas as pd
import shapely

from predpol_eval import Events, Grid
from predpol_eval.trial.canonical import sha256_of

CRS, TZ = "EPSG:27700", "Europe/London"
SECRET = bytes(range(32))
X, Y = 530_000, 180_000


@dataclass(frozen=True)
class Night:
    name: str
    start: datetime
    end: datetime
    cut: datetime
    settled_from: datetime


@dataclass(frozen=True)
class Plan:
    nights: tuple[Night, ...] = ()
    tz: str = TZ
    crs: str = CRS
    areas: tuple[str, ...] = ("east", "west")
    kinds: tuple[str, ...] = ("burglary", "robbery")


@dataclass
class Blobs:
    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, data: bytes) -> str:
        self.kept[sha256_of(data)] = data
        return sha256_of(data)

    def get(self, sha256: str) -> bytes:
        return self.kept[sha256]


def wall(text: str, tz: str = TZ) -> datetime:
    """A civil time as a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)


def night(day: str, *, cut: str = "18:00", settling: int = 28, tz: str = TZ) -> Night:
    """A night from 20:00 to 20:00, by the wall clock."""
    at = datetime.fromisoformat(f"{day} 20:00")
    moments = [at + timedelta(days=days) for days in (0, 1, 1 + settling)]
    start, end, settled = (moment.replace(tzinfo=ZoneInfo(tz)).astimezone(UTC) for moment in moments)
    return Night(day, start, end, wall(f"{day} {cut}", tz), settled)


def nights(first: str, number: int, **options: object) -> tuple[Night, ...]:
    day = datetime.fromisoformat(first)
    return tuple(night(f"{day + timedelta(days=k):%Y-%m-%d}", **options) for k in range(number))


def town() -> Grid:
    """East, west and a park that the plan does not use, 500 m wide each; cells of 250 m."""
    boxes = [shapely.box(X + 500 * k, Y, X + 500 * k + 500, Y + 500) for k in range(3)]
    table = geopandas.GeoDataFrame({"borough": ["east", "park", "west"]}, geometry=boxes, crs=CRS)
    return Grid.from_areas(table, cell=250, label="borough")


def crimes(rows: list[Mapping[str, object]], *, tz: str = TZ, **options: object) -> Events:
    """Crimes from rows with some of id, kind, x, y (metres from the town's corner), t, u, r."""
    table = pd.DataFrame(
        [{"id": f"HY{n}", "kind": "burglary", "x": 10.0, "y": 10.0} | dict(r) for n, r in enumerate(rows)]
    )
    table["x"], table["y"] = table["x"] + X, table["y"] + Y
    named = {"u": "happened_until", "r": "recorded"}
    columns = {argument: name for name, argument in named.items() if name in table.columns}
    defaults = {"ambiguous": "earlier", "nonexistent": "shift_forward", "observed": [("2018-01-01", "2019-01-01")]}
    return Events.from_frame(table, id="id", kind="kind", crs=CRS, tz=tz, **columns, **(defaults | options))
