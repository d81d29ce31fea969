"""Pseudonyms and their secret: stable, keyed, and the file kept from others' eyes."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import Events, InputError
from predpol_eval.trial.outcomes.pseudonyms import check_secret, make_secret, pseudonyms, read_secret
from tests.trial.outcomes.towns import CRS, SECRET, TZ, X, Y, crimes


def test_a_secret_is_made_once_and_read_again(tmp_path):
    path = tmp_path / "secret"
    secret = make_secret(path)
    assert len(secret) == 32
    assert path.read_bytes() == secret == read_secret(path) == read_secret(str(path))
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]
    assert make_secret(tmp_path / "another") != secret
    with pytest.raises(InputError, match="never replaced"):
        make_secret(path)
    assert path.read_bytes() == secret
    assert sorted(one.name for one in tmp_path.iterdir()) == ["another", "secret"]


@pytest.mark.skipif(os.name == "nt", reason="modes, pipes and links of files as POSIX has them")
def test_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "secret"
    before = os.umask(0)
    try:
        make_secret(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for mode in (0o640, 0o604, 0o620, 0o602, 0o601, 0o644):
        path.chmod(mode)
        with pytest.raises(InputError, match=rf"mode {mode:o}.*chmod 600"):
            read_secret(path)
    path.chmod(0o400)
    assert read_secret(path) == path.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="modes, pipes and links of files as POSIX has them")
def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(InputError, match="is no file"):
        read_secret(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="never replaced"):
        make_secret(tmp_path / "link")
    assert not (tmp_path / "nowhere").exists()


def test_other_contents_are_refused_and_never_told(tmp_path):
    path = tmp_path / "secret"
    with pytest.raises(InputError, match="There is no secret 'secret'"):
        read_secret(path)
    with pytest.raises(InputError):
        read_secret(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        make_secret(tmp_path / "none" / "secret")
    path.touch(mode=0o600)
    for content, told in ((b"", "0 bytes"), (b"hunter2-hunter2", "15 bytes"), (SECRET + b"\n", "more than 32"),
                          (bytes(32), "all the same")):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(InputError, match=told) as refused:
            read_secret(path)
        assert "hunter2" not in str(refused.value)
    with pytest.raises(InputError, match="of type str"):
        check_secret("x" * 32)
    with pytest.raises(InputError, match="has 5 bytes"):
        pseudonyms(crimes([{"t": "2018-06-01"}]), b"short")


def test_nothing_is_left_where_writing_fails(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        make_secret(tmp_path / "secret")
    assert list(tmp_path.iterdir()) == []


def test_a_name_has_128_bits_and_is_no_number():
    names = pseudonyms(crimes([{"id": f"a{n}", "t": "2018-06-01"} for n in range(300)]), SECRET)
    assert len(set(names)) == 300
    assert all(re.fullmatch(r"c[0-9a-f]{32}", name) for name in names)
    # All digits of all names are used: none is a constant.
    assert all(len({name[k] for name in names}) == 16 for k in range(1, 33))


def test_the_id_alone_decides_by_id():
    """Kind, place and time may be corrected, and ids may be read as numbers one day and as texts the next."""
    one = crimes([{"id": "7", "t": "2018-06-01"}, {"id": "9", "t": "2018-06-02"}])
    table = pd.DataFrame({"x": [X, X], "y": [Y, Y], "t": ["2018-06-05", "2018-06-01"], "i": [7, 9], "k": ["a", "b"]})
    two = Events.from_frame(table, id="i", kind="k", crs=CRS, tz=TZ)
    assert one.id.tolist() == ["7", "9"]
    assert two.id.tolist() == [9, 7]
    assert pseudonyms(one, SECRET)[::-1].tolist() == pseudonyms(two, SECRET).tolist()
    twice = crimes([{"id": "7", "t": "2018-06-01", "kind": "robbery"}, {"id": "7", "t": "2018-06-01"}])
    assert pseudonyms(twice, SECRET).tolist() == [pseudonyms(one, SECRET)[0]] * 2


def test_half_a_character_is_still_an_id():
    found = replace(crimes([{"t": "2018-06-01"}] * 2), id=np.array(["\ud800", "\ud801"]))
    assert len(set(pseudonyms(found, SECRET))) == 2


def test_every_part_of_the_content_decides_by_content():
    base = {
        "t": "2018-06-01 10:00",
        "u": "2018-06-01 11:00",
        "r": "2018-06-03",
        "kind": "burglary",
        "x": 10.0,
        "y": 20.0,
    }
    changes = [{}, {"t": "2018-06-01 10:01"}, {"u": "2018-06-01 11:01"}, {"r": "2018-06-04"}, {"kind": "robbery"},
               {"x": 10.001}, {"y": 20.001}, {}, {"x": 20.0, "y": 10.0}]  # fmt: skip
    alone = {str(pseudonyms(crimes([base | change]), SECRET, "content")[0]) for change in changes}
    assert len(alone) == len(changes) - 1  # two changes are none
    found = crimes([base | change for change in changes])
    assert len(set(pseudonyms(found, SECRET, "content"))) == len(changes)
    # The id has no say, nor has noise of a conversion below the millimetre.
    again = crimes([base | {"id": "other", "x": 10.0001}])
    assert pseudonyms(again, SECRET, "content")[0] in pseudonyms(found, SECRET, "content")


same_places = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from("ab")), min_size=1, max_size=12)


@given(same_places, st.integers(0, 6))
def test_a_crime_keeps_its_name_when_others_are_recorded_later(found, day):
    rows = [
        {"t": f"2018-06-0{1 + hour}", "r": f"2018-06-0{1 + hour + late}", "kind": kind, "id": str(n)}
        for n, (hour, late, kind) in enumerate(found)
    ]
    events = crimes(rows)
    early = events.known_at(f"2018-06-0{1 + day}")
    later = dict(zip(events.id.tolist(), pseudonyms(events, SECRET, "content").tolist(), strict=True))
    assert len(set(later.values())) == len(events)
    names = pseudonyms(early, SECRET, "content").tolist()
    assert sorted(names) == sorted(later[number] for number in early.id.tolist())


def test_numbers_of_rows_are_refused_unless_a_choice_is_made():
    table = pd.DataFrame({"x": [X] * 3, "y": [Y] * 3, "t": ["2018-06-01", "2018-06-02", "2018-06-03"]})
    plain = Events.from_frame(table, crs=CRS, tz=TZ)
    for part in (plain, plain.take(np.array([0, 2])), plain.known_at("2018-06-03")):
        with pytest.raises(InputError, match="numbers of rows"):
            pseudonyms(part, SECRET)
    assert len(set(pseudonyms(plain, SECRET, "id"))) == 3
    with pytest.raises(InputError, match="choose 'id', 'content'"):
        pseudonyms(plain, SECRET, "name")  # type: ignore[arg-type]
