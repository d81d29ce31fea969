"""Whatever is edited, removed or swapped after it was recorded, `verify` names it: the record and the field."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from predpol_eval.cli.app import app
from predpol_eval.trial.ledger.records import named_blobs
from predpol_eval.trial.verifying import verify
from tests.trial.proofs.edits import ONLY_HEADS, QUICK, SLOW, ended_trial
from tests.trial.proofs.tampering import copy_of, edited, parts_of, spoil_blob, write_anew


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    return ended_trial(tmp_path_factory.mktemp("ended"))


def test_a_trial_that_nobody_touched_is_whole(ended):
    assert verify(ended.trial, ended.heads) == []
    # A record of every kind is there, so that there is something to spoil.
    assert {record.kind for record in ended.records} == {
        "plan", "key", "key revoked", "names sealed", "amendment", "release", "receipt", "refused", "verdict",
        "missing", "closed", "void", "snapshot", "score", "look",
    }  # fmt: skip
    verdicts = [record for record in ended.records if record.kind == "verdict"]
    outcomes = {word for record in verdicts for word in record.body["nights"].values()}
    assert outcomes == {"accepted", "identical", "supersedes", "late", "rejected"}


def named(ended, place, spoil) -> None:
    done = spoil(ended, place)
    found = verify(done.trial, done.heads)
    assert found
    assert found[0].record == done.record, str(found[0])
    assert done.field in ("", found[0].what), str(found[0])
    if done.heads:
        # Without it nobody can tell.
        assert verify(done.trial) == []


@pytest.mark.parametrize("what", QUICK)
def test_what_was_done_is_named(ended, tmp_path, what):
    named(ended, tmp_path / "copy", QUICK[what])


@pytest.mark.slow
@pytest.mark.parametrize("what", SLOW)
def test_whatever_was_done_is_named(ended, tmp_path, what):
    named(ended, tmp_path / "copy", SLOW[what])


def test_the_command_prints_the_first_difference_and_ends_with_1(ended, tmp_path):
    folder = str(ended.trial.folder)
    kept = [part for path in sorted(ended.kept.iterdir()) for part in ("--head", str(path))]
    done = CliRunner().invoke(app, ["trial", "verify", folder, *kept])
    assert (done.exit_code, done.stdout[:29]) == (0, "All is as it was recorded: ch"), done.output
    spoiled = QUICK["the tail is cut off"](ended, tmp_path / "copy")
    done = CliRunner().invoke(app, ["trial", "verify", str(spoiled.trial.folder), *kept])
    assert done.exit_code == 1
    first, *others = done.stdout.splitlines()
    assert first.startswith(f"Record {spoiled.record}, {spoiled.field}: found no such record")
    assert others == []


@pytest.mark.parametrize("how", ["flipped", "removed", "swapped"])
def test_every_kind_of_blob(ended, tmp_path, how):
    copy, done = copy_of(ended.trial, tmp_path / "copy"), set()
    for record in ended.records:
        for key, name in named_blobs(record.body):
            if (record.kind, key) in done:
                continue
            done.add((record.kind, key))
            path = copy.blobs.path(name)
            content = path.read_bytes()
            flipped = bytearray(content)
            flipped[len(content) // 2] ^= 1
            spoil_blob(copy, name, {"flipped": bytes(flipped), "removed": None, "swapped": b"of another record"}[how])
            found = verify(copy)[0]
            first = next(one.number for one in ended.records if name in [blob for _, blob in named_blobs(one.body)])
            assert (found.record, found.what) == (first, key), (record.kind, key)
            assert name in str(found)
            path.unlink(missing_ok=True)
            path.write_bytes(content)
    assert len(done) >= 9


def others(value, blob):
    """What somebody might put in the place of a part of a record."""
    if isinstance(value, bool):
        return [not value, None]
    if isinstance(value, int):
        return [value + 1, -1, 10**30, "1"]
    if isinstance(value, str):
        return [blob, "0" * 64] if len(value) == 64 else [value + "x", "", 7]
    return ["x", 5]


@pytest.mark.slow
def test_every_part_of_every_kind_of_record(ended, tmp_path):
    """The chain written anew with one part changed: named, but for what only a head can tell; and never a crash."""
    blob = ended.trial.blobs.put(b"{}")
    last = {record.kind: record for record in ended.records}
    unseen = set()
    for record in last.values():
        for path, value in parts_of(record.body):
            for number, other in enumerate(others(value, blob)):
                place = tmp_path / f"{record.number}-{'-'.join(map(str, path))[:80].replace('/', '')}-{number}"
                if not verify(write_anew(ended.trial, place, edited(record.number, path, other))):
                    unseen.add((record.kind, path[-1] if path[0] == "snapshot" else path[0]))
    assert unseen <= ONLY_HEADS, unseen - ONLY_HEADS
