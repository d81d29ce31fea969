"""The trial's office and its vendors, played by the clock of a rehearsal: each step done once, and known as done."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError
from predpol_eval.flagging import make_scene
from predpol_eval.trial.canonical import canonical_json, utc_text
from predpol_eval.trial.closing import close_night, keep_head
from predpol_eval.trial.data_exchange import release_night, take_snapshot
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.intake import judge, receive
from predpol_eval.trial.keys import SignatureRefused
from predpol_eval.trial.look_records import take_look
from predpol_eval.trial.outcomes.matching import numbered
from predpol_eval.trial.outcomes.scope import utc64
from predpol_eval.trial.rehearsal.extract import read_extract
from predpol_eval.trial.rehearsal.listed_file import FileForm, Listed, listed
from predpol_eval.trial.rehearsal.quick_files import write_quickly
from predpol_eval.trial.rehearsal.signing import Signer
from predpol_eval.trial.rehearsal.tonight import Tonight
from predpol_eval.trial.scoring.due import due
from predpol_eval.trial.scoring.nightly import score

if TYPE_CHECKING:
    from predpol_eval.events import Events
    from predpol_eval.trial.history import History
    from predpol_eval.trial.rehearsal.calendar_of_steps import Step
    from predpol_eval.trial.rehearsal.vendors import SyntheticVendor

EVENINGS, HEADS = "evenings", "heads"
# Everybody sends Parquet now and then; each such file is read by a process of its own, which takes a while.
PARQUET_EVERY = 28
RELEASED, TOLD = "released.csv", "released.json"


@dataclass
class SimulatedClock:
    """A clock that stands where it was set."""

    now: datetime

    def __call__(self) -> datetime:
        """The moment."""
        return self.now


class Office:
    """Does the steps of a rehearsal.

    Parameters
    ----------
    trial : Trial
        Locked, with the keys of all submitters registered; its clock is `clock`.
    clock : SimulatedClock
    events : Events
        All crimes, those of the future among them.
    vendors : mapping of str to SyntheticVendor
        By label, whoever hands in for the house among them.
    folder : path
        Of the rehearsal.
    secret : bytes
        Of the pseudonyms.
    seed : int
    """

    def __init__(
        self,
        trial: Trial,
        clock: SimulatedClock,
        events: Events,
        vendors: Mapping[str, SyntheticVendor],
        folder: Path,
        secret: bytes,
        seed: int,
    ) -> None:
        self.trial, self.clock, self.folder = trial, clock, folder
        self._events, self._vendors, self._secret, self._seed = events, vendors, secret, seed
        # Ids that are numbers of rows name nothing; then a crime is what is told of it.
        self._match: Any = "content" if numbered(events) else None
        self._scene = make_scene(trial.grid)
        self._signer = Signer(trial, folder)
        self._night = ""
        self._known: Events | None = None
        self._lists: dict[str, Listed] = {}
        self._do: dict[str, Callable[[Step], None]] = {
            "release": self._release,
            "hand in": self._hand_in,
            "close": self._close,
            "snapshot": self._snapshot,
            "score": self._score,
            "look": self._look,
        }

    def do(self, step: Step) -> None:
        """Do a step at its moment."""
        self.clock.now = step.at
        self._do[step.what](step)

    def done(self, steps: tuple[Step, ...]) -> list[bool]:
        """Say of every step whether it was done before, from the ledger and the files that are there."""
        history = self.trial.history()
        with self.trial.ledger(read_only=True) as ledger:
            released = {record.body["night"] for record in ledger.records("release")}
            refused = {(record.body["submitted"], record.body["signed"]) for record in ledger.records("refused")}
        taken = [body["taken_at"] for body in history.snapshots]
        return [self._is_done(step, history, released, refused, taken) for step in steps]

    def sent(self, steps: tuple[Step, ...]) -> dict[tuple[str, str, int], tuple[bytes, bytes | None]]:
        """What arrived in every attempt, by label, night and number: the file and its envelope."""
        return {
            (step.label, step.night, step.number): self._signer.sent(self._path(step), step.attempt.signing)
            for step in steps
            if step.attempt is not None
        }

    def _is_done(
        self, step: Step, history: History, released: set[str], refused: set[tuple[str, str | None]], taken: list[str]
    ) -> bool:
        if step.what == "release":
            return step.night in released and all(
                (self._evening(step.night) / name).exists() for name in (RELEASED, TOLD)
            )
        if step.what == "hand in":
            return self._signer.handed_in(self._path(step), history, refused)
        if step.what == "close":
            return step.night in history.closings and any((self.folder / HEADS).glob(f"head-{step.night}-*"))
        if step.what == "look":
            return step.number in [int(record.body["number"]) for record in history.looks]
        if utc_text(step.at) not in taken:
            return False
        # A later snapshot is only taken once all was scored on the one before.
        return step.what == "snapshot" or taken[-1] > utc_text(step.at) or not due(self.trial.plan(history), history)

    def _release(self, step: Step) -> None:
        made = release_night(self.trial, self._events, step.night, self._secret, match=self._match)
        place = self._evening(step.night)
        place.mkdir(parents=True, exist_ok=True)
        write_quickly(place / RELEASED, made.data)
        write_quickly(place / TOLD, canonical_json(dict(made.told)))

    def _hand_in(self, step: Step) -> None:
        attempt = step.attempt
        if attempt is None:  # pragma: no cover - every such step has one
            raise InputError(f"The step of {step.label} on {step.night} says nothing of what is handed in.")
        path = self._path(step)
        content = self._list(step)
        data = content.written(_form(path)) if attempt.spoil is None else attempt.spoil(content)
        envelope = self._signer.sign(path, data, step.label, step.night, attempt.signing, self.clock())
        try:
            receive(self.trial, *self._signer.as_sent(data, envelope, attempt.signing), path.name)
        except SignatureRefused:
            # It stands in the ledger; whether it should have been is found out at the end.
            return
        judge(self.trial)

    def _list(self, step: Step) -> Listed:
        """What a vendor would patrol tonight, made once an evening."""
        if step.night != self._night:
            place = self._evening(step.night)
            told = json.loads((place / TOLD).read_bytes())
            self._known = read_extract((place / RELEASED).read_bytes(), told)
            self._night, self._lists = step.night, {}
        if step.label not in self._lists:
            vendor, plan = self._vendors[step.label], self.trial.locked
            tonight = Tonight(
                plan=plan, grid=self.trial.grid, scene=self._scene, night=plan.night(step.night), known=self._known,
                truth=self._events if vendor.cheats else None, seed=self._seed, label=step.label,
            )  # fmt: skip
            risks = vendor.risks(tonight)
            self._lists[step.label] = listed(risks, plan, self.trial.grid, self._scene, step.night)
        return self._lists[step.label]

    def _close(self, step: Step) -> None:
        close_night(self.trial, step.night)
        heads = self.folder / HEADS
        heads.mkdir(exist_ok=True)
        keep_head(self.trial, heads, step.night)

    def _snapshot(self, step: Step) -> None:
        known = self._events.known_at(utc64(step.at, "The moment of a snapshot"))
        take_snapshot(self.trial, known, step.at)

    def _score(self, step: Step) -> None:
        score(self.trial)

    def _look(self, step: Step) -> None:
        take_look(self.trial, step.number)

    def _evening(self, night: str) -> Path:
        return self.folder / EVENINGS / night

    def _path(self, step: Step) -> Path:
        form: FileForm = "csv"
        turn = self.trial.locked.night(step.night).number + list(self._vendors).index(step.label)
        if step.attempt is not None and step.attempt.spoil is None and turn % PARQUET_EVERY == 0:
            form = "parquet"
        return self._evening(step.night) / f"{step.label}-{step.number}.{form}"


def _form(path: Path) -> FileForm:
    return "parquet" if path.suffix == ".parquet" else "csv"
