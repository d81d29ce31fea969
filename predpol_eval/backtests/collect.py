"""From blocks of nights to one tally."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.backtests.counting import WARNED, BlockResult
from predpol_eval.backtests.job import Block, Job
from predpol_eval.errors import PredPolWarning
from predpol_eval.flagging import make_scene
from predpol_eval.scores import LOG_SCORES
from predpol_eval.tallies import CAUGHT, add_once, assemble, caught_once

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]
LEADING = ("forecaster", "kind")
# What a night that failed has none of, above and below the line of every ratio.
_BLANKED = ("events", "outside", "budget_m2", "total_m2")


class _Gathered(NamedTuple):
    """All blocks together: arrays with rules (not `status`, `reason`), forecasters and kinds in front."""

    caught: FloatArray
    curve: FloatArray
    scores: FloatArray
    shares: list[list[FloatArray]]
    status: npt.NDArray[np.object_]
    reason: npt.NDArray[np.object_]


def collect(job: Job, results: Iterable[tuple[Block, BlockResult]]) -> list[xr.Dataset]:
    """Put all blocks, in whatever order they come, into one tally for each rule of the job.

    A night that failed is NaN in every count.
    """
    found = _gather(job, results)
    return [_tally(job, rule, found) for rule in range(len(job.methods))]


def _gather(job: Job, results: Iterable[tuple[Block, BlockResult]]) -> _Gathered:
    leading = (len(job.forecasters), len(job.kinds))
    ahead, nights = (len(job.methods), *leading), len(job.windows)
    parted = [job.parted(kind) for kind in range(len(job.kinds))]
    sizes = [0 if crimes is None else len(crimes.window) for crimes in parted]
    found = _Gathered(
        caught=np.full((*ahead, len(CAUGHT), len(job.grid.labels), len(job.budgets), nights), np.nan),
        curve=np.full((*ahead, len(job.curve), nights), np.nan),
        scores=np.full((*ahead, 2, nights), np.nan),
        shares=[[np.full((len(job.budgets), size), np.nan) for size in sizes] for _ in job.forecasters],
        status=np.full((*leading, nights), "missing", dtype=object),
        reason=np.full((*leading, nights), "", dtype=object),
    )
    for block, result in results:
        place = (block.forecaster, block.kind, ..., block.nights)
        for name in ("caught", "curve", "scores"):
            getattr(found, name)[:, *place] = getattr(result, name)
        found.status[place], found.reason[place] = result.status.astype(object), result.reason.astype(object)
        crimes = parted[block.kind]
        if crimes is not None:
            low, high = np.searchsorted(crimes.window, [block.nights.start, block.nights.stop])
            found.shares[block.forecaster][block.kind][:, low:high] = result.shares
    return found


def _tally(job: Job, rule: int, found: _Gathered) -> xr.Dataset:
    """Make the tally of one rule."""
    scene = make_scene(job.grid)
    leading = (len(job.forecasters), len(job.kinds))
    nights = len(job.windows)
    status = found.status
    events = np.zeros((len(job.kinds), scene.labels, nights))
    outside = np.zeros((len(job.kinds), nights))
    for kind, crimes in enumerate(job.crimes[rule]):
        inside = crimes.cell >= 0
        label = job.grid.label_code.ravel()[crimes.cell[inside]]
        np.add.at(events[kind], (label, crimes.window[inside]), crimes.weight[inside])
        np.add.at(outside[kind], crimes.window[~inside], crimes.weight[~inside])
    misplaced = np.array(job.elsewhere[rule])
    data = assemble(
        found.caught[rule],
        np.broadcast_to(events, (*leading, *events.shape[1:])),
        np.broadcast_to(outside, (*leading, nights)),
        LEADING,
        {
            "forecaster": ("forecaster", np.array(job.names, dtype=object)),
            "kind": ("kind", np.array(job.kinds, dtype=object)),
            "elsewhere": ("kind", misplaced, {"long_name": "crimes whose own point is in another area"}),
        },
        job.budgets,
        job.grid,
        scene,
        job.windows,
    )
    by_night = (*LEADING, "window")
    # In place: the arrays are this tally's own, and to set a variable anew aligns it with all the others.
    failed = status != "ok"
    for name in _BLANKED:
        counts = data[name].data
        counts[np.broadcast_to(np.expand_dims(failed, tuple(range(2, counts.ndim - 1))), counts.shape)] = np.nan
    data["status"].data[...], data["reason"].data[...] = status, found.reason
    if any(crimes.parted for crimes in job.crimes[rule]):
        add_once(data, LEADING, *_once(job, rule, found, data))
    if job.curve:
        shares = [budget.fraction for budget in job.curve]
        data = data.assign_coords(coverage=("coverage", shares, {"long_name": "share of the ground", "units": "1"}))
        in_city = np.broadcast_to(events.sum(axis=1), (*leading, nights))
        data["curve_hits"] = ((*LEADING, "coverage", "window"), found.curve[rule])
        data["curve_events"] = (by_night, np.where(failed, np.nan, in_city))
    if job.log_score_floor is not None:
        for part, (name, text) in zip((0, 1, 0), LOG_SCORES.items(), strict=True):
            values = found.scores[rule][..., part, :]
            if name == "log_score_nights":
                values = np.where(np.isnan(values), np.nan, 1.0)
            data[name] = (by_night, values, {"long_name": text, "units": "nats"})
        data["log_score"].attrs["floor"] = job.log_score_floor
        data["log_score_nights"].attrs["units"] = "nights"
    data.attrs.update(
        method=job.methods[rule],
        information_set=job.events[0].information_set,
        record=json.dumps(job.record, sort_keys=True),
        n_areas=len(job.grid.labels),
    )
    return data


def _once(job: Job, rule: int, found: _Gathered, data: xr.Dataset) -> tuple[FloatArray, FloatArray]:
    """Hits and crimes counted once; those of a kind of which no crime is parted are its hits and crimes."""
    hits, events = data["hits"].to_numpy().copy(), data["events"].to_numpy().copy()
    for kind, crimes in enumerate(job.crimes[rule]):
        for forecaster in range(len(job.forecasters)) if crimes.parted else ():
            worked = found.status[forecaster, kind] == "ok"
            # What a night that failed would have caught is not known, so its share of a crime counts for nobody.
            hits[forecaster, kind], events[forecaster, kind] = caught_once(
                crimes, found.shares[forecaster][kind], job.windows, job.grid, worked
            )
    return hits, events


def warn_of_failures(data: xr.Dataset, stacklevel: int) -> None:
    """Say once what failed or warned on how many nights, and the first reason."""
    if not any(data["reason"].to_numpy().flat):
        return
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
