"""Snapshots: back to the bit, described without being opened, refused when changed."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import Events, InputError
from predpol_eval.trial.canonical import canonical_json, sha256_of
from predpol_eval.trial.outcomes.snapshots import Snapshot, freeze, snapshot_of, thaw
from tests.test_events import read, rows, table_of, which_columns
from tests.trial.outcomes.towns import CRS, TZ, crimes

AT = datetime(2018, 9, 1, 12, 30, 0, 123456, tzinfo=UTC)
COLUMNS = ("happened", "happened_until", "recorded", "x", "y", "kind_code", "id")


parts = st.sampled_from([
    lambda made: made,
    lambda made: made.take(np.arange(len(made)) < 1),
    lambda made: made.select(end="2018-03-21"),
    lambda made: made.known_at("2018-03-01"),
])  # fmt: skip


@given(rows, which_columns, st.booleans(), parts)
def test_a_round_trip_keeps_every_bit(found, columns, ids, part_of):
    part = part_of(read(table_of(found, ids=ids), *columns))
    data = freeze(part, AT)
    again = thaw(data)
    for name in COLUMNS:
        one, two = getattr(part, name), getattr(again, name)
        assert (one is None) == (two is None)
        if one is not None:
            np.testing.assert_array_equal(one, two)
            assert not two.flags.writeable
    assert again.fingerprint == part.fingerprint
    assert (again.kinds, again.crs, again.tz, again.observed) == (part.kinds, CRS, TZ, part.observed)
    assert freeze(again, AT.astimezone(timezone(timedelta(hours=5)))) == data
    told = snapshot_of(data)
    assert (told.taken_at, told.sha256, told.fingerprint) == (AT, sha256_of(data), part.fingerprint)
    assert (told.crimes, told.crs, told.tz, told.forced) == (len(part), CRS, TZ, None)
    assert Snapshot.from_record(json.loads(canonical_json(told.record()))) == told


def test_what_else_is_known_comes_back_and_any_reader_of_events_reads_it(tmp_path):
    made = crimes(
        [{"t": "2018-03-25 01:30"}, {"t": "2018-10-28 01:30", "kind": "robbery"}], resolution="hour",
        observed=[("2018-03-01", "2018-04-01"), ("2018-05-01", "2018-12-01")],
    )  # fmt: skip
    made = replace(made, suspect=((np.datetime64("2018-06-01", "ns"), np.datetime64("2018-06-05", "ns")),))
    data = freeze(made, AT)
    again = thaw(data)
    assert again.clock_changes == {"ambiguous": 1, "nonexistent": 1} == made.clock_changes
    assert (again.resolution, again.suspect, again.observed) == ("hour", made.suspect, made.observed)
    (tmp_path / "blob").write_bytes(data)
    assert Events.from_parquet(tmp_path / "blob").fingerprint == made.fingerprint
    assert snapshot_of(data).suspect == ((datetime(2018, 6, 1, tzinfo=UTC), datetime(2018, 6, 5, tzinfo=UTC)),)


def test_date_and_content_both_change_the_hash():
    made = crimes([{"t": "2018-03-25 12:00"}])
    later = freeze(made, AT + timedelta(microseconds=1))
    assert (
        len({sha256_of(freeze(made, AT)), sha256_of(later), sha256_of(freeze(crimes([{"t": "2018-03-26"}]), AT))}) == 3
    )
    assert snapshot_of(later).fingerprint == snapshot_of(freeze(made, AT)).fingerprint
    assert snapshot_of(later).taken_at - AT == timedelta(microseconds=1)


def test_what_is_no_snapshot_is_refused(tmp_path):
    made = crimes([{"t": "2018-03-25 12:00"}])
    made.to_parquet(tmp_path / "plain.parquet")
    sink = io.BytesIO()
    pq.write_table(pa.table({"x": [1.0]}), sink)
    for data in (b"", b"PAR1", b"PAR1PAR1", b"x,y\n1,2\n", (tmp_path / "plain.parquet").read_bytes(), sink.getvalue()):
        with pytest.raises(InputError, match="no snapshot"):
            thaw(data)
    with pytest.raises(InputError, match="found str"):
        snapshot_of("snapshot")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no time zone"):
        freeze(made, datetime(2018, 9, 1))
    with pytest.raises(InputError, match="Expected Events"):
        freeze([1], AT)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="half of a character"):
        freeze(replace(made, id=np.array(["\ud800"])), AT)


def altered(data: bytes, column: str | None = None, **header: object) -> bytes:
    """The same Parquet with a column or parts of its headers changed."""
    table = pq.read_table(pa.BufferReader(data))
    kept = dict(table.schema.metadata)
    if column is not None:
        place = table.column_names.index(column)
        table = table.set_column(place, column, pa.array([1.0] * len(table)))
    for key, value in header.items():
        kept[b"predpol_eval.snapshot" if key == "taken_at" else b"predpol_eval"] = json.dumps(value).encode()
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(kept), sink)
    return sink.getvalue()


def test_a_changed_snapshot_is_refused():
    data = freeze(crimes([{"t": "2018-03-25 12:00"}]), AT)
    events = "predpol_eval.events/1"
    for changed in (
        altered(data, "x"),
        altered(data, taken_at={"schema": "predpol_eval.snapshot/9", "taken_at": "2018-09-01T00:00:00.000000Z"}),
        altered(data, taken_at={"schema": "predpol_eval.snapshot/1", "taken_at": "yesterday"}),
        altered(data, taken_at={"schema": "predpol_eval.snapshot/1"}),
        altered(data, taken_at=[1]),
        altered(data, events={"schema": events}),
        altered(data, events={"schema": events, "kinds": None, "observed": 3}),
        altered(data, events=[1]),
    ):
        with pytest.raises(InputError):
            thaw(changed)
    assert thaw(altered(data)).x.tolist() == [530_010.0]


@given(st.data())
def test_damaged_bytes_are_refused_or_are_the_same_crimes(data):
    whole = freeze(crimes([{"t": "2018-03-25 12:00"}, {"t": "2018-03-26 12:00", "kind": "robbery"}]), AT)
    place = data.draw(st.integers(0, len(whole) - 1))
    broken = bytearray(whole)
    broken[place] ^= 1 << data.draw(st.integers(0, 7))
    for changed in (bytes(broken), whole[:place]):
        try:
            again = thaw(changed)
        except InputError:
            continue
        assert again.fingerprint == thaw(whole).fingerprint


def moments(*texts: str) -> tuple[datetime, ...]:
    return tuple(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts)


def snapshot(
    taken: str = "2018-09-01", observed: object = (("2018-01-01", "2018-08-01"),), **others: object
) -> Snapshot:
    periods = {"observed": observed, "suspect": others.pop("suspect", ())}
    read = {name: tuple(moments(*pair) for pair in pairs) for name, pairs in periods.items()}
    plain = {"sha256": "ab" * 32, "fingerprint": "cd" * 32, "crimes": 3, "crs": CRS, "tz": TZ}
    return Snapshot(taken_at=moments(taken)[0], **read, **(plain | others))


@pytest.mark.parametrize(
    ("window", "covered"),
    [
        (("2018-01-01", "2018-01-02"), True),
        (("2017-12-31 23:59", "2018-01-02"), False),
        (("2018-02-28", "2018-03-01"), True),
        (("2018-02-28", "2018-03-01 00:01"), False),  # into a gap
        (("2018-02-28", "2018-04-03"), False),  # over a gap
        (("2018-04-30", "2018-05-01"), True),
        (("2018-04-30", "2018-05-01 00:00:01"), False),  # into doubt
        (("2018-05-01 12:00", "2018-05-01 13:00"), False),  # within it
        (("2018-05-02", "2018-05-03"), True),
        (("2018-08-31", "2018-09-01"), True),
        (("2018-08-31", "2018-09-01 00:01"), False),  # after it was taken
        (("2018-09-02", "2018-09-03"), False),
    ],
)
def test_which_windows_it_covers(window, covered):
    told = snapshot(
        observed=(("2018-01-01", "2018-03-01"), ("2018-04-01", "2018-12-01")), suspect=(("2018-05-01", "2018-05-02"),)
    )
    assert told.covers(*moments(*window)) is covered
    assert told.observed_until == moments("2018-09-01")[0]


def test_periods_are_never_made_longer():
    first, last = np.datetime64("2018-06-01T00:00:00.000000001"), np.datetime64("2018-06-05T00:00:00.000000999")
    made = replace(crimes([{"t": "2018-06-02"}]), observed=((first, last),), suspect=((first, last),))
    told = snapshot_of(freeze(made, AT))
    start, end = moments("2018-06-01", "2018-06-05")
    one = timedelta(microseconds=1)
    assert told.observed == ((start + one, end),)
    assert told.suspect == ((start, end + one),)
    assert thaw(freeze(made, AT)).observed == made.observed
    assert snapshot(observed=()).observed_until is None


def test_a_record_that_was_not_made_here_is_refused():
    body = snapshot(forced="deleted by court order").record()
    assert Snapshot.from_record(body).forced == "deleted by court order"
    assert body["blob"] == Snapshot.from_record(body).sha256 == "ab" * 32
    for change in ({"schema": "x"}, {"crimes": "3"}, {"crimes": -1}, {"crimes": True}, {"forced": 3}, {"blob": None},
                   {"observed": [["2018-01-01"]]}, {"observed": 3}, {"suspect": [["a", "b"]]}, {"taken_at": "2018"},
                   {"extra": 1}):  # fmt: skip
        with pytest.raises(InputError):
            Snapshot.from_record(body | change)
    with pytest.raises(InputError, match="it has nothing"):
        Snapshot.from_record({})
    assert "court order" in repr(Snapshot.from_record(body))
    assert "<td" in snapshot()._repr_html_()
