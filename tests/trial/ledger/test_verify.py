"""Verification names what was done to a ledger: by whom ever, with whatever tool."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json, sha256_of
from predpol_eval.trial.ledger import Blobs, Difference, Ledger, verify_chain
from predpol_eval.trial.ledger import verify as verify_module
from tests.trial.ledger.made import PLAN, START, flip, make, moment, rewrite, spoil


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A ledger that is copied, never changed."""
    return make(tmp_path_factory.mktemp("kept"), records=30)


@pytest.fixture
def made(kept, tmp_path):
    """A copy that may be spoilt."""
    return copied(kept, tmp_path)


def copied(kept, folder):
    shutil.copyfile(kept.path, folder / "ledger")
    shutil.copytree(kept.blobs.folder, folder / "blobs")
    return type(kept)(folder / "ledger", Blobs(folder / "blobs"), kept.heads, kept.records)


def told(made, heads=()):
    """Every difference as record and what, and the sentences."""
    found = verify_chain(made.path, made.blobs, heads)
    assert found == sorted(found, key=lambda one: (one.record is None, one.record or 0))
    for one in found:
        assert str(one).isprintable()
        assert len(str(one)) < 1500
    return [(one.record, one.what) for one in found], " ".join(map(str, found))


def offset(made, text: str, record: int | None = None) -> int:
    """Where in the file a text of a record lies; its hash follows it in the row."""
    data = made.path.read_bytes()
    if record is None:
        (only,) = re.finditer(re.escape(text.encode()), data)
        return only.start()
    kept = made.records[record - 1]
    (row,) = re.finditer(re.escape((kept.previous + kept.hash).encode()), data)
    return data.rindex(text.encode(), 0, row.start())


def test_a_whole_ledger_has_no_differences_and_is_not_changed(made):
    before = made.path.read_bytes()
    assert told(made, made.heads) == ([], "")
    assert verify_chain(str(made.path), None) == []
    assert made.path.read_bytes() == before
    beside = {path.name: path for path in made.path.parent.iterdir() if path.is_file() and path != made.path}
    assert set(beside) <= {"ledger-wal", "ledger-shm"}
    assert "ledger-wal" not in beside or beside["ledger-wal"].stat().st_size == 0


def test_a_ledger_is_verified_while_it_is_written_to(made):
    with Ledger.open(made.path) as ledger:
        with ledger.writing():
            ledger.append("note", {}, moment(50))
            assert told(made, made.heads) == ([], "")
        ledger.append("note", {"blob": made.blobs.put(b"new")}, moment(51))
        assert told(made, made.heads) == ([], "")


# One byte -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 15, 30])
def test_a_flipped_byte_is_named_with_its_record_and_field(made, number):
    record = made.records[number - 1]
    places = {
        "kind": (record.kind[1:], number),
        "at": (record.at[3:], number),
        "body": ('"blob":"' if number == 1 else '"results":"' if number % 2 else '"label":"', number),
    }
    for what, (text, which) in places.items():
        place = offset(made, text, which)
        flip(made.path, place, 1)
        (first, *_), sentence = told(made)
        assert first == (number, what), sentence
        flip(made.path, place, 1)
    data = made.path.read_bytes()
    (row,) = re.finditer(re.escape((record.previous + record.hash).encode()), data)
    for what, place in (("previous", row.start() + 5), ("hash", row.start() + 64 + 5)):
        flip(made.path, place, 1)
        found, sentence = told(made)
        assert [one for one in found if one[0] is not None] == [(number, what)], sentence
        flip(made.path, place, 1)
    assert told(made) == ([], "")


def test_what_stood_in_place_of_a_flipped_byte_is_told(made):
    place = offset(made, '"label":"', 2) + len('"label":"')
    flip(made.path, place, 3)  # "C" becomes "@"
    found, sentence = told(made)
    assert found == [(2, "body")]
    assert "b'@'" in sentence
    assert "b'C'" in sentence


def test_a_flipped_hash_is_told_with_the_right_one(made):
    record = made.records[14]
    flip(made.path, made.path.read_bytes().index((record.previous + record.hash).encode()) + 64)
    found, sentence = told(made)
    assert [one for one in found if one[0]] == [(15, "hash")]
    assert f"expected {record.hash}" in sentence


def test_every_byte_that_is_flipped_is_harmless_or_named(made, full_run):
    rng = np.random.default_rng(6)
    whole = made.path.read_bytes()
    # The header, and a sample of the rest.
    size = len(whole)
    places = [*range(0, 110, 1 if full_run else 3), *rng.integers(0, size, 3000 if full_run else 100).tolist()]
    harmless = 0
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= int(rng.integers(1, 256))
        made.path.write_bytes(changed)
        found, _ = told(made, made.heads)
        if found:
            continue
        harmless += 1
        with Ledger.open(made.path) as ledger:
            assert list(ledger.records()) == made.records, place
            ledger.append("note", {}, moment(60))
            assert len(ledger) == 31
        assert told(made, made.heads) == ([], ""), place
    # Unused space is most of what is harmless; records fill the rest.
    assert 0 < harmless < 0.6 * len(places)


@pytest.mark.parametrize("keep", [0, 1, 50, 100, 2000, 4096, 9000, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_is_named(made, keep):
    whole = made.path.read_bytes()
    made.path.write_bytes(whole[: keep if isinstance(keep, int) else int(keep * len(whole))])
    found, _ = told(made, made.heads)
    assert found


def test_garbage_is_named(made):
    rng = np.random.default_rng(1)
    whole = made.path.read_bytes()
    for start in (0, 100, 4096, 8192, len(whole) - 4096):
        made.path.write_bytes(whole[:start] + rng.bytes(4096) + whole[start + 4096 :])
        found, _ = told(made, made.heads)
        assert found, start


def test_records_behind_a_damaged_page_are_still_read(tmp_path):
    made = make(tmp_path, records=120)
    place = offset(made, made.records[59].at, 60) // 4096 * 4096
    flip(made.path, place, 0xFF)
    made.path.with_name("spoilt").write_bytes(made.path.read_bytes())
    spoil_body = made.records[110].body["results"]
    flip(made.path, offset(made, spoil_body, 111))
    found, sentence = told(made, made.heads)
    unreadable = [record for record, what in found if what == "record"]
    assert 60 in unreadable
    assert (111, "body") in found, sentence
    assert not {1, 2, 111, 120} & set(unreadable)


# By hand --------------------------------------------------------------------------------------------------


def test_an_edited_body_is_named(made):
    spoil(made.path, "UPDATE record SET body = replace(body, 'accepted', 'late') WHERE number = 15")
    found, sentence = told(made)
    assert found == [(15, "kind, at or body")]
    assert made.records[14].hash in sentence
    spoil(made.path, "UPDATE record SET body = '{}' WHERE number = 30")
    assert told(made)[0] == [(15, "kind, at or body"), (30, "kind, at or body")]


@pytest.mark.parametrize(
    "body", ["{", "[]", "", "5", '{"a":1,"a":2}', '{"b": 1}', "[" * 5000, '{"a":NaN}', '{"a":1e999}']
)
def test_a_body_that_is_none_is_named(made, body):
    spoil(made.path, ("UPDATE record SET body = ? WHERE number = 15", (body,)))
    found, _ = told(made)
    assert (15, "body") in found
    assert {record for record, _ in found} == {15}


def test_a_body_in_another_form_is_named_even_under_a_hash_of_its_own(made):
    rewrite(made.path, 29, body='{"a": 1}')
    assert told(made)[0] == [(29, "body")]


def test_an_edited_kind_is_named_with_what_stood_there(made):
    spoil(made.path, "UPDATE record SET kind = 'verdict' WHERE number = 16")
    found, sentence = told(made)
    assert found == [(16, "kind")]
    assert "found 'verdict', expected 'receipt'" in sentence


def test_a_receipt_dated_back_is_named(made):
    spoil(made.path, "UPDATE record SET at = '2018-07-01T11:59:00.500000Z' WHERE number = 16")
    found, sentence = told(made)
    assert found == [(16, "at")]
    assert "dated back" in sentence
    rewrite(made.path, 16, at="2018-07-01T11:59:00.500000Z")
    found, sentence = told(made)
    assert found == [(16, "at")]
    assert "expected not before 2018-07-01T12:15:00.000000Z of record 15" in sentence


@pytest.mark.parametrize("at", ["2018-07-01T25:00:00.000000Z", "2018-07-01T12:16:00Z"])
def test_a_moment_that_is_none_is_named_even_under_a_hash_of_its_own(made, at):
    spoil(made.path, "PRAGMA ignore_check_constraints = ON", ("UPDATE record SET at = ? WHERE number = 16", (at,)))
    assert (16, "at") in told(made)[0]
    if "25" in at:
        rewrite(made.path, 16, at=at)
        assert (16, "at") in told(made)[0]


def test_a_receipt_dated_back_within_its_neighbours_is_named(made):
    spoil(made.path, "UPDATE record SET at = '2018-07-01T12:15:00.000001Z' WHERE number = 16")
    assert told(made)[0] == [(16, "kind, at or body")]


def test_an_edited_previous_is_named(made):
    spoil(made.path, ("UPDATE record SET previous = ? WHERE number = 16", (made.records[3].hash,)))
    found, sentence = told(made)
    assert found == [(16, "previous")]
    assert f"expected {made.records[14].hash}" in sentence


def test_a_record_written_anew_is_named_by_the_next(made):
    rewrite(made.path, 15, body='{"results":null}')
    # All behind it are put back as they were.
    statements = [
        ("UPDATE record SET previous = ?, hash = ? WHERE number = ?", (record.previous, record.hash, record.number))
        for record in made.records[15:]
    ]
    spoil(made.path, *statements)
    found, sentence = told(made)
    assert found == [(15, "hash")]
    assert f"'{made.records[14].hash}', as record 16 tells" in sentence


def test_a_deleted_row_is_named(made):
    spoil(made.path, "DELETE FROM record WHERE number = 15")
    found, sentence = told(made, made.heads)
    assert found == [(15, "record")]
    assert "found none, expected record 15: deleted" in sentence


def test_deleted_rows_are_named(made):
    spoil(made.path, "DELETE FROM record WHERE number IN (1, 5, 6, 7, 20)")
    found, sentence = told(made, made.heads)
    assert found == [(1, "record"), (5, "record"), (20, "record")]
    assert "record 5 to 7" in sentence


def test_a_number_changed_by_hand_is_named(made):
    for number in (31, 500, 0, -3):
        spoil(made.path, f"UPDATE record SET number = {number} WHERE number = 15")
        found, sentence = told(made, made.heads)
        assert (15, "record") in found
        if number > 0:
            assert (15, "number") in found
            assert f"found {number}, expected 15, as the hash" in sentence
        else:
            assert (number, "number") in found
        assert {record for record, _ in found} <= {15, number}
        spoil(made.path, f"UPDATE record SET number = 15 WHERE number = {number}")
    assert told(made) == ([], "")


def test_the_number_of_the_last_record_changed_by_hand_is_named_alone(made):
    spoil(made.path, "UPDATE record SET number = 40 WHERE number = 30")
    found, sentence = told(made, made.heads)
    assert found == [(30, "number")]
    assert "found 40, expected 30, as the hash" in sentence


def test_reading_ends_where_a_file_yields_more_rows_than_it_can_hold(made, monkeypatch):
    monkeypatch.setattr(verify_module, "_SMALLEST_ROW", made.path.stat().st_size // 10)
    found, sentence = told(made, made.heads)
    assert found == [(None, "pages")]
    assert "leads round in a circle" in sentence


def test_a_row_put_in_is_named(made):
    spoil(
        made.path,
        "UPDATE record SET number = -number - 1 WHERE number >= 16",
        "UPDATE record SET number = -number WHERE number < 0",
        "INSERT INTO record SELECT 16, kind, at, body, previous, 'f' || substr(hash, 2) FROM record WHERE number = 17",
    )
    (first, *_), _ = told(made)
    assert first[0] == 16


def test_a_row_copied_to_the_end_is_named(made):
    record = made.records[3]
    spoil(
        made.path,
        (
            "INSERT INTO record VALUES (31, ?, ?, ?, ?, ?)",
            (record.kind, moment(99).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), canonical_json(record.body).decode(),
             made.records[29].hash, "f" * 64),
        ),
    )  # fmt: skip
    assert told(made, made.heads)[0] == [(31, "kind, at or body")]


def test_a_chain_that_was_cut_or_rewritten_is_whole_but_for_the_heads(made):
    spoil(made.path, "DELETE FROM record WHERE number > 25")
    assert told(made) == ([], "")
    found, sentence = told(made, made.heads[::-1])
    assert found == [(30, "head of 2018-07-03")]
    assert "the last is 25" in sentence
    rewrite(made.path, 14, body='{"label":"A"}')
    assert told(made) == ([], "")
    found, sentence = told(made, made.heads)
    assert found == [(20, "head of 2018-07-02"), (30, "head of 2018-07-03")]
    assert "rewritten after record 10, at this record at the latest" in sentence
    rewrite(made.path, 1, body='{"sha256":"' + "cd" * 32 + '"}')
    found, sentence = told(made, made.heads)
    assert [what for _, what in found] == [f"head of 2018-07-0{night}" for night in (1, 2, 3)]
    assert "rewritten from some record on" in sentence


def test_a_whole_new_ledger_in_its_place_is_named(made, tmp_path):
    made.path.unlink()
    with Ledger.create(made.path, "plan", {"sha256": PLAN}, START) as ledger:
        for minute in range(40):
            ledger.append("note", {}, moment(minute))
    assert told(made) == ([], "")
    assert len(told(made, made.heads)[0]) == 3


# The database ---------------------------------------------------------------------------------------------


def test_missing_or_weakened_triggers_are_named(made):
    spoil(made.path, keep_triggers=False)
    found, _ = told(made)
    assert found == [(None, f"trigger record_{name}") for name in ("not_edited", "not_deleted", "in_order")]
    spoil(made.path, "CREATE TRIGGER record_not_edited BEFORE UPDATE ON record BEGIN SELECT 1; END")
    found, sentence = told(made)
    assert len(found) == 3
    assert "another one of this name" in sentence


def test_what_was_added_to_the_database_is_named(made):
    spoil(
        made.path,
        "CREATE TABLE notes (a)",
        "CREATE VIEW seen AS SELECT * FROM record",
        "CREATE TRIGGER swallow BEFORE INSERT ON record BEGIN SELECT RAISE(IGNORE); END",
        "CREATE INDEX at_index ON record (at)",
    )
    found, _ = told(made)
    assert {record for record, _ in found} == {None}
    assert {what for _, what in found} == {"table 'notes'", "view 'seen'", "trigger 'swallow'", "index 'at_index'"}


@pytest.mark.parametrize(
    "instead",
    [
        ("CREATE VIEW record AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
         "SELECT i AS number, 'a' AS kind, 'a' AS at, '{}' AS body, 'a' AS previous, 'a' AS hash FROM n",),
        ("CREATE TABLE record (number TEXT PRIMARY KEY, kind, at, body, previous, hash)",
         "INSERT INTO record VALUES ('one', 1, 2, 3, 4, 5), (NULL, 1, 2, 3, 4, 5)"),
        ("CREATE TABLE record (number INTEGER PRIMARY KEY, kind, at, body, previous, hash)",
         "INSERT INTO record VALUES (1, NULL, 2.5, x'ff', 4, 5), (2, x'ff', CAST(x'ff' AS TEXT), '{}', '', '')"),
        ("CREATE TABLE record (number INTEGER PRIMARY KEY)",),
        ("CREATE TABLE other (number INTEGER PRIMARY KEY)",),
    ],
)  # fmt: skip
def test_another_table_in_its_place_is_named_and_not_run(made, instead):
    spoil(made.path, "DROP TABLE record", *instead, keep_triggers=False)
    found, _ = told(made, made.heads)
    assert found
    for read_only in (True, False):
        with pytest.raises(InputError), Ledger.open(made.path, read_only) as ledger:
            list(ledger.records())


def test_fields_of_other_types_are_named(made):
    spoil(
        made.path,
        "PRAGMA ignore_check_constraints = ON",
        "UPDATE record SET body = CAST(body AS BLOB) WHERE number = 4",
        "UPDATE record SET kind = CAST(x'fffe' AS TEXT) WHERE number = 6",
        "UPDATE record SET hash = x'00' WHERE number = 8",
        "UPDATE record SET at = char(27) || '[2J' WHERE number = 10",
        f"UPDATE record SET body = '{'x' * 300_000}' WHERE number = 12",
    )
    found, _ = told(made, made.heads)
    assert {4, 6, 8, 10, 12} == {record for record, _ in found if record is not None}
    assert {(4, "body"), (6, "kind"), (8, "hash"), (10, "at"), (12, "body")} <= set(found)


def test_a_field_larger_than_any_is_not_read_but_named(made):
    spoil(made.path, "UPDATE record SET body = hex(zeroblob(800000)) WHERE number = 12")
    found, sentence = told(made, made.heads)
    assert (12, "record") in found
    assert "too big" in sentence
    assert {record for record, _ in found if record is not None} == {12}


def test_a_number_far_away_costs_no_time(made):
    spoil(made.path, f"UPDATE record SET number = {2**62} WHERE number = 15")
    assert (15, "number") in told(made, made.heads)[0]


def test_other_files_are_named(tmp_path):
    tmp_path.joinpath("text").write_text("a text")
    other = tmp_path / "other"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE record (a)")
    connection.close()
    for name in ("text", "other"):
        found = verify_chain(tmp_path / name, None)
        assert "is no ledger" in str(found[0])
    for name in ("none", "."):
        with pytest.raises(InputError, match="no file"):
            verify_chain(tmp_path / name, None)


def test_marks_of_the_file_are_named(made):
    connection = sqlite3.connect(made.path)
    connection.execute("PRAGMA user_version = 7")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    found, sentence = told(made)
    assert found == [(None, "file"), (None, "file"), (None, "user_version")]
    assert "newer version" in sentence
    assert "found 0101 at byte 18, expected 0202" in sentence


# Blobs ----------------------------------------------------------------------------------------------------


def test_a_missing_and_a_swapped_blob_are_named_with_their_record(made):
    file, results = made.records[3].body["file"], made.records[4].body["results"]
    made.blobs.path(file).unlink()
    made.blobs.path(results).write_bytes(b"better")
    found, sentence = told(made)
    assert found == [(4, "file"), (5, "results")]
    assert f"found nothing, expected blob {file}, a file as it was handed in" in sentence
    assert f"found other content, of SHA-256 {sha256_of(b'better')}, expected blob {results}" in sentence
    assert verify_chain(made.path, None) == []


def test_two_swapped_with_each_other_are_both_named(made):
    one, two = (made.blobs.path(made.records[number].body["file"]) for number in (3, 5))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert told(made)[0] == [(4, "file"), (6, "file")]


def test_a_blob_that_many_name_is_told_once(tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    name = blobs.put(b"a")
    with Ledger.create(tmp_path / "ledger", "plan", {"blob": name}, START) as ledger:
        ledger.append("release", {"blobs": [blobs.put(b"b"), name]}, START)
    blobs.path(name).unlink()
    (only,) = verify_chain(tmp_path / "ledger", blobs)
    assert (only.record, only.what) == (1, "blob")
    assert "also named by 1 more" in str(only)


# Anything -------------------------------------------------------------------------------------------------

odd = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.binary(max_size=30),
    st.sampled_from(["{}", "receipt", "0" * 64, "2018-07-01T12:05:00.000000Z", '{"file":5}', '{"sha256":"x"}']),
)
edits = st.one_of(
    st.tuples(st.sampled_from(["kind", "at", "body", "previous", "hash"]), st.integers(1, 30), odd),
    st.tuples(st.just("number"), st.integers(1, 30), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("delete"), st.integers(1, 29), st.none()),
)


@given(st.lists(edits, min_size=1, max_size=4))
@settings(max_examples=25 if os.environ.get("HYPOTHESIS_PROFILE", "default") == "default" else 500)
def test_whatever_is_edited_is_named(kept, tmp_path_factory, changes):
    made = copied(kept, tmp_path_factory.mktemp("edited"))
    statements = ["PRAGMA ignore_check_constraints = ON"]
    for what, number, value in changes:
        if what == "delete":
            statements.append(f"DELETE FROM record WHERE number = {number}")
        else:
            statements.append((f"UPDATE OR IGNORE record SET {what} = ? WHERE number = ?", (value, number)))
    spoil(made.path, *statements)
    connection = sqlite3.connect(made.path)
    connection.text_factory = bytes
    fields = "number, kind, at, body, previous, hash, typeof(kind), typeof(at), typeof(body), typeof(hash)"
    rows = {row[0]: row for row in connection.execute(f"SELECT {fields} FROM record")}
    connection.close()
    whole = {
        one.number: (
            one.number,
            *(text.encode() for text in (one.kind, one.at, canonical_json(one.body).decode(), one.previous, one.hash)),
            *[b"text"] * 4,
        )
        for one in kept.records
    }
    touched = {number for number in {*rows, *whole} if rows.get(number) != whole.get(number)}
    found = verify_chain(made.path, made.blobs, made.heads)
    named = {one.record for one in found}
    assert bool(found) == bool(touched)
    for number in touched:
        # A range of missing rows is named by its first; a record whose `previous` fits no more by the one before.
        assert any(one is not None and one <= number for one in named) or number < 1
    assert min([one for one in named if one is not None], default=1) >= min({*touched, 1})


def test_a_difference_is_one_sentence():
    one = Difference(None, "pages", "a", "b")
    assert str(one) == "The ledger, pages: found a, expected b."
    assert json.dumps([one.record, one.what, one.found, one.expected]) == '[null, "pages", "a", "b"]'


def test_a_ledger_that_cannot_be_read_at_all_is_an_error(made, monkeypatch):
    def refused(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(InputError, match="cannot be read"):
        verify_chain(made.path, None)
