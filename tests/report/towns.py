"""Recorded crime of the made-up town as two exports tell it: the later one has more, and some moved."""

from __future__ import annotations

import numpy as np
import pandas as pd

import predpol_eval as ppe
from predpol_eval.trial.folder import Trial


def crimes_of(trial: Trial) -> dict[int, ppe.Events]:
    """Events by the month of the export."""
    plan, grid = trial.locked, trial.grid
    generator = np.random.default_rng(4)
    days = pd.date_range("2018-05-01", "2018-07-15", freq="D")
    number = 40 * len(days)
    rows, columns = np.nonzero(grid.mask)
    chosen = generator.integers(0, len(rows), number)
    inside = generator.random((2, number))
    frame = pd.DataFrame(
        {
            "x": grid.x0 + grid.cell * (columns[chosen] + inside[0]),
            "y": grid.y0 + grid.cell * (rows[chosen] + inside[1]),
            "t": np.repeat(days.to_numpy(), 40) + np.timedelta64(21, "h"),
            "kind": np.array(plan.kinds, dtype=object)[generator.integers(0, len(plan.kinds), number)],
            "id": [f"case {place}" for place in range(number)],
        }
    )
    # On the second night of July some are recorded later, and some were of another kind.
    second = 40 * int(np.flatnonzero(days == pd.Timestamp("2018-07-02"))[0])
    early = frame.drop(index=range(second, second + 10))
    early.loc[second + 10 : second + 30, "kind"] = plan.kinds[0]

    def events(table: pd.DataFrame) -> ppe.Events:
        return ppe.Events.from_frame(
            table, happened="t", kind="kind", id="id", crs=plan.crs, tz=plan.tz, observed=[("2018-05-01", "2018-07-16")]
        )

    return {7: events(early), 9: events(frame)}
