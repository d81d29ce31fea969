"""The recorded scores of many nights as one tally, such as a backtest gives.

What a night counts:

* Missing, late and rejected files, and baselines that failed, are NaN above and below the line, with their status. A
  comparison takes such a night out for both, or counts it by the missing rule of the plan.
* A night that is void, or on which our checks broke on somebody's file (held), is left out for everybody: the fault is
  ours, so that nobody may lose by it, under the missing rule neither. All are then judged by the same nights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.budgets import TopCells
from predpol_eval.counts import Crimes
from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.flagging import make_scene
from predpol_eval.tallies import CAUGHT, add_once, assemble, caught_once
from predpol_eval.trial.plan.nights import windows_of
from predpol_eval.trial.scoring.box_counting import UNKNOWN
from predpol_eval.trial.scoring.due import newest_scores
from predpol_eval.trial.scoring.night_score import NightScore
from predpol_eval.trial.scoring.outcomes_ready import UNIFORM

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.grid import Grid
    from predpol_eval.schedule import Windows
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.history import History
    from predpol_eval.trial.plan import TrialPlan

FloatArray = npt.NDArray[np.float64]
LEADING = ("forecaster", "kind")
LEFT_OUT = ("void", "held")
_BLANKED = ("events", "outside", "budget_m2", "total_m2")


def tally_of(trial: Trial, history: History | None = None, settled: bool = True) -> xr.Dataset:
    """Put the recorded scores together; nothing is counted anew.

    Parameters
    ----------
    trial : Trial
    history : History, optional
        Up to where records count; default: all.
    settled : bool
        Only nights whose settled score is recorded; else also the newest provisional one of the others.

    Returns
    -------
    xarray.Dataset
        As `predpol_eval.backtest` gives it, over (forecaster, kind, area, budget, window), with `status` and `reason`.
        More coordinates tell the `role` of each forecaster (vendor, in-house, baseline, chance) and which nights are
        `settled`. ``attrs["left_out"]`` has, as JSON, the nights that count for nobody, with the reason;
        ``attrs["record"]`` the hashes of what it is made of. Of a submitter who drew polygons on any of the nights, who
        follows no grid, `oracle_hits`, `boxes` and `boxes_hit` are NaN on all, so that PEI and precision are.

    Raises
    ------
    InputError
        If no night counts yet.
    NotComparableError
        If a score is of another grid, or of other kinds or forecasters than the plan.
    """
    chosen = trial.history() if history is None else history
    plan = trial.plan(chosen)
    records = newest_scores(chosen, settled=settled)
    left_out: dict[str, str] = {}
    scores: list[NightScore] = []
    for night in plan.nights:
        record = records.get(night.name)
        if record is None:
            continue
        found = NightScore.from_bytes(trial.blobs.get(record.body["blob"]))
        _refuse_other(found, trial.grid, plan)
        why = _left_out(found)
        if why:
            left_out[night.name] = why
        else:
            scores.append(found)
    if not scores:
        what = "settled score" if settled else "score"
        raise InputError(
            f"No night has a {what} that counts, of {len(plan.nights)} nights of the plan "
            f"({len(left_out)} are void or held). Close nights, keep a snapshot of recorded crime, and score."
        )
    nights = [plan.night(one.night) for one in scores]
    data = _assembled(scores, trial.grid, windows_of(plan, nights), TopCells(plan.k, per="area"))
    blobs = {one.night: records[one.night].body["blob"] for one in scores}
    known = {one.information_set for one in scores}
    data.attrs.update(
        method=plan.method,
        information_set=known.pop() if len(known) == 1 else "recorded and happened",
        record=json.dumps({"plan": plan.sha256, "scores": blobs}, sort_keys=True),
        left_out=json.dumps(left_out, sort_keys=True),
        n_areas=len(trial.grid.labels),
    )
    final = np.array([bool(records[one.night].body["settled"]) for one in scores])
    return data.assign_coords(settled=("window", final, {"long_name": "whether the score stands"}))


def pooled(tally: xr.Dataset) -> xr.Dataset:
    """Sum a tally over kinds of crime; a night of which a forecaster lacks any kind is missing as a whole.

    Parameters
    ----------
    tally : xarray.Dataset
        What `tally_of` or `predpol_eval.backtest` returned.

    Returns
    -------
    xarray.Dataset
        Without the dimension ``kind``, ready for `predpol_eval.compare` once a forecaster is chosen. Budget and ground
        are summed too, since every kind has boxes of its own, so that ratios are those of all kinds together.

    Raises
    ------
    InputError
        If there is no dimension ``kind``.
    """
    import xarray as xr

    if "kind" not in getattr(tally, "dims", ()) or "status" not in tally:
        raise InputError("Expected a tally with the dimension kind, and status; give what tally_of(...) returned.")
    texts = [name for name in ("status", "reason") if name in tally]
    data = tally.drop_vars(texts).sum("kind", skipna=False, keep_attrs=True)
    order = tally["status"].dims
    axis = order.index("kind")
    status = np.moveaxis(tally["status"].to_numpy(), axis, -1)
    reason = np.moveaxis(tally["reason"].transpose(*order).to_numpy(), axis, -1)
    # What is not "ok" decides, and of several the first.
    place = np.argmax(status != "ok", axis=-1)[..., None]
    rest = tuple(dim for dim in order if dim != "kind")
    for name, values in (("status", status), ("reason", reason)):
        data[name] = xr.DataArray(np.take_along_axis(values, place, axis=-1)[..., 0], dims=rest)
    if "elsewhere" in tally.coords:
        each = tally["elsewhere"].to_numpy()
        data = data.assign_coords(elsewhere=int(each.sum()) if (each >= 0).all() else -1)
    return data


def _left_out(found: NightScore) -> str:
    """Why a night counts for nobody; blank if it counts."""
    for status in LEFT_OUT:
        where = [entry for entry in found.entries if entry.status == status]
        if where:
            who = ", ".join(dict.fromkeys(entry.forecaster for entry in where))
            return where[0].reason if status == "void" else f"{where[0].reason} ({who})"
    return ""


def _refuse_other(found: NightScore, grid: Grid, plan: TrialPlan) -> None:
    names = *plan.submitters, *plan.baselines, UNIFORM
    told = [(entry.forecaster, entry.kind) for entry in found.entries]
    if (found.grid, found.areas, found.kinds) != (grid.fingerprint, grid.labels, plan.kinds) or told != [
        (name, kind) for name in names for kind in plan.kinds
    ]:
        raise NotComparableError(
            f"The score of {found.night} is of another grid, other kinds or other forecasters than the plan; verify "
            "the ledger."
        )


def _assembled(scores: Sequence[NightScore], grid: Grid, windows: Windows, budget: TopCells) -> xr.Dataset:
    scene = make_scene(grid)
    names, kinds = scores[0].forecasters, scores[0].kinds
    leading = (len(names), len(kinds))
    caught = np.empty((*leading, len(CAUGHT), scene.labels, 1, len(scores)))
    status, reason = (np.empty((*leading, len(scores)), dtype=object) for _ in range(2))
    drew = np.zeros(len(names), dtype=bool)
    role = [""] * len(names)
    for night, one in enumerate(scores):
        for entry in one.entries:
            place = names.index(entry.forecaster), kinds.index(entry.kind)
            caught[(*place, ..., 0, night)] = entry.caught
            status[(*place, night)], reason[(*place, night)] = entry.status, entry.reason
            drew[place[0]] |= entry.form == "boxes"
            role[place[0]] = entry.role
    for count in UNKNOWN:
        caught[drew, :, CAUGHT.index(count)] = np.nan
    events = np.stack([one.events for one in scores], axis=-1)
    outside = np.stack([one.outside for one in scores], axis=-1)
    away = np.stack([one.elsewhere for one in scores], axis=-1)
    data = assemble(
        caught,
        np.broadcast_to(events, (*leading, *events.shape[1:])),
        np.broadcast_to(outside, (*leading, len(scores))),
        LEADING,
        {
            "forecaster": ("forecaster", np.array(names, dtype=object)),
            "kind": ("kind", np.array(kinds, dtype=object)),
            "role": ("forecaster", np.array(role, dtype=object), {"long_name": "what part it has in the trial"}),
            "elsewhere": (
                "kind",
                np.where((away < 0).any(axis=1), -1, away.sum(axis=1)).astype(np.int64),
                {"long_name": "crimes whose own point is in another area"},
            ),
        },
        (budget,),
        grid,
        scene,
        windows,
    )
    failed = status != "ok"
    for name in _BLANKED:
        counts = data[name].data
        counts[np.broadcast_to(np.expand_dims(failed, tuple(range(2, counts.ndim - 1))), counts.shape)] = np.nan
    data["status"].data[...], data["reason"].data[...] = status, reason
    if any(part.crime for one in scores for part in one.spread):
        add_once(data, LEADING, *_once(scores, grid, windows, data))
    return data


def _once(scores: Sequence[NightScore], grid: Grid, windows: Windows, data: Any) -> tuple[FloatArray, FloatArray]:
    """Hits and crimes counted once: those of a crime that is spread move to the last of its nights that counts."""
    hits, events = data["hits"].to_numpy().copy(), data["events"].to_numpy().copy()
    names, worked = scores[0].forecasters, data["status"].to_numpy() == "ok"
    for kind in range(len(scores[0].kinds)):
        crimes = _spread_crimes(scores, kind)
        if not len(crimes.window):
            continue
        label = grid.label_code.ravel()[crimes.cell].astype(np.int64)
        for forecaster in range(len(names)):
            number = forecaster * len(scores[0].kinds) + kind
            share = np.concatenate([one.entries[number].credit for one in scores])
            counted = worked[forecaster, kind]
            moved = caught_once(crimes, np.nan_to_num(share)[None], windows, grid, counted)
            hits[forecaster, kind] += moved[0]
            events[forecaster, kind] += moved[1]
            # They stood on each of their nights.
            np.subtract.at(hits[forecaster, kind][:, 0], (label, crimes.window), crimes.weight * np.nan_to_num(share))
            np.subtract.at(events[forecaster, kind], (label, crimes.window), crimes.weight)
    return hits, events


def _spread_crimes(scores: Sequence[NightScore], kind: int) -> Crimes:
    """Crimes of a kind that are spread over several nights, as a tally knows them."""
    numbers: dict[str, int] = {}
    window, event = [], []
    for night, one in enumerate(scores):
        for mark in one.spread[kind].crime:
            window.append(night)
            event.append(numbers.setdefault(mark, len(numbers)))
    parts = [one.spread[kind] for one in scores]
    return Crimes(
        np.array(window, dtype=np.int64),
        np.array(event, dtype=np.int64),
        np.concatenate([part.cell for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.ones(len(window), dtype=bool),
        len(window) > 0,
    )
