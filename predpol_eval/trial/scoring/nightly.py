"""Scoring the nights of a trial: each once provisionally per snapshot, and once for good when it has settled."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.flagging import budget_m2
from predpol_eval.tallies import CAUGHT
from predpol_eval.trial.scoring.box_counting import caught_by_boxes
from predpol_eval.trial.scoring.counting import Caught
from predpol_eval.trial.scoring.due import Basis, due
from predpol_eval.trial.scoring.night_score import Entry, NightScore
from predpol_eval.trial.scoring.outcomes_ready import UNIFORM, Outcomes, OutcomesKept
from predpol_eval.trial.scoring.standing import PredictionsKept, standings

if TYPE_CHECKING:
    from predpol_eval.events import Events
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.history import History
    from predpol_eval.trial.ledger import Record
    from predpol_eval.trial.outcomes.snapshots import Snapshot


def score_night(
    trial: Trial,
    history: History,
    night: str,
    snapshot: Snapshot,
    events: Events,
    *,
    outcomes: Outcomes | None = None,
    predictions: PredictionsKept | None = None,
) -> NightScore:
    """Count what everybody caught on a closed night: submitters, every baseline of the plan, and boxes placed blindly.

    Parameters
    ----------
    trial : Trial
    history : History
        Decides which receipts stand.
    night : str
    snapshot : Snapshot
        That the night is scored on; it must cover its window.
    events : Events
        The crimes of the snapshot. Baselines learn, for each night, from what was known at its cut.
    outcomes : Outcomes, optional
        Made of the same plan, snapshot and crimes, where several nights are scored.
    predictions : PredictionsKept, optional
        Likewise.

    Returns
    -------
    NightScore
        Where nothing stands, the status says why, and the counts are NaN; so it is on a void night for all.

    Raises
    ------
    InputError
        If the night is not closed, the plan has no such night, or the snapshot does not cover it.
    """
    ready = outcomes or Outcomes(trial.plan(history), trial.grid, snapshot, events)
    kept = predictions or PredictionsKept(trial)
    plan = ready.plan
    chosen = plan.night(night)
    if not snapshot.covers(chosen.start, chosen.end):
        raise InputError(f"The snapshot of {snapshot.taken_at.isoformat()} has not observed all of the night {night}.")
    entries = []
    for label, standing in standings(history, plan, night).items():
        role = "vendor" if label in plan.vendors else "in-house"
        for number, kind in enumerate(plan.kinds):
            form, caught = "cells", None
            if standing.receipt is not None:
                form, caught = _of_submitter(ready, kept, history, standing.receipt, night, chosen.number, number)
            entries.append(
                _entry(ready, chosen.number, (label, role, form, kind), standing.status, standing.reason, caught)
            )
    for name in ready.alongside:
        role = "chance" if name == UNIFORM else "baseline"
        for number, kind in enumerate(plan.kinds):
            if night in history.void:
                status, reason, caught = "void", f"void for all: {history.void[night]}", None
            else:
                status, reason, caught = _alongside(ready, name, number, chosen.number)
            entries.append(_entry(ready, chosen.number, (name, role, "cells", kind), status, reason, caught))
    counted = [kind.by_area(chosen.number) for kind in ready.kinds]
    return NightScore(
        night=night,
        plan=plan.in_force(chosen).sha256,
        grid=ready.grid.fingerprint,
        snapshot=snapshot.sha256,
        information_set=events.information_set,
        areas=ready.grid.labels,
        kinds=plan.kinds,
        events=np.array(counted).reshape(len(plan.kinds), ready.scene.labels),
        outside=np.array([kind.outside(chosen.number) for kind in ready.kinds]),
        elsewhere=np.array([float(kind.elsewhere(chosen.number)) for kind in ready.kinds]),
        budget_m2=budget_m2(ready.budget, ready.scene),
        total_m2=ready.scene.total,
        spread=tuple(kind.spread(chosen.number) for kind in ready.kinds),
        entries=tuple(entries),
    )


def _of_submitter(
    ready: Outcomes, kept: PredictionsKept, history: History, receipt: int, name: str, night: int, kind: int
) -> tuple[str, Caught]:
    found, crimes, called = kept.of(history, receipt), ready.kinds[kind], ready.plan.kinds[kind]
    if found.form == "boxes":
        drawn, ground = found.boxes(name, called), found.boxes_m2(name, called)
        return "boxes", caught_by_boxes(drawn, ground, crimes.points(night), ready.grid.labels, ready.scene)
    done = found.shares(name, called, ready.grid, ready.plan.k, scene=ready.scene)
    return "cells", crimes.caught(night, done, ready.budget)


def _alongside(ready: Outcomes, name: str, kind: int, night: int) -> tuple[str, str, Caught | None]:
    forecast = ready.course(name, kind).at(night)
    if forecast.values is None:
        return "failed", forecast.reason, None
    (done,) = ready.spender.flag(forecast.values, forecast.kind)
    return "ok", forecast.reason, ready.kinds[kind].caught(night, done, ready.budget)


def _entry(
    ready: Outcomes, night: int, names: tuple[str, str, str, str], status: str, reason: str, caught: Caught | None
) -> Entry:
    if caught is None:
        spread = ready.kinds[ready.plan.kinds.index(names[-1])].spread(night)
        caught = Caught(np.full((len(CAUGHT), ready.scene.labels), np.nan), np.full(len(spread.crime), np.nan))
    return Entry(*names, status, reason, caught.counts, caught.credit)


def score(trial: Trial, progress: bool = False) -> tuple[Record, ...]:
    """Score every closed night that a snapshot tells of, and record it.

    A night is scored on the newest snapshot until it has settled, anew with every snapshot, and then once for good on
    its settled snapshot. Every night is recorded as soon as it is counted: interrupted and run again, it goes on.

    Parameters
    ----------
    trial : Trial
    progress : bool
        Show a progress bar.

    Returns
    -------
    tuple of Record
        Those written now.

    Raises
    ------
    InputError
        If a snapshot cannot be used for the nights of the plan.
    PlanLockedError
        If a baseline is not what it was when the plan was locked.
    """
    with warnings.catch_warnings():
        # In a notebook without ipywidgets it falls back to text, and says so with a warning.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm

    history = trial.history()
    kept, opened = PredictionsKept(trial), OutcomesKept(trial)
    written: list[Record] = []
    with tqdm(unit="night", desc="score", disable=None if progress else True) as bar:
        while waiting := due(plan := trial.plan(history), history):
            bar.total = bar.n + len(waiting)
            for basis in waiting:
                ready = opened.of(plan, basis.snapshot)
                made = score_night(
                    trial, history, basis.night, basis.snapshot, ready.events, outcomes=ready, predictions=kept
                )
                record, alone = _keep(trial, history, basis, made)
                if record is not None:
                    written.append(record)
                    bar.update()
                if not alone:
                    # Something else came in, which may decide the nights that wait: what is due is found out anew.
                    break
    return tuple(written)


def _keep(trial: Trial, history: History, basis: Basis, made: NightScore) -> tuple[Record | None, bool]:
    """Record a score, unless something came in meanwhile on which it would have been another.

    Returns
    -------
    record : Record or None
    alone : bool
        Whether nothing else was recorded since.
    """
    blob = trial.blobs.put(made.to_bytes())
    record: Record | None = None
    before = history.last
    with trial.ledger() as ledger:
        with ledger.writing():
            history.read(ledger.records(since=before + 1))
            if history.last == before or basis in due(trial.plan(history), history):
                record = ledger.append("score", basis.body(blob))
        history.read(ledger.records(since=history.last + 1))
    return record, record is not None and history.last == before + 1
