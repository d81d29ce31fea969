"""A rehearsal: all nights of a trial on past crimes, with synthetic vendors, through the real ledger."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError
from predpol_eval.grid import check_events
from predpol_eval.resumable_folders import PARTIAL, locked, refuse_other, write_whole
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.folder import LEDGER, Trial, hand_out, lock
from predpol_eval.trial.plan import TrialPlan, read_plan
from predpol_eval.trial.rehearsal.calendar_of_steps import steps_of
from predpol_eval.trial.rehearsal.known_result import Rehearsal, told_of
from predpol_eval.trial.rehearsal.office import Office, SimulatedClock
from predpol_eval.trial.rehearsal.rehearsed_plan import refuse_unknown_nights, rehearsed_plan
from predpol_eval.trial.rehearsal.signing import make_keys, secret_of
from predpol_eval.trial.rehearsal.timings import TIMES, Stopwatch
from predpol_eval.trial.rehearsal.vendors import CountOfThreeWeeks, SyntheticVendor, by_seed, synthetic_vendor

if TYPE_CHECKING:
    from predpol_eval.events import Events
    from predpol_eval.trial.rehearsal.calendar_of_steps import Step

RECORD, TRIAL = "rehearsal.json", "trial"
SCHEMA = "predpol_eval.rehearsal/1"
_BEFORE = timedelta(days=1)


def rehearse(
    plan: str | Path | TrialPlan,
    events: Events,
    folder: str | Path,
    *,
    vendors: Mapping[str, SyntheticVendor | str] | None = None,
    seed: int | None = None,
    progress: bool = False,
    first: str | None = None,
    until: str | None = None,
) -> Rehearsal:
    """Run a whole trial on past crimes, with synthetic vendors of known quality.

    Nothing is left out or put in the place of something else: a plan is locked, keys are made and registered, crimes
    are released every night as of the cut, vendors forecast from what was released to them and sign their files, these
    are taken in, checked and closed, snapshots of recorded crime are kept every week, nights are scored, the looks are
    taken, and at the end everything is verified. Only the clock is simulated.

    Parameters
    ----------
    plan : path or TrialPlan
        The trial's own. Its vendors are replaced; each of its in-house maps is a count map of three weeks.
    events : Events
        Recorded crime, of all nights and as long before them as vendors may know.
    folder : path
        New, or that of a rehearsal with the same arguments, which goes on where it was. It holds private keys.
    vendors : mapping of str to SyntheticVendor or str, optional
        By label, a vendor or its kind: ``{"A": "leaked", "B": "strong", "C": "count-map"}``. Default: one of each kind
        in `VENDORS`, under labels A, B, ... that the seed deals out.
    seed : int, optional
        Default: that of the plan. The same seed gives the same files, scores and findings; keys and pseudonyms, and
        so the hashes in the ledger, are drawn anew.
    progress : bool
        Show a progress bar.
    first, until : str, optional
        First and last night, such as ``"2018-06-01"``; default: those of the plan.

    Returns
    -------
    Rehearsal

    Raises
    ------
    InputError
        If the crimes do not tell of the nights, the folder holds something else, or another run is writing to it.
    PlanLockedError
        If the folder was begun with other arguments; it says which.
    """
    check_events(events)
    own = plan if isinstance(plan, TrialPlan) else read_plan(plan)
    draws = own.seed if seed is None else _whole(seed)
    chosen = by_seed(draws) if vendors is None else {label: _vendor(given) for label, given in vendors.items()}
    rehearsed = rehearsed_plan(own, list(chosen), first=first, until=until)
    refuse_unknown_nights(rehearsed, events)
    place = Path(folder)
    everybody = chosen | {label: CountOfThreeWeeks() for label in rehearsed.in_house}
    with locked(place, RECORD, [RECORD + PARTIAL], "folder"):
        place.chmod(0o700)
        _hold_to(place, _record(rehearsed, events, everybody, draws))
        clock = SimulatedClock(rehearsed.nights[0].cut - _BEFORE)
        trial = _begin(rehearsed, place / TRIAL, clock)
        make_keys(trial, place)
        office = Office(trial, clock, events, everybody, place, secret_of(place), draws)
        steps = steps_of(rehearsed, everybody, draws)
        watch = Stopwatch(place / TIMES)
        for step in _shown(steps, office.done(steps), progress):
            with watch.over(step):
                office.do(step)
        clock.now = steps[-1].at
        return told_of(office, place, everybody, steps, draws, watch)


def _whole(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed={seed!r}; give a whole number from 0.")
    return seed


def _vendor(given: SyntheticVendor | str) -> SyntheticVendor:
    return synthetic_vendor(given) if isinstance(given, str) else given


def _record(plan: TrialPlan, events: Events, vendors: Mapping[str, SyntheticVendor], seed: int) -> dict[str, Any]:
    """All that decides a rehearsal."""
    return {
        "schema": SCHEMA,
        "plan": {table: dict(keys) for table, keys in plan.keys.items()} | {"sha256": plan.sha256},
        "versions": plan.versions,
        "crimes": {"number": len(events), "fingerprint": events.fingerprint},
        "vendors": {label: repr(vendor) for label, vendor in vendors.items()},
        "seed": seed,
    }


def _hold_to(place: Path, record: dict[str, Any]) -> None:
    """Write down what a folder is begun for, or refuse to go on with another."""
    path, content = place / RECORD, canonical_json(record)
    if not path.exists():
        write_whole(path, content)
        return
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"The record {RECORD} of the rehearsal cannot be read; begin in a new folder.") from error
    refuse_other(
        found, json.loads(content), f"The folder {place.name!r} holds a rehearsal that was begun otherwise",
        "Give the arguments that it was begun with, or another folder.",
    )  # fmt: skip


def _begin(plan: TrialPlan, place: Path, clock: SimulatedClock) -> Trial:
    """Lock the plan, or open the trial that was locked."""
    if (place / LEDGER).is_file():
        trial = Trial(place, clock)
        hand_out(trial)
        return trial
    # A run that was killed while it locked the plan left a folder without a ledger; it is the rehearsal's own.
    if place.exists():
        shutil.rmtree(place)
    return lock(plan, place, clock=clock)


def _shown(steps: tuple[Step, ...], done: list[bool], progress: bool) -> Iterator[Step]:
    """Steps still to be done, with a bar that counts those done before, too."""
    with warnings.catch_warnings():
        # In a notebook without ipywidgets it falls back to text, and says so with a warning.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm

    bar = tqdm(total=len(steps), initial=sum(done), unit="step", desc="rehearse", disable=None if progress else True)
    with bar:
        for step, was in zip(steps, done, strict=True):
            if not was:
                yield step
                bar.update()
