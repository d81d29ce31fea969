"""Killed at any moment, a writer loses nothing that it was told is kept."""

from __future__ import annotations

import os
import shutil
import signal
import time

import numpy as np
import pytest

from predpol_eval.trial.ledger import Blobs, Ledger, read_head, verify_chain
from tests.trial.ledger.children import first_line, go, said, start

pytestmark = pytest.mark.linux_only


def whole(folder, acknowledged, name="ledger"):
    """Nothing acknowledged is lost, and nothing half done is there."""
    heads = [read_head((folder / "heads" / line["head"]).read_bytes()) for line in acknowledged if "head" in line]
    assert verify_chain(folder / name, Blobs(folder / "blobs"), heads) == []
    with Ledger.open(folder / name, read_only=True) as ledger:
        records = {record.number: record for record in ledger.records()}
    for line in acknowledged:
        if "number" in line:
            record = records[line["number"]]
            assert record.hash == line["hash"]
            if record.kind == "receipt":
                assert Blobs(folder / "blobs").get(record.body["file"]) == f"{line['name']} {line['turn']}".encode()
    for record in records.values():
        if record.kind == "pair":
            assert records[record.number + 1].body == {"pair": record.number}
    return len(records)


def kill_loop(folder, kills, writers, seed):
    """Kill a child, or one of several, again and again on the same ledger; how many lines were acknowledged."""
    rng = np.random.default_rng(seed)
    folder.joinpath("heads").mkdir()
    Ledger.create(folder / "ledger", "plan", {}).close()
    acknowledged, before = [], 1
    for number in range(kills):
        children = [start(folder / "ledger", f"{number}.{each}", 0) for each in range(writers)]
        for child in children:
            go(child)
        if number % 4:
            # Else it is killed while it opens the ledger.
            for child in children:
                first_line(child)
        time.sleep(rng.exponential(0.02))
        for child in children:
            child.send_signal(signal.SIGKILL)
        for child in children:
            acknowledged += said(child)
            assert child.returncode == -signal.SIGKILL, child.errors
        records = whole(folder, acknowledged)
        assert records >= before
        before = records
    # What is left is a ledger like any other.
    with Ledger.open(folder / "ledger") as ledger:
        assert ledger.append("note", {}).number == before + 1
    return acknowledged


def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path):
    acknowledged = kill_loop(tmp_path, kills=8, writers=1, seed=1)
    assert sum("number" in line for line in acknowledged) > 8
    assert any("head" in line for line in acknowledged)


def test_nor_by_a_kill_of_several_at_once(tmp_path):
    acknowledged = kill_loop(tmp_path, kills=2, writers=3, seed=2)
    assert len({line["name"].split(".")[1] for line in acknowledged if "name" in line}) > 1


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_200_kills(tmp_path):
    folders = [tmp_path / name for name in ("one", "several")]
    for folder, kills, writers in zip(folders, (160, 40), (1, 4), strict=True):
        folder.mkdir()
        acknowledged = kill_loop(folder, kills, writers, seed=3)
        assert sum("number" in line for line in acknowledged) > kills


def test_a_log_that_a_kill_left_belongs_to_the_ledger(tmp_path):
    tmp_path.joinpath("heads").mkdir()
    Ledger.create(tmp_path / "ledger", "plan", {}).close()
    child = start(tmp_path / "ledger", "one", 0)
    go(child)
    first_line(child)
    time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    acknowledged = said(child)
    assert (tmp_path / "ledger-wal").stat().st_size > 0
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "blobs", copy / "blobs")
    shutil.copytree(tmp_path / "heads", copy / "heads")
    for name in ("ledger", "ledger-wal"):
        shutil.copyfile(tmp_path / name, copy / name)
    records = whole(tmp_path, acknowledged)
    assert whole(copy, acknowledged) == records
    # A log that lies beside the wrong name, or not at all, is a ledger that ends earlier: a head tells.
    (copy / "ledger-wal").unlink()
    (copy / "ledger-shm").unlink()
    heads = [read_head((copy / "heads" / line["head"]).read_bytes()) for line in acknowledged if "head" in line]
    found = verify_chain(copy / "ledger", Blobs(copy / "blobs"), heads)
    assert [one.what for one in found] == ["head of 2018-07-01"] * len(heads)


def test_a_ledger_is_begun_whole_or_not_at_all(tmp_path, full_run):
    rng = np.random.default_rng(4)
    begun = 0
    for number in range(30 if full_run else 4):
        folder = tmp_path / str(number)
        folder.mkdir()
        child = start(folder / "ledger", "begin")
        if number % 2:
            first_line(child)
        time.sleep(rng.uniform(0, 0.06))
        child.send_signal(signal.SIGKILL)
        acknowledged = {line["begun"] for line in said(child)}
        there = {path.name for path in folder.iterdir() if ".partial" not in path.name}
        assert acknowledged <= {name for name in there if not name.endswith(("-wal", "-shm"))}
        for name in there:
            if not name.endswith(("-wal", "-shm")):
                assert verify_chain(folder / name, None) == []
                with Ledger.open(folder / name) as ledger:
                    assert ledger.record(1).kind == "plan"
        # What was left half done is in nobody's way.
        left = [path for path in folder.iterdir() if ".partial" in path.name]
        for path in left:
            os.utime(path, (0, 0))
        Ledger.create(folder / "ledger-again", "plan", {}).close()
        begun += len(there)
    assert begun > 0
