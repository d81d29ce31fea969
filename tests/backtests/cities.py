"""A small made-up city: slanted borders, a hole, an area without crime, crimes outside, places with many crimes."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas
import numpy as np
import pandas as pd
import shapely

import predpol_eval as ppe

CRS = "EPSG:32617"
ZONE = "America/Toronto"
SIDE = 100
AREAS = {
    "north": shapely.Polygon([(20, 520), (1040, 480), (1010, 930), (60, 900)]),
    "quiet": shapely.Polygon([(1040, 480), (1230, 470), (1220, 700), (1025, 705)]),
    "south": shapely.Polygon([(0, 0), (1230, 30), (1230, 470), (20, 520)]).difference(shapely.box(330, 140, 570, 360)),
}


@dataclass(frozen=True)
class City:
    """Raw columns, and the same as the library's own things."""

    frame: pd.DataFrame
    events: ppe.Events
    grid: ppe.Grid
    schedule: ppe.Schedule


def moments(texts: pd.Series) -> np.ndarray:
    """Wall-clock texts as numbers that can be counted with."""
    return np.array(texts.tolist(), dtype="datetime64[m]")


def as_text(wall: np.ndarray) -> list[str]:
    """Wall-clock times as texts; those that the clock skips on 11 March 2018 do not exist and move on."""
    skipped = (wall >= np.datetime64("2018-03-11T02:00")) & (wall < np.datetime64("2018-03-11T03:00"))
    return [str(moment).replace("T", " ") for moment in np.where(skipped, wall + np.timedelta64(1, "h"), wall)]


def raw(seed: int = 0, crimes: int = 400, first: str = "2018-01-20", days: int = 70) -> pd.DataFrame:
    """Columns x, y, t (wall clock): many crimes at the same corners, so that ties and repeats abound."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 1250, (60, 2)).round(3)
    corners[:8] = [(100, 100), (200, 200), (300, 600), (450, 250), (1245, 20), (700, 600), (699.9995, 600), (5, 5)]
    place = corners[rng.integers(0, len(corners), crimes) % rng.integers(1, len(corners), crimes)]
    quiet = shapely.contains_xy(AREAS["quiet"].buffer(150), place[:, 0], place[:, 1])
    place[quiet] = (510.0, 650.0)
    wall = np.datetime64(first, "m") + rng.integers(0, 24 * days, crimes).astype("timedelta64[h]")
    frame = pd.DataFrame({"x": place[:, 0], "y": place[:, 1], "t": as_text(wall)})
    frame["kind"] = np.where(rng.random(crimes) < 0.6, "theft", "robbery")
    return frame


def city(frame: pd.DataFrame | None = None, start: str = "2018-03-02", end: str = "2018-03-16", **columns: str) -> City:
    """The city with fourteen nights across the change to summer time."""
    table = raw() if frame is None else frame
    events = ppe.Events.from_frame(
        table, kind="kind", crs=CRS, tz=ZONE, observed=[("2018-01-20", "2018-03-31")], **columns
    )
    areas = geopandas.GeoDataFrame({"name": list(AREAS)}, geometry=list(AREAS.values()), crs=CRS)
    grid = ppe.Grid.from_areas(areas, cell=SIDE, label="name")
    return City(table, events, grid, ppe.Schedule(start=start, end=end, tz=ZONE))


BUDGETS = (ppe.TopCells(4, per="area"), ppe.TopCells(7), ppe.Coverage(0.1), ppe.Coverage(0.15, per="area"))
