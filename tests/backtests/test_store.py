"""The store: what it refuses, and that nothing is left half-written."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import predpol_eval as ppe
from predpol_eval import resumable_folders
from predpol_eval.backtests import store as store_module
from predpol_eval.backtests.job import make_job
from tests.backtests import cities
from tests.backtests.same import assert_same_bits

CITY = cities.city(cities.raw(31), start="2018-03-01", end="2018-03-15")
FORECASTERS = {"map": ppe.CountMap(), "floor": ppe.Uniform()}


def run(store, forecasters=FORECASTERS, city=CITY, **options):
    options = {"budgets": cities.BUDGETS, "kinds": ["theft", "robbery"], "progress": False, **options}
    return ppe.backtest(forecasters, city.events, city.grid, city.schedule, store=store, **options)


def files(folder):
    """Every file with its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def whole():
    """The tally without a store."""
    return run(None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store that holds all blocks."""
    folder = tmp_path_factory.mktemp("made") / "store"
    run(folder)
    return folder


@pytest.fixture
def full(made, tmp_path):
    """A copy of it that may be spoilt."""
    return Path(shutil.copytree(made, tmp_path / "store"))


def test_a_full_store_is_read_back_and_not_written(full, whole, caplog, monkeypatch):
    before = files(full)
    assert len(before) == 2 * 2 * 2 + 2
    monkeypatch.setattr("predpol_eval.backtests.workers.run_blocks", None)
    with caplog.at_level(logging.INFO, logger="predpol_eval"):
        assert_same_bits(run(full), whole)
    assert [record.getMessage() for record in caplog.records] == [f"store {full}: 8 of 8 blocks reused"]
    assert files(full) == before


def test_two_stores_of_the_same_job_have_the_same_bytes(full, tmp_path):
    run(tmp_path / "deep" / "er" / "store", n_jobs=2)
    assert files(tmp_path / "deep" / "er" / "store") == files(full)


# Another job ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mine:
    """A forecaster that tells its configuration by its fields."""

    weeks: int = 3

    def fit(self, events, grid, *, until):
        return ppe.CountMap(lookback=f"{7 * self.weeks}D").fit(events, grid, until=until)


def other_crimes():
    frame = CITY.frame.copy()
    frame.loc[7, "x"] += 0.001
    return cities.city(frame, start="2018-03-01", end="2018-03-15")


OTHERS = {
    "crimes": ({"city": other_crimes()}, "data > crimes > (robbery|theft)"),
    "grid": (
        {"city": replace(CITY, grid=ppe.Grid.from_areas(CITY.grid.areas(), cell=125, label="label"))},
        "data > grid",
    ),
    "field": ({"forecasters": {**FORECASTERS, "map": ppe.CountMap(lookback="28D")}}, "forecasters > map > is.*28D"),
    "class": ({"forecasters": {**FORECASTERS, "map": Mine()}}, "forecasters > map > identity"),
    "name": ({"forecasters": {"other": ppe.CountMap(), "floor": ppe.Uniform()}}, "forecasters > other"),
    "one more": ({"forecasters": {**FORECASTERS, "kde": ppe.KDE()}}, "forecasters > kde.*the store has nothing"),
    "order of forecasters": ({"forecasters": dict(reversed(FORECASTERS.items()))}, "order > forecasters"),
    "order of kinds": ({"kinds": ["robbery", "theft"]}, "order > kinds"),
    "kinds": ({"kinds": ["theft"]}, "crimes > robbery.*this run nothing"),
    "nights": (
        {"city": replace(CITY, schedule=replace(CITY.schedule, end="2018-03-16"))},
        "configuration > nights: the store has 14, this run 15",
    ),
    "lead": ({"city": replace(CITY, schedule=replace(CITY.schedule, lead="3h"))}, "configuration > windows"),
    "budgets": ({"budgets": cities.BUDGETS[:2]}, "configuration > budgets"),
    "curve": ({"curve": [0.5]}, r"configuration > curve: the store has \[\]"),
    "method": ({"method": "start"}, "configuration > method: the store has aoristic, this run start"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_job_is_refused_and_the_difference_is_named(full, what):
    options, named = OTHERS[what]
    before = files(full)
    with pytest.raises(ppe.PlanLockedError, match="was begun for another backtest") as refusal:
        run(full, **options)
    assert re.search(named, str(refusal.value)), refusal.value
    assert "Give another folder" in str(refusal.value)
    assert files(full) == before


def test_another_version_is_refused_and_named(full, monkeypatch):
    before = files(full)
    monkeypatch.setattr(ppe, "__version__", "0.0.9")
    with pytest.raises(ppe.PlanLockedError, match=r"library > predpol_eval: the store has .*, this run 0\.0\.9"):
        run(full)
    monkeypatch.undo()
    monkeypatch.setattr(np, "__version__", "1.0")
    with pytest.raises(ppe.PlanLockedError, match=r"library > numpy"):
        run(full)
    assert files(full) == before


def test_another_version_of_the_store_itself_is_refused(full):
    manifest = full / "manifest.json"
    record = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**record, "schema": "predpol_eval.store/0"}))
    with pytest.raises(ppe.PlanLockedError, match=r"schema: the store has predpol_eval\.store/0"):
        run(full)


# Folders that cannot be used ------------------------------------------------------------------------------


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    (tmp_path / "lock").mkdir()
    with pytest.raises(ppe.InputError, match=r"holds other files \(thesis.txt\) and no store; give an empty or new"):
        run(tmp_path)
    assert files(tmp_path) == {"thesis.txt": b"mine"}


def test_a_file_is_refused(tmp_path):
    (tmp_path / "store").write_text("mine")
    with pytest.raises(ppe.InputError, match="is a file; give a new or empty folder"):
        run(tmp_path / "store")
    with pytest.raises(ppe.InputError, match="cannot be used as store="):
        run(tmp_path / "store" / "below")
    assert files(tmp_path) == {"store": b"mine"}


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied", str(tmp_path / "store"))

    # Not by chmod: the administrator may write everywhere.
    monkeypatch.setattr(type(tmp_path), "open", refuse)
    with pytest.raises(ppe.InputError, match=r"cannot be used as store= \(.*Permission denied.*files may be written"):
        run(tmp_path / "store")


def test_two_runs_at_once_are_refused(full):
    before = files(full)
    with (full / "lock").open("a+") as handle:
        resumable_folders._lock(handle.fileno())
        with pytest.raises(ppe.InputError, match="Another run is writing to the store 'store'; wait for it"):
            run(full)
    assert files(full) == before
    run(full)


def test_a_disk_without_locks_is_told(tmp_path, monkeypatch):
    def unsupported(descriptor):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(resumable_folders, "_lock", unsupported)
    with pytest.raises(ppe.InputError, match=r"cannot be locked \(.*No locks available\).*another disk"):
        run(tmp_path / "store")


# What a crash leaves --------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [["lock"], ["lock", "manifest.json.partial"]])
def test_a_store_that_was_killed_at_its_very_beginning_begins_again(tmp_path, whole, left):
    for name in left:
        (tmp_path / name).write_bytes(b'{"half')
    (tmp_path / "lock").write_bytes(b"")
    assert_same_bits(run(tmp_path), whole)
    assert "manifest.json.partial" not in files(tmp_path)


def test_half_written_files_are_dropped(full, whole):
    expected = files(full)
    block = full / "blocks" / "f001-k000-b00001.npz"
    (full / "blocks" / (block.name + ".partial")).write_bytes(block.read_bytes()[:100])
    (full / "manifest.json.partial").write_bytes(b"{")
    block.unlink()
    assert_same_bits(run(full), whole)
    assert files(full) == expected


def test_a_block_cut_off_while_it_is_written_has_not_its_name_yet(tmp_path, whole, monkeypatch):
    class Died(BaseException):
        """The end of the process: nothing tidies up after it."""

    real = Path.open

    def cut_off(path, mode="r", *arguments, **options):
        handle = real(path, mode, *arguments, **options)
        if mode == "wb" and path.name.startswith("f001"):
            handle.write(b"PK half a block")
            handle.close()
            raise Died
        return handle

    def tidy(path, missing_ok=False):
        raise OSError("dead")

    with monkeypatch.context() as crash:
        crash.setattr(Path, "open", cut_off)
        crash.setattr(Path, "unlink", tidy)
        with pytest.raises(Died):
            run(tmp_path / "store")
    left = files(tmp_path / "store")
    assert [name for name in left if b"half a block" in left[name]] == ["blocks/f001-k000-b00000.npz.partial"]
    assert_same_bits(run(tmp_path / "store"), whole)
    assert not [name for name in files(tmp_path / "store") if name.endswith(".partial")]


def test_a_full_disk_is_told_and_leaves_whole_blocks(tmp_path, whole, monkeypatch):
    calls = iter(range(100))
    real = os.fsync

    def no_room(descriptor):
        # The record and three blocks, file and folder each; then the file of the fourth.
        if next(calls) > 7:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(ppe.InputError, match=r"cannot be written \(.*No space left.*blocks finished before are kept"):
        run(tmp_path / "store")
    monkeypatch.undo()
    kept = files(tmp_path / "store")
    assert sum(name.endswith(".npz") for name in kept) == 3
    assert not [name for name in kept if name.endswith(".partial")]
    assert_same_bits(run(tmp_path / "store"), whole)
    assert {name: files(tmp_path / "store")[name] for name in kept} == kept


def test_a_block_damaged_anywhere_is_named_or_harmless(full, whole):
    path = full / "blocks" / "f000-k001-b00001.npz"
    content = path.read_bytes()
    city = {"forecasters": FORECASTERS, "events": CITY.events, "grid": CITY.grid, "schedule": CITY.schedule}
    job = make_job(**city, budgets=cities.BUDGETS, kinds=["theft", "robbery"], method="aoristic", curve=None)
    (block,) = [block for block in job.blocks if (block.forecaster, block.kind, block.number) == (0, 1, 1)]
    places = [*range(120), *range(len(content) - 400, len(content))]
    places += np.random.default_rng(8).integers(0, len(content), 300).tolist()
    told = []
    with store_module.opened(full, job) as kept:
        right = kept.read(block)

        def complaint() -> str:
            try:
                found = kept.read(block)
            except ppe.InputError as error:
                return str(error)
            for name in store_module.PARTS:
                assert getattr(found, name).tobytes() == getattr(right, name).tobytes(), name
            return ""

        for place in places:
            for flip in (0x01, 0xFF):
                wrong = bytearray(content)
                wrong[place] ^= flip
                path.write_bytes(bytes(wrong))
                told.append(complaint())
        for length in (0, 10, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:length])
            told.append(complaint())
            assert told[-1]
    assert sum(map(bool, told)) > len(told) / 2
    assert all(f"The block {path.name} of the store is damaged" in text for text in told if text)
    assert all("delete this file" in text for text in told if text)
    with pytest.raises(ppe.InputError, match=r"f000-k001-b00001\.npz of the store is damaged"):
        run(full)
    path.unlink()
    assert_same_bits(run(full), whole)
    assert path.read_bytes() == content


def test_a_block_of_another_shape_is_damaged(full):
    blocks = full / "blocks"
    with np.load(blocks / "f000-k000-b00001.npz") as parts:
        np.savez(blocks / "f000-k000-b00001.npz", **{name: parts[name][..., :3] for name in parts})
    with pytest.raises(ppe.InputError, match=r"f000-k000-b00001\.npz of the store is damaged .*shape"):
        run(full)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_damaged_record_is_told(full, content):
    (full / "manifest.json").write_bytes(content)
    with pytest.raises(ppe.InputError, match=r"manifest\.json of the store .*give another folder"):
        run(full)
