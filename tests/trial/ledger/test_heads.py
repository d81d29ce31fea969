"""Heads: a page that a vendor keeps, and what it shows later."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import sha256_of
from predpol_eval.trial.ledger import Head, Ledger, check_head, export_head, head_of, head_text, read_head, verify_chain
from tests.trial.ledger.made import PLAN, START, make, moment, rewrite, spoil

HEAD = Head(123, "0f" * 32, "2018-07-02T11:00:00.000000Z", PLAN, "2018-07-01")


@pytest.fixture
def made(tmp_path):
    return make(tmp_path)


def test_a_head_is_the_last_record_and_the_plan(made):
    with Ledger.open(made.path, read_only=True) as ledger:
        last = ledger.head
        assert head_of(ledger, "2018-07-01") == Head(12, last.hash, last.at, PLAN, "2018-07-01")


def test_the_plan_is_the_last_one_recorded_by_then(tmp_path):
    with Ledger.create(tmp_path / "ledger", "note", {}, START) as ledger:
        assert head_of(ledger, "2018-07-01").plan is None
        ledger.append("plan", {"sha256": "ab" * 32}, START)
        first = head_of(ledger, "2018-07-01")
        ledger.append("plan", {"sha256": "cd" * 32}, START)
        ledger.append("plan", {"sha256": "no hash"}, START)
        second = head_of(ledger, "2018-07-02")
        assert (first.plan, second.plan) == ("ab" * 32, "cd" * 32)
        assert check_head(ledger, first) == check_head(ledger, second) == []
    assert verify_chain(tmp_path / "ledger", None, [first, second]) == []


def test_a_head_is_written_into_a_folder_or_a_file(made, tmp_path):
    folder = tmp_path / "heads"
    folder.mkdir()
    with Ledger.open(made.path) as ledger:
        paths = [
            export_head(ledger, folder, "2018-07-01"),
            export_head(ledger, str(tmp_path / "tonight"), "2018-07-01"),
        ]
        assert [path.name for path in paths] == ["head-2018-07-01-record-12.txt", "tonight"]
        for path in paths:
            assert read_head(path.read_bytes()) == head_of(ledger, "2018-07-01")
        # The same again is no fault; another is never written over the first.
        assert export_head(ledger, folder, "2018-07-01") == paths[0]
        before = paths[1].read_bytes()
        ledger.append("note", {}, moment(50))
        with pytest.raises(InputError, match="another file 'tonight' already"):
            export_head(ledger, paths[1], "2018-07-01")
        assert export_head(ledger, folder, "2018-07-01").name == "head-2018-07-01-record-13.txt"
    assert paths[1].read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == [
        "head-2018-07-01-record-12.txt",
        "head-2018-07-01-record-13.txt",
    ]


@pytest.mark.parametrize("night", ["2018-7-1", "2018-07-32", "20180701", "2018-W27-1", "../../x", "", None, 5])
def test_a_night_that_is_no_date_names_no_file(made, tmp_path, night):
    before = sorted(tmp_path.rglob("*"))
    with Ledger.open(made.path, read_only=True) as ledger, pytest.raises(InputError, match="night is"):
        export_head(ledger, tmp_path, night)
    assert [path for path in sorted(tmp_path.rglob("*")) if not path.name.startswith("ledger")] == [
        path for path in before if not path.name.startswith("ledger")
    ]


def test_a_head_that_cannot_be_written_leaves_nothing(made, tmp_path, monkeypatch):
    folder = tmp_path / "heads"
    folder.mkdir()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with Ledger.open(made.path, read_only=True) as ledger:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(InputError, match=r"No space left.*make room"):
                export_head(ledger, folder, "2018-07-01")
        with pytest.raises(InputError, match="cannot be written"):
            export_head(ledger, tmp_path / "none" / "head", "2018-07-01")
    assert list(folder.iterdir()) == []


# Pages ----------------------------------------------------------------------------------------------------


def test_a_person_can_read_the_page():
    page = head_text(HEAD)
    assert "after the night of 2018-07-01" in page
    assert "123" in page
    assert "0f0f0f0f 0f0f0f0f" in page
    assert "2018-07-02T11:00:00.000000Z (UTC)" in page
    assert page.isascii()
    assert "none" in head_text(replace(HEAD, plan=None))
    assert read_head(head_text(replace(HEAD, plan=None)).encode()).plan is None


@pytest.mark.parametrize(
    "change",
    [
        lambda page: page.replace("\n", "\r\n"),
        lambda page: "\ufeff" + page,
        lambda page: f"Dear vendor,\n\n{page}\n\n-- \nThe trial's office",
        lambda page: page.replace(" ", "\n"),
        lambda page: "  " + page.replace("\n", "  \n"),
    ],
)
def test_a_page_may_be_sent_by_mail(change):
    assert read_head(change(head_text(HEAD)).encode()) == HEAD


@given(place=st.integers(0, len(head_text(HEAD)) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_never_gives_another_head(place, byte):
    page = bytearray(head_text(HEAD).encode())
    page[place] = byte
    try:
        found = read_head(bytes(page))
    except InputError:
        assert page != head_text(HEAD).encode()
    else:
        assert found == HEAD


def edited(old: str, new: str, check: bool = True) -> bytes:
    """A page whose last line was edited, its check made anew; the page above is left as it was."""
    above, _, line = head_text(HEAD).rpartition("predpol_eval.head/1 ")
    line = line[17:].strip().replace(old, new)
    return f"{above}predpol_eval.head/1 {sha256_of(line.encode())[:16] if check else '0' * 16} {line}".encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "found 0 times"),
        (b"PK\x03\x04", "found 0 times"),
        (b"\xff\xfe\x00", "no UTF-8"),
        ("text", "Expected bytes"),
        (b"x" * 65_537, "at most 65536"),
        (head_text(HEAD).encode() * 2, "found 2 times"),
        (b"predpol_eval.head/1", "does not fit"),
        (head_text(HEAD).replace('"number":123', '"number":124').encode(), "does not fit"),
        (head_text(HEAD).replace("head/1", "head/2").encode(), "found 0 times"),
        (edited("}", "}", check=False), "does not fit"),
        (edited('"number":123', '"number":124'), "different things"),
        (edited("0f0f", "0e0f"), "different things"),
        (head_text(HEAD).replace("records   123", "records   12").encode(), "different things"),
        (head_text(HEAD).replace("0f0f0f0f ", "0f0f0f0e ", 1).encode(), "different things"),
        (edited('"number":123', '"number":123.0'), "number is 123.0"),
        (edited('"number":123', '"number":true'), "number is True"),
        (edited('"number":123', '"number":0'), "number is 0"),
        (edited('"number":123', f'"number":{2**63}'), "number is 9223372036854775808"),
        (edited("0f", "0F"), "hash is"),
        (edited("T11:", "T25:"), "at is"),
        (edited(f'"{PLAN}"', "[]"), "plan is"),
        (edited("2018-07-01", "2018-13-01"), "night is"),
        (edited('"night"', '"nacht"'), "other fields"),
        (edited('"at"', '"more":1,"at"'), "other fields"),
        (edited(',"hash"', ',"number":1,"hash"'), "not as written"),
        (edited("{", "[" * 5000), "no JSON"),
        (edited("}", ""), "no JSON"),
    ],
)
def test_a_page_that_is_none_is_refused(data, words):
    with pytest.raises(InputError, match=words):
        read_head(data)


# Against a ledger -----------------------------------------------------------------------------------------


def both(made, head):
    """The differences that a head shows, in an open ledger and in its file."""
    with Ledger.open(made.path, read_only=True) as ledger:
        found = check_head(ledger, head)
    assert [one for one in verify_chain(made.path, made.blobs, [head]) if one.what.startswith("head")] == found
    return [str(one) for one in found]


def test_a_head_holds_while_the_ledger_grows(made):
    assert [head.number for head in made.heads] == [4, 8, 12]
    with Ledger.open(made.path) as ledger:
        ledger.append("note", {}, moment(60))
    for head in made.heads:
        assert both(made, head) == []


def test_a_tail_cut_off_is_found(made):
    spoil(made.path, "DELETE FROM record WHERE number > 9")
    assert both(made, made.heads[0]) == both(made, made.heads[1]) == []
    (told,) = both(made, made.heads[2])
    assert told.startswith("Record 12, head of 2018-07-03: found no such record, the last is 9, expected the record of")
    assert made.heads[2].hash in told
    assert "tail of the ledger was cut off" in told


def test_a_tail_that_was_cut_and_grown_again_is_found(made):
    spoil(made.path, "DELETE FROM record WHERE number > 9")
    with Ledger.open(made.path) as ledger:
        for minute in range(5):
            ledger.append("note", {}, moment(20 + minute))
    assert both(made, made.heads[1]) == []
    (told,) = both(made, made.heads[2])
    assert "the chain was rewritten" in told


def test_a_chain_that_was_rewritten_is_found(made):
    rewrite(made.path, 6, body='{"label":"B"}')
    assert both(made, made.heads[0]) == []
    for head in made.heads[1:]:
        (told,) = both(made, head)
        assert f"expected {head.hash} as handed out: the chain was rewritten" in told


def test_a_page_that_was_never_handed_out_is_found(made):
    for change in ({"at": "2018-07-01T12:13:00.000000Z"}, {"plan": None}, {"plan": "cd" * 32}):
        (told,) = both(made, replace(made.heads[2], **change))
        assert "never handed out" in told


def test_records_on_the_way_that_were_edited_are_no_silent_agreement(made):
    spoil(made.path, "UPDATE record SET body = '{}' WHERE number = 3")
    with Ledger.open(made.path) as ledger, pytest.raises(InputError, match="Record 3"):
        check_head(ledger, made.heads[2])
