"""Small towns for Hypothesis: crimes on edges and corners, on the hour, around clock changes, on one clock or two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval.schedule import Windows

CRS = "EPSG:27700"
# Clock changes on 25 March, 11 March, 1 April (by half an hour), and none.
ZONES = ["Europe/London", "America/Toronto", "Australia/Lord_Howe", "UTC"]
FIRST = datetime(2018, 3, 5, tzinfo=UTC)
LAST = datetime(2018, 4, 20, tzinfo=UTC)
# Some forecasts are made in it, so that a short lookback sees nothing.
GAP = datetime(2018, 3, 22, 6, tzinfo=UTC), datetime(2018, 3, 31, tzinfo=UTC)
LOOKBACKS = [None, "1D", "7D", "3W", "36h", "90D"]


@dataclass(frozen=True)
class Crime:
    """One crime, UTC."""

    happened: datetime
    until: datetime | None
    recorded: datetime | None
    x: float
    y: float


@dataclass(frozen=True)
class Ground:
    """A grid as the naive twins take it: 5 x 4 cells of 200 m, the last column and row cut in half."""

    x0: float = 1000.0
    y0: float = 2000.0
    cell: float = 200.0
    width: float = 900.0
    height: float = 700.0
    nx: int = 5
    ny: int = 4

    @cached_property
    def grid(self) -> ppe.Grid:
        """The same for the library."""
        corner = self.x0 + self.width, self.y0 + self.height
        return ppe.Grid.from_bounds(self.x0, self.y0, *corner, cell=self.cell, crs=CRS)

    @cached_property
    def inside_m2(self) -> list[list[float]]:
        """Area inside, by row and column."""
        wide = [min(self.cell, self.width - column * self.cell) for column in range(self.nx)]
        high = [min(self.cell, self.height - row * self.cell) for row in range(self.ny)]
        return [[w * h for w in wide] for h in high]


GROUND = Ground()


@dataclass(frozen=True)
class Town:
    """Crimes, when they were observed, and the moment of the forecast."""

    crimes: tuple[Crime, ...]
    observed: tuple[tuple[datetime, datetime], ...]
    until: datetime
    zone: str
    starts: tuple[timedelta, ...]
    lengths: tuple[timedelta, ...]

    def events(self, crimes=None, zone=None) -> ppe.Events:
        """The crimes as the library takes them."""
        rows = self.crimes if crimes is None else crimes
        frame = pd.DataFrame(
            {
                "t": pd.to_datetime([c.happened for c in rows], utc=True),
                "x": np.array([c.x for c in rows], dtype=float),
                "y": np.array([c.y for c in rows], dtype=float),
            }
        )
        clocks = {}
        for column, name in (("until", "happened_until"), ("recorded", "recorded")):
            if rows and getattr(rows[0], column) is not None:
                frame[column] = pd.to_datetime([getattr(c, column) for c in rows], utc=True)
                clocks[name] = column
        observed = [(pd.Timestamp(first), pd.Timestamp(last)) for first, last in self.observed]
        return ppe.Events.from_frame(frame, crs=CRS, tz=zone or self.zone, observed=observed, **clocks)

    @property
    def cut(self) -> np.datetime64:
        """The moment of the forecast, for the library."""
        return utc(self.until)

    @property
    def windows(self) -> Windows:
        """Some windows, all forecast from `until`."""
        start = np.array([utc(self.until + later) for later in self.starts])
        length = np.array([np.timedelta64(part) for part in self.lengths]).astype("timedelta64[ns]")
        return Windows(start, start + length, np.full(len(start), self.cut), self.zone)


def utc(moment: datetime) -> np.datetime64:
    """A moment as the library stores it."""
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "ns")


HOURS = st.integers(0, int((LAST - FIRST) / timedelta(hours=1))).map(lambda hours: FIRST + timedelta(hours=hours))
# On quarters of a cell: edges and corners have to come up.
EAST = st.integers(-12, 36).map(lambda step: 1000.0 + 50.0 * step)
NORTH = st.integers(-12, 30).map(lambda step: 2000.0 + 50.0 * step)


@st.composite
def towns(draw, *, most=8, least=0, zones=tuple(ZONES)) -> Town:
    """Up to `most` crimes; some at the very edge of what is known or looked back at."""
    zone = draw(st.sampled_from(zones))
    day, hour = draw(st.integers(28, 43)), draw(st.sampled_from([0, 0, 0, 6, 22]))
    wall = datetime(2018, 3, 1) + timedelta(days=day, hours=hour)
    until = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    clocks = draw(st.sampled_from(["happened", "interval", "recorded", "both"]))
    back = st.sampled_from([0, 1, 3, 7, 14, 21]).map(
        lambda days: (wall - timedelta(days=days)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    )
    moments = st.one_of(HOURS, back)
    crimes = []
    for _ in range(draw(st.integers(least, most))):
        happened = draw(moments)
        end = recorded = None
        if clocks in ("interval", "both"):
            end = happened + timedelta(hours=draw(st.sampled_from([0, 1, 5, 48])))
        if clocks in ("recorded", "both"):
            later = draw(st.sampled_from([0, 0, 2, 24, 100]))
            # Known exactly at `until`, as often as not.
            recorded = (max(happened, until) if draw(st.booleans()) else happened) + timedelta(hours=later)
        crimes.append(Crime(happened, end, recorded, draw(EAST), draw(NORTH)))
    observed = ((FIRST, LAST),) if draw(st.booleans()) else ((FIRST, GAP[0]), (GAP[1], LAST))
    count = draw(st.integers(1, 2))
    starts = tuple(timedelta(hours=draw(st.sampled_from([0, 0, 8, 24, 240]))) for _ in range(count))
    lengths = tuple(timedelta(hours=draw(st.sampled_from([24, 8, 25]))) for _ in range(count))
    return Town(tuple(crimes), observed, until, zone, starts, lengths)
