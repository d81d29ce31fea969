"""A made-up town whose crimes come back to the same boxes for years, recorded hours to days after they happened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

import predpol_eval as ppe
from predpol_eval.trial.rehearsal import Rehearsal, rehearse
from predpol_eval.trial.rehearsal.vendors import SyntheticVendor
from tests.trial.plan.town import PLAN, X, Y, write_town

CELL, FIRST = 250, "2018-07-01"
# Settles at once, so that there are looks in a few nights.
RULES = PLAN.replace('deadline = "19:00"', 'deadline = "19:00"\nsettling_days = 3').replace(
    "looks = [10, 20, 30]", "looks = [4, 8, 30]"
)
# Few comparisons, and few who are compared: most of a short rehearsal goes into them.
PLAIN = (
    RULES.replace('["A", "B", "C"]', '["A", "B", "C", "D", "E"]')
    .replace("looks = [4, 8, 30]", 'looks = [4, 8, 30]\npairs = [["B", "E"], ["A", "C"]]')
    .replace('"kernel" = "KDE(bandwidth=300)"\n', "")
)
KNOWN = PLAIN.replace(
    '[["B", "E"], ["A", "C"]]',
    '[["B", "E"], ["B", "A"], ["B", "in-house"], ["E", "A"], ["E", "in-house"], ["C", "A"], ["D", "E"], ["D", "C"]]',
)
ALONE = (
    PLAIN.replace('["A", "B", "C", "D", "E"]', '["A"]')
    .replace('["in-house"]', "[]")
    .replace('\npairs = [["B", "E"], ["A", "C"]]', "")
)
FIVE: Mapping[str, str] = {"A": "count-map", "B": "leaked", "C": "random", "D": "unreliable", "E": "strong"}


def crimes(seed: int = 5, *, a_night: float = 12.0, days: int = 275, recorded: bool = True) -> ppe.Events:
    """Crimes from November on; each ward and kind has three boxes of its own that draw most of them.

    On some days a spree of one day hits a box anywhere, which misleads whoever remembers three weeks only.
    """
    draw = np.random.default_rng(seed)
    strata = [(ward, kind) for ward in range(3) for kind in range(2)]
    hot = {stratum: draw.permutation(16)[:3] for stratum in strata}
    rows = []
    for day in pd.date_range("2017-11-01", periods=days, freq="D"):
        tonight = []
        for _ in range(draw.poisson(a_night)):
            stratum = strata[int(draw.integers(6))]
            box = draw.choice(hot[stratum]) if draw.random() < 0.7 else draw.integers(16)
            tonight.append((*stratum, int(box)))
        for stratum in strata:
            if draw.random() < 0.12:
                tonight += [(*stratum, int(draw.integers(16)))] * 7
        for ward, kind, box in tonight:
            column, row = 4 * ward + box % 4, box // 4
            moment = day + pd.Timedelta(minutes=int(draw.integers(1440)))
            known = moment + pd.Timedelta(minutes=int(draw.exponential(900)))
            x, y = X + CELL * (column + draw.random()), Y + CELL * (row + draw.random())
            rows.append((x, y, moment, known, ("burglary", "robbery")[kind]))
    frame = pd.DataFrame(rows, columns=["x", "y", "t", "r", "kind"])
    frame["id"] = [f"HY{number}" for number in draw.permutation(len(frame))]
    return ppe.Events.from_frame(
        frame, happened="t", recorded="r" if recorded else None, kind="kind", id="id", crs="EPSG:27700",
        tz="Europe/London", ambiguous="earlier", nonexistent="shift_forward", observed=[("2017-11-01", "2018-09-01")],
    )  # fmt: skip


def write_rules(folder: Path, text: str = RULES) -> Path:
    """Write the plan with its areas."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_town(folder, text)


def played(
    folder: Path,
    until: str,
    *,
    events: ppe.Events | None = None,
    vendors: Mapping[str, SyntheticVendor | str] | None = FIVE,
    seed: int | None = None,
    text: str = RULES,
) -> Rehearsal:
    """Rehearse in a folder, or go on."""
    plan = write_rules(folder.parent / f"{folder.name}-plan", text)
    return rehearse(plan, crimes() if events is None else events, folder, vendors=vendors, seed=seed, until=until)


def files_of(folder: Path, label: str = "") -> dict[str, bytes]:
    """What submitters made, by name; without envelopes, whose keys are drawn anew."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted((folder / "evenings").rglob(f"{label}*-*"))
        if path.suffix in (".csv", ".parquet")
    }


def told(found: Rehearsal) -> list[object]:
    """The ledger record by record, without what keys and pseudonyms decide."""
    with found.trial.ledger(read_only=True) as ledger:
        return [(record.kind, record.at, _substance(record.kind, record.body)) for record in ledger.records()]


def _substance(kind: str, body: Mapping[str, object]) -> object:
    drawn = {"key": {"public", "fingerprint"}, "receipt": {"envelope"}, "refused": {"reason", "signed"}}
    drawn["release"] = {"sha256"}
    return {name: value for name, value in body.items() if name not in drawn.get(kind, set())}
