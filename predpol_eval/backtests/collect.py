"""From blocks of nights to one tally."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.backtests.block import WARNED, BlockResult
from predpol_eval.backtests.job import Block, Job
from predpol_eval.errors import PredPolWarning
from predpol_eval.flagging import make_scene
from predpol_eval.scores import LOG_SCORES
from predpol_eval.tallies import CAUGHT, assemble

if TYPE_CHECKING:
    import xarray as xr

# What a night that failed has none of, above and below the line of every ratio.
_BLANKED = ("events", "outside", "budget_m2", "total_m2")


def collect(job: Job, results: Iterable[tuple[Block, BlockResult]]) -> xr.Dataset:
    """Put all blocks, in whatever order they come, into one tally; a night that failed is NaN in every count."""
    import xarray as xr

    scene = make_scene(job.grid)
    leading = (len(job.forecasters), len(job.kinds))
    nights = len(job.windows)
    caught = np.full((*leading, len(CAUGHT), scene.labels, len(job.budgets), nights), np.nan)
    curve = np.full((*leading, len(job.curve), nights), np.nan)
    scores = np.full((*leading, 2, nights), np.nan)
    status = np.full((*leading, nights), "missing", dtype=object)
    reason = np.full((*leading, nights), "", dtype=object)
    for block, result in results:
        place = (block.forecaster, block.kind, ..., block.nights)
        caught[place], curve[place], scores[place] = result.caught, result.curve, result.scores
        status[place], reason[place] = result.status.astype(object), result.reason.astype(object)
    events = np.zeros((len(job.kinds), scene.labels, nights))
    outside = np.zeros((len(job.kinds), nights))
    for kind, crimes in enumerate(job.crimes):
        inside = crimes.cell >= 0
        label = job.grid.label_code.ravel()[crimes.cell[inside]]
        np.add.at(events[kind], (label, crimes.window[inside]), crimes.weight[inside])
        np.add.at(outside[kind], crimes.window[~inside], crimes.weight[~inside])
    data = assemble(
        caught,
        np.broadcast_to(events, (*leading, *events.shape[1:])),
        np.broadcast_to(outside, (*leading, nights)),
        ("forecaster", "kind"),
        {
            "forecaster": ("forecaster", np.array(job.names, dtype=object)),
            "kind": ("kind", np.array(job.kinds, dtype=object)),
            "elsewhere": ("kind", np.array(job.elsewhere), {"long_name": "crimes whose own point is in another area"}),
        },
        job.budgets,
        job.grid,
        scene,
        job.windows,
    )
    by_night = ("forecaster", "kind", "window")
    worked = xr.DataArray(status == "ok", dims=by_night)
    for name in _BLANKED:
        data[name] = data[name].where(worked)
    data["status"], data["reason"] = (by_night, status), (by_night, reason)
    if job.curve:
        shares = [budget.fraction for budget in job.curve]
        data = data.assign_coords(coverage=("coverage", shares, {"long_name": "share of the ground", "units": "1"}))
        in_city = np.broadcast_to(events.sum(axis=1), (*leading, nights))
        data["curve_hits"] = (("forecaster", "kind", "coverage", "window"), curve)
        data["curve_events"] = xr.DataArray(in_city, dims=by_night).where(worked)
    if job.log_score_floor is not None:
        for part, (name, text) in zip((0, 1, 0), LOG_SCORES.items(), strict=True):
            values = scores[..., part, :]
            if name == "log_score_nights":
                values = np.where(np.isnan(values), np.nan, 1.0)
            data[name] = (by_night, values, {"long_name": text, "units": "nats"})
        data["log_score"].attrs["floor"] = job.log_score_floor
        data["log_score_nights"].attrs["units"] = "nights"
    data.attrs.update(
        method=job.method,
        information_set=job.events[0].information_set,
        record=json.dumps(job.record, sort_keys=True),
        n_areas=len(job.grid.labels),
    )
    return data


def warn_of_failures(data: xr.Dataset, stacklevel: int) -> None:
    """Say once what failed or warned on how many nights, and the first reason."""
    lines = []
    for name in data["forecaster"].to_numpy():
        told: Any = data.sel(forecaster=name)
        bad, reason = told["status"].to_numpy().ravel() != "ok", told["reason"].to_numpy().ravel()
        heard = np.array([text.startswith(WARNED) for text in reason]) & ~bad
        for what, which in (("failed", bad), ("warned", heard)):
            if which.any():
                first = reason[which][0].removeprefix(WARNED)
                lines.append(f"{name} {what} on {which.sum()} of {which.size} nights ({first})")
    if lines:
        warnings.warn("; ".join(lines) + ". See status and reason.", PredPolWarning, stacklevel=stacklevel + 1)
