"""The ledger: what it keeps, what it refuses, and in which words."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json, sha256_of, utc_text
from predpol_eval.trial.ledger import BLOB_KEYS, LARGEST_BODY, Ledger, verify_chain
from predpol_eval.trial.ledger import schema as schema_module
from tests.trial.ledger.made import START, make, moment, rewrite, spoil


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    with Ledger.create(tmp_path / "ledger", "plan", {"name": "a trial"}, START, clock=clock) as opened:
        yield opened


@pytest.fixture
def made(tmp_path):
    return make(tmp_path)


# Records --------------------------------------------------------------------------------------------------


def test_a_record_is_hashed_with_the_hash_of_the_one_before(ledger):
    first = ledger.record(1)
    second = ledger.append("receipt", {"label": "A"}, moment(1))
    assert (first.number, second.number, len(ledger)) == (1, 2, 2)
    assert first.previous == "0" * 64
    assert second.previous == first.hash
    fields = {"number": 2, "kind": "receipt", "at": "2018-07-01T12:01:00.000000Z", "body": {"label": "A"}}
    assert second.hash == sha256_of(canonical_json({**fields, "previous": first.hash}))
    assert second.moment == moment(1)
    assert ledger.head == second == ledger.record(2)
    with pytest.raises(FrozenInstanceError):
        second.number = 3


def test_what_was_appended_is_there_when_it_is_opened_again(ledger):
    kept = [ledger.append("receipt", {"i": i, "text": "Straße \u2028 \x00 é"}, moment(i)) for i in range(1, 5)]
    ledger.close()
    ledger.close()
    with Ledger.open(ledger.path) as again, Ledger.open(str(ledger.path), read_only=True) as reading:
        assert list(again.records(since=2)) == kept == list(reading.records())[1:]
        assert again.append("receipt", {}, moment(9)).previous == kept[-1].hash
        assert len(reading) == 6


def test_the_body_given_back_is_a_copy(ledger):
    body = {"nights": ["2018-07-01"]}
    record = ledger.append("receipt", body, moment(1))
    body["nights"].append("x")
    record.body["nights"].append("y")
    assert ledger.record(2).body == {"nights": ["2018-07-01"]}


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(body=st.dictionaries(texts.filter(lambda key: key not in BLOB_KEYS), plain, max_size=4))
def test_any_plain_body_comes_back_the_same(tmp_path_factory, body):
    folder = tmp_path_factory.mktemp("any")
    with Ledger.create(folder / "ledger", "plan", {}, START) as ledger:
        record = ledger.append("note", body, START)
        assert repr(ledger.record(2).body) == repr(json.loads(canonical_json(body)))
        assert record == ledger.head
    assert verify_chain(folder / "ledger", None) == []


def test_records_are_selected_by_kind_and_number(tmp_path, monkeypatch):
    monkeypatch.setattr("predpol_eval.trial.ledger.ledger._PAGE", 3)
    with Ledger.create(tmp_path / "ledger", "plan", {}, START) as ledger:
        for number in range(2, 21):
            ledger.append("even" if number % 2 == 0 else "odd", {}, moment(number))
        numbers = [record.number for record in ledger.records()]
        assert numbers == list(range(1, 21))
        assert [record.number for record in ledger.records("even")] == list(range(2, 21, 2))
        assert [record.number for record in ledger.records("even", since=5, until=12)] == [6, 8, 10]
        assert [record.number for record in ledger.records(since=19)] == [19, 20]
        assert [record.number for record in ledger.records(since=3, until=6)] == [3, 4, 5]
        assert list(ledger.records("no such")) == list(ledger.records(since=21)) == list(ledger.records(until=1)) == []


def test_records_are_those_of_the_moment_of_asking(tmp_path, monkeypatch):
    monkeypatch.setattr("predpol_eval.trial.ledger.ledger._PAGE", 2)
    with Ledger.create(tmp_path / "ledger", "plan", {}, START) as ledger:
        seen = [ledger.append("copy", {}, START).number for _ in ledger.records()]
        asked = ledger.records()
        ledger.append("later", {}, START)
        assert (seen, [record.number for record in asked]) == ([2], [1, 2])


@pytest.mark.parametrize(
    ("number", "words"), [(0, "1 to 1"), (2, "1 to 1"), (-1, "1 to 1"), (1.5, "1.5"), ("1", "'1'")]
)
def test_a_number_that_is_none_is_refused(ledger, number, words):
    with pytest.raises(InputError, match=words):
        ledger.record(number)
    for argument in ({"since": "a"}, {"since": -1}, {"until": 1.5}, {"kind": "Receipt"}, {"kind": 5}):
        with pytest.raises(InputError, match=next(iter(argument))):
            ledger.records(**argument)


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("Receipt", {}, "small letters"),
        ("x", {}, "small letters"),
        ("a\nb", {}, "small letters"),
        ("a" * 41, {}, "small letters"),
        (None, {}, "small letters"),
        ("receipt", [], "mapping, found list"),
        ("receipt", "{}", "mapping, found str"),
        ("receipt", {"a": float("nan")}, "finite"),
        ("receipt", {"a": START}, "datetime"),
        ("receipt", {1: "a"}, "keys are texts"),
        ("receipt", {"a": "\ud800"}, "half of a character"),
        ("receipt", {"a": 10**5000}, "cannot be written"),
        ("receipt", {"a": "x" * LARGEST_BODY}, f"most is {LARGEST_BODY}"),
        ("receipt", {"file": "../../etc/passwd"}, "file is '../../etc/passwd'"),
        ("receipt", {"blobs": ["ab" * 32, "AB" * 32], "results": 5}, "(?s)blobs is 'ABAB.*results is 5"),
    ],
)
def test_what_cannot_be_recorded_is_refused_and_nothing_is_added(ledger, kind, body, words):
    with pytest.raises(InputError, match=words):
        ledger.append(kind, body, moment(1))
    assert len(ledger) == 1
    assert ledger.append("receipt", {}, moment(1)).number == 2


def test_the_largest_body_fits(ledger):
    room = LARGEST_BODY - len(canonical_json({"a": ""}))
    ledger.append("receipt", {"a": "x" * room}, moment(1))
    with pytest.raises(InputError, match="65537 bytes"):
        ledger.append("receipt", {"a": "x" * (room + 1)}, moment(1))
    ledger.close()
    assert verify_chain(ledger.path, None) == []


# Moments --------------------------------------------------------------------------------------------------


def test_a_moment_may_be_given_in_any_time_zone(ledger):
    given = datetime(2018, 7, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    assert ledger.append("receipt", {}, given).at == "2018-07-01T13:00:00.000005Z"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2018, 7, 2), "no time zone"),
        ("2018-07-02T00:00:00.000000Z", "give a datetime"),
        (1.5, "give a datetime"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "no moment in UTC"),
        (START - timedelta(microseconds=1), "order of time"),
    ],
)
def test_a_moment_that_is_none_or_too_early_is_refused(ledger, at, words):
    with pytest.raises(InputError, match=words):
        ledger.append("receipt", {}, at)
    assert ledger.append("receipt", {}, START).at == ledger.record(1).at


def test_the_clock_is_read_once_nobody_else_can_write(ledger, clock):
    begun, other = threading.Event(), Ledger.open(ledger.path, clock=clock)

    def late():
        with Ledger.open(ledger.path, clock=clock) as mine:
            begun.set()
            mine.append("receipt", {"who": "late"})

    with other, other.writing():
        thread = threading.Thread(target=late)
        thread.start()
        begun.wait(10)
        clock.now = moment(5)
        other.append("receipt", {"who": "first"})
        clock.now = moment(6)
    thread.join(30)
    assert [(record.body["who"], record.moment) for record in ledger.records(since=2)] == [
        ("first", moment(5)),
        ("late", moment(6)),
    ]


def test_a_clock_set_back_a_little_leaves_a_note(ledger, clock):
    clock.now = moment(1)
    last = ledger.append("receipt", {})
    clock.now = moment(0.25)
    record = ledger.append("receipt", {"late": True})
    note = ledger.record(3)
    assert (note.kind, note.at) == ("clock behind", last.at)
    assert note.body == {"clock": utc_text(moment(0.25)), "record": 2}
    assert (record.number, record.at) == (4, last.at)
    clock.now = moment(1)
    assert ledger.append("receipt", {}).number == 5
    ledger.close()
    assert verify_chain(ledger.path, None) == []


def test_a_clock_behind_is_noted_once_and_again_when_it_is_set_back_further(ledger, clock):
    last = ledger.append("receipt", {}, moment(1))
    for minutes in (0.25, 0.5, 0.5, 0.75):
        clock.now = moment(minutes)
        assert ledger.append("receipt", {}).at == last.at
    clock.now = moment(0.1)
    ledger.append("receipt", {})
    notes = [record.body["clock"] for record in ledger.records("clock behind")]
    assert notes == [utc_text(moment(0.25)), utc_text(moment(0.1))]
    # Once it has caught up, the next time is another event.
    for minutes in (1.5, 1.4):
        clock.now = moment(minutes)
        ledger.append("receipt", {})
    assert [record.body["clock"] for record in ledger.records("clock behind")][2:] == [utc_text(moment(1.4))]
    assert verify_chain(ledger.path, None) == []


def test_a_clock_that_is_far_behind_is_told_by_how_much_and_until_when(ledger, clock):
    last = ledger.append("closed", {}, moment(60 * 26))
    clock.now = moment(0)
    with pytest.raises(InputError) as refused:
        ledger.append("receipt", {})
    told = str(refused.value)
    assert f"The clock says {utc_text(moment(0))}, 1 day 2 hours before the last record (number 2, 'closed') of" in told
    assert f"no record can be added before {last.at}" in told
    assert "predpol-eval trial wait" in told
    assert len(ledger) == 2


def test_a_clock_set_back_far_is_refused_unless_a_person_says_so(ledger, clock):
    ledger.append("receipt", {}, moment(60))
    clock.now = moment(59)
    assert ledger.append("receipt", {}).at == utc_text(moment(60))
    clock.now = moment(58.9)
    with pytest.raises(InputError, match="If it is the clock, set it"):
        ledger.append("receipt", {})
    assert len(ledger) == 4
    with Ledger.open(ledger.path, clock=clock, lag=timedelta(hours=2)) as patient:
        assert patient.append("receipt", {}).at == utc_text(moment(60))
        assert patient.record(5).body == {"clock": utc_text(moment(58.9)), "record": 4}


def test_by_default_the_clock_is_the_machine_s(tmp_path):
    before = datetime.now(UTC)
    with Ledger.create(tmp_path / "ledger", "plan", {}) as ledger:
        assert before <= ledger.head.moment <= datetime.now(UTC)


def test_a_clock_without_time_zone_is_refused(tmp_path):
    with pytest.raises(InputError, match="no time zone"):
        Ledger.create(tmp_path / "ledger", "plan", {}, clock=lambda: datetime(2018, 7, 1))
    assert list(tmp_path.iterdir()) == []


# Several records at once ----------------------------------------------------------------------------------


def test_a_block_is_recorded_as_a_whole(ledger):
    with ledger.writing() as writer:
        assert writer is ledger
        receipt = ledger.append("receipt", {}, moment(1))
        assert ledger.head == receipt
        ledger.append("verdict", {"receipt": receipt.number}, moment(1))
        with Ledger.open(ledger.path, read_only=True) as other:
            assert len(other) == 1
    assert len(ledger) == 3


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_a_block_leaves_nothing_of_it(ledger, error):
    def block():
        with ledger.writing():
            ledger.append("receipt", {}, moment(1))
            raise error

    with pytest.raises(error):
        block()
    assert len(ledger) == 1
    assert ledger.append("receipt", {}, moment(1)).number == 2


def test_an_append_that_failed_undoes_the_block_even_if_its_error_is_swallowed(ledger, monkeypatch):
    def fails(*_):
        raise sqlite3.OperationalError("disk I/O error")

    def block():
        with ledger.writing():
            ledger.append("receipt", {}, moment(1))
            with monkeypatch.context() as patch:
                patch.setattr(ledger, "_add", fails)
                with pytest.raises(sqlite3.OperationalError):
                    ledger.append("verdict", {}, moment(1))
            with pytest.raises(InputError, match="leave the block"):
                ledger.append("verdict", {}, moment(1))

    with pytest.raises(InputError, match="none of those added with it"):
        block()
    assert len(ledger) == 1
    assert ledger.append("receipt", {}, moment(1)).number == 2


def test_a_record_that_was_refused_within_a_block_does_not_undo_it(ledger):
    with ledger.writing():
        with pytest.raises(InputError, match="small letters"):
            ledger.append("Receipt", {}, moment(1))
        ledger.append("receipt", {}, moment(1))
    assert len(ledger) == 2


def test_a_block_within_a_block_is_refused(ledger):
    with pytest.raises(InputError, match="already"), ledger.writing(), ledger.writing():
        pass
    assert ledger.append("receipt", {}, moment(1)).number == 2


def test_who_waits_too_long_for_another_writer_is_told(ledger):
    with Ledger.open(ledger.path, patience=0.05) as other, ledger.writing():
        with pytest.raises(InputError, match="Another process is writing"):
            other.append("receipt", {}, moment(1))
        assert len(other) == 1


# Files ----------------------------------------------------------------------------------------------------


def test_a_ledger_that_exists_is_not_begun_again(ledger):
    before = ledger.path.read_bytes()
    with pytest.raises(InputError, match="'ledger' already"):
        Ledger.create(ledger.path, "plan", {}, START)
    assert ledger.path.read_bytes() == before


@pytest.mark.parametrize("name", ["ledger", "ledger-wal", "ledger-shm", "ledger-journal"])
def test_nothing_is_begun_where_something_lies(tmp_path, name):
    tmp_path.joinpath(name).write_text("mine")
    with pytest.raises(InputError, match=f"'{name}' already"):
        Ledger.create(tmp_path / "ledger", "plan", {}, START)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert tmp_path.joinpath(name).read_text() == "mine"


def test_two_who_begin_at_once_do_not_overwrite_each_other(tmp_path, monkeypatch):
    append = Ledger.append

    def meanwhile(self, *arguments):
        monkeypatch.setattr(Ledger, "append", append)
        Ledger.create(tmp_path / "ledger", "plan", {"who": "first"}, START).close()
        return append(self, *arguments)

    monkeypatch.setattr(Ledger, "append", meanwhile)
    with pytest.raises(InputError, match="already"):
        Ledger.create(tmp_path / "ledger", "plan", {"who": "second"}, START)
    with Ledger.open(tmp_path / "ledger") as ledger:
        assert ledger.head.body == {"who": "first"}
    assert [path.name for path in tmp_path.iterdir()] == ["ledger"]


def test_a_ledger_that_cannot_be_begun_leaves_nothing(tmp_path):
    for kind, body, at in (("Plan", {}, START), ("plan", {"a": object()}, START), ("plan", {}, datetime(2018, 7, 1))):
        with pytest.raises(InputError):
            Ledger.create(tmp_path / "ledger", kind, body, at)
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="no folder"):
        Ledger.create(tmp_path / "none" / "ledger", "plan", {}, START)


def test_what_a_killed_beginner_left_is_swept_after_a_while(tmp_path):
    stale = tmp_path / f"ledger.{'0a' * 16}.partial-wal"
    fresh = tmp_path / f"ledger.{'0b' * 16}.partial"
    mine = tmp_path / "ledger.mine.partial"
    for path in (stale, fresh, mine):
        path.write_text("x")
    for path in (stale, mine):
        os.utime(path, (0, 0))
    Ledger.create(tmp_path / "ledger", "plan", {}, START).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["ledger", fresh.name, mine.name])


def test_a_path_with_odd_characters_works(tmp_path):
    folder = tmp_path / "a b?c#d%41é"
    folder.mkdir()
    with Ledger.create(folder / "l?edger%20#1", "plan", {}, START) as ledger:
        ledger.append("receipt", {}, moment(1))
    assert [path.name for path in folder.iterdir()] == ["l?edger%20#1"]
    assert verify_chain(folder / "l?edger%20#1", None) == []


def test_a_relative_path_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Ledger.create("ledger", "plan", {}, START).close()
    with Ledger.open("ledger") as ledger:
        assert len(ledger) == 1


def test_other_things_are_refused_in_plain_words(tmp_path, made):
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE record (number)")
    connection.close()
    newer = tmp_path / "newer"
    newer.write_bytes(made.path.read_bytes())
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    tmp_path.joinpath("empty").touch()
    tmp_path.joinpath("text").write_text("number,kind\n" * 100)
    tmp_path.joinpath("short").write_bytes(made.path.read_bytes()[:60])
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for name, words in {
        "none": "There is no ledger",
        "blobs": "is a folder",
        "other.sqlite": "another SQLite database",
        "newer": "newer version",
        "empty": "is empty",
        "text": "another kind of file",
        "short": "another kind of file",
        "a\0b": "null",
    }.items():
        for read_only in (False, True):
            with pytest.raises(InputError, match=words):
                Ledger.open(tmp_path / name, read_only)
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no plain file"):
        Ledger.open(tmp_path / "pipe")


def test_what_may_not_be_written_to_is_only_read(made, monkeypatch):
    monkeypatch.setattr(schema_module.os, "access", lambda path, mode: Path(path) != made.path)
    with pytest.raises(InputError, match=r"file is read-only.*read_only=True"):
        Ledger.open(made.path)
    with Ledger.open(made.path, read_only=True) as ledger:
        assert list(ledger.records()) == made.records
        with pytest.raises(InputError, match="opened for reading"):
            ledger.append("receipt", {}, moment(99))
        with pytest.raises(InputError, match="opened for reading"), ledger.writing():
            pass
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            ledger._connection.execute("DELETE FROM record")


def test_a_closed_ledger_says_so(ledger):
    ledger.close()
    for use in (ledger.__len__, lambda: ledger.head, lambda: ledger.append("receipt", {}), lambda: ledger.record(1)):
        with pytest.raises(InputError, match="closed"):
            use()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_must_open_it_for_itself(ledger):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            ledger.append("receipt", {}, moment(1))
        except InputError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        assert b"another process" in told.read()
    assert len(ledger) == 1


def test_another_thread_must_open_it_for_itself(ledger):
    told = []

    def use():
        try:
            len(ledger)
        except InputError as error:
            told.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(told) == 1
    assert "thread" in told[0]


# Append-only ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connect", ["ours", "another"])
def test_the_database_itself_refuses_all_but_the_next_record(made, connect):
    connection = sqlite3.connect(made.path, isolation_level=None)
    with Ledger.open(made.path) as ledger:
        if connect == "ours":
            connection.close()
            connection = ledger._connection
        last, values = made.records[-1], "VALUES (?, ?, ?, ?, ?, ?)"
        good = [13, "x1", "2018-07-01T13:00:00.000000Z", "{}", last.hash, "f" * 64]
        wrong = {
            "one more": [{0: 14}, {0: 12}, {0: None}, {0: -1}],
            "hash of the last": [{4: "0" * 64}, {4: made.records[-2].hash}, {4: None}],
            "not earlier": [{2: "2018-07-01T12:11:59.999999Z"}],
            "hash of its own": [{5: made.records[3].hash}],
            "constraint failed": [{1: None}, {2: "2018-07-02"}, {3: b"{}"}, {5: "f"}, {1: b"receipt"}],
        }
        for words, changes in wrong.items():
            for change in changes:
                row = [change.get(place, value) for place, value in enumerate(good)]
                for verb in ("INSERT", "INSERT OR REPLACE"):
                    with pytest.raises(sqlite3.IntegrityError, match=words):
                        connection.execute(f"{verb} INTO record {values}", row)
        for statement, words in {
            "UPDATE record SET kind = 'x1' WHERE number = 3": "never edited",
            "UPDATE record SET number = 99 WHERE number = 12": "never edited",
            "DELETE FROM record WHERE number = 12": "never deleted",
            "DELETE FROM record": "never deleted",
        }.items():
            with pytest.raises(sqlite3.IntegrityError, match=words):
                connection.execute(statement)
        assert list(ledger.records()) == made.records
    connection.close()


def test_every_commit_reaches_the_disk_before_it_returns(ledger):
    settings = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "busy_timeout": 60000}
    found = {name: ledger._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in settings}
    assert found == settings


def test_a_new_ledger_reaches_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done, fsync, link = [], os.fsync, os.link

    def flushed(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "link", lambda *places: (done.append("name"), link(*places)))
    Ledger.create(tmp_path / "ledger", "plan", {}, START).close()
    assert done == ["file", "name", "folder"]


def test_a_ledger_whose_layout_was_changed_is_not_written_to(made):
    spoil(made.path, keep_triggers=False)
    with pytest.raises(InputError, match=r"changed by another program.*trigger record_in_order: found none"):
        Ledger.open(made.path)
    with Ledger.open(made.path, read_only=True) as ledger:
        assert list(ledger.records()) == made.records


def test_a_record_edited_by_hand_is_not_read_and_nothing_is_built_on_it(made):
    spoil(made.path, "UPDATE record SET body = replace(body, 'accepted', 'late') WHERE number = 3")
    with Ledger.open(made.path) as ledger:
        assert ledger.record(2) == made.records[1]
        with pytest.raises(InputError, match="Record 3 of the ledger 'ledger' is not as it was written"):
            ledger.record(3)
        with pytest.raises(InputError, match="Record 3"):
            list(ledger.records())
    spoil(made.path, "UPDATE record SET at = '2018-07-01T13:12:00.000000Z' WHERE number = 12")
    with pytest.raises(InputError, match="Record 12"):
        Ledger.open(made.path)


def test_a_broken_chain_is_not_read_across(made):
    rewrite(made.path, 5, kind="other")
    kept = made.records[6]
    spoil(made.path, ("UPDATE record SET previous = ?, hash = ? WHERE number = 7", (kept.previous, kept.hash)))
    with Ledger.open(made.path, read_only=True) as ledger:
        assert ledger.record(7) == kept
        with pytest.raises(InputError, match=r"Record 7 .* does not follow record 6"):
            list(ledger.records())
    spoil(made.path, "DELETE FROM record WHERE number = 3")
    with (
        Ledger.open(made.path, read_only=True) as ledger,
        pytest.raises(InputError, match=r"Record 4 .* does not follow record 2"),
    ):
        list(ledger.records())


def test_an_empty_ledger_is_refused(made):
    spoil(made.path, "DELETE FROM record")
    with pytest.raises(InputError, match="holds no record"):
        Ledger.open(made.path)


def test_a_field_that_is_too_large_is_not_read(made):
    spoil(made.path, f"UPDATE record SET body = '{'x' * 1_100_000}' WHERE number = 4")
    with Ledger.open(made.path) as ledger, pytest.raises(InputError, match="too big"):
        ledger.record(4)
