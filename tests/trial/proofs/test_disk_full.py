"""The disk of a whole trial is full: commands stop and say so, nothing is half done, and it goes on afterwards."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from predpol_eval.errors import InputError
from predpol_eval.trial.administration import amend_plan
from predpol_eval.trial.closing import close_night, keep_head
from predpol_eval.trial.data_exchange import take_snapshot
from predpol_eval.trial.folder import LEDGER, Trial
from predpol_eval.trial.intake import judge, receive
from predpol_eval.trial.ledger import verify_chain
from predpol_eval.trial.look_records import take_look
from predpol_eval.trial.outcomes.scope import utc64
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.verifying import verify
from tests.trial.ledger.test_disk_full import fill, mounted
from tests.trial.proofs.commands import ROOT
from tests.trial.proofs.small_trial import CRIMES, PART, PLAN, evenings, files_of, heads_in
from tests.trial.proofs.tampering import records_of
from tests.trial.scoring.nights import Nights

pytestmark = pytest.mark.linux_only
TOLD = r"(?i)make room|disk is full|No space left"


def stops(work, trial):
    """Something that is done on a full disk says that it is full, and changes no record; all can still be read."""
    before = records_of(trial)
    with pytest.raises(InputError, match=TOLD):
        work()
    assert records_of(trial) == before
    assert verify_chain(trial.folder / LEDGER, trial.blobs) == []


@contextlib.contextmanager
def full(disk):
    """No room is left, not for a byte, until the block ends."""
    fill(disk / "filler")
    try:
        yield
    finally:
        (disk / "filler").unlink()


def moved_to(disk, nights):
    """The trial, on that disk."""
    shutil.copytree(nights.trial.folder, disk / "trial")
    nights.trial = Trial(disk / "trial", nights.clock)
    return nights.trial


def test_an_evening_on_a_full_disk(tmp_path):
    nights = Nights(tmp_path / "begun", PLAN)
    with mounted(tmp_path / "disk", "size=4m") as disk:
        trial = moved_to(disk, nights)
        (name, *_) = nights.names(1)
        sent = {label: (data, nights.envelope(label, data, name)) for label, data in files_of(0, name).items()}
        first, *others = sent
        taken = receive(trial, *sent[first], "first.csv")
        with full(disk):
            for label in others:
                stops(lambda label=label: receive(trial, *sent[label]), trial)
            stops(lambda: judge(trial), trial)
            stops(lambda: amend_plan(trial, {"nights": {"deadline": "19:30"}}, "all asked for it"), trial)
        for label in others:
            assert not receive(trial, *sent[label], f"{label}.csv").again
        # What was acknowledged before is what it was.
        assert receive(trial, *sent[first]).receipt == taken.receipt
        nights.clock.set(1, 18, 30)
        (disk / "heads").mkdir()
        with full(disk):
            stops(lambda: close_night(trial, name), trial)
            stops(lambda: keep_head(trial, disk / "heads", name), trial)
            assert list((disk / "heads").iterdir()) == []
        assert set(close_night(trial, name).standing) == set(sent)
        keep_head(trial, disk / "heads", name)
        assert verify(trial, heads_in(disk / "heads")) == []
        assert not list((trial.folder / "blobs" / "unfinished").iterdir())


@pytest.mark.slow
def test_weeks_later_on_a_full_disk(tmp_path):
    nights = evenings(Nights(tmp_path / "run", PLAN))
    known, nights.clock.now = CRIMES.known_at(utc64(PART, "at")), PART
    alone = Trial(shutil.copytree(nights.trial.folder, tmp_path / "alone"), nights.clock)
    take_snapshot(alone, known, PART)
    score(alone)
    take_look(alone, 1)
    with mounted(tmp_path / "disk", "size=6m") as disk:
        trial = moved_to(disk, nights)
        with full(disk):
            stops(lambda: take_snapshot(trial, known, PART), trial)
        take_snapshot(trial, known, PART)
        with full(disk):
            stops(lambda: score(trial), trial)
        # In the midst of it: some nights are scored, the next one finds no room.
        before = records_of(trial)
        with nearly_full(disk, 76_000), pytest.raises(InputError, match=TOLD):
            score(trial)
        assert len(before) < len(records_of(trial)) < len(before) + 8
        score(trial)
        with full(disk):
            stops(lambda: take_look(trial, 1), trial)
        take_look(trial, 1)
        # The same as where there was always room, to the last hash.
        assert records_of(trial)[-1].hash == records_of(alone)[-1].hash
        assert verify(trial) == []


@contextlib.contextmanager
def nearly_full(disk, left):
    """Only so many bytes are left."""
    (disk / "kept free").write_bytes(bytes(left))
    fill(disk / "filler")
    (disk / "kept free").unlink()
    try:
        yield
    finally:
        (disk / "filler").unlink()


def test_no_room_for_passing_files_either(tmp_path, monkeypatch):
    """Where the folder for passing files is full too, a file is held: nothing is held against its submitter."""
    nights = Nights(tmp_path / "begun", PLAN)
    (name, *_) = nights.names(1)
    data = nights.file(name, form="parquet")
    nights.hand_in("A", data, name)
    with mounted(tmp_path / "disk", "size=1m") as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        with full(disk):
            (verdict,) = judge(nights.trial)
        assert verdict.nights == {name: "held"}
        assert verify(nights.trial) == []


LIMITED = """
import resource, sys
from pathlib import Path
from predpol_eval.errors import InputError
from predpol_eval.trial.closing import close_night, keep_head
from predpol_eval.trial.intake import judge, receive
from predpol_eval.trial.verifying import verify
from tests.trial.proofs.small_trial import PLAN, files_of
from tests.trial.proofs.tampering import records_of
from tests.trial.scoring.nights import Nights

folder = Path(sys.argv[1])
nights = Nights(folder / "begun", PLAN)
trial, (name, *_) = nights.trial, nights.names(1)
sent = {label: (data, nights.envelope(label, data, name)) for label, data in files_of(0, name).items()}
before, told = records_of(trial), []
endless = resource.RLIM_INFINITY


def stops(work):
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, endless))
    try:
        work()
    except InputError as error:
        told.append(str(error))
    resource.setrlimit(resource.RLIMIT_FSIZE, (endless, endless))


for label in sent:
    stops(lambda: receive(trial, *sent[label]))
assert records_of(trial) == before
for label in sent:
    receive(trial, *sent[label])
stops(lambda: judge(trial))
judge(trial)
nights.clock.set(1, 18, 30)
stops(lambda: close_night(trial, name))
assert set(close_night(trial, name).standing) == set(sent)
stops(lambda: keep_head(trial, folder, name))
keep_head(trial, folder, name)
assert len(told) == len(sent) + 3, told
assert all("make room" in one for one in told), told
assert verify(trial) == []
"""


def test_a_limit_of_file_sizes_stops_every_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not list(Path(tmp_path).rglob("*.partial"))
