"""Nights of the made-up town: crimes in its boxes, files that list boxes or draw polygons, and closings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from predpol_eval import Events
from predpol_eval.trial.closing import close_night
from predpol_eval.trial.data_exchange import take_snapshot
from predpol_eval.trial.history import History
from predpol_eval.trial.outcomes.scope import utc64
from predpol_eval.trial.outcomes.snapshots import Snapshot
from predpol_eval.trial.scoring.night_score import NightScore, Row
from tests.trial.evenings import FIRST, Evening
from tests.trial.plan.town import PLAN, X, Y

CELL = 250
# Columns of boxes in which each ward begins; each has four by four.
SOUTH, MID, NORTH = 0, 4, 8
AREA = {SOUTH: "South", MID: "mid", NORTH: "'=North"}
AFTER = datetime(2018, 7, 4, 12, tzinfo=UTC)


def middle(column: int, row: int) -> tuple[float, float]:
    return X + CELL * (column + 0.5), Y + CELL * (row + 0.5)


def crime(place: tuple[float, float], t: str, kind: str = "burglary", **more: Any) -> dict[str, Any]:
    """One crime: `t` by the clock of London; `u` until when it may have happened, `r` when it was recorded."""
    return {"x": place[0], "y": place[1], "t": t, "kind": kind, **more}


def events_of(
    rows: Sequence[Mapping[str, Any]], observed: Sequence[tuple[str, str]] = (("2018-05-01", "2019-01-01"),)
) -> Events:
    table = pd.DataFrame(rows)
    table["id"] = [row.get("id", f"HY{number}") for number, row in enumerate(rows)]
    for name in ("r", "u"):
        if name in table:
            table[name] = table[name].fillna(table["t"])
    named = {argument: name for name, argument in (("r", "recorded"), ("u", "happened_until")) if name in table}
    return Events.from_frame(
        table, happened="t", kind="kind", id="id", crs="EPSG:27700", tz="Europe/London", ambiguous="earlier",
        nonexistent="shift_forward", observed=list(observed), **named,
    )  # fmt: skip


# What was there before the trial, so that baselines know something.
BEFORE = [
    crime(middle(0, 3), "2018-06-20 12:00"),
    crime(middle(5, 1), "2018-06-28 12:00"),
    crime(middle(5, 1), "2018-06-29 12:00", "robbery"),
    crime(middle(9, 2), "2018-06-29 13:00", "robbery"),
]


def listed(boxes: Iterable[tuple[int, int, float]], kind: str = "burglary", night: str = FIRST) -> bytes:
    """A file that lists boxes as column, row and risk."""
    lines = ["night,area,kind,cell,risk"]
    for column, row, risk in boxes:
        lines.append(f"{night},{AREA[column // 4 * 4]},{kind},r{row:03d}c{column:03d},{risk!r}")
    return ("\n".join(lines) + "\n").encode()


def drawn(shapes: Iterable[Any], kind: str = "burglary", night: str = FIRST) -> bytes:
    features = [
        {
            "type": "Feature",
            "properties": {"night": night, "kind": kind},
            "geometry": shapely.geometry.mapping(shape),
        }
        for shape in shapes
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def rectangle(west: float, south: float, east: float, north: float) -> Any:
    return shapely.box(X + west, Y + south, X + east, Y + north)


class Nights(Evening):
    """An evening that goes on for many nights."""

    def __init__(self, folder: Path, text: str = PLAN) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, text)

    def close(self, *nights: str) -> None:
        """Close nights at their deadlines, or now if that has passed."""
        for name in nights:
            deadline = self.trial.plan(self.trial.history()).night(name).deadline
            self.clock.now = max(self.clock.now, deadline)
            close_night(self.trial, name)

    def keep(self, events: Events, at: datetime) -> Snapshot:
        """Keep a snapshot of what was known at some moment."""
        self.clock.now = max(self.clock.now, at)
        return take_snapshot(self.trial, events.known_at(utc64(at, "at")), at)

    def names(self, number: int) -> list[str]:
        return [night.name for night in self.trial.locked.nights[:number]]

    def score_of(self, record: Any) -> NightScore:
        return NightScore.from_bytes(self.trial.blobs.get(record.body["blob"]))

    def before(self, number: int) -> History:
        """What was known before a record."""
        with self.trial.ledger(read_only=True) as ledger:
            return History().read(record for record in ledger.records() if record.number < number)


def row_of(score: NightScore, forecaster: str, area: str, kind: str = "burglary") -> Row:
    (found,) = [
        row for row in score.rows if (row.forecaster, row.kind, row.area) == (forecaster, kind, area.lstrip("'"))
    ]
    return found


def random_crimes(seed: int, first: str, days: int, number: int, *, uncertain: bool = False) -> Events:
    """Crimes that cluster in some boxes, recorded hours to days after they happened; a few outside the wards."""
    draw = np.random.default_rng(seed)
    start = datetime.fromisoformat(first)
    rows = []
    for _ in range(number):
        moment = start + timedelta(minutes=int(draw.integers(days * 1440)))
        column, row = int(12 * draw.beta(1, 2)), int(4 * draw.beta(1, 2))
        x, y = X + CELL * (column + draw.random()), Y + CELL * (row + draw.random())
        if draw.random() < 0.03:
            y -= 3_000
        until = moment + timedelta(hours=int(draw.integers(1, 40))) * bool(uncertain and draw.random() < 0.5)
        known = until + timedelta(hours=float(draw.exponential(30)))
        kind = "burglary" if draw.random() < 0.6 else "robbery"
        rows.append(
            crime((x, y), f"{moment}", kind, r=f"{known:%Y-%m-%d %H:%M}", **({"u": f"{until}"} if uncertain else {}))
        )
    return events_of(rows)


# Three boxes are tied where two places are left.
TIED = [(SOUTH, 0, 5.0), (SOUTH + 1, 0, 1.0), (SOUTH + 2, 0, 1.0), (SOUTH + 3, 0, 1.0), (MID, 0, 1.0)]
SETTLED = datetime(2018, 7, 30, 19, tzinfo=UTC)
CROWD = random_crimes(11, "2018-06-01", 60, 700)


def six_nights(folder: Path) -> Nights:
    """Six nights: A all of them, B but for the third, C draws polygons on the first and is missing after it."""
    nights = Nights(folder)
    names = nights.names(6)
    for number, name in enumerate(names):
        nights.clock.set(1 + number, 16)
        nights.hand_in("A", listed(TIED, night=name), name)
        if number != 2:
            nights.hand_in("B", listed([(SOUTH + 3, 0, 1.0), (MID, 1, 0.5)], night=name), name)
        if number == 0:
            nights.hand_in("C", drawn([rectangle(0, 0, 125, 125)], night=name), name)
        elif number == 1:
            nights.hand_in("C", listed(TIED, night=name), name)
        nights.close(name)
    return nights
