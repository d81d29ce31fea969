"""Commands that are killed at random moments and run again, and what has to come out.

By a clock that stands still, a trial is the same to the last bit whenever and however often its commands were killed:
so the hash of the last record, which stands for all of them, must be that of a trial whose commands ran undisturbed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from predpol_eval.trial.folder import Trial
from predpol_eval.trial.ledger import read_head, verify_chain
from predpol_eval.trial.outcomes.pseudonyms import make_secret
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.verifying import verify
from tests.trial.proofs.commands import Server
from tests.trial.proofs.small_trial import CRIMES, PART, PLAN, evenings, files_of
from tests.trial.proofs.tampering import records_of
from tests.trial.scoring.nights import MID, TIED, Nights, listed

FIRST_EVENING, FIRST_NIGHT = datetime(2018, 7, 1, 16, tzinfo=UTC), datetime(2018, 7, 1, 18, 30, tzinfo=UTC)
READ = [
    *("--format", "generic", "--read", "id=id", "--read", "kind=kind", "--read", "x=x", "--read", "y=y"),
    *("--read", "happened=happened", "--read", "recorded=recorded", "--read", "crs=EPSG:27700"),
    *("--read", "tz=Europe/London"),
]
Jobs = Callable[[Path], list[list[object]]]


@dataclass(frozen=True)
class Scene:
    """A trial at some moment, and the commands that are to be run on it; `jobs` is given the folder of a copy."""

    name: str
    folder: Path
    now: datetime
    jobs: Jobs


@dataclass(frozen=True)
class Killed:
    """What was seen of a command: kills, what was acknowledged and looked up, and how often it came to its end.

    `seconds` is how long it takes undisturbed.
    """

    name: str
    kills: int
    acknowledged: int
    ended: int
    seconds: float


def kill_again_and_again(scene: Scene, server: Server, scratch: Path, kills: int, seed: int) -> Killed:
    """Kill the commands of a scene so many times, each time at a random moment of what is left of them."""
    draw = np.random.default_rng([seed, *scene.name.encode()])
    undisturbed = _copy(scene, scratch / "undisturbed")
    ran = server.run(scene.jobs(undisturbed), scene.now)
    assert set(ran.codes) <= {0, 1}, ran.printed
    head = records_of(Trial(undisturbed))[-1].hash
    assert verify(Trial(undisturbed)) == []
    _whole(undisturbed, ran.printed)
    shutil.rmtree(undisturbed)
    done = acknowledged = ended = 0
    longest = ran.seconds
    while done < kills:
        place = _copy(scene, scratch / f"{scene.name}-{ended}")
        before: list[Any] = records_of(Trial(place))
        told = ""
        while True:
            ran = server.run(scene.jobs(place), scene.now, None if done == kills else float(draw.uniform(0, longest)))
            told += ran.printed
            # What was recorded before it was killed is refused a second time, where it is done once and for all.
            assert set(ran.codes) <= {0, 1} or before[-1].hash == head, ran.printed
            # Nothing that was there is another, nothing that was acknowledged is gone, and the whole can be made again.
            after = records_of(Trial(place))
            assert after[: len(before)] == before
            acknowledged += _whole(place, ran.printed)
            before = after
            if not ran.killed:
                break
            done += 1
            assert verify_chain(place / "ledger.sqlite3", Trial(place).blobs) == []
            assert verify(Trial(place)) == []
        assert records_of(Trial(place))[-1].hash == head
        assert verify(Trial(place), _heads(told)) == []
        ended += 1
        shutil.rmtree(place)
    return Killed(scene.name, done, acknowledged, ended, longest)


# What a command prints once it is done, and the kind of the record that is then there.
_TOLD = {"Amendment 1 of ": "amendment", "Head for vendors to keep: ": "closed", "At look 1, ": "look"}


def _copy(scene: Scene, place: Path) -> Path:
    shutil.copytree(scene.folder, place)
    return place


def _whole(place: Path, told: str) -> int:
    """Look up all that was acknowledged; how much it was."""
    records = {record.number: record for record in records_of(Trial(place))}
    trial = Trial(place)
    found = 0
    for number, digest, mark in re.findall(
        r"as record (\d+), at [^\n]*\nSHA-256 of the file: (\w+)\nHash of the record: (\w+)\n", told
    ):
        record = records[int(number)]
        assert (record.hash, record.body["file"]) == (mark, digest)
        assert trial.blobs.get(digest)
        found += 1
    for number, mark in re.findall(r"^scored (\d+) (\w+)\n", told, re.MULTILINE):
        assert records[int(number)].hash == mark
        found += 1
    for digest in re.findall(r"^SHA-256: (\w+)\n", told, re.MULTILINE):
        assert digest in {record.body["sha256"] for record in records.values() if record.kind == "release"}
        found += 1
    for digest in re.findall(r"^  SHA-256: (\w+)\n", told, re.MULTILINE):
        assert digest in {record.body["blob"] for record in records.values() if record.kind == "snapshot"}
        found += 1
    for words, kind in _TOLD.items():
        if re.search(f"^{words}[^\n]*\n", told, re.MULTILINE):
            assert kind in {record.kind for record in records.values()}
            found += 1
    heads = _heads(told)
    assert all(records[head.number].hash == head.hash for head in heads)
    return found


def _heads(told: str) -> list[Any]:
    paths = re.findall(r"^Head for vendors to keep: ([^\n]*)\n", told, re.MULTILINE)
    return [read_head(Path(path).read_bytes()) for path in paths if Path(path).is_file()]


# The trial at several moments ------------------------------------------------------------------------------

EVENING = ("submit", "release", "amend", "close")
AFTERWARDS = ("snapshot", "score", "look")


def evening_scenes(folder: Path) -> dict[str, Scene]:
    """The first evening: files that come in, an extract, an amendment, and the closing after the deadline."""
    begun = Nights(folder / "begun", PLAN)
    inbox = _inbox(folder)
    night = begun.names(1)[0]
    again = listed([*TIED[:-1], (MID, 0, 2.0)], night=night)
    files = [*files_of(0, night).items(), ("A", again), ("A", again), ("B", b"no table")]
    for number, (label, data) in enumerate(files):
        (inbox / f"{number}.csv").write_bytes(data)
        (inbox / f"{number}.csv.envelope").write_bytes(begun.envelope(label, data, night))
    handed = Nights(folder / "handed", PLAN)
    for label, data in files_of(0, night).items():
        handed.hand_in(label, data, night)
    extract = ["--secret", inbox / "secret", "--output", folder / "extract.csv", *_events(inbox, FIRST_EVENING)]
    amended = [inbox / "later.toml", "--reason", "all asked for it"]
    made = [
        _scene("submit", begun.trial.folder, FIRST_EVENING, files=[inbox / f"{number}.csv" for number in range(7)]),
        _scene("release", begun.trial.folder, FIRST_EVENING, night, *extract),
        _scene("amend", begun.trial.folder, FIRST_EVENING, *amended),
        _scene("close", handed.trial.folder, FIRST_NIGHT, night),
    ]
    return {one.name: one for one in made}


def later_scenes(folder: Path) -> dict[str, Scene]:
    """Weeks later: a snapshot, the scores of eight nights on it, and a look at those that have settled."""
    run = evenings(Nights(folder / "run", PLAN))
    inbox = _inbox(folder)
    unknown = shutil.copytree(run.trial.folder, folder / "unknown")
    run.keep(CRIMES, PART)
    unscored = shutil.copytree(run.trial.folder, folder / "unscored")
    score(run.trial)
    made = [
        _scene("snapshot", unknown, PART, "--taken-at", f"{PART:%Y-%m-%dT%H:%MZ}", *_events(inbox, PART)),
        _scene("score", unscored, PART, "--no-progress"),
        _scene("look", run.trial.folder, PART, "1"),
    ]
    return {one.name: one for one in made}


def _scene(name: str, place: Path, now: datetime, *words: object, files: Sequence[Path] = ()) -> Scene:
    """One command, or the same for each of some files."""
    more = [[path] for path in files] or [[]]
    return Scene(name, place, now, lambda copy: [["trial", name, copy, *words, *each] for each in more])


def _inbox(folder: Path) -> Path:
    inbox = folder / "inbox"
    inbox.mkdir()
    make_secret(inbox / "secret")
    (inbox / "later.toml").write_text('[nights]\ndeadline = "19:30"\n')
    return inbox


def _events(inbox: Path, moment: datetime) -> list[object]:
    path = inbox / f"crimes-{moment:%m%d}.csv"
    write_crimes(path, moment)
    return ["--events", path, *READ]


def write_crimes(path: Path, moment: datetime) -> None:
    """The police's export of a moment: what was recorded by then."""
    import pandas as pd

    from predpol_eval.trial.outcomes.scope import utc64

    known = CRIMES.known_at(utc64(moment, "moment"))
    table = pd.DataFrame({"id": known.id, "kind": np.array(known.kinds)[known.kind_code], "x": known.x, "y": known.y})
    for name, column in (("happened", known.happened), ("recorded", known.recorded)):
        times = pd.Series(pd.DatetimeIndex(column, tz="UTC").tz_convert("Europe/London"))
        table[name] = times.dt.strftime("%Y-%m-%dT%H:%M:%S%z")
    table.to_csv(path, index=False)
