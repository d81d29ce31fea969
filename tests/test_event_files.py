"""Events as Parquet: back to the bit, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from predpol_eval import Events, InputError
from predpol_eval.event_files import SCHEMA
from tests.test_events import events, read, rows, same, table_of, which_columns


@given(rows, which_columns)
def test_a_round_trip_keeps_every_bit(tmp_path_factory, found, columns):
    made = read(table_of(found, ids=True), *columns)
    path = tmp_path_factory.mktemp("events") / "crimes.parquet"
    for part in (made, made.take(np.arange(len(made)) < 1), made.select(end="2018-03-21")):
        part.to_parquet(path)
        again = Events.from_parquet(path)
        assert same(part, again)
        for name in ("happened", "happened_until", "recorded", "x", "y", "kind_code", "id"):
            one, two = getattr(part, name), getattr(again, name)
            assert (one is None) == (two is None)
            if one is not None:
                np.testing.assert_array_equal(one, two)
                assert not two.flags.writeable
        assert part.observed == again.observed
        assert part.kinds == again.kinds


def test_what_else_is_known_comes_back(tmp_path):
    made = events(
        ["2018-03-25 01:30", "2018-10-28 01:30", "2018-05-01"],
        ambiguous="later", nonexistent="shift_forward", resolution="hour",
        observed=[("2018-03-01", "2018-04-01"), ("2018-05-01", "2018-12-01")],
    )  # fmt: skip
    made.to_parquet(tmp_path / "crimes.parquet")
    again = Events.from_parquet(str(tmp_path / "crimes.parquet"))
    assert again.clock_changes == {"ambiguous": 1, "nonexistent": 1} == made.clock_changes
    assert (again.resolution, again.tz, again.crs) == ("hour", "Europe/London", "EPSG:27700")
    assert len(again.observed) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["crimes.parquet"]


def test_a_table_without_crime_comes_back(tmp_path):
    made = events(["2018-05-01"], id=["a"], observed=[("2018-05-01", "2018-06-01")]).known_at("2018-05-01")
    assert len(made) == 0
    made.to_parquet(tmp_path / "none.parquet")
    assert same(Events.from_parquet(tmp_path / "none.parquet"), made)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.parquet"):
        Events.from_parquet(tmp_path / "none.parquet")
    text = tmp_path / "text.parquet"
    text.write_text("x,y,t\n1,2,3\n")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        Events.from_parquet(text)
    other = tmp_path / "other.parquet"
    pd.DataFrame({"x": [1.0]}).to_parquet(other)
    with pytest.raises(InputError, match=r"read_events\(path, format='generic'"):
        Events.from_parquet(other)


def test_a_file_that_was_changed_is_refused(tmp_path):
    path = tmp_path / "crimes.parquet"
    events(["2018-05-01", "2018-05-02"]).to_parquet(path)
    table = pq.read_table(path)
    moved = table.set_column(table.column_names.index("x"), "x", [[1.0, 2.0]])
    pq.write_table(moved, path)
    with pytest.raises(InputError, match="changed after it was saved"):
        Events.from_parquet(path)
    header = json.loads(table.schema.metadata[b"predpol_eval"]) | {"schema": SCHEMA.replace("/1", "/99")}
    pq.write_table(table.replace_schema_metadata({"predpol_eval": json.dumps(header)}), path)
    with pytest.raises(InputError, match="events/99"):
        Events.from_parquet(path)


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "crimes.parquet"
    made = events(["2018-05-01"])
    made.to_parquet(path)

    def fail(_: object, where: Path, **__: object) -> None:
        where.write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(OSError, match="disk is full"):
        events(["2018-05-02"]).to_parquet(path)
    assert same(Events.from_parquet(path), made)
    assert [file.name for file in tmp_path.iterdir()] == ["crimes.parquet"]
