"""The folder of a trial: its plan, its ledger and the bytes that the ledger speaks of."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from predpol_eval.errors import InputError, PlanLockedError
from predpol_eval.resumable_folders import write_whole
from predpol_eval.trial.history import History
from predpol_eval.trial.ledger import Blobs, Ledger
from predpol_eval.trial.ledger.clock import utc_now
from predpol_eval.trial.plan import Amendment, TrialPlan, apply, load_plan, read_plan
from predpol_eval.trial.plan.study_area import MOST_BYTES, read_bytes

if TYPE_CHECKING:
    from predpol_eval.grid import Grid

MOST_PLAN = 10_000_000
LEDGER, BLOBS, HANDED_OUT, LOCKED = "ledger.sqlite3", "blobs", "for-vendors", "plan.json"


@dataclass
class Trial:
    """A trial in its folder; begin one with `lock`, or open it with `Trial(folder)`.

    Parameters
    ----------
    folder : path
    clock : callable
        Gives the moment, with a time zone.

    Raises
    ------
    InputError
        If the folder holds no trial.
    PlanLockedError
        If its plan is not the one that was locked.
    """

    folder: Path
    clock: Callable[[], datetime] = utc_now
    blobs: Blobs = field(init=False, repr=False)
    # What was read last, and the hash of the last record of it: that of a whole chain.
    _known: tuple[History, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.folder = Path(self.folder)
        if not (self.folder / LEDGER).is_file():
            raise InputError(
                f"{str(self.folder)!r} holds no trial: there is no {LEDGER}. Give the folder in which the plan was "
                "locked, or lock one with `predpol-eval trial lock`."
            )
        self.blobs = Blobs(self.folder / BLOBS)
        self._known = History(), ""

    @contextlib.contextmanager
    def ledger(self, *, read_only: bool = False) -> Iterator[Ledger]:
        """Open the ledger for a while; every process, and every thread, for itself."""
        with Ledger.open(self.folder / LEDGER, read_only, clock=self.clock) as opened:
            yield opened

    def history(self) -> History:
        """All that the records say so far; of a ledger that has grown only what is new is read."""
        before, mark = self._known
        with self.ledger(read_only=True) as ledger:
            same = 0 < before.last <= len(ledger) and ledger.record(before.last).hash == mark
            found = before.copy() if same else History()
            found.read(ledger.records(since=found.last + 1))
            self._known = found.copy(), ledger.record(found.last).hash
        return found

    @cached_property
    def locked(self) -> TrialPlan:
        """The plan as it was locked, held to its hash."""
        with self.ledger(read_only=True) as ledger:
            first = ledger.record(1)
        if first.kind != "plan":
            raise PlanLockedError(f"The ledger begins with a record of kind {first.kind!r}; expected is the plan.")
        return load_plan(
            self.blobs.get(first.body["blob"]), self.blobs.get(first.body["blobs"][0]), sha256=first.body["sha256"]
        )

    @cached_property
    def grid(self) -> Grid:
        """The boxes of the plan; no amendment changes them."""
        return self.locked.make_grid()

    def plan(self, history: History, amendments: int | None = None) -> TrialPlan:
        """The plan in force after so many amendments, by default all that there are."""
        names = history.amendments[:amendments]
        if not names:
            return self.locked
        made = [Amendment.from_bytes(self.blobs.get(name)) for name in names]
        return apply(self.locked.canonical, made, areas=self.locked.areas_bytes, sha256=self.locked.sha256)


def lock(plan: str | Path | TrialPlan, folder: str | Path, *, clock: Callable[[], datetime] = utc_now) -> Trial:
    """Lock a plan: from here on it is changed by dated amendments only.

    Parameters
    ----------
    plan : path or TrialPlan
        ``plan.toml``.
    folder : path
        Where the trial is kept; new or empty.
    clock : callable

    Returns
    -------
    Trial

    Raises
    ------
    InputError
        If the plan cannot be used, the first night's cut has passed, or the folder holds something.
    """
    read = plan if isinstance(plan, TrialPlan) else read_plan(plan)
    place = Path(folder)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        held = "a trial" if (place / LEDGER).exists() else "other things" if place.is_dir() else "a file"
        raise InputError(f"{str(place)!r} holds {held}; give a new or empty folder for the trial.")
    now, first = clock(), read.nights[0]
    if now >= first.cut:
        raise InputError(
            f"The cut of the first night, {first.name}, was at {first.cut.isoformat()}, and it is {now.isoformat()}: a "
            "plan is locked before its trial begins. Let it begin later."
        )
    place.mkdir(parents=True, exist_ok=True)
    # Predictions are nobody else's business before the night.
    place.chmod(0o700)
    blobs = Blobs(place / BLOBS)
    # Before the ledger that names them: a crash in between leaves a folder without a trial.
    content, areas = blobs.put(read.canonical), blobs.put(read.areas_bytes)
    body = {"sha256": read.sha256, "blob": content, "blobs": [areas], "name": read.name, "versions": read.versions}
    with Ledger.create(place / LEDGER, "plan", body, clock=clock):
        begun = Trial(place, clock)
    hand_out(begun)
    return begun


def hand_out(trial: Trial) -> Path:
    """Write the locked plan, its areas and its amendments into a folder for vendors; it can be made again at any time.

    Returns
    -------
    path
        ``plan.json``, which `read_handed_out` reads, with ``plan.amendment-1.json`` and so on beside it. The plan's
        hash is of the bytes of the former, so that it is the same with whatever versions vendors have.
    """
    place = trial.folder / HANDED_OUT
    place.mkdir(exist_ok=True)
    write_whole(place / Path(trial.locked.areas_file).name, trial.locked.areas_bytes)
    for number, name in enumerate(trial.history().amendments, 1):
        write_whole(_amendment_file(place / LOCKED, number), trial.blobs.get(name))
    write_whole(place / LOCKED, trial.locked.canonical)
    return place / LOCKED


def _amendment_file(plan: Path, number: int | str) -> Path:
    return plan.with_name(f"{plan.stem}.amendment-{number}.json")


def read_handed_out(path: str | Path) -> TrialPlan:
    """Read a plan as vendors have it: ``plan.json`` with its file of areas beside it; or ``plan.toml``, not yet locked.

    Amendments that lie beside it (``plan.amendment-1.json`` and so on) are applied; what is signed names the hash of
    the plan as it was locked, ``locked.sha256`` of what is given back.

    Raises
    ------
    InputError
        If it cannot be read, or the file of areas or an amendment before another is missing.
    PlanLockedError
        If the areas are other ones, or an amendment is of another plan.
    """
    place = Path(path)
    if place.suffix.lower() != ".json":
        return read_plan(place)
    content = read_bytes(place, "plan", MOST_PLAN)
    try:
        name = json.loads(content)["keys"]["place"]["areas"]
        beside = place.parent / Path(str(name)).name
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise InputError(
            f"{place.name} is no plan that was locked ({type(error).__name__}: {error}); give the plan.json that "
            "you were given, unchanged."
        ) from error
    areas = read_bytes(beside, "file of areas", MOST_BYTES)
    files = [_amendment_file(place, number + 1) for number in range(_amendments_beside(place))]
    made = [Amendment.from_bytes(read_bytes(file, "amendment", MOST_PLAN)) for file in files]
    return apply(content, made, areas=areas)


def _amendments_beside(plan: Path) -> int:
    """The greatest number of an amendment beside a plan; one before it that is missing is told when it is read."""
    ends = (
        found.name.removesuffix(".json").rpartition("-")[2]
        for found in plan.parent.glob(_amendment_file(plan, "*").name)
    )
    return max((int(end) for end in ends if end.isascii() and end.isdigit() and len(end) < 5), default=0)
