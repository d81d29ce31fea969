"""Eight processes write at once: no record is lost, none comes twice, and the chain holds."""

from __future__ import annotations

import sqlite3

from predpol_eval.trial.ledger import Blobs, Ledger, read_head, verify_chain
from tests.trial.ledger.children import go, said, start


def test_eight_processes_add_at_once(tmp_path, full_run):
    turns = 126 if full_run else 12
    tmp_path.joinpath("heads").mkdir()
    Ledger.create(tmp_path / "ledger", "plan", {}).close()
    # Some keep it open, some open it anew each time, so that the last one out often closes it behind the others.
    children = [
        start(tmp_path / "ledger", f"writer {number}", turns, *(["reopen"] if number % 2 else []))
        for number in range(8)
    ]
    for child in children:
        go(child)
    lines = []
    for child in children:
        lines += said(child)
        assert child.returncode == 0, child.errors
    acknowledged = [line for line in lines if "number" in line]
    # One record in a third of the turns, two in another.
    assert len(acknowledged) == 8 * turns
    assert sorted(line["number"] for line in acknowledged) == list(range(2, 8 * turns + 2))
    with Ledger.open(tmp_path / "ledger") as ledger:
        records = {record.number: record for record in ledger.records()}
        assert len(records) == len(ledger) == 8 * turns + 1
    for line in acknowledged:
        assert records[line["number"]].hash == line["hash"]
    for record in records.values():
        if record.kind == "its other":
            assert record.body == {"pair": record.number - 1}
            assert records[record.number - 1].kind == "pair"
    done = {(record.body["label"], record.body["turn"]) for record in records.values() if "turn" in record.body}
    assert done == {(f"writer {number}", turn) for number in range(8) for turn in range(turns) if turn % 3 < 2}
    heads = [read_head(path.read_bytes()) for path in tmp_path.joinpath("heads").iterdir()]
    assert len(heads) >= turns // 3
    assert verify_chain(tmp_path / "ledger", Blobs(tmp_path / "blobs"), heads) == []
    assert list(tmp_path.joinpath("blobs", "unfinished").iterdir()) == []


def test_a_reader_of_another_kind_does_not_stop_writers(tmp_path):
    with Ledger.create(tmp_path / "ledger", "plan", {}) as ledger:
        reader = sqlite3.connect(tmp_path / "ledger", isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM record").fetchone() == (1,)
        ledger.append("note", {})
        assert reader.execute("SELECT count(*) FROM record").fetchone() == (1,)
        reader.close()
        assert len(ledger) == 2
