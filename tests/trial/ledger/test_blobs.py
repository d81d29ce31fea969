"""Blobs: kept whole under their hash, never overwritten, never read for another."""

from __future__ import annotations

import os
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import sha256_of
from predpol_eval.trial.ledger import Blobs

FILE = b"area,kind,cell,rank\n" * 50
NAME = sha256_of(FILE)


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "deep" / "blobs")


def files(blobs):
    return sorted(path.relative_to(blobs.folder).as_posix() for path in blobs.folder.rglob("*") if path.is_file())


def test_bytes_lie_under_their_hash(blobs):
    assert blobs.put(FILE) == NAME == blobs.put(FILE)
    assert files(blobs) == [f"{NAME[:2]}/{NAME}"]
    assert (blobs.folder / NAME[:2] / NAME).read_bytes() == FILE == Blobs(str(blobs.folder)).get(NAME)


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_bytes_come_back_the_same(tmp_path_factory, contents):
    blobs = Blobs(tmp_path_factory.mktemp("any"))
    names = [blobs.put(content) for content in contents]
    assert [blobs.get(name) for name in names] == contents
    assert blobs.missing(names) == []
    assert {blobs.check(name) for name in names} <= {None}


def test_those_that_are_missing_are_named_once_and_in_order(blobs):
    blobs.put(FILE)
    others = ["cd" * 32, "ab" * 32]
    assert blobs.missing([others[0], NAME, others[1], others[0]]) == others
    assert blobs.missing(iter([NAME])) == []


@pytest.mark.parametrize(
    "name",
    ["", "../../etc/passwd", "ab", NAME.upper(), NAME + "\n", NAME + "0", f"{NAME[:-3]}/..", b"ab" * 32, None, 5],
)
def test_no_path_is_made_of_what_is_no_hash(blobs, name):
    for use in (blobs.get, blobs.path, blobs.check, lambda name: blobs.missing([name])):
        with pytest.raises(InputError, match="names no blob"):
            use(name)


@pytest.mark.parametrize("data", ["text", bytearray(b"a"), None, 5])
def test_only_bytes_are_kept(blobs, data):
    with pytest.raises(InputError, match="type bytes"):
        blobs.put(data)
    assert not blobs.folder.exists()


def test_a_limit_holds_for_what_is_kept_and_read(blobs):
    small = Blobs(blobs.folder, limit=len(FILE))
    assert small.put(FILE) == NAME
    smaller = Blobs(blobs.folder, limit=len(FILE) - 1)
    with pytest.raises(InputError, match=r"1000 bytes is too large; the most is 999"):
        smaller.put(FILE)
    with pytest.raises(InputError, match="1000 bytes, more than any"):
        smaller.get(NAME)
    assert "1000 bytes" in smaller.check(NAME)
    for limit in (0, 1.5, "1"):
        with pytest.raises(InputError, match="limit"):
            Blobs(blobs.folder, limit=limit)


def test_a_swapped_blob_is_named_and_not_overwritten(blobs):
    blobs.put(FILE)
    path, other = blobs.path(NAME), FILE[:-1] + b"X"
    path.write_bytes(other)
    for use in (lambda: blobs.get(NAME), lambda: blobs.put(FILE)):
        with pytest.raises(InputError, match=f"(?s){NAME}.*other content, of SHA-256 {sha256_of(other)}"):
            use()
    assert blobs.check(NAME) == f"other content, of SHA-256 {sha256_of(other)}"
    assert path.read_bytes() == other
    path.unlink()
    assert blobs.check(NAME) == "nothing"
    with pytest.raises(InputError, match="found nothing"):
        blobs.get(NAME)
    assert blobs.put(FILE) == NAME
    assert blobs.get(NAME) == FILE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_plain_file_is_not_waited_for(blobs):
    blobs.put(FILE)
    blobs.path(NAME).unlink()
    os.mkfifo(blobs.path(NAME))
    assert blobs.check(NAME) == "something that is no plain file"
    assert blobs.missing([NAME]) == [NAME]
    for use in (lambda: blobs.get(NAME), lambda: blobs.put(FILE)):
        with pytest.raises(InputError, match="no plain file"):
            use()


def test_a_write_that_fails_leaves_nothing(blobs, monkeypatch):
    blobs.put(b"before")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match=r"No space left.*make room"):
            blobs.put(FILE)
    assert files(blobs) == [f"{sha256_of(b'before')[:2]}/{sha256_of(b'before')}"]
    assert blobs.put(FILE) == NAME


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    tmp_path.joinpath("file").write_text("x")
    with pytest.raises(InputError, match="cannot be kept"):
        Blobs(tmp_path / "file").put(FILE)


def test_bytes_then_names_reach_the_disk(blobs, monkeypatch):
    done, fsync, link = [], os.fsync, os.link

    def flushed(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "link", lambda *places: (done.append("name"), link(*places)))
    blobs.put(FILE)
    assert done == ["file", "name", "folder", "folder", "folder"]
    done.clear()
    # Somebody else's name may not have reached the disk when we are told that it is there.
    blobs.put(FILE)
    assert done[-3:] == ["folder"] * 3


def test_a_disk_without_second_names_works_too(blobs, monkeypatch):
    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    assert blobs.put(FILE) == NAME == blobs.put(FILE)
    assert files(blobs) == [f"{NAME[:2]}/{NAME}"]
    blobs.path(NAME).write_bytes(b"other")
    with pytest.raises(InputError, match="other content"):
        blobs.put(FILE)
    assert blobs.path(NAME).read_bytes() == b"other"


def test_leftovers_of_killed_writers_are_swept_once_nobody_can_be_writing_them(blobs):
    blobs.put(b"before")
    unfinished = blobs.folder / "unfinished"
    stale, fresh = (unfinished / f".{digits * 16}.partial" for digits in ("0a", "0b"))
    foreign = unfinished / "notes.partial"
    for path in (stale, fresh, foreign):
        path.write_bytes(b"half")
    for path in (stale, foreign):
        os.utime(path, (0, 0))
    blobs.put(FILE)
    assert sorted(path.name for path in unfinished.iterdir()) == sorted([fresh.name, foreign.name])


def test_a_writer_whose_file_was_swept_is_told(blobs, monkeypatch):
    link = os.link

    def swept(partial, path):
        partial.unlink()
        link(partial, path)

    monkeypatch.setattr(os, "link", swept)
    with pytest.raises(InputError, match="do it again"):
        blobs.put(FILE)
    assert blobs.missing([NAME]) == [NAME]


def test_threads_may_put_the_same_at_once(blobs):
    names, barrier = [], threading.Barrier(8)

    def put():
        barrier.wait()
        names.extend(blobs.put(FILE + bytes([number])) for number in range(10))

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 80
    assert len(files(blobs)) == 10 == len(set(names))
    assert all(blobs.check(name) is None for name in names)
