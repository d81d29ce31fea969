"""New files: whole or not at all, never over another, whatever the disk knows."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from predpol_eval.trial import placing
from predpol_eval.trial.placing import give_name, place_new


@pytest.fixture(params=["links", "no links"])
def disk(request, monkeypatch):
    """With and without second names for files."""

    def refused(*places):
        raise PermissionError("no links on this disk")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refused)


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("by_content", [False, True])
def test_a_file_is_placed_once(tmp_path, by_content):
    path = tmp_path / "one"
    assert place_new(tmp_path, path, b"first", by_content=by_content)
    assert not place_new(tmp_path, path, b"second", by_content=by_content)
    assert path.read_bytes() == b"first"
    (tmp_path / "two").symlink_to(tmp_path / "nowhere")
    assert not place_new(tmp_path, tmp_path / "two", b"second", by_content=by_content)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["one", "two"]


@pytest.mark.skipif(os.name == "nt", reason="modes of files as POSIX has them")
@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("umask", [0, 0o077])
def test_who_may_read_it(tmp_path, umask):
    before = os.umask(umask)
    try:
        for name, mode in (("own", 0o600), ("shown", 0o644), ("plain", None)):
            assert place_new(tmp_path, tmp_path / name, b"content", mode=mode)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("own", "shown", "plain")]
    assert modes == [0o600, 0o644, 0o666 & ~umask]


@pytest.mark.skipif(os.name == "nt", reason="modes of files as POSIX has them")
def test_nobody_else_may_read_it_while_it_is_written(tmp_path, monkeypatch):
    seen, plain = [], os.fsync

    def watched(descriptor):
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        plain(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    before = os.umask(0)
    try:
        place_new(tmp_path, tmp_path / "shown", b"content", mode=0o644)
    finally:
        os.umask(before)
    assert seen[0] == 0o600


@pytest.mark.usefixtures("disk")
def test_whoever_comes_in_between_keeps_the_name(tmp_path, monkeypatch):
    path = tmp_path / "one"
    plain = placing.give_name

    def late(partial, place, **how):
        place.write_bytes(b"theirs")
        return plain(partial, place, **how)

    monkeypatch.setattr(placing, "give_name", late)
    assert not place_new(tmp_path, path, b"mine")
    assert path.read_bytes() == b"theirs"
    assert [one.name for one in tmp_path.iterdir()] == ["one"]


def test_a_name_is_held_before_anything_is_put_there(tmp_path, monkeypatch):
    partial, path = tmp_path / "partial", tmp_path / "one"
    partial.write_bytes(b"mine")
    plain = Path.replace

    def refused(*places):
        raise PermissionError("no links on this disk")

    def replaced(source, target):
        # Whoever comes at the last moment finds the name taken.
        with pytest.raises(FileExistsError):
            target.touch(exist_ok=False)
        return plain(source, target)

    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(Path, "replace", replaced)
    assert give_name(partial, path)
    assert path.read_bytes() == b"mine"


@pytest.mark.usefixtures("disk")
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        place_new(tmp_path, tmp_path / "one", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        place_new(tmp_path, tmp_path / "none" / "one", b"content")
    assert list(tmp_path.iterdir()) == []
