"""A full disk: what was recorded stays, what was not is told, and it goes on once there is room."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

from predpol_eval.errors import InputError
from predpol_eval.trial.ledger import Blobs, Ledger, export_head, verify_chain
from tests.trial.ledger.children import ROOT

pytestmark = pytest.mark.linux_only


@contextlib.contextmanager
def mounted(folder, options):
    """A small disk in memory."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a small disk here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        # Also where a failed test left a file open on it.
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(path):
    """Use up all room that is left."""
    with path.open("ab", buffering=0) as handle:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    handle.write(b"x" * size)


def test_a_full_disk_leaves_a_usable_ledger(tmp_path):
    with mounted(tmp_path / "disk", "size=900k") as disk:
        blobs = Blobs(disk / "blobs")
        (disk / "old").write_bytes(bytes(300_000))
        Ledger.create(disk / "ledger", "plan", {}).close()
        with Ledger.open(disk / "ledger") as ledger:
            acknowledged = [ledger.append("receipt", {"file": blobs.put(b"before")})]

            def until_full():
                while True:
                    acknowledged.append(ledger.append("receipt", {"padding": "x" * 9000}))

            with pytest.raises(InputError, match=r"full.*make room"):
                until_full()
            fill(disk / "filler")
            for _ in range(3):
                with pytest.raises(InputError, match=r"full.*make room"):
                    ledger.append("receipt", {"padding": "y" * 30_000})
                with pytest.raises(InputError, match=r"No space left.*make room"):
                    blobs.put(b"z" * 50_000)
                with pytest.raises(InputError, match=r"No space left.*make room"):
                    export_head(ledger, disk, "2018-07-01")
                with pytest.raises(InputError, match="make room"):
                    Ledger.create(disk / "other", "plan", {})
            # All that was acknowledged can be read, also by others, while it is full.
            assert list(ledger.records(since=2)) == acknowledged
            with Ledger.open(disk / "ledger", read_only=True) as reader:
                assert list(reader.records(since=2)) == acknowledged
            assert verify_chain(disk / "ledger", blobs) == []
            assert sorted(path.name for path in disk.iterdir()) == [
                "blobs", "filler", "ledger", "ledger-shm", "ledger-wal", "old",
            ]  # fmt: skip
            assert blobs.get(acknowledged[0].body["file"]) == b"before"
            (disk / "old").unlink()
            more = ledger.append("receipt", {"file": blobs.put(b"after")})
            assert more.number == acknowledged[-1].number + 1
            assert verify_chain(disk / "ledger", blobs) == []
        fill(disk / "filler")
        # Nobody has it open, so that there is not even room to open it: that is told, and nothing is damaged.
        with contextlib.suppress(InputError), Ledger.open(disk / "ledger") as ledger:
            ledger.append("receipt", {"padding": "y" * 30_000})
        (disk / "filler").unlink()
        assert verify_chain(disk / "ledger", blobs) == []
        with Ledger.open(disk / "ledger") as ledger:
            assert ledger.append("receipt", {}).number == more.number + 1


def test_a_ledger_on_a_disk_that_cannot_be_written_is_read(tmp_path):
    with mounted(tmp_path / "disk", "size=2m") as disk:
        blobs = Blobs(disk / "blobs")
        with Ledger.create(disk / "ledger", "plan", {"blob": blobs.put(b"plan")}) as ledger:
            record = ledger.append("note", {})
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(InputError, match=r"read-only\); open it with read_only=True"):
            Ledger.open(disk / "ledger")
        with Ledger.open(disk / "ledger", read_only=True) as reader:
            assert reader.head == record
        assert verify_chain(disk / "ledger", blobs) == []
        with pytest.raises(InputError, match="allow writing there"):
            blobs.put(b"more")
        # A log left by a kill: reading says what to do, verification looks at a copy.
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        with Ledger.open(disk / "ledger") as ledger:
            record = ledger.append("note", {})
            log = (disk / "ledger-wal").read_bytes()
        (disk / "ledger-wal").write_bytes(log)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert verify_chain(disk / "ledger", blobs) == []
        with pytest.raises(InputError, match="copy it with its -wal file"):
            Ledger.open(disk / "ledger", read_only=True)


LIMITED = """
import resource, sys
from pathlib import Path
from predpol_eval.errors import InputError
from predpol_eval.trial.ledger import Blobs, Ledger, verify_chain

folder = Path(sys.argv[1])
blobs = Blobs(folder / "blobs")
with Ledger.create(folder / "ledger", "plan", {}) as ledger:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    told, done = [], []
    for turn in range(60):
        try:
            done.append(ledger.append("receipt", {"turn": turn, "padding": "x" * 9000}))
        except InputError as error:
            told.append(str(error))
    assert 2 <= len(done) < 20, len(done)
    assert all("limit of file sizes" in one and "make room" in one for one in told), told
    try:
        blobs.put(b"x" * 200_000)
    except InputError as error:
        told.append(str(error))
    assert "cannot be kept" in told[-1], told[-1]
    assert list(ledger.records(since=2)) == done
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    done.append(ledger.append("receipt", {"file": blobs.put(b"x" * 200_000)}))
    assert list(ledger.records(since=2)) == done
assert verify_chain(folder / "ledger", blobs) == []
assert [path.name for path in (folder / "blobs" / "unfinished").iterdir()] == []
with Ledger.open(folder / "ledger") as ledger:
    assert len(ledger) == len(done) + 1
"""


def test_a_limit_of_file_sizes_leaves_a_usable_ledger(tmp_path):
    done = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
