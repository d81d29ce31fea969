"""Tonight's extract: nothing that was not known, nothing that was not asked for, the same bytes every time."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from predpol_eval import Events, Grid, InputError, NotComparableError
from predpol_eval.trial.canonical import canonical_json, sha256_of
from predpol_eval.trial.outcomes.release import LATE, OTHER_KIND, OUTSIDE, UNUSED_AREA, make_release
from tests.trial.outcomes.towns import CRS, SECRET, TZ, Plan, X, Y, crimes, night, town, wall

GRID, PLAN = town(), Plan()
TONIGHT = night("2018-07-01")
HEADER = ["id", "kind", "x", "y", "happened", "happened_until", "recorded"]
OTHER_SECRET = bytes(reversed(SECRET))


def rows_of(release) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(release.data.decode("utf-8"), newline="")))


def name_of(crime_id: str, secret: bytes = SECRET) -> str:
    """The pseudonym, worked out by hand."""
    text = f"predpol_eval.pseudonym/1\nc\nid\n{crime_id}".encode()
    return "c" + hmac.new(secret, text, hashlib.sha256).hexdigest()[:32]


def test_a_release_by_hand():
    found = crimes([
        {"id": "HY264819", "t": "2018-06-30 21:15", "r": "2018-07-01 09:00", "x": 249.9994, "y": 10.25},
        {"id": "HY264820", "t": "2018-06-30 21:15", "u": "2018-07-01 02:30", "r": "2018-07-01 09:30:00.250",
         "x": 1010.0, "kind": "robbery"},
    ])  # fmt: skip
    release = make_release(found, PLAN, GRID, TONIGHT, SECRET)
    lines = [
        f"{name_of('HY264819')},burglary,530249.999,180010.25,2018-06-30T21:15:00+01:00,2018-06-30T21:15:00+01:00,"
        "2018-07-01T09:00:00+01:00",
        f"{name_of('HY264820')},robbery,531010,180010,2018-06-30T21:15:00+01:00,2018-07-01T02:30:00+01:00,"
        "2018-07-01T09:30:00.25+01:00",
    ]
    assert release.data.decode() == "\n".join([",".join(HEADER), *sorted(lines)]) + "\n"
    assert release.sha256 == sha256_of(release.data)
    assert (release.night, release.crimes) == ("2018-07-01", 2)
    assert set(release.left_out.values()) == {0}
    assert release.told["cut"] == release.told["known before"] == "2018-07-01T17:00:00.000000Z"
    assert (release.told["known by"], release.told["crs"], release.told["tz"]) == ("recorded", CRS, TZ)
    assert release.words == "2 crimes recorded before 2018-07-01T17:00:00.000000Z, for the night of 2018-07-01."
    record = release.record()
    assert canonical_json(record)
    assert record == {
        "night": "2018-07-01", "sha256": release.sha256, "crimes": 2, "left_out": release.left_out,
        "told": release.told,
    }  # fmt: skip
    assert len(record["left_out"]) == 4
    assert "HY2648" not in repr(release) + release._repr_html_()


def test_what_is_left_out_is_counted_once_by_the_first_reason():
    known = {"t": "2018-06-01 12:00", "r": "2018-06-02 12:00"}
    found = crimes([
        known | {"id": "in"},
        known | {"id": "at the cut", "r": "2018-07-01 18:00"},
        known | {"id": "late, other kind", "r": "2018-07-05", "kind": "arson"},
        known | {"id": "other kind, outside", "kind": "arson", "x": 9e4},
        known | {"id": "outside", "x": 9e4},
        known | {"id": "edge", "x": 1500.0},
        known | {"id": "park", "x": 500.0},
    ])  # fmt: skip
    release = make_release(found, PLAN, GRID, TONIGHT, SECRET)
    assert [row["id"] for row in rows_of(release)] == [name_of("in")]
    assert release.left_out == {LATE: 2, OTHER_KIND: 1, OUTSIDE: 2, UNUSED_AREA: 1}
    assert release.crimes + sum(release.left_out.values()) == len(found)


def test_the_cell_decides_the_area_on_the_millimetre_that_is_written():
    found = crimes(
        [{"id": "last of east", "t": "2018-06-01", "x": 499.9994}, {"id": "park", "t": "2018-06-01", "x": 499.9996}]
    )
    (row,) = rows_of(make_release(found, PLAN, GRID, TONIGHT, SECRET))
    assert (row["id"], row["x"]) == (name_of("last of east"), str(X + 499.999))
    assert GRID.cell_of(np.array([float(row["x"])]), np.array([float(row["y"])])).tolist() == [1]


def test_clock_changes_are_told_by_their_offset():
    found = crimes(
        [{"t": pd.Timestamp(text, tz="UTC")} for text in (
            "2018-03-25 00:59:59", "2018-03-25 01:00:00", "2018-10-28 00:30:00", "2018-10-28 01:30:00"
        )]
    )  # fmt: skip
    late = replace(TONIGHT, cut=wall("2018-11-01 18:00"))
    release = make_release(found, PLAN, GRID, late, SECRET)
    written = [row["happened"] for row in rows_of(release)]
    assert sorted(written) == [
        "2018-03-25T00:59:59+00:00", "2018-03-25T02:00:00+01:00", "2018-10-28T01:30:00+00:00",
        "2018-10-28T01:30:00+01:00",
    ]  # fmt: skip
    read = sorted(np.datetime64(datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)) for text in written)
    assert (np.array(read) == found.happened).all()


def test_the_cut_is_strict_on_the_clock_of_recording():
    just = pd.Timestamp("2018-07-01 17:00", tz="UTC")
    found = crimes([
        {"t": pd.Timestamp("2018-06-01", tz="UTC"), "r": just - pd.Timedelta(1, "ns"), "id": "in time"},
        {"t": pd.Timestamp("2018-06-01", tz="UTC"), "r": just, "id": "not"},
    ])  # fmt: skip
    release = make_release(found, PLAN, GRID, TONIGHT, SECRET)
    (row,) = rows_of(release)
    assert row["id"] == name_of("in time")
    assert row["recorded"] == "2018-07-01T17:59:59.999999999+01:00"


def test_without_recording_times_it_says_that_crimes_are_known_by_when_they_happened():
    found = crimes([
        {"id": "done", "t": "2018-06-01 10:00", "u": "2018-06-02 10:00"},
        {"id": "not yet over", "t": "2018-06-01 10:00", "u": "2018-07-01 18:00"},
    ])  # fmt: skip
    release = make_release(found, PLAN, GRID, TONIGHT, SECRET)
    (row,) = rows_of(release)
    assert (row["id"], row["recorded"]) == (name_of("done"), "")
    assert release.told["known by"] == "happened"
    assert "no recording time is known" in release.words


@pytest.mark.parametrize(
    ("resolution", "known"),
    [("day", ["2018-06-30 00:00"]), ("hour", ["2018-06-30 00:00", "2018-07-01 00:00", "2018-07-01 16:00"]),
     (None, ["2018-06-30 00:00", "2018-07-01 00:00", "2018-07-01 16:00", "2018-07-01 17:00"])],
)  # fmt: skip
def test_a_crime_dated_to_a_day_is_not_known_on_that_day(resolution, known):
    times = ["2018-06-30 00:00", "2018-07-01 00:00", "2018-07-01 16:00", "2018-07-01 17:00"]
    found = crimes([{"id": text, "t": text} for text in times], resolution=resolution)
    half_past = replace(TONIGHT, cut=wall("2018-07-01 17:30"))
    release = make_release(found, PLAN, GRID, half_past, SECRET)
    assert {row["id"] for row in rows_of(release)} == {name_of(text) for text in known}
    assert release.left_out[LATE] == 4 - len(known)
    # With a clock of recording there is nothing to doubt.
    recorded = crimes([{"id": text, "t": text, "r": text} for text in times], resolution=resolution)
    assert make_release(recorded, PLAN, GRID, half_past, SECRET).crimes == 4


def test_the_hour_that_occurs_twice_is_not_known_in_its_second_turn():
    found = crimes([{"id": "first", "t": pd.Timestamp("2018-10-28 00:00", tz="UTC")}], resolution="hour")
    second = replace(TONIGHT, cut=datetime(2018, 10, 28, 1, 30, tzinfo=UTC))
    assert make_release(found, PLAN, GRID, second, SECRET).crimes == 0


def test_a_night_without_a_crime_is_a_header_and_says_so():
    found = crimes([{"t": "2018-08-01", "r": "2018-08-02"}])
    release = make_release(found, PLAN, GRID, TONIGHT, SECRET)
    assert release.data.decode() == ",".join(HEADER) + "\n"
    assert release.crimes == 0
    assert release.words.startswith("No crime recorded before")
    assert release.words.endswith("The file holds its header only.")
    early = replace(TONIGHT, cut=wall("2017-07-01 18:00"))
    assert make_release(found, PLAN, GRID, early, SECRET).told["observed until"] is None


rows = st.lists(
    st.tuples(
        st.integers(0, 24 * 20),  # hours from 1 July
        st.integers(0, 40),  # hours until
        st.integers(0, 24 * 20),  # hours until recorded
        st.sampled_from(["burglary", "robbery", "arson", "=cmd|' /C calc'!A0", 'a, "b"']),
        st.floats(-100, 1700),
        st.integers(0, 9),
    ),
    max_size=14,
)  # fmt: skip
ODD_PLAN = Plan(kinds=("burglary", "robbery", "=cmd|' /C calc'!A0", 'a, "b"'))
START = pd.Timestamp("2018-07-01", tz="UTC")


def read(found, *, recorded: bool = True, uncertain: bool = True) -> Events:
    table = [
        {"id": f"Ref/2018/{number}", "kind": kind, "x": x, "y": 100.0, "t": START + pd.Timedelta(hours=hour)}
        | ({"u": START + pd.Timedelta(hours=hour + length)} if uncertain else {})
        | ({"r": START + pd.Timedelta(hours=hour + late)} if recorded else {})
        for hour, length, late, kind, x, number in found
    ]
    return crimes(table)


@given(rows, rows, st.booleans(), st.booleans(), st.integers(0, 24 * 20), st.sampled_from(["id", "content"]))
def test_the_future_never_decides_a_byte(found, future, recorded, uncertain, hours, match):
    """Poison: whatever else is recorded at or after the cut, the file is the same."""
    assume(found)
    cut = START + pd.Timedelta(hours=hours)
    tonight = replace(TONIGHT, cut=cut.to_pydatetime())
    # Known at the cut or later: the crime begins there.
    poison = [(hour + hours, length, late, kind, x, number) for hour, length, late, kind, x, number in future]
    clean = make_release(
        read(found, recorded=recorded, uncertain=uncertain), ODD_PLAN, GRID, tonight, SECRET, match=match
    )
    events = read([*found, *poison], recorded=recorded, uncertain=uncertain)
    dirty = make_release(events, ODD_PLAN, GRID, tonight, SECRET, match=match)
    assert clean.data == dirty.data
    assert dirty.left_out[LATE] == clean.left_out[LATE] + len(poison)
    known = [row for row in rows_of(dirty) if row["recorded"]]
    assert all(datetime.fromisoformat(row["recorded"]) < tonight.cut for row in known)
    assert len(known) == (dirty.crimes if recorded else 0)


@given(rows, st.booleans())
def test_growing_nights_give_out_what_was_known_and_nothing_else(found, recorded):
    assume(found)
    events = read(found, recorded=recorded)
    given_out: set[tuple[str, ...]] = set()
    for day in range(0, 44, 4):
        cut = START + pd.Timedelta(days=day)
        tonight = replace(TONIGHT, cut=cut.to_pydatetime())
        release = make_release(events, ODD_PLAN, GRID, tonight, SECRET)
        text = release.data.decode()
        assert text.splitlines()[0] == ",".join(HEADER)
        assert "Ref" not in text
        assert "2018/" not in text
        parsed = rows_of(release)
        assert all(list(row) == HEADER for row in parsed)
        assert len(parsed) == release.crimes
        assert not any(row["kind"].startswith(("=", "+", "-", "@")) for row in parsed)
        tonights = {tuple(row.values()) for row in parsed}
        # What was given out before is given out again, as it was.
        assert given_out <= tonights
        given_out |= tonights
        known = events.known_at(np.datetime64(cut.tz_localize(None), "ns"))
        cell = GRID.cells_of(known)
        label = np.where(cell >= 0, GRID.label_code.ravel()[cell], -1)
        inside = np.isin(label, [GRID.labels.index("east"), GRID.labels.index("west")])
        wanted = known.take(inside & np.isin(known.kind, ODD_PLAN.kinds))
        assert sorted(row["id"] for row in parsed) == sorted(name_of(i) for i in wanted.id)
        back = pd.to_datetime(pd.Series([row["happened"] for row in parsed], dtype=str), utc=True)
        assert sorted(back.dt.tz_localize(None).to_numpy().astype("datetime64[ns]")) == sorted(wanted.happened)
        assert sorted(row["kind"].removeprefix("'") for row in parsed) == sorted(wanted.kind)
    assert release.crimes + sum(release.left_out.values()) == len(events)


@given(rows, st.randoms(use_true_random=False))
def test_the_same_crimes_give_the_same_bytes_and_their_order_tells_nothing(found, random):
    assume(found)
    shuffled = list(found)
    random.shuffle(shuffled)
    late = replace(TONIGHT, cut=wall("2018-10-01 18:00"))
    one, two = (make_release(read(part), ODD_PLAN, GRID, late, SECRET) for part in (found, shuffled))
    assert one.data == two.data
    names = [row["id"] for row in rows_of(one)]
    assert names == sorted(names)
    other = make_release(read(found), ODD_PLAN, GRID, late, OTHER_SECRET)
    assert not set(names) & {row["id"] for row in rows_of(other)}
    assert other.crimes == one.crimes


def test_a_formula_is_a_text_and_quotes_are_doubled():
    kinds = ("=1+1", "+1", "-1", "@x", 'a "b", c', "plain\nbreak")
    found = crimes([{"kind": kind, "t": "2018-06-01"} for kind in kinds])
    release = make_release(found, Plan(kinds=kinds), GRID, TONIGHT, SECRET)
    written = {row["kind"] for row in rows_of(release)}
    assert written == {"'=1+1", "'+1", "'-1", "'@x", 'a "b", c', "plain\nbreak"}
    assert release.data.count(b"\n") == 8


def test_west_of_the_origin_and_behind_utc():
    place = Grid.from_bounds(-1000, -1000, 1000, 1000, cell=250, crs=CRS, label="east")
    found = Events.from_frame(
        pd.DataFrame({"x": [-0.5, -0.001], "y": [-999.25, 7.0], "t": ["2018-06-01 12:00"] * 2, "i": ["a", "b"]}),
        id="i", crs=CRS, tz="America/St_Johns",
    )  # fmt: skip
    plan = Plan(tz="America/St_Johns", areas=("east",), kinds=("all",))
    parsed = {row["id"]: row for row in rows_of(make_release(found, plan, place, TONIGHT, SECRET))}
    assert (parsed[name_of("a")]["x"], parsed[name_of("a")]["y"]) == ("-0.5", "-999.25")
    assert (parsed[name_of("b")]["x"], parsed[name_of("b")]["y"]) == ("-0.001", "7")
    assert parsed[name_of("b")]["happened"] == "2018-06-01T12:00:00-02:30"


def test_other_places_clocks_and_grids_are_refused():
    found = crimes([{"t": "2018-06-01"}])
    with pytest.raises(InputError, match=r"clock of Europe/London, the plan that of Europe/Paris"):
        make_release(found, Plan(tz="Europe/Paris"), GRID, TONIGHT, SECRET)
    with pytest.raises(NotComparableError, match="make the grid from the plan"):
        make_release(found, Plan(crs="EPSG:32617"), GRID, TONIGHT, SECRET)
    with pytest.raises(NotComparableError, match="no area 'north'"):
        make_release(found, Plan(areas=("east", "north")), GRID, TONIGHT, SECRET)
    with pytest.raises(InputError) as both:
        make_release(replace(found, crs="EPSG:32617", tz="Europe/Paris"), PLAN, GRID, TONIGHT, SECRET)
    assert "EPSG:32617" in str(both.value)
    assert "Europe/Paris" in str(both.value)
    with pytest.raises(InputError, match="no time zone"):
        make_release(found, PLAN, GRID, replace(TONIGHT, cut=datetime(2018, 7, 1, 18)), SECRET)
    with pytest.raises(InputError, match="Expected Events"):
        make_release(pd.DataFrame(), PLAN, GRID, TONIGHT, SECRET)


def test_numbers_of_rows_are_no_ids():
    found = Events.from_frame(
        pd.DataFrame({"x": [X, X], "y": [Y, Y], "t": ["2018-06-01", "2018-06-02"]}), crs=CRS, tz=TZ
    )
    plan = Plan(kinds=("all",))
    with pytest.raises(InputError, match="match='content'"):
        make_release(found, plan, GRID, TONIGHT, SECRET)
    assert make_release(found, plan, GRID, TONIGHT, SECRET, match="content").told["ids"] == "content"


def test_a_release_is_saved_once(tmp_path):
    found = crimes([{"t": "2018-06-01"}])
    release = make_release(found, PLAN, GRID, TONIGHT, SECRET)
    path = tmp_path / "crimes.csv"
    release.save(path)
    release.save(path)
    assert path.read_bytes() == release.data
    other = make_release(found, PLAN, GRID, TONIGHT, OTHER_SECRET)
    with pytest.raises(InputError, match="is not replaced"):
        other.save(path)
    assert [one.name for one in tmp_path.iterdir()] == ["crimes.csv"]
    assert path.read_bytes() == release.data
    with pytest.raises(InputError, match="cannot be written"):
        release.save(tmp_path / "none" / "crimes.csv")
